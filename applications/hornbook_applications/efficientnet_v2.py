"""EfficientNets of the second kind: smaller images and fused blocks, so that training is fast as well.

Tan, Le 2021, "EfficientNetV2: Smaller Models and Faster Training", https://arxiv.org/abs/2104.00298. The early stages
replace the two convolutions of the inverted bottleneck, 1 x 1 and then 3 x 3 in each channel by itself, by one whole
3 x 3 convolution: more arithmetic, but of a kind that accelerators do faster. With W of 1 x 1, F of 3 x 3, and s the
squeeze and excitation of `efficientnet`:

    fused: y = x + W swish(F x),   else: h = swish(D swish(W1 x)), y = x + W4 (s(h) h)

Axes: B batch, H height, W width, C channels. The names of layers are those of Keras, and so are its weight files.
"""

import string
from typing import Any

import hornbook as keras
from hornbook import layers
from hornbook_applications.common import ADDRESS, channel_axis, extended, image_and_inputs, load_weights, pooled
from hornbook_applications.efficientnet import (
    DROP_RATE,
    SQUEEZE,
    classifier_start,
    convolution_start,
    drop_and_add,
    squeeze_excite,
)
from hornbook_applications.imagenet_utils import decode_predictions
from hornbook_applications.imagenet_utils import preprocess_nothing as preprocess_input

__all__ = [
    "EfficientNetV2B0",
    "EfficientNetV2B1",
    "EfficientNetV2B2",
    "EfficientNetV2B3",
    "EfficientNetV2L",
    "EfficientNetV2M",
    "EfficientNetV2S",
    "decode_predictions",
    "preprocess_input",
]

MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet's pixels 0 .. 1

# What the variants share (table 4 of the paper); S and the B variants have no seventh stage.
STAGES = (
    # fused, stride, expansion
    (True, 1, 1),
    (True, 2, 4),
    (True, 2, 4),
    (False, 2, 4),
    (False, 1, 6),
    (False, 2, 6),
    (False, 1, 6),
)

VARIANTS: dict[str, tuple] = {
    # size, width of the stem, blocks and widths of the stages, width of the top
    "efficientnetv2-b0": (224, 32, (1, 2, 2, 3, 5, 8), (16, 32, 48, 96, 112, 192), 1280),
    "efficientnetv2-b1": (240, 32, (2, 3, 3, 4, 6, 9), (16, 32, 48, 96, 112, 192), 1280),
    "efficientnetv2-b2": (260, 32, (2, 3, 3, 4, 6, 10), (16, 32, 56, 104, 120, 208), 1408),
    "efficientnetv2-b3": (300, 40, (2, 3, 3, 5, 7, 12), (16, 40, 56, 112, 136, 232), 1536),
    "efficientnetv2-s": (384, 24, (2, 4, 4, 6, 9, 15), (24, 48, 64, 128, 160, 256), 1280),
    "efficientnetv2-m": (480, 24, (3, 5, 5, 7, 14, 18, 5), (24, 48, 80, 160, 176, 304, 512), 1280),
    "efficientnetv2-l": (480, 32, (4, 7, 7, 10, 19, 25, 7), (32, 64, 96, 192, 224, 384, 640), 1280),
}
HASHES = {  # md5 of Keras's files with and without the classifier
    "efficientnetv2-b0": ("21ecbf6da12460d5c40bb2f29ceb2188", "893217f2bb855e2983157299931e43ff"),
    "efficientnetv2-b1": ("069f0534ff22adf035c89e2d9547a9dc", "0e80663031ca32d657f9caa404b6ec37"),
    "efficientnetv2-b2": ("424e49f28180edbde1e94797771950a7", "1dfe2e7a5d45b6632553a8961ea609eb"),
    "efficientnetv2-b3": ("1f1fc43bd98a6e4fd8fdfd551e02c7a0", "f6abf7b5849ac99a89b50dd3fd532856"),
    "efficientnetv2-s": ("e1d88a8495beba45748fedd0cecbe016", "af0682fb74e8c54910f2d4393339c070"),
    "efficientnetv2-m": ("a3bf6aa3276309f4fc6a34aa114c95cd", "1b8dc055df72dde80d614482840fe342"),
    "efficientnetv2-l": ("27e6d408b53c7ebc868fefa357689935", "b0b66b5c863aef5b46e8608fe1711615"),
}
BLOCKS_OF_B0 = 21  # the drop rate of B1 to B3 grows by the step of B0, and so ends above DROP_RATE


