"""Optimizers, against the formulas and against Keras over a hundred steps."""

import copy

import numpy as np
import pytest
import tensorflow as tf

from hornbook import constraints, distribution, optimizers
from hornbook.core.registry import register_keras_serializable
from hornbook.core.variable import Variable
from hornbook.optimizers import schedules

RNG = np.random.default_rng(0)
WEIGHTS = [RNG.normal(size=(5, 4)).astype("float32"), 0.1 * RNG.normal(size=(4,)).astype("float32")]
GRADIENTS = [
    [RNG.normal(size=w.shape).astype("float32") * np.float32(scale) for w in WEIGHTS]
    for scale in np.exp(RNG.normal(size=100))
]

ROWS = [
    ("SGD", {}),
    ("SGD", {"momentum": 0.9}),
    ("SGD", {"momentum": 0.9, "nesterov": True, "weight_decay": 0.01}),
    ("Adam", {}),
    ("Adam", {"amsgrad": True}),
    ("AdamW", {}),
    ("Adamax", {}),
    ("Nadam", {}),
    ("Lamb", {}),
    ("RMSprop", {}),
    ("RMSprop", {"momentum": 0.9}),
    ("RMSprop", {"momentum": 0.9, "centered": True}),
    ("Adagrad", {}),
    ("Adadelta", {}),
    ("Adafactor", {}),
    ("Ftrl", {}),
    ("Ftrl", {"l1_regularization_strength": 0.01, "l2_shrinkage_regularization_strength": 0.1, "beta": 0.1}),
    ("Lion", {}),
    ("Muon", {}),
    ("Muon", {"nesterov": False, "adam_weight_decay": None, "adam_lr_ratio": 2.0}),
    ("Muon", {"exclude_layers": ["^var"], "weight_decay": 0.1}),
    ("ScheduleFreeAdamW", {}),
    ("ScheduleFreeAdamW", {"warmup_steps": 10, "weight_decay": 0.01, "beta_1": 0.5}),
    ("Adam", {"clipnorm": 1.0}),
    ("Adam", {"clipvalue": 0.5}),
    ("Adam", {"global_clipnorm": 1.0}),
    ("Adam", {"loss_scale_factor": 8.0}),
    ("SGD", {"use_ema": True, "ema_overwrite_frequency": 7}),
    ("SGD", {"momentum": 0.9, "gradient_accumulation_steps": 4}),
    ("Adam", {"gradient_accumulation_steps": 4, "use_ema": True, "ema_overwrite_frequency": 3}),
]
# Keras goes by way of x = (w - (1 - beta_1) z) / beta_1, which rounds; x cancels in exact numbers.
TOLERANCE = {"ScheduleFreeAdamW": 5e-6}
NAMES = [f"{name}-{'-'.join(options) or 'plain'}" for name, options in ROWS]


def train(optimizer, variables, steps=GRADIENTS):
    optimizer.build(variables)
    step = tf.function(lambda *gradients: optimizer.apply(list(gradients), variables), autograph=False)
    for gradients in steps:
        step(*map(tf.constant, gradients))
    return [np.asarray(v) for v in variables]


def by_the_formula(cls):
    """The optimizer without the backend's kernels: a subclass with its own `update_step` has none."""

    class Formula(cls):
        def update_step(self, gradient, variable, learning_rate):
            super().update_step(gradient, variable, learning_rate)

    return Formula


def distance(expected, found):
    """The largest difference, in units of the largest weight."""
    return max(np.max(np.abs(a - b)) / np.max(np.abs(a)) for a, b in zip(expected, found, strict=True))


# --------------------------------------------------------------------------------------------------------- parity
@pytest.mark.parity
@pytest.mark.parametrize(("name", "options"), ROWS, ids=NAMES)
def test_a_hundred_steps_as_in_keras(name, options):
    keras = pytest.importorskip("keras")
    theirs, ours = getattr(keras.optimizers, name)(**options), getattr(optimizers, name)(**options)
    expected = train(theirs, [keras.Variable(w) for w in WEIGHTS])
    tolerance = TOLERANCE.get(name, 1e-6)
    assert distance(expected, train(ours, [Variable(w) for w in WEIGHTS])) < tolerance
    formula = by_the_formula(getattr(optimizers, name))(**options)
    for a, b in zip(expected, train(formula, [Variable(w) for w in WEIGHTS]), strict=True):
        np.testing.assert_allclose(b, a, rtol=tolerance, atol=1e-9)

    assert [(tuple(v.shape), str(v.dtype)) for v in ours.variables] == [
        (tuple(v.shape), str(v.dtype)) for v in theirs.variables
    ]
    assert {**ours.get_config(), "name": ""} == {**theirs.get_config(), "name": ""}
    assert optimizers.serialize(ours)["module"] == "keras.optimizers"
    assert type(ours).from_config(theirs.get_config()).get_config() == theirs.get_config()


