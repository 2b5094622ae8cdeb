"""`save_weights` and `load_weights`: which format a file's ending means."""

import os
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from hornbook import backend
from hornbook.saving import archive, flat, hdf5, shards
from hornbook.saving.atomic import written_aside
from hornbook.saving.legacy_h5 import OlderTree, load_legacy_weights
from hornbook.saving.orbax import is_checkpoint, load_orbax_weights
from hornbook.saving.weights import created_h5, open_h5, read_tree, write_tree

ENDINGS = (".weights.json", ".safetensors", ".npz")  # of the formats beside HDF5


def save_weights(
    model: Any,
    filepath: Any,
    overwrite: bool = True,
    max_shard_size: float | None = None,
    objects_to_skip: Iterable[Any] | None = None,
    **kwargs: Any,
) -> None:
    """Write a model's weights (and its optimizer's state) to a file.

    | ending | |
    |---|---|
    | `.weights.h5` | HDF5, as Keras has it |
    | `.weights.json` | the same in several HDF5 files of at most `max_shard_size` GB, and this list of them, as Keras has it |
    | `.safetensors` | one safetensors file |
    | `.npz` | NumPy's archive of arrays |

    In all of them a weight stands under the attributes that lead to it, such as `layers/dense/vars/0`. Of processes that
    train together the chief alone writes; in the others nothing is done.

    Args:
        model: the model.
        filepath: where to.
        overwrite: whether a file there may be replaced.
        max_shard_size: the most that one of several files may hold, in GB (1024**3 bytes).
        objects_to_skip: layers, metrics or optimizers whose weights are left out.

    Raises:
        ValueError: for another ending, and for a model that is not built yet.

    >>> import hornbook as keras
    >>> import os, tempfile
    >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     keras.saving.save_weights(model, folder + "/model.safetensors")
    ...     os.listdir(folder)
    ['model.safetensors']
    """
    if kwargs:
        raise TypeError(f"save_weights() got unexpected arguments: {sorted(kwargs)}.")
    path = Path(os.fspath(filepath))
    ending = next((e for e in (".weights.h5", *ENDINGS) if path.name.endswith(e)), None)
    if max_shard_size is not None and ending == ".weights.h5":
        path, ending = path.with_suffix(".json"), ".weights.json"
        warnings.warn(f"Weights in several files are listed in a '.weights.json' file: {path.name}.", stacklevel=2)
    if ending is None or (max_shard_size is None) == (ending == ".weights.json"):
        raise ValueError(
            f"A file of weights must end in '.weights.h5', '.safetensors' or '.npz', or in '.weights.json' where "
            f"max_shard_size is given; got {path.name!r} and max_shard_size={max_shard_size}."
        )
    if not model.built:
        raise ValueError(f"Model {model.name!r} has no weights yet: call it on data, or build() it, before saving.")
    if not backend.is_chief(getattr(model, "_strategy", None)):
        return
    skipped = list(objects_to_skip or ())
    if ending == ".weights.h5":
        with written_aside(path, overwrite) as aside, created_h5(aside) as file:
            write_tree(model, file, skipped)
    elif max_shard_size is not None:
        shards.write_shards(model, path, overwrite, max_shard_size, skipped)
    else:
        flat.write_flat(model, path, overwrite, skipped)


def load_weights(
    model: Any,
    filepath: Any,
    skip_mismatch: bool = False,
    objects_to_skip: Iterable[Any] | None = None,
    by_name: bool | None = None,
    **kwargs: Any,
) -> None:
    """Read a model's weights from a file: all that `save_weights` writes, the inside of a `.keras` file, the older `.h5`
    files of Keras, or a directory of Orbax's checkpoints.

    Args:
        model: the model, built.
        filepath: the file.
        skip_mismatch: whether weights that do not fit are left as they are, with a warning.
        objects_to_skip: layers, metrics or optimizers that are left as they are.
        by_name: for older `.h5` files: layers are matched by their names, and those of no name in the file stay as they
            are; else by their order.

    Raises:
        FileNotFoundError: where there is no such file.
        ValueError: where the weights do not fit.

    >>> import hornbook as keras
    >>> import tempfile
    >>> model, other = (keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)]) for _ in range(2))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     model.save_weights(folder + "/model.weights.h5")
    ...     keras.saving.load_weights(other, folder + "/model.weights.h5")
    >>> bool((other.get_weights()[0] == model.get_weights()[0]).all())
    True
    """
    if kwargs:
        raise TypeError(f"load_weights() got unexpected arguments: {sorted(kwargs)}.")
    path = Path(filepath)
    older = path.suffix in (".h5", ".hdf5") and not path.name.endswith(".weights.h5")
    if by_name is not None and not older:
        raise ValueError(f"by_name is for Keras's older '.h5' files, which name layers; got {path.name!r}.")
    if path.is_dir():
        if is_checkpoint(path):
            load_orbax_weights(model, path)
            return
    if not path.is_file():
        raise FileNotFoundError(f"There is no file {path} to load weights from.")
    if older:
        if objects_to_skip is not None:
            raise ValueError(f"objects_to_skip is not for Keras's older '.h5' files; got {path.name!r}.")
        load_legacy_weights(model, path, bool(by_name), skip_mismatch)
        return
    if path.name.endswith(".keras"):
        opened: Any = archive.opened_weights(path)
    elif path.name.endswith(".weights.h5"):
        opened = open_h5(path, str(path))
    elif path.name.endswith(".weights.json"):
        opened = shards.opened_shards(path)
    elif path.name.endswith(ENDINGS):
        opened = flat.opened_flat(path)
    else:
        raise ValueError(
            f"Weights are loaded from '.weights.h5', {', '.join(map(repr, ENDINGS))}, '.keras' and older '.h5' files, got "
            f"{path.name!r}."
        )
    with opened as file:
        if isinstance(file, hdf5.File):  # Keras 2 wrote such files too
            file = OlderTree(file)
        read_tree(model, file, skip_mismatch, str(path), list(objects_to_skip or ()))
