"""The recipes on the framework alone, two steps each: what they give is finite and where it must be."""

import math
import sys

import numpy as np
import pytest

# name, figure, between, options
ROWS = [
    ("reuters_topics", "test_accuracy", (0, 1), ()),
    ("california_housing", "mean_absolute_error", (0, 1e7), ()),
    ("fraud_mammography", "average_precision", (0, 1), ()),
    ("recommendation", "rmse", (0, 5), ("--tiny",)),
    ("airline_passengers", "mean_absolute_error", (0, 1000), ()),
    ("cartpole_dqn", "mean_return", (1, 20), ()),
    ("quantization", "share_of_bytes_int4", (0, 0.16), ()),
]
SIBLINGS = [
    ("custom_training_loop", "largest_difference", (0, 1e-5), ()),
    ("cartpole_reinforce", "mean_return", (1, 20), ()),
    ("heart_disease", "area", (0, 1), ()),
    ("variational_autoencoder", "negative_elbo", (0, 1000), ()),
    ("keyword_spotting", "test_accuracy", (0, 1), ("--tiny", "--batch-size", "8")),
    ("mixed_precision", "accuracy_difference", (0, 1), ()),
    ("cifar10_resnet", "test_accuracy", (0, 1), ("--batch-size", "8")),
    ("imdb_transformer", "test_accuracy", (0, 1), ("--batch-size", "8")),
    ("breast_cancer", "area", (0, 1), ()),
    ("time_series_pollution", "mean_absolute_error", (0, 1000), ("--batch-size", "8")),
    ("autoencoder_mnist", "mean_square_error", (0, 1), ()),
    ("metric_learning", "recall_at_1", (0, 1), ("--batch-size", "16")),
    ("fashion_mnist_convnet", "test_accuracy", (0, 1), ()),
    ("imdb_lstm", "test_accuracy", (0, 1), ("--batch-size", "8")),
    ("translation_spa_eng", "bleu", (0, 100), ("--batch-size", "8")),
    ("diffusion_mnist", "mean_square_error", (0, 5), ("--batch-size", "4")),
]


@pytest.mark.parametrize(
    ("name", "figure", "between", "options"),
    [*ROWS, *(pytest.param(*row, marks=pytest.mark.exhaustive) for row in SIBLINGS)],
)
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


def test_bleu():
    from translation_spa_eng import bleu

    sentence = "uno dos tres cuatro cinco".split()
    assert bleu([sentence], [[["otra", "cosa"], sentence]]) == pytest.approx(100)
    assert bleu([sentence], [["uno dos tres cuatro seis".split()]]) == pytest.approx(
        100 * (4 / 5 * 3 / 4 * 2 / 3 / 2) ** 0.25
    )
    assert bleu([sentence[:4]], [[sentence]]) == pytest.approx(100 * math.exp(1 - 5 / 4))  # all right, but too short
    assert bleu([["no"] * 7], [["no no".split()]]) < 1  # what is said too often counts as often as it is wanted


def test_what_comes_after_a_push_is_compared_with_other_games():
    from cartpole_reinforce import DISCOUNT, advantages

    playing = np.array([[1, 1], [1, 0], [1, 0]], bool)  # one pole falls after a step, the other after three
    longer = 1 + DISCOUNT + DISCOUNT**2
    weights = advantages(playing)
    assert weights[0, 0] == -weights[0, 1] > 0 and weights[1, 1] == 0 and weights[1, 0] > weights[2, 0] > 0
    returns = [longer, 1 + DISCOUNT, 1, 1]
    assert weights[0, 0] == pytest.approx((longer - (longer + 1) / 2) / np.std(returns))


def test_without_gymnasium_a_game_says_what_to_install(smoke, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "gymnasium", None)
    with pytest.raises(SystemExit) as ended:
        smoke("cartpole_reinforce")
    assert ended.value.code == 2 and 'pip install "hornbook[rl]"' in capsys.readouterr().err
