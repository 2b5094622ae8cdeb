"""Weights as an HDF5 tree whose paths follow attributes: `layers/dense/vars/0`.

Each layer's own weights are a group `vars` of data sets "0", "1", ...; what is inside a layer stands under the name of
the attribute that holds it; what is inside a list or dictionary, under its class's name (`dense`, `dense_1`). The layout
is Keras 3's.
"""

import contextlib
import io
import math
import warnings
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import h5py
import ml_dtypes
import numpy as np

from hornbook.backend.config import is_float_dtype
from hornbook.core.global_state import name_of_class
from hornbook.core.layer import Layer
from hornbook.core.untrusted import DamagedFileError
from hornbook.core.variable import Variable
from hornbook.metrics import Metric
from hornbook.models import Functional, Model, Sequential
from hornbook.optimizers import Optimizer
from hornbook.saving import hdf5
from hornbook.saving.progress import Progress

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
            name = name_of_class(type(item))
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
def own_variables(model: Any, skipped: Iterable[Any] = ()) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """What each thing below `model` stores of its own: (path in the file, its name, {"0": variable or array, ...})."""
    for path, holder in walk(model, seen={id(other) for other in skipped}):
        if hasattr(holder, "save_own_variables"):
            store: dict[str, Any] = {}
            holder.save_own_variables(store)
            yield f"{path}/vars" if path else "vars", getattr(holder, "name", ""), store


def array_of(value: Any) -> np.ndarray:
    """A variable's or tensor's numbers."""
    return value.numpy() if isinstance(value, Variable) else np.asarray(value)


def numpy_dtype(value: Any) -> np.dtype:
    """The dtype of a variable, tensor or array as NumPy's, bfloat16 and its like included."""
    name = str(getattr(value.dtype, "name", value.dtype))
    return np.dtype(getattr(ml_dtypes, name, name))


def nbytes(value: Any) -> int:
    """How many bytes the numbers of a variable, tensor or array take."""
    return math.prod(value.shape) * numpy_dtype(value).itemsize


def bytes_of(model: Any) -> int:
    """About how many bytes the weights of a model and the state of its optimizer take."""
    optimizer = getattr(model, "optimizer", None)
    variables = {id(v): v for v in [*model.variables, *(optimizer.variables if optimizer else ())]}.values()
    return _size(variables)


def _size(variables: Iterable[Variable]) -> int:
    return sum(nbytes(v) for v in variables)


def write_tree(model: Any, file: h5py.File, skipped: Iterable[Any] = ()) -> None:
    """Write the weights of everything below `model`, but for what is `skipped`, one after the other."""
    with Progress("Saving", bytes_of(model)) as progress:
        for path, name, store in own_variables(model, skipped):
            group = file.create_group(path)
            group.attrs["name"] = name
            for key, value in store.items():
                array = array_of(value)
                write_array(group, key, array)
                progress.add(array.nbytes)
                del array  # before the next one comes


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


def read_tree(
    model: Any, file: Any, skip_mismatch: bool = False, source: str = "the file", skipped: Iterable[Any] = ()
) -> None:
    """Read the weights of everything below `model`, but for what is `skipped`.

    Args:
        model: the model.
        file: an HDF5 file, or anything whose `store(path)` is the mapping from names to arrays at that path.
        skip_mismatch: whether what does not fit is left as it is, with a warning.
        source: the file's name, for messages.
        skipped: layers and other holders that are left as they are.

    Raises:
        ValueError: where the file lacks a layer's weights or holds others; nothing is read by halves: all shapes are
            compared before the first weight is written.
    """
    plan = []
    for path, holder in walk(model, seen={id(other) for other in skipped}):
        if not hasattr(holder, "load_own_variables"):
            continue
        place = f"{path}/vars" if path else "vars"
        store = Store(file, place) if isinstance(file, hdf5.Group) else file.store(place)
        if isinstance(holder, Optimizer) and not len(store):
            continue
        problem = _mismatch(holder, store, path)
        if problem is None:
            plan.append((holder, store))
        elif skip_mismatch:
            warnings.warn(f"{problem} It is left as it is.", stacklevel=4)
        else:
            raise ValueError(f"The weights in {source} do not fit the model. {problem}")
    unsound = []
    with Progress("Loading", bytes_of(model)) as progress:
        for holder, store in plan:
            try:
                holder.load_own_variables(store)
            except KeyError as error:
                name = getattr(holder, "name", type(holder).__name__)
                raise ValueError(f"{source} lacks the weight {error} of {name!r}, which it should hold.") from error
            read = holder._stored_variables() if isinstance(holder, Layer) else holder.variables
            if isinstance(holder, Layer):
                unsound += [variable.path for variable in read if not _is_finite(variable)]
            progress.add(_size(read))
    if unsound:
        shown = ", ".join(map(repr, unsound[:5])) + (", ..." if len(unsound) > 5 else "")
        warnings.warn(f"{len(unsound)} weights in {source} hold NaN or infinities: {shown}.", stacklevel=4)


def _is_finite(variable: Variable) -> bool:
    """Whether all numbers are finite; a sum has NaN or an infinity in it where an addend does."""
    if not is_float_dtype(variable.dtype):
        return True
    with np.errstate(all="ignore"):
        return all(bool(np.isfinite(np.sum(piece, dtype="float64"))) for piece in variable.pieces())


def _mismatch(holder: Any, store: Mapping, path: str) -> str | None:
    if isinstance(holder, Optimizer) and type(holder).load_own_variables is Optimizer.load_own_variables:
        return _mismatch_of_state(holder, store)
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


def _mismatch_of_state(optimizer: Optimizer, store: Mapping) -> str | None:
    """As for layers; a state of another number of variables is left alone, with a warning, when it is read."""
    variables = optimizer.variables
    if len(variables) != len(store):
        return None
    for position, variable in enumerate(variables):
        if str(position) not in store:
            return f"The optimizer's state lacks {position} ({variable.path!r}) in the file."
        shape = tuple(store[str(position)].shape)
        if shape != tuple(variable.shape):
            return f"The optimizer's {variable.path!r} has shape {tuple(variable.shape)}, in the file {shape}."
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
