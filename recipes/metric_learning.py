"""Pictures as points, like beside like: also those of kinds that were never seen.

What:     a convolutional network gives a point z on a sphere; in a batch each picture is to find those of its own kind: loss
          = -mean over them of log softmax(z . z' / 0.1) (InfoNCE with labels; Khosla et al. 2020).
Why:      a classifier knows its classes and no other. A space of likeness takes in a new kind from a few examples, without
          training: faces, products, spare parts.
Data:     MNIST, each digit turned and shifted at random: 0 to 5 to learn from, and the test digits 6 to 9 (LeCun et al.
          1998).
Hardware: one CPU core, less than a minute.
Expect:   with 5 examples of each new digit, the nearest one is of the right kind for at least 62 % of the others (recall@1);
          measured: 67 %, where the distances of the pixels have 42 %; chance is 25 %.
Run:      python recipes/metric_learning.py
"""

from typing import Any

import numpy as np

import command_line

SEEN, EXAMPLES, TRIALS = 6, 5, 100


def askew(images: np.ndarray) -> np.ndarray:
    """Each turned by up to 30 degrees and shifted by up to 4 pixels, (N, 28, 28)."""
    import hornbook as keras
    from hornbook import layers

    turn, shift = layers.RandomRotation(1 / 12, "constant"), layers.RandomTranslation(1 / 7, 1 / 7, "constant")
    model = keras.Sequential([turn, shift])
    batches = np.array_split(images[..., None].astype("float32"), -(-len(images) // 1000))
    return np.concatenate([model(batch, training=True) for batch in batches])[..., 0]


def build() -> Any:
    """The network; shapes are (batch, height, width, channels)."""
    import hornbook as keras
    from hornbook import layers

    model = keras.Sequential([keras.Input((28, 28)), layers.Reshape((28, 28, 1)), layers.Rescaling(1 / 255)])
    for channels in (32, 64, 64):  # (B, 14, 14, 32), (B, 7, 7, 64), (B, 4, 4, 64)
        model.add(layers.Conv2D(channels, 3, strides=2, padding="same", use_bias=False))
        model.add(layers.BatchNormalization())
        model.add(layers.ReLU())
    model.add(layers.Flatten())
    model.add(layers.Dense(64))
    model.add(layers.UnitNormalization())
    return model


def find_ones_own(labels: Any, points: Any) -> Any:
    """-mean over the others of one's kind of log p, p = softmax over all others of z . z' / 0.1; (B,)."""
    from hornbook import ops

    labels = ops.reshape(labels, (-1, 1))
    itself = ops.eye(ops.shape(points)[0])
    likeness = ops.matmul(points, ops.transpose(points)) / 0.1 - 1e9 * itself  # (B, B)
    own = ops.cast(ops.equal(labels, ops.transpose(labels)), points.dtype) - itself
    return -ops.sum(own * ops.log_softmax(likeness), axis=1) / ops.maximum(ops.sum(own, axis=1), 1)


def recall(points: np.ndarray, labels: np.ndarray, rng: np.random.Generator) -> float:
    """How often the nearest of a few examples of each kind is of the right one: the mean over a hundred choices of them."""
    points = points.reshape(len(points), -1)
    found = []
    for _ in range(TRIALS):
        shown = np.concatenate([rng.choice(np.flatnonzero(labels == kind), EXAMPLES) for kind in np.unique(labels)])
        distances = np.sum(points[shown] ** 2, axis=1) - 2 * points @ points[shown].T  # less what is the same in a row
        others = np.setdiff1d(np.arange(len(labels)), shown)
        found.append(np.mean(labels[shown[distances[others].argmin(axis=1)]] == labels[others]))
    return float(np.mean(found))


def main(arguments: Any) -> dict[str, Any]:
    """Train on some kinds, find others, and say how it went."""
    from hornbook_datasets import mnist

    (x_train, y_train), (x_test, y_test) = mnist.load_data()
    seen, new = y_train < SEEN, y_test >= SEEN
    x_train, y_train, x_test, y_test = x_train[seen], y_train[seen], x_test[new], y_test[new]
    if arguments.smoke:
        x_train, y_train = x_train[: 2 * arguments.batch_size], y_train[: 2 * arguments.batch_size]
        x_test, y_test = x_test[:200], y_test[:200]

    import hornbook as keras

    keras.utils.set_random_seed(arguments.seed)
    x_train, x_test = askew(x_train), askew(x_test)
    model = build()
    epochs = 1 if arguments.smoke else arguments.epochs
    steps = epochs * -(-len(x_train) // arguments.batch_size)
    model.compile(keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(0.002, steps)), find_ones_own)
    history = model.fit(x_train, y_train, batch_size=arguments.batch_size, epochs=epochs)
    points = model.predict(x_test, batch_size=512, verbose=0)
    if arguments.out is not None:
        arguments.out.mkdir(parents=True, exist_ok=True)
        model.save(arguments.out / "metric_learning.keras")
    return {
        "recall_at_1": recall(points, y_test, np.random.default_rng(arguments.seed)),
        "recall_at_1_of_pixels": recall(x_test / 255, y_test, np.random.default_rng(arguments.seed)),
        "history": history.history,
    }


if __name__ == "__main__":
    options = command_line.parser(__doc__ or "", epochs=3, batch_size=128)
    command_line.run(main, options, at_least={"recall_at_1": 0.62})
