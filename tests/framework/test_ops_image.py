"""Every image op beside Keras's: the numbers, in both layouts, for one image and a batch; the spec with unknown sizes."""

import numpy as np
import pytest

from hornbook import KerasTensor, backend, ops

keras = pytest.importorskip("keras")

rng = np.random.default_rng(0)
IMAGES = rng.random((2, 8, 9, 3)).astype("float32")
BYTES = (IMAGES * 255).astype("uint8")
VOLUMES = rng.random((2, 6, 7, 8, 2)).astype("float32")
TRANSFORMS = np.array([[1, 0.2, 1, -0.1, 1.1, 0.5, 0.01, 0], [0.8, 0.2, -1, 0.1, 0.9, 3, 0, 0]], "float32")
CORNERS = np.array([[0, 0], [8, 0], [0, 7], [8, 7]], "float32")
MOVED = CORNERS + rng.uniform(-1, 1, (2, 4, 2)).astype("float32")
PLACES = rng.uniform(-9, 14, (3, 40)).astype("float32")
INSIDE = np.abs(PLACES) % 6
EDGES = ("constant", "nearest", "wrap")

ROWS = [  # name of the op, images, other arguments
    *[("resize", IMAGES, {"size": (3, 5), "interpolation": m}) for m in ("bilinear", "nearest", "bicubic", "area")],
    *[("resize", IMAGES, {"size": (12, 7), "interpolation": m, "antialias": True}) for m in ("lanczos3", "lanczos5")],
    *[("resize", BYTES, {"size": (12, 7), "interpolation": m}) for m in ("bilinear", "bicubic")],
    *[("resize", IMAGES, {"size": size, "crop_to_aspect_ratio": True}) for size in ((3, 5), (12, 7), (4, 9))],
    *[
        ("resize", IMAGES, {"size": size, "pad_to_aspect_ratio": True, "fill_value": 0.5})
        for size in ((3, 5), (12, 7), (4, 9))
    ],
    ("crop_images", IMAGES, {"top_cropping": 1, "left_cropping": 2, "bottom_cropping": 3, "right_cropping": 0}),
    ("crop_images", BYTES, {"bottom_cropping": 1, "left_cropping": 0, "target_height": 3, "target_width": 2}),
    ("pad_images", IMAGES, {"top_padding": 1, "left_padding": 2, "bottom_padding": 3, "right_padding": 0}),
    ("pad_images", BYTES, {"bottom_padding": 1, "left_padding": 0, "target_height": 13, "target_width": 12}),
    ("rgb_to_grayscale", IMAGES, {}),
    ("rgb_to_grayscale", BYTES, {}),
    ("rgb_to_hsv", IMAGES, {}),
    ("rgb_to_hsv", np.round(IMAGES * 2) / 2, {}),
    ("hsv_to_rgb", IMAGES * 1.5 - 0.2, {}),
    *[
        (
            "affine_transform",
            IMAGES,
            {"transform": TRANSFORMS[0], "interpolation": i, "fill_mode": f, "fill_value": 0.3},
        )
        for i in ("nearest", "bilinear")
        for f in (*EDGES, "reflect")
    ],
    ("affine_transform", BYTES, {"transform": TRANSFORMS[1]}),
    *[
        ("perspective_transform", IMAGES, {"start_points": CORNERS, "end_points": MOVED[0], "interpolation": i})
        for i in ("nearest", "bilinear")
    ],
    *[("elastic_transform", IMAGES, {"alpha": 3.0, "sigma": 1.2, "seed": 4, "fill_mode": f}) for f in EDGES],
    ("elastic_transform", IMAGES, {"interpolation": "nearest", "fill_mode": "nearest", "seed": 4}),
    ("gaussian_blur", IMAGES, {"kernel_size": (5, 5), "sigma": (0.7, 1.3)}),
    ("gaussian_blur", IMAGES, {"kernel_size": (4, 4)}),
    ("sobel_edges", IMAGES, {}),
    *[
        ("extract_patches", IMAGES, {"size": (2, 3), "strides": s, "padding": p})
        for s in (None, 1, 2)
        for p in ("valid", "same")
    ],
    ("extract_patches", IMAGES, {"size": 3, "strides": 1, "dilation_rate": 2, "padding": "same"}),
    ("extract_patches_3d", VOLUMES, {"size": 2}),
    ("extract_patches_3d", VOLUMES, {"size": (2, 3, 2), "strides": 1, "padding": "same"}),
]
NO_CHANNELS_FIRST = {"extract_patches", "extract_patches_3d"}  # kernels of the CPU, in the reference


