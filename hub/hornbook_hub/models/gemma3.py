"""Gemma 3, its text model: a Gemma 2 that normalizes queries and keys in place of caps, and turns by two kinds of angles.

Gemma Team 2025, "Gemma 3 Technical Report", https://arxiv.org/abs/2503.19786.

Axes: B batch, T time (the pieces of a text), M hidden_size; those of attention stand in `decoders.py`.
"""

from dataclasses import dataclass
from functools import partial
from typing import Any

from hornbook import layers
from hornbook_hub.decoders import CausalAttention, RotaryEmbedding
from hornbook_hub.models import gemma2
from hornbook_hub.models.gemma import gelu_perceptron
from hornbook_hub.models.gemma2 import Gemma2Backbone, Gemma2Block, Gemma2Config
from hornbook_hub.models.llama import ATTENTION_NORMS


# ------------------------------------------------------------------------------------------------------------ config
@dataclass(kw_only=True)
class Gemma3Config(Gemma2Config):
    """The fields of the `config.json` of a Gemma 3's text model, under its names.

    Rotary positions are those of layers that look at all pieces (`rope_theta`, `rope_scaling`) and of those that do not
    (`rope_local_base_freq`); in files of transformers 5, `rope_parameters` holds both, by type of layer.

    >>> from hornbook_hub.models.gemma3 import Gemma3Config
    >>> config = Gemma3Config(num_hidden_layers=7, sliding_window=512)
    >>> [config.window(layer) for layer in range(7)]
    [512, 512, 512, 512, 512, None, 512]
    """

    vocab_size: int = 262208
    max_position_embeddings: int = 131072
    final_logit_softcapping: float | None = None
    attn_logit_softcapping: None = None
    sliding_window_pattern: int = 6  # each so manieth layer looks at all pieces
    rope_local_base_freq: float = 10000.0

    INERT = Gemma2Config.INERT | {"_sliding_window_pattern"}  # the same, where layer_types is there too
    FIXED = {"attn_logit_softcapping": None}
    DEFAULT_THETA = 1_000_000.0

    def usual_type(self, layer: int) -> str:
        """The type of a layer, where the config does not list them."""
        return "sliding_attention" if (layer + 1) % self.sliding_window_pattern else "full_attention"

    def rotary(self) -> dict[str, Any]:
        """The settings of layers that look at all pieces."""
        if "full_attention" in (nested := self.rope_parameters or {}):
            return {"rope_type": "default", "rope_theta": self.rope_theta or self.DEFAULT_THETA} | nested[
                "full_attention"
            ]
        return super().rotary()

    def local_rotary(self) -> dict[str, Any]:
        """The settings of layers that look back less far."""
        local = {"rope_type": "default", "rope_theta": self.rope_local_base_freq}
        return local | (self.rope_parameters or {}).get("sliding_attention", {})

    def to_dict(self) -> dict[str, Any]:
        """The config as `config.json` has it, with the rotary positions in both ways."""
        full, local = self.rotary(), self.local_rotary()
        return {
            **super().to_dict(),
            "rope_parameters": {"full_attention": full, "sliding_attention": local},
            "rope_local_base_freq": local["rope_theta"],
        }


# ------------------------------------------------------------------------------------------------------------- whole
class Gemma3Backbone(Gemma2Backbone):
    """The text model of a Gemma 3 without a head: {"input_ids": (B, T)} -> {"last_hidden_state": (B, T, M)}.

    Args:
        config: the sizes.

    >>> import numpy as np
    >>> from hornbook_hub.models.gemma3 import Gemma3Backbone, Gemma3Config
    >>> sizes = {"hidden_size": 8, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 4}
    >>> backbone = Gemma3Backbone(Gemma3Config(vocab_size=10, head_dim=4, **sizes))
    >>> backbone({"input_ids": np.array([[1, 2, 3]])})["last_hidden_state"].shape
    TensorShape([1, 3, 8])
    """

    config_class = Gemma3Config

    def make_block(self, config: Any, i: int) -> layers.Layer:
        """The block number `i`."""
        norm = partial(self.make_norm, config)
        attention = CausalAttention(
            config,
            config.attention_bias,
            config.attention_bias,
            norm=norm,
            scale=config.query_pre_attn_scalar**-0.5,
            window=config.window(i),
            name="attention",
        )
        return Gemma2Block(attention, gelu_perceptron(config), norm, config.layer_types[i], name=f"block_{i}")

    def make_rotaries(self, config: Any) -> None:
        """Make the angles of each kind of block."""
        for kind, settings in (("full_attention", config.rotary()), ("sliding_attention", config.local_rotary())):
            self.rotaries[kind] = RotaryEmbedding(settings, config.head_dim, config.max_position_embeddings)


# ----------------------------------------------------------------------------------------------------- WEIGHTS table
WEIGHTS = {**gemma2.WEIGHTS, **ATTENTION_NORMS}
PREFIX, POOLER, HEADS = gemma2.PREFIX, gemma2.POOLER, gemma2.HEADS
OTHER_HEADS, OLD_NAMES = gemma2.OTHER_HEADS, gemma2.OLD_NAMES
ARCHITECTURES = {
    "Gemma3TextModel": "backbone",
    "Gemma3ForCausalLM": "causal_lm",
    "Gemma3TextForSequenceClassification": "text_classifier",
}
BACKBONE = Gemma3Backbone

# ----------------------------------------------------------------------------------------------------- PRESETS table
PRESETS = {
    "gemma3_270m": {
        "repository": "google/gemma-3-270m",
        "revision": "main",
        "aliases": (),
        "task": "causal_lm",
        "parameters": 268_098_176,
        "licence": "Gemma",
        "dtype": "bfloat16",
        "about": "18 layers, 640 wide; many languages",
    },
    "gemma3_1b": {
        "repository": "google/gemma-3-1b-pt",
        "revision": "main",
        "aliases": (),
        "task": "causal_lm",
        "parameters": 999_885_952,
        "licence": "Gemma",
        "dtype": "bfloat16",
        "about": "26 layers, 1152 wide; English",
    },
    "gemma3_1b_instruct": {
        "repository": "google/gemma-3-1b-it",
        "revision": "main",
        "aliases": ("gemma3_instruct_1b",),
        "task": "causal_lm",
        "parameters": 999_885_952,
        "licence": "Gemma",
        "dtype": "bfloat16",
        "about": "26 layers, 1152 wide; English chat",
    },
    "gemma3_4b": {
        "repository": "google/gemma-3-4b-pt",
        "revision": "main",
        "aliases": ("gemma3_4b_text",),
        "task": "causal_lm",
        "parameters": 3_880_099_328,
        "licence": "Gemma",
        "dtype": "bfloat16",
        "about": "34 layers, 2560 wide; many languages; the part that reads texts",
    },
    "gemma3_4b_instruct": {
        "repository": "google/gemma-3-4b-it",
        "revision": "main",
        "aliases": ("gemma3_instruct_4b_text",),
        "task": "causal_lm",
        "parameters": 3_880_099_328,
        "licence": "Gemma",
        "dtype": "bfloat16",
        "about": "34 layers, 2560 wide; chat in many languages; the part that reads texts",
    },
}