@pytest.mark.parity
def test_variables_have_keras_order_and_paths():
    keras = pytest.importorskip("keras")
    options = {"amsgrad": True, "use_ema": True, "gradient_accumulation_steps": 2, "name": "adam"}

    def paths(library, variable):
        optimizer = library.Adam(**options)
        optimizer.build([variable(w, name=name) for w, name in zip(WEIGHTS, ("kernel", "bias"), strict=True)])
        return [v.path for v in optimizer.variables]

    assert paths(optimizers, Variable) == paths(keras.optimizers, keras.Variable)


@pytest.mark.parity
def test_several_optimizers_as_in_keras():
    keras = pytest.importorskip("keras")

    def results(library, variable):
        chosen = library.OptimizerMap(library.SGD(0.1, momentum=0.9, name="sgd"))
        chosen[".*bias"] = library.Adam(0.01, use_ema=True, name="adam")
        optimizer = library.MultiOptimizer(chosen, loss_scale_factor=2.0, name="both")
        weights = [variable(w, name=name) for w, name in zip(WEIGHTS, ("kernel", "bias"), strict=True)]
        return train(optimizer, weights, GRADIENTS[:20]), optimizer

    (expected, theirs), (found, ours) = results(keras.optimizers, keras.Variable), results(optimizers, Variable)
    assert distance(expected, found) < 1e-6
    assert [v.path for v in ours.variables] == [v.path for v in theirs.variables]
    assert ours.get_config() == theirs.get_config() and int(ours.iterations) == 20
    assert [type(o).__name__ for o in ours.optimizers] == ["Adam", "SGD"]
    again = optimizers.deserialize(keras.optimizers.serialize(theirs))
    assert again.get_config() == theirs.get_config()


def test_map_of_optimizers():
    default, biases, twice = optimizers.SGD(), optimizers.Adam(), optimizers.Lion()
    chosen = optimizers.OptimizerMap(default, {".*bias": biases, "dense.*": twice})
    assert chosen["x/bias"] is biases and chosen["kernel"] is default and chosen["my_bias_2"] is default
    with pytest.raises(ValueError, match="matches several keys"):
        chosen["dense/bias"]
    with pytest.raises(ValueError, match="already"):
        chosen["dense.*"] = biases
    with pytest.raises(ValueError, match="needs an Optimizer"):
        chosen["x"] = "adam"
    with pytest.raises(TypeError, match="default_optimizer must be"):
        optimizers.OptimizerMap("adam")
    with pytest.raises(TypeError, match="OptimizerMap"):
        optimizers.MultiOptimizer({"x": default})
    with pytest.raises(AttributeError, match="no learning rate of its own"):
        optimizers.MultiOptimizer(chosen).learning_rate  # noqa: B018


def test_embeddings_and_vectors_do_not_follow_muon():
    weights = [Variable(np.ones((3, 2), "float32"), name=name) for name in ("kernel", "embeddings", "excluded")]
    optimizer = optimizers.Muon(exclude_layers=["^excl"])
    optimizer.build(weights)
    assert [v.name.split("_") for v in optimizer.variables[2:]] == [
        ["kernel", "momentum"],
        ["embeddings", "momentum"],
        ["embeddings", "velocity"],
        ["excluded", "momentum"],
        ["excluded", "velocity"],
    ]


SCHEDULES = [
    ("ExponentialDecay", {"initial_learning_rate": 0.1, "decay_steps": 10, "decay_rate": 0.7}),
    ("ExponentialDecay", {"initial_learning_rate": 0.1, "decay_steps": 10, "decay_rate": 0.7, "staircase": True}),
    ("InverseTimeDecay", {"initial_learning_rate": 0.1, "decay_steps": 10, "decay_rate": 0.7}),
    ("InverseTimeDecay", {"initial_learning_rate": 0.1, "decay_steps": 10, "decay_rate": 0.7, "staircase": True}),
    ("PiecewiseConstantDecay", {"boundaries": [10, 30], "values": [0.1, 0.01, 0.001]}),
    ("PolynomialDecay", {"initial_learning_rate": 0.1, "decay_steps": 20, "power": 2.0}),
    ("PolynomialDecay", {"initial_learning_rate": 0.1, "decay_steps": 20, "cycle": True}),
    ("CosineDecay", {"initial_learning_rate": 0.1, "decay_steps": 30, "alpha": 0.1}),
    ("CosineDecay", {"initial_learning_rate": 0.0, "decay_steps": 30, "warmup_target": 0.2, "warmup_steps": 5}),
    ("CosineDecayRestarts", {"initial_learning_rate": 0.1, "first_decay_steps": 7, "m_mul": 0.8, "alpha": 0.01}),
    ("CosineDecayRestarts", {"initial_learning_rate": 0.1, "first_decay_steps": 7, "t_mul": 1.0}),
]


