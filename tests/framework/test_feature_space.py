"""FeatureSpace: the columns of a table as vectors, as Keras makes them."""

import json
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

import hornbook
from hornbook import tree
from hornbook.utils import FeatureSpace
from hornbook.utils.feature_space import _KINDS as KINDS

try:
    import keras
except ImportError:  # the comparison is left out
    keras = None

TABLE = {
    "age": [0.1, 0.2, 0.3, 0.4],
    "city": ["a", "b", "a", "c"],
    "code": [1, 2, 3, 1],
    "height": [1.0, 5.0, 9.0, 2.0],
    "income": [2.0, 4.0, 6.0, 8.0],
    "street": ["x", "y", "z", "x"],
    "zip": [5, 6, 7, 8],
}


def features(space: Any) -> dict:
    return {
        "age": "float",
        "city": "string_categorical",
        "code": space.integer_categorical(name="code"),
        "height": space.float_normalized(name="height"),
        "income": space.float_discretized(num_bins=2, name="income"),
        "street": "string_hashed",
        "zip": space.integer_hashed(num_bins=4, name="zip"),
    }


def made(space: Any, **kwargs: Any) -> Any:
    crosses = [("city", "code"), space.cross(("city", "street"), 4)]
    return space(**{"features": features(space), "crosses": crosses, "crossing_dim": 8, "name": "space", **kwargs})


def table() -> tf.data.Dataset:
    return tf.data.Dataset.from_tensor_slices(TABLE)


def whole() -> dict:
    return {key: tf.constant(column) for key, column in TABLE.items()}


def without(config: Any, *keys: str) -> Any:
    """A config as JSON, some keys left out at all depths."""
    if isinstance(config, dict):
        return {key: without(value, *keys) for key, value in config.items() if key not in keys}
    return [without(item, *keys) for item in config] if isinstance(config, list | tuple) else config


@pytest.mark.parametrize("mode", ["concat", "dict"])
def test_the_vectors(mode: str) -> None:
    space = made(FeatureSpace, output_mode=mode)
    with pytest.raises(ValueError, match="adapt"):
        space(whole())
    space.adapt(table())
    outputs = space(whole())
    symbols = space.get_encoded_features()
    for symbol, output in zip(tree.flatten(symbols), tree.flatten(outputs), strict=True):
        assert (symbol.shape, symbol.dtype) == ((None, *output.shape[1:]), output.dtype.name)
    row = space({key: column[1] for key, column in TABLE.items()})
    tree.map_structure(lambda a, b: np.testing.assert_allclose(a, b[1]), row, outputs)
    mapped = next(iter(table().batch(4).map(space)))
    tree.map_structure(np.testing.assert_allclose, mapped, outputs)
    one_by_one = next(iter(table().map(space).batch(4)))
    tree.map_structure(np.testing.assert_allclose, one_by_one, outputs)

    again = made(FeatureSpace, output_mode=mode)
    again.adapt(table().batch(3))
    tree.map_structure(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5), again(whole()), outputs)
    again.adapt(TABLE)
    tree.map_structure(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5), again(whole()), outputs)

    if keras is not None:
        theirs = made(keras.utils.FeatureSpace, output_mode=mode)
        theirs.adapt(table())
        expected = theirs(whole())
        tree.map_structure(
            lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5),
            outputs,
            dict(expected) if mode == "dict" else expected,
        )
        ignored = ("shared_object_id", "build_config")
        ours, reference = (json.loads(json.dumps(x.get_config())) for x in (space, theirs))
        assert without(ours, *ignored) == without(reference, *ignored)


def test_a_model_that_makes_its_data_ready() -> None:
    space = made(FeatureSpace)
    space.adapt(table())
    encoded = space.get_encoded_features()
    head = hornbook.layers.Dense(1)
    training_model = hornbook.Model(encoded, head(encoded))
    training_model.compile("sgd", "mse")
    pairs = table().map(lambda x: (x, tf.constant([1.0]))).batch(2)
    training_model.fit(pairs.map(lambda x, y: (space(x), y)), epochs=1, verbose=0)
    model = hornbook.Model(space.get_inputs(), head(encoded))
    expected = training_model(space(whole()))
    np.testing.assert_allclose(
        model.predict({k: v[:, None] for k, v in whole().items()}, verbose=0), expected, rtol=1e-5
    )


