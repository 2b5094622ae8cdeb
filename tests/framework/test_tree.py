"""Nested structures: walked, replaced and compared as Keras does."""

import collections

import keras as reference
import pytest

from hornbook import tree

Pair = collections.namedtuple("Pair", "a b")


@pytest.mark.parametrize("top_down", [True, False])
@pytest.mark.parametrize(
    "structure",
    [[1, {"a": 2}], [1, [2, 3]], {"b": [1], "a": 2}, Pair([1], (2, None)), 5, [], collections.OrderedDict(b=[1], a=2)],
    ids=str,
)
def test_traverse(structure, top_down):
    def replacer(module, seen):
        def replace(x):
            seen.append(x)
            if isinstance(x, list) and len(x) == 2:
                return tuple(x)
            return module.MAP_TO_NONE if x == 3 else x * 2 if isinstance(x, int) else None

        return replace

    ours, theirs = [], []
    found = tree.traverse(replacer(tree, ours), structure, top_down)
    assert found == reference.tree.traverse(replacer(reference.tree, theirs), structure, top_down)
    assert type(found) is type(structure) or not isinstance(structure, dict | Pair)
    assert ours == theirs


def test_shapes_are_leaves():
    structure = [(1, 2), {"a": (None, 3), "b": [([3], (None,))]}]
    for function in (len, lambda shape: shape):
        assert tree.map_shape_structure(function, structure) == reference.tree.map_shape_structure(function, structure)


@pytest.mark.parametrize(
    "a, b",
    [
        ([1], (1,)),
        ({"a": 1}, {"a": 2}),
        ({"a": 1}, {"b": 1}),
        ({"a": 1}, collections.OrderedDict(a=1)),
        ({"x": {"a": 1}}, {"x": collections.OrderedDict(a=1)}),
        ([1, 2], [1]),
        ([1, [2]], [1, 2]),
        ({0: 1, 1: 2}, [1, 2]),
        (Pair(1, 2), (1, 2)),
        ([None], [1]),
        (1, [1]),
        ([1], [[1]]),
    ],
    ids=str,
)
def test_comparisons(a, b):
    for name in ("assert_same_structure", "assert_same_paths"):
        raised = []
        for module in (tree, reference.tree):
            try:
                getattr(module, name)(a, b)
                raised.append(None)
            except ValueError:
                raised.append(ValueError)
        assert raised[0] == raised[1], name
    with pytest.warns(DeprecationWarning, match="check_types"):
        tree.assert_same_structure([1], [2], check_types=False)


def test_a_function_is_needed():
    with pytest.raises(TypeError):
        tree.traverse(3, [1])
