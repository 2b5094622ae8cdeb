"""Random numbers as a function of a seed of two integers: TensorFlow's stateless generators."""

from typing import Any

import numpy as np
import tensorflow as tf

from hornbook.backend.config import floatx, standardize_dtype
from hornbook.backend.tensorflow.services import cast, convert_to_tensor

__all__ = [
    "random_beta",
    "random_binomial",
    "random_categorical",
    "random_dropout",
    "random_gamma",
    "random_normal",
    "random_randint",
    "random_shuffle",
    "random_truncated_normal",
    "random_uniform",
    "set_seed",
]

_INT32 = 2**31 - 1
_ALGORITHM = tf.random.Algorithm.AUTO_SELECT.value


def _short(seed: Any) -> Any:
    """The seed as the int32 pair that the generators take."""
    if isinstance(seed, np.ndarray):
        return tf.constant([int(part) % (_INT32 - 1) for part in seed], tf.int32)
    seed = convert_to_tensor(seed)
    if seed.dtype == tf.int32:
        return seed
    return tf.cast(tf.math.floormod(seed, tf.cast(tf.int32.max - 1, seed.dtype)), tf.int32)


def set_seed(seed: int) -> None:
    """Seed TensorFlow's own stateful generators."""
    tf.random.set_seed(seed)


def random_normal(shape: Any, mean: Any, stddev: Any, dtype: Any, seed: Any) -> Any:
    """Normal numbers."""
    return tf.random.stateless_normal(shape, _short(seed), mean, stddev, standardize_dtype(dtype))


def random_truncated_normal(shape: Any, mean: Any, stddev: Any, dtype: Any, seed: Any) -> Any:
    """Normal numbers, drawn again beyond two standard deviations."""
    return tf.random.stateless_truncated_normal(shape, _short(seed), mean, stddev, standardize_dtype(dtype))


def random_uniform(shape: Any, minval: Any, maxval: Any, dtype: Any, seed: Any) -> Any:
    """Uniform numbers in [minval, maxval)."""
    dtype = standardize_dtype(dtype or floatx())
    key, counter = tf.raw_ops.StatelessRandomGetKeyCounter(seed=_short(seed))
    unit = tf.raw_ops.StatelessRandomUniformV2(shape=shape, key=key, counter=counter, alg=_ALGORITHM, dtype=dtype)
    if dtype == "float32" and isinstance(minval, float | int) and isinstance(maxval, float | int):
        low, high = np.float32(minval), np.float32(maxval)  # the range is computed here: layers are made of many draws
        spread: Any = tf.constant(float(high - low), dtype)
        start: Any = tf.constant(float(low), dtype)
    else:
        start, end = (
            cast(np.float32(x), dtype) if isinstance(x, float | int) else convert_to_tensor(x, dtype)
            for x in (minval, maxval)
        )
        spread = end - start
    return unit * spread + start


def random_randint(shape: Any, minval: Any, maxval: Any, dtype: Any, seed: Any) -> Any:
    """Uniform integers in [minval, maxval)."""
    wide = "int64" if dtype in ("int64", "uint64", "uint32") else "int32"
    minval, maxval = convert_to_tensor(minval, wide), convert_to_tensor(maxval, wide)
    return cast(tf.random.stateless_uniform(shape, _short(seed), minval, maxval, wide), dtype)


def random_categorical(logits: Any, num_samples: int, dtype: Any, seed: Any) -> Any:
    """Class numbers drawn by their unnormalized log probabilities."""
    return cast(tf.random.stateless_categorical(convert_to_tensor(logits), num_samples, _short(seed)), dtype)


def random_dropout(inputs: Any, rate: float, noise_shape: Any, seed: Any) -> Any:
    """The inputs with a share `rate` of zeros, the rest divided by 1 - rate."""
    x = convert_to_tensor(inputs)
    if noise_shape is not None:
        sizes = tf.shape(x)
        noise_shape = [sizes[axis] if size is None else size for axis, size in enumerate(noise_shape)]
    return tf.nn.experimental.stateless_dropout(x, rate=rate, noise_shape=noise_shape, seed=_short(seed))


def random_shuffle(x: Any, axis: int, seed: Any) -> Any:
    """The slices along an axis in a new order."""
    x = convert_to_tensor(x)
    if axis == 0:
        return tf.random.experimental.stateless_shuffle(x, _short(seed))
    order = list(range(len(x.shape)))
    order[0], order[axis] = order[axis], order[0]
    return tf.transpose(tf.random.experimental.stateless_shuffle(tf.transpose(x, order), _short(seed)), order)


def random_gamma(shape: Any, alpha: Any, dtype: Any, seed: Any) -> Any:
    """Gamma numbers of shape parameter alpha."""
    return tf.random.stateless_gamma(shape, _short(seed), alpha, dtype=standardize_dtype(dtype))


def random_beta(shape: Any, alpha: Any, beta: Any, dtype: Any, seed: Any) -> Any:
    """Beta numbers: x / (x + y) of two gamma numbers."""
    alpha, beta = (tf.broadcast_to(convert_to_tensor(a, standardize_dtype(dtype)), shape) for a in (alpha, beta))
    x = random_gamma(shape, alpha, dtype, seed)
    y = random_gamma(shape, beta, dtype, convert_to_tensor(seed) + 12)  # a second stream, away from the first
    return x / (x + y)


def random_binomial(shape: Any, counts: Any, probabilities: Any, dtype: Any, seed: Any) -> Any:
    """Successes among `counts` tries."""
    counts = tf.broadcast_to(convert_to_tensor(counts, "float32"), shape)
    probabilities = tf.broadcast_to(convert_to_tensor(probabilities, "float32"), shape)
    return tf.random.stateless_binomial(shape, _short(seed), counts, probabilities, standardize_dtype(dtype))
