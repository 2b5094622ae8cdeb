"""timm's layout: its names over the weights of transformers' twins, which compute the same."""

import json
import re

import numpy as np
import pytest

import hornbook_hub as hub
from hornbook.saving.safetensors import Tensors
from hornbook_hub.weights import save_tensors

torch = pytest.importorskip("torch", reason="PyTorch runs the reference")
transformers = pytest.importorskip("transformers", reason="transformers is the reference")
pytestmark = pytest.mark.parity

CFG = {
    "tag": "a1_in1k",
    "input_size": [3, 32, 32],
    "fixed_input_size": True,
    "interpolation": "bicubic",
    "crop_pct": 0.9,
    "crop_mode": "center",
    "mean": [0.5, 0.4, 0.3],
    "std": [0.2, 0.3, 0.4],
    "num_classes": 3,
}
VIT = {"hidden_size": 192, "num_attention_heads": 3, "intermediate_size": 768, "image_size": 32, "layer_norm_eps": 1e-6}
BOTTLENECK = {"depths": [2, 2, 2, 2]}
BASIC = {"depths": [2, 2, 2, 2], "hidden_sizes": [64, 128, 256, 512], "layer_type": "basic"}
ROWS = {  # timm's architecture -> the twin's class and settings
    "vit_tiny_patch16_224": ("ViT", VIT),
    "resnet18": ("ResNet", BASIC),
    "resnet26": ("ResNet", BOTTLENECK),
}
RENAMES = {
    "ViT": [
        (r"^vit\.", ""),
        (r"embeddings\.cls_token", "cls_token"),
        (r"embeddings\.position_embeddings", "pos_embed"),
        (r"embeddings\.patch_embeddings\.projection", "patch_embed.proj"),
        (r"encoder\.layer\.(\d+)\.", r"blocks.\1."),
        (r"layernorm_before", "norm1"),
        (r"layernorm_after", "norm2"),
        (r"attention\.output\.dense", "attn.proj"),
        (r"intermediate\.dense", "mlp.fc1"),
        (r"output\.dense", "mlp.fc2"),
        (r"^layernorm", "norm"),
        (r"^classifier", "head"),
    ],
    "ResNet": [
        (r"^resnet\.", ""),
        (r"^embedder\.embedder\.convolution", "conv1"),
        (r"^embedder\.embedder\.normalization", "bn1"),
        (r"^encoder\.stages\.(\d+)\.layers\.", lambda m: f"layer{int(m[1]) + 1}."),
        (r"shortcut\.convolution", "downsample.0"),
        (r"shortcut\.normalization", "downsample.1"),
        (r"layer\.(\d+)\.convolution", lambda m: f"conv{int(m[1]) + 1}"),
        (r"layer\.(\d+)\.normalization", lambda m: f"bn{int(m[1]) + 1}"),
        (r"^classifier\.1", "fc"),
    ],
}


def twin(architecture, folder, classes=3):
    """A model of transformers, and a folder with its weights under timm's names."""
    name, settings = ROWS[architecture]
    config = getattr(transformers, f"{name}Config")(**settings, num_labels=classes)
    torch.manual_seed(0)
    model = getattr(transformers, f"{name}ForImageClassification")(config).eval()
    for parameter in model.parameters():
        if parameter.ndim == 1:
            torch.nn.init.normal_(parameter, mean=0.5, std=0.3)
    for key, buffer in model.named_buffers():
        if key.endswith("running_var"):
            torch.nn.init.uniform_(buffer, 0.5, 1.5)
    model.save_pretrained(folder / "theirs")
    tensors = {}
    for key, tensor in Tensors(folder / "theirs" / "model.safetensors").items():
        for old, new in RENAMES[name]:
            key = re.sub(old, new, key)
        tensors[key] = np.array(tensor)
    for key in [key for key in tensors if ".attention.attention.query." in key]:
        parts = [tensors.pop(key.replace("query", part)) for part in ("query", "key", "value")]
        tensors[key.replace("attention.attention.query", "attn.qkv")] = np.concatenate(parts)
    (folder / "timm").mkdir()
    save_tensors(tensors, folder / "timm" / "model.safetensors")
    pool = "token" if name == "ViT" else "avg"
    write(folder / "timm", architecture, num_classes=classes, num_features=192, global_pool=pool)
    return model


