"""Data for models: the names of `keras.preprocessing`."""

from hornbook.preprocessing import image, sequence
from hornbook.utils.datasets import timeseries_dataset_from_array
from hornbook.utils.directories import image_dataset_from_directory, text_dataset_from_directory

__all__ = [
    "image",
    "image_dataset_from_directory",
    "sequence",
    "text_dataset_from_directory",
    "timeseries_dataset_from_array",
]
