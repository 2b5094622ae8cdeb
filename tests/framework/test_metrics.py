"""Metrics: numbers, names, variables and configs of Keras, with and without weights, over several batches."""

import inspect

import numpy as np
import pytest

import hornbook
from hornbook import backend, losses, metrics, ops

rng = np.random.default_rng(0)
N, K = 7, 4


def batches(*makers):
    return [tuple(make() for make in makers) for _ in range(3)]


def labels():
    return rng.integers(0, K, size=N)


def one_hot():
    return np.eye(K, dtype="float32")[labels()]


def bits():
    return rng.integers(0, 2, size=(N, K)).astype("float32")


def bit_column():
    return rng.integers(0, 2, size=N).astype("float32")


def unit_column():
    return rng.uniform(size=N).astype("float32")


def unit():
    return rng.uniform(0.05, 0.95, size=(N, K)).astype("float32")


def numbers():
    return rng.normal(size=(N, K)).astype("float32")


def probabilities():
    p = unit()
    return p / p.sum(-1, keepdims=True)


def sequence_labels():
    return rng.integers(0, K, size=(N, 5))


def sequence_scores():
    return rng.uniform(size=(N, 5, K)).astype("float32")


REGRESSION = batches(numbers, numbers)
ONE_HOT = batches(one_hot, probabilities)
SPARSE = batches(labels, probabilities)
BINARY = batches(bits, unit)
COLUMN = batches(bit_column, unit_column)
SEQUENCE = batches(sequence_labels, sequence_scores)

# class, constructor's arguments, batches
ROWS = [
    *[(name, {}, REGRESSION) for name in "MeanSquaredError RootMeanSquaredError MeanAbsoluteError".split()],
    *[(name, {}, REGRESSION) for name in "MeanAbsolutePercentageError MeanSquaredLogarithmicError".split()],
    *[(name, {}, REGRESSION) for name in "LogCoshError CosineSimilarity PearsonCorrelation".split()],
    ("ConcordanceCorrelation", {}, REGRESSION),
    ("R2Score", {}, REGRESSION),
    ("R2Score", {"class_aggregation": None}, REGRESSION),
    ("R2Score", {"class_aggregation": "variance_weighted_average", "num_regressors": 2}, REGRESSION),
    ("Accuracy", {}, batches(labels, labels)),
    ("BinaryAccuracy", {}, BINARY),
    ("BinaryAccuracy", {"threshold": 0.3}, COLUMN),
    ("CategoricalAccuracy", {}, ONE_HOT),
    ("SparseCategoricalAccuracy", {}, SPARSE),
    ("SparseCategoricalAccuracy", {}, SEQUENCE),
    ("SparseCategoricalAccuracy", {}, [(y[:, None], p) for y, p in SPARSE]),
    ("TopKCategoricalAccuracy", {"k": 2}, ONE_HOT),
    ("SparseTopKCategoricalAccuracy", {"k": 2}, SPARSE),
    ("SparseTopKCategoricalAccuracy", {"k": 2}, SEQUENCE),
    ("SparseTopKCategoricalAccuracy", {"k": 2, "from_sorted_ids": True}, [(y, (-p).argsort(-1)) for y, p in SPARSE]),
    ("BinaryCrossentropy", {}, BINARY),
    ("BinaryCrossentropy", {"from_logits": True, "label_smoothing": 0.1}, batches(bits, numbers)),
    ("CategoricalCrossentropy", {}, ONE_HOT),
    ("CategoricalCrossentropy", {"from_logits": True, "label_smoothing": 0.1}, batches(one_hot, numbers)),
    ("SparseCategoricalCrossentropy", {}, SPARSE),
    ("SparseCategoricalCrossentropy", {"from_logits": True, "ignore_class": 1}, batches(labels, numbers)),
    ("KLDivergence", {}, batches(probabilities, probabilities)),
    ("Poisson", {}, BINARY),
    ("Hinge", {}, batches(bits, numbers)),
    ("SquaredHinge", {}, batches(bits, numbers)),
    ("CategoricalHinge", {}, batches(one_hot, numbers)),
    *[(name, {}, BINARY) for name in "TruePositives TrueNegatives FalsePositives FalseNegatives".split()],
    ("TruePositives", {"thresholds": [0.2, 0.7]}, COLUMN),
    ("Precision", {}, BINARY),
    ("Precision", {"thresholds": 0.3}, COLUMN),
    ("Precision", {"thresholds": [0.2, 0.7]}, BINARY),
    ("Precision", {"top_k": 2}, BINARY),
    ("Precision", {"top_k": 2, "class_id": 1}, BINARY),
    ("Recall", {}, BINARY),
    ("Recall", {"thresholds": [0.2, 0.7], "class_id": 2}, BINARY),
    ("Recall", {"top_k": 2}, BINARY),
    ("AUC", {}, COLUMN),
    ("AUC", {}, BINARY),
    *[
        ("AUC", {"curve": curve, "summation_method": method, "num_thresholds": 11}, BINARY)
        for curve in ("ROC", "PR", "PRGAIN")
        for method in ("interpolation", "minoring", "majoring")
    ],
    ("AUC", {"thresholds": [0.1, 0.5, 0.6]}, BINARY),
    ("AUC", {"from_logits": True, "num_thresholds": 20}, batches(bits, numbers)),
    ("AUC", {"multi_label": True}, BINARY),
    ("AUC", {"multi_label": True, "curve": "PR", "num_labels": K}, BINARY),
    ("AUC", {"multi_label": True, "thresholds": [0.1, 0.5, 0.6]}, BINARY),
    ("SensitivityAtSpecificity", {"specificity": 0.6}, BINARY),
    ("SpecificityAtSensitivity", {"sensitivity": 0.6}, COLUMN),
    ("PrecisionAtRecall", {"recall": 0.6, "num_thresholds": 50}, BINARY),
    ("RecallAtPrecision", {"precision": 0.6, "class_id": 1}, BINARY),
    ("PrecisionAtRecall", {"recall": 0.6, "num_thresholds": 1}, BINARY),
    *[("F1Score", {"average": average}, ONE_HOT) for average in (None, "micro", "macro", "weighted")],
    ("FBetaScore", {"beta": 2.0, "threshold": 0.4, "average": "macro"}, BINARY),
    ("IoU", {"num_classes": K, "target_class_ids": [0, 2]}, batches(labels, labels)),
    ("IoU", {"num_classes": K, "target_class_ids": [0, 2], "ignore_class": 1}, batches(labels, labels)),
    ("IoU", {"num_classes": K, "target_class_ids": [1], "sparse_y_pred": False, "dtype": "float32"}, SPARSE),
    ("MeanIoU", {"num_classes": K}, batches(labels, labels)),
    ("BinaryIoU", {"threshold": 0.3}, COLUMN),
    ("OneHotIoU", {"num_classes": K, "target_class_ids": [0, 2]}, ONE_HOT),
    ("OneHotMeanIoU", {"num_classes": K}, ONE_HOT),
]
# These do not take one weight a sample in Keras, or truncate it to an integer.
UNWEIGHTED = ("IoU", "MeanIoU", "BinaryIoU", "OneHotIoU", "OneHotMeanIoU")


