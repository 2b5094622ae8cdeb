"""ResNet50 against keras.applications on the same weights, and the errors of its arguments."""

import h5py
import numpy as np
import pytest

import hornbook
from hornbook_applications import ResNet50, resnet

SHAPE = (64, 64, 3)
IMAGES = np.random.default_rng(0).uniform(0, 255, (2, *SHAPE)).astype("float32")


@pytest.fixture(scope="module")
def twins():
    keras = pytest.importorskip("keras", reason="keras.applications is the reference")
    keras.utils.set_random_seed(0)
    theirs = keras.applications.ResNet50(weights=None, input_shape=SHAPE, classes=10)
    rng = np.random.default_rng(1)
    for layer in theirs.layers:  # statistics that are not those of a fresh layer
        if "BatchNormalization" in type(layer).__name__:
            count = len(layer.get_weights()[0])
            layer.set_weights(
                [rng.uniform(0.5, 1.0, count), *rng.normal(0, 0.1, (2, count)), rng.uniform(0.5, 2.0, count)]
            )
    ours = ResNet50(weights=None, input_shape=SHAPE, classes=10)
    return theirs, ours, theirs.predict(IMAGES, verbose=0)


def same(ours, expected):
    np.testing.assert_allclose(ours.predict(IMAGES, verbose=0), expected, atol=1e-4)


@pytest.mark.parity
def test_layers_and_parameters(twins):
    theirs, ours, _ = twins
    assert [layer.name for layer in ours.layers][1:] == [layer.name for layer in theirs.layers][1:]
    assert ours.count_params() == theirs.count_params()
    assert [tuple(w.shape) for w in ours.weights] == [tuple(w.shape) for w in theirs.weights]


@pytest.mark.parity
def test_weights_of_keras_give_its_outputs(twins, tmp_path):
    theirs, ours, expected = twins
    theirs.save_weights(tmp_path / "w.weights.h5")
    ours.load_weights(tmp_path / "w.weights.h5")
    same(ours, expected)
    assert np.ptp(expected) > 1e-3


@pytest.mark.parity
def test_the_older_layout_too(twins, tmp_path):
    theirs, _, expected = twins
    with h5py.File(tmp_path / "w.h5", "w") as file:
        names = [layer.name.encode() for layer in theirs.layers]
        half = len(names) // 2  # long lists stand in pieces
        file.attrs["layer_names0"], file.attrs["layer_names1"] = names[:half], names[half:]
        for layer in theirs.layers:
            group = file.create_group(layer.name)
            weights = layer.trainable_weights + layer.non_trainable_weights
            group.attrs["weight_names"] = [f"{layer.name}/{w.name}:0".encode() for w in weights]
            for weight in weights:
                group[f"{layer.name}/{weight.name}:0"] = np.asarray(weight)
    same(ResNet50(weights=tmp_path / "w.h5", input_shape=SHAPE, classes=10), expected)
    with pytest.raises(ValueError, match="holds"):
        ResNet50(weights=tmp_path / "w.h5", input_shape=SHAPE, classes=11)


def test_without_top_and_on_a_tensor():
    image = hornbook.Input((None, None, 3))
    model = ResNet50(weights=None, include_top=False, input_tensor=image * 2.0, pooling="max")
    assert model.inputs[0] is image and model.output_shape == (None, 2048)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"weights": "imagenett"}, "no file"),
        ({"classes": 10}, "1000 classes"),
        ({"weights": None, "input_shape": (16, 16, 3)}, "32 x 32"),
        ({"weights": None, "input_shape": (224, 224)}, "height, width, channels"),
        ({"weights": None, "include_top": False, "pooling": "mean"}, "pooling"),
        ({"input_shape": (96, 96, 3)}, "input_shape must be"),
        ({"weights": None, "input_tensor": IMAGES}, "symbolic"),
    ],
)
def test_arguments_that_do_not_go_together(arguments, words):
    with pytest.raises(ValueError, match=words):
        ResNet50(**arguments)


def test_weights_out_of_reach_are_told(monkeypatch, tmp_path):
    monkeypatch.setenv("HORNBOOK_HOME", str(tmp_path))
    monkeypatch.setattr(resnet, "ADDRESS", "http://127.0.0.1:9/")
    with pytest.raises(OSError, match="could not be fetched.*put the file at"):
        ResNet50()
    assert not list(tmp_path.rglob("*.h5"))
