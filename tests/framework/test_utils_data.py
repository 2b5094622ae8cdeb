"""Data sets from folders and series, images in files: the same elements, orders and errors as Keras's."""

import os
import wave

import keras as reference
import numpy as np
import pytest
import tensorflow as tf

import hornbook as keras

utils = keras.utils


def elements(dataset):
    """What a data set holds, as nested lists of NumPy arrays."""
    return [tf.nest.map_structure(lambda x: x.to_tensor() if hasattr(x, "to_tensor") else x, e) for e in dataset]


def assert_same(ours, theirs):
    assert ours.element_spec == theirs.element_spec
    assert int(ours.cardinality()) == int(theirs.cardinality())
    mine, other = elements(ours), elements(theirs)
    tf.nest.assert_same_structure(mine, other)
    for a, b in zip(tf.nest.flatten(mine), tf.nest.flatten(other), strict=True):
        if b.dtype == tf.string:
            assert np.all(a.numpy() == b.numpy())
        else:
            np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-4)


# --------------------------------------------------------------------------------------------------- split_dataset
@pytest.mark.parametrize(
    "sizes",
    [{"left_size": 0.8}, {"right_size": 3}, {"left_size": 0.5, "right_size": 0.2}, {"left_size": 3, "shuffle": True}],
    ids=str,
)
@pytest.mark.parametrize("kind", ["array", "columns", "dataset", "dictionaries", "batches"])
def test_split_dataset(kind, sizes):
    data = {
        "array": np.arange(10.0, dtype="float32"),
        "columns": (np.arange(20).reshape(10, 2), np.arange(10.0)),
        "dataset": tf.data.Dataset.range(10),
        "dictionaries": tf.data.Dataset.from_tensor_slices({"a": np.arange(10)}),
        "batches": tf.data.Dataset.range(29).batch(3),
    }[kind]
    for a, b in zip(
        utils.split_dataset(data, **sizes, seed=3), reference.utils.split_dataset(data, **sizes, seed=3), strict=True
    ):
        assert_same(a, b)


@pytest.mark.parametrize(
    "data, sizes, error",
    [
        (np.arange(10), {}, ValueError),
        *[(np.arange(10), {"left_size": size}, ValueError) for size in (0, 1.5, 11, 0.01, 1.0)],
        (np.arange(10), {"left_size": 7, "right_size": 7}, ValueError),
        (np.arange(10), {"left_size": "a"}, TypeError),
        (np.arange(10), {"right_size": True}, TypeError),
        ([np.arange(4), np.arange(3)], {"left_size": 0.5}, ValueError),
        ([1, 2, 3], {"left_size": 0.5}, ValueError),
        ({"a": np.arange(4)}, {"left_size": 0.5}, TypeError),
        (5, {"left_size": 0.5}, TypeError),
    ],
    ids=str,
)
def test_split_dataset_refuses(data, sizes, error):
    for split in (utils.split_dataset, reference.utils.split_dataset):
        with pytest.raises(error):
            split(data, **sizes)


