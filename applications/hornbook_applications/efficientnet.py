"""EfficientNets: one small network, and its copies grown in depth, width and resolution at once.

Tan, Le 2019, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks", https://arxiv.org/abs/1905.11946.
B0 was found by search; B1 to B7 follow from it by compound scaling, depth 1.2^p, width 1.1^p, resolution 1.15^p, so that
each step of p doubles the work. Its block is MobileNet's inverted bottleneck with squeeze and excitation (Hu, Shen, Sun
2018, https://arxiv.org/abs/1709.01507), where W are 1 x 1 convolutions and D one of k x k in each channel by itself:

    h = swish(D swish(W1 x)),   s = sigmoid(W3 swish(W2 mean(h))),   y = x + W4 (s h)

Axes: B batch, H height, W width, C channels. The names of layers are those of Keras, and so are its weight files.
"""

import math
import string
from typing import Any

import hornbook as keras
from hornbook import initializers, layers
from hornbook_applications.common import (
    channel_axis,
    extended,
    image_and_inputs,
    load_weights,
    padding_before_stride,
    pooled,
    scales_inside,
)
from hornbook_applications.imagenet_utils import decode_predictions
from hornbook_applications.imagenet_utils import preprocess_nothing as preprocess_input

__all__ = [
    "EfficientNetB0",
    "EfficientNetB1",
    "EfficientNetB2",
    "EfficientNetB3",
    "EfficientNetB4",
    "EfficientNetB5",
    "EfficientNetB6",
    "EfficientNetB7",
    "decode_predictions",
    "preprocess_input",
]

ADDRESS = "https://storage.googleapis.com/keras-applications/"
# The variance in Keras's files is ImageNet's deviation, so what the Normalization layer gives is divided by its root.
DEVIATION = (0.229, 0.224, 0.225)
SQUEEZE = 0.25  # the width between squeeze and excitation, as a part of the block's input
DROP_RATE = 0.2  # how often training leaves out the last block; before it the rate grows from 0

# B0, table 1 of the paper.
STAGES = (
    # kernel, blocks, width, stride, expansion
    (3, 1, 16, 1, 1),
    (3, 2, 24, 2, 6),
    (5, 2, 40, 2, 6),
    (3, 3, 80, 2, 6),
    (5, 3, 112, 1, 6),
    (5, 4, 192, 2, 6),
    (3, 1, 320, 1, 6),
)

VARIANTS = {
    # width and depth against B0, size, dropout before the classifier, md5 of Keras's files with and without it
    "efficientnetb0": (1.0, 1.0, 224, 0.2, "902e53a9f72be733fc0bcb005b3ebbac", "50bc09e76180e00e4465e1a485ddc09d"),
    "efficientnetb1": (1.0, 1.1, 240, 0.2, "1d254153d4ab51201f1646940f018540", "74c4e6b3e1f6a1eea24c589628592432"),
    "efficientnetb2": (1.1, 1.2, 260, 0.3, "b15cce36ff4dcbd00b6dd88e7857a6ad", "111f8e2ac8aa800a7a99e3239f7bfb39"),
    "efficientnetb3": (1.2, 1.4, 300, 0.3, "ffd1fdc53d0ce67064dc6a9c7960ede0", "af6d107764bb5b1abb91932881670226"),
    "efficientnetb4": (1.4, 1.8, 380, 0.4, "18c95ad55216b8f92d7e70b3a046e2fc", "ebc24e6d6c33eaebbd558eafbeedf1ba"),
    "efficientnetb5": (1.6, 2.2, 456, 0.4, "ace28f2a6363774853a83a0b21b9421a", "38879255a25d3c92d5e44e04ae6cec6f"),
    "efficientnetb6": (1.8, 2.6, 528, 0.5, "165f6e37dce68623721b423839de8be5", "9ecce42647a20130c1f39a5d4cb75743"),
    "efficientnetb7": (2.0, 3.1, 600, 0.5, "8c03f828fec3ef71311cd463b6759d99", "cbcfe4450ddf6f3ad90b1b398090fe4a"),
}


