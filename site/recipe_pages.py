"""A page for each recipe, made of its script when the site is built, and one that lists them with what they have reached."""

import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parent.parent
MEASURED = ROOT / "recipes" / "measured.md"  # a copy of the `recipes.md` that `hornbook recipes --all` writes
PART = re.compile(r"^(\w+): +(.*?)(?=^\w+: |\Z)", re.M | re.S)
INTRODUCTION = """# Recipes

Whole jobs as scripts of a page or two, from the data to a figure that they are held to. From the checkout
`python recipes/NAME.py`, installed `hornbook run NAME`; all have `--epochs`, `--batch-size`, `--seed`, `--out FOLDER` (the
result as JSON, a curve as PNG, the model), `--smoke` (two steps, to see that it runs), and those with pretrained models
`--tiny` (no network). `hornbook recipes --all` runs them and writes down what each has reached.
"""


def recipes() -> dict[str, Path]:
    """The page of each recipe, and its script."""
    from hornbook_hub.recipes import folder
    from hornbook_hub.recipes import recipes as named

    return {f"recipes/{name}.md": folder() / f"{name}.py" for name in named()}


def page(path: Path) -> str:
    """The page of a recipe."""
    from hornbook_hub.recipes import document

    text = document(path)
    title = text.splitlines()[0]
    lines = [f"# {title.rstrip('.')}"]
    for name, words in PART.findall(text):
        words = re.sub(r"\n +", "\n", words.strip())
        lines.append(f"**{name}.**\n\n```sh\n{words}\n```" if name == "Run" else f"**{name}.** {words}")
    return "\n\n".join([*lines, f"## `recipes/{path.name}`", f"````python\n{path.read_text().strip()}\n````"]) + "\n"


def overview() -> str:
    """The list of the recipes, and the table of what they have reached."""
    from hornbook_hub.recipes import recipes as named

    rows = [f"| [`{name}`](recipes/{name}.md) | {sentence} |" for name, sentence in named().items()]
    lines = [INTRODUCTION, "| recipe | what it does |\n|---|---|\n" + "\n".join(rows)]
    if MEASURED.exists():
        lines += ["## Measured", MEASURED.read_text()]
    return "\n\n".join(lines)


def on_config(config: Any) -> Any:
    """The navigation lists the recipes behind their overview."""
    for entry in config.nav:
        if "Recipes" in entry:
            entry["Recipes"] = [{"All recipes": "recipes.md"}, *({Path(name).stem: name} for name in recipes())]
    return config


def on_files(files: Files, config: Any) -> Files:
    """The pages are there though no file holds them."""
    files.append(File.generated(config, "recipes.md", content=overview()))
    for name, path in recipes().items():
        files.append(File.generated(config, name, content=page(path)))
    return files
