"""What every application can beyond Keras's: maps of each resolution, other channels, a new head, pixels prepared inside."""

import inspect
import sys

import numpy as np
import pytest
from tests.applications.test_families import ROWS

import hornbook as keras
import hornbook_applications as applications
from hornbook.core.operation import node_of
from hornbook_applications.common import fitted

NAMES = {  # the stages of strides 2, 4, 8, 16, 32
    "ResNet50": ["conv1_relu", "conv2_block3_out", "conv3_block4_out", "conv4_block6_out", "conv5_block3_out"],
    "ResNet50V2": ["conv1_conv", "conv2_block2_out", "conv3_block3_out", "conv4_block5_out", "post_relu"],
    "VGG16": ["block2_conv2", "block3_conv3", "block4_conv3", "block5_conv3", "block5_pool"],
    "DenseNet121": ["conv1_relu", "pool2_conv", "pool3_conv", "pool4_conv", "relu"],
    "MobileNet": ["conv_pw_1_relu", "conv_pw_3_relu", "conv_pw_5_relu", "conv_pw_11_relu", "conv_pw_13_relu"],
    "MobileNetV2": [f"block_{i}_expand_relu" for i in (1, 3, 6, 13)] + ["out_relu"],
    "EfficientNetB0": [f"block{i}a_expand_activation" for i in (2, 3, 4, 6)] + ["top_activation"],
    "InceptionV3": [None, None, "mixed2", "mixed7", "mixed10"],
    "InceptionResNetV2": [None, None, "block35_10_ac", "block17_20_ac", "conv_7b_ac"],
    "Xception": ["block1_conv2_act", None, None, None, "block14_sepconv2_act"],
    "NASNetMobile": ["stem_bn1", "reduction_concat_stem_1", "normal_concat_3", "normal_concat_8", None],
    "NASNetLarge": ["stem_bn1", "reduction_concat_stem_1", "reduction_bn_1_reduce_6", "reduction_bn_1_reduce_12", None],
}
ALWAYS = {"MobileNet"}


def rows(always=frozenset(ALWAYS)):
    return [pytest.param(row[0], marks=[] if row[0] in always else [pytest.mark.exhaustive]) for row in ROWS]


def small(name, channels=3, **more):
    """Arguments of a small network without its top, whose pixels are taken as they come."""
    own = "include_preprocessing" in inspect.signature(getattr(applications, name).__wrapped__).parameters
    more |= {"include_preprocessing": False} if own else {}
    return {"weights": None, "include_top": False, "input_shape": (96, 96, channels), **more}


def kept(model, path):
    """Its weights in a file, after they were made other than those of a fresh network."""
    rng = np.random.default_rng(0)
    for weight in model.weights:
        if weight.name == "moving_variance" or weight.name == "variance":
            weight.assign(rng.uniform(0.5, 1.5, weight.shape))
        elif weight.name in ("beta", "bias", "mean"):
            weight.assign(rng.uniform(-0.1, 0.1, weight.shape))
    model.save_weights(path)
    return path


def alike(a, b):
    a, b = np.asarray(a), np.asarray(b)
    assert np.ptp(b) > 0
    np.testing.assert_allclose(a, b, atol=2e-4 * np.abs(b).max())


@pytest.mark.parametrize("name", rows({*ALWAYS, "ResNet50"}))
def test_the_last_map_of_each_resolution(name):
    model = getattr(applications, name)(**small(name), features_only=True)
    strides = (4, 8, 16, 32) if name.startswith("ConvNeXt") else (2, 4, 8, 16, 32)
    assert list(model.output) == [f"stride_{s}" for s in strides]
    for i, (s, x) in enumerate(zip(strides, model.output.values(), strict=True)):
        assert 96 / s - 5 <= x.shape[1] <= 96 / s and x.shape[1] == x.shape[2]  # Inceptions lose a rim
        wanted = NAMES.get(name, [None] * 5)[i]
        assert wanted is None or node_of(x).operation.name == wanted
    plain = getattr(applications, name)(**small(name))
    assert model.output["stride_32"].shape == plain.output.shape


def test_features_keep_weights_and_files(tmp_path):
    plain = applications.MobileNet(**small("MobileNet"), alpha=0.25)
    path = kept(plain, tmp_path / "m.weights.h5")
    model = applications.MobileNet(**small("MobileNet", weights=path), alpha=0.25, features_only=True)
    image = np.random.default_rng(0).uniform(-1, 1, (1, 96, 96, 3)).astype("float32")
    alike(model(image)["stride_32"], plain(image))
    model.save(tmp_path / "m.keras")
    alike(keras.saving.load_model(tmp_path / "m.keras")(image)["stride_8"], model(image)["stride_8"])


