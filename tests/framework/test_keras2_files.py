"""Models that Keras 2 saved, as `.h5`, `.keras` and SavedModel, and its files of weights: they open, and training goes on.

The files in `keras2/` were written once by this script, with tf_keras 2.21 in an empty folder; `saved_model.pb`, which is not
read, was emptied behind it.

    import numpy as np
    import tensorflow as tf
    import tf_keras as keras
    from tf_keras import layers

    keras.utils.set_random_seed(0)
    rng = np.random.default_rng(0)


    def images():
        parts = [layers.Conv2D(3, 3, activation="hard_sigmoid"), layers.BatchNormalization(), layers.DepthwiseConv2D(2)]
        parts += [layers.LeakyReLU(alpha=0.1), layers.SpatialDropout2D(0.0), layers.GlobalAveragePooling2D()]
        parts += [layers.Dense(3, activation="softmax", kernel_regularizer="l2")]
        model = keras.Sequential([keras.Input((6, 6, 2)), *parts])
        model.compile(keras.optimizers.Adam(0.05), "sparse_categorical_crossentropy", metrics=["accuracy"])
        return model, rng.normal(size=(4, 6, 6, 2)).astype("float32"), rng.integers(0, 3, 4)


    def words():
        x = keras.Input((5,), dtype="int32")
        h = layers.Embedding(12, 4, mask_zero=True, input_length=5)(x)
        h = layers.Bidirectional(layers.LSTM(3, return_sequences=True, recurrent_activation="hard_sigmoid"))(h)
        h = layers.MultiHeadAttention(2, 2)(h, h)
        model = keras.Model(x, layers.Dense(1)(layers.GRU(3, reset_after=False)(h)))
        model.compile(keras.optimizers.legacy.RMSprop(0.05, momentum=0.5), "mse", metrics=["mae"])
        return model, rng.integers(0, 12, (4, 5)).astype("int32"), rng.normal(size=(4, 1)).astype("float32")


    def graph():
        inner = keras.Sequential([keras.Input((6,)), layers.Dense(4), layers.BatchNormalization()], name="inner")
        a, b = keras.Input((6,), name="a"), keras.Input((6,), name="b")
        h = tf.concat([inner(a), inner(b)[:, ::2]], axis=-1)
        h = tf.nn.relu(h * 2.0 - 1.0) + tf.reduce_mean(h, axis=-1, keepdims=True) / 3.0
        model = keras.Model([a, b], [layers.Dense(2, name="kind")(h), layers.Dense(1, name="size")(h)])
        rate = keras.optimizers.schedules.ExponentialDecay(0.1, 2, 0.5)
        model.compile(keras.optimizers.SGD(rate, momentum=0.9), ["mse", keras.losses.Huber()], loss_weights=[1.0, 0.5])
        x = [rng.normal(size=(4, 6)).astype("float32") for _ in "ab"]
        return model, x, [rng.normal(size=(4, 2)).astype("float32"), rng.normal(size=(4, 1)).astype("float32")]


    for make in (images, words, graph):
        model, x, y = make()
        name, known = make.__name__, {}
        for _ in range(3):
            model.train_on_batch(x, y)
        model.save(f"{name}.h5")
        model.save(f"{name}.keras")
        model.save(name, save_format="tf")
        open(f"{name}/saved_model.pb", "w").close()
        model.save_weights(f"{name}_weights.h5")
        model.save_weights(f"{name}.weights.h5")
        for key, value in (("x", x), ("y", y), ("before", model.predict(x, verbose=0))):
            known |= {f"{key}{n}": array for n, array in enumerate(value if isinstance(value, list) else [value])}
        known["losses"] = [model.train_on_batch(x, y, return_dict=True)["loss"] for _ in range(3)]
        np.savez(f"{name}.npz", **known)

    text, bins = layers.TextVectorization(output_mode="tf_idf"), layers.Discretization(num_bins=3)
    table = layers.StringLookup(output_mode="one_hot", name="table")
    text.adapt(["a red fox", "the red dog", "a fox and a dog"])
    table.adapt(["x", "y", "x"])
    bins.adapt(np.arange(10.0, dtype="float32"))
    a, b = keras.Input((1,), dtype="string"), keras.Input((1,))
    model = keras.Model([a, b], [text(a), table(a), bins(b), layers.Hashing(7)(a)])
    words, numbers = np.array([["the fox and x"], ["x"], ["q"]], object), np.array([[0.0], [4.0], [9.5]], "float32")
    outputs = model.predict([tf.constant(words), numbers], verbose=0)
    model.save("tables.keras")
    model.save("tables", save_format="tf")
    open("tables/saved_model.pb", "w").close()
    np.savez("tables.npz", **{f"before{n}": array for n, array in enumerate(outputs)})
"""

