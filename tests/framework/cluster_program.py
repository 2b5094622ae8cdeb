"""What each process of the clusters in test_multi_worker.py runs; alone, in the test's own process, it gives what to expect.

Its command is [kind, folder, part, ...]: "multi_worker" or "parameter_server", and the names of functions below.
"""

import contextlib
import json
import os
import random
import sys
from pathlib import Path

import numpy as np
from tests.framework import killed_run

import hornbook as keras
from hornbook import distribution, layers
from hornbook.saving import backup

ROWS, BATCH = 53, 16  # the last batch has 5 rows
FOLDER = Path(".")
INDEX = 0


def data(rows=ROWS):
    rng = np.random.default_rng(0)
    weights = rng.integers(0, 3, rows).astype("float32")
    return rng.normal(size=(rows, 8)).astype("float32"), rng.integers(0, 3, rows), weights


def network(*between, **hidden):
    keras.utils.set_random_seed(3)
    return keras.Sequential(
        [
            keras.Input((8,)),
            layers.Dense(16, activation="relu", **hidden),
            *between,
            layers.Dense(3, activation="softmax"),
        ]
    )


def compiled(optimizer=None, **kwargs):
    net = network()
    net.compile(
        optimizer or keras.optimizers.SGD(0.1, momentum=0.9),
        "sparse_categorical_crossentropy",
        metrics=["accuracy"],
        weighted_metrics=["crossentropy"],
        **kwargs,
    )
    return net


def numbers(net):
    return {f"weight {i}": weight for i, weight in enumerate(net.get_weights())}


def history(found):
    return {f"history {name}": values for name, values in found.history.items()}


# ---------------------------------------------------------------------------------------------------------- parts
def learn(scope):
    """fit with shuffling, weights and validation; evaluate; predict; single batches."""
    x, y, weights = data()
    with scope():
        net = compiled()
    found = history(net.fit(x, y, BATCH, epochs=2, sample_weight=weights, validation_data=(x[:33], y[:33]), verbose=0))
    on_batch = net.train_on_batch(x[:7], y[:7]) + net.test_on_batch(x[:1], y[:1])  # one row: one worker has none
    return {
        **found,
        **numbers(net),
        "evaluate": net.evaluate(x, y, BATCH, verbose=0),
        "predict": net.predict(x, BATCH, verbose=0),
        "on batch": on_batch,
        "predict on batch": net.predict_on_batch(x[:5]),
    }


def together(scope):
    """Synchronized batch normalization, penalties, loss scaling, accumulation and the moving average at once."""
    x, y, _ = data()
    with scope():
        net = network(layers.BatchNormalization(synchronized=True), kernel_regularizer="l2", activity_regularizer="l2")
        inner = keras.optimizers.Adam(0.01, use_ema=True, gradient_accumulation_steps=2, clipnorm=1.0)
        # Too large: the first steps halve it, until no partial sum is infinite, on one device or on three.
        scaled = keras.optimizers.LossScaleOptimizer(inner, initial_scale=2.3e38)
        net.compile(scaled, keras.losses.SparseCategoricalCrossentropy(reduction="sum"))
    found = net.fit(x, y, BATCH, epochs=3, shuffle=False, verbose=0)
    scale = scaled.dynamic_scale.numpy()
    assert scale < 2e38
    return {**history(found), **numbers(net), "scale": scale}


def streams(scope):
    """A tf.data.Dataset and a generator, to learn from, to evaluate and to predict."""
    import tensorflow as tf

    x, y, _ = data()
    dataset = tf.data.Dataset.from_tensor_slices((x, y)).batch(BATCH)

    def batches():
        for start in range(0, ROWS, BATCH):
            yield x[start : start + BATCH], y[start : start + BATCH]

    with scope():
        net = compiled()
    return {
        **history(net.fit(dataset, epochs=2, verbose=0)),
        "generator": net.fit(batches(), verbose=0).history["loss"],
        **numbers(net),
        "evaluate": net.evaluate(dataset, verbose=0),
        "predict": net.predict(dataset.map(lambda x, y: x), verbose=0),
    }


