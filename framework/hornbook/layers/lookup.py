"""Words or integers turned into their places in a vocabulary: StringLookup, IntegerLookup."""

import collections
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from hornbook import backend, ops
from hornbook.core.arguments import one_of
from hornbook.core.keras_tensor import KerasTensor
from hornbook.layers.encoding import dense_only, encode, encoded_shape
from hornbook.layers.preprocessing import AdaptedLayer

__all__ = ["IntegerLookup", "StringLookup"]


class IndexLookup(AdaptedLayer):
    """Base of the layers with a vocabulary: keys turned into their places in it, or places into keys.

    Places: the mask token (if there is one) is 0, then the keys that are not in the vocabulary, then those that are.
    """

    key_dtype: str  # "string" or "int64"

    def __init__(
        self,
        max_tokens: int | None,
        num_oov_indices: int,
        mask_token: Any,
        oov_token: Any,
        vocabulary: Any,
        idf_weights: Any,
        invert: bool,
        output_mode: str,
        pad_to_max_tokens: bool,
        sparse: bool,
        salt: Any,
        encoding: str = "utf-8",
        **kwargs: Any,
    ) -> None:
        size = kwargs.pop("vocabulary_size", None)  # in configs: a vocabulary of that size will be read
        self._promised_size = size if isinstance(size, int) and size > 0 else None
        super().__init__(**kwargs)
        self.supports_jit = False
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
        self.max_tokens, self.num_oov_indices = max_tokens, num_oov_indices
        self.mask_token, self.oov_token = mask_token, oov_token
        self.invert, self.pad_to_max_tokens, self.sparse = invert, pad_to_max_tokens, dense_only(sparse)
        self.encoding, self.salt = encoding, [salt, salt] if isinstance(salt, int) else salt
        self.input_vocabulary: list | None = None
        self.input_idf_weights = None if idf_weights is None else [float(w) for w in np.asarray(idf_weights)]
        self._table = backend.Table(self.key_dtype)
        self._words: list = []
        self._idf: np.ndarray | None = None
        self._has_vocabulary = False
        self.reset_counts()
        if vocabulary is not None:
            if self.output_mode == "tf_idf" and idf_weights is None:
                raise ValueError("A vocabulary for output_mode='tf_idf' needs its idf_weights, got idf_weights=None.")
            words = self._read(vocabulary)
            self.set_vocabulary(words, self.input_idf_weights)
            self.input_vocabulary = words
        elif idf_weights is not None:
            raise ValueError("idf_weights belong to a vocabulary, got vocabulary=None.")

    dtype = property(lambda self: self.key_dtype, doc="The dtype of keys.")
    compute_dtype = property(lambda self: self.key_dtype, doc="The dtype of keys.")
    variable_dtype = property(lambda self: self.key_dtype, doc="The dtype of keys.")

    def _keys(self, x: Any) -> Any:
        """Inputs as a tensor of keys."""
        raise NotImplementedError

    def _key(self, word: Any) -> Any:
        """A word of a file, a list or a tensor as a key in Python."""
        raise NotImplementedError

    def _shared_out(self, keys: Any) -> Any:
        """Which of the `num_oov_indices` an unknown key gets."""
        raise NotImplementedError

    def _read(self, vocabulary: Any) -> list:
        return [self._key(word) for word in read_vocabulary(vocabulary, self.encoding)]

    # ---------------------------------------------------------------------------------------------- the vocabulary
    def _special_tokens(self) -> list:
        mask = [self.mask_token] if self.mask_token is not None and self.output_mode == "int" else []
        return mask + [self.oov_token] * self.num_oov_indices

    def get_vocabulary(self, include_special_tokens: bool = True) -> list:
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
        words = self._read(vocabulary)
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
        """Count the keys of a batch; for "tf_idf", also in how many rows each stands."""
        rows = backend.string_to_lists(self._keys(data))
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
        special = (self.mask_token, self.oov_token)
        ignored = {token.encode() if isinstance(token, str) else token for token in special if token is not None}
        ranked = sorted(((count, word) for word, count in self._counts.items() if word not in ignored), reverse=True)
        if self.max_tokens is not None:
            ranked = ranked[: self.max_tokens - len(self._special_tokens())]
        words = [word for _, word in ranked]
        weights = None
        if self.output_mode == "tf_idf":
            weights = [math.log(1 + self._documents / (1 + self._documents_with[word])) for word in words]
        self.set_vocabulary(words, weights)
        self.reset_counts()

    # ------------------------------------------------------------------------------------------------------ calling
    def call(self, inputs: Any) -> Any:
        self._check_vocabulary()
        if self.invert:
            places = self.tensor_of(inputs)
            return backend.table_gather(self.get_vocabulary(), places, self.oov_token, self.key_dtype)
        return self.encode(self.look_up(self._keys(inputs)))

    def _check_vocabulary(self) -> None:
        if not self._has_vocabulary:
            raise RuntimeError(
                f"Layer {self.name!r} has no vocabulary yet: pass `vocabulary=` or call `adapt(data)` before using it."
            )

    def look_up(self, keys: Any) -> Any:
        """The place of each key."""
        first = len(self._special_tokens()) - self.num_oov_indices

        def places_of(keys: Any) -> Any:
            places = self._table.lookup(keys, required=not self.num_oov_indices)
            if self.num_oov_indices > 1:
                unknown = ops.add(self._shared_out(keys), first)
            else:
                unknown = backend.convert_to_tensor(first, "int64")
            return ops.where(ops.less(places, 0), unknown, places)

        return backend.map_values(places_of, keys)

    def _width(self) -> int:
        """How many columns the counting modes have."""
        if self.pad_to_max_tokens:
            return self.max_tokens  # type: ignore[return-value]
        if not self._has_vocabulary and self._promised_size is not None:
            return self._promised_size
        self._check_vocabulary()
        return self.vocabulary_size()

    def encode(self, places: Any) -> Any:
        """Places in the output's form."""
        if self.output_mode == "int":
            return places
        width = self._width()
        mode = "count" if self.output_mode == "tf_idf" else self.output_mode
        counts = encode(places, mode, width, "int64")
        if self.output_mode != "tf_idf":
            return counts
        idf = np.zeros(width, "float32")
        idf[: len(self._idf)] = self._idf  # type: ignore[arg-type]
        return ops.multiply(ops.cast(counts, "float32"), idf)

    def encoded_spec(self, shape: Sequence) -> KerasTensor:
        """Shape and dtype of `encode` for places of a shape."""
        if self.invert:
            return KerasTensor(shape, self.key_dtype)
        if self.output_mode == "int":
            return KerasTensor(shape, "int64")
        dtype = "float32" if self.output_mode == "tf_idf" else "int64"
        return KerasTensor(encoded_shape(shape, self.output_mode, self._width()), dtype)

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
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        return cls(**checked_config(config))

    def save_assets(self, dir_path: Any) -> None:
        """Write the vocabulary that `adapt` found to `vocabulary.txt`, one word in each line."""
        if self.input_vocabulary is not None:  # it is in the config
            return
        words = self.get_vocabulary()
        broken = [word for word in words if isinstance(word, str) and ("\n" in word or "\r" in word)]
        if broken:
            raise ValueError(
                f"Words with line breaks, such as {broken[0]!r}, cannot be kept in vocabulary.txt, which has a word in "
                "each line. Split or standardize the text so that there are none."
            )
        Path(dir_path).mkdir(parents=True, exist_ok=True)
        Path(dir_path, "vocabulary.txt").write_text("\n".join(map(str, words)), encoding="utf-8")

    def load_assets(self, dir_path: Any) -> None:
        """Read what `save_assets` wrote.

        Raises:
            ValueError: where the file is not there.
        """
        if self.input_vocabulary is not None:
            return
        path = Path(dir_path, "vocabulary.txt")
        if not path.is_file():
            raise ValueError(f"Layer {self.name!r} expects its vocabulary in {path}, but that file is not there.")
        words = self._read(path.read_text(encoding="utf-8").split("\n"))
        special = self._special_tokens()
        if words == special:  # saved before anything was counted
            return
        weights = np.zeros(len(words) - len(special)) if self.output_mode == "tf_idf" else None  # they are read next
        self.set_vocabulary(words, weights)

    def save_own_variables(self, store: Any) -> None:
        """The weights of the words, for output_mode "tf_idf", as "idf_weights"."""
        if self._idf is not None:
            store["idf_weights"] = self._idf

    def load_own_variables(self, store: Any) -> None:
        """Read what `save_own_variables` wrote.

        Raises:
            ValueError: where there are weights for another number of places.
        """
        if self._idf is None:
            return
        if "idf_weights" not in store or tuple(store["idf_weights"].shape) != self._idf.shape:
            raise ValueError(
                f"Layer {self.name!r} has {len(self._idf)} places, for each of which the file must hold a weight, under "
                "'idf_weights'; it does not."
            )
        self._idf = np.asarray(store["idf_weights"], "float32")


