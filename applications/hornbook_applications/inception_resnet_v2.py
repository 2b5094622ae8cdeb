"""Inception with shortcuts: what the branches give is scaled down and added to their input.

Szegedy, Ioffe, Vanhoucke, Alemi 2016, "Inception-v4, Inception-ResNet and the Impact of Residual Connections on Learning",
https://arxiv.org/abs/1602.07261. y = relu(x + s W [F1(x), F2(x), ...]): a 1 x 1 convolution brings the branches to the
width of x, and s of 0.1 to 0.2 keeps the training of so many sums stable.

Axes: B batch, H height, W width, C channels. The names of layers are those of Keras, and so are its weight files.
"""

from typing import Any

import hornbook as keras
from hornbook import layers
from hornbook_applications.common import ADDRESS, channel_axis, extended, image_and_inputs, load_weights, pooled
from hornbook_applications.imagenet_utils import decode_predictions
from hornbook_applications.imagenet_utils import preprocess_tf as preprocess_input
from hornbook_applications.inception_v3 import COLUMN, ROW, around, branch, convolution, halved, joined, stem

__all__ = ["InceptionResNetV2", "decode_predictions", "preprocess_input"]

HASHES = ("e693bd0210a403b3192acc6073ad2e96", "d19885ff4a710c122648d3b5c3b684e4")  # md5 with and without the classifier

# The branches of each kind of block, each a chain of (filters, kernel) (figures 16, 17 and 19 of the paper).
BLOCK_35 = (((32, 1),), ((32, 1), (32, 3)), ((32, 1), (48, 3), (64, 3)))
BLOCK_17 = (((192, 1),), ((128, 1), (160, ROW), (192, COLUMN)))
BLOCK_8 = (((192, 1),), ((192, 1), (224, (1, 3)), (256, (3, 1))))


# --------------------------------------------------------------------------------------------------------------- parts
@keras.saving.register_keras_serializable(package="hornbook_applications")
class CustomScaleLayer(layers.Layer):
    """x + scale y of two arrays [x, y]; the name is Keras's.

    Args:
        scale: the factor of the second one.
    """

    def __init__(self, scale: float, **kwargs: Any):
        super().__init__(**kwargs)
        self.scale = scale

    def call(self, inputs: Any) -> Any:
        x, y = inputs
        return x + self.scale * y


def block(x: Any, branches: tuple, scale: float, name: str, last: bool = False) -> Any:
    """relu(x + scale W [F1(x), F2(x), ...]), in the last block without relu: (B, H, W, C) as it comes."""
    y = joined([branch(x, *convolutions) for convolutions in branches], f"{name}_mixed")
    y = layers.Conv2D(x.shape[channel_axis()], 1, padding="same", name=f"{name}_conv")(y)
    x = CustomScaleLayer(scale)([x, y])
    return x if last else layers.Activation("relu", name=f"{name}_ac")(x)


# --------------------------------------------------------------------------------------------------------------- whole
@extended(preprocess_input)
def InceptionResNetV2(
    include_top: bool = True,
    weights: Any = "imagenet",
    input_tensor: Any = None,
    input_shape: Any = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str = "inception_resnet_v2",
) -> Any:
    """Inception with shortcuts: 55.9 million parameters, 80.3 % of ImageNet's validation images right.

    Args:
        include_top: end with pooling and a classifier.
        weights: None (random), "imagenet" (from the official address, checked by its md5), or the path of a file.
        input_tensor: a symbolic image to start from.
        input_shape: (height, width, channels), at least 75 x 75.
        pooling: without the top, None, "avg" or "max" over the last feature map.
        classes: classes of the classifier.
        classifier_activation: "softmax", or None for logits.
        name: the model's name.

    Raises:
        ValueError: for arguments that do not go together.
        OSError: where the weights cannot be fetched.

    >>> from hornbook_applications import InceptionResNetV2
    >>> InceptionResNetV2(input_shape=(75, 75, 3), weights=None, include_top=False).output_shape
    (None, 1, 1, 1536)
    """
    image, inputs = image_and_inputs(
        include_top, weights, input_tensor, input_shape, pooling, classes, size=299, smallest=75
    )
    x = stem(image)  # (B, 35, 35, 192)
    x = joined(
        [
            branch(x, (96, 1)),
            branch(x, (48, 1), (64, 5)),
            branch(x, (64, 1), (96, 3), (96, 3)),
            branch(around(x), (64, 1)),
        ],
        "mixed_5b",
    )  # (B, 35, 35, 320)
    for i in range(1, 11):
        x = block(x, BLOCK_35, 0.17, f"block35_{i}")
    x = joined(
        [halved(x, 384), halved(branch(x, (256, 1), (256, 3)), 384), layers.MaxPooling2D(3, strides=2)(x)], "mixed_6a"
    )  # (B, 17, 17, 1088)
    for i in range(1, 21):
        x = block(x, BLOCK_17, 0.1, f"block17_{i}")
    x = joined(
        [
            halved(branch(x, (256, 1)), 384),
            halved(branch(x, (256, 1)), 288),
            halved(branch(x, (256, 1), (288, 3)), 320),
            layers.MaxPooling2D(3, strides=2)(x),
        ],
        "mixed_7a",
    )  # (B, 8, 8, 2080)
    for i in range(1, 11):
        x = block(x, BLOCK_8, 0.2 if i < 10 else 1.0, f"block8_{i}", last=i == 10)
    x = convolution(x, 1536, 1, name="conv_7b")  # (B, 8, 8, 1536)
    if include_top:
        x = layers.GlobalAveragePooling2D(name="avg_pool")(x)
        x = layers.Dense(classes, activation=classifier_activation, name="predictions")(x)
    else:
        x = pooled(x, pooling, named=False)
    file = f"inception_resnet_v2_weights_tf_dim_ordering_tf_kernels{'' if include_top else '_notop'}.h5"
    return load_weights(
        keras.Model(inputs, x, name=name),
        weights,
        f"{ADDRESS}inception_resnet_v2/{file}",
        HASHES[0 if include_top else 1],
    )
