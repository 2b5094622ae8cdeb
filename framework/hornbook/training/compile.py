"""What `compile()` was told, laid over the model's outputs: which loss, weight and metrics belong to which output."""

import inspect
from collections.abc import Sequence
from typing import Any

from hornbook import backend, losses, metrics, tree
from hornbook.core.registry import Configurable


class Outputs:
    """The outputs of a model as a flat list with names.

    Args:
        y_pred: the structure the model gives.
        names: names of the outputs, where the model knows them.
    """

    def __init__(self, y_pred: Any, names: Sequence[str] | None = None) -> None:
        self.structure = y_pred
        if isinstance(y_pred, dict):
            self.names = sorted(y_pred)
            self.aliases = dict(zip(names or (), y_pred, strict=False)) if names and len(names) == len(y_pred) else {}
        else:
            count = len(tree.flatten(y_pred))
            self.names = list(names) if names and len(names) == count else [f"output_{i}" for i in range(count)]
            self.aliases = {}
        self.count = len(self.names)

    def flat(self, y_pred: Any) -> list:
        """The outputs of another batch in the same order."""
        return [y_pred[name] for name in self.names] if isinstance(y_pred, dict) else tree.flatten(y_pred)

    def spread(self, value: Any, what: str, lists_are_values: bool = False) -> list:
        """`value` for each output: given once for all, by position, or by name.

        Raises:
            ValueError: where the number or the names do not fit the outputs.
        """
        if isinstance(value, dict):
            value = {self.aliases.get(key, key): item for key, item in value.items()}
            unknown = sorted(set(value) - set(self.names))
            if unknown:
                raise ValueError(f"{what} names the outputs {unknown}, but the model's outputs are {self.names}.")
            return [value.get(name) for name in self.names]
        nested = isinstance(value, list | tuple)
        if nested and self.count == 1 and (lists_are_values or len(value) != 1):
            return [value]
        if nested:
            if lists_are_values and not any(isinstance(item, list | tuple | dict) or item is None for item in value):
                if len(value) != self.count:
                    raise ValueError(
                        f"{what} must hold one item, or one list, for each of the {self.count} outputs "
                        f"{self.names}; got {len(value)}."
                    )
                return [[item] for item in value]
            if len(value) != self.count:
                flat = tree.flatten(value)
                if len(flat) == self.count:
                    return flat
                raise ValueError(f"{what} must have one item for each of the {self.count} outputs, got {len(value)}.")
            return list(value)
        return [value] * self.count


class CompiledLoss(Configurable):
    """The total loss: each output's loss, times its weight, summed.

    Args:
        loss: one loss, or losses by position or by output name.
        loss_weights: likewise; 1 where None.
        output_names: names of the outputs, where the model knows them.
    """

    name = "compile_loss"

    def __init__(self, loss: Any, loss_weights: Any = None, output_names: Sequence[str] | None = None) -> None:
        self.loss, self.loss_weights, self.output_names = loss, loss_weights, output_names
        for item in tree.flatten(loss):
            losses.get(item)  # an unknown name is refused when compile() is called, not in the first batch
        for weight in tree.flatten(loss_weights):
            if weight is not None and not hasattr(weight, "__float__"):
                raise ValueError(f"loss_weights must be numbers, got {weight!r}.")
        self.outputs: Outputs | None = None
        self.trackers: list[Any] = []

    def build(self, y_true: Any, y_pred: Any) -> None:
        """Lay the losses over the outputs."""
        self.outputs = Outputs(y_pred, self.output_names)
        given = self.outputs.spread(self.loss, "loss")
        weights = self.outputs.spread(self.loss_weights, "loss_weights")
        self.functions = [self._as_loss(item) for item in given]
        self.weights = [1.0 if weight is None else float(weight) for weight in weights]
        if sum(f is not None for f in self.functions) > 1:
            self.trackers = [
                metrics.Mean(name=f"{name}_loss") if f is not None else None
                for name, f in zip(self.outputs.names, self.functions, strict=True)
            ]

    @staticmethod
    def _as_loss(item: Any) -> Any:
        found = losses.get(item)
        if found is None or isinstance(found, losses.Loss):
            return found
        return losses.LossFunctionWrapper(found, name=getattr(found, "__name__", "loss"))

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """The weighted sum of the losses of all outputs, a scalar."""
        if self.outputs is None:
            self.build(y_true, y_pred)
        assert self.outputs is not None
        truths = self.outputs.spread(y_true, "y")
        weights = self.outputs.spread(sample_weight, "sample_weight")
        total: Any = None
        rows = zip(self.functions, self.weights, truths, self.outputs.flat(y_pred), weights, strict=True)
        for position, (function, loss_weight, truth, prediction, weight) in enumerate(rows):
            if function is None or truth is None:
                continue
            value = backend.cast(function(truth, prediction, weight), backend.floatx())
            if self.trackers and self.trackers[position] is not None:
                count = backend.shape(tree.flatten(prediction)[0])[0] if prediction.shape.rank else 1
                self.trackers[position].update_state(backend.all_reduce_sum(value), sample_weight=count)
            value = value if loss_weight == 1.0 else value * loss_weight
            total = value if total is None else total + value
        if total is None:
            raise ValueError("No output has a loss: compile(loss=...) names none that fits, or y is missing.")
        return total

    @property
    def metrics(self) -> list:
        """The running mean of each output's loss, where there are several."""
        return [tracker for tracker in self.trackers if tracker is not None]


