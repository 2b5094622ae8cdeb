"""What all optimizers share: the order of work in a step, their variables, the learning rate.

An optimizer adds the variables it needs in `build` and one formula, `update_step`. All else is here.
"""

import inspect
import re
import warnings
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from hornbook import backend
from hornbook.core import global_state
from hornbook.core.registry import Configurable, deserialize_keras_object, get_family, serialize_keras_object
from hornbook.core.scopes import NameScope, StatelessScope, get_stateless_scope, in_stateless_scope
from hornbook.core.variable import Variable
from hornbook.optimizers.schedules import LearningRateSchedule

_SHARED_ARGUMENTS = (
    "weight_decay",
    "clipnorm",
    "global_clipnorm",
    "clipvalue",
    "use_ema",
    "ema_momentum",
    "ema_overwrite_frequency",
    "loss_scale_factor",
    "gradient_accumulation_steps",
)


class Optimizer(Configurable):
    """Changes variables by their gradients, step after step: w <- w + f(g, state).

    A step goes in this order: gradients that are None are left out; division by `loss_scale_factor`; accumulation;
    clipping; weight decay w <- w - wd lr w; the optimizer's own update; the moving average; constraints.

    Args:
        learning_rate: a number, a `LearningRateSchedule`, or a function without arguments that gives one.
        weight_decay: wd above; None for none.
        clipnorm: the norm that the gradient of each variable is cut down to.
        clipvalue: the absolute value that each number of a gradient is cut down to.
        global_clipnorm: the norm that all gradients together are cut down to.
        use_ema: keep a moving average of the variables, a <- ema_momentum a + (1 - ema_momentum) w.
        ema_momentum: the weight of the past in it.
        ema_overwrite_frequency: put the average in the variables' place every so many steps; only at the end if None.
        loss_scale_factor: the loss is multiplied by it and the gradients divided, which keeps small ones in float16.
        gradient_accumulation_steps: update every so many steps, with the mean of their gradients.
        name: the first part of its variables' paths; made from the class if None.

    Raises:
        ValueError: for more than one kind of clipping, or a value out of range.

    >>> import hornbook as keras
    >>> class SignDescent(keras.optimizers.Optimizer):
    ...     def update_step(self, gradient, variable, learning_rate):
    ...         variable.assign_sub(learning_rate * keras.ops.sign(gradient))
    >>> w = keras.Variable([1.0, 2.0])
    >>> SignDescent(0.5).apply([keras.ops.array([-7.0, 3.0])], [w])
    >>> w.numpy()
    array([1.5, 1.5], dtype=float32)
    """

    # A class that defines `fused_step(gradient, variable, learning_rate)` beside `update_step` offers the same update
    # by kernels of the backend; it returns False where there is none for it, and `update_step` runs.
    fused_step: Callable[..., bool]
    _variables: list[Variable]

    def __init__(
        self,
        learning_rate: Any,
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        use_ema: bool = False,
        ema_momentum: float = 0.99,
        ema_overwrite_frequency: int | None = None,
        loss_scale_factor: float | None = None,
        gradient_accumulation_steps: int | None = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        if kwargs.pop("decay", None) is not None:
            warnings.warn(
                "The argument `decay` has no effect; pass a schedule such as "
                "learning_rate=hornbook.optimizers.schedules.InverseTimeDecay(...).",
                stacklevel=3,
            )
        if kwargs:
            raise ValueError(f"{type(self).__name__} got unexpected arguments: {sorted(kwargs)}.")
        _check_clipping(clipnorm, clipvalue, global_clipnorm)
        if gradient_accumulation_steps and gradient_accumulation_steps < 2:
            raise ValueError(
                f"gradient_accumulation_steps must be 2 or more, or None; got {gradient_accumulation_steps}."
            )
        if use_ema:
            _check_averaging(ema_momentum, ema_overwrite_frequency)
        vars(self)["_variables"] = []
        self.name = name or global_state.auto_name(global_state.to_snake_case(type(self).__name__))
        self.weight_decay = weight_decay
        self.clipnorm, self.clipvalue, self.global_clipnorm = clipnorm, clipvalue, global_clipnorm
        self.use_ema, self.ema_momentum = use_ema, ema_momentum
        self.ema_overwrite_frequency = ema_overwrite_frequency
        self.loss_scale_factor = loss_scale_factor
        self.gradient_accumulation_steps = gradient_accumulation_steps

        self.built = False
        self._trainable_variables: list[Any] = []
        self._indices: dict[Hashable, int] = {}
        self._without_decay: tuple[set, re.Pattern | None] = (set(), None)
        self._common: dict[Hashable, Any] | None = None
        self._iterations = self.add_variable((), dtype="int64", aggregation="only_first_replica", name="iteration")
        if isinstance(learning_rate, dict):
            learning_rate = get_family("optimizers.schedules").deserialize(learning_rate)
        if not isinstance(learning_rate, LearningRateSchedule) and not callable(learning_rate):
            number = _number(learning_rate)
            learning_rate = self.add_variable(
                (),
                initializer=lambda shape, dtype: backend.convert_to_tensor(number, dtype=dtype),
                aggregation="only_first_replica",
                name="learning_rate",
            )
        self._learning_rate = learning_rate

    # ------------------------------------------------------------------------------------------------- variables
    def __setattr__(self, name: str, value: Any) -> None:
        if "_variables" not in vars(self):
            raise RuntimeError(
                f"{type(self).__name__}.__init__() must call super().__init__(learning_rate, ...) before it sets "
                f"attributes; it set {name!r} first."
            )
        if isinstance(value, Variable) and not any(value is known for known in self._variables):
            self._variables.append(value)
        super().__setattr__(name, value)

    def __setstate__(self, state: dict[str, Any]) -> None:
        """A copy goes with the copies of the trained variables."""
        vars(self).update(state)
        vars(self)["_indices"] = {_key(variable): index for index, variable in enumerate(self._trainable_variables)}

    @property
    def variables(self) -> list[Variable]:
        """All variables of the optimizer: the step counter, the learning rate, then those that `build` added."""
        return list(self._variables)

    @property
    def iterations(self) -> Any:
        """The number of updates made so far."""
        if self.gradient_accumulation_steps:
            return backend.floor_divide(self._iterations, self.gradient_accumulation_steps)
        return self._iterations

    def build(self, variables: Sequence) -> None:
        """Make the optimizer's variables; a subclass calls this first, then adds its own.

        Args:
            variables: the variables that will be trained.
        """
        if self.use_ema:
            self._model_variables_moving_average = self.add_optimizer_variables(variables, "average")
        if self.gradient_accumulation_steps:
            self._accumulated_gradients = [
                self.add_variable_from_reference(variable, "gradient_accumulator") for variable in variables
            ]
        self._trainable_variables = list(variables)
        self._indices = {_key(variable): index for index, variable in enumerate(variables)}
        self.built = True

    def add_variable(
        self,
        shape: Any,
        initializer: Any = "zeros",
        dtype: Any = None,
        aggregation: str = "none",
        layout: Any = None,
        name: str | None = None,
    ) -> Variable:
        """A new variable of the optimizer.

        Args:
            shape: sizes of the axes.
            initializer: an initializer or its name.
            dtype: dtype; `floatx()` if None.
            aggregation: how replicas agree on it, see `Variable`.
            layout: accepted for signature's sake.
            name: its name.
        """
        with NameScope(self.name):
            variable = Variable(
                initializer,
                shape=shape,
                dtype=dtype,
                trainable=False,
                autocast=False,
                aggregation=aggregation,
                name=name,
            )
        self._variables.append(variable)
        return variable

    def add_variable_from_reference(
        self, reference_variable: Any, name: str | None = None, initializer: Any = "zeros"
    ) -> Variable:
        """A new variable of the shape and dtype of a trained one.

        Args:
            reference_variable: the trained variable.
            name: what it holds, such as "momentum"; added to the path of the trained variable.
            initializer: an initializer or its name.
        """
        path = re.sub("[/:]", "_", getattr(reference_variable, "path", None) or reference_variable.name)
        return self.add_variable(
            tuple(reference_variable.shape), initializer, _dtype(reference_variable), name=f"{path}_{name or 'var'}"
        )

    def add_optimizer_variables(
        self, trainable_variables: Sequence, name: str | Sequence[str], initializer: Any = "zeros"
    ) -> Any:
        """One new variable, or several, for each trained one.

        Args:
            trainable_variables: the trained variables.
            name: what the new ones hold; several names give several lists.
            initializer: an initializer, or one for each name.

        Returns:
            A list for one name, a tuple of lists for several; None stands for variables that gradients overwrite.
        """
        names = [name] if isinstance(name, str) else list(name)
        initializers = list(initializer) if isinstance(initializer, list | tuple) else [initializer] * len(names)
        if len(names) != len(initializers):
            raise ValueError(f"{len(names)} names need as many initializers, got {len(initializers)}.")
        lists: tuple[list, ...] = tuple([] for _ in names)
        for variable in trainable_variables:
            overwritten = getattr(variable, "overwrite_with_gradient", False)
            for made, one_name, one_initializer in zip(lists, names, initializers, strict=True):
                made.append(
                    None if overwritten else self.add_variable_from_reference(variable, one_name, one_initializer)
                )
        return lists[0] if isinstance(name, str) else lists

    def _get_variable_index(self, variable: Any) -> int:
        """The place of a trained variable in the list that the optimizer was built with."""
        return self._indices[_key(variable)]

    def assign(self, variable: Any, value: Any) -> None:
        """variable <- value."""
        variable.assign(backend.cast(value, _dtype(variable)))

    def assign_add(self, variable: Any, value: Any) -> None:
        """variable <- variable + value."""
        variable.assign_add(backend.cast(value, _dtype(variable)))

    def assign_sub(self, variable: Any, value: Any) -> None:
        """variable <- variable - value."""
        variable.assign_sub(backend.cast(value, _dtype(variable)))

    # ------------------------------------------------------------------------------------------------- learning rate
    @property
    def learning_rate(self) -> Any:
        """The current learning rate; a number given at first can be set to another one, or to a schedule."""
        if isinstance(self._learning_rate, LearningRateSchedule):
            return self._learning_rate(self._iterations)
        return self._learning_rate() if callable(self._learning_rate) else self._learning_rate

    @learning_rate.setter
    def learning_rate(self, value: Any) -> None:
        if isinstance(value, LearningRateSchedule) or callable(value):
            self._variables[:] = [v for v in self._variables if v is not self._learning_rate]
            self._learning_rate = value
        elif isinstance(self._learning_rate, Variable):
            self._learning_rate.assign(value)
        else:
            raise TypeError(
                f"The learning rate of {self.name!r} follows {type(self._learning_rate).__name__}, so it cannot be set "
                f"to {value!r}. Make the optimizer with a number to set it later, or set another schedule."
            )

    # ------------------------------------------------------------------------------------------------- one step
    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Change one variable by its gradient: the formula of the optimizer.

        Args:
            gradient: a tensor of the variable's shape and dtype.
            variable: the variable to write to.
            learning_rate: a scalar of that dtype.
        """
        raise NotImplementedError(f"{type(self).__name__} must define update_step(gradient, variable, learning_rate).")

    def begin_step(self) -> None:
        """Called once before the variables of a step are updated."""

    def common(self, key: Hashable, compute: Callable[[], Any]) -> Any:
        """`compute()`, done once in a step though every variable's update asks for it.

        Args:
            key: tells one such value from another.
            compute: gives the value.
        """
        if self._common is None:
            return compute()
        if key not in self._common:
            self._common[key] = compute()
        return self._common[key]

    def step_number(self, dtype: Any) -> Any:
        """t, the number of the step that is under way, as a scalar of a dtype; the first is 1."""
        return self.common(("step_number", dtype), lambda: backend.cast(self.iterations + 1, dtype))

    def apply_gradients(self, grads_and_vars: Iterable[tuple]) -> Any:
        """`apply` for pairs (gradient, variable); gives the step counter."""
        gradients, variables = zip(*grads_and_vars, strict=True)
        self.apply(gradients, variables)
        return self._iterations

    def apply(self, grads: Sequence, trainable_variables: Sequence | None = None) -> None:
        """Change the variables by their gradients: one step.

        Args:
            grads: a gradient, or None, for each variable.
            trainable_variables: the variables; those that the optimizer was built with if None.

        Raises:
            ValueError: where all gradients are None, or a variable is not one that the optimizer was built with.
        """
        if len(grads) == 0:
            return
        variables = self._known_variables(grads, trainable_variables)
        self._apply_reduced(*self._reduced(grads, variables))

    def _known_variables(self, gradients: Sequence, variables: Sequence | None) -> list:
        if variables is None:
            if not self.built:
                raise ValueError(
                    "The optimizer does not know its variables yet: pass them, apply(gradients, variables), or call "
                    "build(variables) first."
                )
            variables = self._trainable_variables
        elif not self.built:
            self.build(list(variables))
        if len(gradients) != len(variables):
            raise ValueError(
                f"There must be one gradient for each of the {len(variables)} variables, got {len(gradients)}."
            )
        for variable in variables:
            if _key(variable) not in self._indices:
                raise ValueError(
                    f"Unknown variable: {variable}. The optimizer was built with {len(self._trainable_variables)} "
                    "other variables and keeps state for these only. Train other variables with a new optimizer, or "
                    "build(variables) it with all of them before the first step."
                )
        return list(variables)

    def _reduced(self, gradients: Sequence, variables: list) -> tuple[list, list]:
        """The gradients that are there, dense and summed over the replicas, and their variables."""
        missing = [_path(v) for g, v in zip(gradients, variables, strict=True) if g is None]
        pairs = [(g, v) for g, v in zip(gradients, variables, strict=True) if g is not None]
        if not pairs:
            raise ValueError(
                f"No gradients provided for any variable: all of {missing} are None. The loss must be computed from "
                "them inside the tape."
            )
        if missing:
            warnings.warn(
                f"Gradients do not exist for variables {missing}: the loss does not depend on them. With compile(), "
                "check that each output has a loss.",
                stacklevel=4,
            )
        dense = [backend.dense_gradient(g) for g, _ in pairs]
        return backend.all_reduce_sum(dense), [v for _, v in pairs]

    def _apply_reduced(self, gradients: list, variables: list) -> None:
        """A step with gradients that all replicas agree on."""
        gradients, variables = self._overwrite(gradients, variables)
        if gradients:
            if self.loss_scale_factor is not None:
                gradients = [gradient / self.loss_scale_factor for gradient in gradients]
            if self.gradient_accumulation_steps:
                self._accumulate(gradients, variables)
            else:
                self._update(gradients, variables)
            if self.use_ema:
                self._update_averages()
            constrained = [v for v in variables if getattr(v, "constraint", None) is not None]
            if constrained:
                nothing = [None] * len(constrained)
                backend.update_variables(lambda _, v: v.assign(v.constraint(v)), nothing, constrained)
        self._iterations.assign_add(1)

    def _update(self, gradients: list, variables: list) -> None:
        """Clip, decay, update."""
        gradients = self._clip_gradients(gradients)
        learning_rate = backend.convert_to_tensor(self.learning_rate)
        decay_step, step = self._step_functions()
        self._common = {}
        self.begin_step()

        def update(gradient: Any, variable: Any) -> None:
            dtype = _dtype(variable)
            rate = self.common(("learning_rate", dtype), lambda: backend.cast(learning_rate, dtype))
            decay = self._weight_decay_of(variable)
            if decay is not None:
                factor = self.common(("weight_decay", decay, dtype), lambda: rate * decay)
                decay_step(variable, factor)
            step(backend.cast(gradient, dtype), variable, rate)

        backend.update_variables(update, gradients, variables)
        self._common = None

    def _step_functions(self) -> tuple[Callable, Callable]:
        """w <- w - factor w, and `update_step`: as they are written, or by kernels of the backend that do the same."""

        def decay_step(variable: Any, factor: Any) -> None:
            variable.assign_sub(variable * factor)

        offered = getattr(backend, "has_update_kernels", None)
        if offered is None or in_stateless_scope():
            return decay_step, self.update_step
        owner = next(cls for cls in type(self).__mro__ if "update_step" in vars(cls))
        has_fused = "fused_step" in vars(owner)  # not where a subclass has an update_step of its own

        def fused_decay_step(variable: Any, factor: Any) -> None:
            if offered(variable):
                backend.gradient_descent_update(variable, variable, factor)
            else:
                decay_step(variable, factor)

        def fused_step(gradient: Any, variable: Any, learning_rate: Any) -> None:
            if not (has_fused and offered(variable) and self.fused_step(gradient, variable, learning_rate)):
                self.update_step(gradient, variable, learning_rate)

        return fused_decay_step, fused_step

    def _overwrite(self, gradients: list, variables: list) -> tuple[list, list]:
        """Variables that take their gradient as the new value (scales of float8) do so; the others are left."""
        overwritten = [getattr(variable, "overwrite_with_gradient", False) for variable in variables]
        if not any(overwritten):
            return gradients, variables
        pairs = list(zip(gradients, variables, strict=True))
        steps = self.gradient_accumulation_steps

        def write(gradient: Any, variable: Any) -> None:
            if not steps:
                variable.assign(gradient)
                return
            accumulator = self._accumulated_gradients[self._get_variable_index(variable)]
            largest = backend.maximum(gradient, accumulator)
            last = self._is_last_of(steps)
            accumulator.assign(backend.where(last, backend.zeros_like(largest), largest))
            variable.assign(backend.where(last, largest, variable))

        chosen = [pair for pair, flag in zip(pairs, overwritten, strict=True) if flag]
        backend.update_variables(write, [g for g, _ in chosen], [v for _, v in chosen])
        rest = [pair for pair, flag in zip(pairs, overwritten, strict=True) if not flag]
        return [g for g, _ in rest], [v for _, v in rest]

    # ------------------------------------------------------------------------------------------------- accumulation
    def _is_last_of(self, steps: int) -> Any:
        """Whether the current step is the last of its group of `steps`."""
        return backend.equal(backend.mod(self._iterations + 1, steps), 0)

    def _accumulate(self, gradients: list, variables: list) -> None:
        """Add the gradients up; on the last step of a group update with their mean."""
        steps = self.gradient_accumulation_steps
        assert steps is not None
        accumulators = [self._accumulated_gradients[self._get_variable_index(v)] for v in variables]

        def update() -> None:
            self._update([(g + total) / steps for g, total in zip(gradients, accumulators, strict=True)], variables)
            backend.update_variables(lambda zero, total: total.assign(zero), [g * 0 for g in gradients], accumulators)

        def add() -> None:
            backend.update_variables(lambda gradient, total: total.assign_add(gradient), gradients, accumulators)

        update_when(self._is_last_of(steps), update, add)

    # ------------------------------------------------------------------------------------------------- clipping
    def _clip_gradients(self, gradients: list) -> list:
        if self.clipnorm:
            return [clip_by_norm(gradient, self.clipnorm) for gradient in gradients]
        if self.global_clipnorm:
            return clip_by_global_norm(gradients, self.global_clipnorm)
        if self.clipvalue:
            return [backend.clip(gradient, -self.clipvalue, self.clipvalue) for gradient in gradients]
        return gradients

    # ------------------------------------------------------------------------------------------------- weight decay
    def exclude_from_weight_decay(
        self, var_list: Sequence | None = None, var_names: Sequence[str] | None = None
    ) -> None:
        """Leave variables out of weight decay; to be called before the optimizer is built.

        Args:
            var_list: variables.
            var_names: regular expressions; a variable is left out if one is found in its name.
        """
        if self.built:
            raise ValueError("exclude_from_weight_decay() must be called before the optimizer is built.")
        pattern = re.compile("|".join(sorted(set(var_names)))) if var_names else None
        self._without_decay = ({_key(variable) for variable in var_list or ()}, pattern)

    def _use_weight_decay(self, variable: Any) -> bool:
        excluded, pattern = self._without_decay
        return _key(variable) not in excluded and not (pattern is not None and pattern.search(variable.name))

    def _weight_decay_of(self, variable: Any) -> float | None:
        """The weight decay of one variable, None for none."""
        if self.weight_decay is None or not self._use_weight_decay(variable):
            return None
        return self.weight_decay

    # ------------------------------------------------------------------------------------------------- moving average
    def _update_averages(self) -> None:
        """a <- momentum a + (1 - momentum) w, with momentum 0 in the first step."""
        started = backend.cast(backend.not_equal(self.iterations, 0), backend.floatx())
        momentum = started * self.ema_momentum

        def update(_: Any, variable: Any) -> None:
            average = self._average_of(variable)
            if average is not None:
                past = backend.cast(momentum, _dtype(variable))
                average.assign(past * average + (1 - past) * variable)

        variables = self._trainable_variables
        backend.update_variables(update, [None] * len(variables), variables)
        if self.ema_overwrite_frequency:
            due = backend.equal(backend.mod(self.iterations + 1, self.ema_overwrite_frequency), 0)
            update_when(due, lambda: self._overwrite_with_averages(variables), lambda: None)

    def _average_of(self, variable: Any) -> Any:
        return self._model_variables_moving_average[self._get_variable_index(variable)]

    def _overwrite_with_averages(self, variables: Sequence) -> None:
        def write(_: Any, variable: Any) -> None:
            average = self._average_of(variable)
            if average is not None:
                variable.assign(average)

        backend.update_variables(write, [None] * len(variables), variables)

    def finalize_variable_values(self, var_list: Sequence) -> None:
        """The end of training: with `use_ema` the variables become their moving averages.

        Args:
            var_list: the trained variables.
        """
        if self.use_ema and self.built:
            self._overwrite_with_averages([v for v in var_list if _key(v) in self._indices])

    # ------------------------------------------------------------------------------------------------- loss scale
    def scale_loss(self, loss: Any) -> Any:
        """The loss times `loss_scale_factor`, as the gradients expect it."""
        return loss if self.loss_scale_factor is None else loss * self.loss_scale_factor

    # ------------------------------------------------------------------------------------------------- pure function
    def stateless_apply(self, optimizer_variables: Sequence, grads: Sequence, trainable_variables: Sequence) -> tuple:
        """`apply` as a pure function: new values from old values.

        Args:
            optimizer_variables: a tensor for each of `variables`.
            grads: the gradients.
            trainable_variables: a tensor for each variable that the optimizer was built with.

        Returns:
            (new trainable variables, new optimizer variables), two lists of tensors.
        """
        own, trained = self.variables, self._trainable_variables
        if not self.built:
            raise ValueError("stateless_apply() needs a built optimizer: call build(trainable_variables) first.")
        for given, expected, what in (
            (optimizer_variables, own, "optimizer_variables"),
            (trainable_variables, trained, "trainable_variables"),
        ):
            if len(given) != len(expected):
                raise ValueError(f"{what} must hold a value for each of {len(expected)} variables, got {len(given)}.")
        mapping = [*zip(trained, trainable_variables, strict=True), *zip(own, optimizer_variables, strict=True)]
        scope = StatelessScope(state_mapping=mapping)
        with scope:
            self.apply(grads)
        return [scope.get_current_value(v) for v in trained], [scope.get_current_value(v) for v in own]

    # ------------------------------------------------------------------------------------------------- files
    def set_weights(self, weights: Sequence) -> None:
        """Write arrays to `variables`, in their order."""
        if not self.built:
            raise ValueError("The optimizer has no weights yet: call build(trainable_variables) before set_weights().")
        for variable, weight in zip(self._variables, weights, strict=False):
            if tuple(variable.shape) != tuple(weight.shape):
                raise ValueError(
                    f"The optimizer's variable {variable.path!r} has shape {tuple(variable.shape)}, the weight for it "
                    f"{tuple(weight.shape)}."
                )
            variable.assign(weight)

    def save_own_variables(self, store: Any) -> None:
        """Put the variables into `store` under "0", "1", ..."""
        for index, variable in enumerate(self.variables):
            store[str(index)] = variable

    def load_own_variables(self, store: Mapping) -> None:
        """Take the variables from `store`; a store with another number of them is left alone, with a warning."""
        variables = self.variables
        if len(store.keys()) != len(variables):
            unbuilt = (
                "" if self.built else " It has not been built yet: build(trainable_variables) makes its variables."
            )
            warnings.warn(
                f"The state of optimizer {self.name!r} is not loaded: it has {len(variables)} variables, the file "
                f"{len(store.keys())}.{unbuilt}",
                stacklevel=2,
            )
            return
        for index, variable in enumerate(variables):
            variable.assign_from(store[str(index)])

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments, with the learning rate as it is now."""
        parameters = inspect.signature(type(self).__init__).parameters
        takes_any = any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values())
        config = {name: getattr(self, name) for name in _SHARED_ARGUMENTS if takes_any or name in parameters}
        for name, value in self._constructor_arguments().items():
            if name == "learning_rate":
                rate = self._learning_rate
                value = float(rate.numpy()) if isinstance(rate, Variable) else serialize_keras_object(rate)
            elif name in config:
                continue
            else:
                value = serialize_keras_object(getattr(self, name, value))
            config[name] = value
        if takes_any or "name" in parameters:
            config["name"] = self.name
        return config

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Mapping[str, Any] | None = None) -> "Optimizer":
        """The optimizer that `config` describes."""
        config = dict(config)
        if isinstance(config.get("learning_rate"), dict):
            config["learning_rate"] = deserialize_keras_object(config["learning_rate"], custom_objects=custom_objects)
        return cls(**config)


