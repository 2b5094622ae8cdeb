"""Text made ready for a network, inside the model: StringLookup, TextVectorization.

"Foo bar!"  --standardize-->  "foo bar"  --split-->  ["foo", "bar"]  --look up-->  [2, 3]
"""

import collections
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from hornbook import backend, ops
from hornbook.core.arguments import one_of
from hornbook.core.keras_tensor import KerasTensor
from hornbook.core.layer import Layer
from hornbook.core.registry import deserialize_keras_object
from hornbook.layers.preprocessing import batches_of

__all__ = ["StringLookup", "TextVectorization"]

_PUNCTUATION = r"""[!"#$%&()*+,\-./:;<=>?@\[\\\]^_`{|}~']"""
_CHUNK = 4096  # texts counted at a time


class TextLayer(Layer):
    """Base of the layers that take strings: their own dtype is "string", and lists of str may be passed."""

    def __init__(self, name: str | None = None, **kwargs: Any) -> None:
        super().__init__(name=name, **kwargs)
        self._allow_non_tensor_positional_args = True
        self._convert_input_args = False
        self.supports_jit = False

    dtype = property(lambda self: "string", doc="Strings.")
    compute_dtype = property(lambda self: "string", doc="Strings.")
    variable_dtype = property(lambda self: "string", doc="Strings.")

    def build(self, input_shape: Any = None) -> None:
        """Nothing to make: the vocabulary is no weight."""

    def adapt(self, data: Any, batch_size: int | None = None, steps: int | None = None) -> None:
        """Find the vocabulary of the data: its words, the most frequent first.

        Args:
            data: an array, tensor or list of strings, or batches of these: a `tf.data.Dataset` or any iterable.
            batch_size: how many strings of an array are counted at a time.
            steps: after how many batches to stop.

        Raises:
            ValueError: for a layer that was given its vocabulary.
        """
        self.reset_state()
        for number, batch in enumerate(batches_of(data, batch_size or _CHUNK)):
            if steps is not None and number >= steps:
                break
            self.update_state(batch)
        self.finalize_state()

    def reset_state(self) -> None:
        """Forget what was counted."""
        raise NotImplementedError

    def update_state(self, data: Any) -> None:
        """Count a batch."""
        raise NotImplementedError

    def finalize_state(self) -> None:
        """Make the vocabulary of what was counted."""
        raise NotImplementedError


def as_strings(x: Any) -> Any:
    """A string, a list of strings, an array or a tensor of strings as a tensor.

    Raises:
        TypeError: for anything that is not text.
    """
    tensor = x if backend.is_tensor(x) else backend.convert_to_tensor(np.asarray(x) if isinstance(x, tuple) else x)
    if backend.standardize_dtype(tensor.dtype) != "string":
        if not backend.is_tensor(x) and isinstance(x, list) and not x:
            return backend.convert_to_tensor(np.asarray([], dtype="str"))
        raise TypeError(f"Expected text (a string, or an array or tensor of strings), got {x!r}.")
    return tensor


