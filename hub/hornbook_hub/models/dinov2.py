"""DINOv2: a ViT that learned from images alone, without labels.

Oquab et al. 2023, "DINOv2: Learning Robust Visual Features without Supervision", https://arxiv.org/abs/2304.07193. A ViT
whose branches are scaled by a learned number a channel, and whose positions are stretched to images of any size.

Axes: B batch, (H, W, C) an image, T patches and the token before them, M hidden_size, F the inner width.
"""

from dataclasses import dataclass
from typing import Any

from hornbook import layers, ops
from hornbook_applications.convnext import LayerScale, StochasticDepth
from hornbook_hub.config import Config
from hornbook_hub.images import image_preprocessor
from hornbook_hub.models import vit
from hornbook_hub.models.bert import ACTIVATIONS, BertAttention, dense
from hornbook_hub.vision import ImageHead, PatchEmbeddings, VisionBackbone
from hornbook_hub.weights import transposed


# ------------------------------------------------------------------------------------------------------------ config
@dataclass(kw_only=True)
class Dinov2Config(Config):
    """The fields of a DINOv2's `config.json`, under its names.

    >>> from hornbook_hub.models.dinov2 import Dinov2Config
    >>> Dinov2Config().patch_size
    14
    """

    hidden_size: int = 768
    num_hidden_layers: int = 12
    num_attention_heads: int = 12
    mlp_ratio: int | float = 4
    hidden_act: str = "gelu"
    hidden_dropout_prob: float = 0.0
    attention_probs_dropout_prob: float = 0.0
    initializer_range: float = 0.02
    layer_norm_eps: float = 1e-6
    image_size: int | list[int] = 224
    patch_size: int | list[int] = 14
    num_channels: int = 3
    qkv_bias: bool = True
    layerscale_value: float = 1.0
    drop_path_rate: float = 0.0
    use_swiglu_ffn: bool = False
    use_mask_token: bool = True

    INERT = Config.INERT | {  # of a class that gives the maps of chosen stages to detectors
        *("apply_layernorm", "reshape_hidden_states", "out_features", "out_indices", "stage_names"),
    }

    def __post_init__(self) -> None:
        if self.hidden_size % self.num_attention_heads:
            raise ValueError(
                f"hidden_size must be a multiple of num_attention_heads, got {self.hidden_size} and "
                f"{self.num_attention_heads}."
            )
        if self.hidden_act not in ACTIVATIONS:
            raise ValueError(f"hidden_act must be one of {sorted(ACTIVATIONS)}, got {self.hidden_act!r}.")


