"""Images: (batch, height, width, channels) or (height, width, channels)."""

from typing import Any

import tensorflow as tf

from hornbook.backend.config import standardize_data_format
from hornbook.backend.tensorflow.services import cast, convert_to_tensor

__all__ = ["resize"]

_METHODS = {
    "bilinear": "bilinear",
    "nearest": "nearest",
    "lanczos3": "lanczos3",
    "lanczos5": "lanczos5",
    "bicubic": "bicubic",
    "area": "area",
}


def resize(
    images: Any,
    size: tuple[int, int],
    interpolation: str = "bilinear",
    antialias: bool = False,
    data_format: str | None = None,
) -> Any:
    """Images at another size."""
    x = convert_to_tensor(images)
    channels_first = standardize_data_format(data_format) == "channels_first"
    order = (0, 2, 3, 1) if len(x.shape) == 4 else (1, 2, 0)
    back = (0, 3, 1, 2) if len(x.shape) == 4 else (2, 0, 1)
    x = tf.transpose(x, order) if channels_first else x
    y = cast(tf.image.resize(x, size, method=_METHODS[interpolation], antialias=antialias), x.dtype.name)
    return tf.transpose(y, back) if channels_first else y
