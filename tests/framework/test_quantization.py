"""Quantized layers and models, against Keras."""

import copy

import numpy as np
import pytest

import hornbook
from hornbook import layers, quantizers

RNG = np.random.default_rng(0)
KINDS = [
    ("Dense", (5,), {"activation": "relu"}, (None, 8)),
    ("Dense", (4,), {"use_bias": False}, (None, 3, 20)),
    ("EinsumDense", ("abc,cde->abde", (None, 3, 4)), {"bias_axes": "de"}, (None, 2, 8)),
    ("EinsumDense", ("abde,dec->abc", (None, 6)), {"bias_axes": "c"}, (None, 2, 3, 4)),
    ("Embedding", (10, 5), {}, (None, 3)),
]
MODES = {
    "int8": lambda q: q.Int8QuantizationConfig(),
    "int8-weights": lambda q: q.Int8QuantizationConfig(activation_quantizer=None),
    "int4": lambda q: q.Int4QuantizationConfig(),
    "int4-blocks": lambda q: q.Int4QuantizationConfig(block_size=4),
    "int4-channels": lambda q: q.Int4QuantizationConfig(block_size=None),
    "float8": lambda q: q.Float8QuantizationConfig(),
}
ROWS = [(kind, mode) for mode in MODES for kind in KINDS if (mode, kind[0]) != ("float8", "Embedding")]


def inputs(kind, shape):
    size = [5 if s is None else s for s in shape]
    return RNG.integers(0, 10, size) if kind == "Embedding" else RNG.normal(size=size).astype("float32")


def pair(keras, kind, args, kwargs, shape):
    ours, theirs = (getattr(library.layers, kind)(*args, name="layer", **kwargs) for library in (hornbook, keras))
    for layer in (ours, theirs):
        layer.build(shape)
    values = [RNG.normal(size=w.shape).astype("float32") for w in ours.weights]
    for layer in (ours, theirs):
        layer.set_weights(values)
    return ours, theirs


def described(layer):
    return [(w.path, tuple(w.shape), w.dtype, w.trainable) for w in layer.weights]


def stored(layer):
    store = {}
    layer.save_own_variables(store)
    return {key: np.asarray(value) for key, value in store.items()}


@pytest.mark.parity
@pytest.mark.parametrize(("row", "mode"), ROWS, ids=[f"{mode}-{kind[0]}-{kind[1][0]}" for kind, mode in ROWS])
def test_numbers_weights_and_files_as_in_keras(row, mode):
    keras = pytest.importorskip("keras")
    kind, args, kwargs, shape = row
    ours, theirs = pair(keras, *row)
    x = inputs(kind, shape)
    before = np.asarray(ours(x))
    ours.quantize(config=MODES[mode](quantizers))
    theirs.quantize(config=MODES[mode](keras.quantizers))
    assert described(ours) == described(theirs)
    assert ours.get_config() == theirs.get_config() and ours.quantization_mode == theirs.quantization_mode
    np.testing.assert_allclose(np.asarray(ours(x)), np.asarray(theirs(x)), rtol=1e-5, atol=1e-5)
    size = np.abs(before).max()
    assert np.abs(np.asarray(ours(x)) - before).max() < size * {"int8": 0.02, "float": 0.1}.get(
        mode[:5][:4] + mode[4:5], 0.3
    )

    ours_stored, theirs_stored = stored(ours), stored(theirs)
    assert list(ours_stored) == list(theirs_stored)
    for key, value in theirs_stored.items():
        assert ours_stored[key].dtype == value.dtype
        np.testing.assert_allclose(ours_stored[key].astype("float32"), value.astype("float32"), rtol=1e-6)
    again = type(ours).from_config(theirs.get_config())
    again.build(shape)
    assert described(again) == described(ours)
    again.load_own_variables(theirs_stored)
    np.testing.assert_allclose(np.asarray(again(x)), np.asarray(ours(x)), rtol=1e-6)


