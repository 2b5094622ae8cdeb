"""Images: (batch, height, width, channels), or one without the batch."""

from typing import Any

from hornbook import backend
from hornbook.core.op import op

__all__: list[str] = []  # reached as `ops.image.resize`, as in Keras


@op
def resize(
    images: Any,
    size: tuple[int, int],
    interpolation: str = "bilinear",
    antialias: bool = False,
    crop_to_aspect_ratio: bool = False,
    pad_to_aspect_ratio: bool = False,
    fill_mode: str = "constant",
    fill_value: float = 0.0,
    data_format: str | None = None,
) -> Any:
    """Images at another size.

    Args:
        images: (batch, height, width, channels) or (height, width, channels).
        size: (height, width) wanted.
        interpolation: "bilinear", "nearest", "bicubic", "lanczos3", "lanczos5" or "area".
        antialias: smooth before making smaller.
        crop_to_aspect_ratio, pad_to_aspect_ratio, fill_mode, fill_value: keeping the ratio of the sides; not offered.
        data_format: where the channels stand.

    Raises:
        ValueError: for another interpolation, and where the ratio of the sides should be kept.

    >>> import numpy as np
    >>> from hornbook import ops
    >>> ops.image.resize(np.ones((4, 4, 3), "float32"), (2, 2)).shape
    TensorShape([2, 2, 3])
    """
    known = ("bilinear", "nearest", "bicubic", "lanczos3", "lanczos5", "area")
    if interpolation not in known:
        raise ValueError(f"interpolation must be one of {known}, got {interpolation!r}.")
    if len(images.shape) not in (3, 4):
        raise ValueError(f"images must have three or four axes, got shape {tuple(images.shape)}.")
    if crop_to_aspect_ratio or pad_to_aspect_ratio:
        raise ValueError("resize() does not keep the ratio of the sides: crop or pad the images first.")
    return backend.resize(images, size, interpolation, antialias, data_format)
