"""Every family against transformers: the same numbers from the same files, in both directions."""

import json

import numpy as np
import pytest
from tests.hub.twins import TWINS, batch

import hornbook_hub as hub
from hornbook.saving.safetensors import Tensors
from hornbook_hub.families import FAMILIES

torch = pytest.importorskip("torch", reason="PyTorch runs the reference")
transformers = pytest.importorskip("transformers", reason="transformers is the reference")
pytestmark = pytest.mark.parity

ROWS = [
    pytest.param(name, task, marks=[] if name in FAMILIES else pytest.mark.exhaustive)  # variants are siblings
    for name, twin in TWINS.items()
    for task in twin.classes
]


def made(name, task, **settings):
    """The model of transformers, its weights at random."""
    twin = TWINS[name]
    if task == "question_answering":
        settings["num_labels"] = 2
    config = getattr(transformers, twin.config)(**{**twin.settings, **settings})
    torch.manual_seed(0)
    model = getattr(transformers, twin.classes[task])(config).eval()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=twin.spread)
    for key, buffer in model.named_buffers():
        if key.endswith(("layer_scalar", "running_mean", "running_var")):
            torch.nn.init.uniform_(buffer, 0.5, 1.5)
        if key.endswith("num_batches_tracked"):
            buffer.fill_(7)
    for part in model.modules():  # untied heads have two names for their bias, of which one counts
        if isinstance(getattr(part, "decoder", None), torch.nn.Linear) and hasattr(part, "bias"):
            part.bias.data.copy_(part.decoder.bias.data)
    return model


def theirs(model, name, **more):
    """What transformers gives; the channels of images are first there."""
    arrays = {key: np.moveaxis(v, -1, 1) if key == "pixel_values" else v for key, v in batch(TWINS[name]).items()}
    return model(**{key: torch.tensor(value) for key, value in arrays.items()}, **more)


def close(ours, reference, name, short=None):
    """Within 1e-5 of the largest value, where the texts have pieces."""
    ours, reference = np.asarray(ours), reference.detach().float().numpy()
    if reference.ndim == 4 and "pixel_values" in TWINS[name].inputs:
        reference = np.moveaxis(reference, 1, -1)
        reference = reference[:, 0, 0] if ours.ndim == 2 else reference  # a pooled map of one place
    assert ours.shape == reference.shape
    if ours.shape[:2] == (3, 9) and "attention_mask" in TWINS[name].inputs:
        there = batch(TWINS[name])["attention_mask"].astype(bool)
        ours, reference = ours[there], reference[there]
    assert np.abs(ours - reference).max() <= (short or 1e-5) * np.abs(reference).max()


def logits_of(outputs):
    if hasattr(outputs, "start_logits"):
        return torch.stack([outputs.start_logits, outputs.end_logits], -1)
    return outputs.logits_per_image if hasattr(outputs, "logits_per_image") else outputs.logits


def check(ours, model, name, task, short=None):
    found, wanted = ours(batch(TWINS[name])), theirs(model, name)
    if task != "backbone":
        close(found, logits_of(wanted), name, short)
        if "backbone" in TWINS[name].classes:
            return
        found = ours.backbone(batch(TWINS[name]))  # which has no class of its own there
    for output, there in TWINS[name].outputs.items():
        close(found[output], wanted[there], name, short)


def test_each_family_has_a_row():
    kinds = {getattr(transformers, twin.config)().model_type for twin in TWINS.values()}
    assert kinds == set(FAMILIES)
    for name, twin in TWINS.items():
        family = FAMILIES[getattr(transformers, twin.config)().model_type]
        if name in FAMILIES:
            assert {*family.HEADS, *family.ARCHITECTURES.values()} == set(twin.classes)


@pytest.mark.parametrize(("name", "task"), ROWS)
def test_numbers_and_files(name, task, tmp_path):
    model = made(name, task)
    model.save_pretrained(tmp_path / "theirs")
    ours = hub.load(tmp_path / "theirs")
    assert (ours.task if task != "backbone" else "backbone") == task
    check(ours, model, name, task)

    if task == "backbone":
        return
    ours.save_to_preset(tmp_path / "ours")
    again = getattr(transformers, TWINS[name].classes[task]).from_pretrained(tmp_path / "ours").eval()
    check(ours, again, name, task)
    first, second = Tensors(tmp_path / "theirs" / "model.safetensors"), Tensors(tmp_path / "ours" / "model.safetensors")
    assert set(first) == set(second)
    for tensor in first:
        np.testing.assert_array_equal(first[tensor], second[tensor], err_msg=tensor)
    ignored = {"transformers_version", "_name_or_path"}
    before, after = (json.loads((tmp_path / side / "config.json").read_text()) for side in ("theirs", "ours"))
    wrong = {
        k: (v, after.get(k)) for k, v in before.items() if v is not None and k not in ignored and after.get(k) != v
    }
    assert not wrong


