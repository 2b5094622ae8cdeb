"""Searches for hyperparameters: what they find, what they survive, in one process and in several."""

import json
import multiprocessing
import os
import random
import socket
import time

import numpy as np
import pytest

tuner = pytest.importorskip("hornbook.tuner", reason="keras-tuner chooses the hyperparameters", exc_type=ImportError)
from tests.framework import search_program  # noqa: E402

import hornbook as keras  # noqa: E402
from hornbook import callbacks, layers  # noqa: E402
from hornbook.tuner import processes  # noqa: E402
from hornbook.tuner import results as tuner_results  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


class Cut(BaseException):
    """Ends a search as a kill would."""


def height(hp):
    """What is searched: the score is a function of the hyperparameters."""
    score = (hp.Float("x", -1.0, 1.0, step=0.25) - 0.3) ** 2
    edged = hp.Choice("shape", ["round", "edged"]) == "edged"
    with hp.conditional_scope("shape", ["edged"]):
        edges = hp.Int("edges", 3, 6)
    return score + abs(edges - 4) if edged else score


def hills(kind):
    """A tuner of a kind that trains nothing."""

    class Hills(kind):
        cut = None  # (moment, the trial)

        def __init__(self, **options):
            super().__init__(height, **options)

        def run_trial(self, trial, *arguments, **keywords):
            self._cut("run", trial)
            return height(trial.hyperparameters)

        def _cut(self, moment, trial):
            if self.cut == (moment, trial.trial_id):
                raise Cut

        def report(self, trial, outcome):
            update = self.oracle.update_trial

            def cut_behind(*arguments, **keywords):
                update(*arguments, **keywords)
                self._cut("told", trial)

            self.oracle.update_trial = cut_behind
            super().report(trial, outcome)
            self.oracle.update_trial = update
            self._cut("ended", trial)

    return Hills


KINDS = {
    tuner.RandomSearch: {"max_trials": 6},
    tuner.GridSearch: {"max_trials": 8},
    tuner.BayesianOptimization: {"max_trials": 6, "num_initial_points": 4},
    tuner.Hyperband: {"max_epochs": 6},
}


SLOW = {tuner.BayesianOptimization: pytest.mark.exhaustive}  # a Gaussian process takes seconds for each trial
EACH_KIND = pytest.mark.parametrize(
    "kind", [pytest.param(kind, marks=SLOW.get(kind, ()), id=kind.__name__) for kind in KINDS]
)


@EACH_KIND
def test_a_search_that_is_cut_ends_as_one_that_is_not(kind, tmp_path):
    def search(folder):
        return hills(kind)(**KINDS[kind], seed=3, directory=tmp_path, project_name=folder)

    whole = search("whole")
    whole.search(verbose=0)
    expected = search_program.results(whole)
    assert len(expected) == KINDS[kind].get("max_trials", len(expected)) >= 6
    cuts = [("run", "000"), ("run", "002"), ("told", "003"), ("ended", "004"), ("run", "005")]
    digits = len(next(iter(expected)))
    for moment, trial in cuts:
        broken = search("cut")
        broken.cut = (moment, trial[-digits:].zfill(digits))
        with pytest.raises(Cut):
            broken.search(verbose=0)
    last = search("cut")
    last.search(verbose=0)
    assert search_program.results(last) == expected
    assert last.oracle.start_order == whole.oracle.start_order and last.oracle.end_order == whole.oracle.end_order
    again = search("cut")
    again.search(verbose=0)  # nothing is left to do
    assert search_program.results(again) == expected


@EACH_KIND
def test_the_oracles_are_those_of_keras_tuner(kind, tmp_path):
    """Told the same scores, keras-tuner's own oracle asks for the same hyperparameters."""
    import keras_tuner

    ours = hills(kind)(**KINDS[kind], seed=3, directory=tmp_path)
    theirs = getattr(keras_tuner.oracles, f"{kind.__name__}Oracle")(**KINDS[kind], seed=3)
    theirs._set_project_dir(str(tmp_path), "theirs")
    theirs.verbose = 0
    theirs.update_space(ours.oracle.get_space())
    ours.search(verbose=0)
    for name, trial in ours.oracle.trials.items():
        asked = theirs.create_trial("one")
        assert asked.trial_id == name
        assert asked.hyperparameters.values == trial.hyperparameters.values
        theirs.update_trial(name, {"default_objective": trial.score})
        asked.status = "COMPLETED"
        theirs.end_trial(asked)


