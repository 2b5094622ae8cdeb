"""int8 and int4: the large weight as integers of few bits, with scales; a LoRA correction stays in floats beside it."""

from typing import Any

from hornbook import backend, lora, ops
from hornbook.core.variable import Variable
from hornbook.quantization.products import Product
from hornbook.quantizers import (
    AbsMaxQuantizer,
    QuantizationConfig,
    abs_max_quantize_grouped_with_zero_point,
    pack_int4,
    unpack_int4,
)

FEW = 6  # vectors of a product that are multiplied one by one
FEW_IN_FLOATS = 16  # for which rows in floats are faster than columns


class Integers:
    """The base: takes the float weight away from a layer, keeps integers and scales, and computes with these.

    A kind says how a weight becomes arrays (`encode`), in what variables they are kept (`made`), and how they become a
    weight again (`decode`).

    Args:
        layer: a built Dense, EinsumDense or Embedding.
        config: a QuantizationConfig.
        name: of the weight, where it is not the layer's large one.
    """

    mode = ""
    range: tuple[int, int]
    weight_first = True  # where it stands in files: before the bias, or after

    def __init__(self, layer: Any, config: Any, name: str | None = None) -> None:
        self.layer, self.config = layer, config
        self.name = lora.large_weight(layer) if name is None else name
        self.is_table = self.name == "embeddings"
        self.packed_axis = 0 if self.name == "reverse_embeddings" else -1  # whose neighbours share bytes
        weight = layer.__dict__[self.name]
        self.weight_shape = tuple(weight.shape)
        self.product = None if self.is_table else Product(layer, len(self.weight_shape))

    # ------------------------------------------------------------------------------------------------- variables
    def take_over(self) -> None:
        """Put integers in the weight's place."""
        layer, weight = self.layer, self.layer.__dict__[self.name]
        weight = weight.weight if isinstance(weight, lora.AdaptedWeight) else weight
        arrays = self.encode(ops.cast(weight, "float32"))
        layer._own_weights = [v for v in layer._own_weights if v is not weight]
        for (title, dtype), array in zip(self.made(), arrays, strict=True):
            kind = layer.variable_dtype if dtype is None else dtype
            values = ops.cast(array, kind)
            variable = layer.add_weight(
                tuple(values.shape), _given(values), dtype=kind, trainable=False, autocast=False, name=title
            )
            setattr(layer, title, variable)
        bias = getattr(layer, "bias", None)
        self._kept = [getattr(layer, title) for title, _ in self.made()]
        first = 1 if self.weight_first else 0
        self._order = [*self._kept[:first], *([] if bias is None else [bias]), *self._kept[first:]]

    def made(self) -> list[tuple[str, str | None]]:
        """(name, dtype) of each variable; None is the dtype of the layer's variables."""
        raise NotImplementedError

    def encode(self, weight: Any) -> tuple:
        """The arrays of these variables for a weight."""
        raise NotImplementedError

    def decode(self) -> Any:
        """The weight that they stand for."""
        raise NotImplementedError

    # ------------------------------------------------------------------------------------------------- files
    def stored(self) -> list[Variable]:
        """The variables that files hold: the weight, the bias, the scales; no correction."""
        return self._order

    def values(self) -> list[Any]:
        """What is written for them; a correction is added to the weight and rounded with it."""
        if not self.corrected:
            return self._order
        arrays = self.encode(self.whole())
        pairs = list(zip(self._kept, arrays, strict=True))
        written = []
        for variable in self._order:
            found = [ops.cast(array, variable.dtype) for kept, array in pairs if kept is variable]
            written.append(backend.convert_to_numpy(found[0]) if found else variable)
        return written

    def after_load(self) -> None:
        """A correction becomes zero: what was loaded holds it."""
        if self.corrected:
            _, b = lora.pair(self.layer, self.name)
            b.assign(ops.zeros_like(b))

    def merge(self) -> None:
        """Add a correction to the weight, round the sum, and forget the correction."""
        for variable, array in zip(self._kept, self.encode(self.whole()), strict=True):
            variable.assign(ops.cast(array, variable.dtype))
        lora.drop_pair(self.layer, self.name)

    @property
    def corrected(self) -> bool:
        """Whether there is a correction of this weight."""
        return self.layer.lora_enabled and self.name == lora.large_weight(self.layer)

    def whole(self) -> Any:
        """The weight in floats, with a correction."""
        weight = ops.cast(self.decode(), "float32")
        return weight + lora.correction(self.layer, self.name) if self.corrected else weight

    # ------------------------------------------------------------------------------------------------- computing
    def lay_rows(self) -> None:
        """Prepare for many products with few vectors; see `PerChannel.lay_rows`."""

    def products_with_rows(self, x: Any) -> Any:
        """x E^T, vectors with the rows of a table in floats."""
        return ops.matmul(x, ops.transpose(ops.cast(self.whole(), x.dtype)))

    def call(self, inputs: Any) -> Any:
        """The layer's formula with the integers."""
        if self.is_table:
            return self._rows(inputs)
        layer, product = self.layer, self.product
        assert product is not None
        outputs = self.multiply(inputs)
        if self.corrected:
            outputs = outputs + product(inputs, ops.cast(lora.correction(layer, self.name), inputs.dtype))
        if layer.bias is not None:
            outputs = ops.add(outputs, layer.bias)
        return layer.activation(outputs)

    def multiply(self, inputs: Any) -> Any:
        """The product of the inputs with the weight."""
        assert self.product is not None
        return self.product(inputs, ops.cast(self.decode(), inputs.dtype))

    def multiply_back(self, inputs: Any) -> Any:
        """The product of vectors with the rows of a table."""
        return ops.matmul(inputs, ops.transpose(ops.cast(self.decode(), inputs.dtype)))

    def _rows(self, inputs: Any) -> Any:
        layer = self.layer
        ids = inputs if backend.is_int_dtype(inputs.dtype) else ops.cast(inputs, "int32")
        rows = ops.cast(self.rows(ids), layer.compute_dtype)
        if layer.lora_enabled:
            a, b = lora.pair(layer, self.name)
            added = ops.matmul(ops.take(a, ids, axis=0), b) * (layer.lora_alpha / layer.lora_rank)
            rows = rows + ops.cast(added, layer.compute_dtype)
        return rows

    def rows(self, ids: Any) -> Any:
        """The rows of a table."""
        raise NotImplementedError


