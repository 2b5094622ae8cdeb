"""Airline passengers: how many flew abroad in each of 144 months, 1949 to 1960; a series that grows and has a season."""

import numpy as np

from hornbook_datasets.files import fetch
from hornbook_datasets.info import Column, File, Info
from hornbook_datasets.splits import check_test_split, train_size
from hornbook_datasets.streams import stream_maker
from hornbook_datasets.tables import check_rows, read_table

COLUMNS = (Column("Month", "str", 0, "year and month, such as 1949-01"),)
TARGET = Column("Passengers", "int64", 0, "thousands of passengers")

INFO = Info(
    name="airline_passengers",
    title="Airline passengers",
    source="George Box and Gwilym Jenkins, series G; this file by Jason Brownlee, https://github.com/jbrownlee/Datasets",
    licence="none stated; public",
    citation="G. E. P. Box, G. M. Jenkins. Time series analysis: forecasting and control. Holden-Day, 1970",
    examples={"all": 144},
    classes=(),
    files=(
        File(
            path="tabular/airline-passengers.csv",
            sha256="8cb51be753a718d9be5d76d7e238cc224792754676adc21faa59e954b0201621",
            size=2180,
            urls=("https://raw.githubusercontent.com/jbrownlee/Datasets/master/airline-passengers.csv",),
        ),
    ),
    columns=COLUMNS,
)


def info() -> Info:
    """The data set's card: source, licence, citation, sizes, columns, the file and its hash.

    Example:

    >>> from hornbook_datasets import airline_passengers
    >>> airline_passengers.info().examples["all"] // 12
    12
    """
    return INFO


def load_data(test_split: float = 0.25) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Load the months and their passengers, from `HORNBOOK_DATA`, the cache or the network.

    The months stay in their order, and the last of them are for the test: what is to come is not known in training.

    Args:
        test_split: The share of the months to test on, in [0, 1).

    Returns:
        `(x_train, y_train), (x_test, y_test)`: months such as "1949-01" as objects, `(108,)` and `(36,)` by default; and
        thousands of passengers of the same shapes, float32.

    Raises:
        ValueError: `test_split` is outside [0, 1), or the table is not the official one.
        DataUnavailable: The official file is nowhere to be had; the message says what to do.

    Example:

    >>> from hornbook_datasets import airline_passengers
    >>> (x_train, y_train), (x_test, y_test) = airline_passengers.load_data()  # doctest: +SKIP
    >>> airline_passengers.info().examples["all"]
    144
    """
    check_test_split(test_split)
    path = fetch(INFO.files[0], INFO.title)
    table = read_table(path.read_bytes(), str(path), (*INFO.columns, TARGET))
    months, passengers = table["Month"], table["Passengers"].astype("float32")
    check_rows(len(months), INFO.examples["all"], str(path))
    size = train_size(len(months), test_split)
    return (months[:size], passengers[:size]), (months[size:], passengers[size:])


as_dataset = stream_maker(__name__)
