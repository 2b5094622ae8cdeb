"""T5: every task as text to text, by an encoder and a decoder that know distances instead of positions.

Raffel et al. 2019, "Exploring the Limits of Transfer Learning with a Unified Text-to-Text Transformer",
https://arxiv.org/abs/1910.10683. Version 1.1 (and Flan-T5: Chung et al. 2022, https://arxiv.org/abs/2210.11416) has gated
perceptrons, a head of its own, and logits that are not scaled.

Axes: B batch, S source, T target, M d_model, H num_heads, D d_kv.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

import hornbook as keras
from hornbook import layers, ops
from hornbook_hub.config import Config
from hornbook_hub.decoders import CausalAttention, GatedMultilayerPerceptron, RootMeanSquareNorm
from hornbook_hub.encoder_decoders import CrossAttention, DecoderBlock, EncoderBlock, EncoderDecoderBackbone, Perceptron
from hornbook_hub.heads import CausalHead
from hornbook_hub.models.bert import ACTIVATIONS
from hornbook_hub.weights import transposed

LONGEST_DISTANCE = 1_000_000  # of those that have buckets of their own


# ------------------------------------------------------------------------------------------------------------ config
@dataclass(kw_only=True)
class T5Config(Config):
    """The fields of a T5's `config.json`, under its names; what other families call them can be read too.

    Whether logits are scaled is said by `scale_decoder_outputs` in newer files, by `tie_word_embeddings` in older ones.

    >>> from hornbook_hub.models.t5 import T5Config
    >>> T5Config(tie_word_embeddings=False).scale_decoder_outputs
    False
    """

    vocab_size: int = 32128
    d_model: int = 512
    d_kv: int = 64
    d_ff: int = 2048
    num_layers: int = 6
    num_decoder_layers: int | None = None  # as many as num_layers
    num_heads: int = 8
    n_positions: int | None = None  # how long the texts of its training were, 512 if None; it can read longer ones
    relative_attention_num_buckets: int = 32
    relative_attention_max_distance: int = 128
    dropout_rate: float = 0.1
    layer_norm_epsilon: float = 1e-6
    initializer_factor: float = 1.0
    feed_forward_proj: str = "relu"  # or "gated-gelu"
    dense_act_fn: str | None = None  # these two say what feed_forward_proj says
    is_gated_act: bool | None = None
    tie_word_embeddings: bool = True
    scale_decoder_outputs: bool | None = None
    is_encoder_decoder: bool = True  # False: the encoder alone
    pad_token_id: int = 0
    eos_token_id: int | list[int] = 1
    decoder_start_token_id: int | None = None

    INERT = Config.INERT | {"classifier_dropout", "tokenizer_class"}
    FIXED = {"is_decoder": False}

    def __post_init__(self) -> None:
        self.num_decoder_layers = self.num_layers if self.num_decoder_layers is None else self.num_decoder_layers
        *gated, activation = self.feed_forward_proj.split("-")
        if gated == ["gated"] and activation == "gelu":
            activation = "gelu_new"
        self.dense_act_fn = self.dense_act_fn or activation
        self.is_gated_act = bool(gated) if self.is_gated_act is None else self.is_gated_act
        if gated not in ([], ["gated"]) or self.dense_act_fn not in ACTIVATIONS or self.is_gated_act != bool(gated):
            raise ValueError(
                f"feed_forward_proj must be one of {sorted(ACTIVATIONS)}, or one of them after 'gated-', and dense_act_fn and "
                f"is_gated_act must agree with it; got {self.feed_forward_proj!r}, {self.dense_act_fn!r} and "
                f"{self.is_gated_act}."
            )
        count, longest = self.relative_attention_num_buckets, self.relative_attention_max_distance
        if count < 4 or count % 2 or not count // 2 < longest <= LONGEST_DISTANCE:
            raise ValueError(
                "relative_attention_num_buckets must be even, 4 or more, and relative_attention_max_distance more than half of "
                f"it, at most {LONGEST_DISTANCE:,}; got {count} and {longest}."
            )
        if self.scale_decoder_outputs is None:
            self.scale_decoder_outputs = self.tie_word_embeddings

    def heed(self, tensors: Mapping[str, np.ndarray]) -> None:
        """Tie the head to the table of the pieces unless the file holds another table for it.

        transformers 5 writes `tie_word_embeddings: true` in every config, so the file has the last word.
        """
        own = tensors.get("lm_head.weight") if "lm_head.weight" in tensors else None
        if own is None or (self.tie_word_embeddings and "shared.weight" in tensors):
            self.tie_word_embeddings = own is None or np.array_equal(own, tensors["shared.weight"])

    @property
    def max_length(self) -> int:
        """How many pieces of a text are read, if nobody says otherwise."""
        return self.n_positions or 512

    @property
    def depth(self) -> int:
        """How many layers there are, one after the other."""
        return self.num_layers + (self.num_decoder_layers or 0)

    @property
    def hidden_size(self) -> int:
        """M."""
        return self.d_model

    @property
    def intermediate_size(self) -> int:
        """How many numbers there are within a perceptron."""
        return self.d_ff

    @property
    def num_attention_heads(self) -> int:
        """H."""
        return self.num_heads

    @property
    def num_key_value_heads(self) -> int:
        """G, which is H: each head has keys and values of its own."""
        return self.num_heads

    @property
    def head_dim(self) -> int:
        """D."""
        return self.d_kv

    @property
    def attention_dropout(self) -> float:
        """How much of the weights of attention is dropped in training."""
        return self.dropout_rate

    @property
    def initializer_range(self) -> float:
        """The standard deviation of new weights."""
        return self.initializer_factor * self.d_model**-0.5


# ------------------------------------------------------------------------------------------------------------- parts
def buckets(config: Any, both_ways: bool) -> np.ndarray:
    """The bucket of each distance 0, 1, ..., `relative_attention_max_distance`, which all longer ones share.

    Half of the buckets are for one distance each, the others for ranges that grow:
    bucket = n/2 + floor(n/2 log(distance / (n/2)) / log(longest / (n/2))). One that looks both ways has n for each way.

    >>> from hornbook_hub.models.t5 import T5Config, buckets
    >>> buckets(T5Config(), both_ways=True)[[1, 7, 8, 9, 16, 128]].tolist()
    [1, 7, 8, 8, 10, 15]
    """
    count = config.relative_attention_num_buckets // (2 if both_ways else 1)
    exact, longest = count // 2, config.relative_attention_max_distance
    distances = np.arange(longest + 1)
    ranges = np.log(np.maximum(distances, 1).astype("float32") / np.float32(exact)) / np.float32(
        math.log(longest / exact)
    )
    far = exact + (ranges * np.float32(count - exact)).astype("int32")
    return np.where(distances < exact, distances, np.minimum(far, count - 1)).astype("int32")


class RelativePositionBias(layers.Layer):
    """What a distance adds to the score of each head: positions (B, T) and slots (B, S) -> (B, H, T, S).

    Args:
        config: the number of buckets and their longest distance.
        both_ways: whether pieces look at those behind them too.
    """

    def __init__(self, config: Any, both_ways: bool, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.both_ways, self.longest = both_ways, config.relative_attention_max_distance
        self.after = config.relative_attention_num_buckets // 2 if both_ways else 0  # the first bucket of those behind
        self.bucket_of = buckets(config, both_ways)
        initializer = keras.initializers.RandomNormal(stddev=config.initializer_range)
        self.table = layers.Embedding(
            config.relative_attention_num_buckets, config.num_heads, embeddings_initializer=initializer, name="table"
        )

    def call(self, positions: Any, slots: Any) -> Any:
        distances = slots[:, None, :] - positions[:, :, None]  # (B, T, S), below 0 for slots before
        steps = ops.minimum(ops.abs(distances) if self.both_ways else ops.maximum(-distances, 0), self.longest)
        found = ops.take(self.bucket_of, steps, axis=0)
        if self.both_ways:
            found = found + ops.where(distances > 0, self.after, 0)
        return ops.transpose(self.table(found), (0, 3, 1, 2))


class T5Attention(CausalAttention):
    """softmax(q k^T + bias) v: the scores are not scaled, the queries start the smaller for it."""

    def __init__(self, config: Any, **kwargs: Any) -> None:
        super().__init__(config, scale=1.0, **kwargs)

    def make_projections(self, config: Any, bias: bool, norm: Any) -> None:
        """Make what queries, keys and values are computed with."""
        super().make_projections(config, bias, norm)
        self.query.kernel_initializer = keras.initializers.RandomNormal(
            stddev=config.initializer_range * config.d_kv**-0.5
        )


class T5CrossAttention(CrossAttention, T5Attention):
    """The same, to a source."""


class T5GatedPerceptron(GatedMultilayerPerceptron):
    """W_down dropout(act(W_gate x) * W_up x): (B, T, M) -> (B, T, M)."""

    def __init__(self, config: Any, **kwargs: Any) -> None:
        super().__init__(config, ACTIVATIONS[config.dense_act_fn], **kwargs)
        self.dropout = layers.Dropout(config.dropout_rate)

    def call(self, x: Any) -> Any:
        return self.down(self.dropout(self.activation(self.gate(x)) * self.up(x)))


class T5Encoder(layers.Layer):
    """Blocks that look both ways at vectors (B, S, M), and a last normalization."""

    def __init__(self, config: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.relative = RelativePositionBias(config, both_ways=True, name="relative")
        self.blocks = [
            EncoderBlock(
                T5Attention(config, name="attention"),
                perceptron(config),
                tuple(norm(config, f"{part}_norm") for part in ("attention", "perceptron")),
                config.dropout_rate,
                name=f"block_{i}",
            )
            for i in range(config.num_layers)
        ]
        self.norm = norm(config, "norm")
        self.dropout = layers.Dropout(config.dropout_rate)

    def call(self, x: Any, bias: Any) -> Any:
        places = ops.arange(ops.shape(x)[1], dtype="int32")[None]
        x, bias = self.dropout(x), bias + self.relative(places, places)
        for block in self.blocks:
            x = block(x, bias)
        return self.dropout(self.norm(x))


class T5Decoder(layers.Layer):
    """What a decoder consists of: its distances, blocks, and a last normalization; `T5Backbone` puts them in order."""

    def __init__(self, config: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.relative = RelativePositionBias(config, both_ways=False, name="relative")
        self.blocks = [
            DecoderBlock(
                T5Attention(config, name="attention"),
                T5CrossAttention(config, name="cross_attention"),
                perceptron(config),
                tuple(norm(config, f"{part}_norm") for part in ("attention", "cross_attention", "perceptron")),
                config.dropout_rate,
                name=f"block_{i}",
            )
            for i in range(config.num_decoder_layers)
        ]
        self.norm = norm(config, "norm")


def perceptron(config: Any) -> layers.Layer:
    """The perceptron of the config's kind."""
    if config.is_gated_act:
        return T5GatedPerceptron(config, name="perceptron")
    activation = ACTIVATIONS[config.dense_act_fn]
    return Perceptron(config, config.d_ff, activation, False, config.dropout_rate, name="perceptron")


