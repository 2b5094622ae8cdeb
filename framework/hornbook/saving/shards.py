"""Weights in several HDF5 files of a bounded size, and a `.weights.json` file that says which holds what.

`model.weights.json` lists `model_00000.weights.h5`, `model_00001.weights.h5`, ...; the layout is Keras's. The list is
replaced last, and the files of a save that replaces another have other numbers, so a save that is cut off leaves the list
and the files that were there.
"""

import contextlib
import json
import os
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from hornbook.core.untrusted import DamagedFileError, read_json
from hornbook.saving import hdf5
from hornbook.saving.atomic import written_aside
from hornbook.saving.progress import Progress
from hornbook.saving.weights import (
    Store,
    array_of,
    bytes_of,
    created_h5,
    nbytes,
    open_h5,
    own_variables,
    write_array,
)

GIBIBYTE = 1024**3
MAX_LIST_BYTES = 8 * 1024**2  # about 80,000 groups of weights
_SHARD = re.compile(r"[^/\\]{1,200}_(\d{5})\.weights\.h5")


def _name(path: Path, number: int) -> str:
    return f"{path.name.removesuffix('.weights.json')}_{number:05}.weights.h5"


def _groups(model: Any, limit: float, skipped: Iterable[Any]) -> list[list[tuple[str, str, str, Any]]]:
    """The weights of each file: (path in the tree, name of the holder, key, variable or array)."""
    groups: list[list] = [[]]
    size = 0
    for place, name, store in own_variables(model, skipped):
        for key, value in store.items():
            length = nbytes(value)
            if length > limit:
                raise ValueError(
                    f"The weight {place}/{key} of {name!r} takes {length:,} bytes, more than max_shard_size allows "
                    f"({int(limit):,}); make that larger."
                )
            if size + length > limit and groups[-1]:
                groups.append([])
                size = 0
            groups[-1].append((place, name, key, value))
            size += length
    return groups


def write_shards(model: Any, path: Path, overwrite: bool, max_shard_size: float, skipped: Iterable[Any] = ()) -> None:
    """Write the weights of everything below `model` to files of at most `max_shard_size` GB each, and the list of them.

    Raises:
        ValueError: where one weight alone is larger.
    """
    if path.exists() and not overwrite:
        raise FileExistsError(f"{path} exists already; pass overwrite=True to replace it.")
    groups = _groups(model, float(max_shard_size) * GIBIBYTE, skipped)
    old = _listed(path) if path.exists() else []
    first = 1 + max((int(match[1]) for name in old if (match := _SHARD.fullmatch(name))), default=-1)
    places: dict[str, list[str]] = {}
    total = 0
    with Progress("Saving", bytes_of(model)) as progress:
        for number, group in enumerate(groups, start=first):
            name = _name(path, number)
            with written_aside(path.with_name(name)) as aside, created_h5(aside) as file:
                for place, holder, key, value in group:
                    array = array_of(value)
                    inside = file.require_group(place)
                    inside.attrs["name"] = holder
                    write_array(inside, key, array)
                    names = places.setdefault(f"/{place}", [])
                    if name not in names:
                        names.append(name)
                    total += array.nbytes
                    progress.add(array.nbytes)
                    del array  # before the next one comes
    table = {place: names[0] if len(names) == 1 else names for place, names in places.items()}
    text = json.dumps({"metadata": {"total_size": total}, "weight_map": table}, indent=4)
    with written_aside(path, overwrite) as aside:
        aside.write_text(text)
    if first:  # Keras opens the file of number 0 before it looks for anything in the list
        with written_aside(path.with_name(_name(path, 0))) as aside:
            shutil.copyfile(path.with_name(_name(path, first)), aside)
    # the files before, and those of saves that were killed: the numbers up to this save's last are those of this list
    kept = {_name(path, number) for number in (0, *range(first, first + len(groups)))}
    for name in {*old, *(_name(path, number) for number in range(first + len(groups)))} - kept:
        with contextlib.suppress(OSError):
            os.unlink(path.with_name(name))


def _listed(path: Path) -> list[str]:
    """The names of the files in a list, as far as it can be read."""
    try:
        return sorted({name for names in _table(path).values() for name in names})
    except DamagedFileError:
        return []


def _table(path: Path) -> dict[str, list[str]]:
    """Place in the tree -> names of the files that hold it."""
    size = path.stat().st_size
    if size > MAX_LIST_BYTES:
        raise DamagedFileError(f"{path} is refused: a list of weight files has no {size:,} bytes.")
    try:
        table = read_json(path.read_bytes(), str(path))["weight_map"]
        found = {place: [names] if isinstance(names, str) else list(names) for place, names in table.items()}
    except DamagedFileError:
        raise
    except (KeyError, TypeError, AttributeError) as error:
        raise DamagedFileError(f"{path} is damaged: it is no list of weight files ({error}).") from None
    for place, names in found.items():
        for name in names:
            if not isinstance(name, str) or not _SHARD.fullmatch(name):
                raise DamagedFileError(
                    f"{path} is refused: it names the file {str(name)[:200]!r}; only weight files beside it are read."
                )
        if len(set(names)) != len(names):
            raise DamagedFileError(f"{path} is refused: it names a file twice for {place[:200]!r}.")
    return found


@contextlib.contextmanager
def opened_shards(path: Path) -> Iterator["Shards"]:
    """The tree of weights that a list of files describes.

    Raises:
        DamagedFileError: for a damaged list, and one that names a file that is not there or elsewhere.
    """
    with contextlib.ExitStack() as files:
        yield Shards(path, files)


class Shards:
    """A tree of weights whose parts lie in several files; each is opened when it is needed."""

    def __init__(self, path: Path, files: contextlib.ExitStack) -> None:
        self.path, self._table, self._files = path, _table(path), files
        self._opened: dict[str, hdf5.File] = {}

    def _file(self, name: str) -> hdf5.File:
        if name not in self._opened:
            place = self.path.with_name(name)
            if not place.is_file():
                raise DamagedFileError(f"{self.path} names {name}, which is not beside it.")
            self._opened[name] = self._files.enter_context(open_h5(place, str(place)))
        return self._opened[name]

    def store(self, path: str) -> "_Joined":
        """The weights at one place, by their names, from all files that hold some."""
        stores = [Store(self._file(name), path) for name in self._table.get(f"/{path}", ())]
        return _Joined(stores, path, self.path)


class _Joined(Mapping):
    def __init__(self, stores: list[Store], place: str, path: Path) -> None:
        self._stores: dict[str, Store] = {}
        for store in stores:
            for key in store:
                if key in self._stores:
                    raise DamagedFileError(f"{path} is refused: its files hold the weight {place}/{key} twice.")
                self._stores[key] = store

    def __getitem__(self, key: str) -> Any:
        return self._stores[key][key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._stores)

    def __len__(self) -> int:
        return len(self._stores)
