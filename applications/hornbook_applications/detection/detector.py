"""What detectors share: labels in, losses, detections out.

A detector is a network from images to raw numbers for each anchor or point of each map of a pyramid. `fit` compares these
with labels; `predict`, `detect` and what `export` writes turn them into boxes, classes and scores.

Axes: B batch, N boxes of an image, A anchors or points of all maps, C classes, D detections.
"""

from collections.abc import Sequence
from typing import Any

import hornbook as keras
from hornbook import backend, ops
from hornbook.core.arguments import positive_integer
from hornbook.core.registry import deserialize_keras_object
from hornbook.losses.base import part_of_mean
from hornbook.utils.bounding_boxes import clip_to_image_size, convert_format
from hornbook_applications.detection.boxes import check_labels
from hornbook_applications.detection.suppression import non_max_suppression

__all__ = ["Detector"]


class Detector(keras.Model):
    """Base of detectors: a subclass makes `network` and defines `losses_of` and `decode`.

    Args:
        backbone: a model from images to a list of maps, the finest first; preprocessing is its own.
        num_classes: classes are 0 to num_classes - 1.
        bounding_box_format: of the labels and of what is found; see `hornbook.utils.bounding_boxes`.
        iou_threshold, score_threshold, max_detections, max_candidates: of `non_max_suppression`.

    Call:
        images (B, H, W, 3), uint8 or floats. Returns the raw numbers, {"boxes": [...], "classes": [...]}: for each map
        (B, h, w, ...).

    Training:
        `compile` takes an optimizer and no loss. `fit(images, {"boxes": (B, N, 4), "classes": (B, N)})`, filled up with the
        class -1; `hornbook_applications.detection.pad_labels` makes that of lists.

    Raises:
        ValueError: for labels that cannot be learned from; see `check_labels`. Those of a `tf.data.Dataset` are looked at for
            shapes, and in the graph for numbers that are not finite (FloatingPointError).

    >>> from hornbook_applications import detection
    >>> issubclass(detection.RetinaNet, detection.Detector), issubclass(detection.YOLO, detection.Detector)
    (True, True)
    """

    loss_names: tuple[str, ...] = ()
    network: Any

    def __init__(
        self,
        backbone: Any,
        num_classes: int,
        bounding_box_format: str = "xyxy",
        iou_threshold: float = 0.5,
        score_threshold: float = 0.05,
        max_detections: int = 100,
        max_candidates: int = 1000,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        positive_integer(num_classes, "num_classes")
        convert_format([[0.0, 0, 1, 1]], bounding_box_format, "xyxy", height=1, width=1)  # a format that there is
        self.input_spec = keras.InputSpec(ndim=4)
        self.num_classes, self.bounding_box_format = num_classes, bounding_box_format
        self.iou_threshold, self.score_threshold = iou_threshold, score_threshold
        self.max_detections, self.max_candidates = max_detections, max_candidates
        self.parts_of_loss = [keras.metrics.Mean(name=name) for name in self.loss_names]

    def _make_network(self, backbone: Any, make_outputs: Any) -> None:
        """`network`: the backbone, and what `make_outputs(maps)` puts on its maps."""
        image = keras.Input(backbone.input_shape[1:])
        self.network = keras.Model(image, make_outputs(backbone(image)), name="network")
        self.build((None, *backbone.input_shape[1:]))

    @property
    def backbone(self) -> Any:
        """The model that gives the maps."""
        return self.network.layers[1]

    def call(self, images: Any, training: bool | None = None) -> Any:
        return self.network(ops.cast(images, self.compute_dtype), training=training)

    # -------------------------------------------------------------------------------------------------------- learning
    def losses_of(self, raw: Any, boxes: Any, classes: Any, is_box: Any) -> dict[str, Any]:
        """The parts of the loss.

        Args:
            raw: what `call` gave.
            boxes: (B, N, 4), xyxy in pixels, N at least 1.
            classes: (B, N).
            is_box: (B, N): False for filling.

        Returns:
            a number for each of `loss_names`; replicas' numbers add up to those of the whole batch.
        """
        raise NotImplementedError(f"{type(self).__name__} must define losses_of(self, raw, boxes, classes, is_box).")

    def compute_loss(
        self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None, training: bool = True
    ) -> Any:
        """The sum of the parts of the loss, and what layers add."""
        if self.loss is not None or sample_weight is not None:
            raise ValueError(
                f"{type(self).__name__} brings its own loss, which knows no weights of samples: compile(optimizer), then "
                "fit(images, labels)."
            )
        check_labels(y, self.num_classes, self.bounding_box_format)
        classes = ops.cast(y["classes"], "int32")
        boxes = ops.cast(y["boxes"], "float32")
        # A row of filling more, so that there is one also where no image of the batch holds a box.
        classes = ops.pad(classes, ((0, 0), (0, 1)), constant_values=-1)
        boxes = ops.pad(boxes, ((0, 0), (0, 1), (0, 0)))
        is_box = classes >= 0
        height, width = ops.shape(x)[1:3]
        boxes = ops.where(ops.expand_dims(is_box, -1), boxes, 0.0)
        boxes = backend.check_finite(boxes, "The boxes of a batch's labels are not finite", "Look at the data.")
        boxes = convert_format(boxes, self.bounding_box_format, "xyxy", height, width)
        parts = self.losses_of(y_pred, boxes, ops.maximum(classes, 0), is_box)
        rows = ops.shape(x)[0]
        for metric in self.parts_of_loss:
            metric.update_state(backend.all_reduce_sum(parts[metric.name]), sample_weight=rows)
        return sum([*parts.values(), *(part_of_mean(loss, x) for loss in self.losses)])

    def fit(self, x: Any = None, y: Any = None, *args: Any, validation_data: Any = None, **kwargs: Any) -> Any:
        """As `Model.fit`, on labels that were looked at."""
        self._check(y)
        if isinstance(validation_data, tuple):
            self._check(validation_data[1])
        return super().fit(x, y, *args, validation_data=validation_data, **kwargs)

    def evaluate(self, x: Any = None, y: Any = None, *args: Any, **kwargs: Any) -> Any:
        """As `Model.evaluate`, on labels that were looked at."""
        self._check(y)
        return super().evaluate(x, y, *args, **kwargs)

    def _check(self, labels: Any) -> None:
        if labels is not None:  # else a data set brings them
            check_labels(labels, self.num_classes, self.bounding_box_format)

    # --------------------------------------------------------------------------------------------------------- finding
    def decode(self, raw: Any) -> tuple[Any, Any]:
        """The box and the scores of every anchor or point: (B, A, 4), xyxy in pixels, and (B, A, C), from 0 to 1.

        Args:
            raw: what `call` gave.
        """
        raise NotImplementedError(f"{type(self).__name__} must define decode(self, raw).")

    def detect(self, images: Any) -> dict[str, Any]:
        """What is on images, and where.

        Args:
            images: (B, H, W, 3), uint8 or floats.

        Returns:
            {"boxes": (B, D, 4), "classes": (B, D), "scores": (B, D), "counts": (B,)}: the best first, filled up with -1.
        """
        boxes, scores = self.decode(self(images, training=False))
        height, width = ops.shape(images)[1:3]
        boxes = clip_to_image_size({"boxes": boxes}, height, width)["boxes"]
        found = non_max_suppression(
            boxes, scores, self.iou_threshold, self.score_threshold, self.max_detections, self.max_candidates
        )
        converted = convert_format(found["boxes"], "xyxy", self.bounding_box_format, height, width)
        return {**found, "boxes": ops.where(ops.expand_dims(found["classes"] >= 0, -1), converted, -1.0)}

    def predict_step(self, data: Any) -> Any:
        """What is found on one batch."""
        return self.detect(keras.utils.unpack_x_y_sample_weight(data)[0])

    def export(
        self,
        filepath: Any,
        format: str = "tf_saved_model",
        verbose: bool | None = None,
        input_signature: Any = None,
        **kwargs: Any,
    ) -> None:
        """As `Model.export`; what is written gives what `detect` does, the suppression in its graph."""
        serving = _Serving(self, name=self.name)
        serving.build((None, *self.backbone.input_shape[1:]))
        keras.Model.export(serving, filepath, format, verbose, input_signature, **kwargs)

    # --------------------------------------------------------------------------------------------------------- configs
    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Any:
        """The detector that `config` describes, its weights at their start."""
        backbone = deserialize_keras_object(config["backbone"], custom_objects=custom_objects)
        return cls(**{**config, "backbone": backbone})


class _Serving(keras.Model):
    """A detector whose call is `detect`."""

    def __init__(self, detector: Detector, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.detector = detector

    def call(self, images: Any) -> Any:
        return self.detector.detect(images)


# --------------------------------------------------------------------------------------------------------------- shapes
def sizes_of(maps: Sequence) -> list[tuple]:
    """The height and width of each map."""
    return [ops.shape(x)[1:3] for x in maps]


def joined(maps: Sequence, numbers: int) -> Any:
    """All maps as one list of places: [(B, h, w, k numbers), ...] -> (B, A, numbers), in floats of 32 bits.

    Args:
        maps: the finest first.
        numbers: how many belong to one anchor or point.
    """
    flat = [ops.reshape(x, (ops.shape(x)[0], -1, numbers)) for x in maps]
    return ops.cast(ops.concatenate(flat, axis=1), "float32")


def check_strides(image: Any, maps: Sequence, strides: Sequence[int]) -> None:
    """Say where maps are not of the sizes that their strides make.

    Args:
        image: symbolic, (B, H, W, C).
        maps: symbolic, (B, h, w, C).
        strides: one for each map.

    Raises:
        ValueError: for another number of maps, or a map of another size.
    """
    shapes = [tuple(x.shape[1:3]) for x in maps]
    height, width = image.shape[1:3]
    expected = [tuple(None if n is None else -(-n // stride) for n in (height, width)) for stride in strides]
    if shapes != expected:
        raise ValueError(
            f"The backbone must give maps of the strides {tuple(strides)}, for images of {height} x {width} a list of the sizes "
            f"{expected}; got {shapes}."
        )
