"""CLIP: an image and a text as vectors of one space, close where the text says what is on the image.

Radford et al. 2021, "Learning Transferable Visual Models From Natural Language Supervision",
https://arxiv.org/abs/2103.00020. Each tower is a Transformer with the normalization before attention and before the two dense
layers; that of texts looks back alone, and its piece for the end stands for the whole.

Axes: see `image_text.py`.
"""

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
    row,
)
from hornbook_hub.weights import transposed


# ------------------------------------------------------------------------------------------------------------ config
@dataclass(kw_only=True)
class CLIPTextConfig(TowerConfig):
    """The fields of `text_config`."""

    vocab_size: int = 49408
    hidden_size: int = 512
    intermediate_size: int = 2048
    num_hidden_layers: int = 12
    num_attention_heads: int = 8
    max_position_embeddings: int = 77
    hidden_act: str = "quick_gelu"
    layer_norm_eps: float = 1e-5
    eos_token_id: int = 49407

    def __post_init__(self) -> None:
        super().__post_init__()
        if not isinstance(self.eos_token_id, int):
            raise ValueError(f"eos_token_id must be the number of one piece, got {self.eos_token_id!r}.")


@dataclass(kw_only=True)
class CLIPVisionConfig(TowerConfig):
    """The fields of `vision_config`."""

    hidden_size: int = 768
    intermediate_size: int = 3072
    num_hidden_layers: int = 12
    num_attention_heads: int = 12
    num_channels: int = 3
    image_size: int | list[int] = 224
    patch_size: int | list[int] = 32
    hidden_act: str = "quick_gelu"
    layer_norm_eps: float = 1e-5


@dataclass(kw_only=True)
class CLIPConfig(PairConfig):
    """The fields of a CLIP's `config.json`, under its names.

    Older files have `text_config_dict` or `vision_config_dict` too; where they do, it is that one which counts.

    >>> from hornbook_hub.models.clip import CLIPConfig
    >>> CLIPConfig(vision_config={"patch_size": 16}).vision.patch_size
    16
    """

    projection_dim: int = 512
    logit_scale_init_value: float = 2.6592  # ln(1 / 0.07)
    text_config_dict: dict[str, Any] | None = None
    vision_config_dict: dict[str, Any] | None = None

    @property
    def text(self) -> CLIPTextConfig:
        return CLIPTextConfig.from_dict(self.text_config if self.text_config_dict is None else self.text_config_dict)

    @property
    def vision(self) -> CLIPVisionConfig:
        given = self.vision_config if self.vision_config_dict is None else self.vision_config_dict
        return CLIPVisionConfig.from_dict(given)


# ------------------------------------------------------------------------------------------------------------- parts
class CLIPText(TextTower):
    """The tower of texts: each piece looks back; the first piece for the end is pooled.

    >>> import numpy as np
    >>> from hornbook_hub.models.clip import CLIPText, CLIPTextConfig
    >>> sizes = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    >>> tower = CLIPText(CLIPTextConfig(**sizes, vocab_size=10, eos_token_id=9))
    >>> tower({"input_ids": np.array([[1, 2, 9]])})["pooler_output"].shape
    TensorShape([1, 8])
    """

    config_class = CLIPTextConfig

    def __init__(self, config: CLIPTextConfig, **kwargs: Any) -> None:
        super().__init__(config, **kwargs)
        self.make_weights()

    def visible(self, seen: Any) -> Any:
        places = ops.arange(ops.shape(seen)[1])
        back = ops.expand_dims(places, 1) >= ops.expand_dims(places, 0)  # (T, S)
        return ops.logical_and(ops.expand_dims(seen, 1), ops.expand_dims(back, 0))

    def pooled(self, x: Any, input_ids: Any) -> Any:
        end = self.config.eos_token_id
        # The first files say 2, which is not the end's number; there, the end is the piece with the largest one.
        score = input_ids if end == 2 else ops.cast(ops.equal(input_ids, end), "int32")
        places = ops.expand_dims(ops.argmax(score, axis=1), -1)
        return ops.squeeze(ops.take_along_axis(x, ops.expand_dims(places, -1), axis=1), 1)


class CLIPVision(ImageTower):
    """The tower of images: patches after a vector for the whole, normalized before the first layer too.

    >>> import numpy as np
    >>> from hornbook_hub.models.clip import CLIPVision, CLIPVisionConfig
    >>> sizes = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    >>> tower = CLIPVision(CLIPVisionConfig(**sizes, image_size=64))
    >>> tower({"pixel_values": np.zeros((1, 64, 64, 3), "float32")})["last_hidden_state"].shape
    TensorShape([1, 5, 8])
    """

    config_class = CLIPVisionConfig

    def __init__(self, config: CLIPVisionConfig, **kwargs: Any) -> None:
        super().__init__(config, ("class_embedding",), use_bias=False, **kwargs)
        self.norm_before = layers.LayerNormalization(epsilon=config.layer_norm_eps, name="norm_before")
        self.make_weights()

    def embedded(self, pixels: Any) -> Any:
        return self.norm_before(self.embeddings(pixels))

    def outputs_of(self, x: Any) -> dict[str, Any]:
        return {"last_hidden_state": x, "pooler_output": self.norm(x[:, 0])}


