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
    """A recipe in a process of its own: where it sets up the process, is to fail, or takes long."""
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


@pytest.mark.parametrize("name", ["mnist_mlp", "mnist_convnet"])
def test_mnist(name, smoke, hornbook_data, tmp_path):
    assert 0 <= smoke(name)["test_accuracy"] <= 1
    assert len(json.loads((tmp_path / f"{name}.json").read_text())["history"]["loss"]) == 1
    assert (tmp_path / f"{name}.keras").is_file()


def test_mnist_on_two_devices(hornbook_data):
    assert 0 <= result(run("mnist_mlp.py", "--smoke", "--devices", "2"))["test_accuracy"] <= 1


@pytest.mark.exhaustive
@pytest.mark.slow
def test_two_workers_have_the_losses_of_one(hornbook_data, tmp_path):
    found = result(run("distributed_mnist.py", "--workers", "2", "--smoke", "--seconds", "250", "--out", str(tmp_path)))
    assert found["losses"] == pytest.approx(found["losses_of_one_worker"], rel=1e-5)
    assert found["speedup"] > 0
    assert (tmp_path / "distributed_mnist.json").is_file() and (tmp_path / "distributed_mnist.keras").is_file()


def test_a_recipe_on_a_tpu_says_that_there_is_none(hornbook_data):
    done = run("distributed_mnist.py", "--strategy", "tpu", "--smoke", TPU_NAME="")
    assert done.returncode == 1 and "No TPU was found" in done.stderr.splitlines()[-1]


@pytest.mark.exhaustive
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


@pytest.mark.exhaustive
@pytest.mark.slow
def test_the_perceptron_reads_digits(hornbook_data):
    assert result(run("mnist_mlp.py"))["test_accuracy"] >= 0.978


@pytest.mark.exhaustive
def test_pretraining(smoke, hornbook_data, tmp_path):
    assert smoke("pretrain_bert_tiny")["held_out_loss"] < 9
    import hornbook_hub as hub

    assert hub.load(tmp_path).fill_mask("a [MASK] film")
    assert "CC BY" in (tmp_path / "README.md").read_text()


@pytest.mark.exhaustive
def test_a_small_gpt_reads_shakespeare(smoke, hornbook_data, tmp_path):
    found = smoke("pretrain_gpt_tiny", "--batch-size", "4")
    assert found["held_out_nats_per_character"] < 6
    assert found["sample"].startswith("ROMEO:\n")
    import hornbook_hub as hub

    model = hub.load(tmp_path)
    assert len(model.generate([1, 2, 3], max_new_tokens=5)) == 8
    assert (tmp_path / "README.md").is_file()


@pytest.mark.exhaustive
def test_a_small_resnet_sees_clothes(smoke, hornbook_data, tmp_path):
    assert 0 <= smoke("pretrain_resnet_tiny", "--batch-size", "8")["test_accuracy"] <= 1
    import hornbook_hub as hub

    labels = [label for label, _ in hub.load(tmp_path).classify(np.zeros((28, 28), "uint8"), top_k=10)]
    assert sorted(labels)[:2] == ["Ankle boot", "Bag"]


@pytest.mark.parametrize(
    ("name", "figure"),
    [
        ("question_answering", "f1"),
        pytest.param("semantic_search", "first_after", marks=pytest.mark.exhaustive),
        pytest.param("named_entities", "f1", marks=pytest.mark.exhaustive),
    ],
)
def test_reading_texts(name, figure, smoke, hornbook_data, tmp_path):
    assert 0 <= smoke(name, "--tiny", "--batch-size", "4")[figure] <= 1
    assert (tmp_path / name / "model.safetensors").is_file()


@pytest.mark.exhaustive
@pytest.mark.slow
def test_what_was_read_before_helps():
    found = result(run("finetune_bert_tiny.py"))
    assert found["accuracy_after"] > found["accuracy_from_random_weights"] + 0.1
    assert found["accuracy_after"] > max(found["accuracy_before"], 0.78)


@pytest.mark.exhaustive
def test_classes_by_their_names(smoke, tmp_path):
    assert 0 <= smoke("zero_shot_images", "--tiny", "--batch-size", "8")["accuracy_unseen"] <= 1
    import hornbook_hub as hub

    assert type(hub.load(tmp_path / "zero_shot_images")) is hub.ZeroShotImageClassifier


