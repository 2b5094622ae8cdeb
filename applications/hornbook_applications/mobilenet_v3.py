"""MobileNetV3: the blocks of MobileNetV2 with gates on channels, their shapes found by search.

Howard et al. 2019, "Searching for MobileNetV3", https://arxiv.org/abs/1905.02244. Some blocks weigh their channels by
what the whole image holds, x * hard_sigmoid(W2 relu(W1 mean(x))), and the deeper ones use hard_swish(x) =
x * relu6(x + 3) / 6, which costs less than x * sigmoid(x). The pixels 0 .. 255 are scaled inside.

Axes: B batch, H height, W width, C channels. The names of layers are those of Keras, and so are its weight files.
"""

from typing import Any

import hornbook as keras
from hornbook import layers
from hornbook_applications.common import (
    ADDRESS,
    channel_axis,
    extended,
    image_and_inputs,
    load_weights,
    padding_before_stride,
    pooled,
)
from hornbook_applications.imagenet_utils import decode_predictions
from hornbook_applications.imagenet_utils import preprocess_nothing as preprocess_input
from hornbook_applications.mobilenet import check_alpha
from hornbook_applications.mobilenet_v2 import eights, normalize

__all__ = ["MobileNetV3Large", "MobileNetV3Small", "decode_predictions", "preprocess_input"]

# Each block's kernel, inner width, width, gates, hard_swish, stride (tables 1 and 2 of the paper), and the last width.
LARGE = (
    (
        (3, 16, 16, False, False, 1),
        (3, 64, 24, False, False, 2),
        (3, 72, 24, False, False, 1),
        (5, 72, 40, True, False, 2),
        (5, 120, 40, True, False, 1),
        (5, 120, 40, True, False, 1),
        (3, 240, 80, False, True, 2),
        (3, 200, 80, False, True, 1),
        (3, 184, 80, False, True, 1),
        (3, 184, 80, False, True, 1),
        (3, 480, 112, True, True, 1),
        (3, 672, 112, True, True, 1),
        (5, 672, 160, True, True, 2),
        (5, 960, 160, True, True, 1),
        (5, 960, 160, True, True, 1),
    ),
    1280,
)
SMALL = (
    (
        (3, 16, 16, True, False, 2),
        (3, 72, 24, False, False, 2),
        (3, 88, 24, False, False, 1),
        (5, 96, 40, True, True, 2),
        (5, 240, 40, True, True, 1),
        (5, 240, 40, True, True, 1),
        (5, 120, 48, True, True, 1),
        (5, 144, 48, True, True, 1),
        (5, 288, 96, True, True, 2),
        (5, 576, 96, True, True, 1),
        (5, 576, 96, True, True, 1),
    ),
    1024,
)

# The md5 of Keras's files with and without the classifier.
WEIGHTS = {
    "large_224_0.75_float": ("765b44a33ad4005b3ac83185abf1d0eb", "40af19a13ebea4e2ee0c676887f69a2e"),
    "large_224_1.0_float": ("59e551e166be033d707958cf9e29a6a7", "07fb09a5933dd0c8eaafa16978110389"),
    "large_minimalistic_224_1.0_float": ("675e7b876c45c57e9e63e6d90a36599c", "ec5221f64a2f6d1ef965a614bdae7973"),
    "small_224_0.75_float": ("cb65d4e5be93758266aa0a7f2c6708b7", "ebdb5cc8e0b497cd13a7c275d475c819"),
    "small_224_1.0_float": ("8768d4c2e7dee89b9d02b2d03d65d862", "d3e8ec802a04aa4fc771ee12a9a9b836"),
    "small_minimalistic_224_1.0_float": ("99cd97fb2fcdad2bf028eb838de69e37", "cde8136e733e811080d9fcd8a252f7e4"),
}


# --------------------------------------------------------------------------------------------------------------- parts
def activated(x: Any, hard_swish: bool) -> Any:
    """hard_swish(x), or relu(x)."""
    return (layers.Activation("hard_swish") if hard_swish else layers.ReLU())(x)