def norm(config: Any, name: str) -> RootMeanSquareNorm:
    """A normalization."""
    return RootMeanSquareNorm(config.layer_norm_epsilon, name=name)


# ------------------------------------------------------------------------------------------------------------- whole
class T5Backbone(EncoderDecoderBackbone):
    """A T5 without a head.

    Args:
        config: the sizes; with `is_encoder_decoder=False`, it is the encoder alone.

    Call:
        a dictionary of `input_ids` (B, S), `attention_mask` (B, S; 1 where a piece is, ones if missing),
        `decoder_input_ids` (B, T) and `decoder_attention_mask` (B, T; ones if missing), all integers.
        Returns {"last_hidden_state": (B, T, M), "encoder_last_hidden_state": (B, S, M)}; of an encoder alone,
        {"last_hidden_state": (B, S, M)}.

    >>> import numpy as np
    >>> from hornbook_hub.models.t5 import T5Backbone, T5Config
    >>> backbone = T5Backbone(T5Config(vocab_size=10, d_model=8, d_kv=4, d_ff=16, num_layers=1, num_heads=2))
    >>> outputs = backbone({"input_ids": np.array([[5, 6, 1]]), "decoder_input_ids": np.array([[0, 7]])})
    >>> outputs["last_hidden_state"].shape, outputs["encoder_last_hidden_state"].shape
    (TensorShape([1, 2, 8]), TensorShape([1, 3, 8]))
    """

    config_class = T5Config

    def __init__(self, config: Any, **kwargs: Any) -> None:
        super().__init__(config, **kwargs)
        initializer = keras.initializers.RandomNormal(stddev=config.initializer_factor)
        self.token_embedding = layers.Embedding(
            config.vocab_size, config.d_model, embeddings_initializer=initializer, name="token_embedding"
        )
        self.encoder = T5Encoder(config, name="encoder")
        self.decoder = T5Decoder(config, name="decoder") if config.is_encoder_decoder else None
        self.dropout = layers.Dropout(config.dropout_rate)
        example = {"input_ids": keras.KerasTensor((None, None), "int32")}
        if self.decoder is None:
            self.input_names = ("input_ids", "attention_mask")
        else:
            example["decoder_input_ids"] = keras.KerasTensor((None, None), "int32")
        self.make_weights(example)

    @property
    def classifier_dropout(self) -> float:
        """The dropout before a classifier."""
        return self.config.dropout_rate

    def encode(self, inputs: dict[str, Any]) -> tuple[Any, Any]:
        """The encoder's hidden states (B, S, M), and what hides padding: (B, 1, 1, S)."""
        input_ids = ops.cast(inputs["input_ids"], "int32")
        if len(input_ids.shape) != 2:
            raise ValueError(f"input_ids must be (batch, time), got shape {tuple(input_ids.shape)}.")
        mask = inputs.get("attention_mask")
        there = ops.ones_like(input_ids, dtype="bool") if mask is None else ops.cast(mask, "bool")
        bias = ops.where(there, 0.0, -3e4)[:, None, None, :]
        return self.encoder(self.token_embedding(input_ids), bias), bias

    def embed(self, input_ids: Any, positions: Any) -> Any:
        """(B, T) pieces of the target as vectors (B, T, M)."""
        return self.dropout(self.token_embedding(input_ids))

    def finish(self, x: Any) -> Any:
        """The last normalization."""
        return self.dropout(self.decoder.norm(x))

    def relative_bias(self, positions: Any, slots: Any) -> Any:
        """What distances add to scores: (B, H, T, S)."""
        return self.decoder.relative(positions, slots)

    def call(self, inputs: dict[str, Any]) -> dict[str, Any]:
        if self.decoder is None:
            return {"last_hidden_state": self.encode(inputs)[0]}
        return super().call(inputs)


