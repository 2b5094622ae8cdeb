"""XQuAD: answers stand in their texts where the numbers say; no article is in both parts."""

import numpy as np
import pytest

from hornbook_datasets import DataUnavailable, xquad


@pytest.mark.parametrize("language", xquad.LANGUAGES)
def test_answers_stand_in_their_texts(language, real):
    real(f"text/xquad/xquad.{language}.json")
    parts = xquad.load_data(language)
    for ((questions, texts), places), size in zip(parts, xquad.INFO.examples.values(), strict=True):
        assert len(questions) == len(texts) == len(places) == size and places.dtype == np.int64
        for text, (start, end) in zip(texts, places, strict=True):
            answer = text[start:end]
            assert 0 < len(answer) == end - start and answer == answer.strip()
    assert not set(parts[0][0][1]) & set(parts[1][0][1])


def test_another_language_is_refused(monkeypatch, tmp_path):
    with pytest.raises(ValueError, match=r"one of \('en', 'de', 'es'\); received 'fr'"):
        xquad.load_data("fr")
    monkeypatch.setenv("HORNBOOK_DATA", str(tmp_path))
    monkeypatch.setenv("HORNBOOK_CACHE", str(tmp_path))
    monkeypatch.setenv("HORNBOOK_OFFLINE", "1")
    with pytest.raises(DataUnavailable, match="XQuAD"):
        xquad.load_data()
