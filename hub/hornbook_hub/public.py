"""The public names of `hornbook_hub`, and with them all that they stand on."""

# ruff: noqa: F401 - they are imported from here
from hornbook_hub.backbone import Backbone
from hornbook_hub.files import download, presets
from hornbook_hub.image_text import ImageTextPreprocessor
from hornbook_hub.images import ImagePreprocessor
from hornbook_hub.loading import load
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
