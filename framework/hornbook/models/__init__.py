"""Models: a layer that can be trained, in three manners of writing."""

from hornbook.core.registry import Family
from hornbook.models.function import Function
from hornbook.models.functional import Functional
from hornbook.models.model import Model, clone_model, model_from_json
from hornbook.models.sequential import Sequential

__all__ = ["Function", "Functional", "Model", "Sequential", "clone_model", "model_from_json"]

Model._config_module = "keras"
Functional._config_module = "keras.src.models.functional"
Functional._config_registered_name = "Functional"
family = Family(
    "models", base=Model, members={"Model": Model, "Functional": Functional, "Sequential": Sequential}, module="keras"
)


def __getattr__(name: str) -> object:
    """`models.load_model` and `models.save_model` live in `hornbook.saving`, a floor above."""
    if name in ("load_model", "save_model"):
        import importlib

        return getattr(importlib.import_module("hornbook.saving"), name)
    raise AttributeError(f"module 'hornbook.models' has no attribute {name!r}")
