"""Layers on images and what belongs to these: labels, boxes and masks, one image or a batch, in graphs and `tf.data`.

A layer draws the same numbers as Keras's from the same seed, so even what is random can be compared.
"""

import numpy as np
import pytest
import tensorflow as tf

import hornbook
from hornbook import layers

keras = pytest.importorskip("keras")

rng = np.random.default_rng(0)
IMAGES = rng.uniform(20, 230, (4, 20, 24, 3)).astype("float32")
MASKS = rng.integers(0, 5, (4, 20, 24, 1)).astype("float32")
BOXES = np.sort(rng.uniform(0, 18, (4, 3, 2, 2)), axis=2).reshape(4, 3, 4).astype("float32")
LABELS = np.eye(4, dtype="float32")

ROWS = [  # name, arguments, what differs from the reference, for a reason
    ("Resizing", {"height": 9, "width": 14}, ""),
    ("Resizing", {"height": 10, "width": 12, "crop_to_aspect_ratio": True}, ""),
    ("Resizing", {"height": 40, "width": 24, "pad_to_aspect_ratio": True}, ""),
    ("CenterCrop", {"height": 9, "width": 13}, ""),
    ("RandomFlip", {"seed": 7}, ""),
    ("RandomFlip", {"mode": "horizontal", "seed": 7}, ""),
    ("RandomRotation", {"factor": 0.2, "seed": 7}, ""),
    ("RandomRotation", {"factor": (-0.1, 0.2), "interpolation": "nearest", "fill_mode": "constant", "seed": 7}, ""),
    ("RandomZoom", {"height_factor": 0.2, "seed": 7}, ""),
    ("RandomZoom", {"height_factor": (-0.3, 0.2), "width_factor": (0.1, 0.2), "seed": 7}, ""),
    ("RandomTranslation", {"height_factor": 0.2, "width_factor": (-0.1, 0.3), "seed": 7}, ""),
    ("RandomShear", {"x_factor": 0.2, "y_factor": (0.0, 0.1), "seed": 7}, "boxes"),  # theirs do not follow the pixels
    ("RandomPerspective", {"scale": 0.3, "seed": 7}, ""),
    ("RandomCrop", {"height": 9, "width": 13, "seed": 7}, "boxes"),  # theirs are cut at the wrong place
    ("RandomContrast", {"factor": 0.3, "seed": 7}, ""),
    ("RandomBrightness", {"factor": 0.3, "seed": 7}, ""),
    ("RandomHue", {"factor": 0.3, "seed": 7}, ""),
    ("RandomSaturation", {"factor": (0.1, 0.4), "seed": 7}, ""),
    ("RandomSharpness", {"factor": 0.7, "seed": 7}, ""),
    ("RandomGaussianBlur", {"factor": 0.8, "seed": 7}, ""),
    ("RandomInvert", {"seed": 7}, ""),
    ("RandomPosterization", {"factor": 7, "seed": 7}, ""),
    ("RandomColorDegeneration", {"factor": 0.7, "seed": 7}, ""),
    ("RandomColorJitter", {"brightness_factor": 0.1, "contrast_factor": 0.2, "hue_factor": 0.1, "seed": 7}, ""),
    ("RandomErasing", {"seed": 7}, ""),
    ("Solarization", {"addition_factor": 0.3, "threshold_factor": 0.9, "seed": 7}, ""),
    ("AutoContrast", {}, ""),
    ("MaxNumBoundingBoxes", {"max_number": 5}, ""),
    ("MaxNumBoundingBoxes", {"max_number": 2}, ""),
]
ON_IMAGES_ALONE = [  # the reference takes no dictionary with boxes here, or draws in another order
    ("RandomElasticTransform", {"scale": (0.5, 1.0), "fill_mode": "nearest", "seed": 7}),
    ("RandomGrayscale", {"seed": 7}),
    ("Equalization", {}),
    ("ContrastLimitedAdaptiveHistogramEqualization", {}),
    ("MixUp", {"seed": 7}),
    ("CutMix", {"seed": 7}),
    ("RandAugment", {"seed": 7}),
    ("AugMix", {"num_chains": 2, "chain_depth": 1, "all_ops": False, "seed": 7}),
]