@pytest.mark.parity
@pytest.mark.parametrize(("name", "options"), SCHEDULES)
def test_schedules_as_in_keras(name, options):
    keras = pytest.importorskip("keras")
    theirs, ours = getattr(keras.optimizers.schedules, name)(**options), getattr(schedules, name)(**options)
    steps = [0, 1, 5, 6, 10, 11, 29, 30, 31, 50]
    np.testing.assert_allclose(
        [float(ours(step)) for step in steps], [float(theirs(step)) for step in steps], rtol=2e-6, atol=1e-8
    )
    assert ours.get_config() == theirs.get_config()
    assert schedules.serialize(ours) == keras.optimizers.schedules.serialize(theirs)
    assert schedules.deserialize(schedules.serialize(ours)).get_config() == ours.get_config()

    expected = train(keras.optimizers.SGD(theirs, momentum=0.9), [keras.Variable(w) for w in WEIGHTS], GRADIENTS[:40])
    found = train(optimizers.SGD(ours, momentum=0.9), [Variable(w) for w in WEIGHTS], GRADIENTS[:40])
    assert distance(expected, found) < 2e-6


@pytest.mark.parity
def test_loss_scale_as_in_keras():
    keras = pytest.importorskip("keras")
    steps = [[g * np.float32(np.inf if i % 7 == 3 else 1.0) for g in row] for i, row in enumerate(GRADIENTS[:30])]

    def results(library, variable):
        optimizer = library.LossScaleOptimizer(
            library.SGD(0.1, momentum=0.9), initial_scale=64.0, dynamic_growth_steps=3
        )
        weights = train(optimizer, [variable(w) for w in WEIGHTS], steps)
        return weights, [np.asarray(v) for v in optimizer.variables], optimizer

    expected, expected_state, theirs = results(keras.optimizers, keras.Variable)
    found, state, ours = results(optimizers, Variable)
    assert distance(expected, found) < 1e-6
    assert [s.shape for s in state] == [s.shape for s in expected_state]
    for index in (2, 3, 4):  # good steps, scale, the inner optimizer's iterations
        assert state[index] == expected_state[index]
    ours_config, theirs_config = ours.get_config(), theirs.get_config()
    for config in (ours_config, theirs_config):
        config["name"] = config["inner_optimizer"]["config"]["name"] = ""
    assert ours_config == theirs_config
    again = optimizers.deserialize(keras.optimizers.serialize(theirs))
    assert type(again.inner_optimizer) is optimizers.SGD and again.initial_scale == 64.0


# --------------------------------------------------------------------------------------------------------- one step
@pytest.mark.parametrize(("name", "options"), ROWS, ids=NAMES)
def test_stateless_apply_is_apply(name, options):
    optimizer, twin = getattr(optimizers, name)(**options), getattr(optimizers, name)(**options)
    expected = train(optimizer, [Variable(w) for w in WEIGHTS], GRADIENTS[:4])
    twin.build([Variable(w) for w in WEIGHTS])
    trained, own = [tf.constant(w) for w in WEIGHTS], [tf.constant(v.numpy()) for v in twin.variables]
    before = [v.numpy() for v in twin.variables]
    for gradients in GRADIENTS[:4]:
        trained, own = twin.stateless_apply(own, [tf.constant(g) for g in gradients], trained)
    assert distance(expected, [np.asarray(x) for x in trained]) < 1e-6
    assert int(own[0]) == 4
    for a, b in zip(before, twin.variables, strict=True):
        np.testing.assert_array_equal(a, b.numpy())


