"""Pixels and names of ImageNet's classes against keras.applications."""

import importlib

import numpy as np
import pytest

import hornbook
from hornbook_applications import imagenet_utils

PIXELS = np.random.default_rng(0).uniform(0, 255, (2, 4, 5, 3)).astype("float32")
FAMILIES = [
    "convnext",
    "densenet",
    "efficientnet",
    "efficientnet_v2",
    "inception_resnet_v2",
    "inception_v3",
    "mobilenet",
    "mobilenet_v2",
    "mobilenet_v3",
    "nasnet",
    "resnet",
    "resnet50",
    "resnet_v2",
    "vgg16",
    "vgg19",
    "xception",
]


@pytest.mark.parity
@pytest.mark.parametrize("mode", ["caffe", "tf", "torch"])
@pytest.mark.parametrize("dtype", ["uint8", "float16", "float32", "float64"])
def test_pixels_are_those_of_keras(mode, dtype):
    keras = pytest.importorskip("keras", reason="keras.applications is the reference")
    theirs, ours = keras.applications.imagenet_utils.preprocess_input, imagenet_utils.preprocess_input
    near = {"rtol": 1e-2, "atol": 1e-2} if dtype == "float16" else {"rtol": 1e-6, "atol": 1e-6}
    for x, data_format in [(PIXELS, None), (PIXELS[0], None), (PIXELS.transpose(0, 3, 1, 2), "channels_first")]:
        x = x.astype(dtype)
        expected, given = theirs(x.copy(), data_format, mode), x.copy()
        got = ours(given, data_format, mode)
        assert got.dtype == expected.dtype and (dtype == "uint8" or got is given)
        np.testing.assert_allclose(got, expected, **near)
        tensor = ours(hornbook.ops.convert_to_tensor(x), data_format, mode)
        assert hornbook.backend.standardize_dtype(tensor.dtype) == expected.dtype
        np.testing.assert_allclose(tensor, expected, **near)


@pytest.mark.parametrize("mode", ["caffe", "tf", "torch"])
def test_pixels_of_a_symbolic_image(mode):
    image = hornbook.Input((None, None, 3))
    model = hornbook.Model(image, imagenet_utils.preprocess_input(image, mode=mode))
    np.testing.assert_allclose(model(PIXELS), imagenet_utils.preprocess_input(PIXELS.copy(), mode=mode), atol=1e-5)


@pytest.mark.parity
@pytest.mark.parametrize("family", FAMILIES)
def test_each_family_has_the_pixels_of_keras(family):
    keras = pytest.importorskip("keras", reason="keras.applications is the reference")
    ours = importlib.import_module(f"hornbook_applications.{family}")
    assert ours.decode_predictions is imagenet_utils.decode_predictions
    expected = getattr(keras.applications, family).preprocess_input(PIXELS.copy())
    np.testing.assert_allclose(ours.preprocess_input(PIXELS.copy()), expected, rtol=1e-6, atol=1e-6)


def test_bad_modes_are_told():
    with pytest.raises(ValueError, match="'caffe', 'tf', 'torch', got mode='pytorch'"):
        imagenet_utils.preprocess_input(PIXELS, mode="pytorch")
    with pytest.raises(ValueError, match="data_format"):
        imagenet_utils.preprocess_input(PIXELS, data_format="channels_middle")


@pytest.mark.parity
def test_names_are_those_of_keras(hornbook_data):
    scores = np.random.default_rng(0).uniform(size=(2, 1000))
    decoded = imagenet_utils.decode_predictions(scores, top=3)
    assert [len(row) for row in decoded] == [3, 3] and decoded[0][0][2] == scores[0].max()
    assert decoded[0][0][0].startswith("n")
    with pytest.raises(ValueError, match=r"\(batch, 1000\)"):
        imagenet_utils.decode_predictions(scores[:, :10])
