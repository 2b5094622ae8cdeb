"""PyDataset: batches by number reach fit, evaluate and predict in order, whoever computes them."""

import multiprocessing
import os
import signal
import time

import numpy as np
import pytest

import hornbook as keras
from hornbook import layers

ROWS = 2


class Numbered(keras.utils.PyDataset):
    """Batch i is full of i; what was asked for is kept in `asked`."""

    def __init__(self, batches=4, slow=False, **options):
        super().__init__(**options)
        self.batches, self.slow, self.asked = batches, slow, []

    @property
    def num_batches(self):
        return self.batches

    def __getitem__(self, index):
        self.asked.append(index)
        if self.slow:
            time.sleep(0.02 * (4 - index % 4))  # the first ones come last
        return np.full((ROWS, 3), index, "float32"), np.zeros((ROWS, 1), "float32")

    def on_epoch_begin(self):
        self.asked.append("begin")

    def on_epoch_end(self):
        self.asked.append("end")


class ByLength(keras.utils.Sequence):
    def __len__(self):
        return 3

    def __getitem__(self, index):
        return np.full((ROWS, 3), index, "float32"), np.ones((ROWS, 1)), np.ones(ROWS)


def model():
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((3,)), layers.Dense(1, use_bias=False, kernel_initializer="ones")])
    model.compile(keras.optimizers.SGD(0.0), "mse")
    return model


def passes(dataset):
    """What was asked for since the first epoch began, without the hooks' marks."""
    start = dataset.asked.index("begin")
    return [index for index in dataset.asked[start:] if isinstance(index, int)]


def test_hooks_and_order():
    dataset = Numbered()
    model().fit(dataset, epochs=2, shuffle=False, verbose=0)
    assert dataset.asked == [0, *(["begin", 0, 1, 2, 3, "end"] * 2)]


def test_fit_shuffles_the_batches_anew_each_epoch():
    dataset = Numbered(batches=16)
    model().fit(dataset, epochs=2, verbose=0)
    first, second = passes(dataset)[:16], passes(dataset)[16:]
    assert sorted(first) == sorted(second) == list(range(16))
    assert first != list(range(16)) and first != second


@pytest.mark.parametrize("options", [{"workers": 3}, {"workers": 2, "use_multiprocessing": True}], ids=str)
def test_workers_keep_the_order(options):
    dataset = Numbered(batches=6, slow=True, max_queue_size=4, **options)
    predictions = model().predict(dataset, verbose=0)
    np.testing.assert_allclose(predictions[:, 0], np.repeat(np.arange(6) * 3.0, ROWS))


def test_steps_per_epoch_cuts_one_pass_into_epochs():
    dataset = Numbered()
    model().fit(dataset, epochs=3, steps_per_epoch=2, shuffle=False, verbose=0)
    assert passes(dataset) == [0, 1, 2, 3, 0, 1]
    dataset = Numbered(batches=2)
    with pytest.warns(UserWarning, match="ran out of data"):
        model().fit(dataset, steps_per_epoch=3, shuffle=False, verbose=0)


@pytest.mark.parametrize("workers", [1, 2])
def test_endless_batches_need_a_number_of_steps(workers):
    dataset = Numbered(batches=None, workers=workers)
    history = model().fit(dataset, epochs=2, steps_per_epoch=3, verbose=0).history
    np.testing.assert_allclose(history["loss"], [9 * np.mean(np.square([0, 1, 2])), 9 * np.mean(np.square([3, 4, 5]))])
    with pytest.raises(ValueError, match="never end"):
        model().fit(Numbered(batches=None), verbose=0)


def test_length_in_place_of_num_batches_and_validation():
    dataset = ByLength()
    history = model().fit(dataset, validation_data=Numbered(), epochs=2, verbose=0).history
    assert len(history["loss"]) == len(history["val_loss"]) == 2
    np.testing.assert_allclose(history["val_loss"], 9 * np.mean(np.square([0, 1, 2, 3])))
    np.testing.assert_allclose(model().evaluate(dataset, verbose=0), np.mean(np.square(3.0 * np.arange(3) - 1)))
    assert dataset.workers == 1 and dataset.num_batches == 3


def test_refusals():
    with pytest.raises(ValueError, match="whole batches"):
        model().fit(Numbered(), np.zeros(2))
    with pytest.raises(ValueError, match="class_weight"):
        model().fit(ByLength(), class_weight={0: 1.0}, verbose=0)
    with pytest.raises(NotImplementedError, match="__len__"):
        model().fit(keras.utils.PyDataset(), verbose=0)
    with pytest.raises(NotImplementedError, match="__getitem__"):
        keras.utils.PyDataset()[0]
    with pytest.raises(ValueError, match="workers"):
        keras.utils.PyDataset(workers=-1)
    with pytest.raises(ValueError, match="no data"):
        model().fit(Numbered(batches=0), verbose=0)


class Failing(Numbered):
    """Batch 2 is none: whoever computes it raises an error, or is killed."""

    def __init__(self, how, **options):
        super().__init__(**options)
        self.how = how

    def __getitem__(self, index):
        if index == 2 and self.how == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        if index == 2:
            raise LookupError("no file for batch 2")
        return super().__getitem__(index)


@pytest.mark.parametrize(
    ("how", "options", "error", "words"),
    [
        ("raise", {}, LookupError, "no file for batch 2"),
        ("raise", {"workers": 2}, LookupError, "no file for batch 2"),
        ("raise", {"workers": 2, "use_multiprocessing": True}, LookupError, "no file for batch 2"),
        (
            "kill",
            {"workers": 2, "use_multiprocessing": True},
            RuntimeError,
            "of Failing has come to a sudden end.* memory",
        ),
    ],
)
def test_a_batch_that_fails_ends_fit_at_once_and_leaves_no_process(how, options, error, words):
    before, started = set(multiprocessing.active_children()), time.monotonic()
    with pytest.raises(error, match=words):
        model().fit(Failing(how, **options), verbose=0)
    assert time.monotonic() - started < 10
    children = set(multiprocessing.active_children()) - before
    while any(child.is_alive() for child in children) and time.monotonic() - started < 60:
        time.sleep(
            0.01
        )  # not join: the pool's own thread waits for them too, and the one that comes second sees nothing
    assert not any(child.is_alive() for child in children)


def test_a_loader_that_can_be_iterated_again_serves_every_epoch():
    class Loader:
        def __iter__(self):
            return (ByLength()[i] for i in range(3))

        def __len__(self):
            return 3

    history = model().fit(Loader(), validation_data=Loader(), epochs=3, verbose=0).history
    assert len(history["loss"]) == len(history["val_loss"]) == 3


def test_limits_of_the_process():
    keras.config.set_max_epochs(2)
    keras.config.set_max_steps_per_epoch(3)
    try:
        x = np.arange(10, dtype="float32")[:, None] * np.ones((1, 3), "float32")
        with pytest.warns(UserWarning, match="2 of 5 epochs"):
            history = model().fit(x, np.zeros(10), batch_size=2, epochs=5, shuffle=False, verbose=0).history
        np.testing.assert_allclose(history["loss"], [9 * np.mean(np.square(np.arange(6)))] * 2, rtol=1e-6)
        assert len(model().predict(x, batch_size=2, verbose=0)) == 6
        assert model().evaluate(Numbered(batches=None), steps=9, verbose=0) == pytest.approx(15.0)
    finally:
        keras.config.set_max_epochs(None)
        keras.config.set_max_steps_per_epoch(None)
    with pytest.raises(ValueError, match="max_epochs"):
        keras.config.set_max_epochs(0)
