"""The presets: published checkpoints that have short names, each a row of the table `PRESETS` at the end of its family's file.

    name: {"repository" (on the Hugging Face Hub) and "revision", or "folder" (in the package), "aliases", "task", "parameters",
           "licence", "dtype", "about"}

The aliases are those that KerasHub has for the same checkpoint; "parameters" are those of the backbone, with a decoder's
table for guessing the next piece where that is a table of its own; "dtype" is that of the numbers in the files. The tables are
literals and read as such, without the models: so `hornbook presets` answers at once.
"""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

# The families: the `model_type` in `config.json` -> the file in `models`.
FILES = {
    "bert": "bert",
    "distilbert": "distilbert",
    "roberta": "roberta",
    "xlm-roberta": "xlm_roberta",
    "mpnet": "mpnet",
    "electra": "electra",
    "modernbert": "modernbert",
    "gpt2": "gpt2",
    "llama": "llama",
    "mistral": "mistral",
    "qwen2": "qwen2",
    "qwen3": "qwen3",
    "gemma": "gemma",
    "gemma2": "gemma2",
    "gemma3_text": "gemma3",
    "gemma4_text": "gemma4",
    "vit": "vit",
    "deit": "deit",
    "dinov2": "dinov2",
    "resnet": "resnet",
    "convnext": "convnext",
    "convnextv2": "convnextv2",
    "segformer": "segformer",
    "t5": "t5",
    "mt5": "mt5",
    "whisper": "whisper",
    "clip": "clip",
    "siglip": "siglip",
}
USUAL = {"aliases": (), "dtype": "float32"}  # what a row need not say


def table(file: str) -> dict[str, dict[str, Any]]:
    """The table `PRESETS` of a family's file: name -> row."""
    text = (Path(__file__).parent / "models" / f"{file}.py").read_text(encoding="utf-8")
    literal = text[text.index("\nPRESETS = ") + len("\nPRESETS = ") :]  # the last thing in the file
    return {name: {**USUAL, **row} for name, row in ast.literal_eval(literal).items()}


PRESETS: dict[str, dict[str, dict[str, Any]]] = {kind: table(file) for kind, file in FILES.items()}


def preset_rows() -> Iterator[tuple[str, dict[str, Any]]]:
    """(name, row) of every preset of every family."""
    for rows in PRESETS.values():
        yield from rows.items()
