"""Programs that run with `import keras` and with `import hornbook as keras`: what they see must be the same.

Each program takes the library and gives what a user would look at: names of logs, orders, shapes, numbers.
"""

import copy
import pickle
import warnings

import numpy as np
import pytest

import hornbook

reference = pytest.importorskip("keras", reason="keras is the reference")
pytestmark = pytest.mark.parity

RNG = np.random.default_rng(0)
X, Y, C = RNG.normal(size=(64, 6)).astype("float32"), RNG.normal(size=(64, 2)).astype("float32"), RNG.integers(0, 3, 64)
PROGRAMS = {}


def program(function):
    PROGRAMS[function.__name__] = function
    return function


def seeded(model, seed=0):
    """The model with weights that depend on their shapes and places alone."""
    rng = np.random.default_rng(seed)
    model.set_weights(
        [rng.uniform(-0.3, 0.3, w.shape).astype("float32") + ("variance" in w.name) for w in model.weights]
    )
    return model


def mlp(keras, units=2, **kwargs):
    layers = [keras.Input((6,)), keras.layers.Dense(5, activation="relu"), keras.layers.Dense(units, **kwargs)]
    return seeded(keras.Sequential(layers))


def check(ours, theirs, place="result"):
    if isinstance(theirs, dict):
        assert list(ours) == list(theirs), place
        for key in theirs:
            check(ours[key], theirs[key], f"{place}[{key!r}]")
    elif isinstance(theirs, list | tuple):
        assert len(ours) == len(theirs), f"{place}: {ours} != {theirs}"
        for i, (a, b) in enumerate(zip(ours, theirs, strict=True)):
            check(a, b, f"{place}[{i}]")
    elif isinstance(theirs, np.ndarray | float | np.floating):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5, err_msg=place)
    else:
        assert ours == theirs, place


# -------------------------------------------------------------------------------------------------- names and paths
@program
def automatic_names(keras):
    names = [keras.layers.PReLU().name, keras.layers.Conv2D(1, 1).name, keras.layers.Conv2D(1, 1).name]
    names += [keras.layers.LSTM(1).name, keras.layers.GRU(1).name, keras.layers.SimpleRNN(1).name]
    names += [keras.layers.ReLU().name, keras.layers.ELU().name, keras.layers.GlobalAveragePooling2D().name]
    names += [
        keras.layers.RMSNormalization().name,
        keras.layers.MultiHeadAttention(1, 1).name,
        keras.layers.STFTSpectrogram().name,
    ]
    return names + [keras.Sequential().name, keras.Sequential().name]


@program
def paths_of_variables(keras):
    class Sub(keras.layers.Layer):
        def __init__(self):
            super().__init__(name="sub")
            self.inner_a = keras.layers.Dense(2, name="inner_a")
            self.scale = self.add_weight(shape=(), name="scale")

        def call(self, x):
            return self.inner_a(x) * self.scale

    layer = Sub()
    model = keras.Sequential([keras.Input((6,)), layer, keras.layers.BatchNormalization()], name="whole")
    model.compile(keras.optimizers.SGD(0.1, momentum=0.9), "mse")
    model.fit(X, Y, epochs=1, verbose=0)
    return [[v.path for v in group] for group in (model.weights, model.variables, model.optimizer.variables)]


@program
def orders_of_weights(keras):
    class Mixed(keras.layers.Layer):
        def __init__(self):
            super().__init__()
            self.frozen = self.add_weight(shape=(1,), trainable=False, name="frozen")
            self.dense = keras.layers.Dense(2)
            self.normal = keras.layers.BatchNormalization()
            self.free = self.add_weight(shape=(2,), name="free")
            self.drop = keras.layers.Dropout(0.5, seed=1)

        def call(self, x):
            return self.drop(self.normal(self.dense(x))) + self.free

    layer = Mixed()
    layer(X)
    before = [
        [w.name for w in g]
        for g in (layer.weights, layer.trainable_weights, layer.non_trainable_weights, layer.variables)
    ]
    layer.normal.trainable = False
    after = [[w.name for w in g] for g in (layer.weights, layer.trainable_weights)]
    layer.trainable = False
    return [before, after, [w.name for w in layer.trainable_variables], [w.trainable for w in layer.weights]]


