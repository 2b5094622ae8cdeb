"""Base of the tasks: a backbone, a head and a preprocessor as one model."""

import importlib
from collections.abc import Callable
from typing import Any

import numpy as np

import hornbook as keras
from hornbook import backend
from hornbook.core.dtype_policies import default_policy
from hornbook.core.operation import infer
from hornbook.core.registry import deserialize_keras_object, serialize_keras_object
from hornbook_hub.backbone import HubModel, own_config
from hornbook_hub.families import family_of
from hornbook_hub.preprocessing import Preprocessor
from hornbook_hub.saving import save_preset
from hornbook_hub.tokenizers import is_pair, is_text
from hornbook_hub.weights import rows_of, variable_at, written_at


class Task(HubModel, keras.Model):
    """Base of the tasks: the family's head for the task on its backbone.

    The head is called on a dictionary of the inputs and of what the backbone gives.

    Args:
        backbone: the model without a head.
        preprocessor: what turns raw inputs into the backbone's arrays; None for a model on arrays alone.
        head_arguments: arguments of the head's layer, such as the number of classes.

    >>> import hornbook_hub as hub
    >>> model = hub.load("bert_tiny")
    >>> isinstance(model, hub.Task), model.task
    (True, 'masked_lm')
    """

    task = ""

    def __init__(
        self, backbone: Any, preprocessor: Preprocessor | None = None, head_arguments: tuple = (), **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.backbone = backbone
        self.preprocessor = preprocessor
        self.head = self.make_head(*head_arguments)
        self.uses_pooler = getattr(self.head, "source", None) == "pooler_output"
        if (pooler := getattr(backbone, "pooler", None)) is not None:
            pooler.trainable = self.uses_pooler  # else no loss depends on it

    def make_head(self, *arguments: Any) -> Any:
        """The layer on the backbone: that of the family's HEADS.

        Raises:
            ValueError: for a family without one.
        """
        heads = family_of(self.backbone).HEADS
        if self.kind_of_files not in heads:
            raise ValueError(
                f"{type(self.backbone).__name__} has no head for {self.task!r}; it has heads for {sorted(heads)}."
            )
        layer, _ = heads[self.kind_of_files]
        return layer(self.backbone, *arguments, name="head")

    @property
    def kind_of_files(self) -> str:
        """The task whose head and whose name in `config.json` its files have."""
        return self.task

    def call(self, inputs: Any, training: bool | None = None) -> Any:  # a model that takes `training` is told by fit
        return self.head({**inputs, **self.backbone(inputs)})

    def _make_weights(self) -> None:
        infer(self.head, (self.backbone.output_specs,))
        self.built = True

    @property
    def tokenizer(self) -> Any:
        """The tokenizer, of models that read texts."""
        return None if self.preprocessor is None else self.preprocessor.tokenizer

    @property
    def config(self) -> Any:
        """The backbone's config."""
        return self.backbone.config

    # -- configs ---------------------------------------------------------------------------------------------------
    def get_config(self) -> dict[str, Any]:
        """What `.keras` files keep: the backbone's config, the preprocessor's files, the other arguments."""
        arguments = {
            key: value
            for key, value in self._constructor_arguments().items()
            if key not in ("backbone", "preprocessor", "name", "dtype", "trainable")
        }
        config = {**own_config(self), **arguments, "backbone": serialize_keras_object(self.backbone)}
        if self.preprocessor is not None:
            longest = getattr(self.preprocessor, "max_length", 0)
            config["preprocessor"] = {"files": self.preprocessor.files(), "max_length": longest}
        if hasattr(self, "generation_config"):
            config["generation_config"] = self.generation_config
        return config

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """The task that `get_config` described, its weights at their start.

        Raises:
            ValueError: for a preprocessor's file that would not lie in its folder.
        """
        arguments = dict(config)
        generation = arguments.pop("generation_config", None)
        with default_policy(arguments.get("dtype")):
            backbone = deserialize_keras_object(arguments.pop("backbone"))
            preprocessor = arguments.pop("preprocessor", None)
            if preprocessor is not None:
                loading = importlib.import_module("hornbook_hub.loading")
                preprocessor = loading.preprocessor_from(preprocessor["files"], preprocessor["max_length"], backbone)
            task = cls(backbone, preprocessor, **arguments)
        if generation is not None:
            task.generation_config = generation
        return task

    @classmethod
    def from_preset(cls, preset: str, **overrides: Any) -> Any:
        """This task on a preset: `hub.load(preset, task=...)`."""
        loading = importlib.import_module("hornbook_hub.loading")
        return loading.load(preset, task=cls.task, **overrides)

    # -- raw inputs ----------------------------------------------------------------------------------------------
    def encoded(self, x: Any) -> Any:
        """Raw inputs, or a data set whose batches begin with them, as the backbone's arrays; arrays as they are."""
        if backend.is_dataset(x):
            return self._encoded_dataset(x)
        if self.preprocessor is not None and self.preprocessor.takes(x):
            return self.preprocessor.encoded(x)
        if is_text(x) or is_pair(x):
            inputs = " and ".join(self.backbone.input_names)
            raise ValueError(f"{type(self).__name__} has no tokenizer, so it takes arrays of {inputs}, not texts.")
        if isinstance(x, dict):
            return {key: np.asarray(value) for key, value in x.items()}
        return x

    def _encoded_dataset(self, dataset: Any) -> Any:
        spec, preprocessor = dataset.element_spec, self.preprocessor
        first = spec[0] if isinstance(spec, tuple) else spec
        if preprocessor is None or not preprocessor.takes_batches_of(first):
            return dataset
        arrays = self.arrays
        if isinstance(spec, tuple):
            return dataset.map(lambda batch, *rest: (preprocessor.in_dataset(batch, arrays), *rest))
        return dataset.map(lambda batch: preprocessor.in_dataset(batch, arrays))

    def fit(self, x: Any = None, y: Any = None, *args: Any, validation_data: Any = None, **kwargs: Any) -> Any:
        """As `Model.fit`, on raw inputs, arrays, or data sets of either."""
        split = kwargs.get("validation_split", 0)
        if validation_data is not None and not backend.is_dataset(validation_data):
            validation_data = (self.encoded(validation_data[0]), *validation_data[1:])
        elif validation_data is not None:
            validation_data = self.encoded(validation_data)
        kwargs["validation_split"] = split
        return super().fit(self.encoded(x), y, *args, validation_data=validation_data, **kwargs)

    def evaluate(self, x: Any = None, y: Any = None, *args: Any, **kwargs: Any) -> Any:
        """As `Model.evaluate`, on raw inputs, arrays, or data sets of either."""
        return super().evaluate(self.encoded(x), y, *args, **kwargs)

    def predict(self, x: Any, *args: Any, **kwargs: Any) -> Any:
        """As `Model.predict`, on raw inputs, arrays, or data sets of either."""
        return super().predict(self.encoded(x), *args, **kwargs)

    def train_on_batch(self, x: Any, *args: Any, **kwargs: Any) -> Any:
        """As `Model.train_on_batch`, on raw inputs or arrays."""
        return super().train_on_batch(self.encoded(x), *args, **kwargs)

    def predict_on_batch(self, x: Any) -> Any:
        """As `Model.predict_on_batch`, on raw inputs or arrays."""
        return super().predict_on_batch(self.encoded(x))

    def export(
        self,
        filepath: Any,
        format: str = "tf_saved_model",
        verbose: bool | None = None,
        input_signature: Any = None,
        **kwargs: Any,
    ) -> None:
        """As `Model.export`; a SavedModel takes strings, the other formats take the preprocessor's arrays.

        The SavedModel of a model that reads texts has two signatures: "serving_default" takes `text`, strings (B,); "arrays"
        takes the arrays that the tokenizer makes. A task without a tokenizer has arrays alone.

        Raises:
            ValueError: for a tokenizer that a SavedModel cannot carry, and what `Model.export` raises.
        """
        if format != "tf_saved_model" or self.tokenizer is None or input_signature is not None:
            signature = [self.arrays] if input_signature is None else input_signature
            super().export(filepath, format, verbose, signature, **kwargs)
            return
        archive = keras.export.ExportArchive()
        on_strings = _OnStrings(self, self.tokenizer.as_layer(), name=f"{self.name}_on_strings")
        on_strings.built = True
        strings = keras.InputSpec("string", shape=(None,), name="text")
        archive.track_and_add_endpoint("serve", on_strings, [strings])
        archive.track_and_add_endpoint("arrays", self, [self.arrays])
        archive.write_out(filepath, verbose=verbose is not False, **kwargs)

    @property
    def arrays(self) -> dict[str, Any]:
        """The specs of the arrays that the backbone reads: as it declares them, else ids (batch, time)."""
        declared = getattr(self.backbone, "input_arrays", None)
        if declared is not None:
            return declared
        names = self.backbone.input_names
        return {name: keras.InputSpec("int32", shape=(None, None), name=name) for name in names}

    # -- files -----------------------------------------------------------------------------------------------------
    def weight_rows(self, at: Callable = variable_at) -> list[tuple]:
        """The rows (name in the file, what `at` finds of the model, transform) of backbone and head."""
        family, config = family_of(self.backbone), self.config
        rows, _ = rows_of(self.backbone, family.WEIGHTS, config, at)
        if self.kind_of_files == "backbone":
            return rows
        rows = [row for row in rows if self.uses_pooler or row[0] not in family.POOLER]
        head, _ = rows_of(self, family.HEADS[self.kind_of_files][1], config, at)
        return [(family.PREFIX + name, found, transform) for name, found, transform in rows] + head

    def save_to_preset(self, folder: Any, dtype: str = "float32") -> None:
        """Write config.json, model.safetensors and the tokenizer's files, in the layout that transformers opens.

        Args:
            folder: where to; made if it is not there.
            dtype: "float32", "float16" or "bfloat16": the dtype the weights are written in.
        """
        rows, more = self.weight_rows(written_at), self.more_files()
        save_preset(folder, self.backbone, self.kind_of_files, rows, self.preprocessor, dtype, more)

    def more_files(self) -> dict[str, Any]:
        """JSON files that the task adds to a preset: name -> contents."""
        return {}


class _OnStrings(keras.Model):
    """A task after its tokenizer."""

    def __init__(self, task: Task, tokenizer: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.tokenizer = tokenizer
        self.task = task

    def call(self, text: Any) -> Any:
        return self.task(self.tokenizer(text))
