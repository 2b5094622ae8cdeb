"""Weights as an HDF5 tree whose paths follow attributes: `layers/dense/vars/0`.

Each layer's own weights are a group `vars` of data sets "0", "1", ...; what is inside a layer stands under the name of
the attribute that holds it; what is inside a list or dictionary, under its class's name (`dense`, `dense_1`). The layout
is Keras 3's.
"""

import contextlib
import io
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from hornbook import backend
from hornbook.backend.config import is_float_dtype
from hornbook.core.global_state import to_snake_case
from hornbook.core.layer import Layer
from hornbook.core.untrusted import DamagedFileError
from hornbook.core.variable import Variable
from hornbook.metrics import Metric
from hornbook.models import Functional, Model, Sequential
from hornbook.optimizers import Optimizer
from hornbook.saving import hdf5
from hornbook.saving.atomic import written_aside

_HOLDERS = (Layer, Optimizer, Metric)


# -------------------------------------------------------------------------------------------------- walking
def children(holder: Any) -> Iterator[tuple[str, Any]]:
    """What a holder's attributes lead to: (name, layer or container), public attributes first.

    `layers` is one of them for a model, as in Keras: what comes after it in the alphabet is found through it.
    """
    skipped = _plain_attributes(holder)
    if isinstance(holder, Sequential | Functional):
        yield "layers", holder.layers
    elif isinstance(holder, Model):
        skipped = skipped - {"layers"}
    for name in sorted(dir(holder), key=lambda n: (n.startswith("_"), n)):
        if name in skipped or name.startswith("__"):
            continue
        try:
            value = getattr(holder, name)
        except Exception:  # a property that has nothing to give yet
            continue
        if isinstance(value, _HOLDERS) or (isinstance(value, list | tuple | dict | set) and _holds_some(value)):
            yield name, value


def _holds_some(container: Any) -> bool:
    items = container.values() if isinstance(container, dict) else container
    return any(
        isinstance(item, _HOLDERS) or (isinstance(item, list | tuple | dict | set) and _holds_some(item))
        for item in items
    )


_PLAIN: dict[type, frozenset] = {}


def _plain_attributes(holder: Any) -> frozenset:
    """The attributes that every holder of this kind has, which are no part of its tree."""
    for kind in (Functional, Sequential, Model, Layer, Optimizer, Metric):
        if isinstance(holder, kind):
            if kind not in _PLAIN:
                names = set(dir(kind)) | _instance_attributes(kind)
                _PLAIN[kind] = frozenset(names - {"optimizer"})
            return _PLAIN[kind]
    return frozenset()


def _instance_attributes(kind: type) -> set[str]:
    if kind is Layer:
        return set(vars(Layer(name="plain")))
    if kind is Model:
        return set(vars(Model(name="plain")))
    if kind is Sequential:
        return set(vars(Sequential(name="plain")))
    if kind is Functional:
        return _instance_attributes(Model) | {
            *("_inputs", "_outputs", "_inputs_struct", "_outputs_struct", "_nodes", "_operations", "_layers", "_plan"),
            *("input_names", "output_names"),
        }
    return set()


def walk(holder: Any, path: str = "", seen: set[int] | None = None) -> Iterator[tuple[str, Any]]:
    """Every layer, metric and optimizer below `holder`, each once, with its path in the file."""
    seen = set() if seen is None else seen
    if id(holder) in seen:
        return
    seen.add(id(holder))
    yield path, holder
    for name, child in children(holder):
        inner = f"{path}/{name}" if path else name
        if isinstance(child, _HOLDERS):
            yield from walk(child, inner, seen)
        else:
            yield from _walk_container(child, inner, seen)


def _walk_container(container: Any, path: str, seen: set[int]) -> Iterator[tuple[str, Any]]:
    used: dict[str, int] = {}
    for item in container.values() if isinstance(container, dict) else container:
        if isinstance(item, _HOLDERS):
            name = to_snake_case(type(item).__name__)
        elif isinstance(item, list | tuple | dict | set):
            name = "container"
        else:
            continue
        count = used.get(name, 0)
        used[name] = count + 1
        inner = f"{path}/{name}_{count}" if count else f"{path}/{name}"
        if isinstance(item, _HOLDERS):
            yield from walk(item, inner, seen)
        else:
            yield from _walk_container(item, inner, seen)


# -------------------------------------------------------------------------------------------------- writing
def write_tree(model: Any, file: h5py.File) -> None:
    """Write the weights of everything below `model`."""
    for path, holder in walk(model):
        if not hasattr(holder, "save_own_variables"):
            continue
        store: dict[str, Any] = {}
        holder.save_own_variables(store)
        group = file.create_group(f"{path}/vars" if path else "vars")
        group.attrs["name"] = getattr(holder, "name", "")
        for name, value in store.items():
            write_array(group, name, value.numpy() if isinstance(value, Variable) else np.asarray(value))