def data(**more):
    return {
        "images": IMAGES,
        "segmentation_masks": MASKS,
        "labels": LABELS,
        "bounding_boxes": {"boxes": BOXES, "labels": np.ones((4, 3), "float32")},
        **more,
    }


@pytest.mark.parametrize(("name", "arguments", "differs"), ROWS, ids=lambda v: v if isinstance(v, str) else "")
def test_images_masks_labels_and_boxes_beside_keras(name, arguments, differs):
    arguments = {"bounding_box_format": "xyxy", **arguments}
    ours, theirs = getattr(layers, name)(**arguments)(data()), getattr(keras.layers, name)(**arguments)(data())
    assert list(ours) == list(theirs)
    for key in ("images", "segmentation_masks", "labels"):
        np.testing.assert_allclose(ours[key], theirs[key], atol=2e-3, err_msg=key)
        assert ours[key].dtype == theirs[key].dtype
    if "boxes" not in differs:
        for key in ("boxes", "labels"):
            np.testing.assert_allclose(ours["bounding_boxes"][key], theirs["bounding_boxes"][key], atol=1e-3)


SMALL = IMAGES[:, :10, :12]
EACH = {name: arguments for name, arguments, *_ in [*ROWS, *ON_IMAGES_ALONE]}


@pytest.mark.parametrize("name", EACH)
def test_in_every_surrounding(name):
    def fresh(**more):
        return getattr(layers, name)(**EACH[name], **more)

    expected = fresh()(SMALL).numpy()
    # a data set that knows no sizes
    unknown = {"images": tf.TensorSpec((None, None, None, 3)), "labels": tf.TensorSpec((None, 4))}
    dataset = tf.data.Dataset.from_generator(lambda: [{"images": SMALL, "labels": LABELS}], output_signature=unknown)
    batch = next(iter(dataset.map(fresh())))
    np.testing.assert_allclose(batch["images"], expected, atol=1e-2)
    assert batch["labels"].shape == LABELS.shape
    # the other layout
    moved = fresh(data_format="channels_first")(np.moveaxis(SMALL, -1, 1)).numpy()
    np.testing.assert_allclose(np.moveaxis(moved, 1, -1), expected, atol=1e-3)
    # one image, bytes
    assert fresh()(SMALL[0]).shape == expected.shape[1:]
    kept = "uint8" if name in ("Resizing", "MaxNumBoundingBoxes") else "float32"
    assert fresh()(SMALL.astype("uint8")).dtype == kept
    assert fresh(dtype="uint8")(SMALL.astype("uint8")).dtype == "uint8"
    # without training only what is always done
    still = fresh()(SMALL, training=False)
    assert fresh().always or (still.numpy() == SMALL).all()


def test_boxes_follow_the_pixels():
    """A white rectangle in each image stays inside its box, and fills it."""
    boxes = np.array([[[4.0, 5, 9, 11]], [[10, 3, 20, 9]], [[8, 8, 14, 12]], [[6, 6, 12, 16]]], "float32")
    images = np.zeros((4, 40, 44, 1), "float32")
    boxes += 10
    for image, ((left, top, right, bottom),) in zip(images, boxes.astype(int), strict=True):
        image[top : bottom + 1, left : right + 1] = 255
    for layer in (
        layers.RandomShear(0.15, seed=3, fill_mode="constant", bounding_box_format="xyxy"),
        layers.RandomRotation(0.1, seed=3, fill_mode="constant", bounding_box_format="xyxy"),
        layers.RandomZoom((-0.2, 0.3), (-0.1, 0.2), seed=3, fill_mode="constant", bounding_box_format="xyxy"),
        layers.RandomTranslation(0.1, 0.1, seed=3, fill_mode="constant", bounding_box_format="xyxy"),
        layers.RandomPerspective(scale=0.2, seed=3, bounding_box_format="xyxy"),
        layers.RandomCrop(30, 34, seed=3, bounding_box_format="xyxy"),
    ):
        given = {"images": images, "bounding_boxes": {"boxes": boxes, "labels": np.ones((4, 1), "float32")}}
        result = layer(given)
        for image, (box,) in zip(result["images"].numpy(), result["bounding_boxes"]["boxes"].numpy(), strict=True):
            rows, columns = np.nonzero(image[..., 0] > 100)
            found = [columns.min(), rows.min(), columns.max(), rows.max()]
            np.testing.assert_allclose(box, found, atol=1.6, err_msg=layer.name)


