"""NASNet: two cells found by search, stacked.

Zoph, Vasudevan, Shlens, Le 2018, "Learning Transferable Architectures for Scalable Image Recognition",
https://arxiv.org/abs/1707.07012. A cell reads the outputs h and p of the two cells before it, adds pairs of separable
convolutions and poolings of them, and concatenates the sums; one kind of cell keeps the size of the image, one halves it
(figure 4 of the paper).

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

__all__ = ["NASNetLarge", "NASNetMobile", "decode_predictions", "preprocess_input"]

# Size of the images, filters of the first convolution, normal cells in each of the three stages, filters of the first
# stage, whether p skips the cell before a reduction, and the md5 of Keras's files with and without the classifier.
VARIANTS = {
    "mobile": (224, 32, 4, 44, False, "020fb642bf7360b370c678b08e0adf61", "1ed92395b5b598bdda52abe5c0dbfd63"),
    "large": (331, 96, 6, 168, True, "11577c9a518f0070763c2b964a382f17", "d81d89dc07e6e56530c4e77faddd61b5"),
}


# --------------------------------------------------------------------------------------------------------------- parts
def normalize(x: Any, name: str) -> Any:
    """Batch normalization over the channels."""
    return layers.BatchNormalization(axis=channel_axis(), momentum=0.9997, epsilon=1e-3, name=name)(x)


def relu(x: Any, name: str | None = None) -> Any:
    """max(x, 0)."""
    return layers.Activation("relu", name=name)(x)


def pointwise(x: Any, filters: int, name: str) -> Any:
    """A 1 x 1 convolution: (B, H, W, C) -> (B, H, W, filters)."""
    return layers.Conv2D(filters, 1, padding="same", use_bias=False, name=name)(x)


def separable(x: Any, filters: int, kernel: int, name: str, stride: int = 1) -> Any:
    """relu, separable convolution and normalization, twice; the first has the stride: (B, H / stride, W / stride, filters)."""
    x = relu(x)
    if stride > 1:
        x = layers.ZeroPadding2D(padding_before_stride(x, kernel), name=f"separable_conv_1_pad_{name}")(x)
    for i, (step, padding) in enumerate(((stride, "same" if stride == 1 else "valid"), (1, "same")), start=1):
        x = relu(x) if i == 2 else x
        x = layers.SeparableConv2D(
            filters, kernel, strides=step, padding=padding, use_bias=False, name=f"separable_conv_{i}_{name}"
        )(x)
        x = normalize(x, f"separable_conv_{i}_bn_{name}")
    return x


def adjusted(p: Any, filters: int, halve: bool, name: str) -> Any:
    """p with as many channels as the cell has filters and, where `halve`, with half the size of the image.

    Halving keeps the even pixels in one half of the channels and the odd ones in the other.
    """
    if halve:
        p = relu(p, f"adjust_relu_1_{name}")
        even = layers.AveragePooling2D(1, strides=2, name=f"adjust_avg_pool_1_{name}")(p)
        even = pointwise(even, filters // 2, f"adjust_conv_1_{name}")
        odd = layers.Cropping2D(((1, 0), (1, 0)))(layers.ZeroPadding2D(((0, 1), (0, 1)))(p))
        odd = layers.AveragePooling2D(1, strides=2, name=f"adjust_avg_pool_2_{name}")(odd)
        odd = pointwise(odd, filters // 2, f"adjust_conv_2_{name}")
        return normalize(layers.Concatenate(axis=channel_axis())([even, odd]), f"adjust_bn_{name}")
    if p.shape[channel_axis()] != filters:
        return normalize(pointwise(relu(p), filters, f"adjust_conv_projection_{name}"), f"adjust_bn_{name}")
    return p


def normal_cell(h: Any, p: Any, filters: int, name: str, halve: bool = False) -> Any:
    """The cell that keeps the size of the image.

    Args:
        h: (B, H, W, C), the output of the cell before.
        p: the output of the cell before that one, twice as high and wide where `halve`.
        filters: of each convolution.
        name: of its layers.
        halve: see p.

    Returns:
        (B, H, W, 6 filters).
    """

    def around(x: Any, side: str) -> Any:
        return layers.AveragePooling2D(3, strides=1, padding="same", name=f"normal_{side}_{name}")(x)

    def sum_of(i: int, left: Any, right: Any) -> Any:
        return layers.Add(name=f"normal_add_{i}_{name}")([left, right])

    p = adjusted(p, filters, halve, name)
    h = normalize(pointwise(relu(h), filters, f"normal_conv_1_{name}"), f"normal_bn_1_{name}")
    sums = [
        sum_of(
            1,
            separable(h, filters, 5, f"normal_left1_{name}"),
            separable(p, filters, 3, f"normal_right1_{name}"),
        ),
        sum_of(
            2,
            separable(p, filters, 5, f"normal_left2_{name}"),
            separable(p, filters, 3, f"normal_right2_{name}"),
        ),
        sum_of(3, around(h, "left3"), p),
        sum_of(4, around(p, "left4"), around(p, "right4")),
        sum_of(5, separable(h, filters, 3, f"normal_left5_{name}"), h),
    ]
    return layers.Concatenate(axis=channel_axis(), name=f"normal_concat_{name}")([p, *sums])


def reduction_cell(h: Any, p: Any, filters: int, name: str, halve: bool = False) -> Any:
    """The cell that halves the image; the arguments are those of `normal_cell`, but p is None for h itself.

    Returns:
        (B, H / 2, W / 2, 4 filters).
    """

    def halved(x: Any, kernel: int, side: str) -> Any:
        return separable(x, filters, kernel, f"reduction_{side}_{name}", stride=2)

    def pool(kind: Any, side: str) -> Any:
        return kind(3, strides=2, name=f"reduction_{side}_{name}")(padded)

    p = h if p is None else adjusted(p, filters, halve, name)
    h = normalize(pointwise(relu(h), filters, f"reduction_conv_1_{name}"), f"reduction_bn_1_{name}")
    padded = layers.ZeroPadding2D(padding_before_stride(h, 3), name=f"reduction_pad_1_{name}")(h)
    first = layers.Add(name=f"reduction_add_1_{name}")([halved(h, 5, "left1"), halved(p, 7, "right1")])
    second = layers.Add(name=f"reduction_add_2_{name}")([pool(layers.MaxPooling2D, "left2"), halved(p, 7, "right2")])
    third = layers.Add(name=f"reduction_add3_{name}")([pool(layers.AveragePooling2D, "left3"), halved(p, 5, "right3")])
    mean = layers.AveragePooling2D(3, strides=1, padding="same", name=f"reduction_left4_{name}")(first)
    fourth = layers.Add()([second, mean])
    left = separable(first, filters, 3, f"reduction_left4_{name}")
    fifth = layers.Add(name=f"reduction_add4_{name}")([left, pool(layers.MaxPooling2D, "right5")])
    return layers.Concatenate(axis=channel_axis(), name=f"reduction_concat_{name}")([second, third, fourth, fifth])


# --------------------------------------------------------------------------------------------------------------- whole
def _nasnet(
    variant: str,
    input_shape: Any,
    include_top: bool,
    weights: Any,
    input_tensor: Any,
    pooling: str | None,
    classes: int,
    classifier_activation: Any,
    name: str,
) -> Any:
    size, first_filters, cells, filters, skip, with_top, without_top = VARIANTS[variant]
    default = (size, size, 3) if channel_axis() == 3 else (3, size, size)
    image, inputs = image_and_inputs(
        include_top, weights, input_tensor, input_shape or default, pooling, classes, size=size
    )
    if None in image.shape[1:]:
        raise ValueError(
            "NASNet's cells are padded by the size of the image, which must be known: pass input_shape=(height, width, 3); "
            f"got an image of shape {tuple(image.shape[1:])}."
        )
    x = layers.Conv2D(first_filters, 3, strides=2, use_bias=False, name="stem_conv1")(image)
    before = normalize(x, "stem_bn1")  # (B, 111, 111, 32) of the mobile one
    p = reduction_cell(before, None, filters // 4, "stem_1")  # (B, 56, 56, filters)
    h = reduction_cell(p, before, filters // 2, "stem_2", halve=True)  # (B, 28, 28, 2 filters)
    halve = True  # whether p is twice as large as h
    for stage in range(3):  # sizes 28, 14, 7
        if stage > 0:
            reduced = reduction_cell(h, p, filters * 2**stage, f"reduce_{stage * cells}")
            h, p, halve = reduced, p if skip else h, True
        for i in range(cells):
            index = stage * cells + i + (stage > 0)
            h, p, halve = normal_cell(h, p, filters * 2**stage, str(index), halve), h, False
    x = relu(h)  # (B, 7, 7, 24 filters)
    if include_top:
        x = layers.GlobalAveragePooling2D()(x)
        x = layers.Dense(classes, activation=classifier_activation, name="predictions")(x)
    else:
        x = pooled(x, pooling, named=False)
    file = f"nasnet/NASNet-{variant}{'' if include_top else '-no-top'}.h5"
    return load_weights(
        keras.Model(inputs, x, name=name), weights, ADDRESS + file, with_top if include_top else without_top
    )


@extended(preprocess_input)
def NASNetMobile(
    input_shape: Any = None,
    include_top: bool = True,
    weights: Any = "imagenet",
    input_tensor: Any = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str = "nasnet_mobile",
) -> Any:
    """The small NASNet: 5.3 million parameters, 74.4 % of ImageNet's validation images right.

    Args:
        input_shape: (height, width, channels), at least 32 x 32; by default 224 x 224, of the large one 331 x 331.
        include_top: end with pooling and a classifier.
        weights: None (random), "imagenet" (from the official address, checked by its md5), or the path of a file.
        input_tensor: a symbolic image to start from.
        pooling: without the top, None, "avg" or "max" over the last feature map.
        classes: classes of the classifier.
        classifier_activation: "softmax", or None for logits.
        name: the model's name.

    Raises:
        ValueError: for arguments that do not go together, and for an image of unknown size.
        OSError: where the weights cannot be fetched.

    >>> from hornbook_applications import NASNetMobile
    >>> NASNetMobile(input_shape=(32, 32, 3), weights=None, include_top=False).output_shape
    (None, 1, 1, 1056)
    """
    return _nasnet(
        "mobile", input_shape, include_top, weights, input_tensor, pooling, classes, classifier_activation, name
    )


@extended(preprocess_input)
def NASNetLarge(
    input_shape: Any = None,
    include_top: bool = True,
    weights: Any = "imagenet",
    input_tensor: Any = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str = "nasnet_large",
) -> Any:
    """The large NASNet: 88.9 million parameters, 82.5 % of ImageNet's validation images right.

    The arguments are those of `NASNetMobile`.

    >>> from hornbook_applications import NASNetLarge
    >>> NASNetLarge(input_shape=(32, 32, 3), weights=None, include_top=False).output_shape
    (None, 1, 1, 4032)
    """
    return _nasnet(
        "large", input_shape, include_top, weights, input_tensor, pooling, classes, classifier_activation, name
    )
