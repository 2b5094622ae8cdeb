"""Losses between numbers: how far y_pred is from y_true, averaged over the last axis."""

from typing import Any

from hornbook import backend, ops
from hornbook.losses.base import LossFunctionWrapper, aligned


# ------------------------------------------------------------------------------------------------ distances
def mean_squared_error(y_true: Any, y_pred: Any) -> Any:
    """mean((y_true - y_pred)^2) over the last axis.

    Args:
        y_true: targets, (batch, ..., d).
        y_pred: predictions, of the same shape.

    Returns:
        Values of shape (batch, ...).

    >>> from hornbook import losses
    >>> losses.mean_squared_error([[0.0, 1.0]], [[1.0, 3.0]]).numpy().tolist()
    [2.5]
    """
    y_true, y_pred = aligned(y_true, y_pred)
    return ops.mean(ops.square(y_true - y_pred), axis=-1)


class MeanSquaredError(LossFunctionWrapper):
    """mean((y_true - y_pred)^2).

    Args:
        reduction: see `Loss`.
        name: name of the loss.
        dtype: see `Loss`.

    >>> from hornbook import losses
    >>> float(losses.MeanSquaredError()([[0.0, 1.0]], [[1.0, 3.0]]))
    2.5
    """

    def __init__(
        self, reduction: str | None = "sum_over_batch_size", name: str = "mean_squared_error", dtype: Any = None
    ) -> None:
        super().__init__(mean_squared_error, reduction, name, dtype)


def mean_absolute_error(y_true: Any, y_pred: Any) -> Any:
    """mean(|y_true - y_pred|) over the last axis.

    Args:
        y_true: targets, (batch, ..., d).
        y_pred: predictions, of the same shape.

    Returns:
        Values of shape (batch, ...).

    >>> from hornbook import losses
    >>> losses.mean_absolute_error([[0.0, 1.0]], [[1.0, 3.0]]).numpy().tolist()
    [1.5]
    """
    y_true, y_pred = aligned(y_true, y_pred)
    return ops.mean(ops.absolute(y_true - y_pred), axis=-1)


class MeanAbsoluteError(LossFunctionWrapper):
    """mean(|y_true - y_pred|).

    Args:
        reduction: see `Loss`.
        name: name of the loss.
        dtype: see `Loss`.

    >>> from hornbook import losses
    >>> float(losses.MeanAbsoluteError()([[0.0, 1.0]], [[1.0, 3.0]]))
    1.5
    """

    def __init__(
        self, reduction: str | None = "sum_over_batch_size", name: str = "mean_absolute_error", dtype: Any = None
    ) -> None:
        super().__init__(mean_absolute_error, reduction, name, dtype)


def mean_absolute_percentage_error(y_true: Any, y_pred: Any) -> Any:
    """100 * mean(|y_true - y_pred| / |y_true|) over the last axis.

    Args:
        y_true: targets, (batch, ..., d); near zero they count as `epsilon()`.
        y_pred: predictions, of the same shape.

    Returns:
        Values of shape (batch, ...).

    >>> from hornbook import losses
    >>> losses.mean_absolute_percentage_error([[2.0, 1.0]], [[1.0, 1.0]]).numpy().tolist()
    [25.0]
    """
    y_true, y_pred = aligned(y_true, y_pred)
    size = ops.maximum(ops.absolute(y_true), backend.epsilon())
    return 100.0 * ops.mean(ops.absolute((y_true - y_pred) / size), axis=-1)


class MeanAbsolutePercentageError(LossFunctionWrapper):
    """100 * mean(|y_true - y_pred| / |y_true|).

    Args:
        reduction: see `Loss`.
        name: name of the loss.
        dtype: see `Loss`.

    >>> from hornbook import losses
    >>> float(losses.MeanAbsolutePercentageError()([[2.0, 1.0]], [[1.0, 1.0]]))
    25.0
    """

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str = "mean_absolute_percentage_error",
        dtype: Any = None,
    ) -> None:
        super().__init__(mean_absolute_percentage_error, reduction, name, dtype)


