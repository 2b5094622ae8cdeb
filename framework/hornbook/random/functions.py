"""Random numbers by distribution. With an int seed a function gives the same numbers at every call."""

from typing import Any

from hornbook import backend
from hornbook.core import rules
from hornbook.core.op import op
from hornbook.random.seed_generator import draw_seed


def normal(shape: Any, mean: float = 0.0, stddev: float = 1.0, dtype: Any = None, seed: Any = None) -> Any:
    """Normal numbers: x ~ N(mean, stddev^2).

    >>> from hornbook import random
    >>> random.normal((2, 3), seed=1).shape
    TensorShape([2, 3])
    """
    return backend.random_normal(shape, mean, stddev, dtype or backend.floatx(), draw_seed(seed))


def truncated_normal(shape: Any, mean: float = 0.0, stddev: float = 1.0, dtype: Any = None, seed: Any = None) -> Any:
    """Normal numbers, drawn again where they lie beyond two standard deviations.

    >>> from hornbook import random
    >>> float(abs(random.truncated_normal((100,), seed=1).numpy()).max()) < 2.0
    True
    """
    return backend.random_truncated_normal(shape, mean, stddev, dtype or backend.floatx(), draw_seed(seed))


def uniform(shape: Any, minval: float = 0.0, maxval: float = 1.0, dtype: Any = None, seed: Any = None) -> Any:
    """Uniform numbers in [minval, maxval).

    >>> from hornbook import random
    >>> random.uniform((2,), seed=1).shape
    TensorShape([2])

    Raises:
        ValueError: for a dtype that is not float.
    """
    if dtype is not None and not backend.is_float_dtype(dtype):
        raise ValueError(f"uniform() gives floats, got dtype={dtype!r}; use randint() for integers.")
    return backend.random_uniform(shape, minval, maxval, dtype or backend.floatx(), draw_seed(seed))


def randint(shape: Any, minval: int, maxval: int, dtype: Any = "int32", seed: Any = None) -> Any:
    """Uniform integers in [minval, maxval).

    >>> from hornbook import random
    >>> int(random.randint((), 3, 4))
    3

    Raises:
        ValueError: for a dtype that is no integer.
    """
    if not backend.is_int_dtype(dtype):
        raise ValueError(f"randint() gives integers, got dtype={dtype!r}; use uniform() for floats.")
    return backend.random_randint(shape, minval, maxval, backend.standardize_dtype(dtype), draw_seed(seed))


def categorical(logits: Any, num_samples: int, dtype: Any = "int32", seed: Any = None) -> Any:
    """Class numbers drawn by unnormalized log probabilities (batch, classes): (batch, num_samples).

    >>> import numpy as np
    >>> from hornbook import random
    >>> random.categorical(np.array([[0.0, -1e9]]), 2).numpy()
    array([[0, 0]], dtype=int32)
    """
    return backend.random_categorical(logits, num_samples, backend.standardize_dtype(dtype), draw_seed(seed))


@op(rules.like_first)
def dropout(inputs: Any, rate: float, noise_shape: Any = None, seed: Any = None) -> Any:
    """The inputs with each number zero with probability `rate`, the others divided by 1 - rate.

    >>> import numpy as np
    >>> from hornbook import random
    >>> sorted(set(random.dropout(np.ones(100), 0.5, seed=1).numpy().tolist()))
    [0.0, 2.0]
    """
    return backend.random_dropout(inputs, rate, noise_shape, draw_seed(seed))


@op(rules.like_first)
def shuffle(x: Any, axis: int = 0, seed: Any = None) -> Any:
    """The slices along an axis in a new order.

    >>> import numpy as np
    >>> from hornbook import random
    >>> sorted(random.shuffle(np.arange(3)).numpy().tolist())
    [0, 1, 2]
    """
    return backend.random_shuffle(x, axis, draw_seed(seed))


def gamma(shape: Any, alpha: float, dtype: Any = None, seed: Any = None) -> Any:
    """Gamma numbers: p(x) ~ x^(alpha - 1) exp(-x).

    >>> from hornbook import random
    >>> bool((random.gamma((3,), 2.0).numpy() > 0).all())
    True
    """
    return backend.random_gamma(shape, alpha, dtype or backend.floatx(), draw_seed(seed))


def beta(shape: Any, alpha: Any, beta: Any, dtype: Any = None, seed: Any = None) -> Any:
    """Beta numbers, between 0 and 1: p(x) ~ x^(alpha - 1) (1 - x)^(beta - 1).

    Args:
        shape: the shape of the result.
        alpha, beta: positive numbers, or arrays that broadcast to `shape`.
        dtype: a float dtype; `floatx()` if None.
        seed: an int, a SeedGenerator, or None for the global one.

    >>> from hornbook import random
    >>> x = random.beta((100,), 2.0, 2.0, seed=1).numpy()
    >>> bool((x > 0).all() and (x < 1).all())
    True

    Raises:
        ValueError: for a dtype that is not float.
    """
    if dtype is not None and not backend.is_float_dtype(dtype):
        raise ValueError(f"beta() gives floats, got dtype={dtype!r}.")
    return backend.random_beta(shape, alpha, beta, dtype or backend.floatx(), draw_seed(seed))


def binomial(shape: Any, counts: Any, probabilities: Any, dtype: Any = None, seed: Any = None) -> Any:
    """Successes among `counts` tries that succeed with `probabilities`.

    >>> from hornbook import random
    >>> random.binomial((2,), 3.0, 1.0).numpy()
    array([3., 3.], dtype=float32)
    """
    return backend.random_binomial(shape, counts, probabilities, dtype or backend.floatx(), draw_seed(seed))
