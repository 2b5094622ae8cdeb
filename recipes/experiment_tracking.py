"""One training run is written down by every tracker that is installed, and read back from each.

What:     a perceptron tells penguins apart; CSV, TensorBoard, MLflow and Weights & Biases look on, none with a network.
Why:      a number that was not written down is lost; each tracker is one callback, and what it holds is what `fit` saw.
Data:     Palmer penguins, 275 to learn from and 69 to test on (Gorman et al. 2014).
Hardware: one CPU core, about 15 seconds, of which most is the start of Weights & Biases.
Expect:   98.6 % of the test penguins right by four measures, and in CSV and MLflow the losses of the history.
Run:      python recipes/experiment_tracking.py --out runs
"""

import csv
import importlib.util
import os
import tempfile
from pathlib import Path
from typing import Any

import command_line


def trackers(folder: Path) -> dict[str, Any]:
    """The callback of each tracker that is installed, by its name; all write to a folder on this machine."""
    from hornbook import callbacks

    found: dict[str, Any] = {
        "csv": callbacks.CSVLogger(folder / "log.csv"),
        "tensorboard": callbacks.TensorBoard(folder / "tensorboard", histogram_freq=10),
    }
    if importlib.util.find_spec("mlflow"):
        os.environ["MLFLOW_TRACKING_URI"] = (folder / "mlruns").absolute().as_uri()
        os.environ["MLFLOW_ALLOW_FILE_STORE"] = "true"
        found["mlflow"] = callbacks.MLflowCallback("penguins")
    if importlib.util.find_spec("wandb"):
        os.environ.setdefault("WANDB_SILENT", "true")
        found["wandb"] = callbacks.WandbCallback(project="penguins", dir=str(folder), mode="offline")
    return found


def read_back(folder: Path) -> dict[str, list[float]]:
    """The losses that files hold, of the trackers whose files can be read without them."""
    with open(folder / "log.csv", encoding="utf-8") as file:
        losses = {"csv": [float(row["loss"]) for row in csv.DictReader(file)]}
    for path in folder.glob("mlruns/*/*/metrics/loss"):  # lines of "time value step"
        losses["mlflow"] = [float(line.split()[1]) for line in path.read_text().splitlines()]
    return losses


def main(arguments: Any) -> dict[str, Any]:
    """Train with all trackers looking on, and compare what they hold with the history."""
    import numpy as np

    from hornbook_datasets import penguins

    (x_train, y_train), (x_test, y_test) = penguins.load_data()
    measured = [name for name, column in x_train.items() if column.dtype.kind == "f"]
    x_train, x_test = (np.nan_to_num(np.stack([x[name] for name in measured], 1)) for x in (x_train, x_test))

    import hornbook as keras
    from hornbook import layers

    keras.utils.set_random_seed(arguments.seed)
    scale = layers.Normalization()
    scale.adapt(x_train)
    model = keras.Sequential([keras.Input((len(measured),)), scale, layers.Dense(32, activation="relu")])
    model.add(layers.Dense(3, activation="softmax"))
    model.compile(keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy", metrics=["accuracy"])
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(arguments.out or temporary)
        folder.mkdir(parents=True, exist_ok=True)
        looking_on = trackers(folder)
        print(f"Looking on: {', '.join(sorted(looking_on))}.")
        history = model.fit(
            x_train,
            y_train,
            batch_size=arguments.batch_size,
            epochs=2 if arguments.smoke else arguments.epochs,
            validation_split=0.2,
            verbose=0,
            callbacks=list(looking_on.values()),
        )
        held = read_back(folder)
    losses = history.history["loss"]
    return {
        "trackers": sorted(looking_on),
        "equal": {name: bool(np.allclose(kept[-len(losses) :], losses)) for name, kept in held.items()},
        "test_accuracy": model.evaluate(x_test, y_test, verbose=0)[1],
        "history": history.history,
    }


if __name__ == "__main__":
    options = command_line.parser(__doc__ or "", epochs=40, batch_size=32)
    command_line.run(main, options, at_least={"test_accuracy": 0.95})
