"""Boxes around things in images: formats, overlaps, and how boxes follow when images are cut, padded and turned.

A box is four numbers; what they say is the format. With x to the right and y downwards, in pixels:

    xyxy           left, top, right, bottom            yxyx           top, left, bottom, right
    xywh           left, top, width, height            center_xywh    centre x, centre y, width, height
    center_yxhw    centre y, centre x, height, width

`rel_xyxy`, `rel_yxyx`, `rel_xywh`, `rel_center_xywh` are the same as parts of the image's width and height. The public
name of this module is `hornbook.utils.bounding_boxes`.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

from hornbook import ops
from hornbook.backend.config import epsilon

__all__ = [
    "affine_transform",
    "clip_to_image_size",
    "compute_ciou",
    "compute_iou",
    "convert_format",
    "crop",
    "decode_deltas_to_boxes",
    "encode_box_to_deltas",
    "pad",
]


# -------------------------------------------------------------------------------------------------------------- formats
def _xywh_to_xyxy(x: Any, y: Any, w: Any, h: Any) -> tuple:
    return x, y, x + w, y + h


def _xyxy_to_xywh(left: Any, top: Any, right: Any, bottom: Any) -> tuple:
    return left, top, right - left, bottom - top


def _center_to_xyxy(x: Any, y: Any, w: Any, h: Any) -> tuple:
    return x - w / 2, y - h / 2, x + w / 2, y + h / 2


def _xyxy_to_center(left: Any, top: Any, right: Any, bottom: Any) -> tuple:
    return (left + right) / 2, (top + bottom) / 2, right - left, bottom - top


def _swapped(a: Any, b: Any, c: Any, d: Any) -> tuple:
    return b, a, d, c


FORMATS: dict[str, tuple[Callable, Callable]] = {  # to xyxy, from xyxy
    "xyxy": (lambda *box: box, lambda *box: box),
    "yxyx": (_swapped, _swapped),
    "xywh": (_xywh_to_xyxy, _xyxy_to_xywh),
    "center_xywh": (_center_to_xyxy, _xyxy_to_center),
    "center_yxhw": (lambda *box: _center_to_xyxy(*_swapped(*box)), lambda *box: _swapped(*_xyxy_to_center(*box))),
}
NAMES = (*FORMATS, "rel_xyxy", "rel_yxyx", "rel_xywh", "rel_center_xywh")


def _known(name: str) -> tuple[Callable, Callable, bool]:
    """(to xyxy, from xyxy, whether relative) of a format."""
    lower = str(name).lower()
    if lower not in NAMES:
        raise ValueError(f"The format of boxes must be one of {', '.join(NAMES)}, got {name!r}.")
    return *FORMATS[lower.removeprefix("rel_")], lower.startswith("rel_")


def _parts(boxes: Any) -> tuple:
    return tuple(boxes[..., i : i + 1] for i in range(4))


def convert_format(
    boxes: Any, source: str, target: str, height: Any = None, width: Any = None, dtype: Any = "float32"
) -> Any:
    """Boxes in another format.

    Args:
        boxes: (..., 4), or a dictionary whose "boxes" are meant.
        source, target: names of formats.
        height, width: of the image, wherever one format is relative and the other is not.
        dtype: of the result.

    Raises:
        ValueError: for an unknown format, boxes without four numbers, and a missing height or width.

    >>> from hornbook.utils import bounding_boxes
    >>> print(bounding_boxes.convert_format([[10.0, 20.0, 30.0, 60.0]], "xyxy", "center_xywh").numpy())
    [[20. 40. 20. 40.]]
    """
    if isinstance(boxes, dict):
        return {**boxes, "boxes": convert_format(boxes["boxes"], source, target, height, width, dtype)}
    to_corners, _, from_relative = _known(source)
    _, from_corners, to_relative = _known(target)
    boxes = ops.cast(ops.convert_to_tensor(boxes), dtype)
    if boxes.shape[-1] != 4:
        raise ValueError(f"boxes must have four numbers on their last axis, got shape {tuple(boxes.shape)}.")
    if source.lower() == target.lower():
        return boxes
    if from_relative != to_relative:
        if height is None or width is None:
            raise ValueError(
                f"From {source!r} to {target!r} the size of the image is needed: pass height and width, got "
                f"height={height}, width={width}."
            )
        height, width = ops.cast(height, dtype), ops.cast(width, dtype)
    left, top, right, bottom = to_corners(*_parts(boxes))
    if from_relative and not to_relative:
        left, top, right, bottom = left * width, top * height, right * width, bottom * height
    elif to_relative and not from_relative:
        left, top, right, bottom = left / width, top / height, right / width, bottom / height
    return ops.concatenate(from_corners(left, top, right, bottom), axis=-1)


def _as_corners(boxes: Any, box_format: str, image_shape: Any) -> Any:
    """Boxes as xyxy in pixels."""
    height, width = (None, None) if image_shape is None else image_shape[:2]
    return convert_format(boxes, box_format, "xyxy", height, width)


# -------------------------------------------------------------------------------------------------------------- overlap
def _areas(corners: Any) -> Any:
    left, top, right, bottom = _parts(corners)
    return (right - left) * (bottom - top)


def _intersection(a: Any, b: Any) -> Any:
    """The common area (..., 1) of boxes that broadcast against each other."""
    (left, top, right, bottom), (left_b, top_b, right_b, bottom_b) = _parts(a), _parts(b)
    width = ops.minimum(right, right_b) - ops.maximum(left, left_b)
    height = ops.minimum(bottom, bottom_b) - ops.maximum(top, top_b)
    return ops.maximum(width, 0.0) * ops.maximum(height, 0.0)


def compute_iou(
    boxes1: Any,
    boxes2: Any,
    bounding_box_format: str,
    use_masking: bool = False,
    mask_val: float = -1,
    image_shape: Sequence | None = None,
) -> Any:
    """How much each box overlaps each other one: intersection over union, 0 to 1.

    iou = area(a and b) / area(a or b)

    Args:
        boxes1: (n, 4) or (batch, n, 4).
        boxes2: (m, 4) or (batch, m, 4).
        bounding_box_format: the format of both.
        use_masking: whether boxes that begin with a negative number are fillings, whose overlap is `mask_val`.
        mask_val: see there.
        image_shape: (height, width, channels), for relative formats.

    Returns:
        (n, m), or (batch, n, m) where one of them has a batch.

    Raises:
        ValueError: for boxes of another number of axes, and a missing `image_shape`.

    >>> from hornbook.utils import bounding_boxes
    >>> print(bounding_boxes.compute_iou([[0.0, 0, 2, 2]], [[0.0, 0, 2, 1], [5, 5, 6, 6]], "xyxy").numpy())
    [[0.5 0. ]]
    """
    corners = []
    for name, boxes in (("boxes1", boxes1), ("boxes2", boxes2)):
        boxes = ops.convert_to_tensor(boxes)
        if len(boxes.shape) not in (2, 3):
            raise ValueError(f"`{name}` must have shape (boxes, 4) or (batch, boxes, 4), got {tuple(boxes.shape)}.")
        corners.append(_as_corners(boxes, bounding_box_format, image_shape))
    a, b = ops.expand_dims(corners[0], -2), ops.expand_dims(corners[1], -3)
    common = _intersection(a, b)
    iou = ops.squeeze(common / (_areas(a) + _areas(b) - common + epsilon()), -1)
    if not use_masking:
        return iou
    filling = [ops.max(ops.convert_to_tensor(boxes), axis=-1) < 0 for boxes in (boxes1, boxes2)]
    return ops.where(
        ops.logical_or(ops.expand_dims(filling[0], -1), ops.expand_dims(filling[1], -2)),
        ops.cast(mask_val, iou.dtype),
        iou,
    )


def compute_ciou(boxes1: Any, boxes2: Any, bounding_box_format: str, image_shape: Sequence | None = None) -> Any:
    """How well each box matches its partner: the overlap less what centres and proportions differ.

    ciou = iou - d^2 / c^2 - a v,    v = 4 / pi^2 (arctan(w1 / h1) - arctan(w2 / h2))^2,    a = v / (1 - iou + v),
    with d between the centres and c the diagonal of the smallest box around both

    Args:
        boxes1, boxes2: (..., 4), as many of one as of the other.
        bounding_box_format: the format of both.
        image_shape: (height, width, channels), for relative formats.

    Returns:
        (...): from -1 to 1.

    Source: Zheng et al. 2020, https://arxiv.org/abs/1911.08287

    >>> from hornbook.utils import bounding_boxes
    >>> print(bounding_boxes.compute_ciou([[0.0, 0, 2, 2]], [[0.0, 0, 2, 2]], "xyxy").numpy().round(3))
    [1.]
    """
    a, b = (_as_corners(boxes, bounding_box_format, image_shape) for boxes in (boxes1, boxes2))
    common = _intersection(a, b)
    iou = common / (_areas(a) + _areas(b) - common + epsilon())
    (left, top, right, bottom), (left_b, top_b, right_b, bottom_b) = _parts(a), _parts(b)
    around = (ops.maximum(right, right_b) - ops.minimum(left, left_b)) ** 2
    around = around + (ops.maximum(bottom, bottom_b) - ops.minimum(top, top_b)) ** 2 + epsilon()
    between = (left + right - left_b - right_b) ** 2 / 4 + (top + bottom - top_b - bottom_b) ** 2 / 4

    def lean(left: Any, top: Any, right: Any, bottom: Any) -> Any:
        return ops.arctan((right - left) / (bottom - top + epsilon()))

    v = 4 / math.pi**2 * (lean(*_parts(a)) - lean(*_parts(b))) ** 2
    weight = v / (1 - iou + v + epsilon())
    return ops.squeeze(iou - between / around - weight * v, -1)


# ------------------------------------------------------------------------------------------------- boxes follow images
def clip_to_image_size(
    bounding_boxes: dict, height: Any = None, width: Any = None, bounding_box_format: str = "xyxy"
) -> dict:
    """Boxes cut off at the edges of the image; what is left with no area gets the label -1.

    Args:
        bounding_boxes: {"boxes": (..., boxes, 4), "labels": (..., boxes)}.
        height, width: of the image; not needed for a relative format.
        bounding_box_format: the format of the boxes.

    Raises:
        ValueError: for a missing height or width.

    >>> import numpy as np
    >>> from hornbook.utils import bounding_boxes
    >>> boxes = {"boxes": np.array([[2.0, 2, 9, 5], [9, 9, 12, 12]]), "labels": np.array([1, 2])}
    >>> clipped = bounding_boxes.clip_to_image_size(boxes, height=8, width=8)
    >>> print(clipped["boxes"].numpy().tolist(), clipped["labels"].numpy())
    [[2.0, 2.0, 8.0, 5.0], [8.0, 8.0, 8.0, 8.0]] [ 1 -1]
    """
    boxes = ops.convert_to_tensor(bounding_boxes["boxes"])
    relative = _known(bounding_box_format)[2]
    if relative:
        height = width = 1.0
    elif height is None or width is None:
        raise ValueError(f"Boxes of the format {bounding_box_format!r} are clipped to a height and width: pass both.")
    corners = convert_format(boxes, bounding_box_format, "rel_xyxy" if relative else "xyxy", dtype=boxes.dtype)
    left, top, right, bottom = _parts(corners)
    width, height = ops.cast(width, boxes.dtype), ops.cast(height, boxes.dtype)
    clipped = [ops.clip(x, 0, width) for x in (left, right)], [ops.clip(y, 0, height) for y in (top, bottom)]
    (left, right), (top, bottom) = clipped
    empty = ops.squeeze(ops.logical_or(right <= left, bottom <= top), -1)
    corners = ops.concatenate((left, top, right, bottom), axis=-1)
    result = {
        **bounding_boxes,
        "boxes": convert_format(corners, "rel_xyxy" if relative else "xyxy", bounding_box_format, dtype=boxes.dtype),
    }
    if "labels" in bounding_boxes:
        labels = ops.convert_to_tensor(bounding_boxes["labels"])
        result["labels"] = ops.where(empty, ops.cast(-1, labels.dtype), labels)
    return result


def crop(boxes: Any, top: Any, left: Any, height: Any, width: Any, bounding_box_format: str = "xyxy") -> Any:
    """Boxes as they lie in a part of the image, cut off at its edges.

    Args:
        boxes: (..., 4), in pixels.
        top, left: where the part begins.
        height, width: the size of the part.
        bounding_box_format: the format of the boxes, no relative one.

    >>> from hornbook.utils import bounding_boxes
    >>> print(bounding_boxes.crop([[10.0, 20.0, 30.0, 60.0]], top=5, left=7, height=40, width=50).numpy())
    [[ 3. 15. 23. 40.]]
    """
    x1, y1, x2, y2 = _parts(convert_format(boxes, bounding_box_format, "xyxy"))
    top, left, height, width = (ops.cast(v, "float32") for v in (top, left, height, width))
    columns, rows = [ops.clip(x - left, 0, width) for x in (x1, x2)], [ops.clip(y - top, 0, height) for y in (y1, y2)]
    corners = ops.concatenate((columns[0], rows[0], columns[1], rows[1]), axis=-1)
    return convert_format(corners, "xyxy", bounding_box_format)


def pad(
    boxes: Any, top: Any, left: Any, height: Any = None, width: Any = None, bounding_box_format: str = "xyxy"
) -> Any:
    """Boxes as they lie in an image that was padded above and to the left.

    Args:
        boxes: (..., 4), in pixels.
        top, left: how much was added there.
        height, width: the size of the padded image; the result does not depend on it.
        bounding_box_format: the format of the boxes, no relative one.

    >>> from hornbook.utils import bounding_boxes
    >>> print(bounding_boxes.pad([[10.0, 20.0, 30.0, 60.0]], top=5, left=7).numpy())
    [[17. 25. 37. 65.]]
    """
    x1, y1, x2, y2 = _parts(convert_format(boxes, bounding_box_format, "xyxy"))
    top, left = ops.cast(top, "float32"), ops.cast(left, "float32")
    corners = ops.concatenate((x1 + left, y1 + top, x2 + left, y2 + top), axis=-1)
    return convert_format(corners, "xyxy", bounding_box_format)


def affine_transform(
    boxes: Any,
    angle: Any,
    translate_x: Any,
    translate_y: Any,
    scale: Any,
    shear_x: Any,
    shear_y: Any,
    height: Any,
    width: Any,
    center_x: Any = None,
    center_y: Any = None,
    bounding_box_format: str = "xyxy",
) -> Any:
    """The smallest upright boxes around boxes that were moved, turned, sheared and scaled, in this order.

    Args:
        boxes: (batch, boxes, 4).
        angle: (batch,), in degrees, anticlockwise as one sees the image.
        translate_x, translate_y: (batch,), as parts of width - 1 and height - 1.
        scale: (batch,).
        shear_x, shear_y: (batch,), in degrees.
        height, width: of the image.
        center_x, center_y: (batch,): the point that stays, as parts of width - 1 and height - 1; the middle if None.
        bounding_box_format: the format of the boxes.

    >>> import numpy as np
    >>> from hornbook.utils import bounding_boxes
    >>> one, zero = np.ones(1), np.zeros(1)
    >>> boxes = bounding_boxes.affine_transform(np.array([[[0.0, 0, 2, 4]]]), one * 90, zero, zero, one, zero, zero, 9, 9)
    >>> print(boxes.numpy().round(3))
    [[[0. 6. 4. 8.]]]
    """
    corners = convert_format(boxes, bounding_box_format, "xyxy", height, width)

    def each(value: Any) -> Any:
        """(batch,) -> (batch, 1, 1)"""
        value = ops.cast(ops.convert_to_tensor(value), "float32")
        return ops.reshape(value, (-1, 1, 1)) if len(value.shape) else value

    turn, lean_x, lean_y = (each(v) * (math.pi / 180) for v in (angle, shear_x, shear_y))
    scale = each(scale)
    across, down = ops.cast(width, "float32") - 1, ops.cast(height, "float32") - 1
    middle_x = each(0.5 if center_x is None else center_x) * across
    middle_y = each(0.5 if center_y is None else center_y) * down
    left, top, right, bottom = _parts(corners)
    x = ops.concatenate((left, right, right, left), axis=-1) - middle_x + each(translate_x) * across
    y = ops.concatenate((top, top, bottom, bottom), axis=-1) - middle_y + each(translate_y) * down  # (batch, boxes, 4)
    x, y = ops.cos(turn) * x + ops.sin(turn) * y, ops.cos(turn) * y - ops.sin(turn) * x
    y = y + ops.tan(lean_y) * x
    x = x + ops.tan(lean_x) * y
    x, y = scale * x + middle_x, scale * y + middle_y
    edges = [ops.min(x, -1), ops.min(y, -1), ops.max(x, -1), ops.max(y, -1)]
    return convert_format(ops.stack(edges, axis=-1), "xyxy", bounding_box_format, height, width)


# --------------------------------------------------------------------------------------------------------------- deltas
def _center_format(encoding: str, variance: Any) -> Any:
    if encoding not in ("center_xywh", "center_yxhw"):
        raise ValueError(f"Deltas are encoded as 'center_xywh' or 'center_yxhw', got {encoding!r}.")
    if variance is None:
        return 1.0
    variance = ops.convert_to_tensor(variance, "float32")
    if variance.shape[-1] != 4:
        raise ValueError(f"`variance` must hold four numbers, got shape {tuple(variance.shape)}.")
    return variance


def encode_box_to_deltas(
    anchors: Any,
    boxes: Any,
    anchor_format: str,
    box_format: str,
    encoding_format: str = "center_yxhw",
    variance: Any = None,
    image_shape: Sequence | None = None,
) -> Any:
    """What turns each anchor into its box, as four numbers that a network can learn.

    deltas = ((centre - anchor centre) / anchor size, log(size / anchor size)) / variance

    Args:
        anchors: (n, 4) or (batch, n, 4).
        boxes: (n, 4) or (batch, n, 4), one for each anchor.
        anchor_format, box_format: their formats.
        encoding_format: "center_yxhw" or "center_xywh": the order of the deltas.
        variance: four numbers that the deltas are divided by.
        image_shape: (height, width, channels), for relative formats.

    Raises:
        ValueError: for another encoding, and a variance without four numbers.

    Source: Girshick et al. 2014, appendix C, https://arxiv.org/abs/1311.2524

    >>> from hornbook.utils import bounding_boxes
    >>> deltas = bounding_boxes.encode_box_to_deltas([[0.0, 0, 20, 40]], [[2.0, 3, 25, 40]], "xyxy", "xyxy")
    >>> print(deltas.numpy().round(3))
    [[ 0.038  0.175 -0.078  0.14 ]]
    """
    scale = _center_format(encoding_format, variance)
    anchors = convert_format(_as_corners(anchors, anchor_format, image_shape), "xyxy", encoding_format)
    boxes = convert_format(_as_corners(boxes, box_format, image_shape), "xyxy", encoding_format)
    sizes = ops.maximum(anchors[..., 2:], epsilon())
    moved = (boxes[..., :2] - anchors[..., :2]) / sizes
    grown = ops.log(ops.maximum(boxes[..., 2:], epsilon()) / sizes)
    return ops.concatenate((moved, grown), axis=-1) / scale


def decode_deltas_to_boxes(
    anchors: Any,
    boxes_delta: Any,
    anchor_format: str,
    box_format: str,
    encoded_format: str = "center_yxhw",
    variance: Any = None,
    image_shape: Sequence | None = None,
) -> Any:
    """The boxes that deltas make of anchors: the inverse of `encode_box_to_deltas`.

    Args:
        anchors: (n, 4) or (batch, n, 4), or a dictionary of such.
        boxes_delta: (n, 4) or (batch, n, 4), or a dictionary with the same keys.
        anchor_format, box_format: of the anchors, and of the result.
        encoded_format: "center_yxhw" or "center_xywh": the order of the deltas.
        variance: four numbers that the deltas are multiplied by.
        image_shape: (height, width, channels), for relative formats.

    Raises:
        ValueError: for another encoding, and a variance without four numbers.

    >>> from hornbook.utils import bounding_boxes
    >>> print(bounding_boxes.decode_deltas_to_boxes([[0.0, 0, 20, 40]], [[0.1, 0.1, 0, 0]], "xyxy", "xyxy").numpy())
    [[ 2.  4. 22. 44.]]
    """
    if isinstance(anchors, dict):
        more = (anchor_format, box_format, encoded_format, variance, image_shape)
        return {key: decode_deltas_to_boxes(anchors[key], boxes_delta[key], *more) for key in anchors}
    scale = _center_format(encoded_format, variance)
    anchors = convert_format(_as_corners(anchors, anchor_format, image_shape), "xyxy", encoded_format)
    deltas = ops.cast(ops.convert_to_tensor(boxes_delta), "float32") * scale
    centers = deltas[..., :2] * anchors[..., 2:] + anchors[..., :2]
    sizes = ops.exp(deltas[..., 2:]) * anchors[..., 2:]
    height, width = (None, None) if image_shape is None else image_shape[:2]
    return convert_format(ops.concatenate((centers, sizes), axis=-1), encoded_format, box_format, height, width)
