"""What older programs ask for: the names of `keras.legacy`."""

from hornbook.legacy import saving

__all__ = ["saving"]
