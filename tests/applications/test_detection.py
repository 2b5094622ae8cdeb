"""Detectors: boxes, anchors, suppression, losses, COCO's measure; then whole models that learn, are kept and exported."""

import contextlib
import io
import json

import numpy as np
import pytest
import tensorflow as tf

import hornbook as keras
from hornbook import layers
from hornbook.utils import bounding_boxes
from hornbook_applications import detection
from hornbook_applications.detection import anchors, boxes, losses, yolo
from hornbook_applications.detection.retinanet import VARIANCE

RNG = np.random.default_rng(0)


def random_boxes(*shape, rng=RNG, size=60, dtype="float32"):
    """Boxes (*shape, 4), xyxy, of sides 1 to 31."""
    corners = rng.uniform(0, size - 31, (*shape, 2))
    return np.concatenate((corners, corners + rng.uniform(1, 31, (*shape, 2))), axis=-1).astype(dtype)


# --------------------------------------------------------------------------------------------------------------- boxes
def test_overlaps_are_those_of_counted_pixels():
    pairs = np.floor(random_boxes(2, 50)).astype(int)

    def pixels(box):
        grid = np.zeros((80, 80), bool)
        grid[box[1] : box[3], box[0] : box[2]] = True
        return grid

    iou, giou = [], []
    for a, b in zip(*pairs, strict=True):
        around = pixels([*np.minimum(a[:2], b[:2]), *np.maximum(a[2:], b[2:])]).sum()
        common, either = (pixels(a) & pixels(b)).sum(), (pixels(a) | pixels(b)).sum()
        iou.append(common / either)
        giou.append(common / either - (around - either) / around)
    assert 0 < np.count_nonzero(iou) < 50
    np.testing.assert_allclose(np.diag(bounding_boxes.compute_iou(*pairs.astype("float32"), "xyxy")), iou, atol=1e-6)
    np.testing.assert_allclose(boxes.compute_giou(*pairs), giou, atol=1e-6)
    np.testing.assert_allclose(losses.generalized_iou_loss(*pairs), 1 - np.array(giou), atol=1e-6)


def test_coding_and_its_inverse():
    truth, points = random_boxes(2, 7), RNG.uniform(0, 60, (7, 2)).astype("float32")
    distances = boxes.boxes_to_distances(points, truth)
    np.testing.assert_allclose(distances[..., 0], points[:, 0] - truth[..., 0], atol=1e-5)
    np.testing.assert_allclose(boxes.distances_to_boxes(points, distances), truth, atol=1e-4)
    around, how = random_boxes(7), ("xyxy", "xyxy", "center_xywh", VARIANCE)
    deltas = bounding_boxes.encode_box_to_deltas(around, truth, *how)
    np.testing.assert_allclose(bounding_boxes.decode_deltas_to_boxes(around, deltas, *how), truth, atol=1e-3)
    np.testing.assert_allclose(
        deltas[..., 2], np.log((truth[..., 2] - truth[..., 0]) / (around[:, 2] - around[:, 0])) / 0.2, rtol=1e-4
    )


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([[0, 0, 1, 1]], "pad_labels"),
        ({"boxes": np.zeros((1, 2, 4))}, "got .'boxes'."),
        ({"boxes": np.zeros((1, 2, 4)), "classes": np.zeros((1, 3))}, r"got \(1, 2, 4\) and \(1, 3\)"),
        ({"boxes": np.full((1, 1, 4), np.nan), "classes": [[1]]}, "Box 0 of image 0 is not finite"),
        ({"boxes": [[[3.0, 3, 9, 9], [5, 5, 2, 9]]], "classes": [[0, 1]]}, "Box 1 of image 0 ends before it begins"),
        ({"boxes": [[[3.0, 3, 9, 9]]], "classes": [[3]]}, "from 0 to 2 .* got 3"),
    ],
)
def test_bad_labels_are_told(labels, message):
    with pytest.raises(ValueError, match=message):
        boxes.check_labels(labels, 3)


