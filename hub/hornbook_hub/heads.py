"""Heads that many families share: one Dense layer on what a backbone gives."""

from typing import Any

import hornbook as keras
from hornbook import layers, ops
from hornbook_hub.weights import transposed


class DenseHead(layers.Layer):
    """logits = W dropout(h) + b, where h is one output of the backbone.

    Args:
        backbone: the model without a head.
        classes: how many numbers it gives.
        name_of_layer: the name of the Dense layer, which is its name in checkpoints too.
        source: which output of the backbone: "last_hidden_state" (B, T, M) or "pooler_output" (B, M).
        use_bias: whether there is a b.
    """

    name_of_layer, source, use_bias = "classifier", "last_hidden_state", True

    def __init__(self, backbone: Any, classes: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.dropout = layers.Dropout(backbone.classifier_dropout)
        initializer = keras.initializers.TruncatedNormal(stddev=0.02)
        dense = layers.Dense(classes, use_bias=self.use_bias, kernel_initializer=initializer, name=self.name_of_layer)
        setattr(self, self.name_of_layer, dense)

    def call(self, outputs: dict[str, Any]) -> Any:
        return getattr(self, self.name_of_layer)(self.dropout(outputs[self.source]))

    @classmethod
    def weights_table(cls) -> dict[str, Any]:
        """Its rows of a family's HEADS."""
        name = cls.name_of_layer
        return {f"{name}.weight": (f"head.{name}.kernel", transposed), f"{name}.bias": f"head.{name}.bias"}


class PooledHead(DenseHead):
    """Classes of a whole text, from the pooled output: (B, classes)."""

    source = "pooler_output"


class ScoreHead(PooledHead):
    """Classes of a whole text, from a decoder's output for its last piece: (B, classes)."""

    name_of_layer, use_bias = "score", False


class TokenHead(DenseHead):
    """Classes of each piece of a text: (B, T, classes)."""


class SpanHead(DenseHead):
    """For each piece, how likely an answer begins and ends there: (B, T, 2)."""

    name_of_layer = "qa_outputs"


class CausalHead(layers.Layer):
    """What comes next: logits = E h with the table of the pieces, or W h with weights of its own: (B, T, vocab_size)."""

    def __init__(self, backbone: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        config = backbone.config
        self.tied = config.tie_word_embeddings
        if self.tied:
            self.table = backbone.token_embedding
        else:
            initializer = keras.initializers.RandomNormal(stddev=config.initializer_range)
            self.projection = layers.Dense(
                config.vocab_size, use_bias=False, kernel_initializer=initializer, name="projection"
            )
        self.softcap = getattr(config, "final_logit_softcapping", None)

    def call(self, outputs: dict[str, Any]) -> Any:
        x = outputs["last_hidden_state"]
        logits = ops.matmul(x, ops.transpose(self.table.embeddings)) if self.tied else self.projection(x)
        return logits if self.softcap is None else ops.tanh(logits / self.softcap) * self.softcap

    @staticmethod
    def weights_table(config: Any) -> dict[str, Any]:
        """Its rows of a family's HEADS; the table of the pieces stands in the file once."""
        return {"lm_head.weight": None if config.tie_word_embeddings else ("head.projection.kernel", transposed)}
