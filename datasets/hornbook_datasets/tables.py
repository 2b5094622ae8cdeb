"""Tables of text, read strictly: each row as wide as the first, numbers that are finite, and reasons that name the line."""

import csv
import io
import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from hornbook_datasets.info import Column
from hornbook_datasets.splits import shuffled, train_size

FIELD = 1 << 17  # characters of a field


def decode(content: bytes, where: str) -> str:
    """The text of a file in UTF-8.

    Raises:
        ValueError: It is not.

    Example:

    >>> decode(b"caf\\xc3\\xa9", "menu.txt")
    'café'
    """
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"Expected text in UTF-8 in {where}; found other bytes at {error.start:,}.") from None


def read_rows(
    content: bytes,
    where: str,
    names: Sequence[str],
    header: bool = True,
    delimiter: str = ",",
    quoted: bool = True,
) -> Iterator[tuple[int, list[str]]]:
    """The rows of a table, each with the number of its line.

    Args:
        content: The bytes of the file, in UTF-8.
        where: Its name, for messages.
        names: The names of all columns.
        header: Whether the first line must be these names.
        delimiter: What stands between two fields.
        quoted: Whether fields may stand in quotation marks; without, a quotation mark is a character like others.

    Raises:
        ValueError: The text is not such a table.

    Example:

    >>> list(read_rows(b'word,count\\n"to be",2\\n', "words.csv", ["word", "count"]))
    [(2, ['to be', '2'])]
    """
    quoting: Any = csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE
    lines = io.StringIO(decode(content, where), newline="")
    reader = csv.reader(lines, delimiter=delimiter, quoting=quoting, strict=True)
    try:
        for number, row in enumerate(reader):
            line = reader.line_num
            if len(row) != len(names):
                raise ValueError(f"Expected {len(names)} fields in line {line} of {where}; found {len(row)}.")
            if max(map(len, row)) > FIELD:
                raise ValueError(
                    f"Expected fields of at most {FIELD} characters; line {line} of {where} has a longer one."
                )
            if number == 0 and header:
                if row != list(names):
                    raise ValueError(f"Expected the columns {list(names)} in {where}; found {str(row)[:300]}.")
                continue
            yield line, row
    except csv.Error as error:
        raise ValueError(f"Expected a table in {where}; line {reader.line_num} cannot be read: {error}.") from None


def read_table(
    content: bytes,
    where: str,
    columns: Sequence[Column],
    names: Sequence[str] | None = None,
    header: bool = True,
    missing: str = "",
) -> dict[str, np.ndarray]:
    """The columns of a table of comma-separated values, as arrays.

    Args:
        content: The bytes of the file, in UTF-8.
        where: Its name, for messages.
        columns: What to read.
        names: The names of all columns of the file; those of `columns` if None.
        header: Whether the first line must be these names.
        missing: What stands for a missing value.

    Returns:
        For each column an array `(rows,)` of its dtype, strings as objects. A missing value is NaN or an empty string.

    Raises:
        ValueError: The text is not such a table.

    Example:

    >>> table = read_table(b"height\\n1.5\\n\\"\\"\\n", "people.csv", [Column("height", "float32", 1, "metres")])
    >>> table["height"]
    array([1.5, nan], dtype=float32)
    """
    names = [column.name for column in columns] if names is None else names
    values: dict[str, list[Any]] = {column.name: [] for column in columns}
    places = [(column, names.index(column.name)) for column in columns]
    for line, row in read_rows(content, where, names, header):
        for column, place in places:
            values[column.name].append(_value(row[place], column, missing, line, where))
    dtypes = {column.name: "object" if column.dtype == "str" else column.dtype for column in columns}
    return {name: np.array(column, dtype=dtypes[name]) for name, column in values.items()}


def _value(text: str, column: Column, missing: str, line: int, where: str) -> Any:
    if column.dtype == "str":
        return "" if text == missing else text
    if text == missing and column.dtype == "float32":
        return math.nan
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    largest = float(np.finfo("float32").max) if column.dtype == "float32" else 2**53
    if not abs(number) <= largest or (column.dtype == "int64" and not number.is_integer()):
        kind = "a finite number" if column.dtype == "float32" else "a whole number"
        raise ValueError(f"Expected {kind} as {column.name!r} in line {line} of {where}; found {text[:80]!r}.")
    return number if column.dtype == "float32" else int(number)


def check_rows(found: int, expected: int, where: str) -> None:
    """Refuse a table with fewer or more rows than the official one.

    Raises:
        ValueError: `found` is not `expected`.

    Example:

    >>> check_rows(303, 303, "heart.csv")
    """
    if found != expected:
        raise ValueError(f"Expected {expected:,} rows in {where}; found {found:,}.")


def split_table(
    table: dict[str, np.ndarray], target: np.ndarray, test_split: float, seed: int
) -> tuple[tuple[dict[str, np.ndarray], np.ndarray], tuple[dict[str, np.ndarray], np.ndarray]]:
    """The rows of a table in a new order, the last of them to test on.

    Args:
        table: The columns to learn from.
        target: What is to be predicted.
        test_split: The share of the rows to test on, in [0, 1).
        seed: Of the order, and so of the split.

    Returns:
        `(x_train, y_train), (x_test, y_test)`, the columns still by name.

    Example:

    >>> (x_train, y_train), (x_test, y_test) = split_table({"a": np.arange(5)}, np.arange(5) * 10, 0.2, seed=113)
    >>> len(x_train["a"]), len(y_test), bool((y_train == x_train["a"] * 10).all())
    (4, 1, True)
    """
    y, *columns = shuffled(np.random.RandomState(seed), target, *table.values())
    size = train_size(len(y), test_split)
    x_train = {name: column[:size] for name, column in zip(table, columns, strict=True)}
    x_test = {name: column[size:] for name, column in zip(table, columns, strict=True)}
    return (x_train, y[:size]), (x_test, y[size:])