class StringLookup(TextLayer):
    """Strings turned into their places in a vocabulary, or places into strings.

    Places: the mask token (if there is one) is 0, then the strings that are not in the vocabulary, then its words.

    Args:
        max_tokens: the most places there may be, those of mask and unknown strings counted.
        num_oov_indices: places for unknown strings, shared out by hash; 0 makes them an error.
        mask_token: the string that means padding.
        oov_token: the string that stands for unknown ones.
        vocabulary: the words, or the path of a file with one in each line; `adapt` finds them if None.
        idf_weights: for output_mode "tf_idf", a weight for each word of `vocabulary`.
        invert: whether places come in and strings go out.
        output_mode: "int" (places), "one_hot" (each string), "multi_hot" (1 for each word that is in the row),
            "count" (how often), "tf_idf" (count * weight).
        pad_to_max_tokens: whether the outputs of the other modes have `max_tokens` columns whatever the vocabulary.
        sparse: only False is known.
        encoding: of the file and of strings.
        salt: an integer that changes how unknown strings are shared out.

    Raises:
        ValueError: for arguments that do not fit together.

    >>> from hornbook import layers
    >>> layers.StringLookup(vocabulary=["a", "b"])(["b", "z"]).numpy()
    array([2, 0])
    """

    def __init__(
        self,
        max_tokens: int | None = None,
        num_oov_indices: int = 1,
        mask_token: str | None = None,
        oov_token: str = "[UNK]",
        vocabulary: Any = None,
        idf_weights: Any = None,
        invert: bool = False,
        output_mode: str = "int",
        pad_to_max_tokens: bool = False,
        sparse: bool = False,
        encoding: str = "utf-8",
        name: str | None = None,
        salt: Any = None,
        **kwargs: Any,
    ) -> None:
        expected_size = kwargs.pop("vocabulary_size", None)
        kwargs.pop("oov_method", None)  # "floormod", in configs of Keras
        super().__init__(name=name, **kwargs)
        modes = ("int", "one_hot", "multi_hot", "count", "tf_idf")
        self.output_mode = one_of(str(output_mode).replace("-", "_"), modes, "output_mode")
        if max_tokens is not None and max_tokens <= 1:
            raise ValueError(f"max_tokens must be None or above 1, got {max_tokens!r}.")
        if pad_to_max_tokens and max_tokens is None:
            raise ValueError("pad_to_max_tokens=True needs max_tokens, got max_tokens=None.")
        if num_oov_indices < 0:
            raise ValueError(f"num_oov_indices must not be negative, got {num_oov_indices!r}.")
        if invert and self.output_mode != "int":
            raise ValueError(f"invert=True goes with output_mode='int' only, got {output_mode!r}.")
        if invert and num_oov_indices > 1:
            raise ValueError(f"invert=True goes with at most one OOV index, got num_oov_indices={num_oov_indices}.")
        if sparse:
            raise ValueError("sparse=True is not offered; the outputs are dense.")
        self.max_tokens, self.num_oov_indices = max_tokens, num_oov_indices
        self.mask_token, self.oov_token = mask_token, oov_token
        self.invert, self.pad_to_max_tokens, self.sparse = invert, pad_to_max_tokens, sparse
        self.encoding, self.salt = encoding, [salt, salt] if isinstance(salt, int) else salt
        self.input_vocabulary: list[str] | None = None
        self.input_idf_weights = None if idf_weights is None else [float(w) for w in np.asarray(idf_weights)]
        self._table = backend.StringTable()
        self._words: list[str] = []
        self._idf: np.ndarray | None = None
        self._expected_size = expected_size
        self._has_vocabulary = False
        self.reset_counts()
        if vocabulary is not None:
            if self.output_mode == "tf_idf" and idf_weights is None:
                raise ValueError("A vocabulary for output_mode='tf_idf' needs its idf_weights, got idf_weights=None.")
            words = read_vocabulary(vocabulary, encoding)
            self.set_vocabulary(words, self.input_idf_weights)
            self.input_vocabulary = words
        elif idf_weights is not None:
            raise ValueError("idf_weights belong to a vocabulary, got vocabulary=None.")

    # ---------------------------------------------------------------------------------------------- the vocabulary
    def _special_tokens(self) -> list[str]:
        mask = [self.mask_token] if self.mask_token is not None and self.output_mode == "int" else []
        return mask + [self.oov_token] * self.num_oov_indices

    def get_vocabulary(self, include_special_tokens: bool = True) -> list[str]:
        """The words, place by place; without mask and unknown token if `include_special_tokens` is False."""
        return (self._special_tokens() if include_special_tokens else []) + self._words

    def vocabulary_size(self) -> int:
        """How many places there are, special tokens counted."""
        return len(self._words) + len(self._special_tokens())

    @property
    def idf_weights(self) -> np.ndarray | None:
        """The weight of each place in output_mode "tf_idf"; unknown strings get the mean of the words'."""
        return self._idf

    def set_vocabulary(self, vocabulary: Any, idf_weights: Any = None) -> None:
        """Set the words.

        Args:
            vocabulary: the words in order, or the path of a file; special tokens may lead it.
            idf_weights: a weight for each word, for output_mode "tf_idf".

        Raises:
            ValueError: for repeated words, too many of them, or special tokens in the middle.
        """
        words = read_vocabulary(vocabulary, self.encoding)
        special = self._special_tokens()
        if words[: len(special)] == special and special:
            words = words[len(special) :]
        elif self.output_mode != "int" and words[:1] == [self.mask_token] and words[1 : 1 + len(special)] == special:
            words = words[1 + len(special) :]
        repeated = [word for word, count in collections.Counter(words).items() if count > 1]
        if repeated:
            raise ValueError(f"The vocabulary repeats {repeated[:10]}; each word may stand there once.")
        if self.mask_token is not None and self.mask_token in words:
            raise ValueError(
                f"The mask token {self.mask_token!r} stands in the middle of the vocabulary. Leave special tokens out, "
                f"or put them first, in this order: {special}."
            )
        size = len(words) + len(special)
        if self.max_tokens is not None and size > self.max_tokens:
            raise ValueError(
                f"The vocabulary has {size} entries, special tokens counted, but max_tokens={self.max_tokens}."
            )
        if idf_weights is not None and len(idf_weights) != len(words):
            raise ValueError(f"idf_weights must be as many as words, got {len(idf_weights)} for {len(words)} words.")
        if self.output_mode == "tf_idf":
            if idf_weights is None:
                raise ValueError("A vocabulary for output_mode='tf_idf' needs its idf_weights, got idf_weights=None.")
            known = np.asarray(idf_weights, "float32")
            unknown = known.mean() if len(known) else 0.0
            self._idf = np.concatenate([np.full(self.num_oov_indices, unknown, "float32"), known])
        self._words, self._has_vocabulary = words, True
        places = range(len(special), len(special) + len(words))
        if self.mask_token is not None:  # in the counting modes its place is beyond the last one, where nothing counts
            words, places = [*words, self.mask_token], [*places, 0 if self.output_mode == "int" else 2**40]
        self._table.fill(words, places)

    # ----------------------------------------------------------------------------------------------------- adapting
    def reset_counts(self) -> None:
        """Forget what was counted, but keep the vocabulary."""
        self._counts: collections.Counter = collections.Counter()
        self._documents_with: collections.Counter = collections.Counter()
        self._documents = 0

    def reset_state(self) -> None:
        """Forget what was counted.

        Raises:
            ValueError: for a layer that was given its vocabulary.
        """
        if self.input_vocabulary is not None:
            raise ValueError(f"{self.name!r} was given its vocabulary, so it has nothing to adapt.")
        self.reset_counts()

    def update_state(self, data: Any) -> None:
        """Count the strings of a batch; for "tf_idf", also in how many rows each stands."""
        rows = backend.string_to_lists(as_strings(data))
        rows = rows if isinstance(rows, list) else [rows]
        rows = [row if isinstance(row, list) else [row] for row in rows]
        while rows and any(row and isinstance(row[0], list) for row in rows):
            rows = [inner for row in rows for inner in row]
        for row in rows:
            self._counts.update(row)
            if self.output_mode == "tf_idf":
                self._documents_with.update(set(row))
        self._documents += len(rows)

    def finalize_state(self) -> None:
        """Make the vocabulary of what was counted: the most frequent first, among equals the last in the alphabet."""
        if self.input_vocabulary is not None:
            return
        ignored = {token.encode(self.encoding) for token in (self.mask_token, self.oov_token) if token is not None}
        ranked = sorted(((count, word) for word, count in self._counts.items() if word not in ignored), reverse=True)
        if self.max_tokens is not None:
            ranked = ranked[: self.max_tokens - len(self._special_tokens())]
        words = [word for _, word in ranked]
        weights = None
        if self.output_mode == "tf_idf":
            weights = [math.log(1 + self._documents / (1 + self._documents_with[word])) for word in words]
        self.set_vocabulary([word.decode(self.encoding, "replace") for word in words], weights)
        self.reset_counts()

    # ------------------------------------------------------------------------------------------------------ calling
    def call(self, inputs: Any) -> Any:
        self._check_vocabulary()
        if self.invert:
            return backend.string_gather(self.get_vocabulary(), inputs, self.oov_token)
        return self.encode(self.look_up(as_strings(inputs)))

    def _check_vocabulary(self) -> None:
        if not self._has_vocabulary:
            raise RuntimeError(
                f"Layer {self.name!r} has no vocabulary yet: pass `vocabulary=` or call `adapt(data)` before using it."
            )

    def look_up(self, tokens: Any) -> Any:
        """The place of each string."""
        first = len(self._special_tokens()) - self.num_oov_indices

        def places_of(strings: Any) -> Any:
            places = self._table.lookup(strings, required=not self.num_oov_indices)
            if self.num_oov_indices > 1:
                unknown = ops.add(backend.string_hash_bucket(strings, self.num_oov_indices, self.salt), first)
            else:
                unknown = backend.convert_to_tensor(first, "int64")
            return ops.where(ops.less(places, 0), unknown, places)

        return backend.map_values(places_of, tokens)

    def _width(self) -> int:
        """How many columns the counting modes have."""
        if self.pad_to_max_tokens:
            return self.max_tokens  # type: ignore[return-value]
        self._check_vocabulary()
        return self.vocabulary_size()

    def encode(self, places: Any) -> Any:
        """Places in the output's form."""
        if self.output_mode == "int":
            return places
        width = self._width()
        if self.output_mode == "one_hot" and (not places.shape or places.shape[-1] != 1):
            places = ops.expand_dims(places, -1)
        elif not len(places.shape):
            places = ops.expand_dims(places, -1)
        counts = backend.count_rows(places, width, binary=self.output_mode in ("one_hot", "multi_hot"))
        if self.output_mode != "tf_idf":
            return counts
        idf = np.zeros(width, "float32")
        idf[: len(self._idf)] = self._idf  # type: ignore[arg-type]
        return ops.multiply(ops.cast(counts, "float32"), idf)

    def encoded_spec(self, shape: Sequence) -> KerasTensor:
        """Shape and dtype of `encode` for places of a shape."""
        if self.invert:
            return KerasTensor(shape, "string")
        if self.output_mode == "int":
            return KerasTensor(shape, "int64")
        beside = shape if self.output_mode == "one_hot" and tuple(shape[-1:]) != (1,) else shape[:-1]
        return KerasTensor((*beside, self._width()), "float32" if self.output_mode == "tf_idf" else "int64")

    def compute_output_spec(self, inputs: Any) -> KerasTensor:
        return self.encoded_spec(tuple(inputs.shape))

    def compute_output_shape(self, input_shape: Sequence) -> tuple:
        return self.encoded_spec(tuple(input_shape)).shape

    # -------------------------------------------------------------------------------------------------------- files
    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "vocabulary": self.input_vocabulary,
            "idf_weights": self.input_idf_weights,
            "vocabulary_size": self.vocabulary_size() if self._has_vocabulary else None,
            "oov_method": "floormod",
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        return cls(**checked_config(config))

    def save_assets(self, dir_path: Any) -> None:
        """Write the vocabulary that `adapt` found to `vocabulary.txt`, one word in each line."""
        if self.input_vocabulary is not None:  # it is in the config
            return
        words = self.get_vocabulary()
        broken = [word for word in words if "\n" in word or "\r" in word]
        if broken:
            raise ValueError(
                f"Words with line breaks, such as {broken[0]!r}, cannot be kept in vocabulary.txt, which has a word in "
                "each line. Split or standardize the text so that there are none."
            )
        Path(dir_path).mkdir(parents=True, exist_ok=True)
        Path(dir_path, "vocabulary.txt").write_text("\n".join(words), encoding="utf-8")
        if self._idf is not None:
            weights = "\n".join(repr(float(w)) for w in self._idf[self.num_oov_indices :])
            Path(dir_path, "idf_weights.txt").write_text(weights, encoding="utf-8")

    def load_assets(self, dir_path: Any) -> None:
        """Read what `save_assets` wrote.

        Raises:
            ValueError: where the file is not there, or for "tf_idf" has no weights beside it.
        """
        if self.input_vocabulary is not None:
            return
        path, weights_path = Path(dir_path, "vocabulary.txt"), Path(dir_path, "idf_weights.txt")
        if not path.is_file():
            raise ValueError(f"Layer {self.name!r} expects its vocabulary in {path}, but that file is not there.")
        weights = None
        if self.output_mode == "tf_idf":
            if not weights_path.is_file():
                raise ValueError(
                    f"{path.parent} has no idf_weights.txt (Keras does not save them): call adapt() on the data again."
                )
            weights = [float(line) for line in weights_path.read_text(encoding="utf-8").split("\n")]
        words = path.read_text(encoding="utf-8").split("\n")
        if words == self._special_tokens():  # saved before anything was counted
            return
        self.set_vocabulary(words, weights)


