"""Sequences of different lengths as one array."""

from collections.abc import Sequence
from typing import Any

import numpy as np


def pad_sequences(
    sequences: Sequence,
    maxlen: int | None = None,
    dtype: Any = "int32",
    padding: str = "pre",
    truncating: str = "pre",
    value: Any = 0.0,
) -> np.ndarray:
    """Lists of different lengths as the rows of one array.

    Args:
        sequences: the lists.
        maxlen: length of the rows, that of the longest list if None.
        dtype: the dtype of the array.
        padding: where the filling goes, "pre" or "post".
        truncating: which end of a list that is too long goes, "pre" or "post".
        value: the filling.

    Raises:
        ValueError: for what is no list of lists, and for another word than "pre" and "post".

    >>> from hornbook.utils.sequences import pad_sequences
    >>> pad_sequences([[1], [2, 3]])
    array([[0, 1],
           [2, 3]], dtype=int32)
    """
    for name, word in (("padding", padding), ("truncating", truncating)):
        if word not in ("pre", "post"):
            raise ValueError(f"{name} must be 'pre' or 'post', got {word!r}.")
    if not hasattr(sequences, "__len__") or not all(hasattr(sequence, "__len__") for sequence in sequences):
        raise ValueError("sequences must be a list of lists (or arrays).")
    length = max((len(sequence) for sequence in sequences), default=0) if maxlen is None else maxlen
    filled = next((np.asarray(sequence) for sequence in sequences if len(sequence)), np.zeros(0))
    if isinstance(value, str) and np.dtype(dtype).kind not in "OUS":
        raise ValueError(
            f"The filling {value!r} is a string, which an array of {dtype} cannot hold; pass dtype=object."
        )
    rows = np.full((len(sequences), length, *filled.shape[1:]), value, dtype=dtype)
    for row, sequence in zip(rows, sequences, strict=True):
        kept = sequence[-length:] if truncating == "pre" else sequence[:length]
        if not len(kept) or length == 0:
            continue
        kept = np.asarray(kept, dtype=dtype)
        if kept.shape[1:] != filled.shape[1:]:
            raise ValueError(
                f"The items of all sequences must have one shape, {filled.shape[1:]}; got {kept.shape[1:]}."
            )
        if padding == "post":
            row[: len(kept)] = kept
        else:
            row[-len(kept) :] = kept
    return rows