# ----------------------------------------------------------------------------------------------------------- logs
def two_heads(keras):
    inputs = keras.Input((6,), name="x")
    hidden = keras.layers.Dense(4, activation="tanh", name="hidden")(inputs)
    classes = keras.layers.Dense(3, activation="softmax", name="cls")(hidden)
    return seeded(keras.Model(inputs, {"cls": classes, "reg": keras.layers.Dense(2, name="reg")(hidden)}))


@program
def logs_of_two_outputs(keras):
    model = two_heads(keras)
    model.compile(
        "sgd",
        {"cls": "sparse_categorical_crossentropy", "reg": "mse"},
        loss_weights={"cls": 0.5, "reg": 2.0},
        metrics={"cls": ["accuracy"], "reg": ["mae", keras.metrics.MeanAbsoluteError(name="again")]},
        weighted_metrics={"reg": ["mae"]},
    )
    y = {"cls": C, "reg": Y}
    history = model.fit(X, y, epochs=2, batch_size=32, validation_data=(X, y), shuffle=False, verbose=0)
    found = model.evaluate(X, y, verbose=0, return_dict=True)
    return [history.history, history.params["epochs"], model.evaluate(X, y, verbose=0), found, model.metrics_names]


@program
def names_of_metrics(keras):
    model = mlp(keras, 1, activation="sigmoid")
    model.compile(
        "sgd", "bce", metrics=["acc", "AUC", keras.metrics.AUC(), lambda a, b: keras.ops.mean(b - a), "mae", "mae"]
    )
    y = (C > 1).astype("float32")
    history = model.fit(X, y, epochs=1, verbose=0, shuffle=False)
    return [list(history.history), [metric.name for metric in model.metrics]]


@program
def accuracy_chooses_its_kind(keras):
    found = []
    for y, units, loss in (
        (C, 3, "sparse_categorical_crossentropy"),
        (np.eye(3)[C], 3, "categorical_crossentropy"),
        (C % 2, 1, "bce"),
    ):
        model = mlp(keras, units, activation="softmax" if units == 3 else "sigmoid")
        model.compile("sgd", loss, metrics=["accuracy"])
        found.append(model.evaluate(X, y.astype("float32"), verbose=0, return_dict=True))
    return found


@program
def weights_of_samples_and_classes(keras):
    model = mlp(keras, 3, activation="softmax")
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"], weighted_metrics=["accuracy"])
    weight = np.linspace(0, 2, 64)
    fitted = model.fit(X, C, class_weight={0: 1.0, 1: 3.0, 2: 0.5}, epochs=2, shuffle=False, verbose=0).history
    return [fitted, model.evaluate(X, C, sample_weight=weight, verbose=0, return_dict=True)]


@program
def reductions_of_losses(keras):
    found = []
    for reduction in ("sum", "sum_over_batch_size", "mean", "mean_with_sample_weight", "none", None):
        loss = keras.losses.MeanSquaredError(reduction=reduction)
        found.append(np.asarray(loss(Y, Y * 0.5, sample_weight=np.linspace(0, 1, 64))))
    return found


@program
def masks_reach_losses_and_metrics(keras):
    inputs = keras.Input((5,), dtype="int32")
    x = keras.layers.Embedding(7, 4, mask_zero=True)(inputs)
    x = keras.layers.LSTM(3, return_sequences=True)(x)
    model = seeded(keras.Model(inputs, keras.layers.TimeDistributed(keras.layers.Dense(1))(x)))
    model.compile("sgd", "mse", metrics=["mae"], weighted_metrics=["mse"])
    tokens = np.random.default_rng(1).integers(0, 7, (16, 5)) * (np.arange(5) < 3 + np.arange(16)[:, None] % 3)
    y = np.random.default_rng(2).normal(size=(16, 5, 1))
    history = model.fit(tokens, y, epochs=2, shuffle=False, batch_size=5, verbose=0).history
    return [history, model.evaluate(tokens, y, verbose=0)]


