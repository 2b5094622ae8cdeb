"""Llama: a Transformer decoder with rotary positions, gated perceptrons, and heads that share keys and values.

Touvron et al. 2023, "Llama 2: Open Foundation and Fine-Tuned Chat Models", https://arxiv.org/abs/2307.09288; Grattafiori et
al. 2024, "The Llama 3 Herd of Models", https://arxiv.org/abs/2407.21783. SmolLM and TinyLlama are Llamas.

Axes: B batch, T time (the pieces of a text), M hidden_size; those of attention stand in `decoders.py`.
"""

from dataclasses import dataclass
from typing import Any

import hornbook as keras
from hornbook import layers, ops
from hornbook_hub.decoders import (
    CausalAttention,
    DecoderBackbone,
    DecoderConfig,
    GatedMultilayerPerceptron,
    RootMeanSquareNorm,
    RotaryEmbedding,
)
from hornbook_hub.heads import CausalHead, ScoreHead
from hornbook_hub.weights import transposed


# ------------------------------------------------------------------------------------------------------------ config
@dataclass(kw_only=True)
class LlamaConfig(DecoderConfig):
    """The fields of a Llama's `config.json`, under its names.

    >>> from hornbook_hub.models.llama import LlamaConfig
    >>> LlamaConfig(hidden_size=64, num_attention_heads=4).head_dim
    16
    """

    hidden_act: str = "silu"
    attention_bias: bool = False
    mlp_bias: bool = False

    INERT = DecoderConfig.INERT | {"pretraining_tp", "is_llama_config"}
    FIXED = {"hidden_act": "silu", "rope_interleaved": False}