def gradients_of(model, folder):
    """The gradients under the names that files have: saved in the place of the weights."""
    with torch.no_grad():
        for p in model.parameters():
            p.copy_(torch.full_like(p, torch.nan) if p.grad is None else p.grad)
        for buffer in model.buffers():
            buffer.fill_(torch.nan if buffer.is_floating_point() else 0)
    model.save_pretrained(folder)
    tensors = {name: np.array(tensor) for name, tensor in Tensors(folder / "model.safetensors").items()}
    return {name: g for name, g in tensors.items() if g.dtype.kind == "f" and not np.isnan(g).any()}


@pytest.mark.parametrize("name", [name for name in TWINS if name in FAMILIES])
def test_gradients(name, tmp_path):
    import tensorflow as tf

    task = next(
        task
        for task in ("causal_lm", "text_classifier", "masked_lm", "image_classifier", "zero_shot_image_classifier")
        if task in TWINS[name].classes
    )
    off = {key: 0.0 for key in getattr(transformers, TWINS[name].config)().to_dict() if key.endswith("dropout_prob")}
    model = made(name, task, **off)
    model.save_pretrained(tmp_path)
    ours = hub.load(tmp_path)
    wanted = theirs(model, name)
    logits = logits_of(wanted)
    weights = np.cos(np.arange(logits.numel())).reshape(tuple(logits.shape)).astype("float32")
    if weights.shape[:2] == (3, 9):
        weights *= batch(TWINS[name])["attention_mask"].astype("float32")[:, :, None]
    (logits * torch.tensor(weights)).sum().backward()
    rows = {name: (variable, transform) for name, variable, transform in ours.weight_rows()}
    with tf.GradientTape() as tape:
        value = tf.reduce_sum(ours(batch(TWINS[name])) * weights)
    found = dict(zip(rows, tape.gradient(value, [variable for variable, _ in rows.values()]), strict=True))
    gradients = {name: g for name, g in gradients_of(model, tmp_path / "gradients").items() if name in rows}
    largest = max(np.abs(g).max() for g in gradients.values())
    assert len(gradients) > 0.8 * sum(variable.trainable for variable, _ in rows.values())
    still = {  # PyTorch does not train the vector of padding
        f"{part}.weight": table.padding_idx
        for part, table in model.named_modules()
        if getattr(table, "padding_idx", None) is not None
    }
    for tensor, wanted in gradients.items():
        gradient, transform = tf.convert_to_tensor(found[tensor]).numpy(), rows[tensor][1]
        gradient = transform.write(gradient) if transform else gradient
        if tensor in still and not wanted[still[tensor]].any():  # a head that is tied to the table does train it
            gradient = np.where(np.arange(len(gradient))[:, None] == still[tensor], 0, gradient)
        scale = max(np.abs(wanted).max(), 1e-2 * largest)
        assert np.abs(gradient - wanted).max() <= 1e-5 * scale, tensor


@pytest.mark.parametrize(
    "name",
    [pytest.param(n, marks=[] if n in ("bert", "llama") else pytest.mark.exhaustive) for n in TWINS if n in FAMILIES],
)
def test_short_floats_and_shards(name, tmp_path):
    task = next(task for task in TWINS[name].classes if task != "backbone")
    model = made(name, task)
    model.save_pretrained(tmp_path / "shards", max_shard_size="5KB")
    assert (tmp_path / "shards" / "model.safetensors.index.json").is_file()
    ours = hub.load(tmp_path / "shards")
    check(ours, model, name, task)
    for dtype in ("float16", "bfloat16"):
        ours.save_to_preset(tmp_path / dtype, dtype=dtype)
        written = Tensors(tmp_path / dtype / "model.safetensors")
        assert {a.dtype.name for a in written.values() if a.dtype.kind != "i"} == {dtype}
        check(hub.load(tmp_path / dtype), model, name, task, short=0.1)
