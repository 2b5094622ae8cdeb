"""LoRA adapters in PEFT's format, in and out: the numbers of PEFT, and files as it lays them out."""

import json

import numpy as np
import pytest
from tests.hub.twins import TWINS, batch

import hornbook_hub as hub
from hornbook import lora
from hornbook.saving.safetensors import Tensors
from hornbook_hub.weights import save_tensors

CONFIG = {"peft_type": "LORA", "r": 2, "lora_alpha": 4, "target_modules": ["query"], "bias": "none"}
QUERY = "base_model.model.bert.encoder.layer.0.attention.self.query"


def write(folder, config, tensors):
    folder.mkdir(exist_ok=True)
    (folder / "adapter_config.json").write_text(json.dumps(config))
    save_tensors(tensors, folder / "adapter_model.safetensors")
    return folder


def halves(rank=2, width=128):
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((rank, width), "float32"), rng.standard_normal((width, rank), "float32")
    return {f"{QUERY}.lora_A.weight": a, f"{QUERY}.lora_B.weight": b}


@pytest.mark.parametrize(("rslora", "scale"), [(False, 2.0), (True, 4 / 2**0.5)])
def test_a_file_laid_out_by_hand(rslora, scale, tmp_path):
    tensors = halves()
    model = hub.load("bert_tiny", task="text_classifier")
    tensors["base_model.model.classifier.weight"] = np.full((2, 128), 0.5, "float32")
    folder = write(tmp_path / "x", {**CONFIG, "use_rslora": rslora, "modules_to_save": ["classifier"]}, tensors)
    layer = model.backbone.blocks[0].attention.query
    before = layer.kernel.numpy()
    model.load_adapter(folder)
    a, b = (tensors[f"{QUERY}.lora_{letter}.weight"] for letter in "AB")
    np.testing.assert_allclose(layer.whole_weight(), before + scale * (b @ a).T, rtol=1e-5, atol=1e-5)
    assert np.all(model.head.classifier.kernel.numpy() == 0.5)

    model.save_adapter(tmp_path / "again")
    config = json.loads((tmp_path / "again" / "adapter_config.json").read_text())
    assert (config["r"], config["task_type"], config["modules_to_save"]) == (2, "SEQ_CLS", ["classifier"])
    assert config["target_modules"] == [QUERY.removeprefix("base_model.model.")]
    np.testing.assert_allclose(config["lora_alpha"] / config["r"], scale)
    found = Tensors(tmp_path / "again" / "adapter_model.safetensors")
    for name, array in tensors.items():
        np.testing.assert_array_equal(found[name], array)

    merged = hub.load("bert_tiny", task="text_classifier")
    merged.load_adapter(tmp_path / "again", merge=True)
    kernel = merged.backbone.blocks[0].attention.query
    assert not kernel.lora_enabled
    np.testing.assert_allclose(kernel.kernel.numpy(), layer.whole_weight(), rtol=1e-6, atol=1e-6)
    with pytest.raises(ValueError, match="has a correction already"):
        model.load_adapter(folder)


def test_corrections_alone_are_trained():
    model = hub.load("bert_tiny", task="text_classifier")
    model.enable_lora(2, ["query", "value"])
    names = [weight.name for weight in model.trainable_weights]
    assert names == ["lora_kernel_a", "lora_kernel_b"] * 4 + ["kernel", "bias"]
    before = [weight.numpy() for weight in model.backbone.weights]
    model.compile("adam", model.loss)
    model.fit(["one", "two"], np.array([0, 1]), epochs=2, verbose=0)
    moved = [bool(np.any(weight.numpy() != old)) for weight, old in zip(model.backbone.weights, before, strict=True)]
    assert moved == [weight.trainable for weight in model.backbone.weights]
    with pytest.raises(ValueError, match="corrections already"):
        model.enable_lora(2)
    assert [weight.name for weight in model.trainable_weights] == names
    with pytest.raises(ValueError, match="named as one of .'q_proj'.; the dense layers are .'intermediate', 'key'"):
        hub.load("bert_tiny").enable_lora(2, ["q_proj"])


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"use_dora": True}, "use_dora"),
        ({"peft_type": "IA3"}, "IA3"),
        ({"bias": "all"}, "bias"),
        ({"init_lora_weights": "pissa"}, "pissa"),
        ({"layer_replication": [[0, 1]]}, "layer_replication"),
        ({"an_option_of_tomorrow": 1}, "an_option_of_tomorrow"),
        ({"alpha_pattern": {"(a+)+$": 3}}, "regular expressions"),
        ({"lora_alpha": "many"}, "no number"),
    ],
)
def test_options_that_are_not_computed_with_are_named(settings, words, tmp_path):
    model = hub.load("bert_tiny", task="backbone")
    with pytest.raises(ValueError, match=words):
        model.load_adapter(write(tmp_path / "x", CONFIG | settings, halves()))


