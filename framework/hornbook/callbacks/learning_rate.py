"""Callbacks that change the learning rate between epochs."""

import inspect
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from hornbook import backend
from hornbook.callbacks.base import Callback
from hornbook.callbacks.stopping import MonitorCallback
from hornbook.core.output import print_message


class LearningRateScheduler(Callback):
    """Sets the learning rate of each epoch by a function.

    Args:
        schedule: from (epoch, current learning rate), or from the epoch alone, to the learning rate.
        verbose: 1 says what is set.

    Raises:
        ValueError: where the function gives no number.

    >>> from hornbook import callbacks
    >>> halving = callbacks.LearningRateScheduler(lambda epoch, rate: rate * 0.5)
    >>> halving.schedule(0, 0.5)
    0.25
    """

    def __init__(self, schedule: Callable[..., float], verbose: int = 0) -> None:
        super().__init__()
        self.schedule, self.verbose = schedule, verbose

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Set the learning rate."""
        optimizer = self.model.optimizer
        if not hasattr(optimizer, "learning_rate"):
            raise ValueError(f"The optimizer {optimizer!r} has no learning_rate to set.")
        takes_rate = _takes_two(self.schedule)
        rate = self.schedule(epoch, current_rate(optimizer)) if takes_rate else self.schedule(epoch)
        if not isinstance(rate, float | np.floating):
            raise ValueError(f"The function of LearningRateScheduler must give a float, got {rate!r}.")
        optimizer.learning_rate = rate
        if self.verbose > 0:
            print_message(f"\nEpoch {epoch + 1}: LearningRateScheduler setting learning rate to {rate}.")

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Note the learning rate in the logs."""
        if logs is not None:
            logs["learning_rate"] = current_rate(self.model.optimizer)


class ReduceLROnPlateau(MonitorCallback):
    """Multiplies the learning rate by `factor` when a number has not become better for `patience` epochs.

    Args:
        monitor: its name in the logs.
        factor: below 1.
        patience: epochs to wait.
        verbose: 1 says what is set.
        mode: "min", "max" or "auto".
        min_delta: the least change that counts.
        cooldown: epochs after a reduction that do not count.
        min_lr: the lowest learning rate.

    Raises:
        ValueError: for a factor of 1 or more.

    >>> from hornbook import callbacks
    >>> callbacks.ReduceLROnPlateau(factor=0.2, patience=5).factor
    0.2
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        factor: float = 0.1,
        patience: int = 10,
        verbose: int = 0,
        mode: str = "auto",
        min_delta: float = 1e-4,
        cooldown: int = 0,
        min_lr: float = 0.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(monitor, mode, min_delta=min_delta)
        if factor >= 1.0:
            raise ValueError(f"factor must be below 1, or the learning rate would not fall; got {factor}.")
        self.factor, self.patience, self.verbose = factor, patience, verbose
        self.cooldown, self.min_lr = cooldown, min_lr
        self.cooldown_counter = self.wait = 0

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """A callback can be used for one `fit` after the other."""
        self.best = None
        self.cooldown_counter = self.wait = 0

    def get_state(self) -> dict[str, Any]:
        """How long it waits for what to become better."""
        return {"best": self.best, "wait": self.wait, "cooldown_counter": self.cooldown_counter}

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on waiting."""
        self.best, self.wait, self.cooldown_counter = state["best"], state["wait"], state["cooldown_counter"]

    def in_cooldown(self) -> bool:
        """Whether the last reduction is so recent that epochs do not count."""
        return self.cooldown_counter > 0

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Compare, reduce."""
        logs = {} if logs is None else logs
        logs["learning_rate"] = current_rate(self.model.optimizer)
        current = logs.get(self.monitor)
        if current is None:
            warnings.warn(
                f"Learning rate reduction is conditioned on metric `{self.monitor}` which is not available. "
                f"Available metrics are: {','.join(logs)}.",
                stacklevel=3,
            )
            return
        if self.in_cooldown():
            self.cooldown_counter -= 1
            self.wait = 0
        if self._is_improvement(current, self.best):
            self.best, self.wait = current, 0
        elif not self.in_cooldown():
            self.wait += 1
            if self.wait >= self.patience:
                self._reduce(epoch)

    def _reduce(self, epoch: int) -> None:
        old = current_rate(self.model.optimizer)
        if old <= np.float32(self.min_lr):
            return
        new = max(old * self.factor, self.min_lr)
        self.model.optimizer.learning_rate = new
        if self.verbose > 0:
            print_message(f"\nEpoch {epoch + 1}: ReduceLROnPlateau reducing learning rate to {new}.")
        self.cooldown_counter, self.wait = self.cooldown, 0


def _takes_two(function: Callable) -> bool:
    try:
        inspect.signature(function).bind(0, 0.0)
    except TypeError:
        return False
    except ValueError:  # a built-in function that has no signature
        return True
    return True


def current_rate(optimizer: Any) -> float:
    """The learning rate of an optimizer as a Python number."""
    rate = optimizer.learning_rate
    return rate if isinstance(rate, float) else float(backend.convert_to_numpy(backend.convert_to_tensor(rate)))
