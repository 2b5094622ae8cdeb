"""ViT: a Transformer encoder that reads an image as a sequence of patches.

Dosovitskiy et al. 2020, "An Image is Worth 16x16 Words: Transformers for Image Recognition at Scale",
https://arxiv.org/abs/2010.11929. The normalization stands before attention and before the two dense layers.

Axes: B batch, (H, W, C) an image, T patches and the tokens before them, M hidden_size, F intermediate_size.
"""

import re
from dataclasses import dataclass
from typing import Any

from hornbook import layers, ops
from hornbook_hub.config import Config
from hornbook_hub.images import image_preprocessor
from hornbook_hub.models.bert import ACTIVATIONS, BertAttention, dense
from hornbook_hub.timm import Layout
from hornbook_hub.vision import FirstTokenHead, PatchBackbone, PatchEmbeddings
from hornbook_hub.weights import convolution, part, transposed


# ------------------------------------------------------------------------------------------------------------ config
@dataclass(kw_only=True)
class ViTConfig(Config):
    """The fields of a ViT's `config.json`, under its names.

    >>> from hornbook_hub.models.vit import ViTConfig
    >>> ViTConfig(image_size=384).patch_size
    16
    """

    hidden_size: int = 768
    num_hidden_layers: int = 12
    num_attention_heads: int = 12
    intermediate_size: int = 3072
    hidden_act: str = "gelu"
    hidden_dropout_prob: float = 0.0
    attention_probs_dropout_prob: float = 0.0
    initializer_range: float = 0.02
    layer_norm_eps: float = 1e-12
    image_size: int | list[int] = 224
    patch_size: int | list[int] = 16
    num_channels: int = 3
    qkv_bias: bool = True
    pooler_output_size: int | None = None
    pooler_act: str = "tanh"

    INERT = Config.INERT | {"encoder_stride"}  # of a decoder that is not here

    def __post_init__(self) -> None:
        if self.hidden_size % self.num_attention_heads:
            raise ValueError(
                f"hidden_size must be a multiple of num_attention_heads, got {self.hidden_size} and "
                f"{self.num_attention_heads}."
            )
        for key, known in (("hidden_act", ACTIVATIONS), ("pooler_act", POOLER_ACTIVATIONS)):
            if getattr(self, key) not in known:
                raise ValueError(f"{key} must be one of {sorted(known)}, got {getattr(self, key)!r}.")


POOLER_ACTIVATIONS = {**ACTIVATIONS, "tanh": ops.tanh}


