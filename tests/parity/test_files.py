"""Files between Keras 3 and Hornbook, in both directions: every layer, graphs, optimizers, compile settings, assets, shards."""

import importlib.util
import os
import sys
import warnings
from pathlib import Path

import h5py
import numpy as np
import pytest
import tensorflow as tf

import hornbook
from hornbook import tree
from hornbook.core.registry import get_family

keras = pytest.importorskip("keras", reason="Keras is the reference; it comes with TensorFlow")
pytestmark = pytest.mark.parity

WAYS = {"to Keras": (hornbook, keras), "from Keras": (keras, hornbook)}
ways = pytest.mark.parametrize(("writer", "reader"), WAYS.values(), ids=WAYS)


def _rows_of(file):
    """A module of tests in another folder, which holds rows."""
    name = f"tests.framework.{file}"
    if name not in sys.modules:
        path = Path(__file__).parents[1] / "framework" / f"{file}.py"
        spec = importlib.util.spec_from_file_location(name, path)
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    return sys.modules[name]


LAYERS = _rows_of("test_layers")
FIRST = {row.name: row for row in reversed(LAYERS.ROWS)}
OTHERS = [row for row in LAYERS.ROWS if FIRST[row.name] is not row]


@pytest.fixture(autouse=True)
def calm():
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="keras|absl|contextlib|weakref|unittest")
        warnings.filterwarnings("ignore", message=".*(legacy|does not have a `build|optimizer).*")
        yield


def same(ours, theirs, tolerance=1e-6):
    ours, theirs = tree.flatten(ours), tree.flatten(theirs)
    for a, b in zip(ours, theirs, strict=True):
        if np.asarray(a).dtype.kind in "SOU":
            assert np.asarray(a).tolist() == np.asarray(b).tolist()
            continue
        a, b = (np.asarray(tf.cast(x, "float32")) for x in (a, b))
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)


# ------------------------------------------------------------------------------------------------------- every layer
# What Keras cannot read from its own files, or not run on this machine.
NOT_THERE = {
    ".keras": {
        "RandomShear": "refuses its own config: a factor below 0",
        "Equalization": "cannot be called on a symbolic tensor",
    },
    ".h5": {
        "RandomShear": "refuses its own config: a factor below 0",
        "Equalization": "cannot be called on a symbolic tensor",
        "Attention": "its score_mode is taken for a function",
        "RandomBrightness": "is not written: its config holds a module",
        "RandomSaturation": "the same",
        "RandomSharpness": "the same",
        "RandomPosterization": "the same",
        "RandomColorDegeneration": "the same",
        "Solarization": "the same",
        "LayerNormalization(axis=[1, 2],center=False)": "a list of axes is read as its first",
        "UnitNormalization(axis=(1, 2))": "a list of axes is dropped",
        "Softmax(axis=(1, 2))": "the same",
        "Normalization(axis=None,invert=True)": "an axis of None is dropped",
    },
}
NUMBERS_DIFFER = {"Conv1DTranspose(filters=4,kernel_size=3,dilation_rate=2)"}  # this machine has no such kernel there


def model_of(library, row):
    inputs = tree.map_structure(lambda x: library.Input(x.shape[1:], dtype=x.dtype.name), row.data())
    layer = row.make(library.layers)
    model = library.Model(inputs, layer(*inputs, **row.call))
    LAYERS.with_random_weights(layer)
    if row.name == "Normalization" and library is keras:
        layer.finalize_state()
    return model


