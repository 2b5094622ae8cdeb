"""Unicode's composed form as operations of a graph: e + U+0301 -> é, on the code points of many texts at once.

    code points -> taken apart -> marks in canonical order -> put together again

Source: Unicode Standard Annex 15, "Unicode Normalization Forms".
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from hornbook.backend.tensorflow.strings import Table
from hornbook.export.texts import CodePoints, before, runs


class Replaced:
    """Code points, some of which become others.

    Args:
        texts: what a character becomes; "" where it goes away.

    >>> import tensorflow as tf
    >>> from hornbook.export.unicode import Replaced
    >>> points, row = Replaced({"a": "bc", "d": ""})(tf.constant([97, 100, 101]), tf.constant([0, 0, 1]))
    >>> points.numpy(), row.numpy()
    (array([ 98,  99, 101], dtype=int32), array([0, 0, 1], dtype=int32))
    """

    def __init__(self, texts: Mapping[str, str]) -> None:
        self._width = width = max(map(len, texts.values()), default=0) or 1
        self._places = CodePoints({ord(one): place + 1 for place, one in enumerate(texts)})
        rows = [[*map(ord, text), *[-1] * (width - len(text))] for text in ("", *texts.values())]
        with tf.init_scope():
            self._texts = tf.constant(np.array(rows, "int32"))

    def __call__(self, points: Any, row: Any) -> tuple[Any, Any]:
        place = self._places(points)
        becomes = tf.gather(self._texts, place)
        itself = tf.pad(points[:, None], [[0, 0], [0, self._width - 1]], constant_values=-1)
        becomes = tf.where(place[:, None] > 0, becomes, itself)
        row = tf.broadcast_to(row[:, None], tf.shape(becomes))
        return becomes[becomes >= 0], row[becomes >= 0]


class InTurn:
    """Several such steps, one after the other.

    Args:
        steps: from code points (N,) and the texts that they are of (N,) to others.
    """

    def __init__(self, steps: Sequence[Any]) -> None:
        self.steps = list(steps)
        tables = [step.table for step in steps if isinstance(step, Composed)]
        self.table = tables[0] if tables else None

    def __call__(self, points: Any, row: Any) -> tuple[Any, Any]:
        for step in self.steps:
            points, row = step(points, row)
        return points, row


class Composed:
    """Code points (N,) of the texts `row` (N,) in normalization form C.

    Args:
        apart: what each character is taken apart into, as far as it goes (form D).
        classes: the combining class of each mark; 0 for all other characters.
        together: the character that two characters are.

    >>> import tensorflow as tf
    >>> from hornbook.export.unicode import Composed
    >>> composed = Composed({"é": "e\u0301"}, {"\u0301": 230}, {("e", "\u0301"): "é"})
    >>> points, row = composed(tf.constant([101, 0x301, 233, 0x301]), tf.zeros(4, tf.int64))
    >>> [hex(point) for point in points.numpy()]
    ['0xe9', '0xe9', '0x301']
    """

    def __init__(
        self, apart: Mapping[str, str], classes: Mapping[str, int], together: Mapping[tuple[str, str], str]
    ) -> None:
        self._apart = Replaced(apart)
        self._classes = CodePoints({ord(mark): number for mark, number in classes.items()})
        self._joins = CodePoints({ord(second): 1 for _, second in together})
        pairs = [ord(first) << 32 | ord(second) for first, second in together]
        self.table = Table("int64", pairs, [ord(one) for one in together.values()])

    def __call__(self, points: Any, row: Any) -> tuple[Any, Any]:
        points, row = self._apart(points, row)
        order = self._classes(points)
        begins = before(row, -1) != row
        # Marks in order of their classes, each behind the letter it belongs to.
        run = tf.cast(runs(begins | (order == 0)), tf.int64)
        place = tf.argsort(run * 256 + tf.cast(order, tf.int64), stable=True)
        points, order = tf.gather(points, place), tf.gather(order, place)
        # Chains: all that could become one with what is in front of it. Few have more than one character.
        chains = begins | ((order == 0) & (self._joins(points) == 0))
        starts = tf.where(chains)[:, 0]
        length = tf.concat([starts[1:], [tf.size(points, tf.int64)]], 0)[: tf.size(starts)] - starts
        starts, length = tf.boolean_mask(starts, length > 1), tf.boolean_mask(length, length > 1)

        def unfinished(step: Any, starts: Any, *_: Any) -> Any:
            return tf.size(starts) > 0

        def next_of_chains(step: Any, starts: Any, length: Any, base: Any, last: Any, points: Any, kept: Any) -> tuple:
            """`base` is where the letter of each chain is, `last` the class of the mark before this one, -1 for none."""
            here = starts + step
            one, own = tf.gather(points, here), tf.gather(order, here)
            letter = tf.gather(points, base)
            # Marks without a letter in front of them are no letters; no pair begins with one that could be.
            pair = tf.cast(letter, tf.int64) * 2**32 + tf.cast(one, tf.int64)
            found = self.table.lookup(pair)
            joined = (found >= 0) & ((last < 0) | (last < own))
            changed = tf.where(joined, base, here)[:, None]
            points = tf.tensor_scatter_nd_update(points, changed, tf.where(joined, tf.cast(found, tf.int32), one))
            kept = tf.tensor_scatter_nd_update(kept, here[:, None], ~joined)
            starter = ~joined & (own == 0)
            base = tf.where(starter, here, base)
            last = tf.where(joined, last, tf.where(starter, -1, own))
            more = length > step + 1
            state = (tf.boolean_mask(x, more) for x in (starts, length, base, last))
            return (step + 1, *state, points, kept)

        state = (tf.constant(1, tf.int64), starts, length, starts, -tf.ones_like(starts, tf.int32), points)
        state = (*state, tf.ones_like(points, tf.bool))
        free = tf.TensorShape([None])
        *_, points, kept = tf.while_loop(
            unfinished, next_of_chains, state, shape_invariants=(tf.TensorShape([]), *[free] * 6)
        )
        return tf.boolean_mask(points, kept), tf.boolean_mask(row, kept)
