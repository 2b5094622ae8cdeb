"""Sounds in .wav files: samples of 16 bits, as they are, from the few chunks that are needed.

"RIFF" size "WAVE"                      then chunks, each a name, a size, and so many bytes, padded to an even number
"fmt " 16   format 1, channels, rate    how to read the samples
"data" size samples                     little-endian integers, the channels of a moment side by side
"""

import struct

import numpy as np

CHANNELS = 8
RATES = (1000, 384000)  # samples a second
PCM = 1  # the format of plain integers
EXTENSIBLE = 0xFFFE  # a longer header, in which the format stands further behind


def read_wav(content: bytes, where: str) -> tuple[np.ndarray, int]:
    """The samples of a sound.

    Args:
        content: The bytes of the file.
        where: Its name, for messages.

    Returns:
        int16 samples `(time, channels)`, and how many of them make a second.

    Raises:
        ValueError: The file is no such sound, breaks off, or says what cannot be.

    Example:

    >>> beep = struct.pack("<4sI4s4sIHHIIHH4sI2h", b"RIFF", 40, b"WAVE", b"fmt ", 16, 1, 1, 8000, 16000, 2, 16,
    ...                    b"data", 4, -7, 7)
    >>> samples, rate = read_wav(beep, "beep.wav")
    >>> samples.tolist(), rate
    ([[-7], [7]], 8000)
    """
    if len(content) < 12 or content[:4] != b"RIFF" or content[8:12] != b"WAVE":
        raise ValueError(f"Expected a .wav file in {where}; found {content[:12]!r} at its beginning.")
    channels = rate = 0
    place = 12
    while place + 8 <= len(content):
        name, size = struct.unpack_from("<4sI", content, place)
        start, place = place + 8, place + 8 + size + size % 2
        if start + size > len(content):
            raise ValueError(
                f"Expected {size:,} bytes in the chunk {name!r} of {where}; it breaks off after {len(content) - start:,}."
            )
        if name == b"fmt ":
            channels, rate = _format(content[start : start + size], where)
        elif name == b"data":
            if not channels:
                raise ValueError(f"Expected the chunk 'fmt ' in {where} before its samples; it is not there.")
            if size % (2 * channels):
                raise ValueError(f"Expected whole samples of {2 * channels} bytes in {where}; found {size:,} bytes.")
            return np.frombuffer(content, "<i2", size // 2, start).astype("int16").reshape(-1, channels), rate
    raise ValueError(f"Expected the chunk 'data' in {where}; it is not there.")


def _format(chunk: bytes, where: str) -> tuple[int, int]:
    if len(chunk) < 16:
        raise ValueError(f"Expected 16 bytes in the chunk 'fmt ' of {where}; found {len(chunk)}.")
    kind, channels, rate, _, frame, bits = struct.unpack_from("<HHIIHH", chunk)
    if kind == EXTENSIBLE and len(chunk) >= 26:
        kind = struct.unpack_from("<H", chunk, 24)[0]
    if kind != PCM or bits != 16:
        raise ValueError(f"Expected plain samples of 16 bits in {where}; found format {kind} with {bits} bits.")
    if not 1 <= channels <= CHANNELS or not RATES[0] <= rate <= RATES[1] or frame != 2 * channels:
        raise ValueError(
            f"Expected 1 to {CHANNELS} channels and {RATES[0]:,} to {RATES[1]:,} samples a second in {where}; "
            f"found {channels} channels in {frame} bytes and {rate:,} samples."
        )
    return channels, rate
