"""Orbax's checkpoints: `<directory>/<step>/` with the state tree, the model's config and its assets, as Keras has them.

Orbax is imported when it is needed; it brings JAX along.
"""

import importlib
import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from hornbook.core.registry import serialize_keras_object
from hornbook.core.untrusted import DamagedFileError, read_json
from hornbook.models.described import model_from_config
from hornbook.saving.weights import walk
from hornbook.training.state_tree import paths


def _orbax() -> Any:
    try:
        return importlib.import_module("orbax.checkpoint.experimental.v1")
    except ImportError as error:
        raise ImportError(
            "Orbax's checkpoints need the package orbax-checkpoint, which is not installed (or is older than 0.11): "
            "pip install orbax-checkpoint."
        ) from error


def checkpointer(directory: str, max_to_keep: int | None) -> Any:
    """Orbax's writer of numbered checkpoints, which keeps the newest `max_to_keep`, or all for None."""
    orbax = _orbax()
    policy = orbax.training.preservation_policies
    kept = policy.PreserveAll() if max_to_keep is None else policy.LatestN(max_to_keep)
    return orbax.training.Checkpointer(directory, preservation_policy=kept)


def content(model: Any, weights_only: bool) -> dict[str, Any]:
    """What a checkpoint holds: "pytree" (the state), and for a whole model "model_config" and "assets"."""
    state = model.get_state_tree(value_format="numpy_array")
    if weights_only:
        return {"pytree": {name: state[name] for name in ("trainable_variables", "non_trainable_variables")}}
    found = {"pytree": state, "model_config": {"config": json.dumps(serialize_keras_object(model))}}
    assets = _read_assets(model)
    return {**found, "assets": assets} if assets else found


def _read_assets(model: Any) -> dict[str, Any]:
    """The files that layers keep (vocabularies) as arrays of bytes, in a tree along the layers' attributes."""
    tree: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        for path, holder in walk(model):
            if not hasattr(holder, "save_assets"):
                continue
            (inner := Path(folder) / path).mkdir(parents=True)
            holder.save_assets(str(inner))
            branch = tree
            for part in path.split("/"):
                branch = branch.setdefault(part, {})
            for file in inner.iterdir():
                if file.is_file():
                    branch[file.name] = np.frombuffer(file.read_bytes(), np.uint8)
    return tree


def is_checkpoint(path: Path) -> bool:
    """Whether a directory holds numbered checkpoints."""
    return path.is_dir() and any((step / "pytree").is_dir() for step in path.iterdir() if step.name.isdecimal())


def newest(directory: Path) -> dict[str, Any]:
    """The content of the checkpoint with the highest number.

    Raises:
        ValueError: where it cannot be read.
    """
    steps = [int(step.name) for step in directory.iterdir() if step.name.isdecimal() and (step / "pytree").is_dir()]
    path = directory / str(max(steps))
    orbax = _orbax()
    try:
        return orbax.load_checkpointables(os.path.abspath(path))
    except Exception as error:  # whatever Orbax meets in a damaged directory
        raise DamagedFileError(f"{path} is not a whole checkpoint of Orbax: {error}") from error


def load_orbax_model(directory: Path, custom_objects: Any, compile: bool) -> Any:
    """The model of the newest checkpoint in a directory.

    Raises:
        ValueError: where the checkpoint holds weights alone.
    """
    saved = newest(directory)
    if "model_config" not in saved:
        raise ValueError(
            f"The checkpoints in {directory} hold weights alone (save_weights_only=True): make the model and call "
            "model.load_weights(directory)."
        )
    config = read_json(saved["model_config"]["config"], f"The model's config in {directory}")
    stored = sum(np.asarray(value).nbytes for _, value in paths(saved["pytree"]))
    model = model_from_config(config, f"The model's config in {directory}", stored, custom_objects, compile)
    _write_assets(model, saved.get("assets") or {})
    _set_state(model, saved["pytree"])
    return model


def load_orbax_weights(model: Any, directory: Path) -> None:
    """Write the newest checkpoint of a directory to a model, with the optimizer's state if it holds one."""
    _set_state(model, newest(directory)["pytree"])


def _set_state(model: Any, state: Mapping[str, Any]) -> None:
    learner = getattr(model, "optimizer", None) is not None
    model.set_state_tree({name: tree for name, tree in state.items() if learner or name != "optimizer_variables"})


def _write_assets(model: Any, assets: Mapping[str, Any]) -> None:
    files = {path: value for path, value in paths(assets)}
    with tempfile.TemporaryDirectory() as folder:
        for inner, holder in walk(model):
            mine = {path: value for path, value in files.items() if os.path.dirname(path) == inner}
            if mine and hasattr(holder, "load_assets"):
                (here := Path(folder) / inner).mkdir(parents=True)
                for path, value in mine.items():
                    (here / os.path.basename(path)).write_bytes(np.asarray(value, np.uint8).tobytes())
                holder.load_assets(str(here))
