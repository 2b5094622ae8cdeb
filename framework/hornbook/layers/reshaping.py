"""Layers that move numbers and compute none: Flatten, Reshape, Permute, RepeatVector, padding, cropping, upsampling."""

from collections.abc import Sequence
from typing import Any

from hornbook import backend, ops, tree
from hornbook.backend.config import standardize_data_format
from hornbook.core import rules
from hornbook.core.arguments import one_of, positive_integer, sizes
from hornbook.core.keras_tensor import KerasTensor
from hornbook.core.layer import InputSpec, Layer
from hornbook.core.spec import Spec

__all__ = [
    "Cropping1D",
    "Cropping2D",
    "Cropping3D",
    "Flatten",
    "Permute",
    "RepeatVector",
    "Reshape",
    "UpSampling1D",
    "UpSampling2D",
    "UpSampling3D",
    "ZeroPadding1D",
    "ZeroPadding2D",
    "ZeroPadding3D",
]


class MovingLayer(Layer):
    """Base of the layers whose output has the dtype of their input: integers stay integers."""

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape

    def compute_output_spec(self, inputs: Any) -> Any:
        shape = self.compute_output_shape(tree.map_structure(lambda x: tuple(x.shape), inputs))
        dtypes = [self.compute_dtype if backend.is_float_dtype(x.dtype) else x.dtype for x in tree.flatten(inputs)]
        return KerasTensor(shape, backend.result_type(*dtypes))


