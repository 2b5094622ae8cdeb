"""Sequences of different lengths."""

from hornbook.utils.sequences import pad_sequences

__all__ = ["pad_sequences"]
