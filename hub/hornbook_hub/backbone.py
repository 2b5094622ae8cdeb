"""Base of the backbones: a model that a config describes, with its files."""

import importlib
from typing import Any

import hornbook as keras
from hornbook.core import dtype_policies
from hornbook.saving import register_keras_serializable
from hornbook_hub.weights import rows_of, written_at


class Described:
    """Classes of the hub's own may be named by `.keras` files, as "hornbook_hub>BertBackbone"."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if cls.__module__.startswith("hornbook_hub."):
            register_keras_serializable("hornbook_hub")(cls)


class Backbone(Described, keras.Model):
    """Base of the models without a head.

    Args:
        config: the sizes.
    """

    config_class: Any
    input_names: tuple[str, ...] = ()
    preprocessor: Any = None

    def __init__(self, config: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.config = config

    @classmethod
    def from_preset(cls, preset: Any, **overrides: Any) -> Any:
        """The backbone of a preset: `hub.load(preset, task="backbone")`.

        Raises:
            ValueError: for a preset of another family.

        >>> from hornbook_hub import BertBackbone
        >>> BertBackbone.from_preset("bert_tiny").config.hidden_size
        128
        """
        model = importlib.import_module("hornbook_hub.loading").load(preset, task="backbone", **overrides)
        if not isinstance(model, cls):
            raise ValueError(f"{preset!r} is a {type(model).__name__}, not a {cls.__name__}.")
        return model

    def save_to_preset(self, folder: Any, dtype: str = "float32") -> None:
        """Write config.json, model.safetensors and the preprocessor's files, in the layout that transformers opens.

        Args:
            folder: where to; made if it is not there.
            dtype: "float32", "float16" or "bfloat16": the dtype the weights are written in.
        """
        saving = importlib.import_module("hornbook_hub.saving")  # it knows the families, which are made of this class
        rows, _ = rows_of(self, saving.family_of(self).WEIGHTS, self.config, written_at)
        saving.save_preset(folder, self, "backbone", rows, self.preprocessor, dtype)

    def get_config(self) -> dict[str, Any]:
        """Name, dtype, and the contents of `config.json`."""
        return {**own_config(self), "config": self.config.to_dict()}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """The backbone that `get_config` described, its weights at their start."""
        settings = {key: value for key, value in config.items() if key != "config"}
        with dtype_policies.default_policy(settings.get("dtype")):
            return cls(cls.config_class.from_dict(config["config"]), **settings)


def own_config(model: Any) -> dict[str, Any]:
    """What the config of any model says of it."""
    return {"name": model.name, "trainable": model.trainable, "dtype": dtype_policies.serialize(model.dtype_policy)}
