"""BERT: a Transformer encoder that reads a text to the left and to the right at once.

Devlin et al. 2018, "BERT: Pre-training of Deep Bidirectional Transformers for Language Understanding",
https://arxiv.org/abs/1810.04805. The layers are those of Vaswani et al. 2017 with the normalization after each addition.

Axes: B batch, T time (the pieces of a text), M hidden_size, H num_attention_heads, D = M / H, F intermediate_size.
"""

import math
from dataclasses import asdict, dataclass, field, fields
from typing import Any

import hornbook as keras
from hornbook import layers, ops
from hornbook.core.operation import infer
from hornbook_hub.weights import transposed


# ------------------------------------------------------------------------------------------------------------ config
@dataclass
class BertConfig:
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
    position_embedding_type: str = "absolute"
    tie_word_embeddings: bool = True
    is_decoder: bool = False
    add_cross_attention: bool = False
    id2label: dict[str, str] | None = None
    label2id: dict[str, int] | None = None
    inert: dict[str, Any] = field(default_factory=dict)  # keys that change nothing here, kept for writing them back

    def __post_init__(self) -> None:
        if self.hidden_size % self.num_attention_heads:
            raise ValueError(
                f"hidden_size must be a multiple of num_attention_heads, got {self.hidden_size} and "
                f"{self.num_attention_heads}."
            )
        if self.hidden_act not in ACTIVATIONS:
            raise ValueError(f"hidden_act must be one of {sorted(ACTIVATIONS)}, got {self.hidden_act!r}.")
        for key, wanted in (
            ("position_embedding_type", "absolute"),
            ("is_decoder", False),
            ("add_cross_attention", False),
        ):
            if getattr(self, key) != wanted:
                raise ValueError(
                    f"This BERT is an encoder with learned positions: {key} must be {wanted!r}, "
                    f"got {getattr(self, key)!r}."
                )

    @classmethod
    def from_dict(cls, config: dict[str, Any]) -> "BertConfig":
        """The config of a `config.json`.

        Raises:
            ValueError: for keys nobody knows: a key that is ignored could change what the model computes.
        """
        known = {f.name for f in fields(cls)} - {"inert"}
        unknown = sorted(set(config) - known - INERT)
        if unknown:
            raise ValueError(
                f"config.json has keys that are not understood: {unknown}. Known are {sorted(known)}; these are known to "
                f"change nothing: {sorted(INERT)}."
            )
        inert = {key: value for key, value in config.items() if key in INERT}
        return cls(**{key: value for key, value in config.items() if key in known}, inert=inert)

    def to_dict(self) -> dict[str, Any]:
        """The config as `config.json` has it."""
        config = {key: value for key, value in asdict(self).items() if key != "inert" and value is not None}
        return {**self.inert, **config}


INERT = frozenset(
    {
        *("architectures", "model_type", "dtype", "torch_dtype", "transformers_version", "_name_or_path", "use_cache"),
        *("gradient_checkpointing", "bos_token_id", "eos_token_id", "problem_type", "finetuning_task", "num_labels"),
        *("output_past", "directionality", "pooler_fc_size", "pooler_num_attention_heads", "pooler_num_fc_layers"),
        *("pooler_size_per_head", "pooler_type", "output_attentions", "output_hidden_states", "return_dict"),
        *("chunk_size_feed_forward", "is_encoder_decoder", "cross_attention_hidden_size", "language", "name"),
    }
)
ACTIVATIONS = {
    "gelu": lambda x: ops.gelu(x, approximate=False),
    "gelu_new": lambda x: ops.gelu(x, approximate=True),
    "gelu_pytorch_tanh": lambda x: ops.gelu(x, approximate=True),
    "relu": ops.relu,
    "silu": ops.silu,
}


# ------------------------------------------------------------------------------------------------------------- parts
def dense(units: int, config: BertConfig, name: str, activation: Any = None) -> layers.Dense:
    """A projection whose weights start as the paper's do."""
    initializer = keras.initializers.TruncatedNormal(stddev=config.initializer_range)
    return layers.Dense(units, activation=activation, kernel_initializer=initializer, name=name)


def embedding(rows: int, config: BertConfig, name: str) -> layers.Embedding:
    """A table of vectors whose weights start as the paper's do."""
    initializer = keras.initializers.TruncatedNormal(stddev=config.initializer_range)
    return layers.Embedding(rows, config.hidden_size, embeddings_initializer=initializer, name=name)


