"""Images: prepared as transformers prepares them, refused where they attack, and classified from the raw file on."""

import json
import struct
import zlib

import numpy as np
import pytest

import hornbook_hub as hub
from hornbook_hub.images import MAX_PIXELS, ImagePreprocessor, center_crop
from hornbook_hub.models.dinov2 import Dinov2Backbone, Dinov2Config
from hornbook_hub.models.resnet import ResNetBackbone, ResNetConfig
from hornbook_hub.models.vit import ViTBackbone, ViTConfig

IMAGENET = {"image_mean": [0.485, 0.456, 0.406], "image_std": [0.229, 0.224, 0.225]}
FILES = {  # as they stand in repositories: (model_type, preprocessor_config.json)
    "vit, old": (
        "vit",
        {
            "do_normalize": True,
            "do_resize": True,
            "image_mean": [0.5, 0.5, 0.5],
            "image_std": [0.5, 0.5, 0.5],
            "size": 30,
        },
    ),
    "deit, old": (
        "deit",
        {"crop_size": 28, "do_center_crop": True, "do_normalize": True, "do_resize": True, "resample": 3, "size": 32}
        | {"feature_extractor_type": "DeiTFeatureExtractor", **IMAGENET},
    ),
    "resnet, old": (
        "resnet",
        {
            "crop_pct": 0.875,
            "do_normalize": True,
            "do_resize": True,
            "feature_extractor_type": "ConvNextFeatureExtractor",
        }
        | {"resample": 3, "size": 28, **IMAGENET},
    ),
    "convnext, large": ("convnext", {"image_processor_type": "ConvNextImageProcessor", "size": {"shortest_edge": 384}}),
    "dinov2": (
        "dinov2",
        {
            "crop_size": {"height": 28, "width": 28},
            "do_center_crop": True,
            "do_convert_rgb": True,
            "do_normalize": True,
            "do_rescale": True,
            "do_resize": True,
            "image_processor_type": "BitImageProcessor",
            "resample": 3,
            "rescale_factor": 0.00392156862745098,
            "size": {"shortest_edge": 32},
            **IMAGENET,
        },
    ),
    "fast, with its extra keys": (
        "vit",
        {
            "crop_size": None,
            "data_format": "channels_first",
            "default_to_square": True,
            "device": None,
            "disable_grouping": None,
            "do_center_crop": None,
            "do_convert_rgb": None,
            "do_pad": None,
            "image_processor_type": "ViTImageProcessorFast",
            "input_data_format": None,
            "pad_size": None,
            "resample": 2,
            "return_tensors": None,
            "size": {"height": 30, "width": 20},
        },
    ),
    "defaults of ViT": ("vit", {"image_processor_type": "ViTImageProcessor"}),
    "defaults of DeiT": ("deit", {"image_processor_type": "DeiTImageProcessor"}),
    "defaults of Bit": ("dinov2", {"image_processor_type": "BitImageProcessor"}),
    "defaults of CLIP": ("clip", {"image_processor_type": "CLIPImageProcessor"}),
    "defaults of SigLIP": ("siglip", {"image_processor_type": "SiglipImageProcessor"}),
    "defaults of ConvNeXt": ("convnext", {"image_processor_type": "ConvNextImageProcessor"}),
    "a crop larger than the image": (
        "dinov2",
        {"image_processor_type": "BitImageProcessor", "do_resize": False, "crop_size": {"height": 61, "width": 45}},
    ),
    "nothing but pixels": (
        "vit",
        {"image_processor_type": "ViTImageProcessor", "do_resize": False, "do_rescale": False, "do_normalize": False},
    ),
    "normalized as they are": (
        "vit",
        {"image_processor_type": "ViTImageProcessor", "size": [17, 25], "do_rescale": False}
        | {"image_mean": [120.0, 110, 100], "image_std": 60.0},
    ),
    **{
        f"filter {number}": ("vit", {"image_processor_type": "ViTImageProcessor", "resample": number, "size": 21})
        for number in range(6)
    },
}


