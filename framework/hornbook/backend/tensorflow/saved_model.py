"""SavedModels: TensorFlow's own files of compiled functions and their variables."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf.trackable_object_graph_pb2 import TrackableObjectGraph

__all__ = ["load_saved_model", "read_keras2_variables"]


def load_saved_model(filepath: str) -> tuple[Any, Callable, Callable]:
    """A SavedModel from its folder.

    Returns:
        What has to be held as long as its functions are used; a function that finds one of its functions by name
        (None for a name that it does not have); and one that gives the variables a function uses, as they are stored.

    Raises:
        OSError: where there is none.
    """
    loaded: Any = tf.saved_model.load(filepath)

    def find(name: str) -> Any:
        found = getattr(loaded, name, None) or loaded.signatures.get(name)
        return found if callable(found) else None

    def variables_of(function: Any) -> list:
        traces = getattr(function, "concrete_functions", [function])
        return list({id(v): v for trace in traces for v in trace.variables}.values())

    return loaded, find, variables_of


def read_keras2_variables(filepath: str, stored: int) -> tuple[list[np.ndarray], dict[str, np.ndarray]]:
    """The variables of a model that Keras 2 saved, in the order of `model.variables`, and the optimizer's by name.

    The checkpoint keeps a graph of objects; an array stands under the first path that leads to its object, and the list
    `variables` of the root leads to all of the model's.

    Args:
        filepath: the folder of the SavedModel.
        stored: how many bytes its checkpoint has; its arrays together have no more.

    Raises:
        ValueError: where the checkpoint declares more. What it cannot read, TensorFlow's reader says in errors of many types.
    """
    reader = tf.train.load_checkpoint(f"{filepath}/variables/variables")
    shapes, dtypes = reader.get_variable_to_shape_map(), reader.get_variable_to_dtype_map()
    declared = sum(math.prod(shape) * dtypes[name].size for name, shape in shapes.items())
    if declared > stored:
        raise ValueError(f"it declares {declared:,} bytes of arrays and has {stored:,}")
    graph = TrackableObjectGraph.FromString(reader.get_tensor("_CHECKPOINTABLE_OBJECT_GRAPH"))

    def children(node: Any) -> dict[str, int]:
        return {child.local_name: child.node_id for child in node.children}

    def listed(number: int) -> list[int]:
        found = children(graph.nodes[number])
        return [found[name] for name in sorted((name for name in found if name.isdecimal()), key=int)]

    def array(number: int) -> np.ndarray:
        return reader.get_tensor(graph.nodes[number].attributes[0].checkpoint_key)

    root = children(graph.nodes[0])
    variables = listed(root["variables"]) if "variables" in root else []
    state: dict[str, np.ndarray] = {}
    if "optimizer" in root:
        optimizer = graph.nodes[root["optimizer"]]
        inside = children(optimizer)
        for name in ("iter", "_iterations"):
            if name in inside:
                state["iteration"] = array(inside[name])
        if "_variables" in inside:
            for number in listed(inside["_variables"]):
                if number != inside.get("_iterations"):
                    state[graph.nodes[number].attributes[0].full_name] = array(number)
        place = {number: position for position, number in enumerate(variables)}
        slots = sorted(optimizer.slot_variables, key=lambda slot: place.get(slot.original_variable_node_id, len(place)))
        for slot in slots:
            name = f"optimizer/{place.get(slot.original_variable_node_id)}/{slot.slot_name}"
            state[name] = array(slot.slot_variable_node_id)
    return [array(number) for number in variables], state
