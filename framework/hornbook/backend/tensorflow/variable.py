"""How a Variable is stored on TensorFlow: in a `tf.Variable`, which tapes, `tf.distribute` and checkpoints know."""

import ctypes
import math
import mmap
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

__all__ = ["ValueHolder", "VariableStorage"]

ALIGNMENT = 64  # bytes; TensorFlow's arrays begin at a multiple of it
MAPPED = 2**20  # bytes from which on memory is asked of the system
_AGGREGATION = {
    None: tf.VariableAggregation.NONE,
    "none": tf.VariableAggregation.NONE,
    "mean": tf.VariableAggregation.MEAN,
    "sum": tf.VariableAggregation.SUM,
    "only_first_replica": tf.VariableAggregation.ONLY_FIRST_REPLICA,
}
_SYNCHRONIZATION = {
    None: tf.VariableSynchronization.AUTO,
    "auto": tf.VariableSynchronization.AUTO,
    "on_write": tf.VariableSynchronization.ON_WRITE,
    "on_read": tf.VariableSynchronization.ON_READ,
    "none": tf.VariableSynchronization.NONE,
}


class ValueHolder:
    """What is not a tensor but has one as its `value`, and is taken as that by TensorFlow's functions."""

    value: Any

    def __tf_tensor__(self, dtype: Any = None, name: str | None = None) -> Any:
        return tf.convert_to_tensor(self.value, dtype=dtype, name=name)


class VariableStorage(ValueHolder):
    """The part of `core.Variable` that differs between backends: making, writing and handing out the stored array."""

    _value: Any
    _is_blank = False  # True until the zeros of `_blank` are written over

    def _store(self, initial_value: Any, trainable: bool, aggregation: str, synchronization: str) -> Any:
        """A new storage with `initial_value` (an array, or a function that makes one).

        It has no name of its own: TensorFlow keeps some 30 KB, for good, for each name that a variable ever had.
        """
        with tf.init_scope():
            start: Any = initial_value() if callable(initial_value) else initial_value
            return tf.Variable(
                start,
                trainable=trainable,
                aggregation=_AGGREGATION[aggregation],
                synchronization=_SYNCHRONIZATION[synchronization],
            )

    def _write(self, value: Any) -> None:
        self._value.assign(value, read_value=False)
        self._is_blank = False

    def _is_here(self) -> bool:
        """Whether the numbers lie in one place, in this process, and can be had now: no replicas, no graph."""
        return tf.executing_eagerly() and not isinstance(self._value, tf.distribute.DistributedValues)

    def _take_over(self, fill: Callable[[np.ndarray], None]) -> None:
        """Write what `fill` puts into an array of the variable's shape; it becomes the variable's memory, with no copy.

        (Writing some rows at a time into the variable, as TensorFlow can, would make it copy all of it at each read.)
        A variable that had memory of TensorFlow's gets such again: with oneDNN, TensorFlow keeps for itself what variables
        give back. A blank one gets the system's, as TensorFlow's comes with a table of up to a sixteenth of its size.
        """
        shape, dtype = self._value.shape, self._value.dtype
        if self._is_blank:
            memory = _zeros(shape, dtype, soon_written=True)
            fill(memory)
            tensor = _tensor_over(memory, dtype)
        else:
            tensor = filled_tensor(shape, dtype, fill)
        self._value.assign(tensor, read_value=False)
        self._is_blank = False

    def _can_be_blank(self, shape: Any, dtype: str) -> bool:
        """Whether `_blank` can give a start of this dtype and shape here."""
        with tf.init_scope():
            return tf.executing_eagerly() and dtype not in ("bool", "string") and math.prod(shape) > 0

    def _blank(self, shape: Any, dtype: str) -> Any:
        """Zeros that take no memory until they are read or written."""
        self._is_blank = True
        return _tensor_over(_zeros(shape, tf.as_dtype(dtype)), tf.as_dtype(dtype))

    def _write_add(self, value: Any) -> None:
        self._value.assign_add(value, read_value=False)

    def _write_sub(self, value: Any) -> None:
        self._value.assign_sub(value, read_value=False)

    def local_parts(self) -> np.ndarray | None:
        """What each replica of this process holds of a variable that replicas add up when it is read, (replicas, *shape).

        None for any other variable: all replicas hold the same numbers.
        """
        if not _is_in_parts(self._value):
            return None
        return np.stack([part.numpy() for part in self._value.values])

    def assign_local_parts(self, parts: np.ndarray) -> None:
        """Write what `local_parts` gave."""
        for mine, part in zip(self._value.values, parts, strict=True):
            mine.assign(part)

    def _mark_trainable(self, value: bool) -> None:
        self._value._trainable = value

    def numpy(self) -> np.ndarray:
        """The numbers as a NumPy array.

        >>> import hornbook as keras
        >>> keras.Variable([1.0, 2.0]).numpy()
        array([1., 2.], dtype=float32)
        """
        value = self.value
        return np.asarray(value.numpy() if hasattr(value, "numpy") else value)

    # What `tf.GradientTape.gradient`, `tf.Module` and checkpoints look for.
    _should_act_as_resource_variable = True

    @property
    def handle(self) -> Any:
        """The resource that TensorFlow's tapes watch."""
        return self._value.handle

    @property
    def _in_graph_mode(self) -> bool:
        return self._value._in_graph_mode

    @property
    def _unique_id(self) -> str:
        return self._value._unique_id

    @property
    def _shared_name(self) -> str:
        return self._value._shared_name


