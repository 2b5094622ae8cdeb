"""The reader of HDF5 files gives what HDF5's own library wrote, in each of its layouts."""

import h5py
import numpy as np
import pytest

from hornbook.saving import hdf5

LAYOUTS = {"earliest": None, "1.8": ("v108", "v108"), "latest": "latest"}


def arrays():
    """Numbers of every kind that weights come in."""
    chance = np.random.default_rng(0)
    yield from (chance.normal(size=(3, 4)).astype(kind) for kind in ("f2", "f4", "f8", ">f4", ">f8"))
    yield from (
        chance.integers(0, 100, (5,)).astype(kind) for kind in ("i1", "i2", "i4", "i8", "u1", "u2", "u8", ">i4")
    )
    yield from (np.array([[True, False]]), np.float32(7), np.zeros((0, 3), "f4"), np.ones((2, 3), "V2"))


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("groups", [1, 12, 120])  # one leaf of a tree, several, a tree of two levels
def test_groups_and_arrays(layout, groups, tmp_path):
    path, wanted = tmp_path / "file.h5", {}
    with h5py.File(path, "w", libver=LAYOUTS[layout]) as file:
        for number in range(groups):
            for position, array in enumerate(arrays() if number == 0 else [np.arange(number, dtype="f4")]):
                wanted[f"layers/dense_{number}/vars/{position}"] = array
        for place, array in wanted.items():
            file.create_dataset(place, data=array)
    with hdf5.File(path) as file, h5py.File(path) as reference:
        assert list(file["layers"]) == list(reference["layers"]) and len(file["layers"]) == groups
        assert "layers" in file and "nothing" not in file
        for place, array in wanted.items():
            found = file[place]
            assert (found.shape, found.dtype, found.name) == (array.shape, array.dtype, f"/{place}")
            np.testing.assert_array_equal(np.asarray(found), array)
        np.testing.assert_array_equal(file["layers/dense_0/vars/0"][1:, 2], wanted["layers/dense_0/vars/0"][1:, 2])
        with pytest.raises(KeyError):
            file["layers/nothing"]


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("more", [0, 20])  # many attributes are kept outside of the header
def test_attributes(layout, more, tmp_path):
    wanted = {
        "names": np.array([b"a", b"long name"]),
        "text": "é" * 30_000,
        "texts": np.array(["one", "zwei"], object),
        "number": np.int64(3),
        "numbers": np.arange(6.0).reshape(2, 3),
        "none": np.zeros(0, "f4"),
        "empty": "",
        **{f"more_{number}": number for number in range(more)},
    }
    with h5py.File(tmp_path / "file.h5", "w", libver=LAYOUTS[layout]) as file:
        for name, value in wanted.items():
            file.create_group("group").attrs[name] = value if name == "names" else value
            del file["group"]
        file.create_group("group").attrs.update(wanted)
    with hdf5.File(tmp_path / "file.h5") as file:
        attributes = file["group"].attrs
        assert set(attributes) == set(wanted)
        for name, value in wanted.items():
            np.testing.assert_array_equal(attributes[name], value)


@pytest.mark.parametrize("options", [{}, {"compression": "gzip"}, {"compression": "gzip", "shuffle": True}], ids=str)
def test_pieces(options, tmp_path):
    array = np.random.default_rng(0).normal(size=(50, 37)).astype("f4")
    with h5py.File(tmp_path / "file.h5", "w") as file:
        file.create_dataset("array", data=array, chunks=(16, 8), **options)
    with hdf5.File(tmp_path / "file.h5") as file:
        for _ in range(2):  # and once more
            np.testing.assert_array_equal(file["array"], array)
