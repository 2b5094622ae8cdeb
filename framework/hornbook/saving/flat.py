"""Weights as a table of arrays by name, `layers/dense/vars/0`: safetensors files and NumPy's `.npz` archives."""

import contextlib
import math
import re
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from hornbook.core.untrusted import DamagedFileError, open_zip
from hornbook.saving.atomic import written_aside
from hornbook.saving.progress import Progress
from hornbook.saving.safetensors import MAX_AXES, Tensors, write_tensors
from hornbook.saving.weights import array_of, bytes_of, own_variables

MAX_HEADER_BYTES = 10_000  # of one array in an `.npz` archive: its dtype and shape


def write_flat(model: Any, path: Path, overwrite: bool, skipped: Iterable[Any] = ()) -> None:
    """Write the weights of everything below `model`, one after the other, to a `.safetensors` or `.npz` file."""
    values = {
        f"{place}/{name}": value for place, _, store in own_variables(model, skipped) for name, value in store.items()
    }
    with written_aside(path, overwrite) as aside, Progress("Saving", bytes_of(model)) as progress:
        write = write_tensors if path.suffix == ".safetensors" else _write_npz
        write(values, aside, progress.add)


def _write_npz(values: Mapping[str, Any], path: Path, written: Any) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for name, value in values.items():
            array = array_of(value)
            if array.dtype.kind not in "biuf":  # bfloat16 and its like: NumPy's files have no name for them
                array = array.astype("float32")
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, array, allow_pickle=False)
            written(array.nbytes)
            del array  # before the next one comes


@contextlib.contextmanager
def opened_flat(path: Path) -> Iterator["FlatFile"]:
    """The arrays of a `.safetensors` or `.npz` file; each is read when its numbers are asked for.

    Raises:
        DamagedFileError: for a file that is cut off, altered, or something else.
    """
    if path.suffix == ".safetensors":
        yield FlatFile(Tensors(path))
        return
    with open_zip(path, lambda name: name.endswith(".npy"), "'.npz' file") as archive:
        members = archive.infolist()
        yield FlatFile({m.filename.removesuffix(".npy"): _Member(archive, m, path) for m in members})


class FlatFile:
    """Arrays by name, seen as the tree that their names make.

    >>> import numpy as np
    >>> from hornbook.saving.flat import FlatFile
    >>> FlatFile({"layers/dense/vars/0": np.zeros(3)}).store("layers/dense/vars")["0"].shape
    (3,)
    """

    def __init__(self, arrays: Mapping[str, Any]) -> None:
        self._stores: dict[str, dict[str, Any]] = {}
        for name in arrays:
            place, _, key = name.rpartition("/")
            self._stores.setdefault(place, {})[key] = name
        self._arrays = arrays

    def store(self, path: str) -> "_Store":
        """The arrays at one place, by their last names."""
        return _Store(self._stores.get(path, {}), self._arrays)


class _Store(Mapping):
    def __init__(self, names: dict[str, str], arrays: Mapping[str, Any]) -> None:
        self._names, self._arrays = names, arrays

    def __getitem__(self, key: str) -> Any:
        return self._arrays[self._names[key]]

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


_ENTRY = (
    r"\s*(?:'descr'\s*:\s*'(?P<descr{0}>[<>|=]?[biuf]\d{{1,2}})'|'fortran_order'\s*:\s*(?P<order{0}>True|False)"
    r"|'shape'\s*:\s*\((?P<shape{0}>[\d,\s]{{0,800}})\))\s*"
)
_HEADER = re.compile(r"\s*\{" + ",".join(_ENTRY.format(number) for number in range(3)) + r",?\s*\}\s*")


def _read_header(file: Any) -> tuple[tuple[int, ...], bool, np.dtype]:
    """Shape, whether it is in Fortran's order, and dtype of an array in a `.npy` file; its numbers come next.

    The header is a Python dictionary, of which just the three entries that numbers need are understood.

    Raises:
        ValueError: for another header, among them those of objects, texts and tables.
    """
    start = file.read(8)
    if start[:6] != b"\x93NUMPY" or start[6:] not in (b"\1\0", b"\2\0", b"\3\0"):
        raise ValueError("it does not begin as arrays of NumPy do")
    length = int.from_bytes(file.read(2 if start[6] == 1 else 4), "little")
    if length > MAX_HEADER_BYTES:
        raise ValueError(f"its header has {length:,} bytes, and at most {MAX_HEADER_BYTES:,} are read")
    match = _HEADER.fullmatch(file.read(length).decode("latin-1"))
    found = {key[:-1]: value for key, value in match.groupdict().items() if value is not None} if match else {}
    if len(found) != 3:
        raise ValueError("its header does not describe an array of numbers")
    sizes = [size.strip() for size in found["shape"].removesuffix(",").split(",")] if found["shape"].strip() else []
    if len(sizes) > MAX_AXES or not all(size.isdecimal() and len(size) < 20 for size in sizes):
        raise ValueError(f"its header holds no shape: ({found['shape'][:80]})")
    try:
        return tuple(map(int, sizes)), found["order"] == "True", np.dtype(found["descr"])
    except TypeError:
        raise ValueError(f"its header names the kind {found['descr']!r}, which is not among those of numbers") from None


class _Member:
    """An array in an `.npz` archive: shape and dtype are known, and compared with its size; the numbers are read later."""

    def __init__(self, archive: zipfile.ZipFile, member: zipfile.ZipInfo, path: Path) -> None:
        self._archive, self._member, self._path = archive, member, path
        try:
            with archive.open(member) as file:
                self.shape, self._fortran, self.dtype = _read_header(file)
                self._start = file.tell()
        except (ValueError, EOFError, OSError, zipfile.BadZipFile, zlib.error) as error:
            raise self._damaged(str(error)) from None
        wanted = self._start + math.prod(self.shape) * self.dtype.itemsize
        if wanted != member.file_size:
            raise self._damaged(f"its shape {self.shape} takes {wanted:,} bytes, but {member.file_size:,} are there")

    def _damaged(self, why: str) -> DamagedFileError:
        return DamagedFileError(f"{self._path} is damaged: {self._member.filename} cannot be read ({why}).")

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        array = np.empty(math.prod(self.shape), self.dtype)
        left = memoryview(array.view(np.uint8).data)
        try:
            with self._archive.open(self._member) as file:
                file.read(self._start)
                while len(left):
                    if not (count := file.readinto(left)):
                        raise EOFError("it is cut off")
                    left = left[count:]
                file.read(1)  # so that the checksum is compared
        except (EOFError, OSError, zipfile.BadZipFile, zlib.error) as error:
            raise self._damaged(str(error)) from None
        array = array.reshape(self.shape, order="F" if self._fortran else "C")
        return array if dtype is None else array.astype(dtype, copy=False)
