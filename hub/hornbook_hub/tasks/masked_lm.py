"""Models that fill gaps, or find pieces that were put in."""

from typing import Any

import numpy as np

import hornbook as keras
from hornbook import ops
from hornbook_hub.preprocessing import Preprocessor
from hornbook_hub.tasks.task import Task


class MaskedLM(Task):
    """Guess the pieces that are masked: logits (B, T, vocab_size).

    With `mask_positions` (B, P) among the inputs, logits at these places alone, (B, P, vocab_size): in training that
    saves most of the work.

    >>> import hornbook_hub as hub
    >>> model = hub.load("bert_tiny", task="masked_lm")
    >>> len(model.fill_mask("The food was [MASK].", top_k=3))
    3
    """

    task = "masked_lm"

    def __init__(self, backbone: Any, preprocessor: Preprocessor | None = None, **kwargs: Any) -> None:
        super().__init__(backbone, preprocessor, **kwargs)
        self._make_weights()
        self.compile(
            keras.optimizers.AdamW(5e-5),
            keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            weighted_metrics=["accuracy"],
        )

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        outputs = {**inputs, **self.backbone(inputs)}
        if "mask_positions" in inputs:  # (B, P) -> logits at these places alone: (B, P, vocab_size)
            places = ops.cast(inputs["mask_positions"], "int32")
            hidden = ops.take_along_axis(outputs["last_hidden_state"], ops.expand_dims(places, -1), axis=1)
            outputs = {**outputs, "last_hidden_state": hidden}
        return self.head(outputs)

    def fill_mask(self, text: str, top_k: int = 5) -> list[tuple[str, float]]:
        """The likeliest pieces for the first gap of a text, with their probabilities.

        Raises:
            ValueError: for a text without the mask token.
        """
        assert self.tokenizer is not None
        arrays = self.tokenizer(text)
        places = np.flatnonzero(arrays["input_ids"][0] == self.tokenizer.mask_token_id)
        if not len(places):
            raise ValueError(f"The text needs a gap, written {self.tokenizer.mask_token}; got {text!r}.")
        logits = self.predict(arrays, verbose=0)[0, places[0]].astype("float64")
        probabilities = np.exp(logits - logits.max())
        probabilities /= probabilities.sum()
        best = np.argsort(-probabilities)[:top_k]
        return [(self.tokenizer.id_to_token(i) or "", float(probabilities[i])) for i in best]


class ReplacedTokenDetector(Task):
    """Which pieces of a text were put there by something else than its author: logits (B, T), positive for these.

    >>> import numpy as np
    >>> import hornbook_hub as hub
    >>> from hornbook_hub.models.electra import ElectraBackbone, ElectraConfig
    >>> sizes = {"embedding_size": 8, "hidden_size": 8, "num_attention_heads": 2, "intermediate_size": 16}
    >>> backbone = ElectraBackbone(ElectraConfig(vocab_size=10, num_hidden_layers=1, **sizes))
    >>> ids = np.array([[1, 2, 3]])
    >>> hub.ReplacedTokenDetector(backbone)({"input_ids": ids, "attention_mask": ids * 0 + 1}).shape
    TensorShape([1, 3])
    """

    task = "replaced_token_detector"

    def __init__(self, backbone: Any, preprocessor: Preprocessor | None = None, **kwargs: Any) -> None:
        super().__init__(backbone, preprocessor, **kwargs)
        self._make_weights()
        self.compile(keras.optimizers.AdamW(5e-5), keras.losses.BinaryCrossentropy(from_logits=True))
