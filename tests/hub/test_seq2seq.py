"""Encoder-decoder models of texts: the same targets as transformers, from files of every age."""

import json

import numpy as np
import pytest
from tests.hub.test_exact import made
from tests.hub.twins import TWINS

import hornbook_hub as hub
from hornbook.saving.safetensors import Tensors
from hornbook_hub.models.t5 import T5Backbone, T5Config, buckets
from hornbook_hub.tasks.seq2seq_lm import shifted
from hornbook_hub.weights import save_tensors

torch = pytest.importorskip("torch", reason="PyTorch runs the reference")
transformers = pytest.importorskip("transformers", reason="transformers is the reference")
pytestmark = pytest.mark.parity

T5S = [name for name, twin in TWINS.items() if "T5" in twin.config and "seq2seq_lm" in twin.classes]
SOURCES = [[5, 17, 23, 42, 8, 9, 30], [11, 50], [7]]
SIZES = {"vocab_size": 60, "d_model": 16, "d_kv": 4, "d_ff": 20, "num_layers": 1, "num_heads": 2}


def saved(name, folder, **settings):
    model = made(name, "seq2seq_lm", **settings)
    model.save_pretrained(folder)
    return model


def theirs(model, source, count, **settings):
    ids = torch.tensor([source])
    with torch.no_grad():
        found = model.generate(
            ids, attention_mask=torch.ones_like(ids), max_new_tokens=count, do_sample=False, **settings
        )
    return found[0].tolist()[1:]  # behind the id that begins every target


@pytest.mark.parametrize("name", [pytest.param(n, marks=[] if n == "t5" else pytest.mark.exhaustive) for n in T5S])
def test_greedy_as_transformers_for_200_pieces(name, tmp_path):
    model = saved(name, tmp_path, eos_token_id=59)
    model.generation_config.eos_token_id = None
    ours = hub.load(tmp_path)
    ours.generation_config = {"eos_token_id": None}
    wanted = [theirs(model, source, 200) for source in SOURCES]
    assert ours.generate(SOURCES, max_new_tokens=200) == wanted  # a ragged batch
    if name != "t5":  # a sibling, and so among the exhaustive ones
        assert ours.generate(SOURCES[1], max_length=21) == wanted[1][:20]
        assert list(ours.stream(SOURCES[0], max_new_tokens=40)) == wanted[0][:40]


@pytest.mark.exhaustive  # as a text of a decoder alone does
def test_a_target_ends_at_its_end(tmp_path):
    saved("t5", tmp_path)
    ours = hub.load(tmp_path)
    ours.generation_config = {"eos_token_id": None}
    free = ours.generate(SOURCES[0], max_new_tokens=30)
    ours.generation_config = {"eos_token_id": free[17]}
    assert ours.generate(SOURCES[0], max_new_tokens=30) == free[: free.index(free[17]) + 1]


def test_labels_are_shifted_as_transformers_does(tmp_path):
    model = saved("t5", tmp_path)
    labels = np.array([[7, 8, 1, -100], [9, 3, 4, 1]])
    assert (np.asarray(shifted(labels, 0, 0)) == model._shift_right(torch.tensor(labels)).numpy()).all()
    ours, ids = hub.load(tmp_path), np.array([[5, 6, 7], [8, 9, 1]])
    wanted = model(input_ids=torch.tensor(ids), labels=torch.tensor(labels))
    found = np.asarray(ours({"input_ids": ids, "labels": labels}))
    np.testing.assert_allclose(found, wanted.logits.detach(), atol=1e-4)
    logs = np.concatenate(ours.score(ids.tolist(), [[7, 8, 1], [9, 3, 4, 1]]))
    np.testing.assert_allclose(-logs.mean(), wanted.loss.item(), rtol=1e-4)


def test_buckets_are_those_of_transformers():
    from transformers.models.t5.modeling_t5 import T5Attention

    for count, longest in ((32, 128), (8, 12), (16, 1000)):
        config = T5Config(**SIZES, relative_attention_num_buckets=count, relative_attention_max_distance=longest)
        distances = torch.arange(longest + 1)
        for both_ways in (True, False):
            wanted = T5Attention._relative_position_bucket(-distances, both_ways, count, longest)
            assert buckets(config, both_ways).tolist() == wanted.tolist()


# ------------------------------------------------------------------------------------------------- files of every age
def test_the_file_says_whether_the_head_is_tied(tmp_path):
    """Of an older file, tie_word_embeddings=False; newer ones say true whatever the file holds."""
    model = saved("t5, 1.1", tmp_path)
    batch = {"input_ids": np.array([SOURCES[0]]), "decoder_input_ids": np.array([[0, 4, 9]])}
    tensors = dict(Tensors(tmp_path / "model.safetensors"))
    tensors["lm_head.weight"] = tensors["shared.weight"][::-1].copy()
    save_tensors(tensors, tmp_path / "model.safetensors")
    with torch.no_grad():
        model.lm_head.weight = torch.nn.Parameter(torch.tensor(tensors["lm_head.weight"]))
        wanted = model(**{key: torch.tensor(value) for key, value in batch.items()}).logits.numpy()
    newer = json.loads((tmp_path / "config.json").read_text())
    assert newer["tie_word_embeddings"] is True
    kept = {key: value for key, value in newer.items() if key not in ("scale_decoder_outputs", "dtype")}
    older = {**kept, "tie_word_embeddings": False, "torch_dtype": "float32", "n_positions": 512, "output_past": True}
    for config in (newer, older):
        (tmp_path / "config.json").write_text(json.dumps(config))
        ours = hub.load(tmp_path)
        assert not ours.config.tie_word_embeddings and not ours.config.scale_decoder_outputs
        np.testing.assert_allclose(ours(batch), wanted, atol=1e-5 * np.abs(wanted).max())
        ours.save_to_preset(tmp_path / "again")
        again = transformers.T5ForConditionalGeneration.from_pretrained(tmp_path / "again")
        with torch.no_grad():
            found = again(**{key: torch.tensor(value) for key, value in batch.items()}).logits.numpy()
        np.testing.assert_allclose(found, wanted, atol=1e-5 * np.abs(wanted).max())


