"""Titanic: 891 passengers of the ship, and whether they survived; a table with words, numbers and gaps."""

from typing import Any

import numpy as np

from hornbook_datasets.files import fetch
from hornbook_datasets.info import Column, File, Info
from hornbook_datasets.splits import check_test_split
from hornbook_datasets.streams import stream_maker
from hornbook_datasets.tables import check_rows, read_table, split_table

COLUMNS = (
    Column("pclass", "int64", 0, "the class of the ticket: 1, 2 or 3"),
    Column("sex", "str", 0, "female or male"),
    Column("age", "float32", 177, "years"),
    Column("sibsp", "int64", 0, "siblings and spouses aboard"),
    Column("parch", "int64", 0, "parents and children aboard"),
    Column("fare", "float32", 0, "pounds of 1912, for all who travelled on the ticket"),
    Column("embarked", "str", 2, "the harbour: C Cherbourg, Q Queenstown, S Southampton"),
    Column("deck", "str", 688, "A, the highest, to G"),
)
# The file's other columns say these once more (class, who, adult_male, embark_town, alone), or the answer: alive.
NAMES = "survived,pclass,sex,age,sibsp,parch,fare,embarked,class,who,adult_male,deck,embark_town,alive,alone".split(",")

INFO = Info(
    name="titanic",
    title="Titanic",
    source="The Encyclopedia Titanica; as a table by Frank Harrell and Thomas Cason, Vanderbilt University; this part of it by "
    "the authors of seaborn, https://github.com/mwaskom/seaborn-data",
    licence="none stated; free for any use, with the source, as Vanderbilt University says",
    citation="Titanic data, Department of Biostatistics, Vanderbilt University, https://hbiostat.org/data",
    examples={"all": 891},
    classes=("died", "survived"),
    files=(
        File(
            path="tabular/titanic.csv",
            sha256="81787d320d7f7b03df935e91de8bd19e11d45c5bbcab86ef4d4a76dc91b7d4f2",
            size=57018,
            urls=("https://raw.githubusercontent.com/mwaskom/seaborn-data/master/titanic.csv",),
        ),
    ),
    columns=COLUMNS,
)


def info() -> Info:
    """The data set's card: source, licence, citation, sizes, columns, the file and its hash.

    Example:

    >>> from hornbook_datasets import titanic
    >>> {column.name: column.missing for column in titanic.info().columns if column.missing}
    {'age': 177, 'embarked': 2, 'deck': 688}
    """
    return INFO


def load_data(test_split: float = 0.2, seed: int = 113) -> tuple[tuple[Any, np.ndarray], tuple[Any, np.ndarray]]:
    """Load the passengers and what became of them, from `HORNBOOK_DATA`, the cache or the network.

    Args:
        test_split: The share of the passengers to test on, in [0, 1).
        seed: Of the order of the passengers, and so of the split.

    Returns:
        `(x_train, y_train), (x_test, y_test)`: dictionaries from each name in `INFO.columns` to an array, `(712,)` and
        `(179,)` by default, strings as objects, a missing value as NaN or an empty string; and int64 labels of the same
        shapes: 0 died, 1 survived.

    Raises:
        ValueError: `test_split` is outside [0, 1), or the table is not the official one.
        DataUnavailable: The official file is nowhere to be had; the message says what to do.

    Example:

    >>> from hornbook_datasets import titanic
    >>> (x_train, y_train), (x_test, y_test) = titanic.load_data()  # doctest: +SKIP
    >>> titanic.info().examples["all"]
    891
    """
    check_test_split(test_split)
    path = fetch(INFO.files[0], INFO.title)
    survived = Column("survived", "int64", 0, "the class")
    table = read_table(path.read_bytes(), str(path), (survived, *INFO.columns), NAMES)
    target = table.pop("survived")
    check_rows(len(target), INFO.examples["all"], str(path))
    if unknown := set(target.tolist()) - {0, 1}:
        raise ValueError(f"Expected 0 or 1 as 'survived' in {path}; found {min(unknown)} too.")
    return split_table(table, target, test_split, seed)


as_dataset = stream_maker(__name__)
