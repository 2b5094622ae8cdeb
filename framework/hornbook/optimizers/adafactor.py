"""Adafactor: Adam's second moment as a product of two vectors, for weights too large to keep it in full."""

from collections.abc import Sequence
from typing import Any

from hornbook import backend
from hornbook.optimizers.base import Optimizer


class Adafactor(Optimizer):
    """Adafactor: the mean of g^2 is kept as its row means r and column means c; v = r c / mean(r).

    With s = g^2 + epsilon_1 and beta = 1 - t^beta_2_decay:  r <- beta r + (1 - beta) mean_rows(s), c likewise;
    u = g / sqrt(v);  w <- w - max(epsilon_2, rms(w)) rho u / max(1, rms(u) / clip_threshold), rho = min(lr, 1/sqrt(t)).

    Args:
        learning_rate: lr, the largest relative step.
        beta_2_decay: how fast beta nears 1.
        epsilon_1: keeps the division finite.
        epsilon_2: the least scale of a variable.
        clip_threshold: the root mean square that u is cut down to.
        relative_step: lower the learning rate to 1/sqrt(t) where that is smaller.
        weight_decay ... name: see `Optimizer`.

    Source: Shazeer & Stern, Adafactor (2018), algorithms 4 and 5, https://arxiv.org/abs/1804.04235.

    >>> import hornbook as keras
    >>> w = keras.Variable([[1.0, 1.0], [1.0, 1.0]])
    >>> keras.optimizers.Adafactor(0.5).apply([keras.ops.ones((2, 2))], [w])
    >>> w.numpy().tolist()
    [[0.5, 0.5], [0.5, 0.5]]
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
        beta_2_decay: float = -0.8,
        epsilon_1: float = 1e-30,
        epsilon_2: float = 1e-3,
        clip_threshold: float = 1.0,
        relative_step: bool = True,
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
        self.beta_2_decay, self.epsilon_1, self.epsilon_2 = beta_2_decay, epsilon_1, epsilon_2
        self.clip_threshold, self.relative_step = clip_threshold, relative_step

    def build(self, var_list: Sequence) -> None:
        """Make r and c of each variable (placeholders for vectors, as Keras's files have them) and v."""
        if self.built:
            return
        super().build(var_list)
        self._r: list[Any] = []
        self._c: list[Any] = []
        self._v: list[Any] = []
        for variable in var_list:
            if getattr(variable, "overwrite_with_gradient", False):
                for means in (self._r, self._c, self._v):
                    means.append(None)
                continue
            shape = tuple(variable.shape)
            matrix = len(shape) >= 2
            for means, sizes in ((self._r, shape[:-1]), (self._c, (*shape[:-2], shape[-1:] and shape[-1]))):
                dtype = variable.dtype if matrix else "int32"
                means.append(self.add_variable(sizes if matrix else (), dtype=dtype, name=variable.name))
            self._v.append(self.add_variable_from_reference(variable, "velocity"))

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """w <- w - max(epsilon_2, rms(w)) rho u / max(1, rms(u) / clip_threshold)."""
        index = self._get_variable_index(variable)
        r, c, v = self._r[index], self._c[index], self._v[index]
        step = self.step_number(gradient.dtype)
        rho = backend.minimum(learning_rate, 1 / backend.sqrt(step))
        beta = 1 - backend.power(step, self.beta_2_decay)
        squares = backend.square(gradient) + self.epsilon_1
        if len(variable.shape) >= 2:
            r.assign(beta * r + (1 - beta) * backend.mean(squares, axis=-1))
            c.assign(beta * c + (1 - beta) * backend.mean(squares, axis=-2))
            rows = r / backend.mean(r, axis=-1, keepdims=True)
            v.assign(backend.expand_dims(rows, -1) * backend.expand_dims(c, -2))
        else:
            v.assign(beta * v + (1 - beta) * squares)
        u = gradient / backend.sqrt(v)
        scale = backend.maximum(_rms(variable), self.epsilon_2)
        variable.assign_sub(scale * rho * u / backend.maximum(_rms(u) / self.clip_threshold, 1.0))


def _rms(x: Any) -> Any:
    return backend.sqrt(backend.mean(backend.square(x)))
