"""ConvNeXts: convolutional networks with what vision transformers taught.

Liu et al. 2022, "A ConvNet for the 2020s", https://arxiv.org/abs/2201.03545. A block has the plan of a transformer's: what
mixes places, here a 7 x 7 convolution D in each channel by itself, then what mixes channels, an inverted bottleneck. With
LN the layer normalization of each place and g one learned number a channel,

    y = x + g * W2 gelu(W1 LN(D x))

Between the stages a 2 x 2 convolution of stride 2 halves the image, and the network begins with patches of 4 x 4.

Axes: B batch, H height, W width, C channels. The names of layers are those of Keras, and so are its weight files.
"""

from collections.abc import Sequence
from typing import Any

import hornbook as keras
from hornbook import initializers, layers, ops, random
from hornbook.core.arguments import fraction
from hornbook.core.registry import Family
from hornbook_applications.common import ADDRESS, extended, image_and_inputs, load_weights, pooled
from hornbook_applications.imagenet_utils import decode_predictions
from hornbook_applications.imagenet_utils import preprocess_nothing as preprocess_input

__all__ = [
    "ConvNeXtBase",
    "ConvNeXtLarge",
    "ConvNeXtSmall",
    "ConvNeXtTiny",
    "ConvNeXtXLarge",
    "decode_predictions",
    "preprocess_input",
]

MEAN = (0.485 * 255, 0.456 * 255, 0.406 * 255)  # of ImageNet's pixels 0 .. 255
VARIANCE = ((0.229 * 255) ** 2, (0.224 * 255) ** 2, (0.225 * 255) ** 2)
EPSILON = 1e-6  # of the layer normalizations

VARIANTS = {
    # blocks and widths of the four stages
    "convnext_tiny": ((3, 3, 9, 3), (96, 192, 384, 768)),
    "convnext_small": ((3, 3, 27, 3), (96, 192, 384, 768)),
    "convnext_base": ((3, 3, 27, 3), (128, 256, 512, 1024)),
    "convnext_large": ((3, 3, 27, 3), (192, 384, 768, 1536)),
    "convnext_xlarge": ((3, 3, 27, 3), (256, 512, 1024, 2048)),
}
HASHES = {  # sha256 of Keras's files with and without the classifier
    "convnext_tiny": (
        "8ae6e78ce2933352b1ef4008e6dd2f17bc40771563877d156bc6426c7cf503ff",
        "d547c096cabd03329d7be5562c5e14798aa39ed24b474157cef5e85ab9e49ef1",
    ),
    "convnext_small": (
        "ce1277d8f1ee5a0ef0e171469089c18f5233860ceaf9b168049cb9263fd7483c",
        "6fc8009faa2f00c1c1dfce59feea9b0745eb260a7dd11bee65c8e20843da6eab",
    ),
    "convnext_base": (
        "52cbb006d3dadd03f6e095a8ca1aca47aecdd75acb4bc74bce1f5c695d0086e6",
        "40a20c5548a5e9202f69735ecc06c990e6b7c9d2de39f0361e27baeb24cb7c45",
    ),
    "convnext_large": (
        "070c5ed9ed289581e477741d3b34beffa920db8cf590899d6d2c67fba2a198a6",
        "96f02b6f0753d4f543261bc9d09bed650f24dd6bc02ddde3066135b63d23a1cd",
    ),
    "convnext_xlarge": (
        "c1f5ccab661354fc3a79a10fa99af82f0fbf10ec65cb894a3ae0815f17a889ee",
        "de3f8a54174130e0cecdc71583354753d557fcf1f4487331558e2a16ba0cfe05",
    ),
}


