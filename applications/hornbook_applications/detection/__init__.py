"""Detectors: what is on an image, and where.

boxes.py         distances and overlaps of boxes, labels padded to one shape; formats are in `hornbook.utils.bounding_boxes`
anchors.py       boxes and points that stand ready all over the image, and which box each of them is to find
suppression.py   of boxes that overlap, the best one alone
losses.py        how far boxes are from where they should be
pyramid.py       maps of an image in many sizes, each knowing what the coarser ones see
backbones.py     applications as the networks beneath: the maps of their stages
detector.py      what detectors share: the loss over labels of any number, `detect`, export
retinanet.py     RetinaNet: anchors and the focal loss
yolo.py          a detector in the manner of YOLOv8: points, distributions of distances, tasks aligned
metrics.py       COCO's mean average precision

>>> import numpy as np
>>> from hornbook_applications import detection
>>> model = detection.YOLO(detection.csp_backbone(0.33, 0.125, input_shape=(64, 64, 3)), num_classes=3, max_detections=5)
>>> found = model.detect(np.zeros((2, 64, 64, 3), "uint8"))  # `predict` gives the same, batch by batch
>>> {name: tuple(array.shape) for name, array in sorted(found.items())}
{'boxes': (2, 5, 4), 'classes': (2, 5), 'counts': (2,), 'scores': (2, 5)}
"""

from hornbook_applications.detection import (
    anchors,
    backbones,
    boxes,
    detector,
    losses,
    metrics,
    pyramid,
    retinanet,
    suppression,
    yolo,
)
from hornbook_applications.detection.backbones import stages
from hornbook_applications.detection.boxes import pad_labels
from hornbook_applications.detection.detector import Detector
from hornbook_applications.detection.metrics import MeanAveragePrecision
from hornbook_applications.detection.retinanet import RetinaNet
from hornbook_applications.detection.suppression import non_max_suppression
from hornbook_applications.detection.yolo import YOLO, csp_backbone

__all__ = [
    "Detector",
    "MeanAveragePrecision",
    "RetinaNet",
    "YOLO",
    "anchors",
    "backbones",
    "boxes",
    "csp_backbone",
    "detector",
    "losses",
    "metrics",
    "non_max_suppression",
    "pad_labels",
    "pyramid",
    "retinanet",
    "stages",
    "suppression",
    "yolo",
]
