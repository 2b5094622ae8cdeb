"""Learning rates that change with the step: functions from the step's number to a learning rate.

In the formulas t is the step and T is `decay_steps`.
"""

import math
from collections.abc import Sequence
from typing import Any

from hornbook import backend
from hornbook.core.registry import Configurable, Family


class LearningRateSchedule(Configurable):
    """The base of schedules: a subclass defines `__call__(step)`.

    >>> from hornbook import optimizers
    >>> class Halving(optimizers.schedules.LearningRateSchedule):
    ...     def __init__(self, start):
    ...         self.start = start
    ...     def __call__(self, step):
    ...         return self.start / (step + 1)
    >>> Halving(0.5)(1)
    0.25
    """

    def __call__(self, step: Any) -> Any:
        """The learning rate at a step.

        Args:
            step: the number of steps done so far, a scalar integer.
        """
        raise NotImplementedError(f"{type(self).__name__} must define __call__(self, step).")


class ExponentialDecay(LearningRateSchedule):
    """lr = initial_learning_rate * decay_rate^(t / T).

    Args:
        initial_learning_rate: the learning rate at step 0.
        decay_steps: T.
        decay_rate: the factor over T steps.
        staircase: round t / T down.
        name: name of the schedule.

    >>> from hornbook import optimizers
    >>> round(float(optimizers.schedules.ExponentialDecay(0.1, 10, 0.5)(20)), 4)
    0.025
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: int,
        decay_rate: float,
        staircase: bool = False,
        name: str = "ExponentialDecay",
    ) -> None:
        self.initial_learning_rate, self.decay_steps, self.decay_rate = initial_learning_rate, decay_steps, decay_rate
        self.staircase, self.name = staircase, name
        _check_steps("decay_steps", decay_steps)

    def __call__(self, step: Any) -> Any:
        """The learning rate at a step, a scalar tensor."""
        initial, t = _start(self.initial_learning_rate, step)
        p = t / self.decay_steps
        p = backend.floor(p) if self.staircase else p
        return initial * backend.power(backend.cast(self.decay_rate, initial.dtype), p)


class PiecewiseConstantDecay(LearningRateSchedule):
    """lr = values[i], with i the number of boundaries below t.

    Args:
        boundaries: steps, in rising order.
        values: learning rates, one more than boundaries.
        name: name of the schedule.

    Raises:
        ValueError: where the lengths do not fit.

    >>> from hornbook import optimizers
    >>> schedule = optimizers.schedules.PiecewiseConstantDecay([10, 20], [1.0, 0.5, 0.1])
    >>> [round(float(schedule(step)), 2) for step in (10, 11, 21)]
    [1.0, 0.5, 0.1]
    """

    def __init__(self, boundaries: Sequence, values: Sequence, name: str = "PiecewiseConstant") -> None:
        if len(boundaries) != len(values) - 1:
            raise ValueError(
                f"There must be one more value than boundaries; got {len(values)} values, {len(boundaries)} boundaries."
            )
        self.boundaries, self.values, self.name = boundaries, values, name

    def __call__(self, step: Any) -> Any:
        """The learning rate at a step, a scalar tensor."""
        step = backend.convert_to_tensor(step)
        passed = [backend.cast(backend.greater(step, backend.cast(b, step.dtype)), "int32") for b in self.boundaries]
        values = backend.stack([backend.convert_to_tensor(value) for value in self.values])
        return backend.take(values, sum(passed, backend.cast(0, "int32")), axis=0)


class PolynomialDecay(LearningRateSchedule):
    """lr = (initial - end) (1 - min(t, T) / T)^power + end.

    Args:
        initial_learning_rate: the learning rate at step 0.
        decay_steps: T.
        end_learning_rate: the learning rate from step T on.
        power: 1 is a straight line.
        cycle: where t passes T, go on with the next multiple of T in its place.
        name: name of the schedule.

    >>> from hornbook import optimizers
    >>> round(float(optimizers.schedules.PolynomialDecay(0.1, 10, 0.0)(5)), 4)
    0.05
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: int,
        end_learning_rate: float = 0.0001,
        power: float = 1.0,
        cycle: bool = False,
        name: str = "PolynomialDecay",
    ) -> None:
        self.initial_learning_rate, self.decay_steps = initial_learning_rate, decay_steps
        self.end_learning_rate, self.power, self.cycle, self.name = end_learning_rate, power, cycle, name
        _check_steps("decay_steps", decay_steps)

    def __call__(self, step: Any) -> Any:
        """The learning rate at a step, a scalar tensor."""
        initial, t = _start(self.initial_learning_rate, step)
        end, total = backend.cast(self.end_learning_rate, initial.dtype), backend.cast(self.decay_steps, initial.dtype)
        if self.cycle:
            total = total * backend.maximum(backend.ceil(t / self.decay_steps), 1.0)
        else:
            t = backend.minimum(t, total)
        return (initial - end) * backend.power(1 - t / total, backend.cast(self.power, initial.dtype)) + end