def check_layer_file(row, ending, writer, reader, tmp_path):
    left_out = NOT_THERE[ending]
    other = keras if not (row.name in left_out or str(row) in left_out) else hornbook
    writer, reader = (hornbook if library is keras and other is hornbook else library for library in (writer, reader))
    model = model_of(writer, row)
    path = tmp_path / f"m{ending}"
    model.save(path)
    again = reader.saving.load_model(path)
    assert [w.shape for w in again.weights] == [w.shape for w in model.weights]
    for a, b in zip(again.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    if "parity" not in row.skip and str(row) not in NUMBERS_DIFFER:
        same(again(row.data()), model(row.data()))


@ways
@pytest.mark.parametrize("row", FIRST.values(), ids=str)
def test_every_layer_goes_through_a_file(row, writer, reader, tmp_path):
    check_layer_file(row, ".keras", writer, reader, tmp_path)


@ways
@pytest.mark.parametrize("row", FIRST.values(), ids=str)
def test_every_layer_goes_through_an_h5_file(row, writer, reader, tmp_path):
    check_layer_file(row, ".h5", writer, reader, tmp_path)


@pytest.mark.exhaustive
@pytest.mark.parametrize("ending", [".keras", ".h5"])
@ways
@pytest.mark.parametrize("row", OTHERS, ids=str)
def test_every_row_of_every_layer_goes_through_a_file(row, writer, reader, ending, tmp_path):
    check_layer_file(row, ending, writer, reader, tmp_path)


# Layers whose rows are elsewhere in this file, and those that hold another library's code, which no file does.
PREPROCESSING = {
    "CategoryEncoding": ({"num_tokens": 4, "output_mode": "count"}, [np.array([[0, 1], [3, 3]])]),
    "Discretization": ({"bin_boundaries": [0.0, 1.5]}, [np.array([[0.5, 2.0], [-1.0, 1.0]], "float32")]),
    "HashedCrossing": ({"num_bins": 5}, [np.array(["a", "b"], object), np.array([3, 8])]),
    "Hashing": ({"num_bins": 7, "salt": 3}, [np.array([["a", "b"]], object)]),
    "IntegerLookup": ({"vocabulary": [3, 5, 8], "num_oov_indices": 2}, [np.array([[3, 8], [9, 5]])]),
    "StringLookup": (
        {"vocabulary": ["x", "y"], "mask_token": "", "oov_token": "?"},
        [np.array([["y", "q", ""]], object)],
    ),
    "TextVectorization": ({"vocabulary": ["fox", "dog"], "ngrams": 2}, [np.array(["the fox", "a dog"], object)]),
}
NO_ROW = {
    "InputLayer": "stands in every model here",
    "Wrapper": "is a base class; Bidirectional, TimeDistributed and SpectralNormalization have rows",
    "TFSMLayer": "reads another file: see test_a_layer_over_a_saved_model_stays_out_of_files",
    "FlaxLayer": "holds code of JAX",
    "JaxLayer": "holds code of JAX",
    "TorchModuleWrapper": "holds code of PyTorch",
}


def test_every_built_in_layer_has_a_row():
    classes = set(get_family("layers").classes)
    assert classes - set(NO_ROW) == set(FIRST) | set(PREPROCESSING)
    assert {name for name, cls in vars(keras.layers).items() if isinstance(cls, type) and name == cls.__name__} - {
        "Layer",
        "InputSpec",
    } <= classes


@ways
@pytest.mark.parametrize("ending", [".keras", ".h5"])
@pytest.mark.parametrize("name", PREPROCESSING)
def test_every_preprocessing_layer_goes_through_a_file(name, ending, writer, reader, tmp_path):
    settings, arrays = PREPROCESSING[name]
    kind = {"O": "string", "i": "int64", "f": "float32"}
    inputs = [writer.Input(x.shape[1:], dtype=kind[x.dtype.kind]) for x in arrays]
    layer = getattr(writer.layers, name)(**settings)
    model = writer.Model(inputs, layer(inputs if len(inputs) > 1 else inputs[0]))
    model.save(tmp_path / f"m{ending}")
    values = [tf.constant(x.tolist() if x.dtype.kind == "O" else x) for x in arrays]
    again = reader.saving.load_model(tmp_path / f"m{ending}")
    same(again(values), model(values))
    assert again.layers[-1].get_config() == model.layers[-1].get_config()


def test_a_layer_over_a_saved_model_stays_out_of_files(tmp_path):
    """Keras refuses it too, unless its safe mode is switched off; as a layer it serves what either of them exported."""
    for number, library in enumerate((hornbook, keras)):
        model = net(library)
        model.export(str(tmp_path / f"exported{number}"), verbose=False)
        layer = hornbook.layers.TFSMLayer(str(tmp_path / f"exported{number}"), call_endpoint="serve")
        same(layer(ROWS), model(ROWS))
        whole = hornbook.Sequential([hornbook.Input((6,)), layer])
        with pytest.raises(ValueError, match="TFSMLayer"):
            whole.save(tmp_path / "m.keras")
            hornbook.saving.load_model(tmp_path / "m.keras")


# --------------------------------------------------------------------------------------------------------- every op
# What differs in Keras itself, or what its classes cannot be made with: no matter of files.
OTHER_NUMBERS = {"hypot", "isclose", "quantile", "vstack", "hstack", "rot90", "histogram", "correlate", "percentile"}
NO_CLASS = {
    "trapezoid",
    "bincount",
    "ndim",
    "searchsorted",
    "associative_scan",
    "extract_patches_3d",
    "adaptive_average_pool",
    "adaptive_max_pool",
}
OP_ROWS = {
    **{f"{name}-{n}": (name, args, kwargs) for n, (name, args, kwargs) in enumerate(_rows_of("test_ops_numpy").ROWS)},
    **{f"nn {name}-{n}": (name, args, kwargs) for n, (name, args, kwargs) in enumerate(_rows_of("test_ops_nn").ROWS)},
    **{
        f"image {row[0]}-{n}": (row[0], (row[1],), row[2])
        for n, row in enumerate(_rows_of("test_ops_image").ROWS)
        if isinstance(row[2], dict)
    },
}


def op_model(library, name, args, kwargs):
    """(a model of one op, the arrays for it); None where the op has no tensors or the library cannot call it so."""
    inputs, values = [], []

    def symbol(x):
        if isinstance(x, np.ndarray):
            values.append(x)
            inputs.append(library.Input(batch_shape=x.shape, dtype=x.dtype.name))
            return inputs[-1]
        return type(x)(symbol(item) for item in x) if isinstance(x, list | tuple) else x

    place = next(p for p in (library.ops, library.ops.image, library.ops.nn) if hasattr(p, name))
    try:
        outputs = getattr(place, name)(*map(symbol, args), **{key: symbol(x) for key, x in kwargs.items()})
        return (library.Model(inputs, outputs), values) if inputs else None
    except Exception:
        return None


def check_op_file(rows, writer, reader, tmp_path):
    """All ops of the rows in one model, in one file."""
    made = [found for row in rows if (found := op_model(writer, *row)) is not None]
    assert len(made) >= len(rows) * 0.8
    model = writer.Model([m.inputs for m, _ in made], [m.outputs for m, _ in made])
    model.save(tmp_path / "ops.keras")
    again = reader.saving.load_model(tmp_path / "ops.keras")
    values = [x for _, arrays in made for x in arrays]
    same(again(values), model(values), 1e-5)


def first_of_each():
    seen = {}
    for name, args, kwargs in OP_ROWS.values():
        if name not in OTHER_NUMBERS | NO_CLASS and (name, args[1:]) != ("pad", (1,)):
            seen.setdefault(name, (name, args, kwargs))
    return list(seen.values())


@ways
def test_every_op_goes_through_a_file(writer, reader, tmp_path):
    rows = first_of_each()
    assert len(rows) > 200
    check_op_file(rows, writer, reader, tmp_path)


# ---------------------------------------------------------------------------------------------------- graphs, classes
RNG = np.random.default_rng(0)
ROWS = RNG.normal(size=(8, 6)).astype("float32")
IMAGES = RNG.normal(size=(8, 6, 6, 2)).astype("float32")
WORDS = RNG.integers(0, 20, (8, 7))
LABELS = RNG.integers(0, 3, 8)


def registered(library, name):
    return library.saving.register_keras_serializable("twins", name)


def custom(library):
    """A block and a model of one's own, registered in the library."""
    layers = library.layers

    @registered(library, "Block")
    class Block(layers.Layer):
        def __init__(self, units=4, **kwargs):
            super().__init__(**kwargs)
            self.units = units
            self.inner = [layers.Dense(units, activation="tanh"), layers.Dense(units)]
            self.norm = layers.BatchNormalization()
            self.scales = {"a": layers.Dense(units, use_bias=False)}

        def build(self, shape):
            self.shift = self.add_weight(shape=(self.units,), initializer="ones", name="shift")
            for layer in (self.inner[0], self.scales["a"]):
                layer.build(shape)
            self.inner[1].build((*shape[:-1], self.units))
            self.norm.build((*shape[:-1], self.units))

        def call(self, x):
            return self.norm(self.inner[1](self.inner[0](x))) + self.scales["a"](x) + self.shift

        def get_config(self):
            return {**super().get_config(), "units": self.units}

    @registered(library, "Own")
    class Own(library.Model):
        def __init__(self, units=4, **kwargs):
            super().__init__(**kwargs)
            self.units = units
            self.first, self.head = Block(units), layers.Dense(3)
            self.tower = library.Sequential([layers.Dense(5, activation="relu"), layers.Dense(units)])

        def call(self, x):
            return self.head(self.tower(self.first(x)))

        def get_config(self):
            return {**super().get_config(), "units": self.units}

    return Block, Own


def ops_in_a_graph(library):
    ops, layers = library.ops, library.layers
    x = library.Input((6,))
    h = layers.Dense(6)(x)
    y = ops.softmax(ops.concatenate([h * 2.0 - 1.0, ops.relu(-h), x / 3.0], axis=-1))
    y = ops.reshape(y, (-1, 3, 6))[:, 1:, ::2]
    y = ops.einsum("bij,bkj->bik", y, y) + ops.expand_dims(ops.mean(h, axis=-1, keepdims=True), -1)
    y = ops.where(y > 0.1, y, ops.square(y) + ops.cast(ops.argmax(h, axis=-1), "float32")[:, None, None])
    return library.Model(x, layers.Dense(3)(ops.squeeze(ops.max(y, axis=1, keepdims=True), axis=1))), ROWS


def shared_layers_and_structures(library):
    layers = library.layers
    inputs = {"left": library.Input((6,), name="left"), "right": library.Input((6,), name="right")}
    dense = layers.Dense(4, name="shared")
    a, b = dense(inputs["left"]), dense(inputs["right"])
    both = dense(layers.Dense(6)(layers.Add()([a, b])))
    model = library.Model(inputs, {"sum": layers.Add()([a, b, both]), "list": [a, layers.Dot(1)([a, b])]})
    return model, {"left": ROWS, "right": ROWS[::-1]}


def models_in_models(library):
    layers = library.layers
    x = library.Input((6,))
    inner = library.Sequential([library.Input((6,)), layers.Dense(4), layers.BatchNormalization()], name="inner")
    y = library.Input((4,))
    middle = library.Model(y, [layers.Dense(3)(y), layers.Dense(2)(y)], name="middle")
    a, b = middle(inner(x))
    c, d = middle(inner(x * 0.5))
    return library.Model(x, layers.Concatenate()([a, b, c, d])), ROWS


def a_block_of_ones_own(library):
    block, _ = custom(library)
    x = library.Input((6,))
    return library.Model(x, library.layers.Dense(3)(block(5)(x))), ROWS


def a_model_of_ones_own(library):
    model = custom(library)[1](5)
    model(ROWS)
    return model, ROWS


def mixed_policies(library):
    layers = library.layers
    x = library.Input((6, 6, 2))
    y = layers.Conv2D(4, 3, dtype="mixed_bfloat16")(x)
    y = layers.BatchNormalization(dtype=library.DTypePolicy("mixed_bfloat16"))(y)
    y = layers.GlobalAveragePooling2D(dtype="float32")(y)
    return library.Model(x, layers.Dense(3, dtype="bfloat16")(y)), IMAGES


def a_map_of_policies(library):
    policies = library.dtype_policies.DTypePolicyMap(default_policy="float32")
    policies["attention/attention_output"] = library.DTypePolicy("mixed_bfloat16")
    x = library.Input((3, 6))
    attention = library.layers.MultiHeadAttention(2, 3, dtype=policies, name="attention")
    return library.Model(x, attention(x, x)), np.stack([ROWS] * 3, axis=1)


def frozen_layers(library):
    layers = library.layers
    model = library.Sequential([library.Input((6,)), layers.Dense(4), layers.BatchNormalization(), layers.Dense(3)])
    model.layers[0].trainable = False
    model.layers[1].trainable = False
    return model, ROWS


def a_language_model(library):
    layers = library.layers
    words = library.Input((7,), dtype="int32")
    x = layers.Embedding(20, 8, mask_zero=True)(words)
    x = layers.LayerNormalization()(layers.Add()([x, layers.MultiHeadAttention(2, 4)(x, x, use_causal_mask=True)]))
    x = layers.Bidirectional(layers.LSTM(3, return_sequences=True))(x)
    return library.Model(words, layers.Dense(3)(layers.GRU(4)(x))), WORDS


GRAPHS = [
    ops_in_a_graph,
    shared_layers_and_structures,
    models_in_models,
    a_block_of_ones_own,
    a_model_of_ones_own,
    mixed_policies,
    a_map_of_policies,
    frozen_layers,
    a_language_model,
]


def described(model):
    return [(v.path, tuple(v.shape), v.dtype, v.trainable) for v in model.weights]


@ways
@pytest.mark.parametrize("make", GRAPHS)
def test_a_graph_goes_through_a_file(make, writer, reader, tmp_path):
    hornbook.utils.clear_session(free_memory=False)
    keras.utils.clear_session(free_memory=False)
    custom(reader)
    model, x = make(writer)
    rng = np.random.default_rng(5)
    model.set_weights([rng.uniform(0.1, 1.0, w.shape).astype(w.dtype) for w in model.get_weights()])
    model.save(tmp_path / "m.keras")
    again = reader.saving.load_model(tmp_path / "m.keras")
    same(again(x), model(x), 1e-2 if make in (mixed_policies, a_map_of_policies) else 1e-6)
    assert [w[1:] for w in described(again)] == [w[1:] for w in described(model)]
    if reader is hornbook and make in (models_in_models, frozen_layers, shared_layers_and_structures):
        assert described(again) == described(model)


@ways
@pytest.mark.parametrize(
    "make", [m for m in GRAPHS if m not in (a_model_of_ones_own, ops_in_a_graph, models_in_models)]
)
def test_a_graph_goes_through_an_h5_file(make, writer, reader, tmp_path):
    """But for ops, whose classes Keras cannot find again in its `.h5` files, and a subclass, which they never held."""
    custom(reader)
    model, x = make(writer)
    model.save(tmp_path / "m.h5")
    again = reader.saving.load_model(tmp_path / "m.h5")
    same(again(x), model(x), 1e-2 if make in (mixed_policies, a_map_of_policies) else 1e-6)


def test_ops_in_an_h5_file_of_keras_open_here(tmp_path):
    for make in (ops_in_a_graph, models_in_models):
        model, x = make(keras)
        model.save(tmp_path / "m.h5")
        same(hornbook.saving.load_model(tmp_path / "m.h5")(x), model(x))


# ------------------------------------------------------------------------------------------------ training goes on
def settings(library):
    optimizers = library.optimizers
    decay = optimizers.schedules.CosineDecay(0.05, 20, warmup_target=0.1, warmup_steps=3)
    return {
        "SGD": optimizers.SGD(0.05),
        "momentum": optimizers.SGD(0.05, momentum=0.9, nesterov=True, weight_decay=0.01),
        "Adam": optimizers.Adam(0.05),
        "amsgrad": optimizers.Adam(0.05, amsgrad=True),
        "AdamW": optimizers.AdamW(0.05),
        "Adamax": optimizers.Adamax(0.05),
        "Nadam": optimizers.Nadam(0.05),
        "Lamb": optimizers.Lamb(0.05),
        "RMSprop": optimizers.RMSprop(0.05, momentum=0.5, centered=True),
        "Adagrad": optimizers.Adagrad(0.05),
        "Adadelta": optimizers.Adadelta(0.5),
        "Adafactor": optimizers.Adafactor(0.05),
        "Ftrl": optimizers.Ftrl(0.05),
        "Lion": optimizers.Lion(0.01),
        "Muon": optimizers.Muon(0.01),
        "ScheduleFreeAdamW": optimizers.ScheduleFreeAdamW(0.05),
        "a schedule": optimizers.Adam(decay),
        "averages": optimizers.Adam(0.05, use_ema=True, ema_momentum=0.9),
        "accumulation": optimizers.Adam(0.05, gradient_accumulation_steps=2),
        "a scaled loss": optimizers.LossScaleOptimizer(optimizers.Adam(0.05), initial_scale=256.0),
    }


def net(library):
    layers = library.layers
    return library.Sequential(
        [
            library.Input((6,)),
            layers.Dense(4, activation="relu", kernel_regularizer="l2"),
            layers.Dense(3, activation="softmax"),
        ]
    )


def steps(model, count, x=ROWS, y=LABELS):
    return [float(model.train_on_batch(x, y, return_dict=True)["loss"]) for _ in range(count)]


# In an `.h5` file Keras cannot give the state back to its optimizer, and Adafactor's it cannot write.
GOES_ON = {
    **{f".keras {way}": (".keras", *pair) for way, pair in WAYS.items()},
    ".h5 from Keras": (".h5", keras, hornbook),
    ".h5 from Hornbook": (".h5", hornbook, hornbook),
}


SOME = {"momentum", "Adam", "RMSprop", "Adafactor", "a scaled loss"}


@pytest.mark.parametrize(
    ("ending", "writer", "reader", "name"),
    [
        pytest.param(
            *way, name, id=f"{name} {title}", marks=() if ".keras" in title or name in SOME else pytest.mark.exhaustive
        )
        for title, way in GOES_ON.items()
        for name in settings(hornbook)
    ],
)
def test_training_goes_on_where_it_stopped(name, writer, reader, ending, tmp_path):
    if name == "Adafactor" and ending == ".h5":
        writer = hornbook
    model = net(writer)
    rng = np.random.default_rng(3)
    model.set_weights([rng.uniform(0.1, 0.5, w.shape).astype("float32") for w in model.get_weights()])
    model.compile(settings(writer)[name], "sparse_categorical_crossentropy", metrics=["accuracy"], run_eagerly=True)
    steps(model, 2)
    model.save(tmp_path / f"m{ending}")
    again = reader.saving.load_model(tmp_path / f"m{ending}")
    assert type(again.optimizer).__name__ == type(model.optimizer).__name__
    for a, b in zip(again.optimizer.variables, model.optimizer.variables, strict=True):
        np.testing.assert_allclose(np.asarray(a), np.asarray(b), rtol=1e-6, err_msg=b.path)
    same(again(ROWS), model(ROWS))
    tolerance = 2e-4 if name in ("Muon", "ScheduleFreeAdamW", "Lion") else 1e-5
    np.testing.assert_allclose(steps(again, 2), steps(model, 2), rtol=tolerance)


def two_outputs(library):
    layers = library.layers
    x = library.Input((6,))
    h = layers.Dense(5, activation="tanh")(x)
    model = library.Model(x, {"kind": layers.Dense(3, name="kind")(h), "size": layers.Dense(1, name="size")(h)})
    model.compile(
        library.optimizers.Adam(0.01),
        loss={"kind": library.losses.SparseCategoricalCrossentropy(from_logits=True), "size": "huber"},
        loss_weights={"kind": 1.0, "size": 0.3},
        metrics={"kind": ["accuracy", library.metrics.SparseTopKCategoricalAccuracy(2, name="top")], "size": "mae"},
        weighted_metrics={"kind": [], "size": [library.metrics.MeanSquaredError()]},
        run_eagerly=True,
    )
    return model


@ways
def test_what_compile_was_told_comes_back(writer, reader, tmp_path):
    y = {"kind": LABELS, "size": ROWS[:, :1]}
    model = two_outputs(writer)
    steps(model, 2, y=y)
    model.save(tmp_path / "m.keras")
    again = reader.saving.load_model(tmp_path / "m.keras")
    ours, theirs = (m.evaluate(ROWS, y, verbose=0, return_dict=True) for m in (again, model))
    assert list(ours) == list(theirs)
    np.testing.assert_allclose(list(ours.values()), list(theirs.values()), rtol=1e-5)


# ------------------------------------------------------------------------------------------------- assets, shards
def text_model(library, output="int"):
    layers = library.layers
    vectorization = layers.TextVectorization(
        max_tokens=12, output_mode=output, output_sequence_length=None if output != "int" else 4
    )
    vectorization.adapt(["a red fox", "the red dog", "a fox and a dog"])
    x = library.Input((), dtype="string")
    return library.Model(x, vectorization(x)), tf.constant(["the fox", "a blue dog and a fox"])


def tables_model(library):
    layers = library.layers
    a, b, c = library.Input((1,), dtype="string"), library.Input((1,), dtype="int64"), library.Input((1,))
    strings, integers = layers.StringLookup(output_mode="one_hot"), layers.IntegerLookup(vocabulary=[3, 5, 8])
    strings.adapt(["x", "y", "x"])
    bins, normalization = layers.Discretization(num_bins=3), layers.Normalization()
    bins.adapt(np.arange(10.0).astype("float32"))
    normalization.adapt(np.arange(10.0).astype("float32").reshape(-1, 1))
    outputs = [strings(a), integers(b), bins(c), normalization(c), layers.Hashing(num_bins=7)(a)]
    x = [tf.constant([["x"], ["q"], ["y"]]), tf.constant([[3], [8], [9]], "int64"), tf.constant([[0.0], [4.0], [9.5]])]
    return library.Model([a, b, c], outputs), x


@ways
@pytest.mark.parametrize(
    "make",
    [text_model, lambda library: text_model(library, "tf_idf"), tables_model],
    ids=["text", "text as tf-idf", "tables, bins and means"],
)
def test_vocabularies_and_statistics_come_along(make, writer, reader, tmp_path):
    model, x = make(writer)
    model.save(tmp_path / "m.keras")
    same(reader.saving.load_model(tmp_path / "m.keras")(x), model(x))


@ways
@pytest.mark.parametrize("ending", [".weights.h5", ".weights.json"])
@pytest.mark.parametrize("make", [net, lambda library: models_in_models(library)[0]], ids=["flat", "nested"])
def test_weights_alone_go_both_ways(make, ending, writer, reader, tmp_path):
    model, again = make(writer), make(reader)
    rng = np.random.default_rng(4)
    model.set_weights([rng.normal(size=w.shape).astype("float32") for w in model.get_weights()])
    size = {"max_shard_size": 112 / 1024**3} if ending == ".weights.json" else {}
    model.save_weights(tmp_path / f"w{ending}", **size)
    assert len(os.listdir(tmp_path)) > 2 or not size
    again.load_weights(tmp_path / f"w{ending}")
    for a, b in zip(again.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


@ways
@pytest.mark.parametrize("skip", [False, True], ids=["all fits", "one does not"])
@pytest.mark.parametrize("by_name", [False, True], ids=["by order", "by name"])
def test_weights_of_an_older_file_go_by_order_or_by_name(by_name, skip, writer, reader, tmp_path):
    def make(library, order, head=3):
        layers = library.layers
        sizes = {"first": 4, "second": 4, "head": head}
        return library.Sequential([library.Input((4,)), *[layers.Dense(sizes[name], name=name) for name in order]])

    model = make(writer, ["first", "second", "head"])
    model.save(tmp_path / "m.h5")
    again = make(reader, ["second", "head"] if by_name else ["first", "second", "head"], 5 if skip else 3)
    before = again.get_layer("head").get_weights()
    if skip:
        with pytest.raises(ValueError, match="head|shape"):
            again.load_weights(tmp_path / "m.h5", by_name=by_name)
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            again.load_weights(tmp_path / "m.h5", by_name=by_name, skip_mismatch=True)
        assert (
            reader is keras
            or ["head/kernel" in str(w.message) or "head/bias" in str(w.message) for w in told] == [True] * 2
        )
    else:
        again.load_weights(tmp_path / "m.h5", by_name=by_name)
    for layer in again.layers:
        expected = before if skip and layer.name == "head" else model.get_layer(layer.name).get_weights()
        for a, b in zip(layer.get_weights(), expected, strict=True):
            np.testing.assert_array_equal(a, b)


@ways
def test_configs_as_json_and_as_dictionaries_go_both_ways(writer, reader):
    for make in (net, lambda library: models_in_models(library)[0], lambda library: ops_in_a_graph(library)[0]):
        model = make(writer)
        again = reader.models.model_from_json(model.to_json())
        again.set_weights(model.get_weights())
        same(again(ROWS), model(ROWS))
    layer = writer.layers.Dense(3, kernel_regularizer=writer.regularizers.L2(0.1))
    assert reader.layers.Dense.from_config(layer.get_config()).get_config() == layer.get_config()
    whole = reader.saving.deserialize_keras_object(writer.saving.serialize_keras_object(layer))
    assert reader.saving.serialize_keras_object(whole) == writer.saving.serialize_keras_object(layer)


@ways
def test_dictionaries_of_arrays_go_both_ways(writer, reader):
    hornbook.utils.clear_session(free_memory=False)
    keras.utils.clear_session(free_memory=False)
    model, again = net(writer), net(reader)
    for one in (model, again):
        one.compile(optimizer="adam", loss="sparse_categorical_crossentropy", run_eagerly=True)
    steps(model, 2)
    steps(again, 1)  # makes the optimizer's slots
    again.set_state_tree(model.get_state_tree(value_format="numpy_array"))
    for a, b in zip(again.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    np.testing.assert_allclose(steps(again, 2), steps(model, 2), rtol=1e-5)


@pytest.mark.parametrize("ending", [".safetensors", ".npz"])
@pytest.mark.parametrize("make", [net, lambda library: models_in_models(library)[0]], ids=["flat", "nested"])
def test_tables_of_arrays_hold_the_paths_of_keras(make, ending, tmp_path):
    """What Keras has no reader for is read by the libraries of those formats: a name is the path in a `.weights.h5` file."""
    model, again, theirs = make(hornbook), make(hornbook), make(keras)
    model.save_weights(tmp_path / f"w{ending}")
    if ending == ".npz":
        with np.load(tmp_path / "w.npz") as file:
            arrays = dict(file)
    else:
        arrays = pytest.importorskip("safetensors.numpy").load_file(tmp_path / "w.safetensors")
    theirs.save_weights(tmp_path / "w.weights.h5")
    found = []
    with h5py.File(tmp_path / "w.weights.h5") as file:
        file.visititems(lambda name, item: found.append(name) if isinstance(item, h5py.Dataset) else None)
    assert set(arrays) == set(found)
    again.load_weights(tmp_path / f"w{ending}")
    for a, b in zip(again.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


@ways
@pytest.mark.parametrize("mode", ["int8", "int4", "float8", "lora", "lora int8"])
def test_quantized_and_adapted_graphs_go_through_a_file(mode, writer, reader, tmp_path):
    layers = writer.layers
    x = writer.Input((7,), dtype="int32")
    h = layers.Embedding(20, 8)(x)
    h = layers.EinsumDense("abc,cd->abd", (None, 6), bias_axes="d")(h)
    model = writer.Model(x, layers.Dense(3)(layers.GlobalAveragePooling1D()(h)))
    if "lora" in mode:
        for layer in model.layers:
            if hasattr(layer, "enable_lora"):
                layer.enable_lora(2)
                part = "embeddings" if "embedding" in layer.name else "kernel"
                b = getattr(layer, f"lora_{part}_b")
                b.assign(np.full(b.shape, 0.1, "float32"))
    if mode != "lora":
        model.quantize(mode.split()[-1])
    model.save(tmp_path / "m.keras")
    again = reader.saving.load_model(tmp_path / "m.keras")
    # the sum of a rounded weight and its correction is rounded again when it is written, in both libraries
    same(again(WORDS), (writer.saving.load_model(tmp_path / "m.keras") if mode == "lora int8" else model)(WORDS), 1e-5)
    for a, b in zip(again.layers, model.layers, strict=True):
        assert getattr(a, "quantization_mode", None) == getattr(b, "quantization_mode", None)
        assert getattr(a, "lora_enabled", None) == getattr(b, "lora_enabled", None)


def test_the_editor_changes_files_of_keras(tmp_path):
    model = net(keras)
    model.save(tmp_path / "m.keras")
    editor = hornbook.saving.KerasFileEditor(tmp_path / "m.keras")
    assert editor.compare(net(hornbook))["status"] == "success"
    editor.rename_object("dense_1", "head")
    editor.rename_object("head", "dense_1")
    editor.add_weights("dense_1", {"1": np.ones(3, "float32")})
    editor.save(tmp_path / "w.weights.h5")
    for library in (hornbook, keras):
        again = net(library)
        again.load_weights(tmp_path / "w.weights.h5")
        np.testing.assert_array_equal(again.get_weights()[-1], np.ones(3))
        np.testing.assert_array_equal(again.get_weights()[0], model.get_weights()[0])


@ways
def test_objects_that_are_skipped(writer, reader, tmp_path):
    model, again = net(writer), net(reader)
    before = [w.copy() for w in again.get_weights()]
    writer.saving.save_weights(model, tmp_path / "w.weights.h5", objects_to_skip=[model.layers[-1]])
    reader.saving.load_weights(again, tmp_path / "w.weights.h5", objects_to_skip=[again.layers[-1]])
    for position, (a, b) in enumerate(zip(again.get_weights(), model.get_weights(), strict=True)):
        np.testing.assert_array_equal(a, b if position < 2 else before[position])


def test_the_parts_of_saving_have_the_names_and_arguments_of_keras():
    import inspect

    for name in ("save_model", "load_model", "save_weights", "load_weights", "serialize_keras_object"):
        theirs = set(inspect.signature(getattr(keras.saving, name)).parameters)
        assert theirs <= set(inspect.signature(getattr(hornbook.saving, name)).parameters), name
    public = {name for name in dir(keras.saving.KerasFileEditor) if not name.startswith("_")}
    assert public <= set(dir(hornbook.saving.KerasFileEditor))
