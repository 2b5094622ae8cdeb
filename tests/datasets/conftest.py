"""What the tests of data sets share: small official files, pickles as Python 2 wrote them, the real files."""

import dataclasses
import hashlib
import io
import pickle
import struct

import numpy as np
import pytest


class Python2Pickler(pickle._Pickler):
    """Writes protocol 2 with byte strings for `str` and for `bytes`, as Python 2 did."""

    dispatch = dict(pickle._Pickler.dispatch)

    def __init__(self, file):
        super().__init__(file, protocol=2)

    def save_string(self, value):
        content = value if isinstance(value, bytes) else value.encode("latin-1")
        head = b"U" + bytes([len(content)]) if len(content) < 256 else b"T" + struct.pack("<i", len(content))
        self.write(head + content)
        self.memoize(value)

    dispatch[str] = dispatch[bytes] = save_string


@pytest.fixture(scope="session")
def dumps():
    """Pickles a value as Python 2 did."""
    return _dumps


def _dumps(value):
    file = io.BytesIO()
    Python2Pickler(file).dump(value)
    return file.getvalue()


@pytest.fixture(scope="session")
def npy():
    """Gives the bytes of a .npy file, for an array of lists with a pickle of Python 2."""
    return _npy


def _npy(array):
    file = io.BytesIO()
    header = {"descr": "|O" if array.dtype == object else array.dtype.str, "fortran_order": False, "shape": array.shape}
    np.lib.format.write_array_header_1_0(file, header)
    file.write(_dumps(array) if array.dtype == object else array.tobytes())
    return file.getvalue()


@pytest.fixture
def put(tmp_path, monkeypatch):
    """Writes a module's official file with other bytes under `HORNBOOK_DATA`, and makes their hash the expected one."""
    monkeypatch.setenv("HORNBOOK_DATA", str(tmp_path))
    monkeypatch.setenv("HORNBOOK_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HORNBOOK_OFFLINE", "1")

    def put(module, contents, examples=None):
        rows = list(module.INFO.files)
        for number, content in contents.items():
            path = tmp_path / rows[number].path
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
            digest = hashlib.sha256(content).hexdigest()
            rows[number] = dataclasses.replace(rows[number], sha256=digest, size=len(content))
        card = dataclasses.replace(module.INFO, files=tuple(rows), examples=examples or module.INFO.examples)
        monkeypatch.setattr(module, "INFO", card)

    return put


@pytest.fixture
def real(hornbook_data):
    """Gives the path of a real file under `HORNBOOK_DATA`, or skips and says which one is missing."""

    def real(name):
        if not (hornbook_data / name).is_file():
            pytest.skip(f"HORNBOOK_DATA holds no {name}")
        return hornbook_data / name

    return real
