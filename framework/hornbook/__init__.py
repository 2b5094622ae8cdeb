"""Hornbook: the Keras API in code that one person can read in a week.

>>> import hornbook as keras
>>> model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, activation="softmax")])
>>> model.output_shape
(None, 3)

The public path of a thing is where it lives: `hornbook.layers.Dense` is in `hornbook/layers/`.
"""

import importlib

from hornbook import (
    activations,
    backend,
    callbacks,
    config,
    constraints,
    distillation,
    distribution,
    export,
    initializers,
    layers,
    legacy,
    losses,
    metrics,
    mixed_precision,
    models,
    ops,
    optimizers,
    preprocessing,
    quantizers,
    random,
    regularizers,
    saving,
    tree,
    utils,
    visualization,
    wrappers,
)
from hornbook.backend import device
from hornbook.core import dtype_policies
from hornbook.core.dtype_policies import DTypePolicy, FloatDTypePolicy
from hornbook.core.input_layer import Input
from hornbook.core.keras_tensor import KerasTensor
from hornbook.core.layer import InputSpec, Layer
from hornbook.core.operation import Operation
from hornbook.core.remat import RematScope, remat
from hornbook.core.scopes import StatelessScope, SymbolicScope, name_scope
from hornbook.core.variable import Variable
from hornbook.initializers import Initializer
from hornbook.losses import Loss
from hornbook.metrics import Metric
from hornbook.models import Function, Functional, Model, Sequential
from hornbook.optimizers import Optimizer
from hornbook.quantizers import Quantizer
from hornbook.random import SeedGenerator
from hornbook.regularizers import Regularizer

__version__ = "0.1.0"


def version() -> str:
    """The version of Hornbook.

    >>> import hornbook
    >>> hornbook.version() == hornbook.__version__
    True
    """
    return __version__


__all__ = [
    "DTypePolicy",
    "FloatDTypePolicy",
    "Function",
    "Functional",
    "Initializer",
    "Input",
    "InputSpec",
    "KerasTensor",
    "Layer",
    "Loss",
    "Metric",
    "Model",
    "Operation",
    "Optimizer",
    "Quantizer",
    "Regularizer",
    "RematScope",
    "SeedGenerator",
    "Sequential",
    "StatelessScope",
    "SymbolicScope",
    "Variable",
    "__version__",
    "activations",
    "backend",
    "callbacks",
    "config",
    "constraints",
    "distillation",
    "device",
    "distribution",
    "dtype_policies",
    "export",
    "initializers",
    "layers",
    "legacy",
    "losses",
    "metrics",
    "mixed_precision",
    "models",
    "name_scope",
    "ops",
    "optimizers",
    "quantizers",
    "preprocessing",
    "random",
    "regularizers",
    "remat",
    "saving",
    "tree",
    "utils",
    "version",
    "visualization",
    "wrappers",
]


def __getattr__(name: str) -> object:
    """What is loaded when it is asked for: what stands on this package, and what needs a library of its own."""
    if name in ("applications", "automl", "datasets", "tuner"):
        return importlib.import_module(f"hornbook.{name}")
    raise AttributeError(f"module 'hornbook' has no attribute {name!r}")
