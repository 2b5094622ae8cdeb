"""Sums and means over everything seen since the last reset; most metrics are the mean of a function."""

from collections.abc import Callable
from typing import Any

from hornbook import ops
from hornbook.core.registry import deserialize_keras_object
from hornbook.losses.base import apply_mask, broadcastable, match_rank, shown
from hornbook.metrics.base import Metric


class Sum(Metric):
    """sum_i w_i v_i over all values seen.

    Args:
        name: name of the metric.
        dtype: see `Metric`.

    >>> from hornbook import metrics
    >>> metric = metrics.Sum()
    >>> metric.update_state([1.0, 3.0])
    >>> metric.update_state([5.0, 7.0], sample_weight=[1.0, 0.0])
    >>> float(metric.result())
    9.0
    """

    def __init__(self, name: str | None = "sum", dtype: Any = None) -> None:
        super().__init__(name=name, dtype=dtype)
        self.total = self.add_variable(shape=(), initializer="zeros", name="total")

    def update_state(self, values: Any, sample_weight: Any = None) -> None:
        """Add values, (batch, ...), times weights that broadcast to them."""
        values, _ = weighted(values, sample_weight, self.dtype, ops.sum)
        self.total.assign_add(_total(values))

    def result(self) -> Any:
        """The sum, a scalar."""
        return ops.convert_to_tensor(self.total, dtype=self.dtype)


class Mean(Metric):
    """sum_i w_i v_i / sum_i w_i over all values seen.

    A sample counts once: what it has along further axes is averaged first.

    Args:
        name: name of the metric.
        dtype: see `Metric`.

    >>> from hornbook import metrics
    >>> metric = metrics.Mean()
    >>> metric.update_state([1.0, 3.0])
    >>> metric.update_state([5.0, 7.0], sample_weight=[2.0, 0.0])
    >>> float(metric.result())
    3.5
    """

    def __init__(self, name: str | None = "mean", dtype: Any = None) -> None:
        super().__init__(name=name, dtype=dtype)
        self.total = self.add_variable(shape=(), initializer="zeros", name="total")
        self.count = self.add_variable(shape=(), initializer="zeros", name="count")

    def update_state(self, values: Any, sample_weight: Any = None) -> None:
        """Add values, (batch, ...), with weights that broadcast to them."""
        values, weights = weighted(values, sample_weight, self.dtype, ops.mean)
        self.total.assign_add(_total(values))
        if weights is not None:
            self.count.assign_add(_total(weights))
        else:
            self.count.assign_add(ops.cast(ops.size(values), self.dtype))  # they have one axis, or none

    def result(self) -> Any:
        """The mean, a scalar; 0 where nothing was seen."""
        return ops.divide_no_nan(ops.convert_to_tensor(self.total), self.count)


class MeanMetricWrapper(Mean):
    """The mean of a function of (y_true, y_pred) that gives a value for each sample.

    Args:
        fn: the function.
        name: name of the metric; made from the class's if None.
        dtype: see `Metric`.
        **kwargs: more keyword arguments for every call of `fn`.

    >>> from hornbook import losses, metrics
    >>> metric = metrics.MeanMetricWrapper(losses.huber, name="huber", delta=2.0)
    >>> round(float(metric([[0.0]], [[1.0]])), 4)
    0.5
    """

    # Arguments that Keras does not write to its files: they are written only where they are not the default.
    _unwritten_defaults: dict[str, Any] = {}

    def __init__(self, fn: Callable, name: str | None = None, dtype: Any = None, **kwargs: Any) -> None:
        super().__init__(name=name, dtype=dtype)
        self._fn, self._fn_kwargs = fn, kwargs
        vars(self).update(kwargs)

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:  # type: ignore[override]
        """Add a batch.

        Args:
            y_true: targets, (batch, ...).
            y_pred: predictions; where they carry a mask, masked positions do not count.
            sample_weight: factors that broadcast to the function's values.
        """
        mask = getattr(y_pred, "_keras_mask", None)
        values = self._fn(y_true, y_pred, **self._fn_kwargs)
        if mask is not None:
            sample_weight = apply_mask(_like_mask(sample_weight, mask), mask, self.dtype, "sum")
        super().update_state(values, sample_weight)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        config = super().get_config()
        for name, default in self._unwritten_defaults.items():
            if config[name] == default:
                del config[name]
        return config

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "MeanMetricWrapper":
        """The metric that `config` describes."""
        if "fn" in config:
            config = {**config, "fn": deserialize_keras_object(config["fn"])}
        return cls(**config)


def weighted(values: Any, sample_weight: Any, dtype: str, reduce: Callable) -> tuple[Any, Any]:
    """(values times weights, weights), both reduced to one number a sample; weights are None where none were given.

    Values with more axes than the weights are averaged (or summed: `reduce`) over the axes that the weights lack.

    Raises:
        ValueError: for weights that do not broadcast to the values.
    """
    mask = getattr(values, "_keras_mask", None)
    values = ops.convert_to_tensor(values, dtype=dtype)
    if sample_weight is not None:
        weights = ops.convert_to_tensor(sample_weight, dtype=dtype)
        if mask is not None:
            weights = apply_mask(_like_mask(weights, mask), mask, dtype, "sum")
        values, weights = match_rank(values, weights)
        value_rank, weight_rank = len(values.shape), len(weights.shape)
        if weight_rank < value_rank:
            values = reduce(values, axis=tuple(range(weight_rank, value_rank)))
        if not broadcastable(values.shape, weights.shape):
            raise ValueError(
                f"A sample_weight of shape {shown(weights)} does not broadcast to values of shape {shown(values)}. "
                "One weight a sample has shape (batch,)."
            )
        if shown(values) != shown(weights):
            weights = ops.broadcast_to(weights, ops.shape(values))
        values = values * weights
    else:
        weights = None
    if len(values.shape) > 1:
        further = tuple(range(1, len(values.shape)))
        values = reduce(values, axis=further)
        weights = None if weights is None else reduce(weights, axis=further)
    return values, weights


def _total(values: Any) -> Any:
    """The sum; a number is its own."""
    return ops.sum(values) if len(values.shape) else values


def _like_mask(sample_weight: Any, mask: Any) -> Any:
    """Weights with as many axes as the mask: one weight a sample, (batch,), goes for all its positions."""
    if sample_weight is None:
        return None
    sample_weight = ops.convert_to_tensor(sample_weight)
    missing = len(mask.shape) - len(sample_weight.shape)
    if missing > 0 and len(sample_weight.shape) > 0:
        return ops.reshape(sample_weight, (*ops.shape(sample_weight), *(1,) * missing))
    return sample_weight
