"""A learning rate for each number: the gradient divided by the root of a sum or mean of its squares."""

from collections.abc import Sequence
from typing import Any

from hornbook import backend
from hornbook.initializers import Constant
from hornbook.optimizers.base import Optimizer


class Adagrad(Optimizer):
    """Adagrad: a <- a + g^2;  w <- w - lr g / sqrt(a + epsilon).

    Args:
        learning_rate: lr.
        initial_accumulator_value: where a starts.
        epsilon: keeps the division finite.
        weight_decay ... name: see `Optimizer`.

    Source: Duchi et al., Adaptive Subgradient Methods (2011), https://www.jmlr.org/papers/v12/duchi11a.html.

    >>> import hornbook as keras
    >>> w = keras.Variable([1.0])
    >>> keras.optimizers.Adagrad(0.5, initial_accumulator_value=0.0).apply([keras.ops.array([8.0])], [w])
    >>> round(float(w.numpy()[0]), 4)
    0.5
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
        initial_accumulator_value: float = 0.1,
        epsilon: float = 1e-7,
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
        self.initial_accumulator_value, self.epsilon = initial_accumulator_value, epsilon

    def build(self, var_list: Sequence) -> None:
        """Make a, the sum of squares, of each variable."""
        if not self.built:
            super().build(var_list)
            start = Constant(self.initial_accumulator_value)
            self._accumulators = self.add_optimizer_variables(var_list, "accumulator", initializer=start)

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """a <- a + g^2;  w <- w - lr g / sqrt(a + epsilon)."""
        a = self._accumulators[self._get_variable_index(variable)]
        a.assign_add(backend.square(gradient))
        variable.assign_sub(learning_rate * gradient / backend.sqrt(a + self.epsilon))


class RMSprop(Optimizer):
    """RMSprop: v <- rho v + (1 - rho) g^2;  w <- w - lr g / sqrt(v + epsilon).

    With momentum the step is m <- momentum m + lr g / sqrt(v + epsilon). With `centered` the mean of the gradients,
    a <- rho a + (1 - rho) g, is taken off: the division is by sqrt(v - a^2 + epsilon).

    Args:
        learning_rate: lr.
        rho: the weight of the past in v.
        momentum: the weight of the past in the step.
        epsilon: keeps the division finite.
        centered: divide by the deviation from the mean.
        weight_decay ... name: see `Optimizer`.

    Source: Hinton, Neural Networks for Machine Learning, lecture 6 (2012).

    >>> import hornbook as keras
    >>> w = keras.Variable([1.0])
    >>> keras.optimizers.RMSprop(0.1, rho=0.75).apply([keras.ops.array([8.0])], [w])
    >>> round(float(w.numpy()[0]), 4)
    0.8
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
        rho: float = 0.9,
        momentum: float = 0.0,
        epsilon: float = 1e-7,
        centered: bool = False,
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
        self.rho, self.momentum, self.epsilon, self.centered = rho, momentum, epsilon, centered

    def build(self, var_list: Sequence) -> None:
        """Make v of each variable, and the running step and a where they are needed."""
        if not self.built:
            super().build(var_list)
            self._velocities = self.add_optimizer_variables(var_list, "velocity")
            self._momentums = self.add_optimizer_variables(var_list, "momentum") if self.momentum > 0 else []
            self._average_gradients = (
                self.add_optimizer_variables(var_list, "average_gradient") if self.centered else []
            )

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """v <- rho v + (1 - rho) g^2;  w <- w - lr g / sqrt(v + epsilon)."""
        index = self._get_variable_index(variable)
        v = self._velocities[index]
        v.assign(self.rho * v + (1 - self.rho) * backend.square(gradient))
        spread = v + self.epsilon
        if self.centered:
            a = self._average_gradients[index]
            a.assign(self.rho * a + (1 - self.rho) * gradient)
            spread = v - backend.square(a) + self.epsilon
        step = learning_rate * gradient / backend.sqrt(spread)
        if self.momentum > 0:
            m = self._momentums[index]
            m.assign(self.momentum * m + step)
            step = m
        variable.assign_sub(step)

    def fused_step(self, gradient: Any, variable: Any, learning_rate: Any) -> bool:
        """The same by kernels."""
        if self.centered:
            return False
        index = self._get_variable_index(variable)
        v, m = self._velocities[index], self._momentums[index] if self.momentum > 0 else None
        backend.rmsprop_update(variable, v, m, gradient, learning_rate, self.rho, self.momentum, self.epsilon)
        return True


