"""Every application against keras.applications: the same layers, weights in the same order, the same outputs.

A row is a model: its function, the height of the test's images, the parameters of the whole network (1000 classes), and
arguments. The whole network of each is built and counted; the outputs are compared at a small size.
"""

import inspect

import numpy as np
import pytest

import hornbook
import hornbook_applications as applications

ROWS = [
    # function, size, parameters, arguments of the comparison
    ("ResNet50", 64, 25_636_712, {}),
    ("ResNet101", 64, 44_707_176, {"include_top": False, "pooling": "avg"}),
    ("ResNet152", 64, 60_419_944, {"include_top": False}),
    ("VGG16", 32, 138_357_544, {}),
    ("VGG19", 32, 143_667_240, {"include_top": False, "pooling": "max"}),
    ("ResNet50V2", 64, 25_613_800, {}),
    ("ResNet101V2", 64, 44_675_560, {"include_top": False, "pooling": "avg"}),
    ("ResNet152V2", 64, 60_380_648, {"include_top": False}),
    ("EfficientNetB0", 65, 5_330_571, {}),
    ("EfficientNetB1", 64, 7_856_239, {"include_top": False}),
    ("EfficientNetB2", 64, 9_177_569, {"include_top": False, "pooling": "avg"}),
    ("EfficientNetB3", 48, 12_320_535, {"include_top": False, "pooling": "max"}),
    ("EfficientNetB4", 32, 19_466_823, {"include_top": False}),
    ("EfficientNetB5", 32, 30_562_527, {"include_top": False}),
    ("EfficientNetB6", 32, 43_265_143, {"include_top": False}),
    ("EfficientNetB7", 32, 66_658_687, {"include_top": False}),
    ("MobileNet", 64, 4_253_864, {}),
    ("MobileNetV2", 97, 3_538_984, {}),
    ("MobileNetV3Small", 64, 2_554_968, {}),
    ("MobileNetV3Large", 65, 5_507_432, {"include_top": False, "pooling": "max"}),
    ("EfficientNetV2B0", 65, 7_200_312, {}),
    ("EfficientNetV2B1", 64, 8_212_124, {"include_top": False, "pooling": "avg"}),
    ("EfficientNetV2B2", 64, 10_178_374, {"include_top": False, "pooling": "max"}),
    ("EfficientNetV2B3", 48, 14_467_622, {"include_top": False, "include_preprocessing": False}),
    ("EfficientNetV2S", 32, 21_612_360, {"include_top": False}),
    ("EfficientNetV2M", 32, 54_431_388, {"include_top": False, "include_preprocessing": False}),
    ("EfficientNetV2L", 32, 119_027_848, {"include_top": False}),
    ("DenseNet121", 64, 8_062_504, {}),
    ("DenseNet169", 32, 14_307_880, {"include_top": False, "pooling": "max"}),
    ("DenseNet201", 32, 20_242_984, {"include_top": False}),
    ("Xception", 71, 22_910_480, {}),
    ("InceptionV3", 75, 23_851_784, {}),
    ("InceptionResNetV2", 75, 55_873_736, {}),
    ("NASNetMobile", 65, 5_326_716, {}),
    ("NASNetLarge", 32, 88_949_818, {"include_top": False, "pooling": "avg"}),
    ("ConvNeXtTiny", 70, 28_589_128, {}),
    ("ConvNeXtSmall", 64, 50_223_688, {"include_top": False, "pooling": "avg"}),
    ("ConvNeXtBase", 32, 88_591_464, {"include_top": False, "pooling": "max"}),
    ("ConvNeXtLarge", 32, 197_767_336, {"include_top": False, "include_preprocessing": False}),
    ("ConvNeXtXLarge", 32, 350_196_968, {"include_top": False}),
]
IDS = [row[0] for row in ROWS]
BY_SWITCH = "include_preprocessing"  # some have it in Keras, here all
# What every run compares; all others are compared with `pytest -m exhaustive`.
ALWAYS = {"ResNet50V2", "EfficientNetB0", "MobileNet", "ConvNeXtTiny"}


def rows(always):
    """The rows, those beyond `always` (a function of a row) for exhaustive runs alone."""
    return [pytest.param(*row, id=row[0], marks=[] if always(row) else [pytest.mark.exhaustive]) for row in ROWS]


def test_every_function_has_a_row():
    functions = {name for name in applications.__all__ if name[0].isupper()}
    assert functions == {row[0] for row in ROWS}


