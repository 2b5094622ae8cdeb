"""Nested structures: lists, tuples and dictionaries of tensors, walked by optree.

None is a leaf. Dictionaries are walked in the order of their sorted keys (their own order where keys cannot be sorted).
"""

from collections.abc import Callable, Iterable
from typing import Any

import optree

_NAMESPACE = "hornbook"


def is_nested(structure: Any) -> bool:
    """Whether `structure` is a container and not a leaf.

    >>> from hornbook import tree
    >>> tree.is_nested([1]), tree.is_nested(1)
    (True, False)
    """
    return not optree.tree_is_leaf(structure, none_is_leaf=True, namespace=_NAMESPACE)


def flatten(structure: Any) -> list:
    """The leaves of a structure, in order.

    >>> from hornbook import tree
    >>> tree.flatten({"b": [1, (2,)], "a": None})
    [None, 1, 2]
    """
    return optree.tree_leaves(structure, none_is_leaf=True, namespace=_NAMESPACE)


def flatten_with_definition(structure: Any) -> tuple[list, Any]:
    """The leaves, and what can be compared and hashed to know a structure of the same kind.

    >>> from hornbook import tree
    >>> tree.flatten_with_definition({"a": 1})[1] == tree.flatten_with_definition({"a": 2})[1]
    True
    """
    return optree.tree_flatten(structure, none_is_leaf=True, namespace=_NAMESPACE)


def flatten_with_path(structure: Any) -> list[tuple[tuple, Any]]:
    """The leaves with the keys and positions that lead to them.

    >>> from hornbook import tree
    >>> tree.flatten_with_path({"a": [1, 2]})
    [(('a', 0), 1), (('a', 1), 2)]
    """
    paths, leaves, _ = optree.tree_flatten_with_path(structure, none_is_leaf=True, namespace=_NAMESPACE)
    return list(zip(paths, leaves, strict=True))


def pack_sequence_as(structure: Any, flat_sequence: Iterable) -> Any:
    """The leaves of `flat_sequence` in the shape of `structure`.

    >>> from hornbook import tree
    >>> tree.pack_sequence_as({"a": 0, "b": [0]}, [1, 2])
    {'a': 1, 'b': [2]}

    Raises:
        ValueError: where the number of leaves differs.
    """
    leaves = list(flat_sequence)
    definition = optree.tree_structure(structure, none_is_leaf=True, namespace=_NAMESPACE)
    if definition.num_leaves != len(leaves):
        raise ValueError(f"The structure has {definition.num_leaves} leaves, the flat sequence {len(leaves)}.")
    return optree.tree_unflatten(definition, leaves)


def map_structure(function: Callable, *structures: Any, none_is_leaf: bool = True) -> Any:
    """`function` applied to each leaf (to the leaves in the same place of several structures).

    >>> from hornbook import tree
    >>> tree.map_structure(lambda x, y: x + y, {"a": 1}, {"a": 2})
    {'a': 3}
    """
    return optree.tree_map(function, *structures, none_is_leaf=none_is_leaf, namespace=_NAMESPACE)


def map_structure_up_to(shallow_structure: Any, function: Callable, *structures: Any) -> Any:
    """`function` applied to whatever lies below each leaf of `shallow_structure`.

    >>> from hornbook import tree
    >>> tree.map_structure_up_to({"a": 0}, len, {"a": [1, 2]})
    {'a': 2}
    """
    return optree.tree_map(
        lambda _, *below: function(*below), shallow_structure, *structures, none_is_leaf=True, namespace=_NAMESPACE
    )


def assert_same_structure(a: Any, b: Any) -> None:
    """Refuse two structures that differ in kind or in keys.

    Raises:
        ValueError: where they differ.
    """
    first, second = (optree.tree_structure(s, none_is_leaf=True, namespace=_NAMESPACE) for s in (a, b))
    if first != second:
        raise ValueError(f"The structures differ: {first} and {second}.")


def lists_to_tuples(structure: Any) -> Any:
    """The same structure with each list turned into a tuple.

    >>> from hornbook import tree
    >>> tree.lists_to_tuples([1, [2, 3]])
    (1, (2, 3))
    """
    if isinstance(structure, list | tuple) and not hasattr(structure, "_fields"):
        return tuple(lists_to_tuples(item) for item in structure)
    if isinstance(structure, dict):
        return {key: lists_to_tuples(value) for key, value in structure.items()}
    return structure
