"""Inception, version 3: blocks of branches that see a place at several sizes side by side.

Szegedy, Vanhoucke, Ioffe, Shlens, Wojna 2015, "Rethinking the Inception Architecture for Computer Vision",
https://arxiv.org/abs/1512.00567. A block concatenates branches, [F1(x), F2(x), F3(x), pool(x)]; a convolution of n x n
becomes one of 1 x n and one of n x 1, which cost 2 / n of it.

Axes: B batch, H height, W width, C channels. The names of layers are those of Keras, and so are its weight files.
"""

from typing import Any

import hornbook as keras
from hornbook import layers
from hornbook_applications.common import ADDRESS, channel_axis, extended, image_and_inputs, load_weights, pooled
from hornbook_applications.imagenet_utils import decode_predictions
from hornbook_applications.imagenet_utils import preprocess_tf as preprocess_input

__all__ = ["InceptionV3", "decode_predictions", "preprocess_input"]

HASHES = ("9a0d58056eeedaa3f26cb7ebd46da564", "bcbd6486424b2319ff4ef7d526e38f63")  # md5 with and without the classifier

ROW, COLUMN = (1, 7), (7, 1)  # the two halves of a convolution of 7 x 7


# --------------------------------------------------------------------------------------------------------------- parts
def convolution(
    x: Any, filters: int, kernel: Any, stride: int = 1, padding: str = "same", name: str | None = None
) -> Any:
    """relu(norm(W * x)), without a scale in the normalization: the next layer has one."""
    x = layers.Conv2D(filters, kernel, strides=stride, padding=padding, use_bias=False, name=name)(x)
    x = layers.BatchNormalization(axis=channel_axis(), scale=False, name=name and f"{name}_bn")(x)
    return layers.Activation("relu", name=name and f"{name}_ac")(x)


def branch(x: Any, *convolutions: tuple[int, Any]) -> Any:
    """Convolutions, (filters, kernel) each, one after the other."""
    for filters, kernel in convolutions:
        x = convolution(x, filters, kernel)
    return x


def halved(x: Any, filters: int) -> Any:
    """A 3 x 3 convolution of stride 2."""
    return convolution(x, filters, 3, stride=2, padding="valid")


def around(x: Any) -> Any:
    """The mean of each 3 x 3 pixels."""
    return layers.AveragePooling2D(3, strides=1, padding="same")(x)


def joined(branches: list, name: str | None = None) -> Any:
    """The branches' channels side by side."""
    return layers.Concatenate(axis=channel_axis(), name=name)(branches)


def stem(image: Any) -> Any:
    """The plain convolutions at the start: (B, 299, 299, 3) -> (B, 35, 35, 192)."""
    x = halved(image, 32)  # (B, 149, 149, 32)
    x = convolution(x, 32, 3, padding="valid")
    x = convolution(x, 64, 3)  # (B, 147, 147, 64)
    x = layers.MaxPooling2D(3, strides=2)(x)
    x = convolution(x, 80, 1, padding="valid")  # (B, 73, 73, 80)
    x = convolution(x, 192, 3, padding="valid")
    return layers.MaxPooling2D(3, strides=2)(x)


def block_35(x: Any, pool_filters: int, name: str) -> Any:
    """The block for images of 35 x 35, its 5 x 5 convolutions as two of 3 x 3 (figure 5): 224 channels + pool_filters."""
    return joined(
        [
            branch(x, (64, 1)),
            branch(x, (48, 1), (64, 5)),
            branch(x, (64, 1), (96, 3), (96, 3)),
            branch(around(x), (pool_filters, 1)),
        ],
        name,
    )


def reduction_35(x: Any, name: str) -> Any:
    """(B, 35, 35, C) -> (B, 17, 17, C + 480), by convolutions and a maximum of stride 2 side by side (figure 10)."""
    return joined(
        [halved(x, 384), halved(branch(x, (64, 1), (96, 3)), 96), layers.MaxPooling2D(3, strides=2)(x)],
        name,
    )


