"""Tasks: a backbone, a head and a preprocessor as one model that takes raw strings (or images, or sounds).

A task knows of its backbone only what the backbone declares (its outputs, its table of pieces, its head for guessing
them), so each task is written once for all families.
"""

from hornbook_hub.tasks.audio_to_text import AudioToText
from hornbook_hub.tasks.causal_lm import CausalLM
from hornbook_hub.tasks.classifiers import Classifier, TextClassifier, TokenClassifier
from hornbook_hub.tasks.images import DistilledImageClassifier, ImageClassifier, ImageEmbedder
from hornbook_hub.tasks.masked_lm import MaskedLM, ReplacedTokenDetector
from hornbook_hub.tasks.question_answering import QuestionAnswering
from hornbook_hub.tasks.retrieval import POOLINGS, InBatchNegatives, Reranker, TextEmbedder
from hornbook_hub.tasks.segmentation import ImageSegmenter
from hornbook_hub.tasks.seq2seq_lm import Seq2SeqLM
from hornbook_hub.tasks.task import Task
from hornbook_hub.tasks.zero_shot import SigmoidContrast, SoftmaxContrast, ZeroShotImageClassifier

TASKS = {
    cls.task: cls
    for cls in (
        CausalLM,
        Seq2SeqLM,
        AudioToText,
        MaskedLM,
        ReplacedTokenDetector,
        TextClassifier,
        TokenClassifier,
        QuestionAnswering,
        Reranker,
        TextEmbedder,
        ImageClassifier,
        DistilledImageClassifier,
        ImageEmbedder,
        ImageSegmenter,
        ZeroShotImageClassifier,
    )
}
