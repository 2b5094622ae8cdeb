"""Images: (batch, height, width, channels), or one without the batch; channels_first puts the channels before height.

Inside, every op works on (batch, height, width, channels): `as_batch` brings images there and back.
"""

import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from hornbook import backend
from hornbook.backend.config import is_float_dtype, standardize_data_format, standardize_dtype
from hornbook.core import rules
from hornbook.core.arguments import one_of, sizes
from hornbook.core.op import op
from hornbook.random.seed_generator import draw_seed

__all__: list[str] = []  # reached as `ops.image.resize`, as in Keras

RESIZE_METHODS = ("bilinear", "nearest", "bicubic", "lanczos3", "lanczos5", "area")
FILL_MODES = ("constant", "nearest", "wrap", "reflect")


# ------------------------------------------------------------------------------------------------------ in one layout
def as_batch(images: Any, data_format: str | None) -> tuple[Any, Callable]:
    """(images as (batch, height, width, channels), the function that brings such images back).

    Raises:
        ValueError: for images that have neither three nor four axes.
    """
    x = backend.convert_to_tensor(images)
    rank = len(x.shape)
    if rank not in (3, 4):
        raise ValueError(
            f"images must have 3 axes (one image) or 4 (a batch of images), got shape {tuple(x.shape)}. "
            "Add the missing axis with expand_dims, or merge the others with reshape."
        )
    first = standardize_data_format(data_format) == "channels_first"

    def restore(y: Any) -> Any:
        y = backend.transpose(y, (0, 3, 1, 2)) if first else y
        return y[0] if rank == 3 else y

    x = x[None] if rank == 3 else x
    return backend.transpose(x, (0, 2, 3, 1)) if first else x, restore


def _float_images(images: Any) -> None:
    dtype = standardize_dtype(backend.convert_to_tensor(images).dtype)
    if not is_float_dtype(dtype):
        raise ValueError(f"images must have a float dtype, got {dtype}; cast them, and divide bytes by 255.")


# ------------------------------------------------------------------------------------------------------------- colours
@op
def rgb_to_grayscale(images: Any, data_format: str | None = None) -> Any:
    """How bright a colour looks: 0.2989 red + 0.587 green + 0.114 blue.

    Args:
        images: (..., height, width, 3), any dtype; images with one channel stay as they are.
        data_format: where the channels are.

    Returns:
        (..., height, width, 1), in the dtype of the images.

    Raises:
        ValueError: for another number of channels.

    >>> import numpy as np
    >>> from hornbook import ops
    >>> print(ops.image.rgb_to_grayscale(np.array([[[255, 255, 0]]], "uint8")).numpy())
    [[[225]]]
    """
    x, restore = as_batch(images, data_format)
    if x.shape[-1] == 1:
        return restore(x)
    if x.shape[-1] != 3:
        raise ValueError(f"images must have 3 channels (RGB) or 1, got shape {tuple(images.shape)}.")
    dtype = standardize_dtype(x.dtype)
    compute = dtype if is_float_dtype(dtype) else backend.floatx()
    weights = np.array([0.2989, 0.587, 0.114], "float32")
    return restore(backend.cast(backend.sum(backend.cast(x, compute) * weights, axis=-1, keepdims=True), dtype))


@op
def rgb_to_hsv(images: Any, data_format: str | None = None) -> Any:
    """Red, green and blue as hue, saturation and value, all from 0 to 1.

    value = max(r, g, b),    saturation = (max - min) / max,    hue = the angle on the colour circle, 1 being a whole turn

    Args:
        images: (..., height, width, 3), floats from 0 to 1.
        data_format: where the channels are.

    Raises:
        ValueError: for integers.

    Source: Smith 1978, https://doi.org/10.1145/800248.807361

    >>> import numpy as np
    >>> from hornbook import ops
    >>> print(ops.image.rgb_to_hsv(np.array([[[0.0, 0.5, 0.0]]])).numpy().round(3))
    [[[0.333 1.    0.5  ]]]
    """
    _float_images(images)
    x, restore = as_batch(images, data_format)
    red, green, blue = (x[..., i] for i in range(3))
    value, least = backend.max(x, axis=-1), backend.min(x, axis=-1)
    spread = value - least
    sixth = backend.divide_no_nan(1.0, 6.0 * spread)
    hue = backend.where(
        backend.equal(red, value),
        (green - blue) * sixth,
        backend.where(backend.equal(green, value), (blue - red) * sixth + 2.0 / 6.0, (red - green) * sixth + 4.0 / 6.0),
    )
    hue = backend.where(spread > 0, hue + backend.cast(hue < 0, hue.dtype), backend.zeros_like(hue))
    saturation = backend.where(value > 0, backend.divide_no_nan(spread, value), backend.zeros_like(value))
    return restore(backend.stack([hue, saturation, value], axis=-1))