@pytest.mark.exhaustive
@pytest.mark.slow
def test_captions_that_were_not_seen_are_found():
    found = result(run("zero_shot_images.py", "--tiny"))
    assert found["accuracy_unseen"] > 0.4 and found["accuracy_seen"] > 0.8


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("distributed_mnist", ()),  # it starts processes of its own
        *((name, ("--tiny",)) for name in ("question_answering", "semantic_search")),
        *((name, ()) for name in ("mnist_mlp", "mnist_convnet", "export_and_serve")),
        *((f"pretrain_{name}_tiny", ()) for name in ("bert", "gpt", "resnet")),
    ],
)
def test_missing_data_are_one_sentence_and_exit_code_2(name, words, smoke, monkeypatch, tmp_path, capsys):
    for variable in ("HORNBOOK_DATA", "HORNBOOK_CACHE"):
        monkeypatch.setenv(variable, str(tmp_path))
    monkeypatch.setenv("HORNBOOK_OFFLINE", "1")
    with pytest.raises(SystemExit) as ended:
        smoke(name, *words)
    assert ended.value.code == 2
    assert len([line for line in capsys.readouterr().err.splitlines() if "HORNBOOK_DATA" in line]) == 1


def test_a_figure_that_is_missed_is_exit_code_1(monkeypatch, capsys, tmp_path):
    import command_line

    options = command_line.parser("A job.", epochs=3, batch_size=8)
    monkeypatch.setattr(sys, "argv", ["job.py", "--out", str(tmp_path)])
    bounds = {"at_least": {"accuracy": 0.9}, "at_most": {"loss": 0.5}}
    command_line.run(lambda _: {"accuracy": 0.9, "loss": 0.5}, options, **bounds)
    assert json.loads((tmp_path / "job.json").read_text())["expected"]["accuracy"]["reached"]
    with pytest.raises(SystemExit) as ended:
        command_line.run(lambda _: {"accuracy": 0.91, "loss": float("nan")}, options, **bounds)
    assert ended.value.code == 1 and "Not as expected: loss." in capsys.readouterr().err
    monkeypatch.setattr(sys, "argv", ["job.py", "--epochs", "1"])  # other settings are held to nothing
    command_line.run(lambda _: {"accuracy": 0.1, "loss": 9.0}, options, **bounds)


# ------------------------------------------------------------------------------------------------ by the command line
def test_the_command_line_lists_runs_and_measures(monkeypatch, tmp_path, capsys):
    from hornbook_hub import recipes
    from hornbook_hub.command_line import main

    assert main(["recipes"]) == 0
    listed = capsys.readouterr().out.splitlines()
    assert len(listed) == 1 + len(list((ROOT / "recipes").glob("*.py"))) - len(recipes.NOT_RECIPES)
    assert "A perceptron with one hidden layer reads handwritten digits." in [
        line.partition("  ")[2].strip() for line in listed
    ]
    assert main(["run", "mnist"]) == 1 and "There is no recipe 'mnist'. Known are " in capsys.readouterr().err

    job = '"""A job.\n"""\nimport command_line\n'
    job += 'options = command_line.parser("", 1, 1)\ncommand_line.run(lambda a: {"loss": a.seed}, options, at_most={"loss": 2})\n'
    (tmp_path / "job.py").write_text(job)
    (tmp_path / "broken.py").write_text('"""Breaks."""\nraise SystemExit(7)\n')
    (tmp_path / "command_line.py").write_text((ROOT / "recipes" / "command_line.py").read_text())
    monkeypatch.setattr(recipes, "FOLDERS", (tmp_path / "absent", tmp_path))
    assert main(["run", "job", "--seed", "2"]) == 0 and main(["run", "job", "--seed", "3"]) == 1
    assert main(["recipes", "--all", "--out", str(tmp_path / "out")]) == 1
    written = (tmp_path / "out" / "recipes.md").read_text()
    assert "| `job` | loss | ≤ 2 | 0 | yes | 0.0 |" in written and "| `broken` |  |  |  | failed (7) |  |" in written

    (tmp_path / "broken.py").write_text(job)  # mended: what was reached before is not run again
    (tmp_path / "out" / "job" / "job.json").unlink()
    assert main(["recipes", "--all", "--out", str(tmp_path / "out")]) == 0
    assert (tmp_path / "out" / "recipes.md").read_text().count("| yes |") == 2
    assert not (tmp_path / "out" / "job" / "job.json").exists()
    assert main(["recipes", "--all", "job", "--out", str(tmp_path / "out")]) == 0
    assert (tmp_path / "out" / "job" / "job.json").exists()


def test_every_recipe_says_what_it_is():
    from hornbook_hub.recipes import document, folder, recipes

    for name in recipes():
        text = document(folder() / f"{name}.py")
        for word in ("What: ", "Why: ", "Data: ", "Hardware: ", "Expect: ", "Run: "):
            assert f"\n{word}" in text, f"{name} says nothing of {word}"
        assert f"recipes/{name}.py" in text
