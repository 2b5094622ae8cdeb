"""Recipes that search and that keep books."""

import pytest


def test_a_search_for_hyperparameters(smoke, hornbook_data, tmp_path):
    pytest.importorskip("hornbook.tuner", reason="keras-tuner chooses the hyperparameters", exc_type=ImportError)
    found = smoke("hyperparameter_search")
    assert found["trials"] >= 2 and -1 <= found["gain"] <= 1 and 1 <= found["best"]["layers"] <= 3
    assert (tmp_path / "search.png").is_file()


def test_all_trackers_hold_what_fit_saw(smoke, hornbook_data):
    found = smoke("experiment_tracking")
    assert {"csv", "tensorboard"} <= set(found["trackers"]) and all(found["equal"].values())
