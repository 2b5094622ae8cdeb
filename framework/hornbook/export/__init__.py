"""Models for serving, without the code that made them.

archive.py   `ExportArchive`: functions and their weights as a TensorFlow SavedModel
formats.py   `model.export(path, format=...)`: SavedModel, LiteRT, ONNX
"""

from hornbook.export.archive import ExportArchive
from hornbook.export.formats import export_model

__all__ = ["ExportArchive", "export_model"]