def picture(height=50, width=40, seed=0):
    """An image with slopes, edges and noise."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width]
    smooth = np.stack([y * 255 / height, x * 255 / width, 128 + 100 * np.sin(x / 3)], axis=-1)
    smooth[height // 3 : height // 2, width // 4 : width // 2] = [255, 0, 0]
    return np.clip(smooth + rng.normal(0, 20, smooth.shape), 0, 255).astype("uint8")


def folder_of(tmp_path, kind, settings):
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(settings))
    (tmp_path / "config.json").write_text(json.dumps({"model_type": kind}))
    return tmp_path


def ours_of(settings, kind="ViTImageProcessor"):
    settings = dict(settings)
    name = settings.pop("image_processor_type", None) or settings.get("feature_extractor_type") or kind
    return ImagePreprocessor(name, **settings)


# ------------------------------------------------------------------------------------------------------ transformers
@pytest.mark.parity
@pytest.mark.parametrize(
    "name",
    [
        pytest.param(n, marks=[] if n in ("deit, old", "resnet, old", "dinov2") else pytest.mark.exhaustive)
        for n in FILES
    ],
)
def test_pixels_are_those_of_transformers(name, tmp_path):
    """Within 1e-3 of the kind that stands on Pillow; in truth within 1e-6."""
    transformers = pytest.importorskip("transformers", reason="transformers is the reference")
    pytest.importorskip("torch", reason="PyTorch runs the reference")
    from PIL import Image

    kind, settings = FILES[name]
    theirs = transformers.AutoImageProcessor.from_pretrained(folder_of(tmp_path, kind, settings), backend="pil")
    ours = ours_of(settings)
    for size in ((50, 40), (37, 53), (32, 32)):
        image = Image.fromarray(picture(*size))
        wanted = np.moveaxis(np.asarray(theirs(image, return_tensors="np")["pixel_values"]), 1, -1)
        found = ours(image)["pixel_values"]
        assert found.dtype == np.float32 and found.shape == wanted.shape
        assert np.abs(found - wanted).max() <= 1e-5 * max(1, np.abs(wanted).max())
        np.testing.assert_array_equal(found, ours(picture(*size))["pixel_values"])
    theirs.save_pretrained(tmp_path / "again")
    again = json.loads((tmp_path / "again" / "preprocessor_config.json").read_text())
    np.testing.assert_array_equal(ours_of(again)(image)["pixel_values"], found)  # today's spelling of the same file


@pytest.mark.parity
def test_the_tensor_kind_of_transformers_is_a_few_steps_of_255_away():
    """Their other kind resizes by PyTorch, whose filters in whole numbers round other pixels."""
    torch = pytest.importorskip("torch", reason="PyTorch runs the reference")
    for resample, mode, steps in ((2, "bilinear", 1), (3, "bicubic", 3)):
        ours = ImagePreprocessor(size=[21, 33], resample=resample, do_rescale=False, do_normalize=False)
        tensor = torch.tensor(np.moveaxis(picture(), -1, 0)[None])
        theirs = torch.nn.functional.interpolate(tensor, (21, 33), mode=mode, antialias=True)
        apart = np.abs(ours(picture())["pixel_values"][0] - np.moveaxis(theirs.numpy()[0], 0, -1).astype("float32"))
        assert apart.max() <= steps and apart.mean() < 0.3


# ------------------------------------------------------------------------------------------------------------ inputs
def test_images_come_in_many_ways(tmp_path):
    from PIL import Image

    prepare = ImagePreprocessor(size=20)
    arrays = [picture(seed=i) for i in range(2)]
    for i, array in enumerate(arrays):
        Image.fromarray(array).save(tmp_path / f"{i}.png")
    paths = [tmp_path / "0.png", tmp_path / "1.png"]
    wanted = prepare(np.stack(arrays))["pixel_values"]
    assert wanted.shape == (2, 20, 20, 3)
    for x in (
        arrays,
        tuple(arrays),
        [Image.fromarray(a) for a in arrays],
        paths,
        [str(p) for p in paths],
        np.array([str(p).encode() for p in paths]),
        [arrays[0], paths[1]],
    ):
        assert prepare.takes(x)
        np.testing.assert_array_equal(prepare(x)["pixel_values"], wanted)
    for x in (arrays[0], Image.fromarray(arrays[0]), paths[0], str(paths[0])):
        assert prepare.takes(x)
        np.testing.assert_array_equal(prepare(x)["pixel_values"], wanted[:1])
    assert not prepare.takes({"pixel_values": wanted}) and not prepare.takes([]) and not prepare.takes([1, 2])


def test_gray_is_repeated_transparency_is_white_and_cameras_are_turned(tmp_path):
    from PIL import Image

    prepare = ImagePreprocessor(do_resize=False, do_rescale=False, do_normalize=False)
    gray = picture()[..., 0]
    for x in (gray, gray[..., None], Image.fromarray(gray)):
        np.testing.assert_array_equal(prepare(x)["pixel_values"][0], np.repeat(gray[..., None], 3, -1))
    clear = np.concatenate([picture(), np.zeros((50, 40, 1), "uint8")], -1)
    assert (prepare(clear)["pixel_values"] == 255).all()
    exif = Image.Exif()
    exif[0x0112] = 6  # turned to the right
    Image.fromarray(picture()).save(tmp_path / "turned.png", exif=exif)
    turned = prepare(tmp_path / "turned.png")["pixel_values"][0]
    np.testing.assert_array_equal(turned, np.rot90(picture(), -1))


def test_what_is_no_image_is_told():
    prepare = ImagePreprocessor(size=20)
    with pytest.raises(ValueError, match="uint8, 0 to 255, got float32"):
        prepare(np.zeros((4, 4, 3), "float32"))
    with pytest.raises(ValueError, match=r"An image is \(height, width, 3\), got shape \(3, 4, 5\)"):
        prepare(np.zeros((3, 4, 5), "uint8"))
    with pytest.raises(ValueError, match="several sizes"):
        ImagePreprocessor("SiglipImageProcessor", size={"shortest_edge": 8})([picture(20, 30), picture(20, 40)])


# ----------------------------------------------------------------------------------------------------- hostile files
def png(height, width):
    """A small file that says it is a large image."""

    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("height, width", [(8193, 8193), (1_000_000, 1_000_000), (2**31 - 1, 1)])
def test_bombs_are_refused_before_they_unpack(height, width, tmp_path):
    (tmp_path / "bomb.png").write_bytes(png(height, width))
    with pytest.raises(ValueError, match="refused|cannot be read"):
        ImagePreprocessor()(tmp_path / "bomb.png")


def test_files_that_are_no_images_are_refused(tmp_path):
    (tmp_path / "cut.png").write_bytes(png(40, 40)[:60])
    (tmp_path / "program.eps").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(x) print\n%%EOF\n")
    for name in ("cut.png", "program.eps"):
        with pytest.raises(ValueError, match="cannot be read as an image"):
            ImagePreprocessor()(tmp_path / name)
    with pytest.raises(FileNotFoundError):
        ImagePreprocessor()(tmp_path / "missing.png")


@pytest.mark.parametrize(
    "settings, message",
    [
        ({"size": 10**9}, "refused"),
        ({"size": {"height": 2**20, "width": 2**20}}, "refused"),
        ({"do_center_crop": True, "crop_size": 10**6}, "refused"),
        ({"size": 0}, "whole numbers"),
        ({"size": {"longest_edge": 3}}, "size must be"),
        ({"size": "large"}, "size must be"),
        ({"do_center_crop": True}, "crop_size must be"),
        ({"resample": 9}, "resample must be one of"),
        ({"image_mean": [0.5, 0.5]}, "image_mean must be"),
        ({"image_std": 0.0}, "must not be 0"),
        ({"rescale_factor": "x"}, "rescale_factor must be"),
        ({"do_resize": "yes"}, "do_resize must be"),
        ({"do_pad": True}, "not understood"),
        ({"do_reduce_labels": True}, "not understood"),
        ({"crop_pct": 0.9}, "not understood"),
    ],
)
def test_settings_that_are_not_understood_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        ImagePreprocessor("ViTImageProcessor", **settings)


def test_a_narrow_image_may_not_grow_without_bounds():
    prepare = ImagePreprocessor("CLIPImageProcessor")
    with pytest.raises(ValueError, match="refused"):
        prepare(np.zeros((1, MAX_PIXELS // 224 // 100, 3), "uint8"))
    with pytest.raises(ValueError, match="known are"):
        ImagePreprocessor("SamImageProcessor")
    with pytest.raises(ValueError, match="crop_pct"):
        ImagePreprocessor("ConvNextImageProcessor", crop_pct=1e-9)


# ---------------------------------------------------------------------------------------------------------- in graph
OTHER_LAYERS = [
    ("ViTImageProcessor", {"size": 20}),
    ("ViTImageProcessor", {"size": [13, 70]}),
    ("ViTImageProcessor", {"size": 20, "resample": 1}),
    ("CLIPImageProcessor", {"do_resize": False, "crop_size": [61, 33]}),
    ("ConvNextImageProcessor", {"size": 24}),
]


@pytest.mark.parametrize(
    "kind, settings",
    [
        ("CLIPImageProcessor", {"size": 22, "crop_size": 18}),
        *(pytest.param(*row, marks=pytest.mark.exhaustive) for row in OTHER_LAYERS),
    ],
)
def test_the_layer_does_as_the_host(kind, settings):
    import tensorflow as tf

    prepare = ImagePreprocessor(kind, **settings)
    layer = prepare.as_layer()
    images = np.stack([picture(seed=1), picture(seed=2)])
    wanted = prepare(images)["pixel_values"]
    unknown = tf.function(layer, input_signature=[tf.TensorSpec((None, None, None, 3), "uint8")])
    for run in (layer, unknown):
        found = np.asarray(run(images)["pixel_values"])
        assert found.shape == wanted.shape
        steps = np.abs(found - wanted) * prepare.deviation / prepare.factor  # of 255
        assert steps.max() <= 1.01 and steps.mean() < 0.25
    for resample in (0, 4, 5):
        with pytest.raises(ValueError, match="Hamming"):
            ImagePreprocessor(resample=resample).as_layer()


# ------------------------------------------------------------------------------------------------------------- tasks
def small_classifier(**kwargs):
    backbone = ResNetBackbone(ResNetConfig(embedding_size=4, hidden_sizes=[8], depths=[1]))
    return hub.ImageClassifier(backbone, ImagePreprocessor(size=16), num_classes=2, **kwargs)


def test_a_classifier_learns_from_raw_images(tmp_path):
    """Dark or light: told apart after a few steps, from arrays, data sets and files."""
    import tensorflow as tf
    from PIL import Image

    import hornbook as keras

    keras.utils.set_random_seed(0)
    rng = np.random.default_rng(0)
    labels = np.arange(32) % 2
    images = (rng.integers(0, 80, (32, 24, 20, 3)) + 170 * labels[:, None, None, None]).astype("uint8")
    model = small_classifier()
    model.compile(keras.optimizers.Adam(0.01), model.loss, weighted_metrics=["accuracy"])
    model.fit(images, labels, epochs=8, batch_size=8, verbose=0)
    model.fit(tf.data.Dataset.from_tensor_slices((images, labels)).batch(8), epochs=8, verbose=0)
    assert model.evaluate(images, labels, verbose=0, return_dict=True)["accuracy"] == 1
    logits = model.predict(images, verbose=0)
    paths = []
    for i in range(2):
        Image.fromarray(images[i]).save(tmp_path / f"{i}.png")
        paths.append(str(tmp_path / f"{i}.png"))
    np.testing.assert_allclose(model.predict(paths, verbose=0), logits[:2], atol=1e-5)
    on_paths = tf.data.Dataset.from_tensor_slices(paths).batch(2)
    np.testing.assert_allclose(model.predict(on_paths, verbose=0), logits[:2], atol=1e-5)

    model.config.id2label = {"0": "dark", "1": "light"}
    best = model.classify(images[:2], top_k=1)
    assert [row[0][0] for row in best] == ["dark", "light"]
    label, probability = model.classify(paths[1])[0]
    assert label == "light" and 0.5 < probability <= 1
    assert sum(p for _, p in model.classify(paths[1])) == pytest.approx(1)

    counts = [v.numpy() for v in model.backbone.variables if v.path.endswith("batches")]
    assert counts and all(count == 64 for count in counts)  # as PyTorch counts them
    model.save_to_preset(tmp_path / "saved")
    again = hub.load(tmp_path / "saved")
    assert again.labels == ["dark", "light"] and again.task == "image_classifier"
    np.testing.assert_allclose(again.predict(images, verbose=0), logits, atol=1e-6)


def test_a_saved_model_takes_arrays(tmp_path):
    import tensorflow as tf

    model = small_classifier()
    model.export(tmp_path / "served", verbose=False)
    pixels = model.preprocessor(picture())["pixel_values"]
    served = tf.saved_model.load(str(tmp_path / "served"))
    np.testing.assert_allclose(served.serve({"pixel_values": pixels}), model({"pixel_values": pixels}), atol=1e-5)


def test_an_embedder_gives_vectors_and_the_features_of_every_stage(tmp_path):
    sizes = {"hidden_size": 8, "num_hidden_layers": 2, "num_attention_heads": 2, "patch_size": 8}
    backbone = Dinov2Backbone(Dinov2Config(**sizes, image_size=32))
    model = hub.ImageEmbedder(backbone, ImagePreprocessor("BitImageProcessor", size=32, crop_size=24))
    images = [picture(40, 50, seed=i) for i in range(3)]
    vectors = model.embed(images)
    assert vectors.shape == (3, 8) and model.embed(images[0]).shape == (8,)
    np.testing.assert_allclose(model.embed(images[0]), vectors[0], atol=1e-5)
    np.testing.assert_allclose(np.diag(model.similarity(images, vectors)), 1, atol=1e-5)
    features = model.features(images, batch_size=2)
    assert [x.shape for x in features] == [(3, 10, 8)] * 3
    np.testing.assert_allclose(np.asarray(backbone.norm(features[-1]))[:, 0], vectors, atol=1e-5)
    means = hub.ImageEmbedder(backbone, model.preprocessor, pooling="mean", normalize=True).embed(images)
    np.testing.assert_allclose(np.linalg.norm(means, axis=1), 1, atol=1e-5)
    model.save_to_preset(tmp_path)
    again = hub.load(tmp_path, task="image_embedder")
    np.testing.assert_allclose(again.embed(images), vectors, atol=1e-6)
    with pytest.raises(ValueError, match="pooling must be one of"):
        hub.ImageEmbedder(ResNetBackbone(ResNetConfig(embedding_size=4, hidden_sizes=[8], depths=[1])), pooling="cls")


def test_wrong_pixels_are_told():
    backbone = ViTBackbone(
        ViTConfig(hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=8, image_size=32)
    )
    with pytest.raises(ValueError, match="Bring the channels to the end"):
        backbone({"pixel_values": np.zeros((1, 3, 32, 32), "float32")})
    with pytest.raises(ValueError, match="interpolate_pos_encoding = True"):
        backbone({"pixel_values": np.zeros((1, 48, 32, 3), "float32")})
    with pytest.raises(ValueError, match="ImagePreprocessor"):
        backbone(np.zeros((1, 32, 32, 3), "float32"))


def test_center_crop_keeps_what_fits():
    x = np.arange(20).reshape(4, 5, 1)
    assert center_crop(x, 2, 7)[..., 0].tolist() == [[0, 5, 6, 7, 8, 9, 0], [0, 10, 11, 12, 13, 14, 0]]


# ----------------------------------------------------------------------------------- hidden states, positions, masks
@pytest.mark.parity
@pytest.mark.parametrize(
    "name",
    [
        *("vit", "resnet", "convnext"),
        *(pytest.param(n, marks=pytest.mark.exhaustive) for n in ("deit", "dinov2", "convnextv2")),
    ],
)
def test_hidden_states_of_every_stage_and_images_of_other_sizes(name, tmp_path):
    pytest.importorskip("transformers", reason="transformers is the reference")
    torch = pytest.importorskip("torch", reason="PyTorch runs the reference")
    from tests.hub.test_exact import made

    model = made(name, "backbone")
    model.save_pretrained(tmp_path)
    ours = hub.load(tmp_path)
    more = {}
    if name in ("vit", "deit"):
        ours.interpolate_pos_encoding = more["interpolate_pos_encoding"] = True
    for size in ((16, 16), (28, 20), (12, 32)):
        pixels = np.random.default_rng(0).normal(size=(2, *size, 3)).astype("float32")
        wanted = model(torch.tensor(np.moveaxis(pixels, -1, 1)), output_hidden_states=True, **more)
        found = ours({"pixel_values": pixels}, output_hidden_states=True)
        assert len(found["hidden_states"]) == len(wanted.hidden_states)
        states = zip(found["hidden_states"], wanted.hidden_states, strict=True)
        for a, b in (*states, (found["last_hidden_state"], wanted.last_hidden_state)):
            b = b.detach().numpy()
            b = np.moveaxis(b, 1, -1) if b.ndim == 4 else b
            assert np.abs(np.asarray(a) - b).max() <= 1e-5 * np.abs(b).max()


@pytest.mark.parity
def test_masked_patches_of_dinov2(tmp_path):
    pytest.importorskip("transformers", reason="transformers is the reference")
    torch = pytest.importorskip("torch", reason="PyTorch runs the reference")
    from tests.hub.test_exact import made

    model = made("dinov2", "backbone")
    model.save_pretrained(tmp_path)
    ours = hub.load(tmp_path)
    pixels = np.random.default_rng(0).normal(size=(2, 16, 16, 3)).astype("float32")
    masked = np.random.default_rng(1).integers(0, 2, (2, 16)).astype(bool)
    wanted = model(torch.tensor(np.moveaxis(pixels, -1, 1)), bool_masked_pos=torch.tensor(masked)).pooler_output
    found = ours({"pixel_values": pixels, "bool_masked_pos": masked})["pooler_output"]
    np.testing.assert_allclose(found, wanted.detach().numpy(), atol=1e-5 * float(wanted.detach().abs().max()))
