"""Dtype policies: in which float type a layer computes and in which it keeps its weights."""

import re
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import contextmanager
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
        name: the policy's name; the global policy's if None.
        source_name: accepted for signature's sake (the policy a quantized one came from).

    >>> import hornbook as keras
    >>> policy = keras.DTypePolicy("mixed_bfloat16")
    >>> policy.compute_dtype, policy.variable_dtype
    ('bfloat16', 'float32')
    """

    _config_module: str
    _quantization_mode: str | None = None

    def __init__(self, name: str | None = None, source_name: str | None = None) -> None:
        name = dtype_policy().name if name is None else name
        if not isinstance(name, str):
            raise TypeError(f"A dtype policy is made from its name, such as 'mixed_bfloat16'; got {name!r}.")
        self._name = name
        self._compute_dtype, self._variable_dtype = _dtypes_of(name)

    name = property(lambda self: self._name, doc="The name it was made from.")
    compute_dtype = property(lambda self: self._compute_dtype, doc="The dtype of inputs, arithmetic and outputs.")
    variable_dtype = property(lambda self: self._variable_dtype, doc="The dtype of weights.")
    quantization_mode = property(lambda self: self._quantization_mode, doc='"int8", ...; None: no quantization.')

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
        return type(other) is type(self) and other.get_config() == self.get_config()

    def __hash__(self) -> int:
        return hash(self._name)

    def __repr__(self) -> str:
        return f'<{type(self).__name__} "{self._name}">'


def _dtypes_of(name: str) -> tuple[str, str]:
    """(compute dtype, variable dtype) of a policy's name."""
    if not name.startswith("mixed_"):
        dtype = config.standardize_dtype(name)
        return dtype, dtype
    compute = config.standardize_dtype(name.removeprefix("mixed_"))
    if compute not in ("float16", "bfloat16"):
        raise ValueError(f"Unknown policy {name!r}; the mixed ones are 'mixed_float16' and 'mixed_bfloat16'.")
    return compute, "float32"


QUANTIZATION_MODES = ("int8", "float8", "int4", "gptq", "awq")


class QuantizedDTypePolicy(DTypePolicy):
    """The policy of a quantized layer: how its weights are kept, and the dtypes of all the rest.

    Args:
        mode: "int8", "int4" or "float8".
        source_name: the policy the layer had before; the global one's if None.

    Raises:
        ValueError: for an unknown mode, and int8 or int4 beside float16, whose range is too small for their sums.

    >>> import hornbook as keras
    >>> policy = keras.dtype_policies.QuantizedDTypePolicy("int8", "mixed_bfloat16")
    >>> policy.name, policy.compute_dtype, policy.quantization_mode
    ('int8_from_mixed_bfloat16', 'bfloat16', 'int8')
    """

    _parts: tuple[str, ...] = ()  # the numbers a mode carries: "gptq/<weight_bits>/<group_size>"

    def __init__(self, mode: str, source_name: str | None = None) -> None:
        super().__init__(source_name)
        self._source_name, self._mode = self._name, mode
        kind, *numbers = str(mode).split("/")
        if len(numbers) != len(self._parts) or not all(re.fullmatch(r"-?[0-9]+", number) for number in numbers):
            wanted = "/".join([kind, *(f"<{part}>" for part in self._parts)])
            raise ValueError(
                f"The mode of a {type(self).__name__} has the form {wanted!r}, with integers; got {mode!r}."
            )
        if kind not in QUANTIZATION_MODES:
            raise ValueError(f"Unknown quantization mode {mode!r}; expected one of {QUANTIZATION_MODES}.")
        if kind in ("int8", "int4") and self._compute_dtype == "float16":
            raise ValueError(
                f"The mode {kind!r} does not go with compute dtype float16: its sums overflow. Use bfloat16."
            )
        self._quantization_mode = kind
        self._name = f"{mode}_from_{self._source_name}"
        for part, number in zip(self._parts, numbers, strict=True):
            setattr(self, part, int(number))

    def get_config(self) -> dict:
        """The constructor's arguments."""
        return {"mode": self._mode, "source_name": self._source_name}


def _check_group(policy: Any, size: int, part: str) -> None:
    if size < 1 and size != -1:
        raise ValueError(f"<{part}> of {policy.name!r} must be a positive integer, or -1 for all; got {size}.")


