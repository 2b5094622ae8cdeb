"""Boxes as detectors need them: distances to the four sides, one more overlap, and labels of one shape.

Formats, their conversion, clipping, the overlap (IoU), the complete overlap (CIoU) and the coding as offsets of anchors are
those of `hornbook.utils.bounding_boxes`. Here boxes are xyxy: left, top, right, bottom, x to the right and y downwards.

Labels of a batch are {"boxes": (B, N, 4), "classes": (B, N)}: as many rows for each image as the fullest one needs; rows of
the class -1 are filling.

Axes: B batch, N boxes of an image, A points or anchors.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from hornbook import ops
from hornbook.utils.bounding_boxes import convert_format

__all__ = ["boxes_to_distances", "check_labels", "compute_giou", "distances_to_boxes", "pad_labels"]


def compute_giou(boxes1: Any, boxes2: Any) -> Any:
    """The overlap of each box with its partner, less the share of the box around both that neither fills.

    giou = |a and b| / |a or b| - (|c| - |a or b|) / |c|,    c the smallest box around both

    Args:
        boxes1, boxes2: (..., 4), xyxy, as many of one as of the other.

    Returns:
        (...): from -1 to 1; below 0 where the boxes are far apart.

    Source: Rezatofighi et al. 2019, https://arxiv.org/abs/1902.09630

    >>> from hornbook_applications.detection.boxes import compute_giou
    >>> print(compute_giou([[0.0, 0, 2, 2], [0, 0, 1, 1]], [[0.0, 0, 2, 1], [3, 0, 4, 1]]).numpy().round(3))
    [ 0.5 -0.5]
    """
    a, b = ops.convert_to_tensor(boxes1, "float32"), ops.convert_to_tensor(boxes2, "float32")

    def area(top_left: Any, bottom_right: Any) -> Any:
        return ops.prod(ops.maximum(bottom_right - top_left, 0.0), axis=-1)

    common = area(ops.maximum(a[..., :2], b[..., :2]), ops.minimum(a[..., 2:], b[..., 2:]))
    around = area(ops.minimum(a[..., :2], b[..., :2]), ops.maximum(a[..., 2:], b[..., 2:]))
    either = area(a[..., :2], a[..., 2:]) + area(b[..., :2], b[..., 2:]) - common
    return ops.divide_no_nan(common, either) - ops.divide_no_nan(around - either, around)


def distances_to_boxes(points: Any, distances: Any) -> Any:
    """The boxes whose sides are so far from points: (x - l, y - t, x + r, y + b).

    Args:
        points: (A, 2): x, y.
        distances: (..., A, 4): to the left, the top, the right and the bottom.

    >>> from hornbook_applications.detection.boxes import distances_to_boxes
    >>> print(distances_to_boxes([[10.0, 20.0]], [[1.0, 2.0, 3.0, 4.0]]).numpy())
    [[ 9. 18. 13. 24.]]
    """
    points, distances = ops.convert_to_tensor(points, "float32"), ops.convert_to_tensor(distances, "float32")
    return ops.concatenate((points - distances[..., :2], points + distances[..., 2:]), axis=-1)


def boxes_to_distances(points: Any, boxes: Any) -> Any:
    """How far the four sides of boxes are from points, negative where a point is outside: the inverse of the above.

    Args:
        points: (..., 2): x, y.
        boxes: (..., 4), xyxy; the axes before the last broadcast.

    >>> from hornbook_applications.detection.boxes import boxes_to_distances
    >>> print(boxes_to_distances([[10.0, 20.0]], [[9.0, 18.0, 13.0, 24.0]]).numpy())
    [[1. 2. 3. 4.]]
    """
    points, boxes = ops.convert_to_tensor(points, "float32"), ops.convert_to_tensor(boxes, "float32")
    return ops.concatenate((points - boxes[..., :2], boxes[..., 2:] - points), axis=-1)


# --------------------------------------------------------------------------------------------------------------- labels
def pad_labels(boxes: Sequence, classes: Sequence, rows: int | None = None) -> dict[str, np.ndarray]:
    """Labels of images that hold different numbers of boxes, as two arrays; what is filled up is -1.

    Args:
        boxes: for each image (n, 4), n from 0 on.
        classes: for each image (n,).
        rows: how many boxes an image has room for; if None, as many as the fullest one needs.

    Raises:
        ValueError: where an image has as many boxes as not classes, or more than there is room for.

    >>> from hornbook_applications.detection import pad_labels
    >>> labels = pad_labels([[[0, 0, 4, 4]], []], [[2], []])
    >>> labels["boxes"].shape, labels["classes"].tolist()
    ((2, 1, 4), [[2], [-1]])
    """
    counts = [len(row) for row in classes]
    if counts != [len(row) for row in boxes]:
        raise ValueError(
            f"Each image needs a class for every box, got {[len(row) for row in boxes]} boxes and {counts} classes."
        )
    rows = max(counts, default=0) if rows is None else rows
    if max(counts, default=0) > rows:
        raise ValueError(f"There is room for {rows} boxes an image, but one has {max(counts)}: pass more rows.")
    padded_boxes, padded_classes = np.full((len(counts), rows, 4), -1.0, "float32"), np.full((len(counts), rows), -1)
    for i, count in enumerate(counts):
        if count:
            padded_boxes[i, :count], padded_classes[i, :count] = boxes[i], classes[i]
    return {"boxes": padded_boxes, "classes": padded_classes.astype("int32")}


def check_labels(labels: Any, num_classes: int, bounding_box_format: str = "xyxy") -> None:
    """Say what is wrong with labels that no detector can learn from; tensors of a graph are looked at for their shapes alone.

    Args:
        labels: {"boxes": (B, N, 4), "classes": (B, N)}, filled with the class -1.
        num_classes: classes are 0 to num_classes - 1.
        bounding_box_format: the format of the boxes.

    Raises:
        ValueError: for another structure, shapes that do not fit, classes out of range, and boxes that hold NaN or infinity
            or whose right or bottom side comes before the left or top one.

    >>> from hornbook_applications.detection.boxes import check_labels
    >>> check_labels({"boxes": [[[5, 5, 2, 9]]], "classes": [[0]]}, num_classes=1)
    Traceback (most recent call last):
    ...
    ValueError: Box 0 of image 0 ends before it begins: [5.0, 5.0, 2.0, 9.0] as 'xyxy'.
    """
    if not isinstance(labels, dict) or not {"boxes", "classes"} <= set(labels):
        what = sorted(labels) if isinstance(labels, dict) else type(labels).__name__
        raise ValueError(
            'A detector learns from {"boxes": (batch, boxes, 4), "classes": (batch, boxes)}, filled up with the class -1; '
            f"got {what}. pad_labels() makes it of lists."
        )
    boxes, classes = (x if hasattr(x, "shape") else np.asarray(x) for x in (labels["boxes"], labels["classes"]))
    shapes = tuple(boxes.shape), tuple(classes.shape)
    if len(shapes[0]) != 3 or shapes[0][-1] != 4 or len(shapes[1]) != 2 or shapes[0][1] != shapes[1][1]:
        raise ValueError(
            f'"boxes" must have shape (batch, boxes, 4) and "classes" (batch, boxes), got {shapes[0]} and {shapes[1]}.'
        )
    if not isinstance(boxes, np.ndarray) or not isinstance(classes, np.ndarray) or not boxes.size:
        return
    real = classes >= 0
    if (classes >= num_classes).any():
        raise ValueError(f"Classes go from 0 to {num_classes - 1} (-1 is filling), got {classes.max()}.")

    def first(wrong: Any, what: str) -> None:
        if (real & wrong).any():
            image, box = np.argwhere(real & wrong)[0]
            shown = boxes[image, box].astype("float64").tolist()
            raise ValueError(f"Box {box} of image {image} {what}: {shown} as {bounding_box_format!r}.")

    first(~np.isfinite(boxes).all(-1), "is not finite")
    known = np.where(real[..., None], boxes, 0)
    corners = np.asarray(convert_format(known, bounding_box_format, "xyxy", height=1, width=1))
    first((corners[..., 2:] < corners[..., :2]).any(-1), "ends before it begins")
