"""DeepLabV3+: a network for classes that stops getting coarser, read at several distances at once.

Chen, Zhu, Papandreou, Schroff, Adam 2018, "Encoder-Decoder with Atrous Separable Convolution for Semantic Image
Segmentation", https://arxiv.org/abs/1802.02611. The last strides of the backbone are taken out, and the kernels behind them
read pixels that lie as much farther apart (*dilated*, or à trous), so that its weights still fit:

    y(p) = sum_k W_k x(p + r k)              r the rate, 1 in an ordinary convolution

The coarse map x is read at several rates and as a whole (atrous spatial pyramid pooling), and refined by the map of stride 4:

    a = W [W_1 x, D_6 x, D_12 x, D_18 x, mean(x)],      logits = W_3 F([W_2 fine, up(a)])

Axes: B batch, H height, W width, C channels.
"""

from collections.abc import Sequence
from typing import Any

import hornbook as keras
from hornbook import layers, tree
from hornbook.core.arguments import one_of, positive_integer
from hornbook_applications.segmentation.parts import ResizedLike, check_channels_last, convolution
from hornbook_applications.stages import calls, stages, strides

__all__ = ["DeepLabV3Plus", "dilated"]


# --------------------------------------------------------------------------------------------------------------- parts
def dilated(model: Any, output_stride: int) -> Any:
    """The same network with the same weights, whose maps get no coarser than a stride of `output_stride`.

    A layer of stride 2 that would make them coarser gets stride 1, and the kernels behind it the double rate: each place
    that the network had before still gets the same numbers, but for the rim, and new places stand between them. Layers
    behind `output_stride` are padded so that maps keep their size.

    Args:
        model: a Functional model of one image, such as an application without its top.
        output_stride: a power of 2, at most 32.

    Raises:
        ValueError: for networks that crop their maps (NASNet), and another output_stride.

    >>> from hornbook_applications import MobileNet
    >>> from hornbook_applications.segmentation.deeplab import dilated
    >>> model = MobileNet(input_shape=(64, 64, 3), alpha=0.25, weights=None, include_top=False)
    >>> model.output_shape, dilated(model, 16).output_shape
    ((None, 2, 2, 256), (None, 4, 4, 256))
    """
    one_of(output_stride, (2, 4, 8, 16, 32), "output_stride")
    stride = strides(model)
    before = {node.operation.name: max(stride[id(x)] for x in node.inputs) for node in calls(model)}

    def made_anew(layer: Any) -> Any:
        return changed(layer, before.get(layer.name, 1) // output_stride)

    copy = keras.models.clone_model(model, clone_function=made_anew)
    copy.set_weights(model.get_weights())
    return copy


def changed(layer: Any, rate: int) -> Any:
    """A fresh layer for a map that is `rate` times as fine as the layer was made for; as it was where the rate is 0."""
    config = layer.get_config()
    if rate and isinstance(layer, layers.Cropping2D):
        raise ValueError(f"Layer {layer.name!r} crops a map, so the strides behind it cannot be taken out.")
    if rate and isinstance(layer, keras.Sequential):
        return keras.Sequential([changed(inner, rate) for inner in layer.layers], name=layer.name)
    if rate and isinstance(layer, layers.ZeroPadding2D):
        config["padding"] = 0  # what follows pads by itself
    window = config.get("kernel_size", config.get("pool_size"))
    if rate and window is not None:
        config |= {"strides": 1, "padding": "same"}
        if "dilation_rate" in config and max(tree.flatten(window)) > 1:
            config["dilation_rate"] = [rate * r for r in tree.flatten(config["dilation_rate"])]
    return type(layer).from_config(config)


def pyramid(x: Any, filters: int, rates: Sequence[int]) -> Any:
    """Atrous spatial pyramid pooling: the map read by one place, at each of the rates, and as a whole.

    Args:
        x: (B, h, w, C).
        filters: channels of each part, and of the result.
        rates: of the 3 x 3 convolutions.

    Returns:
        (B, h, w, filters).
    """
    whole = layers.GlobalAveragePooling2D(keepdims=True, name="aspp_mean")(x)  # (B, 1, 1, C)
    whole = ResizedLike("nearest", name="aspp_whole_size")(convolution(whole, filters, 1, "aspp_whole"), x)
    parts = [convolution(x, filters, 1, "aspp_0")]
    parts += [convolution(x, filters, 3, f"aspp_{i}", rate) for i, rate in enumerate(rates, start=1)]
    return convolution(layers.Concatenate(name="aspp_concat")([*parts, whole]), filters, 1, "aspp")


# --------------------------------------------------------------------------------------------------------------- whole
def DeepLabV3Plus(
    backbone: Any,
    classes: int,
    output_stride: int = 16,
    filters: int = 256,
    fine_filters: int = 48,
    rates: Sequence[int] | None = None,
    dropout: float = 0.0,
    name: str = "deeplab_v3_plus",
) -> Any:
    """DeepLabV3+ on an application: logits (B, H, W, classes) of its images (B, H, W, C).

    Args:
        backbone: an application without its top, with its weights, and with `include_preprocessing=True` if images are to
            be pixels 0 .. 255. Its weights are copied.
        classes: how many classes a pixel can have.
        output_stride: of the coarse map, 8 or 16; 8 is finer and costs four times as much behind that stride.
        filters: channels of the pyramid and the decoder.
        fine_filters: channels of the map of stride 4, which is brought to fewer so that it does not drown the other.
        rates: of the pyramid; 6, 12, 18 for an output_stride of 16, the double of it for 8.
        dropout: how much of the pyramid's result is left out in training.
        name: the model's name.

    Raises:
        ValueError: for other values, a backbone without maps of stride 4, and where the channels of images come first.

    >>> from hornbook_applications import MobileNetV2
    >>> from hornbook_applications.segmentation import DeepLabV3Plus
    >>> backbone = MobileNetV2(input_shape=(64, 64, 3), alpha=0.35, weights=None, include_top=False)
    >>> DeepLabV3Plus(backbone, classes=21, filters=16).output_shape
    (None, 64, 64, 21)
    """
    check_channels_last()
    positive_integer(classes, "classes")
    one_of(output_stride, (8, 16), "output_stride")
    rates = [16 // output_stride * rate for rate in (6, 12, 18)] if rates is None else rates
    backbone = dilated(backbone, output_stride)
    maps = stages(backbone)
    if 4 not in maps or len(backbone.outputs) != 1 or len(backbone.output.shape) != 4:
        raise ValueError(
            f"DeepLabV3Plus reads maps of stride 4 and the last one, of an application with include_top=False and without "
            f"pooling; {backbone.name!r} has strides {sorted(maps)} and gives {backbone.output_shape}."
        )
    image, fine = backbone.input, maps[4]
    x = pyramid(backbone.output, filters, rates)  # (B, H / 16, W / 16, filters)
    x = layers.Dropout(dropout)(x) if dropout else x
    fine = convolution(fine, fine_filters, 1, "fine")  # (B, H / 4, W / 4, fine_filters)
    x = layers.Concatenate(name="decoder_concat")([fine, ResizedLike(name="decoder_size")(x, fine)])
    x = convolution(convolution(x, filters, 3, "decoder_1"), filters, 3, "decoder_2")
    x = layers.Conv2D(classes, 1, dtype="float32", name="logits")(x)
    x = ResizedLike(dtype="float32", name="logits_size")(x, image)  # (B, H, W, classes)
    return keras.Model(image, x, name=name)
