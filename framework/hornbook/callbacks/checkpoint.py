"""Callbacks that write the model to files while it is trained."""

import json
import os
import shutil
import warnings
from typing import Any

import numpy as np

from hornbook.callbacks.base import Callback, defines_batch_hooks
from hornbook.callbacks.stopping import MonitorCallback
from hornbook.core.output import print_message


class _EverySoOften:
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
        self.save_freq = _checked_frequency(save_freq)
        self._counter = _EverySoOften(save_freq) if isinstance(save_freq, int) else None
        self._epoch = 0

    def wants_batches(self, kind: str) -> bool:
        """Only where files are written between epochs."""
        between = kind == "train" and self._counter is not None
        return between or defines_batch_hooks(self, kind, beyond=Saver)

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

    Raises:
        ValueError: for a wrong ending or save_freq.

    >>> from hornbook import callbacks
    >>> callbacks.ModelCheckpoint("model-{epoch:02d}.keras", save_best_only=True).save_freq
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
    ) -> None:
        super().__init__(monitor, verbose, save_best_only, save_weights_only, mode, save_freq, initial_value_threshold)
        self.filepath = os.fspath(filepath)
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
        os.makedirs(os.path.dirname(filepath) or ".", exist_ok=True)
        if self.save_weights_only:
            self.model.save_weights(filepath, overwrite=True)
        else:
            self.model.save(filepath, overwrite=True)
        self._say(f"\nEpoch {epoch + 1}: finished saving model to {filepath}")

    def _formatted(self, epoch: int, batch: int | None, logs: dict[str, Any]) -> str:
        names = {**({} if batch is None else {"batch": batch + 1}), **logs, "epoch": epoch + 1}
        try:
            return self.filepath.format(**names)
        except KeyError as error:
            raise KeyError(
                f"The filepath {self.filepath!r} names {error}, which is not in the logs: {', '.join(sorted(names))}."
            ) from None


class BackupAndRestore(Callback):
    """Lets an interrupted `fit` go on where it was: keeps weights, optimizer and epoch in a directory.

    A new `fit` with the same callback starts from them. They are removed when the training ends.

    Args:
        backup_dir: the directory, for this run alone.
        save_freq: "epoch", or a number of batches.
        double_checkpoint: keep the last but one state too, for the case that the last cannot be read.
        delete_checkpoint: remove the directory at the end.

    Raises:
        ValueError: for an empty directory name, a wrong save_freq, or a model that is not built.

    >>> from hornbook import callbacks
    >>> callbacks.BackupAndRestore("/tmp/run-1").save_freq
    'epoch'
    """

    def __init__(
        self,
        backup_dir: str | os.PathLike,
        save_freq: str | int = "epoch",
        double_checkpoint: bool = False,
        delete_checkpoint: bool = True,
    ) -> None:
        super().__init__()
        if not backup_dir:
            raise ValueError("backup_dir must name a directory, got an empty name.")
        self.backup_dir = os.fspath(backup_dir)
        self.save_freq = _checked_frequency(save_freq)
        self.double_checkpoint, self.delete_checkpoint = double_checkpoint, delete_checkpoint
        self._metadata = os.path.join(self.backup_dir, "training_metadata.json")
        self._counter = _EverySoOften(save_freq) if isinstance(save_freq, int) else None
        self._epoch = 0

    def wants_batches(self, kind: str) -> bool:
        """Only where states are written between epochs."""
        between = kind == "train" and self._counter is not None
        return between or defines_batch_hooks(self, kind, beyond=BackupAndRestore)

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Go back to the state of an interrupted run, if there is one."""
        self.model._initial_epoch = None
        if not self.model.built:
            raise ValueError(
                "BackupAndRestore needs a built model, or the weights would have no place to go: call the model on a "
                "batch, or build(input_shape), before fit()."
            )
        if not os.path.exists(self._metadata):
            return
        optimizer = self.model.optimizer
        if optimizer is not None and not optimizer.built:
            optimizer.build(self.model.trainable_variables)
        try:
            self._restore(self._metadata)
        except OSError:
            if not os.path.exists(f"{self._metadata}.bkp"):
                raise
            self._restore(f"{self._metadata}.bkp")

    def _restore(self, metadata: str) -> None:
        state = _read(metadata)
        self.model.load_weights(os.path.join(self.backup_dir, os.path.basename(state["weights"])))
        self.model._initial_epoch = self._epoch = state["epoch"]

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Keep the state, every so many batches."""
        if self._counter is not None and self._counter.is_due(batch):
            self._keep(batch + 1)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Keep the state, every epoch."""
        self._epoch = epoch + 1
        if self._counter is None:
            self._keep(0)

    def _keep(self, batch: int) -> None:
        """Write the weights under a new name; the state is changed at once, when the metadata name them."""
        os.makedirs(self.backup_dir, exist_ok=True)
        name = f"state-{self._epoch}-{batch}.weights.h5"
        self.model.save_weights(os.path.join(self.backup_dir, name), overwrite=True)
        if self.double_checkpoint and os.path.exists(self._metadata):
            shutil.copyfile(self._metadata, f"{self._metadata}.bkp")
        unfinished = f"{self._metadata}.tmp"
        with open(unfinished, "w", encoding="utf-8") as file:
            json.dump({"epoch": self._epoch, "batch": batch, "weights": name}, file)
        os.replace(unfinished, self._metadata)
        backups = [path for path in (self._metadata, f"{self._metadata}.bkp") if os.path.exists(path)]
        needed = {_read(path)["weights"] for path in backups}
        for other in os.listdir(self.backup_dir):
            if other.startswith("state-") and other not in needed:
                os.remove(os.path.join(self.backup_dir, other))

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        """The run is complete: nothing is left to go back to."""
        self.model._initial_epoch = None
        if self.delete_checkpoint:
            shutil.rmtree(self.backup_dir, ignore_errors=True)


def _checked_frequency(save_freq: Any) -> Any:
    if save_freq != "epoch" and (not isinstance(save_freq, int) or isinstance(save_freq, bool)):
        raise ValueError(f"save_freq must be 'epoch' or a number of batches, got {save_freq!r}.")
    return save_freq


def _read(metadata: str) -> dict[str, Any]:
    with open(metadata, encoding="utf-8") as file:
        return json.load(file)
