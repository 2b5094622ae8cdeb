"""hub.load from a hub: a server on the loopback interface, the real client, cold, from cache, offline, cut off, altered."""

import base64
import hashlib
import http.server
import json
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from huggingface_hub import constants

import hornbook_hub as hub
from hornbook_hub import BertBackbone, BertConfig, MaskedLM, Tokenizer
from hornbook_hub.checkpoints import PRESETS
from hornbook_hub.models import bert
from hornbook_hub.models.llama import LlamaBackbone
from hornbook_hub.weights import rows_of, save_tensors

REPOSITORY, REVISION = "tests/tiny", "0123456789abcdef0123456789abcdef01234567"
PIECES = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "good", "bad", "film", "the"]
SIZES = {
    "vocab_size": len(PIECES),
    "hidden_size": 8,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 16,
    "max_position_embeddings": 16,
}


class Hub(http.server.ThreadingHTTPServer):
    """The part of the Hub's interface that its client asks for: HEAD and GET of a repository's files."""

    daemon_threads = True

    def __init__(self, folder):
        super().__init__(("127.0.0.1", 0), Handler)
        self.files = {p.name: p.read_bytes() for p in folder.iterdir()}
        self.asked: list[str] = []
        self.mode, self.message = "right", ""
        self.received: dict[str, bytes] = {}

    @property
    def address(self):
        return f"http://127.0.0.1:{self.server_port}"


class Handler(http.server.BaseHTTPRequestHandler):
    server: Hub

    def log_message(self, *_):
        pass

    def refuse(self, status, code):
        self.send_response(status)
        self.send_header("X-Error-Code", code)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def tell(self, contents):
        data = json.dumps(contents).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def answer(self, with_body):
        name = self.path.split("?")[0].rsplit("/", 1)[-1]
        self.server.asked.append(f"{self.command} {name}")
        data = self.server.files.get(name)
        if self.server.mode == "gated":
            return self.refuse(403, "GatedRepo")
        if self.path.startswith(f"/api/models/{REPOSITORY}/revision/"):
            about = {"id": REPOSITORY, "sha": REVISION, "siblings": [{"rfilename": name} for name in self.server.files]}
            return self.tell(about)
        if self.path.startswith(f"/api/models/{REPOSITORY}/tree/"):
            files = self.server.files.items()
            return self.tell([{"type": "file", "path": name, "size": len(data), "oid": ""} for name, data in files])
        if f"/{REPOSITORY}/" not in self.path:
            return self.refuse(404, "RepoNotFound")
        if not any(f"/{REPOSITORY}/resolve/{revision}/" in self.path for revision in (REVISION, "main")):
            return self.refuse(404, "RevisionNotFound")
        if data is None:
            return self.refuse(404, "EntryNotFound")
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

    def do_POST(self):
        """What an upload asks: make the repository, which files are large, here are all in one commit."""
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.asked.append(f"POST {self.path}")
        if self.server.mode == "read only":
            return self.refuse(403, "")
        if self.path == "/api/repos/create":
            self.tell({"url": f"{self.server.address}/{REPOSITORY}", "name": REPOSITORY})
        elif self.path == "/api/validate-yaml":
            self.tell({"errors": [], "warnings": []})
        elif "/preupload/" in self.path:
            names = [file["path"] for file in json.loads(body)["files"]]
            self.tell({"files": [{"path": name, "uploadMode": "regular", "shouldIgnore": False} for name in names]})
        elif "/commit/" in self.path:
            for line in map(json.loads, body.splitlines()):
                if line["key"] == "file":
                    self.server.received[line["value"]["path"]] = base64.b64decode(line["value"]["content"])
                else:
                    self.server.message = line["value"]["summary"]
            self.tell({"commitUrl": f"{self.server.address}/{REPOSITORY}/commit/{REVISION}", "commitOid": REVISION})
        else:
            self.refuse(404, "RepoNotFound")


