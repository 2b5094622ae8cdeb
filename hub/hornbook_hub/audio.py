"""Sounds as numbers: how much of each pitch there is at each moment, as ears hear it (log-mel).

    samples -> frames of n_fft samples, hop_length apart -> power of each frequency -> sums over mel bands -> logarithm

What `preprocessor_config.json` says is obeyed: `feature_size`, `sampling_rate`, `hop_length`, `n_fft`, `chunk_length`,
`padding_value`.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, ClassVar, Self

import numpy as np

from hornbook_hub.preprocessing import Preprocessor

HIGHEST = 8000.0  # Hz, the upper edge of the last band
FRAMES_AT_ONCE = 3000


# ------------------------------------------------------------------------------------------------------------ features
def mel(frequency: Any) -> Any:
    """How high a frequency in Hz sounds: 3 f / 200 up to 1000 Hz, 15 + 27 log(f / 1000) / log 6.4 above.

    Source: Slaney 1998, "Auditory Toolbox", https://engineering.purdue.edu/~malcolm/interval/1998-010/.

    >>> import numpy as np
    >>> from hornbook_hub.audio import mel
    >>> mel(np.array([0.0, 1000.0, 6400.0])).round(6).tolist()
    [0.0, 15.0, 42.0]
    """
    return np.where(
        frequency < 1000, 3 * frequency / 200, 15 + 27 * np.log(np.maximum(frequency, 1000) / 1000) / np.log(6.4)
    )


def frequency_of(height: Any) -> Any:
    """The frequency in Hz that sounds so high: the inverse of `mel`."""
    return np.where(height < 15, 200 * height / 3, 1000 * np.exp(np.log(6.4) * (height - 15) / 27))


def mel_filters(bands: int, n_fft: int, sampling_rate: int) -> np.ndarray:
    """How much of each frequency belongs to each band: triangles of area one, of equal widths to the ear.

    Args:
        bands: how many.
        n_fft: how many samples a frame has.
        sampling_rate: samples a second.

    Returns:
        (n_fft / 2 + 1, bands).

    >>> from hornbook_hub.audio import mel_filters
    >>> mel_filters(80, 400, 16000).shape
    (201, 80)
    """
    edges = frequency_of(np.linspace(0.0, mel(np.float64(HIGHEST)), bands + 2))
    frequencies = np.linspace(0.0, sampling_rate // 2, n_fft // 2 + 1)[:, None]
    low, middle, high = edges[:-2], edges[1:-1], edges[2:]
    rising, falling = (frequencies - low) / (middle - low), (high - frequencies) / (high - middle)
    return np.maximum(0.0, np.minimum(rising, falling)) * 2.0 / (high - low)


@dataclass(kw_only=True)
class AudioSettings:
    """The fields of a `preprocessor_config.json` for sounds, under its names.

    Args:
        feature_size: how many bands.
        sampling_rate: samples a second.
        hop_length: samples from frame to frame.
        n_fft: samples of a frame.
        chunk_length: seconds that a model reads at once.
        padding_value: of the samples behind the end of a sound.

    Raises:
        ValueError: for sizes out of range.
    """

    feature_size: int = 80
    sampling_rate: int = 16000
    hop_length: int = 160
    n_fft: int = 400
    chunk_length: int = 30
    padding_value: float = 0.0

    INERT: ClassVar[frozenset[str]] = frozenset(
        {
            *(
                "feature_extractor_type",
                "processor_class",
                "return_attention_mask",
                "padding_side",
                "image_processor_type",
            ),
            *("n_samples", "nb_max_frames", "mel_filters"),  # which follow from the rest
        }
    )
    LARGEST: ClassVar[dict[str, int]] = {
        "feature_size": 1024,
        "sampling_rate": 1_000_000,
        "hop_length": 32768,
        "n_fft": 32768,
        "chunk_length": 3600,
    }

    def __post_init__(self) -> None:
        for name, largest in self.LARGEST.items():
            value = getattr(self, name)
            if not isinstance(value, int) or not 1 <= value <= largest:
                raise ValueError(f"{name} must be an integer from 1 to {largest:,}, got {value!r}.")
        if self.samples > 30_000_000 or self.samples <= self.n_fft:
            raise ValueError(
                f"chunk_length times sampling_rate must be more than n_fft and at most 30,000,000 samples, got {self.samples:,}."
            )

    @classmethod
    def from_dict(cls, settings: Mapping[str, Any]) -> Self:
        """The settings of a `preprocessor_config.json`.

        Raises:
            ValueError: for keys nobody knows, and for noise, which would make the numbers differ from time to time.
        """
        known = {f.name for f in fields(cls)}
        unknown = sorted(set(settings) - known - cls.INERT - {"dither"})
        if unknown or settings.get("dither", 0.0):
            what = f"keys that are not understood: {unknown}" if unknown else f"dither={settings['dither']!r}, not 0.0"
            raise ValueError(f"preprocessor_config.json has {what}. Known are {sorted(known)}.")
        return cls(**{name: settings[name] for name in known & set(settings)})

    @property
    def samples(self) -> int:
        """How many samples a model reads at once."""
        return self.chunk_length * self.sampling_rate

    @property
    def frames(self) -> int:
        """How many frames a model reads at once."""
        return self.samples // self.hop_length


def log_mel(samples: np.ndarray, settings: AudioSettings, filters: np.ndarray | None = None) -> np.ndarray:
    """The features of a sound: log10 of the power in each band, at most 8 below the largest, as (x + 4) / 4.

    Args:
        samples: (N,), more than n_fft / 2 of them.
        settings: what they are.
        filters: `mel_filters` of the settings, if they are there already.

    Returns:
        (feature_size, N // hop_length), float32.

    Source: Radford et al. 2022, https://arxiv.org/abs/2212.04356, section 2.2.

    >>> import numpy as np
    >>> from hornbook_hub.audio import AudioSettings, log_mel
    >>> log_mel(np.sin(np.arange(16000) * 0.1), AudioSettings()).shape
    (80, 100)
    """
    size, hop = settings.n_fft, settings.hop_length
    if filters is None:
        filters = mel_filters(settings.feature_size, size, settings.sampling_rate)
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(size) / size)
    around = np.pad(np.asarray(samples, "float64"), size // 2, mode="reflect")  # a frame's middle is its moment
    frames = np.lib.stride_tricks.sliding_window_view(around, size)[::hop][: len(samples) // hop]
    bands = []
    for start in range(0, len(frames), FRAMES_AT_ONCE):
        spectrum = np.fft.rfft(frames[start : start + FRAMES_AT_ONCE] * window)
        bands.append((spectrum.real**2 + spectrum.imag**2) @ filters)
    levels = np.log10(np.maximum(np.concatenate(bands), 1e-10)).T
    return ((np.maximum(levels, levels.max() - 8.0) + 4.0) / 4.0).astype("float32")


# -------------------------------------------------------------------------------------------------------- preprocessor
class SoundPreprocessor(Preprocessor):
    """From sounds to the features that a model reads.

    Args:
        settings: how.
        tokenizer: of the texts that the model writes.

    Call:
        a sound, (N,) samples in floats from -1 to 1, or several, as {"input_features": (B, feature_size, frames)}; each
        is cut or padded to the length that the model reads at once.

    >>> import numpy as np
    >>> from hornbook_hub.audio import AudioSettings, SoundPreprocessor
    >>> preprocessor = SoundPreprocessor(AudioSettings(chunk_length=2))
    >>> preprocessor(np.zeros(16000))["input_features"].shape
    (1, 80, 200)
    """

    def __init__(self, settings: AudioSettings, tokenizer: Any = None) -> None:
        self.settings, self.tokenizer = settings, tokenizer
        self.filters = mel_filters(settings.feature_size, settings.n_fft, settings.sampling_rate)

    def takes(self, x: Any) -> bool:
        """Whether this is a sound, or several in a list or an array (B, N)."""
        if isinstance(x, list | tuple) and len(x) and all(np.ndim(part) == 1 for part in x):
            return all(np.asarray(part).dtype.kind == "f" for part in x)
        return isinstance(x, np.ndarray) and x.dtype.kind == "f" and x.ndim in (1, 2)

    def takes_batches_of(self, spec: Any) -> bool:
        """A data set gives features: sounds of a batch have different lengths."""
        return False

    def __call__(self, x: Any) -> dict[str, np.ndarray]:
        return {"input_features": np.stack([self.features(sound, at_once=True) for sound in sounds(x)])}

    def features(self, sound: np.ndarray, at_once: bool = False) -> np.ndarray:
        """A sound's features (feature_size, frames): of all of it, and of what the model reads at once at least.

        Args:
            sound: (N,).
            at_once: cut it to what the model reads at once.
        """
        wanted = self.settings.samples
        sound = sound[:wanted] if at_once else sound
        if len(sound) < wanted:
            sound = np.pad(sound, (0, wanted - len(sound)), constant_values=self.settings.padding_value)
        return log_mel(sound, self.settings, self.filters)

    def files(self) -> dict[str, str]:
        """The contents of the files that a folder keeps it in, by name."""
        settings = {
            **asdict(self.settings),
            "feature_extractor_type": "WhisperFeatureExtractor",
            "processor_class": "WhisperProcessor",
            "n_samples": self.settings.samples,
            "nb_max_frames": self.settings.frames,
            "padding_side": "right",
            "return_attention_mask": False,
        }
        texts = {} if self.tokenizer is None else self.tokenizer.files()
        return {"preprocessor_config.json": json.dumps(settings, indent=2, sort_keys=True) + "\n", **texts}


def sounds(x: Any) -> list[np.ndarray]:
    """A sound, or several, as a list of samples (N,)."""
    return [np.asarray(x)] if np.ndim(x[0]) == 0 else [np.asarray(sound) for sound in x]
