"""English and Spanish: 118,964 short sentences and their translations, to learn to translate."""

import numpy as np

from hornbook_datasets.archives import read_member
from hornbook_datasets.files import fetch
from hornbook_datasets.info import File, Info
from hornbook_datasets.splits import check_test_split, train_size
from hornbook_datasets.streams import stream_maker
from hornbook_datasets.tables import check_rows, read_rows

MEMBER = "spa-eng/spa.txt"
LARGEST = 1 << 24  # bytes; the text has 8 million

INFO = Info(
    name="spa_eng",
    title="English and Spanish",
    source="The volunteers of Tatoeba, https://tatoeba.org; as pairs by https://www.manythings.org/anki, May 2018",
    licence="CC BY 2.0 FR",
    citation="Tatoeba and manythings.org/anki, English-Spanish sentence pairs. 2018",
    examples={"all": 118964},
    classes=(),
    files=(
        File(
            path="text/spa-eng/spa-eng.zip",
            sha256="f80e581ae291aa34dd3aba7bd98b5e9505234da4318e2f3295df70a1520c7f61",
            size=2767131,
            # manythings.org offers today's sentences only; this is a copy of those of 2018, which books and papers use.
            urls=(
                "https://raw.githubusercontent.com/Hoangduc212001/hoang/3f6a876d24c82bb1cab3a4b5fcd6bdd91373b398/spa-eng.zip",
            ),
        ),
    ),
)


def info() -> Info:
    """The data set's card: source, licence, citation, sizes, the file and its hash.

    Example:

    >>> from hornbook_datasets import spa_eng
    >>> spa_eng.info().licence
    'CC BY 2.0 FR'
    """
    return INFO


def load_data(
    test_split: float = 0.2, seed: int = 113
) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Load the pairs of sentences, from `HORNBOOK_DATA`, the cache or the network.

    Many sentences have several translations. They stay together, so that no sentence of the test is one of training.

    Args:
        test_split: The share of the English sentences to test on, in [0, 1).
        seed: Of the order of the sentences, and so of the split.

    Returns:
        `(english_train, spanish_train), (english_test, spanish_test)`: object arrays of strings, a translation to each
        sentence.

    Raises:
        ValueError: `test_split` is outside [0, 1), or the archive is not the official one.
        DataUnavailable: The official file is nowhere to be had; the message says what to do.

    Example:

    >>> from hornbook_datasets import spa_eng
    >>> (english, spanish), _ = spa_eng.load_data()  # doctest: +SKIP
    >>> spa_eng.info().examples["all"]
    118964
    """
    check_test_split(test_split)
    path = fetch(INFO.files[0], INFO.title)
    content = read_member(path, MEMBER, LARGEST)
    translations: dict[str, list[str]] = {}
    rows = read_rows(content, MEMBER, ("English", "Spanish"), header=False, delimiter="\t", quoted=False)
    for _, (english, spanish) in rows:
        translations.setdefault(english, []).append(spanish)
    check_rows(sum(map(len, translations.values())), INFO.examples["all"], MEMBER)

    sentences = np.array(list(translations), dtype=object)
    sentences = sentences[np.random.RandomState(seed).permutation(len(sentences))]
    size = train_size(len(sentences), test_split)
    return _pairs(sentences[:size], translations), _pairs(sentences[size:], translations)


def _pairs(sentences: np.ndarray, translations: dict[str, list[str]]) -> tuple[np.ndarray, np.ndarray]:
    pairs = [(english, spanish) for english in sentences for spanish in translations[english]]
    english, spanish = zip(*pairs, strict=True) if pairs else ((), ())
    return np.array(english, dtype=object), np.array(spanish, dtype=object)


as_dataset = stream_maker(__name__)
