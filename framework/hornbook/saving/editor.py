"""Look into a file of weights, change names and numbers in it, and write it anew."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from hornbook.core.output import print_message
from hornbook.core.variable import Variable
from hornbook.saving import hdf5
from hornbook.saving.archive import opened_weights
from hornbook.saving.atomic import written_aside
from hornbook.saving.weights import Store, created_h5, open_h5, safe_group, walk, write_array

Tree = dict[str, Any]  # name of an object -> what is in it, name of a weight -> array


class KerasFileEditor:
    """The weights in a `.keras` or `.weights.h5` file as a tree that can be changed and saved.

    An object (a layer, an optimizer, a list of layers) is named by its path, such as "layers/dense", or by the last part
    of it where that is unique.

    Args:
        filepath: the file; it stays as it is.

    Raises:
        FileNotFoundError: where there is no such file.
        ValueError: for another ending, and a damaged file.

    >>> import hornbook as keras
    >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3)])
    >>> model.save_weights("old.weights.h5")
    >>> editor = keras.saving.KerasFileEditor("old.weights.h5")
    >>> editor.rename_object("dense", "first")
    >>> editor.summary()
    layers
      first
        0: shape=(2, 3), dtype=float32
        1: shape=(3,), dtype=float32
    >>> editor.save("new.weights.h5")
    """

    def __init__(self, filepath: Any) -> None:
        path = Path(filepath)
        if not path.is_file():
            raise FileNotFoundError(f"There is no file {path}.")
        if path.name.endswith(".weights.h5"):
            opened: Any = open_h5(path, str(path))
        elif path.suffix == ".keras":
            opened = opened_weights(path)
        else:
            raise ValueError(f"The editor opens '.keras' and '.weights.h5' files, got {path.name!r}.")
        self.filepath = path
        with opened as file:
            self.weights_dict = _read(file)

    # ------------------------------------------------------------------------------------------------- looking
    def summary(self) -> None:
        """Print the tree: objects, and the shape and dtype of each weight."""
        for depth, name, value in _lines(self.weights_dict):
            text = name if isinstance(value, dict) else f"{name}: shape={value.shape}, dtype={value.dtype}"
            print_message("  " * depth + text)

    def compare(self, reference_model: Any) -> dict[str, Any]:
        """Say how the file differs from the weights of a model.

        Args:
            reference_model: a built model.

        Returns:
            {"status": "success" or "error", "error_count": differences, "match_count": weights of one shape}.
        """
        wanted = {
            f"{path}/{name}".strip("/"): np.shape(value)
            for path, holder in walk(reference_model)
            if hasattr(holder, "save_own_variables")
            for name, value in _own(holder).items()
        }
        found = {path: array.shape for path, array in _weights(self.weights_dict)}
        errors = 0
        for path in sorted({*wanted, *found}):
            if path not in found:
                text = f"{path} is in the model, with shape {wanted[path]}, and not in the file."
            elif path not in wanted:
                text = f"{path} is in the file, with shape {found[path]}, and not in the model."
            elif wanted[path] != found[path]:
                text = f"{path} has shape {wanted[path]} in the model and {found[path]} in the file."
            else:
                continue
            errors += 1
            print_message(text)
        matches = sum(wanted.get(path) == shape for path, shape in found.items())
        print_message(f"{matches} weights match, {errors} differ.")
        return {"status": "error" if errors else "success", "error_count": errors, "match_count": matches}

    # ------------------------------------------------------------------------------------------------ changing
    def rename_object(self, object_name: str, new_name: str) -> None:
        """Give an object another name.

        Args:
            object_name: its path, or the last part of it.
            new_name: the new last part.

        Raises:
            ValueError: for a name that is not there, or not unique, and a new one that is taken or a path.
        """
        holder, name = self._find(object_name)
        _check_new(holder, new_name)
        renamed = [(new_name if key == name else key, value) for key, value in holder.items()]
        holder.clear()
        holder.update(renamed)

    def delete_object(self, object_name: str) -> None:
        """Take an object out, with all that is in it."""
        holder, name = self._find(object_name)
        del holder[name]

    def add_object(self, object_path: str, weights: Mapping[str, Any]) -> None:
        """Put a new object in.

        Args:
            object_path: its path; what is before the last part must be there.
            weights: "0", "1", ... -> array.

        Raises:
            ValueError: for a place that is not there, a name that is taken, and weights that are no dictionary of arrays.
        """
        *places, name = object_path.strip("/").split("/")
        holder = self.weights_dict
        for place in places:
            holder = holder.get(place)
            if not isinstance(holder, dict):
                raise ValueError(f"The place {'/'.join(places)!r} of the new object is not in the file.")
        _check_new(holder, name)
        holder[name] = _arrays(weights)

    def delete_weight(self, object_name: str, weight_name: str) -> None:
        """Take one weight of an object out."""
        holder, name = self._find(object_name)
        if isinstance(holder[name].get(weight_name), dict | None):
            known = [key for key, value in holder[name].items() if not isinstance(value, dict)]
            raise ValueError(f"The object {object_name!r} has no weight {weight_name!r}; it has {known}.")
        del holder[name][weight_name]

    def add_weights(self, object_name: str, weights: Mapping[str, Any]) -> None:
        """Put weights into an object, in the place of those of the same names.

        Args:
            object_name: its path, or the last part of it.
            weights: "0", "1", ... -> array.
        """
        holder, name = self._find(object_name)
        holder[name].update(_arrays(weights))

    def _find(self, name: str) -> tuple[Tree, str]:
        """The tree that an object stands in, and its last name."""
        wanted = name.strip("/")
        found = [
            (holder, path)
            for path, holder in _objects(self.weights_dict)
            if path == wanted or ("/" not in wanted and path.rsplit("/", 1)[-1] == wanted)
        ]
        exact = [item for item in found if item[1] == wanted and "/" in wanted]
        found = exact or found
        if not found:
            known = ", ".join(path for path, _ in _objects(self.weights_dict))
            raise ValueError(f"There is no object {name!r} in the file; it has {known}.")
        if len(found) > 1:
            raise ValueError(f"The name {name!r} stands for {[path for _, path in found]}: give the whole path.")
        return found[0][0], found[0][1].rsplit("/", 1)[-1]

    # -------------------------------------------------------------------------------------------------- saving
    def save(self, filepath: Any) -> None:
        """Write the weights to a `.weights.h5` file.

        Raises:
            ValueError: for another ending.
        """
        if not str(filepath).endswith(".weights.h5"):
            raise ValueError(f"A file of weights must end in '.weights.h5', got {str(filepath)!r}.")
        with written_aside(filepath) as aside, created_h5(aside) as file:
            _write(self.weights_dict, file)

    def resave_weights(self, filepath: Any) -> None:
        """The same as `save`."""
        self.save(filepath)


def _own(holder: Any) -> dict[str, Any]:
    store: dict[str, Any] = {}
    holder.save_own_variables(store)
    return {name: value.numpy() if isinstance(value, Variable) else value for name, value in store.items()}


def _read(group: hdf5.Group) -> Tree:
    """What a group of the file holds: the data sets of its `vars`, and its other groups."""
    store = Store(group, "vars")
    tree: Tree = {name: np.asarray(store[name]) for name in store}
    for name in map(str, group):
        if name != "vars":
            inner = safe_group(group, name)
            tree[name] = _read(inner)
    return {name: value for name, value in tree.items() if not isinstance(value, dict) or value}


def _write(tree: Tree, group: h5py.Group) -> None:
    own = group.create_group("vars")
    for name, value in tree.items():
        if isinstance(value, dict):
            _write(value, group.create_group(name))
        else:
            write_array(own, name, value)


def _lines(tree: Tree, depth: int = 0) -> Iterator[tuple[int, str, Any]]:
    for name, value in tree.items():
        yield depth, name, value
        if isinstance(value, dict):
            yield from _lines(value, depth + 1)


def _objects(tree: Tree, path: str = "") -> Iterator[tuple[str, Tree]]:
    """The path of each object, with the tree that it stands in."""
    for name, value in tree.items():
        if isinstance(value, dict):
            yield path + name, tree
            yield from _objects(value, f"{path}{name}/")


def _weights(tree: Tree, path: str = "") -> Iterator[tuple[str, np.ndarray]]:
    for name, value in tree.items():
        if isinstance(value, dict):
            yield from _weights(value, f"{path}{name}/")
        else:
            yield path + name, value


def _check_new(holder: Tree, name: str) -> None:
    if not name or "/" in name or name in (".", "..", "vars"):
        raise ValueError(f"A new name must be one part of a path, got {name!r}.")
    if name in holder:
        raise ValueError(f"The name {name!r} is taken.")


def _arrays(weights: Mapping[str, Any]) -> Tree:
    if not isinstance(weights, Mapping):
        raise ValueError(f"Weights come as a dictionary '0', '1', ... -> array, got {type(weights).__name__}.")
    arrays = {str(name): np.asarray(value) for name, value in weights.items()}
    wrong = [name for name, array in arrays.items() if array.dtype.kind not in "biufV" or array.dtype.hasobject]
    if wrong:
        raise ValueError(f"Weights are arrays of numbers; {wrong} are not.")
    return arrays
