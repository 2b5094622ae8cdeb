"""Callbacks that watch one number, and those that end the training because of it."""

import warnings
from typing import Any

import numpy as np

from hornbook.callbacks.base import Callback, defines_batch_hooks
from hornbook.core.output import print_message

_GOOD_WHEN_SMALL = ("loss", "error", "crossentropy", "divergence", "perplexity", "hinge", "poisson")
_SHORT_AND_SMALL = {"mse", "mae", "mape", "msle", "rmse", "bce", "ce", "kld"}


class MonitorCallback(Callback):
    """The base of callbacks that watch one number of the logs and know whether it has become better.

    Args:
        monitor: its name in the logs.
        mode: "min" if smaller is better, "max" if larger is, "auto" to find out from the metric.
        baseline: the value to be better than at first.
        min_delta: the least change that counts.
    """

    def __init__(
        self, monitor: str = "val_loss", mode: str = "auto", baseline: float | None = None, min_delta: float = 0
    ) -> None:
        super().__init__()
        if mode not in ("auto", "min", "max"):
            warnings.warn(
                f"{type(self).__name__} mode {mode!r} is unknown, so 'auto' is used; it may be 'auto', 'min' or 'max'.",
                stacklevel=3,
            )
            mode = "auto"
        self.monitor, self.mode, self.best, self.min_delta = monitor, mode, baseline, abs(min_delta)

    def _is_improvement(self, value: Any, reference: Any) -> bool:
        """Whether `value` is better than `reference` by more than `min_delta`; any number is better than NaN."""
        larger_is_better = self._larger_is_better()
        if reference is None or (np.isnan(reference) and not np.isnan(value)):
            return True
        return bool(value - self.min_delta > reference if larger_is_better else value + self.min_delta < reference)

    def _larger_is_better(self) -> bool:
        if self.mode != "auto":
            return self.mode == "max"
        name = self.monitor.removeprefix("val_")
        for metric_name, metric in _metrics_by_name(self.model):
            direction = getattr(metric, "_direction", None)
            if metric_name == name and direction is not None:
                return direction == "up"
        if name.endswith(_GOOD_WHEN_SMALL) or name.rsplit("_", 1)[-1] in _SHORT_AND_SMALL:
            return False
        if "acc" in name or name.endswith(("auc", "precision", "recall", "score", "iou")):
            return True
        raise ValueError(
            f"{type(self).__name__} watches {self.monitor!r}, of which it is not known whether larger or smaller is "
            "better. Pass mode='max' or mode='min'."
        )


class EarlyStopping(MonitorCallback):
    """Stops the training when a number has not become better for some epochs.

    Args:
        monitor: its name in the logs.
        min_delta: the least change that counts.
        patience: epochs to wait for the next improvement.
        verbose: 1 says when it stops.
        mode: "min", "max" or "auto".
        baseline: the value that must be reached for the waiting to start anew.
        restore_best_weights: go back to the weights of the best epoch at the end.
        start_from_epoch: epochs that do not count.

    >>> from hornbook import callbacks
    >>> callbacks.EarlyStopping(patience=3, restore_best_weights=True).patience
    3
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        min_delta: float = 0,
        patience: int = 0,
        verbose: int = 0,
        mode: str = "auto",
        baseline: float | None = None,
        restore_best_weights: bool = False,
        start_from_epoch: int = 0,
    ) -> None:
        super().__init__(monitor, mode, min_delta=min_delta)
        self.patience, self.verbose, self.baseline = patience, verbose, baseline
        self.restore_best_weights, self.start_from_epoch = restore_best_weights, start_from_epoch
        self._start_anew()

    _REMEMBERED = ("wait", "stopped_epoch", "best_epoch", "best", "best_weights")

    def get_state(self) -> dict[str, Any]:
        """How long it waits for what to become better, and the best weights."""
        return {name: getattr(self, name) for name in self._REMEMBERED}

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on waiting."""
        vars(self).update(state)

    def _start_anew(self) -> None:
        self.wait = self.stopped_epoch = self.best_epoch = 0
        self.best, self.best_weights = None, None

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """A callback can be used for one `fit` after the other."""
        self._start_anew()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Compare, keep the weights, stop."""
        current = self.get_monitor_value(logs)
        if current is None or epoch < self.start_from_epoch:
            return
        if self.restore_best_weights and self.best_weights is None:
            self._keep(epoch)
        self.wait += 1
        if self._is_improvement(current, self.best):
            self.best, self.best_epoch = current, epoch
            if self.restore_best_weights:
                self._keep(epoch)
            if self.baseline is None or self._is_improvement(current, self.baseline):
                self.wait = 0
        elif self.wait >= self.patience and epoch > 0:
            self.stopped_epoch = epoch
            self.model.stop_training = True

    def _keep(self, epoch: int) -> None:
        self.best_weights, self.best_epoch = self.model.get_weights(), epoch

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        """Say so; go back to the best weights."""
        if self.stopped_epoch > 0 and self.verbose > 0:
            print_message(f"Epoch {self.stopped_epoch + 1}: early stopping")
        if self.restore_best_weights and self.best_weights is not None:
            if self.verbose > 0:
                print_message(f"Restoring model weights from the end of the best epoch: {self.best_epoch + 1}.")
            self.model.set_weights(self.best_weights)

    def get_monitor_value(self, logs: dict[str, Any] | None) -> Any:
        """The number that is watched, None (and a warning) where the logs lack it."""
        logs = logs or {}
        if self.monitor not in logs:
            warnings.warn(
                f"Early stopping conditioned on metric `{self.monitor}` which is not available. "
                f"Available metrics are: {','.join(logs)}",
                stacklevel=3,
            )
        return logs.get(self.monitor)


class TerminateOnNaN(Callback):
    """Stops the training when the loss is no longer a finite number.

    The loss in the logs is a mean over the epoch so far, so a loss that is not finite is still seen at the end of a
    stretch of steps.

    Args:
        raise_error: raise RuntimeError, so that nothing else of the run is done.

    >>> from hornbook import callbacks
    >>> callbacks.TerminateOnNaN(raise_error=True).on_batch_end(7, {"loss": float("nan")})
    Traceback (most recent call last):
    ...
    RuntimeError: NaN or Inf loss encountered at batch 7: the loss is nan.
    """

    def __init__(self, raise_error: bool = False) -> None:
        super().__init__()
        self.raise_error = raise_error

    def wants_batches(self, kind: str) -> bool:
        """The ends of stretches suffice."""
        return defines_batch_hooks(self, kind, beyond=TerminateOnNaN)

    def on_stretch_end(self, kind: str, step: int, total: int | None, logs: dict[str, Any] | None = None) -> None:
        """Look at the loss."""
        if kind == "train" and isinstance(logs, dict):
            self.on_batch_end(step - 1, logs)

    def on_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Look at the loss."""
        loss = (logs or {}).get("loss")
        if loss is None or np.all(np.isfinite(np.asarray(loss))):
            return
        if self.raise_error:
            raise RuntimeError(f"NaN or Inf loss encountered at batch {batch}: the loss is {float(loss)}.")
        if not self.model.stop_training:
            print_message(f"Batch {batch}: Invalid loss, terminating training")
            self.model.stop_training = True


def _metrics_by_name(model: Any) -> list[tuple[str, Any]]:
    """The metrics of compile() under their names in the logs, then the others under their own."""
    found = []
    for metric in getattr(model, "metrics", ()):
        if hasattr(metric, "built_metrics"):
            found.extend(zip(metric.names, metric.built_metrics, strict=True))
        else:
            found.append((metric.name, metric))
    return found
