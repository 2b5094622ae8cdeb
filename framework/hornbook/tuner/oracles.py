"""Oracles: what chooses the next hyperparameters to try; those of keras-tuner, kept so that a search survives a kill."""

import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras_tuner
import numpy as np
from keras_tuner.engine.trial import Trial
from keras_tuner.oracles import BayesianOptimizationOracle as _Bayesian
from keras_tuner.oracles import GridSearchOracle as _Grid
from keras_tuner.oracles import HyperbandOracle as _Hyperband
from keras_tuner.oracles import RandomSearchOracle as _Random

from hornbook.core.untrusted import DamagedFileError
from hornbook.saving.atomic import written_aside


class Oracle(keras_tuner.Oracle):
    """Chooses hyperparameters, and is told how good they were; a subclass defines `populate_space`.

    It is keras-tuner's oracle. All that it knows stands in one file, `oracle.json`, which is old or new and never half, and
    is written when a trial begins and when one ends, not in between: what is found there after a kill is a whole state.
    An oracle that knows more than keras-tuner's base class gives it in `get_state` and takes it in `set_state`.

    Args:
        objective, max_trials, hyperparameters, allow_new_entries, tune_new_entries, seed, max_retries_per_trial,
            max_consecutive_failed_trials: as in keras-tuner; see `Tuner`.

    >>> from hornbook import tuner
    >>> class Halves(tuner.Oracle):
    ...     def populate_space(self, trial_id):
    ...         return {"status": "RUNNING", "values": {"rate": 2.0 ** -int(trial_id)}}
    >>> oracle = Halves(objective="loss", max_trials=3)
    >>> oracle.remaining_trials()
    3
    """

    _within = 0  # changes under way

    @contextlib.contextmanager
    def _one_change(self) -> Iterator[None]:
        """Nothing of what happens in the block is on the disk before all of it is."""
        self._within += 1
        try:
            yield
        finally:
            self._within -= 1
        self.save()

    @keras_tuner.synchronized
    def create_trial(self, tuner_id: str) -> Trial:
        """The next trial, for the worker of this name; its status may be "STOPPED" or "IDLE" too."""
        with self._one_change():
            return super().create_trial(tuner_id)

    @keras_tuner.synchronized
    def end_trial(self, trial: Trial) -> None:
        """Take a trial that is over, of which `update_trial` has told the metrics."""
        with self._one_change():
            super().end_trial(trial)

    @property
    def was_kept(self) -> bool:
        """Whether an earlier search of this name left its state."""
        return os.path.exists(self._get_oracle_fname())

    def save(self) -> None:
        """Write all it knows."""
        if self._within:
            return
        state = {**self.get_state(), "trials": [trial.get_state() for trial in self.trials.values()]}
        with written_aside(self._get_oracle_fname()) as aside:
            aside.write_text(json.dumps(state), encoding="utf-8")

    def reload(self) -> None:
        """Go on from what `save` wrote; the trials that ran then are the first to run again.

        Raises:
            DamagedFileError: where the file is none of these.
        """
        path = Path(self._get_oracle_fname())
        try:
            state = json.loads(path.read_text(encoding="utf-8"))
            self.trials = {kept["trial_id"]: Trial.from_state(kept) for kept in state["trials"]}
            self.set_state(state)
        except (KeyError, TypeError, ValueError) as error:
            raise DamagedFileError(
                f"{path} holds no search of this oracle ({type(error).__name__}: {error}). Pass overwrite=True to search "
                "anew, or name another project."
            ) from None
        running = sorted((trial.trial_id for trial in self.ongoing_trials.values()), reverse=True)
        self._retry_queue.extend(running)  # it is emptied from its end
        self.ongoing_trials = {}


class RandomSearchOracle(Oracle, _Random):
    """Draws hyperparameters at random, none twice."""


class HyperbandOracle(Oracle, _Hyperband):
    """Trains many models for a few epochs, and the better ones of them for longer (Li et al. 2018)."""


class GridSearchOracle(Oracle, _Grid):
    """Tries all combinations, one after the other."""

    def get_state(self) -> dict[str, Any]:
        """Also the order of the combinations, and those that may have a next one."""
        order, following = self._ordered_ids, []
        index = order._next_index[None]
        while index is not None:
            following.append(order._memory[index])
            index = order._next_index[index]
        return {**super().get_state(), "order": following, "populate_next": self._populate_next}

    def set_state(self, state: dict[str, Any]) -> None:
        """Take what `get_state` gave."""
        super().set_state(state)
        before = None
        for trial_id in state["order"]:
            self._ordered_ids.insert(trial_id, before)
            before = trial_id
        self._populate_next = state["populate_next"]


class BayesianOptimizationOracle(Oracle, _Bayesian):
    """Models the score by a Gaussian process, and tries what may be best by it."""

    def get_state(self) -> dict[str, Any]:
        """Also its random generator, from which it starts the search for the best point."""
        name, keys, position, has_gauss, gauss = self._random_state.get_state()
        return {**super().get_state(), "random": [name, np.asarray(keys).tolist(), position, has_gauss, gauss]}

    def set_state(self, state: dict[str, Any]) -> None:
        """Take what `get_state` gave."""
        super().set_state(state)
        name, keys, *rest = state["random"]
        self._random_state.set_state((name, np.array(keys, "uint32"), *rest))
