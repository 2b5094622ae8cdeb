"""What survives: a run that is cut, killed or told to end goes on bit for bit; files that cannot be written or read."""

import numpy as np
import pytest
from tests.framework import killed_run

from hornbook import callbacks

KINDS = [
    "arrays",
    "cut arrays",
    "pipeline",
    "endless pipeline",
    "python pipeline",
    "py_dataset",
    "iterable",
    "generator",
]


class Cut(callbacks.Callback):
    """Ends a run as a kill would, at one moment of one epoch."""

    def __init__(self, hook, epoch, step=0):
        super().__init__()
        self.hook, self.at, self.epoch, self.step = hook, epoch, 0, step
        if hook == "step":
            self.longest_stretch = lambda kind: 1

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch
        self._cut("begin")

    def on_stretch_end(self, kind, step, total, logs=None):
        if step == self.step:
            self._cut("step" if kind == "train" else "validation")

    def on_epoch_end(self, epoch, logs=None):
        self._cut("end")

    def on_train_end(self, logs=None):
        self._cut("train end")

    def _cut(self, hook):
        if hook == self.hook and (hook == "train end" or self.epoch == self.at):
            raise InterruptedError(hook)


def assert_same(found, expected):
    assert list(found) == list(expected)
    for name, value in expected.items():
        np.testing.assert_array_equal(found[name], value, err_msg=name, strict=True)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """What a run of each kind ends with; made once."""
    results = {}

    def of(kind):
        if kind not in results:
            results[kind] = killed_run.train(kind, tmp_path_factory.mktemp("whole"), "epoch")
        return results[kind]

    return of


MOMENTS = [("step", 0, 7), ("step", 2, 5), ("validation", 3, 1), ("end", 4, 0), ("begin", 4, 0), ("train end", 0, 0)]
ROWS = [
    *[(kind, 3, MOMENTS[1:2]) for kind in KINDS],
    ("arrays", "epoch", MOMENTS[2:]),
    *[pytest.param(kind, frequency, MOMENTS, marks=pytest.mark.exhaustive) for kind in KINDS for frequency in ("epoch", 4)],
]


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "frequency", "moments"), ROWS)
def test_a_run_that_is_cut_goes_on_bit_for_bit(kind, frequency, moments, tmp_path, undisturbed):
    expected = undisturbed(kind)
    for moment in moments:
        with pytest.raises(InterruptedError):
            killed_run.train(kind, tmp_path, frequency, [Cut(*moment)])
    assert_same(killed_run.train(kind, tmp_path, frequency), expected)
    assert not (tmp_path / "backup").exists()
