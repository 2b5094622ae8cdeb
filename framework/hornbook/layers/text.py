"""Text made ready for a network, inside the model: TextVectorization.

"Foo bar!"  --standardize-->  "foo bar"  --split-->  ["foo", "bar"]  --look up-->  [2, 3]
"""

from collections.abc import Callable, Sequence
from typing import Any

from hornbook import backend, ops
from hornbook.core.arguments import one_of
from hornbook.core.keras_tensor import KerasTensor
from hornbook.core.registry import deserialize_keras_object
from hornbook.layers.lookup import StringLookup, as_strings, checked_config
from hornbook.layers.preprocessing import AdaptedLayer, batches_of

__all__ = ["TextVectorization"]

_PUNCTUATION = r"""[!"#$%&()*+,\-./:;<=>?@\[\\\]^_`{|}~']"""
_CHUNK = 4096  # texts counted at a time


class TextVectorization(AdaptedLayer):
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
        size = kwargs.pop("vocabulary_size", None)  # in configs
        super().__init__(name=name, **kwargs)
        self.supports_jit = False
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
            vocabulary_size=size,
        )
        self.output_mode = self._lookup_layer.output_mode

    dtype = property(lambda self: "string", doc="Strings.")
    compute_dtype = property(lambda self: "string", doc="Strings.")
    variable_dtype = property(lambda self: "string", doc="Strings.")

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

    def adapt(self, data: Any, batch_size: int | None = None, steps: int | None = None) -> None:
        """Find the vocabulary of the data: its words, the most frequent first.

        Args:
            data: an array, tensor or list of strings, or batches of these: a `tf.data.Dataset` or any iterable.
            batch_size: how many strings of an array are counted at a time.
            steps: after how many batches to stop.

        Raises:
            ValueError: for a layer that was given its vocabulary.
        """
        self._adapt(batches_of(data, batch_size or _CHUNK), steps)

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

    def save_own_variables(self, store: Any) -> None:
        """The weights of the words, for output_mode "tf_idf"."""
        self._lookup_layer.save_own_variables(store)

    def load_own_variables(self, store: Any) -> None:
        """Read what `save_own_variables` wrote."""
        self._lookup_layer.load_own_variables(store)

    def save_assets(self, dir_path: Any) -> None:
        """Write the vocabulary that `adapt` found to `vocabulary.txt`, one word in each line."""
        self._lookup_layer.save_assets(dir_path)

    def load_assets(self, dir_path: Any) -> None:
        """Read what `save_assets` wrote."""
        self._lookup_layer.load_assets(dir_path)
