"""Images turned, moved, stretched, cut and bent; masks and boxes follow.

Most of these are one idea: the pixel (x, y) of the output is read at the place (x', y') of the input that eight numbers
[a0, a1, a2, b0, b1, b2, c0, c1] give, as in `ops.image.affine_transform`. A layer only says which numbers.

Written as matrices, places read by one layer and then by the next are one product, so layers that follow each other read
each pixel once, of the image that the first of them was given:

    (x', y', 1) ~ A_1 A_2 ... A_n (x, y, 1)

which is sharper than to mix pixels again and again, and takes the time of one.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from hornbook import ops
from hornbook.core.arguments import one_of
from hornbook.layers.augmentation.base import (
    BaseImagePreprocessingLayer,
    RandomImageLayer,
    Transformation,
    factor_range,
    per_image,
    sorted_pair,
)
from hornbook.ops import bounding_boxes
from hornbook.ops.image import FILL_MODES, homography
from hornbook.random.seed_generator import make_default_seed

__all__ = [
    "RandomCrop",
    "RandomElasticTransform",
    "RandomFlip",
    "RandomPerspective",
    "RandomRotation",
    "RandomShear",
    "RandomTranslation",
    "RandomZoom",
]


@dataclass
class Reading:
    """Where the pixels of an image come from; what a layer that reads them elsewhere notes on its result."""

    images: Any  # (batch, height, width, channels)
    matrix: Any  # (batch, 3, 3)
    how: tuple | None  # interpolation, fill mode, fill value; None for one that mixes no pixels and leaves none out


class ReadingLayer(RandomImageLayer):
    """Base of the layers after which each pixel is one that was elsewhere before."""

    def _matrix(self, transformation: Transformation) -> Any:
        """The numbers that say where, (batch, 8)."""
        raise NotImplementedError

    def _how(self, change: Callable) -> tuple | None:
        """How pixels are read by `change`, in the manner of `Reading`."""
        return None

    def _changed(
        self, given: Any, batch: Any, restore: Callable, transformation: Transformation, change: Callable
    ) -> Any:
        matrix, how = square(self._matrix(transformation)), self._how(change)
        source, before = batch, getattr(given, "_keras_reading", None)
        if before is not None and (how is None or before.how in (None, how)):
            source, matrix = before.images, ops.matmul(before.matrix, matrix)
            if how is not None:
                batch, transformation = source, {**transformation, "matrix": flat(matrix)}
            how = how or before.how
        result = super()._changed(given, batch, restore, transformation, change)
        result._keras_reading = Reading(source, matrix, how)
        return result


def square(matrix: Any) -> Any:
    """Transforms (batch, 8) as matrices (batch, 3, 3)."""
    return ops.reshape(ops.concatenate([matrix, ops.ones_like(matrix[:, :1])], axis=-1), (-1, 3, 3))


def flat(matrix: Any) -> Any:
    """Matrices (batch, 3, 3) as transforms (batch, 8)."""
    return ops.reshape(matrix / matrix[:, 2:, 2:], (-1, 9))[:, :8]


class RandomFlip(ReadingLayer):
    """Each image mirrored with probability 1/2.

    Args:
        mode: "horizontal" exchanges left and right, "vertical" top and bottom, "horizontal_and_vertical" both at once.
        seed: makes the draws repeatable.
        data_format: where the channels are.

    Raises:
        ValueError: for another mode.

    >>> import numpy as np
    >>> from hornbook import layers
    >>> image = np.arange(4.0).reshape(2, 2, 1)
    >>> print(layers.RandomFlip("horizontal", seed=0)(image).numpy()[..., 0])
    [[1. 0.]
     [3. 2.]]
    """

    def __init__(
        self,
        mode: str = "horizontal_and_vertical",
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(seed=seed, data_format=data_format, **kwargs)
        self.mode = one_of(mode, ("horizontal", "vertical", "horizontal_and_vertical"), "mode")

    def get_random_transformation(self, images: Any) -> Transformation:
        return {"flip": self.uniform((ops.shape(images)[0], 1, 1, 1)) <= 0.5}

    def transform_images(self, images: Any, transformation: Transformation) -> Any:
        axes = {"horizontal": (2,), "vertical": (1,), "horizontal_and_vertical": (1, 2)}[self.mode]
        return ops.where(transformation["flip"], ops.flip(images, axis=axes), images)

    def _matrix(self, transformation: Transformation) -> Any:
        flip = ops.cast(ops.reshape(transformation["flip"], (-1,)), self._float_dtype)
        x, y = middle(transformation["size"], self._float_dtype)
        right, down = (flip if kind in self.mode else 0.0 * flip for kind in ("horizontal", "vertical"))
        return matrix_of([1.0 - 2.0 * right, 0.0, 2.0 * x * right, 0.0, 1.0 - 2.0 * down, 2.0 * y * down])

    def transform_segmentation_masks(self, masks: Any, transformation: Transformation) -> Any:
        return self.transform_images(masks, transformation)

    def transform_bounding_boxes(self, boxes: dict, transformation: Transformation) -> dict:
        height, width = (ops.cast(n, "float32") for n in transformation["size"])
        left, top, right, bottom = (boxes["boxes"][..., i] for i in range(4))
        if "horizontal" in self.mode:
            left, right = width - right, width - left
        if "vertical" in self.mode:
            top, bottom = height - bottom, height - top
        flipped = ops.stack([left, top, right, bottom], axis=-1)
        flip = ops.reshape(transformation["flip"], (-1, 1, 1))
        return self.clipped(boxes, ops.where(flip, flipped, boxes["boxes"]), transformation)


class ProjectiveLayer(ReadingLayer):
    """Base of the layers that read each pixel elsewhere: they say where by "matrix" (batch, 8) in their transformation."""

    interpolation: str
    fill_mode: str
    fill_value: float

    def _set_reading(self, interpolation: str, fill_mode: str, fill_value: float) -> None:
        self.interpolation = one_of(interpolation, ("nearest", "bilinear"), "interpolation")
        self.fill_mode = one_of(fill_mode, FILL_MODES, "fill_mode")
        self.fill_value = fill_value

    def _matrix(self, transformation: Transformation) -> Any:
        return transformation["matrix"]

    def _how(self, change: Callable) -> tuple | None:
        of_masks = change == self.transform_segmentation_masks
        return "nearest" if of_masks else self.interpolation, self.fill_mode, self.fill_value

    def _read(self, images: Any, transformation: Transformation, interpolation: str) -> Any:
        return ops.image.affine_transform(
            images, transformation["matrix"], interpolation, self.fill_mode, self.fill_value, "channels_last"
        )

    def transform_images(self, images: Any, transformation: Transformation) -> Any:
        return self._read(images, transformation, self.interpolation)

    def transform_segmentation_masks(self, masks: Any, transformation: Transformation) -> Any:
        return self._read(masks, transformation, "nearest")

    def transform_bounding_boxes(self, boxes: dict, transformation: Transformation) -> dict:
        """The smallest upright boxes around the corners, which go the other way than the reading."""
        onward = ops.inv(square(ops.cast(transformation["matrix"], "float32")))
        left, top, right, bottom = (boxes["boxes"][..., i] for i in range(4))
        x, y = ops.stack([left, right, right, left], axis=-1), ops.stack([top, top, bottom, bottom], axis=-1)
        places = ops.stack([x, y, ops.ones_like(x)], axis=-1)  # (batch, boxes, 4 corners, 3)
        moved = ops.einsum("nij,nbcj->nbci", onward, places)
        x, y = moved[..., 0] / moved[..., 2], moved[..., 1] / moved[..., 2]
        edges = [ops.min(x, -1), ops.min(y, -1), ops.max(x, -1), ops.max(y, -1)]
        return self.clipped(boxes, ops.stack(edges, axis=-1), transformation)


def matrix_of(rows: Sequence) -> Any:
    """Six numbers or tensors (batch,) as transforms (batch, 8)."""
    tensors = [x for x in rows if not isinstance(x, int | float)]
    zero = ops.zeros_like(tensors[0])
    return ops.stack([x + zero for x in (*rows, 0.0, 0.0)], axis=-1)


def middle(transformation_size: Sequence, dtype: str) -> tuple:
    """(x, y) of the middle of an image of (height, width)."""
    height, width = (ops.cast(n, dtype) for n in transformation_size)
    return (width - 1.0) / 2.0, (height - 1.0) / 2.0


class RandomRotation(ProjectiveLayer):
    """Each image turned around its middle by an angle of its own.

    x' = x cos(angle) - y sin(angle),    y' = x sin(angle) + y cos(angle),    angle ~ U(factor) turns

    Args:
        factor: the range of the angle in whole turns, anticlockwise: 0.1 is (-0.1, 0.1), up to 36 degrees each way.
        fill_mode: what lies outside: "reflect", "wrap", "constant" or "nearest".
        interpolation: "bilinear" or "nearest".
        seed: makes the draws repeatable.
        fill_value: the constant.
        data_format: where the channels are.

    Raises:
        ValueError: for a factor beyond -1 ... 1, another fill mode or interpolation.

    >>> import numpy as np
    >>> from hornbook import layers
    >>> image = np.arange(9.0).reshape(3, 3, 1)
    >>> print(layers.RandomRotation((0.25, 0.25))(image).numpy()[..., 0].round(3))  # a quarter turn
    [[2. 5. 8.]
     [1. 4. 7.]
     [0. 3. 6.]]
    """

    def __init__(
        self,
        factor: Any,
        fill_mode: str = "reflect",
        interpolation: str = "bilinear",
        seed: int | None = None,
        fill_value: float = 0.0,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(seed=seed, data_format=data_format, **kwargs)
        self.factor = factor_range(factor, least=-1, whole_range=False)
        self._set_reading(interpolation, fill_mode, fill_value)

    def get_random_transformation(self, images: Any) -> Transformation:
        count, *size = ops.shape(images)[:3]
        angle = 2.0 * math.pi * self.uniform((count,), *self.factor)
        cos, sin = ops.cos(angle), ops.sin(angle)
        x, y = middle(size, self._float_dtype)
        return {"matrix": matrix_of([cos, -sin, x - (cos * x - sin * y), sin, cos, y - (sin * x + cos * y)])}


class RandomZoom(ProjectiveLayer):
    """Each image seen from nearer or farther, around its middle.

    x' = zoom (x - middle) + middle,    zoom ~ 1 + U(factor)

    Args:
        height_factor: the range of the change of the height that is seen: -0.2 shows 20% less, enlarged.
        width_factor: likewise for the width; the same as the height's if None, so that nothing is distorted.
        fill_mode: what lies outside: "reflect", "wrap", "constant" or "nearest".
        interpolation: "bilinear" or "nearest".
        seed: makes the draws repeatable.
        fill_value: the constant.
        data_format: where the channels are.

    Raises:
        ValueError: for a factor beyond -1 ... 1, another fill mode or interpolation.

    >>> import numpy as np
    >>> from hornbook import layers
    >>> image = np.arange(3.0).reshape(1, 3, 1)
    >>> print(layers.RandomZoom((-0.5, -0.5))(image).numpy().ravel())  # twice as near
    [0.5 1.  1.5]
    """

    def __init__(
        self,
        height_factor: Any,
        width_factor: Any = None,
        fill_mode: str = "reflect",
        interpolation: str = "bilinear",
        seed: int | None = None,
        fill_value: float = 0.0,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(seed=seed, data_format=data_format, **kwargs)
        self.height_factor, self.width_factor = height_factor, width_factor
        self._height_range = factor_range(height_factor, "height_factor", least=-1)
        self._width_range = None if width_factor is None else factor_range(width_factor, "width_factor", least=-1)
        self._set_reading(interpolation, fill_mode, fill_value)

    def get_random_transformation(self, images: Any) -> Transformation:
        count, *size = ops.shape(images)[:3]
        tall = wide = 1.0 + self.uniform((count,), *self._height_range)
        if self._width_range is not None:
            wide = 1.0 + self.uniform((count,), *self._width_range)
        x, y = middle(size, self._float_dtype)
        return {"matrix": matrix_of([wide, 0.0, (1.0 - wide) * x, 0.0, tall, (1.0 - tall) * y])}


class RandomTranslation(ProjectiveLayer):
    """Each image moved up or down, left or right.

    Args:
        height_factor: the range of the move downwards, as a part of the height.
        width_factor: the range of the move to the right, as a part of the width.
        fill_mode: what lies outside: "reflect", "wrap", "constant" or "nearest".
        interpolation: "bilinear" or "nearest".
        seed: makes the draws repeatable.
        fill_value: the constant.
        data_format: where the channels are.

    Raises:
        ValueError: for a factor beyond -1 ... 1, another fill mode or interpolation.

    >>> import numpy as np
    >>> from hornbook import layers
    >>> image = np.arange(4.0).reshape(1, 4, 1)
    >>> print(layers.RandomTranslation(0.0, (0.25, 0.25), "wrap")(image).numpy().ravel())
    [3. 0. 1. 2.]
    """

    def __init__(
        self,
        height_factor: Any,
        width_factor: Any,
        fill_mode: str = "reflect",
        interpolation: str = "bilinear",
        seed: int | None = None,
        fill_value: float = 0.0,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(seed=seed, data_format=data_format, **kwargs)
        self.height_factor, self.width_factor = height_factor, width_factor
        self._height_range = factor_range(height_factor, "height_factor", least=-1)
        self._width_range = factor_range(width_factor, "width_factor", least=-1)
        self._set_reading(interpolation, fill_mode, fill_value)

    def get_random_transformation(self, images: Any) -> Transformation:
        count, height, width = ops.shape(images)[:3]
        down = self.uniform((count,), *self._height_range) * ops.cast(height, self._float_dtype)
        right = self.uniform((count,), *self._width_range) * ops.cast(width, self._float_dtype)
        return {"matrix": matrix_of([1.0, 0.0, -right, 0.0, 1.0, -down])}


class RandomShear(ProjectiveLayer):
    """Each image slanted: rows slide over each other, or columns.

    x' = x + s y,    y' = y + t x,    with s ~ U(x_factor), t ~ U(y_factor), both of one random sign

    Args:
        x_factor: the range of s, 0 to 1; a number f means (-f, f).
        y_factor: the range of t.
        interpolation: "bilinear" or "nearest".
        fill_mode: what lies outside: "reflect", "wrap", "constant" or "nearest".
        fill_value: the constant.
        data_format: where the channels are.
        seed: makes the draws repeatable.

    Raises:
        ValueError: for a factor beyond 0 ... 1, another fill mode or interpolation.

    >>> import numpy as np
    >>> from hornbook import layers
    >>> layers.RandomShear(0.2, 0.1)(np.ones((2, 4, 4, 3))).shape
    TensorShape([2, 4, 4, 3])
    """

    def __init__(
        self,
        x_factor: Any = 0.0,
        y_factor: Any = 0.0,
        interpolation: str = "bilinear",
        fill_mode: str = "reflect",
        fill_value: float = 0.0,
        data_format: str | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(seed=seed, data_format=data_format, **kwargs)
        self.x_factor = self._slant(x_factor, "x_factor")
        self.y_factor = self._slant(y_factor, "y_factor")
        self._set_reading(interpolation, fill_mode, fill_value)

    @staticmethod
    def _slant(value: Any, name: str) -> tuple:
        mirrored = isinstance(value, list | tuple) and len(value) == 2 and value[0] == -value[1]  # from a config
        return factor_range(value[1] if mirrored else value, name, both_ways=True)

    def get_random_transformation(self, images: Any) -> Transformation:
        count = ops.shape(images)[0]
        sign = ops.where(self.uniform((count,)) < 0.5, 1.0, -1.0)
        down = sign * self.uniform((count,), *self.y_factor)
        right = sign * self.uniform((count,), *self.x_factor)
        return {"matrix": matrix_of([1.0, right, 0.0, down, 1.0, 0.0])}


class RandomPerspective(ProjectiveLayer):
    """Each image as if seen from the side: its corners are moved, straight lines stay straight.

    Args:
        factor: the range of the probability with which an image is changed.
        scale: how far corners move: by up to scale / 2 of their distance from the upper left one.
        interpolation: "bilinear" or "nearest".
        fill_value: what lies outside.
        seed: makes the draws repeatable.
        data_format: where the channels are.

    Raises:
        ValueError: for a factor or scale beyond 0 ... 1, another interpolation.

    >>> import numpy as np
    >>> from hornbook import layers
    >>> layers.RandomPerspective(scale=0.3)(np.ones((2, 4, 4, 3))).shape
    TensorShape([2, 4, 4, 3])
    """

    def __init__(
        self,
        factor: Any = 1.0,
        scale: float = 1.0,
        interpolation: str = "bilinear",
        fill_value: float = 0.0,
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(seed=seed, data_format=data_format, **kwargs)
        self.factor = factor_range(factor, whole_range=False)
        self.scale = factor_range(scale, "scale")[1]
        self._set_reading(interpolation, "constant", fill_value)

    def get_random_transformation(self, images: Any) -> Transformation:
        count, height, width = ops.shape(images)[:3]
        chosen = self.chosen(images, self.factor)
        far = 1.0 + self.uniform((count, 4, 2), -self.scale / 2, self.scale / 2)
        last = ops.stack([ops.cast(n, self._float_dtype) - 1.0 for n in (width, height)])
        corners = last * ops.convert_to_tensor([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]], self._float_dtype)
        start = ops.broadcast_to(corners, (count, 4, 2))
        end = ops.where(ops.reshape(chosen, (-1, 1, 1)), start * far, start)
        return {"matrix": homography(start, end)}


class RandomElasticTransform(RandomImageLayer):
    """Each image bent as if on a rubber sheet: every pixel is moved by smoothed noise.

    Args:
        factor: the range of the probability with which an image is changed.
        scale: the range of the strength s: noise of width s / 20 of the shorter side moves pixels by s / 10 of the
            longer one.
        interpolation: "bilinear" or "nearest".
        fill_mode: what lies outside: "reflect", "wrap", "constant" or "nearest".
        fill_value: the constant.
        value_range: between which numbers pixels stay.
        seed: makes the draws repeatable.
        data_format: where the channels are.

    Raises:
        ValueError: for a factor or scale beyond 0 ... 1, another fill mode or interpolation.
        NotImplementedError: for bounding boxes, whose edges would bend.

    Source: Simard et al. 2003, https://doi.org/10.1109/ICDAR.2003.1227801

    >>> import numpy as np
    >>> from hornbook import layers
    >>> layers.RandomElasticTransform()(np.ones((2, 8, 8, 3))).shape
    TensorShape([2, 8, 8, 3])
    """

    def __init__(
        self,
        factor: Any = 1.0,
        scale: Any = 1.0,
        interpolation: str = "bilinear",
        fill_mode: str = "reflect",
        fill_value: float = 0.0,
        value_range: Sequence[float] = (0, 255),
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(seed=seed, data_format=data_format, **kwargs)
        self.factor = factor_range(factor, whole_range=False)
        self.scale = factor_range(scale, "scale", whole_range=False)
        self.interpolation = one_of(interpolation, ("nearest", "bilinear"), "interpolation")
        self.fill_mode = one_of(fill_mode, FILL_MODES, "fill_mode")
        self.fill_value = fill_value
        self.value_range = sorted_pair(value_range, "value_range")

    def get_random_transformation(self, images: Any) -> Transformation:
        _, height, width = ops.shape(images)[:3]
        chosen = self.chosen(images, self.factor)
        scale = self.uniform((), *self.scale)
        sides = ops.stack([ops.cast(n, self._float_dtype) for n in (height, width)])
        # One seed for images and masks, so that both bend alike.
        return {
            "chosen": per_image(chosen),
            "alpha": 0.1 * scale * ops.max(sides),
            "sigma": 0.05 * scale * ops.min(sides),
            "seed": self.generator.next(),
        }

    def _bent(self, images: Any, transformation: Transformation, interpolation: str) -> Any:
        alpha, sigma, seed = (transformation[key] for key in ("alpha", "sigma", "seed"))
        more = (interpolation, self.fill_mode, self.fill_value, seed, "channels_last")
        return ops.where(transformation["chosen"], ops.image.elastic_transform(images, alpha, sigma, *more), images)

    def transform_images(self, images: Any, transformation: Transformation) -> Any:
        return ops.clip(self._bent(images, transformation, self.interpolation), *self.value_range)

    def transform_segmentation_masks(self, masks: Any, transformation: Transformation) -> Any:
        return self._bent(masks, transformation, "nearest")

    def transform_bounding_boxes(self, boxes: dict, transformation: Transformation) -> dict:
        raise NotImplementedError(
            "RandomElasticTransform bends what is inside the boxes, so they no longer fit; leave the boxes out."
        )


class FixedSizeLayer(BaseImagePreprocessingLayer):
    """Base of the layers that cut an image to `height` and `width`; too small ones are resized without distortion."""

    height: int
    width: int

    def output_size(self, height: Any, width: Any) -> tuple:
        return self.height, self.width

    def _cut(self, images: Any, transformation: Transformation, interpolation: str) -> Any:
        height, width = transformation["size"]
        top, left = transformation["top"], transformation["left"]

        def cut() -> Any:
            count, _, _, channels = ops.shape(images)
            return ops.slice(images, (0, top, left, 0), (count, self.height, self.width, channels))

        def resized() -> Any:
            return ops.image.resize(
                images,
                (self.height, self.width),
                interpolation,
                crop_to_aspect_ratio=True,
                data_format="channels_last",
            )

        if isinstance(height, int) and isinstance(width, int):
            return cut() if height >= self.height and width >= self.width else resized()
        enough = ops.logical_and(height >= self.height, width >= self.width)
        shape = (*ops.shape(images)[:1], self.height, self.width, *ops.shape(images)[3:])
        return ops.reshape(ops.cond(enough, cut, resized), shape)

    def transform_images(self, images: Any, transformation: Transformation) -> Any:
        return self._cut(images, transformation, "bilinear")

    def transform_segmentation_masks(self, masks: Any, transformation: Transformation) -> Any:
        return self._cut(masks, transformation, "nearest")

    def transform_bounding_boxes(self, boxes: dict, transformation: Transformation) -> dict:
        height, width = transformation["size"]
        cut = bounding_boxes.crop(
            boxes["boxes"], transformation["top"], transformation["left"], self.height, self.width
        )
        resized = cropped_and_resized(boxes["boxes"], height, width, self.height, self.width)
        enough = ops.logical_and(height >= self.height, width >= self.width)
        return self.clipped(boxes, ops.where(enough, cut, resized), transformation)


def cropped_and_resized(corners: Any, height: Any, width: Any, new_height: int, new_width: int) -> Any:
    """Boxes after `ops.image.resize(..., crop_to_aspect_ratio=True)`."""
    rows = ops.minimum(height, width * new_height // new_width)
    columns = ops.minimum(width, height * new_width // new_height)
    shift = ops.stack([(width - columns) // 2, (height - rows) // 2] * 2)
    zoom = ops.stack([new_width / columns, new_height / rows] * 2)
    return (corners - ops.cast(shift, "float32")) * ops.cast(zoom, "float32")


class RandomCrop(FixedSizeLayer, RandomImageLayer):
    """A part of the images, at a place drawn once for each batch.

    An image that is too small is resized, and cut around its middle, so that it is not distorted. Without training the
    images pass as they are.

    Args:
        height, width: the size of the part.
        seed: makes the draws repeatable.
        data_format: where the channels are.

    >>> import numpy as np
    >>> from hornbook import layers
    >>> layers.RandomCrop(4, 6)(np.ones((2, 8, 8, 3))).shape
    TensorShape([2, 4, 6, 3])
    """

    def __init__(
        self,
        height: int,
        width: int,
        seed: int | None = None,
        data_format: str | None = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        seed = make_default_seed() if seed is None else seed
        super().__init__(seed=seed, data_format=data_format, name=name, **kwargs)
        self.height, self.width = height, width

    def get_random_transformation(self, images: Any) -> Transformation:
        _, height, width = ops.shape(images)[:3]

        def place(size: Any, wanted: int) -> Any:
            most = ops.cast(ops.maximum(size - wanted, 0) + 1, self._float_dtype)
            return ops.cast(self.uniform((), 0.0, most), "int32")

        top = place(height, self.height)
        return {"top": top, "left": place(width, self.width)}