def order(scope):
    """Processes with seeds of their own see each row once: with weights that stand still that is the mean over all."""
    x, y, _ = data()
    with scope():
        net = compiled(keras.optimizers.SGD(0.0))
    keras.utils.set_random_seed(100 + INDEX)
    random.seed(INDEX)
    losses = net.fit(x, y, BATCH, epochs=2, verbose=0).history["loss"]
    return {"losses": losses, "evaluate": net.evaluate(x, y, verbose=0)[0]}


class OwnStep(keras.Model):
    """Learns by a step of its own, and logs what no metric holds."""

    def __init__(self):
        super().__init__()
        self.dense = layers.Dense(3, activation="softmax")

    def call(self, x):
        return self.dense(x)

    def train_step(self, batch):
        import tensorflow as tf

        x, y = batch
        with tf.GradientTape() as tape:
            y_pred = self(x, training=True)
            loss = self.compute_loss(y=y, y_pred=y_pred)
        gradients = tape.gradient(loss, self.trainable_variables)
        self.optimizer.apply_gradients(zip(gradients, self.trainable_variables, strict=True))
        return {"part": loss, "one": keras.ops.ones(())}


class Looks(keras.callbacks.Callback):
    """Looks at each batch, and stops in mid-epoch."""

    def __init__(self):
        super().__init__()
        self.losses = []

    def on_train_batch_end(self, batch, logs=None):
        self.losses.append(logs["loss"])
        if len(self.losses) == 6:
            self.model.stop_training = True


def own(scope):
    """A train_step of one's own; a callback that looks at batches and stops."""
    x, y, _ = data()
    with scope():
        keras.utils.set_random_seed(3)
        net = OwnStep()
        net.compile("sgd", "sparse_categorical_crossentropy")
        looked_at = compiled()
    found = net.fit(x, y, BATCH, verbose=0, shuffle=False)
    looks = Looks()
    looked_at.fit(x, y, BATCH, epochs=5, verbose=0, callbacks=[looks])
    return {"one": found.history["one"], **numbers(net), "losses": looks.losses}


def files(scope):
    """Each process names files of its own; those of the chief alone are there in the end."""
    x, y, _ = data()
    with scope():
        net = compiled()
    here = FOLDER / f"files-{INDEX}"
    here.mkdir(parents=True)
    checkpoint = keras.callbacks.ModelCheckpoint(here / "checkpoint.keras", monitor="loss", save_best_only=True)
    net.fit(x, y, BATCH, verbose=0, callbacks=[checkpoint, keras.callbacks.CSVLogger(here / "log.csv")])
    net.save(here / "model.keras")
    net.save_weights(here / "model.weights.h5")
    return {"evaluate": net.evaluate(x, y, verbose=0)}


def reopened(scope):
    """The file of `files`, in other processes: training goes on."""
    x, y, _ = data()
    with scope():
        net = keras.saving.load_model(FOLDER / "files-0" / "model.keras")
    keras.utils.set_random_seed(3)
    return {**history(net.fit(x, y, BATCH, epochs=2, verbose=0)), **numbers(net)}


def uncut(scope):
    """A run that is left alone. Dropout, and noise of each process, draw numbers."""
    return _with_backups(scope, "uncut", "epoch")


def cut(scope):
    """The same run with a state every three steps, to be killed at any moment and started again."""
    count = killed_run.Count(FOLDER / "cut" / f"steps-{INDEX}")
    return _with_backups(scope, "cut", 3, count, save_before_preemption=True)


def apart(scope):
    """Backups where each process sees a folder of its own."""
    x, y, _ = data()
    with scope():
        net = compiled()
    backup.SECONDS_TO_BE_SEEN = 0.1
    try:
        net.fit(x, y, verbose=0, callbacks=[keras.callbacks.BackupAndRestore(FOLDER / f"apart-{INDEX}")])
    except OSError as error:
        return {"told": str(error)}


