"""ResNet50 under the name of a module of its own, as Keras has it; the network is in `resnet.py`."""

from hornbook_applications.resnet import ResNet50, decode_predictions, preprocess_input

__all__ = ["ResNet50", "decode_predictions", "preprocess_input"]
