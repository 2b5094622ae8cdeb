"""What is special in each family of encoders, and the tasks on vectors and pairs, against transformers."""

import json

import numpy as np
import pytest
from tests.hub.test_bert import VOCABULARY, saved, twin
from tests.hub.test_exact import made, theirs
from tests.hub.twins import TWINS, batch

import hornbook_hub as hub
from hornbook_hub.models.modernbert import ModernBertConfig
from hornbook_hub.models.mpnet import MPNetConfig, RelativeBias

torch = pytest.importorskip("torch", reason="PyTorch runs the reference")
transformers = pytest.importorskip("transformers", reason="transformers is the reference")
pytestmark = pytest.mark.parity

TEXTS = ["a b c the", "of", "x y z a b c d e f g", "the a of b"]
PARTNERS = ["c b a", "of of", "z y x", "b of a the"]


def close(ours, reference):
    reference = np.asarray(reference)
    assert np.abs(np.asarray(ours) - reference).max() <= 1e-5 * np.abs(reference).max()


# ------------------------------------------------------------------------------------------------------------ families
def test_positions_of_roberta_leave_room_for_padding(tmp_path):
    made("roberta", "masked_lm").save_pretrained(tmp_path)
    model = hub.load(tmp_path)
    assert model.config.max_length == 38  # of 40 rows, 0 and 1 are not used
    assert model.predict({"input_ids": np.full((1, 38), 7)}, verbose=0).shape == (1, 38, 60)
    with pytest.raises(ValueError, match="positions for 38"):
        model({"input_ids": np.full((1, 39), 7)})


def test_pieces_that_roberta_names_in_its_own_way(tmp_path):
    from tokenizers import Tokenizer, models, pre_tokenizers, processors

    made("roberta", "masked_lm").save_pretrained(tmp_path)
    names = ["<s>", "<pad>", "</s>", "<unk>", "<mask>", *VOCABULARY[5:31]]
    engine = Tokenizer(models.WordLevel({name: i for i, name in enumerate(names)}, unk_token="<unk>"))
    engine.add_special_tokens(names[:5])
    engine.pre_tokenizer = pre_tokenizers.Whitespace()
    engine.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0))
    engine.save(str(tmp_path / "tokenizer.json"))
    model = hub.load(tmp_path)
    arrays = model.tokenizer(["a", "a b c"])
    assert set(arrays) == {"input_ids", "attention_mask"} and arrays["input_ids"][0].tolist() == [0, 5, 2, 1, 1]
    ids = torch.tensor([[0, 5, 4, 7, 2]])
    logits = transformers.RobertaForMaskedLM.from_pretrained(tmp_path)(input_ids=ids).logits[0, 2]
    best, probability = model.fill_mask("a <mask> c", top_k=1)[0]
    close(probability, torch.softmax(logits, -1).max().item())
    assert best == (names[int(logits.argmax())] if int(logits.argmax()) < len(names) else "")


def test_distances_of_mpnet_far_apart():
    module = transformers.models.mpnet.modeling_mpnet.MPNetEncoder
    places = torch.arange(400)
    wanted = module.relative_position_bucket(places[None, :] - places[:, None])
    np.testing.assert_array_equal(RelativeBias.ranges(np.arange(400, dtype="int32")), wanted)
    with pytest.raises(ValueError, match="relative_attention_num_buckets"):
        MPNetConfig.from_dict({"relative_attention_num_buckets": 16})


