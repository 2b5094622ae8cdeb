"""Loss scaling: keeps small gradients above zero in float16."""

from collections.abc import Mapping, Sequence
from typing import Any

from hornbook import backend
from hornbook.core.registry import deserialize_keras_object, serialize_keras_object
from hornbook.initializers import Constant
from hornbook.optimizers.base import Optimizer, update_when

_INNER_ARGUMENTS: dict[str, Any] = {  # files of Keras name these, always with these values
    "weight_decay": None,
    "clipnorm": None,
    "global_clipnorm": None,
    "clipvalue": None,
    "use_ema": False,
    "ema_momentum": 0.99,
    "ema_overwrite_frequency": None,
    "loss_scale_factor": None,
    "gradient_accumulation_steps": None,
}


class LossScaleOptimizer(Optimizer):
    """Multiplies the loss by a scale and divides the gradients by it, for an optimizer inside.

    A step with a gradient that is not finite is skipped and halves the scale; `dynamic_growth_steps` good steps in a
    row double it.

    Args:
        inner_optimizer: the optimizer that updates.
        initial_scale: the first scale.
        dynamic_growth_steps: good steps until the scale grows.
        name: name of the optimizer.

    Source: Micikevicius et al., Mixed Precision Training (2018), section 3.2, https://arxiv.org/abs/1710.03740.

    >>> import hornbook as keras
    >>> w = keras.Variable([1.0])
    >>> optimizer = keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(1.0), initial_scale=8.0)
    >>> optimizer.apply([keras.ops.array([4.0])], [w])
    >>> w.numpy()
    array([0.5], dtype=float32)
    """

    def __init__(
        self,
        inner_optimizer: Optimizer,
        initial_scale: float = 2.0**15,
        dynamic_growth_steps: int = 2000,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        if not kwargs.pop("dynamic", True):
            raise ValueError("dynamic=False is not offered: set loss_scale_factor on the inner optimizer instead.")
        for argument, value in kwargs.items():
            if argument not in _INNER_ARGUMENTS or value != _INNER_ARGUMENTS[argument]:
                raise ValueError(
                    f"LossScaleOptimizer does not take {argument}={value!r}: set it on the inner optimizer."
                )
        super().__init__(0.0, name=name)
        self.inner_optimizer = inner_optimizer
        self.initial_scale, self.dynamic_growth_steps = initial_scale, dynamic_growth_steps
        inner_optimizer.loss_scale_factor = None  # it would be applied twice

    def build(self, var_list: Sequence) -> None:
        """Make the scale and the counter of good steps, then the inner optimizer's variables."""
        if not self.built:
            self.step_counter = self.add_variable((), dtype="int64", name="step_counter")
            self.dynamic_scale = self.add_variable(
                (), initializer=Constant(self.initial_scale), dtype="float32", name="dynamic_scale"
            )
            self.inner_optimizer.build(var_list)
            super().build(var_list)

    @property
    def variables(self) -> list:
        """Its own variables, then the inner optimizer's."""
        return [*self._variables, *self.inner_optimizer.variables]

    def _apply_reduced(self, gradients: list, variables: list) -> None:
        finite = backend.all(backend.stack([backend.all(backend.isfinite(gradient)) for gradient in gradients]))
        scale = backend.convert_to_tensor(self.dynamic_scale)
        unscaled = [
            g if getattr(v, "overwrite_with_gradient", False) else g / backend.cast(scale, g.dtype)
            for g, v in zip(gradients, variables, strict=True)
        ]
        good_steps = self.step_counter + 1
        grown = backend.equal(good_steps, self.dynamic_growth_steps)
        next_scale = backend.where(finite, backend.where(grown, scale * 2.0, scale), scale * 0.5)
        next_count = backend.where(backend.logical_and(finite, backend.logical_not(grown)), good_steps, 0)
        update_when(finite, lambda: self.inner_optimizer._apply_reduced(unscaled, variables), lambda: None)
        backend.update_variables(
            lambda value, variable: variable.assign(value),
            [next_scale, next_count],
            [self.dynamic_scale, self.step_counter],
        )

    @property
    def learning_rate(self) -> Any:
        """The inner optimizer's learning rate."""
        return self.inner_optimizer.learning_rate

    @learning_rate.setter
    def learning_rate(self, value: Any) -> None:
        self.inner_optimizer.learning_rate = value

    @property
    def iterations(self) -> Any:
        """The inner optimizer's number of updates; skipped steps do not count."""
        return self.inner_optimizer.iterations

    def scale_loss(self, loss: Any) -> Any:
        """The loss times the current scale."""
        return loss * (self.dynamic_scale if self.built else self.initial_scale)

    def finalize_variable_values(self, var_list: Sequence) -> None:
        """See `Optimizer.finalize_variable_values`."""
        self.inner_optimizer.finalize_variable_values(var_list)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {
            "name": self.name,
            "inner_optimizer": serialize_keras_object(self.inner_optimizer),
            "initial_scale": self.initial_scale,
            "dynamic_growth_steps": self.dynamic_growth_steps,
        }

    @classmethod
    def from_config(
        cls, config: dict[str, Any], custom_objects: Mapping[str, Any] | None = None
    ) -> "LossScaleOptimizer":
        """The optimizer that `config` describes."""
        config = dict(config)
        inner = deserialize_keras_object(
            config.pop("inner_optimizer"), custom_objects=custom_objects, family="optimizers"
        )
        return cls(inner, **config)
