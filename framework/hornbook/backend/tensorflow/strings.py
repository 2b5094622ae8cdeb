"""Strings: what text layers need of them. Words of texts of different lengths are ragged tensors."""

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

__all__ = [
    "Table",
    "count_rows",
    "is_ragged",
    "map_values",
    "ragged_to_dense",
    "string_characters",
    "string_cross_hash",
    "string_hash_bucket",
    "string_lower",
    "string_ngrams",
    "string_replace",
    "string_split",
    "string_to_lists",
    "table_gather",
    "to_string",
]


def string_lower(x: Any) -> Any:
    """Each string with A-Z turned to a-z."""
    return tf.strings.lower(x)


def string_replace(x: Any, pattern: str, replacement: str) -> Any:
    """Each string with all matches of a regular expression (RE2) replaced."""
    return tf.strings.regex_replace(x, pattern, replacement)


def string_split(x: Any, separator: str | None = None) -> Any:
    """Each string cut at a separator, or at runs of white space: a ragged tensor with one more axis."""
    return tf.strings.split(x, separator)


def string_characters(x: Any, encoding: str = "UTF-8") -> Any:
    """Each string cut into its characters: a ragged tensor with one more axis."""
    return tf.strings.unicode_split(x, encoding.upper())


def string_ngrams(x: Any, widths: Sequence[int]) -> Any:
    """Runs of neighbours along the last axis, joined by spaces: all of the first width, then of the second ..."""
    return tf.strings.ngrams(x, ngram_width=list(widths), separator=" ")


def string_hash_bucket(x: Any, buckets: int, salt: Sequence[int] | None = None) -> Any:
    """A number from 0 to buckets - 1 for each string, the same on every machine."""
    if salt is None:
        return tf.strings.to_hash_bucket_fast(x, buckets)
    return tf.strings.to_hash_bucket_strong(x, buckets, key=list(salt))


def string_cross_hash(columns: Sequence, buckets: int) -> Any:
    """A number from 0 to buckets - 1 for each row of columns (batch, 1) of strings or integers: (batch, 1)."""
    columns = [x if x.dtype is tf.string else tf.cast(x, tf.int64) for x in columns]
    return tf.sparse.to_dense(tf.sparse.cross_hashed(columns, buckets))


def to_string(x: Any) -> Any:
    """Each number written out; strings stay."""
    return x if x.dtype is tf.string else tf.strings.as_string(x)


def table_gather(words: Sequence, indices: Any, other: Any, dtype: str = "string") -> Any:
    """The word (string or integer, by `dtype`) at each index; `other` where there is none."""
    table = tf.constant([*words, other], dtype)
    indices = tf.cast(indices, tf.int64)
    inside = tf.logical_and(indices >= 0, indices < len(words))
    return tf.gather(table, tf.where(inside, indices, len(words)))


def string_to_lists(x: Any) -> Any:
    """The strings as (nested lists of) Python bytes."""
    return x.to_list() if isinstance(x, tf.RaggedTensor) else x.numpy().tolist() if x.shape.rank else x.numpy()


def is_ragged(x: Any) -> bool:
    """Whether rows of `x` differ in length."""
    return isinstance(x, tf.RaggedTensor)


def ragged_to_dense(x: Any, default: Any, length: int | None = None) -> Any:
    """Rows filled up with `default` to the longest, or filled up and cut to `length`."""
    if isinstance(x, tf.RaggedTensor):
        return x.to_tensor(
            default_value=default, shape=None if length is None else [None] * (len(x.shape) - 1) + [length]
        )
    if length is None:
        return x
    x = x[..., :length]
    missing = length - tf.shape(x)[-1]
    x = tf.pad(x, [[0, 0]] * (x.shape.rank - 1) + [[0, missing]], constant_values=default)
    return tf.ensure_shape(x, [*x.shape[:-1], length])


def count_rows(ids: Any, size: int, binary: bool = False, weights: Any = None) -> Any:
    """How often each of 0 ... size - 1 stands in each row (the last axis), or the sum of the weights of its places.

    (..., n) -> (..., size)
    """
    rank = len(ids.shape)
    if rank > 2 and isinstance(ids, tf.RaggedTensor):
        raise ValueError(f"Texts to be counted must be in one list or one axis, got shape {tuple(ids.shape)}.")
    static = list(ids.shape[:-1])
    leading: Any = None
    if rank == 1:
        ids = tf.expand_dims(ids, 0)
    elif rank > 2:
        leading = tf.shape(ids)[:-1]
        ids = tf.reshape(ids, [-1, tf.shape(ids)[-1]])
    if weights is not None:
        weights = tf.reshape(weights, tf.shape(ids))
    counts = tf.math.bincount(ids, weights, size, size, tf.int64, axis=-1, binary_output=binary)
    if rank == 1:
        counts = counts[0]
    elif rank > 2:
        counts = tf.reshape(counts, tf.concat([leading, [size]], 0))
    return tf.ensure_shape(counts, [*static, size])


def map_values(function: Callable, x: Any) -> Any:
    """`function` on the numbers or strings of a dense or ragged tensor, whatever the lengths of its rows."""
    return tf.ragged.map_flat_values(function, x) if isinstance(x, tf.RaggedTensor) else function(x)


class Table:
    """Strings, or integers, and an integer for each: `table.lookup(keys)` gives these, -1 for a key that is not there.

    It can be filled again, and what was compiled before then uses the new keys.
    """

    def __init__(self, dtype: str = "string", keys: Sequence = (), places: Sequence[int] = ()) -> None:
        self._dtype = dtype
        with tf.init_scope():
            self._table = tf.lookup.experimental.MutableHashTable(tf.as_dtype(dtype), tf.int64, default_value=-1)
        self._keys, self._places = list(keys), list(places)
        self.fill(keys, places)

    @property
    def resource(self) -> Any:
        """The table itself, which a SavedModel takes along."""
        return self._table

    def fill(self, keys: Sequence, places: Sequence[int]) -> None:
        """Forget what is there and take these keys."""
        with tf.init_scope():
            self._table.remove(self._table.export()[0])
            self._keys, self._places = list(keys), list(places)
            if keys:
                self._table.insert(tf.constant(self._keys, self._dtype), tf.constant(self._places, tf.int64))

    def lookup(self, x: Any, required: bool = False) -> Any:
        """The integer of each key; with `required`, a key that is not there is an error."""
        places = tf.ensure_shape(self._table.lookup(x), x.shape)
        if required:
            unknown = tf.boolean_mask(x, places < 0)
            message = "Everything must be in the vocabulary where num_oov_indices=0; these are not:"
            with tf.control_dependencies([tf.debugging.Assert(tf.size(unknown) == 0, [message, unknown])]):
                places = tf.identity(places)
        return places

    def __deepcopy__(self, memo: dict) -> "Table":
        return Table(self._dtype, self._keys, self._places)

    def __reduce__(self) -> tuple:
        return Table, (self._dtype, self._keys, self._places)