def test_tables_that_older_files_hold_twice(tmp_path):
    model = saved("t5", tmp_path)
    tensors = dict(Tensors(tmp_path / "model.safetensors"))
    for name in ("encoder.embed_tokens.weight", "decoder.embed_tokens.weight", "lm_head.weight"):
        tensors[name] = tensors["shared.weight"]
    tensors["decoder.block.0.layer.1.EncDecAttention.relative_attention_bias.weight"] = np.zeros((8, 4), "float32")
    save_tensors(tensors, tmp_path / "model.safetensors")
    config = json.loads((tmp_path / "config.json").read_text())
    del config["scale_decoder_outputs"]  # as transformers 4 wrote it: tied, so scaled
    (tmp_path / "config.json").write_text(json.dumps(config))
    ours = hub.load(tmp_path)
    assert ours.config.tie_word_embeddings and ours.config.scale_decoder_outputs
    batch = {"input_ids": np.array([SOURCES[0]]), "decoder_input_ids": np.array([[0, 4, 9]])}
    wanted = model(**{key: torch.tensor(value) for key, value in batch.items()}).logits.detach().numpy()
    np.testing.assert_allclose(ours(batch), wanted, atol=1e-5 * np.abs(wanted).max())


def test_the_encoder_of_a_whole_model(tmp_path):
    model = saved("t5", tmp_path)
    encoder = hub.load(tmp_path, task="encoder")
    assert encoder.decoder is None and encoder.input_names == ("input_ids", "attention_mask")
    with torch.no_grad():
        wanted = model.encoder(torch.tensor([SOURCES[0]])).last_hidden_state.numpy()
    found = encoder({"input_ids": np.array([SOURCES[0]])})["last_hidden_state"]
    np.testing.assert_allclose(found, wanted, atol=1e-5 * np.abs(wanted).max())
    embedder = hub.load(tmp_path, task="text_embedder")
    embedder.save_to_preset(tmp_path / "encoder")
    again = transformers.T5EncoderModel.from_pretrained(tmp_path / "encoder")
    with torch.no_grad():
        found = again(torch.tensor([SOURCES[0]])).last_hidden_state.numpy()
    np.testing.assert_allclose(found, wanted, atol=1e-5 * np.abs(wanted).max())
    assert hub.load(tmp_path / "encoder").backbone.kind == "encoder"
    with pytest.raises(ValueError, match="no encoder apart"):
        hub.load("bert_tiny", task="encoder")


# ---------------------------------------------------------------------------------------------------------- on texts
def with_tokenizer(**settings):
    """A small model that reads and writes words."""
    from tokenizers import Tokenizer as Engine
    from tokenizers import models, pre_tokenizers, processors

    words = ["<pad>", "</s>", "<unk>", "ein", "zwei", "drei", "one", "two", "three"]
    engine = Engine(models.WordLevel({word: number for number, word in enumerate(words)}, unk_token="<unk>"))
    engine.pre_tokenizer = pre_tokenizers.Whitespace()
    engine.add_special_tokens(["<pad>", "</s>"])
    engine.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    tokenizer = hub.Tokenizer(engine, {"pad_token": "<pad>"}, names=("input_ids", "attention_mask"))
    config = T5Config(**{**SIZES, "vocab_size": len(words), "dropout_rate": 0.0, **settings})
    return hub.Seq2SeqLM(T5Backbone(config), tokenizer)


@pytest.mark.exhaustive
def test_it_learns_to_translate(tmp_path):
    import hornbook as keras

    keras.utils.set_random_seed(0)
    model = with_tokenizer()
    model.compile(
        keras.optimizers.Adam(0.02),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        weighted_metrics=["accuracy"],
    )
    texts = ["ein", "zwei", "drei", "ein zwei", "zwei drei"]
    targets = ["one", "two", "three", "one two", "two three"]
    history = model.fit(texts, targets, epochs=60, batch_size=5, verbose=0, validation_data=(texts, targets))
    assert history.history["val_accuracy"][-1] == 1.0
    assert model.evaluate(texts, targets, verbose=0, return_dict=True)["accuracy"] == 1.0
    assert [model.generate(text, max_new_tokens=5) for text in texts] == targets
    assert model.generate("ein zwei", max_new_tokens=5, stop="two") == "one "
    assert "".join(model.stream("ein zwei", max_new_tokens=5)) == "one two"
    model.save_to_preset(tmp_path)
    again = hub.load(tmp_path)
    assert again.tokenizer.names == ("input_ids", "attention_mask")
    for ours, before in zip(again.score(texts, targets), model.score(texts, targets), strict=True):
        np.testing.assert_allclose(ours, before, atol=1e-5)


def test_what_makes_no_sense():
    model = hub.Seq2SeqLM(T5Backbone(T5Config(**SIZES)))
    with pytest.raises(ValueError, match="call generate"):
        model({"input_ids": np.array([[5, 6]])})
    with pytest.raises(ValueError, match="targets are ids, not texts"):
        model.fit({"input_ids": np.array([[5, 6]])}, ["one"])
    with pytest.raises(ValueError, match="feed_forward_proj must be"):
        T5Config(**SIZES, feed_forward_proj="doubly-gelu")
    with pytest.raises(ValueError, match="relative_attention_max_distance"):
        T5Config(**SIZES, relative_attention_max_distance=10**12)
