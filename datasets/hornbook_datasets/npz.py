"""NumPy's .npz archives, whose arrays of lists are pickles and are read as data: see `pickles.py`."""

import io
import zipfile
import zlib
from pathlib import Path

import numpy as np

from hornbook_datasets import pickles


def load_npz(path: Path, expected: dict[str, tuple[tuple[int, ...], str]]) -> dict[str, np.ndarray]:
    """The arrays of an archive that must hold just these.

    Args:
        path: The file.
        expected: The shape and dtype of each array, by its name; dtype "object" for an array of lists.

    Returns:
        The arrays by name, read-only where they hold numbers.

    Raises:
        ValueError: The archive holds something else, is damaged, or a pickle in it asks for more than data.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            names = {f"{name}.npy": name for name in expected}
            if sorted(archive.namelist()) != sorted(names):
                raise ValueError(f"Expected {sorted(names)} in {path}; found {str(sorted(archive.namelist()))[:200]}.")
            contents = {}
            for member, name in names.items():
                with archive.open(member) as stream:
                    contents[name] = stream.read(pickles.LARGEST + 1)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise ValueError(f"Expected {path} to be a .npz archive; it cannot be read: {error}.") from None

    arrays = {name: _array(content) for name, content in contents.items()}
    for name, (shape, dtype) in expected.items():
        array = arrays[name]
        if array.shape != shape or array.dtype != dtype:
            raise ValueError(
                f"Expected {name} in {path} to be {dtype} of shape {shape}; found {array.dtype} of shape {array.shape}."
            )
    return arrays


def _array(content: bytes) -> np.ndarray:
    """The array of one .npy file: a header, then the numbers or a pickle."""
    stream = io.BytesIO(content)
    version = np.lib.format.read_magic(stream)
    if version != (1, 0):
        raise ValueError(f"Expected an array in version 1.0 of the .npy format; found version {version}.")
    try:
        shape, fortran, dtype = np.lib.format.read_array_header_1_0(stream)
    except Exception as error:  # NumPy reads it as a Python literal, which fails in many ways
        raise ValueError(f"Expected the header of an array; it cannot be read: {str(error)[:200]}.") from None
    rest = content[stream.tell() :]
    if dtype.kind == "O":
        loaded = pickles.load(rest)
        if not isinstance(loaded, np.ndarray) or loaded.shape != shape:
            raise ValueError(f"Expected a pickled array of shape {shape}; found {type(loaded).__name__}.")
        return loaded
    if dtype.hasobject or dtype.kind not in "biuf":
        raise ValueError(f"Expected an array of numbers or of lists; found {str(dtype)[:100]}.")
    return pickles.array(shape, dtype, fortran, rest)
