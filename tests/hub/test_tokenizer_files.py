"""The files that tokenizers are read from: what they may hold, what is refused, and how texts of conversations are found."""

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest

from hornbook_hub import Tokenizer
from hornbook_hub.tokenizers import folders, sentence_pieces, tiktoken

vocabularies = importlib.util.module_from_spec(
    spec := importlib.util.spec_from_file_location("vocabularies", Path(__file__).parent / "vocabularies.py")
)
spec.loader.exec_module(vocabularies)


# ------------------------------------------------------------------------------------------------ sentencepiece itself
@pytest.mark.parity
@pytest.mark.parametrize(
    "options",
    [
        {"model_type": "unigram"},
        {**vocabularies.LLAMA, "normalization_rule_name": "nmt_nfkc", "remove_extra_whitespaces": True},
        pytest.param({"model_type": "unigram", "add_dummy_prefix": False}, marks=pytest.mark.exhaustive),
        pytest.param(vocabularies.LLAMA, marks=pytest.mark.exhaustive),
    ],
)
def test_a_model_of_no_known_kind_gives_the_ids_of_sentencepiece(options, tmp_path):
    sentencepiece = pytest.importorskip("sentencepiece")
    vocabularies.sentence_pieces(tmp_path / "tokenizer.model", **options)
    ours = Tokenizer.from_folder(tmp_path)
    theirs = sentencepiece.SentencePieceProcessor(model_file=str(tmp_path / "tokenizer.model"))
    texts = vocabularies.text().splitlines()[:200] + ["  two  spaces ", "", "ｆｕｌｌ ﬁ ①", "😀 and 🎉", "a\tb\nc"]
    for text in texts:
        assert ours.encode(text).ids == theirs.encode(text), repr(text)
    assert ours.decode(ours.encode(texts[0]).ids) == texts[0]


@pytest.mark.parity
def test_ranks_give_the_ids_of_tiktoken(tmp_path):
    reference = pytest.importorskip("tiktoken")
    from tiktoken.load import load_tiktoken_bpe

    from hornbook_hub.tokenizers.byte_pairs import LLAMA_3_SPLIT

    vocabularies.ranks(tmp_path / "tokenizer.model")
    ours = Tokenizer.from_folder(tmp_path)
    theirs = reference.Encoding(
        "test",
        pat_str=LLAMA_3_SPLIT,
        mergeable_ranks=load_tiktoken_bpe(str(tmp_path / "tokenizer.model")),
        special_tokens={},
    )
    for text in vocabularies.text().splitlines()[:200] + ["I'll go, 12345 times!!\n\n  Ok", "naïve 你好 😀", ""]:
        assert ours.encode(text).ids == theirs.encode(text), repr(text)


# ------------------------------------------------------------------------------------------------------ damaged files
def model(*fields):
    """A protocol buffer of (number, bytes or whole number)."""
    written = b""
    for number, value in fields:
        if isinstance(value, int):
            written += bytes(
                [number << 3 & 0x7F | (0x80 if number > 15 else 0), *([number >> 4] if number > 15 else [])]
            )
            written += bytes([value])
        else:
            length = len(value)
            written += bytes([number << 3 | 2, length & 0x7F | (0x80 if length > 127 else 0)])
            written += bytes([length >> 7]) if length > 127 else b""
            written += value
    return written


PIECE = model((1, b"<unk>"), (3, sentence_pieces.UNKNOWN))
LETTER = model((1, b"a"))


@pytest.mark.parametrize(
    "written, message",
    [
        (b"", "no pieces"),
        (b"\x0a\xff", "no SentencePiece model"),
        (b"\x0a\x7f" + b"a" * 5, "no SentencePiece model"),
        (b"\xff" * 20, "no SentencePiece model"),
        (model((1, PIECE), (1, LETTER), (1, LETTER)), "one of them twice"),
        (model((1, LETTER)), "for what is unknown"),
        (model((1, PIECE), (2, model((3, 3)))), "words or characters"),
        (model((1, PIECE), (2, model((35, 1)))), "lacks the pieces"),
        (model((1, PIECE), (1, model((1, b"\xff")))), "no SentencePiece model"),
        (model((1, PIECE), (1, model((1, b"a" * 2000)))), "no SentencePiece model"),
        (model((1, PIECE), (1, 3)), "no SentencePiece model"),
        (model((1, PIECE), (3, model((2, b"\0\4\0\0")))), "table of characters"),
    ],
)
def test_a_damaged_model_is_refused(written, message, tmp_path):
    (tmp_path / "spiece.model").write_bytes(written)
    with pytest.raises(ValueError, match=message):
        Tokenizer.from_folder(tmp_path)


def test_a_table_of_characters_that_leads_astray_is_refused():
    whole = bytearray(sentence_pieces.compiled_characters({"a": "b"}))
    sentence_pieces.check_characters(bytes(whole), "table")
    for place in (4, 4 + 4 * (256 ^ ord("a"))):
        broken = bytearray(whole)
        broken[place : place + 4] = (0x1FFFFF << 10 | broken[place] | 1 << 8).to_bytes(4, "little")
        with pytest.raises(ValueError, match="beyond its end"):
            sentence_pieces.check_characters(bytes(broken), "table")
    for broken in (whole[:100], whole[:3], whole[:-1], whole[:-2] + b"\xff\0"):
        with pytest.raises(ValueError, match="beyond its end"):
            sentence_pieces.check_characters(bytes(broken), "table")


