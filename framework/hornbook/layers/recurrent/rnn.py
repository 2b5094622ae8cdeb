"""RNN, the walk of a cell along a sequence, and the base of the walks that make their own cell."""

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

from hornbook import backend, ops, tree
from hornbook.core.global_state import to_snake_case
from hornbook.core.layer import InputSpec, Layer
from hornbook.core.registry import deserialize_keras_object, serialize_keras_object
from hornbook.core.variable import Variable
from hornbook.layers.recurrent.cells import (
    StackedRNNCells,
    check_cell,
    held_masks,
    initial_state_of,
    output_size_of,
    step_of,
)

__all__ = ["RNN"]


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

    loop_length: int | None = None  # the turns of the loop, where the shape of the sequences tells them
    has_fused_loop = False  # whether XLA can compile the loop by itself

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
        check_cell(cell)
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
        return initial_state_of(self.cell, batch_size, self.compute_dtype)

    def reset_state(self) -> None:
        """Let the next batch start from zeros."""
        for state in tree.flatten(self.states or []):
            state.assign(ops.zeros(state.shape, dtype=self.variable_dtype))

    def reset_states(self) -> None:
        """The same as `reset_state`."""
        self.reset_state()

    def call(self, sequences: Any, initial_state: Any = None, mask: Any = None, training: bool | None = False) -> Any:
        states = self._starting_states(sequences, initial_state)
        with held_masks(self.cell, sequences[:, 0], states, training):
            last_output, outputs, states = self.inner_loop(sequences, states, mask, training)
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
        wanted = [self._state_shape(size, sequences.shape) for size in tree.flatten(self.state_size)]
        given = [tuple(state.shape) for state in tree.flatten(states)]
        if len(given) != len(wanted) or not all(map(_fits, given, wanted)):
            raise ValueError(
                f"The cell's states have shapes {wanted}: initial_state must be a list of {len(wanted)} tensors of "
                f"these; got shapes {given}."
            )
        return states

    def _state_shape(self, size: int, sequences_shape: Sequence) -> tuple:
        """The shape of a state, or of the output of a step, that has `size` features."""
        return (sequences_shape[0], size)

    def inner_loop(
        self, sequences: Any, initial_state: list, mask: Any, training: bool | None = False
    ) -> tuple[Any, Any, list]:
        """The walk itself, which a subclass may replace by a faster one.

        Args:
            sequences: (batch, time, ...).
            initial_state: the states before the first step.
            mask: (batch, time), or None.
            training: whether the cell drops.

        Returns:
            (last output, outputs of all steps, last states).
        """

        self.loop_length = sequences.shape[1]

        def step(inputs: Any, flat: Sequence) -> tuple[Any, list]:
            output, new = step_of(self.cell, inputs, tree.pack_sequence_as(initial_state, flat), training)
            return output, tree.flatten(new)

        last_output, outputs, last_states = backend.rnn(
            step,
            sequences,
            tree.flatten(initial_state),
            go_backwards=self.go_backwards,
            mask=mask,
            unroll=self.unroll,
            zero_output_for_mask=self.zero_output_for_mask,
            return_all_outputs=self.return_sequences,
        )
        return last_output, outputs, tree.pack_sequence_as(initial_state, last_states)

    def compute_output_shape(self, sequences_shape: Sequence, initial_state_shape: Any = None) -> Any:
        batch, *step = self._state_shape(output_size_of(self.cell), sequences_shape)
        output = (batch, sequences_shape[1], *step) if self.return_sequences else (batch, *step)
        if not self.return_state:
            return output
        sizes = self.state_size if isinstance(self.state_size, list | tuple) else [self.state_size]
        return (output, *tree.map_structure(lambda size: self._state_shape(size, sequences_shape), list(sizes)))

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


def _fits(shape: Sequence, wanted: Sequence) -> bool:
    """Whether a shape is the one wanted, as far as both are known."""
    return len(shape) == len(wanted) and all(None in (a, b) or a == b for a, b in zip(shape, wanted, strict=True))


def of_cell(name: str) -> Any:
    """A property of a walk that its cell holds."""
    return property(lambda self: getattr(self.cell, name), doc=f"The cell's {name}.")


class BuiltInRNN(RNN):
    """Base of the walks whose cell is made from the layer's own arguments."""

    units, use_bias = of_cell("units"), of_cell("use_bias")
    activation, recurrent_activation = of_cell("activation"), of_cell("recurrent_activation")
    kernel_initializer, kernel_regularizer, kernel_constraint = (
        of_cell("kernel_initializer"),
        of_cell("kernel_regularizer"),
        of_cell("kernel_constraint"),
    )
    recurrent_initializer, recurrent_regularizer, recurrent_constraint = (
        of_cell("recurrent_initializer"),
        of_cell("recurrent_regularizer"),
        of_cell("recurrent_constraint"),
    )
    bias_initializer, bias_regularizer, bias_constraint = (
        of_cell("bias_initializer"),
        of_cell("bias_regularizer"),
        of_cell("bias_constraint"),
    )
    dropout, recurrent_dropout = of_cell("dropout"), of_cell("recurrent_dropout")
    unit_forget_bias, reset_after = of_cell("unit_forget_bias"), of_cell("reset_after")

    def __init__(self, cell: type, cell_arguments: dict[str, Any], **kwargs: Any) -> None:
        cell_arguments["implementation"] = kwargs.pop("implementation", None)
        inherited = {key: kwargs[key] for key in ("dtype", "trainable") if key in kwargs}
        super().__init__(cell(**cell_arguments, **inherited, name=to_snake_case(cell.__name__)), **kwargs)

    def get_config(self) -> dict[str, Any]:
        config = {
            **Layer.get_config(self),
            "unroll": self.unroll,
            "zero_output_for_mask": self.zero_output_for_mask,
        }
        config.pop("use_cudnn", None)
        config.pop("implementation", None)
        return config
