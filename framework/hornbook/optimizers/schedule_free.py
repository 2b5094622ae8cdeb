"""Learning without a schedule: an average of the iterates takes the place of a falling learning rate."""

from collections.abc import Sequence
from typing import Any

from hornbook import backend
from hornbook.optimizers.adam import powers
from hornbook.optimizers.base import Optimizer


class ScheduleFreeAdamW(Optimizer):
    """AdamW steps of z, of which the weights are the average: w <- (1 - 1/t) w + z / t.

    v <- beta_2 v + (1 - beta_2) g^2;  z <- z - lr_t g / (sqrt(v / (1 - beta_2^t)) + epsilon), with lr_t = lr
    min(1, t / warmup_steps). The gradients are those at w, as in Keras 3.15; the paper takes them between w and z, by
    `beta_1`, which therefore has no effect here.

    Args:
        learning_rate: lr.
        beta_1: kept for configs.
        beta_2: the weight of the past in v.
        epsilon: keeps the division finite.
        warmup_steps: steps in which the learning rate rises.
        weight_decay ... name: see `Optimizer`.

    Source: Defazio et al., The Road Less Scheduled (2024), https://arxiv.org/abs/2405.15682.

    >>> import hornbook as keras
    >>> w = keras.Variable([1.0])
    >>> optimizer = keras.optimizers.ScheduleFreeAdamW(0.5)
    >>> for _ in range(2):
    ...     optimizer.apply([keras.ops.array([8.0])], [w])
    >>> round(float(w[0]), 4)  # the average of 0.5 and 0
    0.25
    """

    def __init__(
        self,
        learning_rate: Any = 0.0025,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        warmup_steps: int = 0,
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
        super().__init__(
            learning_rate,
            weight_decay,
            clipnorm,
            clipvalue,
            global_clipnorm,
            use_ema,
            ema_momentum,
            ema_overwrite_frequency,
            loss_scale_factor,
            gradient_accumulation_steps,
            name,
            **kwargs,
        )
        self.beta_1, self.beta_2, self.epsilon, self.warmup_steps = beta_1, beta_2, epsilon, warmup_steps

    def build(self, var_list: Sequence) -> None:
        """Make z, which starts as the variable itself, and v."""
        if self.built:
            return
        super().build(var_list)
        self._momentums, self._velocities = self.add_optimizer_variables(var_list, ["momentum", "velocity"])
        for variable, z in zip(var_list, self._momentums, strict=True):
            if z is not None:
                z.assign(variable)

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """z <- z - lr_t g / (sqrt(v / (1 - beta_2^t)) + epsilon);  w <- (1 - 1/t) w + z / t."""
        index = self._get_variable_index(variable)
        z, v = self._momentums[index], self._velocities[index]
        step = self.step_number(gradient.dtype)
        if self.warmup_steps > 0:
            learning_rate = learning_rate * backend.minimum(1.0, step / self.warmup_steps)
        beta_2 = backend.cast(self.beta_2, gradient.dtype)
        unbias = 1 - powers(self, gradient.dtype, self.beta_2)[0]
        v.assign(beta_2 * v + (1 - beta_2) * backend.square(gradient))
        z.assign_sub(learning_rate * gradient / (backend.sqrt(v / unbias) + self.epsilon))
        variable.assign((1 - 1 / step) * variable + z / step)
