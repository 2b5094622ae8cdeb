"""Residual networks whose shortcut is the identity from end to end.

He, Zhang, Ren, Sun 2016, "Identity Mappings in Deep Residual Networks", https://arxiv.org/abs/1603.05027. Normalization
and relu stand before each convolution and none after the sum, y = x + F(relu(norm(x))), so that a signal passes through
all blocks of a stage unchanged (figure 4e of the paper).

Axes: B batch, H height, W width, C channels. The names of layers are those of Keras, and so are its weight files.
"""

from typing import Any

import hornbook as keras
from hornbook import layers
from hornbook_applications.common import ADDRESS, extended, image_and_inputs, load_weights, pooled
from hornbook_applications.imagenet_utils import decode_predictions
from hornbook_applications.imagenet_utils import preprocess_tf as preprocess_input
from hornbook_applications.resnet import normalize

__all__ = ["ResNet50V2", "ResNet101V2", "ResNet152V2", "decode_predictions", "preprocess_input"]

# Blocks in each of the four stages, and the md5 of Keras's files with and without the classifier.
VARIANTS = {
    "resnet50v2": ((3, 4, 6, 3), "3ef43a0b657b3be2300d5770ece849e0", "fac2f116257151a9d068a22e544a4917"),
    "resnet101v2": ((3, 4, 23, 3), "6343647c601c52e1368623803854d971", "c0ed64b8031c3730f411d2eb4eea35b5"),
    "resnet152v2": ((3, 8, 36, 3), "a49b44d1979771252814e80f8ec446f9", "ed17cf2e0169df9d443503ef94b23b33"),
}


# --------------------------------------------------------------------------------------------------------------- parts
def activated(x: Any, name: str) -> Any:
    """relu(norm(x))."""
    return layers.Activation("relu", name=f"{name}_relu")(normalize(x, f"{name}_bn"))


def block(x: Any, filters: int, stride: int, project: bool, name: str) -> Any:
    """The bottleneck before the sum, x + W3 a(W2 a(W1 a(x))) with a(x) = relu(norm(x)).

    Args:
        x: (B, H, W, C).
        filters: the narrow width.
        stride: of the 3 x 3 convolution; the shortcut then keeps every second pixel.
        project: bring a(x) to the new width by a 1 x 1 convolution, as the shortcut.

    Returns:
        (B, H / stride, W / stride, 4 filters).
    """
    before = activated(x, f"{name}_preact")
    if project:
        shortcut = layers.Conv2D(4 * filters, 1, strides=stride, name=f"{name}_0_conv")(before)
    else:
        shortcut = layers.MaxPooling2D(1, strides=stride)(x) if stride > 1 else x
    y = layers.Conv2D(filters, 1, use_bias=False, name=f"{name}_1_conv")(before)
    y = layers.ZeroPadding2D(1, name=f"{name}_2_pad")(activated(y, f"{name}_1"))
    y = layers.Conv2D(filters, 3, strides=stride, use_bias=False, name=f"{name}_2_conv")(y)
    y = layers.Conv2D(4 * filters, 1, name=f"{name}_3_conv")(activated(y, f"{name}_2"))
    return layers.Add(name=f"{name}_out")([shortcut, y])


def stage(x: Any, filters: int, blocks: int, stride: int, name: str) -> Any:
    """Blocks of one width: the first one widens, the last one has the stride."""
    for i in range(1, blocks + 1):
        x = block(x, filters, stride if i == blocks else 1, project=i == 1, name=f"{name}_block{i}")
    return x


# --------------------------------------------------------------------------------------------------------------- whole
def _resnet_v2(
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
    x = layers.ZeroPadding2D(1, name="pool1_pad")(x)
    x = layers.MaxPooling2D(3, strides=2, name="pool1_pool")(x)  # (B, 56, 56, 64)
    for i, blocks in enumerate(depths):  # widths 64, 128, 256, 512; sizes 28, 14, 7, 7
        x = stage(x, 64 * 2**i, blocks, stride=2 if i < 3 else 1, name=f"conv{i + 2}")
    x = activated(x, "post")
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
def ResNet50V2(
    include_top: bool = True,
    weights: Any = "imagenet",
    input_tensor: Any = None,
    input_shape: Any = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str = "resnet50v2",
) -> Any:
    """The residual network of 50 layers, version 2: 25.6 million parameters, 76.0 % of ImageNet's validation images right.

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

    >>> from hornbook_applications import ResNet50V2
    >>> ResNet50V2(weights=None, include_top=False, pooling="avg").output_shape
    (None, 2048)
    """
    return _resnet_v2(
        "resnet50v2", include_top, weights, input_tensor, input_shape, pooling, classes, classifier_activation, name
    )


@extended(preprocess_input)
def ResNet101V2(
    include_top: bool = True,
    weights: Any = "imagenet",
    input_tensor: Any = None,
    input_shape: Any = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str = "resnet101v2",
) -> Any:
    """The residual network of 101 layers, version 2: 44.7 million parameters, 77.2 % of ImageNet's validation images right.

    The arguments are those of `ResNet50V2`.

    >>> from hornbook_applications import ResNet101V2
    >>> len(ResNet101V2(weights=None, include_top=False).layers)
    377
    """
    return _resnet_v2(
        "resnet101v2", include_top, weights, input_tensor, input_shape, pooling, classes, classifier_activation, name
    )


@extended(preprocess_input)
def ResNet152V2(
    include_top: bool = True,
    weights: Any = "imagenet",
    input_tensor: Any = None,
    input_shape: Any = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str = "resnet152v2",
) -> Any:
    """The residual network of 152 layers, version 2: 60.4 million parameters, 78.0 % of ImageNet's validation images right.

    The arguments are those of `ResNet50V2`.

    >>> from hornbook_applications import ResNet152V2
    >>> len(ResNet152V2(weights=None, include_top=False).layers)
    564
    """
    return _resnet_v2(
        "resnet152v2", include_top, weights, input_tensor, input_shape, pooling, classes, classifier_activation, name
    )
