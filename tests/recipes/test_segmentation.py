"""The recipes on masks and on weights that are used again run for two steps."""

import pytest


def test_scenes_are_segmented(smoke, tmp_path):
    assert 0 <= smoke("segment_shapes")["mean_iou"] <= 1
    assert (tmp_path / "segment_shapes_found.png").is_file() and (tmp_path / "segment_shapes.keras").is_file()


def test_weights_are_used_again(smoke, hornbook_data, tmp_path):
    found = smoke("transfer_learning")
    assert found["gain"] == pytest.approx(found["accuracy_transferred"] - found["accuracy_from_scratch"])
    assert (tmp_path / "transfer_learning.keras").is_file()
