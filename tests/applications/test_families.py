"""Every application against keras.applications: the same layers, weights in the same order, the same outputs.

A row is a model: its function, the height of the test's images, the parameters of the whole network (1000 classes), and
arguments. The whole network of each is built and counted; the outputs are compared at a small size.
"""

import numpy as np
import pytest

import hornbook
import hornbook_applications as applications

ROWS = [
    # function, size, parameters, arguments of the comparison
    ("ResNet50", 64, 25_636_712, {}),
    ("ResNet101", 64, 44_707_176, {"include_top": False, "pooling": "avg"}),
    ("ResNet152", 64, 60_419_944, {"include_top": False}),
    ("VGG16", 32, 138_357_544, {}),
    ("VGG19", 32, 143_667_240, {"include_top": False, "pooling": "max"}),
    ("ResNet50V2", 64, 25_613_800, {}),
    ("ResNet101V2", 64, 44_675_560, {"include_top": False, "pooling": "avg"}),
    ("ResNet152V2", 64, 60_380_648, {"include_top": False}),
    ("EfficientNetB0", 65, 5_330_571, {}),
    ("EfficientNetB1", 64, 7_856_239, {"include_top": False}),
    ("EfficientNetB2", 64, 9_177_569, {"include_top": False, "pooling": "avg"}),
    ("EfficientNetB3", 48, 12_320_535, {"include_top": False, "pooling": "max"}),
    ("EfficientNetB4", 32, 19_466_823, {"include_top": False}),
    ("EfficientNetB5", 32, 30_562_527, {"include_top": False}),
    ("EfficientNetB6", 32, 43_265_143, {"include_top": False}),
    ("EfficientNetB7", 32, 66_658_687, {"include_top": False}),
]
IDS = [row[0] for row in ROWS]
# The first of each family, which every run compares; the siblings are compared with `pytest -m exhaustive`.
FIRST = {"ResNet50", "VGG16", "ResNet50V2", "EfficientNetB0"}
