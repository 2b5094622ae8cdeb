"""Checkpoints that read images too: the part that reads texts is opened, and equals the whole on texts."""

import json

import numpy as np
import pytest

import hornbook_hub as hub

torch = pytest.importorskip("torch", reason="PyTorch runs the reference")
transformers = pytest.importorskip("transformers", reason="transformers is the reference")
pytestmark = pytest.mark.parity

TEXT = {
    **{"vocab_size": 60, "hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2},
    **{"num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 8},
}
VISION = {
    **{"hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 1, "num_attention_heads": 2},
    **{"image_size": 28, "patch_size": 14},
}


def gemma3():
    images = {"mm_tokens_per_image": 4, "image_token_index": 59, "boi_token_index": 57, "eoi_token_index": 58}
    config = transformers.Gemma3Config(text_config=TEXT, vision_config=VISION, **images)
    return transformers.Gemma3ForConditionalGeneration(config)


def gemma4():
    layers = ["sliding_attention", "full_attention"]
    text = {**TEXT, "hidden_size_per_layer_input": 8, "vocab_size_per_layer_input": 60, "layer_types": layers}
    config = transformers.Gemma4Config(text_config={**text, "num_kv_shared_layers": 0})
    config.vision_config = config.audio_config = None
    return transformers.Gemma4ForConditionalGeneration(config)


@pytest.mark.parametrize("make", [gemma3, gemma4])
def test_the_part_that_reads_texts(make, tmp_path, caplog):
    torch.manual_seed(0)
    model = make().eval()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    model.save_pretrained(tmp_path / "whole")
    ours = hub.load(tmp_path / "whole")
    assert ours.task == "causal_lm" and "the part that reads texts is loaded" in caplog.text
    ids = np.random.default_rng(0).integers(2, 50, (2, 9))
    with torch.no_grad():
        wanted = model(input_ids=torch.tensor(ids)).logits.numpy()
    found = ours.predict({"input_ids": ids}, verbose=0)
    assert np.abs(found - wanted).max() <= 1e-5 * np.abs(wanted).max()

    ours.save_to_preset(tmp_path / "part")
    kind = json.loads((tmp_path / "part" / "config.json").read_text())["model_type"]
    assert kind == f"{make.__name__}_text"
    again = transformers.AutoModelForCausalLM.from_pretrained(tmp_path / "part").eval()
    with torch.no_grad():
        np.testing.assert_allclose(again(input_ids=torch.tensor(ids)).logits.numpy(), wanted, rtol=1e-4, atol=1e-5)


def test_a_whole_without_its_part_is_refused(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "gemma3", "vision_config": {}}))
    with pytest.raises(ValueError, match="needs a text_config"):
        hub.load(tmp_path)
