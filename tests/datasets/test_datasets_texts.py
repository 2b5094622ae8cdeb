"""Texts: small files in the official formats, wrong ones, and the real files where they can be had."""

import io
import tarfile
import zipfile

import numpy as np
import pytest

from hornbook_datasets import DataUnavailable, ag_news, imdb_reviews, spa_eng, sst2, tiny_shakespeare


def zipped(members):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return file.getvalue()


def tarred(members, mode="w:gz"):
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode=mode) as archive:
        for name, content in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return file.getvalue()


# ------------------------------------------------------------------------------------------------- tiny_shakespeare
def test_shakespeare_is_cut_once(put):
    put(tiny_shakespeare, {0: b"First Citizen:\nBefore"}, {"train": 14, "test": 7})
    assert tiny_shakespeare.load_data() == ("First Citizen:", "\nBefore")


def test_real_shakespeare(real):
    real(tiny_shakespeare.INFO.files[0].path)
    train, test = tiny_shakespeare.load_data()
    assert {"train": len(train), "test": len(test)} == tiny_shakespeare.INFO.examples
    assert train.startswith("First Citizen:\nBefore we proceed any further, hear me speak.\n")
    assert test.endswith("Whiles thou art waking.\n")
    assert len(set(train + test)) == 65 and len(train) == int(0.9 * len(train + test))


# ----------------------------------------------------------------------------------------------------------- spa_eng
SPANISH = 'Go.\tVe.\nGo.\tVete.\n"Hi."\t"Hola."\nRun!\t¡Corre!\nWait.\tEspera.\n'


def test_translations_of_a_sentence_stay_together(put):
    put(spa_eng, {0: zipped({"spa-eng/_about.txt": "x", "spa-eng/spa.txt": SPANISH})}, {"all": 5})
    (english, spanish), (english_test, spanish_test) = spa_eng.load_data(test_split=0.5)
    assert len(english) + len(english_test) == 5 and not set(english) & set(english_test)
    pairs = set(zip([*english, *english_test], [*spanish, *spanish_test], strict=True))
    assert pairs == {tuple(line.split("\t")) for line in SPANISH.splitlines()}
    again, _ = spa_eng.load_data(test_split=0.5)
    np.testing.assert_array_equal(again[1], spanish)
    assert [len(spa_eng.load_data(test_split=0.0)[i][0]) for i in (0, 1)] == [5, 0]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (SPANISH + "alone\n", "Expected 2 fields in line 6 of spa-eng/spa.txt; found 1"),
        (SPANISH.encode("latin-1"), "Expected text in UTF-8 in spa-eng/spa.txt"),
        (SPANISH[:12], "Expected 5 rows in spa-eng/spa.txt; found 2"),
        (SPANISH + "a" * 200_000 + "\tb\n", "longer|larger"),
    ],
)
def test_other_pairs_are_refused(put, text, message):
    put(spa_eng, {0: zipped({"spa-eng/spa.txt": text})}, {"all": 5})
    with pytest.raises(ValueError, match=message):
        spa_eng.load_data()


def test_an_archive_without_the_text_is_refused(put):
    put(spa_eng, {0: zipped({"fra-eng/fra.txt": "Go.\tVa !"})})
    with pytest.raises(ValueError, match=r"Expected the file spa-eng/spa.txt in .*spa-eng.zip; it is not there"):
        spa_eng.load_data()


def test_real_pairs(real):
    real(spa_eng.INFO.files[0].path)
    (english, spanish), (english_test, spanish_test) = spa_eng.load_data()
    assert len(english) == len(spanish) and len(english) + len(english_test) == spa_eng.INFO.examples["all"]
    assert not set(english) & set(english_test) and 0.18 < len(english_test) / spa_eng.INFO.examples["all"] < 0.22
    assert "Esperen." in set(spanish[english == "Wait."]) | set(spanish_test[english_test == "Wait."])


# -------------------------------------------------------------------------------------------------------------- sst2
TSV = 'sentence\tlabel\nhides "wit \t0\na charming journey .\t1\n'


@pytest.mark.parametrize("form", ["zip", "tables"])
def test_sentences_from_the_archive_and_from_tables(put, form):
    examples = {"train": 2, "validation": 2}
    if form == "zip":
        put(sst2, {0: zipped({"SST-2/train.tsv": TSV, "SST-2/dev.tsv": TSV, "SST-2/original/x": "x"})}, examples)
    else:
        put(sst2, {1: TSV.encode(), 2: TSV.encode()}, examples)
    for texts, labels in sst2.load_data():
        assert texts.tolist() == ['hides "wit ', "a charming journey ."]
        assert labels.dtype == np.int64 and labels.tolist() == [0, 1]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (TSV.replace("\t1", "\t2"), "Expected the label 0 or 1 in line 3 of .*dev.tsv; found '2'"),
        ("text\tlabel\n", r"Expected the columns \['sentence', 'label'\] in .*; found \['text', 'label'\]"),
        ("", "Expected 2 rows in .*; found 0"),
    ],
)
def test_other_sentences_are_refused(put, text, message):
    put(sst2, {2: text.encode()}, {"train": 2, "validation": 2})
    with pytest.raises(ValueError, match=message):
        sst2.load_split("validation")
    with pytest.raises(ValueError, match=r"split to be one of \['train', 'validation'\]; received 'test'"):
        sst2.load_split("test")