# --------------------------------------------------------------------------------------------------------------- parts
def convolve(x: Any, filters: int, kernel: int, stride: int, name: str) -> Any:
    """A convolution without bias, as normalization follows."""
    start = convolution_start()
    return layers.Conv2D(
        filters, kernel, strides=stride, padding="same", use_bias=False, kernel_initializer=start, name=name
    )(x)


def normalize(x: Any, name: str) -> Any:
    """Batch normalization over the channels; the moving statistics forget a tenth a step."""
    return layers.BatchNormalization(axis=channel_axis(), momentum=0.9, name=name)(x)


def normalize_swish(x: Any, name: str, activation: str) -> Any:
    """Batch normalization, then swish(x) = x sigmoid(x)."""
    return layers.Activation("swish", name=activation)(normalize(x, name))


def fused_block(x: Any, filters: int, stride: int, expansion: int, name: str) -> Any:
    """One 3 x 3 convolution widens, 1 x 1 narrows; without expansion the 3 x 3 does all.

    Args:
        x: (B, H, W, C).
        filters: the width it ends with.
        stride: of the 3 x 3 convolution.
        expansion: how many times wider than C the middle is.

    Returns:
        (B, H / stride, W / stride, filters).
    """
    if expansion == 1:
        x = convolve(x, filters, 3, stride, f"{name}project_conv")
        return normalize_swish(x, f"{name}project_bn", f"{name}project_activation")
    x = convolve(x, expansion * x.shape[channel_axis()], 3, stride, f"{name}expand_conv")
    x = normalize_swish(x, f"{name}expand_bn", f"{name}expand_activation")
    return normalize(convolve(x, filters, 1, 1, f"{name}project_conv"), f"{name}project_bn")


def block(x: Any, filters: int, stride: int, expansion: int, name: str) -> Any:
    """1 x 1 widens, 3 x 3 works in each channel by itself, squeeze and excitation weighs the channels, 1 x 1 narrows.

    The arguments and what it returns are those of `fused_block`.
    """
    width = x.shape[channel_axis()]
    x = convolve(x, expansion * width, 1, 1, f"{name}expand_conv")
    x = normalize_swish(x, f"{name}expand_bn", f"{name}expand_activation")
    start = convolution_start()
    x = layers.DepthwiseConv2D(
        3, strides=stride, padding="same", use_bias=False, depthwise_initializer=start, name=f"{name}dwconv2"
    )(x)
    x = normalize_swish(x, f"{name}bn", f"{name}activation")
    x = squeeze_excite(x, max(1, int(SQUEEZE * width)), name)
    return normalize(convolve(x, filters, 1, 1, f"{name}project_conv"), f"{name}project_bn")


