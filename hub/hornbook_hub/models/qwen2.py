"""Qwen2 and Qwen2.5: Llamas whose queries, keys and values have biases, and whose upper layers may look back less far.

Yang et al. 2024, "Qwen2 Technical Report", https://arxiv.org/abs/2407.10671; Qwen Team 2024, "Qwen2.5 Technical Report",
https://arxiv.org/abs/2412.15115.
"""

from dataclasses import dataclass
from typing import Any

from hornbook import layers, ops
from hornbook_hub.decoders import CausalAttention, GatedMultilayerPerceptron, MixedConfig
from hornbook_hub.models import llama
from hornbook_hub.models.llama import LlamaBackbone, LlamaBlock


# ------------------------------------------------------------------------------------------------------------ config
@dataclass(kw_only=True)
class Qwen2Config(MixedConfig):
    """The fields of a Qwen2's `config.json`, under its names.

    >>> from hornbook_hub.models.qwen2 import Qwen2Config
    >>> config = Qwen2Config(num_hidden_layers=3, use_sliding_window=True, sliding_window=8, max_window_layers=2)
    >>> [config.window(layer) for layer in range(3)]
    [None, None, 8]
    """

    vocab_size: int = 151936
    intermediate_size: int = 22016
    max_position_embeddings: int = 32768
    hidden_act: str = "silu"
    use_sliding_window: bool = False
    max_window_layers: int = 28  # layers from this one on have the window, where there is one

    FIXED = {"hidden_act": "silu", "use_mrope": False}

    def usual_type(self, layer: int) -> str:
        """The type of a layer, where the config does not list them."""
        narrow = self.use_sliding_window and self.sliding_window is not None and layer >= self.max_window_layers
        return "sliding_attention" if narrow else "full_attention"

    def window(self, layer: int) -> int | None:
        """How many pieces back a layer looks; all if None."""
        return super().window(layer) if self.use_sliding_window else None


# ------------------------------------------------------------------------------------------------------------- whole
class Qwen2Backbone(LlamaBackbone):
    """A Qwen2 without a head: {"input_ids": (B, T)} -> {"last_hidden_state": (B, T, M)}.

    Args:
        config: the sizes.

    >>> import numpy as np
    >>> from hornbook_hub.models.qwen2 import Qwen2Backbone, Qwen2Config
    >>> sizes = {"hidden_size": 8, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    >>> backbone = Qwen2Backbone(Qwen2Config(vocab_size=10, **sizes))
    >>> backbone({"input_ids": np.array([[1, 2, 3]])})["last_hidden_state"].shape
    TensorShape([1, 3, 8])
    """

    config_class = Qwen2Config

    def make_block(self, config: Any, i: int) -> layers.Layer:
        """The block number `i`."""
        attention = CausalAttention(config, bias=True, window=config.window(i), name="attention")
        perceptron = GatedMultilayerPerceptron(config, ops.silu, name="perceptron")
        return LlamaBlock(config, attention, perceptron, name=f"block_{i}")


# ----------------------------------------------------------------------------------------------------- WEIGHTS table
PREFIX, WEIGHTS, POOLER, HEADS = llama.PREFIX, llama.WEIGHTS, llama.POOLER, llama.HEADS
OTHER_HEADS, OLD_NAMES = llama.OTHER_HEADS, llama.OLD_NAMES
ARCHITECTURES = {
    "Qwen2Model": "backbone",
    "Qwen2ForCausalLM": "causal_lm",
    "Qwen2ForSequenceClassification": "text_classifier",
}
BACKBONE = Qwen2Backbone

# ----------------------------------------------------------------------------------------------------- PRESETS table
PRESETS = {
    "qwen2.5_0.5b": {
        "repository": "Qwen/Qwen2.5-0.5B",
        "revision": "main",
        "aliases": ("qwen2.5_0.5b_en",),
        "task": "causal_lm",
        "parameters": 494_032_768,
        "licence": "Apache-2.0",
        "dtype": "bfloat16",
        "about": "24 layers, 896 wide; many languages",
    },
    "qwen2.5_0.5b_instruct": {
        "repository": "Qwen/Qwen2.5-0.5B-Instruct",
        "revision": "main",
        "aliases": ("qwen2.5_instruct_0.5b_en",),
        "task": "causal_lm",
        "parameters": 494_032_768,
        "licence": "Apache-2.0",
        "dtype": "bfloat16",
        "about": "24 layers, 896 wide; chat in many languages",
    },
    "qwen2.5_1.5b": {
        "repository": "Qwen/Qwen2.5-1.5B",
        "revision": "main",
        "aliases": (),
        "task": "causal_lm",
        "parameters": 1_543_714_304,
        "licence": "Apache-2.0",
        "dtype": "bfloat16",
        "about": "28 layers, 1536 wide; many languages",
    },
    "qwen2.5_7b": {
        "repository": "Qwen/Qwen2.5-7B",
        "revision": "main",
        "aliases": ("qwen2.5_7b_en",),
        "task": "causal_lm",
        "parameters": 7_615_616_512,
        "licence": "Apache-2.0",
        "dtype": "bfloat16",
        "about": "28 layers, 3584 wide; many languages",
    },
}
