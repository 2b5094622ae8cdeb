"""The long short-term memory over a sequence of images, or of other arrays with spatial axes."""

from collections.abc import Sequence
from typing import Any

from hornbook import ops
from hornbook.backend.config import standardize_data_format
from hornbook.core.arguments import known_sizes, one_of, sizes
from hornbook.core.layer import InputSpec
from hornbook.layers.convolution import window_count
from hornbook.layers.recurrent.cells import project
from hornbook.layers.recurrent.lstm import LSTMCell
from hornbook.layers.recurrent.rnn import BuiltInRNN, of_cell
from hornbook.layers.reshaping import spatial_axes

__all__ = ["ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D"]


class ConvLSTMCell(LSTMCell):
    """One step of the LSTM with convolutions (*) in the place of its products.

    i, f, o = recurrent_activation(x * kernel + h * recurrent_kernel + bias)
    g       = activation(...)
    c' = f c + i g
    h' = o activation(c')

    The convolution of h keeps its size: stride 1, padding "same". The kernels' filters are in the order i, f, g, o.

    Args:
        rank: the number of spatial axes.
        filters: the number of channels of c and h.
        kernel_size, strides, padding, data_format, dilation_rate: of the convolution of x, as in `Conv2D`.
        The rest: as in `LSTMCell`.
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
        **kwargs: Any,
    ) -> None:
        super().__init__(filters, **kwargs)
        self.rank, self.filters = rank, self.units
        self.kernel_size = sizes(kernel_size, rank, "kernel_size")
        self.strides = sizes(strides, rank, "strides")
        self.dilation_rate = sizes(dilation_rate, rank, "dilation_rate")
        self.padding = one_of(str(padding).lower(), ("valid", "same"), "padding")
        self.data_format = standardize_data_format(data_format)
        self._channel_axis = 1 if self.data_format == "channels_first" else -1
        if max(self.strides) > 1 and max(self.dilation_rate) > 1:
            raise ValueError(
                f"strides and dilation_rate cannot both be above 1, got strides={self.strides} and "
                f"dilation_rate={self.dilation_rate}."
            )

    def build(self, input_shape: Sequence) -> None:
        (channels,) = known_sizes(input_shape, [self._channel_axis], "ConvLSTM")
        self._step_shape = self.step_shape(input_shape)
        width = self.gates * self.filters
        self.kernel = self.add_weight(shape=(*self.kernel_size, channels, width), name="kernel")
        self.recurrent_kernel = self.add_weight(
            shape=(*self.kernel_size, self.filters, width),
            name="recurrent_kernel",
            initializer=self.recurrent_initializer,
            regularizer=self.recurrent_regularizer,
            constraint=self.recurrent_constraint,
        )
        self.bias = self._bias() if self.use_bias else None

    @property
    def _mask_count(self) -> int:
        return self.gates

    def step_shape(self, input_shape: Sequence) -> tuple:
        """The shape of c, h and the output for inputs (batch, ...) of a shape.

        Raises:
            ValueError: where no window fits.
        """
        shape = list(input_shape)
        shape[self._channel_axis] = self.filters
        for place, axis in enumerate(spatial_axes(self.rank, self.data_format)):
            window, stride, dilation = self.kernel_size[place], self.strides[place], self.dilation_rate[place]
            shape[axis] = window_count(shape[axis], window, stride, self.padding, dilation)
            if isinstance(shape[axis], int) and shape[axis] < 1:
                raise ValueError(
                    f"ConvLSTM with kernel_size={self.kernel_size} and padding='valid' does not fit steps of shape "
                    f"{tuple(input_shape)}: no whole window. Use padding='same', or a smaller window."
                )
        return tuple(shape)

    def get_initial_state(self, batch_size: Any = None) -> list:
        """Zeros for c and h, of the spatial size the cell was built for.

        Raises:
            ValueError: where that size is not known.
        """
        shape = self._step_shape[1:]
        if None in shape:
            raise ValueError(
                f"The states have shape {(batch_size, *shape)}: name the spatial sizes in Input(shape=...)."
            )
        return [ops.zeros((batch_size, *shape), dtype=self.compute_dtype) for _ in range(2)]

    def call(self, inputs: Any, states: Any, training: bool | None = False) -> Any:
        h, c = states
        input_masks, state_masks = self._dropout_masks(inputs, h, training)
        axis = self._channel_axis
        x = project(inputs, self.kernel, input_masks, self._convolve_input, axis)
        total = ops.add(x, project(h, self.recurrent_kernel, state_masks, self._convolve_state, axis))
        if self.bias is not None:
            total = ops.add(total, self.bias if axis == -1 else ops.reshape(self.bias, (1, -1, *(1,) * self.rank)))
        i, f, g, o = ops.split(total, 4, axis=axis)
        kept = ops.multiply(self.recurrent_activation(f), c)
        c = ops.add(kept, ops.multiply(self.recurrent_activation(i), self.activation(g)))
        h = ops.multiply(self.recurrent_activation(o), self.activation(c))
        return h, [h, c]

    def _convolve_input(self, x: Any, kernel: Any) -> Any:
        return ops.conv(x, kernel, self.strides, self.padding, self.data_format, self.dilation_rate)

    def _convolve_state(self, h: Any, kernel: Any) -> Any:
        return ops.conv(h, kernel, 1, "same", self.data_format)


class ConvLSTM(BuiltInRNN):
    """The walk of `ConvLSTMCell`, over any number of spatial axes.

    Args:
        rank: the number of spatial axes.
        The rest: those of `ConvLSTMCell` and `RNN`.

    Source: Shi et al. 2015, https://arxiv.org/abs/1506.04214 (without the connections from c to the gates).
    """

    filters, kernel_size, strides = of_cell("filters"), of_cell("kernel_size"), of_cell("strides")
    padding, data_format, dilation_rate = of_cell("padding"), of_cell("data_format"), of_cell("dilation_rate")

    def __init__(
        self,
        rank: int,
        return_sequences: bool,
        return_state: bool,
        go_backwards: bool,
        stateful: bool,
        activity_regularizer: Any,
        cell_arguments: dict[str, Any],
        **kwargs: Any,
    ) -> None:
        super().__init__(
            ConvLSTMCell,
            {"rank": rank, **cell_arguments},
            return_sequences=return_sequences,
            return_state=return_state,
            go_backwards=go_backwards,
            stateful=stateful,
            activity_regularizer=activity_regularizer,
            **kwargs,
        )
        self.input_spec = InputSpec(ndim=rank + 3)

    def _starting_states(self, sequences: Any, initial_state: Any) -> list:
        if initial_state is not None or self.stateful:
            return super()._starting_states(sequences, initial_state)
        shape = self._state_shape(self.filters, ops.shape(sequences))  # sizes may be known only while it runs
        return [ops.zeros(shape, dtype=self.compute_dtype) for _ in range(2)]

    def _state_shape(self, size: int, sequences_shape: Sequence) -> tuple:
        return self.cell.step_shape((sequences_shape[0], *sequences_shape[2:]))


class ConvLSTM1D(ConvLSTM):
    """The long short-term memory over a sequence of sequences, with convolutions in the place of its products.

    i, f, o = recurrent_activation(x * kernel + h * recurrent_kernel + bias),  g = activation(...)
    c' = f c + i g,  h' = o activation(c')

    Args:
        filters: the number of channels of the memory c, of the state h and so of the output.
        kernel_size, strides, padding, data_format, dilation_rate: of the convolution of the inputs.
        The others: those of `LSTM`.

    Call:
        sequences: (batch, time, steps, channels); channels stand before the spatial axes in "channels_first".

    Source: Shi et al. 2015, https://arxiv.org/abs/1506.04214 (without the connections from c to the gates).

    >>> import numpy as np
    >>> from hornbook import layers
    >>> layers.ConvLSTM1D(4, 3)(np.ones((2, 5, 8, 3))).shape
    TensorShape([2, 6, 4])
    """

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: Any = 1,
        activation: Any = "tanh",
        recurrent_activation: Any = "sigmoid",
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        recurrent_initializer: Any = "orthogonal",
        bias_initializer: Any = "zeros",
        unit_forget_bias: bool = True,
        kernel_regularizer: Any = None,
        recurrent_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        recurrent_constraint: Any = None,
        bias_constraint: Any = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        seed: int | None = None,
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        **kwargs: Any,
    ) -> None:
        cell_arguments = {
            "filters": filters,
            "kernel_size": kernel_size,
            "strides": strides,
            "padding": padding,
            "data_format": data_format,
            "dilation_rate": dilation_rate,
            "activation": activation,
            "recurrent_activation": recurrent_activation,
            "use_bias": use_bias,
            "kernel_initializer": kernel_initializer,
            "recurrent_initializer": recurrent_initializer,
            "bias_initializer": bias_initializer,
            "unit_forget_bias": unit_forget_bias,
            "kernel_regularizer": kernel_regularizer,
            "recurrent_regularizer": recurrent_regularizer,
            "bias_regularizer": bias_regularizer,
            "kernel_constraint": kernel_constraint,
            "recurrent_constraint": recurrent_constraint,
            "bias_constraint": bias_constraint,
            "dropout": dropout,
            "recurrent_dropout": recurrent_dropout,
            "seed": seed,
        }
        super().__init__(
            1,
            return_sequences,
            return_state,
            go_backwards,
            stateful,
            activity_regularizer,
            cell_arguments,
            **kwargs,
        )


class ConvLSTM2D(ConvLSTM):
    """The long short-term memory over a sequence of images, with convolutions in the place of its products.

    i, f, o = recurrent_activation(x * kernel + h * recurrent_kernel + bias),  g = activation(...)
    c' = f c + i g,  h' = o activation(c')

    Args:
        filters: the number of channels of the memory c, of the state h and so of the output.
        kernel_size, strides, padding, data_format, dilation_rate: of the convolution of the inputs.
        The others: those of `LSTM`.

    Call:
        sequences: (batch, time, height, width, channels); channels stand before the spatial axes in "channels_first".

    Source: Shi et al. 2015, https://arxiv.org/abs/1506.04214 (without the connections from c to the gates).

    >>> import numpy as np
    >>> from hornbook import layers
    >>> layers.ConvLSTM2D(4, 3, padding="same")(np.ones((2, 5, 8, 8, 3))).shape
    TensorShape([2, 8, 8, 4])
    """

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: Any = 1,
        activation: Any = "tanh",
        recurrent_activation: Any = "sigmoid",
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        recurrent_initializer: Any = "orthogonal",
        bias_initializer: Any = "zeros",
        unit_forget_bias: bool = True,
        kernel_regularizer: Any = None,
        recurrent_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        recurrent_constraint: Any = None,
        bias_constraint: Any = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        seed: int | None = None,
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        **kwargs: Any,
    ) -> None:
        cell_arguments = {
            "filters": filters,
            "kernel_size": kernel_size,
            "strides": strides,
            "padding": padding,
            "data_format": data_format,
            "dilation_rate": dilation_rate,
            "activation": activation,
            "recurrent_activation": recurrent_activation,
            "use_bias": use_bias,
            "kernel_initializer": kernel_initializer,
            "recurrent_initializer": recurrent_initializer,
            "bias_initializer": bias_initializer,
            "unit_forget_bias": unit_forget_bias,
            "kernel_regularizer": kernel_regularizer,
            "recurrent_regularizer": recurrent_regularizer,
            "bias_regularizer": bias_regularizer,
            "kernel_constraint": kernel_constraint,
            "recurrent_constraint": recurrent_constraint,
            "bias_constraint": bias_constraint,
            "dropout": dropout,
            "recurrent_dropout": recurrent_dropout,
            "seed": seed,
        }
        super().__init__(
            2,
            return_sequences,
            return_state,
            go_backwards,
            stateful,
            activity_regularizer,
            cell_arguments,
            **kwargs,
        )


class ConvLSTM3D(ConvLSTM):
    """The long short-term memory over a sequence of volumes, with convolutions in the place of its products.

    i, f, o = recurrent_activation(x * kernel + h * recurrent_kernel + bias),  g = activation(...)
    c' = f c + i g,  h' = o activation(c')

    Args:
        filters: the number of channels of the memory c, of the state h and so of the output.
        kernel_size, strides, padding, data_format, dilation_rate: of the convolution of the inputs.
        The others: those of `LSTM`.

    Call:
        sequences: (batch, time, depth, height, width, channels); channels stand before the spatial axes in "channels_first".

    Source: Shi et al. 2015, https://arxiv.org/abs/1506.04214 (without the connections from c to the gates).

    >>> import numpy as np
    >>> from hornbook import layers
    >>> layers.ConvLSTM3D(2, 2)(np.ones((1, 3, 4, 4, 4, 1))).shape
    TensorShape([1, 3, 3, 3, 2])
    """

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: Any = 1,
        activation: Any = "tanh",
        recurrent_activation: Any = "sigmoid",
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        recurrent_initializer: Any = "orthogonal",
        bias_initializer: Any = "zeros",
        unit_forget_bias: bool = True,
        kernel_regularizer: Any = None,
        recurrent_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        recurrent_constraint: Any = None,
        bias_constraint: Any = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        seed: int | None = None,
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        **kwargs: Any,
    ) -> None:
        cell_arguments = {
            "filters": filters,
            "kernel_size": kernel_size,
            "strides": strides,
            "padding": padding,
            "data_format": data_format,
            "dilation_rate": dilation_rate,
            "activation": activation,
            "recurrent_activation": recurrent_activation,
            "use_bias": use_bias,
            "kernel_initializer": kernel_initializer,
            "recurrent_initializer": recurrent_initializer,
            "bias_initializer": bias_initializer,
            "unit_forget_bias": unit_forget_bias,
            "kernel_regularizer": kernel_regularizer,
            "recurrent_regularizer": recurrent_regularizer,
            "bias_regularizer": bias_regularizer,
            "kernel_constraint": kernel_constraint,
            "recurrent_constraint": recurrent_constraint,
            "bias_constraint": bias_constraint,
            "dropout": dropout,
            "recurrent_dropout": recurrent_dropout,
            "seed": seed,
        }
        super().__init__(
            3,
            return_sequences,
            return_state,
            go_backwards,
            stateful,
            activity_regularizer,
            cell_arguments,
            **kwargs,
        )
