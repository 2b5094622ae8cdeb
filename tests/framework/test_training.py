"""fit, evaluate and predict: the same numbers step by step and in stretches, and clear words for bad data."""

import re
import warnings

import numpy as np
import pytest

import hornbook as keras
from hornbook import layers, ops
from hornbook.training import compilation

ROWS = 70  # with batches of 16: four whole ones and a rest


def problem(classes=3):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(ROWS, 6)).astype("float32")
    return x, rng.integers(0, classes, ROWS)


def classifier(seed=1, dropout=0.0):
    keras.utils.set_random_seed(seed)
    model = keras.Sequential(
        [keras.Input((6,)), layers.Dense(8, activation="relu"), layers.Dropout(dropout), layers.Dense(3)]
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=keras.optimizers.Adam(0.01), loss=loss, metrics=["accuracy"])
    return model


def test_a_stretch_gives_the_numbers_of_single_steps():
    x, y = problem()
    together, apart = classifier(), classifier()
    apart.set_weights(together.get_weights())
    history = together.fit(x, y, batch_size=16, epochs=2, shuffle=False, verbose=0).history
    losses = []
    for _ in range(2):
        seen = []
        for i in range(0, ROWS, 16):
            rows = len(x[i : i + 16])
            seen.append((rows, apart.train_on_batch(x[i : i + 16], y[i : i + 16])[0]))
        losses.append(sum(n * loss for n, loss in seen) / ROWS)
    np.testing.assert_allclose(history["loss"], losses, rtol=1e-5)
    for a, b in zip(together.get_weights(), apart.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("kind", ["eager", "hooks", "steps_per_execution", "dataset", "generator", "custom"])
def test_every_path_gives_the_same_numbers(kind):
    x, y = problem()
    reference, model = classifier(), classifier()
    expected = reference.fit(x, y, batch_size=16, epochs=2, shuffle=False, verbose=0).history
    arguments = {"epochs": 2, "verbose": 0}
    arrays = {"x": x, "y": y, "batch_size": 16, "shuffle": False}
    seen = []
    if kind == "eager":
        model.run_eagerly = True
        arguments |= arrays
    elif kind == "hooks":
        callback = keras.callbacks.LambdaCallback(on_epoch_end=None)
        callback.on_train_batch_end = lambda batch, logs=None: seen.append(batch)

        class Hook(keras.callbacks.Callback):
            def on_train_batch_end(self, batch, logs=None):
                seen.append((batch, logs["loss"]))

        arguments |= arrays | {"callbacks": [Hook()]}
    elif kind == "steps_per_execution":
        model.steps_per_execution = 3
        arguments |= arrays
    elif kind == "dataset":
        import tensorflow as tf

        arguments["x"] = tf.data.Dataset.from_tensor_slices((x, y)).batch(16)
    elif kind == "generator":

        def batches():
            while True:
                for i in range(0, ROWS, 16):
                    yield x[i : i + 16], y[i : i + 16]

        arguments |= {"x": batches(), "steps_per_epoch": 5}
    else:

        class Custom(keras.Model):
            def __init__(self, inner):
                super().__init__()
                self.inner = inner

            def call(self, inputs, training=None):
                return self.inner(inputs, training=training)

            def train_step(self, data):
                logs = super().train_step(data)
                return {**logs, "twice": logs["loss"] * 2}

        inner = model
        model = Custom(inner)
        model.compile(inner.optimizer, inner.loss, metrics=["accuracy"])
        arguments |= arrays
    history = model.fit(**arguments).history
    np.testing.assert_allclose(history["loss"], expected["loss"], rtol=1e-5)
    np.testing.assert_allclose(history["accuracy"], expected["accuracy"], rtol=1e-5)
    if kind == "hooks":
        assert [batch for batch, _ in seen] == [0, 1, 2, 3, 4] * 2
    if kind == "custom":
        assert "twice" in history


def reader(**options):
    """A model of texts with all that a stretch could treat otherwise: masks, dropout, averages, metrics with state."""
    keras.utils.set_random_seed(4)
    model = keras.Sequential(
        [
            keras.Input((7,), dtype="int32"),
            layers.Embedding(12, 6, mask_zero=True),
            layers.Dropout(0.3),
            layers.LSTM(5, recurrent_dropout=0.2, return_sequences=True),
            layers.GlobalAveragePooling1D(),
            layers.BatchNormalization(),
            layers.Dense(3, activation="softmax", kernel_regularizer="l2"),
        ]
    )
    weighted = [
        "accuracy",
        keras.metrics.F1Score(average="macro"),
        keras.metrics.AUC(multi_label=True, num_labels=3, name="auc"),
    ]
    model.compile(
        keras.optimizers.Adam(0.02, use_ema=True), "categorical_crossentropy", weighted_metrics=weighted, **options
    )
    return model


class OneByOne(keras.callbacks.Callback):
    """Asks for each batch, and may end the training within an epoch."""

    def __init__(self, last=None):
        super().__init__()
        self.last, self.steps = last, 0

    def on_train_batch_end(self, batch, logs=None):
        self.steps += 1
        self.model.stop_training = self.steps == self.last


@pytest.mark.parametrize("how", ["hooks", "eagerly", "three at a time"])
def test_a_stretch_gives_the_numbers_of_single_steps_with_all_that_there_is(how):
    """Shuffling, weights of classes, masks, ragged last batches, validation, states of metrics, and draws."""
    rng = np.random.default_rng(0)
    x = rng.integers(0, 12, (ROWS, 7)) * (np.arange(7) < rng.integers(1, 8, (ROWS, 1)))
    y = np.eye(3, dtype="float32")[x.sum(1) % 3]
    options = {"hooks": {}, "eagerly": {"run_eagerly": True}, "three at a time": {"steps_per_execution": 3}}[how]
    runs = []
    for choice, looking_on in (({}, []), (options, [OneByOne()] if how == "hooks" else [])):
        model = reader(**choice)
        arguments = {"class_weight": {0: 1.0, 1: 2.0, 2: 0.5}, "validation_split": 0.2, "callbacks": looking_on}
        history = model.fit(x, y, 16, epochs=3, verbose=0, **arguments).history
        runs.append((history, [np.asarray(variable) for variable in model.variables + model.optimizer.variables]))
    (expected, weights), (found, others) = runs
    assert list(found) == list(expected)
    for name in expected:
        np.testing.assert_allclose(found[name], expected[name], rtol=2e-5, err_msg=name)
    for one, other in zip(weights, others, strict=True):
        np.testing.assert_allclose(other, one, rtol=1e-4, atol=2e-6)


def test_a_callback_may_end_the_training_within_an_epoch():
    x, y = problem()
    model, other, looking_on = classifier(), classifier(), OneByOne(last=8)
    history = model.fit(x, y, 16, epochs=4, shuffle=False, verbose=0, callbacks=[looking_on]).history
    for i in [0, 16, 32, 48, 64, 0, 16, 32]:
        other.train_on_batch(x[i : i + 16], y[i : i + 16])
    assert looking_on.steps == 8 and len(history["loss"]) == 2
    for one, another in zip(model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_allclose(one, another, rtol=1e-5, atol=1e-7)


def test_evaluate_says_what_fit_reported():
    x, y = problem()
    model = classifier()
    history = model.fit(x, y, validation_data=(x[:33], y[:33]), epochs=1, verbose=0).history
    loss, accuracy = model.evaluate(x[:33], y[:33], verbose=0)
    np.testing.assert_allclose([loss, accuracy], [history["val_loss"][0], history["val_accuracy"][0]], rtol=1e-6)
    assert model.evaluate(x, y, verbose=0, return_dict=True).keys() == {"loss", "accuracy"}


def test_loss_and_metrics_under_weights_equal_a_few_lines_of_numpy():
    x, y = problem()
    rng = np.random.default_rng(1)
    weights = rng.uniform(0, 2, ROWS).astype("float32")
    model = classifier()
    model.compile("sgd", model.loss, metrics=["accuracy"], weighted_metrics=["accuracy"])
    logs = model.evaluate(x, y, sample_weight=weights, batch_size=16, verbose=0, return_dict=True)
    logits = model.predict(x, verbose=0)
    logp = logits - np.log(np.exp(logits).sum(1, keepdims=True))
    nll, right = -logp[np.arange(ROWS), y], logits.argmax(1) == y
    np.testing.assert_allclose(logs["loss"], (nll * weights).mean(), rtol=1e-5)
    np.testing.assert_allclose(logs["accuracy"], right.mean(), rtol=1e-6)
    np.testing.assert_allclose(logs["weighted_accuracy"], (right * weights).sum() / weights.sum(), rtol=1e-5)


@pytest.mark.parametrize("labels", ["int32", "int64", "uint8", "float32"])
def test_probabilities_of_a_few_classes_lose_nothing_in_the_crossentropy(labels):
    model = keras.Sequential([keras.Input((3,)), layers.Dense(3, activation="softmax", use_bias=False)])
    model.layers[0].set_weights([np.eye(3, dtype="float32")])
    model.compile(keras.optimizers.SGD(0.0), "sparse_categorical_crossentropy", metrics=["accuracy"])
    x, y = np.array([[100.0, 0.0, -3.0], [0.2, 0.1, 0.3]] * 20, "float32"), np.array([1, 2] * 20, labels)
    exact = np.exp(x - x.max(1, keepdims=True)) / np.exp(x - x.max(1, keepdims=True)).sum(1, keepdims=True)
    expected = (100 + np.log(np.exp([0.2, 0.1, 0.3]).sum()) - 0.3) / 2  # log of the probability itself would be -inf
    np.testing.assert_allclose(model.predict(x, verbose=0), exact, rtol=1e-6, atol=1e-30)
    np.testing.assert_allclose(model.evaluate(x, y, verbose=0), [expected, 0.5], rtol=1e-6)
    history = model.fit(x, y, verbose=0).history
    np.testing.assert_allclose([history["loss"][0], history["accuracy"][0]], [expected, 0.5], rtol=1e-6)


def test_class_weight_is_a_sample_weight():
    x, y = problem()
    a, b = classifier(), classifier()
    table = {0: 1.0, 1: 3.0, 2: 0.5}
    first = a.fit(x, y, class_weight=table, shuffle=False, verbose=0).history["loss"]
    second = b.fit(x, y, sample_weight=np.array([table[c] for c in y]), shuffle=False, verbose=0).history["loss"]
    np.testing.assert_allclose(first, second, rtol=1e-6)


def test_predict_puts_ragged_batches_together():
    x, _ = problem()
    model = classifier()
    whole = np.asarray(model(x))
    for rows in (1, 5, 32, ROWS):
        got = model.predict(x[:rows], batch_size=16, verbose=0)
        np.testing.assert_allclose(got, whole[:rows], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(model.predict_on_batch(x), whole, rtol=1e-5, atol=1e-6)


def test_batches_like_those_before_are_predicted_in_all_their_forms():
    inputs = keras.Input((6,), name="x")
    model = keras.Model({"x": inputs}, {"y": layers.Dense(3)(inputs)})
    x, _ = problem()
    for _ in range(2):  # the second time all kinds are familiar
        for batch in ({"x": x}, x, x[:5], x.astype("float64"), x.astype("int32"), x.tolist(), ops.convert_to_tensor(x)):
            rows = batch["x"] if isinstance(batch, dict) else np.asarray(batch)
            want = rows @ np.asarray(model.weights[0])
            np.testing.assert_allclose(model.predict_on_batch(batch)["y"], want, rtol=1e-4, atol=1e-5)
        model.weights[0].assign(model.weights[0] * 2)
    with pytest.raises(ValueError, match="6"):
        model.predict_on_batch(x[:, :5])


def test_the_order_is_a_function_of_seed_and_epoch():
    orders = []

    class Remember(layers.Layer):
        def call(self, inputs):
            return inputs

    def run(seed):
        keras.utils.set_random_seed(seed)
        model = keras.Sequential([keras.Input((1,)), Remember(), layers.Dense(1)])
        model.compile("sgd", "mse", run_eagerly=True)
        seen = []
        step = model.train_step
        model.train_step = lambda data: (seen.extend(np.asarray(data[0])[:, 0].tolist()), step(data))[1]
        model.fit(np.arange(20.0)[:, None], np.zeros(20), epochs=2, batch_size=7, verbose=0)
        return seen

    orders = [run(1), run(1), run(2)]
    assert orders[0] == orders[1] != orders[2]
    assert sorted(orders[0][:20]) == list(range(20)) and orders[0][:20] != orders[0][20:]


def test_two_outputs_have_named_losses_and_metrics():
    a = keras.Input((4,))
    h = layers.Dense(5)(a)
    model = keras.Model(a, [layers.Dense(1, name="reg")(h), layers.Dense(3, activation="softmax", name="cls")(h)])
    model.compile(
        "adam",
        {"reg": "mse", "cls": "sparse_categorical_crossentropy"},
        loss_weights={"reg": 0.5},
        metrics={"cls": ["accuracy"], "reg": "mae"},
    )
    x, y1, y2 = np.ones((8, 4)), np.ones((8, 1)), np.zeros(8, int)
    history = model.fit(x, [y1, y2], verbose=0, validation_split=0.25).history
    names = ["cls_accuracy", "cls_loss", "loss", "reg_loss", "reg_mae"]
    assert sorted(history) == names + [f"val_{name}" for name in names]
    values = model.evaluate(x, {"reg": y1, "cls": y2}, verbose=0, return_dict=True)
    np.testing.assert_allclose(values["loss"], 0.5 * values["reg_loss"] + values["cls_loss"], rtol=1e-5)


def test_batch_normalization_and_dropout_learn_inside_a_stretch():
    x, y = problem()
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((6,)), layers.BatchNormalization(), layers.Dropout(0.5), layers.Dense(3)])
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.fit(x + 5, y, epochs=30, verbose=0)
    norm = model.layers[0]
    assert np.all(norm.moving_mean.numpy() > 2)
    assert int(model.layers[1].seed_generator.state.numpy()[1]) == 30 * 3


def test_callbacks_stop_and_restore_and_lower_the_rate(tmp_path):
    x, y = problem()
    model = classifier()
    path = tmp_path / "best.keras"
    callbacks = [
        keras.callbacks.EarlyStopping(monitor="val_loss", patience=1, min_delta=10.0),
        keras.callbacks.ModelCheckpoint(path, save_best_only=True),
        keras.callbacks.ReduceLROnPlateau(patience=1, min_delta=10.0, factor=0.5),
        keras.callbacks.CSVLogger(tmp_path / "log.csv"),
        keras.callbacks.TensorBoard(tmp_path / "tb"),
    ]
    history = model.fit(x, y, validation_split=0.2, epochs=10, callbacks=callbacks, verbose=0)
    assert len(history.epoch) == 2
    assert path.is_file() and len((tmp_path / "log.csv").read_text().splitlines()) == 3
    assert list((tmp_path / "tb").rglob("events*"))
    np.testing.assert_allclose(float(model.optimizer.learning_rate), 0.005, rtol=1e-5)
    best = keras.saving.load_model(path)
    assert best.evaluate(x, y, verbose=0)[0] > 0


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_mixed_precision_trains(policy):
    x, y = problem(2)
    keras.config.set_dtype_policy(policy)
    try:
        model = keras.Sequential(
            [keras.Input((6,)), layers.Dense(8, activation="relu"), layers.Dense(1, dtype="float32")]
        )
        model.compile("adam", keras.losses.BinaryCrossentropy(from_logits=True))
        losses = model.fit(x, y, epochs=20, verbose=0).history["loss"]
    finally:
        keras.config.set_dtype_policy("float32")
    assert losses[-1] < losses[0]
    assert (type(model.optimizer).__name__ == "LossScaleOptimizer") == (policy == "mixed_float16")


def test_a_tape_of_ones_own():
    import tensorflow as tf

    x, y = problem()

    class Taped(keras.Model):
        def __init__(self):
            super().__init__()
            self.dense = layers.Dense(3)

        def call(self, inputs):
            return self.dense(inputs)

        def train_step(self, data):
            inputs, labels = data
            with tf.GradientTape() as tape:
                loss = self.compute_loss(y=labels, y_pred=self(inputs, training=True))
            gradients = tape.gradient(loss, self.trainable_variables)
            self.optimizer.apply_gradients(zip(gradients, self.trainable_variables, strict=True))
            return {"my_loss": loss}

    model = Taped()
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    losses = model.fit(x, y, batch_size=ROWS, epochs=5, verbose=0).history["my_loss"]
    assert losses[-1] < losses[0]


def test_a_loop_of_ones_own_in_a_tf_function(caplog):
    """AutoGraph leaves the framework as it is, as it leaves Keras: else it rewrites all of it, slowly and with warnings."""
    import tensorflow as tf

    x, y = problem()
    model, optimizer, mean = keras.Sequential([layers.Dense(3)]), keras.optimizers.Adam(), keras.metrics.Mean()
    loss_of = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.build(x.shape)
    optimizer.build(model.trainable_variables)

    @tf.function
    def step(x, y):
        with tf.GradientTape() as tape:
            loss = loss_of(y, model(x, training=True))
        optimizer.apply(tape.gradient(loss, model.trainable_variables), model.trainable_variables)
        mean.update_state(loss)
        return loss

    first = step(x, y)
    assert step(x, y) < first and float(mean.result()) < first
    assert not [record.getMessage() for record in caplog.records if "AutoGraph" in record.getMessage()]


def test_add_loss_and_regularizers_are_part_of_the_loss():
    x, y = problem()
    model = keras.Sequential([keras.Input((6,)), layers.Dense(1, kernel_regularizer="l2", use_bias=False)])
    model.compile("sgd", "mse")
    loss = model.evaluate(x, y, verbose=0)
    kernel = model.layers[0].kernel.numpy()
    np.testing.assert_allclose(loss, np.mean((x @ kernel - y[:, None]) ** 2) + 0.01 * np.sum(kernel**2), rtol=1e-5)


def test_freezing_after_compile_is_seen_by_the_next_fit():
    x, y = problem()
    model = classifier()
    model.fit(x, y, verbose=0)
    model.layers[0].trainable = False
    before = model.layers[0].kernel.numpy()
    model.compile("sgd", model.loss)
    model.fit(x, y, verbose=0)
    np.testing.assert_array_equal(model.layers[0].kernel.numpy(), before)


# ------------------------------------------------------------------------------------------------- bad input
@pytest.mark.parametrize(
    ("run", "words"),
    [
        (lambda m, x, y: m.fit(x, y[:10]), "x has 70.*y has 10"),
        (lambda m, x, y: m.fit(x[:, :4], y), r"\(None, 6\)|size 6"),
        (lambda m, x, y: m.fit(x[:0], y[:0]), "0 examples"),
        (lambda m, x, y: m.fit(None, y), "None"),
        (lambda m, x, y: m.fit([[1.0], [1.0, 2.0]], [0, 1]), "length|shape|inhomogeneous"),
        (lambda m, x, y: m.fit(x, y, validation_split=1.0), "validation_split"),
        (lambda m, x, y: m.fit(x, np.eye(3)[y]), "one-hot|integer|class"),
        (lambda m, x, y: m.compile(loss="sparse_categorical_crosentropy"), "sparse_categorical_crossentropy"),
        (lambda m, x, y: m.compile(optimizer="adamm"), "adam"),
        (lambda m, x, y: m.compile(metrics=["acuracy_of"]), "(?i)unknown metric"),
        (lambda m, x, y: keras.Sequential([layers.Dense(1)]).fit(x, y), "compile"),
        (lambda m, x, y: m.fit(x, y + 7), r"label value of .* valid range of \[0, 3\)"),
        (lambda m, x, y: m.fit(x, y, batch_size=0), "batch_size=0"),
        (lambda m, x, y: m.fit(x, y, epochs=-1), "epochs=-1"),
        (lambda m, x, y: (m.compile(loss="binary_crossentropy"), m.fit(x, y)), r"\(None,\) .*\(None, 3\)"),
        (lambda m, x, y: (m.compile(loss="mse"), m.fit(x, y)), r"\(None,\) .*\(None, 3\)"),
        (lambda m, x, y: ops.matmul(x, x), r"^matmul: .*\(70, 6\), \(70, 6\)"),
        (lambda m, x, y: m.predict([]), "no data|0 examples|no array|gave no batch"),
    ],
)
def test_bad_data_is_refused_with_a_clear_word(run, words):
    with pytest.raises(ValueError, match=words), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        run(classifier(), *problem())


def test_categorical_crossentropy_with_class_numbers_says_what_to_do():
    x, y = problem()
    model = keras.Sequential([keras.Input((6,)), layers.Dense(3, activation="softmax")])
    model.compile("adam", "categorical_crossentropy")
    with pytest.raises(ValueError, match="sparse_categorical_crossentropy"):
        model.fit(x, y, verbose=0)


def test_the_progress_bar_is_printed(capsys):
    x, y = problem()
    classifier().fit(x, y, epochs=2, verbose=2)
    out = capsys.readouterr().out
    assert "Epoch 1/2" in out and "Epoch 2/2" in out and "loss:" in out and "accuracy:" in out


def test_ops_as_losses_and_metrics():
    x, y = problem()
    model = keras.Sequential([keras.Input((6,)), layers.Dense(1)])
    model.compile("sgd", lambda t, p: ops.mean(ops.abs(t - p), axis=-1), metrics=[lambda t, p: ops.mean(p)])
    assert set(model.fit(x, y, verbose=0).history) == {"loss", "lambda"}


def test_a_long_fit_compiles_the_loop_of_lstm_with_the_same_numbers():
    rng = np.random.default_rng(0)
    words, labels = rng.integers(0, 9, (20, 30)), rng.integers(0, 2, 20)
    weights, found = None, []
    for jit_compile in (False, "auto"):
        model = keras.Sequential(
            [layers.Input((30,)), layers.Embedding(9, 4, mask_zero=True), layers.LSTM(4), layers.Dense(1)]
        )
        weights = model.get_weights() if weights is None else weights
        model.set_weights(weights)
        model.compile("sgd", "mse", jit_compile=jit_compile)
        history = model.fit(words, labels, batch_size=8, epochs=240, shuffle=False, verbose=0)  # 21,600 turns
        assert model.make_train_function().compiled_part == ("loops" if jit_compile == "auto" else None)
        found.append([np.array(history.history["loss"]), *model.get_weights()])
    for plain, compiled in zip(*found, strict=True):
        np.testing.assert_allclose(plain, compiled, rtol=1e-4, atol=1e-5)
    model.fit(words, labels, verbose=0)
    assert model.make_train_function().compiled_part is None, "a short fit does not wait for XLA"


SMALL_WALKS = {
    "LSTM": lambda: [layers.LSTM(4, return_sequences=True), layers.LSTM(3), layers.Dense(3, activation="softmax")],
    "GRU": lambda: [layers.GRU(4), layers.Dense(3, activation="softmax")],
    "SimpleRNN": lambda: [layers.SimpleRNN(4, activation="relu"), layers.Dense(3, activation="softmax")],
    "Bidirectional": lambda: [layers.Bidirectional(layers.GRU(4)), layers.Dense(3, activation="softmax")],
}


def small_walk(parts, optimizer="adam", loss="sparse_categorical_crossentropy", metrics=("accuracy",), **kwargs):
    model = keras.Sequential([layers.Input((10, 2)), *parts])
    model.compile(optimizer, loss, metrics=list(metrics), **kwargs)
    return model


@pytest.mark.parametrize(
    ("kind", "optimizer"),
    [*((kind, "adam") for kind in SMALL_WALKS), *(("SimpleRNN", name) for name in ("rmsprop", "sgd", "schedule"))],
)
def test_a_long_fit_of_a_small_recurrent_model_is_compiled_whole_with_the_same_numbers(kind, optimizer, monkeypatch):
    monkeypatch.setattr(compilation, "TURNS", 0)
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(20, 10, 2)).astype("float32"), rng.integers(0, 3, 20)
    optimizers = {
        "sgd": lambda: keras.optimizers.SGD(0.1, momentum=0.9, nesterov=True, clipnorm=1.0),
        "schedule": lambda: keras.optimizers.AdamW(keras.optimizers.schedules.CosineDecay(0.01, 9)),
    }
    weights, found = None, []
    for jit_compile in (False, "auto"):
        model = small_walk(SMALL_WALKS[kind](), optimizers.get(optimizer, lambda: optimizer)(), jit_compile=jit_compile)
        weights = model.get_weights() if weights is None else weights
        model.set_weights(weights)
        history = model.fit(x, y, batch_size=8, epochs=3, shuffle=False, verbose=0).history
        assert model.make_train_function().compiled_part == ("steps" if jit_compile == "auto" else None)
        found.append([np.array(history["loss"]), np.array(history["accuracy"]), *model.get_weights()])
    for plain, compiled in zip(*found, strict=True):
        np.testing.assert_allclose(plain, compiled, rtol=1e-4, atol=1e-5)


