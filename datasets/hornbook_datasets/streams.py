"""A split of a data set as a `tf.data.Dataset` of batches, in an order that is a function of the seed and the epoch.

    rows of the split       0 1 2 3 4 5 6 7                    as load_data() gives them
    their order             3 1 6 0 | 7 4 2 5                  a permutation drawn for each pass: f(seed, pass)
    a batch                 x[[3, 1, 6, 0]], y[[3, 1, 6, 0]]   gathered at once

TensorFlow is imported when a stream is made, not before.
"""

import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from hornbook_datasets.info import Info


def stream_maker(module_name: str) -> Callable[..., Any]:
    """The function `as_dataset` of a data set's module, which is `as_dataset` below for that module.

    Args:
        module_name: The `__name__` of the module.

    Example:

    >>> from hornbook_datasets import tiny_reviews
    >>> as_dataset_of_reviews = stream_maker("hornbook_datasets.tiny_reviews")
    >>> int(as_dataset_of_reviews("test", batch_size=100).cardinality())
    2
    """

    def as_dataset_of_module(
        split: str = "train", batch_size: int = 32, shuffle: bool | None = None, seed: int = 0, **options: Any
    ) -> Any:
        return as_dataset(sys.modules[module_name], split, batch_size, shuffle, seed, **options)

    as_dataset_of_module.__name__ = as_dataset_of_module.__qualname__ = "as_dataset"
    as_dataset_of_module.__doc__ = "A split as a `tf.data.Dataset` of batches: `hornbook_datasets.streams.as_dataset`."
    return as_dataset_of_module


def split_names(info: Info) -> tuple[str, ...]:
    """The names of the splits that `load_data()` gives, in its order.

    Args:
        info: The card of the data set.

    Example:

    >>> from hornbook_datasets import california_housing, sst2
    >>> split_names(sst2.info()), split_names(california_housing.info())
    (('train', 'validation'), ('train', 'test'))
    """
    return ("train", "test") if list(info.examples) == ["all"] else tuple(info.examples)


def as_dataset(
    module: Any,
    split: str = "train",
    batch_size: int = 32,
    shuffle: bool | None = None,
    seed: int = 0,
    **options: Any,
) -> Any:
    """A split of a data set as a `tf.data.Dataset` of batches.

    Args:
        module: The data set's module, such as `hornbook_datasets.mnist`, which offers the same without this argument.
        split: "train", "test", or "validation" where the data set has that.
        batch_size: Examples in a batch; the last batch has what is left.
        shuffle: Whether to draw a new order for each pass; as usual for the training split alone, if None.
        seed: The order of a pass is a function of this and of how many passes began before. No other seed matters.
        **options: What else `load_data()` takes.

    Returns:
        Batches `(x, y)` of what `load_data()` gives: tensors with the dtypes of the arrays, strings as tf.string, tables
        as dictionaries of columns. Lists of word indices become int32 `(batch, longest)`, filled up with 0. A split
        that is one text gives batches of its lines that are not empty.

    Raises:
        ValueError: There is no such split, or `batch_size` is not positive.
        DataUnavailable: An official file is nowhere to be had; the message says what to do.

    Example:

    >>> from hornbook_datasets import tiny_reviews
    >>> dataset = tiny_reviews.as_dataset("train", batch_size=4, seed=1)
    >>> for texts, labels in dataset.take(1):
    ...     print(texts.shape, texts.dtype.name, labels.shape)
    (4,) string (4,)
    """
    import tensorflow as tf

    names = split_names(module.INFO)
    if split not in names:
        raise ValueError(f"Expected split to be one of {list(names)}; received {split!r}.")
    if isinstance(batch_size, bool) or not isinstance(batch_size, int) or batch_size < 1:
        raise ValueError(f"Expected batch_size to be a positive integer; received {batch_size!r}.")
    if hasattr(module, "load_split"):  # the other split need not be at hand
        data = module.load_split(split, **options)
    else:
        data = module.load_data(**options)[names.index(split)]
    if isinstance(data, str):
        data = np.array([line for line in data.splitlines() if line], dtype=object)

    columns = tf.nest.map_structure(_tensor, data)
    rows = _rows(len(tf.nest.flatten(data)[0]), (split == "train") if shuffle is None else shuffle, seed)

    def gather(places: Any) -> Any:
        def of(column: Any) -> Any:
            batch = tf.gather(column, places)
            return batch.to_tensor() if isinstance(batch, tf.RaggedTensor) else batch

        return tf.nest.map_structure(of, columns)

    return rows.batch(batch_size).map(gather, num_parallel_calls=2, deterministic=True).prefetch(2)


def _tensor(column: np.ndarray) -> Any:
    """An array as a tensor, an array of lists as a ragged one."""
    import tensorflow as tf

    if column.dtype == object and len(column) and isinstance(column[0], list):
        values = np.fromiter((index for row in column for index in row), "int32")
        return tf.RaggedTensor.from_row_lengths(values, [len(row) for row in column])
    return tf.convert_to_tensor(column)


def _rows(count: int, shuffle: bool, seed: int) -> Any:
    """The numbers of the rows, in a new order for each pass if `shuffle`.

    `Dataset.shuffle` would mix TensorFlow's global seed into this one; the operation under it takes two seeds as they are.
    """
    import tensorflow as tf

    rows = tf.data.Dataset.range(count)
    if not shuffle or not count:
        return rows
    shuffled = tf.raw_ops.ShuffleDatasetV3(
        input_dataset=tf.data.experimental.to_variant(rows),
        buffer_size=count,
        seed=seed,
        seed2=1,  # two zeros would ask for a random order
        seed_generator=tf.raw_ops.DummySeedGenerator(),
        reshuffle_each_iteration=True,
        output_types=[tf.int64],
        output_shapes=[()],
    )
    return tf.data.experimental.from_variant(shuffled, rows.element_spec)
