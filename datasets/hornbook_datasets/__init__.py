"""Data sets for learning: one module each, with `load_data()`, `as_dataset()`, `info()` and the `INFO` card behind it.

    mnist                   70,000 handwritten digits, 28 x 28 grey pixels, ten classes
    fashion_mnist           70,000 pictures of clothes, 28 x 28 grey pixels, ten classes
    cifar10 cifar100        60,000 photographs, 32 x 32 colour pixels, ten and a hundred classes
    imdb                    50,000 film reviews as word indices, negative or positive
    imdb_reviews            the same reviews as text
    reuters                 11,228 newswires as word indices, 46 topics
    ag_news                 127,600 headlines and first sentences, four topics
    sst2                    68,221 phrases and sentences of film reviews, negative or positive
    tiny_reviews            672 short opinions, negative or positive; in the package, the others are downloaded once
    spa_eng                 118,964 English sentences and their Spanish translations
    xquad                   1,190 questions, answered by a part of a paragraph; in three languages
    tiny_shakespeare        1,115,394 characters of the plays, one text
    speech_commands_sample  8,000 recordings of a second, eight spoken words
    california_housing      20,640 districts and their house prices
    boston_housing          506 districts; read its warning first
    penguins                344 penguins of three species, in words and numbers, with gaps
    titanic                 891 passengers and whether they survived, in words and numbers, with gaps
    heart                   303 patients and whether they are ill, with gaps
    breast_cancer           699 samples of cells, benign or malignant, with gaps
    mammography             11,183 spots in X-ray pictures, 260 of them calcifications
    pollution               43,824 hours of dust in the air and the weather, with gaps
    airline_passengers      144 months of passengers, a series that grows and has a season
    movielens               100,000 ratings of films

`load("mnist")` is `mnist.load_data()`, `load("tfds:cats_vs_dogs", split="train")` is from tensorflow-datasets.
Official files come from the folder `HORNBOOK_DATA`, else from the cache, else from the network: see `files.py`.
Importing needs NumPy alone.

>>> from hornbook_datasets import tiny_reviews
>>> (texts, labels), (test_texts, test_labels) = tiny_reviews.load_data()
>>> len(texts), len(test_texts)
(504, 168)
"""

from hornbook_datasets import (
    ag_news,
    airline_passengers,
    boston_housing,
    breast_cancer,
    california_housing,
    cifar10,
    cifar100,
    fashion_mnist,
    heart,
    imdb,
    imdb_reviews,
    mammography,
    mnist,
    movielens,
    penguins,
    pollution,
    reuters,
    spa_eng,
    speech_commands_sample,
    sst2,
    tiny_reviews,
    tiny_shakespeare,
    titanic,
    xquad,
)
from hornbook_datasets.catalogue import load, names, table
from hornbook_datasets.files import DataUnavailable
from hornbook_datasets.info import Column, File, Info

__all__ = [
    "Column",
    "DataUnavailable",
    "File",
    "Info",
    "ag_news",
    "airline_passengers",
    "boston_housing",
    "breast_cancer",
    "california_housing",
    "cifar10",
    "cifar100",
    "fashion_mnist",
    "heart",
    "imdb",
    "imdb_reviews",
    "load",
    "mammography",
    "mnist",
    "movielens",
    "names",
    "penguins",
    "pollution",
    "reuters",
    "spa_eng",
    "speech_commands_sample",
    "sst2",
    "table",
    "tiny_reviews",
    "tiny_shakespeare",
    "titanic",
    "xquad",
]
