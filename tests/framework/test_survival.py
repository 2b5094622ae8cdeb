"""What survives: a run that is cut, killed or told to end goes on bit for bit; files that cannot be written or read."""

import contextlib
import errno
import json
import multiprocessing
import os
import random
import signal
import time

import numpy as np
import pytest
from tests.framework import killed_run

from hornbook import callbacks, distribution

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

    def of(kind, scope=contextlib.nullcontext):
        if (kind, scope) not in results:
            results[kind, scope] = killed_run.train(kind, tmp_path_factory.mktemp("whole"), "epoch", scope=scope)
        return results[kind, scope]

    return of


def two_replicas():
    return distribution.initialize("mirrored", devices=2).scope


MOMENTS = [("step", 0, 7), ("step", 2, 5), ("validation", 3, 1), ("end", 4, 0), ("begin", 4, 0), ("train end", 0, 0)]
OFTEN = ("arrays", "pipeline")
ROWS = [
    *[pytest.param(kind, 3, MOMENTS[1:2], marks=[] if kind in OFTEN else pytest.mark.exhaustive) for kind in KINDS],
    pytest.param("arrays", "epoch", MOMENTS[2:], marks=pytest.mark.exhaustive),
    *[
        pytest.param(kind, frequency, MOMENTS, marks=pytest.mark.exhaustive)
        for kind in KINDS
        for frequency in ("epoch", 4)
    ],
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


# -------------------------------------------------------------------------------------------------------- replicas
@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "frequency", "moments"),
    [
        pytest.param("arrays", 4, MOMENTS[1:2], marks=pytest.mark.exhaustive),
        pytest.param("pipeline", 4, MOMENTS[2:3], marks=pytest.mark.exhaustive),
        *[
            pytest.param(kind, frequency, MOMENTS, marks=pytest.mark.exhaustive)
            for kind in KINDS
            for frequency in ("epoch", 4)
        ],
    ],
)
def test_a_run_on_two_replicas_goes_on_bit_for_bit(kind, frequency, moments, tmp_path, undisturbed):
    """The history too: each replica goes on with its own part of the metrics."""
    expected = undisturbed(kind, two_replicas())
    for moment in moments:
        with pytest.raises(InterruptedError):
            killed_run.train(kind, tmp_path, frequency, [Cut(*moment)], two_replicas())
    assert_same(killed_run.train(kind, tmp_path, frequency, scope=two_replicas()), expected)


@pytest.mark.exhaustive
@pytest.mark.slow
def test_a_run_on_two_replicas_goes_on_with_one(tmp_path, undisturbed):
    """Their parts of the metrics are put together."""
    expected = undisturbed("arrays", two_replicas())
    with pytest.raises(InterruptedError):
        killed_run.train("arrays", tmp_path, 4, [Cut("step", 2, 5)], two_replicas())
    found = killed_run.train("arrays", tmp_path, 4)
    ours, theirs = (json.loads(str(result["history"]))[1]["loss"] for result in (found, expected))
    assert ours[:2] == theirs[:2] and ours[2] != theirs[2]  # dropout draws other numbers on the second replica
    np.testing.assert_allclose(ours[2:], theirs[2:], rtol=0.2)


# ------------------------------------------------------------------------------------------------------- processes
@pytest.fixture(scope="module")
def start():
    """Starts processes that import TensorFlow once for all of them; none outlives the test."""
    context, begun = multiprocessing.get_context("forkserver"), []
    context.set_forkserver_preload([killed_run.__name__])

    def process(function, *arguments):
        event = context.Event()
        child = context.Process(target=function, args=(*arguments[:3], event, *arguments[3:]))
        child.start()
        begun.append(child)
        return child, event

    yield process
    for child in begun:
        child.kill()
        child.join(10)


def result(folder):
    with np.load(folder / "result.npz") as found:
        return dict(found)


def whole_run(start, folder, *arguments):
    """What a run that is left alone gives, and how long it trains."""
    child, begun = start(killed_run.run, arguments[0], folder, arguments[1], {})
    assert begun.wait(60)
    started = time.monotonic()
    child.join(120)
    assert child.exitcode == 0
    return result(folder), time.monotonic() - started


