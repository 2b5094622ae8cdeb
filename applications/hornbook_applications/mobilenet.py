"""MobileNet: convolutions taken apart into one over space and one over channels.

Howard et al. 2017, "MobileNets: Efficient Convolutional Neural Networks for Mobile Vision Applications",
https://arxiv.org/abs/1704.04861. A 3 x 3 convolution of each channel by itself, then a 1 x 1 convolution that mixes them,
cost 1 / C' + 1 / 9 of the whole convolution to C' channels. alpha narrows every layer.

Axes: B batch, H height, W width, C channels. The names of layers are those of Keras, and so are its weight files.
"""

from typing import Any

import hornbook as keras
from hornbook import layers
from hornbook_applications.common import ADDRESS, channel_axis, extended, image_and_inputs, load_weights, pooled
from hornbook_applications.imagenet_utils import decode_predictions
from hornbook_applications.imagenet_utils import preprocess_tf as preprocess_input

__all__ = ["MobileNet", "decode_predictions", "preprocess_input"]

# Width and stride of each of the 13 blocks (table 1 of the paper).
BLOCKS = (
    *((64, 1), (128, 2), (128, 1), (256, 2), (256, 1)),
    *((512, 2), (512, 1), (512, 1), (512, 1), (512, 1), (512, 1)),
    *((1024, 2), (1024, 1)),
)

SIZES = (
    128,
    160,
    192,
    224,
)  # of the images, and widths, for which there are weights; Keras publishes no hashes of these
WIDTHS = {0.25: "2_5", 0.5: "5_0", 0.75: "7_5", 1.0: "1_0"}


# --------------------------------------------------------------------------------------------------------------- parts
def check_alpha(alpha: float, weights: Any, trained: tuple[float, ...]) -> None:
    """Refuse a width that no layer can have, or for which there are no weights.

    Raises:
        ValueError: which says what is to be had.
    """
    if alpha <= 0:
        raise ValueError(f"alpha, which multiplies the widths of all layers, must be above 0, got alpha={alpha}.")
    if weights == "imagenet" and alpha not in trained:
        raise ValueError(
            f"There are weights of 'imagenet' for alpha {', '.join(map(str, trained))}, got alpha={alpha}. Pass "
            "weights=None and train it."
        )


def image_size(image: Any) -> tuple[int | None, int | None]:
    """Height and width of a symbolic image."""
    return tuple(image.shape[1:3] if channel_axis() == 3 else image.shape[2:4])


def size_of_weights(image: Any, sizes: tuple[int, ...]) -> int:
    """The size of the images on which the weights were trained that fit this one; 224 where there are none of its size."""
    height, width = image_size(image)
    return height if height is not None and height == width and height in sizes else 224


def normalize_relu(x: Any, name: str) -> Any:
    """min(relu(norm(x)), 6): the bound keeps numbers of few bits exact."""
    x = layers.BatchNormalization(axis=channel_axis(), name=f"{name}_bn")(x)
    return layers.ReLU(6.0, name=f"{name}_relu")(x)


def block(x: Any, filters: int, stride: int, depth_multiplier: int, index: int) -> Any:
    """A 3 x 3 convolution of each channel by itself, then a 1 x 1 one: (B, H, W, C) -> (B, H / stride, W / stride, filters)."""
    if stride > 1:
        x = layers.ZeroPadding2D(((0, 1), (0, 1)), name=f"conv_pad_{index}")(x)
    x = layers.DepthwiseConv2D(
        3,
        strides=stride,
        padding="same" if stride == 1 else "valid",
        depth_multiplier=depth_multiplier,
        use_bias=False,
        name=f"conv_dw_{index}",
    )(x)
    x = normalize_relu(x, f"conv_dw_{index}")
    x = layers.Conv2D(filters, 1, padding="same", use_bias=False, name=f"conv_pw_{index}")(x)
    return normalize_relu(x, f"conv_pw_{index}")


# --------------------------------------------------------------------------------------------------------------- whole
@extended(preprocess_input)
def MobileNet(
    input_shape: Any = None,
    alpha: float = 1.0,
    depth_multiplier: int = 1,
    dropout: float = 0.001,
    include_top: bool = True,
    weights: Any = "imagenet",
    input_tensor: Any = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str | None = None,
) -> Any:
    """MobileNet: 4.3 million parameters, 70.4 % of ImageNet's validation images right.

    Args:
        input_shape: (height, width, channels), at least 32 x 32; 224 x 224 by default.
        alpha: factor of all widths; there are weights for 0.25, 0.5, 0.75 and 1.
        depth_multiplier: filters of each channel in the convolutions over space; there are weights for 1.
        dropout: rate before the classifier.
        include_top: end with pooling and a classifier.
        weights: None (random), "imagenet" (from the official address: those of images of this size if it is 128, 160, 192
            or 224 square, else those of 224), or the path of a file.
        input_tensor: a symbolic image to start from.
        pooling: without the top, None, "avg" or "max" over the last feature map.
        classes: classes of the classifier.
        classifier_activation: "softmax", or None for logits.
        name: the model's name; None names the width and the height, "mobilenet_1.00_224".

    Raises:
        ValueError: for arguments that do not go together.
        OSError: where the weights cannot be fetched.

    >>> from hornbook_applications import MobileNet
    >>> model = MobileNet(input_shape=(64, 64, 3), alpha=0.25, weights=None, include_top=False)
    >>> model.name, model.output_shape
    ('mobilenet_0.25_64', (None, 2, 2, 256))
    """
    check_alpha(alpha, weights, tuple(WIDTHS))
    if weights == "imagenet" and depth_multiplier != 1:
        raise ValueError(f"There are weights of 'imagenet' for depth_multiplier=1 only, got {depth_multiplier}.")
    image, inputs = image_and_inputs(
        include_top, weights, input_tensor, input_shape, pooling, classes, sizes_with_weights=SIZES
    )
    x = layers.Conv2D(int(32 * alpha), 3, strides=2, padding="same", use_bias=False, name="conv1")(image)
    x = normalize_relu(x, "conv1")  # (B, 112, 112, 32)
    for i, (filters, stride) in enumerate(BLOCKS, start=1):  # sizes 112, 56, 56, 28, 28, 14 ... 14, 7, 7
        x = block(x, int(filters * alpha), stride, depth_multiplier, i)
    if include_top:
        x = layers.GlobalAveragePooling2D(keepdims=True)(x)  # (B, 1, 1, 1024)
        x = layers.Dropout(dropout, name="dropout")(x)
        x = layers.Conv2D(classes, 1, padding="same", name="conv_preds")(x)
        x = layers.Reshape((classes,), name="reshape_2")(x)
        x = layers.Activation(classifier_activation, name="predictions")(x)
    else:
        x = pooled(x, pooling, named=False)
    name = name or f"mobilenet_{alpha:0.2f}_{image_size(image)[0]}"
    width, size = WIDTHS.get(alpha), size_of_weights(image, SIZES)
    file = f"mobilenet/mobilenet_{width}_{size}_tf{'' if include_top else '_no_top'}.h5"
    return load_weights(keras.Model(inputs, x, name=name), weights, ADDRESS + file, None)
