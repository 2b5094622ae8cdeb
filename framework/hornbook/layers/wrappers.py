"""Layers around a layer: TimeDistributed, Bidirectional, SpectralNormalization."""

from collections.abc import Sequence
from typing import Any

from hornbook import backend, ops, tree
from hornbook.core.arguments import one_of, positive_integer
from hornbook.core.keras_tensor import KerasTensor
from hornbook.core.layer import Layer
from hornbook.core.registry import deserialize_keras_object, serialize_keras_object
from hornbook.core.scopes import AutocastScope

__all__ = ["Bidirectional", "SpectralNormalization", "TimeDistributed", "Wrapper"]


class Wrapper(Layer):
    """Base of the layers that hold another one and change what it does; a subclass writes `call`.

    Args:
        layer: the layer inside.

    Raises:
        ValueError: for anything else than a layer.

    >>> import numpy as np
    >>> from hornbook import layers
    >>> class Twice(layers.Wrapper):
    ...     def call(self, inputs):
    ...         return self.layer(self.layer(inputs))
    >>> Twice(layers.Rescaling(3.0))(np.array([1.0])).numpy()
    array([9.], dtype=float32)
    """

    def __init__(self, layer: Layer, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.layer = _layer(layer, type(self).__name__)

    def build(self, input_shape: Any = None) -> None:
        if not self.layer.built:
            self.layer.build(input_shape)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "layer": serialize_keras_object(self.layer)}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Any:
        layer = deserialize_keras_object(config["layer"], custom_objects=custom_objects, family="layers")
        return cls(**{**config, "layer": layer})


def _layer(layer: Any, wrapper: str) -> Layer:
    if not isinstance(layer, Layer):
        raise ValueError(f"{wrapper} goes around a layer, such as layers.Dense(8); got {layer!r}.")
    return layer


