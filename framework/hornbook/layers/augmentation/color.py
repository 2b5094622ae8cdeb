"""Colours, light and sharpness changed by amounts drawn for each image; masks and boxes stay as they are."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from hornbook import backend, ops
from hornbook.core.arguments import fraction
from hornbook.layers.augmentation.base import (
    BaseImagePreprocessingLayer,
    RandomImageLayer,
    Transformation,
    factor_range,
    per_image,
    sorted_pair,
)

__all__ = [
    "RandomBrightness",
    "RandomColorDegeneration",
    "RandomColorJitter",
    "RandomContrast",
    "RandomGaussianBlur",
    "RandomGrayscale",
    "RandomHue",
    "RandomInvert",
    "RandomPosterization",
    "RandomSaturation",
    "RandomSharpness",
]


class ValueRangeLayer(BaseImagePreprocessingLayer):
    """Base of the layers that know between which numbers pixels lie."""

    value_range: tuple

    def scaled(self, images: Any, least: float = 0.0, most: float = 1.0) -> Any:
        """Pixels of the value range brought to `least` ... `most`."""
        low, high = self.value_range
        return (images - low) * ((most - least) / (high - low)) + least

    def unscaled(self, images: Any, most: float = 1.0) -> Any:
        """Pixels from 0 to `most` brought back to the value range."""
        low, high = self.value_range
        return images * ((high - low) / most) + low

    def clip(self, images: Any) -> Any:
        """Pixels moved into the value range."""
        return ops.clip(images, *self.value_range)


class RandomColorLayer(ValueRangeLayer, RandomImageLayer):
    """Base of the layers that change colours by a number drawn for each image."""

    factor: tuple

    def amount(self, images: Any) -> Any:
        """A number from `factor` for each image, (batch, 1, 1, 1)."""
        return self.uniform((ops.shape(images)[0], 1, 1, 1), *self.factor)


class RandomContrast(RandomColorLayer):
    """Pixels moved away from, or towards, the mean of their channel.

    output = mean + (1 + amount) (inputs - mean),    amount ~ U(-factor[0], factor[1])

    Args:
        factor: (down, up), each at least 0; a number f means (0, f).
        value_range: between which numbers pixels stay.
        seed: makes the draws repeatable.

    Raises:
        ValueError: for a factor beyond 0 ... 1.

    >>> import numpy as np
    >>> from hornbook import layers
    >>> layers.RandomContrast(0.3)(np.ones((2, 4, 4, 3))).shape
    TensorShape([2, 4, 4, 3])
    """

    def __init__(
        self, factor: Any, value_range: Sequence[float] = (0, 255), seed: int | None = None, **kwargs: Any
    ) -> None:
        super().__init__(seed=seed, **kwargs)
        self.factor = factor_range(factor, whole_range=False)
        self.value_range = sorted_pair(value_range, "value_range")

    def get_random_transformation(self, images: Any) -> Transformation:
        down, up = self.factor
        return {"contrast": self.uniform((ops.shape(images)[0], 1, 1, 1), 1.0 - down, 1.0 + up)}

    def transform_images(self, images: Any, transformation: Transformation) -> Any:
        mean = ops.mean(images, axis=(1, 2), keepdims=True)
        return self.clip((images - mean) * transformation["contrast"] + mean)


class RandomBrightness(RandomColorLayer):
    """All pixels of an image made lighter or darker by one amount.

    output = inputs + amount (high - low),    amount ~ U(factor)

    Args:
        factor: the range of the amount, -1 (black) to 1 (white); a number f means (-f, f).
        value_range: the (low, high) between which pixels stay.
        seed: makes the draws repeatable.

    Raises:
        ValueError: for a factor beyond -1 ... 1.

    >>> import numpy as np
    >>> from hornbook import layers
    >>> print(layers.RandomBrightness((0.2, 0.2))(np.array([[[0.0], [250.0]]])).numpy().ravel())
    [ 51. 255.]
    """

    def __init__(
        self, factor: Any, value_range: Sequence[float] = (0, 255), seed: int | None = None, **kwargs: Any
    ) -> None:
        super().__init__(seed=seed, **kwargs)
        self.factor = factor_range(factor, least=-1, whole_range=False)
        self.value_range = sorted_pair(value_range, "value_range")

    def get_random_transformation(self, images: Any) -> Transformation:
        low, high = self.value_range
        return {"shift": self.amount(images) * float(high - low)}

    def transform_images(self, images: Any, transformation: Transformation) -> Any:
        return self.clip(images + transformation["shift"])


class RandomHue(RandomColorLayer):
    """All colours of an image turned on the colour circle by one angle.

    Args:
        factor: the range of the angle, 1 being half a turn either way; a number f means (0, f).
        value_range: between which numbers pixels lie.
        data_format: where the channels are.
        seed: makes the draws repeatable.

    Raises:
        ValueError: for a factor beyond 0 ... 1.

    >>> import numpy as np
    >>> from hornbook import layers
    >>> red = np.array([[[255.0, 0.0, 0.0]]])
    >>> print(layers.RandomHue((1.0, 1.0))(red).numpy().round().ravel())
    [  0. 255. 255.]
    """

    def __init__(
        self,
        factor: Any,
        value_range: Sequence[float] = (0, 255),
        data_format: str | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(seed=seed, data_format=data_format, **kwargs)
        self.factor = factor_range(factor, whole_range=False)
        self.value_range = sorted_pair(value_range, "value_range")

    def get_random_transformation(self, images: Any) -> Transformation:
        count = ops.shape(images)[0]
        sign = ops.where(self.uniform((count, 1, 1, 1)) < 0.5, 1.0, -1.0)
        return {"turn": 0.5 * sign * self.amount(images)}

    def transform_images(self, images: Any, transformation: Transformation) -> Any:
        hsv = ops.image.rgb_to_hsv(self.scaled(images), data_format="channels_last")
        hue = ops.mod(hsv[..., :1] + transformation["turn"], 1.0)
        turned = ops.concatenate([hue, hsv[..., 1:]], axis=-1)
        return self.unscaled(ops.image.hsv_to_rgb(turned, data_format="channels_last"))


class RandomSaturation(RandomColorLayer):
    """All colours of an image made stronger or paler: saturation * amount / (1 - amount), amount ~ U(factor).

    Args:
        factor: the range of the amount: 0 makes gray, 0.5 changes nothing, 1 gives the strongest colours; a number f
            means (-f, f), where what is below 0 counts as 0.
        value_range: between which numbers pixels lie.
        data_format: where the channels are.
        seed: makes the draws repeatable.

    Raises:
        ValueError: for a factor beyond -1 ... 1.

    >>> import numpy as np
    >>> from hornbook import layers
    >>> print(layers.RandomSaturation((0.0, 0.0))(np.array([[[200.0, 100.0, 50.0]]])).numpy().round().ravel())
    [200. 200. 200.]
    """

    def __init__(
        self,
        factor: Any,
        value_range: Sequence[float] = (0, 255),
        data_format: str | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(seed=seed, data_format=data_format, **kwargs)
        self.factor = factor_range(factor, least=-1, whole_range=False)
        self.value_range = sorted_pair(value_range, "value_range")

    def get_random_transformation(self, images: Any) -> Transformation:
        amount = self.amount(images)
        return {"saturation": amount / ops.maximum(1.0 - amount, backend.epsilon())}

    def transform_images(self, images: Any, transformation: Transformation) -> Any:
        hsv = ops.image.rgb_to_hsv(self.scaled(images), data_format="channels_last")
        saturation = ops.clip(hsv[..., 1:2] * transformation["saturation"], 0.0, 1.0)
        changed = ops.concatenate([hsv[..., :1], saturation, hsv[..., 2:]], axis=-1)
        return self.unscaled(ops.image.hsv_to_rgb(changed, data_format="channels_last"))


def blend(a: Any, b: Any, share: Any) -> Any:
    """a + share (b - a)"""
    return a + share * (b - a)


class RandomSharpness(RandomColorLayer):
    """Images made sharper or softer, by going beyond or towards a smoothed one.

    output = smoothed + 2 amount (inputs - smoothed),    amount ~ U(factor)

    Args:
        factor: the range of the amount: 0 is the smoothed image, 0.5 changes nothing, 1 is sharpest; a number f means
            (0, f).
        value_range: between which numbers pixels stay.
        data_format: where the channels are.
        seed: makes the draws repeatable.

    Raises:
        ValueError: for a factor beyond 0 ... 1.

    >>> import numpy as np
    >>> from hornbook import layers
    >>> layers.RandomSharpness(0.3)(np.ones((2, 4, 4, 3))).shape
    TensorShape([2, 4, 4, 3])
    """

    def __init__(
        self,
        factor: Any,
        value_range: Sequence[float] = (0, 255),
        data_format: str | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(seed=seed, data_format=data_format, **kwargs)
        self.factor = factor_range(factor, whole_range=False)
        self.value_range = sorted_pair(value_range, "value_range")

    def get_random_transformation(self, images: Any) -> Transformation:
        return {"amount": self.amount(images)}

    def transform_images(self, images: Any, transformation: Transformation) -> Any:
        window = np.array([[1, 1, 1], [1, 5, 1], [1, 1, 1]]) / 13
        kernel = ops.convert_to_tensor(window[:, :, None, None], ops.dtype(images))
        kernel = ops.tile(kernel, (1, 1, ops.shape(images)[-1], 1))
        smoothed = ops.depthwise_conv(images, kernel, padding="same", data_format="channels_last")
        return self.clip(blend(smoothed, images, 2.0 * transformation["amount"]))


class RandomGaussianBlur(RandomColorLayer):
    """Images smoothed by a Gaussian whose width is drawn once for each batch.

    Args:
        factor: the range of the probability with which an image is changed.
        kernel_size: the window, one odd number or (height, width).
        sigma: the range of the widths in pixels, one drawn along each axis; a number f means (0, f).
        value_range: between which numbers pixels stay.
        data_format: where the channels are.
        seed: makes the draws repeatable.

    Raises:
        ValueError: for a factor beyond 0 ... 1, and an even window.

    >>> import numpy as np
    >>> from hornbook import layers
    >>> layers.RandomGaussianBlur()(np.ones((2, 4, 4, 3))).shape
    TensorShape([2, 4, 4, 3])
    """

    def __init__(
        self,
        factor: Any = 1.0,
        kernel_size: Any = 3,
        sigma: Any = 1.0,
        value_range: Sequence[float] = (0, 255),
        data_format: str | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(seed=seed, data_format=data_format, **kwargs)
        self.factor = factor_range(factor, whole_range=False)
        self.kernel_size = (kernel_size, kernel_size) if isinstance(kernel_size, int) else tuple(kernel_size)
        if len(self.kernel_size) != 2 or not all(isinstance(n, int) and n % 2 == 1 for n in self.kernel_size):
            raise ValueError(f"`kernel_size` must be an odd number or two of them, got kernel_size={kernel_size!r}.")
        self.sigma = factor_range(sigma, "sigma", whole_range=False)
        self.value_range = sorted_pair(value_range, "value_range")

    def get_random_transformation(self, images: Any) -> Transformation:
        return {"chosen": per_image(self.chosen(images, self.factor)), "sigma": self.uniform((2,), *self.sigma)}

    def transform_images(self, images: Any, transformation: Transformation) -> Any:
        blurred = ops.image.gaussian_blur(images, self.kernel_size, transformation["sigma"], "channels_last")
        return ops.where(transformation["chosen"], self.clip(blurred), images)


class RandomGrayscale(RandomImageLayer):
    """Colour images made gray with a probability; they keep their three channels.

    Args:
        factor: the probability.
        data_format: where the channels are.
        seed: makes the draws repeatable.

    Raises:
        ValueError: for a factor beyond 0 ... 1.

    >>> import numpy as np
    >>> from hornbook import layers
    >>> print(layers.RandomGrayscale(1.0)(np.array([[[255.0, 0.0, 0.0]]])).numpy().round(1).ravel())
    [76.2 76.2 76.2]
    """

    def __init__(
        self, factor: float = 0.5, data_format: str | None = None, seed: int | None = None, **kwargs: Any
    ) -> None:
        super().__init__(seed=seed, data_format=data_format, **kwargs)
        self.factor = fraction(factor, "factor")

    def get_random_transformation(self, images: Any) -> Transformation:
        return {"chosen": self.uniform((ops.shape(images)[0], 1, 1, 1)) < self.factor}

    def transform_images(self, images: Any, transformation: Transformation) -> Any:
        gray = ops.image.rgb_to_grayscale(images, data_format="channels_last")
        return ops.where(transformation["chosen"], gray, images)

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        config.pop("seed")
        return config


class RandomInvert(RandomColorLayer):
    """Images turned into their negatives with a probability: output = low + high - inputs.

    Args:
        factor: the range of the probability; a number f means (0, f).
        value_range: the (low, high) between which pixels lie.
        seed: makes the draws repeatable.
        data_format: where the channels are.

    Raises:
        ValueError: for a factor beyond 0 ... 1.

    >>> import numpy as np
    >>> from hornbook import layers
    >>> print(layers.RandomInvert((1.0, 1.0))(np.array([[[0.0], [200.0]]])).numpy().ravel())
    [255.  55.]
    """

    def __init__(
        self,
        factor: Any = 1.0,
        value_range: Sequence[float] = (0, 255),
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(seed=seed, data_format=data_format, **kwargs)
        self.factor = factor_range(factor, whole_range=False)
        self.value_range = sorted_pair(value_range, "value_range")

    def get_random_transformation(self, images: Any) -> Transformation:
        return {"chosen": per_image(self.chosen(images, self.factor))}

    def transform_images(self, images: Any, transformation: Transformation) -> Any:
        return ops.where(transformation["chosen"], float(sum(self.value_range)) - images, images)


class RandomPosterization(RandomColorLayer):
    """Colours with fewer steps: only the first bits of each byte are kept.

    Args:
        factor: the range (from, below) of the number of bits, 1 to 8; a number f means (1, f).
        value_range: between which numbers pixels lie; they are counted in 255 steps.
        data_format: where the channels are.
        seed: makes the draws repeatable.

    Raises:
        ValueError: for a factor beyond 1 ... 8.

    >>> import numpy as np
    >>> from hornbook import layers
    >>> print(layers.RandomPosterization((1, 1))(np.array([[[100.0], [200.0]]])).numpy().ravel())
    [  0. 128.]
    """

    def __init__(
        self,
        factor: Any,
        value_range: Sequence[float] = (0, 255),
        data_format: str | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(seed=seed, data_format=data_format, **kwargs)
        self.factor = factor_range(factor, least=1, most=8)
        self.value_range = sorted_pair(value_range, "value_range")

    def get_random_transformation(self, images: Any) -> Transformation:
        least, most = (int(end) for end in self.factor)
        count = ops.shape(images)[0]
        bits = self.integers((count, 1, 1, 1), least, max(most, least + 1))
        return {"step": ops.cast(ops.power(2, 8 - bits), self._float_dtype)}

    def transform_images(self, images: Any, transformation: Transformation) -> Any:
        step = transformation["step"]
        whole = ops.floor(self.scaled(images, 0.0, 255.0))
        return self.unscaled(ops.floor(whole / step) * step, 255.0)


class RandomColorDegeneration(RandomColorLayer):
    """Colours drawn towards gray: output = inputs + amount (gray - inputs), amount ~ U(factor).

    Args:
        factor: the range of the amount: 0 changes nothing, 1 makes gray; a number f means (-f, f), where less than 0
            makes colours stronger.
        value_range: between which numbers pixels stay.
        data_format: where the channels are.
        seed: makes the draws repeatable.

    Raises:
        ValueError: for a factor beyond -1 ... 1.

    >>> import numpy as np
    >>> from hornbook import layers
    >>> print(layers.RandomColorDegeneration((1.0, 1.0))(np.array([[[255.0, 0.0, 0.0]]])).numpy().round(1).ravel())
    [76.2 76.2 76.2]
    """

    def __init__(
        self,
        factor: Any,
        value_range: Sequence[float] = (0, 255),
        data_format: str | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(seed=seed, data_format=data_format, **kwargs)
        self.factor = factor_range(factor, least=-1, whole_range=False)
        self.value_range = sorted_pair(value_range, "value_range")

    def get_random_transformation(self, images: Any) -> Transformation:
        return {"amount": self.amount(images)}

    def transform_images(self, images: Any, transformation: Transformation) -> Any:
        gray = ops.image.rgb_to_grayscale(images, data_format="channels_last")
        return self.clip(blend(images, gray, transformation["amount"]))


class RandomColorJitter(ValueRangeLayer, RandomImageLayer):
    """Brightness, contrast, saturation and hue changed one after the other, each by its own layer.

    Args:
        value_range: between which numbers pixels lie.
        brightness_factor, contrast_factor, saturation_factor, hue_factor: what `RandomBrightness`, `RandomContrast`,
            `RandomSaturation` and `RandomHue` take; None leaves one out.
        seed: makes the draws repeatable.
        data_format: where the channels are.

    Raises:
        ValueError: for a factor that one of these layers refuses.

    >>> import numpy as np
    >>> from hornbook import layers
    >>> layers.RandomColorJitter(brightness_factor=0.2, hue_factor=0.1)(np.ones((2, 4, 4, 3))).shape
    TensorShape([2, 4, 4, 3])
    """

    def __init__(
        self,
        value_range: Sequence[float] = (0, 255),
        brightness_factor: Any = None,
        contrast_factor: Any = None,
        saturation_factor: Any = None,
        hue_factor: Any = None,
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(seed=seed, data_format=data_format, **kwargs)
        self.value_range = sorted_pair(value_range, "value_range")
        self.brightness_factor, self.contrast_factor = brightness_factor, contrast_factor
        self.saturation_factor, self.hue_factor = saturation_factor, hue_factor
        self.random_brightness = self._part(RandomBrightness, brightness_factor)
        self.random_contrast = self._part(RandomContrast, contrast_factor)
        self.random_saturation = self._part(RandomSaturation, saturation_factor)
        self.random_hue = self._part(RandomHue, hue_factor)

    def _part(self, kind: type, factor: Any) -> Any:
        if factor is None:
            return None
        layer = kind(factor, value_range=self.value_range, seed=self.seed, dtype=self.dtype_policy)
        layer.generator = self.generator  # one for all, or they would draw the same numbers
        return layer

    def _parts(self) -> list:
        every = (self.random_brightness, self.random_contrast, self.random_saturation, self.random_hue)
        return [layer for layer in every if layer is not None]

    def get_random_transformation(self, images: Any) -> Transformation:
        return {"parts": [layer.get_random_transformation(images) for layer in self._parts()]}

    def transform_images(self, images: Any, transformation: Transformation) -> Any:
        for layer, part in zip(self._parts(), transformation["parts"], strict=True):
            images = layer.transform_images(images, part)
        return images