class InverseTimeDecay(LearningRateSchedule):
    """lr = initial_learning_rate / (1 + decay_rate t / T).

    Args:
        initial_learning_rate: the learning rate at step 0.
        decay_steps: T.
        decay_rate: how fast it falls.
        staircase: round t / T down.
        name: name of the schedule.

    >>> from hornbook import optimizers
    >>> round(float(optimizers.schedules.InverseTimeDecay(0.1, 10, 1.0)(10)), 4)
    0.05
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: int,
        decay_rate: float,
        staircase: bool = False,
        name: str = "InverseTimeDecay",
    ) -> None:
        self.initial_learning_rate, self.decay_steps, self.decay_rate = initial_learning_rate, decay_steps, decay_rate
        self.staircase, self.name = staircase, name
        _check_steps("decay_steps", decay_steps)

    def __call__(self, step: Any) -> Any:
        """The learning rate at a step, a scalar tensor."""
        initial, t = _start(self.initial_learning_rate, step)
        p = t / self.decay_steps
        p = backend.floor(p) if self.staircase else p
        return initial / (1 + self.decay_rate * p)


class CosineDecay(LearningRateSchedule):
    """lr = peak ((1 - alpha) (1 + cos(pi t / T)) / 2 + alpha), after a straight rise to the peak.

    The peak is `warmup_target`, reached from the initial learning rate in `warmup_steps`; t counts from there. Without
    a target it is the initial learning rate.

    Args:
        initial_learning_rate: the learning rate at step 0.
        decay_steps: T.
        alpha: the last learning rate, as a part of the peak.
        name: name of the schedule.
        warmup_target: the peak; None for no warmup.
        warmup_steps: steps of the rise.

    Source: Loshchilov & Hutter, SGDR (2017), https://arxiv.org/abs/1608.03983; warmup: Goyal et al. (2017).

    >>> from hornbook import optimizers
    >>> schedule = optimizers.schedules.CosineDecay(0.0, 10, warmup_target=0.1, warmup_steps=4)
    >>> [round(float(schedule(step)), 4) for step in (0, 2, 4, 9, 14)]
    [0.0, 0.05, 0.1, 0.05, 0.0]
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: int,
        alpha: float = 0.0,
        name: str = "CosineDecay",
        warmup_target: float | None = None,
        warmup_steps: int = 0,
    ) -> None:
        self.initial_learning_rate, self.decay_steps, self.alpha = initial_learning_rate, decay_steps, alpha
        self.name, self.warmup_target, self.warmup_steps = name, warmup_target, warmup_steps
        _check_steps("decay_steps", decay_steps)

    def __call__(self, step: Any) -> Any:
        """The learning rate at a step, a scalar tensor."""
        initial, t = _start(self.initial_learning_rate, step)
        if self.warmup_target is None:
            return self._decayed(initial, backend.minimum(t, float(self.decay_steps)))
        peak = backend.cast(self.warmup_target, initial.dtype)
        after = backend.clip(t - self.warmup_steps, 0.0, float(self.decay_steps))
        rising = (peak - initial) * (t / max(self.warmup_steps, 1)) + initial
        return backend.where(t < self.warmup_steps, rising, self._decayed(peak, after))

    def _decayed(self, peak: Any, t: Any) -> Any:
        cosine = 0.5 * (1 + backend.cos(math.pi * (t / self.decay_steps)))
        return peak * ((1 - self.alpha) * cosine + self.alpha)