def test_modernbert_by_the_keys_of_old(tmp_path):
    rope = {kind: {"rope_type": "default", "rope_theta": theta} for kind, theta in (("full_attention", 77.0),)}
    rope["sliding_attention"] = {"rope_type": "default", "rope_theta": 33.0}
    kinds = ["full_attention", "sliding_attention"] * 2
    model = made("modernbert", "masked_lm", rope_parameters=rope, layer_types=kinds)
    model.save_pretrained(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    for key in ("rope_parameters", "layer_types", "dtype"):
        del config[key]
    config |= {"global_rope_theta": 77.0, "local_rope_theta": 33.0, "global_attn_every_n_layers": 2}
    config |= {"torch_dtype": "float32", "reference_compile": True, "position_embedding_type": "absolute"}
    (tmp_path / "config.json").write_text(json.dumps(config))
    ours = hub.load(tmp_path)
    wanted = theirs(model, "modernbert").logits.detach()
    there = batch(TWINS["modernbert"])["attention_mask"].astype(bool)
    close(ours(batch(TWINS["modernbert"])).numpy()[there], wanted[there])
    ours.save_to_preset(tmp_path / "ours")
    written = json.loads((tmp_path / "ours" / "config.json").read_text())
    assert {key: written[key] for key in config if key != "transformers_version"} == {
        key: value for key, value in config.items() if key != "transformers_version"
    }
    assert written["rope_parameters"] == rope and written["layer_types"] == kinds and written["dtype"] == "float32"


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"layer_types": ["full_attention"]}, "layer_types must name"),
        ({"classifier_pooling": "max"}, "'cls' or 'mean'"),
        ({"hidden_activation": "mish"}, "hidden_activation must be one of"),
        ({"num_attention_heads": 7}, "multiple of num_attention_heads"),
    ],
)
def test_a_modernbert_that_cannot_be(settings, words):
    with pytest.raises(ValueError, match=words):
        ModernBertConfig(**settings)


def test_layers_in_no_regular_order():
    kinds = ["sliding_attention", "full_attention", "full_attention"]
    config = ModernBertConfig(num_hidden_layers=3, layer_types=kinds)
    assert config.global_attn_every_n_layers is None and config.layer_types == kinds


def test_a_classifier_keeps_what_the_language_model_has_of_its_head(tmp_path, caplog):
    model = made("modernbert", "masked_lm")
    model.save_pretrained(tmp_path)
    ours = hub.load(tmp_path, task="text_classifier", num_classes=5)
    np.testing.assert_array_equal(ours.head.dense.kernel.numpy(), model.head.dense.weight.detach().numpy().T)
    assert "no head for text_classifier (classifier): what is missing starts at random" in caplog.text
    assert ours.predict(batch(TWINS["modernbert"]), verbose=0).shape == (3, 5)


def test_dropout_works_in_training(tmp_path):
    for name in ("distilbert", "modernbert"):
        made(name, "text_classifier", **{"mlp_dropout": 0.5} if name == "modernbert" else {}).save_pretrained(tmp_path)
        model = hub.load(tmp_path)
        still, moved = model(batch(TWINS[name])), model(batch(TWINS[name]), training=True)
        assert np.abs(still - moved).max() > 1e-3


# ------------------------------------------------------------------------------------------------------ texts as vectors
def by_hand(model, arrays, pooling, normalize):
    """The vectors of transformers' hidden states."""
    tensors = {name: torch.tensor(array.astype("int64")) for name, array in arrays.items()}
    with torch.no_grad():
        hidden = model(**tensors).last_hidden_state
    mask = tensors["attention_mask"][..., None].float()
    vectors = {
        "cls": hidden[:, 0],
        "mean": (hidden * mask).sum(1) / mask.sum(1),
        "max": hidden.masked_fill(mask == 0, -1e9).max(1).values,
    }[pooling]
    return torch.nn.functional.normalize(vectors, dim=-1) if normalize else vectors


def described(folder, pooling, normalize, **more):
    """The files that sentence-transformers puts beside a model."""
    kinds = ["Transformer", "Pooling", "Normalize"][: 3 if normalize else 2]
    modules = [
        {"idx": i, "name": str(i), "path": f"{i}_{kind}" if i else "", "type": f"sentence_transformers.models.{kind}"}
        for i, kind in enumerate(kinds)
    ]
    (folder / "1_Pooling").mkdir(exist_ok=True)
    (folder / "modules.json").write_text(json.dumps(modules))
    keys = {"cls": "pooling_mode_cls_token", "mean": "pooling_mode_mean_tokens", "max": "pooling_mode_max_tokens"}
    chosen = {key: name == pooling for name, key in keys.items()}
    (folder / "1_Pooling" / "config.json").write_text(json.dumps({"word_embedding_dimension": 32, **chosen}))
    for name, contents in more.items():
        (folder / f"{name}.json").write_text(json.dumps(contents))


