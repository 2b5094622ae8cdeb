"""TensorFlow's own functions on symbolic inputs: recorded, run, saved by public name, and no more than that."""

import json

import numpy as np
import pytest
import tensorflow as tf

import hornbook as keras
from hornbook import layers
from hornbook.core.operation import RawOperation

TABLE = tf.constant(np.arange(6.0, dtype="float32").reshape(3, 2))
CALLS = {
    "softmax": lambda x: tf.nn.softmax(x),
    "concat": lambda x: tf.concat([x, x * 2.0], 1),
    "of arguments by name": lambda x: tf.reduce_mean(input_tensor=x, axis=-1, keepdims=True),
    "matmul with a constant": lambda x: tf.matmul(x, TABLE),
    "einsum": lambda x: tf.einsum("btc,cd->btd", x, TABLE),
    "cast": lambda x: tf.cast(x, tf.float64),
    "shape": lambda x: tf.reshape(x, [tf.shape(x)[0], 12]),
    "where": lambda x: tf.where(x > 0, x, tf.zeros_like(x)),
    "split": lambda x: tf.split(x, 2, axis=1),
    "unstack": lambda x: tf.unstack(x, axis=1)[1],
    "top_k": lambda x: tf.math.top_k(x, 2).values,
    "moments": lambda x: tf.nn.moments(x, [1]),
    "norm": lambda x: tf.norm(x, axis=-1),
    "tensordot": lambda x: tf.tensordot(x, TABLE, 1),
    "batch_normalization": lambda x: tf.nn.batch_normalization(x, 0.5, 2.0, None, None, 1e-3),
    "an index": lambda x: x[:, 0] + tf.gather(x, 1, axis=1),
    "an index of several kinds": lambda x: tf.square(x[..., None, 1:, 0]),
}


@pytest.mark.parametrize("name", CALLS)
def test_a_call_is_recorded_run_and_saved(name, tmp_path):
    inputs = keras.Input((4, 3))
    model = keras.Model(inputs, CALLS[name](inputs))
    x = np.random.default_rng(0).normal(size=(5, 4, 3)).astype("float32")
    expected = [np.asarray(y) for y in tf.nest.flatten(CALLS[name](tf.constant(x)))]
    model.save(tmp_path / "model.keras")
    for candidate in (model, keras.saving.load_model(tmp_path / "model.keras"), keras.models.clone_model(model)):
        found = tf.nest.flatten(candidate.predict(x, verbose=0))
        for a, b, symbol in zip(found, expected, tf.nest.flatten(candidate.outputs), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-6)
            assert len(symbol.shape) == b.ndim and symbol.dtype == b.dtype.name


def test_it_learns_between_layers():
    inputs = keras.Input((4, 3))
    x = tf.nn.relu(layers.Dense(8)(inputs))
    model = keras.Model(inputs, layers.Dense(1)(tf.reduce_max(x, axis=1)))
    model.compile(keras.optimizers.Adam(0.01), "mse")
    data = np.random.default_rng(0).normal(size=(64, 4, 3)).astype("float32")
    losses = model.fit(data, data.max((1, 2)), epochs=10, verbose=0).history["loss"]
    assert losses[-1] < losses[0] / 2


def test_what_reads_writes_or_runs_code_is_not_recorded(tmp_path):
    x = keras.Input((3,))
    for call in (
        lambda: tf.io.write_file(str(tmp_path / "file"), x),
        lambda: tf.py_function(lambda a: a, [x], tf.float32),
        lambda: tf.numpy_function(lambda a: a, [x], tf.float32),
    ):
        with pytest.raises(TypeError, match="KerasTensor"):
            call()


@pytest.mark.parametrize("function", ["tf.io.read_file", "tf.py_function", "os.system", "tf.load_op_library"])
def test_a_file_cannot_name_other_functions(function):
    inputs = keras.Input((3,))
    text = keras.Model(inputs, tf.nn.softmax(inputs)).to_json().replace("tf.nn.softmax", function)
    with pytest.raises(ValueError, match="not among the functions"):
        keras.models.model_from_json(json.dumps(json.loads(text)))


def test_a_summary_names_it():
    inputs = keras.Input((3,))
    operation = tf.nn.softmax(inputs)._keras_history.operation
    assert isinstance(operation, RawOperation) and operation.function == "tf.nn.softmax"
    with pytest.raises(ValueError, match="not among the functions"):
        RawOperation("tf.io.read_file")