class CosineDecayRestarts(LearningRateSchedule):
    """A cosine decay that starts again, each period `t_mul` times as long and `m_mul` times as high as the last.

    Args:
        initial_learning_rate: the learning rate at step 0.
        first_decay_steps: length of the first period.
        t_mul: growth of the periods.
        m_mul: growth of their heights.
        alpha: the lowest learning rate, as a part of the initial one.
        name: name of the schedule.

    Source: Loshchilov & Hutter, SGDR (2017), https://arxiv.org/abs/1608.03983.

    >>> from hornbook import optimizers
    >>> schedule = optimizers.schedules.CosineDecayRestarts(0.1, 10)
    >>> [round(float(schedule(step)), 4) for step in (0, 5, 10, 20)]
    [0.1, 0.05, 0.1, 0.05]
    """

    def __init__(
        self,
        initial_learning_rate: float,
        first_decay_steps: int,
        t_mul: float = 2.0,
        m_mul: float = 1.0,
        alpha: float = 0.0,
        name: str = "SGDRDecay",
    ) -> None:
        self.initial_learning_rate, self.first_decay_steps = initial_learning_rate, first_decay_steps
        self.t_mul, self.m_mul, self.alpha, self.name = t_mul, m_mul, alpha, name
        _check_steps("first_decay_steps", first_decay_steps)

    def __call__(self, step: Any) -> Any:
        """The learning rate at a step, a scalar tensor."""
        initial, t = _start(self.initial_learning_rate, step)
        t_mul = backend.cast(self.t_mul, initial.dtype)
        done = t / self.first_decay_steps
        if self.t_mul == 1.0:
            period = backend.floor(done)
            fraction = done - period
        else:  # the periods before the i-th last (1 - t_mul^i) / (1 - t_mul) together
            period = backend.floor(backend.log(1 - done * (1 - t_mul)) / backend.log(t_mul))
            before = (1 - backend.power(t_mul, period)) / (1 - t_mul)
            fraction = (done - before) / backend.power(t_mul, period)
        height = backend.power(backend.cast(self.m_mul, initial.dtype), period)
        cosine = 0.5 * height * (1 + backend.cos(math.pi * fraction))
        return initial * ((1 - self.alpha) * cosine + self.alpha)


def _start(initial_learning_rate: Any, step: Any) -> tuple[Any, Any]:
    """The initial learning rate and the step, as scalars of one float dtype."""
    initial = backend.convert_to_tensor(initial_learning_rate)
    if not backend.is_float_dtype(initial.dtype):
        initial = backend.cast(initial, backend.floatx())
    return initial, backend.cast(step, initial.dtype)


def _check_steps(name: str, value: Any) -> None:
    if value <= 0:
        raise ValueError(f"{name} must be greater than 0, got {value}.")


family = Family(
    "optimizers.schedules",
    base=LearningRateSchedule,
    members={
        cls.__name__: cls
        for cls in (
            CosineDecay,
            CosineDecayRestarts,
            ExponentialDecay,
            InverseTimeDecay,
            PiecewiseConstantDecay,
            PolynomialDecay,
        )
    },
)
deserialize = family.deserialize


def serialize(learning_rate_schedule: Any) -> Any:
    """A schedule as a config, which `deserialize` reads back.

    >>> import hornbook as keras
    >>> keras.optimizers.schedules.serialize(keras.optimizers.schedules.CosineDecay(0.1, 10))["config"]["decay_steps"]
    10
    """
    return family.serialize(learning_rate_schedule)