@program
def losses_that_layers_add(keras):
    class Adds(keras.layers.Layer):
        def __init__(self):
            super().__init__()
            self.inner = keras.layers.Dense(2, kernel_regularizer="l2", activity_regularizer=keras.regularizers.L1(0.1))

        def call(self, x):
            self.add_loss(keras.ops.mean(x) * 0.01)
            return self.inner(x)

    model = keras.Sequential([keras.Input((6,)), Adds()])
    seeded(model)
    model(X)
    direct = [float(v) for v in model.losses]
    model.compile("sgd", "mse")
    return [direct, model.fit(X, Y, epochs=1, shuffle=False, verbose=0).history, len(model.losses)]


# ------------------------------------------------------------------------------------------------------------ fit
@program
def callbacks_are_called_in_this_order(keras):
    calls = []

    class Log(keras.callbacks.Callback):
        def __getattribute__(self, name):
            if name.startswith("on_"):
                if name == "on_stretch_end":  # Hornbook's own, between batches
                    raise AttributeError(name)
                return lambda *args, **kwargs: calls.append(
                    (
                        name,
                        [a for a in args if isinstance(a, int)],
                        sorted(kwargs.get("logs") or (args[-1] if args and isinstance(args[-1], dict) else {}) or {}),
                    )
                )
            return super().__getattribute__(name)

    model = mlp(keras)
    model.compile("sgd", "mse", metrics=["mae"])
    model.fit(X, Y, epochs=2, batch_size=32, validation_data=(X, Y), callbacks=[Log()], verbose=0)
    model.evaluate(X, Y, callbacks=[Log()], verbose=0)
    model.predict(X, callbacks=[Log()], verbose=0)
    return [[name, numbers, names] for name, numbers, names in calls]


@program
def steps_of_validation_and_epochs(keras):
    model = mlp(keras)
    model.compile("sgd", "mse")
    split = model.fit(X, Y, validation_split=0.3, epochs=1, shuffle=False, verbose=0).history
    sometimes = model.fit(X, Y, validation_data=(X, Y), validation_freq=2, epochs=4, shuffle=False, verbose=0)
    listed = model.fit(X, Y, validation_data=(X, Y), validation_freq=[1, 3], epochs=4, shuffle=False, verbose=0).history
    some = model.fit(X, Y, steps_per_epoch=1, epochs=2, shuffle=False, verbose=0)
    late = model.fit(X, Y, initial_epoch=2, epochs=4, shuffle=False, verbose=0)
    return [split, sometimes.history, listed, some.history, late.epoch, len(late.history["loss"])]


@program
def generators_and_data_sets(keras):
    import tensorflow as tf

    found = []
    for make in (
        lambda: ((X[i : i + 16], Y[i : i + 16]) for i in range(0, 64, 16)),
        lambda: tf.data.Dataset.from_tensor_slices((X, Y)).batch(24),
        lambda: tf.data.Dataset.from_tensor_slices((X, Y, np.linspace(0, 1, 64))).batch(24),
    ):
        model = mlp(keras)
        model.compile("sgd", "mse", metrics=["mae"])
        found += [model.fit(make(), epochs=1, verbose=0).history, model.evaluate(make(), verbose=0)]
    return [*found, model.predict(tf.data.Dataset.from_tensor_slices(X).batch(24), verbose=0)]


