"""California housing: 20,640 districts of California in 1990, eight numbers each, and the median price of a house."""

import numpy as np

from hornbook_datasets.files import fetch
from hornbook_datasets.info import File, Info
from hornbook_datasets.npz import load_npz
from hornbook_datasets.splits import check_test_split, shuffled, train_size
from hornbook_datasets.streams import stream_maker

# The columns of Keras's file are sums over a district, as in StatLib: not the averages a household of scikit-learn's.
FEATURES = (
    "longitude",
    "latitude",
    "median age of the houses",
    "rooms",
    "bedrooms",
    "population",
    "households",
    "median income",  # in tens of thousands of dollars
)
SMALL = 600  # districts

INFO = Info(
    name="california_housing",
    title="California housing",
    source="R. Kelley Pace and Ronald Barry, from the US census of 1990; StatLib, "
    "https://www.dcc.fc.up.pt/~ltorgo/Regression/cal_housing.html",
    licence="none stated; figures of the US census, published in StatLib",
    citation="R. K. Pace, R. Barry. Sparse spatial autoregressions. Statistics and Probability Letters 33(3), 1997",
    examples={"all": 20640},
    classes=(),
    files=(
        File(
            path="california_housing/california_housing.npz",
            sha256="1a2e3a52e0398de6463aebe6f4a8da34fb21fbb6b934cf88c3425e766f2a1a6f",
            size=743530,
            urls=("https://storage.googleapis.com/tensorflow/tf-keras-datasets/california_housing.npz",),
        ),
    ),
)


def info() -> Info:
    """The data set's card: source, licence, citation, sizes, files and their hashes; `FEATURES` names the columns.

    Example:

    >>> from hornbook_datasets import california_housing
    >>> california_housing.FEATURES[:2]
    ('longitude', 'latitude')
    """
    return INFO


def load_data(
    version: str = "large", path: str = "california_housing.npz", test_split: float = 0.2, seed: int = 113
) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Load the districts and prices, from `HORNBOOK_DATA`, the cache or the network.

    Args:
        version: "large" for all districts, "small" for the first 600 of the file, most of them around Oakland.
        path: The name that the file bears in the cache.
        test_split: The share of the districts to test on, in [0, 1).
        seed: Of the order of the districts, and so of the split.

    Returns:
        `(x_train, y_train), (x_test, y_test)`, all float32: districts `(16512, 8)` and `(4128, 8)` by default, in the
        columns `FEATURES`, and prices `(16512,)` and `(4128,)` in dollars; 480 and 120 of the small version.

    Raises:
        ValueError: `version` is another word, or `test_split` is outside [0, 1).
        DataUnavailable: The official file is nowhere to be had; the message says what to do.

    Example:

    >>> from hornbook_datasets import california_housing
    >>> (x_train, y_train), (x_test, y_test) = california_housing.load_data("small")  # doctest: +SKIP
    >>> california_housing.info().examples["all"]
    20640
    """
    check_test_split(test_split)
    count = INFO.examples["all"]
    if version not in ("small", "large"):
        raise ValueError(
            f'Expected version to be "large" ({count} districts) or "small" ({SMALL}); received {version!r}.'
        )
    expected = {"x": ((count, len(FEATURES)), "float32"), "y": ((count,), "float32")}
    arrays = load_npz(fetch(INFO.files[0], INFO.title, path), expected)
    used = SMALL if version == "small" else count
    x, y = shuffled(np.random.RandomState(seed), arrays["x"][:used], arrays["y"][:used])
    size = train_size(used, test_split)
    return (x[:size], y[:size]), (x[size:], y[size:])


as_dataset = stream_maker(__name__)
