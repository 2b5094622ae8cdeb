"""Convolutions over sequences, images and volumes: one base, a class for each number of spatial axes."""

from collections.abc import Sequence
from typing import Any

from hornbook import activations, constraints, initializers, ops, regularizers
from hornbook.backend.config import standardize_data_format
from hornbook.core.arguments import known_sizes, one_of, positive_integer, sizes
from hornbook.core.layer import InputSpec, Layer
from hornbook.layers.adaptable import Adaptable
from hornbook.layers.reshaping import spatial_axes

__all__ = ["Conv1D", "Conv2D", "Conv3D", "Convolution1D", "Convolution2D", "Convolution3D"]


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


class WindowLayer(Layer):
    """Base of all convolutions: a window slid over the spatial axes; at the end a bias and an activation.

    Args:
        rank: the number of spatial axes.
        kernel_size: the size of the window along each spatial axis.
        strides: how far it moves at each step.
        padding: one of `paddings`.
        data_format: "channels_last" (batch, ..., channels) or "channels_first" (batch, channels, ...).
        dilation_rate: the distance of neighbours in the window.
        activation, use_bias: what follows.
    """

    paddings: tuple[str, ...] = ("valid", "same")

    def __init__(
        self,
        rank: int,
        kernel_size: Any,
        strides: Any,
        padding: str,
        data_format: str | None,
        dilation_rate: Any,
        activation: Any,
        use_bias: bool,
        bias_initializer: Any,
        bias_regularizer: Any,
        bias_constraint: Any,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.rank = rank
        self.kernel_size = sizes(kernel_size, rank, "kernel_size")
        self.strides = sizes(strides, rank, "strides")
        self.dilation_rate = sizes(dilation_rate, rank, "dilation_rate")
        self.padding = one_of(str(padding).lower(), self.paddings, "padding")
        self.data_format = standardize_data_format(data_format)
        self.activation = activations.get(activation)
        self.use_bias = use_bias
        self.bias_initializer = initializers.get(bias_initializer)
        self.bias_regularizer = regularizers.get(bias_regularizer)
        self.bias_constraint = constraints.get(bias_constraint)
        self.input_spec = InputSpec(min_ndim=rank + 2)

    @property
    def _channel_axis(self) -> int:
        return 1 if self.data_format == "channels_first" else -1

    def _refuse_strides_with_dilation(self) -> None:
        if max(self.strides) > 1 and max(self.dilation_rate) > 1:
            raise ValueError(
                f"strides and dilation_rate cannot both be above 1, got strides={self.strides} and "
                f"dilation_rate={self.dilation_rate}."
            )

    def _begin_build(self, input_shape: Sequence) -> int:
        """The channels of the input, which must be known from now on."""
        (channels,) = known_sizes(input_shape, [self._channel_axis], type(self).__name__)
        self.compute_output_shape(input_shape)  # refuses what is smaller than the window
        self.input_spec = InputSpec(min_ndim=self.rank + 2, axes={self._channel_axis: channels})
        return channels

    def _add_bias(self, size: int) -> None:
        self.bias = self.add_weight(shape=(size,), name="bias") if self.use_bias else None

    def _bias_and_activation(self, outputs: Any) -> Any:
        if self.bias is not None:
            bias = self.bias
            if self.data_format == "channels_first":
                bias = ops.reshape(bias, (1, -1, *(1,) * self.rank))
            outputs = ops.add(outputs, bias)
        return self.activation(outputs)

    def _output_channels(self, channels: int | None) -> int | None:
        raise NotImplementedError

    def _output_size(self, size: int | None, axis: int) -> int | None:
        """The size of a spatial axis after; they are counted from 0."""
        return window_count(size, self.kernel_size[axis], self.strides[axis], self.padding, self.dilation_rate[axis])

    def compute_output_shape(self, input_shape: Sequence) -> tuple:
        shape = list(input_shape)
        shape[self._channel_axis] = self._output_channels(shape[self._channel_axis])
        places = [axis - self.rank - 2 for axis in spatial_axes(self.rank, self.data_format)]
        for axis, place in enumerate(places):
            size = shape[place] = self._output_size(shape[place], axis)
            if size is not None and size < 1:
                raise ValueError(
                    f"{type(self).__name__} with kernel_size={self.kernel_size}, dilation_rate={self.dilation_rate}, "
                    f"padding={self.padding!r} does not fit an input of shape {tuple(input_shape)}: no whole window. "
                    "Use padding='same', or a smaller window."
                )
        return tuple(shape)


class BaseConv(Adaptable, WindowLayer):
    """At each place of the window, a projection of what is in it.

    output[b, p, f] = activation(sum_{q, c} inputs[b, p * stride + q * dilation, c] * kernel[q, c, f] + bias[f])

    Args:
        filters: the number of channels of the output.
        padding: "valid" (only whole windows), "same" (zeros at the ends, so that a stride of 1 keeps the size) or, in
            one dimension, "causal" (all zeros at the start: an output sees nothing later than itself).
        groups: into how many parts the channels are split, each with filters of its own.
        The rest: as in `WindowLayer`.

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
        super().__init__(
            rank,
            kernel_size,
            strides=strides,
            padding=padding,
            data_format=data_format,
            dilation_rate=dilation_rate,
            activation=activation,
            use_bias=use_bias,
            bias_initializer=bias_initializer,
            bias_regularizer=bias_regularizer,
            bias_constraint=bias_constraint,
            activity_regularizer=activity_regularizer,
            **kwargs,
        )
        self.filters = positive_integer(filters, "filters")
        self.groups = positive_integer(groups, "groups")
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.kernel_constraint = constraints.get(kernel_constraint)
        if self.filters % self.groups:
            raise ValueError(f"groups must divide filters, got groups={self.groups} and filters={self.filters}.")
        self._refuse_strides_with_dilation()

    def build(self, input_shape: Sequence) -> None:
        channels = self._begin_build(input_shape)
        if channels % self.groups:
            raise ValueError(
                f"groups must divide the channels of the input, got groups={self.groups} and {channels} channels "
                f"(input shape {tuple(input_shape)})."
            )
        self.kernel = self.add_weight(shape=(*self.kernel_size, channels // self.groups, self.filters), name="kernel")
        self._add_bias(self.filters)

    def call(self, inputs: Any) -> Any:
        outputs = ops.conv(
            inputs,
            self.kernel,
            strides=self.strides,
            padding=self.padding,
            data_format=self.data_format,
            dilation_rate=self.dilation_rate,
        )
        return self._bias_and_activation(outputs)

    def _output_channels(self, channels: int | None) -> int:
        return self.filters


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

    paddings = ("valid", "same", "causal")

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


class Conv3D(BaseConv):
    """Convolution over a volume, or over the frames of a video.

    output[b, p, f] = activation(sum_{q, c} inputs[b, p * stride + q * dilation, c] * kernel[q, c, f] + bias[f]), where
    p and q have three coordinates each.

    Args:
        filters: the number of channels of the output.
        kernel_size, strides, dilation_rate: the window (depth, rows, columns), its steps, the distances in it.
        padding: "valid" or "same".
        data_format: "channels_last" (batch, depth, rows, columns, channels) or "channels_first".
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
        strides: Any = (1, 1, 1),
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: Any = (1, 1, 1),
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
            3,
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


Convolution1D, Convolution2D, Convolution3D = Conv1D, Conv2D, Conv3D