# ------------------------------------------------------------------------------------------------------ timeseries
@pytest.mark.parametrize("targets", [False, True], ids=["windows", "pairs"])
@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"sequence_stride": 2},
        {"sampling_rate": 3},
        {"batch_size": None},
        {"batch_size": 4},
        {"start_index": 2, "end_index": 9},
        {"shuffle": True, "seed": 1},
        {"shuffle": True, "seed": 1, "batch_size": None, "sequence_stride": 2},
        {"sequence_length": 30},
    ],
    ids=str,
)
def test_timeseries(arguments, targets):
    data = np.arange(40).reshape(20, 2)
    arguments = {"sequence_length": 3, "targets": np.arange(12) * 10.0 if targets else None, **arguments}
    ours, theirs = (m.timeseries_dataset_from_array(data, **arguments) for m in (utils, reference.utils))
    mine, other = elements(ours), elements(theirs)
    tf.nest.assert_same_structure(mine, other)
    for a, b in zip(tf.nest.flatten(mine), tf.nest.flatten(other), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(
    "arguments",
    [
        {"start_index": -1},
        {"end_index": 99},
        {"start_index": 5, "end_index": 2},
        {"sampling_rate": 99},
        {"sequence_stride": 99},
        {"format": "zip"},
    ],
    ids=str,
)
def test_timeseries_refuses(arguments):
    for module in (utils, reference.utils):
        with pytest.raises(ValueError):
            module.timeseries_dataset_from_array(np.arange(20), None, 3, **arguments)


def test_timeseries_ends_where_the_targets_end():
    windows = utils.timeseries_dataset_from_array(np.arange(20), np.arange(12), 3, start_index=5)
    assert [y.numpy().tolist() for _, y in windows] == [list(range(5, 12))]


# --------------------------------------------------------------------------------------------------------- folders
@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two classes with six images, texts and sounds each, half of them one folder deeper."""
    folder = tmp_path_factory.mktemp("classes")
    rng = np.random.default_rng(0)
    for name in ("b", "a"):
        for i in range(6):
            place = folder / name / ("deeper" if i % 2 else "")
            place.mkdir(parents=True, exist_ok=True)
            utils.save_img(place / f"{i}.png", rng.integers(0, 255, (5 + i, 7, 3)), scale=False)
            (place / f"{i}.txt").write_text(f"text {name}{i} é\nsecond line")
            with wave.open(str(place / f"{i}.wav"), "wb") as sound:
                sound.setparams((1, 2, 8000, 0, "NONE", ""))
                sound.writeframes((np.arange(10 + i) * 100).astype("<i2").tobytes())
    return folder


def both(name, folder, capsys, **arguments):
    """The results of ours and of Keras's, which printed the same."""
    found = []
    for module in (utils, reference.utils):
        result = getattr(module, name)(folder, **arguments)
        found.append((result if isinstance(result, list) else [result], capsys.readouterr().out))
    (ours, said), (theirs, expected) = found
    assert said == expected and len(ours) == len(theirs)
    return zip(ours, theirs, strict=True)


IMAGES = [
    {},
    {"shuffle": False},
    {"shuffle": False, "labels": None},
    {"label_mode": None},
    {"shuffle": False, "label_mode": "binary", "verbose": False},
    {"label_mode": "categorical", "batch_size": None},
    {"shuffle": False, "labels": [*range(3)] * 4},
    {"shuffle": False, "class_names": ["b", "a"], "batch_size": 5},
    {"class_names": ["a"]},
    {"validation_split": 0.25, "subset": "training"},
    {"validation_split": 0.25, "subset": "validation"},
    {"validation_split": 0.25, "subset": "both", "batch_size": 2},
    {"validation_split": 0.5, "subset": "both", "shuffle": False},
    {"color_mode": "grayscale", "interpolation": "nearest"},
    {"color_mode": "rgba", "image_size": 3},
    {"data_format": "channels_first"},
    {"crop_to_aspect_ratio": True, "image_size": (6, 3)},
    {"crop_to_aspect_ratio": True, "data_format": "channels_first", "interpolation": "bicubic"},
]


@pytest.mark.parametrize("arguments", IMAGES, ids=str)
def test_images_from_a_folder(folder, capsys, arguments):
    arguments = {"image_size": (4, 4), "seed": 3, **arguments}
    for ours, theirs in both("image_dataset_from_directory", folder, capsys, **arguments):
        assert_same(ours, theirs)
        assert getattr(ours, "class_names", None) == getattr(theirs, "class_names", None)
        assert [str(p) for p in ours.file_paths] == [str(p) for p in theirs.file_paths]


@pytest.mark.parametrize(
    "arguments", [{}, {"shuffle": False, "max_length": 7}, {"batch_size": None, "label_mode": "categorical"}], ids=str
)
def test_texts_from_a_folder(folder, capsys, arguments):
    for ours, theirs in both("text_dataset_from_directory", folder, capsys, seed=5, **arguments):
        assert_same(ours, theirs)


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"ragged": True},
        {"output_sequence_length": 8},
        {"output_sequence_length": 20, "batch_size": 4},
        {"batch_size": None},
        {"batch_size": None, "ragged": True, "label_mode": None},
        {"label_mode": None},
    ],
    ids=str,
)
def test_sounds_from_a_folder(folder, capsys, arguments):
    for ours, theirs in both("audio_dataset_from_directory", folder, capsys, seed=5, **arguments):
        assert_same(ours, theirs)


