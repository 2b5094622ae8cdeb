"""Base of the backbones: a model that a config describes, with its files."""

import importlib
from collections.abc import Callable, Sequence
from typing import Any

import hornbook as keras
from hornbook.core import dtype_policies
from hornbook.saving import register_keras_serializable
from hornbook_hub.weights import rows_of, variable_at, written_at


class HubModel:
    """What backbones and tasks share: `.keras` files may name them ("hornbook_hub>BertBackbone"), and adapters go on them."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if cls.__module__.startswith("hornbook_hub."):
            register_keras_serializable("hornbook_hub")(cls)

    def enable_lora(
        self, rank: int, target_layer_names: Sequence[str] | None = None, lora_alpha: float | None = None
    ) -> None:
        """Leave the backbone's weights as they are, and train corrections beside the kernels of its dense layers.

        W + (lora_alpha / rank) A B, where B is zero at the start (see `hornbook.lora`). A head that has weights of its own is
        trained as before. Call it before `compile`.

        Args:
            rank: the columns of A and rows of B.
            target_layer_names: the names of the layers, such as ["query", "value"]; all dense layers if None.
            lora_alpha: how strongly the corrections count; `rank` if None.

        Raises:
            ValueError: where no layer has such a name, and what `Dense.enable_lora` raises.

        >>> import hornbook_hub as hub
        >>> model = hub.load("gpt_tiny")
        >>> model.enable_lora(4, ["queries_keys_values"])
        >>> [(weight.name, weight.shape) for weight in model.trainable_weights[:2]]
        [('lora_kernel_a', (128, 4)), ('lora_kernel_b', (4, 384))]
        """
        importlib.import_module("hornbook_hub.adapters").enable_lora(self, rank, target_layer_names, lora_alpha)

    def load_adapter(self, name: Any, merge: bool = False) -> None:
        """Put a LoRA adapter in PEFT's format on the model: corrections beside weights, and the heads that came with it.

        Args:
            name: a folder with adapter_config.json and adapter_model.safetensors, or "hf://org/name".
            merge: add the corrections to the weights; else they stay apart and can be trained, merged
                (`hornbook.lora.merge(model)`) and saved (`save_adapter`).

        Raises:
            ValueError: for an adapter of another model, with options that are not computed with here (such as DoRA), or on
                a layer that has a correction already. The model is as it was then.
            OSError: where the files cannot be had.
        """
        importlib.import_module("hornbook_hub.adapters").load_adapter(self, name, merge)

    def save_adapter(self, folder: Any) -> None:
        """Write the LoRA corrections in PEFT's format, with the head of tasks that begin with a new one.

        Args:
            folder: where to; made if it is not there.

        Raises:
            ValueError: for a model without corrections.

        >>> import hornbook_hub as hub
        >>> model = hub.load("bert_tiny")
        >>> model.enable_lora(4, ["query", "value"])
        >>> model.save_adapter("adapter")
        >>> again = hub.load("bert_tiny")
        >>> again.load_adapter("adapter", merge=True)
        """
        importlib.import_module("hornbook_hub.adapters").save_adapter(self, folder)


class Backbone(HubModel, keras.Model):
    """Base of the models without a head.

    Args:
        config: the sizes.

    >>> import hornbook_hub as hub
    >>> backbone = hub.load("bert_tiny", task="backbone")
    >>> backbone(backbone.tokenizer(["A film."]))["last_hidden_state"].shape
    TensorShape([1, 5, 128])
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

    def weight_rows(self, at: Callable = variable_at) -> list[tuple]:
        """The rows (name in the file, what `at` finds of the model, transform)."""
        family = importlib.import_module("hornbook_hub.families").family_of(self)
        return rows_of(self, family.WEIGHTS, self.config, at)[0]

    def save_to_preset(self, folder: Any, dtype: str = "float32") -> None:
        """Write config.json, model.safetensors and the preprocessor's files, in the layout that transformers opens.

        Args:
            folder: where to; made if it is not there.
            dtype: "float32", "float16" or "bfloat16": the dtype the weights are written in.
        """
        saving = importlib.import_module("hornbook_hub.saving")  # it knows the families, which are made of this class
        saving.save_preset(folder, self, "backbone", self.weight_rows(written_at), self.preprocessor, dtype)

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
