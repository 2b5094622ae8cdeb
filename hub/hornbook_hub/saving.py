"""Presets on disk: a folder in the layout that transformers opens."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from hornbook.saving.atomic import written_aside
from hornbook_hub.families import family_of, model_type_of
from hornbook_hub.model_card import model_card
from hornbook_hub.preprocessing import Preprocessor
from hornbook_hub.weights import NUMPY_DTYPES, save_tensors


def save_preset(
    folder: Any,
    backbone: Any,
    task: str,
    rows: list[tuple],
    preprocessor: Preprocessor | None,
    dtype: str = "float32",
    more: dict[str, Any] | None = None,
) -> None:
    """Write a folder in Hugging Face's layout; each file is written aside and renamed, the weights last.

    A README.md that is there stays as it is.
    """
    if dtype not in NUMPY_DTYPES:
        raise ValueError(f"dtype must be one of {sorted(NUMPY_DTYPES)}, got {dtype!r}.")
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    architectures = family_of(backbone).ARCHITECTURES
    kind = getattr(backbone, "kind", task) if task == "backbone" else task
    described = {
        **backbone.config.to_dict(),
        "architectures": [next(name for name, of in architectures.items() if of == kind)],
        "model_type": model_type_of(backbone),
        "dtype": dtype,
        "torch_dtype": dtype,
    }
    texts = {"config.json": json.dumps(described, indent=2, sort_keys=True) + "\n"}
    texts |= preprocessor.files() if preprocessor is not None else {}
    if not (folder / "README.md").exists():
        texts["README.md"] = model_card(folder, backbone, described["architectures"][0], task, described)
    texts |= {name: json.dumps(contents, indent=2) + "\n" for name, contents in (more or {}).items()}
    for name, text in texts.items():
        (folder / name).parent.mkdir(exist_ok=True)
        with written_aside(folder / name) as aside:
            aside.write_text(text, encoding="utf-8")
    tensors = {}
    for name, array, transform in rows:
        array = np.asarray(transform.write(array) if transform else array, order="C")
        whole = np.issubdtype(array.dtype, np.integer)  # such as a count of batches
        tensors[name] = array if whole else array.astype(NUMPY_DTYPES[dtype])
    save_tensors(tensors, folder / "model.safetensors")
