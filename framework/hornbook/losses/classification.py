"""Losses between labels and predictions: cross-entropies, their focal variants, hinges, overlaps, pairs, CTC."""

import warnings
from typing import Any

from hornbook import backend, ops
from hornbook.losses.base import LossFunctionWrapper, aligned, shown


# ----------------------------------------------------------------------------------------- yes or no
def binary_crossentropy(
    y_true: Any, y_pred: Any, from_logits: bool = False, label_smoothing: float = 0.0, axis: int = -1
) -> Any:
    """mean(-y log(p) - (1 - y) log(1 - p)) over an axis.

    Args:
        y_true: labels y, 0 or 1 or between, (batch, ..., d).
        y_pred: probabilities p, or logits, of the same shape.
        from_logits: whether p = sigmoid(y_pred) is still to be computed.
        label_smoothing: s: the labels become y (1 - s) + s / 2.
        axis: the axis to average over.

    Returns:
        Values of the shape without that axis.

    >>> from hornbook import losses
    >>> losses.binary_crossentropy([[1.0, 0.0]], [[0.8, 0.4]]).numpy().round(4)
    array([0.367], dtype=float32)
    """
    y_true, y_pred = aligned(y_true, y_pred)
    y_true = _smooth(y_true, label_smoothing, 2)
    return ops.mean(ops.binary_crossentropy(y_true, y_pred, from_logits=from_logits), axis=axis)


class BinaryCrossentropy(LossFunctionWrapper):
    """-y log(p) - (1 - y) log(1 - p): the negative log-likelihood of yes/no labels.

    Args:
        from_logits: whether y_pred holds logits instead of probabilities.
        label_smoothing: s: the labels become y (1 - s) + s / 2.
        axis: the axis to average over.
        reduction: see `Loss`.
        name: name of the loss.
        dtype: see `Loss`.

    >>> from hornbook import losses
    >>> round(float(losses.BinaryCrossentropy()([[1.0, 0.0]], [[0.8, 0.4]])), 4)
    0.367
    """

    def __init__(
        self,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str = "binary_crossentropy",
        dtype: Any = None,
    ) -> None:
        how = {"from_logits": from_logits, "label_smoothing": label_smoothing, "axis": axis}
        super().__init__(binary_crossentropy, reduction, name, dtype, **how)


