"""A search as a picture."""

import math
import os
from typing import Any

import numpy as np

from hornbook.visualization.galleries import pyplot_or_error


def plot_search(tuner: Any, path: str | os.PathLike | None = None) -> Any:
    """The scores of a search: in the order of trials with the best so far, and over each hyperparameter.

    Args:
        tuner: a tuner that has searched.
        path: write the picture to this file.

    Returns:
        matplotlib's figure.

    Raises:
        ValueError: where no trial is complete.
        ImportError: where matplotlib is missing.

    >>> from hornbook import tuner
    >>> class Line(tuner.GridSearch):
    ...     def run_trial(self, trial, **kwargs):
    ...         return trial.hyperparameters.Int("x", 0, 4)
    >>> search = Line(directory="searches", project_name="line")
    >>> search.search(verbose=0)
    >>> [axes.get_xlabel() for axes in tuner.plot_search(search, "line.png").axes]
    ['trial', 'x']
    """
    trials = [trial for trial in tuner.oracle.trials.values() if trial.status == "COMPLETED"]
    if not trials:
        raise ValueError("No trial of this search is complete, so there is nothing to draw: call search(...) first.")
    objective = tuner.oracle.objective
    scores = np.array([trial.score for trial in trials])
    best = (np.maximum if objective.direction == "max" else np.minimum).accumulate(scores)
    names = list(dict.fromkeys(name for trial in trials for name in trial.hyperparameters.values))
    names = [name for name in names if not name.startswith("tuner/")]  # the epochs and brackets of Hyperband

    space = tuner.oracle.get_space().space
    logarithmic = {hp.name for hp in space if getattr(hp, "sampling", None) == "log"}

    pyplot = pyplot_or_error()
    columns = min(3, 1 + len(names))
    rows = math.ceil((1 + len(names)) / columns)
    figure, axes = pyplot.subplots(rows, columns, figsize=(4 * columns, 3 * rows), squeeze=False, sharey=True)
    for extra in axes.flat[1 + len(names) :]:
        extra.remove()
    first, *others = axes.flat[: 1 + len(names)]
    first.plot(scores, "o", label="trial")
    first.step(range(len(best)), best, where="post", label="best so far")
    first.set_xlabel("trial")
    first.legend()
    for ax, name in zip(others, names, strict=True):
        having = [trial for trial in trials if name in trial.hyperparameters.values]
        values = [trial.hyperparameters.values[name] for trial in having]
        if any(isinstance(value, str | bool) for value in values):
            values = [str(value) for value in values]
        elif name in logarithmic:
            ax.set_xscale("log")
        ax.plot(values, [trial.score for trial in having], "o")
        ax.set_xlabel(name)
    for row in axes[:, 0]:
        row.set_ylabel(objective.name)
    figure.tight_layout()
    if path is not None:
        figure.savefig(path)
        pyplot.close(figure)
    return figure