def squeeze_excite(x: Any, filters: int, name: str) -> Any:
    """Each channel times a gate in 0 .. 1 that the means of all channels decide: x * hard_sigmoid(W2 relu(W1 mean(x))).

    Args:
        x: (B, H, W, C).
        filters: the width between the two matrices.
        name: of its layers.
    """
    gate = layers.GlobalAveragePooling2D(keepdims=True, name=f"{name}_avg_pool")(x)  # (B, 1, 1, C)
    gate = layers.Conv2D(filters, 1, padding="same", name=f"{name}_conv")(gate)
    gate = layers.ReLU(name=f"{name}_relu")(gate)
    gate = layers.Conv2D(x.shape[channel_axis()], 1, padding="same", name=f"{name}_conv_1")(gate)
    gate = layers.ReLU(6.0)(gate + 3.0) * (1.0 / 6.0)
    return layers.Multiply(name=f"{name}_mul")([x, gate])


def block(
    x: Any, kernel: int, inner: int, filters: int, gates: bool, hard_swish: bool, stride: int, expand: bool, name: str
) -> Any:
    """Widen to `inner`, convolve each channel by itself, weigh the channels, narrow; the input is added where shapes agree.

    Args:
        x: (B, H, W, C).
        kernel, stride: of the convolution over space.
        inner, filters: the widths inside and of the result.
        gates: weigh the channels.
        hard_swish: instead of relu.
        expand: False leaves out the convolution that widens.
        name: of its layers.

    Returns:
        (B, H / stride, W / stride, filters).
    """
    shortcut = x
    if expand:
        x = layers.Conv2D(inner, 1, padding="same", use_bias=False, name=f"{name}_expand")(x)
        x = activated(normalize(x, f"{name}_expand_bn"), hard_swish)
    if stride > 1:
        x = layers.ZeroPadding2D(padding_before_stride(x, kernel), name=f"{name}_depthwise_pad")(x)
    padding = "same" if stride == 1 else "valid"
    x = layers.DepthwiseConv2D(kernel, strides=stride, padding=padding, use_bias=False, name=f"{name}_depthwise")(x)
    x = activated(normalize(x, f"{name}_depthwise_bn"), hard_swish)
    if gates:
        x = squeeze_excite(x, eights(inner / 4), f"{name}_squeeze_excite")
    x = layers.Conv2D(filters, 1, padding="same", use_bias=False, name=f"{name}_project")(x)
    x = normalize(x, f"{name}_project_bn")
    same = stride == 1 and shortcut.shape[channel_axis()] == filters
    return layers.Add(name=f"{name}_add")([shortcut, x]) if same else x


# --------------------------------------------------------------------------------------------------------------- whole
def _mobilenet_v3(
    variant: str,
    rows: tuple,
    input_shape: Any,
    alpha: float,
    minimalistic: bool,
    include_top: bool,
    weights: Any,
    input_tensor: Any,
    classes: int,
    pooling: str | None,
    dropout_rate: float,
    classifier_activation: Any,
    include_preprocessing: bool,
    name: str,
) -> Any:
    blocks, last = rows
    check_alpha(alpha, weights, (1.0,) if minimalistic else (0.75, 1.0))
    free = (None, None, 3) if channel_axis() == 3 else (3, None, None)
    image, inputs = image_and_inputs(
        include_top, weights, input_tensor, input_shape or free, pooling, classes, any_size=True
    )
    x = layers.Rescaling(scale=1 / 127.5, offset=-1.0)(image) if include_preprocessing else image
    x = layers.Conv2D(16, 3, strides=2, padding="same", use_bias=False, name="conv")(x)
    x = activated(normalize(x, "conv_bn"), hard_swish=not minimalistic)  # (B, H / 2, W / 2, 16)
    before = 16  # the width of x where alpha is 1
    for i, (kernel, inner, width, gates, hard_swish, stride) in enumerate(blocks):
        inner = eights(x.shape[channel_axis()] * inner / before)
        if minimalistic:
            kernel, gates, hard_swish = 3, False, False
        label = f"expanded_conv_{i}" if i else "expanded_conv"
        x = block(x, kernel, inner, eights(width * alpha), gates, hard_swish, stride, expand=i > 0, name=label)
        before = width
    wide = eights(6 * x.shape[channel_axis()])
    x = layers.Conv2D(wide, 1, padding="same", use_bias=False, name="conv_1")(x)  # (B, H / 32, W / 32, wide)
    x = activated(normalize(x, "conv_1_bn"), hard_swish=not minimalistic)
    if include_top:
        x = layers.GlobalAveragePooling2D(keepdims=True)(x)  # (B, 1, 1, wide)
        x = layers.Conv2D(eights(last * max(alpha, 1.0)), 1, padding="same", name="conv_2")(x)
        x = activated(x, hard_swish=not minimalistic)
        x = layers.Dropout(dropout_rate)(x) if dropout_rate > 0 else x
        x = layers.Conv2D(classes, 1, padding="same", name="logits")(x)
        x = layers.Activation(classifier_activation, name="predictions")(layers.Flatten()(x))
    else:
        x = pooled(x, pooling)
    file = f"{variant}{'_minimalistic' if minimalistic else ''}_224_{float(alpha)}_float"
    with_top, without_top = WEIGHTS.get(file, (None, None))
    return load_weights(
        keras.Model(inputs, x, name=name),
        weights,
        f"{ADDRESS}mobilenet_v3/weights_mobilenet_v3_{file}{'' if include_top else '_no_top_v2'}.h5",
        with_top if include_top else without_top,
    )