@pytest.fixture
def served(tmp_path, monkeypatch):
    """A hub that serves a tiny BERT, and a cache of its own."""
    keras_seed()
    folder = tmp_path / "preset"
    (tmp_path / "vocabulary").mkdir()
    (tmp_path / "vocabulary" / "vocab.txt").write_text("\n".join(PIECES) + "\n")
    config = BertConfig(**SIZES)
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
SERVED = {  # a row of presets
    "repository": REPOSITORY,
    "revision": REVISION,
    "aliases": (),
    "task": "masked_lm",
    "parameters": 1,
    "licence": "MIT",
    "dtype": "float32",
    "about": "a test's",
}


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
    monkeypatch.setitem(PRESETS["bert"], "bert_served", SERVED | {"aliases": ("bert_served_en",)})
    assert hub.load("bert_served").task == hub.load("bert_served_en").task == "masked_lm"
    classifier = hub.load("bert_served", task="text_classifier", num_classes=2)
    assert classifier.predict(["a bad film"], verbose=0).shape == (1, 2)


def test_the_real_presets_are_pinned():
    for row in hub.presets():
        assert "folder" in row or row["revision"] == "main" or len(row["revision"]) == 40
    assert PRESETS["bert"]["bert_base"]["repository"] == "google-bert/bert-base-uncased"


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


def test_gated_and_missing_repositories_and_revisions_are_told_apart(served):
    served.mode = "gated"
    with pytest.raises(OSError, match=f"gated.*{REPOSITORY}.*HF_TOKEN"):
        hub.load(NAME)
    served.mode = "right"
    with pytest.raises(OSError, match="no such repository, or it is private"):
        hub.load("hf://tests/other")
    with pytest.raises(OSError, match="no revision 'v9'.*@main"):
        hub.load(f"hf://{REPOSITORY}@v9")


def test_without_weights_only_the_config_is_needed(served, monkeypatch):
    model = hub.load(NAME, load_weights=False)
    assert model.tokenizer is not None and "GET model.safetensors" not in served.asked
    assert np.std(model.backbone.embeddings.word_embeddings.embeddings.numpy()) > 0.01


def test_without_weights_and_network_the_config_in_the_cache_is_enough(served, monkeypatch, caplog):
    from huggingface_hub import hf_hub_download

    hf_hub_download(REPOSITORY, "config.json", revision=REVISION, endpoint=served.address)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    model = hub.load(NAME, load_weights=False)
    assert model.tokenizer is None and "tokenizer.json of hf://tests/tiny" in caplog.text
    with pytest.raises(OSError, match="model.safetensors"):
        hub.load(NAME)


