"""hub.load from a hub: a server on the loopback interface, the real client, cold, from cache, offline, cut off, altered."""

import hashlib
import http.server
import json
import threading

import numpy as np
import pytest
from huggingface_hub import constants

import hornbook_hub as hub
from hornbook_hub import BertBackbone, BertConfig, MaskedLM, Tokenizer
from hornbook_hub.models import bert

REPOSITORY, REVISION = "tests/tiny", "0123456789abcdef0123456789abcdef01234567"
PIECES = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "good", "bad", "film", "the"]


class Hub(http.server.ThreadingHTTPServer):
    """The part of the Hub's interface that its client asks for: HEAD and GET of a repository's files."""

    daemon_threads = True

    def __init__(self, folder):
        super().__init__(("127.0.0.1", 0), Handler)
        self.files = {p.name: p.read_bytes() for p in folder.iterdir()}
        self.asked: list[str] = []
        self.mode = "right"

    @property
    def address(self):
        return f"http://127.0.0.1:{self.server_port}"


class Handler(http.server.BaseHTTPRequestHandler):
    server: Hub

    def log_message(self, *_):
        pass

    def answer(self, with_body):
        name = self.path.split("?")[0].rsplit("/", 1)[-1]
        self.server.asked.append(f"{self.command} {name}")
        data = self.server.files.get(name)
        if f"/{REPOSITORY}/resolve/{REVISION}/" not in self.path or data is None:
            self.send_response(404)
            self.send_header("X-Error-Code", "EntryNotFound" if REPOSITORY in self.path else "RepoNotFound")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.send_response(200)
        self.send_header("ETag", f'"{hashlib.sha256(data).hexdigest()}"')
        self.send_header("X-Repo-Commit", REVISION)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if not with_body:
            return
        if name == "model.safetensors" and self.server.mode == "cut off":
            self.wfile.write(data[: len(data) // 2])
            self.connection.close()
        elif name == "model.safetensors" and self.server.mode == "altered":
            self.wfile.write(data[:-4] + b"\1\2\3\4")
        else:
            self.wfile.write(data)

    def do_HEAD(self):
        self.answer(False)

    def do_GET(self):
        self.answer(True)


@pytest.fixture
def served(tmp_path, monkeypatch):
    """A hub that serves a tiny BERT, and a cache of its own."""
    keras_seed()
    folder = tmp_path / "preset"
    (tmp_path / "vocabulary").mkdir()
    (tmp_path / "vocabulary" / "vocab.txt").write_text("\n".join(PIECES) + "\n")
    config = BertConfig(
        vocab_size=len(PIECES),
        hidden_size=8,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        max_position_embeddings=16,
    )
    model = MaskedLM(BertBackbone(config), Tokenizer.from_folder(tmp_path / "vocabulary", 16))
    model.save_to_preset(folder)
    server = Hub(folder)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("HF_ENDPOINT", server.address)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    server.expected = model.predict(["a good film"], verbose=0)
    yield server
    server.shutdown()
    server.server_close()


def keras_seed():
    import hornbook

    hornbook.utils.set_random_seed(5)


NAME = f"hf://{REPOSITORY}@{REVISION}"


def test_cold_then_from_the_cache_then_offline(served, monkeypatch):
    model = hub.load(NAME)
    np.testing.assert_allclose(model.predict(["a good film"], verbose=0), served.expected, rtol=1e-6)
    fetched = [line for line in served.asked if line == "GET model.safetensors"]
    assert len(fetched) == 1

    served.asked.clear()
    hub.load(NAME)
    assert "GET model.safetensors" not in served.asked

    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    served.asked.clear()
    again = hub.load(NAME)
    assert served.asked == []
    np.testing.assert_allclose(again.predict(["a good film"], verbose=0), served.expected, rtol=1e-6)


def test_from_the_cache_with_the_hub_gone(served, monkeypatch):
    hub.load(NAME)
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    np.testing.assert_allclose(hub.load(NAME).predict(["a good film"], verbose=0), served.expected, rtol=1e-6)


def test_a_preset_names_a_repository_and_a_revision(served, monkeypatch):
    row = {"repository": REPOSITORY, "revision": REVISION, "aliases": ("bert_served_en",)}
    monkeypatch.setitem(bert.PRESETS, "bert_served", row)
    assert hub.load("bert_served").task == hub.load("bert_served_en").task == "masked_lm"
    classifier = hub.load("bert_served", task="text_classifier", num_classes=2)
    assert classifier.predict(["a bad film"], verbose=0).shape == (1, 2)


def test_the_real_presets_are_pinned():
    for row in hub.presets():
        assert "folder" in row or row["revision"] == "main" or len(row["revision"]) == 40
    assert bert.PRESETS["bert_base"]["repository"] == "google-bert/bert-base-uncased"


def test_a_file_that_is_cut_off_leaves_nothing_behind(served, tmp_path):
    served.mode = "cut off"
    with pytest.raises((OSError, ValueError), match="model.safetensors"):
        hub.load(NAME)
    assert not [p for p in (tmp_path / "cache").rglob("*") if p.name == "model.safetensors"]
    served.mode = "right"
    hub.load(NAME)


def test_an_altered_file_is_found_by_its_hash(served):
    served.mode = "altered"
    with pytest.raises(ValueError, match="sha256.*Delete"):
        hub.load(NAME)


def test_a_file_cut_off_in_the_cache_is_found(served, tmp_path):
    hub.load(NAME)
    blob = next(p for p in (tmp_path / "cache").rglob("model.safetensors")).resolve()
    blob.write_bytes(blob.read_bytes()[:-10])
    with pytest.raises(ValueError, match="damaged"):
        hub.load(NAME)


def test_no_network_names_everything_that_helps(served, monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(OSError) as error:
        hub.load("bert_base")
    for word in ("bert_base", "google-bert/bert-base-uncased", constants.HF_HUB_CACHE, "HF_ENDPOINT", "bert_tiny"):
        assert word in str(error.value)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(OSError, match="bert_base.*cache"):
        hub.load("bert_base")


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: hub.load("bert_bse"), "Did you mean 'bert_base'"),
        (lambda: hub.load("bert_tiny", task="text_clasifier"), "Did you mean 'text_classifier'"),
        (lambda: hub.load("no/such/folder"), "no folder"),
        (lambda: hub.load("hf://name"), "hf://org/name"),
    ],
)
def test_unknown_names_are_told_with_the_nearest(call, words):
    with pytest.raises(ValueError, match=words):
        call()


