"""ELECTRA: a BERT that learned to tell which pieces of a text a small generator has replaced.

Clark et al. 2020, "ELECTRA: Pre-training Text Encoders as Discriminators Rather Than Generators",
https://arxiv.org/abs/2003.10555. The layers are BERT's; the tables may be narrower than the layers, and there is no pooler.
The discriminator is what one fine-tunes; the generator is a masked language model.

Axes: B batch, T time (the pieces of a text), M hidden_size.
"""

from dataclasses import dataclass
from typing import Any

from hornbook import layers
from hornbook_hub.encoders import EncoderBackbone
from hornbook_hub.heads import FirstPieceHead, SpanHead, TokenHead, classifier
from hornbook_hub.models import bert
from hornbook_hub.models.bert import (
    ACTIVATIONS,
    EMBEDDING_WEIGHTS,
    LAYER_WEIGHTS,
    BertConfig,
    BertEmbeddings,
    BertLanguageModelHead,
    BertLayer,
    dense,
)
from hornbook_hub.weights import transposed


# ------------------------------------------------------------------------------------------------------------ config
@dataclass(kw_only=True)
class ElectraConfig(BertConfig):
    """The fields of an ELECTRA's `config.json`, under its names.

    >>> from hornbook_hub.models.electra import ElectraConfig
    >>> ElectraConfig().embedding_size
    128
    """

    embedding_size: int = 128
    hidden_size: int = 256
    num_attention_heads: int = 4
    intermediate_size: int = 1024

    INERT = BertConfig.INERT | {  # of a head for multiple choice
        *("summary_type", "summary_use_proj", "summary_activation", "summary_last_dropout"),
    }


# ------------------------------------------------------------------------------------------------------------- whole
class ElectraBackbone(EncoderBackbone):
    """ELECTRA without a head.

    Args:
        config: the sizes.

    Call:
        a dictionary of `input_ids` (B, T), `attention_mask` (B, T; 1 where a piece is, ones if missing) and
        `token_type_ids` (B, T; 0 for the first text, 1 for the second, zeros if missing), all integers.
        Returns {"last_hidden_state": (B, T, M)}.

    >>> import numpy as np
    >>> from hornbook_hub.models.electra import ElectraBackbone, ElectraConfig
    >>> sizes = {"embedding_size": 4, "hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2}
    >>> backbone = ElectraBackbone(ElectraConfig(vocab_size=10, **sizes))
    >>> backbone({"input_ids": np.array([[1, 2, 3]])})["last_hidden_state"].shape
    TensorShape([1, 3, 8])
    """

    config_class = ElectraConfig
    input_names = ("input_ids", "attention_mask", "token_type_ids")

    def __init__(self, config: ElectraConfig, **kwargs: Any) -> None:
        super().__init__(config, **kwargs)
        self.embeddings = BertEmbeddings(config, config.embedding_size, name="embeddings")
        narrow = config.embedding_size != config.hidden_size
        self.embeddings_project = dense(config.hidden_size, config, "embeddings_project") if narrow else None
        self.blocks = [BertLayer(config, name=f"layer_{i}") for i in range(config.num_hidden_layers)]
        self.make_weights()

    def call(self, inputs: Any) -> dict[str, Any]:
        input_ids, seen, token_type_ids = self.read(inputs)
        x, bias = self.embeddings(input_ids, token_type_ids), self.bias_of(seen)
        if self.embeddings_project is not None:
            x = self.embeddings_project(x)
        for block in self.blocks:
            x = block(x, bias)
        return {"last_hidden_state": x}


class ElectraLanguageModelHead(BertLanguageModelHead):
    """BERT's, on vectors as wide as the table, with gelu whatever the config says."""

    activation = "gelu"


class ElectraTextHead(FirstPieceHead):
    """logits = W2 dropout(gelu(W1 dropout(h0))), where h0 belongs to the first piece: (B, T, M) -> (B, classes)."""

    activation = staticmethod(ACTIVATIONS["gelu"])


