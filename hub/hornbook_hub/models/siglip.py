"""SigLIP: CLIP's two towers, where each pair of an image and a text is judged by itself.

Zhai et al. 2023, "Sigmoid Loss for Language Image Pre-Training", https://arxiv.org/abs/2303.15343. The tower of images is a ViT
whose patches are gathered by attention with one query that is learned (Zhai et al. 2021, https://arxiv.org/abs/2106.04560);
that of texts looks both ways, and its last place, mostly padding, stands for the whole.

Axes: see `image_text.py`.
"""

import math
from dataclasses import dataclass
from typing import Any

import hornbook as keras
from hornbook import layers, ops
from hornbook_hub.image_text import (
    IMAGE_WEIGHTS,
    TEXT_WEIGHTS,
    ImageTower,
    PairBackbone,
    PairConfig,
    PairHead,
    TextTower,
    TowerConfig,
    both_towers,
    image_text_preprocessor,
)
from hornbook_hub.models.bert import ACTIVATIONS, dense
from hornbook_hub.weights import transposed


# ------------------------------------------------------------------------------------------------------------ config
@dataclass(kw_only=True)
class SiglipTextConfig(TowerConfig):
    """The fields of `text_config`."""

    vocab_size: int = 32000
    hidden_size: int = 768
    intermediate_size: int = 3072
    num_hidden_layers: int = 12
    num_attention_heads: int = 12
    max_position_embeddings: int = 64
    hidden_act: str = "gelu_pytorch_tanh"
    layer_norm_eps: float = 1e-6
    projection_size: int | None = None  # hidden_size, if None


@dataclass(kw_only=True)
class SiglipVisionConfig(TowerConfig):
    """The fields of `vision_config`."""

    hidden_size: int = 768
    intermediate_size: int = 3072
    num_hidden_layers: int = 12
    num_attention_heads: int = 12
    num_channels: int = 3
    image_size: int | list[int] = 224
    patch_size: int | list[int] = 16
    hidden_act: str = "gelu_pytorch_tanh"
    layer_norm_eps: float = 1e-6

    FIXED = {**TowerConfig.FIXED, "vision_use_head": True}


@dataclass(kw_only=True)
class SiglipConfig(PairConfig):
    """The fields of a SigLIP's `config.json`, under its names.

    >>> from hornbook_hub.models.siglip import SiglipConfig
    >>> SiglipConfig().text.max_position_embeddings
    64
    """

    def __post_init__(self) -> None:
        super().__post_init__()
        text, vision = self.text, self.vision
        if (text.projection_size or text.hidden_size) != vision.hidden_size:
            raise ValueError(
                f"Texts become vectors of {text.projection_size or text.hidden_size} numbers and images of "
                f"{vision.hidden_size}; projection_size of text_config must be hidden_size of vision_config."
            )

    @property
    def text(self) -> SiglipTextConfig:
        return SiglipTextConfig.from_dict(self.text_config)

    @property
    def vision(self) -> SiglipVisionConfig:
        return SiglipVisionConfig.from_dict(self.vision_config)


# ------------------------------------------------------------------------------------------------------------- parts
class SiglipText(TextTower):
    """The tower of texts: each piece looks at all; the last place is pooled, so texts have to be of one length.

    >>> import numpy as np
    >>> from hornbook_hub.models.siglip import SiglipText, SiglipTextConfig
    >>> sizes = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    >>> tower = SiglipText(SiglipTextConfig(**sizes, vocab_size=10))
    >>> tower({"input_ids": np.array([[1, 2, 9]])})["pooler_output"].shape
    TensorShape([1, 8])
    """

    config_class = SiglipTextConfig

    def __init__(self, config: SiglipTextConfig, **kwargs: Any) -> None:
        super().__init__(config, **kwargs)
        self.projection = dense(config.projection_size or config.hidden_size, config, "projection")
        self.make_weights()

    def pooled(self, x: Any, input_ids: Any) -> Any:
        return self.projection(x[:, -1])


