"""Numbers of few bits: from floats to small integers and back, and how two of them share a byte."""

from collections.abc import Sequence
from typing import Any

from hornbook import backend, ops
from hornbook.core.arguments import one_of

FLOAT8_MAX = {"float8_e4m3fn": 448.0, "float8_e5m2": 57344.0}  # the largest numbers of these types


def abs_max_quantize(
    inputs: Any,
    axis: Any,
    value_range: Sequence[int] = (-127, 127),
    dtype: str = "int8",
    epsilon: float = 1e-7,
    to_numpy: bool = False,
) -> tuple[Any, Any]:
    """Integers in which the largest magnitude along `axis` becomes the end of the range: q = round(inputs scale).

    scale = value_range[1] / (max |inputs| + epsilon)

    Args:
        inputs: floats.
        axis: the axis or axes that share a scale.
        value_range: the smallest and the largest integer.
        dtype: the integers' dtype.
        epsilon: keeps the division finite.
        to_numpy: accepted for signature's sake.

    Returns:
        (q, of the inputs' shape; scale, with size 1 along `axis`, in the inputs' dtype).

    >>> import numpy as np
    >>> from hornbook import quantizers
    >>> q, scale = quantizers.abs_max_quantize(np.array([[0.5, -2.0]], "float32"), axis=-1)
    >>> q.numpy().tolist(), scale.numpy().round(2).tolist()
    ([[32, -127]], [[63.5]])
    """
    inputs = backend.convert_to_tensor(inputs)
    axis = tuple(axis) if isinstance(axis, list | tuple) else axis
    largest = ops.max(ops.abs(inputs), axis=axis, keepdims=True)
    scale = ops.divide(value_range[1], ops.add(largest, ops.cast(epsilon, inputs.dtype)))
    scale = ops.cast(scale, inputs.dtype)
    return ops.cast(ops.clip(ops.round(inputs * scale), *value_range), dtype), scale


def abs_max_quantize_grouped_with_zero_point(
    inputs: Any,
    block_size: int,
    value_range: Sequence[int] = (-8, 7),
    dtype: str = "int8",
    epsilon: float = 1e-7,
    to_numpy: bool = False,
) -> tuple[Any, Any, Any]:
    """Integers for which each block of rows has a scale and a zero of its own: q = round(inputs / scale) + zero.

    scale = (max - min + epsilon) / (value_range[1] - value_range[0]), zero = round(-min / scale) + value_range[0]

    Args:
        inputs: (rows, columns), floats.
        block_size: rows that share a scale; the last block is filled up with zeros.
        value_range: the smallest and the largest integer.
        dtype: the integers' dtype.
        epsilon: keeps the division finite.
        to_numpy: accepted for signature's sake.

    Returns:
        (q, (rows, columns); scale, (blocks, columns), in the inputs' dtype; zero, likewise, integers).

    Raises:
        ValueError: for other shapes, and a block_size that is no positive integer.

    >>> import numpy as np
    >>> from hornbook import quantizers
    >>> x = np.array([[0.0], [1.5]], "float32")
    >>> q, scale, zero = quantizers.abs_max_quantize_grouped_with_zero_point(x, block_size=2)
    >>> q.numpy().ravel().tolist(), scale.numpy().round(3).tolist(), zero.numpy().tolist()
    ([-8, 7], [[0.10000000149011612]], [[-8]])
    """
    inputs = backend.convert_to_tensor(inputs)
    if len(inputs.shape) != 2 or not isinstance(block_size, int) or block_size < 1:
        raise ValueError(
            "Blocks are made of the rows of a matrix, block_size of them, at least 1; got inputs of shape "
            f"{tuple(inputs.shape)} and block_size={block_size!r}."
        )
    (rows, columns), (low, high), kind = inputs.shape, value_range, inputs.dtype
    block = min(block_size, rows)
    padded = ops.pad(inputs, [[0, -rows % block], [0, 0]])
    blocks = ops.reshape(padded, (-1, block, columns))
    smallest, largest = ops.min(blocks, axis=1, keepdims=True), ops.max(blocks, axis=1, keepdims=True)
    flat = ops.equal(smallest, largest)
    smallest, largest = ops.where(flat, smallest - 1, smallest), ops.where(flat, largest + 1, largest)
    scale = (largest - smallest + ops.cast(epsilon, kind)) / ops.cast(high - low, kind)
    zero = ops.clip(ops.round(-smallest / scale) + low, low, high)
    q = ops.clip(ops.round(blocks / scale) + zero, low, high)
    q = ops.reshape(q, (-1, columns))[:rows]
    return ops.cast(q, dtype), ops.squeeze(scale, 1), ops.cast(ops.squeeze(zero, 1), dtype)


