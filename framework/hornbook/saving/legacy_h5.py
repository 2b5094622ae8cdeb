"""Keras's older `.h5` layout: whole models and weights, a group for each layer, with what belongs to it as attributes.

| where | what |
|---|---|
| attributes of the file | `model_config`, `training_config` (JSON), `keras_version`, `backend` |
| `model_weights` | attribute `layer_names`, and a group for each layer with its `weight_names` and arrays |
| `optimizer_weights` | attribute `weight_names`, and the arrays |

Keras 2 and Keras 3 write it, with other configs (see `hornbook.models.keras2`) and the optimizer's state in another order.
"""

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import h5py
import ml_dtypes
import numpy as np

from hornbook.core.registry import CustomObjectScope, serialize_keras_object
from hornbook.core.untrusted import DamagedFileError, read_json, write_json
from hornbook.core.variable import Variable
from hornbook.models.described import being_made, model_from_config
from hornbook.models.keras2 import compile_arguments, from_keras2, is_older, older, translated
from hornbook.saving import hdf5
from hornbook.saving.atomic import written_aside
from hornbook.saving.progress import Progress
from hornbook.saving.weights import Store, bytes_of, created_h5, open_h5, safe_dataset, safe_group

MAX_ATTRIBUTE_BYTES = 64_512  # of a list of names; HDF5 has no room for more in an object's header
TOP = "top_level_model_weights"


# ------------------------------------------------------------------------------------------------------ whole models
def save_legacy_model(
    model: Any, path: Path, overwrite: bool = True, include_optimizer: bool = True, keras_version: str = "3.15.1"
) -> None:
    """Write a whole model, with its compile settings and the optimizer's state, to an `.h5` file.

    Raises:
        ValueError: for a model whose class is not Functional or Sequential, and for what no config can hold.
    """
    config = serialize_keras_object(model)
    attributes = {
        "keras_version": keras_version,
        "backend": "tensorflow",
        "model_config": write_json(older(config), path.name).encode(),
    }
    settings = config.get("compile_config")
    if settings and include_optimizer:
        training = {key: older(value) for key, value in settings.items() if key != "optimizer"}
        training["optimizer_config"] = older(settings["optimizer"])
        attributes["training_config"] = write_json(training, path.name).encode()
    with written_aside(path, overwrite) as aside, created_h5(aside) as file:
        file.attrs.update(attributes)
        with Progress("Saving", bytes_of(model)) as progress:
            _write_layers(model, file.create_group("model_weights"), attributes, progress)
            if settings and include_optimizer and model.optimizer is not None:
                _write_arrays(file.create_group("optimizer_weights"), model.optimizer.variables, progress)


def _write_layers(model: Any, group: h5py.Group, attributes: dict[str, Any], progress: Progress) -> None:
    group.attrs["keras_version"], group.attrs["backend"] = attributes["keras_version"], attributes["backend"]
    _write_names(group, "layer_names", [layer.name for layer in model.layers])
    for layer in sorted(model.layers, key=lambda layer: layer.name):
        _write_arrays(group.create_group(layer.name), ordered_weights(layer), progress)
    _write_arrays(group.create_group(TOP), top_weights(model), progress)


def _write_arrays(group: h5py.Group, variables: Sequence[Variable], progress: Progress) -> None:
    paths: dict[str, Variable] = {}
    for variable in variables:  # some optimizers give several of their variables one path
        count = 1
        while (path := variable.path if count == 1 else f"{variable.path}_{count}") in paths:
            count += 1
        paths[path] = variable
    _write_names(group, "weight_names", list(paths))
    for path, variable in paths.items():
        array = variable.numpy()
        if array.dtype.kind not in "biuf":  # bfloat16 and its like
            array = array.astype("float32")
        group.create_dataset(path, data=array)
        progress.add(array.nbytes)
        del array  # before the next one comes