class AttentionPooling(layers.Layer):
    """x = W softmax(q k^T / sqrt(D)) v + b with a query that is learned; x + W2 act(W1 normalize(x)): (B, T, M) -> (B, M).

    Query, keys and values have one kernel (M, 3 M), as the files have it.

    Args:
        config: the sizes.
    """

    def __init__(self, config: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        width, self.heads = config.hidden_size, config.num_attention_heads
        self.dim = width // self.heads
        self.probe = self.add_weight((1, 1, width), initializer="glorot_uniform", name="probe")
        self.in_projection = dense(3 * width, config, "in_projection")
        self.out_projection = dense(width, config, "out_projection")
        self.norm = layers.LayerNormalization(epsilon=config.layer_norm_eps, name="norm")
        self.intermediate = dense(config.intermediate_size, config, "intermediate")
        self.activation = ACTIVATIONS[config.hidden_act]
        self.output_dense = dense(width, config, "output")

    def split(self, x: Any) -> Any:
        """(B, T, M) -> (B, H, T, D)."""
        batch, time = ops.shape(x)[:2]
        return ops.transpose(ops.reshape(x, (batch, time, self.heads, self.dim)), (0, 2, 1, 3))

    def call(self, x: Any) -> Any:
        query = ops.split(self.in_projection(self.probe), 3, axis=-1)[0]
        _, keys, values = ops.split(self.in_projection(x), 3, axis=-1)
        query, keys, values = self.split(query) / math.sqrt(self.dim), self.split(keys), self.split(values)
        weights = ops.softmax(ops.matmul(query, ops.swapaxes(keys, -1, -2)), axis=-1)  # (B, H, 1, T)
        gathered = ops.reshape(ops.matmul(weights, values), (-1, self.heads * self.dim))  # (B, H, 1, D) -> (B, M)
        x = self.out_projection(gathered)
        return x + self.output_dense(self.activation(self.intermediate(self.norm(x))))


class SiglipVision(ImageTower):
    """The tower of images: patches alone, gathered by attention.

    >>> import numpy as np
    >>> from hornbook_hub.models.siglip import SiglipVision, SiglipVisionConfig
    >>> sizes = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    >>> tower = SiglipVision(SiglipVisionConfig(**sizes, image_size=64))
    >>> tower({"pixel_values": np.zeros((1, 64, 64, 3), "float32")})["last_hidden_state"].shape
    TensorShape([1, 16, 8])
    """

    config_class = SiglipVisionConfig

    def __init__(self, config: SiglipVisionConfig, **kwargs: Any) -> None:
        super().__init__(config, **kwargs)
        self.pooling = AttentionPooling(config, name="pooling")
        self.make_weights()

    def outputs_of(self, x: Any) -> dict[str, Any]:
        x = self.norm(x)
        return {"last_hidden_state": x, "pooler_output": self.pooling(x)}


# ------------------------------------------------------------------------------------------------------------- whole
class SiglipBackbone(PairBackbone):
    """SigLIP: i = image tower(image), t = text tower(text), each of length one; logits = e^s <i, t> + b.

    Args:
        config: the sizes.

    Call:
        a dictionary of `pixel_values` (N, H, W, C), or `input_ids` (K, T), or both; texts are padded to
        `max_position_embeddings`. Returns {"image_embeds": (N, P), "text_embeds": (K, P), "logits_per_image": (N, K),
        "logits_per_text": (K, N)}, as far as the inputs go.

    >>> import numpy as np
    >>> from hornbook_hub.models.siglip import SiglipBackbone, SiglipConfig
    >>> sizes = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    >>> config = SiglipConfig(text_config={**sizes, "vocab_size": 10}, vision_config={**sizes, "image_size": 32})
    >>> outputs = SiglipBackbone(config)({"pixel_values": np.zeros((2, 32, 32, 3), "float32")})
    >>> outputs["image_embeds"].shape
    TensorShape([2, 8])
    """

    config_class = SiglipConfig
    input_names = ("input_ids", "pixel_values")  # padding is read, not hidden: so these models were trained
    each_alone = True

    def __init__(self, config: SiglipConfig, **kwargs: Any) -> None:
        super().__init__(config, **kwargs)
        self.text_model = SiglipText(config.text, name="text_model")
        self.vision_model = SiglipVision(config.vision, name="vision_model")
        scale, bias = keras.initializers.Constant(math.log(10)), keras.initializers.Constant(-10)  # the paper's
        self.logit_scale = self.add_weight((1,), initializer=scale, name="logit_scale")
        self.logit_bias = self.add_weight((1,), initializer=bias, name="logit_bias")
        self.make_weights()


# ----------------------------------------------------------------------------------------------------- WEIGHTS table
PREFIX = ""
SIGLIP_TEXT_WEIGHTS = {
    **TEXT_WEIGHTS,
    "head.weight": ("projection.kernel", transposed),
    "head.bias": "projection.bias",
}
SIGLIP_IMAGE_WEIGHTS = {
    **IMAGE_WEIGHTS,
    "embeddings.patch_embedding.bias": "embeddings.projection.bias",
    "head.probe": "pooling.probe",
    "head.attention.in_proj_weight": ("pooling.in_projection.kernel", transposed),
    "head.attention.in_proj_bias": "pooling.in_projection.bias",
    "head.attention.out_proj.weight": ("pooling.out_projection.kernel", transposed),
    "head.attention.out_proj.bias": "pooling.out_projection.bias",
    "head.layernorm.weight": "pooling.norm.gamma",
    "head.layernorm.bias": "pooling.norm.beta",
    "head.mlp.fc1.weight": ("pooling.intermediate.kernel", transposed),
    "head.mlp.fc1.bias": "pooling.intermediate.bias",
    "head.mlp.fc2.weight": ("pooling.output_dense.kernel", transposed),
    "head.mlp.fc2.bias": "pooling.output_dense.bias",
}
MEETING_WEIGHTS = {"logit_scale": "logit_scale", "logit_bias": "logit_bias"}


def WEIGHTS(config: SiglipConfig) -> dict[str, Any]:  # noqa: N802 - a table, which the depths of both towers make
    """Hugging Face -> here."""
    return both_towers(config, SIGLIP_TEXT_WEIGHTS, SIGLIP_IMAGE_WEIGHTS, MEETING_WEIGHTS)


POOLER = ()
HEADS = {"zero_shot_image_classifier": (PairHead, {})}
OTHER_HEADS = ()
OLD_NAMES: dict[str, str] = {}
ARCHITECTURES = {"SiglipModel": "zero_shot_image_classifier"}
BACKBONE = SiglipBackbone


def preprocessor(files: Any, max_length: int) -> Any:
    """How raw images and texts are prepared: texts are filled up to as many pieces as there are positions."""
    names = SiglipBackbone.input_names
    return image_text_preprocessor(files, max_length, "SiglipImageProcessor", names, pad_to=max_length)


# ----------------------------------------------------------------------------------------------------- PRESETS table
PRESETS = {
    "siglip_base": {
        "repository": "google/siglip-base-patch16-224",
        "revision": "main",
        "aliases": ("siglip_base_patch16_224",),
        "task": "zero_shot_image_classifier",
        "parameters": 203_155_970,
        "licence": "Apache-2.0",
        "about": "12 layers, 768 wide, images of 224 x 224 in patches of 16 x 16",
    },
}
