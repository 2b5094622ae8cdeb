"""Accuracies: how often a prediction is right."""

from typing import Any

from hornbook import backend, ops
from hornbook.losses.base import match_rank
from hornbook.metrics.reduction import MeanMetricWrapper


# ------------------------------------------------------------------------------------------------ equal or not
def accuracy(y_true: Any, y_pred: Any) -> Any:
    """1 where y_true equals y_pred, else 0.

    Args:
        y_true: targets, (batch, ...).
        y_pred: predictions, of the same shape.

    Returns:
        Values of that shape.

    >>> from hornbook.metrics.accuracy import accuracy
    >>> accuracy([1, 2, 3], [1, 2, 4]).numpy().tolist()
    [1.0, 1.0, 0.0]
    """
    y_pred = ops.convert_to_tensor(y_pred)
    y_true, y_pred = match_rank(ops.convert_to_tensor(y_true, dtype=y_pred.dtype), y_pred)
    return ops.cast(ops.equal(y_true, y_pred), backend.floatx())


class Accuracy(MeanMetricWrapper):
    """How often y_true equals y_pred.

    Args:
        name: name of the metric.
        dtype: see `Metric`.

    >>> from hornbook import metrics
    >>> float(metrics.Accuracy()([[1], [2], [3], [4]], [[0], [2], [3], [4]]))
    0.75
    """

    _direction = "up"

    def __init__(self, name: str | None = "accuracy", dtype: Any = None) -> None:
        super().__init__(accuracy, name, dtype)


def binary_accuracy(y_true: Any, y_pred: Any, threshold: float = 0.5) -> Any:
    """1 where y_pred > threshold agrees with y_true, else 0.

    Args:
        y_true: labels 0 or 1, (batch, ...).
        y_pred: probabilities, of the same shape.
        threshold: above it the prediction is 1.

    Returns:
        Values of that shape.

    >>> from hornbook import metrics
    >>> metrics.binary_accuracy([1, 1, 0], [0.9, 0.4, 0.1]).numpy().tolist()
    [1.0, 0.0, 1.0]
    """
    y_pred = ops.convert_to_tensor(y_pred)
    y_true, y_pred = match_rank(ops.convert_to_tensor(y_true), y_pred)
    predicted = ops.cast(y_pred > ops.cast(threshold, y_pred.dtype), y_true.dtype)
    return ops.cast(ops.equal(y_true, predicted), backend.floatx())


class BinaryAccuracy(MeanMetricWrapper):
    """How often y_pred > threshold agrees with the label 0 or 1.

    Args:
        name: name of the metric.
        dtype: see `Metric`.
        threshold: above it the prediction is 1; between 0 and 1.

    Raises:
        ValueError: for another threshold.

    >>> from hornbook import metrics
    >>> float(metrics.BinaryAccuracy()([[1], [1], [0], [0]], [[0.98], [1], [0], [0.6]]))
    0.75
    """

    _direction = "up"

    def __init__(self, name: str | None = "binary_accuracy", dtype: Any = None, threshold: float = 0.5) -> None:
        if threshold is not None and not 0 < threshold < 1:
            raise ValueError(f"threshold must be between 0 and 1, got {threshold}.")
        super().__init__(binary_accuracy, name, dtype, threshold=threshold)


# ------------------------------------------------------------------------------------------------ the likeliest class
def categorical_accuracy(y_true: Any, y_pred: Any) -> Any:
    """1 where the largest number of y_pred is at the class of the one-hot label, else 0.

    Args:
        y_true: one-hot labels, (batch, ..., classes).
        y_pred: probabilities or logits, of the same shape.

    Returns:
        Values of shape (batch, ...).

    >>> from hornbook import metrics
    >>> metrics.categorical_accuracy([[0, 1], [1, 0]], [[0.2, 0.8], [0.4, 0.6]]).numpy().tolist()
    [1.0, 0.0]
    """
    hits = ops.equal(ops.argmax(y_true, axis=-1), ops.argmax(y_pred, axis=-1))
    return ops.cast(hits, backend.floatx())


class CategoricalAccuracy(MeanMetricWrapper):
    """How often the likeliest class is that of the one-hot label.

    Args:
        name: name of the metric.
        dtype: see `Metric`.

    >>> from hornbook import metrics
    >>> float(metrics.CategoricalAccuracy()([[0, 1], [1, 0]], [[0.2, 0.8], [0.4, 0.6]]))
    0.5
    """

    _direction = "up"

    def __init__(self, name: str | None = "categorical_accuracy", dtype: Any = None) -> None:
        super().__init__(categorical_accuracy, name, dtype)


