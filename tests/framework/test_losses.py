"""Losses: numbers, reductions, masks and configs of Keras; errors that say what to do."""

import numpy as np
import pytest

import hornbook
from hornbook import losses, ops

rng = np.random.default_rng(0)
N, K = 6, 4


def probabilities(*shape):
    p = rng.uniform(0.05, 1.0, size=shape)
    return (p / p.sum(-1, keepdims=True)).astype("float32")


LABELS = rng.integers(0, K, size=N)
ONE_HOT = np.eye(K, dtype="float32")[LABELS]
P, LOGITS = probabilities(N, K), rng.normal(size=(N, K)).astype("float32")
BITS, UNIT = rng.integers(0, 2, size=(N, K)).astype("float32"), rng.uniform(0.05, 0.95, (N, K)).astype("float32")
NUMBERS = rng.normal(size=(N, K)).astype("float32")
IMAGES = rng.integers(0, 2, size=(N, 3, 3, 1)).astype("float32"), rng.uniform(size=(N, 3, 3, 1)).astype("float32")
EMBEDDINGS = NUMBERS / np.linalg.norm(NUMBERS, axis=1, keepdims=True)
SEQUENCES = np.array([[1, 2, 0], [1, 1, 3], [2, 0, 0]]), rng.normal(size=(3, 7, 4)).astype("float32")

# class, constructor's arguments, y_true, y_pred
ROWS = [
    ("MeanSquaredError", {}, NUMBERS, LOGITS),
    ("MeanAbsoluteError", {}, NUMBERS, LOGITS),
    ("MeanAbsolutePercentageError", {}, NUMBERS, LOGITS),
    ("MeanSquaredLogarithmicError", {}, NUMBERS, LOGITS),
    ("Huber", {}, NUMBERS, LOGITS),
    ("LogCosh", {}, NUMBERS, LOGITS * 10),
    ("CosineSimilarity", {}, NUMBERS, LOGITS),
    ("KLDivergence", {}, P, UNIT),
    ("Poisson", {}, BITS * 3, UNIT),
    ("BinaryCrossentropy", {}, BITS, UNIT),
    ("BinaryCrossentropy", {"from_logits": True, "label_smoothing": 0.1}, BITS, LOGITS),
    ("BinaryFocalCrossentropy", {}, BITS, UNIT),
    ("BinaryFocalCrossentropy", {"apply_class_balancing": True, "gamma": 3.0, "alpha": 0.3}, BITS, UNIT),
    ("BinaryFocalCrossentropy", {"from_logits": True, "label_smoothing": 0.1}, BITS, LOGITS),
    ("CategoricalCrossentropy", {}, ONE_HOT, UNIT),
    ("CategoricalCrossentropy", {"from_logits": True, "label_smoothing": 0.1}, ONE_HOT, LOGITS),
    ("CategoricalFocalCrossentropy", {}, ONE_HOT, UNIT),
    ("CategoricalFocalCrossentropy", {"alpha": [0.1, 0.2, 0.3, 0.4], "label_smoothing": 0.1}, ONE_HOT, UNIT),
    ("CategoricalFocalCrossentropy", {"from_logits": True, "gamma": 1.0}, ONE_HOT, LOGITS),
    ("SparseCategoricalCrossentropy", {}, LABELS, P),
    ("SparseCategoricalCrossentropy", {}, LABELS[:, None], UNIT),
    ("SparseCategoricalCrossentropy", {"from_logits": True, "ignore_class": 1}, LABELS, LOGITS),
    ("SparseCategoricalCrossentropy", {"ignore_class": -1}, np.where(LABELS == 1, -1, LABELS), P),
    ("CategoricalGeneralizedCrossEntropy", {"q": 0.7}, LABELS, P),
    ("Hinge", {}, BITS, LOGITS),
    ("Hinge", {}, BITS * 2 - 1, LOGITS),
    ("SquaredHinge", {}, BITS, LOGITS),
    ("CategoricalHinge", {}, ONE_HOT, LOGITS),
    ("Dice", {"axis": (1, 2, 3)}, *IMAGES),
    ("Dice", {}, *IMAGES),
    ("Tversky", {"alpha": 0.3, "beta": 0.9, "axis": (1, 2, 3)}, *IMAGES),
    ("Circle", {}, LABELS, EMBEDDINGS),
    ("Circle", {"gamma": 2.0, "margin": 0.1, "remove_diagonal": False}, LABELS, EMBEDDINGS),
    ("CTC", {}, *SEQUENCES),
]
REDUCTIONS = ["sum_over_batch_size", "sum", "mean", "mean_with_sample_weight", "none", None]


