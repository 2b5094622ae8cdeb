"""debug_nans: which layer, weight, loss or gradient is the first that is not finite."""

import time

import numpy as np
import pytest

import hornbook as keras
from hornbook import layers, ops

X = np.random.default_rng(0).normal(size=(8, 4)).astype("float32")
Y = np.ones((8, 1), "float32")


@pytest.fixture(autouse=True)
def asked_for():
    keras.config.enable_debug_nans()
    yield
    keras.config.disable_debug_nans()


class Root(layers.Layer):
    """The root of what comes in: NaN below 0, and no derivative at 0."""

    def call(self, x):
        return ops.sqrt(x)


class Block(layers.Layer):
    """Layers inside a layer, with an op of its own between them."""

    def __init__(self, between):
        super().__init__(name="block")
        self.first, self.second = layers.Dense(3, name="first"), layers.Dense(3, name="second")
        self.between = between

    def call(self, x):
        return self.second(self.between(self.first(x)))


def model_of(*body, **options):
    model = keras.Sequential([keras.Input((4,)), *body, layers.Dense(1, name="last")], name="net")
    model.compile(**{"optimizer": "sgd", "loss": "mse", **options})
    return model


def fit(model, x=X, y=Y, **options):
    model.fit(x, y, batch_size=4, verbose=0, **options)


HOW = [{}, {"run_eagerly": True}, {"jit_compile": True}]


@pytest.mark.parametrize("how", HOW)
def test_the_first_layer_whose_output_is_not_finite(how):
    model = model_of(layers.Dense(3, name="before"), Root(name="root"), layers.Dense(2, name="after"), **how)
    with pytest.raises(FloatingPointError, match=r"The output of layer 'root' \(Root\), of shape .* it has .*NaN"):
        fit(model)
    for do in (model.predict, lambda x, verbose: model.evaluate(x, Y, verbose=verbose)):
        with pytest.raises(FloatingPointError, match="The output of layer 'root'"):
            do(X, verbose=0)


@pytest.mark.parametrize("how", HOW)
def test_data_that_are_not_finite(how):
    x = X.copy()
    x[6, 2] = np.inf
    with pytest.raises(FloatingPointError, match=r"The input of layer 'net' .* it has Inf. Look at the data"):
        fit(model_of(**how), x)
    with pytest.raises(FloatingPointError, match="The loss.* it has NaN.* look at the labels"):
        fit(model_of(**how), y=np.full((8, 1), np.nan, "float32"))


@pytest.mark.parametrize("how", HOW)
def test_inside_a_layer_and_between_layers(how):
    with pytest.raises(FloatingPointError, match=r"The output of layer 'root'"):
        fit(model_of(Block(Root(name="root")), **how))
    with pytest.raises(FloatingPointError, match=r"The input of layer 'second' .* look at what is computed between"):
        fit(model_of(Block(ops.log), **how))
    inputs = keras.Input((4,))
    model = keras.Model(inputs, layers.Dense(1, name="after")(ops.log(inputs)))
    with pytest.raises(FloatingPointError, match="The input of layer 'after'"):
        model.predict(X, verbose=0)


@pytest.mark.parametrize("how", HOW)
def test_the_gradient_that_is_not_finite(how):
    root = Root(name="root")
    model = model_of(layers.Dense(3, name="before", kernel_initializer="zeros"), root, **how)
    with pytest.raises(FloatingPointError, match=r"The gradient of 'net/before/bias'.* it has .* clip the gradients"):
        fit(model)
    assert all(np.isfinite(weight).all() for weight in model.get_weights())  # no update was made


def test_a_weight_that_an_update_has_spoiled():
    model = model_of(layers.Dense(3, name="dense"))
    model.layers[0].kernel.assign(np.full((4, 3), np.inf, "float32"))
    with pytest.raises(
        FloatingPointError, match=r"Weight 'net/dense/kernel' of layer 'dense' \(Dense\).* earlier update"
    ):
        fit(model)


def test_layers_over_time_and_of_several_parts():
    model = keras.Sequential([keras.Input((5, 4)), layers.LSTM(3, name="lstm"), layers.Dense(1)])
    model.compile("adam", "mse")
    x = np.repeat(X[:, None], 5, axis=1)
    model.fit(x, Y, verbose=0)
    model.layers[0].cell.kernel.assign(model.layers[0].cell.kernel * np.nan)
    with pytest.raises(FloatingPointError, match="Weight .*lstm.*kernel' of layer 'lstm"):
        model.predict(x, verbose=0)


def test_loss_scaling_may_overflow_its_gradients():
    options = {"optimizer": keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(), initial_scale=3e38)}
    model = model_of(**options)
    before = model.get_weights()
    fit(model, X * 1e3)
    np.testing.assert_array_equal(model.get_weights()[0], before[0])


def test_it_is_asked_for_and_taken_back_between_two_fits():
    keras.config.disable_debug_nans()
    model = model_of(Root(name="root"))
    fit(model)
    keras.config.enable_debug_nans()
    assert keras.config.is_debug_nans_enabled()
    with pytest.raises(FloatingPointError):
        fit(model)
    keras.config.disable_debug_nans()
    fit(model)


def test_what_is_not_asked_for_costs_nothing():
    """The graph of a step holds no check; how long steps with checks take is printed."""

    def seconds(enabled):
        (keras.config.enable_debug_nans if enabled else keras.config.disable_debug_nans)()
        model = model_of(layers.Dense(256, "relu"), layers.Dense(256, "relu"))
        x, y = np.repeat(np.abs(X), 512, 0), np.repeat(Y, 512, 0)
        model.fit(x, y, verbose=0)
        found = []
        for _ in range(3):
            started = time.process_time()
            model.fit(x, y, epochs=2, verbose=0)
            found.append(time.process_time() - started)
        traces = [t for same in model.make_train_function()._traces.values() for t in same.values()]
        functions = [f for trace in traces for f in trace.graph.as_graph_def().library.function]
        names = {node.op for function in functions for node in function.node_def}
        assert ("CheckNumerics" in names) == enabled, names
        return min(found)

    off, on = seconds(False), seconds(True)
    print(f"two epochs of 128 steps: {off:.3f} s without checks, {on:.3f} s with them ({on / off:.2f} times)")
