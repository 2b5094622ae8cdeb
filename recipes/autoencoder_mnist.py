"""Digits go through a bottleneck of 32 numbers and come out as digits; principal components of the same width are beside it.

What:     784 pixels -> 256 -> 128 -> 32 -> 128 -> 256 -> 784; the loss is the mean square of the difference to what went in
          (Hinton and Salakhutdinov 2006).
Why:      to see without a label what can be left out; and what is won over the best linear bottleneck, which is PCA.
Data:     MNIST, 60,000 digits to learn from and 10,000 to test on (LeCun et al. 1998).
Hardware: one CPU core, less than a minute.
Expect:   a mean square error of at most 0.0075 (pixels from 0 to 1); measured: 0.0065, where PCA has 0.0168.
Run:      python recipes/autoencoder_mnist.py
"""

from typing import Any

import numpy as np

import command_line

WIDTH = 32


def principal_components(x: np.ndarray, x_test: np.ndarray) -> np.ndarray:
    """The test rows as their shadows on the 32 directions in which the rows vary most: m + (x - m) V V^T."""
    mean = x.mean(axis=0)
    _, vectors = np.linalg.eigh((x - mean).T @ (x - mean))  # columns, the largest variance last
    chosen = vectors[:, -WIDTH:]
    return mean + (x_test - mean) @ chosen @ chosen.T


def build() -> tuple[Any, Any]:
    """The whole, and its first half, which gives the 32 numbers."""
    import hornbook as keras
    from hornbook import layers

    code = [layers.Dense(256, "gelu"), layers.Dense(128, "gelu"), layers.Dense(WIDTH)]
    back = [layers.Dense(128, "gelu"), layers.Dense(256, "gelu"), layers.Dense(784, "sigmoid")]
    encoder = keras.Sequential([keras.Input((784,)), *code], name="encoder")
    return keras.Sequential([keras.Input((784,)), encoder, *back], name="autoencoder"), encoder


def main(arguments: Any) -> dict[str, Any]:
    """Train, test, and say how it went."""
    from hornbook_datasets import mnist

    (x, _), (x_test, _) = mnist.load_data()
    if arguments.smoke:
        x, x_test = x[: 2 * arguments.batch_size], x_test[:100]
    x, x_test = (images.reshape(-1, 784).astype("float32") / 255 for images in (x, x_test))

    import hornbook as keras

    keras.utils.set_random_seed(arguments.seed)
    model, encoder = build()
    epochs = 1 if arguments.smoke else arguments.epochs
    steps = epochs * -(-len(x) // arguments.batch_size)
    model.compile(keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(0.002, steps)), "mse")
    model.summary()
    history = model.fit(x, x, batch_size=arguments.batch_size, epochs=epochs)
    found = model.predict(x_test, batch_size=512, verbose=0)
    if arguments.out is not None:
        arguments.out.mkdir(parents=True, exist_ok=True)
        encoder.save(arguments.out / "autoencoder_mnist.keras")
        pairs = np.concatenate([x_test[:10], found[:10]]).reshape(2, 10, 28, 28).transpose(0, 2, 1, 3)  # above, below
        keras.utils.save_img(arguments.out / "digits.png", pairs.reshape(56, 280, 1))
    return {
        "mean_square_error": float(np.mean((found - x_test) ** 2)),
        "mean_square_error_of_pca": float(np.mean((principal_components(x, x_test) - x_test) ** 2)),
        "history": history.history,
    }


if __name__ == "__main__":
    options = command_line.parser(__doc__ or "", epochs=10, batch_size=128)
    command_line.run(main, options, at_most={"mean_square_error": 0.0075})
