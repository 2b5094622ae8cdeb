"""Xception: Inception's idea to the end, every convolution apart over space and over channels.

Chollet 2017, "Xception: Deep Learning with Depthwise Separable Convolutions", https://arxiv.org/abs/1610.02357. 36
separable convolutions in 14 blocks, all but the first and the last with a shortcut, y = s(x) + F(x).

Axes: B batch, H height, W width, C channels. The names of layers are those of Keras, and so are its weight files.
"""

from typing import Any

import hornbook as keras
from hornbook import layers
from hornbook_applications.common import ADDRESS, channel_axis, extended, image_and_inputs, load_weights, pooled
from hornbook_applications.imagenet_utils import decode_predictions
from hornbook_applications.imagenet_utils import preprocess_tf as preprocess_input

__all__ = ["Xception", "decode_predictions", "preprocess_input"]

HASHES = ("0a58e3b7378bc2990ea3b43d5981f1f6", "b0042744bf5b25fce3cb969f33bebb97")  # md5 with and without the classifier


# --------------------------------------------------------------------------------------------------------------- parts
def normalize(x: Any, name: str | None = None) -> Any:
    """Batch normalization over the channels."""
    return layers.BatchNormalization(axis=channel_axis(), name=name)(x)


def relu(x: Any, name: str) -> Any:
    """max(x, 0)."""
    return layers.Activation("relu", name=f"{name}_act")(x)


def separable(x: Any, filters: int, name: str) -> Any:
    """norm(W2 (W1 * x)): 3 x 3 over each channel by itself, 1 x 1 over the channels."""
    x = layers.SeparableConv2D(filters, 3, padding="same", use_bias=False, name=name)(x)
    return normalize(x, f"{name}_bn")


def halving_block(x: Any, widths: tuple[int, int], name: str, relu_first: bool = True) -> Any:
    """Two separable convolutions and a maximum, beside a 1 x 1 convolution: (B, H, W, C) -> (B, H / 2, W / 2, widths[1])."""
    shortcut = layers.Conv2D(widths[1], 1, strides=2, padding="same", use_bias=False)(x)
    shortcut = normalize(shortcut)
    for i, filters in enumerate(widths, start=1):
        x = relu(x, f"{name}_sepconv{i}") if i > 1 or relu_first else x
        x = separable(x, filters, f"{name}_sepconv{i}")
    x = layers.MaxPooling2D(3, strides=2, padding="same", name=f"{name}_pool")(x)
    return layers.Add()([x, shortcut])


def middle_block(x: Any, name: str) -> Any:
    """Three separable convolutions added to their input: (B, H, W, 728) as it comes."""
    shortcut = x
    for i in (1, 2, 3):
        x = separable(relu(x, f"{name}_sepconv{i}"), 728, f"{name}_sepconv{i}")
    return layers.Add()([x, shortcut])


# --------------------------------------------------------------------------------------------------------------- whole
@extended(preprocess_input)
def Xception(
    include_top: bool = True,
    weights: Any = "imagenet",
    input_tensor: Any = None,
    input_shape: Any = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str = "xception",
) -> Any:
    """Xception: 22.9 million parameters, 79.0 % of ImageNet's validation images right.

    Args:
        include_top: end with pooling and a classifier.
        weights: None (random), "imagenet" (from the official address, checked by its md5), or the path of a file.
        input_tensor: a symbolic image to start from.
        input_shape: (height, width, channels), at least 71 x 71.
        pooling: without the top, None, "avg" or "max" over the last feature map.
        classes: classes of the classifier.
        classifier_activation: "softmax", or None for logits.
        name: the model's name.

    Raises:
        ValueError: for arguments that do not go together.
        OSError: where the weights cannot be fetched.

    >>> from hornbook_applications import Xception
    >>> Xception(input_shape=(71, 71, 3), weights=None, include_top=False).output_shape
    (None, 3, 3, 2048)
    """
    image, inputs = image_and_inputs(
        include_top, weights, input_tensor, input_shape, pooling, classes, size=299, smallest=71
    )
    x = layers.Conv2D(32, 3, strides=2, use_bias=False, name="block1_conv1")(image)  # (B, 149, 149, 32)
    x = relu(normalize(x, "block1_conv1_bn"), "block1_conv1")
    x = layers.Conv2D(64, 3, use_bias=False, name="block1_conv2")(x)  # (B, 147, 147, 64)
    x = relu(normalize(x, "block1_conv2_bn"), "block1_conv2")
    x = halving_block(x, (128, 128), "block2", relu_first=False)  # (B, 74, 74, 128)
    x = halving_block(x, (256, 256), "block3")  # (B, 37, 37, 256)
    x = halving_block(x, (728, 728), "block4")  # (B, 19, 19, 728)
    for i in range(5, 13):
        x = middle_block(x, f"block{i}")
    x = halving_block(x, (728, 1024), "block13")  # (B, 10, 10, 1024)
    x = relu(separable(x, 1536, "block14_sepconv1"), "block14_sepconv1")
    x = relu(separable(x, 2048, "block14_sepconv2"), "block14_sepconv2")  # (B, 10, 10, 2048)
    if include_top:
        x = layers.GlobalAveragePooling2D(name="avg_pool")(x)
        x = layers.Dense(classes, activation=classifier_activation, name="predictions")(x)
    else:
        x = pooled(x, pooling, named=False)
    file = f"xception/xception_weights_tf_dim_ordering_tf_kernels{'' if include_top else '_notop'}.h5"
    return load_weights(keras.Model(inputs, x, name=name), weights, ADDRESS + file, HASHES[0 if include_top else 1])
