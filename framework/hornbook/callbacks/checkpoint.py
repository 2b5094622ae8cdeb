"""Callbacks that write the model to files while it is trained."""

import importlib
import os
import warnings
from typing import Any

import numpy as np

from hornbook import backend
from hornbook.callbacks.base import defines_batch_hooks
from hornbook.callbacks.stopping import MonitorCallback
from hornbook.core.arguments import positive_integer
from hornbook.core.output import print_message


class EverySoOften:
    """Counts batches over epochs, also where `batch` moves by more than one at a time."""

    def __init__(self, frequency: int) -> None:
        self.frequency, self.since_last, self.last_batch = frequency, 0, -1

    def is_due(self, batch: int) -> bool:
        """Whether `frequency` batches have gone by since it was last due."""
        new_epoch = batch <= self.last_batch
        self.since_last += batch + 1 if new_epoch else batch - self.last_batch
        self.last_batch = batch
        if self.since_last < self.frequency:
            return False
        self.since_last = 0
        return True

    def left(self) -> int:
        """How many batches there are until it is due."""
        return self.frequency - self.since_last

    def get_state(self) -> dict[str, int]:
        """The counts, for a backup."""
        return {"since_last": self.since_last, "last_batch": self.last_batch}

    def set_state(self, state: dict[str, int]) -> None:
        """Go on counting."""
        self.since_last, self.last_batch = state["since_last"], state["last_batch"]


class Saver(MonitorCallback):
    """The base of callbacks that save the model after every epoch or every so many batches, or when it is best.

    A subclass defines `_save(epoch, batch, logs)` and asks `_should_save` there.

    Args:
        monitor: the number that says which model is best.
        verbose: 1 says what is saved.
        save_best_only: only save when the number has become better.
        save_weights_only: save the weights alone.
        mode: "min", "max" or "auto".
        save_freq: "epoch", or a number of batches.
        initial_value_threshold: the value to be better than at first.

    Raises:
        ValueError: for a wrong save_freq.
    """

    def __init__(
        self,
        monitor: str,
        verbose: int,
        save_best_only: bool,
        save_weights_only: bool,
        mode: str,
        save_freq: str | int,
        initial_value_threshold: float | None,
    ) -> None:
        super().__init__(monitor, mode, initial_value_threshold)
        self.verbose, self.save_best_only, self.save_weights_only = verbose, save_best_only, save_weights_only
        self.save_freq = checked_frequency(save_freq)
        self._counter = EverySoOften(save_freq) if isinstance(save_freq, int) else None
        self._epoch = 0

    def wants_batches(self, kind: str) -> bool:
        """Only where files are written between epochs."""
        between = kind == "train" and self._counter is not None
        return between or defines_batch_hooks(self, kind, beyond=Saver)

    def get_state(self) -> dict[str, Any]:
        """The best number so far, and the count of batches."""
        return {"best": self.best, "counter": None if self._counter is None else self._counter.get_state()}

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on with the best number so far."""
        self.best = state["best"]
        if self._counter is not None and state["counter"] is not None:
            self._counter.set_state(state["counter"])

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Note the epoch."""
        self._epoch = epoch

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Save, every so many batches."""
        if self._counter is not None and self._counter.is_due(batch):
            self._save(self._epoch, batch, logs or {})

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Save, every epoch."""
        if self._counter is None:
            self._save(epoch, None, logs or {})

    def _save(self, epoch: int, batch: int | None, logs: dict[str, Any]) -> None:
        raise NotImplementedError

    def _should_save(self, epoch: int, logs: dict[str, Any], filepath: str) -> bool:
        if not self.save_best_only:
            self._say(f"\nEpoch {epoch + 1}: saving model to {filepath}")
            return True
        current = logs.get(self.monitor)
        if current is None:
            warnings.warn(
                f"Can save best model only with {self.monitor} available; the logs hold {', '.join(logs)}. "
                "The model is saved every time.",
                stacklevel=5,
            )
            return True
        if np.ndim(current):
            warnings.warn(
                f"{self.monitor} is no single number: {current}. The model is saved every time.", stacklevel=5
            )
            return True
        best = "None" if self.best is None else f"{self.best:.5f}"
        if not self._is_improvement(current, self.best):
            self._say(f"\nEpoch {epoch + 1}: {self.monitor} did not improve from {best}")
            return False
        self._say(
            f"\nEpoch {epoch + 1}: {self.monitor} improved from {best} to {current:.5f}, saving model to {filepath}"
        )
        self.best = current
        return True

    def _say(self, text: str) -> None:
        if self.verbose > 0:
            print_message(text)


