"""Low-rank corrections, against Keras."""

import copy
import pickle

import numpy as np
import pytest
import tensorflow as tf

import hornbook
from hornbook import layers, lora

RNG = np.random.default_rng(0)
KINDS = [
    ("Dense", (4,), {"activation": "relu"}, (None, 8)),
    ("Dense", (4,), {"use_bias": False, "dtype": "mixed_bfloat16"}, (None, 3, 8)),
    ("EinsumDense", ("abc,cde->abde", (None, 3, 4)), {"bias_axes": "de"}, (None, 2, 8)),
    ("Embedding", (10, 4), {}, (None, 3)),
    ("Conv2D", (4, 3), {}, (None, 6, 6, 3)),
    ("Conv1D", (4, 3), {}, (None, 6, 3)),
]
IDS = [f"{i}-{kind[0]}" for i, kind in enumerate(KINDS)]


def inputs(kind, shape):
    size = [5 if s is None else s for s in shape]
    return RNG.integers(0, 10, size) if kind == "Embedding" else RNG.normal(size=size).astype("float32")


def made(library, kind, args, kwargs, shape, **lora):
    layer = getattr(library.layers, kind)(*args, name="layer", **kwargs)
    layer.build(shape)
    layer.enable_lora(2, **lora)
    return layer


@pytest.mark.parity
@pytest.mark.parametrize(("kind", "args", "kwargs", "shape"), KINDS, ids=IDS)
def test_numbers_names_and_files_as_in_keras(kind, args, kwargs, shape):
    keras = pytest.importorskip("keras")
    ours, theirs = (made(library, kind, args, kwargs, shape, lora_alpha=3) for library in (hornbook, keras))
    values = [RNG.normal(size=w.shape).astype("float32") for w in ours.weights]
    for layer in (ours, theirs):
        layer.set_weights(values)
    describe = lambda layer: [(w.path, tuple(w.shape), w.trainable) for w in layer.weights]  # noqa: E731
    assert describe(ours) == describe(theirs)
    x = inputs(kind, shape)
    tolerance = 2e-2 if kwargs.get("dtype") else 1e-5
    np.testing.assert_allclose(
        np.asarray(ours(x), "float32"), np.asarray(theirs(x), "float32"), rtol=tolerance, atol=tolerance
    )
    assert ours.get_config() == theirs.get_config()

    stores = {}, {}
    for layer, store in zip((ours, theirs), stores, strict=True):
        layer.save_own_variables(store)
    assert list(stores[0]) == list(stores[1])
    for key in stores[0]:
        np.testing.assert_allclose(np.asarray(stores[0][key]), np.asarray(stores[1][key]), rtol=tolerance)
    again = made(hornbook, kind, args, kwargs, shape)
    again.load_own_variables({key: np.asarray(value) for key, value in stores[1].items()})
    np.testing.assert_allclose(
        np.asarray(again(x), "float32"), np.asarray(ours(x), "float32"), rtol=tolerance, atol=5 * tolerance
    )


def test_only_the_correction_is_trained_and_a_file_brings_it_back(tmp_path):
    model = hornbook.Sequential([hornbook.Input((8,)), layers.Dense(4, name="a"), layers.Dense(2, name="b")])
    x, y = RNG.normal(size=(16, 8)).astype("float32"), RNG.normal(size=(16, 2)).astype("float32")
    before = model(x)
    model.layers[0].enable_lora(2)
    np.testing.assert_allclose(model(x), before)
    frozen = model.layers[0].kernel.weight.numpy()
    model.compile("adam", "mse")
    losses = model.fit(x, y, epochs=5, verbose=0).history["loss"]
    assert losses[-1] < losses[0] and np.any(model.layers[0].lora_kernel_b.numpy())
    np.testing.assert_array_equal(model.layers[0].kernel.weight.numpy(), frozen)

    model.save(tmp_path / "m.keras")
    again = hornbook.saving.load_model(tmp_path / "m.keras")
    np.testing.assert_allclose(again(x), model(x), rtol=1e-5, atol=1e-6)
    assert again.layers[0].lora_enabled and again.layers[0].lora_rank == 2 and len(again.trainable_weights) == 5
    for twin in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        np.testing.assert_allclose(twin(x), model(x), rtol=1e-6)
        twin.layers[0].lora_kernel_b.assign(np.zeros((2, 4)))
        assert np.any(model.layers[0].lora_kernel_b.numpy()) and np.any(np.asarray(twin(x)) != np.asarray(model(x)))


