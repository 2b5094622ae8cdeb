"""XQuAD: 1,190 questions on 240 paragraphs of Wikipedia, each answered by a part of its paragraph."""

import json

import numpy as np

from hornbook_datasets.files import fetch
from hornbook_datasets.info import File, Info
from hornbook_datasets.streams import stream_maker

LANGUAGES = {  # -> the sha256 and the size of its file
    "en": ("e4c57d1c9143aaa1c5d265ba5987a65f4e69528d2a98f29d6e75019b10344f29", 609383),
    "de": ("990b5d746746ed65ed4702ea5f35f99ffa4e2f1c390c07d003642acd937916f9", 669810),
    "es": ("dcbae93ec3a9f4b9e78fd834a171d6f96c1a875e10e15b7530b7e4ef4971e37e", 684322),
}
TRAINING_ARTICLES = 36  # of 48, the first ones

INFO = Info(
    name="xquad",
    title="XQuAD",
    source="240 paragraphs of SQuAD 1.1, translated by people: https://github.com/google-deepmind/xquad",
    licence="CC BY-SA 4.0",
    citation="M. Artetxe, S. Ruder, D. Yogatama. On the cross-lingual transferability of monolingual representations. "
    "ACL 2020, https://arxiv.org/abs/1910.11856",
    examples={"train": 925, "test": 265},
    classes=(),
    files=tuple(
        File(
            path=f"text/xquad/xquad.{language}.json",
            sha256=digest,
            size=size,
            urls=(f"https://raw.githubusercontent.com/google-deepmind/xquad/master/xquad.{language}.json",),
        )
        for language, (digest, size) in LANGUAGES.items()
    ),
)


def info() -> Info:
    """The data set's card: source, licence, citation, sizes, the files and their hashes.

    Example:

    >>> from hornbook_datasets import xquad
    >>> dict(xquad.info().examples)
    {'train': 925, 'test': 265}
    """
    return INFO


def load_data(language: str = "en") -> tuple[tuple[tuple, np.ndarray], tuple[tuple, np.ndarray]]:
    """Load the questions, from `HORNBOOK_DATA`, the cache or the network.

    The set was made to test with, and has no split. Here the first 36 of its 48 articles are for training.

    Args:
        language: "en", "de" or "es".

    Returns:
        `(x_train, y_train), (x_test, y_test)`: x is `(questions, texts)`, object arrays of strings `(N,)`; y int64
        `(N, 2)`: where the answer begins in the text and where it ends, in characters.

    Raises:
        ValueError: Another language, or the file holds something else.
        DataUnavailable: The official file is nowhere to be had; the message says what to do.

    Example:

    >>> from hornbook_datasets import xquad
    >>> (x, y), _ = xquad.load_data()  # doctest: +SKIP
    >>> x[1][0][y[0, 0] : y[0, 1]]  # doctest: +SKIP
    '308'
    """
    if language not in LANGUAGES:
        raise ValueError(f"Expected language to be one of {tuple(LANGUAGES)}; received {language!r}.")
    file = INFO.files[tuple(LANGUAGES).index(language)]
    articles = json.loads(fetch(file, INFO.title).read_bytes())["data"]
    return _examples(articles[:TRAINING_ARTICLES]), _examples(articles[TRAINING_ARTICLES:])


def _examples(articles: list) -> tuple[tuple, np.ndarray]:
    questions, texts, places = [], [], []
    for article in articles:
        for paragraph in article["paragraphs"]:
            for question in paragraph["qas"]:
                answer = question["answers"][0]
                questions.append(question["question"])
                texts.append(paragraph["context"])
                places.append((answer["answer_start"], answer["answer_start"] + len(answer["text"])))
    return (np.array(questions, dtype=object), np.array(texts, dtype=object)), np.array(places, dtype="int64")


as_dataset = stream_maker(__name__)
