"""MNIST: 70,000 handwritten digits, 28 x 28 grey pixels, ten classes."""

from pathlib import Path

import numpy as np

from hornbook_datasets.files import fetch
from hornbook_datasets.info import File, Info
from hornbook_datasets.streams import stream_maker

INFO = Info(
    name="mnist",
    title="MNIST",
    source="Yann LeCun, Corinna Cortes and Christopher J. C. Burges, from NIST Special Databases 1 and 3",
    licence="CC BY-SA 3.0",
    citation="Y. LeCun, L. Bottou, Y. Bengio, P. Haffner. Gradient-based learning applied to document recognition. "
    "Proceedings of the IEEE 86(11), 1998",
    examples={"train": 60000, "test": 10000},
    classes=("0", "1", "2", "3", "4", "5", "6", "7", "8", "9"),
    files=(
        File(
            path="mnist/mnist.npz",
            sha256="731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1",
            size=11490434,
            urls=(
                "https://storage.googleapis.com/tensorflow/tf-keras-datasets/mnist.npz",
                "https://s3.amazonaws.com/img-datasets/mnist.npz",
            ),
        ),
    ),
)


def info() -> Info:
    """The data set's card: source, licence, citation, sizes, files and their hashes.

    Example:

    >>> from hornbook_datasets import mnist
    >>> mnist.info().files[0].sha256[:8]
    '731c5ac6'
    """
    return INFO


def load_data(path: str = "mnist.npz") -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Load the images and labels, from `HORNBOOK_DATA`, the cache or the network.

    Args:
        path: The name that the file bears in the cache.

    Returns:
        `(x_train, y_train), (x_test, y_test)`, all uint8: images `(60000, 28, 28)` and `(10000, 28, 28)` with
        0 for paper and 255 for ink, labels `(60000,)` and `(10000,)` from 0 to 9.

    Raises:
        DataUnavailable: The official file is nowhere to be had; the message says what to do.

    Example:

    >>> from hornbook_datasets import mnist
    >>> (x_train, y_train), (x_test, y_test) = mnist.load_data()  # doctest: +SKIP
    >>> mnist.info().examples["train"]
    60000
    """
    file = INFO.files[0]
    arrays = _read(fetch(file, INFO.title, path))
    return (arrays["x_train"], arrays["y_train"]), (arrays["x_test"], arrays["y_test"])


def _read(path: Path) -> dict[str, np.ndarray]:
    shapes: dict[str, tuple[int, ...]] = {}
    for split, count in INFO.examples.items():
        shapes[f"x_{split}"] = (count, 28, 28)
        shapes[f"y_{split}"] = (count,)
    with np.load(path, allow_pickle=False) as archive:
        if sorted(archive.files) != sorted(shapes):
            raise ValueError(f"Expected the arrays {sorted(shapes)} in {path}; found {sorted(archive.files)}.")
        arrays = {name: archive[name] for name in shapes}
    for name, shape in shapes.items():
        array = arrays[name]
        if array.shape != shape or array.dtype != np.uint8:
            raise ValueError(
                f"Expected {name} in {path} to be uint8 of shape {shape}; found {array.dtype} of shape {array.shape}."
            )
    return arrays


as_dataset = stream_maker(__name__)