@pytest.mark.parametrize(("pooling", "normalize"), [("mean", True), ("cls", True), ("max", False)])
def test_vectors_are_those_made_by_hand(pooling, normalize, tmp_path):
    model = twin("backbone")
    saved(model, tmp_path)
    described(tmp_path, pooling, normalize, sentence_bert_config={"max_seq_length": 8, "do_lower_case": False})
    ours = hub.load(tmp_path)
    assert ours.task == "text_embedder" and ours.tokenizer.max_length == 8
    wanted = by_hand(model, ours.tokenizer(TEXTS), pooling, normalize)
    close(ours.embed(TEXTS), wanted)
    close(ours.embed(TEXTS[0]), by_hand(model, ours.tokenizer(TEXTS[:1]), pooling, normalize)[0])
    cosines = torch.nn.functional.cosine_similarity(wanted[:, None], wanted[None], dim=-1)
    close(ours.similarity(TEXTS, TEXTS), cosines)
    close(ours.similarity(ours.embed(TEXTS), TEXTS), cosines)

    ours.save_to_preset(tmp_path / "ours")
    again = transformers.BertModel.from_pretrained(tmp_path / "ours").eval()
    close(by_hand(again, ours.tokenizer(TEXTS), pooling, normalize), wanted)
    for name in ("modules.json", "1_Pooling/config.json", "sentence_bert_config.json"):
        assert json.loads((tmp_path / "ours" / name).read_text()) == json.loads((tmp_path / name).read_text())
    close(hub.load(tmp_path / "ours").embed(TEXTS), wanted)


def test_prompts_stand_before_texts(tmp_path):
    saved(twin("masked_lm"), tmp_path)
    described(tmp_path, "mean", True, config_sentence_transformers={"prompts": {"query": "a b "}})
    model = hub.load(tmp_path)
    close(model.embed(["c"], prompt="query"), model.embed(["a b c"]))
    with pytest.raises(ValueError, match="no prompt 'passage'.*query"):
        model.embed(["c"], prompt="passage")
    assert hub.load(tmp_path, task="masked_lm").task == "masked_lm"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda modules: modules.append({"path": "2_Dense", "type": "sentence_transformers.models.Dense"}), "Dense"),
        (lambda modules: modules[1].update(path="../secret"), "not known here"),
        (lambda modules: modules.append("x"), "damaged"),
    ],
)
def test_steps_that_are_not_known_are_refused(change, words, tmp_path):
    saved(twin("backbone"), tmp_path)
    described(tmp_path, "mean", False)
    modules = json.loads((tmp_path / "modules.json").read_text())
    change(modules)
    (tmp_path / "modules.json").write_text(json.dumps(modules))
    with pytest.raises(ValueError, match=words):
        hub.load(tmp_path)


def test_a_pooling_that_is_not_known_is_refused(tmp_path):
    saved(twin("backbone"), tmp_path)
    described(tmp_path, "mean", False)
    (tmp_path / "1_Pooling" / "config.json").write_text(json.dumps({"pooling_mode_lasttoken": True}))
    with pytest.raises(ValueError, match="pooling_mode_lasttoken"):
        hub.load(tmp_path)
    with pytest.raises(ValueError, match="pooling must be one of"):
        hub.load(tmp_path, task="backbone") and hub.TextEmbedder(hub.load(tmp_path, task="backbone"), pooling="sum")


