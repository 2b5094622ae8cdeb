"""The same numbers in another arrangement: reshaped, turned, joined, cut, repeated."""

import math
from collections.abc import Sequence
from typing import Any

from hornbook import backend
from hornbook.core import rules
from hornbook.core.op import op

Axis = int | Sequence[int] | None

__all__ = [
    "append",
    "array_split",
    "broadcast_to",
    "concatenate",
    "dsplit",
    "dstack",
    "expand_dims",
    "flip",
    "fliplr",
    "flipud",
    "hsplit",
    "hstack",
    "moveaxis",
    "ndim",
    "pad",
    "ravel",
    "repeat",
    "reshape",
    "roll",
    "rot90",
    "size",
    "split",
    "squeeze",
    "stack",
    "swapaxes",
    "tile",
    "transpose",
    "view",
    "vsplit",
    "vstack",
]


# ----------------------------------------------------------------------------------------------------------------- Axes


@op(rules.reshape)
def reshape(x: Any, newshape: Any) -> Any:
    """The numbers of x, in the same order, in another shape; one size may be -1 and is then what is left over.

    >>> from hornbook import ops
    >>> ops.reshape([1, 2, 3, 4, 5, 6], (2, -1)).numpy()
    array([[1, 2, 3],
           [4, 5, 6]], dtype=int32)
    """
    if isinstance(newshape, list | tuple):
        newshape = [-1 if size is None else size for size in newshape]
    return backend.reshape(x, newshape)


@op(rules.flatten)
def ravel(x: Any) -> Any:
    """All numbers along one axis.

    >>> from hornbook import ops
    >>> ops.ravel([[1, 2], [3, 4]]).numpy()
    array([1, 2, 3, 4], dtype=int32)
    """
    return backend.ravel(x)


@op(rules.transpose)
def transpose(x: Any, axes: Sequence[int] | None = None) -> Any:
    """The axes in another order; reversed if None.

    >>> from hornbook import ops
    >>> ops.transpose([[1, 2, 3], [4, 5, 6]]).numpy()
    array([[1, 4],
           [2, 5],
           [3, 6]], dtype=int32)
    """
    return backend.transpose(x, axes)


@op(rules.swapaxes)
def swapaxes(x: Any, axis1: int, axis2: int) -> Any:
    """Two axes exchanged.

    >>> from hornbook import ops
    >>> tuple(ops.swapaxes([[1, 2, 3]], 0, 1).shape)
    (3, 1)
    """
    return backend.swapaxes(x, axis1, axis2)


@op(rules.moveaxis)
def moveaxis(x: Any, source: Any, destination: Any) -> Any:
    """Axes moved to other places, the rest staying in order.

    >>> from hornbook import ops
    >>> tuple(ops.moveaxis(ops.ones((2, 3, 4)), 0, -1).shape)
    (3, 4, 2)
    """
    return backend.moveaxis(x, source, destination)


@op(rules.expand_dims)
def expand_dims(x: Any, axis: Any) -> Any:
    """New axes of size 1, at the places `axis` of the result.

    >>> from hornbook import ops
    >>> tuple(ops.expand_dims([1, 2, 3], 0).shape)
    (1, 3)
    """
    return backend.expand_dims(x, axis)


@op(rules.squeeze)
def squeeze(x: Any, axis: Any = None) -> Any:
    """Without axes of size 1: all of them, or those named.

    >>> from hornbook import ops
    >>> tuple(ops.squeeze([[[1], [2]]]).shape)
    (2,)
    """
    return backend.squeeze(x, axis)


@op(rules.broadcast_to)
def broadcast_to(x: Any, shape: Any) -> Any:
    """Repeated along axes of size 1, and new ones in front, to fill `shape`.

    >>> from hornbook import ops
    >>> ops.broadcast_to([1, 2], (3, 2)).numpy()
    array([[1, 2],
           [1, 2],
           [1, 2]], dtype=int32)
    """
    return backend.broadcast_to(x, shape)


def ndim(x: Any) -> int:
    """The number of axes.

    >>> from hornbook import ops
    >>> ops.ndim([[1, 2], [3, 4]])
    2
    """
    return len(rules.shape_of(x))


@op
def size(x: Any) -> Any:
    """The number of elements, an int32 scalar.

    >>> from hornbook import ops
    >>> int(ops.size([[1, 2, 3], [4, 5, 6]]))
    6
    """
    sizes = backend.shape(x)
    if all(isinstance(size, int) for size in sizes):
        return backend.array(math.prod(sizes), "int32")
    return backend.size(x)


@op
def view(x: Any, dtype: Any = None) -> Any:
    """The same bytes read as another dtype; the last axis grows or shrinks with the width of the numbers.

    >>> from hornbook import ops
    >>> ops.view(ops.array([1.0], "float32"), "int32").numpy()
    array([1065353216], dtype=int32)
    """
    return backend.view(x, dtype)