class PerChannel(Integers):
    """One scale for each output (for each row of a table): w = q / scale.

    Inputs are quantized too where the config has a quantizer for them, row by row: then the product is one of integers,
    and the gradient goes through as if nothing had been rounded.
    """

    laid: Variable | None = None

    def lay_rows(self) -> None:
        """Keep the integers of a matrix a second time, a row for each output.

        A vector times rows that lie one after the other is as fast as the memory; the columns of a matrix of integers are
        read many times slower. `load_weights` and `merge_lora` renew the rows; who assigns to the kernel calls this again.
        """
        if self.product is None or self.product.equation or self.unpack().dtype != "int8":
            return
        rows = ops.transpose(self.unpack())
        if self.laid is None:
            self.laid = Variable(rows, dtype="int8", trainable=False, autocast=False, name=f"{self.name}_rows")
        else:
            self.laid.assign(rows)

    def after_load(self) -> None:
        """Renew what is derived from the weight."""
        super().after_load()
        if self.laid is not None:
            self.lay_rows()

    def merge(self) -> None:
        """Add a correction to the weight, and renew what is derived from it."""
        super().merge()
        if self.laid is not None:
            self.lay_rows()

    def times(self, x: Any) -> Any:
        """The product of vectors with the integers."""
        assert self.product is not None
        if self.laid is not None and _few(x):
            return _with_rows(x, self.laid)
        if self.laid is not None and _few(x, FEW_IN_FLOATS):
            return backend.products_with_rows(x, ops.cast(self.laid, x.dtype))
        return self.product(x, ops.cast(self.unpack(), x.dtype))

    def products_with_rows(self, x: Any) -> Any:
        """x E^T = (x q^T) / scale, where there is no correction."""
        if self.corrected or getattr(self.layer, self.name).shape != self.weight_shape:
            return super().products_with_rows(x)
        scale, rows = ops.cast(getattr(self.layer, self.scale_name), x.dtype), self.unpack()
        found = _with_rows(x, rows) if _few(x) else backend.products_with_rows(x, ops.cast(rows, x.dtype))
        return found / scale

    @property
    def scale_name(self) -> str:
        """The name of the scale."""
        return f"{self.name}_scale"

    def made(self) -> list[tuple[str, str | None]]:
        """The integers and their scale."""
        return [(self.name, "int8"), (self.scale_name, None)]

    def pack(self, q: Any) -> Any:
        """Integers as they are kept."""
        return q

    def unpack(self) -> Any:
        """The integers in the weight's shape."""
        return getattr(self.layer, self.name)

    def keep_scale(self, scale: Any) -> Any:
        """The scale, of size 1 along the summed axes, in the shape it is kept in."""
        return ops.squeeze(scale, -1) if self.product is None else self.product.kernel_scale(scale)

    def kept_scale(self) -> Any:
        """The scale with the weight's axes again."""
        scale = ops.cast(getattr(self.layer, self.scale_name), "float32")
        return ops.expand_dims(scale, -1) if self.product is None else self.product.scale_of_kernel(scale)

    def encode(self, weight: Any) -> tuple:
        """(integers, scale)."""
        axes = (-1,) if self.product is None else self.product.summed_axes
        default = AbsMaxQuantizer(axis=axes, value_range=self.range)
        q, scale = QuantizationConfig.weight_quantizer_or_default(self.config, default)(weight)
        return self.pack(q), self.keep_scale(scale)

    def decode(self) -> Any:
        """q / scale."""
        return ops.divide(ops.cast(self.unpack(), "float32"), self.kept_scale())

    def multiply(self, inputs: Any) -> Any:
        """(x q) / scale, with x rounded to integers of its own scale, or as it is."""
        assert self.product is not None
        quantizer = QuantizationConfig.activation_quantizer_or_default(self.config, None)
        scale = self.product.kernel_scale(self.kept_scale())
        if quantizer is None:
            outputs = self.times(inputs)
            return ops.divide(outputs, ops.cast(scale, outputs.dtype))
        rounded, inputs_scale = rounded_inputs(inputs, quantizer, self.product.summed_inputs)
        # Sums of small integers are exact in float32, for which every device has a fast product.
        outputs = self.times(rounded)
        return ops.cast(outputs / (self.product.inputs_scale(inputs_scale) * scale), inputs.dtype)

    def multiply_back(self, inputs: Any) -> Any:
        """The product of vectors with the rows of a table, (x q^T) / scale."""
        q = ops.transpose(ops.cast(self.unpack(), "float32"))
        quantizer = QuantizationConfig.activation_quantizer_or_default(self.config, None)
        x, inputs_scale = ops.cast(inputs, "float32"), 1.0
        if quantizer is not None:
            x, inputs_scale = rounded_inputs(inputs, quantizer, (-1,))
        scale = ops.cast(getattr(self.layer, self.scale_name), "float32")
        return ops.cast(ops.matmul(x, q) / (inputs_scale * scale), inputs.dtype)

    def rows(self, ids: Any) -> Any:
        """q / scale of some rows."""
        scale = ops.take(getattr(self.layer, self.scale_name), ids, axis=0)
        return ops.divide(ops.cast(ops.take(self.unpack(), ids, axis=0), scale.dtype), ops.expand_dims(scale, -1))


