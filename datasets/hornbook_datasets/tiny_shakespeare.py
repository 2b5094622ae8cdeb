"""Tiny Shakespeare: 1,115,394 characters of the plays in one text, to learn what letter comes next."""

from hornbook_datasets.files import fetch
from hornbook_datasets.info import File, Info
from hornbook_datasets.streams import stream_maker

INFO = Info(
    name="tiny_shakespeare",
    title="Tiny Shakespeare",
    source="Andrej Karpathy, forty thousand lines from the plays of William Shakespeare: "
    "https://github.com/karpathy/char-rnn",
    licence="public domain",
    citation="A. Karpathy. The unreasonable effectiveness of recurrent neural networks. 2015, "
    "https://karpathy.github.io/2015/05/21/rnn-effectiveness/",
    examples={"train": 1003854, "test": 111540},  # characters: the first nine tenths, and the rest
    classes=(),
    files=(
        File(
            path="text/tinyshakespeare/input.txt",
            sha256="86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed",
            size=1115394,
            urls=(
                "https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/input.txt",
                "https://storage.googleapis.com/download.tensorflow.org/data/shakespeare.txt",
            ),
        ),
    ),
)


def info() -> Info:
    """The data set's card: source, licence, citation, sizes in characters, the file and its hash.

    Example:

    >>> from hornbook_datasets import tiny_shakespeare
    >>> dict(tiny_shakespeare.info().examples)
    {'train': 1003854, 'test': 111540}
    """
    return INFO


def load_data() -> tuple[str, str]:
    """Load the text, from `HORNBOOK_DATA`, the cache or the network.

    Returns:
        `text_train, text_test`: the first 1,003,854 characters, nine tenths, and the 111,540 that follow. 65 different
        characters occur: letters, the newline, the space, `!$&',-.3:;?`.

    Raises:
        DataUnavailable: The official file is nowhere to be had; the message says what to do.

    Example:

    >>> from hornbook_datasets import tiny_shakespeare
    >>> text_train, text_test = tiny_shakespeare.load_data()  # doctest: +SKIP
    >>> text_train[:14]  # doctest: +SKIP
    'First Citizen:'
    """
    text = fetch(INFO.files[0], INFO.title).read_bytes().decode("utf-8")
    size = INFO.examples["train"]
    return text[:size], text[size:]


as_dataset = stream_maker(__name__)