def mean_squared_logarithmic_error(y_true: Any, y_pred: Any) -> Any:
    """mean((log(1 + y_true) - log(1 + y_pred))^2) over the last axis.

    Args:
        y_true: targets, (batch, ..., d); negative numbers count as `epsilon()`.
        y_pred: predictions, of the same shape; likewise.

    Returns:
        Values of shape (batch, ...).

    >>> from hornbook import losses
    >>> losses.mean_squared_logarithmic_error([[0.0]], [[1.0]]).numpy().round(4)
    array([0.4805], dtype=float32)
    """
    y_true, y_pred = aligned(y_true, y_pred)
    log_true, log_pred = (ops.log(ops.maximum(y, backend.epsilon()) + 1.0) for y in (y_true, y_pred))
    return ops.mean(ops.square(log_true - log_pred), axis=-1)


class MeanSquaredLogarithmicError(LossFunctionWrapper):
    """mean((log(1 + y_true) - log(1 + y_pred))^2).

    Args:
        reduction: see `Loss`.
        name: name of the loss.
        dtype: see `Loss`.

    >>> from hornbook import losses
    >>> round(float(losses.MeanSquaredLogarithmicError()([[0.0]], [[1.0]])), 4)
    0.4805
    """

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str = "mean_squared_logarithmic_error",
        dtype: Any = None,
    ) -> None:
        super().__init__(mean_squared_logarithmic_error, reduction, name, dtype)


def huber(y_true: Any, y_pred: Any, delta: float = 1.0) -> Any:
    """mean(0.5 e^2 where |e| <= delta, else delta |e| - 0.5 delta^2) over the last axis, with e = y_true - y_pred.

    Args:
        y_true: targets, (batch, ..., d).
        y_pred: predictions, of the same shape.
        delta: where the square turns into a line.

    Returns:
        Values of shape (batch, ...).

    Source: Huber 1964, "Robust Estimation of a Location Parameter".

    >>> from hornbook import losses
    >>> losses.huber([[0.0, 0.0]], [[1.0, 3.0]]).numpy().tolist()
    [1.5]
    """
    y_true, y_pred = aligned(y_true, y_pred)
    error = ops.absolute(y_true - y_pred)
    square, line = 0.5 * ops.square(error), delta * error - 0.5 * delta * delta
    return ops.mean(ops.where(error <= delta, square, line), axis=-1)


class Huber(LossFunctionWrapper):
    """A square for errors up to `delta`, a line beyond: outliers pull less.

    Args:
        delta: where the square turns into a line.
        reduction: see `Loss`.
        name: name of the loss.
        dtype: see `Loss`.

    >>> from hornbook import losses
    >>> float(losses.Huber()([[0.0, 0.0]], [[1.0, 3.0]]))
    1.5
    """

    _unwritten_defaults = {"delta": 1.0}

    def __init__(
        self,
        delta: float = 1.0,
        reduction: str | None = "sum_over_batch_size",
        name: str = "huber_loss",
        dtype: Any = None,
    ) -> None:
        super().__init__(huber, reduction, name, dtype, delta=delta)


def log_cosh(y_true: Any, y_pred: Any) -> Any:
    """mean(log(cosh(y_pred - y_true))) over the last axis: e^2 / 2 for small errors, |e| - log 2 for large ones.

    Args:
        y_true: targets, (batch, ..., d).
        y_pred: predictions, of the same shape.

    Returns:
        Values of shape (batch, ...).

    >>> from hornbook import losses
    >>> losses.log_cosh([[0.0, 0.0]], [[0.0, 2.0]]).numpy().round(4)
    array([0.6625], dtype=float32)
    """
    y_true, y_pred = aligned(y_true, y_pred)
    error = y_pred - y_true
    log2 = ops.cast(ops.log(2.0), error.dtype)
    # log((e^x + e^-x) / 2) = x + log(1 + e^-2x) - log 2, which cannot overflow for x >= 0.
    size = ops.absolute(error)
    return ops.mean(size + ops.softplus(-2.0 * size) - log2, axis=-1)


class LogCosh(LossFunctionWrapper):
    """mean(log(cosh(y_pred - y_true))).

    Args:
        reduction: see `Loss`.
        name: name of the loss.
        dtype: see `Loss`.

    >>> from hornbook import losses
    >>> round(float(losses.LogCosh()([[0.0, 0.0]], [[0.0, 2.0]])), 4)
    0.6625
    """

    def __init__(
        self, reduction: str | None = "sum_over_batch_size", name: str = "log_cosh", dtype: Any = None
    ) -> None:
        super().__init__(log_cosh, reduction, name, dtype)


