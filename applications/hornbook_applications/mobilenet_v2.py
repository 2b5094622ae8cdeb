"""MobileNetV2: residual blocks that are wide inside and narrow at their ends.

Sandler et al. 2018, "MobileNetV2: Inverted Residuals and Linear Bottlenecks", https://arxiv.org/abs/1801.04381. A block
widens its input t times, convolves each channel by itself, and narrows without a nonlinearity, which would lose what the
narrow end holds: y = x + W3 D(W1 x), with D the convolution over space between two relus.

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
from hornbook_applications.imagenet_utils import preprocess_tf as preprocess_input
from hornbook_applications.mobilenet import check_alpha, image_size, size_of_weights

__all__ = ["MobileNetV2", "decode_predictions", "preprocess_input"]

# Expansion, width, blocks, stride of the first of them (table 2 of the paper).
STAGES = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)

SIZES = (96, 128, 160, 192, 224)  # of the images, and widths, for which there are weights; Keras publishes no hashes
WIDTHS = (0.35, 0.5, 0.75, 1.0, 1.3, 1.4)


# --------------------------------------------------------------------------------------------------------------- parts
def eights(width: float) -> int:
    """The multiple of 8 nearest to a width, at least 8, and not more than a tenth below it."""
    near = max(8, int(width + 4) // 8 * 8)
    return near + 8 if near < 0.9 * width else near


def normalize(x: Any, name: str) -> Any:
    """Batch normalization over the channels."""
    return layers.BatchNormalization(axis=channel_axis(), epsilon=1e-3, momentum=0.999, name=name)(x)


def block(x: Any, expansion: int, filters: int, stride: int, name: str) -> Any:
    """The inverted residual; the input is added where the shape stays.

    Args:
        x: (B, H, W, C).
        expansion: how many times wider than x the inside is; at 1 there is no widening convolution.
        filters: the width of the result.
        stride: of the convolution over space.
        name: of its layers.

    Returns:
        (B, H / stride, W / stride, filters).
    """
    shortcut, width = x, x.shape[channel_axis()]
    if expansion > 1:
        x = layers.Conv2D(expansion * width, 1, padding="same", use_bias=False, name=f"{name}_expand")(x)
        x = layers.ReLU(6.0, name=f"{name}_expand_relu")(normalize(x, f"{name}_expand_BN"))
    if stride > 1:
        x = layers.ZeroPadding2D(padding_before_stride(x, 3), name=f"{name}_pad")(x)
    padding = "same" if stride == 1 else "valid"
    x = layers.DepthwiseConv2D(3, strides=stride, padding=padding, use_bias=False, name=f"{name}_depthwise")(x)
    x = layers.ReLU(6.0, name=f"{name}_depthwise_relu")(normalize(x, f"{name}_depthwise_BN"))
    x = layers.Conv2D(filters, 1, padding="same", use_bias=False, name=f"{name}_project")(x)
    x = normalize(x, f"{name}_project_BN")
    return layers.Add(name=f"{name}_add")([shortcut, x]) if stride == 1 and width == filters else x


# --------------------------------------------------------------------------------------------------------------- whole
@extended(preprocess_input)
def MobileNetV2(
    input_shape: Any = None,
    alpha: float = 1.0,
    include_top: bool = True,
    weights: Any = "imagenet",
    input_tensor: Any = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str | None = None,
) -> Any:
    """MobileNetV2: 3.5 million parameters, 71.3 % of ImageNet's validation images right.

    Args:
        input_shape: (height, width, channels), at least 32 x 32; 224 x 224 by default.
        alpha: factor of all widths; there are weights for 0.35, 0.5, 0.75, 1, 1.3 and 1.4.
        include_top: end with pooling and a classifier.
        weights: None (random), "imagenet" (from the official address: those of images of this size if it is 96, 128, 160,
            192 or 224 square, else those of 224), or the path of a file.
        input_tensor: a symbolic image to start from.
        pooling: without the top, None, "avg" or "max" over the last feature map.
        classes: classes of the classifier.
        classifier_activation: "softmax", or None for logits.
        name: the model's name; None names the width and the height, "mobilenetv2_1.00_224".

    Raises:
        ValueError: for arguments that do not go together.
        OSError: where the weights cannot be fetched.

    >>> from hornbook_applications import MobileNetV2
    >>> model = MobileNetV2(input_shape=(64, 64, 3), alpha=0.35, weights=None, include_top=False)
    >>> model.name, model.output_shape
    ('mobilenetv2_0.35_64', (None, 2, 2, 1280))
    """
    check_alpha(alpha, weights, WIDTHS)
    image, inputs = image_and_inputs(
        include_top, weights, input_tensor, input_shape, pooling, classes, sizes_with_weights=SIZES
    )
    x = layers.Conv2D(eights(32 * alpha), 3, strides=2, padding="same", use_bias=False, name="Conv1")(image)
    x = layers.ReLU(6.0, name="Conv1_relu")(normalize(x, "bn_Conv1"))  # (B, 112, 112, 32)
    index = 0
    for expansion, width, blocks, stride in STAGES:  # sizes 112, 56, 28, 14, 14, 7, 7
        for i in range(blocks):
            label = f"block_{index}" if index else "expanded_conv"
            x = block(x, expansion, eights(width * alpha), stride if i == 0 else 1, label)
            index += 1
    x = layers.Conv2D(eights(1280 * max(alpha, 1.0)), 1, use_bias=False, name="Conv_1")(x)  # (B, 7, 7, 1280)
    x = layers.ReLU(6.0, name="out_relu")(normalize(x, "Conv_1_bn"))
    if include_top:
        x = layers.GlobalAveragePooling2D()(x)  # (B, 1280)
        x = layers.Dense(classes, activation=classifier_activation, name="predictions")(x)
    else:
        x = pooled(x, pooling, named=False)
    name = name or f"mobilenetv2_{alpha:0.2f}_{image_size(image)[0]}"
    which = f"{float(alpha)}_{size_of_weights(image, SIZES)}{'' if include_top else '_no_top'}"
    file = f"mobilenet_v2/mobilenet_v2_weights_tf_dim_ordering_tf_kernels_{which}.h5"
    return load_weights(keras.Model(inputs, x, name=name), weights, ADDRESS + file, None)
