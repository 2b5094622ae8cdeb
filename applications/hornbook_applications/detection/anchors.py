"""Boxes and points that stand ready all over the image, and which box of the labels each of them is to find.

Ren et al. 2015, "Faster R-CNN", https://arxiv.org/abs/1506.01497, for anchors; Lin et al. 2017, "Focal Loss for Dense Object
Detection", https://arxiv.org/abs/1708.02002, for nine of them at each place of each map of a pyramid.

Axes: B batch, A anchors of all maps, N boxes of an image.
"""

from collections.abc import Sequence
from typing import Any

from hornbook import ops
from hornbook.utils.bounding_boxes import compute_iou

__all__ = ["grid_points", "match", "pyramid_anchors", "pyramid_points"]


def grid_points(height: Any, width: Any, stride: float) -> Any:
    """The middle of each cell of a map, in pixels of the image: ((column + 1/2) stride, (row + 1/2) stride).

    Args:
        height, width: of the map; tensors where they are known in the graph alone.
        stride: how many pixels of the image a cell stands for.

    Returns:
        (height * width, 2): x, y; row after row.

    >>> from hornbook_applications.detection.anchors import grid_points
    >>> print(grid_points(1, 2, stride=8).numpy().tolist())
    [[4.0, 4.0], [12.0, 4.0]]
    """
    x, y = ((ops.cast(ops.arange(size), "float32") + 0.5) * stride for size in (width, height))
    columns, rows = ops.meshgrid(x, y)
    return ops.stack((ops.reshape(columns, (-1,)), ops.reshape(rows, (-1,))), axis=-1)


def pyramid_points(sizes: Sequence, strides: Sequence[int]) -> tuple[Any, Any]:
    """The points of all maps, the finest map first, and the stride of each point.

    Args:
        sizes: (height, width) of each map.
        strides: of each map.

    Returns:
        (A, 2) and (A, 1).

    >>> from hornbook_applications.detection.anchors import pyramid_points
    >>> points, strides = pyramid_points([(2, 2), (1, 1)], [8, 16])
    >>> points.shape, strides.numpy().ravel().tolist()
    (TensorShape([5, 2]), [8.0, 8.0, 8.0, 8.0, 16.0])
    """
    points = [grid_points(height, width, stride) for (height, width), stride in zip(sizes, strides, strict=True)]
    scales = [ops.full_like(p[:, :1], stride) for p, stride in zip(points, strides, strict=True)]
    return ops.concatenate(points, axis=0), ops.concatenate(scales, axis=0)


def pyramid_anchors(
    sizes: Sequence,
    strides: Sequence[int],
    anchor_size: float = 4.0,
    aspect_ratios: Sequence[float] = (0.5, 1.0, 2.0),
    num_scales: int = 3,
) -> Any:
    """The anchors of all maps: at each point, a box of every shape and scale.

    side = stride anchor_size 2^(k / num_scales),  k = 0 ... num_scales - 1;   width = side / sqrt(r),  height = side sqrt(r)

    Args:
        sizes: (height, width) of each map.
        strides: of each map.
        anchor_size: the side of the smallest anchor, in cells of its map.
        aspect_ratios: heights over widths r.
        num_scales: how many sizes there are before those of the next map begin.

    Returns:
        (A, 4): xyxy; point after point, at each all scales of the first ratio, then of the second.

    >>> from hornbook_applications.detection.anchors import pyramid_anchors
    >>> pyramid_anchors([(8, 8), (4, 4)], [8, 16]).shape
    TensorShape([720, 4])
    >>> print(pyramid_anchors([(1, 1)], [8], aspect_ratios=(1.0,), num_scales=1).numpy())
    [[-12. -12.  20.  20.]]
    """
    sides = [2 ** (k / num_scales) * anchor_size for k in range(num_scales)]
    shapes = [(side / ratio**0.5, side * ratio**0.5) for ratio in aspect_ratios for side in sides]  # in cells
    halves = ops.convert_to_tensor([[-w / 2, -h / 2, w / 2, h / 2] for w, h in shapes])  # (K, 4)
    points, scales = pyramid_points(sizes, strides)
    middles = ops.concatenate((points, points), axis=-1)  # (A / K, 4)
    anchors = ops.expand_dims(middles, 1) + ops.expand_dims(scales, 1) * halves  # (A / K, K, 4)
    return ops.reshape(anchors, (-1, 4))


def match(anchors: Any, boxes: Any, is_box: Any, positive: float = 0.5, negative: float = 0.4) -> tuple[Any, Any]:
    """Which box each anchor is to find.

    An anchor is to find the box that it overlaps most where that is `positive` or more; below `negative` it is to say that
    there is nothing; between them it learns nothing. No box goes without an anchor: the one that overlaps it most is its own.

    Args:
        anchors: (A, 4), xyxy.
        boxes: (B, N, 4), xyxy, N at least 1.
        is_box: (B, N): False for filling.
        positive, negative: intersection over union.

    Returns:
        the number of the box, (B, A), and what the anchor is to learn, (B, A): 1 that box, 0 that there is none, -1 nothing.

    >>> from hornbook_applications.detection.anchors import match
    >>> anchors = [[0.0, 0, 4, 4], [0, 0, 4, 9], [9, 9, 12, 12]]
    >>> found, state = match(anchors, [[[0.0, 0, 4, 5]]], [[True]])
    >>> print(state.numpy())
    [[1 1 0]]
    """
    iou = compute_iou(anchors, boxes, "xyxy")  # (B, A, N)
    iou = ops.where(ops.expand_dims(is_box, 1), iou, -1.0)
    best, number = ops.max(iou, axis=-1), ops.argmax(iou, axis=-1)
    state = ops.where(best >= positive, 1, ops.where(best >= negative, -1, 0))
    most = ops.logical_and(
        iou == ops.max(iou, axis=1, keepdims=True), iou > 0
    )  # (B, A, N): nobody overlaps the box more
    is_most = ops.any(most, axis=-1)
    number = ops.where(is_most, ops.argmax(ops.cast(most, "int32"), axis=-1), number)
    return ops.cast(number, "int32"), ops.where(is_most, 1, state)