# ------------------------------------------------------------------------------------------------ directions
def cosine_similarity(y_true: Any, y_pred: Any, axis: int = -1) -> Any:
    """-sum(y_true / |y_true| * y_pred / |y_pred|): -1 for the same direction, 0 for orthogonal, 1 for opposite.

    Args:
        y_true: targets, (batch, ..., d).
        y_pred: predictions, of the same shape.
        axis: the axis the vectors lie along.

    Returns:
        Values of the shape without that axis.

    >>> from hornbook import losses
    >>> losses.cosine_similarity([[0.0, 1.0], [1.0, 0.0]], [[0.0, 5.0], [-5.0, 0.0]]).numpy().tolist()
    [-1.0, 1.0]
    """
    y_true, y_pred = aligned(y_true, y_pred)
    return -ops.sum(ops.normalize(y_true, axis=axis) * ops.normalize(y_pred, axis=axis), axis=axis)


class CosineSimilarity(LossFunctionWrapper):
    """-cos of the angle between y_true and y_pred: less is closer.

    Args:
        axis: the axis the vectors lie along.
        reduction: see `Loss`.
        name: name of the loss.
        dtype: see `Loss`.

    >>> from hornbook import losses
    >>> float(losses.CosineSimilarity()([[0.0, 1.0]], [[0.0, 5.0]]))
    -1.0
    """

    _unwritten_defaults = {"axis": -1}

    def __init__(
        self,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str = "cosine_similarity",
        dtype: Any = None,
    ) -> None:
        super().__init__(cosine_similarity, reduction, name, dtype, axis=axis)


# ---------------------------------------------------------------------------------------------- distributions
def kl_divergence(y_true: Any, y_pred: Any) -> Any:
    """sum(y_true * log(y_true / y_pred)) over the last axis: the Kullback-Leibler divergence.

    Args:
        y_true: probabilities, (batch, ..., classes).
        y_pred: probabilities, of the same shape; both are clipped to [epsilon, 1].

    Returns:
        Values of shape (batch, ...).

    >>> from hornbook import losses
    >>> losses.kl_divergence([[0.5, 0.5]], [[0.25, 0.75]]).numpy().round(4)
    array([0.1438], dtype=float32)
    """
    y_true, y_pred = (ops.clip(y, backend.epsilon(), 1.0) for y in aligned(y_true, y_pred))
    return ops.sum(y_true * ops.log(y_true / y_pred), axis=-1)


class KLDivergence(LossFunctionWrapper):
    """sum(y_true * log(y_true / y_pred)): how far the distribution y_pred is from y_true.

    Args:
        reduction: see `Loss`.
        name: name of the loss.
        dtype: see `Loss`.

    >>> from hornbook import losses
    >>> round(float(losses.KLDivergence()([[0.5, 0.5]], [[0.25, 0.75]])), 4)
    0.1438
    """

    def __init__(
        self, reduction: str | None = "sum_over_batch_size", name: str = "kl_divergence", dtype: Any = None
    ) -> None:
        super().__init__(kl_divergence, reduction, name, dtype)


def poisson(y_true: Any, y_pred: Any) -> Any:
    """mean(y_pred - y_true * log(y_pred)) over the last axis: y_true counts, y_pred the expected counts.

    Args:
        y_true: targets, (batch, ..., d).
        y_pred: predictions, of the same shape, not negative.

    Returns:
        Values of shape (batch, ...).

    >>> from hornbook import losses
    >>> losses.poisson([[1.0, 2.0]], [[1.0, 1.0]]).numpy().round(4).tolist()
    [1.0]
    """
    y_true, y_pred = aligned(y_true, y_pred)
    return ops.mean(y_pred - y_true * ops.log(y_pred + backend.epsilon()), axis=-1)


class Poisson(LossFunctionWrapper):
    """mean(y_pred - y_true * log(y_pred)): the negative log-likelihood of counts, without its constant.

    Args:
        reduction: see `Loss`.
        name: name of the loss.
        dtype: see `Loss`.

    >>> from hornbook import losses
    >>> round(float(losses.Poisson()([[1.0, 2.0]], [[1.0, 1.0]])), 4)
    1.0
    """

    def __init__(self, reduction: str | None = "sum_over_batch_size", name: str = "poisson", dtype: Any = None) -> None:
        super().__init__(poisson, reduction, name, dtype)
