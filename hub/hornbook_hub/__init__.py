"""The hub: pretrained models with their tokenizers, in Hugging Face's layout.

>>> import hornbook_hub as hub
>>> model = hub.load("bert_tiny")
>>> type(model).__name__
'MaskedLM'
"""

from hornbook_hub.loading import load, presets
from hornbook_hub.models.bert import BertBackbone, BertConfig
from hornbook_hub.sampling import Beams, Contrastive, Sampler
from hornbook_hub.tasks import (
    CausalLM,
    MaskedLM,
    QuestionAnswering,
    ReplacedTokenDetector,
    Reranker,
    Task,
    TextClassifier,
    TextEmbedder,
    TokenClassifier,
)
from hornbook_hub.tokenizers import Tokenizer

__all__ = [
    "Beams",
    "BertBackbone",
    "BertConfig",
    "CausalLM",
    "Contrastive",
    "MaskedLM",
    "QuestionAnswering",
    "ReplacedTokenDetector",
    "Reranker",
    "Sampler",
    "Task",
    "TextClassifier",
    "TextEmbedder",
    "TokenClassifier",
    "Tokenizer",
    "load",
    "presets",
]
