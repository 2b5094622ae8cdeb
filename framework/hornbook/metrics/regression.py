"""Metrics of numbers, most of them the loss of that name as a mean; correlations; the coefficient of determination."""

from typing import Any

from hornbook import backend, ops
from hornbook.losses.base import aligned
from hornbook.losses.regression import (
    cosine_similarity as cosine_loss,
)
from hornbook.losses.regression import (
    log_cosh,
    mean_absolute_error,
    mean_absolute_percentage_error,
    mean_squared_error,
    mean_squared_logarithmic_error,
)
from hornbook.metrics.base import Metric
from hornbook.metrics.reduction import Mean, MeanMetricWrapper


class MeanSquaredError(MeanMetricWrapper):
    """mean((y_true - y_pred)^2).

    Args:
        name: name of the metric.
        dtype: see `Metric`.

    >>> from hornbook import metrics
    >>> float(metrics.MeanSquaredError()([[0.0, 1.0]], [[1.0, 3.0]]))
    2.5
    """

    _direction = "down"

    def __init__(self, name: str | None = "mean_squared_error", dtype: Any = None) -> None:
        super().__init__(mean_squared_error, name, dtype)


class RootMeanSquaredError(Mean):
    """sqrt(mean((y_true - y_pred)^2)).

    Args:
        name: name of the metric.
        dtype: see `Metric`.

    >>> from hornbook import metrics
    >>> float(metrics.RootMeanSquaredError()([[0.0, 1.0]], [[2.0, 3.0]]))
    2.0
    """

    _direction = "down"

    def __init__(self, name: str | None = "root_mean_squared_error", dtype: Any = None) -> None:
        super().__init__(name, dtype)

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:  # type: ignore[override]
        """Add a batch."""
        y_true, y_pred = aligned(y_true, y_pred)
        super().update_state(ops.square(y_pred - y_true), sample_weight)

    def result(self) -> Any:
        """The root, a scalar."""
        return ops.sqrt(super().result())


class MeanAbsoluteError(MeanMetricWrapper):
    """mean(|y_true - y_pred|).

    Args:
        name: name of the metric.
        dtype: see `Metric`.

    >>> from hornbook import metrics
    >>> float(metrics.MeanAbsoluteError()([[0.0, 1.0]], [[1.0, 3.0]]))
    1.5
    """

    _direction = "down"

    def __init__(self, name: str | None = "mean_absolute_error", dtype: Any = None) -> None:
        super().__init__(mean_absolute_error, name, dtype)


class MeanAbsolutePercentageError(MeanMetricWrapper):
    """100 * mean(|y_true - y_pred| / |y_true|).

    Args:
        name: name of the metric.
        dtype: see `Metric`.

    >>> from hornbook import metrics
    >>> float(metrics.MeanAbsolutePercentageError()([[2.0, 1.0]], [[1.0, 1.0]]))
    25.0
    """

    _direction = "down"

    def __init__(self, name: str | None = "mean_absolute_percentage_error", dtype: Any = None) -> None:
        super().__init__(mean_absolute_percentage_error, name, dtype)


class MeanSquaredLogarithmicError(MeanMetricWrapper):
    """mean((log(1 + y_true) - log(1 + y_pred))^2).

    Args:
        name: name of the metric.
        dtype: see `Metric`.

    >>> from hornbook import metrics
    >>> round(float(metrics.MeanSquaredLogarithmicError()([[0.0]], [[1.0]])), 4)
    0.4805
    """

    _direction = "down"

    def __init__(self, name: str | None = "mean_squared_logarithmic_error", dtype: Any = None) -> None:
        super().__init__(mean_squared_logarithmic_error, name, dtype)


class LogCoshError(MeanMetricWrapper):
    """mean(log(cosh(y_pred - y_true))).

    Args:
        name: name of the metric.
        dtype: see `Metric`.

    >>> from hornbook import metrics
    >>> round(float(metrics.LogCoshError()([[0.0, 0.0]], [[0.0, 2.0]])), 4)
    0.6625
    """

    _direction = "down"

    def __init__(self, name: str | None = "logcosh", dtype: Any = None) -> None:
        super().__init__(log_cosh, name, dtype)


def cosine_similarity(y_true: Any, y_pred: Any, axis: int = -1) -> Any:
    """cos of the angle between y_true and y_pred: 1 for the same direction (the loss is its negative).

    >>> from hornbook.metrics.regression import cosine_similarity
    >>> cosine_similarity([[0.0, 1.0]], [[0.0, 5.0]]).numpy().tolist()
    [1.0]
    """
    return -cosine_loss(y_true, y_pred, axis=axis)


