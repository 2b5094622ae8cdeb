"""Data sets cut in two, and windows over a series in time."""

import random
from typing import Any

import numpy as np

from hornbook import backend, tree
from hornbook.core.arguments import one_of, positive_integer
from hornbook.training.py_dataset import PyDataset

NO_GRAIN = (
    "format='grain' makes data sets of Grain, which is not offered; format='tf' makes a `tf.data.Dataset`, or write a "
    "hornbook.utils.PyDataset."
)


def split_dataset(
    dataset: Any,
    left_size: int | float | None = None,
    right_size: int | float | None = None,
    shuffle: bool = False,
    seed: int | None = None,
    preferred_backend: str | None = None,
) -> tuple[Any, Any]:
    """Two data sets, from the beginning and from the end of one.

    Args:
        dataset: an array, a list or tuple of arrays of one length, a `tf.data.Dataset`, or anything with
            `__getitem__` and `__len__`. Its elements are held in memory. A data set that ends in `batch(n)` is divided
            between its examples and batched again.
        left_size, right_size: how much each part has, as a number of elements or as a fraction of them. One of the two
            suffices: the other part is the rest.
        shuffle: mix the elements before they are divided.
        seed: of the mixing.
        preferred_backend: "tensorflow", the only one.

    Returns:
        two `tf.data.Dataset`s.

    Raises:
        TypeError: for another kind of data set or of size.
        ValueError: for sizes that do not fit, and for arrays of different lengths.

    >>> import numpy as np
    >>> import hornbook as keras
    >>> left, right = keras.utils.split_dataset(np.arange(5), left_size=0.6)
    >>> [int(x) for x in left], [int(x) for x in right]
    ([0, 1, 2], [3, 4])
    """
    one_of(preferred_backend, (None, "tensorflow"), "preferred_backend")
    if left_size is None and right_size is None:
        raise ValueError("split_dataset() needs left_size, right_size, or both: numbers of elements, or fractions.")
    batch_size = backend.dataset_batch_size(dataset) if backend.is_dataset(dataset) else None
    if backend.is_dataset(dataset):
        dataset = dataset if batch_size is None else dataset.unbatch()
        rows: Any = list(dataset)
        count = len(rows)
    else:
        rows = _columns(dataset)
        count = len(tree.flatten(rows)[0])
    left, right = _sizes_of_parts(left_size, right_size, count)
    order = list(range(count))
    if shuffle:
        random.Random(seed).shuffle(order)
    parts = []
    for chosen in (order[:left], order[count - right :]):
        if backend.is_dataset(dataset):
            parts.append(backend.dataset_from_rows([rows[i] for i in chosen], dataset, batch_size))
        else:
            parts.append(backend.dataset_of_arrays(tree.map_structure(lambda column, c=chosen: column[c], rows)))
    return parts[0], parts[1]


def _columns(dataset: Any) -> Any:
    """What holds the rows, as a structure of arrays of one length."""
    if isinstance(dataset, list | tuple):
        for i, column in enumerate(dataset):
            if not isinstance(column, np.ndarray):
                raise ValueError(
                    f"A {type(dataset).__name__} given to split_dataset() must hold NumPy arrays, one for each part of "
                    f"an element; item {i} is {type(column).__name__}."
                )
        lengths = [len(column) for column in dataset]
        if len(set(lengths)) > 1:
            raise ValueError(f"The arrays must have one length, got {', '.join(map(str, lengths))}.")
        return tuple(dataset)
    if isinstance(dataset, np.ndarray) or backend.is_tensor(dataset):
        return np.asarray(dataset)
    if isinstance(dataset, PyDataset) or (
        hasattr(dataset, "__getitem__") and hasattr(dataset, "__len__") and not isinstance(dataset, dict | str)
    ):
        length = dataset.num_batches if isinstance(dataset, PyDataset) else len(dataset)
        if length is None:
            raise ValueError("A data set that never ends cannot be divided.")
        elements = [dataset[i] for i in range(length)]
        return tree.map_structure(lambda *leaves: np.stack([np.asarray(leaf) for leaf in leaves]), *elements)
    raise TypeError(
        "split_dataset() takes an array, a list or tuple of arrays, a tf.data.Dataset or something with __getitem__ and "
        f"__len__; got {type(dataset).__name__}."
    )


