"""Recipes on pretrained models, for two steps each, with the models that are in the package."""

import pytest

longer = pytest.mark.exhaustive


@pytest.mark.parametrize(
    ("name", "figure", "batch_size", "file"),
    [
        ("sst2_sentiment", "accuracy_bert", 8, "sst2_sentiment/model.safetensors"),
        pytest.param(*("vit_cifar10", "test_accuracy", 8, "vit_cifar10/model.safetensors"), marks=longer),
        pytest.param(*("lora_gemma", "share_of_weights_trained", 4, "adapter/adapter_model.safetensors"), marks=longer),
        pytest.param(*("finetune_bert_imdb", "test_accuracy", 4, "finetune_bert_imdb/model.safetensors"), marks=longer),
        pytest.param(*("speech_to_text", "character_error_rate", 4, "speech_to_text/model.safetensors"), marks=longer),
    ],
)
def test_with_data(name, figure, batch_size, file, smoke, hornbook_data, tmp_path):
    assert 0 <= smoke(name, "--tiny", "--batch-size", str(batch_size))[figure] <= 4
    assert (tmp_path / file).is_file()


@longer
def test_a_chat_keeps_its_history(smoke, tmp_path):
    found = smoke("chat", "--tiny", "--batch-size", "4")["conversation"]
    assert [message["role"] for message in found] == ["user", "assistant"] * (len(found) // 2)
    assert found[-2]["content"] == "And Greece?"
    import hornbook_hub as hub

    assert isinstance(hub.load(tmp_path / "chat").chat(found[-2:-1], max_new_tokens=4), str)


@longer
def test_ways_of_writing(smoke):
    found = smoke("generate_text", "--tiny")
    assert found["stream_is_what_generate_gives"] == 1 and found["nats_greedy"] > 0


PRETRAINED = ("finetune_bert_imdb", "generate_text", "lora_gemma", "question_answering", "semantic_search")
PRETRAINED += ("sst2_sentiment", "vit_cifar10")


@pytest.mark.parametrize(
    "name", ["chat", "named_entities", "speech_to_text", *(pytest.param(n, marks=longer) for n in PRETRAINED)]
)
def test_a_checkpoint_that_cannot_be_had_is_one_sentence(name, smoke, hornbook_data, monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(SystemExit) as ended:
        smoke(name)
    assert ended.value.code == 2
    (said,) = capsys.readouterr().err.splitlines()
    assert "With --tiny" in said
