"""A model's numbers as a tree, its loss as a pure function, and the names that older programs use."""

import numpy as np
import pytest
import tensorflow as tf

import hornbook
from hornbook import layers

X, Y = np.ones((4, 3), "float32"), np.zeros((4, 2), "float32")


def trained(library, optimizer="sgd"):
    model = library.Sequential(
        [library.Input((3,)), library.layers.Dense(2, name="a"), library.layers.BatchNormalization(name="b")], name="m"
    )
    model.compile(
        {"sgd": library.optimizers.SGD, "adam": library.optimizers.Adam}[optimizer](name="o"), "mse", metrics=["mae"]
    )
    model.fit(X, Y, verbose=0)
    return model


def structure(tree):
    return {k: structure(v) if isinstance(v, dict) else (v.shape, str(v.dtype)) for k, v in tree.items()}


@pytest.mark.parity
def test_the_tree_is_laid_out_as_in_keras():
    keras = pytest.importorskip("keras")
    ours, theirs = (trained(library, "adam").get_state_tree("numpy_array") for library in (hornbook, keras))
    assert structure(ours) == structure(theirs)


def test_a_tree_brings_another_model_to_the_same_state():
    first, second = trained(hornbook, "adam"), trained(hornbook, "adam")
    second.set_state_tree(first.get_state_tree())
    for a, b in zip(
        [*first.weights, *first.optimizer.variables], [*second.weights, *second.optimizer.variables], strict=True
    ):
        np.testing.assert_array_equal(a.numpy(), b.numpy())
    kernel = np.full((3, 2), 7.0, "float32")
    second.set_state_tree({"trainable_variables": {"m": {"a": {"kernel": kernel}}}})
    np.testing.assert_array_equal(second.layers[0].kernel.numpy(), kernel)


def test_what_does_not_fit_is_named():
    model = trained(hornbook)
    with pytest.raises(ValueError, match="value_format"):
        model.get_state_tree("text")
    with pytest.raises(ValueError, match=r"unknown: \['weights'\]"):
        model.set_state_tree({"weights": {}})
    with pytest.raises(ValueError, match=r"shape \(9,\) for 'm/a/bias'"):
        model.set_state_tree({"trainable_variables": {"m": {"a": {"bias": np.ones(9)}}}})
    with pytest.raises(ValueError, match=r"no trainable_variables \['m/z'\]"):
        model.set_state_tree({"trainable_variables": {"m": {"z": np.ones(9)}}})
    twice = hornbook.Model(x := hornbook.Input((2,)), layers.Dense(2)(x))
    twice.layers[1].kernel._path = twice.layers[1].bias.path
    with pytest.raises(ValueError, match="Two variables have the path"):
        twice.get_state_tree()


def test_the_loss_as_a_pure_function():
    model = trained(hornbook)
    groups = [model.trainable_variables, model.non_trainable_variables, model.metrics_variables]
    values = [[v.value for v in group] for group in groups]
    loss, after = model.stateless_compute_loss(*values, x=X, y=Y, y_pred=tf.ones((4, 2)))
    assert float(loss) == 1.0 and [len(group) for group in after] == [len(group) for group in groups]
    with pytest.raises(ValueError, match="metrics_variables must hold"):
        model.stateless_compute_loss(values[0], values[1], [], x=X, y=Y, y_pred=Y)


def test_names_of_older_programs():
    model = trained(hornbook)
    assert float(model.compiled_loss(Y, tf.ones((4, 2)))) == 1.0
    model.compiled_metrics.update_state(Y, tf.ones((4, 2)))
    assert model.distribute_reduction_method == "auto" and isinstance(model.distribute_strategy, tf.distribute.Strategy)
    assert (model.loss, model.run_eagerly, model.jit_compile) == ("mse", False, False)
    model.run_eagerly = True
    seen = []
    model.train_step = lambda data: seen.append(tf.executing_eagerly()) or {"loss": tf.constant(0.0)}
    model.fit(X, Y, verbose=0)
    assert seen == [True]
