"""Models for serving, without the code that made them.

formats.py       `model.export(path, format=...)`: which writer, and what goes in
archive.py       `ExportArchive`: functions and their weights as a TensorFlow SavedModel
forward.py       the forward pass as one function with named outputs, where the other writers start
litert.py        LiteRT, in floats and whole numbers
onnx.py          ONNX, and OpenVINO made from it
tfjs.py          TensorFlow.js graph models;   tfjs_layers.py   layers models
layer_names.py   which layer an operation belongs to, for errors
word_pieces.py   BERT's tokenizer as operations, for a SavedModel that takes strings
"""

from hornbook.export.archive import ExportArchive
from hornbook.export.formats import export_model

__all__ = ["ExportArchive", "export_model"]