@pytest.mark.parity
def test_keras_opens_ours_and_the_reverse(tmp_path):
    keras = pytest.importorskip("keras")
    x = RNG.normal(size=(4, 8)).astype("float32")
    for writer, reader in ((hornbook, keras), (keras, hornbook)):
        model = writer.Sequential([writer.Input((8,)), writer.layers.Dense(4)])
        model.layers[0].enable_lora(2)
        model.layers[0].lora_kernel_b.assign(np.ones((2, 4), "float32"))
        model.save(tmp_path / "m.keras")
        again = reader.saving.load_model(tmp_path / "m.keras")
        np.testing.assert_allclose(again(x), model(x), rtol=1e-5, atol=1e-6)
        assert again.layers[0].lora_enabled


def test_the_effective_weight_can_be_read():
    layer = made(hornbook, "Dense", (4,), {}, (None, 8))
    layer.lora_kernel_b.assign(np.ones((2, 4)))
    expected = layer.kernel.weight.numpy() + layer.lora_kernel_a.numpy() @ np.ones((2, 4))
    np.testing.assert_allclose(layer.kernel.numpy(), expected, rtol=1e-6)
    np.testing.assert_allclose(tf.convert_to_tensor(layer.kernel) + 0, layer.kernel + 0, rtol=1e-6)
    assert layer.kernel.shape == (8, 4) and layer.kernel.dtype == "float32"


@pytest.mark.parity
@pytest.mark.parametrize("kind", ["Dense", "Conv1D"])
def test_a_rank_can_be_given_at_first(kind):
    keras = pytest.importorskip("keras")
    args = (4,) if kind == "Dense" else (4, 3)
    ours, theirs = (getattr(library.layers, kind)(*args, name="layer", lora_rank=2) for library in (hornbook, keras))
    for layer in (ours, theirs):
        layer.build((None, 6, 3))
    assert [(w.path, tuple(w.shape)) for w in ours.weights] == [(w.path, tuple(w.shape)) for w in theirs.weights]
    assert ours.get_config() == theirs.get_config()


@pytest.mark.parametrize("mode", [None, "int8", "int4", "float8"])
@pytest.mark.parametrize("row", [KINDS[0], KINDS[2], KINDS[3], KINDS[4]], ids=lambda row: row[0])
def test_a_correction_is_merged_on_request(row, mode):
    if (mode is not None and row[0] == "Conv2D") or (mode, row[0]) == ("float8", "Embedding"):
        return
    layer = made(hornbook, *row)
    name = lora.large_weight(layer)
    for part in "ab":
        variable = getattr(layer, f"lora_{name}_{part}")
        variable.assign(0.3 * RNG.normal(size=variable.shape))
    if mode is not None:
        layer.quantize(mode)
    x = inputs(row[0], row[3])
    before, whole, count = np.asarray(layer(x)), np.asarray(layer.whole_weight()), len(layer.weights)
    layer.merge_lora()
    rough = {None: 1e-5, "int8": 0.02, "int4": 0.2, "float8": 1e-5}[mode]
    assert np.abs(np.asarray(layer(x)) - before).max() <= rough * np.abs(before).max()
    assert np.abs(np.asarray(layer.whole_weight()) - whole).max() <= rough * np.abs(whole).max()
    assert len(layer.weights) == count - 2 and not layer.lora_enabled and "lora_rank" not in layer.get_config()
    if mode in (None, "float8"):
        assert layer.__dict__[name].trainable
    with pytest.raises(ValueError, match="no LoRA correction to merge"):
        layer.merge_lora()
    if mode != "float8":
        layer.enable_lora(3)
        assert layer.lora_rank == 3 and len(layer.weights) == count


def test_a_merged_model_is_trained_and_saved_as_any_other(tmp_path):
    model = hornbook.Sequential([hornbook.Input((8,)), layers.Dense(4), layers.Dense(2)])
    x, y = RNG.normal(size=(16, 8)).astype("float32"), RNG.normal(size=(16, 2)).astype("float32")
    for layer in model.layers:
        layer.enable_lora(2)
    model.compile("adam", "mse")
    model.fit(x, y, epochs=3, verbose=0)
    before = model.predict(x, verbose=0)
    lora.merge(model)
    np.testing.assert_allclose(model.predict(x, verbose=0), before, rtol=1e-5, atol=1e-6)
    model.compile("adam", "mse")
    losses = model.fit(x, y, epochs=3, verbose=0).history["loss"]
    assert losses[-1] < losses[0] and len(model.trainable_weights) == 4
    model.save(tmp_path / "m.keras")
    np.testing.assert_allclose(hornbook.saving.load_model(tmp_path / "m.keras")(x), model(x), rtol=1e-6)


def test_what_cannot_be_adapted_is_said():
    layer = layers.Dense(3)
    with pytest.raises(ValueError, match="no weights yet"):
        layer.enable_lora(2)
    layer.build((None, 2))
    with pytest.raises(ValueError, match="`rank` must be a positive integer"):
        layer.enable_lora(0)
    layer.enable_lora(2)
    with pytest.raises(ValueError, match="already"):
        layer.enable_lora(2)
    assert not hasattr(layers.LayerNormalization(), "enable_lora")