def _write_names(group: h5py.Group, attribute: str, names: list[str]) -> None:
    array = np.array([name.encode() for name in names])
    pieces = -(-array.nbytes // MAX_ATTRIBUTE_BYTES)
    if pieces <= 1:
        group.attrs[attribute] = array
        return
    for number, piece in enumerate(np.array_split(array, pieces + 1)):
        group.attrs[f"{attribute}{number}"] = piece


def load_legacy_model(path: Path, custom_objects: Any = None, compile: bool = True) -> Any:
    """The model of an `.h5` file that Keras 2, Keras 3 or `save_legacy_model` wrote.

    Raises:
        ValueError: for a damaged file, and for a layer that does not exist here, which is named.
    """
    with open_h5(path, str(path)) as file:
        config = _read_json(file, "model_config", path)
        if config is None:
            raise DamagedFileError(
                f"{path} holds no model_config: it is a file of weights alone. Make the model and call "
                "model.load_weights(path)."
            )
        stored = path.stat().st_size
        version = file.attrs.get("keras_version", b"1")  # Keras 1 did not write it at first
        keras2 = is_older(version.decode("utf-8", "replace") if isinstance(version, bytes) else version)
        translate = from_keras2 if keras2 else translated
        model = model_from_config(config, f"model_config in {path}", stored, custom_objects, translate=translate)
        _read_layers(model, _weights_of(file, path), path)
        training = _read_json(file, "training_config", path) if compile else None
        if training and training.get("optimizer_config"):
            compile_and_restore(model, training, _optimizer_arrays(file, path), custom_objects, path, stored)
    return model


def compile_and_restore(
    model: Any, training: dict[str, Any], state: dict[str, Any], custom_objects: Any, path: Path, stored: int
) -> None:
    """Compile a model as a file says, and give its optimizer the state that the file holds.

    Raises:
        DamagedFileError: for settings that make no sense, or ask for far more memory than the file's `stored` bytes.
    """
    problem = f"The compile settings in {path} do not make sense. Load the model with compile=False, and compile it"
    with being_made(problem, f"training_config in {path}", stored), CustomObjectScope(custom_objects):
        model.compile_from_config(compile_arguments(training))
    if state and model.optimizer is not None:
        model.optimizer.build(model.trainable_variables)
        problem = restore_optimizer(model.optimizer, state)
        if problem:
            warnings.warn(f"The optimizer's state in {path} is not loaded: {problem}.", stacklevel=4)


def _read_json(file: hdf5.File, name: str, path: Path) -> Any:
    if name not in file.attrs:
        return None
    text = file.attrs[name]
    if not isinstance(text, bytes | str):
        raise DamagedFileError(f"{path} is refused: its {name} is no text.")
    value = read_json(text, f"{name} in {path}")
    if not isinstance(value, dict):
        raise DamagedFileError(f"{path} is damaged: its {name} is no dictionary.")
    return value


def _optimizer_arrays(file: hdf5.File, path: Path) -> dict[str, Any]:
    """Name -> data set, in the order in which the names stand in the file."""
    if "optimizer_weights" not in file:
        return {}
    group = safe_group(file, "optimizer_weights")
    return {name: _dataset(group, name) for name in _names(group, "weight_names", path)}


# ----------------------------------------------------------------------------------------------------- the optimizer
SLOTS = ("m", "v", "vhat", "momentum", "rms", "mg", "accumulator", "accum_grad", "accum_var", "linear", "u")


def restore_optimizer(optimizer: Any, state: dict[str, Any]) -> str | None:
    """Give a built optimizer its state; arrays are matched by kind (first moments, second moments, ...) and order.

    Args:
        optimizer: the optimizer.
        state: arrays by the names they have in the file.

    Returns:
        What does not fit, None if all does; nothing is assigned then.
    """
    names = [name.removesuffix(":0").rsplit("/", 1)[-1] for name in state]
    if names == [variable.name for variable in optimizer.variables]:  # Keras 3, and the same layers by name
        return _assigned(optimizer.variables, list(state.values()), optimizer)
    head: dict[str, Any] = {}
    kinds: dict[str, list] = {}
    for name, array in state.items():
        parts = name.removesuffix(":0").split("/")
        last = parts[-1]
        if last in ("iter", "iteration", "iterations", "_iterations"):
            head["iteration"] = array
        elif last in ("learning_rate", "_learning_rate", "current_learning_rate"):
            head["learning_rate"] = array
        elif last in SLOTS:  # Keras 2 at first: Adam/dense/kernel/m:0
            kinds.setdefault(last, []).append(array)
        elif len(parts) > 2 and parts[1] in (*SLOTS, "1", "2", "3"):  # later: Adam/m/dense/kernel:0
            kinds.setdefault(parts[1], []).append(array)
        else:  # Keras 3: adam/dense_kernel_momentum
            kinds.setdefault("in order", []).append(array)
    own = [v for v in optimizer.variables if v.name not in ("iteration", "learning_rate")]
    if list(kinds) == ["in order"]:
        slots, arrays = own, kinds["in order"]
    else:
        order = list(dict.fromkeys(_kind(variable) for variable in own))
        slots = sorted(own, key=lambda variable: order.index(_kind(variable)))
        arrays = [array for arrays in kinds.values() for array in arrays]
    heads = [variable for variable in optimizer.variables if variable.name in head]
    return _assigned([*heads, *slots], [*(head[variable.name] for variable in heads), *arrays], optimizer)


def _assigned(variables: Sequence[Variable], arrays: Sequence[Any], optimizer: Any) -> str | None:
    if len(variables) != len(arrays):
        return f"it has {len(arrays)} arrays, {type(optimizer).__name__} has {len(variables)} here"
    for variable, array in zip(variables, arrays, strict=True):
        if tuple(variable.shape) != tuple(array.shape):
            return f"{variable.path} has shape {tuple(variable.shape)}, in the file {tuple(array.shape)}"
    for variable, array in zip(variables, arrays, strict=True):
        variable.assign_from(array)
    return None


class OlderTree:
    """The tree of weights in a `.keras` file of Keras 2, under the paths of today: some attributes were private then."""

    def __init__(self, file: hdf5.File) -> None:
        self._file = file

    def store(self, path: str) -> Store:
        """The weights at one place."""
        group, found = self._file, []
        for part in path.split("/"):
            names = [part, f"_{part}", *(["_layer_checkpoint_dependencies"] if part == "layers" else [])]
            name = next((name for name in names if group is not None and name in group), part)
            found.append(name)
            group = safe_group(self._file, "/".join(found))
        return Store(self._file, "/".join(found))


def restore_from_keras2(model: Any, store: Mapping[str, Any], path: Path) -> None:
    """Give the optimizer the state in a `.keras` file of Keras 2: the step, then the slots weight by weight.

    Its legacy optimizers wrote them kind by kind. Which of the two it was shows in the shapes, unless all weights have one
    shape; then it is the former.
    """
    if not len(store):  # Keras 2 left out that of its legacy optimizers
        warnings.warn(f"{path} holds no state of the optimizer, which starts anew.", stacklevel=4)
        return
    model.optimizer.build(model.trainable_variables)
    arrays = [store[str(number)] for number in range(len(store))]
    weights = model.trainable_variables
    kinds = max(1, (len(arrays) - 1) // max(1, len(weights)))
    by_weight = {"iteration": arrays[0], **{f"weight {n}": array for n, array in enumerate(arrays[1:])}}
    by_kind = {"iteration": arrays[0]}
    for number, array in enumerate(arrays[1:]):
        kind = SLOTS[min(number // max(1, len(weights)), len(SLOTS) - 1)]
        by_kind[f"optimizer/{number}/{kind}"] = array
    problem = restore_optimizer(model.optimizer, by_weight)
    if problem and kinds > 1:
        problem = restore_optimizer(model.optimizer, by_kind) and problem
    if problem:
        warnings.warn(f"The optimizer's state in {path} is not loaded: {problem}.", stacklevel=4)


def _kind(variable: Variable) -> str:
    """ "velocity" of "adam/dense_kernel_velocity"."""
    return variable.name.rsplit("_", 1)[-1]


# ---------------------------------------------------------------------------------------------------------- weights
def ordered_weights(layer: Any) -> list[Variable]:
    """A layer's weights in the order of these files: what is trained first."""
    return layer.trainable_weights + layer.non_trainable_weights


def top_weights(model: Any) -> list[Variable]:
    """The weights that a model has beside those of its layers."""
    inside = {id(weight) for layer in model.layers for weight in layer.weights}
    return [weight for weight in ordered_weights(model) if id(weight) not in inside]


def load_legacy_weights(model: Any, path: Path, by_name: bool = False, skip_mismatch: bool = False) -> None:
    """Read the weights of a model from such a file.

    Args:
        model: the model.
        path: the file.
        by_name: whether layers are matched by their names, and those that the file does not name stay as they are; else by
            the order of the layers that have weights.
        skip_mismatch: whether what does not fit is left as it is, with a warning.

    Raises:
        ValueError: where the layers of the file do not fit those of the model; nothing is assigned then.
    """
    with open_h5(path, str(path)) as file:
        _read_layers(model, _weights_of(file, path), path, by_name, skip_mismatch)


def _weights_of(file: hdf5.File, path: Path) -> hdf5.Group:
    whole = "layer_names" in file.attrs or "layer_names0" in file.attrs
    root = file if whole else safe_group(file, "model_weights")
    if root is None:
        raise DamagedFileError(f"{path} is no file of weights: it has neither layer_names nor model_weights.")
    return root


def _read_layers(model: Any, root: hdf5.Group, path: Path, by_name: bool = False, skip_mismatch: bool = False) -> None:
    saved = [(name, _names(safe_group(root, name), "weight_names", path)) for name in _names(root, "layer_names", path)]
    pairs = [(layer, *item) for layer, item in _pairs(model, saved, path, by_name)]
    if TOP in root and (names := _names(safe_group(root, TOP), "weight_names", path)):
        pairs.append((model, TOP, names))
    plan = []
    for layer, name, weights in pairs:
        variables = top_weights(model) if name == TOP else ordered_weights(layer)
        problems = []
        if len(variables) != len(weights):
            problems.append(
                f"Layer {layer.name!r} has {len(variables)} weights; {path} holds {len(weights)} for {name!r}."
            )
        else:
            for variable, weight in zip(variables, weights, strict=True):
                dataset = _dataset(root, f"{name}/{weight}")
                if tuple(dataset.shape) == tuple(variable.shape):
                    plan.append((variable, dataset))
                    continue
                problems.append(
                    f"Weight {variable.path!r} has shape {tuple(variable.shape)}; {path} holds {tuple(dataset.shape)} "
                    f"for {name!r}."
                )
        if problems and not skip_mismatch:
            raise ValueError(" ".join(problems))
        for problem in problems:
            warnings.warn(f"{problem} It is left as it is.", stacklevel=4)
    with Progress("Loading", bytes_of(model)) as progress:
        for variable, dataset in plan:
            variable.assign_from(_numbers(dataset))
            progress.add(dataset.nbytes)
    for layer, _, _ in pairs:
        if hasattr(layer, "finalize_state"):
            layer.finalize_state()


def _pairs(model: Any, saved: list, path: Path, by_name: bool) -> list[tuple[Any, tuple[str, list[str]]]]:
    """Which layer gets which group of the file."""
    if by_name:
        groups = dict(saved)
        return [(layer, (layer.name, groups[layer.name])) for layer in model.layers if layer.name in groups]
    saved = [(name, weights) for name, weights in saved if weights]
    layers = [layer for layer in model.layers if layer.weights]
    if len(saved) != len(layers):
        raise ValueError(f"{path} holds weights of {len(saved)} layers, the model has {len(layers)} with weights.")
    named = {layer.name: layer for layer in layers}
    if set(named) == {name for name, _ in saved}:  # the same layers, maybe in another order
        return [(named[name], (name, weights)) for name, weights in saved]
    return list(zip(layers, saved, strict=True))


def _dataset(root: hdf5.Group, path: str) -> hdf5.Dataset:
    folder, _, name = path.rpartition("/")
    group = safe_group(root, folder) if folder else root
    if group is None or name not in group:
        raise DamagedFileError(f"The file names the weight {path!r}, which it does not hold.")
    return safe_dataset(group, name)


def _numbers(dataset: hdf5.Dataset) -> Any:
    """The data set itself, or its numbers where it holds the bits of bfloat16."""
    bits = dataset.dtype.kind == "V" and dataset.dtype.itemsize == 2
    return np.asarray(dataset).view(ml_dtypes.bfloat16) if bits else dataset


def _names(group: Any, attribute: str, path: Path) -> list[str]:
    """A list of names kept as an attribute, whole or in numbered pieces."""
    if group is None:
        raise DamagedFileError(f"{path} names a layer that it does not hold.")
    pieces = [attribute] if attribute in group.attrs else []
    while f"{attribute}{len(pieces)}" in group.attrs:
        pieces.append(f"{attribute}{len(pieces)}")
    found: dict[str, None] = {}
    for name in (name for piece in pieces for name in np.asarray(group.attrs[piece]).reshape(-1)):
        try:
            text = name.decode("utf-8") if isinstance(name, bytes) else name
        except UnicodeDecodeError:
            text = None
        if not isinstance(text, str):
            raise DamagedFileError(f"{path} is damaged: the {attribute} of {group.name} are no text.")
        if text in found:
            raise DamagedFileError(f"{path} is refused: the {attribute} of {group.name} hold {text[:80]!r} twice.")
        found[text] = None
    return list(found)
