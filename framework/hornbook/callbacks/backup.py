"""A callback that lets a run that was killed go on as if it had not been."""

import importlib
import os
import signal
import threading
import warnings
from typing import Any

import numpy as np

from hornbook import backend
from hornbook.callbacks.base import Callback
from hornbook.callbacks.checkpoint import EverySoOften, checked_frequency
from hornbook.random.seed_generator import get_random_state


class BackupAndRestore(Callback):
    """Lets an interrupted `fit` go on where it was: the program is started again, and ends as if it had never stopped.

    A backup holds all that the rest of the run depends on, bit for bit: weights, optimizer, metrics within the epoch,
    seeds of dropout, the order of the data and the place in it, the history, the state of callbacks that define
    `get_state`, Python's and NumPy's random generators. A file is old or new, never half: it is written aside, flushed
    to the disk and renamed; a checksum says whether it is whole. All are removed when the training ends, unless it ends with
    weights that are not finite: of such no backup is made, and the last one before them stays.

    Of processes that train together the chief writes. All go on from its newest backup, so the directory must lie on a disk
    that they share; after a signal to one of them, all keep the state and end.

    The program must make the same model and data again. A `tf.data` pipeline goes on where it was; one that runs Python
    code, a generator or a PyTorch loader is drawn from anew up to that place, so it must give the same batches again.

    Args:
        backup_dir: the directory, for this run alone.
        save_freq: "epoch", a number of batches, or False for none but that before a preemption.
        double_checkpoint: keep the last but one state too, for the case that the last cannot be read.
        delete_checkpoint: remove the directory at the end. False keeps the last state, for a program that may be killed
            behind `fit`, before it has saved what came of it: started again, its `fit` has nothing left to do.
        save_before_preemption: at SIGTERM, which a machine gets before it is taken away, keep the state after the steps
            that run, within about a second, and end the process with `SystemExit(143)`, that is 128 + 15. A second SIGTERM
            ends it at once.

    Raises:
        ValueError: for an empty directory name, a wrong save_freq, a model that is not built, and a backup of another
            model or other data.
        DamagedFileError: where backups are there, but none can be read.
        OSError: where none can be written, and the one before stays; where processes that train together do not see the
            same directory.
        RuntimeError: outside of `fit`, and where another process is gone.

    >>> from hornbook import callbacks
    >>> callbacks.BackupAndRestore("/tmp/run-1").save_freq
    'epoch'
    """

    comes_last = True

    def __init__(
        self,
        backup_dir: str | os.PathLike,
        save_freq: str | int = "epoch",
        double_checkpoint: bool = False,
        delete_checkpoint: bool = True,
        save_before_preemption: bool = False,
    ) -> None:
        super().__init__()
        if not backup_dir:
            raise ValueError("backup_dir must name a directory, got an empty name.")
        if save_freq is False and not save_before_preemption:
            raise ValueError("save_freq=False keeps nothing; it goes with save_before_preemption=True alone.")
        self.backup_dir = os.fspath(backup_dir)
        self.save_freq = save_freq if save_freq is False else checked_frequency(save_freq)
        self.double_checkpoint, self.delete_checkpoint = double_checkpoint, delete_checkpoint
        self.save_before_preemption = save_before_preemption
        self._counter = EverySoOften(save_freq) if save_freq is not False and isinstance(save_freq, int) else None
        self._folder: Any = None
        self._found: Any = None  # a state of the middle of an epoch, until that begins
        self._terminated = False  # by a signal to this process
        self._ends = False  # by a signal to one of those that train together
        self._handler_before: Any = None  # of SIGTERM
        self._before_validation: dict[str, Any] = {}
        self._warned = False  # of weights that are not finite

    def longest_stretch(self, kind: str) -> int | None:
        """As many steps as are left before the next backup."""
        return self._counter.left() if kind == "train" and self._counter is not None else None

    def get_state(self) -> dict[str, Any]:
        """The count of batches."""
        return {"counter": None if self._counter is None else self._counter.get_state()}

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on counting."""
        if self._counter is not None and state["counter"] is not None:
            self._counter.set_state(state["counter"])

    # -- going back ----------------------------------------------------------------------------------------------
    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Find the state of an interrupted run; one from between two epochs is put back."""
        if not self.model.built:
            raise ValueError(
                "BackupAndRestore needs a built model, or the weights would have no place to go: call the model on a "
                "batch, or build(input_shape), before fit()."
            )
        if self.model._run is None:
            raise RuntimeError(
                "BackupAndRestore works in fit(), which knows where the data are; in a loop of one's own "
                "there is model.save_weights()."
            )
        keep = 2 if self.double_checkpoint else 1
        self._folder = _saving().BackupFolder(self.backup_dir, keep, self.model._strategy)
        self._terminated, self._ends, self._before_validation = False, False, {}
        self._found = self._folder.read()
        if self._found is not None:
            self.model._run.epoch = self._found["run"]["epoch"]
            if not self._found["run"]["under_way"]:
                self._put_back()
        if self.save_before_preemption and threading.current_thread() is threading.main_thread():
            self._handler_before = signal.signal(signal.SIGTERM, self._on_sigterm) or signal.SIG_DFL

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Put back a state from the middle of this epoch, over all that others have done at its beginning."""
        if self._found is not None:
            self._put_back()

    def _put_back(self) -> None:
        own = _saving().set_numbers_state(self.model, self._found)
        self.model._run.set_state({**self._found["run"], "random": own["random"]})
        self._found = None

    # -- keeping -------------------------------------------------------------------------------------------------
    def on_stretch_end(self, kind: str, step: int, total: int | None, logs: dict[str, Any] | None = None) -> None:
        """Keep the state, every so many batches, and before the process is ended."""
        in_fit = self.model._run is not None
        self._agree_on_the_end()
        due = kind == "train" and self._counter is not None and self._counter.is_due(step - 1)
        if in_fit and (due or self._ends):
            self._keep()
        self._end_if_agreed()

    def on_test_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Note what a validation begins with: one that is cut begins anew."""
        run = self.model._run
        if self.save_before_preemption and run is not None and run.validation is not None:
            self._before_validation = {"validation": run.validation.get_state(), "random": get_random_state()}

    def on_test_end(self, logs: dict[str, Any] | None = None) -> None:
        """The validation is done."""
        self._before_validation = {}

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Keep the state, every epoch."""
        self._agree_on_the_end()
        if self.save_freq == "epoch" or self._ends:
            self._keep()
        self._end_if_agreed()

    def _keep(self) -> None:
        if not _saving().is_finite(self.model):
            if not self._warned:
                warnings.warn(
                    f"The model's weights are not finite any more: the last backup in {self.backup_dir} of weights that are "
                    "is kept, and no newer one is made.",
                    stacklevel=6,
                )
            self._warned = True
            return
        self._warned = False
        run = {**self.model._run.get_state(), **self._before_validation}
        own = {"random": run.pop("random")}
        self._folder.write({"run": run, **_saving().numbers_state(self.model, own)})

    # -- the end -------------------------------------------------------------------------------------------------
    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        """The run is complete: nothing is left to go back to."""
        self._restore_handler()
        if self._terminated:  # too late for another state: the last one leads here again
            os.kill(os.getpid(), signal.SIGTERM)
        if self.delete_checkpoint and not self._warned:
            self._folder.remove()

    def _on_sigterm(self, number: int, frame: Any) -> None:
        if self._terminated or self.model._run is None:  # a second time, or after a fit that ended with an error
            self._restore_handler()
            os.kill(os.getpid(), signal.SIGTERM)
        self._terminated = True

    def _agree_on_the_end(self) -> None:
        """A signal to one of the processes that train together ends all of them, behind the same step."""
        if self.save_before_preemption:
            self._ends = bool(backend.from_all(np.array(self._terminated), self.model._strategy).any())

    def _restore_handler(self) -> None:
        if self._handler_before is not None:
            signal.signal(signal.SIGTERM, self._handler_before)
            self._handler_before = None

    def _end_if_agreed(self) -> None:
        if self._ends:
            self._restore_handler()
            raise SystemExit(128 + signal.SIGTERM)


def _saving() -> Any:
    return importlib.import_module("hornbook.saving.backup")