# ------------------------------------------------------------------------------------------------------------- parts
class ViTLayer(layers.Layer):
    """x = x + attention(normalize(x)); x = x + W2 act(W1 normalize(x)): (B, T, M) -> (B, T, M)."""

    def __init__(self, config: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.norm_before = layers.LayerNormalization(epsilon=config.layer_norm_eps, name="norm_before")
        self.attention = BertAttention(config, use_bias=config.qkv_bias, name="attention")
        self.norm_after = layers.LayerNormalization(epsilon=config.layer_norm_eps, name="norm_after")
        self.intermediate = dense(config.intermediate_size, config, "intermediate")
        self.activation = ACTIVATIONS[config.hidden_act]
        self.output_dense = dense(config.hidden_size, config, "output")
        self.dropout = layers.Dropout(config.hidden_dropout_prob)

    def call(self, x: Any, bias: Any = 0.0) -> Any:
        x = x + self.dropout(self.attention(self.norm_before(x), bias=bias))
        return x + self.dropout(self.output_dense(self.activation(self.intermediate(self.norm_after(x)))))


# ------------------------------------------------------------------------------------------------------------- whole
class ViTBackbone(PatchBackbone):
    """ViT without a head.

    Args:
        config: the sizes.

    Call:
        a dictionary of `pixel_values` (B, H, W, C). Returns {"last_hidden_state": (B, T, M), "pooler_output": (B, M)}.
        Images are of the config's `image_size`, unless `backbone.interpolate_pos_encoding = True` is set: then positions
        are stretched to any.

    >>> import numpy as np
    >>> from hornbook_hub.models.vit import ViTBackbone, ViTConfig
    >>> sizes = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    >>> backbone = ViTBackbone(ViTConfig(**sizes, image_size=32))
    >>> outputs = backbone({"pixel_values": np.zeros((1, 32, 32, 3), "float32")})
    >>> outputs["last_hidden_state"].shape, outputs["pooler_output"].shape
    (TensorShape([1, 5, 8]), TensorShape([1, 8]))
    """

    config_class = ViTConfig
    tokens: tuple[str, ...] = ("cls_token",)
    embedding = "cls"

    def __init__(self, config: Any, **kwargs: Any) -> None:
        super().__init__(config, **kwargs)
        self.embeddings = PatchEmbeddings(config, self.tokens, name="embeddings")
        self.blocks = [ViTLayer(config, name=f"layer_{i}") for i in range(config.num_hidden_layers)]
        self.norm = layers.LayerNormalization(epsilon=config.layer_norm_eps, name="norm")
        units = config.pooler_output_size or config.hidden_size
        self.pooler = dense(units, config, "pooler", activation=POOLER_ACTIVATIONS[config.pooler_act])
        self.make_weights()

    def call(self, inputs: Any, output_hidden_states: bool = False) -> dict[str, Any]:
        x = self.embeddings(self.read(inputs))
        hidden_states = [x]
        for block in self.blocks:
            x = block(x)
            hidden_states.append(x)
        x = self.norm(x)
        outputs = {"last_hidden_state": x, "pooler_output": self.pooler(x[:, 0])}
        return {**outputs, "hidden_states": tuple(hidden_states)} if output_hidden_states else outputs


# ----------------------------------------------------------------------------------------------------- WEIGHTS table
PREFIX = "vit."  # of the backbone's names in a file that also holds a head
EMBEDDING_WEIGHTS = {  # Hugging Face -> here
    "embeddings.cls_token": "embeddings.cls_token",
    "embeddings.position_embeddings": "embeddings.positions",
    "embeddings.patch_embeddings.projection.weight": ("embeddings.projection.kernel", convolution),
    "embeddings.patch_embeddings.projection.bias": "embeddings.projection.bias",
}
ATTENTION_WEIGHTS = {
    "encoder.layer.{i}.attention.attention.query.weight": ("blocks.{i}.attention.query.kernel", transposed),
    "encoder.layer.{i}.attention.attention.query.bias": "blocks.{i}.attention.query.bias",
    "encoder.layer.{i}.attention.attention.key.weight": ("blocks.{i}.attention.key.kernel", transposed),
    "encoder.layer.{i}.attention.attention.key.bias": "blocks.{i}.attention.key.bias",
    "encoder.layer.{i}.attention.attention.value.weight": ("blocks.{i}.attention.value.kernel", transposed),
    "encoder.layer.{i}.attention.attention.value.bias": "blocks.{i}.attention.value.bias",
    "encoder.layer.{i}.attention.output.dense.weight": ("blocks.{i}.attention.projection.kernel", transposed),
    "encoder.layer.{i}.attention.output.dense.bias": "blocks.{i}.attention.projection.bias",
}
LAYER_WEIGHTS = {
    **ATTENTION_WEIGHTS,
    "encoder.layer.{i}.layernorm_before.weight": "blocks.{i}.norm_before.gamma",
    "encoder.layer.{i}.layernorm_before.bias": "blocks.{i}.norm_before.beta",
    "encoder.layer.{i}.layernorm_after.weight": "blocks.{i}.norm_after.gamma",
    "encoder.layer.{i}.layernorm_after.bias": "blocks.{i}.norm_after.beta",
    "encoder.layer.{i}.intermediate.dense.weight": ("blocks.{i}.intermediate.kernel", transposed),
    "encoder.layer.{i}.intermediate.dense.bias": "blocks.{i}.intermediate.bias",
    "encoder.layer.{i}.output.dense.weight": ("blocks.{i}.output_dense.kernel", transposed),
    "encoder.layer.{i}.output.dense.bias": "blocks.{i}.output_dense.bias",
}
NORM_WEIGHTS = {"layernorm.weight": "norm.gamma", "layernorm.bias": "norm.beta"}
POOLER_WEIGHTS = {"pooler.dense.weight": ("pooler.kernel", transposed), "pooler.dense.bias": "pooler.bias"}
WEIGHTS = {**EMBEDDING_WEIGHTS, **LAYER_WEIGHTS, **NORM_WEIGHTS, **POOLER_WEIGHTS}
POOLER = tuple(POOLER_WEIGHTS)  # absent from files of classifiers
CLASSIFIER_WEIGHTS = {
    "classifier.weight": ("head.classifier.kernel", transposed),
    "classifier.bias": "head.classifier.bias",
}
HEADS = {"image_classifier": (FirstTokenHead, CLASSIFIER_WEIGHTS)}  # task -> the layer, its WEIGHTS
OTHER_HEADS = ("classifier.", "decoder.")
OLD_NAMES: dict[str, str] = {}
ARCHITECTURES = {"ViTModel": "backbone", "ViTForImageClassification": "image_classifier"}
BACKBONE = ViTBackbone


def preprocessor(files: Any, max_length: int) -> Any:
    """How raw images are prepared."""
    return image_preprocessor(files, "ViTImageProcessor")


# ------------------------------------------------------------------------------------------------------- timm's layout
TIMM_SIZES = {  # width, layers, heads
    "tiny": (192, 12, 3),
    "small": (384, 12, 6),
    "base": (768, 12, 12),
    "large": (1024, 24, 16),
    "huge": (1280, 32, 16),
}


def timm_config(name: str) -> dict[str, Any] | None:
    """The config of one of timm's ViTs, or DeiTs without a token for a teacher; None for other names.

    >>> from hornbook_hub.models.vit import timm_config
    >>> timm_config("vit_small_patch32_384")["hidden_size"], timm_config("vit_base_patch16_clip_224")
    (384, None)
    """
    found = re.fullmatch(r"(?:vit|deit)_([a-z]+)_patch(8|14|16|32)_(224|384)", name)
    if found is None or found[1] not in TIMM_SIZES:
        return None
    width, depth, heads = TIMM_SIZES[found[1]]
    return {
        "hidden_size": width,
        "num_hidden_layers": depth,
        "num_attention_heads": heads,
        "intermediate_size": 4 * width,
        "layer_norm_eps": 1e-6,
        "patch_size": int(found[2]),
        "image_size": int(found[3]),
    }


ATTENTION = "blocks.{i}.attention"
TIMM_WEIGHTS = {  # timm -> here
    "cls_token": "embeddings.cls_token",
    "pos_embed": "embeddings.positions",
    "patch_embed.proj.weight": ("embeddings.projection.kernel", convolution),
    "patch_embed.proj.bias": "embeddings.projection.bias",
    "blocks.{i}.attn.qkv.weight": [
        (f"{ATTENTION}.{name}.kernel", part(k, 3)) for k, name in enumerate(("query", "key", "value"))
    ],
    "blocks.{i}.attn.qkv.bias": [
        (f"{ATTENTION}.{name}.bias", part(k, 3)) for k, name in enumerate(("query", "key", "value"))
    ],
    "blocks.{i}.attn.proj.weight": (f"{ATTENTION}.projection.kernel", transposed),
    "blocks.{i}.attn.proj.bias": f"{ATTENTION}.projection.bias",
    "blocks.{i}.norm1.weight": "blocks.{i}.norm_before.gamma",
    "blocks.{i}.norm1.bias": "blocks.{i}.norm_before.beta",
    "blocks.{i}.norm2.weight": "blocks.{i}.norm_after.gamma",
    "blocks.{i}.norm2.bias": "blocks.{i}.norm_after.beta",
    "blocks.{i}.mlp.fc1.weight": ("blocks.{i}.intermediate.kernel", transposed),
    "blocks.{i}.mlp.fc1.bias": "blocks.{i}.intermediate.bias",
    "blocks.{i}.mlp.fc2.weight": ("blocks.{i}.output_dense.kernel", transposed),
    "blocks.{i}.mlp.fc2.bias": "blocks.{i}.output_dense.bias",
    "norm.weight": "norm.gamma",
    "norm.bias": "norm.beta",
    **POOLER_WEIGHTS,  # of which timm has none
}
TIMM = Layout(timm_config, TIMM_WEIGHTS, head="head", POOLER=POOLER, global_pool="token")

# ----------------------------------------------------------------------------------------------------- PRESETS table
PRESETS = {
    "vit_base": {
        "repository": "google/vit-base-patch16-224",
        "revision": "main",
        "aliases": ("vit_base_patch16_224_imagenet",),
        "task": "image_classifier",
        "parameters": 86_389_248,
        "licence": "Apache-2.0",
        "about": "12 layers, 768 wide, images of 224 x 224; 1000 classes of ImageNet",
    },
    "vit_base_21k": {
        "repository": "google/vit-base-patch16-224-in21k",
        "revision": "main",
        "aliases": ("vit_base_patch16_224_imagenet21k",),
        "task": "backbone",
        "parameters": 86_389_248,
        "licence": "Apache-2.0",
        "about": "12 layers, 768 wide, images of 224 x 224; to fine-tune",
    },
    "vit_large": {
        "repository": "google/vit-large-patch16-224",
        "revision": "main",
        "aliases": ("vit_large_patch16_224_imagenet",),
        "task": "image_classifier",
        "parameters": 304_351_232,
        "licence": "Apache-2.0",
        "about": "24 layers, 1024 wide, images of 224 x 224; 1000 classes of ImageNet",
    },
    "vit_small_timm": {
        "repository": "timm/vit_small_patch16_224.augreg_in21k_ft_in1k",
        "revision": "main",
        "aliases": (),
        "task": "image_classifier",
        "parameters": 21_813_504,
        "licence": "Apache-2.0",
        "about": "12 layers, 384 wide, images of 224 x 224; 1000 classes of ImageNet",
    },
}
