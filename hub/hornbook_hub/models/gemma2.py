"""Gemma 2: a Gemma that also normalizes what each part gives, caps its scores, and looks back less far in every other layer.

Gemma Team 2024, "Gemma 2: Improving Open Language Models at a Practical Size", https://arxiv.org/abs/2408.00118.

Axes: B batch, T time (the pieces of a text), M hidden_size; those of attention stand in `decoders.py`.
"""

from dataclasses import dataclass
from functools import partial
from typing import Any

from hornbook import layers
from hornbook_hub.decoders import CausalAttention, MixedConfig
from hornbook_hub.models import llama
from hornbook_hub.models.gemma import GemmaBackbone, gelu_perceptron, refuse_others


# ------------------------------------------------------------------------------------------------------------ config
@dataclass(kw_only=True)
class Gemma2Config(MixedConfig):
    """The fields of a Gemma 2's `config.json`, under its names.

    >>> from hornbook_hub.models.gemma2 import Gemma2Config
    >>> config = Gemma2Config(num_hidden_layers=4)
    >>> [config.window(layer) for layer in range(4)]
    [4096, None, 4096, None]
    """

    vocab_size: int = 256000
    hidden_size: int = 2304
    intermediate_size: int = 9216
    num_hidden_layers: int = 26
    num_attention_heads: int = 8
    num_key_value_heads: int = 4
    head_dim: int = 256
    max_position_embeddings: int = 8192
    tie_word_embeddings: bool = True
    hidden_activation: str = "gelu_pytorch_tanh"
    attention_bias: bool = False
    query_pre_attn_scalar: float = 256  # scores are divided by its root
    attn_logit_softcapping: float | None = 50.0
    final_logit_softcapping: float | None = 30.0
    use_bidirectional_attention: bool | None = None

    INERT = MixedConfig.INERT | {"hidden_act", "cache_implementation", "sliding_window_size"}

    def __post_init__(self) -> None:
        super().__post_init__()
        refuse_others(self.hidden_activation, self.use_bidirectional_attention)

    def usual_type(self, layer: int) -> str:
        """The type of a layer, where the config does not list them."""
        return "full_attention" if layer % 2 else "sliding_attention"


# ------------------------------------------------------------------------------------------------------------- parts
class Gemma2Block(layers.Layer):
    """x = x + normalize(attention(normalize(x))); x = x + normalize(perceptron(normalize(x))).

    Args:
        attention, perceptron: the two parts.
        norm: makes a normalization.
        rotary: which angles it turns by.
    """

    def __init__(self, attention: Any, perceptron: Any, norm: Any, rotary: str = "all", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.rotary = rotary
        self.attention_norm = norm(name="attention_norm")
        self.attention = attention
        self.attention_output_norm = norm(name="attention_output_norm")
        self.perceptron_norm = norm(name="perceptron_norm")
        self.perceptron = perceptron
        self.perceptron_output_norm = norm(name="perceptron_output_norm")

    def call(self, x: Any, bias: Any, angles: Any = None, memory: Any = None, start: Any = None) -> Any:
        found, kept = self.attention(self.attention_norm(x), bias, angles, memory=memory, start=start)
        x = x + self.attention_output_norm(found)
        return x + self.perceptron_output_norm(self.transformed(x)), kept

    def transformed(self, x: Any) -> Any:
        """perceptron(normalize(x))."""
        return self.perceptron(self.perceptron_norm(x))


# ------------------------------------------------------------------------------------------------------------- whole
class Gemma2Backbone(GemmaBackbone):
    """A Gemma 2 without a head: {"input_ids": (B, T)} -> {"last_hidden_state": (B, T, M)}.

    Args:
        config: the sizes.

    >>> import numpy as np
    >>> from hornbook_hub.models.gemma2 import Gemma2Backbone, Gemma2Config
    >>> sizes = {"hidden_size": 8, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 4}
    >>> backbone = Gemma2Backbone(Gemma2Config(vocab_size=10, head_dim=4, **sizes))
    >>> backbone({"input_ids": np.array([[1, 2, 3]])})["last_hidden_state"].shape
    TensorShape([1, 3, 8])
    """

    config_class = Gemma2Config

    def make_block(self, config: Any, i: int) -> layers.Layer:
        """The block number `i`."""
        attention = CausalAttention(
            config,
            config.attention_bias,
            config.attention_bias,
            scale=config.query_pre_attn_scalar**-0.5,
            softcap=config.attn_logit_softcapping,
            window=config.window(i),
            name="attention",
        )
        norm = partial(self.make_norm, config)
        return Gemma2Block(attention, gelu_perceptron(config), norm, name=f"block_{i}")


# ----------------------------------------------------------------------------------------------------- WEIGHTS table
WEIGHTS = {
    **llama.WEIGHTS,
    "layers.{i}.post_attention_layernorm.weight": "blocks.{i}.attention_output_norm.gamma",
    "layers.{i}.pre_feedforward_layernorm.weight": "blocks.{i}.perceptron_norm.gamma",
    "layers.{i}.post_feedforward_layernorm.weight": "blocks.{i}.perceptron_output_norm.gamma",
}
PREFIX, POOLER, HEADS = llama.PREFIX, llama.POOLER, llama.HEADS
OTHER_HEADS, OLD_NAMES = llama.OTHER_HEADS, llama.OLD_NAMES
ARCHITECTURES = {
    "Gemma2Model": "backbone",
    "Gemma2ForCausalLM": "causal_lm",
    "Gemma2ForSequenceClassification": "text_classifier",
}
BACKBONE = Gemma2Backbone

# ----------------------------------------------------------------------------------------------------- PRESETS table
PRESETS = {
    "gemma2_2b": {
        "repository": "google/gemma-2-2b",
        "revision": "main",
        "aliases": ("gemma2_2b_en",),
        "task": "causal_lm",
        "parameters": 2_614_341_888,
        "licence": "Gemma",
        "dtype": "bfloat16",
        "about": "26 layers, 2304 wide; English",
    },
    "gemma2_2b_instruct": {
        "repository": "google/gemma-2-2b-it",
        "revision": "main",
        "aliases": ("gemma2_instruct_2b_en",),
        "task": "causal_lm",
        "parameters": 2_614_341_888,
        "licence": "Gemma",
        "dtype": "bfloat16",
        "about": "26 layers, 2304 wide; English chat",
    },
    "gemma2_9b": {
        "repository": "google/gemma-2-9b",
        "revision": "main",
        "aliases": ("gemma2_9b_en",),
        "task": "causal_lm",
        "parameters": 9_241_705_984,
        "licence": "Gemma",
        "dtype": "bfloat16",
        "about": "42 layers, 3584 wide; English",
    },
}
