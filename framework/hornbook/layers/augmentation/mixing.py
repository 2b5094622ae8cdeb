"""Images mixed with each other, or with noise: MixUp, CutMix, RandomErasing."""

from collections.abc import Sequence
from typing import Any

from hornbook import ops, random
from hornbook.layers.augmentation.base import (
    RandomImageLayer,
    Transformation,
    factor_range,
    per_image,
    sorted_pair,
)

__all__ = ["CutMix", "MixUp", "RandomErasing"]


class MixingLayer(RandomImageLayer):
    """Base of the layers that mix each image with another one of its batch."""

    def beta(self, shape: Sequence, alpha: Any) -> Any:
        """Numbers from 0 to 1: Beta(alpha, alpha), found from two Gamma numbers."""
        one, other = (random.gamma(shape, alpha, dtype=self._float_dtype, seed=self.generator) for _ in range(2))
        return one / ops.maximum(one + other, 1e-30)

    def partners(self, images: Any) -> Any:
        """For each image the number of another one, (batch,)."""
        return random.shuffle(ops.arange(ops.shape(images)[0]), seed=self.generator)

    def transform_labels(self, labels: Any, transformation: Transformation) -> Any:
        """Both labels (one-hot, or numbers), each with the share of its image."""
        labels = ops.cast(labels, self._float_dtype)
        share = ops.reshape(transformation["share"], (-1, *[1] * (len(labels.shape) - 1)))
        mixed = share * labels + (1.0 - share) * ops.take(labels, transformation["partner"], axis=0)
        return ops.cast(mixed, self.compute_dtype)


class MixUp(MixingLayer):
    """Each image blended with another one, and their labels in the same proportion.

    output = share * inputs + (1 - share) * partner,    share ~ Beta(alpha, alpha)

    The masks of both stand behind each other in the last axis, the boxes of both in one list.

    Args:
        alpha: how even the shares are: near 0 one of the two prevails.
        data_format: where the channels are.
        seed: makes the draws repeatable.

    Raises:
        ValueError: for an alpha that is not above 0.

    Source: Zhang et al. 2018, https://arxiv.org/abs/1710.09412

    >>> import numpy as np
    >>> from hornbook import layers
    >>> data = {"images": np.ones((2, 4, 4, 3)), "labels": np.eye(2)}
    >>> print(layers.MixUp()(data)["labels"].numpy().sum(axis=1))
    [1. 1.]
    """

    def __init__(
        self, alpha: float = 0.2, data_format: str | None = None, seed: int | None = None, **kwargs: Any
    ) -> None:
        super().__init__(seed=seed, data_format=data_format, **kwargs)
        if not alpha > 0:
            raise ValueError(f"`alpha` must be above 0, got alpha={alpha!r}.")
        self.alpha = alpha

    def get_random_transformation(self, images: Any) -> Transformation:
        partner = self.partners(images)
        return {"partner": partner, "share": self.beta((ops.shape(images)[0],), self.alpha)}

    def transform_images(self, images: Any, transformation: Transformation) -> Any:
        share = per_image(transformation["share"])
        return share * images + (1.0 - share) * ops.take(images, transformation["partner"], axis=0)

    def transform_segmentation_masks(self, masks: Any, transformation: Transformation) -> Any:
        return ops.concatenate([masks, ops.take(masks, transformation["partner"], axis=0)], axis=-1)

    def transform_bounding_boxes(self, boxes: dict, transformation: Transformation) -> dict:
        partner = transformation["partner"]
        return {key: ops.concatenate([x, ops.take(x, partner, axis=0)], axis=1) for key, x in boxes.items()}


def patches(images: Any, height: Any, width: Any, right: Any, down: Any) -> Any:
    """Where a rectangle lies in each image, (batch, rows, columns, 1).

    Args:
        height, width: of the rectangle, (batch,), as parts of the image.
        right, down: where it lies, (batch,), 0 at the left and upper edge, 1 at the other.
    """
    _, rows, columns = ops.shape(images)[:3]

    def inside(size: Any, part: Any, place: Any) -> Any:
        whole = ops.cast(size, ops.dtype(images))
        length = part * whole
        start = place * (whole - length)
        positions = ops.arange(size, dtype=ops.dtype(images))[None, :]
        return ops.logical_and(positions >= start[:, None], positions < (start + length)[:, None])

    vertical, horizontal = inside(rows, height, down), inside(columns, width, right)
    return ops.logical_and(vertical[:, :, None, None], horizontal[:, None, :, None])


