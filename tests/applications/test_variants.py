"""Widths and other arguments, axes in the other order, the older layout of files, against keras.applications."""

import warnings

import h5py
import numpy as np
import pytest

import hornbook
import hornbook_applications as applications

VARIANTS = [
    # function, arguments
    ("MobileNet", {"alpha": 0.25, "input_shape": (128, 128, 3)}),
    ("MobileNet", {"alpha": 0.5, "depth_multiplier": 2, "dropout": 0.0, "input_shape": (33, 40, 1), "weights": None}),
    ("MobileNetV2", {"alpha": 0.35, "input_shape": (96, 96, 3)}),
    ("MobileNetV2", {"alpha": 1.4, "include_top": False, "input_shape": (50, 64, 3)}),
    ("MobileNetV2", {"alpha": 0.9, "include_top": False, "weights": None}),
    ("MobileNetV3Small", {"alpha": 0.75}),
    ("MobileNetV3Small", {"minimalistic": True, "include_top": False}),
    ("MobileNetV3Small", {"alpha": 1.3, "include_preprocessing": False, "dropout_rate": 0, "weights": None}),
    ("MobileNetV3Large", {"minimalistic": True}),
    ("MobileNetV3Large", {"alpha": 0.75, "include_top": False}),
    ("MobileNetV3Large", {"alpha": 0.6, "minimalistic": True, "weights": None}),
]


class Asked(Exception):
    """Raised in place of a download."""


@pytest.mark.parity
@pytest.mark.exhaustive
@pytest.mark.parametrize(("function", "arguments"), VARIANTS)
def test_variants_are_those_of_keras(function, arguments, monkeypatch):
    keras = pytest.importorskip("keras", reason="keras.applications is the reference")
    from keras.src.utils import file_utils

    def ask(name, origin, file_hash=None, **_):
        raise Asked(origin, file_hash)

    monkeypatch.setattr(file_utils, "get_file", ask)
    monkeypatch.setattr("hornbook_applications.common.get_file", ask)
    models, asked = [], []
    keras.utils.clear_session(), hornbook.utils.clear_session()
    for package in (applications, keras.applications):
        build = getattr(package, function)
        models.append(build(**{**arguments, "weights": None}))
        if arguments.get("weights", "imagenet"):
            with pytest.raises(Asked) as error, warnings.catch_warnings(action="ignore"):  # Keras tells of other sizes
                build(**arguments)
            asked.append(error.value.args)
    ours, theirs = models
    assert ours.name == theirs.name and ours.input_shape == theirs.input_shape
    assert ours.output_shape == theirs.output_shape
    assert [layer.name for layer in ours.layers][1:] == [layer.name for layer in theirs.layers][1:]
    assert [tuple(w.shape) for w in ours.weights] == [tuple(w.shape) for w in theirs.weights]
    assert len(set(asked)) <= 1


@pytest.mark.parity
@pytest.mark.parametrize("function", ["VGG16", "MobileNet", "MobileNetV2", "MobileNetV3Small"])
def test_channels_first_gives_the_same_weights(function):
    keras = pytest.importorskip("keras", reason="keras.applications is the reference")
    arguments = {"weights": None, "input_shape": (3, 64, 96), "include_top": False}
    try:
        hornbook.config.set_image_data_format("channels_first")
        keras.config.set_image_data_format("channels_first")
        ours, theirs = getattr(applications, function)(**arguments), getattr(keras.applications, function)(**arguments)
    finally:
        hornbook.config.set_image_data_format("channels_last")
        keras.config.set_image_data_format("channels_last")
    assert ours.output_shape == theirs.output_shape
    assert [tuple(w.shape) for w in ours.weights] == [tuple(w.shape) for w in theirs.weights]


@pytest.mark.parity
@pytest.mark.exhaustive
@pytest.mark.parametrize(("function", "size"), [("Xception", 71), ("MobileNetV3Small", 32)])
def test_automatic_names_in_a_file_of_the_older_layout_do_not_matter(function, size, tmp_path):
    keras = pytest.importorskip("keras", reason="keras.applications is the reference")
    keras.utils.set_random_seed(0)
    for _ in range(2):  # the second one has other automatic names
        theirs = getattr(keras.applications, function)(weights=None, input_shape=(size, size, 3), classes=4)
    with h5py.File(tmp_path / "w.h5", "w") as file:
        file.attrs["layer_names"] = [layer.name.encode() for layer in theirs.layers]
        for layer in theirs.layers:
            group = file.create_group(layer.name)
            weights = layer.trainable_weights + layer.non_trainable_weights
            group.attrs["weight_names"] = [f"{layer.name}/{w.name}:0".encode() for w in weights]
            for weight in weights:
                group[f"{layer.name}/{weight.name}:0"] = np.asarray(weight)
    hornbook.utils.clear_session()
    ours = getattr(applications, function)(weights=tmp_path / "w.h5", input_shape=(size, size, 3), classes=4)
    image = np.random.default_rng(0).uniform(0, 255, (1, size, size, 3)).astype("float32")
    np.testing.assert_allclose(ours(image), theirs(image), atol=1e-4)
    for mine, other in zip(ours.weights, theirs.weights, strict=True):
        np.testing.assert_array_equal(mine, other)


@pytest.mark.parametrize(
    ("function", "arguments", "words"),
    [
        ("MobileNet", {"alpha": 0.3}, "0.25, 0.5, 0.75, 1.0, got alpha=0.3"),
        ("MobileNet", {"alpha": 0, "weights": None}, "above 0"),
        ("MobileNet", {"depth_multiplier": 2}, "depth_multiplier=1 only, got 2"),
        ("MobileNet", {"input_shape": (96, 96, 3)}, "input_shape must be"),
        ("MobileNet", {"input_shape": (31, 32, 3), "weights": None}, "32 x 32"),
        ("MobileNetV2", {"alpha": 0.3}, "1.3, 1.4, got alpha=0.3"),
        ("MobileNetV2", {"input_shape": (None, None, 3), "weights": None}, "must be fixed"),
        ("MobileNetV3Small", {"alpha": 0.5}, "0.75, 1.0, got alpha=0.5"),
        ("MobileNetV3Large", {"alpha": 0.75, "minimalistic": True}, "alpha 1.0, got"),
        ("Xception", {"input_shape": (70, 71, 3), "weights": None}, "71 x 71"),
        ("InceptionV3", {"input_shape": (74, 75, 3), "weights": None}, "75 x 75"),
        ("InceptionResNetV2", {"input_shape": (224, 224, 3)}, r"\(299, 299, 3\)"),
        ("NASNetMobile", {"input_shape": (None, 64, 3), "include_top": False, "weights": None}, "must be known"),
        ("NASNetLarge", {"input_shape": (224, 224, 3)}, r"\(331, 331, 3\)"),
    ],
)
def test_arguments_that_do_not_go_together(function, arguments, words):
    with pytest.raises(ValueError, match=words):
        getattr(applications, function)(**arguments)
