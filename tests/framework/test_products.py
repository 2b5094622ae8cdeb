"""Products of a few vectors with a large matrix, in a program that XLA compiles: the same numbers, in parts."""

import os

import numpy as np
import pytest
import tensorflow as tf

import hornbook as keras
from hornbook import backend, ops

alone = (os.cpu_count() or 1) == 1 or bool(tf.config.list_physical_devices("GPU"))
several_cores = pytest.mark.skipif(alone, reason="one core reads the memory as fast as it can; a GPU needs no parts")


def program(layer, call):
    """A compiled program, and the kinds of products in its graph."""
    compiled = backend.compile(call, jit=True)

    def run(x):
        graph = compiled.get_concrete_function(x).graph
        return compiled(x).numpy(), [op.type for op in graph.get_operations() if "MatMul" in op.type]

    return run


def vectors(rows, width):
    return tf.constant(np.random.default_rng(rows).normal(size=(rows, width)).astype("float32"))


@several_cores
@pytest.mark.parametrize(("rows", "kinds"), [(1, ["BatchMatMulV2"]), (3, ["BatchMatMulV2"] * 3), (4, ["MatMul"])])
def test_a_kernel_is_read_in_parts_for_few(rows, kinds):
    layer = keras.layers.Dense(1024)
    layer.build((None, 256))
    x = vectors(rows, 256)
    found, seen = program(layer, layer)(x)
    np.testing.assert_allclose(found, x.numpy() @ layer.kernel.numpy(), rtol=1e-4, atol=1e-5)
    assert seen == kinds


@several_cores
@pytest.mark.parametrize("rows", [1, 2, 16, 17])
@pytest.mark.parametrize("entries", [1000, 1009])  # 1009 is a prime: no equal parts
def test_a_table_is_read_in_parts_for_few(rows, entries):
    layer = keras.layers.Embedding(entries, 512)
    layer.build(())
    x = tf.reshape(vectors(rows, 512), (1, rows, 512))
    found, seen = program(layer, layer.products_with_rows)(x)
    np.testing.assert_allclose(found[0], x[0].numpy() @ layer.embeddings.numpy().T, rtol=1e-4, atol=1e-5)
    in_parts = rows <= 16 and entries == 1000
    assert found.shape == (1, rows, entries)
    assert ("MatMul" not in seen) == in_parts


@several_cores
@pytest.mark.parametrize("vectors_at_once", [2, 16, 17])
def test_a_kernel_that_was_laid_in_rows_is_read_in_parts(vectors_at_once):
    kernel = keras.Variable(np.random.default_rng(0).normal(size=(512, 768)), dtype="float32")
    worth_it = backend.is_worth_rows(kernel, vectors_at_once)
    assert worth_it == (vectors_at_once <= 16)
    assert not backend.is_worth_rows(keras.Variable(np.ones((8, 8), "float32")), vectors_at_once), "it lies in a cache"
    assert not backend.is_worth_rows(kernel, 1), "parts of the sum are as fast"
    (rows,) = backend.lay_rows([kernel.value])
    compiled = backend.compile(lambda x, rows: ops.matmul(x, ops.transpose(rows)), jit=True)
    x = vectors(vectors_at_once, 512)
    np.testing.assert_allclose(compiled(x, rows), x.numpy() @ kernel.numpy(), rtol=1e-4, atol=1e-4)
    operations = compiled.get_concrete_function(x, rows).graph.get_operations()
    assert ("BatchMatMulV2" in [op.type for op in operations]) == (vectors_at_once <= 16)


@several_cores
@pytest.mark.parametrize(("vectors_at_once", "kinds"), [(6, ["MatMul"] * 6), (7, ["BatchMatMulV2"]), (17, ["MatMul"])])
def test_integers_are_read_one_by_one_then_as_floats_in_parts_then_whole(vectors_at_once, kinds):
    layer = keras.layers.Dense(768, use_bias=False)
    layer.build((None, 512))
    layer.quantize(config=keras.quantizers.Int8QuantizationConfig(activation_quantizer=None))
    layer._power.lay_rows()
    x = vectors(vectors_at_once, 512)
    found, seen = program(layer, layer)(x)
    np.testing.assert_allclose(found, x.numpy() @ layer.whole_weight().numpy(), rtol=1e-4, atol=1e-4)
    assert seen == kinds


@several_cores
@pytest.mark.parametrize(("vectors_at_once", "kinds"), [(6, ["MatMul"] * 6), (7, ["BatchMatMulV2"]), (17, ["MatMul"])])
def test_a_table_of_integers_is_read_as_a_kernel_is(vectors_at_once, kinds):
    layer = keras.layers.Embedding(1000, 512)
    layer.build(())
    layer.quantize("int8")
    x = vectors(vectors_at_once, 512)
    found, seen = program(layer, layer.products_with_rows)(x)
    np.testing.assert_allclose(found, x.numpy() @ layer.whole_weight().numpy().T, rtol=1e-4, atol=1e-4)
    assert seen == kinds


def test_outside_of_a_program_products_stay_whole():
    layer = keras.layers.Dense(1024)
    layer.build((None, 256))
    graph = tf.function(layer).get_concrete_function(vectors(1, 256)).graph
    assert [op.type for op in graph.get_operations() if "MatMul" in op.type] == ["MatMul"]


def test_what_is_computed_is_not_cut():
    matrix = keras.Variable(np.ones((512, 512), "float32"))
    compiled = backend.compile(lambda x: ops.matmul(x, ops.transpose(matrix) * 2.0), jit=True)
    graph = compiled.get_concrete_function(vectors(1, 512)).graph
    assert "BatchMatMulV2" not in [op.type for op in graph.get_operations()]


def test_an_array_from_outside_is_multiplied_as_it_is():
    matrix = tf.ones((512, 512))
    assert float(backend.compile(lambda x: ops.matmul(x, matrix), jit=True)(tf.ones((1, 512)))[0, 0]) == 512
