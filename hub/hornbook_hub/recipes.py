"""The recipes: whole jobs as scripts, found by their names, run, and held to what their first lines promise.

A recipe is a file of `recipes/` with a docstring, run in a process of its own: `hornbook run mnist_mlp --epochs 3`.
"""

import ast
import datetime
import hashlib
import json
import os
import platform
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

HERE = Path(__file__).resolve()
FOLDERS = (HERE.parent / "scripts", HERE.parents[2] / "recipes")  # of the installed package, of the checkout
NOT_RECIPES = ("command_line",)  # what they share
STATES = {0: "yes", 1: "no", 2: "data missing"}  # exit status -> whether a recipe did as expected


def folder() -> Path:
    """The folder of the recipes.

    Raises:
        FileNotFoundError: where the package was installed without them.
    """
    for path in FOLDERS:
        if (path / "command_line.py").is_file():
            return path
    raise FileNotFoundError(f"The recipes are in none of {[str(path) for path in FOLDERS]}; install hornbook again.")


def recipes() -> dict[str, str]:
    """Each recipe's name, and the first line of what it says of itself.

    >>> from hornbook_hub.recipes import recipes
    >>> recipes()["mnist_mlp"]
    'A perceptron with one hidden layer reads handwritten digits.'
    """
    paths = sorted(path for path in folder().glob("*.py") if path.stem not in NOT_RECIPES)
    return {path.stem: document(path).splitlines()[0] for path in paths}


def document(path: Path) -> str:
    """A script's docstring, read without running it."""
    return ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""


def run(name: str, words: Sequence[str] = ()) -> int:
    """Run a recipe with these words on its command line; gives its exit status.

    Raises:
        ValueError: for an unknown name.
    """
    if name not in recipes():
        raise ValueError(f"There is no recipe {name!r}. Known are {', '.join(recipes())}.")
    # The recipe finds the packages that this process has, installed or not.
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    return subprocess.run([sys.executable, folder() / f"{name}.py", *words], env=environment, check=False).returncode


def run_all(out: str | os.PathLike, names: Sequence[str] = ()) -> list[dict]:
    """Run recipes in full, those with pretrained models with `--tiny`, and write what they gave beside what they promise.

    What is in the folder from a run before, of the same script and with exit status 0, is not run again; so hours of work that
    were interrupted go on where they stopped. Recipes that are named are run in any case.

    Args:
        out: a folder for `recipes.md`, `recipes.json`, and a folder of results for each recipe.
        names: which; all if empty.

    Returns:
        a row for each in the folder: name, date, seconds, the exit status, and the figures that are held to something.
    """
    Path(out).mkdir(parents=True, exist_ok=True)
    kept = Path(out) / "recipes.json"
    rows = {row["name"]: row for row in json.loads(kept.read_text())} if kept.exists() else {}
    for name in names or recipes():
        script = hashlib.sha256((folder() / f"{name}.py").read_bytes()).hexdigest()
        if not names and name in rows and (rows[name]["script"], rows[name]["status"]) == (script, 0):
            continue
        rows[name] = {
            "name": name,
            "script": script,
            "date": str(datetime.date.today()),
            **_measured(name, Path(out) / name),
        }
        aside = kept.with_suffix(".new")  # renamed when it is whole: a kill leaves what was measured before
        aside.write_text(json.dumps(list(rows.values()), indent=1))
        os.replace(aside, kept)
        (Path(out) / "recipes.md").write_text(table(list(rows.values())), encoding="utf-8")
    return list(rows.values())


def _measured(name: str, out: Path) -> dict:
    """What a recipe gives when it is run in full."""
    written = out / f"{name}.json"
    written.unlink(missing_ok=True)  # a result of before is no result of this run
    tiny = ["--tiny"] if "--tiny" in document(folder() / f"{name}.py") else []
    status = run(name, ["--out", str(out), *tiny])
    result = json.loads(written.read_text()) if written.exists() else {}
    return {"seconds": result.get("seconds"), "status": status, "figures": result.get("expected", {})}


def table(rows: Sequence[dict]) -> str:
    """The rows as a table in Markdown, dated, with the machine."""
    lines = [
        f"Measured on {os.cpu_count()} cores ({platform.machine()}), Python {platform.python_version()}.",
        "",
        "| recipe | figure | expected | measured | reached | minutes | date |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in sorted(rows, key=lambda row: row["name"]):
        minutes = "" if row["seconds"] is None else f"{row['seconds'] / 60:.1f}"
        reached = STATES.get(row["status"], f"failed ({row['status']})")
        for figure, held in row["figures"].items() or [("", {})]:
            sign = "≥" if "at_least" in held else "≤"
            bound = held.get("at_least", held.get("at_most"))
            expected = "" if bound is None else f"{sign} {bound:g}"
            measured = f"{held['measured']:.4g}" if held else ""
            state = reached if not held else "yes" if held["reached"] else "no"
            lines.append(
                f"| `{row['name']}` | {figure.replace('_', ' ')} | {expected} | {measured} | {state} | {minutes} "
                f"| {row['date']} |"
            )
            minutes = ""
    return "\n".join(lines) + "\n"
