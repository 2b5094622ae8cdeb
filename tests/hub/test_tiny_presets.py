"""The models in the package: each at most 4 MB, and good at what it was made for."""

from pathlib import Path

import numpy as np
import pytest

import hornbook_hub as hub
from hornbook_hub.checkpoints import preset_rows

TINY = {name: row for name, row in preset_rows() if "folder" in row}


@pytest.mark.parametrize("name", TINY)
def test_each_is_small_and_has_a_card(name):
    folder = Path(hub.__file__).parent / TINY[name]["folder"]
    assert sum(file.stat().st_size for file in folder.iterdir()) <= 4_000_000
    assert TINY[name]["licence"] in (folder / "README.md").read_text()


def test_a_gpt_that_has_read_shakespeare():
    model = hub.load("gpt_tiny")
    right, wrong = model.score(["\nROMEO:\nWhat is thy name, good sir?\n", "\nEOMRO:\nWtha si yth mane, ogod rsi?\n"])
    assert -right.mean() < 1.8 < -wrong.mean()
    text = model.generate("ROMEO:\n", max_new_tokens=40, temperature=0.8, seed=1)
    assert text.startswith("ROMEO:\n") and len(text) == len("ROMEO:\n") + 40


def test_a_conversation_is_a_prompt():
    model = hub.load("gpt_tiny")
    model.tokenizer.settings["chat_template"] = "{% for m in messages %}{{ m.role }}:\n{{ m.content }}\n{% endfor %}"
    messages = [{"role": "ROMEO", "content": "Speak!"}]
    answer = model.chat(messages, max_new_tokens=20)
    assert len(answer) == 20 and "".join(model.stream(messages, max_new_tokens=20)) == answer
    assert model.generate(messages, max_new_tokens=20) == answer
    assert model.generate("ROMEO:\nSpeak!\n", max_new_tokens=20, strip_prompt=True) == answer


def test_a_resnet_that_has_seen_clothes(real_clothes):
    images, labels = real_clothes
    model = hub.load("resnet_tiny")
    found = np.array([model.labels.index(best[0][0]) for best in model.classify(list(images), top_k=1)])
    assert (found == labels).mean() >= 0.85


@pytest.fixture
def real_clothes(hornbook_data):
    from hornbook_datasets import fashion_mnist

    if not (hornbook_data / "fashion-mnist").is_dir():
        pytest.skip("HORNBOOK_DATA holds no fashion-mnist")
    _, (images, labels) = fashion_mnist.load_data()
    return images[:200], labels[:200]
