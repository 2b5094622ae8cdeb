"""Declared output rules: the shape and dtype of an op's output, in words, where tracing the body would say the same.

Tracing costs milliseconds; the ops that models are made of declare their rule with `@op(rules.broadcast)`. A rule takes
the arguments by name, KerasTensors among them, and gives the `Spec` of the output. Each is tested against tracing.
"""

import math
import operator
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from hornbook import backend
from hornbook.backend.config import floatx, is_float_dtype, standardize_dtype
from hornbook.backend.dtypes import result_type
from hornbook.core.spec import MAX_AXES, Spec

Arguments = dict[str, Any]


class OutputRule:
    """A function of an op's arguments, by name, that gives the `Spec` of its output; made by decorating it."""

    def __init__(self, function: Callable[[Arguments], Any]) -> None:
        self.function = function
        self.__doc__ = function.__doc__

    def __call__(self, arguments: Arguments) -> Any:
        return self.function(arguments)


# ---------------------------------------------------------------------------------------------------- shapes and dtypes
def shape_of(x: Any) -> tuple:
    """The shape of a tensor (symbolic or not), an array, a number or a nested list of these."""
    if hasattr(x, "shape"):
        return tuple(x.shape)
    return (len(x), *(shape_of(x[0]) if len(x) else ())) if isinstance(x, list | tuple) else ()


def dtype_of(x: Any) -> Any:
    """The name of the dtype; for a Python number its type, which promotion treats as weak."""
    if hasattr(x, "dtype"):
        return standardize_dtype(x.dtype)
    if isinstance(x, list | tuple):
        return result_type(*[dtype_of(item) for item in x])
    return type(x)


def common_dtype(*xs: Any, least: Any = None) -> str:
    """The dtype in which arguments meet."""
    kinds = [dtype_of(x) for x in xs]
    if least is None and len(set(kinds)) == 1 and isinstance(kinds[0], str):
        return kinds[0]
    return result_type(*kinds, *([] if least is None else [least]))


def float_dtype(dtype: Any) -> str:
    """What the float functions give for a dtype: itself if it has fractions, else `floatx()`."""
    name = standardize_dtype(dtype)
    return name if is_float_dtype(name) or name.startswith("complex") else floatx()


def _real_dtype(dtype: Any) -> str:
    name = standardize_dtype(dtype)
    return {"complex64": "float32", "complex128": "float64"}.get(name, name)


def _number_dtype(dtype: Any) -> str:
    name = standardize_dtype(dtype)
    return "int32" if name == "bool" else name


def _sum_dtype(dtype: Any) -> str:
    name = standardize_dtype(dtype)
    return {"bool": "int32", "int8": "int32", "int16": "int32", "uint8": "uint32", "uint16": "uint32"}.get(name, name)


def canonical_axis(axis: Any, rank: int) -> int:
    """An axis counted from the front.

    Raises:
        ValueError: where there is no such axis.
    """
    axis = operator.index(axis)
    if not -rank <= axis < rank:
        raise ValueError(f"axis={axis} does not exist in a shape of {rank} dimensions; use -{rank} to {rank - 1}.")
    return axis % rank


def _canonical_axes(axis: Any, rank: int) -> set[int]:
    """An axis, or several, counted from the front; none for None."""
    axes = () if axis is None else axis if isinstance(axis, list | tuple) else [axis]
    return {canonical_axis(a, rank) for a in axes}


