"""A tensor without its numbers: the backend's `Spec`, under the name the floors above use."""

from hornbook.backend.spec import Spec

__all__ = ["MAX_AXES", "Spec"]

MAX_AXES = 254  # TensorFlow's shapes have no more
