"""The `.keras` file: a zip archive of config.json, metadata.json, model.weights.h5 and assets, as Keras 3 has it."""

import contextlib
import datetime
import importlib
import json
import os
import re
import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py

from hornbook import backend
from hornbook.core.registry import deserialize_keras_object, serialize_keras_object
from hornbook.models.keras2 import from_older, is_older
from hornbook.saving.atomic import written_aside
from hornbook.saving.orbax import is_checkpoint, load_orbax_model
from hornbook.saving.weights import DamagedFileError, Store, created_h5, open_h5, read_tree, walk, write_tree

_CONFIG, _METADATA, _WEIGHTS, _ASSETS = "config.json", "metadata.json", "model.weights.h5", "assets/"
OLDER = (".h5", ".hdf5")
KERAS_VERSION = "3.15.1"  # whose layout this is
MAX_JSON_BYTES = 64 * 1024**2
_MEMBER = re.compile(r"[A-Za-z0-9_.\-]{1,128}")


def save_model(
    model: Any,
    filepath: Any,
    overwrite: bool = True,
    zipped: bool | None = None,
    include_optimizer: bool = True,
    **kwargs: Any,
) -> None:
    """Write a whole model to a `.keras` file: architecture, weights, compile settings, optimizer state.

    A file that ends in ".h5" or ".hdf5" gets Keras's older layout instead, which Keras 2 reads too where the layers are hers.

    Of processes that train together the chief alone writes; in the others nothing is done.

    Args:
        model: the model.
        filepath: where to; it ends in ".keras" (or ".h5").
        overwrite: whether a file there may be replaced.
        zipped: accepted for signature's sake.
        include_optimizer: whether compile settings and the optimizer's state are written; for ".h5" files alone.

    Raises:
        ValueError: for another ending, and for what no config can hold (a lambda, a local function).
    """
    if kwargs:
        raise TypeError(f"save_model() got unexpected arguments: {sorted(kwargs)}.")
    path = Path(os.fspath(filepath))
    if path.suffix in OLDER:
        if backend.is_chief(getattr(model, "_strategy", None)):
            _legacy().save_legacy_model(model, path, overwrite, include_optimizer, KERAS_VERSION)
        return
    if path.suffix != ".keras":
        raise ValueError(
            f"A whole model is saved to a '.keras' file, got {path.name!r}. For weights alone there is "
            "model.save_weights('name.weights.h5')."
        )
    if not backend.is_chief(getattr(model, "_strategy", None)):
        return
    config = json.dumps(serialize_keras_object(model))
    metadata = json.dumps(
        {"keras_version": KERAS_VERSION, "date_saved": datetime.datetime.now().strftime("%Y-%m-%d@%H:%M:%S")}
    )
    beside = {"prefix": f".{path.name}.", "dir": path.parent}
    with written_aside(path, overwrite) as aside, tempfile.TemporaryDirectory(**beside) as folder:
        weights = Path(folder) / _WEIGHTS
        with created_h5(weights) as file:
            write_tree(model, file)
        assets = _write_assets(model, Path(folder))
        with zipfile.ZipFile(aside, "w", zipfile.ZIP_STORED) as archive:
            archive.writestr(_METADATA, metadata)
            archive.writestr(_CONFIG, config)
            archive.write(weights, _WEIGHTS)
            for asset in assets:
                archive.write(asset, asset.relative_to(folder).as_posix())


def _legacy() -> Any:
    return importlib.import_module("hornbook.saving.legacy_h5")


def _write_assets(model: Any, folder: Path) -> list[Path]:
    for path, holder in walk(model):
        if hasattr(holder, "save_assets"):
            inner = folder / _ASSETS / path
            inner.mkdir(parents=True)
            holder.save_assets(str(inner))
    return sorted(p for p in (folder / _ASSETS).rglob("*") if p.is_file())