class Adadelta(Optimizer):
    """Adadelta: the step has the scale of former steps, d = g sqrt(x + epsilon) / sqrt(v + epsilon).

    v <- rho v + (1 - rho) g^2;  x <- rho x + (1 - rho) d^2, after d;  w <- w - lr d.

    Args:
        learning_rate: lr; the paper's is 1.
        rho: the weight of the past in v and x.
        epsilon: starts the steps and keeps the division finite.
        weight_decay ... name: see `Optimizer`.

    Source: Zeiler, ADADELTA (2012), https://arxiv.org/abs/1212.5701.

    >>> import hornbook as keras
    >>> w = keras.Variable([1.0])
    >>> keras.optimizers.Adadelta(1.0, epsilon=1.0).apply([keras.ops.array([8.0])], [w])
    >>> round(float(w.numpy()[0]), 4)
    -2.9036
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
        rho: float = 0.95,
        epsilon: float = 1e-7,
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
        self.rho, self.epsilon = rho, epsilon

    def build(self, var_list: Sequence) -> None:
        """Make v and x of each variable."""
        if not self.built:
            super().build(var_list)
            names = ["accumulated_grad", "accumulated_delta_var"]
            self._accumulated_grads, self._accumulated_delta_vars = self.add_optimizer_variables(var_list, names)

    def update_step(self, grad: Any, variable: Any, learning_rate: Any) -> None:
        """w <- w - lr g sqrt(x + epsilon) / sqrt(v + epsilon)."""
        index = self._get_variable_index(variable)
        v, x = self._accumulated_grads[index], self._accumulated_delta_vars[index]
        v.assign(self.rho * v + (1 - self.rho) * backend.square(grad))
        delta = backend.sqrt(x + self.epsilon) * grad / backend.sqrt(v + self.epsilon)
        x.assign(self.rho * x + (1 - self.rho) * backend.square(delta))
        variable.assign_sub(learning_rate * delta)


class Ftrl(Optimizer):
    """Follow the regularized leader, for wide and sparse linear models.

    With p = -learning_rate_power and n' = n + g^2:  z <- z + g + 2 shrinkage w - ((n'^p - n^p) / lr) w;
    w <- (clip(z, -l1, l1) - z) / (n'^p / lr + 2 (l2 + beta / (2 lr))).

    Args:
        learning_rate: lr.
        learning_rate_power: -p; 0 keeps the learning rate fixed.
        initial_accumulator_value: where n starts.
        l1_regularization_strength: l1; weights whose |z| is smaller are 0.
        l2_regularization_strength: l2.
        l2_shrinkage_regularization_strength: shrinkage, a penalty on the weights' magnitude.
        beta: the paper's beta.
        weight_decay ... name: see `Optimizer`.

    Raises:
        ValueError: for a negative strength or a positive power.

    Source: McMahan et al., Ad Click Prediction: a View from the Trenches (2013), algorithm 1.

    >>> import hornbook as keras
    >>> w = keras.Variable([0.0])
    >>> keras.optimizers.Ftrl(0.5, initial_accumulator_value=0.0).apply([keras.ops.array([8.0])], [w])
    >>> round(float(w.numpy()[0]), 4)
    -0.5
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
        learning_rate_power: float = -0.5,
        initial_accumulator_value: float = 0.1,
        l1_regularization_strength: float = 0.0,
        l2_regularization_strength: float = 0.0,
        l2_shrinkage_regularization_strength: float = 0.0,
        beta: float = 0.0,
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
        self.learning_rate_power, self.initial_accumulator_value = learning_rate_power, initial_accumulator_value
        self.l1_regularization_strength = l1_regularization_strength
        self.l2_regularization_strength = l2_regularization_strength
        self.l2_shrinkage_regularization_strength = l2_shrinkage_regularization_strength
        self.beta = beta
        if learning_rate_power > 0:
            raise ValueError(f"learning_rate_power must be 0 or negative, got {learning_rate_power}.")
        for argument in (
            "initial_accumulator_value",
            "l1_regularization_strength",
            "l2_regularization_strength",
            "l2_shrinkage_regularization_strength",
        ):
            if getattr(self, argument) < 0:
                raise ValueError(f"{argument} must be 0 or positive, got {getattr(self, argument)}.")

    def build(self, var_list: Sequence) -> None:
        """Make n and z of each variable."""
        if not self.built:
            super().build(var_list)
            starts = [Constant(self.initial_accumulator_value), "zeros"]
            self._accumulators, self._linears = self.add_optimizer_variables(
                var_list, ["accumulator", "linear"], starts
            )

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """w <- (clip(z, -l1, l1) - z) / (n'^p / lr + 2 (l2 + beta / (2 lr)))."""
        index = self._get_variable_index(variable)
        n, z = self._accumulators[index], self._linears[index]
        p, l1 = -self.learning_rate_power, self.l1_regularization_strength
        l2 = self.l2_regularization_strength + self.beta / (2 * learning_rate)
        next_n = n + backend.square(gradient)
        next_power = backend.power(next_n, p)
        gradient = gradient + 2 * self.l2_shrinkage_regularization_strength * variable
        z.assign_add(gradient - (next_power - backend.power(n, p)) / learning_rate * variable)
        variable.assign((backend.clip(z, -l1, l1) - z) / (next_power / learning_rate + 2 * l2))
        n.assign(next_n)
