"""A network estimates house prices from a district's figures; a linear model is beside it.

What:     eight numbers of a district, each brought to mean 0 and variance 1, and three hidden layers of 64; it learns the
          logarithm of the price, with the loss of Huber: squares near 0, absolute values beyond.
Why:      regression, and the question to ask of every network: by how much does it beat a straight line?
Data:     California housing, 16,512 districts of 1990 to learn from and 4,128 to test on (Pace and Barry 1997).
Hardware: one CPU core, about 15 seconds.
Expect:   a mean absolute error of at most 35,000 dollars; measured: 33,400, where the linear model has 51,500.
Run:      python recipes/california_housing.py
"""

from typing import Any

import numpy as np

import command_line


def linear(x: np.ndarray, y: np.ndarray, x_test: np.ndarray) -> np.ndarray:
    """The prices that least squares finds: y = x w + b."""
    weights = np.linalg.lstsq(np.c_[x, np.ones(len(x))], y, rcond=None)[0]
    return np.c_[x_test, np.ones(len(x_test))] @ weights


def build(x_train: np.ndarray) -> Any:
    """The network; what it gives is the logarithm of the price in units of 100,000 dollars."""
    import hornbook as keras
    from hornbook import layers

    scale = layers.Normalization()
    scale.adapt(x_train)
    return keras.Sequential(
        [keras.Input((x_train.shape[1],)), scale]
        + [layers.Dense(64, activation="gelu") for _ in range(3)]
        + [layers.Dense(1)]
    )


def main(arguments: Any) -> dict[str, Any]:
    """Train, test, and say how it went."""
    from hornbook_datasets import california_housing

    (x_train, y_train), (x_test, y_test) = california_housing.load_data()
    if arguments.smoke:
        x_train, y_train = x_train[: 2 * arguments.batch_size], y_train[: 2 * arguments.batch_size]
        x_test, y_test = x_test[:100], y_test[:100]

    import hornbook as keras

    keras.utils.set_random_seed(arguments.seed)
    model = build(x_train)
    epochs = 1 if arguments.smoke else arguments.epochs
    steps = epochs * -(-len(x_train) // arguments.batch_size)
    rate = keras.optimizers.schedules.CosineDecay(0.003, steps)
    model.compile(keras.optimizers.Adam(rate), keras.losses.Huber(0.3))
    history = model.fit(x_train, np.log(y_train / 1e5), batch_size=arguments.batch_size, epochs=epochs, verbose=2)

    prices = 1e5 * np.exp(model.predict(x_test, batch_size=512, verbose=0)[:, 0])
    straight = linear(x_train, y_train, x_test)
    if arguments.out is not None:
        arguments.out.mkdir(parents=True, exist_ok=True)
        model.save(arguments.out / "california_housing.keras")
    return {
        "mean_absolute_error": float(np.mean(np.abs(prices - y_test))),
        "mean_absolute_error_of_the_linear_model": float(np.mean(np.abs(straight - y_test))),
        "root_mean_square_error": float(np.sqrt(np.mean((prices - y_test) ** 2))),
        "root_mean_square_error_of_the_linear_model": float(np.sqrt(np.mean((straight - y_test) ** 2))),
        "history": history.history,
    }


if __name__ == "__main__":
    options = command_line.parser(__doc__ or "", epochs=40, batch_size=64)
    command_line.run(main, options, at_most={"mean_absolute_error": 35_000})
