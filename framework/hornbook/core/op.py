"""`@op`: one function is the operation, for real tensors and for symbolic ones."""

import functools
import inspect
from collections.abc import Callable
from typing import Any, TypeVar, overload

from hornbook import backend, tree
from hornbook.core.keras_tensor import any_symbolic
from hornbook.core.operation import FunctionOperation
from hornbook.core.operators import OPS
from hornbook.core.rules import OutputRule

Function = TypeVar("Function", bound=Callable)


@overload
def op(rule: OutputRule) -> Callable[[Function], Function]: ...
@overload
def op(rule: Function) -> Function: ...
@overload
def op(*, shape: Callable | None = None) -> Callable[[Function], Function]: ...
def op(rule: Any = None, *, shape: Any = None) -> Any:
    """Make a function an operation.

    Given tensors, the function runs. Given KerasTensors (also inside lists) it records a node: the spec of its output
    comes from `rule(arguments)`, or from tracing the body where no rule is declared.

    >>> from hornbook import KerasTensor, backend
    >>> from hornbook.core.op import op
    >>> @op
    ... def twice(x):
    ...     return backend.add(x, x)
    >>> twice(KerasTensor((None, 2))).shape
    (None, 2)
    """
    if rule is None or _is_rule(rule):
        return lambda function: _make(function, rule or shape)
    return _make(rule, None)


def _is_rule(function: Callable) -> bool:
    """A rule is told from an operation by its one parameter, `arguments`."""
    return list(inspect.signature(function).parameters) == ["arguments"]


def _make(function: Callable, rule: Callable | None) -> Callable:
    signature = inspect.signature(function)

    def bind(*args: Any, **kwargs: Any) -> dict[str, Any]:
        bound = signature.bind(*args, **kwargs)
        bound.apply_defaults()
        return bound.arguments

    @functools.wraps(function)
    def dispatch(*args: Any, **kwargs: Any) -> Any:
        if any_symbolic(args, kwargs):
            return dispatch.operation().symbolic_call(*args, **kwargs)  # type: ignore[attr-defined]
        try:
            return function(*args, **kwargs)
        except backend.KernelError as error:
            given = [tuple(x.shape) for x in tree.flatten((args, kwargs)) if hasattr(x, "shape")]
            shapes = f" (shapes given: {', '.join(map(str, given))})" if given else ""
            raise ValueError(f"{function.__name__}: {backend.readable(error)}{shapes}") from None

    dispatch.operation = functools.partial(FunctionOperation, dispatch, rule, bind)  # type: ignore[attr-defined]
    OPS[function.__name__] = dispatch
    return dispatch