def load_model(filepath: Any, custom_objects: Any = None, compile: bool = True, safe_mode: bool = True) -> Any:
    """The model that a `.keras` file holds, ready to predict and to train on.

    Args:
        filepath: the file, or a directory of Orbax's checkpoints, of which the newest is read.
        custom_objects: classes and functions of yours that the file names, by name.
        compile: also take over the compile settings and the optimizer's state.
        safe_mode: accepted for signature's sake: a file is data here, and code in it is never run.

    Raises:
        FileNotFoundError: where there is no such file.
        ValueError: for a damaged file, and for one that names a class nobody registered.
    """
    path = Path(os.fspath(filepath))
    if not path.exists():
        raise FileNotFoundError(f"There is no file {path}; check the name (a saved model ends in '.keras').")
    if is_checkpoint(path):
        return load_orbax_model(path, custom_objects, compile)
    if (path / "saved_model.pb").is_file():
        return importlib.import_module("hornbook.saving.keras2_saved_model").load_keras2_saved_model(
            path, custom_objects, compile
        )
    if path.suffix in OLDER:
        return _legacy().load_legacy_model(path, custom_objects, compile)
    with _opened(path) as archive:
        config = _read_json(archive, _CONFIG, path)
        if not isinstance(config, dict) or "class_name" not in config:
            raise DamagedFileError(f"{path}: {_CONFIG} does not describe a model.")
        version = _read_json(archive, _METADATA, path).get("keras_version") if _METADATA in archive.namelist() else None
        keras2 = is_older(version)
        if keras2:
            config = from_older(config)
        if not compile:
            config.pop("compile_config", None)
        model = deserialize_keras_object(config, custom_objects=custom_objects)
        _read_assets(model, archive, path)
        with _weights_of(archive, path) as file:
            learner = getattr(model, "optimizer", None) if keras2 else None
            tree = _legacy().OlderTree(file) if keras2 else file
            read_tree(model, tree, source=str(path), skipped=[learner] if learner is not None else ())
            if learner is not None:
                _legacy().restore_from_keras2(model, Store(file, "optimizer/vars"), path)
    return model


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[zipfile.ZipFile]:
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, OSError) as error:
        raise DamagedFileError(
            f"{path} is not a whole '.keras' file: it is cut off, damaged, or something else ({error})."
        ) from None
    with archive:
        names = [member.filename for member in archive.infolist()]
        if len(set(names)) != len(names):
            raise DamagedFileError(f"{path} is refused: it holds a member twice.")
        for name in names:
            inside = name.removeprefix(_ASSETS).rstrip("/") if name.startswith(_ASSETS) else None
            parts = inside.split("/") if inside else []
            fine = all(_MEMBER.fullmatch(part) and part not in (".", "..") for part in parts)
            if name not in (_CONFIG, _METADATA, _WEIGHTS, _ASSETS) and (inside is None or not fine):
                raise DamagedFileError(f"{path} is refused: it holds {name!r}, which no '.keras' file has.")
        missing = [name for name in (_CONFIG, _WEIGHTS) if name not in names]
        if missing:
            raise DamagedFileError(f"{path} is not a whole '.keras' file: {' and '.join(missing)} missing.")
        yield archive


def _read_json(archive: zipfile.ZipFile, name: str, path: Path) -> Any:
    member = archive.getinfo(name)
    if member.file_size > MAX_JSON_BYTES:
        raise DamagedFileError(f"{path} is refused: its {name} says it has {member.file_size:,} bytes.")
    try:
        with archive.open(name) as file:
            text = file.read(MAX_JSON_BYTES + 1)
        return json.loads(text)
    except (ValueError, RecursionError, zipfile.BadZipFile, OSError, EOFError) as error:
        raise DamagedFileError(f"{path} is damaged: its {name} cannot be read ({error}).") from None


@contextlib.contextmanager
def _weights_of(archive: zipfile.ZipFile, path: Path) -> Iterator[h5py.File]:
    member = archive.getinfo(_WEIGHTS)
    if member.compress_type != zipfile.ZIP_STORED and member.file_size > 100 * max(member.compress_size, 1):
        raise DamagedFileError(f"{path} is refused: its weights unpack to more than 100 times their size.")
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / _WEIGHTS
        _extract(archive, _WEIGHTS, copy, path)
        with open_h5(copy, f"{_WEIGHTS} in {path}") as file:
            yield file


def _extract(archive: zipfile.ZipFile, name: str, target: Path, path: Path) -> None:
    try:
        with archive.open(name) as source, open(target, "wb") as copy:
            shutil.copyfileobj(source, copy)  # bytes and checksum are compared with the archive's own record
    except (zipfile.BadZipFile, EOFError, OSError) as error:
        raise DamagedFileError(f"{path} is damaged: its {name} cannot be read ({error}).") from None


@contextlib.contextmanager
def opened_weights(path: Path) -> Iterator[h5py.File]:
    """The weights inside a `.keras` file."""
    with _opened(path) as archive, _weights_of(archive, path) as file:
        yield file


def _read_assets(model: Any, archive: zipfile.ZipFile, path: Path) -> None:
    names = [m.filename for m in archive.infolist() if m.filename.startswith(_ASSETS) and not m.is_dir()]
    if not names:
        return
    with tempfile.TemporaryDirectory() as folder:
        for name in names:
            target = Path(folder) / name
            target.parent.mkdir(parents=True, exist_ok=True)
            _extract(archive, name, target, path)
        for inner, holder in walk(model):
            here = Path(folder) / _ASSETS / inner
            if hasattr(holder, "load_assets") and here.is_dir():
                holder.load_assets(str(here))
