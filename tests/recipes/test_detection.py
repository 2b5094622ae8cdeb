"""Detectors run for two steps, and leave a picture of what they found."""

import pytest


@pytest.mark.parametrize("model", ["retinanet", pytest.param("yolo", marks=pytest.mark.exhaustive)])
def test_detectors_of_shapes(model, smoke, tmp_path):
    from PIL import Image

    assert 0 <= smoke("detect_shapes", "--model", model)["AP50"] <= 1
    assert Image.open(tmp_path / "detect_shapes_found.png").size == (1152, 576)
    assert (tmp_path / "detect_shapes.keras").is_file()
