"""A training run to be killed and started again.

Dropout, batch normalization, Adam's slots and averages, a metric whose state is made in the first step, shuffling,
augmentation by NumPy's generator, and callbacks that remember something: each would show a step that was lost, done twice
or fed otherwise.
"""

import contextlib
import json
import os
import resource
import signal
import time
from pathlib import Path

import numpy as np
import tensorflow as tf

import hornbook as keras
from hornbook import callbacks, layers, metrics

ROWS, EPOCHS, BATCH = 210, 6, 16
STEPS = {"arrays": 14, "endless pipeline": 9, "py_dataset": 13}  # of an epoch


def rows():
    generator = np.random.default_rng(1)
    x = generator.normal(size=(ROWS, 6)).astype("float32")
    return x, np.eye(3, dtype="float32")[(x[:, :3] + generator.normal(size=(ROWS, 3))).argmax(-1)]


class Noisy(keras.utils.PyDataset):
    """Batches with noise from NumPy's global generator, whose strength grows from epoch to epoch."""

    def __init__(self):
        super().__init__()
        (self.x, self.y), self.strength = rows(), 0.0

    def __len__(self):
        return 13

    def __getitem__(self, i):
        x = self.x[i * BATCH : (i + 1) * BATCH]
        return x + self.strength * np.random.normal(size=x.shape).astype("float32"), self.y[i * BATCH : (i + 1) * BATCH]

    def on_epoch_end(self):
        self.strength += 0.1

    def get_state(self):
        return {"strength": self.strength}

    def set_state(self, state):
        self.strength = state["strength"]


class Shuffled:
    """Something to iterate over, in an order that each pass draws from NumPy's global generator."""

    def __iter__(self):
        x, y = rows()
        order = np.random.permutation(ROWS)
        for i in range(0, ROWS, BATCH):
            yield x[order[i : i + BATCH]], y[order[i : i + BATCH]]


def endless():
    generator, (x, y) = np.random.default_rng(5), rows()
    while True:
        picked = generator.integers(0, ROWS, BATCH)
        yield x[picked], y[picked]


def data(kind):
    """(arguments of fit that are the data, steps_per_epoch)."""
    x, y = rows()
    if kind == "arrays":
        return {"x": x, "y": y, "batch_size": BATCH}
    if kind == "cut arrays":  # passes and epochs do not end together
        return {"x": x, "y": y, "batch_size": BATCH, "steps_per_epoch": 7}
    shuffled = tf.data.Dataset.from_tensor_slices((x, y)).shuffle(ROWS, seed=7)
    return {
        "pipeline": lambda: {"x": shuffled.batch(BATCH)},
        "endless pipeline": lambda: {"x": shuffled.repeat().batch(BATCH), "steps_per_epoch": 9},
        "python pipeline": lambda: {
            "x": tf.data.Dataset.from_generator(
                lambda: zip(x, y, strict=True), output_signature=(tf.TensorSpec((6,)), tf.TensorSpec((3,)))
            )
            .shuffle(ROWS, seed=7)
            .batch(BATCH)
        },
        "py_dataset": lambda: {"x": Noisy()},
        "iterable": lambda: {"x": Shuffled()},
        "generator": lambda: {"x": endless(), "steps_per_epoch": 9},
    }[kind]()


def network():
    """A small one with dropout, batch normalization and a metric that makes its state in the first step."""
    net = keras.Sequential(
        [
            keras.Input((6,)),
            layers.Dense(16, activation="relu"),
            layers.BatchNormalization(),
            layers.Dropout(0.3),
            layers.Dense(3, activation="softmax"),
        ]
    )
    optimizer = keras.optimizers.Adam(0.01, use_ema=True, ema_momentum=0.9)
    net.compile(optimizer, "categorical_crossentropy", metrics=[metrics.F1Score()])
    return net


def fit(kind, folder, frequency, more=(), scope=contextlib.nullcontext, **backup):
    """Train from the beginning, or from a backup: (model, history)."""
    keras.utils.clear_session(free_memory=False)
    keras.utils.set_random_seed(3)
    with scope():
        model = network()
    x, y = rows()
    looking_on = [
        callbacks.BackupAndRestore(folder / "backup", save_freq=frequency, **backup),
        callbacks.EarlyStopping("val_loss", patience=3, min_delta=0.01, restore_best_weights=True),
        callbacks.ReduceLROnPlateau("loss", factor=0.7, patience=1, min_delta=0.05),
        callbacks.ModelCheckpoint(folder / "{epoch}.weights.h5", save_weights_only=True, max_to_keep=2, keep_best=True),
        callbacks.CSVLogger(folder / "log.csv"),
        *more,
    ]
    history = model.fit(**data(kind), epochs=EPOCHS, validation_data=(x[:50], y[:50]), callbacks=looking_on, verbose=0)
    return model, history


def results(model, history):
    """The numbers of a run, as arrays by name."""
    variables = [*model.variables, *model.optimizer.variables]
    found = {f"{i}: {v.path}": v.numpy() for i, v in enumerate(variables)}
    found["history"] = np.array(json.dumps([history.epoch, history.history], default=np.ndarray.tolist))
    found["random"] = np.random.uniform(size=3)
    found["seed"] = keras.random.uniform((2,)).numpy()
    return found


def train(kind, folder, frequency, more=(), scope=contextlib.nullcontext, **backup):
    """`fit`, and all that came of it: numbers and files."""
    folder = Path(folder)
    model, history = fit(kind, folder, frequency, more, scope, **backup)
    found = results(model, history)
    for path in sorted(folder.glob("*.weights.h5")):
        model.load_weights(path)
        found |= {f"{path.name} {i}": weight for i, weight in enumerate(model.get_weights())}
    found["log.csv"] = np.array((folder / "log.csv").read_text())
    return found


