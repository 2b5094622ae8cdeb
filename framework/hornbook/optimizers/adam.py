"""Adam and its kin: the mean of the gradients, divided by the root of the mean of their squares.

In the formulas m and v are these means; both start at 0, which divisions by 1 - beta^t make good (t counts from 1).
"""

import math
from collections.abc import Sequence
from typing import Any

from hornbook import backend
from hornbook.optimizers.base import Optimizer


class Adam(Optimizer):
    """Adam: m <- m + (1 - beta_1)(g - m);  v <- v + (1 - beta_2)(g^2 - v);  w <- w - alpha_t m / (sqrt(v) + epsilon).

    alpha_t = lr sqrt(1 - beta_2^t) / (1 - beta_1^t).

    Args:
        learning_rate: lr.
        beta_1: the weight of the past in m.
        beta_2: the weight of the past in v.
        epsilon: keeps the division finite; the paper's "epsilon hat".
        amsgrad: divide by the largest v so far.
        weight_decay ... name: see `Optimizer`.

    Source: Kingma & Ba, Adam (2015), section 2, https://arxiv.org/abs/1412.6980; amsgrad: Reddi et al. (2018).

    >>> import hornbook as keras
    >>> w = keras.Variable([1.0])
    >>> keras.optimizers.Adam(0.5).apply([keras.ops.array([8.0])], [w])
    >>> round(float(w.numpy()[0]), 4)
    0.5
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        amsgrad: bool = False,
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
        self.beta_1, self.beta_2, self.epsilon, self.amsgrad = beta_1, beta_2, epsilon, amsgrad

    def build(self, var_list: Sequence) -> None:
        """Make m and v (and the largest v) of each variable."""
        if not self.built:
            super().build(var_list)
            self._momentums, self._velocities = self.add_optimizer_variables(var_list, ["momentum", "velocity"])
            if self.amsgrad:
                self._velocity_hats = self.add_optimizer_variables(var_list, "velocity_hat")

    def _step_size(self, learning_rate: Any) -> Any:
        """alpha_t, the same for all variables of a dtype."""

        return self.common(
            ("step_size", learning_rate.dtype),
            lambda: step_size(learning_rate, *_powers(self, learning_rate.dtype)),
        )

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """w <- w - alpha_t m / (sqrt(v) + epsilon)."""
        index = self._get_variable_index(variable)
        m, v = self._momentums[index], self._velocities[index]
        alpha = self._step_size(learning_rate)
        m.assign_add((gradient - m) * (1 - self.beta_1))
        v.assign_add((backend.square(gradient) - v) * (1 - self.beta_2))
        if self.amsgrad:
            largest = self._velocity_hats[index]
            largest.assign(backend.maximum(largest, v))
            v = largest
        variable.assign_sub(alpha * m / (backend.sqrt(v) + self.epsilon))

    def _kernel_step_size(self, learning_rate: Any) -> Any:
        """alpha_t for kernels that take beta_2 and work out 1 - beta_2 in the dtype, 1.3e-5 off for 0.999 in float32.

        Their v is too small by r = (1 - rounded beta_2^t) / (1 - beta_2^t), so the step is made smaller by its root:
        alpha_t sqrt(r) = lr (1 - rounded beta_2^t) / ((1 - beta_1^t) sqrt(1 - beta_2^t)).
        """

        def compute() -> Any:
            beta_1_power, rounded = _powers(self, learning_rate.dtype)
            exact = -backend.expm1(self.step_number(learning_rate.dtype) * math.log(self.beta_2))
            return learning_rate * (1 - rounded) / ((1 - beta_1_power) * backend.sqrt(exact))

        return self.common(("kernel_step_size", learning_rate.dtype), compute)

    def fused_step(self, gradient: Any, variable: Any, learning_rate: Any) -> bool:
        """The same by one kernel."""
        if self.amsgrad or not 0 < self.beta_2 < 1:
            return False
        index = self._get_variable_index(variable)
        m, v = self._momentums[index], self._velocities[index]
        alpha = self._kernel_step_size(learning_rate)
        backend.adam_update(variable, m, v, gradient, alpha, self.beta_1, self.beta_2, self.epsilon)
        return True


class AdamW(Adam):
    """Adam with weight decay that does not pass through m and v: w <- w - wd lr w before Adam's update.

    Args:
        learning_rate: lr.
        weight_decay: wd.
        beta_1, beta_2, epsilon, amsgrad: see `Adam`.
        clipnorm ... name: see `Optimizer`.

    Source: Loshchilov & Hutter, Decoupled Weight Decay Regularization (2019), https://arxiv.org/abs/1711.05101.

    >>> import hornbook as keras
    >>> w = keras.Variable([1.0])
    >>> keras.optimizers.AdamW(0.5, weight_decay=0.2).apply([keras.ops.array([8.0])], [w])
    >>> round(float(w.numpy()[0]), 4)
    0.4
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
        weight_decay: float = 0.004,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        amsgrad: bool = False,
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
            beta_1,
            beta_2,
            epsilon,
            amsgrad,
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
        if weight_decay is None:
            raise ValueError("weight_decay must be a number, got None; Adam is AdamW without weight decay.")


