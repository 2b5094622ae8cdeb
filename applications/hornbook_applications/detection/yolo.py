"""A detector in one look, in the manner of YOLOv8: no anchors, distances as distributions, both tasks aligned.

Redmon et al. 2015, "You Only Look Once", https://arxiv.org/abs/1506.02640; the architecture is that of Ultralytics' YOLOv8
(2023), the blocks those of Wang et al. 2019, "CSPNet", https://arxiv.org/abs/1911.11929; the way back up is that of Liu et al.
2018, "Path Aggregation Network", https://arxiv.org/abs/1803.01534; distances as distributions are those of Li et al. 2020,
"Generalized Focal Loss", https://arxiv.org/abs/2006.04388; which points learn which box is decided as in Feng et al. 2021,
"TOOD: Task-aligned One-stage Object Detection", https://arxiv.org/abs/2108.07755.

Each point of three maps (strides 8, 16, 32) says the classes it shows and how far the four sides of its box are.

Axes: B batch, H height, W width, N boxes of an image, A points of all maps, C classes, R bins of a distance.
"""

import math
from collections.abc import Sequence
from typing import Any

import hornbook as keras
from hornbook import initializers, layers, losses, ops
from hornbook.saving import register_keras_serializable
from hornbook.utils.bounding_boxes import compute_ciou
from hornbook_applications.detection.anchors import pyramid_points
from hornbook_applications.detection.boxes import boxes_to_distances, distances_to_boxes
from hornbook_applications.detection.detector import Detector, check_strides, joined, sizes_of
from hornbook_applications.detection.losses import (
    complete_iou_loss,
    distribution_focal_loss,
    expected_distances,
    share,
)
from hornbook_applications.detection.pyramid import UpsampleLike

__all__ = ["VARIANTS", "YOLO", "align", "csp_backbone"]

# The factors of depth and width, and the largest width: csp_backbone(*VARIANTS["n"]).
VARIANTS = {
    "n": (1 / 3, 0.25, 1024),
    "s": (1 / 3, 0.50, 1024),
    "m": (2 / 3, 0.75, 768),
    "l": (1.0, 1.00, 512),
    "x": (1.0, 1.25, 512),
}
STRIDES = (8, 16, 32)
BINS = 16  # R: a side is 0 to 15 cells away
WEIGHTS = {"class_loss": 0.5, "box_loss": 7.5, "distribution_loss": 1.5}  # of the parts in the loss


# --------------------------------------------------------------------------------------------------------------- parts
def convolve(x: Any, filters: int, kernel: int, stride: int = 1, name: str = "conv") -> Any:
    """silu(normalize(W * x)): (B, H, W, any) -> (B, H / stride, W / stride, filters)."""
    x = layers.Conv2D(filters, kernel, strides=stride, padding="same", use_bias=False, name=f"{name}_conv")(x)
    x = layers.BatchNormalization(momentum=0.97, epsilon=1e-3, name=f"{name}_bn")(x)
    return layers.Activation("silu", name=f"{name}_silu")(x)


