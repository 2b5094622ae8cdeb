"""Data sets for learning: one module each, with `load_data()`, `info()` and the `INFO` card behind it.

    mnist          70,000 handwritten digits, 28 x 28 pixels, ten classes; downloaded once
    tiny_reviews   672 short opinions, negative or positive; in the package

Official files come from the folder `HORNBOOK_DATA`, else from the cache, else from the network: see `files.py`.
Importing needs NumPy alone.

>>> from hornbook_datasets import tiny_reviews
>>> (texts, labels), (test_texts, test_labels) = tiny_reviews.load_data()
>>> len(texts), len(test_texts)
(504, 168)
"""

from hornbook_datasets import mnist, tiny_reviews
from hornbook_datasets.files import DataUnavailable
from hornbook_datasets.info import File, Info

__all__ = ["DataUnavailable", "File", "Info", "mnist", "tiny_reviews"]
