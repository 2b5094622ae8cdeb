"""Several tensors made one: sums, products, extremes, Concatenate, Dot; each as a layer and as a function."""

import functools
from collections.abc import Sequence
from typing import Any

from hornbook import ops
from hornbook.core import rules
from hornbook.core.spec import Spec
from hornbook.layers.reshaping import MovingLayer

__all__ = [
    "Add",
    "Average",
    "Concatenate",
    "Dot",
    "Maximum",
    "Minimum",
    "Multiply",
    "Subtract",
    "add",
    "average",
    "concatenate",
    "dot",
    "maximum",
    "minimum",
    "multiply",
    "subtract",
]


class Merge(MovingLayer):
    """Base of the layers that combine a list of tensors element by element.

    Shapes broadcast; a tensor with fewer axes gets axes of size 1 after its batch: (batch, c) fits (batch, t, c).
    """

    exactly: int | None = None  # how many inputs it takes, if that is fixed

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True

    def build(self, input_shape: Sequence) -> None:
        self._check(input_shape)
        self.compute_output_shape(input_shape)

    def _check(self, input_shape: Any) -> None:
        name, count = type(self).__name__, self.exactly
        listed = isinstance(input_shape, list | tuple) and all(isinstance(s, list | tuple) for s in input_shape)
        if not listed or not input_shape or (count is not None and len(input_shape) != count):
            wanted = f"exactly {count} tensors" if count else "tensors"
            raise ValueError(f"{name} takes a list of {wanted}, got an input of shape {input_shape}.")

    def call(self, inputs: Sequence) -> Any:
        self._check([tuple(x.shape) for x in inputs] if isinstance(inputs, list | tuple) else tuple(inputs.shape))
        rank = max(len(x.shape) for x in inputs)
        return self.merge([_with_rank(x, rank) for x in inputs])

    def merge(self, inputs: Sequence) -> Any:
        """The formula, on tensors of one rank."""
        raise NotImplementedError

    def compute_output_shape(self, input_shape: Sequence) -> tuple:
        self._check(input_shape)
        rank = max(map(len, input_shape))
        return rules.broadcast_shapes(
            *[(s[0], *(1,) * (rank - len(s)), *s[1:]) if s else (1,) * rank for s in input_shape]
        )

    def compute_mask(self, inputs: Sequence, mask: Any = None) -> Any:
        # A step is there if it is there in any of the inputs; an input without a mask has all its steps.
        if not isinstance(mask, list | tuple) or any(m is None for m in mask):
            return None
        return functools.reduce(ops.logical_or, mask)


def _with_rank(x: Any, rank: int) -> Any:
    missing = rank - len(x.shape)
    return ops.expand_dims(x, tuple(range(1, missing + 1))) if missing else x


class Add(Merge):
    """The sum of tensors: output = x1 + x2 + ...

    >>> import numpy as np
    >>> from hornbook import layers
    >>> layers.Add()([np.array([[1, 2]]), np.array([[3, 4]])]).numpy()
    array([[4, 6]])
    """

    def merge(self, inputs: Sequence) -> Any:
        return functools.reduce(ops.add, inputs)


class Subtract(Merge):
    """The difference of two tensors: output = x1 - x2.

    >>> import numpy as np
    >>> from hornbook import layers
    >>> layers.Subtract()([np.array([[1, 2]]), np.array([[3, 5]])]).numpy()
    array([[-2, -3]])
    """

    exactly = 2

    def merge(self, inputs: Sequence) -> Any:
        return ops.subtract(*inputs)


class Multiply(Merge):
    """The product of tensors, element by element: output = x1 * x2 * ...

    >>> import numpy as np
    >>> from hornbook import layers
    >>> layers.Multiply()([np.array([[1, 2]]), np.array([[3, 4]])]).numpy()
    array([[3, 8]])
    """

    def merge(self, inputs: Sequence) -> Any:
        return functools.reduce(ops.multiply, inputs)


class Average(Merge):
    """The mean of tensors: output = (x1 + ... + xn) / n.

    >>> import numpy as np
    >>> from hornbook import layers
    >>> layers.Average()([np.array([[1.0, 2.0]]), np.array([[3.0, 4.0]])]).numpy()
    array([[2., 3.]], dtype=float32)
    """

    def merge(self, inputs: Sequence) -> Any:
        return ops.divide(functools.reduce(ops.add, inputs), len(inputs))

    def compute_output_spec(self, inputs: Any) -> Any:
        return super(MovingLayer, self).compute_output_spec(inputs)