@pytest.mark.parametrize(
    "arguments",
    [
        {"labels": [1, 2]},
        {"labels": "zz"},
        {"labels": None, "class_names": ["a"]},
        {"class_names": ["b", "c"]},
        {"validation_split": 0.25, "subset": "both"},
        {"validation_split": 0.25, "seed": 1},
        {"subset": "both"},
        {"validation_split": 2, "subset": "both", "seed": 1},
        {"validation_split": 0.25, "subset": "test", "seed": 1},
        {"label_mode": "zz"},
        {"label_mode": "binary", "class_names": ["a"]},
        {"color_mode": "zz"},
        {"interpolation": "zz"},
        {"crop_to_aspect_ratio": True, "pad_to_aspect_ratio": True},
        {"format": "zz"},
    ],
    ids=str,
)
def test_a_folder_refuses(folder, arguments):
    for module in (utils, reference.utils):
        with pytest.raises(ValueError):
            module.image_dataset_from_directory(folder, verbose=False, **arguments)


def test_images_padded_to_the_ratio_of_sides_stand_in_the_middle(folder):
    images = utils.image_dataset_from_directory(
        folder, image_size=(6, 3), pad_to_aspect_ratio=True, label_mode=None, shuffle=False, verbose=False
    )
    for image, path in zip(images.unbatch(), images.file_paths, strict=True):
        x = utils.img_to_array(utils.load_img(path))
        expected = reference.ops.image.resize(x, (6, 3), pad_to_aspect_ratio=True)
        np.testing.assert_allclose(image, expected, rtol=1e-5, atol=1e-4)


def test_an_empty_folder_and_hidden_files(tmp_path):
    with pytest.raises(ValueError, match="No file"):
        utils.image_dataset_from_directory(tmp_path, verbose=False)
    with pytest.raises(FileNotFoundError):
        utils.image_dataset_from_directory(tmp_path / "nothing", verbose=False)
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "._1.png").write_bytes(b"")
    utils.save_img(tmp_path / "a" / "1.png", np.zeros((2, 2, 3)))
    images = utils.image_dataset_from_directory(tmp_path, verbose=False)
    assert [os.path.basename(path) for path in images.file_paths] == ["1.png"]
    with pytest.raises(ValueError, match="sampling_rate"):
        utils.audio_dataset_from_directory(tmp_path, sampling_rate=8000)


def test_a_model_trains_on_a_folder(folder):
    train, held_out = utils.image_dataset_from_directory(
        folder, image_size=(4, 4), batch_size=4, seed=1, validation_split=0.25, subset="both", verbose=False
    )
    layers = [keras.Input((4, 4, 3)), keras.layers.Flatten(), keras.layers.Dense(2)]
    model = keras.Sequential(layers)
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    assert set(model.fit(train, validation_data=held_out, verbose=0).history) == {"loss", "val_loss"}


# ---------------------------------------------------------------------------------------------------------- images
@pytest.mark.parametrize("scale", [True, False])
@pytest.mark.parametrize("shape", [(3, 4, 3), (3, 4, 1), (3, 4, 4)], ids=str)
def test_arrays_and_images(shape, scale):
    x = np.random.default_rng(0).random(shape) * 200
    ours, theirs = (m.utils.array_to_img(x, scale=scale) for m in (keras, reference))
    assert ours.mode == theirs.mode and ours.size == theirs.size
    np.testing.assert_array_equal(np.asarray(ours), np.asarray(theirs))
    for data_format in ("channels_last", "channels_first"):
        a, b = (m.utils.img_to_array(theirs, data_format=data_format) for m in (keras, reference))
        np.testing.assert_array_equal(a, b)
        assert a.dtype == b.dtype == "float32"