class OwnSteps(keras.Sequential):
    def train_step(self, data):
        return super().train_step(data)


NOT_WHOLE = {
    "it draws": lambda: small_walk([layers.GRU(4, dropout=0.1), layers.Dense(3)]),
    "a layer draws": lambda: small_walk([layers.Dropout(0.1), layers.GRU(4), layers.Dense(3)]),
    "a convolution": lambda: small_walk([layers.Conv1D(4, 3), layers.GRU(4), layers.Dense(3)]),
    "a wide LSTM": lambda: small_walk([layers.LSTM(64), layers.Dense(3)]),
    "a regularizer": lambda: small_walk([layers.GRU(4, kernel_regularizer="l2"), layers.Dense(3)]),
    "an activation of one's own": lambda: small_walk([layers.GRU(4), layers.Dense(3, activation=lambda x: x)]),
    "a loss of one's own": lambda: small_walk([layers.GRU(4), layers.Dense(3)], loss=lambda t, p: ops.sum(p, -1)),
    "another metric": lambda: small_walk([layers.GRU(4), layers.Dense(1)], loss="mse", metrics=["auc"]),
    "many weights": lambda: small_walk([layers.GRU(300), layers.Dense(3)]),
    "steps of one's own": lambda: OwnSteps([layers.Input((10, 2)), layers.GRU(4), layers.Dense(3)]),
    "eager": lambda: small_walk([layers.GRU(4), layers.Dense(3)], run_eagerly=True),
}


