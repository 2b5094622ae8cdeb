"""CIFAR-10 and CIFAR-100: the official layout in a small archive, and a part of the real images where it is at hand."""

import io
import tarfile

import numpy as np
import pytest

import hornbook
from hornbook_datasets import cifar, cifar10, cifar100
from hornbook_datasets.archives import read_member

RANDOM = np.random.default_rng(0)


def table(count, **labels):
    names = [f"image_{number}.png" for number in range(count)]
    rows = RANDOM.integers(0, 256, (count, 3072)).astype("uint8")
    return {"batch_label": "training batch 1 of 5", "data": rows, "filenames": names} | labels


CIFAR10 = {
    name: table(count, labels=RANDOM.integers(0, 10, count).tolist())
    for name, count in [(f"data_batch_{number}", 3) for number in range(1, 6)] + [("test_batch", 4)]
}
CIFAR100 = {
    name: table(
        count,
        fine_labels=RANDOM.integers(0, 100, count).tolist(),
        coarse_labels=RANDOM.integers(0, 20, count).tolist(),
    )
    for name, count in [("train", 12), ("test", 5)]
}


def pack(folder, members):
    """A tar.gz of a folder and its files, as the official ones are."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as archive:
        entry = tarfile.TarInfo(folder)
        entry.type = tarfile.DIRTYPE
        archive.addfile(entry)
        for name, content in members.items():
            entry = tarfile.TarInfo(f"{folder}/{name}")
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return file.getvalue()


def images(*rows):
    """Pixel by pixel: 1,024 reds, 1,024 greens, 1,024 blues of a row become 32 x 32 triples."""
    rows = np.concatenate(rows)
    return np.stack([rows[:, channel * 1024 : (channel + 1) * 1024].reshape(-1, 32, 32) for channel in range(3)], -1)


@pytest.fixture
def small10(put, dumps):
    extra = {"readme.html": b"<html>", "batches.meta": dumps({"label_names": ["airplane"]})}
    content = pack(cifar10.FOLDER, extra | {name: dumps(value) for name, value in reversed(CIFAR10.items())})
    put(cifar10, {0: content}, {"train": 15, "test": 4})


@pytest.fixture
def small100(put, dumps):
    content = pack(cifar100.FOLDER, {name: dumps(value) for name, value in CIFAR100.items()})
    put(cifar100, {0: content}, {"train": 12, "test": 5})


def test_cifar10(small10):
    (x_train, y_train), (x_test, y_test) = cifar10.load_data()
    batches = [CIFAR10[f"data_batch_{number}"] for number in range(1, 6)]
    np.testing.assert_array_equal(x_train, images(*[batch["data"] for batch in batches]))
    np.testing.assert_array_equal(x_test, images(CIFAR10["test_batch"]["data"]))
    assert y_train.ravel().tolist() == [label for batch in batches for label in batch["labels"]]
    assert y_test.ravel().tolist() == CIFAR10["test_batch"]["labels"]
    assert y_train.shape == (15, 1) and y_test.shape == (4, 1)
    for array in (x_train, y_train, x_test, y_test):
        assert array.dtype == np.uint8 and array.flags.writeable and array.flags.c_contiguous


def test_a_part_of_cifar10_is_the_same_in_both_forms(small10, put, dumps, monkeypatch):
    monkeypatch.setattr(cifar10, "PART", (2, 1))
    (x_train, y_train), (x_test, y_test) = cifar10.load_part()
    first = CIFAR10["data_batch_1"]
    np.testing.assert_array_equal(np.concatenate([x_train, x_test]), images(first["data"]))
    assert [*y_train.ravel(), *y_test.ravel()] == first["labels"] and y_test.shape == (1, 1)
    two = {
        name: {**first, "data": first["data"][part], "labels": first["labels"][part]}
        for name, part in [("data_batch_1", slice(0, 2)), ("test_batch", slice(2, 3))]
    }
    cifar10.fetch(cifar10.INFO.files[0], "CIFAR-10").unlink()
    put(
        cifar10,
        {1: pack(cifar10.FOLDER, {name: dumps(value) for name, value in two.items()})},
        {"train": 15, "test": 4},
    )
    for (x, y), (again_x, again_y) in zip(((x_train, y_train), (x_test, y_test)), cifar10.load_part(), strict=True):
        np.testing.assert_array_equal(again_x, x)
        np.testing.assert_array_equal(again_y, y)
    monkeypatch.setattr(cifar10, "PART", (3000, 1000))
    with pytest.raises(ValueError, match="Expected 4,000 images or more in .*; found 3"):
        cifar10.load_part()


@pytest.mark.parametrize("label_mode", ["fine", "coarse"])
def test_cifar100(small100, label_mode):
    (x_train, y_train), (x_test, y_test) = cifar100.load_data(label_mode)
    np.testing.assert_array_equal(x_train, images(CIFAR100["train"]["data"]))
    np.testing.assert_array_equal(x_test, images(CIFAR100["test"]["data"]))
    np.testing.assert_array_equal(y_train[:, 0], CIFAR100["train"][f"{label_mode}_labels"])
    np.testing.assert_array_equal(y_test[:, 0], CIFAR100["test"][f"{label_mode}_labels"])
    assert x_train.dtype == np.uint8 and y_train.dtype == np.int64  # as in Keras, whose page says uint8
    assert x_train.flags.writeable and x_test.flags.writeable


def test_channels_first(small10, small100, monkeypatch):
    last = [cifar10.load_data(), cifar100.load_data()]
    monkeypatch.setattr(hornbook.config, "image_data_format", lambda: "channels_first")
    for before, module in zip(last, (cifar10, cifar100), strict=True):
        for (x, y), (x_first, y_first) in zip(before, module.load_data(), strict=True):
            np.testing.assert_array_equal(x_first, x.transpose(0, 3, 1, 2))
            np.testing.assert_array_equal(y_first, y)


def test_label_mode(small100):
    with pytest.raises(ValueError, match='label_mode to be "fine" .* or "coarse" .*; received \'medium\''):
        cifar100.load_data("medium")


def test_other_counts_are_refused(small10, put, dumps):
    members = {name: dumps(value) for name, value in CIFAR10.items()}
    put(cifar10, {0: pack(cifar10.FOLDER, members)}, {"train": 50000, "test": 10000})
    with pytest.raises(ValueError, match=r"Expected 50000 \+ 10000 images in .*; found 15 \+ 4"):
        cifar10.load_data()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"data": b"pixels"}, "Expected uint8 'data' of shape .n, 3072. in cifar-100-python/test in .*; found bytes"),
        ({"data": np.zeros((5, 3071), "uint8")}, r"found uint8 of shape \(5, 3071\)"),
        ({"data": np.zeros((5, 3072), "int8")}, "found int8"),
        ({"fine_labels": [1, 2, 3]}, "a list of 5 'fine_labels' .*; found 3 of them"),
        ({"fine_labels": b"12345"}, "found bytes"),
        ({"fine_labels": [0, 1, 2, 3, 100]}, "from 0 to 99"),
        ({"fine_labels": [0, 1, 2, 3, -1]}, "from 0 to 99"),
        ({"fine_labels": [0, 1, 2, 3, None]}, "from 0 to 99"),
        ({"filenames": [{"more": print}]}, "Refused to read a pickle that names '__builtin__ print'"),
        (None, "'cifar-100-python/test'.* are not there|they are not there"),
    ],
)
def test_other_tables_are_refused(put, dumps, change, message):
    members = {"train": dumps(CIFAR100["train"])}
    if change is not None:
        members["test"] = dumps(CIFAR100["test"] | change)
    put(cifar100, {0: pack(cifar100.FOLDER, members)})
    with pytest.raises(ValueError, match=message):
        cifar100.load_data()


def test_links_and_swollen_members_are_refused(tmp_path, monkeypatch):
    path = tmp_path / "links.tar"
    with tarfile.open(path, "w") as archive:
        entry = tarfile.TarInfo("train")
        entry.type, entry.linkname = tarfile.SYMTYPE, "/etc/hostname"
        archive.addfile(entry)
    with pytest.raises(ValueError, match="is a link or a device"):
        cifar.read_batches(path, ["train"], "labels", 10)
    path.write_bytes(pack("folder", {"train": b"x" * 100}))
    monkeypatch.setattr("hornbook_datasets.pickles.LARGEST", 99)
    with pytest.raises(ValueError, match="has 100 bytes; at most 99 are read"):
        cifar.read_batches(path, ["folder/train"], "labels", 10)


@pytest.mark.parametrize(
    "content", [b"", b"no archive", pack("folder", {"train": bytes(9999)})[:60]], ids=["empty", "text", "cut off"]
)
def test_damaged_archives_are_refused(tmp_path, content):
    path = tmp_path / "damaged.tar.gz"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="Expected a zip or tar archive at .*; it cannot be read"):
        cifar.read_batches(path, ["folder/train"], "labels", 10)


def keras_batch(archive, member, folder, key):
    """What Keras's own function reads from an extracted member."""
    load_batch = pytest.importorskip("keras.src.datasets.cifar").load_batch
    with tarfile.open(archive) as opened:
        opened.extract(member, folder, filter="data")
    rows, labels = load_batch(folder / member, label_key=key)
    return rows.transpose(0, 2, 3, 1), np.reshape(labels, (-1, 1))