class CosineSimilarity(MeanMetricWrapper):
    """The mean cos of the angle between y_true and y_pred: 1 for the same direction.

    Args:
        name: name of the metric.
        dtype: see `Metric`.
        axis: the axis the vectors lie along.

    >>> from hornbook import metrics
    >>> float(metrics.CosineSimilarity()([[0.0, 1.0]], [[0.0, 5.0]]))
    1.0
    """

    _direction = "up"
    _unwritten_defaults = {"axis": -1}

    def __init__(self, name: str | None = "cosine_similarity", dtype: Any = None, axis: int = -1) -> None:
        super().__init__(cosine_similarity, name, dtype, axis=axis)


# ------------------------------------------------------------------------------------------------- correlations
def pearson_correlation(y_true: Any, y_pred: Any, axis: int = -1) -> Any:
    """cov(y_true, y_pred) / (std(y_true) std(y_pred)) along an axis.

    Args:
        y_true: targets.
        y_pred: predictions, of the same shape.
        axis: the axis of the observations.

    Returns:
        Values of the shape without that axis, from -1 to 1.

    >>> from hornbook import metrics
    >>> metrics.pearson_correlation([[0.0, 1.0, 2.0]], [[1.0, 3.0, 5.0]]).numpy().round(4).tolist()
    [1.0]
    """
    y_true, y_pred = aligned(y_true, y_pred)
    true_score, pred_score = ((y - ops.mean(y, axis=axis, keepdims=True)) for y in (y_true, y_pred))
    true_score = true_score / _deviation(y_true, axis)
    pred_score = pred_score / _deviation(y_pred, axis)
    return ops.mean(true_score * pred_score, axis=axis)


def _deviation(y: Any, axis: int) -> Any:
    return ops.std(y, axis=axis, keepdims=True) + backend.epsilon()


class PearsonCorrelation(MeanMetricWrapper):
    """cov(y_true, y_pred) / (std(y_true) std(y_pred)), averaged over the batch.

    Args:
        name: name of the metric.
        dtype: see `Metric`.
        axis: the axis of the observations.

    >>> from hornbook import metrics
    >>> round(float(metrics.PearsonCorrelation()([[0.0, 1.0, 2.0]], [[1.0, 3.0, 5.0]])), 4)
    1.0
    """

    _direction = "up"

    def __init__(self, name: str | None = "pearson_correlation", dtype: Any = None, axis: int = -1) -> None:
        super().__init__(pearson_correlation, name, dtype, axis=axis)


def concordance_correlation(y_true: Any, y_pred: Any, axis: int = -1) -> Any:
    """2 cov(y_true, y_pred) / (var(y_true) + var(y_pred) + (mean(y_true) - mean(y_pred))^2) along an axis.

    Args:
        y_true: targets.
        y_pred: predictions, of the same shape.
        axis: the axis of the observations.

    Returns:
        Values of the shape without that axis, from -1 to 1.

    Source: Lin 1989, "A concordance correlation coefficient to evaluate reproducibility".

    >>> from hornbook import metrics
    >>> metrics.concordance_correlation([[0.0, 1.0, 2.0]], [[0.0, 1.0, 2.0]]).numpy().round(4).tolist()
    [1.0]
    """
    y_true, y_pred = aligned(y_true, y_pred)
    true_mean, pred_mean = (ops.mean(y, axis=axis, keepdims=True) for y in (y_true, y_pred))
    covariance = ops.mean((y_true - true_mean) * (y_pred - pred_mean), axis=axis)
    variances = ops.var(y_true, axis=axis) + ops.var(y_pred, axis=axis)
    bias = ops.square(ops.squeeze(true_mean - pred_mean, axis=axis))
    return 2.0 * covariance / (variances + bias + backend.epsilon())


class ConcordanceCorrelation(MeanMetricWrapper):
    """The correlation, less for another mean or spread; averaged over the batch.

    Args:
        name: name of the metric.
        dtype: see `Metric`.
        axis: the axis of the observations.

    >>> from hornbook import metrics
    >>> round(float(metrics.ConcordanceCorrelation()([[0.0, 1.0, 2.0]], [[0.0, 1.0, 2.0]])), 4)
    1.0
    """

    _direction = "up"

    def __init__(self, name: str | None = "concordance_correlation", dtype: Any = None, axis: int = -1) -> None:
        super().__init__(concordance_correlation, name, dtype, axis=axis)


