"""Quantization, put around a layer from outside: `layer.quantize("int8")` and `model.quantize("int8")` come here.

products.py  what Dense, EinsumDense and Embedding compute, as far as scales have to know
integers.py  int8 and int4: weights of few bits, each output with a scale
calibrated.py  GPTQ and AWQ: weights of few bits, chosen by what goes into the layers
float8.py    float8: training with rounded inputs, kernels and gradients
"""

import copy
import re
from typing import Any

from hornbook import lora
from hornbook.core import dtype_policies
from hornbook.core.arguments import one_of
from hornbook.core.dtype_policies import QUANTIZATION_MODES
from hornbook.core.registry import deserialize_keras_object
from hornbook.layers.adaptable import Adaptable
from hornbook.layers.core import Dense, EinsumDense, Embedding, ReversibleEmbedding
from hornbook.quantization.calibrated import POWERS, InputStatistics, quantize_blocks
from hornbook.quantization.float8 import Float8
from hornbook.quantization.integers import Int4, Int4Blocks, Int4BlocksBack, Int8, Reversible
from hornbook.quantizers import (
    AWQConfig,
    Float8QuantizationConfig,
    GPTQConfig,
    Int4QuantizationConfig,
    Int8QuantizationConfig,
    QuantizationConfig,
)

__all__ = ["inner_powers", "quantize_layer", "quantize_model", "restore", "restore_inner"]

_CONFIGS = {"int8": Int8QuantizationConfig, "int4": Int4QuantizationConfig, "float8": Float8QuantizationConfig}
_CALIBRATED = {"gptq": GPTQConfig, "awq": AWQConfig}
_KINDS = (Dense, EinsumDense, Embedding, ReversibleEmbedding)


def quantize_layer(layer: Any, mode: str | None = None, type_check: bool = True, config: Any = None) -> None:
    """Replace what a layer computes; see `Layer.quantize`.

    >>> import hornbook as keras
    >>> layer = keras.layers.Dense(3)
    >>> layer.build((None, 4))
    >>> layer.quantize("int8")
    >>> [(w.path.split("/")[1], w.dtype) for w in layer.weights]
    [('bias', 'float32'), ('kernel', 'int8'), ('kernel_scale', 'float32')]
    """
    config = _chosen(mode, config)
    if config.mode in _CALIBRATED:
        raise ValueError(
            f"{config.mode} looks at what comes through a model: call quantize() on the model, with `filters` for the layer."
        )
    _quantize(layer, config, type_check)


def _quantize(layer: Any, config: Any, type_check: bool = True, seen: InputStatistics | None = None) -> None:
    if not _is_quantizable(layer, type_check):
        raise NotImplementedError(
            f"{type(layer).__name__} cannot be quantized: Dense, EinsumDense, Embedding and ReversibleEmbedding can"
            f"{', and subclasses with type_check=False' if isinstance(layer, Dense | EinsumDense | Embedding) else ''}."
        )
    if not layer.built:
        raise ValueError(f"Layer {layer.name!r} has no weights yet: build it, or call it on data, before quantize().")
    if layer.quantization_mode is not None:
        raise ValueError(f"Layer {layer.name!r} is quantized already, with the policy {layer.dtype_policy.name!r}.")
    if seen is not None and layer.lora_enabled:
        raise ValueError(f"Layer {layer.name!r} has a LoRA correction; call merge_lora() before quantize().")
    power = _power(layer, config, seen)
    source = layer._dtype_policy.name
    layer.dtype_policy = dtype_policies.get(f"{power.mode}_from_{source}")
    _put_around(layer, power, config)


def quantize_model(model: Any, mode: str | None = None, config: Any = None, filters: Any = None) -> None:
    """Quantize every layer inside a model that can be; see `Model.quantize`.

    >>> import hornbook as keras
    >>> model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3), keras.layers.Dense(2, name="head")])
    >>> model.quantize("int8", filters=lambda layer: layer.name != "head")
    >>> [layer.quantization_mode for layer in model.layers]
    ['int8', None]
    """
    config = _chosen(mode, config)
    chosen = _filter(filters)
    if not model.built:
        raise ValueError(f"Model {model.name!r} has no weights yet: build it, or call it on data, before quantize().")
    products_only = config.mode not in ("int8", "int4")

    def meant(layer: Any) -> bool:
        can = _is_quantizable(layer, type_check=True) and layer.quantization_mode is None
        return can and chosen(layer) and not (products_only and isinstance(layer, Embedding))

    if config.mode in _CALIBRATED:
        quantize_blocks(model, config, meant, lambda layer, seen: _quantize(layer, config, seen=seen))
    else:
        for layer in model._flatten_layers():
            if meant(layer):
                _quantize(layer, config)
    model._forget_compiled_steps()


def restore(layer: Any) -> None:
    """Put around a layer, once it has weights, what its config asks for: quantization by its dtype policy, LoRA."""
    mode = layer.quantization_mode if _is_quantizable(layer, type_check=False) else None
    wanted, layer._wanted_power = layer._wanted_power, {}
    if mode is not None and mode != "float8":
        _put_around_again(layer)
    if wanted:
        lora.enable(layer, a_initializer="he_uniform", b_initializer="zeros", **wanted)
    if mode == "float8":  # around the correction
        _put_around_again(layer)


