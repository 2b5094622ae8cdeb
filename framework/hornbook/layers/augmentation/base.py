"""What all layers on images share: one image or a batch, labels, boxes and masks that come along, ranges to draw from."""

from collections.abc import Callable, Sequence
from typing import Any

from hornbook import backend, ops, random
from hornbook.backend.config import is_float_dtype, standardize_data_format
from hornbook.core.keras_tensor import KerasTensor
from hornbook.core.operation import infer
from hornbook.layers.preprocessing import DataLayer
from hornbook.ops import bounding_boxes
from hornbook.ops.image import as_batch

__all__ = ["BaseImagePreprocessingLayer", "RandomImageLayer", "factor_range", "per_image", "sorted_pair"]

Transformation = dict[str, Any]


class BaseImagePreprocessingLayer(DataLayer):
    """Base of the layers that change images, and what belongs to them in the same way.

    A layer of this kind first settles what to do with each image of a batch (`get_random_transformation`), then does it
    to the images, and to labels, boxes and masks where there are any. Inside, images are always floats of shape
    (batch, height, width, channels) and boxes always (left, top, right, bottom) in pixels; a subclass sees nothing else.

    Args:
        bounding_box_format: the format of the boxes; needed only where there are boxes.
        data_format: where the channels are.

    Call:
        data: images (batch, height, width, channels), one image (height, width, channels), or a dictionary with
            "images" and any of "labels"; "bounding_boxes", itself {"boxes": (..., boxes, 4), "labels": (..., boxes)};
            "segmentation_masks" (..., height, width, channels). What else it holds is passed on.
        training: without it the layers that draw at random leave everything as it is.

    Returns:
        What was given, changed; images and masks in the compute dtype.

    Raises:
        ValueError: for boxes without a `bounding_box_format`, a dictionary without images, and images of another rank.
    """

    always = False  # whether it works without training too
    keeps_integers = False  # whether images of integers come out as such

    def __init__(self, bounding_box_format: str | None = None, data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._convert_input_args = False  # labels keep their dtype
        self._allow_non_tensor_positional_args = True
        self.bounding_box_format = bounding_box_format
        self.data_format = standardize_data_format(data_format)

    # ------------------------------------------------------------------------------------- what a subclass says
    def get_random_transformation(self, images: Any) -> Transformation:
        """What to do with each image, numbers of shape (batch, ...); `size` is there already."""
        return {}

    def transform_images(self, images: Any, transformation: Transformation) -> Any:
        """The images after it."""
        return images

    def transform_segmentation_masks(self, masks: Any, transformation: Transformation) -> Any:
        """The masks after it."""
        return masks

    def transform_labels(self, labels: Any, transformation: Transformation) -> Any:
        """The labels after it."""
        return labels

    def transform_bounding_boxes(self, boxes: dict, transformation: Transformation) -> dict:
        """The boxes after it, as (left, top, right, bottom) in pixels, and their labels."""
        return boxes

    def output_size(self, height: Any, width: Any) -> tuple:
        """The (height, width) of images after it."""
        return height, width

    # ---------------------------------------------------------------------------------------------- the frame
    @property
    def _float_dtype(self) -> str:
        return "float64" if self.compute_dtype == "float64" else "float32"

    def _output_dtype(self, given: Any) -> str:
        dtype = backend.standardize_dtype(given.dtype)
        return dtype if self.keeps_integers and not is_float_dtype(dtype) else self.compute_dtype

    def _to_output(self, x: Any, given: Any) -> Any:
        dtype = self._output_dtype(given)
        if is_float_dtype(dtype):
            return ops.cast(x, dtype)
        return ops.saturate_cast(ops.round(x) if is_float_dtype(ops.dtype(x)) else x, dtype)

    def call(self, data: Any, training: bool = True) -> Any:
        if not isinstance(data, dict):
            return self._transformed({"images": data}, training)["images"]
        if "images" not in data:
            raise ValueError(f"A dictionary of data needs the key 'images', got the keys {sorted(data)}.")
        return self._transformed(data, training)

    def _transformed(self, data: dict, training: bool) -> dict:
        given = backend.convert_to_tensor(data["images"])
        if not (training or self.always):
            return {**data, "images": self._to_output(given, given)}
        single = len(given.shape) == 3
        images, restore = as_batch(ops.cast(given, self._float_dtype), self.data_format)
        size = backend.shape(images)[1:3]
        transformation = {"size": size, **self.get_random_transformation(images)}
        result = {**data, "images": self._changed(given, images, restore, transformation, self.transform_images)}
        if "segmentation_masks" in data:
            given_masks = backend.convert_to_tensor(data["segmentation_masks"])
            if len(given_masks.shape) != len(given.shape):
                raise ValueError(
                    f"segmentation_masks must have as many axes as the images: {tuple(given.shape)}, got "
                    f"{tuple(given_masks.shape)}. One class number for each pixel goes into a last axis of size 1."
                )
            masks, _ = as_batch(ops.cast(given_masks, self._float_dtype), self.data_format)
            change = self.transform_segmentation_masks
            result["segmentation_masks"] = self._changed(given_masks, masks, restore, transformation, change)
        if "labels" in data:
            labels = backend.convert_to_tensor(data["labels"])
            labels = self.transform_labels(labels[None] if single else labels, transformation)
            result["labels"] = labels[0] if single else labels
        if "bounding_boxes" in data:
            result["bounding_boxes"] = self._with_boxes(data["bounding_boxes"], transformation, single)
        return result

    def _changed(
        self, given: Any, batch: Any, restore: Callable, transformation: Transformation, change: Callable
    ) -> Any:
        """The images or masks `given`, of which `batch` holds the numbers, after `change`."""
        return self._to_output(restore(change(batch, transformation)), given)

    def _with_boxes(self, given: dict, transformation: Transformation, single: bool) -> dict:
        form = self.bounding_box_format
        if form is None:
            raise ValueError(
                f"The data has bounding boxes, but {type(self).__name__} does not know their format: pass "
                "bounding_box_format='xyxy', or another one, when you make the layer."
            )
        if not isinstance(given, dict) or "boxes" not in given:
            raise ValueError("bounding_boxes must be a dictionary with the keys 'boxes' and 'labels'.")
        boxes = {key: backend.convert_to_tensor(value) for key, value in given.items()}
        boxes = {key: value[None] if single else value for key, value in boxes.items()}
        height, width = transformation["size"]
        boxes["boxes"] = bounding_boxes.convert_format(boxes["boxes"], form, "xyxy", height, width)
        boxes = dict(self.transform_bounding_boxes(boxes, transformation))
        height, width = self.output_size(height, width)
        boxes["boxes"] = bounding_boxes.convert_format(boxes["boxes"], "xyxy", form, height, width)
        return {key: value[0] if single else value for key, value in boxes.items()}

    def clipped(self, boxes: dict, corners: Any, transformation: Transformation) -> dict:
        """Boxes with new corners, cut off at the edges of the output."""
        height, width = self.output_size(*transformation["size"])
        return bounding_boxes.clip_to_image_size({**boxes, "boxes": corners}, height, width)

    # ------------------------------------------------------------------------------------------ one image alone
    def transform_single_image(self, image: Any, transformation: Transformation, training: bool = True) -> Any:
        """`transform_images` for one image (height, width, channels)."""
        return self.transform_images(image[None], transformation)[0]

    def transform_single_segmentation_mask(
        self, mask: Any, transformation: Transformation, training: bool = True
    ) -> Any:
        """`transform_segmentation_masks` for one mask (height, width, channels)."""
        return self.transform_segmentation_masks(mask[None], transformation)[0]

    def transform_single_label(self, label: Any, transformation: Transformation, training: bool = True) -> Any:
        """`transform_labels` for the label of one image."""
        return self.transform_labels(label[None], transformation)[0]

    def transform_single_bounding_box(self, boxes: dict, transformation: Transformation, training: bool = True) -> dict:
        """`transform_bounding_boxes` for the boxes (boxes, 4) of one image and their labels."""
        batch = self.transform_bounding_boxes({key: value[None] for key, value in boxes.items()}, transformation)
        return {key: value[0] for key, value in batch.items()}

    # ------------------------------------------------------------------------------------------ shapes, configs
    def compute_output_shape(self, input_shape: Sequence) -> tuple:
        shape = list(input_shape)
        axis = len(shape) - (2 if self.data_format == "channels_first" else 3)
        shape[axis : axis + 2] = self.output_size(*shape[axis : axis + 2])
        return tuple(shape)

    def compute_output_spec(self, data: Any, training: bool = True) -> Any:
        if isinstance(data, dict):
            return infer(self.call, (data,), {"training": training})
        return KerasTensor(self.compute_output_shape(data.shape), self._output_dtype(data))

    def get_config(self) -> dict[str, Any]:
        config = {**super().get_config(), "data_format": self.data_format}
        if self.bounding_box_format is None:
            config.pop("bounding_box_format", None)
        return config


class RandomImageLayer(BaseImagePreprocessingLayer):
    """Base of the layers that draw: the generator is their own, and its state is saved with them."""

    def __init__(self, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.seed = seed
        self.generator = random.SeedGenerator(seed)

    def uniform(self, shape: Sequence, low: Any = 0.0, high: Any = 1.0) -> Any:
        """Uniform numbers in [low, high)."""
        return random.uniform(tuple(shape), low, high, dtype=self._float_dtype, seed=self.generator)

    def integers(self, shape: Sequence, low: int, high: int) -> Any:
        """Uniform integers in [low, high)."""
        return random.randint(tuple(shape), low, high, dtype="int64", seed=self.generator)

    def chosen(self, images: Any, factor: tuple) -> Any:
        """Which images of a batch (batch,) a layer works on: each with a probability drawn from `factor`."""
        count = ops.shape(images)[0]
        probability = self.uniform((count,), *factor)
        return self.uniform((count,)) < probability


def per_image(x: Any) -> Any:
    """(batch,) -> (batch, 1, 1, 1), to meet images."""
    return ops.reshape(x, (-1, 1, 1, 1))


# ------------------------------------------------------------------------------------------------------------ arguments
def _number(x: Any) -> bool:
    return isinstance(x, int | float) and not isinstance(x, bool)


def sorted_pair(value: Any, name: str) -> tuple:
    """Two numbers, the smaller first.

    Raises:
        ValueError: for anything else.
    """
    if not isinstance(value, list | tuple) or len(value) != 2 or not all(map(_number, value)):
        raise ValueError(f"`{name}` must be two numbers, got {name}={value!r}.")
    return tuple(sorted(value))


def factor_range(
    value: Any,
    name: str = "factor",
    least: float = 0,
    most: float = 1,
    both_ways: bool | None = None,
    whole_range: bool = True,
) -> tuple:
    """The range (low, high) from which a layer draws.

    Args:
        value: the range itself, or one number f: (-f, f) where it goes both ways, else (least, f).
        name: of the argument, for messages.
        least, most: what a number may be.
        both_ways: whether a number counts in both directions; where `least` is negative if None.
        whole_range: whether the ends of a given range must lie between `least` and `most` too.

    Raises:
        ValueError: for a number outside, and for what is neither a number nor a pair.
    """
    both_ways = least < 0 if both_ways is None else both_ways
    if _number(value) and least <= value <= most:
        return (-abs(value), abs(value)) if both_ways else (least, value)
    if isinstance(value, list | tuple) and len(value) == 2 and all(map(_number, value)):
        if not whole_range or all(least <= end <= most for end in value):
            return tuple(sorted(value))
    raise ValueError(
        f"`{name}` must be a number from {least} to {most}, or two of them that make a range, got {name}={value!r}."
    )
