"""Byte-level byte pairs as operations of a graph: GPT-2's, RoBERTa's, Llama 3's, Qwen's and CLIP's tokenizers.

    "I'll go" -> code points, each a letter, digit, space or sign -> words: I, 'll, " go" -> bytes -> the best pair merged, again
    and again -> ids

How a text is cut into words is a regular expression in the files. Those in use are a few, and each is written here as algebra
on neighbours, since no regular expression of TensorFlow looks ahead: where a word starts, for all characters at once.

Sources: Radford et al. 2019, "Language Models are Unsupervised Multitask Learners"; Sennrich et al. 2016.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from hornbook.backend.tensorflow.strings import Table
from hornbook.export.texts import CodePoints, TextPieces, before, behind, code_points, runs, so_far, total

LETTER, NUMBER, SPACE, SIGN = 1, 2, 3, 0
NEVER = 2**30


class Cut(NamedTuple):
    """How texts are cut into words: letters, numbers, signs and spaces apart, and ..."""

    any_case: bool
    """'S is cut off as 's is"""
    digits: int
    """how many digits a word has at most; 0: any number of them, and a space before them"""
    any_prefix: bool
    """one sign, or space of any kind, goes with the letters behind it; else one plain space"""
    lines: bool
    """ends of lines go with the signs before them, or else with the spaces before them"""
    spaces: bool = True
    """spaces are words too, or go with what is behind them; else they go away"""
    names: tuple[str, ...] = ()
    """texts of signs, letters and signs: behind one that begins as a word does, another word begins"""


_NEW = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}%s| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
CUTS = {
    r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+": Cut(False, 0, False, False),
    _NEW % "{1,3}": Cut(True, 3, True, True),
    _NEW % "": Cut(True, 1, True, True),
}
"""The regular expressions that are known, GPT-2's, Llama 3's and Qwen's, and what they do."""
GPT2 = next(iter(CUTS))
CLIP = r"<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"
CLIP_CUT = Cut(False, 1, False, False, False, ("<|startoftext|>", "<|endoftext|>"))
"""CLIP's, whose matches are the words."""


def word_starts(points: Any, row: Any, kinds: Any, cut: Cut) -> Any:
    """Where words start, for code points (N,) of the texts `row` (N,), each of a kind (N,).

    It is seen in the characters beside each: `left` and `right` are their kinds, -1 beyond the text.
    """
    begins, ends = before(row, -1) != row, behind(row, -1) != row
    left = tf.where(begins, -1, before(kinds, -1))
    right = tf.where(ends, -1, behind(kinds, -1))
    letter, number, space, sign = (kinds == kind for kind in (LETTER, NUMBER, SPACE, SIGN))
    starts_run = left != kinds
    after_blank = ~begins & (before(points, -1) == ord(" ")) if cut.spaces else tf.zeros_like(begins)
    after_name = _after_names(points, row, begins | (left != SIGN), cut.names)

    # 's 't 'm 'd 're 've 'll, where neither a sign nor a space before them takes the apostrophe.
    free = (points == ord("'")) & ~after_blank & ((left != SIGN) | after_name)
    one = tf.where(ends, -1, behind(points, -1))
    two = tf.where(ends | behind(ends, True), -1, behind(behind(points, -1), -1))
    if cut.any_case:
        one, two = (tf.where((x >= 65) & (x <= 90), x + 32, tf.where(x == 0x17F, ord("s"), x)) for x in (one, two))
    short = free & _is_one_of(one, "stmd")
    long = free & ((_is_one_of(one, "rv") & (two == ord("e"))) | ((one == ord("l")) & (two == ord("l"))))
    cut_off = short | long
    behind_cut = before(before(short, False), False) | before(before(before(long, False), False), False)

    # A sign alone goes with the letters behind it.
    prefix = (
        sign & ~after_blank & (left != SIGN) & (right == LETTER) & ~cut_off if cut.any_prefix else tf.zeros_like(sign)
    )
    line = (points == 10) | (points == 13) if cut.lines else tf.zeros_like(sign)
    after_line = ~begins & before(line, False)
    glued = (left == SPACE) & ~after_line if cut.any_prefix else after_blank
    letters_start = letter & starts_run & ~glued & ~before(prefix | cut_off, False)
    if cut.digits:
        numbers_start = number & (so_far(tf.ones_like(kinds), starts_run) % cut.digits == 0)
    else:
        numbers_start = number & starts_run & ~after_blank
    signs_start = sign & starts_run & ~after_blank

    # Spaces: up to the last end of a line, then all but the last, then the last, which what follows may take.
    lines_before = so_far(line, starts_run)
    lines_left = total(line, runs(starts_run)) - lines_before  # with this one
    place = so_far(tf.ones_like(kinds), starts_run)
    after_sign = _first_of_run(left == SIGN, starts_run)
    taken = line & after_sign & (lines_before == place)  # ends of lines that the signs before them took
    taken_before = before(taken, False) & ~starts_run
    spaces_start = (
        space
        & ~taken
        & (starts_run | taken_before | (after_line & (lines_left == 0)) | ((right >= 0) & (right != SPACE) & ~line))
    )
    return begins | after_name | cut_off | behind_cut | letters_start | numbers_start | signs_start | spaces_start


