"""Tiny reviews: counts, balance, clean sentences, and no leak from train to test."""

import re

import numpy as np

from hornbook_datasets import tiny_reviews

(TRAIN, TRAIN_LABELS), (TEST, TEST_LABELS) = tiny_reviews.load_data()


def words(text):
    return set(re.findall(r"[\w']+", text.lower()))


def test_counts_dtypes_and_balance():
    assert {"train": len(TRAIN), "test": len(TEST)} == tiny_reviews.INFO.examples
    assert len(TRAIN) >= 480 and len(TEST) >= 160
    for texts, labels in ((TRAIN, TRAIN_LABELS), (TEST, TEST_LABELS)):
        assert texts.dtype.kind == "U" and labels.dtype == np.int64
        assert texts.shape == labels.shape
        assert np.bincount(labels).tolist() == [len(labels) // 2] * len(tiny_reviews.CLASSES)
        assert 0.3 < labels[: len(labels) // 4].mean() < 0.7  # the order is mixed, so a slice is a sample


def test_sentences_are_clean():
    for text in np.concatenate([TRAIN, TEST]):
        assert 8 <= len(text.split()) <= 18, text
        assert text == text.strip() and text[0].isupper() and text[-1] in ".!?", text
        assert "  " not in text and text.isprintable(), text


def test_no_sentence_twice():
    both = [" ".join(re.findall(r"[\w']+", text.lower())) for text in np.concatenate([TRAIN, TEST])]
    assert len(set(both)) == len(both)


def test_no_test_sentence_resembles_a_training_sentence():
    train = [words(text) for text in TRAIN]
    for text in TEST:
        mine = words(text)
        closest = max(len(mine & other) / len(mine | other) for other in train)  # Jaccard's index of the word sets
        assert closest < 0.5, text


def test_openings_are_varied():
    openings = [" ".join(text.split()[:4]).lower() for text in np.concatenate([TRAIN, TEST])]
    assert len(set(openings)) > 0.85 * len(openings)


def test_words_tell_the_class_but_not_always():
    """Naive Bayes on bags of words: the set can be learnt, and leaves something to learn."""
    counts = [{}, {}]
    for text, label in zip(TRAIN, TRAIN_LABELS, strict=True):
        for word in words(text):
            counts[label][word] = counts[label].get(word, 0) + 1
    vocabulary = counts[0].keys() | counts[1].keys()
    totals = [sum(count.values()) + len(vocabulary) for count in counts]

    def predict(text):
        odds = [
            sum(np.log((count.get(w, 0) + 1) / total) for w in words(text))
            for count, total in zip(counts, totals, strict=True)
        ]
        return int(odds[1] > odds[0])

    accuracy = np.mean([predict(text) == label for text, label in zip(TEST, TEST_LABELS, strict=True)])
    assert 0.75 < accuracy < 0.97


def test_card():
    assert tiny_reviews.info() is tiny_reviews.INFO
    assert tiny_reviews.CLASSES == tiny_reviews.INFO.classes == ("negative", "positive")
    assert tiny_reviews.INFO.licence == "Apache-2.0"
