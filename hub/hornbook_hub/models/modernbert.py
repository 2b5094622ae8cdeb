"""ModernBERT: a BERT with what decoders have brought since: rotary positions, gated perceptrons, attention nearby.

Warner et al. 2024, "Smarter, Better, Faster, Longer: A Modern Bidirectional Encoder for Fast, Memory Efficient, and Long
Context Finetuning and Inference", https://arxiv.org/abs/2412.13663. Normalization comes before each part. Every third layer
looks at the whole text, the others at `local_attention` pieces around each. There are no segments and no pooler.

Axes: B batch, T time (the pieces of a text), S the same (the pieces that are looked at), M hidden_size,
H num_attention_heads, D = M / H, F intermediate_size.
"""

from dataclasses import dataclass
from typing import Any

import hornbook as keras
from hornbook import layers, ops
from hornbook_hub.config import Config
from hornbook_hub.decoders import RotaryEmbedding
from hornbook_hub.encoders import EncoderBackbone
from hornbook_hub.heads import classifier, pool
from hornbook_hub.models.bert import ACTIVATIONS, dense, embedding
from hornbook_hub.weights import transposed

FULL, LOCAL = "full_attention", "sliding_attention"
THETA = {FULL: 160_000.0, LOCAL: 10_000.0}


# ------------------------------------------------------------------------------------------------------------ config
@dataclass(kw_only=True)
class ModernBertConfig(Config):
    """The fields of a ModernBERT's `config.json`, under its names.

    Which layers look at the whole text, and how fast positions turn, are written in two ways: `layer_types` and
    `rope_parameters` by transformers 5, `global_attn_every_n_layers`, `global_rope_theta` and `local_rope_theta` before.
    Both are read, and both are written.

    >>> from hornbook_hub.models.modernbert import ModernBertConfig
    >>> ModernBertConfig(num_hidden_layers=4, global_attn_every_n_layers=2).layer_types
    ['full_attention', 'sliding_attention', 'full_attention', 'sliding_attention']
    """

    vocab_size: int = 50368
    hidden_size: int = 768
    intermediate_size: int = 1152
    num_hidden_layers: int = 22
    num_attention_heads: int = 12
    hidden_activation: str = "gelu"
    max_position_embeddings: int = 8192
    initializer_range: float = 0.02
    norm_eps: float = 1e-5
    norm_bias: bool = False
    attention_bias: bool = False
    attention_dropout: float = 0.0
    layer_types: list[str] | None = None
    global_attn_every_n_layers: int | None = None
    rope_parameters: dict[str, dict[str, Any]] | None = None
    global_rope_theta: float | None = None
    local_rope_theta: float | None = None
    local_attention: int = 128
    embedding_dropout: float = 0.0
    mlp_bias: bool = False
    mlp_dropout: float = 0.0
    decoder_bias: bool = True
    classifier_pooling: str = "cls"
    classifier_dropout: float = 0.0
    classifier_bias: bool = False
    classifier_activation: str = "gelu"
    tie_word_embeddings: bool = True

    INERT = Config.INERT | {
        # How fast it is computed, what the loss skips, how weights start; and two keys that were never read.
        *("deterministic_flash_attn", "reference_compile", "repad_logits_with_grad", "sparse_prediction"),
        *("sparse_pred_ignore_index", "initializer_cutoff_factor", "layer_norm_eps", "position_embedding_type"),
    }

    def __post_init__(self) -> None:
        if self.hidden_size % self.num_attention_heads:
            raise ValueError(
                f"hidden_size must be a multiple of num_attention_heads, got {self.hidden_size} and "
                f"{self.num_attention_heads}."
            )
        for key in ("hidden_activation", "classifier_activation"):
            if getattr(self, key) not in ACTIVATIONS:
                raise ValueError(f"{key} must be one of {sorted(ACTIVATIONS)}, got {getattr(self, key)!r}.")
        if self.classifier_pooling not in ("cls", "mean"):
            raise ValueError(f"classifier_pooling must be 'cls' or 'mean', got {self.classifier_pooling!r}.")
        if self.layer_types is None:
            every = self.global_attn_every_n_layers or 3
            self.layer_types = [LOCAL if i % every else FULL for i in range(self.num_hidden_layers)]
        if len(self.layer_types) != self.num_hidden_layers or not set(self.layer_types) <= {FULL, LOCAL}:
            raise ValueError(
                f"layer_types must name {FULL!r} or {LOCAL!r} for each of {self.num_hidden_layers} layers, got "
                f"{self.layer_types}."
            )
        self.global_attn_every_n_layers = self.every()
        given, older = self.rope_parameters or {}, {FULL: self.global_rope_theta, LOCAL: self.local_rope_theta}
        self.rope_parameters = {
            kind: {"rope_type": "default", "rope_theta": older[kind] or THETA[kind], **(given.get(kind) or {})}
            for kind in (FULL, LOCAL)
        }
        self.global_rope_theta = self.rope_parameters[FULL]["rope_theta"]
        self.local_rope_theta = self.rope_parameters[LOCAL]["rope_theta"]

    def every(self) -> int | None:
        """Which of the layers look at the whole text, as the older key has it; None where it cannot say."""
        kinds = self.layer_types or []
        count = kinds.index(FULL, 1) if FULL in kinds[1:] else max(len(kinds), 3)
        return count if kinds == [LOCAL if i % count else FULL for i in range(len(kinds))] else None


