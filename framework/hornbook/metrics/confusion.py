"""Metrics of yes/no predictions, counted at one or many thresholds: precision, recall, areas under curves.

| at a threshold t | y_true = 1      | y_true = 0      |
|------------------|-----------------|-----------------|
| y_pred > t       | true positives  | false positives |
| y_pred <= t      | false negatives | true negatives  |
"""

from typing import Any

import numpy as np

from hornbook import backend, ops
from hornbook.core.budget import check_weight_budget
from hornbook.losses.base import match_rank
from hornbook.metrics.base import Metric

# What predictions outside the k best become, below every threshold.
LOWEST = -1e10


# --------------------------------------------------------------------------------------------------------- counting
def select(
    y_true: Any, y_pred: Any, sample_weight: Any, dtype: str, top_k: int | None = None, class_id: int | None = None
) -> tuple[Any, Any, Any]:
    """(labels, predictions, weights or None) of one shape, with only what counts: the k best, or one class."""
    y_pred = ops.convert_to_tensor(y_pred, dtype=dtype)
    y_true, y_pred = match_rank(ops.convert_to_tensor(y_true, dtype=dtype), y_pred)
    if tuple(y_true.shape) != tuple(y_pred.shape) and None not in (*y_true.shape, *y_pred.shape):
        raise ValueError(
            f"y_true and y_pred must have the same shape, got {tuple(y_true.shape)} and {tuple(y_pred.shape)}."
        )
    if top_k is not None:
        classes = y_pred.shape[-1]
        best = ops.max(ops.one_hot(ops.top_k(y_pred, k=top_k)[1], classes, dtype=dtype), axis=-2)
        y_pred = y_pred * best + LOWEST * (1 - best)
    weights = None
    if sample_weight is not None:
        weights = ops.convert_to_tensor(sample_weight, dtype=dtype)
        missing = len(y_pred.shape) - len(weights.shape)
        if missing > 0 and len(weights.shape) > 0:  # one weight a sample: (batch,) -> (batch, 1)
            weights = ops.reshape(weights, (*ops.shape(weights), *(1,) * missing))
        elif missing < 0:
            weights = ops.squeeze(weights, -1)
        weights = ops.broadcast_to(weights, ops.shape(y_pred))
    if class_id is not None:
        y_true, y_pred = y_true[..., class_id], y_pred[..., class_id]
        weights = None if weights is None else weights[..., class_id]
    return y_true, y_pred, weights


def counts(y_true: Any, y_pred: Any, weights: Any, thresholds: Any, which: tuple[str, ...]) -> list:
    """The weighted counts of `which` ("true_positives", ...) at each threshold, over all axes: each (thresholds,)."""
    y_true, y_pred = ops.reshape(y_true, (-1,)), ops.reshape(y_pred, (-1,))
    labels = ops.cast(ops.not_equal(y_true, 0), y_pred.dtype)
    weights = ops.ones_like(labels) if weights is None else ops.reshape(weights, (-1,))
    columns = ops.expand_dims(ops.convert_to_tensor(thresholds, dtype=y_pred.dtype), -1)
    positive = ops.cast(y_pred > columns, y_pred.dtype)  # (thresholds, values)
    yes, no = labels * weights, (1 - labels) * weights
    makers = {
        "true_positives": lambda: ops.matmul(positive, yes),
        "false_positives": lambda: ops.matmul(positive, no),
        "true_negatives": lambda: ops.matmul(1 - positive, no),
        "false_negatives": lambda: ops.matmul(1 - positive, yes),
    }
    return [makers[name]() for name in which]