@op
def hsv_to_rgb(images: Any, data_format: str | None = None) -> Any:
    """Hue, saturation and value as red, green and blue, all from 0 to 1; the inverse of `rgb_to_hsv`.

    channel = value * (1 - saturation + saturation * ramp(hue)), the ramps of the three being a third of a turn apart

    Args:
        images: (..., height, width, 3), floats from 0 to 1.
        data_format: where the channels are.

    Raises:
        ValueError: for integers.

    >>> import numpy as np
    >>> from hornbook import ops
    >>> print(ops.image.hsv_to_rgb(np.array([[[1 / 3, 1.0, 0.5]]])).numpy().round(3))
    [[[0.  0.5 0. ]]]
    """
    _float_images(images)
    x, restore = as_batch(images, data_format)
    hue, saturation, value = (x[..., i] for i in range(3))
    sixths = hue * 6.0
    ramps = (
        backend.absolute(sixths - 3.0) - 1.0,  # red
        2.0 - backend.absolute(sixths - 2.0),  # green
        2.0 - backend.absolute(sixths - 4.0),  # blue
    )
    channels = [(1.0 - saturation + saturation * backend.clip(ramp, 0.0, 1.0)) * value for ramp in ramps]
    return restore(backend.stack(channels, axis=-1))


# --------------------------------------------------------------------------------------------------- crop, pad, resize
def _third_size(before: Any, after: Any, target: Any, size: Any, names: tuple[str, str, str], sign: int) -> tuple:
    """(before, target, after) along an axis, from two of the three: size + sign * (before + after) = target.

    Raises:
        ValueError: unless two are given, and where the third would be negative.
    """
    if (before is None) + (after is None) + (target is None) != 1:
        raise ValueError(
            f"Exactly two of {', '.join(names)} must be given, got {names[0]}={before}, {names[1]}={after}, "
            f"{names[2]}={target}."
        )
    if target is None:
        target = size + sign * (before + after)
    change = sign * (target - size)
    before = change - after if before is None else before
    after = change - before if after is None else after
    for name, amount in zip(names, (before, after, target), strict=True):
        if isinstance(amount, int) and amount < 0:
            raise ValueError(f"{name} must be at least 0, got {amount} on an axis of size {size}.")
    return before, target, after


@op
def crop_images(
    images: Any,
    top_cropping: int | None = None,
    left_cropping: int | None = None,
    bottom_cropping: int | None = None,
    right_cropping: int | None = None,
    target_height: int | None = None,
    target_width: int | None = None,
    data_format: str | None = None,
) -> Any:
    """Images without some rows and columns at their edges.

    Args:
        images: (..., height, width, channels).
        top_cropping, bottom_cropping, target_height: two of them: rows cut off above, below, and rows left.
        left_cropping, right_cropping, target_width: likewise for columns.
        data_format: where the channels are.

    Raises:
        ValueError: where not two of three are given, or more is cut than there is.

    >>> import numpy as np
    >>> from hornbook import ops
    >>> ops.image.crop_images(np.ones((5, 6, 3)), 1, 2, target_height=3, target_width=2).shape
    TensorShape([3, 2, 3])
    """
    x, restore = as_batch(images, data_format)
    batch, height, width, channels = backend.shape(x)
    top, rows, _ = _third_size(
        top_cropping, bottom_cropping, target_height, height, ("top_cropping", "bottom_cropping", "target_height"), -1
    )
    left, columns, _ = _third_size(
        left_cropping, right_cropping, target_width, width, ("left_cropping", "right_cropping", "target_width"), -1
    )
    y = x[:, top : top + rows, left : left + columns, :]
    return restore(backend.reshape(y, (batch, rows, columns, channels)))


@op
def pad_images(
    images: Any,
    top_padding: int | None = None,
    left_padding: int | None = None,
    bottom_padding: int | None = None,
    right_padding: int | None = None,
    target_height: int | None = None,
    target_width: int | None = None,
    data_format: str | None = None,
) -> Any:
    """Images with rows and columns of zeros at their edges.

    Args:
        images: (..., height, width, channels).
        top_padding, bottom_padding, target_height: two of them: rows added above, below, and rows in the end.
        left_padding, right_padding, target_width: likewise for columns.
        data_format: where the channels are.

    Raises:
        ValueError: where not two of three are given, or a padding would be negative.

    >>> import numpy as np
    >>> from hornbook import ops
    >>> ops.image.pad_images(np.ones((5, 6, 3)), 1, 2, target_height=8, target_width=9).shape
    TensorShape([8, 9, 3])
    """
    x, restore = as_batch(images, data_format)
    batch, height, width, channels = backend.shape(x)
    top, rows, bottom = _third_size(
        top_padding, bottom_padding, target_height, height, ("top_padding", "bottom_padding", "target_height"), 1
    )
    left, columns, right = _third_size(
        left_padding, right_padding, target_width, width, ("left_padding", "right_padding", "target_width"), 1
    )
    y = backend.pad(x, ((0, 0), (top, bottom), (left, right), (0, 0)))
    return restore(backend.reshape(y, (batch, rows, columns, channels)))