@extended()
def MobileNetV3Small(
    input_shape: Any = None,
    alpha: float = 1.0,
    minimalistic: bool = False,
    include_top: bool = True,
    weights: Any = "imagenet",
    input_tensor: Any = None,
    classes: int = 1000,
    pooling: str | None = None,
    dropout_rate: float = 0.2,
    classifier_activation: Any = "softmax",
    include_preprocessing: bool = True,
    name: str = "MobileNetV3Small",
) -> Any:
    """The small MobileNetV3: 2.6 million parameters, 67.4 % of ImageNet's validation images right.

    Args:
        input_shape: (height, width, channels), at least 32 x 32; any height and width by default.
        alpha: factor of the widths; there are weights for 0.75 and 1, of the minimalistic one for 1.
        minimalistic: leave out the gates, hard_swish and kernels of 5 x 5, which some processors are slow at.
        include_top: end with pooling and a classifier.
        weights: None (random), "imagenet" (from the official address, checked by its md5), or the path of a file.
        input_tensor: a symbolic image to start from.
        classes: classes of the classifier.
        pooling: without the top, None, "avg" or "max" over the last feature map.
        dropout_rate: before the classifier.
        classifier_activation: "softmax", or None for logits.
        include_preprocessing: start from pixels 0 .. 255; else from -1 .. 1.
        name: the model's name.

    Raises:
        ValueError: for arguments that do not go together.
        OSError: where the weights cannot be fetched.

    >>> from hornbook_applications import MobileNetV3Small
    >>> MobileNetV3Small(input_shape=(64, 64, 3), weights=None, include_top=False).output_shape
    (None, 2, 2, 576)
    """
    return _mobilenet_v3(
        "small",
        SMALL,
        input_shape,
        alpha,
        minimalistic,
        include_top,
        weights,
        input_tensor,
        classes,
        pooling,
        dropout_rate,
        classifier_activation,
        include_preprocessing,
        name,
    )


@extended()
def MobileNetV3Large(
    input_shape: Any = None,
    alpha: float = 1.0,
    minimalistic: bool = False,
    include_top: bool = True,
    weights: Any = "imagenet",
    input_tensor: Any = None,
    classes: int = 1000,
    pooling: str | None = None,
    dropout_rate: float = 0.2,
    classifier_activation: Any = "softmax",
    include_preprocessing: bool = True,
    name: str = "MobileNetV3Large",
) -> Any:
    """The large MobileNetV3: 5.5 million parameters, 75.2 % of ImageNet's validation images right.

    The arguments are those of `MobileNetV3Small`.

    >>> from hornbook_applications import MobileNetV3Large
    >>> MobileNetV3Large(input_shape=(64, 64, 3), weights=None, include_top=False, minimalistic=True).output_shape
    (None, 2, 2, 960)
    """
    return _mobilenet_v3(
        "large",
        LARGE,
        input_shape,
        alpha,
        minimalistic,
        include_top,
        weights,
        input_tensor,
        classes,
        pooling,
        dropout_rate,
        classifier_activation,
        include_preprocessing,
        name,
    )
