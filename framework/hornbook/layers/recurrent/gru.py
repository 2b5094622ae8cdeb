"""The gated recurrent unit: its step and its walk."""

from typing import Any

from hornbook import activations, ops
from hornbook.core.variable import Variable
from hornbook.layers.recurrent.cells import BaseCell, project
from hornbook.layers.recurrent.rnn import BuiltInRNN

__all__ = ["GRU", "GRUCell"]


class GRUCell(BaseCell):
    """One step of the gated recurrent unit.

    z, r = recurrent_activation(x @ kernel + h @ recurrent_kernel + bias)        update and reset gate
    g    = activation(x @ kernel + r * (h @ recurrent_kernel + bias))            reset_after=True
         = activation(x @ kernel + (r * h) @ recurrent_kernel + bias)            reset_after=False
    h' = z * h + (1 - z) * g

    The kernels' columns are in the order z, r, g. With reset_after there are two rows of biases, (2, 3 * units).

    Args:
        units: the size of the state and the output.
        activation, recurrent_activation: names or functions.
        use_bias: whether biases are added.
        dropout, recurrent_dropout: the part of the inputs and of the state dropped while training.
        reset_after: whether the reset gate acts after the product.
        seed: makes the dropout repeatable.
        The rest: initializers, regularizers and constraints of the weights.

    Source: Cho et al. 2014, https://arxiv.org/abs/1406.1078

    >>> import numpy as np
    >>> from hornbook import layers
    >>> output, states = layers.GRUCell(4)(np.ones((2, 3)), [np.zeros((2, 4))])
    >>> output.shape
    TensorShape([2, 4])
    """

    gates = 3

    def __init__(
        self,
        units: int,
        activation: Any = "tanh",
        recurrent_activation: Any = "sigmoid",
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        recurrent_initializer: Any = "orthogonal",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        recurrent_regularizer: Any = None,
        bias_regularizer: Any = None,
        kernel_constraint: Any = None,
        recurrent_constraint: Any = None,
        bias_constraint: Any = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        reset_after: bool = True,
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
        self.reset_after = reset_after

    def _bias(self) -> Variable:
        width = 3 * self.units
        return self.add_weight(shape=(2, width) if self.reset_after else (width,), name="bias")

    def call(self, inputs: Any, states: Any, training: bool | None = False) -> Any:
        h = states[0] if isinstance(states, list | tuple) else states
        input_masks, state_masks = self._dropout_masks(inputs, h, training)
        input_bias, state_bias = self.bias, None
        if self.bias is not None and self.reset_after:
            input_bias, state_bias = ops.unstack(self.bias, axis=0)

        x = project(inputs, self.kernel, input_masks)
        x_z, x_r, x_g = ops.split(x if input_bias is None else ops.add(x, input_bias), 3, axis=-1)
        if self.reset_after:
            product = project(h, self.recurrent_kernel, state_masks)
            product = product if state_bias is None else ops.add(product, state_bias)
            h_z, h_r, h_g = ops.split(product, 3, axis=-1)
            r = self.recurrent_activation(ops.add(x_r, h_r))
            g = self.activation(ops.add(x_g, ops.multiply(r, h_g)))
        else:
            of_gates, of_g = ops.split(self.recurrent_kernel, [2 * self.units], axis=-1)
            h_z, h_r = ops.split(project(h, of_gates, state_masks and state_masks[:2]), 2, axis=-1)
            r = self.recurrent_activation(ops.add(x_r, h_r))
            g = self.activation(ops.add(x_g, project(ops.multiply(r, h), of_g, state_masks and state_masks[2:])))
        z = self.recurrent_activation(ops.add(x_z, h_z))
        h = ops.add(ops.multiply(z, h), ops.multiply(ops.subtract(1.0, z), g))
        return h, [h] if isinstance(states, list | tuple) else h


class GRU(BuiltInRNN):
    """The gated recurrent unit over a sequence; the equations are in `GRUCell`.

    Args:
        units: the size of the state and the output.
        use_cudnn: accepted, as a fused kernel gives the same numbers; the plain loop runs.
        The others: those of `GRUCell` and `RNN`.

    >>> import numpy as np
    >>> from hornbook import layers
    >>> layers.GRU(4, go_backwards=True)(np.ones((2, 5, 3))).shape
    TensorShape([2, 4])
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
        reset_after: bool = True,
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
            "kernel_regularizer": kernel_regularizer,
            "recurrent_regularizer": recurrent_regularizer,
            "bias_regularizer": bias_regularizer,
            "kernel_constraint": kernel_constraint,
            "recurrent_constraint": recurrent_constraint,
            "bias_constraint": bias_constraint,
            "dropout": dropout,
            "recurrent_dropout": recurrent_dropout,
            "reset_after": reset_after,
            "seed": seed,
        }
        super().__init__(
            GRUCell,
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
