"""CIFAR-10: 60,000 small photographs, 32 x 32 colour pixels, ten classes of animals and vehicles."""

from pathlib import Path

import numpy as np

from hornbook_datasets import cifar
from hornbook_datasets.files import fetch, fetch_any
from hornbook_datasets.info import File, Info
from hornbook_datasets.streams import stream_maker

FOLDER = "cifar-10-batches-py"
TRAIN_MEMBERS = tuple(f"{FOLDER}/data_batch_{number}" for number in range(1, 6))
TEST_MEMBERS = (f"{FOLDER}/test_batch",)
PART = (3000, 1000)  # of the training images: to learn from, and to test on

INFO = Info(
    name="cifar10",
    title="CIFAR-10",
    source="Alex Krizhevsky, Vinod Nair and Geoffrey Hinton, from the Tiny Images collection: "
    "https://www.cs.toronto.edu/~kriz/cifar.html",
    licence="none stated; for research, with the citation",
    citation="A. Krizhevsky. Learning multiple layers of features from tiny images. University of Toronto, 2009",
    examples={"train": 50000, "test": 10000},
    classes=("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"),
    files=(
        File(
            path="cifar10/cifar-10-python.tar.gz",
            sha256="6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce",
            size=170498071,
            urls=("https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz",),
        ),
        File(  # the first 4,000 training images alone, the last thousand of them as test_batch
            path="cifar10/cifar-10-python-subset.tar.xz",
            sha256="47e9880237fe92e407585cbf8156981618715574357272c09a2e54cfd7d1d8e4",
            size=9305144,
            urls=(),
        ),
    ),
)


def info() -> Info:
    """The data set's card: source, licence, citation, sizes, files and their hashes.

    Example:

    >>> from hornbook_datasets import cifar10
    >>> cifar10.info().classes[6]
    'frog'
    """
    return INFO


def load_data() -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Load the images and labels, from `HORNBOOK_DATA`, the cache or the network.

    Returns:
        `(x_train, y_train), (x_test, y_test)`, all uint8: images `(50000, 32, 32, 3)` and `(10000, 32, 32, 3)` with red,
        green and blue from 0 to 255, labels `(50000, 1)` and `(10000, 1)`, indices into `INFO.classes`. After
        `hornbook.config.set_image_data_format("channels_first")` an image is `(3, 32, 32)`.

    Raises:
        DataUnavailable: The official file is nowhere to be had; the message says what to do.

    Example:

    >>> from hornbook_datasets import cifar10
    >>> (x_train, y_train), (x_test, y_test) = cifar10.load_data()  # doctest: +SKIP
    >>> cifar10.info().examples["train"]
    50000
    """
    path = fetch(INFO.files[0], INFO.title)
    (x_train, y_train), (x_test, y_test) = _read(path)
    cifar.check_counts((len(x_train), len(x_test)), tuple(INFO.examples.values()), path)
    return (cifar.as_configured(x_train), y_train), (cifar.as_configured(x_test), y_test)


def load_part() -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Load the first 4,000 training images, for experiments of minutes: 3,000 to learn from and 1,000 to test on.

    Returns:
        Images and labels as `load_data()` gives them, `(3000, 32, 32, 3)` and `(1000, 32, 32, 3)`. No image of the official
        test is among them.

    Raises:
        ValueError: The archive is not the official one.
        DataUnavailable: The official file is nowhere to be had; the message says what to do.

    Example:

    >>> from hornbook_datasets import cifar10
    >>> (x_train, y_train), (x_test, y_test) = cifar10.load_part()  # doctest: +SKIP
    >>> cifar10.PART
    (3000, 1000)
    """
    file, path = fetch_any(INFO.files, INFO.title)
    members = TRAIN_MEMBERS[:1] if file.urls else (TRAIN_MEMBERS[0], *TEST_MEMBERS)
    batches = cifar.read_batches(path, members, "labels", len(INFO.classes))
    x, y = (np.concatenate(arrays)[: sum(PART)] for arrays in zip(*batches, strict=True))
    if len(x) < sum(PART):
        raise ValueError(f"Expected {sum(PART):,} images or more in {members} of {path}; found {len(x):,}.")
    x, y = cifar.as_configured(x), y.astype(np.uint8)[:, None]
    return (x[: PART[0]], y[: PART[0]]), (x[PART[0] :], y[PART[0] :])


def _read(
    path: Path, train_members: tuple[str, ...] = TRAIN_MEMBERS
) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    *train, test = cifar.read_batches(path, (*train_members, *TEST_MEMBERS), "labels", len(INFO.classes))
    x_train = np.concatenate([images for images, _ in train])
    y_train = np.concatenate([labels for _, labels in train])
    x_test, y_test = test
    return (x_train, y_train.astype(np.uint8)[:, None]), (x_test, y_test.astype(np.uint8)[:, None])


as_dataset = stream_maker(__name__)
