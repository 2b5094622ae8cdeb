"""KerasHub's names of presets stand here for the same checkpoints."""

import ast
import importlib.util
from pathlib import Path

import pytest

from hornbook_hub.checkpoints import PRESETS

pytestmark = pytest.mark.parity

ARCHITECTURES = {  # family -> its folder in KerasHub, where that has another name
    "distilbert": "distil_bert",
    "xlm-roberta": "xlm_roberta",
    "gemma2": "gemma",
    "gemma3_text": "gemma3",
    "qwen2": "qwen",
}
# How many parameters more KerasHub says. What differs is named; where nothing is, the figures are the same.
POOLERS = {width: width * width + width for width in (192, 256, 768, 1024)}
DIFFERENCES = {
    # The numbers of the positions, which are no weights.
    **{"clip_vit_base_patch32": 50, "clip_vit_base_patch16": 197, "clip_vit_large_patch14": 257},
    "siglip_base_patch16_224": 196 + 64,
    # A pooler, which is not there.
    **{"deit_tiny_distilled_patch16_224_imagenet": -POOLERS[192], "vit_large_patch16_224_imagenet": -POOLERS[1024]},
    **{f"{name}_imagenet": -POOLERS[768] for name in ("deit_base_distilled_patch16_224", "vit_base_patch16_224")},
    "vit_base_patch16_224_imagenet21k": -POOLERS[768],
    # ... and three rows of positions and segments that nothing looks up.
    **{f"{name}_base{end}": -POOLERS[768] - 3 * 768 for name, end in (("roberta", "_en"), ("xlm_roberta", "_multi"))},
    **{
        f"{name}_large{end}": -POOLERS[1024] - 3 * 1024 for name, end in (("roberta", "_en"), ("xlm_roberta", "_multi"))
    },
    # A pooler that the published files do not hold.
    **{
        f"electra_{size}_discriminator_uncased_en": POOLERS[width]
        for size, width in (("small", 256), ("base", 768), ("large", 1024))
    },
    **{f"dinov2_{size}": 1370 * width for size, width in (("small", 384), ("base", 768), ("large", 1024))},  # twice
    "whisper_tiny_en": -1500 * 384,  # without the positions of the sound
    "whisper_base_en": 124_439_808 - 72_593_408,  # the figure of another model
    "qwen2.5_7b_en": 6_993_420_288 - 7_615_616_512,  # as above
    "gemma3_4b": 4_299_915_632 - 3_880_099_328,  # with the part that sees
}


@pytest.fixture(scope="module")
def known():
    """name -> (architecture, parameters) of KerasHub's presets, read without importing it."""
    package = importlib.util.find_spec("keras_hub")
    if package is None or package.origin is None:
        pytest.skip("keras_hub is not installed; it is the reference")
    found = {}
    for path in (Path(package.origin).parent / "src" / "models").glob("*/*_presets.py"):
        tables = [node for node in ast.parse(path.read_text()).body if isinstance(node, ast.Assign)]
        for table in tables:
            if not isinstance(table.value, ast.Dict):
                continue
            for key, row in zip(table.value.keys, table.value.values, strict=True):
                if isinstance(key, ast.Constant) and isinstance(row, ast.Dict):
                    metadata = ast.literal_eval(row)["metadata"]
                    found[key.value] = (path.parent.name, metadata["params"])
    assert len(found) > 400
    return found


def test_other_names_are_those_of_kerashub(known):
    for kind, rows in PRESETS.items():
        for name, row in rows.items():
            for other in row["aliases"]:
                assert known[other][0] == ARCHITECTURES.get(kind, kind), other
            assert name not in known or known[name][0] == ARCHITECTURES.get(kind, kind), name


def test_they_have_as_many_parameters(known):
    compared, differing = 0, set()
    for kind, rows in PRESETS.items():
        if kind == "segformer":  # there with a head of the classes of something else
            continue
        for name, row in rows.items():
            for other in {name, *row["aliases"]} & set(known):
                assert known[other][1] - row["parameters"] == DIFFERENCES.get(other, 0), other
                compared += 1
                differing |= {other} & set(DIFFERENCES)
    assert compared > 55 and differing == set(DIFFERENCES)