def bucketed_counts(y_true: Any, y_pred: Any, weights: Any, thresholds: int, per_label: bool = False) -> list:
    """True and false positives, true and false negatives at `thresholds` evenly spaced thresholds from 0 to 1.

    Each value falls in the bucket between two thresholds and is positive at all thresholds below, so that sums over
    buckets, added up from the top, are the counts; the work does not grow with the number of thresholds.

    Args:
        per_label: keep the last axis: counts (thresholds, labels) from values (batch, labels).

    Returns:
        Four arrays (thresholds,) or (thresholds, labels).
    """
    labels = y_pred.shape[-1] if per_label else 1
    y_true, y_pred = ops.reshape(y_true, (-1, labels)), ops.reshape(y_pred, (-1, labels))
    weights = ops.ones_like(y_true) if weights is None else ops.reshape(weights, (-1, labels))
    height = ops.ceil(ops.clip(y_pred, 0.0, 1.0) * (thresholds - 1)) - 1
    bucket = ops.cast(ops.relu(height), "int32")
    bucket = bucket + thresholds * ops.arange(labels, dtype="int32")  # (values, labels): buckets of each label apart
    parts = ops.stack([ops.reshape(y_true * weights, (-1,)), ops.reshape((1 - y_true) * weights, (-1,))], axis=-1)
    sums = ops.segment_sum(parts, ops.reshape(bucket, (-1,)), num_segments=thresholds * labels)
    sums = ops.transpose(ops.reshape(sums, (labels, thresholds, 2)), (2, 1, 0))  # (yes / no, thresholds, labels)
    sums = sums if per_label else ops.squeeze(sums, -1)
    positives = ops.flip(ops.cumsum(ops.flip(sums, axis=1), axis=1), axis=1)
    negatives = ops.sum(sums, axis=1, keepdims=True) - positives
    return [positives[0], positives[1], negatives[1], negatives[0]]


def parse_thresholds(thresholds: Any, default: float) -> list[float]:
    """The thresholds as a list.

    Raises:
        ValueError: for one outside [0, 1].
    """
    if thresholds is None:
        return [default]
    parsed = list(thresholds) if isinstance(thresholds, list | tuple | np.ndarray) else [thresholds]
    wrong = [t for t in parsed if t is None or not 0 <= t <= 1]
    if wrong:
        raise ValueError(f"thresholds must be between 0 and 1, got {wrong}.")
    return parsed