class Noise(keras.callbacks.Callback):
    """Draws from NumPy's generator, which each process has seeded otherwise, and remembers what."""

    def __init__(self):
        super().__init__()
        self.drawn = []

    def on_train_begin(self, logs=None):
        np.random.seed(INDEX)

    def on_epoch_end(self, epoch, logs=None):
        self.drawn.append(np.random.uniform())

    def get_state(self):
        return {"drawn": self.drawn}

    def set_state(self, state):
        self.drawn = state["drawn"]


def _with_backups(scope, name, frequency, *more, **options):
    keras.config.enable_op_determinism()
    folder = FOLDER / name
    folder.mkdir(exist_ok=True)
    noise = Noise()
    model, found = killed_run.fit("arrays", folder, frequency, [noise, *more], scope, **options)
    return {**killed_run.results(model, found), "noise": noise.drawn[-1]}


def served(scope):
    """Workers take the steps as they come: what must hold whatever their order is."""
    import tensorflow as tf

    x, y, weights = data()
    dataset = tf.data.Dataset.from_tensor_slices((x, y)).batch(BATCH)
    with scope():
        net = network(layers.BatchNormalization(), layers.Dropout(0.1))
        adam = keras.optimizers.Adam(0.02, use_ema=True, clipnorm=1.0)
        net.compile(adam, "sparse_categorical_crossentropy", metrics=["accuracy"], weighted_metrics=["crossentropy"])
        still = compiled(keras.optimizers.SGD(0.0))
    losses = net.fit(x, y, BATCH, epochs=30, verbose=0).history["loss"]
    steps = int(adam.iterations)
    by_data_set = net.fit(dataset, verbose=0).history["loss"]
    net.save(FOLDER / "served.keras")
    stands_still = still.fit(x, y, BATCH, sample_weight=weights, epochs=2, verbose=0)
    try:
        with scope():
            net.compile("sgd", "mse", run_eagerly=True)
        net.fit(x, y, verbose=0)
        refused = ""
    except ValueError as error:
        refused = str(error)
    reopened = keras.saving.load_model(FOLDER / "served.keras")
    with scope():
        net = keras.saving.load_model(FOLDER / "served.keras")
    return {
        "losses": losses,
        "steps": steps,
        "by data set": by_data_set,
        **history(stands_still),
        "evaluate still": still.evaluate(x, y, BATCH, sample_weight=weights, verbose=0),
        "evaluate": net.evaluate(x, y, BATCH, verbose=0),
        "evaluate alone": reopened.evaluate(x, y, BATCH, verbose=0),
        "predict": net.predict(x, BATCH, verbose=0),
        "predict data set": net.predict(dataset.map(lambda x, y: x), verbose=0),
        "predict alone": reopened.predict(x, BATCH, verbose=0),
        "on batch": net.test_on_batch(x[:7], y[:7]),
        "on batch alone": reopened.test_on_batch(x[:7], y[:7]),
        "refused": refused,
        "homes": sorted({weight.value.device for weight in net.weights}),
    }


def alone(part, folder):
    """What a part gives on one device."""
    global FOLDER
    FOLDER = folder
    return globals()[part](contextlib.nullcontext)


def run(command, environment, log, errors):
    """What each process does."""
    global FOLDER, INDEX
    for path, stream in ((log, sys.stdout), (errors, sys.stderr)):
        with open(path, "ab") as file:
            os.dup2(file.fileno(), stream.fileno())
    os.environ.update(environment, HORNBOOK_LOCAL_CLUSTER=str(os.getppid()))
    kind, FOLDER, *parts = command
    INDEX = json.loads(os.environ["TF_CONFIG"])["task"]["index"]
    strategy = distribution.initialize(kind)
    for part in parts:
        found = globals()[part](strategy.scope)
        np.savez(FOLDER / f"{part}-{INDEX}.npz", **{name: np.asarray(value) for name, value in found.items()})
