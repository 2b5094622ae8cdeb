"""Heart disease: 303 patients of a clinic in Cleveland, 13 findings each, and whether a coronary artery is narrowed.

For learning how tables are modelled, and no more: the patients are few, of one clinic, and were examined before 1988.
"""

from typing import Any

import numpy as np

from hornbook_datasets.files import fetch_any
from hornbook_datasets.info import Column, File, Info
from hornbook_datasets.splits import check_test_split
from hornbook_datasets.streams import stream_maker
from hornbook_datasets.tables import check_rows, read_table, split_table

COLUMNS = (
    Column("age", "float32", 0, "years"),
    Column("sex", "int64", 0, "0 female, 1 male"),
    Column("cp", "int64", 0, "chest pain: 1 typical angina, 2 atypical angina, 3 another pain, 4 none"),
    Column("trestbps", "float32", 0, "blood pressure at rest, mm Hg"),
    Column("chol", "float32", 0, "cholesterol in the serum, mg/dl"),
    Column("fbs", "int64", 0, "1: blood sugar above 120 mg/dl after fasting"),
    Column("restecg", "int64", 0, "electrocardiogram at rest: 0 normal, 1 abnormal ST-T, 2 hypertrophy"),
    Column("thalach", "float32", 0, "highest heart rate reached, beats a minute"),
    Column("exang", "int64", 0, "1: angina caused by exercise"),
    Column("oldpeak", "float32", 0, "depression of ST by exercise, mm"),
    Column("slope", "int64", 0, "ST at the peak of exercise: 1 rising, 2 flat, 3 falling"),
    Column("ca", "float32", 4, "large vessels coloured by fluoroscopy, 0 to 3"),
    Column("thal", "float32", 2, "thallium scan: 3 normal, 6 fixed defect, 7 reversible defect"),
)

INFO = Info(
    name="heart",
    title="Heart disease",
    source="Robert Detrano, Cleveland Clinic Foundation, with Andras Janosi, William Steinbrunn and Matthias Pfisterer; UCI "
    "Machine Learning Repository, https://archive.ics.uci.edu/dataset/45/heart+disease",
    licence="CC BY 4.0",
    citation="R. Detrano and others. International application of a new probability algorithm for the diagnosis of coronary "
    "artery disease. American Journal of Cardiology 64, 1989",
    examples={"all": 303},
    classes=("healthy", "ill"),
    files=(
        File(
            path="heart/processed.cleveland.data",
            sha256="a74b7efa387bc9d108d7d0115d831fe9b414b29ae7124f331b622b4efa0427c8",
            size=18461,
            urls=("https://archive.ics.uci.edu/ml/machine-learning-databases/heart-disease/processed.cleveland.data",),
        ),
        File(  # the same lines with the ends that Windows gives them
            path="tabular/heart_cleveland.csv",
            sha256="13f2c7cc1ebfc284ead179a49d04ef4935ede24cff35452bf19a8eb643c7a8af",
            size=18764,
            urls=(),
        ),
    ),
    columns=COLUMNS,
)


def info() -> Info:
    """The data set's card: source, licence, citation, sizes, columns, files and their hashes.

    Example:

    >>> from hornbook_datasets import heart
    >>> len(heart.info().columns)
    13
    """
    return INFO


def load_data(test_split: float = 0.2, seed: int = 113) -> tuple[tuple[Any, np.ndarray], tuple[Any, np.ndarray]]:
    """Load the patients and their diagnoses, from `HORNBOOK_DATA`, the cache or the network.

    Args:
        test_split: The share of the patients to test on, in [0, 1).
        seed: Of the order of the patients, and so of the split.

    Returns:
        `(x_train, y_train), (x_test, y_test)`: dictionaries from each name in `INFO.columns` to an array, `(242,)` and
        `(61,)` by default, a missing value as NaN; and int64 labels of the same shapes: 0 healthy, 1 for any of the four
        degrees of illness.

    Raises:
        ValueError: `test_split` is outside [0, 1), or the table is not the official one.
        DataUnavailable: The official file is nowhere to be had; the message says what to do.

    Example:

    >>> from hornbook_datasets import heart
    >>> (x_train, y_train), (x_test, y_test) = heart.load_data()  # doctest: +SKIP
    >>> heart.info().classes
    ('healthy', 'ill')
    """
    check_test_split(test_split)
    _, path = fetch_any(INFO.files, INFO.title)
    degree = Column("num", "int64", 0, "degree of illness, 0 to 4")
    table = read_table(path.read_bytes(), str(path), (*INFO.columns, degree), header=False, missing="?")
    degrees = table.pop("num")
    check_rows(len(degrees), INFO.examples["all"], str(path))
    if degrees.min() < 0 or degrees.max() > 4:
        raise ValueError(
            f"Expected degrees of illness from 0 to 4 in {path}; found {degrees.min()} to {degrees.max()}."
        )
    return split_table(table, (degrees > 0).astype("int64"), test_split, seed)


as_dataset = stream_maker(__name__)
