"""What a metric is: Variables that `update_state` adds to, batch by batch, and `result` reads."""

import inspect
from collections.abc import Iterator, Sequence
from typing import Any

from hornbook import backend, ops
from hornbook.core import dtype_policies
from hornbook.core.global_state import auto_name, to_snake_case
from hornbook.core.registry import Configurable
from hornbook.core.scopes import NameScope, StatelessScope
from hornbook.core.variable import Variable


class Metric(Configurable):
    """Base class of metrics: define `update_state(...)` and `result()`, make state with `add_variable`.

    Args:
        dtype: dtype of the state and the result; `floatx()` if None.
        name: made from the class's name if None.

    >>> import hornbook as keras
    >>> class Largest(keras.metrics.Metric):
    ...     def __init__(self, name="largest", **kwargs):
    ...         super().__init__(name=name, **kwargs)
    ...         self.value = self.add_variable(shape=(), initializer="zeros", name="value")
    ...     def update_state(self, values, sample_weight=None):
    ...         self.value.assign(keras.ops.maximum(self.value, keras.ops.max(values)))
    ...     def result(self):
    ...         return keras.ops.convert_to_tensor(self.value)
    >>> metric = Largest()
    >>> metric.update_state([1.0, 3.0])
    >>> float(metric.result())
    3.0
    """

    def __init__(self, dtype: Any = None, name: str | None = None) -> None:
        self.name = name or auto_name(to_snake_case(type(self).__name__))
        self._dtype_policy = dtype_policies.get(dtype or backend.floatx())
        self._dtype = self._dtype_policy.compute_dtype

    @property
    def dtype(self) -> str:
        """The dtype of the state and the result."""
        return self._dtype

    # ------------------------------------------------------------------------------------------------------- state
    def add_variable(
        self, shape: Any, initializer: Any, dtype: Any = None, aggregation: str = "sum", name: str | None = None
    ) -> Variable:
        """A Variable of the metric's state, set to zeros by `reset_state`.

        Args:
            shape: its sizes.
            initializer: an initializer, its name, or a function of shape and dtype.
            dtype: the metric's if None.
            aggregation: how replicas' values become one.
            name: name of the variable.

        Raises:
            RuntimeError: before `super().__init__()`.
        """
        if "_dtype" not in vars(self):
            raise RuntimeError(f"Call super().__init__() first in the constructor of {type(self).__name__}.")
        with NameScope(self.name.replace("/", ">"), path=self.name.replace("/", ">")):
            variable = Variable(
                initializer,
                shape=shape,
                dtype=dtype or self.dtype,
                trainable=False,
                autocast=False,
                aggregation=aggregation,
                synchronization="on_read",
                name=name,
            )
        vars(self).setdefault("_own_variables", []).append(variable)
        return variable

    def add_weight(
        self, shape: Any = (), initializer: Any = None, dtype: Any = None, name: str | None = None
    ) -> Variable:
        """`add_variable` under its older name; zeros if no initializer is given."""
        return self.add_variable(shape=shape, initializer=initializer or "zeros", dtype=dtype, name=name)

    @property
    def variables(self) -> list[Variable]:
        """The state: the metric's own Variables as they were made, then those of metrics it holds."""
        own, nested = [], []
        for member in _members(vars(self)):
            (nested if isinstance(member, Metric) else own).append(member)
        found = own + [variable for metric in nested for variable in metric.variables]
        return list({id(variable): variable for variable in found}.values())

    def reset_state(self) -> None:
        """Set the whole state to zeros."""
        for variable in self.variables:
            variable.assign(ops.zeros(variable.shape, dtype=variable.dtype))

    def update_state(self, *args: Any, **kwargs: Any) -> None:
        """Add a batch to the state."""
        raise NotImplementedError(f"{type(self).__name__} must define update_state(self, ...).")

    def result(self) -> Any:
        """The metric over all batches since the last reset: a tensor, or a dictionary of tensors."""
        raise NotImplementedError(f"{type(self).__name__} must define result(self).")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """`update_state`, then `result`."""
        self.update_state(*args, **kwargs)
        return self.result()

    # --------------------------------------------------------------------------------------------------- stateless
    def stateless_update_state(self, metric_variables: Sequence, *args: Any, **kwargs: Any) -> list:
        """The state that follows `metric_variables` after a batch; the metric itself stays as it is."""
        scope = self._state(metric_variables)
        with scope:
            self.update_state(*args, **kwargs)
        return [scope.get_current_value(variable) for variable in self.variables]

    def stateless_result(self, metric_variables: Sequence) -> Any:
        """The result for the state `metric_variables`."""
        with self._state(metric_variables):
            return self.result()

    def stateless_reset_state(self) -> list:
        """The state after a reset."""
        scope = StatelessScope()
        with scope:
            self.reset_state()
        return [scope.get_current_value(variable) for variable in self.variables]

    def _state(self, values: Sequence) -> StatelessScope:
        variables = self.variables
        if len(values) != len(variables):
            raise ValueError(
                f"metric_variables must hold a value for each of the {len(variables)} variables of {self!r} "
                f"({', '.join(v.path for v in variables) or 'none'}), got {len(values)}."
            )
        return StatelessScope(state_mapping=zip(variables, values, strict=True))

    # ------------------------------------------------------------------------------------------------------ config
    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments, with the name and dtype they led to."""
        config = super().get_config()
        parameters = inspect.signature(type(self).__init__).parameters.values()
        open_ended = any(p.kind is p.VAR_KEYWORD for p in parameters)
        for name in ("name", "dtype"):
            if open_ended or any(p.name == name for p in parameters):
                config[name] = getattr(self, name)
        return config

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}>"


def _members(structure: Any) -> Iterator[Any]:
    """The Variables and Metrics among the attributes, also in lists and dictionaries."""
    if isinstance(structure, Variable | Metric):
        yield structure
    elif isinstance(structure, dict):
        for name, value in structure.items():
            if name != "_constructor_call":
                yield from _members(value)
    elif isinstance(structure, list | tuple):
        for value in structure:
            yield from _members(value)
