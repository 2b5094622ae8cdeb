"""Initializers without chance: zeros, ones, a constant, the identity matrix, the discrete Fourier transform."""

from typing import Any

import numpy as np

from hornbook import backend, ops
from hornbook.backend.config import standardize_dtype
from hornbook.initializers.base import Initializer


class Zeros(Initializer):
    """All zeros.

    >>> from hornbook import initializers
    >>> initializers.Zeros()((2,)).numpy().tolist()
    [0.0, 0.0]
    """

    def __call__(self, shape: Any, dtype: Any = None) -> Any:
        """Zeros of this shape and dtype."""
        return ops.zeros(shape, dtype=standardize_dtype(dtype))


class Ones(Initializer):
    """All ones.

    >>> from hornbook import initializers
    >>> initializers.Ones()((2,)).numpy().tolist()
    [1.0, 1.0]
    """

    def __call__(self, shape: Any, dtype: Any = None) -> Any:
        """Ones of this shape and dtype."""
        return ops.ones(shape, dtype=standardize_dtype(dtype))


class Constant(Initializer):
    """One value everywhere.

    Args:
        value: a number, or an array that broadcasts to the shape.

    >>> from hornbook import initializers
    >>> initializers.Constant([1.0, 2.0])((2, 2)).numpy().tolist()
    [[1.0, 2.0], [1.0, 2.0]]
    """

    def __init__(self, value: Any = 0.0) -> None:
        self.value = value

    def __call__(self, shape: Any, dtype: Any = None) -> Any:
        """The value, broadcast to this shape."""
        return ops.broadcast_to(backend.convert_to_tensor(self.value, dtype=standardize_dtype(dtype)), shape)


class Identity(Initializer):
    """The identity matrix times `gain`; for two-dimensional weights, which need not be square.

    Args:
        gain: what stands on the diagonal.

    Raises:
        ValueError: (when called) for a shape that is not two-dimensional.

    >>> from hornbook import initializers
    >>> initializers.Identity(gain=2.0)((2, 3)).numpy().tolist()
    [[2.0, 0.0, 0.0], [0.0, 2.0, 0.0]]
    """

    def __init__(self, gain: float = 1.0) -> None:
        self.gain = gain

    def __call__(self, shape: Any, dtype: Any = None) -> Any:
        """gain * I of this shape (rows, columns)."""
        if len(shape) != 2:
            raise ValueError(f"Identity makes matrices: expected a shape (rows, columns), got {tuple(shape)}.")
        return self.gain * ops.eye(*shape, dtype=standardize_dtype(dtype))

    def get_config(self) -> dict[str, Any]:
        """The gain, where it is not 1: files of Keras do not carry it."""
        return {} if self.gain == 1.0 else {"gain": self.gain}


class STFT(Initializer):
    """The windowed discrete Fourier transform as the kernel of a one-dimensional convolution.

    kernel[t, 0, k] = window[t] / scale * cos(2 pi k t / fft_length), or -sin(...) for `side="imag"`; a shape
    (frame_length, 1, fft_length // 2 + 1) gives a short-time Fourier transform when convolved with a signal.

    Args:
        side: "real" or "imag", the half of the complex transform.
        window: name of a window of `scipy.signal.get_window`, an array of frame_length numbers, or None for ones.
        scaling: "density", "spectrum", or None.
        periodic: whether the window is one period of a periodic function, else symmetric.

    >>> from hornbook import initializers
    >>> initializers.STFT("real", window=None, scaling=None)((4, 1, 3)).numpy()[:, 0, 2].round().tolist()
    [1.0, -1.0, 1.0, -1.0]
    """

    def __init__(
        self, side: str = "real", window: Any = "hann", scaling: str | None = "density", periodic: bool = False
    ) -> None:
        if side not in ("real", "imag"):
            raise ValueError(f"side must be 'real' or 'imag', got {side!r}.")
        if scaling not in ("density", "spectrum", None):
            raise ValueError(f"scaling must be 'density', 'spectrum' or None, got {scaling!r}.")
        self.side, self.window, self.scaling, self.periodic = side, window, scaling, periodic

    def __call__(self, shape: Any, dtype: Any = None) -> Any:
        """The transform's kernel of this shape (frame_length, 1, frequencies)."""
        frame_length, channels, frequencies = shape
        if channels != 1:
            raise ValueError(f"STFT makes kernels of shape (frame_length, 1, frequencies), got {tuple(shape)}.")
        window = self._window(frame_length)
        if self.scaling == "density":
            window = window / np.sqrt(np.sum(window**2))
        elif self.scaling == "spectrum":
            window = window / np.sum(window)
        fft_length = (frequencies - 1) * 2
        time, frequency = np.arange(frame_length)[:, None, None], np.arange(frequencies)
        angle = 2 * np.pi * time * frequency / fft_length
        wave = np.cos(angle) if self.side == "real" else -np.sin(angle)
        return backend.convert_to_tensor(wave * window[:, None, None], dtype=standardize_dtype(dtype))

    def _window(self, length: int) -> np.ndarray:
        if self.window is None:
            return np.ones(length)
        if isinstance(self.window, str):
            period = length if self.periodic else length - 1  # a symmetric window ends on the value it begins with
            cosines = {"hann": (0.5, 0.5), "hamming": (0.54, 0.46)}
            if self.window in cosines and period > 0:
                a, b = cosines[self.window]
                return a - b * np.cos(2 * np.pi * np.arange(length) / period)
            try:
                from scipy import signal
            except ImportError as error:
                raise ImportError(
                    f"The window {self.window!r} comes from SciPy, which is not installed: pip install scipy, or use "
                    "'hann', 'hamming', None or an array."
                ) from error
            return np.asarray(signal.get_window(self.window, length, fftbins=self.periodic))
        window = np.asarray(self.window)
        if window.shape != (length,):
            raise ValueError(f"The window must have frame_length={length} numbers, got shape {window.shape}.")
        return window
