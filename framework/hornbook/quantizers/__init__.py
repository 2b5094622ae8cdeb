"""Numbers of few bits.

arithmetic.py  from floats to small integers and back, as functions
quantizers.py  the same as objects
configs.py     what `layer.quantize` and `model.quantize` are told
"""

from typing import Any

from hornbook.core.registry import Family
from hornbook.quantizers.arithmetic import (
    abs_max_quantize,
    abs_max_quantize_grouped_with_zero_point,
    compute_float8_amax_history,
    compute_float8_scale,
    fake_quant_with_min_max_vars,
    pack_int4,
    quantize_and_dequantize,
    unpack_int4,
)
from hornbook.quantizers.configs import (
    AWQConfig,
    Float8QuantizationConfig,
    GPTQConfig,
    Int4QuantizationConfig,
    Int8QuantizationConfig,
    QuantizationConfig,
)
from hornbook.quantizers.quantizers import AbsMaxQuantizer, Quantizer

_CONFIGS = (AWQConfig, Float8QuantizationConfig, GPTQConfig, Int4QuantizationConfig, Int8QuantizationConfig)
family = Family(
    "quantizers",
    base=object,
    members={cls.__name__: cls for cls in (AbsMaxQuantizer, Quantizer, QuantizationConfig, *_CONFIGS)},
)
serialize, deserialize = family.serialize, family.deserialize


def get(identifier: Any, **kwargs: Any) -> Any:
    """A quantizer from a name, a config, a class, or the object itself; None stays None.

    Args:
        identifier: what stands for it.
        **kwargs: arguments for its constructor, where it is made from a name or a class.

    Raises:
        ValueError: for a name nobody has.

    >>> from hornbook import quantizers
    >>> quantizers.get("abs_max_quantizer", axis=0).axis
    (0,)
    """
    if isinstance(identifier, dict):
        return deserialize(identifier)
    found = family.find(identifier) if isinstance(identifier, str) else identifier
    return found(**kwargs) if isinstance(found, type) else found


__all__ = [
    "AWQConfig",
    "AbsMaxQuantizer",
    "Float8QuantizationConfig",
    "GPTQConfig",
    "Int4QuantizationConfig",
    "Int8QuantizationConfig",
    "QuantizationConfig",
    "Quantizer",
    "abs_max_quantize",
    "abs_max_quantize_grouped_with_zero_point",
    "compute_float8_amax_history",
    "compute_float8_scale",
    "deserialize",
    "fake_quant_with_min_max_vars",
    "get",
    "pack_int4",
    "quantize_and_dequantize",
    "serialize",
    "unpack_int4",
]
