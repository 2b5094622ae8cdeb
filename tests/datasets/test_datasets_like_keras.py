"""The data sets of keras.datasets: Keras's signatures and, from the same files, Keras's arrays; small files for the rest."""

import gzip
import importlib
import inspect
import json
import re

import numpy as np
import pytest

import hornbook_datasets
from hornbook_datasets import (
    DataUnavailable,
    boston_housing,
    california_housing,
    cifar10,
    cifar100,
    fashion_mnist,
    imdb,
    mnist,
    reuters,
)

MODULES = [boston_housing, california_housing, cifar10, cifar100, fashion_mnist, imdb, mnist, reuters]


def short_name(module):
    return module.__name__.rpartition(".")[2]


@pytest.fixture
def keras_datasets(tmp_path, monkeypatch):
    """`keras.datasets`, which looks for its files in an empty folder of this test."""
    pytest.importorskip("keras")
    (tmp_path / "datasets" / "fashion-mnist").mkdir(parents=True)
    monkeypatch.setattr("keras.src.backend.config._KERAS_DIR", str(tmp_path))
    return importlib.import_module("keras.datasets")


@pytest.fixture
def lend(keras_datasets, real, tmp_path):
    """Puts the real files of a module where Keras finds them, or skips."""

    def lend(module):
        folder = tmp_path / "datasets"
        for file in module.INFO.files:
            path = real(file.path)
            (folder / ("fashion-mnist" if module is fashion_mnist else "") / path.name).symlink_to(path)
        return getattr(keras_datasets, short_name(module))

    return lend


def assert_same(ours, theirs):
    for our_split, their_split in zip(ours, theirs, strict=True):
        for our, their in zip(our_split, their_split, strict=True):
            assert (our.shape, our.dtype) == (their.shape, their.dtype)
            if our.dtype == object:
                assert our.tolist() == their.tolist()
            else:
                np.testing.assert_array_equal(our, their)


@pytest.mark.parity
@pytest.mark.parametrize("module", MODULES, ids=short_name)
def test_signatures(keras_datasets, module):
    theirs = getattr(keras_datasets, short_name(module))
    functions = [name for name in dir(theirs) if not name.startswith("_")]
    assert "load_data" in functions
    for name in functions:
        our, their = inspect.signature(getattr(module, name)), inspect.signature(getattr(theirs, name))
        assert list(our.parameters) == list(their.parameters)
        for parameter in their.parameters.values():
            assert our.parameters[parameter.name].default == parameter.default
            assert our.parameters[parameter.name].kind == parameter.kind


@pytest.mark.parametrize("module", MODULES, ids=short_name)
def test_card(module):
    info = module.info()
    assert info is module.INFO and info.name == short_name(module)
    assert info.title and info.source and info.licence and info.citation and info.files
    assert all(count > 0 for count in info.examples.values())
    for file in info.files:
        assert re.fullmatch(r"[0-9a-f]{64}", file.sha256) and file.size > 0
        assert all(url.startswith("https://") for url in file.urls)
    assert info.name in hornbook_datasets.__all__


@pytest.mark.parity
@pytest.mark.parametrize("module", MODULES, ids=short_name)
def test_hashes_and_addresses_are_those_of_keras(keras_datasets, module):
    theirs = importlib.import_module(f"keras.src.datasets.{short_name(module)}")
    source = inspect.getsource(theirs)
    hashes = set(re.findall(r"\b[0-9a-f]{64}\b", source))
    assert hashes <= {file.sha256 for file in module.INFO.files}
    for file in module.INFO.files:
        if not file.urls:
            continue  # a part of the data, that Keras does not know and no address offers
        assert file.path.rpartition("/")[2] in source and file.urls[0].rpartition("/")[0] in source


@pytest.mark.parity
def test_fashion_mnist(lend):
    assert_same(fashion_mnist.load_data(), lend(fashion_mnist).load_data())


@pytest.mark.parity
@pytest.mark.slow
@pytest.mark.parametrize(
    "arguments",
    [
        {},
        pytest.param({"num_words": 5000, "skip_top": 20, "seed": 7}, marks=pytest.mark.exhaustive),
        pytest.param({"maxlen": 120, "num_words": 2000, "oov_char": None}, marks=pytest.mark.exhaustive),
        pytest.param({"start_char": None, "index_from": None, "num_words": 300}, marks=pytest.mark.exhaustive),
        pytest.param(
            {"start_char": None, "index_from": 0, "oov_char": None, "skip_top": 5}, marks=pytest.mark.exhaustive
        ),
        pytest.param({"start_char": None, "index_from": 10}, marks=pytest.mark.exhaustive),
        pytest.param({"start_char": 0, "oov_char": 0, "index_from": 0, "skip_top": 1}, marks=pytest.mark.exhaustive),
        pytest.param({"start_char": 100000, "index_from": -1, "maxlen": 60}, marks=pytest.mark.exhaustive),
    ],
    ids=str,
)
def test_imdb(lend, arguments):
    assert_same(imdb.load_data(**arguments), lend(imdb).load_data(**arguments))


