"""Settings of the process, and the names that Keras keeps in more than one place."""

import logging
import traceback

import keras as reference
import numpy as np
import pytest
import tensorflow as tf

import hornbook as keras
from hornbook import config


def small_model():
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    return model


def test_messages_are_printed_or_logged(capsys, caplog):
    x, y = np.ones((4, 2)), np.ones(4)
    small_model().fit(x, y, epochs=2)
    assert "Epoch 2/2" in capsys.readouterr().out
    config.disable_interactive_logging()
    try:
        with caplog.at_level(logging.INFO, logger="hornbook"):
            small_model().fit(x, y, epochs=2)
    finally:
        config.enable_interactive_logging()
    assert not capsys.readouterr().out
    assert caplog.messages[1].startswith("Epoch 2/2: 1/1 steps") and "loss" in caplog.messages[1]


def test_tracebacks_without_the_framework():
    class Broken(keras.layers.Layer):
        def call(self, x):
            raise KeyError("mine")

    def lines():
        try:
            keras.Sequential([Broken()])(np.ones((1, 2)))
        except KeyError as error:
            return [frame.filename for frame in traceback.extract_tb(error.__traceback__)]
        raise AssertionError

    assert any("hornbook" in name and "tests" not in name for name in lines())
    config.enable_traceback_filtering()
    try:
        assert lines() == [__file__, __file__]
        with pytest.raises(ValueError, match="compile") as caught:
            keras.Sequential([keras.layers.Dense(1)]).fit(np.ones((1, 2)))
        assert len(caught.traceback) == 1
    finally:
        config.disable_traceback_filtering()


def test_the_backend_is_chosen_at_import():
    assert config.set_backend("tensorflow") is None
    assert keras.backend.backend() == "tensorflow"
    with pytest.raises(ValueError, match="offers"):
        config.set_backend("numpy1")
    with pytest.raises(ValueError, match="never code"):
        config.enable_unsafe_deserialization()


def test_names_in_several_places():
    assert keras.backend.clear_session is keras.utils.clear_session
    assert keras.backend.is_keras_tensor is keras.utils.is_keras_tensor
    assert keras.mixed_precision.Policy is keras.DTypePolicy and keras.mixed_precision.global_policy().name == "float32"
    assert keras.utils.Sequence is keras.utils.PyDataset
    assert keras.version() == keras.__version__
    with pytest.raises(AttributeError):
        keras.backend.nothing  # noqa: B018
    with keras.device("cpu:1"):
        assert keras.ops.ones(2).device.endswith("CPU:1")


def test_legacy_optimizers_say_what_takes_their_place():
    for module in (keras, reference):
        with pytest.raises(ImportError):
            module.optimizers.legacy.Adam(0.1)


@keras.saving.register_keras_serializable("mine")
class Mine(keras.layers.Layer):
    pass


def test_configs_of_keras_2():
    ours, theirs = keras.legacy.saving, reference.legacy.saving
    assert keras.utils.legacy.serialize_keras_object is ours.serialize_keras_object
    layer = {"name": "d", "kernel_regularizer": "l2"}
    assert ours.serialize_keras_object(keras.layers.Dense(2, **layer)) == theirs.serialize_keras_object(
        reference.layers.Dense(2, **layer)
    )
    assert ours.serialize_keras_object(keras.losses.mean_squared_error) == "mean_squared_error"
    assert ours.serialize_keras_object(None) is None
    with pytest.raises(ValueError):
        ours.serialize_keras_object(3)
    config_ = ours.serialize_keras_object(Mine(name="m"))
    assert config_["class_name"] == "mine>Mine" and ours.deserialize_keras_object(config_).name == "m"
    assert ours.deserialize_keras_object("zeros", {"zeros": keras.initializers.Zeros})((1,)).shape == (1,)
    function = keras.losses.mean_squared_error
    assert ours.deserialize_keras_object("f", {"f": function}) is function
    assert ours.deserialize_keras_object(function) is function
    for wrong in ("q", 3, {"class_name": "Q", "config": {}}):
        with pytest.raises(ValueError):
            ours.deserialize_keras_object(wrong)


@pytest.mark.parametrize("autocast", [True, False])
def test_a_policy_converts_inputs(autocast):
    policy = keras.DTypePolicy("mixed_bfloat16")
    other = reference.DTypePolicy("mixed_bfloat16")
    for x in (np.ones(2), np.ones(2, "int32"), tf.ones(2), [1.0], None):
        ours, theirs = (p.convert_input(x, autocast, p.compute_dtype) for p in (policy, other))
        assert type(ours) is type(theirs) and getattr(ours, "dtype", None) == getattr(theirs, "dtype", None)
    symbol = policy.convert_input(keras.Input((2,)), autocast, "bfloat16")
    assert symbol.dtype == ("bfloat16" if autocast else "float32")
    assert keras.DTypePolicy().name == reference.DTypePolicy().name == "float32"