def test_files_that_do_not_fit_are_refused_before_anything_changes(tmp_path):
    model = hub.load("bert_tiny")
    half = {f"{QUERY}.lora_A.weight": halves()[f"{QUERY}.lora_A.weight"]}
    elsewhere = {name.replace("layer.0", "layer.9"): array for name, array in halves().items()}
    table = "base_model.model.bert.embeddings.word_embeddings.lora_embedding_"
    shared = {f"{table}A": np.ones((2, 4096), "float32"), f"{table}B": np.ones((128, 2), "float32")}
    norm = {"base_model.model.bert.embeddings.LayerNorm.lora_A.weight": np.ones((2, 128), "float32")}
    cases = [(half, "one half"), (elsewhere, "without a place.*layer.9"), (halves(width=64), "a product of")]
    for tensors, words in [*cases, ({**halves(), **shared}, "which the head shares"), (norm, "without a place")]:
        with pytest.raises(ValueError, match=words):
            model.load_adapter(write(tmp_path / "x", CONFIG, tensors))
        assert not any(getattr(layer, "lora_enabled", False) for layer in model._flatten_layers())
    (tmp_path / "x" / "adapter_model.safetensors").unlink()
    with pytest.raises(FileNotFoundError, match="adapter_model.bin"):
        model.load_adapter(tmp_path / "x")
    with pytest.raises(ValueError, match="no corrections"):
        model.save_adapter(tmp_path / "y")


ROWS = [
    ("bert", "text_classifier", {"target_modules": ["query", "value", "dense"], "modules_to_save": ["classifier"]}),
    ("llama", "causal_lm", {"target_modules": ["q_proj", "down_proj", "embed_tokens"], "use_rslora": True}),
    (
        "llama",
        "backbone",
        {"target_modules": "all-linear", "rank_pattern": {"q_proj": 5}, "alpha_pattern": {"q_proj": 3}},
    ),
    ("gpt2", "causal_lm", {"target_modules": ["c_attn", "c_fc"], "fan_in_fan_out": True}),
]


@pytest.mark.parity
@pytest.mark.parametrize(("name", "task", "settings"), ROWS)
def test_the_numbers_of_peft(name, task, settings, tmp_path):
    torch = pytest.importorskip("torch", reason="PyTorch runs the reference")
    transformers = pytest.importorskip("transformers", reason="transformers holds the models")
    peft = pytest.importorskip("peft", reason="PEFT is the reference")
    twin = TWINS[name]
    torch.manual_seed(0)
    base = getattr(transformers, twin.classes[task])(getattr(transformers, twin.config)(**twin.settings)).eval()
    base.save_pretrained(tmp_path / "base")
    reference = peft.get_peft_model(base, peft.LoraConfig(r=3, lora_alpha=5, **settings)).eval()
    for parameter in reference.parameters():
        if parameter.requires_grad:
            torch.nn.init.normal_(parameter, std=0.2)
    reference.save_pretrained(tmp_path / "adapter", save_embedding_layers="embed_tokens" in settings["target_modules"])
    arrays = batch(twin)

    def theirs(model):
        outputs = model(**{key: torch.tensor(value) for key, value in arrays.items()})
        return (outputs.last_hidden_state if task == "backbone" else outputs.logits).detach().numpy()

    def ours(model):
        outputs = model(arrays)
        return np.asarray(outputs["last_hidden_state"] if task == "backbone" else outputs)

    def close(found, wanted):
        if found.shape[:2] == (3, 9):
            there = arrays["attention_mask"].astype(bool)
            found, wanted = found[there], wanted[there]
        assert np.abs(found - wanted).max() <= 1e-5 * np.abs(wanted).max()

    wanted = theirs(reference)
    apart, merged = hub.load(tmp_path / "base"), hub.load(tmp_path / "base")
    apart.load_adapter(tmp_path / "adapter")
    merged.load_adapter(tmp_path / "adapter", merge=True)
    close(ours(apart), wanted)
    close(ours(merged), wanted)

    apart.save_adapter(tmp_path / "back")
    again = getattr(transformers, twin.classes[task]).from_pretrained(tmp_path / "base")
    close(theirs(peft.PeftModel.from_pretrained(again, tmp_path / "back").eval()), wanted)
    lora.merge(apart)
    close(ours(apart), wanted)