@pytest.mark.parity
@pytest.mark.parametrize("name, arguments, y_true, y_pred", ROWS, ids=[f"{r[0]}-{sorted(r[1])}" for r in ROWS])
def test_numbers(name, arguments, y_true, y_pred):
    keras = pytest.importorskip("keras")
    per_sample = name != "Dice" or "axis" in arguments
    for reduction in REDUCTIONS:
        ours = getattr(losses, name)(reduction=reduction, **arguments)
        theirs = getattr(keras.losses, name)(reduction=reduction, **arguments)
        for weights in (None, np.linspace(0.5, 2.0, len(y_true)), np.linspace(0.5, 2.0, len(y_true))[:, None]):
            if weights is not None and not per_sample:
                continue
            expected = np.asarray(theirs(y_true, y_pred, sample_weight=weights))
            np.testing.assert_allclose(ours(y_true, y_pred, sample_weight=weights), expected, rtol=2e-5, atol=1e-6)
    assert ours.get_config() == theirs.get_config()
    config = losses.serialize(ours)
    assert config == keras.losses.serialize(theirs)
    again = losses.deserialize(config)
    np.testing.assert_array_equal(again(y_true, y_pred), ours(y_true, y_pred))


@pytest.mark.parity
@pytest.mark.parametrize("name", sorted({row[0] for row in ROWS}))
def test_signatures(name):
    import inspect

    keras = pytest.importorskip("keras")
    for member in (name, getattr(losses, name)().fn.__name__):
        ours, theirs = (inspect.signature(getattr(library.losses, member)) for library in (hornbook, keras))
        simple = [[(p.name, p.default) for p in s.parameters.values()] for s in (ours, theirs)]
        assert simple[0] == simple[1]


@pytest.mark.parity
@pytest.mark.parametrize("shapes", [((6,), (6, 1)), ((6, 1), (6,)), ((6, 3), (6, 3, 1)), ((6, 1), (6, 3))], ids=str)
def test_ranks_are_matched(shapes):
    keras = pytest.importorskip("keras")
    y_true, y_pred = (rng.normal(size=shape).astype("float32") for shape in shapes)
    for reduction in ("sum_over_batch_size", None):
        ours, theirs = (library.losses.MeanSquaredError(reduction=reduction) for library in (hornbook, keras))
        np.testing.assert_allclose(ours(y_true, y_pred), np.asarray(theirs(y_true, y_pred)), rtol=1e-6)
    ours, theirs = (library.losses.mean_squared_error(y_true, y_pred) for library in (hornbook, keras))
    assert ours.shape == theirs.shape


@pytest.mark.parity
@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("weights", [None, np.arange(4.0)[:, None], np.ones((4, 5)) * 0.5], ids=["none", "row", "all"])
def test_masks(reduction, weights):
    keras = pytest.importorskip("keras")
    y_true, y_pred, mask = rng.integers(0, 3, (4, 5)), probabilities(4, 5, 3), rng.uniform(size=(4, 5)) > 0.4
    results = []
    for library in (hornbook, keras):
        tensor = library.ops.convert_to_tensor(y_pred)
        tensor._keras_mask = library.ops.convert_to_tensor(mask)
        loss = library.losses.SparseCategoricalCrossentropy(reduction=reduction)
        results.append(np.asarray(loss(y_true, tensor, sample_weight=weights)))
    np.testing.assert_allclose(*results, rtol=1e-5)


@pytest.mark.parity
def test_functions_on_dtypes_and_axes():
    keras = pytest.importorskip("keras")
    for dtype in ("float16", "bfloat16", "float64"):
        y_true, y_pred = ops.cast(NUMBERS, dtype), ops.cast(LOGITS, dtype)
        ours = losses.mean_squared_error(y_true, y_pred)
        assert ours.dtype.name == dtype == keras.losses.mean_squared_error(y_true, y_pred).dtype.name
    for name in ("binary_crossentropy", "categorical_crossentropy", "cosine_similarity"):
        ours, theirs = (getattr(library.losses, name)(BITS, UNIT, axis=0) for library in (hornbook, keras))
        np.testing.assert_allclose(ours, np.asarray(theirs), rtol=1e-5)
    assert np.asarray(losses.mean_squared_error([1, 2], [3, 5])) == 6.5