class Int8(PerChannel):
    """8-bit integers between -127 and 127."""

    mode = "int8"
    range = (-127, 127)


class Int4(PerChannel):
    """4-bit integers between -8 and 7, two in a byte."""

    mode = "int4/-1"
    range = (-8, 7)

    def keep_scale(self, scale: Any) -> Any:
        """One axis."""
        return ops.reshape(scale, (-1,))

    def kept_scale(self) -> Any:
        """The scale with the weight's axes again."""
        scale = ops.cast(getattr(self.layer, self.scale_name), "float32")
        if self.product is None:
            return ops.expand_dims(scale, -1)
        summed = self.product.summed_axes
        return ops.reshape(scale, [1 if axis in summed else n for axis, n in enumerate(self.weight_shape)])

    def pack(self, q: Any) -> Any:
        """Neighbours in one byte."""
        return pack_int4(q if self.product is None else self.product.to_matrix(q), axis=self.packed_axis)[0]

    def unpack(self) -> Any:
        """The integers in the weight's shape."""
        return _unpacked(self)

    def rows(self, ids: Any) -> Any:
        """q / scale of some rows; only these are unpacked."""
        scale = ops.take(getattr(self.layer, self.scale_name), ids, axis=0)
        q = _unpacked_rows(self, ids)
        return ops.divide(ops.cast(q, scale.dtype), ops.expand_dims(scale, -1))