def test_labels_of_any_number():
    labels = detection.pad_labels([[], [[1, 2, 3, 4]] * 2], [[], [0, 2]], rows=3)
    assert labels["classes"].tolist() == [[-1, -1, -1], [0, 2, -1]] and (labels["boxes"][0] == -1).all()
    boxes.check_labels(labels, 3)
    with pytest.raises(ValueError, match="a class for every box"):
        detection.pad_labels([[[1, 2, 3, 4]]], [[0, 1]])
    with pytest.raises(ValueError, match="room for 1"):
        detection.pad_labels([[[1, 2, 3, 4]] * 2], [[0, 1]], rows=1)


# ------------------------------------------------------------------------------------------------------------- anchors
def test_anchors_of_a_pyramid():
    found = np.asarray(anchors.pyramid_anchors([(2, 3), (1, 2)], [8, 16], 4.0, (0.5, 2.0), 2))
    assert found.shape == ((6 + 2) * 4, 4)
    width, height = found[:, 2] - found[:, 0], found[:, 3] - found[:, 1]
    np.testing.assert_allclose(height / width, np.tile([0.5, 0.5, 2, 2], 8), rtol=1e-5)
    np.testing.assert_allclose(np.sqrt(height * width)[:2], [32, 32 * 2**0.5], rtol=1e-5)
    np.testing.assert_allclose((found[:, 0] + found[:, 2])[::4] / 2, [4, 12, 20, 4, 12, 20, 8, 24], rtol=1e-5)
    np.testing.assert_allclose((found[:, 1] + found[:, 3])[::4] / 2, [4, 4, 4, 12, 12, 12, 8, 8], rtol=1e-5)


def test_which_anchor_finds_which_box():
    places = [[0.0, 0, 10, 10], [0, 0, 10, 4.5], [0, 0, 10, 3], [50, 50, 60, 60], [20, 20, 30, 30]]
    truth = [[[0.0, 0, 10, 10], [55, 55, 65, 65], [0, 0, 0, 0]], [[0, 0, 0, 0]] * 3]
    number, state = anchors.match(places, truth, [[True, True, False], [False] * 3])
    # 1: of its own; between the thresholds; below; the best there is for box 1, though below; nothing
    assert state.numpy().tolist() == [[1, -1, 0, 1, 0], [0] * 5]
    assert number.numpy()[0, [0, 3]].tolist() == [0, 1]


def test_which_point_learns_which_box():
    points = [[5.0, 5.0], [15.0, 5.0], [25.0, 5.0], [95.0, 5.0]]
    truth = np.array([[[0.0, 0, 20, 10], [10, 0, 30, 10], [0, 0, 0, 0]]])
    found = np.array([[[0.0, 0, 20, 10], [8, 0, 28, 10], [10, 0, 30, 5], [10, 0, 30, 10]]])
    scores = np.array([[[0.9, 0.1], [0.5, 0.5], [0.2, 0.8], [0.9, 0.9]]])
    number, target = yolo.align(scores, found, points, truth, [[0, 1, 0]], [[True, True, False]])
    number, target = number.numpy()[0], target.numpy()[0]
    assert number[:3].tolist() == [0, 1, 1]  # the second point is inside of both boxes and overlaps the second one more
    np.testing.assert_allclose(target[0], 1, atol=1e-4)  # the best of its box reaches the best overlap, which is 1
    best = bounding_boxes.compute_ciou([[8.0, 0, 28, 10]], [[10.0, 0, 30, 10]], "xyxy").numpy()[0]
    np.testing.assert_allclose(target[1], best, rtol=1e-4)
    assert 0 < target[2] < target[1] and target[3] == 0  # a worse box; a right one, predicted from outside
    _, few = yolo.align(scores, found, points, truth, [[0, 1, 0]], [[True, True, False]], points_per_box=1)
    assert (few.numpy()[0] > 0).tolist() == [True, True, False, False]


# --------------------------------------------------------------------------------------------------------- suppression
def overlaps(box, places):
    sides = np.minimum(box[2:], places[:, 2:]) - np.maximum(box[:2], places[:, :2])
    common = sides.clip(0).prod(-1)
    return common / ((box[2:] - box[:2]).prod() + (places[:, 2:] - places[:, :2]).prod(-1) - common)