def steps_to_redo(folder, steps_per_epoch):
    """How many steps the run that was just killed had done after its newest backup."""
    from hornbook.saving.backup import read_state

    steps = folder / "steps"
    if not steps.exists():
        return 0
    epoch, step = map(int, steps.read_text().splitlines()[-1].split())
    states = sorted((folder / "backup").glob("state-*.backup"))
    run = read_state(states[-1])["run"] if states else {"epoch": 0, "under_way": False}
    kept = run["epoch"] * steps_per_epoch + (run["source"]["done"] if run["under_way"] else 0)
    return epoch * steps_per_epoch + step - kept


def killed_runs(start, folder, kills, seconds, moments, kind, frequency, **backup):
    """Start a run and kill it at a random moment, again and again; then let it end. How many steps each kill has cost."""
    lost = []
    while True:
        (folder / "steps").unlink(missing_ok=True)
        child, begun = start(killed_run.run, kind, folder, frequency, backup, True)
        assert begun.wait(60)
        child.join(moments.uniform(0, seconds) if len(lost) < kills else 120)
        if not child.is_alive():
            break
        os.kill(child.pid, signal.SIGKILL)
        child.join(10)
        lost.append(steps_to_redo(folder, killed_run.STEPS[kind]))
    assert child.exitcode == 0
    left = sorted(path.name for path in folder.rglob("*") if path.suffix not in (".backup", ".h5"))
    assert [name for name in left if name not in ("backup", "steps")] == ["log.csv", "result.npz"], (
        left
    )  # nothing astray
    assert len(list(folder.glob("*.h5"))) <= 2 and not list(folder.glob(".*"))
    return lost


@pytest.mark.slow
def test_kills_at_random_moments(start, tmp_path):
    expected, seconds = whole_run(start, make(tmp_path / "whole"), "arrays", 2)
    folder = make(tmp_path / "killed")
    lost = killed_runs(start, folder, 3, 0.8 * seconds, random.Random(1), "arrays", 2, delete_checkpoint=False)
    print(f"{len(lost)} kills in runs of {seconds:.1f} s; steps to be done again: {lost}")
    assert lost and max(lost) <= 2
    assert_same(result(folder), expected)


@pytest.mark.exhaustive
@pytest.mark.parametrize("frequency", ["epoch", 1])
@pytest.mark.parametrize("kind", list(killed_run.STEPS))
def test_many_kills_at_random_moments(kind, frequency, start, tmp_path):
    expected, seconds = whole_run(start, make(tmp_path / "whole"), kind, frequency)
    moments, lost, rounds = random.Random(f"{kind} {frequency}"), [], 0
    backup = {"delete_checkpoint": frequency == "epoch"}  # where it is removed, a kill behind fit() costs the whole run
    while len(lost) < 10:
        folder = make(tmp_path / f"killed{rounds}")
        lost += killed_runs(start, folder, 10 - len(lost), 0.9 * seconds, moments, kind, frequency, **backup)
        assert_same(result(folder), expected)
        rounds += 1
    print(
        f"{kind}, every {frequency}: {len(lost)} kills in {rounds} runs of {seconds:.1f} s, all bit for bit; steps to be "
        f"done again: median {np.median(lost):.0f}, most {max(lost)}"
    )


def make(folder):
    folder.mkdir()
    return folder