def close(ours, theirs, what):
    theirs = keras.ops.convert_to_numpy(theirs)
    assert ours.dtype.name == theirs.dtype.name, what
    np.testing.assert_allclose(ours.numpy(), theirs, rtol=1e-5, atol=1e-5, err_msg=what)


@pytest.mark.parametrize(("name", "images", "arguments"), ROWS, ids=lambda v: v if isinstance(v, str) else "")
def test_image_op(name, images, arguments):
    ours, theirs = getattr(ops.image, name), getattr(keras.ops.image, name)
    expected = theirs(images, **arguments)
    close(ours(images, **arguments), expected, "a batch")
    if name != "sobel_edges":
        close(ours(images[0], **arguments), theirs(images[0], **arguments), "one image")
    moved = np.moveaxis(images, -1, 1)
    if name in NO_CHANNELS_FIRST:
        y = ours(moved, data_format="channels_first", **arguments)
        np.testing.assert_allclose(np.moveaxis(y.numpy(), 1, -1), expected, atol=1e-5)
    else:
        channels_first = {"data_format": "channels_first", **arguments}
        close(ours(moved, **channels_first), theirs(moved, **channels_first), "channels first")
    symbol = ours(KerasTensor(images.shape, images.dtype.name), **arguments)
    assert (symbol.shape, symbol.dtype) == (tuple(expected.shape), expected.dtype.name)
    unknown = (None,) * (images.ndim - 1) + images.shape[-1:]
    symbol = ours(KerasTensor(unknown, images.dtype.name), **arguments)
    assert symbol.dtype == expected.dtype.name
    assert all(a in (None, b) for a, b in zip(symbol.shape, expected.shape, strict=True))
    assert symbol.shape[-1] == expected.shape[-1]
    graph = backend.compile(lambda x: ours(x, **arguments))
    np.testing.assert_allclose(graph(backend.convert_to_tensor(images)), expected, atol=1e-5)


def test_transforms_may_differ_from_image_to_image():
    arguments = {"transform": TRANSFORMS}
    close(ops.image.affine_transform(IMAGES, **arguments), keras.ops.image.affine_transform(IMAGES, **arguments), "")
    points = {"start_points": np.stack([CORNERS, CORNERS]), "end_points": MOVED}
    close(
        ops.image.perspective_transform(IMAGES, **points), keras.ops.image.perspective_transform(IMAGES, **points), ""
    )


@pytest.mark.parametrize("order", [0, 1])
@pytest.mark.parametrize("mode", ["constant", "nearest", "wrap", "mirror", "reflect"])
def test_map_coordinates_as_scipy_and_keras(order, mode):
    scipy = pytest.importorskip("scipy.ndimage")
    x = IMAGES[0]
    ours = ops.image.map_coordinates(x, PLACES, order, mode, 0.3)
    theirs = scipy.map_coordinates(
        x, PLACES, order=order, mode={"wrap": "grid-wrap", "constant": "grid-constant"}.get(mode, mode), cval=0.3
    )
    np.testing.assert_allclose(ours, theirs, atol=1e-5)
    inside = INSIDE % np.array([[7], [8], [2]])
    close(ops.image.map_coordinates(x, inside, order), keras.ops.image.map_coordinates(x, inside, order), "inside")


def test_map_coordinates_rounds_integers():
    x, places = np.array([10, 11, 12, 15]), np.array([[0.5, 1.5, 2.5, -0.5, 0.2]])
    for order in (0, 1):
        close(ops.image.map_coordinates(x, places, order), keras.ops.image.map_coordinates(x, places, order), "")


