"""Layers that walk along a sequence: a cell is one step, RNN is the walk.

    output_t, states_t = cell(inputs_t, states_(t-1))

A step that the mask leaves out keeps the states, and repeats the output before it.
"""

import contextlib
from collections.abc import Iterator, Sequence
from types import SimpleNamespace
from typing import Any

from hornbook import activations, backend, constraints, initializers, ops, random, regularizers, tree
from hornbook.core.arguments import known_sizes, positive_integer
from hornbook.core.layer import InputSpec, Layer
from hornbook.core.registry import deserialize_keras_object, serialize_keras_object
from hornbook.core.variable import Variable

__all__ = ["GRU", "LSTM", "RNN", "GRUCell", "LSTMCell", "SimpleRNN", "SimpleRNNCell", "StackedRNNCells"]


# ------------------------------------------------------------------------------------------------------------- cells
class BaseCell(Layer):
    """What the built-in cells share: their weights, and dropout that is the same at every step of a sequence.

    With `recurrent_dropout` each gate has masks of its own, else one mask serves all.
    """

    gates: int  # how many projections lie side by side in the kernels

    def __init__(
        self,
        units: int,
        activation: Any,
        use_bias: bool,
        kernel_initializer: Any,
        recurrent_initializer: Any,
        bias_initializer: Any,
        kernel_regularizer: Any,
        recurrent_regularizer: Any,
        bias_regularizer: Any,
        kernel_constraint: Any,
        recurrent_constraint: Any,
        bias_constraint: Any,
        dropout: float,
        recurrent_dropout: float,
        seed: int | None,
        **kwargs: Any,
    ) -> None:
        kwargs.pop("implementation", None)  # which of two equal computations Keras 2 used
        super().__init__(**kwargs)
        self.units = self.state_size = self.output_size = positive_integer(units, "units")
        self.activation = activations.get(activation)
        self.use_bias = use_bias
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.recurrent_initializer = initializers.get(recurrent_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.recurrent_regularizer = regularizers.get(recurrent_regularizer)
        self.bias_regularizer = regularizers.get(bias_regularizer)
        self.kernel_constraint = constraints.get(kernel_constraint)
        self.recurrent_constraint = constraints.get(recurrent_constraint)
        self.bias_constraint = constraints.get(bias_constraint)
        self.dropout = min(1.0, max(0.0, dropout))
        self.recurrent_dropout = min(1.0, max(0.0, recurrent_dropout))
        self.seed = seed
        self.seed_generator = random.SeedGenerator(seed)
        self._masks: tuple | None = None  # held by RNN for the length of a sequence

    def build(self, input_shape: Sequence) -> None:
        (features,) = known_sizes(input_shape, [-1], type(self).__name__)
        width = self.gates * self.units
        self.kernel = self.add_weight(shape=(features, width), name="kernel")
        self.recurrent_kernel = self.add_weight(
            shape=(self.units, width),
            name="recurrent_kernel",
            initializer=self.recurrent_initializer,
            regularizer=self.recurrent_regularizer,
            constraint=self.recurrent_constraint,
        )
        self.bias = self._bias() if self.use_bias else None

    def _bias(self) -> Variable:
        return self.add_weight(shape=(self.gates * self.units,), name="bias")

    def draw_masks(self, inputs: Any, state: Any, training: bool | None) -> tuple:
        """(masks of the inputs, masks of the state), each a list or None."""

        def draw(x: Any, rate: float) -> list | None:
            if not training or not rate:
                return None
            count = self.gates if self.recurrent_dropout else 1
            return [random.dropout(ops.ones_like(x), rate, seed=self.seed_generator) for _ in range(count)]

        return draw(inputs, self.dropout), draw(state, self.recurrent_dropout)

    def _dropout_masks(self, inputs: Any, state: Any, training: bool | None) -> tuple:
        return self._masks if self._masks is not None else self.draw_masks(inputs, state, training)

    def get_initial_state(self, batch_size: Any = None) -> list:
        """Zeros of shape (batch_size, units) for each state."""
        count = len(self.state_size) if isinstance(self.state_size, list) else 1
        return [ops.zeros((batch_size, self.units), dtype=self.compute_dtype) for _ in range(count)]


def project(x: Any, kernel: Any, masks: Sequence | None) -> Any:
    """x @ kernel; with a mask for each gate, the gate's columns get x times its mask."""
    if not masks:
        return ops.matmul(x, kernel)
    if len(masks) == 1:
        return ops.matmul(ops.multiply(x, masks[0]), kernel)
    columns = ops.split(kernel, len(masks), axis=-1)
    return ops.concatenate([ops.matmul(ops.multiply(x, m), part) for m, part in zip(masks, columns, strict=True)], -1)


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


class StackedRNNCells(Layer):
    """Cells on top of each other, as one cell: each takes the output of the one below.

    Args:
        cells: the cells, the lowest first.

    >>> import numpy as np
    >>> from hornbook import layers
    >>> stack = layers.StackedRNNCells([layers.LSTMCell(4), layers.GRUCell(5)])
    >>> layers.RNN(stack)(np.ones((2, 7, 3))).shape
    TensorShape([2, 5])
    """

    def __init__(self, cells: Sequence, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        for cell in cells:
            _check_cell(cell)
        self.cells = list(cells)

    @property
    def state_size(self) -> list:
        """The sizes of each cell's states."""
        return [list(c.state_size) if isinstance(c.state_size, list | tuple) else c.state_size for c in self.cells]

    @property
    def output_size(self) -> int:
        """The size of the last cell's output."""
        return _output_size(self.cells[-1])

    def get_initial_state(self, batch_size: Any = None) -> list:
        """The initial states of each cell."""
        return [_initial_state(cell, batch_size, self.compute_dtype) for cell in self.cells]

    def build(self, input_shape: Sequence) -> None:
        for cell in self.cells:
            if isinstance(cell, Layer) and not cell.built:
                cell.build(tuple(input_shape))
            input_shape = (input_shape[0], _output_size(cell))

    def call(self, inputs: Any, states: Any, training: bool | None = False, **kwargs: Any) -> tuple:
        new_states = []
        for cell, state in zip(self.cells, states, strict=True):
            inputs, state = _step(cell, inputs, state, training)
            new_states.append(state)
        return inputs, new_states

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "cells": [serialize_keras_object(cell) for cell in self.cells]}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> "StackedRNNCells":
        cells = [deserialize_keras_object(c, custom_objects=custom_objects, family="layers") for c in config["cells"]]
        return cls(**{**config, "cells": cells})


def _check_cell(cell: Any) -> None:
    if not callable(getattr(cell, "call", None)) or not hasattr(cell, "state_size"):
        raise ValueError(
            "A cell needs a method call(inputs, states) -> (output, new states) and an attribute state_size, an "
            f"integer or a list of integers; got {cell!r}."
        )


def _output_size(cell: Any) -> int:
    size = getattr(cell, "output_size", None)
    if size is None:
        size = cell.state_size[0] if isinstance(cell.state_size, list | tuple) else cell.state_size
    return size


def _initial_state(cell: Any, batch_size: Any, dtype: str) -> list:
    if hasattr(cell, "get_initial_state"):
        state = cell.get_initial_state(batch_size=batch_size)
        return list(state) if isinstance(state, list | tuple) else [state]
    many = isinstance(cell.state_size, list | tuple)
    return [ops.zeros((batch_size, n), dtype=dtype) for n in (cell.state_size if many else [cell.state_size])]


def _step(cell: Any, inputs: Any, states: list, training: bool | None) -> tuple[Any, list]:
    takes_training = isinstance(cell, Layer) and cell._call_signature.takes_training
    output, new_states = cell(inputs, states, training=training) if takes_training else cell(inputs, states)
    return output, list(new_states) if isinstance(new_states, list | tuple) else [new_states]


@contextlib.contextmanager
def held_masks(cell: Any, inputs: Any, states: Any, training: bool | None) -> Iterator[None]:
    """Inside, the cell (and those in it) use one draw of dropout masks for all steps."""
    with contextlib.ExitStack() as stack:
        if isinstance(cell, StackedRNNCells):
            for inner, state in zip(cell.cells, states, strict=True):
                stack.enter_context(held_masks(inner, inputs, state, training))
                inputs = state[0]
        elif isinstance(cell, BaseCell):
            cell._masks = cell.draw_masks(inputs, states[0], training)
            stack.callback(setattr, cell, "_masks", None)
        yield


# ------------------------------------------------------------------------------------------------------------- walks
class RNN(Layer):
    """A cell applied to each step of a sequence in turn.

    output_t, states_t = cell(inputs_t, states_(t-1))

    Args:
        cell: one step: a layer with `call(inputs, states)` and `state_size`; or a list of such, stacked.
        return_sequences: whether to give the outputs of all steps, (batch, time, units), or the last, (batch, units).
        return_state: whether to give the last states too: (output, *states).
        go_backwards: whether to start at the end; outputs then are in the order of the walk.
        stateful: whether a batch starts from the states the one before ended with.
        unroll: whether to write the loop out in the graph, which suits short sequences.
        zero_output_for_mask: whether a masked step gives zeros, not the output before it.

    Call:
        sequences: (batch, time, features).
        initial_state: a list of (batch, units); zeros if None.
        mask: (batch, time), False for steps to skip.
        training: whether cells drop.

    Raises:
        ValueError: for a cell without `call` and `state_size`, or states that do not fit it.

    >>> import numpy as np
    >>> from hornbook import layers
    >>> layers.RNN(layers.LSTMCell(4), return_sequences=True)(np.ones((2, 5, 3))).shape
    TensorShape([2, 5, 4])
    """

    def __init__(
        self,
        cell: Any,
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        unroll: bool = False,
        zero_output_for_mask: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if isinstance(cell, list | tuple):
            cell = StackedRNNCells(cell)
        _check_cell(cell)
        self.cell = cell
        self.return_sequences, self.return_state = return_sequences, return_state
        self.go_backwards, self.stateful, self.unroll = go_backwards, stateful, unroll
        self.zero_output_for_mask = zero_output_for_mask
        self.state_size = cell.state_size
        self.supports_masking = True
        self.input_spec = InputSpec(ndim=3)
        self._kept = SimpleNamespace(states=None)  # states between batches are no weights: nothing saves or counts them

    @property
    def states(self) -> Any:
        """The Variables that a stateful layer keeps between batches; None for others."""
        return self._kept.states

    def build(self, sequences_shape: Sequence, initial_state_shape: Any = None) -> None:
        if self.unroll and sequences_shape[1] is None:
            raise ValueError(f"unroll=True needs a known number of steps, got shape {tuple(sequences_shape)}.")
        if isinstance(self.cell, Layer) and not self.cell.built:
            self.cell.build((sequences_shape[0], *sequences_shape[2:]))
        if self.stateful:
            if sequences_shape[0] is None:
                raise ValueError(
                    "A stateful layer keeps the states of each sample of a batch, so the batch size must be known: use "
                    f"Input(batch_shape=(batch_size, time, features)). Got shape {tuple(sequences_shape)}."
                )
            zeros = self.get_initial_state(sequences_shape[0])
            self._kept.states = tree.map_structure(
                lambda z: Variable(z, dtype=self.variable_dtype, trainable=False, name="rnn_state"), zeros
            )

    def get_initial_state(self, batch_size: Any) -> list:
        """The states a sequence starts from."""
        return _initial_state(self.cell, batch_size, self.compute_dtype)

    def reset_state(self) -> None:
        """Let the next batch start from zeros."""
        for state in tree.flatten(self.states or []):
            state.assign(ops.zeros(state.shape, dtype=self.variable_dtype))

    def call(self, sequences: Any, initial_state: Any = None, mask: Any = None, training: bool | None = False) -> Any:
        states = self._starting_states(sequences, initial_state)
        with held_masks(self.cell, sequences[:, 0], states, training):
            last_output, outputs, states = self.walk(sequences, states, mask, training)
        if self.stateful:
            for kept, new in zip(tree.flatten(self.states), tree.flatten(states), strict=True):
                kept.assign(ops.cast(new, self.variable_dtype))
        output = outputs if self.return_sequences else last_output
        return (output, *states) if self.return_state else output

    def _starting_states(self, sequences: Any, initial_state: Any) -> list:
        if initial_state is None:
            if self.stateful:
                return tree.map_structure(lambda kept: ops.cast(kept.value, self.compute_dtype), self.states)
            return self.get_initial_state(ops.shape(sequences)[0])
        states = list(initial_state) if isinstance(initial_state, list | tuple) else [initial_state]
        wanted = tree.flatten(self.state_size)
        given = [tuple(state.shape) for state in tree.flatten(states)]
        if [shape[-1] for shape in given] != wanted:
            raise ValueError(
                f"The cell's states have sizes {wanted}: initial_state must be a list of {len(wanted)} tensors of "
                f"shape (batch, size); got shapes {given}."
            )
        return states

    def walk(self, sequences: Any, states: list, mask: Any, training: bool | None) -> tuple[Any, Any, list]:
        """(last output, outputs of all steps, last states)."""

        def step(inputs: Any, flat: Sequence) -> tuple[Any, list]:
            output, new = _step(self.cell, inputs, tree.pack_sequence_as(states, flat), training)
            return output, tree.flatten(new)

        last_output, outputs, last_states = backend.rnn(
            step,
            sequences,
            tree.flatten(states),
            go_backwards=self.go_backwards,
            mask=mask,
            unroll=self.unroll,
            zero_output_for_mask=self.zero_output_for_mask,
            return_all_outputs=self.return_sequences,
        )
        return last_output, outputs, tree.pack_sequence_as(states, last_states)

    def compute_output_shape(self, sequences_shape: Sequence, initial_state_shape: Any = None) -> Any:
        batch, time = sequences_shape[:2]
        units = _output_size(self.cell)
        output = (batch, time, units) if self.return_sequences else (batch, units)
        if not self.return_state:
            return output
        sizes = self.state_size if isinstance(self.state_size, list | tuple) else [self.state_size]
        return (output, *tree.map_structure(lambda n: (batch, n), list(sizes)))

    def compute_mask(self, sequences: Any, mask: Any = None) -> Any:
        output_mask = mask if self.return_sequences else None
        return [output_mask, *(None for _ in tree.flatten(self.state_size))] if self.return_state else output_mask

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "cell": serialize_keras_object(self.cell)}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> "RNN":
        if "cell" not in config:
            return cls(**config)
        cell = deserialize_keras_object(config["cell"], custom_objects=custom_objects, family="layers")
        return cls(**{**config, "cell": cell})


def _of_cell(name: str) -> Any:
    return property(lambda self: getattr(self.cell, name), doc=f"The cell's {name}.")


class BuiltInRNN(RNN):
    """Base of the walks whose cell is made from the layer's own arguments."""

    units, use_bias = _of_cell("units"), _of_cell("use_bias")
    activation, recurrent_activation = _of_cell("activation"), _of_cell("recurrent_activation")
    kernel_initializer, kernel_regularizer, kernel_constraint = (
        _of_cell("kernel_initializer"),
        _of_cell("kernel_regularizer"),
        _of_cell("kernel_constraint"),
    )
    recurrent_initializer, recurrent_regularizer, recurrent_constraint = (
        _of_cell("recurrent_initializer"),
        _of_cell("recurrent_regularizer"),
        _of_cell("recurrent_constraint"),
    )
    bias_initializer, bias_regularizer, bias_constraint = (
        _of_cell("bias_initializer"),
        _of_cell("bias_regularizer"),
        _of_cell("bias_constraint"),
    )
    dropout, recurrent_dropout = _of_cell("dropout"), _of_cell("recurrent_dropout")
    unit_forget_bias, reset_after = _of_cell("unit_forget_bias"), _of_cell("reset_after")

    def __init__(self, cell: type, cell_arguments: dict[str, Any], **kwargs: Any) -> None:
        cell_arguments["implementation"] = kwargs.pop("implementation", None)
        inherited = {key: kwargs[key] for key in ("dtype", "trainable") if key in kwargs}
        name = {LSTMCell: "lstm_cell", GRUCell: "gru_cell"}.get(cell, "simple_rnn_cell")
        super().__init__(cell(**cell_arguments, **inherited, name=name), **kwargs)

    def get_config(self) -> dict[str, Any]:
        config = {**Layer.get_config(self), "zero_output_for_mask": self.zero_output_for_mask}
        config.pop("use_cudnn", None)
        config.pop("implementation", None)
        return config


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

    def walk(self, sequences: Any, states: list, mask: Any, training: bool | None) -> tuple[Any, Any, list]:
        cell = self.cell
        usual = cell.activation is activations.tanh and cell.recurrent_activation is activations.sigmoid
        if not (usual and self.use_cudnn) or cell.recurrent_dropout or self.unroll or self.zero_output_for_mask:
            return super().walk(sequences, states, mask, training)
        input_masks, _ = cell._masks
        if input_masks:
            sequences = ops.multiply(sequences, ops.expand_dims(input_masks[0], 1))  # the same at every step
        outputs, h, c = backend.lstm(
            sequences,
            *states,
            mask=mask,
            kernel=cell.kernel,
            recurrent_kernel=cell.recurrent_kernel,
            bias=cell.bias,
            go_backwards=self.go_backwards,
        )
        return h, outputs, [h, c]


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
