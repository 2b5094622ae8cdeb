"""Several optimizers in one: each variable follows the one that its path is assigned to."""

import re
from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from typing import Any

from hornbook.core.registry import deserialize_keras_object, serialize_keras_object
from hornbook.optimizers.base import Optimizer, _key, _path


class OptimizerMap(MutableMapping):
    """Which optimizer a variable follows, by its path.

    A key is a regular expression for the whole path, such as ".*bias"; paths that no key matches get the default.

    Args:
        default_optimizer: for variables that no key matches.
        optimizer_map: regular expression -> optimizer.

    Raises:
        TypeError: for a default that is not an optimizer.
        ValueError: for a key that is there already or is no string, a value that is not an optimizer, and on look-up
            for a path that several keys match.

    >>> from hornbook import optimizers
    >>> chosen = optimizers.OptimizerMap(optimizers.SGD(0.1), {".*bias": optimizers.Adam(0.01)})
    >>> type(chosen["dense/bias"]).__name__, type(chosen["dense/kernel"]).__name__
    ('Adam', 'SGD')
    """

    def __init__(self, default_optimizer: Optimizer, optimizer_map: Mapping[str, Optimizer] | None = None) -> None:
        if not isinstance(default_optimizer, Optimizer):
            raise TypeError(f"default_optimizer must be an Optimizer object, got {default_optimizer!r}.")
        self._default_optimizer = default_optimizer
        self._optimizers: dict[str, Optimizer] = {}
        self.update(optimizer_map or {})

    @property
    def default_optimizer(self) -> Optimizer:
        """The optimizer of all that no key matches."""
        return self._default_optimizer

    def __getitem__(self, key: str) -> Optimizer:
        if key in self._optimizers:
            return self._optimizers[key]
        matching = [pattern for pattern in self._optimizers if re.fullmatch(pattern, key)]
        if len(matching) > 1:
            raise ValueError(
                f"The path {key!r} matches several keys of the OptimizerMap: {matching}. Make them differ."
            )
        return self._optimizers[matching[0]] if matching else self._default_optimizer

    def __setitem__(self, key: str, optimizer: Optimizer) -> None:
        if not isinstance(key, str):
            raise ValueError(f"A key of an OptimizerMap is a regular expression in a string, got {key!r}.")
        if not isinstance(optimizer, Optimizer):
            raise ValueError(f"The OptimizerMap needs an Optimizer object for {key!r}, got {optimizer!r}.")
        if key in self._optimizers:
            raise ValueError(f"{key!r} is in the OptimizerMap already; delete it first to assign another optimizer.")
        self._optimizers[key] = optimizer

    def __delitem__(self, key: str) -> None:
        del self._optimizers[key]

    def __len__(self) -> int:
        return len(self._optimizers)

    def __iter__(self) -> Iterator[str]:
        return iter(self._optimizers)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {
            "default_optimizer": serialize_keras_object(self._default_optimizer),
            "optimizer_map": {key: serialize_keras_object(value) for key, value in self._optimizers.items()},
        }

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Mapping[str, Any] | None = None) -> "OptimizerMap":
        """The map that `config` describes."""

        def made(value: Any) -> Any:
            return deserialize_keras_object(value, custom_objects=custom_objects, family="optimizers")

        optimizers = {key: made(value) for key, value in (config["optimizer_map"] or {}).items()}
        return cls(made(config["default_optimizer"]), optimizers)


