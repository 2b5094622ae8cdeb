"""Momentum: the step is a running sum of gradients, so that it grows where they agree."""

from collections.abc import Sequence
from typing import Any

from hornbook import backend
from hornbook.optimizers.base import Optimizer


class SGD(Optimizer):
    """Stochastic gradient descent: w <- w - lr g; with momentum m <- momentum m - lr g, w <- w + m.

    With `nesterov` the gradient counts as if taken one step ahead: w <- w + momentum m - lr g.

    Args:
        learning_rate: lr.
        momentum: between 0 and 1.
        nesterov: look one step ahead.
        weight_decay ... name: see `Optimizer`.

    Raises:
        ValueError: for a momentum out of range.

    Source: Sutskever et al., On the importance of initialization and momentum in deep learning (2013).

    >>> import hornbook as keras
    >>> w = keras.Variable([1.0])
    >>> keras.optimizers.SGD(0.1).apply([keras.ops.array([2.0])], [w])
    >>> w.numpy()
    array([0.8], dtype=float32)
    """

    def __init__(
        self,
        learning_rate: Any = 0.01,
        momentum: float = 0.0,
        nesterov: bool = False,
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
        self.momentum, self.nesterov = momentum, nesterov
        if not isinstance(momentum, int | float) or not 0 <= momentum <= 1:
            raise ValueError(f"momentum must be a number between 0 and 1, got {momentum!r}.")

    def build(self, variables: Sequence) -> None:
        """Make the sums of gradients, where there is momentum."""
        if not self.built:
            super().build(variables)
            self.momentums = self.add_optimizer_variables(variables, "momentum") if self.momentum else []

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """m <- momentum m - lr g;  w <- w + m."""
        if not self.momentum:
            variable.assign_sub(learning_rate * gradient)
            return
        m = self.momentums[self._get_variable_index(variable)]
        m.assign(self.momentum * m - learning_rate * gradient)
        if self.nesterov:
            variable.assign_add(self.momentum * m - learning_rate * gradient)
        else:
            variable.assign_add(m)

    def fused_step(self, gradient: Any, variable: Any, learning_rate: Any) -> bool:
        """The same by one kernel."""
        if not self.momentum:
            backend.gradient_descent_update(variable, gradient, learning_rate)
        else:
            m = self.momentums[self._get_variable_index(variable)]
            backend.momentum_update(variable, m, gradient, learning_rate, self.momentum, self.nesterov)
        return True


class Lion(Optimizer):
    """The sign of a momentum: w <- w - lr sign(beta_1 m + (1 - beta_1) g);  m <- beta_2 m + (1 - beta_2) g.

    All weights move by the same amount, so the learning rate is smaller than for Adam (by 3 to 10) and the weight
    decay larger.

    Args:
        learning_rate: lr.
        beta_1: the weight of the past in the step.
        beta_2: the weight of the past in m.
        weight_decay ... name: see `Optimizer`.

    Source: Chen et al., Symbolic Discovery of Optimization Algorithms (2023), https://arxiv.org/abs/2302.06675.

    >>> import hornbook as keras
    >>> w = keras.Variable([1.0, 1.0])
    >>> keras.optimizers.Lion(0.25).apply([keras.ops.array([5.0, -0.1])], [w])
    >>> w.numpy()
    array([0.75, 1.25], dtype=float32)
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.99,
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
        self.beta_1, self.beta_2 = beta_1, beta_2
        if not 0 < beta_1 <= 1:
            raise ValueError(f"beta_1 must be greater than 0 and at most 1, got {beta_1}.")

    def build(self, var_list: Sequence) -> None:
        """Make the averages of gradients."""
        if not self.built:
            super().build(var_list)
            self._momentums = self.add_optimizer_variables(var_list, "momentum")

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """w <- w - lr sign(beta_1 m + (1 - beta_1) g);  m <- beta_2 m + (1 - beta_2) g."""
        m = self._momentums[self._get_variable_index(variable)]
        variable.assign_sub(learning_rate * backend.sign(self.beta_1 * m + (1 - self.beta_1) * gradient))
        m.assign(self.beta_2 * m + (1 - self.beta_2) * gradient)