def test_real_sentences(real):
    real("text/SST-2/train.tsv")
    (texts, labels), (texts_validation, labels_validation) = sst2.load_data()
    assert {"train": len(texts), "validation": len(texts_validation)} == sst2.INFO.examples
    assert texts_validation[0] == "it 's a charming and often affecting journey . "
    assert np.bincount(labels).tolist() == [29780, 37569] and np.bincount(labels_validation).tolist() == [428, 444]


# ----------------------------------------------------------------------------------------------------------- ag_news
NEWS = '"3","Fears for pension","Workers say they are ""disappointed""."\n"4","A race, on","To space."\n'


def test_a_split_that_is_at_hand_needs_no_other(put):
    put(ag_news, {1: NEWS.encode()}, {"train": 3, "test": 2})
    texts, labels = ag_news.load_split("test")
    assert texts.tolist() == ['Fears for pension\nWorkers say they are "disappointed".', "A race, on\nTo space."]
    assert labels.tolist() == [2, 3]
    with pytest.raises(DataUnavailable, match=r"^AG News \(train\) cannot be loaded: .* text/ag_news_csv/train.csv"):
        ag_news.load_data()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (NEWS.replace('"4"', '"5"'), "Expected a class from 1 to 4 in line 2 of .*test.csv; found '5'"),
        (NEWS.replace(',"To space."', ""), "Expected 3 fields in line 2 of .*test.csv; found 2"),
        (NEWS[:-3] + "\n", "line 2 cannot be read: unexpected end of data"),
    ],
)
def test_other_news_are_refused(put, text, message):
    put(ag_news, {1: text.encode()}, {"train": 3, "test": 2})
    with pytest.raises(ValueError, match=message):
        ag_news.load_split("test")


def test_real_news(real):
    real("text/ag_news_csv/test.csv")
    texts, labels = ag_news.load_split("test")
    assert texts[0].startswith("Fears for T N pension after talks\nUnions representing workers")
    assert np.bincount(labels).tolist() == [1900] * 4 and ag_news.INFO.classes[labels[0]] == "Business"


# ------------------------------------------------------------------------------------------------------ imdb_reviews
REVIEWS = {
    "aclImdb/README": b"read me",
    "aclImdb/train/neg/1_2.txt": b"Dull.",
    "aclImdb/train/pos/0_9.txt": "Très bien.<br />".encode(),
    "aclImdb/train/unsup/0_0.txt": b"No label.",
    "aclImdb/test/pos/10_8.txt": b"Good.",
    "aclImdb/test/neg/2_1.txt": b"Bad.",
}


@pytest.mark.parametrize("number", [0, 1])
def test_reviews_from_both_archives(put, number):
    put(imdb_reviews, {number: tarred(REVIEWS, ("w:gz", "w:xz")[number])}, {"train": 2, "test": 2})
    (texts, labels), (texts_test, labels_test) = imdb_reviews.load_data()
    assert dict(zip(texts, labels, strict=True)) == {"Dull.": 0, "Très bien.<br />": 1}
    assert dict(zip(texts_test, labels_test, strict=True)) == {"Bad.": 0, "Good.": 1}
    np.testing.assert_array_equal(imdb_reviews.load_split("test")[0], texts_test)


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"aclImdb/train/pos/3_9.txt": b"More."}, "Expected 2 rows in aclImdb/train in .*; found 3"),
        ({"aclImdb/train/pos/0_9.txt": b"\xff"}, "Expected text in UTF-8 in aclImdb/train/pos/0_9.txt"),
        ({"aclImdb/train/pos/0_9.txt": bytes(200_000)}, "has 200,000 bytes; at most 131,072 are read"),
        ({"aclImdb/train/pos/../0_9.txt": b"x"}, "leads out of the folder"),
    ],
)
def test_other_reviews_are_refused(put, members, message):
    put(imdb_reviews, {0: tarred(REVIEWS | members)}, {"train": 2, "test": 2})
    with pytest.raises(ValueError, match=message):
        imdb_reviews.load_data()


@pytest.mark.exhaustive
def test_real_reviews(real):
    real("imdb/aclImdb_labelled.tar.xz")
    for texts, labels in imdb_reviews.load_data():
        assert len(texts) == 25000 and labels.sum() == 12500 and len(set(texts)) > 24500
        assert min(map(len, texts)) > 20 and any("<br />" in text for text in texts[:100])
