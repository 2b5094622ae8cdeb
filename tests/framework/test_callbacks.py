"""Callbacks: driven by hand beside Keras's own, and in `fit`."""

import csv
import pathlib
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from hornbook import callbacks
from hornbook.callbacks.progress import Progbar


class Line:
    """The part of a model that callbacks touch: one weight, an optimizer, files."""

    def __init__(self, learning_rate=1.0):
        self.weight, self.stop_training, self.built = 0.0, False, True
        self.optimizer = SimpleNamespace(learning_rate=learning_rate, built=True)
        self.metrics = []

    def get_weights(self):
        return [self.weight]

    def set_weights(self, weights):
        (self.weight,) = weights

    def save(self, path, overwrite=True):
        pathlib.Path(path).write_text(str(self.weight))

    save_weights = save

    def load_weights(self, path):
        self.weight = float(pathlib.Path(path).read_text())


def run(callback, values, model=None, batches=0, name="val_loss"):
    """Epochs whose only number is `values[epoch]`; the weight of an epoch is its number plus one."""
    model = model or Line()
    callback.set_model(model)
    callback.set_params({"verbose": 0, "epochs": len(values), "steps": batches})
    callback.on_train_begin({})
    epoch = -1
    for epoch, value in enumerate(values):
        logs = {} if value is None else {name: value}
        callback.on_epoch_begin(epoch, {})
        model.weight = epoch + 1.0
        for batch in range(batches):
            callback.on_train_batch_end(batch, {"loss": 1.0})
        callback.on_epoch_end(epoch, logs)
        if model.stop_training:
            break
    callback.on_train_end({})
    return model, epoch


# --------------------------------------------------------------------------------------------------------- stopping
VALUES = [5.0, 4.0, 4.05, 3.9, 3.95, 3.96, 3.5, 3.6, 3.7, 3.8, 3.4, 3.9]
STOPPING = [
    {},
    {"patience": 2},
    {"patience": 2, "restore_best_weights": True},
    {"patience": 2, "min_delta": 0.2, "restore_best_weights": True},
    {"patience": 3, "baseline": 3.6},
    {"patience": 1, "start_from_epoch": 4, "restore_best_weights": True},
    {"patience": 2, "mode": "max", "restore_best_weights": True},
]


@pytest.mark.parity
@pytest.mark.parametrize("options", STOPPING, ids=str)
def test_early_stopping_as_in_keras(options, capsys):
    keras = pytest.importorskip("keras")
    ours, theirs = callbacks.EarlyStopping(verbose=1, **options), keras.callbacks.EarlyStopping(verbose=1, **options)
    model, epoch = run(ours, VALUES)
    said = capsys.readouterr().out
    their_model, their_epoch = run(theirs, VALUES)
    assert (epoch, model.weight, ours.stopped_epoch, ours.wait) == (
        their_epoch,
        their_model.weight,
        theirs.stopped_epoch,
        theirs.wait,
    )
    assert said == capsys.readouterr().out


@pytest.mark.parity
@pytest.mark.parametrize(
    "options",
    [{"patience": 1}, {"patience": 2, "factor": 0.5, "cooldown": 2}, {"patience": 1, "min_lr": 0.05, "min_delta": 0.3}],
    ids=str,
)
def test_reduce_lr_as_in_keras(options, capsys):
    keras = pytest.importorskip("keras")
    model, _ = run(callbacks.ReduceLROnPlateau(verbose=1, **options), VALUES)
    said = capsys.readouterr().out
    their_model, _ = run(keras.callbacks.ReduceLROnPlateau(verbose=1, **options), VALUES)
    assert model.optimizer.learning_rate == their_model.optimizer.learning_rate < 1.0
    assert said == capsys.readouterr().out


@pytest.mark.parametrize(
    ("monitor", "larger"),
    [
        ("val_loss", False),
        ("cls_loss", False),
        ("val_acc", True),
        ("out_mae", False),
        ("auc", True),
        ("mean_squared_error", False),
    ],
)
def test_direction_is_found_by_name(monitor, larger):
    callback = callbacks.EarlyStopping(monitor, patience=0)
    values = [1.0, 2.0, 1.0] if larger else [2.0, 1.0, 2.0]
    assert run(callback, values, name=monitor)[1] == 2