class MultiOptimizer(Optimizer):
    """Hands each variable to the optimizer that an `OptimizerMap` gives for its path.

    The learning rate, clipping, weight decay and averages are those of the optimizers inside.

    Args:
        optimizer_map: an `OptimizerMap`.
        loss_scale_factor: see `Optimizer`; it replaces that of the optimizers inside.
        name: name of the optimizer.

    Raises:
        TypeError: for an `optimizer_map` that is not one.
        AttributeError: where its learning rate is read or set.

    >>> import hornbook as keras
    >>> from hornbook import optimizers
    >>> w, b = keras.Variable([1.0], name="kernel"), keras.Variable([1.0], name="bias")
    >>> slow_kernels = optimizers.OptimizerMap(optimizers.SGD(1.0), {".*kernel": optimizers.SGD(0.5)})
    >>> optimizers.MultiOptimizer(slow_kernels).apply([keras.ops.ones(1), keras.ops.ones(1)], [w, b])
    >>> float(w[0]), float(b[0])
    (0.5, 0.0)
    """

    def __init__(
        self, optimizer_map: OptimizerMap, loss_scale_factor: float | None = None, name: str | None = None
    ) -> None:
        if not isinstance(optimizer_map, OptimizerMap):
            raise TypeError(
                "MultiOptimizer takes an OptimizerMap(default_optimizer, {regular expression: optimizer}), got "
                f"{optimizer_map!r}."
            )
        super().__init__(0.0, name=name)
        self._optimizer_map = optimizer_map
        chosen = [*optimizer_map.values(), optimizer_map.default_optimizer]
        self._inner = list({id(optimizer): optimizer for optimizer in chosen}.values())
        self.loss_scale_factor = loss_scale_factor

    @property
    def optimizers(self) -> list[Optimizer]:
        """The optimizers inside, each once: the map's in their order, then the default."""
        return list(self._inner)

    @property
    def loss_scale_factor(self) -> float | None:
        """The factor of the loss, which the optimizers inside divide the gradients by."""
        return self._loss_scale_factor

    @loss_scale_factor.setter
    def loss_scale_factor(self, value: float | None) -> None:
        self._loss_scale_factor = value
        for optimizer in getattr(self, "_inner", ()):  # not there yet in super().__init__()
            optimizer.loss_scale_factor = value

    @property
    def learning_rate(self) -> Any:
        """Not one number: each optimizer inside has its own."""
        raise AttributeError("A MultiOptimizer has no learning rate of its own: read those of `optimizers`.")

    @learning_rate.setter
    def learning_rate(self, value: Any) -> None:
        raise AttributeError("A MultiOptimizer has no learning rate of its own: set those of `optimizers`.")

    @property
    def variables(self) -> list:
        """Its own variables, then those of the optimizers inside."""
        return [*self._variables, *(variable for optimizer in self._inner for variable in optimizer.variables)]

    def build(self, var_list: Sequence) -> None:
        """Find each variable's optimizer and build it for these."""
        if self.built:
            return
        super().build(var_list)
        self._choice = {_key(variable): self._optimizer_map[_path(variable)] for variable in var_list}
        for optimizer, variables in self._shares(var_list):
            optimizer.build(variables)

    def _shares(self, variables: Sequence) -> list[tuple[Optimizer, list]]:
        """Each optimizer that has any of the `variables`, with its share of them."""
        shares = [
            (optimizer, [v for v in variables if self._choice[_key(v)] is optimizer]) for optimizer in self._inner
        ]
        return [(optimizer, share) for optimizer, share in shares if share]

    def _apply_reduced(self, gradients: list, variables: list) -> None:
        by_variable = {_key(variable): gradient for gradient, variable in zip(gradients, variables, strict=True)}
        for optimizer, share in self._shares(variables):
            optimizer._apply_reduced([by_variable[_key(variable)] for variable in share], share)
        self._iterations.assign_add(1)

    def finalize_variable_values(self, var_list: Sequence) -> None:
        """See `Optimizer.finalize_variable_values`."""
        for optimizer in self._inner:
            optimizer.finalize_variable_values(var_list)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {
            "optimizer_map": serialize_keras_object(self._optimizer_map),
            "loss_scale_factor": self.loss_scale_factor,
            "name": self.name,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Mapping[str, Any] | None = None) -> "MultiOptimizer":
        """The optimizer that `config` describes."""
        config = dict(config)
        config["optimizer_map"] = deserialize_keras_object(
            config["optimizer_map"], custom_objects=custom_objects, family="optimizers"
        )
        return cls(**config)