@pytest.mark.parametrize("reason", NOT_WHOLE)
def test_what_xla_might_do_worse_or_not_at_all_is_not_compiled_whole(reason):
    model = NOT_WHOLE[reason]()
    if not model.compiled:
        model.compile("sgd", "sparse_categorical_crossentropy")
    x, y = np.ones((4, 10, 2), "float32"), np.ones(4, "int64")
    model.fit(x, y, verbose=0)
    assert compilation.compiled_part(model, 10**6) == ("loops" if reason == "a wide LSTM" else None)


def test_explain_traces_says_which_shapes_compiled_what_and_why_again():
    model = keras.Sequential(
        [keras.Input((None, 2)), layers.Dense(1), layers.GlobalAveragePooling1D(), layers.Dense(1)]
    )
    model.compile("sgd", "mse")
    assert "No step has been traced" in model.explain_traces()
    for rows in (64, 40):
        model.fit(np.ones((rows, 3, 2), "float32"), np.ones((rows, 1), "float32"), epochs=2, verbose=0)
    assert model.explain_traces().count("\n") == 1, "another number of rows needs no other graph"
    model.fit(np.ones((64, 5, 2), "float32"), np.ones((64, 1), "float32"), verbose=0)
    model.layers[-1].trainable = False
    model.fit(np.ones((64, 5, 2), "float32"), np.ones((64, 1), "float32"), verbose=0)
    model.train_on_batch(np.ones((8, 5, 2), "float32"), np.ones((8, 1), "float32"))
    model.compile("sgd", "mse")
    model.train_on_batch(np.ones((8, 5, 2), "float32"), np.ones((8, 1), "float32"))
    told = re.sub(r" \(\d+\.\d\d s\)", "", model.explain_traces()).splitlines()
    assert told == [
        "train: 5 traces",
        "  1. a stretch of arrays: x (None, 3, 2) float32, y (None, 1) float32",
        "  2. a stretch of arrays: x (None, 5, 2) float32, y (None, 1) float32",
        "     again, because x has shape (None, 5, 2), not (None, 3, 2)",
        "  3. a stretch of arrays: x (None, 5, 2) float32, y (None, 1) float32",
        "     again, because 2 of 4 weights are trained",
        "  4. one batch, counted anew: x (None, 5, 2) float32, y (None, 1) float32",
        "     again, because one batch, counted anew is a graph of its own",
        "  5. one batch, counted anew: x (None, 5, 2) float32, y (None, 1) float32",
        "     again, because compile() was called for the 2. time",
    ]
    model.evaluate(np.ones((4, 1, 2), "float32"), np.ones((4, 1), "float32"), verbose=0)
    assert "test: 1 trace\n  1. one batch, counted anew: x (None, 1, 2)" in model.explain_traces()


