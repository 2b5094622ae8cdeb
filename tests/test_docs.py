"""Every example is run: the Python blocks of README and of the site's pages, a page in one namespace, and the docstrings."""

import doctest
import importlib
import os
import pkgutil
import re
from pathlib import Path

import pytest

import hornbook
import hornbook_applications
import hornbook_datasets
import hornbook_hub

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "site").rglob("*.md"))]
BLOCK = re.compile(r"^```python\n(.*?)^```", re.M | re.S)


def blocks(page: Path) -> list[str]:
    return [code for code in BLOCK.findall(page.read_text()) if not code.startswith("# not run")]


@pytest.mark.parametrize("page", [p for p in PAGES if blocks(p)], ids=lambda p: p.relative_to(ROOT).as_posix())
def test_the_examples_of_a_page_run(page):
    require_extras(page.name)
    namespace: dict = {"__name__": "page"}
    for code in blocks(page):
        exec(compile(code, str(page), "exec"), namespace)


def require_extras(name: str) -> None:
    """Skip what stands on a library that is not installed."""
    if name.startswith(("hornbook.tuner", "hornbook.automl", "tuning.md")):
        pytest.importorskip("keras_tuner", reason="keras-tuner chooses the hyperparameters")


def modules():
    for package in (hornbook, hornbook_applications, hornbook_datasets, hornbook_hub):
        yield package.__name__
        for found in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
            if not found.name.startswith("hornbook.backend.tensorflow"):
                yield found.name


APPLICATIONS = {f"hornbook_applications.{name}" for name in ("common", "imagenet_utils", "mobilenet")}


def rows():
    """The modules; of the applications, whose examples build whole networks, most run in exhaustive runs alone."""
    for name in sorted(modules()):
        always = not name.startswith("hornbook_applications.") or name in APPLICATIONS
        yield name if always else pytest.param(name, marks=pytest.mark.exhaustive)


@pytest.mark.parametrize("name", list(rows()))
def test_the_examples_of_docstrings_run(name, tmp_path, monkeypatch):
    require_extras(name)
    module = importlib.import_module(name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(os.environ, "COLUMNS", "120")
    flags = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
    result = doctest.testmod(module, optionflags=flags)
    assert result.failed == 0