def binary_focal_crossentropy(
    y_true: Any,
    y_pred: Any,
    apply_class_balancing: bool = False,
    alpha: float = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Any:
    """mean(-(1 - p_t)^gamma log(p_t)) over an axis, where p_t is the probability given to the true label.

    Args:
        y_true: labels, 0 or 1, (batch, ..., d).
        y_pred: probabilities, or logits, of the same shape.
        apply_class_balancing: weight class 1 by alpha and class 0 by 1 - alpha.
        alpha: that weight.
        gamma: how strongly easy examples are turned down; 0 is the plain cross-entropy.
        from_logits: whether y_pred holds logits.
        label_smoothing: s: the labels become y (1 - s) + s / 2.
        axis: the axis to average over.

    Returns:
        Values of the shape without that axis.

    Source: Lin et al. 2017, "Focal Loss for Dense Object Detection", https://arxiv.org/abs/1708.02002.

    >>> from hornbook import losses
    >>> losses.binary_focal_crossentropy([[1.0, 0.0]], [[0.8, 0.4]]).numpy().round(4)
    array([0.0453], dtype=float32)
    """
    y_true, y_pred = aligned(y_true, y_pred)
    y_true = _smooth(y_true, label_smoothing, 2)
    p = ops.sigmoid(y_pred) if from_logits else y_pred
    cross_entropy = ops.binary_crossentropy(y_true, p, from_logits=False)
    p_t = y_true * p + (1 - y_true) * (1 - p)
    focal = ops.power(1.0 - p_t, gamma) * cross_entropy
    if apply_class_balancing:
        focal = (y_true * alpha + (1 - y_true) * (1 - alpha)) * focal
    return ops.mean(focal, axis=axis)


class BinaryFocalCrossentropy(LossFunctionWrapper):
    """-(1 - p_t)^gamma log(p_t): the cross-entropy with easy examples turned down.

    Args:
        apply_class_balancing: weight class 1 by alpha and class 0 by 1 - alpha.
        alpha: that weight.
        gamma: how strongly easy examples are turned down.
        from_logits: whether y_pred holds logits.
        label_smoothing: s: the labels become y (1 - s) + s / 2.
        axis: the axis to average over.
        reduction: see `Loss`.
        name: name of the loss.
        dtype: see `Loss`.

    Source: Lin et al. 2017, "Focal Loss for Dense Object Detection", https://arxiv.org/abs/1708.02002.

    >>> from hornbook import losses
    >>> round(float(losses.BinaryFocalCrossentropy()([[1.0, 0.0]], [[0.8, 0.4]])), 4)
    0.0453
    """

    def __init__(
        self,
        apply_class_balancing: bool = False,
        alpha: float = 0.25,
        gamma: float = 2.0,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str = "binary_focal_crossentropy",
        dtype: Any = None,
    ) -> None:
        focus = {"apply_class_balancing": apply_class_balancing, "alpha": alpha, "gamma": gamma}
        how = {"from_logits": from_logits, "label_smoothing": label_smoothing, "axis": axis}
        super().__init__(binary_focal_crossentropy, reduction, name, dtype, **focus, **how)


# ------------------------------------------------------------------------------------------------- one class of many
def categorical_crossentropy(
    y_true: Any, y_pred: Any, from_logits: bool = False, label_smoothing: float = 0.0, axis: int = -1
) -> Any:
    """-sum(y log(p)) over the classes, for one-hot labels.

    Args:
        y_true: labels y, one-hot or probabilities, (batch, ..., classes).
        y_pred: probabilities p (scaled to sum 1), or logits, of the same shape.
        from_logits: whether p = softmax(y_pred) is still to be computed.
        label_smoothing: s: the labels become y (1 - s) + s / classes.
        axis: the axis of the classes.

    Returns:
        Values of the shape without that axis.

    Raises:
        ValueError: for labels that are not of the shape of y_pred, such as class numbers.

    >>> from hornbook import losses
    >>> losses.categorical_crossentropy([[0.0, 1.0, 0.0]], [[0.05, 0.9, 0.05]]).numpy().round(4)
    array([0.1054], dtype=float32)
    """
    y_true, y_pred = _one_hot_aligned("categorical_crossentropy", y_true, y_pred, axis)
    y_true = _smooth(y_true, label_smoothing, y_pred.shape[axis])
    return ops.categorical_crossentropy(y_true, y_pred, from_logits=from_logits, axis=axis)


class CategoricalCrossentropy(LossFunctionWrapper):
    """-sum(y log(p)): the negative log-likelihood of one-hot labels.

    Args:
        from_logits: whether y_pred holds logits instead of probabilities.
        label_smoothing: s: the labels become y (1 - s) + s / classes.
        axis: the axis of the classes.
        reduction: see `Loss`.
        name: name of the loss.
        dtype: see `Loss`.

    >>> from hornbook import losses
    >>> round(float(losses.CategoricalCrossentropy()([[0.0, 1.0]], [[0.1, 0.9]])), 4)
    0.1054
    """

    def __init__(
        self,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str = "categorical_crossentropy",
        dtype: Any = None,
    ) -> None:
        how = {"from_logits": from_logits, "label_smoothing": label_smoothing, "axis": axis}
        super().__init__(categorical_crossentropy, reduction, name, dtype, **how)


def categorical_focal_crossentropy(
    y_true: Any,
    y_pred: Any,
    alpha: Any = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Any:
    """-sum(alpha (1 - p)^gamma y log(p)) over the classes, for one-hot labels.

    Args:
        y_true: one-hot labels y, (batch, ..., classes).
        y_pred: probabilities p (scaled to sum 1), or logits, of the same shape.
        alpha: weight of all classes, or a list with one for each.
        gamma: how strongly easy examples are turned down.
        from_logits: whether y_pred holds logits.
        label_smoothing: s: the labels become y (1 - s) + s / classes.
        axis: the axis of the classes.

    Returns:
        Values of the shape without that axis.

    Source: Lin et al. 2017, "Focal Loss for Dense Object Detection", https://arxiv.org/abs/1708.02002.

    >>> from hornbook import losses
    >>> losses.categorical_focal_crossentropy([[0.0, 1.0]], [[0.5, 0.5]]).numpy().round(4)
    array([0.0433], dtype=float32)
    """
    y_true, y_pred = _one_hot_aligned("categorical_focal_crossentropy", y_true, y_pred, axis)
    y_true = _smooth(y_true, label_smoothing, y_pred.shape[axis])
    p = ops.softmax(y_pred, axis=axis) if from_logits else y_pred
    p = ops.clip(p / ops.sum(p, axis=axis, keepdims=True), backend.epsilon(), 1.0 - backend.epsilon())
    weight = ops.convert_to_tensor(alpha, dtype=p.dtype) * ops.power(1.0 - p, gamma)
    return ops.sum(-weight * y_true * ops.log(p), axis=axis)


class CategoricalFocalCrossentropy(LossFunctionWrapper):
    """-sum(alpha (1 - p)^gamma y log(p)): the cross-entropy with easy examples turned down.

    Args:
        alpha: weight of all classes, or a list with one for each.
        gamma: how strongly easy examples are turned down.
        from_logits: whether y_pred holds logits.
        label_smoothing: s: the labels become y (1 - s) + s / classes.
        axis: the axis of the classes.
        reduction: see `Loss`.
        name: name of the loss.
        dtype: see `Loss`.

    Source: Lin et al. 2017, "Focal Loss for Dense Object Detection", https://arxiv.org/abs/1708.02002.

    >>> from hornbook import losses
    >>> round(float(losses.CategoricalFocalCrossentropy()([[0.0, 1.0]], [[0.5, 0.5]])), 4)
    0.0433
    """

    def __init__(
        self,
        alpha: Any = 0.25,
        gamma: float = 2.0,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str = "categorical_focal_crossentropy",
        dtype: Any = None,
    ) -> None:
        focus = {"alpha": alpha, "gamma": gamma}
        how = {"from_logits": from_logits, "label_smoothing": label_smoothing, "axis": axis}
        super().__init__(categorical_focal_crossentropy, reduction, name, dtype, **focus, **how)


def sparse_categorical_crossentropy(
    y_true: Any, y_pred: Any, from_logits: bool = False, ignore_class: int | None = None, axis: int = -1
) -> Any:
    """-log(p[y]), for labels that are class numbers.

    Args:
        y_true: class numbers y, (batch, ...); a last axis of size 1 may follow.
        y_pred: probabilities p, or logits, (batch, ..., classes).
        from_logits: whether p = softmax(y_pred) is still to be computed.
        ignore_class: a label whose positions give 0 and are masked out of means.
        axis: the axis of the classes.

    Returns:
        Values of shape (batch, ...).

    Raises:
        ValueError: for one-hot labels.

    >>> from hornbook import losses
    >>> losses.sparse_categorical_crossentropy([1], [[0.1, 0.9]]).numpy().round(4)
    array([0.1054], dtype=float32)
    """
    y_pred, y_true = ops.convert_to_tensor(y_pred), ops.convert_to_tensor(y_true)
    if _looks_one_hot(y_true, y_pred, axis):
        raise ValueError(
            f"sparse_categorical_crossentropy expects class numbers of shape {_without(y_pred.shape, axis)}, one for "
            f"each prediction; got y_true of shape {shown(y_true)}, which looks one-hot. "
            f"Use categorical_crossentropy, or ops.argmax(y_true, axis={axis})."
        )
    if ignore_class is None:
        return ops.sparse_categorical_crossentropy(y_true, y_pred, from_logits=from_logits, axis=axis)
    kept = ops.not_equal(y_true, ops.cast(ignore_class, y_true.dtype))
    y_true = ops.where(kept, y_true, ops.zeros_like(y_true))
    values = ops.sparse_categorical_crossentropy(y_true, y_pred, from_logits=from_logits, axis=axis)
    kept = ops.reshape(kept, ops.shape(values))
    values = ops.where(kept, values, ops.zeros_like(values))
    values._keras_mask = kept
    return values


class SparseCategoricalCrossentropy(LossFunctionWrapper):
    """-log(p[y]): the negative log-likelihood of labels that are class numbers.

    Args:
        from_logits: whether y_pred holds logits instead of probabilities.
        ignore_class: a label whose positions do not count, such as 255 for "no label" in segmentation.
        reduction: see `Loss`.
        axis: the axis of the classes.
        name: name of the loss.
        dtype: see `Loss`.

    >>> from hornbook import losses
    >>> round(float(losses.SparseCategoricalCrossentropy()([1], [[0.1, 0.9]])), 4)
    0.1054
    """

    _unwritten_defaults = {"axis": -1}

    def __init__(
        self,
        from_logits: bool = False,
        ignore_class: int | None = None,
        reduction: str | None = "sum_over_batch_size",
        axis: int = -1,
        name: str = "sparse_categorical_crossentropy",
        dtype: Any = None,
    ) -> None:
        how = {"from_logits": from_logits, "ignore_class": ignore_class, "axis": axis}
        super().__init__(sparse_categorical_crossentropy, reduction, name, dtype, **how)

    def _targets(self, y_true: Any) -> Any:
        """Class numbers as they are: a float holds not all of them, and they would be turned back."""
        if backend.is_tensor(y_true) and backend.standardize_dtype(y_true.dtype) in ("int32", "int64"):
            return y_true
        return super()._targets(y_true)


def categorical_generalized_cross_entropy(y_true: Any, y_pred: Any, q: float) -> Any:
    """(1 - p[y]^q) / q, for labels that are class numbers: near the cross-entropy for small q, the error for q = 1.

    Args:
        y_true: class numbers, (batch,) or (batch, 1).
        y_pred: probabilities p, (batch, classes).
        q: robustness to wrong labels, between 0 and 1.

    Returns:
        Values of shape (batch,).

    Source: Zhang and Sabuncu 2018, "Generalized Cross Entropy Loss for Training Deep Neural Networks with Noisy
    Labels", https://arxiv.org/abs/1805.07836.

    >>> from hornbook import losses
    >>> losses.categorical_generalized_cross_entropy([1], [[0.75, 0.25]], q=0.5).numpy().tolist()
    [1.0]
    """
    y_pred = ops.convert_to_tensor(y_pred)
    y_true = ops.convert_to_tensor(y_true)
    if len(y_true.shape) == len(y_pred.shape) and y_true.shape[-1] == 1:
        y_true = ops.squeeze(y_true, -1)
    one_hot = ops.one_hot(ops.cast(y_true, "int32"), y_pred.shape[-1], dtype=y_pred.dtype)
    p = ops.sum(one_hot * y_pred, axis=-1)
    return (1.0 - ops.power(p, q)) / q


class CategoricalGeneralizedCrossEntropy(LossFunctionWrapper):
    """(1 - p[y]^q) / q: a cross-entropy that wrong labels harm less.

    Args:
        q: robustness to wrong labels, between 0 and 1.
        reduction: see `Loss`.
        name: name of the loss.
        dtype: see `Loss`.

    Raises:
        ValueError: for a q outside (0, 1).

    >>> from hornbook import losses
    >>> float(losses.CategoricalGeneralizedCrossEntropy()([1], [[0.75, 0.25]]))
    1.0
    """

    def __init__(
        self,
        q: float = 0.5,
        reduction: str | None = "sum_over_batch_size",
        name: str = "categorical_generalized_cross_entropy",
        dtype: Any = None,
    ) -> None:
        if not 0 < q < 1:
            raise ValueError(f"q must be between 0 and 1, got {q}.")
        super().__init__(categorical_generalized_cross_entropy, reduction, name, dtype, q=q)


# ---------------------------------------------------------------------------------------------------------- margins
def hinge(y_true: Any, y_pred: Any) -> Any:
    """mean(max(1 - y_true * y_pred, 0)) over the last axis.

    Args:
        y_true: labels -1 or 1, (batch, ..., d); labels 0 and 1 are taken for -1 and 1.
        y_pred: scores, of the same shape.

    Returns:
        Values of shape (batch, ...).

    >>> from hornbook import losses
    >>> losses.hinge([[-1.0, 1.0]], [[0.5, 2.0]]).numpy().tolist()
    [0.75]
    """
    y_true, y_pred = aligned(y_true, y_pred)
    return ops.mean(ops.maximum(1.0 - _signs(y_true) * y_pred, 0.0), axis=-1)


class Hinge(LossFunctionWrapper):
    """max(1 - y_true * y_pred, 0), the loss of support vector machines.

    Args:
        reduction: see `Loss`.
        name: name of the loss.
        dtype: see `Loss`.

    >>> from hornbook import losses
    >>> float(losses.Hinge()([[-1.0, 1.0]], [[0.5, 2.0]]))
    0.75
    """

    def __init__(self, reduction: str | None = "sum_over_batch_size", name: str = "hinge", dtype: Any = None) -> None:
        super().__init__(hinge, reduction, name, dtype)


def squared_hinge(y_true: Any, y_pred: Any) -> Any:
    """mean(max(1 - y_true * y_pred, 0)^2) over the last axis.

    Args:
        y_true: labels -1 or 1, (batch, ..., d); labels 0 and 1 are taken for -1 and 1.
        y_pred: scores, of the same shape.

    Returns:
        Values of shape (batch, ...).

    >>> from hornbook import losses
    >>> losses.squared_hinge([[-1.0, 1.0]], [[0.5, 2.0]]).numpy().tolist()
    [1.125]
    """
    y_true, y_pred = aligned(y_true, y_pred)
    return ops.mean(ops.square(ops.maximum(1.0 - _signs(y_true) * y_pred, 0.0)), axis=-1)


class SquaredHinge(LossFunctionWrapper):
    """max(1 - y_true * y_pred, 0)^2.

    Args:
        reduction: see `Loss`.
        name: name of the loss.
        dtype: see `Loss`.

    >>> from hornbook import losses
    >>> float(losses.SquaredHinge()([[-1.0, 1.0]], [[0.5, 2.0]]))
    1.125
    """

    def __init__(
        self, reduction: str | None = "sum_over_batch_size", name: str = "squared_hinge", dtype: Any = None
    ) -> None:
        super().__init__(squared_hinge, reduction, name, dtype)


def categorical_hinge(y_true: Any, y_pred: Any) -> Any:
    """max(best score of a wrong class - score of the right class + 1, 0).

    Args:
        y_true: one-hot labels, (batch, ..., classes).
        y_pred: scores, of the same shape.

    Returns:
        Values of shape (batch, ...).

    >>> from hornbook import losses
    >>> losses.categorical_hinge([[0.0, 1.0]], [[0.5, 1.0]]).numpy().tolist()
    [0.5]
    """
    y_true, y_pred = _one_hot_aligned("categorical_hinge", y_true, y_pred, -1)
    right = ops.sum(y_true * y_pred, axis=-1)
    wrong = ops.max((1.0 - y_true) * y_pred, axis=-1)
    return ops.maximum(wrong - right + 1.0, 0.0)


class CategoricalHinge(LossFunctionWrapper):
    """max(best score of a wrong class - score of the right class + 1, 0).

    Args:
        reduction: see `Loss`.
        name: name of the loss.
        dtype: see `Loss`.

    >>> from hornbook import losses
    >>> float(losses.CategoricalHinge()([[0.0, 1.0]], [[0.5, 1.0]]))
    0.5
    """

    def __init__(
        self, reduction: str | None = "sum_over_batch_size", name: str = "categorical_hinge", dtype: Any = None
    ) -> None:
        super().__init__(categorical_hinge, reduction, name, dtype)


# --------------------------------------------------------------------------------------------------------- overlaps
def dice(y_true: Any, y_pred: Any, axis: Any = None) -> Any:
    """1 - 2 sum(y_true * y_pred) / (sum(y_true) + sum(y_pred)): one minus the overlap of two masks.

    Args:
        y_true: masks, 0 or 1.
        y_pred: predictions between 0 and 1, of the same shape.
        axis: axes that one mask fills; all of them, the batch too, if None.

    Returns:
        Values of the shape without those axes.

    >>> from hornbook import losses
    >>> round(float(losses.dice([[1.0, 1.0, 0.0]], [[1.0, 0.0, 0.0]])), 4)
    0.3333
    """
    y_true, y_pred = aligned(y_true, y_pred)
    overlap = ops.sum(y_true * y_pred, axis=axis)
    sizes = ops.sum(y_true, axis=axis) + ops.sum(y_pred, axis=axis)
    return 1.0 - 2.0 * overlap / (sizes + backend.epsilon())


class Dice(LossFunctionWrapper):
    """1 - 2 |A and B| / (|A| + |B|): one minus the overlap of two masks, for segmentation.

    Args:
        reduction: see `Loss`.
        name: name of the loss.
        axis: axes that one mask fills, such as (1, 2, 3); all of them, the batch too, if None.
        dtype: see `Loss`.

    >>> from hornbook import losses
    >>> round(float(losses.Dice()([[1.0, 1.0, 0.0]], [[1.0, 0.0, 0.0]])), 4)
    0.3333
    """

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str = "dice",
        axis: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(dice, reduction, name, dtype, axis=axis)


def tversky(y_true: Any, y_pred: Any, alpha: float = 0.5, beta: float = 0.5, axis: Any = None) -> Any:
    """1 - t / (t + alpha m + beta w), with t = sum(y_true * y_pred), m what is missed, w what is wrongly claimed.

    m = sum(y_true * (1 - y_pred)), w = sum((1 - y_true) * y_pred); alpha = beta = 0.5 is the Dice loss.

    Args:
        y_true: masks, 0 or 1.
        y_pred: predictions between 0 and 1, of the same shape.
        alpha: cost of what is missed.
        beta: cost of what is wrongly claimed.
        axis: axes that one mask fills; all of them, the batch too, if None.

    Returns:
        Values of the shape without those axes.

    Source: Salehi et al. 2017, "Tversky loss function for image segmentation", https://arxiv.org/abs/1706.05721.

    >>> from hornbook import losses
    >>> round(float(losses.tversky([[1.0, 1.0, 0.0]], [[1.0, 0.0, 0.0]], alpha=1.0, beta=0.0)), 4)
    0.5
    """
    y_true, y_pred = aligned(y_true, y_pred)
    overlap = ops.sum(y_true * y_pred, axis=axis)
    missed = ops.sum(y_true * (1.0 - y_pred), axis=axis)
    claimed = ops.sum((1.0 - y_true) * y_pred, axis=axis)
    return 1.0 - overlap / (overlap + alpha * missed + beta * claimed + backend.epsilon())


class Tversky(LossFunctionWrapper):
    """One minus the Tversky index of two masks: Dice with a price each for missing and for claiming too much.

    Args:
        alpha: cost of what is missed.
        beta: cost of what is wrongly claimed.
        reduction: see `Loss`.
        name: name of the loss.
        axis: axes that one mask fills; all of them, the batch too, if None.
        dtype: see `Loss`.

    >>> from hornbook import losses
    >>> round(float(losses.Tversky()([[1.0, 1.0, 0.0]], [[1.0, 0.0, 0.0]])), 4)
    0.3333
    """

    def __init__(
        self,
        alpha: float = 0.5,
        beta: float = 0.5,
        reduction: str | None = "sum_over_batch_size",
        name: str = "tversky",
        axis: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(tversky, reduction, name, dtype, alpha=alpha, beta=beta, axis=axis)


# ------------------------------------------------------------------------------------------------ pairs and sequences
def circle(
    y_true: Any,
    y_pred: Any,
    ref_labels: Any = None,
    ref_embeddings: Any = None,
    remove_diagonal: bool = True,
    gamma: float = 80,
    margin: float = 0.4,
) -> Any:
    """log(1 + sum_n exp(gamma a_n (s_n - m)) * sum_p exp(-gamma a_p (s_p - 1 + m))), for each sample.

    s_p are its cosine similarities to samples of the same class, s_n to those of other classes, m the margin,
    a_p = max(1 + m - s_p, 0), a_n = max(s_n + m, 0).

    Args:
        y_true: class numbers, (batch,) or (batch, 1).
        y_pred: embeddings of length 1, (batch, d).
        ref_labels: classes of what to compare with, (references,); the batch itself if None.
        ref_embeddings: its embeddings, (references, d).
        remove_diagonal: leave out each sample's comparison with itself.
        gamma: scale.
        margin: m.

    Returns:
        Values of shape (batch,).

    Source: Sun et al. 2020, "Circle Loss", https://arxiv.org/abs/2002.10857.

    >>> from hornbook import losses
    >>> losses.circle([0, 0, 1], [[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]], gamma=1).numpy().round(3)
    array([0.546, 0.546, 0.   ], dtype=float32)
    """
    y_pred = ops.convert_to_tensor(y_pred)
    y_true = ops.reshape(ops.convert_to_tensor(y_true), (-1, 1))
    references = y_pred if ref_embeddings is None else ops.convert_to_tensor(ref_embeddings, dtype=y_pred.dtype)
    labels = y_true if ref_labels is None else ops.convert_to_tensor(ref_labels, dtype=y_true.dtype)
    similarity = ops.matmul(y_pred, ops.transpose(references))  # (batch, references)
    same = ops.equal(y_true, ops.reshape(labels, (1, -1)))
    other = ops.logical_not(same)
    if remove_diagonal:
        size = ops.shape(y_pred)[0]
        same = ops.logical_and(same, ops.logical_not(ops.cast(ops.eye(size), "bool")))

    pull = ops.stop_gradient(ops.relu(1.0 + margin - similarity))
    push = ops.stop_gradient(ops.relu(similarity + margin))
    never = ops.full_like(similarity, float("-inf"))
    positive = ops.where(same, -gamma * pull * (similarity - 1.0 + margin), never)
    negative = ops.where(other, gamma * push * (similarity - margin), never)
    values = ops.softplus(ops.logsumexp(positive, axis=1) + ops.logsumexp(negative, axis=1))
    values._keras_mask = ops.any(same, axis=1)  # a sample without another of its class has nothing to say
    return values


class Circle(LossFunctionWrapper):
    """Pulls embeddings of one class together and pushes the others away, the farther off the harder.

    Args:
        gamma: scale.
        margin: how far from 1 and 0 the similarities may stay.
        remove_diagonal: leave out each sample's comparison with itself.
        reduction: see `Loss`.
        name: name of the loss.
        dtype: see `Loss`.

    Source: Sun et al. 2020, "Circle Loss", https://arxiv.org/abs/2002.10857.

    >>> from hornbook import losses
    >>> round(float(losses.Circle(gamma=1.0)([0, 0, 1], [[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])), 3)
    0.546
    """

    def __init__(
        self,
        gamma: float = 80.0,
        margin: float = 0.4,
        remove_diagonal: bool = True,
        reduction: str | None = "sum_over_batch_size",
        name: str = "circle",
        dtype: Any = None,
    ) -> None:
        how = {"gamma": gamma, "margin": margin, "remove_diagonal": remove_diagonal}
        super().__init__(circle, reduction, name, dtype, **how)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """A value for each sample of the batch."""
        return circle(y_true, y_pred, **self._fn_kwargs)


def ctc(y_true: Any, y_pred: Any) -> Any:
    """-log of the probability of a label sequence, summed over all its alignments with the time steps.

    Args:
        y_true: labels, (batch, labels), padded with 0, which is no label.
        y_pred: logits, (batch, time, classes), of which class 0 is "blank".

    Returns:
        Values of shape (batch,).

    Source: Graves et al. 2006, "Connectionist Temporal Classification".

    >>> from hornbook import losses
    >>> losses.ctc([[1]], [[[0.0, 0.0], [0.0, 0.0]]]).numpy().round(4)  # 1-1, 1-blank, blank-1 of 4 paths
    array([0.2877], dtype=float32)
    """
    y_pred = ops.convert_to_tensor(y_pred)
    y_true = ops.convert_to_tensor(y_true)
    if len(y_true.shape) != 2 or len(y_pred.shape) != 3:
        raise ValueError(
            "ctc expects y_true of shape (batch, labels) and y_pred of shape (batch, time, classes), "
            f"got {shown(y_true)} and {shown(y_pred)}."
        )
    y_true = ops.cast(y_true, "int32")
    batch, time = ops.shape(y_pred)[:2]
    label_lengths = ops.sum(ops.cast(ops.not_equal(y_true, 0), "int32"), axis=-1)
    return ops.ctc_loss(y_true, y_pred, label_lengths, time * ops.ones((batch,), dtype="int32"), mask_index=0)


class CTC(LossFunctionWrapper):
    """-log of the probability of a label sequence whose alignment with time is not known (speech, handwriting).

    Args:
        reduction: see `Loss`.
        name: name of the loss.
        dtype: see `Loss`.

    Source: Graves et al. 2006, "Connectionist Temporal Classification".

    >>> from hornbook import losses
    >>> round(float(losses.CTC()([[1]], [[[0.0, 0.0], [0.0, 0.0]]])), 4)
    0.2877
    """

    def __init__(self, reduction: str | None = "sum_over_batch_size", name: str = "ctc", dtype: Any = None) -> None:
        super().__init__(ctc, reduction, name, dtype)


# ----------------------------------------------------------------------------------------------------------- labels
def _smooth(y_true: Any, label_smoothing: float, classes: int) -> Any:
    return y_true * (1.0 - label_smoothing) + label_smoothing / classes if label_smoothing else y_true


def _signs(y_true: Any) -> Any:
    """Labels 0 and 1 as -1 and 1; others as they are."""
    binary = ops.all(ops.logical_or(ops.equal(y_true, 0), ops.equal(y_true, 1)))
    return ops.where(binary, 2.0 * y_true - 1.0, y_true)


def _one_hot_aligned(loss: str, y_true: Any, y_pred: Any, axis: int) -> tuple[Any, Any]:
    """Labels and predictions of one shape, or an error that says what class numbers need."""
    y_true, y_pred = ops.convert_to_tensor(y_true), ops.convert_to_tensor(y_pred)
    true_shape, pred_shape = shown(y_true), shown(y_pred)
    classes = pred_shape[axis] if pred_shape else None
    if classes not in (None, 1):
        numbers = len(true_shape) == len(pred_shape) - 1
        column = len(true_shape) == len(pred_shape) and true_shape[axis] == 1
        if numbers or column:
            sparse = "use sparse_categorical_crossentropy, or " if loss == "categorical_crossentropy" else ""
            raise ValueError(
                f"{loss} expects one-hot labels of the shape of y_pred, {pred_shape}; got y_true of shape "
                f"{true_shape}. For class numbers {sparse}make them one-hot with "
                f"utils.to_categorical(y, num_classes={classes})."
            )
    if classes == 1 and len(pred_shape) > 1 and loss == "categorical_crossentropy":
        warnings.warn(
            f"{loss} over a single class, y_pred of shape {pred_shape}, is always 0. "
            "For two classes in one output use binary_crossentropy.",
            SyntaxWarning,
            stacklevel=3,
        )
    return aligned(y_true, y_pred)


def _looks_one_hot(y_true: Any, y_pred: Any, axis: int) -> bool:
    true_shape, pred_shape = shown(y_true), shown(y_pred)
    return len(true_shape) == len(pred_shape) > 0 and true_shape[axis] == pred_shape[axis] not in (1, None)


def _without(shape: Any, axis: int) -> tuple:
    sizes = list(shape)
    if sizes:
        del sizes[axis]
    return tuple(sizes)