def test_int_features_and_layers_of_ones_own() -> None:
    space = FeatureSpace(
        {
            "code": FeatureSpace.integer_categorical(output_mode="int"),
            "known": FeatureSpace.feature("string", hornbook.layers.StringLookup(vocabulary=["a"]), "one_hot"),
            "text": FeatureSpace.feature("string", hornbook.layers.TextVectorization(output_mode="multi_hot"), "int"),
        },
        output_mode="dict",
    )
    space.adapt({"code": [3, 4, 3], "known": ["a", "b", "a"], "text": ["x y", "y", "z"]})
    outputs = space({"code": [3, 9], "known": ["a", "b"], "text": ["y x", "w"]})
    assert outputs["code"].numpy().tolist() == [[1], [0]]
    assert outputs["known"].numpy().tolist() == [[0, 1], [1, 0]]
    assert outputs["text"].numpy().tolist() == [[0, 1, 0, 1], [1, 0, 0, 0]]


def test_files(tmp_path: Any) -> None:
    space = made(FeatureSpace)
    space.adapt(table())
    expected = space(whole()).numpy()
    space.save(tmp_path / "ours.keras")
    again = hornbook.saving.load_model(tmp_path / "ours.keras")
    np.testing.assert_allclose(again(whole()), expected, rtol=1e-6)
    model = hornbook.Model(space.get_inputs(), space.get_encoded_features())
    model.save(tmp_path / "model.keras")
    columns = {key: x[:, None] for key, x in whole().items()}
    np.testing.assert_allclose(hornbook.saving.load_model(tmp_path / "model.keras")(columns), expected, rtol=1e-6)
    if keras is None:
        return
    theirs = keras.saving.load_model(tmp_path / "ours.keras")
    np.testing.assert_allclose(theirs(whole()), expected, rtol=1e-5)
    theirs.save(tmp_path / "theirs.keras")
    np.testing.assert_allclose(hornbook.saving.load_model(tmp_path / "theirs.keras")(whole()), expected, rtol=1e-5)


def test_errors_say_what_was_expected() -> None:
    rescaling = hornbook.layers.Rescaling(2.0)
    for attempt, message in (
        (lambda: FeatureSpace({}), "features"),
        (lambda: FeatureSpace({"a": "number"}), "float_normalized"),
        (lambda: FeatureSpace({"a": "float"}, output_mode="list"), "output_mode"),
        (lambda: FeatureSpace({"a": "float"}, crosses=[("a", "b")]), "'b'"),
        (lambda: FeatureSpace({"a": "float"})([1.0]), "dictionary"),
        (lambda: FeatureSpace({"a": "float"})({"b": 1.0}), "missing"),
        (lambda: FeatureSpace({"a": "integer_categorical"}).adapt([1]), "dictionaries"),
        (lambda: FeatureSpace({"a": FeatureSpace.integer_hashed(3, output_mode="int")})({"a": 1}), "one_hot"),
        (lambda: FeatureSpace({"a": FeatureSpace.feature("float32", rescaling, "one_hot")})({"a": 1}), "integers"),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=message):
            attempt()


@pytest.mark.skipif(keras is None, reason="needs keras as the reference")
def test_signatures_are_those_of_keras() -> None:
    import inspect

    for name in (
        "__init__",
        "cross",
        "feature",
        "adapt",
        "save",
        *KINDS,
    ):
        ours, theirs = (
            [(k, p.default) for k, p in inspect.signature(getattr(cls, name)).parameters.items()]
            for cls in (FeatureSpace, keras.utils.FeatureSpace)
        )
        assert ours == theirs, name
