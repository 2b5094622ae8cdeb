"""safetensors: a header in JSON that names tensors, their dtypes, shapes and places, and their numbers behind it.

A file is data: its header is checked against its length before a number is read, and tensors are mapped from the disk one by
one, so the peak of memory is the model plus one tensor.
"""

import json
import math
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np

from hornbook.core.untrusted import DamagedFileError, read_json
from hornbook.saving.weights import array_of, numpy_dtype

MAX_HEADER_BYTES = 100_000_000
MAX_AXES = 64  # NumPy's arrays have no more
DTYPES: dict[str, Any] = {
    "F64": np.dtype("<f8"),
    "F32": np.dtype("<f4"),
    "F16": np.dtype("<f2"),
    "BF16": np.dtype(ml_dtypes.bfloat16),
    "F8_E4M3": np.dtype(ml_dtypes.float8_e4m3fn),
    "F8_E5M2": np.dtype(ml_dtypes.float8_e5m2),
    "I64": np.dtype("<i8"),
    "I32": np.dtype("<i4"),
    "I16": np.dtype("<i2"),
    "I8": np.dtype("i1"),
    "U64": np.dtype("<u8"),
    "U32": np.dtype("<u4"),
    "U16": np.dtype("<u2"),
    "U8": np.dtype("u1"),
    "BOOL": np.dtype("?"),
}
CODES = {dtype: code for code, dtype in DTYPES.items()}


class DamagedWeightsError(DamagedFileError):
    """A file of weights that is cut off, altered, or built to attack."""


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
    notes = header.pop("__metadata__", {})
    if not isinstance(notes, dict) or not all(isinstance(note, str) for note in notes.values()):
        raise _damaged(path, "its __metadata__ is no table of texts")
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
    if len(shape) > MAX_AXES:
        raise _damaged(path, f"tensor {name!r} has a shape of {len(shape):,} axes")
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


def write_tensors(
    tensors: Mapping[str, Any],
    path: str | os.PathLike,
    written: Callable[[int], Any] = lambda count: None,
    metadata: Mapping[str, str] | None = None,
) -> None:
    """Write a safetensors file, tensor by tensor: no two of them are in memory at once.

    Args:
        tensors: variables, tensors or arrays by name.
        path: where to; a file there is overwritten, so pass a path aside.
        written: called with the number of bytes of each tensor that has been written.
        metadata: texts for the header.

    Raises:
        ValueError: for a dtype that the format has no code for.

    >>> import numpy as np
    >>> from hornbook.saving.safetensors import Tensors, write_tensors
    >>> write_tensors({"a": np.arange(3, dtype="float32")}, "a.safetensors")
    >>> Tensors("a.safetensors")["a"]
    memmap([0., 1., 2.], dtype=float32)
    """
    header: dict[str, Any] = {"__metadata__": dict(metadata)} if metadata else {}
    end = 0
    for name, value in tensors.items():
        dtype = numpy_dtype(value)
        if dtype not in CODES:
            raise ValueError(f"{name!r} has dtype {dtype}, which a safetensors file has no code for.")
        shape = [int(size) for size in value.shape]
        start, end = end, end + math.prod(shape) * dtype.itemsize
        header[name] = {"dtype": CODES[dtype], "shape": shape, "data_offsets": [start, end]}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)  # numbers begin at a multiple of 8
    with open(path, "wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for value in tensors.values():
            array = np.ascontiguousarray(array_of(value))
            file.write(array.reshape(-1).view(np.uint8).data)
            written(array.nbytes)
            del array  # before the next one comes