def scaled_pixels(image: Any, variant: str) -> Any:
    """Pixels 0 .. 255 as the variant wants them: each channel standardized (B0 to B3), or -1 .. 1 (S, M, L)."""
    if "-b" in variant and image.shape[channel_axis()] == 3:
        variance = [deviation**2 for deviation in DEVIATION]
        return layers.Normalization(axis=channel_axis(), mean=list(MEAN), variance=variance)(
            layers.Rescaling(1 / 255)(image)
        )
    return layers.Rescaling(1 / 128, offset=-1)(image)


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
    include_preprocessing: bool,
    name: str,
) -> Any:
    size, stem, depths, widths, top = VARIANTS[variant]
    with_top, without_top = HASHES[variant]
    image, inputs = image_and_inputs(include_top, weights, input_tensor, input_shape, pooling, classes, size=size)
    x = scaled_pixels(image, variant) if include_preprocessing else image  # (B, 384, 384, 3), the sizes of S
    x = convolve(x, stem, 3, 2, "stem_conv")  # (B, 192, 192, 24)
    x = normalize_swish(x, "stem_bn", "stem_activation")

    blocks = BLOCKS_OF_B0 if "-b" in variant else sum(depths)
    done = 0
    for i, (depth, filters) in enumerate(zip(depths, widths, strict=True)):  # sizes 192, 96, 48, 24, 24, 12, 12
        fused, stage_stride, expansion = STAGES[i]
        for letter in string.ascii_lowercase[:depth]:
            stride = stage_stride if letter == "a" else 1
            shortcut, part = x, f"block{i + 1}{letter}_"
            x = (fused_block if fused else block)(x, filters, stride, expansion, name=part)
            if stride == 1 and shortcut.shape[channel_axis()] == filters:
                x = drop_and_add(x, shortcut, DROP_RATE * done / blocks, part)
            done += 1

    x = normalize_swish(convolve(x, top, 1, 1, "top_conv"), "top_bn", "top_activation")  # (B, 12, 12, 1280)
    if include_top:
        x = layers.GlobalAveragePooling2D(name="avg_pool")(x)  # (B, 1280)
        x = layers.Dropout(0.2, name="top_dropout")(x)
        x = layers.Dense(
            classes, activation=classifier_activation, kernel_initializer=classifier_start(), name="predictions"
        )(x)
    else:
        x = pooled(x, pooling)
    address = f"{ADDRESS}efficientnet_v2/{variant}{'' if include_top else '_notop'}.h5"
    return load_weights(keras.Model(inputs, x, name=name), weights, address, with_top if include_top else without_top)


@extended()
def EfficientNetV2B0(
    include_top: bool = True,
    weights: Any = "imagenet",
    input_tensor: Any = None,
    input_shape: Any = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    include_preprocessing: bool = True,
    name: str = "efficientnetv2-b0",
) -> Any:
    """The size of EfficientNetB0, for images of 224 x 224: 7.2 million parameters, 78.7 % of ImageNet right.

    Args:
        include_top: end with pooling and a classifier.
        weights: None (random), "imagenet" (from the official address, checked by its md5), or the path of a file.
        input_tensor: a symbolic image to start from.
        input_shape: (height, width, channels), at least 32 x 32.
        pooling: without the top, None, "avg" or "max" over the last feature map.
        classes: classes of the classifier.
        classifier_activation: "softmax", or None for logits.
        include_preprocessing: take pixels 0 .. 255 and scale them inside; else they must come so scaled.
        name: the model's name.

    Raises:
        ValueError: for arguments that do not go together.
        OSError: where the weights cannot be fetched.

    >>> from hornbook_applications import EfficientNetV2B0
    >>> EfficientNetV2B0(weights=None, include_top=False, input_shape=(32, 32, 3)).output_shape
    (None, 1, 1, 1280)
    """
    return _efficientnet(
        "efficientnetv2-b0",
        include_top,
        weights,
        input_tensor,
        input_shape,
        pooling,
        classes,
        classifier_activation,
        include_preprocessing,
        name,
    )


@extended()
def EfficientNetV2B1(
    include_top: bool = True,
    weights: Any = "imagenet",
    input_tensor: Any = None,
    input_shape: Any = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    include_preprocessing: bool = True,
    name: str = "efficientnetv2-b1",
) -> Any:
    """For images of 240 x 240: 8.2 million parameters, 79.8 % right; the arguments are those of `EfficientNetV2B0`.

    >>> from hornbook_applications import EfficientNetV2B1
    >>> EfficientNetV2B1(weights=None, include_top=False, input_shape=(32, 32, 3)).output_shape
    (None, 1, 1, 1280)
    """
    return _efficientnet(
        "efficientnetv2-b1",
        include_top,
        weights,
        input_tensor,
        input_shape,
        pooling,
        classes,
        classifier_activation,
        include_preprocessing,
        name,
    )


