"""Windows, or whole images, summed up in one number for each channel: by the largest, or by the mean."""

from collections.abc import Sequence
from typing import Any

from hornbook import ops
from hornbook.backend.config import standardize_data_format
from hornbook.core.arguments import one_of, sizes
from hornbook.core.layer import InputSpec, Layer
from hornbook.layers.convolution import window_count
from hornbook.layers.reshaping import MovingLayer, spatial_axes

__all__ = [
    "AveragePooling1D",
    "AveragePooling2D",
    "AveragePooling3D",
    "AvgPool1D",
    "AvgPool2D",
    "AvgPool3D",
    "GlobalAveragePooling1D",
    "GlobalAveragePooling2D",
    "GlobalAveragePooling3D",
    "GlobalAvgPool1D",
    "GlobalAvgPool2D",
    "GlobalAvgPool3D",
    "GlobalMaxPool1D",
    "GlobalMaxPool2D",
    "GlobalMaxPool3D",
    "GlobalMaxPooling1D",
    "GlobalMaxPooling2D",
    "GlobalMaxPooling3D",
    "MaxPool1D",
    "MaxPool2D",
    "MaxPool3D",
    "MaxPooling1D",
    "MaxPooling2D",
    "MaxPooling3D",
]


class Pooling(MovingLayer):
    """Base of the layers that slide a window over the spatial axes."""

    rank: int

    def __init__(
        self, pool_size: Any, strides: Any, padding: str, data_format: str | None, name: str | None, **kwargs: Any
    ) -> None:
        super().__init__(name=name, **kwargs)
        self.pool_size = sizes(pool_size, self.rank, "pool_size")
        self.strides = self.pool_size if strides is None else sizes(strides, self.rank, "strides")
        self.padding = one_of(str(padding).lower(), ("valid", "same"), "padding")
        self.data_format = standardize_data_format(data_format)
        self.input_spec = InputSpec(ndim=self.rank + 2)

    def compute_output_shape(self, input_shape: Sequence) -> tuple:
        shape = list(input_shape)
        axes = spatial_axes(self.rank, self.data_format)
        for axis, window, stride in zip(axes, self.pool_size, self.strides, strict=True):
            shape[axis] = window_count(shape[axis], window, stride, self.padding)
            if shape[axis] is not None and shape[axis] < 1:
                raise ValueError(
                    f"{type(self).__name__} with pool_size={self.pool_size} does not fit an input of shape "
                    f"{tuple(input_shape)}: no whole window. Use padding='same', or a smaller window."
                )
        return tuple(shape)

    def _pool(self, pool: Any, inputs: Any) -> Any:
        self.compute_output_shape(inputs.shape)  # refuses what is smaller than the window
        return pool(inputs, self.pool_size, strides=self.strides, padding=self.padding, data_format=self.data_format)


