"""`tf.data`: data sets made from rows and windows of arrays, and the readers of files that run inside them."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

__all__ = [
    "dataset_batch_size",
    "dataset_from_rows",
    "dataset_of_arrays",
    "dataset_of_windows",
    "read_audio",
    "read_image",
    "read_text",
]


def dataset_of_arrays(
    arrays: Any,
    function: Callable | None = None,
    batch_size: int | None = None,
    shuffle: int = 0,
    seed: int | None = None,
    pad: bool = False,
) -> Any:
    """The rows of arrays with one first axis, each through `function`, in batches.

    Args:
        arrays: a structure of arrays.
        function: what makes an example from a row.
        batch_size: examples in a batch; None leaves them single.
        shuffle: how many rows are mixed at a time, anew in each pass; 0 keeps the order.
        seed: of the mixing.
        pad: fill up shorter examples of a batch with zeros.
    """
    dataset = tf.data.Dataset.from_tensor_slices(arrays)
    if shuffle:
        dataset = dataset.shuffle(shuffle, seed=seed)
    if function is not None:
        dataset = dataset.map(function, num_parallel_calls=tf.data.AUTOTUNE)
    if batch_size is not None:
        dataset = dataset.padded_batch(batch_size) if pad else dataset.batch(batch_size)
    return dataset.prefetch(tf.data.AUTOTUNE)


def dataset_from_rows(rows: Sequence, like: Any, batch_size: int | None = None) -> Any:
    """The elements in a list, which look like those of the data set `like`, in batches."""
    dataset = tf.data.Dataset.from_generator(lambda: iter(rows), output_signature=like.element_spec)
    dataset = dataset.apply(tf.data.experimental.assert_cardinality(len(rows)))
    if batch_size is not None:
        dataset = dataset.batch(batch_size)
    return dataset.prefetch(tf.data.AUTOTUNE)


def dataset_batch_size(dataset: Any) -> int | None:
    """The number of examples in the batches of a data set that ends in `batch(n)`; None for any other."""
    size = getattr(dataset, "_batch_size", None)
    return None if size is None else int(size)


def dataset_of_windows(
    columns: Iterable[Any],
    starts: np.ndarray,
    offsets: Sequence[np.ndarray | int],
    batch_size: int | None,
    shuffle: int = 0,
    seed: int | None = None,
) -> Any:
    """For each start the rows `column[start + offsets]` of every column."""
    columns = [tf.convert_to_tensor(column) for column in columns]

    def windows(start: Any) -> Any:
        found = tuple(tf.gather(column, start + offset) for column, offset in zip(columns, offsets, strict=True))
        return found[0] if len(found) == 1 else found

    return dataset_of_arrays(starts, windows, batch_size, shuffle, seed)


def read_image(path: Any, channels: int) -> Any:
    """The image in a BMP, GIF, JPEG or PNG file (of a moving one the first frame): (height, width, channels), uint8."""
    image = tf.io.decode_image(tf.io.read_file(path), channels=channels, expand_animations=False)
    image.set_shape((None, None, channels))
    return image


def read_text(path: Any, max_length: int | None) -> Any:
    """The contents of a file as a string, cut after `max_length` bytes."""
    text = tf.io.read_file(path)
    return text if max_length is None else tf.strings.substr(text, 0, max_length)


def read_audio(path: Any, length: int | None, ragged: bool) -> Any:
    """The samples of a WAV file: (time, channels), float32 in [-1, 1), cut or filled up to `length`."""
    samples, _ = tf.audio.decode_wav(tf.io.read_file(path), desired_samples=-1 if length is None else length)
    return tf.RaggedTensor.from_tensor(samples) if ragged else samples
