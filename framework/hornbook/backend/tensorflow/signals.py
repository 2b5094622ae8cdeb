"""Fourier transforms, and frames of a signal."""

from typing import Any

import tensorflow as tf

from hornbook.backend.tensorflow.arguments import as_float, as_tensor

__all__ = [
    "fft",
    "fft2",
    "frame",
    "ifft2",
    "irfft",
    "overlap_and_add",
    "rfft",
]


def fft(x: Any) -> Any:
    return tf.signal.fft(x)


def fft2(x: Any) -> Any:
    return tf.signal.fft2d(x)


def ifft2(x: Any) -> Any:
    return tf.signal.ifft2d(x)


def rfft(x: Any, fft_length: int | None = None) -> Any:
    return tf.signal.rfft(as_float(x), None if fft_length is None else [fft_length])


def irfft(x: Any, fft_length: int | None = None) -> Any:
    return tf.signal.irfft(x, None if fft_length is None else [fft_length])


def frame(x: Any, length: int, step: int) -> Any:
    """Windows of the last axis: (..., frames, length)."""
    return tf.signal.frame(as_tensor(x), length, step)


def overlap_and_add(x: Any, step: int) -> Any:
    """Frames (..., frames, length) laid `step` apart and added up: the transpose of `frame`."""
    return tf.signal.overlap_and_add(as_tensor(x), step)
