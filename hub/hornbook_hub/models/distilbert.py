"""DistilBERT: a BERT of half the depth, taught to give what the larger one gives.

Sanh et al. 2019, "DistilBERT, a distilled version of BERT: smaller, faster, cheaper and lighter",
https://arxiv.org/abs/1910.01108. The layers are BERT's; there are no segments and no pooler.

Axes: B batch, T time (the pieces of a text), M dim, H n_heads, D = M / H, F hidden_dim.
"""

from dataclasses import dataclass
from typing import Any

from hornbook import ops
from hornbook_hub.config import Config
from hornbook_hub.encoders import EncoderBackbone
from hornbook_hub.heads import DenseHead, SpanHead, TokenHead
from hornbook_hub.models.bert import ACTIVATIONS, BertEmbeddings, BertLanguageModelHead, BertLayer, dense
from hornbook_hub.weights import transposed


# ------------------------------------------------------------------------------------------------------------ config
@dataclass(kw_only=True)
class DistilBertConfig(Config):
    """The fields of a DistilBERT's `config.json`, under its names; BERT's words for them are there to read.

    >>> from hornbook_hub.models.distilbert import DistilBertConfig
    >>> DistilBertConfig(dim=64, n_heads=4).hidden_size
    64
    """

    vocab_size: int = 30522
    max_position_embeddings: int = 512
    n_layers: int = 6
    n_heads: int = 12
    dim: int = 768
    hidden_dim: int = 3072
    dropout: float = 0.1
    attention_dropout: float = 0.1
    activation: str = "gelu"
    initializer_range: float = 0.02
    qa_dropout: float = 0.1
    seq_classif_dropout: float = 0.2
    pad_token_id: int = 0
    tie_word_embeddings: bool = True

    # How the table of positions was first filled; it stands in the file. And a name of old for tie_word_embeddings.
    INERT = Config.INERT | {"sinusoidal_pos_embds", "tie_weights_"}

    layer_norm_eps = 1e-12  # not a field: all DistilBERTs have it
    type_vocab_size = 0
    num_hidden_layers = property(lambda self: self.n_layers)
    num_attention_heads = property(lambda self: self.n_heads)
    hidden_size = property(lambda self: self.dim)
    intermediate_size = property(lambda self: self.hidden_dim)
    hidden_act = property(lambda self: self.activation)
    hidden_dropout_prob = property(lambda self: self.dropout)
    attention_probs_dropout_prob = property(lambda self: self.attention_dropout)

    def __post_init__(self) -> None:
        if self.dim % self.n_heads:
            raise ValueError(f"dim must be a multiple of n_heads, got {self.dim} and {self.n_heads}.")
        if self.activation not in ACTIVATIONS:
            raise ValueError(f"activation must be one of {sorted(ACTIVATIONS)}, got {self.activation!r}.")


# ------------------------------------------------------------------------------------------------------------- parts
class DistilBertLayer(BertLayer):
    """BERT's layer; what attention gives is not dropped."""

    def call(self, x: Any, bias: Any) -> Any:
        x = self.attention_norm(x + self.attention(x, bias))
        return self.output_norm(x + self.dropout(self.output_dense(self.activation(self.intermediate(x)))))


# ------------------------------------------------------------------------------------------------------------- whole
class DistilBertBackbone(EncoderBackbone):
    """DistilBERT without a head.

    Args:
        config: the sizes.

    Call:
        a dictionary of `input_ids` (B, T) and `attention_mask` (B, T; 1 where a piece is, ones if missing), integers.
        Returns {"last_hidden_state": (B, T, M)}.

    >>> import numpy as np
    >>> from hornbook_hub.models.distilbert import DistilBertBackbone, DistilBertConfig
    >>> backbone = DistilBertBackbone(DistilBertConfig(vocab_size=10, dim=8, hidden_dim=16, n_layers=1, n_heads=2))
    >>> backbone({"input_ids": np.array([[1, 2, 3]])})["last_hidden_state"].shape
    TensorShape([1, 3, 8])
    """

    config_class = DistilBertConfig

    def __init__(self, config: DistilBertConfig, **kwargs: Any) -> None:
        super().__init__(config, **kwargs)
        self.embeddings = BertEmbeddings(config, name="embeddings")
        self.blocks = [DistilBertLayer(config, name=f"layer_{i}") for i in range(config.n_layers)]
        self.make_weights()

    def call(self, inputs: Any) -> dict[str, Any]:
        input_ids, seen, _ = self.read(inputs)
        x, bias = self.embeddings(input_ids, None), self.bias_of(seen)
        for block in self.blocks:
            x = block(x, bias)
        return {"last_hidden_state": x}


class DistilBertTextHead(DenseHead):
    """logits = W2 dropout(relu(W1 h0)), where h0 belongs to the first piece: (B, T, M) -> (B, classes)."""

    def __init__(self, backbone: Any, classes: int, **kwargs: Any) -> None:
        super().__init__(backbone, classes, **kwargs)
        self.pre_classifier = dense(backbone.config.dim, backbone.config, "pre_classifier")

    def rate(self, backbone: Any) -> float:
        return backbone.config.seq_classif_dropout

    def call(self, outputs: dict[str, Any]) -> Any:
        first = ops.relu(self.pre_classifier(outputs["last_hidden_state"][:, 0]))
        return self.classifier(self.dropout(first))

    @classmethod
    def weights_table(cls) -> dict[str, Any]:
        return {
            "pre_classifier.weight": ("head.pre_classifier.kernel", transposed),
            "pre_classifier.bias": "head.pre_classifier.bias",
            **super().weights_table(),
        }


