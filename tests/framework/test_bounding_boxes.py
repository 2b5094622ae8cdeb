"""Boxes beside Keras's: formats, overlaps, boxes that follow their image, deltas."""

import numpy as np
import pytest

from hornbook import tree
from hornbook.utils import bounding_boxes

keras = pytest.importorskip("keras")
theirs = keras.utils.bounding_boxes

rng = np.random.default_rng(0)
BOXES = np.sort(rng.uniform(0, 50, (2, 3, 2, 2)), axis=2).reshape(2, 3, 4).astype("float32")
OTHERS = BOXES + rng.uniform(-5, 5, BOXES.shape).astype("float32")
FILLED = np.where(np.array([[0, 0, 1], [0, 1, 1]])[..., None], np.float32(-1), OTHERS)
SIZE = {"height": 60, "width": 80}
FORMATS = "xyxy yxyx xywh center_xywh center_yxhw rel_xyxy rel_yxyx rel_xywh rel_center_xywh".split()
LABELS = np.array([[1, 2, 3], [4, 5, 6]])
VARIANCE = [0.1, 0.1, 0.2, 0.3]


def same(name, *args, **kwargs):
    ours, expected = getattr(bounding_boxes, name)(*args, **kwargs), getattr(theirs, name)(*args, **kwargs)
    for a, b in zip(tree.flatten(ours), tree.flatten(expected), strict=True):
        np.testing.assert_allclose(a, keras.ops.convert_to_numpy(b), rtol=1e-5, atol=1e-4)
        assert np.asarray(a).dtype == keras.ops.convert_to_numpy(b).dtype


@pytest.mark.parametrize("source", FORMATS)
@pytest.mark.parametrize("target", FORMATS)
def test_formats(source, target):
    same("convert_format", BOXES, source, target, **SIZE)
    same("convert_format", {"boxes": BOXES[0], "labels": LABELS[0]}, source, target, **SIZE)


@pytest.mark.parametrize("form", ["xyxy", "yxyx", "center_xywh"])
def test_overlaps(form):
    boxes, others, filled = (
        bounding_boxes.convert_format(x, "xyxy", form).numpy() for x in (BOXES, OTHERS, np.abs(FILLED))
    )
    same("compute_iou", boxes, others, form)
    same("compute_iou", boxes[0], others[1, :2], form)
    same("compute_iou", boxes[0], others, form)
    same("compute_iou", boxes, filled, form)
    same("compute_ciou", boxes, others, form)


def test_overlaps_with_fillings_and_relative_boxes():
    same("compute_iou", BOXES, FILLED, "xyxy", use_masking=True, mask_val=-9)
    same("compute_iou", BOXES / 50, OTHERS / 50, "rel_xyxy", image_shape=(60, 80, 3))
    relative = bounding_boxes.compute_ciou(BOXES / 50, OTHERS / 50, "rel_xyxy", image_shape=(50, 50, 3))
    np.testing.assert_allclose(relative, theirs.compute_ciou(BOXES, OTHERS, "xyxy"), atol=1e-4)


def test_boxes_follow_their_image():
    outside = {"boxes": BOXES * 2 - 30, "labels": LABELS}
    same("clip_to_image_size", outside, height=30, width=20)
    same("clip_to_image_size", {**outside, "boxes": outside["boxes"] / 40}, bounding_box_format="rel_xyxy")
    same("crop", BOXES, 5, 7, 20, 30)
    same("pad", BOXES, 5, 7)
    xywh = bounding_boxes.convert_format(BOXES, "xyxy", "xywh")
    cropped = bounding_boxes.crop(xywh, 5, 7, 20, 30, "xywh")
    np.testing.assert_allclose(
        bounding_boxes.convert_format(cropped, "xywh", "xyxy"), theirs.crop(BOXES, 5, 7, 20, 30), atol=1e-4
    )


@pytest.mark.parametrize(
    "change",
    [
        {"angle": 30.0},
        {"shear_x": 10.0, "scale": 1.5},
        {"shear_y": 10.0, "angle": 20.0},
        {"translate_x": 0.1, "translate_y": -0.2, "scale": 0.7, "angle": 40.0},
        {"angle": 30.0, "center_x": 0.2, "center_y": 0.7},
    ],
    ids=str,
)
def test_affine_transform(change):
    none = {"angle": 0.0, "translate_x": 0.0, "translate_y": 0.0, "scale": 1.0, "shear_x": 0.0, "shear_y": 0.0}
    change = {key: np.array([value, 1.1 * value], "float32") for key, value in {**none, **change}.items()}
    same("affine_transform", BOXES, **change, **SIZE)


@pytest.mark.parametrize("encoding", ["center_yxhw", "center_xywh"])
@pytest.mark.parametrize("variance", [None, VARIANCE])
def test_deltas(encoding, variance):
    more = (encoding, variance)
    same("encode_box_to_deltas", BOXES, np.abs(OTHERS), "xywh", "xywh", *more)
    same("encode_box_to_deltas", BOXES[0], BOXES[1], "xyxy", "xyxy", *more)
    same("decode_deltas_to_boxes", BOXES, OTHERS / 50, "xyxy", "xywh", *more)
    same("decode_deltas_to_boxes", {"a": BOXES}, {"a": OTHERS / 50}, "xyxy", "xyxy", *more)
    deltas = bounding_boxes.encode_box_to_deltas(BOXES, BOXES[::-1] + 1, "xyxy", "xyxy", *more)
    back = bounding_boxes.decode_deltas_to_boxes(BOXES, deltas, "xyxy", "xyxy", *more)
    np.testing.assert_allclose(back, BOXES[::-1] + 1, rtol=1e-4)


ERRORS = [
    (lambda: bounding_boxes.convert_format(BOXES, "xyxy", "corners"), "center_xywh"),
    (lambda: bounding_boxes.convert_format(BOXES, "xyxy", "rel_xyxy"), "height"),
    (lambda: bounding_boxes.convert_format(BOXES[..., :3], "xyxy", "xywh"), "four numbers"),
    (lambda: bounding_boxes.compute_iou(BOXES[0, 0], BOXES, "xyxy"), "boxes1"),
    (lambda: bounding_boxes.compute_iou(BOXES, BOXES, "rel_xyxy"), "height"),
    (lambda: bounding_boxes.clip_to_image_size({"boxes": BOXES}), "height"),
    (lambda: bounding_boxes.encode_box_to_deltas(BOXES, BOXES, "xyxy", "xyxy", "xyxy"), "center_xywh"),
    (lambda: bounding_boxes.encode_box_to_deltas(BOXES, BOXES, "xyxy", "xyxy", variance=[0.1]), "four numbers"),
]


@pytest.mark.parametrize(("attempt", "message"), ERRORS, ids=[row[1] for row in ERRORS])
def test_errors_say_what_was_expected(attempt, message):
    with pytest.raises(ValueError, match=message):
        attempt()