class Maximum(Merge):
    """The largest of tensors, element by element: output = max(x1, x2, ...).

    >>> import numpy as np
    >>> from hornbook import layers
    >>> layers.Maximum()([np.array([[1, 4]]), np.array([[3, 2]])]).numpy()
    array([[3, 4]])
    """

    def merge(self, inputs: Sequence) -> Any:
        return functools.reduce(ops.maximum, inputs)


class Minimum(Merge):
    """The smallest of tensors, element by element: output = min(x1, x2, ...).

    >>> import numpy as np
    >>> from hornbook import layers
    >>> layers.Minimum()([np.array([[1, 4]]), np.array([[3, 2]])]).numpy()
    array([[1, 2]])
    """

    def merge(self, inputs: Sequence) -> Any:
        return functools.reduce(ops.minimum, inputs)


class Concatenate(Merge):
    """Tensors one after the other along an axis.

    Args:
        axis: the axis along which sizes may differ and add up; all others must agree.

    Raises:
        ValueError: for a single tensor that is not in a list, or sizes that differ.

    >>> import numpy as np
    >>> from hornbook import layers
    >>> layers.Concatenate(axis=1)([np.ones((2, 3)), np.ones((2, 5))]).shape
    TensorShape([2, 8])
    """

    def __init__(self, axis: int = -1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.axis = axis

    def call(self, inputs: Sequence) -> Any:
        return ops.concatenate(list(inputs), axis=self.axis)

    def compute_output_shape(self, input_shape: Sequence) -> tuple:
        self._check(input_shape)
        return rules.concatenate({"xs": [Spec(tuple(s), "float32") for s in input_shape], "axis": self.axis}).shape

    def compute_mask(self, inputs: Sequence, mask: Any = None) -> Any:
        if not isinstance(mask, list | tuple) or all(m is None for m in mask):
            return None
        whole = []  # the mask of each number, joined as the numbers are; then of each step
        for x, m in zip(inputs, mask, strict=True):
            if m is None:
                whole.append(ops.ones_like(x, dtype="bool"))
            else:
                m = ops.expand_dims(m, tuple(range(len(m.shape), len(x.shape)))) if len(m.shape) < len(x.shape) else m
                whole.append(ops.logical_and(ops.ones_like(x, dtype="bool"), m))
        return ops.any(ops.concatenate(whole, axis=self.axis), axis=-1)


class Dot(Merge):
    """Products summed over one axis of each of two tensors, sample by sample.

    output[b, i, k] = sum_j x1[b, i, j] * x2[b, j, k]    for axes = (2, 1)

    Args:
        axes: the axis of each tensor that is summed over; one integer counts for both.
        normalize: whether vectors along these axes are brought to length 1 first, which gives the cosine.

    Raises:
        ValueError: where the sizes of the axes differ.
        TypeError: for axes that are no integers.

    >>> import numpy as np
    >>> from hornbook import layers
    >>> layers.Dot(axes=1)([np.array([[1.0, 2.0]]), np.array([[3.0, 4.0]])]).numpy()
    array([[11.]], dtype=float32)
    """

    exactly = 2

    def __init__(self, axes: int | Sequence[int], normalize: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        given = [axes] if isinstance(axes, int) else axes
        if not isinstance(given, list | tuple) or not all(isinstance(axis, int) for axis in given):
            raise TypeError(f"axes must be an integer or two integers, got {axes!r}.")
        if not isinstance(axes, int) and len(given) != 2:
            raise ValueError(f"axes must be an integer or two integers, got {axes!r}.")
        self.axes, self.normalize = axes, normalize

    def _letters(self, input_shape: Sequence) -> str:
        """The einsum: "bij,bjk->bik" for axes = (2, 1)."""
        self._check(input_shape)
        first, second = (list(range(len(shape))) for shape in input_shape)
        axes = (self.axes,) * 2 if isinstance(self.axes, int) else self.axes
        left, right = (rules.canonical_axis(a, len(s)) for a, s in zip(axes, input_shape, strict=True))
        if 0 in (left, right):
            raise ValueError(f"Dot does not sum over the batch: axes must not name axis 0, got {self.axes}.")
        sizes = input_shape[0][left], input_shape[1][right]
        if None not in sizes and sizes[0] != sizes[1]:
            raise ValueError(
                f"Dot sums over axis {left} of a tensor of shape {tuple(input_shape[0])} and axis {right} of one of "
                f"shape {tuple(input_shape[1])}, whose sizes {sizes[0]} and {sizes[1]} differ."
            )
        names = ["b" + "cdefghij"[: len(first) - 1], "b" + "klmnopqr"[: len(second) - 1]]
        names = [names[0].replace(names[0][left], "z"), names[1].replace(names[1][right], "z")]
        return f"{names[0]},{names[1]}->{names[0].replace('z', '')}{names[1].replace('z', '')[1:]}"

    def call(self, inputs: Sequence) -> Any:
        x1, x2 = inputs
        equation = self._letters([tuple(x1.shape), tuple(x2.shape)])
        if self.normalize:
            axes = (self.axes,) * 2 if isinstance(self.axes, int) else self.axes
            x1, x2 = ops.normalize(x1, axis=axes[0]), ops.normalize(x2, axis=axes[1])
        outputs = ops.einsum(equation, x1, x2)
        return ops.expand_dims(outputs, 1) if len(outputs.shape) == 1 else outputs

    def compute_output_shape(self, input_shape: Sequence) -> tuple:
        operands = [Spec(tuple(shape), "float32") for shape in input_shape]
        shape = rules.einsum({"subscripts": self._letters(input_shape), "operands": operands}).shape
        return (*shape, 1) if len(shape) == 1 else shape

    def compute_mask(self, inputs: Sequence, mask: Any = None) -> None:
        return None


def add(inputs: Sequence, **kwargs: Any) -> Any:
    """The sum of tensors: `Add(**kwargs)(inputs)`.

    >>> import numpy as np
    >>> from hornbook import layers
    >>> layers.add([np.array([1]), np.array([2])]).numpy()
    array([3])
    """
    return Add(**kwargs)(inputs)


def subtract(inputs: Sequence, **kwargs: Any) -> Any:
    """The difference of two tensors: `Subtract(**kwargs)(inputs)`.

    >>> from hornbook import layers, ops
    >>> layers.subtract([ops.array([[1.0, 5.0]]), ops.array([[3.0, 4.0]])]).numpy()
    array([[-2.,  1.]], dtype=float32)
    """
    return Subtract(**kwargs)(inputs)


def multiply(inputs: Sequence, **kwargs: Any) -> Any:
    """The product of tensors, element by element: `Multiply(**kwargs)(inputs)`.

    >>> from hornbook import layers, ops
    >>> layers.multiply([ops.array([[1.0, 5.0]]), ops.array([[3.0, 4.0]])]).numpy()
    array([[ 3., 20.]], dtype=float32)
    """
    return Multiply(**kwargs)(inputs)


def average(inputs: Sequence, **kwargs: Any) -> Any:
    """The mean of tensors: `Average(**kwargs)(inputs)`.

    >>> from hornbook import layers, ops
    >>> layers.average([ops.array([[1.0, 2.0]]), ops.array([[3.0, 6.0]])]).numpy()
    array([[2., 4.]], dtype=float32)
    """
    return Average(**kwargs)(inputs)


def maximum(inputs: Sequence, **kwargs: Any) -> Any:
    """The largest of tensors, element by element: `Maximum(**kwargs)(inputs)`.

    >>> from hornbook import layers, ops
    >>> layers.maximum([ops.array([[1.0, 5.0]]), ops.array([[3.0, 4.0]])]).numpy()
    array([[3., 5.]], dtype=float32)
    """
    return Maximum(**kwargs)(inputs)


def minimum(inputs: Sequence, **kwargs: Any) -> Any:
    """The smallest of tensors, element by element: `Minimum(**kwargs)(inputs)`.

    >>> from hornbook import layers, ops
    >>> layers.minimum([ops.array([[1.0, 5.0]]), ops.array([[3.0, 4.0]])]).numpy()
    array([[1., 4.]], dtype=float32)
    """
    return Minimum(**kwargs)(inputs)


def concatenate(inputs: Sequence, axis: int = -1, **kwargs: Any) -> Any:
    """Tensors one after the other along an axis: `Concatenate(axis, **kwargs)(inputs)`.

    >>> from hornbook import layers, ops
    >>> layers.concatenate([ops.array([[1.0, 2.0]]), ops.array([[3.0]])]).numpy()
    array([[1., 2., 3.]], dtype=float32)
    """
    return Concatenate(axis=axis, **kwargs)(inputs)


def dot(inputs: Sequence, axes: int | Sequence[int] = -1, **kwargs: Any) -> Any:
    """Products summed over one axis of each of two tensors: `Dot(axes, **kwargs)(inputs)`.

    >>> from hornbook import layers, ops
    >>> layers.dot([ops.array([[1.0, 2.0]]), ops.array([[3.0, 4.0]])], axes=1).numpy()
    array([[11.]], dtype=float32)
    """
    return Dot(axes=axes, **kwargs)(inputs)
