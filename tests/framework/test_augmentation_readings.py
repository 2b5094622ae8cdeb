"""Layers that read pixels elsewhere, one after the other: each pixel is read once, of the first image."""

import numpy as np
import pytest
import tensorflow as tf

import hornbook as keras
from hornbook import layers


def pictures(count=3, height=9, width=7):
    return np.random.default_rng(5).uniform(0, 255, (count, height, width, 2)).astype("float32")


def turns(**how):
    """Layers that each read pixels elsewhere, by the same amount each time they are called."""
    return [
        layers.RandomRotation((0.1, 0.1), **how),
        layers.RandomZoom((-0.3, -0.3), (-0.2, -0.2), **how),
        layers.RandomTranslation((0.1, 0.1), (0.2, 0.2), **how),
    ]


def in_turn(chain, images):
    for layer in chain:
        images = layer(images, training=True)
    return images


@pytest.mark.parametrize("interpolation", ["bilinear", "nearest"])
@pytest.mark.parametrize("fill_mode", ["reflect", "constant"])
def test_layers_that_follow_each_other_read_each_pixel_once(interpolation, fill_mode):
    images = pictures()
    how = {"interpolation": interpolation, "fill_mode": fill_mode}
    whole = np.eye(3)
    for layer in turns(**how):
        eight = np.asarray(layer.get_random_transformation(images)["matrix"])[0]
        whole = whole @ np.append(eight, 1.0).reshape(3, 3)
    wanted = keras.ops.image.affine_transform(images, (whole / whole[2, 2]).ravel()[:8], interpolation, fill_mode)
    found = in_turn(turns(**how), images)
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-2 if interpolation == "bilinear" else 255)
    if interpolation == "nearest":  # a place between two pixels may fall to either
        assert np.mean(np.abs(np.asarray(found) - wanted) > 1e-3) < 0.02
    single = in_turn(turns(**how), images[0])
    np.testing.assert_allclose(single, found[0], rtol=1e-4, atol=1e-2)


def test_flips_among_them_cost_nothing_and_stay_exact():
    images = pictures()
    flips = [layers.RandomFlip("horizontal", seed=1), layers.RandomFlip("vertical", seed=2), layers.RandomFlip(seed=3)]
    wanted = images
    for layer in (
        layers.RandomFlip("horizontal", seed=1),
        layers.RandomFlip("vertical", seed=2),
        layers.RandomFlip(seed=3),
    ):
        wanted = np.asarray(layer(wanted, training=True))  # NumPy's arrays carry no note
    np.testing.assert_array_equal(in_turn(flips, images), wanted)
    still = layers.RandomTranslation(0.0, (1 / 7, 1 / 7), fill_mode="wrap")
    moved = in_turn([layers.RandomFlip(seed=4), still, layers.RandomFlip("horizontal", seed=5)], images)
    apart = images
    for layer in (layers.RandomFlip(seed=4), still, layers.RandomFlip("horizontal", seed=5)):
        apart = np.asarray(layer(apart, training=True))
    np.testing.assert_allclose(moved, apart, rtol=1e-4, atol=1e-2)


def test_layers_that_read_differently_are_not_joined():
    images = pictures()
    chain = [layers.RandomRotation((0.1, 0.1), "constant"), layers.RandomRotation((-0.1, -0.1), "reflect")]
    first = np.asarray(chain[0](images, training=True))
    np.testing.assert_allclose(in_turn(chain, images), chain[1](first, training=True), rtol=1e-5)
    same = [layers.RandomRotation((0.1, 0.1), "constant"), layers.RandomRotation((-0.1, -0.1), "constant")]
    inner = np.s_[:, 3:6, 2:5]  # there and back again: the picture as it was, where the corners do not matter
    np.testing.assert_allclose(np.asarray(in_turn(same, images))[inner], images[inner], rtol=1e-3, atol=1e-3)


def test_masks_and_boxes_go_along_in_one_reading():
    images = np.zeros((2, 16, 16, 1), "float32")
    images[:, 4:10, 5:12] = 200
    data = {
        "images": images,
        "segmentation_masks": (images > 0).astype("int32"),
        "bounding_boxes": {"boxes": np.array([[[5.0, 4.0, 12.0, 10.0]]] * 2, "float32"), "labels": np.ones((2, 1))},
    }
    how = {"fill_mode": "constant", "bounding_box_format": "xyxy"}
    chain = [
        layers.RandomFlip("horizontal", seed=1, bounding_box_format="xyxy"),
        layers.RandomTranslation((0.1, 0.1), (-0.1, -0.1), **how),
        layers.RandomZoom((-0.2, -0.2), **how),
    ]
    found = in_turn(chain, data)
    for image, mask, boxes in zip(
        found["images"], found["segmentation_masks"], found["bounding_boxes"]["boxes"], strict=True
    ):
        differ = (np.asarray(mask) > 0) != (np.asarray(image) > 100)
        assert differ.sum() <= 10 and np.asarray(mask).sum() > 20  # of a rim of 30 pixels
        rows, columns = np.nonzero(np.asarray(image)[..., 0] > 100)
        left, top, right, bottom = np.asarray(boxes)[0]
        assert abs(columns.min() - left) < 1.5 and abs(columns.max() + 1 - right) < 1.5
        assert abs(rows.min() - top) < 1.5 and abs(rows.max() + 1 - bottom) < 1.5


def test_in_a_pipeline_one_reading_is_left():
    change = keras.Sequential([layers.RandomFlip(), layers.RandomRotation(0.1), layers.RandomZoom(0.2)])
    images = pictures()
    change(images, training=True)
    graph = tf.function(lambda x: change(x, training=True)).get_concrete_function(tf.TensorSpec(images.shape)).graph
    needed, queue = set(), [graph.outputs[0].op]
    while queue:
        op = queue.pop()
        if op not in needed:
            needed.add(op)
            queue += [x.op for x in op.inputs]
    assert [op.type for op in needed].count("ImageProjectiveTransformV3") == 1
