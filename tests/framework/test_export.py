"""Models as SavedModel, LiteRT and ONNX: what is loaded again gives the same numbers."""

import sys

import numpy as np
import pytest
import tensorflow as tf

import hornbook
from hornbook import layers
from hornbook.export import ExportArchive

X = np.random.default_rng(0).normal(size=(5, 3)).astype("float32")


def row(library=hornbook):
    return library.Sequential(
        [
            library.Input((3,), name="x"),
            library.layers.Dense(2, activation="relu"),
            library.layers.Dropout(0.5),
            library.layers.BatchNormalization(),
        ]
    )


def test_a_saved_model_gives_the_same_numbers(tmp_path, capsys):
    model = row()
    model.export(tmp_path)
    assert "serve: (float32 (None, 3)) -> (float32 (None, 2))" in capsys.readouterr().out
    loaded = tf.saved_model.load(str(tmp_path))
    np.testing.assert_allclose(loaded.serve(X), model(X), rtol=1e-6)
    served = loaded.signatures["serving_default"](x=tf.constant(X))
    np.testing.assert_allclose(served["output_0"], model(X), rtol=1e-6)
    assert [len(v) for v in (loaded.variables, loaded.trainable_variables, loaded.non_trainable_variables)] == [7, 4, 3]


def test_nested_inputs_and_outputs(tmp_path):
    a, b = hornbook.Input((3,), name="a"), hornbook.Input((2,), name="b")
    model = hornbook.Model({"a": a, "b": b}, {"o": layers.Dense(1)(a), "p": b * 2})
    model.export(tmp_path, verbose=False)
    loaded = tf.saved_model.load(str(tmp_path))
    inputs = {"a": tf.constant(X), "b": tf.ones((5, 2))}
    expected = model(inputs)
    for found in (loaded.serve(inputs), loaded.signatures["serving_default"](**inputs)):
        assert sorted(found) == ["o", "p"]
        np.testing.assert_allclose(found["o"], expected["o"], rtol=1e-6)


def test_a_subclass_and_a_vocabulary(tmp_path):
    words = layers.TextVectorization(output_sequence_length=3)
    words.adapt(["a b c", "d e"])

    class Reader(hornbook.Model):
        def __init__(self):
            super().__init__()
            self.words, self.embed = words, layers.Embedding(10, 2)

        def call(self, texts):
            return self.embed(self.words(texts))

    model = Reader()
    texts = tf.constant([["a b"], ["d"]])
    expected = model(texts)
    model.export(tmp_path, verbose=False, input_signature=[tf.TensorSpec([None, 1], tf.string)])
    loaded = tf.saved_model.load(str(tmp_path))
    np.testing.assert_allclose(loaded.serve(texts), expected)


def test_a_subclass_is_exported_with_a_free_batch_size(tmp_path):
    class Own(hornbook.Model):
        def __init__(self):
            super().__init__()
            self.dense = layers.Dense(2)

        def call(self, x, training=None):
            return self.dense(x)

    model = Own()
    with pytest.raises(ValueError, match="is not built"):
        model.export(tmp_path)
    expected = model(X)
    model.export(tmp_path, verbose=False)
    loaded = tf.saved_model.load(str(tmp_path))
    np.testing.assert_allclose(loaded.serve(X[:4]), expected[:4], rtol=1e-6)


def test_an_archive_of_endpoints(tmp_path):
    model = row()
    archive = ExportArchive()
    archive.track(model)
    archive.add_endpoint("twice", lambda x: model(x) * 2, [hornbook.InputSpec(shape=(None, 3))])
    traced = tf.function(lambda x: model(x) + 1)
    traced(X)
    archive.add_endpoint("more", traced)
    archive.add_variable_collection("first", model.layers[0].weights)
    archive.write_out(tmp_path, verbose=False)
    loaded = tf.saved_model.load(str(tmp_path))
    np.testing.assert_allclose(loaded.twice(X), 2 * model(X), rtol=1e-6)
    np.testing.assert_allclose(loaded.more(X), model(X) + 1, rtol=1e-6)
    assert len(loaded.first) == 2 and set(loaded.signatures) == {"twice", "more", "serving_default"}


def test_what_cannot_be_archived_is_said(tmp_path):
    model, archive = row(), ExportArchive()
    with pytest.raises(ValueError, match="nothing to write"):
        archive.write_out(tmp_path)
    with pytest.raises(ValueError, match="needs an input_signature"):
        archive.add_endpoint("serve", model)
    with pytest.raises(ValueError, match="not built"):
        archive.track(layers.Dense(2))
    with pytest.raises(ValueError, match="can track"):
        archive.track("model")
    archive.add_endpoint("serve", model, [tf.TensorSpec([None, 3])])
    with pytest.raises(ValueError, match="taken already"):
        archive.add_endpoint("serve", model, [tf.TensorSpec([None, 3])])
    with pytest.raises(ValueError, match="track\\(\\) the layers"):
        archive.write_out(tmp_path)
    with pytest.raises(ValueError, match="format"):
        ExportArchive(format="onnx")


def test_litert(tmp_path):
    model = row()
    model.export(tmp_path / "m.tflite", format="litert", verbose=False)
    with pytest.warns(Warning):  # TensorFlow's interpreter says that it is about to move
        interpreter = tf.lite.Interpreter(str(tmp_path / "m.tflite"))
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], X[:1])
    interpreter.invoke()
    found = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
    np.testing.assert_allclose(found, model(X[:1]), rtol=1e-5)


def test_onnx(tmp_path):
    pytest.importorskip("tf2onnx")
    runtime = pytest.importorskip("onnxruntime")
    model = row()
    model.export(tmp_path / "m.onnx", format="onnx", verbose=False)
    session = runtime.InferenceSession(str(tmp_path / "m.onnx"))
    (found,) = session.run(None, {session.get_inputs()[0].name: X})
    np.testing.assert_allclose(found, model(X), rtol=1e-5)


def test_formats_that_are_not_there_say_what_to_do(tmp_path, monkeypatch):
    model = row()
    with pytest.raises(ValueError, match="format.*must be one of"):
        model.export(tmp_path, format="pickle")
    with pytest.raises(ValueError, match="end in '.tflite'"):
        model.export(tmp_path, format="litert")
    monkeypatch.setitem(sys.modules, "openvino", None)
    with pytest.raises(ImportError, match="pip install openvino"):
        model.export(tmp_path / "m.xml", format="openvino")
    monkeypatch.setitem(sys.modules, "tf2onnx", None)
    with pytest.raises(ImportError, match="pip install tf2onnx"):
        model.export(tmp_path / "m.onnx", format="onnx")
