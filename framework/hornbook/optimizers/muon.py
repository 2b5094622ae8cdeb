"""Muon: a matrix moves by the nearest orthogonal matrix to its momentum, so that all directions learn alike."""

import re
from collections.abc import Sequence
from typing import Any

from hornbook import backend
from hornbook.optimizers.adam import powers, step_size
from hornbook.optimizers.base import Optimizer


class Muon(Optimizer):
    """Momentum, orthogonalized: m <- momentum m + g;  w <- w - lr rms_rate sqrt(max(rows, columns)) N(m).

    N(m) stands for U V^T of the decomposition m = U S V^T, near enough after `ns_steps` of a Newton-Schulz iteration:
    X <- a X + (b A + c A^2) X with A = X X^T. With `nesterov` it is N(g + momentum m).
    Only matrices move in this way. The others (biases, scales, kernels of more axes), embeddings, and what
    `exclude_layers` names follow AdamW with the learning rate lr adam_lr_ratio.

    Args:
        learning_rate: lr.
        adam_beta_1, adam_beta_2, epsilon: AdamW's.
        adam_weight_decay: the weight decay of variables that follow AdamW.
        weight_decay: that of matrices.
        clipnorm ... name: see `Optimizer`.
        exclude_layers: regular expressions; where one is found in a variable's path, it follows AdamW.
        exclude_embeddings: whether variables with "embedding" in their path follow AdamW.
        muon_a, muon_b, muon_c: a, b, c above.
        adam_lr_ratio: how many times faster AdamW's variables learn.
        momentum: the weight of the past in m.
        ns_steps: steps of the iteration.
        nesterov: look one step ahead.
        rms_rate: the root mean square of a step's numbers, as a part of lr.

    Source: Jordan et al., Muon (2024), https://kellerjordan.github.io/posts/muon/; the factor of the step: Liu et al.,
    Muon is Scalable for LLM Training (2025), https://arxiv.org/abs/2502.16982.

    >>> import hornbook as keras
    >>> w = keras.Variable([[0.0, 0.0], [0.0, 0.0]])
    >>> keras.optimizers.Muon(1.0, weight_decay=None).apply([keras.ops.array([[9.0, 0.0], [0.0, 9.0]])], [w])
    >>> bool(keras.ops.all(keras.ops.diagonal(w) < -0.18)), float(w[0, 1])
    (True, 0.0)
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
        adam_beta_1: float = 0.9,
        adam_beta_2: float = 0.999,
        adam_weight_decay: float | None = 0.004,
        epsilon: float = 1e-7,
        weight_decay: float | None = 0.004,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        use_ema: bool = False,
        ema_momentum: float = 0.99,
        ema_overwrite_frequency: int | None = None,
        loss_scale_factor: float | None = None,
        gradient_accumulation_steps: int | None = None,
        name: str | None = None,
        exclude_layers: list[str] | None = None,
        exclude_embeddings: bool = True,
        muon_a: float = 3.4445,
        muon_b: float = -4.775,
        muon_c: float = 2.0315,
        adam_lr_ratio: float = 1,
        momentum: float = 0.95,
        ns_steps: int = 5,
        nesterov: bool = True,
        rms_rate: float = 0.2,
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
        self.adam_beta_1, self.adam_beta_2, self.adam_weight_decay = adam_beta_1, adam_beta_2, adam_weight_decay
        self.epsilon, self.adam_lr_ratio = epsilon, adam_lr_ratio
        self.exclude_layers, self.exclude_embeddings = list(exclude_layers or []), exclude_embeddings
        self.muon_a, self.muon_b, self.muon_c = muon_a, muon_b, muon_c
        self.momentum, self.ns_steps, self.nesterov, self.rms_rate = momentum, ns_steps, nesterov, rms_rate

    def build(self, var_list: Sequence) -> None:
        """Make m of each variable, and v of those that follow AdamW."""
        if self.built:
            return
        super().build(var_list)
        self._momentums: list[Any] = []
        self._velocities: list[Any] = []
        for variable in var_list:
            kept = not getattr(variable, "overwrite_with_gradient", False)
            adam = kept and self._follows_adam(variable)
            self._momentums.append(self.add_variable_from_reference(variable, "momentum") if kept else None)
            self._velocities.append(self.add_variable_from_reference(variable, "velocity") if adam else None)

    def _follows_adam(self, variable: Any) -> bool:
        path = variable.path
        return (
            len(variable.shape) != 2
            or (self.exclude_embeddings and "embedding" in path.lower())
            or any(re.search(pattern, path) for pattern in self.exclude_layers)
        )

    def _weight_decay_of(self, variable: Any) -> float | None:
        decay = self.adam_weight_decay if self._follows_adam(variable) else self.weight_decay
        return decay if self._use_weight_decay(variable) else None

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """w <- w - lr rms_rate sqrt(max(rows, columns)) N(m), or AdamW's step."""
        index = self._get_variable_index(variable)
        m, v = self._momentums[index], self._velocities[index]
        if v is None:
            m.assign(self.momentum * m + gradient)
            ahead = gradient + self.momentum * m if self.nesterov else m
            step = self.zeropower_via_newtonschulz5(ahead, self.ns_steps)
            variable.assign_sub(learning_rate * self.lr_adjust(step))
            return
        rate = learning_rate * self.adam_lr_ratio
        alpha = self.common(
            ("step_size", rate.dtype),
            lambda: step_size(rate, *powers(self, rate.dtype, self.adam_beta_1, self.adam_beta_2)),
        )
        m.assign_add((gradient - m) * (1 - self.adam_beta_1))
        v.assign_add((backend.square(gradient) - v) * (1 - self.adam_beta_2))
        variable.assign_sub(alpha * m / (backend.sqrt(v) + self.epsilon))

    def lr_adjust(self, x: Any) -> Any:
        """x rms_rate sqrt(max(rows, columns)): an orthogonal matrix with numbers of the size `rms_rate`."""
        return x * self.rms_rate * float(max(x.shape[0], x.shape[1])) ** 0.5

    def transpose_last_axis(self, X: Any) -> Any:
        """X with its last two axes swapped."""
        return backend.swapaxes(X, -1, -2)

    def zeropower_via_newtonschulz5(self, x: Any, steps: int) -> Any:
        """U V^T for x = U S V^T, nearly: all singular values come to lie between 0.7 and 1.2.

        Args:
            x: (..., rows, columns).
            steps: how many times to iterate.

        Raises:
            ValueError: for fewer than two axes.
        """
        shape = tuple(x.shape)
        if len(shape) < 2:
            raise ValueError(f"A matrix is needed here, or several: at least two axes; got shape {shape}.")
        tall = shape[-2] > shape[-1]  # X X^T is then the smaller for the transposed one
        x = self.transpose_last_axis(x) if tall else backend.convert_to_tensor(x)
        x = x / (backend.norm(x, axis=(-2, -1), keepdims=True) + 1e-7)
        for _ in range(steps):
            a = backend.matmul(x, self.transpose_last_axis(x))
            b = self.muon_b * a + self.muon_c * backend.matmul(a, a)
            x = self.muon_a * x + backend.matmul(b, x)
        return self.transpose_last_axis(x) if tall else x