def test_texts_of_many_lengths_share_a_trace():
    """Two lengths are traced; the third makes a trace for all. What only fixed shapes can do is traced for each."""

    class Mean(layers.Layer):
        def call(self, x):
            return keras.ops.mean(keras.ops.cast(x, "float32"), axis=1)

    tried = []

    class Unrolled(layers.Layer):
        def call(self, x):
            tried.append(x.shape[1])
            return keras.ops.cast(sum(x[:, i] for i in range(x.shape[1] or 1 / 0)), "float32") / x.shape[1]

        def compute_output_shape(self, shape):
            return shape[:1]

    rng = np.random.default_rng(0)
    for kind, traces in ((Mean, 3), (Unrolled, 4)):
        inputs = keras.Input((None,), dtype="int32")
        model = keras.Model(inputs, kind()(inputs))
        model.compile(loss="mse")
        tried.clear()
        for length in (5, 6, 7, 8, 7, 5):
            x = rng.integers(0, 9, (3, length))
            np.testing.assert_allclose(model.predict_on_batch(x), x.mean(1), rtol=1e-6)
        assert model.explain_traces().count("one batch: ") == traces, model.explain_traces()
    assert tried.count(None) <= 1, "a trace for all lengths is tried once"


def test_a_wrong_number_of_features_is_refused_however_many_lengths_came():
    model = keras.Sequential([keras.Input((None, 4)), layers.Dense(2)])
    model.compile(loss="mse")
    for length in (3, 5, 7, 9):
        model.predict_on_batch(np.zeros((2, length, 4), "float32"))
    with pytest.raises(ValueError, match="4"):
        model.predict_on_batch(np.zeros((2, 7, 3), "float32"))


