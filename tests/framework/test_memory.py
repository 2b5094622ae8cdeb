"""Memory stays as it is, however often the same work is done in one process."""

import gc
import multiprocessing

import numpy as np
import pytest

import hornbook as keras
from hornbook import layers


def resident_mib():
    """What the process occupies."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096 / 2**20


def model():
    inputs = keras.Input((20,))
    hidden = layers.Dropout(0.2)(layers.BatchNormalization()(layers.Dense(32, "relu")(inputs)))
    net = keras.Model(inputs, layers.Dense(3, "softmax")(hidden + inputs[:, :1]))
    net.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return net


X = np.random.default_rng(0).normal(size=(64, 20)).astype("float32")
Y = np.random.default_rng(1).integers(0, 3, 64)


def fits():
    net = model()
    return lambda: net.fit(X, Y, 16, verbose=0, validation_split=0.25)


def predicts():
    net = model()
    return lambda: (net.predict(X, 16, verbose=0), net.predict(X[:1], verbose=0))


def data_sets():
    import tensorflow as tf

    net, dataset = model(), tf.data.Dataset.from_tensor_slices((X, Y)).batch(16)
    return lambda: (net.fit(dataset, verbose=0), net.predict(dataset, verbose=0))


def models():
    return lambda: model().get_config()


def models_that_learn():
    return lambda: (model().train_on_batch(X, Y), gc.collect())  # else some 50 MiB of garbage pile up and go


def models_of_many_sessions():
    return lambda: (model().train_on_batch(X, Y), keras.utils.clear_session())


def models_compiled_again():
    net = model()
    return lambda: (net.compile("adam", "sparse_categorical_crossentropy"), net.train_on_batch(X, Y), gc.collect())


def measured(rows, connection):
    """In a process of its own: how much it occupies after the first turns of each kind of work, and after all of them."""
    for name, warm_up, times in rows:
        work = globals()[name]()
        for _ in range(warm_up):
            work()
        first = resident_mib()
        for _ in range(times):
            work()
        connection.send((name, times, first, resident_mib()))


ROWS = [  # what, turns to warm up, turns to measure, turns in the longer form
    ("fits", 20, 40, 1000),
    ("predicts", 20, 40, 1000),
    ("models", 20, 40, 1000),
    ("models_that_learn", 10, 20, 100),
    ("models_of_many_sessions", 10, 0, 100),
    ("models_compiled_again", 10, 0, 100),
    ("data_sets", 20, 0, 1000),
]
SHORT = [(name, warm_up, times) for name, warm_up, times, _ in ROWS if times]
LONG = [(name, warm_up, times) for name, warm_up, _, times in ROWS]


@pytest.mark.slow
@pytest.mark.parametrize("rows", [SHORT, pytest.param(LONG, marks=pytest.mark.exhaustive)], ids=["short", "long"])
def test_memory_does_not_grow(rows):
    context = multiprocessing.get_context("spawn")  # a forked one would count the pages that it has not yet touched
    ours, theirs = context.Pipe(duplex=False)
    child = context.Process(target=measured, args=(rows, theirs), daemon=True)
    child.start()
    theirs.close()
    try:
        for _ in rows:
            assert ours.poll(500)
            name, times, first, last = ours.recv()
            print(f"{name}: {first:.1f} MiB, after {times} more times {last:.1f} MiB")
            assert last < 1.05 * first
            if "models" in name:  # what one of them leaves is small beside what TensorFlow occupies
                assert last - first < 0.1 * times
    finally:
        child.kill()
        child.join(10)
