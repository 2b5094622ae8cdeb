"""Operations of one's own, graphs of them as a Function, and layers that are computed a second time."""

import keras as reference
import numpy as np
import pytest
import tensorflow as tf

import hornbook as keras
from hornbook import layers, ops


class Times(keras.Operation):
    def __init__(self, factor=2, name=None):
        super().__init__(name)
        self.factor = factor

    def call(self, x):
        return x * self.factor


def test_an_operation_of_ones_own():
    operation, x = Times(3), keras.Input((3,))
    y = operation(x)
    assert y.shape == (None, 3) and operation.name == "times" and operation.input is x and operation.output is y
    np.testing.assert_array_equal(operation(np.ones(2)), [3, 3])
    model = keras.Model(x, layers.Dense(2, kernel_initializer="ones")(y))
    np.testing.assert_array_equal(model(np.ones((1, 3))), [[9, 9]])
    again = Times.from_config(operation.get_config())
    assert again.factor == 3
    for wrong in (3, "a/b"):
        with pytest.raises(ValueError):
            Times(name=wrong)
    for method in ("call", "quantized_call"):
        with pytest.raises(NotImplementedError):
            getattr(keras.Operation(), method)(1)


def test_a_function_is_a_graph():
    found = []
    for module in (keras, reference):
        a, b = module.Input((2,), name="a"), module.Input((2,), name="b")
        hidden = module.layers.Dense(3, kernel_initializer="ones")(a)
        function = module.Function({"a": a, "b": b}, [hidden * 2, b + 1])
        values = function({"a": np.ones((1, 2)), "b": np.ones((1, 2))})
        shapes = function.compute_output_shape({"a": (5, 2), "b": (None, 2)})
        inner = module.Function(hidden, hidden * 2)
        found.append(
            (
                [np.asarray(v).tolist() for v in values],
                [tuple(s) for s in shapes],
                [x.shape for x in function.compute_output_spec({"a": a, "b": b})],
                len(function.operations),
                [x.name for x in function.inputs],
                np.asarray(inner(np.ones((1, 3)))).tolist(),
                [x.shape for x in function({"a": a, "b": b})],
            )
        )
    assert found[0] == found[1]
    for wrong in ((3, 3), ([], a)):
        with pytest.raises(ValueError):
            keras.Function(*wrong)


# ------------------------------------------------------------------------------------------- rematerialization
def calls_of(mode, graph=False, **arguments):
    """How often a layer's formula runs for one gradient, and that gradient."""
    calls = []

    class Counted(layers.Dense):
        def call(self, inputs):
            calls.append(1)
            return super().call(inputs)

    keras.utils.set_random_seed(0)
    with keras.RematScope(mode, **arguments):
        model = keras.Sequential(
            [keras.Input((4,)), Counted(8, "tanh", name="first"), layers.Dropout(0.5, seed=1), layers.Dense(1)]
        )
    model(np.ones((2, 4)))
    calls.clear()

    def gradients():
        with tf.GradientTape() as tape:
            loss = ops.sum(model(tf.ones((2, 4)), training=True) ** 2)
        return tape.gradient(loss, [v.value for v in model.trainable_variables])

    return (tf.function(gradients) if graph else gradients)(), len(calls)


@pytest.mark.parametrize("graph", [False, True], ids=["eager", "graph"])
@pytest.mark.parametrize(
    "mode, arguments, runs",
    [
        ("full", {}, 2),
        ("activations", {}, 1),
        ("larger_than", {"output_size_threshold": 7}, 2),
        ("larger_than", {"output_size_threshold": 99}, 1),
        ("list_of_layers", {"layer_names": ["first"]}, 2),
        ("list_of_layers", {"layer_names": ["other"]}, 1),
        (None, {}, 1),
    ],
)
def test_layers_computed_again_have_the_same_gradients(mode, arguments, runs, graph):
    expected, _ = calls_of(None)
    found, calls = calls_of(mode, graph, **arguments)
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)
    assert calls == runs or mode == "larger_than"  # which traces once more to learn the size


def test_a_model_of_layers_computed_again_learns_the_same():
    x, y = np.random.default_rng(0).normal(size=(64, 4)).astype("float32"), np.ones((64, 1), "float32")
    losses = []
    for mode in (None, "full"):
        keras.utils.set_random_seed(3)
        with keras.RematScope(mode):
            model = keras.Sequential(
                [
                    keras.Input((4,)),
                    layers.Dense(8, "relu"),
                    layers.BatchNormalization(),
                    layers.Dropout(0.3),
                    layers.Dense(1),
                ]
            )
        model.compile("adam", "mse")
        losses.append(model.fit(x, y, epochs=3, batch_size=16, verbose=0).history["loss"])
        losses[-1].append(float(model.layers[1].moving_mean.numpy().sum()))
    np.testing.assert_allclose(*losses, rtol=1e-4)


def test_remat_of_a_function():
    f = keras.remat(lambda x, scale=1.0: {"y": ops.sin(x["x"]) * scale})
    x = tf.constant([1.0, 2.0])
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = f({"x": x}, scale=2.0)["y"]
    np.testing.assert_allclose(tape.gradient(y, x), 2 * np.cos([1, 2]), rtol=1e-6)
    with pytest.raises(ValueError):
        keras.RematScope("zz")
    with pytest.raises(TypeError):
        keras.remat(3)
