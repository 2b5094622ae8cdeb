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
        self.dropout = layers.Dropout(self.rate(backbone))
        setattr(self, self.name_of_layer, classifier(classes, self.name_of_layer, self.use_bias))

    def rate(self, backbone: Any) -> float:
        """How much is dropped in training."""
        return backbone.classifier_dropout

    def call(self, outputs: dict[str, Any]) -> Any:
        return getattr(self, self.name_of_layer)(self.dropout(outputs[self.source]))

    @classmethod
    def weights_table(cls) -> dict[str, Any]:
        """Its rows of a family's HEADS."""
        name = cls.name_of_layer
        return {f"{name}.weight": (f"head.{name}.kernel", transposed), f"{name}.bias": f"head.{name}.bias"}


def classifier(classes: int, name: str, use_bias: bool = True) -> layers.Dense:
    """A last projection, whose weights start small."""
    initializer = keras.initializers.TruncatedNormal(stddev=0.02)
    return layers.Dense(classes, use_bias=use_bias, kernel_initializer=initializer, name=name)


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

    def rate(self, backbone: Any) -> float:
        return 0.0


class FirstPieceHead(layers.Layer):
    """logits = W2 dropout(act(W1 dropout(h0))), where h0 belongs to the first piece: (B, T, M) -> (B, classes)."""

    activation: Any = "tanh"

    def __init__(self, backbone: Any, classes: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.dropout = layers.Dropout(backbone.classifier_dropout)
        self.dense = classifier(backbone.config.hidden_size, "dense")
        self.out_proj = classifier(classes, "out_proj")
        self.act = keras.activations.get(self.activation)

    def call(self, outputs: dict[str, Any]) -> Any:
        first = self.dropout(outputs["last_hidden_state"][:, 0])
        return self.out_proj(self.dropout(self.act(self.dense(first))))

    @staticmethod
    def weights_table() -> dict[str, Any]:
        """Its rows of a family's HEADS."""
        return {
            "classifier.dense.weight": ("head.dense.kernel", transposed),
            "classifier.dense.bias": "head.dense.bias",
            "classifier.out_proj.weight": ("head.out_proj.kernel", transposed),
            "classifier.out_proj.bias": "head.out_proj.bias",
        }


def pool(outputs: dict[str, Any], how: str) -> Any:
    """One vector for a text: that of its first piece, or the mean or the largest of all, padding aside.

    Args:
        outputs: "last_hidden_state" (B, T, M), "attention_mask" (B, T; ones if missing).
        how: "cls", "mean" or "max".

    Returns:
        (B, M).
    """
    hidden, mask = outputs["last_hidden_state"], outputs.get("attention_mask")
    if how == "cls":
        return hidden[:, 0]
    there = ops.ones_like(hidden[..., :1]) if mask is None else ops.cast(mask, hidden.dtype)[..., None]
    if how == "max":
        return ops.max(ops.where(there > 0, hidden, -1e9 if hidden.dtype != "float16" else -6e4), axis=1)
    return ops.sum(hidden * there, axis=1) / ops.maximum(ops.sum(there, axis=1), 1e-9)


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
        logits = self.table.products_with_rows(x) if self.tied else self.projection(x)
        return logits if self.softcap is None else ops.tanh(logits / self.softcap) * self.softcap

    @staticmethod
    def weights_table(config: Any) -> dict[str, Any]:
        """Its rows of a family's HEADS; the table of the pieces stands in the file once."""
        return {"lm_head.weight": None if config.tie_word_embeddings else ("head.projection.kernel", transposed)}
