"""Several processes train together, over real sockets on this machine: the numbers are those of one device."""

import json
import multiprocessing
import random
import re
import subprocess
import sys
import time

import numpy as np
import pytest
from tests.framework import cluster_program, killed_run

from hornbook import distribution
from hornbook.distribution import Cluster, LocalCluster

ENVIRONMENT = {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": ""}
PARTS = ("learn", "together", "streams", "order", "own", "files")
SECONDS = 300  # what a cluster may take on a busy machine before it is ended


class Forked:
    """A process as `subprocess.Popen` has it, forked from one that has imported TensorFlow, for that takes seconds."""

    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([cluster_program.__name__])

    def __init__(self, *arguments):
        self.process = self.context.Process(target=cluster_program.run, args=arguments, daemon=True)
        self.process.start()
        self.kill, self.terminate = self.process.kill, self.process.terminate

    returncode = property(lambda self: self.process.exitcode)

    def poll(self):
        return self.returncode

    def wait(self, seconds=None):
        self.process.join(seconds)
        if self.returncode is None:
            raise subprocess.TimeoutExpired("", seconds)


class ForkedCluster(LocalCluster):
    """A cluster of such processes."""

    def _start(self, environment, log, errors):
        return Forked(self.command, environment, log.name, errors.name)


def cluster(folder, kind, parts, workers, servers=0, **environment):
    command = [kind, folder, *parts]
    return ForkedCluster(command, workers, servers, folder / "logs", {**ENVIRONMENT, **environment}, SECONDS)


def found(folder, part, index=0):
    return dict(np.load(folder / f"{part}-{index}.npz"))


def steps_done(folder, index):
    """How many steps of the run that is cut a process has written down."""
    steps = folder / "cut" / f"steps-{index}"
    return len(steps.read_text().splitlines()) if steps.exists() else 0


def wait_for_step(running, folder, index, step):
    """Until a process has done so many steps; False where the run is over before."""
    while steps_done(folder, index) < step:
        codes = [process.poll() for process in running.processes.values()]
        if codes == [0] * len(codes):
            return False
        assert not any(codes), (codes, running.last_words("worker", 0), running.last_words("worker", 1))
        time.sleep(0.002)
    return True


def kill(running, index):
    """Kill a process, and see the others end."""
    running.kill("worker", index)
    killed = time.monotonic()
    running.tasks.remove(("worker", index))  # its end is known; what the others do is asked for
    with pytest.raises(RuntimeError, match="ended with code"):
        running.wait()
    seconds = time.monotonic() - killed
    print(f"process {index} was killed; the others were gone {seconds:.1f} s later")
    assert seconds < 60


def end(running, index):
    """Tell a process to end, and see all keep the state and end."""
    running.processes["worker", index].terminate()
    for process in running.processes.values():
        process.wait(60)
    assert {process.poll() for process in running.processes.values()} == {143}


def check_as_if_never_cut(folder, workers):
    for index in range(workers):
        expected, got = found(folder, "uncut", index), found(folder, "cut", index)
        assert set(got) == set(expected)
        for name, value in expected.items():
            np.testing.assert_array_equal(got[name], value, err_msg=f"{name}, {index}", strict=True)
    assert not (folder / "cut" / "backup").exists()


# ------------------------------------------------------------------------------------------------- who takes part
@pytest.mark.parametrize(
    "text, word",
    [
        ("", "TF_CONFIG is not set"),
        ("{", "no JSON"),
        ("[]", '"cluster"'),
        ('{"cluster": {"worker": ["a:1"]}}', '"task"'),
        ('{"cluster": {"workers": ["a:1"]}, "task": {"type": "workers", "index": 0}}', '"workers"'),
        ('{"cluster": {"worker": "a:1"}, "task": {"type": "worker", "index": 0}}', "list"),
        ('{"cluster": {"worker": ["a"]}, "task": {"type": "worker", "index": 0}}', "host:port"),
        ('{"cluster": {"worker": ["a:1", "a:1"]}, "task": {"type": "worker", "index": 0}}', "twice"),
        ('{"cluster": {"worker": ["a:1"]}, "task": {"type": "chief", "index": 0}}', "'chief'"),
        ('{"cluster": {"worker": ["a:1"]}, "task": {"type": "worker", "index": 1}}', "between 0 and 0"),
    ],
)
def test_a_wrong_tf_config_is_told(text, word, monkeypatch):
    monkeypatch.setenv("TF_CONFIG", text)
    with pytest.raises(ValueError, match=word) as told:
        distribution.initialize("multi_worker")
    assert '{"cluster": {"worker": ["host0:12345"' in str(told.value)  # what it should look like


def test_each_strategy_wants_its_own_tasks(monkeypatch):
    servers = {"cluster": {"chief": ["a:1"], "worker": ["a:2"], "ps": ["a:3"]}, "task": {"type": "chief", "index": 0}}
    workers = {"cluster": {"worker": ["a:2"]}, "task": {"type": "worker", "index": "0"}}
    monkeypatch.setenv("TF_CONFIG", json.dumps(servers))
    with pytest.raises(ValueError, match='choose "parameter_server"'):
        distribution.initialize("multi_worker")
    monkeypatch.setenv("TF_CONFIG", json.dumps(workers))
    with pytest.raises(ValueError, match="no chief and no ps"):
        distribution.initialize("parameter_server")
    assert Cluster.from_environment().is_chief and Cluster.parse(json.dumps(servers)).is_chief


def test_a_process_that_runs_already_cannot_join(monkeypatch):
    monkeypatch.setenv("TF_CONFIG", '{"cluster": {"worker": ["127.0.0.1:1"]}, "task": {"type": "worker", "index": 0}}')
    np.asarray(__import__("tensorflow").ones(()))
    with pytest.raises(RuntimeError, match="first, before any model"):
        distribution.initialize("multi_worker")


# ------------------------------------------------------------------------------------------------- a local cluster
def test_a_cluster_that_does_not_end_is_ended():
    started = time.monotonic()
    with LocalCluster([sys.executable, "-c", "import time; time.sleep(600)"], seconds=1) as running:
        with pytest.raises(TimeoutError, match="within 1 seconds"):
            running.wait()
    assert time.monotonic() - started < 30
    assert all(process.poll() is not None for process in running.processes.values())


def test_an_error_of_one_process_ends_all_and_is_shown():
    code = (
        "import os, sys, time; '\"index\": 1' in os.environ['TF_CONFIG'] and sys.exit('no such file'); time.sleep(600)"
    )
    with LocalCluster([sys.executable, "-c", code], seconds=60) as running:
        with pytest.raises(RuntimeError, match="(?s)worker 1 ended with code 1.*no such file"):
            running.wait()
    assert all(process.poll() is not None for process in running.processes.values())


def test_leaving_by_an_error_stops_the_processes():
    with pytest.raises(KeyboardInterrupt):
        with LocalCluster([sys.executable, "-c", "import time; time.sleep(600)"]) as running:
            raise KeyboardInterrupt
    assert all(process.poll() is not None for process in running.processes.values())


def test_a_cluster_of_nobody_is_refused():
    with pytest.raises(ValueError, match="at least one worker"):
        LocalCluster(["true"], workers=0)


# ------------------------------------------------------------------------------------------------- in step
def check_part(folder, part, workers):
    """Every process has the numbers of one device."""
    expected = cluster_program.alone(part, folder / "alone")
    for index in range(workers):
        got = found(folder, part, index)
        assert set(got) == set(expected)
        for name, value in expected.items():
            np.testing.assert_allclose(got[name], value, rtol=2e-5, atol=2e-6, err_msg=f"{part}: {name}, {index}")


def check_files(folder, workers):
    kept = sorted(path.name for path in (folder / "files-0").iterdir())
    assert kept == ["checkpoint.keras", "log.csv", "model.keras", "model.weights.h5"]
    assert not [path for index in range(1, workers) for path in (folder / f"files-{index}").iterdir()]


@pytest.mark.exhaustive  # a minute
def test_two_processes_and_one_that_is_killed(tmp_path):
    """All parts; then one process of two is killed in mid-run, the other one ends with a word, and both start again."""
    with cluster(tmp_path, "multi_worker", (*PARTS, "uncut", "cut"), 2) as running:
        assert wait_for_step(running, tmp_path, 1, 31)  # of the third epoch
        kill(running, 1)
    assert "Another process of the cluster is gone" in running.last_words("worker", 0)
    for part in PARTS:
        check_part(tmp_path, part, 2)
    check_files(tmp_path, 2)

    with cluster(tmp_path, "multi_worker", ("apart", "reopened", "cut"), 2) as running:
        running.wait()
    for index in (0, 1):
        assert re.search(
            r"apart-\d is not the same folder .* \[1\] of \[0, 1\] do", str(found(tmp_path, "apart", index)["told"])
        )
    check_part(tmp_path, "reopened", 2)
    check_as_if_never_cut(tmp_path, 2)
    history = json.loads(str(found(tmp_path, "cut")["history"]))
    again = steps_done(tmp_path, 0) - killed_run.STEPS["arrays"] * len(history[0])
    assert 0 <= again <= 3  # steps that the kill has cost: those since the last backup


@pytest.mark.slow
@pytest.mark.exhaustive
@pytest.mark.parametrize("workers", [2, 3])
def test_processes_killed_at_many_moments(workers, tmp_path):
    """The chief too; and told to end, which ends all with a state behind the same step."""
    with cluster(tmp_path, "multi_worker", ["uncut"], workers) as running:
        running.wait()
    moments, ends = random.Random(workers), []
    while True:
        with cluster(tmp_path, "multi_worker", ["cut"], workers) as running:
            how = kill if len(ends) % 3 else end
            who, before = moments.randrange(workers), steps_done(tmp_path, 0)
            after = moments.randrange(1, 25) if len(ends) < 6 else 10**6
            if not wait_for_step(running, tmp_path, who, before + after):
                break
            how(running, who)
        ends.append((how.__name__, who, after))
    print(f"{workers} processes: {ends}; all bit for bit")
    assert len(ends) >= 4
    check_as_if_never_cut(tmp_path, workers)


@pytest.mark.slow
@pytest.mark.exhaustive
def test_three_processes(tmp_path):
    with cluster(tmp_path, "multi_worker", PARTS, 3) as running:
        running.wait()
    for part in PARTS:
        check_part(tmp_path, part, 3)
    check_files(tmp_path, 3)


# ------------------------------------------------------------------------------------------------- as they come
@pytest.mark.slow
def test_two_workers_and_a_server(tmp_path):
    """With one thread between operations too, as on a machine of one core, where threads that wait would block all."""
    with cluster(tmp_path, "parameter_server", ["served"], 2, servers=1, TF_NUM_INTEROP_THREADS="1") as running:
        running.wait()
    got = found(tmp_path, "served")
    assert got["losses"][-1] < 0.7 * got["losses"][0]
    assert got["steps"] == 30 * 4  # every step was taken, and once
    assert got["by data set"][0] < got["losses"][0]
    for name in ("history loss", "history crossentropy", "history accuracy"):
        assert got[name][0] == pytest.approx(got[name][1], rel=1e-5)
    for name, value in zip(
        ("history loss", "history accuracy", "history crossentropy"), got["evaluate still"], strict=True
    ):
        assert got[name][0] == pytest.approx(value, rel=1e-5)  # each row counted once, whoever had it
    for name in ("evaluate", "predict", "on batch"):
        np.testing.assert_allclose(got[name], got[f"{name} alone"], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(got["predict data set"], got["predict"], atol=1e-6)
    assert "workers take graphs" in str(got["refused"])
    assert [home for home in got["homes"] if "/job:ps/" in str(home)] == got["homes"].tolist()