class TimeDistributed(Wrapper):
    """A layer applied to each step of a sequence, the same weights at all of them.

    output[:, t] = layer(inputs[:, t])

    Args:
        layer: the layer of one step.

    Call:
        inputs: (batch, time, ...).
        mask: (batch, time); the layer gets its column where it takes a mask.
        Returns (batch, time, ...), or a structure of these where the layer gives several outputs.

    Raises:
        ValueError: for an input of fewer than 3 axes.

    >>> import numpy as np
    >>> from hornbook import layers
    >>> layers.TimeDistributed(layers.Conv2D(4, 3))(np.ones((2, 5, 8, 8, 3))).shape
    TensorShape([2, 5, 6, 6, 4])
    """

    def __init__(self, layer: Layer, **kwargs: Any) -> None:
        super().__init__(layer, **kwargs)
        self.supports_masking = True

    def _step_shape(self, shape: Any) -> tuple:
        if not isinstance(shape, list | tuple) or len(shape) < 3 or any(isinstance(n, list | tuple) for n in shape):
            raise ValueError(
                "TimeDistributed takes one tensor of at least 3 axes, (batch, time, ...); got an input of shape "
                f"{shape}."
            )
        return (shape[0], *shape[2:])

    def build(self, input_shape: Any) -> None:
        super().build(self._step_shape(tuple(input_shape)))

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        self._step_shape(tuple(inputs.shape))
        more = {"training": training} if self.layer._call_signature.takes_training else {}
        masked = mask is not None and self.layer._call_signature.takes_mask

        def step(rows: Any) -> Any:
            x, *column = rows
            return self.layer(x, mask=column[0], **more) if column else self.layer(x, **more)

        over_time = (_swapped(inputs), _swapped(mask)) if masked else (_swapped(inputs),)
        return tree.map_structure(_swapped, backend.map(step, over_time))

    def compute_output_shape(self, input_shape: Sequence) -> Any:
        found = self.layer.compute_output_shape(self._step_shape(tuple(input_shape)))
        symbols = [found] if all(n is None or isinstance(n, int) for n in found) else found
        shapes = [(shape[0], input_shape[1], *shape[1:]) for shape in symbols]
        return shapes[0] if symbols is not found else type(found)(shapes)

    def compute_output_spec(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        step = KerasTensor(self._step_shape(tuple(inputs.shape)), inputs.dtype)
        return tree.map_structure(
            lambda x: KerasTensor((x.shape[0], inputs.shape[1], *x.shape[1:]), x.dtype),
            self.layer.compute_output_spec(step),
        )


def _swapped(x: Any) -> Any:
    """(batch, time, ...) <-> (time, batch, ...)"""
    return ops.transpose(x, (1, 0, *range(2, len(x.shape))))


class Bidirectional(Layer):
    """A recurrent layer run over a sequence in both directions.

    output[t] = merge(forward(inputs)[t], backward(inputs)[t])

    Args:
        layer: the recurrent layer; one is made like it that runs forward, and one that runs backward.
        merge_mode: how their outputs become one: "concat", "sum", "mul", "ave" (mean); None gives both.
        weights: arrays to start from, those of the forward layer first.
        backward_layer: the layer of the other direction, where it differs; its go_backwards must be the opposite.

    Call:
        sequences, mask, training: those of the layer.
        initial_state: the states of the forward layer, then of the backward one.
        Returns the output (two if merge_mode is None), then the states where the layer has return_state.

    Raises:
        ValueError: for another merge mode, and for two layers that do not go together.

    Source: Schuster & Paliwal 1997.

    >>> import numpy as np
    >>> from hornbook import layers
    >>> layers.Bidirectional(layers.LSTM(4, return_sequences=True))(np.ones((2, 5, 3))).shape
    TensorShape([2, 5, 8])
    """

    def __init__(
        self,
        layer: Layer,
        merge_mode: str | None = "concat",
        weights: Any = None,
        backward_layer: Layer | None = None,
        **kwargs: Any,
    ) -> None:
        _layer(layer, "Bidirectional")
        for other in (layer, *([] if backward_layer is None else [_layer(backward_layer, "Bidirectional")])):
            missing = [name for name in (*_SHARED, "go_backwards") if not hasattr(other, name)]
            if missing:
                raise TypeError(
                    f"Bidirectional goes around a recurrent layer, such as layers.LSTM(8); {other!r} has no {missing}."
                )
        super().__init__(**kwargs)
        self.merge_mode = one_of(merge_mode, ("sum", "mul", "ave", "concat", None), "merge_mode")
        name = layer.name.removeprefix("forward_")
        self.forward_layer: Any = _alike(layer, name=f"forward_{name}")
        if backward_layer is None:
            backward_layer = _alike(layer, name=f"backward_{layer.name}", go_backwards=not layer.go_backwards)
        self.backward_layer: Any = backward_layer
        for name in (*_SHARED, "go_backwards"):
            forward, backward = getattr(self.forward_layer, name), getattr(self.backward_layer, name)
            if (forward == backward) is (name == "go_backwards"):
                raise ValueError(
                    f"The two layers must {'differ' if name == 'go_backwards' else 'agree'} in {name}, got {forward} "
                    f"for the forward one and {backward} for the backward one."
                )
        self.stateful, self.return_sequences, self.return_state = (
            layer.stateful,
            layer.return_sequences,
            layer.return_state,
        )
        if self.return_sequences:  # else a masked step repeats the output before it, which differs by direction
            self.forward_layer.zero_output_for_mask = self.backward_layer.zero_output_for_mask = True
        self._start = weights
        self.supports_masking = True
        self.input_spec = layer.input_spec

    def build(self, sequences_shape: Sequence, initial_state_shape: Any = None) -> None:
        for layer in (self.forward_layer, self.backward_layer):
            if not layer.built:
                layer.build(sequences_shape)
        if self._start is not None:
            self.set_weights(self._start)

    @property
    def states(self) -> Any:
        """The states kept between batches, those of the forward layer first; None for a layer that keeps none."""
        if not self.forward_layer.states:
            return None
        return (*self.forward_layer.states, *self.backward_layer.states)

    def reset_state(self) -> None:
        """Let the next batch start from zeros, in both directions."""
        self.forward_layer.reset_state()
        self.backward_layer.reset_state()

    def reset_states(self) -> None:
        """The same as `reset_state`."""
        self.reset_state()

    def call(self, sequences: Any, initial_state: Any = None, mask: Any = None, training: bool | None = None) -> Any:
        states = [None, None]
        if initial_state is not None:
            half = len(initial_state) // 2
            states = [initial_state[:half], initial_state[half:]]
        more = {} if mask is None else {"mask": mask}
        forward, backward = (
            layer(sequences, training=training, **more, **({} if state is None else {"initial_state": state}))
            for layer, state in zip((self.forward_layer, self.backward_layer), states, strict=True)
        )
        new_states: tuple = ()
        if self.return_state:
            new_states = (*forward[1:], *backward[1:])
            forward, backward = forward[0], backward[0]
        if self.return_sequences:
            backward = ops.flip(backward, axis=1)  # its first step is the last of the sequence
        outputs = self._merged(forward, backward)
        return (*outputs, *new_states) if new_states or self.merge_mode is None else outputs[0]

    def _merged(self, forward: Any, backward: Any) -> tuple:
        if self.merge_mode is None:
            return forward, backward
        if self.merge_mode == "concat":
            return (ops.concatenate([forward, backward], axis=-1),)
        if self.merge_mode == "mul":
            return (ops.multiply(forward, backward),)
        total = ops.add(forward, backward)
        return (total if self.merge_mode == "sum" else ops.divide(total, 2),)

    def compute_output_shape(self, sequences_shape: Sequence, initial_state_shape: Any = None) -> Any:
        found = self.forward_layer.compute_output_shape(sequences_shape)
        output, states = (found[0], found[1:]) if self.return_state else (found, ())
        output = tuple(output)
        states = (*states, *(self.backward_layer.compute_output_shape(sequences_shape)[1:] if states else ()))
        if self.merge_mode is None:
            return (output, output, *states)
        if self.merge_mode == "concat":
            output = (*output[:-1], output[-1] * 2)
        return (output, *states) if states else output

    def compute_mask(self, sequences: Any, mask: Any = None) -> Any:
        if isinstance(mask, list):
            mask = mask[0]
        of_output = mask if self.return_sequences else None
        masks = [of_output, of_output] if self.merge_mode is None else [of_output]
        if self.return_state:
            masks += [None] * (2 * len(tree.flatten(self.forward_layer.state_size)))
        return masks if len(masks) > 1 else of_output

    def get_config(self) -> dict[str, Any]:
        config = {**super().get_config(), "layer": serialize_keras_object(self.forward_layer)}
        config["backward_layer"] = serialize_keras_object(self.backward_layer)
        del config["weights"]
        return config

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> "Bidirectional":
        config = dict(config)
        for key in ("layer", "backward_layer"):
            if config.get(key) is not None:
                config[key] = deserialize_keras_object(config[key], custom_objects=custom_objects, family="layers")
        return cls(**config)


_SHARED = ("stateful", "return_sequences", "return_state")  # what the two directions must agree in


def _alike(layer: Layer, **changes: Any) -> Layer:
    """A layer made with the same arguments but for `changes`; its weights are its own."""
    return type(layer).from_config({**layer.get_config(), **changes})


class SpectralNormalization(Wrapper):
    """A layer whose kernel is divided by its largest singular value, before each training step.

    v = normalize(u @ W^T),  u' = normalize(v @ W),  sigma = v @ W @ u'^T,  W' = W / sigma

    W is the kernel (or the table of an Embedding) with all axes but the last made one; the vector u is kept, so that a
    single iteration a step follows the singular vector closely.

    Args:
        layer: a layer with a kernel or embeddings.
        power_iterations: how often v and u are made anew at each step.

    Raises:
        ValueError: for a layer with neither, and for less than one iteration.

    Source: Miyato et al. 2018, https://arxiv.org/abs/1802.05957

    >>> import numpy as np
    >>> from hornbook import layers
    >>> layer = layers.SpectralNormalization(layers.Dense(2, kernel_initializer="ones"), power_iterations=5)
    >>> output = layer(np.ones((1, 2)), training=True)
    >>> print(np.linalg.norm(layer.layer.kernel.numpy(), 2).round(3))
    1.0
    """

    def __init__(self, layer: Layer, power_iterations: int = 1, **kwargs: Any) -> None:
        super().__init__(layer, **kwargs)
        self.power_iterations = positive_integer(power_iterations, "power_iterations")

    def build(self, input_shape: Any) -> None:
        super().build(input_shape)
        self.kernel: Any = getattr(self.layer, "kernel", getattr(self.layer, "embeddings", None))
        if self.kernel is None:
            raise ValueError(
                f"SpectralNormalization divides a kernel or embeddings, but {self.layer!r} has neither of them."
            )
        self.vector_u = self.add_weight(
            shape=(1, self.kernel.shape[-1]), initializer="truncated_normal", trainable=False, name="vector_u"
        )

    def call(self, inputs: Any, training: bool | None = False) -> Any:
        if training:
            u, kernel = self.normalized_weights()
            self.vector_u.assign(u)
            self.kernel.assign(kernel)
        return self.layer(inputs)

    def normalized_weights(self) -> tuple[Any, Any]:
        """(the next vector u, the kernel divided by its largest singular value)."""
        with AutocastScope(None):  # in the precision the weights are kept in
            kernel, u = ops.convert_to_tensor(self.kernel), ops.convert_to_tensor(self.vector_u)
            w = ops.reshape(kernel, (-1, kernel.shape[-1]))
            v = u
            for _ in range(self.power_iterations):
                v = ops.normalize(ops.matmul(u, ops.transpose(w)), epsilon=1e-12)
                u = ops.normalize(ops.matmul(v, w), epsilon=1e-12)
            u, v = ops.stop_gradient(u), ops.stop_gradient(v)
            sigma = ops.matmul(ops.matmul(v, w), ops.transpose(u))  # (1, 1)
            return u, ops.reshape(ops.divide(w, sigma), kernel.shape)

    def compute_output_shape(self, input_shape: Any) -> Any:
        return self.layer.compute_output_shape(input_shape)
