"""Transposed convolutions: the shape of a convolution's input from the shape of its output, with learned weights."""

from collections.abc import Sequence
from typing import Any

from hornbook import constraints, initializers, ops, regularizers
from hornbook.backend.windows import transposed_size
from hornbook.core.arguments import positive_integer, sizes
from hornbook.layers.convolution import WindowLayer

__all__ = [
    "Conv1DTranspose",
    "Conv2DTranspose",
    "Conv3DTranspose",
    "Convolution1DTranspose",
    "Convolution2DTranspose",
    "Convolution3DTranspose",
]


class BaseConvTranspose(WindowLayer):
    """Each position of the input puts a copy of the window, times its numbers, into the output; copies add up.

    output[b, p * stride + q * dilation, f] = activation(sum_{p, q, c} inputs[b, p, c] * kernel[q, f, c] + bias[f])

    Args:
        filters: the number of channels of the output.
        padding: "valid" (size * stride + max(window - stride, 0) positions) or "same" (size * stride).
        output_padding: how many more positions than the least the output has along each axis, less than the stride;
            None for what `padding` says.
        The rest: as in `WindowLayer`.

    The kernel has shape (*kernel_size, filters, channels), the bias (filters,).

    Raises:
        ValueError: for arguments that do not fit together.
    """

    def __init__(
        self,
        rank: int,
        filters: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        output_padding: Any = None,
        data_format: str | None = None,
        dilation_rate: Any = 1,
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
        self.output_padding = None if output_padding is None else sizes(output_padding, rank, "output_padding", least=0)
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.kernel_constraint = constraints.get(kernel_constraint)
        self._refuse_strides_with_dilation()
        for extra, stride in zip(self.output_padding or (), self.strides, strict=False):
            if extra >= stride:
                raise ValueError(
                    f"output_padding must be less than strides along each axis, got output_padding="
                    f"{self.output_padding} and strides={self.strides}."
                )

    def build(self, input_shape: Sequence) -> None:
        channels = self._begin_build(input_shape)
        self.kernel = self.add_weight(shape=(*self.kernel_size, self.filters, channels), name="kernel")
        self._add_bias(self.filters)

    def call(self, inputs: Any) -> Any:
        outputs = ops.conv_transpose(
            inputs,
            self.kernel,
            strides=self.strides,
            padding=self.padding,
            output_padding=self.output_padding,
            data_format=self.data_format,
            dilation_rate=self.dilation_rate,
        )
        return self._bias_and_activation(outputs)

    def _output_channels(self, channels: int | None) -> int:
        return self.filters

    def _output_size(self, size: int | None, axis: int) -> int | None:
        if size is None:
            return None
        extra = None if self.output_padding is None else self.output_padding[axis]
        return transposed_size(
            size, self.kernel_size[axis], self.strides[axis], self.padding, extra, self.dilation_rate[axis]
        )


class Conv1DTranspose(BaseConvTranspose):
    """Transposed convolution over a sequence: the gradient of a convolution, taken as a layer.

    output[b, t * stride + q * dilation, f] += inputs[b, t, c] * kernel[q, f, c], then the bias and the activation.

    Args:
        filters: the number of channels of the output.
        kernel_size, strides, dilation_rate: integers: the window, its step, the distance of neighbours in it.
        padding: "valid" (size * stride + max(window - stride, 0) positions) or "same" (size * stride).
        output_padding: how many more positions than the least, below the stride; None for what `padding` says.
        data_format: "channels_last" (batch, time, channels) or "channels_first".
        activation: name or function; none if None.
        use_bias: whether a bias is added.
        The rest: initializers, regularizers and constraints of the weights, as in `Dense`.

    >>> import numpy as np
    >>> from hornbook import layers
    >>> layers.Conv1DTranspose(4, 3, strides=2)(np.ones((2, 10, 8))).shape
    TensorShape([2, 21, 4])
    """

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        output_padding: Any = None,
        data_format: str | None = None,
        dilation_rate: Any = 1,
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
            output_padding=output_padding,
            data_format=data_format,
            dilation_rate=dilation_rate,
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


class Conv2DTranspose(BaseConvTranspose):
    """Transposed convolution over an image: the gradient of a convolution, taken as a layer.

    output[b, y*s + q*d, x*s + r*d, f] += inputs[b, y, x, c] * kernel[q, r, f, c], then the bias and the activation.

    Args:
        filters: the number of channels of the output.
        kernel_size, strides, dilation_rate: the window (rows, columns), its steps, the distances in it.
        padding: "valid" (size * stride + max(window - stride, 0) positions) or "same" (size * stride).
        output_padding: how many more positions than the least, below the stride; None for what `padding` says.
        data_format: "channels_last" (batch, rows, columns, channels) or "channels_first".
        activation: name or function; none if None.
        use_bias: whether a bias is added.
        The rest: initializers, regularizers and constraints of the weights, as in `Dense`.

    Source: Zeiler et al. 2010, Deconvolutional networks

    >>> import numpy as np
    >>> from hornbook import layers
    >>> layers.Conv2DTranspose(4, 3, strides=2, padding="same")(np.ones((1, 8, 8, 3))).shape
    TensorShape([1, 16, 16, 4])
    """

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = (1, 1),
        padding: str = "valid",
        output_padding: Any = None,
        data_format: str | None = None,
        dilation_rate: Any = (1, 1),
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
            output_padding=output_padding,
            data_format=data_format,
            dilation_rate=dilation_rate,
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


class Conv3DTranspose(BaseConvTranspose):
    """Transposed convolution over a volume: the gradient of a convolution, taken as a layer.

    output[b, p * stride + q * dilation, f] += inputs[b, p, c] * kernel[q, f, c], where p and q have three coordinates
    each; then the bias and the activation.

    Args:
        filters: the number of channels of the output.
        kernel_size, strides, dilation_rate: the window (depth, rows, columns), its steps, the distances in it.
        padding: "valid" (size * stride + max(window - stride, 0) positions) or "same" (size * stride).
        output_padding: how many more positions than the least, below the stride; None for what `padding` says.
        data_format: "channels_last" (batch, depth, rows, columns, channels) or "channels_first".
        activation: name or function; none if None.
        use_bias: whether a bias is added.
        The rest: initializers, regularizers and constraints of the weights, as in `Dense`.

    >>> import numpy as np
    >>> from hornbook import layers
    >>> layers.Conv3DTranspose(4, 2, strides=2)(np.ones((1, 3, 4, 4, 3))).shape
    TensorShape([1, 6, 8, 8, 4])
    """

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = (1, 1, 1),
        padding: str = "valid",
        data_format: str | None = None,
        output_padding: Any = None,
        dilation_rate: Any = (1, 1, 1),
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
            output_padding=output_padding,
            dilation_rate=dilation_rate,
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


Convolution1DTranspose, Convolution2DTranspose, Convolution3DTranspose = (
    Conv1DTranspose,
    Conv2DTranspose,
    Conv3DTranspose,
)