def test_a_folder_that_is_no_model(tmp_path):
    with pytest.raises(FileNotFoundError, match="config.json"):
        hub.load(tmp_path)
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(ValueError, match="damaged"):
        hub.load(tmp_path)
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "whatever"}))
    with pytest.raises(ValueError, match="whatever"):
        hub.load(tmp_path)


def test_saving_replaces_files_whole(served, tmp_path, monkeypatch):
    model = hub.load(NAME)
    folder = tmp_path / "out"
    model.save_to_preset(folder)
    before = {p.name: p.read_bytes() for p in folder.iterdir()}

    def fail(*_, **__):
        raise OSError("the disk is full")

    monkeypatch.setattr("hornbook_hub.weights.write_tensors", fail)
    with pytest.raises(OSError, match="full"):
        model.save_to_preset(folder)
    assert {p.name: p.read_bytes() for p in folder.iterdir()} == before


# ------------------------------------------------------------------------------------------------- tasks on strings
def test_strings_in_arrays_and_data_sets(served):
    import tensorflow as tf

    texts, labels = ["a good film", "the bad film", "good", "bad"], np.array([1, 0, 1, 0])
    model = hub.load(NAME, task="text_classifier", num_classes=2)
    from_list = model.predict(texts, verbose=0)
    np.testing.assert_allclose(model.predict(np.array(texts), verbose=0), from_list, rtol=1e-6)
    np.testing.assert_allclose(model.predict(model.tokenizer(texts), verbose=0), from_list, rtol=1e-6)
    np.testing.assert_allclose(np.asarray(model(model.tokenizer(texts))), from_list, rtol=1e-5)
    dataset = tf.data.Dataset.from_tensor_slices((texts, labels)).batch(2)
    history = model.fit(dataset, epochs=2, verbose=0, validation_data=dataset).history
    assert set(history) == {"accuracy", "loss", "val_accuracy", "val_loss"}
    model.fit(texts, labels, validation_data=(texts, labels), verbose=0)
    assert len(model.evaluate(texts, labels, verbose=0)) == 2


def test_texts_that_are_too_long_are_refused_as_arrays_and_cut_as_strings(served):
    model = hub.load(NAME)
    assert model.predict(["film " * 40], verbose=0).shape[1] == 16
    with pytest.raises(ValueError, match="positions for 16"):
        model({"input_ids": np.ones((1, 17), "int32")})


@pytest.mark.parametrize("task", ["text_classifier", "masked_lm", "text_embedder"])
def test_training_drops_what_the_config_says(task):
    """With weights that stay as they are, two epochs have the same loss only if nothing is dropped."""
    import hornbook as keras

    losses = {}
    for rate in (0.0, 0.1):
        rates = {"hidden_dropout_prob": rate, "attention_probs_dropout_prob": rate}
        model = hub.load("bert_tiny", task=task, **rates)
        model.compile(keras.optimizers.SGD(0.0), model.loss)
        texts = ["The film is good.", "The soup was cold."]
        arrays = model.encoded(texts)
        y = {"text_classifier": np.array([0, 1]), "masked_lm": arrays["input_ids"], "text_embedder": texts}[task]
        x = arrays if task == "masked_lm" else texts
        losses[rate] = model.fit(x, y, epochs=2, shuffle=False, verbose=0).history["loss"]
    assert losses[0.0][0] == losses[0.0][1]
    assert losses[0.1][0] != losses[0.1][1]