def test_a_gaussian_process_goes_on_with_the_same_random_numbers(tmp_path):
    options = KINDS[tuner.BayesianOptimization] | {"max_trials": 2, "seed": 3, "directory": tmp_path}
    search = hills(tuner.BayesianOptimization)(**options)
    search.oracle._random_state.uniform(size=5)
    search.search(verbose=0)
    again = hills(tuner.BayesianOptimization)(**options)
    assert again.oracle._random_state.uniform() == search.oracle._random_state.uniform()


# ------------------------------------------------------------------------------------------------------ models
@pytest.fixture
def a_backup_each_epoch(monkeypatch):
    monkeypatch.setattr(tuner_results, "SECONDS_BETWEEN", 0)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A search over models that nothing disturbed."""
    search = search_program.models(tmp_path_factory.mktemp("whole"))
    search.search(**search_program.fit_arguments())
    return search


def same(found, expected):
    assert list(found) == list(expected)
    for name, (values, score, step) in expected.items():
        assert found[name][0] == values and found[name][2] == step
        np.testing.assert_allclose(found[name][1], score, rtol=1e-5, err_msg=name)


def test_the_best_model_has_the_weights_of_its_best_epoch(whole):
    x, y = search_program.fit_arguments()["validation_data"]
    trials = whole.oracle.get_best_trials(2)
    assert [trial.score for trial in trials] == sorted(trial.score for trial in trials)
    for model, trial in zip(whole.get_best_models(2), trials, strict=True):
        np.testing.assert_allclose(model.evaluate(x, y, verbose=0), trial.score, rtol=1e-5)
        assert not os.path.exists(whole._backups_path(trial.trial_id))


def test_a_trial_that_is_cut_goes_on_after_its_last_epoch(whole, a_backup_each_epoch, tmp_path):
    class CutHere(callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 2:
                raise Cut

    search = search_program.models(tmp_path)
    with pytest.raises(Cut):
        search.search(**search_program.fit_arguments(), callbacks=[CutHere()])
    search = search_program.models(tmp_path)
    search.search(**search_program.fit_arguments(), callbacks=[search_program.Count(tmp_path / "epochs")])
    same(search_program.results(search), search_program.results(whole))
    assert (tmp_path / "epochs").read_text().split() == list("2012")


# ------------------------------------------------------------------------------------------------------ processes
@pytest.fixture
def start(monkeypatch):
    """Starts a function in a process forked from one that has imported everything; all end with the test."""
    context, children = multiprocessing.get_context("forkserver"), []
    context.set_forkserver_preload([search_program.__name__])
    monkeypatch.setattr(processes, "START", "forkserver")

    def process(function, *arguments):
        child = context.Process(target=function, args=arguments)
        child.start()
        children.append(child)
        return child

    process.context = context
    yield process
    for child in children:
        child.kill()
        child.join()


def killed(start, folder, kills, moments, workers=1):
    """A search that is killed at random moments, started again each time, and at last let go to its end."""
    epochs = folder / "epochs"
    for attempt in range(kills + 1):
        child = start(search_program.run, folder, workers)
        before = trained(epochs)
        while attempt < kills and child.is_alive() and trained(epochs) < before + 1 + attempt:
            time.sleep(0.01)
        child.join(moments.uniform(0, 0.3) if attempt < kills else 120)
        child.kill()
        child.join()
    assert child.exitcode == 0
    return search_program.results(search_program.models(folder))


def trained(epochs):
    """How many epochs are written down."""
    return len(epochs.read_text().split()) if epochs.exists() else 0


def test_kills_at_random_moments(start, whole, tmp_path):
    same(killed(start, tmp_path, 1, random.Random(0)), search_program.results(whole))
    assert trained(tmp_path / "epochs") <= 2 * search_program.EPOCHS + 1  # a kill costs one epoch at most


@pytest.mark.exhaustive
@pytest.mark.parametrize("workers", [1, 2])
def test_many_kills_at_random_moments(workers, start, whole, tmp_path):
    moments = random.Random(workers)
    for i in range(2):
        folder = tmp_path / str(i)
        folder.mkdir()
        found = killed(start, folder, 4, moments, workers)
        same(dict(sorted(found.items())), search_program.results(whole))


def test_two_processes_find_what_one_finds(start, whole, tmp_path):
    search = search_program.models(tmp_path)
    search.search(**search_program.fit_arguments(), workers=2)
    same(dict(sorted(search_program.results(search).items())), search_program.results(whole))
    assert len(search.get_best_models()) == 1


@pytest.mark.parametrize("retries", [1, pytest.param(0, marks=pytest.mark.exhaustive)])
def test_a_process_that_is_killed_costs_one_run_of_its_trial(retries, start, tmp_path):
    search = search_program.Deadly(max_trials=4, seed=0, max_retries_per_trial=retries, directory=tmp_path)
    search.search(workers=2, verbose=0)
    trials = search.oracle.trials
    assert [trials[name].status for name in "023"] == ["COMPLETED"] * 3
    assert trials["1"].status == ("COMPLETED" if retries else "FAILED")
    assert retries or "exit code -9" in trials["1"].message


def test_what_cannot_be_sent_to_processes_is_said(tmp_path):
    search = tuner.RandomSearch(lambda hp: search_program.build(hp), "val_loss", directory=tmp_path)
    with pytest.raises(ValueError, match="function or class at the top of a module"):
        search.search(**search_program.fit_arguments(), workers=2)
    assert keras.tuner is tuner
    with pytest.raises(ValueError, match="at least 1"):
        search.search(workers=0)


def test_a_chief_and_its_workers(start, whole, tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    start(search_program.part_of_a_cluster, tmp_path, "chief", port)
    workers = [start(search_program.part_of_a_cluster, tmp_path, f"worker{i}", port) for i in range(2)]
    for worker in workers:
        worker.join(120)
        assert worker.exitcode == 0
    search = search_program.models(tmp_path)
    found = search_program.results(search)
    same(dict(sorted(found.items())), search_program.results(whole))
    assert search.remaining_trials == 0


# ------------------------------------------------------------------------------------------------------ the rest
def test_executions_callbacks_hooks_and_other_compile_arguments(tmp_path):
    epochs = []

    class Watched(tuner.RandomSearch):
        def on_epoch_end(self, trial, model, epoch, logs=None):
            epochs.append((trial.trial_id, epoch, round(logs["val_loss"], 3)))

    class Once(callbacks.Callback):
        """Would stop every execution but the first, if it were not copied."""

        began = False

        def on_epoch_begin(self, epoch, logs=None):
            assert epoch > 0 or not self.began
            self.began = True

    search = Watched(
        search_program.build,
        tuner.Objective("val_mae", "min"),
        max_trials=1,
        executions_per_trial=2,
        optimizer=keras.optimizers.SGD(0.01),
        metrics=["mae"],
        seed=0,
        directory=tmp_path,
    )
    given = [Once(), callbacks.TensorBoard(tmp_path / "board")]
    search.search(**{**search_program.fit_arguments(), "epochs": 2}, callbacks=given)
    assert [epoch[:2] for epoch in epochs] == [("0", 0), ("0", 1)] * 2
    assert epochs[0][2] != epochs[2][2]  # other weights
    assert sorted(path.name for path in (tmp_path / "board" / "0").iterdir()) == ["execution0", "execution1"]
    model = search.get_best_models()[0]
    assert type(model.optimizer) is keras.optimizers.SGD and model.optimizer is not search.optimizer
    assert search.oracle.trials["0"].metrics.exists("mae")


def test_a_model_without_an_input_layer(tmp_path):
    def build(hp):
        model = keras.Sequential([layers.Dense(hp.Choice("units", [2, 3])), layers.Dense(1)])
        model.compile("sgd", "mse")
        return model

    search = tuner.GridSearch(build, "val_loss", max_trials=1, directory=tmp_path)
    search.search(**search_program.fit_arguments())
    x, y = search_program.fit_arguments()["validation_data"]
    score = search.oracle.trials["0"].score
    np.testing.assert_allclose(search.get_best_models()[0].evaluate(x, y, verbose=0), score, rtol=1e-5)


@pytest.mark.exhaustive
def test_a_trial_that_is_tried_again_goes_on(whole, a_backup_each_epoch, tmp_path):
    class FailsOnce(callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 2 and not (tmp_path / "failed").exists():
                (tmp_path / "failed").touch()
                raise ConnectionError("the disk is away for a moment")

    search = search_program.models(tmp_path, trials=1, max_retries_per_trial=1)
    search.search(**search_program.fit_arguments(), callbacks=[search_program.Count(tmp_path / "epochs"), FailsOnce()])
    assert (tmp_path / "epochs").read_text().split() == list("012")
    same(search_program.results(search), {"0": search_program.results(whole)["0"]})
    assert not os.path.exists(search._backups_path("0"))


def test_a_fit_of_several_parts_is_gone_through_again(a_backup_each_epoch, tmp_path):
    """A trial that trains twice and is cut in the second fit does not train the first one again."""

    class Twice(tuner.HyperModel):
        cut = True

        def build(self, hp):
            return search_program.build(hp)

        def fit(self, hp, model, *args, **kwargs):
            model.fit(*args, **{**kwargs, "epochs": 1})
            if self.cut:
                raise Cut
            return model.fit(*args, **{**kwargs, "epochs": 2})

    def search():
        count = search_program.Count(tmp_path / "epochs")
        found = tuner.RandomSearch(Twice(), "val_loss", 1, seed=0, directory=tmp_path)
        found.search(**search_program.fit_arguments(), callbacks=[count])
        return found

    with pytest.raises(Cut):
        search()
    Twice.cut = False
    assert search().oracle.trials["0"].status == "COMPLETED"
    assert (tmp_path / "epochs").read_text().split() == list("001")


@pytest.mark.parametrize(
    ("returned", "error"),
    [(None, "must return"), ({"loss": 1.0}, "The objective 'val_loss' is none of"), ([], "empty list")],
)
def test_results_that_are_none_are_said(returned, error, tmp_path):
    class Wrong(tuner.RandomSearch):
        def run_trial(self, trial, **keywords):
            return returned

    with pytest.raises((TypeError, ValueError), match=error):
        Wrong(objective="val_loss", directory=tmp_path).search()


def test_failures(tmp_path, capsys):
    class Fails(tuner.RandomSearch):
        def run_trial(self, trial, **keywords):
            x = trial.hyperparameters.Float("x", 0.0, 1.0)
            if trial.trial_id in "13":
                raise ZeroDivisionError("no such luck")
            return float("nan") if trial.trial_id == "2" else x

    search = Fails(max_trials=4, directory=tmp_path, max_consecutive_failed_trials=5)
    search.search(verbose=0)
    assert [search.oracle.trials[name].status for name in "0123"] == ["COMPLETED"] + ["FAILED"] * 3
    capsys.readouterr()
    search.results_summary()
    out = capsys.readouterr().out
    assert "trial 0: " in out and out.count("ZeroDivisionError: no such luck") == 2
    assert "default_objective is not a number." in out
    assert len(search.get_best_hyperparameters(4)) == 1
    with pytest.raises(RuntimeError, match="consecutive failures"):
        Fails(max_trials=4, directory=tmp_path, project_name="other").search(verbose=0)

    large = tuner.RandomSearch(
        search_program.build, "val_loss", 1, max_model_size=10, directory=tmp_path, project_name="x"
    )
    large.search(**search_program.fit_arguments())
    assert "max_model_size is 10" in large.oracle.trials["0"].message
    with pytest.raises(TypeError, match="must return a model of Hornbook"):
        tuner.RandomSearch(lambda hp: hp, "val_loss", directory=tmp_path, overwrite=True).search()
    with pytest.raises(TypeError, match="hornbook.tuner.Oracle"):
        tuner.Tuner("random", search_program.build)
    with pytest.raises(ValueError, match="run_trial"):
        tuner.RandomSearch()


def test_a_damaged_state_is_said(tmp_path):
    hills(tuner.RandomSearch)(max_trials=1, directory=tmp_path, project_name="p").search(verbose=0)
    state = tmp_path / "p" / "oracle.json"
    for text in (state.read_text()[:100], json.dumps({"trials": []}), "[]"):
        state.write_text(text)
        with pytest.raises(ValueError, match="overwrite=True"):
            hills(tuner.RandomSearch)(max_trials=1, directory=tmp_path, project_name="p")
    search = hills(tuner.RandomSearch)(max_trials=1, directory=tmp_path, project_name="p", overwrite=True)
    assert search.remaining_trials == 1


def test_the_space_is_known_before_the_first_trial(tmp_path, capsys):
    def build(hp):
        model = keras.Sequential([keras.Input((4,))])
        if hp.Choice("kind", ["plain", "deep"]) == "deep":
            with hp.conditional_scope("kind", ["deep"]):
                for i in range(hp.Int("depth", 1, 2)):
                    model.add(layers.Dense(hp.Int(f"units_{i}", 2, 4)))
        else:
            with hp.conditional_scope("kind", ["deep"]):
                hp.Int("depth", 1, 2)
        model.add(layers.Dense(1))
        model.compile("sgd", "mse")
        return model

    fixed = tuner.HyperParameters()
    fixed.Fixed("rate", 0.5)
    search = tuner.RandomSearch(build, "val_loss", hyperparameters=fixed, directory=tmp_path)
    assert {"rate", "kind", "depth", "units_0"} <= {hp.name for hp in search.oracle.get_space().space}
    search.search_space_summary(extended=True)
    assert "    where kind is in ['deep']" in capsys.readouterr().out.splitlines()


def test_the_environment_must_say_everything(monkeypatch, tmp_path):
    monkeypatch.setenv("KERASTUNER_ORACLE_IP", "127.0.0.1")
    with pytest.raises(RuntimeError, match="KERASTUNER_ORACLE_PORT and KERASTUNER_TUNER_ID"):
        hills(tuner.RandomSearch)(directory=tmp_path)
