"""Beams as transformers keeps them; contrastive search as the paper writes it."""

import os

import numpy as np
import pytest
from tests.hub.test_generation import PROMPTS, twin

from hornbook import backend
from hornbook.backend.tensorflow import products

torch = pytest.importorskip("torch", reason="PyTorch runs the reference")
pytest.importorskip("transformers", reason="transformers is the reference")
pytestmark = pytest.mark.parity

SEARCHES = [
    {"num_beams": 4},
    {"num_beams": 3, "length_penalty": 2.0, "early_stopping": "never"},
    {"num_beams": 2, "length_penalty": -0.5, "early_stopping": True},
]


def theirs(model, prompt, count, **settings):
    with torch.no_grad():
        ids = torch.tensor([prompt])
        found = model.generate(
            ids, attention_mask=torch.ones_like(ids), max_new_tokens=count, do_sample=False, **settings
        )
    return found[0].tolist()


@pytest.mark.exhaustive
def test_beams_for_200_pieces(tmp_path):
    model, ours = twin("llama", tmp_path, eos_token_id=None)
    wanted = [theirs(model, prompt, 200, num_beams=3) for prompt in PROMPTS]
    assert ours.generate(PROMPTS, max_new_tokens=200, sampler="beam", num_beams=3) == wanted


@pytest.mark.parametrize("search", [pytest.param(s, marks=pytest.mark.exhaustive) for s in SEARCHES])
def test_beams_that_end(search, tmp_path):
    model, ours = twin("gpt2", tmp_path, eos_token_id=None)
    likely = theirs(model, PROMPTS[0], 12, num_beams=4)[-6:]
    ends = [int(likely[0]), 41]
    model.generation_config.eos_token_id = ends
    ours.generation_config = {"eos_token_id": ends, "pad_token_id": 0}
    found = ours.generate(PROMPTS, max_new_tokens=30, sampler="beam", **search)
    for prompt, row in zip(PROMPTS, found, strict=True):
        reference = theirs(model, prompt, 30, pad_token_id=0, **search)
        assert row == reference[: len(row)] and set(reference[len(row) :]) <= {0}
        assert row == ours.generate([prompt], max_new_tokens=30, sampler="beam", **search)[0]


@pytest.mark.exhaustive
def test_contrastive_search_is_that_of_the_paper(tmp_path):
    _, ours = twin("llama", tmp_path, eos_token_id=None)
    alpha, k, count = 0.5, 3, 6

    def states(rows):
        """The directions of the hidden states, and the probabilities of what comes after the last."""
        outputs = ours.backbone({"input_ids": np.array(rows)})
        hidden = np.asarray(outputs["last_hidden_state"]).astype("float64")
        logits = np.asarray(ours.head(outputs))[:, -1].astype("float64")
        shares = np.exp(logits - logits.max(-1, keepdims=True))
        return hidden / np.linalg.norm(hidden, axis=-1, keepdims=True), shares / shares.sum(-1, keepdims=True)

    wanted = []
    for prompt in PROMPTS:
        row = list(prompt)
        for _ in range(count):
            before, shares = states([row])
            candidates = np.argsort(-shares[0])[:k]
            after, _ = states([[*row, int(piece)] for piece in candidates])
            alike = (after[:, -1] @ before[0].T).max(-1)
            row.append(int(candidates[np.argmax((1 - alpha) * shares[0, candidates] - alpha * alike)]))
        wanted.append(row)
    settings = {"max_new_tokens": count, "sampler": "contrastive", "penalty_alpha": alpha, "top_k": k}
    assert ours.generate(PROMPTS, **settings) == wanted
    assert ours.generate(PROMPTS, **{**settings, "penalty_alpha": 0.0}) == ours.generate(PROMPTS, max_new_tokens=count)


@pytest.mark.parametrize(
    "settings",
    [
        {"sampler": "beam", "num_beams": 3},
        pytest.param({"sampler": "contrastive", "penalty_alpha": 0.6, "top_k": 4}, marks=pytest.mark.exhaustive),
    ],
)
def test_kernels_laid_in_rows_find_the_same(settings, tmp_path, monkeypatch):
    if (os.cpu_count() or 1) == 1:
        pytest.skip("one core has no use for them")
    _, ours = twin("llama", tmp_path, eos_token_id=None)
    found = ours.generate(PROMPTS, max_new_tokens=24, **settings)
    laid, lay = [], backend.lay_rows
    monkeypatch.setattr(products, "LARGE", 1)
    monkeypatch.setattr(backend, "lay_rows", lambda matrices: laid.append(len(matrices)) or lay(matrices))
    assert ours.generate(PROMPTS, max_new_tokens=24, **settings) == found
    assert len(laid) == 1


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"sampler": "beam", "num_beams": 0}, "num_beams must be an integer"),
        ({"sampler": "beam", "early_stopping": "soon"}, "early_stopping must be"),
        ({"sampler": "contrastive", "penalty_alpha": 2.0}, "penalty_alpha must be between"),
    ],
)
def test_settings_out_of_range(settings, words, tmp_path):
    _, ours = twin("llama", tmp_path)
    with pytest.raises(ValueError, match=words):
        ours.generate(PROMPTS[0], **settings)
