"""How many people will fly next month? One neuron that looks back a year.

What:     the logarithm turns growth by a tenth into a step; less the step of the same month a year ago, w_t = (l_t -
          l_{t-1}) - (l_{t-12} - l_{t-13}), only what is unusual is left (Box and Jenkins 1970). A neuron foretells it from
          the last 13.
Why:      a series that grows and has a season: what is known about it is put into the form of the model, and the rest is
          learned, for nine years are few.
Data:     airline passengers, 144 months: nine years to learn from, the last three to test on (Box and Jenkins 1970).
Hardware: one CPU core, about 10 seconds.
Expect:   a mean absolute error of at most 13 thousand passengers in forecasts of a month; measured: 12.0. As last month: 42;
          as a year ago: 36; as a year ago, with last month's growth over the year (w = 0): 13.4.
Run:      python recipes/airline_passengers.py
"""

from typing import Any

import numpy as np

import command_line

LAGS = 13  # months


def unusual(passengers: np.ndarray) -> np.ndarray:
    """w: how much more the logarithm grew from month to month than a year ago; the first is that of the 14th month."""
    steps = np.diff(np.log(passengers))
    return steps[12:] - steps[:-12]


def windows(w: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Thirteen in a row (N, 13), and the next (N,)."""
    rows = np.lib.stride_tricks.sliding_window_view(w, LAGS + 1)
    return rows[:, :-1], rows[:, -1]


def main(arguments: Any) -> dict[str, Any]:
    """Train, foretell, and say how it went."""
    from hornbook_datasets import airline_passengers

    (_, train), (_, test) = airline_passengers.load_data()
    series = np.concatenate([train, test]).astype("float64")

    import hornbook as keras
    from hornbook import layers

    keras.utils.set_random_seed(arguments.seed)
    x, y = windows(unusual(series[: len(train)]))
    x_test = windows(unusual(series))[0][-len(test) :]
    scale = y.std()
    neuron = layers.Dense(1, use_bias=False, kernel_initializer="zeros")
    model = keras.Sequential([keras.Input((LAGS,)), neuron])
    epochs = 2 if arguments.smoke else arguments.epochs
    steps = epochs * -(-len(x) // arguments.batch_size)
    model.compile(keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(0.01, steps)), "mse")
    history = model.fit(x / scale, y / scale, batch_size=arguments.batch_size, epochs=epochs, verbose=0)
    found = model.predict(x_test / scale, verbose=0)[:, 0] * scale

    first = len(train)
    before, year_ago, month_and_year = (series[first - lag : len(series) - lag] for lag in (1, 12, 13))
    forecasts = {
        "mean_absolute_error": before * year_ago / month_and_year * np.exp(found),
        "as_last_month": before,
        "as_a_year_ago": year_ago,
        "as_a_year_ago_with_growth": before * year_ago / month_and_year,
    }
    for month, (guess, right) in enumerate(zip(forecasts["mean_absolute_error"][-12:], test[-12:], strict=True)):
        print(f"1960-{month + 1:02}: {guess:4.0f} foretold, {right:4.0f} came")
    print("Weights, of a year ago first:", np.asarray(neuron.kernel)[:, 0].round(2))
    result = {name: float(np.mean(np.abs(guess - test))) for name, guess in forecasts.items()}
    return {**result, "history": history.history}


if __name__ == "__main__":
    options = command_line.parser(__doc__ or "", epochs=200, batch_size=16)
    command_line.run(main, options, at_most={"mean_absolute_error": 13})