def filled_tensor(shape: Any, dtype: Any, fill: Callable[[np.ndarray], None]) -> Any:
    """A tensor of what `fill` writes into an array of this shape and dtype, on the CPU."""
    with tf.device("CPU:0"):
        tensor = tf.raw_ops.Empty(shape=shape, dtype=dtype)
    fill(_memory_of(tensor))
    return tensor


def _memory_of(tensor: Any) -> np.ndarray:
    """A tensor that only the caller has, on the CPU, as an array to write into."""
    seen, again = np.asarray(tensor), np.asarray(tensor)
    assert seen.ctypes.data == again.ctypes.data, "NumPy sees a copy of the tensor"
    memory = (ctypes.c_uint8 * seen.nbytes).from_address(seen.ctypes.data)
    return np.ctypeslib.as_array(memory).view(seen.dtype).reshape(seen.shape)


def _zeros(shape: Any, dtype: tf.DType, soon_written: bool = False) -> np.ndarray:
    """Zeros that begin where TensorFlow's arrays do, in memory that goes back to the system as a whole.

    They take no memory until they are written; if they soon will be, they take it now, which is faster than page by page.
    NumPy's large arrays ask for huge pages, which take longer to clear than a file takes to be read.
    """
    size = math.prod(shape) * dtype.size
    if size < MAPPED or not hasattr(mmap, "MAP_PRIVATE"):  # Windows has no such flags
        memory = np.zeros(size + ALIGNMENT, np.uint8)
        start = -memory.ctypes.data % ALIGNMENT
    else:
        flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | (getattr(mmap, "MAP_POPULATE", 0) if soon_written else 0)
        memory, start = np.frombuffer(mmap.mmap(-1, size, flags=flags), np.uint8), 0
    return memory[start : start + size].view(dtype.as_numpy_dtype).reshape(shape)


def _tensor_over(array: np.ndarray, dtype: tf.DType) -> Any:
    """A tensor whose memory is that of the array."""
    if array.dtype.kind in "iuf":
        return tf.experimental.dlpack.from_dlpack(array.__dlpack__())
    # bfloat16 and its like, which NumPy cannot hand over
    return tf.bitcast(tf.experimental.dlpack.from_dlpack(array.view(f"u{array.itemsize}").__dlpack__()), dtype)


def _is_in_parts(stored: Any) -> bool:
    on_read = tf.VariableSynchronization.ON_READ
    return isinstance(stored, tf.distribute.DistributedValues) and stored.synchronization == on_read