# ------------------------------------------------------------------------------------------------------ functions
def clip_by_norm(gradient: Any, norm: float) -> Any:
    """g norm / max(|g|, norm): the gradient, no longer than `norm`.

    >>> from hornbook.optimizers.base import clip_by_norm
    >>> import numpy as np
    >>> clip_by_norm(np.array([3.0, 4.0], "float32"), 1.0).numpy()
    array([0.6, 0.8], dtype=float32)
    """
    length = backend.sqrt(backend.sum(backend.square(gradient)))
    return gradient * norm / backend.maximum(length, norm)


def clip_by_global_norm(gradients: Sequence, norm: float) -> list:
    """All gradients times min(norm / |all of them|, 1); not finite if one of them is not.

    >>> from hornbook.optimizers.base import clip_by_global_norm
    >>> import numpy as np
    >>> [g.numpy().tolist() for g in clip_by_global_norm([np.array([6.0]), np.array([8.0])], 5.0)]
    [[3.0], [4.0]]
    """
    length = backend.sqrt(backend.sum(backend.stack([backend.sum(backend.square(g)) for g in gradients])))
    scale = norm * backend.minimum(1.0 / length, 1.0 / norm) + (length - length)
    return [gradient * scale for gradient in gradients]


def update_when(predicate: Any, update: Callable, otherwise: Callable) -> None:
    """`update()` where the scalar `predicate` holds, else `otherwise()`; both write to variables.

    Inside a StatelessScope both are worked out and each variable gets the value of the one that holds.
    """
    outer = get_stateless_scope()
    if outer is None:
        backend.update_when(predicate, update, otherwise)
        return
    mappings = []
    for branch in (update, otherwise):
        scope = StatelessScope()
        scope.state_mapping = dict(outer.state_mapping)
        with scope:
            branch()
        mappings.append(scope.state_mapping)
    for key in {**mappings[0], **mappings[1]}:
        variable = (mappings[0].get(key) or mappings[1][key])[0]
        values = [mapping[key][1] if key in mapping else variable.value for mapping in mappings]
        outer.add_update((variable, backend.where(predicate, *values)))


