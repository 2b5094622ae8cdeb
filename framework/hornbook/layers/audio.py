"""Sound as an image of its frequencies over time: MelSpectrogram, STFTSpectrogram."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from hornbook import backend, initializers, ops
from hornbook.backend.config import standardize_data_format
from hornbook.core.arguments import known_sizes, one_of, positive_integer
from hornbook.core.layer import InputSpec, Layer
from hornbook.layers.convolution import window_count
from hornbook.layers.preprocessing import DataLayer

__all__ = ["MelSpectrogram", "STFTSpectrogram"]


class MelSpectrogram(DataLayer):
    """How loud each band of pitches is at each time, the bands as wide as the ear hears them.

    output[m, t] = 10 log10( sum_f mel[f, m] |STFT(inputs)[t, f]|^mag_exp / ref_power )

    Args:
        fft_length: the length of the windows that are transformed.
        sequence_stride: the distance of their starts.
        sequence_length: how much of a window has weight; all if None.
        window: "hann", "hamming", an array of weights, or None for equal ones.
        sampling_rate: samples of the sound in a second.
        num_mel_bins: how many bands there are.
        min_freq, max_freq: where they begin and end, in hertz; half of the sampling rate if max_freq is None.
        power_to_db: whether the output is in decibels.
        top_db: how far below the loudest the output may be, in decibels.
        mag_exp: the exponent of the magnitude: 1 for magnitude, 2 for power.
        min_power: what quieter sounds are raised to before the logarithm.
        ref_power: the power of 0 decibels.

    Call:
        inputs: (samples,) or (batch, samples).
        Returns (num_mel_bins, times) or (batch, num_mel_bins, times).

    >>> import numpy as np
    >>> from hornbook import layers
    >>> layers.MelSpectrogram(num_mel_bins=64)(np.zeros((2, 16000))).shape
    TensorShape([2, 64, 32])
    """

    def __init__(
        self,
        fft_length: int = 2048,
        sequence_stride: int = 512,
        sequence_length: int | None = None,
        window: Any = "hann",
        sampling_rate: int = 16000,
        num_mel_bins: int = 128,
        min_freq: float = 20.0,
        max_freq: float | None = None,
        power_to_db: bool = True,
        top_db: float = 80.0,
        mag_exp: float = 2.0,
        min_power: float = 1e-10,
        ref_power: float = 1.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.fft_length = positive_integer(fft_length, "fft_length")
        self.sequence_stride = positive_integer(sequence_stride, "sequence_stride")
        self.sequence_length = sequence_length or fft_length
        self.window, self.sampling_rate = window, sampling_rate
        self.num_mel_bins = positive_integer(num_mel_bins, "num_mel_bins")
        self.min_freq, self.max_freq = min_freq, max_freq or int(sampling_rate / 2)
        self.power_to_db, self.top_db, self.mag_exp = power_to_db, top_db, mag_exp
        self.min_power, self.ref_power = min_power, ref_power

    def build(self, input_shape: Any = None) -> None:
        """Nothing to make."""

    def call(self, inputs: Any) -> Any:
        x = ops.cast(inputs, "float32")  # the transform knows no shorter floats
        real, imaginary = ops.stft(x, self.sequence_length, self.sequence_stride, self.fft_length, self.window)
        power = ops.add(ops.square(real), ops.square(imaginary))
        mel = self.linear_to_mel_weight_matrix(
            self.num_mel_bins, self.fft_length // 2 + 1, self.sampling_rate, self.min_freq, self.max_freq
        )
        bands = ops.matmul(ops.power(ops.sqrt(power), self.mag_exp), mel)  # (..., times, bands)
        if self.power_to_db:
            bands = ops.multiply(ops.log10(ops.maximum(bands, self.min_power)), 10.0)
            bands = ops.subtract(bands, 10.0 * float(np.log10(max(self.min_power, self.ref_power))))
            bands = ops.maximum(bands, ops.subtract(ops.max(bands), self.top_db))
        return ops.cast(ops.swapaxes(bands, -1, -2), self.compute_dtype)

    def linear_to_mel_weight_matrix(
        self,
        num_mel_bins: int = 20,
        num_spectrogram_bins: int = 129,
        sampling_rate: int = 8000,
        lower_edge_hertz: float = 125.0,
        upper_edge_hertz: float = 3800.0,
        dtype: str = "float32",
    ) -> Any:
        """The bands as weights of frequencies: triangles of equal width on the mel scale, mel = 1127 ln(1 + f / 700).

        Args:
            num_mel_bins: how many bands.
            num_spectrogram_bins: how many frequencies, from 0 to half of the sampling rate.
            sampling_rate: in hertz.
            lower_edge_hertz, upper_edge_hertz: where the first band begins and the last ends.
            dtype: of the result.

        Returns:
            (num_spectrogram_bins, num_mel_bins); nothing is taken from frequency 0.
        """

        def mel(hertz: Any) -> Any:
            return 1127.0 * np.log(1.0 + np.asarray(hertz) / 700.0)

        frequencies = mel(np.linspace(0.0, sampling_rate / 2.0, num_spectrogram_bins))[:, None]
        edges = np.linspace(mel(lower_edge_hertz), mel(upper_edge_hertz), num_mel_bins + 2)
        lower, centre, upper = edges[:-2], edges[1:-1], edges[2:]
        rising, falling = (frequencies - lower) / (centre - lower), (upper - frequencies) / (upper - centre)
        weights = np.maximum(0.0, np.minimum(rising, falling))
        weights[0] = 0.0
        return backend.convert_to_tensor(weights.astype("float32"), dtype=dtype)

    def compute_output_shape(self, input_shape: Sequence) -> tuple:
        *batch, samples = input_shape
        padded = None if samples is None else samples + 2 * (self.fft_length // 2)
        return (*batch, self.num_mel_bins, window_count(padded, self.fft_length, self.sequence_stride, "valid"))


class STFTSpectrogram(Layer):
    """The short-time Fourier transform as a layer, whose sines and cosines are weights that training may change.

    real[t, f] + i imag[t, f] = sum_n window[n] inputs[t * frame_step + n] exp(-2 pi i n f / fft_length)

    Args:
        mode: what of it is given: "log" (of the magnitude), "magnitude", "psd" (power, that of negative frequencies
            added), "real", "imag", "angle", or "stft" (real and imag side by side).
        frame_length: the length of a window.
        frame_step: the distance of their starts; half of the frame_length if None.
        fft_length: the transform's length, frames filled up with zeros; the next power of two if None.
        window: "hann", "hamming", another name that SciPy knows, an array of weights, or None for equal ones.
        periodic: whether the window is periodic, else it is symmetric.
        scaling: "density" (the window's squares sum to 1), "spectrum" (it sums to 1), or None.
        padding: "valid" or "same".
        expand_dims: whether channels keep an axis of their own; else their frequencies lie side by side.
        data_format: "channels_last" (batch, samples, channels) or "channels_first".

    Call:
        inputs: (batch, samples, channels).
        Returns (batch, times, channels * frequencies), or (batch, times, frequencies, channels) with expand_dims;
            the channels stand before the times in "channels_first".

    Raises:
        ValueError: for arguments that do not fit together.

    >>> import numpy as np
    >>> from hornbook import layers
    >>> layers.STFTSpectrogram(frame_length=256)(np.zeros((2, 1000, 1))).shape
    TensorShape([2, 6, 129])
    """

    def __init__(
        self,
        mode: str = "log",
        frame_length: int = 256,
        frame_step: int | None = None,
        fft_length: int | None = None,
        window: Any = "hann",
        periodic: bool = False,
        scaling: str | None = "density",
        padding: str = "valid",
        expand_dims: bool = False,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        modes = ("log", "magnitude", "psd", "real", "imag", "angle", "stft")
        self.mode = one_of(mode, modes, "mode")
        self.frame_length = positive_integer(frame_length, "frame_length")
        self.frame_step, self.fft_length = frame_step, fft_length
        if frame_step is not None and not 0 < positive_integer(frame_step, "frame_step") <= frame_length:
            raise ValueError(f"frame_step must be 1 ... frame_length, got {frame_step} for {frame_length}.")
        if fft_length is not None and fft_length < frame_length:
            raise ValueError(f"fft_length must not be below frame_length, got {fft_length} and {frame_length}.")
        self.window, self.periodic = window, periodic
        self.scaling = one_of(scaling, ("density", "spectrum", None), "scaling")
        self.padding = one_of(padding, ("valid", "same"), "padding")
        self.expand_dims, self.data_format = expand_dims, standardize_data_format(data_format)
        self._step = frame_step or max(frame_length // 2, 1)
        self._fft_length = fft_length or 2 ** int(np.ceil(np.log2(frame_length)))
        self.input_spec = InputSpec(ndim=3)

    def build(self, input_shape: Sequence) -> None:
        known_sizes(input_shape, [1 if self.data_format == "channels_first" else 2], "STFTSpectrogram")
        shape = (self.frame_length, 1, self._fft_length // 2 + 1)

        def kernel(side: str) -> Any:
            waves = initializers.STFT(side, self.window, self.scaling, self.periodic)
            return self.add_weight(shape=shape, initializer=waves, name=f"{side}_kernel")

        if self.mode != "imag":
            self.real_kernel = kernel("real")
        if self.mode != "real":
            self.imag_kernel = kernel("imag")

    def call(self, inputs: Any) -> Any:
        first = self.data_format == "channels_first"
        x = inputs if first else ops.transpose(inputs, (0, 2, 1))
        batch, channels, samples = ops.shape(x)
        signal = ops.reshape(x, (-1, samples, 1))  # a channel at a time
        parts = self._spectrum(signal)  # (batch * channels, times, frequencies)
        _, times, frequencies = ops.shape(parts)
        y = ops.reshape(parts, (-1, channels, times, frequencies))
        if self.expand_dims:
            return y if first else ops.transpose(y, (0, 2, 3, 1))
        y = ops.reshape(ops.transpose(y, (0, 2, 1, 3)), (-1, times, channels * frequencies))
        return ops.transpose(y, (0, 2, 1)) if first else y

    def _spectrum(self, signal: Any) -> Any:
        def convolved(kernel: Any) -> Any:
            return ops.conv(signal, kernel, self._step, self.padding, "channels_last")

        if self.mode == "real":
            return convolved(self.real_kernel)
        if self.mode == "imag":
            return convolved(self.imag_kernel)
        real, imaginary = convolved(self.real_kernel), convolved(self.imag_kernel)
        if self.mode == "stft":
            return ops.concatenate([real, imaginary], axis=-1)
        if self.mode == "angle":
            return ops.arctan2(imaginary, real)
        power = ops.add(ops.square(real), ops.square(imaginary))
        if self.mode == "magnitude":
            return ops.sqrt(power)
        if self.mode == "log":
            return ops.multiply(ops.log(ops.maximum(power, backend.epsilon())), 0.5)
        twice = np.full(self._fft_length // 2 + 1, 2.0, "float32")  # for f and -f; 0 and the highest stand alone
        twice[0] = twice[-1] = 1.0
        return ops.multiply(power, ops.cast(twice, power.dtype))

    def compute_output_shape(self, input_shape: Sequence) -> tuple:
        first = self.data_format == "channels_first"
        batch, (samples, channels) = input_shape[0], input_shape[1:][:: -1 if first else 1]
        times = window_count(samples, self.frame_length, self._step, self.padding)
        frequencies = (self._fft_length // 2 + 1) * (2 if self.mode == "stft" else 1)
        if self.expand_dims:
            return (batch, channels, times, frequencies) if first else (batch, times, frequencies, channels)
        width = channels * frequencies
        return (batch, width, times) if first else (batch, times, width)
