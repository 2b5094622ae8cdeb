"""What weights must satisfy after every update: `Dense(8, kernel_constraint=constraints.MaxNorm(2))`."""

from typing import Any

from hornbook import backend, ops
from hornbook.core.registry import Configurable, Family


class Constraint(Configurable):
    """Base class of constraints: override `__call__`, a projection of the weight.

    >>> import hornbook as keras
    >>> class Rounded(keras.constraints.Constraint):
    ...     def __call__(self, w):
    ...         return keras.ops.round(w)
    >>> Rounded()([0.6, 1.2]).numpy().tolist()
    [1.0, 1.0]
    """

    def __call__(self, w: Any) -> Any:
        """The weight `w`, projected: an array of the same shape."""
        raise NotImplementedError(f"{type(self).__name__} must define __call__(self, w).")


class MaxNorm(Constraint):
    """w * min(|w|, max_value) / |w|, with the norm of each unit's incoming weights.

    Args:
        max_value: the greatest norm.
        axis: axis or axes the norm runs over: 0 for a Dense kernel, [0, 1, 2] for a Conv2D kernel.

    Source: Srivastava et al. 2014, "Dropout: A Simple Way to Prevent Neural Networks from Overfitting", section 5.1.

    >>> from hornbook import constraints
    >>> constraints.MaxNorm(5)([[6.0, 1.0], [8.0, 2.0]]).numpy().round(3).tolist()
    [[3.0, 1.0], [4.0, 2.0]]
    """

    def __init__(self, max_value: float = 2, axis: Any = 0) -> None:
        self.max_value, self.axis = max_value, axis

    def __call__(self, w: Any) -> Any:
        """`w` with no norm above max_value."""
        norms = _norms(w, self.axis)
        return w * (ops.clip(norms, 0, self.max_value) / (backend.epsilon() + norms))


class NonNeg(Constraint):
    """max(w, 0).

    >>> from hornbook import constraints
    >>> constraints.NonNeg()([-1.0, 2.0]).numpy().tolist()
    [0.0, 2.0]
    """

    def __call__(self, w: Any) -> Any:
        """`w` with its negative numbers set to zero."""
        return ops.maximum(w, 0)


class UnitNorm(Constraint):
    """w / |w|, with the norm of each unit's incoming weights.

    Args:
        axis: axis or axes the norm runs over.

    >>> from hornbook import constraints
    >>> constraints.UnitNorm()([[3.0], [4.0]]).numpy().ravel()
    array([0.6, 0.8], dtype=float32)
    """

    def __init__(self, axis: Any = 0) -> None:
        self.axis = axis

    def __call__(self, w: Any) -> Any:
        """`w` with every norm 1."""
        return w / (backend.epsilon() + _norms(w, self.axis))


class MinMaxNorm(Constraint):
    """w scaled so that its norm moves towards [min_value, max_value].

    norm' = rate * clip(norm, min_value, max_value) + (1 - rate) * norm; rate = 1 is strict.

    Args:
        min_value: the smallest norm.
        max_value: the greatest norm.
        rate: how much of the way each step goes.
        axis: axis or axes the norm runs over.

    >>> from hornbook import constraints
    >>> constraints.MinMaxNorm(min_value=5.0, max_value=9.0)([[0.6], [0.8]]).numpy().round(3).tolist()
    [[3.0], [4.0]]
    """

    def __init__(self, min_value: float = 0.0, max_value: float = 1.0, rate: float = 1.0, axis: Any = 0) -> None:
        self.min_value, self.max_value, self.rate, self.axis = min_value, max_value, rate, axis

    def __call__(self, w: Any) -> Any:
        """`w`, scaled."""
        norms = _norms(w, self.axis)
        desired = self.rate * ops.clip(norms, self.min_value, self.max_value) + (1 - self.rate) * norms
        return w * (desired / (backend.epsilon() + norms))


def _norms(w: Any, axis: Any) -> Any:
    return ops.sqrt(ops.sum(ops.square(w), axis=axis, keepdims=True))


max_norm, non_neg, unit_norm, min_max_norm = MaxNorm, NonNeg, UnitNorm, MinMaxNorm

family = Family(
    "constraints",
    base=Constraint,
    members={cls.__name__: cls for cls in (MaxNorm, NonNeg, UnitNorm, MinMaxNorm)},
)
get, deserialize = family.get, family.deserialize


def serialize(constraint: Any) -> Any:
    """A constraint as a config, which `deserialize` reads back.

    >>> import hornbook as keras
    >>> keras.constraints.serialize(keras.constraints.NonNeg())["class_name"]
    'NonNeg'
    """
    return family.serialize(constraint)
