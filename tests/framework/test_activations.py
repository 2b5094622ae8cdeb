"""Activations: the functions of keras.activations, with its numbers and names."""

import numpy as np
import pytest

from hornbook import activations, layers

X = np.concatenate([np.random.default_rng(0).normal(size=(6, 8)) * 3, [[-7, -3, -1, -0.5, 0, 0.5, 3, 7]]])
X = X.astype("float32")
FUNCTIONS = (
    "celu elu exponential gelu glu hard_shrink hard_sigmoid hard_silu hard_swish hard_tanh leaky_relu linear "
    "log_sigmoid log_softmax mish relu relu6 selu sigmoid silu soft_shrink softmax softplus softsign sparse_plus "
    "sparse_sigmoid squareplus swish tanh tanh_shrink"
).split()
WITH_ARGUMENTS = [
    ("relu", {"negative_slope": 0.1}),
    ("relu", {"max_value": 2.0}),
    ("relu", {"max_value": 6.0}),
    ("relu", {"threshold": 1.0}),
    ("relu", {"threshold": 1.0, "negative_slope": 0.5, "max_value": 2.0}),
    ("relu", {"max_value": 2.0, "negative_slope": 0.5}),
    ("gelu", {"approximate": True}),
    ("softmax", {"axis": 0}),
    ("log_softmax", {"axis": 0}),
    ("elu", {"alpha": 2.0}),
    ("celu", {"alpha": 2.0}),
    ("leaky_relu", {"negative_slope": 0.3}),
    ("glu", {"axis": 1}),
    ("hard_shrink", {"threshold": 1.0}),
    ("soft_shrink", {"threshold": 1.0}),
    ("squareplus", {"b": 2}),
    ("threshold", {"threshold": 0.5, "default_value": -1.0}),
]


@pytest.mark.parity
@pytest.mark.parametrize("name, arguments", [*((name, {}) for name in FUNCTIONS), *WITH_ARGUMENTS], ids=str)
def test_numbers(name, arguments):
    keras = pytest.importorskip("keras")
    x = X[:6] if arguments.get("axis") == 0 else X
    ours = np.asarray(getattr(activations, name)(x, **arguments))
    theirs = np.asarray(getattr(keras.activations, name)(x, **arguments))
    np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)
    assert ours.dtype == theirs.dtype


@pytest.mark.parametrize("axis", [0, 1])
def test_sparsemax_is_the_nearest_point_of_the_simplex(axis):
    """Not beside Keras, whose rows do not all sum to 1."""
    y = activations.sparsemax(X, axis=axis).numpy()
    np.testing.assert_allclose(y.sum(axis), 1.0, rtol=1e-6)
    gap = np.where(y > 0, X - y, np.nan)  # where y > 0 it lies below x by the same tau, elsewhere x < tau
    tau = np.nanmean(gap, axis=axis, keepdims=True)
    np.testing.assert_allclose(np.nan_to_num(gap - tau), 0.0, atol=1e-6)
    assert np.all((y > 0) | (X <= tau + 1e-6))


@pytest.mark.parametrize("name", [*FUNCTIONS, "sparsemax"])
def test_a_name_is_found_and_given_back(name):
    function = activations.get(name)
    assert function is getattr(activations, name)
    assert activations.get(activations.serialize(function)) is function


def test_what_else_get_takes():
    assert activations.get(None) is activations.linear
    assert activations.get(np.sin) is np.sin
    layer = layers.LeakyReLU()
    assert activations.get(layer) is layer
    assert isinstance(activations.get(activations.serialize(layer)), layers.LeakyReLU)
    with pytest.raises(ValueError, match="'relu'"):
        activations.get("rlu")
