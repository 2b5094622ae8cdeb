"""Data sets for learning: one module each, with `load_data()`, `info()` and the `INFO` card behind it.

    mnist                70,000 handwritten digits, 28 x 28 grey pixels, ten classes
    fashion_mnist        70,000 pictures of clothes, 28 x 28 grey pixels, ten classes
    cifar10 cifar100     60,000 photographs, 32 x 32 colour pixels, ten and a hundred classes
    imdb                 50,000 film reviews as word indices, negative or positive
    reuters              11,228 newswires as word indices, 46 topics
    california_housing   20,640 districts and their house prices
    boston_housing       506 districts; read its warning first
    tiny_shakespeare     1,115,394 characters of the plays, one text
    tiny_reviews         672 short opinions, negative or positive; in the package, the others are downloaded once

Official files come from the folder `HORNBOOK_DATA`, else from the cache, else from the network: see `files.py`.
Importing needs NumPy alone.

>>> from hornbook_datasets import tiny_reviews
>>> (texts, labels), (test_texts, test_labels) = tiny_reviews.load_data()
>>> len(texts), len(test_texts)
(504, 168)
"""

from hornbook_datasets import (
    boston_housing,
    california_housing,
    cifar10,
    cifar100,
    fashion_mnist,
    imdb,
    mnist,
    reuters,
    tiny_reviews,
    tiny_shakespeare,
)
from hornbook_datasets.files import DataUnavailable
from hornbook_datasets.info import File, Info

__all__ = [
    "DataUnavailable",
    "File",
    "Info",
    "boston_housing",
    "california_housing",
    "cifar10",
    "cifar100",
    "fashion_mnist",
    "imdb",
    "mnist",
    "reuters",
    "tiny_reviews",
    "tiny_shakespeare",
]
