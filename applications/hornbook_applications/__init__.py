"""Classic vision models, with Keras's signatures: a family in a file.

>>> from hornbook_applications import ResNet50
>>> ResNet50(weights=None, input_shape=(32, 32, 3), classes=5).output_shape
(None, 5)
"""

from hornbook_applications import imagenet_utils, resnet, resnet50
from hornbook_applications.resnet import ResNet50, ResNet101, ResNet152

__all__ = ["ResNet50", "ResNet101", "ResNet152", "imagenet_utils", "resnet", "resnet50"]
