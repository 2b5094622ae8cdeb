"""Dtype policies: in which float type a layer computes and in which it keeps its weights."""

from typing import Any

import numpy as np

from hornbook import backend
from hornbook.backend import config
from hornbook.core import global_state
from hornbook.core.keras_tensor import KerasTensor
from hornbook.core.operators import OPS
from hornbook.core.registry import Configurable, Family


class DTypePolicy(Configurable):
    """What dtype a layer computes in and what dtype its variables have.

    `"float32"` names one dtype for both; `"mixed_float16"` and `"mixed_bfloat16"` compute in the short type and
    keep float32 weights (Micikevicius et al. 2018, "Mixed Precision Training", https://arxiv.org/abs/1710.03740).

    Args:
        name: the policy's name; `floatx()` if None.
        source_name: accepted for signature's sake (the policy a quantized one came from).

    >>> import hornbook as keras
    >>> policy = keras.DTypePolicy("mixed_bfloat16")
    >>> policy.compute_dtype, policy.variable_dtype
    ('bfloat16', 'float32')
    """

    def __init__(self, name: str | None = None, source_name: str | None = None) -> None:
        name = config.floatx() if name is None else name
        if not isinstance(name, str):
            raise TypeError(f"A dtype policy is made from its name, such as 'mixed_bfloat16'; got {name!r}.")
        self._name = name
        if name.startswith("mixed_"):
            self._compute_dtype, self._variable_dtype = config.standardize_dtype(name.removeprefix("mixed_")), "float32"
            if self._compute_dtype not in ("float16", "bfloat16"):
                raise ValueError(f"Unknown policy {name!r}; the mixed ones are 'mixed_float16' and 'mixed_bfloat16'.")
        else:
            self._compute_dtype = self._variable_dtype = config.standardize_dtype(name)

    name = property(lambda self: self._name, doc="The name it was made from.")
    compute_dtype = property(lambda self: self._compute_dtype, doc="The dtype of inputs, arithmetic and outputs.")
    variable_dtype = property(lambda self: self._variable_dtype, doc="The dtype of weights.")
    quantization_mode = property(lambda self: None, doc="None: no quantization.")

    def convert_input(self, x: Any, autocast: bool, dtype: Any) -> Any:
        """What a layer makes of an input: a tensor or array of floats in `dtype`, if `autocast`; others as they are."""
        dtype = config.standardize_dtype(dtype)
        if isinstance(x, np.ndarray):
            x = backend.convert_to_tensor(x)
        if not autocast or not (backend.is_tensor(x) or isinstance(x, KerasTensor)):
            return x
        is_float = config.is_float_dtype(getattr(x.dtype, "name", x.dtype))
        if not is_float or config.standardize_dtype(x.dtype) == dtype:
            return x
        return OPS["cast"](x, dtype) if isinstance(x, KerasTensor) else backend.cast(x, dtype)

    def get_config(self) -> dict:
        """The constructor's arguments."""
        return {"name": self._name}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, DTypePolicy) and other.name == self.name

    def __hash__(self) -> int:
        return hash(self._name)

    def __repr__(self) -> str:
        return f'<DTypePolicy "{self._name}">'


FloatDTypePolicy = DTypePolicy


def dtype_policy() -> DTypePolicy:
    """The policy that layers get unless told otherwise.

    >>> import hornbook as keras
    >>> keras.config.dtype_policy().name
    'float32'
    """
    policy = global_state.get_global_attribute("dtype_policy")
    return DTypePolicy(config.floatx()) if policy is None else policy


def set_dtype_policy(policy: Any) -> None:
    """Choose the policy of all layers made from now on.

    >>> import hornbook as keras
    >>> keras.config.set_dtype_policy("mixed_bfloat16")
    >>> keras.layers.Dense(1).compute_dtype
    'bfloat16'
    >>> keras.config.set_dtype_policy("float32")
    """
    global_state.set_global_attribute("dtype_policy", get(policy))


family = Family(
    "dtype_policies",
    base=DTypePolicy,
    members={"DTypePolicy": DTypePolicy, "FloatDTypePolicy": DTypePolicy},
    module="keras",
    what="dtype policy",
)
deserialize = family.deserialize


def serialize(dtype_policy: Any) -> Any:
    """A dtype policy as a config, which `deserialize` reads back."""
    return family.serialize(dtype_policy)


def get(identifier: Any) -> DTypePolicy:
    """A policy from a name, a dtype, a config dictionary, a policy, or None (the global one).

    >>> import hornbook as keras
    >>> keras.dtype_policies.get("float16").compute_dtype
    'float16'
    """
    if identifier is None:
        return dtype_policy()
    if isinstance(identifier, DTypePolicy):
        return identifier
    if isinstance(identifier, dict):
        return deserialize(identifier)
    return DTypePolicy(identifier if isinstance(identifier, str) else config.standardize_dtype(identifier))
