"""Images brought to one size: Resizing, CenterCrop."""

from typing import Any

from hornbook import ops
from hornbook.core.arguments import one_of, positive_integer
from hornbook.layers.augmentation.base import BaseImagePreprocessingLayer, Transformation
from hornbook.layers.augmentation.geometry import FixedSizeLayer, cropped_and_resized
from hornbook.ops.image import RESIZE_METHODS

__all__ = ["CenterCrop", "Resizing"]


class Resizing(BaseImagePreprocessingLayer):
    """Images at one size, as `ops.image.resize` makes them; masks and boxes follow.

    Args:
        height, width: the size.
        interpolation: "bilinear", "nearest", "bicubic", "lanczos3", "lanczos5" or "area"; masks take the nearest pixel.
        crop_to_aspect_ratio: cut the longer side first, so that nothing is distorted.
        pad_to_aspect_ratio: fill up the shorter side first, so that nothing is distorted.
        fill_mode, fill_value: "constant", and the constant that is filled with.
        antialias: smooth before making smaller.
        data_format: where the channels are.

    Call:
        data: images of any dtype, or a dictionary with them; integers stay integers.

    Raises:
        ValueError: for a size that is no positive integer, another interpolation or fill mode, and both ways of keeping
            the ratio of the sides.

    >>> import numpy as np
    >>> from hornbook import layers
    >>> layers.Resizing(4, 6)(np.ones((2, 8, 8, 3))).shape
    TensorShape([2, 4, 6, 3])
    """

    always = True
    keeps_integers = True

    def __init__(
        self,
        height: int,
        width: int,
        interpolation: str = "bilinear",
        crop_to_aspect_ratio: bool = False,
        pad_to_aspect_ratio: bool = False,
        fill_mode: str = "constant",
        fill_value: float = 0.0,
        antialias: bool = False,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(data_format=data_format, **kwargs)
        self.height, self.width = positive_integer(height, "height"), positive_integer(width, "width")
        self.interpolation = one_of(interpolation, RESIZE_METHODS, "interpolation")
        if crop_to_aspect_ratio and pad_to_aspect_ratio:
            raise ValueError("Only one of crop_to_aspect_ratio and pad_to_aspect_ratio can be True.")
        self.crop_to_aspect_ratio, self.pad_to_aspect_ratio = crop_to_aspect_ratio, pad_to_aspect_ratio
        self.fill_mode, self.fill_value = one_of(fill_mode, ("constant",), "fill_mode"), fill_value
        self.antialias = antialias

    def output_size(self, height: Any, width: Any) -> tuple:
        return self.height, self.width

    def _resized(self, images: Any, interpolation: str, fill_value: float) -> Any:
        return ops.image.resize(
            images,
            (self.height, self.width),
            interpolation,
            self.antialias,
            self.crop_to_aspect_ratio,
            self.pad_to_aspect_ratio,
            self.fill_mode,
            fill_value,
            "channels_last",
        )

    def transform_images(self, images: Any, transformation: Transformation) -> Any:
        return self._resized(images, self.interpolation, self.fill_value)

    def transform_segmentation_masks(self, masks: Any, transformation: Transformation) -> Any:
        return self._resized(masks, "nearest", self.fill_value)

    def transform_bounding_boxes(self, boxes: dict, transformation: Transformation) -> dict:
        height, width = transformation["size"]
        corners = boxes["boxes"]
        if self.crop_to_aspect_ratio:
            moved = cropped_and_resized(corners, height, width, self.height, self.width)
            return self.clipped(boxes, moved, transformation)
        shift = [0, 0]
        if self.pad_to_aspect_ratio:
            rows = ops.maximum(height, width * self.height // self.width)
            columns = ops.maximum(width, height * self.width // self.height)
            shift = [(columns - width) // 2, (rows - height) // 2]
            height, width = height + 2 * shift[1], width + 2 * shift[0]
        zoom = ops.cast(ops.stack([self.width / width, self.height / height] * 2), "float32")
        return {**boxes, "boxes": (corners + ops.cast(ops.stack(shift * 2), "float32")) * zoom}


class CenterCrop(FixedSizeLayer):
    """The middle of images; without training too.

    An image that is too small is resized, and cut around its middle, so that it is not distorted.

    Args:
        height, width: the size.
        data_format: where the channels are.

    Raises:
        ValueError: for a size that is no positive integer.

    >>> import numpy as np
    >>> from hornbook import layers
    >>> print(layers.CenterCrop(1, 2)(np.arange(12.0).reshape(3, 4, 1)).numpy().ravel())
    [5. 6.]
    """

    always = True

    def __init__(self, height: int, width: int, data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(data_format=data_format, **kwargs)
        self.height, self.width = positive_integer(height, "height"), positive_integer(width, "width")

    def get_random_transformation(self, images: Any) -> Transformation:
        _, height, width = ops.shape(images)[:3]
        return {"top": (height - self.height) // 2, "left": (width - self.width) // 2}
