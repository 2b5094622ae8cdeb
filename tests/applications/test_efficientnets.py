"""What the outputs of EfficientNets do not show, against keras.applications: drop rates, starts, pixels, channels first."""

import numpy as np
import pytest

import hornbook
import hornbook_applications as applications
from hornbook_applications import efficientnet_v2

FACTS = {  # what of a layer's config is compared
    "Rescaling": ("scale", "offset"),
    "Normalization": ("axis", "mean", "variance"),
    "ZeroPadding2D": ("padding", "data_format"),
    "Conv2D": ("filters", "strides", "padding", "activation", "use_bias", "kernel_initializer", "data_format"),
    "DepthwiseConv2D": ("kernel_size", "strides", "padding", "use_bias", "depthwise_initializer", "data_format"),
    "BatchNormalization": ("axis", "momentum", "epsilon"),
    "Reshape": ("target_shape",),
    "Dropout": ("rate", "noise_shape"),
    "Dense": ("kernel_initializer", "activation"),
}


def facts(model):
    rows = []
    for layer in model.layers[1:]:
        kind, config = type(layer).__name__, layer.get_config()
        for key in FACTS.get(kind, ()):
            value = config[key]
            if key in ("variance", "rate") and value is not None:
                value = np.ravel(value).round(9).tolist()
            rows.append((layer.name, kind, key, value))
    return rows


def without_fetching(monkeypatch, module):
    monkeypatch.setattr(f"hornbook_applications.{module}.load_weights", lambda model, *_: model)


@pytest.mark.parity
@pytest.mark.parametrize(
    ("function", "data_format"),
    [
        ("EfficientNetB0", "channels_first"),
        pytest.param("EfficientNetV2B1", "channels_last", marks=pytest.mark.exhaustive),
        pytest.param("EfficientNetB1", "channels_last", marks=pytest.mark.exhaustive),
        pytest.param("EfficientNetV2B1", "channels_first", marks=pytest.mark.exhaustive),
        pytest.param("EfficientNetV2S", "channels_first", marks=pytest.mark.exhaustive),
    ],
)
def test_layers_are_made_as_in_keras(function, data_format):
    keras = pytest.importorskip("keras", reason="keras.applications is the reference")
    keras.utils.clear_session()
    try:
        for package in (keras, hornbook):
            package.config.set_image_data_format(data_format)
        theirs = getattr(keras.applications, function)(weights=None)
        ours = getattr(applications, function)(weights=None)
    finally:
        for package in (keras, hornbook):
            package.config.set_image_data_format("channels_last")
    assert facts(ours) == facts(theirs)
    assert ours.input_shape == theirs.input_shape and ours.output_shape == theirs.output_shape


def test_the_files_of_efficientnet_hold_deviations_for_variances(monkeypatch):
    without_fetching(monkeypatch, "efficientnet")
    model = applications.EfficientNetB0(include_top=False, input_shape=(32, 32, 3))
    mean, deviation = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    model.get_layer("normalization").set_weights([mean, deviation, 0])
    pixels = np.random.default_rng(0).uniform(0, 255, (1, 32, 32, 3)).astype("float32")
    scaled = hornbook.Model(model.input, model.get_layer("stem_conv_pad").input)(pixels)
    np.testing.assert_allclose(scaled, (pixels / 255 - mean) / deviation, atol=1e-5)


@pytest.mark.parametrize(
    ("variant", "expected"),
    [
        ("efficientnetv2-b0", lambda x: (x / 255 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]),
        ("efficientnetv2-s", lambda x: x / 128 - 1),
    ],
)
def test_pixels_of_version_2(variant, expected):
    pixels = np.random.default_rng(0).uniform(0, 255, (1, 4, 5, 3)).astype("float32")
    image = hornbook.Input((None, None, 3))
    scaled = hornbook.Model(image, efficientnet_v2.scaled_pixels(image, variant))
    np.testing.assert_allclose(scaled(pixels), expected(pixels), atol=1e-5)


@pytest.mark.parity
@pytest.mark.parametrize(
    ("function", "shape"),
    [
        ("EfficientNetB0", (33, 34, 1)),
        pytest.param("EfficientNetB0", (None, None, 3), marks=pytest.mark.exhaustive),
        pytest.param("EfficientNetV2B0", (None, None, 1), marks=pytest.mark.exhaustive),
    ],
)
def test_other_shapes(function, shape):
    keras = pytest.importorskip("keras", reason="keras.applications is the reference")
    keras.utils.clear_session()
    arguments = {"weights": None, "include_top": False, "input_shape": shape}
    theirs, ours = getattr(keras.applications, function)(**arguments), getattr(applications, function)(**arguments)
    assert facts(ours) == facts(theirs) and ours.output_shape == theirs.output_shape
