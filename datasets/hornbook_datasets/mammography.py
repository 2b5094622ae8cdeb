"""Mammography: 11,183 bright spots in X-ray pictures of the breast, 260 of them calcifications, which may mean cancer.

A set to learn with where one class is rare, as fraud, faults and illness are; each number comes standardized.
"""

from typing import Any

import numpy as np

from hornbook_datasets.files import fetch
from hornbook_datasets.info import Column, File, Info
from hornbook_datasets.splits import check_test_split
from hornbook_datasets.streams import stream_maker
from hornbook_datasets.tables import check_rows, read_table, split_table

COLUMNS = (
    Column("area", "float32", 0, "area of the spot"),
    Column("gray_level", "float32", 0, "its average gray level"),
    Column("gradient", "float32", 0, "strength of the gradient along its rim"),
    Column("noise", "float32", 0, "root mean square fluctuation of the noise in it"),
    Column("contrast", "float32", 0, "its gray level less that of a border around it, two pixels wide"),
    Column("shape", "float32", 0, "a low moment of its shape"),
)
CLASS = Column("class", "str", 0, "'-1' none, '1' a calcification, with these quotation marks")

INFO = Info(
    name="mammography",
    title="Mammography",
    source="Kevin Woods and others, University of South Florida; OpenML, https://www.openml.org/d/310; this file by Jason "
    "Brownlee, https://github.com/jbrownlee/Datasets",
    licence="none stated; public, as OpenML says",
    citation="K. Woods and others. Comparative evaluation of pattern recognition techniques for detection of "
    "microcalcifications in mammography. International Journal of Pattern Recognition and Artificial Intelligence 7(6), "
    "1993",
    examples={"all": 11183},
    classes=("none", "calcification"),
    files=(
        File(
            path="tabular/mammography.csv",
            sha256="7d3dea3f075f30bbdbb8980e7725684059b4fe3d0f850fadd0f635f6993d8730",
            size=827904,
            urls=("https://raw.githubusercontent.com/jbrownlee/Datasets/master/mammography.csv",),
        ),
    ),
    columns=COLUMNS,
)


def info() -> Info:
    """The data set's card: source, licence, citation, sizes, columns, the file and its hash.

    Example:

    >>> from hornbook_datasets import mammography
    >>> [column.name for column in mammography.info().columns][:3]
    ['area', 'gray_level', 'gradient']
    """
    return INFO


def load_data(test_split: float = 0.2, seed: int = 113) -> tuple[tuple[Any, np.ndarray], tuple[Any, np.ndarray]]:
    """Load the spots and what they are, from `HORNBOOK_DATA`, the cache or the network.

    Args:
        test_split: The share of the spots to test on, in [0, 1).
        seed: Of the order of the spots, and so of the split.

    Returns:
        `(x_train, y_train), (x_test, y_test)`: dictionaries from each name in `INFO.columns` to a float32 array, `(8946,)`
        and `(2237,)` by default; and int64 labels of the same shapes: 0 none, 1 a calcification.

    Raises:
        ValueError: `test_split` is outside [0, 1), or the table is not the official one.
        DataUnavailable: The official file is nowhere to be had; the message says what to do.

    Example:

    >>> from hornbook_datasets import mammography
    >>> (x_train, y_train), (x_test, y_test) = mammography.load_data()  # doctest: +SKIP
    >>> mammography.info().examples["all"]
    11183
    """
    check_test_split(test_split)
    path = fetch(INFO.files[0], INFO.title)
    table = read_table(path.read_bytes(), str(path), (*INFO.columns, CLASS), header=False)
    classes = table.pop("class")
    check_rows(len(classes), INFO.examples["all"], str(path))
    if unknown := set(classes.tolist()) - {"'-1'", "'1'"}:
        raise ValueError(f"Expected '-1' or '1' as the class in {path}; found {min(unknown)} too.")
    return split_table(table, (classes == "'1'").astype("int64"), test_split, seed)


as_dataset = stream_maker(__name__)
