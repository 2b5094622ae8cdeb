"""Images as models read them: resized, cropped and normalized as `preprocessor_config.json` says.

image -> RGB -> resize -> crop -> x * rescale_factor -> (x - mean) / std

Resizing is Pillow's, as it was in most of the training that made the checkpoints: its filters smooth before they make an image
smaller, and give whole numbers from 0 to 255.
"""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from hornbook import layers, ops
from hornbook_hub.preprocessing import Preprocessor

MAX_PIXELS = 2**26  # of an image, before and after resizing: 8192 x 8192
FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF")  # whose readers run nothing else
FILE = "preprocessor_config.json"
SEVERAL = "processor_config.json"  # of all raw inputs together, as transformers 5 writes it

HALF = {"image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5]}
IMAGENET = {"image_mean": [0.485, 0.456, 0.406], "image_std": [0.229, 0.224, 0.225]}
CLIP = {
    "image_mean": [0.48145466, 0.4578275, 0.40821073],
    "image_std": [0.26862954, 0.26130258, 0.27577711],
    "size": {"shortest_edge": 224},
    "default_to_square": False,
    "crop_size": 224,
    "do_center_crop": True,
    "do_convert_rgb": True,
}
NEAREST, LANCZOS, BILINEAR, BICUBIC = 0, 1, 2, 3  # Pillow's numbers for its filters
GENERAL = {  # what holds where neither the file nor its kind says otherwise
    "do_resize": True,
    "size": None,
    "default_to_square": True,
    "resample": BICUBIC,
    "do_center_crop": False,
    "crop_size": None,
    "do_rescale": True,
    "rescale_factor": 1 / 255,
    "do_normalize": True,
    "image_mean": None,
    "image_std": None,
    "do_convert_rgb": False,
}
KINDS = {  # image_processor_type -> what holds where the file does not say
    "ViTImageProcessor": {**HALF, "size": 224, "resample": BILINEAR},
    "DeiTImageProcessor": {**HALF, "size": 256, "do_center_crop": True, "crop_size": 224},
    "BitImageProcessor": CLIP,
    "CLIPImageProcessor": CLIP,
    "SiglipImageProcessor": {**HALF, "size": {"height": 224, "width": 224}, "default_to_square": False}
    | {"do_convert_rgb": True},
    "SegformerImageProcessor": {**IMAGENET, "size": {"height": 512, "width": 512}, "resample": BILINEAR}
    | {"do_reduce_labels": False, "reduce_labels": None},
    "ConvNextImageProcessor": {**HALF, "size": 384, "default_to_square": False, "crop_pct": 224 / 256},
}
INERT = {  # keys that change nothing here
    *("image_processor_type", "feature_extractor_type", "processor_class", "_valid_processor_keys"),
    *("data_format", "input_data_format", "return_tensors", "device", "disable_grouping", "image_seq_length"),
}


def kind_of(name: str) -> str:
    """The kind of an image processor by the name of its class, in any of its spellings.

    Raises:
        ValueError: for a kind that is not known.

    >>> from hornbook_hub.images import kind_of
    >>> kind_of("ConvNextFeatureExtractor"), kind_of("ViTImageProcessorFast")
    ('ConvNextImageProcessor', 'ViTImageProcessor')
    """
    short = name
    for ending in ("Fast", "Pil", "ImageProcessor", "FeatureExtractor"):
        short = short.removesuffix(ending)
    kind = f"{short}ImageProcessor"
    if kind not in KINDS:
        raise ValueError(
            f"Images are prepared by {name!r} there; known are {sorted(KINDS)}, in their older spellings too."
        )
    return kind


class ImagePreprocessor(Preprocessor):
    """What turns images into `pixel_values` (B, H, W, 3), as the image processors of transformers do.

    Args:
        image_processor_type: which kind, such as "ViTImageProcessor"; it says what holds where `settings` do not.
        settings: the keys of `preprocessor_config.json`:
            do_resize, size: a number, [height, width], {"height", "width"} or {"shortest_edge"}, the latter of which keeps
                the ratio of the sides; a number is a square, or the shortest edge where `default_to_square` is False.
            resample: Pillow's filter: 0 nearest, 1 Lanczos, 2 bilinear, 3 bicubic, 4 box, 5 Hamming.
            crop_pct: of ConvNextImageProcessor: sizes below 384 are cut from the middle of an image whose shortest edge is
                size / crop_pct; larger sizes are not cut, and do not keep the ratio of the sides.
            do_center_crop, crop_size: the middle of the image; what is smaller gets a black rim.
            do_rescale, rescale_factor: x * factor.
            do_normalize, image_mean, image_std: (x - mean) / std for each channel.
            do_reduce_labels: of SegformerImageProcessor: masks count classes from 1, and 0 is what does not count; see
                `masks`.
            do_convert_rgb: whether gray images and such with transparency are taken; see below.

    Call:
        an image, or a list or batch of images: Pillow's, paths of files, or arrays of uint8, (H, W, 3) each or
        (B, H, W, 3). Gray ones are taken too, and transparent ones on white: what they become can only be RGB.
        Returns {"pixel_values": float32 (B, H, W, 3)}: the channels are last, where transformers has them first.

    Raises:
        ValueError: for keys and values that are not understood, for images larger than 64 million pixels, for files that
            are no images, and for images that end up of several sizes.

    >>> import numpy as np
    >>> from hornbook_hub.images import ImagePreprocessor
    >>> prepare = ImagePreprocessor("ViTImageProcessor", size=32)
    >>> prepare(np.zeros((2, 50, 40, 3), "uint8"))["pixel_values"].shape
    (2, 32, 32, 3)
    """

    def __init__(self, image_processor_type: str = "ViTImageProcessor", **settings: Any) -> None:
        kind = kind_of(image_processor_type)
        defaults = {**GENERAL, **KINDS[kind]}
        given = {key: value for key, value in settings.items() if value is not None}
        off = {"do_pad": False, "pad_size": None}
        unknown = sorted(set(given) - set(defaults) - INERT - {key for key in off if not given.get(key)})
        if unknown:
            raise ValueError(
                f"{FILE} has keys that are not understood: {unknown}. Known are {sorted(defaults)}; these change nothing: "
                f"{sorted(INERT)}."
            )
        self.kind, self.config = kind, {"image_processor_type": kind, **settings}
        values = {**defaults, **given}
        for key in values:
            if key.startswith("do_") and not isinstance(values[key], bool):
                raise ValueError(f"{key} must be true or false, got {values[key]!r}.")
        self.resample = _one_of(values["resample"], range(6), "resample")
        self.size: dict[str, int] | None = None
        self.crops: list[tuple[int, int]] = []
        if values["do_resize"]:
            self.size = sides(values["size"], "size", values["default_to_square"])
            if kind == "ConvNextImageProcessor":
                self._resize_as_convnext(values["crop_pct"])
        if values["do_center_crop"]:
            crop = sides(values["crop_size"], "crop_size")
            if "height" not in crop:
                raise ValueError(f"crop_size must have a height and a width, got {values['crop_size']!r}.")
            self.crops.append((crop["height"], crop["width"]))
        self.factor = np.float32(_numbers(values, "rescale_factor")[0] if values["do_rescale"] else 1)
        self.mean, self.deviation = np.zeros(3, "float32"), np.ones(3, "float32")
        if values["do_normalize"]:
            self.mean, self.deviation = _numbers(values, "image_mean"), _numbers(values, "image_std")
            if not self.deviation.all():
                raise ValueError(f"image_std must not be 0, got {values['image_std']!r}.")

        self.reduces_labels = bool(values.get("do_reduce_labels") or values.get("reduce_labels"))

    def _resize_as_convnext(self, crop_pct: Any) -> None:
        edge = (self.size or {}).get("shortest_edge")
        if edge is None:
            raise ValueError(f"A ConvNextImageProcessor needs a size of one number, got {self.size}.")
        if not isinstance(crop_pct, float | int) or not 0.01 <= crop_pct <= 1:
            raise ValueError(f"crop_pct must be a number in (0, 1], got {crop_pct!r}.")
        if edge < 384:
            self.size = {"shortest_edge": int(edge / crop_pct)}
            self.crops.append((edge, edge))
        else:
            self.size = {"height": edge, "width": edge}

    def resized(self, height: int, width: int) -> tuple[int, int]:
        """The (height, width) to which an image of this size is resized."""
        if self.size is None:
            return height, width
        if "height" in self.size:
            return self.size["height"], self.size["width"]
        short, long = min(height, width), max(height, width)
        edges = self.size["shortest_edge"], int(self.size["shortest_edge"] * long / short)
        return edges if height <= width else (edges[1], edges[0])

    @property
    def output_size(self) -> tuple[int | None, int | None]:
        """The (height, width) of what comes out; None where that depends on the image."""
        if self.crops:
            return self.crops[-1]
        return (self.size["height"], self.size["width"]) if self.size and "height" in self.size else (None, None)

    # -- raw inputs ------------------------------------------------------------------------------------------------
    def takes(self, x: Any) -> bool:
        several = x if isinstance(x, list | tuple) and x else [x]
        return all(map(is_image, several)) or (isinstance(x, np.ndarray) and x.dtype.kind in "OSU" and x.ndim == 1)

    def takes_batches_of(self, spec: Any) -> bool:
        """Whether batches are images of uint8 (B, H, W, 3), or paths of files."""
        dtype, shape = np.dtype(getattr(spec.dtype, "as_numpy_dtype", spec.dtype)), spec.shape
        return (dtype == np.uint8 and len(shape) == 4) or (dtype.kind in "OSU" and len(shape) == 1)

    def __call__(self, x: Any) -> dict[str, np.ndarray]:
        arrays = [self.prepared(image) for image in several_images(x)]
        shapes = sorted({array.shape[:2] for array in arrays})
        if len(shapes) > 1:
            raise ValueError(
                f"The images end up of several sizes, {shapes[:3]}, and cannot be one batch: nothing crops them. Give them one "
                "by one, or resize them to one size first."
            )
        return {"pixel_values": np.stack(arrays)}

    def prepared(self, image: Any) -> np.ndarray:
        """The pixels of one image, float32 (H, W, 3)."""
        image = to_rgb(image)
        size = self.resized(image.height, image.width)
        _check_pixels(*size, "is to become")
        if self.size is not None:
            image = image.resize(size[::-1], resample=self.resample)
        pixels = np.asarray(image)
        for crop in self.crops:
            pixels = center_crop(pixels, *crop, self.first_kept)
        return (pixels.astype("float32") * self.factor - self.mean) / self.deviation

    def masks(self, masks: Any) -> np.ndarray:
        """The classes of pixels at the places where prepared images have them: int32 (B, H, W).

        They are resized and cropped as images are, but each pixel takes the class of the nearest. Where the checkpoint counts
        classes from 1 (`do_reduce_labels`), classes are c - 1, and 0 becomes 255, which does not count.

        Args:
            masks: one, or a list or batch of them: whole numbers from 0 to 255, (H, W) each, or Pillow's, or paths.

        Raises:
            ValueError: for other numbers and shapes, and for masks that end up of several sizes.

        >>> import numpy as np
        >>> from hornbook_hub.images import ImagePreprocessor
        >>> prepare = ImagePreprocessor("SegformerImageProcessor", size=2, do_reduce_labels=True)
        >>> prepare.masks(np.array([[0, 0, 1, 1], [0, 0, 1, 1], [2, 2, 2, 2], [2, 2, 2, 2]])).tolist()
        [[[255, 0], [1, 1]]]
        """
        single = hasattr(masks, "getbands") or isinstance(masks, str | bytes | os.PathLike) or np.ndim(masks[0]) == 1
        several: Any = [masks] if single else masks
        arrays = [self._prepared_mask(mask) for mask in several]
        shapes = sorted({array.shape for array in arrays})
        if len(shapes) > 1:
            raise ValueError(f"The masks end up of several sizes, {shapes[:3]}, and cannot be one batch.")
        return np.stack(arrays)

    def _prepared_mask(self, mask: Any) -> np.ndarray:
        from PIL import Image

        mask = opened(mask) if isinstance(mask, str | bytes | os.PathLike) else mask
        array = np.asarray(mask)
        if array.ndim != 2 or array.dtype.kind not in "iu" or not array.size or array.min() < 0 or array.max() > 255:
            raise ValueError(
                f"A mask is (height, width) of whole numbers from 0 to 255, the class of each pixel; got {array.dtype} of "
                f"shape {array.shape}."
            )
        image = Image.fromarray(array.astype("uint8"))
        if self.size is not None:
            height, width = self.resized(image.height, image.width)
            image = image.resize((width, height), resample=NEAREST)
        array = np.asarray(image)[..., None]
        for crop in self.crops:
            array = center_crop(array, *crop, self.first_kept)
        array = array[..., 0].astype("int32")
        return np.where((array == 0) | (array == 255), 255, array - 1) if self.reduces_labels else array

    @staticmethod
    def first_kept(beyond: Any) -> Any:
        """The first row or column of the middle, where so many are too many."""
        return beyond // 2

    # -- files -----------------------------------------------------------------------------------------------------
    def files(self) -> dict[str, str]:
        return {FILE: json.dumps(self.config, indent=2) + "\n"}

    def as_layer(self) -> Any:
        """The same as a layer of graph operations: uint8 (B, H, W, 3) -> {"pixel_values": float32 (B, h, w, 3)}.

        TensorFlow resizes with the same filters; some pixels are rounded to the next of the 255 steps.

        Raises:
            ValueError: for the filters box and Hamming, which TensorFlow lacks, and nearest, where it takes other pixels if
                two are as near.
        """
        if self.size is not None and self.resample not in GRAPH_FILTERS:
            raise ValueError(
                f"resample={self.resample} (Pillow's nearest, box or Hamming filter) cannot be done in a graph as on the "
                "host; export the model with the arrays as inputs."
            )
        return ImageLayer(self)


GRAPH_FILTERS = {LANCZOS: "lanczos3", BILINEAR: "bilinear", BICUBIC: "bicubic"}


class ImageLayer(layers.Layer):
    """A preprocessor as graph operations: uint8 (B, H, W, 3) -> {"pixel_values": float32 (B, h, w, 3)}.

    Args:
        preprocessor: whose settings it has.
    """

    def __init__(self, preprocessor: ImagePreprocessor, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.preprocessor = preprocessor

    def call(self, images: Any) -> dict[str, Any]:
        wanted, x = self.preprocessor, images
        if wanted.size is not None:
            height, width = ops.shape(x)[1:3]
            rows, columns = self.resized(height, width)
            for size in ((height, columns), (rows, columns)):  # one side after the other, rounded, as Pillow does
                x = ops.image.resize(
                    x, size, GRAPH_FILTERS[wanted.resample], antialias=True, data_format="channels_last"
                )
        for crop in wanted.crops:
            x = self.center_crop(x, *crop)
        pixels = (ops.cast(x, "float32") * wanted.factor - wanted.mean) / wanted.deviation
        return {"pixel_values": pixels}

    def resized(self, height: Any, width: Any) -> tuple[Any, Any]:
        """As the preprocessor's, where the size of the images may be known only when they come."""
        wanted, size = self.preprocessor, self.preprocessor.size or {}
        if "shortest_edge" not in size or (isinstance(height, int) and isinstance(width, int)):
            return wanted.resized(height, width)
        edge, short = size["shortest_edge"], ops.minimum(height, width)
        return edge * height // short, edge * width // short

    def center_crop(self, x: Any, height: int, width: int) -> Any:
        """The middle of images (B, H, W, C), with a black rim where they are smaller."""
        for axis, wanted in ((1, height), (2, width)):
            there = ops.shape(x)[axis]
            before, beyond = ops.maximum((wanted - there + 1) // 2, 0), ops.maximum(wanted - there, 0)
            around = [(0, 0)] * 4
            around[axis] = (before, beyond - before)
            x = ops.pad(x, around)
            start = ops.maximum(self.preprocessor.first_kept(there - wanted), 0)
            x = x[:, start : start + wanted] if axis == 1 else x[:, :, start : start + wanted]
        return x


def image_preprocessor(files: Any, kind: str) -> ImagePreprocessor | None:
    """The preprocessor of a checkpoint's files; None where they hold none.

    Args:
        files: of the checkpoint.
        kind: of the family, where the file does not name one.
    """
    if files.path(FILE) is not None:
        settings = files.json(FILE)
    elif files.path(SEVERAL) is not None and isinstance(part := files.json(SEVERAL).get("image_processor"), dict):
        settings = part
    else:
        return None
    name = settings.get("image_processor_type") or settings.get("feature_extractor_type") or kind
    preprocessor = ImagePreprocessor(
        str(name), **{key: v for key, v in settings.items() if key != "image_processor_type"}
    )
    preprocessor.config = settings if "image_processor_type" in settings else preprocessor.config
    return preprocessor


# ------------------------------------------------------------------------------------------------------------- images
def is_image(x: Any) -> bool:
    """Whether something is an image or a batch of images: Pillow's, a path, or an array of two to four axes.

    >>> import numpy as np
    >>> from hornbook_hub.images import is_image
    >>> is_image("cat.jpg"), is_image(np.zeros((4, 4, 3), "uint8")), is_image({"pixel_values": []})
    (True, True, False)
    """
    if isinstance(x, str | bytes | os.PathLike) or hasattr(x, "getbands"):
        return True
    return hasattr(x, "dtype") and hasattr(x, "shape") and (x.ndim if hasattr(x, "ndim") else len(x.shape)) in (2, 3, 4)


def several_images(x: Any) -> list[Any]:
    """One or several images as a list."""
    if isinstance(x, list | tuple):
        return [image for part in x for image in several_images(part)]
    if isinstance(x, str | bytes | os.PathLike) or hasattr(x, "getbands"):
        return [x]
    array = np.asarray(x)
    return list(array) if array.ndim == 4 or array.dtype.kind in "OSU" else [array]


def to_rgb(image: Any) -> Any:
    """An image as one of Pillow's, in RGB: gray repeated, transparency on white.

    Args:
        image: one of Pillow's, an array of uint8 (H, W), (H, W, 1), (H, W, 3) or (H, W, 4), or a path.

    Raises:
        ValueError: for arrays of other types and shapes, and for files that are no images or are too large.
    """
    from PIL import Image

    if isinstance(image, str | bytes | os.PathLike):
        image = opened(image)
    elif not hasattr(image, "getbands"):
        array = np.asarray(image)
        if array.dtype != np.uint8:
            raise ValueError(
                f"Pixels are expected as uint8, 0 to 255, got {array.dtype}. Multiply numbers from 0 to 1 by 255 and cast "
                "them; arrays that are prepared already are given as {'pixel_values': ...}."
            )
        if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[-1] not in (1, 3, 4)) or not array.size:
            raise ValueError(f"An image is (height, width, 3), got shape {array.shape}.")
        image = Image.fromarray(array[..., 0] if array.shape[-1] == 1 and array.ndim == 3 else array)
    _check_pixels(image.height, image.width, "is")
    if "A" in image.getbands() or "transparency" in image.info:
        on_white = Image.new("RGBA", image.size, "white")
        return Image.alpha_composite(on_white, image.convert("RGBA")).convert("RGB")
    return image if image.mode == "RGB" else image.convert("RGB")


def opened(path: Any) -> Any:
    """An image of a file, turned as its camera was held.

    Raises:
        ValueError: for files that are no images, are cut off, or unpack to more than 64 million pixels.
    """
    from PIL import Image, ImageOps

    path = Path(os.fsdecode(path))
    try:
        with Image.open(path, formats=FORMATS) as image:
            _check_pixels(image.height, image.width, "is", path)
            return ImageOps.exif_transpose(image)
    except FileNotFoundError:
        raise
    except (OSError, SyntaxError, Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise ValueError(f"{path} cannot be read as an image ({', '.join(FORMATS)}): {error}") from None


def center_crop(
    pixels: np.ndarray, height: int, width: int, first_kept: Callable = ImagePreprocessor.first_kept
) -> np.ndarray:
    """The middle of an image (H, W, C), with a black rim where it is smaller.

    Args:
        pixels: the image.
        height: of the middle.
        width: of the middle.
        first_kept: which row or column comes first, where so many are too many.

    >>> import numpy as np
    >>> from hornbook_hub.images import center_crop
    >>> center_crop(np.arange(1, 6)[None, :, None], 1, 3)[0, :, 0].tolist()
    [2, 3, 4]
    >>> center_crop(np.arange(1, 3)[None, :, None], 1, 5)[0, :, 0].tolist()
    [0, 0, 1, 2, 0]
    """
    for axis, wanted in ((0, height), (1, width)):
        there = pixels.shape[axis]
        if there < wanted:
            around = [(0, 0)] * 3
            around[axis] = (-((there - wanted) // 2), (wanted - there) // 2)
            pixels = np.pad(pixels, around)
        else:
            start = first_kept(there - wanted)
            pixels = np.take(pixels, range(start, start + wanted), axis=axis)
    return pixels


# ------------------------------------------------------------------------------------------------------------- values
def sides(size: Any, name: str, square: bool = True) -> dict[str, int]:
    """A size of a config as {"height", "width"} or {"shortest_edge"}.

    Raises:
        ValueError: for anything else, and for sizes larger than any image.

    >>> from hornbook_hub.images import sides
    >>> sides(224, "size"), sides(224, "size", square=False)
    ({'height': 224, 'width': 224}, {'shortest_edge': 224})
    """
    if isinstance(size, int):
        size = {"height": size, "width": size} if square else {"shortest_edge": size}
    if isinstance(size, list | tuple) and len(size) == 2:
        size = dict(zip(("height", "width"), size, strict=True))
    found = {key: value for key, value in size.items() if value is not None} if isinstance(size, dict) else {}
    if set(found) not in ({"height", "width"}, {"shortest_edge"}):
        raise ValueError(
            f"{name} must be a number, [height, width], {{'height', 'width'}} or {{'shortest_edge'}}, got {size!r}."
        )
    for key, value in found.items():
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise ValueError(f"{name} has {key}={value!r}; sizes are whole numbers from 1.")
    _check_pixels(found.get("height", found.get("shortest_edge", 0)), found.get("width", 1), f"is to be ({name})")
    return found


def _one_of(value: Any, known: Any, name: str) -> Any:
    if isinstance(value, bool) or value not in known:
        raise ValueError(f"{name} must be one of {list(known)}, got {value!r}.")
    return value


def _numbers(values: dict[str, Any], key: str) -> np.ndarray:
    """A number, or one for each channel."""
    given = values[key]
    several = given if isinstance(given, list | tuple) else [given]
    if len(several) not in (1, 3) or not all(isinstance(n, float | int) and not isinstance(n, bool) for n in several):
        raise ValueError(f"{key} must be a number, or three of them, got {given!r}.")
    return np.array(several, "float32")


def _check_pixels(height: int, width: int, what: str, source: Any = "An image") -> None:
    if height * width > MAX_PIXELS:
        raise ValueError(
            f"{source} {what} {height:,} x {width:,} pixels; more than {MAX_PIXELS:,} are refused, since a small file can "
            "unpack to more than the memory holds. Make it smaller first."
        )