class BertEmbeddings(layers.Layer):
    """normalize(piece + position + segment), for each place of the text: (B, T) -> (B, T, M)."""

    def __init__(self, config: BertConfig, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.word_embeddings = embedding(config.vocab_size, config, "word_embeddings")
        self.position_embeddings = embedding(config.max_position_embeddings, config, "position_embeddings")
        self.token_type_embeddings = embedding(config.type_vocab_size, config, "token_type_embeddings")
        self.norm = layers.LayerNormalization(epsilon=config.layer_norm_eps, name="norm")
        self.dropout = layers.Dropout(config.hidden_dropout_prob)

    def call(self, input_ids: Any, token_type_ids: Any) -> Any:
        positions = ops.arange(ops.shape(input_ids)[1], dtype="int32")
        x = self.word_embeddings(input_ids) + self.token_type_embeddings(token_type_ids)
        return self.dropout(self.norm(x + self.position_embeddings(positions)))


class BertAttention(layers.Layer):
    """softmax(q k^T / sqrt(D) + bias) v in H heads: (B, T, M) -> (B, T, M)."""

    def __init__(self, config: BertConfig, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.heads, self.dim = config.num_attention_heads, config.hidden_size // config.num_attention_heads
        self.query = dense(config.hidden_size, config, "query")
        self.key = dense(config.hidden_size, config, "key")
        self.value = dense(config.hidden_size, config, "value")
        self.projection = dense(config.hidden_size, config, "projection")
        self.dropout = layers.Dropout(config.attention_probs_dropout_prob)

    def split(self, x: Any) -> Any:
        """(B, T, M) -> (B, H, T, D)."""
        batch, time = ops.shape(x)[:2]
        return ops.transpose(ops.reshape(x, (batch, time, self.heads, self.dim)), (0, 2, 1, 3))

    def call(self, x: Any, bias: Any) -> Any:
        queries = self.split(self.query(x)) / math.sqrt(self.dim)
        keys, values = self.split(self.key(x)), self.split(self.value(x))
        scores = ops.matmul(queries, ops.swapaxes(keys, -1, -2)) + bias  # (B, H, T, D) x (B, H, D, S) -> (B, H, T, S)
        weights = self.dropout(ops.softmax(scores, axis=-1))
        gathered = ops.transpose(ops.matmul(weights, values), (0, 2, 1, 3))  # (B, T, H, D)
        return self.projection(ops.reshape(gathered, ops.shape(x)))


class BertLayer(layers.Layer):
    """x = normalize(x + attention(x)); x = normalize(x + W2 act(W1 x))."""

    def __init__(self, config: BertConfig, **kwargs: Any) -> None:
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
class BertBackbone(keras.Model):
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
    model_type = "bert"

    def __init__(self, config: BertConfig, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.config = config
        self.embeddings = BertEmbeddings(config, name="embeddings")
        self.blocks = [BertLayer(config, name=f"layer_{i}") for i in range(config.num_hidden_layers)]
        self.pooler = dense(config.hidden_size, config, "pooler", activation="tanh")
        infer(self, ({"input_ids": keras.KerasTensor((None, None), "int32")},))  # makes the weights
        self.built = True

    def call(self, inputs: Any) -> dict[str, Any]:
        input_ids = ops.cast(inputs["input_ids"], "int32")
        if len(input_ids.shape) != 2:
            raise ValueError(f"input_ids must be (batch, time), got shape {tuple(input_ids.shape)}.")
        time, longest = input_ids.shape[1], self.config.max_position_embeddings
        if time is not None and time > longest:
            raise ValueError(
                f"The texts have {time} pieces, but this model has positions for {longest}; truncate them."
            )
        attention_mask = inputs.get("attention_mask")
        token_type_ids = inputs.get("token_type_ids")
        token_type_ids = ops.zeros_like(input_ids) if token_type_ids is None else ops.cast(token_type_ids, "int32")
        x = self.embeddings(input_ids, token_type_ids)
        if attention_mask is None:
            attention_mask = ops.ones_like(input_ids)
        lowest = -1e9 if self.compute_dtype != "float16" else -6e4
        attended = ops.expand_dims(ops.cast(attention_mask, self.compute_dtype), (1, 2))  # (B, 1, 1, S)
        bias = (1.0 - attended) * lowest
        for block in self.blocks:
            x = block(x, bias)
        return {"last_hidden_state": x, "pooler_output": self.pooler(x[:, 0])}

    @property
    def token_embedding(self) -> Any:
        """The table of the pieces' vectors, which a language-model head shares."""
        return self.embeddings.word_embeddings

    def language_model_head(self) -> layers.Layer:
        """The head that guesses pieces, tied to the table of this backbone."""
        return BertLanguageModelHead(self.config, self.token_embedding, name="cls")

    @property
    def classifier_dropout(self) -> float:
        """The dropout before a classifier."""
        given = self.config.classifier_dropout
        return self.config.hidden_dropout_prob if given is None else given


class BertLanguageModelHead(layers.Layer):
    """logits = E normalize(act(W x + b)) + bias, where E is the table of the pieces: (B, T, M) -> (B, T, vocab_size)."""

    def __init__(self, config: BertConfig, table: layers.Embedding, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.dense = dense(config.hidden_size, config, "dense")
        self.activation = ACTIVATIONS[config.hidden_act]
        self.norm = layers.LayerNormalization(epsilon=config.layer_norm_eps, name="norm")
        self.table = table
        self.bias = self.add_weight((config.vocab_size,), initializer="zeros", name="bias")

    def call(self, x: Any) -> Any:
        x = self.norm(self.activation(self.dense(x)))
        return ops.matmul(x, ops.transpose(self.table.whole_weight())) + self.bias


# ----------------------------------------------------------------------------------------------------- WEIGHTS table
PREFIX = "bert."  # of the backbone's names in a file that also holds a head
WEIGHTS = {  # Hugging Face -> here; None: dropped on purpose
    "embeddings.word_embeddings.weight": "embeddings.word_embeddings.embeddings",
    "embeddings.position_embeddings.weight": "embeddings.position_embeddings.embeddings",
    "embeddings.token_type_embeddings.weight": "embeddings.token_type_embeddings.embeddings",
    "embeddings.LayerNorm.weight": "embeddings.norm.gamma",
    "embeddings.LayerNorm.bias": "embeddings.norm.beta",
    "embeddings.position_ids": None,  # a buffer: 0, 1, 2, ...
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
    "pooler.dense.weight": ("pooler.kernel", transposed),
    "pooler.dense.bias": "pooler.bias",
}
POOLER = ("pooler.dense.weight", "pooler.dense.bias")  # absent from files of models that do not use it
HEADS = {
    "masked_lm": {
        "cls.predictions.transform.dense.weight": ("head.dense.kernel", transposed),
        "cls.predictions.transform.dense.bias": "head.dense.bias",
        "cls.predictions.transform.LayerNorm.weight": "head.norm.gamma",
        "cls.predictions.transform.LayerNorm.bias": "head.norm.beta",
        "cls.predictions.bias": "head.bias",
        "cls.predictions.decoder.weight": None,  # the table of the pieces once more
        "cls.predictions.decoder.bias": None,  # cls.predictions.bias once more
    },
    "text_classifier": {
        "classifier.weight": ("classifier.kernel", transposed),
        "classifier.bias": "classifier.bias",
    },
}
OTHER_HEADS = ("cls.", "classifier.", "qa_outputs.")  # heads of other tasks, left out when a task does not want them
OLD_NAMES = {"LayerNorm.gamma": "LayerNorm.weight", "LayerNorm.beta": "LayerNorm.bias"}  # of the first conversions
ARCHITECTURES = {
    "BertModel": "backbone",
    "BertForPreTraining": "masked_lm",
    "BertForMaskedLM": "masked_lm",
    "BertForSequenceClassification": "text_classifier",
}

# ----------------------------------------------------------------------------------------------------- PRESETS table
PRESETS = {
    "bert_tiny": {
        "folder": "presets/bert_tiny",
        "parameters": 954_240,
        "licence": "Apache-2.0",
        "about": "2 layers, 128 wide; made by recipes/pretrain_bert_tiny.py; in the package",
    },
    "bert_base": {
        "repository": "google-bert/bert-base-uncased",
        "revision": "86b5e0934494bd15c9632b12f734a8a67f723594",
        "aliases": ("bert_base_en_uncased",),
        "parameters": 109_482_240,
        "licence": "Apache-2.0",
        "about": "12 layers, 768 wide, uncased English",
    },
}