@program
def loaders_of_pytorch_and_frames_of_pandas(keras):
    torch, pandas = pytest.importorskip("torch"), pytest.importorskip("pandas")
    data = torch.utils.data.TensorDataset(torch.tensor(X), torch.tensor(Y))
    loader = torch.utils.data.DataLoader(data, batch_size=24)
    model = mlp(keras)
    model.compile("sgd", "mse")
    fitted = model.fit(loader, epochs=2, verbose=0).history
    columns = [f"c{i}" for i in range(6)]
    frame = pandas.DataFrame(X, columns=columns)
    framed = model.fit(frame, pandas.DataFrame(Y), epochs=1, shuffle=False, verbose=0).history
    tensors = model.fit(torch.tensor(X), torch.tensor(Y), epochs=1, shuffle=False, verbose=0).history
    return [fitted, framed, tensors, model.evaluate(loader, verbose=0), model.predict(frame, verbose=0)]


@program
def a_loader_of_grain(keras):
    grain = pytest.importorskip("grain.python")
    rows = [(X[i], Y[i]) for i in range(64)]
    data = grain.MapDataset.source(rows).batch(16)
    model = mlp(keras)
    model.compile("sgd", "mse")
    return [model.fit(data, epochs=2, verbose=0).history, model.evaluate(data, verbose=0)]


@program
def one_batch_at_a_time(keras):
    model = mlp(keras)
    model.compile("sgd", "mse", metrics=["mae"])
    found = [model.train_on_batch(X[:8], Y[:8]), model.train_on_batch(X[8:], Y[8:], return_dict=True)]
    return [*found, model.test_on_batch(X, Y), model.predict_on_batch(X[:3])]


@program
def steps_of_ones_own(keras):
    class Own(keras.Model):
        def __init__(self):
            super().__init__()
            self.dense = keras.layers.Dense(2)
            self.seen = keras.metrics.Sum(name="seen")

        def call(self, x):
            return self.dense(x)

        def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
            return super().compute_loss(x, y, y_pred, sample_weight, training) * 2.0

        def test_step(self, data):
            x, y = data
            self.seen.update_state(keras.ops.ones((keras.ops.shape(x)[0],)))
            self.compute_loss(x, y, self(x, training=False))
            return {"seen": self.seen.result(), "constant": 3.0}

    model = Own()
    model(X)
    seeded(model)
    model.compile("sgd", "mse")
    found = [model.fit(X, Y, epochs=2, shuffle=False, verbose=0, validation_data=(X, Y)).history]
    return [*found, model.evaluate(X, Y, verbose=0), [m.name for m in model.metrics]]


@program
def training_is_passed_on(keras):
    seen = []

    class Look(keras.layers.Layer):
        def call(self, x, training=None):
            seen.append(training)
            return x

    class Outer(keras.layers.Layer):
        def __init__(self):
            super().__init__()
            self.look = Look()

        def call(self, x):
            return self.look(x)

    layer = Outer()
    layer(X)
    seen.clear()  # how often a layer is called while it is built is nobody's business
    layer(X)
    layer(X, training=True)
    model = keras.Sequential([keras.Input((6,)), layer])
    seen.clear()
    model(X, training=False)
    model(X, training=True)
    return seen


@program
def what_build_gets(keras):
    seen = []

    class Two(keras.layers.Layer):
        def build(self, left_shape, right_shape):
            seen.append((left_shape, right_shape))

        def call(self, left, right):
            return left + right

    class Nested(keras.layers.Layer):
        def build(self, shapes):
            seen.append(shapes)

        def call(self, data):
            return data["a"] + data["b"]

    Two()(X, X)
    layer = Nested()
    layer({"a": X, "b": X})
    seen.append(layer.get_build_config())
    dense = keras.layers.Dense(2)
    dense(X)
    return [*seen, dense.get_build_config(), dense.built]


# --------------------------------------------------------------------------------------------------------- models
@program
def a_functional_model_takes_its_inputs_in_many_forms(keras):
    a, b = keras.Input((6,), name="a"), keras.Input((1,), name="b")
    model = seeded(keras.Model([a, b], keras.layers.Dense(2)(keras.layers.Concatenate()([a, b]))))
    one = X[:, :1]
    found = [
        model([X, one]),
        model((X, one)),
        model({"a": X, "b": one}),
        model([X, X[:, 0]]),
        model([X.astype("float64"), one]),
    ]
    shapes = [
        model.input_shape,
        model.output_shape,
        model.output_names,
        [layer.name for layer in model.layers],
    ]
    return [*[np.asarray(y) for y in found], shapes]


