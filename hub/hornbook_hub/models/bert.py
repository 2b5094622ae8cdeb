"""BERT: a Transformer encoder that reads a text to the left and to the right at once.

Devlin et al. 2018, "BERT: Pre-training of Deep Bidirectional Transformers for Language Understanding",
https://arxiv.org/abs/1810.04805. The layers are those of Vaswani et al. 2017 with the normalization after each addition.

Axes: B batch, T time (the pieces of a text), M hidden_size, H num_attention_heads, D = M / H, F intermediate_size.
"""

import math
from dataclasses import dataclass
from typing import Any

import hornbook as keras
from hornbook import layers, ops
from hornbook_hub.config import Config
from hornbook_hub.encoders import EncoderBackbone
from hornbook_hub.heads import PooledHead, SpanHead, TokenHead
from hornbook_hub.weights import transposed


# ------------------------------------------------------------------------------------------------------------ config
@dataclass(kw_only=True)
class BertConfig(Config):
    """The fields of a BERT's `config.json`, under its names.

    >>> from hornbook_hub import BertConfig
    >>> BertConfig(num_hidden_layers=2).hidden_size
    768
    """

    vocab_size: int = 30522
    hidden_size: int = 768
    num_hidden_layers: int = 12
    num_attention_heads: int = 12
    intermediate_size: int = 3072
    hidden_act: str = "gelu"
    hidden_dropout_prob: float = 0.1
    attention_probs_dropout_prob: float = 0.1
    max_position_embeddings: int = 512
    type_vocab_size: int = 2
    initializer_range: float = 0.02
    layer_norm_eps: float = 1e-12
    pad_token_id: int = 0
    classifier_dropout: float | None = None
    tie_word_embeddings: bool = True

    INERT = Config.INERT | {
        *("directionality", "pooler_fc_size", "pooler_num_attention_heads", "pooler_num_fc_layers"),
        *("pooler_size_per_head", "pooler_type"),
    }
    FIXED = {"position_embedding_type": "absolute", "is_decoder": False, "add_cross_attention": False}

    def __post_init__(self) -> None:
        if self.hidden_size % self.num_attention_heads:
            raise ValueError(
                f"hidden_size must be a multiple of num_attention_heads, got {self.hidden_size} and "
                f"{self.num_attention_heads}."
            )
        if self.hidden_act not in ACTIVATIONS:
            raise ValueError(f"hidden_act must be one of {sorted(ACTIVATIONS)}, got {self.hidden_act!r}.")


ACTIVATIONS = {
    "gelu": lambda x: ops.gelu(x, approximate=False),
    "gelu_new": lambda x: ops.gelu(x, approximate=True),
    "quick_gelu": lambda x: x * ops.sigmoid(1.702 * x),
    "gelu_pytorch_tanh": lambda x: ops.gelu(x, approximate=True),
    "relu": ops.relu,
    "silu": ops.silu,
}


# ------------------------------------------------------------------------------------------------------------- parts
# They take the config of every family that has BERT's words for its sizes.
def dense(units: int, config: Any, name: str, activation: Any = None, use_bias: bool = True) -> layers.Dense:
    """A projection whose weights start as the paper's do."""
    initializer = keras.initializers.TruncatedNormal(stddev=config.initializer_range)
    return layers.Dense(units, activation=activation, use_bias=use_bias, kernel_initializer=initializer, name=name)


def embedding(rows: int, units: int, config: Any, name: str) -> layers.Embedding:
    """A table of vectors whose weights start as the paper's do."""
    initializer = keras.initializers.TruncatedNormal(stddev=config.initializer_range)
    return layers.Embedding(rows, units, embeddings_initializer=initializer, name=name)