def test_unknown_direction_and_missing_number():
    with pytest.raises(ValueError, match="Pass mode='max' or mode='min'"):
        run(callbacks.EarlyStopping("wonder"), [1.0], name="wonder")
    with pytest.warns(UserWarning, match="Early stopping conditioned on metric `val_loss` which is not available"):
        run(callbacks.EarlyStopping(), [None])
    with pytest.warns(UserWarning, match="mode 'up' is unknown"):
        callbacks.EarlyStopping(mode="up")


def test_terminate_on_nan(capsys):
    callback = callbacks.TerminateOnNaN()
    callback.set_model(Line())
    callback.on_stretch_end("train", 5, 10, {"loss": 1.0})
    assert not callback.model.stop_training
    callback.on_stretch_end("train", 8, 10, {"loss": np.float32("nan")})
    callback.on_train_batch_end(7, {"loss": float("inf")})
    assert callback.model.stop_training
    assert capsys.readouterr().out == "Batch 7: Invalid loss, terminating training\n"
    with pytest.raises(RuntimeError, match="batch 3"):
        callbacks.TerminateOnNaN(raise_error=True).on_batch_end(3, {"loss": float("nan")})


def test_learning_rate_scheduler(capsys):
    model, _ = run(callbacks.LearningRateScheduler(lambda epoch, rate: rate * 0.5, verbose=1), [1.0, 1.0])
    assert model.optimizer.learning_rate == 0.25
    assert "Epoch 2: LearningRateScheduler setting learning rate to 0.25." in capsys.readouterr().out
    model, _ = run(callbacks.LearningRateScheduler(lambda epoch: 0.1 / (epoch + 1)), [1.0, 1.0])
    assert model.optimizer.learning_rate == 0.05
    with pytest.raises(ValueError, match="must give a float"):
        run(callbacks.LearningRateScheduler(lambda epoch: "slow"), [1.0])


# --------------------------------------------------------------------------------------------------------- files
@pytest.mark.parity
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"save_best_only": True},
        {"save_best_only": True, "initial_value_threshold": 3.92},
        {"save_freq": 5},
        {"save_best_only": True, "mode": "max"},
    ],
    ids=str,
)
def test_model_checkpoint_as_in_keras(options, tmp_path, capsys):
    keras = pytest.importorskip("keras")

    def files(library):
        name = "{epoch:02d}-{batch}.keras" if "save_freq" in options else "{epoch:02d}-{val_loss:.2f}.keras"
        folder = tmp_path / "models"
        run(library.callbacks.ModelCheckpoint(folder / name, verbose=1, **options), VALUES, batches=3)
        found = {path.name: path.read_text() for path in folder.iterdir()}
        for path in folder.iterdir():
            path.unlink()
        return found, capsys.readouterr().out

    ours = files(SimpleNamespace(callbacks=callbacks))
    assert ours[0] and ours == files(keras)


def test_model_checkpoint_refuses_other_endings(tmp_path):
    with pytest.raises(ValueError, match=r"must end in \.weights\.h5"):
        callbacks.ModelCheckpoint(tmp_path / "w.h5", save_weights_only=True)
    with pytest.raises(ValueError, match=r"\.keras or \.h5"):
        callbacks.ModelCheckpoint(tmp_path / "model")
    with pytest.raises(ValueError, match="save_freq must be"):
        callbacks.ModelCheckpoint(tmp_path / "m.keras", save_freq="batch")
    with pytest.raises(KeyError, match="is not in the logs: epoch, val_loss"):
        run(callbacks.ModelCheckpoint(tmp_path / "{nothing}.keras"), [1.0])


@pytest.mark.parity
def test_csv_logger_as_in_keras(tmp_path):
    keras = pytest.importorskip("keras")
    texts = []
    for library in (SimpleNamespace(callbacks=callbacks), keras):
        path = tmp_path / "log.csv"
        run(library.callbacks.CSVLogger(path, separator=";"), [1.0, 0.5])
        run(library.callbacks.CSVLogger(path, separator=";", append=True), [0.25], name="loss")
        texts.append(path.read_bytes())
    assert texts[0] == texts[1]
    rows = list(csv.reader(texts[0].decode().splitlines(), delimiter=";"))
    assert rows[0] == ["epoch", "val_loss"] and len(rows) == 4


