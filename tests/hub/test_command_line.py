"""The command `hornbook`: what it says without opening a model, it says without TensorFlow."""

import subprocess
import sys

import pytest

import hornbook_hub as hub
from hornbook_hub.checkpoints import PRESETS
from hornbook_hub.command_line import main, printable
from hornbook_hub.families import FAMILIES
from hornbook_hub.tasks import TASKS


@pytest.mark.parametrize("words", ["presets --cached", "info bert_tiny", "recipes", "--help", "presets --help"])
def test_what_needs_no_model_needs_no_tensorflow(words):
    program = (
        "import atexit, sys\n"
        "atexit.register(lambda: print({'tensorflow', 'numpy', 'hornbook'} & set(sys.modules)))\n"
        "from hornbook_hub.command_line import main\n"
        "sys.exit(main(sys.argv[1:]))"
    )
    done = subprocess.run([sys.executable, "-c", program, *words.split()], capture_output=True, text=True, check=True)
    *said, loaded = done.stdout.splitlines()
    assert loaded == "set()"
    assert any("bert_tiny" in line or "hornbook" in line for line in said)


def test_who_reads_may_stop_reading():
    command = [sys.executable, "-m", "hornbook_hub", "presets"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.close()
        assert process.stderr.read() == b"" and process.wait() == 1


def test_names_come_when_they_are_asked_for():
    program = (
        "import sys, hornbook_hub as hub\n"
        "assert {'load', 'BertBackbone'} <= set(dir(hub)) and 'hornbook' not in sys.modules\n"
        "try: hub.lode\n"
        "except AttributeError as error: print(error)\n"
        "assert 'hornbook' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "module 'hornbook_hub' has no attribute 'lode'\n"
    assert {name: getattr(hub, name) for name in hub.__all__} == {name: vars(hub)[name] for name in hub.__all__}


def test_a_config_cannot_command_the_terminal(tmp_path, capsys):
    (tmp_path / "config.json").write_bytes(b'{"a":\n"\x1b[2J\x07\xff\xe2\x80\xae\xc3\xa9"}')
    assert main(["info", str(tmp_path)]) == 0
    assert capsys.readouterr().out.splitlines()[1:] == ['{"a":', '"\\x1b[2J\\x07�\\u202eé"}']
    assert printable("a\tb\n") == "a\\tb\n"
    (tmp_path / "config.json").unlink()
    assert main(["info", str(tmp_path)]) == 1
    assert "holds no config.json" in capsys.readouterr().err


def test_each_row_says_a_task_that_its_family_has():
    assert set(PRESETS) <= set(FAMILIES)
    of_any_encoder = {"text_embedder", "reranker"}  # no heads of their own
    for kind, rows in PRESETS.items():
        for name, row in rows.items():
            assert row["task"] in {*FAMILIES[kind].ARCHITECTURES.values(), *of_any_encoder}, name
            assert row["task"] in {"backbone", *TASKS}
            assert row["parameters"] > 0 and row["about"] and row["licence"]
    names = [name for rows in PRESETS.values() for preset, row in rows.items() for name in (preset, *row["aliases"])]
    assert len(names) == len(set(names))
