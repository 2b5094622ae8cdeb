"""RetinaNet: anchors all over a feature pyramid, and a loss that is not drowned by the easy ones.

Lin et al. 2017, "Focal Loss for Dense Object Detection", https://arxiv.org/abs/1708.02002. Two small networks of
convolutions, shared by all levels, say for each anchor which classes it shows and how its box lies beside it. Nearly all
anchors show nothing and are soon sure of it; the focal loss turns these down:

    L = -alpha_t (1 - p_t)^gamma log p_t        p_t the probability of what is true, alpha = 0.25, gamma = 2

Axes: B batch, N boxes of an image, A anchors of all levels, K anchors at a point, C classes.
"""

import math
from collections.abc import Sequence
from typing import Any

import hornbook as keras
from hornbook import initializers, layers, losses, ops
from hornbook.saving import register_keras_serializable
from hornbook.utils.bounding_boxes import decode_deltas_to_boxes, encode_box_to_deltas
from hornbook_applications.detection.anchors import match, pyramid_anchors
from hornbook_applications.detection.detector import Detector, check_strides, joined, sizes_of
from hornbook_applications.detection.losses import share, smooth_l1
from hornbook_applications.detection.pyramid import feature_pyramid

__all__ = ["RetinaNet"]

VARIANCE = (0.1, 0.1, 0.2, 0.2)  # what offsets are divided by, so that they are about 1
LARGEST = math.log(1000 / 16) / 0.2  # the largest offset of a size that is believed