class _CountingMetric(Metric):
    """A metric of counts, each in a Variable of its name, at thresholds that were given or 0.5."""

    counted: tuple[str, ...]

    def __init__(
        self, thresholds: Any, name: str | None, dtype: Any, top_k: int | None = None, class_id: int | None = None
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        self.init_thresholds, self.top_k, self.class_id = thresholds, top_k, class_id
        self.thresholds = parse_thresholds(thresholds, default=0.5 if top_k is None else LOWEST)
        names = self.counted if len(self.counted) > 1 else ("accumulator",)
        self._counts = [self.add_variable((len(self.thresholds),), "zeros", name=name) for name in names]
        for counted, variable in zip(names, self._counts, strict=True):
            setattr(self, counted, variable)

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add a batch.

        Args:
            y_true: labels 0 or 1, (batch, ...).
            y_pred: predictions from 0 to 1, of the same shape.
            sample_weight: (batch,), or of that shape.
        """
        selected = select(y_true, y_pred, sample_weight, self.dtype, self.top_k, self.class_id)
        for variable, count in zip(self._counts, counts(*selected, self.thresholds, self.counted), strict=True):
            variable.assign_add(count)

    def _shaped(self, values: Any) -> Any:
        return values[0] if len(self.thresholds) == 1 else values

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {**super().get_config(), "thresholds": self.init_thresholds}


# ------------------------------------------------------------------------------------------------ the four counts
class _Count(_CountingMetric):
    def __init__(self, thresholds: Any = None, name: str | None = None, dtype: Any = None) -> None:
        super().__init__(thresholds, name, dtype)

    def result(self) -> Any:
        """The count: a scalar, or (thresholds,) where several were given."""
        return self._shaped(ops.convert_to_tensor(self._counts[0]))


class TruePositives(_Count):
    """How many y_true = 1 have y_pred > threshold.

    Args:
        thresholds: a number or a list of numbers from 0 to 1; 0.5 if None.
        name: name of the metric.
        dtype: see `Metric`.

    >>> from hornbook import metrics
    >>> float(metrics.TruePositives()([0, 1, 1, 1], [1, 0, 1, 1]))
    2.0
    """

    counted = ("true_positives",)


class TrueNegatives(_Count):
    """How many y_true = 0 have y_pred <= threshold.

    Args:
        thresholds: a number or a list of numbers from 0 to 1; 0.5 if None.
        name: name of the metric.
        dtype: see `Metric`.

    >>> from hornbook import metrics
    >>> float(metrics.TrueNegatives()([0, 1, 0, 0], [1, 1, 0, 0]))
    2.0
    """

    counted = ("true_negatives",)


class FalsePositives(_Count):
    """How many y_true = 0 have y_pred > threshold.

    Args:
        thresholds: a number or a list of numbers from 0 to 1; 0.5 if None.
        name: name of the metric.
        dtype: see `Metric`.

    >>> from hornbook import metrics
    >>> float(metrics.FalsePositives()([0, 1, 0, 0], [0, 0, 1, 1]))
    2.0
    """

    counted = ("false_positives",)


class FalseNegatives(_Count):
    """How many y_true = 1 have y_pred <= threshold.

    Args:
        thresholds: a number or a list of numbers from 0 to 1; 0.5 if None.
        name: name of the metric.
        dtype: see `Metric`.

    >>> from hornbook import metrics
    >>> float(metrics.FalseNegatives()([0, 1, 1, 1], [0, 1, 0, 0]))
    2.0
    """

    counted = ("false_negatives",)


# ------------------------------------------------------------------------------------------- precision and recall
class Precision(_CountingMetric):
    """true positives / (true positives + false positives): how many of those claimed are right.

    Args:
        thresholds: a number or a list of numbers from 0 to 1; 0.5 if None.
        top_k: count the k best predictions of each row as claimed, whatever their numbers.
        class_id: the one class to look at; all if None.
        name: name of the metric.
        dtype: see `Metric`.

    >>> from hornbook import metrics
    >>> round(float(metrics.Precision()([0, 1, 1, 1], [1, 0, 1, 1])), 4)
    0.6667
    """

    counted = ("true_positives", "false_positives")
    _direction = "up"

    def __init__(
        self,
        thresholds: Any = None,
        top_k: int | None = None,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(thresholds, name, dtype, top_k, class_id)

    def result(self) -> Any:
        """The precision: a scalar, or (thresholds,) where several were given."""
        right, wrong = (ops.convert_to_tensor(count) for count in self._counts)
        return self._shaped(ops.divide_no_nan(right, right + wrong))


class Recall(_CountingMetric):
    """true positives / (true positives + false negatives): how many of those that are there were found.

    Args:
        thresholds: a number or a list of numbers from 0 to 1; 0.5 if None.
        top_k: count the k best predictions of each row as claimed, whatever their numbers.
        class_id: the one class to look at; all if None.
        name: name of the metric.
        dtype: see `Metric`.

    >>> from hornbook import metrics
    >>> round(float(metrics.Recall()([0, 1, 1, 1], [1, 0, 1, 1])), 4)
    0.6667
    """

    counted = ("true_positives", "false_negatives")
    _direction = "up"

    def __init__(
        self,
        thresholds: Any = None,
        top_k: int | None = None,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(thresholds, name, dtype, top_k, class_id)

    def result(self) -> Any:
        """The recall: a scalar, or (thresholds,) where several were given."""
        found, lost = (ops.convert_to_tensor(count) for count in self._counts)
        return self._shaped(ops.divide_no_nan(found, found + lost))


# ------------------------------------------------------------------------------------------ one rate at another rate
class _BestAtConstraint(Metric):
    """The best of one rate over all thresholds at which another is at least `value`."""

    _direction = "up"

    def __init__(
        self, value: float, argument: str, num_thresholds: int, class_id: int | None, name: str | None, dtype: Any
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        if not 0 <= value <= 1:
            raise ValueError(f"{argument} must be between 0 and 1, got {value}.")
        if num_thresholds <= 0:
            raise ValueError(f"num_thresholds must be greater than 0, got {num_thresholds}.")
        check_weight_budget("thresholds", (num_thresholds,), "float64")
        self.value, self.num_thresholds, self.class_id = value, num_thresholds, class_id
        self.thresholds = np.linspace(0.0, 1.0, num_thresholds).tolist() if num_thresholds > 1 else [0.5]
        self.true_positives = self.add_variable((num_thresholds,), "zeros", name="true_positives")
        self.false_positives = self.add_variable((num_thresholds,), "zeros", name="false_positives")
        self.true_negatives = self.add_variable((num_thresholds,), "zeros", name="true_negatives")
        self.false_negatives = self.add_variable((num_thresholds,), "zeros", name="false_negatives")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add a batch.

        Args:
            y_true: labels 0 or 1, (batch, ...).
            y_pred: predictions from 0 to 1, of the same shape.
            sample_weight: (batch,), or of that shape.
        """
        selected = select(y_true, y_pred, sample_weight, self.dtype, class_id=self.class_id)
        if self.num_thresholds > 2:
            found = bucketed_counts(*selected, self.num_thresholds)
        else:
            names = ("true_positives", "false_positives", "true_negatives", "false_negatives")
            found = counts(*selected, self.thresholds, names)
        for variable, count in zip(self.variables, found, strict=True):
            variable.assign_add(count)

    def _rates(self) -> tuple[Any, Any, Any]:
        """(precision, recall, specificity), each (thresholds,)."""
        tp, fp, tn, fn = (ops.convert_to_tensor(variable) for variable in self.variables)
        return ops.divide_no_nan(tp, tp + fp), ops.divide_no_nan(tp, tp + fn), ops.divide_no_nan(tn, tn + fp)

    def _best(self, wanted: Any, constrained: Any) -> Any:
        return ops.max(ops.where(constrained >= self.value, wanted, ops.zeros_like(wanted)))


class SensitivityAtSpecificity(_BestAtConstraint):
    """The best sensitivity (recall) at thresholds where the specificity is at least this.

    sensitivity = TP / (TP + FN), specificity = TN / (TN + FP).

    Args:
        specificity: between 0 and 1.
        num_thresholds: how many thresholds from 0 to 1 are looked at.
        class_id: the one class to look at; all if None.
        name: name of the metric.
        dtype: see `Metric`.

    >>> from hornbook import metrics
    >>> float(metrics.SensitivityAtSpecificity(0.5)([0, 0, 0, 1, 1], [0, 0.3, 0.8, 0.3, 0.8]))
    0.5
    """

    def __init__(
        self,
        specificity: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(specificity, "specificity", num_thresholds, class_id, name, dtype)
        self.specificity = specificity

    def result(self) -> Any:
        """The sensitivity, a scalar."""
        _, sensitivity, specificity = self._rates()
        return self._best(sensitivity, specificity)


class SpecificityAtSensitivity(_BestAtConstraint):
    """The best specificity at thresholds where the sensitivity (recall) is at least this.

    sensitivity = TP / (TP + FN), specificity = TN / (TN + FP).

    Args:
        sensitivity: between 0 and 1.
        num_thresholds: how many thresholds from 0 to 1 are looked at.
        class_id: the one class to look at; all if None.
        name: name of the metric.
        dtype: see `Metric`.

    >>> from hornbook import metrics
    >>> round(float(metrics.SpecificityAtSensitivity(0.5)([0, 0, 0, 1, 1], [0, 0.3, 0.8, 0.3, 0.8])), 4)
    0.6667
    """

    def __init__(
        self,
        sensitivity: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(sensitivity, "sensitivity", num_thresholds, class_id, name, dtype)
        self.sensitivity = sensitivity

    def result(self) -> Any:
        """The specificity, a scalar."""
        _, sensitivity, specificity = self._rates()
        return self._best(specificity, sensitivity)


class PrecisionAtRecall(_BestAtConstraint):
    """The best precision at thresholds where the recall is at least this.

    Args:
        recall: between 0 and 1.
        num_thresholds: how many thresholds from 0 to 1 are looked at.
        class_id: the one class to look at; all if None.
        name: name of the metric.
        dtype: see `Metric`.

    >>> from hornbook import metrics
    >>> float(metrics.PrecisionAtRecall(0.5)([0, 0, 0, 1, 1], [0, 0.3, 0.8, 0.3, 0.8]))
    0.5
    """

    def __init__(
        self,
        recall: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(recall, "recall", num_thresholds, class_id, name, dtype)
        self.recall = recall

    def result(self) -> Any:
        """The precision, a scalar."""
        precision, recall, _ = self._rates()
        return self._best(precision, recall)


class RecallAtPrecision(_BestAtConstraint):
    """The best recall at thresholds where the precision is at least this.

    Args:
        precision: between 0 and 1.
        num_thresholds: how many thresholds from 0 to 1 are looked at.
        class_id: the one class to look at; all if None.
        name: name of the metric.
        dtype: see `Metric`.

    >>> from hornbook import metrics
    >>> float(metrics.RecallAtPrecision(0.8)([0, 0, 1, 1], [0, 0.5, 0.3, 0.9]))
    0.5
    """

    def __init__(
        self,
        precision: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(precision, "precision", num_thresholds, class_id, name, dtype)
        self.precision = precision

    def result(self) -> Any:
        """The recall, a scalar."""
        precision, recall, _ = self._rates()
        return self._best(recall, precision)


# ---------------------------------------------------------------------------------------------- areas under curves
class AUC(Metric):
    """The area under the ROC or precision-recall curve, as a sum over thresholds.

    ROC: recall TP / (TP + FN) over the false positive rate FP / (FP + TN). PR: precision TP / (TP + FP) over recall.
    PRGAIN: precision gain 1 - (P / N) FP / TP over recall gain 1 - (P / N) FN / TP, with P, N the positives and
    negatives there are.

    Args:
        num_thresholds: how many thresholds from 0 to 1 the curve is made of.
        curve: "ROC", "PR" or "PRGAIN".
        summation_method: height between two points: "interpolation" (trapezoids for ROC, the curve between two counts
            for PR), "minoring" (the lower of the two) or "majoring" (the higher).
        name: name of the metric.
        dtype: see `Metric`.
        thresholds: thresholds between 0 and 1 instead of evenly spaced ones.
        multi_label: compute the area of each label, of (batch, labels), and average; else all labels are one.
        num_labels: the number of labels, where state is to be made before the first batch.
        label_weights: weights of the labels in the average, or, without `multi_label`, of their predictions.
        from_logits: whether y_pred holds logits instead of probabilities.

    Raises:
        ValueError: for an unknown curve or method, or fewer than two thresholds.

    Sources: Davis and Goadrich 2006, "The Relationship Between Precision-Recall and ROC Curves"; Flach and Kull 2015,
    "Precision-Recall-Gain Curves: PR Analysis Done Right".

    >>> from hornbook import metrics
    >>> float(metrics.AUC(num_thresholds=3)([0, 0, 1, 1], [0, 0.5, 0.3, 0.9]))
    0.75
    """

    _direction = "up"

    def __init__(
        self,
        num_thresholds: int = 200,
        curve: str = "ROC",
        summation_method: str = "interpolation",
        name: str | None = None,
        dtype: Any = None,
        thresholds: Any = None,
        multi_label: bool = False,
        num_labels: int | None = None,
        label_weights: Any = None,
        from_logits: bool = False,
    ) -> None:
        curve, summation_method = str(curve).upper(), str(summation_method).lower()
        if curve not in ("ROC", "PR", "PRGAIN"):
            raise ValueError(f"curve must be 'ROC', 'PR' or 'PRGAIN', got {curve!r}.")
        if summation_method not in ("interpolation", "minoring", "majoring"):
            raise ValueError(
                f"summation_method must be 'interpolation', 'minoring' or 'majoring', got {summation_method!r}."
            )
        super().__init__(name=name, dtype=dtype)
        self._given_thresholds = None
        if thresholds is not None:
            inner = sorted(float(t) for t in parse_thresholds(thresholds, 0.5))
            self._given_thresholds, num_thresholds = inner, len(inner) + 2
        elif num_thresholds <= 1:
            raise ValueError(f"num_thresholds must be greater than 1, got {num_thresholds}.")
        else:
            check_weight_budget("thresholds", (num_thresholds,), "float64")
            inner = [(i + 1) / (num_thresholds - 1) for i in range(num_thresholds - 2)]
        # The outermost lie beyond 0 and 1: at one every prediction is positive, at the other negative.
        self.thresholds = [0.0 - backend.epsilon(), *inner, 1.0 + backend.epsilon()]
        self.num_thresholds, self.curve, self.summation_method = num_thresholds, curve, summation_method
        self.multi_label, self.num_labels, self.from_logits = multi_label, num_labels, from_logits
        self.label_weights = None if label_weights is None else np.asarray(label_weights, dtype="float32")
        self._built = False
        if multi_label:
            if num_labels:
                self._build((None, num_labels))
        elif num_labels:
            raise ValueError("num_labels goes with multi_label=True.")
        else:
            self._build(None)

    def _build(self, shape: Any) -> None:
        state = (self.num_thresholds,)
        if self.multi_label:
            if len(shape) != 2:
                raise ValueError(f"With multi_label=True y_pred must have shape (batch, labels), got {tuple(shape)}.")
            state = (self.num_thresholds, shape[1])
        self.true_positives = self.add_variable(state, "zeros", name="true_positives")
        self.false_positives = self.add_variable(state, "zeros", name="false_positives")
        self.true_negatives = self.add_variable(state, "zeros", name="true_negatives")
        self.false_negatives = self.add_variable(state, "zeros", name="false_negatives")
        self._built = True

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add a batch.

        Args:
            y_true: labels 0 or 1, (batch, ...).
            y_pred: probabilities, or logits with `from_logits`, of the same shape.
            sample_weight: (batch,), or of that shape.
        """
        y_true, y_pred, weights = select(y_true, y_pred, sample_weight, self.dtype)
        y_pred = ops.sigmoid(y_pred) if self.from_logits else y_pred
        if not self._built:
            self._build(y_pred.shape)
        if self.label_weights is not None and not self.multi_label:
            weights = (ops.ones_like(y_pred) if weights is None else weights) * self.label_weights
        if self._given_thresholds is None and self.num_thresholds > 2:
            found = bucketed_counts(y_true, y_pred, weights, self.num_thresholds, per_label=self.multi_label)
        else:
            found = self._compared_counts(y_true, y_pred, weights)
        for variable, count in zip(self.variables, found, strict=True):
            variable.assign_add(count)

    def _compared_counts(self, y_true: Any, y_pred: Any, weights: Any) -> list:
        """The four counts at thresholds that are not evenly spaced."""
        names = ("true_positives", "false_positives", "true_negatives", "false_negatives")
        if not self.multi_label:
            return counts(y_true, y_pred, weights, self.thresholds, names)
        labels = [
            counts(y_true[:, i], y_pred[:, i], None if weights is None else weights[:, i], self.thresholds, names)
            for i in range(y_pred.shape[1])
        ]
        return [ops.stack(count, axis=-1) for count in zip(*labels, strict=True)]

    def result(self) -> Any:
        """The area, a scalar."""
        if not self._built:
            return ops.zeros((), dtype=self.dtype)
        tp, fp, tn, fn = (ops.convert_to_tensor(variable) for variable in self.variables)
        if self.curve == "PR" and self.summation_method == "interpolation":
            return self._average(self._interpolated_pr(tp, fp, fn), tp, fn)
        recall = ops.divide_no_nan(tp, tp + fn)
        if self.curve == "ROC":
            x, y = ops.divide_no_nan(fp, fp + tn), recall
        elif self.curve == "PR":
            x, y = recall, ops.divide_no_nan(tp, tp + fp)
        else:
            odds = (tp + fn) / (fp + tn + backend.epsilon())
            x = ops.maximum(1 - odds * fn / (tp + backend.epsilon()), 0.0)  # no gain below that of chance
            y = 1 - odds * ops.divide_no_nan(fp, tp)
        height = {
            "interpolation": lambda a, b: (a + b) / 2.0,
            "minoring": ops.minimum,
            "majoring": ops.maximum,
        }[self.summation_method](y[:-1], y[1:])
        return self._average((x[:-1] - x[1:]) * height, tp, fn)

    def _average(self, slices: Any, tp: Any, fn: Any) -> Any:
        if not self.multi_label:
            return ops.sum(slices)
        areas = ops.sum(slices, axis=0)
        if self.label_weights is None:
            return ops.mean(areas)
        return ops.divide_no_nan(ops.sum(areas * self.label_weights), ops.sum(self.label_weights))

    @staticmethod
    def _interpolated_pr(tp: Any, fp: Any, fn: Any) -> Any:
        """The area of each slice, where TP grows as a straight line in TP + FP between two thresholds.

        With TP = a + s P, P = TP + FP, the precision is TP / P and its integral over TP is
        s (dTP + a log(P1 / P0)).
        """
        claimed = tp + fp
        slope = ops.divide_no_nan(tp[:-1] - tp[1:], ops.maximum(claimed[:-1] - claimed[1:], 0.0))
        intercept = tp[1:] - slope * claimed[1:]
        both = ops.logical_and(claimed[:-1] > 0, claimed[1:] > 0)
        ratio = ops.where(
            both, ops.divide_no_nan(claimed[:-1], ops.maximum(claimed[1:], 0.0)), ops.ones_like(claimed[1:])
        )
        area = slope * (tp[:-1] - tp[1:] + intercept * ops.log(ratio))
        return ops.divide_no_nan(area, ops.maximum(tp[1:] + fn[1:], 0.0))

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments; thresholds only where they were given."""
        config = super().get_config()
        config["label_weights"] = None if self.label_weights is None else self.label_weights.tolist()
        del config["thresholds"]
        return config if self._given_thresholds is None else {**config, "thresholds": self._given_thresholds}
