"""A safetensors file is checked before it is believed."""

import json

import numpy as np
import pytest

from hornbook.saving.safetensors import DamagedWeightsError, Tensors
from hornbook_hub.weights import save_tensors


def write(path, header, data=b"\0" * 16, length=None):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes((len(text) if length is None else length).to_bytes(8, "little") + text + data)
    return path


def entry(dtype="F32", shape=(4,), offsets=(0, 16)):
    return {"dtype": dtype, "shape": list(shape), "data_offsets": list(offsets)}


@pytest.mark.parametrize(
    "file",
    [
        dict(header={}, length=10**12),
        dict(header={}, length=200_000_000),
        dict(header=b"{not json"),
        dict(header=b"[" * 5000),
        dict(header=b'{"a": ' + json.dumps(entry()).encode() + b', "a": ' + json.dumps(entry()).encode() + b"}"),
        dict(header={"a": entry(offsets=(0, 8))}),
        dict(header={"a": entry(offsets=(8, 24))}),
        dict(header={"a": entry(offsets=(0, 10**15), shape=(10**14 * 25,))}),
        dict(header={"a": entry(shape=(-4,))}),
        dict(header={"a": entry(shape=(2**62, 2**62))}),
        dict(header={"a": entry(dtype="F8_WHAT")}),
        dict(header={"a": entry(shape=("4",))}),
        dict(header={"a": entry(offsets=(0, 8), shape=(2,)), "b": entry(offsets=(4, 16), shape=(3,))}),
        dict(header={"a": {"dtype": "F32"}}),
        dict(header={"a": entry()}, data=b"\0" * 15),
        dict(header={"a": entry()}, data=b"\0" * 17),
    ],
)
def test_files_that_lie_are_refused(file, tmp_path):
    with pytest.raises(DamagedWeightsError, match="is damaged.*fetch it again"):
        Tensors(write(tmp_path / "model.safetensors", **file))


def test_every_truncation_is_told(tmp_path):
    path = tmp_path / "model.safetensors"
    save_tensors({"a": np.arange(6, dtype="float32").reshape(2, 3), "b": np.ones(3, "int64")}, path)
    whole = path.read_bytes()
    for length in range(0, len(whole), 7):
        path.write_bytes(whole[:length])
        with pytest.raises(DamagedWeightsError):
            Tensors(path)


def test_tensors_are_mapped_and_come_back(tmp_path):
    path = tmp_path / "model.safetensors"
    arrays = {
        "a": np.arange(6, dtype="float32").reshape(2, 3),
        "b": np.ones(3, "float16"),
        "c": np.zeros((0, 2), "int64"),
    }
    save_tensors(arrays, path)
    tensors = Tensors(path)
    assert isinstance(tensors["a"], np.memmap)
    for name, array in arrays.items():
        np.testing.assert_array_equal(tensors[name], array)


def test_an_index_names_only_files_beside_it(tmp_path):
    index = tmp_path / "model.safetensors.index.json"
    for name in ("../secret.safetensors", "/etc/passwd", 3):
        index.write_text(json.dumps({"weight_map": {"a": name}}))
        with pytest.raises(DamagedWeightsError, match="only files beside it"):
            Tensors(index)