import contextlib
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

import hornbook as keras
from hornbook import layers

HERE = Path(__file__).parent / "keras2"
NAMES = ["images", "words", "graph"]


def known(name):
    """x, y and what the model gave for x, as arrays or lists of them; and the losses of three more steps."""
    with np.load(HERE / f"{name}.npz") as file:
        groups = [[file[key] for key in sorted(file) if key.startswith(start)] for start in ("x", "y", "before")]
        return *(group[0] if len(group) == 1 else group for group in groups), file.get("losses")


def same(model, x, expected):
    found = model(x)
    for a, b in zip(*(v if isinstance(v, list) else [v] for v in (found, expected)), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("ending", [".h5", ".keras", ""], ids=["h5", "keras", "SavedModel"])
@pytest.mark.parametrize("name", NAMES)
def test_a_model_gives_the_same_numbers_and_training_goes_on(name, ending):
    x, y, before, losses = known(name)
    lost = (name, ending) == ("words", ".keras")  # Keras 2 does not write the state of its legacy optimizers to these
    with pytest.warns(UserWarning, match="starts anew") if lost else contextlib.nullcontext():
        model = keras.saving.load_model(HERE / f"{name}{ending}")
    same(model, x, before)
    model.run_eagerly = True
    found = [model.train_on_batch(x, y, return_dict=True)["loss"] for _ in losses]
    np.testing.assert_allclose(found[:1] if lost else found, losses[:1] if lost else losses, rtol=1e-4)
    assert keras.saving.load_model(HERE / f"{name}{ending}", compile=False).optimizer is None


@pytest.mark.parametrize("file", ["{}_weights.h5", "{}.weights.h5", "{}.keras", "{}.h5"])
@pytest.mark.parametrize("name", NAMES)
def test_weights_alone(name, file):
    x, _, before, _ = known(name)
    model = keras.saving.load_model(HERE / f"{name}.h5", compile=False)
    model.set_weights([np.zeros_like(w) for w in model.get_weights()])
    model.load_weights(HERE / file.format(name))
    same(model, x, before)


def test_a_model_of_keras_2_is_saved_anew(tmp_path):
    x, _, before, _ = known("images")
    keras.saving.load_model(HERE / "images.h5").save(tmp_path / "m.keras")
    again = keras.saving.load_model(tmp_path / "m.keras")
    same(again, x, before)
    assert (
        again.layers[0].get_config()["activation"]["config"] == "keras2>hard_sigmoid"
    )  # not today's function of that name


def test_vocabularies_and_bins_of_keras_2():
    _, _, before, _ = known("tables")
    model = keras.saving.load_model(HERE / "tables.keras")
    words = tf.constant([["the fox and x"], ["x"], ["q"]])
    same(model, [words, np.array([[0.0], [4.0], [9.5]], "float32")], before)


def test_what_a_saved_model_does_not_say_is_named():
    with pytest.raises(ValueError, match="'table'.*vocabulary.*TFSMLayer|'text_vectorization'.*vocabulary.*TFSMLayer"):
        keras.saving.load_model(HERE / "tables")


def test_a_summary_is_checked():
    bins = layers.Discretization(num_bins=3)
    with pytest.raises(ValueError, match="summary of shape"):
        bins.read_summary(np.zeros((3, 4)))
