"""The stages of a convolutional network: its maps of each resolution, found by walking its graph.

What reads a network's maps rather than its classes (segmentation, detection) wants the last and richest one of each
resolution. A map of stride s has one place for each s x s pixels.
"""

from collections import defaultdict
from math import prod
from typing import Any

import hornbook as keras
from hornbook import tree
from hornbook.core.operation import Node
from hornbook.models.functional import sorted_graph


def stride_of(operation: Any) -> int:
    """By how much a layer makes the image smaller."""
    if isinstance(operation, keras.Sequential):
        return prod(stride_of(layer) for layer in operation.layers)
    strides = getattr(operation, "strides", 1)
    return strides if isinstance(strides, int) else strides[0]


def strides(model: Any) -> dict[int, int]:
    """The stride of each tensor of a model's graph, by its `id`: the product of the strides on the way there.

    Args:
        model: a Functional model of one image.
    """
    found = {id(x): 1 for x in model.inputs}
    for node in calls(model):
        reached = max(found[id(x)] for x in node.inputs) * stride_of(node.operation)
        found |= {id(x): reached for x in tree.flatten(node.outputs)}
    return found


def calls(model: Any) -> list[Node]:
    """The calls of a model's graph, each after those it needs."""
    return [node for node in sorted_graph(model.inputs, model.outputs)[0] if node.inputs]


def stages(model: Any) -> dict[int, Any]:
    """The last map of each stride from 2 on, {stride: symbolic tensor}.

    Of each stride it is the deepest place where paths join (the sum or the concatenation that ends the last block), or the
    first map where none join; and from there on whatever reads this map alone, up to the layer that makes it smaller.

    >>> from hornbook.core.operation import node_of
    >>> from hornbook_applications import MobileNet
    >>> from hornbook_applications.stages import stages
    >>> found = stages(MobileNet(input_shape=(64, 64, 3), alpha=0.25, weights=None, include_top=False))
    >>> {stride: node_of(x).operation.name for stride, x in found.items()}
    {2: 'conv_pw_1_relu', 4: 'conv_pw_3_relu', 8: 'conv_pw_5_relu', 16: 'conv_pw_11_relu', 32: 'conv_pw_13_relu'}
    """
    stride, readers, depth = strides(model), defaultdict(list), {id(x): 0 for x in model.inputs}
    first: dict[int, Any] = {}
    joined: dict[int, Any] = {}
    for node in calls(model):
        x = tree.flatten(node.outputs)[0]
        depth[id(x)] = 1 + max(depth[id(y)] for y in node.inputs)
        for y in node.inputs:
            readers[id(y)].append(node)
        if len(x.shape) == 4:
            s = stride[id(x)]
            first.setdefault(s, x)
            if len(node.inputs) > 1 and (s not in joined or depth[id(x)] > depth[id(joined[s])]):
                joined[s] = x
    found = {}
    for s in sorted(first):
        x = joined.get(s, first[s])
        while len(readers[id(x)]) == 1:
            (reader,) = readers[id(x)]
            y = tree.flatten(reader.outputs)[0]
            if stride[id(y)] != s or len(y.shape) != 4 or isinstance(reader.operation, keras.layers.ZeroPadding2D):
                break
            x = y
        found[s] = x
    return {s: x for s, x in found.items() if s > 1}


def features(model: Any) -> Any:
    """A model whose outputs are the stages of another, {"stride_2": (B, H / 2, W / 2, C), "stride_4": ..., ...}.

    It is what an application gives with `features_only=True`; the layers and their weights are shared.

    Args:
        model: a Functional model of one image, without a top.
    """
    return keras.Model(model.input, {f"stride_{s}": x for s, x in stages(model).items()}, name=model.name)
