"""Layers made of other layers: Pipeline, RandAugment, AugMix; and MaxNumBoundingBoxes, which makes boxes batchable."""

from collections.abc import Sequence
from typing import Any

from hornbook import backend, ops, random
from hornbook.core.arguments import positive_integer
from hornbook.core.layer import Layer
from hornbook.core.registry import get_family, serialize_keras_object
from hornbook.layers.augmentation.base import (
    BaseImagePreprocessingLayer,
    Transformation,
    factor_range,
    sorted_pair,
)
from hornbook.layers.augmentation.color import (
    RandomBrightness,
    RandomColorDegeneration,
    RandomContrast,
    RandomPosterization,
    RandomSharpness,
)
from hornbook.layers.augmentation.geometry import RandomRotation, RandomShear, RandomTranslation
from hornbook.layers.augmentation.mixing import MixingLayer
from hornbook.layers.augmentation.tone import AutoContrast, Equalization, Solarization

__all__ = ["AugMix", "MaxNumBoundingBoxes", "Pipeline", "RandAugment"]


class Pipeline(Layer):
    """Layers applied one after the other; unlike a Sequential model it takes dictionaries, and is meant for `tf.data`.

    Args:
        layers: the layers.
        name: a name.

    >>> import numpy as np
    >>> from hornbook import layers
    >>> pipeline = layers.Pipeline([layers.Resizing(4, 4), layers.Rescaling(1 / 255)])
    >>> pipeline(np.ones((2, 8, 8, 3))).shape
    TensorShape([2, 4, 4, 3])
    """

    def __init__(self, layers: Sequence[Layer], name: str | None = None) -> None:
        super().__init__(name=name)
        self._convert_input_args = False
        self._allow_non_tensor_positional_args = True
        wrong = [layer for layer in layers if not isinstance(layer, Layer)]
        if wrong:
            raise ValueError(f"A Pipeline is made of layers, got {wrong[0]!r}.")
        self.layers = list(layers)

    def call(self, inputs: Any, training: bool = True, mask: Any = None) -> Any:
        for layer in self.layers:
            known = layer._call_signature
            named = {"training": training} if known.takes_training else {}
            inputs = layer(inputs, **named, **({"mask": mask} if known.takes_mask and mask is not None else {}))
        return inputs

    def compute_output_spec(self, inputs: Any, training: bool = True, mask: Any = None) -> Any:
        for layer in self.layers:
            inputs = layer.compute_output_spec(inputs)
        return inputs

    def get_config(self) -> dict[str, Any]:
        return {"layers": [serialize_keras_object(layer) for layer in self.layers], "name": self.name}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Pipeline":
        family = get_family("layers")
        return cls(**{**config, "layers": [family.deserialize(layer) for layer in config["layers"]]})