def broadcast_shapes(*shapes: Sequence) -> tuple:
    """The shape to which shapes broadcast; None is a size not known yet.

    >>> from hornbook.core.rules import broadcast_shapes
    >>> broadcast_shapes((None, 1, 4), (3, 1))
    (None, 3, 4)

    Raises:
        ValueError: for sizes that differ where none of them is 1.
    """
    rank = max(map(len, shapes), default=0)
    result = []
    for sizes in zip(*[(1,) * (rank - len(shape)) + tuple(shape) for shape in shapes], strict=True):
        known = {size for size in sizes if size not in (None, 1)}
        if len(known) > 1:
            raise ValueError(
                f"shapes {' and '.join(str(tuple(shape)) for shape in shapes)} do not broadcast: seen from the right, "
                f"sizes must be equal or one of them 1, but there are {' and '.join(map(str, sorted(known)))}. "
                "Reshape one of them, or add axes of size 1 with expand_dims."
            )
        result.append(known.pop() if known else None if None in sizes else 1)
    return tuple(result)


def _first(arguments: Arguments) -> Any:
    return next(iter(arguments.values()))


def _ragged(*xs: Any) -> bool:
    return any(getattr(x, "ragged", False) for x in xs)


# ---------------------------------------------------------------------------------------------------------- elementwise
def _like(dtype_rule: Callable) -> OutputRule:
    @OutputRule
    def rule(arguments: Arguments) -> Spec:
        x = _first(arguments)
        shape = shape_of(x)
        _canonical_axes(arguments.get("axis"), len(shape))
        return Spec(shape, dtype_rule(dtype_of(x)), ragged=_ragged(x))

    return rule


def _constant(dtype: str) -> Callable:
    return lambda _: dtype


like_first = _like(standardize_dtype)
like_first.__doc__ = "Shape and dtype of the first argument."
number_like_first = _like(_number_dtype)
float_like_first = _like(float_dtype)
real_like_first = _like(_real_dtype)
boolean_like_first = _like(_constant("bool"))


@OutputRule
def filled_like_first(arguments: Arguments) -> Spec:
    """Shape of the first argument; dtype as the argument `dtype` says, else that of the first."""
    x = _first(arguments)
    dtype = arguments.get("dtype")
    return Spec(shape_of(x), standardize_dtype(dtype_of(x) if dtype is None else dtype))


@OutputRule
def cast(arguments: Arguments) -> Spec:
    """Shape of the first argument, dtype as the argument `dtype` says."""
    return Spec(shape_of(_first(arguments)), standardize_dtype(arguments["dtype"]))


def _broadcast(least: Any = None, dtype: str | None = None) -> OutputRule:
    @OutputRule
    def rule(arguments: Arguments) -> Spec:
        x1, x2 = list(arguments.values())[:2]
        shape = broadcast_shapes(shape_of(x1), shape_of(x2))
        return Spec(shape, dtype or common_dtype(x1, x2, least=least), ragged=_ragged(x1, x2))

    return rule


broadcast = _broadcast()
broadcast.__doc__ = "The first two arguments, broadcast against each other, in the dtype where they meet."
number_broadcast = _broadcast(least=int)
float_broadcast = _broadcast(least=float)
boolean = _broadcast(dtype="bool")


@OutputRule
def where(arguments: Arguments) -> Any:
    """Of three arguments that broadcast, the dtype in which the last two meet."""
    condition, x1, x2 = (arguments[name] for name in ("condition", "x1", "x2"))
    if x1 is None or x2 is None:
        return tuple(Spec((None,), "int32") for _ in shape_of(condition))
    return Spec(broadcast_shapes(shape_of(condition), shape_of(x1), shape_of(x2)), common_dtype(x1, x2))


@OutputRule
def clip(arguments: Arguments) -> Spec:
    """Shape of x; its dtype, unless that is an integer one and a bound is not."""
    x, low, high = (arguments[name] for name in ("x", "x_min", "x_max"))
    dtype = _number_dtype(dtype_of(x))
    shape = broadcast_shapes(shape_of(x), shape_of(low), shape_of(high))
    return Spec(shape, dtype if dtype == float_dtype(dtype) else result_type(dtype, dtype_of(low), dtype_of(high)))


