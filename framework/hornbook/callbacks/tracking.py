"""Callbacks that write a run into the books of experiment trackers: MLflow, Weights & Biases."""

import importlib
import os
import tempfile
from collections.abc import Mapping
from typing import Any

from hornbook.callbacks.base import Callback
from hornbook.callbacks.learning_rate import current_rate


class TrackingCallback(Callback):
    """The base of trackers: settings once, then the logs of each epoch. A subclass defines `_open`, `_write` and `_close`.

    The run is opened when there is something to write, for a backup may say which run to go on with.

    Args:
        params: settings to note beside those that are known: optimizer, learning rate, loss, epochs, number of weights.
        log_model: keep the model, as a `.keras` file, at the end of the training.
    """

    chief_only = True

    def __init__(self, params: Mapping[str, Any] | None = None, log_model: bool = False) -> None:
        super().__init__()
        self.given_params, self.log_model = dict(params or {}), log_model
        self.run_id: str | None = None
        self._run: Any = None

    def get_state(self) -> dict[str, Any]:
        """The name of the run."""
        return {"run_id": self.run_id}

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on with the run that was cut."""
        self.run_id = state["run_id"]

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Another fit is another run."""
        if self._run is not None:  # a fit that ended with an error
            self._close(self._run, "FAILED")
        self._run = self.run_id = None

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Write the logs, with the learning rate."""
        numbers = {name: float(value) for name, value in (logs or {}).items() if isinstance(value, int | float)}
        if hasattr(self.model.optimizer, "learning_rate"):
            numbers.setdefault("learning_rate", current_rate(self.model.optimizer))
        self._write(self._opened(), numbers, epoch)

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        """Keep the model, if it is wanted, and close the run."""
        run = self._opened()
        if self.log_model:
            with tempfile.TemporaryDirectory() as folder:
                path = os.path.join(folder, "model.keras")
                self.model.save(path)
                self._keep_file(run, path)
        self._close(run, "FINISHED")
        self._run = None

    def _opened(self) -> Any:
        if self._run is None:
            self._run = self._open(self.run_id, self._params())
        return self._run

    def _params(self) -> dict[str, Any]:
        model, optimizer = self.model, self.model.optimizer
        known = {"epochs": (self.params or {}).get("epochs"), "weights": model.count_params()}
        if optimizer is not None:
            config = optimizer.get_config()
            plain = {name: value for name, value in config.items() if isinstance(value, bool | int | float | str)}
            known |= {"optimizer": type(optimizer).__name__, **{f"optimizer_{name}": v for name, v in plain.items()}}
        loss = getattr(model, "loss", None)
        if loss is not None:
            known["loss"] = loss if isinstance(loss, str) else getattr(loss, "name", str(loss))
        return {**known, **self.given_params}

    def _open(self, run_id: str | None, params: dict[str, Any]) -> Any:
        raise NotImplementedError

    def _write(self, run: Any, numbers: dict[str, float], epoch: int) -> None:
        raise NotImplementedError

    def _keep_file(self, run: Any, path: str) -> None:
        raise NotImplementedError

    def _close(self, run: Any, status: str) -> None:
        raise NotImplementedError


class MLflowCallback(TrackingCallback):
    """Writes settings and the logs of each epoch to MLflow.

    To the run that is active (`with mlflow.start_run():`), or to one of its own, which ends with the training. Where:
    `mlflow.set_tracking_uri` or `MLFLOW_TRACKING_URI`. It needs no server: a data base in a file (`sqlite:///mlflow.db`) will
    do, and with `MLFLOW_ALLOW_FILE_STORE=true` a folder (`file:///...`), which is all that mlflow-skinny knows.

    Args:
        experiment: the experiment of a run of its own, made if there is none; `MLFLOW_EXPERIMENT_NAME`, or MLflow's
            default, if None.
        run_name: its name; MLflow makes one up if None.
        params: settings to note beside those that are known.
        log_model: keep the model, as a `.keras` file among the run's artifacts.

    Raises:
        ImportError: in the first epoch, where MLflow is missing.

    >>> from hornbook import callbacks
    >>> callbacks.MLflowCallback("penguins", params={"fold": 3}).experiment
    'penguins'
    """

    def __init__(
        self,
        experiment: str | None = None,
        run_name: str | None = None,
        params: Mapping[str, Any] | None = None,
        log_model: bool = False,
    ) -> None:
        super().__init__(params, log_model)
        self.experiment, self.run_name = experiment, run_name
        self._is_own = False

    def _open(self, run_id: str | None, params: dict[str, Any]) -> Any:
        mlflow = _mlflow()
        client, active = mlflow.MlflowClient(), mlflow.active_run()
        self._is_own = active is None
        if active is not None:
            self.run_id = active.info.run_id
        elif run_id is None:
            name = self.experiment or os.environ.get("MLFLOW_EXPERIMENT_NAME", "Default")
            experiment = client.get_experiment_by_name(name)
            number = client.create_experiment(name) if experiment is None else experiment.experiment_id
            self.run_id = client.create_run(number, run_name=self.run_name).info.run_id
        else:
            client.set_terminated(run_id, "RUNNING")
        if run_id is None:
            for name, value in params.items():
                client.log_param(self.run_id, name, value)
        return client

    def _write(self, run: Any, numbers: dict[str, float], epoch: int) -> None:
        for name, value in numbers.items():
            run.log_metric(self.run_id, name, value, step=epoch)

    def _keep_file(self, run: Any, path: str) -> None:
        run.log_artifact(self.run_id, path)

    def _close(self, run: Any, status: str) -> None:
        if self._is_own:
            run.set_terminated(self.run_id, status)


class WandbCallback(TrackingCallback):
    """Writes settings and the logs of each epoch to Weights & Biases.

    To the run that is active (`wandb.init(...)`), or to one of its own, which ends with the training. Without a network:
    `WANDB_MODE=offline`, and `wandb sync` later.

    Args:
        params: settings to note beside those that are known.
        log_model: keep the model, as a `.keras` file, as an artifact of the run.
        **init: what `wandb.init` is given for a run of its own: `project`, `name`, `dir`, `mode`, ...

    Raises:
        ImportError: in the first epoch, where wandb is missing.

    >>> from hornbook import callbacks
    >>> callbacks.WandbCallback(project="penguins").init
    {'project': 'penguins'}
    """

    def __init__(self, params: Mapping[str, Any] | None = None, log_model: bool = False, **init: Any) -> None:
        super().__init__(params, log_model)
        self.init, self._is_own = init, False

    def _open(self, run_id: str | None, params: dict[str, Any]) -> Any:
        wandb = _wandb()
        self._is_own = wandb.run is None
        again = {} if run_id is None else {"id": run_id, "resume": "allow"}
        run = wandb.init(**{**self.init, **again}) if self._is_own else wandb.run
        self.run_id = run.id
        run.config.update(params, allow_val_change=True)
        return run

    def _write(self, run: Any, numbers: dict[str, float], epoch: int) -> None:
        run.log({"epoch": epoch, **numbers})

    def _keep_file(self, run: Any, path: str) -> None:
        artifact = _wandb().Artifact(f"model-{run.id}", type="model")
        artifact.add_file(path)
        run.log_artifact(artifact)

    def _close(self, run: Any, status: str) -> None:
        if self._is_own:
            run.finish(exit_code=0 if status == "FINISHED" else 1)


def _mlflow() -> Any:
    try:
        return importlib.import_module("mlflow")
    except ImportError:
        raise ImportError("MLflowCallback needs MLflow, which is not installed: pip install mlflow-skinny.") from None


def _wandb() -> Any:
    try:
        return importlib.import_module("wandb")
    except ImportError:
        raise ImportError("WandbCallback needs wandb, which is not installed: pip install wandb.") from None