def test_lambda_callback_wants_batches_only_for_batch_functions():
    assert not callbacks.LambdaCallback(on_epoch_end=print).wants_batches("train")
    assert callbacks.LambdaCallback(on_train_batch_end=print).wants_batches("train")
    assert callbacks.LambdaCallback(on_test_batch_end=print).wants_batches("test")


def test_remote_monitor_warns_where_nobody_listens():
    with pytest.warns(UserWarning, match="Could not reach RemoteMonitor root server"):
        callbacks.RemoteMonitor("http://127.0.0.1:9").on_epoch_end(0, {"loss": np.float32(0.5)})


# --------------------------------------------------------------------------------------------------------- the list
def test_which_hooks_stop_a_run_after_each_batch(tmp_path):
    class Old(callbacks.Callback):
        def on_batch_end(self, batch, logs=None): ...

    class Testing(callbacks.Callback):
        def on_test_batch_begin(self, batch, logs=None): ...

    class OwnBar(callbacks.ProgbarLogger):
        def on_train_batch_end(self, batch, logs=None): ...

    def wants(*given):
        found = callbacks.CallbackList(given, add_history=True, add_progbar=True, epochs=1, steps=1, verbose=1)
        return found.wants_train_batches, found.wants_test_batches, found.wants_predict_batches

    quiet = [
        callbacks.EarlyStopping(),
        callbacks.TerminateOnNaN(),
        callbacks.TensorBoard(tmp_path),
        callbacks.ModelCheckpoint("m.keras"),
        callbacks.BackupAndRestore(tmp_path / "b"),
        callbacks.CSVLogger(tmp_path / "l.csv"),
        callbacks.ReduceLROnPlateau(),
    ]
    assert wants(*quiet) == (False, False, False)
    assert wants(Old()) == (True, False, False)
    assert wants(Testing()) == (False, True, False)
    assert wants(OwnBar()) == (True, False, False)
    assert wants(callbacks.ModelCheckpoint("m.keras", save_freq=3)) == (True, False, False)
    assert wants(callbacks.TensorBoard(tmp_path, update_freq=3)) == (True, True, False)
    assert wants(callbacks.TensorBoard(tmp_path, profile_batch=3)) == (True, False, False)


