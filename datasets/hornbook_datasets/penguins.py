"""Palmer penguins: 344 penguins of three species, measured on three islands of Antarctica; a table to begin with."""

from typing import Any

import numpy as np

from hornbook_datasets.files import fetch
from hornbook_datasets.info import Column, File, Info
from hornbook_datasets.splits import check_test_split
from hornbook_datasets.streams import stream_maker
from hornbook_datasets.tables import check_rows, read_table, split_table

COLUMNS = (
    Column("island", "str", 0, "Biscoe, Dream or Torgersen"),
    Column("bill_length_mm", "float32", 2, "millimetres"),
    Column("bill_depth_mm", "float32", 2, "millimetres"),
    Column("flipper_length_mm", "float32", 2, "millimetres"),
    Column("body_mass_g", "float32", 2, "grams"),
    Column("sex", "str", 11, "FEMALE or MALE"),
)

INFO = Info(
    name="penguins",
    title="Palmer penguins",
    source="Kristen Gorman and the Palmer Station, Antarctica; as a table by Allison Horst, Alison Hill and Kristen Gorman, "
    "https://allisonhorst.github.io/palmerpenguins/",
    licence="CC0",
    citation="K. B. Gorman, T. D. Williams, W. R. Fraser. Ecological sexual dimorphism and environmental variability within "
    "a community of Antarctic penguins (genus Pygoscelis). PLoS ONE 9(3), 2014",
    examples={"all": 344},
    classes=("Adelie", "Chinstrap", "Gentoo"),
    files=(
        File(
            path="tabular/penguins.csv",
            sha256="e07636bd8af74260099ea2f8678e2eabbf35def579940cc76f67061ee16c06c1",
            size=13478,
            urls=("https://raw.githubusercontent.com/mwaskom/seaborn-data/master/penguins.csv",),
        ),
    ),
    columns=COLUMNS,
)


def info() -> Info:
    """The data set's card: source, licence, citation, sizes, columns, the file and its hash.

    Example:

    >>> from hornbook_datasets import penguins
    >>> [column.name for column in penguins.info().columns][:2]
    ['island', 'bill_length_mm']
    """
    return INFO


def load_data(test_split: float = 0.2, seed: int = 113) -> tuple[tuple[Any, np.ndarray], tuple[Any, np.ndarray]]:
    """Load the penguins and their species, from `HORNBOOK_DATA`, the cache or the network.

    Args:
        test_split: The share of the penguins to test on, in [0, 1).
        seed: Of the order of the penguins, and so of the split.

    Returns:
        `(x_train, y_train), (x_test, y_test)`: dictionaries from each name in `INFO.columns` to an array, `(275,)` and
        `(69,)` by default, strings as objects, a missing value as NaN or an empty string; and int64 species of the same
        shapes, indices into `INFO.classes`.

    Raises:
        ValueError: `test_split` is outside [0, 1), or the table is not the official one.
        DataUnavailable: The official file is nowhere to be had; the message says what to do.

    Example:

    >>> from hornbook_datasets import penguins
    >>> (x_train, y_train), (x_test, y_test) = penguins.load_data()  # doctest: +SKIP
    >>> penguins.info().classes
    ('Adelie', 'Chinstrap', 'Gentoo')
    """
    check_test_split(test_split)
    path = fetch(INFO.files[0], INFO.title)
    species = Column("species", "str", 0, "the class")
    table = read_table(path.read_bytes(), str(path), (species, *INFO.columns))
    check_rows(len(table["species"]), INFO.examples["all"], str(path))
    names = table.pop("species")
    if unknown := set(names) - set(INFO.classes):
        raise ValueError(f"Expected the species {INFO.classes} in {path}; found {sorted(unknown)[0][:80]!r} too.")
    target = np.array([INFO.classes.index(name) for name in names], dtype="int64")
    return split_table(table, target, test_split, seed)


as_dataset = stream_maker(__name__)
