"""Searches to be killed, or run in several processes."""

import json
import os
import signal
from pathlib import Path

import numpy as np

import hornbook as keras
from hornbook import callbacks, layers, tuner
from hornbook.tuner import results as tuner_results

EPOCHS = 3


def rows(count=96):
    x = np.random.default_rng(0).normal(size=(count, 4)).astype("float32")
    return x, (x[:, :1] * x[:, 1:2]).astype("float32")


def build(hp):
    """A perceptron with dropout, so that a seed that is another one shows."""
    model = keras.Sequential([keras.Input((4,)), layers.Dense(hp.Int("units", 4, 16), activation="relu")])
    model.add(layers.Dropout(0.2))
    model.add(layers.Dense(1))
    model.compile(keras.optimizers.Adam(hp.Float("rate", 1e-3, 1e-1, sampling="log")), "mse")
    return model


def fit_arguments():
    x, y = rows()
    return {
        "x": x[:64],
        "y": y[:64],
        "batch_size": 16,
        "epochs": EPOCHS,
        "validation_data": (x[64:], y[64:]),
        "verbose": 0,
    }


def models(folder, trials=2, **options):
    """A random search over perceptrons."""
    return tuner.RandomSearch(build, "val_loss", trials, seed=5, directory=folder, project_name="models", **options)


def results(search):
    """(hyperparameters, score, best epoch) of each trial by its name."""
    return {name: (t.hyperparameters.values, t.score, t.best_step) for name, t in search.oracle.trials.items()}


class Count(callbacks.Callback):
    """Writes down each epoch that is trained."""

    def __init__(self, path):
        super().__init__()
        self.path = str(path)

    def on_epoch_end(self, epoch, logs=None):
        with open(self.path, "a") as file:
            file.write(f"{epoch}\n")


def run(folder, workers=1):
    """A whole program."""
    tuner_results.SECONDS_BETWEEN = 0
    search = models(folder)
    search.search(**fit_arguments(), callbacks=[Count(Path(folder) / "epochs")], workers=workers)


def part_of_a_cluster(folder, name, port):
    """A chief, or one of its workers."""
    os.environ.update(KERASTUNER_ORACLE_IP="127.0.0.1", KERASTUNER_ORACLE_PORT=str(port), KERASTUNER_TUNER_ID=name)
    search = models(folder)
    search.search(**fit_arguments())
    if name != "chief":
        (Path(folder) / f"{name}.json").write_text(json.dumps(search.role))


class Deadly(tuner.RandomSearch):
    """The process of its second trial is killed, once."""

    def run_trial(self, trial, **keywords):
        marker = Path(self.directory) / "killed"
        if trial.trial_id == "1" and not marker.exists():
            marker.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return trial.hyperparameters.Float("x", 0.0, 1.0)
