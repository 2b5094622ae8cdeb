"""Several processes train together, over real sockets on this machine: the numbers are those of one device."""

import importlib.util
import json
import os
import random
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from hornbook import distribution
from hornbook.distribution import Cluster, LocalCluster

PROGRAM = Path(__file__).with_name("cluster_program.py")
ROOT = PROGRAM.parents[2]
ENVIRONMENT = {
    "PYTHONPATH": os.pathsep.join(str(ROOT / folder) for folder in ("framework", "datasets", ".")),
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "CUDA_VISIBLE_DEVICES": "",
}
PARTS = ("learn", "together", "streams", "order", "own", "files")
SECONDS = 300  # what a cluster may take on a busy machine before it is ended


def program(folder):
    """The program of the processes, to run parts of it here."""
    spec = importlib.util.spec_from_file_location("cluster_program", PROGRAM)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.FOLDER = folder
    return module


def cluster(folder, kind, parts, workers, servers=0, **environment):
    command = [sys.executable, "-W", "ignore", str(PROGRAM), kind, str(folder), *parts]
    return LocalCluster(command, workers, servers, folder / "logs", {**ENVIRONMENT, **environment}, SECONDS)


def found(folder, part, index=0):
    return dict(np.load(folder / f"{part}-{index}.npz"))


def steps_done(folder, index):
    """How many steps of the run that is cut a process has written down."""
    steps = folder / "cut" / f"steps-{index}"
    return len(steps.read_text().splitlines()) if steps.exists() else 0


def kill_at(running, folder, index, step):
    """Kill a process once it has done so many steps, and see the others end; False where the run is over before."""
    while steps_done(folder, index) < step:
        codes = [process.poll() for process in running.processes.values()]
        if codes == [0] * len(codes):
            return False
        assert not any(codes), (codes, running.last_words("worker", 0), running.last_words("worker", 1))
        time.sleep(0.002)
    running.kill("worker", index)
    killed = time.monotonic()
    running.processes["worker", index].returncode = 0  # its end is known; what the others do is asked for
    with pytest.raises(RuntimeError, match="ended with code"):
        running.wait()
    assert time.monotonic() - killed < 60
    return True


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
    expected = program(folder / "alone").alone(part)
    for index in range(workers):
        got = found(folder, part, index)
        assert set(got) == set(expected)
        for name, value in expected.items():
            np.testing.assert_allclose(got[name], value, rtol=2e-5, atol=2e-6, err_msg=f"{part}: {name}, {index}")


def check_files(folder, workers):
    kept = sorted(path.name for path in (folder / "files-0").iterdir())
    assert kept == ["checkpoint.keras", "log.csv", "model.keras", "model.weights.h5"]
    assert not [path for index in range(1, workers) for path in (folder / f"files-{index}").iterdir()]


@pytest.mark.slow
def test_two_processes_and_one_that_is_killed(tmp_path):
    """All parts; then one process of two is killed in mid-run, the other one ends with a word, and both start again."""
    with cluster(tmp_path, "multi_worker", (*PARTS, "uncut", "cut"), 2) as running:
        assert kill_at(running, tmp_path, 1, step=31)  # the third epoch
    assert "Another process of the cluster is gone" in running.last_words("worker", 0)
    for part in PARTS:
        check_part(tmp_path, part, 2)
    check_files(tmp_path, 2)
    done = steps_done(tmp_path, 0)

    with cluster(tmp_path, "multi_worker", ("reopened", "cut"), 2) as running:
        running.wait()
    check_part(tmp_path, "reopened", 2)
    check_as_if_never_cut(tmp_path, 2)
    again = done + steps_done(tmp_path, 0) - len((tmp_path / "uncut" / "steps-0").read_text().splitlines())
    assert 0 <= again - done <= 4  # steps that the kill has cost: no more than between two backups


@pytest.mark.slow
@pytest.mark.exhaustive
@pytest.mark.parametrize("workers", [2, 3])
def test_processes_killed_at_many_moments(workers, tmp_path):
    """The chief too."""
    with cluster(tmp_path, "multi_worker", ["uncut"], workers) as running:
        running.wait()
    moments, kills = random.Random(workers), []
    while True:
        with cluster(tmp_path, "multi_worker", ["cut"], workers) as running:
            who, before = moments.randrange(workers), steps_done(tmp_path, 0)
            step = before + moments.randrange(1, 25) if len(kills) < 6 else 10**6
            if not kill_at(running, tmp_path, who, step):
                break
        kills.append((who, step - before))
    print(f"{workers} processes, killed as (process, after steps): {kills}; all bit for bit")
    assert len(kills) >= 4
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
