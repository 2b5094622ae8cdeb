"""A small model, the student, learns what a large one, the teacher, knows.

losses.py      what is compared: outputs, or what layers inside give
distiller.py   `Distiller`: the student with a `fit` that asks the teacher
"""

from hornbook.core.registry import Family
from hornbook.distillation.distiller import Distiller
from hornbook.distillation.losses import DistillationLoss, FeatureDistillation, LogitsDistillation

_CLASSES = (DistillationLoss, Distiller, FeatureDistillation, LogitsDistillation)
family = Family("distillation", base=object, members={cls.__name__: cls for cls in _CLASSES})

__all__ = ["DistillationLoss", "Distiller", "FeatureDistillation", "LogitsDistillation"]
