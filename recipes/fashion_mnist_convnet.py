"""A convolutional network tells ten kinds of clothes apart.

What:     a convolution that halves the picture, two more (3 x 3), each with batch normalization and ReLU, 32, 64 and 128
          channels, the last two with max pooling; then dropout and 10 classes.
Why:      the step from digits to things: shirts, coats and pullovers differ by less than 4 and 9 do.
Data:     Fashion-MNIST, 60,000 pictures to learn from and 10,000 to test on (Xiao et al. 2017).
Hardware: one CPU core, 6 minutes.
Expect:   at least 91 % of the test pictures right; measured: 91.7 %.
Run:      python recipes/fashion_mnist_convnet.py
"""

from typing import Any

import command_line


def build() -> Any:
    """The network; shapes are (batch, height, width, channels)."""
    import hornbook as keras
    from hornbook import layers

    return keras.Sequential(
        [
            keras.Input((28, 28)),
            layers.Reshape((28, 28, 1)),
            layers.Rescaling(1 / 255),
            layers.Conv2D(32, 4, strides=2, padding="same", use_bias=False),  # (B, 14, 14, 32)
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.Conv2D(64, 3, padding="same", use_bias=False),
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.MaxPooling2D(),  # (B, 7, 7, 64)
            layers.Conv2D(128, 3, padding="same", use_bias=False),
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.MaxPooling2D(),  # (B, 3, 3, 128)
            layers.Flatten(),  # (B, 1152)
            layers.Dropout(0.4),
            layers.Dense(10, activation="softmax"),
        ]
    )


def main(arguments: Any) -> dict[str, Any]:
    """Train, test, and say how it went; which two kinds are most often taken for each other."""
    import numpy as np

    from hornbook_datasets import fashion_mnist

    (x_train, y_train), (x_test, y_test) = fashion_mnist.load_data()
    if arguments.smoke:
        x_train, y_train = x_train[: 2 * arguments.batch_size], y_train[: 2 * arguments.batch_size]
        x_test, y_test = x_test[:100], y_test[:100]

    import hornbook as keras

    keras.utils.set_random_seed(arguments.seed)
    model = build()
    epochs = 1 if arguments.smoke else arguments.epochs
    steps = epochs * -(-len(x_train) // arguments.batch_size)
    rate = keras.optimizers.schedules.CosineDecay(0.003, steps)
    model.compile(keras.optimizers.Adam(rate), "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.summary()
    history = model.fit(x_train, y_train, batch_size=arguments.batch_size, epochs=epochs)

    probabilities = model.predict(x_test, batch_size=256, verbose=0)
    found = probabilities.argmax(axis=1)
    confusion = np.zeros((10, 10), int)
    np.add.at(confusion, (y_test, found), 1)
    np.fill_diagonal(confusion, 0)
    right, wrong = np.unravel_index(confusion.argmax(), confusion.shape)
    classes = fashion_mnist.info().classes
    print(f"The commonest error: {confusion.max()} times a {classes[right]} is taken for a {classes[wrong]}.")
    if arguments.out is not None:
        arguments.out.mkdir(parents=True, exist_ok=True)
        model.save(arguments.out / "fashion_mnist_convnet.keras")
    return {"test_accuracy": float(np.mean(found == y_test)), "history": history.history}


if __name__ == "__main__":
    options = command_line.parser(__doc__ or "", epochs=5, batch_size=64)
    command_line.run(main, options, at_least={"test_accuracy": 0.91})