@pytest.mark.parametrize("name", ["SGD", "Adam", "RMSprop", "Adagrad", "Lion"])
def test_float16_and_bfloat16_variables_run(name):
    for dtype in ("float16", "bfloat16"):
        w = Variable(np.ones((3,)), dtype=dtype)
        getattr(optimizers, name)(0.1).apply([tf.constant([1.0, -1.0, 0.5], dtype)], [w])
        assert np.all(np.isfinite(np.asarray(w.numpy(), "float32"))) and w.dtype == dtype


def test_missing_gradients_warn_and_all_missing_raise():
    a, b = Variable([1.0], name="a"), Variable([1.0], name="b")
    optimizer = optimizers.SGD(1.0)
    with pytest.warns(UserWarning, match=r"Gradients do not exist for variables \['b'\]"):
        optimizer.apply([tf.constant([1.0]), None], [a, b])
    assert a.numpy() == 0 and b.numpy() == 1
    with pytest.raises(ValueError, match="No gradients provided for any variable"):
        optimizer.apply([None, None], [a, b])


def test_unknown_variable_is_refused():
    optimizer = optimizers.SGD()
    optimizer.build([Variable([1.0])])
    with pytest.raises(ValueError, match="Unknown variable"):
        optimizer.apply([tf.constant([1.0])], [Variable([1.0])])


def test_rows_of_an_embedding_are_updated():
    table = Variable(np.zeros((4, 2), "float32"))
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(tf.gather(table._value, [1, 1, 3]))
    gradient = tape.gradient(loss, table._value)
    assert isinstance(gradient, tf.IndexedSlices)
    optimizers.SGD(1.0).apply([gradient], [table])
    np.testing.assert_array_equal(table.numpy()[:, 0], [0, -2, 0, -1])


def test_constraints_are_kept():
    w = Variable([1.0, -1.0])
    w.constraint = constraints.NonNeg()
    optimizers.SGD(0.5).apply([tf.constant([4.0, 4.0])], [w])
    np.testing.assert_array_equal(w.numpy(), [0.0, 0.0])


def test_weight_decay_leaves_out_what_is_excluded():
    a, b, c = (Variable([1.0], name=name) for name in ("kernel", "bias", "scale"))
    optimizer = optimizers.SGD(0.5, weight_decay=0.5)
    optimizer.exclude_from_weight_decay(var_list=[c], var_names=["bias"])
    optimizer.apply([tf.constant([0.0])] * 3, [a, b, c])
    assert [float(v.numpy()[0]) for v in (a, b, c)] == [0.75, 1.0, 1.0]
    with pytest.raises(ValueError, match="before the optimizer is built"):
        optimizer.exclude_from_weight_decay(var_names=["x"])


def test_moving_average_takes_the_place_of_the_weights_at_the_end():
    w = Variable([1.0])
    optimizer = optimizers.SGD(1.0, use_ema=True, ema_momentum=0.5)
    for _ in range(2):
        optimizer.apply([tf.constant([1.0])], [w])
    assert w.numpy() == -1.0
    optimizer.finalize_variable_values([w])
    assert w.numpy() == -0.5  # 0.5 * 0 + 0.5 * -1


def test_gradient_that_overwrites():
    scale, w = Variable([1.0]), Variable([1.0])
    scale.overwrite_with_gradient = True
    optimizer = optimizers.Adam(0.5)
    optimizer.apply([tf.constant([7.0]), tf.constant([1.0])], [scale, w])
    assert scale.numpy() == 7.0 and len(optimizer.variables) == 4


# -------------------------------------------------------------------------------------------------- learning rate
def test_learning_rate_can_be_a_number_a_schedule_or_a_function():
    optimizer = optimizers.SGD(0.1)
    optimizer.learning_rate = 0.25
    assert float(optimizer.learning_rate) == 0.25 and optimizer.get_config()["learning_rate"] == 0.25
    optimizer.learning_rate = schedules.ExponentialDecay(1.0, 1, 0.5)
    assert len(optimizer.variables) == 1
    w = Variable([0.0])
    for _ in range(3):
        optimizer.apply([tf.constant([-1.0])], [w])
    assert w.numpy() == 1.75 and float(optimizer.learning_rate) == 0.125
    with pytest.raises(TypeError, match="follows ExponentialDecay"):
        optimizer.learning_rate = 0.1
    assert optimizers.SGD(lambda: 0.5).learning_rate == 0.5
    with pytest.raises(ValueError, match="learning_rate must be a number"):
        optimizers.SGD("fast")


