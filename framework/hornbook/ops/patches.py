"""Patches of images: cut out, put together, exchanged for channels, and pooled to a fixed number of them."""

from typing import Any

from hornbook import backend
from hornbook.backend.spec import Spec
from hornbook.core import rules
from hornbook.core.arguments import sizes
from hornbook.core.op import op

__all__ = ["adaptive_average_pool", "adaptive_max_pool", "depth_to_space", "fold", "space_to_depth", "unfold"]


# ----------------------------------------------------------------------------------------------------- adaptive pooling
def _spatial_axes(x: Any, data_format: str | None) -> range:
    rank = len(x.shape)
    return range(1, rank - 1) if backend.standardize_data_format(data_format) == "channels_last" else range(2, rank)


def _adapted_shape(arguments: dict) -> tuple:
    x = arguments["inputs"]
    axes = _spatial_axes(x, arguments["data_format"])
    wanted = dict(zip(axes, sizes(arguments["output_size"], len(axes), "output_size"), strict=True))
    return tuple([wanted.get(axis, size) for axis, size in enumerate(x.shape)])


@rules.OutputRule
def _averaged(arguments: dict) -> Spec:
    return Spec(_adapted_shape(arguments), rules.float_dtype(arguments["inputs"].dtype))


@rules.OutputRule
def _reduced(arguments: dict) -> Spec:
    return Spec(_adapted_shape(arguments), rules.dtype_name(arguments["inputs"]))


def _windows(x: Any, axis: int, count: int) -> tuple[Any, Any]:
    """The places in each of `count` windows that share an axis of n places, and which of them belong to it.

    Window i reaches from floor(i n / count) to ceil((i + 1) n / count); shorter ones repeat their last place.
    """
    n = backend.shape(x)[axis]
    longest = n // count if isinstance(n, int) and n % count == 0 else (n + count - 1) // count + 1
    i = backend.arange(count)
    start = backend.floor_divide(backend.multiply(i, n), count)
    end = backend.floor_divide(backend.add(backend.multiply(backend.add(i, 1), n), count - 1), count)
    places = backend.add(backend.expand_dims(start, 1), backend.arange(longest))
    last = backend.expand_dims(backend.subtract(end, 1), 1)
    return backend.minimum(places, last), backend.less_equal(places, last)  # (count, longest), (count, longest)


def _parts(x: Any, axis: int, count: int) -> tuple[Any, Any]:
    """x with an axis more after `axis`, which holds the places of a window, and which of them belong to it."""
    places, inside = _windows(x, axis, count)
    return backend.take(x, places, axis=axis), backend.reshape(inside, (count, -1, *(1,) * (len(x.shape) - axis - 1)))


@op(_averaged)
def adaptive_average_pool(inputs: Any, output_size: Any, data_format: str | None = None) -> Any:
    """The means of windows so chosen that there are `output_size` of them along each spatial axis.

    Window i of an axis of size n reaches from floor(i n / output_size) to ceil((i + 1) n / output_size).

    Args:
        inputs: (batch, *space, channels), or (batch, channels, *space) for "channels_first".
        output_size: an integer, or one for each spatial axis.
        data_format: where the channels are.

    Returns:
        (batch, *output_size, channels), or (batch, channels, *output_size).

    >>> import numpy as np
    >>> from hornbook import ops
    >>> ops.adaptive_average_pool(np.arange(6.0).reshape(1, 6, 1), 2).numpy().ravel()
    array([1., 4.])
    """
    x = backend.as_float(inputs)
    axes = _spatial_axes(x, data_format)
    for axis, count in zip(axes, sizes(output_size, len(axes), "output_size"), strict=True):
        parts, inside = _parts(x, axis, count)
        total = backend.sum(backend.where(inside, parts, backend.zeros_like(parts)), axis + 1)
        x = backend.divide(total, backend.sum(backend.cast(inside, x.dtype), 1))
    return x


@op(_reduced)
def adaptive_max_pool(inputs: Any, output_size: Any, data_format: str | None = None) -> Any:
    """The largest numbers of windows so chosen that there are `output_size` of them along each spatial axis.

    Window i of an axis of size n reaches from floor(i n / output_size) to ceil((i + 1) n / output_size).

    Args:
        inputs: (batch, *space, channels), or (batch, channels, *space) for "channels_first".
        output_size: an integer, or one for each spatial axis.
        data_format: where the channels are.

    Returns:
        (batch, *output_size, channels), or (batch, channels, *output_size).

    >>> import numpy as np
    >>> from hornbook import ops
    >>> ops.adaptive_max_pool(np.arange(6.0).reshape(1, 6, 1), 2).numpy().ravel()
    array([2., 5.])
    """
    x = backend.convert_to_tensor(inputs)
    axes = _spatial_axes(x, data_format)
    for axis, count in zip(axes, sizes(output_size, len(axes), "output_size"), strict=True):
        parts, _ = _parts(x, axis, count)  # a place repeated changes no maximum
        x = backend.max(parts, axis + 1)
    return x


