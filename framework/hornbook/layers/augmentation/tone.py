"""How light and dark are spread over an image: contrast stretched, histograms made even, bright parts inverted."""

from collections.abc import Sequence
from typing import Any

from hornbook import ops
from hornbook.core.arguments import positive_integer, sizes
from hornbook.layers.augmentation.base import RandomImageLayer, Transformation, factor_range, sorted_pair
from hornbook.layers.augmentation.color import ValueRangeLayer

__all__ = ["AutoContrast", "ContrastLimitedAdaptiveHistogramEqualization", "Equalization", "Solarization"]


class AutoContrast(ValueRangeLayer):
    """Each channel stretched until its darkest pixel is black and its brightest white; without training too.

    output = low + (inputs - min) / (max - min) (high - low)

    Args:
        value_range: the (low, high) between which pixels lie.

    >>> import numpy as np
    >>> from hornbook import layers
    >>> print(layers.AutoContrast()(np.array([[[50.0], [60.0], [100.0]]])).numpy().ravel())
    [  0.  51. 255.]
    """

    always = True

    def __init__(self, value_range: Sequence[float] = (0, 255), **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.value_range = sorted_pair(value_range, "value_range")

    def transform_images(self, images: Any, transformation: Transformation) -> Any:
        low, high = self.value_range
        darkest, brightest = (f(images, axis=(1, 2), keepdims=True) for f in (ops.min, ops.max))
        spread = brightest - darkest
        stretched = low + (images - darkest) / ops.where(spread > 0, spread, 1.0) * float(high - low)
        return ops.where(spread > 0, stretched, images)


def histograms(values: Any, bins: int) -> Any:
    """How often each of 0 ... bins - 1 occurs in each row of whole numbers: (rows, n) -> (rows, bins)."""
    rows, dtype = ops.shape(values)[0], ops.dtype(values)
    places = ops.cast(values, "int32") + ops.reshape(ops.arange(rows) * bins, (-1, 1))
    counts = ops.segment_sum(ops.ones_like(ops.reshape(places, (-1,))), ops.reshape(places, (-1,)), rows * bins)
    return ops.cast(ops.reshape(counts, (rows, bins)), dtype)


class Equalization(ValueRangeLayer):
    """Each channel with its histogram made even: as many dark pixels as bright ones.

    output = (cdf(inputs) - least cdf) / (1 - least cdf), in 255 steps of the value range

    Args:
        value_range: between which numbers pixels lie.
        bins: in how many steps they are counted.
        data_format: where the channels are.

    >>> import numpy as np
    >>> from hornbook import layers
    >>> print(layers.Equalization()(np.array([[[50.0], [60.0], [200.0]]])).numpy().ravel())
    [  0. 128. 255.]
    """

    def __init__(
        self,
        value_range: Sequence[float] = (0, 255),
        bins: int = 256,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(data_format=data_format, **kwargs)
        self.value_range = sorted_pair(value_range, "value_range")
        self.bins = positive_integer(bins, "bins")

    def transform_images(self, images: Any, transformation: Transformation) -> Any:
        count, height, width, channels = ops.shape(images)
        low, high = self.value_range
        x = ops.reshape(ops.transpose(images, (0, 3, 1, 2)), (count * channels, height * width))
        index = ops.clip(ops.floor((x - low) / (high - low) * (self.bins - 1)), 0, self.bins - 1)
        counts = histograms(index, self.bins)
        below = ops.cumsum(counts, axis=1)
        everything = below[:, -1:]
        least = ops.min(ops.where(counts > 0, below, everything), axis=1, keepdims=True)
        spread = everything - least
        table = ops.round((below - least) / ops.maximum(spread, 1.0) * 255.0)
        even = self.unscaled(ops.take_along_axis(table, ops.cast(index, "int32"), axis=1), 255.0)
        even = ops.where(spread > 0, even, x)  # a channel of one value stays
        return ops.transpose(ops.reshape(even, (count, channels, height, width)), (0, 2, 3, 1))


class Solarization(ValueRangeLayer, RandomImageLayer):
    """What is brighter than a threshold inverted, after all pixels were made brighter.

    output = x below the threshold, low + high - x from it on,    with x = inputs + addition

    Args:
        addition_factor: the range of the addition, as a part of the value range; a number f means (0, f).
        threshold_factor: the range of the threshold, likewise.
        value_range: the (low, high) between which pixels lie.
        seed: makes the draws repeatable.

    Raises:
        ValueError: for a factor beyond 0 ... 1.

    >>> import numpy as np
    >>> from hornbook import layers
    >>> print(layers.Solarization(threshold_factor=(0.5, 0.5))(np.array([[[100.0], [200.0]]])).numpy().ravel())
    [100.  55.]
    """

    def __init__(
        self,
        addition_factor: Any = 0.0,
        threshold_factor: Any = 0.0,
        value_range: Sequence[float] = (0, 255),
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(seed=seed, **kwargs)
        self.addition_factor = factor_range(addition_factor, "addition_factor")
        self.threshold_factor = factor_range(threshold_factor, "threshold_factor")
        self.value_range = sorted_pair(value_range, "value_range")

    def get_random_transformation(self, images: Any) -> Transformation:
        shape = (ops.shape(images)[0], 1, 1, 1)
        addition = self.uniform(shape, *[255.0 * end for end in self.addition_factor])
        return {"addition": addition, "threshold": self.uniform(shape, *[255.0 * end for end in self.threshold_factor])}

    def transform_images(self, images: Any, transformation: Transformation) -> Any:
        x = ops.clip(self.scaled(images, 0.0, 255.0) + transformation["addition"], 0.0, 255.0)
        return self.unscaled(ops.where(x < transformation["threshold"], x, 255.0 - x), 255.0)


class ContrastLimitedAdaptiveHistogramEqualization(ValueRangeLayer):
    """Histograms made even tile by tile, but not so much that noise stands out; without training too.

    In each tile of each channel, a histogram of 256 bins is cut off at clip_limit * (pixels / 256); what was cut is
    spread over all bins. Its cdf is the tile's curve; a pixel is a blend of the curves of the four nearest tiles.

    Args:
        value_range: between which numbers pixels lie.
        clip_limit: how many times the mean of the histogram a bin may hold; 0 for no limit.
        tile_grid_size: the number of tiles, (rows, columns).
        data_format: where the channels are.

    Source: Zuiderveld 1994, Graphics Gems IV, VIII.5

    >>> import numpy as np
    >>> from hornbook import layers
    >>> layer = layers.ContrastLimitedAdaptiveHistogramEqualization(tile_grid_size=(2, 2))
    >>> layer(np.ones((2, 8, 8, 3))).shape
    TensorShape([2, 8, 8, 3])
    """

    always = True

    def __init__(
        self,
        value_range: Sequence[float] = (0, 255),
        clip_limit: float = 4.0,
        tile_grid_size: tuple[int, int] = (8, 8),
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(data_format=data_format, **kwargs)
        self.value_range = sorted_pair(value_range, "value_range")
        self.clip_limit = clip_limit
        self.tile_grid_size = sizes(tile_grid_size, 2, "tile_grid_size")

    def transform_images(self, images: Any, transformation: Transformation) -> Any:
        count, height, width, channels = ops.shape(images)
        rows, columns = self.tile_grid_size
        tall, wide = -(-height // rows), -(-width // columns)  # of a tile
        x = ops.clip(ops.floor(self.scaled(images, 0.0, 255.0)), 0.0, 255.0)
        padded = ops.pad(x, ((0, 0), (0, tall * rows - height), (0, wide * columns - width), (0, 0)), mode="symmetric")
        tiles = ops.reshape(padded, (count, rows, tall, columns, wide, channels))
        tiles = ops.reshape(ops.transpose(tiles, (0, 5, 1, 3, 2, 4)), (-1, tall * wide))
        area = ops.cast(tall * wide, self._float_dtype)
        counts = histograms(tiles, 256)
        if self.clip_limit > 0:
            kept = ops.minimum(counts, self.clip_limit * area / 256.0)
            counts = kept + ops.sum(counts - kept, axis=1, keepdims=True) / 256.0
        below = ops.cumsum(counts, axis=1)
        first, last = below[:, :1], below[:, -1:]
        curves = (below - first) / ops.maximum(last - first, 1e-6) * 255.0
        curves = ops.reshape(curves, (-1,))  # of (batch, channels, rows, columns, 256)

        def near(size: Any, tile: Any, tiles: int) -> tuple:
            """(tile before, tile after, share of the latter) of each place along an axis."""
            place = ops.cast(ops.arange(size), self._float_dtype) / ops.cast(tile, self._float_dtype) - 0.5
            before = ops.floor(place)
            share = place - before
            before = ops.cast(before, "int32")
            return ops.clip(before, 0, tiles - 1), ops.clip(before + 1, 0, tiles - 1), share

        up, down, share_down = near(height, tall, rows)
        left, right, share_right = near(width, wide, columns)
        value = ops.cast(x, "int32")
        channel = ops.reshape(ops.arange(count) * channels, (-1, 1, 1, 1)) + ops.arange(channels)

        def curve(row: Any, column: Any) -> Any:
            tile = channel * (rows * columns) + row[:, None, None] * columns + column[:, None]
            return ops.take(curves, tile * 256 + value)

        share_right, share_down = share_right[:, None], share_down[:, None, None]
        above = curve(up, left) * (1.0 - share_right) + curve(up, right) * share_right
        under = curve(down, left) * (1.0 - share_right) + curve(down, right) * share_right
        return self.unscaled(above * (1.0 - share_down) + under * share_down, 255.0)