@op
def resize(
    images: Any,
    size: tuple[int, int],
    interpolation: str = "bilinear",
    antialias: bool = False,
    crop_to_aspect_ratio: bool = False,
    pad_to_aspect_ratio: bool = False,
    fill_mode: str = "constant",
    fill_value: float = 0.0,
    data_format: str | None = None,
) -> Any:
    """Images at another size.

    Args:
        images: (..., height, width, channels).
        size: (height, width) wanted.
        interpolation: "bilinear", "nearest", "bicubic", "lanczos3", "lanczos5" or "area".
        antialias: smooth before making smaller.
        crop_to_aspect_ratio: cut the longer side first, around the centre, so that nothing is distorted.
        pad_to_aspect_ratio: fill up the shorter side first, so that nothing is distorted.
        fill_mode: "constant".
        fill_value: what is filled with.
        data_format: where the channels are.

    Returns:
        (..., *size, channels), in the dtype of the images.

    Raises:
        ValueError: for another interpolation or fill mode, and for both ways of keeping the ratio of the sides.

    >>> import numpy as np
    >>> from hornbook import ops
    >>> ops.image.resize(np.ones((4, 4, 3), "float32"), (2, 2)).shape
    TensorShape([2, 2, 3])
    """
    one_of(interpolation, RESIZE_METHODS, "interpolation")
    one_of(fill_mode, ("constant",), "fill_mode")
    if len(size) != 2:
        raise ValueError(f"`size` must be (height, width), got size={size!r}.")
    if crop_to_aspect_ratio and pad_to_aspect_ratio:
        raise ValueError("Only one of crop_to_aspect_ratio and pad_to_aspect_ratio can be True.")
    x, restore = as_batch(images, data_format)
    if crop_to_aspect_ratio or pad_to_aspect_ratio:
        _, height, width, _ = backend.shape(x)
        rows, columns = width * size[0] // size[1], height * size[1] // size[0]  # the other side kept
        if crop_to_aspect_ratio:
            rows, columns = _least(height, rows), _least(width, columns)
            top, left = (height - rows) // 2, (width - columns) // 2
            x = x[:, top : top + rows, left : left + columns, :]
        else:
            rows, columns = -_least(-height, -rows), -_least(-width, -columns)
            top, left = (rows - height) // 2, (columns - width) // 2
            around = ((0, 0), (top, top), (left, left), (0, 0))  # an odd row or column is left out
            x = backend.pad(x, around, constant_values=fill_value)
    return restore(backend.resize(x, size, interpolation, antialias, "channels_last"))


def _least(a: Any, b: Any) -> Any:
    """The smaller of two sizes, each a number or a tensor."""
    return min(a, b) if isinstance(a, int) and isinstance(b, int) else backend.minimum(a, b)


# ------------------------------------------------------------------------------------------------------------- sampling
def _nodes(coordinate: Any, size: Any, order: int, fill_mode: str) -> list[tuple[Any, Any, Any]]:
    """The pixels along one axis that make the value at `coordinate`: [(index, whether it is inside, weight), ...]."""
    if order == 0:
        raw = [(backend.round(coordinate), None)]
    else:
        low = backend.floor(coordinate)
        above = coordinate - low
        raw = [(low, 1 - above), (low + 1, above)]
    nodes = []
    for place, weight in raw:
        index = backend.cast(place, "int32")
        inside = None
        if fill_mode == "constant":
            inside = backend.logical_and(index >= 0, index < size)
        if fill_mode in ("constant", "nearest"):
            index = backend.clip(index, 0, size - 1)
        elif fill_mode == "wrap":  # a b c d | a b c d | a b c d
            index = backend.mod(index, size)
        elif fill_mode == "mirror":  # d c b | a b c d | c b a
            last = backend.maximum(size - 1, 1)
            folded = backend.mod(index, 2 * last)
            index = backend.minimum(backend.minimum(folded, 2 * last - folded), size - 1)
        else:  # reflect: d c b a | a b c d | d c b a
            folded = backend.mod(index, 2 * size)
            index = backend.minimum(folded, 2 * size - 1 - folded)
        nodes.append((index, inside, weight))
    return nodes


def _sample(
    table: Any, shape: Sequence, coordinates: Sequence, order: int, fill_mode: str, fill_value: Any, offset: Any = 0
) -> Any:
    """Values between the entries of arrays of `shape`, whose entries are the rows of `table`, from row `offset` on."""
    dtype = standardize_dtype(table.dtype)
    fill = backend.cast(fill_value, dtype)
    columns = (1,) * (len(table.shape) - 1)
    total: Any = 0
    axes = [_nodes(c, n, order, fill_mode) for c, n in zip(coordinates, shape, strict=True)]
    for corner in itertools.product(*axes):
        row: Any = 0
        for (index, _, _), size in zip(corner, shape, strict=True):
            row = row * size + index

        def wide(x: Any) -> Any:
            return backend.reshape(x, (*backend.shape(x), *columns)) if columns else x

        part = backend.take(table, row + offset, axis=0)
        for _, inside, _ in corner:
            part = part if inside is None else backend.where(wide(inside), part, fill)
        for _, _, weight in corner:
            part = part if weight is None else backend.cast(part, weight.dtype) * wide(weight)
        total = part if isinstance(total, int) else total + part
    if not is_float_dtype(dtype) and is_float_dtype(standardize_dtype(total.dtype)):
        total = backend.round(total)
    return backend.cast(total, dtype)


