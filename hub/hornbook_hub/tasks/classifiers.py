"""Models that choose among classes: for a whole text, or for each piece."""

from typing import Any

import numpy as np

import hornbook as keras
from hornbook_hub.preprocessing import Preprocessor
from hornbook_hub.tasks.task import Task


class Classifier(Task):
    """Base of the tasks that choose among classes.

    Args:
        backbone: the model without a head.
        preprocessor: what turns strings into its inputs.
        num_classes: how many classes.
    """

    def __init__(
        self, backbone: Any, preprocessor: Preprocessor | None = None, num_classes: int = 2, **kwargs: Any
    ) -> None:
        if not isinstance(num_classes, int) or num_classes < 1:
            raise ValueError(f"num_classes must be a positive integer, got {num_classes!r}.")
        super().__init__(backbone, preprocessor, (num_classes,), **kwargs)
        self.num_classes = num_classes
        backbone.config.set_classes(num_classes)
        self._make_weights()
        self.compile(
            keras.optimizers.AdamW(5e-5),
            keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            weighted_metrics=["accuracy"],
        )

    @property
    def labels(self) -> list[str]:
        """The names of the classes."""
        return [self.config.id2label[key] for key in sorted(self.config.id2label, key=int)]


class TextClassifier(Classifier):
    """Which class a text belongs to: logits (B, num_classes).

    >>> import hornbook_hub as hub
    >>> model = hub.load("bert_tiny", task="text_classifier", num_classes=3)
    >>> model.predict(["One.", "Two."], verbose=0).shape
    (2, 3)
    """

    task = "text_classifier"


class TokenClassifier(Classifier):
    """Which class each piece of a text belongs to, such as the names in it: logits (B, T, num_classes).

    >>> import hornbook_hub as hub
    >>> model = hub.load("bert_tiny", task="token_classifier", num_classes=5)
    >>> model.predict(["a good film"], verbose=0).shape
    (1, 5, 5)
    """

    task = "token_classifier"

    def find(self, text: str) -> list[dict[str, Any]]:
        """The parts of a text that are not of class 0 ("O"), each a run of pieces of one class.

        Labels that begin with "B-" and "I-" are told apart as usual: "B-" begins a new part.

        Returns:
            [{"label", "text", "start", "end", "score"}]: places in characters, the mean probability of the label.
        """
        assert self.tokenizer is not None
        encoding = self.tokenizer.encode(text)
        arrays = self.tokenizer([text])
        logits = self.predict(arrays, verbose=0)[0].astype("float64")
        probabilities = np.exp(logits - logits.max(-1, keepdims=True))
        probabilities /= probabilities.sum(-1, keepdims=True)
        found: list[dict[str, Any]] = []
        for offsets, special, row in zip(encoding.offsets, encoding.special_tokens_mask, probabilities, strict=False):
            name = self.labels[int(row.argmax())]
            kind = name.removeprefix("B-").removeprefix("I-")
            if special or name == self.labels[0]:
                found.append({})
            elif found and found[-1].get("label") == kind and not name.startswith("B-"):
                found[-1]["end"] = offsets[1]
                found[-1]["scores"].append(row.max())
            else:
                found.append({"label": kind, "start": offsets[0], "end": offsets[1], "scores": [row.max()]})
        return [
            {
                "label": part["label"],
                "text": text[part["start"] : part["end"]],
                "start": part["start"],
                "end": part["end"],
                "score": float(np.mean(part["scores"])),
            }
            for part in found
            if part
        ]
