"""The symbolic tensor of the Functional API."""

from typing import Any

from hornbook.backend.config import standardize_dtype
from hornbook.core import global_state
from hornbook.core.operators import OPS, Operators
from hornbook.core.spec import MAX_AXES


class KerasTensor(Operators):
    """A tensor that is not there yet: a shape and a dtype, and the memory of which operation it came from.

    Args:
        shape: sizes of the axes, None where unknown.
        dtype: name of the dtype.
        sparse, ragged: the kind of tensor it stands for.
        kwargs: `ragged_rank` and `row_splits_dtype`, of a ragged tensor.
        record_history: accepted for signature's sake.
        name: a name; made up if None.

    >>> import hornbook as keras
    >>> x = keras.KerasTensor((None, 3))
    >>> y = keras.ops.softmax(x @ keras.ops.ones((3, 4)))
    >>> y.shape, y.dtype
    ((None, 4), 'float32')
    """

    def __init__(
        self,
        shape: Any,
        dtype: Any = "float32",
        sparse: bool = False,
        ragged: bool = False,
        record_history: bool = True,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        self._ragged_rank, self._row_splits_dtype = (
            kwargs.pop("ragged_rank", None),
            kwargs.pop("row_splits_dtype", None),
        )
        if kwargs:
            raise TypeError(f"KerasTensor got unexpected arguments: {sorted(kwargs)}.")
        if sparse and ragged:
            raise ValueError("A KerasTensor stands for a sparse or for a ragged tensor, not for both.")
        self._shape = standardize_shape(shape)
        self._dtype = standardize_dtype(dtype)
        self._sparse, self._ragged = bool(sparse), bool(ragged)
        self.name = name or global_state.auto_name("keras_tensor")
        self.record_history = record_history

    shape = property(lambda self: self._shape, doc="The sizes of the axes as a tuple, None where unknown.")
    dtype = property(lambda self: self._dtype, doc="The name of the dtype.")
    sparse = property(lambda self: self._sparse, doc="Whether it stands for a sparse tensor.")
    ragged = property(lambda self: self._ragged, doc="Whether it stands for a ragged tensor.")
    ragged_rank = property(
        lambda self: self._ragged_rank, doc="How many axes of a ragged tensor differ; None if unknown."
    )
    row_splits_dtype = property(lambda self: self._row_splits_dtype, doc="The dtype of a ragged tensor's row splits.")
    ndim = property(lambda self: len(self._shape), doc="The number of axes.")

    def reshape(self, newshape: Any) -> Any:
        """The same numbers in another shape."""
        return OPS["reshape"](self, newshape)

    def squeeze(self, axis: Any = None) -> Any:
        """Without the axes of size one."""
        return OPS["squeeze"](self, axis)

    def _numbers_asked_for(self, kind: str) -> TypeError:
        return TypeError(
            f"A KerasTensor stands for numbers that are not there yet, so it cannot be used as {kind}. "
            "Use hornbook.ops (or a layer) on it, or wrap NumPy and TensorFlow code in the `call` of a layer."
        )

    def __array__(self, *_: Any, **__: Any) -> Any:
        raise self._numbers_asked_for("a NumPy array")

    def __tf_tensor__(self, *_: Any, **__: Any) -> Any:
        raise self._numbers_asked_for("a TensorFlow tensor")

    def __bool__(self) -> bool:
        raise self._numbers_asked_for("a truth value")

    def __int__(self) -> int:
        raise self._numbers_asked_for("an int")

    def __float__(self) -> float:
        raise self._numbers_asked_for("a float")

    def __iter__(self) -> Any:
        raise self._numbers_asked_for("an iterable")

    def __repr__(self) -> str:
        return f"<KerasTensor shape={self.shape}, dtype={self.dtype}, name={self.name}>"


def standardize_shape(shape: Any) -> tuple:
    """A shape as a tuple of ints and Nones.

    Raises:
        ValueError: for None, negative sizes, what is no number, and for more axes than any tensor has.
    """
    if shape is None:
        raise ValueError("A shape is needed here, such as (None, 28, 28); got None.")
    try:
        sizes = tuple(shape)
    except TypeError:
        raise ValueError(f"A shape must be a tuple or list of integers and Nones, got {shape!r}.") from None
    if len(sizes) > MAX_AXES:
        raise ValueError(f"A shape has at most {MAX_AXES} axes, got {len(sizes):,}.")
    result = []
    for size in sizes:
        if size is None:
            result.append(None)
            continue
        try:
            number = size.__index__()
        except (AttributeError, TypeError):
            raise ValueError(f"The sizes of a shape must be integers or None, got {size!r} in {shape!r}.") from None
        if number < 0:
            raise ValueError(f"The sizes of a shape must not be negative, got {number} in {shape!r}.")
        result.append(number)
    return tuple(result)


def is_keras_tensor(x: Any) -> bool:
    """Whether `x` is a symbolic tensor.

    >>> import hornbook as keras
    >>> keras.utils.is_keras_tensor(keras.Input((3,))), keras.utils.is_keras_tensor(3)
    (True, False)
    """
    return isinstance(x, KerasTensor)


def any_symbolic(args: Any, kwargs: Any = None) -> bool:
    """Whether a KerasTensor is among the arguments, also inside lists, tuples and dictionaries."""
    for x in args:
        if isinstance(x, KerasTensor):
            return True
        kind = type(x)
        if (kind is list or kind is tuple) and any_symbolic(x):
            return True
        if kind is dict and any_symbolic(x.values()):
            return True
    return bool(kwargs) and any_symbolic(kwargs.values())