@pytest.mark.parity
@pytest.mark.parametrize("mode", ["int8", "int4", "int4-channels"])
@pytest.mark.parametrize("row", [KINDS[0], KINDS[2], KINDS[-1]], ids=lambda row: row[0])
@pytest.mark.parametrize("lora_first", [True, False])
def test_with_a_correction_as_in_keras(row, mode, lora_first):
    keras = pytest.importorskip("keras")
    ours, theirs = pair(keras, *row)
    for layer, q in ((ours, quantizers), (theirs, keras.quantizers)):
        if lora_first:
            layer.enable_lora(2, lora_alpha=3)
        layer.quantize(config=MODES[mode](q))
        if not lora_first:
            layer.enable_lora(2, lora_alpha=3)
    assert described(ours) == described(theirs)
    name = "embeddings" if row[0] == "Embedding" else "kernel"
    for part in "ab":
        value = RNG.normal(size=getattr(ours, f"lora_{name}_{part}").shape).astype("float32")
        for layer in (ours, theirs):
            getattr(layer, f"lora_{name}_{part}").assign(value)
    x = inputs(row[0], row[3])
    np.testing.assert_allclose(np.asarray(ours(x)), np.asarray(theirs(x)), rtol=1e-5, atol=1e-5)
    ours_stored, theirs_stored = stored(ours), stored(theirs)
    for key, value in theirs_stored.items():
        np.testing.assert_allclose(ours_stored[key].astype("float32"), value.astype("float32"), rtol=1e-5)


