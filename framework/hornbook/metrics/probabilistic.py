"""Metrics of probabilities and margins: the loss of that name as a mean."""

from typing import Any

from hornbook.losses.classification import (
    binary_crossentropy,
    categorical_crossentropy,
    categorical_hinge,
    hinge,
    sparse_categorical_crossentropy,
    squared_hinge,
)
from hornbook.losses.regression import kl_divergence, poisson
from hornbook.metrics.reduction import MeanMetricWrapper


class BinaryCrossentropy(MeanMetricWrapper):
    """-y log(p) - (1 - y) log(1 - p).

    Args:
        name: name of the metric.
        dtype: see `Metric`.
        from_logits: whether y_pred holds logits instead of probabilities.
        label_smoothing: s: the labels become y (1 - s) + s / 2.

    >>> from hornbook import metrics
    >>> round(float(metrics.BinaryCrossentropy()([[1.0, 0.0]], [[0.8, 0.4]])), 4)
    0.367
    """

    _direction = "down"

    def __init__(
        self,
        name: str | None = "binary_crossentropy",
        dtype: Any = None,
        from_logits: bool = False,
        label_smoothing: float = 0,
    ) -> None:
        super().__init__(binary_crossentropy, name, dtype, from_logits=from_logits, label_smoothing=label_smoothing)


class CategoricalCrossentropy(MeanMetricWrapper):
    """-sum(y log(p)), for one-hot labels.

    Args:
        name: name of the metric.
        dtype: see `Metric`.
        from_logits: whether y_pred holds logits instead of probabilities.
        label_smoothing: s: the labels become y (1 - s) + s / classes.
        axis: the axis of the classes.

    >>> from hornbook import metrics
    >>> round(float(metrics.CategoricalCrossentropy()([[0.0, 1.0]], [[0.1, 0.9]])), 4)
    0.1054
    """

    _direction = "down"

    def __init__(
        self,
        name: str | None = "categorical_crossentropy",
        dtype: Any = None,
        from_logits: bool = False,
        label_smoothing: float = 0,
        axis: int = -1,
    ) -> None:
        how = {"from_logits": from_logits, "label_smoothing": label_smoothing, "axis": axis}
        super().__init__(categorical_crossentropy, name, dtype, **how)


class SparseCategoricalCrossentropy(MeanMetricWrapper):
    """-log(p[y]), for labels that are class numbers.

    Args:
        name: name of the metric.
        dtype: see `Metric`.
        from_logits: whether y_pred holds logits instead of probabilities.
        ignore_class: a label whose positions give 0.
        axis: the axis of the classes.

    >>> from hornbook import metrics
    >>> round(float(metrics.SparseCategoricalCrossentropy()([1], [[0.1, 0.9]])), 4)
    0.1054
    """

    _direction = "down"

    def __init__(
        self,
        name: str | None = "sparse_categorical_crossentropy",
        dtype: Any = None,
        from_logits: bool = False,
        ignore_class: int | None = None,
        axis: int = -1,
    ) -> None:
        how = {"from_logits": from_logits, "ignore_class": ignore_class, "axis": axis}
        super().__init__(sparse_categorical_crossentropy, name, dtype, **how)


class KLDivergence(MeanMetricWrapper):
    """sum(y_true * log(y_true / y_pred)).

    Args:
        name: name of the metric.
        dtype: see `Metric`.

    >>> from hornbook import metrics
    >>> round(float(metrics.KLDivergence()([[0.5, 0.5]], [[0.25, 0.75]])), 4)
    0.1438
    """

    _direction = "down"

    def __init__(self, name: str | None = "kl_divergence", dtype: Any = None) -> None:
        super().__init__(kl_divergence, name, dtype)


class Poisson(MeanMetricWrapper):
    """mean(y_pred - y_true * log(y_pred)).

    Args:
        name: name of the metric.
        dtype: see `Metric`.

    >>> from hornbook import metrics
    >>> round(float(metrics.Poisson()([[1.0, 2.0]], [[1.0, 1.0]])), 4)
    1.0
    """

    _direction = "down"

    def __init__(self, name: str | None = "poisson", dtype: Any = None) -> None:
        super().__init__(poisson, name, dtype)


class Hinge(MeanMetricWrapper):
    """mean(max(1 - y_true * y_pred, 0)).

    Args:
        name: name of the metric.
        dtype: see `Metric`.

    >>> from hornbook import metrics
    >>> float(metrics.Hinge()([[-1.0, 1.0]], [[0.5, 2.0]]))
    0.75
    """

    _direction = "down"

    def __init__(self, name: str | None = "hinge", dtype: Any = None) -> None:
        super().__init__(hinge, name, dtype)


class SquaredHinge(MeanMetricWrapper):
    """mean(max(1 - y_true * y_pred, 0)^2).

    Args:
        name: name of the metric.
        dtype: see `Metric`.

    >>> from hornbook import metrics
    >>> float(metrics.SquaredHinge()([[-1.0, 1.0]], [[0.5, 2.0]]))
    1.125
    """

    _direction = "down"

    def __init__(self, name: str | None = "squared_hinge", dtype: Any = None) -> None:
        super().__init__(squared_hinge, name, dtype)


class CategoricalHinge(MeanMetricWrapper):
    """max(best score of a wrong class - score of the right class + 1, 0).

    Args:
        name: name of the metric.
        dtype: see `Metric`.

    >>> from hornbook import metrics
    >>> float(metrics.CategoricalHinge()([[0.0, 1.0]], [[0.5, 1.0]]))
    0.5
    """

    _direction = "down"

    def __init__(self, name: str | None = "categorical_hinge", dtype: Any = None) -> None:
        super().__init__(categorical_hinge, name, dtype)