def test_the_list_tells_all_with_the_same_numbers():
    seen = []

    class Writes(callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            logs["learning_rate"] = 0.5

        def on_train_batch_begin(self, batch, logs=None):
            seen.append((batch, logs))

    model = Line()
    everyone = callbacks.CallbackList(Writes(), add_history=True, model=model, epochs=1, steps=2, verbose=0)
    everyone.on_train_begin()
    everyone.on_train_batch_begin(3)
    everyone.on_epoch_end(0, {"loss": np.float32(0.5), "a": np.ones(2), "more": {"mae": 1}})
    assert seen == [(3, {})]
    assert model.history.history == {"a": [pytest.approx([1, 1])], "loss": [0.5], "mae": [1.0], "learning_rate": [0.5]}
    assert model.history.params == {"epochs": 1, "steps": 2, "verbose": 0} and model.history.epoch == [0]
    assert type(model.history.history["loss"][0]) is float


# --------------------------------------------------------------------------------------------------------- progress
def drive(logger, epochs=2, verbose=1):
    logger.set_params({"verbose": verbose, "epochs": epochs, "steps": 40})
    logger.on_train_begin()
    for epoch in range(epochs):
        logger.on_epoch_begin(epoch)
        for step in (10, 20, 40):
            logger.on_stretch_end("train", step, 40, {"loss": np.float32(1 / step), "acc": 0.5})
        logger.on_test_begin()
        logger.on_stretch_end("test", 3, 3, {"loss": 0.1})
        logger.on_test_end({"loss": 0.1})
        logger.on_epoch_end(epoch, {"acc": 0.5, "loss": 0.025, "val_loss": 0.0001})
    logger.on_train_end()


def test_progress_in_a_file_is_one_line_an_epoch(capsys):
    drive(callbacks.ProgbarLogger(), epochs=3)
    text = capsys.readouterr().out
    lines = text.splitlines()
    assert len(lines) == 3 and "\r" not in text and "\x1b" not in text
    assert lines[0].startswith("Epoch 1/3: 40/40 steps - 0s - ")
    assert "/step - acc: 0.5000 - loss: 0.0250 - val_loss: 1.0000e-04 - 0s left" in lines[0]
    assert lines[2].startswith("Epoch 3/3: ") and lines[2].endswith("val_loss: 1.0000e-04")
    drive(callbacks.ProgbarLogger(), verbose=2)
    assert capsys.readouterr().out.splitlines()[1].startswith("40/40 - 0s - ")
    drive(callbacks.ProgbarLogger(), verbose=0)
    assert capsys.readouterr().out == ""


def test_long_epochs_in_a_file_write_a_line_a_minute(capsys, monkeypatch):
    clock = iter(range(0, 100_000, 20))  # 20 s from each look at the clock to the next
    monkeypatch.setattr("hornbook.callbacks.progress.time.time", lambda: float(next(clock)))
    logger = callbacks.ProgbarLogger()
    logger.set_params({"verbose": 1, "epochs": 2, "steps": 400})
    logger.on_train_begin()
    logger.on_epoch_begin(0)
    for step in range(10, 101, 10):
        logger.on_stretch_end("train", step, 400, {"loss": np.float32(0.5)})
    lines = capsys.readouterr().out.splitlines()
    assert 1 < len(lines) < 10
    assert all(line.startswith("Epoch 1/2: ") and line.endswith(" left in this epoch") for line in lines)
    assert "/400 steps - " in lines[0] and "s/step - loss: 0.5000" in lines[0]


def test_progress_on_a_terminal_is_drawn_over(capsys, monkeypatch):
    monkeypatch.setattr("hornbook.callbacks.progress._can_draw_over", lambda: True)
    bar = Progbar(10, interval=0.0, stateless_metrics=["loss"])
    bar.update(5, [("loss", 2.0)])
    bar.update(10, [("loss", 4.0)])
    first, second = capsys.readouterr().out.split("\r")[1:]
    assert first.startswith("\x1b[1m 5/10\x1b[0m \x1b[32m" + "━" * 10 + "\x1b[0m\x1b[37m" + "━" * 10)
    assert first.rstrip().endswith("loss: 2.0000") and second.endswith("loss: 4.0000\n")


def test_progress_in_a_notebook_is_drawn_over(capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "ipykernel", SimpleNamespace())
    drive(callbacks.ProgbarLogger(), epochs=3)
    text = capsys.readouterr().out
    assert text.startswith("Epoch 1/3\n\r") and text.count("Epoch") == 3 and "━" in text


def test_progress_of_an_unknown_length(capsys):
    logger = callbacks.ProgbarLogger()
    logger.set_params({"verbose": 1, "epochs": 1, "steps": None})
    logger.on_train_begin()
    logger.on_epoch_begin(0)
    logger.on_stretch_end("train", 7, None, {"loss": 0.5})
    logger.on_epoch_end(0, {"loss": 0.5})
    assert capsys.readouterr().out.startswith("7/7 ")


# --------------------------------------------------------------------------------------------------------- in fit
def small_model(**compile_arguments):
    import hornbook as keras

    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(4, activation="relu"), keras.layers.Dense(1)])
    model.compile(**{"optimizer": "sgd", "loss": "mse", "metrics": ["mae"], **compile_arguments})
    return model


X = np.random.default_rng(0).normal(size=(64, 3)).astype("float32")
Y = X.sum(1, keepdims=True)


