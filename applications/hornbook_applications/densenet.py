"""Densely connected networks: each layer reads the outputs of all layers before it.

Huang, Liu, van der Maaten, Weinberger 2017, "Densely Connected Convolutional Networks", https://arxiv.org/abs/1608.06993.
A layer adds 32 channels to what it got, x_l = [x_{l-1}, F(x_{l-1})], so that nothing is computed twice; between the four
blocks a 1 x 1 convolution halves the channels and an average halves the image.

Axes: B batch, H height, W width, C channels. The names of layers are those of Keras, and so are its weight files.
"""

from typing import Any

import hornbook as keras
from hornbook import layers
from hornbook_applications.common import ADDRESS, channel_axis, extended, image_and_inputs, load_weights, pooled
from hornbook_applications.imagenet_utils import decode_predictions
from hornbook_applications.imagenet_utils import preprocess_torch as preprocess_input
from hornbook_applications.resnet import normalize

__all__ = ["DenseNet121", "DenseNet169", "DenseNet201", "decode_predictions", "preprocess_input"]

GROWTH = 32  # channels that a layer adds

# Layers in each of the four blocks (table 1 of the paper), and the md5 of Keras's files with and without the classifier.
VARIANTS = {
    "densenet121": ((6, 12, 24, 16), "9d60b8095a5708f2dcce2bca79d332c7", "30ee3e1110167f948a6b9946edeeb738"),
    "densenet169": ((6, 12, 32, 32), "d699b8f76981ab1b30698df4c175e90b", "b8c4d4c20dd625c148057b9ff1c1176b"),
    "densenet201": ((6, 12, 48, 32), "1ceb130c1ea1b78c3bf6114dbdfd8807", "c13680b51ded0fb44dff2d8f86ac8bb1"),
}


# --------------------------------------------------------------------------------------------------------------- parts
def activated(x: Any, name: str) -> Any:
    """relu(norm(x))."""
    return layers.Activation("relu", name=f"{name}_relu")(normalize(x, f"{name}_bn"))


def dense_layer(x: Any, name: str) -> Any:
    """[x, W2 a(W1 a(x))] with a(x) = relu(norm(x)): (B, H, W, C) -> (B, H, W, C + 32)."""
    y = layers.Conv2D(4 * GROWTH, 1, use_bias=False, name=f"{name}_1_conv")(activated(x, f"{name}_0"))
    y = layers.Conv2D(GROWTH, 3, padding="same", use_bias=False, name=f"{name}_2_conv")(activated(y, f"{name}_1"))
    return layers.Concatenate(axis=channel_axis(), name=f"{name}_concat")([x, y])


def transition(x: Any, name: str) -> Any:
    """Half the channels, then half the image: (B, H, W, C) -> (B, H / 2, W / 2, C / 2)."""
    half = x.shape[channel_axis()] // 2
    x = layers.Conv2D(half, 1, use_bias=False, name=f"{name}_conv")(activated(x, name))
    return layers.AveragePooling2D(2, strides=2, name=f"{name}_pool")(x)


# --------------------------------------------------------------------------------------------------------------- whole
def _densenet(
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
    x = layers.ZeroPadding2D(3)(image)  # (B, 224, 224, 3)
    x = layers.Conv2D(64, 7, strides=2, use_bias=False, name="conv1_conv")(x)  # (B, 112, 112, 64)
    x = layers.ZeroPadding2D(1)(activated(x, "conv1"))
    x = layers.MaxPooling2D(3, strides=2, name="pool1")(x)  # (B, 56, 56, 64)
    for i, depth in enumerate(depths, start=2):  # sizes 56, 28, 14, 7
        for j in range(1, depth + 1):
            x = dense_layer(x, f"conv{i}_block{j}")
        x = transition(x, f"pool{i}") if i < 5 else x
    x = layers.Activation("relu", name="relu")(normalize(x, "bn"))
    if include_top:
        x = layers.GlobalAveragePooling2D(name="avg_pool")(x)
        x = layers.Dense(classes, activation=classifier_activation, name="predictions")(x)
    else:
        x = pooled(x, pooling)
    file = f"densenet/{variant}_weights_tf_dim_ordering_tf_kernels{'' if include_top else '_notop'}.h5"
    return load_weights(
        keras.Model(inputs, x, name=name), weights, ADDRESS + file, with_top if include_top else without_top
    )


@extended(preprocess_input)
def DenseNet121(
    include_top: bool = True,
    weights: Any = "imagenet",
    input_tensor: Any = None,
    input_shape: Any = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str = "densenet121",
) -> Any:
    """The dense network of 121 layers: 8.1 million parameters, 75.0 % of ImageNet's validation images right.

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

    >>> from hornbook_applications import DenseNet121
    >>> DenseNet121(weights=None, include_top=False, pooling="avg").output_shape
    (None, 1024)
    """
    return _densenet(
        "densenet121", include_top, weights, input_tensor, input_shape, pooling, classes, classifier_activation, name
    )


@extended(preprocess_input)
def DenseNet169(
    include_top: bool = True,
    weights: Any = "imagenet",
    input_tensor: Any = None,
    input_shape: Any = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str = "densenet169",
) -> Any:
    """The dense network of 169 layers: 14.3 million parameters, 76.2 % of ImageNet's validation images right.

    The arguments are those of `DenseNet121`.

    >>> from hornbook_applications import DenseNet169
    >>> len(DenseNet169(weights=None, include_top=False).layers)
    595
    """
    return _densenet(
        "densenet169", include_top, weights, input_tensor, input_shape, pooling, classes, classifier_activation, name
    )


@extended(preprocess_input)
def DenseNet201(
    include_top: bool = True,
    weights: Any = "imagenet",
    input_tensor: Any = None,
    input_shape: Any = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str = "densenet201",
) -> Any:
    """The dense network of 201 layers: 20.2 million parameters, 77.3 % of ImageNet's validation images right.

    The arguments are those of `DenseNet121`.

    >>> from hornbook_applications import DenseNet201
    >>> len(DenseNet201(weights=None, include_top=False).layers)
    707
    """
    return _densenet(
        "densenet201", include_top, weights, input_tensor, input_shape, pooling, classes, classifier_activation, name
    )