def write_array(group: h5py.Group, name: str, array: np.ndarray) -> None:
    """Write one weight; HDF5 has no bfloat16, so its bits are kept and the dtype is noted beside them."""
    if array.dtype.name == "bfloat16":
        dataset = group.create_dataset(name, data=array.view(np.uint16).view("V2"))
        dataset.attrs["dtype"] = "bfloat16"
    else:
        group.create_dataset(name, data=array)


# -------------------------------------------------------------------------------------------------- reading
class Store(Mapping):
    """The `vars` group of one layer as a mapping from names to data sets, each checked before it is handed out."""

    def __init__(self, file: hdf5.Group, path: str) -> None:
        self._group = safe_group(file, path)

    def __getitem__(self, name: str) -> Any:
        if self._group is None or name not in self._group:
            raise KeyError(name)
        dataset = safe_dataset(self._group, name)
        if dataset.attrs.get("dtype") == "bfloat16":
            import ml_dtypes

            return np.asarray(dataset).view(ml_dtypes.bfloat16)
        return dataset

    def __iter__(self) -> Iterator[str]:
        return iter(() if self._group is None else self._group.keys())

    def __len__(self) -> int:
        return 0 if self._group is None else len(self._group)


def _refuse(what: str) -> DamagedFileError:
    return DamagedFileError(
        f"The weights file is refused: {what}. A file of weights holds plain arrays and nothing else."
    )


def safe_group(file: hdf5.Group, path: str) -> Any:
    """The group at `path`, None if there is none.

    Raises:
        DamagedFileError: for a link on the way, and for a data set where a group should be.
    """
    group: Any = file
    for part in path.split("/"):
        if part not in group:
            return None
        group = group[part]
        if not isinstance(group, hdf5.Group):
            raise _refuse(f"{group.name} is no group")
    return group


def safe_dataset(group: hdf5.Group, name: str) -> hdf5.Dataset:
    """The data set `name` of a group, whose elements are numbers.

    Raises:
        DamagedFileError: for a link, and for a group or texts where numbers should be.
    """
    dataset = group[name]
    if not isinstance(dataset, hdf5.Dataset):
        raise _refuse(f"{dataset.name} is no data set")
    if dataset.dtype.kind not in "biufV":
        raise _refuse(f"{dataset.name} holds {dataset.dtype}, not numbers")
    return dataset


def read_tree(model: Any, file: hdf5.File, skip_mismatch: bool = False, source: str = "the file") -> None:
    """Read the weights of everything below `model`.

    Raises:
        ValueError: where the file lacks a layer's weights or holds others; nothing is read by halves: all shapes are
            compared before the first weight is written.
    """
    import warnings

    plan = []
    for path, holder in walk(model):
        if not hasattr(holder, "load_own_variables"):
            continue
        store = Store(file, f"{path}/vars" if path else "vars")
        if isinstance(holder, Optimizer) and not len(store):
            continue
        problem = _mismatch(holder, store, path)
        if problem is None:
            plan.append((holder, store))
        elif skip_mismatch:
            warnings.warn(f"{problem} It is left as it is.", stacklevel=4)
        else:
            raise ValueError(f"The weights in {source} do not fit the model. {problem}")
    for holder, store in plan:
        try:
            holder.load_own_variables(store)
        except KeyError as error:
            name = getattr(holder, "name", type(holder).__name__)
            raise ValueError(f"{source} lacks the weight {error} of {name!r}, which it should hold.") from error
    unsound = [v.path for h, _ in plan if isinstance(h, Layer) for v in h._own_variables() if not _is_finite(v)]
    if unsound:
        shown = ", ".join(map(repr, unsound[:5])) + (", ..." if len(unsound) > 5 else "")
        warnings.warn(f"{len(unsound)} weights in {source} hold NaN or infinities: {shown}.", stacklevel=4)


def _is_finite(variable: Variable) -> bool:
    """Whether all numbers are finite; a sum has NaN or an infinity in it where an addend does."""
    value = variable.numpy()
    if not is_float_dtype(variable.dtype):
        return True
    with np.errstate(all="ignore"):
        return bool(np.isfinite(np.sum(value, dtype="float64")))


