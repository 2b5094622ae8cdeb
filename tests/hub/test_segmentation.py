"""Segmentation: masks prepared and maps made as transformers does, and learning from both."""

import json

import numpy as np
import pytest
from tests.hub.test_images import IMAGENET, folder_of, picture

import hornbook_hub as hub
from hornbook_hub.checkpoints import PRESETS
from hornbook_hub.images import ImagePreprocessor
from hornbook_hub.models.segformer import SegformerBackbone, SegformerConfig

SMALL = {"depths": [1, 1, 1, 1], "hidden_sizes": [4, 8, 10, 16], "num_attention_heads": [1, 2, 2, 2]}


def small(**settings):
    prepare = ImagePreprocessor("SegformerImageProcessor", size=64, **settings)
    return hub.ImageSegmenter(SegformerBackbone(SegformerConfig(**SMALL)), prepare, num_classes=3)


@pytest.mark.parity
@pytest.mark.parametrize("reduced", [False, True])
def test_masks_are_those_of_transformers(reduced, tmp_path):
    transformers = pytest.importorskip("transformers", reason="transformers is the reference")
    pytest.importorskip("torch", reason="PyTorch runs the reference")
    settings = {"image_processor_type": "SegformerImageProcessor", "do_reduce_labels": reduced, "size": [20, 31]}
    folder = folder_of(tmp_path, "segformer", {**settings, **IMAGENET})
    theirs = transformers.AutoImageProcessor.from_pretrained(folder, backend="pil")
    ours = ImagePreprocessor(**settings)
    masks = np.random.default_rng(0).integers(0, 6, (2, 50, 40)).astype("uint8")
    masks[:, 3] = 255
    images = [picture(seed=i) for i in range(2)]
    wanted = theirs(images, segmentation_maps=list(masks), return_tensors="np")
    np.testing.assert_array_equal(ours.masks(masks), wanted["labels"])
    np.testing.assert_array_equal(ours.masks(masks[0]), wanted["labels"][:1])
    np.testing.assert_allclose(ours(images)["pixel_values"], np.moveaxis(wanted["pixel_values"], 1, -1), atol=1e-5)
    old = {"feature_extractor_type": "SegformerFeatureExtractor", "reduce_labels": reduced, "size": 20}
    assert ImagePreprocessor(old.pop("feature_extractor_type"), **old).reduces_labels == reduced


@pytest.mark.parity
def test_maps_are_those_of_transformers(tmp_path):
    transformers = pytest.importorskip("transformers", reason="transformers is the reference")
    torch = pytest.importorskip("torch", reason="PyTorch runs the reference")
    from tests.hub.test_exact import made

    model = made("segformer", "image_segmenter")
    model.save_pretrained(tmp_path)
    settings = {"image_processor_type": "SegformerImageProcessor", "size": 40, **IMAGENET}
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(settings))
    prepare = transformers.AutoImageProcessor.from_pretrained(tmp_path, backend="pil")
    ours = hub.load(tmp_path)
    images = [picture(50, 44), picture(64, 33, seed=1)]
    outputs = model(**prepare(images, return_tensors="pt"))
    wanted = prepare.post_process_semantic_segmentation(outputs, target_sizes=[(50, 44), (64, 33)])
    found = ours.segment(images)
    assert [x.shape for x in found] == [(50, 44), (64, 33)] and len(np.unique(found[0])) > 1
    for a, b in zip(found, wanted, strict=True):
        assert (a == np.asarray(b)).mean() > 0.999  # where two classes are all but equal, either may win
    np.testing.assert_array_equal(ours.segment(images[0]), found[0])
    masks = np.random.default_rng(0).integers(0, 3, (2, 40, 40))
    masks[:, :9] = 255
    loss = model(**prepare(images, return_tensors="pt"), labels=torch.tensor(masks)).loss
    assert ours.evaluate(images, masks, verbose=0)[0] == pytest.approx(float(loss.detach()), rel=1e-4)


@pytest.mark.exhaustive
def test_a_segmenter_learns_and_keeps_in_files(tmp_path):
    import hornbook as keras

    keras.utils.set_random_seed(0)
    images, masks = np.full((8, 32, 48, 3), 40, "uint8"), np.zeros((8, 32, 48), "uint8")
    images[:, :, 20:], masks[:, :, 20:] = (220, 60, 60), 1
    model = small()
    model.optimizer.learning_rate = 3e-3
    prepared = model.preprocessor.masks(masks)
    history = model.fit(images, prepared, epochs=12, verbose=0).history
    assert history["loss"][-1] < 0.5 * history["loss"][0]
    found = model.segment(list(images[:2]))
    assert found[0].shape == (32, 48) and (found[0] == masks[0]).mean() > 0.8
    model.save(tmp_path / "model.keras")
    model.save_to_preset(tmp_path / "preset")
    for again in (keras.saving.load_model(tmp_path / "model.keras"), hub.load(tmp_path / "preset")):
        np.testing.assert_allclose(again.predict(images, verbose=0), model.predict(images, verbose=0), atol=1e-4)
        np.testing.assert_array_equal(again.segment(images[0]), found[0])


@pytest.mark.parametrize(
    ("mask", "words"),
    [
        (np.zeros((4, 4)), "whole numbers"),
        (np.full((4, 4), 300), "from 0 to 255"),
        (np.full((4, 4), -1), "from 0 to 255"),
        (np.zeros((2, 4, 4, 3), "uint8"), "height, width"),
    ],
)
def test_wrong_masks_are_told(mask, words):
    with pytest.raises(ValueError, match=words):
        ImagePreprocessor("SegformerImageProcessor", size=4).masks(mask)


def test_wrong_configs_are_told():
    with pytest.raises(ValueError, match="depths must hold 4 positive numbers"):
        SegformerConfig(depths=[1, 1])
    with pytest.raises(ValueError, match="multiple of its number of heads"):
        SegformerConfig(num_attention_heads=[3, 2, 5, 8])
    with pytest.raises(ValueError, match="reshape_last_stage"):
        SegformerConfig.from_dict({"reshape_last_stage": False})


@pytest.mark.exhaustive
@pytest.mark.parametrize("name", [name for name in PRESETS["segformer"] if name.endswith("ade")])
def test_the_parameters_of_the_presets(name):
    """Of the encoder, without a head: from 3.3 million (b0) to 81.4 million (b5)."""
    wide = [64, 128, 320, 512]
    deep = {"b2": [3, 4, 6, 3], "b3": [3, 4, 18, 3], "b4": [3, 8, 27, 3], "b5": [3, 6, 40, 3]}
    size = name.split("_")[1]
    more = {} if size == "b0" else {"hidden_sizes": wide}
    more |= {"depths": deep[size]} if size in deep else {}
    backbone = SegformerBackbone(SegformerConfig(**more))
    assert backbone.count_params() == PRESETS["segformer"][name]["parameters"]