# ------------------------------------------------------------------------------------------------- patches as columns
def _patch_count(size: Any, window: int, gap: int, border: int, step: int) -> Any:
    """How many patches fit along an axis."""
    return None if size is None else (size + 2 * border - (window - 1) * gap - 1) // step + 1


def _patch_places(window: int, gap: int, step: int, count: Any) -> Any:
    """Where the places of each patch lie along a bordered axis: (window, count)."""
    within = backend.multiply(backend.arange(window), gap)
    return backend.add(backend.expand_dims(within, 1), backend.multiply(backend.arange(count), step))


def _four_pairs(kernel_size: Any, dilation: Any, padding: Any, stride: Any) -> list[tuple]:
    """(window, gap, border, step) of the rows and of the columns."""
    pairs = [
        sizes(kernel_size, 2, "kernel_size"),
        sizes(dilation, 2, "dilation"),
        sizes(padding, 2, "padding", least=0),
        sizes(stride, 2, "stride"),
    ]
    return list(zip(*pairs, strict=True))


def _patch_counts(space: Any, hows: list[tuple]) -> list:
    """How many patches there are along rows and columns of an image.

    Raises:
        ValueError: where none fits.
    """
    counts = [_patch_count(size, *how) for size, how in zip(space, hows, strict=True)]
    for size, count, how in zip(space, counts, hows, strict=True):
        if isinstance(count, int) and count < 1:
            window, gap, border, _ = how
            raise ValueError(
                f"a patch of {window} places {gap} apart does not fit into {size} with a border of {border}. "
                "Use smaller patches, or more padding."
            )
    return counts


@rules.OutputRule
def _unfolded(arguments: dict) -> Spec:
    x = arguments["x"]
    hows = _four_pairs(*(arguments[name] for name in ("kernel_size", "dilation", "padding", "stride")))
    _check_rank(x, 4, "unfold", "(batch, channels, rows, columns)")
    counts = _patch_counts(x.shape[2:], hows)
    features = None if x.shape[1] is None else x.shape[1] * hows[0][0] * hows[1][0]
    return Spec((x.shape[0], features, None if None in counts else counts[0] * counts[1]), rules.dtype_name(x))


def _check_rank(x: Any, rank: int, name: str, shape: str) -> None:
    if len(x.shape) != rank:
        raise ValueError(f"{name}() takes an array {shape}, got shape {tuple(x.shape)}.")


@op(_unfolded)
def unfold(x: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1) -> Any:
    """The patches of images as columns: what a convolution multiplies with its kernel.

    Args:
        x: (batch, channels, rows, columns).
        kernel_size, dilation, stride: the patch, the distance of neighbours in it, the steps between patches; an
            integer, or (rows, columns).
        padding: how many zeros stand around the image.

    Returns:
        (batch, channels * patch size, number of patches): patches go row by row, and so do the places in a patch.

    Raises:
        ValueError: for an array without four axes, or where no patch fits.

    >>> import numpy as np
    >>> from hornbook import ops
    >>> print(ops.unfold(np.arange(6).reshape(1, 1, 2, 3), 2).numpy())
    [[[0 1]
      [1 2]
      [3 4]
      [4 5]]]
    """
    x = backend.convert_to_tensor(x)
    _check_rank(x, 4, "unfold", "(batch, channels, rows, columns)")
    hows = _four_pairs(kernel_size, dilation, padding, stride)
    batch, channels, *space = backend.shape(x)
    counts = _patch_counts(space, hows)
    (height, row_gap, top, row_step), (width, column_gap, left, column_step) = hows
    x = backend.pad(x, [(0, 0), (0, 0), (top, top), (left, left)])
    x = backend.take(x, _patch_places(height, row_gap, row_step, counts[0]), axis=2)
    x = backend.take(x, _patch_places(width, column_gap, column_step, counts[1]), axis=4)
    x = backend.transpose(x, (0, 1, 2, 4, 3, 5))  # (batch, channels, height, down, width, across) before
    return backend.reshape(x, (batch, channels * height * width, counts[0] * counts[1]))


