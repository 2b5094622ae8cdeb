"""The recipes on masks and on weights that are used again run for two steps."""

import pytest


def test_scenes_are_segmented(smoke, tmp_path):
    found = smoke("segment_shapes")
    assert all(0 <= found[f"mean_iou_{name}"] <= 1 for name in ("unet", "deeplab", "segformer"))
    assert (tmp_path / "segment_shapes_found.png").is_file() and (tmp_path / "segment_shapes_unet.keras").is_file()


def test_weights_are_used_again(smoke, hornbook_data, tmp_path):
    found = smoke("transfer_learning")
    assert found["gain"] == pytest.approx(found["accuracy_transferred"] - found["accuracy_from_scratch"])
    assert (tmp_path / "transfer_learning.keras").is_file()
