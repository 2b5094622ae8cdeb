"""ConvNeXt V2: a ConvNeXt whose channels compete within a block.

Woo et al. 2023, "ConvNeXt V2: Co-designing and Scaling ConvNets with Masked Autoencoders",
https://arxiv.org/abs/2301.00808. Where version 1 scales a branch, this one normalizes the responses inside of it.

Axes: B batch, H height, W width, C channels.
"""

from dataclasses import dataclass
from typing import Any

from hornbook import layers, ops
from hornbook_hub.models import convnext
from hornbook_hub.models.convnext import ConvNextBackbone, ConvNextBlock, ConvNextConfig, preprocessor, weights_of

__all__ = ["ConvNextV2Backbone", "ConvNextV2Config", "preprocessor"]


# ------------------------------------------------------------------------------------------------------------ config
@dataclass(kw_only=True)
class ConvNextV2Config(ConvNextConfig):
    """The fields of a ConvNeXt V2's `config.json`: those of a ConvNeXt, but for the scale.

    >>> from hornbook_hub.models.convnextv2 import ConvNextV2Config
    >>> ConvNextV2Config(depths=[2, 2, 6, 2]).depth
    12
    """

    layer_scale_init_value: float = 0.0  # there is none

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.layer_scale_init_value:
            raise ValueError("layer_scale_init_value is of ConvNeXt; version 2 has no such scale.")

    def to_dict(self) -> dict[str, Any]:
        config = super().to_dict()
        config.pop("layer_scale_init_value")
        return config


# ------------------------------------------------------------------------------------------------------------- parts
class ResponseNormalization(layers.Layer):
    """x + g * (x n / mean(n)) + b, where n is the norm of each channel over all places: (B, H, W, C), as is x.

    >>> import numpy as np
    >>> from hornbook_hub.models.convnextv2 import ResponseNormalization
    >>> ResponseNormalization()(np.array([[[[1.0, 2.0]]]], "float32")).numpy().tolist()
    [[[[1.0, 2.0]]]]
    """

    def build(self, input_shape: Any) -> None:
        shape = (1, 1, 1, input_shape[-1])
        self.gamma = self.add_weight(shape, "zeros", name="gamma")
        self.beta = self.add_weight(shape, "zeros", name="beta")

    def call(self, x: Any) -> Any:
        norms = ops.norm(x, axis=(1, 2), keepdims=True)  # (B, 1, 1, C)
        return x + self.gamma * (x * (norms / (ops.mean(norms, axis=-1, keepdims=True) + 1e-6))) + self.beta


class ConvNextV2Block(ConvNextBlock):
    """x + W2 respond(act(W1 normalize(D x))): see `ConvNextBlock` and `ResponseNormalization`."""

    def __init__(self, config: Any, width: int, drop: float, **kwargs: Any) -> None:
        super().__init__(config, width, drop, **kwargs)
        self.grn = ResponseNormalization(name="grn")

    def widened(self, x: Any) -> Any:
        return self.grn(super().widened(x))


# ------------------------------------------------------------------------------------------------------------- whole
class ConvNextV2Backbone(ConvNextBackbone):
    """ConvNeXt V2 without a head: see `ConvNextBackbone`.

    >>> import numpy as np
    >>> from hornbook_hub.models.convnextv2 import ConvNextV2Backbone, ConvNextV2Config
    >>> backbone = ConvNextV2Backbone(ConvNextV2Config(num_stages=2, hidden_sizes=[8, 16], depths=[1, 1]))
    >>> backbone({"pixel_values": np.zeros((1, 32, 32, 3), "float32")})["pooler_output"].shape
    TensorShape([1, 16])
    """

    config_class = ConvNextV2Config
    block = ConvNextV2Block


# ----------------------------------------------------------------------------------------------------- WEIGHTS table
PREFIX = "convnextv2."
BLOCK_WEIGHTS = {**convnext.BLOCK_WEIGHTS, "grn.weight": "grn.gamma", "grn.bias": "grn.beta"}


def weights(config: ConvNextV2Config) -> dict[str, Any]:
    """The table of a model."""
    return weights_of(BLOCK_WEIGHTS, config)


WEIGHTS = weights
POOLER: tuple[str, ...] = ()
HEADS = convnext.HEADS
OTHER_HEADS = convnext.OTHER_HEADS
OLD_NAMES: dict[str, str] = {}
ARCHITECTURES = {"ConvNextV2Model": "backbone", "ConvNextV2ForImageClassification": "image_classifier"}
BACKBONE = ConvNextV2Backbone

# ----------------------------------------------------------------------------------------------------- PRESETS table
PRESETS = {
    "convnextv2_tiny": {
        "repository": "facebook/convnextv2-tiny-1k-224",
        "revision": "main",
        "aliases": (),
        "task": "image_classifier",
        "parameters": 27_866_496,
        "licence": "CC-BY-NC-4.0",
        "about": "blocks 3, 3, 9, 3, 768 wide at the end; 1000 classes of ImageNet",
    },
}