def test_wrong_arguments_teach():
    with pytest.raises(ValueError, match="Only one of clipnorm, clipvalue and global_clipnorm"):
        optimizers.SGD(clipnorm=1.0, clipvalue=1.0)
    with pytest.raises(ValueError, match="gradient_accumulation_steps must be 2 or more"):
        optimizers.SGD(gradient_accumulation_steps=1)
    with pytest.raises(ValueError, match="unexpected arguments"):
        optimizers.SGD(speed=1)
    with pytest.raises(ValueError, match="Did you mean"):
        optimizers.get("Adm")


# --------------------------------------------------------------------------------------------------------- names, files
@pytest.mark.parametrize("identifier", ["adam", "Adam", "adamw", "AdamW", "rmsprop", "RMSprop", "sgd", "adagrad"])
def test_get_by_name(identifier):
    assert type(optimizers.get(identifier)).__name__.lower() == identifier.lower()


def test_own_optimizer_round_trip():
    @register_keras_serializable("tests")
    class Halving(optimizers.Optimizer):
        def __init__(self, learning_rate=0.1, factor=0.5, **kwargs):
            super().__init__(learning_rate, **kwargs)
            self.factor = factor

        def build(self, variables):
            super().build(variables)
            self.counts = [self.add_variable_from_reference(v, "count") for v in variables]

        def update_step(self, gradient, variable, learning_rate):
            self.assign_add(self.counts[self._get_variable_index(variable)], gradient * 0 + 1)
            self.assign(variable, variable * self.factor)

    optimizer = Halving(factor=0.25, clipnorm=1.0)
    w = Variable([4.0], name="w")
    optimizer.apply_gradients([(tf.constant([1.0]), w)])
    assert w.numpy() == 1.0 and int(optimizer.iterations) == 1
    assert [v.path for v in optimizer.variables][-1] == f"{optimizer.name}/w_count"
    again = optimizers.deserialize(optimizers.serialize(optimizer))
    assert again.factor == 0.25 and again.clipnorm == 1.0


def test_state_goes_through_a_store_and_a_copy():
    optimizer, weights = optimizers.Adam(), [Variable(w) for w in WEIGHTS]
    train(optimizer, weights, GRADIENTS[:3])
    store = {}
    optimizer.save_own_variables(store)
    assert sorted(store, key=int) == [str(i) for i in range(6)]
    other = optimizers.Adam()
    with pytest.warns(UserWarning, match="has not been built yet"):
        other.load_own_variables(store)
    other.build([Variable(w) for w in WEIGHTS])
    other.load_own_variables(store)
    for a, b in zip(optimizer.variables, other.variables, strict=True):
        np.testing.assert_array_equal(a.numpy(), b.numpy())

    twin, twin_weights = copy.deepcopy((optimizer, weights))
    train(optimizer, weights, GRADIENTS[3:5])
    train(twin, twin_weights, GRADIENTS[3:5])
    for a, b in zip(weights, twin_weights, strict=True):
        np.testing.assert_array_equal(a.numpy(), b.numpy())


# --------------------------------------------------------------------------------------------------------- replicas
@pytest.mark.parametrize(
    "options",
    [{}, {"global_clipnorm": 1.0, "weight_decay": 0.01}, {"gradient_accumulation_steps": 2}, {"use_ema": True}],
    ids=str,
)
@pytest.mark.parametrize("scaled", [False, True])
def test_two_replicas_do_what_one_does_with_the_sum(options, scaled):
    wrapped = optimizers.LossScaleOptimizer if scaled else (lambda inner, **_: inner)
    strategy = distribution.initialize("mirrored", devices=2)
    with strategy.scope():
        weights = [Variable(w) for w in WEIGHTS]
        optimizer = wrapped(optimizers.Adam(0.1, **options), initial_scale=4.0)
        optimizer.build(weights)

    def on_replica(*gradients):
        share = tf.cast(tf.distribute.get_replica_context().replica_id_in_sync_group, "float32") * 0.5 + 0.25
        optimizer.apply([g * share for g in gradients], weights)

    step = tf.function(lambda *gradients: strategy.run(on_replica, args=gradients), autograph=False)
    for gradients in GRADIENTS[:6]:
        step(*map(tf.constant, gradients))
    with strategy.scope():
        optimizer.finalize_variable_values(weights)

    single = wrapped(optimizers.Adam(0.1, **options), initial_scale=4.0)
    alone = [Variable(w) for w in WEIGHTS]
    train(single, alone, GRADIENTS[:6])  # the shares, 0.25 and 0.75, add up to 1
    single.finalize_variable_values(alone)
    assert distance([v.numpy() for v in alone], [v.numpy() for v in weights]) < 2e-6
