"""A cell is one step: what the built-in cells share, cells stacked as one, and how a walk handles any cell."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from hornbook import activations, constraints, initializers, ops, random, regularizers
from hornbook.core.arguments import known_sizes, positive_integer
from hornbook.core.layer import Layer
from hornbook.core.registry import deserialize_keras_object, serialize_keras_object
from hornbook.core.variable import Variable

__all__ = ["StackedRNNCells"]


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
        self._input_mask: Any = None
        self._state_mask: Any = None

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

    def _drawn(self, x: Any, rate: float) -> Any:
        if not rate:
            return None
        masks = [random.dropout(ops.ones_like(x), rate, seed=self.seed_generator) for _ in range(self._mask_count)]
        return masks if len(masks) > 1 else masks[0]

    @property
    def _mask_count(self) -> int:
        return self.gates if self.recurrent_dropout else 1

    def get_dropout_mask(self, step_input: Any) -> Any:
        """What the inputs are multiplied by: drawn once, the same until `reset_dropout_mask`.

        Args:
            step_input: the inputs of a step, (batch, ...).

        Returns:
            A tensor of that shape, or a list with one for each gate; None where nothing is dropped.
        """
        if self._input_mask is None:
            self._input_mask = self._drawn(step_input, self.dropout)
        return self._input_mask

    def get_recurrent_dropout_mask(self, step_input: Any) -> Any:
        """What the state is multiplied by: drawn once, the same until `reset_recurrent_dropout_mask`.

        Args:
            step_input: the state of a step, (batch, ...).

        Returns:
            A tensor of that shape, or a list with one for each gate; None where nothing is dropped.
        """
        if self._state_mask is None:
            self._state_mask = self._drawn(step_input, self.recurrent_dropout)
        return self._state_mask

    def reset_dropout_mask(self) -> None:
        """Let the next sequence draw a mask of the inputs of its own."""
        self._input_mask = None

    def reset_recurrent_dropout_mask(self) -> None:
        """Let the next sequence draw a mask of the state of its own."""
        self._state_mask = None

    def _dropout_masks(self, inputs: Any, state: Any, training: bool | None) -> tuple:
        """(masks of the inputs, masks of the state), each a tensor, a list or None."""
        if not training:
            return None, None
        return self.get_dropout_mask(inputs), self.get_recurrent_dropout_mask(state)

    def get_initial_state(self, batch_size: Any = None) -> list:
        """Zeros of shape (batch_size, units) for each state."""
        count = len(self.state_size) if isinstance(self.state_size, list) else 1
        return [ops.zeros((batch_size, self.units), dtype=self.compute_dtype) for _ in range(count)]


def project(x: Any, kernel: Any, masks: Any, product: Callable = ops.matmul, axis: int = -1) -> Any:
    """x @ kernel; with a mask for each gate, the gate's columns get x times its mask."""
    if masks is None:
        return product(x, kernel)
    if not isinstance(masks, list):
        return product(ops.multiply(x, masks), kernel)
    columns = ops.split(kernel, len(masks), axis=-1)
    gates = [product(ops.multiply(x, mask), part) for mask, part in zip(masks, columns, strict=True)]
    return ops.concatenate(gates, axis)


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
            check_cell(cell)
        self.cells = list(cells)

    @property
    def state_size(self) -> list:
        """The sizes of each cell's states."""
        return [list(c.state_size) if isinstance(c.state_size, list | tuple) else c.state_size for c in self.cells]

    @property
    def output_size(self) -> int:
        """The size of the last cell's output."""
        return output_size_of(self.cells[-1])

    def get_initial_state(self, batch_size: Any = None) -> list:
        """The initial states of each cell."""
        return [initial_state_of(cell, batch_size, self.compute_dtype) for cell in self.cells]

    def build(self, input_shape: Sequence) -> None:
        for cell in self.cells:
            if isinstance(cell, Layer) and not cell.built:
                cell.build(tuple(input_shape))
            input_shape = (input_shape[0], output_size_of(cell))

    def call(self, inputs: Any, states: Any, training: bool | None = False, **kwargs: Any) -> tuple:
        new_states = []
        for cell, state in zip(self.cells, states, strict=True):
            inputs, state = step_of(cell, inputs, state, training)
            new_states.append(state)
        return inputs, new_states

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "cells": [serialize_keras_object(cell) for cell in self.cells]}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> "StackedRNNCells":
        cells = [deserialize_keras_object(c, custom_objects=custom_objects, family="layers") for c in config["cells"]]
        return cls(**{**config, "cells": cells})


def check_cell(cell: Any) -> None:
    if not callable(getattr(cell, "call", None)) or not hasattr(cell, "state_size"):
        raise ValueError(
            "A cell needs a method call(inputs, states) -> (output, new states) and an attribute state_size, an "
            f"integer or a list of integers; got {cell!r}."
        )


def output_size_of(cell: Any) -> int:
    size = getattr(cell, "output_size", None)
    if size is None:
        size = cell.state_size[0] if isinstance(cell.state_size, list | tuple) else cell.state_size
    return size


def initial_state_of(cell: Any, batch_size: Any, dtype: str) -> list:
    if hasattr(cell, "get_initial_state"):
        state = cell.get_initial_state(batch_size=batch_size)
        return list(state) if isinstance(state, list | tuple) else [state]
    many = isinstance(cell.state_size, list | tuple)
    return [ops.zeros((batch_size, n), dtype=dtype) for n in (cell.state_size if many else [cell.state_size])]


def step_of(cell: Any, inputs: Any, states: list, training: bool | None) -> tuple[Any, list]:
    takes_training = isinstance(cell, Layer) and cell._call_signature.takes_training
    output, new_states = cell(inputs, states, training=training) if takes_training else cell(inputs, states)
    return output, list(new_states) if isinstance(new_states, list | tuple) else [new_states]


@contextlib.contextmanager
def held_masks(cell: Any, inputs: Any, states: Any, training: bool | None) -> Iterator[None]:
    """Inside, the cell (and those in it) use one draw of dropout masks, made here, for all steps of a sequence.

    They are drawn before the loop, as what is drawn inside of a compiled loop cannot be used by its next step.
    """
    with contextlib.ExitStack() as stack:
        if isinstance(cell, StackedRNNCells):
            for inner, state in zip(cell.cells, states, strict=True):
                stack.enter_context(held_masks(inner, inputs, state, training))
                inputs = state[0]
        elif isinstance(cell, BaseCell):
            for reset in (cell.reset_dropout_mask, cell.reset_recurrent_dropout_mask):
                reset()
                stack.callback(reset)
            cell._dropout_masks(inputs, states[0], training)
        yield
