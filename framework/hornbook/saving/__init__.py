"""Whole models and weights as files.

archive.py   the `.keras` zip: config.json, metadata.json, model.weights.h5, assets/
weights.py   the HDF5 tree of weights, by the attributes that lead to them
hdf5.py      a reader of HDF5 that trusts nothing in the file; hdf5_groups.py finds the names in it, hdf5_source.py its bytes
orbax.py     checkpoints in Orbax's format, a directory for each step
editor.py    the weights of a file, looked at and changed by hand
atomic.py    written aside, flushed, renamed: a file is old or new, never half
"""

from hornbook.core.registry import (
    CustomObjectScope,
    deserialize_keras_object,
    get_custom_objects,
    get_registered_name,
    get_registered_object,
    register_keras_serializable,
    serialize_keras_object,
)
from hornbook.saving.archive import load_model, save_model
from hornbook.saving.editor import KerasFileEditor
from hornbook.saving.weight_files import load_weights, save_weights

custom_object_scope = CustomObjectScope

__all__ = [
    "CustomObjectScope",
    "KerasFileEditor",
    "custom_object_scope",
    "deserialize_keras_object",
    "get_custom_objects",
    "get_registered_name",
    "get_registered_object",
    "load_model",
    "load_weights",
    "register_keras_serializable",
    "save_model",
    "save_weights",
    "serialize_keras_object",
]
