"""All data sets by name, and the way to those of `tensorflow-datasets`."""

import os
import re
from typing import Any

from hornbook_datasets import (
    ag_news,
    airline_passengers,
    boston_housing,
    breast_cancer,
    california_housing,
    cifar10,
    cifar100,
    fashion_mnist,
    heart,
    imdb,
    imdb_reviews,
    mammography,
    mnist,
    movielens,
    penguins,
    pollution,
    reuters,
    spa_eng,
    speech_commands_sample,
    sst2,
    tiny_reviews,
    tiny_shakespeare,
    titanic,
    xquad,
)

MODULES = {
    "images": (mnist, fashion_mnist, cifar10, cifar100),
    "texts": (imdb, imdb_reviews, reuters, ag_news, sst2, tiny_reviews, spa_eng, xquad, tiny_shakespeare),
    "sounds": (speech_commands_sample,),
    "tables": (california_housing, boston_housing, penguins, titanic, heart, breast_cancer, mammography, movielens),
    "series": (pollution, airline_passengers),
}
BY_NAME = {module.INFO.name: module for modules in MODULES.values() for module in modules}
TFDS = "tfds:"
# A name, perhaps a configuration, perhaps a version: "glue/sst2:2.0.0". A name with a namespace in front of a colon
# ("huggingface:imdb") stands for code that tensorflow-datasets would fetch and run.
TFDS_NAME = re.compile(r"[a-z0-9_]+(/[\w.+-]+)?(:\d+\.(\d+|\*)\.(\d+|\*))?")


def names() -> tuple[str, ...]:
    """The names of the data sets of this package.

    Example:

    >>> import hornbook_datasets
    >>> hornbook_datasets.names()[:3]
    ('mnist', 'fashion_mnist', 'cifar10')
    """
    return tuple(BY_NAME)


def load(name: str, split: str | None = None, batch_size: int | None = None, **options: Any) -> Any:
    """Load a data set by its name: one of this package, or with "tfds:" one of tensorflow-datasets.

    Args:
        name: One of `names()`, or "tfds:" and a name of tensorflow-datasets, such as "tfds:cats_vs_dogs". Sets of its
            community, whose names have a colon, are refused: they bring code.
        split: "train", "test" or another that the data set has; from tensorflow-datasets also "train[:10%]" and the
            like. None for all.
        batch_size: Examples in a batch, where there is a split; of this package 32 if None, of tensorflow-datasets none.
        **options: What else `load_data()`, `as_dataset()` or `tfds.load()` takes.

    Returns:
        Of this package, without a split what `load_data()` gives, with one what `as_dataset(split)` gives. Of
        tensorflow-datasets what `tfds.load()` gives: without a split a dictionary of `tf.data.Dataset`, with one that
        split; the examples are pairs `(x, y)`, or dictionaries with `as_supervised=False`.

    Raises:
        ValueError: There is no such data set or split.
        ImportError: The name begins with "tfds:" and tensorflow-datasets is not installed.
        DataUnavailable: An official file is nowhere to be had; the message says what to do.

    Example:

    >>> import hornbook_datasets
    >>> (texts, labels), _ = hornbook_datasets.load("tiny_reviews")
    >>> len(texts)
    504
    >>> int(hornbook_datasets.load("tiny_reviews", split="test", batch_size=8).cardinality())
    21
    """
    if name.startswith(TFDS):
        return _load_tfds(name.removeprefix(TFDS), split, batch_size, options)
    if name not in BY_NAME:
        raise ValueError(
            f"Expected one of {', '.join(BY_NAME)}, or 'tfds:' and a name of tensorflow-datasets; received {name!r}."
        )
    module = BY_NAME[name]
    if split is None:
        if batch_size is not None:
            raise ValueError(f"Expected a split beside batch_size={batch_size!r}; without one, whole arrays are given.")
        return module.load_data(**options)
    return module.as_dataset(split, batch_size or 32, **options)


def _load_tfds(name: str, split: str | None, batch_size: int | None, options: dict[str, Any]) -> Any:
    if not TFDS_NAME.fullmatch(name):
        raise ValueError(
            f"Expected a name of tensorflow-datasets such as 'cats_vs_dogs' or 'glue/sst2:2.0.0' after 'tfds:'; received "
            f"{name[:80]!r}. Sets of its community bring code of their own and are not loaded from here."
        )
    try:
        import tensorflow_datasets as tfds  # pyright: ignore[reportMissingImports]  # an extra
    except ImportError as error:
        raise ImportError(
            f"tensorflow-datasets is needed for 'tfds:{name}' and cannot be imported ({error}). Install it: "
            'pip install "hornbook[tfds]".'
        ) from None
    offline = os.environ.get("HORNBOOK_OFFLINE", "0") not in ("", "0")
    defaults = {"as_supervised": True, "download": not offline}
    return tfds.load(name, split=split, batch_size=batch_size, **(defaults | options))


def table() -> str:
    """All data sets in a table in Markdown: what, how much, under which licence.

    Example:

    >>> import hornbook_datasets
    >>> for line in hornbook_datasets.table().splitlines()[:3]:
    ...     print(line)
    | name | what | examples | download | licence |
    |---|---|---|---|---|
    | **images** | | | | |
    """
    lines = ["| name | what | examples | download | licence |", "|---|---|---|---|---|"]
    for kind, modules in MODULES.items():
        lines.append(f"| **{kind}** | | | | |")
        for module in modules:
            what = (module.__doc__ or "").partition("\n")[0].partition(": ")[2].rstrip(".")
            examples = ", ".join(
                f"{count:,}" if split == "all" else f"{split} {count:,}"
                for split, count in module.INFO.examples.items()
            )
            lines.append(
                f"| [`{module.INFO.name}`](api/datasets.md#hornbook_datasets{module.INFO.name}) | {what} | {examples} | "
                f"{_size(module.INFO)} | {module.INFO.licence} |"
            )
    return "\n".join(lines) + "\n"


def _size(info: Any) -> str:
    size = sum(file.size for file in info.files if file.urls)
    if not size:
        return "none"
    return f"{size / 1e6:.1f} MB" if size >= 1e5 else f"{size / 1e3:.0f} kB"