def quantize_and_dequantize(inputs: Any, scale: Any, quantized_dtype: str, compute_dtype: str) -> Any:
    """What is left of floats after a short type: cast(cast(inputs / scale, quantized_dtype)) scale.

    Args:
        inputs: floats.
        scale: a scalar.
        quantized_dtype: "float8_e4m3fn" (three bits after the point) or "float8_e5m2" (two, but a larger range).
        compute_dtype: the dtype of the result.

    >>> import numpy as np
    >>> from hornbook import quantizers
    >>> quantizers.quantize_and_dequantize(np.array([0.3], "float32"), 1.0, "float8_e4m3fn", "float32").numpy()
    array([0.3125], dtype=float32)
    """
    largest = FLOAT8_MAX[one_of(quantized_dtype, tuple(FLOAT8_MAX), "quantized_dtype")]
    scale = ops.cast(scale, compute_dtype)
    short = ops.cast(ops.clip(ops.cast(inputs, compute_dtype) / scale, -largest, largest), quantized_dtype)
    return ops.cast(short, compute_dtype) * scale


def compute_float8_scale(amax: Any, scale: Any, dtype_max: float, margin: int = 0) -> Any:
    """The scale by which numbers up to `amax` fill a float8 type: 2^margin amax / dtype_max.

    Args:
        amax: the largest magnitude seen.
        scale: the scale so far, kept where `amax` is 0 or not finite.
        dtype_max: the type's largest number.
        margin: powers of two to stay below it.

    >>> from hornbook import quantizers
    >>> float(quantizers.compute_float8_scale(896.0, 1.0, 448.0))
    2.0
    """
    amax = ops.cast(amax, "float32")
    usable = ops.logical_and(amax > 0.0, ops.isfinite(amax))
    return ops.where(usable, ops.where(usable, amax, 1.0) * (2.0**margin / dtype_max), ops.cast(scale, "float32"))


def compute_float8_amax_history(x: Any, amax_history: Any) -> Any:
    """The history of largest magnitudes with that of `x` in its first place and the oldest forgotten.

    Args:
        x: floats.
        amax_history: (length,).

    >>> import numpy as np
    >>> from hornbook import quantizers
    >>> quantizers.compute_float8_amax_history(np.array([-4.0]), np.array([1.0, 2.0, 3.0])).numpy()
    array([4., 3., 1.])
    """
    history = ops.roll(amax_history, shift=-1)
    largest = ops.cast(ops.max(ops.abs(x)), history.dtype)
    return ops.concatenate([ops.reshape(largest, (1,)), history[1:]])


def fake_quant_with_min_max_vars(
    inputs: Any, min_vals: Any, max_vals: Any, num_bits: int = 8, narrow_range: bool = False, axis: int | None = None
) -> Any:
    """Floats rounded as if they had `num_bits` bits between min and max; gradients pass where they lie between.

    The range is moved a little, so that 0 is one of its steps.

    Args:
        inputs: floats.
        min_vals, max_vals: numbers, or one for each position of `axis`.
        num_bits: bits of an integer.
        narrow_range: use one step less, so that the range is the same on both sides of 0.
        axis: the axis that `min_vals` and `max_vals` run along; None for one range.

    Returns:
        of the inputs' shape and dtype.

    Source: Jacob et al., Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference
    (2018), https://arxiv.org/abs/1712.05877.

    >>> import numpy as np
    >>> from hornbook import quantizers
    >>> quantizers.fake_quant_with_min_max_vars(np.array([0.3, 2.0], "float32"), -1.0, 1.0, num_bits=2).numpy().round(2)
    array([0.  , 0.67], dtype=float32)
    """
    x = backend.convert_to_tensor(inputs)
    kind = x.dtype
    x, low, high = (ops.cast(value, backend.floatx()) for value in (x, min_vals, max_vals))
    if axis is not None:
        shape = [1] * len(x.shape)
        shape[axis] = -1
        low, high = ops.reshape(low, shape), ops.reshape(high, shape)
    least, most = (1 if narrow_range else 0), 2**num_bits - 1
    step = (high - low) / (most - least)
    zero = ops.clip(ops.round(least - low / step), least, most)
    bottom = low + ops.stop_gradient((least - zero) * step - low)  # moved, with the gradient of what was moved
    top = high + ops.stop_gradient((most - zero) * step - high)
    inside = ops.minimum(ops.maximum(x, bottom), top)
    rounded = ops.floor((inside - bottom) / step + 0.5) * step + bottom
    return ops.cast(inside + ops.stop_gradient(rounded - inside), kind)


