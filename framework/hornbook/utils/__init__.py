"""Small things programs ask for by the name `keras.utils`."""

from hornbook.backend.config import standardize_dtype
from hornbook.callbacks.progress import Progbar
from hornbook.core.global_state import clear_session
from hornbook.core.keras_tensor import is_keras_tensor
from hornbook.core.output import (
    disable_interactive_logging,
    enable_interactive_logging,
    is_interactive_logging_enabled,
)
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
from hornbook.utils import bounding_boxes, legacy
from hornbook.utils.arrays import normalize, to_categorical
from hornbook.utils.config import Config
from hornbook.utils.datasets import split_dataset, timeseries_dataset_from_array
from hornbook.utils.directories import (
    audio_dataset_from_directory,
    image_dataset_from_directory,
    text_dataset_from_directory,
)
from hornbook.utils.feature_space import FeatureSpace
from hornbook.utils.files import get_file
from hornbook.utils.graphs import get_source_inputs, model_to_dot, plot_model
from hornbook.utils.images import array_to_img, img_to_array, load_img, save_img
from hornbook.utils.sequences import pad_sequences

custom_object_scope = CustomObjectScope
Sequence = PyDataset

__all__ = [
    "Config",
    "CustomObjectScope",
    "Progbar",
    "PyDataset",
    "Sequence",
    "array_to_img",
    "audio_dataset_from_directory",
    "bounding_boxes",
    "FeatureSpace",
    "clear_session",
    "custom_object_scope",
    "deserialize_keras_object",
    "disable_interactive_logging",
    "enable_interactive_logging",
    "get_custom_objects",
    "get_file",
    "get_registered_name",
    "get_registered_object",
    "get_source_inputs",
    "image_dataset_from_directory",
    "img_to_array",
    "is_interactive_logging_enabled",
    "is_keras_tensor",
    "legacy",
    "load_img",
    "model_to_dot",
    "normalize",
    "pack_x_y_sample_weight",
    "pad_sequences",
    "plot_model",
    "register_keras_serializable",
    "save_img",
    "serialize_keras_object",
    "set_random_seed",
    "split_dataset",
    "standardize_dtype",
    "text_dataset_from_directory",
    "timeseries_dataset_from_array",
    "to_categorical",
    "unpack_x_y_sample_weight",
]
