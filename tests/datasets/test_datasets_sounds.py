"""Sounds: .wav files as Python writes them, damaged ones, and the recordings of Speech Commands."""

import io
import struct
import wave
import zipfile

import numpy as np
import pytest

from hornbook_datasets import speech_commands_sample
from hornbook_datasets.wav import read_wav


def sound(samples, rate=16000, width=2):
    file = io.BytesIO()
    with wave.open(file, "wb") as written:
        written.setnchannels(samples.shape[1])
        written.setsampwidth(width)
        written.setframerate(rate)
        written.writeframes(samples.astype(f"<i{width}").tobytes())
    return file.getvalue()


@pytest.mark.parametrize("channels", [1, 2, 8])
def test_samples_are_those_that_were_written(channels):
    samples = np.arange(-60, 60).reshape(-1, channels) * 273
    read, rate = read_wav(sound(samples, 44100), "s.wav")
    assert read.dtype == np.int16 and rate == 44100
    np.testing.assert_array_equal(read, samples)


def test_other_chunks_are_passed_over_and_the_longer_header_is_read():
    good = sound(np.arange(6).reshape(3, 2))
    longer = (
        good[:16] + struct.pack("<I", 40) + b"\xfe\xff" + good[22:36] + struct.pack("<HHIH", 22, 16, 3, 1) + bytes(14)
    )
    content = longer + b"LIST" + struct.pack("<I", 3) + b"abc\0" + good[36:]
    np.testing.assert_array_equal(read_wav(content, "s.wav")[0], [[0, 1], [2, 3], [4, 5]])


GOOD = sound(np.arange(4).reshape(4, 1))


def patched(place, kind, value):
    content = bytearray(GOOD)
    struct.pack_into(kind, content, place, value)
    return bytes(content)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "Expected a .wav file in s.wav; found b''"),
        (b"ID3" + GOOD, "Expected a .wav file"),
        (GOOD[:-1], r"Expected 8 bytes in the chunk b'data' of s.wav; it breaks off after 7"),
        (GOOD[:36], "Expected the chunk 'data' in s.wav"),
        (GOOD[:12] + GOOD[36:], "Expected the chunk 'fmt ' in s.wav before its samples"),
        (patched(40, "<I", 0xFFFFFFFF), "Expected 4,294,967,295 bytes in the chunk b'data'"),
        (patched(40, "<I", 7), "Expected whole samples of 2 bytes in s.wav; found 7 bytes"),
        (patched(16, "<I", 4), "Expected 16 bytes in the chunk 'fmt ' of s.wav; found 4"),
        (patched(20, "<H", 3), "Expected plain samples of 16 bits in s.wav; found format 3 with 16 bits"),
        (patched(34, "<H", 8), "found format 1 with 8 bits"),
        (patched(22, "<H", 0), "Expected 1 to 8 channels .*; found 0 channels"),
        (patched(22, "<H", 9), "found 9 channels"),
        (patched(24, "<I", 1), "1 samples"),
        (patched(32, "<H", 4), "found 1 channels in 4 bytes"),
    ],
)
def test_other_files_are_refused(content, message):
    with pytest.raises(ValueError, match=message):
        read_wav(content, "s.wav")


def test_every_damaged_byte_is_survived():
    """One byte after the other, and every length: what comes is a sound of no more than the file has, or a ValueError."""
    outcomes = set()
    damaged = [GOOD[:place] + bytes([GOOD[place] ^ 0xFF]) + GOOD[place + 1 :] for place in range(len(GOOD))]
    for content in damaged + [GOOD[:length] for length in range(len(GOOD))]:
        try:
            samples, _ = read_wav(content, "s.wav")
            assert samples.nbytes <= len(GOOD)
            outcomes.add("read")
        except ValueError:
            outcomes.add("refused")
    assert outcomes == {"read", "refused"}


def recordings(*names, content=None):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("mini_speech_commands/README.md", "read me")
        archive.writestr("__MACOSX/mini_speech_commands/go/._0a_nohash_0.wav", "litter")
        for number, name in enumerate(names, 1):
            archive.writestr(f"mini_speech_commands/{name}.wav", content or sound(np.full((number, 1), number)))
    return file.getvalue()


def test_speakers_are_either_of_training_or_of_the_test(put):
    speakers = [f"{number:08x}" for number in range(40)]
    put(speech_commands_sample, {0: recordings(*(f"go/{s}_nohash_{t}" for s in speakers for t in (0, 1)))}, {"all": 80})
    (waves, labels), (waves_test, labels_test) = speech_commands_sample.load_data()
    held_out = sum(map(speech_commands_sample.is_held_out, speakers))
    assert len(waves_test) == 2 * held_out and 3 < held_out < 15 and len(waves) + len(waves_test) == 80
    assert waves.shape[1] == 16000 and waves.dtype == np.int16 and set(labels) | set(labels_test) == {1}
    lengths = (np.concatenate([waves, waves_test]) != 0).sum(axis=1)
    assert sorted(lengths) == list(range(1, 81))  # each with its own samples, and silence behind them


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (recordings("go/0a_nohash_0"), "Expected 2 rows in .*; found 1"),
        (recordings("go/0a_nohash_0", "up/0b_nohash_0", "no/0c_nohash_0"), "Expected 2 rows in .*; found 3"),
        (recordings("go/0a_nohash_0", "dog/0a_nohash_0"), "Expected 2 rows in .*; found 1"),
        (recordings("go/0a_nohash_0", "up/0b_nohash_0", content=b"RIFF"), "Expected a .wav file in .*0a_nohash_0.wav"),
        (
            recordings("go/0a_nohash_0", "up/0b_nohash_0", content=sound(np.zeros((10, 1)), 8000)),
            "Expected 16,000 samples a second in .*0a_nohash_0.wav in .*; found 8,000",
        ),
    ],
)
def test_other_recordings_are_refused(put, content, message):
    put(speech_commands_sample, {0: content}, {"all": 2})
    with pytest.raises(ValueError, match=message):
        speech_commands_sample.load_data()


def test_what_is_longer_than_a_second_is_cut(put):
    long = recordings("go/0a_nohash_0", "up/0b_nohash_0", content=sound(np.arange(16100)[:, None]))
    put(speech_commands_sample, {0: long}, {"all": 2})
    (waves, _), (waves_test, _) = speech_commands_sample.load_data()
    for wave_ in np.concatenate([waves, waves_test]):
        np.testing.assert_array_equal(wave_, np.arange(16000))


def test_the_real_example(real):
    real("audio/marvin_617de221_0.wav")
    samples, rate = speech_commands_sample.load_example()
    assert samples.shape == (16000,) and rate == 16000 and np.abs(samples.astype(int)).max() == 32384