@pytest.mark.parity
@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
@pytest.mark.parametrize("name, arguments, data", ROWS, ids=[f"{r[0]}-{list(r[1].values())}" for r in ROWS])
def test_numbers(name, arguments, data, weighted):
    keras = pytest.importorskip("keras")
    arguments = {**arguments, "name": "m"}
    ours, theirs = (getattr(library.metrics, name)(**arguments) for library in (hornbook, keras))
    for y_true, y_pred in data:
        weights = np.linspace(0.5, 2.0, N) if weighted else None
        if weighted and name in UNWEIGHTED:
            weights = np.arange(N)
        for metric in (ours, theirs):
            metric.update_state(y_true, y_pred, sample_weight=weights)
        np.testing.assert_allclose(ours.result(), np.asarray(theirs.result()), rtol=5e-5, atol=1e-5)
    described = [[(v.name, v.path, tuple(v.shape), v.dtype) for v in m.variables] for m in (ours, theirs)]
    assert described[0] == described[1]
    for mine, other in zip(ours.variables, theirs.variables, strict=True):
        np.testing.assert_allclose(mine.numpy(), np.asarray(other), rtol=1e-5, atol=1e-5)
    assert ours.dtype == theirs.dtype
    assert plain(ours.get_config()) == plain(theirs.get_config())
    again = metrics.deserialize(metrics.serialize(ours))
    assert type(again) is type(ours) and again.name == "m"
    ours.reset_state()
    assert all(not np.any(v.numpy()) for v in ours.variables)


def plain(config):
    return {
        key: list(map(float, value)) if key == "thresholds" and isinstance(value, list) else value
        for key, value in config.items()
    }


@pytest.mark.parity
@pytest.mark.parametrize("name", sorted({row[0] for row in ROWS} | {"Mean", "Sum", "MeanMetricWrapper", "Metric"}))
def test_signatures(name):
    keras = pytest.importorskip("keras")
    ours, theirs = (inspect.signature(getattr(library.metrics, name)) for library in (hornbook, keras))
    simple = [[(p.name, p.default) for p in s.parameters.values()] for s in (ours, theirs)]
    assert simple[0] == simple[1]
    ours, theirs = (getattr(getattr(library.metrics, name), "_direction", None) for library in (hornbook, keras))
    assert ours == theirs or theirs is None


