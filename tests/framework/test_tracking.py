"""What trackers are told, read back with their own packages, without a network."""

import json
import struct
import sys
import time

import numpy as np
import pytest

import hornbook as keras
from hornbook import callbacks

X = np.random.default_rng(0).normal(size=(32, 3)).astype("float32")
Y = X.sum(1, keepdims=True)


def model():
    made = keras.Sequential([keras.Input((3,)), keras.layers.Dense(4, activation="relu"), keras.layers.Dense(1)])
    made.compile(keras.optimizers.Adam(0.01), "mse", metrics=["mae"])
    return made


def fit(*looking_on, epochs=3, **more):
    return model().fit(X, Y, epochs=epochs, validation_split=0.25, verbose=0, callbacks=[*looking_on], **more)


class Cut(callbacks.Callback):
    """Ends a run as a kill would."""

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == 2:
            raise InterruptedError


# ------------------------------------------------------------------------------------------------------ MLflow
@pytest.fixture
def mlflow(tmp_path, monkeypatch):
    found = pytest.importorskip("mlflow", reason="mlflow-skinny reads back what was written")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", (tmp_path / "mlruns").as_uri())
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    found.set_tracking_uri((tmp_path / "mlruns").as_uri())
    yield found
    while found.active_run():
        found.end_run()


def values(client, run_id, name):
    return [(metric.step, metric.value) for metric in client.get_metric_history(run_id, name)]


def test_mlflow(mlflow, tmp_path):
    told = callbacks.MLflowCallback("penguins", run_name="first", params={"fold": 3}, log_model=True)
    history = fit(told)
    client = mlflow.MlflowClient()
    (run,) = client.search_runs([client.get_experiment_by_name("penguins").experiment_id])
    assert run.info.status == "FINISHED" and run.info.run_name == "first"
    assert (
        run.data.params["optimizer"] == "Adam" and run.data.params["fold"] == "3" and run.data.params["loss"] == "mse"
    )
    for name in ("loss", "val_mae"):
        assert values(client, run.info.run_id, name) == list(enumerate(history.history[name]))
    assert run.data.metrics["learning_rate"] == pytest.approx(0.01)
    path = client.download_artifacts(run.info.run_id, "model.keras", str(tmp_path))
    np.testing.assert_allclose(
        keras.saving.load_model(path).predict(X, verbose=0), history.model.predict(X, verbose=0), rtol=1e-6
    )


def test_mlflow_in_a_run_of_the_user(mlflow):
    with mlflow.start_run() as run:
        fit(callbacks.MLflowCallback(), epochs=1)
        assert mlflow.active_run().info.status == "RUNNING"
    found = mlflow.MlflowClient().get_run(run.info.run_id)
    assert "val_loss" in found.data.metrics and found.info.status == "FINISHED"


def test_mlflow_after_a_kill(mlflow, tmp_path):
    with pytest.raises(InterruptedError):
        fit(callbacks.MLflowCallback(), callbacks.BackupAndRestore(tmp_path / "backup"), Cut())
    fit(callbacks.MLflowCallback(), callbacks.BackupAndRestore(tmp_path / "backup"))
    client = mlflow.MlflowClient()
    (run,) = client.search_runs(["0"])
    assert run.info.status == "FINISHED"
    assert [step for step, _ in values(client, run.info.run_id, "loss")] == [0, 1, 2]


# ------------------------------------------------------------------------------------------------------ W & B
@pytest.fixture
def wandb(monkeypatch):
    found = pytest.importorskip("wandb", reason="wandb reads back what was written")
    for name, value in {"MODE": "offline", "SILENT": "true", "ERROR_REPORTING": "false"}.items():
        monkeypatch.setenv(f"WANDB_{name}", value)
    yield found
    found.finish()


def stored(path):
    """The records of a W&B file: a LevelDB log, pieces in blocks of 32 KiB, behind a header of 7 bytes."""
    content, place, pieces = path.read_bytes(), 7, []
    while place + 7 <= len(content):
        left = 32768 - place % 32768
        if left < 7:  # too little for another piece
            place += left
            continue
        _, length, kind = struct.unpack_from("<IHB", content, place)
        pieces.append(content[place + 7 : place + 7 + length])
        place += 7 + length
        if kind in (1, 4):  # whole, or the last piece
            yield b"".join(pieces)
            pieces = []