# ------------------------------------------------------------------------------------------------------------- whole
class CLIPBackbone(PairBackbone):
    """CLIP: i = W image tower(image), t = W' text tower(text), each of length one; logits = e^s <i, t>.

    Args:
        config: the sizes.

    Call:
        a dictionary of `pixel_values` (N, H, W, C), or `input_ids` and `attention_mask` (K, T), or all three.
        Returns {"image_embeds": (N, P), "text_embeds": (K, P), "logits_per_image": (N, K), "logits_per_text": (K, N)}, as
        far as the inputs go.

    >>> import numpy as np
    >>> from hornbook_hub.models.clip import CLIPBackbone, CLIPConfig
    >>> sizes = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    >>> text = {**sizes, "vocab_size": 10, "eos_token_id": 9}
    >>> backbone = CLIPBackbone(CLIPConfig(text_config=text, vision_config={**sizes, "image_size": 64}))
    >>> outputs = backbone({"pixel_values": np.zeros((2, 64, 64, 3), "float32"), "input_ids": np.array([[1, 2, 9]])})
    >>> outputs["image_embeds"].shape, outputs["logits_per_image"].shape
    (TensorShape([2, 512]), TensorShape([2, 1]))
    """

    config_class = CLIPConfig

    def __init__(self, config: CLIPConfig, **kwargs: Any) -> None:
        super().__init__(config, **kwargs)
        self.text_model = CLIPText(config.text, name="text_model")
        self.vision_model = CLIPVision(config.vision, name="vision_model")
        self.text_projection = projection(config.text.hidden_size, config.projection_dim, "text_projection")
        self.visual_projection = projection(config.vision.hidden_size, config.projection_dim, "visual_projection")
        start = keras.initializers.Constant(config.logit_scale_init_value)
        self.logit_scale = self.add_weight((), initializer=start, name="logit_scale")
        self.make_weights()

    def text_vector(self, inputs: Any) -> Any:
        return self.text_projection(super().text_vector(inputs))

    def image_vector(self, inputs: Any) -> Any:
        return self.visual_projection(super().image_vector(inputs))


def projection(width: int, units: int, name: str) -> layers.Dense:
    """From a tower's width to that of the space of both."""
    initializer = keras.initializers.RandomNormal(stddev=width**-0.5)
    return layers.Dense(units, use_bias=False, kernel_initializer=initializer, name=name)


# ----------------------------------------------------------------------------------------------------- WEIGHTS table
PREFIX = ""
CLIP_IMAGE_WEIGHTS = {
    **IMAGE_WEIGHTS,
    "embeddings.class_embedding": ("embeddings.class_embedding", row),
    "pre_layrnorm.weight": "norm_before.gamma",  # the files spell it so
    "pre_layrnorm.bias": "norm_before.beta",
}
MEETING_WEIGHTS = {
    "text_projection.weight": ("text_projection.kernel", transposed),
    "visual_projection.weight": ("visual_projection.kernel", transposed),
    "logit_scale": "logit_scale",
}


def WEIGHTS(config: CLIPConfig) -> dict[str, Any]:  # noqa: N802 - a table, which the depths of both towers make
    """Hugging Face -> here."""
    return both_towers(config, TEXT_WEIGHTS, CLIP_IMAGE_WEIGHTS, MEETING_WEIGHTS)


POOLER = ()
HEADS = {"zero_shot_image_classifier": (PairHead, {})}
OTHER_HEADS = ()
OLD_NAMES: dict[str, str] = {}
ARCHITECTURES = {"CLIPModel": "zero_shot_image_classifier"}
BACKBONE = CLIPBackbone


def preprocessor(files: Any, max_length: int) -> Any:
    """How raw images and texts are prepared."""
    return image_text_preprocessor(files, max_length, "CLIPImageProcessor", CLIPBackbone.input_names)


# ----------------------------------------------------------------------------------------------------- PRESETS table
PRESETS = {
    "clip_vit_base": {
        "repository": "openai/clip-vit-base-patch32",
        "revision": "main",
        "aliases": ("clip_vit_base_patch32",),
        "task": "zero_shot_image_classifier",
        "parameters": 151_277_313,
        "licence": "MIT",
        "about": "12 layers, 768 and 512 wide, images of 224 x 224 in patches of 32 x 32",
    },
    "clip_vit_base_patch16": {
        "repository": "openai/clip-vit-base-patch16",
        "revision": "main",
        "aliases": (),
        "task": "zero_shot_image_classifier",
        "parameters": 149_620_737,
        "licence": "MIT",
        "about": "12 layers, 768 and 512 wide, images of 224 x 224 in patches of 16 x 16",
    },
    "clip_vit_large": {
        "repository": "openai/clip-vit-large-patch14",
        "revision": "main",
        "aliases": ("clip_vit_large_patch14",),
        "task": "zero_shot_image_classifier",
        "parameters": 427_616_513,
        "licence": "MIT",
        "about": "24 and 12 layers, 1024 and 768 wide, images of 224 x 224 in patches of 14 x 14",
    },
}