def test_fit_with_everything(tmp_path):
    model = small_model()
    given = [
        callbacks.ModelCheckpoint(tmp_path / "best.weights.h5", save_best_only=True, save_weights_only=True),
        callbacks.CSVLogger(tmp_path / "log.csv"),
        callbacks.TensorBoard(tmp_path / "board", histogram_freq=1, write_images=True, write_steps_per_second=True),
        callbacks.LearningRateScheduler(lambda epoch: 0.1 / (epoch + 1)),
        callbacks.ReduceLROnPlateau(),
        callbacks.EarlyStopping("mae", patience=5, restore_best_weights=True),
        callbacks.TerminateOnNaN(),
        callbacks.BackupAndRestore(tmp_path / "backup"),
    ]
    history = model.fit(X, Y, epochs=3, batch_size=8, validation_split=0.25, callbacks=given, verbose=0)
    assert list(history.history) == ["loss", "mae", "val_loss", "val_mae", "learning_rate"]
    np.testing.assert_allclose(history.history["learning_rate"], [0.1, 0.05, 0.1 / 3], rtol=1e-6)
    assert (tmp_path / "best.weights.h5").exists() and not (tmp_path / "backup").exists()
    assert len((tmp_path / "log.csv").read_text().splitlines()) == 4

    tags = event_tags(tmp_path / "board" / "train")
    assert {"epoch_loss", "epoch_mae", "epoch_learning_rate", "epoch_steps_per_second", "keras"} <= tags
    assert any(tag.endswith("kernel/histogram") for tag in tags) and any(tag.endswith("bias/image") for tag in tags)
    assert {"epoch_loss", "evaluation_loss_vs_iterations"} <= event_tags(tmp_path / "board" / "validation")


def event_tags(folder):
    import tensorflow as tf

    events = [event for path in folder.iterdir() for event in tf.compat.v1.train.summary_iterator(str(path))]
    return {value.tag for event in events for value in event.summary.value}


def test_tensorboard_by_batches(tmp_path):
    small_model().fit(X, Y, batch_size=8, verbose=0, callbacks=callbacks.TensorBoard(tmp_path, update_freq=3))
    assert {"batch_loss", "batch_mae", "epoch_loss"} <= event_tags(tmp_path / "train")


def test_stopping_and_nan_in_fit():
    model = small_model()
    history = model.fit(X, Y, epochs=50, verbose=0, callbacks=[callbacks.EarlyStopping("loss", min_delta=1e9)])
    assert len(history.epoch) == 2
    targets = Y * np.float32(np.nan)  # not X: on some CPUs a product with its relu in one kernel takes NaN for 0
    history = small_model(optimizer="sgd").fit(X, targets, epochs=5, verbose=0, callbacks=[callbacks.TerminateOnNaN()])
    assert len(history.epoch) == 1


def test_interrupted_fit_gives_the_same_weights_as_an_uninterrupted_one(tmp_path):
    class Cut(callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 2:
                raise RuntimeError("cut")

    model, whole = small_model(optimizer="adam"), small_model(optimizer="adam")
    whole.set_weights(model.get_weights())
    whole.fit(X, Y, epochs=4, shuffle=False, verbose=0)
    with pytest.raises(RuntimeError):
        model.fit(X, Y, epochs=4, shuffle=False, verbose=0, callbacks=[callbacks.BackupAndRestore(tmp_path), Cut()])
    assert [path.name for path in tmp_path.iterdir()] == ["state-000002.backup"]
    model = small_model(optimizer="adam")
    history = model.fit(X, Y, epochs=4, shuffle=False, verbose=0, callbacks=[callbacks.BackupAndRestore(tmp_path)])
    assert history.epoch == [0, 1, 2, 3] and len(history.history["loss"]) == 4
    for a, b in zip(model.get_weights(), whole.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6)


def test_averages_are_evaluated_and_saved_but_do_not_train():
    from hornbook import optimizers

    model, plain = (small_model(optimizer=optimizers.SGD(0.05, use_ema=True)) for _ in range(2))
    plain.set_weights(model.get_weights())
    seen = []
    look = callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: seen.append(model.get_weights()))
    options = {"epochs": 2, "shuffle": False, "verbose": 0, "validation_data": (X, Y)}
    model.fit(X, Y, callbacks=[callbacks.SwapEMAWeights(swap_on_epoch=True), look], **options)
    plain.fit(X, Y, **options)
    for at_epoch_end, a, b in zip(seen[-1], model.get_weights(), plain.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6)
        np.testing.assert_allclose(a, at_epoch_end, rtol=1e-6)
