"""A Variable: the only thing in Hornbook that holds state."""

import math
import mmap
from collections.abc import Iterator
from typing import Any, cast

import numpy as np

from hornbook import backend
from hornbook.backend.config import is_float_dtype, standardize_dtype
from hornbook.core import global_state
from hornbook.core.budget import check_weight_budget
from hornbook.core.keras_tensor import standardize_shape
from hornbook.core.operators import Operators
from hornbook.core.registry import get_family
from hornbook.core.scopes import autocast_dtype, current_path, get_stateless_scope, in_stateless_scope
from hornbook.core.unfilled import unfilled_scope

PIECE = 16 * 1024**2  # bytes, about, of a large array that are read at once
TINY = 1024  # numbers; so few are copied sooner than memory is handed over
STRIP = 64  # rows of a transposed matrix that are read at once


class Variable(backend.VariableStorage, Operators):
    """An array that can be written: a weight, a counter, a running mean, the state of a random generator.

    Args:
        initializer: an array or number to start from, or an initializer (a function of shape and dtype, or its name).
        shape: sizes of the axes; needed with an initializer.
        dtype: name of the dtype; the initial array's, or `floatx()`, if None.
        trainable: whether training changes it.
        autocast: whether it is read in the compute dtype under mixed precision.
        aggregation: how replicas agree on its value: "none", "mean", "sum" or "only_first_replica".
        synchronization: when they do: "auto", "on_read".
        name: a name without "/"; made up if None.

    Raises:
        ValueError: for a missing shape, or a value that does not fit in `assign`.

    >>> import hornbook as keras
    >>> v = keras.Variable([1.0, 2.0], name="v")
    >>> _ = v.assign_add([1.0, 1.0])
    >>> v.numpy(), v.path
    (array([2., 3.], dtype=float32), 'v')
    """

    def __init__(
        self,
        initializer: Any,
        shape: Any = None,
        dtype: Any = None,
        trainable: bool = True,
        autocast: bool = True,
        aggregation: str = "none",
        synchronization: str = "auto",
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        if kwargs:
            raise TypeError(f"Variable got unexpected arguments: {sorted(kwargs)}.")
        name = name or global_state.auto_name(global_state.to_snake_case(type(self).__name__))
        if not isinstance(name, str) or "/" in name:
            raise ValueError(f"The name of a Variable must be a string without '/', got {name!r}.")
        self._name = name
        self._path = f"{current_path()}/{name}" if current_path() else name
        self._trainable = self._made_trainable = bool(trainable)
        self._aggregation, self._synchronization = aggregation, synchronization
        self._regularizer: Any = None
        self._constraint: Any = None
        self._overwrite_with_gradient = False

        if isinstance(initializer, str):
            initializer = get_family("initializers").get(initializer)
        if callable(initializer):
            if shape is None:
                raise ValueError(
                    "A Variable made by an initializer needs a shape: "
                    f"Variable(initializer, shape=(2, 3)); got initializer={initializer!r}, shape=None."
                )
            self._dtype = standardize_dtype(dtype)
            self._shape = standardize_shape(shape)
            check_weight_budget(name, self._shape, self._dtype)
            make = initializer

            def initial_value() -> Any:
                return backend.convert_to_tensor(make(self._shape, dtype=self._dtype), dtype=self._dtype)

        else:
            if isinstance(initializer, Variable):
                initializer = initializer.value
            if dtype is None and isinstance(initializer, float | list | tuple):
                dtype = getattr(np.asarray(initializer), "dtype", None)
                dtype = backend.floatx() if dtype is not None and dtype.kind == "f" else None
            value = backend.convert_to_tensor(initializer, dtype=dtype and standardize_dtype(dtype))
            self._dtype = standardize_dtype(value.dtype)
            self._shape = tuple(value.shape)
            if shape is not None and standardize_shape(shape) != self._shape:
                raise ValueError(f"The initial value has shape {self._shape}, but shape={tuple(shape)} was asked for.")

            def initial_value() -> Any:
                return value

        self._autocast = bool(autocast) and is_float_dtype(self._dtype)
        unfilled = unfilled_scope() if callable(initializer) and self._can_be_blank(self._shape, self._dtype) else None
        if unfilled is not None:
            unfilled.add(self, initial_value)
        start = initial_value if unfilled is None else lambda: self._blank(self._shape, self._dtype)
        self._value = self._store(start, trainable, aggregation, synchronization)

    # ------------------------------------------------------------------------------------------------- reading
    @property
    def value(self) -> Any:
        """The current array, as the scopes around the code want it to be seen."""
        value = self._value
        scope = get_stateless_scope()
        if scope is not None:
            diverted = scope.get_current_value(self)
            value = value if diverted is None else diverted
        if self._autocast:
            dtype = autocast_dtype()
            if dtype is not None and dtype != self._dtype:
                return backend.cast(value, dtype)
        return value

    name = property(lambda self: self._name, doc="The last part of its path.")
    path = property(lambda self: self._path, doc='The names of the layers around it and its own, joined by "/".')
    aggregation = property(lambda self: self._aggregation, doc="How replicas agree on the value.")
    synchronization = property(lambda self: self._synchronization, doc="When replicas agree on the value.")
    shape = property(lambda self: self._shape, doc="The sizes of the axes.")
    ndim = property(lambda self: len(self._shape), doc="The number of axes.")

    @property
    def dtype(self) -> str:
        """The dtype in which the variable is read here."""
        return (autocast_dtype() if self._autocast else None) or self._dtype

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.asarray(backend.convert_to_numpy(self.value), dtype=dtype)

    def __len__(self) -> int:
        if not self._shape:
            raise TypeError("A Variable without axes has no length.")
        return self._shape[0]

    def __bool__(self) -> bool:
        if self._shape:
            raise TypeError(f"A Variable of shape {self._shape} has no single truth value.")
        return bool(self.numpy())

    def __float__(self) -> float:
        return float(self.numpy())

    def __int__(self) -> int:
        return int(self.numpy())

    def __repr__(self) -> str:
        numbers = ""
        if not backend.in_graph() and not in_stateless_scope():
            text = np.array2string(self.numpy(), threshold=20)
            numbers = f", value={text}"
        return f"<Variable path={self.path}, shape={self.shape}, dtype={self._dtype}{numbers}>"

    # ------------------------------------------------------------------------------------------------- writing
    def _fitting(self, value: Any) -> Any:
        value = backend.convert_to_tensor(value, dtype=self._dtype)
        if self._shape != tuple(value.shape) and not _compatible(self._shape, value.shape):
            raise ValueError(
                f"The shape of variable {self.path!r} is {self._shape}; a value of shape {tuple(value.shape)} "
                "cannot be assigned to it."
            )
        return value

    def assign(self, value: Any) -> Any:
        """Write `value`, an array of the same shape; gives it back, cast to the variable's dtype."""
        value = self._fitting(value)
        scope = get_stateless_scope()
        if scope is not None:
            scope.add_update((self, value))
        else:
            self._write(value)
        return value

    def assign_from(self, source: Any) -> None:
        """Write what lies in a file: an array, or a data set that gives its numbers when it is sliced.

        A large one is read piece by piece into the memory that the variable has from then on, so that it is in memory once,
        beside what was there before.
        """
        if (
            math.prod(self._shape) <= TINY
            or self._dtype == "bool"
            or tuple(source.shape) != self._shape
            or in_stateless_scope()
            or not self._is_here()
        ):
            self.assign(np.asarray(source))
            return
        whole = source if hasattr(source, "__getitem__") else np.asarray(source)
        axis = int(np.argmax(np.abs(whole.strides))) if isinstance(whole, np.ndarray) else 0  # as the file goes
        size = self._rows_of_a_piece(axis)

        def fill(array: np.ndarray) -> None:
            for start in range(0, self._shape[axis], size):
                rows = slice(start, start + size)
                place = (*[slice(None)] * axis, rows) if axis else rows
                _take(whole[place], array[place])

        self._take_over(fill)

    def pieces(self) -> Iterator[np.ndarray]:
        """The numbers, some rows at a time where there are many, so that they are never in memory a second time."""
        rows = self._rows_of_a_piece()
        if not self._shape or self._shape[0] <= rows or not self._is_here():
            yield self.numpy()
            return
        value = self.value
        for start in range(0, self._shape[0], rows):
            yield backend.convert_to_numpy(value[start : start + rows])

    def _rows_of_a_piece(self, axis: int = 0) -> int:
        beside = math.prod(self._shape[:axis] + self._shape[axis + 1 :])
        return max(1, PIECE // (max(1, beside) * 8))

    def assign_add(self, value: Any) -> Any:
        """Add `value` to what is there."""
        scope = get_stateless_scope()
        if scope is not None:
            return self.assign(backend.add(_plain(self), backend.convert_to_tensor(value, dtype=self._dtype)))
        self._write_add(backend.convert_to_tensor(value, dtype=self._dtype))
        return None if backend.in_graph() else self._value

    def assign_sub(self, value: Any) -> Any:
        """Take `value` away from what is there."""
        if get_stateless_scope() is not None:
            return self.assign(backend.subtract(_plain(self), backend.convert_to_tensor(value, dtype=self._dtype)))
        self._write_sub(backend.convert_to_tensor(value, dtype=self._dtype))
        return None if backend.in_graph() else self._value

    # ------------------------------------------------------------------------------------------------- properties
    @property
    def trainable(self) -> bool:
        """Whether training changes the variable."""
        return self._trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        self._trainable = bool(value)
        self._mark_trainable(bool(value))

    @property
    def regularizer(self) -> Any:
        """The penalty on its value that is added to the loss, or None."""
        return self._regularizer

    @regularizer.setter
    def regularizer(self, value: Any) -> None:
        self._regularizer = _callable_or_none(value, "regularizer")

    @property
    def constraint(self) -> Any:
        """What its value is put through after each update, or None."""
        return self._constraint

    @constraint.setter
    def constraint(self, value: Any) -> None:
        self._constraint = _callable_or_none(value, "constraint")

    @property
    def overwrite_with_gradient(self) -> bool:
        """Whether an optimizer writes the gradient in its place."""
        return self._overwrite_with_gradient

    @overwrite_with_gradient.setter
    def overwrite_with_gradient(self, value: bool) -> None:
        if not isinstance(value, bool):
            raise TypeError(f"overwrite_with_gradient must be True or False, got {value!r}.")
        self._overwrite_with_gradient = value

    @property
    def autocast(self) -> bool:
        """Whether it is read in the compute dtype under mixed precision."""
        return self._autocast

    def __hash__(self) -> int:
        return id(self)

    def __reduce__(self) -> tuple:
        """How `pickle` and `copy.deepcopy` make a variable of the same value."""
        storage = {
            "dtype": self._dtype,
            "trainable": self._trainable,
            "autocast": self._autocast,
            "aggregation": self.aggregation,
            "synchronization": self.synchronization,
            "name": self.name,
        }
        names = ("_path", "_regularizer", "_constraint", "_overwrite_with_gradient", "_made_trainable")
        return _restored, (type(self), self.numpy(), storage, {name: getattr(self, name) for name in names})


def _take(piece: Any, target: np.ndarray) -> None:
    """Copy a piece of a file's array, and keep nothing of it in memory."""
    _copy(piece, target)
    _let_go(piece)


def _copy(source: Any, target: np.ndarray) -> None:
    """target[...] = source; a transposed matrix is read in strips, or its numbers would come from far apart."""
    if not (isinstance(source, np.ndarray) and source.ndim == 2 and source.strides[0] < source.strides[1]):
        target[...] = source
        return
    for i in range(0, len(target), STRIP):
        target[i : i + STRIP] = source[i : i + STRIP].T.copy().T  # the copy is read in order, and a cache holds it


def _let_go(array: Any) -> None:
    """Give back the memory that an array of a mapped file takes; where it is read once more, the file is."""
    if not (isinstance(array, np.memmap) and array.mode == "r" and hasattr(mmap, "MADV_DONTNEED")):
        return
    whole = array
    while isinstance(whole.base, np.memmap):
        whole = whole.base
    origin = whole.ctypes.data - whole.offset % mmap.ALLOCATIONGRANULARITY  # where the mapping begins
    first, last = (address - origin for address in np.lib.array_utils.byte_bounds(array))
    first -= first % mmap.PAGESIZE
    cast(mmap.mmap, whole.base).madvise(mmap.MADV_DONTNEED, first, last - first)


def _restored(cls: type, array: np.ndarray, storage: dict, attributes: dict) -> Variable:
    variable = cls(array, **storage)
    vars(variable).update(attributes)
    return variable


def _callable_or_none(value: Any, what: str) -> Any:
    if value is not None and not callable(value):
        raise ValueError(f"The {what} of a Variable must be a function of its value, or None; got {value!r}.")
    return value


def _plain(variable: Variable) -> Any:
    """The value in its own dtype, whatever the autocast scope says."""
    scope = get_stateless_scope()
    diverted = None if scope is None else scope.get_current_value(variable)
    return variable._value if diverted is None else diverted


def _compatible(expected: tuple, shape: Any) -> bool:
    sizes = tuple(shape)
    return len(sizes) == len(expected) and all(s is None or s == e for s, e in zip(sizes, expected, strict=True))