def test_a_record_pins_what_was_loaded(served, tmp_path, monkeypatch):
    lock, name = tmp_path / "hornbook.lock", f"hf://{REPOSITORY}"
    hub.load(name, load_weights=False, lock=lock)
    assert "model.safetensors" not in json.loads(lock.read_text())["models"][name]["files"]
    hub.load(name, lock=lock)  # what was not in it yet is added
    entry = json.loads(lock.read_text())["models"][name]
    assert (entry["repository"], entry["commit"]) == (REPOSITORY, REVISION)
    data = served.files["model.safetensors"]
    assert entry["files"]["model.safetensors"] == {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    assert entry["files"]["modules.json"] is None
    served.asked.clear()
    hub.load(name, lock=lock)
    assert not [line for line in served.asked if "GET" in line]

    record = json.loads(lock.read_text())
    record["models"][name]["files"]["tokenizer.json"]["sha256"] = "0" * 64
    lock.write_text(json.dumps(record))
    with pytest.raises(ValueError, match="tokenizer.json has the sha256.*hornbook.lock says 0000"):
        hub.load(name, lock=lock)


def test_a_record_holds_folders_too(tmp_path):
    lock, folder = tmp_path / "hornbook.lock", tmp_path / "model"
    hub.load("bert_tiny", lock=lock).save_to_preset(folder)
    hub.load(folder, lock=lock)
    assert set(json.loads(lock.read_text())["models"]) == {"bert_tiny", str(folder)}
    (folder / "modules.json").write_text("[]")
    with pytest.raises(ValueError, match="modules.json is there; when .* was written, it was not there"):
        hub.load(folder, lock=lock)
    for wrong in ("{", "{}", '{"version": 2, "models": {}}'):
        lock.write_text(wrong)
        with pytest.raises(ValueError, match="record of"):
            hub.load("bert_tiny", lock=lock)
    lock.write_text('{"version": 1, "models": {"bert_tiny": {"commit": "../..", "files": {}}}}')
    with pytest.raises(ValueError, match="not understood"):
        hub.load("bert_tiny", lock=lock)


def test_download_and_the_command_line(served, tmp_path, capsys):
    from hornbook_hub.command_line import main

    assert main(["download", NAME]) == 0
    folder = capsys.readouterr().out.strip()
    assert {"config.json", "model.safetensors", "tokenizer.json", "vocab.txt"} <= {
        p.name for p in Path(folder).iterdir()
    }
    assert main(["info", NAME]) == 0
    assert '"model_type": "bert"' in capsys.readouterr().out
    assert main(["presets", "--family", "bert", "--cached"]) == 0
    assert capsys.readouterr().out.splitlines()[1].split()[:3] == ["bert_tiny", "bert", "masked_lm"]
    assert main(["presets", "--task", "text_embedder"]) == 0
    assert "bge_small_en_v1.5" in (listed := capsys.readouterr().out) and "gpt2" not in listed
    assert main(["info", "bert_bse"]) == 1
    assert "Did you mean 'bert_base'" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["fly"])


def test_presets_are_whole_rows(served, monkeypatch):
    monkeypatch.setitem(PRESETS["bert"], "served", SERVED)
    rows = {row["name"]: row for row in hub.presets()}
    for row in rows.values():
        assert {"name", "aliases", "family", "task", "parameters", "bytes", "licence", "cached"} <= set(row)
    assert rows["bert_tiny"]["cached"] and not rows["bert_base"]["cached"] and not rows["served"]["cached"]
    hub.load("served")
    assert {row["name"]: row for row in hub.presets()}["served"]["cached"]


def test_upload_and_load_again(served, tmp_path):
    model = hub.load("bert_tiny")
    model.save_to_preset(tmp_path / "mine")
    with pytest.raises(ValueError, match="hf://org/name"):
        hub.upload(tmp_path / "mine", "mine")
    with pytest.raises(ValueError, match="no config.json"):
        hub.upload(tmp_path, NAME)
    name = hub.upload(tmp_path / "mine", f"hf://{REPOSITORY}", message="A model", token="hf_of_a_test")
    assert name == NAME and served.message == "A model"
    assert served.received == {p.name: p.read_bytes() for p in (tmp_path / "mine").iterdir()}
    served.files = served.received
    texts = ["The food was [MASK]."]
    np.testing.assert_array_equal(hub.load(name).predict(texts, verbose=0), model.predict(texts, verbose=0))
    served.mode = "read only"
    with pytest.raises(OSError, match="could not be uploaded.*HF_TOKEN"):
        hub.upload(tmp_path / "mine", f"hf://{REPOSITORY}", token="hf_of_a_test")


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


# ------------------------------------------------------------------------------------------------- weights on the way
def test_a_head_that_no_file_fills_starts_as_it_would(served):
    head = hub.load(NAME, task="text_classifier", num_classes=3).head.classifier
    assert 0.001 < np.std(head.kernel.numpy()) < 0.05 and not np.any(head.bias.numpy())
    norms = BertBackbone(BertConfig(**SIZES)).blocks[0].attention_norm
    assert np.all(norms.gamma.numpy() == 1)


