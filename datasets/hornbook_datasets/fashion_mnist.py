"""Fashion-MNIST: 70,000 pictures of clothes, 28 x 28 grey pixels, ten classes; a harder set in MNIST's shape."""

import gzip
import math
import zlib
from pathlib import Path

import numpy as np

from hornbook_datasets.files import fetch
from hornbook_datasets.info import File, Info
from hornbook_datasets.streams import stream_maker

ORIGIN = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"

INFO = Info(
    name="fashion_mnist",
    title="Fashion-MNIST",
    source="Zalando Research, from the pictures of its shop: https://github.com/zalandoresearch/fashion-mnist",
    licence="MIT",
    citation="H. Xiao, K. Rasul, R. Vollgraf. Fashion-MNIST: a novel image dataset for benchmarking machine learning "
    "algorithms. arXiv:1708.07747, 2017",
    examples={"train": 60000, "test": 10000},
    classes=(
        "T-shirt/top",
        "Trouser",
        "Pullover",
        "Dress",
        "Coat",
        "Sandal",
        "Shirt",
        "Sneaker",
        "Bag",
        "Ankle boot",
    ),
    files=(
        File(
            path="fashion-mnist/train-images-idx3-ubyte.gz",
            sha256="3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
            size=26421880,
            urls=(ORIGIN + "train-images-idx3-ubyte.gz",),
        ),
        File(
            path="fashion-mnist/train-labels-idx1-ubyte.gz",
            sha256="a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
            size=29515,
            urls=(ORIGIN + "train-labels-idx1-ubyte.gz",),
        ),
        File(
            path="fashion-mnist/t10k-images-idx3-ubyte.gz",
            sha256="346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
            size=4422102,
            urls=(ORIGIN + "t10k-images-idx3-ubyte.gz",),
        ),
        File(
            path="fashion-mnist/t10k-labels-idx1-ubyte.gz",
            sha256="67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
            size=5148,
            urls=(ORIGIN + "t10k-labels-idx1-ubyte.gz",),
        ),
    ),
)


def info() -> Info:
    """The data set's card: source, licence, citation, sizes, files and their hashes.

    Example:

    >>> from hornbook_datasets import fashion_mnist
    >>> fashion_mnist.info().classes[9]
    'Ankle boot'
    """
    return INFO


def load_data() -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Load the images and labels, from `HORNBOOK_DATA`, the cache or the network.

    Returns:
        `(x_train, y_train), (x_test, y_test)`, all uint8: images `(60000, 28, 28)` and `(10000, 28, 28)` with 0 for the
        ground and 255 for the brightest cloth, labels `(60000,)` and `(10000,)`, indices into `INFO.classes`.

    Raises:
        DataUnavailable: An official file is nowhere to be had; the message says what to do.

    Example:

    >>> from hornbook_datasets import fashion_mnist
    >>> (x_train, y_train), (x_test, y_test) = fashion_mnist.load_data()  # doctest: +SKIP
    >>> fashion_mnist.info().examples["train"]
    60000
    """
    train, test = INFO.examples["train"], INFO.examples["test"]
    shapes = ((train, 28, 28), (train,), (test, 28, 28), (test,))
    paths = [fetch(file, INFO.title) for file in INFO.files]
    x_train, y_train, x_test, y_test = (_read_idx(path, shape) for path, shape in zip(paths, shapes, strict=True))
    return (x_train, y_train), (x_test, y_test)


def _read_idx(path: Path, shape: tuple[int, ...]) -> np.ndarray:
    """The array of a gzipped idx file: two zeros, 8 for uint8, the number of axes, each axis' length in four bytes."""
    header = bytes([0, 0, 8, len(shape)]) + np.array(shape, ">u4").tobytes()
    try:
        with gzip.open(path) as stream:
            begin = stream.read(len(header))
            pixels = bytearray(stream.read(math.prod(shape) + 1))  # one more would be one too many
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise ValueError(f"Expected a gzipped idx file at {path}; it cannot be read: {error}.") from None
    if begin != header or len(pixels) != math.prod(shape):
        raise ValueError(
            f"Expected uint8 values of shape {shape} in {path}: the idx header {header.hex()} and {math.prod(shape)} "
            f"bytes; found {begin.hex()} and {'more' if len(pixels) > math.prod(shape) else len(pixels)}."
        )
    return np.frombuffer(pixels, np.uint8).reshape(shape)


as_dataset = stream_maker(__name__)