@pytest.mark.slow
def test_sigterm_keeps_the_state_and_ends_the_process(start, tmp_path):
    expected, seconds = whole_run(start, make(tmp_path / "whole"), "py_dataset", "epoch")
    moments, waited, runs = random.Random(2), [], 0
    while not waited:  # once more where the machine is faster by now, and the run was over before the first signal
        folder, codes = make(tmp_path / f"ended{runs}"), []
        while not codes or codes[-1] != 0:
            options = {"save_before_preemption": True}
            child, begun = start(killed_run.run, "py_dataset", folder, False, options)
            assert begun.wait(60)
            child.join(moments.uniform(0.2, 0.5) * seconds if len(codes) < 3 else 120)
            if child.is_alive():
                told, before = time.time(), time.monotonic()
                os.kill(child.pid, signal.SIGTERM)
                child.join(20)
                if not (folder / "backup").exists():  # its training had just ended: it knows no such signal any more
                    assert child.exitcode in (0, -signal.SIGTERM)
                    continue
                (state,) = (folder / "backup").iterdir()
                waited.append(time.monotonic() - before)
                assert state.stat().st_mtime - told < 5
            codes.append(child.exitcode)
        seconds, runs = 0.7 * seconds, runs + 1
    print(f"exit codes {codes}; from SIGTERM to the end of the process {max(waited):.1f} s at most")
    assert 143 in codes and set(codes) <= {143, 0}
    assert_same(result(folder), expected)


def test_a_second_sigterm_ends_the_process_at_once(start, tmp_path):
    child, waiting = start(killed_run.waiting, None, tmp_path, None)
    assert waiting.wait(60)
    os.kill(child.pid, signal.SIGTERM)
    child.join(0.5)
    assert child.is_alive()  # it waits for the batch, to end the step and keep the state
    os.kill(child.pid, signal.SIGTERM)
    child.join(2)
    assert child.exitcode == -signal.SIGTERM


@pytest.mark.slow
def test_two_processes_with_one_seed_are_equal_bit_for_bit(start, tmp_path):
    kinds = ["perceptron", "convnet", "lstm"]
    for name, threads in (("a", 2), ("b", 2), ("c", 1)):
        child, _ = start(killed_run.determined, kinds, make(tmp_path / name), threads)
        child.join(120)
        assert child.exitcode == 0
    found = result(tmp_path / "a")
    assert_same(result(tmp_path / "b"), found)
    for name, value in result(
        tmp_path / "c"
    ).items():  # with AVX-512 a kernel's gradient depends on it in the last digit
        np.testing.assert_allclose(value, found[name], rtol=1e-5, atol=1e-7, err_msg=name)
    assert all(np.isfinite(found[f"{kind} loss"]).all() for kind in kinds)


def test_ctrl_c_that_python_drops_in_a_destructor_ends_fit(start, tmp_path):
    child, _ = start(killed_run.dropped, "perceptron", tmp_path, None)
    child.join(60)
    assert child.exitcode == 0


@pytest.mark.slow
@pytest.mark.parametrize(
    "wait", [4.0, pytest.param(0.05, marks=pytest.mark.exhaustive)], ids=["in a stretch", "while the step is traced"]
)
def test_ctrl_c_leaves_a_usable_model(wait, start, tmp_path):
    child, begun = start(killed_run.interrupted, "perceptron", tmp_path, None)
    assert begun.wait(60)
    time.sleep(wait)
    os.kill(child.pid, signal.SIGINT)
    child.join(60)
    assert child.exitcode == 0
    assert int((tmp_path / "used").read_text()) > (100 if wait > 1 else -1)


# ----------------------------------------------------------------------------------------------------------- files
@pytest.mark.slow
@pytest.mark.parametrize("ending", [".keras", ".weights.h5"])
def test_a_file_that_cannot_grow_leaves_the_one_before(ending, start, tmp_path):
    child, _ = start(killed_run.limited, "perceptron", tmp_path, ending)
    child.join(60)
    assert child.exitcode == 3


def full_disk(monkeypatch, after):
    """Let writes fail as on a full disk once `after` bytes are written to backups."""
    from hornbook.saving import backup

    class Full:
        def __init__(self, path, mode):
            self.file, self.written = open(path, mode), 0

        def __enter__(self):
            return self

        def __exit__(self, *error):
            self.file.close()

        def write(self, part):
            self.written += len(part)
            if self.written > after:
                raise OSError(errno.ENOSPC, "No space left on device")
            self.file.write(part)

    monkeypatch.setattr(backup, "open", Full, raising=False)


