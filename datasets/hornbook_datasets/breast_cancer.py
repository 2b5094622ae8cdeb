"""Breast cancer: 699 samples of cells from the breast, nine findings under the microscope each, benign or malignant.

For learning how tables are modelled, and no more: the samples are of one hospital, from 1989 to 1991.
"""

from typing import Any

import numpy as np

from hornbook_datasets.files import fetch
from hornbook_datasets.info import Column, File, Info
from hornbook_datasets.splits import check_test_split
from hornbook_datasets.streams import stream_maker
from hornbook_datasets.tables import check_rows, read_table, split_table

COLUMNS = (  # each from 1, as in healthy tissue, to 10
    Column("clump_thickness", "int64", 0, "thickness of the clumps"),
    Column("cell_size", "int64", 0, "uniformity of the cells' size"),
    Column("cell_shape", "int64", 0, "uniformity of the cells' shape"),
    Column("adhesion", "int64", 0, "adhesion at the margin"),
    Column("epithelial_size", "int64", 0, "size of single epithelial cells"),
    Column("bare_nuclei", "float32", 16, "nuclei without cytoplasm"),
    Column("chromatin", "int64", 0, "blandness of the chromatin"),
    Column("nucleoli", "int64", 0, "normal nucleoli"),
    Column("mitoses", "int64", 0, "divisions of cells"),
)
CLASS = Column("class", "int64", 0, "2 benign, 4 malignant")

INFO = Info(
    name="breast_cancer",
    title="Breast cancer, Wisconsin (original)",
    source="William H. Wolberg, University of Wisconsin Hospitals, Madison; UCI Machine Learning Repository, "
    "https://archive.ics.uci.edu/dataset/15/breast+cancer+wisconsin+original; without the samples' numbers by Jason Brownlee, "
    "https://github.com/jbrownlee/Datasets",
    licence="CC BY 4.0",
    citation="W. H. Wolberg, O. L. Mangasarian. Multisurface method of pattern separation for medical diagnosis applied to "
    "breast cytology. PNAS 87, 1990",
    examples={"all": 699},
    classes=("benign", "malignant"),
    files=(
        File(
            path="tabular/breast-cancer-wisconsin.csv",
            sha256="9c9dc50e62dbcece16e5707bdec7514f87230d0aa35798b9aaffbc77cf736f1f",
            size=14486,
            urls=("https://raw.githubusercontent.com/jbrownlee/Datasets/master/breast-cancer-wisconsin.csv",),
        ),
    ),
    columns=COLUMNS,
)


def info() -> Info:
    """The data set's card: source, licence, citation, sizes, columns, the file and its hash.

    Example:

    >>> from hornbook_datasets import breast_cancer
    >>> {column.name: column.missing for column in breast_cancer.info().columns if column.missing}
    {'bare_nuclei': 16}
    """
    return INFO


def load_data(test_split: float = 0.2, seed: int = 113) -> tuple[tuple[Any, np.ndarray], tuple[Any, np.ndarray]]:
    """Load the samples and their diagnoses, from `HORNBOOK_DATA`, the cache or the network.

    Args:
        test_split: The share of the samples to test on, in [0, 1).
        seed: Of the order of the samples, and so of the split.

    Returns:
        `(x_train, y_train), (x_test, y_test)`: dictionaries from each name in `INFO.columns` to an array, `(559,)` and
        `(140,)` by default, a missing value as NaN; and int64 labels of the same shapes: 0 benign, 1 malignant.

    Raises:
        ValueError: `test_split` is outside [0, 1), or the table is not the official one.
        DataUnavailable: The official file is nowhere to be had; the message says what to do.

    Example:

    >>> from hornbook_datasets import breast_cancer
    >>> (x_train, y_train), (x_test, y_test) = breast_cancer.load_data()  # doctest: +SKIP
    >>> breast_cancer.info().classes
    ('benign', 'malignant')
    """
    check_test_split(test_split)
    path = fetch(INFO.files[0], INFO.title)
    table = read_table(path.read_bytes(), str(path), (*INFO.columns, CLASS), header=False, missing="?")
    classes = table.pop("class")
    check_rows(len(classes), INFO.examples["all"], str(path))
    if unknown := set(classes.tolist()) - {2, 4}:
        raise ValueError(f"Expected 2 or 4 as the class in {path}; found {min(unknown)} too.")
    return split_table(table, (classes == 4).astype("int64"), test_split, seed)


as_dataset = stream_maker(__name__)