def _sizes_of_parts(left: Any, right: Any, count: int) -> tuple[int, int]:
    sizes = []
    for name, size in (("left_size", left), ("right_size", right)):
        if size is not None and (isinstance(size, bool) or not isinstance(size, int | float | np.number)):
            raise TypeError(f"`{name}` must be an integer, a float or None, got {name}={size!r}.")
        if size is not None and not 0 < size < (1 if isinstance(size, float) else count):
            raise ValueError(
                f"`{name}` must be an integer from 1 to {count - 1} or a float between 0 and 1, got {name}={size!r}."
            )
        sizes.append(round(size * count) if isinstance(size, float) else size)
    first, second = sizes
    first = count - second if first is None else first
    second = count - first if second is None else second
    if first + second > count:
        raise ValueError(f"left_size and right_size ask for {first} + {second} of {count} elements.")
    if first == 0 or second == 0:
        raise ValueError(f"Of {count} elements the parts would have {first} and {second}; both must have some.")
    return first, second


def timeseries_dataset_from_array(
    data: Any,
    targets: Any,
    sequence_length: int,
    sequence_stride: int = 1,
    sampling_rate: int = 1,
    batch_size: int | None = 128,
    shuffle: bool = False,
    seed: int | None = None,
    start_index: int | None = None,
    end_index: int | None = None,
    format: str = "tf",
) -> Any:
    """Windows over a series in time: window i is `data[s], data[s + r], ..., data[s + (n - 1) r]` with `s = i stride`.

    Args:
        data: an array whose first axis is time.
        targets: the target of the window that starts at time s is `targets[s]`; None for windows alone.
        sequence_length: n, how many time steps a window has.
        sequence_stride: how many steps the next window starts later.
        sampling_rate: r, how many steps lie between two of a window.
        batch_size: windows in a batch; None leaves them single.
        shuffle: mix the windows.
        seed: of the mixing.
        start_index, end_index: use only `data[start_index:end_index]`.
        format: "tf".

    Returns:
        a `tf.data.Dataset` of windows, or of pairs (window, target).

    Raises:
        ValueError: for indices, strides and rates outside of the data.

    >>> import numpy as np
    >>> import hornbook as keras
    >>> series = np.arange(6)
    >>> windows = keras.utils.timeseries_dataset_from_array(series, series[3:], sequence_length=3)
    >>> for x, y in windows:
    ...     print(x.numpy().tolist(), y.numpy().tolist())
    [[0, 1, 2], [1, 2, 3], [2, 3, 4]] [3, 4, 5]
    """
    if one_of(format, ("tf", "grain"), "format") == "grain":
        raise ValueError(NO_GRAIN)
    count = len(data)
    positive_integer(sequence_length, "sequence_length")
    for name, value in (("sampling_rate", sampling_rate), ("sequence_stride", sequence_stride)):
        if positive_integer(value, name) >= count:
            raise ValueError(f"`{name}` must be lower than the length of the data, {count}; got {name}={value}.")
    if start_index is not None and not 0 <= start_index < count:
        raise ValueError(f"`start_index` must lie in 0 .. {count - 1}, got start_index={start_index}.")
    if end_index is not None and not (start_index or 0) < end_index < count:
        raise ValueError(
            f"`end_index` must be higher than start_index and lower than the length of the data, {count}; got "
            f"start_index={start_index}, end_index={end_index}."
        )
    first, last = start_index or 0, count if end_index is None else end_index
    windows = last - first - (sequence_length - 1) * sampling_rate
    if targets is not None:
        windows = min(windows, len(targets) - first)
    starts = np.arange(first, first + max(windows, 0), sequence_stride)
    if shuffle:
        seed = int(np.random.randint(10**6)) if seed is None else seed
        np.random.RandomState(seed).shuffle(starts)
    offsets: list = [np.arange(sequence_length) * sampling_rate]
    columns = [data]
    if targets is not None:
        columns, offsets = [data, targets], [*offsets, 0]
    mixed = (1024 if batch_size is None else 8 * positive_integer(batch_size, "batch_size")) if shuffle else 0
    return backend.dataset_of_windows(columns, starts, offsets, batch_size, mixed, seed)