def test_short_floats_on_the_way(served):
    whole = hub.load(NAME)
    for dtype in ("bfloat16", "float16"):
        short = hub.load(NAME, dtype=dtype)
        assert {v.dtype for v in short.trainable_weights} == {dtype}
        assert short.compute_dtype == dtype and hub.load(NAME).compute_dtype == "float32"
        for mine, theirs in zip(short.weight_rows(), whole.weight_rows(), strict=True):
            mine, theirs = mine[1].numpy(), theirs[1].numpy()
            np.testing.assert_array_equal(mine, theirs.astype(mine.dtype))
        found = short.predict(["a good film"], verbose=0).astype("float32")
        assert np.abs(found - served.expected).max() < 0.05 * np.abs(served.expected).max()
    mixed = hub.load(NAME, dtype="mixed_bfloat16")
    assert (mixed.compute_dtype, mixed.weights[0].dtype) == ("bfloat16", "float32")
    with pytest.raises(ValueError, match="float33"):
        hub.load(NAME, dtype="float33")


def test_backbones_have_files_of_their_own(served, tmp_path):
    backbone = BertBackbone.from_preset(NAME)
    backbone.save_to_preset(tmp_path / "alone")
    again = hub.load(tmp_path / "alone")
    assert type(again) is BertBackbone and again.tokenizer is not None
    for mine, theirs in zip(backbone.weights, again.weights, strict=True):
        np.testing.assert_array_equal(mine.numpy(), theirs.numpy())
    card = (tmp_path / "alone" / "README.md").read_text()
    assert f"base_model: {REPOSITORY}" in card and "`hidden_size` | 8" in card and "BertModel" in card
    (tmp_path / "alone" / "README.md").write_text("Mine.")
    again.save_to_preset(tmp_path / "alone")
    assert (tmp_path / "alone" / "README.md").read_text() == "Mine."
    with pytest.raises(ValueError, match="is a BertBackbone, not a LlamaBackbone"):
        LlamaBackbone.from_preset(NAME)


