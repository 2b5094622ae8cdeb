"""Sequences in time: windows, correlation, frames, frequencies.

Complex numbers go in and come out as pairs of real arrays, (real, imaginary).
"""

import math
from typing import Any

from hornbook import backend
from hornbook.core import rules
from hornbook.core.op import op

__all__ = [
    "bartlett",
    "blackman",
    "correlate",
    "extract_sequences",
    "fft",
    "fft2",
    "hamming",
    "hanning",
    "ifft2",
    "irfft",
    "istft",
    "kaiser",
    "rfft",
    "stft",
]


# -------------------------------------------------------------------------------------------------------------- Windows


@op
def bartlett(x: Any) -> Any:
    """Bartlett's window of x points, a triangle: 1 - |2n / (x - 1) - 1|.

    >>> from hornbook import ops
    >>> ops.bartlett(5).numpy()
    array([0. , 0.5, 1. , 0.5, 0. ], dtype=float32)
    """
    place, lonely = _window_places(x)
    shape = backend.subtract(1, backend.absolute(backend.subtract(backend.multiply(place, 2), 1)))
    return backend.where(lonely, 1, shape)


def _window_places(x: Any) -> tuple[Any, Any]:
    """n / (x - 1) for n = 0 ... x - 1, and whether the window has one point only."""
    points = backend.cast(backend.convert_to_tensor(x), "int32")
    steps = backend.cast(backend.maximum(backend.subtract(points, 1), 1), backend.floatx())
    return backend.divide(backend.cast(backend.arange(points), steps.dtype), steps), backend.equal(points, 1)


def _cosine_window(x: Any, *weights: float) -> Any:
    """weights[0] - weights[1] cos(2 pi n / (x - 1)) + weights[2] cos(4 pi n / (x - 1))."""
    place, lonely = _window_places(x)
    shape = backend.full_like(place, weights[0])
    for k, weight in enumerate(weights[1:], 1):
        wave = backend.cos(backend.multiply(place, 2 * math.pi * k))
        shape = backend.add(shape, backend.multiply(wave, weight * (-1) ** k))
    return backend.where(lonely, 1, shape)


@op
def hanning(x: Any) -> Any:
    """Hann's window of x points: 0.5 - 0.5 cos(2 pi n / (x - 1)).

    >>> from hornbook import ops
    >>> ops.hanning(5).numpy().round(3)
    array([0. , 0.5, 1. , 0.5, 0. ], dtype=float32)
    """
    return _cosine_window(x, 0.5, 0.5)


@op
def hamming(x: Any) -> Any:
    """Hamming's window of x points: 0.54 - 0.46 cos(2 pi n / (x - 1)).

    >>> from hornbook import ops
    >>> ops.hamming(5).numpy().round(3)
    array([0.08, 0.54, 1.  , 0.54, 0.08], dtype=float32)
    """
    return _cosine_window(x, 0.54, 0.46)


@op
def blackman(x: Any) -> Any:
    """Blackman's window of x points: 0.42 - 0.5 cos(2 pi n / (x - 1)) + 0.08 cos(4 pi n / (x - 1)).

    >>> from hornbook import ops
    >>> abs(ops.blackman(5).numpy().round(3))
    array([0.  , 0.34, 1.  , 0.34, 0.  ], dtype=float32)
    """
    return _cosine_window(x, 0.42, 0.5, 0.08)


@op
def kaiser(x: Any, beta: Any) -> Any:
    """Kaiser's window of x points: i0(beta * sqrt(1 - (2n / (x - 1) - 1)**2)) / i0(beta).

    >>> from hornbook import ops
    >>> ops.kaiser(5, 8.0).numpy().round(3)
    array([0.002, 0.369, 1.   , 0.369, 0.002], dtype=float32)
    """
    place, lonely = _window_places(x)
    beta = backend.cast(beta, place.dtype)
    offset = backend.subtract(backend.multiply(place, 2), 1)
    height = backend.sqrt(backend.maximum(backend.subtract(1, backend.square(offset)), 0))
    shape = backend.divide(backend.bessel_i0(backend.multiply(beta, height)), backend.bessel_i0(beta))
    return backend.where(lonely, 1, shape)


# ----------------------------------------------------------------------------------------------- Frames and correlation