class Int4DTypePolicy(QuantizedDTypePolicy):
    """The policy of a layer with 4-bit weights in blocks: mode "int4/<block_size>".

    >>> import hornbook as keras
    >>> keras.dtype_policies.Int4DTypePolicy("int4/128", "float32").block_size
    128
    """

    _parts = ("block_size",)
    block_size: int

    def __init__(self, mode: str, source_name: str | None = None) -> None:
        super().__init__(mode, source_name)
        _check_group(self, self.block_size, "block_size")
        self.mode = self._quantization_mode


class GPTQDTypePolicy(QuantizedDTypePolicy):
    """The policy of a layer with weights from GPTQ: mode "gptq/<weight_bits>/<group_size>".

    >>> import hornbook as keras
    >>> policy = keras.dtype_policies.GPTQDTypePolicy("gptq/4/128", "float32")
    >>> policy.weight_bits, policy.group_size
    (4, 128)
    """

    _parts = ("weight_bits", "group_size")
    _allowed_bits: tuple[int, ...] = (2, 3, 4, 8)
    weight_bits: int
    group_size: int

    def __init__(self, mode: str, source_name: str | None = None) -> None:
        super().__init__(mode, source_name)
        if self.weight_bits not in self._allowed_bits:
            raise ValueError(f"<weight_bits> of {mode!r} must be one of {self._allowed_bits}, got {self.weight_bits}.")
        _check_group(self, self.group_size, "group_size")
        self.mode = self._quantization_mode


class AWQDTypePolicy(GPTQDTypePolicy):
    """The policy of a layer with weights from AWQ: mode "awq/4/<group_size>".

    >>> import hornbook as keras
    >>> keras.dtype_policies.AWQDTypePolicy("awq/4/64", "float32").quantization_mode
    'awq'
    """

    _allowed_bits = (4,)


class QuantizedFloat8DTypePolicy(QuantizedDTypePolicy):
    """The policy of a layer that trains in 8-bit floats.

    Args:
        mode: "float8".
        source_name: the policy the layer had before; the global one's if None.
        amax_history_length: how many steps the largest magnitudes are remembered.

    >>> import hornbook as keras
    >>> keras.dtype_policies.QuantizedFloat8DTypePolicy("float8", "float32", amax_history_length=16).name
    'float8_from_float32'
    """

    default_amax_history_length = 1024

    def __init__(
        self, mode: str, source_name: str | None = None, amax_history_length: int = default_amax_history_length
    ) -> None:
        super().__init__(mode, source_name)
        if not isinstance(amax_history_length, int):
            raise TypeError(f"amax_history_length must be an integer, got {amax_history_length!r}.")
        self._amax_history_length = amax_history_length

    amax_history_length = property(lambda self: self._amax_history_length, doc="Steps that are remembered.")

    def get_config(self) -> dict:
        """The constructor's arguments."""
        return {**super().get_config(), "amax_history_length": self._amax_history_length}


