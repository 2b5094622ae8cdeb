"""Drafts change how fast a text is written, and nothing of what is written."""

import numpy as np
import pytest
from tests.hub.test_generation import PROMPTS, twin

import hornbook_hub as hub
from hornbook_hub import speculation

torch = pytest.importorskip("torch", reason="PyTorch runs the reference")
pytest.importorskip("transformers", reason="transformers is the reference")
pytestmark = pytest.mark.parity

SAMPLES = 4000


def pair(tmp_path):
    """A model, and another one that is its first block with other last weights: like it, and not the same."""
    _, model = twin("llama", tmp_path / "model", eos_token_id=None)
    model.save_to_preset(tmp_path / "draft")
    draft = hub.load(tmp_path / "draft")
    rng = np.random.default_rng(1)
    for variable in draft.head.weights:
        variable.assign(np.asarray(variable) * 0.5 + 0.25 * rng.normal(size=variable.shape))
    return model, draft


def exact(model, prompt, temperature):
    """The probabilities of the second piece and of the third, whatever the ones before."""

    def shares(rows):
        logits = (
            np.asarray(model.predict({"input_ids": np.array(rows)}, verbose=0))[:, -1].astype("float64") / temperature
        )
        shares = np.exp(logits - logits.max(-1, keepdims=True))
        return shares / shares.sum(-1, keepdims=True)

    first = shares([prompt])[0]
    size = len(first)
    second = shares([[*prompt, a] for a in range(size)]) * first[:, None]  # (first, second)
    third = shares([[*prompt, a, b] for a in range(size) for b in range(size)])
    return second.sum(0), (third * second.reshape(-1, 1)).sum(0)


def excess(model, draft, wanted, temperature, **settings):
    """How many standard deviations chi-square lies above what it is expected to be, the worse of the two pieces."""
    prompts = [PROMPTS[0]] * SAMPLES
    options = {"max_new_tokens": 3, "temperature": temperature, "seed": 5, "strip_prompt": True, "draft": draft}
    drawn = np.array(model.generate(prompts, **options, **settings))
    found = []
    for place, shares in zip((1, 2), wanted, strict=True):
        counts, expected = np.bincount(drawn[:, place], minlength=len(shares)), SAMPLES * shares
        large = expected > 5
        statistic = ((counts - expected) ** 2 / expected)[large].sum()
        found.append((statistic - large.sum()) / np.sqrt(2 * large.sum()))
    return max(found)


@pytest.mark.exhaustive
@pytest.mark.parametrize("kind", ["prompt", "model"])
def test_greedy_is_the_same_with_a_draft(kind, tmp_path):
    model, draft = pair(tmp_path)
    draft = "prompt" if kind == "prompt" else draft
    assert model.generate(PROMPTS, max_new_tokens=40, draft=draft) == model.generate(PROMPTS, max_new_tokens=40)


@pytest.mark.exhaustive
@pytest.mark.parametrize("kind", ["model", pytest.param("prompt", marks=pytest.mark.exhaustive)])
def test_long_texts_with_a_draft(kind, tmp_path):
    model, draft = pair(tmp_path)
    draft = "prompt" if kind == "prompt" else draft
    wanted = model.generate(PROMPTS, max_new_tokens=150)
    assert model.generate(PROMPTS, max_new_tokens=150, draft=draft) == wanted  # a ragged batch, the cache grows
    assert list(model.stream(PROMPTS[0], max_new_tokens=40, draft=draft)) == wanted[0][7:47]
    model.generation_config = {"eos_token_id": wanted[0][20]}
    assert model.generate(PROMPTS, max_new_tokens=150, draft=draft) == model.generate(PROMPTS, max_new_tokens=150)


@pytest.mark.parametrize("kind", ["model", pytest.param("prompt", marks=pytest.mark.exhaustive)])
def test_the_distribution_is_that_of_the_model(kind, tmp_path):
    model, draft = pair(tmp_path)
    draft = "prompt" if kind == "prompt" else draft
    wanted = exact(model, PROMPTS[0], 1.0)
    assert excess(model, draft, wanted, 1.0, draft_length=2) < 4


@pytest.mark.exhaustive
@pytest.mark.parametrize("kind", ["model", "prompt"])
def test_a_distribution_that_is_wrong_is_found(kind, tmp_path, monkeypatch):
    model, draft = pair(tmp_path)
    draft = "prompt" if kind == "prompt" else draft
    wanted = exact(model, PROMPTS[0], 1.0)
    monkeypatch.setattr(speculation, "is_kept", lambda p, q, unit: unit < 2)  # a rule that is wrong is found
    assert excess(model, draft, wanted, 1.0, draft_length=2) > 8


@pytest.mark.exhaustive
def test_drafts_that_are_the_likeliest_but_judged_as_drawn_are_found(tmp_path, monkeypatch):
    model, draft = pair(tmp_path)
    wanted = exact(model, PROMPTS[0], 1.0)
    right = speculation.SpeculativeWriter._drawn

    def likeliest(self, shares, seed):
        import hornbook as keras

        inside = len(seed.shape) == 1 and not isinstance(seed, np.ndarray)
        return (
            keras.ops.cast(keras.ops.argmax(shares, -1), "int32")
            if inside and self.drafting
            else right(self, shares, seed)
        )

    def drafted(self, *arguments):
        self.drafting = True
        try:
            return original(self, *arguments)
        finally:
            self.drafting = False

    original = speculation.SpeculativeWriter._drafted
    monkeypatch.setattr(speculation.SpeculativeWriter, "drafting", False, raising=False)
    monkeypatch.setattr(speculation.SpeculativeWriter, "_drawn", likeliest)
    monkeypatch.setattr(speculation.SpeculativeWriter, "_drafted", drafted)
    assert excess(model, draft, wanted, 1.0, draft_length=2) > 8


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"draft": "book"}, "draft must be a CausalLM or 'prompt'"),
        ({"draft": "prompt", "draft_length": 0}, "draft_length must be 1 or more"),
        ({"draft": "prompt", "repetition_penalty": 1.2}, "without repetition_penalty"),
        ({"draft": "prompt", "sampler": "beam"}, "draft goes with a Sampler"),
        ({"draft": "prompt", "constraint": "a"}, "exclude each other"),
    ],
)
def test_settings_that_do_not_go_together(settings, words, tmp_path):
    _, ours = twin("llama", tmp_path)
    with pytest.raises(ValueError, match=words):
        ours.generate(PROMPTS[0], **settings)


def test_a_draft_with_other_pieces(tmp_path):
    (_, ours), (_, other) = twin("llama", tmp_path / "a"), twin("llama", tmp_path / "b", vocab_size=50)
    with pytest.raises(ValueError, match="must have the model's pieces: it has 50, the model has 60"):
        ours.generate(PROMPTS[0], draft=other)
