"""A training run to be killed and started again: `python killed_run.py DATA FOLDER FREQUENCY`.

It says "fit" when training begins and writes all that came of it to FOLDER/result.npz when it has ended. Dropout, noise,
batch normalization, Adam's slots, metrics with state (one made in the first step), shuffling, augmentation by NumPy's
generator, and callbacks that remember something: each would show a step that was lost, done twice or fed otherwise.
"""

import json
import sys
from pathlib import Path

import numpy as np
import tensorflow as tf

import hornbook as keras
from hornbook import callbacks, layers, metrics

ROWS, EPOCHS, BATCH = 210, 6, 16


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
    pipeline = tf.data.Dataset.from_tensor_slices((x, y)).shuffle(ROWS, seed=7).batch(BATCH)
    return {
        "pipeline": lambda: {"x": pipeline},
        "endless pipeline": lambda: {"x": pipeline.repeat(), "steps_per_epoch": 9},
        "python pipeline": lambda: {
            "x": tf.data.Dataset.from_generator(
                lambda: zip(x, y, strict=True), output_signature=(tf.TensorSpec((6,)), tf.TensorSpec((3,)))
            ).batch(BATCH)
        },
        "py_dataset": lambda: {"x": Noisy()},
        "iterable": lambda: {"x": Shuffled()},
        "generator": lambda: {"x": endless(), "steps_per_epoch": 9},
    }[kind]()


def train(kind, folder, frequency, more=(), **backup):
    """Train from the beginning, or from a backup; gives all that came of it as arrays by name."""
    folder = Path(folder)
    keras.utils.clear_session(free_memory=False)
    keras.utils.set_random_seed(3)
    model = keras.Sequential(
        [
            keras.Input((6,)),
            layers.Dense(16, activation="relu"),
            layers.BatchNormalization(),
            layers.Dropout(0.3),
            layers.Dense(3, activation="softmax"),
        ]
    )
    optimizer = keras.optimizers.Adam(0.01, use_ema=True, ema_momentum=0.9)
    model.compile(optimizer, "categorical_crossentropy", metrics=[metrics.F1Score()])
    x, y = rows()
    looking_on = [
        callbacks.BackupAndRestore(folder / "backup", save_freq=frequency, **backup),
        callbacks.EarlyStopping("val_loss", patience=3, min_delta=0.01, restore_best_weights=True),
        callbacks.ReduceLROnPlateau("loss", factor=0.7, patience=1, min_delta=0.05),
        callbacks.ModelCheckpoint(folder / "{epoch}.weights.h5", save_weights_only=True, max_to_keep=2, keep_best=True),
        callbacks.CSVLogger(folder / "log.csv"),
        *more,
    ]
    history = model.fit(
        **data(kind), epochs=EPOCHS, validation_data=(x[:50], y[:50]), callbacks=looking_on, verbose=0
    )
    variables = [*model.variables, *model.optimizer.variables]
    files = sorted(path for path in folder.glob("*.weights.h5"))
    found = {f"{i}: {v.path}": v.numpy() for i, v in enumerate(variables)}
    for path in files:
        model.load_weights(path)
        found |= {f"{path.name} {i}": weight for i, weight in enumerate(model.get_weights())}
    found["history"] = np.array(json.dumps([history.epoch, history.history], default=np.ndarray.tolist))
    found["log.csv"] = np.array((folder / "log.csv").read_text())
    found["random"] = np.random.uniform(size=3)
    found["seed"] = keras.random.uniform((2,)).numpy()
    return found


if __name__ == "__main__":
    tf.config.experimental.enable_op_determinism()

    class Say(callbacks.Callback):
        def on_train_begin(self, logs=None):
            print("fit", flush=True)

    result = train(sys.argv[1], sys.argv[2], sys.argv[3] if sys.argv[3] == "epoch" else int(sys.argv[3]), [Say()])
    np.savez(Path(sys.argv[2]) / "result.npz", **result)