# --------------------------------------------------------------------------------------------------------------- parts
class LayerScale(layers.Layer):
    """A learned number for each channel: output = inputs * g, where a small g makes the block begin near the identity.

    Args:
        init_values: what g begins with, the same in all channels.
        projection_dim: the number of channels.

    Call:
        x: (..., projection_dim).

    Source: Touvron et al. 2021, "Going deeper with Image Transformers", https://arxiv.org/abs/2103.17239

    >>> import numpy as np
    >>> from hornbook_applications.convnext import LayerScale
    >>> LayerScale(0.5, 2)(np.array([[2.0, 4.0]])).numpy()
    array([[1., 2.]], dtype=float32)
    """

    def __init__(self, init_values: float, projection_dim: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.init_values, self.projection_dim = init_values, projection_dim

    def build(self, input_shape: Sequence) -> None:
        start = initializers.Constant(self.init_values)
        self.gamma = self.add_weight(name="gamma", shape=(self.projection_dim,), initializer=start)

    def call(self, x: Any) -> Any:
        return x * self.gamma

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape


class StochasticDepth(layers.Layer):
    """Training leaves out the whole of a block in some examples: output = inputs * kept / (1 - rate), kept 0 or 1.

    The functions below train without it, as Keras's do; it is here for files that hold it.

    Args:
        drop_path_rate: how often an example is set to zero, 0 to 1.

    Call:
        x: (batch, ...).
        training: whether to drop; without it the input passes unchanged.

    Source: Huang et al. 2016, "Deep Networks with Stochastic Depth", https://arxiv.org/abs/1603.09382

    >>> import numpy as np
    >>> from hornbook_applications.convnext import StochasticDepth
    >>> y = StochasticDepth(0.5)(np.ones((99, 2, 2)), training=True).numpy()
    >>> np.unique(y.sum((1, 2))).tolist()
    [0.0, 8.0]
    """

    def __init__(self, drop_path_rate: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.drop_path_rate = fraction(drop_path_rate, "drop_path_rate")

    def call(self, x: Any, training: bool | None = None) -> Any:
        if not training:
            return x
        one_draw_an_example = (ops.shape(x)[0],) + (1,) * (len(x.shape) - 1)
        return random.dropout(x, self.drop_path_rate, noise_shape=one_draw_an_example)

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape


for _cls in (LayerScale, StochasticDepth):
    _cls._config_module = "keras.src.applications.convnext"
    _cls._config_registered_name = _cls.__name__
family = Family(
    "applications.convnext",
    base=layers.Layer,
    members={cls.__name__: cls for cls in (LayerScale, StochasticDepth)},
    what="layer of ConvNeXt",
)


def normalize(name: str | None) -> Any:
    """The layer that normalizes the channels of each place."""
    return layers.LayerNormalization(epsilon=EPSILON, name=name)


def block(x: Any, name: str) -> Any:
    """x + g * W2 gelu(W1 LN(D x)), where W1 makes the channels four times as many and W2 as many as before.

    Args:
        x: (B, H, W, C).

    Returns:
        (B, H, W, C).
    """
    width = x.shape[-1]
    y = layers.Conv2D(width, 7, padding="same", groups=width, name=f"{name}_depthwise_conv")(x)
    y = normalize(f"{name}_layernorm")(y)
    y = layers.Dense(4 * width, name=f"{name}_pointwise_conv_1")(y)
    y = layers.Activation("gelu", name=f"{name}_gelu")(y)
    y = layers.Dense(width, name=f"{name}_pointwise_conv_2")(y)
    y = LayerScale(1e-6, width, name=f"{name}_layer_scale")(y)
    y = layers.Activation("linear", name=f"{name}_identity")(y)
    return x + y


# --------------------------------------------------------------------------------------------------------------- whole
def _convnext(
    variant: str,
    include_top: bool,
    include_preprocessing: bool,
    weights: Any,
    input_tensor: Any,
    input_shape: Any,
    pooling: str | None,
    classes: int,
    classifier_activation: Any,
    name: str,
) -> Any:
    if keras.config.image_data_format() == "channels_first":
        raise ValueError(
            "ConvNeXt works on images whose channels come last. Call hornbook.config.set_image_data_format('channels_last')."
        )
    depths, widths = VARIANTS[variant]
    with_top, without_top = HASHES[variant]
    image, inputs = image_and_inputs(include_top, weights, input_tensor, input_shape, pooling, classes)

    x = image  # (B, 224, 224, 3)
    if include_preprocessing and image.shape[-1] == 3:
        x = layers.Normalization(mean=list(MEAN), variance=list(VARIANCE), name=f"{name}_prestem_normalization")(x)
    patches = layers.Conv2D(widths[0], 4, strides=4, name=f"{name}_stem_conv")
    x = keras.Sequential([patches, normalize(f"{name}_stem_layernorm")], name=f"{name}_stem")(x)  # (B, 56, 56, 96)
    for stage, (depth, width) in enumerate(zip(depths, widths, strict=True)):  # sizes 56, 28, 14, 7
        if stage > 0:
            before = stage - 1
            smaller = layers.Conv2D(width, 2, strides=2, name=f"{name}_downsampling_conv_{before}")
            x = keras.Sequential(
                [normalize(f"{name}_downsampling_layernorm_{before}"), smaller],
                name=f"{name}_downsampling_block_{before}",
            )(x)
        for i in range(depth):
            x = block(x, name=f"{name}_stage_{stage}_block_{i}")

    if include_top:
        x = layers.GlobalAveragePooling2D(name=f"{name}_head_gap")(x)  # (B, 768)
        x = normalize(f"{name}_head_layernorm")(x)
        x = layers.Dense(classes, activation=classifier_activation, name=f"{name}_head_dense")(x)
    else:
        x = normalize(None)(pooled(x, pooling, named=False))
    address = f"{ADDRESS}convnext/{variant}{'' if include_top else '_notop'}.h5"
    return load_weights(keras.Model(inputs, x, name=name), weights, address, with_top if include_top else without_top)


@extended()
def ConvNeXtTiny(
    include_top: bool = True,
    include_preprocessing: bool = True,
    weights: Any = "imagenet",
    input_tensor: Any = None,
    input_shape: Any = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str = "convnext_tiny",
) -> Any:
    """The smallest, of the work of ResNet-50: 28.6 million parameters, 82.1 % of ImageNet's validation images right.

    Args:
        include_top: end with pooling and a classifier.
        include_preprocessing: take pixels 0 .. 255 in RGB and standardize each channel inside.
        weights: None (random), "imagenet" (from the official address, checked by its sha256), or the path of a file.
        input_tensor: a symbolic image to start from.
        input_shape: (height, width, channels), at least 32 x 32.
        pooling: without the top, None, "avg" or "max" over the last feature map.
        classes: classes of the classifier.
        classifier_activation: "softmax", or None for logits.
        name: the model's name.

    Raises:
        ValueError: for arguments that do not go together, and where the channels of images come first.
        OSError: where the weights cannot be fetched.

    >>> from hornbook_applications import ConvNeXtTiny
    >>> ConvNeXtTiny(weights=None, include_top=False, input_shape=(32, 32, 3)).output_shape
    (None, 1, 1, 768)
    """
    return _convnext(
        "convnext_tiny",
        include_top,
        include_preprocessing,
        weights,
        input_tensor,
        input_shape,
        pooling,
        classes,
        classifier_activation,
        name,
    )


@extended()
def ConvNeXtSmall(
    include_top: bool = True,
    include_preprocessing: bool = True,
    weights: Any = "imagenet",
    input_tensor: Any = None,
    input_shape: Any = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str = "convnext_small",
) -> Any:
    """50.2 million parameters, 83.1 % right; the arguments are those of `ConvNeXtTiny`.

    >>> from hornbook_applications import ConvNeXtSmall
    >>> ConvNeXtSmall(weights=None, include_top=False, input_shape=(32, 32, 3)).output_shape
    (None, 1, 1, 768)
    """
    return _convnext(
        "convnext_small",
        include_top,
        include_preprocessing,
        weights,
        input_tensor,
        input_shape,
        pooling,
        classes,
        classifier_activation,
        name,
    )


@extended()
def ConvNeXtBase(
    include_top: bool = True,
    include_preprocessing: bool = True,
    weights: Any = "imagenet",
    input_tensor: Any = None,
    input_shape: Any = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str = "convnext_base",
) -> Any:
    """88.6 million parameters, 85.8 % right where trained on ImageNet-22k first; the arguments are those of `ConvNeXtTiny`.

    >>> from hornbook_applications import ConvNeXtBase
    >>> ConvNeXtBase(weights=None, include_top=False, input_shape=(32, 32, 3)).output_shape
    (None, 1, 1, 1024)
    """
    return _convnext(
        "convnext_base",
        include_top,
        include_preprocessing,
        weights,
        input_tensor,
        input_shape,
        pooling,
        classes,
        classifier_activation,
        name,
    )


@extended()
def ConvNeXtLarge(
    include_top: bool = True,
    include_preprocessing: bool = True,
    weights: Any = "imagenet",
    input_tensor: Any = None,
    input_shape: Any = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str = "convnext_large",
) -> Any:
    """197.8 million parameters, 86.6 % right where trained on ImageNet-22k first; the arguments are those of `ConvNeXtTiny`.

    >>> from hornbook_applications import ConvNeXtLarge
    >>> ConvNeXtLarge(weights=None, include_top=False, input_shape=(32, 32, 3)).output_shape
    (None, 1, 1, 1536)
    """
    return _convnext(
        "convnext_large",
        include_top,
        include_preprocessing,
        weights,
        input_tensor,
        input_shape,
        pooling,
        classes,
        classifier_activation,
        name,
    )


@extended()
def ConvNeXtXLarge(
    include_top: bool = True,
    include_preprocessing: bool = True,
    weights: Any = "imagenet",
    input_tensor: Any = None,
    input_shape: Any = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str = "convnext_xlarge",
) -> Any:
    """350.2 million parameters, 87.0 % right where trained on ImageNet-22k first; the arguments are those of `ConvNeXtTiny`.

    >>> from hornbook_applications import ConvNeXtXLarge
    >>> ConvNeXtXLarge(weights=None, include_top=False, input_shape=(32, 32, 3)).output_shape
    (None, 1, 1, 2048)
    """
    return _convnext(
        "convnext_xlarge",
        include_top,
        include_preprocessing,
        weights,
        input_tensor,
        input_shape,
        pooling,
        classes,
        classifier_activation,
        name,
    )
