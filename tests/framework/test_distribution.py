"""Two logical devices in step give the numbers of one device with the same global batch."""

import contextlib

import numpy as np
import pytest
import tensorflow as tf

import hornbook as keras
from hornbook import distribution, layers, tree

STEPS, ROWS = 50, 16

pytestmark = pytest.mark.skipif(
    len(tf.config.list_logical_devices("CPU")) < 2, reason="two logical CPU devices could not be made"
)


def model():
    keras.utils.set_random_seed(3)
    net = keras.Sequential(
        [keras.Input((8,)), layers.Dense(16, activation="relu"), layers.Dense(3, activation="softmax")]
    )
    net.compile(keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return net


def data(rows=STEPS * ROWS):
    rng = np.random.default_rng(0)
    return rng.normal(size=(rows, 8)).astype("float32"), rng.integers(0, 3, rows)


class Losses(keras.callbacks.Callback):
    """The mean loss so far after each step."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def on_train_batch_end(self, batch, logs=None):
        self.seen.append(logs["loss"])


def run(scope, rows=STEPS * ROWS):
    x, y = data(rows)
    with scope:
        net = model()
    losses = Losses()
    history = net.fit(x, y, batch_size=ROWS, shuffle=False, verbose=0, callbacks=[losses]).history
    return net, losses.seen, history


def test_the_loss_is_that_of_one_device():
    one, expected, _ = run(contextlib.nullcontext())
    strategy = distribution.initialize("mirrored", devices=2)
    assert strategy.num_replicas_in_sync == 2
    two, losses, _ = run(strategy.scope())
    assert len(losses) == STEPS
    np.testing.assert_allclose(losses, expected, atol=1e-4)
    for a, b in zip(one.get_weights(), two.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-4)
    x, y = data()
    np.testing.assert_allclose(two.evaluate(x, y, verbose=0), one.evaluate(x, y, verbose=0), rtol=1e-4)
    np.testing.assert_allclose(two.predict(x, verbose=0), one.predict(x, verbose=0), atol=1e-4)


def test_a_last_batch_that_does_not_divide_counts_by_its_rows():
    rows = 3 * ROWS + 5  # the last batch has 5 rows: 2 and 3
    _, _, expected = run(contextlib.nullcontext(), rows)
    _, _, history = run(distribution.initialize("mirrored", devices=2).scope(), rows)
    np.testing.assert_allclose(history["loss"], expected["loss"], rtol=1e-5)
    np.testing.assert_allclose(history["accuracy"], expected["accuracy"], rtol=1e-5)


def test_a_stretch_on_two_devices_is_the_same_too():
    x, y = data()
    with distribution.initialize("mirrored", devices=2).scope():
        net = model()
    history = net.fit(x, y, batch_size=ROWS, shuffle=False, verbose=0).history
    one = model().fit(x, y, batch_size=ROWS, shuffle=False, verbose=0).history
    np.testing.assert_allclose(history["loss"], one["loss"], rtol=1e-4)


def test_a_data_set_is_spread_over_the_devices():
    x, y = data()
    with distribution.initialize("mirrored", devices=2).scope():
        net = model()
    dataset = tf.data.Dataset.from_tensor_slices((x, y)).batch(ROWS)
    history = net.fit(dataset, verbose=0).history
    one = model().fit(x, y, batch_size=ROWS, shuffle=False, verbose=0).history
    np.testing.assert_allclose(history["loss"], one["loss"], rtol=1e-4)


# ------------------------------------------------------------------------------------------ one row, one case
def network(activation="softmax", between=(), policy="float32", **hidden):
    keras.utils.set_random_seed(3)
    keras.config.set_dtype_policy(policy)
    return keras.Sequential(
        [keras.Input((8,)), layers.Dense(16, activation="relu", **hidden), *between, layers.Dense(3, activation)]
    )


def compiled(optimizer=None, loss="sparse_categorical_crossentropy", weighted_metrics=None, **kwargs):
    net = network(**kwargs)
    optimizer = optimizer or keras.optimizers.SGD(0.1, momentum=0.9)
    net.compile(optimizer, loss, metrics=["accuracy"], weighted_metrics=weighted_metrics)
    return net


def two_outputs():
    keras.utils.set_random_seed(3)
    inputs = keras.Input((8,))
    outputs = {"a": layers.Dense(3, "softmax", name="a")(inputs), "b": layers.Dense(1, name="b")(inputs)}
    net = keras.Model(inputs, outputs)
    net.compile("sgd", {"a": "sparse_categorical_crossentropy", "b": "mse"}, loss_weights={"a": 1.0, "b": 0.5})
    return net


def masked():
    """Rows of different lengths: the loss counts what is left in of the whole batch, not of each replica."""
    keras.utils.set_random_seed(3)
    net = keras.Sequential([keras.Input((8, 1)), layers.Masking(), layers.Dense(4, "relu"), layers.Dense(3, "softmax")])
    net.compile(keras.optimizers.SGD(0.1), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return net


def mean_of_own(y_true, y_pred):
    return keras.ops.mean(keras.losses.sparse_categorical_crossentropy(y_true, y_pred))


class AddsItsLoss(layers.Layer):
    """The mean of squares over the rows, as a penalty that is no regularizer's."""

    def call(self, x):
        self.add_loss(0.1 * keras.ops.mean(keras.ops.square(x)))
        return x


def crossentropy(reduction):
    return keras.losses.SparseCategoricalCrossentropy(reduction=reduction)


def optimizer(name="SGD", rate=0.05, **kwargs):
    return getattr(keras.optimizers, name)(rate, **kwargs)


def scaled():
    return keras.optimizers.LossScaleOptimizer(optimizer("Adam"), initial_scale=1e12)  # one row halves it in each epoch


CASES = {
    "plain": compiled,
    "sum": lambda: compiled(optimizer(rate=0.01), crossentropy("sum")),
    "mean of weights": lambda: compiled(loss=crossentropy("mean_with_sample_weight"), weighted_metrics=["accuracy"]),
    "function that gives the mean": lambda: compiled(loss=mean_of_own),
    "regularizers": lambda: compiled(kernel_regularizer="l2", activity_regularizer="l2"),
    "add_loss": lambda: compiled(between=[AddsItsLoss()]),
    "two outputs": two_outputs,
    "masks": masked,
    "synchronized normalization": lambda: compiled(between=[layers.BatchNormalization(synchronized=True)]),
    "accumulation": lambda: compiled(optimizer(gradient_accumulation_steps=2)),
    "moving average": lambda: compiled(optimizer("Adam", use_ema=True, ema_overwrite_frequency=2)),
    "clipping": lambda: compiled(optimizer("Adam", global_clipnorm=0.1, weight_decay=0.01)),
    "constraints": lambda: compiled(kernel_constraint="unit_norm"),
    "loss scaling": lambda: compiled(scaled(), crossentropy("sum")),
    "mixed precision": lambda: compiled(optimizer("Adam"), policy="mixed_float16"),
}
RARE = ("function that gives the mean", "add_loss", "clipping", "constraints")  # siblings of others
ROWS_OF_CASES = [
    *(pytest.param("mirrored", name, marks=[pytest.mark.exhaustive] if name in RARE else []) for name in CASES),
    *(("central_storage", name) for name in ("plain", "loss scaling")),
    pytest.param("central_storage", "accumulation", marks=pytest.mark.exhaustive),
    ("one_device", "plain"),
]


def scope_of(kind):
    if kind is None:
        return contextlib.nullcontext()
    if kind == "one_device":
        return tf.distribute.OneDeviceStrategy("/cpu:1").scope()
    return distribution.initialize(kind, devices=2).scope()


def trained(kind, name):
    """Two epochs of batches with 8, 8, 5 and at last, after 1 of 3 epochs, a batch of one row, which one replica lacks."""
    x, y = data(21)
    weights = np.arange(21) % 3 if name == "mean of weights" else None
    if name == "two outputs":
        y = {"a": y, "b": x[:, :1]}
    if name == "masks":
        x, y = np.where(np.arange(8) < 1 + np.arange(21)[:, None] % 8, x, 0)[..., None], np.repeat(y[:, None], 8, 1)
    if name == "loss scaling":
        x[5] *= 1e30
    with scope_of(kind):
        net = CASES[name]()
    found = net.fit(x, y, batch_size=8, epochs=2, sample_weight=weights, verbose=0).history
    part = [tree.map_structure(lambda a: a[:17], value) for value in (x, y)]
    found = {**found, **{f"17 {key}": value for key, value in net.fit(*part, batch_size=16, verbose=0).history.items()}}
    found["evaluate"] = net.evaluate(x, y, batch_size=8, sample_weight=weights, verbose=0)
    return net, {**found, **dict(enumerate(net.get_weights()))}


@pytest.mark.parametrize("kind, name", ROWS_OF_CASES)
def test_a_strategy_gives_the_numbers_of_one_device(kind, name):
    _, expected = trained(None, name)
    net, found = trained(kind, name)
    for key, value in expected.items():
        tolerance = 2e-3 if name == "mixed precision" else 2e-6
        if name == "loss scaling" and not isinstance(key, int):  # a loss of 1e29 is a difference of large logits
            tolerance = 2e-5
        np.testing.assert_allclose(found[key], value, rtol=10 * tolerance, atol=tolerance, err_msg=str(key))
    if name == "loss scaling":
        assert net.optimizer.dynamic_scale.numpy() < 1e12
    if name == "mixed precision":
        assert isinstance(net.optimizer, keras.optimizers.LossScaleOptimizer)


def test_a_strategy_of_one_replica_trains_too():
    x, y = data(21)
    expected = compiled().fit(x, y, batch_size=8, verbose=0).history["loss"]
    with distribution.initialize("mirrored", devices=1).scope():
        net = compiled()
    np.testing.assert_allclose(net.fit(x, y, batch_size=8, verbose=0).history["loss"], expected, rtol=1e-5)


def test_weights_are_where_the_strategy_puts_them():
    with scope_of("one_device"):
        assert compiled().weights[0].value.device.endswith("CPU:1")
    with scope_of("mirrored"):
        copies = compiled().weights[0]._value.values
        assert [copy.device[-5:] for copy in copies] == ["CPU:0", "CPU:1"]
    with scope_of("central_storage"):
        assert compiled().weights[0].value.device.endswith("CPU:0")


def test_all_kinds_of_outputs_and_sources_on_replicas():
    """predict of structures; a data set, one that is distributed already, a generator; each gives what arrays give."""
    x, y = data(21)
    dataset = tf.data.Dataset.from_tensor_slices((x, y)).batch(8)
    strategy = distribution.initialize("mirrored", devices=2)
    with strategy.scope():
        net, outputs = compiled(), two_outputs()
    alone = two_outputs()
    expected = net.evaluate(x, y, batch_size=8, verbose=0)
    sources = {
        "data set": dataset,
        "distributed": strategy.experimental_distribute_dataset(dataset),
        "generator": ((x[i : i + 8], y[i : i + 8]) for i in range(0, 21, 8)),
    }
    for name, source in sources.items():
        np.testing.assert_allclose(net.evaluate(source, verbose=0), expected, rtol=1e-5, err_msg=name)
    for name, source in (
        ("arrays", x),
        ("data set", dataset.map(lambda x, y: x)),
        ("distributed", sources["distributed"]),
    ):
        found = outputs.predict(source, batch_size=8 if source is x else None, verbose=0)
        for key, value in alone.predict(x, verbose=0).items():
            np.testing.assert_allclose(found[key], value, rtol=1e-5, atol=1e-6, err_msg=f"{name}: {key}")
    assert np.isfinite(net.fit(sources["distributed"], verbose=0).history["loss"]).all()


def test_batch_normalization_is_by_replica_unless_synchronized():
    """moving = momentum moving + (1 - momentum) mean over replicas of each replica's own mean and variance."""
    x = data(9)[0] + 2  # replicas take rows 0 to 3 and 4 to 8
    parts = x[:4], x[4:]
    expected = {
        False: (np.mean([p.mean(0) for p in parts], 0), np.mean([p.var(0) for p in parts], 0)),
        True: (x.mean(0), x.var(0)),
    }
    for synchronized, (mean, variance) in expected.items():
        with scope_of("mirrored"):
            layer = layers.BatchNormalization(synchronized=synchronized)
            net = keras.Sequential([keras.Input((8,)), layer, layers.Dense(3)])
            net.compile("sgd", "mse")
        net.train_on_batch(x, np.zeros((9, 3), "float32"))
        np.testing.assert_allclose(layer.moving_mean.numpy(), 0.01 * mean, rtol=1e-4)
        np.testing.assert_allclose(layer.moving_variance.numpy(), 0.99 + 0.01 * variance, rtol=1e-4)
        assert np.isfinite(net.train_on_batch(x[:1], np.zeros((1, 3), "float32")))  # one replica has no rows
        assert np.isfinite(layer.moving_variance.numpy()).all()


def test_replicas_drop_different_units():
    with scope_of("mirrored"):
        net = keras.Sequential([keras.Input((100,)), layers.Dropout(0.5)])
        strategy = net.distribute_strategy

        @tf.function(autograph=False)
        def dropped():
            return strategy.run(lambda: net(tf.ones((1, 100)), training=True))

        first, second = (np.asarray(x) for x in strategy.experimental_local_results(dropped()))
    assert 0 < np.mean(first != second) < 1


def test_a_train_step_of_ones_own_adds_up_gradients():
    """A tape of one's own, compute_loss and apply_gradients: as in Keras the replicas' parts are summed."""

    class Own(keras.Sequential):
        def train_step(self, batch):
            x, y = batch
            with tf.GradientTape() as tape:
                loss = self.compute_loss(y=y, y_pred=self(x, training=True))
            gradients = tape.gradient(loss, self.trainable_variables)
            self.optimizer.apply_gradients(zip(gradients, self.trainable_variables, strict=True))
            return {"loss": loss}

    def weights(kind):
        with scope_of(kind):
            keras.utils.set_random_seed(3)
            net = Own([keras.Input((8,)), layers.Dense(3, "softmax")])
            net.compile(keras.optimizers.SGD(0.5), "sparse_categorical_crossentropy")
        net.fit(*data(21), batch_size=8, shuffle=False, verbose=0)
        return net.get_weights()

    for a, b in zip(weights("mirrored"), weights(None), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)


def test_distillation_on_replicas():
    def run(kind):
        with scope_of(kind):
            keras.utils.set_random_seed(3)
            teacher, student = network(None), network(None)
            net = keras.distillation.Distiller(
                teacher,
                student,
                [keras.distillation.LogitsDistillation(), keras.distillation.LogitsDistillation(loss="mse")],
            )
            net.compile(keras.optimizers.SGD(0.1), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
        found = net.fit(*data(16), batch_size=8, shuffle=False, verbose=0).history
        return [found[name] for name in sorted(found)] + student.get_weights()

    for a, b in zip(run("mirrored"), run(None), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("source", ["arrays", "data set"])
def test_epochs_that_cut_a_pass_go_on_with_it_on_replicas(source):
    """3 epochs of 2 steps over 3 batches, the last of 5 rows; validation takes its own data from the first row each time."""
    x, y = data(21)
    dataset = tf.data.Dataset.from_tensor_slices((x, y)).batch(8)
    given = {"x": x, "y": y, "batch_size": 8} if source == "arrays" else {"x": dataset}
    validation = {"validation_data": dataset, "validation_steps": 2}

    def losses(kind):
        with scope_of(kind):
            net = compiled()
        with pytest.warns(UserWarning, match="ran out of data after 1 of 2 steps"):  # in epoch 2
            found = net.fit(**given, **validation, epochs=3, steps_per_epoch=2, shuffle=False, verbose=0).history
        return found["loss"], found["val_loss"], net.evaluate(dataset, steps=1, verbose=0)

    for a, b in zip(losses("mirrored"), losses(None), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5)


# ------------------------------------------------------------------------------------------------- DataParallel
def test_data_parallel_trains_on_its_devices():
    x, y = data(21)
    expected = compiled().fit(x, y, batch_size=8, verbose=0).history
    parallel = distribution.DataParallel(devices=["cpu:0", "cpu:1"])
    with parallel.scope():
        net = compiled()
    assert net.distribute_strategy is parallel.strategy is distribution.initialize("mirrored", devices=2)
    found = net.fit(x, y, batch_size=8, verbose=0).history
    for name in expected:
        np.testing.assert_allclose(found[name], expected[name], rtol=1e-5)
    assert compiled().distribute_strategy.num_replicas_in_sync == 1


def test_a_distribution_that_is_set_holds_until_another_is():
    parallel = distribution.DataParallel(devices=["cpu:0", "cpu:1"])
    layouts = distribution.LayoutMap(distribution.DeviceMesh((2, 1), ["batch", "model"], ["cpu:0", "cpu:1"]))
    replicas = []
    try:
        for value in (parallel, distribution.ModelParallel(layout_map=layouts), None):
            distribution.set_distribution(value)
            keras.utils.clear_session(free_memory=False)
            replicas.append(network().distribute_strategy.num_replicas_in_sync)
            assert distribution.distribution() is value
    finally:
        distribution.set_distribution(None)
    assert replicas == [2, 2, 1]


def test_a_distribution_that_cannot_be_had_is_told():
    with pytest.raises(ValueError, match=r"does not see the devices \['cpu:7'\]"):
        distribution.set_distribution(distribution.DataParallel(devices=["cpu:0", "cpu:7"]))
    assert distribution.distribution() is None
    with scope_of("one_device"), pytest.raises(RuntimeError, match="block that this code is in"):
        distribution.set_distribution(distribution.DataParallel(devices=["cpu:0", "cpu:1"]))


# ------------------------------------------------------------------------------------------------- what is told
def test_what_was_made_outside_of_the_scope_is_refused():
    outside, optimizer = network(), keras.optimizers.SGD(0.1)
    with scope_of("mirrored"):
        inside = network()
        with pytest.raises(ValueError, match="made outside of the strategy's scope in which it is compiled"):
            outside.compile("sgd", "mse")
    with pytest.raises(ValueError, match="optimizer of model .* was made outside"):
        inside.compile(optimizer, "mse")
    inside.compile("sgd", "mse")  # by its name it is made where the model is
    assert inside.fit(data(8)[0], np.zeros((8, 3)), verbose=0).history["loss"]


def test_xla_is_left_out_with_a_word():
    with scope_of("mirrored"), pytest.warns(UserWarning, match="jit_compile=True is left out"):
        net = network()
        net.compile("sgd", "mse", jit_compile=True)
    assert net.fit(data(8)[0], np.zeros((8, 3)), verbose=0).history["loss"]


@pytest.mark.parametrize("address", [None, "local", "grpc://127.0.0.1:9", "grpc://127.0.0.1:port"])
def test_no_tpu_is_told(address, monkeypatch):
    """No name, a machine without one, an address where nobody listens or that is none: a sentence, and no waiting."""
    with pytest.raises(RuntimeError, match=r"No TPU was found \(.+\). Run this on a TPU VM"):
        distribution.initialize("tpu", address=address)
    monkeypatch.setenv("TPU_NAME", address or "")
    with pytest.raises(RuntimeError, match="No TPU was found"):
        distribution.initialize("tpu")


def test_too_many_devices_are_told():
    with pytest.raises(RuntimeError, match="before any tensor is made"):
        distribution.initialize("mirrored", devices=7)


def test_a_single_process_is_the_chief():
    assert distribution.is_chief()
    assert distribution.is_chief(distribution.initialize("mirrored", devices=2))


def test_an_unknown_strategy_is_told():
    with pytest.raises(ValueError, match="mirrored"):
        distribution.initialize("mirored")