class Say(callbacks.Callback):
    """Tells the parent when training begins."""

    def __init__(self, begun):
        super().__init__()
        self.begun = begun

    def on_train_begin(self, logs=None):
        self.begun.set()


class Count(callbacks.Callback):
    """Writes down each step that is done, as (epoch, steps of it)."""

    def __init__(self, path):
        super().__init__()
        self.path = path

    def longest_stretch(self, kind):
        return 1

    def on_stretch_end(self, kind, step, total, logs=None):
        if kind == "train":
            with open(self.path, "a") as file:
                file.write(f"{self.model._run.epoch} {step}\n")


def run(kind, folder, frequency, begun, backup, count=False):
    """A whole program: train, and write down what came of it."""
    tf.config.experimental.enable_op_determinism()
    more = [Say(begun), *([Count(Path(folder) / "steps")] if count else [])]
    np.savez(Path(folder) / "result.npz", **train(kind, folder, frequency, more, **backup))


class Waiting(keras.utils.PyDataset):
    """A batch that does not come for a long time."""

    def __init__(self, begun):
        super().__init__()
        self.begun = begun

    def __len__(self):
        return 3

    def __getitem__(self, i):
        if i == 2:
            self.begun.set()
            for _ in range(600):
                time.sleep(0.1)
        return np.zeros((4, 20), "float32"), np.zeros(4)


def waiting(kind, folder, frequency, begun):
    """Train on data that keep it waiting."""
    model, _, _ = small("perceptron")
    keep = callbacks.BackupAndRestore(folder, save_before_preemption=True)
    model.fit(Waiting(begun), shuffle=False, verbose=0, callbacks=[keep])


def small(kind):
    """(model, x, y): a perceptron with dropout, a ConvNet or an LSTM."""
    body = {
        "perceptron": [keras.Input((20,)), layers.Dense(32, "relu"), layers.Dropout(0.5), layers.Dense(3)],
        "convnet": [
            keras.Input((8, 8, 1)),
            layers.Conv2D(8, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(3),
        ],
        "lstm": [keras.Input((10, 4)), layers.LSTM(16, dropout=0.2), layers.Dense(3)],
    }[kind]
    model = keras.Sequential(body)
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    generator = np.random.default_rng(0)
    x = generator.normal(size=(256, *model.input_shape[1:])).astype("float32")
    return model, x, generator.integers(0, 3, 256)


def determined(kinds, folder, threads, begun):
    """Train each kind with the same seed; the weights and losses to the last bit."""
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    keras.config.enable_op_determinism()
    found = {}
    for kind in kinds:
        keras.utils.set_random_seed(7)
        model, x, y = small(kind)
        history = model.fit(x, y, epochs=2, batch_size=32, verbose=0)
        found |= {f"{kind} {i}": weight for i, weight in enumerate(model.get_weights())}
        found[f"{kind} loss"] = np.array(history.history["loss"])
    np.savez(Path(folder) / "result.npz", **found)


def heed_ctrl_c():
    """Python raises KeyboardInterrupt, also where this process was started from one that ignores Ctrl-C, as with nohup."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def interrupted(kind, folder, frequency, begun):
    """Train until Ctrl-C; then the model is used as if nothing had been."""
    heed_ctrl_c()
    model, x, y = small(kind)
    try:
        model.fit(x, y, epochs=100_000, batch_size=8, verbose=0, callbacks=[Say(begun)])
    except KeyboardInterrupt:
        steps = int(model.optimizer.iterations)
        assert all(np.isfinite(weight).all() for weight in model.get_weights())
        outputs = model.predict(x, verbose=0)
        model.save(Path(folder) / "model.keras")
        np.testing.assert_array_equal(
            keras.saving.load_model(Path(folder) / "model.keras").predict(x, verbose=0), outputs
        )
        model.fit(x, y, epochs=1, batch_size=8, verbose=0)
        assert int(model.optimizer.iterations) == steps + 32
        (Path(folder) / "used").write_text(str(steps))


class Presses:
    """Presses Ctrl-C when it is removed."""

    def __del__(self):
        os.kill(os.getpid(), signal.SIGINT)


class Drops(callbacks.Callback):
    """Lets Ctrl-C fall into a destructor at the end of each epoch, where Python drops what it raises."""

    epochs = 0

    def on_epoch_end(self, epoch, logs=None):
        self.epochs += 1
        Presses()


def dropped(kind, folder, frequency, begun):
    """Train until Ctrl-C, which Python drops."""
    heed_ctrl_c()
    model, x, y = small(kind)
    drops = Drops()
    try:
        model.fit(x, y, epochs=20, verbose=0, callbacks=[drops])
    except KeyboardInterrupt:
        assert drops.epochs == 1
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
        return
    raise AssertionError("fit went on")


def limited(kind, folder, frequency, begun):
    """Save a model, and once more where files may not grow as large as that."""
    model, x, y = small(kind)
    path = Path(folder) / f"model{frequency}"
    save = model.save if frequency == ".keras" else model.save_weights
    save(path)
    before = path.read_bytes()
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) // 2, len(before) // 2))
    model.set_weights([weight + 1 for weight in model.get_weights()])
    try:
        save(path)
    except OSError as error:
        assert path.read_bytes() == before
        assert [found.name for found in Path(folder).iterdir()] == [path.name], list(Path(folder).iterdir())
        print(error)
        os._exit(3 if "could not be written: the file would be larger" in str(error) else 4)