class Adamax(Optimizer):
    """Adam with the largest gradient in place of the root mean square: u <- max(beta_2 u, |g|).

    m <- m + (1 - beta_1)(g - m);  w <- w - lr m / ((1 - beta_1^t)(u + epsilon)).

    Args:
        learning_rate: lr.
        beta_1: the weight of the past in m.
        beta_2: how slowly u forgets.
        epsilon: keeps the division finite.
        weight_decay ... name: see `Optimizer`.

    Source: Kingma & Ba, Adam (2015), section 7, https://arxiv.org/abs/1412.6980.

    >>> import hornbook as keras
    >>> w = keras.Variable([1.0])
    >>> keras.optimizers.Adamax(0.5).apply([keras.ops.array([8.0])], [w])
    >>> round(float(w.numpy()[0]), 4)
    0.5
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
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
        self.beta_1, self.beta_2, self.epsilon = beta_1, beta_2, epsilon

    def build(self, var_list: Sequence) -> None:
        """Make m and u of each variable."""
        if not self.built:
            super().build(var_list)
            self._m, self._u = self.add_optimizer_variables(var_list, ["momentum", "norm"])

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """w <- w - lr m / ((1 - beta_1^t)(u + epsilon))."""
        index = self._get_variable_index(variable)
        m, u = self._m[index], self._u[index]
        correction = self.common(("correction", gradient.dtype), lambda: 1 - _powers(self, gradient.dtype)[0])
        m.assign_add((gradient - m) * (1 - self.beta_1))
        u.assign(backend.maximum(self.beta_2 * u, backend.absolute(gradient)))
        variable.assign_sub(learning_rate * m / (correction * (u + self.epsilon)))


class Nadam(Optimizer):
    """Adam that looks one step ahead, as Nesterov's momentum does.

    u_t = beta_1 (1 - 0.96^t / 2);  m and v as in Adam;
    m_hat = u_{t+1} m / (1 - u_1...u_{t+1}) + (1 - u_t) g / (1 - u_1...u_t);  v_hat = v / (1 - beta_2^t);
    w <- w - lr m_hat / (sqrt(v_hat) + epsilon).

    Args:
        learning_rate: lr.
        beta_1: the weight of the past in m.
        beta_2: the weight of the past in v.
        epsilon: keeps the division finite.
        weight_decay ... name: see `Optimizer`.

    Source: Dozat, Incorporating Nesterov Momentum into Adam (2016).

    >>> import hornbook as keras
    >>> w = keras.Variable([1.0])
    >>> keras.optimizers.Nadam(0.5).apply([keras.ops.array([8.0])], [w])
    >>> round(float(w.numpy()[0]), 4)
    0.4686
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
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
        self.beta_1, self.beta_2, self.epsilon = beta_1, beta_2, epsilon

    def build(self, var_list: Sequence) -> None:
        """Make m and v of each variable, and the product of all u_t so far."""
        if not self.built:
            super().build(var_list)
            self._momentums, self._velocities = self.add_optimizer_variables(var_list, ["momentum", "velocity"])
            self._u_product = self.add_variable((), initializer="ones", dtype=var_list[0].dtype, name="u_product")

    def _u(self, step: Any) -> Any:
        return self.beta_1 * (1 - 0.5 * backend.power(backend.cast(0.96, self._u_product.dtype), step))

    def begin_step(self) -> None:
        """u_1...u_t <- u_1...u_{t-1} u_t."""
        step = backend.cast(self.iterations + 1, self._u_product.dtype)
        backend.update_variables(lambda u, product: product.assign(product * u), [self._u(step)], [self._u_product])

    def _factors(self, dtype: Any) -> tuple:
        """What m and g are multiplied with in m_hat, and v is divided by in v_hat."""
        step = self.step_number(self._u_product.dtype)
        u, next_u = self._u(step), self._u(step + 1)
        product = backend.convert_to_tensor(self._u_product)
        factors = next_u / (1 - product * next_u), (1 - u) / (1 - product), 1 - _powers(self, dtype)[1]
        return tuple(backend.cast(factor, dtype) for factor in factors)

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """w <- w - lr m_hat / (sqrt(v_hat) + epsilon)."""
        index = self._get_variable_index(variable)
        m, v = self._momentums[index], self._velocities[index]
        of_m, of_g, of_v = self.common(("factors", gradient.dtype), lambda: self._factors(gradient.dtype))
        beta_1, beta_2 = (backend.cast(beta, gradient.dtype) for beta in (self.beta_1, self.beta_2))
        m.assign_add((gradient - m) * (1 - beta_1))
        v.assign_add((backend.square(gradient) - v) * (1 - beta_2))
        m_hat = of_m * m + of_g * gradient
        variable.assign_sub(learning_rate * m_hat / (backend.sqrt(v / of_v) + self.epsilon))