@extended()
def EfficientNetV2B2(
    include_top: bool = True,
    weights: Any = "imagenet",
    input_tensor: Any = None,
    input_shape: Any = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    include_preprocessing: bool = True,
    name: str = "efficientnetv2-b2",
) -> Any:
    """For images of 260 x 260: 10.2 million parameters, 80.5 % right; the arguments are those of `EfficientNetV2B0`.

    >>> from hornbook_applications import EfficientNetV2B2
    >>> EfficientNetV2B2(weights=None, include_top=False, input_shape=(32, 32, 3)).output_shape
    (None, 1, 1, 1408)
    """
    return _efficientnet(
        "efficientnetv2-b2",
        include_top,
        weights,
        input_tensor,
        input_shape,
        pooling,
        classes,
        classifier_activation,
        include_preprocessing,
        name,
    )


@extended()
def EfficientNetV2B3(
    include_top: bool = True,
    weights: Any = "imagenet",
    input_tensor: Any = None,
    input_shape: Any = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    include_preprocessing: bool = True,
    name: str = "efficientnetv2-b3",
) -> Any:
    """For images of 300 x 300: 14.5 million parameters, 82.0 % right; the arguments are those of `EfficientNetV2B0`.

    >>> from hornbook_applications import EfficientNetV2B3
    >>> EfficientNetV2B3(weights=None, include_top=False, input_shape=(32, 32, 3)).output_shape
    (None, 1, 1, 1536)
    """
    return _efficientnet(
        "efficientnetv2-b3",
        include_top,
        weights,
        input_tensor,
        input_shape,
        pooling,
        classes,
        classifier_activation,
        include_preprocessing,
        name,
    )


@extended()
def EfficientNetV2S(
    include_top: bool = True,
    weights: Any = "imagenet",
    input_tensor: Any = None,
    input_shape: Any = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    include_preprocessing: bool = True,
    name: str = "efficientnetv2-s",
) -> Any:
    """For images of 384 x 384: 21.6 million parameters, 83.9 % right; the arguments are those of `EfficientNetV2B0`.

    >>> from hornbook_applications import EfficientNetV2S
    >>> EfficientNetV2S(weights=None, include_top=False, input_shape=(32, 32, 3)).output_shape
    (None, 1, 1, 1280)
    """
    return _efficientnet(
        "efficientnetv2-s",
        include_top,
        weights,
        input_tensor,
        input_shape,
        pooling,
        classes,
        classifier_activation,
        include_preprocessing,
        name,
    )


@extended()
def EfficientNetV2M(
    include_top: bool = True,
    weights: Any = "imagenet",
    input_tensor: Any = None,
    input_shape: Any = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    include_preprocessing: bool = True,
    name: str = "efficientnetv2-m",
) -> Any:
    """For images of 480 x 480: 54.4 million parameters, 85.1 % right; the arguments are those of `EfficientNetV2B0`.

    >>> from hornbook_applications import EfficientNetV2M
    >>> EfficientNetV2M(weights=None, include_top=False, input_shape=(32, 32, 3)).output_shape
    (None, 1, 1, 1280)
    """
    return _efficientnet(
        "efficientnetv2-m",
        include_top,
        weights,
        input_tensor,
        input_shape,
        pooling,
        classes,
        classifier_activation,
        include_preprocessing,
        name,
    )


@extended()
def EfficientNetV2L(
    include_top: bool = True,
    weights: Any = "imagenet",
    input_tensor: Any = None,
    input_shape: Any = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    include_preprocessing: bool = True,
    name: str = "efficientnetv2-l",
) -> Any:
    """For images of 480 x 480: 119.0 million parameters, 85.7 % right; the arguments are those of `EfficientNetV2B0`.

    >>> from hornbook_applications import EfficientNetV2L
    >>> EfficientNetV2L(weights=None, include_top=False, input_shape=(32, 32, 3)).output_shape
    (None, 1, 1, 1280)
    """
    return _efficientnet(
        "efficientnetv2-l",
        include_top,
        weights,
        input_tensor,
        input_shape,
        pooling,
        classes,
        classifier_activation,
        include_preprocessing,
        name,
    )
