"""What IMDB and Reuters share: texts as lists of word ranks, 1 for the commonest word, and a vocabulary cut to size.

A text of ranks becomes one of indices, here with the usual start_char=1, oov_char=2, index_from=3:

    ranks       14    1    88
    indices     1    17    4    91        start_char, then rank + index_from
    kept        1    17    4    2         num_words=50: what is not in skip_top <= index < num_words is oov_char
"""

from typing import Any

import numpy as np


def check_index_from(start_char: int | None, index_from: int | None) -> None:
    """Refuse an `index_from` that is no number where indices are shifted.

    Raises:
        TypeError: `index_from` is None while `start_char` is not.

    Example:

    >>> check_index_from(None, None)
    >>> check_index_from(1, None)
    Traceback (most recent call last):
    ...
    TypeError: Expected index_from to be an integer beside start_char=1; received None. For no shift, pass index_from=0.
    """
    if start_char is not None and index_from is None:
        raise TypeError(
            f"Expected index_from to be an integer beside start_char={start_char!r}; received None. "
            "For no shift, pass index_from=0."
        )


def shorter(
    texts: np.ndarray, labels: np.ndarray, maxlen: int | None, start_char: int | None
) -> tuple[list[list[int]], np.ndarray]:
    """The texts of fewer than `maxlen` indices, the start counted, and their labels; all of them without `maxlen`.

    Raises:
        ValueError: No text is so short.

    Example:

    >>> texts = np.fromiter([[14, 1, 88], [7]], dtype=object)
    >>> shorter(texts, np.array([0, 1]), 3, 1)
    ([[7]], array([1]))
    """
    if not maxlen:
        return texts.tolist(), labels
    lengths = np.fromiter(map(len, texts), np.int64, len(texts)) + (start_char is not None)
    kept = lengths < maxlen
    if not kept.any():
        raise ValueError(
            f"Expected a maxlen above the length of the shortest text, {lengths.min()}; received {maxlen}, "
            "which keeps none: only texts of fewer than maxlen indices are kept."
        )
    return texts[kept].tolist(), labels[kept]


def indices(
    texts: list[list[int]],
    num_words: int | None,
    skip_top: int,
    start_char: int | None,
    oov_char: int | None,
    index_from: int | None,
) -> list[list[int]]:
    """The texts as indices, as drawn above; an index that is not kept is left out where `oov_char` is None.

    Without `num_words` the limit is the highest index that occurs, which itself is therefore not kept: so Keras has it.

    Example:

    >>> indices([[14, 1, 88]], num_words=50, skip_top=0, start_char=1, oov_char=2, index_from=3)
    [[1, 17, 4, 2]]
    """
    shift = index_from or 0
    start = [] if start_char is None else [start_char]
    highest = max((max(text) for text in texts if text), default=0)
    limit = num_words or max([highest + shift, *start])

    def kept(index: int) -> int | None:
        return index if skip_top <= index < limit else oov_char

    table = [kept(rank + shift) for rank in range(highest + 1)]  # the index of each rank: one look-up a word
    start = [kept(index) for index in start]
    result: list[list[Any]] = [[*start, *map(table.__getitem__, text)] for text in texts]
    if oov_char is None:
        result = [[index for index in text if index is not None] for text in result]
    return result