class ElectraDiscriminatorHead(layers.Layer):
    """For each piece, whether it was replaced: logits = W2 act(W1 h): (B, T, M) -> (B, T)."""

    def __init__(self, backbone: ElectraBackbone, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.dense = dense(backbone.config.hidden_size, backbone.config, "dense")
        self.act = ACTIVATIONS[backbone.config.hidden_act]
        self.dense_prediction = classifier(1, "dense_prediction")

    def call(self, outputs: dict[str, Any]) -> Any:
        return self.dense_prediction(self.act(self.dense(outputs["last_hidden_state"])))[..., 0]


# ----------------------------------------------------------------------------------------------------- WEIGHTS table
PREFIX = "electra."  # of the backbone's names in a file that also holds a head
WEIGHTS = {  # Hugging Face -> here; None: dropped on purpose
    **EMBEDDING_WEIGHTS,
    "embeddings_project.weight": ("embeddings_project.kernel", transposed),  # where the two widths differ
    "embeddings_project.bias": "embeddings_project.bias",
    **LAYER_WEIGHTS,
}
POOLER = ()


def language_model_weights(config: Any) -> dict[str, Any]:
    """What the head adds to a file; a table that is tied stands there once, among the embeddings."""
    return {
        "generator_predictions.dense.weight": ("head.dense.kernel", transposed),
        "generator_predictions.dense.bias": "head.dense.bias",
        "generator_predictions.LayerNorm.weight": "head.norm.gamma",
        "generator_predictions.LayerNorm.bias": "head.norm.beta",
        "generator_lm_head.weight": None if config.tie_word_embeddings else "head.decoder",
        "generator_lm_head.bias": "head.bias",
    }


DISCRIMINATOR_WEIGHTS = {
    "discriminator_predictions.dense.weight": ("head.dense.kernel", transposed),
    "discriminator_predictions.dense.bias": "head.dense.bias",
    "discriminator_predictions.dense_prediction.weight": ("head.dense_prediction.kernel", transposed),
    "discriminator_predictions.dense_prediction.bias": "head.dense_prediction.bias",
}
HEADS = {  # task -> the layer, its WEIGHTS
    "replaced_token_detector": (ElectraDiscriminatorHead, DISCRIMINATOR_WEIGHTS),
    "masked_lm": (ElectraLanguageModelHead, language_model_weights),
    "text_classifier": (ElectraTextHead, ElectraTextHead.weights_table()),
    "token_classifier": (TokenHead, TokenHead.weights_table()),
    "question_answering": (SpanHead, SpanHead.weights_table()),
}
OTHER_HEADS = ("discriminator_predictions.", "generator_", "classifier.", "qa_outputs.")  # left out if not wanted
OLD_NAMES = bert.OLD_NAMES
ARCHITECTURES = {  # name in config.json -> task; the first name of a task is the one that is written
    "ElectraModel": "backbone",
    "ElectraForPreTraining": "replaced_token_detector",
    "ElectraForMaskedLM": "masked_lm",
    "ElectraForSequenceClassification": "text_classifier",
    "ElectraForTokenClassification": "token_classifier",
    "ElectraForQuestionAnswering": "question_answering",
}
BACKBONE = ElectraBackbone

# ----------------------------------------------------------------------------------------------------- PRESETS table
PRESETS = {
    "electra_small": {
        "repository": "google/electra-small-discriminator",
        "revision": "main",
        "aliases": ("electra_small_discriminator_uncased_en",),
        "task": "replaced_token_detector",
        "parameters": 13_483_008,
        "licence": "Apache-2.0",
        "about": "12 layers, 256 wide, uncased English",
    },
    "electra_base": {
        "repository": "google/electra-base-discriminator",
        "revision": "main",
        "aliases": ("electra_base_discriminator_uncased_en",),
        "task": "replaced_token_detector",
        "parameters": 108_891_648,
        "licence": "Apache-2.0",
        "about": "12 layers, 768 wide, uncased English",
    },
    "electra_large": {
        "repository": "google/electra-large-discriminator",
        "revision": "main",
        "aliases": ("electra_large_discriminator_uncased_en",),
        "task": "replaced_token_detector",
        "parameters": 334_092_288,
        "licence": "Apache-2.0",
        "about": "24 layers, 1024 wide, uncased English",
    },
}
