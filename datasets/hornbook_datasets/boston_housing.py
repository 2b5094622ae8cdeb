"""Boston housing: 506 districts of Boston around 1970, 13 numbers each, and the median price of a house.

A warning. One of the thirteen numbers, `B`, is 1000 (b - 0.63)^2 for a share b of Black residents: its authors built it
on the supposition that house prices answer to racial segregation. Load this set to teach about such harm in data, and
for nothing else; `california_housing` is there for regression.
"""

import numpy as np

from hornbook_datasets.files import fetch
from hornbook_datasets.info import File, Info
from hornbook_datasets.npz import load_npz
from hornbook_datasets.splits import check_test_split, shuffled, train_size
from hornbook_datasets.streams import stream_maker

FEATURES = ("CRIM", "ZN", "INDUS", "CHAS", "NOX", "RM", "AGE", "DIS", "RAD", "TAX", "PTRATIO", "B", "LSTAT")

INFO = Info(
    name="boston_housing",
    title="Boston housing",
    source="David Harrison and Daniel L. Rubinfeld, from the US census of 1970; StatLib, "
    "http://lib.stat.cmu.edu/datasets/boston",
    licence="none stated; published in StatLib",
    citation="D. Harrison, D. L. Rubinfeld. Hedonic housing prices and the demand for clean air. Journal of Environmental "
    "Economics and Management 5(1), 1978",
    examples={"all": 506},
    classes=(),
    files=(
        File(
            path="boston_housing/boston_housing.npz",
            sha256="f553886a1f8d56431e820c5b82552d9d95cfcb96d1e678153f8839538947dff5",
            size=57026,
            urls=("https://storage.googleapis.com/tensorflow/tf-keras-datasets/boston_housing.npz",),
        ),
    ),
)


def info() -> Info:
    """The data set's card: source, licence, citation, sizes, files and their hashes; `FEATURES` names the columns.

    Example:

    >>> from hornbook_datasets import boston_housing
    >>> dict(boston_housing.info().examples)
    {'all': 506}
    """
    return INFO


def load_data(
    path: str = "boston_housing.npz", test_split: float = 0.2, seed: int = 113
) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Load the districts and prices, from `HORNBOOK_DATA`, the cache or the network.

    WARNING: one column, `B`, is computed from the share of Black residents, on the supposition that racial segregation
    moves house prices. Do not use this set except to teach about that; `california_housing` serves for regression.

    Args:
        path: The name that the file bears in the cache.
        test_split: The share of the districts to test on, in [0, 1).
        seed: Of the order of the districts, and so of the split.

    Returns:
        `(x_train, y_train), (x_test, y_test)`, all float64: districts `(404, 13)` and `(102, 13)` by default, in the
        columns `FEATURES`, and prices `(404,)` and `(102,)` in thousands of dollars.

    Raises:
        ValueError: `test_split` is outside [0, 1).
        DataUnavailable: The official file is nowhere to be had; the message says what to do.

    Example:

    >>> from hornbook_datasets import boston_housing
    >>> (x_train, y_train), (x_test, y_test) = boston_housing.load_data()  # doctest: +SKIP
    >>> len(boston_housing.FEATURES)
    13
    """
    check_test_split(test_split)
    count = INFO.examples["all"]
    expected = {"x": ((count, len(FEATURES)), "float64"), "y": ((count,), "float64")}
    arrays = load_npz(fetch(INFO.files[0], INFO.title, path), expected)
    x, y = shuffled(np.random.RandomState(seed), arrays["x"], arrays["y"])
    size = train_size(len(x), test_split)
    return (x[:size], y[:size]), (x[size:], y[size:])


as_dataset = stream_maker(__name__)