def csp_stage(x: Any, filters: int, depth: int, shortcut: bool, name: str) -> Any:
    """Half of the channels go through `depth` blocks of two convolutions; all that came about on the way is put together.

    Args:
        x: (B, H, W, any).
        filters: channels of the result.
        depth: how many blocks.
        shortcut: add a block's input to its output.
        name: begins the names of its layers.

    Returns:
        (B, H, W, filters).
    """
    x = convolve(x, filters, 1, name=f"{name}_in")
    parts = [x[..., : filters // 2], x[..., filters // 2 :]]
    for i in range(depth):
        y = convolve(parts[-1], filters // 2, 3, name=f"{name}_block_{i}_a")
        y = convolve(y, filters // 2, 3, name=f"{name}_block_{i}_b")
        parts.append(layers.Add(name=f"{name}_block_{i}_add")([parts[-1], y]) if shortcut else y)
    x = layers.Concatenate(name=f"{name}_join")(parts)
    return convolve(x, filters, 1, name=f"{name}_out")


def pool_pyramid(x: Any, filters: int, name: str) -> Any:
    """The largest values of windows of 5, 9 and 13 places beside the place itself: context at the price of pooling."""
    parts = [convolve(x, x.shape[-1] // 2, 1, name=f"{name}_in")]
    for i in range(3):
        parts.append(layers.MaxPooling2D(5, strides=1, padding="same", name=f"{name}_pool_{i}")(parts[-1]))
    return convolve(layers.Concatenate(name=f"{name}_join")(parts), filters, 1, name=f"{name}_out")


def csp_backbone(
    depth: float = 1 / 3,
    width: float = 0.25,
    largest: int = 1024,
    input_shape: tuple = (None, None, 3),
    name: str = "csp_backbone",
) -> Any:
    """The network beneath: pixels 0 to 255, a stem and four stages, each halving the image.

    Args:
        depth, width: factors of 3, 6, 6, 3 blocks and of 64, 128, 256, 512, 1024 channels; `VARIANTS` has the usual ones.
        largest: channels, before the factor, are no more.
        input_shape: (height, width, channels).
        name: the model's name.

    Returns:
        a model from images to the maps of strides 8, 16 and 32.

    >>> from hornbook_applications.detection.yolo import VARIANTS, csp_backbone
    >>> [x.shape[-1] for x in csp_backbone(*VARIANTS["n"]).outputs]
    [64, 128, 256]
    """
    widths = [8 * math.ceil(min(channels, largest) * width / 8) for channels in (64, 128, 256, 512, 1024)]
    depths = [max(round(blocks * depth), 1) for blocks in (3, 6, 6, 3)]
    image = keras.Input(input_shape)
    x = layers.Rescaling(1 / 255, name="rescaling")(image)
    x = convolve(x, widths[0], 3, 2, name="stem")  # (B, H / 2, W / 2, 64)
    maps = []
    for i, (filters, blocks) in enumerate(zip(widths[1:], depths, strict=True)):
        x = convolve(x, filters, 3, 2, name=f"stage_{i}_down")
        x = csp_stage(x, filters, blocks, True, name=f"stage_{i}")
        maps.append(x)
    maps[-1] = pool_pyramid(x, widths[-1], name="context")
    return keras.Model(image, maps[1:], name=name)


def path_aggregation(maps: Sequence, depth: int) -> list:
    """From the coarsest map down to the finest and up again; at each step the two maps of a size are joined.

    Args:
        maps: three symbolic maps, the finest first.
        depth: blocks of each stage.

    Returns:
        maps of the same shapes.
    """
    fine, middle, coarse = maps
    widths = [x.shape[-1] for x in maps]
    joint = layers.Concatenate(name="down_1_maps")([UpsampleLike(name="down_1_up")([coarse, middle]), middle])
    middle = csp_stage(joint, widths[1], depth, False, "down_1")
    joint = layers.Concatenate(name="down_0_maps")([UpsampleLike(name="down_0_up")([middle, fine]), fine])
    fine = csp_stage(joint, widths[0], depth, False, "down_0")
    joint = layers.Concatenate(name="up_1_maps")([convolve(fine, widths[0], 3, 2, "up_1_down"), middle])
    middle = csp_stage(joint, widths[1], depth, False, "up_1")
    joint = layers.Concatenate(name="up_2_maps")([convolve(middle, widths[1], 3, 2, "up_2_down"), coarse])
    return [fine, middle, csp_stage(joint, widths[2], depth, False, "up_2")]


def branch(x: Any, filters: int, outputs: int, bias: float, name: str) -> Any:
    """Two convolutions of 3 x 3 and one of 1 x 1: one of the two tasks on one map."""
    x = convolve(convolve(x, filters, 3, name=f"{name}_a"), filters, 3, name=f"{name}_b")
    return layers.Conv2D(outputs, 1, bias_initializer=initializers.Constant(bias), name=name)(x)


def align(
    scores: Any,
    found: Any,
    points: Any,
    boxes: Any,
    classes: Any,
    is_box: Any,
    points_per_box: int = 10,
    alpha: float = 0.5,
    beta: float = 6.0,
) -> tuple[Any, Any]:
    """Which points learn which box, and what score each is to reach: those that do both tasks best already.

    Of a point inside a box, alignment = score^alpha ciou^beta, with its score of the box's class and its own box's overlap.
    The best points of each box learn it; a point that is among the best of several takes the box it overlaps most. The
    target of a point is its alignment, scaled so that the best point of a box is to reach the largest overlap found for it.

    Args:
        scores: (B, A, C), from 0 to 1.
        found: (B, A, 4), the boxes as predicted, xyxy.
        points: (A, 2).
        boxes: (B, N, 4), xyxy; N at least 1.
        classes: (B, N), from 0 to C - 1.
        is_box: (B, N): False for filling.
        points_per_box: so many points learn a box, at the most.
        alpha, beta: powers of the two tasks.

    Returns:
        the number of the box of each point, (B, A), and its target, (B, A): 0 where it is to say that there is nothing.

    Source: Feng et al. 2021, section 3.2, https://arxiv.org/abs/2108.07755

    >>> from hornbook_applications.detection.yolo import align
    >>> box = [[[0.0, 0, 8, 8]]]
    >>> number, target = align([[[0.9], [0.9]]], [[*box[0], *box[0]]], [[4.0, 4.0], [12.0, 4.0]], box, [[0]], [[True]])
    >>> print(target.numpy().round(3))
    [[1. 0.]]
    """
    scores, points, boxes = (ops.convert_to_tensor(x, "float32") for x in (scores, points, boxes))
    sides = boxes_to_distances(ops.expand_dims(points, 1), ops.expand_dims(boxes, 1))  # (B, A, N, 4)
    inside = ops.logical_and(ops.min(sides, axis=-1) > 0, ops.expand_dims(is_box, 1))
    overlap = ops.maximum(compute_ciou(ops.expand_dims(found, 2), ops.expand_dims(boxes, 1), "xyxy"), 0.0)  # (B, A, N)
    of_class = ops.matmul(scores, ops.one_hot(classes, scores.shape[-1], axis=1))  # (B, A, C) x (B, C, N)
    alignment = ops.where(inside, of_class**alpha * overlap**beta, 0.0)

    count = alignment.shape[1]
    count = points_per_box if count is None else min(points_per_box, count)
    least = ops.top_k(ops.transpose(alignment, (0, 2, 1)), count)[0][..., -1]  # (B, N)
    chosen = ops.logical_and(alignment >= ops.expand_dims(least, 1), alignment > 0)
    number = ops.cast(ops.argmax(ops.where(chosen, overlap, -1.0), axis=-1), "int32")  # (B, A)
    chosen = ops.logical_and(chosen, ops.expand_dims(number, -1) == ops.arange(ops.shape(boxes)[1]))

    alignment, overlap = ops.where(chosen, alignment, 0.0), ops.where(chosen, overlap, 0.0)
    scale = ops.divide_no_nan(ops.max(overlap, axis=1, keepdims=True), ops.max(alignment, axis=1, keepdims=True))
    return number, ops.max(alignment * scale, axis=-1)


# --------------------------------------------------------------------------------------------------------------- whole
@register_keras_serializable("hornbook_applications")
class YOLO(Detector):
    """A detector like YOLOv8 on any network that gives maps of the strides 8, 16 and 32.

    Args:
        backbone: a model from images to three maps, such as `csp_backbone(*VARIANTS["n"])`; preprocessing is its own.
        num_classes: classes are 0 to num_classes - 1.
        bounding_box_format: of the labels and of what is found.
        neck_depth: blocks of each stage between backbone and heads: 1 for the variants n and s, 2 for m, 3 for l and x.
        iou_threshold, score_threshold, max_detections, max_candidates: of `non_max_suppression`.

    Raises:
        ValueError: for maps of other strides.

    >>> from hornbook_applications import detection
    >>> model = detection.YOLO(detection.csp_backbone(1 / 3, 0.125, input_shape=(64, 64, 3)), num_classes=3)
    >>> [tuple(x.shape) for x in model(keras.ops.zeros((1, 64, 64, 3)))["boxes"]]  # 16 bins for each of four sides
    [(1, 8, 8, 64), (1, 4, 4, 64), (1, 2, 2, 64)]
    """

    loss_names = tuple(WEIGHTS)

    def __init__(
        self,
        backbone: Any,
        num_classes: int,
        bounding_box_format: str = "xyxy",
        neck_depth: int = 1,
        iou_threshold: float = 0.5,
        score_threshold: float = 0.05,
        max_detections: int = 100,
        max_candidates: int = 1000,
        **kwargs: Any,
    ) -> None:
        thresholds = (iou_threshold, score_threshold, max_detections, max_candidates)
        super().__init__(backbone, num_classes, bounding_box_format, *thresholds, **kwargs)

        def outputs(maps: Sequence) -> dict[str, list]:
            check_strides(backbone.input, maps, STRIDES)
            finest = maps[0].shape[-1]
            box_width, class_width = max(16, finest // 4, 4 * BINS), max(finest, min(num_classes, 100))
            raw: dict[str, list] = {"boxes": [], "classes": []}
            for i, (x, stride) in enumerate(zip(path_aggregation(maps, neck_depth), STRIDES, strict=True)):
                few = math.log(5 / num_classes / (640 / stride) ** 2)  # five objects on an image of 640 x 640
                raw["boxes"].append(branch(x, box_width, 4 * BINS, 1.0, f"boxes_{i}"))
                raw["classes"].append(branch(x, class_width, num_classes, few, f"classes_{i}"))
            return raw

        self._make_network(backbone, outputs)

    def distributions(self, raw: Any) -> tuple[Any, Any, Any]:
        """The logits of all distances, (B, A, 4, R), the points, (A, 2), and their strides, (A, 1)."""
        logits = joined(raw["boxes"], 4 * BINS)
        points, strides = pyramid_points(sizes_of(raw["boxes"]), STRIDES)
        return ops.reshape(logits, (ops.shape(logits)[0], -1, 4, BINS)), points, strides

    def losses_of(self, raw: Any, boxes: Any, classes: Any, is_box: Any) -> dict[str, Any]:
        """Of all points the entropy of the classes, of those that learn a box two losses of it; over the sum of targets."""
        logits, points, strides = self.distributions(raw)
        found = distances_to_boxes(points, expected_distances(logits) * strides)  # (B, A, 4)
        said = joined(raw["classes"], self.num_classes)  # (B, A, C)
        scores = ops.sigmoid(said)
        number, target = align(
            ops.stop_gradient(scores), ops.stop_gradient(found), points, boxes, classes, is_box
        )  # (B, A)
        mine = ops.take_along_axis(classes, number, axis=1)
        truth = ops.one_hot(mine, self.num_classes) * ops.expand_dims(target, -1)  # (B, A, C)
        box = ops.take_along_axis(boxes, ops.expand_dims(number, -1), axis=1)  # (B, A, 4)
        sides = ops.clip(boxes_to_distances(points, box) / strides, 0.0, BINS - 1.01)
        learns = target > 0
        parts = {
            "class_loss": self.num_classes
            * losses.binary_crossentropy(truth, said, from_logits=True),  # a sum over classes
            "box_loss": ops.where(learns, complete_iou_loss(box, found), 0.0) * target,
            "distribution_loss": ops.where(learns, distribution_focal_loss(sides, logits), 0.0) * target,
        }
        return {name: WEIGHTS[name] * share(values, target) for name, values in parts.items()}

    def decode(self, raw: Any) -> tuple[Any, Any]:
        """The boxes that expected distances make of points, and the probabilities of classes."""
        logits, points, strides = self.distributions(raw)
        boxes = distances_to_boxes(points, expected_distances(logits) * strides)
        return boxes, ops.sigmoid(joined(raw["classes"], self.num_classes))
