"""Tasks: a backbone, a head and a tokenizer as one model that takes raw strings.

A task knows of its backbone only what the backbone declares (its outputs, its table of pieces, its head for guessing
them), so each task is written once for all families.
"""

import importlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

import hornbook as keras
from hornbook import backend, layers, ops
from hornbook.core.operation import infer
from hornbook_hub.families import family_of, model_type_of
from hornbook_hub.generation import Writer
from hornbook_hub.heads import pool
from hornbook_hub.sampling import sampler_of
from hornbook_hub.tokenizers import Tokenizer
from hornbook_hub.weights import NUMPY_DTYPES, rows_of, save_tensors, variable_at, written_at


class Task(keras.Model):
    """Base of the tasks: the family's head for the task on its backbone.

    The head is called on a dictionary of the inputs and of what the backbone gives.

    Args:
        backbone: the model without a head.
        tokenizer: what turns strings into the backbone's inputs; None for a model on arrays alone.
        head_arguments: arguments of the head's layer, such as the number of classes.
    """

    task = ""

    def __init__(
        self, backbone: Any, tokenizer: Tokenizer | None = None, head_arguments: tuple = (), **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.backbone = backbone
        self.tokenizer = tokenizer
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

    def call(self, inputs: Any) -> Any:
        return self.head({**inputs, **self.backbone(inputs)})

    def _make_weights(self) -> None:
        infer(self.head, (self.backbone.output_specs,))
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
        """Strings as the backbone's arrays, and (first texts, second texts) as pairs; arrays as they are."""
        if isinstance(x, tuple) and len(x) == 2 and all(is_text(part) and not isinstance(part, str) for part in x):
            return self._tokenized(*x)
        if is_text(x):
            return self._tokenized(x)
        if backend.is_dataset(x):
            return self._tokenized_dataset(x)
        if isinstance(x, dict):
            return {key: np.asarray(value) for key, value in x.items()}
        return x

    def _tokenized(self, texts: Any, pairs: Any = None) -> dict[str, np.ndarray]:
        if self.tokenizer is None:
            raise ValueError(f"{type(self).__name__} has no tokenizer, so it takes arrays: {{'input_ids': ...}}.")
        return self.tokenizer(listed(texts), None if pairs is None else listed(pairs))

    def _tokenized_dataset(self, dataset: Any) -> Any:
        """A data set whose batches begin with strings, with arrays in their place; others as they are."""
        spec = dataset.element_spec
        first = spec[0] if isinstance(spec, tuple) else spec
        if getattr(getattr(first, "dtype", None), "name", "") != "string":
            return dataset
        if isinstance(spec, tuple):
            return dataset.map(lambda texts, *rest: (self._tokenized_in_graph(texts), *rest))
        return dataset.map(self._tokenized_in_graph)

    def _tokenized_in_graph(self, texts: Any) -> dict[str, Any]:
        """A batch of strings of a data set as the backbone's arrays."""
        names = self.backbone.input_names

        def on_host(texts: np.ndarray) -> list[np.ndarray]:
            arrays = self._tokenized([t.decode("utf-8") for t in texts.reshape(-1)])
            return [arrays[name] for name in names]

        arrays = backend.numpy_function(on_host, [texts], ["int32"] * len(names))
        for array in arrays:
            array.set_shape((None, None))
        return dict(zip(names, arrays, strict=True))

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
        save_preset(folder, self.backbone, self.kind_of_files, rows, self.tokenizer, dtype, more)

    def more_files(self) -> dict[str, Any]:
        """JSON files that the task adds to a preset: name -> contents."""
        return {}


def save_preset(
    folder: Any,
    backbone: Any,
    task: str,
    rows: list[tuple],
    tokenizer: Tokenizer | None,
    dtype: str = "float32",
    more: dict[str, Any] | None = None,
) -> None:
    """Write a folder in Hugging Face's layout; each file is written aside and renamed, the weights last."""
    from hornbook.saving.atomic import written_aside

    if dtype not in NUMPY_DTYPES:
        raise ValueError(f"dtype must be one of {sorted(NUMPY_DTYPES)}, got {dtype!r}.")
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    architectures = family_of(backbone).ARCHITECTURES
    described = {
        **backbone.config.to_dict(),
        "architectures": [next(name for name, of in architectures.items() if of == task)],
        "model_type": model_type_of(backbone),
        "dtype": dtype,
        "torch_dtype": dtype,
    }
    texts = {"config.json": json.dumps(described, indent=2, sort_keys=True) + "\n"}
    texts |= tokenizer.files() if tokenizer is not None else {}
    texts |= {name: json.dumps(contents, indent=2) + "\n" for name, contents in (more or {}).items()}
    for name, text in texts.items():
        (folder / name).parent.mkdir(exist_ok=True)
        with written_aside(folder / name) as aside:
            aside.write_text(text, encoding="utf-8")
    tensors = {}
    for name, array, transform in rows:
        array = np.ascontiguousarray(transform.write(array) if transform else array)
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

    task = "masked_lm"

    def __init__(self, backbone: Any, tokenizer: Tokenizer | None = None, **kwargs: Any) -> None:
        super().__init__(backbone, tokenizer, **kwargs)
        self._make_weights()
        self.compile(
            keras.optimizers.AdamW(5e-5),
            keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            weighted_metrics=["accuracy"],
        )

    def call(self, inputs: Any) -> Any:
        outputs = {**inputs, **self.backbone(inputs)}
        if "mask_positions" in inputs:  # (B, P) -> logits at these places alone: (B, P, vocab_size)
            places = ops.cast(inputs["mask_positions"], "int32")
            hidden = ops.take_along_axis(outputs["last_hidden_state"], ops.expand_dims(places, -1), axis=1)
            outputs = {**outputs, "last_hidden_state": hidden}
        return self.head(outputs)

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


class ReplacedTokenDetector(Task):
    """Which pieces of a text were put there by something else than its author: logits (B, T), positive for these."""

    task = "replaced_token_detector"

    def __init__(self, backbone: Any, tokenizer: Tokenizer | None = None, **kwargs: Any) -> None:
        super().__init__(backbone, tokenizer, **kwargs)
        self._make_weights()
        self.compile(keras.optimizers.AdamW(5e-5), keras.losses.BinaryCrossentropy(from_logits=True))


class CausalLM(Task):
    """What comes next in a text: logits (B, T, vocab_size).

    `fit` takes texts alone: each piece is the target of those before it.
    """

    task = "causal_lm"

    def __init__(self, backbone: Any, tokenizer: Tokenizer | None = None, **kwargs: Any) -> None:
        super().__init__(backbone, tokenizer, **kwargs)
        self.generation_config: dict[str, Any] = {}
        self._writers: dict[Any, Writer] = {}
        self._make_weights()
        self.compile(
            keras.optimizers.AdamW(2e-5),
            keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            weighted_metrics=["accuracy"],
        )

    def _targets(self, texts: Any) -> tuple[dict[str, Any], Any, Any]:
        """Arrays, the piece after each, and 1 where there is one."""
        arrays = self._tokenized(texts)
        ids, mask = arrays["input_ids"], arrays["attention_mask"]
        return {"input_ids": ids[:, :-1], "attention_mask": mask[:, :-1]}, ids[:, 1:], mask[:, 1:].astype("float32")

    def fit(self, x: Any = None, y: Any = None, *args: Any, **kwargs: Any) -> Any:
        """As `Model.fit`; of texts without targets, the pieces that follow are the targets."""
        if y is None and is_text(x):
            x, y, kwargs["sample_weight"] = self._targets(x)
        return super().fit(x, y, *args, **kwargs)

    def evaluate(self, x: Any = None, y: Any = None, *args: Any, **kwargs: Any) -> Any:
        """As `Model.evaluate`; of texts without targets, the pieces that follow are the targets."""
        if y is None and is_text(x):
            x, y, kwargs["sample_weight"] = self._targets(x)
        return super().evaluate(x, y, *args, **kwargs)

    # -- writing on --------------------------------------------------------------------------------------------------
    @property
    def end_ids(self) -> tuple[int, ...]:
        """The ids that end a text."""
        found = self.generation_config.get("eos_token_id", self.config.inert.get("eos_token_id"))
        return () if found is None else tuple(found) if isinstance(found, list | tuple) else (int(found),)

    @property
    def pad_id(self) -> int:
        """The id that stands where there is no piece."""
        found = self.generation_config.get("pad_token_id", self.config.inert.get("pad_token_id"))
        return int(found) if found is not None else self.end_ids[0] if self.end_ids else 0

    def generate(
        self,
        prompts: Any,
        max_length: int | None = None,
        max_new_tokens: int | None = None,
        sampler: Any = None,
        stop: str | Sequence[str] = (),
        seed: int | None = None,
        strip_prompt: bool = False,
        **settings: Any,
    ) -> Any:
        """Write on after prompts.

        Args:
            prompts: a text or several, or ids: a row of them, or several rows of any lengths.
            max_length: how many pieces a text may have with its prompt.
            max_new_tokens: how many pieces to write; 64 if neither is given.
            sampler: "greedy" (the default), "random", "top_k", "top_p", or a `Sampler`.
            stop: texts at which the writing ends; they are left out.
            seed: of the draws; new ones each time if None.
            strip_prompt: give what was written alone.
            settings: numbers of the sampler (`temperature`, `top_k`, `top_p`, `min_p`, `repetition_penalty`).

        Returns:
            a text for each prompt, or a list of ids for each row of ids; one alone where one was given.

        Raises:
            ValueError: for a prompt without pieces or with too many, and for settings out of range.
        """
        rows, one, texts = self._rows(prompts)
        stops = [stop] if isinstance(stop, str) else list(stop)
        if stops and not texts:
            raise ValueError("stop is for prompts that are texts, got ids.")
        written: list[list[int]] = [[] for _ in rows]
        found: list[str | None] = [None] * len(rows)
        for pieces in self._pieces(rows, max_length, max_new_tokens, sampler, seed, settings):
            for row, new in enumerate(pieces):
                written[row] += self._until_end(written[row], new)
                if stops and found[row] is None:
                    found[row] = _before(self._text_after(rows[row], written[row]), stops)
            if stops and all(
                text is not None or self._has_ended(ids) for text, ids in zip(found, written, strict=True)
            ):
                break
        if texts:
            after = [
                self._text_after(row, ids) if text is None else text
                for row, ids, text in zip(rows, written, found, strict=True)
            ]
            given = [prompts] if one else list(prompts)
            results: list[Any] = [
                text if strip_prompt else prompt + text for prompt, text in zip(given, after, strict=True)
            ]
        else:
            results = [ids if strip_prompt else [*row, *ids] for row, ids in zip(rows, written, strict=True)]
        return results[0] if one else results

    def stream(
        self,
        prompt: Any,
        max_length: int | None = None,
        max_new_tokens: int | None = None,
        sampler: Any = None,
        stop: str | Sequence[str] = (),
        seed: int | None = None,
        **settings: Any,
    ) -> Iterator[Any]:
        """What `generate` writes after one prompt, as it comes: parts of the text, or ids where the prompt is ids."""
        rows, one, texts = self._rows(prompt)
        if not one:
            raise ValueError(f"stream() writes on after one prompt, got {len(rows)}.")
        stops = [stop] if isinstance(stop, str) else list(stop)
        ids: list[int] = []
        told = 0
        for pieces in self._pieces(rows, max_length, max_new_tokens, sampler, seed, settings):
            new = self._until_end(ids, pieces[0])
            ids += new
            if not texts:
                yield from new
                continue
            text = self._text_after(rows[0], ids)
            ended = _before(text, stops)
            held = 0 if ended is not None or self._has_ended(ids) else _unsure(text, stops)
            whole = text if ended is None else ended
            if len(whole) - held > told:
                yield whole[told : len(whole) - held]
                told = len(whole) - held
            if ended is not None:
                return
        if texts and len(text := self._text_after(rows[0], ids)) > told:
            yield text[told:]

    def chat(self, messages: list[dict[str, str]], **settings: Any) -> str:
        """The answer to a conversation [{"role": "user", "content": "..."}], by the checkpoint's chat template.

        Args:
            messages: the conversation.
            settings: as `generate` has them.
        """
        assert self.tokenizer is not None
        prompt = self.tokenizer.apply_chat_template(messages)
        ids = self.tokenizer.engine.encode(prompt, add_special_tokens=False).ids
        written = self.generate(ids, strip_prompt=True, **settings)
        return self.tokenizer.decode(written)

    def score(self, texts: Any) -> list[np.ndarray]:
        """The log probability of each piece of a text after those before it, from the second piece on.

        Args:
            texts: texts, or rows of ids.
        """
        rows, _, _ = self._rows(texts)
        longest = max(map(len, rows))
        ids, mask = np.full((len(rows), longest), self.pad_id), np.zeros((len(rows), longest), "int32")
        for row, numbers in enumerate(rows):
            ids[row, : len(numbers)], mask[row, : len(numbers)] = numbers, 1
        logits = self.predict({"input_ids": ids, "attention_mask": mask}, verbose=0).astype("float64")
        logits -= logits.max(-1, keepdims=True)
        logs = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
        found = np.take_along_axis(logs[:, :-1], ids[:, 1:, None], -1)[..., 0]
        return [found[row, : len(numbers) - 1] for row, numbers in enumerate(rows)]

    def _rows(self, prompts: Any) -> tuple[list[list[int]], bool, bool]:
        """Prompts as rows of ids; whether there was one alone; whether they are texts."""
        if isinstance(prompts, str) or is_text(prompts):
            if self.tokenizer is None:
                raise ValueError(f"{type(self).__name__} has no tokenizer, so prompts are ids.")
            texts = [prompts] if isinstance(prompts, str) else list(prompts)
            rows = [self.tokenizer.encode(str(text)).ids for text in texts]
            one = isinstance(prompts, str)
        else:
            if isinstance(prompts, dict):
                mask = np.asarray(prompts.get("attention_mask", np.ones_like(prompts["input_ids"]))).astype(bool)
                prompts = [row[there] for row, there in zip(np.asarray(prompts["input_ids"]), mask, strict=True)]
            one = len(np.shape(prompts[0])) == 0
            rows = [[int(number) for number in row] for row in ([prompts] if one else prompts)]
        if not rows or not all(rows):
            raise ValueError("A prompt needs at least one piece; begin with the token that begins texts.")
        return rows, one, isinstance(prompts, str) or is_text(prompts)

    def _pieces(
        self, rows: list, max_length: int | None, count: int | None, sampler: Any, seed: int | None, settings: dict
    ) -> Iterator[np.ndarray]:
        longest = max(map(len, rows))
        if count is None:
            count = 64 if max_length is None else max_length - longest
        limit = self.config.max_length
        count = min(count, limit - longest)
        if count < 1:
            raise ValueError(
                f"There is no room to write: the longest prompt has {longest} pieces, max_length is {max_length}, and the "
                f"model has {limit} positions."
            )
        chosen = sampler_of("greedy" if sampler is None and not settings else sampler or "random")
        chosen = replace(chosen, **settings)
        key = (chosen, self.end_ids, self.pad_id)
        if key not in self._writers:
            self._writers[key] = Writer(self, *key)
        seed = int(np.random.default_rng().integers(2**31)) if seed is None else int(seed)
        return self._writers[key].write(rows, count, seed)

    def _until_end(self, before: list[int], new: Any) -> list[int]:
        """The new pieces up to the end of the text, which is left in."""
        if self._has_ended(before):
            return []
        numbers = [int(number) for number in new]
        ends = [place for place, number in enumerate(numbers) if number in self.end_ids]
        return numbers[: ends[0] + 1] if ends else numbers

    def _has_ended(self, ids: list[int]) -> bool:
        return bool(ids) and ids[-1] in self.end_ids

    def _text_after(self, prompt: list[int], ids: list[int]) -> str:
        """The text of ids that follow others: some tokenizers write a piece in another way at the beginning of a text."""
        assert self.tokenizer is not None
        whole, before = self.tokenizer.decode([*prompt, *ids]), self.tokenizer.decode(prompt)
        return whole[len(before) :] if whole.startswith(before) else self.tokenizer.decode(ids)


def listed(texts: Any) -> list[str]:
    """Texts as a list: one, several, or an array of strings or bytes."""
    several = [texts] if isinstance(texts, str) else np.asarray(texts, dtype=object).reshape(-1).tolist()
    return [text.decode("utf-8") if isinstance(text, bytes) else str(text) for text in several]


def is_text(x: Any) -> bool:
    """Whether these are texts: one, a list of them, or an array."""
    if isinstance(x, np.ndarray):
        return x.dtype.kind in "USO"
    return isinstance(x, str) or (isinstance(x, list | tuple) and bool(x) and all(isinstance(t, str) for t in x))


def _before(text: str, stops: Sequence[str]) -> str | None:
    """The text before the first of the stops; None where there is none."""
    places = [place for stop in stops if (place := text.find(stop)) >= 0]
    return text[: min(places)] if places else None


def _unsure(text: str, stops: Sequence[str]) -> int:
    """How many characters at the end may yet become something else: half a character, or the beginning of a stop."""
    held = len(text) - len(text.rstrip("\ufffd"))
    for stop in stops:
        for size in range(1, len(stop)):
            if text.endswith(stop[:size]):
                held = max(held, size)
    return held


class Classifier(Task):
    """Base of the tasks that choose among classes.

    Args:
        backbone: the model without a head.
        tokenizer: what turns strings into its inputs.
        num_classes: how many classes.
    """

    def __init__(self, backbone: Any, tokenizer: Tokenizer | None = None, num_classes: int = 2, **kwargs: Any) -> None:
        if not isinstance(num_classes, int) or num_classes < 1:
            raise ValueError(f"num_classes must be a positive integer, got {num_classes!r}.")
        super().__init__(backbone, tokenizer, (num_classes,), **kwargs)
        self.num_classes = num_classes
        backbone.config.set_classes(num_classes)
        self._make_weights()
        self.compile(
            keras.optimizers.AdamW(5e-5),
            keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            weighted_metrics=["accuracy"],
        )

    @property
    def labels(self) -> list[str]:
        """The names of the classes."""
        return [self.config.id2label[key] for key in sorted(self.config.id2label, key=int)]


class TextClassifier(Classifier):
    """Which class a text belongs to: logits (B, num_classes).

    >>> import hornbook_hub as hub
    >>> model = hub.load("bert_tiny", task="text_classifier", num_classes=3)
    >>> model.predict(["One.", "Two."], verbose=0).shape
    (2, 3)
    """

    task = "text_classifier"


class TokenClassifier(Classifier):
    """Which class each piece of a text belongs to, such as the names in it: logits (B, T, num_classes).

    >>> import hornbook_hub as hub
    >>> model = hub.load("bert_tiny", task="token_classifier", num_classes=5)
    >>> model.predict(["a good film"], verbose=0).shape
    (1, 5, 5)
    """

    task = "token_classifier"

    def find(self, text: str) -> list[dict[str, Any]]:
        """The parts of a text that are not of class 0 ("O"), each a run of pieces of one class.

        Labels that begin with "B-" and "I-" are told apart as usual: "B-" begins a new part.

        Returns:
            [{"label", "text", "start", "end", "score"}]: places in characters, the mean probability of the label.
        """
        assert self.tokenizer is not None
        encoding = self.tokenizer.encode(text)
        arrays = self.tokenizer([text])
        logits = self.predict(arrays, verbose=0)[0].astype("float64")
        probabilities = np.exp(logits - logits.max(-1, keepdims=True))
        probabilities /= probabilities.sum(-1, keepdims=True)
        found: list[dict[str, Any]] = []
        for offsets, special, row in zip(encoding.offsets, encoding.special_tokens_mask, probabilities, strict=False):
            name = self.labels[int(row.argmax())]
            kind = name.removeprefix("B-").removeprefix("I-")
            if special or name == self.labels[0]:
                found.append({})
            elif found and found[-1].get("label") == kind and not name.startswith("B-"):
                found[-1]["end"] = offsets[1]
                found[-1]["scores"].append(row.max())
            else:
                found.append({"label": kind, "start": offsets[0], "end": offsets[1], "scores": [row.max()]})
        return [
            {
                "label": part["label"],
                "text": text[part["start"] : part["end"]],
                "start": part["start"],
                "end": part["end"],
                "score": float(np.mean(part["scores"])),
            }
            for part in found
            if part
        ]


class QuestionAnswering(Task):
    """Where in a text the answer to a question stands: logits (B, T, 2) of its beginning and its end.

    >>> import hornbook_hub as hub
    >>> model = hub.load("bert_tiny", task="question_answering")
    >>> answer = model.answer("What is good?", "The film is good.")
    >>> answer["text"] in "The film is good."
    True
    """

    task = "question_answering"

    def __init__(self, backbone: Any, tokenizer: Tokenizer | None = None, **kwargs: Any) -> None:
        super().__init__(backbone, tokenizer, (2,), **kwargs)
        self._make_weights()
        self.compile(keras.optimizers.AdamW(3e-5), SpanLoss(), metrics=[])

    def answer(self, question: str, text: str, longest: int = 30) -> dict[str, Any]:
        """The likeliest answer.

        Args:
            question: the question.
            text: the text that holds the answer.
            longest: how many pieces it may have.

        Returns:
            {"text", "start", "end", "score"}: places in characters of `text`, the sum of the two logits.
        """
        assert self.tokenizer is not None
        encoding = self.tokenizer.encode(question, text)
        logits = self.predict(self.tokenizer([question], [text]), verbose=0)[0].astype("float64")
        inside = np.array([number == 1 for number in encoding.sequence_ids])[: len(logits)]
        scores = logits[:, None, 0] + logits[None, :, 1]
        places = np.arange(len(logits))
        length = places[None, :] - places[:, None]
        allowed = inside[:, None] & inside[None, :] & (length >= 0) & (length < longest)
        if not allowed.any():
            raise ValueError("Nothing of the text is left after the question: shorten the question.")
        first, last = np.unravel_index(np.where(allowed, scores, -np.inf).argmax(), scores.shape)
        start, end = encoding.offsets[first][0], encoding.offsets[last][1]
        return {"text": text[start:end], "start": start, "end": end, "score": float(scores[first, last])}


@keras.saving.register_keras_serializable(package="hornbook_hub")
class SpanLoss(keras.losses.Loss):
    """The mean cross-entropy of where an answer begins and where it ends; targets are (B, 2) places."""

    def call(self, y_true: Any, y_pred: Any) -> Any:
        by_end = ops.transpose(y_pred, (0, 2, 1))  # (B, 2, T)
        return ops.mean(ops.sparse_categorical_crossentropy(y_true, by_end, from_logits=True), axis=-1)


class Reranker(Task):
    """How well a text answers a question: logits (B, 1) of pairs, a classifier of one class that reads both at once.

    >>> import hornbook_hub as hub
    >>> model = hub.load("bert_tiny", task="reranker")
    >>> model.score("Which film is good?", ["This one.", "The soup was cold."]).shape
    (2,)
    """

    task = "reranker"

    def __init__(self, backbone: Any, tokenizer: Tokenizer | None = None, **kwargs: Any) -> None:
        super().__init__(backbone, tokenizer, (1,), **kwargs)
        backbone.config.set_classes(1)
        self._make_weights()
        self.compile(keras.optimizers.AdamW(2e-5), keras.losses.BinaryCrossentropy(from_logits=True))

    @property
    def kind_of_files(self) -> str:
        return "text_classifier"

    def score(self, query: str, texts: list[str], **kwargs: Any) -> np.ndarray:
        """The logit of each text (N,): the larger, the better it answers."""
        return self.predict(([query] * len(texts), list(texts)), verbose=0, **kwargs)[:, 0]

    def rank(self, query: str, texts: list[str], top_k: int | None = None) -> list[tuple[int, float]]:
        """The best texts first, as (place in the list, logit)."""
        scores = self.score(query, texts)
        return [(int(i), float(scores[i])) for i in np.argsort(-scores, kind="stable")[:top_k]]


PARTNER = "partner_"
POOLINGS = {  # name -> its key in 1_Pooling/config.json
    "cls": "pooling_mode_cls_token",
    "mean": "pooling_mode_mean_tokens",
    "max": "pooling_mode_max_tokens",
}


class Pool(layers.Layer):
    """One vector for a text, (B, T, M) -> (B, M): see `heads.pool`; of length one if `normalize`."""

    def __init__(self, pooling: str, normalize: bool, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.pooling, self.normalize = pooling, normalize

    def call(self, outputs: dict[str, Any]) -> Any:
        vector = pool(outputs, self.pooling)
        return ops.normalize(vector, axis=-1, epsilon=1e-12) if self.normalize else vector


class TextEmbedder(Task):
    """Texts as vectors (B, M) that are close where the texts mean the same.

    It is fine-tuned on pairs that belong together, `fit(texts, their_partners)`: the partners of the others in a batch are
    what each text is to be far from, so larger batches teach more. (Gao et al. 2021, https://arxiv.org/abs/2104.08821)

    Args:
        backbone: the model without a head.
        tokenizer: what turns strings into its inputs.
        pooling: "mean", "cls" or "max"; what `1_Pooling/config.json` says where a preset has one.
        normalize: whether vectors are made of length one; what `modules.json` says where a preset has one.
        prompts: name -> what is put before a text.

    >>> import hornbook_hub as hub
    >>> model = hub.load("bert_tiny", task="text_embedder")
    >>> model.embed(["A good film.", "A great film.", "Cold soup."]).shape
    (3, 128)
    >>> model.similarity(["A good film."], ["A great film.", "Cold soup."]).shape
    (1, 2)
    """

    task = "text_embedder"

    def __init__(
        self,
        backbone: Any,
        tokenizer: Tokenizer | None = None,
        pooling: str = "mean",
        normalize: bool = True,
        prompts: dict[str, str] | None = None,
        **kwargs: Any,
    ) -> None:
        if pooling not in POOLINGS:
            raise ValueError(f"pooling must be one of {sorted(POOLINGS)}, got {pooling!r}.")
        super().__init__(backbone, tokenizer, (pooling, normalize), **kwargs)
        self.prompts = dict(prompts or {})
        self._make_weights()
        self.compile(keras.optimizers.AdamW(2e-5), InBatchNegatives())

    def make_head(self, *arguments: Any) -> Any:
        return Pool(*arguments, name="head")

    @property
    def kind_of_files(self) -> str:
        return "backbone"

    def call(self, inputs: Any) -> Any:
        """Vectors (B, M); of pairs, whose second has names with "partner_" before them, (B, 2, M)."""
        if f"{PARTNER}input_ids" not in inputs:
            return super().call(inputs)
        first = {key: value for key, value in inputs.items() if not key.startswith(PARTNER)}
        second = {key.removeprefix(PARTNER): value for key, value in inputs.items() if key.startswith(PARTNER)}
        return ops.stack([super().call(first), super().call(second)], axis=1)

    def embed(self, texts: str | list[str], prompt: str | None = None, **kwargs: Any) -> np.ndarray:
        """The vectors of texts, (N, M); of one text, (M,).

        Args:
            texts: one or a list.
            prompt: which of `prompts` to put before them.
            kwargs: of `predict`, such as `batch_size`.

        Raises:
            ValueError: for a prompt that is not there.
        """
        if prompt is not None and prompt not in self.prompts:
            raise ValueError(f"There is no prompt {prompt!r}; there are {sorted(self.prompts)}.")
        before = "" if prompt is None else self.prompts[prompt]
        several = [before + text for text in ([texts] if isinstance(texts, str) else texts)]
        vectors = self.predict(several, **{"verbose": 0, **kwargs})
        return vectors[0] if isinstance(texts, str) else vectors

    def similarity(self, first: Any, second: Any) -> np.ndarray:
        """The cosine of each of the first with each of the second, (N, K); both are lists of texts, or vectors."""
        vectors = [self.embed(x) if is_text(x) else np.asarray(x) for x in (first, second)]
        a, b = (v / np.maximum(np.linalg.norm(v, axis=-1, keepdims=True), 1e-12) for v in vectors)
        return a @ b.T

    def pairs(self, x: Any, y: Any = None) -> tuple[Any, Any]:
        """What is trained on: the arrays of both texts in one dictionary, and targets that say nothing.

        Raises:
            ValueError: where the texts have no partners.
        """
        if backend.is_dataset(x):

            def joined(first: Any, second: Any) -> tuple[Any, Any]:
                both = self._tokenized_in_graph(first), self._tokenized_in_graph(second)
                return join(*both), ops.zeros_like(both[0]["input_ids"][:, 0])

            return x.map(joined), None
        if y is None:
            raise ValueError("A TextEmbedder is trained on pairs that belong together: fit(texts, their_partners).")
        both = self.encoded(x), self.encoded(y)
        return join(*both), np.zeros(len(both[0]["input_ids"]), "int32")

    def fit(self, x: Any = None, y: Any = None, *args: Any, validation_data: Any = None, **kwargs: Any) -> Any:
        """As `Model.fit`, on texts and their partners: strings, arrays, or data sets of pairs of strings."""
        if validation_data is not None:
            several = (validation_data,) if backend.is_dataset(validation_data) else validation_data
            x_and_y = self.pairs(*several)
            validation_data = x_and_y[0] if x_and_y[1] is None else x_and_y
        return keras.Model.fit(self, *self.pairs(x, y), *args, validation_data=validation_data, **kwargs)

    def evaluate(self, x: Any = None, y: Any = None, *args: Any, **kwargs: Any) -> Any:
        """As `Model.evaluate`, on texts and their partners."""
        return keras.Model.evaluate(self, *self.pairs(x, y), *args, **kwargs)

    def more_files(self) -> dict[str, Any]:
        """How vectors are made, as sentence-transformers writes it."""
        kinds = ["Transformer", "Pooling", *(["Normalize"] if self.head.normalize else [])]
        places = ["", *(f"{i}_{kind}" for i, kind in enumerate(kinds) if i)]
        modules = [
            {"idx": i, "name": str(i), "path": place, "type": f"sentence_transformers.models.{kind}"}
            for i, (place, kind) in enumerate(zip(places, kinds, strict=True))
        ]
        pooling = {"word_embedding_dimension": self.config.hidden_size}
        pooling |= {key: name == self.head.pooling for name, key in POOLINGS.items()}
        files: dict[str, Any] = {"modules.json": modules, "1_Pooling/config.json": pooling}
        if self.tokenizer is not None:
            files["sentence_bert_config.json"] = {"max_seq_length": self.tokenizer.max_length, "do_lower_case": False}
        if self.prompts:
            files["config_sentence_transformers.json"] = {"prompts": self.prompts, "default_prompt_name": None}
        return files


def join(first: dict[str, Any], second: dict[str, Any]) -> dict[str, Any]:
    """The arrays of texts and of their partners in one dictionary."""
    return {**first, **{PARTNER + key: value for key, value in second.items()}}


@keras.saving.register_keras_serializable(package="hornbook_hub")
class InBatchNegatives(keras.losses.Loss):
    """How surely each text of a batch finds its partner among all: cross-entropy of softmax(scale cos(a_i, b_j)) at j = i.

    Predictions are pairs of vectors (B, 2, M); targets are not looked at.

    Args:
        scale: how much a difference of cosines counts.

    >>> import numpy as np
    >>> from hornbook_hub.tasks import InBatchNegatives
    >>> pairs = np.stack([np.eye(3), np.eye(3)], axis=1)
    >>> float(InBatchNegatives(scale=20.0)(np.zeros(3), pairs)) < 1e-6
    True
    """

    def __init__(self, scale: float = 20.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.scale = scale

    def call(self, y_true: Any, y_pred: Any) -> Any:
        vectors = ops.normalize(y_pred, axis=-1, epsilon=1e-12)
        scores = ops.matmul(vectors[:, 0], ops.transpose(vectors[:, 1])) * self.scale  # (B, B)
        right = ops.arange(ops.shape(scores)[0], dtype="int32")
        return ops.sparse_categorical_crossentropy(right, scores, from_logits=True)


class _OnStrings(keras.Model):
    """A task after its tokenizer."""

    def __init__(self, task: Task, tokenizer: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.tokenizer = tokenizer
        self.task = task

    def call(self, text: Any) -> Any:
        return self.task(self.tokenizer(text))


TASKS = {
    cls.task: cls
    for cls in (
        CausalLM,
        MaskedLM,
        ReplacedTokenDetector,
        TextClassifier,
        TokenClassifier,
        QuestionAnswering,
        Reranker,
        TextEmbedder,
    )
}
