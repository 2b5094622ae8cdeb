"""Mistral: a Llama whose layers look back a limited number of pieces.

Jiang et al. 2023, "Mistral 7B", https://arxiv.org/abs/2310.06825. Later ones (NeMo, Small) look at all pieces, and their
heads are not hidden_size / num_attention_heads wide.
"""

from dataclasses import dataclass
from typing import Any

from hornbook import layers, ops
from hornbook_hub.decoders import CausalAttention, DecoderConfig, GatedMultilayerPerceptron
from hornbook_hub.models import llama
from hornbook_hub.models.llama import LlamaBackbone, LlamaBlock


# ------------------------------------------------------------------------------------------------------------ config
@dataclass(kw_only=True)
class MistralConfig(DecoderConfig):
    """The fields of a Mistral's `config.json`, under its names.

    >>> from hornbook_hub.models.mistral import MistralConfig
    >>> MistralConfig(hidden_size=64, num_attention_heads=4, num_key_value_heads=2).sliding_window
    4096
    """

    intermediate_size: int = 14336
    num_key_value_heads: int = 8
    max_position_embeddings: int = 131072
    hidden_act: str = "silu"
    sliding_window: int | None = 4096  # of every layer; None: all pieces

    FIXED = {"hidden_act": "silu"}

    def window(self, layer: int) -> int | None:
        """How many pieces back a layer looks; all if None."""
        return self.sliding_window


# ------------------------------------------------------------------------------------------------------------- whole
class MistralBackbone(LlamaBackbone):
    """A Mistral without a head: {"input_ids": (B, T)} -> {"last_hidden_state": (B, T, M)}.

    Args:
        config: the sizes.

    >>> import numpy as np
    >>> from hornbook_hub.models.mistral import MistralBackbone, MistralConfig
    >>> sizes = {"hidden_size": 8, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 8}
    >>> backbone = MistralBackbone(MistralConfig(vocab_size=10, head_dim=4, **sizes))
    >>> backbone({"input_ids": np.array([[1, 2, 3]])})["last_hidden_state"].shape
    TensorShape([1, 3, 8])
    """

    config_class = MistralConfig

    def make_block(self, config: Any, i: int) -> layers.Layer:
        """The block number `i`."""
        attention = CausalAttention(config, window=config.window(i), name="attention")
        perceptron = GatedMultilayerPerceptron(config, ops.silu, name="perceptron")
        return LlamaBlock(config, attention, perceptron, name=f"block_{i}")


# ----------------------------------------------------------------------------------------------------- WEIGHTS table
PREFIX, WEIGHTS, POOLER, HEADS = llama.PREFIX, llama.WEIGHTS, llama.POOLER, llama.HEADS
OTHER_HEADS, OLD_NAMES = llama.OTHER_HEADS, llama.OLD_NAMES
ARCHITECTURES = {
    "MistralModel": "backbone",
    "MistralForCausalLM": "causal_lm",
    "MistralForSequenceClassification": "text_classifier",
}
BACKBONE = MistralBackbone

# ----------------------------------------------------------------------------------------------------- PRESETS table
PRESETS = {
    "mistral_7b": {
        "repository": "mistralai/Mistral-7B-v0.1",
        "revision": "main",
        "aliases": ("mistral_7b_en",),
        "task": "causal_lm",
        "parameters": 7_241_732_096,
        "licence": "Apache-2.0",
        "dtype": "bfloat16",
        "about": "32 layers, 4096 wide, a window of 4096 pieces; English",
    },
    "mistral_7b_instruct_v0.2": {
        "repository": "mistralai/Mistral-7B-Instruct-v0.2",
        "revision": "main",
        "aliases": ("mistral_0.2_instruct_7b_en",),
        "task": "causal_lm",
        "parameters": 7_241_732_096,
        "licence": "Apache-2.0",
        "dtype": "bfloat16",
        "about": "32 layers, 4096 wide, no window; English chat",
    },
    "mistral_nemo_12b": {
        "repository": "mistralai/Mistral-Nemo-Base-2407",
        "revision": "main",
        "aliases": (),
        "task": "causal_lm",
        "parameters": 12_247_782_400,
        "licence": "Apache-2.0",
        "dtype": "bfloat16",
        "about": "40 layers, 5120 wide, no window; many languages",
    },
}
