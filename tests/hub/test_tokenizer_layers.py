"""Tokenizers as operations of a graph give the ids of the engine, in a process without this library too."""

import functools
import importlib.util
import itertools
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

import hornbook as keras
from hornbook.export.byte_pairs import CUTS, word_starts
from hornbook_hub import Tokenizer

vocabularies = importlib.util.module_from_spec(
    spec := importlib.util.spec_from_file_location("vocabularies", Path(__file__).parent / "vocabularies.py")
)
spec.loader.exec_module(vocabularies)
PROGRAM = Path(__file__).resolve().parents[1] / "framework" / "exported_program.py"
KINDS = [
    "bert",
    "mpnet",
    "gpt2",
    "roberta",
    "clip",
    "whisper",
    "llama3",
    "qwen2",
    "llama",
    "gemma",
    "t5",
    "xlm_roberta",
]
KINDS += ["unigram_bytes"]
TRAINED_BY_SENTENCEPIECE = ("llama", "gemma", "t5", "xlm_roberta", "unigram_bytes")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The tokenizer of a kind, and its layer, each made once."""

    @functools.cache
    def make(kind):
        if kind in TRAINED_BY_SENTENCEPIECE:
            pytest.importorskip("sentencepiece")
        folder = vocabularies.make(kind, tmp_path_factory.mktemp(kind))
        tokenizer = Tokenizer.from_folder(folder, max_length=48)
        return tokenizer, tokenizer.as_layer()

    return make


def check(tokenizer, layer, texts):
    """All ids, in batches of few texts, since arrays are as long as the longest."""
    for start in range(0, len(texts), 1000):
        some = texts[start : start + 1000]
        found = {name: array.numpy() for name, array in layer(tf.constant(some)).items()}
        expected = tokenizer(some)
        assert list(found) == list(expected)
        for row, text in enumerate(some):
            np.testing.assert_array_equal(found["input_ids"][row], expected["input_ids"][row], err_msg=ascii(text))
        np.testing.assert_array_equal(found["attention_mask"], expected["attention_mask"])


# Each cut and each way to pieces once; the others are siblings.
FIRST = ("qwen2", "clip", "llama", "unigram_bytes")


@pytest.mark.parametrize("kind", [k if k in FIRST else pytest.param(k, marks=pytest.mark.exhaustive) for k in KINDS])
def test_ids_are_those_of_the_engine(kind, made):
    check(*made(kind), vocabularies.strings(500))


@pytest.mark.exhaustive
@pytest.mark.parametrize("kind", KINDS)
def test_ids_of_ten_thousand_strings(kind, made):
    check(*made(kind), vocabularies.strings(10_000, seed=7))


@pytest.mark.parametrize("pattern", CUTS)
def test_words_are_cut_as_the_regular_expression_does(pattern):
    """All short texts of eight characters that stand for all kinds, and for the ends of lines."""
    from tokenizers import Regex, pre_tokenizers

    letters = "a1 \n\t'!s"
    texts = ["".join(text) for length in (1, 2, 3, 4) for text in itertools.product(letters, repeat=length)]
    texts += ["a'll're'VE 'ſ", "12345 1234", "!!\r\n\n a", "x \n  \n\t y", "'ll", "!'s", " 's", "a\u00a0b"]
    engine = pre_tokenizers.Split(Regex(pattern), "isolated")
    expected = [[start for _, (start, _) in engine.pre_tokenize_str(text)] for text in texts]
    points = tf.constant([ord(one) for text in texts for one in text])
    row = tf.constant([place for place, text in enumerate(texts) for _ in text], tf.int64)
    kinds = [1 if c.isalpha() else 2 if c.isdigit() else 3 if c.isspace() else 0 for text in texts for c in text]
    starts = word_starts(points, row, tf.constant(kinds), CUTS[pattern]).numpy()
    places = np.cumsum([0, *map(len, texts)])
    for text, start, wanted in zip(texts, places, expected, strict=False):
        assert np.flatnonzero(starts[start : start + len(text)]).tolist() == wanted, repr(text)


OTHER_LETTERS = "<|ENDOFTEXT|>", "<|STARTOFTEXT|>"  # become special pieces of CLIP, whose expression knows them
AROUND = [
    "{0}",
    "{0}'s",
    "a{0}|>",
    "!{0}|>",
    "{0}{1}!!'s",
    "!{0}{1}!!'s",
    "{0} {0}",
    "{1}{0}",
    "'s{0}'ll't'S",
    "x {0}\n{0}é",
]
AROUND += ["<|ENDOFTEXT|", "''s 's'", "1234 ٣٤", "İI'LL", "E\u0301 e\u0301\u0301"]


@pytest.mark.parametrize("normalized", [False, pytest.param(True, marks=pytest.mark.exhaustive)])
def test_special_pieces_in_other_letters(normalized, made):
    """They are special where the pieces are looked for in cleaned texts; else they are words."""
    tokenizer, layer = made("clip")
    if normalized:
        tokenizer = _changed(tokenizer, lambda d: [piece.update(normalized=True) for piece in d["added_tokens"]])
        layer = tokenizer.as_layer()
    check(tokenizer, layer, [text.format(*OTHER_LETTERS) for text in AROUND])


@pytest.mark.parametrize("kind", ["qwen2", pytest.param("gpt2", marks=pytest.mark.exhaustive)])
def test_bytes_that_are_no_text_are_read_as_python_replaces_them(kind, made):
    tokenizer, layer = made(kind)
    texts = [b"a\xffb", b"\xc3(", b"\xe2\x82", b"\xed\xa0\x80", b"\xf8\x88\x80", b"ok"]
    found = layer(tf.constant(texts))["input_ids"].numpy()
    np.testing.assert_array_equal(found, tokenizer([text.decode("utf-8", "replace") for text in texts])["input_ids"])


class OnStrings(keras.Model):
    """Ids of texts."""

    def __init__(self, layer):
        super().__init__()
        self.layer = layer

    def call(self, text):
        return self.layer(text)["input_ids"]


@pytest.mark.exhaustive  # what every run tests of it is BERT's, in test_export.py
@pytest.mark.slow
@pytest.mark.parametrize("kind", ["qwen2", "clip", "t5", "unigram_bytes", "llama", "gpt2"])
def test_a_saved_model_takes_strings(kind, made, tmp_path):
    tokenizer, layer = made(kind)
    texts = [text for text in vocabularies.strings(120) if "\x00" not in text]
    model = OnStrings(layer)
    model(tf.constant(texts))
    signature = [tf.TensorSpec([None], tf.string, name="text")]
    model.export(tmp_path / "m", verbose=False, input_signature=signature)
    np.savez(tmp_path / "m.npz", text=np.array([text.encode() for text in texts]))
    (tmp_path / "jobs.json").write_text(json.dumps([{"name": "m", "path": "m"}]))
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    program = [sys.executable, "-W", "ignore", str(PROGRAM), "tf_saved_model", str(tmp_path)]
    done = subprocess.run(
        program, capture_output=True, text=True, timeout=200, env=environment, cwd=tmp_path, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    found = dict(np.load(tmp_path / "m.out.npz"))["output_0"]
    np.testing.assert_array_equal(found, tokenizer(texts)["input_ids"])


LEVEL = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}


def _changed(tokenizer, change):
    import tokenizers

    described = json.loads(tokenizer.engine.to_str())
    change(described)
    return Tokenizer(tokenizers.Tokenizer.from_str(json.dumps(described)))


@pytest.mark.parametrize(
    "change, message",
    [
        (lambda d: d["pre_tokenizer"]["pretokenizers"][0]["pattern"].update(Regex=r"\w+|\W+"), "cut into words by"),
        (lambda d: d.update(normalizer={"type": "NFKC"}), "normalized by"),
        (lambda d: d["model"].update(dropout=0.1), "left out at random"),
        (
            lambda d: d["pre_tokenizer"].update(pretokenizers=[{"type": "Digits", "individual_digits": True}, LEVEL]),
            "cut into",
        ),
    ],
)
def test_what_is_not_known_as_operations_is_refused(change, message, made):
    with pytest.raises(ValueError, match=message):
        _changed(made("qwen2")[0], change).as_layer()
