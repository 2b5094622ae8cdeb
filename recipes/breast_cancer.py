"""Benign or malignant? Logistic regression, as a network of one layer, and what its weights say.

What:     nine findings under the microscope, each from 1 to 10, a gap filled with the median; p = sigmoid(w x + b) with a
          penalty on large w. A weight says how much a finding speaks for cancer.
Why:      the smallest model that can be asked for its reasons; where it does the work, a larger one owes an explanation.
Data:     breast cancer, Wisconsin, 559 samples to learn from and 140 to test on (Wolberg and Mangasarian 1990). For learning
          only, not for diagnosis.
Hardware: one CPU core, about 10 seconds.
Expect:   area under the ROC curve at least 0.98; measured: 0.996. Of the malignant samples at least 95 % are found when one
          in twenty of the benign ones may be suspected as well (measured: all).
Run:      python recipes/breast_cancer.py
"""

from typing import Any

import numpy as np

import command_line


def matrix(table: dict[str, np.ndarray], medians: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """The columns side by side, (N, 9), gaps filled with the medians; and the medians."""
    x = np.stack([column.astype("float32") for column in table.values()], axis=1)
    medians = np.nanmedian(x, axis=0) if medians is None else medians
    return np.where(np.isnan(x), medians, x), medians


def main(arguments: Any) -> dict[str, Any]:
    """Train, test, and say how it went."""
    from hornbook_datasets import breast_cancer

    (table, y_train), (test_table, y_test) = breast_cancer.load_data()
    x_train, medians = matrix(table)
    x_test, _ = matrix(test_table, medians)
    if arguments.smoke:
        x_train, y_train = x_train[: 2 * arguments.batch_size], y_train[: 2 * arguments.batch_size]

    import hornbook as keras
    from hornbook import layers

    keras.utils.set_random_seed(arguments.seed)
    scale = layers.Normalization()
    scale.adapt(x_train)
    decide = layers.Dense(1, activation="sigmoid", kernel_regularizer=keras.regularizers.L2(0.001))
    model = keras.Sequential([keras.Input((len(table),)), scale, decide])
    metrics = [
        keras.metrics.AUC(num_thresholds=1000, name="area"),
        keras.metrics.SensitivityAtSpecificity(0.95, num_thresholds=1000, name="found"),
    ]
    model.compile(keras.optimizers.Adam(0.02), "binary_crossentropy", metrics=metrics)
    epochs = 1 if arguments.smoke else arguments.epochs
    history = model.fit(x_train, y_train, batch_size=arguments.batch_size, epochs=epochs, verbose=2)
    _, area, found = model.evaluate(x_test, y_test, verbose=0)

    weights = dict(zip(table, np.asarray(decide.kernel)[:, 0], strict=True))
    for name, weight in sorted(weights.items(), key=lambda row: -row[1]):
        print(f"{name:16} {weight:+.2f}")
    if arguments.out is not None:
        arguments.out.mkdir(parents=True, exist_ok=True)
        model.save(arguments.out / "breast_cancer.keras")
    return {"area": area, "found_at_5_percent_false_alarms": found, "history": history.history}


if __name__ == "__main__":
    options = command_line.parser(__doc__ or "", epochs=30, batch_size=32)
    command_line.run(main, options, at_least={"area": 0.98, "found_at_5_percent_false_alarms": 0.95})
