"""Initializers by chance: plain distributions, those scaled to the size of the layer, orthogonal matrices.

A weight that sums n inputs of unit variance keeps unit variance if its own variance is 1 / n. The papers differ in what
n is (inputs, outputs, their mean) and in the gain for the activation; `VarianceScaling` has both as arguments and the
rest are its rows.
"""

import math
from typing import Any

from hornbook import ops, random
from hornbook.backend.config import standardize_dtype
from hornbook.initializers.base import Initializer
from hornbook.random.seed_generator import SeedGenerator, make_default_seed

# The standard deviation of the unit normal cut off at -2 and 2.
TRUNCATED_STDDEV = 0.87962566103423978


class RandomInitializer(Initializer):
    """Base class of random initializers: holds the seed, drawing one if none is given.

    With an int seed, given or drawn, every call gives the same numbers for the same shape; with a SeedGenerator each
    call gives new ones.
    """

    def __init__(self, seed: Any = None) -> None:
        if not isinstance(seed, int | SeedGenerator | None):
            raise ValueError(f"seed must be an int, a SeedGenerator or None, got {seed!r}.")
        self._given_seed = seed
        self.seed = make_default_seed() if seed is None else seed

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments; a seed that was drawn stays None."""
        return {**super().get_config(), **({"seed": None} if self._given_seed is None else {})}


class RandomNormal(RandomInitializer):
    """Normal numbers: x ~ N(mean, stddev^2).

    Args:
        mean: the distribution's mean.
        stddev: its standard deviation.
        seed: an int, a SeedGenerator, or None for one drawn now.

    >>> from hornbook import initializers
    >>> init = initializers.RandomNormal(stddev=1.0, seed=1)
    >>> bool((init((3,)).numpy() == init((3,)).numpy()).all())
    True
    """

    def __init__(self, mean: float = 0.0, stddev: float = 0.05, seed: Any = None) -> None:
        self.mean, self.stddev = mean, stddev
        super().__init__(seed)

    def __call__(self, shape: Any, dtype: Any = None) -> Any:
        """Numbers of this shape and float dtype."""
        return random.normal(shape, mean=self.mean, stddev=self.stddev, dtype=standardize_dtype(dtype), seed=self.seed)


class TruncatedNormal(RandomInitializer):
    """Normal numbers, those beyond two standard deviations drawn again.

    Args:
        mean: the mean before the cut.
        stddev: the standard deviation before the cut.
        seed: an int, a SeedGenerator, or None for one drawn now.

    >>> from hornbook import initializers
    >>> bool(abs(initializers.TruncatedNormal(stddev=1.0, seed=1)((1000,)).numpy()).max() < 2)
    True
    """

    def __init__(self, mean: float = 0.0, stddev: float = 0.05, seed: Any = None) -> None:
        self.mean, self.stddev = mean, stddev
        super().__init__(seed)

    def __call__(self, shape: Any, dtype: Any = None) -> Any:
        """Numbers of this shape and float dtype."""
        return random.truncated_normal(
            shape, mean=self.mean, stddev=self.stddev, dtype=standardize_dtype(dtype), seed=self.seed
        )


class RandomUniform(RandomInitializer):
    """Uniform numbers: x ~ U[minval, maxval).

    Args:
        minval: lower end, included.
        maxval: upper end, excluded.
        seed: an int, a SeedGenerator, or None for one drawn now.

    >>> from hornbook import initializers
    >>> bool(initializers.RandomUniform(0.0, 1.0, seed=1)((1000,)).numpy().min() >= 0)
    True
    """

    def __init__(self, minval: float = -0.05, maxval: float = 0.05, seed: Any = None) -> None:
        self.minval, self.maxval = minval, maxval
        super().__init__(seed)

    def __call__(self, shape: Any, dtype: Any = None) -> Any:
        """Numbers of this shape and dtype."""
        return random.uniform(
            shape, minval=self.minval, maxval=self.maxval, dtype=standardize_dtype(dtype), seed=self.seed
        )


class VarianceScaling(RandomInitializer):
    """Numbers of mean 0 and variance scale / n, where n is the fan-in, the fan-out or their mean.

    The kernel of a convolution has fan-in = kernel size * input channels. "uniform" draws from
    [-sqrt(3 scale / n), sqrt(3 scale / n)), the normal kinds have standard deviation sqrt(scale / n).

    Args:
        scale: the gain, positive.
        mode: n: "fan_in", "fan_out" or "fan_avg".
        distribution: "truncated_normal", "untruncated_normal" or "uniform".
        seed: an int, a SeedGenerator, or None for one drawn now.
        input_axes: axes of the weight that make up the fan-in; with `output_axes` they replace the rule above.
        output_axes: axes that make up the fan-out.

    Raises:
        ValueError: for a scale that is not positive, an unknown mode or distribution.

    >>> from hornbook import initializers
    >>> w = initializers.VarianceScaling(scale=2.0, seed=1)((400, 100)).numpy()
    >>> round(float(w.var() * 400), 1)
    2.0
    """

    def __init__(
        self,
        scale: float = 1.0,
        mode: str = "fan_in",
        distribution: str = "truncated_normal",
        seed: Any = None,
        input_axes: Any = None,
        output_axes: Any = None,
    ) -> None:
        if scale <= 0.0:
            raise ValueError(f"scale must be positive, got {scale}.")
        if mode not in ("fan_in", "fan_out", "fan_avg"):
            raise ValueError(f"mode must be 'fan_in', 'fan_out' or 'fan_avg', got {mode!r}.")
        distribution = distribution.lower()
        distribution = "truncated_normal" if distribution == "normal" else distribution
        if distribution not in ("uniform", "truncated_normal", "untruncated_normal"):
            raise ValueError(
                f"distribution must be 'uniform', 'truncated_normal' or 'untruncated_normal', got {distribution!r}."
            )
        self.scale, self.mode, self.distribution = scale, mode, distribution
        self.input_axes, self.output_axes = input_axes, output_axes
        super().__init__(seed)

    def __call__(self, shape: Any, dtype: Any = None) -> Any:
        """Numbers of this shape and float dtype."""
        fan_in, fan_out = fans(shape, self.input_axes, self.output_axes)
        n = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}[self.mode]
        variance = self.scale / max(1.0, n)
        how = {"dtype": standardize_dtype(dtype), "seed": self.seed}
        if self.distribution == "uniform":
            limit = math.sqrt(3.0 * variance)
            return random.uniform(shape, -limit, limit, **how)
        if self.distribution == "untruncated_normal":
            return random.normal(shape, mean=0.0, stddev=math.sqrt(variance), **how)
        return random.truncated_normal(shape, mean=0.0, stddev=math.sqrt(variance) / TRUNCATED_STDDEV, **how)


class ScaledInitializer(VarianceScaling):
    """Base class of those known by their authors: a row (scale, mode, distribution) of `VarianceScaling`."""

    row: tuple[float, str, str]

    def __init__(self, seed: Any = None, input_axes: Any = None, output_axes: Any = None) -> None:
        scale, mode, distribution = self.row
        super().__init__(scale, mode, distribution, seed, input_axes, output_axes)


class GlorotUniform(ScaledInitializer):
    """U[-limit, limit), limit = sqrt(6 / (fan_in + fan_out)): the default of Dense and convolutions.

    Source: Glorot and Bengio 2010, "Understanding the difficulty of training deep feedforward neural networks".

    Args:
        seed: an int, a SeedGenerator, or None for one drawn now.
        input_axes: see `VarianceScaling`.
        output_axes: see `VarianceScaling`.

    >>> from hornbook import initializers
    >>> bool(abs(initializers.GlorotUniform(seed=1)((3, 3)).numpy()).max() < 1)
    True
    """

    row = (1.0, "fan_avg", "uniform")


class GlorotNormal(ScaledInitializer):
    """Truncated normal with variance 2 / (fan_in + fan_out).

    Source: Glorot and Bengio 2010, "Understanding the difficulty of training deep feedforward neural networks".

    Args:
        seed: an int, a SeedGenerator, or None for one drawn now.
        input_axes: see `VarianceScaling`.
        output_axes: see `VarianceScaling`.

    >>> from hornbook import initializers
    >>> initializers.GlorotNormal(seed=1)((3, 2)).shape.as_list()
    [3, 2]
    """

    row = (1.0, "fan_avg", "truncated_normal")


class HeUniform(ScaledInitializer):
    """U[-limit, limit), limit = sqrt(6 / fan_in): for layers under a relu, which halves the variance.

    Source: He et al. 2015, "Delving Deep into Rectifiers", https://arxiv.org/abs/1502.01852.

    Args:
        seed: an int, a SeedGenerator, or None for one drawn now.
        input_axes: see `VarianceScaling`.
        output_axes: see `VarianceScaling`.

    >>> from hornbook import initializers
    >>> bool(abs(initializers.HeUniform(seed=1)((6, 2)).numpy()).max() < 1)
    True
    """

    row = (2.0, "fan_in", "uniform")


class HeNormal(ScaledInitializer):
    """Truncated normal with variance 2 / fan_in: for layers under a relu, which halves the variance.

    Source: He et al. 2015, "Delving Deep into Rectifiers", https://arxiv.org/abs/1502.01852.

    Args:
        seed: an int, a SeedGenerator, or None for one drawn now.
        input_axes: see `VarianceScaling`.
        output_axes: see `VarianceScaling`.

    >>> from hornbook import initializers
    >>> round(float(initializers.HeNormal(seed=1)((200, 200)).numpy().var() * 200), 1)
    2.0
    """

    row = (2.0, "fan_in", "truncated_normal")


class LecunUniform(ScaledInitializer):
    """U[-limit, limit), limit = sqrt(3 / fan_in).

    Source: LeCun et al. 1998, "Efficient BackProp", section 4.6.

    Args:
        seed: an int, a SeedGenerator, or None for one drawn now.
        input_axes: see `VarianceScaling`.
        output_axes: see `VarianceScaling`.

    >>> from hornbook import initializers
    >>> bool(abs(initializers.LecunUniform(seed=1)((3, 2)).numpy()).max() < 1)
    True
    """

    row = (1.0, "fan_in", "uniform")


class LecunNormal(ScaledInitializer):
    """Truncated normal with variance 1 / fan_in: what selu networks ask for.

    Source: LeCun et al. 1998, "Efficient BackProp", section 4.6; Klambauer et al. 2017, "Self-Normalizing Neural
    Networks", https://arxiv.org/abs/1706.02515.

    Args:
        seed: an int, a SeedGenerator, or None for one drawn now.
        input_axes: see `VarianceScaling`.
        output_axes: see `VarianceScaling`.

    >>> from hornbook import initializers
    >>> round(float(initializers.LecunNormal(seed=1)((200, 200)).numpy().var() * 200), 1)
    1.0
    """

    row = (1.0, "fan_in", "truncated_normal")


class Orthogonal(RandomInitializer):
    """A random matrix with orthonormal rows or columns (whichever are fewer), times `gain`.

    Q of the QR factorization of a normal matrix, with the signs of R's diagonal, which makes Q uniform over all
    orthogonal matrices. Weights of more axes are filled as (product of the first axes, last axis).

    Args:
        gain: what the matrix is multiplied by.
        seed: an int, a SeedGenerator, or None for one drawn now.

    Raises:
        ValueError: (when called) for a shape of fewer than two axes.

    Source: Saxe et al. 2014, "Exact solutions to the nonlinear dynamics of learning in deep linear neural networks",
    https://arxiv.org/abs/1312.6120.

    >>> from hornbook import initializers
    >>> q = initializers.Orthogonal(seed=1)((3, 2)).numpy()
    >>> abs((q.T @ q).round(4)).tolist()
    [[1.0, 0.0], [0.0, 1.0]]
    """

    def __init__(self, gain: float = 1.0, seed: Any = None) -> None:
        self.gain = gain
        super().__init__(seed)

    def __call__(self, shape: Any, dtype: Any = None) -> Any:
        """An orthogonal array of this shape and float dtype."""
        if len(shape) < 2:
            raise ValueError(f"Orthogonal makes matrices: expected a shape of two or more axes, got {tuple(shape)}.")
        rows, columns = math.prod(shape[:-1]), shape[-1]
        normal = random.normal((max(rows, columns), min(rows, columns)), seed=self.seed, dtype=standardize_dtype(dtype))
        q, r = ops.qr(normal)
        q = q * ops.sign(ops.diag(r))
        q = ops.transpose(q) if rows < columns else q
        return self.gain * ops.reshape(q, shape)


def fans(shape: Any, input_axes: Any = None, output_axes: Any = None) -> tuple[int, int]:
    """(fan_in, fan_out): how many inputs each output sums over, and how many outputs each input goes to.

    >>> from hornbook.initializers.random import fans
    >>> fans((10, 20)), fans((3, 3, 16, 32))
    ((10, 20), (144, 288))
    """
    if input_axes is not None and output_axes is not None:
        return math.prod(shape[axis] for axis in input_axes), math.prod(shape[axis] for axis in output_axes)
    if len(shape) < 2:
        size = int(shape[0]) if shape else 1
        return size, size
    *window, inputs, outputs = shape
    size = math.prod(window)
    return size * inputs, size * outputs
