"""Promotion of dtypes: the lattice and, beside Keras, every pair and triple of dtypes."""

import itertools

import pytest

from hornbook.backend import config
from hornbook.backend.dtypes import result_type

INTEGERS = ["uint8", "uint16", "uint32", "uint64", "int8", "int16", "int32", "int64"]
FLOATS = ["float16", "bfloat16", "float32", "float64"]
REAL = ["bool", *INTEGERS, *FLOATS, bool, int, float]


@pytest.mark.parametrize(
    ("dtypes", "expected"),
    [
        (("float32", float), "float32"),
        (("float16", int), "float16"),
        (("int32", float), "float32"),
        (("int64", "float16"), "float16"),
        (("float16", "bfloat16"), "float32"),
        (("uint8", "int8"), "int16"),
        (("uint32", "int32"), "int64"),
        (("bool", int), "int32"),
        ((int, float), "float32"),
        ((None,), "float32"),
        ((), "float32"),
        (("complex64", "float32"), "complex64"),
        (("complex128", "complex64"), "complex128"),
        (("string",), "string"),
    ],
)
def test_known_promotions(dtypes, expected):
    assert result_type(*dtypes) == expected


def test_the_weak_float_is_floatx():
    config.set_floatx("float16")
    try:
        assert result_type("int32", float) == "float16"
        assert result_type("float32", float) == "float32"
    finally:
        config.set_floatx("float32")


@pytest.mark.parametrize("left", REAL)
def test_order_and_repetition_do_not_matter(left):
    for right in REAL:
        assert result_type(left, right) == result_type(right, left) == result_type(left, right, left)


def test_strings_are_refused():
    with pytest.raises(ValueError, match="string.*Cast first"):
        result_type("int32", "string")


@pytest.mark.parity
def test_every_pair_and_triple_is_as_in_keras():
    keras = pytest.importorskip("keras")
    names = [*REAL, "complex64", complex]
    for count in (1, 2, 3):
        for dtypes in itertools.combinations_with_replacement(names, count):
            assert result_type(*dtypes) == keras.backend.result_type(*dtypes), dtypes