def _after_names(points: Any, row: Any, free: Any, names: Sequence[str]) -> Any:
    """Where a name has ended that began where it was `free` to, or where another such one ended."""
    covered = ends = tf.zeros_like(free)
    for name in names:
        found = tf.ones_like(free)  # whether the name begins here
        letters, texts = points, row
        for letter in name:
            found &= (letters == ord(letter)) & (texts == row)
            letters, texts = behind(letters, -1), behind(texts, -1)
        for _ in name:
            covered |= found
            found = before(found, False)
        ends |= found
    begins = before(row, -1) != row
    chains = begins | (covered != before(covered, False))  # names side by side are one chain
    return ends & ~begins & before(covered & _first_of_run(free, chains), False)


def _is_one_of(points: Any, letters: str) -> Any:
    return tf.reduce_any(points[:, None] == tf.constant([ord(letter) for letter in letters]), 1)


def _first_of_run(values: Any, starts: Any) -> Any:
    """For each element, the value at the start of its run."""
    return tf.gather(tf.boolean_mask(values, starts), runs(starts))


class Merges:
    """Pairs of pieces and what they become, the earliest first, one pair of each word in each step.

        a b a b c --(a b)--> ab a b c --(a b)--> ab ab c --(ab c)--> ab abc

    Args:
        pairs: ((left, right), together), ids, in order.
    """

    def __init__(self, pairs: Sequence[tuple[tuple[int, int], int]]) -> None:
        self.table = Table("int64", [left << 32 | right for (left, right), _ in pairs], range(len(pairs)))
        with tf.init_scope():
            self._together = tf.constant([together for _, together in pairs] or [0], tf.int64)

    def _ranks(self, left: Any, right: Any) -> Any:
        """The place of each pair in the order; NEVER for what is no pair, or beyond the word."""
        there = (left >= 0) & (right >= 0)
        found = self.table.lookup(tf.where(there, left * 2**32 + right, -1))
        return tf.where(found >= 0, found, NEVER)

    def __call__(self, ids: Any) -> Any:
        """Words (W, L) of ids, filled up with -1, as merged ones (W, L)."""
        width = tf.shape(ids)[1]
        # A place beyond the end, so that each piece has a right neighbour.
        ids = tf.pad(ids, [[0, 0], [0, 1]], constant_values=-1)
        ranks = tf.pad(self._ranks(ids[:, :-1], ids[:, 1:]), [[0, 0], [0, 1]], constant_values=NEVER)

        def unfinished(words: Any, ids: Any, ranks: Any, done: Any) -> Any:
            return tf.size(words) > 0

        def merge(words: Any, ids: Any, ranks: Any, done: Any) -> tuple:
            best = tf.argmin(ranks, 1)[:, None]  # (W, 1), the leftmost of equals
            rank = tf.gather(ranks, best, batch_dims=1)
            # Words with nothing more to merge are put away, so that long words do not keep short ones busy.
            more = rank[:, 0] < NEVER
            whole = tf.boolean_mask(ids, ~more)
            rest: Any = [[0, 0], [0, width + 1 - tf.shape(whole)[1]]]
            whole = tf.pad(whole, rest, constant_values=-1)[:, :width]
            done = tf.tensor_scatter_nd_update(done, tf.boolean_mask(words, ~more)[:, None], whole)
            words, ids, ranks, best, rank = (tf.boolean_mask(x, more) for x in (words, ids, ranks, best, rank))
            place = tf.range(tf.shape(ids, tf.int64)[1])[None]
            moved = tf.pad(ids[:, 1:], [[0, 0], [0, 1]], constant_values=-1)
            ids = tf.where(place < best, ids, tf.where(place == best, tf.gather(self._together, rank), moved))
            moved = tf.pad(ranks[:, 1:], [[0, 0], [0, 1]], constant_values=NEVER)
            # Two pairs are new: the piece with its left neighbour, and with its right one.
            three = tf.pad(ids, [[0, 0], [1, 1]], constant_values=-1)
            three = tf.gather(three, tf.concat([best, best + 1, best + 2], 1), batch_dims=1)
            new = self._ranks(three[:, :-1], three[:, 1:])
            ranks = tf.where(place < best - 1, ranks, tf.where(place == best - 1, new[:, :1], moved))
            ranks = tf.where(place == best, new[:, 1:], ranks)
            longest = tf.reduce_max(tf.reduce_sum(tf.cast(ids >= 0, tf.int32), 1))  # below 0 where no words are left
            kept = tf.maximum(longest, 0) + 1
            return words, ids[:, :kept], ranks[:, :kept], done

        words = tf.range(tf.shape(ids)[0])
        state = (words, ids, ranks, tf.zeros_like(ids[:, :-1]))
        shapes = (tf.TensorShape([None]), *[tf.TensorShape([None, None])] * 3)
        return tf.while_loop(unfinished, merge, state, shape_invariants=shapes)[3]


