"""Speech Commands, the sample of the tutorials: 8,000 recordings of a second, eight spoken words."""

import hashlib
import re

import numpy as np

from hornbook_datasets.archives import read_members
from hornbook_datasets.files import fetch
from hornbook_datasets.info import File, Info
from hornbook_datasets.streams import stream_maker
from hornbook_datasets.tables import check_rows
from hornbook_datasets.wav import read_wav

RATE = 16000  # samples a second, and of a recording
LARGEST = 1 << 20  # bytes of a recording; one of a second has 32,044
# mini_speech_commands/go/0a9f9af7_nohash_1.wav is the second time that the speaker 0a9f9af7 said "go".
RECORDING = re.compile(r"mini_speech_commands/([a-z]+)/([0-9a-f]+)_nohash_\d+\.wav")
BUCKETS = 1 << 27

INFO = Info(
    name="speech_commands_sample",
    title="Speech Commands, a sample",
    source="Pete Warden and thousands of volunteers; a part of it by the authors of TensorFlow's tutorials, "
    "https://www.tensorflow.org/tutorials/audio/simple_audio",
    licence="CC BY 4.0",
    citation="P. Warden. Speech Commands: a dataset for limited-vocabulary speech recognition. arXiv 1804.03209, 2018",
    examples={"all": 8000},
    classes=("down", "go", "left", "no", "right", "stop", "up", "yes"),
    files=(
        File(
            path="speech_commands/mini_speech_commands.zip",
            sha256="49650f2341b26d886b46b3f4fb8fed59e30300b17550f1ee4a768b3106cf93a0",
            size=182082353,
            urls=("https://storage.googleapis.com/download.tensorflow.org/data/mini_speech_commands.zip",),
        ),
        File(
            path="audio/marvin_617de221_0.wav",
            sha256="d08ee300c6a9fb2ce78b1f0505de80b2af19a4c456b48d24bb29949271bf6986",
            size=64044,
            urls=(
                "https://raw.githubusercontent.com/mlcommons/tiny/1d75598995dce9b8b7cad8b24e8b4e08f3d6806a"
                "/benchmark/runner/sww_data_dir/marvin_617de221_0.wav",
            ),
        ),
    ),
)


def info() -> Info:
    """The data set's card: source, licence, citation, sizes, files and their hashes.

    Example:

    >>> from hornbook_datasets import speech_commands_sample
    >>> speech_commands_sample.info().classes[:3]
    ('down', 'go', 'left')
    """
    return INFO


def load_data() -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Load the recordings and the words, from `HORNBOOK_DATA`, the cache or the network (182 MB).

    Who speaks in the test does not speak in training: as in the official recipe, a hash of the speaker decides, and the
    fifth that it keeps for validation and test is the test here.

    Returns:
        `(waves_train, labels_train), (waves_test, labels_test)`: int16 samples `(n, 16000)`, shorter recordings with
        silence at the end, to be divided by 32768 for -1 to 1; and int64 labels `(n,)`, indices into `INFO.classes`.

    Raises:
        ValueError: The archive is not the official one.
        DataUnavailable: The official file is nowhere to be had; the message says what to do.

    Example:

    >>> from hornbook_datasets import speech_commands_sample
    >>> (waves_train, labels_train), (waves_test, labels_test) = speech_commands_sample.load_data()  # doctest: +SKIP
    >>> speech_commands_sample.info().examples["all"]
    8000
    """
    path = fetch(INFO.files[0], INFO.title)
    count = INFO.examples["all"]
    waves, labels, held_out = np.zeros((count, RATE), "int16"), np.zeros(count, "int64"), np.zeros(count, bool)

    def wanted(name: str) -> bool:
        found = RECORDING.fullmatch(name)
        return found is not None and found[1] in INFO.classes

    row = -1
    for row, (name, content) in enumerate(read_members(path, wanted, LARGEST)):
        if row >= count:
            continue  # it is counted, and refused below
        word, speaker = RECORDING.fullmatch(name).groups()  # type: ignore[union-attr]  # or it would not be wanted
        wave = _mono(content, f"{name} in {path}")
        waves[row, : len(wave)] = wave
        labels[row], held_out[row] = INFO.classes.index(word), is_held_out(speaker)
    check_rows(row + 1, count, str(path))
    return (waves[~held_out], labels[~held_out]), (waves[held_out], labels[held_out])


def is_held_out(speaker: str) -> bool:
    """Whether a speaker is of the fifth that the official recipe keeps for validation and test.

    Args:
        speaker: The name, hexadecimal digits.

    Example:

    >>> from hornbook_datasets import speech_commands_sample
    >>> sum(speech_commands_sample.is_held_out(f"{number:08x}") for number in range(1000))
    224
    """
    bucket = int(hashlib.sha1(speaker.encode(), usedforsecurity=False).hexdigest(), 16) % BUCKETS
    return bucket * 100 / (BUCKETS - 1) < 20


def load_example() -> tuple[np.ndarray, int]:
    """Load one recording of another word, "marvin", which is small: to hear, to draw, to try code on.

    Returns:
        int16 samples `(16000,)`, and how many of them make a second.

    Raises:
        DataUnavailable: The file is nowhere to be had; the message says what to do.

    Example:

    >>> from hornbook_datasets import speech_commands_sample
    >>> wave, rate = speech_commands_sample.load_example()  # doctest: +SKIP
    >>> len(wave) / rate  # doctest: +SKIP
    1.0
    """
    path = fetch(INFO.files[1], INFO.title)
    return _mono(path.read_bytes(), str(path)), RATE


def _mono(content: bytes, where: str) -> np.ndarray:
    """The first second of the first channel, which the others repeat."""
    samples, rate = read_wav(content, where)
    if rate != RATE:
        raise ValueError(f"Expected {RATE:,} samples a second in {where}; found {rate:,}.")
    return samples[:RATE, 0]


as_dataset = stream_maker(__name__)
