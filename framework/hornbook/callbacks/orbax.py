"""Checkpoints that Orbax writes: each step a directory, written in the background while training goes on."""

import importlib
import os
import warnings
from typing import Any

from hornbook import backend
from hornbook.callbacks.checkpoint import Saver
from hornbook.core.arguments import positive_integer


class OrbaxCheckpoint(Saver):
    """Saves checkpoints in Orbax's format, `directory/<step>/`, after every epoch or every so many batches.

    A step is the number of the epoch, or of the optimizer's updates where `save_freq` counts batches. The newest is
    read by `hornbook.saving.load_model(directory)` and `model.load_weights(directory)`; Keras reads them too. It needs
    the package orbax-checkpoint.

    Args:
        directory: the directory of all steps.
        monitor: the number that says which model is best.
        verbose: 1 says what is saved.
        save_best_only: only save when the number has become better.
        mode: "min", "max" or "auto".
        save_freq: "epoch", or a number of batches.
        initial_value_threshold: the value to be better than at first.
        max_to_keep: how many steps are kept, the newest; all if None.
        save_on_background: go on training while the files are written.
        save_weights_only: save the weights alone, without the optimizer's state and the model's config.

    Raises:
        ImportError: where orbax-checkpoint is not installed.
        ValueError: for a wrong save_freq or max_to_keep.
    """

    def __init__(
        self,
        directory: str | os.PathLike,
        monitor: str = "val_loss",
        verbose: int = 0,
        save_best_only: bool = False,
        mode: str = "auto",
        save_freq: str | int = "epoch",
        initial_value_threshold: float | None = None,
        max_to_keep: int | None = 1,
        save_on_background: bool = True,
        save_weights_only: bool = False,
    ) -> None:
        super().__init__(monitor, verbose, save_best_only, save_weights_only, mode, save_freq, initial_value_threshold)
        self.directory = os.path.abspath(os.fspath(directory))
        self.max_to_keep = None if max_to_keep is None else positive_integer(max_to_keep, "max_to_keep")
        self.save_on_background = save_on_background
        self._checkpointer = _orbax_saving().checkpointer(self.directory, self.max_to_keep)

    def _save(self, epoch: int, batch: int | None, logs: dict[str, Any]) -> None:
        step = epoch if batch is None else int(self.model.optimizer.iterations)
        if self.save_best_only and self.monitor not in logs:
            warnings.warn(
                f"Can save best model only with {self.monitor} available; the logs hold {', '.join(logs)}. Epoch "
                f"{epoch} is not saved.",
                stacklevel=4,
            )
        elif self._should_save(epoch, logs, os.path.join(self.directory, str(step))):
            content = _orbax_saving().content(self.model, self.save_weights_only)
            if not backend.is_chief(self.model._strategy):
                return  # but it has read its part of the metrics, which the chief waits for
            self._checkpointer.save_checkpointables_async(step, content, force=True, overwrite=True)
            if not self.save_on_background:
                self.wait_until_finished()

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        """Wait for the last files."""
        self.wait_until_finished()

    def wait_until_finished(self) -> None:
        """Wait until all files are written."""
        self._checkpointer.wait()

    def is_multihost_enabled(self) -> bool:
        """Whether several hosts write one checkpoint: not with TensorFlow."""
        return False

    def is_primary_host(self) -> bool:
        """Whether this is the host that decides: with TensorFlow each is its own."""
        return True


def _orbax_saving() -> Any:
    return importlib.import_module("hornbook.saving.orbax")
