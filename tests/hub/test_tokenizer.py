"""The ids are those of transformers on every string."""

import json
import random

import numpy as np
import pytest

import hornbook_hub as hub
from hornbook_hub import Tokenizer

SENTENCES = [
    "Paris is the [MASK] of France.",
    "naïve café, ÀÉ",
    "don't stop!",
    "",
    "你好 world",
    "a\u200bb\ufeffc\u00a0d",
    "x" * 150,
]


def strings(count):
    rng = random.Random(0)
    planes = [
        (0x20, 0x7E),
        (0xA0, 0x24F),
        (0x300, 0x36F),
        (0x370, 0x5FF),
        (0x3040, 0x30FF),
        (0x4E00, 0x4FFF),
        (0x1F300, 0x1F6FF),
        (1, 31),
    ]
    return ["".join(chr(rng.randint(*rng.choice(planes))) for _ in range(rng.randint(1, 24))) for _ in range(count)]


@pytest.fixture(scope="module")
def folder(hornbook_data):
    return hornbook_data / "tokenizers" / "bert-base-uncased"


@pytest.fixture(scope="module")
def plain(folder, tmp_path_factory):
    """The vocabulary alone."""
    target = tmp_path_factory.mktemp("tokenizer")
    (target / "vocab.txt").write_bytes((folder / "vocab.txt").read_bytes())
    return target


@pytest.mark.parity
@pytest.mark.parametrize("settings", [{}, {"do_lower_case": False}, {"strip_accents": False}])
def test_ids_are_those_of_transformers(plain, settings, tmp_path):
    import json

    transformers = pytest.importorskip("transformers")
    (tmp_path / "vocab.txt").write_bytes((plain / "vocab.txt").read_bytes())
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({**settings, "tokenizer_class": "BertTokenizer"}))
    ours = Tokenizer.from_folder(tmp_path)
    theirs = transformers.BertTokenizerFast(
        vocab_file=str(plain / "vocab.txt"), vocab=str(plain / "vocab.txt"), **settings
    )
    texts = SENTENCES + strings(1000)
    expected = theirs(texts, truncation=True, max_length=64)["input_ids"]
    got = ours(texts, max_length=64)
    for text, row, mask, wanted in zip(texts, got["input_ids"], got["attention_mask"], expected, strict=True):
        assert row[mask == 1].tolist() == wanted, repr(text)
    pair, wanted = ours("a good film", "and a book"), theirs("a good film", "and a book")
    assert pair["input_ids"][0].tolist() == wanted["input_ids"]
    assert pair["token_type_ids"][0].tolist() == wanted["token_type_ids"]


def test_arrays_are_padded_and_truncated(plain):
    tokenizer = Tokenizer.from_folder(plain, max_length=8)
    arrays = tokenizer(["one two", "one two three four five six seven eight nine"])
    assert {key: array.shape for key, array in arrays.items()} == dict.fromkeys(arrays, (2, 8))
    assert arrays["attention_mask"].sum(1).tolist() == [4, 8] and arrays["input_ids"].dtype == np.int32


def test_a_folder_of_files_round_trips(plain, tmp_path):
    tokenizer = Tokenizer.from_folder(plain)
    for name, text in tokenizer.files().items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    again = Tokenizer.from_folder(tmp_path)
    texts = strings(200)
    np.testing.assert_array_equal(again(texts)["input_ids"], tokenizer(texts)["input_ids"])
    assert (tmp_path / "vocab.txt").read_bytes() == (plain / "vocab.txt").read_bytes()


def test_an_old_tokenizer_json_gives_way_to_the_vocabulary(folder):
    assert Tokenizer.from_folder(folder)("the")["input_ids"].tolist() == [[101, 1996, 102]]


def test_no_tokenizer_at_all(tmp_path):
    with pytest.raises(FileNotFoundError, match="no tokenizer"):
        Tokenizer.from_folder(tmp_path)
    (tmp_path / "vocab.txt").write_text("a\nb\n")
    with pytest.raises(ValueError, match="special pieces"):
        Tokenizer.from_folder(tmp_path)


def test_a_longest_text_of_10_to_the_30_as_transformers_writes_it_for_none(tmp_path):
    tokenizer = hub.load("bert_tiny").tokenizer
    settings = {**tokenizer.settings, "model_max_length": int(1e30)}
    for name, text in {**tokenizer.files(), "tokenizer_config.json": json.dumps(settings)}.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    assert hub.Tokenizer.from_folder(tmp_path, 64).max_length == 64
