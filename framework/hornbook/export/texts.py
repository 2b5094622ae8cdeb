"""What tokenizers in a graph share: special pieces in texts, tables over all of Unicode, runs of characters, packed ids.

    texts (B,) -> parts, at special pieces -> cleaned -> parts, at others -> ids of each part -> ids around -> arrays (B, T)

Texts are UTF-8; what is not is read as U+FFFD, as Python's `bytes.decode("utf-8", "replace")` does.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from hornbook.backend.tensorflow.strings import Table
from hornbook.core.layer import Layer

_CUT = b"\xff"  # a byte that no UTF-8 has
SPACES = r"[\x{9}-\x{d}\x{20}\x{85}\x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000}]"


class SpecialPiece(tuple):
    """A piece that stands for itself in a text: (text, number, whether spaces before it go with it, and behind it)."""

    def __new__(cls, text: str, number: int, lstrip: bool = False, rstrip: bool = False) -> "SpecialPiece":
        return super().__new__(cls, (text, number, lstrip, rstrip))


class Specials:
    """Cuts texts at pieces that stand for themselves.

    Args:
        pieces: these.
    """

    def __init__(self, pieces: Sequence[SpecialPiece]) -> None:
        # RE2 takes the first of several that match at the same place: the longest is to be it.
        pieces = sorted(pieces, key=lambda special: -len(special[0]))
        spaces = (f"{SPACES}*", "")
        self._pattern = "|".join(
            spaces[not lstrip] + literally(text) + spaces[not rstrip] for text, _, lstrip, rstrip in pieces
        )
        self._trims = any(lstrip or rstrip for _, _, lstrip, rstrip in pieces)
        self.table = Table("string", [special[0] for special in pieces], [special[1] for special in pieces])

    def parted(self, texts: Any, numbers: Any) -> Any:
        """The ids of texts (P,), (P, ragged).

        Args:
            texts: these.
            numbers: from what is between the pieces, whether it begins its text, and which text that is, to ids.
        """
        if not self._pattern:
            return numbers(texts, tf.ones_like(texts, tf.bool), tf.range(tf.size(texts)))
        # "a[MASK]b" -> a, [MASK], b: those at odd places are special.
        cut = tf.strings.regex_replace(texts, f"({self._pattern})", _CUT + rb"\1" + _CUT)
        parts = tf.strings.split(cut, _CUT)  # (P, parts)
        flat, rows = parts.flat_values, parts.value_rowids()
        place = tf.range(tf.size(flat, tf.int64)) - tf.gather(parts.row_starts(), rows)
        special = place % 2 == 1
        named = tf.boolean_mask(flat, special)
        if self._trims:
            named = tf.strings.regex_replace(named, f"^{SPACES}+|{SPACES}+$", "")
        found = tf.RaggedTensor.from_tensor(self.table.lookup(named)[:, None])
        plain, of = tf.boolean_mask(flat, ~special), tf.boolean_mask(rows, ~special)
        others = numbers(plain, tf.boolean_mask(place, ~special) == 0, of)
        # Both kinds of parts, one behind the other, back in the order of the text.
        order = tf.concat([tf.where(special)[:, 0], tf.where(~special)[:, 0]], 0)
        both = tf.gather(tf.concat([found, others], 0), tf.argsort(order))
        return tf.RaggedTensor.from_value_rowids(both, rows, tf.shape(texts, tf.int64)[0]).merge_dims(1, 2)


class TextPieces(Layer):
    """Texts (B,) as {"input_ids", "attention_mask", "token_type_ids"}: int32 arrays (B, T), padded to the longest.

    A subclass has `_numbers`: parts of texts (P,) and whether each begins its text (P,) -> their ids (P, ragged); and
    `_cleaned`: parts -> parts, where others are looked for than in the texts as they are.

    Args:
        specials: the pieces that are looked for first.
        before, after: the ids around a text.
        padding: the id that fills up short texts.
        max_length: the longest text, in ids with those around it.
        names: which of the arrays there are to be.
        late: the pieces that are looked for in cleaned texts.
    """

    def __init__(
        self,
        specials: Sequence[SpecialPiece],
        before: Sequence[int],
        after: Sequence[int],
        padding: int,
        max_length: int = 512,
        names: Sequence[str] = ("input_ids", "attention_mask", "token_type_ids"),
        late: Sequence[SpecialPiece] = (),
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.before, self.after, self.padding = list(before), list(after), padding
        self.max_length, self.names = max_length, list(names)
        self._early, self._late = Specials(specials), Specials(late)
        # What is exported takes along a layer's own tables.
        self._specials, self._late_specials = self._early.table, self._late.table

    def _numbers(self, parts: Any, first: Any) -> Any:
        raise NotImplementedError

    def _cleaned(self, parts: Any) -> Any:
        return parts

    def call(self, texts: Any) -> dict[str, Any]:
        texts = tf.strings.unicode_transcode(
            texts, "UTF-8", "UTF-8", errors="replace", replace_control_characters=False
        )

        def between(parts: Any, first: Any, _: Any) -> Any:
            """The ids of what stands between the first special pieces."""
            return self._late.parted(
                self._cleaned(parts), lambda plain, begins, of: self._numbers(plain, begins & tf.gather(first, of))
            )

        return self._packed(self._early.parted(texts, between))

    def _packed(self, ids: Any) -> dict[str, Any]:
        """Ids (B, ragged), cut to the longest, with those around them, as arrays."""
        ids = ids[:, : self.max_length - len(self.before) - len(self.after)]
        around = [tf.constant([each], tf.int64, [1, len(each)]) for each in (self.before, self.after)]
        before, after = (tf.RaggedTensor.from_tensor(tf.tile(each, [ids.nrows(), 1])) for each in around)
        ids = tf.concat([before, ids, after], axis=1)
        dense = tf.cast(ids.to_tensor(self.padding), tf.int32)
        mask = tf.cast(tf.sequence_mask(ids.row_lengths(), tf.shape(dense)[1]), tf.int32)
        arrays = {"input_ids": dense, "attention_mask": mask, "token_type_ids": tf.zeros_like(dense)}
        return {name: arrays[name] for name in self.names}


def literally(text: str) -> str:
    """A regular expression (RE2) that matches this text alone."""
    return "".join(f"\\x{{{ord(character):x}}}" for character in text)


class CodePoints:
    """A number for each code point, in blocks of 256 of which equal ones are kept once.

    >>> import numpy as np, tensorflow as tf
    >>> from hornbook.export.texts import CodePoints
    >>> table = CodePoints({ord("a"): 1, 0x1F642: 2})
    >>> table(tf.constant([97, 98, 0x1F642])).numpy()
    array([1, 0, 2], dtype=int32)
    """

    def __init__(self, numbers: Mapping[int, int] | np.ndarray) -> None:
        if not isinstance(numbers, np.ndarray):
            held, numbers = numbers, np.zeros(0x110000, "int32")
            numbers[list(held)] = list(held.values())
        blocks, places = np.unique(numbers.reshape(-1, 256), axis=0, return_inverse=True)
        with tf.init_scope():
            self._blocks = tf.constant(blocks.reshape(-1).astype("int32"))
            self._places = tf.constant(places.reshape(-1).astype("int32"))

    def __call__(self, points: Any) -> Any:
        return tf.gather(self._blocks, tf.gather(self._places, points // 256) * 256 + points % 256)


def code_points(parts: Any) -> tuple[Any, Any]:
    """Texts (P,) as their code points, one text behind the other (N,), and the text that each is of (N,)."""
    decoded = tf.strings.unicode_decode(parts, "UTF-8")
    return decoded.flat_values, decoded.value_rowids()


def before(values: Any, first: Any) -> Any:
    """Each element's left neighbour; `first` for the first."""
    return tf.concat([tf.fill([tf.minimum(tf.size(values), 1)], tf.cast(first, values.dtype)), values[:-1]], 0)


def behind(values: Any, last: Any) -> Any:
    """Each element's right neighbour; `last` for the last."""
    return tf.concat([values[1:], tf.fill([tf.minimum(tf.size(values), 1)], tf.cast(last, values.dtype))], 0)


def runs(starts: Any) -> Any:
    """The number of the run that each element is in, from where runs start."""
    return tf.cumsum(tf.cast(starts, tf.int32)) - 1


def total(values: Any, run: Any) -> Any:
    """For each element, the sum of `values` over its run."""
    count = tf.reduce_max(run, keepdims=False) + 1 if run.shape[0] != 0 else 0
    sums = tf.math.unsorted_segment_sum(tf.cast(values, tf.int32), run, tf.maximum(count, 1))
    return tf.gather(sums, run)


def so_far(values: Any, starts: Any) -> Any:
    """For each element, the sum of `values` over its run, before it."""
    counted = tf.cumsum(tf.cast(values, tf.int32), exclusive=True)
    return counted - tf.gather(tf.boolean_mask(counted, starts), runs(starts))
