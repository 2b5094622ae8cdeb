"""Pooling to a size: the windows follow from how many outputs there should be."""

from collections.abc import Sequence
from typing import Any

from hornbook import ops
from hornbook.backend.config import standardize_data_format
from hornbook.core.arguments import sizes
from hornbook.core.layer import InputSpec, Layer
from hornbook.layers.reshaping import MovingLayer, spatial_axes

__all__ = [
    "AdaptiveAveragePooling1D",
    "AdaptiveAveragePooling2D",
    "AdaptiveAveragePooling3D",
    "AdaptiveMaxPooling1D",
    "AdaptiveMaxPooling2D",
    "AdaptiveMaxPooling3D",
]


class AdaptivePooling(MovingLayer):
    """Base: window i along an axis of size n reaches from floor(i n / output_size) to ceil((i + 1) n / output_size)."""

    rank: int

    def __init__(self, output_size: Any, data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.output_size = sizes(output_size, self.rank, "output_size")
        self.data_format = standardize_data_format(data_format)
        self.input_spec = InputSpec(ndim=self.rank + 2)

    def compute_output_shape(self, input_shape: Sequence) -> tuple:
        shape = list(input_shape)
        for axis, size in zip(spatial_axes(self.rank, self.data_format), self.output_size, strict=True):
            shape[axis] = size
        return tuple(shape)


class AdaptiveAveragePooling(AdaptivePooling):
    """Base of the means."""

    compute_output_spec = Layer.compute_output_spec  # the mean of integers has a fraction

    def call(self, inputs: Any) -> Any:
        return ops.adaptive_average_pool(inputs, self.output_size, data_format=self.data_format)


class AdaptiveMaxPooling(AdaptivePooling):
    """Base of the maxima."""

    def call(self, inputs: Any) -> Any:
        return ops.adaptive_max_pool(inputs, self.output_size, data_format=self.data_format)


class AdaptiveAveragePooling1D(AdaptiveAveragePooling):
    """The mean in each of `output_size` windows of a sequence, however long it is.

    Window i along an axis of size n reaches from floor(i n / output_size) to ceil((i + 1) n / output_size).

    Args:
        output_size: an integer.
        data_format: where the channels are.

    >>> import numpy as np
    >>> from hornbook import layers
    >>> layers.AdaptiveAveragePooling1D(3)(np.ones((2, 10, 8))).shape
    TensorShape([2, 3, 8])
    """

    rank = 1

    def __init__(self, output_size: Any, data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(output_size, data_format=data_format, **kwargs)


class AdaptiveAveragePooling2D(AdaptiveAveragePooling):
    """The mean in each of `output_size` windows of an image, however large it is.

    Window i along an axis of size n reaches from floor(i n / output_size) to ceil((i + 1) n / output_size).

    Args:
        output_size: an integer, or (rows, columns).
        data_format: where the channels are.

    >>> import numpy as np
    >>> from hornbook import layers
    >>> layers.AdaptiveAveragePooling2D(3)(np.ones((2, 10, 7, 8))).shape
    TensorShape([2, 3, 3, 8])
    """

    rank = 2

    def __init__(self, output_size: Any, data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(output_size, data_format=data_format, **kwargs)


class AdaptiveAveragePooling3D(AdaptiveAveragePooling):
    """The mean in each of `output_size` windows of a volume, however large it is.

    Window i along an axis of size n reaches from floor(i n / output_size) to ceil((i + 1) n / output_size).

    Args:
        output_size: an integer, or (depth, rows, columns).
        data_format: where the channels are.

    >>> import numpy as np
    >>> from hornbook import layers
    >>> layers.AdaptiveAveragePooling3D(3)(np.ones((2, 4, 10, 7, 8))).shape
    TensorShape([2, 3, 3, 3, 8])
    """

    rank = 3

    def __init__(self, output_size: Any, data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(output_size, data_format=data_format, **kwargs)


class AdaptiveMaxPooling1D(AdaptiveMaxPooling):
    """The largest number in each of `output_size` windows of a sequence, however long it is.

    Window i along an axis of size n reaches from floor(i n / output_size) to ceil((i + 1) n / output_size).

    Args:
        output_size: an integer.
        data_format: where the channels are.

    >>> import numpy as np
    >>> from hornbook import layers
    >>> layers.AdaptiveMaxPooling1D(3)(np.ones((2, 10, 8))).shape
    TensorShape([2, 3, 8])
    """

    rank = 1

    def __init__(self, output_size: Any, data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(output_size, data_format=data_format, **kwargs)


class AdaptiveMaxPooling2D(AdaptiveMaxPooling):
    """The largest number in each of `output_size` windows of an image, however large it is.

    Window i along an axis of size n reaches from floor(i n / output_size) to ceil((i + 1) n / output_size).

    Args:
        output_size: an integer, or (rows, columns).
        data_format: where the channels are.

    >>> import numpy as np
    >>> from hornbook import layers
    >>> layers.AdaptiveMaxPooling2D(3)(np.ones((2, 10, 7, 8))).shape
    TensorShape([2, 3, 3, 8])
    """

    rank = 2

    def __init__(self, output_size: Any, data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(output_size, data_format=data_format, **kwargs)


class AdaptiveMaxPooling3D(AdaptiveMaxPooling):
    """The largest number in each of `output_size` windows of a volume, however large it is.

    Window i along an axis of size n reaches from floor(i n / output_size) to ceil((i + 1) n / output_size).

    Args:
        output_size: an integer, or (depth, rows, columns).
        data_format: where the channels are.

    >>> import numpy as np
    >>> from hornbook import layers
    >>> layers.AdaptiveMaxPooling3D(3)(np.ones((2, 4, 10, 7, 8))).shape
    TensorShape([2, 3, 3, 3, 8])
    """

    rank = 3

    def __init__(self, output_size: Any, data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(output_size, data_format=data_format, **kwargs)
