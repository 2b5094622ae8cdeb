"""Images: (batch, height, width, channels)."""

from typing import Any

import tensorflow as tf

from hornbook.backend.config import standardize_data_format
from hornbook.backend.tensorflow.services import convert_to_tensor

__all__ = ["projective_transform", "resize"]


def resize(
    images: Any,
    size: tuple[int, int],
    interpolation: str = "bilinear",
    antialias: bool = False,
    data_format: str | None = None,
) -> Any:
    """Images at another size, in the dtype they have."""
    x = convert_to_tensor(images)
    channels_first = standardize_data_format(data_format) == "channels_first"
    order = (0, 2, 3, 1) if len(x.shape) == 4 else (1, 2, 0)
    back = (0, 3, 1, 2) if len(x.shape) == 4 else (2, 0, 1)
    x = tf.transpose(x, order) if channels_first else x
    y = tf.image.resize(x, size, method=interpolation, antialias=antialias)
    y = tf.saturate_cast(tf.round(y), x.dtype) if x.dtype.is_integer else tf.cast(y, x.dtype)
    return tf.transpose(y, back) if channels_first else y


def projective_transform(
    images: Any, transforms: Any, interpolation: str = "bilinear", fill_mode: str = "constant", fill_value: Any = 0.0
) -> Any:
    """Images (batch, height, width, channels) in which the pixel (x, y) is read at (x', y') of the input.

    x' = (a0 x + a1 y + a2) / (c0 x + c1 y + 1),    y' = (b0 x + b1 y + b2) / (c0 x + c1 y + 1)

    for `transforms` (batch or 1, 8) with rows [a0, a1, a2, b0, b1, b2, c0, c1].
    """
    x = convert_to_tensor(images)
    y = tf.raw_ops.ImageProjectiveTransformV3(
        images=x,
        transforms=convert_to_tensor(transforms, "float32"),
        output_shape=tf.shape(x)[1:3],
        interpolation=interpolation.upper(),
        fill_mode=fill_mode.upper(),
        fill_value=convert_to_tensor(fill_value, "float32"),
    )
    return tf.ensure_shape(y, x.shape)
