"""The recipes on the framework alone, two steps each: what they give is finite and where it must be."""

import math

import numpy as np
import pytest

# name, figure, between, options
ROWS = [
    ("reuters_topics", "test_accuracy", (0, 1), ()),
    ("california_housing", "mean_absolute_error", (0, 1e7), ()),
    ("fraud_mammography", "average_precision", (0, 1), ()),
    ("recommendation", "rmse", (0, 5), ("--tiny",)),
    ("heart_disease", "area", (0, 1), ()),
    ("breast_cancer", "area", (0, 1), ()),
    ("airline_passengers", "mean_absolute_error", (0, 1000), ()),
    ("custom_training_loop", "largest_difference", (0, 1e-5), ()),
]


@pytest.mark.parametrize(("name", "figure", "between", "options"), ROWS, ids=[row[0] for row in ROWS])
def test_two_steps(name, figure, between, options, smoke, hornbook_data):
    if name.startswith("cartpole"):
        pytest.importorskip("gymnasium")
    found = smoke(name, *options)
    assert between[0] <= found[figure] <= between[1] and math.isfinite(found[figure])


@pytest.mark.parity
def test_average_precision_as_in_scikit_learn():
    metrics = pytest.importorskip("sklearn.metrics")
    from fraud_mammography import average_precision

    rng = np.random.default_rng(0)
    labels, scores = (rng.random(500) < 0.1).astype(int), rng.random(500)
    assert average_precision(labels, scores) == pytest.approx(metrics.average_precision_score(labels, scores))
