"""Sequential, Functional, subclassed: structure, calls, configs."""

import keras as reference
import numpy as np
import pytest

import hornbook as keras
from hornbook import layers
from hornbook.layers import Dense


def data(*shape):
    return np.random.default_rng(0).normal(size=shape).astype("float32")


def test_the_three_manners_give_the_same_numbers():
    class Subclassed(keras.Model):
        def __init__(self):
            super().__init__()
            self.first, self.second = Dense(8, activation="relu"), Dense(3)

        def call(self, inputs):
            return self.second(self.first(inputs))

    row = keras.Sequential([keras.Input((4,)), Dense(8, activation="relu"), Dense(3)])
    x = keras.Input((4,))
    graph = keras.Model(x, Dense(3)(Dense(8, activation="relu")(x)))
    own = Subclassed()
    own(data(1, 4))
    for model in (graph, own):
        model.set_weights(row.get_weights())
        np.testing.assert_allclose(model(data(5, 4)), row(data(5, 4)), rtol=1e-6)


def test_several_inputs_and_outputs_and_a_shared_layer():
    a, b = keras.Input((3,), name="a"), keras.Input((3,), name="b")
    shared = Dense(2, name="shared")
    total = layers.Add(name="total")([shared(a), shared(b)])
    model = keras.Model({"a": a, "b": b}, [total, layers.Concatenate(name="both")([shared(a), total])])
    assert [layer.name for layer in model.layers] == ["a", "b", "shared", "total", "both"]
    assert model.output_names == ["total", "both"] and len(model.weights) == 2
    u, v = data(4, 3), data(4, 3) + 1
    first, second = model({"a": u, "b": v})
    expected = shared(u) + shared(v)
    np.testing.assert_allclose(first, expected, rtol=1e-6)
    np.testing.assert_allclose(second, np.concatenate([shared(u), expected], 1), rtol=1e-6)
    np.testing.assert_allclose(model([u, v])[0], expected, rtol=1e-6)


def test_a_nested_model_is_a_layer():
    inner = keras.Sequential([keras.Input((3,)), Dense(2)], name="inner")
    x = keras.Input((3,))
    outer = keras.Model(x, Dense(1)(inner(x)))
    assert outer.get_layer("inner") is inner
    assert len(outer.weights) == 4
    assert outer(data(2, 3)).shape == (2, 1)


def test_a_model_may_begin_in_the_middle():
    x = keras.Input((3,))
    middle = Dense(4, name="low")(x)
    y = Dense(2, name="high")(middle)
    whole, upper, lower = keras.Model(x, y), keras.Model(middle, y), keras.Model(x, middle)
    u = data(2, 3)
    np.testing.assert_allclose(upper(lower(u)), whole(u), rtol=1e-6)


@pytest.mark.parametrize("beginning", [[], [keras.Input((5,))]], ids=["by data", "by an input"])
def test_a_sequential_takes_texts_of_other_lengths_than_it_was_built_with(beginning):
    texts = np.array([[4, 7, 1, 0, 0], [3, 3, 9, 2, 5]])
    network = keras.Sequential([*beginning, layers.Embedding(10, 8, mask_zero=True), layers.LSTM(3)])
    both = network.predict(texts, verbose=0)
    np.testing.assert_allclose(network.predict(texts[:1, :3], verbose=0), both[:1], atol=1e-6)
    network.add(layers.Dense(2))
    assert network.predict(texts[:, :2], verbose=0).shape == (2, 2)


def test_the_layers_of_a_sequential_say_what_they_cannot_take():
    network = keras.Sequential([keras.Input((4,)), layers.Dense(2)])
    with pytest.raises(ValueError, match="4.*5"):
        network.predict(np.ones((2, 5)), verbose=0)
    with pytest.raises(ValueError, match=r"must have shape \(None, 4\), got \(None, 3, 4\)"):
        network.predict(np.ones((2, 3, 4)), verbose=0)


def test_sequential_built_by_a_batch_takes_batches_of_other_sizes():
    model = keras.Sequential([layers.Dense(2), layers.Reshape((2, 1))])
    assert model(np.zeros((5, 3), "float32")).shape == (5, 2, 1)
    assert model(np.zeros((4, 3), "float32")).shape == (4, 2, 1)
    with pytest.raises(ValueError, match="3.*4"):
        model(np.zeros((5, 4), "float32"))