class T5Head(CausalHead):
    """What comes next: logits = E h, where h / sqrt(M) stands for h in models that scale: (B, T, vocab_size)."""

    def __init__(self, backbone: Any, **kwargs: Any) -> None:
        super().__init__(backbone, **kwargs)
        self.scale = backbone.config.d_model**-0.5 if backbone.config.scale_decoder_outputs else 1.0

    def call(self, outputs: dict[str, Any]) -> Any:
        return super().call({"last_hidden_state": outputs["last_hidden_state"] * self.scale})


# ----------------------------------------------------------------------------------------------------- WEIGHTS table
PREFIX = ""
ATTENTION = (("q", "query"), ("k", "key"), ("v", "value"), ("o", "projection"))
PERCEPTRON = (("wi", "up"), ("wi_0", "gate"), ("wi_1", "up"), ("wo", "down"))


def stack_weights(side: str, count: int, parts: tuple[str, ...], gated: bool) -> dict[str, Any]:
    """Hugging Face -> here, of the encoder or of the decoder.

    Args:
        side: "encoder" or "decoder".
        count: how many blocks it has.
        parts: the parts of a block, in order: "attention", "cross_attention", "perceptron".
        gated: whether a perceptron has two matrices before its activation.
    """
    rows: dict[str, Any] = {
        f"{side}.embed_tokens.weight": None,  # shared.weight once more, in older files
        f"{side}.block.0.layer.0.SelfAttention.relative_attention_bias.weight": f"{side}.relative.table.embeddings",
        f"{side}.final_layer_norm.weight": f"{side}.norm.gamma",
        # of the first conversions; nobody reads it
        "decoder.block.0.layer.1.EncDecAttention.relative_attention_bias.weight": None,
    }
    names = {"attention": "SelfAttention", "cross_attention": "EncDecAttention", "perceptron": "DenseReluDense"}
    ungated = {"wi_0", "wi_1"}
    for i in range(count):
        for number, part in enumerate(parts):
            there, here = f"{side}.block.{i}.layer.{number}", f"{side}.blocks.{i}.{part}"
            kernels = ATTENTION if part != "perceptron" else PERCEPTRON
            rows[f"{there}.layer_norm.weight"] = f"{here}_norm.gamma"
            for name, kernel in kernels:
                if part != "perceptron" or name == "wo" or (name in ungated) == gated:
                    rows[f"{there}.{names[part]}.{name}.weight"] = (f"{here}.{kernel}.kernel", transposed)
    return rows


