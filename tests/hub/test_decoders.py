"""Decoders: reading piece by piece with a cache, and configs as older files spell them."""

import json
from typing import Any

import numpy as np
import pytest
from tests.hub.test_exact import made
from tests.hub.twins import TWINS

import hornbook_hub as hub
from hornbook import ops
from hornbook_hub.decoders import NOWHERE
from hornbook_hub.families import FAMILIES

transformers = pytest.importorskip("transformers", reason="transformers is the reference")
DECODERS = [name for name, twin in TWINS.items() if "causal_lm" in twin.classes]


@pytest.mark.parity
@pytest.mark.parametrize("name", DECODERS)
def test_piece_by_piece_is_as_the_whole_text(name, tmp_path):
    made(name, "backbone").save_pretrained(tmp_path)
    backbone = hub.load(tmp_path, task="backbone")
    longest, prefix = 9, 5
    lengths = [longest, 6, 3]  # of the last, the prefix holds nothing
    texts = np.random.default_rng(1).integers(5, TWINS[name].settings["vocab_size"], (3, longest))
    positions = np.arange(longest)[None] - (longest - np.array(lengths))[:, None]  # padding on the left
    positions = np.where(positions < 0, NOWHERE, positions).astype("int32")

    cache = backbone.new_cache(3, longest + 2)
    found = []
    for begin, end in [(0, prefix), *((i, i + 1) for i in range(prefix, longest))]:
        hidden, cache = backbone.decode(ops.array(texts[:, begin:end]), ops.array(positions[:, begin:end]), cache)
        found.append(np.asarray(hidden))
    found = np.concatenate(found, axis=1)
    for text, row, length in zip(texts, found, lengths, strict=True):
        wanted = np.asarray(backbone({"input_ids": text[None, longest - length :]})["last_hidden_state"])[0]
        assert np.abs(row[longest - length :] - wanted).max() <= 1e-5 * np.abs(wanted).max()


@pytest.mark.parity
@pytest.mark.parametrize("task", ["backbone", "text_classifier"])
def test_the_last_piece_stands_for_the_text(task, tmp_path):
    made("llama", task).save_pretrained(tmp_path)
    model = hub.load(tmp_path)
    ids = np.random.default_rng(2).integers(5, 60, (1, 6))
    padded = {"input_ids": np.pad(ids, ((0, 0), (0, 3))), "attention_mask": np.array([[1] * 6 + [0] * 3])}
    alone, beside = model({"input_ids": ids}), model(padded)
    if task == "backbone":
        alone, beside = alone["pooler_output"], beside["pooler_output"]
    np.testing.assert_allclose(alone, beside, rtol=1e-4, atol=1e-5)


def older(config: dict[str, Any]) -> dict[str, Any]:
    """A config of transformers 5 as transformers 4 wrote it."""
    config = {key: value for key, value in config.items() if key not in ("layer_types", "dtype")}
    rope = config.pop("rope_parameters", {})
    if "full_attention" in rope:
        config["rope_local_base_freq"] = rope["sliding_attention"]["rope_theta"]
        config["sliding_window_pattern"] = config.pop("_sliding_window_pattern")
        rope = rope["full_attention"]
    if rope:
        config["rope_theta"] = rope["rope_theta"]
        scaling = {key: value for key, value in rope.items() if key != "rope_theta"}
        config["rope_scaling"] = None if rope["rope_type"] == "default" else scaling
    return {**config, "torch_dtype": "float32"}


@pytest.mark.parametrize("name", [name for name in DECODERS if not name.startswith("gemma4")])
def test_older_spellings(name, tmp_path):
    config = getattr(transformers, TWINS[name].config)(**TWINS[name].settings)
    config.save_pretrained(tmp_path)
    newer = json.loads((tmp_path / "config.json").read_text())
    read = FAMILIES[config.model_type].BACKBONE.config_class.from_dict
    ours, from_older = read(newer).to_dict(), read(older(newer)).to_dict()
    keys = {"rope_parameters", "rope_theta", "rope_scaling", "rope_local_base_freq", "layer_types"} & set(ours)
    assert {key: ours[key] for key in keys} == {key: from_older[key] for key in keys}
    ours |= {"model_type": config.model_type}
    for written in (ours, older(ours)):  # what is written here says the same there, in either spelling
        (tmp_path / "config.json").write_text(json.dumps(written))
        again = transformers.AutoConfig.from_pretrained(tmp_path).to_dict()
        assert {key: again[key] for key in newer if key in again} == {key: config.to_dict()[key] for key in newer}
