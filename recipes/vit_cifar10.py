"""A Vision Transformer sorts small photographs into ten classes.

What:     an image is cut into patches, which a Transformer reads as a sentence of vectors; a first token, which stands for
          the whole, gets the classes: loss = -log p(class | image) (Dosovitskiy et al. 2020).
Why:      a Transformer knows nothing of images at the start, not even which patches are neighbours: pretrained it is better
          than convolutions, with few images it is not. Both can be seen here.
Data:     CIFAR-10 (Krizhevsky 2009; for research): 50,000 images to learn from and 10,000 to test on. With --tiny, the first
          3,000 of these to learn from, the next 1,000 to test on.
Hardware: vit_base_21k, which has read 14 million images, on CIFAR-10 as 224 x 224: one GPU (not run here). With --tiny,
          a small ViT from scratch: one CPU core, 2 minutes.
Expect:   with --tiny 41 % of the test right; one in ten is chance.
Run:      python recipes/vit_cifar10.py --tiny
          python recipes/vit_cifar10.py --epochs 3
"""

from typing import Any

import numpy as np

import command_line


def varied(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Images (N, 32, 32, 3), half of them mirrored, each moved by up to four pixels."""
    images = np.where(rng.random((len(images), 1, 1, 1)) < 0.5, images, images[:, :, ::-1])
    around = np.pad(images, ((0, 0), (4, 4), (4, 4), (0, 0)), mode="reflect")
    windows = np.lib.stride_tricks.sliding_window_view(around, (32, 32), axis=(1, 2))  # (N, 9, 9, 3, 32, 32)
    row, column = rng.integers(9, size=(2, len(images)))
    return windows[np.arange(len(images)), row, column].transpose(0, 2, 3, 1)


def build(labels: dict[str, str]) -> Any:
    """A small ViT that reads 64 patches of 4 x 4 pixels, and what prepares its images."""
    from hornbook_hub import ImageClassifier, ImagePreprocessor
    from hornbook_hub.models.vit import ViTBackbone, ViTConfig

    config = ViTConfig(
        image_size=32,
        patch_size=4,
        hidden_size=64,
        num_hidden_layers=4,
        num_attention_heads=4,
        intermediate_size=256,
        initializer_range=0.1,
        id2label=labels,
        label2id={name: int(number) for number, name in labels.items()},
    )
    return ImageClassifier(ViTBackbone(config), ImagePreprocessor("ViTImageProcessor", size=32), len(labels))


def main(arguments: Any) -> dict[str, Any]:
    """Train, test, and say how it went."""
    from hornbook_datasets import cifar10

    labels = {str(number): name for number, name in enumerate(cifar10.info().classes)}
    parts = cifar10.load_part() if arguments.tiny else cifar10.load_data()
    (x, y), (x_test, y_test) = ((images, classes[:, 0]) for images, classes in parts)
    if arguments.smoke:
        x, y, x_test, y_test = x[: 2 * arguments.batch_size], y[: 2 * arguments.batch_size], x_test[:8], y_test[:8]

    import hornbook as keras

    keras.utils.set_random_seed(arguments.seed)
    rng = np.random.default_rng(arguments.seed)
    if arguments.tiny:
        model = build(labels)
    else:
        model = command_line.pretrained("vit_base_21k", task="image_classifier", num_classes=10, id2label=labels)
    epochs = 1 if arguments.smoke else arguments.epochs
    steps = epochs * -(-len(x) // arguments.batch_size)
    peak = 1e-3 if arguments.tiny else 5e-5
    rate = keras.optimizers.schedules.CosineDecay(0.0, steps, warmup_target=peak, warmup_steps=max(steps // 10, 1))
    model.compile(keras.optimizers.AdamW(rate, weight_decay=0.05), model.loss, metrics=["accuracy"])
    history: dict[str, list[float]] = {}
    for epoch in range(epochs):  # each epoch sees other variants
        print(f"Epoch {epoch + 1} of {epochs}")
        logs = model.fit(batches(varied(x, rng), y, arguments.batch_size, rng), verbose=2).history
        for name, values in logs.items():
            history.setdefault(name, []).extend(values)
    loss, accuracy = model.evaluate(batches(x_test, y_test, 100), verbose=0)
    print(model.classify(x_test[0], top_k=3), "is", labels[str(int(y_test[0]))])
    if arguments.out is not None:
        model.save_to_preset(arguments.out / "vit_cifar10")
    return {"test_loss": loss, "test_accuracy": accuracy, "history": history}


def batches(images: np.ndarray, classes: np.ndarray, size: int, rng: Any = None) -> Any:
    """A data set of batches, which the model's preprocessor prepares as they come; in a new order with a generator."""
    import tensorflow as tf

    order = np.arange(len(images)) if rng is None else rng.permutation(len(images))
    return tf.data.Dataset.from_tensor_slices((images[order], classes[order])).batch(size).prefetch(2)


if __name__ == "__main__":
    options = command_line.parser(__doc__ or "", epochs=8, batch_size=32)
    options = command_line.tiny(options, "a small ViT learns from 3,000 images")
    command_line.run(main, options, at_least={"test_accuracy": 0.38})