@op
def correlate(x1: Any, x2: Any, mode: str = "valid") -> Any:
    """Cross-correlation of two sequences: out[i] = sum_k x1[i + k] * x2[k].

    Args:
        mode: "valid" (where they overlap fully), "same" (as long as the longer) or "full" (wherever they overlap).

    >>> from hornbook import ops
    >>> ops.correlate([1.0, 2.0, 3.0], [0.0, 1.0, 0.5]).numpy()
    array([3.5], dtype=float32)
    """
    if mode not in ("valid", "same", "full"):
        raise ValueError(f"mode of correlate must be 'valid', 'same' or 'full', got {mode!r}.")
    dtype = rules.common_dtype(backend.convert_to_tensor(x1), backend.convert_to_tensor(x2), least=float)
    x1, x2 = backend.cast(backend.convert_to_tensor(x1), dtype), backend.cast(backend.convert_to_tensor(x2), dtype)
    long, short = x1.shape[0], x2.shape[0]
    if long < short:  # swapping the two turns the result around
        return backend.flip(correlate(backend.conjugate(x2), backend.conjugate(x1), mode))
    before, after = {"valid": (0, 0), "same": (short // 2, (short - 1) // 2), "full": (short - 1, short - 1)}[mode]
    padded = backend.pad(x1, ((before, after),))
    count = long + before + after - short + 1
    starts = backend.expand_dims(backend.arange(count), -1)
    windows = backend.take(padded, backend.add(starts, backend.arange(short)), axis=0)
    return backend.matmul(windows, backend.conjugate(x2))


@op
def extract_sequences(x: Any, sequence_length: int, sequence_stride: int) -> Any:
    """Windows of the last axis: (..., frames, sequence_length), the starts `sequence_stride` apart.

    >>> from hornbook import ops
    >>> ops.extract_sequences([1, 2, 3, 4, 5], 3, 2).numpy()
    array([[1, 2, 3],
           [3, 4, 5]], dtype=int32)
    """
    return backend.frame(x, sequence_length, sequence_stride)


# ---------------------------------------------------------------------------------------------------------- Frequencies


@op
def fft(x: Any) -> tuple:
    """Discrete Fourier transform along the last axis: X[k] = sum_n x[n] exp(-2 pi i k n / N).

    Args:
        x: (real, imaginary), two arrays of one shape.

    >>> from hornbook import ops
    >>> real, imaginary = ops.fft(([1.0, 0.0, -1.0, 0.0], [0.0, 0.0, 0.0, 0.0]))
    >>> real.numpy()
    array([0., 2., 0., 2.], dtype=float32)
    """
    return _parts(backend.fft(_complex(x)))


def _complex(x: Any) -> Any:
    if not isinstance(x, list | tuple) or len(x) != 2:
        raise ValueError(f"A complex array is given as a pair of real ones, (real, imaginary); got {type(x).__name__}.")
    real, imaginary = backend.as_float(x[0]), backend.as_float(x[1])
    if tuple(real.shape) != tuple(imaginary.shape):
        raise ValueError(f"The two parts must have one shape, got {tuple(real.shape)} and {tuple(imaginary.shape)}.")
    return backend.to_complex(real, imaginary)


def _parts(x: Any) -> tuple:
    return backend.real(x), backend.imag(x)


@op
def fft2(x: Any) -> tuple:
    """Discrete Fourier transform along the last two axes.

    >>> from hornbook import ops
    >>> real, imaginary = ops.fft2(([[1.0, 0.0], [0.0, 0.0]], [[0.0, 0.0], [0.0, 0.0]]))
    >>> real.numpy()
    array([[1., 1.],
           [1., 1.]], dtype=float32)
    """
    return _parts(backend.fft2(_complex(x)))


@op
def ifft2(x: Any) -> tuple:
    """The inverse of `fft2`.

    >>> from hornbook import ops
    >>> real, imaginary = ops.ifft2(([[1.0, 1.0], [1.0, 1.0]], [[0.0, 0.0], [0.0, 0.0]]))
    >>> real.numpy()
    array([[1., 0.],
           [0., 0.]], dtype=float32)
    """
    return _parts(backend.ifft2(_complex(x)))


@op
def rfft(x: Any, fft_length: int | None = None) -> tuple:
    """Fourier transform of real numbers: the frequencies from 0 to N / 2, the others being their conjugates.

    Args:
        fft_length: N; the last axis is cut or filled with 0 to it.

    >>> from hornbook import ops
    >>> real, imaginary = ops.rfft([1.0, 0.0, -1.0, 0.0])
    >>> real.numpy()
    array([0., 2., 0.], dtype=float32)
    """
    return _parts(backend.rfft(x, fft_length))


@op
def irfft(x: Any, fft_length: int | None = None) -> Any:
    """The inverse of `rfft`: real numbers from half of the frequencies.

    >>> from hornbook import ops
    >>> ops.irfft(([0.0, 2.0, 0.0], [0.0, 0.0, 0.0])).numpy()
    array([ 1.,  0., -1.,  0.], dtype=float32)
    """
    return backend.irfft(_complex(x), fft_length)


@op
def stft(
    x: Any, sequence_length: int, sequence_stride: int, fft_length: int, window: Any = "hann", center: bool = True
) -> tuple:
    """Short-time Fourier transform: the `rfft` of windows of the last axis, each weighted by `window`.

    Args:
        sequence_length, sequence_stride: length of the windows and distance of their starts.
        fft_length: at least `sequence_length`; windows are filled with 0 on both sides to it.
        window: "hann", "hamming", an array of `sequence_length` weights, or None for `fft_length` equal ones.
        center: whether frame t is centred on place t * sequence_stride, x being mirrored at its ends.

    Returns:
        (real, imaginary), each (..., frames, fft_length // 2 + 1).

    >>> from hornbook import ops
    >>> real, imaginary = ops.stft([0.0, 1.0, 2.0, 3.0, 4.0, 5.0], 4, 2, 4)
    >>> tuple(real.shape)
    (4, 3)
    """
    x = backend.as_float(x)
    weights = _weights(window, sequence_length, fft_length, x.dtype)
    if center:
        sides = [(0, 0)] * (len(x.shape) - 1) + [(fft_length // 2, fft_length // 2)]
        x = backend.pad(x, sides, mode="reflect")
    frames = backend.frame(x, fft_length, sequence_stride)
    return _parts(backend.rfft(backend.multiply(frames, weights)))


def _weights(window: Any, sequence_length: int, fft_length: int, dtype: Any) -> Any:
    """The window, periodic, with zeros on both sides up to `fft_length`."""
    if window is None:
        return backend.ones(fft_length, dtype)
    if isinstance(window, str):
        if window not in ("hann", "hamming"):
            raise ValueError(f"window must be 'hann', 'hamming', an array or None, got {window!r}.")
        weights = (hanning if window == "hann" else hamming)(sequence_length + 1)[:-1]
    else:
        weights = backend.convert_to_tensor(window)
    if tuple(weights.shape) != (sequence_length,):
        raise ValueError(f"window must have the shape ({sequence_length},), got {tuple(weights.shape)}.")
    before = (fft_length - sequence_length) // 2
    return backend.pad(backend.cast(weights, dtype), ((before, fft_length - sequence_length - before),))


@op
def istft(
    x: Any,
    sequence_length: int,
    sequence_stride: int,
    fft_length: int,
    length: int | None = None,
    window: Any = "hann",
    center: bool = True,
) -> Any:
    """The inverse of `stft`: the frames back in place, overlaps divided by the sum of the squared windows.

    Args:
        x: (real, imaginary), each (..., frames, fft_length // 2 + 1).
        length: number of elements to give; all if None.
        sequence_length, sequence_stride, fft_length, window, center: as in `stft`.

    >>> from hornbook import ops
    >>> x = [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]
    >>> ops.istft(ops.stft(x, 4, 2, 4), 4, 2, 4).numpy().round(3) + 0.0
    array([0., 1., 2., 3., 4., 5.], dtype=float32)
    """
    frames = backend.irfft(_complex(x), fft_length)
    weights = _weights(window, sequence_length, fft_length, frames.dtype)
    signal = backend.overlap_and_add(backend.multiply(frames, weights), sequence_stride)
    squares = backend.broadcast_to(backend.square(weights), backend.shape(frames)[-2:])
    signal = backend.divide_no_nan(signal, backend.overlap_and_add(squares, sequence_stride))
    start = fft_length // 2 if center else 0
    stop = None if not center else -(fft_length // 2)
    if length is not None:
        stop = start + length
    return backend.get_item(signal, (Ellipsis, slice(start, stop)))
