"""Pollution: fine dust in the air of Beijing and the weather, for each of the 43,824 hours from 2010 to 2014."""

from typing import Any

import numpy as np

from hornbook_datasets.files import fetch
from hornbook_datasets.info import Column, File, Info
from hornbook_datasets.splits import check_test_split, train_size
from hornbook_datasets.streams import stream_maker
from hornbook_datasets.tables import check_rows, read_table

TARGET = Column("pm2.5", "float32", 2067, "dust of particles below 2.5 micrometres, micrograms per cubic metre")
COLUMNS = (
    Column("year", "int64", 0, "2010 to 2014"),
    Column("month", "int64", 0, "1 to 12"),
    Column("day", "int64", 0, "of the month"),
    Column("hour", "int64", 0, "0 to 23"),
    Column("DEWP", "float32", 0, "dew point, degrees Celsius"),
    Column("TEMP", "float32", 0, "temperature, degrees Celsius"),
    Column("PRES", "float32", 0, "pressure of the air, hPa"),
    Column("cbwd", "str", 0, "where the wind comes from: NE, NW, SE, or cv, calm and varying"),
    Column("Iws", "float32", 0, "speed of the wind, m/s, summed while its direction stays"),
    Column("Is", "int64", 0, "hours of snow so far"),
    Column("Ir", "int64", 0, "hours of rain so far"),
)
NAMES = "No,year,month,day,hour,pm2.5,DEWP,TEMP,PRES,cbwd,Iws,Is,Ir".split(",")

INFO = Info(
    name="pollution",
    title="Beijing PM2.5",
    source="Song Xi Chen, Peking University; dust by the embassy of the USA, weather by the airport; UCI Machine Learning "
    "Repository, https://archive.ics.uci.edu/dataset/381/beijing+pm2+5+data; this file by Jason Brownlee, "
    "https://github.com/jbrownlee/Datasets",
    licence="CC BY 4.0",
    citation="X. Liang and others. Assessing Beijing's PM2.5 pollution: severity, weather impact, APEC and winter heating. "
    "Proceedings of the Royal Society A 471, 2015",
    examples={"all": 43824},
    classes=(),
    files=(
        File(
            path="tabular/pollution.csv",
            sha256="892e9559205d16d32623135c127a3951c12e46ea1e0b3093e107ce89a9fd60e2",
            size=2010492,
            urls=("https://raw.githubusercontent.com/jbrownlee/Datasets/master/pollution.csv",),
        ),
    ),
    columns=COLUMNS,
)


def info() -> Info:
    """The data set's card: source, licence, citation, sizes, columns, the file and its hash.

    Example:

    >>> from hornbook_datasets import pollution
    >>> pollution.info().columns[5].meaning
    'temperature, degrees Celsius'
    """
    return INFO


def load_data(test_split: float = 0.2) -> tuple[tuple[Any, np.ndarray], tuple[Any, np.ndarray]]:
    """Load the weather and the dust hour by hour, from `HORNBOOK_DATA`, the cache or the network.

    The hours stay in their order, and the last of them are for the test: what is to come is not known in training.

    Args:
        test_split: The share of the hours to test on, in [0, 1).

    Returns:
        `(x_train, y_train), (x_test, y_test)`: dictionaries from each name in `INFO.columns` to an array, `(35059,)` and
        `(8765,)` by default, strings as objects; and the dust of the same hours, float32, NaN where it was not measured.

    Raises:
        ValueError: `test_split` is outside [0, 1), or the table is not the official one.
        DataUnavailable: The official file is nowhere to be had; the message says what to do.

    Example:

    >>> from hornbook_datasets import pollution
    >>> (x_train, y_train), (x_test, y_test) = pollution.load_data()  # doctest: +SKIP
    >>> pollution.info().examples["all"] == 24 * (5 * 365 + 1)  # 2012 had a day more
    True
    """
    check_test_split(test_split)
    path = fetch(INFO.files[0], INFO.title)
    table = read_table(path.read_bytes(), str(path), (TARGET, *INFO.columns), NAMES, missing="NA")
    dust = table.pop(TARGET.name)
    check_rows(len(dust), INFO.examples["all"], str(path))
    size = train_size(len(dust), test_split)
    x_train = {name: column[:size] for name, column in table.items()}
    x_test = {name: column[size:] for name, column in table.items()}
    return (x_train, dust[:size]), (x_test, dust[size:])


as_dataset = stream_maker(__name__)