@pytest.mark.parametrize("form", ["xywh", "rel_xyxy", "center_yxhw"])
def test_boxes_in_any_format(form):
    from hornbook.utils.bounding_boxes import convert_format

    def turned(form):
        boxes = convert_format(BOXES, "xyxy", form, 20, 24)
        layer = layers.RandomRotation(0.1, seed=3, bounding_box_format=form)
        given = {"images": IMAGES, "bounding_boxes": {"boxes": boxes, "labels": np.ones((4, 3))}}
        return convert_format(layer(given)["bounding_boxes"]["boxes"], form, "xyxy", 20, 24)

    np.testing.assert_allclose(turned(form), turned("xyxy"), atol=1e-3)


def test_mixup():
    layer = layers.MixUp(0.4, seed=1, bounding_box_format="xyxy")
    result = layer(data())
    shares = result["labels"].numpy()
    np.testing.assert_allclose(shares.sum(1), 1, atol=1e-6)
    np.testing.assert_allclose(np.einsum("ij,jhwc->ihwc", shares, IMAGES), result["images"], atol=1e-3)
    assert result["segmentation_masks"].shape == (4, 20, 24, 2)
    assert result["bounding_boxes"]["boxes"].shape == (4, 6, 4) and result["bounding_boxes"]["labels"].shape == (4, 6)


def test_cutmix():
    layer = layers.CutMix((0.5, 1.0), seed=2)
    result = layer({key: value for key, value in data().items() if key != "bounding_boxes"})
    for i, (image, label) in enumerate(zip(result["images"].numpy(), result["labels"].numpy(), strict=True)):
        (partner,) = [j for j in range(4) if label[j] > 0 and j != i] or [i]
        foreign = (image != IMAGES[i]).any(-1)
        np.testing.assert_array_equal(image[foreign], IMAGES[partner][foreign])
        assert abs(foreign.mean() - (label[partner] if partner != i else 0)) < 0.1


@pytest.mark.parametrize("alpha", [0.2, 1.0, 2.0])
def test_shares_are_beta_distributed(alpha):
    images = tf.zeros((4000, 2, 2, 1))
    shares = layers.MixUp(alpha, seed=1).get_random_transformation(images)["share"].numpy()
    np.testing.assert_allclose([shares.mean(), shares.var()], [0.5, 0.25 / (2 * alpha + 1)], atol=0.02)


def test_randaugment_draws_all_its_changes():
    layer = layers.RandAugment(seed=1, num_ops=4)
    orders = np.concatenate([layer.get_random_transformation(tf.zeros((1, 4, 4, 3)))["order"] for _ in range(40)])
    counts = np.bincount(orders, minlength=11)
    assert len(counts) == 11 and counts.min() > 0


def test_randaugment_and_augmix_change_images_within_their_range():
    for layer in (layers.RandAugment(seed=1), layers.AugMix(seed=1, num_chains=2)):
        y = layer(IMAGES).numpy()
        assert y.min() >= -1e-3 and y.max() <= 255.001 and (y != IMAGES).any()


def test_in_a_model():
    model = hornbook.Sequential(
        [
            hornbook.Input((None, None, 3)),
            layers.Resizing(8, 8),
            layers.RandomFlip(seed=1),
            layers.RandomContrast(0.2),
            layers.Rescaling(1 / 255),
            layers.Flatten(),
            layers.Dense(2),
        ]
    )
    assert model.output_shape == (None, 2)
    model.compile("sgd", "mse")
    model.fit(IMAGES, np.zeros((4, 2)), epochs=1, verbose=0)
    assert np.isfinite(model.predict(IMAGES, verbose=0)).all()


def test_a_pipeline_takes_dictionaries():
    parts = [layers.RandomFlip(seed=1), layers.RandomErasing(seed=1), layers.Resizing(5, 6)]
    pipeline = layers.Pipeline(parts)
    result = pipeline({"images": IMAGES, "labels": LABELS})
    assert result["images"].shape == (4, 5, 6, 3)
    dataset = tf.data.Dataset.from_tensor_slices(IMAGES).batch(2).map(pipeline)
    assert next(iter(dataset)).shape == (2, 5, 6, 3)
    np.testing.assert_allclose(pipeline(IMAGES, training=False), parts[2](IMAGES))