@pytest.mark.parametrize("antialias", [True, False])
@pytest.mark.parametrize("method", ["linear", "cubic", "lanczos3", "lanczos5"])
def test_scale_and_translate(method, antialias):
    more = ((2, 4, 15, 3), np.array([0.5, 1.6], "float32"), np.array([0.3, 1], "float32"), (1, 2), method, antialias)
    close(ops.image.scale_and_translate(IMAGES, *more), keras.ops.image.scale_and_translate(IMAGES, *more), method)


def test_ssim():
    a = rng.random((2, 16, 18, 3)).astype("float32")
    b = np.clip(a + 0.1 * rng.normal(size=a.shape), 0, 1).astype("float32")
    close(ops.image.ssim(a, b), keras.ops.image.ssim(a, b), "a batch")
    more = {"max_val": 2.0, "filter_size": 7, "filter_sigma": 1.0, "k1": 0.02, "k2": 0.05}
    close(ops.image.ssim(a[0], b[0], **more), keras.ops.image.ssim(a[0], b[0], **more), "one image")


ERRORS = [
    (lambda: ops.image.resize(IMAGES[0, 0], (2, 2)), ValueError, "3 axes"),
    (lambda: ops.image.resize(IMAGES, (2,)), ValueError, "height, width"),
    (lambda: ops.image.resize(IMAGES, (2, 2), "cubic"), ValueError, "bicubic"),
    (lambda: ops.image.resize(IMAGES, (2, 2), fill_mode="wrap"), ValueError, "constant"),
    (
        lambda: ops.image.resize(IMAGES, (2, 2), crop_to_aspect_ratio=True, pad_to_aspect_ratio=True),
        ValueError,
        "Only one",
    ),
    (lambda: ops.image.crop_images(IMAGES, 1, 1), ValueError, "Exactly two"),
    (lambda: ops.image.crop_images(IMAGES, 1, 1, target_height=20, target_width=2), ValueError, "bottom_cropping"),
    (lambda: ops.image.pad_images(IMAGES, -1, 1, 1, 1), ValueError, "top_padding"),
    (lambda: ops.image.pad_images(IMAGES, 1, 1, target_height=2, target_width=20), ValueError, "bottom_padding"),
    (lambda: ops.image.rgb_to_hsv(BYTES), ValueError, "float"),
    (lambda: ops.image.rgb_to_grayscale(IMAGES[..., :2]), ValueError, "3 channels"),
    (lambda: ops.image.affine_transform(IMAGES, np.ones(9)), ValueError, "batch, 8"),
    (lambda: ops.image.affine_transform(IMAGES, np.ones((3, 8))), ValueError, "transform"),
    (lambda: ops.image.affine_transform(IMAGES, np.ones(8), "bicubic"), ValueError, "interpolation"),
    (lambda: ops.image.affine_transform(IMAGES, np.ones(8), fill_mode="mirror"), ValueError, "fill_mode"),
    (lambda: ops.image.perspective_transform(IMAGES, CORNERS[:3], CORNERS), ValueError, "start_points"),
    (lambda: ops.image.map_coordinates(IMAGES, np.ones((3, 2)), 1), ValueError, "one row for each axis"),
    (lambda: ops.image.map_coordinates(IMAGES, np.ones((4, 2)), 2), NotImplementedError, "order"),
    (lambda: ops.image.scale_and_translate(IMAGES, (2, 2), 1, 1, (0,), "linear"), ValueError, "output_shape"),
    (lambda: ops.image.extract_patches(IMAGES, (2, 2, 2, 2)), ValueError, "size"),
    (lambda: ops.image.extract_patches(IMAGES, 2, padding="causal"), ValueError, "padding"),
    (lambda: ops.image.ssim(IMAGES, IMAGES), ValueError, "filter_size"),
]


@pytest.mark.parametrize(("attempt", "kind", "message"), ERRORS, ids=[row[2] for row in ERRORS])
def test_errors_say_what_was_expected(attempt, kind, message):
    with pytest.raises(kind, match=message):
        attempt()