# -------------------------------------------------------------------------------------------------------------- Joining


@op(rules.concatenate)
def concatenate(xs: Sequence, axis: int | None = 0) -> Any:
    """Arrays one after the other along an axis that they have; flattened first if None.

    >>> from hornbook import ops
    >>> ops.concatenate([[[1, 2]], [[3, 4]]], axis=1).numpy()
    array([[1, 2, 3, 4]], dtype=int32)
    """
    return backend.concatenate(xs, axis)


@op(rules.stack)
def stack(x: Any, axis: int = 0) -> Any:
    """Arrays of one shape side by side along a new axis.

    >>> from hornbook import ops
    >>> ops.stack([[1, 2], [3, 4]], axis=1).numpy()
    array([[1, 3],
           [2, 4]], dtype=int32)
    """
    return backend.stack(x, axis)


@op
def append(x1: Any, x2: Any, axis: int | None = None) -> Any:
    """x2 after x1 along an axis; both flattened if None.

    >>> from hornbook import ops
    >>> ops.append([1, 2], [[3], [4]]).numpy()
    array([1, 2, 3, 4], dtype=int32)
    """
    return backend.concatenate([x1, x2], axis)


@op
def hstack(xs: Sequence) -> Any:
    """Arrays beside each other: along the second axis, vectors along their only one.

    >>> from hornbook import ops
    >>> ops.hstack([[1, 2], [3]]).numpy()
    array([1, 2, 3], dtype=int32)
    """
    xs = [_at_least(x, 1) for x in xs]
    return backend.concatenate(xs, axis=0 if len(xs[0].shape) == 1 else 1)


def _at_least(x: Any, rank: int) -> Any:
    x = backend.convert_to_tensor(x)
    return backend.expand_dims(x, tuple(range(rank - len(x.shape)))) if len(x.shape) < rank else x


@op
def vstack(xs: Sequence) -> Any:
    """Arrays on top of each other: along the first axis, vectors as rows.

    >>> from hornbook import ops
    >>> ops.vstack([[1, 2], [3, 4]]).numpy()
    array([[1, 2],
           [3, 4]], dtype=int32)
    """
    return backend.concatenate([_at_least(x, 2) for x in xs], axis=0)


@op
def dstack(xs: Sequence) -> Any:
    """Arrays behind each other: along the third axis.

    >>> from hornbook import ops
    >>> ops.dstack([[1, 2], [3, 4]]).numpy()
    array([[[1, 3],
            [2, 4]]], dtype=int32)
    """
    xs = [_at_least(x, 2) for x in xs]
    return backend.concatenate([backend.expand_dims(x, -1) if len(x.shape) == 2 else x for x in xs], axis=2)


# -------------------------------------------------------------------------------------------------------------- Cutting


@op(rules.split)
def split(x: Any, indices_or_sections: Any, axis: int = 0) -> list:
    """Pieces along an axis.

    Args:
        indices_or_sections: a number of equal pieces, or the places where to cut.

    Raises:
        ValueError: where equal pieces do not come out even.

    >>> from hornbook import ops
    >>> [piece.numpy() for piece in ops.split([1, 2, 3, 4], [1, 3])]
    [array([1], dtype=int32), array([2, 3], dtype=int32), array([4], dtype=int32)]
    """
    return backend.split(x, indices_or_sections, axis)


@op
def array_split(x: Any, indices_or_sections: Any, axis: int = 0) -> list:
    """Pieces along an axis, the first ones longer by one where they do not come out even.

    >>> from hornbook import ops
    >>> [piece.numpy() for piece in ops.array_split([1, 2, 3, 4, 5], 2)]
    [array([1, 2, 3], dtype=int32), array([4, 5], dtype=int32)]
    """
    if not isinstance(indices_or_sections, int):
        return backend.split(x, indices_or_sections, axis)
    x = backend.convert_to_tensor(x)
    size = x.shape[axis]
    if size is None:
        raise ValueError(f"array_split needs to know the size of axis {axis}; x has shape {tuple(x.shape)}.")
    least, longer = divmod(size, indices_or_sections)
    cuts = [i * least + min(i, longer) for i in range(1, indices_or_sections)]
    return backend.split(x, cuts, axis)


@op
def hsplit(x: Any, indices_or_sections: Any) -> list:
    """Pieces along the second axis, those of a vector along its only one.

    >>> from hornbook import ops
    >>> [piece.numpy() for piece in ops.hsplit([1, 2, 3, 4], 2)]
    [array([1, 2], dtype=int32), array([3, 4], dtype=int32)]
    """
    x = backend.convert_to_tensor(x)
    return backend.split(x, indices_or_sections, 0 if len(x.shape) == 1 else 1)


