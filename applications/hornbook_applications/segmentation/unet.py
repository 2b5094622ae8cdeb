"""U-Net: down to coarse maps that know what is there, and up again with the fine ones that know where.

Ronneberger, Fischer, Brox 2015, "U-Net: Convolutional Networks for Biomedical Image Segmentation",
https://arxiv.org/abs/1505.04597. With F two 3 x 3 convolutions, pool the maximum of 2 x 2, and up an upsampling followed by a
2 x 2 convolution,

    d_0 = F(image),  d_i = F(pool(d_{i-1})),      u_n = d_n,  u_i = F([d_i, up(u_{i+1})]),      logits = W u_0

The paper's convolutions lose a rim, so that its masks are smaller than its images; here they are padded, and normalized.

Axes: B batch, H height, W width, C channels.
"""

from collections.abc import Sequence
from typing import Any

import hornbook as keras
from hornbook import layers
from hornbook.core.arguments import positive_integer
from hornbook_applications.segmentation.parts import ResizedLike, check_channels_last, convolution

__all__ = ["UNet"]


def twice(x: Any, filters: int, name: str) -> Any:
    """F of the formula: (B, H, W, C) -> (B, H, W, filters)."""
    return convolution(convolution(x, filters, 3, f"{name}_1"), filters, 3, f"{name}_2")


def UNet(
    input_shape: Any = (None, None, 3),
    classes: int = 2,
    widths: Sequence[int] = (64, 128, 256, 512, 1024),
    dropout: float = 0.0,
    include_preprocessing: bool = True,
    name: str = "unet",
) -> Any:
    """U-Net: logits (B, H, W, classes) of images (B, H, W, C) of any size; 31 million parameters with the paper's widths.

    Args:
        input_shape: (height, width, channels); None where the size may vary.
        classes: how many classes a pixel can have.
        widths: channels of the maps of strides 1, 2, 4, ...; each halves the image once more.
        dropout: how much of the coarsest map is left out in training.
        include_preprocessing: take pixels 0 .. 255, as -1 .. 1 inside.
        name: the model's name.

    Raises:
        ValueError: for widths or classes that are no positive numbers, and where the channels of images come first.

    >>> from hornbook_applications.segmentation import UNet
    >>> UNet((None, None, 1), classes=4, widths=(8, 16, 32)).output_shape
    (None, None, None, 4)
    """
    check_channels_last()
    positive_integer(classes, "classes")
    widths = [positive_integer(width, "widths") for width in widths]
    if not widths:
        raise ValueError("widths must have one number at least, the channels of the finest map.")
    image = keras.Input(input_shape)  # (B, H, W, C)
    x = layers.Rescaling(1 / 127.5, offset=-1.0)(image) if include_preprocessing else image
    fine = []
    for i, width in enumerate(widths):  # sizes H, H / 2, H / 4, ...
        if i:
            fine.append(x)
            x = layers.MaxPooling2D(2, padding="same", name=f"down_{i}_pool")(x)
        x = twice(x, width, f"down_{i}")
    x = layers.Dropout(dropout)(x) if dropout else x
    for i, (width, there) in reversed(list(enumerate(zip(widths, fine, strict=False)))):
        x = ResizedLike("nearest", name=f"up_{i}_size")(x, there)
        x = layers.Conv2D(width, 2, padding="same", activation="relu", name=f"up_{i}_conv")(x)
        x = layers.Concatenate(name=f"up_{i}_concat")([there, x])
        x = twice(x, width, f"up_{i}")
    # Logits are float32 in mixed precision too, as losses want them.
    logits = layers.Conv2D(classes, 1, dtype="float32", name="logits")(x)  # (B, H, W, classes)
    return keras.Model(image, logits, name=name)
