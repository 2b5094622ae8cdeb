"""The README.md of a folder with a model: its licence, its sizes, how to load it."""

from pathlib import Path
from typing import Any

KNOWN_LICENCES = {
    "apache-2.0",
    "mit",
    "gemma",
    "llama2",
    "llama3",
    "llama3.1",
    "llama3.2",
    "cc-by-4.0",
    "cc-by-nc-4.0",
    "bsd-3-clause",
}


def model_card(folder: Path, backbone: Any, architecture: str, task: str, described: dict[str, Any]) -> str:
    """The text of the card.

    Args:
        folder: where the model goes; its name is the title.
        backbone: the model without its head. Its `origin`, if it was loaded, says from where, and under which licence.
        architecture: the name of the class in `config.json`.
        task: "backbone", "masked_lm", ...
        described: the contents of `config.json`.
    """
    origin = getattr(backbone, "origin", {})
    licence = origin.get("licence")
    source = origin.get("preset") or origin.get("repository")
    settings = ["library_name: transformers", "tags: [hornbook]"]
    if licence is not None:
        known = licence.lower() in KNOWN_LICENCES
        settings.insert(0, f"license: {licence.lower()}" if known else f"license: other\nlicense_name: {licence}")
    if origin.get("repository"):
        settings.append(f"base_model: {origin['repository']}")
    numbers = {key: value for key, value in described.items() if type(value) is int and not key.endswith("_token_id")}
    rows = [("architecture", architecture), ("parameters of the backbone", f"{backbone.count_params():,}")]
    rows += [(f"`{key}`", f"{value:,}") for key, value in sorted(numbers.items())]
    table = "\n".join(f"| {what} | {value} |" for what, value in rows)
    return f"""---
{chr(10).join(settings)}
---

# {folder.resolve().name}

{f"Made from `{source}` and saved" if source else "Saved"} by Hornbook, in the layout that transformers opens.
Licence: {licence or "not said; whoever publishes this model says it here"}.

| | |
|---|---|
{table}

```python
import hornbook_hub as hub

model = hub.load("path/to/this/folder", task="{task}")  # or "hf://organization/name", once it is there
```
"""
