"""Convolutions over sequences and images: one base, a class for each number of spatial axes."""

from collections.abc import Sequence
from typing import Any

from hornbook import activations, constraints, initializers, ops, regularizers
from hornbook.backend.config import standardize_data_format
from hornbook.core.arguments import known_sizes, one_of, positive_integer, sizes
from hornbook.core.layer import InputSpec, Layer
from hornbook.layers.reshaping import spatial_axes

__all__ = ["Conv1D", "Conv2D", "Convolution1D", "Convolution2D"]


def window_count(size: int | None, window: int, stride: int, padding: str, dilation: int = 1) -> int | None:
    """How many windows fit along an axis of `size`; a window of w positions `dilation` apart reaches over (w-1)*d+1.

    >>> from hornbook.layers.convolution import window_count
    >>> window_count(28, window=3, stride=1, padding="valid"), window_count(28, window=3, stride=2, padding="same")
    (26, 14)
    """
    if size is None:
        return None
    if padding in ("same", "causal"):
        return -(-size // stride)
    return (size - ((window - 1) * dilation + 1)) // stride + 1


class BaseConv(Layer):
    """A window slid over the spatial axes; at each place, a projection of what is in it.

    output[b, p, f] = activation(sum_{q, c} inputs[b, p * stride + q * dilation, c] * kernel[q, c, f] + bias[f])

    Args:
        rank: the number of spatial axes.
        filters: the number of channels of the output.
        kernel_size: the size of the window along each spatial axis.
        strides: how far it moves at each step.
        padding: "valid" (only whole windows), "same" (zeros at the ends, so that a stride of 1 keeps the size) or, in
            one dimension, "causal" (all zeros at the start: an output sees nothing later than itself).
        data_format: "channels_last" (batch, ..., channels) or "channels_first" (batch, channels, ...).
        dilation_rate: the distance of neighbours in the window.
        groups: into how many parts the channels are split, each with filters of its own.

    The kernel has shape (*kernel_size, channels // groups, filters), the bias (filters,).

    Raises:
        ValueError: for arguments that do not fit together, or an input smaller than the window.
    """

    def __init__(
        self,
        rank: int,
        filters: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: Any = 1,
        groups: int = 1,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        self.rank = rank
        self.filters = positive_integer(filters, "filters")
        self.groups = positive_integer(groups, "groups")
        self.kernel_size = sizes(kernel_size, rank, "kernel_size")
        self.strides = sizes(strides, rank, "strides")
        self.dilation_rate = sizes(dilation_rate, rank, "dilation_rate")
        allowed = ("valid", "same", "causal") if rank == 1 else ("valid", "same")
        self.padding = one_of(str(padding).lower(), allowed, "padding")
        self.data_format = standardize_data_format(data_format)
        self.activation = activations.get(activation)
        self.use_bias = use_bias
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.bias_regularizer = regularizers.get(bias_regularizer)
        self.kernel_constraint = constraints.get(kernel_constraint)
        self.bias_constraint = constraints.get(bias_constraint)
        self.input_spec = InputSpec(min_ndim=rank + 2)
        if self.filters % self.groups:
            raise ValueError(f"groups must divide filters, got groups={self.groups} and filters={self.filters}.")
        if max(self.strides) > 1 and max(self.dilation_rate) > 1:
            raise ValueError(
                f"strides and dilation_rate cannot both be above 1, got strides={self.strides} and "
                f"dilation_rate={self.dilation_rate}."
            )

    @property
    def _channel_axis(self) -> int:
        return 1 if self.data_format == "channels_first" else -1

    def build(self, input_shape: Sequence) -> None:
        (channels,) = known_sizes(input_shape, [self._channel_axis], type(self).__name__)
        if channels % self.groups:
            raise ValueError(
                f"groups must divide the channels of the input, got groups={self.groups} and {channels} channels "
                f"(input shape {tuple(input_shape)})."
            )
        self.compute_output_shape(input_shape)
        self.kernel = self.add_weight(shape=(*self.kernel_size, channels // self.groups, self.filters), name="kernel")
        self.bias = self.add_weight(shape=(self.filters,), name="bias") if self.use_bias else None
        self.input_spec = InputSpec(min_ndim=self.rank + 2, axes={self._channel_axis: channels})

    def call(self, inputs: Any) -> Any:
        outputs = ops.conv(
            inputs,
            self.kernel,
            strides=self.strides,
            padding=self.padding,
            data_format=self.data_format,
            dilation_rate=self.dilation_rate,
        )
        if self.bias is not None:
            bias = self.bias
            if self.data_format == "channels_first":
                bias = ops.reshape(bias, (1, self.filters, *(1,) * self.rank))
            outputs = ops.add(outputs, bias)
        return self.activation(outputs)

    def compute_output_shape(self, input_shape: Sequence) -> tuple:
        shape = list(input_shape)
        shape[self._channel_axis] = self.filters
        places = [axis - self.rank - 2 for axis in spatial_axes(self.rank, self.data_format)]
        for place, window, stride, dilation in zip(
            places, self.kernel_size, self.strides, self.dilation_rate, strict=True
        ):
            shape[place] = window_count(shape[place], window, stride, self.padding, dilation)
            if shape[place] is not None and shape[place] < 1:
                raise ValueError(
                    f"{type(self).__name__} with kernel_size={self.kernel_size}, dilation_rate={self.dilation_rate}, "
                    f"padding='valid' does not fit an input of shape {tuple(input_shape)}: no whole window. "
                    "Use padding='same', or a smaller window."
                )
        return tuple(shape)


class Conv1D(BaseConv):
    """Convolution over a sequence.

    output[b, t, f] = activation(sum_{q, c} inputs[b, t * stride + q * dilation, c] * kernel[q, c, f] + bias[f])

    Args:
        filters: the number of channels of the output.
        kernel_size, strides, dilation_rate: integers: the window, its step, the distance of neighbours in it.
        padding: "valid", "same" or "causal".
        data_format: "channels_last" (batch, time, channels) or "channels_first" (batch, channels, time).
        groups: into how many parts the channels are split.
        activation: name or function; none if None.
        use_bias: whether a bias is added.
        The rest: initializers, regularizers and constraints of the weights, as in `Dense`.

    >>> import numpy as np
    >>> from hornbook import layers
    >>> layers.Conv1D(4, 3, padding="causal")(np.ones((2, 10, 8))).shape
    TensorShape([2, 10, 4])
    """

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: Any = 1,
        groups: int = 1,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            1,
            filters,
            kernel_size,
            strides=strides,
            padding=padding,
            data_format=data_format,
            dilation_rate=dilation_rate,
            groups=groups,
            activation=activation,
            use_bias=use_bias,
            kernel_initializer=kernel_initializer,
            bias_initializer=bias_initializer,
            kernel_regularizer=kernel_regularizer,
            bias_regularizer=bias_regularizer,
            activity_regularizer=activity_regularizer,
            kernel_constraint=kernel_constraint,
            bias_constraint=bias_constraint,
            **kwargs,
        )


class Conv2D(BaseConv):
    """Convolution over an image.

    output[b, y, x, f] = activation(sum_{q, r, c} inputs[b, y*s + q*d, x*s + r*d, c] * kernel[q, r, c, f] + bias[f])

    Args:
        filters: the number of channels of the output.
        kernel_size, strides, dilation_rate: the window (rows, columns), its steps, the distances in it.
        padding: "valid" or "same".
        data_format: "channels_last" (batch, rows, columns, channels) or "channels_first".
        groups: into how many parts the channels are split.
        activation: name or function; none if None.
        use_bias: whether a bias is added.
        The rest: initializers, regularizers and constraints of the weights, as in `Dense`.

    >>> import numpy as np
    >>> from hornbook import layers
    >>> layers.Conv2D(4, 3, strides=2, padding="same")(np.ones((2, 8, 8, 3))).shape
    TensorShape([2, 4, 4, 4])
    """

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = (1, 1),
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: Any = (1, 1),
        groups: int = 1,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            2,
            filters,
            kernel_size,
            strides=strides,
            padding=padding,
            data_format=data_format,
            dilation_rate=dilation_rate,
            groups=groups,
            activation=activation,
            use_bias=use_bias,
            kernel_initializer=kernel_initializer,
            bias_initializer=bias_initializer,
            kernel_regularizer=kernel_regularizer,
            bias_regularizer=bias_regularizer,
            activity_regularizer=activity_regularizer,
            kernel_constraint=kernel_constraint,
            bias_constraint=bias_constraint,
            **kwargs,
        )


Convolution1D, Convolution2D = Conv1D, Conv2D
