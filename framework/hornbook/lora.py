"""LoRA: a layer's large weight stays as it is, and a product of two thin matrices beside it is trained.

`layer.enable_lora(rank)` comes here. The layer's formula does not change: the weight it reads does.
"""

from collections.abc import Sequence
from typing import Any

from hornbook import backend, ops
from hornbook.core.arguments import positive_integer
from hornbook.core.operators import Operators
from hornbook.core.variable import Variable
from hornbook.layers.core import Embedding

__all__ = ["AdaptedWeight", "LowRank", "correction", "enable", "large_weight", "merge"]


class AdaptedWeight(backend.ValueHolder, Operators):
    """weight + (alpha / rank) a b, in the place of the weight.

    Args:
        weight: (..., columns), which training does not change.
        a: (..., rank).
        b: (rank, columns).
        scale: alpha / rank.
    """

    def __init__(self, weight: Variable, a: Variable, b: Variable, scale: float) -> None:
        self.weight, self.a, self.b, self.scale = weight, a, b, scale

    shape = property(lambda self: self.weight.shape, doc="The weight's.")
    ndim = property(lambda self: self.weight.ndim, doc="The weight's.")
    dtype = property(lambda self: self.weight.dtype, doc="The weight's.")

    @property
    def value(self) -> Any:
        """The sum, as a tensor."""
        return ops.add(self.weight, ops.multiply(ops.matmul(self.a, self.b), self.scale))

    def numpy(self) -> Any:
        """The sum, as an array."""
        return backend.convert_to_numpy(self.value)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        return self.numpy() if dtype is None else self.numpy().astype(dtype)


class LowRank:
    """What is around a layer with a correction: how it looks up rows, and how files keep it.

    A file holds the sum in the weight's place; a correction that is loaded starts at zero again.
    """

    def __init__(self, layer: Any, name: str, trainable: bool) -> None:
        self.layer, self.name, self.trainable = layer, name, trainable

    def call_embedding(self, inputs: Any, reverse: bool = False) -> Any:
        """embeddings[inputs] + (alpha / rank) a[inputs] b: the table itself is added up on the way back alone."""
        layer, table = self.layer, self.layer.embeddings
        if reverse:
            return type(layer).call(layer, inputs, reverse=True)
        ids = inputs if backend.is_int_dtype(inputs.dtype) else ops.cast(inputs, "int32")
        added = ops.multiply(ops.matmul(ops.take(table.a, ids, axis=0), table.b), table.scale)
        return ops.cast(ops.add(ops.take(table.weight, ids, axis=0), added), layer.compute_dtype)

    def stored(self) -> list[Variable]:
        """The variables that files hold: all but a and b."""
        whole = self.layer.__dict__[self.name]
        return [v for v in self.layer._own_variables() if v is not whole.a and v is not whole.b]

    def values(self) -> list[Any]:
        """What is written for them: the sum in the place of the weight."""
        whole = self.layer.__dict__[self.name]
        return [whole.numpy() if variable is whole.weight else variable for variable in self.stored()]

    def after_load(self) -> None:
        """The correction becomes zero: what was loaded holds it."""
        b = self.layer.__dict__[self.name].b
        b.assign(ops.zeros_like(b))

    def whole(self) -> Any:
        """The weight with the correction."""
        return self.layer.__dict__[self.name].value

    def merge(self) -> None:
        """Add the correction to the weight, and leave the layer as it was before."""
        layer, adapted = self.layer, self.layer.__dict__[self.name]
        adapted.weight.assign(adapted.value)
        adapted.weight.trainable = self.trainable
        setattr(layer, self.name, adapted.weight)
        drop_pair(layer, self.name)
        if layer._power is self:
            layer._power = None
            layer.__dict__.pop("call", None)


def large_weight(layer: Any) -> str:
    """The name of a layer's large weight."""
    return "embeddings" if isinstance(layer, Embedding) else "kernel"