def suppressed(places, scores, iou_threshold, score_threshold, most):
    """The reference: for each class the best box stays, those it overlaps go, and so on."""
    kept = []
    for label in range(scores.shape[1]):
        left = [i for i in np.argsort(-scores[:, label]) if scores[i, label] > score_threshold]
        while left:
            best = left.pop(0)
            kept.append((scores[best, label], label, best))
            iou = overlaps(places[best], places)
            left = [i for i in left if iou[i] <= iou_threshold]
    kept = sorted(kept, reverse=True)[:most]
    return [row[0] for row in kept], [row[1] for row in kept], places[[row[2] for row in kept]]


def test_suppression_is_that_of_the_reference_and_of_tensorflow():
    places, scores = random_boxes(3, 80), RNG.uniform(0, 1, (3, 80, 4)).astype("float32")
    found = {name: x.numpy() for name, x in detection.non_max_suppression(places, scores, 0.3, 0.2, 60).items()}
    theirs = tf.image.combined_non_max_suppression(
        places[:, :, None], scores, 80, 60, iou_threshold=0.3, score_threshold=0.2, clip_boxes=False
    )
    for i in range(3):
        expected_scores, labels, expected = suppressed(places[i], scores[i], 0.3, 0.2, 60)
        count = found["counts"][i]
        assert count == len(labels) == theirs.valid_detections[i] and 20 < count
        np.testing.assert_allclose(found["scores"][i, :count], expected_scores)
        assert found["classes"][i, :count].tolist() == labels
        np.testing.assert_array_equal(found["boxes"][i, :count], expected)
        np.testing.assert_array_equal(found["boxes"][i, :count], theirs.nmsed_boxes[i, :count])
        np.testing.assert_array_equal(found["classes"][i, :count], theirs.nmsed_classes[i, :count])
        assert all((found[name][i, count:] == -1).all() for name in ("boxes", "classes", "scores"))


def test_a_chain_of_boxes_that_beat_each_other():
    places = np.array([[[i, 0, i + 10, 10] for i in range(0, 80, 4)]], "float32")  # neighbours overlap by 6 of 14
    scores = np.linspace(0.9, 0.1, 20, dtype="float32")[None, :, None]
    found = detection.non_max_suppression(places, scores, 0.3, 0.0)
    assert found["boxes"].numpy()[0, :10, 0].tolist() == list(range(0, 80, 8)) and found["counts"].numpy() == [10]


def test_suppression_in_a_graph_of_free_sizes():
    signature = [tf.TensorSpec((None, None, 4)), tf.TensorSpec((None, None, 2))]
    graph = tf.function(detection.non_max_suppression, input_signature=signature, autograph=False)
    places, scores = random_boxes(2, 20), RNG.uniform(0, 1, (2, 20, 2)).astype("float32")
    scores[0, 3], scores[1] = np.nan, 0  # not a number is no score; an image may show nothing
    found, expected = graph(places, scores), detection.non_max_suppression(places, scores)
    assert found["boxes"].shape == (2, 100, 4) and found["counts"][1] == 0 and found["counts"][0] > 3
    for name in expected:
        np.testing.assert_array_equal(found[name], expected[name])
    with pytest.raises(ValueError, match="iou_threshold"):
        detection.non_max_suppression(places, scores, iou_threshold=1.5)


