"""Many numbers made few: sums, extremes, means, quantiles, and running totals.

`axis` names the axis or axes to reduce, None all of them; with `keepdims` they stay with size 1.
"""

import builtins
import math
from collections.abc import Sequence
from typing import Any

from hornbook import backend
from hornbook.core import rules
from hornbook.core.op import op

Axis = int | Sequence[int] | None

__all__ = [
    "all",
    "amax",
    "amin",
    "any",
    "argmax",
    "argmin",
    "average",
    "bincount",
    "count_nonzero",
    "cumprod",
    "cumsum",
    "diff",
    "histogram",
    "logsumexp",
    "max",
    "mean",
    "median",
    "min",
    "nanargmax",
    "nanargmin",
    "nancumprod",
    "nancumsum",
    "nanmax",
    "nanmean",
    "nanmedian",
    "nanmin",
    "nanpercentile",
    "nanprod",
    "nanquantile",
    "nanstd",
    "nansum",
    "nanvar",
    "percentile",
    "prod",
    "ptp",
    "quantile",
    "segment_max",
    "segment_min",
    "segment_prod",
    "segment_sum",
    "std",
    "sum",
    "trace",
    "trapezoid",
    "var",
]


# ------------------------------------------------------------------------------------------------------- Sums and means


@op(rules.sum_reduction)
def sum(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """Sum. Small integers are added as int32 or uint32, truth values as int32.

    >>> from hornbook import ops
    >>> ops.sum([[1, 2], [3, 4]], axis=0).numpy()
    array([4, 6], dtype=int32)
    """
    return backend.sum(x, axis, keepdims)


@op
def prod(x: Any, axis: Axis = None, keepdims: bool = False, dtype: Any = None) -> Any:
    """Product; computed in `dtype` if one is named.

    >>> from hornbook import ops
    >>> ops.prod([[1, 2], [3, 4]], axis=1).numpy()
    array([ 2, 12], dtype=int32)
    """
    return backend.prod(x if dtype is None else backend.cast(x, dtype), axis, keepdims)


@op(rules.float_reduction)
def mean(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """Arithmetic mean; that of half-precision numbers is summed in float32.

    >>> from hornbook import ops
    >>> ops.mean([[1.0, 2.0], [3.0, 4.0]], axis=0).numpy()
    array([2., 3.], dtype=float32)
    """
    return backend.mean(x, axis, keepdims)


@op(rules.spread_reduction)
def var(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """Variance: the mean of |x - mean(x)|**2.

    >>> from hornbook import ops
    >>> float(ops.var([1.0, 2.0, 3.0, 4.0]))
    1.25
    """
    return backend.var(x, axis, keepdims)


@op(rules.spread_reduction)
def std(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """Standard deviation: the root of the variance.

    >>> from hornbook import ops
    >>> float(ops.std([1.0, 1.0, 3.0, 3.0]))
    1.0
    """
    return backend.std(x, axis, keepdims)


@op
def average(x: Any, axis: Axis = None, weights: Any = None) -> Any:
    """Weighted mean: sum(weights * x) / sum(weights).

    Args:
        weights: of the shape of x, or one for each place along `axis`; all equal if None.

    >>> from hornbook import ops
    >>> float(ops.average([1.0, 2.0, 3.0], weights=[1, 1, 2]))
    2.25
    """
    if weights is None:
        return backend.mean(x, axis)
    x, weights = backend.as_float(x), backend.convert_to_tensor(weights)
    dtype = rules.common_dtype(x, weights, least=float)
    x, weights = backend.cast(x, dtype), backend.cast(weights, dtype)
    if len(weights.shape) != len(x.shape):
        if not isinstance(axis, int):
            raise ValueError(f"weights of shape {tuple(weights.shape)} for x of shape {tuple(x.shape)} need an axis.")
        weights = backend.reshape(weights, [-1 if i == axis % len(x.shape) else 1 for i in range(len(x.shape))])
    weights = backend.add(weights, backend.zeros_like(x))
    return backend.divide(backend.sum(backend.multiply(x, weights), axis), backend.sum(weights, axis))


@op
def trace(x: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    """Sum along a diagonal.

    >>> from hornbook import ops
    >>> int(ops.trace([[1, 2], [3, 4]]))
    5
    """
    return backend.sum(backend.diagonal(x, offset, axis1, axis2), -1)


@op(rules.index_reduction)
def count_nonzero(x: Any, axis: Axis = None) -> Any:
    """How many elements are not 0, as int32.

    >>> from hornbook import ops
    >>> ops.count_nonzero([[1, 0], [2, 3]], axis=0).numpy()
    array([2, 1], dtype=int32)
    """
    return backend.sum(backend.cast(backend.not_equal(x, 0), "int32"), axis)


# ---------------------------------------------------------------------------------------------------------------- Truth


@op(rules.boolean_reduction)
def all(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """Whether every element is true (not 0).

    >>> from hornbook import ops
    >>> ops.all([[True, False], [True, True]], axis=1).numpy()
    array([False,  True])
    """
    return backend.all(x, axis, keepdims)


@op(rules.boolean_reduction)
def any(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """Whether at least one element is true (not 0).

    >>> from hornbook import ops
    >>> ops.any([[False, False], [False, True]], axis=1).numpy()
    array([False,  True])
    """
    return backend.any(x, axis, keepdims)


# ------------------------------------------------------------------------------------------------------------- Extremes


@op(rules.reduction)
def max(x: Any, axis: Axis = None, keepdims: bool = False, initial: Any = None) -> Any:
    """The largest element, and not less than `initial`.

    Raises:
        ValueError: for no elements at all and no `initial`.

    >>> from hornbook import ops
    >>> ops.max([[1, 5], [3, 2]], axis=1).numpy()
    array([5, 3], dtype=int32)
    """
    return backend.max(x, axis, keepdims, initial)


@op(rules.reduction)
def min(x: Any, axis: Axis = None, keepdims: bool = False, initial: Any = None) -> Any:
    """The smallest element, and not more than `initial`.

    Raises:
        ValueError: for no elements at all and no `initial`.

    >>> from hornbook import ops
    >>> ops.min([[1, 5], [3, 2]], axis=1).numpy()
    array([1, 2], dtype=int32)
    """
    return backend.min(x, axis, keepdims, initial)


@op(rules.reduction)
def amax(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """The largest element, as `max`.

    >>> from hornbook import ops
    >>> int(ops.amax([1, 5, 3]))
    5
    """
    return backend.max(x, axis, keepdims)


@op(rules.reduction)
def amin(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """The smallest element, as `min`.

    >>> from hornbook import ops
    >>> int(ops.amin([1, 5, 3]))
    1
    """
    return backend.min(x, axis, keepdims)


@op(rules.reduction)
def ptp(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """From peak to peak: max - min.

    >>> from hornbook import ops
    >>> int(ops.ptp([1, 5, 3]))
    4
    """
    return backend.subtract(backend.max(x, axis, keepdims), backend.min(x, axis, keepdims))


@op(rules.index_reduction)
def argmax(x: Any, axis: int | None = None, keepdims: bool = False) -> Any:
    """Where the largest element stands, as int32; without an axis, in the flattened array.

    >>> from hornbook import ops
    >>> ops.argmax([[1, 5], [3, 2]], axis=1).numpy()
    array([1, 0], dtype=int32)
    """
    return backend.argmax(x, axis, keepdims)


@op(rules.index_reduction)
def argmin(x: Any, axis: int | None = None, keepdims: bool = False) -> Any:
    """Where the smallest element stands, as int32; without an axis, in the flattened array.

    >>> from hornbook import ops
    >>> ops.argmin([[1, 5], [3, 2]], axis=1).numpy()
    array([0, 1], dtype=int32)
    """
    return backend.argmin(x, axis, keepdims)


@op(rules.float_reduction)
def logsumexp(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """log(sum(exp(x))), with no overflow.

    >>> from hornbook import ops
    >>> round(float(ops.logsumexp([1000.0, 1000.0])), 3)
    1000.693
    """
    return backend.logsumexp(x, axis, keepdims)


# ------------------------------------------------------------------------------------------------------------ Quantiles


@op(rules.float_reduction)
def median(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """The number in the middle, or the mean of the two there.

    >>> from hornbook import ops
    >>> float(ops.median([1.0, 9.0, 2.0, 4.0]))
    3.0
    """
    return _quantile(x, 0.5, axis, "linear", keepdims, skip_nan=False)


@op
def quantile(x: Any, q: Any, axis: Axis = None, method: str = "linear", keepdims: bool = False) -> Any:
    """The numbers below which a fraction q of the elements lies.

    Args:
        q: a fraction from 0 to 1 or an array of them, whose axes come first in the result.
        method: between two elements, "linear" interpolates; or take the "lower", "higher", "nearest" or "midpoint".

    >>> from hornbook import ops
    >>> ops.quantile([1.0, 2.0, 3.0, 4.0], [0.25, 0.5]).numpy()
    array([1.75, 2.5 ], dtype=float32)
    """
    return _quantile(x, q, axis, method, keepdims, skip_nan=False)


def _quantile(x: Any, q: Any, axis: Axis, method: str, keepdims: bool, skip_nan: bool) -> Any:
    if method not in ("linear", "lower", "higher", "nearest", "midpoint"):
        raise ValueError(
            f"method must be 'linear', 'lower', 'higher', 'nearest' or 'midpoint' between two elements, got {method!r}."
        )
    x = backend.as_float(x)
    q = backend.cast(backend.convert_to_tensor(q), x.dtype)
    rank = len(x.shape)
    axes = range(rank) if axis is None else [axis] if isinstance(axis, int) else axis
    axes = sorted({rules.canonical_axis(a, rank) for a in axes})
    kept = [i for i in range(rank) if i not in axes]
    sizes = backend.shape(x)
    rows = backend.reshape(backend.transpose(x, kept + axes), [sizes[i] for i in kept] + [_product(sizes, axes)])

    # Sorted with NaN at the end, the element at q lies at q * (count - 1).
    absent = backend.isnan(rows)
    ranked = backend.sort(backend.where(absent, math.inf, rows), axis=-1)
    count = backend.sum(backend.cast(backend.logical_not(absent), "int32"), -1, True)  # (..., 1)
    last = backend.cast(backend.maximum(backend.subtract(count, 1), 0), x.dtype)
    place = backend.multiply(last, backend.reshape(q, (-1,)))  # (..., fractions)
    low, high = backend.floor(place), backend.ceil(place)
    if method == "nearest":
        low = high = backend.round(place)
    below, above = (backend.take_along_axis(ranked, backend.cast(i, "int32"), -1) for i in (low, high))
    if method == "linear":
        share = backend.subtract(place, low)
        found = backend.add(backend.multiply(below, backend.subtract(1, share)), backend.multiply(above, share))
    elif method == "midpoint":
        found = backend.multiply(backend.add(below, above), 0.5)
    else:
        found = above if method == "higher" else below
    broken = backend.equal(count, 0) if skip_nan else backend.any(absent, -1, True)
    found = backend.moveaxis(backend.where(broken, math.nan, found), -1, 0)
    shape = [1 if i in axes else sizes[i] for i in range(rank) if keepdims or i not in axes]
    return backend.reshape(found, [*backend.shape(q), *shape])


def _product(sizes: Sequence, axes: Sequence[int]) -> Any:
    chosen = [sizes[a] for a in axes]
    return math.prod(chosen) if builtins.all(isinstance(size, int) for size in chosen) else -1


@op
def percentile(x: Any, q: Any, axis: Axis = None, method: str = "linear", keepdims: bool = False) -> Any:
    """The numbers below which q percent of the elements lie, as `quantile` at q / 100.

    >>> from hornbook import ops
    >>> float(ops.percentile([1.0, 2.0, 3.0], 50))
    2.0
    """
    return _quantile(x, backend.divide(backend.as_float(q), 100), axis, method, keepdims, skip_nan=False)


# ------------------------------------------------------------------------------------------------------- Running totals


@op(rules.accumulation)
def cumsum(x: Any, axis: int | None = None, dtype: Any = None) -> Any:
    """Running sum along `axis`, or of the flattened array.

    >>> from hornbook import ops
    >>> ops.cumsum([1, 2, 3]).numpy()
    array([1, 3, 6], dtype=int32)
    """
    return backend.cumsum(x, axis, dtype)


@op(rules.accumulation)
def cumprod(x: Any, axis: int | None = None, dtype: Any = None) -> Any:
    """Running product along `axis`, or of the flattened array.

    >>> from hornbook import ops
    >>> ops.cumprod([1, 2, 3]).numpy()
    array([1, 2, 6], dtype=int32)
    """
    return backend.cumprod(x, axis, dtype)


@op
def diff(a: Any, n: int = 1, axis: int = -1) -> Any:
    """Differences of neighbours: a[i + 1] - a[i], taken n times.

    >>> from hornbook import ops
    >>> ops.diff([1, 4, 9, 16]).numpy()
    array([3, 5, 7], dtype=int32)
    """
    a = backend.convert_to_tensor(a)
    before = (slice(None),) * rules.canonical_axis(axis, len(a.shape))
    for _ in range(n):
        right, left = backend.get_item(a, (*before, slice(1, None))), backend.get_item(a, (*before, slice(None, -1)))
        a = backend.logical_xor(right, left) if rules.dtype_of(a) == "bool" else backend.subtract(right, left)
    return a


@op
def trapezoid(y: Any, x: Any = None, dx: Any = 1.0, axis: int = -1) -> Any:
    """Integral by the trapezoidal rule: sum of (y[i] + y[i + 1]) / 2 * (x[i + 1] - x[i]).

    Args:
        x: the places of the samples; `dx` apart if None.

    >>> from hornbook import ops
    >>> float(ops.trapezoid([1.0, 2.0, 3.0], dx=2.0))
    8.0
    """
    y = backend.as_float(y)
    axis = rules.canonical_axis(axis, len(y.shape))
    before = (slice(None),) * axis
    width = dx
    if x is not None:
        width = diff(x, axis=axis if len(backend.convert_to_tensor(x).shape) > 1 else 0)
        if len(width.shape) == 1:
            width = backend.reshape(width, [-1 if i == axis else 1 for i in range(len(y.shape))])
    ends = backend.add(backend.get_item(y, (*before, slice(1, None))), backend.get_item(y, (*before, slice(None, -1))))
    return backend.sum(backend.multiply(backend.multiply(ends, width), 0.5), axis)


# --------------------------------------------------------------------------------------------------------------- Counts


@op
def bincount(x: Any, weights: Any = None, minlength: int = 0, sparse: bool = False) -> Any:
    """How often each integer from 0 comes, or the sum of its weights.

    Args:
        x: integers not below 0, (n,), or (batch, n) to count each row.
        minlength: least number of counts.
        sparse: give a sparse tensor.

    >>> from hornbook import ops
    >>> ops.bincount([1, 2, 2, 5]).numpy()
    array([0, 1, 2, 0, 0, 1], dtype=int32)
    """
    return backend.bincount(x, weights, minlength, sparse)


@op
def histogram(x: Any, bins: int = 10, range: Any = None) -> tuple:
    """How many elements fall between neighbouring edges, the last one included: (counts, edges).

    Args:
        bins: number of counts, all equally wide.
        range: (lowest, highest) edge; the smallest and largest element if None.

    >>> from hornbook import ops
    >>> counts, edges = ops.histogram([1.0, 2.0, 3.0, 9.0], bins=4)
    >>> counts.numpy(), edges.numpy()
    (array([2., 1., 0., 1.], dtype=float32), array([1., 3., 5., 7., 9.], dtype=float32))
    """
    if not isinstance(bins, int) or bins < 1:
        raise ValueError(f"bins of histogram must be a positive integer, got {bins!r}.")
    dtype = rules.dtype_name(backend.convert_to_tensor(x))
    x = backend.ravel(backend.as_float(x))
    low, high = (
        (backend.min(x), backend.max(x)) if range is None else (backend.as_float(range[0]), backend.as_float(range[1]))
    )
    flat = backend.cast(backend.equal(low, high), low.dtype)  # one value: put it in the middle
    low, high = backend.subtract(low, backend.multiply(flat, 0.5)), backend.add(high, backend.multiply(flat, 0.5))
    edges = backend.linspace(low, high, bins + 1, dtype=x.dtype)
    place = backend.subtract(backend.searchsorted(edges, x, side="right"), 1)
    place = backend.where(backend.equal(x, high), bins - 1, place)
    inside = backend.logical_and(backend.greater_equal(x, low), backend.less_equal(x, high))
    counts = backend.bincount(backend.where(inside, place, bins), minlength=bins + 1)
    counts = backend.reshape(backend.get_item(counts, slice(0, bins)), (bins,))
    return backend.cast(counts, dtype), edges


# ------------------------------------------------------------------------------------------------------------- Segments


@op
def segment_sum(data: Any, segment_ids: Any, num_segments: int | None = None, sorted: bool = False) -> Any:
    """Sum of the rows of each segment.

    Args:
        data: (n, ...).
        segment_ids: integers, (n,): the segment of each row.
        num_segments: number of segments; the highest id and one if None.
        sorted: a promise that the ids rise; not needed.

    >>> from hornbook import ops
    >>> ops.segment_sum([1, 2, 3], [0, 0, 1]).numpy()
    array([3, 3], dtype=int32)
    """
    return backend.segment_sum(data, segment_ids, num_segments, sorted)


@op
def segment_prod(data: Any, segment_ids: Any, num_segments: int | None = None, sorted: bool = False) -> Any:
    """Product of the rows of each segment.

    Args:
        data: (n, ...).
        segment_ids: integers, (n,): the segment of each row.
        num_segments: number of segments; the highest id and one if None.
        sorted: a promise that the ids rise; not needed.

    >>> from hornbook import ops
    >>> ops.segment_prod([1, 2, 3], [0, 0, 1]).numpy()
    array([2, 3], dtype=int32)
    """
    return backend.segment_prod(data, segment_ids, num_segments, sorted)


@op
def segment_max(data: Any, segment_ids: Any, num_segments: int | None = None, sorted: bool = False) -> Any:
    """The largest element of each segment.

    Args:
        data: (n, ...).
        segment_ids: integers, (n,): the segment of each row.
        num_segments: number of segments; the highest id and one if None.
        sorted: a promise that the ids rise; not needed.

    >>> from hornbook import ops
    >>> ops.segment_max([1, 2, 3], [0, 0, 1]).numpy()
    array([2, 3], dtype=int32)
    """
    return backend.segment_max(data, segment_ids, num_segments, sorted)


@op
def segment_min(data: Any, segment_ids: Any, num_segments: int | None = None, sorted: bool = False) -> Any:
    """The smallest element of each segment.

    Args:
        data: (n, ...).
        segment_ids: integers, (n,): the segment of each row.
        num_segments: number of segments; the highest id and one if None.
        sorted: a promise that the ids rise; not needed.

    >>> from hornbook import ops
    >>> ops.segment_min([1, 2, 3], [0, 0, 1]).numpy()
    array([1, 3], dtype=int32)
    """
    return backend.segment_min(data, segment_ids, num_segments, sorted)


# ---------------------------------------------------------------------------------------- Reductions that pass over NaN


@op(rules.sum_reduction)
def nansum(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """Sum of the elements that are numbers.

    >>> from hornbook import ops
    >>> float(ops.nansum([1.0, float("nan"), 2.0]))
    3.0
    """
    return backend.sum(_filled(x, 0), axis, keepdims)


def _filled(x: Any, value: Any) -> Any:
    x = backend.convert_to_tensor(x)
    return backend.where(backend.isnan(x), value, x) if backend.is_float_dtype(x.dtype) else x


def _present(x: Any, axis: Any, keepdims: bool) -> Any:
    return backend.sum(backend.cast(backend.logical_not(backend.isnan(x)), "int32"), axis, keepdims)


@op(rules.sum_reduction)
def nanprod(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """Product of the elements that are numbers.

    >>> from hornbook import ops
    >>> float(ops.nanprod([3.0, float("nan"), 2.0]))
    6.0
    """
    return backend.prod(_filled(x, 1), axis, keepdims)


@op(rules.accumulation)
def nancumsum(x: Any, axis: int | None = None, dtype: Any = None) -> Any:
    """Running sum that counts NaN as 0.

    >>> from hornbook import ops
    >>> ops.nancumsum([1.0, float("nan"), 2.0]).numpy()
    array([1., 1., 3.], dtype=float32)
    """
    return backend.cumsum(_filled(x, 0), axis, dtype)


@op(rules.accumulation)
def nancumprod(x: Any, axis: int | None = None, dtype: Any = None) -> Any:
    """Running product that counts NaN as 1.

    >>> from hornbook import ops
    >>> ops.nancumprod([3.0, float("nan"), 2.0]).numpy()
    array([3., 3., 6.], dtype=float32)
    """
    return backend.cumprod(_filled(x, 1), axis, dtype)


@op(rules.reduction)
def nanmax(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """The largest number; NaN where there is none.

    >>> from hornbook import ops
    >>> float(ops.nanmax([1.0, float("nan"), 2.0]))
    2.0
    """
    return _extreme_number(x, axis, keepdims, backend.max, -math.inf)


def _extreme_number(x: Any, axis: Any, keepdims: bool, reduce: Any, start: float) -> Any:
    x = backend.convert_to_tensor(x)
    found = reduce(_filled(x, start), axis, keepdims)
    if not backend.is_float_dtype(x.dtype):
        return found
    return backend.where(backend.equal(_present(x, axis, keepdims), 0), math.nan, found)


@op(rules.reduction)
def nanmin(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """The smallest number; NaN where there is none.

    >>> from hornbook import ops
    >>> float(ops.nanmin([1.0, float("nan"), 2.0]))
    1.0
    """
    return _extreme_number(x, axis, keepdims, backend.min, math.inf)


@op(rules.index_reduction)
def nanargmax(x: Any, axis: int | None = None, keepdims: bool = False) -> Any:
    """Where the largest number stands; -1 where there is none.

    >>> from hornbook import ops
    >>> int(ops.nanargmax([1.0, float("nan"), 2.0]))
    2
    """
    place = backend.argmax(_filled(x, -math.inf), axis, keepdims)
    return backend.where(backend.equal(_present(x, axis, keepdims), 0), -1, place)


@op(rules.index_reduction)
def nanargmin(x: Any, axis: int | None = None, keepdims: bool = False) -> Any:
    """Where the smallest number stands; -1 where there is none.

    >>> from hornbook import ops
    >>> int(ops.nanargmin([1.0, float("nan"), 2.0]))
    0
    """
    place = backend.argmin(_filled(x, math.inf), axis, keepdims)
    return backend.where(backend.equal(_present(x, axis, keepdims), 0), -1, place)


@op(rules.float_reduction)
def nanmean(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """Mean of the elements that are numbers; NaN where there is none.

    >>> from hornbook import ops
    >>> float(ops.nanmean([1.0, float("nan"), 2.0]))
    1.5
    """
    x = backend.as_float(x)
    wide = backend.cast(x, "float32") if rules.dtype_of(x) in ("float16", "bfloat16") else x
    total = backend.sum(_filled(wide, 0), axis, keepdims)
    return backend.cast(backend.divide(total, backend.cast(_present(x, axis, keepdims), wide.dtype)), x.dtype)


@op(rules.float_reduction)
def nanvar(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """Variance of the elements that are numbers; NaN where there is none.

    >>> from hornbook import ops
    >>> float(ops.nanvar([1.0, float("nan"), 3.0]))
    1.0
    """
    x = backend.as_float(x)
    wide = backend.cast(x, "float32") if rules.dtype_of(x) in ("float16", "bfloat16") else x
    deviation = backend.subtract(wide, nanmean(wide, axis, True))
    return backend.cast(nanmean(backend.square(deviation), axis, keepdims), x.dtype)


@op(rules.float_reduction)
def nanstd(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """Standard deviation of the elements that are numbers; NaN where there is none.

    >>> from hornbook import ops
    >>> float(ops.nanstd([1.0, float("nan"), 3.0]))
    1.0
    """
    return backend.sqrt(nanvar(x, axis, keepdims))


@op(rules.float_reduction)
def nanmedian(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """Median of the elements that are numbers; NaN where there is none.

    >>> from hornbook import ops
    >>> float(ops.nanmedian([1.0, float("nan"), 3.0]))
    2.0
    """
    return _quantile(x, 0.5, axis, "linear", keepdims, skip_nan=True)


@op
def nanquantile(x: Any, q: Any, axis: Axis = None, method: str = "linear", keepdims: bool = False) -> Any:
    """Quantiles, as `quantile`, of the elements that are numbers.

    >>> from hornbook import ops
    >>> float(ops.nanquantile([1.0, float("nan"), 3.0], 0.5))
    2.0
    """
    return _quantile(x, q, axis, method, keepdims, skip_nan=True)


@op
def nanpercentile(x: Any, q: Any, axis: Axis = None, method: str = "linear", keepdims: bool = False) -> Any:
    """Percentiles, as `percentile`, of the elements that are numbers.

    >>> from hornbook import ops
    >>> float(ops.nanpercentile([1.0, float("nan"), 3.0], 50))
    2.0
    """
    return _quantile(x, backend.divide(backend.as_float(q), 100), axis, method, keepdims, skip_nan=True)