def inner_powers(layer: Any) -> list[dict[str, Any]]:
    """What was put around the layers inside of a layer, for its build config: places in order of creation, and configs."""
    found = []
    for position, inner in enumerate(layer._flatten_layers(include_self=False)):
        if inner._power is not None:
            config = inner.get_config()
            kept = {key: config[key] for key in _KEPT if config.get(key) is not None}
            found.append({"position": position, "class_name": type(inner).__name__, **kept})
    return found


_KEPT = ("dtype", "quantization_config", "lora_rank", "lora_alpha")


def restore_inner(layer: Any, powers: list[dict[str, Any]]) -> None:
    """Put around the layers inside of a layer what `inner_powers` found."""
    inside = list(layer._flatten_layers(include_self=False))
    for power in powers:
        position = power["position"]
        inner = inside[position] if isinstance(position, int) and 0 <= position < len(inside) else None
        if inner is None or type(inner).__name__ != power["class_name"] or not isinstance(inner, Adaptable):
            raise ValueError(
                f"The file says that the {power['class_name']} at place {position} inside of layer {layer.name!r} is "
                f"quantized or has a correction, but there is {inner!r}."
            )
        if inner._power is not None:
            continue  # its own config said so
        inner.dtype_policy = dtype_policies.get(power["dtype"])
        if power.get("quantization_config") is not None:
            inner.quantization_config = deserialize_keras_object(power["quantization_config"], family="quantizers")
        if power.get("lora_rank") is not None:
            inner._wanted_power = {"rank": power["lora_rank"], "lora_alpha": power.get("lora_alpha")}
        if inner.built:
            restore(inner)


def _put_around_again(layer: Any) -> None:
    mode, policy = layer.quantization_mode, layer._dtype_policy
    config = layer.quantization_config
    if mode in _CALIBRATED:
        config = config or _CALIBRATED[mode](None, None)
        config.weight_bits, config.group_size = policy.weight_bits, policy.group_size
    config = config or _chosen(mode, None)
    if config.mode == "int4":
        config.block_size = getattr(policy, "block_size", -1)
    _put_around(layer, _power(layer, config), config)


def _chosen(mode: Any, config: Any) -> Any:
    """The config of a mode, or the one that is given."""
    if config is not None:
        if not isinstance(config, QuantizationConfig):
            raise ValueError(f"config must be a QuantizationConfig, such as Int8QuantizationConfig(), got {config!r}.")
        if mode is not None and mode != config.mode:
            raise ValueError(f"mode={mode!r} and a config for {config.mode!r} exclude each other; give one of them.")
        mode = config.mode
    if mode is None:
        raise ValueError("quantize() needs a mode, such as 'int8', or a config.")
    one_of(mode, QUANTIZATION_MODES, "mode")
    if mode in _CALIBRATED and config is None:
        raise ValueError(f"{mode} looks at examples: give quantize() a config={_CALIBRATED[mode].__name__}(...).")
    return _CONFIGS[mode]() if config is None else config


def _is_quantizable(layer: Any, type_check: bool) -> bool:
    return type(layer) in _KINDS if type_check else isinstance(layer, _KINDS)


def _power(layer: Any, config: Any, seen: InputStatistics | None = None) -> Any:
    if config.mode in _CALIBRATED:
        return POWERS[config.mode](layer, config, seen)
    if config.mode in ("int8", "int4"):
        blocks = config.mode == "int4" and config.block_size not in (None, -1)
        kind = Int8 if config.mode == "int8" else Int4Blocks if blocks else Int4
        if not isinstance(layer, ReversibleEmbedding):
            return kind(layer, config)
        back = Int4BlocksBack if blocks else kind
        return Reversible(
            layer, kind(layer, config), None if layer.tie_weights else back(layer, config, "reverse_embeddings")
        )
    if isinstance(layer, Embedding):
        raise NotImplementedError("An Embedding is quantized to 'int8' or 'int4'; float8 is for products.")
    return Float8(layer, config)


def _put_around(layer: Any, power: Any, config: Any) -> None:
    if config.mode in _CALIBRATED:  # what was looked at is not kept with the layer
        config = copy.copy(config)
        config.dataset = config.tokenizer = config.quantization_layer_structure = None
        power.config = config
    power.take_over()
    layer._power, layer.call, layer.quantization_config = power, power.call, config


def _filter(filters: Any) -> Any:
    """Whether a layer is meant, by regular expressions for its name or by a function of it."""
    if filters is None:
        return lambda layer: True
    if callable(filters):
        return filters
    patterns = [filters] if isinstance(filters, str) else filters
    if not isinstance(patterns, list | tuple) or not all(isinstance(pattern, str) for pattern in patterns):
        raise ValueError(f"filters must be a regular expression, a list of them, or a function, got {filters!r}.")
    return lambda layer: any(re.search(pattern, layer.name) for pattern in patterns)