class CompiledMetrics(metrics.Metric):
    """The metrics of all outputs as one.

    Args:
        given: `metrics` of compile(): not weighted by sample weights.
        weighted: `weighted_metrics` of compile().
        output_names: names of the outputs, where the model knows them.
    """

    def __init__(self, given: Any, weighted: Any, output_names: Sequence[str] | None = None) -> None:
        super().__init__(name="compile_metrics")
        self.given, self.weighted, self.output_names = given, weighted, output_names
        for item in tree.flatten([given, weighted]):
            if not inspect.isclass(item) and not (isinstance(item, str) and item in _BY_SHAPE):
                metrics.get(item)
        self.outputs: Outputs | None = None
        self.rows: list[tuple[int, str, Any, bool]] = []  # (output, name in the logs, metric, weighted?)
        self.plain_names: list[str] = []  # their names without the output's in front

    def build(self, y_true: Any, y_pred: Any) -> None:
        """Make the metrics and their names."""
        self.outputs = Outputs(y_pred, self.output_names)
        truths, predictions = self.outputs.spread(y_true, "y"), self.outputs.flat(y_pred)
        taken: set[str] = set()
        for given, weighted in ((self.given, False), (self.weighted, True)):
            lists = self.outputs.spread(given, "metrics", lists_are_values=True)
            for position, items in enumerate(lists):
                if items is not None and not isinstance(items, list | tuple):
                    items = [items]
                for item in items or ():
                    metric = _as_metric(item, truths[position], predictions[position])
                    if metric is None:
                        continue
                    stem = item if isinstance(item, str) else metric.name
                    prefix = f"{self.outputs.names[position]}_" if self.outputs.count > 1 else ""
                    if weighted and prefix + stem in taken:
                        stem = f"weighted_{stem}"
                    name, number = prefix + stem, 0
                    while name in taken:
                        number += 1
                        name = f"{prefix}{stem}_{number}"
                    taken.add(name)
                    self.rows.append((position, name, metric, weighted))
                    self.plain_names.append(name.removeprefix(prefix))

    @property
    def built_metrics(self) -> list:
        """The single metrics."""
        return [row[2] for row in self.rows]

    @property
    def variables(self) -> list:
        """The variables of all of them."""
        return [v for metric in self.built_metrics for v in metric.variables]

    @property
    def names(self) -> list[str]:
        """Their names in the logs."""
        return [row[1] for row in self.rows]

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Count a batch in."""
        if self.outputs is None:
            self.build(y_true, y_pred)
        assert self.outputs is not None
        truths = self.outputs.spread(y_true, "y")
        predictions = self.outputs.flat(y_pred)
        weights = self.outputs.spread(sample_weight, "sample_weight")
        for position, _, metric, weighted in self.rows:
            if truths[position] is None:
                continue
            weight = weights[position] if weighted else None
            mask = getattr(predictions[position], "_keras_mask", None)
            if mask is not None:
                mask = backend.cast(mask, backend.floatx())
                weight = mask if weight is None else weight * mask
            metric.update_state(truths[position], predictions[position], sample_weight=weight)

    def result(self) -> dict[str, Any]:
        """All results by name."""
        return {name: metric.result() for _, name, metric, _ in self.rows}

    def reset_state(self) -> None:
        """Start counting anew."""
        for metric in self.built_metrics:
            metric.reset_state()


_BY_SHAPE = ("accuracy", "acc", "crossentropy", "ce")


def _as_metric(item: Any, y_true: Any, y_pred: Any) -> Any:
    """A metric from its name, function or object; "accuracy" and "crossentropy" are chosen by the shapes.

    Predictions with a last axis of 1 are binary; labels with fewer axes, or a last axis of 1, are class numbers.
    """
    if item in _BY_SHAPE if isinstance(item, str) else False:
        if y_true is None:
            return None
        sizes, truth = tuple(y_pred.shape), tuple(y_true.shape)
        if not sizes or sizes[-1] == 1:
            kind = "Binary"
        elif len(truth) < len(sizes) or truth[-1] == 1:
            kind = "SparseCategorical"
        else:
            kind = "Categorical"
        return metrics.get(f"{kind}{'Accuracy' if item.startswith('acc') else 'Crossentropy'}")
    found = metrics.get(item)
    if found is None or isinstance(found, metrics.Metric):
        return found
    name = item if isinstance(item, str) else getattr(found, "__name__", "lambda").replace("<lambda>", "lambda")
    return metrics.MeanMetricWrapper(found, name=name)
