"""Tokenizers of every kind give the ids, offsets and texts of transformers', whichever files they are opened from."""

import importlib.util
from pathlib import Path

import pytest

from hornbook_hub import Tokenizer

pytestmark = pytest.mark.parity
transformers = pytest.importorskip("transformers")
pytest.importorskip("sentencepiece")
pytest.importorskip("tiktoken")
vocabularies = importlib.util.module_from_spec(
    spec := importlib.util.spec_from_file_location("vocabularies", Path(__file__).parent / "vocabularies.py")
)
spec.loader.exec_module(vocabularies)

LONGEST = 24


def theirs_of(folder):
    return transformers.AutoTokenizer.from_pretrained(str(folder), local_files_only=True)


def check(ours, theirs, texts):
    """Ids, offsets, special pieces, truncation, pairs, decoding."""
    expected = theirs(texts, truncation=True, max_length=LONGEST, return_offsets_mapping=True)
    found = ours._encoded(texts, LONGEST)
    for text, encoding, ids, offsets in zip(
        texts, found, expected["input_ids"], expected["offset_mapping"], strict=True
    ):
        assert encoding.ids == ids, repr(text)
        assert encoding.offsets == offsets, repr(text)
    arrays = ours(texts, max_length=LONGEST)
    for row, mask, ids in zip(arrays["input_ids"], arrays["attention_mask"], expected["input_ids"], strict=True):
        assert row[mask == 1].tolist() == ids
    pairs = list(zip(texts, reversed(texts), strict=True))[: len(texts) // 2 + 1]
    first, second = map(list, zip(*pairs, strict=True))
    expected = theirs(first, second, truncation=True, max_length=LONGEST, return_token_type_ids=True)
    found = ours._encoded(pairs, LONGEST)
    for pair, encoding, ids, types in zip(pairs, found, expected["input_ids"], expected["token_type_ids"], strict=True):
        assert encoding.ids == ids and encoding.type_ids == types, repr(pair)
    for ids in expected["input_ids"]:
        for skip in (True, False):
            assert ours.decode(ids, skip) == theirs.decode(ids, skip_special_tokens=skip)


def check_kind(kind, folder, count):
    vocabularies.make(kind, folder)
    texts = vocabularies.strings(count)
    ours = Tokenizer.from_folder(folder)
    check(ours, theirs_of(folder), texts)
    written = folder / "written"
    written.mkdir()
    for name, contents in ours.files().items():
        (written / name).write_text(contents, encoding="utf-8")
    again = theirs_of(written)
    check(ours, again, texts)
    check(Tokenizer.from_folder(written), again, texts)
    named = "TokenizersBackend" if kind == "llama3" else vocabularies.KINDS[kind]
    assert type(again).__name__.removesuffix("Fast") == named


KINDS = list(vocabularies.KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_kinds_are_those_of_transformers(kind, tmp_path):
    check_kind(kind, tmp_path, 500)


@pytest.mark.exhaustive
@pytest.mark.parametrize("kind", KINDS)
def test_ten_thousand_strings(kind, tmp_path):
    check_kind(kind, tmp_path, 10_000)
