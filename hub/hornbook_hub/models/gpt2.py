"""GPT-2: a Transformer decoder with learned positions and layer normalization before each part.

Radford et al. 2019, "Language Models are Unsupervised Multitask Learners",
https://cdn.openai.com/better-language-models/language_models_are_unsupervised_multitask_learners.pdf.

Axes: B batch, T time (the pieces of a text), M n_embd; those of attention stand in `decoders.py`.
"""

from dataclasses import dataclass
from typing import Any

import hornbook as keras
from hornbook import layers, ops
from hornbook_hub.config import Config
from hornbook_hub.decoders import CausalAttention, DecoderBackbone, dense
from hornbook_hub.heads import CausalHead, ScoreHead
from hornbook_hub.models.bert import ACTIVATIONS


# ------------------------------------------------------------------------------------------------------------ config
@dataclass(kw_only=True)
class GPT2Config(Config):
    """The fields of a GPT-2's `config.json`, under its names; what other families call them can be read too.

    >>> from hornbook_hub.models.gpt2 import GPT2Config
    >>> GPT2Config(n_embd=64, n_head=4).head_dim
    16
    """

    vocab_size: int = 50257
    n_positions: int = 1024
    n_embd: int = 768
    n_layer: int = 12
    n_head: int = 12
    n_inner: int | None = None  # 4 n_embd
    activation_function: str = "gelu_new"
    resid_pdrop: float = 0.1
    embd_pdrop: float = 0.1
    attn_pdrop: float = 0.1
    layer_norm_epsilon: float = 1e-5
    initializer_range: float = 0.02
    scale_attn_weights: bool = True
    scale_attn_by_inverse_layer_idx: bool = False
    tie_word_embeddings: bool = True

    INERT = Config.INERT | {
        *("n_ctx", "_num_labels", "reorder_and_upcast_attn"),  # softmax is computed in float32 always
        *("summary_type", "summary_use_proj", "summary_activation", "summary_proj_to_labels", "summary_first_dropout"),
    }
    FIXED = {"add_cross_attention": False}

    def __post_init__(self) -> None:
        if self.activation_function not in ACTIVATIONS:
            raise ValueError(
                f"activation_function must be one of {sorted(ACTIVATIONS)}, got {self.activation_function!r}."
            )
        if self.n_embd % self.n_head:
            raise ValueError(f"n_embd must be a multiple of n_head, got {self.n_embd} and {self.n_head}.")

    @property
    def hidden_size(self) -> int:
        """M."""
        return self.n_embd

    @property
    def num_hidden_layers(self) -> int:
        """How many blocks there are."""
        return self.n_layer

    @property
    def num_attention_heads(self) -> int:
        """H."""
        return self.n_head

    @property
    def num_key_value_heads(self) -> int:
        """G, which is H: each head has keys and values of its own."""
        return self.n_head

    @property
    def head_dim(self) -> int:
        """D."""
        return self.n_embd // self.n_head

    @property
    def max_position_embeddings(self) -> int:
        """How many positions there are."""
        return self.n_positions

    @property
    def attention_dropout(self) -> float:
        """How much of the weights of attention is dropped in training."""
        return self.attn_pdrop


# ------------------------------------------------------------------------------------------------------------- parts
class GPT2Attention(CausalAttention):
    """Attention whose queries, keys and values are one product, as the files hold it."""

    def make_projections(self, config: Any, bias: bool, norm: Any) -> None:
        """Make what queries, keys and values are computed with."""
        self.queries_keys_values = dense(3 * self.heads * self.dim, config, "queries_keys_values", bias)

    def project(self, x: Any) -> tuple[Any, Any, Any]:
        """Queries, keys and values, (B, T, H, D) each, of (B, T, M)."""
        queries, keys, values = ops.split(self.queries_keys_values(x), 3, axis=-1)
        return self.split(queries, self.heads), self.split(keys, self.heads), self.split(values, self.heads)


