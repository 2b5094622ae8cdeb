"""Weights in Hugging Face's layout: safetensors files, and the tables that say which tensor is which weight.

Tensors are mapped from the disk and assigned one by one, so the peak of memory is the model plus one tensor.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from hornbook import backend
from hornbook.saving.atomic import written_aside
from hornbook.saving.safetensors import DTYPES, write_tensors

NUMPY_DTYPES = {"float32": DTYPES["F32"], "float16": DTYPES["F16"], "bfloat16": DTYPES["BF16"]}


def save_tensors(tensors: Mapping[str, np.ndarray], path: str | os.PathLike) -> None:
    """Write a safetensors file that transformers opens: aside first, then renamed."""
    with written_aside(path) as aside:
        write_tensors(tensors, aside, metadata={"format": "pt"})


# --------------------------------------------------------------------------------------------------- tables of weights
def transposed(array: np.ndarray) -> np.ndarray:
    """A Dense kernel: PyTorch keeps (outputs, inputs), Keras (inputs, outputs)."""
    return array.T


Row = tuple[
    str, Any, Callable | None
]  # name in the file, variable here, what turns one into the other (its own inverse)


def expand(table: Mapping[str, Any], layers: int) -> Iterator[tuple[str, str | None, Callable | None]]:
    """The rows of a WEIGHTS table with `{i}` written out for each layer: (name in the file, path here, transform)."""
    for name, target in table.items():
        path, transform = target if isinstance(target, tuple) else (target, None)
        for i in range(layers) if "{i}" in name else (0,):
            yield name.replace("{i}", str(i)), None if path is None else path.replace("{i}", str(i)), transform


def variable_at(model: Any, path: str) -> Any:
    """The variable that attributes lead to: "layers.0.attention.query.kernel"."""
    for part in path.split("."):
        model = model[int(part)] if part.isdigit() else getattr(model, part)
    return model


def written_at(model: Any, path: str) -> np.ndarray:
    """The array that a file holds for the variable at a path: quantized weights in floats, LoRA's correction added."""
    owner, _, name = path.rpartition(".")
    layer = variable_at(model, owner) if owner else model
    if name in ("kernel", "embeddings") and getattr(layer, "_power", None) is not None:
        return backend.convert_to_numpy(layer.whole_weight())
    return variable_at(model, path).numpy()


def load_rows(rows: list[Row], tensors: Mapping[str, np.ndarray], dropped: set[str], source: str) -> None:
    """Assign each tensor to its variable.

    Args:
        rows: what the model wants.
        tensors: what the file holds.
        dropped: names in the file that are left out on purpose.
        source: the file's name, for messages.

    Raises:
        ValueError: which names every tensor that is missing, of another shape, or unknown; nothing is assigned then.
    """
    problems = []
    for name, variable, transform in rows:
        if name not in tensors:
            problems.append(f"{name} is missing")
            continue
        shape = tensors[name].shape
        shape = shape[::-1] if transform is transposed else shape
        if tuple(shape) != tuple(variable.shape):
            problems.append(f"{name} has shape {tuple(shape)}, {variable.path} here {tuple(variable.shape)}")
    wanted = {name for name, _, _ in rows}
    problems += [f"{name} has no place in this model" for name in tensors if name not in wanted | dropped]
    if problems:
        listed = "; ".join(problems[:8]) + (f"; and {len(problems) - 8} more" if len(problems) > 8 else "")
        raise ValueError(f"The weights in {source} do not fit the model: {listed}.")
    for name, variable, transform in rows:
        array = tensors[name]
        variable.assign(np.asarray(transform(array) if transform else array, dtype=variable.dtype))