@pytest.mark.parametrize(("function", "size", "parameters", "arguments"), rows(lambda row: row[2] < 30_000_000))
def test_the_size_of_the_paper(function, size, parameters, arguments):
    extra = {key: value for key, value in arguments.items() if key not in ("include_top", "pooling", "classes")}
    assert getattr(applications, function)(weights=None, **extra).count_params() == parameters


@pytest.mark.parity
@pytest.mark.parametrize("function", IDS)
def test_signatures_are_those_of_keras(function):
    keras = pytest.importorskip("keras", reason="keras.applications is the reference")
    ours, theirs = (inspect.signature(getattr(package, function)) for package in (applications, keras.applications))
    *keras_has, features_only, in_channels, new_head = (
        (p.name, p.kind, p.default) for p in ours.parameters.values() if p.kind != p.KEYWORD_ONLY or p.name != BY_SWITCH
    )
    assert keras_has == [(p.name, p.kind, p.default) for p in theirs.parameters.values()]
    assert [name for name, _, _ in (features_only, in_channels, new_head)] == [
        "features_only",
        "in_channels",
        "new_head",
    ]
    assert BY_SWITCH in ours.parameters


class Asked(Exception):
    """Raised in place of a download."""


@pytest.mark.parity
@pytest.mark.exhaustive
@pytest.mark.filterwarnings("ignore:`input_shape` is undefined")
@pytest.mark.parametrize("include_top", [True, False])
@pytest.mark.parametrize("function", IDS)
def test_files_of_weights_are_those_of_keras(function, include_top, monkeypatch):
    keras = pytest.importorskip("keras", reason="keras.applications is the reference")
    from keras.src.utils import file_utils

    def ask(name, origin, file_hash=None, **_):
        raise Asked(origin, file_hash)

    monkeypatch.setattr(file_utils, "get_file", ask)
    monkeypatch.setattr("hornbook_applications.common.get_file", ask)
    asked = []
    for package in (applications, keras.applications):
        with pytest.raises(Asked) as error:
            getattr(package, function)(include_top=include_top)
        asked.append(error.value.args)
    assert asked[0] == asked[1]


def scattered(model, seed=1):
    """Weights that are not those of fresh layers, so that no wrong order goes unseen; activations keep their size."""
    rng = np.random.default_rng(seed)
    for layer in model.layers:
        weights = layer.get_weights()
        if type(layer).__name__ == "BatchNormalization":
            names = [weight.name for weight in layer.weights]
            ranges = {
                "gamma": (0.7, 1.3),
                "beta": (-0.2, 0.2),
                "moving_mean": (-0.2, 0.2),
                "moving_variance": (0.5, 1.5),
            }
            layer.set_weights([rng.uniform(*ranges[n], w.shape) for n, w in zip(names, weights, strict=True)])
        elif weights:
            layer.set_weights([w + 0.01 * rng.normal(size=w.shape) if w.ndim == 1 else w for w in weights])


@pytest.mark.parity
@pytest.mark.parametrize(("function", "size", "parameters", "arguments"), rows(lambda row: row[0] in ALWAYS))
def test_outputs_are_those_of_keras_on_its_weights(function, size, parameters, arguments, tmp_path):
    keras = pytest.importorskip("keras", reason="keras.applications is the reference")
    keras.utils.clear_session(), hornbook.utils.clear_session()  # automatic names count from the start in both
    keras.utils.set_random_seed(0)
    top = {"classes": 10} if arguments.get("include_top", True) else {}
    arguments = {"weights": None, "input_shape": (size, size, 3), **top, **arguments}
    theirs, ours = getattr(keras.applications, function)(**arguments), getattr(applications, function)(**arguments)
    assert [layer.name for layer in ours.layers][1:] == [layer.name for layer in theirs.layers][1:]
    assert ours.name == theirs.name
    assert [tuple(w.shape) for w in ours.weights] == [tuple(w.shape) for w in theirs.weights]
    scattered(theirs)
    theirs.save_weights(tmp_path / "w.weights.h5")
    ours.load_weights(tmp_path / "w.weights.h5")
    images = np.random.default_rng(0).uniform(0, 1, (2, size, size, 3)).astype("float32")
    expected = np.asarray(theirs(images, training=False))
    assert np.ptp(expected) > 1e-3
    np.testing.assert_allclose(ours(images, training=False), expected, atol=1e-4 * max(1.0, np.abs(expected).max()))
