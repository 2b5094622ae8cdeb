"""Weights in Hugging Face's layout: safetensors files, and the tables that say which tensor is which weight.

Tensors are mapped from the disk and copied into the memory of their variables, so the peak is little more than the model.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

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
class Transform(NamedTuple):
    """How a tensor lies in a file and here: two functions, each the other's inverse, that give views."""

    read: Callable[[np.ndarray], np.ndarray]
    write: Callable[[np.ndarray], np.ndarray]


transposed = Transform(lambda a: a.T, lambda a: a.T)
"""A Dense kernel: PyTorch keeps (outputs, inputs), Keras (inputs, outputs)."""
convolution = Transform(lambda a: a.transpose(2, 3, 1, 0), lambda a: a.transpose(3, 2, 0, 1))
"""A kernel of two axes: (outputs, inputs, height, width) there, (height, width, inputs, outputs) here."""
convolution_1d = Transform(lambda a: a.transpose(2, 1, 0), lambda a: a.transpose(2, 1, 0))
"""A kernel of one axis: (outputs, inputs, time) there, (time, inputs, outputs) here."""


def _not_written(array: np.ndarray) -> np.ndarray:
    raise ValueError("Layouts with several weights in one tensor are read, not written.")


def part(k: int, count: int) -> Transform:
    """The k-th of `count` weights that lie in one tensor, one after the other along its first axis.

    >>> import numpy as np
    >>> from hornbook_hub.weights import part
    >>> part(1, 3).read(np.arange(6)).tolist()
    [2, 3]
    """
    return Transform(lambda a: np.split(a, count)[k].T, _not_written)


Row = tuple[str, Any, Transform | None]  # name in the file, variable here, how it lies there


def expand(table: Any, config: Any) -> Iterator[tuple[str, str | None, Transform | None]]:
    """The rows of a WEIGHTS table, with `{i}` written out for each layer: (name in the file, path here, transform).

    Args:
        table: the table, or a function that makes it of the config; a tensor that holds several weights has a list there.
        config: of the model.
    """
    for name, targets in (table(config) if callable(table) else table).items():
        for target in targets if isinstance(targets, list) else [targets]:
            path, transform = target if isinstance(target, tuple) else (target, None)
            for i in range(config.depth) if "{i}" in name else (0,):
                yield name.replace("{i}", str(i)), None if path is None else path.replace("{i}", str(i)), transform


def variable_at(model: Any, path: str) -> Any:
    """The variable that attributes lead to: "layers.0.attention.query.kernel"; None where a part of it is done without."""
    for part in path.split("."):
        if model is None:
            return None
        model = model[int(part)] if part.isdigit() else getattr(model, part)
    return model


def rows_of(model: Any, table: Any, config: Any, at: Callable = variable_at) -> tuple[list[Row], set[str]]:
    """The rows of a table on a model, and the names that are dropped on purpose.

    A weight that the model does without, such as the bias of a layer with `use_bias=False`, has no row.

    Args:
        model: the model.
        table: see `expand`.
        config: of the model.
        at: what finds something at a path: `variable_at`, or `written_at` for the array that a file holds.
    """
    rows, dropped = [], set()
    for name, path, transform in expand(table, config):
        if path is None:
            dropped.add(name)
        elif (found := at(model, path)) is not None:
            rows.append((name, found, transform))
    return rows, dropped


def written_at(model: Any, path: str) -> np.ndarray | None:
    """The array that a file holds for the variable at a path: quantized weights in floats, LoRA's correction added."""
    owner, _, name = path.rpartition(".")
    layer = variable_at(model, owner) if owner else model
    if name in ("kernel", "embeddings") and getattr(layer, "_power", None) is not None:
        return backend.convert_to_numpy(layer.whole_weight())
    variable = variable_at(model, path)
    return None if variable is None else variable.numpy()


def load_rows(rows: list[Row], tensors: Mapping[str, np.ndarray], dropped: set[str], source: str) -> list[Any]:
    """Assign each tensor to its variable.

    Args:
        rows: what the model wants.
        tensors: what the file holds.
        dropped: names in the file that are left out on purpose.
        source: the file's name, for messages.

    Returns:
        the variables that have been written.

    Raises:
        ValueError: which names every tensor that is missing, of another shape, or unknown; nothing is assigned then.
    """
    problems = []
    filled = {id(variable) for name, variable, _ in rows if name in tensors}
    for name, variable, transform in rows:
        if name not in tensors:
            if id(variable) in filled:
                continue  # it has another name too, and that is there
            problems.append(f"{name} is missing")
            continue
        shape = (transform.read(tensors[name]) if transform else tensors[name]).shape
        if tuple(shape) != tuple(variable.shape):
            problems.append(f"{name} has shape {tuple(shape)}, {variable.path} here {tuple(variable.shape)}")
    wanted = {name for name, _, _ in rows}
    problems += [f"{name} has no place in this model" for name in tensors if name not in wanted | dropped]
    if problems:
        listed = "; ".join(problems[:8]) + (f"; and {len(problems) - 8} more" if len(problems) > 8 else "")
        raise ValueError(f"The weights in {source} do not fit the model: {listed}.")
    there = [row for row in rows if row[0] in tensors]

    def read(row: Row) -> Any:
        name, variable, transform = row
        array = tensors[name]
        variable.assign_from(transform.read(array) if transform else array)
        return variable

    if backend.current_strategy() is not None:  # its scope is the calling thread's
        return list(map(read, there))
    with ThreadPoolExecutor(os.cpu_count()) as readers:  # NumPy copies, and the system fetches memory, in all at once
        return list(readers.map(read, there))