def records(folder):
    """(history rows, config) of the runs in a folder."""
    from wandb.proto.wandb_internal_pb2 import Record

    found, end = [], time.monotonic() + 60
    while not any(record.HasField("exit") for record in found) and time.monotonic() < end:
        time.sleep(0.05)  # another process writes the file
        (path,) = folder.glob("wandb/offline-run-*/run-*.wandb")
        found = [Record.FromString(content) for content in stored(path)]
    rows, config = [], {}
    for record in found:
        if record.HasField("history"):
            items = record.history.item
            rows.append({item.key or item.nested_key[0]: json.loads(item.value_json) for item in items})
        for change in (record.config, record.run.config):
            config |= {item.key or item.nested_key[0]: json.loads(item.value_json) for item in change.update}
    return rows, config


def test_wandb(wandb, tmp_path):
    history = fit(callbacks.WandbCallback(project="penguins", dir=str(tmp_path), params={"fold": 3}, log_model=True))
    assert wandb.run is None  # the run is over
    rows, config = records(tmp_path)
    assert [row["epoch"] for row in rows] == [0, 1, 2]
    for name in ("loss", "val_mae"):
        np.testing.assert_allclose([row[name] for row in rows], history.history[name], rtol=1e-6)
    assert config["fold"] == 3 and config["optimizer"] == "Adam" and config["loss"] == "mse"


@pytest.mark.exhaustive
def test_wandb_in_a_run_of_the_user(wandb, tmp_path):
    run = wandb.init(project="mine", dir=str(tmp_path))
    fit(callbacks.WandbCallback(), epochs=1)
    assert wandb.run is run
    run.finish()
    assert len(records(tmp_path)[0]) == 1


@pytest.mark.parametrize(("name", "kind"), [("mlflow", callbacks.MLflowCallback), ("wandb", callbacks.WandbCallback)])
def test_a_tracker_that_is_missing_is_said(name, kind, monkeypatch):
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ImportError, match=f"not installed: pip install {name}"):
        fit(kind(), epochs=1)


# ------------------------------------------------------------------------------------------------------ TensorBoard
def test_tensorboard_is_read_back_by_tensorboard(tmp_path):
    """Scalars, histograms, images, the graph and the profile."""
    reader = pytest.importorskip(
        "tensorboard.backend.event_processing.event_accumulator", reason="TensorBoard reads back what was written"
    )
    from tensorboard.plugins.graph import keras_util
    from tensorboard.util import tensor_util

    made = model()
    history = made.fit(
        X,
        Y,
        epochs=3,
        batch_size=8,
        validation_split=0.25,
        verbose=0,
        callbacks=[callbacks.TensorBoard(tmp_path, histogram_freq=1, update_freq=1, profile_batch=(2, 3))],
    )
    found = {}
    for part in ("train", "validation"):
        found[part] = reader.EventAccumulator(str(tmp_path / part), size_guidance={reader.TENSORS: 0})
        found[part].Reload()

    def numbers(part, tag):
        return {event.step: tensor_util.make_ndarray(event.tensor_proto) for event in found[part].Tensors(tag)}

    for part, tag, name in [("train", "epoch_loss", "loss"), ("validation", "epoch_mae", "val_mae")]:
        written = numbers(part, tag)
        assert list(written) == [0, 1, 2]
        np.testing.assert_allclose([float(value) for value in written.values()], history.history[name], rtol=1e-6)
        assert found[part].summary_metadata[tag].plugin_data.plugin_name == "scalars"
    assert sorted(numbers("train", "batch_loss")) == list(range(1, 10))

    kernel = made.layers[0].weights[0]
    buckets = numbers("train", f"{kernel.path}/histogram")[2]  # (buckets, [left, right, count])
    assert buckets[:, 2].sum() == kernel.numpy().size
    np.testing.assert_allclose([buckets[0, 0], buckets[-1, 1]], [kernel.numpy().min(), kernel.numpy().max()], rtol=1e-6)

    (config,) = numbers("train", "keras")[0].reshape(-1)
    nodes = keras_util.keras_model_to_graph_def(json.loads(config)).node
    assert {layer.name for layer in made.layers} <= {node.name.rsplit("/", 1)[-1] for node in nodes}

    profiles = list((tmp_path / "train").glob("plugins/profile/*/*.xplane.pb"))
    assert len(profiles) == 1
    xplane = pytest.importorskip("tensorflow.tsl.profiler.protobuf.xplane_pb2")
    space = xplane.XSpace.FromString(profiles[0].read_bytes())
    assert sum(len(line.events) for plane in space.planes for line in plane.lines) > 0
