"""Weights in Hugging Face's layout: safetensors files, and the tables that say which tensor is which weight.

A file is data: its header is checked against its length before a number is read, and tensors are mapped from the disk and
assigned one by one, so the peak of memory is the model plus one tensor.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np

from hornbook.core.untrusted import read_json

MAX_HEADER_BYTES = 100_000_000
DTYPES: dict[str, Any] = {
    "F64": np.dtype("<f8"),
    "F32": np.dtype("<f4"),
    "F16": np.dtype("<f2"),
    "BF16": np.dtype(ml_dtypes.bfloat16),
    "I64": np.dtype("<i8"),
    "I32": np.dtype("<i4"),
    "I16": np.dtype("<i2"),
    "I8": np.dtype("i1"),
    "U8": np.dtype("u1"),
    "BOOL": np.dtype("?"),
}
NUMPY_DTYPES = {"float32": DTYPES["F32"], "float16": DTYPES["F16"], "bfloat16": DTYPES["BF16"]}


class DamagedWeightsError(ValueError):
    """A file of weights that is cut off, altered, or built to attack."""


# --------------------------------------------------------------------------------------------------------- safetensors
def _damaged(path: Path, what: str) -> DamagedWeightsError:
    return DamagedWeightsError(f"{path} is damaged: {what}. Delete it and fetch it again from where it came from.")


def read_header(path: str | os.PathLike) -> tuple[dict[str, dict], int]:
    """The table of tensors of a safetensors file, checked, and where its numbers begin.

    Returns:
        ({name: {"dtype", "shape", "data_offsets"}}, first byte of the numbers).

    Raises:
        DamagedWeightsError: where anything in the header does not fit the file.
    """
    path = Path(path)
    size = path.stat().st_size
    with open(path, "rb") as file:
        start = file.read(8)
        length = int.from_bytes(start, "little")
        if len(start) < 8 or length > min(MAX_HEADER_BYTES, size - 8):
            raise _damaged(path, f"it has {size:,} bytes, and a header of {length:,} bytes does not fit")
        text = file.read(length)
    try:
        header = read_json(text, "its header")
    except ValueError as error:
        raise _damaged(path, f"{error}") from None
    if not isinstance(header, dict):
        raise _damaged(path, "its header is no JSON object")
    header.pop("__metadata__", None)
    spans = []
    for name, entry in header.items():
        spans.append((*_checked(path, name, entry), name))
    end = 0
    for first, last, name in sorted(spans):
        if first != end:
            raise _damaged(
                path, f"tensor {name!r} begins at byte {first:,}, not at {end:,} where the one before it ends"
            )
        end = last
    if end != size - 8 - length:
        raise _damaged(path, f"its tensors take {end:,} bytes, but {size - 8 - length:,} are there")
    return header, 8 + length


def _checked(path: Path, name: str, entry: Any) -> tuple[int, int]:
    """First byte and one past the last of a tensor whose entry makes sense."""
    try:
        dtype, shape, (first, last) = entry["dtype"], entry["shape"], entry["data_offsets"]
    except (KeyError, TypeError, ValueError):
        raise _damaged(path, f"the entry of tensor {name!r} is incomplete") from None
    numbers = [*shape, first, last] if isinstance(shape, list) else [None]
    if not all(type(n) is int and 0 <= n < 2**63 for n in numbers):
        raise _damaged(path, f"the entry of tensor {name!r} holds a size that is no number")
    if not isinstance(dtype, str) or dtype not in DTYPES:
        raise _damaged(path, f"tensor {name!r} has dtype {dtype!r}; known are {', '.join(DTYPES)}")
    wanted = DTYPES[dtype].itemsize
    for size in shape:
        wanted *= size  # Python's integers do not overflow
    if last - first != wanted:
        raise _damaged(
            path, f"tensor {name!r} of shape {shape} and dtype {dtype} takes {wanted:,} bytes, not {last - first:,}"
        )
    return first, last


class Tensors(Mapping):
    """The tensors of one safetensors file, or of several with their index, mapped from the disk by name.

    Args:
        path: `model.safetensors`, or `model.safetensors.index.json`.
    """

    def __init__(self, path: str | os.PathLike) -> None:
        path = Path(path)
        self._places: dict[str, tuple[Path, int, dict]] = {}
        for file in shards(path):
            header, start = read_header(file)
            for name, entry in header.items():
                if name in self._places:
                    raise _damaged(file, f"tensor {name!r} also stands in {self._places[name][0].name}")
                self._places[name] = (file, start, entry)
        self.path = path
        places = (entry["data_offsets"] for _, _, entry in self._places.values())
        self.bytes = sum(last - first for first, last in places)

    def __getitem__(self, name: str) -> np.ndarray:
        file, start, entry = self._places[name]
        dtype, shape = DTYPES[entry["dtype"]], tuple(entry["shape"])
        if not np.prod(shape, dtype=np.int64):
            return np.zeros(shape, dtype)
        return np.memmap(file, dtype=dtype, mode="r", offset=start + entry["data_offsets"][0], shape=shape)

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)


def shards(path: Path) -> list[Path]:
    """The files that an index names, beside it; a file of weights is its own only shard.

    Raises:
        DamagedWeightsError: for an index that is none, or names files elsewhere.
    """
    if not path.name.endswith(".index.json"):
        return [path]
    try:
        names = sorted(set(read_json(path.read_bytes(), path.name)["weight_map"].values()))
    except (ValueError, KeyError, TypeError, AttributeError):
        raise _damaged(path, "it is no index of weight files") from None
    for name in names:
        if not isinstance(name, str) or Path(name).name != name or not name.endswith(".safetensors"):
            raise _damaged(path, f"it names the file {name!r}; only files beside it are read")
    return [path.parent / name for name in names]


def save_tensors(tensors: Mapping[str, np.ndarray], path: str | os.PathLike) -> None:
    """Write a safetensors file that transformers opens: aside first, then renamed."""
    from safetensors.numpy import save_file

    from hornbook.saving.atomic import written_aside

    with written_aside(path) as aside:
        save_file({k: np.ascontiguousarray(v) for k, v in tensors.items()}, aside, metadata={"format": "pt"})


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