@pytest.mark.parity
@pytest.mark.filterwarnings("ignore::UserWarning")  # Keras names each layer that cannot be quantized
def test_training_in_float8_as_in_keras():
    keras = pytest.importorskip("keras")
    x, y = RNG.normal(size=(64, 8)).astype("float32"), RNG.normal(size=(64, 4)).astype("float32")
    start = [RNG.normal(size=(8, 4)).astype("float32"), np.zeros(4, "float32")]

    def trained(library):
        layer = library.layers.Dense(4)
        model = library.Sequential([library.Input((8,)), layer])
        model.set_weights(start)
        model.quantize("float8")
        model.compile(library.optimizers.SGD(0.1), "mse")
        losses = model.fit(x, y, batch_size=16, epochs=2, shuffle=False, verbose=0).history["loss"]
        return losses, [w.numpy() for w in layer.weights]

    (ours, our_weights), (theirs, their_weights) = trained(hornbook), trained(keras)
    np.testing.assert_allclose(ours, theirs, rtol=1e-5)
    for a, b in zip(our_weights, their_weights, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize(
    ("short", "long"),
    [(("...a,ab->...b", (5,)), ("xta,ab->xtb", (None, 5))), (("ab...,bc->ac...", (8,)), ("abt,bc->act", (8, 5)))],
)
def test_an_ellipsis_stands_for_axes(short, long):
    x, found, kernel = RNG.normal(size=(2, 8, 5)).astype("float32"), [], None
    for equation in (short, long):
        layer = layers.EinsumDense(*equation)
        layer.build(x.shape)
        kernel = RNG.normal(size=layer.kernel.shape) if kernel is None else kernel
        layer.set_weights([kernel])
        layer.quantize("int8")
        found.append(np.asarray(layer(x)))
    np.testing.assert_allclose(*found, rtol=1e-6)


def network():
    return hornbook.Sequential(
        [
            hornbook.Input((8,)),
            layers.Dense(16, activation="relu", name="first"),
            layers.LayerNormalization(),
            layers.Dense(2, use_bias=False, name="head"),
        ]
    )


@pytest.mark.parametrize("mode", ["int8", "int4", "float8"])
def test_a_quantized_model_goes_through_a_file(mode, tmp_path):
    model, x = network(), RNG.normal(size=(6, 8)).astype("float32")
    model.quantize(mode)
    assert [layer.quantization_mode for layer in model.layers] == [mode, None, mode]
    model.save(tmp_path / "m.keras")
    again = hornbook.saving.load_model(tmp_path / "m.keras")
    for twin in (again, copy.deepcopy(model)):
        np.testing.assert_allclose(twin(x), model(x), rtol=1e-6)
        assert described(twin.layers[0])[0][1:] == described(model.layers[0])[0][1:]
    np.testing.assert_allclose(model.predict(x, verbose=0), model(x), rtol=1e-5, atol=1e-6)


@pytest.mark.parity
@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("mode", ["int8", "int4", "float8"])
def test_keras_opens_ours_and_the_reverse(mode, tmp_path):
    keras = pytest.importorskip("keras")
    x = RNG.normal(size=(4, 8)).astype("float32")
    for writer, reader in ((hornbook, keras), (keras, hornbook)):
        model = writer.Sequential([writer.Input((8,)), writer.layers.Dense(4)])
        model.quantize(mode)
        model.save(tmp_path / "m.keras")
        again = reader.saving.load_model(tmp_path / "m.keras")
        np.testing.assert_allclose(again(x), model(x), rtol=1e-5, atol=1e-6)
        assert again.layers[0].quantization_mode == mode


def reversible(library, tied):
    inputs, table = library.Input((5,), dtype="int32"), library.layers.ReversibleEmbedding(12, 6, tied, name="table")
    return library.Model(inputs, table(library.layers.Dense(6, name="dense")(table(inputs)), reverse=True))


@pytest.mark.parity
@pytest.mark.filterwarnings("ignore::UserWarning")  # Keras names each layer that cannot be quantized
@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("mode", ["int8", "int8-weights", "int4", "int4-blocks", "int4-channels"])
def test_a_reversible_table_as_in_keras(mode, tied, tmp_path):
    keras = pytest.importorskip("keras")
    models = {library: reversible(library, tied) for library in (hornbook, keras)}
    values = [RNG.normal(size=w.shape) for w in models[hornbook].weights]
    x = RNG.integers(0, 12, (4, 5))
    before = None
    for library, model in models.items():
        model.set_weights(values)
        before = np.asarray(model(x))
        model.quantize(config=MODES[mode](library.quantizers))
    found = {library: np.asarray(model(x)) for library, model in models.items()}
    ours, theirs = ([(w.path.split("/", 1)[1], w.shape, w.dtype) for w in model.weights] for model in models.values())
    assert [(p, tuple(s), d) for p, s, d in ours] == [(p, tuple(s), d) for p, s, d in theirs]
    np.testing.assert_allclose(found[hornbook], found[keras], rtol=1e-5, atol=1e-5)
    assert np.abs(found[hornbook] - before).max() < np.abs(before).max() * (0.05 if "int8" in mode else 0.5)
    for writer, reader in ((hornbook, keras), (keras, hornbook)):
        models[writer].save(tmp_path / "m.keras")
        again = reader.saving.load_model(tmp_path / "m.keras")
        np.testing.assert_allclose(again(x), found[writer], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("mode", [None, "int8", "int4"])
def test_a_correction_of_a_reversible_table_counts_both_ways(mode, tied):
    model = reversible(hornbook, tied)
    table, x = model.get_layer("table"), RNG.integers(0, 12, (4, 5))
    if mode is not None:
        model.quantize(mode)
    table.enable_lora(2)
    for part in "ab":
        variable = getattr(table, f"lora_embeddings_{part}")
        variable.assign(RNG.normal(size=variable.shape))
    vectors = RNG.normal(size=(4, 6)).astype("float32")
    whole = np.asarray(table.whole_weight())
    np.testing.assert_allclose(table(x), whole[x], rtol=1e-4, atol=1e-5)
    if tied:
        rough = 0.02 if mode == "int8" else 1e-4  # whose inputs are rounded
        logits = vectors @ whole.T
        assert np.abs(table(vectors, reverse=True) - logits).max() < rough * np.abs(logits).max()


@pytest.mark.parametrize("mode", ["int8", "int4", "int4-channels"])
def test_a_table_takes_texts_of_any_length(mode):
    model = hornbook.Sequential([hornbook.Input((None,), dtype="int32"), layers.Embedding(12, 5)])
    model.quantize(config=MODES[mode](quantizers))
    x = RNG.integers(0, 12, (3, 4))
    np.testing.assert_allclose(model.predict(x, verbose=0), model(x), rtol=1e-6)


class Own(layers.Layer):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.attention = layers.MultiHeadAttention(2, 4)
        self.blocks = [layers.Dense(8), layers.Dense(8)]

    def call(self, x):
        return self.blocks[1](self.blocks[0](self.attention(x, x)))


class OwnModel(hornbook.Model):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.own, self.head = Own(), layers.Dense(2)

    def call(self, x):
        return self.head(self.own(x))


@pytest.mark.parametrize("mode", ["int8", "int4", "float8"])
@pytest.mark.parametrize("kind", ["functional", "subclass"])
def test_layers_inside_of_layers_go_through_a_file(kind, mode, tmp_path):
    x = RNG.normal(size=(2, 3, 8)).astype("float32")
    if kind == "subclass":
        model = OwnModel()
        model(x)
    else:
        inputs = hornbook.Input((3, 8))
        bare = layers.TimeDistributed(layers.Dense(2))(Own()(inputs))
        model = hornbook.Model(inputs, bare)
    model.quantize(mode)
    inner = next(layer for layer in model._flatten_layers() if isinstance(layer, Own)).blocks[0]
    inner.enable_lora(2, 3.0) if mode != "float8" else None
    model.save(tmp_path / "m.keras")
    again = hornbook.saving.load_model(tmp_path / "m.keras", custom_objects={"Own": Own, "OwnModel": OwnModel})
    for one, other in zip(again._flatten_layers(), model._flatten_layers(), strict=True):
        if hasattr(one, "whole_weight"):
            np.testing.assert_allclose(one.whole_weight(), other.whole_weight(), rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(again(x), model(x), atol=1e-3)  # where an input is rounded the last bit can count
    modes = [[layer.quantization_mode for layer in m._flatten_layers()] for m in (again, model)]
    assert modes[0] == modes[1] and modes[0].count(mode) == 7
    found = next(layer for layer in again._flatten_layers() if isinstance(layer, Own)).blocks[0]
    assert (found.lora_enabled, found.lora_alpha) == (inner.lora_enabled, inner.lora_alpha)


def test_a_file_that_names_other_layers_inside_is_refused():
    own = Own()
    own.build((None, 3, 8))
    config = {"input_shape": (None, 3, 8), "powers": [{"position": 0, "class_name": "Dense", "dtype": "float32"}]}
    with pytest.raises(ValueError, match="The file says that the Dense at place 0"):
        own.build_from_config(config)


def test_a_correction_is_trained_on_a_quantized_model():
    model = network()
    model.quantize("int8")
    model.layers[2].trainable = False
    for layer in (model.layers[0], model.layers[3 - 1]):
        if hasattr(layer, "enable_lora"):
            layer.enable_lora(4)
    x, y = RNG.normal(size=(64, 8)).astype("float32"), RNG.normal(size=(64, 2)).astype("float32")
    kernel = model.layers[0].kernel.numpy()
    model.compile("adam", "mse")
    losses = model.fit(x, y, epochs=5, verbose=0).history["loss"]
    assert losses[-1] < losses[0] and np.any(model.layers[0].lora_kernel_b.numpy())
    np.testing.assert_array_equal(model.layers[0].kernel.numpy(), kernel)


def test_which_layers_are_meant():
    for filters, expected in [("^he", [None, None, "int8"]), (["first"], ["int8", None, None])]:
        model = network()
        model.quantize("int8", filters=filters)
        assert [layer.quantization_mode for layer in model.layers] == expected
    with pytest.raises(ValueError, match="filters must be"):
        network().quantize("int8", filters=3)


def test_what_cannot_be_quantized_is_said():
    class Own(layers.Dense):
        pass

    own = Own(2)
    own.build((None, 3))
    with pytest.raises(NotImplementedError, match="type_check=False"):
        own.quantize("int8")
    own.quantize("int8", type_check=False)
    with pytest.raises(ValueError, match="quantized already"):
        own.quantize("int8", type_check=False)
    with pytest.raises(ValueError, match="no weights yet"):
        layers.Dense(2).quantize("int8")
    with pytest.raises(NotImplementedError, match="LayerNormalization cannot be quantized"):
        layers.LayerNormalization().quantize("int8")
    for call, message in [
        (lambda layer: layer.quantize("int9"), "`mode` must be one of"),
        (lambda layer: layer.quantize(), "needs a mode"),
        (lambda layer: layer.quantize(config="int8"), "must be a QuantizationConfig"),
        (lambda layer: layer.quantize("int4", config=quantizers.Int8QuantizationConfig()), "exclude each other"),
    ]:
        layer = layers.Dense(2)
        layer.build((None, 3))
        with pytest.raises(ValueError, match=message):
            call(layer)
    with pytest.raises(ValueError, match="looks at examples"):
        layer.quantize("gptq")
