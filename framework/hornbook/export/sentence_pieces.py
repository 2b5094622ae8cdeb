"""SentencePiece as operations of a graph: T5's, XLM-RoBERTa's, Llama's and Gemma's tokenizers.

    "Ｈello you" -> characters replaced: Hello you -> words ▁Hello ▁you -> the most likely pieces (Unigram), or pairs merged (BPE)

    best(e) = max over s < e of best(s) + score(x_s ... x_e-1)                     Viterbi, for all words at once

Sources: Kudo 2018, "Subword Regularization"; Kudo and Richardson 2018, "SentencePiece".
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from hornbook.backend.tensorflow.strings import Table
from hornbook.export.byte_pairs import Merges
from hornbook.export.texts import CodePoints, TextPieces, before, behind, code_points, runs, so_far, total

Step = Callable[[Any, Any, Any], tuple[Any, Any, Any]]
"""From code points (N,), the word that each is of (N,), and what the words are of (W, 2): the text's part, whether it is its
first; to others."""


class Trie:
    """Texts as paths from the root, a character a step: `table` leads from (node, character) on, `ends` holds a number each."""

    def __init__(self, numbers: Mapping[str, int]) -> None:
        edges: dict[int, int] = {}
        ends = [-1]
        for text, number in numbers.items():
            node = 0
            for character in text:
                node = edges.setdefault(node << 21 | ord(character), len(ends))
                ends += [-1] * (node == len(ends))
            ends[node] = number
        self.longest = max(map(len, numbers), default=1)
        self.table = Table("int64", list(edges), list(edges.values()))
        with tf.init_scope():
            self.ends = tf.constant(ends, tf.int64)

    def numbers(self, points: Any, left: Any, longest: int | None = None) -> list[Any]:
        """The numbers of texts of one character, of two, ... that start at each point, -1 for none.

        Args:
            points: code points, (..., L), a text going on to the right.
            left: how many of these each text has, from each point on.
            longest: up to how many characters.
        """
        node = tf.zeros_like(points, tf.int64)
        found = []
        for step in range(longest or self.longest):
            ahead = tf.concat([points[..., step:], tf.zeros_like(points[..., :step])], -1)
            there = (node >= 0) & (left > step)
            node = self.table.lookup(tf.where(there, node * 2**21 + tf.cast(ahead, tf.int64), -1))
            found.append(tf.where(node >= 0, tf.gather(self.ends, tf.maximum(node, 0)), -1))
        return found


# ------------------------------------------------------------------------------------------------ texts to words
OTHER, EXTEND, SPACING, JOINER, PREPEND, PICTURE, CONTROL = range(7)
SMALL = 6  # bytes


class Characters:
    """SentencePiece's table of characters, as the `tokenizers` library applies it.

    What a reader sees as one character (a cluster: a letter and its marks) is looked up as a whole where it has less than six
    bytes: the shortest text of the table that it begins with stands for all of it. Otherwise, and where there is none, its
    characters are looked up one by one.

    Args:
        texts: what each text becomes.
        kinds: of each code point, which part it takes in clusters.

    Source of the clusters: Unicode Standard Annex 29. Those of Hangul and flags are left out: they have six bytes or more.
    """

    def __init__(self, texts: Mapping[str, str], kinds: np.ndarray) -> None:
        self._trie = Trie({text: place for place, text in enumerate(texts)})
        self.table = self._trie.table
        self._kinds = CodePoints(kinds)
        self._width = width = max(map(len, texts.values()), default=0) or 1
        rows = [[*map(ord, text), *[-1] * (width - len(text))] for text in texts.values()] or [[-1]]
        with tf.init_scope():
            self._texts = tf.constant(np.array(rows, "int32"))

    def __call__(self, points: Any, row: Any, words: Any) -> tuple[Any, Any, Any]:
        kinds = self._kinds(points)
        begins = before(row, -1) != row
        left = tf.where(begins, CONTROL, before(kinds, CONTROL))
        attached = (kinds == EXTEND) | (kinds == SPACING) | (kinds == JOINER)
        # A picture behind a joiner goes with the picture before it, where nothing but marks stands between them.
        roots = begins | ~attached
        odd = so_far((kinds == JOINER) | (kinds == SPACING), roots)  # before this one
        picture = tf.gather(tf.boolean_mask(kinds, roots), runs(roots)) == PICTURE
        joined = (kinds == PICTURE) & (left == JOINER) & before(picture & (odd == 0), False)
        starts = begins | ~((left != CONTROL) & (attached | joined | ((left == PREPEND) & (kinds != CONTROL))))

        cluster = runs(starts)
        long = (
            1
            + tf.cast(points > 0x7F, tf.int32)
            + tf.cast(points > 0x7FF, tf.int32)
            + tf.cast(points > 0xFFFF, tf.int32)
        )
        small = total(long, cluster) < SMALL
        count, place = total(tf.ones_like(points), cluster), so_far(tf.ones_like(points), starts)
        found = self._trie.numbers(points, tf.where(small & starts, count, 1), SMALL - 1)
        alone, shortest = found[0], found[0]
        for longer in found[1:]:
            shortest = tf.where(shortest >= 0, shortest, longer)
        of_cluster = tf.gather(tf.boolean_mask(shortest, starts), cluster)
        whole = small & (of_cluster >= 0)
        number = tf.where(whole, of_cluster, alone)
        becomes = tf.gather(self._texts, tf.maximum(number, 0))
        itself = tf.pad(points[:, None], [[0, 0], [0, self._width - 1]], constant_values=-1)
        becomes = tf.where((number >= 0)[:, None], becomes, itself)
        becomes = tf.where((whole & (place > 0))[:, None], -1, becomes)
        row = tf.broadcast_to(row[:, None], tf.shape(becomes))
        return becomes[becomes >= 0], row[becomes >= 0], words


def replace(one: int, other: int) -> Step:
    """A character becomes another."""
    return lambda points, row, words: (tf.where(points == one, other, points), row, words)


def collapse(one: int, other: int) -> Step:
    """Two or more of a character become one of another."""

    def step(points: Any, row: Any, words: Any) -> tuple[Any, Any, Any]:
        same = (points == one) & (before(points, -1) == one) & (before(row, -1) == row)
        several = same | ((points == one) & (behind(points, -1) == one) & (behind(row, -1) == row))
        points = tf.where(several, other, points)
        return tf.boolean_mask(points, ~same), tf.boolean_mask(row, ~same), words

    return step


def strip_one(one: int) -> Step:
    """A character at the beginning of a word, and one at its end, go away."""

    def step(points: Any, row: Any, words: Any) -> tuple[Any, Any, Any]:
        ends = (points == one) & ((before(row, -1) != row) | (behind(row, -1) != row))
        return tf.boolean_mask(points, ~ends), tf.boolean_mask(row, ~ends), words

    return step


def prepend(one: int, unless: bool = False, first: bool = False) -> Step:
    """A character in front of each word that has any; `unless` it begins so; only of `first` parts of texts."""

    def step(points: Any, row: Any, words: Any) -> tuple[Any, Any, Any]:
        begins = before(row, -1) != row
        bare = begins & ((points != one) if unless else tf.ones_like(begins))
        if first:
            bare &= tf.gather(words[:, 1], row) == 1
        two = tf.stack([tf.where(bare, one, -1), points], 1)  # what comes in front, and the character
        row = tf.stack([row, row], 1)
        return two[two >= 0], row[two >= 0], words

    return step


def cut(at: Sequence[int], keep: bool) -> Step:
    """Words are cut at characters, which go away, or which `keep` their place at the beginning of the next word."""

    def step(points: Any, row: Any, words: Any) -> tuple[Any, Any, Any]:
        here = tf.reduce_any(points[:, None] == tf.constant(list(at)), 1)
        starts = (before(row, -1) != row) | (here if keep else before(here, True))
        if not keep:
            points, row, starts = (tf.boolean_mask(x, ~here) for x in (points, row, starts))
            starts |= before(row, -1) != row
        words = tf.gather(words, tf.boolean_mask(row, starts))
        return points, tf.cast(runs(starts), row.dtype), words

    return step


def cut_behind(one: int) -> Step:
    """Words are cut behind each of a character."""

    def step(points: Any, row: Any, words: Any) -> tuple[Any, Any, Any]:
        starts = (before(row, -1) != row) | (before(points, -1) == one)
        return points, tf.cast(runs(starts), row.dtype), tf.gather(words, tf.boolean_mask(row, starts))

    return step


# ------------------------------------------------------------------------------------------------ words to pieces
class Bytes:
    """The pieces <0x00> to <0xFF>, which write what no other piece does.

    Args:
        numbers: the id of each piece.
    """

    def __init__(self, numbers: Mapping[str, int]) -> None:
        with tf.init_scope():
            self._bytes = tf.constant([numbers[f"<0x{byte:02X}>"] for byte in range(256)], tf.int64)

    def of(self, points: Any) -> Any:
        """The ids of the bytes of code points (...), (..., 4), filled up with -1."""
        # A character is one to four bytes, each but the first with six bits of it: its sixes, from the last on.
        count: Any = 1 + sum(tf.cast(points > most, tf.int32) for most in (0x7F, 0x7FF, 0xFFFF))
        sixes = [points // 64**i for i in range(4)]
        steps = [
            sum(tf.where(count == n, sixes[n - 1] + lead, 0) for n, lead in ((1, 0), (2, 0xC0), (3, 0xE0), (4, 0xF0)))
        ]
        for i in (1, 2, 3):
            steps.append(sum(tf.where(count == n, 0x80 + sixes[n - 1 - i] % 64, 0) for n in range(i + 1, 5)))
        return tf.where(tf.range(4) < count[..., None], tf.gather(self._bytes, tf.stack(steps, -1)), -1)


class Unigram:
    """The most likely pieces of words.

    Args:
        pieces: each piece and its score, the logarithm of how likely it is; its place is its id.
        unknown: the id for characters that are no pieces; neighbours are one.
        fallback: whether such characters are written as pieces of bytes instead, <0x00> to <0xFF>.
    """

    def __init__(self, pieces: Sequence[tuple[str, float]], unknown: int, fallback: bool = False) -> None:
        self.unknown = unknown
        self._bytes = Bytes({text: number for number, (text, _) in enumerate(pieces)}) if fallback else None
        if self._bytes is not None:
            with tf.init_scope():  # the piece for what is unknown, in bytes
                name = self._bytes.of(tf.constant([*map(ord, pieces[unknown][0])], tf.int32))
                self._name = tf.pad(name[name >= 0], [[0, 4]], constant_values=-1)
        self._trie = Trie({text: number for number, (text, _) in enumerate(pieces) if text})
        self.table = self._trie.table
        scores = [score for _, score in pieces]
        with tf.init_scope():
            # The last one is for what is no piece.
            self._scores = tf.constant([*scores, -np.inf], tf.float64)
        self._penalty = min(scores) - 10.0

    def __call__(self, points: Any, length: Any) -> Any:
        """Words (W, L) of code points, and how long they are (W,), as ids (W, pieces), ragged."""
        time = tf.shape(points)[1]
        place = tf.range(time)
        left = tf.maximum(length[:, None] - place, 0)
        found = self._trie.numbers(points, left)
        found[0] = tf.where((found[0] < 0) & (left > 0), tf.constant(-2, tf.int64), found[0])  # unknown
        longest = len(found)
        # By where they end, the longest first: (W, L, M).
        ends = [tf.pad(one, [[0, 0], [m, 0]], constant_values=-1)[:, :time] for m, one in enumerate(found)]
        ids = tf.stack(ends[::-1], 2)
        scores = tf.gather(self._scores, tf.where(ids >= 0, ids, tf.size(self._scores, tf.int64) - 1))
        scores = tf.transpose(tf.where(ids == -2, tf.constant(self._penalty, tf.float64), scores), [1, 0, 2])

        count = tf.shape(points)[0]
        no = tf.constant(-np.inf, tf.float64)
        best = tf.concat([tf.fill([count, longest - 1], no), tf.zeros([count, 1], tf.float64)], 1)
        chosen = tf.TensorArray(tf.int64, size=time, element_shape=[None])

        def forward(end: Any, best: Any, chosen: Any) -> tuple:
            paths = best + scores[end]  # of equals, the one that starts first
            choice = tf.argmax(paths, 1)
            score = tf.gather(paths, choice, batch_dims=1)
            return end + 1, tf.concat([best[:, 1:], score[:, None]], 1), chosen.write(end, choice)

        shapes = (tf.TensorShape([]), tf.TensorShape([None, longest]), tf.TensorShape([]))
        _, _, chosen = tf.while_loop(
            lambda end, *_: end < time, forward, (tf.constant(0), best, chosen), shape_invariants=shapes
        )
        chosen = tf.transpose(tf.reshape(chosen.stack(), [time, count]))  # (W, L)
        ids = tf.gather(ids, chosen, batch_dims=2)

        def backward(end: Any, starts: Any) -> tuple:
            """`starts` marks where a piece of the best path ends; `end` is the last of these that was found."""
            inside = end >= 0
            marks = tf.one_hot(tf.where(inside, end, -1), time, True, False, dtype=tf.bool)
            choice = tf.gather(chosen, tf.maximum(end, 0), batch_dims=1)
            return tf.where(inside, end - (longest - tf.cast(choice, tf.int32)), -1), starts | marks

        _, marked = tf.while_loop(
            lambda end, _: tf.reduce_any(end >= 0), backward, (length - 1, tf.zeros_like(points, tf.bool))
        )
        ids = tf.ragged.boolean_mask(ids, marked)
        flat, row = ids.flat_values, ids.value_rowids()
        # What is unknown is one with its neighbours that are; the piece for it may be spelled in the text too.
        odd = (flat == -2) | (flat == self.unknown)
        again = odd & before(odd, False) & (before(row, -1) == row)
        if self._bytes is None:
            flat = tf.where(odd, tf.constant(self.unknown, tf.int64), flat)
            flat, row = tf.boolean_mask(flat, ~again), tf.boolean_mask(row, ~again)
        else:
            company = again | (odd & behind(odd, False) & (behind(row, -1) == row))
            width = tf.size(self._name)
            alone = tf.pad(flat[:, None], [[0, 0], [0, width - 1]], constant_values=-1)
            last = tf.ragged.boolean_mask(points, marked).flat_values  # of the characters of each piece
            spelled = tf.pad(self._bytes.of(last), [[0, 0], [0, width - 4]], constant_values=-1)
            spelled = tf.where((flat == -2)[:, None], spelled, tf.where(company[:, None], self._name, alone))
            row = tf.broadcast_to(row[:, None], tf.shape(spelled))[spelled >= 0]
            flat = spelled[spelled >= 0]
        return tf.RaggedTensor.from_value_rowids(flat, row, ids.nrows())


class Pairs:
    """Pieces made of characters by merging pairs; characters that are no pieces are their bytes, or unknown.

    Args:
        numbers: the id of each piece.
        merges: pairs of pieces that become one, the first first.
        unknown: the id for characters that are no pieces, neighbours being one; None: none is needed.
        fallback: whether such characters are written as pieces of bytes, <0x00> to <0xFF>.
    """

    def __init__(
        self, numbers: Mapping[str, int], merges: Sequence[tuple[str, str]], unknown: int | None, fallback: bool
    ) -> None:
        self._characters = CodePoints({ord(text): number + 1 for text, number in numbers.items() if len(text) == 1})
        self._merges = Merges([((numbers[one], numbers[two]), numbers[one + two]) for one, two in merges])
        self.table = self._merges.table
        self.unknown = unknown
        self._bytes = Bytes(numbers) if fallback else None

    def __call__(self, points: Any, length: Any) -> Any:
        """Words (W, L) of code points, and how long they are (W,), as ids (W, pieces), ragged."""
        ids = tf.cast(self._characters(points), tf.int64) - 1
        inside = tf.sequence_mask(length, tf.shape(points)[1])
        if self._bytes is not None:
            alone = tf.pad(ids[..., None], [[0, 0], [0, 0], [0, 3]], constant_values=-1)
            ids = tf.where(ids[..., None] >= 0, alone, self._bytes.of(points))
            ids = tf.ragged.boolean_mask(ids, (ids >= 0) & inside[..., None]).merge_dims(1, 2).to_tensor(-1)
        else:
            unknown = (ids < 0) & inside
            again = unknown & tf.pad(unknown[:, :-1], [[0, 0], [1, 0]])
            ids = tf.where(unknown, tf.constant(-1 if self.unknown is None else self.unknown, tf.int64), ids)
            ids = tf.ragged.boolean_mask(ids, inside & ~again & (ids >= 0)).to_tensor(-1)
        ids = self._merges(ids)
        return tf.ragged.boolean_mask(ids, ids >= 0)


class SentencePieces(TextPieces):
    """Texts (B,) as {"input_ids", "attention_mask", "token_type_ids"}: int32 arrays (B, T), padded to the longest.

    Args:
        model: `Unigram` or `Pairs`.
        steps: what is done to texts before, in order, cuts into words included.
        kwargs: as `TextPieces` has them.

    >>> import tensorflow as tf
    >>> from hornbook.export.sentence_pieces import SentencePieces, Unigram, cut, prepend
    >>> model = Unigram([("?", 0.0), ("_", -3.0), ("_a", -2.0), ("b", -2.0), ("ab", -2.5), ("_ab", -9.0)], unknown=0)
    >>> steps = [cut([32], keep=False), prepend(ord("_"))]
    >>> SentencePieces(model, steps, specials=[], before=[], after=[], padding=0)(tf.constant(["ab bxa"]))["input_ids"].numpy()
    array([[2, 3, 1, 3, 0]], dtype=int32)
    """

    def __init__(self, model: Unigram | Pairs, steps: Sequence[Step], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.model, self.steps = model, list(steps)
        self._pieces = model.table  # what is exported takes along a layer's own tables
        tables = [step.table for step in steps if isinstance(step, Characters)]
        self._characters = tables[0] if tables else None

    def _numbers(self, parts: Any, first: Any) -> Any:
        points, row = code_points(parts)
        words = tf.stack([tf.range(tf.size(parts)), tf.cast(first, tf.int32)], 1)
        for step in self.steps:
            points, row, words = step(points, row, words)
        count = tf.shape(words, tf.int64)[0]
        spelled = tf.strings.unicode_encode(tf.RaggedTensor.from_value_rowids(points, row, count), "UTF-8")
        spelled, place = tf.unique(spelled)
        ragged = tf.strings.unicode_decode(spelled, "UTF-8")
        ids = self.model(ragged.to_tensor(0), tf.cast(ragged.row_lengths(), tf.int32))
        ids = tf.gather(ids, place)
        return tf.RaggedTensor.from_value_rowids(
            ids, tf.cast(words[:, 0], tf.int64), tf.shape(parts, tf.int64)[0]
        ).merge_dims(1, 2)
