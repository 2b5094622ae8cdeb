"""A perceptron with one hidden layer reads handwritten digits.

What:     784 pixels -> 128 hidden units with ReLU -> dropout -> 10 classes; softmax crossentropy; Adam.
Why:      the smallest network that does something useful, and the first program of every course.
Data:     MNIST, 60,000 digits to learn from and 10,000 to test on (LeCun et al. 1998).
Hardware: two CPU cores, about 15 seconds.
Expect:   at least 97.8 % of the test digits right after 5 epochs.
Run:      python recipes/mnist_mlp.py
          python recipes/mnist_mlp.py --devices 2      (two logical CPU devices, or two GPUs, in step)
"""

import contextlib
from typing import Any

import command_line


def build() -> Any:
    """The network: h = relu(W1 x + b1), y = softmax(W2 dropout(h) + b2)."""
    import hornbook as keras
    from hornbook import layers

    return keras.Sequential(
        [
            keras.Input((28, 28)),
            layers.Flatten(),
            layers.Rescaling(1 / 255),
            layers.Dense(128, activation="relu"),
            layers.Dropout(0.2),
            layers.Dense(10, activation="softmax"),
        ]
    )


def main(arguments: Any) -> dict[str, Any]:
    """Train, test, and say how it went."""
    from hornbook_datasets import mnist

    (x_train, y_train), (x_test, y_test) = mnist.load_data()
    if arguments.smoke:
        x_train, y_train = x_train[: 2 * arguments.batch_size], y_train[: 2 * arguments.batch_size]
        x_test, y_test = x_test[:100], y_test[:100]

    import hornbook as keras
    from hornbook import distribution

    several = arguments.devices > 1
    scope = distribution.initialize("mirrored", arguments.devices).scope() if several else contextlib.nullcontext()
    epochs = 1 if arguments.smoke else arguments.epochs
    steps = epochs * -(-len(x_train) // arguments.batch_size)
    with scope:
        keras.utils.set_random_seed(arguments.seed)
        model = build()
        rate = keras.optimizers.schedules.CosineDecay(0.003, steps)
        model.compile(
            optimizer=keras.optimizers.Adam(rate), loss="sparse_categorical_crossentropy", metrics=["accuracy"]
        )
    model.summary()
    history = model.fit(x_train, y_train, batch_size=arguments.batch_size, epochs=epochs)
    loss, accuracy = model.evaluate(x_test, y_test, verbose=0)
    if arguments.out is not None:
        arguments.out.mkdir(parents=True, exist_ok=True)
        model.save(arguments.out / "mnist_mlp.keras")
    return {
        "devices": arguments.devices,
        "test_loss": loss,
        "test_accuracy": accuracy,
        "history": history.history,
    }


if __name__ == "__main__":
    options = command_line.parser(__doc__ or "", epochs=5, batch_size=32)
    options.add_argument("--devices", type=int, default=1, help="replicas that train in step (default 1)")
    command_line.run(main, options, at_least={"test_accuracy": 0.978})
