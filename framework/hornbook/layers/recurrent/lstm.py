"""The long short-term memory: its step and its walk."""

from collections.abc import Sequence
from typing import Any

from hornbook import activations, backend, ops
from hornbook.core.variable import Variable
from hornbook.layers.recurrent.cells import BaseCell, project
from hornbook.layers.recurrent.rnn import BuiltInRNN

__all__ = ["LSTM", "LSTMCell"]


class LSTMCell(BaseCell):
    """One step of the long short-term memory.

    i, f, o = recurrent_activation(x @ kernel + h @ recurrent_kernel + bias)      input, forget, output gate
    g       = activation(...)                                                     what is offered to the memory
    c' = f * c + i * g
    h' = o * activation(c')

    The kernels' columns are in the order i, f, g, o.

    Args:
        units: the size of the memory c, of the state h and so of the output.
        activation, recurrent_activation: names or functions.
        use_bias: whether a bias is added.
        unit_forget_bias: whether the forget gate's bias starts at 1.
        dropout, recurrent_dropout: the part of the inputs and of the state dropped while training.
        seed: makes the dropout repeatable.
        The rest: initializers, regularizers and constraints of the weights.

    Source: Hochreiter & Schmidhuber 1997; Gers et al. 2000 for the forget gate.

    >>> import numpy as np
    >>> from hornbook import layers
    >>> output, (h, c) = layers.LSTMCell(4)(np.ones((2, 3)), [np.zeros((2, 4)), np.zeros((2, 4))])
    >>> output.shape, c.shape
    (TensorShape([2, 4]), TensorShape([2, 4]))
    """

    gates = 4

    def __init__(
        self,
        units: int,
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
        kernel_constraint: Any = None,
        recurrent_constraint: Any = None,
        bias_constraint: Any = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            units,
            activation,
            use_bias,
            kernel_initializer,
            recurrent_initializer,
            bias_initializer,
            kernel_regularizer,
            recurrent_regularizer,
            bias_regularizer,
            kernel_constraint,
            recurrent_constraint,
            bias_constraint,
            dropout,
            recurrent_dropout,
            seed,
            **kwargs,
        )
        self.recurrent_activation = activations.get(recurrent_activation)
        self.unit_forget_bias = unit_forget_bias
        self.state_size = [self.units, self.units]

    def _bias(self) -> Variable:
        if not self.unit_forget_bias:
            return super()._bias()

        def forgetting_starts_low(shape: Sequence, dtype: Any = None) -> Any:
            n = self.units
            parts = [self.bias_initializer((n,), dtype=dtype), ops.ones((n,), dtype=dtype)]
            return ops.concatenate([*parts, self.bias_initializer((2 * n,), dtype=dtype)], axis=0)

        return self.add_weight(shape=(4 * self.units,), name="bias", initializer=forgetting_starts_low)

    def call(self, inputs: Any, states: Any, training: bool | None = False) -> Any:
        h, c = states
        input_masks, state_masks = self._dropout_masks(inputs, h, training)
        total = ops.add(project(inputs, self.kernel, input_masks), project(h, self.recurrent_kernel, state_masks))
        if self.bias is not None:
            total = ops.add(total, self.bias)
        i, f, g, o = ops.split(total, 4, axis=-1)
        kept = ops.multiply(self.recurrent_activation(f), c)
        c = ops.add(kept, ops.multiply(self.recurrent_activation(i), self.activation(g)))
        h = ops.multiply(self.recurrent_activation(o), self.activation(c))
        return h, [h, c]


class LSTM(BuiltInRNN):
    """The long short-term memory over a sequence; the equations are in `LSTMCell`.

    Args:
        units: the size of the memory, the state and the output.
        use_cudnn: "auto" or True for the backend's fused kernel where the arguments allow it; False for the plain loop.
        The others: those of `LSTMCell` and `RNN`.

    >>> import numpy as np
    >>> from hornbook import layers
    >>> output, h, c = layers.LSTM(4, return_sequences=True, return_state=True)(np.ones((2, 5, 3)))
    >>> output.shape, h.shape, c.shape
    (TensorShape([2, 5, 4]), TensorShape([2, 4]), TensorShape([2, 4]))
    """

    def __init__(
        self,
        units: int,
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
        unroll: bool = False,
        use_cudnn: str | bool = "auto",
        **kwargs: Any,
    ) -> None:
        cell_arguments = {
            "units": units,
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
            LSTMCell,
            cell_arguments,
            return_sequences=return_sequences,
            return_state=return_state,
            go_backwards=go_backwards,
            stateful=stateful,
            unroll=unroll,
            activity_regularizer=activity_regularizer,
            **kwargs,
        )
        if use_cudnn not in ("auto", True, False):
            raise ValueError(f"use_cudnn must be 'auto', True or False, got {use_cudnn!r}.")
        self.use_cudnn = use_cudnn

    def inner_loop(
        self, sequences: Any, initial_state: list, mask: Any, training: bool | None = False
    ) -> tuple[Any, Any, list]:
        cell = self.cell
        usual = cell.activation is activations.tanh and cell.recurrent_activation is activations.sigmoid
        zeros = self.zero_output_for_mask and mask is not None
        fused = usual and self.use_cudnn and not (cell.recurrent_dropout or self.unroll or zeros)
        self.loop_length, self.has_fused_loop = sequences.shape[1], fused
        if not fused:
            return super().inner_loop(sequences, initial_state, mask, training)
        if training and cell.dropout:  # the same at every step
            sequences = ops.multiply(sequences, ops.expand_dims(cell.get_dropout_mask(sequences[:, 0]), 1))
        outputs, h, c = backend.lstm(
            sequences,
            *initial_state,
            mask=mask,
            kernel=cell.kernel,
            recurrent_kernel=cell.recurrent_kernel,
            bias=cell.bias,
            go_backwards=self.go_backwards,
            return_all_outputs=self.return_sequences,
        )
        return h, outputs, [h, c]