# ----------------------------------------------------------------------------------------------------------- reductions
def reduced_shape(shape: Sequence, axis: Any, keepdims: bool) -> tuple:
    """A shape without the axes reduced over (None: all), or with size 1 in their place."""
    rank = len(shape)
    gone = range(rank) if axis is None else _canonical_axes(axis, rank)
    return tuple([1 if i in gone else size for i, size in enumerate(shape) if keepdims or i not in gone])


def _reduction(dtype_rule: Callable) -> OutputRule:
    @OutputRule
    def rule(arguments: Arguments) -> Spec:
        x = _first(arguments)
        shape = reduced_shape(shape_of(x), arguments.get("axis"), arguments.get("keepdims", False))
        return Spec(shape, dtype_rule(dtype_of(x)))

    return rule


reduction = _reduction(standardize_dtype)
reduction.__doc__ = "The first argument without the axes named by `axis`, in its dtype."
sum_reduction = _reduction(_sum_dtype)
float_reduction = _reduction(float_dtype)
spread_reduction = _reduction(lambda dtype: _real_dtype(float_dtype(dtype)))
boolean_reduction = _reduction(_constant("bool"))
index_reduction = _reduction(_constant("int32"))


def _along(dtype_rule: Callable) -> OutputRule:
    @OutputRule
    def rule(arguments: Arguments) -> Spec:
        x, dtype = _first(arguments), arguments.get("dtype")
        shape = shape_of(x) if arguments["axis"] is not None else flat_shape(shape_of(x))
        _canonical_axes(arguments["axis"], len(shape))
        return Spec(shape, dtype_rule(dtype_of(x) if dtype is None else dtype))

    return rule


def flat_shape(shape: Sequence) -> tuple:
    """One axis with everything in it."""
    return (None if None in shape else math.prod(shape),)


sorting = _along(standardize_dtype)
sorting.__doc__ = "Shape and dtype of the first argument, flattened if no axis is named."
index_sorting = _along(_constant("int32"))
accumulation = _along(_number_dtype)


# ------------------------------------------------------------------------------------------------------------- products
def _product_dtype(*xs: Any) -> str:
    dtype = common_dtype(*xs)
    return "int32" if dtype == "int8" else dtype


@OutputRule
def matmul(arguments: Arguments) -> Spec:
    """(..., n, k) x (..., k, m) -> (..., n, m); a vector stands for a row on the left, for a column on the right."""
    x1, x2 = arguments["x1"], arguments["x2"]
    left, right = shape_of(x1), shape_of(x2)
    if not left or not right:
        raise ValueError(f"matrix products need at least one dimension, got shapes {left} and {right}; use multiply.")
    rows = left if len(left) > 1 else (1, *left)
    columns = right if len(right) > 1 else (*right, 1)
    inner = {rows[-1], columns[-2]} - {None}
    if len(inner) > 1:
        raise ValueError(
            f"shapes {left} and {right} cannot be multiplied as matrices: the last axis of the first has size "
            f"{rows[-1]}, the last but one of the second {columns[-2]}. Transpose or reshape one of them."
        )
    shape = broadcast_shapes(rows[:-2], columns[:-2])
    shape += (rows[-2],) if len(left) > 1 else ()
    shape += (columns[-1],) if len(right) > 1 else ()
    return Spec(shape, _product_dtype(x1, x2))