@pytest.mark.exhaustive
def test_contrastive_fine_tuning_brings_partners_together(tmp_path):
    import tensorflow as tf

    import hornbook

    model = twin("backbone")
    saved(model, tmp_path)
    ours = hub.load(tmp_path, task="text_embedder", hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0)
    first, second = (by_hand(model, ours.tokenizer(texts), "mean", True) for texts in (TEXTS, PARTNERS))
    wanted = torch.nn.functional.cross_entropy(20 * first @ second.T, torch.arange(4)).item()
    close(ours.evaluate(TEXTS, PARTNERS, verbose=0), wanted)
    pairs = tf.data.Dataset.from_tensor_slices((TEXTS, PARTNERS)).batch(4)
    close(ours.evaluate(pairs, verbose=0), wanted)

    ours.compile(hornbook.optimizers.AdamW(3e-3), ours.loss)
    history = ours.fit(TEXTS, PARTNERS, epochs=8, verbose=0, validation_data=(TEXTS, PARTNERS)).history
    assert history["val_loss"][-1] < 0.5 * wanted
    assert set(ours.fit(pairs, verbose=0, validation_data=pairs).history) == {"loss", "val_loss"}
    assert (ours.similarity(TEXTS, PARTNERS).argmax(1) == np.arange(4)).all()
    with pytest.raises(ValueError, match="fit\\(texts, their_partners\\)"):
        ours.fit(TEXTS)


# ---------------------------------------------------------------------------------------------------------------- pairs
def test_scores_of_pairs_are_those_of_a_classifier_with_one_class(tmp_path):
    model = transformers.BertForSequenceClassification(
        transformers.BertConfig.from_dict({**twin("backbone").config.to_dict(), "num_labels": 1})
    ).eval()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    saved(model, tmp_path)
    ours = hub.load(tmp_path, task="reranker")
    rows = [ours.tokenizer.encode("a b", text) for text in TEXTS]
    wanted = [
        model(torch.tensor([r.ids]), token_type_ids=torch.tensor([r.type_ids])).logits.item() for r in rows
    ]  # each alone, without padding
    close(ours.score("a b", TEXTS), wanted)
    assert [place for place, _ in ours.rank("a b", TEXTS, top_k=3)] == np.argsort(wanted)[::-1][:3].tolist()
    np.testing.assert_allclose(ours.rank("a b", TEXTS)[0][1], max(wanted), rtol=1e-4)

    ours.save_to_preset(tmp_path / "ours")
    again = transformers.BertForSequenceClassification.from_pretrained(tmp_path / "ours")
    assert again.config.num_labels == 1
    np.testing.assert_array_equal(again.classifier.weight.detach(), model.classifier.weight.detach())
    queries = ["a b"] * 4
    assert len(ours.fit((queries, TEXTS), np.array([1, 0, 0, 1]), epochs=2, verbose=0).history["loss"]) == 2


def test_a_preset_may_name_its_task(tmp_path, monkeypatch):
    from hornbook_hub import loading
    from hornbook_hub.checkpoints import PRESETS

    made("xlm-roberta", "text_classifier", num_labels=1).save_pretrained(tmp_path)
    assert hub.load(tmp_path).task == "text_classifier"
    monkeypatch.setattr(loading, "find", lambda name, revision=None: loading.Files(tmp_path, name))
    assert PRESETS["xlm-roberta"]["bge_reranker_base"]["task"] == "reranker"
    assert hub.load("bge_reranker_base").task == "reranker"


def test_electra_names_the_pieces_that_were_replaced(tmp_path):
    made("electra", "replaced_token_detector").save_pretrained(tmp_path)
    model = hub.load(tmp_path)
    arrays = batch(TWINS["electra"])
    before = model.evaluate(arrays, (arrays["input_ids"] % 2).astype("float32"), verbose=0)
    model.fit(arrays, (arrays["input_ids"] % 2).astype("float32"), epochs=3, verbose=0)
    assert model.evaluate(arrays, (arrays["input_ids"] % 2).astype("float32"), verbose=0) < before
    with pytest.raises(ValueError, match="BertBackbone has no head for 'replaced_token_detector'"):
        hub.load("bert_tiny", task="replaced_token_detector")
