"""Applications as the networks beneath detectors: the maps that their stages end with.

The maps are found by the names of layers, which are Keras's.
"""

from collections.abc import Sequence
from typing import Any

import hornbook as keras
from hornbook_applications import mobilenet_v3, resnet

__all__ = ["stages"]

# What makes the network, what its pixels go through first, and for each level the last layer of stride 2^level.
BACKBONES = {
    "ResNet50": (
        resnet.ResNet50,
        resnet.preprocess_input,
        {2: "conv2_block3_out", 3: "conv3_block4_out", 4: "conv4_block6_out", 5: "conv5_block3_out"},
    ),
    "MobileNetV3Small": (
        mobilenet_v3.MobileNetV3Small,
        mobilenet_v3.preprocess_input,
        {
            2: "expanded_conv_project_bn",
            3: "expanded_conv_2_add",
            4: "expanded_conv_7_add",
            5: "expanded_conv_10_add",
        },
    ),
}


def stages(
    name: str, levels: Sequence[int] = (3, 4, 5), weights: Any = "imagenet", input_shape: tuple = (None, None, 3)
) -> Any:
    """An application without its top, that takes pixels 0 to 255 and gives the last map of each of these levels.

    Args:
        name: "ResNet50" or "MobileNetV3Small".
        levels: from 2 to 5; level l has a stride of 2^l pixels.
        weights: None (random), "imagenet", or the path of a file.
        input_shape: (height, width, channels).

    Returns:
        a model from (B, H, W, 3) to a list of maps (B, H / 2^l, W / 2^l, C), the finest first.

    Raises:
        ValueError: for a name or a level that is not there.

    >>> from hornbook_applications import detection
    >>> backbone = detection.stages("MobileNetV3Small", weights=None, input_shape=(64, 64, 3))
    >>> [x.shape for x in backbone.outputs]
    [(None, 8, 8, 24), (None, 4, 4, 48), (None, 2, 2, 96)]
    """
    if name not in BACKBONES:
        raise ValueError(f"There are stages of {', '.join(BACKBONES)}, got {name!r}.")
    make, preprocess, ends = BACKBONES[name]
    if not set(levels) <= set(ends):
        raise ValueError(f"{name} has the levels {sorted(ends)}, got levels={tuple(levels)}.")
    image = keras.Input(input_shape)
    network = make(include_top=False, weights=weights, input_tensor=preprocess(image))
    maps = [network.get_layer(ends[level]).output for level in sorted(levels)]
    return keras.Model(image, maps, name=f"{network.name}_stages")
