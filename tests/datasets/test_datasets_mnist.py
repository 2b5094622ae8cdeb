"""MNIST: the official format, on a small file of the same kind and on the real one where it can be had."""

import dataclasses
import hashlib
import inspect
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import hornbook_datasets
from hornbook_datasets import DataUnavailable, mnist


def small_arrays():
    digits = np.arange(28 * 28, dtype="int64").reshape(1, 28, 28)
    return {
        "x_train": np.tile(digits % 256, (12, 1, 1)).astype("uint8"),
        "y_train": (np.arange(12) % 10).astype("uint8"),
        "x_test": np.tile(digits % 255, (5, 1, 1)).astype("uint8"),
        "y_test": np.arange(5).astype("uint8"),
    }


@pytest.fixture
def put(tmp_path, monkeypatch):
    """Writes arrays as `mnist/mnist.npz` under `HORNBOOK_DATA`, and makes their hash the expected one."""

    def put(arrays):
        path = tmp_path / "mnist" / "mnist.npz"
        path.parent.mkdir(exist_ok=True)
        np.savez(path, **arrays)
        content = path.read_bytes()
        digest = hashlib.sha256(content).hexdigest()
        file = dataclasses.replace(mnist.INFO.files[0], sha256=digest, size=len(content))
        card = dataclasses.replace(mnist.INFO, files=(file,), examples={"train": 12, "test": 5})
        monkeypatch.setattr(mnist, "INFO", card)
        monkeypatch.setenv("HORNBOOK_DATA", str(tmp_path))

    return put


def test_small_file_in_the_real_format(put):
    arrays = small_arrays()
    put(arrays)
    (x_train, y_train), (x_test, y_test) = mnist.load_data()
    for name, array in {"x_train": x_train, "y_train": y_train, "x_test": x_test, "y_test": y_test}.items():
        assert array.dtype == np.uint8
        np.testing.assert_array_equal(array, arrays[name])


@pytest.mark.parametrize(
    ("name", "array", "message"),
    [
        ("x_test", np.zeros((5, 28, 27), "uint8"), r"x_test .* \(5, 28, 28\); found uint8 of shape \(5, 28, 27\)"),
        ("y_train", np.zeros(12, "int32"), r"y_train .* to be uint8 of shape \(12,\); found int32"),
        ("y_train", np.array([None] * 12), "Object arrays cannot be loaded"),
        ("x_extra", np.zeros(1), r"Expected the arrays \['x_test', .* found .*'x_extra'"),
    ],
)
def test_other_contents_are_refused(put, name, array, message):
    put(small_arrays() | {name: array})
    with pytest.raises(ValueError, match=message):
        mnist.load_data()


def test_unreachable_is_one_sentence(tmp_path, monkeypatch):
    monkeypatch.setenv("HORNBOOK_DATA", str(tmp_path))
    monkeypatch.setenv("HORNBOOK_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HORNBOOK_OFFLINE", "1")
    with pytest.raises(DataUnavailable) as caught:
        mnist.load_data()
    message = str(caught.value)
    assert message.startswith("MNIST cannot be loaded") and message.endswith(".") and "\n" not in message
    assert "set HORNBOOK_DATA to a folder that holds mnist/mnist.npz" in message


def test_signature_and_card():
    assert list(inspect.signature(mnist.load_data).parameters) == ["path"]
    assert inspect.signature(mnist.load_data).parameters["path"].default == "mnist.npz"
    assert mnist.info() is mnist.INFO
    assert mnist.INFO.licence == "CC BY-SA 3.0" and len(mnist.INFO.classes) == 10
    assert all(url.startswith("https://") for url in mnist.INFO.files[0].urls)


def test_real_file():
    folder = os.environ.get("HORNBOOK_DATA")
    if not folder or not (Path(folder) / "mnist" / "mnist.npz").is_file():
        pytest.skip("HORNBOOK_DATA names no folder that holds mnist/mnist.npz")
    (x_train, y_train), (x_test, y_test) = mnist.load_data()
    assert x_train.shape == (60000, 28, 28) and x_test.shape == (10000, 28, 28)
    assert y_train[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    assert np.bincount(y_test).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    assert x_train.mean() == pytest.approx(33.318, abs=1e-3)  # grey levels of 0 to 255


def test_import_needs_numpy_alone():
    program = (
        "import sys, hornbook_datasets\n"
        "heavy = {'tensorflow', 'keras', 'hornbook', 'pooch', 'requests', 'tqdm', 'filelock', 'pandas'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    environment = os.environ | {"PYTHONPATH": str(Path(hornbook_datasets.__file__).parents[1])}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