class StringLookup(IndexLookup):
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

    key_dtype = "string"

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
        kwargs.pop("oov_method", None)  # "floormod", in configs of Keras
        super().__init__(
            max_tokens,
            num_oov_indices,
            mask_token,
            oov_token,
            vocabulary,
            idf_weights,
            invert,
            output_mode,
            pad_to_max_tokens,
            sparse,
            salt,
            encoding=encoding,
            name=name,
            **kwargs,
        )

    def _keys(self, x: Any) -> Any:
        return as_strings(x)

    def _key(self, word: Any) -> str:
        return word.decode(self.encoding, "replace") if isinstance(word, bytes) else str(word)

    def _shared_out(self, keys: Any) -> Any:
        return backend.string_hash_bucket(keys, self.num_oov_indices, self.salt)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "oov_method": "floormod"}


class IntegerLookup(IndexLookup):
    """Integers of any size turned into their places in a vocabulary, or places into integers.

    Places: the mask token (if there is one) is 0, then the integers that are not in the vocabulary, then those that are.

    Args:
        max_tokens: the most places there may be, those of mask and unknown integers counted.
        num_oov_indices: places for unknown integers, shared out among them; 0 makes them an error.
        mask_token: the integer that means padding.
        oov_token: the integer that stands for unknown ones where places come in.
        vocabulary: the integers, or the path of a file with one in each line; `adapt` finds them if None.
        vocabulary_dtype: only "int64" is known.
        idf_weights, invert, output_mode, sparse, pad_to_max_tokens: as in `StringLookup`.
        oov_method: how unknown integers are shared out: "floormod" (the integer mod num_oov_indices) or "farmhash".
        salt: an integer that changes how "farmhash" shares out.

    Raises:
        ValueError: for arguments that do not fit together.

    >>> from hornbook import layers
    >>> layers.IntegerLookup(vocabulary=[12, 36, 1138])([36, 7]).numpy()
    array([2, 0])
    """

    key_dtype = "int64"

    def __init__(
        self,
        max_tokens: int | None = None,
        num_oov_indices: int = 1,
        mask_token: int | None = None,
        oov_token: int = -1,
        vocabulary: Any = None,
        vocabulary_dtype: str = "int64",
        idf_weights: Any = None,
        invert: bool = False,
        output_mode: str = "int",
        sparse: bool = False,
        pad_to_max_tokens: bool = False,
        oov_method: str = "floormod",
        salt: Any = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        self.vocabulary_dtype = one_of(vocabulary_dtype, ("int64",), "vocabulary_dtype")
        self.oov_method = one_of(oov_method, ("floormod", "farmhash"), "oov_method")
        if salt is not None and oov_method != "farmhash":
            raise ValueError(f"salt goes with oov_method='farmhash', got {oov_method!r}.")
        super().__init__(
            max_tokens,
            num_oov_indices,
            mask_token,
            oov_token,
            vocabulary,
            idf_weights,
            invert,
            output_mode,
            pad_to_max_tokens,
            sparse,
            salt,
            name=name,
            **kwargs,
        )

    def _keys(self, x: Any) -> Any:
        return backend.cast(self.tensor_of(x), "int64")

    def _key(self, word: Any) -> int:
        return int(word)

    def _shared_out(self, keys: Any) -> Any:
        if self.oov_method == "floormod":
            return ops.mod(keys, self.num_oov_indices)
        return backend.string_hash_bucket(backend.to_string(keys), self.num_oov_indices, self.salt)


def checked_config(config: dict[str, Any]) -> dict[str, Any]:
    """A config whose vocabulary is data: a path in it is refused, as a file must not make others be read."""
    if isinstance(config.get("vocabulary"), str):
        raise ValueError(
            f"The config names the file {config['vocabulary']!r} as its vocabulary. A config may hold words, not "
            "paths: make the layer with vocabulary=<path> yourself, or save the model again with its words."
        )
    return config


def read_vocabulary(vocabulary: Any, encoding: str) -> list:
    """The items of a list, array or tensor, or the lines of a file."""
    if isinstance(vocabulary, str | Path):
        path = Path(vocabulary)
        if not path.is_file():
            raise ValueError(f"The vocabulary file {str(path)!r} does not exist.")
        words = path.read_text(encoding=encoding).split("\n")
        return words[:-1] if words[-1] == "" else words
    if backend.is_tensor(vocabulary):
        vocabulary = backend.convert_to_numpy(vocabulary)
    return list(vocabulary)


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
