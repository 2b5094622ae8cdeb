"""The layers that make data ready: the numbers of Keras, eagerly, in tf.data, in a model, and from files."""

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

import hornbook
from hornbook import layers, tree
from hornbook.core.registry import deserialize_keras_object, serialize_keras_object

try:
    import keras
except ImportError:  # the comparison is left out
    keras = None

NUMBERS = np.array([[-1.5, 1.0, 3.4], [0.5, 0.0, 1.3]], "float32")
PLACES = np.array([[0, 1], [0, 0], [3, 1]])
WORDS = np.array([["a"], ["b"], [""], ["fox"]])
PAIRS = (np.array(["a", "b", "a", "b"]), np.array([101, 101, 102, 102]))
IDS = np.array([[12, 36, 36], [7, -5, 100]])
BINS = {"bin_boundaries": [0.0, 1.0, 2.0]}
VOCABULARY = {"vocabulary": [12, 36]}

ROWS: list[tuple[str, dict, Any]] = [
    *[("CategoryEncoding", {"num_tokens": 4, "output_mode": m}, PLACES) for m in ("one_hot", "multi_hot", "count")],
    ("CategoryEncoding", {"num_tokens": 4, "output_mode": "one_hot"}, PLACES[:, :1]),
    ("CategoryEncoding", {"num_tokens": 4}, np.arange(6).reshape(2, 3)),
    ("CategoryEncoding", {"num_tokens": 4, "output_mode": "one_hot", "dtype": "int32"}, PLACES[:, 0]),
    *[("Discretization", {**BINS, "output_mode": m}, NUMBERS) for m in ("int", "one_hot", "multi_hot", "count")],
    ("Discretization", {**BINS, "output_mode": "one_hot"}, NUMBERS[:, :1]),
    ("Discretization", {**BINS, "dtype": "float16"}, NUMBERS),
    ("Discretization", BINS, np.array([[-1, 1, 7]])),
    ("Hashing", {"num_bins": 3}, WORDS),
    ("Hashing", {"num_bins": 5}, np.arange(12).reshape(4, 3)),
    ("Hashing", {"num_bins": 5}, np.arange(12, dtype="float32").reshape(4, 3)),
    ("Hashing", {"num_bins": 3, "mask_value": ""}, WORDS),
    ("Hashing", {"num_bins": 3, "mask_value": 2}, PLACES),
    ("Hashing", {"num_bins": 4, "salt": 133}, WORDS),
    ("Hashing", {"num_bins": 4, "salt": [133, 137]}, WORDS),
    ("Hashing", {"num_bins": 4, "dtype": "int32"}, WORDS),
    *[("Hashing", {"num_bins": 3, "output_mode": m}, WORDS) for m in ("one_hot", "multi_hot", "count")],
    ("HashedCrossing", {"num_bins": 5}, PAIRS),
    ("HashedCrossing", {"num_bins": 5}, tuple(x[:, None] for x in PAIRS)),
    ("HashedCrossing", {"num_bins": 5, "output_mode": "one_hot"}, PAIRS),
    ("HashedCrossing", {"num_bins": 7, "output_mode": "one_hot"}, tuple(x[:, None] for x in (*PAIRS, PAIRS[0]))),
    ("IntegerLookup", VOCABULARY, IDS),
    ("IntegerLookup", {**VOCABULARY, "mask_token": 7}, IDS),
    ("IntegerLookup", {**VOCABULARY, "num_oov_indices": 3}, IDS),
    ("IntegerLookup", {**VOCABULARY, "num_oov_indices": 2, "oov_method": "farmhash"}, IDS),
    ("IntegerLookup", {**VOCABULARY, "num_oov_indices": 2, "oov_method": "farmhash", "salt": [3, 4]}, IDS),
    *[("IntegerLookup", {**VOCABULARY, "output_mode": m}, IDS) for m in ("one_hot", "multi_hot", "count")],
    ("IntegerLookup", {**VOCABULARY, "output_mode": "tf_idf", "idf_weights": [0.5, 0.25]}, IDS),
    ("IntegerLookup", {**VOCABULARY, "output_mode": "multi_hot", "pad_to_max_tokens": True, "max_tokens": 6}, IDS),
    ("IntegerLookup", {**VOCABULARY, "invert": True, "mask_token": 0}, PLACES),
]


def plain(config: Any) -> Any:
    return json.loads(json.dumps(config))