class BertEmbeddings(layers.Layer):
    """normalize(piece + position + segment), for each place of the text: (B, T) -> (B, T, M).

    Args:
        config: the sizes; a `type_vocab_size` of 0 stands for a family without segments.
        units: the width of the vectors, hidden_size if None.
    """

    def __init__(self, config: Any, units: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        width, segments = units or config.hidden_size, config.type_vocab_size
        self.word_embeddings = embedding(config.vocab_size, width, config, "word_embeddings")
        self.position_embeddings = embedding(config.max_position_embeddings, width, config, "position_embeddings")
        self.token_type_embeddings = embedding(segments, width, config, "token_type_embeddings") if segments else None
        self.norm = layers.LayerNormalization(epsilon=config.layer_norm_eps, name="norm")
        self.dropout = layers.Dropout(config.hidden_dropout_prob)

    def call(self, input_ids: Any, token_type_ids: Any, positions: Any = None) -> Any:
        if positions is None:
            positions = ops.arange(ops.shape(input_ids)[1], dtype="int32")
        x = self.word_embeddings(input_ids)
        if self.token_type_embeddings is not None:
            x = x + self.token_type_embeddings(token_type_ids)
        return self.dropout(self.norm(x + self.position_embeddings(positions)))


class BertAttention(layers.Layer):
    """softmax(q k^T / sqrt(D) + bias) v in H heads: (B, T, M) -> (B, T, M)."""

    def __init__(self, config: Any, use_bias: bool = True, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.heads, self.dim = config.num_attention_heads, config.hidden_size // config.num_attention_heads
        self.query = dense(config.hidden_size, config, "query", use_bias=use_bias)
        self.key = dense(config.hidden_size, config, "key", use_bias=use_bias)
        self.value = dense(config.hidden_size, config, "value", use_bias=use_bias)
        self.projection = dense(config.hidden_size, config, "projection")
        self.dropout = layers.Dropout(config.attention_probs_dropout_prob)

    def split(self, x: Any) -> Any:
        """(B, T, M) -> (B, H, T, D)."""
        batch, time = ops.shape(x)[:2]
        return ops.transpose(ops.reshape(x, (batch, time, self.heads, self.dim)), (0, 2, 1, 3))

    def call(self, x: Any, bias: Any = 0.0, source: Any = None) -> Any:
        source = x if source is None else source  # what is looked at, (B, S, M)
        queries = self.split(self.query(x)) / math.sqrt(self.dim)
        keys, values = self.split(self.key(source)), self.split(self.value(source))
        scores = ops.matmul(queries, ops.swapaxes(keys, -1, -2)) + bias  # (B, H, T, D) x (B, H, D, S) -> (B, H, T, S)
        weights = self.dropout(ops.softmax(scores, axis=-1))
        gathered = ops.transpose(ops.matmul(weights, values), (0, 2, 1, 3))  # (B, T, H, D)
        return self.projection(ops.reshape(gathered, ops.shape(x)))


class BertLayer(layers.Layer):
    """x = normalize(x + attention(x)); x = normalize(x + W2 act(W1 x))."""

    def __init__(self, config: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.attention = BertAttention(config, name="attention")
        self.attention_norm = layers.LayerNormalization(epsilon=config.layer_norm_eps, name="attention_norm")
        self.intermediate = dense(config.intermediate_size, config, "intermediate")
        self.activation = ACTIVATIONS[config.hidden_act]
        self.output_dense = dense(config.hidden_size, config, "output")
        self.output_norm = layers.LayerNormalization(epsilon=config.layer_norm_eps, name="output_norm")
        self.dropout = layers.Dropout(config.hidden_dropout_prob)

    def call(self, x: Any, bias: Any) -> Any:
        x = self.attention_norm(x + self.dropout(self.attention(x, bias)))
        return self.output_norm(x + self.dropout(self.output_dense(self.activation(self.intermediate(x)))))


# ------------------------------------------------------------------------------------------------------------- whole
class BertBackbone(EncoderBackbone):
    """BERT without a head.

    Args:
        config: the sizes.

    Call:
        a dictionary of `input_ids` (B, T), `attention_mask` (B, T; 1 where a piece is, ones if missing) and
        `token_type_ids` (B, T; 0 for the first text, 1 for the second, zeros if missing), all integers.
        Returns {"last_hidden_state": (B, T, M), "pooler_output": (B, M)}.

    >>> import numpy as np
    >>> from hornbook_hub import BertBackbone, BertConfig
    >>> backbone = BertBackbone(BertConfig(vocab_size=10, hidden_size=8, num_hidden_layers=1, num_attention_heads=2))
    >>> outputs = backbone({"input_ids": np.array([[1, 2, 3]])})
    >>> outputs["last_hidden_state"].shape, outputs["pooler_output"].shape
    (TensorShape([1, 3, 8]), TensorShape([1, 8]))
    """

    config_class = BertConfig
    input_names = ("input_ids", "attention_mask", "token_type_ids")

    def __init__(self, config: BertConfig, **kwargs: Any) -> None:
        super().__init__(config, **kwargs)
        self.embeddings = BertEmbeddings(config, name="embeddings")
        self.blocks = [BertLayer(config, name=f"layer_{i}") for i in range(config.num_hidden_layers)]
        self.pooler = dense(config.hidden_size, config, "pooler", activation="tanh")
        self.make_weights()

    def call(self, inputs: Any) -> dict[str, Any]:
        input_ids, seen, token_type_ids = self.read(inputs)
        x, bias = self.embeddings(input_ids, token_type_ids), self.bias_of(seen)
        for block in self.blocks:
            x = block(x, bias)
        return {"last_hidden_state": x, "pooler_output": self.pooler(x[:, 0])}


class BertLanguageModelHead(layers.Layer):
    """logits = E normalize(act(W x + b)) + bias, where E is the table of the pieces: (B, T, M) -> (B, T, vocab_size).

    Where the config does not tie the two, E is a table of the head's own.
    """

    activation: str | None = None  # the config's, if None

    def __init__(self, backbone: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        config, self.table = backbone.config, backbone.token_embedding
        self.dense = dense(self.table.output_dim, config, "dense")
        self.act = ACTIVATIONS[self.activation or config.hidden_act]
        self.norm = layers.LayerNormalization(epsilon=config.layer_norm_eps, name="norm")
        self.decoder = None if config.tie_word_embeddings else self.own_table(config)
        self.bias = self.add_weight((config.vocab_size,), initializer="zeros", name="bias")

    def own_table(self, config: Any) -> Any:
        """A table of its own, of the same shape."""
        initializer = keras.initializers.TruncatedNormal(stddev=config.initializer_range)
        return self.add_weight((config.vocab_size, self.table.output_dim), initializer=initializer, name="decoder")

    def call(self, outputs: dict[str, Any]) -> Any:
        x = self.norm(self.act(self.dense(outputs["last_hidden_state"])))
        table = self.table.whole_weight() if self.decoder is None else self.decoder
        return ops.matmul(x, ops.transpose(table)) + self.bias


# ----------------------------------------------------------------------------------------------------- WEIGHTS table
PREFIX = "bert."  # of the backbone's names in a file that also holds a head
EMBEDDING_WEIGHTS = {  # Hugging Face -> here; None: dropped on purpose
    "embeddings.word_embeddings.weight": "embeddings.word_embeddings.embeddings",
    "embeddings.position_embeddings.weight": "embeddings.position_embeddings.embeddings",
    "embeddings.token_type_embeddings.weight": "embeddings.token_type_embeddings.embeddings",
    "embeddings.LayerNorm.weight": "embeddings.norm.gamma",
    "embeddings.LayerNorm.bias": "embeddings.norm.beta",
    "embeddings.position_ids": None,  # a buffer: 0, 1, 2, ...
}
LAYER_WEIGHTS = {
    "encoder.layer.{i}.attention.self.query.weight": ("blocks.{i}.attention.query.kernel", transposed),
    "encoder.layer.{i}.attention.self.query.bias": "blocks.{i}.attention.query.bias",
    "encoder.layer.{i}.attention.self.key.weight": ("blocks.{i}.attention.key.kernel", transposed),
    "encoder.layer.{i}.attention.self.key.bias": "blocks.{i}.attention.key.bias",
    "encoder.layer.{i}.attention.self.value.weight": ("blocks.{i}.attention.value.kernel", transposed),
    "encoder.layer.{i}.attention.self.value.bias": "blocks.{i}.attention.value.bias",
    "encoder.layer.{i}.attention.output.dense.weight": ("blocks.{i}.attention.projection.kernel", transposed),
    "encoder.layer.{i}.attention.output.dense.bias": "blocks.{i}.attention.projection.bias",
    "encoder.layer.{i}.attention.output.LayerNorm.weight": "blocks.{i}.attention_norm.gamma",
    "encoder.layer.{i}.attention.output.LayerNorm.bias": "blocks.{i}.attention_norm.beta",
    "encoder.layer.{i}.intermediate.dense.weight": ("blocks.{i}.intermediate.kernel", transposed),
    "encoder.layer.{i}.intermediate.dense.bias": "blocks.{i}.intermediate.bias",
    "encoder.layer.{i}.output.dense.weight": ("blocks.{i}.output_dense.kernel", transposed),
    "encoder.layer.{i}.output.dense.bias": "blocks.{i}.output_dense.bias",
    "encoder.layer.{i}.output.LayerNorm.weight": "blocks.{i}.output_norm.gamma",
    "encoder.layer.{i}.output.LayerNorm.bias": "blocks.{i}.output_norm.beta",
}
POOLER_WEIGHTS = {
    "pooler.dense.weight": ("pooler.kernel", transposed),
    "pooler.dense.bias": "pooler.bias",
}
WEIGHTS = {**EMBEDDING_WEIGHTS, **LAYER_WEIGHTS, **POOLER_WEIGHTS}
POOLER = tuple(POOLER_WEIGHTS)  # absent from files of tasks that do not use it


def language_model_weights(config: Any) -> dict[str, Any]:
    """What the head adds to a file; a table that is tied stands there once, among the embeddings."""
    tied = config.tie_word_embeddings
    return {
        "cls.predictions.transform.dense.weight": ("head.dense.kernel", transposed),
        "cls.predictions.transform.dense.bias": "head.dense.bias",
        "cls.predictions.transform.LayerNorm.weight": "head.norm.gamma",
        "cls.predictions.transform.LayerNorm.bias": "head.norm.beta",
        "cls.predictions.bias": "head.bias",
        "cls.predictions.decoder.weight": None if tied else "head.decoder",
        "cls.predictions.decoder.bias": None if tied else "head.bias",  # the bias that counts, if both are there
    }


HEADS = {  # task -> the layer, its WEIGHTS
    "masked_lm": (BertLanguageModelHead, language_model_weights),
    "text_classifier": (PooledHead, PooledHead.weights_table()),
    "token_classifier": (TokenHead, TokenHead.weights_table()),
    "question_answering": (SpanHead, SpanHead.weights_table()),
}
OTHER_HEADS = ("cls.", "classifier.", "qa_outputs.")  # heads of other tasks, left out when a task does not want them
OLD_NAMES = {"LayerNorm.gamma": "LayerNorm.weight", "LayerNorm.beta": "LayerNorm.bias"}  # of the first conversions
ARCHITECTURES = {  # name in config.json -> task; the first name of a task is the one that is written
    "BertModel": "backbone",
    "BertForMaskedLM": "masked_lm",
    "BertForPreTraining": "masked_lm",
    "BertForSequenceClassification": "text_classifier",
    "BertForTokenClassification": "token_classifier",
    "BertForQuestionAnswering": "question_answering",
}
BACKBONE = BertBackbone

# ----------------------------------------------------------------------------------------------------- PRESETS table
PRESETS = {
    "bert_tiny": {
        "folder": "presets/bert_tiny",
        "aliases": (),
        "task": "masked_lm",
        "parameters": 954_240,
        "licence": "Apache-2.0",
        "about": "2 layers, 128 wide; made by recipes/pretrain_bert_tiny.py; in the package",
    },
    "bert_base": {
        "repository": "google-bert/bert-base-uncased",
        "revision": "86b5e0934494bd15c9632b12f734a8a67f723594",
        "aliases": ("bert_base_en_uncased",),
        "task": "masked_lm",
        "parameters": 109_482_240,
        "licence": "Apache-2.0",
        "about": "12 layers, 768 wide, uncased English",
    },
    "bert_base_cased": {
        "repository": "google-bert/bert-base-cased",
        "revision": "main",
        "aliases": ("bert_base_en",),
        "task": "masked_lm",
        "parameters": 108_310_272,
        "licence": "Apache-2.0",
        "about": "12 layers, 768 wide, English",
    },
    "bert_large": {
        "repository": "google-bert/bert-large-uncased",
        "revision": "main",
        "aliases": ("bert_large_en_uncased",),
        "task": "masked_lm",
        "parameters": 335_141_888,
        "licence": "Apache-2.0",
        "about": "24 layers, 1024 wide, uncased English",
    },
    "bert_base_multilingual": {
        "repository": "google-bert/bert-base-multilingual-cased",
        "revision": "main",
        "aliases": ("bert_base_multi",),
        "task": "masked_lm",
        "parameters": 177_853_440,
        "licence": "Apache-2.0",
        "about": "12 layers, 768 wide; 104 languages",
    },
    "all_minilm_l6_v2": {
        "repository": "sentence-transformers/all-MiniLM-L6-v2",
        "revision": "main",
        "aliases": ("all_minilm_l6_v2_en",),
        "task": "text_embedder",
        "parameters": 22_713_216,
        "licence": "Apache-2.0",
        "about": "6 layers, 384 wide; vectors of English sentences",
    },
    "bge_small_en_v1.5": {
        "repository": "BAAI/bge-small-en-v1.5",
        "revision": "main",
        "aliases": ("bge_small_v1.5_en",),
        "task": "text_embedder",
        "parameters": 33_360_000,
        "licence": "MIT",
        "about": "12 layers, 384 wide; vectors of English texts",
    },
    "e5_small_v2": {
        "repository": "intfloat/e5-small-v2",
        "revision": "main",
        "aliases": (),
        "task": "text_embedder",
        "parameters": 33_360_000,
        "licence": "MIT",
        "about": "12 layers, 384 wide; vectors of English texts that begin with query: or passage:",
    },
}
