"""Intersection over union: how well predicted regions cover the true ones, for segmentation."""

from collections.abc import Sequence
from typing import Any

from hornbook import backend, ops
from hornbook.metrics.base import Metric


class IoU(Metric):
    """TP / (TP + FP + FN) of each target class, averaged: intersection over union.

    Args:
        num_classes: how many classes there are.
        target_class_ids: the classes whose scores are averaged.
        name: name of the metric.
        dtype: dtype of the counts; "int64" if None.
        ignore_class: a label whose positions do not count, such as 255.
        sparse_y_true: whether y_true holds class numbers, else one-hot labels.
        sparse_y_pred: whether y_pred holds class numbers, else probabilities.
        axis: the axis of the classes where they are one-hot.

    Raises:
        ValueError: for target classes beyond num_classes.

    >>> from hornbook import metrics
    >>> round(float(metrics.IoU(num_classes=2, target_class_ids=[0])([0, 0, 1, 1], [0, 1, 0, 1])), 4)
    0.3333
    """

    _direction = "up"

    def __init__(
        self,
        num_classes: int,
        target_class_ids: Sequence[int],
        name: str | None = None,
        dtype: Any = None,
        ignore_class: int | None = None,
        sparse_y_true: bool = True,
        sparse_y_pred: bool = True,
        axis: int = -1,
    ) -> None:
        super().__init__(name=name, dtype=dtype or "int64")
        if max(target_class_ids) >= num_classes:
            raise ValueError(f"target_class_ids must be below num_classes={num_classes}, got {list(target_class_ids)}.")
        self.num_classes, self.target_class_ids = num_classes, list(target_class_ids)
        self.ignore_class, self.axis = ignore_class, axis
        self.sparse_y_true, self.sparse_y_pred = sparse_y_true, sparse_y_pred
        # Row: the true class; column: the predicted one.
        self.total_cm = self.add_variable((num_classes, num_classes), "zeros", name="total_confusion_matrix")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add a batch.

        Args:
            y_true: class numbers, (batch, ...), or one-hot labels with a further axis.
            y_pred: class numbers, or probabilities with a further axis.
            sample_weight: weights of the positions, of the shape of the class numbers, or (batch,).
        """
        y_true = ops.convert_to_tensor(y_true) if self.sparse_y_true else ops.argmax(y_true, axis=self.axis)
        y_pred = ops.convert_to_tensor(y_pred) if self.sparse_y_pred else ops.argmax(y_pred, axis=self.axis)
        shape = ops.shape(y_true)
        y_true = ops.cast(ops.reshape(y_true, (-1,)), "int64")
        y_pred = ops.cast(ops.reshape(y_pred, (-1,)), "int64")
        weights = ops.ones_like(y_true, dtype=self.dtype)
        if sample_weight is not None:
            weights = ops.convert_to_tensor(sample_weight, dtype=self.dtype)
            missing = len(shape) - len(weights.shape)
            if missing > 0 and len(weights.shape) > 0:
                weights = ops.reshape(weights, (*ops.shape(weights), *(1,) * missing))
            weights = weights if missing < 0 else ops.broadcast_to(weights, shape)
            weights = ops.reshape(weights, (-1,))
        if self.ignore_class is not None:
            kept = ops.not_equal(y_true, self.ignore_class)
            y_true, y_pred = (ops.where(kept, y, ops.zeros_like(y)) for y in (y_true, y_pred))
            weights = weights * ops.cast(kept, self.dtype)
        cells = self.num_classes * self.num_classes
        counts = ops.segment_sum(weights, y_true * self.num_classes + y_pred, num_segments=cells)
        self.total_cm.assign_add(ops.reshape(counts, (self.num_classes, self.num_classes)))

    def result(self) -> Any:
        """The mean over the target classes that occurred, a scalar."""
        matrix = ops.cast(self.total_cm, backend.floatx())
        overlap = ops.diagonal(matrix)
        union = ops.sum(matrix, axis=0) + ops.sum(matrix, axis=1) - overlap
        overlap, union = (ops.take(x, self.target_class_ids, axis=0) for x in (overlap, union))
        occurred = ops.sum(ops.cast(union > 0, union.dtype))
        return ops.divide_no_nan(ops.sum(ops.divide_no_nan(overlap, union)), occurred)


class BinaryIoU(IoU):
    """Intersection over union of two classes, from probabilities of class 1.

    Args:
        target_class_ids: the classes whose scores are averaged: (0, 1), [0] or [1].
        threshold: from it on the prediction is class 1.
        name: name of the metric.
        dtype: dtype of the counts; "int64" if None.

    >>> from hornbook import metrics
    >>> round(float(metrics.BinaryIoU(target_class_ids=[0, 1], threshold=0.3)([0, 1, 0, 1], [0.1, 0.2, 0.4, 0.7])), 4)
    0.3333
    """

    def __init__(
        self,
        target_class_ids: Sequence[int] = (0, 1),
        threshold: float = 0.5,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(num_classes=2, target_class_ids=target_class_ids, name=name, dtype=dtype)
        self.threshold = threshold

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add a batch.

        Args:
            y_true: labels 0 or 1, (batch, ...).
            y_pred: probabilities, of the same shape.
            sample_weight: weights, of the same shape, or (batch,).
        """
        y_pred = ops.convert_to_tensor(y_pred)
        super().update_state(y_true, ops.cast(y_pred >= self.threshold, "int64"), sample_weight)


