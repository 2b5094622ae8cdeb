"""int8 weights of a model that writes: laid out as rows, they say the same, and follow what is loaded."""

import numpy as np
import pytest

import hornbook as keras
import hornbook_hub as hub
from hornbook_hub.models.gpt2 import GPT2Backbone, GPT2Config
from hornbook_hub.models.llama import LlamaBackbone, LlamaConfig

PROMPTS = [[5, 17, 23], [7]]


def made(kind, seed):
    keras.utils.set_random_seed(seed)
    if kind == "gpt2":  # its head is tied to the table
        backbone = GPT2Backbone(GPT2Config(vocab_size=50, n_positions=64, n_embd=16, n_layer=1, n_head=2))
    else:
        sizes = {"vocab_size": 50, "hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 1}
        backbone = LlamaBackbone(LlamaConfig(num_attention_heads=2, num_key_value_heads=1, **sizes))
    model = hub.CausalLM(backbone)
    for variable in model.weights:
        variable.assign(np.random.default_rng(seed).normal(size=variable.shape))
    return model


@pytest.mark.parametrize("kind", ["gpt2", pytest.param("llama", marks=pytest.mark.exhaustive)])
def test_rows_say_what_columns_say(kind, tmp_path):
    config = keras.quantizers.Int8QuantizationConfig(activation_quantizer=None)
    model, other = made(kind, 0), made(kind, 1)
    arrays = {"input_ids": np.array([[3, 4, 5, 6]])}
    for one in (model, other):
        one.quantize(config=config)
    before = np.asarray(model(arrays))
    first = model.generate(PROMPTS, max_new_tokens=8)
    dense = [layer for layer in model._flatten_layers() if isinstance(layer, keras.layers.Dense)]
    assert dense and all(layer._power.laid.shape == layer.kernel.shape[::-1] for layer in dense)
    np.testing.assert_allclose(np.asarray(model(arrays)), before, rtol=1e-4, atol=1e-4)
    names = [weight.path for weight in model.weights]
    assert not any("rows" in name for name in names)

    other.save_weights(tmp_path / "m.weights.h5")
    model.load_weights(tmp_path / "m.weights.h5")
    assert model.generate(PROMPTS, max_new_tokens=8) == other.generate(PROMPTS, max_new_tokens=8) != first
    np.testing.assert_allclose(np.asarray(model(arrays)), np.asarray(other(arrays)), rtol=1e-5, atol=1e-5)


def test_a_correction_that_is_merged_reaches_the_rows():
    model = made("llama", 0)
    model.quantize("int8")
    model.generate(PROMPTS, max_new_tokens=2)
    layer = model.backbone.blocks[0].perceptron.up
    layer.enable_lora(2)
    layer.lora_kernel_b.assign(np.ones(layer.lora_kernel_b.shape))
    layer.merge_lora()
    np.testing.assert_array_equal(np.asarray(layer._power.laid), np.asarray(layer.kernel).T)