def write(folder, architecture, **more):
    config = {"architecture": architecture, "num_classes": 3, "pretrained_cfg": CFG, **more}
    if architecture.startswith("vit"):
        config.setdefault("model_args", {"img_size": [32, 32], "in_chans": 3})
    (folder / "config.json").write_text(json.dumps(config))


@pytest.mark.parametrize(
    "architecture",
    [
        pytest.param("vit_tiny_patch16_224"),
        pytest.param("resnet18"),
        pytest.param("resnet26", marks=pytest.mark.exhaustive),
    ],
)
def test_a_checkpoint_of_timm_gives_its_logits(architecture, tmp_path):
    model = twin(architecture, tmp_path)
    ours = hub.load(tmp_path / "timm")
    assert ours.task == "image_classifier" and ours.labels == ["LABEL_0", "LABEL_1", "LABEL_2"]
    pixels = np.random.default_rng(0).normal(size=(2, 32, 32, 3)).astype("float32")
    wanted = model(torch.tensor(np.moveaxis(pixels, -1, 1))).logits.detach().numpy()
    assert np.abs(wanted).max() > 0.1 and np.abs(wanted[0] - wanted[1]).max() > 1e-3  # it looks at the image
    found = np.asarray(ours({"pixel_values": pixels}))
    assert np.abs(found - wanted).max() <= 1e-5 * np.abs(wanted).max()

    ours.save_to_preset(tmp_path / "ours")  # in the layout of transformers
    first, second = (Tensors(tmp_path / side / "model.safetensors") for side in ("theirs", "ours"))
    assert set(first) == set(second)
    for name in first:
        np.testing.assert_array_equal(first[name], second[name], err_msg=name)


def test_images_are_prepared_as_timm_says(tmp_path):
    write(tmp_path, "resnet18")
    prepare = hub.load(tmp_path, load_weights=False).preprocessor
    assert prepare.size == {"shortest_edge": 35} and prepare.crops == [(32, 32)]
    image = np.zeros((35, 43, 3), "uint8")
    image[2:34, 6:38] = 255  # of 3 rows too many torchvision takes 2 off at the top, of 11 columns 6 at the left
    pixels = prepare(image)["pixel_values"][0]
    np.testing.assert_allclose(
        pixels, np.broadcast_to((1 - np.array(CFG["mean"])) / CFG["std"], (32, 32, 3)), rtol=1e-5
    )
    for beyond in range(12):
        assert prepare.first_kept(beyond) == round(beyond / 2)


def test_what_timm_has_and_the_hub_has_not_is_told(tmp_path):
    cases = [
        ("resnet50d", {}, "known are its ResNets"),
        ("vit_base_patch16_224", {"global_pool": "avg"}, "global_pool='avg'"),
        ("vit_base_patch16_224", {"model_args": {"reg_tokens": 4}}, "reg_tokens=4"),
        ("resnet50", {"model_args": {"in_chans": 1}}, "in_chans=1"),
        ("resnet50", {"output_stride": 8}, "not understood"),
        ("resnet50", {"num_classes": -1}, "num_classes must be"),
        ("resnet50", {"label_names": ["one"]}, "label_names"),
    ]
    for architecture, more, message in cases:
        write(tmp_path, architecture, **more)
        with pytest.raises(ValueError, match=message):
            hub.load(tmp_path)
    write(tmp_path, "resnet18", pretrained_cfg={**CFG, "crop_mode": "border"})
    with pytest.raises(ValueError, match="crop_mode='border'"):
        hub.load(tmp_path, load_weights=False)
