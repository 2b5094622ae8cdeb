"""The hub: pretrained models with their tokenizers, in Hugging Face's layout.

>>> import hornbook_hub as hub
>>> model = hub.load("bert_tiny")
>>> type(model).__name__
'MaskedLM'
"""

from hornbook_hub.image_text import ImageTextPreprocessor
from hornbook_hub.images import ImagePreprocessor
from hornbook_hub.loading import load, presets
from hornbook_hub.models.bert import BertBackbone, BertConfig
from hornbook_hub.sampling import Sampler
from hornbook_hub.tasks import (
    CausalLM,
    DistilledImageClassifier,
    ImageClassifier,
    ImageEmbedder,
    MaskedLM,
    QuestionAnswering,
    ReplacedTokenDetector,
    Reranker,
    Task,
    TextClassifier,
    TextEmbedder,
    TokenClassifier,
    ZeroShotImageClassifier,
)
from hornbook_hub.tokenizers import Tokenizer

__all__ = [
    "BertBackbone",
    "BertConfig",
    "CausalLM",
    "DistilledImageClassifier",
    "ImageClassifier",
    "ImageEmbedder",
    "ImagePreprocessor",
    "ImageTextPreprocessor",
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
    "ZeroShotImageClassifier",
    "load",
    "presets",
]
