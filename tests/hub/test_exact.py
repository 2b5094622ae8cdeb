"""Every family against transformers: the same numbers from the same files, in both directions."""

import inspect
import json

import numpy as np
import pytest
from tests.hub.exactness import note
from tests.hub.twins import TWINS, batch

import hornbook_hub as hub
from hornbook.saving.safetensors import Tensors
from hornbook_hub.families import FAMILIES
from hornbook_hub.loading import WITHOUT_HEAD

torch = pytest.importorskip("torch", reason="PyTorch runs the reference")
transformers = pytest.importorskip("transformers", reason="transformers is the reference")
pytestmark = pytest.mark.parity

SIBLINGS = {"deit", "convnextv2", "mt5"}  # families that derive from another in all but a part


def marks(name):
    """Variants and families that are nearly another's are left out of the default run."""
    return [] if name in FAMILIES and name not in SIBLINGS else pytest.mark.exhaustive


ROWS = [pytest.param(name, task, marks=marks(name)) for name, twin in TWINS.items() for task in twin.classes]


GRADIENTS = (  # the task whose gradients are compared: the first of these that a family has
    *("causal_lm", "seq2seq_lm", "audio_to_text", "text_classifier", "masked_lm"),
    *("image_segmenter", "image_classifier", "zero_shot_image_classifier", "backbone"),
)


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
    known = inspect.signature(model.forward).parameters  # an encoder alone reads no target
    arrays = {key: np.moveaxis(v, -1, 1) if key == "pixel_values" else v for key, v in batch(TWINS[name]).items()}
    return model(**{key: torch.tensor(value) for key, value in arrays.items() if key in known}, **more)


def close(ours, reference, name, short=None):
    """Within 1e-5 of the largest value, where the texts have pieces; gives the largest difference."""
    ours, reference = np.asarray(ours), reference.detach().float().numpy()
    if reference.ndim == 4 and "pixel_values" in TWINS[name].inputs:
        reference = np.moveaxis(reference, 1, -1)
        reference = reference[:, 0, 0] if ours.ndim == 2 else reference  # a pooled map of one place
    assert ours.shape == reference.shape
    if ours.shape[:2] == (3, 9) and "attention_mask" in TWINS[name].inputs:
        there = batch(TWINS[name])["attention_mask"].astype(bool)
        ours, reference = ours[there], reference[there]
    difference = np.abs(ours - reference).max() / np.abs(reference).max()
    assert difference <= (short or 1e-5)
    return difference


def logits_of(outputs, name):
    if hasattr(outputs, "start_logits"):
        return torch.stack([outputs.start_logits, outputs.end_logits], -1)
    if hasattr(outputs, "logits") and outputs.logits.ndim == 4:  # of pixels, which are stretched to the image here
        return torch.nn.functional.interpolate(outputs.logits, TWINS[name].sizes, mode="bilinear")
    return outputs.logits_per_image if hasattr(outputs, "logits_per_image") else outputs.logits


def check(ours, model, name, task, short=None):
    found, wanted = ours(batch(TWINS[name])), theirs(model, name)
    outputs, pairs = TWINS[name].outputs, []
    if task == "encoder":
        assert set(found) == {"last_hidden_state"}
        outputs = {"last_hidden_state": "last_hidden_state"}
    if task not in WITHOUT_HEAD:
        pairs.append(("logits", found, logits_of(wanted, name)))
    has_all = set(outputs.values()) <= set(wanted)
    if task not in WITHOUT_HEAD and has_all:  # a model of images and texts gives with its logits what they are made of
        found = ours.backbone(batch(TWINS[name]))
    if has_all:
        pairs += [("hidden states", found[output], wanted[there]) for output, there in outputs.items()]
    for kind, mine, reference in pairs:
        difference = close(mine, reference, name, short)
        if short is None:
            note(name, kind, difference)


def test_each_family_has_a_row():
    kinds = {getattr(transformers, twin.config)().model_type for twin in TWINS.values()}
    assert kinds == set(FAMILIES)
    for name, twin in TWINS.items():
        family = FAMILIES[getattr(transformers, twin.config)().model_type]
        if name in FAMILIES:
            without_head = set(family.ARCHITECTURES.values()) & set(WITHOUT_HEAD)
            others = set(family.ARCHITECTURES.values()) - {"encoder"}
            assert {*family.HEADS, *without_head, *others} == set(twin.classes)


@pytest.mark.parametrize(("name", "task"), ROWS)
def test_numbers_and_files(name, task, tmp_path):
    model = made(name, task)
    model.save_pretrained(tmp_path / "theirs")
    ours = hub.load(tmp_path / "theirs")
    assert getattr(ours, "task", getattr(ours, "kind", "backbone")) == task
    check(ours, model, name, task)

    if task in WITHOUT_HEAD:
        return
    ours.save_to_preset(tmp_path / "ours")
    again = getattr(transformers, TWINS[name].classes[task]).from_pretrained(tmp_path / "ours").eval()
    check(ours, again, name, task)
    first, second = Tensors(tmp_path / "theirs" / "model.safetensors"), Tensors(tmp_path / "ours" / "model.safetensors")
    assert set(first) == set(second)
    for tensor in first:
        np.testing.assert_array_equal(first[tensor], second[tensor], err_msg=tensor)
    note(name, "files", len(first))
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


@pytest.mark.parametrize("name", [pytest.param(n, marks=marks(n)) for n in TWINS if n in FAMILIES])
def test_gradients(name, tmp_path):
    import tensorflow as tf

    task = next(task for task in GRADIENTS if task in TWINS[name].classes)
    off = {key: 0.0 for key in getattr(transformers, TWINS[name].config)().to_dict() if key.endswith("dropout_prob")}
    model = made(name, task, **off)
    model.save_pretrained(tmp_path)
    ours = hub.load(tmp_path)
    wanted = theirs(model, name)
    logits = logits_of(wanted, name)
    weights = np.cos(np.arange(logits.numel())).reshape(tuple(logits.shape)).astype("float32")
    if weights.shape[:2] == (3, 9):
        weights *= batch(TWINS[name])["attention_mask"].astype("float32")[:, :, None]
    (logits * torch.tensor(weights)).sum().backward()
    weights = np.moveaxis(weights, 1, -1) if weights.ndim == 4 else weights
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
        difference = np.abs(gradient - wanted).max() / scale
        # One number is a sum that cancels: 1.4e-5 where oneDNN adds up, less elsewhere.
        assert difference <= (2e-5 if wanted.size == 1 else 1e-5), tensor
        note(name, "gradients", difference)


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