class Lamb(Optimizer):
    """Adam whose step for each variable is as long as the variable: large batches train with one learning rate.

    r = (m / (1 - beta_1^t)) / (sqrt(v / (1 - beta_2^t)) + epsilon);  w <- w - lr (|w| / |r|) r.

    Args:
        learning_rate: lr.
        beta_1: the weight of the past in m.
        beta_2: the weight of the past in v.
        epsilon: keeps the division finite.
        weight_decay ... name: see `Optimizer`.

    Source: You et al., Large Batch Optimization for Deep Learning (2020), https://arxiv.org/abs/1904.00962.

    >>> import hornbook as keras
    >>> w = keras.Variable([2.0])
    >>> keras.optimizers.Lamb(0.25).apply([keras.ops.array([8.0])], [w])
    >>> round(float(w.numpy()[0]), 4)
    1.5
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
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
        self.beta_1, self.beta_2, self.epsilon = beta_1, beta_2, epsilon

    def build(self, var_list: Sequence) -> None:
        """Make m and v of each variable."""
        if not self.built:
            super().build(var_list)
            self._momentums, self._velocities = self.add_optimizer_variables(var_list, ["momentum", "velocity"])

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """w <- w - lr (|w| / |r|) r."""
        index = self._get_variable_index(variable)
        m, v = self._momentums[index], self._velocities[index]
        beta_1_power, beta_2_power = self.common(("powers", gradient.dtype), lambda: _powers(self, gradient.dtype))
        m.assign_add((gradient - m) * (1 - self.beta_1))
        v.assign_add((backend.square(gradient) - v) * (1 - self.beta_2))
        r = m / (1 - beta_1_power) / (backend.sqrt(v / (1 - beta_2_power)) + self.epsilon)
        length, step_length = (backend.sqrt(backend.sum(backend.square(x))) for x in (variable, r))
        both = backend.logical_and(length > 0, step_length > 0)
        ratio = backend.where(both, length / backend.where(both, step_length, 1.0), 1.0)
        variable.assign_sub(ratio * learning_rate * r)


def step_size(learning_rate: Any, beta_1_power: Any, beta_2_power: Any) -> Any:
    """alpha_t = lr sqrt(1 - beta_2^t) / (1 - beta_1^t), from the powers of both."""
    return learning_rate * backend.sqrt(1 - beta_2_power) / (1 - beta_1_power)


def powers(optimizer: Any, dtype: Any, *betas: float) -> tuple[Any, ...]:
    """beta^t for each of `betas`, t being the number of the step that is under way."""
    step = optimizer.step_number(dtype)
    return tuple(backend.power(backend.cast(beta, dtype), step) for beta in betas)


def _powers(optimizer: Any, dtype: Any) -> tuple[Any, ...]:
    """beta_1^t and beta_2^t."""
    return powers(optimizer, dtype, optimizer.beta_1, optimizer.beta_2)