@op
def map_coordinates(
    inputs: Any, coordinates: Any, order: int, fill_mode: str = "constant", fill_value: float = 0
) -> Any:
    """The values of an array between its entries.

    Args:
        inputs: an array of any number of axes.
        coordinates: (axes, ...): where to read, counted in entries along each axis.
        order: 0 takes the nearest entry, 1 weighs the neighbours by their distance.
        fill_mode: what lies outside: "constant", "nearest", "wrap", "mirror" or "reflect".
        fill_value: the constant.

    Returns:
        shape of `coordinates` without its first axis, in the dtype of `inputs`.

    Raises:
        ValueError: for another fill mode, or coordinates that do not name every axis.
        NotImplementedError: for an order above 1.

    >>> from hornbook import ops
    >>> print(ops.image.map_coordinates([10.0, 20.0, 40.0], [[0.5, 1.5]], order=1).numpy())
    [15. 30.]
    """
    one_of(fill_mode, ("constant", "nearest", "wrap", "mirror", "reflect"), "fill_mode")
    if order not in (0, 1):
        raise NotImplementedError(f"map_coordinates() knows order 0 and 1, got order={order}.")
    x, coordinates = backend.convert_to_tensor(inputs), backend.convert_to_tensor(coordinates)
    if not is_float_dtype(standardize_dtype(coordinates.dtype)):
        coordinates = backend.cast(coordinates, backend.floatx())
    if coordinates.shape[0] != len(x.shape):
        raise ValueError(
            f"coordinates must have one row for each axis of the inputs: {len(x.shape)} for shape {tuple(x.shape)}, "
            f"got shape {tuple(coordinates.shape)}."
        )
    along = [coordinates[axis] for axis in range(len(x.shape))]
    return _sample(backend.ravel(x), backend.shape(x), along, order, fill_mode, fill_value)


@op
def affine_transform(
    images: Any,
    transform: Any,
    interpolation: str = "bilinear",
    fill_mode: str = "constant",
    fill_value: float = 0,
    data_format: str | None = None,
) -> Any:
    """Images turned, moved, stretched: the pixel (x, y) of the output is read at (x', y') of the input.

    x' = (a0 x + a1 y + a2) / (c0 x + c1 y + 1),    y' = (b0 x + b1 y + b2) / (c0 x + c1 y + 1)

    Args:
        images: (..., height, width, channels).
        transform: [a0, a1, a2, b0, b1, b2, c0, c1], (8,) or one for each image, (batch, 8).
        interpolation: "bilinear" or "nearest".
        fill_mode: what lies outside: "constant", "nearest" (the edge), "wrap" or "reflect".
        fill_value: the constant.
        data_format: where the channels are.

    Raises:
        ValueError: for another interpolation or fill mode, and a transform that has not eight numbers.

    >>> import numpy as np
    >>> from hornbook import ops
    >>> image = np.arange(4.0, dtype="float32").reshape(1, 4, 1)
    >>> print(ops.image.affine_transform(image, [1.0, 0, 1, 0, 1, 0, 0, 0]).numpy().ravel())  # one to the left
    [1. 2. 3. 0.]
    """
    one_of(interpolation, ("nearest", "bilinear"), "interpolation")
    one_of(fill_mode, FILL_MODES, "fill_mode")
    transforms = backend.convert_to_tensor(transform, "float32")
    if len(transforms.shape) not in (1, 2) or transforms.shape[-1] != 8:
        raise ValueError(f"transform must have shape (8,) or (batch, 8), got {tuple(transforms.shape)}.")
    x, restore = as_batch(images, data_format)
    transforms = transforms[None] if len(transforms.shape) == 1 else transforms
    return restore(backend.projective_transform(x, transforms, interpolation, fill_mode, fill_value))


