"""IMDB reviews as text: 50,000 film reviews, negative or positive; `imdb` has the same reviews as lists of word indices."""

import re
from collections.abc import Sequence

import numpy as np

from hornbook_datasets.archives import read_members
from hornbook_datasets.files import fetch_any
from hornbook_datasets.info import File, Info
from hornbook_datasets.streams import stream_maker
from hornbook_datasets.tables import check_rows, decode

# The label stands in the name of a review's folder: aclImdb/train/pos/127_7.txt is number 127, with seven stars of ten.
REVIEW = re.compile(r"aclImdb/(train|test)/(neg|pos)/(\d{1,6})_(\d{1,2})\.txt")
LARGEST = 1 << 17  # bytes of a review

INFO = Info(
    name="imdb_reviews",
    title="IMDB reviews as text",
    source="Andrew Maas and others, from imdb.com: https://ai.stanford.edu/~amaas/data/sentiment/",
    licence="none stated; for research, with the citation; the reviews belong to their authors",
    citation="A. L. Maas, R. E. Daly, P. T. Pham, D. Huang, A. Y. Ng, C. Potts. Learning word vectors for sentiment "
    "analysis. ACL 2011",
    examples={"train": 25000, "test": 25000},
    classes=("negative", "positive"),
    files=(
        File(
            path="imdb/aclImdb_v1.tar.gz",
            sha256="c40f74a18d3b61f90feba1e17730e0d38e8b97c05fde7008942e91923d1658fe",
            size=84125825,
            urls=("https://ai.stanford.edu/~amaas/data/sentiment/aclImdb_v1.tar.gz",),
        ),
        File(  # the labelled reviews alone, packed anew
            path="imdb/aclImdb_labelled.tar.xz",
            sha256="8f784a7ec17316af8a8262026576eddb5392f290058fd38c8a970909b57caf7a",
            size=20326452,
            urls=(),
        ),
    ),
)


def info() -> Info:
    """The data set's card: source, licence, citation, sizes, files and their hashes.

    Example:

    >>> from hornbook_datasets import imdb_reviews
    >>> imdb_reviews.info().classes
    ('negative', 'positive')
    """
    return INFO


def load_data(seed: int = 113) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Load the reviews and labels, from `HORNBOOK_DATA`, the cache or the network.

    The 50,000 reviews without a label, which the official archive also has, are left out. Line breaks are `<br />`.

    Args:
        seed: Of the order of the reviews.

    Returns:
        `(texts_train, labels_train), (texts_test, labels_test)`: object arrays of strings, `(25000,)` each, and int64
        labels of the same shapes: 0 negative, 1 positive, half of each.

    Raises:
        ValueError: The archive is not the official one.
        DataUnavailable: The official file is nowhere to be had; the message says what to do.

    Example:

    >>> from hornbook_datasets import imdb_reviews
    >>> (texts, labels), (texts_test, labels_test) = imdb_reviews.load_data()  # doctest: +SKIP
    >>> imdb_reviews.info().examples["train"]
    25000
    """
    splits = _read(("train", "test"), seed)
    return splits["train"], splits["test"]


def load_split(split: str, seed: int = 113) -> tuple[np.ndarray, np.ndarray]:
    """Load one of the two, "train" or "test".

    Args:
        split: Which one.
        seed: Of the order of the reviews.

    Returns:
        The texts and labels.

    Raises:
        ValueError: `split` is another word, or the archive is not the official one.
        DataUnavailable: The official file is nowhere to be had; the message says what to do.

    Example:

    >>> from hornbook_datasets import imdb_reviews
    >>> texts, labels = imdb_reviews.load_split("test")  # doctest: +SKIP
    """
    if split not in INFO.examples:
        raise ValueError(f"Expected split to be one of {list(INFO.examples)}; received {split!r}.")
    return _read((split,), seed)[split]


def _read(splits: Sequence[str], seed: int) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    _, path = fetch_any(INFO.files, INFO.title)

    def wanted(name: str) -> bool:
        found = REVIEW.fullmatch(name)
        return found is not None and found[1] in splits

    reviews: dict[str, list[tuple[int, int, str]]] = {split: [] for split in splits}
    for name, content in read_members(path, wanted, LARGEST):
        found = REVIEW.fullmatch(name)
        assert found is not None  # or it would not be wanted
        split, feeling, number, _ = found.groups()
        reviews[split].append((int(feeling == "pos"), int(number), decode(content, f"{name} in {path}")))

    data = {}
    for split in splits:
        check_rows(len(reviews[split]), INFO.examples[split], f"aclImdb/{split} in {path}")
        reviews[split].sort()  # the archives have them in different orders
        order = np.random.RandomState(seed).permutation(len(reviews[split]))
        labels = np.array([label for label, _, _ in reviews[split]], dtype="int64")
        texts = np.array([text for _, _, text in reviews[split]], dtype=object)
        data[split] = (texts[order], labels[order])
    return data


as_dataset = stream_maker(__name__)
