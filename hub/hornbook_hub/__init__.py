"""The hub: pretrained models with their tokenizers, in Hugging Face's layout.

>>> import hornbook_hub as hub
>>> model = hub.load("bert_tiny")
>>> type(model).__name__
'MaskedLM'
"""

from hornbook_hub.backbone import Backbone
from hornbook_hub.image_text import ImageTextPreprocessor
from hornbook_hub.images import ImagePreprocessor
from hornbook_hub.loading import download, load, presets
from hornbook_hub.models.bert import BertBackbone, BertConfig
from hornbook_hub.sampling import Beams, Contrastive, Sampler
from hornbook_hub.tasks import (
    AudioToText,
    CausalLM,
    DistilledImageClassifier,
    ImageClassifier,
    ImageEmbedder,
    ImageSegmenter,
    MaskedLM,
    QuestionAnswering,
    ReplacedTokenDetector,
    Reranker,
    Seq2SeqLM,
    Task,
    TextClassifier,
    TextEmbedder,
    TokenClassifier,
    ZeroShotImageClassifier,
)
from hornbook_hub.tokenizers import Tokenizer
from hornbook_hub.uploading import upload

__all__ = [
    "AudioToText",
    "Backbone",
    "Beams",
    "BertBackbone",
    "BertConfig",
    "CausalLM",
    "Contrastive",
    "DistilledImageClassifier",
    "ImageClassifier",
    "ImageEmbedder",
    "ImagePreprocessor",
    "ImageSegmenter",
    "ImageTextPreprocessor",
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
    "ZeroShotImageClassifier",
    "download",
    "load",
    "presets",
    "upload",
]