@op
def perspective_transform(
    images: Any,
    start_points: Any,
    end_points: Any,
    interpolation: str = "bilinear",
    fill_value: float = 0,
    data_format: str | None = None,
) -> Any:
    """Images seen from elsewhere: what is at four points comes to four other points, straight lines staying straight.

    Args:
        images: (..., height, width, channels).
        start_points, end_points: (4, 2) or (batch, 4, 2): the points (x, y), in pixels.
        interpolation: "bilinear" or "nearest".
        fill_value: what lies outside.
        data_format: where the channels are.

    Raises:
        ValueError: for another interpolation, and points of another shape.

    >>> import numpy as np
    >>> from hornbook import ops
    >>> corners = np.array([[0, 0], [2, 0], [0, 2], [2, 2]], "float32")
    >>> image = np.arange(9.0, dtype="float32").reshape(3, 3, 1)
    >>> print(ops.image.perspective_transform(image, corners, corners + [1, 0]).numpy()[..., 0].round())
    [[0. 0. 1.]
     [0. 3. 4.]
     [0. 6. 7.]]
    """
    one_of(interpolation, ("nearest", "bilinear"), "interpolation")
    points = []
    for name, value in (("start_points", start_points), ("end_points", end_points)):
        value = backend.convert_to_tensor(value, "float32")
        if len(value.shape) not in (2, 3) or tuple(value.shape[-2:]) != (4, 2):
            raise ValueError(f"`{name}` must have shape (4, 2) or (batch, 4, 2), got {tuple(value.shape)}.")
        points.append(value[None] if len(value.shape) == 2 else value)
    x, restore = as_batch(images, data_format)
    return restore(backend.projective_transform(x, homography(*points), interpolation, "constant", fill_value))


def homography(start_points: Any, end_points: Any) -> Any:
    """The projective transform (batch, 8) that takes each of four end points (batch, 4, 2) to its start point.

    Each pair of points (x, y) -> (x', y') gives two linear equations in the eight numbers:

        a0 x + a1 y + a2 - c0 x x' - c1 y x' = x'
        b0 x + b1 y + b2 - c0 x y' - c1 y y' = y'
    """
    x, y = end_points[..., 0], end_points[..., 1]  # (batch, 4)
    to_x, to_y = start_points[..., 0], start_points[..., 1]
    one, zero = backend.ones_like(x), backend.zeros_like(x)
    for_x = backend.stack([x, y, one, zero, zero, zero, -x * to_x, -y * to_x], axis=-1)
    for_y = backend.stack([zero, zero, zero, x, y, one, -x * to_y, -y * to_y], axis=-1)
    equations = backend.concatenate([for_x, for_y], axis=1)  # (batch, 8, 8)
    return backend.solve(equations, backend.concatenate([to_x, to_y], axis=1)[..., None])[..., 0]


@op(rules.like_first)
def elastic_transform(
    images: Any,
    alpha: float = 20.0,
    sigma: float = 5.0,
    interpolation: str = "bilinear",
    fill_mode: str = "reflect",
    fill_value: float = 0.0,
    seed: Any = None,
    data_format: str | None = None,
) -> Any:
    """Images as on a rubber sheet: every pixel is moved by smoothed noise.

    Args:
        images: (..., height, width, channels).
        alpha: how far pixels move; a number or a scalar tensor, as `sigma`.
        sigma: the width of the Gaussian that smooths the noise, in pixels; its window has 6 int(sigma) + 1 of them.
        interpolation: "bilinear" or "nearest".
        fill_mode: what lies outside: "constant", "nearest", "wrap" or "reflect".
        fill_value: the constant.
        seed: an integer or a SeedGenerator.
        data_format: where the channels are.

    Raises:
        ValueError: for another interpolation or fill mode.

    Source: Simard et al. 2003, https://doi.org/10.1109/ICDAR.2003.1227801

    >>> import numpy as np
    >>> from hornbook import ops
    >>> ops.image.elastic_transform(np.ones((4, 4, 3), "float32"), seed=1).shape
    TensorShape([4, 4, 3])
    """
    one_of(interpolation, ("nearest", "bilinear"), "interpolation")
    one_of(fill_mode, FILL_MODES, "fill_mode")
    x, restore = as_batch(images, data_format)
    batch, height, width, channels = backend.shape(x)
    dtype = standardize_dtype(x.dtype)
    compute = dtype if is_float_dtype(dtype) else backend.floatx()
    window = 6 * (int(sigma) if isinstance(sigma, int | float) else backend.cast(sigma, "int32")) + 1
    seed = draw_seed(seed)

    def shift() -> Any:
        noise = backend.random_normal((batch, height, width), 0.0, 1.0, compute, seed) * sigma
        smooth = _blurred(noise[..., None], (window, window), (sigma, sigma))
        return alpha * smooth[..., 0]

    columns, rows = backend.meshgrid(backend.arange(width, dtype=compute), backend.arange(height, dtype=compute))
    along = [rows[None] + shift(), columns[None] + shift()]  # (batch, height, width)
    first_row = backend.reshape(backend.arange(batch) * (height * width), (-1, 1, 1))
    order = ("nearest", "bilinear").index(interpolation)
    y = _sample(
        backend.reshape(x, (-1, channels)), (height, width), along, order, fill_mode, fill_value, offset=first_row
    )
    return restore(y)


# -------------------------------------------------------------------------------------------------------- resampling
def _cubic(x: Any) -> Any:
    near = (1.5 * x - 2.5) * x * x + 1.0
    far = ((-0.5 * x + 2.5) * x - 4.0) * x + 2.0
    return backend.where(x >= 2.0, backend.zeros_like(x), backend.where(x >= 1.0, far, near))