def small_fit(folder, epochs=4, **options):
    model, x, y = killed_run.small("perceptron")
    return model.fit(x, y, epochs=epochs, verbose=0, callbacks=[callbacks.BackupAndRestore(folder, **options)])


class Stop(callbacks.Callback):
    def __init__(self, epoch):
        super().__init__()
        self.last = epoch

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == self.last:
            raise InterruptedError


def stopped_fit(folder, epoch, **options):
    model, x, y = killed_run.small("perceptron")
    with pytest.raises(InterruptedError):
        model.fit(x, y, epochs=9, verbose=0, callbacks=[callbacks.BackupAndRestore(folder, **options), Stop(epoch)])


def test_a_full_disk_is_said_and_the_state_before_stays(tmp_path, monkeypatch):
    stopped_fit(tmp_path, 2)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with monkeypatch.context() as patch:
        full_disk(patch, after=1000)
        with pytest.raises(OSError, match=r"state-000003.backup could not be written: the disk is full \(.* are free"):
            small_fit(tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    assert small_fit(tmp_path).epoch == [0, 1, 2, 3]


def test_a_folder_that_cannot_be_written_to_is_said_before_the_first_step(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="file"):
        small_fit(tmp_path / "file")
    with pytest.raises(OSError, match="hornbook"):
        small_fit("/proc/hornbook")


@pytest.mark.parametrize("damage", ["cut", "bit"])
def test_a_damaged_state_is_passed_over(damage, tmp_path):
    for options in ({"double_checkpoint": True}, {}):
        folder = tmp_path / str(len(options))
        stopped_fit(folder, 3, **options)
        newest = max(folder.iterdir())
        content = bytearray(newest.read_bytes())
        if damage == "cut":
            content = content[:-100]
        else:
            content[len(content) // 2] ^= 4
        newest.write_bytes(content)
        if options:
            with pytest.warns(UserWarning, match="state-000003.backup is damaged.*goes on from the one before"):
                assert small_fit(folder, **options).epoch == [0, 1, 2, 3]
        else:
            with pytest.raises(ValueError, match="is damaged.*remove the folder to start anew"):
                small_fit(folder)


def test_every_bit_that_turns_is_noticed(tmp_path):
    from hornbook.saving.backup import read_state, write_state

    state = {"a": [1.5, None, "text"], "weights": np.arange(6, dtype="float16").reshape(2, 3), "none": np.zeros((0, 2))}
    path, generator = tmp_path / "state-000001.backup", np.random.default_rng(0)
    write_state(path, state)
    good = path.read_bytes()
    again = read_state(path)
    assert again["a"] == state["a"] and again["none"].shape == (0, 2)
    np.testing.assert_array_equal(again["weights"], state["weights"], strict=True)
    for _ in range(300):
        turned = bytearray(good)
        turned[generator.integers(len(good))] ^= 1 << int(generator.integers(8))
        path.write_bytes(turned)
        with pytest.raises(ValueError, match="damaged"):
            read_state(path)
    with pytest.raises(TypeError, match=r"state\['f'\]\[0\] is <built-in function print>"):
        write_state(path, {"f": [print]})


def test_a_backup_of_another_model_or_other_data_is_refused(tmp_path):
    stopped_fit(tmp_path, 2)
    model, x, y = killed_run.small("convnet")
    with pytest.raises(ValueError, match="backup holds .* Make the model as it was"):
        model.fit(x, y, verbose=0, epochs=3, callbacks=[callbacks.BackupAndRestore(tmp_path)])
    folder = tmp_path / "middle"
    model, x, y = killed_run.small("perceptron")
    with pytest.raises(InterruptedError):
        backup = callbacks.BackupAndRestore(folder, save_freq=3)
        model.fit(x, y, verbose=0, callbacks=[backup, Cut("step", 0, 4)])
    with pytest.raises(ValueError, match="batch_size=32, but fit.. has batch_size=16"):
        model.fit(x, y, batch_size=16, verbose=0, callbacks=[callbacks.BackupAndRestore(folder, save_freq=3)])


class Spoil(callbacks.Callback):
    """Makes a weight NaN in one epoch."""

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == 2:
            last = self.model.layers[-1]  # some CPUs take NaN for 0 in a product with its relu
            last.bias.assign(last.bias * np.nan)


def test_weights_that_are_not_finite_replace_none_that_are(tmp_path):
    from hornbook.saving.backup import read_state

    model, x, y = killed_run.small("perceptron")
    backup = callbacks.BackupAndRestore(tmp_path / "backup")
    keep = callbacks.ModelCheckpoint(tmp_path / "{epoch}.keras", "loss", max_to_keep=1)
    best = callbacks.ModelCheckpoint(tmp_path / "best.keras", "loss", save_best_only=True)
    with pytest.warns(UserWarning, match="not finite any more: the last backup"):
        history = model.fit(
            x, y, epochs=5, verbose=0, callbacks=[Spoil(), keep, best, callbacks.TerminateOnNaN(), backup]
        )
    assert len(history.epoch) == 3 and np.isnan(history.history["loss"][-1])
    assert sorted(path.name for path in tmp_path.glob("*.keras")) == ["2.keras", "3.keras", "best.keras"]
    (state,) = (tmp_path / "backup").iterdir()
    assert state.name == "state-000002.backup" and read_state(state)["run"]["epoch"] == 2
    for path in (tmp_path / "2.keras", tmp_path / "best.keras"):
        assert all(np.isfinite(weight).all() for weight in killed_run.keras.saving.load_model(path).get_weights())


def test_the_best_is_a_number_where_the_first_was_none(tmp_path):
    monitor = callbacks.ModelCheckpoint(tmp_path / "m.keras", "loss", mode="min", save_best_only=True)
    assert [
        monitor._is_improvement(*pair) for pair in [(np.nan, None), (1.0, np.nan), (np.nan, np.nan), (np.nan, 1.0)]
    ] == [
        True,
        True,
        False,
        False,
    ]


def test_what_a_backup_is_not_for():
    with pytest.raises(ValueError, match="save_before_preemption=True alone"):
        callbacks.BackupAndRestore("backup", save_freq=False)
    backup = callbacks.BackupAndRestore("backup")
    backup.set_model(killed_run.small("perceptron")[0])
    with pytest.raises(RuntimeError, match=r"works in fit\(\)"):
        backup.on_train_begin()


def test_the_newest_and_the_best_files_are_kept(tmp_path):
    model, x, y = killed_run.small("perceptron")
    losses = iter([5.0, 3.0, 4.0, 4.5, 2.0, 6.0, 7.0, 8.0])
    say = callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: logs.update(score=next(losses)))
    names = []
    look = callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: names.append(sorted(os.listdir(tmp_path))))
    others = [".notes.keras", ".12.keras.abcdefgh.keras", "notes.keras"]
    left = [".7.keras.abcdefgh.keras", ".8.keras.abc_efg2"]
    for name in (*others, *left):
        (tmp_path / name).write_text("not ours, or left by a process that was killed")
    keep = callbacks.ModelCheckpoint(tmp_path / "{epoch}.keras", "score", mode="min", max_to_keep=2, keep_best=True)
    model.fit(x, y, epochs=8, verbose=0, callbacks=[say, keep, look])
    assert names[6][:4] == sorted([*others[:2], left[1]]) + ["5.keras"]
    assert names[7] == sorted([*others, "5.keras", "7.keras", "8.keras"])
    kept = [[name.removesuffix(".keras") for name in at_epoch if name not in others + left] for at_epoch in names]
    assert kept == [
        ["1"],
        ["1", "2"],
        ["2", "3"],
        ["2", "3", "4"],
        ["4", "5"],
        ["5", "6"],
        ["5", "6", "7"],
        ["5", "7", "8"],
    ]
    with pytest.raises(ValueError, match="max_to_keep"):
        callbacks.ModelCheckpoint("m.keras", keep_best=True)
    with pytest.raises(ValueError, match="max_to_keep=0"):
        callbacks.ModelCheckpoint("m.keras", max_to_keep=0)
