"""Small things programs ask for by the name `keras.utils`."""

from hornbook.core.global_state import clear_session
from hornbook.core.keras_tensor import is_keras_tensor
from hornbook.core.registry import (
    CustomObjectScope,
    deserialize_keras_object,
    get_custom_objects,
    get_registered_name,
    get_registered_object,
    register_keras_serializable,
    serialize_keras_object,
)
from hornbook.random.seed_generator import set_random_seed
from hornbook.training.data import pack_x_y_sample_weight, unpack_x_y_sample_weight
from hornbook.training.py_dataset import PyDataset
from hornbook.utils.arrays import normalize, to_categorical
from hornbook.utils.files import get_file
from hornbook.utils.sequences import pad_sequences

custom_object_scope = CustomObjectScope
Sequence = PyDataset

__all__ = [
    "CustomObjectScope",
    "PyDataset",
    "Sequence",
    "clear_session",
    "custom_object_scope",
    "deserialize_keras_object",
    "get_custom_objects",
    "get_file",
    "get_registered_name",
    "get_registered_object",
    "is_keras_tensor",
    "normalize",
    "pack_x_y_sample_weight",
    "pad_sequences",
    "register_keras_serializable",
    "serialize_keras_object",
    "set_random_seed",
    "to_categorical",
    "unpack_x_y_sample_weight",
]
