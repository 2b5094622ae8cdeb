"""Decoders: reading piece by piece with a cache, and configs as older files spell them."""

import json
from typing import Any

import numpy as np
import pytest
from tests.hub.test_exact import made
from tests.hub.twins import TWINS

import hornbook as keras
import hornbook_hub as hub
from hornbook import ops
from hornbook_hub.decoders import NOWHERE
from hornbook_hub.families import FAMILIES

torch = pytest.importorskip("torch", reason="PyTorch runs the reference")
transformers = pytest.importorskip("transformers", reason="transformers is the reference")
DECODERS = [name for name, twin in TWINS.items() if "causal_lm" in twin.classes]


@pytest.mark.parity
@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=[] if n in FAMILIES else pytest.mark.exhaustive) for n in DECODERS]
)
def test_piece_by_piece_is_as_the_whole_text(name, tmp_path):
    made(name, "causal_lm").save_pretrained(tmp_path)
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


def test_gemma4_sizes_in_both_spellings():
    config_class = FAMILIES["gemma4_text"].BACKBONE.config_class
    sizes = {"num_hidden_layers": 6, "num_kv_shared_layers": 2, "attention_k_eq_v": True}
    sizes["layer_types"] = ["sliding_attention", "full_attention"] * 3
    first = config_class(**sizes, global_head_dim=64, num_global_key_value_heads=1)
    later = config_class(
        **sizes, per_layer_config={str(i): {"head_dim": 64, "num_key_value_heads": 1} for i in (1, 3, 5)}
    )
    assert first.to_dict() == later.to_dict()
    assert [later.head_dim_of(i) for i in range(2)] == [256, 64]
    assert [later.key_value_heads_of(i) for i in range(2)] == [4, 1]
    assert [later.shares(i) for i in range(6)] == [None, None, None, None, 2, 3]
    rows = FAMILIES["gemma4_text"].WEIGHTS(later)  # published files hold what sharing layers do not use
    assert rows["layers.4.self_attn.k_proj.weight"] == rows["layers.1.self_attn.v_proj.weight"] == (None, None)
    with pytest.raises(ValueError, match="the same sizes"):
        config_class(**sizes, per_layer_config={"1": {"head_dim": 64}, "3": {"head_dim": 32}})


def test_layer_types_fit_the_layers():
    with pytest.raises(ValueError, match="each of 3 layers"):
        FAMILIES["qwen2"].BACKBONE.config_class(num_hidden_layers=3, layer_types=["full_attention"] * 2)


@pytest.fixture
def policy(request):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(request.param)
    yield request.param
    keras.config.set_dtype_policy(before)


@pytest.mark.parametrize("policy", ["bfloat16"], indirect=True)
def test_gemma_scales_vectors_as_the_dtype_rounds(policy):
    sizes = {"vocab_size": 4, "hidden_size": 3072, "intermediate_size": 4, "num_hidden_layers": 1, "head_dim": 2}
    config = FAMILIES["gemma"].BACKBONE.config_class(num_attention_heads=1, num_key_value_heads=1, **sizes)
    backbone = FAMILIES["gemma"].BACKBONE(config)
    backbone.token_embedding.embeddings.assign(np.ones((4, 3072)))
    found = backbone.embed(ops.array([[1]]), None)
    assert found.dtype.name == policy
    assert float(np.asarray(found, "float32")[0, 0, 0]) == 55.5  # the root is 55.4256


@pytest.mark.parity
@pytest.mark.parametrize("policy", ["float16", "mixed_bfloat16"], indirect=True)
def test_short_floats_with_padding(policy, tmp_path):
    model = made("gemma2", "causal_lm")
    model.save_pretrained(tmp_path)
    arrays = {"input_ids": np.full((1, 6), 7), "attention_mask": np.array([[0, 0, 1, 1, 1, 1]])}
    found = np.asarray(hub.load(tmp_path)(arrays), "float32")[:, 2:]
    wanted = model(**{key: torch.tensor(value) for key, value in arrays.items()}).logits.detach().numpy()[:, 2:]
    assert np.abs(found - wanted).max() <= 0.05 * np.abs(wanted).max()


def test_each_name_of_a_preset_is_one_preset():
    names = [name for preset in hub.presets() for name in (preset["name"], *preset.get("aliases", ()))]
    assert len(names) == len(set(names))