# -------------------------------------------------------------------------------------------------------------- losses
def test_losses_are_their_equations():
    truth, guess = RNG.normal(size=(2, 3, 4)), RNG.normal(size=(2, 3, 4))
    d = np.abs(truth - guess)
    expected = np.where(d < 0.5, d**2, d - 0.25).sum(-1)
    np.testing.assert_allclose(losses.smooth_l1(truth, guess, beta=0.5), expected, rtol=1e-5)

    distances, logits = RNG.uniform(0, 7, (5, 4)), RNG.normal(size=(5, 4, 8))
    p = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    low = np.floor(distances).astype(int)
    expected = 0
    for number, weight in ((low, low + 1 - distances), (low + 1, distances - low)):
        expected -= weight * np.log(np.take_along_axis(p, number[..., None], -1)[..., 0])
    np.testing.assert_allclose(losses.distribution_focal_loss(distances, logits), expected.mean(-1), rtol=1e-5)
    np.testing.assert_allclose(losses.expected_distances(logits), (p * np.arange(8)).sum(-1), rtol=1e-5)
    np.testing.assert_allclose(losses.complete_iou_loss(random_boxes(4), random_boxes(4)).shape, (4,))


# ---------------------------------------------------------------------------------------------------------- the metric
def scenes(rng, images=12, classes=3):
    """Labels with crowds and areas of their own, and detections near them and elsewhere, of all sizes."""
    places = random_boxes(images, 6, rng=rng, size=45, dtype="float64") * rng.choice([1, 3, 8], (images, 6, 1))
    truth = {
        "boxes": places,
        "classes": rng.integers(-1, classes, (images, 6)),
        "crowd": rng.random((images, 6)) < 0.15,
        "areas": (places[..., 2:] - places[..., :2]).prod(-1) * rng.uniform(0.5, 1, (images, 6)),
    }
    near = np.repeat(places, 3, axis=1) * rng.uniform(0.93, 1.07, (images, 18, 4))
    far = random_boxes(images, 90, rng=rng, size=300, dtype="float64")
    labels = np.repeat(truth["classes"], 3, axis=1)
    found = {
        "boxes": np.concatenate((near, far), axis=1),
        "classes": np.concatenate((labels, rng.integers(-1, classes + 1, (images, 90))), axis=1),
        "scores": np.concatenate((rng.uniform(0.2, 1, (images, 18)), rng.uniform(0, 0.6, (images, 90))), axis=1).round(
            2
        ),
    }
    return truth, found


def coco(truth, found):
    """What pycocotools says: the twelve numbers."""
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    def rows(values):
        for i, j in np.argwhere(values["classes"] >= 0):
            x, y, right, bottom = (float(v) for v in values["boxes"][i, j])
            label = int(values["classes"][i, j])
            yield i, j, {"image_id": int(i) + 1, "category_id": label, "bbox": [x, y, right - x, bottom - y]}

    annotations = [
        {**row, "id": n + 1, "iscrowd": int(truth["crowd"][i, j]), "area": float(truth["areas"][i, j])}
        for n, (i, j, row) in enumerate(rows(truth))
    ]
    with contextlib.redirect_stdout(io.StringIO()):
        labels = COCO()
        labels.dataset = {
            "images": [{"id": i + 1} for i in range(len(truth["classes"]))],
            "categories": [{"id": label} for label in np.unique(truth["classes"]).tolist() if label >= 0],
            "annotations": annotations,
        }
        labels.createIndex()
        theirs = [{**row, "score": float(found["scores"][i, j])} for i, j, row in rows(found)]
        judge = COCOeval(labels, labels.loadRes([r for r in theirs if r["category_id"] in labels.cats]), "bbox")
        judge.evaluate(), judge.accumulate(), judge.summarize()
    return judge.stats


@pytest.mark.parity
@pytest.mark.parametrize("seed", range(3))
def test_the_metric_is_that_of_pycocotools(seed):
    pytest.importorskip("pycocotools", reason="pycocotools is the reference")
    truth, found = scenes(np.random.default_rng(seed))
    metric = detection.MeanAveragePrecision()
    for part in (slice(0, 5), slice(5, 12)):
        metric.update_state({k: v[part] for k, v in truth.items()}, {k: v[part] for k, v in found.items()})
    expected = coco(truth, found)
    assert 0.05 < expected.min() and expected.max() < 0.95
    np.testing.assert_allclose(list(metric.result().values()), expected, atol=1e-6)
    metric.reset_state()
    assert set(metric.result().values()) == {-1.0}


