"""BERT against transformers' own: hidden states and logits of random twins, in both directions."""

import json

import numpy as np
import pytest

import hornbook_hub as hub
from hornbook.saving.safetensors import Tensors

torch = pytest.importorskip("torch", reason="PyTorch runs the reference")
transformers = pytest.importorskip("transformers", reason="transformers is the reference")
pytestmark = pytest.mark.parity

LETTERS = "abcdefghijklmnopqrstuvwxyz"
VOCABULARY = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *LETTERS, *(f"##{c}" for c in LETTERS), "the", "of", "and"]
CLASSES = {
    "backbone": "BertModel",
    "masked_lm": "BertForMaskedLM",
    "text_classifier": "BertForSequenceClassification",
}


def twin(task, activation="gelu", **settings):
    config = transformers.BertConfig(
        vocab_size=len(VOCABULARY),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=37,
        hidden_act=activation,
        max_position_embeddings=40,
        num_labels=3,
        **settings,
    )
    torch.manual_seed(0)
    model = getattr(transformers, CLASSES[task])(config).eval()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return model


def saved(model, folder):
    model.save_pretrained(folder)
    (folder / "vocab.txt").write_text("\n".join(VOCABULARY) + "\n")
    return folder


def batch():
    rng = np.random.default_rng(0)
    ids = rng.integers(5, len(VOCABULARY), (3, 9))
    mask, types = np.ones((3, 9), "int64"), np.zeros((3, 9), "int64")
    mask[1, 5:], types[:, 4:] = 0, 1
    return {"input_ids": ids, "attention_mask": mask, "token_type_ids": types}


def theirs(model):
    with torch.no_grad():
        return model(**{key: torch.tensor(value) for key, value in batch().items()})


def close(ours, reference):
    reference = reference.numpy()
    assert np.abs(np.asarray(ours) - reference).max() <= 1e-5 * np.abs(reference).max()


def test_a_task_may_differ_from_the_checkpoints(tmp_path, caplog):
    folder = saved(twin("masked_lm"), tmp_path)
    model = hub.load(folder, task="text_classifier", num_classes=5)
    assert (
        "holds no pooler and no head for text_classifier (classifier): what is missing starts at random" in caplog.text
    )
    assert model.predict(["a b c", "the"], verbose=0).shape == (2, 5)
    backbone = hub.load(folder, task="backbone")
    assert set(backbone(batch())) == {"last_hidden_state", "pooler_output"}


def test_old_names_of_normalization(tmp_path):
    from hornbook_hub.weights import save_tensors

    model = twin("masked_lm")
    saved(model, tmp_path)
    path = tmp_path / "model.safetensors"
    old = {"LayerNorm.weight": "LayerNorm.gamma", "LayerNorm.bias": "LayerNorm.beta"}
    tensors = {}
    for name, array in Tensors(path).items():
        for new, former in old.items():
            name = name.replace(new, former)
        tensors[name] = np.array(array)
    save_tensors(tensors, path)
    close(hub.load(tmp_path)(batch()), theirs(model).logits)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda t: t.pop("bert.encoder.layer.1.output.dense.bias"), "layer.1.output.dense.bias is missing"),
        (lambda t: t.update({"bert.stranger.weight": np.zeros(3, "float32")}), "stranger.weight has no place"),
        (lambda t: t.update({"bert.pooler.dense.bias": np.zeros(3, "float32")}), "pooler"),
        (lambda t: t.update({"cls.predictions.bias": np.zeros(3, "float32")}), "has shape"),
    ],
)
def test_tensors_that_do_not_fit_are_named(change, words, tmp_path):
    from hornbook_hub.weights import save_tensors

    saved(twin("masked_lm"), tmp_path)
    tensors = {name: np.array(array) for name, array in Tensors(tmp_path / "model.safetensors").items()}
    change(tensors)
    save_tensors(tensors, tmp_path / "model.safetensors")
    with pytest.raises(ValueError, match=words):
        hub.load(tmp_path)


def test_a_key_that_is_not_understood_is_an_error(tmp_path):
    saved(twin("masked_lm"), tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({**config, "rotary_base": 10000}))
    with pytest.raises(ValueError, match="rotary_base"):
        hub.load(tmp_path)


def test_places_of_answers_in_pieces():
    """Characters of a text become pieces of question and text; what was cut off is no answer."""
    model = hub.load("bert_tiny", task="question_answering")
    question, text = "What is good?", "The soup was cold, but the film is good."
    start = text.index("the film")
    first, last = model.places([question], [text], [(start, start + len("the film"))])[0]
    encoding = model.tokenizer.encode(question, text)
    assert text[encoding.offsets[first][0] : encoding.offsets[last][1]] == "the film"
    long = "word " * 300 + "end"
    assert model.places([question], [long], [(len(long) - 3, len(long))]).tolist() == [[0, 0]]
