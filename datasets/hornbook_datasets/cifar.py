"""What CIFAR-10 and CIFAR-100 share: tar archives of pickled tables with rows of pixels and lists of labels.

A row has 3,072 bytes: the reds of an image, its greens, its blues, each from left to right and from top to bottom.
The pickles are read as data (see `pickles.py`), the archives in memory (see `archives.py`).
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from hornbook_datasets import pickles
from hornbook_datasets.archives import read_members

SIDE = 32  # pixels
PIXELS = 3 * SIDE * SIDE  # of a row


def read_batches(
    path: Path, members: Sequence[str], label_key: str, classes: int
) -> list[tuple[np.ndarray, np.ndarray]]:
    """The images and labels of some members of an archive.

    Args:
        path: The archive, a tar file, compressed or not.
        members: The names of the pickles in it.
        label_key: The name under which a pickle keeps the labels.
        classes: Their number.

    Returns:
        For each member its images, uint8 `(n, 32, 32, 3)`, and its labels, int64 `(n,)`.

    Raises:
        ValueError: A member is missing, is not such a table, or its pickle asks for more than data.
    """
    batches = {
        name: _batch(content, f"{name} in {path}", label_key, classes)
        for name, content in read_members(path, members.__contains__, pickles.LARGEST)
    }
    missing = [name for name in members if name not in batches]
    if missing:
        raise ValueError(f"Expected the files {missing} in {path}; they are not there.")
    return [batches[name] for name in members]


def as_configured(images: np.ndarray) -> np.ndarray:
    """The images with their channels where `hornbook.config.image_data_format()` wants them.

    This package does without `hornbook`: where that was not imported nobody chose, and the channels stay last.
    """
    hornbook = sys.modules.get("hornbook")
    if hornbook is not None and hornbook.config.image_data_format() == "channels_first":
        return np.ascontiguousarray(images.transpose(0, 3, 1, 2))
    return images


def _batch(content: bytes, where: str, label_key: str, classes: int) -> tuple[np.ndarray, np.ndarray]:
    table: Any = pickles.load(content)
    rows = table.get(b"data") if isinstance(table, dict) else None
    labels = table.get(label_key.encode()) if isinstance(table, dict) else None
    if not isinstance(rows, np.ndarray) or rows.dtype != np.uint8 or rows.ndim != 2 or rows.shape[1] != PIXELS:
        found = f"{rows.dtype} of shape {rows.shape}" if isinstance(rows, np.ndarray) else type(rows).__name__
        raise ValueError(f"Expected uint8 'data' of shape (n, {PIXELS}) in {where}; found {found}.")
    if not isinstance(labels, list) or len(labels) != len(rows):
        found = f"{len(labels)} of them" if isinstance(labels, list) else type(labels).__name__
        raise ValueError(f"Expected a list of {len(rows)} {label_key!r} in {where}; found {found}.")
    if not all(type(label) is int and 0 <= label < classes for label in labels):
        raise ValueError(f"Expected integers from 0 to {classes - 1} as {label_key!r} in {where}; found others.")
    images = rows.reshape(len(rows), 3, SIDE, SIDE).transpose(0, 2, 3, 1)  # (n, channels, y, x) -> (n, y, x, channels)
    return np.ascontiguousarray(images), np.array(labels, np.int64)


def check_counts(counts: tuple[int, int], examples: Sequence[int], path: Path) -> None:
    """Refuse an archive with fewer or more images than the official one.

    Raises:
        ValueError: `counts`, of train and test, are not `examples`.
    """
    if list(counts) != list(examples):
        raise ValueError(
            f"Expected {' + '.join(map(str, examples))} images in {path}; found {counts[0]} + {counts[1]}."
        )
