"""The hub: pretrained models with their tokenizers, in Hugging Face's layout.

>>> import hornbook_hub as hub
>>> model = hub.load("bert_tiny")
>>> type(model).__name__
'MaskedLM'
"""

from hornbook_hub.loading import load, presets
from hornbook_hub.models.bert import BertBackbone, BertConfig
from hornbook_hub.sampling import Sampler
from hornbook_hub.tasks import (
    AudioToText,
    CausalLM,
    MaskedLM,
    QuestionAnswering,
    ReplacedTokenDetector,
    Reranker,
    Seq2SeqLM,
    Task,
    TextClassifier,
    TextEmbedder,
    TokenClassifier,
)
from hornbook_hub.tokenizers import Tokenizer

__all__ = [
    "AudioToText",
    "BertBackbone",
    "BertConfig",
    "CausalLM",
    "MaskedLM",
    "QuestionAnswering",
    "ReplacedTokenDetector",
    "Reranker",
    "Sampler",
    "Seq2SeqLM",
    "Task",
    "TextClassifier",
    "TextEmbedder",
    "TokenClassifier",
    "Tokenizer",
    "load",
    "presets",
]