def checked_config(config: dict[str, Any]) -> dict[str, Any]:
    """A config whose vocabulary is data: a path in it is refused, as a file must not make others be read."""
    if isinstance(config.get("vocabulary"), str):
        raise ValueError(
            f"The config names the file {config['vocabulary']!r} as its vocabulary. A config may hold words, not "
            "paths: make the layer with vocabulary=<path> yourself, or save the model again with its words."
        )
    return config


def read_vocabulary(vocabulary: Any, encoding: str) -> list[str]:
    """A list of words, from a list, array or tensor, or a file with one in each line."""
    if isinstance(vocabulary, str | Path):
        path = Path(vocabulary)
        if not path.is_file():
            raise ValueError(f"The vocabulary file {str(path)!r} does not exist.")
        words = path.read_text(encoding=encoding).split("\n")
        return words[:-1] if words[-1] == "" else words
    if backend.is_tensor(vocabulary):
        vocabulary = backend.convert_to_numpy(vocabulary)
    return [word.decode(encoding) if isinstance(word, bytes) else str(word) for word in vocabulary]


class TextVectorization(TextLayer):
    """Text turned into numbers: standardize, split into words, look each up.

    Args:
        max_tokens: the most words the vocabulary may have, special tokens counted.
        standardize: "lower_and_strip_punctuation", "lower", "strip_punctuation", a function of strings, or None.
        split: "whitespace", "character", a function of strings that gives one more axis, or None.
        ngrams: an integer n for runs of 1 to n words, or a tuple of the lengths of runs.
        output_mode: "int" (a place for each word, 0 is padding, 1 unknown words), "multi_hot", "count", "tf_idf".
        output_sequence_length: to how many words rows of "int" are filled up or cut; the longest of the batch if None.
        pad_to_max_tokens: whether the outputs of the other modes have `max_tokens` columns whatever the vocabulary.
        vocabulary: the words, or the path of a file with one in each line; `adapt` finds them if None.
        idf_weights: for output_mode "tf_idf", a weight for each word of `vocabulary`.
        sparse: only False is known.
        ragged: whether "int" gives rows of different lengths.
        encoding: of the text.

    Call:
        inputs: strings: one, (batch,) or (batch, 1).
        Returns integers (batch, words), or (batch, size of the vocabulary) in the other modes.

    Raises:
        ValueError: for arguments that do not fit together.

    >>> from hornbook import layers
    >>> vectorize = layers.TextVectorization()
    >>> vectorize.adapt(["the cat", "The dog."])
    >>> vectorize.get_vocabulary()
    ['', '[UNK]', 'the', 'dog', 'cat']
    >>> vectorize(["The bird, the cat!"]).numpy()
    array([[2, 1, 2, 4]])
    """

    def __init__(
        self,
        max_tokens: int | None = None,
        standardize: str | Callable | None = "lower_and_strip_punctuation",
        split: str | Callable | None = "whitespace",
        ngrams: int | tuple[int, ...] | None = None,
        output_mode: str = "int",
        output_sequence_length: int | None = None,
        pad_to_max_tokens: bool = False,
        vocabulary: Any = None,
        idf_weights: Any = None,
        sparse: bool = False,
        ragged: bool = False,
        encoding: str = "utf-8",
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        kwargs.pop("vocabulary_size", None)
        super().__init__(name=name, **kwargs)
        if not callable(standardize):
            known = ("lower_and_strip_punctuation", "lower", "strip_punctuation", None)
            one_of(standardize, known, "standardize")
        if not callable(split):
            one_of(split, ("whitespace", "character", None), "split")
        whole = isinstance(ngrams, int) or (
            isinstance(ngrams, list | tuple) and all(isinstance(n, int) for n in ngrams)
        )
        if ngrams is not None and not whole:
            raise ValueError(f"ngrams must be None, an integer or a tuple of integers, got {ngrams!r}.")
        if output_mode != "int" and output_sequence_length is not None:
            raise ValueError(
                f"output_sequence_length goes with output_mode='int' only, got {output_sequence_length} and "
                f"{output_mode!r}."
            )
        if output_sequence_length is not None and not isinstance(output_sequence_length, int):
            raise ValueError(f"output_sequence_length must be None or an integer, got {output_sequence_length!r}.")
        if ragged and output_mode != "int":
            raise ValueError(f"ragged=True goes with output_mode='int' only, got {output_mode!r}.")
        self.standardize, self.split, self.ngrams = standardize, split, ngrams
        self.output_sequence_length, self.ragged, self.encoding = output_sequence_length, ragged, encoding
        self._lookup_layer = StringLookup(
            max_tokens=max_tokens,
            vocabulary=vocabulary,
            idf_weights=idf_weights,
            pad_to_max_tokens=pad_to_max_tokens,
            mask_token="",
            output_mode=output_mode,
            sparse=sparse,
            encoding=encoding,
        )
        self.output_mode = self._lookup_layer.output_mode

    # ---------------------------------------------------------------------------------------------- the vocabulary
    def get_vocabulary(self, include_special_tokens: bool = True) -> list[str]:
        """The words, place by place; without padding and unknown token if `include_special_tokens` is False."""
        return self._lookup_layer.get_vocabulary(include_special_tokens)

    def vocabulary_size(self) -> int:
        """How many places there are, special tokens counted."""
        return self._lookup_layer.vocabulary_size()

    def set_vocabulary(self, vocabulary: Any, idf_weights: Any = None) -> None:
        """Set the words, and their weights for "tf_idf"."""
        self._lookup_layer.set_vocabulary(vocabulary, idf_weights)

    def reset_state(self) -> None:
        self._lookup_layer.reset_state()

    def update_state(self, data: Any) -> None:
        self._lookup_layer.update_state(self.tokens(as_strings(data)))

    def finalize_state(self) -> None:
        self._lookup_layer.finalize_state()

    # ------------------------------------------------------------------------------------------------------ calling
    def tokens(self, texts: Any) -> Any:
        """The words of each text, ragged."""
        if self.standardize in ("lower", "lower_and_strip_punctuation"):
            texts = backend.string_lower(texts)
        if self.standardize in ("strip_punctuation", "lower_and_strip_punctuation"):
            texts = backend.string_replace(texts, _PUNCTUATION, "")
        if callable(self.standardize):
            texts = self.standardize(texts)
        if self.split is not None:
            if len(texts.shape) > 1:
                if texts.shape[-1] != 1:
                    raise ValueError(
                        f"Text to be split must have shape (batch,) or (batch, 1), got {tuple(texts.shape)}. Join the "
                        "strings of a row, or pass split=None if each is one word."
                    )
                texts = ops.squeeze(texts, -1)
            if callable(self.split):
                texts = self.split(texts)
            elif self.split == "character":
                texts = backend.string_characters(texts, self.encoding)
            else:
                texts = backend.string_split(texts)
        if self.ngrams is not None:
            widths = range(1, self.ngrams + 1) if isinstance(self.ngrams, int) else self.ngrams
            texts = backend.string_ngrams(texts, widths)
        return texts

    def call(self, inputs: Any) -> Any:
        self._lookup_layer._check_vocabulary()
        places = self._lookup_layer.look_up(self.tokens(as_strings(inputs)))
        if self.output_mode != "int":
            return self._lookup_layer.encode(places)
        if self.ragged and backend.is_ragged(places):
            return places if self.output_sequence_length is None else places[..., : self.output_sequence_length]
        return backend.ragged_to_dense(places, 0, self.output_sequence_length)

    def compute_output_spec(self, inputs: Any) -> KerasTensor:
        shape = tuple(inputs.shape)
        if self.split is not None:  # (batch,) and (batch, 1) -> (batch, words)
            shape = (*(shape[:-1] if len(shape) > 1 else shape), None)
        if self.output_mode != "int":
            return self._lookup_layer.encoded_spec(shape)
        last = shape[-1] if self.output_sequence_length is None else self.output_sequence_length
        return KerasTensor((*shape[:-1], last), "int64", ragged=self.ragged)

    def compute_output_shape(self, input_shape: Sequence) -> tuple:
        return self.compute_output_spec(KerasTensor(tuple(input_shape), "string")).shape

    # -------------------------------------------------------------------------------------------------------- files
    def get_config(self) -> dict[str, Any]:
        lookup = self._lookup_layer
        return {
            **super().get_config(),
            "vocabulary": lookup.input_vocabulary,
            "idf_weights": lookup.input_idf_weights,
            "vocabulary_size": self.vocabulary_size(),
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        config = checked_config(dict(config))
        for key in ("standardize", "split"):
            if isinstance(config.get(key), dict):
                config[key] = deserialize_keras_object(config[key])
        if isinstance(config.get("ngrams"), list):
            config["ngrams"] = tuple(config["ngrams"])
        return cls(**config)

    def save_assets(self, dir_path: Any) -> None:
        """Write the vocabulary that `adapt` found to `vocabulary.txt`, one word in each line."""
        self._lookup_layer.save_assets(dir_path)

    def load_assets(self, dir_path: Any) -> None:
        """Read what `save_assets` wrote."""
        self._lookup_layer.load_assets(dir_path)
