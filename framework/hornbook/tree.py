"""Nested structures: lists, tuples and dictionaries of tensors, walked by optree.

None is a leaf. Dictionaries are walked in the order of their sorted keys (their own order where keys cannot be sorted).
"""

import warnings
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


def map_structure(func: Callable, *structures: Any, none_is_leaf: bool = True) -> Any:
    """`func` applied to each leaf (to the leaves in the same place of several structures).

    >>> from hornbook import tree
    >>> tree.map_structure(lambda x, y: x + y, {"a": 1}, {"a": 2})
    {'a': 3}
    """
    return optree.tree_map(func, *structures, none_is_leaf=none_is_leaf, namespace=_NAMESPACE)


def map_structure_up_to(shallow_structure: Any, func: Callable, *structures: Any) -> Any:
    """`func` applied to whatever lies below each leaf of `shallow_structure`.

    >>> from hornbook import tree
    >>> tree.map_structure_up_to({"a": 0}, len, {"a": [1, 2]})
    {'a': 2}
    """
    return optree.tree_map(
        lambda _, *below: func(*below), shallow_structure, *structures, none_is_leaf=True, namespace=_NAMESPACE
    )


def assert_same_structure(a: Any, b: Any, check_types: bool | None = None) -> None:
    """Refuse two structures that differ in kind or in keys; dictionaries of different classes are of one kind.

    Args:
        a, b: the structures.
        check_types: has no effect; lists and tuples are told apart, which `assert_same_paths` does not.

    Raises:
        ValueError: where they differ.

    >>> from hornbook import tree
    >>> tree.assert_same_structure([1, {"a": 2}], [3, {"a": 4}])
    """
    if check_types is not None:
        warnings.warn(
            "check_types has no effect; assert_same_paths() compares structures without regard to types.",
            DeprecationWarning,
            stacklevel=2,
        )
    first, second = (optree.tree_structure(_plain(s), none_is_leaf=True, namespace=_NAMESPACE) for s in (a, b))
    if first != second:
        raise ValueError(f"The structures differ: {first} and {second}.")


def _plain(structure: Any) -> Any:
    """The structure with dictionaries of all classes as plain ones."""
    return traverse(
        lambda x: dict(x) if isinstance(x, dict) and type(x) is not dict else None, structure, top_down=False
    )


def assert_same_paths(a: Any, b: Any) -> None:
    """Refuse two structures whose leaves lie at different keys and positions; lists and tuples are alike.

    Raises:
        ValueError: where they differ.

    >>> from hornbook import tree
    >>> tree.assert_same_paths([1, {"a": 2}], (3, {"a": 4}))
    """
    first, second = ({path for path, _ in flatten_with_path(structure)} for structure in (a, b))
    if first != second:
        raise ValueError(
            f"The structures have leaves at different places: only the first has {sorted(first - second, key=str)}, only "
            f"the second {sorted(second - first, key=str)}."
        )


class MAP_TO_NONE:  # noqa: N801 (Keras's name)
    """What the function of `traverse` returns to put None into the place of a value."""


def traverse(func: Callable, structure: Any, top_down: bool = True) -> Any:
    """The structure with each part `x`, containers too, replaced by `func(x)` where that is not None.

    Args:
        func: what is called on each container and leaf; it returns None to leave one as it is, and `MAP_TO_NONE` to
            put None there.
        structure: the structure.
        top_down: a container comes before what it holds; what replaces it is not entered. Else it comes after.

    Raises:
        TypeError: for a func that cannot be called.

    >>> from hornbook import tree
    >>> tree.traverse(lambda x: tuple(x) if isinstance(x, list) else None, [1, [2, 3]], top_down=False)
    (1, (2, 3))
    """
    if not callable(func):
        raise TypeError(f"traverse() needs a function, got {func!r}.")

    def replaced(part: Any) -> Any:
        found = func(part)
        return part if found is None else None if found is MAP_TO_NONE else found

    if not top_down:
        return replaced(_map_children(lambda part: traverse(func, part, top_down), structure))
    found = func(structure)
    if found is not None:
        return None if found is MAP_TO_NONE else found
    return _map_children(lambda part: traverse(func, part, top_down), structure)


def _map_children(function: Callable, structure: Any) -> Any:
    """A container with `function` applied to what lies directly in it; a leaf as it is."""
    if not is_nested(structure):
        return structure
    return optree.tree_map(
        function, structure, is_leaf=lambda part: part is not structure, none_is_leaf=True, namespace=_NAMESPACE
    )


def map_shape_structure(func: Callable, structure: Any) -> Any:
    """`func` applied to each shape in a structure: tuples and lists of integers and None count as leaves.

    >>> from hornbook import tree
    >>> tree.map_shape_structure(len, {"a": (None, 3), "b": [(2,)]})
    {'a': 2, 'b': [1]}
    """
    return optree.tree_map(
        func,
        structure,
        is_leaf=lambda x: isinstance(x, list | tuple) and all(size is None or isinstance(size, int) for size in x),
        none_is_leaf=True,
        namespace=_NAMESPACE,
    )


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
