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


@pytest.mark.parametrize("activation", ["gelu", "gelu_new", "gelu_pytorch_tanh", "relu"])
def test_hidden_states(activation, tmp_path):
    model = twin("backbone", activation)
    ours = hub.load(saved(model, tmp_path))(batch())
    close(ours["last_hidden_state"], theirs(model).last_hidden_state)
    close(ours["pooler_output"], theirs(model).pooler_output)


@pytest.mark.parametrize("task", ["masked_lm", "text_classifier"])
def test_logits_and_back(task, tmp_path):
    model = twin(task)
    ours = hub.load(saved(model, tmp_path / "theirs"))
    assert ours.task == task
    close(ours(batch()), theirs(model).logits)
    ours.save_to_preset(tmp_path / "ours")
    again = getattr(transformers, CLASSES[task]).from_pretrained(tmp_path / "ours").eval()
    close(ours(batch()), theirs(again).logits)
    first, second = Tensors(tmp_path / "theirs" / "model.safetensors"), Tensors(tmp_path / "ours" / "model.safetensors")
    assert set(first) == set(second)
    for name in first:
        np.testing.assert_array_equal(first[name], second[name], err_msg=name)


def test_gradients_of_the_loss(tmp_path):
    import tensorflow as tf

    model = twin("text_classifier", hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0)
    labels = np.array([0, 2, 1])
    loss = torch.nn.functional.cross_entropy(
        model(**{k: torch.tensor(v) for k, v in batch().items()}).logits, torch.tensor(labels)
    )
    loss.backward()
    ours = hub.load(saved(model, tmp_path))
    with tf.GradientTape() as tape:
        value = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels, ours(batch())))
    kernel = ours.backbone.blocks[0].attention.query.kernel
    close(np.asarray(tape.gradient(value, [kernel])[0]).T, model.bert.encoder.layer[0].attention.self.query.weight.grad)
    np.testing.assert_allclose(float(value), float(loss.detach()), rtol=1e-5)


def test_a_task_may_differ_from_the_checkpoints(tmp_path, caplog):
    folder = saved(twin("masked_lm"), tmp_path)
    model = hub.load(folder, task="text_classifier", num_classes=5)
    assert "holds no pooler and no head for text_classifier: what is missing starts at random" in caplog.text
    assert model.predict(["a b c", "the"], verbose=0).shape == (2, 5)
    backbone = hub.load(folder, task="backbone")
    assert set(backbone(batch())) == {"last_hidden_state", "pooler_output"}


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_short_floats(dtype, tmp_path):
    model = twin("masked_lm")
    hub.load(saved(model, tmp_path / "theirs")).save_to_preset(tmp_path / "ours", dtype=dtype)
    again = hub.load(tmp_path / "ours")
    close_enough = np.abs(np.asarray(again(batch())) - theirs(model).logits.numpy()).max()
    assert close_enough < 0.05 * np.abs(theirs(model).logits.numpy()).max()
    assert {a.dtype.name for a in Tensors(tmp_path / "ours" / "model.safetensors").values()} == {dtype}


def test_shards(tmp_path):
    model = twin("masked_lm")
    model.save_pretrained(tmp_path, max_shard_size="20KB")
    (tmp_path / "vocab.txt").write_text("\n".join(VOCABULARY) + "\n")
    assert (tmp_path / "model.safetensors.index.json").is_file()
    close(hub.load(tmp_path)(batch()), theirs(model).logits)


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