@pytest.mark.parity
@pytest.mark.parametrize(
    "shapes",
    [((7,), None), ((7,), (7,)), ((), None), ((), ()), ((7, 3), None), ((7, 3), (7,)), ((7, 3), (7, 1)),
     ((7, 3), (7, 3)), ((7, 3), (1, 3)), ((7, 3), ()), ((7, 3, 2), (7, 3)), ((7,), (7, 1)), ((7, 1), (7,))],
    ids=str,
)  # fmt: skip
@pytest.mark.parametrize("name", ["Mean", "Sum"])
def test_shapes_of_weights(name, shapes):
    keras = pytest.importorskip("keras")
    values = rng.normal(size=shapes[0]).astype("float32")
    weights = None if shapes[1] is None else rng.uniform(size=shapes[1]).astype("float32")
    states = []
    for library in (hornbook, keras):
        metric = getattr(library.metrics, name)()
        metric.update_state(values, sample_weight=weights)
        states.append([np.asarray(v) for v in metric.variables])
    np.testing.assert_allclose(*states, rtol=1e-5)


@pytest.mark.parity
@pytest.mark.parametrize("weights", [None, np.arange(4.0)[:, None], np.full((4, 5), 0.5)], ids=["none", "row", "all"])
def test_masks(weights):
    keras = pytest.importorskip("keras")
    y_true, y_pred = rng.integers(0, 3, (4, 5)), rng.uniform(size=(4, 5, 3))
    mask = rng.uniform(size=(4, 5)) > 0.4
    states = []
    for library in (hornbook, keras):
        tensor = library.ops.convert_to_tensor(y_pred)
        tensor._keras_mask = library.ops.convert_to_tensor(mask)
        metric = library.metrics.SparseCategoricalAccuracy()
        metric.update_state(y_true, tensor, sample_weight=weights)
        states.append([np.asarray(v) for v in metric.variables])
    np.testing.assert_allclose(*states, rtol=1e-5)


@pytest.mark.parity
def test_functions():
    keras = pytest.importorskip("keras")
    for name, data in {
        "binary_accuracy": BINARY,
        "categorical_accuracy": ONE_HOT,
        "sparse_categorical_accuracy": SEQUENCE,
        "sparse_top_k_categorical_accuracy": SEQUENCE,
        "top_k_categorical_accuracy": ONE_HOT,
        "pearson_correlation": REGRESSION,
        "concordance_correlation": REGRESSION,
    }.items():
        ours, theirs = (getattr(library.metrics, name) for library in (hornbook, keras))
        np.testing.assert_allclose(ours(*data[0]), np.asarray(theirs(*data[0])), rtol=1e-4, atol=1e-6)
        assert list(inspect.signature(ours).parameters) == list(inspect.signature(theirs).parameters)


@pytest.mark.parametrize(
    "name, cls",
    [
        ("mse", "MeanSquaredError"),
        ("MSE", "MeanSquaredError"),
        ("mae", "MeanAbsoluteError"),
        ("mape", "MeanAbsolutePercentageError"),
        ("bce", "BinaryCrossentropy"),
        ("auc", "AUC"),
        ("AUC", "AUC"),
        ("accuracy", "Accuracy"),
        ("r2_score", "R2Score"),
        ("cosine_similarity", "CosineSimilarity"),
        ("kl_divergence", "KLDivergence"),
        ("precision", "Precision"),
    ],
)
def test_a_string_gives_a_metric(name, cls):
    assert type(metrics.get(name)).__name__ == cls


def test_stateless_leaves_the_metric_alone():
    metric = metrics.Mean()
    metric.update_state([1.0, 2.0])
    state = metric.stateless_update_state([ops.convert_to_tensor(10.0), ops.convert_to_tensor(1.0)], [2.0])
    assert [float(v) for v in state] == [12.0, 2.0]
    assert float(metric.stateless_result(state)) == 6.0
    assert [float(v) for v in metric.stateless_reset_state()] == [0.0, 0.0]
    assert float(metric.result()) == 1.5
    with pytest.raises(ValueError, match="each of the 2 variables"):
        metric.stateless_result([1.0])


