"""Quantizers: from floats to integers with their scale, as objects that configs can name."""

from collections.abc import Sequence
from typing import Any

from hornbook.core.registry import Configurable
from hornbook.quantizers.arithmetic import abs_max_quantize


class Quantizer(Configurable):
    """The base of quantizers; a subclass defines the call.

    Args:
        output_dtype: the dtype of what it gives.

    >>> import hornbook as keras
    >>> class Halves(keras.quantizers.Quantizer):
    ...     def __call__(self, x):
    ...         return keras.ops.cast(keras.ops.round(x * 2), self.output_dtype)
    >>> Halves()(keras.ops.array([0.6, 2.0])).numpy()
    array([1, 4], dtype=int8)
    """

    def __init__(self, output_dtype: str = "int8") -> None:
        self.output_dtype = output_dtype

    def __call__(self, x: Any) -> Any:
        """The base gives `x` as it is."""
        return x


class AbsMaxQuantizer(Quantizer):
    """`abs_max_quantize` as an object: q = round(x scale) with scale = value_range[1] / (max |x| + epsilon).

    Args:
        axis: the axis or axes that share a scale; the last one if None is given here and in the call.
        value_range: the smallest and the largest integer.
        epsilon: keeps the division finite.
        output_dtype: the integers' dtype.

    >>> import numpy as np
    >>> from hornbook import quantizers
    >>> q, scale = quantizers.AbsMaxQuantizer(axis=-1)(np.array([[0.5, -2.0]], "float32"))
    >>> q.numpy().tolist()
    [[32, -127]]
    """

    def __init__(
        self,
        axis: Any = None,
        value_range: Sequence[int] = (-127, 127),
        epsilon: float = 1e-7,
        output_dtype: str = "int8",
    ) -> None:
        super().__init__(output_dtype)
        self.axis = None if axis is None else (axis,) if isinstance(axis, int) else tuple(axis)
        self.value_range, self.epsilon = tuple(value_range), epsilon

    def __call__(self, x: Any, axis: Any = None, to_numpy: bool = False) -> tuple[Any, Any]:
        """(integers, scale); see `abs_max_quantize`.

        Args:
            x: floats.
            axis: in place of the quantizer's own.
            to_numpy: accepted for signature's sake.
        """
        chosen = axis if axis is not None else self.axis if self.axis is not None else -1
        return abs_max_quantize(x, chosen, self.value_range, self.output_dtype, self.epsilon, to_numpy)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments; the axis where there is one."""
        config = {"value_range": self.value_range, "epsilon": self.epsilon, "output_dtype": self.output_dtype}
        return config if self.axis is None else {**config, "axis": self.axis}
