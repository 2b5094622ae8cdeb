"""Reuters: 11,228 newswires of 1987 as lists of word indices, 46 topics."""

import json

import numpy as np

from hornbook_datasets import sequences
from hornbook_datasets.files import fetch
from hornbook_datasets.info import File, Info
from hornbook_datasets.npz import load_npz
from hornbook_datasets.splits import check_test_split, shuffled, train_size
from hornbook_datasets.streams import stream_maker

ORIGIN = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"

# fmt: off
TOPICS = (
    "cocoa", "grain", "veg-oil", "earn", "acq", "wheat", "copper", "housing", "money-supply", "coffee",
    "sugar", "trade", "reserves", "ship", "cotton", "carcass", "crude", "nat-gas", "cpi", "money-fx",
    "interest", "gnp", "meal-feed", "alum", "oilseed", "gold", "tin", "strategic-metal", "livestock", "retail",
    "ipi", "iron-steel", "rubber", "heat", "jobs", "lei", "bop", "zinc", "orange", "pet-chem",
    "dlr", "gas", "silver", "wpi", "hog", "lead",
)
# fmt: on

INFO = Info(
    name="reuters",
    title="Reuters newswires",
    source="Reuters-21578, collected by David D. Lewis and others: "
    "https://archive.ics.uci.edu/dataset/137/reuters+21578+text+categorization+collection; "
    "newswires of one topic as word ranks by the authors of Keras",
    licence="free for research only; the texts are copyright Reuters",
    citation="D. D. Lewis. Reuters-21578 text categorization test collection. AT&T Labs, 1997",
    examples={"all": 11228},
    classes=TOPICS,
    files=(
        File(
            path="reuters/reuters.npz",
            sha256="d6586e694ee56d7a4e65172e12b3e987c03096cb01eab99753921ef915959916",
            size=2110848,
            urls=(ORIGIN + "reuters.npz",),
        ),
        File(
            path="reuters/reuters_word_index.json",
            sha256="9b56000edc4b34a32e89fd5a23b2605594682c74efcf7d8f4e2a5514b771e633",
            size=550378,
            urls=(ORIGIN + "reuters_word_index.json",),
        ),
    ),
)


def info() -> Info:
    """The data set's card: source, licence, citation, sizes, files and their hashes.

    Example:

    >>> from hornbook_datasets import reuters
    >>> reuters.info().classes[3]
    'earn'
    """
    return INFO


def load_data(
    path: str = "reuters.npz",
    num_words: int | None = None,
    skip_top: int = 0,
    maxlen: int | None = None,
    test_split: float = 0.2,
    seed: int = 113,
    start_char: int | None = 1,
    oov_char: int | None = 2,
    index_from: int | None = 3,
) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Load the newswires and labels, from `HORNBOOK_DATA`, the cache or the network.

    A word's index is its rank among the words, 1 for the commonest, plus `index_from`; 0 is left for padding.
    `sequences.py` draws how the arguments work together.

    Args:
        path: The name that the file bears in the cache.
        num_words: Keep indices below this; None for all but the highest that occurs.
        skip_top: Keep indices from this on.
        maxlen: Keep only newswires of fewer indices, the start counted; the others are left out, not cut.
        test_split: The share of the newswires to test on, in [0, 1).
        seed: Of the order of the newswires, and so of the split.
        start_char: The index that begins each newswire; None for none.
        oov_char: The index for what is not kept ("out of vocabulary"); None to leave it out.
        index_from: The shift from ranks to indices; None, like 0, for none, beside `start_char=None`.

    Returns:
        `(x_train, y_train), (x_test, y_test)`: object arrays of lists of integers, `(8982,)` and `(2246,)` by default,
        and int64 labels of the same shapes, indices into `get_label_names()`.

    Raises:
        ValueError: `test_split` is outside [0, 1), or `maxlen` keeps no newswire.
        TypeError: `index_from` is None beside a `start_char`.
        DataUnavailable: The official file is nowhere to be had; the message says what to do.

    Example:

    >>> from hornbook_datasets import reuters
    >>> (x_train, y_train), (x_test, y_test) = reuters.load_data(num_words=10000)  # doctest: +SKIP
    >>> reuters.info().examples["all"]
    11228
    """
    check_test_split(test_split)
    sequences.check_index_from(start_char, index_from)
    count = INFO.examples["all"]
    arrays = load_npz(fetch(INFO.files[0], INFO.title, path), {"x": ((count,), "object"), "y": ((count,), "int64")})

    x, y = shuffled(np.random.RandomState(seed), arrays["x"], arrays["y"])
    texts, labels = sequences.shorter(x, y, maxlen, start_char)
    texts = sequences.indices(texts, num_words, skip_top, start_char, oov_char, index_from)
    size = train_size(len(texts), test_split)
    x_train, x_test = np.array(texts[:size], dtype=object), np.array(texts[size:], dtype=object)
    return (x_train, labels[:size]), (x_test, labels[size:])


def get_word_index(path: str = "reuters_word_index.json") -> dict[str, int]:
    """Load the rank of each word, from `HORNBOOK_DATA`, the cache or the network.

    Args:
        path: The name that the file bears in the cache.

    Returns:
        The ranks of the 30,979 words, from 1. In what `load_data` gives, `index_from` is added to them.

    Raises:
        DataUnavailable: The official file is nowhere to be had; the message says what to do.

    Example:

    >>> from hornbook_datasets import reuters
    >>> reuters.get_word_index()["the"]  # doctest: +SKIP
    1
    """
    return json.loads(fetch(INFO.files[1], INFO.title, path).read_bytes())


def get_label_names() -> tuple[str, ...]:
    """The names of the 46 topics, in the order of the labels; no network is needed.

    Example:

    >>> from hornbook_datasets import reuters
    >>> reuters.get_label_names()[:3]
    ('cocoa', 'grain', 'veg-oil')
    """
    return TOPICS


as_dataset = stream_maker(__name__)