class DistilBertSpanHead(SpanHead):
    """For each piece, how likely an answer begins and ends there: (B, T, 2)."""

    def rate(self, backbone: Any) -> float:
        return backbone.config.qa_dropout


# ----------------------------------------------------------------------------------------------------- WEIGHTS table
PREFIX = "distilbert."  # of the backbone's names in a file that also holds a head
WEIGHTS = {  # Hugging Face -> here; None: dropped on purpose
    "embeddings.word_embeddings.weight": "embeddings.word_embeddings.embeddings",
    "embeddings.position_embeddings.weight": "embeddings.position_embeddings.embeddings",
    "embeddings.LayerNorm.weight": "embeddings.norm.gamma",
    "embeddings.LayerNorm.bias": "embeddings.norm.beta",
    "embeddings.position_ids": None,  # a buffer: 0, 1, 2, ...
    "transformer.layer.{i}.attention.q_lin.weight": ("blocks.{i}.attention.query.kernel", transposed),
    "transformer.layer.{i}.attention.q_lin.bias": "blocks.{i}.attention.query.bias",
    "transformer.layer.{i}.attention.k_lin.weight": ("blocks.{i}.attention.key.kernel", transposed),
    "transformer.layer.{i}.attention.k_lin.bias": "blocks.{i}.attention.key.bias",
    "transformer.layer.{i}.attention.v_lin.weight": ("blocks.{i}.attention.value.kernel", transposed),
    "transformer.layer.{i}.attention.v_lin.bias": "blocks.{i}.attention.value.bias",
    "transformer.layer.{i}.attention.out_lin.weight": ("blocks.{i}.attention.projection.kernel", transposed),
    "transformer.layer.{i}.attention.out_lin.bias": "blocks.{i}.attention.projection.bias",
    "transformer.layer.{i}.sa_layer_norm.weight": "blocks.{i}.attention_norm.gamma",
    "transformer.layer.{i}.sa_layer_norm.bias": "blocks.{i}.attention_norm.beta",
    "transformer.layer.{i}.ffn.lin1.weight": ("blocks.{i}.intermediate.kernel", transposed),
    "transformer.layer.{i}.ffn.lin1.bias": "blocks.{i}.intermediate.bias",
    "transformer.layer.{i}.ffn.lin2.weight": ("blocks.{i}.output_dense.kernel", transposed),
    "transformer.layer.{i}.ffn.lin2.bias": "blocks.{i}.output_dense.bias",
    "transformer.layer.{i}.output_layer_norm.weight": "blocks.{i}.output_norm.gamma",
    "transformer.layer.{i}.output_layer_norm.bias": "blocks.{i}.output_norm.beta",
}
POOLER = ()


def language_model_weights(config: Any) -> dict[str, Any]:
    """What the head adds to a file; a table that is tied stands there once, among the embeddings."""
    return {
        "vocab_transform.weight": ("head.dense.kernel", transposed),
        "vocab_transform.bias": "head.dense.bias",
        "vocab_layer_norm.weight": "head.norm.gamma",
        "vocab_layer_norm.bias": "head.norm.beta",
        "vocab_projector.weight": None if config.tie_word_embeddings else "head.decoder",
        "vocab_projector.bias": "head.bias",
    }


HEADS = {  # task -> the layer, its WEIGHTS
    "masked_lm": (BertLanguageModelHead, language_model_weights),
    "text_classifier": (DistilBertTextHead, DistilBertTextHead.weights_table()),
    "token_classifier": (TokenHead, TokenHead.weights_table()),
    "question_answering": (DistilBertSpanHead, DistilBertSpanHead.weights_table()),
}
OTHER_HEADS = ("vocab_", "pre_classifier.", "classifier.", "qa_outputs.")  # left out when a task does not want them
OLD_NAMES: dict[str, str] = {}
ARCHITECTURES = {  # name in config.json -> task; the first name of a task is the one that is written
    "DistilBertModel": "backbone",
    "DistilBertForMaskedLM": "masked_lm",
    "DistilBertForSequenceClassification": "text_classifier",
    "DistilBertForTokenClassification": "token_classifier",
    "DistilBertForQuestionAnswering": "question_answering",
}
BACKBONE = DistilBertBackbone

# ----------------------------------------------------------------------------------------------------- PRESETS table
PRESETS = {
    "distilbert_base": {
        "repository": "distilbert/distilbert-base-uncased",
        "revision": "main",
        "aliases": ("distil_bert_base_en_uncased",),
        "task": "masked_lm",
        "parameters": 66_362_880,
        "licence": "Apache-2.0",
        "about": "6 layers, 768 wide, uncased English",
    },
    "distilbert_sst2": {
        "repository": "distilbert/distilbert-base-uncased-finetuned-sst-2-english",
        "revision": "main",
        "aliases": (),
        "task": "text_classifier",
        "parameters": 66_955_010,
        "licence": "Apache-2.0",
        "about": "6 layers, 768 wide; says whether a review is positive",
    },
}