class DTypePolicyMap(DTypePolicy, MutableMapping):
    """The policies of the layers of a model, by their paths.

    A key is a path, or a regular expression for a whole one; paths that none matches get the default. Given to layers
    as `dtype`, each finds its own.

    Args:
        default_policy: the policy of all other layers; the global one if None.
        policy_map: path -> policy.

    Raises:
        TypeError: for a policy_map that is no dictionary.
        ValueError: for a key that is there already, and on look-up for a path that several keys match.

    >>> import hornbook as keras
    >>> policies = keras.dtype_policies.DTypePolicyMap("float32", {".*/head": keras.DTypePolicy("bfloat16")})
    >>> policies["model/head"].name, policies["model/body"].name
    ('bfloat16', 'float32')
    """

    def __init__(self, default_policy: Any = None, policy_map: Mapping[str, Any] | None = None) -> None:
        if policy_map is not None and not isinstance(policy_map, Mapping):
            raise TypeError(f"policy_map must be a dictionary from paths to policies, got {policy_map!r}.")
        self._given_default = default_policy
        self._default_policy = get(default_policy)
        self._policies: dict[str, DTypePolicy] = {}
        self.update(policy_map or {})

    default_policy = property(lambda self: self._default_policy, doc="The policy of paths that no key matches.")
    name = property(lambda self: f"map_{self._default_policy.name}", doc="The default policy's name with map_ before.")
    compute_dtype = property(lambda self: self._default_policy.compute_dtype, doc="The default policy's.")
    variable_dtype = property(lambda self: self._default_policy.variable_dtype, doc="The default policy's.")
    quantization_mode = property(lambda self: self._default_policy.quantization_mode, doc="The default policy's.")

    def __getitem__(self, key: str) -> DTypePolicy:
        if key in self._policies:
            return self._policies[key]
        matching = [pattern for pattern in self._policies if re.fullmatch(pattern, key)]
        if len(matching) > 1:
            raise ValueError(
                f"The path {key!r} matches several keys of the DTypePolicyMap: {matching}. Make them differ."
            )
        return self._policies[matching[0]] if matching else self._default_policy

    def __setitem__(self, key: str, policy: Any) -> None:
        if not isinstance(key, str):
            raise ValueError(f"A key of a DTypePolicyMap is a path in a string, got {key!r}.")
        if key in self._policies:
            raise ValueError(f"{key!r} is in the DTypePolicyMap already; delete it first to assign another policy.")
        self._policies[key] = get(policy)

    def __delitem__(self, key: str) -> None:
        del self._policies[key]

    def __contains__(self, key: object) -> bool:
        return key in self._policies

    def __len__(self) -> int:
        return len(self._policies)

    def __iter__(self) -> Iterator[str]:
        return iter(self._policies)

    def __hash__(self) -> int:
        return id(self)

    def __repr__(self) -> str:
        mapping = ", ".join(f"{key!r}: {policy.name!r}" for key, policy in self._policies.items())
        return f"<DTypePolicyMap default={self._default_policy.name!r}, {{{mapping}}}>"

    def get_config(self) -> dict:
        """The constructor's arguments."""
        given = self._given_default
        return {
            "default_policy": given.name if isinstance(given, DTypePolicy) else given,
            "policy_map": {key: serialize(policy) for key, policy in self._policies.items()},
        }

    @classmethod
    def from_config(cls, config: dict, custom_objects: Any = None) -> "DTypePolicyMap":
        """The map that `config` describes."""
        policies = {key: deserialize(value, custom_objects) for key, value in (config["policy_map"] or {}).items()}
        return cls(config["default_policy"], policies)


@contextmanager
def default_policy(policy: Any) -> Iterator[None]:
    """Inside, layers get this policy unless told otherwise; None leaves the policy as it is.

    >>> import hornbook as keras
    >>> from hornbook.core.dtype_policies import default_policy
    >>> with default_policy("bfloat16"):
    ...     layer = keras.layers.Dense(1)
    >>> layer.compute_dtype, keras.layers.Dense(1).compute_dtype
    ('bfloat16', 'float32')
    """
    before = global_state.get_global_attribute("dtype_policy")
    if policy is not None:
        set_dtype_policy(policy)
    try:
        yield
    finally:
        global_state.set_global_attribute("dtype_policy", before)


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


FloatDTypePolicy = DTypePolicy
_QUANTIZED = (QuantizedDTypePolicy, QuantizedFloat8DTypePolicy, Int4DTypePolicy, GPTQDTypePolicy, AWQDTypePolicy)
family = Family(
    "dtype_policies",
    base=DTypePolicy,
    members={
        **{cls.__name__: cls for cls in (DTypePolicy, DTypePolicyMap, *_QUANTIZED)},
        "FloatDTypePolicy": DTypePolicy,
    },
    what="dtype policy",
)
DTypePolicy._config_module = "keras"
QuantizedDTypePolicy._config_module = DTypePolicyMap._config_module = "keras.dtype_policies"
deserialize = family.deserialize


def serialize(dtype_policy: Any) -> Any:
    """A dtype policy as a config, which `deserialize` reads back.

    >>> import hornbook as keras
    >>> keras.dtype_policies.serialize(keras.dtype_policies.get("mixed_bfloat16"))["config"]
    {'name': 'mixed_bfloat16'}
    """
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
    if not isinstance(identifier, str):
        identifier = config.standardize_dtype(identifier)
    mode, found, source = identifier.partition("_from_")
    if not found:
        if identifier.split("/")[0] in ("gptq", "awq", "int4", "float8") or identifier == "int8":
            raise ValueError(f"The policy of a quantized layer names its source too: {identifier + '_from_float32'!r}.")
        return DTypePolicy(identifier)
    if "/" in mode:
        kinds = {"int4": Int4DTypePolicy, "gptq": GPTQDTypePolicy, "awq": AWQDTypePolicy}
        return kinds.get(mode.split("/")[0], QuantizedDTypePolicy)(mode, source)
    return (QuantizedFloat8DTypePolicy if mode == "float8" else QuantizedDTypePolicy)(mode, source)
