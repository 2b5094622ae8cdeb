"""The same program on Keras and on Hornbook: the same numbers, and each opens the other's files."""

import json
import zipfile

import numpy as np
import pytest

import hornbook

keras = pytest.importorskip("keras", reason="Keras is the reference; it comes with TensorFlow")
pytestmark = pytest.mark.parity

rng = np.random.default_rng(0)
IMAGES = rng.normal(size=(64, 8, 8, 1)).astype("float32")
ROWS = rng.normal(size=(64, 6)).astype("float32")
STEPS = rng.normal(size=(64, 5, 4)).astype("float32")
WORDS = rng.integers(1, 20, (64, 7))
LABELS = rng.integers(0, 3, 64)


def mlp(k):
    layers = k.layers
    return k.Sequential(
        [
            k.Input((6,)),
            layers.Dense(16, activation="relu"),
            layers.LayerNormalization(),
            layers.Dense(3, activation="softmax"),
        ]
    ), ROWS


def convnet(k):
    layers = k.layers
    return k.Sequential(
        [
            k.Input((8, 8, 1)),
            layers.Rescaling(0.5),
            layers.Conv2D(8, 3, padding="same", activation="relu"),
            layers.BatchNormalization(),
            layers.MaxPooling2D(2),
            layers.Conv2D(8, 3, strides=2, padding="same"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(3, activation="softmax"),
        ]
    ), IMAGES


def recurrent(k):
    layers = k.layers
    return k.Sequential([k.Input((5, 4)), layers.LSTM(8), layers.Dense(3, activation="softmax")]), STEPS


def transformer(k):
    layers = k.layers
    words = k.Input((7,), dtype="int32")
    x = layers.Embedding(20, 8)(words)
    x = layers.LayerNormalization()(layers.Add()([x, layers.MultiHeadAttention(2, 4)(x, x)]))
    x = layers.LayerNormalization()(layers.Add()([x, layers.Dense(8)(layers.Dense(16, activation="gelu")(x))]))
    x = layers.Concatenate()([layers.Flatten()(x), layers.Reshape((56,))(x)])
    return k.Model(words, layers.Dense(3, activation="softmax")(x)), WORDS


MODELS = [mlp, convnet, recurrent, transformer]
# Adam on an Embedding: Keras on TensorFlow squares the gradient of a word once for each place where it stands in the
# batch, (1 + 4) for gradients 1 and 2, where the formula (and Keras on JAX, and Hornbook) squares their sum, 9.
OPTIMIZERS = {transformer: "sgd"}


def twins(make):
    optimizer = OPTIMIZERS.get(make, "adam")
    keras.utils.set_random_seed(0)
    theirs, x = make(keras)
    ours, _ = make(hornbook)
    ours.set_weights(theirs.get_weights())
    for model in (theirs, ours):
        model.compile(optimizer=optimizer, loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return theirs, ours, x


@pytest.mark.parametrize("make", MODELS)
def test_a_hundred_steps_give_the_same_losses(make):
    theirs, ours, x = twins(make)
    settings = {"epochs": 25, "batch_size": 16, "shuffle": False, "verbose": 0}
    a, b = theirs.fit(x, LABELS, **settings).history, ours.fit(x, LABELS, **settings).history
    np.testing.assert_allclose(b["loss"], a["loss"], rtol=1e-4)
    np.testing.assert_allclose(b["accuracy"], a["accuracy"], atol=0.04)
    np.testing.assert_allclose(ours.predict(x, verbose=0), theirs.predict(x, verbose=0), atol=2e-3)


@pytest.mark.parametrize("make", MODELS)
def test_initial_weights_of_one_seed_are_equal(make):
    keras.utils.set_random_seed(7)
    theirs, _ = make(keras)
    hornbook.utils.set_random_seed(7)
    ours, _ = make(hornbook)
    for a, b in zip(theirs.weights, ours.weights, strict=True):
        np.testing.assert_array_equal(a.numpy(), b.numpy(), err_msg=b.path)


@pytest.mark.parametrize("make", MODELS)
def test_names_paths_and_order_of_weights_are_equal(make):
    keras.utils.clear_session()
    hornbook.utils.clear_session()
    theirs, _ = make(keras)
    ours, _ = make(hornbook)
    assert [layer.name for layer in ours.layers] == [layer.name for layer in theirs.layers]
    assert [(w.path, tuple(w.shape), w.trainable) for w in ours.weights] == [
        (w.path, tuple(w.shape), w.trainable) for w in theirs.weights
    ]


@pytest.mark.parametrize("make", MODELS)
def test_a_file_of_keras_opens_here(make, tmp_path):
    theirs, _, x = twins(make)
    theirs.fit(x, LABELS, verbose=0)
    theirs.save(tmp_path / "m.keras")
    ours = hornbook.saving.load_model(tmp_path / "m.keras")
    np.testing.assert_allclose(ours.predict(x, verbose=0), theirs.predict(x, verbose=0), rtol=1e-5, atol=1e-6)
    for a, b in zip(theirs.optimizer.variables, ours.optimizer.variables, strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-6)
    settings = {"batch_size": 16, "shuffle": False, "verbose": 0}
    np.testing.assert_allclose(
        ours.fit(x, LABELS, **settings).history["loss"], theirs.fit(x, LABELS, **settings).history["loss"], rtol=1e-4
    )


@pytest.mark.parametrize("make", MODELS)
def test_a_file_of_ours_opens_in_keras(make, tmp_path):
    _, ours, x = twins(make)
    ours.fit(x, LABELS, verbose=0)
    ours.save(tmp_path / "m.keras")
    theirs = keras.saving.load_model(tmp_path / "m.keras")
    np.testing.assert_allclose(theirs.predict(x, verbose=0), ours.predict(x, verbose=0), rtol=1e-5, atol=1e-6)
    for a, b in zip(theirs.optimizer.variables, ours.optimizer.variables, strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-6)


def test_the_layout_of_the_file_is_that_of_keras(tmp_path):
    theirs, ours, x = twins(transformer)
    theirs.save(tmp_path / "theirs.keras")
    ours.save(tmp_path / "ours.keras")

    def config(path):
        def plain(value):
            if isinstance(value, dict):
                drop = ("shared_object_id", "quantization_config", "kwargs", "optional", "name", "keras_history")
                return {k: plain(v) for k, v in value.items() if k not in drop}
            return [plain(v) for v in value] if isinstance(value, list) else value

        return plain(json.loads(zipfile.ZipFile(path).read("config.json")))

    a, b = config(tmp_path / "theirs.keras"), config(tmp_path / "ours.keras")
    for theirs_layer, ours_layer in zip(a["config"]["layers"], b["config"]["layers"], strict=True):
        if theirs_layer["class_name"] == "LayerNormalization":  # Keras turns -1 into [-1] when the layer is built
            theirs_layer["config"]["axis"] = theirs_layer["config"]["axis"][0]
        assert ours_layer["config"] == theirs_layer["config"]
        assert ours_layer["class_name"] == theirs_layer["class_name"]
    assert b["compile_config"]["optimizer"] == a["compile_config"]["optimizer"]


def test_the_snippets_of_the_documentation_run_after_changing_the_import(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    source = """
import numpy as np
import {name} as keras
from {name} import Input, Model, Sequential
from {name}.layers import Dense, Layer
from {name}.callbacks import EarlyStopping, ModelCheckpoint
x_train, x_test, x_new = np.ones((40, 100)), np.ones((8, 100)), np.ones((3, 100))
y_train, y_test = np.eye(10)[np.arange(40) % 10], np.eye(10)[np.arange(8)]
model = Sequential([Dense(64, activation='relu', input_shape=(100,)),
                    Dense(10, activation='softmax')])
inputs = Input(shape=(100,)); x = Dense(64, activation='relu')(inputs); outputs = Dense(10, activation='softmax')(x)
model = Model(inputs, outputs)
model.compile(optimizer='adam', loss='categorical_crossentropy', metrics=['accuracy'])
model.fit(x_train, y_train, batch_size=32, epochs=10, validation_split=0.2, verbose=0,
          callbacks=[EarlyStopping(monitor='val_loss', patience=3), ModelCheckpoint('best.keras', save_best_only=True)])
loss, accuracy = model.evaluate(x_test, y_test, verbose=0); predictions = model.predict(x_new, verbose=0)
class CustomLayer(Layer):
    def call(self, inputs): return inputs * 2
assert float(keras.ops.sum(CustomLayer()(np.ones((2, 2))))) == 8.0
model.save('my_model.keras'); loaded = keras.saving.load_model('my_model.keras')
loaded = keras.models.load_model('my_model.keras')
assert predictions.shape == (3, 10) and np.allclose(loaded.predict(x_new, verbose=0), predictions, atol=1e-6)
"""
    exec(compile(source.format(name="hornbook"), "snippets", "exec"), {})


def test_logs_are_those_of_keras():
    def run(k):
        a = k.Input((6,))
        h = k.layers.Dense(4, kernel_initializer="ones")(a)
        first = k.layers.Dense(1, name="reg", kernel_initializer="ones")(h)
        second = k.layers.Dense(3, name="cls", activation="softmax", kernel_initializer="ones")(h)
        model = k.Model(a, [first, second])
        model.compile(
            "sgd",
            ["mse", "sparse_categorical_crossentropy"],
            metrics=[["mae"], ["acc"]],
            weighted_metrics=[["mae"], None],
            loss_weights=[0.5, 2.0],
        )
        history = model.fit(
            ROWS, [ROWS[:, 0], LABELS], shuffle=False, epochs=2, verbose=0, validation_split=0.5
        ).history
        return history, model.evaluate(ROWS, [ROWS[:, 0], LABELS], verbose=0), model.metrics_names

    (a, values_a, names_a), (b, values_b, names_b) = run(keras), run(hornbook)
    assert list(a) == list(b)
    for key in a:
        np.testing.assert_allclose(b[key], a[key], rtol=1e-4, err_msg=key)
    np.testing.assert_allclose(values_b, values_a, rtol=1e-4)
    assert names_a == names_b
