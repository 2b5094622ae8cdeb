"""Convolutions with fewer weights: a window for each channel alone (depthwise), then a mixture (separable)."""

from collections.abc import Sequence
from typing import Any

from hornbook import constraints, initializers, ops, regularizers
from hornbook.core.arguments import positive_integer
from hornbook.layers.convolution import WindowLayer

__all__ = [
    "DepthwiseConv1D",
    "DepthwiseConv2D",
    "SeparableConv1D",
    "SeparableConv2D",
    "SeparableConvolution1D",
    "SeparableConvolution2D",
]


class BaseDepthwiseConv(WindowLayer):
    """A window slid over each channel alone, `depth_multiplier` times with weights of its own.

    output[b, p, c * m + k] = activation(sum_q inputs[b, p * stride + q * dilation, c] * kernel[q, c, k] + bias[c * m + k])

    The kernel has shape (*kernel_size, channels, depth_multiplier), the bias (channels * depth_multiplier,).

    Args:
        depth_multiplier: how many channels of the output each channel of the input gives: m above.
        depthwise_initializer, depthwise_regularizer, depthwise_constraint: of the kernel.
        The rest: as in `WindowLayer`.

    Raises:
        ValueError: for an input smaller than the window.
    """

    def __init__(
        self,
        rank: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        depth_multiplier: int = 1,
        data_format: str | None = None,
        dilation_rate: Any = 1,
        activation: Any = None,
        use_bias: bool = True,
        depthwise_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        depthwise_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        depthwise_constraint: Any = None,
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
        self.depth_multiplier = positive_integer(depth_multiplier, "depth_multiplier")
        self.depthwise_initializer = initializers.get(depthwise_initializer)
        self.depthwise_regularizer = regularizers.get(depthwise_regularizer)
        self.depthwise_constraint = constraints.get(depthwise_constraint)

    def build(self, input_shape: Sequence) -> None:
        channels = self._begin_build(input_shape)
        self.kernel = self.add_weight(
            shape=(*self.kernel_size, channels, self.depth_multiplier),
            initializer=self.depthwise_initializer,
            regularizer=self.depthwise_regularizer,
            constraint=self.depthwise_constraint,
            name="kernel",
        )
        self._add_bias(channels * self.depth_multiplier)

    def call(self, inputs: Any) -> Any:
        outputs = ops.depthwise_conv(
            inputs,
            self.kernel,
            strides=self.strides,
            padding=self.padding,
            data_format=self.data_format,
            dilation_rate=self.dilation_rate,
        )
        return self._bias_and_activation(outputs)

    def _output_channels(self, channels: int | None) -> int | None:
        return None if channels is None else channels * self.depth_multiplier


class DepthwiseConv1D(BaseDepthwiseConv):
    """Convolution over a sequence, each channel alone.

    output[b, t, c * m + k] = activation(sum_q inputs[b, t * stride + q * dilation, c] * kernel[q, c, k] + bias[c * m + k])

    Args:
        kernel_size, strides, dilation_rate: integers: the window, its step, the distance of neighbours in it.
        padding: "valid" or "same".
        depth_multiplier: how many channels of the output each channel of the input gives: m above.
        data_format: "channels_last" (batch, time, channels) or "channels_first".
        activation: name or function; none if None.
        use_bias: whether a bias is added.
        depthwise_initializer, depthwise_regularizer, depthwise_constraint: of the kernel, as in `Dense`.
        The rest: of the bias and the outputs, as in `Dense`.

    >>> import numpy as np
    >>> from hornbook import layers
    >>> layers.DepthwiseConv1D(3, depth_multiplier=2)(np.ones((2, 10, 8))).shape
    TensorShape([2, 8, 16])
    """

    def __init__(
        self,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        depth_multiplier: int = 1,
        data_format: str | None = None,
        dilation_rate: Any = 1,
        activation: Any = None,
        use_bias: bool = True,
        depthwise_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        depthwise_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        depthwise_constraint: Any = None,
        bias_constraint: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            1,
            kernel_size,
            strides=strides,
            padding=padding,
            depth_multiplier=depth_multiplier,
            data_format=data_format,
            dilation_rate=dilation_rate,
            activation=activation,
            use_bias=use_bias,
            depthwise_initializer=depthwise_initializer,
            bias_initializer=bias_initializer,
            depthwise_regularizer=depthwise_regularizer,
            bias_regularizer=bias_regularizer,
            activity_regularizer=activity_regularizer,
            depthwise_constraint=depthwise_constraint,
            bias_constraint=bias_constraint,
            **kwargs,
        )


class DepthwiseConv2D(BaseDepthwiseConv):
    """Convolution over an image, each channel alone.

    output[b, y, x, c * m + k] = activation(sum_{q, r} inputs[b, y*s + q*d, x*s + r*d, c] * kernel[q, r, c, k] +
    bias[c * m + k])

    Args:
        kernel_size, strides, dilation_rate: the window (rows, columns), its steps, the distances in it.
        padding: "valid" or "same".
        depth_multiplier: how many channels of the output each channel of the input gives: m above.
        data_format: "channels_last" (batch, rows, columns, channels) or "channels_first".
        activation: name or function; none if None.
        use_bias: whether a bias is added.
        depthwise_initializer, depthwise_regularizer, depthwise_constraint: of the kernel, as in `Dense`.
        The rest: of the bias and the outputs, as in `Dense`.

    >>> import numpy as np
    >>> from hornbook import layers
    >>> layers.DepthwiseConv2D(3, strides=2, padding="same")(np.ones((1, 8, 8, 3))).shape
    TensorShape([1, 4, 4, 3])
    """

    def __init__(
        self,
        kernel_size: Any,
        strides: Any = (1, 1),
        padding: str = "valid",
        depth_multiplier: int = 1,
        data_format: str | None = None,
        dilation_rate: Any = (1, 1),
        activation: Any = None,
        use_bias: bool = True,
        depthwise_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        depthwise_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        depthwise_constraint: Any = None,
        bias_constraint: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            2,
            kernel_size,
            strides=strides,
            padding=padding,
            depth_multiplier=depth_multiplier,
            data_format=data_format,
            dilation_rate=dilation_rate,
            activation=activation,
            use_bias=use_bias,
            depthwise_initializer=depthwise_initializer,
            bias_initializer=bias_initializer,
            depthwise_regularizer=depthwise_regularizer,
            bias_regularizer=bias_regularizer,
            activity_regularizer=activity_regularizer,
            depthwise_constraint=depthwise_constraint,
            bias_constraint=bias_constraint,
            **kwargs,
        )


class BaseSeparableConv(WindowLayer):
    """A depthwise convolution, then at each position a projection of the channels.

    spread[b, p, c * m + k] = sum_q inputs[b, p * stride + q * dilation, c] * depthwise_kernel[q, c, k]
    output[b, p, f] = activation(sum_j spread[b, p, j] * pointwise_kernel[0, j, f] + bias[f])

    The kernels have shapes (*kernel_size, channels, depth_multiplier) and (1, ..., channels * depth_multiplier, filters).

    Args:
        filters: the number of channels of the output.
        depth_multiplier: how many channels each channel of the input becomes before the projection: m above.
        depthwise_initializer, pointwise_initializer and so on: of the two kernels.
        The rest: as in `WindowLayer`.

    Raises:
        ValueError: for an input smaller than the window.
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
        depth_multiplier: int = 1,
        activation: Any = None,
        use_bias: bool = True,
        depthwise_initializer: Any = "glorot_uniform",
        pointwise_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        depthwise_regularizer: Any = None,
        pointwise_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        depthwise_constraint: Any = None,
        pointwise_constraint: Any = None,
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
        self.depth_multiplier = positive_integer(depth_multiplier, "depth_multiplier")
        self.depthwise_initializer = initializers.get(depthwise_initializer)
        self.depthwise_regularizer = regularizers.get(depthwise_regularizer)
        self.depthwise_constraint = constraints.get(depthwise_constraint)
        self.pointwise_initializer = initializers.get(pointwise_initializer)
        self.pointwise_regularizer = regularizers.get(pointwise_regularizer)
        self.pointwise_constraint = constraints.get(pointwise_constraint)

    def build(self, input_shape: Sequence) -> None:
        channels = self._begin_build(input_shape)
        spread = channels * self.depth_multiplier
        self.depthwise_kernel = self.add_weight(
            shape=(*self.kernel_size, channels, self.depth_multiplier),
            initializer=self.depthwise_initializer,
            regularizer=self.depthwise_regularizer,
            constraint=self.depthwise_constraint,
            name="depthwise_kernel",
        )
        self.pointwise_kernel = self.add_weight(
            shape=(*(1,) * self.rank, spread, self.filters),
            initializer=self.pointwise_initializer,
            regularizer=self.pointwise_regularizer,
            constraint=self.pointwise_constraint,
            name="pointwise_kernel",
        )
        self._add_bias(self.filters)

    def call(self, inputs: Any) -> Any:
        outputs = ops.separable_conv(
            inputs,
            self.depthwise_kernel,
            self.pointwise_kernel,
            strides=self.strides,
            padding=self.padding,
            data_format=self.data_format,
            dilation_rate=self.dilation_rate,
        )
        return self._bias_and_activation(outputs)

    def _output_channels(self, channels: int | None) -> int:
        return self.filters


class SeparableConv1D(BaseSeparableConv):
    """Convolution over a sequence in two steps: each channel alone, then a mixture of the channels.

    spread[b, p, c * m + k] = sum_q inputs[b, p * stride + q * dilation, c] * depthwise_kernel[q, c, k]
    output[b, p, f] = activation(sum_j spread[b, p, j] * pointwise_kernel[0, j, f] + bias[f])

    Args:
        filters: the number of channels of the output.
        kernel_size, strides, dilation_rate: integers: the window, its step, the distance of neighbours in it.
        padding: "valid" or "same".
        data_format: "channels_last" (batch, time, channels) or "channels_first".
        depth_multiplier: how many channels each channel of the input becomes before the mixture: m above.
        activation: name or function; none if None.
        use_bias: whether a bias is added.
        The rest: initializers, regularizers and constraints of the two kernels and the bias, as in `Dense`.

    >>> import numpy as np
    >>> from hornbook import layers
    >>> layers.SeparableConv1D(4, 3)(np.ones((2, 10, 8))).shape
    TensorShape([2, 8, 4])
    """

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: Any = 1,
        depth_multiplier: int = 1,
        activation: Any = None,
        use_bias: bool = True,
        depthwise_initializer: Any = "glorot_uniform",
        pointwise_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        depthwise_regularizer: Any = None,
        pointwise_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        depthwise_constraint: Any = None,
        pointwise_constraint: Any = None,
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
            depth_multiplier=depth_multiplier,
            activation=activation,
            use_bias=use_bias,
            depthwise_initializer=depthwise_initializer,
            pointwise_initializer=pointwise_initializer,
            bias_initializer=bias_initializer,
            depthwise_regularizer=depthwise_regularizer,
            pointwise_regularizer=pointwise_regularizer,
            bias_regularizer=bias_regularizer,
            activity_regularizer=activity_regularizer,
            depthwise_constraint=depthwise_constraint,
            pointwise_constraint=pointwise_constraint,
            bias_constraint=bias_constraint,
            **kwargs,
        )


class SeparableConv2D(BaseSeparableConv):
    """Convolution over an image in two steps: each channel alone, then a mixture of the channels.

    spread[b, p, c * m + k] = sum_q inputs[b, p * stride + q * dilation, c] * depthwise_kernel[q, c, k]
    output[b, p, f] = activation(sum_j spread[b, p, j] * pointwise_kernel[0, j, f] + bias[f])

    Args:
        filters: the number of channels of the output.
        kernel_size, strides, dilation_rate: the window (rows, columns), its steps, the distances in it.
        padding: "valid" or "same".
        data_format: "channels_last" (batch, rows, columns, channels) or "channels_first".
        depth_multiplier: how many channels each channel of the input becomes before the mixture: m above.
        activation: name or function; none if None.
        use_bias: whether a bias is added.
        The rest: initializers, regularizers and constraints of the two kernels and the bias, as in `Dense`.

    Source: Chollet 2017, Xception, https://arxiv.org/abs/1610.02357

    >>> import numpy as np
    >>> from hornbook import layers
    >>> layers.SeparableConv2D(4, 3, padding="same")(np.ones((1, 8, 8, 3))).shape
    TensorShape([1, 8, 8, 4])
    """

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = (1, 1),
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: Any = (1, 1),
        depth_multiplier: int = 1,
        activation: Any = None,
        use_bias: bool = True,
        depthwise_initializer: Any = "glorot_uniform",
        pointwise_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        depthwise_regularizer: Any = None,
        pointwise_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        depthwise_constraint: Any = None,
        pointwise_constraint: Any = None,
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
            depth_multiplier=depth_multiplier,
            activation=activation,
            use_bias=use_bias,
            depthwise_initializer=depthwise_initializer,
            pointwise_initializer=pointwise_initializer,
            bias_initializer=bias_initializer,
            depthwise_regularizer=depthwise_regularizer,
            pointwise_regularizer=pointwise_regularizer,
            bias_regularizer=bias_regularizer,
            activity_regularizer=activity_regularizer,
            depthwise_constraint=depthwise_constraint,
            pointwise_constraint=pointwise_constraint,
            bias_constraint=bias_constraint,
            **kwargs,
        )


SeparableConvolution1D, SeparableConvolution2D = SeparableConv1D, SeparableConv2D
