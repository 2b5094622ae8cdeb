"""Gemma: a Llama with wide heads, whose vectors of pieces are scaled and whose perceptrons are gated by gelu.

Gemma Team 2024, "Gemma: Open Models Based on Gemini Research and Technology", https://arxiv.org/abs/2403.08295.

Axes: B batch, T time (the pieces of a text), M hidden_size; those of attention stand in `decoders.py`.
"""

from dataclasses import dataclass
from typing import Any

from hornbook import layers, ops
from hornbook_hub.decoders import CausalAttention, DecoderConfig, GatedMultilayerPerceptron
from hornbook_hub.models import llama
from hornbook_hub.models.bert import ACTIVATIONS
from hornbook_hub.models.llama import LlamaBackbone, LlamaBlock


# ------------------------------------------------------------------------------------------------------------ config
@dataclass(kw_only=True)
class GemmaConfig(DecoderConfig):
    """The fields of a Gemma's `config.json`, under its names.

    The first files say "gelu", but the models were trained with its tanh form, and are computed with it.

    >>> from hornbook_hub.models.gemma import GemmaConfig
    >>> GemmaConfig(hidden_size=64, num_attention_heads=4, num_key_value_heads=1).head_dim
    256
    """

    vocab_size: int = 256000
    hidden_size: int = 3072
    intermediate_size: int = 24576
    num_hidden_layers: int = 28
    num_attention_heads: int = 16
    num_key_value_heads: int = 16
    head_dim: int = 256
    max_position_embeddings: int = 8192
    tie_word_embeddings: bool = True
    hidden_act: str = "gelu_pytorch_tanh"
    hidden_activation: str | None = None
    attention_bias: bool = False
    use_bidirectional_attention: bool | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        refuse_others(self.hidden_activation or self.hidden_act, self.use_bidirectional_attention)


def refuse_others(activation: str, bidirectional: Any = None) -> None:
    """Refuse what no Gemma here is computed with.

    Raises:
        ValueError: for an activation besides gelu, and for attention to later pieces.
    """
    if activation not in ("gelu", "gelu_pytorch_tanh"):
        raise ValueError(
            f"hidden_activation must be 'gelu_pytorch_tanh' (or 'gelu', read as that), got {activation!r}."
        )
    if bidirectional:
        raise ValueError(
            f"use_bidirectional_attention must be False, got {bidirectional!r}: a decoder here looks at earlier pieces only."
        )


# ------------------------------------------------------------------------------------------------------------- whole
def gelu_perceptron(config: Any, width: int | None = None) -> GatedMultilayerPerceptron:
    """The perceptron of every Gemma: W_down (gelu(W_gate x) * W_up x)."""
    return GatedMultilayerPerceptron(config, ACTIVATIONS["gelu_pytorch_tanh"], width=width, name="perceptron")


class GemmaBackbone(LlamaBackbone):
    """A Gemma without a head: {"input_ids": (B, T)} -> {"last_hidden_state": (B, T, M)}.

    Args:
        config: the sizes.

    >>> import numpy as np
    >>> from hornbook_hub.models.gemma import GemmaBackbone, GemmaConfig
    >>> sizes = {"hidden_size": 8, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    >>> backbone = GemmaBackbone(GemmaConfig(vocab_size=10, num_key_value_heads=1, head_dim=4, **sizes))
    >>> backbone({"input_ids": np.array([[1, 2, 3]])})["last_hidden_state"].shape
    TensorShape([1, 3, 8])
    """

    config_class = GemmaConfig
    offset = 1.0  # files hold the difference of the norms' gamma from one

    def make_block(self, config: Any, i: int) -> layers.Layer:
        """The block number `i`."""
        attention = CausalAttention(config, config.attention_bias, config.attention_bias, name="attention")
        return LlamaBlock(config, attention, gelu_perceptron(config), self.offset, name=f"block_{i}")

    def embed(self, input_ids: Any, positions: Any) -> Any:
        """(B, T) pieces as vectors (B, T, M), times sqrt(M) as the dtype rounds it."""
        x = self.token_embedding(input_ids)
        return x * ops.cast(self.config.hidden_size**0.5, x.dtype)


# ----------------------------------------------------------------------------------------------------- WEIGHTS table
PREFIX, WEIGHTS, POOLER, HEADS = llama.PREFIX, llama.WEIGHTS, llama.POOLER, llama.HEADS
OTHER_HEADS, OLD_NAMES = llama.OTHER_HEADS, llama.OLD_NAMES
ARCHITECTURES = {
    "GemmaModel": "backbone",
    "GemmaForCausalLM": "causal_lm",
    "GemmaForSequenceClassification": "text_classifier",
}
BACKBONE = GemmaBackbone

# ----------------------------------------------------------------------------------------------------- PRESETS table
PRESETS = {
    "gemma_2b": {
        "repository": "google/gemma-2b",
        "revision": "main",
        "aliases": ("gemma_2b_en",),
        "task": "causal_lm",
        "parameters": 2_506_172_416,
        "licence": "Gemma",
        "dtype": "bfloat16",
        "about": "18 layers, 2048 wide; English",
    },
    "gemma_2b_instruct": {
        "repository": "google/gemma-2b-it",
        "revision": "main",
        "aliases": ("gemma_instruct_2b_en",),
        "task": "causal_lm",
        "parameters": 2_506_172_416,
        "licence": "Gemma",
        "dtype": "bfloat16",
        "about": "18 layers, 2048 wide; English chat",
    },
    "gemma_7b": {
        "repository": "google/gemma-7b",
        "revision": "main",
        "aliases": ("gemma_7b_en",),
        "task": "causal_lm",
        "parameters": 8_537_680_896,
        "licence": "Gemma",
        "dtype": "bfloat16",
        "about": "28 layers, 3072 wide; English",
    },
}