@program
def layers_of_models(keras):
    model = mlp(keras)
    inner = keras.Sequential([keras.layers.Dense(3, name="d")], name="inner")
    outer = keras.Sequential([keras.Input((6,)), inner, keras.layers.Dense(1, name="e")], name="outer")
    clone = keras.models.clone_model(outer)
    again = keras.models.model_from_json(outer.to_json())
    found = [[layer.name for layer in m.layers] for m in (model, outer, clone, again)]
    return [
        *found,
        outer.get_layer("inner").name,
        outer.get_layer(index=1).name,
        outer.count_params(),
        again.count_params(),
    ]


@program
def freezing(keras):
    base = keras.Sequential([keras.Input((6,)), keras.layers.Dense(4), keras.layers.BatchNormalization()])
    model = keras.Sequential([keras.Input((6,)), base, keras.layers.Dense(2)])
    seeded(model)
    base.trainable = False
    model.compile("sgd", "mse")
    before = [w.copy() for w in base.get_weights()]
    model.fit(X, Y, epochs=1, shuffle=False, verbose=0)
    same = [bool((a == b).all()) for a, b in zip(before, base.get_weights(), strict=True)]
    return [same, len(model.trainable_weights), model.get_weights()]


@program
def copies_and_pickles(keras):
    model = mlp(keras)
    model.compile("adam", "mse")
    model.fit(X, Y, epochs=1, shuffle=False, verbose=0)
    again, deep = pickle.loads(pickle.dumps(model)), copy.deepcopy(model)
    return [m.predict(X, verbose=0) for m in (model, again, deep)]


@program
def stateful_recurrence(keras):
    model = keras.Sequential(
        [keras.Input(batch_shape=(4, 3, 2)), keras.layers.LSTM(3, stateful=True), keras.layers.Dense(1)]
    )
    seeded(model)
    x = np.random.default_rng(3).normal(size=(4, 3, 2)).astype("float32")
    first, second = model.predict(x, verbose=0, batch_size=4), model.predict(x, verbose=0, batch_size=4)
    model.layers[0].reset_states() if hasattr(model.layers[0], "reset_states") else model.layers[0].reset_state()
    return [first, second, model.predict(x, verbose=0, batch_size=4)]


# ------------------------------------------------------------------------------------------------------ optimizers
@program
def configs_of_optimizers(keras):
    configs = keras.optimizers.Adam(), keras.optimizers.AdamW(), keras.optimizers.SGD(clipnorm=1.0)
    return [sorted(optimizer.get_config().items()) for optimizer in configs]


@program
def accumulated_gradients_averages_and_decay(keras):
    model = mlp(keras)
    optimizer = keras.optimizers.AdamW(
        0.01, weight_decay=0.1, gradient_accumulation_steps=2, use_ema=True, ema_momentum=0.9, global_clipnorm=0.5
    )
    optimizer.exclude_from_weight_decay(var_names=["bias"])
    model.compile(optimizer, "mse")
    history = model.fit(X, Y, epochs=3, batch_size=16, shuffle=False, verbose=0).history
    return [history, model.get_weights(), int(optimizer.iterations), [v.path for v in optimizer.variables][:3]]


@program
def schedules_and_rates(keras):
    model = mlp(keras)
    schedule = keras.optimizers.schedules.CosineDecay(0.1, 8, warmup_steps=2, warmup_target=0.2)
    model.compile(keras.optimizers.SGD(schedule), "mse")
    history = model.fit(X, Y, epochs=2, batch_size=16, shuffle=False, verbose=0).history
    model.compile(keras.optimizers.SGD(0.1), "mse")
    model.optimizer.learning_rate = 0.05
    reduce = keras.callbacks.ReduceLROnPlateau(monitor="loss", patience=1, min_delta=10.0)
    late = model.fit(X, Y, epochs=4, callbacks=[reduce], shuffle=False, verbose=0).history
    return [history, late, float(model.optimizer.learning_rate)]


