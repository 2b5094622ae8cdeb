"""A tensor without its numbers: the backend's `Spec`, under the name the floors above use."""

from hornbook.backend.spec import Spec

__all__ = ["Spec"]
