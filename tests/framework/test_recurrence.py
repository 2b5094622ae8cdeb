"""The compiled loop of a wide LSTM runs for halves of a batch: the same numbers and gradients as the loop of the whole."""

import numpy as np
import pytest
import tensorflow as tf

from hornbook.backend.tensorflow import recurrence

TIME, FEATURES, UNITS = 6, 5, recurrence.WIDE


@pytest.mark.parametrize("masked", [False, True])
def test_halves_of_a_batch_give_what_the_whole_gives(masked, monkeypatch):
    monkeypatch.setattr(recurrence, "has_cores", lambda: True)
    rng = np.random.default_rng(0)
    weights = [tf.Variable(rng.normal(size=s, scale=0.3), dtype="float32") for s in ((5, 256), (UNITS, 256), (256,))]

    def numbers(x, h, c, mask, compiled):
        with tf.GradientTape() as tape, recurrence.compiled_loops(compiled):
            found = recurrence.lstm(x, h, c, mask, *weights)
            loss = sum(tf.reduce_sum(tf.sin(part)) for part in found)
        return [*found, *tape.gradient(loss, weights)]

    spec = [tf.TensorSpec((None, TIME, FEATURES)), tf.TensorSpec((None, UNITS)), tf.TensorSpec((None, UNITS))]
    spec.append(tf.TensorSpec((None, TIME), "bool") if masked else None)
    plain, halved = (
        tf.function(lambda *a, how=how: numbers(*a, how), autograph=False).get_concrete_function(*spec)
        for how in (False, True)
    )
    assert "SplitV" in {op.type for op in halved.graph.get_operations()}
    for rows in (1, 4, 5):  # of one row, a half is empty
        x, h, c = (tf.constant(rng.normal(size=s), tf.float32) for s in ((rows, 6, 5), (rows, UNITS), (rows, UNITS)))
        given = [x, h, c, *([tf.constant(rng.random((rows, TIME)) > 0.3)] if masked else [])]
        for a, b in zip(plain(*given), halved(*given), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("masked", [False, True])
def test_the_last_output_alone_has_the_numbers_and_gradients_of_the_last_of_all(masked, compiled, monkeypatch):
    monkeypatch.setattr(recurrence, "has_cores", lambda: True)
    rng = np.random.default_rng(0)
    weights = [tf.Variable(rng.normal(size=s, scale=0.3), dtype="float32") for s in ((5, 256), (UNITS, 256), (256,))]
    x = tf.constant(rng.normal(size=(4, TIME, FEATURES)), tf.float32)
    mask = tf.constant(rng.random((4, TIME)) > 0.3) if masked else None
    zeros = tf.zeros((4, UNITS))

    @tf.function(autograph=False)
    def numbers(return_all_outputs):
        with tf.GradientTape() as tape, recurrence.compiled_loops(compiled):
            tape.watch(x)
            outputs, h, c = recurrence.lstm(x, zeros, zeros, mask, *weights, return_all_outputs=return_all_outputs)
            last = h if outputs is None else outputs[:, -1]
            loss = tf.reduce_sum(tf.sin(last)) + tf.reduce_sum(c)
        return last, c, *tape.gradient(loss, [x, *weights])

    for a, b in zip(numbers(True), numbers(False), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)
