"""Checkpoints in Orbax's format. Where orbax-checkpoint is not installed, only the error is tested."""

import sys

import numpy as np
import pytest
import tensorflow as tf

import hornbook
from hornbook import callbacks

X, Y = np.ones((64, 3), "float32"), np.zeros((64, 2), "float32")


def compiled(library):
    model = library.Sequential([library.Input((3,)), library.layers.Dense(2, name="a")], name="m")
    model.compile(library.optimizers.Adam(name="adam"), "mse", metrics=["mae"])
    return model


def same(first, second):
    pairs = zip(
        [*first.weights, *first.optimizer.variables], [*second.weights, *second.optimizer.variables], strict=True
    )
    return all(np.array_equal(a.numpy(), b.numpy()) for a, b in pairs)


def test_without_orbax_the_error_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "orbax.checkpoint.experimental.v1", None)
    with pytest.raises(ImportError, match="pip install orbax-checkpoint"):
        callbacks.OrbaxCheckpoint(tmp_path)


def test_a_model_goes_through_its_checkpoint(tmp_path):
    pytest.importorskip("orbax.checkpoint")
    model = compiled(hornbook)
    model.fit(X, Y, epochs=3, verbose=0, callbacks=[callbacks.OrbaxCheckpoint(tmp_path, max_to_keep=2)])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["1", "2"]
    again = hornbook.saving.load_model(tmp_path)
    assert same(model, again) and int(again.optimizer.iterations) == 6
    again.set_weights([w * 0 for w in again.get_weights()])
    again.load_weights(tmp_path)
    assert same(model, again)
    assert hornbook.saving.load_model(tmp_path, compile=False).optimizer is None


def test_steps_of_batches_and_weights_alone(tmp_path):
    pytest.importorskip("orbax.checkpoint")
    model = compiled(hornbook)
    each = callbacks.OrbaxCheckpoint(
        tmp_path, save_freq=3, max_to_keep=None, save_weights_only=True, save_on_background=False
    )
    model.fit(X, Y, epochs=2, batch_size=16, verbose=0, callbacks=[each])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["3", "6"]
    with pytest.raises(ValueError, match="weights alone"):
        hornbook.saving.load_model(tmp_path)


def test_only_the_best(tmp_path):
    pytest.importorskip("orbax.checkpoint")
    best = callbacks.OrbaxCheckpoint(tmp_path, monitor="nothing", mode="min", save_best_only=True)
    with pytest.warns(UserWarning, match="best model only with nothing available"):
        compiled(hornbook).fit(X, Y, verbose=0, callbacks=[best])
    assert not list(tmp_path.iterdir())


def test_vocabularies_come_along(tmp_path):
    pytest.importorskip("orbax.checkpoint")
    words = hornbook.layers.TextVectorization(output_sequence_length=3)
    words.adapt(["a b c", "d e"])
    model = hornbook.Sequential(
        [hornbook.Input((), dtype="string"), words, hornbook.layers.Embedding(10, 2), hornbook.layers.Flatten()]
    )
    model.compile("sgd", "mse")
    text = tf.constant(["a b", "d"])
    model.fit(text, np.ones((2, 6)), verbose=0, callbacks=[callbacks.OrbaxCheckpoint(tmp_path)])
    again = hornbook.saving.load_model(tmp_path)
    assert again.layers[0].get_vocabulary() == words.get_vocabulary()
    np.testing.assert_allclose(again(text), model(text), rtol=1e-6)


@pytest.mark.parity
def test_keras_reads_ours_and_the_reverse(tmp_path):
    keras = pytest.importorskip("keras")
    pytest.importorskip("orbax.checkpoint")
    for writer, reader in ((hornbook, keras), (keras, hornbook)):
        model = writer.Model(x := writer.Input((3,)), writer.layers.Dense(2, name="a")(x))  # not Sequential: Keras
        model.compile(writer.optimizers.Adam(name="adam"), "mse")  # reads no weights for it
        folder = tmp_path / writer.__name__
        checkpoint = writer.callbacks.OrbaxCheckpoint(str(folder))
        model.fit(X, Y, epochs=2, verbose=0, callbacks=[checkpoint])
        checkpoint.wait_until_finished()
        assert same(model, reader.saving.load_model(str(folder)))
