"""The plain recurrent network: its step and its walk."""

from typing import Any

from hornbook import ops
from hornbook.layers.recurrent.cells import BaseCell, project
from hornbook.layers.recurrent.rnn import BuiltInRNN

__all__ = ["SimpleRNN", "SimpleRNNCell"]


class SimpleRNNCell(BaseCell):
    """One step of the plain recurrent network: h' = activation(x @ kernel + h @ recurrent_kernel + bias).

    Args:
        units: the size of the state and the output.
        activation: name or function.
        use_bias: whether a bias is added.
        dropout, recurrent_dropout: the part of the inputs and of the state dropped while training.
        seed: makes the dropout repeatable.
        The rest: initializers, regularizers and constraints of the weights.

    >>> import numpy as np
    >>> from hornbook import layers
    >>> output, states = layers.SimpleRNNCell(4)(np.ones((2, 3)), [np.zeros((2, 4))])
    >>> output.shape
    TensorShape([2, 4])
    """

    gates = 1

    def __init__(
        self,
        units: int,
        activation: Any = "tanh",
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

    def call(self, inputs: Any, states: Any, training: bool | None = False) -> Any:
        h = states[0] if isinstance(states, list | tuple) else states
        input_masks, state_masks = self._dropout_masks(inputs, h, training)
        total = ops.add(project(inputs, self.kernel, input_masks), project(h, self.recurrent_kernel, state_masks))
        if self.bias is not None:
            total = ops.add(total, self.bias)
        h = self.activation(total)
        return h, [h] if isinstance(states, list | tuple) else h


class SimpleRNN(BuiltInRNN):
    """The plain recurrent network: h_t = activation(x_t @ kernel + h_(t-1) @ recurrent_kernel + bias).

    Args:
        units: the size of the state and the output.
        The others: those of `SimpleRNNCell` and `RNN`.

    >>> import numpy as np
    >>> from hornbook import layers
    >>> layers.SimpleRNN(4)(np.ones((2, 5, 3))).shape
    TensorShape([2, 4])
    """

    def __init__(
        self,
        units: int,
        activation: Any = "tanh",
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
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        unroll: bool = False,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        cell_arguments = {
            "units": units,
            "activation": activation,
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
            "seed": seed,
        }
        super().__init__(
            SimpleRNNCell,
            cell_arguments,
            return_sequences=return_sequences,
            return_state=return_state,
            go_backwards=go_backwards,
            stateful=stateful,
            unroll=unroll,
            activity_regularizer=activity_regularizer,
            **kwargs,
        )

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        del config["seed"]
        return config
