"""GPTQ and AWQ: integers chosen by looking at what goes into each layer, so that its outputs change little.

Both keep q, and a scale and a zero for each group of inputs:  w = (q - zero) scale.  Rounding to the nearest makes each
weight's error small; what counts is the error of the outputs,  |X W - X W'|^2.  GPTQ lets later weights make good the errors
of earlier ones. AWQ widens the rows of W that large inputs meet, so that these lose least, and narrows them again after.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np

from hornbook import backend, ops
from hornbook.layers.core import Embedding
from hornbook.quantization.integers import Integers
from hornbook.quantization.products import Product
from hornbook.quantizers import AWQConfig, GPTQConfig, pack_int4, unpack_int4

BLOCK = 128  # rows whose errors are carried to all later rows in one product


# ------------------------------------------------------------------------------------------------------ arithmetic
def grid(weight: np.ndarray, bits: int, symmetric: bool = False, per_channel: bool = True) -> tuple:
    """The scale and the zero that spread the integers 0 ... 2^bits - 1 over a group of rows, and over 0.

    scale = (max - min) / (2^bits - 1), zero = round(-min / scale)

    Args:
        weight: (rows, columns).
        bits: of an integer.
        symmetric: whether the range reaches as far below 0 as above; the zero is then 2^(bits - 1).
        per_channel: whether each column has its own.

    Returns:
        (scale, zero), each (columns,).

    >>> import numpy as np
    >>> scale, zero = grid(np.array([[0.0, -1.0], [3.0, 2.0]]), bits=2)
    >>> scale.tolist(), zero.tolist()
    ([1.0, 1.0], [0.0, 1.0])
    """
    top = 2**bits - 1
    axis = 0 if per_channel else None
    low, high = np.minimum(weight.min(axis), 0), np.maximum(weight.max(axis), 0)
    if symmetric:
        high = np.maximum(-low, high)
        low = -high
    flat = low == high
    low, high = np.where(flat, -1.0, low), np.where(flat, 1.0, high)
    scale = (high - low) / top
    zero = np.full_like(scale, (top + 1) / 2) if symmetric else np.round(np.abs(low) / scale)
    columns = weight.shape[1]
    return np.broadcast_to(scale, (columns,)), np.broadcast_to(zero, (columns,))


def groups_of(rows: int, group_size: int) -> np.ndarray:
    """The group of each row; -1 makes one of all.

    >>> groups_of(5, 2).tolist(), groups_of(5, -1).tolist()
    ([0, 0, 1, 1, 2], [0, 0, 0, 0, 0])
    """
    return np.arange(rows) // (rows if group_size == -1 else group_size)


def rounded_in_turn(weight: np.ndarray, factor: np.ndarray, group_size: int, bits: int, **kind: bool) -> tuple:
    """Rows rounded one after the other; each error is made good by the rows that are still free.

    q_i = round(w_i / scale + zero),   w_j -= (w_i - (q_i - zero) scale) factor_ij / factor_ii   for j > i

    Args:
        weight: (rows, columns).
        factor: (rows, rows), of which the upper triangle is read.
        group_size: rows that share a scale and a zero; -1 for all.
        bits: of an integer.
        **kind: `symmetric` and `per_channel` of `grid`.

    Returns:
        (q, (rows, columns); scale and zero, (groups, columns)).
    """
    w, q = weight.copy(), np.empty_like(weight)
    rows, top = len(w), 2**bits - 1
    group_size = rows if group_size == -1 else group_size
    scales, zeros = [], []
    for start in range(0, rows, BLOCK):
        end = min(start + BLOCK, rows)
        errors = np.empty_like(w[start:end])
        for i in range(start, end):
            if i % group_size == 0:
                scale, zero = grid(w[i : i + group_size], bits, **kind)
                scales.append(scale)
                zeros.append(zero)
            q[i] = np.clip(np.round(w[i] / scales[-1] + zeros[-1]), 0, top)
            errors[i - start] = (w[i] - (q[i] - zeros[-1]) * scales[-1]) / factor[i, i]
            w[i + 1 : end] -= np.outer(factor[i, i + 1 : end], errors[i - start])
        w[end:] -= factor[start:end, end:].T @ errors
    return q, np.stack(scales), np.stack(zeros)


def gptq(weight: np.ndarray, hessian: np.ndarray, config: GPTQConfig) -> tuple:
    """The integers of a weight by GPTQ.

    H = 2/n X^T X + damping mean(diag H) I,   U^T U = H^-1 with U upper triangular,   rows rounded in turn with U

    U_ij / U_ii says how row j makes good an error of row i when rows up to i are fixed.

    Args:
        weight: (rows, columns).
        hessian: (rows, rows), 2/n X^T X of the inputs X.
        config: a GPTQConfig.

    Returns:
        (q, (rows, columns); scale and zero, (groups, columns); the group of each row).

    Source: Frantar et al., GPTQ (2023), https://arxiv.org/abs/2210.17323, algorithm 1.

    >>> import numpy as np
    >>> q, scale, zero, group = gptq(np.array([[0.0], [1.4], [3.0]]), np.eye(3), GPTQConfig(None, None, weight_bits=2))
    >>> q.ravel().tolist(), scale.ravel().tolist(), group.tolist()
    ([0.0, 1.0, 3.0], [1.0], [0, 0, 0])
    """
    diagonal = np.diag(hessian)
    unseen = diagonal == 0  # inputs that were always 0 say nothing
    damped = hessian + np.diag(unseen + config.hessian_damping * np.where(unseen, 1.0, diagonal).mean())
    rows = len(weight)
    order = np.argsort(-np.diag(damped), kind="stable") if config.activation_order else np.arange(rows)
    factor = np.linalg.cholesky(np.linalg.inv(damped[np.ix_(order, order)])).T
    kind = {"symmetric": config.symmetric, "per_channel": config.per_channel}
    q, scale, zero = rounded_in_turn(weight[order], factor, config.group_size, config.weight_bits, **kind)
    back = np.argsort(order)
    return q[back], scale, zero, groups_of(rows, config.group_size)[back]


def awq(weight: np.ndarray, largest: np.ndarray, config: AWQConfig) -> tuple:
    """The integers of a weight by AWQ: s_i W_i is rounded to the nearest and divided by s_i again.

    s_i = largest_i^r / sqrt(max_i largest_i^r min_i largest_i^r),   r the best of 0, 1/n, ..., 1 for

    mean_ij (largest_i (W_ij - W'_ij))^2

    Args:
        weight: (rows, columns).
        largest: (rows,), the largest magnitude of each input.
        config: an AWQConfig.

    Returns:
        (q, (rows, columns); scale and zero, (groups, columns); s, (rows,); the group of each row).

    Source: Lin et al., AWQ (2024), https://arxiv.org/abs/2306.00978, section 3.2.

    >>> import numpy as np
    >>> weight, largest = np.array([[1.0], [-0.13], [0.4]]), np.array([0.1, 50.0, 0.1])
    >>> q, scale, zero, s, group = awq(weight, largest, AWQConfig(None, None))
    >>> near = (q - zero[group]) * scale[group] / s[:, None]
    >>> bool(abs(near[1] - weight[1]).item() < 0.01)
    True
    """
    group = groups_of(len(weight), config.group_size)
    largest = np.where(largest < 1e-8, 1.0, largest)
    best, least = None, np.inf
    for point in range(config.num_grid_points + 1):
        s = np.maximum(largest ** (point / config.num_grid_points), 1e-4)
        s = s / max(np.sqrt(s.max() * s.min()), 1e-8)
        found = rounded_to_nearest(weight * s[:, None], group, config.weight_bits)
        q, scale, zero = found
        loss = np.mean((largest[:, None] * (weight - (q - zero[group]) * scale[group] / s[:, None])) ** 2)
        if best is None or loss < least:
            best, least = (*found, s), loss
    assert best is not None
    return (*best, group)


def rounded_to_nearest(weight: np.ndarray, group: np.ndarray, bits: int, **kind: bool) -> tuple:
    """(q, scale, zero) with each weight rounded by itself."""
    grids = [grid(weight[group == g], bits, **kind) for g in np.unique(group)]
    scale, zero = np.stack([scale for scale, _ in grids]), np.stack([zero for _, zero in grids])
    return np.clip(np.round(weight / scale[group] + zero[group]), 0, 2**bits - 1), scale, zero


# ------------------------------------------------------------------------------------------------------ layers
class Calibrated(Integers):
    """Integers from 0 up, (columns, rows), two of four bits in a byte; groups of rows with a scale and a zero.

    Args:
        layer: a built Dense or EinsumDense.
        config: a GPTQConfig or AWQConfig.
        seen: what was seen of its inputs, an `InputStatistics`; None rounds to the nearest, for a file to fill.
    """

    weight_first = False

    def __init__(self, layer: Any, config: Any, seen: "InputStatistics | None" = None) -> None:
        if isinstance(layer, Embedding):
            raise NotImplementedError(f"An Embedding is quantized to 'int8' or 'int4'; {config.mode} is for products.")
        super().__init__(layer, config)
        self.mode, self.seen = config.dtype_policy_string(), seen
        self.zero_name = "zero_point" if self.product.equation else "kernel_zero"  # pyright: ignore

    def encode(self, weight: Any) -> tuple:
        """The arrays as they are kept."""
        assert self.product is not None
        matrix = backend.convert_to_numpy(self.product.to_matrix(weight)).astype("float64")
        q, *others, group = self.chosen(matrix)
        q = q.T.astype("uint8")
        q = pack_int4(q, axis=0, dtype="uint8")[0] if self.config.weight_bits == 4 else q
        scale, zero, *scales = others
        return q, scale.T, zero.T, *scales, group

    def chosen(self, matrix: np.ndarray) -> tuple:
        """(q, scale, zero, ..., the group of each row) of a matrix (rows, columns)."""
        raise NotImplementedError

    def matrix(self) -> Any:
        """(q - zero) scale, (rows, columns)."""
        layer = self.layer
        q = layer.kernel
        if self.config.weight_bits == 4:
            q = unpack_int4(q, layer.kernel_scale.shape[0], axis=0, dtype="uint8")
        group = ops.cast(layer.g_idx, "int32")
        scale, zero = (
            ops.take(ops.cast(getattr(layer, name), "float32"), group, axis=1)
            for name in ("kernel_scale", self.zero_name)
        )
        return ops.transpose((ops.cast(q, "float32") - zero) * scale)

    def decode(self) -> Any:
        """The weight that the integers stand for."""
        assert self.product is not None
        return self.product.from_matrix(self.matrix(), self.weight_shape)


class GPTQ(Calibrated):
    """A layer with the integers of `gptq`."""

    def made(self) -> list[tuple[str, str | None]]:
        """The integers, their scales and zeros, and the group of each row."""
        return [("kernel", "uint8"), ("kernel_scale", None), (self.zero_name, "uint8"), ("g_idx", "float32")]

    def chosen(self, matrix: np.ndarray) -> tuple:
        """By the Hessian of what was seen."""
        return gptq(matrix, np.eye(len(matrix)) if self.seen is None else self.seen.hessian, self.config)


class AWQ(Calibrated):
    """A layer with the integers of `awq`."""

    def made(self) -> list[tuple[str, str | None]]:
        """The integers, their scales and zeros, what rows were multiplied with, and the group of each row."""
        made = [("kernel", "uint8"), ("kernel_scale", None), (self.zero_name, "uint8")]
        return [*made, ("awq_scales", None), ("g_idx", "float32")]

    def chosen(self, matrix: np.ndarray) -> tuple:
        """By the largest inputs that were seen."""
        return awq(matrix, np.ones(len(matrix)) if self.seen is None else self.seen.largest, self.config)

    def matrix(self) -> Any:
        """(q - zero) scale / s."""
        return super().matrix() / ops.expand_dims(ops.cast(self.layer.awq_scales, "float32"), -1)


POWERS = {"gptq": GPTQ, "awq": AWQ}


class InputStatistics:
    """What goes into a layer: 2/n X^T X and the largest magnitude of each input.

    Args:
        layer: a built Dense or EinsumDense.
    """

    def __init__(self, layer: Any) -> None:
        self.product = Product(layer, len(layer.__dict__["kernel"].shape))
        self.count, self._sum, self.largest = 0, np.zeros(()), np.zeros(())

    def add(self, inputs: Any) -> None:
        """Look at one call's inputs."""
        x = backend.convert_to_numpy(ops.cast(self.product.inputs_matrix(inputs), "float32")).astype("float64")
        self.count += len(x)
        self._sum = self._sum + x.T @ x
        self.largest = np.maximum(self.largest, np.abs(x).max(axis=0))

    @property
    def hessian(self) -> np.ndarray:
        """2/n X^T X."""
        return 2.0 / self.count * self._sum


@contextmanager
def watched(layers: Iterable[Any]) -> Iterator[dict[int, InputStatistics]]:
    """Statistics of what goes into these layers in the block, by their id."""
    seen, calls = {}, {}
    layers = list(layers)
    for layer in layers:
        seen[id(layer)] = InputStatistics(layer)
        calls[id(layer)] = layer.__dict__.get("call")
        layer.call = _watching(layer.call, seen[id(layer)])
    try:
        yield seen
    finally:
        for layer in layers:
            if calls[id(layer)] is None:
                del layer.__dict__["call"]
            else:
                layer.call = calls[id(layer)]


def _watching(call: Any, seen: InputStatistics) -> Any:
    def watching(inputs: Any, *args: Any, **kwargs: Any) -> Any:
        seen.add(inputs)
        return call(inputs, *args, **kwargs)

    return watching


# ------------------------------------------------------------------------------------------------------ examples
def examples_of(config: Any) -> list:
    """The calls' inputs, each a batch of one, that a config's data set stands for; see `GPTQConfig`.

    >>> from hornbook.quantizers import GPTQConfig
    >>> text = GPTQConfig(["a b c d e"], lambda text: list(range(len(text.split()))), num_samples=2, sequence_length=3)
    >>> [x.tolist() for x in examples_of(text)]
    [[[0, 1, 2]], [[3, 4, 0]]]
    """
    data = config.dataset
    if data is None or isinstance(data, str | bytes | Mapping) or not isinstance(data, Iterable):
        raise ValueError(
            f"{config.mode} looks at examples: the config's dataset must be a list of texts, or of arrays, got {data!r}."
        )
    data = list(data)
    if not data:
        raise ValueError(f"{config.mode} looks at examples, but the config's dataset is empty.")
    if isinstance(data[0], str):
        if config.tokenizer is None:
            raise ValueError(f"The dataset of this {type(config).__name__} holds texts: it needs a tokenizer.")
        tokenize = getattr(config.tokenizer, "tokenize", config.tokenizer)
        data = [tokenize(text) for text in data]
    if isinstance(data[0], Mapping):
        return data[: config.num_samples]
    arrays = [np.asarray(backend.convert_to_numpy(backend.convert_to_tensor(item))) for item in data]
    if arrays[0].dtype.kind == "f":
        return [array[None] for array in arrays[: config.num_samples]]
    tokens = np.concatenate([array.reshape(-1) for array in arrays]).astype("int32")
    length, count = config.sequence_length, config.num_samples
    tokens = np.resize(tokens, max(len(tokens), count * length))  # few are repeated
    starts = np.arange(count) * (len(tokens) // count)
    return [tokens[start : start + length][None] for start in starts]


def quantize_blocks(model: Any, config: Any, chosen: Any, put_around: Any) -> None:
    """Quantize the products of a model, block after block, each with inputs that come through the blocks before it.

    Args:
        model: a built model.
        config: a GPTQConfig or AWQConfig; without a structure of its own, the model's is taken, and where this is None
            the whole model is one block.
        chosen: whether a layer is meant.
        put_around: from a layer, and an `InputStatistics`, to nothing: quantizes it.
    """
    structure = config.quantization_layer_structure or model.get_quantization_layer_structure(config.mode)
    structure = structure or {"sequential_blocks": [model]}
    blocks = structure.get("sequential_blocks")
    if not blocks:
        raise ValueError(
            "quantization_layer_structure must be a dictionary with a list of layers as 'sequential_blocks' (and, of those "
            f"that come before, as 'pre_block_layers'), got {structure!r}."
        )
    states = examples_of(config)
    for layer in structure.get("pre_block_layers") or ():
        states = [layer(x) for x in states]
    for position, block in enumerate(blocks):
        layers = [layer for layer in block._flatten_layers() if chosen(layer)]
        with watched(layers) as seen:
            for x in states:
                block(x)
        for layer in layers:
            if seen[id(layer)].count == 0:
                raise ValueError(f"No example came through layer {layer.name!r}; leave it out with `filters`.")
            put_around(layer, seen[id(layer)])
        if position + 1 < len(blocks):
            states = [_first(block(x)) for x in states]


def _first(outputs: Any) -> Any:
    return outputs[0] if isinstance(outputs, list | tuple) else outputs
