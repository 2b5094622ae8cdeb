"""What is not arithmetic: conversion, shapes, tracing without numbers, gradients, compilation, replicas."""

import functools
import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow.python.autograph.core import config as autograph

from hornbook import tree
from hornbook.backend.config import floatx, standardize_dtype
from hornbook.backend.spec import Spec
from hornbook.backend.tensorflow.products import in_program

__all__ = [
    "KernelError",
    "after",
    "all_reduce_sum",
    "cast",
    "check_finite",
    "compile",
    "convert_to_numpy",
    "convert_to_tensor",
    "custom_gradient",
    "device",
    "in_graph",
    "infer",
    "is_tensor",
    "name_scope",
    "numpy_function",
    "enable_op_determinism",
    "outside_graph",
    "raise_if_not_finite",
    "readable",
    "remat",
    "replica_count",
    "replica_number",
    "shape",
    "size",
    "share_of_rows",
    "stop_gradient",
    "update_variables",
    "value_and_grad",
]

# A tf.function of one's own rewrites the Python that it traces, loops and conditions, and what that calls. Nothing here needs
# it: this is left as it is, as Keras is by TensorFlow's own rules.
_PACKAGES = ("hornbook", "hornbook_applications", "hornbook_hub")
autograph.CONVERSION_RULES = (*map(autograph.DoNotConvert, _PACKAGES), *autograph.CONVERSION_RULES)


KernelError = tf.errors.InvalidArgumentError  # what a kernel raises that cannot take its arguments


def readable(error: Exception) -> str:
    """What a kernel's error says, without the names of nodes and the trace of the graph around it."""
    text = getattr(error, "message", None) or str(error)
    noise = ("  File", "\t ", "Stack trace", "0 successful", "0 derived", "The error could be from", " Cf. http")
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith(noise)]
    said = lines[-1] if lines and lines[0].startswith("Graph execution error") else " ".join(lines)
    return re.sub(r"\{\{.*?\}\} ?|\[\[.*?\]\]|\[Op:.*?\]|name: *$", "", said).strip()


# A check inside a graph fails as a kernel's error; these marks tell its sentence from what TensorFlow adds around it.
_BEGIN, _END = "<not finite>", "</not finite>"


def check_finite(x: Any, what: str, hint: str) -> Any:
    """Fail where a float tensor holds NaN or infinity: at once, or when the graph runs, in the order of the program.

    What the graph writes to variables does not wait for that by itself; see `after`.

    Args:
        x: the tensor.
        what: the sentence that says so, up to the kind of number.
        hint: the sentence that follows.

    Returns:
        the numbers of x, checked.

    Raises:
        FloatingPointError: where numbers are there. A graph fails with a `KernelError`; see `raise_if_not_finite`.
    """
    if isinstance(x, tf.SparseTensor | tf.IndexedSlices):
        x = x.values
    elif isinstance(x, tf.RaggedTensor):
        x = x.flat_values
    x = tf.stop_gradient(x)
    try:
        return tf.debugging.check_numerics(x, f"{_BEGIN}{what}{_END}{hint}")
    except KernelError as error:
        raise_if_not_finite(error)
        raise


def after(first: Sequence, then: Sequence) -> list:
    """The tensors `then` (None for none), which nobody gets before those of `first` are there."""
    with tf.control_dependencies(list(first)):
        return [None if x is None else tf.identity(x) for x in then]


def raise_if_not_finite(error: Exception) -> None:
    """Raise the error of a `check_finite` as such; do nothing for any other.

    Raises:
        FloatingPointError: in the words that the check was given.
    """
    found = re.search(f"{_BEGIN}(.*?){_END}(.*?) : Tensor had (.*?) values", str(error), re.DOTALL)
    if found:
        what, hint, kinds = found.groups()
        raise FloatingPointError(f"{what}: it has {kinds}. {hint}") from None


# --------------------------------------------------------------------------------------------- tensors and numbers
def is_tensor(x: Any) -> bool:
    """Whether `x` is a TensorFlow tensor: dense, sparse or ragged, eager or in a graph."""
    return isinstance(x, tf.Tensor | tf.SparseTensor | tf.RaggedTensor | tf.IndexedSlices)


def convert_to_tensor(x: Any, dtype: Any = None, sparse: bool | None = None) -> Any:
    """`x` (tensor, array, number, nested list, Variable) as a tensor, cast to `dtype` if one is named."""
    if isinstance(x, tf.Tensor):
        return x if dtype is None or x.dtype.name == dtype else cast(x, dtype)
    if isinstance(x, tf.SparseTensor | tf.RaggedTensor):
        x = tf.sparse.to_dense(x) if sparse is False and isinstance(x, tf.SparseTensor) else x
        return x if dtype is None else tf.cast(x, standardize_dtype(dtype))
    if dtype is None:
        return tf.convert_to_tensor(x)
    dtype = standardize_dtype(dtype)
    if isinstance(x, bool | int | float):
        if isinstance(x, float) and not tf.as_dtype(dtype).is_floating:
            return tf.cast(x, dtype)
        return tf.cast(x, dtype) if dtype == "bool" else tf.constant(x, dtype)
    return cast(tf.convert_to_tensor(x), dtype)