@pytest.mark.parametrize("what", ["evaluate and predict", "fit"])
def test_windows_of_rows_give_what_the_whole_gives(what, monkeypatch):
    from hornbook.training import data

    windows, run_window = [], data.ArraySource._run_window

    def noted(source, steps, count):
        windows.append(count)
        return run_window(source, steps, count)

    monkeypatch.setattr(data.ArraySource, "_run_window", noted)
    x, y = np.random.default_rng(0).normal(size=(203, 6)).astype("float32"), np.arange(203) % 3
    found = []
    for most in (None, 2000):  # bytes; two batches of 32 rows have 2,048, all rows 6,496
        if most is not None:
            monkeypatch.setattr(data, "WINDOW_BYTES", most)
            monkeypatch.setattr(data, "RESIDENT_BYTES", most)
        keras.utils.set_random_seed(0)
        model = keras.Sequential([keras.Input((6,)), layers.Dense(8, "relu"), layers.Dropout(0.5), layers.Dense(3)])
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile("adam", loss, metrics=["accuracy"])
        if what == "fit":
            found.append([np.array(model.fit(x, y, epochs=3, verbose=0).history["loss"]), *model.get_weights()])
        else:
            found.append([*model.evaluate(x, y, verbose=0), model.predict(x, verbose=0)])
        assert bool(windows) == (most is not None)
    assert len(windows) > 6 and max(windows) <= 2
    for whole, windowed in zip(*found, strict=True):
        np.testing.assert_array_equal(whole, windowed)
