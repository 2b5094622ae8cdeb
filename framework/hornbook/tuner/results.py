"""What a trial gives back, and the two callbacks by which a tuner looks on."""

import dataclasses
import functools
import os
import time
from typing import Any

import numpy as np
from keras_tuner.errors import FatalTypeError, FatalValueError

from hornbook.callbacks import BackupAndRestore, Callback, History


@dataclasses.dataclass
class Outcome:
    """How a trial ended.

    Attributes:
        status: "COMPLETED", "INVALID" (it may be tried again) or "FAILED".
        metrics: what the oracle is told, the objective among it.
        step: the epoch these are of, from 0; the mean over executions.
        message: the traceback of what went wrong.
    """

    status: str
    metrics: dict[str, float] = dataclasses.field(default_factory=dict)
    step: int = 0
    message: str | None = None


def summarized(results: Any, objective: Any) -> tuple[dict[str, float], int]:
    """The metrics of a trial and the epoch they are of; of several executions, their means.

    Args:
        results: a History, of which the best epoch counts; a dictionary with the objective; one number, which is the
            objective; or a list of such, one for each execution.
        objective: a `tuner.Objective`.

    Raises:
        FatalTypeError: for anything else.
        FatalValueError: where the objective is not in it.

    >>> from hornbook import tuner
    >>> from hornbook.tuner.results import summarized
    >>> summarized([{"loss": 1.0}, {"loss": 3.0}], tuner.Objective("loss", "min"))
    ({'loss': 2.0}, 0)
    """
    if isinstance(results, list):
        if not results:
            raise FatalTypeError("A trial gave an empty list; at least one execution must give a result.")
        found = [summarized(result, objective) for result in results]
        names = [name for name in found[0][0] if all(name in metrics for metrics, _ in found)]
        means = {name: float(np.mean([metrics[name] for metrics, _ in found])) for name in names}
        return means, int(np.mean([step for _, step in found]))
    if isinstance(results, History):
        epochs = range(len(results.epoch))
        logs_of = [{name: values[i] for name, values in results.history.items() if i < len(values)} for i in epochs]
        found = [(_with_objective(logs, objective), epoch) for epoch, logs in enumerate(logs_of)]
        if not found:
            raise FatalValueError("The history of a trial is empty: `fit` has run no epoch.")
        return functools.reduce(
            lambda best, new: new if objective.better_than(new[0][objective.name], best[0][objective.name]) else best,
            found,
        )
    if isinstance(results, dict):
        return _with_objective(results, objective), 0
    if isinstance(results, int | float | np.number):
        return {objective.name: float(results)}, 0
    raise FatalTypeError(
        "run_trial() and HyperModel.fit() must return what model.fit() returned, a dictionary of metrics, a number, or a "
        f"list of such; got {results!r} of type {type(results).__name__}."
    )


def _with_objective(logs: dict[str, Any], objective: Any) -> dict[str, float]:
    numbers = {name: float(value) for name, value in logs.items() if np.ndim(value) == 0}
    if objective.name not in numbers:
        if not objective.has_value(numbers) or not hasattr(objective, "objectives"):
            raise FatalValueError(
                f"The objective {objective.name!r} is none of the metrics of the trial, which are {sorted(numbers)}. Name "
                "one of these, or return a single number where there is no objective."
            )
        numbers[objective.name] = float(objective.get_value(numbers))
    return numbers


class SaveBestEpoch(Callback):
    """Keeps the weights of a trial's best epoch, over all its executions.

    Args:
        objective: says which is best; without its value in the logs, each epoch's weights replace those before.
        path: the file of weights.
    """

    def __init__(self, objective: Any, path: str) -> None:
        super().__init__()
        self.objective, self.path, self.best = objective, path, None

    def get_state(self) -> dict[str, Any]:
        """The best value so far."""
        return {"best": self.best}

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on from there."""
        self.best = state["best"]

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Compare, and save."""
        value = self.objective.get_value(logs) if self.objective.has_value(logs or {}) else None
        if value is None or self.best is None or self.objective.better_than(value, self.best):
            self.best = None if value is None else float(value)
            self.model.save_weights(self.path)


SECONDS_BETWEEN = 1.0  # backups: those of short epochs would take longer than what they save


class TrialBackup(BackupAndRestore):
    """The backups of one execution of a trial: of each `fit` in it, kept until the trial is over.

    A trial that is run again, since the search was killed, passes quickly through the fits that were done and goes on in
    the one that was not. A kill costs the epoch that ran, and those of the second before it.
    """

    def __init__(self, folder: str) -> None:
        super().__init__(folder, delete_checkpoint=False)
        self._folder_of_all, self._fits = folder, 0

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Turn to the next fit's folder."""
        self.backup_dir = os.path.join(self._folder_of_all, f"fit_{self._fits}")
        self._fits += 1
        self._kept_at = time.monotonic()
        super().on_train_begin(logs)

    def _keep(self) -> None:
        if time.monotonic() - self._kept_at >= SECONDS_BETWEEN:
            super()._keep()
            self._kept_at = time.monotonic()


HOOKS = ("on_epoch_begin", "on_epoch_end", "on_batch_begin", "on_batch_end")


class TrialHooks(Callback):
    """Calls the hooks that a tuner's class defines, with the trial and its model.

    Args:
        tuner: the tuner.
        trial: the trial.
        names: those of `HOOKS` that it defines: a hook for batches that nobody wants would make the training slow.
    """

    def __init__(self, tuner: Any, trial: Any, names: list[str]) -> None:
        super().__init__()
        self.tuner, self.trial = tuner, trial
        vars(self).update({name: functools.partial(self._tell, name) for name in names})

    def _tell(self, name: str, number: int, logs: dict[str, Any] | None = None) -> None:
        getattr(self.tuner, name)(self.trial, self.model, number, logs=logs)
