"""Recipes are run in the process of their tests, as scripts."""

import json
import runpy
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def smoke(monkeypatch, capsys, tmp_path):
    """Runs a recipe as a script, but in this process, for two steps; gives its result."""

    def run_here(name, *arguments):
        monkeypatch.setattr(sys, "argv", [f"{name}.py", "--smoke", "--out", str(tmp_path), *arguments])
        runpy.run_path(str(ROOT / "recipes" / f"{name}.py"), run_name="__main__")
        out = "\n" + capsys.readouterr().out
        found = json.loads(out[out.rindex("\n{") :])
        kept = json.loads((tmp_path / f"{name}.json").read_text())
        assert {key: kept[key] for key in found} == found
        return found

    return run_here