@pytest.mark.parity
@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"num_words": 10000, "test_split": 0.1},
        {"num_words": 1000, "skip_top": 20, "seed": 7},
        {"maxlen": 50, "num_words": 500, "oov_char": None},
        {"maxlen": 20, "test_split": 0.5},
        {"maxlen": 15, "num_words": 4, "oov_char": None, "test_split": 0.3},
        {"test_split": 0},
        {"test_split": 0.9999},
        {"test_split": 0.99995},
        {"start_char": None, "index_from": None, "num_words": 300},
        {"start_char": None, "index_from": 0, "skip_top": 5, "oov_char": None},
        {"start_char": None, "index_from": 10, "maxlen": 30},
        {"start_char": 100000, "index_from": -1},
        {"num_words": 1, "oov_char": None},
    ],
    ids=str,
)
def test_reuters(lend, arguments):
    assert_same(reuters.load_data(**arguments), lend(reuters).load_data(**arguments))


@pytest.mark.parity
@pytest.mark.parametrize("module", [imdb, reuters], ids=short_name)
def test_word_index(lend, module):
    ours = module.get_word_index()
    assert ours == lend(module).get_word_index()
    assert ours["the"] == 1 and sorted(ours.values()) == list(range(1, len(ours) + 1))


@pytest.mark.parity
def test_label_names(keras_datasets):
    assert reuters.get_label_names() == keras_datasets.reuters.get_label_names() == reuters.INFO.classes


@pytest.mark.parity
@pytest.mark.parametrize(
    "arguments", [{}, {"test_split": 0}, {"test_split": 0.37, "seed": 0}, {"test_split": 0.999}], ids=str
)
@pytest.mark.parametrize("module", [boston_housing, california_housing], ids=short_name)
def test_housing(lend, module, arguments):
    theirs = lend(module)
    assert_same(module.load_data(**arguments), theirs.load_data(**arguments))
    if module is california_housing:
        assert_same(module.load_data("small", **arguments), theirs.load_data("small", **arguments))


def test_columns_of_california_housing(real):
    real("california_housing/california_housing.npz")
    (x, _), _ = california_housing.load_data(test_split=0)
    columns = dict(zip(california_housing.FEATURES, x.T, strict=True))
    assert (columns["longitude"] < -114).all() and (columns["latitude"] > 32).all()
    assert columns["median age of the houses"].max() == 52
    assert (columns["rooms"] >= columns["bedrooms"]).all()
    assert columns["population"].sum() > 2 * columns["households"].sum()
    assert columns["median income"].max() == pytest.approx(15.0001)


def test_columns_of_boston_housing(real):
    real("boston_housing/boston_housing.npz")
    (x, y), _ = boston_housing.load_data(test_split=0)
    columns = dict(zip(boston_housing.FEATURES, x.T, strict=True))
    assert set(columns["CHAS"]) == {0, 1} and columns["B"].max() == 396.9
    assert np.corrcoef(columns["RM"], y)[0, 1] > 0.6 and np.corrcoef(columns["LSTAT"], y)[0, 1] < -0.7


# Small files in the official formats: these tests need no data.

TEXTS = [[1, 14, 20], [5], [1, 2, 300, 4] * 30, [7, 8], [70000, 1]]


def object_array(lists):
    return np.fromiter(lists, dtype=object, count=len(lists))


@pytest.fixture
def small_texts(put, npy):
    """IMDB of five texts in each split, Reuters of five."""
    import io
    import zipfile

    def archive(**arrays):
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w") as zipped:
            for name, array in arrays.items():
                zipped.writestr(f"{name}.npy", npy(array))
        return file.getvalue()

    x, y = object_array(TEXTS), np.arange(5)
    words = json.dumps({"the": 1, "film": 2, "\u00e9t\u00e9": 3}).encode()
    put(imdb, {0: archive(x_train=x, y_train=y, x_test=x, y_test=y + 10), 1: words}, {"train": 5, "test": 5})
    put(reuters, {0: archive(x=x, y=y), 1: words}, {"all": 5})


@pytest.mark.parametrize("seed", [113, 0])
def test_small_imdb(small_texts, seed):
    (x_train, y_train), (x_test, y_test) = imdb.load_data(seed=seed, num_words=23)
    assert x_train.shape == y_train.shape == x_test.shape == y_test.shape == (5,)
    for x, y in ((x_train, y_train), (x_test, y_test - 10)):
        for text, label in zip(x, y, strict=True):
            assert text == [1] + [index + 3 if index + 3 < 23 else 2 for index in TEXTS[label]]
    assert sorted(y_train) == [0, 1, 2, 3, 4] and sorted(y_test) == [10, 11, 12, 13, 14]
    assert imdb.get_word_index() == {"the": 1, "film": 2, "\u00e9t\u00e9": 3}