class MeanIoU(IoU):
    """Intersection over union, averaged over all classes.

    Args:
        num_classes: how many classes there are.
        name: name of the metric.
        dtype: dtype of the counts; "int64" if None.
        ignore_class: a label whose positions do not count, such as 255.
        sparse_y_true: whether y_true holds class numbers, else one-hot labels.
        sparse_y_pred: whether y_pred holds class numbers, else probabilities.
        axis: the axis of the classes where they are one-hot.

    >>> from hornbook import metrics
    >>> round(float(metrics.MeanIoU(num_classes=2)([0, 0, 1, 1], [0, 1, 0, 1])), 4)
    0.3333
    """

    def __init__(
        self,
        num_classes: int,
        name: str | None = None,
        dtype: Any = None,
        ignore_class: int | None = None,
        sparse_y_true: bool = True,
        sparse_y_pred: bool = True,
        axis: int = -1,
    ) -> None:
        every = range(num_classes)
        super().__init__(num_classes, every, name, dtype, ignore_class, sparse_y_true, sparse_y_pred, axis)


class OneHotIoU(IoU):
    """Intersection over union of target classes, from one-hot labels.

    Args:
        num_classes: how many classes there are.
        target_class_ids: the classes whose scores are averaged.
        name: name of the metric.
        dtype: dtype of the counts; "int64" if None.
        ignore_class: a class whose positions do not count.
        sparse_y_pred: whether y_pred holds class numbers, else probabilities.
        axis: the axis of the classes.

    >>> from hornbook import metrics
    >>> metric = metrics.OneHotIoU(num_classes=2, target_class_ids=[0])
    >>> round(float(metric([[1, 0], [0, 1]], [[0.9, 0.1], [0.8, 0.2]])), 4)
    0.5
    """

    def __init__(
        self,
        num_classes: int,
        target_class_ids: Sequence[int],
        name: str | None = None,
        dtype: Any = None,
        ignore_class: int | None = None,
        sparse_y_pred: bool = False,
        axis: int = -1,
    ) -> None:
        super().__init__(num_classes, target_class_ids, name, dtype, ignore_class, False, sparse_y_pred, axis)


class OneHotMeanIoU(MeanIoU):
    """Intersection over union, averaged over all classes, from one-hot labels.

    Args:
        num_classes: how many classes there are.
        name: name of the metric.
        dtype: dtype of the counts; "int64" if None.
        ignore_class: a class whose positions do not count.
        sparse_y_pred: whether y_pred holds class numbers, else probabilities.
        axis: the axis of the classes.

    >>> from hornbook import metrics
    >>> round(float(metrics.OneHotMeanIoU(num_classes=2)([[1, 0], [0, 1]], [[0.9, 0.1], [0.2, 0.8]])), 4)
    1.0
    """

    def __init__(
        self,
        num_classes: int,
        name: str | None = None,
        dtype: Any = None,
        ignore_class: int | None = None,
        sparse_y_pred: bool = False,
        axis: int = -1,
    ) -> None:
        super().__init__(num_classes, name, dtype, ignore_class, False, sparse_y_pred, axis)
