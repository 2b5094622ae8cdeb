"""Tasks: a backbone, a head and a tokenizer as one model that takes raw strings.

A task knows of its backbone only what the backbone declares (its outputs, its table of pieces, its head for guessing
them), so each task is written once for all families.
"""

import importlib
import json
from pathlib import Path
from typing import Any

import numpy as np

import hornbook as keras
from hornbook import backend, layers, ops
from hornbook.core.operation import infer
from hornbook_hub.tokenizers import Tokenizer
from hornbook_hub.weights import NUMPY_DTYPES, expand, save_tensors, written_at


def family_of(backbone: Any) -> Any:
    """The module of a backbone's family: its WEIGHTS, HEADS and names."""
    return importlib.import_module(type(backbone).__module__)


class Task(keras.Model):
    """Base of the tasks.

    Args:
        backbone: the model without a head.
        tokenizer: what turns strings into the backbone's inputs; None for a model on arrays alone.
    """

    task = ""
    architecture = ""  # the name of the same task in transformers
    uses_pooler = True  # whether its files hold the pooler

    def __init__(self, backbone: Any, tokenizer: Tokenizer | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.backbone = backbone
        self.tokenizer = tokenizer

    def _make_weights(self) -> None:
        infer(self, ({"input_ids": keras.KerasTensor((None, None), "int32")},))
        self.built = True

    @property
    def preprocessor(self) -> Tokenizer | None:
        """The tokenizer, under KerasHub's name."""
        return self.tokenizer

    @property
    def config(self) -> Any:
        """The backbone's config."""
        return self.backbone.config

    @classmethod
    def from_preset(cls, preset: str, **overrides: Any) -> Any:
        """This task on a preset: `hub.load(preset, task=...)`."""
        loading = importlib.import_module("hornbook_hub.loading")
        return loading.load(preset, task=cls.task, **overrides)

    # -- strings in ----------------------------------------------------------------------------------------------
    def encoded(self, x: Any) -> Any:
        """Strings as the backbone's arrays; arrays as they are."""
        if isinstance(x, str) or (isinstance(x, list | tuple) and x and all(isinstance(t, str) for t in x)):
            return self._tokenized(x)
        if isinstance(x, np.ndarray) and x.dtype.kind in "USO":
            return self._tokenized(x.reshape(-1).tolist())
        if backend.is_dataset(x):
            return self._tokenized_dataset(x)
        if isinstance(x, dict):
            return {key: np.asarray(value) for key, value in x.items()}
        return x

    def _tokenized(self, texts: Any) -> dict[str, np.ndarray]:
        if self.tokenizer is None:
            raise ValueError(f"{type(self).__name__} has no tokenizer, so it takes arrays: {{'input_ids': ...}}.")
        return self.tokenizer(texts)

    def _tokenized_dataset(self, dataset: Any) -> Any:
        """A data set whose batches begin with strings, with arrays in their place; others as they are."""
        spec = dataset.element_spec
        first = spec[0] if isinstance(spec, tuple) else spec
        if getattr(getattr(first, "dtype", None), "name", "") != "string":
            return dataset

        def encode(texts: Any) -> dict[str, Any]:
            def on_host(texts: np.ndarray) -> list[np.ndarray]:
                arrays = self._tokenized([t.decode("utf-8") for t in texts.reshape(-1)])
                return [arrays[name] for name in names]

            names = ("attention_mask", "input_ids", "token_type_ids")
            arrays = backend.numpy_function(on_host, [texts], ["int32"] * 3)
            for array in arrays:
                array.set_shape((None, None))
            return dict(zip(names, arrays, strict=True))

        if isinstance(spec, tuple):
            return dataset.map(lambda texts, *rest: (encode(texts), *rest))
        return dataset.map(encode)

    def fit(self, x: Any = None, y: Any = None, *args: Any, validation_data: Any = None, **kwargs: Any) -> Any:
        """As `Model.fit`, on strings, arrays, or data sets of either."""
        split = kwargs.get("validation_split", 0)
        if validation_data is not None and not backend.is_dataset(validation_data):
            validation_data = (self.encoded(validation_data[0]), *validation_data[1:])
        elif validation_data is not None:
            validation_data = self.encoded(validation_data)
        kwargs["validation_split"] = split
        return super().fit(self.encoded(x), y, *args, validation_data=validation_data, **kwargs)

    def evaluate(self, x: Any = None, y: Any = None, *args: Any, **kwargs: Any) -> Any:
        """As `Model.evaluate`, on strings, arrays, or data sets of either."""
        return super().evaluate(self.encoded(x), y, *args, **kwargs)

    def predict(self, x: Any, *args: Any, **kwargs: Any) -> Any:
        """As `Model.predict`, on strings, arrays, or data sets of either."""
        return super().predict(self.encoded(x), *args, **kwargs)

    def train_on_batch(self, x: Any, *args: Any, **kwargs: Any) -> Any:
        """As `Model.train_on_batch`, on strings or arrays."""
        return super().train_on_batch(self.encoded(x), *args, **kwargs)

    def predict_on_batch(self, x: Any) -> Any:
        """As `Model.predict_on_batch`, on strings or arrays."""
        return super().predict_on_batch(self.encoded(x))

    def export(
        self,
        filepath: Any,
        format: str = "tf_saved_model",
        verbose: bool | None = None,
        input_signature: Any = None,
        **kwargs: Any,
    ) -> None:
        """As `Model.export`; a SavedModel takes strings, the other formats take the tokenizer's arrays.

        The SavedModel has two signatures: "serving_default" takes `text`, strings (B,); "arrays" takes `input_ids`,
        `attention_mask` and `token_type_ids`, int32 (B, T). A task without a tokenizer has arrays alone.

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
        """The specs of the tokenizer's arrays, with a free batch size and length."""
        names = ("input_ids", "attention_mask", "token_type_ids")
        return {name: keras.InputSpec("int32", shape=(None, None), name=name) for name in names}

    # -- files -----------------------------------------------------------------------------------------------------
    def weight_rows(self) -> list[tuple]:
        """The rows (name in the file, array, transform) of backbone and head."""
        family = family_of(self.backbone)
        count = self.config.num_hidden_layers
        prefix = family.PREFIX
        rows = [
            (prefix + name, written_at(self.backbone, path), transform)
            for name, path, transform in expand(family.WEIGHTS, count)
            if path is not None and (self.uses_pooler or name not in family.POOLER)
        ]
        heads = expand(family.HEADS[self.task], count)
        return rows + [(name, written_at(self, path), transform) for name, path, transform in heads if path is not None]

    def save_to_preset(self, folder: Any, dtype: str = "float32") -> None:
        """Write config.json, model.safetensors and the tokenizer's files, in the layout that transformers opens.

        Args:
            folder: where to; made if it is not there.
            dtype: "float32", "float16" or "bfloat16": the dtype the weights are written in.
        """
        save_preset(folder, self.config, self.architecture, self.weight_rows(), self.tokenizer, dtype)


def save_preset(
    folder: Any, config: Any, architecture: str, rows: list[tuple], tokenizer: Tokenizer | None, dtype: str = "float32"
) -> None:
    """Write a folder in Hugging Face's layout; each file is written aside and renamed, the weights last."""
    from hornbook.saving.atomic import written_aside

    if dtype not in NUMPY_DTYPES:
        raise ValueError(f"dtype must be one of {sorted(NUMPY_DTYPES)}, got {dtype!r}.")
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    described = {
        **config.to_dict(),
        "architectures": [architecture],
        "model_type": "bert",
        "dtype": dtype,
        "torch_dtype": dtype,
    }
    texts = {"config.json": json.dumps(described, indent=2, sort_keys=True) + "\n"}
    texts |= tokenizer.files() if tokenizer is not None else {}
    for name, text in texts.items():
        with written_aside(folder / name) as aside:
            aside.write_text(text, encoding="utf-8")
    tensors = {}
    for name, array, transform in rows:
        array = np.ascontiguousarray(transform(array) if transform else array)
        tensors[name] = array.astype(NUMPY_DTYPES[dtype])
    save_tensors(tensors, folder / "model.safetensors")


class MaskedLM(Task):
    """Guess the pieces that are masked: logits (B, T, vocab_size).

    With `mask_positions` (B, P) among the inputs, logits at these places alone, (B, P, vocab_size): in training that
    saves most of the work.

    >>> import hornbook_hub as hub
    >>> model = hub.load("bert_tiny", task="masked_lm")
    >>> len(model.fill_mask("The food was [MASK].", top_k=3))
    3
    """

    task, architecture, uses_pooler = "masked_lm", "BertForMaskedLM", False

    def __init__(self, backbone: Any, tokenizer: Tokenizer | None = None, **kwargs: Any) -> None:
        super().__init__(backbone, tokenizer, **kwargs)
        self.head = backbone.language_model_head()
        backbone.pooler.trainable = False  # no loss of this task depends on it
        self._make_weights()
        self.compile(
            keras.optimizers.AdamW(5e-5),
            keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            weighted_metrics=["accuracy"],
        )

    def call(self, inputs: Any) -> Any:
        hidden = self.backbone(inputs)["last_hidden_state"]
        if "mask_positions" in inputs:  # (B, P) -> logits at these places alone: (B, P, vocab_size)
            places = ops.cast(inputs["mask_positions"], "int32")
            hidden = ops.take_along_axis(hidden, ops.expand_dims(places, -1), axis=1)
        return self.head(hidden)

    def fill_mask(self, text: str, top_k: int = 5) -> list[tuple[str, float]]:
        """The likeliest pieces for the first gap of a text, with their probabilities.

        Raises:
            ValueError: for a text without the mask token.
        """
        assert self.tokenizer is not None
        arrays = self.tokenizer(text)
        places = np.flatnonzero(arrays["input_ids"][0] == self.tokenizer.mask_token_id)
        if not len(places):
            raise ValueError(f"The text needs a gap, written {self.tokenizer.mask_token}; got {text!r}.")
        logits = self.predict(arrays, verbose=0)[0, places[0]].astype("float64")
        probabilities = np.exp(logits - logits.max())
        probabilities /= probabilities.sum()
        best = np.argsort(-probabilities)[:top_k]
        return [(self.tokenizer.id_to_token(i) or "", float(probabilities[i])) for i in best]


class TextClassifier(Task):
    """Which class a text belongs to: logits (B, num_classes).

    Args:
        backbone: the model without a head.
        tokenizer: what turns strings into its inputs.
        num_classes: how many classes.

    >>> import hornbook_hub as hub
    >>> model = hub.load("bert_tiny", task="text_classifier", num_classes=3)
    >>> model.predict(["One.", "Two."], verbose=0).shape
    (2, 3)
    """

    task, architecture = "text_classifier", "BertForSequenceClassification"

    def __init__(self, backbone: Any, tokenizer: Tokenizer | None = None, num_classes: int = 2, **kwargs: Any) -> None:
        super().__init__(backbone, tokenizer, **kwargs)
        if not isinstance(num_classes, int) or num_classes < 1:
            raise ValueError(f"num_classes must be a positive integer, got {num_classes!r}.")
        self.num_classes = num_classes
        backbone.pooler.trainable = True
        self.dropout = layers.Dropout(backbone.classifier_dropout)
        initializer = keras.initializers.TruncatedNormal(stddev=0.02)
        self.classifier = layers.Dense(num_classes, kernel_initializer=initializer, name="classifier")
        if len(backbone.config.id2label or {}) != num_classes:
            backbone.config.id2label = {str(i): f"LABEL_{i}" for i in range(num_classes)}
            backbone.config.label2id = {label: int(i) for i, label in backbone.config.id2label.items()}
        self._make_weights()
        self.compile(
            keras.optimizers.AdamW(5e-5),
            keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            metrics=["accuracy"],
        )

    def call(self, inputs: Any) -> Any:
        return self.classifier(self.dropout(self.backbone(inputs)["pooler_output"]))


class _OnStrings(keras.Model):
    """A task after its tokenizer."""

    def __init__(self, task: Task, tokenizer: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.tokenizer = tokenizer
        self.task = task

    def call(self, text: Any) -> Any:
        return self.task(self.tokenizer(text))


TASKS = {"masked_lm": MaskedLM, "text_classifier": TextClassifier}
