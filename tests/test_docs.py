"""Every example is run: the Python blocks of README and of the site's pages, a page in one namespace, and the docstrings."""

import contextlib
import doctest
import functools
import importlib
import inspect
import os
import pkgutil
import re
import textwrap
from pathlib import Path

import pytest
from tests import figures

import hornbook
import hornbook_applications
import hornbook_datasets
import hornbook_hub

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "site").rglob("*.md"))]
BLOCK = re.compile(
    r"^( *)```python\n(.*?)^\1```\n(?:\n\1```output\n(.*?)^\1```)?", re.M | re.S
)  # folded ones are set in
FLAGS = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS


def blocks(page: Path) -> list[tuple[str, str]]:
    """The code of a page, each block with the output that the page shows behind it."""
    found = [tuple(map(textwrap.dedent, block[1:])) for block in BLOCK.findall(page.read_text())]
    return [(code, shown) for code, shown in found if not code.startswith("# not run")]


LONG = (  # what takes a quarter of a minute, or adds little to the tests of its subject
    *("models.md", "writing-on.md", "exporting.md", "quantization.md", "segmentation.md", "tuning.md"),
    *("tpu.md", "overfitting.md", "finetune_bert_tiny.md"),
)
ROWS = [pytest.param(p, marks=[pytest.mark.exhaustive] if p.name in LONG else []) for p in PAGES if blocks(p)]


@pytest.mark.parametrize("page", ROWS, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_the_examples_of_a_page_run(page, capsys, tmp_path, monkeypatch):
    require_extras(page.name)
    monkeypatch.chdir(tmp_path)
    with figures.drawn_for_the_site() if drawn(page) else contextlib.nullcontext():
        run(page, capsys)
    figures.compare({name: (tmp_path / f"{name}.svg").read_text() for name in drawn(page)})


def run(page, capsys):
    """Run the blocks of a page, one after the other, and compare what they print with what the page shows."""
    namespace: dict = {"__name__": "page"}
    for code, shown in blocks(page):
        capsys.readouterr()
        exec(compile(code, str(page), "exec"), namespace)
        said = capsys.readouterr().out
        assert not shown or doctest.OutputChecker().check_output(shown, said, FLAGS), f"shown:\n{shown}\nsaid:\n{said}"


def drawn(page: Path) -> list[str]:
    """The names of the figures that the code of a page draws."""
    return re.findall(r'savefig\("([\w-]+)\.svg"\)', "".join(code for code, _ in blocks(page)))


def test_pages_show_the_figures_that_they_draw():
    for page in PAGES:
        assert re.findall(r"\]\((?:\.\./)*figures/([\w-]+)\.svg\)", page.read_text()) == drawn(page), page
    everywhere = [name for page in PAGES for name in drawn(page)]
    assert sorted(everywhere) == sorted(path.stem for path in figures.KEPT.glob("*.svg"))
    assert all(path.stat().st_size <= 40_000 for path in figures.KEPT.glob("*.svg"))


@pytest.mark.parametrize("page", sorted((ROOT / "site" / "chapters").glob("*.md")), ids=lambda p: p.name)
def test_a_chapter_has_an_exercise_and_a_solution_that_runs(page):
    _, question, solution = re.split(r"^\*\*Exercise\.\*\*|^\?\?\? success", page.read_text(), flags=re.M)
    assert "?" in question and "    ```python\n" in solution and "    ```output\n" in solution


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


SPACES = """activations applications callbacks config constraints datasets distillation distribution dtype_policies export
    initializers layers losses metrics models ops optimizers optimizers.schedules quantizers random regularizers saving tree
    utils visualization wrappers""".split()
WITHOUT = {  # what cannot be shown, or not by itself
    *("hornbook.layers.JaxLayer", "hornbook.layers.FlaxLayer", "hornbook.layers.TorchModuleWrapper"),  # other backends
    "hornbook.callbacks.OrbaxCheckpoint",  # needs a package of its own
    "hornbook.distribution.distribute_tensor",  # needs several devices
    "hornbook_hub.AudioToText",  # needs a whole Whisper; site/models.md shows it
}


def public_names():
    """Classes and functions as users write them: the namespaces of the framework, the hub, applications, data sets."""
    spaces = {"hornbook": hornbook, "hornbook_hub": hornbook_hub, "hornbook_applications": hornbook_applications}
    for space in SPACES:
        spaces[f"hornbook.{space}"] = functools.reduce(getattr, space.split("."), hornbook)
    for name, module in hornbook_datasets.catalogue.BY_NAME.items():
        for function in ("load_data", "info"):
            yield f"hornbook_datasets.{name}.{function}", getattr(module, function)
    yield "hornbook_datasets.as_dataset", hornbook_datasets.streams.as_dataset  # that of every data set
    for space, module in spaces.items():
        for name in dir(module):
            thing = getattr(module, name)
            is_ours = getattr(thing, "__module__", "").startswith("hornbook")
            if not name.startswith("_") and (inspect.isclass(thing) or inspect.isfunction(thing)) and is_ours:
                yield f"{space}.{name}", thing


def test_every_public_name_has_an_example():
    names = dict(public_names())
    assert len(names) > 1000
    lacking = {name for name, thing in names.items() if ">>>" not in (thing.__doc__ or "")}
    inner = ("Family", "Configurable", "MAP_TO_NONE")  # seen from several namespaces, and not theirs
    assert {name for name in lacking if not name.endswith(inner)} == WITHOUT


ALWAYS = {f"hornbook_applications.{name}" for name in ("common", "imagenet_utils", "mobilenet")}
ALWAYS |= {"hornbook_hub.models.bert"}


def rows():
    """The modules; those whose examples build whole networks or search run in exhaustive runs, but for some."""
    for name in sorted(modules()):
        always = not name.startswith(
            ("hornbook_applications.", "hornbook_hub.models.", "hornbook.automl", "hornbook.tuner.tuner")
        )
        always = always or name in ALWAYS
        yield name if always else pytest.param(name, marks=pytest.mark.exhaustive)


@pytest.mark.parametrize("name", list(rows()))
def test_the_examples_of_docstrings_run(name, tmp_path, monkeypatch):
    require_extras(name)
    module = importlib.import_module(name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(os.environ, "COLUMNS", "120")
    result = doctest.testmod(module, optionflags=FLAGS)
    assert result.failed == 0