@op
def vsplit(x: Any, indices_or_sections: Any) -> list:
    """Pieces along the first axis.

    >>> from hornbook import ops
    >>> [piece.numpy() for piece in ops.vsplit([[1, 2], [3, 4]], 2)]
    [array([[1, 2]], dtype=int32), array([[3, 4]], dtype=int32)]
    """
    return backend.split(x, indices_or_sections, 0)


@op
def dsplit(x: Any, indices_or_sections: Any) -> list:
    """Pieces along the third axis.

    >>> from hornbook import ops
    >>> [tuple(piece.shape) for piece in ops.dsplit(ops.ones((1, 2, 4)), 2)]
    [(1, 2, 2), (1, 2, 2)]
    """
    return backend.split(x, indices_or_sections, 2)


# ------------------------------------------------------------------------------------------------ Repeating and turning


@op
def tile(x: Any, repeats: Any) -> Any:
    """The whole array repeated along each axis.

    >>> from hornbook import ops
    >>> ops.tile([1, 2], 2).numpy(), ops.tile([1, 2], (2, 1)).numpy()
    (array([1, 2, 1, 2], dtype=int32), array([[1, 2],
           [1, 2]], dtype=int32))
    """
    return backend.tile(x, repeats)


@op
def repeat(x: Any, repeats: Any, axis: int | None = None) -> Any:
    """Each element repeated along an axis; of the flattened array if None.

    >>> from hornbook import ops
    >>> ops.repeat([1, 2], 2).numpy(), ops.repeat([[1], [2]], [1, 2], axis=0).numpy()
    (array([1, 1, 2, 2], dtype=int32), array([[1],
           [2],
           [2]], dtype=int32))
    """
    return backend.repeat(x, repeats, axis)


@op(rules.like_first)
def flip(x: Any, axis: Axis = None) -> Any:
    """The order reversed along the axes named; along all if None.

    >>> from hornbook import ops
    >>> ops.flip([1, 2, 3]).numpy()
    array([3, 2, 1], dtype=int32)
    """
    return backend.flip(x, axis)


@op(rules.like_first)
def fliplr(x: Any) -> Any:
    """The columns in reversed order.

    >>> from hornbook import ops
    >>> ops.fliplr([[1, 2], [3, 4]]).numpy()
    array([[2, 1],
           [4, 3]], dtype=int32)
    """
    return backend.flip(x, 1)


@op(rules.like_first)
def flipud(x: Any) -> Any:
    """The rows in reversed order.

    >>> from hornbook import ops
    >>> ops.flipud([[1, 2], [3, 4]]).numpy()
    array([[3, 4],
           [1, 2]], dtype=int32)
    """
    return backend.flip(x, 0)


@op(rules.like_first)
def roll(x: Any, shift: Any, axis: Any = None) -> Any:
    """Elements moved on by `shift` places, the last ones to the front; in the flattened array if no axis is named.

    >>> from hornbook import ops
    >>> ops.roll([1, 2, 3], 1).numpy()
    array([3, 1, 2], dtype=int32)
    """
    return backend.roll(x, shift, axis)


@op
def rot90(array: Any, k: int = 1, axes: tuple[int, int] = (0, 1)) -> Any:
    """Turned by k right angles, from the first of the axes towards the second.

    >>> from hornbook import ops
    >>> ops.rot90([[1, 2], [3, 4]]).numpy()
    array([[2, 4],
           [1, 3]], dtype=int32)
    """
    array = backend.convert_to_tensor(array)
    rank = len(array.shape)
    first, second = (rules.canonical_axis(a, rank) for a in axes)
    if rank < 2 or first == second:
        raise ValueError(f"rot90 turns in a plane of two different axes; got {axes} for shape {tuple(array.shape)}.")
    if k % 4 == 2:
        return backend.flip(array, (first, second))
    if k % 4 == 1:
        return backend.swapaxes(backend.flip(array, second), first, second)
    return backend.flip(backend.swapaxes(array, first, second), second) if k % 4 == 3 else array


@op(rules.pad)
def pad(x: Any, pad_width: Any, mode: str = "constant", constant_values: Any = None) -> Any:
    """Numbers put around the array.

    Args:
        pad_width: how many before and after, ((before, after), ...) for each axis; one pair or number for all.
        mode: "constant" (`constant_values`, 0 if None), "reflect" (mirrored without the edge) or "symmetric" (with it).

    >>> from hornbook import ops
    >>> ops.pad([1, 2, 3], ((1, 2),)).numpy(), ops.pad([1, 2, 3], 1, mode="reflect").numpy()
    (array([0, 1, 2, 3, 0, 0], dtype=int32), array([2, 1, 2, 3, 2], dtype=int32))
    """
    return backend.pad(x, pad_width, mode, constant_values)