def _lanczos(radius: float) -> Callable:
    def kernel(x: Any) -> Any:
        waves = radius * backend.sin(math.pi * x) * backend.sin(math.pi * x / radius)
        inner = backend.where(x > 1e-3, backend.divide_no_nan(waves, math.pi**2 * x * x), backend.ones_like(x))
        return backend.where(x > radius, backend.zeros_like(x), inner)

    return kernel


def _triangle(x: Any) -> Any:
    return backend.maximum(1.0 - x, backend.zeros_like(x))


SCALE_METHODS: dict[str, Callable] = {
    **dict.fromkeys(("linear", "bilinear", "trilinear"), _triangle),
    **dict.fromkeys(("cubic", "bicubic", "tricubic"), _cubic),
    "lanczos3": _lanczos(3.0),
    "lanczos5": _lanczos(5.0),
}


@op
def scale_and_translate(
    images: Any,
    output_shape: Sequence[int],
    scale: Any,
    translation: Any,
    spatial_dims: Sequence[int],
    method: str,
    antialias: bool = True,
) -> Any:
    """An array stretched by `scale` and moved by `translation` along some of its axes: new = scale * old + translation.

    Args:
        images: an array of any number of axes, floats.
        output_shape: the shape of the output; equal to that of the input on the other axes.
        scale, translation: a number for each of `spatial_dims`.
        spatial_dims: the axes.
        method: "linear", "cubic", "lanczos3" or "lanczos5" ("bilinear", "trilinear", ... mean the same).
        antialias: smooth before making smaller.

    Raises:
        ValueError: for another method, and where the numbers of axes differ.

    >>> import numpy as np
    >>> from hornbook import ops
    >>> x = np.arange(4.0, dtype="float32")
    >>> print(ops.image.scale_and_translate(x, (4,), np.ones(1), np.ones(1), (0,), "linear").numpy())
    [0. 0. 1. 2.]
    """
    kernel = SCALE_METHODS[one_of(method, tuple(SCALE_METHODS), "method")]
    x = backend.convert_to_tensor(images)
    if len(output_shape) != len(x.shape):
        raise ValueError(f"output_shape must have {len(x.shape)} sizes, as images have, got {tuple(output_shape)}.")
    dtype = standardize_dtype(x.dtype)
    compute = dtype if is_float_dtype(dtype) else backend.floatx()
    scale, translation = (backend.convert_to_tensor(v, compute) for v in (scale, translation))
    y = backend.cast(x, compute)
    for i, axis in enumerate(spatial_dims):
        axis = axis % len(x.shape)
        matrix = _resampling(backend.shape(x)[axis], output_shape[axis], scale[i], translation[i], kernel, antialias)
        y = backend.moveaxis(backend.tensordot(y, matrix, ((axis,), (0,))), -1, axis)
    return backend.cast(y, dtype)


def _resampling(size: Any, new_size: int, scale: Any, translation: Any, kernel: Callable, antialias: bool) -> Any:
    """The weights (size, new_size) of each old place in each new one."""
    dtype = standardize_dtype(scale.dtype)
    widening = backend.maximum(1.0 / scale, 1.0) if antialias else 1.0
    place = (backend.arange(new_size, dtype=dtype) + 0.5 - translation) / scale - 0.5  # of the new in the old
    distance = backend.absolute(place[None, :] - backend.arange(size, dtype=dtype)[:, None]) / widening
    weights = kernel(distance)
    total = backend.sum(weights, axis=0, keepdims=True)
    tiny = 1000.0 * float(np.finfo("float32").eps)
    weights = backend.where(backend.absolute(total) > tiny, backend.divide_no_nan(weights, total), 0.0)
    inside = backend.logical_and(place >= -0.5, place <= backend.cast(size, dtype) - 0.5)
    return backend.cast(backend.where(inside[None, :], weights, 0.0), dtype)


# ------------------------------------------------------------------------------------------------------------- windows
@op
def extract_patches(
    images: Any,
    size: int | tuple[int, ...],
    strides: int | tuple[int, ...] | None = None,
    dilation_rate: int | tuple[int, ...] = 1,
    padding: str = "valid",
    data_format: str | None = None,
) -> Any:
    """The windows of images, each as one long vector.

    Args:
        images: (..., height, width, channels); with three sizes, volumes (..., depth, height, width, channels).
        size: the window: (height, width), or one number for both.
        strides: from one window to the next; the size if None, so that windows do not overlap.
        dilation_rate: how far apart the pixels of a window are.
        padding: "valid", or "same" with zeros at the edges.
        data_format: where the channels are.

    Returns:
        (..., rows, columns, size[0] * size[1] * channels), in the dtype of the images.

    Raises:
        ValueError: for images of another number of axes.

    >>> import numpy as np
    >>> from hornbook import ops
    >>> ops.image.extract_patches(np.ones((2, 6, 8, 3)), size=2).shape
    TensorShape([2, 3, 4, 12])
    """
    if isinstance(size, tuple | list) and len(size) not in (2, 3):
        raise ValueError(f"`size` must be a number, or two or three of them, got size={size!r}.")
    rank = len(size) if isinstance(size, tuple | list) else 2
    return _patches(images, size, strides, dilation_rate, padding, data_format, rank)