@OutputRule
def einsum(arguments: Arguments) -> Spec:
    """Sizes found by their letters; axes under an ellipsis broadcast."""
    operands = arguments["operands"]
    terms, _, output = arguments["subscripts"].replace(" ", "").partition("->")
    sizes: dict[str, Any] = {}
    ellipses = []
    inputs = terms.split(",")
    if len(inputs) != len(operands):
        raise ValueError(f"{arguments['subscripts']!r} names {len(inputs)} arrays, but {len(operands)} were given.")
    for term, x in zip(inputs, operands, strict=True):
        before, dots, after = term.partition("...")
        shape = shape_of(x)
        hidden = len(shape) - len(before) - len(after)
        if hidden < 0 or (hidden and not dots):
            raise ValueError(f"{term!r} in {arguments['subscripts']!r} does not fit an array of shape {shape}.")
        ellipses.append(shape[len(before) : len(before) + hidden])
        for letter, size in zip(before + after, shape[: len(before)] + shape[len(before) + hidden :], strict=True):
            known = {sizes.get(letter), size} - {None, 1}
            if len(known) > 1:
                raise ValueError(
                    f"axis {letter!r} of {arguments['subscripts']!r} has sizes {' and '.join(map(str, known))}, which "
                    f"must be equal, in arrays of shapes {', '.join(str(shape_of(operand)) for operand in operands)}."
                )
            sizes[letter] = known.pop() if known else None if None in (size, sizes.get(letter, 1)) else 1
    if "->" not in arguments["subscripts"]:
        letters = terms.replace(",", "").replace(".", "")
        output = "..." * ("..." in terms) + "".join(sorted(set(letters), key=str))
        output = "".join(c for c in output if c == "." or letters.count(c) == 1)
    before, dots, after = output.partition("...")
    shape = [sizes[c] for c in before] + list(broadcast_shapes(*ellipses) if dots else ()) + [sizes[c] for c in after]
    return Spec(tuple(shape), _product_dtype(*operands))


# --------------------------------------------------------------------------------------------------------------- shapes
@OutputRule
def reshape(arguments: Arguments) -> Spec:
    """`newshape`, where one -1 stands for what is left over."""
    x = arguments["x"]
    old, new = shape_of(x), arguments["newshape"]
    new = [-1 if size is None else int(size) for size in ([new] if isinstance(new, int | np.integer) else new)]
    if len(new) > MAX_AXES:
        raise ValueError(f"newshape may have at most {MAX_AXES} axes, got {len(new):,}.")
    count = None if None in old else math.prod(old)
    if new.count(-1) > 1:
        raise ValueError(f"newshape may leave one size open with -1, got {tuple(new)}.")
    rest = math.prod(size for size in new if size != -1)
    if count is not None and (count % rest if rest and -1 in new else count != rest):
        raise ValueError(
            f"an array of shape {old} ({count} numbers) cannot take shape {tuple(new)}; "
            "the products of the sizes must agree, or one size be -1."
        )
    open_size = count // rest if count is not None and rest else None
    return Spec(tuple([open_size if size == -1 else size for size in new]), dtype_name(x))


def dtype_name(x: Any) -> str:
    """The name of a dtype that is no longer weak."""
    return standardize_dtype(dtype_of(x))


@OutputRule
def transpose(arguments: Arguments) -> Spec:
    """The sizes in the order of `axes`, reversed if None."""
    x, axes = arguments["x"], arguments["axes"]
    shape = shape_of(x)
    axes = range(len(shape))[::-1] if axes is None else [canonical_axis(a, len(shape)) for a in axes]
    if sorted(axes) != list(range(len(shape))):
        raise ValueError(
            f"axes={tuple(arguments['axes'])} must name each of the {len(shape)} axes of shape {shape} once."
        )
    return Spec(tuple([shape[a] for a in axes]), dtype_name(x))


@OutputRule
def swapaxes(arguments: Arguments) -> Spec:
    """Two sizes exchanged."""
    x = arguments["x"]
    shape = list(shape_of(x))
    a, b = (canonical_axis(arguments[name], len(shape)) for name in ("axis1", "axis2"))
    shape[a], shape[b] = shape[b], shape[a]
    return Spec(tuple(shape), dtype_name(x))


@OutputRule
def expand_dims(arguments: Arguments) -> Spec:
    """Sizes of 1 put in at `axis`."""
    x, axis = arguments["x"], arguments["axis"]
    axes = list(axis) if isinstance(axis, list | tuple) else [axis]
    shape = list(shape_of(x))
    rank = len(shape) + len(axes)
    for place in sorted(canonical_axis(a, rank) for a in axes):
        shape.insert(place, 1)
    return Spec(tuple(shape), dtype_name(x))