@pytest.mark.parametrize("name", rows())
def test_weights_of_three_channels_fit_to_others(name, tmp_path):
    """Told by the first maps: the end of a deep EfficientNet at random depends on the last digit of the image."""
    function = getattr(applications, name)
    colours = function(**small(name), features_only=True)
    path = kept(colours, tmp_path / "m.weights.h5")
    image = np.random.default_rng(0).uniform(0, 1, (1, 96, 96, 3)).astype("float32")

    def sees(model, pixels, as_colours):
        first = next(iter(colours.output))
        alike(model(pixels)[first], colours(as_colours)[first])
        pairs = list(zip(model.weights, colours.weights, strict=True))
        others = [pair for pair in pairs if pair[0].shape == pair[1].shape]
        assert 1 <= len(pairs) - len(others) <= 3  # the kernel that reads the pixels; their means and variances
        assert all(np.array_equal(a, b) for a, b in others)

    twice = function(**small(name, weights=path), in_channels=6, features_only=True)
    assert twice.input_shape[-1] == 6
    sees(twice, np.concatenate([image, image], -1), image)
    if not any(type(layer).__name__ == "Normalization" for layer in colours.layers):
        gray = function(**small(name, weights=path), in_channels=1, features_only=True)
        sees(gray, image[..., :1], np.repeat(image[..., :1], 3, -1))


@pytest.mark.parametrize("name", rows())
def test_a_new_head_on_old_weights(name, tmp_path):
    function = getattr(applications, name)
    arguments = small(name, include_top=True)
    old = function(**arguments, classes=4)
    path = kept(old, tmp_path / "m.weights.h5")
    arguments["weights"] = path
    for classes in (3, 4):  # as many as before are others, too
        new = function(**arguments, **{"classes": 4, "new_head": classes})
        assert new.output_shape == (None, classes)
        head = len([layer for layer in new.layers if layer.weights][-1].weights)
        weights = list(zip(old.weights, new.weights, strict=True))
        assert all(np.array_equal(a, b) for a, b in weights[:-head])
        assert not any(np.array_equal(a, b) for a, b in weights[-head:])


@pytest.mark.parametrize("name", rows())
def test_pixels_are_prepared_inside(name, tmp_path):
    function = getattr(applications, name)
    prepare = sys.modules[function.__module__].preprocess_input
    pixels = np.random.default_rng(0).uniform(0, 255, (1, 96, 96, 3)).astype("float32")
    arguments = {"include_top": False, "input_shape": (96, 96, 3)}
    path = kept(function(**arguments, weights=None), tmp_path / "m.weights.h5")
    inside, outside = (function(**arguments, weights=path, include_preprocessing=switch) for switch in (True, False))
    if inspect.signature(function).parameters["include_preprocessing"].default:  # as in Keras
        alike(inside(pixels), function(**arguments, weights=path)(pixels))
        layers = [layer for layer in inside.layers[:4] if type(layer).__name__ in ("Rescaling", "Normalization")]
        assert layers

        def prepare(x):
            for layer in layers:
                x = layer(x)
            return np.asarray(x)

    alike(inside(pixels), outside(prepare(pixels.copy())))


def test_imagenets_weights_under_a_new_head_for_gray_images_of_another_size(tmp_path, monkeypatch):
    """With a file in the place of the official one; EfficientNet scales once more if its weights are ImageNet's."""
    tiny = {"input_shape": (64, 64, 1), "in_channels": 1}
    path = kept(applications.EfficientNetB0(weights=None), tmp_path / "m.weights.h5")
    monkeypatch.setattr("hornbook_applications.common.get_file", lambda *_, **__: path)
    old, new = applications.EfficientNetB0(), applications.EfficientNetB0(**tiny, new_head=5)
    assert new.input_shape == (None, 64, 64, 1) and new.output_shape == (None, 5)
    kinds = [[type(layer).__name__ for layer in model.layers] for model in (old, new)]
    assert kinds[0] == kinds[1] and kinds[0][:4] == ["InputLayer", "Rescaling", "Normalization", "Rescaling"]
    alike(new.get_layer("stem_conv").kernel[:, :, 0], np.sum(old.get_layer("stem_conv").kernel, 2))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"classes": 10}, "new_head=10"),
        ({"input_shape": (64, 64, 1), "include_top": False}, "in_channels=1"),
        ({"new_head": 0}, "new_head"),
        ({"in_channels": -1}, "in_channels"),
        ({"new_head": 3, "include_top": False}, "include_top must be True"),
        ({"features_only": True, "pooling": "avg"}, "neither pooling"),
        ({"in_channels": 2, "input_tensor": keras.Input((64, 64, 2))}, "input of its own"),
        ({"include_preprocessing": True, "in_channels": 1, "weights": None}, "RGB"),
        ({"in_channels": 1, "input_shape": (8, 8, 1), "weights": None}, "at least 32 x 32"),
    ],
)
def test_arguments_that_do_not_go_together(arguments, words):
    with pytest.raises(ValueError, match=words):
        applications.MobileNet(**arguments)


def test_a_top_that_reads_the_whole_image_keeps_its_size():
    with pytest.raises(ValueError, match="its size must stay"):
        fitted(np.zeros((512, 4)), (2048, 4))
