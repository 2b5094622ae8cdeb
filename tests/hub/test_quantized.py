"""Hub models in few bits, and with low-rank corrections: put around from outside, they know nothing of it."""

import numpy as np
import pytest

import hornbook as keras
import hornbook_hub as hub
from hornbook import lora
from hornbook_datasets import tiny_reviews

TEXTS = ["The food was good.", "We waited for an hour, and then it was cold."]


@pytest.mark.parametrize(("mode", "rough"), [("int8", 0.05), ("int4", 0.25), ("float8", 0.15)])
def test_a_tied_head_reads_the_table_in_floats(mode, rough):
    model = hub.load("bert_tiny")
    arrays = model.encoded(TEXTS)
    before = np.asarray(model(arrays))
    model.quantize(mode)
    after = np.asarray(model(arrays))
    assert np.linalg.norm(after - before) < rough * np.linalg.norm(before)
    kinds = {layer.quantization_mode for layer in model._flatten_layers() if isinstance(layer, keras.layers.Dense)}
    assert kinds == {mode}


def test_weights_of_a_quantized_model_go_through_a_file(tmp_path):
    first, second = (hub.load("bert_tiny", task="text_classifier", num_classes=2) for _ in range(2))
    for model in (first, second):
        model.quantize("int8")
    first.save_weights(tmp_path / "m.weights.h5")
    second.load_weights(tmp_path / "m.weights.h5")
    np.testing.assert_allclose(first.predict(TEXTS, verbose=0), second.predict(TEXTS, verbose=0), rtol=1e-6)


@pytest.mark.parametrize("mode", [None, "int8"])
def test_a_preset_is_written_in_floats_with_the_corrections(mode, tmp_path):
    model = hub.load("bert_tiny", task="text_classifier", num_classes=2)
    if mode is not None:
        model.quantize(config=keras.quantizers.Int8QuantizationConfig(activation_quantizer=None))
    for layer in model.backbone._flatten_layers():
        if isinstance(layer, keras.layers.Dense):
            layer.enable_lora(2)
            layer.lora_kernel_b.assign(0.05 * np.ones(layer.lora_kernel_b.shape))
    model.save_to_preset(tmp_path / "preset")
    again = hub.load(tmp_path / "preset")
    np.testing.assert_allclose(again.predict(TEXTS, verbose=0), model.predict(TEXTS, verbose=0), rtol=1e-3, atol=1e-4)


def test_gptq_calibrates_a_task_with_its_tokenizer():
    model = hub.load("bert_tiny", task="text_classifier", num_classes=2)
    (texts, _), _ = tiny_reviews.load_data()
    before = model.predict(TEXTS, verbose=0)
    config = keras.quantizers.GPTQConfig(list(texts[:32]), lambda text: model.encoded([text]), group_size=32)
    model.quantize("gptq", config=config)
    after = model.predict(TEXTS, verbose=0)
    assert np.abs(after - before).max() < 0.5 * np.abs(before).max()
    assert {layer.quantization_mode for layer in model._flatten_layers() if hasattr(layer, "kernel")} == {"gptq"}


def test_a_task_is_tuned_by_its_corrections_alone():
    keras.utils.set_random_seed(0)
    model = hub.load("bert_tiny", task="text_classifier", num_classes=2)
    (texts, labels), _ = tiny_reviews.load_data()
    for variable in model.backbone.weights:
        variable.trainable = False
    for layer in model.backbone._flatten_layers():
        if isinstance(layer, keras.layers.Dense):
            layer.enable_lora(4)
    assert {w.name for w in model.backbone.trainable_weights} == {"lora_kernel_a", "lora_kernel_b"}
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(1e-3), loss)
    losses = model.fit(texts[:128], labels[:128], epochs=3, verbose=0).history["loss"]
    assert losses[-1] < losses[0]
    before = model.predict(TEXTS, verbose=0)
    lora.merge(model)
    np.testing.assert_allclose(model.predict(TEXTS, verbose=0), before, rtol=1e-4, atol=1e-5)
