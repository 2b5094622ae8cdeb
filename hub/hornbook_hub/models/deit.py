"""DeiT: a ViT that learned from a teacher's answers too, by a token of its own.

Touvron et al. 2020, "Training data-efficient image transformers & distillation through attention",
https://arxiv.org/abs/2012.12877. Checkpoints without that token are ViTs in all respects, and say so in their config.

Axes: see `models/vit.py`.
"""

from dataclasses import dataclass
from typing import Any

from hornbook_hub.images import image_preprocessor
from hornbook_hub.models import vit
from hornbook_hub.models.vit import ViTBackbone, ViTConfig
from hornbook_hub.vision import FirstTokenHead, ImageHead
from hornbook_hub.weights import transposed


# ------------------------------------------------------------------------------------------------------------ config
@dataclass(kw_only=True)
class DeiTConfig(ViTConfig):
    """The fields of a DeiT's `config.json`, which are those of a ViT's.

    >>> from hornbook_hub.models.deit import DeiTConfig
    >>> DeiTConfig().hidden_size
    768
    """


# ------------------------------------------------------------------------------------------------------------- whole
class DeiTBackbone(ViTBackbone):
    """DeiT without a head: see `ViTBackbone`; its second token is the one that learned from the teacher.

    >>> import numpy as np
    >>> from hornbook_hub.models.deit import DeiTBackbone, DeiTConfig
    >>> sizes = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    >>> backbone = DeiTBackbone(DeiTConfig(**sizes, image_size=32))
    >>> backbone({"pixel_values": np.zeros((1, 32, 32, 3), "float32")})["last_hidden_state"].shape
    TensorShape([1, 6, 8])
    """

    config_class = DeiTConfig
    tokens = ("cls_token", "distillation_token")


class DistilledHead(ImageHead):
    """logits = (W h0 + b + W' h1 + b') / 2, of the token that learned from labels and of the one that had a teacher."""

    source = "last_hidden_state"

    def __init__(self, backbone: Any, classes: int, **kwargs: Any) -> None:
        super().__init__(backbone, classes, **kwargs)
        self.distilled = FirstTokenHead(backbone, classes, name="distilled")

    def call(self, outputs: dict[str, Any]) -> Any:
        x = outputs[self.source]
        return (self.classifier(x[:, 0]) + self.distilled.classifier(x[:, 1])) / 2


# ----------------------------------------------------------------------------------------------------- WEIGHTS table
PREFIX = "deit."
WEIGHTS = {**vit.WEIGHTS, "embeddings.distillation_token": "embeddings.distillation_token"}
POOLER = vit.POOLER
DISTILLED_WEIGHTS = {
    "cls_classifier.weight": ("head.classifier.kernel", transposed),
    "cls_classifier.bias": "head.classifier.bias",
    "distillation_classifier.weight": ("head.distilled.classifier.kernel", transposed),
    "distillation_classifier.bias": "head.distilled.classifier.bias",
}
HEADS = {**vit.HEADS, "distilled_image_classifier": (DistilledHead, DISTILLED_WEIGHTS)}
OTHER_HEADS = ("classifier.", "cls_classifier.", "distillation_classifier.", "decoder.")
OLD_NAMES: dict[str, str] = {}
ARCHITECTURES = {
    "DeiTModel": "backbone",
    "DeiTForImageClassification": "image_classifier",
    "DeiTForImageClassificationWithTeacher": "distilled_image_classifier",
}
BACKBONE = DeiTBackbone


def preprocessor(files: Any, max_length: int) -> Any:
    """How raw images are prepared."""
    return image_preprocessor(files, "DeiTImageProcessor")


# ----------------------------------------------------------------------------------------------------- PRESETS table
PRESETS = {
    "deit_base": {
        "repository": "facebook/deit-base-distilled-patch16-224",
        "revision": "main",
        "aliases": ("deit_base_distilled_patch16_224_imagenet",),
        "task": "distilled_image_classifier",
        "parameters": 86_390_784,
        "licence": "Apache-2.0",
        "about": "12 layers, 768 wide, images of 224 x 224; 1000 classes of ImageNet",
    },
    "deit_tiny": {
        "repository": "facebook/deit-tiny-distilled-patch16-224",
        "revision": "main",
        "aliases": ("deit_tiny_distilled_patch16_224_imagenet",),
        "task": "distilled_image_classifier",
        "parameters": 5_561_856,
        "licence": "Apache-2.0",
        "about": "12 layers, 192 wide, images of 224 x 224; 1000 classes of ImageNet",
    },
}
