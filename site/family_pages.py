"""A page for each family of models, made of its one file when the site is built.

The sections of a family's file (config, parts, whole, WEIGHTS table) are those of its page; before them stand its presets and
its row of the exactness page.
"""

import os
import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parent.parent
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

SECTION = re.compile(r"^# -{10,} (.+)$", re.M)
SECTIONS = {  # as the files name them -> title, what is said above the code
    "config": ("Config", "The fields are those of `config.json`, under the same names."),
    "parts": ("Parts", "The layers, each with its equation and the names of its axes."),
    "whole": ("Whole", 'What `hub.load(name, task="backbone")` gives.'),
    "WEIGHTS table": (
        "Weights and heads",
        "Left the names in a checkpoint of Hugging Face's layout, right the places here; `None` is left out on purpose.",
    ),
}


def families() -> dict[str, tuple[str, Any]]:
    """For each page: the `model_type` and the module of its family."""
    from hornbook_hub.families import FAMILIES

    return {f"models/{Path(module.__file__).stem}.md": (kind, module) for kind, module in FAMILIES.items()}


def title(module: Any) -> str:
    """The family's name, the beginning of what its file says of itself."""
    return module.__doc__.split(":")[0].split(",")[0]


def page(kind: str, module: Any) -> str:
    """The page of a family."""
    from hornbook_hub.checkpoints import PRESETS

    path = Path(module.__file__)
    sentence, _, more = module.__doc__.partition("\n")
    _, *rest = SECTION.split(path.read_text())
    lines = [f"# {title(module)}", sentence, linked(more.strip()), f"All of it is in `{path.relative_to(ROOT)}`."]
    if table := PRESETS.get(kind):
        lines += ["## Presets", presets(table)]
    lines += ["## How exact", exactness(kind)]
    for name, code in zip(rest[::2], rest[1::2], strict=True):
        if name != "PRESETS table":
            heading, lead = SECTIONS.get(name, (name.capitalize(), ""))
            lines += [f"## {heading}", lead, f"````python\n{code.strip()}\n````"]
    return "\n\n".join(filter(None, lines)) + "\n"


def linked(text: str) -> str:
    """Addresses as links."""
    return re.sub(r"https?://[^\s,;)]+[^\s,;).]", r"<\g<0>>", text)


def presets(table: dict[str, dict[str, Any]]) -> str:
    """The table of presets."""
    lines = [
        "| `hub.load(...)` | also called | what it is | parameters | licence | from |",
        "|---|---|---|---|---|---|",
    ]
    for name, row in table.items():
        others = ", ".join(f"`{other}`" for other in row["aliases"])
        place, size = row.get("repository"), f"{row['parameters'] / 1e6:,.1f} M"
        origin = f"[{place}](https://huggingface.co/{place})" if place else "the package"
        cells = (f"`{name}`", others, row["about"], size, row["licence"], origin)
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def exactness(kind: str) -> str:
    """The row of the exactness page that is this family's."""
    lines = (ROOT / "site" / "exactness.md").read_text().splitlines()
    head = next(number for number, line in enumerate(lines) if line.startswith("| family"))
    rows = [line for line in lines[head + 2 :] if line.startswith(f"| {kind} |")]
    if not rows:
        return "It is measured with [the family it stands on](../exactness.md)."
    lead = "Largest differences to the numbers of `transformers`; [what the columns mean](../exactness.md)."
    return "\n".join([lead, "", *lines[head : head + 2], *rows])


def on_config(config: Any) -> Any:
    """The navigation lists a page for each family behind the overview."""
    for entry in config.nav:
        if "Models" in entry and entry["Models"][0].get("The families"):
            entry["Models"] += [{title(module): name} for name, (_, module) in families().items()]
    return config


def on_files(files: Files, config: Any) -> Files:
    """The pages are there though no file holds them."""
    for name, (kind, module) in families().items():
        files.append(File.generated(config, name, content=page(kind, module)))
    return files