@pytest.mark.parametrize(
    "line, message",
    [
        (b"####= 3", "no piece in base64"),
        (b"YQ==", "no piece in base64"),
        (b"YQ== x", "no piece in base64"),
        (b"YQ== 99999999999", "ranks below"),
        (b"YWI= 3", "same rank"),
    ],
)
def test_damaged_ranks_are_refused(line, message, tmp_path):
    import base64

    lines = [base64.b64encode(bytes([byte])) + b" %d" % byte for byte in range(256)]
    path = tmp_path / "qwen.tiktoken"
    path.write_bytes(b"\n".join([*lines, line]))
    with pytest.raises(ValueError, match=message):
        tiktoken.read(path)
    path.write_bytes(b"\n".join(lines[:-1]))
    with pytest.raises(ValueError, match="bytes .255."):
        tiktoken.read(path)


@pytest.mark.parametrize(
    "vocabulary, merges, message",
    [
        ("[]", "", "a number for each piece"),
        ('{"a": -1}', "", "a number for each piece"),
        ('{"a": 0, "b": 1}', "a b\n", "no pair of its pieces"),
        ('{"a": 0, "b": 1, "ab": 2}', "a\n", "no pair of its pieces"),
    ],
)
def test_merges_of_another_vocabulary_are_refused(vocabulary, merges, message, tmp_path):
    (tmp_path / "vocab.json").write_text(vocabulary)
    (tmp_path / "merges.txt").write_text(merges)
    with pytest.raises(ValueError, match=message):
        Tokenizer.from_folder(tmp_path)


def test_added_pieces_must_follow_the_vocabulary(tmp_path):
    vocabularies.byte_pairs(tmp_path, ["<|endoftext|>"])
    (tmp_path / "added_tokens.json").write_text('{"<new>": 5}')
    with pytest.raises(ValueError, match="'<new>' is to have the number 5"):
        Tokenizer.from_folder(tmp_path)


# ---------------------------------------------------------------------------------------------------------- the kind
@pytest.mark.parametrize("model_type, expected", [("roberta", True), ("gpt2", False)])
def test_the_type_of_the_model_says_the_kind(model_type, expected, tmp_path):
    vocabularies.byte_pairs(tmp_path, ["<s>", "<pad>", "</s>", "<unk>", "<mask>", "<|endoftext|>"])
    (tmp_path / "config.json").write_text(json.dumps({"model_type": model_type}))
    tokenizer = Tokenizer.from_folder(tmp_path)
    ids = tokenizer("Hello")["input_ids"][0].tolist()
    assert (ids[0] == tokenizer.token_to_id("<s>")) is expected
    assert {*folders.CLASSES.values()} <= set(folders.KINDS)


def test_pieces_for_control_are_special(tmp_path):
    pytest.importorskip("sentencepiece")
    tokenizer = Tokenizer.from_folder(vocabularies.make("llama", tmp_path))
    ids = tokenizer.encode("a</s>b").ids
    assert ids[0] == tokenizer.token_to_id("<s>") and tokenizer.token_to_id("</s>") in ids
    assert tokenizer.decode(ids) == "ab"


def test_gaps_of_t5_come_in_descending_order(tmp_path):
    pytest.importorskip("sentencepiece")
    tokenizer = Tokenizer.from_folder(vocabularies.make("t5", tmp_path))
    numbers = [tokenizer.token_to_id(f"<extra_id_{i}>") for i in range(100)]
    np.testing.assert_array_equal(np.diff(numbers), -1)
    assert numbers[0] == tokenizer.vocabulary_size - 1


# -------------------------------------------------------------------------------------------------- chat templates
SAYS = "{% for m in messages %}{{ m.content }}{% endfor %}"


@pytest.fixture
def folder(tmp_path):
    vocabularies.word_pieces(tmp_path, ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"])
    return tmp_path


@pytest.mark.parametrize(
    "name, contents",
    [
        ("chat_template.jinja", f"1{SAYS}"),
        ("chat_template.json", json.dumps({"chat_template": f"1{SAYS}"})),
        ("tokenizer_config.json", json.dumps({"chat_template": f"1{SAYS}"})),
        ("tokenizer_config.json", json.dumps({"chat_template": [{"name": "default", "template": f"1{SAYS}"}]})),
    ],
)
def test_chat_templates_are_found(folder, name, contents):
    (folder / name).write_text(contents)
    assert Tokenizer.from_folder(folder).apply_chat_template([{"role": "user", "content": "Hi"}]) == "1Hi"


def test_chat_templates_by_name(folder):
    (folder / "tokenizer_config.json").write_text(json.dumps({"chat_template": "old"}))
    (folder / "chat_template.jinja").write_text(f"1{SAYS}")
    (folder / "additional_chat_templates").mkdir()
    for name in ("tool_use", "rag"):
        (folder / "additional_chat_templates" / f"{name}.jinja").write_text(f"{name}{SAYS}")
    messages = [{"role": "user", "content": "Hi"}]
    for again in range(2):
        tokenizer = Tokenizer.from_folder(folder)
        assert tokenizer.apply_chat_template(messages) == "1Hi"
        assert tokenizer.apply_chat_template(messages, template="rag") == "ragHi"
        assert tokenizer.apply_chat_template(messages, tools=[{}]) == "tool_useHi"
        with pytest.raises(ValueError, match="no chat template 'other'; it has"):
            tokenizer.apply_chat_template(messages, template="other")
        folder = folder / f"written{again}"
        folder.mkdir()
        for name, text in tokenizer.files().items():
            (folder / name).write_text(text, encoding="utf-8")


def test_templates_that_are_no_texts_are_refused(folder):
    (folder / "tokenizer_config.json").write_text(json.dumps({"chat_template": {"default": 3}}))
    with pytest.raises(ValueError, match="are no texts"):
        Tokenizer.from_folder(folder)
