"""Writing on: the same pieces as transformers, for any batch, in stretches."""

import os

import numpy as np
import pytest
from tests.hub.test_exact import made
from tests.hub.twins import TWINS

import hornbook_hub as hub
from hornbook import backend
from hornbook.backend.tensorflow import products
from hornbook_hub import generation
from hornbook_hub.sampling import Sampler

torch = pytest.importorskip("torch", reason="PyTorch runs the reference")
transformers = pytest.importorskip("transformers", reason="transformers is the reference")
pytestmark = pytest.mark.parity

DECODERS = [name for name, twin in TWINS.items() if "causal_lm" in twin.classes]
PROMPTS = [[5, 17, 23, 42, 8, 9, 30], [11, 50], [7]]


def twin(name, folder, **settings):
    longest = "n_positions" if "n_positions" in TWINS[name].settings else "max_position_embeddings"
    model = made(name, "causal_lm", **{longest: 256, **settings})
    model.save_pretrained(folder)
    return model, hub.load(folder)


def theirs(model, prompt, count):
    with torch.no_grad():
        ids = torch.tensor([prompt])
        found = model.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=count, do_sample=False)
    return found[0].tolist()


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=[] if n == "llama" else pytest.mark.exhaustive) for n in DECODERS]
)
def test_greedy_as_transformers_for_200_pieces(name, tmp_path):
    model, ours = twin(name, tmp_path, eos_token_id=None)
    wanted = [theirs(model, prompt, 200) for prompt in PROMPTS]
    assert ours.generate(PROMPTS, max_new_tokens=200) == wanted  # a ragged batch, the cache grows
    assert ours.generate(PROMPTS[1], max_new_tokens=20) == wanted[1][:22]
    assert list(ours.stream(PROMPTS[0], max_new_tokens=40)) == wanted[0][7:47]


@pytest.mark.parametrize("name", ["llama", pytest.param("gpt2", marks=pytest.mark.exhaustive)])
def test_kernels_laid_in_rows_for_a_batch_write_the_same_and_follow_the_weights(name, tmp_path, monkeypatch):
    if (os.cpu_count() or 1) == 1:
        pytest.skip("one core has no use for them")
    monkeypatch.setattr(products, "LARGE", 1)
    model, ours = twin(name, tmp_path, eos_token_id=None)
    laid = []
    lay = backend.lay_rows
    monkeypatch.setattr(backend, "lay_rows", lambda matrices: laid.append(len(matrices)) or lay(matrices))
    for _ in range(2):
        assert ours.generate(PROMPTS, max_new_tokens=40) == [theirs(model, prompt, 40) for prompt in PROMPTS]
        with torch.no_grad():  # the weights are others now, here and there
            for parameter in model.parameters():
                parameter.mul_(-1.5)
        model.save_pretrained(tmp_path)
        ours.set_weights(hub.load(tmp_path).get_weights())
    layers_with_kernels = sum("kernel" in weight.path for weight in ours.backbone.weights)
    assert laid == [layers_with_kernels] * 2
    ours.generate(PROMPTS, max_new_tokens=5)
    ours.generate(PROMPTS[0], max_new_tokens=40)
    monkeypatch.setattr(generation, "has_room", lambda count: False)
    ours.generate(PROMPTS, max_new_tokens=40)
    assert len(laid) == 2, "few pieces, or one text, are not worth it, nor is the last memory of the system"


def test_a_text_ends_at_its_end(tmp_path):
    model, ours = twin("llama", tmp_path, eos_token_id=None)
    free = ours.generate(PROMPTS[0], max_new_tokens=30, strip_prompt=True)
    end = free[17]
    ours.generation_config = {"eos_token_id": [end, 59]}
    first = next(place for place, number in enumerate(free) if number in (end, 59))
    assert ours.generate(PROMPTS[0], max_new_tokens=30, strip_prompt=True) == free[: first + 1]


def test_draws(tmp_path):
    _, ours = twin("llama", tmp_path)
    options = {"max_new_tokens": 40, "temperature": 1.5}
    first = ours.generate(PROMPTS, seed=1, **options)
    assert first == ours.generate(PROMPTS, seed=1, **options) != ours.generate(PROMPTS, seed=2, **options)
    assert ours.generate(PROMPTS, max_new_tokens=9, sampler=Sampler(top_k=1)) == ours.generate(
        PROMPTS, max_new_tokens=9
    )


def test_the_distribution_of_draws_is_that_of_the_logits(tmp_path):
    _, ours = twin("llama", tmp_path)
    logits = np.asarray(ours({"input_ids": np.array([PROMPTS[0]])}))[0, -1].astype("float64") / 4.0
    probabilities = np.exp(logits - logits.max())
    probabilities /= probabilities.sum()
    drawn = ours.generate([PROMPTS[0]] * 4000, max_new_tokens=1, temperature=4.0, seed=3, strip_prompt=True)
    counts = np.bincount([row[0] for row in drawn], minlength=len(probabilities))
    expected = 4000 * probabilities
    large = expected > 5
    statistic = ((counts - expected) ** 2 / expected)[large].sum()
    freedom = large.sum()
    assert statistic < freedom + 4 * np.sqrt(2 * freedom)


def test_the_filters_are_those_of_transformers():
    from transformers import generation

    from hornbook_hub import sampling

    rng = np.random.default_rng(0)
    logits = rng.normal(size=(4, 50)).astype("float32") * 3
    seen = rng.integers(0, 50, (4, 9))
    flags = np.zeros((4, 50), bool)
    np.put_along_axis(flags, seen, True, axis=1)
    rows = [
        (sampling.keep_top_k(logits, 7), generation.TopKLogitsWarper(7)),
        (sampling.keep_top_p(logits, 0.8), generation.TopPLogitsWarper(0.8)),
        (sampling.keep_min_p(logits, 0.1), generation.MinPLogitsWarper(0.1)),
        (sampling.penalize_repetition(logits, flags, 1.7), generation.RepetitionPenaltyLogitsProcessor(1.7)),
    ]
    for found, reference in rows:
        wanted = reference(torch.tensor(seen), torch.tensor(logits)).numpy()
        found = np.asarray(found)
        assert ((found > -1e8) == np.isfinite(wanted)).all()
        np.testing.assert_allclose(found[found > -1e8], wanted[np.isfinite(wanted)], rtol=1e-6)


def test_scores(tmp_path):
    model, ours = twin("llama", tmp_path)
    rows = [[5, 17, 23, 42], [7, 9]]
    for found, row in zip(ours.score(rows), rows, strict=True):
        with torch.no_grad():
            logs = torch.log_softmax(model(torch.tensor([row])).logits[0].double(), -1)
        np.testing.assert_allclose(found, [logs[i, row[i + 1]] for i in range(len(row) - 1)], rtol=1e-4)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"temperature": -1.0}, "temperature must be 0 or more"),
        ({"top_p": 0.0}, "top_p must be above 0"),
        ({"sampler": "best"}, "sampler must be one of"),
        ({"max_length": 3}, "no room to write"),
        ({"stop": ["x"]}, "stop is for prompts that are texts"),
    ],
)
def test_settings_that_make_no_sense(settings, words, tmp_path):
    _, ours = twin("llama", tmp_path)
    with pytest.raises(ValueError, match=words):
        ours.generate(PROMPTS[0], **settings)
    with pytest.raises(ValueError, match="at least one piece"):
        ours.generate([[]])