@rules.OutputRule
def _folded(arguments: dict) -> Spec:
    x = arguments["x"]
    hows = _four_pairs(*(arguments[name] for name in ("kernel_size", "dilation", "padding", "stride")))
    space = sizes(arguments["output_size"], 2, "output_size")
    _check_columns(x, space, hows)
    return Spec((x.shape[0], None if x.shape[1] is None else x.shape[1] // (hows[0][0] * hows[1][0]), *space), x.dtype)


def _check_columns(x: Any, space: tuple, hows: list[tuple]) -> list:
    """How many patches there are along rows and columns; x must have as many columns."""
    _check_rank(x, 3, "fold", "(batch, channels * patch size, number of patches)")
    counts, area = _patch_counts(space, hows), hows[0][0] * hows[1][0]
    if x.shape[1] is not None and x.shape[1] % area:
        raise ValueError(
            f"the second axis of x holds the {area} places of a patch for each channel, so its size must be a "
            f"multiple of {area}; got shape {tuple(x.shape)}."
        )
    if x.shape[2] not in (None, counts[0] * counts[1]):
        raise ValueError(
            f"images of {space[0]} x {space[1]} have {counts[0]} x {counts[1]} = {counts[0] * counts[1]} such patches, "
            f"which is what the last axis of x must hold; got shape {tuple(x.shape)}."
        )
    return counts


@op(_folded)
def fold(x: Any, output_size: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1) -> Any:
    """Images from their patches as columns; where patches overlap, they add up. The gradient of `unfold`.

    Args:
        x: (batch, channels * patch size, number of patches).
        output_size: (rows, columns) of the images.
        kernel_size, dilation, padding, stride: as in `unfold`.

    Returns:
        (batch, channels, *output_size).

    Raises:
        ValueError: where the images have another number of patches.

    >>> import numpy as np
    >>> from hornbook import ops
    >>> columns = ops.unfold(np.arange(6).reshape(1, 1, 2, 3), 2)
    >>> print(ops.fold(columns, (2, 3), 2).numpy())
    [[[[0 2 2]
       [3 8 5]]]]
    """
    x = backend.convert_to_tensor(x)
    hows = _four_pairs(kernel_size, dilation, padding, stride)
    rows, columns = sizes(output_size, 2, "output_size")
    down, across = _check_columns(x, (rows, columns), hows)
    (height, row_gap, top, row_step), (width, column_gap, left, column_step) = hows
    batch, features, _ = backend.shape(x)
    x = backend.reshape(x, (batch, features // (height * width), height, width, down, across))
    x = _add_up(
        backend.transpose(x, (2, 4, 3, 5, 0, 1)), _patch_places(height, row_gap, row_step, down), rows + 2 * top
    )
    x = _add_up(
        backend.transpose(x, (1, 2, 0, 3, 4)), _patch_places(width, column_gap, column_step, across), columns + 2 * left
    )  # (columns, rows, batch, channels)
    return backend.transpose(x[left : left + columns, top : top + rows], (2, 3, 1, 0))


def _add_up(x: Any, places: Any, size: int) -> Any:
    """What the first two axes hold, added up by `places` along one axis of `size`."""
    flat = backend.reshape(x, (-1, *backend.shape(x)[2:]))
    return backend.segment_sum(flat, backend.reshape(places, (-1,)), size)


# ----------------------------------------------------------------------------------------------- patches and channels
def _image_axes(arguments: dict) -> tuple[int, int, int, int]:
    """(rows, columns, channels, block size): where the axes are.

    Raises:
        ValueError: for an array without four axes, or a block that exchanges nothing.
    """
    x, block = arguments["x"], arguments["block_size"]
    if len(x.shape) != 4:
        raise ValueError(f"x must be images, an array of four axes, got shape {tuple(x.shape)}.")
    if not isinstance(block, int) or block < 2:
        raise ValueError(f"`block_size` must be an integer of at least 2, got block_size={block!r}.")
    last = backend.standardize_data_format(arguments["data_format"]) == "channels_last"
    return (1, 2, 3, block) if last else (2, 3, 1, block)


def _divided(x: Any, axis: int, by: int, what: str) -> Any:
    size = x.shape[axis]
    if size is not None and size % by:
        raise ValueError(f"{by} must divide the {what}, got {size} in an array of shape {tuple(x.shape)}.")
    return None if size is None else size // by


def _times(size: int | None, by: int) -> int | None:
    return None if size is None else size * by


@rules.OutputRule
def _spread_out(arguments: dict) -> Spec:
    rows, columns, channels, block = _image_axes(arguments)
    x = arguments["x"]
    shape = list(x.shape)
    shape[rows], shape[columns] = _times(shape[rows], block), _times(shape[columns], block)
    shape[channels] = _divided(x, channels, block**2, "number of channels")
    return Spec(tuple(shape), rules.dtype_name(x))


@rules.OutputRule
def _gathered(arguments: dict) -> Spec:
    rows, columns, channels, block = _image_axes(arguments)
    x = arguments["x"]
    shape = list(x.shape)
    shape[rows] = _divided(x, rows, block, "number of rows")
    shape[columns] = _divided(x, columns, block, "number of columns")
    shape[channels] = _times(shape[channels], block**2)
    return Spec(tuple(shape), rules.dtype_name(x))


@op(_spread_out)
def depth_to_space(x: Any, block_size: int, data_format: str | None = "channels_last") -> Any:
    """Channels spread out into blocks of pixels: y[n, b i + p, b j + q, c] = x[n, i, j, (b p + q) C + c].

    Args:
        x: (batch, rows, columns, b^2 C), or (batch, b^2 C, rows, columns) for "channels_first".
        block_size: the side b of a block.
        data_format: where the channels are.

    Returns:
        (batch, b rows, b columns, C), or (batch, C, b rows, b columns).

    Raises:
        ValueError: where b^2 does not divide the number of channels.

    Source: Shi et al. 2016, sub-pixel convolution, https://arxiv.org/abs/1609.05158

    >>> import numpy as np
    >>> from hornbook import ops
    >>> print(ops.depth_to_space(np.arange(4).reshape(1, 1, 1, 4), 2).numpy()[0, :, :, 0])
    [[0 1]
     [2 3]]
    """
    x = backend.convert_to_tensor(x)
    arguments = {"x": x, "block_size": block_size, "data_format": data_format}
    _spread_out(arguments)  # refuses what does not divide
    batch, *lengths = backend.shape(x)
    b = block_size
    if _image_axes(arguments)[2] == 3:
        rows, columns, channels = lengths
        x = backend.reshape(x, (batch, rows, columns, b, b, channels // b**2))
        x = backend.transpose(x, (0, 1, 3, 2, 4, 5))
        return backend.reshape(x, (batch, rows * b, columns * b, channels // b**2))
    channels, rows, columns = lengths
    x = backend.reshape(x, (batch, b, b, channels // b**2, rows, columns))
    x = backend.transpose(x, (0, 3, 4, 1, 5, 2))
    return backend.reshape(x, (batch, channels // b**2, rows * b, columns * b))


@op(_gathered)
def space_to_depth(x: Any, block_size: int, data_format: str | None = "channels_last") -> Any:
    """Blocks of pixels gathered into channels: y[n, i, j, (b p + q) C + c] = x[n, b i + p, b j + q, c].

    Args:
        x: (batch, b rows, b columns, C), or (batch, C, b rows, b columns) for "channels_first".
        block_size: the side b of a block.
        data_format: where the channels are.

    Returns:
        (batch, rows, columns, b^2 C), or (batch, b^2 C, rows, columns).

    Raises:
        ValueError: where b does not divide the sides.

    >>> import numpy as np
    >>> from hornbook import ops
    >>> print(ops.space_to_depth(np.arange(4).reshape(1, 2, 2, 1), 2).numpy())
    [[[[0 1 2 3]]]]
    """
    x = backend.convert_to_tensor(x)
    arguments = {"x": x, "block_size": block_size, "data_format": data_format}
    _gathered(arguments)  # refuses what does not divide
    batch, *lengths = backend.shape(x)
    b = block_size
    if _image_axes(arguments)[2] == 3:
        rows, columns, channels = lengths
        x = backend.reshape(x, (batch, rows // b, b, columns // b, b, channels))
        x = backend.transpose(x, (0, 1, 3, 2, 4, 5))
        return backend.reshape(x, (batch, rows // b, columns // b, channels * b**2))
    channels, rows, columns = lengths
    x = backend.reshape(x, (batch, channels, rows // b, b, columns // b, b))
    x = backend.transpose(x, (0, 3, 5, 1, 2, 4))
    return backend.reshape(x, (batch, channels * b**2, rows // b, columns // b))