class Flatten(MovingLayer):
    """All axes but the batch made one: (batch, a, b, c) -> (batch, a * b * c).

    Args:
        data_format: with "channels_first" the channels are put last before.

    >>> import numpy as np
    >>> from hornbook import layers
    >>> layers.Flatten()(np.ones((2, 3, 4))).shape
    TensorShape([2, 12])
    """

    def __init__(self, data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.data_format = standardize_data_format(data_format)
        self.input_spec = InputSpec(min_ndim=1)

    def call(self, inputs: Any) -> Any:
        rank = len(inputs.shape)
        if self.data_format == "channels_first" and rank > 2:
            inputs = ops.transpose(inputs, (0, *range(2, rank), 1))
        (size,) = self.compute_output_shape(inputs.shape)[1:]
        if size is None or inputs.shape[0] is not None or size == 0:
            return ops.reshape(inputs, (ops.shape(inputs)[0], -1 if size is None else size))
        return ops.reshape(inputs, (-1, size))

    def compute_output_shape(self, input_shape: Sequence) -> tuple:
        return (input_shape[0], *rules.flatten({"x": Spec(tuple(input_shape[1:]), "float32")}).shape)


class Reshape(MovingLayer):
    """The same numbers in another shape: (batch, ...) -> (batch, *target_shape).

    Args:
        target_shape: sizes without the batch; one of them may be -1 and is then found.

    Raises:
        ValueError: where the sizes do not multiply to the same number.

    >>> import numpy as np
    >>> from hornbook import layers
    >>> layers.Reshape((-1, 2))(np.ones((3, 8))).shape
    TensorShape([3, 4, 2])
    """

    def __init__(self, target_shape: Sequence[int], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.target_shape = tuple(target_shape)
        if self.target_shape.count(-1) > 1:
            raise ValueError(f"At most one size of target_shape may be -1, got {self.target_shape}.")

    def call(self, inputs: Any) -> Any:
        sample = self.compute_output_shape(inputs.shape)[1:]
        if None in sample:
            return ops.reshape(inputs, (ops.shape(inputs)[0], *self.target_shape))
        return ops.reshape(inputs, (ops.shape(inputs)[0] if 0 in sample else -1, *sample))

    def compute_output_shape(self, input_shape: Sequence) -> tuple:
        sample = rules.reshape({"x": Spec(tuple(input_shape[1:]), "float32"), "newshape": self.target_shape}).shape
        return (input_shape[0], *sample)


class Permute(MovingLayer):
    """The axes of a sample in another order.

    Args:
        dims: the axes, counted from 1 (the batch stays first): (2, 1) exchanges two.

    Raises:
        ValueError: for dims that do not name each axis once.

    >>> import numpy as np
    >>> from hornbook import layers
    >>> layers.Permute((2, 1))(np.ones((2, 3, 4))).shape
    TensorShape([2, 4, 3])
    """

    def __init__(self, dims: Sequence[int], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.dims = tuple(dims)
        if sorted(self.dims) != list(range(1, len(self.dims) + 1)):
            raise ValueError(f"dims must name each axis from 1 to {len(self.dims)} once, got {self.dims}.")
        self.input_spec = InputSpec(ndim=len(self.dims) + 1)

    def call(self, inputs: Any) -> Any:
        return ops.transpose(inputs, (0, *self.dims))

    def compute_output_shape(self, input_shape: Sequence) -> tuple:
        return tuple([input_shape[axis] for axis in (0, *self.dims)])


class RepeatVector(MovingLayer):
    """Each vector n times, one after the other: (batch, features) -> (batch, n, features).

    Args:
        n: how often.

    Raises:
        ValueError, TypeError: for n that is no positive integer.

    >>> import numpy as np
    >>> from hornbook import layers
    >>> layers.RepeatVector(3)(np.ones((2, 4))).shape
    TensorShape([2, 3, 4])
    """

    def __init__(self, n: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not isinstance(n, int):
            raise TypeError(f"`n` must be a positive integer, got n={n!r}.")
        self.n = positive_integer(n, "n")
        self.input_spec = InputSpec(ndim=2)

    def call(self, inputs: Any) -> Any:
        return ops.repeat(ops.expand_dims(inputs, 1), self.n, axis=1)

    def compute_output_shape(self, input_shape: Sequence) -> tuple:
        return (input_shape[0], self.n, input_shape[1])


def spatial_axes(rank: int, data_format: str) -> range:
    """Where an array of `rank` spatial axes, a batch and channels has its spatial axes."""
    return range(2, rank + 2) if data_format == "channels_first" else range(1, rank + 1)


def pairs(value: Any, rank: int, name: str) -> tuple[tuple[int, int], ...]:
    """(before, after) for each spatial axis, from one integer, one for each axis, or pairs.

    Raises:
        ValueError: for any other form, and for negative numbers.
    """
    per_axis = (value,) * rank if isinstance(value, int) else value
    if not isinstance(per_axis, list | tuple) or len(per_axis) != rank:
        raise ValueError(
            f"`{name}` must be an integer, or {rank} integers, or {rank} pairs (before, after), got {name}={value!r}."
        )
    return tuple(sizes(entry, 2, name, least=0) for entry in per_axis)  # type: ignore[misc]


class BasePadding(MovingLayer):
    """Zeros put around the spatial axes."""

    padding: Any
    data_format: str
    rank: int

    def _pairs(self) -> dict[int, tuple[int, int]]:
        padding = (self.padding,) if self.rank == 1 else self.padding
        return dict(zip(spatial_axes(self.rank, self.data_format), padding, strict=True))

    def call(self, inputs: Any) -> Any:
        around = self._pairs()
        return ops.pad(inputs, [around.get(axis, (0, 0)) for axis in range(self.rank + 2)])

    def compute_output_shape(self, input_shape: Sequence) -> tuple:
        around = self._pairs()
        return tuple([n if n is None else n + sum(around.get(axis, ())) for axis, n in enumerate(input_shape)])


class ZeroPadding1D(BasePadding):
    """Zeros before and after a sequence.

    Args:
        padding: how many; (before, after) if they differ.
        data_format: where the channels are.

    >>> import numpy as np
    >>> from hornbook import layers
    >>> layers.ZeroPadding1D((2, 1))(np.ones((1, 4, 3))).shape
    TensorShape([1, 7, 3])
    """

    rank = 1

    def __init__(self, padding: Any = 1, data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.data_format = standardize_data_format(data_format)
        self.padding = sizes(padding, 2, "padding", least=0)
        self.input_spec = InputSpec(ndim=3)


class ZeroPadding2D(BasePadding):
    """Zeros around an image.

    Args:
        padding: how many on every side; (rows, columns); or ((top, bottom), (left, right)).
        data_format: where the channels are.

    >>> import numpy as np
    >>> from hornbook import layers
    >>> layers.ZeroPadding2D(((1, 0), (2, 2)))(np.ones((1, 4, 4, 3))).shape
    TensorShape([1, 5, 8, 3])
    """

    rank = 2

    def __init__(self, padding: Any = (1, 1), data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.data_format = standardize_data_format(data_format)
        self.padding = pairs(padding, 2, "padding")
        self.input_spec = InputSpec(ndim=4)


class ZeroPadding3D(BasePadding):
    """Zeros around a volume.

    Args:
        padding: how many on every side; (depth, rows, columns); or a pair (before, after) for each of them.
        data_format: where the channels are.

    >>> import numpy as np
    >>> from hornbook import layers
    >>> layers.ZeroPadding3D((0, 1, 2))(np.ones((1, 4, 4, 4, 3))).shape
    TensorShape([1, 4, 6, 8, 3])
    """

    rank = 3

    def __init__(self, padding: Any = ((1, 1), (1, 1), (1, 1)), data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.data_format = standardize_data_format(data_format)
        self.padding = pairs(padding, 3, "padding")
        self.input_spec = InputSpec(ndim=5)


class BaseCropping(MovingLayer):
    """Positions cut off the ends of the spatial axes."""

    cropping: Any
    data_format: str
    rank: int

    def _pairs(self) -> dict[int, tuple[int, int]]:
        cropping = (self.cropping,) if self.rank == 1 else self.cropping
        return dict(zip(spatial_axes(self.rank, self.data_format), cropping, strict=True))

    def call(self, inputs: Any) -> Any:
        self.compute_output_shape(inputs.shape)  # refuses to cut away everything
        cut = self._pairs()
        return inputs[
            tuple(
                slice(cut[axis][0], -cut[axis][1] if cut[axis][1] else None) if axis in cut else slice(None)
                for axis in range(self.rank + 2)
            )
        ]

    def compute_output_shape(self, input_shape: Sequence) -> tuple:
        cut = self._pairs()
        for axis, pair in cut.items():
            if input_shape[axis] is not None and sum(pair) >= input_shape[axis]:
                raise ValueError(f"cropping={self.cropping} leaves nothing of an input of shape {tuple(input_shape)}.")
        return tuple([n if n is None else n - sum(cut.get(axis, ())) for axis, n in enumerate(input_shape)])


class Cropping1D(BaseCropping):
    """A sequence without its first and last steps.

    Args:
        cropping: how many steps; (first, last) if they differ.

    >>> import numpy as np
    >>> from hornbook import layers
    >>> layers.Cropping1D((2, 1))(np.ones((1, 5, 3))).shape
    TensorShape([1, 2, 3])
    """

    rank = 1
    data_format = "channels_last"

    def __init__(self, cropping: Any = (1, 1), **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.cropping = sizes(cropping, 2, "cropping", least=0)
        self.input_spec = InputSpec(ndim=3)


class Cropping2D(BaseCropping):
    """An image without its margins.

    Args:
        cropping: how much on every side; (rows, columns); or ((top, bottom), (left, right)).
        data_format: where the channels are.

    >>> import numpy as np
    >>> from hornbook import layers
    >>> layers.Cropping2D(((1, 0), (1, 1)))(np.ones((1, 4, 4, 3))).shape
    TensorShape([1, 3, 2, 3])
    """

    rank = 2

    def __init__(self, cropping: Any = ((0, 0), (0, 0)), data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.data_format = standardize_data_format(data_format)
        self.cropping = pairs(cropping, 2, "cropping")
        self.input_spec = InputSpec(ndim=4)


class Cropping3D(BaseCropping):
    """A volume without its margins.

    Args:
        cropping: how much on every side; (depth, rows, columns); or a pair (before, after) for each of them.
        data_format: where the channels are.

    >>> import numpy as np
    >>> from hornbook import layers
    >>> layers.Cropping3D((0, 1, 1))(np.ones((1, 4, 4, 4, 3))).shape
    TensorShape([1, 4, 2, 2, 3])
    """

    rank = 3

    def __init__(self, cropping: Any = ((1, 1), (1, 1), (1, 1)), data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.data_format = standardize_data_format(data_format)
        self.cropping = pairs(cropping, 3, "cropping")
        self.input_spec = InputSpec(ndim=5)


def enlarged(shape: Sequence, factors: Sequence[int], data_format: str) -> tuple:
    """A shape with each spatial axis multiplied by its factor; a size that is not known stays so."""
    sizes = list(shape)
    for axis, factor in zip(spatial_axes(len(factors), data_format), factors, strict=True):
        sizes[axis] = None if sizes[axis] is None else sizes[axis] * factor
    return tuple(sizes)


class UpSampling1D(MovingLayer):
    """Each step `size` times: (batch, time, features) -> (batch, time * size, features).

    Args:
        size: how often.

    >>> import numpy as np
    >>> from hornbook import layers
    >>> layers.UpSampling1D(2)(np.array([[[1], [2]]])).numpy().ravel()
    array([1, 1, 2, 2])
    """

    def __init__(self, size: int = 2, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.size = positive_integer(size, "size")
        self.input_spec = InputSpec(ndim=3)

    def call(self, inputs: Any) -> Any:
        return ops.repeat(inputs, self.size, axis=1)

    def compute_output_shape(self, input_shape: Sequence) -> tuple:
        batch, time, features = input_shape
        return (batch, None if time is None else time * self.size, features)


class UpSampling2D(MovingLayer):
    """An image enlarged by whole factors.

    Args:
        size: the factor, or (rows, columns).
        data_format: where the channels are.
        interpolation: "nearest" repeats pixels; "bilinear", "bicubic", "lanczos3", "lanczos5" blend them.

    >>> import numpy as np
    >>> from hornbook import layers
    >>> layers.UpSampling2D((2, 3))(np.ones((1, 4, 4, 3))).shape
    TensorShape([1, 8, 12, 3])
    """

    def __init__(
        self, size: Any = (2, 2), data_format: str | None = None, interpolation: str = "nearest", **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.data_format = standardize_data_format(data_format)
        self.size = sizes(size, 2, "size")
        kinds = ("nearest", "bilinear", "bicubic", "lanczos3", "lanczos5")
        self.interpolation = one_of(str(interpolation).lower(), kinds, "interpolation")
        self.input_spec = InputSpec(ndim=4)

    def call(self, inputs: Any) -> Any:
        axes = spatial_axes(2, self.data_format)
        if self.interpolation == "nearest":
            for axis, factor in zip(axes, self.size, strict=True):
                inputs = ops.repeat(inputs, factor, axis=axis)
            return inputs
        shape = ops.shape(inputs)
        target = tuple(shape[axis] * factor for axis, factor in zip(axes, self.size, strict=True))
        return ops.image.resize(inputs, target, interpolation=self.interpolation, data_format=self.data_format)

    def compute_output_shape(self, input_shape: Sequence) -> tuple:
        return enlarged(input_shape, self.size, self.data_format)


class UpSampling3D(MovingLayer):
    """A volume enlarged by whole factors: each place is repeated.

    Args:
        size: the factor, or (depth, rows, columns).
        data_format: where the channels are.

    >>> import numpy as np
    >>> from hornbook import layers
    >>> layers.UpSampling3D((1, 2, 3))(np.ones((1, 4, 4, 4, 3))).shape
    TensorShape([1, 4, 8, 12, 3])
    """

    def __init__(self, size: Any = (2, 2, 2), data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.data_format = standardize_data_format(data_format)
        self.size = sizes(size, 3, "size")
        self.input_spec = InputSpec(ndim=5)

    def call(self, inputs: Any) -> Any:
        for axis, factor in zip(spatial_axes(3, self.data_format), self.size, strict=True):
            inputs = ops.repeat(inputs, factor, axis=axis)
        return inputs

    def compute_output_shape(self, input_shape: Sequence) -> tuple:
        return enlarged(input_shape, self.size, self.data_format)