def _mismatch(holder: Any, store: Store, path: str) -> str | None:
    if not isinstance(holder, Layer) or type(holder).load_own_variables is not Layer.load_own_variables:
        return None
    own = holder._stored_variables()
    where = f"Layer {holder.name!r} (at {path or 'the top'!r})"
    if len(own) != len(store):
        hint = "" if holder.built else " The layer is not built: call the model on data, or build() it, first."
        return f"{where} has {len(own)} weights, the file {len(store)}.{hint}"
    for position, variable in enumerate(own):
        if str(position) not in store:
            return f"{where} misses its weight {position} in the file."
        shape = tuple(store[str(position)].shape)
        if shape != tuple(variable.shape):
            return f"{where}: weight {variable.name!r} has shape {tuple(variable.shape)}, in the file {shape}."
    return None


def open_h5(source: Any, name: str) -> hdf5.File:
    """An HDF5 file for reading, by a reader that trusts nothing in it.

    Raises:
        DamagedFileError: for what is none, or is cut off.
    """
    return hdf5.File(source, name)


@contextlib.contextmanager
def created_h5(path: Path) -> Iterator[h5py.File]:
    """A new HDF5 file to write to.

    Raises:
        OSError: where the disk does not take all of it; `h5py.File(path, "w")` ends the process with a crash then, when it
            closes the file.
    """
    with _Patient(path, "w+") as disk:
        try:
            with h5py.File(disk, "w") as file:
                yield file
        except Exception:
            if disk.refusal is None:
                raise
        if disk.refusal is not None:
            raise disk.refusal


class _Patient(io.FileIO):
    """A file that goes on as if it were written when the disk has refused, and keeps the refusal for later."""

    refusal: OSError | None = None

    def write(self, part: Any) -> int:
        """All of it, or nothing more once the disk has refused."""
        left = memoryview(part).cast("B")
        try:
            while len(left) and self.refusal is None:
                left = left[super().write(left) :]
        except OSError as error:
            self.refusal = error
        return memoryview(part).nbytes

    def truncate(self, size: int | None = None) -> int:
        """Make the file as long as that, if the disk takes it."""
        try:
            return super().truncate(size)
        except OSError as error:
            self.refusal = self.refusal or error
            return self.tell() if size is None else size


# -------------------------------------------------------------------------------------------------- public
def save_weights(
    model: Any, filepath: Any, overwrite: bool = True, max_shard_size: float | None = None, **kwargs: Any
) -> None:
    """Write a model's weights (and its optimizer's state) to a `.weights.h5` file.

    Of processes that train together the chief alone writes; in the others nothing is done.

    Raises:
        ValueError: for another ending, and for a model that is not built yet.
    """
    if kwargs:
        raise TypeError(f"save_weights() got unexpected arguments: {sorted(kwargs)}.")
    if not str(filepath).endswith(".weights.h5"):
        raise ValueError(f"A file of weights must end in '.weights.h5', got {os.fspath(filepath)!r}.")
    if max_shard_size is not None:
        raise ValueError("Weights go to one file here: leave max_shard_size out.")
    if not model.built:
        raise ValueError(f"Model {model.name!r} has no weights yet: call it on data, or build() it, before saving.")
    if not backend.is_chief(getattr(model, "_strategy", None)):
        return
    with written_aside(filepath, overwrite) as aside, created_h5(aside) as file:
        write_tree(model, file)


def load_weights(model: Any, filepath: Any, skip_mismatch: bool = False, **kwargs: Any) -> None:
    """Read a model's weights from a `.weights.h5` file, from inside a `.keras` file, or a directory of Orbax's checkpoints.

    Raises:
        FileNotFoundError: where there is no such file.
        ValueError: where the weights do not fit.
    """
    if kwargs:
        raise TypeError(f"load_weights() got unexpected arguments: {sorted(kwargs)}.")
    path = Path(filepath)
    if path.is_dir():
        from hornbook.saving.orbax import is_checkpoint, load_orbax_weights

        if is_checkpoint(path):
            load_orbax_weights(model, path)
            return
    if not path.is_file():
        raise FileNotFoundError(f"There is no file {path} to load weights from.")
    if path.name.endswith(".keras"):
        from hornbook.saving.archive import opened_weights

        with opened_weights(path) as file:
            read_tree(model, file, skip_mismatch, str(path))
        return
    if path.suffix == ".h5" and not path.name.endswith(".weights.h5"):
        from hornbook.saving.legacy_h5 import load_legacy_weights

        load_legacy_weights(model, path)
        return
    if not path.name.endswith(".weights.h5"):
        raise ValueError(f"Weights are loaded from '.weights.h5', '.keras' and older '.h5' files, got {path.name!r}.")
    with open_h5(path, str(path)) as file:
        read_tree(model, file, skip_mismatch, str(path))
