"""Quantization, put around a layer from outside: `layer.quantize("int8")` and `model.quantize("int8")` come here.

products.py  what Dense, EinsumDense and Embedding compute, as far as scales have to know
integers.py  int8 and int4: weights of few bits, each output with a scale
float8.py    float8: training with rounded inputs, kernels and gradients
"""

import re
from typing import Any

from hornbook import lora
from hornbook.core import dtype_policies
from hornbook.core.arguments import one_of
from hornbook.core.dtype_policies import QUANTIZATION_MODES
from hornbook.layers.core import Dense, EinsumDense, Embedding
from hornbook.quantization.float8 import Float8
from hornbook.quantization.integers import Int4, Int4Blocks, Int8
from hornbook.quantizers import (
    Float8QuantizationConfig,
    Int4QuantizationConfig,
    Int8QuantizationConfig,
    QuantizationConfig,
)

__all__ = ["quantize_layer", "quantize_model", "restore"]

_CONFIGS = {"int8": Int8QuantizationConfig, "int4": Int4QuantizationConfig, "float8": Float8QuantizationConfig}


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
    if not _is_quantizable(layer, type_check):
        raise NotImplementedError(
            f"{type(layer).__name__} cannot be quantized: Dense, EinsumDense and Embedding can"
            f"{', and subclasses with type_check=False' if isinstance(layer, Dense | EinsumDense | Embedding) else ''}."
        )
    if not layer.built:
        raise ValueError(f"Layer {layer.name!r} has no weights yet: build it, or call it on data, before quantize().")
    if layer.quantization_mode is not None:
        raise ValueError(f"Layer {layer.name!r} is quantized already, with the policy {layer.dtype_policy.name!r}.")
    power = _power(layer, config)
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
    for layer in model._flatten_layers():
        can = _is_quantizable(layer, type_check=True) and layer.quantization_mode is None
        if can and chosen(layer) and not (config.mode == "float8" and isinstance(layer, Embedding)):
            quantize_layer(layer, config=config)
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


def _put_around_again(layer: Any) -> None:
    config = layer.quantization_config or _chosen(layer.quantization_mode, None)
    if config.mode == "int4":
        config.block_size = getattr(layer._dtype_policy, "block_size", -1)
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
    if mode not in _CONFIGS:
        raise NotImplementedError(f"The mode {mode!r} is not offered; choose one of {', '.join(_CONFIGS)}.")
    return _CONFIGS[mode]() if config is None else config


def _is_quantizable(layer: Any, type_check: bool) -> bool:
    kinds = (Dense, EinsumDense, Embedding)
    return type(layer) in kinds if type_check else isinstance(layer, kinds)


def _power(layer: Any, config: Any) -> Any:
    if config.mode == "int8":
        return Int8(layer, config)
    if config.mode == "int4":
        return Int4(layer, config) if config.block_size in (None, -1) else Int4Blocks(layer, config)
    if isinstance(layer, Embedding):
        raise NotImplementedError("An Embedding is quantized to 'int8' or 'int4'; float8 is for products.")
    return Float8(layer, config)


def _put_around(layer: Any, power: Any, config: Any) -> None:
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