def head(filters: int, depth: int, outputs: int, bias: float, normalize: bool, name: str) -> Any:
    """`depth` convolutions of 3 x 3 with ReLU, then one that gives the outputs of each place.

    Args:
        filters: channels of its input and inside.
        depth: convolutions before the last one.
        outputs: channels of its output.
        bias: of the last convolution at the start.
        normalize: normalize groups of eight channels after each convolution.
        name: the name of the model.
    """
    small = initializers.RandomNormal(stddev=0.01)
    x = [keras.Input((None, None, filters))]
    for i in range(depth):
        start = "he_normal" if normalize else small
        x.append(layers.Conv2D(filters, 3, padding="same", kernel_initializer=start, name=f"conv_{i}"))
        if normalize:
            x.append(layers.GroupNormalization(max(filters // 8, 1), name=f"norm_{i}"))
        x.append(layers.ReLU(name=f"relu_{i}"))
    start = initializers.Constant(bias)
    x.append(
        layers.Conv2D(outputs, 3, padding="same", kernel_initializer=small, bias_initializer=start, name="outputs")
    )
    return keras.Sequential(x, name=name)


@register_keras_serializable("hornbook_applications")
class RetinaNet(Detector):
    """RetinaNet on any network that gives maps.

    Args:
        backbone: a model from images to maps of the levels `min_level`, min_level + 1, ... (strides 8, 16, ...), such as
            `detection.stages("ResNet50")`; preprocessing is its own.
        num_classes: classes are 0 to num_classes - 1.
        bounding_box_format: of the labels and of what is found.
        min_level, max_level: the levels of the pyramid; those that the backbone does not give come of its coarsest map.
        filters: channels of the pyramid and the heads.
        head_depth: convolutions of each head before the last.
        head_normalization: normalize groups of channels in the heads: for training from scratch.
        anchor_size, aspect_ratios, num_scales: of `pyramid_anchors`.
        iou_threshold, score_threshold, max_detections, max_candidates: of `non_max_suppression`.

    Raises:
        ValueError: for maps that are not of the levels' sizes.

    >>> from hornbook_applications import detection
    >>> backbone = detection.stages("MobileNetV3Small", weights=None, input_shape=(64, 64, 3))
    >>> model = detection.RetinaNet(backbone, num_classes=3, filters=32, head_depth=1, max_level=6)
    >>> [tuple(x.shape) for x in model(keras.ops.zeros((1, 64, 64, 3)))["boxes"]]  # nine anchors at each place
    [(1, 8, 8, 36), (1, 4, 4, 36), (1, 2, 2, 36), (1, 1, 1, 36)]
    """

    loss_names = ("class_loss", "box_loss")

    def __init__(
        self,
        backbone: Any,
        num_classes: int,
        bounding_box_format: str = "xyxy",
        min_level: int = 3,
        max_level: int = 7,
        filters: int = 256,
        head_depth: int = 4,
        head_normalization: bool = False,
        anchor_size: float = 4.0,
        aspect_ratios: Sequence[float] = (0.5, 1.0, 2.0),
        num_scales: int = 3,
        iou_threshold: float = 0.5,
        score_threshold: float = 0.05,
        max_detections: int = 100,
        max_candidates: int = 1000,
        **kwargs: Any,
    ) -> None:
        thresholds = (iou_threshold, score_threshold, max_detections, max_candidates)
        super().__init__(backbone, num_classes, bounding_box_format, *thresholds, **kwargs)
        self.strides = [2**level for level in range(min_level, max_level + 1)]
        self.shapes = {"anchor_size": anchor_size, "aspect_ratios": tuple(aspect_ratios), "num_scales": num_scales}
        per_place = len(tuple(aspect_ratios)) * num_scales  # K

        def outputs(maps: Sequence) -> dict[str, list]:
            check_strides(backbone.input, maps, self.strides[: len(maps)])
            maps = feature_pyramid(maps, filters, len(self.strides))
            rare = -math.log((1 - 0.01) / 0.01)  # at the start, an anchor shows a class with probability 0.01
            said = head(filters, head_depth, per_place * num_classes, rare, head_normalization, "class_head")
            lies = head(filters, head_depth, per_place * 4, 0.0, head_normalization, "box_head")
            return {"boxes": [lies(x) for x in maps], "classes": [said(x) for x in maps]}

        self._make_network(backbone, outputs)

    def anchors(self, raw: Any) -> Any:
        """The anchors for maps of these sizes, (A, 4), xyxy."""
        return pyramid_anchors(sizes_of(raw["classes"]), self.strides, **self.shapes)

    def losses_of(self, raw: Any, boxes: Any, classes: Any, is_box: Any) -> dict[str, Any]:
        """The focal loss of all anchors that learn, and smooth L1 of those that found a box, both over the number of these."""
        anchors = self.anchors(raw)
        number, state = match(anchors, boxes, is_box)  # (B, A)
        logits, offsets = joined(raw["classes"], self.num_classes), joined(raw["boxes"], 4)  # (B, A, C), (B, A, 4)

        is_positive = state == 1
        mine = ops.where(is_positive, ops.take_along_axis(classes, number, axis=1), -1)  # (B, A); -1: no class
        truth = ops.one_hot(mine, self.num_classes)
        focus = {"apply_class_balancing": True, "alpha": 0.25, "gamma": 2.0, "from_logits": True}
        focal = self.num_classes * losses.binary_focal_crossentropy(truth, logits, **focus)  # a sum over classes

        box = ops.take_along_axis(boxes, ops.expand_dims(number, -1), axis=1)  # (B, A, 4)
        targets = encode_box_to_deltas(anchors, box, "xyxy", "xyxy", "center_xywh", VARIANCE)
        return {
            "class_loss": share(ops.where(state >= 0, focal, 0.0), is_positive),
            "box_loss": share(ops.where(is_positive, smooth_l1(targets, offsets), 0.0), is_positive),
        }

    def decode(self, raw: Any) -> tuple[Any, Any]:
        """The boxes that offsets make of anchors, and the probabilities of classes."""
        offsets = joined(raw["boxes"], 4)
        offsets = ops.concatenate((offsets[..., :2], ops.minimum(offsets[..., 2:], LARGEST)), axis=-1)
        boxes = decode_deltas_to_boxes(self.anchors(raw), offsets, "xyxy", "xyxy", "center_xywh", VARIANCE)
        return boxes, ops.sigmoid(joined(raw["classes"], self.num_classes))
