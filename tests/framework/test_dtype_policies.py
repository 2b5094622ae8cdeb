"""Dtype policies: of quantized layers, and maps from paths."""

import numpy as np
import pytest

import hornbook
from hornbook import dtype_policies, layers

MADE = [
    ("QuantizedDTypePolicy", ("int8", "float32"), {}),
    ("QuantizedDTypePolicy", ("int8", "mixed_bfloat16"), {}),
    ("QuantizedDTypePolicy", ("int4",), {}),
    ("QuantizedFloat8DTypePolicy", ("float8",), {}),
    ("QuantizedFloat8DTypePolicy", ("float8", "bfloat16"), {"amax_history_length": 8}),
    ("Int4DTypePolicy", ("int4/128", "float32"), {}),
    ("GPTQDTypePolicy", ("gptq/4/128", "float32"), {}),
    ("AWQDTypePolicy", ("awq/4/-1", "float32"), {}),
]
NAMES = [
    "int8_from_float32",
    "int4_from_float32",
    "int4/64_from_mixed_bfloat16",
    "float8_from_float32",
    "gptq/4/128_from_float32",
    "awq/4/128_from_float32",
]
READ = ("name", "compute_dtype", "variable_dtype", "quantization_mode")


@pytest.mark.parity
@pytest.mark.parametrize(("name", "args", "kwargs"), MADE, ids=[f"{row[0]}-{row[1][0]}" for row in MADE])
def test_policies_as_in_keras(name, args, kwargs):
    keras = pytest.importorskip("keras")
    ours, theirs = (getattr(d, name)(*args, **kwargs) for d in (dtype_policies, keras.dtype_policies))
    assert [getattr(ours, key) for key in READ] == [getattr(theirs, key) for key in READ]
    assert dtype_policies.serialize(ours) == keras.dtype_policies.serialize(theirs)
    assert dtype_policies.deserialize(keras.dtype_policies.serialize(theirs)) == ours
    assert str(ours) == str(theirs)


@pytest.mark.parity
@pytest.mark.parametrize("name", NAMES)
def test_names_as_in_keras(name):
    keras = pytest.importorskip("keras")
    ours, theirs = dtype_policies.get(name), keras.dtype_policies.get(name)
    assert type(ours).__name__ == type(theirs).__name__ and ours.get_config() == theirs.get_config()


@pytest.mark.parity
def test_a_map_as_in_keras():
    keras = pytest.importorskip("keras")

    def made(d):
        policies = d.DTypePolicyMap("float32", {"m/a": d.DTypePolicy("bfloat16")})
        policies[".*b"] = d.DTypePolicy("float16")
        return policies, [policies[path].name for path in ("m/a", "m/ab", "x", "b")]

    (ours, found), (theirs, expected) = made(dtype_policies), made(keras.dtype_policies)
    assert found == expected and dtype_policies.serialize(ours) == keras.dtype_policies.serialize(theirs)
    assert [getattr(ours, key) for key in READ] == [getattr(theirs, key) for key in READ]
    again = dtype_policies.deserialize(keras.dtype_policies.serialize(theirs))
    assert again["m/a"].name == "bfloat16" and again.get_config() == ours.get_config()


def test_layers_find_their_policy_by_their_path(tmp_path):
    policies = dtype_policies.DTypePolicyMap("float32", {"m/a": "bfloat16", "m/b": "mixed_bfloat16"})
    model = hornbook.Sequential(
        [hornbook.Input((3,)), *(layers.Dense(2, name=name, dtype=policies) for name in "abc")], name="m"
    )
    assert [layer.kernel.dtype for layer in model.layers] == ["bfloat16", "float32", "float32"]
    assert [layer.compute_dtype for layer in model.layers] == ["bfloat16", "bfloat16", "float32"]
    model.save(tmp_path / "m.keras")
    again = hornbook.saving.load_model(tmp_path / "m.keras")
    assert [layer.compute_dtype for layer in again.layers] == ["bfloat16", "bfloat16", "float32"]
    x = np.ones((2, 3), "float32")
    np.testing.assert_allclose(again(x), model(x))


def test_wrong_policies_teach():
    d = dtype_policies
    for call, message in [
        (lambda: d.QuantizedDTypePolicy("int9"), "Unknown quantization mode"),
        (lambda: d.QuantizedDTypePolicy("int8", "float16"), "sums overflow"),
        (lambda: d.Int4DTypePolicy("int4"), "<block_size>"),
        (lambda: d.Int4DTypePolicy("int4/0"), "positive integer"),
        (lambda: d.GPTQDTypePolicy("gptq/x/1"), "with integers"),
        (lambda: d.AWQDTypePolicy("awq/8/1"), "weight_bits"),
        (lambda: d.get("int8"), "int8_from_float32"),
    ]:
        with pytest.raises(ValueError, match=message):
            call()
    with pytest.raises(TypeError, match="amax_history_length"):
        d.QuantizedFloat8DTypePolicy("float8", amax_history_length="8")
    with pytest.raises(TypeError, match="policy_map"):
        d.DTypePolicyMap("float32", [1])
    policies = d.DTypePolicyMap(policy_map={".*a": "float16", "b.*": "bfloat16"})
    with pytest.raises(ValueError, match="matches several keys"):
        policies["ba"]
    with pytest.raises(ValueError, match="already"):
        policies[".*a"] = "float32"
