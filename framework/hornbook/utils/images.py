"""Images between files, Pillow and arrays."""

import io
import os
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from hornbook import backend, ops
from hornbook.backend.config import floatx, standardize_data_format
from hornbook.core.arguments import one_of, sizes

COLOR_MODES = {"grayscale": "L", "rgb": "RGB", "rgba": "RGBA"}
INTERPOLATIONS = ("nearest", "bilinear", "bicubic", "hamming", "box", "lanczos")


def _pillow() -> Any:
    try:
        from PIL import Image
    except ImportError:
        raise ImportError(
            "Images are read and written by Pillow, which is not installed: pip install pillow."
        ) from None
    return Image


def array_to_img(x: Any, data_format: str | None = None, scale: bool = True, dtype: Any = None) -> Any:
    """An array as a Pillow image.

    Args:
        x: (height, width, channels) with 1, 3 or 4 channels, or (channels, height, width).
        data_format: "channels_last" or "channels_first".
        scale: stretch the numbers to 0 .. 255: `255 (x - min) / (max - min)`.
        dtype: the dtype to compute in.

    Raises:
        ValueError: for another rank or number of channels.
        ImportError: where Pillow is missing.

    >>> import numpy as np
    >>> import hornbook as keras
    >>> image = keras.utils.array_to_img(np.zeros((2, 3, 3)))
    >>> image.size, image.mode
    ((3, 2), 'RGB')
    """
    pillow = _pillow()
    data_format = standardize_data_format(data_format)
    array = np.asarray(x, dtype=floatx() if dtype is None else dtype)
    if array.ndim != 3:
        raise ValueError(f"An image is an array with three axes, height, width and channels; got shape {array.shape}.")
    if data_format == "channels_first":
        array = array.transpose(1, 2, 0)
    if scale:
        array = array - array.min()
        largest = array.max()
        array = array / largest * 255 if largest else array
    channels = array.shape[2]
    if channels not in (1, 3, 4):
        raise ValueError(f"An image has 1, 3 or 4 channels; got an array of shape {array.shape}.")
    if channels > 1:
        return pillow.fromarray(array.astype("uint8"))
    beyond_a_byte = array.size and array.max() > 255
    return pillow.fromarray(array[:, :, 0].astype("int32" if beyond_a_byte else "uint8"))


def img_to_array(img: Any, data_format: str | None = None, dtype: Any = None) -> np.ndarray:
    """A Pillow image (or an array of two or three axes) as an array with three axes.

    Args:
        img: the image.
        data_format: "channels_last" gives (height, width, channels), "channels_first" (channels, height, width).
        dtype: `floatx()` if None.

    Raises:
        ValueError: for an array of another rank.

    >>> import numpy as np
    >>> import hornbook as keras
    >>> keras.utils.img_to_array(np.zeros((2, 3))).shape
    (2, 3, 1)
    """
    data_format = standardize_data_format(data_format)
    array = np.asarray(img, dtype=floatx() if dtype is None else dtype)
    if array.ndim not in (2, 3):
        raise ValueError(f"An image has two or three axes, got shape {array.shape}.")
    array = array[:, :, None] if array.ndim == 2 else array
    return array.transpose(2, 0, 1) if data_format == "channels_first" else array


def load_img(
    path: Any,
    color_mode: str = "rgb",
    target_size: tuple[int, int] | None = None,
    interpolation: str = "nearest",
    keep_aspect_ratio: bool = False,
) -> Any:
    """The image in a file, as a Pillow image.

    Args:
        path: a path, or an `io.BytesIO`.
        color_mode: "rgb", "rgba" or "grayscale".
        target_size: (height, width) wanted.
        interpolation: "nearest", "bilinear", "bicubic", "lanczos", "box" or "hamming".
        keep_aspect_ratio: cut the longer side first, around the centre, so that nothing is distorted.

    Raises:
        TypeError: for what is no path.
        ValueError: for an unknown colour mode or interpolation.
        ImportError: where Pillow is missing.

    >>> import numpy as np
    >>> import hornbook as keras
    >>> keras.utils.save_img("red.png", np.full((4, 6, 3), [255, 0, 0]), scale=False)
    >>> keras.utils.load_img("red.png", target_size=(2, 2)).getpixel((0, 0))
    (255, 0, 0)
    """
    pillow = _pillow()
    mode = COLOR_MODES[one_of(color_mode, tuple(COLOR_MODES), "color_mode")]
    if isinstance(path, io.BytesIO):
        image = pillow.open(path)
    elif isinstance(path, str | bytes | os.PathLike):
        image = pillow.open(io.BytesIO(Path(os.fsdecode(path)).read_bytes()))
    else:
        raise TypeError(f"path must be a path or an io.BytesIO, got {type(path).__name__}.")
    is_wide = image.mode in ("I;16", "I;16B", "I;16L", "I")  # more than eight bits: L would cut them off
    if image.mode != mode and not (mode == "L" and is_wide):
        image = image.convert(mode)
    if target_size is None:
        return image
    height, width = sizes(target_size, 2, "target_size")
    if image.size == (width, height):
        return image
    method = getattr(pillow.Resampling, one_of(interpolation, INTERPOLATIONS, "interpolation").upper())
    box = _central_box(image.size[1], image.size[0], height, width) if keep_aspect_ratio else None
    return image.resize((width, height), method, box=box)


