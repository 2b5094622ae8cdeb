"""How weights follow their gradients: `optimizers.Adam(1e-3)`, or by name in `compile`."""

from typing import Any

from hornbook.core.registry import Family
from hornbook.optimizers import legacy, schedules
from hornbook.optimizers.adafactor import Adafactor
from hornbook.optimizers.adam import Adam, Adamax, AdamW, Lamb, Nadam
from hornbook.optimizers.adaptive import Adadelta, Adagrad, Ftrl, RMSprop
from hornbook.optimizers.base import Optimizer
from hornbook.optimizers.loss_scale import LossScaleOptimizer
from hornbook.optimizers.multi import MultiOptimizer, OptimizerMap
from hornbook.optimizers.muon import Muon
from hornbook.optimizers.schedule_free import ScheduleFreeAdamW
from hornbook.optimizers.sgd import SGD, Lion

_CLASSES = (
    Adadelta,
    Adafactor,
    Adagrad,
    Adam,
    Adamax,
    AdamW,
    Ftrl,
    Lamb,
    Lion,
    LossScaleOptimizer,
    MultiOptimizer,
    Muon,
    Nadam,
    OptimizerMap,
    RMSprop,
    SGD,
    ScheduleFreeAdamW,
)
family = Family(
    "optimizers",
    base=Optimizer,
    members={**{cls.__name__: cls for cls in _CLASSES}, **{cls.__name__.lower(): cls for cls in _CLASSES}},
)
get, deserialize = family.get, family.deserialize


def serialize(optimizer: Any) -> Any:
    """An optimizer as a config, which `deserialize` reads back.

    >>> import hornbook as keras
    >>> keras.optimizers.serialize(keras.optimizers.SGD(0.5))["config"]["learning_rate"]
    0.5
    """
    return family.serialize(optimizer)


__all__ = [
    "Adadelta",
    "Adafactor",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "Ftrl",
    "Lamb",
    "Lion",
    "LossScaleOptimizer",
    "MultiOptimizer",
    "Muon",
    "Nadam",
    "Optimizer",
    "OptimizerMap",
    "RMSprop",
    "SGD",
    "ScheduleFreeAdamW",
    "deserialize",
    "get",
    "legacy",
    "schedules",
    "serialize",
]
