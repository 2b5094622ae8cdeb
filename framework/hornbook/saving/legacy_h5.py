"""Weights in Keras's older `.h5` layout: a group for each layer, matched by the order of the layers that have weights."""

from pathlib import Path
from typing import Any

import numpy as np

from hornbook.core.untrusted import DamagedFileError
from hornbook.saving import hdf5
from hornbook.saving.weights import open_h5, safe_dataset, safe_group


def load_legacy_weights(model: Any, path: Path) -> None:
    """Read the weights of a model from such a file.

    Raises:
        ValueError: where the layers of the file do not fit those of the model; nothing is assigned then.
    """
    with open_h5(path, str(path)) as file:
        root = (
            file if "layer_names" in file.attrs or "layer_names0" in file.attrs else safe_group(file, "model_weights")
        )
        if root is None:
            raise DamagedFileError(f"{path} is no file of weights: it has neither layer_names nor model_weights.")
        saved = [
            (name, _names(safe_group(root, name), "weight_names", path)) for name in _names(root, "layer_names", path)
        ]
        saved = [(name, weights) for name, weights in saved if weights]
        layers = [layer for layer in model.layers if layer.weights]
        if len(saved) != len(layers):
            raise ValueError(f"{path} holds weights of {len(saved)} layers, the model has {len(layers)} with weights.")
        plan = []
        for layer, (name, weights) in zip(layers, saved, strict=True):
            variables = layer.trainable_weights + layer.non_trainable_weights
            if len(variables) != len(weights):
                raise ValueError(
                    f"Layer {layer.name!r} has {len(variables)} weights; {path} holds {len(weights)} for {name!r}."
                )
            for variable, weight in zip(variables, weights, strict=True):
                dataset = _dataset(root, f"{name}/{weight}")
                if tuple(dataset.shape) != tuple(variable.shape):
                    raise ValueError(
                        f"Weight {variable.path!r} has shape {tuple(variable.shape)}; {path} holds {tuple(dataset.shape)} "
                        f"for {name!r}."
                    )
                plan.append((variable, dataset))
        for variable, dataset in plan:
            variable.assign(np.asarray(dataset))


def _dataset(root: hdf5.Group, path: str) -> hdf5.Dataset:
    folder, _, name = path.rpartition("/")
    group = safe_group(root, folder)
    if group is None or name not in group:
        raise DamagedFileError(f"The file names the weight {path!r}, which it does not hold.")
    return safe_dataset(group, name)


def _names(group: Any, attribute: str, path: Path) -> list[str]:
    """A list of names kept as an attribute, whole or in numbered pieces."""
    if group is None:
        raise DamagedFileError(f"{path} names a layer that it does not hold.")
    pieces = [attribute] if attribute in group.attrs else []
    while f"{attribute}{len(pieces)}" in group.attrs:
        pieces.append(f"{attribute}{len(pieces)}")
    names = [name for piece in pieces for name in np.asarray(group.attrs[piece]).reshape(-1)]
    return [name.decode("utf-8") if isinstance(name, bytes) else str(name) for name in names]
