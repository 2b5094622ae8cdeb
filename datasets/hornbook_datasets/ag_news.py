"""AG News: 127,600 headlines with the first sentences of the article: world, sports, business, or science."""

import numpy as np

from hornbook_datasets.files import fetch
from hornbook_datasets.info import File, Info
from hornbook_datasets.streams import stream_maker
from hornbook_datasets.tables import check_rows, read_rows

ORIGIN = "https://raw.githubusercontent.com/mhjabreel/CharCnn_Keras/master/data/ag_news_csv/"

INFO = Info(
    name="ag_news",
    title="AG News",
    source="Antonio Gulli, from more than 2,000 news sources, http://groups.di.unipi.it/~gulli/AG_corpus_of_news_articles.html; "
    "as a task by Xiang Zhang and others",
    licence="for research and other non-commercial use",
    citation="X. Zhang, J. Zhao, Y. LeCun. Character-level convolutional networks for text classification. NIPS 2015",
    examples={"train": 120000, "test": 7600},
    classes=("World", "Sports", "Business", "Sci/Tech"),
    files=(
        File(
            path="text/ag_news_csv/train.csv",
            sha256="76a0a2d2f92b286371fe4d4044640910a04a803fdd2538e0f3f29a5c6f6b672e",
            size=29470338,
            urls=(ORIGIN + "train.csv",),
        ),
        File(
            path="text/ag_news_csv/test.csv",
            sha256="521465c2428ed7f02f8d6db6ffdd4b5447c1c701962353eb2c40d548c3c85699",
            size=1857427,
            urls=(ORIGIN + "test.csv",),
        ),
    ),
)


def info() -> Info:
    """The data set's card: source, licence, citation, sizes, files and their hashes.

    Example:

    >>> from hornbook_datasets import ag_news
    >>> ag_news.info().classes[3]
    'Sci/Tech'
    """
    return INFO


def load_data() -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Load the texts and labels, from `HORNBOOK_DATA`, the cache or the network.

    Returns:
        `(texts_train, labels_train), (texts_test, labels_test)`: object arrays of strings, `(120000,)` and `(7600,)`, each
        the headline, a newline and the text; and int64 labels of the same shapes, indices into `INFO.classes`.

    Raises:
        ValueError: The tables are not the official ones.
        DataUnavailable: An official file is nowhere to be had; the message names it and says what to do.

    Example:

    >>> from hornbook_datasets import ag_news
    >>> (texts, labels), (texts_test, labels_test) = ag_news.load_data()  # doctest: +SKIP
    >>> ag_news.info().examples["train"]
    120000
    """
    return load_split("train"), load_split("test")


def load_split(split: str) -> tuple[np.ndarray, np.ndarray]:
    """Load one of the two, "train" or "test", where the other is not to be had or not wanted.

    Args:
        split: Which one.

    Returns:
        The texts and labels.

    Raises:
        ValueError: `split` is another word, or the table is not the official one.
        DataUnavailable: The official file is nowhere to be had; the message names it and says what to do.

    Example:

    >>> from hornbook_datasets import ag_news
    >>> texts, labels = ag_news.load_split("test")  # doctest: +SKIP
    >>> texts[0].splitlines()[0]  # doctest: +SKIP
    'Fears for T N pension after talks'
    """
    splits = list(INFO.examples)
    if split not in splits:
        raise ValueError(f"Expected split to be one of {splits}; received {split!r}.")
    path = fetch(INFO.files[splits.index(split)], f"{INFO.title} ({split})")
    texts, labels = [], []
    names = ("class", "title", "description")
    for line, (label, title, description) in read_rows(path.read_bytes(), str(path), names, header=False):
        if label not in ("1", "2", "3", "4"):
            raise ValueError(f"Expected a class from 1 to 4 in line {line} of {path}; found {label[:80]!r}.")
        texts.append(f"{title}\n{description}")
        labels.append(int(label) - 1)
    check_rows(len(texts), INFO.examples[split], str(path))
    return np.array(texts, dtype=object), np.array(labels, dtype="int64")


as_dataset = stream_maker(__name__)
