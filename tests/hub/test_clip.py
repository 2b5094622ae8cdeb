"""Images and texts together: against transformers from raw inputs on, and what a classifier by names is asked to do."""

import json

import numpy as np
import pytest
from tests.hub.test_exact import close, made, theirs
from tests.hub.twins import CLIP_TEXT, TWINS, batch

import hornbook_hub as hub
from hornbook_hub.models.clip import CLIPBackbone, CLIPConfig
from hornbook_hub.models.siglip import SiglipConfig
from hornbook_hub.tasks import SigmoidContrast, SoftmaxContrast

torch = pytest.importorskip("torch", reason="PyTorch runs the reference")
transformers = pytest.importorskip("transformers", reason="transformers is the reference")
pytestmark = pytest.mark.parity

WORDS = ["a", "photo", "of", "cat", "dog", "red", "circle", "the"]
LABELS = ["cat", "red dog", "the circle of a dog"]


def engine(start, end):
    """A tokenizer of words; texts end with 4, and begin with 3 if `start`."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors

    vocabulary = {"[UNK]": 0, "[PAD]": 1, "[X]": 2, start: 3, end: 4, **{word: 5 + i for i, word in enumerate(WORDS)}}
    found = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    found.pre_tokenizer = pre_tokenizers.Whitespace()
    template = f"{start} $A {end}" if start else f"$A {end}"
    found.post_processor = processors.TemplateProcessing(single=template, special_tokens=[(start, 3), (end, 4)])
    return found


def folder_of(name, path):
    """A model of transformers with all of its files, and its processor."""
    model = made(name, "zero_shot_image_classifier")
    model.save_pretrained(path)
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_object=engine("<s>", "</s>"), pad_token="[PAD]", unk_token="[UNK]", eos_token="</s>"
    )
    if name == "clip":
        images = transformers.CLIPImageProcessorPil(size={"shortest_edge": 16}, crop_size=16)
        together = transformers.CLIPProcessor(images, tokenizer)
    else:
        images = transformers.SiglipImageProcessorPil(size={"height": 16, "width": 16})
        together = transformers.SiglipProcessor(images, tokenizer)
    together.save_pretrained(path)
    return model, images, tokenizer


def pictures(count=2):
    return np.random.default_rng(0).integers(0, 255, (count, 20, 30, 3)).astype("uint8")


@pytest.mark.parametrize("name", ["clip", pytest.param("siglip", marks=pytest.mark.exhaustive)])
def test_hidden_states_of_both_towers(name, tmp_path):
    model = made(name, "zero_shot_image_classifier")
    model.save_pretrained(tmp_path)
    ours = hub.load(tmp_path, task="backbone")
    wanted = theirs(model, name, output_hidden_states=True)
    for tower, states in ((ours.text_model, wanted.text_model_output), (ours.vision_model, wanted.vision_model_output)):
        found = tower(batch(TWINS[name]), output_hidden_states=True)
        assert len(found["hidden_states"]) == len(states.hidden_states) == tower.config.depth + 1
        for a, b in zip(found["hidden_states"], states.hidden_states, strict=True):
            close(a, b, name)
        close(found["last_hidden_state"], states.last_hidden_state, name)


@pytest.mark.exhaustive
@pytest.mark.parametrize("name", ["clip", "siglip"])
def test_positions_are_stretched_to_other_sizes(name, tmp_path):
    model = made(name, "zero_shot_image_classifier")
    model.save_pretrained(tmp_path)
    ours = hub.load(tmp_path, task="backbone")
    pixels = np.random.default_rng(0).normal(size=(2, 24, 20, 3)).astype("float32")
    with pytest.raises(ValueError, match=r"positions for \(16, 16\)"):
        ours({"pixel_values": pixels})
    ours.vision_model.interpolate_pos_encoding = True
    wanted = model.vision_model(torch.tensor(np.moveaxis(pixels, -1, 1)), interpolate_pos_encoding=True)
    close(ours.vision_model({"pixel_values": pixels})["last_hidden_state"], wanted.last_hidden_state, name)


@pytest.mark.parametrize("name", ["clip", "siglip"])
def test_from_images_and_labels_to_probabilities(name, tmp_path):
    model, images, tokenizer = folder_of(name, tmp_path / "theirs")
    ours = hub.load(tmp_path / "theirs")
    assert type(ours) is hub.ZeroShotImageClassifier
    texts = [f"a photo of a {label}" for label in LABELS]
    padding = {"padding": True} if name == "clip" else {"padding": "max_length", "max_length": 40}
    arrays = dict(tokenizer(texts, return_tensors="pt", **padding))
    arrays = {key: arrays[key] for key in TWINS[name].inputs if key in arrays}
    for key, array in ours.preprocessor.texts(texts).items():
        np.testing.assert_array_equal(array, arrays[key])
    pixels = images(list(pictures()), return_tensors="pt")["pixel_values"]
    with torch.no_grad():
        wanted = model(pixel_values=pixels, **arrays)
    logits = wanted.logits_per_image
    likely = (torch.softmax(logits, -1) if name == "clip" else torch.sigmoid(logits)).numpy()
    for found, row in zip(ours.classify(pictures(), LABELS), likely, strict=True):
        assert [p for _, p in found] == sorted((p for _, p in found), reverse=True)
        np.testing.assert_allclose([dict(found)[label] for label in LABELS], row, atol=1e-4)
    close(ours.embed_images(pictures()), wanted.image_embeds, name, short=1e-4)
    close(ours.embed_texts(texts), wanted.text_embeds, name)

    ours.save_to_preset(tmp_path / "ours")
    again = hub.load(tmp_path / "ours")
    np.testing.assert_array_equal(again.embed_images(pictures()), ours.embed_images(pictures()))
    kind = transformers.CLIPImageProcessorPil if name == "clip" else transformers.SiglipImageProcessorPil
    read = kind.from_pretrained(tmp_path / "ours")(list(pictures()), return_tensors="pt")
    assert torch.equal(read["pixel_values"], pixels)
    read = transformers.PreTrainedTokenizerFast.from_pretrained(tmp_path / "ours")(texts, padding=True)
    assert read["input_ids"] == tokenizer(texts, padding=True)["input_ids"]


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    folder = tmp_path_factory.mktemp("clip")
    folder_of("clip", folder)
    return hub.load(folder)


def test_classifying_and_searching(clip, tmp_path):
    from PIL import Image

    several = clip.classify(pictures(), LABELS)
    assert [len(row) for row in several] == [3, 3] and {label for label, _ in several[0]} == set(LABELS)
    assert clip.classify(pictures()[0], LABELS) == [
        (label, pytest.approx(p, abs=1e-5)) for label, p in clip.classify([pictures()[0]], LABELS)[0]
    ]
    Image.fromarray(pictures()[0]).save(tmp_path / "one.png")
    assert clip.classify(str(tmp_path / "one.png"), ["cat"]) == [("cat", 1.0)]
    images, texts = clip.embed_images(pictures()), clip.embed_texts(LABELS)
    np.testing.assert_allclose(np.linalg.norm(images, axis=-1), 1, rtol=1e-5)
    np.testing.assert_allclose(clip.similarity(pictures(), LABELS), images @ texts.T, atol=1e-5)
    np.testing.assert_allclose(clip.similarity(3 * images, texts), images @ texts.T, atol=1e-5)
    assert clip.embed_texts("cat").shape == clip.embed_images(pictures()[0]).shape == (20,)


def test_several_templates_are_the_mean_of_their_vectors(clip):
    templates = ["a {}", "the photo of a {}"]
    texts = np.mean([clip.embed_texts([t.replace("{}", label) for label in LABELS]) for t in templates], axis=0)
    cosines = clip.similarity(pictures(), texts)
    logits = np.exp(clip.backbone.logit_scale.numpy()) * cosines
    wanted = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    found = [[dict(row)[label] for label in LABELS] for row in clip.classify(pictures(), LABELS, template=templates)]
    np.testing.assert_allclose(found, wanted, rtol=1e-4)


def test_what_cannot_be_classified_is_told(clip):
    with pytest.raises(ValueError, match="labels must be a list of names"):
        clip.classify(pictures(), [])
    with pytest.raises(ValueError, match="where the label is to stand, got 'a photo'"):
        clip.classify(pictures(), ["cat"], template="a photo")
    with pytest.raises(ValueError, match="There are 2 images but 1 captions"):
        clip.fit(pictures(), ["cat"])
    with pytest.raises(ValueError, match=r"fit\(images, their_captions\)"):
        clip.fit(pictures())
    with pytest.raises(ValueError, match="pairs, got 2 images and 3 texts"):
        clip.preprocessor((pictures(), LABELS))
    with pytest.raises(ValueError, match="'pixel_values', 'input_ids', or both"):
        clip.backbone({})
    with pytest.raises(ValueError, match="no preprocessor"):
        hub.ZeroShotImageClassifier(clip.backbone).classify(pictures(), LABELS)


@pytest.mark.parametrize(("name", "loss"), [("clip", SoftmaxContrast()), ("siglip", SigmoidContrast())])
def test_losses(name, loss):
    model = made(name, "zero_shot_image_classifier")
    wanted = theirs(model, name, return_loss=True)
    found = float(loss(np.zeros(3), wanted.logits_per_image.detach().numpy()))
    assert found == pytest.approx(float(wanted.loss.detach()), rel=1e-5)


@pytest.mark.exhaustive
def test_training_on_arrays_and_data_sets_is_the_same(tmp_path):
    import tensorflow as tf

    import hornbook as keras

    folder_of("clip", tmp_path)
    losses = []
    for as_dataset in (False, True):
        model = hub.load(tmp_path)
        model.compile(keras.optimizers.SGD(0.01), SoftmaxContrast())
        captions = ["cat", "a dog", "red circle", "photo"]
        if as_dataset:
            done = model.fit(tf.data.Dataset.from_tensor_slices((pictures(4), captions)).batch(4), epochs=2, verbose=0)
        else:
            done = model.fit(pictures(4), captions, epochs=2, shuffle=False, verbose=0)
        losses.append(done.history["loss"])
    assert losses[0][1] < losses[0][0]
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-4)


def test_of_older_configs_the_second_dictionary_counts_and_all_is_written_back():
    first = {**CLIP_TEXT, "eos_token_id": 2, "bad_words_ids": None, "pruned_heads": {}, "dropout": 0.0, "top_k": 50}
    settings = {"text_config": first, "vision_config": {}, "text_config_dict": {"hidden_size": 64}, "projection_dim": 7}
    settings |= {"vision_config_dict": None, "initializer_factor": 1.0}
    ours, reference = (
        CLIPConfig.from_dict(json.loads(json.dumps(settings))),
        transformers.CLIPConfig(**json.loads(json.dumps(settings))),
    )
    for key in ("hidden_size", "vocab_size", "eos_token_id", "num_hidden_layers", "hidden_act"):
        assert getattr(ours.text, key) == getattr(reference.text_config, key)
    written = ours.to_dict()
    assert {key: written.get(key) for key in settings} == settings


def test_configs_that_are_not_computed_are_refused():
    with pytest.raises(ValueError, match="text_config must be an object"):
        CLIPConfig(text_config=[])
    with pytest.raises(ValueError, match=r"not understood: \['depth'\]"):
        CLIPBackbone(CLIPConfig(text_config={"depth": 3}))
    with pytest.raises(ValueError, match="vision_use_head=False"):
        SiglipConfig(vision_config={"vision_use_head": False})
    with pytest.raises(ValueError, match="projection_size of text_config"):
        SiglipConfig(text_config={"projection_size": 5})
    with pytest.raises(ValueError, match="number of one piece"):
        CLIPBackbone(CLIPConfig(text_config={"eos_token_id": [1, 2]}))


@pytest.mark.exhaustive
def test_export_takes_the_arrays_of_both(clip, tmp_path):
    import tensorflow as tf

    arrays = clip.preprocessor((pictures(), LABELS[:2]))
    clip.export(tmp_path / "model", verbose=False)
    loaded = tf.saved_model.load(str(tmp_path / "model"))
    served = loaded.serve({key: tf.constant(a) for key, a in arrays.items()})
    np.testing.assert_allclose(served, clip(arrays), rtol=1e-4, atol=1e-4)