# ------------------------------------------------------------------------------------------------------------- parts
class Dinov2Dense(layers.Layer):
    """W2 act(W1 x): (B, T, M) -> (B, T, F) -> (B, T, M)."""

    def __init__(self, config: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.fc1 = dense(int(config.hidden_size * config.mlp_ratio), config, "fc1")
        self.activation = ACTIVATIONS[config.hidden_act]
        self.fc2 = dense(config.hidden_size, config, "fc2")

    def call(self, x: Any) -> Any:
        return self.fc2(self.activation(self.fc1(x)))


class Dinov2Gated(layers.Layer):
    """W2 (silu(g) * u), where [g, u] = W1 x: (B, T, M) -> (B, T, 2 F) -> (B, T, M); of the largest model.

    F is two thirds of what it would be without a gate, rounded up to a multiple of 8.

    Source: Shazeer 2020, "GLU Variants Improve Transformer", https://arxiv.org/abs/2002.05202
    """

    def __init__(self, config: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        inner = int(int(config.hidden_size * config.mlp_ratio) * 2 / 3)
        self.weights_in = dense(2 * (-(-inner // 8) * 8), config, "weights_in")
        self.weights_out = dense(config.hidden_size, config, "weights_out")

    def call(self, x: Any) -> Any:
        gate, up = ops.split(self.weights_in(x), 2, axis=-1)
        return self.weights_out(ops.silu(gate) * up)


class Dinov2Layer(layers.Layer):
    """x = x + l1 * attention(normalize(x)); x = x + l2 * mlp(normalize(x)), l1 and l2 learned: (B, T, M) -> (B, T, M)."""

    def __init__(self, config: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        scale = config.layerscale_value, config.hidden_size
        self.norm1 = layers.LayerNormalization(epsilon=config.layer_norm_eps, name="norm1")
        self.attention = BertAttention(config, use_bias=config.qkv_bias, name="attention")
        self.layer_scale1 = LayerScale(*scale, name="layer_scale1")
        self.norm2 = layers.LayerNormalization(epsilon=config.layer_norm_eps, name="norm2")
        self.mlp = (Dinov2Gated if config.use_swiglu_ffn else Dinov2Dense)(config, name="mlp")
        self.layer_scale2 = LayerScale(*scale, name="layer_scale2")
        self.drop_path = StochasticDepth(config.drop_path_rate)

    def call(self, x: Any, training: bool | None = None) -> Any:
        x = x + self.drop_path(self.layer_scale1(self.attention(self.norm1(x))), training=training)
        return x + self.drop_path(self.layer_scale2(self.mlp(self.norm2(x))), training=training)


# ------------------------------------------------------------------------------------------------------------- whole
class Dinov2Backbone(VisionBackbone):
    """DINOv2 without a head.

    Args:
        config: the sizes.

    Call:
        a dictionary of `pixel_values` (B, H, W, C), of any size; with `bool_masked_pos` (B, patches), 1 where a patch is
        hidden. Returns {"last_hidden_state": (B, T, M), "pooler_output": (B, M)}: the latter is the first token's vector.

    >>> import numpy as np
    >>> from hornbook_hub.models.dinov2 import Dinov2Backbone, Dinov2Config
    >>> backbone = Dinov2Backbone(Dinov2Config(hidden_size=8, num_hidden_layers=1, num_attention_heads=2))
    >>> outputs = backbone({"pixel_values": np.zeros((1, 28, 42, 3), "float32")})
    >>> outputs["last_hidden_state"].shape, outputs["pooler_output"].shape
    (TensorShape([1, 7, 8]), TensorShape([1, 8]))
    """

    config_class = Dinov2Config

    def __init__(self, config: Dinov2Config, **kwargs: Any) -> None:
        super().__init__(config, **kwargs)
        mask = (1, config.hidden_size) if config.use_mask_token else None
        self.embeddings = PatchEmbeddings(config, mask_token=mask, name="embeddings")
        self.blocks = [Dinov2Layer(config, name=f"layer_{i}") for i in range(config.num_hidden_layers)]
        self.norm = layers.LayerNormalization(epsilon=config.layer_norm_eps, name="norm")
        self.make_weights()

    def call(self, inputs: Any, output_hidden_states: bool = False) -> dict[str, Any]:
        x = self.embeddings(self.read(inputs), inputs.get("bool_masked_pos"))
        hidden_states = [x]
        for block in self.blocks:
            x = block(x)
            hidden_states.append(x)
        x = self.norm(x)
        outputs = {"last_hidden_state": x, "pooler_output": x[:, 0]}
        return {**outputs, "hidden_states": tuple(hidden_states)} if output_hidden_states else outputs


class Dinov2Head(ImageHead):
    """logits = W [h0; mean of the patches' h] + b: (B, T, M) -> (B, classes)."""

    source = "last_hidden_state"

    def vector(self, outputs: dict[str, Any]) -> Any:
        x = outputs[self.source]
        return ops.concatenate([x[:, 0], ops.mean(x[:, 1:], axis=1)], axis=-1)


# ----------------------------------------------------------------------------------------------------- WEIGHTS table
PREFIX = "dinov2."  # of the backbone's names in a file that also holds a head
LAYER_WEIGHTS = {  # Hugging Face -> here; of the two kinds of mlp, a model has one
    **vit.ATTENTION_WEIGHTS,
    "encoder.layer.{i}.norm1.weight": "blocks.{i}.norm1.gamma",
    "encoder.layer.{i}.norm1.bias": "blocks.{i}.norm1.beta",
    "encoder.layer.{i}.layer_scale1.lambda1": "blocks.{i}.layer_scale1.gamma",
    "encoder.layer.{i}.norm2.weight": "blocks.{i}.norm2.gamma",
    "encoder.layer.{i}.norm2.bias": "blocks.{i}.norm2.beta",
    "encoder.layer.{i}.layer_scale2.lambda1": "blocks.{i}.layer_scale2.gamma",
}


def weights(config: Dinov2Config) -> dict[str, Any]:
    """The table of a model."""
    parts = ("weights_in", "weights_out") if config.use_swiglu_ffn else ("fc1", "fc2")
    mlp: dict[str, Any] = {}
    for part in parts:
        mlp[f"encoder.layer.{{i}}.mlp.{part}.weight"] = f"blocks.{{i}}.mlp.{part}.kernel", transposed
        mlp[f"encoder.layer.{{i}}.mlp.{part}.bias"] = f"blocks.{{i}}.mlp.{part}.bias"
    mask = {"embeddings.mask_token": "embeddings.mask_token"}
    return {**vit.EMBEDDING_WEIGHTS, **mask, **LAYER_WEIGHTS, **mlp, **vit.NORM_WEIGHTS}


WEIGHTS = weights
POOLER: tuple[str, ...] = ()
HEADS = {"image_classifier": (Dinov2Head, vit.CLASSIFIER_WEIGHTS)}  # task -> the layer, its WEIGHTS
OTHER_HEADS = ("classifier.",)
OLD_NAMES: dict[str, str] = {}
ARCHITECTURES = {"Dinov2Model": "backbone", "Dinov2ForImageClassification": "image_classifier"}
BACKBONE = Dinov2Backbone


def preprocessor(files: Any, max_length: int) -> Any:
    """How raw images are prepared."""
    return image_preprocessor(files, "BitImageProcessor")


# ----------------------------------------------------------------------------------------------------- PRESETS table
PRESETS = {
    "dinov2_small": {
        "repository": "facebook/dinov2-small",
        "revision": "main",
        "aliases": (),
        "task": "backbone",
        "parameters": 22_056_576,
        "licence": "Apache-2.0",
        "about": "12 layers, 384 wide; vectors of images",
    },
    "dinov2_base": {
        "repository": "facebook/dinov2-base",
        "revision": "main",
        "aliases": (),
        "task": "backbone",
        "parameters": 86_580_480,
        "licence": "Apache-2.0",
        "about": "12 layers, 768 wide; vectors of images",
    },
    "dinov2_large": {
        "repository": "facebook/dinov2-large",
        "revision": "main",
        "aliases": (),
        "task": "backbone",
        "parameters": 304_368_640,
        "licence": "Apache-2.0",
        "about": "24 layers, 1024 wide; vectors of images",
    },
}