class MaxPooling1D(Pooling):
    """The largest number in each window of a sequence: output[b, t, c] = max_q inputs[b, t * stride + q, c].

    Args:
        pool_size: the size of the window.
        strides: how far it moves; by its size if None.
        padding: "valid" or "same".
        data_format: where the channels are.

    >>> import numpy as np
    >>> from hornbook import layers
    >>> layers.MaxPooling1D(2)(np.array([[[1.0], [3.0], [2.0], [4.0]]])).numpy().ravel()
    array([3., 4.], dtype=float32)
    """

    rank = 1

    def __init__(
        self,
        pool_size: Any = 2,
        strides: Any = None,
        padding: str = "valid",
        data_format: str | None = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(pool_size, strides, padding, data_format, name, **kwargs)

    def call(self, inputs: Any) -> Any:
        return self._pool(ops.max_pool, inputs)


class MaxPooling2D(Pooling):
    """The largest number in each window of an image: output[b, y, x, c] = max_{q, r} inputs[b, y*s + q, x*s + r, c].

    Args:
        pool_size: the window, (rows, columns).
        strides: how far it moves; by its size if None.
        padding: "valid" or "same".
        data_format: where the channels are.

    >>> import numpy as np
    >>> from hornbook import layers
    >>> layers.MaxPooling2D(2)(np.ones((1, 4, 6, 3))).shape
    TensorShape([1, 2, 3, 3])
    """

    rank = 2

    def __init__(
        self,
        pool_size: Any = (2, 2),
        strides: Any = None,
        padding: str = "valid",
        data_format: str | None = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(pool_size, strides, padding, data_format, name, **kwargs)

    def call(self, inputs: Any) -> Any:
        return self._pool(ops.max_pool, inputs)


class MaxPooling3D(Pooling):
    """The largest number in each window of a volume: output[b, p, c] = max_q inputs[b, p * stride + q, c].

    Args:
        pool_size: the window, (depth, rows, columns).
        strides: how far it moves; by its size if None.
        padding: "valid" or "same".
        data_format: where the channels are.

    >>> import numpy as np
    >>> from hornbook import layers
    >>> layers.MaxPooling3D(2)(np.ones((1, 2, 4, 6, 3))).shape
    TensorShape([1, 1, 2, 3, 3])
    """

    rank = 3

    def __init__(
        self,
        pool_size: Any = (2, 2, 2),
        strides: Any = None,
        padding: str = "valid",
        data_format: str | None = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(pool_size, strides, padding, data_format, name, **kwargs)

    def call(self, inputs: Any) -> Any:
        return self._pool(ops.max_pool, inputs)


class AveragePooling1D(Pooling):
    """The mean of each window of a sequence: output[b, t, c] = mean_q inputs[b, t * stride + q, c].

    With padding "same" the zeros added at the ends do not count.

    Args:
        pool_size: the size of the window.
        strides: how far it moves; by its size if None.
        padding: "valid" or "same".
        data_format: where the channels are.

    >>> import numpy as np
    >>> from hornbook import layers
    >>> layers.AveragePooling1D(2)(np.array([[[1.0], [3.0], [2.0], [4.0]]])).numpy().ravel()
    array([2., 3.], dtype=float32)
    """

    rank = 1

    def __init__(
        self,
        pool_size: Any,
        strides: Any = None,
        padding: str = "valid",
        data_format: str | None = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(pool_size, strides, padding, data_format, name, **kwargs)

    def call(self, inputs: Any) -> Any:
        return self._pool(ops.average_pool, inputs)


class AveragePooling2D(Pooling):
    """The mean of each window of an image: output[b, y, x, c] = mean_{q, r} inputs[b, y*s + q, x*s + r, c].

    Args:
        pool_size: the window, (rows, columns).
        strides: how far it moves; by its size if None.
        padding: "valid" or "same".
        data_format: where the channels are.

    >>> import numpy as np
    >>> from hornbook import layers
    >>> layers.AveragePooling2D(2)(np.ones((1, 4, 6, 3))).shape
    TensorShape([1, 2, 3, 3])
    """

    rank = 2

    def __init__(
        self,
        pool_size: Any,
        strides: Any = None,
        padding: str = "valid",
        data_format: str | None = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(pool_size, strides, padding, data_format, name, **kwargs)

    def call(self, inputs: Any) -> Any:
        return self._pool(ops.average_pool, inputs)


class AveragePooling3D(Pooling):
    """The mean of each window of a volume: output[b, p, c] = mean_q inputs[b, p * stride + q, c].

    Args:
        pool_size: the window, (depth, rows, columns).
        strides: how far it moves; by its size if None.
        padding: "valid" or "same".
        data_format: where the channels are.

    >>> import numpy as np
    >>> from hornbook import layers
    >>> layers.AveragePooling3D(2)(np.ones((1, 2, 4, 6, 3))).shape
    TensorShape([1, 1, 2, 3, 3])
    """

    rank = 3

    def __init__(
        self,
        pool_size: Any,
        strides: Any = None,
        padding: str = "valid",
        data_format: str | None = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(pool_size, strides, padding, data_format, name, **kwargs)

    def call(self, inputs: Any) -> Any:
        return self._pool(ops.average_pool, inputs)


class GlobalPooling(Layer):
    """Base of the layers that sum up all positions of an input."""

    rank: int

    def __init__(self, data_format: str | None = None, keepdims: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.data_format = standardize_data_format(data_format)
        self.keepdims = keepdims
        self.input_spec = InputSpec(ndim=self.rank + 2)

    @property
    def _axes(self) -> tuple[int, ...]:
        return tuple(spatial_axes(self.rank, self.data_format))

    def compute_output_shape(self, input_shape: Sequence) -> tuple:
        gone = self._axes
        return tuple([1 if i in gone else n for i, n in enumerate(input_shape) if self.keepdims or i not in gone])


class GlobalAveragePooling1D(GlobalPooling):
    """The mean of a sequence over its steps, those that a mask leaves out not counted.

    output[b, c] = sum_t mask[b, t] * inputs[b, t, c] / sum_t mask[b, t]

    Args:
        data_format: where the channels are.
        keepdims: whether the time axis stays, with size 1.

    >>> import numpy as np
    >>> from hornbook import layers
    >>> x = np.array([[[1.0], [3.0], [9.0]]])
    >>> layers.GlobalAveragePooling1D()(x, mask=np.array([[True, True, False]])).numpy()
    array([[2.]], dtype=float32)
    """

    rank = 1

    def __init__(self, data_format: str | None = None, keepdims: bool = False, **kwargs: Any) -> None:
        super().__init__(data_format=data_format, keepdims=keepdims, **kwargs)
        self.supports_masking = True

    def call(self, inputs: Any, mask: Any = None) -> Any:
        if mask is None:
            return ops.mean(inputs, axis=self._axes, keepdims=self.keepdims)
        mask = ops.cast(ops.expand_dims(mask, 1 if self.data_format == "channels_first" else 2), inputs.dtype)
        total = ops.sum(ops.multiply(inputs, mask), axis=self._axes, keepdims=self.keepdims)
        return ops.divide(total, ops.sum(mask, axis=self._axes, keepdims=self.keepdims))

    def compute_mask(self, inputs: Any, mask: Any = None) -> None:
        return None


class GlobalAveragePooling2D(GlobalPooling):
    """The mean of an image over its rows and columns: output[b, c] = mean_{y, x} inputs[b, y, x, c].

    Args:
        data_format: where the channels are.
        keepdims: whether the axes summed over stay, with size 1.

    >>> import numpy as np
    >>> from hornbook import layers
    >>> layers.GlobalAveragePooling2D()(np.ones((2, 4, 4, 3))).shape
    TensorShape([2, 3])
    """

    rank = 2

    def call(self, inputs: Any) -> Any:
        return ops.mean(inputs, axis=self._axes, keepdims=self.keepdims)


class GlobalAveragePooling3D(GlobalPooling):
    """The mean of a volume over all its places: output[b, c] = mean_p inputs[b, p, c].

    Args:
        data_format: where the channels are.
        keepdims: whether the axes summed over stay, with size 1.

    >>> import numpy as np
    >>> from hornbook import layers
    >>> layers.GlobalAveragePooling3D()(np.ones((2, 3, 4, 4, 3))).shape
    TensorShape([2, 3])
    """

    rank = 3

    def call(self, inputs: Any) -> Any:
        return ops.mean(inputs, axis=self._axes, keepdims=self.keepdims)


class GlobalMaxPooling1D(GlobalPooling):
    """The largest number of a sequence in each channel: output[b, c] = max_t inputs[b, t, c].

    Args:
        data_format: where the channels are.
        keepdims: whether the time axis stays, with size 1.

    >>> import numpy as np
    >>> from hornbook import layers
    >>> layers.GlobalMaxPooling1D()(np.array([[[1.0], [3.0]]])).numpy()
    array([[3.]], dtype=float32)
    """

    rank = 1

    def call(self, inputs: Any) -> Any:
        return ops.max(inputs, axis=self._axes, keepdims=self.keepdims)


class GlobalMaxPooling2D(GlobalPooling):
    """The largest number of an image in each channel: output[b, c] = max_{y, x} inputs[b, y, x, c].

    Args:
        data_format: where the channels are.
        keepdims: whether the axes summed over stay, with size 1.

    >>> import numpy as np
    >>> from hornbook import layers
    >>> layers.GlobalMaxPooling2D()(np.ones((2, 4, 4, 3))).shape
    TensorShape([2, 3])
    """

    rank = 2

    def call(self, inputs: Any) -> Any:
        return ops.max(inputs, axis=self._axes, keepdims=self.keepdims)


class GlobalMaxPooling3D(GlobalPooling):
    """The largest number of a volume in each channel: output[b, c] = max_p inputs[b, p, c].

    Args:
        data_format: where the channels are.
        keepdims: whether the axes summed over stay, with size 1.

    >>> import numpy as np
    >>> from hornbook import layers
    >>> layers.GlobalMaxPooling3D()(np.ones((2, 3, 4, 4, 3))).shape
    TensorShape([2, 3])
    """

    rank = 3

    def call(self, inputs: Any) -> Any:
        return ops.max(inputs, axis=self._axes, keepdims=self.keepdims)


MaxPool1D, MaxPool2D, MaxPool3D = MaxPooling1D, MaxPooling2D, MaxPooling3D
AvgPool1D, AvgPool2D, AvgPool3D = AveragePooling1D, AveragePooling2D, AveragePooling3D
GlobalAvgPool1D, GlobalAvgPool2D, GlobalAvgPool3D = (
    GlobalAveragePooling1D,
    GlobalAveragePooling2D,
    GlobalAveragePooling3D,
)
GlobalMaxPool1D, GlobalMaxPool2D, GlobalMaxPool3D = GlobalMaxPooling1D, GlobalMaxPooling2D, GlobalMaxPooling3D
