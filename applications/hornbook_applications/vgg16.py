"""VGG: plain stacks of 3 x 3 convolutions, here of 16 layers; `vgg19.py` has the deeper one.

Simonyan, Zisserman 2014, "Very Deep Convolutional Networks for Large-Scale Image Recognition",
https://arxiv.org/abs/1409.1556. Two 3 x 3 convolutions see as far as one of 5 x 5, three as far as one of 7 x 7, with
fewer weights and more nonlinearities: y = relu(W * x + b), again and again, and the image halved by a maximum in between.

Axes: B batch, H height, W width, C channels. The names of layers are those of Keras, and so are its weight files.
"""

from typing import Any

import hornbook as keras
from hornbook import layers
from hornbook_applications.common import ADDRESS, extended, image_and_inputs, load_weights, pooled
from hornbook_applications.imagenet_utils import decode_predictions
from hornbook_applications.imagenet_utils import preprocess_caffe as preprocess_input

__all__ = ["VGG16", "decode_predictions", "preprocess_input"]

WIDTHS = (64, 128, 256, 512, 512)  # of the five blocks (table 1 of the paper)

# Convolutions in each block (columns D and E of table 1), and the md5 of Keras's files with and without the classifier.
VARIANTS = {
    "vgg16": ((2, 2, 3, 3, 3), "64373286793e3c8b2b4e3219cbf3544b", "6d6bbae143d832006294945121d1f1fc"),
    "vgg19": ((2, 2, 4, 4, 4), "cbe5617147190e668d6c5d5026f83318", "253f8cb515780f3b799900260a226db6"),
}


def block(x: Any, filters: int, convolutions: int, name: str) -> Any:
    """Convolutions of one width, then the maximum of each 2 x 2: (B, H, W, C) -> (B, H / 2, W / 2, filters)."""
    for i in range(1, convolutions + 1):
        x = layers.Conv2D(filters, 3, padding="same", activation="relu", name=f"{name}_conv{i}")(x)
    return layers.MaxPooling2D(2, strides=2, name=f"{name}_pool")(x)


def vgg(
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
    """The network of a row of VARIANTS; the other arguments are those of `VGG16`."""
    depths, with_top, without_top = VARIANTS[variant]
    x, inputs = image_and_inputs(include_top, weights, input_tensor, input_shape, pooling, classes)  # (B, 224, 224, 3)
    for i, (filters, convolutions) in enumerate(zip(WIDTHS, depths, strict=True), start=1):
        x = block(x, filters, convolutions, name=f"block{i}")  # sizes 112, 56, 28, 14, 7
    if include_top:
        x = layers.Flatten(name="flatten")(x)  # (B, 25088)
        x = layers.Dense(4096, activation="relu", name="fc1")(x)
        x = layers.Dense(4096, activation="relu", name="fc2")(x)
        x = layers.Dense(classes, activation=classifier_activation, name="predictions")(x)
    else:
        x = pooled(x, pooling, named=False)
    file = f"{variant}/{variant}_weights_tf_dim_ordering_tf_kernels{'' if include_top else '_notop'}.h5"
    return load_weights(
        keras.Model(inputs, x, name=name), weights, ADDRESS + file, with_top if include_top else without_top
    )


@extended(preprocess_input)
def VGG16(
    include_top: bool = True,
    weights: Any = "imagenet",
    input_tensor: Any = None,
    input_shape: Any = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str = "vgg16",
) -> Any:
    """VGG of 16 layers: 138.4 million parameters, 71.3 % of ImageNet's validation images right.

    Args:
        include_top: end with the three dense layers.
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

    >>> from hornbook_applications import VGG16
    >>> VGG16(weights=None, include_top=False, input_shape=(64, 64, 3)).output_shape
    (None, 2, 2, 512)
    """
    return vgg("vgg16", include_top, weights, input_tensor, input_shape, pooling, classes, classifier_activation, name)