class CutMix(MixingLayer):
    """Each image with a rectangle of another one, and their labels in the proportion of the areas.

    The rectangle has the sides sqrt(1 - share) of the image's, share ~ Beta(a, a) with a ~ U(factor).

    Args:
        factor: the range of a; a number f means (0, f).
        seed: makes the draws repeatable.
        data_format: where the channels are.

    Raises:
        ValueError: for a factor beyond 0 ... 1.
        NotImplementedError: for bounding boxes.

    Source: Yun et al. 2019, https://arxiv.org/abs/1905.04899

    >>> import numpy as np
    >>> from hornbook import layers
    >>> data = {"images": np.ones((2, 4, 4, 3)), "labels": np.eye(2)}
    >>> print(layers.CutMix()(data)["labels"].numpy().sum(axis=1))
    [1. 1.]
    """

    def __init__(
        self, factor: Any = 1.0, seed: int | None = None, data_format: str | None = None, **kwargs: Any
    ) -> None:
        super().__init__(seed=seed, data_format=data_format, **kwargs)
        self.factor = factor_range(factor, whole_range=False)

    def get_random_transformation(self, images: Any) -> Transformation:
        count = ops.shape(images)[0]
        share = self.beta((count,), ops.maximum(self.uniform((count,), *self.factor), 1e-3))
        side = ops.sqrt(1.0 - share)
        patch = patches(images, side, side, self.uniform((count,)), self.uniform((count,)))
        return {"share": share, "patch": patch, "partner": self.partners(images)}

    def transform_images(self, images: Any, transformation: Transformation) -> Any:
        return ops.where(transformation["patch"], ops.take(images, transformation["partner"], axis=0), images)

    def transform_segmentation_masks(self, masks: Any, transformation: Transformation) -> Any:
        return self.transform_images(masks, transformation)

    def transform_bounding_boxes(self, boxes: dict, transformation: Transformation) -> dict:
        raise NotImplementedError("CutMix cuts through what is inside the boxes; leave the boxes out.")


class RandomErasing(RandomImageLayer):
    """A rectangle of each image covered by noise, or by one value.

    The sides of the rectangle are sqrt(s) of the image's, with s ~ U(scale) for each side.

    Args:
        factor: the range of the probability with which an image is changed.
        scale: the range of s; a number f means (0, f).
        fill_value: what it is covered with; noise if None.
        value_range: between which numbers the noise lies.
        seed: makes the draws repeatable.
        data_format: where the channels are.

    Raises:
        ValueError: for a factor or scale beyond 0 ... 1.

    Source: Zhong et al. 2020, https://arxiv.org/abs/1708.04896

    >>> import numpy as np
    >>> from hornbook import layers
    >>> layer = layers.RandomErasing((1.0, 1.0), scale=(0.25, 0.25), fill_value=0)
    >>> print(layer(np.ones((1, 4, 4, 1))).numpy().sum())
    12.0
    """

    def __init__(
        self,
        factor: Any = 1.0,
        scale: Any = (0.02, 0.33),
        fill_value: float | None = None,
        value_range: Sequence[float] = (0, 255),
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(seed=seed, data_format=data_format, **kwargs)
        self.factor = factor_range(factor, whole_range=False)
        self.scale = factor_range(scale, "scale", whole_range=False)
        self.fill_value = fill_value
        self.value_range = sorted_pair(value_range, "value_range")

    def get_random_transformation(self, images: Any) -> Transformation:
        count = ops.shape(images)[0]
        sides = ops.sqrt(self.uniform((count, 2), *self.scale))
        patch = patches(images, sides[:, 1], sides[:, 0], self.uniform((count,)), self.uniform((count,)))
        covered = ops.logical_and(patch, per_image(self.chosen(images, self.factor)))
        if self.fill_value is not None:
            return {"covered": covered, "fill": ops.cast(self.fill_value, self._float_dtype)}
        low, high = self.value_range
        noise = random.normal(ops.shape(images), dtype=self._float_dtype, seed=self.generator)
        return {"covered": covered, "fill": ops.clip(noise * float(high - low) + low, low, high)}

    def transform_images(self, images: Any, transformation: Transformation) -> Any:
        return ops.where(transformation["covered"], transformation["fill"], images)
