"""Models that find the answer to a question in a text."""

from collections.abc import Sequence
from typing import Any

import numpy as np

import hornbook as keras
from hornbook import ops
from hornbook.saving import register_keras_serializable
from hornbook_hub.preprocessing import Preprocessor
from hornbook_hub.tasks.task import Task


class QuestionAnswering(Task):
    """Where in a text the answer to a question stands: logits (B, T, 2) of its beginning and its end.

    >>> import hornbook_hub as hub
    >>> model = hub.load("bert_tiny", task="question_answering")
    >>> answer = model.answer("What is good?", "The film is good.")
    >>> answer["text"] in "The film is good."
    True
    """

    task = "question_answering"

    def __init__(self, backbone: Any, preprocessor: Preprocessor | None = None, **kwargs: Any) -> None:
        super().__init__(backbone, preprocessor, (2,), **kwargs)
        self._make_weights()
        self.compile(keras.optimizers.AdamW(3e-5), SpanLoss(), metrics=[])

    def places(self, questions: Sequence[str], texts: Sequence[str], answers: Any) -> np.ndarray:
        """The targets of training: in which pieces of question and text each answer begins and ends, int64 (N, 2).

        Args:
            questions, texts: N of each.
            answers: (N, 2), where the answers begin and end in the texts, in characters.

        Returns:
            (0, 0), which stands for no answer, where the text was cut off before its end.
        """
        assert self.tokenizer is not None
        found = np.zeros((len(questions), 2), "int64")
        for row, (question, text, (start, end)) in enumerate(zip(questions, texts, answers, strict=True)):
            encoding = self.tokenizer.encode(str(question), str(text))
            inside = [
                number
                for number, (part, (first, last)) in enumerate(
                    zip(encoding.sequence_ids, encoding.offsets, strict=True)
                )
                if part == 1 and first < end and last > start
            ]
            if inside and encoding.offsets[inside[-1]][1] >= end:
                found[row] = inside[0], inside[-1]
        return found

    def answer(self, question: str, text: str, longest: int = 30) -> dict[str, Any]:
        """The likeliest answer.

        Args:
            question: the question.
            text: the text that holds the answer.
            longest: how many pieces it may have.

        Returns:
            {"text", "start", "end", "score"}: places in characters of `text`, the sum of the two logits.
        """
        assert self.tokenizer is not None
        encoding = self.tokenizer.encode(question, text)
        logits = self.predict(self.tokenizer([question], [text]), verbose=0)[0].astype("float64")
        inside = np.array([number == 1 for number in encoding.sequence_ids])[: len(logits)]
        scores = logits[:, None, 0] + logits[None, :, 1]
        places = np.arange(len(logits))
        length = places[None, :] - places[:, None]
        allowed = inside[:, None] & inside[None, :] & (length >= 0) & (length < longest)
        if not allowed.any():
            raise ValueError("Nothing of the text is left after the question: shorten the question.")
        first, last = np.unravel_index(np.where(allowed, scores, -np.inf).argmax(), scores.shape)
        start, end = encoding.offsets[first][0], encoding.offsets[last][1]
        return {"text": text[start:end], "start": start, "end": end, "score": float(scores[first, last])}


@keras.saving.register_keras_serializable(package="hornbook_hub")
@register_keras_serializable("hornbook_hub")
class SpanLoss(keras.losses.Loss):
    """The mean cross-entropy of where an answer begins and where it ends; targets are (B, 2) places."""

    def call(self, y_true: Any, y_pred: Any) -> Any:
        by_end = ops.transpose(y_pred, (0, 2, 1))  # (B, 2, T)
        return ops.mean(ops.sparse_categorical_crossentropy(y_true, by_end, from_logits=True), axis=-1)
