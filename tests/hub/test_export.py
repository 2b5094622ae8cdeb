"""A task as a SavedModel that takes strings: ids as the tokenizer's, outputs as the task's, where nothing of ours is."""

import importlib.util
import json
import os
import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

import hornbook_hub as hub

PROGRAM = Path(__file__).resolve().parents[1] / "framework" / "exported_program.py"
TEXTS = [
    "A good film, and a good book.",
    "",
    "  \t\n ",
    "Naïve CAFÉS: ÀÉ İstanbul ΣΊΣΥΦΟΣ",
    "don't stop!! (ever) $5 + 3 = 8",
    "The [MASK] was [SEP] good[CLS]; [mask] [UNK]",
    "你好 world 豈更 안녕",
    "a\u200bb\ufeffc\u00a0d\x01[MA\x02SK]\u2028e",
    "x" * 100 + " " + "x" * 101,
    "𐍈🙂☃ ☃☃ e\u0301a\u0323\u0302",
    "unbelievablenesses " * 90,
]


def anything(count):
    """Texts of characters from everywhere."""
    draw = random.Random(0)
    planes = [(0x20, 0x7E)] * 4 + [
        (0xA0, 0x24F),
        (0x300, 0x5FF),
        (0x1E00, 0x30FF),
        (0xF900, 0xFFFD),
        (0x1D400, 0x323AF),
    ]
    return ["".join(chr(draw.randint(*draw.choice(planes))) for _ in range(draw.randint(1, 30))) for _ in range(count)]


@pytest.fixture(scope="module")
def tokenizer():
    return hub.load("bert_tiny").tokenizer


def check_layer(tokenizer, texts):
    found = {name: array.numpy() for name, array in tokenizer.as_layer()(tf.constant(texts)).items()}
    expected = tokenizer(texts)
    assert sorted(found) == sorted(expected)
    for row, text in enumerate(texts):
        np.testing.assert_array_equal(found["input_ids"][row], expected["input_ids"][row], err_msg=repr(text))
    for name, array in expected.items():
        np.testing.assert_array_equal(found[name], array)
        assert found[name].dtype == np.int32


def test_the_layer_gives_the_ids_of_the_tokenizer(tokenizer):
    check_layer(tokenizer, TEXTS + anything(400))


@pytest.mark.parametrize(
    "settings",
    [
        pytest.param({"do_lower_case": False}, marks=pytest.mark.exhaustive),
        pytest.param({}, marks=pytest.mark.exhaustive),
        pytest.param({"strip_accents": False}, marks=pytest.mark.exhaustive),
    ],
)
def test_other_settings_and_a_large_vocabulary(hornbook_data, settings, tmp_path):
    vocabulary = hornbook_data / "tokenizers" / "bert-base-uncased" / "vocab.txt"
    (tmp_path / "vocab.txt").write_bytes(vocabulary.read_bytes())
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(settings))
    check_layer(hub.Tokenizer.from_folder(tmp_path, max_length=20), TEXTS + anything(500))


@pytest.mark.parametrize(
    "change, message", [("model", "BertNormalizer"), ("added", "cannot be exported: .'good film'")]
)
def test_another_tokenizer_is_refused(tokenizer, change, message):
    import tokenizers

    engine = tokenizers.Tokenizer.from_str(tokenizer.engine.to_str())
    if change == "model":
        engine.model = tokenizers.models.Unigram([("[PAD]", 0.0), ("[UNK]", 0.0)], 1)
    else:
        engine.add_tokens(["good film"])
    with pytest.raises(ValueError, match=message):
        hub.Tokenizer(engine).as_layer()


def run(format, folder, inputs):
    """The outputs in a process that cannot import hornbook."""
    np.savez(folder / "m.npz", **inputs)
    name = {"tf_saved_model": "m", "litert": "m.tflite", "onnx": "m.onnx"}[format]
    (folder / "jobs.json").write_text(json.dumps([{"name": "m", "path": name}]))
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    program = [sys.executable, "-W", "ignore", str(PROGRAM), format, str(folder)]
    done = subprocess.run(
        program, capture_output=True, text=True, timeout=200, env=environment, cwd=folder, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return dict(np.load(folder / "m.out.npz"))


@pytest.mark.exhaustive
@pytest.mark.slow
def test_a_classifier_is_served_from_strings(tmp_path):
    model = hub.load("bert_tiny", task="text_classifier", num_classes=3)
    texts = [text for text in TEXTS if len(text) < 150]
    model.export(tmp_path / "m", verbose=False)
    expected = model.predict(texts, verbose=0)
    found = run("tf_saved_model", tmp_path, {"text": np.array(texts)})
    np.testing.assert_allclose(found["output_0"], expected, rtol=1e-4, atol=1e-4)
    loaded = tf.saved_model.load(str(tmp_path / "m"))
    arrays = {name: tf.constant(array) for name, array in model.tokenizer(texts).items()}
    np.testing.assert_allclose(loaded.signatures["arrays"](**arrays)["output_0"], expected, rtol=1e-4, atol=1e-4)
    assert sorted(loaded.signatures) == ["arrays", "serve", "serving_default"]


@pytest.mark.exhaustive
@pytest.mark.parametrize("format, ending", [("onnx", ".onnx"), ("litert", ".tflite")])
def test_other_formats_take_arrays(format, ending, tmp_path):
    if format == "onnx":
        for package in ("tf2onnx", "onnxruntime"):
            if importlib.util.find_spec(package) is None:
                pytest.skip(f"{package} is not installed")
    model = hub.load("bert_tiny", task="text_classifier", num_classes=3)
    model.export(tmp_path / f"m{ending}", format=format, verbose=False)
    arrays = model.tokenizer(["A good film.", "A bad book, and a long one."])
    found = run(format, tmp_path, arrays)
    np.testing.assert_allclose(found["output_0"], model.predict(arrays, verbose=0), rtol=1e-4, atol=1e-4)
