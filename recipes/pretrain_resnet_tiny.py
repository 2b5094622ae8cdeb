"""Train the tiny ResNet that is in the wheel: it tells ten kinds of clothes apart.

What:     a ResNet of 14 layers in Hugging Face's format, its stages 32, 64 and 128 channels wide (He et al. 2015), on gray
          pictures that are given as RGB, as an image of any source is; loss = -log p(class | picture).
Why:      so that examples with images run without a network, on a model that has seen something.
Data:     Fashion-MNIST, 60,000 pictures to learn from and 10,000 to test on (MIT; Xiao et al. 2017).
Hardware: two CPU cores, about 10 minutes.
Expect:   at least 90 % of the test pictures right; measured: 91.5 %.
Run:      python recipes/pretrain_resnet_tiny.py --out hub/hornbook_hub/presets/resnet_tiny
"""

from typing import Any

import numpy as np

import command_line

SIZE = 28
CARD = """# resnet_tiny

A ResNet of 14 layers, {parameters:,} parameters, that tells ten kinds of clothes apart. Made by
`recipes/pretrain_resnet_tiny.py` so that examples and tests run without a network. It is good for learning and testing, not
for work.

| | |
|---|---|
| Task | classes of pictures: {classes} |
| Data | Fashion-MNIST (Xiao et al. 2017; MIT), 60,000 pictures, {epochs} epochs |
| Test | {accuracy:.1%} of 10,000 right |
| Time | {minutes:.0f} minutes on two CPU cores |
| Weights | float16, Apache-2.0 |
"""


def build(seed: int, labels: dict[str, str]) -> Any:
    """The model with what prepares its images."""
    import hornbook as keras
    from hornbook_hub import ImageClassifier, ImagePreprocessor
    from hornbook_hub.models.resnet import ResNetBackbone, ResNetConfig

    keras.utils.set_random_seed(seed)
    config = ResNetConfig(
        embedding_size=32,
        hidden_sizes=[32, 64, 128],
        depths=[2, 2, 2],
        layer_type="basic",
        id2label=labels,
        label2id={name: int(number) for number, name in labels.items()},
    )
    return ImageClassifier(ResNetBackbone(config), ImagePreprocessor("ViTImageProcessor", size=SIZE), len(labels))


def prepared(images: np.ndarray) -> dict[str, np.ndarray]:
    """Gray pictures (N, 28, 28) as the preprocessor gives them, without the way through 70,000 images of Pillow's."""
    pixels = images.astype("float32") / 127.5 - 1
    return {"pixel_values": np.repeat(pixels[..., None], 3, axis=-1)}


def main(arguments: Any) -> dict[str, Any]:
    """Train, test, and keep the preset folder."""
    import time

    from hornbook_datasets import fashion_mnist

    started = time.perf_counter()
    (x, y), (x_test, y_test) = fashion_mnist.load_data()
    if arguments.smoke:
        x, y, x_test, y_test = x[: 2 * arguments.batch_size], y[: 2 * arguments.batch_size], x_test[:64], y_test[:64]

    import hornbook as keras

    model = build(arguments.seed, {str(number): name for number, name in enumerate(fashion_mnist.info().classes)})
    epochs = 1 if arguments.smoke else arguments.epochs
    steps = epochs * -(-len(x) // arguments.batch_size)
    rate = keras.optimizers.schedules.CosineDecay(0.0, steps, warmup_target=3e-3, warmup_steps=max(steps // 10, 1))
    model.compile(keras.optimizers.AdamW(rate, weight_decay=0.02), model.loss, metrics=["accuracy"])
    history = model.fit(prepared(x), y, batch_size=arguments.batch_size, epochs=epochs)
    loss, accuracy = model.evaluate(prepared(x_test), y_test, batch_size=256, verbose=0)
    print(model.classify(x_test[0], top_k=2), "is", fashion_mnist.info().classes[int(y_test[0])])
    if arguments.out is not None:
        card = CARD.format(
            parameters=model.count_params(),
            classes=", ".join(fashion_mnist.info().classes),
            epochs=epochs,
            accuracy=accuracy,
            minutes=(time.perf_counter() - started) / 60,
        )
        arguments.out.mkdir(parents=True, exist_ok=True)
        (arguments.out / "README.md").write_text(card)
        model.save_to_preset(arguments.out, dtype="float16")
    return {"test_loss": loss, "test_accuracy": accuracy, "history": history.history}


if __name__ == "__main__":
    options = command_line.parser(__doc__ or "", epochs=5, batch_size=64)
    command_line.run(main, options, at_least={"test_accuracy": 0.9})