def test_the_metric_by_hand():
    truth = {"boxes": np.array([[[0.0, 0, 10, 10]], [[0, 0, 10, 10]]]), "classes": np.array([[1], [1]])}
    found = {"boxes": np.array([[[0.0, 0, 10, 7.2]], [[50, 50, 60, 60]]]), "classes": truth["classes"]}
    metric = detection.MeanAveragePrecision("rel_xyxy", image_shape=(10, 10))
    relative = [{**x, "boxes": x["boxes"] / 10} for x in (truth, found)]
    metric.update_state(relative[0], {**relative[1], "scores": np.array([[0.9], [0.5]])})
    result = metric.result()  # one of two found, and well enough for the overlaps 0.5 to 0.7
    assert result["AP50"] == pytest.approx(51 / 101) and result["AP75"] == 0 and result["AP_large"] == -1
    assert result["AP"] == pytest.approx(51 / 101 / 2) and result["AP_small"] == result["AP"]
    assert result["AR1"] == pytest.approx(1 / 2 / 2)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"scores": np.full((1, 1), np.nan)}, '"scores" holds numbers that are not finite'),
        ({"boxes": np.zeros((1, 2, 4))}, r'"boxes" has shape \(1, 2, 4\)'),
        (
            {"classes": np.zeros((2, 1), int), "scores": np.zeros((2, 1)), "boxes": np.zeros((2, 1, 4))},
            "1 images, y_pred 2",
        ),
    ],
)
def test_what_the_metric_cannot_count_is_told(change, message):
    truth = {"boxes": np.zeros((1, 1, 4)), "classes": np.zeros((1, 1), int)}
    with pytest.raises(ValueError, match=message):
        detection.MeanAveragePrecision().update_state(truth, {**truth, "scores": np.ones((1, 1)), **change})


def test_the_metric_in_a_graph_is_told():
    metric = detection.MeanAveragePrecision()
    step = tf.function(lambda x: metric.update_state({"boxes": x, "classes": x}, {}), autograph=False)
    with pytest.raises(TypeError, match="cannot be updated in a graph"):
        step(tf.ones(1))


# -------------------------------------------------------------------------------------------------------- whole models
def backbone(size=64):
    """Three convolutions to strides 8, 16 and 32."""
    image = keras.Input((size, size, 3))
    x = layers.Rescaling(1 / 255)(image)
    maps = []
    for stride, filters in ((8, 16), (2, 24), (2, 32)):
        x = layers.Conv2D(filters, stride + 1, strides=stride, padding="same", activation="relu")(x)
        maps.append(x)
    return keras.Model(image, maps)


def retinanet(size=64, **arguments):
    small = {
        "max_candidates": 100,
        "max_level": 5,
        "filters": 16,
        "head_depth": 1,
        "anchor_size": 2.0,
        "head_normalization": True,
    }
    return detection.RetinaNet(backbone(size), 2, **small, **arguments)


def yolo_like(size=64, **arguments):
    return detection.YOLO(backbone(size), 2, max_candidates=100, **arguments)


def scene(images=4, size=64):
    """Bright and red squares on dark ground, one or none on an image."""
    rng = np.random.default_rng(1)
    pixels = rng.integers(0, 60, (images, size, size, 3)).astype("uint8")
    places = []
    for i in range(images - 1):
        x, y, side = *rng.integers(0, 32, 2), rng.integers(14, 30)
        pixels[i, y : y + side, x : x + side, : 1 + 2 * (i % 2)] = 250
        places.append([[x, y, x + side, y + side]])
    return pixels, detection.pad_labels([*places, []], [*[[i % 2] for i in range(images - 1)], []])


MODELS = pytest.mark.parametrize("make", [retinanet, pytest.param(yolo_like, marks=pytest.mark.exhaustive)])


