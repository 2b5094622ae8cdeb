"""The layers that ConvNeXt brings, against Keras's; Keras's files with them; what ConvNeXt refuses."""

import numpy as np
import pytest

import hornbook
from hornbook_applications import ConvNeXtTiny, convnext

X = np.random.default_rng(0).normal(size=(50, 2, 3, 4)).astype("float32")


@pytest.mark.parity
@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("LayerScale", {"init_values": 0.3, "projection_dim": 4}),
        ("StochasticDepth", {"drop_path_rate": 0.4}),
        ("StochasticDepth", {"drop_path_rate": 0}),
    ],
)
def test_layers_are_those_of_keras(name, arguments):
    keras = pytest.importorskip("keras", reason="keras.applications is the reference")
    from keras.src.applications import convnext as reference

    keras.utils.set_random_seed(3)
    theirs = getattr(reference, name)(**arguments, name="layer")
    expected = [np.asarray(theirs(X, training=training)) for training in (False, True)]
    hornbook.utils.set_random_seed(3)
    ours = getattr(convnext, name)(**arguments, name="layer")
    for training, y in zip((False, True), expected, strict=True):
        np.testing.assert_allclose(ours(X, training=training), y, rtol=1e-6)
    assert ours(hornbook.Input((2, 3, 4))).shape == (None, 2, 3, 4)
    assert [tuple(w.shape) for w in ours.weights] == [tuple(w.shape) for w in theirs.weights]
    ours, theirs = hornbook.saving.serialize_keras_object(ours), keras.saving.serialize_keras_object(theirs)
    del ours["config"]["dtype"], theirs["config"]["dtype"]
    assert ours == theirs
    assert type(hornbook.saving.deserialize_keras_object(theirs)) is getattr(convnext, name)


@pytest.mark.parity
def test_a_file_of_keras_opens(tmp_path):
    keras = pytest.importorskip("keras", reason="keras.applications is the reference")
    theirs = keras.applications.ConvNeXtTiny(weights=None, input_shape=(32, 32, 3), classes=3)
    for layer in theirs.layers:
        if type(layer).__name__ == "LayerScale":
            layer.set_weights([np.random.default_rng(1).uniform(0.5, 1.0, w.shape) for w in layer.get_weights()])
    theirs.save(tmp_path / "model.keras")
    ours = hornbook.saving.load_model(tmp_path / "model.keras")
    images = np.random.default_rng(0).uniform(0, 255, (2, 32, 32, 3)).astype("float32")
    np.testing.assert_allclose(ours(images), np.asarray(theirs(images)), atol=1e-5)


def test_gray_images_are_taken_as_they_come():
    model = ConvNeXtTiny(weights=None, include_top=False, input_shape=(32, 32, 1), name="gray")
    assert [layer.name for layer in model.layers[1:3]] == ["gray_stem", "gray_stage_0_block_0_depthwise_conv"]


def test_errors_are_told():
    with pytest.raises(ValueError, match="drop_path_rate"):
        convnext.StochasticDepth(1.5)
    hornbook.config.set_image_data_format("channels_first")
    try:
        with pytest.raises(ValueError, match="channels come last"):
            ConvNeXtTiny(weights=None)
    finally:
        hornbook.config.set_image_data_format("channels_last")