@op
def extract_patches_3d(
    volumes: Any,
    size: int | tuple[int, int, int],
    strides: int | tuple[int, int, int] | None = None,
    dilation_rate: int | tuple[int, int, int] = 1,
    padding: str = "valid",
    data_format: str | None = None,
) -> Any:
    """The blocks of volumes, each as one long vector: `extract_patches` with one axis more.

    Args:
        volumes: (..., depth, height, width, channels).
        size: the block: (depth, height, width), or one number for all.
        strides, dilation_rate, padding, data_format: as in `extract_patches`.

    Returns:
        (..., planes, rows, columns, size[0] * size[1] * size[2] * channels).

    Raises:
        ValueError: for volumes of another number of axes.

    >>> import numpy as np
    >>> from hornbook import ops
    >>> ops.image.extract_patches_3d(np.ones((2, 4, 6, 8, 1)), size=2).shape
    TensorShape([2, 2, 3, 4, 8])
    """
    return _patches(volumes, size, strides, dilation_rate, padding, data_format, 3)


def _patches(
    images: Any, size: Any, strides: Any, dilation_rate: Any, padding: str, data_format: str | None, rank: int
) -> Any:
    """Windows over `rank` axes."""
    window = sizes(size, rank, "size")
    steps = window if strides is None else sizes(strides, rank, "strides")
    spacing = sizes(dilation_rate, rank, "dilation_rate")
    one_of(padding, ("valid", "same"), "padding")
    first = standardize_data_format(data_format) == "channels_first"
    x = backend.convert_to_tensor(images)
    if len(x.shape) not in (rank + 1, rank + 2):
        raise ValueError(f"images must have {rank + 1} or {rank + 2} axes, got shape {tuple(x.shape)}.")
    single = len(x.shape) == rank + 1
    x = x[None] if single else x
    x = backend.moveaxis(x, 1, -1) if first else x
    for i in range(rank):  # (..., n, ...) -> (..., windows, window, ...), axis after axis
        axis = 1 + 2 * i
        n, reach = backend.shape(x)[axis], (window[i] - 1) * spacing[i] + 1
        if padding == "same":
            missing = (-(-n // steps[i]) - 1) * steps[i] + reach - n
            missing = -_least(-missing, 0)
            around = [(0, 0)] * len(x.shape)
            around[axis] = (missing // 2, missing - missing // 2)
            x, n = backend.pad(x, around), n + missing
        starts = backend.arange((n - reach) // steps[i] + 1) * steps[i]
        x = backend.take(x, starts[:, None] + np.arange(window[i], dtype="int32") * spacing[i], axis=axis)
    x = backend.transpose(x, (0, *range(1, 2 * rank, 2), *range(2, 2 * rank + 1, 2), 2 * rank + 1))
    *outer, channels = backend.shape(x)[: rank + 1] + backend.shape(x)[-1:]
    x = backend.reshape(x, (*outer, math.prod(window) * channels))
    x = backend.moveaxis(x, -1, 1) if first else x
    return x[0] if single else x


def gaussian_kernel(size: Any, sigma: Any, dtype: str) -> Any:
    """The Gaussian of width `sigma` at `size` whole places around 0, with the sum 1."""
    place = backend.arange(size, dtype=dtype)
    place = place - (backend.cast(size, dtype) - 1.0) / 2.0
    return backend.softmax(-0.5 * (place / backend.maximum(sigma, backend.epsilon())) ** 2)


def _blurred(x: Any, kernel_size: Sequence[int], sigma: Sequence) -> Any:
    """(batch, height, width, channels) convolved with a Gaussian of widths (x, y), zeros outside."""
    dtype = standardize_dtype(x.dtype)
    columns = gaussian_kernel(kernel_size[1], backend.cast(sigma[0], dtype), dtype)
    rows = gaussian_kernel(kernel_size[0], backend.cast(sigma[1], dtype), dtype)
    kernel = (rows[:, None] * columns[None, :])[:, :, None, None]
    kernel = backend.tile(kernel, (1, 1, backend.shape(x)[-1], 1))
    return backend.depthwise_conv(x, kernel, 1, "same", "channels_last")


@op
def gaussian_blur(
    images: Any, kernel_size: Any = (3, 3), sigma: Any = (1.0, 1.0), data_format: str | None = None
) -> Any:
    """Images convolved with a Gaussian: w(x, y) ~ exp(-x^2 / (2 sigma_x^2) - y^2 / (2 sigma_y^2)).

    Args:
        images: (..., height, width, channels).
        kernel_size: the window, (height, width).
        sigma: the width of the Gaussian in pixels, (from left to right, from top to bottom).
        data_format: where the channels are.

    Returns:
        The shape and dtype of the images; outside of them lies 0.

    >>> import numpy as np
    >>> from hornbook import ops
    >>> point = np.zeros((3, 3, 1), "float32")
    >>> point[1, 1] = 1
    >>> print(ops.image.gaussian_blur(point).numpy()[..., 0].round(3))
    [[0.075 0.124 0.075]
     [0.124 0.204 0.124]
     [0.075 0.124 0.075]]
    """
    x, restore = as_batch(images, data_format)
    dtype = standardize_dtype(x.dtype)
    x = x if is_float_dtype(dtype) else backend.cast(x, backend.floatx())
    widths = sigma if isinstance(sigma, tuple | list) or getattr(sigma, "shape", ()) else (sigma, sigma)
    y = _blurred(x, sizes(kernel_size, 2, "kernel_size"), (widths[0], widths[1]))
    return restore(backend.cast(y if is_float_dtype(dtype) else backend.round(y), dtype))


@op
def sobel_edges(images: Any, data_format: str | None = None) -> Any:
    """How fast images change downwards and to the right: the Sobel derivatives of each channel.

    Args:
        images: (..., height, width, channels); at the edges they are reflected.
        data_format: where the channels are.

    Returns:
        the shape of the images and a last axis of two: d/dy, d/dx.

    >>> import numpy as np
    >>> from hornbook import ops
    >>> ramp = np.tile(np.arange(3.0, dtype="float32")[:, None], (1, 3))[..., None]
    >>> print(ops.image.sobel_edges(ramp).numpy()[1, 1, 0])
    [8. 0.]
    """
    x, _ = as_batch(images, data_format)
    first = standardize_data_format(data_format) == "channels_first"
    x = backend.as_float(x)
    down = np.outer([-1, 0, 1], [1, 2, 1])
    kernels = np.stack([down, down.T], axis=-1)[:, :, None, :]  # (3, 3, 1, 2)
    channels = backend.shape(x)[-1]
    kernel = backend.tile(backend.convert_to_tensor(kernels, standardize_dtype(x.dtype)), (1, 1, channels, 1))
    padded = backend.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)), mode="reflect")
    y = backend.depthwise_conv(padded, kernel, 1, "valid", "channels_last")
    y = backend.reshape(y, (*backend.shape(x), 2))
    y = backend.transpose(y, (0, 3, 1, 2, 4)) if first else y
    return y[0] if len(images.shape) == 3 else y


@op
def ssim(
    image1: Any,
    image2: Any,
    max_val: float = 1.0,
    filter_size: int = 11,
    filter_sigma: float = 1.5,
    k1: float = 0.01,
    k2: float = 0.03,
    data_format: str | None = None,
) -> Any:
    """How alike two images look: the structural similarity, 1 for equal ones.

    ssim = (2 m1 m2 + c1) (2 s12 + c2) / ((m1^2 + m2^2 + c1) (s1 + s2 + c2)), with the means m, variances s and covariance
    s12 in a Gaussian window, c1 = (k1 max_val)^2 and c2 = (k2 max_val)^2; averaged over windows and channels

    Args:
        image1, image2: (..., height, width, channels).
        max_val: the greatest value a pixel can have.
        filter_size, filter_sigma: the size of the window and the width of the Gaussian, in pixels.
        k1, k2: how far nearly empty windows are kept from mattering.
        data_format: where the channels are.

    Returns:
        (batch,), or a number for two single images; floats.

    Raises:
        ValueError: for images smaller than the window.

    Source: Wang et al. 2004, https://doi.org/10.1109/TIP.2003.819861

    >>> import numpy as np
    >>> from hornbook import ops
    >>> x = np.random.default_rng(0).random((16, 16, 3)).astype("float32")
    >>> print(round(float(ops.image.ssim(x, x)), 4))
    1.0
    """
    a, b = (backend.as_float(as_batch(image, data_format)[0]) for image in (image1, image2))
    for x in (a, b):
        if any(n is not None and n < filter_size for n in x.shape[1:3]):
            raise ValueError(
                f"images must be at least as large as the window, {filter_size} x {filter_size}, got "
                f"{x.shape[1]} x {x.shape[2]}; pass a smaller filter_size."
            )
    dtype = standardize_dtype(a.dtype)
    weights = gaussian_kernel(filter_size, filter_sigma, dtype)
    kernel = (weights[:, None] * weights[None, :])[:, :, None, None]
    kernel = backend.tile(kernel, (1, 1, backend.shape(a)[-1], 1))

    def mean(x: Any) -> Any:
        return backend.depthwise_conv(x, kernel, 1, "valid", "channels_last")

    mean_a, mean_b = mean(a), mean(b)
    c1, c2 = (k1 * max_val) ** 2, (k2 * max_val) ** 2
    products, squares = 2.0 * mean_a * mean_b, mean_a**2 + mean_b**2
    luminance = (products + c1) / (squares + c1)
    structure = (2.0 * mean(a * b) - products + c2) / (mean(a**2 + b**2) - squares + c2)
    y = backend.mean(luminance * structure, axis=(1, 2, 3))
    return y[0] if len(image1.shape) == 3 else y
