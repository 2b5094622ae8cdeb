"""Recipes on pretrained models, for two steps each, with the models that are in the package."""

import pytest


@pytest.mark.parametrize(
    ("name", "figure", "batch_size", "file"),
    [
        ("finetune_bert_imdb", "test_accuracy", 4, "finetune_bert_imdb/model.safetensors"),
        ("lora_gemma", "share_of_weights_trained", 4, "adapter/adapter_model.safetensors"),
    ],
)
def test_with_data(name, figure, batch_size, file, smoke, hornbook_data, tmp_path):
    assert 0 <= smoke(name, "--tiny", "--batch-size", str(batch_size))[figure] <= 4
    assert (tmp_path / file).is_file()