@MODELS
def test_a_detector_learns_and_is_kept(make, tmp_path):
    images, labels = scene()
    model = make(score_threshold=0.01, max_detections=8)
    model.compile(keras.optimizers.Adam(0.005))
    history = model.fit(images, labels, batch_size=4, epochs=40, verbose=0).history
    assert set(history) == {"loss", *model.loss_names}
    loss = np.array(history["loss"])
    np.testing.assert_allclose(sum(np.array(history[name]) for name in model.loss_names), loss, rtol=1e-4)
    assert np.isfinite(loss).all() and loss[-5:].mean() < 0.7 * loss[:5].mean()

    found = model.predict(images, verbose=0)
    assert {k: (v.shape, v.dtype.name) for k, v in found.items()} == {
        "boxes": ((4, 8, 4), "float32"),
        "classes": ((4, 8), "int32"),
        "scores": ((4, 8), "float32"),
        "counts": ((4,), "int32"),
    }
    assert found["counts"].max() > 0 and (found["boxes"].max() <= 64) and (found["boxes"].min() >= -1)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert json.dumps(loaded.get_config()) == json.dumps(model.get_config())
    again = loaded.detect(images)
    for name in found:
        np.testing.assert_allclose(again[name], found[name], atol=1e-4)


@pytest.mark.exhaustive
@pytest.mark.parametrize("make", [retinanet, yolo_like])
def test_what_is_exported_finds_the_same(make, tmp_path):
    images, _ = scene()
    model = make(score_threshold=0.001, max_detections=8)
    model.export(tmp_path / "saved", verbose=False)
    saved, found = tf.saved_model.load(str(tmp_path / "saved")), model.detect(images)
    served = saved.serve(images.astype("float32"))
    assert found["counts"].numpy().max() > 0
    for name in found:
        np.testing.assert_allclose(served[name], found[name], atol=1e-4)


@MODELS
def test_formats_of_boxes_and_free_sizes(make):
    images, labels = scene()
    pixels, relative = make(size=None), make(size=None, bounding_box_format="rel_center_xywh")
    relative.set_weights(pixels.get_weights())
    converted = bounding_boxes.convert_format(labels["boxes"], "xyxy", "rel_center_xywh", 64, 64).numpy()
    loss = pixels.compute_loss(images, labels, pixels(images))
    same = relative.compute_loss(images, {**labels, "boxes": converted}, relative(images))
    np.testing.assert_allclose(same, loss, rtol=1e-4)
    wide = np.random.default_rng(0).uniform(0, 255, (1, 90, 130, 3))  # no multiples of the strides
    found, expected = ({k: v.numpy() for k, v in model.detect(wide).items()} for model in (relative, pixels))
    np.testing.assert_array_equal(found["counts"], expected["counts"])
    back = bounding_boxes.convert_format(found["boxes"], "rel_center_xywh", "xyxy", 90, 130)
    count = found["counts"][0]
    np.testing.assert_allclose(back[0, :count], expected["boxes"][0, :count], atol=1e-3)


@MODELS
def test_what_a_detector_cannot_learn_from_is_told(make):
    images, labels = scene()
    model = make()
    model.compile("sgd")
    broken = {**labels, "boxes": labels["boxes"] * np.nan}
    with pytest.raises(ValueError, match="Box 0 of image 0 is not finite"):
        model.fit(images, broken, verbose=0)
    with pytest.raises(ValueError, match="brings its own loss, which knows no weights"):
        model.fit(images, labels, sample_weight=np.ones(4), verbose=0)
    with pytest.raises(FloatingPointError, match="boxes of a batch's labels are not finite"):
        model.evaluate(tf.data.Dataset.from_tensor_slices((images, broken)).batch(4), verbose=0)
    nothing = {"boxes": np.zeros((4, 0, 4), "float32"), "classes": np.zeros((4, 0), "int32")}
    assert np.isfinite(model.compute_loss(images, nothing, model(images)))
    with pytest.raises(ValueError, match="4 axes, not 3"):
        model.predict(images[0], verbose=0)


def test_arguments_that_do_not_fit_are_told():
    with pytest.raises(ValueError, match=r"maps of the strides \(8, 16, 32\)"):
        detection.YOLO(detection.stages("MobileNetV3Small", (2, 3, 4), None, (64, 64, 3)), 2)
    with pytest.raises(ValueError, match="format of boxes must be one of"):
        retinanet(bounding_box_format="xyz")
    with pytest.raises(ValueError, match="num_classes"):
        detection.YOLO(backbone(), 0)
    with pytest.raises(ValueError, match="There is no application .ResNet18.; there are ConvNeXtBase"):
        detection.stages("ResNet18")


