"""The dtype in which values of different dtypes meet: the promotion lattice of JAX.

    bool -> int* -> uint8 -> uint16 -> uint32 -> uint64 --+
                \\-> int8 -> int16 -> int32 -> int64 -------+-> float* -> float16, bfloat16 -> float32 -> float64

`int*` and `float*` are the dtypes of Python's own numbers: they are *weak*, so `x + 1` and `x * 0.5` keep the dtype of
x where it can hold them. Each unsigned integer also leads to the next wider signed one, where it meets the signed ones.
The answer is the lowest dtype that all arguments lead up to.
"""

import functools
from typing import Any

from hornbook.backend.config import floatx, standardize_dtype

_ABOVE = {
    "bool": ("int*",),
    "int*": ("uint8", "int8"),
    "uint8": ("uint16", "int16"),
    "uint16": ("uint32", "int32"),
    "uint32": ("uint64", "int64"),
    "uint64": ("float*",),
    "int8": ("int16",),
    "int16": ("int32",),
    "int32": ("int64",),
    "int64": ("float*",),
    "float*": ("float16", "bfloat16"),
    "float16": ("float32",),
    "bfloat16": ("float32",),
    "float32": ("float64",),
    "float64": (),
}
_WEAK = {bool: "bool", int: "int*", float: "float*", complex: "complex64"}


def _upwards(dtype: str) -> frozenset[str]:
    return frozenset({dtype}).union(*map(_upwards, _ABOVE[dtype]))


_REACH = {dtype: _upwards(dtype) for dtype in _ABOVE}


@functools.lru_cache(maxsize=4096)
def _meet(dtypes: tuple[str, ...], default_float: str) -> str:
    if any(dtype.startswith("complex") for dtype in dtypes):
        return "complex128" if "complex128" in dtypes else "complex64"
    common = frozenset.intersection(*(_REACH[dtype] for dtype in dtypes))
    lowest = max(common, key=lambda dtype: len(_REACH[dtype]))
    return {"int*": "int32", "float*": default_float, "uint64": "uint32"}.get(lowest) or lowest


def result_type(*dtypes: Any) -> str:
    """The dtype in which arguments of these dtypes meet.

    Args:
        dtypes: dtypes, or the Python types `bool`, `int`, `float`, `complex` for numbers that adapt to the others;
            None stands for `floatx()`. No argument at all gives `floatx()`.

    Returns:
        The name of the dtype. 64-bit unsigned integers come out as "uint32", as in Keras.

    Raises:
        ValueError: for a dtype that takes no part in promotion, such as "string".

    >>> from hornbook.backend.dtypes import result_type
    >>> result_type("int32", "float16"), result_type("uint8", "int8"), result_type("float16", float)
    ('float16', 'int16', 'float16')
    """
    if not dtypes:
        return floatx()
    names = tuple(
        [_WEAK[dtype] if isinstance(dtype, type) and dtype in _WEAK else standardize_dtype(dtype) for dtype in dtypes]
    )
    if len(names) == 1 and names[0] == "string":
        return "string"
    for name in names:
        if name not in _ABOVE and not name.startswith("complex"):
            raise ValueError(
                f"Values of dtype {name!r} cannot be combined with others: {names} have no common dtype. Cast first."
            )
    return _meet(names, floatx())
