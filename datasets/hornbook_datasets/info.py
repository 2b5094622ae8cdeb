"""What is known about a data set, as rows: where it comes from, under which licence, how many examples, which files."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class File:
    """One official file of a data set.

    Args:
        path: Its place under the folder `HORNBOOK_DATA` and under the cache folder, with forward slashes.
        sha256: The hash of the official bytes, in hexadecimal.
        size: Their number.
        urls: The addresses that offer it, the first choice first. None for another form of the same data (repacked, or
            with other ends of lines), which is used where it lies in `HORNBOOK_DATA`.

    >>> from hornbook_datasets import mnist
    >>> mnist.info().files[0].path
    'mnist/mnist.npz'
    """

    path: str
    sha256: str
    size: int
    urls: tuple[str, ...]


@dataclass(frozen=True)
class Column:
    """One column of a table.

    Args:
        name: Its name, also in what `load_data()` gives.
        dtype: "float32", "int64", or "str".
        missing: How many rows lack a value: NaN in a column of float32, an empty string in one of str.
        meaning: What it says, with the unit or the values.

    >>> from hornbook_datasets import penguins
    >>> penguins.info().columns[0].name
    'island'
    """

    name: str
    dtype: str
    missing: int
    meaning: str


@dataclass(frozen=True)
class Info:
    """The card of one data set.

    Args:
        name: The name of its module.
        title: Its name in the literature.
        source: Who made it, and where it is described.
        licence: The licence of the data.
        citation: What to cite.
        examples: The number of examples in each split; under "all" where the data come in none.
        classes: The names of the classes; a label is an index into them. Empty where a number is to be predicted.
        files: The official files; none where the data are in the package.
        columns: Of a table: what each of its columns is.

    Example:

    >>> from hornbook_datasets import mnist
    >>> info = mnist.info()
    >>> info.title, info.licence, dict(info.examples)
    ('MNIST', 'CC BY-SA 3.0', {'train': 60000, 'test': 10000})
    """

    name: str
    title: str
    source: str
    licence: str
    citation: str
    examples: Mapping[str, int]
    classes: tuple[str, ...]
    files: tuple[File, ...] = ()
    columns: tuple[Column, ...] = ()