# --------------------------------------------------------------------------------------------------------------- parts
def scaled_width(width: int, scale: float) -> int:
    """`width` times `scale`, to the nearest multiple of 8 that is not under nine tenths of it."""
    exact = width * scale
    rounded = max(8, int(exact + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * exact else rounded


def convolution_start() -> Any:
    """Kernels of variance 2 / fan-out, so that gradients keep their size through swish."""
    return initializers.VarianceScaling(2.0, mode="fan_out", distribution="truncated_normal")


def classifier_start() -> Any:
    """The classifier's kernel, uniform in +- 1 / sqrt(classes)."""
    return initializers.VarianceScaling(1 / 3, mode="fan_out", distribution="uniform")


def normalize_swish(x: Any, name: str, activation: str) -> Any:
    """Batch normalization, then swish(x) = x sigmoid(x)."""
    x = layers.BatchNormalization(axis=channel_axis(), name=name)(x)
    return layers.Activation("swish", name=activation)(x)


def squeeze_excite(x: Any, squeezed: int, name: str) -> Any:
    """Each channel times a weight that its mean over the image decides: x * sigmoid(W3 swish(W2 mean(x))).

    Args:
        x: (B, H, W, C).
        squeezed: the width between W2 and W3.
    """
    width = x.shape[channel_axis()]
    place = (1, 1, width) if channel_axis() == 3 else (width, 1, 1)
    s = layers.GlobalAveragePooling2D(name=f"{name}se_squeeze")(x)
    s = layers.Reshape(place, name=f"{name}se_reshape")(s)
    for part, filters, activation in (("reduce", squeezed, "swish"), ("expand", width, "sigmoid")):
        s = layers.Conv2D(
            filters,
            1,
            padding="same",
            activation=activation,
            kernel_initializer=convolution_start(),
            name=f"{name}se_{part}",
        )(s)
    return layers.multiply([x, s], name=f"{name}se_excite")


def drop_and_add(x: Any, shortcut: Any, rate: float, name: str) -> Any:
    """shortcut + x, where training leaves out x at this rate, in each image by itself.

    Source: Huang et al. 2016, "Deep Networks with Stochastic Depth", https://arxiv.org/abs/1603.09382
    """
    if rate > 0:
        x = layers.Dropout(rate, noise_shape=(None, 1, 1, 1), name=f"{name}drop")(x)
    return layers.add([x, shortcut], name=f"{name}add")


def block(x: Any, filters: int, kernel: int, stride: int, expansion: int, drop_rate: float, name: str) -> Any:
    """The inverted bottleneck: 1 x 1 widens, k x k works in each channel by itself, 1 x 1 narrows.

    Args:
        x: (B, H, W, C).
        filters: the width it ends with.
        kernel, stride: of the convolution in the middle.
        expansion: how many times wider than C the middle is.
        drop_rate: how often training leaves the block out.

    Returns:
        (B, H / stride, W / stride, filters).
    """
    shortcut, width = x, x.shape[channel_axis()]
    middle = expansion * width
    plain = {"use_bias": False, "padding": "same"}
    if expansion != 1:
        x = layers.Conv2D(middle, 1, kernel_initializer=convolution_start(), name=f"{name}expand_conv", **plain)(x)
        x = normalize_swish(x, f"{name}expand_bn", f"{name}expand_activation")
    if stride == 2:
        x = layers.ZeroPadding2D(padding_before_stride(x, kernel), name=f"{name}dwconv_pad")(x)
    x = layers.DepthwiseConv2D(
        kernel,
        strides=stride,
        padding="valid" if stride == 2 else "same",
        use_bias=False,
        depthwise_initializer=convolution_start(),
        name=f"{name}dwconv",
    )(x)
    x = normalize_swish(x, f"{name}bn", f"{name}activation")
    x = squeeze_excite(x, max(1, int(width * SQUEEZE)), name)
    x = layers.Conv2D(filters, 1, kernel_initializer=convolution_start(), name=f"{name}project_conv", **plain)(x)
    x = layers.BatchNormalization(axis=channel_axis(), name=f"{name}project_bn")(x)
    return drop_and_add(x, shortcut, drop_rate, name) if stride == 1 and width == filters else x


# --------------------------------------------------------------------------------------------------------------- whole
def _efficientnet(
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
    width, depth, size, dropout, with_top, without_top = VARIANTS[variant]
    image, inputs = image_and_inputs(include_top, weights, input_tensor, input_shape, pooling, classes, size=size)

    x = image  # (B, 224, 224, 3), here and below the sizes of B0
    if scales_inside():
        x = layers.Normalization(axis=channel_axis())(layers.Rescaling(1 / 255)(x))
        if weights == "imagenet":
            scale: Any = [1 / math.sqrt(DEVIATION[i % 3]) for i in range(image.shape[channel_axis()])]
            x = layers.Rescaling(scale if channel_axis() == 3 else [[[s]] for s in scale])(x)
    x = layers.ZeroPadding2D(padding_before_stride(x, 3), name="stem_conv_pad")(x)
    x = layers.Conv2D(
        scaled_width(32, width), 3, strides=2, kernel_initializer=convolution_start(), use_bias=False, name="stem_conv"
    )(x)  # (B, 112, 112, 32)
    x = normalize_swish(x, "stem_bn", "stem_activation")

    depths = [math.ceil(depth * blocks) for _, blocks, _, _, _ in STAGES]
    done = 0
    for i, (kernel, _, filters, stride, expansion) in enumerate(STAGES):  # sizes 112, 56, 28, 14, 14, 7, 7
        for letter in string.ascii_lowercase[: depths[i]]:
            drop_rate = DROP_RATE * done / sum(depths)
            x = block(
                x,
                scaled_width(filters, width),
                kernel,
                stride if letter == "a" else 1,
                expansion,
                drop_rate,
                name=f"block{i + 1}{letter}_",
            )
            done += 1

    x = layers.Conv2D(
        scaled_width(1280, width),
        1,
        padding="same",
        kernel_initializer=convolution_start(),
        use_bias=False,
        name="top_conv",
    )(x)
    x = normalize_swish(x, "top_bn", "top_activation")  # (B, 7, 7, 1280)
    if include_top:
        x = layers.GlobalAveragePooling2D(name="avg_pool")(x)  # (B, 1280)
        x = layers.Dropout(dropout, name="top_dropout")(x)
        x = layers.Dense(
            classes, activation=classifier_activation, kernel_initializer=classifier_start(), name="predictions"
        )(x)
    else:
        x = pooled(x, pooling)
    address = f"{ADDRESS}{variant}{'' if include_top else '_notop'}.h5"
    return load_weights(keras.Model(inputs, x, name=name), weights, address, with_top if include_top else without_top)


@extended()
def EfficientNetB0(
    include_top: bool = True,
    weights: Any = "imagenet",
    input_tensor: Any = None,
    input_shape: Any = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str = "efficientnetb0",
) -> Any:
    """The network found by search, for pixels 0 .. 255 of 224 x 224: 5.3 million parameters, 77.1 % of ImageNet right.

    Args:
        include_top: end with pooling and a classifier.
        weights: None (random), "imagenet" (from the official address, checked by its md5), or the path of a file.
        input_tensor: a symbolic image to start from, pixels 0 .. 255.
        input_shape: (height, width, channels), at least 32 x 32.
        pooling: without the top, None, "avg" or "max" over the last feature map.
        classes: classes of the classifier.
        classifier_activation: "softmax", or None for logits.
        name: the model's name.

    Raises:
        ValueError: for arguments that do not go together.
        OSError: where the weights cannot be fetched.

    >>> from hornbook_applications import EfficientNetB0
    >>> EfficientNetB0(weights=None, include_top=False, input_shape=(32, 32, 3)).output_shape
    (None, 1, 1, 1280)
    """
    return _efficientnet(
        "efficientnetb0", include_top, weights, input_tensor, input_shape, pooling, classes, classifier_activation, name
    )


@extended()
def EfficientNetB1(
    include_top: bool = True,
    weights: Any = "imagenet",
    input_tensor: Any = None,
    input_shape: Any = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str = "efficientnetb1",
) -> Any:
    """B0 grown to 240 x 240 pixels: 7.9 million parameters, 79.1 % right; the arguments are those of `EfficientNetB0`.

    >>> from hornbook_applications import EfficientNetB1
    >>> EfficientNetB1(weights=None, include_top=False, input_shape=(32, 32, 3)).output_shape
    (None, 1, 1, 1280)
    """
    return _efficientnet(
        "efficientnetb1", include_top, weights, input_tensor, input_shape, pooling, classes, classifier_activation, name
    )


@extended()
def EfficientNetB2(
    include_top: bool = True,
    weights: Any = "imagenet",
    input_tensor: Any = None,
    input_shape: Any = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str = "efficientnetb2",
) -> Any:
    """B0 grown to 260 x 260 pixels: 9.2 million parameters, 80.1 % right; the arguments are those of `EfficientNetB0`.

    >>> from hornbook_applications import EfficientNetB2
    >>> EfficientNetB2(weights=None, include_top=False, input_shape=(32, 32, 3)).output_shape
    (None, 1, 1, 1408)
    """
    return _efficientnet(
        "efficientnetb2", include_top, weights, input_tensor, input_shape, pooling, classes, classifier_activation, name
    )


@extended()
def EfficientNetB3(
    include_top: bool = True,
    weights: Any = "imagenet",
    input_tensor: Any = None,
    input_shape: Any = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str = "efficientnetb3",
) -> Any:
    """B0 grown to 300 x 300 pixels: 12.3 million parameters, 81.6 % right; the arguments are those of `EfficientNetB0`.

    >>> from hornbook_applications import EfficientNetB3
    >>> EfficientNetB3(weights=None, include_top=False, input_shape=(32, 32, 3)).output_shape
    (None, 1, 1, 1536)
    """
    return _efficientnet(
        "efficientnetb3", include_top, weights, input_tensor, input_shape, pooling, classes, classifier_activation, name
    )


@extended()
def EfficientNetB4(
    include_top: bool = True,
    weights: Any = "imagenet",
    input_tensor: Any = None,
    input_shape: Any = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str = "efficientnetb4",
) -> Any:
    """B0 grown to 380 x 380 pixels: 19.5 million parameters, 82.9 % right; the arguments are those of `EfficientNetB0`.

    >>> from hornbook_applications import EfficientNetB4
    >>> EfficientNetB4(weights=None, include_top=False, input_shape=(32, 32, 3)).output_shape
    (None, 1, 1, 1792)
    """
    return _efficientnet(
        "efficientnetb4", include_top, weights, input_tensor, input_shape, pooling, classes, classifier_activation, name
    )


@extended()
def EfficientNetB5(
    include_top: bool = True,
    weights: Any = "imagenet",
    input_tensor: Any = None,
    input_shape: Any = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str = "efficientnetb5",
) -> Any:
    """B0 grown to 456 x 456 pixels: 30.6 million parameters, 83.6 % right; the arguments are those of `EfficientNetB0`.

    >>> from hornbook_applications import EfficientNetB5
    >>> EfficientNetB5(weights=None, include_top=False, input_shape=(32, 32, 3)).output_shape
    (None, 1, 1, 2048)
    """
    return _efficientnet(
        "efficientnetb5", include_top, weights, input_tensor, input_shape, pooling, classes, classifier_activation, name
    )


@extended()
def EfficientNetB6(
    include_top: bool = True,
    weights: Any = "imagenet",
    input_tensor: Any = None,
    input_shape: Any = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str = "efficientnetb6",
) -> Any:
    """B0 grown to 528 x 528 pixels: 43.3 million parameters, 84.0 % right; the arguments are those of `EfficientNetB0`.

    >>> from hornbook_applications import EfficientNetB6
    >>> EfficientNetB6(weights=None, include_top=False, input_shape=(32, 32, 3)).output_shape
    (None, 1, 1, 2304)
    """
    return _efficientnet(
        "efficientnetb6", include_top, weights, input_tensor, input_shape, pooling, classes, classifier_activation, name
    )


@extended()
def EfficientNetB7(
    include_top: bool = True,
    weights: Any = "imagenet",
    input_tensor: Any = None,
    input_shape: Any = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str = "efficientnetb7",
) -> Any:
    """B0 grown to 600 x 600 pixels: 66.7 million parameters, 84.3 % right; the arguments are those of `EfficientNetB0`.

    >>> from hornbook_applications import EfficientNetB7
    >>> EfficientNetB7(weights=None, include_top=False, input_shape=(32, 32, 3)).output_shape
    (None, 1, 1, 2560)
    """
    return _efficientnet(
        "efficientnetb7", include_top, weights, input_tensor, input_shape, pooling, classes, classifier_activation, name
    )