def test_small_reuters(small_texts):
    (x_train, y_train), (x_test, y_test) = reuters.load_data(test_split=0.4, start_char=None, oov_char=None, skip_top=5)
    assert len(x_train) == len(y_train) == 3 and len(x_test) == len(y_test) == 2
    for text, label in zip([*x_train, *x_test], [*y_train, *y_test], strict=True):
        assert text == [index + 3 for index in TEXTS[label] if 5 <= index + 3 < 70003]  # the highest is left out
    assert reuters.get_word_index()["film"] == 2


def test_maxlen_keeps_shorter_texts_only(small_texts):
    (x_train, y_train), _ = reuters.load_data(maxlen=4, test_split=0)
    assert sorted(y_train) == [1, 3, 4] and {len(text) for text in x_train} == {2, 3}


@pytest.mark.parametrize("module", [imdb, reuters], ids=short_name)
def test_maxlen_that_keeps_nothing(small_texts, module):
    with pytest.raises(
        ValueError, match="maxlen above the length of the shortest text, 2; received 2, which keeps none"
    ):
        module.load_data(maxlen=2)


@pytest.mark.parametrize("module", [imdb, reuters], ids=short_name)
def test_index_from_none_needs_no_start(small_texts, module):
    with pytest.raises(TypeError, match="index_from to be an integer beside start_char=1; received None"):
        module.load_data(index_from=None)


def test_further_arguments_are_ignored_with_a_warning(small_texts):
    with pytest.warns(UserWarning, match=r"no arguments \['nb_words'\] and ignores them"):
        imdb.load_data(nb_words=10)


@pytest.mark.parametrize("module", [boston_housing, california_housing, reuters], ids=short_name)
@pytest.mark.parametrize("test_split", [1, 1.5, -0.1, float("nan")])
def test_test_split_outside(module, test_split):
    with pytest.raises(ValueError, match=rf"the share of the examples to test on, in \[0, 1\); received {test_split}"):
        module.load_data(test_split=test_split)


def test_version_of_california_housing():
    with pytest.raises(ValueError, match='"large" .20640 districts. or "small" .600.; received \'tiny\''):
        california_housing.load_data("tiny")


@pytest.mark.parametrize("module", MODULES, ids=short_name)
def test_unreachable_is_one_sentence(tmp_path, monkeypatch, module):
    monkeypatch.setenv("HORNBOOK_DATA", str(tmp_path))
    monkeypatch.setenv("HORNBOOK_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HORNBOOK_OFFLINE", "1")
    with pytest.raises(DataUnavailable) as caught:
        module.load_data()
    message, file = str(caught.value), module.INFO.files[0]
    assert message.startswith(f"{module.INFO.title} cannot be loaded: ") and "\n" not in message
    assert f"set HORNBOOK_DATA to a folder that holds {file.path}" in message


def idx(array):
    header = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">u4").tobytes()
    return gzip.compress(header + array.tobytes())


PICTURES = np.random.default_rng(0).integers(0, 256, (7, 28, 28)).astype("uint8")


def put_fashion(put, **changes):
    contents = {
        "x_train": idx(PICTURES[:4]),
        "y_train": idx(np.array([0, 9, 5, 5], "uint8")),
        "x_test": idx(PICTURES[4:]),
        "y_test": idx(np.array([1, 2, 3], "uint8")),
    } | changes
    put(fashion_mnist, dict(enumerate(contents.values())), {"train": 4, "test": 3})


def test_small_fashion_mnist(put):
    put_fashion(put)
    (x_train, y_train), (x_test, y_test) = fashion_mnist.load_data()
    np.testing.assert_array_equal(np.concatenate([x_train, x_test]), PICTURES)
    assert y_train.tolist() == [0, 9, 5, 5] and y_test.tolist() == [1, 2, 3]
    assert all(a.dtype == np.uint8 and a.flags.writeable for a in (x_train, y_train, x_test, y_test))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"x_test": idx(PICTURES[:4])}, r"uint8 values of shape \(3, 28, 28\) .* found 00000803000000040"),
        ({"x_test": idx(PICTURES[4:, :, :27])}, r"uint8 values of shape \(3, 28, 28\)"),
        ({"y_train": idx(np.zeros((4, 1), "uint8"))}, r"uint8 values of shape \(4,\)"),
        ({"y_train": gzip.compress(gzip.decompress(idx(np.zeros(4, "uint8")))[:-1])}, "and 3[.]"),
        ({"y_train": gzip.compress(gzip.decompress(idx(np.zeros(4, "uint8"))) + b"more")}, "and more[.]"),
        ({"y_train": idx(np.zeros(4, "uint8"))[:-9]}, "a gzipped idx file"),
        ({"y_train": b"no gzip"}, "a gzipped idx file"),
    ],
)
def test_other_idx_files_are_refused(put, change, message):
    put_fashion(put, **change)
    with pytest.raises(ValueError, match=message):
        fashion_mnist.load_data()
