"""Two logical devices in step give the numbers of one device with the same global batch."""

import numpy as np
import pytest
import tensorflow as tf

import hornbook as keras
from hornbook import distribution, layers

STEPS, ROWS = 50, 16

pytestmark = pytest.mark.skipif(
    len(tf.config.list_logical_devices("CPU")) < 2, reason="two logical CPU devices could not be made"
)


def model():
    keras.utils.set_random_seed(3)
    net = keras.Sequential(
        [keras.Input((8,)), layers.Dense(16, activation="relu"), layers.Dense(3, activation="softmax")]
    )
    net.compile(keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return net


def data(rows=STEPS * ROWS):
    rng = np.random.default_rng(0)
    return rng.normal(size=(rows, 8)).astype("float32"), rng.integers(0, 3, rows)


class Losses(keras.callbacks.Callback):
    """The mean loss so far after each step."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def on_train_batch_end(self, batch, logs=None):
        self.seen.append(logs["loss"])


def run(scope, rows=STEPS * ROWS):
    x, y = data(rows)
    with scope:
        net = model()
    losses = Losses()
    history = net.fit(x, y, batch_size=ROWS, shuffle=False, verbose=0, callbacks=[losses]).history
    return net, losses.seen, history


def test_the_loss_is_that_of_one_device():
    import contextlib

    one, expected, _ = run(contextlib.nullcontext())
    strategy = distribution.initialize("mirrored", devices=2)
    assert strategy.num_replicas_in_sync == 2
    two, losses, _ = run(strategy.scope())
    assert len(losses) == STEPS
    np.testing.assert_allclose(losses, expected, atol=1e-4)
    for a, b in zip(one.get_weights(), two.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-4)
    x, y = data()
    np.testing.assert_allclose(two.evaluate(x, y, verbose=0), one.evaluate(x, y, verbose=0), rtol=1e-4)
    np.testing.assert_allclose(two.predict(x, verbose=0), one.predict(x, verbose=0), atol=1e-4)


def test_a_last_batch_that_does_not_divide_counts_by_its_rows():
    import contextlib

    rows = 3 * ROWS + 5  # the last batch has 5 rows: 2 and 3
    _, _, expected = run(contextlib.nullcontext(), rows)
    _, _, history = run(distribution.initialize("mirrored", devices=2).scope(), rows)
    np.testing.assert_allclose(history["loss"], expected["loss"], rtol=1e-5)
    np.testing.assert_allclose(history["accuracy"], expected["accuracy"], rtol=1e-5)


def test_a_stretch_on_two_devices_is_the_same_too():
    x, y = data()
    with distribution.initialize("mirrored", devices=2).scope():
        net = model()
    history = net.fit(x, y, batch_size=ROWS, shuffle=False, verbose=0).history
    one = model().fit(x, y, batch_size=ROWS, shuffle=False, verbose=0).history
    np.testing.assert_allclose(history["loss"], one["loss"], rtol=1e-4)


def test_a_data_set_is_spread_over_the_devices():
    x, y = data()
    with distribution.initialize("mirrored", devices=2).scope():
        net = model()
    dataset = tf.data.Dataset.from_tensor_slices((x, y)).batch(ROWS)
    history = net.fit(dataset, verbose=0).history
    one = model().fit(x, y, batch_size=ROWS, shuffle=False, verbose=0).history
    np.testing.assert_allclose(history["loss"], one["loss"], rtol=1e-4)


def test_batch_normalization_and_dropout_run_on_replicas():
    x, y = data()
    with distribution.initialize("mirrored", devices=2).scope():
        net = keras.Sequential([keras.Input((8,)), layers.BatchNormalization(), layers.Dropout(0.2), layers.Dense(3)])
        net.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    losses = net.fit(x + 2, y, epochs=3, verbose=0).history["loss"]
    assert losses[-1] < losses[0] and np.all(net.layers[0].moving_mean.numpy() > 0.3)


def test_an_unknown_strategy_is_told():
    with pytest.raises(ValueError, match="mirrored"):
        distribution.initialize("mirored")
