"""Which data made a step be traced into a graph, and why once more: what `model.explain_traces()` says."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hornbook import tree

__all__ = ["Trace", "described", "explain"]

PARTS = ("x", "y", "sample_weight")


@dataclass(frozen=True)
class Trace:
    """One graph that was made.

    Attributes:
        function: "train", "test" or "predict".
        runs: what the graph runs: "one batch", "a stretch of arrays", "a stretch of a data set".
        inputs: (name, shape, dtype) of each array of a batch; a size that may vary is None.
        state: what else the graph was made for, in words, by topic.
        seconds: how long the tracing took.
    """

    function: str
    runs: str
    inputs: tuple[tuple[str, tuple, str], ...]
    state: Mapping[str, str]
    seconds: float

    def __str__(self) -> str:
        inputs = ", ".join(f"{name} {_shape(shape)} {dtype}" for name, shape, dtype in self.inputs)
        return f"{self.runs}: {inputs} ({self.seconds:.2f} s)"


def described(data: Any) -> tuple[tuple[str, tuple, str], ...]:
    """(name, shape, dtype) of each array of a batch (x, y, sample_weight), parts inside x and y by their path."""
    parts = data if isinstance(data, tuple) else (data,)
    found = []
    for part, values in zip(PARTS, parts, strict=False):
        for path, value in tree.flatten_with_path(values):
            if value is not None:
                shape = tuple(value.shape) if value.shape.rank is not None else ("?",)
                found.append((part + "".join(f"[{key!r}]" for key in path), shape, value.dtype.name))
    return tuple(found)


def explain(traces: list[Trace]) -> str:
    """A line for each trace: what it serves, how long it took, and what was different from the one before.

    >>> inputs = (("x", (None, 3), "float32"),)
    >>> print(explain([Trace("train", "one batch", inputs, {}, 0.1)]))
    train: 1 trace
      1. one batch: x (None, 3) float32 (0.10 s)
    """
    if not traces:
        return "No step has been traced yet: call fit(), evaluate() or predict()."
    lines = []
    for function in dict.fromkeys(trace.function for trace in traces):
        mine = [trace for trace in traces if trace.function == function]
        lines.append(f"{function}: {len(mine)} trace{'s' if len(mine) > 1 else ''}")
        for number, trace in enumerate(mine, 1):
            lines.append(f"  {number}. {trace}")
            if number > 1:
                lines.append(f"     again, because {_difference(mine[: number - 1], trace)}")
    return "\n".join(lines)


def _difference(before: list[Trace], trace: Trace) -> str:
    """What the nearest of the traces before does not have in common with this one."""
    reasons = [_reasons(other, trace) for other in before]
    return "; ".join(min(reversed(reasons), key=len)) or "a graph of these arrays was thrown away"


def _reasons(old: Trace, new: Trace) -> list[str]:
    found = []
    if old.runs != new.runs:
        found.append(f"{new.runs} is a graph of its own")
    ours, theirs = ({name: (shape, dtype) for name, shape, dtype in trace.inputs} for trace in (new, old))
    if list(ours) != list(theirs):
        found.append(f"a batch is ({', '.join(ours)}), not ({', '.join(theirs)})")
    for name in ours.keys() & theirs.keys():
        (shape, dtype), (old_shape, old_dtype) = ours[name], theirs[name]
        if shape != old_shape:
            found.append(f"{name} has shape {_shape(shape)}, not {_shape(old_shape)}")
        if dtype != old_dtype:
            found.append(f"{name} is {dtype}, not {old_dtype}")
    return found + [words for topic, words in new.state.items() if old.state.get(topic) != words]


def _shape(shape: tuple) -> str:
    return f"({', '.join(map(str, shape))}{',' if len(shape) == 1 else ''})"