# ------------------------------------------------------------------------------------------------------------- parts
def norm(config: ModernBertConfig, name: str) -> layers.LayerNormalization:
    """A normalization, with an offset only where the config has one."""
    return layers.LayerNormalization(epsilon=config.norm_eps, center=config.norm_bias, name=name)


class ModernBertEmbeddings(layers.Layer):
    """normalize(piece): (B, T) -> (B, T, M)."""

    def __init__(self, config: ModernBertConfig, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.word_embeddings = embedding(config.vocab_size, config.hidden_size, config, "word_embeddings")
        self.norm = norm(config, "norm")
        self.dropout = layers.Dropout(config.embedding_dropout)

    def call(self, input_ids: Any) -> Any:
        return self.dropout(self.norm(self.word_embeddings(input_ids)))


class ModernBertAttention(layers.Layer):
    """softmax(q k^T / sqrt(D) + bias) v in H heads, q and k turned by their positions: (B, T, M) -> (B, T, M)."""

    def __init__(self, config: ModernBertConfig, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.heads, self.dim = config.num_attention_heads, config.hidden_size // config.num_attention_heads
        self.joined = dense(3 * config.hidden_size, config, "joined", use_bias=config.attention_bias)
        self.projection = dense(config.hidden_size, config, "projection", use_bias=config.attention_bias)
        self.dropout = layers.Dropout(config.attention_dropout)

    def call(self, x: Any, bias: Any, angles: Any) -> Any:
        batch, time = ops.shape(x)[:2]
        joined = ops.reshape(self.joined(x), (batch, time, 3, self.heads, self.dim))
        queries = RotaryEmbedding.turn(joined[:, :, 0], angles) * self.dim**-0.5
        keys, values = RotaryEmbedding.turn(joined[:, :, 1], angles), joined[:, :, 2]
        scores = ops.einsum("bthd,bshd->bhts", queries, keys) + bias
        weights = self.dropout(ops.softmax(scores, axis=-1))
        gathered = ops.einsum("bhts,bshd->bthd", weights, values)
        return self.dropout(self.projection(ops.reshape(gathered, ops.shape(x))))


class ModernBertLayer(layers.Layer):
    """x = x + attention(normalize(x)); x = x + W2 (act(a) * b), where (a, b) = W1 normalize(x).

    The first layer's input is normalized already.
    """

    def __init__(self, config: ModernBertConfig, first: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.attention_norm = None if first else norm(config, "attention_norm")
        self.attention = ModernBertAttention(config, name="attention")
        self.perceptron_norm = norm(config, "perceptron_norm")
        self.joined = dense(2 * config.intermediate_size, config, "joined", use_bias=config.mlp_bias)
        self.activation = ACTIVATIONS[config.hidden_activation]
        self.dropout = layers.Dropout(config.mlp_dropout)
        self.down = dense(config.hidden_size, config, "down", use_bias=config.mlp_bias)

    def call(self, x: Any, bias: Any, angles: Any) -> Any:
        x = x + self.attention(x if self.attention_norm is None else self.attention_norm(x), bias, angles)
        inner, gate = ops.split(self.joined(self.perceptron_norm(x)), 2, axis=-1)
        return x + self.down(self.dropout(self.activation(inner) * gate))


# ------------------------------------------------------------------------------------------------------------- whole
class ModernBertBackbone(EncoderBackbone):
    """ModernBERT without a head.

    Args:
        config: the sizes.

    Call:
        a dictionary of `input_ids` (B, T) and `attention_mask` (B, T; 1 where a piece is, ones if missing), integers.
        Returns {"last_hidden_state": (B, T, M)}.

    >>> import numpy as np
    >>> from hornbook_hub.models.modernbert import ModernBertBackbone, ModernBertConfig
    >>> sizes = {"hidden_size": 8, "intermediate_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2}
    >>> backbone = ModernBertBackbone(ModernBertConfig(vocab_size=10, **sizes))
    >>> backbone({"input_ids": np.array([[1, 2, 3]])})["last_hidden_state"].shape
    TensorShape([1, 3, 8])
    """

    config_class = ModernBertConfig

    def __init__(self, config: ModernBertConfig, **kwargs: Any) -> None:
        super().__init__(config, **kwargs)
        self.kinds, parameters = list(config.layer_types or []), config.rope_parameters or {}
        dim = config.hidden_size // config.num_attention_heads
        self.rotaries = {
            kind: RotaryEmbedding(parameters[kind], dim, config.max_position_embeddings) for kind in (FULL, LOCAL)
        }
        self.embeddings = ModernBertEmbeddings(config, name="embeddings")
        self.blocks = [ModernBertLayer(config, i == 0, name=f"layer_{i}") for i in range(config.num_hidden_layers)]
        self.final_norm = norm(config, "final_norm")
        self.make_weights()

    def call(self, inputs: Any) -> dict[str, Any]:
        input_ids, seen, _ = self.read(inputs)
        places = ops.arange(ops.shape(input_ids)[1], dtype="int32")
        near = ops.abs(places[:, None] - places[None, :]) <= self.config.local_attention // 2  # (T, S)
        bias = {FULL: self.bias_of(seen), LOCAL: self.bias_of(ops.logical_and(seen[:, None, :], near[None]))}
        x = self.embeddings(input_ids)
        angles = {kind: rotary.angles(places[None], x.dtype) for kind, rotary in self.rotaries.items()}
        for block, kind in zip(self.blocks, self.kinds, strict=True):
            x = block(x, bias[kind], angles[kind])
        return {"last_hidden_state": self.final_norm(x)}


class ModernBertHead(layers.Layer):
    """What all heads begin with: normalize(act(W x))."""

    def __init__(self, backbone: ModernBertBackbone, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        config = backbone.config
        self.dense = dense(config.hidden_size, config, "dense", use_bias=config.classifier_bias)
        self.act = ACTIVATIONS[config.classifier_activation]
        self.norm = norm(config, "norm")

    def transformed(self, x: Any) -> Any:
        """normalize(act(W x))."""
        return self.norm(self.act(self.dense(x)))


class ModernBertLanguageModelHead(ModernBertHead):
    """logits = E normalize(act(W x)) + bias, where E is the table of the pieces: (B, T, M) -> (B, T, vocab_size).

    Where the config does not tie the two, E is a table of the head's own.
    """

    def __init__(self, backbone: ModernBertBackbone, **kwargs: Any) -> None:
        super().__init__(backbone, **kwargs)
        config, self.table = backbone.config, backbone.token_embedding
        initializer = keras.initializers.TruncatedNormal(stddev=config.initializer_range)
        shape = (config.vocab_size, config.hidden_size)
        self.decoder = (
            None if config.tie_word_embeddings else self.add_weight(shape, initializer=initializer, name="decoder")
        )
        self.bias = (
            self.add_weight((config.vocab_size,), initializer="zeros", name="bias") if config.decoder_bias else None
        )

    def call(self, outputs: dict[str, Any]) -> Any:
        table = self.table.whole_weight() if self.decoder is None else self.decoder
        logits = ops.matmul(self.transformed(outputs["last_hidden_state"]), ops.transpose(table))
        return logits if self.bias is None else logits + self.bias


class ModernBertTokenHead(ModernBertHead):
    """logits = W2 dropout(normalize(act(W1 x))) + b for each piece: (B, T, M) -> (B, T, classes)."""

    def __init__(self, backbone: ModernBertBackbone, classes: int, **kwargs: Any) -> None:
        super().__init__(backbone, **kwargs)
        self.dropout = layers.Dropout(backbone.config.classifier_dropout)
        self.classifier = classifier(classes, "classifier")

    def call(self, outputs: dict[str, Any]) -> Any:
        return self.classifier(self.dropout(self.transformed(outputs["last_hidden_state"])))


class ModernBertTextHead(ModernBertTokenHead):
    """The same on the first piece, or on the mean of all: (B, T, M) -> (B, classes)."""

    def __init__(self, backbone: ModernBertBackbone, classes: int, **kwargs: Any) -> None:
        super().__init__(backbone, classes, **kwargs)
        self.pooling = backbone.config.classifier_pooling

    def call(self, outputs: dict[str, Any]) -> Any:
        return self.classifier(self.dropout(self.transformed(pool(outputs, self.pooling))))


# ----------------------------------------------------------------------------------------------------- WEIGHTS table
PREFIX = "model."  # of the backbone's names in a file that also holds a head
WEIGHTS = {  # Hugging Face -> here; biases where the config has them
    "embeddings.tok_embeddings.weight": "embeddings.word_embeddings.embeddings",
    "embeddings.norm.weight": "embeddings.norm.gamma",
    "embeddings.norm.bias": "embeddings.norm.beta",
    "layers.{i}.attn_norm.weight": "blocks.{i}.attention_norm.gamma",  # the first layer has none
    "layers.{i}.attn_norm.bias": "blocks.{i}.attention_norm.beta",
    "layers.{i}.attn.Wqkv.weight": ("blocks.{i}.attention.joined.kernel", transposed),
    "layers.{i}.attn.Wqkv.bias": "blocks.{i}.attention.joined.bias",
    "layers.{i}.attn.Wo.weight": ("blocks.{i}.attention.projection.kernel", transposed),
    "layers.{i}.attn.Wo.bias": "blocks.{i}.attention.projection.bias",
    "layers.{i}.mlp_norm.weight": "blocks.{i}.perceptron_norm.gamma",
    "layers.{i}.mlp_norm.bias": "blocks.{i}.perceptron_norm.beta",
    "layers.{i}.mlp.Wi.weight": ("blocks.{i}.joined.kernel", transposed),
    "layers.{i}.mlp.Wi.bias": "blocks.{i}.joined.bias",
    "layers.{i}.mlp.Wo.weight": ("blocks.{i}.down.kernel", transposed),
    "layers.{i}.mlp.Wo.bias": "blocks.{i}.down.bias",
    "final_norm.weight": "final_norm.gamma",
    "final_norm.bias": "final_norm.beta",
}
POOLER = ()
HEAD_WEIGHTS = {
    "head.dense.weight": ("head.dense.kernel", transposed),
    "head.dense.bias": "head.dense.bias",
    "head.norm.weight": "head.norm.gamma",
    "head.norm.bias": "head.norm.beta",
}


def language_model_weights(config: Any) -> dict[str, Any]:
    """What the head adds to a file; a table that is tied stands there once, among the embeddings."""
    table = None if config.tie_word_embeddings else "head.decoder"
    return {**HEAD_WEIGHTS, "decoder.weight": table, "decoder.bias": "head.bias"}


CLASSIFIER_WEIGHTS = {
    **HEAD_WEIGHTS,
    "classifier.weight": ("head.classifier.kernel", transposed),
    "classifier.bias": "head.classifier.bias",
}
HEADS = {  # task -> the layer, its WEIGHTS
    "masked_lm": (ModernBertLanguageModelHead, language_model_weights),
    "text_classifier": (ModernBertTextHead, CLASSIFIER_WEIGHTS),
    "token_classifier": (ModernBertTokenHead, CLASSIFIER_WEIGHTS),
    "question_answering": (ModernBertTokenHead, CLASSIFIER_WEIGHTS),
}
OTHER_HEADS = ("head.", "decoder.", "classifier.")  # left out when a task does not want them
OLD_NAMES: dict[str, str] = {}
ARCHITECTURES = {  # name in config.json -> task; the first name of a task is the one that is written
    "ModernBertModel": "backbone",
    "ModernBertForMaskedLM": "masked_lm",
    "ModernBertForSequenceClassification": "text_classifier",
    "ModernBertForTokenClassification": "token_classifier",
    "ModernBertForQuestionAnswering": "question_answering",
}
BACKBONE = ModernBertBackbone

# ----------------------------------------------------------------------------------------------------- PRESETS table
PRESETS = {
    "modernbert_base": {
        "repository": "answerdotai/ModernBERT-base",
        "revision": "main",
        "aliases": (),
        "task": "masked_lm",
        "parameters": 149_014_272,
        "licence": "Apache-2.0",
        "about": "22 layers, 768 wide, texts of 8192 pieces; English and code",
    },
    "modernbert_large": {
        "repository": "answerdotai/ModernBERT-large",
        "revision": "main",
        "aliases": (),
        "task": "masked_lm",
        "parameters": 394_781_696,
        "licence": "Apache-2.0",
        "about": "28 layers, 1024 wide, texts of 8192 pieces; English and code",
    },
}
