"""Tiny reviews: 672 short English opinions, negative or positive, written for Hornbook and part of the package.

They are about films, meals, hotels, gadgets, books, journeys, apps, concerts, shops, repairs and more; a quarter of
each topic is held out as the test split. Small enough to read, varied enough to show that a pretrained model helps.
The table is `tiny_reviews.tsv`: split, label, text.
"""

import csv
from importlib import resources

import numpy as np

from hornbook_datasets.info import Info
from hornbook_datasets.streams import stream_maker

CLASSES = ("negative", "positive")

INFO = Info(
    name="tiny_reviews",
    title="Tiny reviews",
    source="Written for the Hornbook project; no sentence is taken from another source",
    licence="Apache-2.0",
    citation="The Hornbook authors. Tiny reviews, a sentiment data set in the Hornbook package",
    examples={"train": 504, "test": 168},
    classes=CLASSES,
)


def info() -> Info:
    """The data set's card: source, licence, citation, sizes.

    Example:

    >>> from hornbook_datasets import tiny_reviews
    >>> tiny_reviews.info().licence
    'Apache-2.0'
    """
    return INFO


def load_data() -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Load the sentences and their labels; no network is needed.

    Returns:
        `(texts_train, labels_train), (texts_test, labels_test)`: sentences as Unicode strings, `(504,)` and `(168,)`,
        and int64 labels of the same shapes, indices into `CLASSES`: 0 negative, 1 positive. Half of each split is
        positive, in mixed order.

    Example:

    >>> from hornbook_datasets import tiny_reviews
    >>> (texts, labels), _ = tiny_reviews.load_data()
    >>> texts.shape, tiny_reviews.CLASSES[labels[0]]
    ((504,), 'negative')
    """
    texts: dict[str, list[str]] = {"train": [], "test": []}
    labels: dict[str, list[int]] = {"train": [], "test": []}
    table = resources.files("hornbook_datasets").joinpath("tiny_reviews.tsv").read_text(encoding="utf-8")
    for row in csv.DictReader(table.splitlines(), delimiter="\t", quoting=csv.QUOTE_NONE):
        texts[row["split"]].append(row["text"])
        labels[row["split"]].append(int(row["label"]))
    return (
        (np.array(texts["train"]), np.array(labels["train"], dtype="int64")),
        (np.array(texts["test"]), np.array(labels["test"], dtype="int64")),
    )


as_dataset = stream_maker(__name__)
