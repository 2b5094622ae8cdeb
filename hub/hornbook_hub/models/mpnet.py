"""MPNet: a BERT that learned to guess the pieces of a text in any order, and sees how far they stand apart.

Song et al. 2020, "MPNet: Masked and Permuted Pre-training for Language Understanding", https://arxiv.org/abs/2004.09297. The
layers are BERT's, with a bias in all attentions that depends on the distance of two pieces, as in T5 (Raffel et al. 2019,
https://arxiv.org/abs/1910.10683). Positions count from 2 on and skip the padding, as RoBERTa's.

Axes: B batch, T time (the pieces of a text), S the same (the pieces that are looked at), M hidden_size,
H num_attention_heads.
"""

import math
from dataclasses import dataclass
from typing import Any

from hornbook import layers, ops
from hornbook_hub.encoders import EncoderBackbone, positions_of
from hornbook_hub.heads import FirstPieceHead, SpanHead, TokenHead
from hornbook_hub.models import roberta
from hornbook_hub.models.bert import POOLER_WEIGHTS, BertConfig, BertEmbeddings, BertLayer, dense, embedding
from hornbook_hub.models.roberta import RobertaLanguageModelHead
from hornbook_hub.weights import transposed

PADDING = 1  # transformers counts from here, whatever pad_token_id says
BUCKETS, FARTHEST = 32, 128


# ------------------------------------------------------------------------------------------------------------ config
@dataclass(kw_only=True)
class MPNetConfig(BertConfig):
    """The fields of an MPNet's `config.json`, under its names.

    >>> from hornbook_hub.models.mpnet import MPNetConfig
    >>> MPNetConfig(max_position_embeddings=514).max_length
    512
    """

    vocab_size: int = 30527
    pad_token_id: int = 1
    relative_attention_num_buckets: int = BUCKETS
    type_vocab_size: int = 0  # there are no segments

    FIXED = {**BertConfig.FIXED, "relative_attention_num_buckets": BUCKETS, "type_vocab_size": 0}

    @property
    def max_length(self) -> int:
        """How many pieces a text may have: the first rows of the table are never used."""
        return self.max_position_embeddings - PADDING - 1


