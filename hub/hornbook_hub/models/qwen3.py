"""Qwen3: a Llama that normalizes its queries and keys, in each head.

Qwen Team 2025, "Qwen3 Technical Report", https://arxiv.org/abs/2505.09388.
"""

from dataclasses import dataclass
from functools import partial
from typing import Any

from hornbook import layers, ops
from hornbook_hub.decoders import CausalAttention, GatedMultilayerPerceptron
from hornbook_hub.models import llama
from hornbook_hub.models.llama import ATTENTION_NORMS, LlamaBackbone, LlamaBlock
from hornbook_hub.models.qwen2 import Qwen2Config


# ------------------------------------------------------------------------------------------------------------ config
@dataclass(kw_only=True)
class Qwen3Config(Qwen2Config):
    """The fields of a Qwen3's `config.json`, under its names.

    >>> from hornbook_hub.models.qwen3 import Qwen3Config
    >>> Qwen3Config(hidden_size=64, num_attention_heads=4).head_dim
    128
    """

    head_dim: int = 128
    attention_bias: bool = False


# ------------------------------------------------------------------------------------------------------------- whole
class Qwen3Backbone(LlamaBackbone):
    """A Qwen3 without a head: {"input_ids": (B, T)} -> {"last_hidden_state": (B, T, M)}.

    Args:
        config: the sizes.

    >>> import numpy as np
    >>> from hornbook_hub.models.qwen3 import Qwen3Backbone, Qwen3Config
    >>> sizes = {"hidden_size": 8, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    >>> backbone = Qwen3Backbone(Qwen3Config(vocab_size=10, head_dim=4, **sizes))
    >>> backbone({"input_ids": np.array([[1, 2, 3]])})["last_hidden_state"].shape
    TensorShape([1, 3, 8])
    """

    config_class = Qwen3Config

    def make_block(self, config: Any, i: int) -> layers.Layer:
        """The block number `i`."""
        attention = CausalAttention(
            config,
            config.attention_bias,
            config.attention_bias,
            norm=partial(self.make_norm, config),
            window=config.window(i),
            name="attention",
        )
        perceptron = GatedMultilayerPerceptron(config, ops.silu, name="perceptron")
        return LlamaBlock(config, attention, perceptron, name=f"block_{i}")


# ----------------------------------------------------------------------------------------------------- WEIGHTS table
WEIGHTS = {**llama.WEIGHTS, **ATTENTION_NORMS}
PREFIX, POOLER, HEADS = llama.PREFIX, llama.POOLER, llama.HEADS
OTHER_HEADS, OLD_NAMES = llama.OTHER_HEADS, llama.OLD_NAMES
ARCHITECTURES = {
    "Qwen3Model": "backbone",
    "Qwen3ForCausalLM": "causal_lm",
    "Qwen3ForSequenceClassification": "text_classifier",
}
BACKBONE = Qwen3Backbone

# ----------------------------------------------------------------------------------------------------- PRESETS table
PRESETS = {
    "qwen3_0.6b": {
        "repository": "Qwen/Qwen3-0.6B",
        "revision": "main",
        "aliases": ("qwen3_0.6b_en",),
        "task": "causal_lm",
        "parameters": 596_049_920,
        "licence": "Apache-2.0",
        "dtype": "bfloat16",
        "about": "28 layers, 1024 wide; chat in many languages",
    },
    "qwen3_1.7b": {
        "repository": "Qwen/Qwen3-1.7B",
        "revision": "main",
        "aliases": ("qwen3_1.7b_en",),
        "task": "causal_lm",
        "parameters": 1_720_574_976,
        "licence": "Apache-2.0",
        "dtype": "bfloat16",
        "about": "28 layers, 2048 wide; chat in many languages",
    },
    "qwen3_4b": {
        "repository": "Qwen/Qwen3-4B",
        "revision": "main",
        "aliases": ("qwen3_4b_en",),
        "task": "causal_lm",
        "parameters": 4_022_468_096,
        "licence": "Apache-2.0",
        "dtype": "bfloat16",
        "about": "36 layers, 2560 wide; chat in many languages",
    },
    "qwen3_8b": {
        "repository": "Qwen/Qwen3-8B",
        "revision": "main",
        "aliases": ("qwen3_8b_en",),
        "task": "causal_lm",
        "parameters": 8_190_735_360,
        "licence": "Apache-2.0",
        "dtype": "bfloat16",
        "about": "36 layers, 4096 wide; chat in many languages",
    },
}
