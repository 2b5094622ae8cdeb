"""A tensor without its numbers."""

from dataclasses import dataclass
from typing import Any


@dataclass(slots=True)
class Spec:
    """Shape (None where unknown) and dtype of a tensor: what `infer` takes and gives.

    >>> from hornbook.backend.spec import Spec
    >>> Spec((None, 3), "float32").shape
    (None, 3)
    """

    shape: Any
    dtype: str
    ragged: bool = False
    sparse: bool = False