def pack_int4(arr: Any, axis: int = 0, dtype: str = "int8") -> tuple[Any, tuple, int]:
    """Two numbers of four bits in each byte, neighbours along `axis`: the first in the low bits.

    Args:
        arr: integers of `dtype`, between -8 and 7 ("int8") or 0 and 15 ("uint8").
        axis: the axis that becomes half as long.
        dtype: "int8" or "uint8".

    Returns:
        (the bytes; their shape; the size of `axis` before).

    Raises:
        ValueError: for another dtype.
        TypeError: for an array that is not of this dtype.

    >>> import numpy as np
    >>> from hornbook import quantizers
    >>> packed, shape, size = quantizers.pack_int4(np.array([1, -3, 5], "int8"))
    >>> packed.numpy(), shape, size
    (array([-47,   5], dtype=int8), (2,), 3)
    """
    one_of(dtype, ("int8", "uint8"), "dtype")
    x = backend.convert_to_tensor(arr)
    if backend.standardize_dtype(x.dtype) != dtype:
        raise TypeError(f"pack_int4(dtype={dtype!r}) takes an array of {dtype}, got {x.dtype}.")
    x = ops.moveaxis(x, axis, 0)
    size = x.shape[0]
    x = ops.pad(x, [[0, size % 2], *[[0, 0]] * (len(x.shape) - 1)])
    bits = ops.bitwise_and(ops.cast(x, "int32"), 15)
    both = ops.bitwise_or(bits[::2], ops.left_shift(bits[1::2], 4))
    both = both if dtype == "uint8" else ops.where(both > 127, both - 256, both)
    packed = ops.moveaxis(ops.cast(both, dtype), 0, axis)
    return packed, tuple(packed.shape), size


def unpack_int4(packed: Any, orig_len: int, axis: int = 0, dtype: str = "int8") -> Any:
    """The numbers that `pack_int4` put into bytes.

    Args:
        packed: bytes.
        orig_len: the size of `axis` before.
        axis: the axis that was made half as long.
        dtype: "int8" for numbers from -8 to 7, "uint8" for 0 to 15.

    Raises:
        ValueError: for another dtype.
        TypeError: for an array that is not of bytes.

    >>> import numpy as np
    >>> from hornbook import quantizers
    >>> quantizers.unpack_int4(np.array([-47, 5], "int8"), 3).numpy()
    array([ 1, -3,  5], dtype=int8)
    """
    one_of(dtype, ("int8", "uint8"), "dtype")
    x = backend.convert_to_tensor(packed)
    if backend.standardize_dtype(x.dtype) not in ("int8", "uint8"):
        raise TypeError(f"unpack_int4() takes an array of int8 or uint8, got {x.dtype}.")
    x = ops.cast(ops.moveaxis(x, axis, 0), "int32")
    halves = ops.stack([ops.bitwise_and(x, 15), ops.bitwise_and(ops.right_shift(x, 4), 15)], axis=1)
    numbers = ops.reshape(halves, (-1, *ops.shape(x)[1:]))[:orig_len]
    numbers = numbers if dtype == "uint8" else ops.where(numbers > 7, numbers - 16, numbers)
    return ops.moveaxis(ops.cast(numbers, dtype), 0, axis)