@OutputRule
def squeeze(arguments: Arguments) -> Spec:
    """Sizes of 1 taken out: all of them, or those at `axis`."""
    x, axis = arguments["x"], arguments["axis"]
    shape = shape_of(x)
    if axis is None:
        return Spec(tuple([size for size in shape if size != 1]), dtype_name(x))
    gone = _canonical_axes(axis, len(shape))
    for place in gone:
        if shape[place] not in (1, None):
            raise ValueError(f"axis {place} of shape {shape} has size {shape[place]}; only axes of size 1 can go.")
    return Spec(tuple([size for i, size in enumerate(shape) if i not in gone]), dtype_name(x))


@OutputRule
def broadcast_to(arguments: Arguments) -> Spec:
    """The shape asked for."""
    x, shape = arguments["x"], tuple(arguments["shape"])
    broadcast_shapes(shape_of(x), shape)
    return Spec(shape, dtype_name(x))


@OutputRule
def concatenate(arguments: Arguments) -> Spec:
    """The sizes along `axis` added up; all others must agree."""
    xs, axis = arguments["xs"], arguments["axis"]
    shapes = [shape_of(x) for x in xs]
    if axis is None:
        counts = [None if None in shape else math.prod(shape) for shape in shapes]
        return Spec((None if None in counts else sum(count or 0 for count in counts),), common_dtype(*xs))
    rank = len(shapes[0])
    axis = canonical_axis(axis, rank)
    result = []
    for i in range(rank):
        sizes = [shape[i] if len(shape) == rank else -1 for shape in shapes]
        known = {size for size in sizes if size is not None}
        if -1 in known or (i != axis and len(known) > 1):
            raise ValueError(
                f"arrays of shapes {', '.join(map(str, shapes))} cannot be joined along axis {axis}: "
                "they must have as many dimensions and, but for that axis, the same sizes."
            )
        if i == axis:
            result.append(None if None in sizes else sum(size or 0 for size in sizes))
        else:
            result.append(known.pop() if known else None)
    return Spec(tuple(result), common_dtype(*xs))


@OutputRule
def stack(arguments: Arguments) -> Spec:
    """A new axis whose size is the number of arrays."""
    xs, axis = arguments["x"], arguments["axis"]
    shapes = [shape_of(x) for x in xs]
    alike = len({len(shape) for shape in shapes}) == 1
    if not alike or any(len(set(sizes) - {None}) > 1 for sizes in zip(*shapes, strict=True)):
        raise ValueError(f"arrays of shapes {', '.join(map(str, shapes))} cannot be stacked: they must be the same.")
    shape = [next((size for size in sizes if size is not None), None) for sizes in zip(*shapes, strict=True)]
    shape.insert(canonical_axis(axis, len(shape) + 1), len(shapes))
    return Spec(tuple(shape), common_dtype(*xs))


@OutputRule
def moveaxis(arguments: Arguments) -> Spec:
    """Sizes taken out at `source` and put in at `destination`."""
    x = arguments["x"]
    shape = shape_of(x)
    places = []
    for name in ("source", "destination"):
        axes = arguments[name] if isinstance(arguments[name], list | tuple) else [arguments[name]]
        places.append([canonical_axis(a, len(shape)) for a in axes])
    if len(places[0]) != len(places[1]):
        raise ValueError(f"moveaxis needs as many sources as destinations, got {places[0]} and {places[1]}.")
    order = [a for a in range(len(shape)) if a not in places[0]]
    for target, moved in sorted(zip(places[1], places[0], strict=True)):
        order.insert(target, moved)
    return Spec(tuple([shape[a] for a in order]), dtype_name(x))


