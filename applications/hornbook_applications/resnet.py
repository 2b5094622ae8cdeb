"""Residual networks.

He, Zhang, Ren, Sun 2015, "Deep Residual Learning for Image Recognition", https://arxiv.org/abs/1512.03385. A block learns
what to add to its input, y = relu(x + F(x)), so that a deep network starts as a shallow one and gradients pass through.

Axes: B batch, H height, W width, C channels. The names of layers are those of Keras, and so are its weight files.
"""

from typing import Any

import hornbook as keras
from hornbook import layers
from hornbook_applications.common import ADDRESS, channel_axis, extended, image_and_inputs, load_weights, pooled
from hornbook_applications.imagenet_utils import decode_predictions
from hornbook_applications.imagenet_utils import preprocess_caffe as preprocess_input

__all__ = ["ResNet50", "ResNet101", "ResNet152", "decode_predictions", "preprocess_input"]

# Blocks in each of the four stages (table 1 of the paper), and the md5 of Keras's files with and without the classifier.
VARIANTS = {
    "resnet50": ((3, 4, 6, 3), "2cb95161c43110f7111970584f804107", "4d473c1dd8becc155b73f8504c6f6626"),
    "resnet101": ((3, 4, 23, 3), "f1aeb4b969a6efcfb50fad2f0c20cfc5", "88cf7a10940856eca736dc7b7e228a21"),
    "resnet152": ((3, 8, 36, 3), "100835be76be38e30d865e96f2aaae62", "ee4c566cf9a93f14d82f913c2dc6dd0c"),
}


# --------------------------------------------------------------------------------------------------------------- parts
def normalize(x: Any, name: str) -> Any:
    """Batch normalization over the channels."""
    return layers.BatchNormalization(axis=channel_axis(), epsilon=1.001e-5, name=name)(x)


def block(x: Any, filters: int, stride: int, project: bool, name: str) -> Any:
    """The bottleneck, relu(x + W3 relu(W2 relu(W1 x))): 1 x 1 narrows, 3 x 3 works, 1 x 1 widens to 4 `filters`.

    Args:
        x: (B, H, W, C).
        filters: the narrow width.
        stride: of the first convolution.
        project: bring x to the new shape by a 1 x 1 convolution; else x is added as it is.

    Returns:
        (B, H / stride, W / stride, 4 filters).
    """
    shortcut = x
    if project:
        shortcut = layers.Conv2D(4 * filters, 1, strides=stride, name=f"{name}_0_conv")(x)
        shortcut = normalize(shortcut, f"{name}_0_bn")
    x = layers.Conv2D(filters, 1, strides=stride, name=f"{name}_1_conv")(x)
    x = layers.Activation("relu", name=f"{name}_1_relu")(normalize(x, f"{name}_1_bn"))
    x = layers.Conv2D(filters, 3, padding="same", name=f"{name}_2_conv")(x)
    x = layers.Activation("relu", name=f"{name}_2_relu")(normalize(x, f"{name}_2_bn"))
    x = layers.Conv2D(4 * filters, 1, name=f"{name}_3_conv")(x)
    x = layers.Add(name=f"{name}_add")([shortcut, normalize(x, f"{name}_3_bn")])
    return layers.Activation("relu", name=f"{name}_out")(x)


def stage(x: Any, filters: int, blocks: int, stride: int, name: str) -> Any:
    """Blocks of one width; the first one changes the shape."""
    for i in range(blocks):
        x = block(x, filters, stride if i == 0 else 1, project=i == 0, name=f"{name}_block{i + 1}")
    return x


# --------------------------------------------------------------------------------------------------------------- whole
def _resnet(
    variant: str,
    include_top: bool,
    weights: Any,
    input_tensor: Any,
    input_shape: Any,
    pooling: str | None,
    classes: int,
    classifier_activation: Any,
    name: str,
) -> Any:
    depths, with_top, without_top = VARIANTS[variant]
    image, inputs = image_and_inputs(include_top, weights, input_tensor, input_shape, pooling, classes)
    x = layers.ZeroPadding2D(3, name="conv1_pad")(image)  # (B, 224, 224, 3)
    x = layers.Conv2D(64, 7, strides=2, name="conv1_conv")(x)  # (B, 112, 112, 64)
    x = layers.Activation("relu", name="conv1_relu")(normalize(x, "conv1_bn"))
    x = layers.MaxPooling2D(3, strides=2, name="pool1_pool")(
        layers.ZeroPadding2D(1, name="pool1_pad")(x)
    )  # (B, 56, 56, 64)
    for i, blocks in enumerate(depths):  # widths 64, 128, 256, 512; sizes 56, 28, 14, 7
        x = stage(x, 64 * 2**i, blocks, stride=1 if i == 0 else 2, name=f"conv{i + 2}")
    if include_top:
        x = layers.GlobalAveragePooling2D(name="avg_pool")(x)  # (B, 2048)
        x = layers.Dense(classes, activation=classifier_activation, name="predictions")(x)
    else:
        x = pooled(x, pooling)
    file = f"resnet/{variant}_weights_tf_dim_ordering_tf_kernels{'' if include_top else '_notop'}.h5"
    return load_weights(
        keras.Model(inputs, x, name=name), weights, ADDRESS + file, with_top if include_top else without_top
    )


@extended(preprocess_input)
def ResNet50(
    include_top: bool = True,
    weights: Any = "imagenet",
    input_tensor: Any = None,
    input_shape: Any = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str = "resnet50",
) -> Any:
    """The residual network of 50 layers: 25.6 million parameters, 76.1 % of ImageNet's validation images right.

    Args:
        include_top: end with pooling and a classifier.
        weights: None (random), "imagenet" (from the official address, checked by its md5), or the path of a file.
        input_tensor: a symbolic image to start from.
        input_shape: (height, width, channels), at least 32 x 32.
        pooling: without the top, None, "avg" or "max" over the last feature map.
        classes: classes of the classifier.
        classifier_activation: "softmax", or None for logits.
        name: the model's name.

    Raises:
        ValueError: for arguments that do not go together.
        OSError: where the weights cannot be fetched.

    >>> from hornbook_applications import ResNet50
    >>> ResNet50(weights=None, include_top=False, pooling="avg").output_shape
    (None, 2048)
    """
    return _resnet(
        "resnet50", include_top, weights, input_tensor, input_shape, pooling, classes, classifier_activation, name
    )


@extended(preprocess_input)
def ResNet101(
    include_top: bool = True,
    weights: Any = "imagenet",
    input_tensor: Any = None,
    input_shape: Any = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str = "resnet101",
) -> Any:
    """The residual network of 101 layers; the arguments are those of `ResNet50`.

    >>> from hornbook_applications import ResNet101
    >>> len(ResNet101(weights=None, include_top=False).layers)
    345
    """
    return _resnet(
        "resnet101", include_top, weights, input_tensor, input_shape, pooling, classes, classifier_activation, name
    )


@extended(preprocess_input)
def ResNet152(
    include_top: bool = True,
    weights: Any = "imagenet",
    input_tensor: Any = None,
    input_shape: Any = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str = "resnet152",
) -> Any:
    """The residual network of 152 layers; the arguments are those of `ResNet50`.

    >>> from hornbook_applications import ResNet152
    >>> len(ResNet152(weights=None, include_top=False).layers)
    515
    """
    return _resnet(
        "resnet152", include_top, weights, input_tensor, input_shape, pooling, classes, classifier_activation, name
    )
