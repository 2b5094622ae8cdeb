"""Numbers of few bits, against Keras."""

import numpy as np
import pytest
import tensorflow as tf

from hornbook import quantizers

RNG = np.random.default_rng(0)
X = RNG.normal(size=(7, 4)).astype("float32")
NIBBLES = RNG.integers(-8, 8, (5, 3)).astype("int8")
CALLS = [
    ("abs_max_quantize", (X, 0), {}),
    ("abs_max_quantize", (X, [0, 1]), {"value_range": (-8, 7)}),
    ("abs_max_quantize", (X.astype("float16"), -1), {"to_numpy": True}),
    ("abs_max_quantize", (X * 0, 0), {}),
    ("abs_max_quantize_grouped_with_zero_point", (X, 7), {}),
    ("abs_max_quantize_grouped_with_zero_point", (X, 3), {}),
    ("abs_max_quantize_grouped_with_zero_point", (X, 100), {}),
    ("abs_max_quantize_grouped_with_zero_point", (X * 0 + 1, 4), {}),
    ("quantize_and_dequantize", (300 * X, np.float32(0.5), "float8_e4m3fn", "float32"), {}),
    ("quantize_and_dequantize", (X, np.float32(0.1), "float8_e5m2", "float32"), {}),
    ("compute_float8_scale", (np.float32(3.0), np.float32(1.0), 448.0), {"margin": 1}),
    ("compute_float8_scale", (np.float32(0.0), np.float32(2.0), 448.0), {}),
    ("compute_float8_scale", (np.float32(np.inf), np.float32(2.0), 448.0), {}),
    ("compute_float8_amax_history", (X, np.array([1.0, 2.0, 3.0], "float32")), {}),
    ("fake_quant_with_min_max_vars", (X, -1.0, 1.0), {}),
    ("fake_quant_with_min_max_vars", (X, -1.0, 1.5), {"num_bits": 4, "narrow_range": True}),
    ("fake_quant_with_min_max_vars", (X, [-1.0, -2.0, -0.5, -1.0], [1.0, 1.0, 1.0, 2.0]), {"axis": 1}),
    ("fake_quant_with_min_max_vars", (X.T, [-1.0, -2.0, -0.5, -1.0], [1.0, 1.0, 1.0, 2.0]), {"axis": 0}),
    ("pack_int4", (NIBBLES,), {}),
    ("pack_int4", (NIBBLES,), {"axis": -1}),
    ("pack_int4", ((NIBBLES + 8).astype("uint8"),), {"dtype": "uint8"}),
    ("unpack_int4", (RNG.integers(-128, 128, (3, 2)).astype("int8"), 5), {}),
    ("unpack_int4", (RNG.integers(0, 256, (3, 2)).astype("uint8"), 3), {"axis": 1, "dtype": "uint8"}),
]


@pytest.mark.parity
@pytest.mark.parametrize(("name", "args", "kwargs"), CALLS, ids=[f"{i}-{row[0]}" for i, row in enumerate(CALLS)])
def test_functions_as_in_keras(name, args, kwargs):
    keras = pytest.importorskip("keras")
    ours, theirs = (tf.nest.flatten(getattr(q, name)(*args, **kwargs)) for q in (quantizers, keras.quantizers))
    for a, b in zip(ours, theirs, strict=True):
        a, b = np.asarray(a), np.asarray(b)
        assert a.shape == b.shape and a.dtype == b.dtype
        np.testing.assert_allclose(a.astype("float64"), b.astype("float64"), rtol=1e-6)


@pytest.mark.parity
def test_gradients_of_fake_quantization_as_in_keras():
    keras = pytest.importorskip("keras")

    def gradients(library, dtype_of=tf.constant):
        x, low, high = tf.constant(X), tf.constant([-1.0, -2.0, -0.5, -1.0]), tf.constant([1.0, 1.0, 1.0, 2.0])
        with tf.GradientTape() as tape:
            tape.watch([x, low, high])
            y = tf.reduce_sum(library.fake_quant_with_min_max_vars(x, low, high, axis=1) ** 2)
        return tape.gradient(y, [x, low, high])

    for a, b in zip(gradients(quantizers), gradients(keras.quantizers), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5)


@pytest.mark.parity
def test_configs_as_in_keras():
    keras = pytest.importorskip("keras")

    def made(q):
        return [
            q.AbsMaxQuantizer(axis=0),
            q.AbsMaxQuantizer(value_range=(-8, 7)),
            q.Int8QuantizationConfig(),
            q.Int8QuantizationConfig(weight_quantizer=q.AbsMaxQuantizer(axis=0), activation_quantizer=None),
            q.Int4QuantizationConfig(block_size=-1),
            q.Float8QuantizationConfig(),
            q.GPTQConfig(["a"], None, weight_bits=8, group_size=-1),
            q.AWQConfig(["a"], None),
        ]

    for ours, theirs in zip(made(quantizers), made(keras.quantizers), strict=True):
        assert quantizers.serialize(ours) == keras.quantizers.serialize(theirs)
        assert getattr(ours, "mode", None) == getattr(theirs, "mode", None)
        again = quantizers.deserialize(keras.quantizers.serialize(theirs))
        assert again.get_config() == theirs.get_config()
        if hasattr(theirs, "dtype_policy_string"):
            assert ours.dtype_policy_string() == theirs.dtype_policy_string()


def test_nibbles_come_back():
    for axis in (0, 1):
        packed, _, size = quantizers.pack_int4(NIBBLES, axis=axis)
        np.testing.assert_array_equal(quantizers.unpack_int4(packed, size, axis=axis), NIBBLES)


def test_wrong_arguments_teach():
    for call, message in [
        (lambda: quantizers.pack_int4(NIBBLES, dtype="int32"), "dtype"),
        (lambda: quantizers.abs_max_quantize_grouped_with_zero_point(X, -1), "at least 1"),
        (lambda: quantizers.Int4QuantizationConfig(block_size=0), "block_size"),
        (lambda: quantizers.Int4QuantizationConfig(quantizers.AbsMaxQuantizer()), "Blocks have their own"),
        (lambda: quantizers.Int8QuantizationConfig(quantizers.AbsMaxQuantizer(output_dtype="int4")), "output_dtype"),
        (lambda: quantizers.GPTQConfig([], None, weight_bits=5), "weight_bits"),
        (lambda: quantizers.AWQConfig([], None, weight_bits=8), "weight_bits"),
        (lambda: quantizers.get("abs_max"), "Did you mean"),
    ]:
        with pytest.raises(ValueError, match=message):
            call()
    with pytest.raises(TypeError, match="takes an array of int8"):
        quantizers.pack_int4(X)
    with pytest.raises(NotImplementedError):
        quantizers.QuantizationConfig().mode  # noqa: B018
