"""VGG of 19 layers: the parts, the paper and the table of weights are in `vgg16.py`."""

from typing import Any

from hornbook_applications.common import extended
from hornbook_applications.vgg16 import decode_predictions, preprocess_input, vgg

__all__ = ["VGG19", "decode_predictions", "preprocess_input"]


@extended(preprocess_input)
def VGG19(
    include_top: bool = True,
    weights: Any = "imagenet",
    input_tensor: Any = None,
    input_shape: Any = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str = "vgg19",
) -> Any:
    """VGG of 19 layers: 143.7 million parameters, 71.3 % of ImageNet's validation images right.

    The arguments are those of `VGG16`.

    >>> from hornbook_applications import VGG19
    >>> len(VGG19(weights=None, include_top=False).layers)
    22
    """
    return vgg("vgg19", include_top, weights, input_tensor, input_shape, pooling, classes, classifier_activation, name)
