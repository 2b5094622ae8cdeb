"""What models of segmentation share: a convolution with what follows it, and maps brought to the size of others."""

from typing import Any

import hornbook as keras
from hornbook import layers, ops


def convolution(x: Any, filters: int, size: int, name: str, rate: int = 1) -> Any:
    """relu(norm(W * x)): (B, H, W, C) -> (B, H, W, filters).

    Args:
        x: the map.
        filters: the channels of the result.
        size: of the kernel.
        name: of its layers.
        rate: the distance of the pixels that a kernel reads; 1 are neighbours.
    """
    x = layers.Conv2D(
        filters,
        size,
        padding="same",
        dilation_rate=rate,
        use_bias=False,
        kernel_initializer="he_normal",
        name=f"{name}_conv",
    )(x)
    x = layers.BatchNormalization(momentum=0.9, name=f"{name}_norm")(x)  # fit for short training on few masks, too
    return layers.Activation("relu", name=f"{name}_relu")(x)


@keras.saving.register_keras_serializable("hornbook_applications")
class ResizedLike(layers.Layer):
    """A map stretched to the height and width of another: (B, h, w, C), (B, H, W, D) -> (B, H, W, C).

    Args:
        interpolation: "bilinear" or "nearest".

    >>> import numpy as np
    >>> from hornbook_applications.segmentation.parts import ResizedLike
    >>> ResizedLike("nearest")(np.array([[[[1.0], [2.0]]]]), np.zeros((1, 1, 4, 7))).numpy().ravel()
    array([1., 1., 2., 2.], dtype=float32)
    """

    def __init__(self, interpolation: str = "bilinear", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.interpolation = interpolation

    def call(self, x: Any, like: Any) -> Any:
        size = ops.shape(like)[1:3]
        resized = ops.image.resize(x, size, interpolation=self.interpolation, data_format="channels_last")
        return ops.cast(resized, self.compute_dtype)

    def compute_output_spec(self, x: Any, like: Any) -> Any:
        return keras.KerasTensor((x.shape[0], *like.shape[1:3], x.shape[3]), self.compute_dtype)


def check_channels_last() -> None:
    """Refuse the other order of axes.

    Raises:
        ValueError: where the channels of images come first.
    """
    if keras.config.image_data_format() == "channels_first":
        raise ValueError(
            "Models of segmentation work on images whose channels come last. Call "
            "hornbook.config.set_image_data_format('channels_last')."
        )