class Int4Blocks(Integers):
    """4-bit integers, blocks of summed positions with a scale and a zero of their own: w = (q - zero) scale."""

    range = (-8, 7)

    def __init__(self, layer: Any, config: Any, name: str | None = None) -> None:
        super().__init__(layer, config, name)
        self.mode = f"int4/{config.block_size}"

    def made(self) -> list[tuple[str, str | None]]:
        """The integers, their scales and zeros, and the block of each position."""
        return [
            (self.name, "int8"),
            (f"{self.name}_scale", None),
            (f"{self.name}_zero", "int8"),
            ("g_idx", "float32"),
        ]

    def encode(self, weight: Any) -> tuple:
        """(packed integers, scale, zero, blocks)."""
        matrix = ops.transpose(weight) if self.product is None else self.product.to_matrix(weight)
        size, rows = self.config.block_size, matrix.shape[0]
        padded = ops.pad(matrix, [[0, max(size - rows, 0)], [0, 0]])  # a block is whole, with zeros in its range
        q, scale, zero = abs_max_quantize_grouped_with_zero_point(padded, size, value_range=self.range)
        q, blocks = q[:rows], ops.floor_divide(ops.arange(rows), size)
        if self.product is None:  # a table's blocks run along its rows
            q, scale, zero = ops.transpose(q), ops.transpose(scale), ops.transpose(zero)
        return pack_int4(q, axis=self.packed_axis)[0], scale, zero, blocks

    def _blocks(self) -> tuple[Any, Any]:
        """(scale, zero) in floats."""
        scale, zero = (getattr(self.layer, f"{self.name}_{part}") for part in ("scale", "zero"))
        return ops.cast(scale, "float32"), ops.cast(zero, "float32")

    def decode(self) -> Any:
        """(q - zero) scale."""
        axis = 1 if self.product is None else 0
        scale, zero = (ops.take(part, self._block_of(), axis=axis) for part in self._blocks())
        q = unpack_int4(getattr(self.layer, self.name), _length(self), axis=self.packed_axis)
        weight = (ops.cast(q, "float32") - zero) * scale
        return weight if self.product is None else self.product.from_matrix(weight, self.weight_shape)

    def _block_of(self) -> Any:
        return ops.cast(self.layer.g_idx, "int32")

    def rows(self, ids: Any) -> Any:
        """(q - zero) scale of some rows; only these are unpacked."""
        scale, zero = (ops.take(ops.take(p, ids, axis=0), self._block_of(), axis=-1) for p in self._blocks())
        return (ops.cast(_unpacked_rows(self, ids), "float32") - zero) * scale


class Int4BlocksBack(Int4Blocks):
    """The second table of a ReversibleEmbedding: its blocks are those of the first, whose `g_idx` it reads."""

    def made(self) -> list[tuple[str, str | None]]:
        """The integers, their scales and zeros."""
        return [(self.name, "int8"), (f"{self.name}_scale", None), (f"{self.name}_zero", None)]

    def encode(self, weight: Any) -> tuple:
        """(packed integers, scale, zero)."""
        return super().encode(weight)[:3]