def enable(layer: Any, rank: int, lora_alpha: float | None, a_initializer: Any, b_initializer: Any) -> None:
    """Put a correction of `rank` beside the layer's large weight; see `Adaptable.enable_lora`.

    >>> import hornbook as keras
    >>> layer = keras.layers.Dense(3)
    >>> layer.build((None, 4))
    >>> layer.enable_lora(2)
    >>> [(w.path.split("/")[1], w.shape, w.trainable) for w in layer.weights][2:]
    [('lora_kernel_a', (4, 2), True), ('lora_kernel_b', (2, 3), True)]
    """
    name = large_weight(layer)
    if not layer.built:
        raise ValueError(
            f"Layer {layer.name!r} has no weights yet: build it, or call it on data, before enable_lora()."
        )
    if layer.lora_enabled:
        raise ValueError(f"Layer {layer.name!r} has a LoRA correction already; there can be one.")
    if layer.quantization_mode == "float8":
        raise ValueError(f"Layer {layer.name!r} trains in float8; call enable_lora() before quantize('float8').")
    if layer.quantization_mode in ("gptq", "awq"):
        raise NotImplementedError(
            f"Layer {layer.name!r} has weights from {layer.quantization_mode}, which a correction cannot be merged into; "
            "quantize it to 'int8' or 'int4' instead."
        )
    layer.lora_rank = positive_integer(rank, "rank")
    layer.lora_alpha = rank if lora_alpha is None else lora_alpha
    shape = layer._power.weight_shape if layer._power is not None else layer.__dict__[name].shape
    add_pair(layer, name, shape, a_initializer, b_initializer)
    layer.lora_enabled = True
    if layer._power is None:
        wrap(layer, name)


def add_pair(layer: Any, name: str, shape: Sequence, a_initializer: Any, b_initializer: Any) -> None:
    """Give the layer the weights lora_<name>_a and lora_<name>_b for a large weight of this shape."""
    rank = layer.lora_rank
    for part, size, initializer in (("a", (*shape[:-1], rank), a_initializer), ("b", (rank, shape[-1]), b_initializer)):
        regularizer = getattr(layer, f"{name}_regularizer", None)
        title = f"lora_{name}_{part}"
        variable = layer.add_weight(size, initializer, regularizer=regularizer, name=title)
        setattr(layer, title, variable)


def wrap(layer: Any, name: str) -> None:
    """Let the layer read the sum where it read the weight."""
    weight, (a, b) = layer.__dict__[name], pair(layer, name)
    trainable, weight.trainable = weight.trainable, False
    setattr(layer, name, AdaptedWeight(weight, a, b, layer.lora_alpha / layer.lora_rank))
    layer._power = LowRank(layer, name, trainable)
    if isinstance(layer, Embedding):
        layer.call = layer._power.call_embedding


def pair(layer: Any, name: str) -> tuple[Variable, Variable]:
    """a and b."""
    return getattr(layer, f"lora_{name}_a"), getattr(layer, f"lora_{name}_b")


def correction(layer: Any, name: str) -> Any:
    """(alpha / rank) a b."""
    a, b = pair(layer, name)
    return ops.multiply(ops.matmul(a, b), layer.lora_alpha / layer.lora_rank)


def products_with_rows(layer: Any, name: str, x: Any) -> Any:
    """x ((alpha / rank) a b)^T."""
    a, b = pair(layer, name)
    thin = ops.matmul(ops.cast(x, "float32"), ops.transpose(b))
    return ops.multiply(ops.matmul(thin, ops.transpose(a)), layer.lora_alpha / layer.lora_rank)


def drop_pair(layer: Any, name: str) -> None:
    """Forget a and b."""
    gone = pair(layer, name)
    layer._own_weights = [v for v in layer._own_weights if v is not gone[0] and v is not gone[1]]
    for part in "ab":
        layer.__dict__.pop(f"lora_{name}_{part}", None)
    layer.lora_enabled, layer.lora_rank, layer.lora_alpha = False, None, None


def merge_layer(layer: Any) -> None:
    """Merge one layer's correction; see `Adaptable.merge_lora`."""
    if not layer.lora_enabled:
        raise ValueError(f"Layer {layer.name!r} has no LoRA correction to merge; enable_lora() makes one.")
    layer._power.merge()


def merge(model: Any) -> None:
    """Merge the corrections of all layers inside a model (or layer); it computes the same, with fewer weights.

    Training goes on after a new `compile`: the weights are others.

    Args:
        model: a model, or a layer.

    >>> import hornbook as keras
    >>> from hornbook import lora
    >>> model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    >>> model.layers[0].enable_lora(2)
    >>> lora.merge(model)
    >>> [w.name for w in model.trainable_weights]
    ['kernel', 'bias']
    """
    for layer in model._flatten_layers():
        if getattr(layer, "lora_enabled", False):
            merge_layer(layer)
    if hasattr(model, "_forget_compiled_steps"):
        model._forget_compiled_steps()