def weights_table(config: Any) -> dict[str, Any]:
    """Hugging Face -> here; an encoder alone leaves a decoder in the file aside."""
    encoder = stack_weights("encoder", config.num_layers, ("attention", "perceptron"), config.is_gated_act)
    decoder = stack_weights(
        "decoder", config.num_decoder_layers, ("attention", "cross_attention", "perceptron"), config.is_gated_act
    )
    if not config.is_encoder_decoder:
        decoder = dict.fromkeys(decoder)
    return {"shared.weight": "token_embedding.embeddings", **encoder, **decoder}


WEIGHTS = weights_table
POOLER = ()
HEADS = {"seq2seq_lm": (T5Head, T5Head.weights_table)}
OTHER_HEADS = ("lm_head.",)
OLD_NAMES: dict[str, str] = {}
ARCHITECTURES = {
    "T5Model": "backbone",
    "T5ForConditionalGeneration": "seq2seq_lm",
    "T5WithLMHeadModel": "seq2seq_lm",
    "T5EncoderModel": "encoder",
}
BACKBONE = T5Backbone

# ----------------------------------------------------------------------------------------------------- PRESETS table
PRESETS = {
    "t5_small": {
        "repository": "google-t5/t5-small",
        "revision": "main",
        "aliases": ("t5_small_multi",),
        "task": "seq2seq_lm",
        "parameters": 60_506_624,
        "licence": "Apache-2.0",
        "about": "6 + 6 layers, 512 wide; English, and translation to German, French and Romanian",
    },
    "t5_base": {
        "repository": "google-t5/t5-base",
        "revision": "main",
        "aliases": ("t5_base_multi",),
        "task": "seq2seq_lm",
        "parameters": 222_903_552,
        "licence": "Apache-2.0",
        "about": "12 + 12 layers, 768 wide; English, and translation to German, French and Romanian",
    },
    "flan_t5_small": {
        "repository": "google/flan-t5-small",
        "revision": "main",
        "aliases": ("flan_small_multi",),
        "task": "seq2seq_lm",
        "parameters": 76_961_152,
        "licence": "Apache-2.0",
        "about": "8 + 8 layers, 512 wide; follows instructions",
    },
    "flan_t5_base": {
        "repository": "google/flan-t5-base",
        "revision": "main",
        "aliases": ("flan_base_multi",),
        "task": "seq2seq_lm",
        "parameters": 247_577_856,
        "licence": "Apache-2.0",
        "about": "12 + 12 layers, 768 wide; follows instructions",
    },
    "flan_t5_large": {
        "repository": "google/flan-t5-large",
        "revision": "main",
        "aliases": ("flan_large_multi",),
        "task": "seq2seq_lm",
        "parameters": 783_150_080,
        "licence": "Apache-2.0",
        "about": "24 + 24 layers, 1024 wide; follows instructions",
    },
}
