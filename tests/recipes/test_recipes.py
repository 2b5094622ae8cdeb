"""Each recipe runs for two steps; where its data cannot be had it says so in one sentence and exits with 2."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]


def run(name, *arguments, **environment):
    paths = os.pathsep.join(str(ROOT / folder) for folder in ("framework", "applications", "datasets", "hub"))
    return subprocess.run(
        [sys.executable, "-W", "ignore", str(ROOT / "recipes" / name), *arguments],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": paths, "TF_CPP_MIN_LOG_LEVEL": "3", **environment},
        timeout=300,
        check=False,
    )


def result(done):
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout[done.stdout.rindex("\n{") :])


@pytest.mark.parametrize("arguments", [("mnist_mlp.py",), ("mnist_mlp.py", "--devices", "2"), ("mnist_convnet.py",)])
def test_mnist(arguments, hornbook_data, tmp_path):
    name, *options = arguments
    found = result(run(name, "--smoke", "--out", str(tmp_path), *options))
    assert 0 <= found["test_accuracy"] <= 1
    kept = json.loads((tmp_path / f"{Path(name).stem}.json").read_text())
    assert len(kept["history"]["loss"]) == 1
    assert (tmp_path / f"{Path(name).stem}.keras").is_file()


@pytest.mark.slow
def test_two_workers_have_the_losses_of_one(hornbook_data, tmp_path):
    found = result(run("distributed_mnist.py", "--workers", "2", "--smoke", "--seconds", "250", "--out", str(tmp_path)))
    assert found["losses"] == pytest.approx(found["losses_of_one_worker"], rel=1e-5)
    assert found["speedup"] > 0
    assert (tmp_path / "distributed_mnist.json").is_file() and (tmp_path / "distributed_mnist.keras").is_file()


def test_a_recipe_on_a_tpu_says_that_there_is_none(hornbook_data):
    done = run("distributed_mnist.py", "--strategy", "tpu", "--smoke", TPU_NAME="")
    assert done.returncode == 1 and "No TPU was found" in done.stderr.splitlines()[-1]


@pytest.mark.slow
def test_what_is_exported_answers_as_the_model_does(hornbook_data):
    modules = os.pathsep.join([os.environ.get("NODE_PATH", ""), str(ROOT / "build/npm/node_modules")])
    formats = result(run("export_and_serve.py", "--smoke", NODE_PATH=modules))["formats"]
    assert formats["saved_model"]["largest_difference"] < 1e-4
    for name, found in formats.items():
        if "not_called" in found:
            assert found["not_called"].startswith("not installed: ")
        elif "int8" not in name and "float16" not in name:
            assert found["largest_difference"] < 1e-4, name
        else:
            assert found["same_digit"] >= 0.9, name
    assert formats["tfjs_graph"]["kilobytes"] > 140 and formats["tfjs_layers"]["kilobytes"] > 140


@pytest.mark.slow
def test_the_perceptron_reads_digits(hornbook_data):
    assert result(run("mnist_mlp.py"))["test_accuracy"] >= 0.978


def test_pretraining(hornbook_data, tmp_path):
    found = result(run("pretrain_bert_tiny.py", "--smoke", "--out", str(tmp_path)))
    assert found["held_out_loss"] < 9
    import hornbook_hub as hub

    assert hub.load(tmp_path).fill_mask("a [MASK] film")
    assert "CC BY" in (tmp_path / "README.md").read_text()


def test_a_small_gpt_reads_shakespeare(hornbook_data, tmp_path):
    found = result(run("pretrain_gpt_tiny.py", "--smoke", "--out", str(tmp_path)))
    assert found["held_out_nats_per_character"] < 6
    assert found["sample"].startswith("ROMEO:\n")
    import hornbook_hub as hub

    model = hub.load(tmp_path)
    assert len(model.generate([1, 2, 3], max_new_tokens=5)) == 8
    assert (tmp_path / "README.md").is_file()


def test_a_small_resnet_sees_clothes(hornbook_data, tmp_path):
    found = result(run("pretrain_resnet_tiny.py", "--smoke", "--batch-size", "8", "--out", str(tmp_path)))
    assert 0 <= found["test_accuracy"] <= 1
    import hornbook_hub as hub

    labels = [label for label, _ in hub.load(tmp_path).classify(np.zeros((28, 28), "uint8"), top_k=10)]
    assert sorted(labels)[:2] == ["Ankle boot", "Bag"]


@pytest.mark.parametrize(
    ("name", "figure"),
    [
        ("question_answering", "f1"),
        pytest.param("semantic_search", "after", marks=pytest.mark.exhaustive),
        pytest.param("named_entities", "f1", marks=pytest.mark.exhaustive),
    ],
)
def test_reading_texts(name, figure, hornbook_data, tmp_path):
    found = result(run(f"{name}.py", "--tiny", "--smoke", "--batch-size", "4", "--out", str(tmp_path)))
    assert figure in found
    assert (tmp_path / name / "model.safetensors").is_file() and (tmp_path / f"{name}.json").is_file()


@pytest.mark.slow
def test_what_was_read_before_helps():
    found = result(run("finetune_bert_tiny.py"))
    assert found["accuracy_after"] > found["accuracy_from_random_weights"] + 0.1
    assert found["accuracy_after"] > max(found["accuracy_before"], 0.78)


def test_classes_by_their_names(tmp_path):
    found = result(run("zero_shot_images.py", "--tiny", "--smoke", "--batch-size", "8", "--out", str(tmp_path)))
    assert 0 <= found["accuracy_unseen"] <= 1
    import hornbook_hub as hub

    assert type(hub.load(tmp_path / "zero_shot_images")) is hub.ZeroShotImageClassifier


@pytest.mark.exhaustive
@pytest.mark.slow
def test_captions_that_were_not_seen_are_found():
    found = result(run("zero_shot_images.py", "--tiny"))
    assert found["accuracy_unseen"] > 0.4 and found["accuracy_seen"] > 0.8


@pytest.mark.parametrize(
    "name",
    [
        "mnist_mlp.py",
        "mnist_convnet.py",
        "pretrain_bert_tiny.py",
        "pretrain_gpt_tiny.py",
        "pretrain_resnet_tiny.py",
        "question_answering.py",
        "semantic_search.py",
        "distributed_mnist.py",
        "export_and_serve.py",
    ],
)
def test_missing_data_are_one_sentence_and_exit_code_2(name, tmp_path):
    done = run(name, "--smoke", HORNBOOK_DATA=str(tmp_path), HORNBOOK_CACHE=str(tmp_path), HORNBOOK_OFFLINE="1")
    assert done.returncode == 2
    message = [line for line in done.stderr.splitlines() if "HORNBOOK_DATA" in line]
    assert len(message) == 1 and "Traceback" not in done.stderr
