"""Labels and vectors as NumPy arrays."""

from typing import Any

import numpy as np


def to_categorical(x: Any, num_classes: int | None = None) -> np.ndarray:
    """Class numbers as one-hot rows: `y[i, x[i]] = 1`.

    Args:
        x: integers of any shape; a last axis of size 1 is dropped.
        num_classes: length of the rows, the largest number plus one if None.

    Returns:
        an array of shape `(*x.shape, num_classes)`, float32.

    Raises:
        ValueError: for a number outside of 0 .. num_classes - 1.

    >>> from hornbook.utils.arrays import to_categorical
    >>> to_categorical([0, 2])
    array([[1., 0., 0.],
           [0., 0., 1.]], dtype=float32)
    """
    x = np.asarray(x, dtype="int64")
    shape = x.shape[:-1] if x.ndim > 1 and x.shape[-1] == 1 else x.shape
    flat = x.reshape(-1)
    count = int(flat.max(initial=-1)) + 1 if num_classes is None else num_classes
    if flat.size and (flat.min() < 0 or flat.max() >= count):
        raise ValueError(f"Class numbers must lie in 0 .. {count - 1}, got {flat.min()} .. {flat.max()}.")
    rows = np.zeros((flat.size, count), "float32")
    rows[np.arange(flat.size), flat] = 1
    return rows.reshape(*shape, count)


def normalize(x: Any, axis: int = -1, order: int = 2) -> np.ndarray:
    """An array divided by its norm: `x / ||x||`, along `axis`; zeros stay zeros.

    >>> from hornbook.utils.arrays import normalize
    >>> normalize([[3.0, 4.0]])
    array([[0.6, 0.8]])
    """
    x = np.asarray(x)
    norm = np.atleast_1d(np.linalg.norm(x, order, axis))
    norm[norm == 0] = 1
    return x / np.expand_dims(norm, axis)