def test_sequential_is_built_by_its_first_data_and_grows():
    model = keras.Sequential([Dense(4), Dense(2)])
    assert not model.built
    model(data(1, 3))
    assert model.count_params() == 26
    model.add(Dense(1))
    model.build((None, 3))
    assert model.output_shape == (None, 1)
    model.pop()
    model.build((None, 3))
    assert model.output_shape == (None, 2)


@pytest.mark.parametrize(
    "make",
    [
        lambda: keras.Sequential([keras.Input((4,)), Dense(3, activation="relu"), layers.Dropout(0.1), Dense(2)]),
        lambda: _two_headed(),
        lambda: _with_ops(),
    ],
    ids=["sequential", "functional", "ops"],
)
def test_config_round_trip(make):
    model = make()
    again = type(model).from_config(model.get_config())
    again.set_weights(model.get_weights())
    x = [data(3, *i.shape[1:]) for i in model.inputs]
    x = x[0] if len(x) == 1 else x
    for a, b in zip(_flat(model(x)), _flat(again(x)), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6)
    assert again.get_config() == model.get_config()
    assert keras.models.model_from_json(model.to_json()).count_params() == model.count_params()
    assert keras.models.clone_model(model).count_params() == model.count_params()


def _flat(x):
    return x if isinstance(x, list) else [x]


def _two_headed():
    x = keras.Input((4,))
    h = Dense(5)(x)
    return keras.Model(x, [Dense(1, name="left")(h), Dense(2, name="right")(h)])


def _with_ops():
    x = keras.Input((4,))
    y = keras.ops.softmax(keras.ops.matmul(Dense(3)(x) * 2.0, np.ones((3, 3), "float32")), axis=-1)
    return keras.Model(x, keras.ops.concatenate([y, x], axis=-1))


def test_summary_lists_layers_and_numbers():
    lines = []
    keras.Sequential([keras.Input((100,)), Dense(64), Dense(10)]).summary(print_fn=lines.append)
    text = "\n".join(lines)
    assert "dense" in text and "(None, 64)" in text and "6,464" in text and "Total params: 7,114" in text


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda m: m(data(2, 5)), r"\(None, 4\).*\(2, 5\)"),
        (lambda m: m([data(2, 4), data(2, 4)]), "1 input"),
        (lambda m: m.get_layer("nothing"), "layers are"),
        (lambda m: m.set_weights([data(1)]), "weights"),
        (lambda m: keras.Model(keras.Input((3,)), keras.Input((4,))), "not among the inputs"),
    ],
)
def test_errors_name_what_was_expected_and_what_came(make, words):
    x = keras.Input((4,))
    with pytest.raises(ValueError, match=words):
        make(keras.Model(x, Dense(2)(x)))


def test_state_as_a_tree_by_path():
    trees, models = [], []
    for module in (keras, reference):
        module.utils.clear_session()
        dense = module.layers.Dense(3, name="d", kernel_initializer="ones")
        model = module.Sequential([module.Input((2,)), dense, module.layers.BatchNormalization(name="bn")], name="net")
        model.compile("sgd", "mse", metrics=["mae"])
        model.fit(np.ones((2, 2)), np.ones((2, 3)), verbose=0)
        trees.append(model.get_state_tree("numpy_array"))
        models.append(model)
    ours, theirs = trees
    for kind in ("trainable_variables", "non_trainable_variables", "optimizer_variables"):
        keras.tree.assert_same_structure(ours[kind], theirs[kind])
        for a, b in zip(keras.tree.flatten(ours[kind]), keras.tree.flatten(theirs[kind]), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)
    assert set(ours["metrics_variables"]) == set(theirs["metrics_variables"])
    model = models[0]
    model.set_state_tree({"trainable_variables": {"net": {"d": {"bias": np.full(3, 7.0)}}}})
    assert model.get_state_tree()["trainable_variables"]["net"]["d"]["bias"].numpy().tolist() == [7.0] * 3
    for wrong in ({"weights": {}}, {"trainable_variables": {"net": {"q": np.ones(3)}}}):
        with pytest.raises(ValueError):
            model.set_state_tree(wrong)
    found = []
    for model in models:
        state = (model.trainable_variables, model.non_trainable_variables, model.metrics_variables)
        values = ([v.value for v in group] for group in state)
        loss, after = model.stateless_compute_loss(
            *values, x=np.ones((1, 2)), y=np.ones((1, 3)), y_pred=np.zeros((1, 3))
        )
        found.append((float(loss), [len(group) for group in after[:2]]))
    assert found[0] == found[1]
