"""IMDB: 50,000 film reviews as lists of word indices, negative or positive."""

import json
import warnings
from typing import Any

import numpy as np

from hornbook_datasets import sequences
from hornbook_datasets.files import fetch
from hornbook_datasets.info import File, Info
from hornbook_datasets.npz import load_npz
from hornbook_datasets.splits import shuffled
from hornbook_datasets.streams import stream_maker

ORIGIN = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"

INFO = Info(
    name="imdb",
    title="IMDB reviews",
    source="Andrew Maas and others, from imdb.com: https://ai.stanford.edu/~amaas/data/sentiment/; "
    "as word ranks by the authors of Keras",
    licence="none stated; for research, with the citation; the reviews belong to their authors",
    citation="A. L. Maas, R. E. Daly, P. T. Pham, D. Huang, A. Y. Ng, C. Potts. Learning word vectors for sentiment "
    "analysis. ACL 2011",
    examples={"train": 25000, "test": 25000},
    classes=("negative", "positive"),
    files=(
        File(
            path="imdb/imdb.npz",
            sha256="69664113be75683a8fe16e3ed0ab59fda8886cb3cd7ada244f7d9544e4676b9f",
            size=17464789,
            urls=(ORIGIN + "imdb.npz",),
        ),
        File(
            path="imdb/imdb_word_index.json",
            sha256="027313fe9a320280f3bf0fac5baf58c4a683cf39a7ed9c3d3d3912bde4284cf6",
            size=1641221,
            urls=(ORIGIN + "imdb_word_index.json",),
        ),
    ),
)


def info() -> Info:
    """The data set's card: source, licence, citation, sizes, files and their hashes.

    Example:

    >>> from hornbook_datasets import imdb
    >>> imdb.info().classes
    ('negative', 'positive')
    """
    return INFO


def load_data(
    path: str = "imdb.npz",
    num_words: int | None = None,
    skip_top: int = 0,
    maxlen: int | None = None,
    seed: int = 113,
    start_char: int | None = 1,
    oov_char: int | None = 2,
    index_from: int | None = 3,
    **kwargs: Any,
) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Load the reviews and labels, from `HORNBOOK_DATA`, the cache or the network.

    A word's index is its rank among the words, 1 for the commonest, plus `index_from`; 0 is left for padding.
    `sequences.py` draws how the arguments work together.

    Args:
        path: The name that the file bears in the cache.
        num_words: Keep indices below this; None for all but the highest that occurs.
        skip_top: Keep indices from this on.
        maxlen: Keep only reviews of fewer indices, the start counted; the others are left out, not cut.
        seed: Of the order of the reviews.
        start_char: The index that begins each review; None for none.
        oov_char: The index for what is not kept ("out of vocabulary"); None to leave it out.
        index_from: The shift from ranks to indices; None, like 0, for none, beside `start_char=None`.
        **kwargs: Ignored, with a warning.

    Returns:
        `(x_train, y_train), (x_test, y_test)`: object arrays `(25000,)` of lists of integers, fewer with `maxlen`, and
        int64 labels of the same shapes: 0 negative, 1 positive.

    Raises:
        ValueError: `maxlen` keeps no review.
        TypeError: `index_from` is None beside a `start_char`.
        DataUnavailable: The official file is nowhere to be had; the message says what to do.

    Example:

    >>> from hornbook_datasets import imdb
    >>> (x_train, y_train), (x_test, y_test) = imdb.load_data(num_words=10000)  # doctest: +SKIP
    >>> imdb.info().examples["train"]
    25000
    """
    if kwargs:
        warnings.warn(f"imdb.load_data has no arguments {sorted(kwargs)} and ignores them.", stacklevel=2)
    sequences.check_index_from(start_char, index_from)
    expected = {}
    for split, count in INFO.examples.items():
        expected[f"x_{split}"] = ((count,), "object")
        expected[f"y_{split}"] = ((count,), "int64")
    arrays = load_npz(fetch(INFO.files[0], INFO.title, path), expected)

    random = np.random.RandomState(seed)
    x_train, y_train = shuffled(random, arrays["x_train"], arrays["y_train"])
    x_test, y_test = shuffled(random, arrays["x_test"], arrays["y_test"])
    train, y_train = sequences.shorter(x_train, y_train, maxlen, start_char)
    test, y_test = sequences.shorter(x_test, y_test, maxlen, start_char)
    texts = sequences.indices(train + test, num_words, skip_top, start_char, oov_char, index_from)
    x_train, x_test = np.array(texts[: len(train)], dtype=object), np.array(texts[len(train) :], dtype=object)
    return (x_train, y_train), (x_test, y_test)


def get_word_index(path: str = "imdb_word_index.json") -> dict[str, int]:
    """Load the rank of each word, from `HORNBOOK_DATA`, the cache or the network.

    Args:
        path: The name that the file bears in the cache.

    Returns:
        The ranks of the 88,584 words, from 1. In what `load_data` gives, `index_from` is added to them.

    Raises:
        DataUnavailable: The official file is nowhere to be had; the message says what to do.

    Example:

    >>> from hornbook_datasets import imdb
    >>> words = {rank + 3: word for word, rank in imdb.get_word_index().items()}  # doctest: +SKIP
    >>> (x_train, _), _ = imdb.load_data()  # doctest: +SKIP
    >>> " ".join(words.get(index, "?") for index in x_train[0][:8])  # doctest: +SKIP
    '? this film was just brilliant casting location'
    """
    return json.loads(fetch(INFO.files[1], INFO.title, path).read_bytes())


as_dataset = stream_maker(__name__)
