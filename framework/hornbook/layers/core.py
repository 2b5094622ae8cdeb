"""Projections and tables: Dense, EinsumDense, Embedding, ReversibleEmbedding; and Identity and Masking, which hold no weights."""

import copy
from collections.abc import Sequence
from typing import Any

import numpy as np

from hornbook import activations, backend, constraints, initializers, ops, regularizers
from hornbook.core.arguments import known_sizes, positive_integer
from hornbook.core.keras_tensor import KerasTensor
from hornbook.core.layer import InputSpec
from hornbook.core.registry import deserialize_keras_object, serialize_keras_object
from hornbook.layers.adaptable import Adaptable
from hornbook.layers.reshaping import MovingLayer
from hornbook.ops.numpy.products import matmul_and_add

__all__ = ["Dense", "EinsumDense", "Embedding", "Identity", "Masking", "ReversibleEmbedding"]


class ProjectionLayer(Adaptable):
    """Base of the layers with one large weight that can be quantized; what configs say of that is handed on."""

    def __init__(self, *args: Any, quantization_config: Any = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.quantization_config = quantization_config

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments as plain data."""
        return {**super().get_config(), "quantization_config": serialize_keras_object(self.quantization_config)}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """The layer that `config` describes."""
        config = dict(config)
        config.pop("gptq_unpacked_column_size", None)
        if config.get("quantization_config") is not None:
            config["quantization_config"] = deserialize_keras_object(config["quantization_config"], family="quantizers")
        return super().from_config(config)


class Dense(ProjectionLayer):
    """The fully connected layer.

    output = activation(inputs @ kernel + bias)

    Args:
        units: the size of the output's last axis.
        activation: name or function; none if None.
        use_bias: whether a bias is added.
        kernel_initializer, bias_initializer: where the weights start.
        kernel_regularizer, bias_regularizer, activity_regularizer: penalties added to the loss.
        kernel_constraint, bias_constraint: projections applied after each update.

    Call:
        inputs: (batch, ..., features).
        Returns (batch, ..., units). The kernel has shape (features, units), the bias (units,).

    Raises:
        ValueError: for units that are no positive integer.

    >>> import numpy as np
    >>> from hornbook import layers
    >>> layers.Dense(2, kernel_initializer="ones")(np.ones((1, 3))).numpy()
    array([[3., 3.]], dtype=float32)
    """

    def __init__(
        self,
        units: int,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        self.units = positive_integer(units, "units")
        self.activation = activations.get(activation)
        self.use_bias = use_bias
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.bias_regularizer = regularizers.get(bias_regularizer)
        self.kernel_constraint = constraints.get(kernel_constraint)
        self.bias_constraint = constraints.get(bias_constraint)
        self.input_spec = InputSpec(min_ndim=2)
        self.supports_masking = True

    def build(self, input_shape: Sequence) -> None:
        (features,) = known_sizes(input_shape, [-1], "Dense")
        self.kernel = self.add_weight(shape=(features, self.units), name="kernel")
        self.bias = self.add_weight(shape=(self.units,), name="bias") if self.use_bias else None
        self.input_spec = InputSpec(min_ndim=2, axes={-1: features})

    def call(self, inputs: Any) -> Any:
        if self.bias is None:
            return self.activation(ops.matmul(inputs, self.kernel))
        return self.activation(matmul_and_add(inputs, self.kernel, self.bias))

    def compute_output_shape(self, input_shape: Sequence) -> tuple:
        return (*input_shape[:-1], self.units)

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        if self.activity_regularizer is None:
            del config["activity_regularizer"]
        return config


def _with_fans(initializer: Any, summed: list[int], kept: list[int]) -> Any:
    """An initializer that scales with the fans, told which axes of the kernel are summed over and which stay."""
    if not isinstance(initializer, initializers.VarianceScaling) or initializer.input_axes is not None:
        return initializer
    told = copy.copy(initializer)
    told.input_axes, told.output_axes = summed, kept
    return told


class EinsumDense(ProjectionLayer):
    """A dense layer whose product is any einsum of the input and a kernel.

    output = activation(einsum(equation, inputs, kernel) + bias)

    Args:
        equation: "abc,cd->abd": the axes of the input, of the kernel, of the output. Axes before or after those named
            go through under an ellipsis: "...c,cd->...d".
        output_shape: sizes of the output's axes without the batch (and those under the ellipsis); None where the size
            is that of the input's axis of the same letter.
        activation: name or function; none if None.
        bias_axes: letters of the output's axes along which the bias differs; no bias if None.
        kernel_initializer, bias_initializer: where the weights start.
        kernel_regularizer, bias_regularizer: penalties added to the loss.
        kernel_constraint, bias_constraint: projections applied after each update.

    Raises:
        ValueError: for an equation that is not of these forms, or does not fit the shapes.

    >>> import numpy as np
    >>> from hornbook import layers
    >>> heads = layers.EinsumDense("btm,mhd->bthd", output_shape=(None, 2, 4), bias_axes="hd")
    >>> heads(np.ones((1, 3, 8))).shape, heads.kernel.shape, heads.bias.shape
    (TensorShape([1, 3, 2, 4]), (8, 2, 4), (2, 4))
    """

    def __init__(
        self,
        equation: str,
        output_shape: Any,
        activation: Any = None,
        bias_axes: str | None = None,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.equation = equation
        self.partial_output_shape = (output_shape,) if isinstance(output_shape, int) else tuple(output_shape)
        self.bias_axes = bias_axes
        self.activation = activations.get(activation)
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.bias_regularizer = regularizers.get(bias_regularizer)
        self.kernel_constraint = constraints.get(kernel_constraint)
        self.bias_constraint = constraints.get(bias_constraint)

    def _axes(self, input_shape: Sequence) -> tuple[str, str, dict, dict, tuple]:
        """(kernel letters, output letters, input sizes, output sizes, whole output shape) for an input shape."""
        inputs, _, rest = self.equation.replace(" ", "").partition(",")
        kernel, _, output = rest.partition("->")
        left, right = inputs.startswith("..."), inputs.endswith("...")
        same_dots = (left, right) == (output.startswith("..."), output.endswith("..."))
        input_letters, output_letters = inputs.strip("."), output.strip(".")
        if not (same_dots and not (left and right) and all(map(str.isalpha, (input_letters, kernel, output_letters)))):
            raise ValueError(
                f"equation must look like 'ab,bc->ac', '...b,bc->...c' or 'ab...,bc->ac...', got {self.equation!r}."
            )
        hidden = len(input_shape) - len(input_letters)
        if hidden < 0 or (hidden and not (left or right)):
            raise ValueError(f"equation {self.equation!r} does not fit an input of shape {tuple(input_shape)}.")
        shape = tuple(input_shape)
        named, under_dots = (shape[hidden:], shape[:hidden]) if left else (shape[: len(input_letters)], shape[-hidden:])
        input_sizes = dict(zip(input_letters, named, strict=True))
        # The batch is the output's first letter (or the first axis under a left ellipsis) and is not in output_shape.
        stated = ((None,) if not left else ()) + self.partial_output_shape[-len(output_letters) :]
        stated = stated[-len(output_letters) :]
        if len(stated) != len(output_letters):
            raise ValueError(
                f"output_shape={self.partial_output_shape} does not fit the axes {output!r} of {self.equation!r}; "
                "it names their sizes without the batch."
            )
        output_sizes = {c: input_sizes.get(c) if s is None else s for c, s in zip(output_letters, stated, strict=True)}
        for letter, size in output_sizes.items():
            if letter not in input_sizes and letter not in kernel:
                raise ValueError(f"Axis {letter!r} of the output of {self.equation!r} is in neither input nor kernel.")
            if None not in (size, input_sizes.get(letter)) and size != input_sizes[letter]:
                raise ValueError(
                    f"Axis {letter!r} of {self.equation!r} has size {input_sizes[letter]} in the input and {size} in "
                    f"output_shape={self.partial_output_shape}."
                )
        middle = tuple(output_sizes[c] for c in output_letters)
        whole = under_dots + middle if left else middle + (under_dots if right and hidden else ())
        return kernel, output, input_sizes, output_sizes, whole

    def build(self, input_shape: Sequence) -> None:
        kernel_letters, output, input_sizes, output_sizes, _ = self._axes(input_shape)
        for letter in kernel_letters:
            if letter not in input_sizes and letter not in output_sizes:
                raise ValueError(f"Axis {letter!r} of the kernel of {self.equation!r} is in neither input nor output.")
        kernel_shape = tuple(input_sizes.get(c) or output_sizes.get(c) for c in kernel_letters)
        if None in kernel_shape:
            raise ValueError(
                f"{self.equation!r} with output_shape={self.partial_output_shape} on an input of shape "
                f"{tuple(input_shape)} leaves a size of the kernel open: {kernel_shape}."
            )
        summed = [axis for axis, letter in enumerate(kernel_letters) if letter not in output_sizes]
        kept = [axis for axis, letter in enumerate(kernel_letters) if letter in output_sizes]
        initializer = _with_fans(self.kernel_initializer, summed, kept)
        self.kernel = self.add_weight(shape=kernel_shape, initializer=initializer, name="kernel")
        self.bias = None
        if self.bias_axes is not None:
            letters = output.strip(".")
            unknown = set(self.bias_axes) - set(letters)
            if unknown:
                raise ValueError(
                    f"bias_axes={self.bias_axes!r} names {sorted(unknown)}, not in the output {letters!r}."
                )
            # The bias starts at its first letter; the axes after it that it does not name have size 1.
            letters = letters[min(letters.index(c) for c in self.bias_axes) :]
            hidden = len(input_shape) - len(input_sizes) if output.endswith("...") else 0
            shape = tuple(output_sizes[c] if c in self.bias_axes else 1 for c in letters) + (1,) * hidden
            self.bias = self.add_weight(shape=shape, name="bias")
        self.input_spec = InputSpec(ndim=len(input_shape))

    def call(self, inputs: Any) -> Any:
        outputs = ops.einsum(self.equation, inputs, self.kernel)
        if self.bias is not None:
            outputs = ops.add(outputs, self.bias)
        return self.activation(outputs)

    def compute_output_shape(self, input_shape: Sequence) -> tuple:
        return self._axes(input_shape)[-1]

    def get_config(self) -> dict[str, Any]:
        return {"activity_regularizer": None, **super().get_config(), "output_shape": self.partial_output_shape}


class Embedding(ProjectionLayer):
    """A table of vectors, one for each integer.

    output[b, t] = embeddings[inputs[b, t]]

    Args:
        input_dim: how many integers there are: inputs lie in 0 ... input_dim - 1.
        output_dim: the size of a vector.
        embeddings_initializer, embeddings_regularizer, embeddings_constraint: of the table.
        mask_zero: whether 0 stands for padding, which the layers after this one then skip.
        weights: the table to start from, an array of shape (input_dim, output_dim).

    Call:
        inputs: integers of shape (batch, ...).
        Returns (batch, ..., output_dim).

    Raises:
        ValueError: for sizes that are no positive integers.

    >>> import numpy as np
    >>> from hornbook import layers
    >>> layers.Embedding(3, 2, weights=[[0, 0], [1, 2], [3, 4]])(np.array([[1, 2]])).numpy()
    array([[[1., 2.],
            [3., 4.]]], dtype=float32)
    """

    def __init__(
        self,
        input_dim: int,
        output_dim: int,
        embeddings_initializer: Any = "uniform",
        embeddings_regularizer: Any = None,
        embeddings_constraint: Any = None,
        mask_zero: bool = False,
        weights: Any = None,
        **kwargs: Any,
    ) -> None:
        input_length = kwargs.pop("input_length", None)  # what Keras 2 called the length of its input
        if input_length is not None and "input_shape" not in kwargs:
            kwargs["input_shape"] = (input_length,) if isinstance(input_length, int) else tuple(input_length)
        super().__init__(**kwargs)
        self.input_dim = positive_integer(input_dim, "input_dim")
        self.output_dim = positive_integer(output_dim, "output_dim")
        self.embeddings_initializer = initializers.get(embeddings_initializer)
        self.embeddings_regularizer = regularizers.get(embeddings_regularizer)
        self.embeddings_constraint = constraints.get(embeddings_constraint)
        self.mask_zero = self.supports_masking = mask_zero
        self.autocast = False  # indices given as floats keep their value
        if weights is not None:
            self.build()
            table = np.asarray(weights)
            self.set_weights([table[0] if table.ndim == 3 else table])  # also as a list of one table, as get_weights()

    def build(self, input_shape: Any = None) -> None:
        self.embeddings = self.add_weight(shape=(self.input_dim, self.output_dim), name="embeddings")

    def call(self, inputs: Any) -> Any:
        if not backend.is_int_dtype(inputs.dtype):
            inputs = ops.cast(inputs, "int32")
        return ops.cast(ops.take(self.embeddings, inputs, axis=0), self.compute_dtype)

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        return ops.not_equal(inputs, 0) if self.mask_zero else None

    def compute_output_shape(self, input_shape: Sequence) -> tuple:
        return (*input_shape, self.output_dim)

    def get_config(self) -> dict[str, Any]:
        config = {"activity_regularizer": None, **super().get_config(), "input_dim": self.input_dim}
        for key in ("weights", "input_length"):
            config.pop(key, None)
        return config


class ReversibleEmbedding(Embedding):
    """A vector for each integer, and back: from vectors to a number for each integer, by the same table.

    output = embeddings[inputs]                                     inputs: integers
    output = inputs @ embeddings^T                                  reverse=True
           = logit_soft_cap * tanh(inputs @ embeddings^T / logit_soft_cap)      with a cap

    Args:
        input_dim, output_dim, embeddings_initializer, embeddings_regularizer, embeddings_constraint, mask_zero: as in
            `Embedding`.
        tie_weights: whether the way back uses the same table; else it has one of its own, (output_dim, input_dim).
        reverse_dtype: the dtype to compute the way back in, as the products of a large table need precision.
        logit_soft_cap: a bound that what comes out of the way back approaches and never passes.

    Call:
        inputs: integers (batch, ...), or with reverse=True vectors (batch, ..., output_dim).
        Returns (batch, ..., output_dim), or (batch, ..., input_dim).

    >>> import numpy as np
    >>> from hornbook import layers
    >>> embedding = layers.ReversibleEmbedding(5, 3)
    >>> vectors = embedding(np.array([[1, 2]]))
    >>> vectors.shape, embedding(vectors, reverse=True).shape
    (TensorShape([1, 2, 3]), TensorShape([1, 2, 5]))
    """

    def __init__(
        self,
        input_dim: int,
        output_dim: int,
        tie_weights: bool = True,
        embeddings_initializer: Any = "uniform",
        embeddings_regularizer: Any = None,
        embeddings_constraint: Any = None,
        mask_zero: bool = False,
        reverse_dtype: Any = None,
        logit_soft_cap: float | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            input_dim,
            output_dim,
            embeddings_initializer=embeddings_initializer,
            embeddings_regularizer=embeddings_regularizer,
            embeddings_constraint=embeddings_constraint,
            mask_zero=mask_zero,
            **kwargs,
        )
        self.tie_weights, self.reverse_dtype, self.logit_soft_cap = tie_weights, reverse_dtype, logit_soft_cap

    def build(self, input_shape: Any = None) -> None:
        super().build(input_shape)
        if not self.tie_weights:
            self.reverse_embeddings = self.add_weight(
                shape=(self.output_dim, self.input_dim),
                initializer=self.embeddings_initializer,
                name="reverse_embeddings",
            )

    def call(self, inputs: Any, reverse: bool = False) -> Any:
        if not reverse:
            return super().call(inputs)
        dtype = self.reverse_dtype or self.compute_dtype
        kernel = ops.transpose(self.embeddings) if self.tie_weights else self.reverse_embeddings
        return self.capped(ops.matmul(ops.cast(inputs, dtype), ops.cast(kernel, dtype)))

    def capped(self, logits: Any) -> Any:
        """The logits, bounded where there is a cap."""
        if self.logit_soft_cap is None:
            return logits
        return ops.multiply(ops.tanh(ops.divide(logits, self.logit_soft_cap)), self.logit_soft_cap)

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        vectors = backend.is_float_dtype(inputs.dtype) and inputs.shape[-1] == self.output_dim
        return mask if vectors else super().compute_mask(inputs, mask)  # the way back keeps the mask it was given

    def compute_output_shape(self, input_shape: Sequence, reverse: bool = False) -> tuple:
        return (*input_shape[:-1], self.input_dim) if reverse else (*input_shape, self.output_dim)

    def compute_output_spec(self, inputs: Any, reverse: bool = False) -> KerasTensor:
        dtype = self.reverse_dtype if reverse and self.reverse_dtype else self.compute_dtype
        return KerasTensor(self.compute_output_shape(inputs.shape, reverse), dtype)


class Identity(MovingLayer):
    """The layer that gives back its input: output = inputs.

    >>> import numpy as np
    >>> from hornbook import layers
    >>> layers.Identity()(np.array([1, 2])).numpy()
    array([1, 2])
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True

    def call(self, inputs: Any) -> Any:
        return inputs


class Masking(MovingLayer):
    """Masks the time steps whose features all equal a value, so that the layers after this one skip them.

    mask[b, t] = any(inputs[b, t] != mask_value)

    Args:
        mask_value: what padding consists of.

    Call:
        inputs: (batch, time, features).
        Returns the same, masked steps set to zero.

    >>> import numpy as np
    >>> from hornbook import layers
    >>> layers.Masking()(np.array([[[1.0, 0.0], [0.0, 0.0]]]))._keras_mask.numpy()
    array([[ True, False]])
    """

    def __init__(self, mask_value: float = 0.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.mask_value = mask_value
        self.supports_masking = True

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        return ops.any(ops.not_equal(inputs, self.mask_value), axis=-1)

    def call(self, inputs: Any) -> Any:
        mask = ops.expand_dims(self.compute_mask(inputs), -1)  # (batch, time, 1)
        return ops.multiply(inputs, ops.cast(mask, inputs.dtype))
