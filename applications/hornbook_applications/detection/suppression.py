"""Of boxes that overlap and say the same, the best one alone.

Axes: B batch, A boxes, C classes, K candidates, D detections.
"""

from typing import Any

from hornbook import ops
from hornbook.core.arguments import fraction, positive_integer
from hornbook.utils.bounding_boxes import compute_iou

__all__ = ["non_max_suppression"]


def non_max_suppression(
    boxes: Any,
    scores: Any,
    iou_threshold: float = 0.5,
    score_threshold: float = 0.05,
    max_detections: int = 100,
    max_candidates: int = 1000,
) -> dict[str, Any]:
    """The detections of each image: for every class the best boxes, none of which overlaps a better one of them too much.

    Of the candidates, sorted by their scores, i stays where no better one j that stays overlaps it:

        keep_i = not any_{j < i} (keep_j and class_j = class_i and iou_ij > iou_threshold)

    All i are computed at once, from what was found for all j before, until nothing changes: after t rounds the first t are
    right, and boxes that overlap in long chains are rare. It is a loop of few steps with shapes that do not change, so it runs
    in any graph.

    Args:
        boxes: (B, A, 4), xyxy.
        scores: (B, A, C), from 0 to 1.
        iou_threshold: overlap (intersection over union) above which the worse box of a class goes.
        score_threshold: boxes of this score or less go at once.
        max_detections: D: so many of all classes together, the best ones.
        max_candidates: K: so many pairs of a box and a class are looked at.

    Returns:
        {"boxes": (B, D, 4), "classes": (B, D), "scores": (B, D), "counts": (B,)}: the best first, filled up with -1.

    Raises:
        ValueError: for thresholds that are no parts of 1, and numbers below 1.

    >>> import numpy as np
    >>> from hornbook_applications.detection import non_max_suppression
    >>> boxes = np.array([[[0.0, 0, 9, 9], [0, 0, 9, 8], [20, 20, 30, 30]]])
    >>> found = non_max_suppression(boxes, np.array([[[0.7], [0.9], [0.8]]]), max_detections=3)
    >>> print(found["scores"].numpy(), found["counts"].numpy())
    [[ 0.9  0.8 -1. ]] [2]
    """
    fraction(iou_threshold, "iou_threshold")
    fraction(score_threshold, "score_threshold")
    positive_integer(max_detections, "max_detections")
    positive_integer(max_candidates, "max_candidates")
    boxes, scores = ops.convert_to_tensor(boxes, "float32"), ops.convert_to_tensor(scores, "float32")
    rows, anchors, classes = ops.shape(scores)
    count = max_candidates
    if isinstance(anchors, int):
        count = min(max_candidates, anchors * classes)
    count = max(count, max_detections)
    scores = ops.where(scores > score_threshold, scores, -1.0)  # also where they are NaN
    scores = ops.reshape(scores, (rows, -1))  # (B, A C)
    missing = count - anchors * classes if isinstance(anchors, int) else count
    scores = ops.pad(scores, ((0, 0), (0, max(missing, 0))), constant_values=-1.0)
    scores, places = ops.top_k(scores, count)  # (B, K), the best first
    labels = places % classes
    boxes = _rows(boxes, ops.minimum(places // classes, anchors - 1))  # (B, K, 4)

    overlap = compute_iou(boxes, boxes, "xyxy") > iou_threshold
    same = ops.expand_dims(labels, 2) == ops.expand_dims(labels, 1)
    better = ops.expand_dims(ops.arange(count), 1) < ops.arange(count)  # (K, K): j < i
    beats = ops.logical_and(ops.logical_and(overlap, same), better)  # (B, K, K): j beats i where j stays
    is_candidate = scores > score_threshold

    def again(kept: Any, changed: Any) -> tuple[Any, Any]:
        beaten = ops.any(ops.logical_and(beats, ops.expand_dims(kept, 2)), axis=1)
        new = ops.logical_and(is_candidate, ops.logical_not(beaten))
        return new, ops.any(new != kept)

    start = (is_candidate, ops.convert_to_tensor(True))
    kept, _ = ops.while_loop(lambda kept, changed: changed, again, start, maximum_iterations=count)
    scores, order = ops.top_k(ops.where(kept, scores, -1.0), max_detections)  # (B, D)
    found = scores > score_threshold
    return {
        "boxes": ops.where(ops.expand_dims(found, -1), _rows(boxes, order), -1.0),
        "classes": ops.where(found, ops.take_along_axis(labels, order, axis=1), -1),
        "scores": scores,
        "counts": ops.sum(ops.cast(found, "int32"), axis=1),
    }


def _rows(boxes: Any, numbers: Any) -> Any:
    """For each image, the boxes of these numbers: (B, A, 4) by (B, K) -> (B, K, 4)."""
    return ops.take_along_axis(boxes, ops.expand_dims(numbers, -1), axis=1)
