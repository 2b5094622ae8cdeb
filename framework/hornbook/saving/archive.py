"""The `.keras` file: a zip archive of config.json, metadata.json, model.weights.h5 and assets, as Keras 3 has it."""

import contextlib
import datetime
import json
import os
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hornbook import backend
from hornbook.core.registry import serialize_keras_object
from hornbook.core.untrusted import (
    MAX_JSON_BYTES,
    DamagedFileError,
    is_plain_name,
    open_zip,
    read_json,
    read_member,
    write_json,
)
from hornbook.models.described import model_from_config
from hornbook.models.keras2 import from_older, is_older
from hornbook.saving import hdf5
from hornbook.saving.atomic import folder_aside, written_aside
from hornbook.saving.keras2_saved_model import load_keras2_saved_model
from hornbook.saving.legacy_h5 import OlderTree, load_legacy_model, restore_from_keras2, save_legacy_model
from hornbook.saving.orbax import is_checkpoint, load_orbax_model
from hornbook.saving.weights import Store, created_h5, open_h5, read_tree, walk, write_tree

_CONFIG, _METADATA, _WEIGHTS, _ASSETS = "config.json", "metadata.json", "model.weights.h5", "assets/"
OLDER = (".h5", ".hdf5")
KERAS_VERSION = "3.15.1"  # whose layout this is


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

    >>> import hornbook as keras
    >>> import os, tempfile
    >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     keras.saving.save_model(model, folder + "/model.keras")
    ...     os.listdir(folder)
    ['model.keras']
    """
    if kwargs:
        raise TypeError(f"save_model() got unexpected arguments: {sorted(kwargs)}.")
    path = Path(os.fspath(filepath))
    if path.suffix in OLDER:
        if backend.is_chief(getattr(model, "_strategy", None)):
            save_legacy_model(model, path, overwrite, include_optimizer, KERAS_VERSION)
        return
    if path.suffix != ".keras":
        raise ValueError(
            f"A whole model is saved to a '.keras' file, got {path.name!r}. For weights alone there is "
            "model.save_weights('name.weights.h5')."
        )
    if not backend.is_chief(getattr(model, "_strategy", None)):
        return
    config = write_json(serialize_keras_object(model), path.name)
    metadata = json.dumps(
        {"keras_version": KERAS_VERSION, "date_saved": datetime.datetime.now().strftime("%Y-%m-%d@%H:%M:%S")}
    )
    with written_aside(path, overwrite) as aside, folder_aside(path) as folder:
        weights = folder / _WEIGHTS
        with created_h5(weights) as file:
            write_tree(model, file)
        assets = _write_assets(model, folder)
        with zipfile.ZipFile(aside, "w", zipfile.ZIP_STORED) as archive:
            archive.writestr(_METADATA, metadata)
            archive.writestr(_CONFIG, config)
            archive.write(weights, _WEIGHTS)
            for asset in assets:
                archive.write(asset, asset.relative_to(folder).as_posix())


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

    >>> import hornbook as keras
    >>> import tempfile
    >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     model.save(folder + "/model.keras")
    ...     again = keras.saving.load_model(folder + "/model.keras")
    >>> [layer.name for layer in again.layers] == [layer.name for layer in model.layers]
    True
    """
    path = Path(os.fspath(filepath))
    if not path.exists():
        raise FileNotFoundError(f"There is no file {path}; check the name (a saved model ends in '.keras').")
    if is_checkpoint(path):
        return load_orbax_model(path, custom_objects, compile)
    if (path / "saved_model.pb").is_file():
        return load_keras2_saved_model(path, custom_objects, compile)
    if path.suffix in OLDER:
        return load_legacy_model(path, custom_objects, compile)
    with _opened(path) as archive:
        config = _read_config(archive, _CONFIG, path)
        stored = archive.getinfo(_WEIGHTS).file_size
        keras2 = is_older(_version(archive, path))
        model = model_from_config(
            config, f"{_CONFIG} in {path}", stored, custom_objects, compile, from_older if keras2 else None
        )
        _read_assets(model, archive, path)
        with _weights_of(archive, path) as file:
            learner = getattr(model, "optimizer", None) if keras2 else None
            tree = OlderTree(file) if keras2 else file
            read_tree(model, tree, source=str(path), skipped=[learner] if learner is not None else ())
            if learner is not None:
                restore_from_keras2(model, Store(file, "optimizer/vars"), path)
    return model


def _read_config(archive: zipfile.ZipFile, name: str, path: Path) -> Any:
    return read_json(b"".join(read_member(archive, name, path, MAX_JSON_BYTES)), f"{name} in {path}")


def _version(archive: zipfile.ZipFile, path: Path) -> Any:
    """The version of Keras that the file says it was written by, if it says so."""
    metadata = _read_config(archive, _METADATA, path) if _METADATA in archive.namelist() else None
    return metadata.get("keras_version") if isinstance(metadata, dict) else None


def _is_member(name: str) -> bool:
    """Whether a `.keras` file may hold a member of this name."""
    inside = name.removeprefix(_ASSETS).removesuffix("/")
    is_asset = name.startswith(_ASSETS) and all(map(is_plain_name, inside.split("/")))
    return name in (_CONFIG, _METADATA, _WEIGHTS, _ASSETS) or is_asset


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[zipfile.ZipFile]:
    with open_zip(path, _is_member, "'.keras' file") as archive:
        missing = [name for name in (_CONFIG, _WEIGHTS) if name not in archive.namelist()]
        if missing:
            raise DamagedFileError(f"{path} is not a whole '.keras' file: {' and '.join(missing)} missing.")
        yield archive


@contextlib.contextmanager
def _weights_of(archive: zipfile.ZipFile, path: Path) -> Iterator[hdf5.File]:
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / _WEIGHTS
        _extract(archive, _WEIGHTS, copy, path)
        with open_h5(copy, f"{_WEIGHTS} in {path}") as file:
            yield file


def _extract(archive: zipfile.ZipFile, name: str, target: Path, path: Path) -> None:
    with open(target, "xb") as copy:
        for piece in read_member(archive, name, path, limit=2**62):
            copy.write(piece)


@contextlib.contextmanager
def opened_weights(path: Path) -> Iterator[hdf5.File]:
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
