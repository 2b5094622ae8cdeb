"""Trials in several processes of one machine: this one has the oracle, the others run the trials it hands them."""

import contextlib
import multiprocessing
import os
import threading
import traceback
from multiprocessing.connection import wait
from typing import Any

import keras_tuner
from keras_tuner.engine.trial import Trial
from keras_tuner.errors import FatalError, FatalRuntimeError

from hornbook.tuner.results import Outcome

START = "spawn"  # how processes begin: a copy of one in which TensorFlow runs would hang


def search(tuner: Any, count: int, fit_args: tuple, fit_kwargs: dict[str, Any]) -> None:
    """Run the trials of a search in processes.

    Args:
        tuner: the tuner.
        count: how many processes.
        fit_args, fit_kwargs: the arguments of `fit`; each process is sent them once.

    Raises:
        ValueError: where the tuner or the arguments cannot be sent.
        RuntimeError: where a process cannot start, or an error that is not one of a single trial came up.
    """
    with contextlib.ExitStack() as stack:
        team = [Worker(f"{tuner.tuner_id}-{i}", tuner, fit_args, fit_kwargs) for i in range(count)]
        for worker in team:
            stack.callback(worker.stop)
            worker.start()
        while True:
            for worker in team:
                if worker.trial is None:
                    worker.take()
            busy = {worker.connection: worker for worker in team if worker.trial is not None}
            if not busy:
                return
            for connection in wait(list(busy)):
                busy[connection].listen()  # type: ignore[index]


class Worker:
    """A process that runs trials, as this process sees it.

    Args:
        name: what the oracle knows it by.
        tuner, fit_args, fit_kwargs: what it runs trials with.

    Attributes:
        trial: the trial it runs, or None.
    """

    def __init__(self, name: str, tuner: Any, fit_args: tuple, fit_kwargs: dict[str, Any]) -> None:
        self.name, self.tuner, self.sent = name, tuner, (tuner, fit_args, fit_kwargs)
        self.connection: Any = None
        self.process: Any = None
        self.trial: Trial | None = None
        self.has_started = False

    def start(self) -> None:
        """Start the process."""
        context: Any = multiprocessing.get_context(START)
        self.connection, theirs = context.Pipe()
        self.process = context.Process(target=run_trials, args=(theirs, *self.sent), daemon=True)
        try:
            self.process.start()
        except Exception as error:
            raise ValueError(
                f"The tuner and the data cannot be sent to other processes ({type(error).__name__}: {error}). What builds the "
                "model must be a function or class at the top of a module, and the data arrays; or search with workers=1."
            ) from error
        finally:
            theirs.close()

    def stop(self) -> None:
        """End the process, whatever it does."""
        if self.process is not None and self.process.pid is not None:
            self.connection.close()
            if self.trial is not None:
                self.process.kill()
            self.process.join()

    def take(self) -> None:
        """Get it a trial from the oracle, if there is one."""
        trial = self.tuner.oracle.create_trial(self.name)
        if trial.status == "RUNNING":
            self.trial = trial
            self.tuner.on_trial_begin(trial)
            with contextlib.suppress(OSError):  # it is gone; `listen` will hear that
                self.connection.send(trial.get_state())

    def listen(self) -> None:
        """Hear how its trial ended, or that it is gone; then another process takes its place."""
        trial: Any = self.trial
        try:
            message = self.connection.recv()
        except (EOFError, OSError):
            self.process.join()
            ended = f"The process that ran trial {trial.trial_id} ended with exit code {self.process.exitcode}."
            if not self.has_started:
                raise RuntimeError(
                    f"{ended} It could not start: a script that searches with workers does so under "
                    '`if __name__ == "__main__":`, for each of them imports it.'
                ) from None
            self.has_started = False
            self.start()
            self._end(Outcome("INVALID", message=ended))
            return
        if message == "started":
            self.has_started = True
        elif isinstance(message, str):
            raise FatalRuntimeError(message)
        else:
            outcome, hyperparameters = message
            trial.hyperparameters = keras_tuner.HyperParameters.from_config(hyperparameters)
            self._end(outcome)

    def _end(self, outcome: Outcome) -> None:
        trial, self.trial = self.trial, None
        self.tuner.report(trial, outcome)


def run_trials(connection: Any, tuner: Any, fit_args: tuple, fit_kwargs: dict[str, Any]) -> None:
    """What such a process does: run the trials it is sent, until there is nobody who sends any."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    connection.send("started")
    with contextlib.suppress(EOFError, BrokenPipeError):
        while True:
            trial = Trial.from_state(connection.recv())
            try:
                outcome = tuner.outcome(trial, fit_args, dict(fit_kwargs))
            except FatalError:
                connection.send(traceback.format_exc())
            else:
                connection.send((outcome, trial.hyperparameters.get_config()))


def _end_with_parent() -> None:
    """A search that was killed is started again: nobody else may then be at work on its trials."""
    parent: Any = multiprocessing.parent_process()
    parent.join()
    os._exit(1)
