"""Searches for good hyperparameters: keras-tuner's oracles and its `hp`, and tuners that a kill does not stop.

It needs keras-tuner (`pip install "hornbook[tuner]"`), which imports Keras: nothing else of Hornbook does, and
`import hornbook` loads neither before `hornbook.tuner` is asked for.
"""

try:
    from keras_tuner import HyperModel, HyperParameters, Objective, errors, synchronized
except ImportError:
    raise ImportError(
        "hornbook.tuner chooses hyperparameters by keras-tuner, which is not installed: pip install 'hornbook[tuner]'."
    ) from None

from hornbook.tuner.oracles import (
    BayesianOptimizationOracle,
    GridSearchOracle,
    HyperbandOracle,
    Oracle,
    RandomSearchOracle,
)
from hornbook.tuner.plots import plot_search
from hornbook.tuner.tuner import BayesianOptimization, GridSearch, Hyperband, RandomSearch, Tuner

__all__ = [
    "BayesianOptimization",
    "BayesianOptimizationOracle",
    "GridSearch",
    "GridSearchOracle",
    "HyperModel",
    "HyperParameters",
    "Hyperband",
    "HyperbandOracle",
    "Objective",
    "Oracle",
    "RandomSearch",
    "RandomSearchOracle",
    "Tuner",
    "errors",
    "plot_search",
    "synchronized",
]
