"""GPTQ and AWQ: against the formulas, against rounding to the nearest, and against Keras."""

import numpy as np
import pytest

import hornbook
from hornbook import layers, quantizers
from hornbook.quantization import calibrated

RNG = np.random.default_rng(0)


def correlated(rows, columns, samples=200):
    """A weight, and inputs that go together, as those inside a network do."""
    inputs = RNG.normal(size=(samples, rows // 4)) @ RNG.normal(size=(rows // 4, rows))
    return RNG.normal(size=(rows, columns)), inputs + 0.1 * RNG.normal(size=(samples, rows))


def error(inputs, weight, found):
    return float(np.mean((inputs @ (weight - found)) ** 2))


def read(q, scale, zero, group):
    return (q - zero[group]) * scale[group]


@pytest.mark.parametrize("group_size", [-1, 8])
@pytest.mark.parametrize(
    "kind", [{}, {"symmetric": True}, {"per_channel": False}, {"activation_order": True}, {"weight_bits": 3}]
)
def test_gptq_changes_the_outputs_less_than_rounding_to_the_nearest(kind, group_size):
    weight, x = correlated(32, 12)
    config = quantizers.GPTQConfig(None, None, group_size=group_size, **kind)
    q, scale, zero, group = calibrated.gptq(weight, 2 / len(x) * x.T @ x, config)
    kept = {key: value for key, value in kind.items() if key in ("symmetric", "per_channel")}
    plain = calibrated.rounded_to_nearest(weight, calibrated.groups_of(32, group_size), config.weight_bits, **kept)
    nearest = error(x, weight, read(*plain, calibrated.groups_of(32, group_size)))
    assert error(x, weight, read(q, scale, zero, group)) < 0.6 * nearest
    assert q.min() >= 0 and q.max() < 2**config.weight_bits


def test_gptq_solves_the_least_squares_that_the_paper_derives():
    """When one row is rounded, the best of all changes to the others is the one of the formula."""
    _, x = correlated(8, 1)
    hessian = x.T @ x
    factor = np.linalg.cholesky(np.linalg.inv(hessian)).T
    error_of_first = 0.3
    change = -error_of_first * factor[0, 1:] / factor[0, 0]  # of the others, when w_0 is lowered by 0.3
    best = np.linalg.lstsq(x[:, 1:], error_of_first * x[:, 0], rcond=None)[0]
    np.testing.assert_allclose(change, best, rtol=1e-6)


def test_blocks_of_rows_give_the_numbers_of_one_row_after_the_other(monkeypatch):
    weight, x = correlated(40, 6)
    factor = np.linalg.cholesky(np.linalg.inv(x.T @ x + np.eye(40))).T
    whole = calibrated.rounded_in_turn(weight, factor, -1, 4)
    monkeypatch.setattr(calibrated, "BLOCK", 16)
    for a, b in zip(calibrated.rounded_in_turn(weight, factor, -1, 4), whole, strict=True):
        np.testing.assert_allclose(a, b)


def test_awq_protects_the_rows_that_large_inputs_meet():
    weight, x = correlated(32, 12)
    x[:, :3] *= 30
    config = quantizers.AWQConfig(None, None, group_size=-1)
    q, scale, zero, s, group = calibrated.awq(weight, np.abs(x).max(axis=0), config)
    plain = calibrated.rounded_to_nearest(weight, group, 4)
    assert error(x, weight, read(q, scale, zero, group) / s[:, None]) < 0.5 * error(x, weight, read(*plain, group))


@pytest.mark.parity
def test_the_arithmetic_of_keras():
    keras = pytest.importorskip("keras")
    gptq, awq = (pytest.importorskip(f"keras.src.quantizers.{name}") for name in ("gptq", "awq"))
    weight, x = correlated(32, 12)
    inverse = np.linalg.inv(x.T @ x / len(x) + np.eye(32))
    quantizer = keras.src.quantizers.quantizers.GPTQQuantizer(keras.quantizers.GPTQConfig(None, None, group_size=-1))
    theirs = gptq.gptq_quantize_matrix(
        weight.T.astype("float32"), inverse.astype("float32"), compute_scale_zero=quantizer.find_params
    )
    ours = calibrated.rounded_in_turn(weight, inverse, -1, 4)  # Keras reads the inverse in the place of its factor
    for a, b in zip(ours, theirs[:3], strict=True):
        np.testing.assert_allclose(a.T, np.asarray(b), rtol=1e-4)

    largest = np.abs(x).max(axis=0)
    for size in (-1, 16):
        config = quantizers.AWQConfig(None, None, group_size=size)
        q, scale, zero, s, group = calibrated.awq(weight, largest, config)
        theirs = awq.awq_quantize_matrix(weight.T.astype("float32"), largest.astype("float32"), group_size=size)
        for a, b in zip((q.T, scale.T, zero.T, s, group), theirs, strict=True):
            np.testing.assert_allclose(a, np.asarray(b), rtol=1e-4)


class Block(layers.Layer):
    """x + o(q(x)), then x + u(relu(d(x)))."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.q = layers.EinsumDense("abc,cde->abde", (None, 2, 8), bias_axes="de", name="q")
        self.o = layers.EinsumDense("abde,dec->abc", (None, 16), bias_axes="c", name="o")
        self.d, self.u = layers.Dense(24, activation="relu", name="d"), layers.Dense(16, name="u")

    def call(self, x):
        x = x + self.o(self.q(x))
        return x + self.u(self.d(x))


def text_model():
    hornbook.utils.set_random_seed(0)
    tokens = hornbook.Input((12,), dtype="int32")
    table, blocks = layers.Embedding(30, 16, embeddings_initializer="normal"), [Block(), Block()]
    x = table(tokens)
    for block in blocks:
        x = block(x)
    model = hornbook.Model(tokens, layers.Dense(30, name="head")(x))
    return model, {"pre_block_layers": [table], "sequential_blocks": blocks}


@pytest.mark.parametrize("mode", ["gptq", "awq"])
def test_a_model_block_after_block_goes_through_a_file(mode, tmp_path):
    x = RNG.integers(0, 30, (32, 12))
    model, structure = text_model()
    before = model(x)
    config = (quantizers.GPTQConfig if mode == "gptq" else quantizers.AWQConfig)(
        ["a text of some words"] * 20,
        lambda text: RNG.integers(0, 30, 12),
        num_samples=20,
        sequence_length=12,
        group_size=8,
        quantization_layer_structure=structure,
    )
    model.quantize(mode, config=config)
    modes = {layer.name: layer.quantization_mode for layer in model._flatten_layers()}
    assert {modes[name] for name in "qodu"} == {mode} and modes["head"] is None
    after = np.asarray(model(x))
    assert np.mean((after - before) ** 2) < 0.05 * np.var(before)
    assert config.dataset is not None and structure["sequential_blocks"][0].q.quantization_config.dataset is None

    model.save(tmp_path / "m.keras")
    again = hornbook.saving.load_model(tmp_path / "m.keras", custom_objects={"Block": Block})
    np.testing.assert_allclose(again(x), after, rtol=1e-6)
    assert sum(w.dtype == "uint8" for w in again.weights) == sum(w.dtype == "uint8" for w in model.weights) == 16


@pytest.mark.parity
@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize(("mode", "bits"), [("gptq", 4), ("gptq", 8), ("awq", 4)])
def test_keras_opens_ours(mode, bits, tmp_path):
    """The reverse has nothing to open: Keras 3.15 leaves the zeros out of its file, and cannot read it either."""
    keras = pytest.importorskip("keras")
    x = RNG.integers(0, 30, (4, 6))

    def made(library):
        table = library.layers.Embedding(30, 16)
        first, last = library.layers.Dense(15, name="first"), library.layers.EinsumDense("abc,cd->abd", (None, 4))
        model = library.Sequential([library.Input((6,), dtype="int32"), table, first, last])
        kind = library.quantizers.GPTQConfig if mode == "gptq" else library.quantizers.AWQConfig
        kwargs = {"weight_bits": bits, "num_samples": 4, "sequence_length": 6, "group_size": -1}
        structure = {"pre_block_layers": [table], "sequential_blocks": [first, last]}
        config = kind(list(x), lambda text: text, quantization_layer_structure=structure, **kwargs)
        model.quantize(mode, config=config, filters=lambda layer: layer is not table)
        for layer in (first, last):
            layer.quantization_config = None  # Keras writes the structure's layers into each layer's config
        return model

    ours, theirs = made(hornbook), made(keras)
    describe = lambda model: [(w.path.split("/")[-1], tuple(w.shape), w.dtype) for w in model.weights]  # noqa: E731
    assert describe(ours) == describe(theirs)
    ours.save(tmp_path / "m.keras")
    again = keras.saving.load_model(tmp_path / "m.keras")
    np.testing.assert_allclose(again(x), ours(x), rtol=1e-5, atol=1e-6)


def test_a_model_of_arrays_is_one_block():
    hornbook.utils.set_random_seed(0)
    model = hornbook.Sequential([hornbook.Input((16,)), layers.Dense(20, activation="relu"), layers.Dense(3)])
    _, x = correlated(16, 1)
    x = x.astype("float32")
    before = np.asarray(model(x))
    model.quantize(config=quantizers.GPTQConfig(x, None, num_samples=200, group_size=-1))
    gptq = np.mean((np.asarray(model(x)) - before) ** 2)
    assert [layer.quantization_mode for layer in model.layers] == ["gptq", "gptq"]
    assert [layer.__dict__["call"].__name__ for layer in model.layers] == ["call", "call"]  # nobody watches any more
    assert gptq < 0.01 * np.var(before)


def test_what_cannot_be_calibrated_is_said():
    dense = layers.Dense(2)
    model = hornbook.Sequential([hornbook.Input((3,)), dense])
    config = quantizers.GPTQConfig(np.ones((4, 3), "float32"), None)
    for call, message in [
        (lambda: model.quantize("gptq"), "give quantize\\(\\) a config=GPTQConfig"),
        (lambda: dense.quantize("gptq", config=config), "call quantize\\(\\) on the model"),
        (lambda: model.quantize(config=quantizers.GPTQConfig("text", None)), "must be a list of texts"),
        (lambda: model.quantize(config=quantizers.GPTQConfig([], None)), "dataset is empty"),
        (lambda: model.quantize(config=quantizers.AWQConfig(["a"], None)), "needs a tokenizer"),
        (
            lambda: model.quantize(
                config=quantizers.AWQConfig([1.0], None, quantization_layer_structure={"pre_block_layers": []})
            ),
            "as 'sequential_blocks'",
        ),
    ]:
        with pytest.raises(ValueError, match=message):
            call()
    dense.enable_lora(2)
    with pytest.raises(ValueError, match="merge_lora\\(\\) before"):
        model.quantize(config=config)
    dense.merge_lora()
    model.quantize(config=config)
    with pytest.raises(NotImplementedError, match="cannot be merged"):
        dense.enable_lora(2)