def convert_to_numpy(x: Any) -> np.ndarray:
    """The numbers of a tensor as a NumPy array.

    Raises:
        ValueError: for a tensor of a graph that is being traced, which has no numbers yet.
    """
    if isinstance(x, tf.SparseTensor):
        x = tf.sparse.to_dense(x)
    elif isinstance(x, tf.IndexedSlices):
        x = tf.convert_to_tensor(x)
    elif isinstance(x, tf.RaggedTensor):
        x = x.to_tensor()
    elif isinstance(x, tf.Tensor) and not hasattr(x, "numpy"):
        raise ValueError(
            "A tensor inside a compiled function has no numbers yet, so it cannot become a NumPy array. "
            "Use hornbook.ops on it, or pass run_eagerly=True to compile()."
        )
    return x.numpy() if isinstance(x, tf.Tensor) else np.asarray(x)


def cast(x: Any, dtype: Any) -> Any:
    """`x` with its numbers converted to `dtype`."""
    dtype = standardize_dtype(dtype)
    if isinstance(x, tf.Tensor) and x.dtype.name == dtype:
        return x
    if isinstance(x, tf.SparseTensor):
        return tf.SparseTensor(x.indices, tf.cast(x.values, dtype), x.dense_shape)
    return tf.cast(x, dtype)


def size(x: Any) -> Any:
    """The number of elements, an int32 scalar that only the running graph knows."""
    return tf.size(convert_to_tensor(x))


def shape(x: Any) -> Any:
    """The shape of `x`: integers where known, scalar tensors where only the running graph knows."""
    if isinstance(x, tf.RaggedTensor):
        return tuple(x.shape)
    if not hasattr(x, "shape") or not isinstance(getattr(x, "shape", None), tf.TensorShape):
        x = convert_to_tensor(x)
    static = x.shape
    if static.rank is None:
        return tf.shape(x)
    if static.is_fully_defined():
        return tuple(static)
    dynamic = tf.shape(x)
    return tuple(dynamic[axis] if size is None else size for axis, size in enumerate(static))


def stop_gradient(x: Any) -> Any:
    """`x`, through which no gradient flows."""
    return tf.stop_gradient(convert_to_tensor(x))


# ------------------------------------------------------------------------------------------------ graphs and tracing
def in_graph() -> bool:
    """Whether code runs while a graph is being traced."""
    return not tf.executing_eagerly()


def name_scope(name: str) -> Any:
    """Prefix for the names of graph operations, seen in TensorBoard and profiles."""
    return tf.name_scope(name)


def device(device_name: str) -> Any:
    """Context in which tensors are made and computed on this device: "cpu:0", "gpu:1", "/job:worker/device:gpu:0".

    >>> import hornbook as keras
    >>> with keras.device("cpu:0"):
    ...     keras.ops.ones(2).device.endswith("CPU:0")
    True
    """
    return tf.device(device_name)


def outside_graph() -> Any:
    """Context in which code runs at once even while a graph is being traced: where variables are made."""
    return tf.init_scope()


def infer(function: Callable, args: Sequence = (), kwargs: dict | None = None) -> Any:
    """What `function` would return for tensors of the given `Spec`s: the same structure with `Spec`s in it.

    The body is traced once into a graph that is thrown away; nothing is computed.
    """

    def to_tensor(leaf: Any) -> Any:
        if not isinstance(leaf, Spec):
            return leaf
        if leaf.sparse:
            return tf.compat.v1.sparse_placeholder(leaf.dtype, leaf.shape)
        if leaf.ragged:
            return tf.compat.v1.ragged.placeholder(leaf.dtype, max(len(leaf.shape) - 1, 1))
        return tf.compat.v1.placeholder(leaf.dtype, leaf.shape)

    def to_spec(leaf: Any) -> Any:
        if isinstance(leaf, tf.RaggedTensor):
            return Spec(tuple(leaf.shape), leaf.dtype.name, ragged=True)
        if isinstance(leaf, tf.SparseTensor):
            return Spec(tuple(leaf.shape), leaf.dtype.name, sparse=True)
        if isinstance(leaf, tf.Tensor):
            if leaf.shape.rank is None:
                raise ValueError(
                    f"The number of dimensions of the output of {getattr(function, '__name__', function)!r} could "
                    "not be found by tracing. Define `compute_output_shape` on the layer."
                )
            return Spec(tuple(leaf.shape), leaf.dtype.name)
        return leaf

    with tf.__internal__.FuncGraph("infer").as_default():
        arguments: Any = tree.map_structure(to_tensor, (tuple(args), kwargs or {}))
        return tree.map_structure(to_spec, function(*arguments[0], **arguments[1]))