BOXED = {"images": IMAGES, "bounding_boxes": {"boxes": BOXES, "labels": np.ones((4, 3))}}
ERRORS = [
    (lambda: layers.RandomFlip()(BOXED), ValueError, "bounding_box_format"),
    (lambda: layers.RandomFlip()({"labels": LABELS}), ValueError, "'images'"),
    (lambda: layers.RandomFlip()({"images": IMAGES, "segmentation_masks": MASKS[..., 0]}), ValueError, "as many axes"),
    (lambda: layers.RandomFlip()(IMAGES[0, 0]), ValueError, "3 axes"),
    (lambda: layers.RandomFlip("sideways"), ValueError, "mode"),
    (lambda: layers.RandomRotation(2), ValueError, "factor.*from -1 to 1"),
    (lambda: layers.RandomRotation("a"), ValueError, "factor"),
    (lambda: layers.RandomRotation(0.1, fill_mode="mirror"), ValueError, "fill_mode"),
    (lambda: layers.RandomZoom((0, 2)), ValueError, "height_factor"),
    (lambda: layers.RandomTranslation(0.1, 3), ValueError, "width_factor"),
    (lambda: layers.RandomShear(-0.1), ValueError, "x_factor"),
    (lambda: layers.RandomContrast(-0.1), ValueError, "factor"),
    (lambda: layers.RandomBrightness(0.1, value_range=5), ValueError, "value_range"),
    (lambda: layers.RandomPosterization(9), ValueError, "from 1 to 8"),
    (lambda: layers.RandomGaussianBlur(kernel_size=4), ValueError, "odd"),
    (lambda: layers.RandomGrayscale(2), ValueError, "factor"),
    (lambda: layers.Solarization((0, 3)), ValueError, "addition_factor"),
    (lambda: layers.Resizing(0, 4), ValueError, "height"),
    (lambda: layers.Resizing(4, 4, "linear"), ValueError, "interpolation"),
    (lambda: layers.Resizing(4, 4, crop_to_aspect_ratio=True, pad_to_aspect_ratio=True), ValueError, "Only one"),
    (lambda: layers.MixUp(0), ValueError, "alpha"),
    (lambda: layers.CutMix(bounding_box_format="xyxy")(BOXED), NotImplementedError, "CutMix"),
    (lambda: layers.RandomElasticTransform(bounding_box_format="xyxy")(BOXED), NotImplementedError, "bends"),
    (lambda: layers.MaxNumBoundingBoxes(0), ValueError, "max_number"),
    (lambda: layers.Pipeline([3]), ValueError, "layers"),
]


@pytest.mark.parametrize(("attempt", "kind", "message"), ERRORS, ids=[row[2] for row in ERRORS])
def test_errors_say_what_was_expected(attempt, kind, message):
    with pytest.raises(kind, match=message):
        attempt()


def test_one_image_alone_is_a_batch_of_one():
    flip = layers.RandomFlip("horizontal", seed=1, bounding_box_format="xyxy")
    image, label = np.arange(24.0, dtype="float32").reshape(2, 4, 3), np.array([1.0], "float32")
    boxes = {"boxes": np.array([[0.0, 0.0, 1.0, 2.0]], "float32"), "labels": np.array([3])}
    change = {"size": (2, 4), **flip.get_random_transformation(image[None])}
    alone = flip.transform_single_image(image, change)
    np.testing.assert_array_equal(alone, flip.transform_images(image[None], change)[0])
    np.testing.assert_array_equal(flip.transform_single_segmentation_mask(image, change), alone)
    np.testing.assert_array_equal(flip.transform_single_label(label, change), label)
    moved = flip.transform_single_bounding_box(boxes, change)["boxes"]
    batch = flip.transform_bounding_boxes({"boxes": boxes["boxes"][None], "labels": boxes["labels"][None]}, change)
    np.testing.assert_array_equal(moved, batch["boxes"][0])