PEAK = """
import sys
import hornbook_hub as hub
from hornbook.saving.safetensors import Tensors

folder = sys.argv[1]
hub.load("bert_tiny")  # TensorFlow has its threads and buffers
open("/proc/self/clear_refs", "w").write("5")  # the peak begins anew
before = next(int(l.split()[1]) * 1024 for l in open("/proc/self/status") if l.startswith("VmHWM"))
model = hub.load(folder, dtype=sys.argv[2])
after = next(int(l.split()[1]) * 1024 for l in open("/proc/self/status") if l.startswith("VmHWM"))
tensors = Tensors(folder + "/model.safetensors")
print(after - before, tensors.bytes, max(tensor.nbytes for tensor in tensors.values()))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the peak of memory is read from /proc")
@pytest.mark.parametrize(
    "width", [pytest.param(768, id="100MB"), pytest.param(2304, marks=pytest.mark.exhaustive, id="1GB")]
)
def test_the_peak_of_memory_is_the_model_and_its_largest_tensor(width, tmp_path):
    layers = {768: 3, 2304: 15}[width]
    config = BertConfig(hidden_size=width, num_hidden_layers=layers, intermediate_size=4 * width, vocab_size=5000)
    config.num_attention_heads = 12
    rng, arrays = np.random.default_rng(0), {}
    for name, shape in bert_shapes(config):
        arrays[name] = rng.standard_normal(shape, dtype="float32")
    save_tensors(arrays, tmp_path / "model.safetensors")
    described = {**config.to_dict(), "model_type": "bert", "architectures": ["BertModel"]}
    (tmp_path / "config.json").write_text(json.dumps(described))
    size = sum(array.nbytes for array in arrays.values())
    assert size > {768: 1e8, 2304: 1e9}[width]
    del arrays
    for dtype, ratio in (("float32", 1), ("bfloat16", 0.5)):
        done = subprocess.run(
            [sys.executable, "-c", PEAK, tmp_path, dtype], capture_output=True, text=True, timeout=300
        )
        assert done.returncode == 0, done.stderr
        peak, stored, largest = map(int, done.stdout.split())
        assert stored == size
        assert peak < stored * ratio + largest + 12e6, f"{dtype}: {peak:,} for {stored:,} with {largest:,}"


def bert_shapes(config):
    """The tensors of a BERT of this size, by a small one whose sizes all differ."""
    small = BertBackbone(BertConfig(**{**SIZES, "vocab_size": 11, "max_position_embeddings": 12}))
    sizes = {8: config.hidden_size, 16: config.intermediate_size, 11: config.vocab_size, 12: 512, 2: 2}
    for name, variable, transform in rows_of(small, bert.WEIGHTS, small.config)[0]:
        shape = tuple(sizes[size] for size in variable.shape)
        for i in range(config.num_hidden_layers) if ".layer.0." in name else (0,):
            yield name.replace(".layer.0.", f".layer.{i}."), shape[::-1] if transform else shape


# ------------------------------------------------------------------------------------------------- .keras files
@pytest.mark.parametrize(
    ("task", "settings"),
    [
        ("text_classifier", {"num_classes": 3}),
        ("text_embedder", {"pooling": "cls"}),
        ("question_answering", {}),
        ("backbone", {}),
    ],
)
def test_keras_files(task, settings, tmp_path):
    import hornbook

    model = hub.load("bert_tiny", task=task, **settings)
    model.save(tmp_path / "x.keras")
    again = hornbook.models.load_model(tmp_path / "x.keras", compile=False)
    assert type(again) is type(model) and again.config == model.config
    texts = (["Which?"], ["This film."]) if task == "question_answering" else ["A good film.", "No."]
    arrays = hub.load("bert_tiny").tokenizer(texts)
    found, wanted = again(arrays), model(arrays)
    for name in found if isinstance(found, dict) else (...,):
        np.testing.assert_array_equal(found[name], wanted[name])
    if task != "backbone":
        np.testing.assert_array_equal(again.predict(texts, verbose=0), model.predict(texts, verbose=0))


@pytest.mark.exhaustive
def test_a_keras_file_goes_on_training_in_another_process(tmp_path):
    model = hub.load("bert_tiny", task="text_classifier", dtype="mixed_bfloat16")
    texts, labels = ["A good film.", "Cold soup."], np.array([1, 0])
    model.fit(texts, labels, verbose=0)
    model.save(tmp_path / "x.keras")
    program = """if True:
        import sys, numpy as np, hornbook, hornbook_hub
        model = hornbook.models.load_model(sys.argv[1])
        assert model.optimizer.iterations.numpy() == 1 and model.compute_dtype == "bfloat16"
        np.save(sys.argv[2], model.predict(["A good film."], verbose=0).astype("float32"))
        model.fit(["A good film.", "Cold soup."], np.array([1, 0]), verbose=0)
    """
    command = [sys.executable, "-c", program, tmp_path / "x.keras", tmp_path / "out.npy"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    np.testing.assert_array_equal(
        np.load(tmp_path / "out.npy"), model.predict(["A good film."], verbose=0).astype("float32")
    )


def test_a_keras_file_cannot_write_elsewhere(tmp_path):
    config = hub.load("bert_tiny", task="text_classifier").get_config()
    for name in ("../x", "/tmp/x", "a/b", ""):
        with pytest.raises(ValueError, match="named without folders"):
            hub.TextClassifier.from_config({**config, "preprocessor": {"files": {name: "x"}, "max_length": 4}})


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


@pytest.mark.parametrize(
    "task",
    ["masked_lm", *(pytest.param(t, marks=pytest.mark.exhaustive) for t in ("text_classifier", "text_embedder"))],
)
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
