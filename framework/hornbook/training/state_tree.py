"""The numbers of a model as one tree: what checkpoints of other libraries keep."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from hornbook.core.arguments import one_of


def to_tree(variables: Sequence, value_format: str) -> dict[str, Any]:
    """Values in dictionaries along the parts of the variables' paths: "dense/kernel" -> {"dense": {"kernel": value}}.

    Args:
        variables: variables.
        value_format: "backend_tensor" or "numpy_array".

    Raises:
        ValueError: where two variables have the same path, or one of them lies inside another's.

    >>> from hornbook.core.variable import Variable
    >>> to_tree([Variable(1.0, name="kernel")], "numpy_array")
    {'kernel': array(1., dtype=float32)}
    """
    as_numbers = one_of(value_format, ("backend_tensor", "numpy_array"), "value_format") == "numpy_array"
    tree: dict[str, Any] = {}
    for variable in variables:
        *outer, last = variable.path.split("/")
        branch = tree
        for part in outer:
            branch = branch.setdefault(part, {})
            if not isinstance(branch, dict):
                break
        if not isinstance(branch, dict) or last in branch:
            raise ValueError(
                f"Two variables have the path {variable.path!r}, so a tree cannot hold both. Give their layers names."
            )
        branch[last] = variable.numpy() if as_numbers else variable.value
    return tree


def paths(tree: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """(path, value) of each leaf of a tree.

    >>> list(paths({"dense": {"kernel": 1, "bias": 2}}))
    [('dense/kernel', 1), ('dense/bias', 2)]
    """
    for name, value in tree.items():
        path = f"{prefix}/{name}" if prefix else name
        if isinstance(value, Mapping):
            yield from paths(value, path)
        else:
            yield path, value


def assign_tree(variables: Sequence, tree: Mapping[str, Any], what: str) -> None:
    """Write the values of a tree to the variables with their paths.

    Args:
        variables: the variables to write to.
        tree: as `to_tree` gives it; it may lack some.
        what: what the variables are, for messages.

    Raises:
        ValueError: where a value has another shape than its variable, or no variable its path (but for metrics, which
            may make theirs in the first batch); nothing is written then.
    """
    known = {variable.path: variable for variable in variables}
    values = dict(paths(tree))
    for path, value in values.items():
        if path in known and np.shape(value) != tuple(known[path].shape):
            raise ValueError(
                f"The tree has a value of shape {np.shape(value)} for {path!r} of the {what}, which has shape "
                f"{tuple(known[path].shape)}."
            )
    strangers = [path for path in values if path not in known]
    if strangers and what != "metrics_variables":
        raise ValueError(f"The model has no {what} {strangers}; it has {sorted(known)}.")
    for path, value in values.items():
        if path in known:
            known[path].assign(value)
