"""F-scores: precision and recall of each class in one number."""

from typing import Any

from hornbook import backend, ops
from hornbook.metrics.base import Metric


class FBetaScore(Metric):
    """(1 + beta^2) precision * recall / (beta^2 precision + recall): recall counts beta times as much as precision.

    Args:
        average: what becomes of several classes: None (a score each), "micro" (all counts in one), "macro" (the mean)
            or "weighted" (the mean weighted by how often each class occurs).
        beta: a positive float.
        threshold: above it a prediction is 1; if None, the largest number of each row is.
        name: name of the metric.
        dtype: see `Metric`.

    Raises:
        ValueError: for an unknown average, a beta or threshold that is no float or out of range.

    >>> from hornbook import metrics
    >>> metric = metrics.FBetaScore(beta=2.0, threshold=0.5)
    >>> metric([[1, 1], [1, 0], [0, 1]], [[0.6, 0.2], [0.9, 0.1], [0.7, 0.8]]).numpy().round(4)
    array([0.9091, 0.5556], dtype=float32)
    """

    _direction = "up"

    def __init__(
        self,
        average: str | None = None,
        beta: float = 1.0,
        threshold: float | None = None,
        name: str | None = "fbeta_score",
        dtype: Any = None,
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        if average not in (None, "micro", "macro", "weighted"):
            raise ValueError(f"average must be None, 'micro', 'macro' or 'weighted', got {average!r}.")
        if not isinstance(beta, float) or beta <= 0:
            raise ValueError(f"beta must be a positive float, got {beta!r}.")
        if threshold is not None and (not isinstance(threshold, float) or not 0 < threshold <= 1):
            raise ValueError(f"threshold must be None or a float, 0 < threshold <= 1, got {threshold!r}.")
        self.average, self.beta, self.threshold = average, beta, threshold
        self.axis = None if average == "micro" else 0
        self._built = False

    def _build(self, y_true: Any, y_pred: Any) -> None:
        if len(y_pred.shape) != 2 or len(y_true.shape) != 2 or y_pred.shape[-1] is None:
            raise ValueError(
                f"{type(self).__name__} takes y_true and y_pred of shape (batch, classes), the number of classes "
                f"known; got {tuple(y_true.shape)} and {tuple(y_pred.shape)}."
            )
        state = () if self.average == "micro" else (y_pred.shape[-1],)
        self.true_positives = self.add_variable(state, "zeros", name="true_positives")
        self.false_positives = self.add_variable(state, "zeros", name="false_positives")
        self.false_negatives = self.add_variable(state, "zeros", name="false_negatives")
        self.intermediate_weights = self.add_variable(state, "zeros", name="intermediate_weights")
        self._built = True

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add a batch.

        Args:
            y_true: labels 0 or 1, (batch, classes).
            y_pred: predictions, (batch, classes).
            sample_weight: (batch,) or (batch, 1).
        """
        y_true = ops.convert_to_tensor(y_true, dtype=self.dtype)
        y_pred = ops.convert_to_tensor(y_pred, dtype=self.dtype)
        if not self._built:
            self._build(y_true, y_pred)
        if self.threshold is None:
            largest = ops.max(y_pred, axis=-1, keepdims=True)
            claimed = ops.logical_and(y_pred >= largest, ops.absolute(y_pred) > 1e-9)  # a row of zeros claims nothing
        else:
            claimed = y_pred > self.threshold
        claimed = ops.cast(claimed, self.dtype)
        weights = 1.0
        if sample_weight is not None:
            weights = ops.convert_to_tensor(sample_weight, dtype=self.dtype)
            weights = ops.expand_dims(weights, -1) if len(weights.shape) == 1 else weights
        self.true_positives.assign_add(ops.sum(claimed * y_true * weights, axis=self.axis))
        self.false_positives.assign_add(ops.sum(claimed * (1 - y_true) * weights, axis=self.axis))
        self.false_negatives.assign_add(ops.sum((1 - claimed) * y_true * weights, axis=self.axis))
        self.intermediate_weights.assign_add(ops.sum(y_true * weights, axis=self.axis))

    def result(self) -> Any:
        """The score: a scalar, or (classes,) with `average=None`."""
        if not self._built:
            return ops.zeros((), dtype=self.dtype)
        tp = ops.convert_to_tensor(self.true_positives)
        precision = tp / (tp + self.false_positives + backend.epsilon())
        recall = tp / (tp + self.false_negatives + backend.epsilon())
        square = self.beta**2
        score = (1 + square) * precision * recall / (square * precision + recall + backend.epsilon())
        if self.average == "weighted":
            share = self.intermediate_weights / (ops.sum(self.intermediate_weights) + backend.epsilon())
            return ops.sum(score * share)
        return score if self.average is None else ops.mean(score)


class F1Score(FBetaScore):
    """2 precision * recall / (precision + recall), the harmonic mean of the two.

    Args:
        average: what becomes of several classes: None, "micro", "macro" or "weighted" (see `FBetaScore`).
        threshold: above it a prediction is 1; if None, the largest number of each row is.
        name: name of the metric.
        dtype: see `Metric`.

    >>> from hornbook import metrics
    >>> metric = metrics.F1Score(threshold=0.5)
    >>> metric([[1, 1], [1, 0], [0, 1]], [[0.6, 0.2], [0.9, 0.1], [0.7, 0.8]]).numpy().round(4)
    array([0.8   , 0.6667], dtype=float32)
    """

    def __init__(
        self,
        average: str | None = None,
        threshold: float | None = None,
        name: str | None = "f1_score",
        dtype: Any = None,
    ) -> None:
        super().__init__(average=average, beta=1.0, threshold=threshold, name=name, dtype=dtype)