# ------------------------------------------------------------------------------------------------------------- parts
class RelativeBias(layers.Layer):
    """A number for each head and each range of distances: places (T,) -> (1, H, T, S).

    Half of the 32 ranges are for pieces that come later, half for the others. Of each half, the first eight hold one distance
    each, and the others grow by powers, up to 128 and beyond.
    """

    def __init__(self, config: MPNetConfig, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.table = embedding(BUCKETS, config.num_attention_heads, config, "table")

    @staticmethod
    def ranges(places: Any) -> Any:
        """(T, S) numbers of ranges."""
        ahead = places[None, :] - places[:, None]
        half, exact = BUCKETS // 2, BUCKETS // 4
        distance = ops.abs(ahead)
        powers = ops.log(ops.cast(ops.maximum(distance, 1), "float32") / exact) / math.log(FARTHEST / exact)
        far = ops.minimum(exact + ops.cast(powers * (half - exact), "int32"), half - 1)
        return ops.where(ahead > 0, half, 0) + ops.where(distance < exact, distance, far)

    def call(self, places: Any) -> Any:
        return ops.transpose(self.table(self.ranges(places)), (2, 0, 1))[None]


# ------------------------------------------------------------------------------------------------------------- whole
class MPNetBackbone(EncoderBackbone):
    """MPNet without a head.

    Args:
        config: the sizes.

    Call:
        a dictionary of `input_ids` (B, T; padding is 1) and `attention_mask` (B, T; 1 where a piece is, ones if missing),
        integers. Returns {"last_hidden_state": (B, T, M), "pooler_output": (B, M)}.

    >>> import numpy as np
    >>> from hornbook_hub.models.mpnet import MPNetBackbone, MPNetConfig
    >>> backbone = MPNetBackbone(MPNetConfig(vocab_size=10, hidden_size=8, num_hidden_layers=1, num_attention_heads=2))
    >>> backbone({"input_ids": np.array([[0, 5, 2]])})["last_hidden_state"].shape
    TensorShape([1, 3, 8])
    """

    config_class = MPNetConfig

    def __init__(self, config: MPNetConfig, **kwargs: Any) -> None:
        super().__init__(config, **kwargs)
        self.embeddings = BertEmbeddings(config, name="embeddings")
        self.relative_bias = RelativeBias(config, name="relative_bias")
        self.blocks = [BertLayer(config, name=f"layer_{i}") for i in range(config.num_hidden_layers)]
        self.pooler = dense(config.hidden_size, config, "pooler", activation="tanh")
        self.make_weights()

    def call(self, inputs: Any) -> dict[str, Any]:
        input_ids, seen, _ = self.read(inputs)
        x = self.embeddings(input_ids, None, positions_of(input_ids, PADDING))
        places = ops.arange(ops.shape(input_ids)[1], dtype="int32")
        bias = self.bias_of(seen) + self.relative_bias(places)  # (B, H, T, S)
        for block in self.blocks:
            x = block(x, bias)
        return {"last_hidden_state": x, "pooler_output": self.pooler(x[:, 0])}


# ----------------------------------------------------------------------------------------------------- WEIGHTS table
PREFIX = "mpnet."  # of the backbone's names in a file that also holds a head
WEIGHTS = {  # Hugging Face -> here; None: dropped on purpose
    "embeddings.word_embeddings.weight": "embeddings.word_embeddings.embeddings",
    "embeddings.position_embeddings.weight": "embeddings.position_embeddings.embeddings",
    "embeddings.LayerNorm.weight": "embeddings.norm.gamma",
    "embeddings.LayerNorm.bias": "embeddings.norm.beta",
    "embeddings.position_ids": None,  # a buffer: 0, 1, 2, ...
    "encoder.relative_attention_bias.weight": "relative_bias.table.embeddings",
    "encoder.layer.{i}.attention.attn.q.weight": ("blocks.{i}.attention.query.kernel", transposed),
    "encoder.layer.{i}.attention.attn.q.bias": "blocks.{i}.attention.query.bias",
    "encoder.layer.{i}.attention.attn.k.weight": ("blocks.{i}.attention.key.kernel", transposed),
    "encoder.layer.{i}.attention.attn.k.bias": "blocks.{i}.attention.key.bias",
    "encoder.layer.{i}.attention.attn.v.weight": ("blocks.{i}.attention.value.kernel", transposed),
    "encoder.layer.{i}.attention.attn.v.bias": "blocks.{i}.attention.value.bias",
    "encoder.layer.{i}.attention.attn.o.weight": ("blocks.{i}.attention.projection.kernel", transposed),
    "encoder.layer.{i}.attention.attn.o.bias": "blocks.{i}.attention.projection.bias",
    "encoder.layer.{i}.attention.LayerNorm.weight": "blocks.{i}.attention_norm.gamma",
    "encoder.layer.{i}.attention.LayerNorm.bias": "blocks.{i}.attention_norm.beta",
    "encoder.layer.{i}.intermediate.dense.weight": ("blocks.{i}.intermediate.kernel", transposed),
    "encoder.layer.{i}.intermediate.dense.bias": "blocks.{i}.intermediate.bias",
    "encoder.layer.{i}.output.dense.weight": ("blocks.{i}.output_dense.kernel", transposed),
    "encoder.layer.{i}.output.dense.bias": "blocks.{i}.output_dense.bias",
    "encoder.layer.{i}.output.LayerNorm.weight": "blocks.{i}.output_norm.gamma",
    "encoder.layer.{i}.output.LayerNorm.bias": "blocks.{i}.output_norm.beta",
    **POOLER_WEIGHTS,
}
POOLER = tuple(POOLER_WEIGHTS)  # absent from files of tasks that do not use it
HEADS = {  # task -> the layer, its WEIGHTS
    "masked_lm": (RobertaLanguageModelHead, roberta.language_model_weights),
    "text_classifier": (FirstPieceHead, FirstPieceHead.weights_table()),
    "token_classifier": (TokenHead, TokenHead.weights_table()),
    "question_answering": (SpanHead, SpanHead.weights_table()),
}
OTHER_HEADS = roberta.OTHER_HEADS
OLD_NAMES: dict[str, str] = {}
ARCHITECTURES = {  # name in config.json -> task; the first name of a task is the one that is written
    "MPNetModel": "backbone",
    "MPNetForMaskedLM": "masked_lm",
    "MPNetForSequenceClassification": "text_classifier",
    "MPNetForTokenClassification": "token_classifier",
    "MPNetForQuestionAnswering": "question_answering",
}
BACKBONE = MPNetBackbone

# ----------------------------------------------------------------------------------------------------- PRESETS table
PRESETS = {
    "mpnet_base": {
        "repository": "microsoft/mpnet-base",
        "revision": "main",
        "aliases": (),
        "task": "masked_lm",
        "parameters": 109_486_464,
        "licence": "MIT",
        "about": "12 layers, 768 wide, uncased English",
    },
    "all_mpnet_base_v2": {
        "repository": "sentence-transformers/all-mpnet-base-v2",
        "revision": "main",
        "aliases": (),
        "task": "text_embedder",
        "parameters": 109_486_464,
        "licence": "Apache-2.0",
        "about": "12 layers, 768 wide; vectors of English sentences",
    },
}