class ModelCheckpoint(Saver):
    """Saves the model, or its weights, after every epoch or every so many batches.

    Args:
        filepath: the file; may hold names of the logs, `{epoch:02d}` and `{batch}` in braces. It ends in ".keras" (or
            ".h5"), with `save_weights_only` in ".weights.h5".
        monitor: the number that says which model is best.
        verbose: 1 says what is saved.
        save_best_only: only save when the number has become better.
        save_weights_only: save the weights alone.
        mode: "min", "max" or "auto".
        save_freq: "epoch", or a number of batches.
        initial_value_threshold: the value to be better than at first.
        max_to_keep: how many of the files that it wrote are kept, the newest; all if None. An older one is removed when
            a newer one is whole on the disk, and the loss with it was a finite number.
        keep_best: the file of the best `monitor` so far is kept beside these.

    Raises:
        ValueError: for a wrong ending, save_freq or max_to_keep.
        OSError: where a file cannot be written: what stood there before stands there still.

    >>> from hornbook import callbacks
    >>> callbacks.ModelCheckpoint("model-{epoch:02d}.keras", max_to_keep=3, keep_best=True).save_freq
    'epoch'
    """

    def __init__(
        self,
        filepath: str | os.PathLike,
        monitor: str = "val_loss",
        verbose: int = 0,
        save_best_only: bool = False,
        save_weights_only: bool = False,
        mode: str = "auto",
        save_freq: str | int = "epoch",
        initial_value_threshold: float | None = None,
        max_to_keep: int | None = None,
        keep_best: bool = False,
    ) -> None:
        super().__init__(monitor, verbose, save_best_only, save_weights_only, mode, save_freq, initial_value_threshold)
        self.filepath = os.fspath(filepath)
        self.max_to_keep = None if max_to_keep is None else positive_integer(max_to_keep, "max_to_keep")
        if keep_best and (max_to_keep is None or save_best_only):
            raise ValueError(
                "keep_best=True spares the best file where max_to_keep removes old ones: pass max_to_keep=1 or more, and "
                "not save_best_only, with which the newest file is the best."
            )
        self.keep_best = keep_best
        self._written: list[str] = []  # the files that there are, oldest first
        self._best_file: str | None = None
        endings = (".weights.h5",) if save_weights_only else (".keras", ".h5")
        if not self.filepath.endswith(endings):
            raise ValueError(
                f"With save_weights_only={save_weights_only} the filepath must end in {' or '.join(endings)}; got "
                f"{self.filepath!r}."
            )

    def _save(self, epoch: int, batch: int | None, logs: dict[str, Any]) -> None:
        filepath = self._formatted(epoch, batch, logs)
        if not self._should_save(epoch, logs, filepath):
            return
        if os.path.isdir(filepath):
            raise OSError(f"ModelCheckpoint cannot write to {filepath!r}: it is a directory. Name a file.")
        if self._is_chief():
            os.makedirs(os.path.dirname(filepath) or ".", exist_ok=True)
            importlib.import_module("hornbook.saving.atomic").remove_leftovers(
                filepath
            )  # of a run killed while it saved
        if self.save_weights_only:
            self.model.save_weights(filepath, overwrite=True)
        else:
            self.model.save(filepath, overwrite=True)
        self._say(f"\nEpoch {epoch + 1}: finished saving model to {filepath}")
        if self.max_to_keep is not None and np.isfinite(logs.get("loss", 0.0)):
            self._remove_old_files(filepath, logs)

    def get_state(self) -> dict[str, Any]:
        """The best number so far, the count of batches, the files that were written."""
        return {**super().get_state(), "written": list(self._written), "best_file": self._best_file}

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on with the best number and the files so far."""
        super().set_state(state)
        self._written, self._best_file = state["written"], state["best_file"]

    def _is_chief(self) -> bool:
        """Whether this process writes and removes files; the others only keep the same accounts."""
        return backend.is_chief(getattr(self.model, "_strategy", None))

    def _remove_old_files(self, newest: str, logs: dict[str, Any]) -> None:
        assert self.max_to_keep is not None
        if self.keep_best:
            if self.monitor not in logs:
                warnings.warn(
                    f"keep_best watches {self.monitor!r}, which is not in the logs: {', '.join(logs)}.", stacklevel=5
                )
            elif self._is_improvement(logs[self.monitor], self.best):
                self.best, self._best_file = logs[self.monitor], newest
        self._written = [*(path for path in self._written if path != newest), newest]
        spared = {*self._written[-self.max_to_keep :], self._best_file}
        for path in self._written:
            if path not in spared and self._is_chief() and os.path.exists(path):
                os.remove(path)
        self._written = [path for path in self._written if path in spared]

    def _formatted(self, epoch: int, batch: int | None, logs: dict[str, Any]) -> str:
        names = {**({} if batch is None else {"batch": batch + 1}), **logs, "epoch": epoch + 1}
        try:
            return self.filepath.format(**names)
        except KeyError as error:
            raise KeyError(
                f"The filepath {self.filepath!r} names {error}, which is not in the logs: {', '.join(sorted(names))}."
            ) from None


def checked_frequency(save_freq: Any) -> Any:
    if save_freq != "epoch" and (not isinstance(save_freq, int) or isinstance(save_freq, bool)):
        raise ValueError(f"save_freq must be 'epoch' or a number of batches, got {save_freq!r}.")
    return save_freq
