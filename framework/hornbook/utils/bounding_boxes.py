"""Boxes around things in images, by the name `keras.utils.bounding_boxes`.

>>> from hornbook.utils import bounding_boxes
>>> print(bounding_boxes.convert_format([[10.0, 20.0, 30.0, 60.0]], "xyxy", "xywh").numpy())
[[10. 20. 20. 40.]]
"""

from hornbook.ops.bounding_boxes import (
    affine_transform,
    clip_to_image_size,
    compute_ciou,
    compute_iou,
    convert_format,
    crop,
    decode_deltas_to_boxes,
    encode_box_to_deltas,
    pad,
)

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