def block_17(x: Any, inner: int, name: str) -> Any:
    """The block for images of 17 x 17, its 7 x 7 convolutions in rows and columns (figure 6): 768 channels."""
    return joined(
        [
            branch(x, (192, 1)),
            branch(x, (inner, 1), (inner, ROW), (192, COLUMN)),
            branch(x, (inner, 1), (inner, COLUMN), (inner, ROW), (inner, COLUMN), (192, ROW)),
            branch(around(x), (192, 1)),
        ],
        name,
    )


def reduction_17(x: Any, name: str) -> Any:
    """(B, 17, 17, C) -> (B, 8, 8, C + 512)."""
    return joined(
        [
            halved(branch(x, (192, 1)), 320),
            halved(branch(x, (192, 1), (192, ROW), (192, COLUMN)), 192),
            layers.MaxPooling2D(3, strides=2)(x),
        ],
        name,
    )


def block_8(x: Any, name: str, split_name: str) -> Any:
    """The block for images of 8 x 8, rows and columns of 3 side by side (figure 7): 2048 channels."""
    first = branch(x, (320, 1))
    narrow = branch(x, (384, 1))
    second = joined([branch(narrow, (384, (1, 3))), branch(narrow, (384, (3, 1)))], split_name)
    deep = branch(x, (448, 1), (384, 3))
    third = joined([branch(deep, (384, (1, 3))), branch(deep, (384, (3, 1)))])
    return joined([first, second, third, branch(around(x), (192, 1))], name)


# --------------------------------------------------------------------------------------------------------------- whole
@extended(preprocess_input)
def InceptionV3(
    include_top: bool = True,
    weights: Any = "imagenet",
    input_tensor: Any = None,
    input_shape: Any = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str = "inception_v3",
) -> Any:
    """Inception, version 3: 23.9 million parameters, 77.9 % of ImageNet's validation images right.

    Args:
        include_top: end with pooling and a classifier.
        weights: None (random), "imagenet" (from the official address, checked by its md5), or the path of a file.
        input_tensor: a symbolic image to start from.
        input_shape: (height, width, channels), at least 75 x 75.
        pooling: without the top, None, "avg" or "max" over the last feature map.
        classes: classes of the classifier.
        classifier_activation: "softmax", or None for logits.
        name: the model's name.

    Raises:
        ValueError: for arguments that do not go together.
        OSError: where the weights cannot be fetched.

    >>> from hornbook_applications import InceptionV3
    >>> InceptionV3(input_shape=(75, 75, 3), weights=None, include_top=False).output_shape
    (None, 1, 1, 2048)
    """
    image, inputs = image_and_inputs(
        include_top, weights, input_tensor, input_shape, pooling, classes, size=299, smallest=75
    )
    x = stem(image)  # (B, 35, 35, 192)
    for i, pool_filters in enumerate((32, 64, 64)):
        x = block_35(x, pool_filters, f"mixed{i}")
    x = reduction_35(x, "mixed3")  # (B, 17, 17, 768)
    for i, inner in enumerate((128, 160, 160, 192), start=4):
        x = block_17(x, inner, f"mixed{i}")
    x = reduction_17(x, "mixed8")  # (B, 8, 8, 1280)
    for i in (0, 1):
        x = block_8(x, f"mixed{9 + i}", f"mixed9_{i}")  # (B, 8, 8, 2048)
    if include_top:
        x = layers.GlobalAveragePooling2D(name="avg_pool")(x)
        x = layers.Dense(classes, activation=classifier_activation, name="predictions")(x)
    else:
        x = pooled(x, pooling, named=False)
    file = f"inception_v3/inception_v3_weights_tf_dim_ordering_tf_kernels{'' if include_top else '_notop'}.h5"
    return load_weights(keras.Model(inputs, x, name=name), weights, ADDRESS + file, HASHES[0 if include_top else 1])