def test_saturated_probabilities_keep_their_logits():
    """A softmax or sigmoid that has rounded to 0 still gives the loss of its logits."""
    x = np.array([[30.0, -30.0]], "float32")
    assert np.isclose(losses.SparseCategoricalCrossentropy()([1], hornbook.activations.softmax(x)), 60.0)
    assert np.isclose(losses.BinaryCrossentropy()([[0.0, 1.0]], hornbook.activations.sigmoid(x)), 30.0)


@pytest.mark.parametrize(
    "name", ["mse", "MSE", "mean_squared_error", "mae", "mape", "msle", "bce", "kld", "huber", "KLD"]
)
def test_a_string_gives_a_function(name):
    function = losses.get(name)
    assert function is getattr(losses, function.__name__)
    assert losses.get(losses.serialize(function)) is function


def test_what_else_get_takes():
    assert losses.get(None) is None
    assert isinstance(losses.get("MeanSquaredError"), losses.MeanSquaredError)
    assert losses.get(np.add) is np.add
    assert losses.get({"class_name": "Huber", "config": {"delta": 3.0}}).delta == 3.0
    with pytest.raises(ValueError, match="mean_squared_error"):
        losses.get("mean_square_error")


def test_arguments_that_keras_forgets_are_kept():
    assert losses.deserialize(losses.serialize(losses.Huber(delta=3.0))).delta == 3.0
    assert losses.deserialize(losses.serialize(losses.SparseCategoricalCrossentropy(axis=1))).axis == 1


def test_a_loss_of_ones_own():
    class Off(losses.Loss):
        def __init__(self, scale=1.0, **kwargs):
            super().__init__(**kwargs)
            self.scale = scale

        def call(self, y_true, y_pred):
            return self.scale * ops.mean(ops.abs(y_true - y_pred), axis=-1)

    loss = Off(scale=2.0, reduction="sum")
    assert float(loss([[0.0, 1.0]], [[1.0, 3.0]])) == 3.0
    assert loss.get_config() == {"scale": 2.0, "name": "off", "reduction": "sum"}
    assert Off.from_config(loss.get_config()).scale == 2.0
    assert float(loss({"a": [[0.0]]}["a"], [[1.0]])) == 2.0


def test_a_loss_of_nested_outputs():
    def both(y_true, y_pred):
        return ops.mean(y_true["a"] - y_pred["a"] + y_true["b"] - y_pred["b"], axis=-1)

    loss = losses.LossFunctionWrapper(both)
    assert float(loss({"a": [[3.0]], "b": [[4.0]]}, {"a": [[1.0]], "b": [[1.0]]})) == 5.0


def test_symbolic():
    inputs = hornbook.Input((3,)), hornbook.Input((3,))
    assert losses.mean_squared_error(*inputs).shape == (None,)
    assert losses.categorical_crossentropy(*inputs).shape == (None,)


ERRORS = [
    (
        lambda: losses.CategoricalCrossentropy()(LABELS, P),
        r"one-hot labels .*\(6, 4\); got .*\(6,\).*sparse_categorical",
    ),
    (lambda: losses.categorical_crossentropy(LABELS[:, None], P), r"to_categorical\(y, num_classes=4\)"),
    (lambda: losses.CategoricalFocalCrossentropy()(LABELS, P), "to_categorical"),
    (lambda: losses.SparseCategoricalCrossentropy()(ONE_HOT, P), r"class numbers of shape \(6,\).*one-hot.*Use categ"),
    (lambda: losses.MeanSquaredError()(NUMBERS[:, :3], P), r"same shape, got .*\(6, 3\).*\(6, 4\)"),
    (lambda: losses.MeanSquaredError()(NUMBERS, P, sample_weight=[1.0, 2.0]), r"sample_weight .*shape \(2,\)"),
    (lambda: losses.MeanSquaredError(reduction="auto"), "sum_over_batch_size.*got 'auto'"),
    (lambda: losses.CategoricalGeneralizedCrossEntropy(q=2), "between 0 and 1, got 2"),
    (lambda: losses.ctc(LABELS, P), r"\(batch, time, classes\)"),
]


@pytest.mark.parametrize("call, words", ERRORS)
def test_errors_teach(call, words):
    with pytest.raises(ValueError, match=words):
        call()


def test_one_class_is_warned_about():
    with pytest.warns(SyntaxWarning, match="binary_crossentropy"):
        losses.categorical_crossentropy(np.ones((3, 1), "float32"), np.ones((3, 1), "float32"))