class MaxNumBoundingBoxes(BaseImagePreprocessingLayer):
    """The boxes of each image cut off at, or filled up to, one number of them, so that images can be batched.

    Args:
        max_number: the number of boxes.
        fill_value: what the boxes that are missing, and their labels, are filled with.

    >>> import numpy as np
    >>> from hornbook import layers
    >>> boxes = {"boxes": np.ones((1, 4)), "labels": np.ones(1)}
    >>> data = {"images": np.ones((4, 4, 3)), "bounding_boxes": boxes}
    >>> print(layers.MaxNumBoundingBoxes(3)(data)["bounding_boxes"]["labels"].numpy())
    [ 1. -1. -1.]
    """

    always = True
    keeps_integers = True

    def __init__(self, max_number: int, fill_value: float = -1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.max_number = positive_integer(max_number, "max_number")
        self.fill_value = fill_value

    def _with_boxes(self, given: dict, transformation: Transformation, single: bool) -> dict:
        def filled(x: Any) -> Any:
            x = backend.convert_to_tensor(x)
            axis = 0 if single else 1
            shape = list(backend.shape(x))
            kept = x[: self.max_number] if single else x[:, : self.max_number]
            widths = [(0, 0)] * len(shape)
            widths[axis] = (0, self.max_number - backend.shape(kept)[axis])
            shape[axis] = self.max_number
            return ops.reshape(ops.pad(kept, widths, constant_values=self.fill_value), shape)

        return {key: filled(value) for key, value in given.items()}

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        config.pop("fill_value")
        return config


class PolicyLayer(MixingLayer):
    """Base of the layers that choose among others: these draw their numbers first, the choice is made in the graph."""

    def _transforms(self, names: Sequence[str], factor: tuple, value_range: tuple, interpolation: str) -> None:
        """Make the layers to choose from, each an attribute of its name."""
        plain = {"data_format": "channels_last", "dtype": self.dtype_policy}
        ranged = {"value_range": value_range, **plain}
        drawing = {"seed": self.seed}
        bits = (1, max(int(8 * factor[1]), 1))
        make = {
            "random_shear": lambda: RandomShear(factor, factor, interpolation, **drawing, **plain),
            "random_translation": lambda: RandomTranslation(
                factor, factor, interpolation=interpolation, **drawing, **plain
            ),
            "random_rotation": lambda: RandomRotation(factor, interpolation=interpolation, **drawing, **plain),
            "random_brightness": lambda: RandomBrightness(factor, **drawing, **ranged),
            "random_color_degeneration": lambda: RandomColorDegeneration(factor, **drawing, **ranged),
            "random_contrast": lambda: RandomContrast(factor, **drawing, **ranged),
            "random_sharpness": lambda: RandomSharpness(factor, **drawing, **ranged),
            "random_posterization": lambda: RandomPosterization(bits, **drawing, **ranged),
            "solarization": lambda: Solarization(factor, factor, **drawing, **ranged),
            "auto_contrast": lambda: AutoContrast(**ranged),
            "equalization": lambda: Equalization(**ranged),
        }
        self._names = tuple(names)
        for name in names:
            layer = make[name]()
            layer.generator = self.generator  # one for all, or they would draw the same numbers
            setattr(self, name, layer)

    def _draw_all(self, images: Any) -> list[Transformation]:
        size = {"size": ops.shape(images)[1:3]}
        return [{**size, **getattr(self, name).get_random_transformation(images)} for name in self._names]

    def _choose(self, what: str, index: Any, x: Any, drawn: list[Transformation]) -> Any:
        """`x` after the layer number `index`, as it is for a number too many; `what` is "transform_images" or so."""

        def branch(name: str, part: Transformation) -> Any:
            return lambda: getattr(getattr(self, name), what)(x, part)

        branches = [branch(name, part) for name, part in zip(self._names, drawn, strict=True)]
        return ops.switch(index, [*branches, lambda: x])


class RandAugment(PolicyLayer):
    """A few changes, drawn for each batch from eleven: where they are turned, moved, and how they are coloured.

    Args:
        value_range: between which numbers pixels lie.
        num_ops: how many changes, one after the other.
        factor: the range of their strength, 0 to 1.
        interpolation: "bilinear" or "nearest".
        seed: makes the draws repeatable.
        data_format: where the channels are.

    Raises:
        ValueError: for a factor beyond 0 ... 1.

    Source: Cubuk et al. 2020, https://arxiv.org/abs/1909.13719

    >>> import numpy as np
    >>> from hornbook import layers
    >>> layers.RandAugment()(np.ones((2, 4, 4, 3))).shape
    TensorShape([2, 4, 4, 3])
    """

    CHANGES = (
        "random_shear",
        "random_translation",
        "random_rotation",
        "random_brightness",
        "random_color_degeneration",
        "random_contrast",
        "random_sharpness",
        "random_posterization",
        "solarization",
        "auto_contrast",
        "equalization",
    )

    def __init__(
        self,
        value_range: Sequence[float] = (0, 255),
        num_ops: int = 2,
        factor: Any = 0.5,
        interpolation: str = "bilinear",
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(seed=seed, data_format=data_format, **kwargs)
        self.value_range = sorted_pair(value_range, "value_range")
        self.num_ops = positive_integer(num_ops, "num_ops")
        self.factor = factor_range(factor)
        self.interpolation = interpolation
        self._transforms(self.CHANGES, self.factor, self.value_range, interpolation)

    def get_random_transformation(self, images: Any) -> Transformation:
        order = random.randint((self.num_ops,), 0, len(self.CHANGES), seed=self.generator)
        return {"order": order, "drawn": self._draw_all(images)}

    def _in_turn(self, what: str, x: Any, transformation: Transformation) -> Any:
        for i in range(self.num_ops):
            x = self._choose(what, transformation["order"][i], x, transformation["drawn"])
        return x

    def transform_images(self, images: Any, transformation: Transformation) -> Any:
        return ops.reshape(self._in_turn("transform_images", images, transformation), ops.shape(images))

    def transform_segmentation_masks(self, masks: Any, transformation: Transformation) -> Any:
        return ops.reshape(self._in_turn("transform_segmentation_masks", masks, transformation), ops.shape(masks))

    def transform_bounding_boxes(self, boxes: dict, transformation: Transformation) -> dict:
        return self._in_turn("transform_bounding_boxes", boxes, transformation)

    def transform_labels(self, labels: Any, transformation: Transformation) -> Any:
        return labels


class AugMix(PolicyLayer):
    """Each image blended with a mix of several chains of changes of it.

    output = share * inputs + (1 - share) * sum_i weight_i chain_i(inputs),
    weights ~ Dirichlet(alpha, ...), share ~ Beta(alpha, alpha)

    Args:
        value_range: between which numbers pixels lie.
        num_chains: how many chains.
        chain_depth: how many changes in each; one time in (number of changes + 1) a step leaves the images as they are.
        factor: the range of their strength, 0 to 1.
        alpha: how even the mix is.
        all_ops: whether brightness, colours, contrast and sharpness are among the changes.
        interpolation: "bilinear" or "nearest".
        seed: makes the draws repeatable.
        data_format: where the channels are.

    Raises:
        ValueError: for a factor beyond 0 ... 1.

    Source: Hendrycks et al. 2020, https://arxiv.org/abs/1912.02781

    >>> import numpy as np
    >>> from hornbook import layers
    >>> layers.AugMix()(np.ones((2, 4, 4, 3))).shape
    TensorShape([2, 4, 4, 3])
    """

    CHANGES = (
        "random_shear",
        "random_translation",
        "random_rotation",
        "solarization",
        "random_posterization",
        "auto_contrast",
        "equalization",
    )
    MORE_CHANGES = ("random_brightness", "random_color_degeneration", "random_contrast", "random_sharpness")

    def __init__(
        self,
        value_range: Sequence[float] = (0, 255),
        num_chains: int = 3,
        chain_depth: int = 3,
        factor: Any = 0.3,
        alpha: float = 1.0,
        all_ops: bool = True,
        interpolation: str = "bilinear",
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(seed=seed, data_format=data_format, **kwargs)
        self.value_range = sorted_pair(value_range, "value_range")
        self.num_chains = positive_integer(num_chains, "num_chains")
        self.chain_depth = positive_integer(chain_depth, "chain_depth")
        self.factor = factor_range(factor)
        if not alpha > 0:
            raise ValueError(f"`alpha` must be above 0, got alpha={alpha!r}.")
        self.alpha, self.all_ops, self.interpolation = alpha, all_ops, interpolation
        names = self.CHANGES + (self.MORE_CHANGES if all_ops else ())
        self._transforms(names, self.factor, self.value_range, interpolation)

    def get_random_transformation(self, images: Any) -> Transformation:
        weights = random.gamma((self.num_chains,), self.alpha, dtype=self._float_dtype, seed=self.generator)
        chains = (self.num_chains, self.chain_depth)
        return {
            "weights": weights / ops.sum(weights),
            "share": self.beta((), self.alpha),
            "order": random.randint(chains, 0, len(self._names) + 1, seed=self.generator),
            "drawn": [[self._draw_all(images) for _ in range(self.chain_depth)] for _ in range(self.num_chains)],
        }

    def _mixed(self, what: str, x: Any, transformation: Transformation) -> Any:
        mix = ops.zeros_like(x)
        for chain in range(self.num_chains):
            changed = x
            for step in range(self.chain_depth):
                index, drawn = transformation["order"][chain, step], transformation["drawn"][chain][step]
                changed = self._choose(what, index, changed, drawn)
            mix = mix + transformation["weights"][chain] * ops.reshape(changed, ops.shape(x))
        share = transformation["share"]
        return share * x + (1.0 - share) * mix

    def transform_images(self, images: Any, transformation: Transformation) -> Any:
        return self._mixed("transform_images", images, transformation)

    def transform_segmentation_masks(self, masks: Any, transformation: Transformation) -> Any:
        return self._mixed("transform_segmentation_masks", masks, transformation)

    def transform_labels(self, labels: Any, transformation: Transformation) -> Any:
        return labels
