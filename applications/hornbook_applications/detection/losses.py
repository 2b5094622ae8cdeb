"""How far predicted boxes are from those of the labels. The focal loss is `hornbook.losses.BinaryFocalCrossentropy`.

Axes: A boxes, R the bins of a distribution.
"""

from typing import Any

from hornbook import backend, losses, ops
from hornbook.utils.bounding_boxes import compute_ciou
from hornbook_applications.detection.boxes import compute_giou

__all__ = ["complete_iou_loss", "distribution_focal_loss", "expected_distances", "generalized_iou_loss", "smooth_l1"]


def smooth_l1(y_true: Any, y_pred: Any, beta: float = 1.0) -> Any:
    """The absolute difference, round at its foot: sum(d^2 / (2 beta) where d = |y - y'| < beta, else d - beta / 2).

    It is Huber's loss over beta, summed over the last axis.

    Args:
        y_true, y_pred: (..., n).
        beta: where the parabola ends.

    Returns:
        (...).

    Source: Girshick 2015, https://arxiv.org/abs/1504.08083

    >>> from hornbook_applications.detection.losses import smooth_l1
    >>> print(smooth_l1([[0.0, 0.0]], [[0.5, 2.0]]).numpy())
    [1.625]
    """
    y_pred = ops.convert_to_tensor(y_pred)
    return losses.huber(y_true, y_pred, delta=beta) * (y_pred.shape[-1] / beta)


def generalized_iou_loss(y_true: Any, y_pred: Any) -> Any:
    """1 - giou of each box and its partner: what `compute_giou` says, to be made small.

    Args:
        y_true, y_pred: (..., 4), xyxy.

    >>> from hornbook_applications.detection.losses import generalized_iou_loss
    >>> print(generalized_iou_loss([[0.0, 0, 2, 2]], [[0.0, 0, 2, 1]]).numpy())
    [0.5]
    """
    return 1.0 - compute_giou(y_true, y_pred)


def complete_iou_loss(y_true: Any, y_pred: Any) -> Any:
    """1 - ciou of each box and its partner: overlap, distance of the centres and proportions at once.

    Args:
        y_true, y_pred: (..., 4), xyxy.

    Source: Zheng et al. 2020, https://arxiv.org/abs/1911.08287

    >>> from hornbook_applications.detection.losses import complete_iou_loss
    >>> print(complete_iou_loss([[0.0, 0, 2, 2]], [[0.0, 0, 2, 2]]).numpy().round(3))
    [0.]
    """
    return 1.0 - compute_ciou(y_true, y_pred, "xyxy")


def distribution_focal_loss(distances: Any, logits: Any) -> Any:
    """A distance is said as a distribution over 0 ... R - 1; the two whole numbers beside the true one share the truth.

    loss = -sum_r w_r log softmax(logits)_r,    w_r = max(0, 1 - |distance - r|),    meaned over the four sides

    Args:
        distances: (..., 4), in cells, from 0 to R - 1.
        logits: (..., 4, R).

    Returns:
        (...).

    Source: Li et al. 2020, "Generalized Focal Loss", https://arxiv.org/abs/2006.04388

    >>> import numpy as np
    >>> from hornbook_applications.detection.losses import distribution_focal_loss
    >>> print(distribution_focal_loss([[0.5, 1.0, 2.0, 3.0]], np.zeros((1, 4, 4))).numpy().round(4))  # log 4
    [1.3863]
    """
    logits, distances = ops.convert_to_tensor(logits, "float32"), ops.convert_to_tensor(distances, "float32")
    bins, distances = ops.arange(logits.shape[-1], dtype="float32"), ops.expand_dims(distances, -1)
    weights = ops.relu(1.0 - ops.abs(distances - bins))
    return ops.mean(-ops.sum(weights * ops.log_softmax(logits), axis=-1), axis=-1)


def expected_distances(logits: Any) -> Any:
    """The mean of the distribution: sum_r r softmax(logits)_r.

    Args:
        logits: (..., R).

    Returns:
        (...), in cells.

    >>> from hornbook_applications.detection.losses import expected_distances
    >>> print(expected_distances([[0.0, 0.0, 0.0]]).numpy())
    [1.]
    """
    logits = ops.convert_to_tensor(logits, "float32")
    bins = ops.arange(logits.shape[-1], dtype="float32")
    return ops.sum(ops.softmax(logits) * bins, axis=-1)


def share(values: Any, weights: Any) -> Any:
    """sum(values) / max(sum(weights), 1), the weights summed over all replicas: replicas' parts add up to the batch's loss.

    >>> from hornbook_applications.detection.losses import share
    >>> float(share([3.0, 5.0], [1.0, 3.0]))
    2.0
    """
    total = backend.all_reduce_sum(ops.sum(ops.cast(weights, "float32")))
    return ops.sum(values) / ops.maximum(total, 1.0)