def _central_box(height: int, width: int, target_height: int, target_width: int) -> tuple[int, int, int, int]:
    """Left, upper, right and lower edge of the largest middle part with the target's ratio of sides."""
    kept_height = min(height, max(width * target_height // target_width, 1))
    kept_width = min(width, max(height * target_width // target_height, 1))
    top, left = (height - kept_height) // 2, (width - kept_width) // 2
    return left, top, left + kept_width, top + kept_height


def save_img(
    path: Any, x: Any, data_format: str | None = None, file_format: str | None = None, scale: bool = True, **kwargs: Any
) -> None:
    """Write an array as an image file.

    Args:
        path: a path, or a file object.
        x, data_format, scale: as for `array_to_img`.
        file_format: told by the file's name if None; needed for a file object.
        kwargs: options of Pillow's `Image.save`.

    >>> import numpy as np
    >>> import hornbook as keras
    >>> keras.utils.save_img("noise.png", np.random.default_rng(0).random((4, 4, 3)))
    """
    image = array_to_img(x, data_format=data_format, scale=scale)
    name = str(file_format or (Path(path).suffix[1:] if isinstance(path, str | os.PathLike) else "")).lower()
    if image.mode == "RGBA" and name in ("jpg", "jpeg"):
        warnings.warn("A JPEG file holds no transparency: the fourth channel is left out.", stacklevel=2)
        image = image.convert("RGB")
    image.save(path, format="JPEG" if name == "jpg" and file_format else file_format, **kwargs)


def smart_resize(
    x: Any,
    size: tuple[int, int],
    interpolation: str = "bilinear",
    data_format: str | None = "channels_last",
    **kwargs: Any,
) -> Any:
    """Images at another size, undistorted: the largest middle part with the ratio of sides of `size`, resized.

    Args:
        x: (batch, height, width, channels) or (height, width, channels).
        size: (height, width) wanted.
        interpolation: "bilinear", "nearest", "bicubic", "lanczos3", "lanczos5" or "area".
        data_format: where the channels are.

    Returns:
        the images; a NumPy array for a NumPy array.

    Raises:
        ValueError: for another rank, size or interpolation.

    >>> import numpy as np
    >>> from hornbook.preprocessing.image import smart_resize
    >>> smart_resize(np.ones((4, 8, 3), "float32"), (2, 2)).shape
    (2, 2, 3)
    """
    if kwargs:
        raise TypeError(f"smart_resize() got unexpected arguments: {sorted(kwargs)}.")
    height, width = sizes(tuple(size), 2, "size")
    if len(np.shape(x) if not backend.is_tensor(x) else x.shape) not in (3, 4):
        raise ValueError(
            "smart_resize() takes an image (height, width, channels) or a batch of them; got shape "
            f"{tuple(x.shape) if hasattr(x, 'shape') else np.shape(x)}."
        )
    images = backend.convert_to_tensor(x)
    if interpolation != "nearest" and not backend.is_float_dtype(images.dtype):
        images = backend.cast(images, "float32")
    resized = ops.image.resize(
        images, (height, width), interpolation=interpolation, crop_to_aspect_ratio=True, data_format=data_format
    )
    return backend.convert_to_numpy(resized) if isinstance(x, np.ndarray) else resized