# ------------------------------------------------------------------------------------- coefficient of determination
class R2Score(Metric):
    """1 - sum(w (y - p)^2) / sum(w (y - mean(y))^2): the share of the variance of y that the predictions p explain.

    Args:
        class_aggregation: what becomes of several outputs: "uniform_average", "variance_weighted_average", or None for
            one score each.
        num_regressors: n > 0 gives the adjusted score 1 - (1 - R2) (N - 1) / (N - n - 1), N numbers having been seen.
        name: name of the metric.
        dtype: see `Metric`.

    Raises:
        ValueError: for an unknown aggregation or a negative number of regressors.

    >>> from hornbook import metrics
    >>> round(float(metrics.R2Score()([[1.0], [4.0], [3.0]], [[2.0], [4.0], [4.0]])), 4)
    0.5714
    """

    _direction = "up"

    def __init__(
        self,
        class_aggregation: str | None = "uniform_average",
        num_regressors: int = 0,
        name: str | None = "r2_score",
        dtype: Any = None,
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        if class_aggregation not in (None, "uniform_average", "variance_weighted_average"):
            raise ValueError(
                "class_aggregation must be 'uniform_average', 'variance_weighted_average' or None, "
                f"got {class_aggregation!r}."
            )
        if num_regressors < 0:
            raise ValueError(f"num_regressors must not be negative, got {num_regressors}.")
        self.class_aggregation, self.num_regressors = class_aggregation, num_regressors
        self.num_samples = self.add_variable(shape=(), initializer="zeros", name="num_samples")
        self._built = False

    def _build(self, y_true: Any, y_pred: Any) -> None:
        if len(y_pred.shape) != 2 or len(y_true.shape) != 2 or y_pred.shape[-1] is None or y_true.shape[-1] is None:
            raise ValueError(
                "R2Score takes y_true and y_pred of shape (batch, outputs), the number of outputs known; "
                f"got {tuple(y_true.shape)} and {tuple(y_pred.shape)}."
            )
        outputs = y_pred.shape[-1]
        self.squared_sum = self.add_variable((outputs,), "zeros", name="squared_sum")
        self.sum = self.add_variable((outputs,), "zeros", name="sum")
        self.total_mse = self.add_variable((outputs,), "zeros", name="residual")
        self.count = self.add_variable((outputs,), "zeros", name="count")
        self._built = True

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add a batch.

        Args:
            y_true: targets, (batch, outputs).
            y_pred: predictions, (batch, outputs).
            sample_weight: (batch,) or (batch, 1).
        """
        y_true = ops.convert_to_tensor(y_true, dtype=self.dtype)
        y_pred = ops.convert_to_tensor(y_pred, dtype=self.dtype)
        if not self._built:
            self._build(y_true, y_pred)
        weights = ops.ones((1, 1), dtype=self.dtype)
        if sample_weight is not None:
            weights = ops.convert_to_tensor(sample_weight, dtype=self.dtype)
            weights = ops.expand_dims(weights, -1) if len(weights.shape) == 1 else weights
        weights = ops.broadcast_to(weights, ops.shape(y_true))
        self.sum.assign_add(ops.sum(weights * y_true, axis=0))
        self.squared_sum.assign_add(ops.sum(weights * ops.square(y_true), axis=0))
        self.total_mse.assign_add(ops.sum(weights * ops.square(y_true - y_pred), axis=0))
        self.count.assign_add(ops.sum(weights, axis=0))
        self.num_samples.assign_add(ops.cast(ops.size(y_true), self.dtype))

    def result(self) -> Any:
        """The score: a scalar, or (outputs,) with `class_aggregation=None`."""
        if not self._built:
            return ops.zeros((), dtype=self.dtype)
        mean = self.sum / self.count
        total = self.squared_sum - self.sum * mean
        scores = 1 - self.total_mse / total
        scores = ops.where(ops.isinf(scores), ops.zeros_like(scores), scores)
        if self.class_aggregation == "uniform_average":
            score = ops.mean(scores)
        elif self.class_aggregation == "variance_weighted_average":
            score = ops.sum(scores * total) / ops.sum(total)
        else:
            score = scores
        if self.num_regressors == 0:
            return score
        freedom = ops.convert_to_tensor(self.num_samples) - self.num_regressors - 1.0
        adjusted = 1.0 - (1.0 - score) * (self.num_samples - 1.0) / freedom
        # With no degree of freedom left there is nothing to adjust by.
        return ops.where(freedom > 0, adjusted, score)
