"""XLM-RoBERTa: RoBERTa on a hundred languages, with one vocabulary for all.

Conneau et al. 2019, "Unsupervised Cross-lingual Representation Learning at Scale", https://arxiv.org/abs/1911.02116. The model
is RoBERTa's; only the vocabulary is another.

Axes: B batch, T time (the pieces of a text), M hidden_size.
"""

from dataclasses import dataclass

from hornbook_hub.models import roberta
from hornbook_hub.models.roberta import RobertaBackbone, RobertaConfig


# ------------------------------------------------------------------------------------------------------------ config
@dataclass(kw_only=True)
class XLMRobertaConfig(RobertaConfig):
    """The fields of an XLM-RoBERTa's `config.json`, under its names.

    >>> from hornbook_hub.models.xlm_roberta import XLMRobertaConfig
    >>> XLMRobertaConfig(vocab_size=250002).pad_token_id
    1
    """

    vocab_size: int = 30522


# ------------------------------------------------------------------------------------------------------------- whole
class XLMRobertaBackbone(RobertaBackbone):
    """XLM-RoBERTa without a head; called as `RobertaBackbone` is.

    Args:
        config: the sizes.

    >>> import numpy as np
    >>> from hornbook_hub.models.xlm_roberta import XLMRobertaBackbone, XLMRobertaConfig
    >>> sizes = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2}
    >>> backbone = XLMRobertaBackbone(XLMRobertaConfig(vocab_size=10, **sizes))
    >>> backbone({"input_ids": np.array([[0, 5, 2]])})["pooler_output"].shape
    TensorShape([1, 8])
    """

    config_class = XLMRobertaConfig


# ----------------------------------------------------------------------------------------------------- WEIGHTS table
PREFIX, WEIGHTS, POOLER = roberta.PREFIX, roberta.WEIGHTS, roberta.POOLER
HEADS, OTHER_HEADS, OLD_NAMES = roberta.HEADS, roberta.OTHER_HEADS, roberta.OLD_NAMES
ARCHITECTURES = {f"XLM{name}": task for name, task in roberta.ARCHITECTURES.items()}
BACKBONE = XLMRobertaBackbone

# ----------------------------------------------------------------------------------------------------- PRESETS table
PRESETS = {
    "xlm_roberta_base": {
        "repository": "FacebookAI/xlm-roberta-base",
        "revision": "main",
        "aliases": ("xlm_roberta_base_multi",),
        "task": "masked_lm",
        "parameters": 278_043_648,
        "licence": "MIT",
        "about": "12 layers, 768 wide; a hundred languages",
    },
    "xlm_roberta_large": {
        "repository": "FacebookAI/xlm-roberta-large",
        "revision": "main",
        "aliases": ("xlm_roberta_large_multi",),
        "task": "masked_lm",
        "parameters": 559_890_432,
        "licence": "MIT",
        "about": "24 layers, 1024 wide; a hundred languages",
    },
    "bge_reranker_base": {
        "repository": "BAAI/bge-reranker-base",
        "revision": "main",
        "aliases": (),
        "task": "reranker",
        "parameters": 278_044_417,
        "licence": "MIT",
        "about": "12 layers, 768 wide; how well a passage answers a question, in English and Chinese",
    },
}
