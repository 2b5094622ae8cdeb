"""COCO's measure of detectors: the mean average precision.

Lin et al. 2014, "Microsoft COCO: Common Objects in Context", https://arxiv.org/abs/1405.0312; https://cocodataset.org/#detection-eval
says how it is counted, and pycocotools is what it is counted with: the numbers here are the same.

For each class and each of ten overlaps t = 0.5, 0.55 ... 0.95: the detections of all images, the best first, are right where
they overlap a box of the labels that none before has taken by t or more. With the first k of them,

    precision = right / k        recall = right / boxes of the labels

and the average precision is the mean, over the recalls 0, 0.01 ... 1, of the best precision that reaches the recall.
"""

from typing import Any

import numpy as np

import hornbook as keras
from hornbook import backend
from hornbook.saving import register_keras_serializable
from hornbook.utils.bounding_boxes import convert_format

__all__ = ["MeanAveragePrecision"]

OVERLAPS = np.linspace(0.5, 0.95, 10)
RECALLS = np.linspace(0, 1, 101)
# Square pixels; a box counts among all those in whose range it lies.
AREAS = {"": (0, 1e10), "small": (0, 32**2), "medium": (32**2, 96**2), "large": (96**2, 1e10)}
MOST = (1, 10, 100)  # detections of a class on an image


