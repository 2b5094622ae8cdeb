"""Tuners: each runs trials, models with hyperparameters that an oracle chose, and tells the oracle how good they were."""

import copy
import json
import math
import os
import shutil
import traceback
import types
import zlib
from typing import Any

import keras_tuner
from keras_tuner.engine.trial import Trial
from keras_tuner.errors import FailedTrialError, FatalError, FatalTypeError, FatalValueError

from hornbook import backend, callbacks, metrics, optimizers, tree
from hornbook.core.global_state import clear_session
from hornbook.core.output import print_message
from hornbook.models import Model
from hornbook.random.seed_generator import set_random_seed
from hornbook.saving.atomic import written_aside
from hornbook.tuner import processes, service
from hornbook.tuner.oracles import (
    BayesianOptimizationOracle,
    GridSearchOracle,
    HyperbandOracle,
    Oracle,
    RandomSearchOracle,
)
from hornbook.tuner.results import HOOKS, Outcome, SaveBestEpoch, TrialBackup, TrialHooks, summarized


class Tuner:
    """Searches for good hyperparameters: asks an oracle, builds and trains a model, tells the oracle the result.

    All of a search lies in `directory/project_name`. A search that is started again there goes on: trials that are over are
    not run again, one that was under way goes on where it was a second before. The seed of an execution is made of the oracle's,
    the trial's name and the execution's number, so a trial gives the same numbers in whichever process it runs, and the
    search that was killed ends as one that was not. (`search` seeds Python's, NumPy's and the backend's generators.)

    Args:
        oracle: chooses the hyperparameters.
        hypermodel: a function of `hp` that gives a compiled model, or a `HyperModel`. None where a subclass has a
            `run_trial` of its own that needs none.
        max_model_size: a model with more trainable numbers is not trained; its trial fails.
        optimizer, loss, metrics: take the place of those the model is compiled with.
        distribution_strategy: a strategy of `tf.distribute`, in whose scope models are built.
        directory, project_name: where all of the search is kept; "." and "untitled_project" if None.
        tuner_id: the name of this tuner among several; the environment's `KERASTUNER_TUNER_ID`, or "tuner0", if None.
        overwrite: begin anew, and remove what an earlier search left.
        executions_per_trial: how often each model is trained, from other random weights; the mean is the score.
        backup: keep the state of a trial between epochs, once a second at most. Without it, a trial that was cut begins
            anew.

    Raises:
        TypeError: for an oracle of another kind.
        ValueError: where there is no hypermodel and no `run_trial`.

    >>> from hornbook import tuner
    >>> class Parabola(tuner.RandomSearch):
    ...     def run_trial(self, trial, **kwargs):
    ...         x = trial.hyperparameters.Float("x", -1.0, 1.0)
    ...         return x * x
    >>> search = Parabola(max_trials=20, seed=0, directory="searches", project_name="parabola")
    >>> search.search(verbose=0)
    >>> abs(search.get_best_hyperparameters()[0]["x"]) < 0.2
    True
    """

    def __init__(
        self,
        oracle: Oracle,
        hypermodel: Any = None,
        max_model_size: int | None = None,
        optimizer: Any = None,
        loss: Any = None,
        metrics: Any = None,
        distribution_strategy: Any = None,
        directory: str | os.PathLike | None = None,
        project_name: str | None = None,
        tuner_id: str | None = None,
        overwrite: bool = False,
        executions_per_trial: int = 1,
        backup: bool = True,
    ) -> None:
        if not isinstance(oracle, Oracle):
            raise TypeError(
                f"oracle must be a hornbook.tuner.Oracle, got {oracle!r}. One of keras-tuner becomes that by a class of both: "
                "`class Mine(hornbook.tuner.Oracle, Theirs)`."
            )
        self.hypermodel = _as_hypermodel(hypermodel)
        if hypermodel is None and type(self).run_trial is Tuner.run_trial:
            raise ValueError("hypermodel is None, so this class needs a run_trial(trial, ...) of its own; it has none.")
        self.max_model_size = max_model_size
        self.optimizer, self.loss, self.metrics = optimizer, loss, metrics
        self.distribution_strategy = distribution_strategy
        self.executions_per_trial, self.backup = executions_per_trial, backup
        self.directory, self.project_name = os.fspath(directory or "."), project_name or "untitled_project"
        self.role = service.role()
        self.tuner_id = tuner_id or os.environ.get("KERASTUNER_TUNER_ID", "tuner0")

        if overwrite and self.role != "worker":
            shutil.rmtree(self.project_dir, ignore_errors=True)
        oracle._set_project_dir(self.directory, self.project_name)
        self.oracle: Any = oracle
        if self.role != "worker" and oracle.was_kept:
            print_message(f"Going on with the search in {self.project_dir}.")
            oracle.reload()
        else:
            self._populate_initial_space()
        self.seed = oracle.seed
        if self.role == "worker":
            self.oracle = service.client(oracle)

    def __getstate__(self) -> dict[str, Any]:
        """What a process that runs trials is sent: all but the oracle, of which it has the objective alone."""
        return {**vars(self), "oracle": types.SimpleNamespace(objective=self.oracle.objective)}

    # -- folders -------------------------------------------------------------------------------------------------
    @property
    def project_dir(self) -> str:
        """The folder of the search."""
        return os.path.join(self.directory, self.project_name)

    def get_trial_dir(self, trial_id: str) -> str:
        """The folder of a trial; it is made if it is not there."""
        folder = os.path.join(self.project_dir, f"trial_{trial_id}")
        os.makedirs(folder, exist_ok=True)
        return folder

    def _weights_path(self, trial_id: str) -> str:
        return os.path.join(self.get_trial_dir(trial_id), "checkpoint.weights.h5")

    def _shapes_path(self, trial_id: str) -> str:
        return os.path.join(self.get_trial_dir(trial_id), "build_config.json")

    def _backups_path(self, trial_id: str) -> str:
        return os.path.join(self.get_trial_dir(trial_id), "backups")

    # -- the space -----------------------------------------------------------------------------------------------
    def _populate_initial_space(self) -> None:
        """Build the model once for each conditional scope, so that the oracle knows all hyperparameters from the start."""
        if self.hypermodel is None:
            return
        space = self.oracle.get_space()
        self.hypermodel.declare_hyperparameters(space)
        self.oracle.update_space(space)
        tried: list = []
        wanted: list = [[]]  # scopes, each a list of conditions, to be active together
        while wanted:
            space = self.oracle.get_space()
            space.values = {condition.name: condition.values[0] for condition in wanted[0]}
            for hp in space.space:
                if space.is_active(hp):
                    space.values.setdefault(hp.name, hp.default)
            tried.append(wanted[0])
            with backend.strategy_scope(self.distribution_strategy):
                self.hypermodel.build(space)
            self.oracle.update_space(space)
            tried += copy.deepcopy(space.active_scopes)
            wanted = [scope for scope in [*wanted, *copy.deepcopy(space.inactive_scopes)] if scope not in tried]
        clear_session()

    # -- the search ----------------------------------------------------------------------------------------------
    def search(self, *fit_args: Any, workers: int = 1, **fit_kwargs: Any) -> None:
        """Run trials until the oracle has enough.

        Args:
            *fit_args, **fit_kwargs: what `model.fit` is given, such as the data, `epochs`, `validation_data`. Callbacks are
                copied for each execution; a `TensorBoard` among them writes to a folder for each.
            workers: how many processes on this machine run trials at a time. They are sent the tuner and the data, so what
                builds the model must be a function or class at the top of a module, and the data arrays; a script
                starts the search under `if __name__ == "__main__":`.

        Where the environment names a chief (`KERASTUNER_ORACLE_IP`, `KERASTUNER_ORACLE_PORT` and, for each process,
        `KERASTUNER_TUNER_ID`), the process called "chief" serves the oracle until the search is over, and the others run
        trials. All need the same directory.

        Raises:
            RuntimeError: after three trials in a row that failed, or where a worker process cannot start.
            ValueError: for less than one worker, and where the tuner or the data cannot be sent to workers.
        """
        if workers < 1:
            raise ValueError(f"workers must be at least 1, got {workers}.")
        if self.role != "worker" and "verbose" in fit_kwargs:
            self.oracle.verbose = fit_kwargs["verbose"]
        if self.role == "chief":
            self.oracle.save()
            service.serve(self.oracle)
            return
        self.on_search_begin()
        if workers > 1:
            processes.search(self, workers, fit_args, fit_kwargs)
        else:
            self._search_here(fit_args, fit_kwargs)
        self.on_search_end()

    def _search_here(self, fit_args: tuple, fit_kwargs: dict[str, Any]) -> None:
        while (trial := self.oracle.create_trial(self.tuner_id)).status != "STOPPED":
            if trial.status == "RUNNING":  # or "IDLE": what others find out must be waited for
                self.on_trial_begin(trial)
                self.report(trial, self.outcome(trial, fit_args, fit_kwargs))

    def outcome(self, trial: Trial, fit_args: tuple, fit_kwargs: dict[str, Any]) -> Outcome:
        """Run a trial, and say how it ended."""
        objective = self.oracle.objective
        try:
            metrics, step = summarized(self.run_trial(trial, *fit_args, **fit_kwargs), objective)
            if math.isnan(metrics[objective.name]):
                return Outcome("INVALID", message=f"{objective.name} is not a number.")
            known = {name: value for name, value in metrics.items() if not math.isnan(value)}
            return Outcome("COMPLETED", known, step)
        except FatalError:
            raise
        except FailedTrialError:
            return Outcome("FAILED", message=traceback.format_exc())
        except Exception:
            message = traceback.format_exc()
            print_message(f"Trial {trial.trial_id} broke off:\n{message}")
            return Outcome("INVALID", message=message)

    def report(self, trial: Trial, outcome: Outcome) -> None:
        """Tell the oracle how a trial ended."""
        if outcome.status == "COMPLETED":
            self.oracle.update_trial(trial.trial_id, outcome.metrics, step=outcome.step)
        trial.status, trial.message = outcome.status, outcome.message
        self.on_trial_end(trial)

    def run_trial(self, trial: Trial, *fit_args: Any, **fit_kwargs: Any) -> Any:
        """Build, train and measure a model with the hyperparameters of a trial; a subclass may do something else.

        Returns:
            what the model's `fit` returned, a dictionary with the objective, or the objective as a number; or a list of such,
            one for each execution.
        """
        given = fit_kwargs.pop("callbacks", None)
        best = SaveBestEpoch(self.oracle.objective, self._weights_path(trial.trial_id))
        results = []
        for execution in range(self.executions_per_trial):
            own = [*self._own_callbacks(trial, execution), best]
            clear_session()
            set_random_seed(zlib.crc32(f"{self.seed}/{trial.trial_id}/{execution}".encode()))
            model = self._built(trial.hyperparameters)
            looking_on = [*self._copied(given, trial, execution), *own]
            result = self.hypermodel.fit(
                trial.hyperparameters, model, *fit_args, **{**fit_kwargs, "callbacks": looking_on}
            )
            results.append(result)
            with written_aside(self._shapes_path(trial.trial_id)) as aside:
                aside.write_text(json.dumps(model.get_build_config()), encoding="utf-8")
        return results

    def _own_callbacks(self, trial: Trial, execution: int) -> list:
        defined = [name for name in HOOKS if getattr(type(self), name) is not getattr(Tuner, name)]
        own: list = [TrialHooks(self, trial, defined)] if defined else []
        if self.backup:
            own.append(TrialBackup(os.path.join(self._backups_path(trial.trial_id), f"execution_{execution}")))
        return own

    def _copied(self, given: Any, trial: Trial, execution: int) -> list:
        """The user's callbacks, new for each execution."""
        try:
            copies = copy.deepcopy(tree.flatten(given) if given else [])
        except Exception as error:
            raise FatalValueError(
                f"Each execution has its own copies of the callbacks, but {given!r} cannot be copied ({error}). Make them in "
                "HyperModel.fit(hp, model, *args, callbacks, **kwargs) instead."
            ) from error
        for callback in copies:
            if isinstance(callback, callbacks.TensorBoard):
                callback.log_dir = os.path.join(callback.log_dir, trial.trial_id, f"execution{execution}")
        return copies

    # -- models --------------------------------------------------------------------------------------------------
    def _built(self, hp: Any) -> Model:
        with backend.strategy_scope(self.distribution_strategy):
            model = self._build_hypermodel(hp)
        if not isinstance(model, Model):
            raise FatalTypeError(
                f"What builds the model must return a model of Hornbook, compiled; got {model!r} of type "
                f"{type(model).__module__}.{type(model).__name__}."
            )
        size = model.count_params() if model.built else 0
        if self.max_model_size and size > self.max_model_size:
            raise FailedTrialError(f"The model has {size:,} numbers; max_model_size is {self.max_model_size:,}.")
        return model

    def _build_hypermodel(self, hp: Any) -> Any:
        model = self.hypermodel.build(hp)
        if self.optimizer or self.loss or self.metrics:
            optimizer = self.optimizer or model.optimizer
            if isinstance(optimizer, optimizers.Optimizer) and optimizer is self.optimizer:
                optimizer = optimizers.deserialize(optimizers.serialize(optimizer))  # each model has its own
            model.compile(optimizer, self.loss or model.loss, metrics=self.metrics or _metrics_of(model))
        return model

    def load_model(self, trial: Trial) -> Model:
        """The model of a trial with the weights of its best epoch."""
        model = self._built(trial.hyperparameters)
        with backend.strategy_scope(self.distribution_strategy):
            self._load_weights(model, trial.trial_id)
        return model

    def _load_weights(self, model: Model, trial_id: str) -> None:
        if not model.built:
            with open(self._shapes_path(trial_id), encoding="utf-8") as file:
                model.build_from_config(json.load(file))
        if model.optimizer is not None:
            model.optimizer.build(model.trainable_variables)  # its state is in the file too
        model.load_weights(self._weights_path(trial_id))

    # -- hooks ---------------------------------------------------------------------------------------------------
    def on_search_begin(self) -> None:
        """Called at the beginning of `search`."""

    def on_search_end(self) -> None:
        """Called at the end of `search`."""

    def on_trial_begin(self, trial: Trial) -> None:
        """Called before a trial."""

    def on_trial_end(self, trial: Trial) -> None:
        """Called after a trial, to end it for the oracle; its backups are removed, unless it is to be tried again."""
        self.oracle.end_trial(trial)
        if self.oracle.get_trial(trial.trial_id).status != "INVALID":
            shutil.rmtree(self._backups_path(trial.trial_id), ignore_errors=True)

    def on_epoch_begin(self, trial: Trial, model: Model, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Called before an epoch."""

    def on_epoch_end(self, trial: Trial, model: Model, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Called after an epoch."""

    def on_batch_begin(self, trial: Trial, model: Model, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Called before a batch; `fit` then stops after each."""

    def on_batch_end(self, trial: Trial, model: Model, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Called after a batch; `fit` then stops after each."""

    # -- results -------------------------------------------------------------------------------------------------
    @property
    def remaining_trials(self) -> int | None:
        """How many trials are left; None where there is no limit."""
        return self.oracle.remaining_trials()

    def get_best_models(self, num_models: int = 1) -> list[Model]:
        """The best models, the best first, with the weights of their best epochs."""
        return [self.load_model(trial) for trial in self._best(num_models)]

    def get_best_hyperparameters(self, num_trials: int = 1) -> list:
        """The hyperparameters of the best trials, the best first."""
        return [trial.hyperparameters for trial in self._best(num_trials)]

    def _best(self, count: int) -> list[Trial]:
        return [trial for trial in self.oracle.get_best_trials(count) if trial.status == "COMPLETED"]

    def search_space_summary(self, extended: bool = False) -> None:
        """Print the hyperparameters and their ranges; with `extended`, on what conditions they count."""
        space = self.oracle.get_space().space
        lines = [f"Search space: {len(space)} hyperparameters"]
        for hp in space:
            config = hp.get_config()
            conditions = config.pop("conditions", [])
            told = ", ".join(f"{key}={value!r}" for key, value in config.items() if key != "name")
            lines.append(f"  {hp.name}: {type(hp).__name__}({told})")
            if extended:
                lines += [f"    where {row['config']['name']} is in {row['config']['values']}" for row in conditions]
        print_message("\n".join(lines))

    def results_summary(self, num_trials: int = 10) -> None:
        """Print the best trials with scores and hyperparameters, and what went wrong in those that failed."""
        objective = self.oracle.objective
        lines = [f"Results in {self.project_dir}, by {objective.name} ({objective.direction})"]
        for trial in self.oracle.get_best_trials(num_trials):
            score = "no score" if trial.score is None else f"{trial.score:.6g}"
            lines.append(
                f"  trial {trial.trial_id}: {score} ({trial.status.lower()}, epoch {(trial.best_step or 0) + 1})"
            )
            lines += [f"    {name}: {value}" for name, value in trial.hyperparameters.values.items()]
            lines += [f"    {line}" for line in (trial.message or "").splitlines()]
        print_message("\n".join(lines))


def _as_hypermodel(given: Any) -> Any:
    """A HyperModel of a function that builds; one as it is."""
    if given is None or isinstance(given, keras_tuner.HyperModel):
        return given
    if not callable(given):
        raise FatalValueError(
            f"hypermodel must be a function of hp that gives a model, or a HyperModel; got {given!r}."
        )
    return BuiltBy(given)


class BuiltBy(keras_tuner.HyperModel):
    """The HyperModel of a function.

    Args:
        function: takes `hp`, gives a compiled model.
    """

    def __init__(self, function: Any) -> None:
        self.function = function
        super().__init__()

    def build(self, hp: Any) -> Any:
        """Call the function."""
        return self.function(hp)


def _metrics_of(model: Model) -> Any:
    """The metrics a model was compiled with."""
    config = model.get_compile_config() or {}
    return tree.map_structure(metrics.get, config.get("metrics")) if config.get("metrics") else None


class RandomSearch(Tuner):
    """Draws hyperparameters at random, none twice.

    Args:
        hypermodel: a function of `hp` that gives a compiled model, or a `HyperModel`.
        objective: what is to be small or large: the name of a metric, an `Objective`, or a list of these, whose sum counts.
            None where `run_trial` gives one number, which is to be small.
        max_trials: how many models are tried.
        seed: of the hyperparameters, and of weights, dropout and the order of data; drawn if None.
        hyperparameters: hyperparameters that are fixed or known in advance.
        tune_new_entries: whether those that are not among `hyperparameters` are tuned too, or keep their defaults.
        allow_new_entries: whether there may be others at all.
        max_retries_per_trial: how often a trial that broke off is run again.
        max_consecutive_failed_trials: after so many failures the search ends with RuntimeError.
        **kwargs: see `Tuner`.

    >>> import hornbook as keras
    >>> def build(hp):
    ...     model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(hp.Int("units", 1, 8)), keras.layers.Dense(1)])
    ...     model.compile(keras.optimizers.Adam(hp.Float("rate", 1e-3, 1e-1, sampling="log")), "mse")
    ...     return model
    >>> search = keras.tuner.RandomSearch(build, "val_loss", max_trials=2, seed=1, directory="searches", overwrite=True)
    >>> x = keras.ops.ones((8, 2))
    >>> search.search(x, x[:, :1], epochs=2, validation_data=(x, x[:, :1]), verbose=0)
    >>> len(search.get_best_models()), 1 <= search.get_best_hyperparameters()[0]["units"] <= 8
    (1, True)
    """

    def __init__(
        self,
        hypermodel: Any = None,
        objective: Any = None,
        max_trials: int = 10,
        seed: int | None = None,
        hyperparameters: Any = None,
        tune_new_entries: bool = True,
        allow_new_entries: bool = True,
        max_retries_per_trial: int = 0,
        max_consecutive_failed_trials: int = 3,
        **kwargs: Any,
    ) -> None:
        oracle = RandomSearchOracle(
            objective,
            max_trials,
            seed=seed,
            hyperparameters=hyperparameters,
            tune_new_entries=tune_new_entries,
            allow_new_entries=allow_new_entries,
            max_retries_per_trial=max_retries_per_trial,
            max_consecutive_failed_trials=max_consecutive_failed_trials,
        )
        super().__init__(oracle, hypermodel, **kwargs)


class GridSearch(Tuner):
    """Tries all combinations of hyperparameters, one after the other, beginning with the defaults.

    Of a `Float` without a step, and of an `Int` on a logarithmic scale without one, ten values are taken.

    Args:
        max_trials: how many at most; all if None.
        hypermodel, objective, seed, hyperparameters, tune_new_entries, allow_new_entries, max_retries_per_trial,
            max_consecutive_failed_trials, **kwargs: as in `RandomSearch`.

    >>> from hornbook import tuner
    >>> class Table(tuner.GridSearch):
    ...     def run_trial(self, trial, **kwargs):
    ...         return trial.hyperparameters.Choice("a", [3, 1, 2]) + trial.hyperparameters.Choice("b", [0.5, 0.0])
    >>> search = Table(directory="searches", project_name="table")
    >>> search.search(verbose=0)
    >>> len(search.oracle.trials), search.get_best_hyperparameters()[0].values
    (6, {'a': 1, 'b': 0.0})
    """

    def __init__(
        self,
        hypermodel: Any = None,
        objective: Any = None,
        max_trials: int | None = None,
        seed: int | None = None,
        hyperparameters: Any = None,
        tune_new_entries: bool = True,
        allow_new_entries: bool = True,
        max_retries_per_trial: int = 0,
        max_consecutive_failed_trials: int = 3,
        **kwargs: Any,
    ) -> None:
        oracle = GridSearchOracle(
            objective,
            max_trials,
            seed=seed,
            hyperparameters=hyperparameters,
            tune_new_entries=tune_new_entries,
            allow_new_entries=allow_new_entries,
            max_retries_per_trial=max_retries_per_trial,
            max_consecutive_failed_trials=max_consecutive_failed_trials,
        )
        super().__init__(oracle, hypermodel, **kwargs)


class BayesianOptimization(Tuner):
    """Models the score as a function of the hyperparameters by a Gaussian process, and tries what may be best by it.

    The next point x makes mean(x) - beta deviation(x) smallest, for a score that is to be small. scikit-learn is needed.

    Args:
        num_initial_points: how many trials are drawn at random first; three for each hyperparameter if None.
        alpha: the noise of scores, added to the diagonal of the kernel matrix.
        beta: the larger, the more is tried where little is known.
        hypermodel, objective, max_trials, seed, hyperparameters, tune_new_entries, allow_new_entries,
            max_retries_per_trial, max_consecutive_failed_trials, **kwargs: as in `RandomSearch`.

    >>> from hornbook import tuner
    >>> search = tuner.BayesianOptimization(lambda hp: None, "val_loss", num_initial_points=4, directory="searches")
    >>> search.oracle.num_initial_points
    4
    """

    def __init__(
        self,
        hypermodel: Any = None,
        objective: Any = None,
        max_trials: int = 10,
        num_initial_points: int | None = None,
        alpha: float = 1e-4,
        beta: float = 2.6,
        seed: int | None = None,
        hyperparameters: Any = None,
        tune_new_entries: bool = True,
        allow_new_entries: bool = True,
        max_retries_per_trial: int = 0,
        max_consecutive_failed_trials: int = 3,
        **kwargs: Any,
    ) -> None:
        oracle = BayesianOptimizationOracle(
            objective,
            max_trials,
            num_initial_points,
            alpha,
            beta,
            seed=seed,
            hyperparameters=hyperparameters,
            tune_new_entries=tune_new_entries,
            allow_new_entries=allow_new_entries,
            max_retries_per_trial=max_retries_per_trial,
            max_consecutive_failed_trials=max_consecutive_failed_trials,
        )
        super().__init__(oracle, hypermodel, **kwargs)


class Hyperband(Tuner):
    """Trains many models for a few epochs, and the better ones of them for longer.

    In a bracket, n models are trained for r epochs, the best n / factor of them go on to r factor epochs, and so forth up to
    `max_epochs`; brackets differ in how many models they begin with. A model goes on from the weights of its best epoch.

    Args:
        max_epochs: the most epochs a model is trained.
        factor: by what the number of models shrinks, and that of epochs grows.
        hyperband_iterations: how often all brackets are gone through.
        hypermodel, objective, seed, hyperparameters, tune_new_entries, allow_new_entries, max_retries_per_trial,
            max_consecutive_failed_trials, **kwargs: as in `RandomSearch`.

    Source: Li et al., "Hyperband: A Novel Bandit-Based Approach to Hyperparameter Optimization", JMLR 18 (2018).

    >>> from hornbook import tuner
    >>> search = tuner.Hyperband(lambda hp: None, "val_loss", max_epochs=9, directory="searches", project_name="band")
    >>> search.oracle.max_epochs, search.oracle.factor
    (9, 3)
    """

    def __init__(
        self,
        hypermodel: Any = None,
        objective: Any = None,
        max_epochs: int = 100,
        factor: int = 3,
        hyperband_iterations: int = 1,
        seed: int | None = None,
        hyperparameters: Any = None,
        tune_new_entries: bool = True,
        allow_new_entries: bool = True,
        max_retries_per_trial: int = 0,
        max_consecutive_failed_trials: int = 3,
        **kwargs: Any,
    ) -> None:
        oracle = HyperbandOracle(
            objective,
            max_epochs,
            factor,
            hyperband_iterations,
            seed=seed,
            hyperparameters=hyperparameters,
            tune_new_entries=tune_new_entries,
            allow_new_entries=allow_new_entries,
            max_retries_per_trial=max_retries_per_trial,
            max_consecutive_failed_trials=max_consecutive_failed_trials,
        )
        super().__init__(oracle, hypermodel, **kwargs)

    def run_trial(self, trial: Trial, *fit_args: Any, **fit_kwargs: Any) -> Any:
        """Train from the epoch that the bracket says up to another."""
        values = trial.hyperparameters.values
        if "tuner/epochs" in values:
            fit_kwargs |= {"epochs": values["tuner/epochs"], "initial_epoch": values["tuner/initial_epoch"]}
        return super().run_trial(trial, *fit_args, **fit_kwargs)

    def _build_hypermodel(self, hp: Any) -> Any:
        model = super()._build_hypermodel(hp)
        if "tuner/trial_id" in hp.values:
            self._load_weights(model, hp.values["tuner/trial_id"])
        return model