class GPT2Block(layers.Layer):
    """x = x + attention(normalize(x)); x = x + W2 act(W1 normalize(x)).

    Args:
        config: the sizes.
        scale: what scores are multiplied by.
    """

    def __init__(self, config: GPT2Config, scale: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.attention_norm = layers.LayerNormalization(epsilon=config.layer_norm_epsilon, name="attention_norm")
        self.attention = GPT2Attention(config, bias=True, output_bias=True, scale=scale, name="attention")
        self.perceptron_norm = layers.LayerNormalization(epsilon=config.layer_norm_epsilon, name="perceptron_norm")
        self.up = dense(config.n_inner or 4 * config.n_embd, config, "up", bias=True)
        self.down = dense(config.n_embd, config, "down", bias=True)
        self.activation = ACTIVATIONS[config.activation_function]
        self.dropout = layers.Dropout(config.resid_pdrop)

    def call(self, x: Any, bias: Any, angles: Any = None, memory: Any = None, start: Any = None) -> Any:
        found, kept = self.attention(self.attention_norm(x), bias, angles, memory=memory, start=start)
        x = x + self.dropout(found)
        return x + self.dropout(self.down(self.activation(self.up(self.perceptron_norm(x))))), kept


# ------------------------------------------------------------------------------------------------------------- whole
class GPT2Backbone(DecoderBackbone):
    """A GPT-2 without a head: {"input_ids": (B, T)} -> {"last_hidden_state": (B, T, M)}.

    Args:
        config: the sizes.

    >>> import numpy as np
    >>> from hornbook_hub.models.gpt2 import GPT2Backbone, GPT2Config
    >>> backbone = GPT2Backbone(GPT2Config(vocab_size=10, n_positions=8, n_embd=8, n_layer=1, n_head=2))
    >>> backbone({"input_ids": np.array([[1, 2, 3]])})["last_hidden_state"].shape
    TensorShape([1, 3, 8])
    """

    config_class = GPT2Config

    def __init__(self, config: GPT2Config, **kwargs: Any) -> None:
        super().__init__(config, **kwargs)
        initializer = keras.initializers.RandomNormal(stddev=config.initializer_range)
        self.token_embedding = layers.Embedding(
            config.vocab_size, config.n_embd, embeddings_initializer=initializer, name="token_embedding"
        )
        self.position_embedding = layers.Embedding(
            config.n_positions, config.n_embd, embeddings_initializer=initializer, name="position_embedding"
        )
        self.dropout = layers.Dropout(config.embd_pdrop)
        scale = config.head_dim**-0.5 if config.scale_attn_weights else 1.0
        by = [i + 1 if config.scale_attn_by_inverse_layer_idx else 1 for i in range(config.n_layer)]
        self.blocks = [GPT2Block(config, scale / by[i], name=f"block_{i}") for i in range(config.n_layer)]
        self.norm = layers.LayerNormalization(epsilon=config.layer_norm_epsilon, name="norm")
        self.make_weights()

    def embed(self, input_ids: Any, positions: Any) -> Any:
        """(B, T) pieces at (B, T) positions as vectors (B, T, M)."""
        return self.dropout(self.token_embedding(input_ids) + self.position_embedding(positions))


# ----------------------------------------------------------------------------------------------------- WEIGHTS table
PREFIX = "transformer."  # of the backbone's names in a file that also holds a head
WEIGHTS = {  # Hugging Face -> here; None: dropped on purpose. Kernels lie (inputs, outputs) in these files too.
    "wte.weight": "token_embedding.embeddings",
    "wpe.weight": "position_embedding.embeddings",
    **{
        f"h.{{i}}.{there}.{what}": f"blocks.{{i}}.{here}.{variable}"
        for there, here in (
            ("attn.c_attn", "attention.queries_keys_values"),
            ("attn.c_proj", "attention.projection"),
            ("mlp.c_fc", "up"),
            ("mlp.c_proj", "down"),
        )
        for what, variable in (("weight", "kernel"), ("bias", "bias"))
    },
    **{
        f"h.{{i}}.{there}.{what}": f"blocks.{{i}}.{here}.{variable}"
        for there, here in (("ln_1", "attention_norm"), ("ln_2", "perceptron_norm"))
        for what, variable in (("weight", "gamma"), ("bias", "beta"))
    },
    "h.{i}.attn.bias": None,  # which pieces come before which: a buffer
    "h.{i}.attn.masked_bias": None,
    "ln_f.weight": "norm.gamma",
    "ln_f.bias": "norm.beta",
}
POOLER = ()
HEADS = {
    "causal_lm": (CausalHead, CausalHead.weights_table),
    "text_classifier": (ScoreHead, ScoreHead.weights_table()),
}
OTHER_HEADS = ("lm_head.", "score.")
OLD_NAMES: dict[str, str] = {}
ARCHITECTURES = {
    "GPT2Model": "backbone",
    "GPT2LMHeadModel": "causal_lm",
    "GPT2ForSequenceClassification": "text_classifier",
}
BACKBONE = GPT2Backbone

# ----------------------------------------------------------------------------------------------------- PRESETS table
PRESETS = {
    "gpt_tiny": {
        "folder": "presets/gpt_tiny",
        "aliases": (),
        "task": "causal_lm",
        "parameters": 842_624,
        "licence": "Apache-2.0",
        "about": "4 layers, 128 wide, reads bytes; made by recipes/pretrain_gpt_tiny.py on Shakespeare; in the package",
    },
    "gpt2": {
        "repository": "openai-community/gpt2",
        "revision": "main",
        "aliases": ("gpt2_base_en",),
        "task": "causal_lm",
        "parameters": 124_439_808,
        "licence": "MIT",
        "about": "12 layers, 768 wide; English",
    },
    "gpt2_medium": {
        "repository": "openai-community/gpt2-medium",
        "revision": "main",
        "aliases": ("gpt2_medium_en",),
        "task": "causal_lm",
        "parameters": 354_823_168,
        "licence": "MIT",
        "about": "24 layers, 1024 wide; English",
    },
    "gpt2_large": {
        "repository": "openai-community/gpt2-large",
        "revision": "main",
        "aliases": ("gpt2_large_en",),
        "task": "causal_lm",
        "parameters": 774_030_080,
        "licence": "MIT",
        "about": "36 layers, 1280 wide; English",
    },
    "gpt2_xl": {
        "repository": "openai-community/gpt2-xl",
        "revision": "main",
        "aliases": ("gpt2_extra_large_en",),
        "task": "causal_lm",
        "parameters": 1_557_611_200,
        "licence": "MIT",
        "about": "48 layers, 1600 wide; English",
    },
    "distilgpt2": {
        "repository": "distilbert/distilgpt2",
        "revision": "main",
        "aliases": (),
        "task": "causal_lm",
        "parameters": 81_912_576,
        "licence": "Apache-2.0",
        "about": "6 layers, 768 wide, taught by GPT-2; English",
    },
}