@register_keras_serializable("hornbook_applications")
class MeanAveragePrecision(keras.metrics.Metric):
    """Average precision and recall as COCO counts them, over all images since the last reset.

    It remembers what was found, in arrays of any length, so it is not for `compile(metrics=...)`: update it with what
    `predict` gives.

    Args:
        bounding_box_format: of both sides' boxes.
        image_shape: (height, width, ...), for relative formats: areas are counted in pixels.
        name: the metric's name.
        dtype: of nothing; results are Python floats, counted in 64 bits.

    Update:
        y_true: {"boxes": (B, N, 4), "classes": (B, N)}, filled up with the class -1. There may be "crowd" (B, N), true where a
            box stands for many things, which may be found any number of times and need not be; and "areas" (B, N), where they
            are not those of the boxes.
        y_pred: {"boxes": (B, D, 4), "classes": (B, D), "scores": (B, D)}, filled up with the class -1.

    Returns:
        {"AP", "AP50", "AP75", "AP_small", "AP_medium", "AP_large", "AR1", "AR10", "AR100", "AR_small", "AR_medium",
        "AR_large"}: means over classes, and over overlaps except AP50 and AP75; -1 where there was nothing to find.

    Raises:
        ValueError: for arrays whose shapes do not go together, and numbers that are not finite.
        TypeError: in a graph.

    >>> from hornbook_applications import detection
    >>> metric = detection.MeanAveragePrecision()
    >>> truth = {"boxes": [[[10, 10, 50, 50], [60, 60, 90, 90]]], "classes": [[0, 0]]}
    >>> found = {"boxes": [[[10, 10, 50, 48], [0, 0, 5, 5]]], "classes": [[0, 0]], "scores": [[0.9, 0.3]]}
    >>> metric.update_state(truth, found)
    >>> round(metric.result()["AP50"], 4), metric.result()["AR100"]
    (0.505, 0.5)
    """

    def __init__(
        self,
        bounding_box_format: str = "xyxy",
        image_shape: Any = None,
        name: str = "mean_average_precision",
        dtype: Any = None,
    ) -> None:
        super().__init__(dtype=dtype, name=name)
        self.bounding_box_format, self.image_shape = bounding_box_format, image_shape
        self._corners(np.zeros((0, 4)))  # a format that there is, with all that it needs
        self.reset_state()

    def reset_state(self) -> None:
        """Forget all images."""
        self._found: dict[int, list[tuple]] = {}  # of each class: scores (D,), right and left out (areas, overlaps, D)
        self._to_find: dict[int, np.ndarray] = {}  # of each class: boxes of the labels in each range of areas

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Count a batch in."""
        if sample_weight is not None:
            raise ValueError(f"{type(self).__name__} knows no weights of samples.")
        truth = self._arrays("y_true", y_true, ("boxes", "classes"), ("crowd", "areas"))
        found = self._arrays("y_pred", y_pred, ("boxes", "classes", "scores"))
        if len(truth["classes"]) != len(found["classes"]):
            raise ValueError(f"y_true has {len(truth['classes'])} images, y_pred {len(found['classes'])}.")
        for i in range(len(truth["classes"])):
            self._add_image(*({name: array[i] for name, array in arrays.items()} for arrays in (truth, found)))

    def _arrays(self, part: str, values: Any, needed: tuple, others: tuple = ()) -> dict[str, np.ndarray]:
        """What is needed, and of the others what is there, as NumPy arrays: boxes as left, top, width, height in pixels."""
        if not isinstance(values, dict) or not set(needed) <= set(values):
            what = sorted(values) if isinstance(values, dict) else type(values).__name__
            raise ValueError(f"{part} must be a dictionary with {', '.join(needed)}; got {what}.")
        if any(backend.is_tensor(values[name]) and not hasattr(values[name], "numpy") for name in values):
            raise TypeError(
                f"{type(self).__name__} cannot be updated in a graph: leave it out of compile(), and call "
                "update_state(labels, model.predict(images))."
            )
        arrays = {name: np.asarray(values[name]) for name in (*needed, *others) if name in values}
        shape = arrays["classes"].shape
        for name, array in arrays.items():
            if array.shape != (*shape, 4) if name == "boxes" else array.shape != shape or array.ndim != 2:
                raise ValueError(
                    f'"{name}" has shape {array.shape}, but "classes" {shape}: expected (batch, boxes), and 4 more for "boxes".'
                )
        is_box = arrays["classes"] >= 0
        for name in ("boxes", "scores"):
            if name in arrays and not np.isfinite(arrays[name][is_box]).all():
                raise ValueError(f'"{name}" holds numbers that are not finite.')
        known = np.where(is_box[..., None], arrays["boxes"], 0)
        return {**arrays, "boxes": self._corners(known)}

    def _corners(self, boxes: np.ndarray) -> np.ndarray:
        height, width = (None, None) if self.image_shape is None else self.image_shape[:2]
        return np.asarray(convert_format(boxes, self.bounding_box_format, "xywh", height, width, dtype="float64"))

    def _add_image(self, truth: dict[str, np.ndarray], found: dict[str, np.ndarray]) -> None:
        for label in np.unique(np.concatenate((truth["classes"], found["classes"]))):
            if label < 0:
                continue
            mine, theirs = truth["classes"] == label, found["classes"] == label
            order = np.argsort(-found["scores"][theirs], kind="stable")[: MOST[-1]]
            boxes, detections = truth["boxes"][mine], found["boxes"][theirs][order]
            crowd = truth["crowd"][mine].astype(bool) if "crowd" in truth else np.zeros(len(boxes), bool)
            areas = truth["areas"][mine] if "areas" in truth else boxes[:, 2] * boxes[:, 3]
            left_out = crowd | _outside(areas)  # (areas, N)
            right, unjudged = _judge(detections, boxes, crowd, left_out)
            self._found.setdefault(int(label), []).append((found["scores"][theirs][order], right, unjudged))
            self._to_find[int(label)] = self._to_find.get(int(label), 0) + (~left_out).sum(axis=1)

    def result(self) -> dict[str, float]:
        """The twelve numbers."""
        classes = sorted(label for label, count in self._to_find.items() if count.any())
        curves = {most: [self._curves(label, most) for label in classes] for most in MOST}
        result = {}
        for i, area in enumerate(AREAS):
            suffix = f"_{area}" if area else ""
            there = [k for k, label in enumerate(classes) if self._to_find[label][i]]
            precision = np.array([curves[MOST[-1]][k][0][i] for k in there]).reshape(-1, len(OVERLAPS), len(RECALLS))
            result[f"AP{suffix}"] = _mean(precision)
            if not area:
                result["AP50"], result["AP75"] = _mean(precision[:, :1]), _mean(precision[:, 5:6])
            for most in MOST if not area else MOST[-1:]:
                recall = np.array([curves[most][k][1][i] for k in there])
                result[f"AR{suffix or most}"] = _mean(recall)
        order = ("AP", "AP50", "AP75", "AP_small", "AP_medium", "AP_large", "AR1", "AR10", "AR100")
        return {name: result[name] for name in (*order, "AR_small", "AR_medium", "AR_large")}

    def _curves(self, label: int, most: int) -> tuple[np.ndarray, np.ndarray]:
        """Of one class: the best precision that reaches each recall, (areas, overlaps, recalls), and the recall in the end."""
        images = self._found[label]
        scores = np.concatenate([row[0][:most] for row in images])
        order = np.argsort(-scores, kind="stable")
        right, unjudged = (np.concatenate([row[k][..., :most] for row in images], axis=-1)[..., order] for k in (1, 2))
        hits, misses = (np.cumsum(x & ~unjudged, axis=-1, dtype="float64") for x in (right, ~right))
        precision = hits / (hits + misses + np.spacing(1))
        precision = np.maximum.accumulate(precision[..., ::-1], axis=-1)[..., ::-1]  # the best from here on
        recall = hits / np.maximum(self._to_find[label], 1)[:, None, None]
        best = np.zeros((*right.shape[:2], len(RECALLS)))
        for i in np.ndindex(right.shape[:2]):
            places = np.searchsorted(recall[i], RECALLS)
            reached = places < len(scores)
            best[i][reached] = precision[i][places[reached]]
        return best, recall[..., -1] if len(scores) else np.zeros(right.shape[:2])


def _outside(areas: np.ndarray) -> np.ndarray:
    """Which boxes lie in which range of areas not: (n,) -> (ranges, n)."""
    return np.array([(areas < low) | (areas > high) for low, high in AREAS.values()])


def _overlaps(detections: np.ndarray, boxes: np.ndarray, crowd: np.ndarray) -> np.ndarray:
    """Intersection over union, (D, 4) by (N, 4), xywh -> (D, N); over the detection alone where the box is a crowd."""
    a, b = detections[:, None], boxes[None]
    low, high = np.maximum(a[..., :2], b[..., :2]), np.minimum(a[..., :2] + a[..., 2:], b[..., :2] + b[..., 2:])
    common = np.prod(np.maximum(high - low, 0), axis=-1)
    area = np.prod(a[..., 2:], axis=-1)
    union = np.where(crowd, area, area + np.prod(b[..., 2:], axis=-1) - common)
    return np.divide(common, union, out=np.zeros_like(common), where=union > 0)


def _judge(
    detections: np.ndarray, boxes: np.ndarray, crowd: np.ndarray, left_out: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Which detections of a class on an image are right, and which count neither as right nor as wrong.

    The best detection chooses first. It takes the free box it overlaps most, by the threshold at least; only where there is
    none, one of those that are left out, and then it does not count. Nor does one that took none and lies outside of the range.

    Args:
        detections: (D, 4), xywh, the best first.
        boxes: (N, 4), xywh.
        crowd: (N,): boxes that are never taken away.
        left_out: (areas, N): boxes that need not be found.

    Returns:
        two arrays (areas, overlaps, D).
    """
    overlaps = _overlaps(detections, boxes, crowd)
    ranges, count = left_out.shape
    free = np.ones((ranges, len(OVERLAPS), count), bool)
    right = np.zeros((ranges, len(OVERLAPS), len(detections)), bool)
    unjudged = np.zeros_like(right)
    least = np.minimum(OVERLAPS, 1 - 1e-10)[:, None]
    for d, overlap in enumerate(overlaps if count else ()):
        usable = (overlap >= least) & (free | crowd)
        rank = np.where(usable, overlap + 2 * ~left_out[:, None], -1.0)
        best = count - 1 - np.argmax(rank[..., ::-1], axis=-1)[..., None]  # the last one of equals
        right[..., d] = np.take_along_axis(usable, best, axis=-1)[..., 0]
        unjudged[..., d] = right[..., d] & np.take_along_axis(left_out[:, None], best, axis=-1)[..., 0]
        taken = np.take_along_axis(free, best, axis=-1) & ~right[..., d : d + 1]
        np.put_along_axis(free, best, taken, axis=-1)
    outside = _outside(detections[:, 2] * detections[:, 3])[:, None]
    return right, unjudged | (~right & outside)


def _mean(values: np.ndarray) -> float:
    return float(values.mean()) if values.size else -1.0
