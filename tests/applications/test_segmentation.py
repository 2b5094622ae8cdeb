"""Models of segmentation: sizes, masks with pixels that do not count, files, and strides taken out of a network."""

import numpy as np
import pytest
from tests.applications.test_beyond_keras import kept
from tests.applications.test_families import ROWS

import hornbook as keras
import hornbook_applications as applications
from hornbook_applications.segmentation import DeepLabV3Plus, UNet
from hornbook_applications.segmentation.deeplab import dilated

IGNORED = 255


def compiled(model, classes=2, **more):
    model.compile(
        keras.optimizers.Adam(0.01),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=IGNORED),
        metrics=[keras.metrics.MeanIoU(classes, ignore_class=IGNORED, sparse_y_pred=False, name="mean_iou")],
        **more,
    )
    return model


def scenes(count=8, side=32):
    """Bright squares on a dark ground; a row of each mask does not count."""
    rng = np.random.default_rng(0)
    images, masks = rng.uniform(0, 60, (count, side, side, 3)), np.zeros((count, side, side), "int32")
    for image, mask, (y, x) in zip(images, masks, rng.integers(0, side // 2, (count, 2)), strict=True):
        image[y : y + 12, x : x + 12] += 150
        mask[y : y + 12, x : x + 12] = 1
    masks[:, -1] = IGNORED
    return images.astype("float32"), masks


def test_a_unet_learns_from_masks_and_keeps_in_files(tmp_path):
    keras.utils.set_random_seed(0)
    images, masks = scenes()
    model = compiled(UNet((None, None, 3), widths=(8, 16)))
    history = model.fit(images, masks, epochs=25, batch_size=4, verbose=0).history
    assert history["loss"][-1] < 0.5 * history["loss"][0]
    loss, iou = model.evaluate(images, masks, verbose=0)
    assert iou > 0.9
    predicted = model.predict(images, verbose=0)
    assert predicted.shape == (8, 32, 32, 2)
    wrong = masks.copy()
    wrong[:, -1] = 1 - predicted[:, -1].argmax(-1)  # where it does not count, nothing changes
    assert model.evaluate(images, np.where(masks == IGNORED, IGNORED, wrong), verbose=0) == [loss, iou]
    assert model.evaluate(images, wrong, verbose=0)[1] < iou
    model.save(tmp_path / "unet.keras")
    again = keras.saving.load_model(tmp_path / "unet.keras")
    np.testing.assert_allclose(again.predict(images, verbose=0), predicted, atol=1e-5)


def test_a_pixel_that_does_not_count_gives_no_gradient():
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=IGNORED)
    logits = np.array([[[2.0, 0.0], [0.0, 1.0]]])
    assert float(loss(np.array([[0, IGNORED]]), logits)) == pytest.approx(np.log(1 + np.exp(-2.0)))
    metric = keras.metrics.MeanIoU(2, ignore_class=IGNORED, sparse_y_pred=False)
    metric.update_state(np.array([[0, 1, 1, IGNORED]]), np.array([[[1, 0], [1, 0], [0, 1], [1, 0]]]))
    assert float(metric.result()) == pytest.approx((1 / 2 + 1 / 2) / 2)


@pytest.mark.parametrize("size", [(33, 20), (16, 47)])
def test_masks_have_the_size_of_their_images(size):
    image = np.zeros((1, *size, 3), "float32")
    assert UNet(classes=3, widths=(4, 8, 16))(image).shape == (1, *size, 3)
    backbone = applications.MobileNetV2(input_shape=(None, None, 3), alpha=0.35, weights=None, include_top=False)
    assert DeepLabV3Plus(backbone, classes=5, filters=8)(image).shape == (1, *size, 5)


def test_a_unet_of_the_papers_size():
    assert 31_000_000 < UNet((64, 64, 1)).count_params() < 31_100_000


def residual(size):
    """A network as ResNets are built: strides in 1 x 1 convolutions, kernels of 3 x 3 padded on both sides."""
    image = keras.Input((size, size, 3))
    x = keras.layers.Conv2D(8, 3, strides=2, padding="same")(image)
    for width in (8, 16, 16, 24):
        y = keras.layers.Conv2D(width, 1, strides=2, activation="relu")(x)
        y = keras.layers.Conv2D(width, 3, activation="relu")(keras.layers.ZeroPadding2D(1)(y))
        y = keras.layers.Conv2D(width, 3, padding="same")(y)
        x = keras.layers.Conv2D(width, 1, strides=2)(x) + y
    return keras.Model(image, x)


@pytest.mark.parametrize("whole", [False, pytest.param(True, marks=pytest.mark.exhaustive)])
def test_taking_strides_out_keeps_what_was_there(whole, tmp_path):
    size = 96
    plain = residual(size)
    if whole:
        arguments = {"weights": None, "include_top": False, "input_shape": (size, size, 3)}
        plain = applications.ResNet50(**arguments, include_preprocessing=True)
        kept(plain, tmp_path / "r.weights.h5")
    pixels = np.random.default_rng(0).uniform(0, 255, (1, size, size, 3)).astype("float32")
    expected = np.asarray(plain(pixels))
    for output_stride, step in ((32, 1), (16, 2), (8, 4)):
        finer = np.asarray(dilated(plain, output_stride)(pixels))
        assert finer.shape[1] == 3 * step
        np.testing.assert_allclose(finer[:, ::step, ::step], expected, atol=1e-4 * np.abs(expected).max())


NOT_HERE = {"NASNetMobile", "NASNetLarge"}  # whose maps are cropped
ALWAYS = {"MobileNetV3Small"}


@pytest.mark.parametrize(
    "name", [pytest.param(row[0], marks=[] if row[0] in ALWAYS else [pytest.mark.exhaustive]) for row in ROWS]
)
def test_deeplab_on_every_application(name):
    size = 96
    backbone = getattr(applications, name)(weights=None, include_top=False, input_shape=(size, size, 3))
    if name in NOT_HERE:
        with pytest.raises(ValueError, match="crops a map"):
            DeepLabV3Plus(backbone, classes=3)
        return
    for output_stride in (16, 8):
        finer = dilated(backbone, output_stride)
        assert abs(finer.output_shape[1] - size // output_stride) <= 3 and len(finer.weights) == len(backbone.weights)
    model = DeepLabV3Plus(backbone, classes=3, filters=8)
    assert model.output_shape == (None, size, size, 3)
    assert np.isfinite(model(np.full((1, size, size, 3), 100.0))).all()


@pytest.mark.parametrize("whole", [False, pytest.param(True, marks=pytest.mark.exhaustive)])
def test_deeplab_learns(whole, tmp_path):
    keras.utils.set_random_seed(0)
    images, masks = scenes(4, 32)
    backbone = residual(32)
    if whole:
        backbone = applications.MobileNetV2(
            input_shape=(32, 32, 3), alpha=0.35, weights=None, include_top=False, include_preprocessing=True
        )
    model = compiled(DeepLabV3Plus(backbone, classes=2, output_stride=8, filters=16))
    history = model.fit(images, masks, epochs=8, verbose=0).history
    assert history["loss"][-1] < history["loss"][0]
    model.save(tmp_path / "deeplab.keras")
    again = keras.saving.load_model(tmp_path / "deeplab.keras")
    np.testing.assert_allclose(again.predict(images, verbose=0), model.predict(images, verbose=0), atol=1e-4)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: UNet(classes=0), "classes"),
        (lambda: UNet(widths=()), "widths"),
        (lambda: UNet(widths=(8, 0)), "widths"),
        (lambda: DeepLabV3Plus(small(), classes=2, output_stride=32), "output_stride"),
        (lambda: DeepLabV3Plus(small(pooling="avg"), classes=2), "without pooling"),
        (lambda: DeepLabV3Plus(small(features_only=True), classes=2), "include_top=False"),
    ],
)
def test_arguments_are_checked(make, words):
    with pytest.raises(ValueError, match=words):
        make()


def small(**more):
    return applications.MobileNet(input_shape=(64, 64, 3), alpha=0.25, weights=None, include_top=False, **more)