@pytest.mark.parity
def test_real_images_of_cifar10(real, tmp_path):
    path = real("cifar10/cifar-10-python-subset.tar.xz")
    splits = cifar10._read(path, (f"{cifar10.FOLDER}/data_batch_1",))
    for (x, y), member, count in zip(splits, ("data_batch_1", "test_batch"), (3000, 1000), strict=True):
        expected_x, expected_y = keras_batch(path, f"{cifar10.FOLDER}/{member}", tmp_path, "labels")
        np.testing.assert_array_equal(x, expected_x)
        np.testing.assert_array_equal(y, expected_y)
        assert x.shape == (count, 32, 32, 3) and y.shape == (count, 1)
    (x, y), _ = splits
    assert [cifar10.INFO.classes[label] for label in y[:5, 0]] == ["frog", "truck", "truck", "deer", "automobile"]
    assert x[0, 0, 0].tolist() == [59, 62, 63]


@pytest.mark.parity
@pytest.mark.parametrize("label_mode", ["fine", "coarse"])
def test_real_images_of_cifar100(real, tmp_path, label_mode):
    path = real("cifar100/cifar-100-python-sample.tar.xz")
    splits = cifar100._read(path, label_mode)
    for (x, y), member, count in zip(splits, ("train", "test"), (800, 200), strict=True):
        key = f"{label_mode}_labels"
        expected_x, expected_y = keras_batch(path, f"{cifar100.FOLDER}/{member}", tmp_path, key)
        np.testing.assert_array_equal(x, expected_x)
        np.testing.assert_array_equal(y, expected_y)
        assert x.shape == (count, 32, 32, 3) and y.dtype == expected_y.dtype


@pytest.mark.parametrize(
    ("module", "name", "member", "keys"),
    [
        (cifar10, "cifar10/cifar-10-python-subset.tar.xz", "batches.meta", {b"label_names": cifar10.INFO.classes}),
        (
            cifar100,
            "cifar100/cifar-100-python-sample.tar.xz",
            "meta",
            {b"fine_label_names": cifar100.FINE, b"coarse_label_names": cifar100.COARSE},
        ),
    ],
)
def test_names_of_the_classes(real, module, name, member, keys):
    content = read_member(real(name), f"{module.FOLDER}/{member}", 1 << 20)
    meta = cifar.pickles.load(content)
    for key, classes in keys.items():
        assert tuple(item.decode() for item in meta[key]) == classes