@pytest.mark.parametrize(("name", "kwargs", "data"), ROWS, ids=lambda part: part if isinstance(part, str) else "")
def test_the_same_numbers_everywhere(name: str, kwargs: dict, data: Any) -> None:
    layer = getattr(layers, name)(name="layer", **kwargs)
    outputs = layer(data)
    expected = outputs.numpy()

    again = deserialize_keras_object(plain(serialize_keras_object(layer)))
    assert plain(again.get_config()) == plain(layer.get_config())
    np.testing.assert_array_equal(again(data), expected)

    tensors = tree.map_structure(tf.constant, data)
    rows = tf.data.Dataset.from_tensor_slices(tensors).batch(len(tree.flatten(data)[0]))
    mapped = rows.map(lambda *x: layer(x if len(x) > 1 else x[0]))
    np.testing.assert_array_equal(next(iter(mapped)), expected)

    inputs = tree.map_structure(lambda x: hornbook.Input(x.shape[1:], dtype=x.dtype.name), tensors)
    symbol = layer(inputs)
    assert symbol.dtype == outputs.dtype.name and len(symbol.shape) == len(outputs.shape)
    assert all(a in (None, b) for a, b in zip(symbol.shape, outputs.shape, strict=True))
    np.testing.assert_array_equal(hornbook.Model(inputs, symbol)(tensors), expected)

    if keras is not None:
        theirs = getattr(keras.layers, name)(name="layer", **kwargs)
        assert plain(layer.get_config()) == plain(theirs.get_config())
        found = theirs(data)
        assert outputs.dtype == found.dtype
        np.testing.assert_allclose(expected, found, rtol=1e-6)


@pytest.mark.parametrize("name", ["StringLookup", "IntegerLookup", "CategoryEncoding", "Discretization", "Hashing"])
@pytest.mark.parametrize("mode", ["one_hot", "multi_hot"])
@pytest.mark.skipif(keras is None, reason="needs keras as the reference")
def test_the_axes_of_encoded_categories(name: str, mode: str) -> None:
    kwargs = {
        "StringLookup": {"vocabulary": ["1"]},
        "IntegerLookup": {"vocabulary": [1]},
        "CategoryEncoding": {"num_tokens": 3},
        "Discretization": {"bin_boundaries": [1.0]},
        "Hashing": {"num_bins": 3},
    }[name]
    ours, theirs = (getattr(p, name)(output_mode=mode, **kwargs) for p in (layers, keras.layers))
    for shape in ((), (1,), (2,), (2, 1), (2, 3), (2, 3, 1)):
        if (name, shape) == ("Hashing", ()) or (mode, shape) == ("multi_hot", (2, 3, 1)):
            continue  # the first fails there; the second has other axes than it says of itself
        x = np.full(shape, "1" if name == "StringLookup" else 1)
        np.testing.assert_array_equal(ours(x), theirs(x))


def test_counts_with_weights() -> None:
    weights = np.array([[0.5, 0.25], [1.0, 2.0], [3.0, 4.0]])
    layer = layers.CategoryEncoding(4, output_mode="count")
    assert layer(PLACES, count_weights=weights).numpy().tolist() == [[0.5, 0.25, 0, 0], [3, 0, 0, 0], [0, 4, 0, 3]]


@pytest.mark.parametrize(("bins", "epsilon", "count"), [(4, 0.01, 1000), (4, 0.1, 1000), (40, 0.01, 30), (3, 0.01, 7)])
def test_discretization_finds_its_boundaries(bins: int, epsilon: float, count: int) -> None:
    data = np.random.default_rng(0).normal(size=count).astype("float32")
    layer = layers.Discretization(num_bins=bins, epsilon=epsilon)
    with pytest.raises(ValueError, match="no boundaries"):
        layer(data)
    batches = tf.data.Dataset.from_tensor_slices(data).batch(100)
    found = []
    for source, steps in ((data, None), (batches, None), (batches, 2)):
        layer.adapt(source, steps=steps)
        found.append(layer.bin_boundaries)
    if keras is not None:
        theirs = keras.layers.Discretization(num_bins=bins, epsilon=epsilon)
        for boundaries, (source, steps) in zip(found, ((data, None), (batches, None), (batches, 2)), strict=True):
            theirs.adapt(source, steps=steps)
            np.testing.assert_allclose(boundaries, theirs.bin_boundaries, rtol=1e-6)
    again = deserialize_keras_object(plain(serialize_keras_object(layer)))
    np.testing.assert_array_equal(again(data), layer(data))
    again.adapt(data)
    assert again.bin_boundaries == found[0]