def _key(variable: Any) -> Hashable:
    """What tells a variable from others, the same for a Variable and for the storage inside."""
    return getattr(variable, "_unique_id", None) or id(variable)


def _path(variable: Any) -> str:
    return getattr(variable, "path", None) or variable.name


def _dtype(variable: Any) -> str:
    return backend.standardize_dtype(variable.dtype)


def _number(learning_rate: Any) -> float:
    if isinstance(learning_rate, int | float | np.number) and not isinstance(learning_rate, bool):
        return float(learning_rate)
    raise ValueError(
        "learning_rate must be a number, a LearningRateSchedule, or a function without arguments that gives a number; "
        f"got {learning_rate!r}."
    )


def _check_clipping(clipnorm: Any, clipvalue: Any, global_clipnorm: Any) -> None:
    clips = {"clipnorm": clipnorm, "clipvalue": clipvalue, "global_clipnorm": global_clipnorm}
    if sum(value is not None for value in clips.values()) > 1:
        raise ValueError(f"Only one of clipnorm, clipvalue and global_clipnorm can be set; got {clips}.")


def _check_averaging(momentum: float, frequency: Any) -> None:
    if not 0 <= momentum <= 1:
        raise ValueError(f"ema_momentum must lie between 0 and 1, got {momentum}.")
    if frequency and (not isinstance(frequency, int) or frequency < 1):
        raise ValueError(f"ema_overwrite_frequency must be an integer of 1 or more, or None; got {frequency!r}.")