def compile(function: Callable, jit: bool = False) -> Callable:
    """`function` traced once for each kind of input and run as a graph; with `jit`, fused by XLA."""
    if not jit:
        return tf.function(function, reduce_retracing=True, autograph=False)

    @functools.wraps(function)
    def program(*args: Any, **kwargs: Any) -> Any:
        with in_program():
            return function(*args, **kwargs)

    return tf.function(program, jit_compile=True, reduce_retracing=True, autograph=False)


def enable_op_determinism() -> None:
    """Let every kernel give the same bits for the same inputs, which may be slower."""
    tf.config.experimental.enable_op_determinism()


def numpy_function(function: Callable, args: Sequence, dtypes: Sequence) -> list:
    """Call a Python function on NumPy arrays from inside a graph: `dtypes` are those of its results."""
    return tf.numpy_function(function, args, [tf.as_dtype(standardize_dtype(dtype)) for dtype in dtypes])


# --------------------------------------------------------------------------------------------- gradients and replicas
def value_and_grad(forward: Callable, variables: Sequence) -> tuple[Any, list]:
    """`forward()` and the gradients of its loss: (result, gradients), one gradient (or None) for each variable.

    `forward` returns the loss or a tuple that starts with it.
    """
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        for variable in variables:
            tape.watch(variable._value)
        result = forward()
        loss = result[0] if isinstance(result, tuple) else result
    return result, tape.gradient(loss, [variable._value for variable in variables])


def custom_gradient(function: Callable) -> Callable:
    """A function that gives (outputs, gradient function) as one that gives the outputs and has that gradient."""
    return tf.custom_gradient(function)


def remat(f: Callable) -> Callable:
    """`f`, whose inner results are not kept for the backward pass but computed again there.

    >>> import hornbook as keras
    >>> f = keras.remat(lambda x: keras.ops.sin(x) * 2)
    >>> float(f(keras.ops.zeros(())))
    0.0
    """
    if not callable(f):
        raise TypeError(f"remat() takes a function, got {f!r}.")

    @functools.wraps(f)
    def rematerialized(*args: Any, **kwargs: Any) -> Any:
        leaves = tree.flatten((args, kwargs))
        places = [i for i, leaf in enumerate(leaves) if isinstance(leaf, tf.Tensor)]
        outputs: Any = None

        def of_tensors(*tensors: Any) -> list:
            nonlocal outputs
            filled = list(leaves)
            for place, tensor in zip(places, tensors, strict=True):
                filled[place] = tensor
            positional, named = tree.pack_sequence_as((args, kwargs), filled)
            outputs = f(*positional, **named)
            return tree.flatten(outputs)

        results = tf.recompute_grad(of_tensors)(*[leaves[place] for place in places])
        return tree.pack_sequence_as(outputs, results)

    return rematerialized


def replica_count() -> int:
    """How many replicas of the model train in step (1 outside `tf.distribute`)."""
    return tf.distribute.get_strategy().num_replicas_in_sync


def replica_number() -> int:
    """Which of the replicas runs this code: 0 for the first, for the only one, and outside of any.

    The cores of a TPU run one program, so there it is 0 for all.
    """
    if not tf.distribute.has_strategy() or tf.distribute.in_cross_replica_context():
        return 0
    number = tf.distribute.get_replica_context().replica_id_in_sync_group
    return int(tf.get_static_value(number) or 0)


def _in_replica() -> bool:
    return tf.distribute.has_strategy() and tf.distribute.in_cross_replica_context() is False


def all_reduce_sum(values: Any) -> Any:
    """The sum over all replicas of each tensor of a structure (None stays None); as it is outside `tf.distribute`."""
    if replica_count() == 1 or not _in_replica():
        return values
    present = [value for value in tree.flatten(values) if value is not None]
    if not present:
        return values
    present = [tf.convert_to_tensor(value) for value in present]
    reduced = iter(tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, present))
    return tree.map_structure(lambda value: None if value is None else next(reduced), values)


def share_of_rows(x: Any) -> Any:
    """Which part of all replicas' rows this replica's `x` holds, a number between 0 and 1; 1 outside `tf.distribute`."""
    if replica_count() == 1 or not _in_replica():
        return 1.0
    rows = tf.cast(tf.shape(x)[0], floatx()) if x is not None and x.shape.rank != 0 else tf.ones((), floatx())
    return rows / all_reduce_sum(rows)


def update_variables(update: Callable, gradients: Sequence, variables: Sequence) -> None:
    """`update(gradient, variable)` for each pair; under `tf.distribute` on every replica's copy of the variable."""
    if not _in_replica() or replica_count() == 1:
        for gradient, variable in zip(gradients, variables, strict=True):
            update(gradient, variable)
        return

    def on_every_replica(strategy: Any, gradients: Sequence) -> None:
        for gradient, variable in zip(gradients, variables, strict=True):
            strategy.extended.update(
                variable._value, lambda _, g, v=variable: update(g, v), args=(gradient,), group=False
            )

    tf.distribute.get_replica_context().merge_call(on_every_replica, args=(list(gradients),))
