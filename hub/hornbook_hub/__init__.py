"""The hub: pretrained models with their tokenizers, in Hugging Face's layout.

>>> import hornbook_hub as hub
>>> model = hub.load("bert_tiny")
>>> type(model).__name__
'MaskedLM'
"""

# ruff: noqa: F403, F405 - the names are those of `public`
import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hornbook_hub.public import *

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


def load_classes() -> None:
    """Load the models of all families, so that every class of this package is known by its name.

    It is done when a `.keras` file holds a class of this package; `hub.load` reads the code of one family.

    >>> import sys
    >>> import hornbook_hub
    >>> hornbook_hub.load_classes()
    >>> "hornbook_hub.models.whisper" in sys.modules
    True
    """
    _load_public()
    list(importlib.import_module("hornbook_hub.families").FAMILIES.values())


def _load_public() -> None:
    """Put the public names here, and load TensorFlow with them; `hornbook presets`, which is in this package, does without."""
    public = importlib.import_module("hornbook_hub.public")
    globals().update({name: getattr(public, name) for name in __all__})


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'hornbook_hub' has no attribute {name!r}")
    _load_public()
    return globals()[name]


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