def test_numbers_beyond_a_byte_make_a_wide_image():
    image = utils.array_to_img(np.full((2, 2, 1), 300), scale=False)
    assert image.mode == "I" and np.asarray(image).max() == 300


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"color_mode": "grayscale"},
        {"color_mode": "rgba"},
        *[
            {"target_size": (3, 3), "interpolation": name}
            for name in ("nearest", "bilinear", "lanczos", "box", "hamming")
        ],
        {"target_size": (3, 3), "keep_aspect_ratio": True},
        {"target_size": (2, 8), "keep_aspect_ratio": True, "interpolation": "bilinear"},
        {"target_size": (6, 2), "keep_aspect_ratio": True, "interpolation": "bicubic"},
    ],
    ids=str,
)
def test_load_img(tmp_path, arguments):
    path = tmp_path / "image.png"
    utils.save_img(path, np.random.default_rng(0).random((6, 9, 3)))
    ours, theirs = (m.utils.load_img(path, **arguments) for m in (keras, reference))
    assert ours.mode == theirs.mode and ours.size == theirs.size
    np.testing.assert_array_equal(np.asarray(ours), np.asarray(theirs))


def test_images_refuse(tmp_path):
    path = tmp_path / "image.png"
    utils.save_img(path, np.zeros((6, 9, 3)))
    for module in (keras, reference):
        for arguments in ({"color_mode": "z"}, {"target_size": (3, 3), "interpolation": "z"}):
            with pytest.raises(ValueError):
                module.utils.load_img(path, **arguments)
        with pytest.raises(TypeError):
            module.utils.load_img(4)
        for shape in ((3, 4), (3, 4, 2)):
            with pytest.raises(ValueError):
                module.utils.array_to_img(np.zeros(shape))
        with pytest.raises(ValueError):
            module.utils.img_to_array(np.zeros((2, 2, 2, 2)))
    with pytest.warns(UserWarning, match="transparency"):
        utils.save_img(tmp_path / "image.jpg", np.zeros((3, 3, 4)))


@pytest.mark.parametrize(
    "shape, size, arguments",
    [
        ((5, 8, 3), (3, 3), {}),
        ((2, 5, 8, 3), (3, 3), {}),
        ((8, 5, 3), (4, 3), {}),
        ((3, 5, 8), (3, 3), {"data_format": "channels_first"}),
        ((5, 8, 3), (3, 3), {"interpolation": "nearest"}),
        ((5, 8, 3), (10, 3), {"interpolation": "bicubic"}),
    ],
    ids=str,
)
def test_smart_resize(shape, size, arguments):
    x = np.arange(np.prod(shape)).reshape(shape).astype("float32")
    ours, theirs = (m.preprocessing.image.smart_resize(x, size, **arguments) for m in (keras, reference))
    np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-4)
    assert isinstance(ours, np.ndarray) and tf.is_tensor(keras.preprocessing.image.smart_resize(tf.constant(x), size))
    with pytest.raises(ValueError):
        keras.preprocessing.image.smart_resize(x[0] if x.ndim == 3 else x[0, 0], size)


# ---------------------------------------------------------------------------------------------------------- Config
def test_config():
    for module in (keras, reference):
        config = module.utils.Config(a=1, b={"c": 2})
        config.d = [1]
        config["e"] = 3
        assert config.as_dict() == {"a": 1, "b": {"c": 2}, "d": [1], "e": 3} and len(config) == 4
        assert config.to_json() == '{"a": 1, "b": {"c": 2}, "d": [1], "e": 3}' and "a" in config
        assert list(config) == list(config.keys()) and config.get("x", 7) == 7 and config.pop("a") == 1
        config.update({"x": 1}, y=2)
        config.freeze()
        for change in (lambda: setattr(config, "x", 2), lambda: config.pop("x"), lambda: config.update(x=2)):  # noqa: B023
            with pytest.raises(ValueError):
                change()
        config.unfreeze()
        config.x = 5
        assert not config.frozen and config.x == config["x"] == 5
        with pytest.raises(AttributeError):
            config.nope  # noqa: B018
        with pytest.raises(KeyError):
            config["nope"]
        assert repr(config) == "<Config {'b': {'c': 2}, 'd': [1], 'e': 3, 'x': 5, 'y': 2}>"