def sparse_categorical_accuracy(y_true: Any, y_pred: Any) -> Any:
    """1 where the largest number of y_pred is at class y_true, else 0.

    Args:
        y_true: class numbers, (batch, ...); a last axis of size 1 may follow.
        y_pred: probabilities or logits, (batch, ..., classes).

    Returns:
        Values of shape (batch, ...).

    >>> from hornbook import metrics
    >>> metrics.sparse_categorical_accuracy([1, 0], [[0.2, 0.8], [0.4, 0.6]]).numpy().tolist()
    [1.0, 0.0]
    """
    y_pred, y_true = ops.convert_to_tensor(y_pred), ops.convert_to_tensor(y_true)
    if len(y_true.shape) == len(y_pred.shape) and y_true.shape[-1] == 1:
        y_true = ops.squeeze(y_true, -1)
    predicted = ops.cast(ops.argmax(y_pred, axis=-1), y_true.dtype)
    return ops.cast(ops.equal(y_true, predicted), backend.floatx())


class SparseCategoricalAccuracy(MeanMetricWrapper):
    """How often the likeliest class is the label, a class number.

    Args:
        name: name of the metric.
        dtype: see `Metric`.

    >>> from hornbook import metrics
    >>> float(metrics.SparseCategoricalAccuracy()([1, 0], [[0.2, 0.8], [0.4, 0.6]]))
    0.5
    """

    _direction = "up"

    def __init__(self, name: str | None = "sparse_categorical_accuracy", dtype: Any = None) -> None:
        super().__init__(sparse_categorical_accuracy, name, dtype)


# ------------------------------------------------------------------------------------------------ the k likeliest
def top_k_categorical_accuracy(y_true: Any, y_pred: Any, k: int = 5) -> Any:
    """1 where the class of the one-hot label is among the k largest numbers of y_pred, else 0.

    Args:
        y_true: one-hot labels, (batch, ..., classes).
        y_pred: probabilities or logits, of the same shape.
        k: how many guesses count.

    Returns:
        Values of shape (batch, ...).

    >>> from hornbook import metrics
    >>> metrics.top_k_categorical_accuracy([[0, 0, 1]], [[0.1, 0.7, 0.2]], k=2).numpy().tolist()
    [1.0]
    """
    return sparse_top_k_categorical_accuracy(ops.argmax(y_true, axis=-1), y_pred, k=k)


class TopKCategoricalAccuracy(MeanMetricWrapper):
    """How often the class of the one-hot label is among the k likeliest.

    Args:
        k: how many guesses count.
        name: name of the metric.
        dtype: see `Metric`.

    >>> from hornbook import metrics
    >>> float(metrics.TopKCategoricalAccuracy(k=2)([[0, 0, 1]], [[0.1, 0.7, 0.2]]))
    1.0
    """

    _direction = "up"

    def __init__(self, k: int = 5, name: str | None = "top_k_categorical_accuracy", dtype: Any = None) -> None:
        super().__init__(top_k_categorical_accuracy, name, dtype, k=k)


def sparse_top_k_categorical_accuracy(y_true: Any, y_pred: Any, k: int = 5, from_sorted_ids: bool = False) -> Any:
    """1 where class y_true is among the k largest numbers of y_pred, else 0.

    Args:
        y_true: class numbers, (batch, ...).
        y_pred: probabilities or logits, (batch, ..., classes); with `from_sorted_ids` class numbers, best first.
        k: how many guesses count.
        from_sorted_ids: whether y_pred holds class numbers.

    Returns:
        Values of shape (batch, ...).

    >>> from hornbook import metrics
    >>> metrics.sparse_top_k_categorical_accuracy([2, 0], [[0.1, 0.7, 0.2], [0.1, 0.7, 0.2]], k=2).numpy().tolist()
    [1.0, 0.0]
    """
    y_pred, y_true = ops.convert_to_tensor(y_pred), ops.convert_to_tensor(y_true)
    if len(y_true.shape) == len(y_pred.shape) and y_true.shape[-1] == 1:
        y_true = ops.squeeze(y_true, -1)
    if from_sorted_ids:
        guesses = y_pred[..., :k]
        hits = ops.any(ops.equal(ops.expand_dims(ops.cast(y_true, guesses.dtype), -1), guesses), axis=-1)
    else:
        shape = ops.shape(y_true)
        rows = ops.reshape(y_pred, (-1, y_pred.shape[-1]))  # in_top_k takes (batch, classes)
        hits = ops.reshape(ops.in_top_k(ops.reshape(ops.cast(y_true, "int32"), (-1,)), rows, k=k), shape)
    return ops.cast(hits, backend.floatx())


class SparseTopKCategoricalAccuracy(MeanMetricWrapper):
    """How often the label, a class number, is among the k likeliest.

    Args:
        k: how many guesses count.
        name: name of the metric.
        dtype: see `Metric`.
        from_sorted_ids: whether y_pred holds class numbers, best first, instead of scores.

    >>> from hornbook import metrics
    >>> float(metrics.SparseTopKCategoricalAccuracy(k=2)([2, 0], [[0.1, 0.7, 0.2], [0.1, 0.7, 0.2]]))
    0.5
    """

    _direction = "up"
    _unwritten_defaults = {"from_sorted_ids": False}

    def __init__(
        self,
        k: int = 5,
        name: str | None = "sparse_top_k_categorical_accuracy",
        dtype: Any = None,
        from_sorted_ids: bool = False,
    ) -> None:
        super().__init__(sparse_top_k_categorical_accuracy, name, dtype, k=k, from_sorted_ids=from_sorted_ids)