@pytest.mark.parametrize("kwargs", [{}, {"mask_token": 0, "max_tokens": 4}, {"output_mode": "tf_idf"}], ids=str)
def test_integer_lookup_finds_its_vocabulary(kwargs: dict, tmp_path: Any) -> None:
    data = np.array([[12, 1138, 42], [42, 0, 36]])
    layer = layers.IntegerLookup(name="layer", **kwargs)
    layer.adapt(data)
    vocabulary, outputs = layer.get_vocabulary(), layer(data).numpy()
    layer.adapt(tf.data.Dataset.from_tensor_slices(data).batch(1))
    assert layer.get_vocabulary() == vocabulary
    layer.save_assets(tmp_path)
    store: dict = {}
    layer.save_own_variables(store)
    again = layers.IntegerLookup(**kwargs)
    again.load_assets(tmp_path)
    again.load_own_variables(store)
    np.testing.assert_allclose(again(data), outputs, rtol=1e-6)
    if keras is not None:
        theirs = keras.layers.IntegerLookup(name="layer", **kwargs)
        theirs.adapt(data)
        assert vocabulary == [int(x) for x in theirs.get_vocabulary()]
        np.testing.assert_allclose(outputs, theirs(data), rtol=1e-6)
        assert plain(layer.get_config()) == plain(theirs.get_config())
    (tmp_path / "numbers").write_text("5\n7\n")
    assert layers.IntegerLookup(vocabulary=str(tmp_path / "numbers")).get_vocabulary() == [-1, 5, 7]


def test_ragged_strings_are_hashed_and_looked_up() -> None:
    ragged = tf.ragged.constant([["a", "b"], ["c"]])
    flat = layers.Hashing(3)(["a", "b", "c"]).numpy().tolist()
    assert layers.Hashing(3)(ragged).to_list() == [flat[:2], flat[2:]]
    assert layers.StringLookup(vocabulary=["b"])(ragged).to_list() == [[0, 1], [0]]


ERRORS: list[tuple[Callable, type, str]] = [
    (lambda: layers.CategoryEncoding(), ValueError, "num_tokens"),
    (lambda: layers.CategoryEncoding(4, output_mode="int"), ValueError, "output_mode"),
    (lambda: layers.CategoryEncoding(4)(PLACES, count_weights=PLACES), ValueError, "count_weights"),
    (lambda: layers.CategoryEncoding(4, sparse=True), ValueError, "sparse"),
    (lambda: layers.Discretization(), ValueError, "either"),
    (lambda: layers.Discretization([1.0], 2), ValueError, "either"),
    (lambda: layers.Discretization([2.0, 1.0]), ValueError, "rising"),
    (lambda: layers.Discretization([1.0]).adapt(NUMBERS), ValueError, "nothing to adapt"),
    (lambda: layers.Hashing(0), ValueError, "num_bins"),
    (lambda: layers.Hashing(3, salt=[1, 2, 3]), ValueError, "salt"),
    (lambda: layers.Hashing(3, dtype="float32"), ValueError, "dtype"),
    (lambda: layers.HashedCrossing(3)(np.arange(3)), ValueError, "list of 2"),
    (lambda: layers.HashedCrossing(3)((np.arange(3), np.arange(2))), ValueError, "one shape"),
    (lambda: layers.HashedCrossing(3)((np.arange(3), np.ones(3))), ValueError, "strings or integers"),
    (lambda: layers.HashedCrossing(3, output_mode="count"), ValueError, "output_mode"),
    (lambda: layers.IntegerLookup(vocabulary=[1, 1]), ValueError, "repeats"),
    (lambda: layers.IntegerLookup(vocabulary=[1], salt=3), ValueError, "farmhash"),
    (lambda: layers.IntegerLookup(vocabulary=[1], num_oov_indices=0)([2]), Exception, "vocabulary"),
    (lambda: layers.IntegerLookup()([2]), RuntimeError, "no vocabulary"),
]


@pytest.mark.parametrize(("attempt", "kind", "message"), ERRORS, ids=[row[2] for row in ERRORS])
def test_errors_say_what_was_expected(attempt: Callable, kind: type, message: str) -> None:
    with pytest.raises(kind, match=message):
        attempt()
