"""When each word of a sound was said, by what the model looked at as it wrote.

    weights of some heads (heads, T, S) -> standardized, smoothed, averaged (T, S) -> a path through it -> a moment a piece
    pieces -> characters -> words, with their punctuation -> the moments of each word

Some heads of a Whisper look at the sound of the piece they write. The path goes through pieces and moments in their order, one
step at a time, where these heads look most. Axes: T pieces, S moments of the sound.
"""

import string
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

OPENING = "\"'“¡¿([{-"  # marks that belong to the word behind them
CLOSING = "\"'.。,，!！?？:：”)]}、"  # and those that belong to the word before
WITHOUT_SPACES = {"zh", "ja", "th", "lo", "my", "yue"}  # languages whose words nothing parts: each character is one
BROKEN = "\ufffd"  # what stands in a text where the bytes of a character are incomplete


# ------------------------------------------------------------------------------------------------------------- moments
def median_filter(x: np.ndarray, width: int) -> np.ndarray:
    """The median of each value and its neighbours along the last axis, which is mirrored at its ends.

    Args:
        x: (..., S); as it is where S is not larger than half the width.
        width: how many values, an odd number.

    Raises:
        ValueError: for an even width.

    >>> import numpy as np
    >>> from hornbook_hub.alignment import median_filter
    >>> median_filter(np.array([1.0, 9.0, 2.0, 3.0]), 3).tolist()
    [9.0, 2.0, 3.0, 2.0]
    """
    if width < 1 or width % 2 == 0:
        raise ValueError(f"median_filter_width must be an odd number, got {width}.")
    half = width // 2
    if x.shape[-1] <= half:
        return x
    around = np.pad(x, [(0, 0)] * (x.ndim - 1) + [(half, half)], mode="reflect")
    return np.median(np.lib.stride_tricks.sliding_window_view(around, width, axis=-1), axis=-1)


def warped(costs: np.ndarray) -> np.ndarray:
    """Where the cheapest path through the costs comes to each row: the first column that it has there.

    The path begins in the first cell and ends in the last one; a step goes to the next row, the next column, or both.
    What it costs to come to a cell is c[t, s] + min(D[t-1, s-1], D[t-1, s], D[t, s-1]), computed diagonal by diagonal.

    Args:
        costs: (T, S).

    Returns:
        (T,), rising.

    Source: Sakoe and Chiba 1978, https://doi.org/10.1109/TASSP.1978.1163055.

    >>> import numpy as np
    >>> from hornbook_hub.alignment import warped
    >>> warped(np.array([[0, 0, 9, 9], [9, 9, 0, 9], [9, 9, 9, 0]])).tolist()
    [0, 2, 3]
    """
    rows, columns = costs.shape
    total = np.full((rows + 1, columns + 1), np.inf, "float32")
    total[0, 0] = 0
    came = np.full(
        (rows + 1, columns + 1), 2, "int8"
    )  # 0: from both before, 1: from the row before, 2: from the column
    came[:, 0] = 1
    for diagonal in range(2, rows + columns + 1):
        row = np.arange(max(1, diagonal - columns), min(rows, diagonal - 1) + 1)
        column = diagonal - row
        both, above, left = total[row - 1, column - 1], total[row - 1, column], total[row, column - 1]
        way = np.where((both < above) & (both < left), 0, np.where((above < both) & (above < left), 1, 2))
        total[row, column] = costs[row - 1, column - 1] + np.choose(way, (both, above, left))
        came[row, column] = way
    first = np.zeros(rows, int)
    row, column = rows, columns
    while row > 0:
        first[row - 1] = column - 1
        way = came[row, column]
        row, column = row - (way != 2), column - (way != 1)
    return first


def moments_of(weights: np.ndarray, width: int) -> np.ndarray:
    """The moment at which each piece begins, as a number of S.

    Args:
        weights: (heads, T, S), how much the pieces look at the moments.
        width: of the median filter.

    Returns:
        (T,).
    """
    spread = weights.std(axis=1, keepdims=True)
    seen = (weights - weights.mean(axis=1, keepdims=True)) / np.where(spread > 0, spread, 1)
    return warped(-median_filter(seen, width).mean(axis=0))


# --------------------------------------------------------------------------------------------------------------- words
class Word(NamedTuple):
    """A word, and the pieces that write it: from number `first` on, up to number `end`, which is no more of it."""

    text: str
    first: int
    end: int

    def with_next(self, other: "Word") -> "Word":
        """The two as one."""
        return Word(self.text + other.text, self.first, other.end)


def words_of(pieces: Sequence[int], decode: Callable[[Sequence[int]], str], spaced: bool = True) -> list[Word]:
    """The words that pieces write, each with the punctuation at its sides.

    Args:
        pieces: ids.
        decode: from ids to their text.
        spaced: whether spaces part the words; else each character is one.

    >>> from hornbook_hub.alignment import words_of
    >>> [word.text for word in words_of(range(5), lambda ids: "".join([" so", "me", " (", "day", ")"][i] for i in ids))]
    [' some', ' (day)']
    """
    words: list[Word] = []
    for part in characters_of(pieces, decode):
        begins = part.text.startswith(" ") or part.text.strip() in string.punctuation
        if words and spaced and not begins:
            words[-1] = words[-1].with_next(part)
        else:
            words.append(part)
    return with_marks(words)


def characters_of(pieces: Sequence[int], decode: Callable[[Sequence[int]], str]) -> list[Word]:
    """The smallest runs of pieces that write whole characters."""
    text, read, first, found = decode(pieces), 0, 0, []
    for end in range(1, len(pieces) + 1):
        part = decode(pieces[first:end])
        place = part.find(BROKEN)
        if place < 0 or text[read + place : read + place + 1] in ("", BROKEN):  # whole, or broken in the text too
            found.append(Word(part, first, end))
            read, first = read + len(part), end
    return found


def with_marks(words: list[Word]) -> list[Word]:
    """The words, with the marks that stand for themselves put to the words at their sides."""
    found: list[Word] = []
    for word in reversed(words):
        if found and word.text.startswith(" ") and word.text.strip() in OPENING:
            found[-1] = word.with_next(found[-1])
        else:
            found.append(word)
    words, found = found[::-1], []
    for word in words:
        if found and not found[-1].text.endswith(" ") and word.text in CLOSING:
            found[-1] = found[-1].with_next(word)
        else:
            found.append(word)
    return found