class Reversible:
    """A ReversibleEmbedding with integers: rows of a table, and products with it or with a second table on the way back.

    Args:
        layer: a built ReversibleEmbedding.
        there: the integers of the table.
        back: those of the second table; None where the first serves both.
    """

    def __init__(self, layer: Any, there: Integers, back: Integers | None) -> None:
        self.layer, self.there, self.back = layer, there, back
        self.mode, self.weight_shape = there.mode, there.weight_shape
        self._tables = [there] if back is None else [there, back]

    def take_over(self) -> None:
        """Put integers in the weights' places."""
        for table in self._tables:
            table.take_over()

    def stored(self) -> list[Variable]:
        """The variables that files hold."""
        return [variable for table in self._tables for variable in table.stored()]

    def values(self) -> list[Any]:
        """What is written for them."""
        return [value for table in self._tables for value in table.values()]

    def after_load(self) -> None:
        """A correction becomes zero."""
        self.there.after_load()

    def merge(self) -> None:
        """Add a correction to the table."""
        self.there.merge()

    def whole(self) -> Any:
        """The table in floats, with a correction."""
        return self.there.whole()

    def call(self, inputs: Any, reverse: bool = False) -> Any:
        """Rows, or products."""
        if not reverse:
            return self.there.call(inputs)
        layer = self.layer
        x = ops.cast(inputs, layer.compute_dtype)
        logits = self.there.multiply_back(x) if self.back is None else self.back.multiply(x)
        if self.back is None and layer.lora_enabled:
            logits = logits + ops.cast(lora.products_with_rows(layer, self.there.name, x), logits.dtype)
        return layer.capped(ops.cast(logits, layer.reverse_dtype or layer.compute_dtype))


def rounded_inputs(inputs: Any, quantizer: Any, axis: tuple[int, ...]) -> tuple[Any, Any]:
    """(the inputs as integers, in floats, with the gradient of x scale; their scale)."""
    q, scale = quantizer(inputs, axis=axis)
    scale = ops.stop_gradient(ops.cast(scale, "float32"))
    exact = ops.cast(inputs, "float32") * scale
    return exact + ops.stop_gradient(ops.cast(q, "float32") - exact), scale


def _few(x: Any, most: int = FEW) -> bool:
    """Whether x is known to hold few vectors, so few that the weights are read more often than they are computed with."""
    return None not in tuple(x.shape) and _size(x.shape[:-1]) <= most


def _with_rows(x: Any, rows: Any) -> Any:
    """x rows^T, one vector at a time: each then reads the integers as they lie, and none is kept in floats.

    XLA would turn all integers into floats once, before a loop of such products, and then read four times as much in each
    turn. So they are combined with a zero that depends on the vectors, which it cannot know.
    """
    vectors = ops.reshape(x, (-1, x.shape[-1]))
    zero = ops.cast(ops.isnan(vectors[0, 0]), "int8")  # not 0 only where the product is no number anyhow
    turned = ops.transpose(ops.cast(ops.bitwise_xor(rows, zero), x.dtype))
    found = [ops.matmul(vectors[i : i + 1], turned) for i in range(vectors.shape[0])]
    outputs = found[0] if len(found) == 1 else ops.concatenate(found, axis=0)
    return ops.reshape(outputs, (*x.shape[:-1], rows.shape[0]))


def _size(shape: Any) -> int:
    size = 1
    for length in shape:
        size *= length
    return size


def _length(power: Integers) -> int:
    """The length of the matrix along the axis whose neighbours share bytes."""
    shape = power.weight_shape
    if power.product is None or power.packed_axis == 0:
        return shape[power.packed_axis]
    size = 1
    for axis, length in enumerate(shape):
        size *= 1 if axis in power.product.summed_axes else length
    return size


def _unpacked(power: Integers) -> Any:
    q = unpack_int4(getattr(power.layer, power.name), _length(power), axis=power.packed_axis)
    return q if power.product is None else power.product.from_matrix(q, power.weight_shape)


def _unpacked_rows(power: Integers, ids: Any) -> Any:
    return unpack_int4(ops.take(getattr(power.layer, power.name), ids, axis=0), _length(power), axis=-1)


def _given(values: Any) -> Any:
    """An initializer that gives these values."""
    return lambda shape, dtype=None: values