@OutputRule
def split(arguments: Arguments) -> list[Spec]:
    """The size along `axis` divided, or cut at the places named."""
    x, cuts, axis = arguments["x"], arguments["indices_or_sections"], arguments["axis"]
    shape = shape_of(x)
    axis = canonical_axis(axis, len(shape))
    size = shape[axis]
    if isinstance(cuts, int):
        if size is not None and size % cuts:
            raise ValueError(
                f"axis {axis} of shape {shape} cannot be split into {cuts} equal parts; "
                "use array_split, or give the indices where to split."
            )
        sizes = [None if size is None else size // cuts] * cuts
    elif size is None:
        sizes = [None] * (len(cuts) + 1)
    else:
        sizes = [len(range(size)[slice(a, b)]) for a, b in zip([0, *cuts], [*cuts, None], strict=True)]
    return [Spec(shape[:axis] + (part,) + shape[axis + 1 :], dtype_name(x)) for part in sizes]


@OutputRule
def pad(arguments: Arguments) -> Spec:
    """Each size and what is put before and after it."""
    x, width = arguments["x"], arguments["pad_width"]
    shape = shape_of(x)
    width = np.broadcast_to(np.asarray(width), (len(shape), 2)).sum(-1)
    return Spec(
        tuple([None if size is None else size + int(more) for size, more in zip(shape, width, strict=True)]),
        dtype_name(x),
    )


@OutputRule
def top_k(arguments: Arguments) -> tuple[Spec, Spec]:
    """The last size replaced by k: the elements and their indices."""
    x, k = arguments["x"], arguments["k"]
    shape = (*shape_of(x)[:-1], k)
    return Spec(shape, dtype_name(x)), Spec(shape, "int32")


@OutputRule
def take(arguments: Arguments) -> Spec:
    """The axis replaced by the shape of the indices."""
    x, indices, axis = arguments["x"], arguments["indices"], arguments["axis"]
    shape, chosen = shape_of(x), shape_of(indices)
    if axis is None:
        return Spec(chosen, dtype_name(x))
    axis = canonical_axis(axis, len(shape))
    return Spec(shape[:axis] + chosen + shape[axis + 1 :], dtype_name(x))


@OutputRule
def get_item(arguments: Arguments) -> Any:
    """Integers take an axis away, slices shorten it, None adds one; arrays of indices are traced."""
    x, key = arguments["x"], arguments["key"]
    keys = list(key) if isinstance(key, tuple) else [key]
    if not all(k is None or k is Ellipsis or type(k) is int or _plain_slice(k) for k in keys):
        key = tuple([_spec(k) for k in keys]) if isinstance(key, tuple) else _spec(key)
        return backend.infer(backend.get_item, (_spec(x), key))
    shape = shape_of(x)
    used = sum(1 for k in keys if k is not None and k is not Ellipsis)
    if used > len(shape):
        raise ValueError(f"{used} indices were given for a shape of {len(shape)} dimensions: {shape}.")
    place = next((i for i, k in enumerate(keys) if k is Ellipsis), len(keys))
    keys[place : place + 1] = [slice(None)] * (len(shape) - used)
    sizes, result = iter(shape), []
    for k in keys:
        if k is None:
            result.append(1)
            continue
        size = next(sizes)
        if type(k) is int:
            if size is not None and not -size <= k < size:
                raise ValueError(f"index {k} is outside an axis of size {size} of shape {shape}.")
        elif size is None:
            result.append(None if k.start or k.stop is not None or k.step not in (None, 1) else size)
        else:
            result.append(len(range(*k.indices(size))))
    return Spec(tuple(result), dtype_name(x))


def _plain_slice(key: Any) -> bool:
    return isinstance(key, slice) and all(part is None or type(part) is int for part in (key.start, key.stop, key.step))


def _spec(x: Any) -> Any:
    return Spec(shape_of(x), dtype_name(x)) if hasattr(x, "ragged") else x


@OutputRule
def flatten(arguments: Arguments) -> Spec:
    """One axis with everything in it."""
    x = _first(arguments)
    return Spec(flat_shape(shape_of(x)), dtype_name(x))
