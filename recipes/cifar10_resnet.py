"""A residual network sees ten kinds of animals and vehicles.

What:     He's network for CIFAR-10: a convolution, then three stages of residual blocks x + f(x), 16, 32 and 64 channels
          wide, with f two convolutions (3 x 3) with batch normalization; each stage halves the picture; then the mean over
          what is left (He et al. 2015, section 4.2). Pictures are mirrored and shifted while it learns.
Why:      a sum lets gradients pass by, so that networks may be deep; and 3,000 pictures are few, so that they are varied.
Data:     CIFAR-10: 3,000 of its pictures to learn from and 1,000 to test on, or with --full all 50,000 and 10,000.
Hardware: one CPU core, about 3 minutes; with --full one GPU (not timed).
Expect:   at least 53 % of the 1,000 right; measured: 57 %. With all pictures and 160 epochs the paper has 91.3 % with 20
          layers; that was not run here.
Run:      python recipes/cifar10_resnet.py
"""

from typing import Any

import command_line


def residual(x: Any, channels: int, strides: int) -> Any:
    """relu(shortcut(x) + f(x)); the shortcut is x itself, or a convolution (1 x 1) where the shape changes."""
    from hornbook import layers

    shortcut = x
    if strides != 1:
        shortcut = layers.BatchNormalization()(layers.Conv2D(channels, 1, strides, use_bias=False)(x))
    x = layers.Conv2D(channels, 3, strides, padding="same", use_bias=False)(x)
    x = layers.ReLU()(layers.BatchNormalization()(x))
    x = layers.Conv2D(channels, 3, padding="same", use_bias=False)(x)
    x = layers.BatchNormalization(gamma_initializer="zeros")(x)  # a block begins as the identity
    return layers.ReLU()(layers.Add()([shortcut, x]))


def build(blocks: int = 1) -> Any:
    """The network of 6 n + 2 layers, n blocks in a stage."""
    import hornbook as keras
    from hornbook import layers

    inputs = keras.Input((32, 32, 3))
    x = layers.Rescaling(1 / 64, offset=-2)(inputs)
    x = layers.RandomFlip("horizontal")(x)
    x = layers.RandomTranslation(0.125, 0.125, fill_mode="reflect", interpolation="nearest")(x)
    x = layers.Conv2D(16, 3, padding="same", use_bias=False)(x)
    x = layers.ReLU()(layers.BatchNormalization()(x))
    for stage, channels in enumerate((16, 32, 64)):  # (B, 32, 32, 16), (B, 16, 16, 32), (B, 8, 8, 64)
        for block in range(blocks):
            x = residual(x, channels, strides=2 if stage and not block else 1)
    x = layers.GlobalAveragePooling2D()(x)  # (B, 64)
    return keras.Model(inputs, layers.Dense(10, activation="softmax")(x), name="resnet")


def main(arguments: Any) -> dict[str, Any]:
    """Train, test, and say how it went."""
    from hornbook_datasets import cifar10

    (x_train, y_train), (x_test, y_test) = cifar10.load_data() if arguments.full else cifar10.load_part()
    if arguments.smoke:
        x_train, y_train = x_train[: 2 * arguments.batch_size], y_train[: 2 * arguments.batch_size]
        x_test, y_test = x_test[:100], y_test[:100]

    import hornbook as keras

    keras.utils.set_random_seed(arguments.seed)
    model = build(3 if arguments.full else 1)
    epochs = 1 if arguments.smoke else arguments.epochs
    steps = epochs * -(-len(x_train) // arguments.batch_size)
    rate = keras.optimizers.schedules.CosineDecay(0.0, steps, warmup_target=0.01, warmup_steps=max(steps // 10, 1))
    optimizer = keras.optimizers.AdamW(rate, weight_decay=0.01)
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.summary()
    history = model.fit(x_train, y_train, batch_size=arguments.batch_size, epochs=epochs, verbose=2)
    loss, accuracy = model.evaluate(x_test, y_test, verbose=0)
    if arguments.out is not None:
        arguments.out.mkdir(parents=True, exist_ok=True)
        model.save(arguments.out / "cifar10_resnet.keras")
    return {"test_loss": loss, "test_accuracy": accuracy, "history": history.history}


if __name__ == "__main__":
    options = command_line.parser(__doc__ or "", epochs=16, batch_size=50)
    options.add_argument("--full", action="store_true", help="all pictures, and 20 layers in place of 8")
    command_line.run(main, options, at_least={"test_accuracy": 0.53})
