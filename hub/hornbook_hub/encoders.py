"""The parts that encoders of text share: how inputs are read, positions counted, padding hidden."""

from typing import Any

import hornbook as keras
from hornbook import ops
from hornbook.core.operation import infer
from hornbook.core.repeats import Repeats
from hornbook_hub.backbone import Backbone


class EncoderBackbone(Backbone):
    """Base of the encoders of text.

    A family's class makes its parts and calls `make_weights`; its `call` is the formula.

    Args:
        config: the sizes.
    """

    input_names = ("input_ids", "attention_mask")
    pooler: Any = None  # a layer, in families whose files hold one

    def make_weights(self) -> None:
        """Make the weights, once the parts are there."""
        with Repeats():
            self.output_specs = infer(self, ({"input_ids": keras.KerasTensor((None, None), "int32")},))
        self.built = True

    def read(self, inputs: dict[str, Any]) -> tuple[Any, Any, Any]:
        """The ids (B, T), which of them are no padding (B, T), and what of two texts each belongs to (B, T).

        Raises:
            ValueError: for ids of another rank, and for texts longer than the model can read.
        """
        input_ids = ops.cast(inputs["input_ids"], "int32")
        if len(input_ids.shape) != 2:
            raise ValueError(f"input_ids must be (batch, time), got shape {tuple(input_ids.shape)}.")
        time, longest = input_ids.shape[1], self.config.max_length
        if time is not None and time > longest:
            raise ValueError(
                f"The texts have {time} pieces, but this model has positions for {longest}; truncate them."
            )
        mask, types = inputs.get("attention_mask"), inputs.get("token_type_ids")
        seen = ops.ones_like(input_ids, dtype="bool") if mask is None else ops.cast(mask, "bool")
        types = ops.zeros_like(input_ids) if types is None else ops.cast(types, "int32")
        return input_ids, seen, types

    def bias_of(self, seen: Any) -> Any:
        """What is added to scores: 0 where a piece may be looked at, a large negative number elsewhere.

        (B, S) for all that look -> (B, 1, 1, S); (B, T, S) for each -> (B, 1, T, S).
        """
        lowest = -1e9 if self.compute_dtype != "float16" else -6e4
        seen = ops.expand_dims(seen, (1, 2) if len(seen.shape) == 2 else 1)
        return (1.0 - ops.cast(seen, self.compute_dtype)) * lowest

    @property
    def token_embedding(self) -> Any:
        """The table of the pieces' vectors, which a language-model head shares."""
        return self.embeddings.word_embeddings

    @property
    def classifier_dropout(self) -> float:
        """The dropout before a classifier."""
        given = getattr(self.config, "classifier_dropout", None)
        return self.config.hidden_dropout_prob if given is None else given


def positions_of(input_ids: Any, pad_token_id: int) -> Any:
    """Positions that count the pieces and skip the padding, as fairseq does: (B, T) -> (B, T).

    The first piece has position pad_token_id + 1, padding has pad_token_id.
    """
    there = ops.cast(ops.not_equal(input_ids, pad_token_id), "int32")
    return ops.cumsum(there, axis=1) * there + pad_token_id
