"""Files that attack are refused, with the reason, at once and in little memory; random damage never does worse."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
MIB = 2**20


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """What became of each file of the corpus, in a process of its own."""
    folder = tmp_path_factory.mktemp("corpus")
    done = subprocess.run(
        [sys.executable, "-W", "ignore", str(HERE / "watched.py"), str(folder)],
        capture_output=True,
        text=True,
        timeout=300,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    found = {line["name"]: line for line in lines if "name" in line}
    started = [line["starts"] for line in lines if "starts" in line]
    assert done.returncode == 0, f"{started[-1:]} ended the process:\n{done.stderr[-3000:]}"
    assert not list(folder.rglob("*evil*")) and not list(folder.rglob("*touched*"))
    return found


def test_the_corpus_was_tried_whole(results, capsys):
    assert len(results) == next(iter(results.values()))["of"] > 500
    slowest = max(results.values(), key=lambda line: line["seconds"])
    largest = max(results.values(), key=lambda line: line["memory"])
    refused = sum(line["outcome"] == "refused" for line in results.values())
    with capsys.disabled():
        print(
            f"\n{len(results)} attacks: {refused} refused, {len(results) - refused} harmless, 0 crashed; at most "
            f"{slowest['seconds']:.2f} s ({slowest['name']}) and {largest['memory'] / MIB:.0f} MiB ({largest['name']})"
        )


def test_each_is_refused_with_the_reason(results):
    wrong = []
    for name, line in results.items():
        why = line["why"]
        fine = line["outcome"] == ("opened" if why is None else "refused")
        if not fine or not re.search(why or "", line["message"]):
            wrong.append(f"{name}: {line['outcome']}: {line['message'][:200]}")
    assert not wrong, "\n".join(wrong)


def test_at_once_and_in_little_memory(results):
    wrong = [
        f"{name}: {line['seconds']:.2f} s, {line['memory'] / MIB:.0f} MiB for a file of {line['size'] / MIB:.1f}"
        for name, line in results.items()
        if line["seconds"] > 1 or line["elapsed"] > 10 or line["memory"] > 100 * MIB + 3 * line["size"]
    ]
    assert not wrong, "\n".join(wrong)


def test_nothing_else_is_touched(results):
    wrong = [f"{name}: {line['strange'][:3]}" for name, line in results.items() if line["strange"]]
    assert not wrong, "\n".join(wrong)


FORMATS = [
    *("weights", "safetensors"),
    *(pytest.param(kind, marks=pytest.mark.exhaustive) for kind in ("npz_weights", "shards", "older_h5")),
    pytest.param("keras", marks=pytest.mark.slow),
    *(pytest.param(kind, marks=pytest.mark.exhaustive) for kind in ("hdf5", "npz", "json", "tar", "zip")),
    *(pytest.param(kind, marks=pytest.mark.exhaustive) for kind in ("older_keras", "metadata")),
]


@pytest.mark.parametrize("format", FORMATS)
def test_random_damage_is_refused_or_harmless(format):
    """A few hundred seeds of `benchmarks/fuzz.py`, which knows more; for as long as a test may take."""
    files, seconds = (300, 5) if format != "keras" else (300, 15)
    done = subprocess.run(
        [sys.executable, str(ROOT / "benchmarks" / "fuzz.py"), "--format", format, "--files", str(files)]
        + ["--seconds", str(seconds)],
        capture_output=True,
        text=True,
        timeout=200,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
    opened_and_refused = done.stdout.splitlines()[1].split()[2:4]
    assert all(int(number.replace(",", "")) > 0 for number in opened_and_refused), done.stdout