@program
def loss_scale_of_float16(keras):
    keras.config.set_dtype_policy("mixed_float16")
    try:
        model = mlp(keras)
        model.compile("sgd", "mse")
        name = type(model.optimizer).__name__
        model.compile("sgd", "mse", auto_scale_loss=False)
        dense = model.layers[0]
        return [name, type(model.optimizer).__name__, dense.compute_dtype, dense.variable_dtype, dense.dtype]
    finally:
        keras.config.set_dtype_policy("float32")


# -------------------------------------------------------------------------------------------------------- training
def curve(keras, model, x, y, loss, optimizer="adam"):
    model.compile(optimizer, loss)
    losses = []

    class Losses(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            losses.append(logs["loss"])

    model.fit(x, y, batch_size=16, epochs=100 * 16 // len(x), shuffle=False, verbose=0, callbacks=[Losses()])
    assert len(losses) == 100
    return losses


@program
def curve_of_an_mlp(keras):
    rng = np.random.default_rng(5)
    x = rng.normal(size=(160, 6)).astype("float32")
    return curve(
        keras, mlp(keras, 3, activation="softmax"), x, rng.integers(0, 3, 160), "sparse_categorical_crossentropy"
    )


@program
def curve_of_a_convnet(keras):
    layers, rng = keras.layers, np.random.default_rng(6)
    model = keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            layers.Conv2D(4, 3, padding="same", use_bias=False),
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.MaxPooling2D(),
            layers.Conv2D(8, 3, activation="relu"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(3),
        ]
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    return curve(keras, seeded(model), rng.normal(size=(160, 8, 8, 3)).astype("float32"), rng.integers(0, 3, 160), loss)


@program
def curve_of_an_lstm(keras):
    layers, rng = keras.layers, np.random.default_rng(7)
    model = keras.Sequential(
        [
            keras.Input((None, 6)),
            layers.Masking(),
            layers.Bidirectional(layers.LSTM(5)),
            layers.Dense(1),
        ]
    )
    x = rng.normal(size=(160, 9, 6)).astype("float32") * (np.arange(9) < rng.integers(3, 10, (160, 1)))[..., None]
    loss = keras.losses.BinaryCrossentropy(from_logits=True)
    y = (x.sum((1, 2)) > 0).astype("float32")
    return curve(keras, seeded(model), x, y, loss, keras.optimizers.RMSprop(0.01))


@program
def curve_of_a_transformer(keras):
    layers, rng = keras.layers, np.random.default_rng(8)
    inputs = keras.Input((7, 11))
    x = layers.Dense(8, use_bias=False)(inputs)  # an Embedding would do the same; Adam squares its gradients otherwise
    attended = layers.MultiHeadAttention(2, 4)(x, x, use_causal_mask=True)
    x = layers.LayerNormalization()(layers.Add()([x, attended]))
    x = layers.LayerNormalization()(layers.Add()([x, layers.Dense(8)(layers.Dense(16, activation="gelu")(x))]))
    model = seeded(keras.Model(inputs, layers.Dense(11)(x)))
    tokens = rng.integers(0, 11, (160, 8))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    one_hot = np.eye(11, dtype="float32")[tokens[:, :-1]]
    return curve(keras, model, one_hot, tokens[:, 1:], loss, keras.optimizers.AdamW(0.003))


# ---------------------------------------------------------------------------------------------------------- random
@program
def seeds(keras):
    generator = keras.random.SeedGenerator(7)
    states = [np.asarray(generator.state).tolist()]
    numbers = [np.asarray(keras.random.normal((3,), seed=generator)), np.asarray(keras.random.uniform((3,), seed=5))]
    states.append(np.asarray(generator.state).tolist())
    initializer = keras.initializers.GlorotUniform(seed=3)
    drop = keras.layers.Dropout(0.5, seed=4)
    return [states, numbers, np.asarray(initializer((2, 3))), np.asarray(drop(X[:2], training=True))]


# -------------------------------------------------------------------------------------------------- rules of layers
def outcome(function):
    """What a call gives: the name of its error, or that it warned, or its result."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            result = function()
        except (ValueError, TypeError, RuntimeError, AttributeError, KeyError, OSError) as error:
            return type(error).__name__
    return "warned" if any(issubclass(w.category, UserWarning) for w in caught) else result


@program
def what_layers_refuse(keras):
    class Early(keras.layers.Layer):
        def __init__(self):
            self.kernel = self.add_weight(shape=(1,))
            super().__init__()

    class Plain(keras.layers.Layer):
        def call(self, x):
            return x

    dense = keras.layers.Dense(2)
    dense.build((None, 6))
    return [
        outcome(Early),
        outcome(lambda: Plain()("text")),
        outcome(lambda: dense(np.ones((2, 5), "float32"))),
        outcome(lambda: dense(np.ones((2,), "float32"))),
        outcome(lambda: keras.layers.Dense(-1)),
        outcome(lambda: keras.Sequential([keras.layers.Dense(1, name="a"), keras.layers.Dense(1, name="a")])),
        outcome(lambda: setattr(mlp(keras), "layers", [])),
        outcome(lambda: keras.Model(keras.Input((2,)), keras.layers.Dense(1)(keras.Input((2,))))),
        outcome(lambda: keras.layers.Dense(1, name="a/b").name),
    ]


@program
def initializers_that_add_weight_chooses(keras):
    layer = keras.layers.Layer()
    floats, integers = layer.add_weight((2, 3)), layer.add_weight((2,), dtype="int32")
    return [bool(np.ptp(np.asarray(floats)) > 0), np.asarray(integers).tolist(), floats.dtype, integers.dtype]


@program
def state_as_arguments(keras):
    layer = keras.layers.BatchNormalization()
    layer.build((None, 6))
    trainable, others = (
        [v.value for v in group] for group in (layer.trainable_variables, layer.non_trainable_variables)
    )
    result = layer.stateless_call(trainable, others, X, training=True)
    return [len(result), np.asarray(result[0]), [np.asarray(v) for v in result[1]], np.asarray(layer.moving_mean)]


@program
def masks_on_tensors(keras):
    mask = keras.layers.Masking()
    x = X.reshape(8, 8, 6) * (np.arange(8) < 5)[:, None].astype("float32")
    y = mask(x)

    class Loses(keras.layers.Layer):
        def call(self, x):
            return x + 1.0

    kept = keras.layers.Dropout(0.1)(y)
    return [
        np.asarray(y._keras_mask).tolist(),
        np.asarray(kept._keras_mask).tolist(),
        outcome(lambda: getattr(Loses()(y), "_keras_mask", None)),
        np.asarray(keras.layers.GlobalAveragePooling1D()(y)),
    ]


@program
def dtypes_of_inputs_and_results(keras):
    dense, embedding = keras.layers.Dense(2), keras.layers.Embedding(4, 2)
    half = keras.layers.Dense(2, dtype="mixed_bfloat16")
    results = [dense(X.astype("float64")), dense(X.astype("int32")), embedding(C % 4), half(X)]
    names = [keras.backend.standardize_dtype(r.dtype) for r in results]
    return [
        names,
        half.kernel.dtype,
        half.compute_dtype,
        half.variable_dtype,
        keras.backend.result_type("int32", "float16"),
    ]


# ------------------------------------------------------------------------------------------------------ rules of fit
@program
def what_fit_refuses(keras):
    def fresh():
        model = mlp(keras)
        model.compile("sgd", "mse")
        return model

    silent = {"verbose": 0}
    return [
        outcome(lambda: mlp(keras).fit(X, Y, **silent)),
        outcome(lambda: fresh().fit(X, Y[:10], **silent)),
        outcome(lambda: fresh().fit(X, Y, validation_split=1.0, **silent)),
        outcome(lambda: fresh().fit(iter([(X, Y)]), validation_split=0.5, **silent)),
        outcome(lambda: fresh().fit(((X, Y) for _ in range(1)), Y, **silent)),
        outcome(lambda: keras.optimizers.SGD(clipnorm=1.0, clipvalue=1.0)),
        outcome(lambda: keras.optimizers.get("sgdd")),
        outcome(lambda: keras.losses.get("msee")),
        outcome(lambda: fresh().load_weights("nowhere.weights.h5")),
        outcome(lambda: fresh().save_weights("wrong.ending")),
    ]


@program
def groups_of_steps(keras):
    calls = []

    class Steps(keras.callbacks.Callback):
        def on_train_batch_begin(self, batch, logs=None):
            calls.append(("begin", batch))

        def on_train_batch_end(self, batch, logs=None):
            calls.append(("end", batch))

    model = mlp(keras)
    model.compile("sgd", "mse", steps_per_execution=2)
    history = model.fit(X, Y, batch_size=16, epochs=2, shuffle=False, verbose=0, callbacks=[Steps()])
    return [calls, history.history, sorted(history.params), history.epoch, model.history is history]


@program
def stopping(keras):
    class Stop(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            self.model.stop_training = True

    model = mlp(keras)
    model.compile("sgd", "mse")
    stopped = model.fit(X, Y, batch_size=16, epochs=3, shuffle=False, verbose=0, callbacks=[Stop()])
    early = keras.callbacks.EarlyStopping(monitor="loss", patience=1, min_delta=100.0, restore_best_weights=True)
    again = model.fit(X, Y, epochs=5, shuffle=False, verbose=0, callbacks=[early])
    return [stopped.history, again.history, early.stopped_epoch, model.get_weights()]


@program
def a_split_takes_the_last_rows(keras):
    model = mlp(keras)
    model.compile("sgd", "mse")
    history = model.fit(X, Y, validation_split=0.23, epochs=1, shuffle=False, verbose=0).history
    cut = int(64 * (1 - 0.23))
    return [history, model.evaluate(X[cut:], Y[cut:], verbose=0)]


@program
def gradients_that_are_not_there(keras):
    used, unused = keras.Variable([1.0, 2.0]), keras.Variable([1.0])
    optimizer = keras.optimizers.SGD(0.5)
    optimizer.build([used, unused])
    one = keras.ops.convert_to_tensor([1.0, 1.0])
    return [
        outcome(lambda: optimizer.apply_gradients([(None, used), (None, unused)])),
        outcome(lambda: optimizer.apply_gradients([(one, used), (None, unused)])),
        np.asarray(used),
        outcome(lambda: optimizer.apply_gradients([(one, keras.Variable([3.0, 4.0]))])),
        int(optimizer.iterations),
    ]


@program
def inputs_a_functional_model_repairs(keras):
    a, b = keras.Input((6,), name="a"), keras.Input((6,), name="b", optional=True)

    class Maybe(keras.layers.Layer):
        def call(self, x, other=None):
            return x if other is None else x + other

    model = keras.Model({"a": a, "b": b}, [Maybe()(a, b)])
    single = mlp(keras)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = [model({"a": X, "b": None}), model({"a": X, "b": X}), model({"a": X, "b": X, "c": X})]
    bare = keras.Model(a, [keras.layers.Identity()(a)])(X)
    return [
        [np.asarray(f[0] if isinstance(f, list) else f) for f in found],
        isinstance(bare, list),
        outcome(lambda: single(X.tolist()).shape == (64, 2)),
    ]


# ------------------------------------------------------------------------------------------------------- the check
@pytest.mark.parametrize("name", list(PROGRAMS))
def test_a_program_sees_the_same(name, tmp_path, monkeypatch):
    results = []
    for library in (hornbook, reference):
        (tmp_path / library.__name__).mkdir()
        monkeypatch.chdir(tmp_path / library.__name__)
        library.utils.clear_session()
        library.utils.set_random_seed(1)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            results.append(PROGRAMS[name](library))
    check(*results)