def test_the_step_can_be_compiled():
    metric = metrics.SparseCategoricalAccuracy()
    auc = metrics.AUC(num_thresholds=10)

    @backend.compile
    def step(y_true, y_pred):
        metric.update_state(y_true, y_pred)
        auc.update_state(ops.one_hot(y_true, K), y_pred)
        return metric.result(), auc.result()

    eager = metrics.SparseCategoricalAccuracy()
    for y_true, y_pred in SPARSE:
        result, _ = step(ops.convert_to_tensor(y_true), ops.convert_to_tensor(y_pred))
        assert np.isclose(result, eager(y_true, y_pred))


def test_a_metric_that_holds_metrics():
    class Both(metrics.Metric):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.means = [metrics.Mean(name="a"), metrics.Mean(name="b")]
            self.steps = self.add_weight(name="steps")

        def update_state(self, values, sample_weight=None):
            self.steps.assign_add(1.0)
            self.means[0].update_state(values)

        def result(self):
            return {"mean": self.means[0].result(), "steps": self.steps.value}

    metric = Both(name="both")
    assert [v.path for v in metric.variables] == ["both/steps", "a/total", "a/count", "b/total", "b/count"]
    assert float(metric([1.0, 3.0])["mean"]) == 2.0
    metric.reset_state()
    assert float(metric.result()["steps"]) == 0.0
    assert metric.get_config() == {"name": "both", "dtype": "float32"}


def test_a_wrapped_function():
    metric = metrics.MeanMetricWrapper(losses.huber, name="h", delta=2.0)
    metric.update_state([[0.0]], [[1.0]])
    again = metrics.deserialize(metrics.serialize(metric))
    assert np.isclose(again([[0.0]], [[1.0]]), metric.result())
    assert metric.get_config()["delta"] == 2.0


def test_label_weights():
    y_true, y_pred = BINARY[0]
    areas = [float(metrics.AUC()(y_true[:, i], y_pred[:, i])) for i in range(K)]
    weights = [1.0, 2.0, 3.0, 4.0]
    metric = metrics.AUC(multi_label=True, label_weights=weights)
    assert np.isclose(metric(y_true, y_pred), np.average(areas, weights=weights), atol=1e-5)
    assert metrics.deserialize(metrics.serialize(metric)).label_weights.tolist() == weights


def test_one_weight_a_sample_goes_with_a_mask():
    y_pred = ops.convert_to_tensor([[[0.9, 0.1], [0.9, 0.1]], [[0.1, 0.9], [0.9, 0.1]]])
    y_pred._keras_mask = ops.convert_to_tensor([[True, False], [True, True]])
    metric = metrics.SparseCategoricalAccuracy()
    metric.update_state([[0, 1], [1, 1]], y_pred, sample_weight=[1.0, 3.0])
    assert np.isclose(metric.result(), (1.0 + 3.0) / (1.0 + 3.0 + 3.0))


class Forgetful(metrics.Metric):
    def __init__(self):
        self.total = self.add_weight(name="total")


@pytest.mark.parametrize(
    "call, error, words",
    [
        (lambda: metrics.Precision(thresholds=[1.5]), ValueError, r"between 0 and 1, got \[1.5\]"),
        (lambda: metrics.AUC(curve="XX"), ValueError, "'ROC', 'PR' or 'PRGAIN', got 'XX'"),
        (lambda: metrics.AUC(summation_method="x"), ValueError, "minoring"),
        (lambda: metrics.AUC(num_thresholds=1), ValueError, "greater than 1"),
        (lambda: metrics.AUC(multi_label=True)([0, 1], [0.1, 0.2]), ValueError, r"\(batch, labels\)"),
        (lambda: metrics.R2Score()([0.0], [1.0]), ValueError, r"\(batch, outputs\)"),
        (lambda: metrics.R2Score(class_aggregation="x"), ValueError, "uniform_average"),
        (lambda: metrics.F1Score(average="x"), ValueError, "'micro', 'macro' or 'weighted'"),
        (lambda: metrics.FBetaScore(beta=2), ValueError, "positive float"),
        (lambda: metrics.PrecisionAtRecall(1.5), ValueError, "recall must be between 0 and 1"),
        (lambda: metrics.BinaryAccuracy(threshold=2), ValueError, "between 0 and 1"),
        (lambda: metrics.IoU(2, [2]), ValueError, "below num_classes=2"),
        (lambda: metrics.Precision()([0, 1], [0.1, 0.2, 0.3]), ValueError, "same shape"),
        (lambda: metrics.Mean()([1.0, 2.0], sample_weight=[1.0, 2.0, 3.0]), ValueError, "sample_weight"),
        (lambda: metrics.get("preciison"), ValueError, "precision"),
        (Forgetful, RuntimeError, r"super\(\).__init__\(\)"),
    ],
)
def test_errors_teach(call, error, words):
    with pytest.raises(error, match=words):
        call()