# ------------------------------------------------------------------------------------------------------------- parts
class LlamaBlock(layers.Layer):
    """x = x + attention(normalize(x)); x = x + perceptron(normalize(x)).

    Args:
        config: `rms_norm_eps`.
        attention, perceptron: the two parts.
        offset: see `RootMeanSquareNorm`.
    """

    def __init__(self, config: Any, attention: Any, perceptron: Any, offset: float = 0.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.attention_norm = RootMeanSquareNorm(config.rms_norm_eps, offset, name="attention_norm")
        self.attention = attention
        self.perceptron_norm = RootMeanSquareNorm(config.rms_norm_eps, offset, name="perceptron_norm")
        self.perceptron = perceptron

    def call(self, x: Any, bias: Any, angles: Any = None, memory: Any = None, start: Any = None) -> Any:
        found, kept = self.attention(self.attention_norm(x), bias, angles, memory=memory, start=start)
        x = x + found
        return x + self.perceptron(self.perceptron_norm(x)), kept


# ------------------------------------------------------------------------------------------------------------- whole
class LlamaBackbone(DecoderBackbone):
    """A Llama without a head: {"input_ids": (B, T)} -> {"last_hidden_state": (B, T, M)}.

    Args:
        config: the sizes.

    >>> import numpy as np
    >>> from hornbook_hub.models.llama import LlamaBackbone, LlamaConfig
    >>> sizes = {"hidden_size": 8, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    >>> backbone = LlamaBackbone(LlamaConfig(vocab_size=10, **sizes))
    >>> backbone({"input_ids": np.array([[1, 2, 3]])})["last_hidden_state"].shape
    TensorShape([1, 3, 8])
    """

    config_class: Any = LlamaConfig
    offset = 0.0  # see `RootMeanSquareNorm`

    def __init__(self, config: Any, **kwargs: Any) -> None:
        super().__init__(config, **kwargs)
        initializer = keras.initializers.RandomNormal(stddev=config.initializer_range)
        self.token_embedding = layers.Embedding(
            config.vocab_size, config.hidden_size, embeddings_initializer=initializer, name="token_embedding"
        )
        self.blocks = [self.make_block(config, i) for i in range(config.num_hidden_layers)]
        self.norm = self.make_norm(config, "norm")
        self.make_rotaries(config)
        self.make_others(config)
        self.make_weights()

    def make_block(self, config: Any, i: int) -> layers.Layer:
        """The block number `i`."""
        attention = CausalAttention(config, config.attention_bias, config.attention_bias, name="attention")
        perceptron = GatedMultilayerPerceptron(config, ops.silu, config.mlp_bias, name="perceptron")
        return LlamaBlock(config, attention, perceptron, name=f"block_{i}")

    def make_norm(self, config: Any, name: str) -> layers.Layer:
        """A normalization of the family's kind."""
        return RootMeanSquareNorm(config.rms_norm_eps, self.offset, name=name)

    def make_others(self, config: Any) -> None:
        """Make what a family has besides: a Llama, nothing."""

    def make_rotaries(self, config: Any) -> None:
        """Make the angles of each kind of block: there is one kind."""
        self.rotaries["all"] = RotaryEmbedding(config.rotary(), config.head_dim, config.max_position_embeddings)


# ----------------------------------------------------------------------------------------------------- WEIGHTS table
PREFIX = "model."  # of the backbone's names in a file that also holds a head
ATTENTION_AND_PERCEPTRON = {
    **{
        f"layers.{{i}}.self_attn.{there}.{what}": target
        for there, here in (("q_proj", "query"), ("k_proj", "key"), ("v_proj", "value"), ("o_proj", "projection"))
        for what, target in (
            ("weight", (f"blocks.{{i}}.attention.{here}.kernel", transposed)),
            ("bias", f"blocks.{{i}}.attention.{here}.bias"),  # where there is one
        )
    },
    **{
        f"layers.{{i}}.mlp.{name}_proj.{what}": target
        for name in ("gate", "up", "down")
        for what, target in (
            ("weight", (f"blocks.{{i}}.perceptron.{name}.kernel", transposed)),
            ("bias", f"blocks.{{i}}.perceptron.{name}.bias"),  # where there is one
        )
    },
}
ATTENTION_NORMS = {  # of families that normalize queries and keys
    "layers.{i}.self_attn.q_norm.weight": "blocks.{i}.attention.query_norm.gamma",
    "layers.{i}.self_attn.k_norm.weight": "blocks.{i}.attention.key_norm.gamma",
}
WEIGHTS = {  # Hugging Face -> here; None: dropped on purpose
    "embed_tokens.weight": "token_embedding.embeddings",
    **ATTENTION_AND_PERCEPTRON,
    "layers.{i}.self_attn.rotary_emb.inv_freq": None,  # computed from the config
    "layers.{i}.input_layernorm.weight": "blocks.{i}.attention_norm.gamma",
    "layers.{i}.post_attention_layernorm.weight": "blocks.{i}.perceptron_norm.gamma",
    "norm.weight": "norm.gamma",
}
POOLER = ()
HEADS = {
    "causal_lm": (CausalHead, CausalHead.weights_table),
    "text_classifier": (ScoreHead, ScoreHead.weights_table()),
}
OTHER_HEADS = ("lm_head.", "score.")
OLD_NAMES: dict[str, str] = {}
ARCHITECTURES = {
    "LlamaModel": "backbone",
    "LlamaForCausalLM": "causal_lm",
    "LlamaForSequenceClassification": "text_classifier",
}
BACKBONE = LlamaBackbone

# ----------------------------------------------------------------------------------------------------- PRESETS table
PRESETS = {
    "smollm2_135m": {
        "repository": "HuggingFaceTB/SmolLM2-135M",
        "revision": "main",
        "aliases": (),
        "task": "causal_lm",
        "parameters": 134_515_008,
        "licence": "Apache-2.0",
        "dtype": "bfloat16",
        "about": "30 layers, 576 wide; English",
    },
    "tinyllama_1.1b": {
        "repository": "TinyLlama/TinyLlama-1.1B-Chat-v1.0",
        "revision": "main",
        "aliases": (),
        "task": "causal_lm",
        "parameters": 1_100_048_384,
        "licence": "Apache-2.0",
        "dtype": "bfloat16",
        "about": "22 layers, 2048 wide; English chat",
    },
}