class BytePairs(TextPieces):
    """Texts (B,) as {"input_ids", "attention_mask", "token_type_ids"}: int32 arrays (B, T), padded to the longest.

    Args:
        numbers: the id of each piece, by its bytes; each of the 256 bytes is one.
        merges: pairs of pieces that become one, the first first.
        kinds: LETTER, NUMBER, SPACE, SIGN for each code point.
        cut: how a text is cut into words, of `CUTS`.
        normalize: what makes other code points of code points and the texts that they are of, such as `unicode.Composed`.
        prefix: a space in front of texts that have none.
        whole_words: a word that is a piece is not merged.
        ending: what the pieces carry that end a word, those of single bytes too.
        kwargs: as `TextPieces` has them.

    >>> import numpy as np, tensorflow as tf
    >>> from hornbook.export.byte_pairs import CUTS, GPT2, BytePairs
    >>> numbers = {bytes([i]): i for i in range(256)} | {b"ab": 256, b"abc": 257}
    >>> kinds = np.array([chr(i).isalpha() for i in range(0x110000)], "int32")
    >>> layer = BytePairs(numbers, [(b"a", b"b"), (b"ab", b"c")], kinds, CUTS[GPT2], specials=[], before=[], after=[], padding=0)
    >>> layer(tf.constant(["ababc", "cab"]))["input_ids"].numpy()
    array([[256, 257],
           [ 99, 256]], dtype=int32)
    """

    def __init__(
        self,
        numbers: Mapping[bytes, int],
        merges: Sequence[tuple[bytes, bytes]],
        kinds: np.ndarray,
        cut: Cut,
        normalize: Callable[[Any, Any], tuple[Any, Any]] | None = None,
        prefix: bool = False,
        whole_words: bool = False,
        ending: bytes = b"",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.cut, self.normalize, self.prefix = cut, normalize, prefix
        self._compositions = getattr(normalize, "table", None)  # what is exported takes along a layer's own tables
        self._kinds = CodePoints(kinds)
        self._merges = Merges([((numbers[one], numbers[two]), numbers[one + two]) for one, two in merges])
        self._ranks = self._merges.table
        self._whole = Table("string", list(numbers), list(numbers.values())) if whole_words else None
        with tf.init_scope():
            self._bytes = tf.constant([numbers[bytes([byte])] for byte in range(256)], tf.int64)
            self._last_bytes = tf.constant([numbers[bytes([byte]) + ending] for byte in range(256)], tf.int64)

    def _cleaned(self, parts: Any) -> Any:
        if self.normalize is None:
            return parts
        points, row = self.normalize(*code_points(parts))
        letters = tf.RaggedTensor.from_value_rowids(points, row, tf.shape(parts, tf.int64)[0])
        return tf.strings.unicode_encode(letters, "UTF-8")

    def _numbers(self, parts: Any, first: Any) -> Any:
        if self.prefix:
            bare = (tf.strings.length(parts) > 0) & (tf.strings.substr(parts, 0, 1) != " ")
            parts = tf.strings.join([tf.where(bare, " ", ""), parts])
        points, row = code_points(parts)
        kinds = self._kinds(points)
        starts = word_starts(points, row, kinds, self.cut)
        if not self.cut.spaces:
            points, row, starts = (tf.boolean_mask(x, kinds != SPACE) for x in (points, row, starts))
        starts = tf.where(starts)[:, 0]
        words = tf.strings.unicode_encode(tf.RaggedTensor.from_row_starts(points, starts), "UTF-8")
        words, place = tf.unique(words)
        ids = self._pieces(words)  # (unique words, pieces)
        count = tf.shape(parts, tf.int64)[0]
        return tf.RaggedTensor.from_value_rowids(tf.gather(ids, place), tf.gather(row, starts), count).merge_dims(1, 2)

    def _pieces(self, words: Any) -> Any:
        """Words (W,) as ids (W, ragged)."""
        length = tf.strings.length(words)
        width = tf.maximum(tf.reduce_max(length), 1)  # of no words: 1
        letters = tf.cast(tf.io.decode_raw(words, tf.uint8, fixed_length=width), tf.int32)
        last = tf.range(width) == length[:, None] - 1
        ids = tf.where(last, tf.gather(self._last_bytes, letters), tf.gather(self._bytes, letters))
        ids = tf.where(tf.sequence_mask(length, width), ids, -1)
        if self._whole is not None:
            known = self._whole.lookup(words)[:, None]
            rest: Any = [[0, 0], [0, width - 1]]
            alone = tf.pad(known, rest, constant_values=-1)
            ids = tf.where(known >= 0, alone, ids)
        ids = self._merges(ids)
        return tf.ragged.boolean_mask(ids, ids >= 0)
