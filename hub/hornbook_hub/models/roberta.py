"""RoBERTa: BERT trained longer, on more text, without the guessing of the next sentence.

Liu et al. 2019, "RoBERTa: A Robustly Optimized BERT Pretraining Approach", https://arxiv.org/abs/1907.11692. The layers are
BERT's. Positions count from pad_token_id + 1 and skip the padding, so a table of 514 rows is for 512 pieces.

Axes: B batch, T time (the pieces of a text), M hidden_size.
"""

from dataclasses import dataclass
from typing import Any

from hornbook_hub.encoders import positions_of
from hornbook_hub.heads import FirstPieceHead, SpanHead, TokenHead
from hornbook_hub.models import bert
from hornbook_hub.models.bert import BertBackbone, BertConfig, BertLanguageModelHead
from hornbook_hub.weights import transposed


# ------------------------------------------------------------------------------------------------------------ config
@dataclass(kw_only=True)
class RobertaConfig(BertConfig):
    """The fields of a RoBERTa's `config.json`, under its names.

    >>> from hornbook_hub.models.roberta import RobertaConfig
    >>> RobertaConfig(max_position_embeddings=514).max_length
    512
    """

    vocab_size: int = 50265
    pad_token_id: int = 1

    @property
    def max_length(self) -> int:
        """How many pieces a text may have: the first rows of the table are never used."""
        return self.max_position_embeddings - self.pad_token_id - 1


# ------------------------------------------------------------------------------------------------------------- whole
class RobertaBackbone(BertBackbone):
    """RoBERTa without a head.

    Args:
        config: the sizes.

    Call:
        a dictionary of `input_ids` (B, T), `attention_mask` (B, T; 1 where a piece is, ones if missing) and
        `token_type_ids` (B, T; zeros if missing), all integers; the padding is pad_token_id.
        Returns {"last_hidden_state": (B, T, M), "pooler_output": (B, M)}.

    >>> import numpy as np
    >>> from hornbook_hub.models.roberta import RobertaBackbone, RobertaConfig
    >>> backbone = RobertaBackbone(RobertaConfig(vocab_size=10, hidden_size=8, num_hidden_layers=1, num_attention_heads=2))
    >>> backbone({"input_ids": np.array([[0, 5, 2]])})["last_hidden_state"].shape
    TensorShape([1, 3, 8])
    """

    config_class = RobertaConfig
    input_names = ("input_ids", "attention_mask")

    def call(self, inputs: Any) -> dict[str, Any]:
        input_ids, seen, token_type_ids = self.read(inputs)
        x = self.embeddings(input_ids, token_type_ids, positions_of(input_ids, self.config.pad_token_id))
        bias = self.bias_of(seen)
        for block in self.blocks:
            x = block(x, bias)
        return {"last_hidden_state": x, "pooler_output": self.pooler(x[:, 0])}


class RobertaLanguageModelHead(BertLanguageModelHead):
    """BERT's, with gelu whatever the config says."""

    activation = "gelu"


# ----------------------------------------------------------------------------------------------------- WEIGHTS table
PREFIX = "roberta."  # of the backbone's names in a file that also holds a head
WEIGHTS, POOLER = bert.WEIGHTS, bert.POOLER


def language_model_weights(config: Any) -> dict[str, Any]:
    """What the head adds to a file; a table that is tied stands there once, among the embeddings."""
    tied = config.tie_word_embeddings
    return {
        "lm_head.dense.weight": ("head.dense.kernel", transposed),
        "lm_head.dense.bias": "head.dense.bias",
        "lm_head.layer_norm.weight": "head.norm.gamma",
        "lm_head.layer_norm.bias": "head.norm.beta",
        "lm_head.bias": "head.bias",
        "lm_head.decoder.weight": None if tied else "head.decoder",
        "lm_head.decoder.bias": None if tied else "head.bias",  # the bias that counts, if both are there
    }


HEADS = {  # task -> the layer, its WEIGHTS
    "masked_lm": (RobertaLanguageModelHead, language_model_weights),
    "text_classifier": (FirstPieceHead, FirstPieceHead.weights_table()),
    "token_classifier": (TokenHead, TokenHead.weights_table()),
    "question_answering": (SpanHead, SpanHead.weights_table()),
}
OTHER_HEADS = ("lm_head.", "classifier.", "qa_outputs.")  # left out when a task does not want them
OLD_NAMES = bert.OLD_NAMES
ARCHITECTURES = {  # name in config.json -> task; the first name of a task is the one that is written
    "RobertaModel": "backbone",
    "RobertaForMaskedLM": "masked_lm",
    "RobertaForSequenceClassification": "text_classifier",
    "RobertaForTokenClassification": "token_classifier",
    "RobertaForQuestionAnswering": "question_answering",
}
BACKBONE = RobertaBackbone

# ----------------------------------------------------------------------------------------------------- PRESETS table
PRESETS = {
    "roberta_base": {
        "repository": "FacebookAI/roberta-base",
        "revision": "main",
        "aliases": ("roberta_base_en",),
        "task": "masked_lm",
        "parameters": 124_645_632,
        "licence": "MIT",
        "about": "12 layers, 768 wide; English",
    },
    "roberta_large": {
        "repository": "FacebookAI/roberta-large",
        "revision": "main",
        "aliases": ("roberta_large_en",),
        "task": "masked_lm",
        "parameters": 355_359_744,
        "licence": "MIT",
        "about": "24 layers, 1024 wide; English",
    },
}
