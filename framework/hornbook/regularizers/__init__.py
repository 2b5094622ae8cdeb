"""Penalties on weights and activities, added to the loss: `Dense(8, kernel_regularizer="l2")`."""

import math
from typing import Any

from hornbook import ops
from hornbook.core.registry import Configurable, Family


class Regularizer(Configurable):
    """Base class of regularizers: override `__call__`; the constructor's arguments become the config.

    >>> import hornbook as keras
    >>> class Spread(keras.regularizers.Regularizer):
    ...     def __call__(self, x):
    ...         return keras.ops.var(x)
    >>> float(Spread()([1.0, 3.0]))
    1.0
    """

    def __call__(self, x: Any) -> Any:
        """The penalty for the array `x`: a scalar."""
        return 0.0


class L1(Regularizer):
    """l1 * sum(|x|): drives weights to exactly zero.

    Args:
        l1: the factor, not negative.

    Raises:
        ValueError: for a negative factor.

    >>> from hornbook import regularizers
    >>> round(float(regularizers.L1(0.1)([1.0, -2.0])), 4)
    0.3
    """

    def __init__(self, l1: float = 0.01) -> None:
        self.l1 = _float32(_factor("l1", 0.01 if l1 is None else l1))

    def __call__(self, x: Any) -> Any:
        """l1 * sum(|x|)."""
        return self.l1 * ops.sum(ops.absolute(x))


class L2(Regularizer):
    """l2 * sum(x^2): keeps weights small ("weight decay").

    Args:
        l2: the factor, not negative.

    Raises:
        ValueError: for a negative factor.

    >>> from hornbook import regularizers
    >>> round(float(regularizers.L2(0.1)([1.0, -2.0])), 4)
    0.5
    """

    def __init__(self, l2: float = 0.01) -> None:
        self.l2 = float(_factor("l2", 0.01 if l2 is None else l2))

    def __call__(self, x: Any) -> Any:
        """l2 * sum(x^2)."""
        return self.l2 * ops.sum(ops.square(x))


class L1L2(Regularizer):
    """l1 * sum(|x|) + l2 * sum(x^2) ("elastic net").

    Args:
        l1: factor of the absolute values, not negative.
        l2: factor of the squares, not negative.

    Raises:
        ValueError: for a negative factor.

    Source: Zou and Hastie 2005, "Regularization and variable selection via the elastic net".

    >>> from hornbook import regularizers
    >>> round(float(regularizers.L1L2(l1=0.1, l2=0.1)([1.0, -2.0])), 4)
    0.8
    """

    def __init__(self, l1: float = 0.0, l2: float = 0.0) -> None:
        self.l1 = _factor("l1", 0.0 if l1 is None else l1)
        self.l2 = _factor("l2", 0.0 if l2 is None else l2)

    def __call__(self, x: Any) -> Any:
        """l1 * sum(|x|) + l2 * sum(x^2)."""
        penalty = ops.zeros((), dtype=ops.convert_to_tensor(x).dtype)
        penalty = penalty + self.l1 * ops.sum(ops.absolute(x)) if self.l1 else penalty
        return penalty + self.l2 * ops.sum(ops.square(x)) if self.l2 else penalty


class OrthogonalRegularizer(Regularizer):
    """factor * sum over pairs of |cosine of their angle| / number of pairs: makes rows (or columns) orthogonal.

    Args:
        factor: the weight of the penalty, not negative.
        mode: "rows" or "columns" of the matrix.

    Raises:
        ValueError: for another mode; when called, for an array that is no matrix.

    >>> from hornbook import regularizers
    >>> round(float(regularizers.OrthogonalRegularizer(0.1)([[1.0, 0.0], [1.0, 0.0]])), 4)
    0.1
    """

    def __init__(self, factor: float = 0.01, mode: str = "rows") -> None:
        if mode not in ("rows", "columns"):
            raise ValueError(f"mode must be 'rows' or 'columns', got {mode!r}.")
        self.factor = _float32(_factor("factor", factor))
        self.mode = mode

    def __call__(self, inputs: Any) -> Any:
        """The penalty for the matrix `inputs`."""
        x = ops.convert_to_tensor(inputs)
        if len(x.shape) != 2:
            raise ValueError(f"OrthogonalRegularizer takes a matrix (rows, columns), got shape {tuple(x.shape)}.")
        vectors = ops.normalize(x, axis=1 if self.mode == "rows" else 0)
        if self.mode == "rows":
            cosines, count = ops.matmul(vectors, ops.transpose(vectors)), x.shape[0]
        else:
            cosines, count = ops.matmul(ops.transpose(vectors), vectors), x.shape[1]
        pairs = count * (count - 1) / 2
        off_diagonal = ops.absolute(cosines) * (1.0 - ops.eye(count, dtype=cosines.dtype))
        return self.factor * 0.5 * ops.sum(off_diagonal) / pairs


def _factor(name: str, value: Any) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value < math.inf:
        raise ValueError(f"{name} must be a number that is not negative, got {value!r}.")
    return value


def _float32(value: float) -> float:
    """Rounded as the files of Keras have it: 0.01 is kept as 0.009999999776482582."""
    return float(ops.convert_to_numpy(ops.convert_to_tensor(value, dtype="float32")))


l1, l2, l1_l2, orthogonal_regularizer = L1, L2, L1L2, OrthogonalRegularizer

family = Family(
    "regularizers",
    base=Regularizer,
    members={
        **{cls.__name__: cls for cls in (L1, L2, L1L2, OrthogonalRegularizer)},
        "l1_l2": L1L2,
    },
)
get, deserialize = family.get, family.deserialize


def serialize(regularizer: Any) -> Any:
    """A regularizer as a config, which `deserialize` reads back.

    >>> import hornbook as keras
    >>> keras.regularizers.serialize(keras.regularizers.L2(0.5))["config"]["l2"]
    0.5
    """
    return family.serialize(regularizer)