def test_stages_of_an_application_take_pixels():
    network = detection.stages("ResNet50", (2, 3, 5), None, (64, 96, 3))
    assert [tuple(x.shape[1:]) for x in network.outputs] == [(16, 24, 256), (8, 12, 512), (2, 3, 2048)]


@pytest.mark.parametrize(
    ("variant", "neck_depth", "parameters"),
    [
        ("n", 1, 3_157_184),
        pytest.param("s", 1, 11_166_544, marks=pytest.mark.exhaustive),
        pytest.param("m", 2, 25_902_624, marks=pytest.mark.exhaustive),
        pytest.param("l", 3, 43_691_504, marks=pytest.mark.exhaustive),
        pytest.param("x", 3, 68_229_632, marks=pytest.mark.exhaustive),
    ],
)
def test_the_sizes_of_yolov8(variant, neck_depth, parameters):
    model = detection.YOLO(detection.csp_backbone(*yolo.VARIANTS[variant]), 80, neck_depth=neck_depth)
    assert sum(int(np.prod(w.shape)) for w in model.trainable_weights) == parameters


def test_the_loss_of_retinanet_is_its_equation():
    images, labels = scene()
    model = retinanet()
    raw = model(images)
    found = model.losses_of(raw, labels["boxes"], np.maximum(labels["classes"], 0), labels["classes"] >= 0)
    places = np.asarray(model.anchors(raw))
    logits, offsets = (
        np.concatenate([np.asarray(x).reshape(4, -1, n) for x in raw[k]], 1) for k, n in (("classes", 2), ("boxes", 4))
    )
    number, state = (x.numpy() for x in anchors.match(places, labels["boxes"], labels["classes"] >= 0))
    focal, box = 0.0, 0.0
    for i, a in np.argwhere(state >= 0):
        y = np.zeros(2)
        if state[i, a]:
            y[labels["classes"][i, number[i, a]]] = 1
            target = labels["boxes"][i, number[i, a]][None]
            coded = bounding_boxes.encode_box_to_deltas(
                places[a : a + 1], target, "xyxy", "xyxy", "center_xywh", VARIANCE
            )
            d = np.abs(np.asarray(coded)[0] - offsets[i, a])
            box += np.where(d < 1, d**2 / 2, d - 0.5).sum()
        p = 1 / (1 + np.exp(-logits[i, a]))
        p_t, alpha = np.where(y, p, 1 - p), np.where(y, 0.25, 0.75)
        focal -= (alpha * (1 - p_t) ** 2 * np.log(p_t)).sum()
    assert (state == 1).sum() >= 3
    np.testing.assert_allclose(found["class_loss"], focal / (state == 1).sum(), rtol=1e-4)
    np.testing.assert_allclose(found["box_loss"], box / (state == 1).sum(), rtol=1e-4)


@pytest.mark.exhaustive
def test_two_devices_have_the_loss_of_one():
    images, labels = scene()
    keras.utils.set_random_seed(0)
    alone = retinanet()
    alone.compile("sgd")
    with tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]).scope():
        together = retinanet()
        together.compile("sgd")
    together.set_weights(alone.get_weights())
    expected = alone.evaluate(images, labels, batch_size=4, verbose=0)
    np.testing.assert_allclose(together.evaluate(images, labels, batch_size=4, verbose=0), expected, rtol=1e-4)


def test_in_mixed_precision():
    keras.config.set_dtype_policy("mixed_bfloat16")
    images, labels = scene()
    model = yolo_like()
    raw = model(images)
    assert raw["boxes"][0].dtype == "bfloat16" and raw["boxes"][0].shape == (4, 8, 8, 64)
    assert np.isfinite(model.compute_loss(images, labels, raw))
    assert model.detect(images)["boxes"].dtype == "float32"
