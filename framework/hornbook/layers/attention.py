"""Attention: each position of a query gathers from the positions of a value those whose keys fit it.

    scores = softmax(queries @ keys^T / sqrt(dim))        (batch, heads, T, S)
    output = scores @ values                              (batch, T, heads, dim)

Axes: T positions of the query, S positions of key and value.
"""

from collections.abc import Sequence
from typing import Any

from hornbook import backend, constraints, initializers, ops, random, regularizers
from hornbook.core.arguments import known_sizes, one_of, positive_integer
from hornbook.core.layer import Layer
from hornbook.core.operation import infer
from hornbook.layers.activations import Softmax
from hornbook.layers.core import EinsumDense
from hornbook.layers.regularization import Dropout

__all__ = ["AdditiveAttention", "Attention", "GroupQueryAttention", "MultiHeadAttention"]


class BaseAttention(Layer):
    """What the attention layers share: masks, the softmax, and the making of projections."""

    def __init__(
        self,
        dropout: float,
        use_bias: bool,
        sliding_window: int | None,
        flash_attention: bool | None,
        kernel_initializer: Any,
        bias_initializer: Any,
        kernel_regularizer: Any,
        bias_regularizer: Any,
        activity_regularizer: Any,
        kernel_constraint: Any,
        bias_constraint: Any,
        use_gate: bool,
        seed: int | None,
        **kwargs: Any,
    ) -> None:
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        self.supports_masking = True
        self.dropout, self.use_bias, self.use_gate, self.seed = dropout, use_bias, use_gate, seed
        self.sliding_window = None if sliding_window is None else positive_integer(sliding_window, "sliding_window")
        self._flash_attention = flash_attention
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.bias_regularizer = regularizers.get(bias_regularizer)
        self.kernel_constraint = constraints.get(kernel_constraint)
        self.bias_constraint = constraints.get(bias_constraint)
        if flash_attention and dropout > 0:
            raise ValueError(
                f"flash_attention=True has no dropout; got dropout={dropout}. Set one of them to 0 or None."
            )

    def _projection(
        self, equation: str, output_shape: Sequence, bias_axes: str, name: str, activation: Any = None
    ) -> EinsumDense:
        dense = EinsumDense(
            equation,
            output_shape=output_shape,
            bias_axes=bias_axes if self.use_bias else None,
            activation=activation,
            kernel_initializer=_fresh(self.kernel_initializer),
            bias_initializer=_fresh(self.bias_initializer),
            kernel_regularizer=self.kernel_regularizer,
            bias_regularizer=self.bias_regularizer,
            kernel_constraint=self.kernel_constraint,
            bias_constraint=self.bias_constraint,
            activity_regularizer=self.activity_regularizer,
            dtype=self.dtype_policy,
            name=name,
        )
        dense.supports_masking = True
        return dense

    def _mask(
        self,
        query: Any,
        value: Any,
        query_mask: Any,
        value_mask: Any,
        key_mask: Any,
        attention_mask: Any,
        causal: bool,
    ) -> Any:
        """All masks as one of shape (batch or 1, T or 1, S), True where a query position may look; None for no mask."""
        parts = [] if attention_mask is None else [ops.cast(attention_mask, "bool")]
        if query_mask is not None:
            parts.append(ops.expand_dims(ops.cast(query_mask, "bool"), -1))  # (batch, T) -> (batch, T, 1)
        for mask in (value_mask, key_mask):
            if mask is not None:
                parts.append(ops.expand_dims(ops.cast(mask, "bool"), -2))  # (batch, S) -> (batch, 1, S)
        if causal or self.sliding_window is not None:
            rows = ops.expand_dims(ops.arange(ops.shape(query)[1]), -1)  # (T, 1)
            columns = ops.expand_dims(ops.arange(ops.shape(value)[1]), 0)  # (1, S)
            if causal:
                parts.append(ops.expand_dims(ops.greater_equal(rows, columns), 0))
            if self.sliding_window is not None:
                distance = ops.absolute(ops.subtract(rows, columns))
                parts.append(ops.expand_dims(ops.less(distance, self.sliding_window), 0))
        mask = None
        for part in parts:
            mask = part if mask is None else ops.logical_and(mask, part)
        return mask

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        if kwargs.get("return_attention_scores"):
            return infer(self, args, kwargs)
        return super().compute_output_spec(*args, **kwargs)


def _fresh(initializer: Any) -> Any:
    """A copy, so that each projection draws numbers of its own."""
    return initializer.clone() if hasattr(initializer, "clone") else initializer


class MultiHeadAttention(BaseAttention):
    """Attention by several heads at once, each in a subspace of its own.

    queries, keys, values = query @ Wq, key @ Wk, value @ Wv                    (batch, T or S, heads, key_dim)
    scores = softmax(queries . keys / sqrt(key_dim))                            (batch, heads, T, S)
    output = (scores . values) @ Wo                                             (batch, T, features)

    Args:
        num_heads: the number of heads.
        key_dim: the size of a head's queries and keys.
        value_dim: the size of a head's values; `key_dim` if None.
        dropout: the part of the scores that is dropped while training.
        use_bias: whether the projections have biases.
        output_shape: the size, or sizes, of the output's features; the query's if None.
        attention_axes: the axes attention runs over, where there are several; all of them if None.
        sliding_window: a position only looks at those nearer than this.
        flash_attention: True asks for the fused kernel, False forbids it, None leaves it to the backend.
        kernel_initializer, bias_initializer, kernel_regularizer, bias_regularizer, kernel_constraint, bias_constraint:
            of all projections.
        activity_regularizer: a penalty on the outputs of this layer and of its projections.
        use_gate: whether what the heads gathered is multiplied by sigmoid(query @ Wg).
        seed: makes the dropout repeatable.

    Call:
        query: (batch, T, features); value: (batch, S, features); key: as value, which it is if not given.
        attention_mask: (batch, T, S) booleans, True where a query position may look.
        query_mask: (batch, T); value_mask, key_mask: (batch, S); what is False is left out. The output has query_mask.
        return_attention_scores: whether to return (output, scores).
        use_causal_mask: whether a position only looks at itself and earlier ones.

    Raises:
        ValueError: for sizes that are not positive, or where value and key differ in length.

    Source: Vaswani et al. 2017, section 3.2, https://arxiv.org/abs/1706.03762

    >>> import numpy as np
    >>> from hornbook import layers
    >>> attention = layers.MultiHeadAttention(num_heads=2, key_dim=4)
    >>> output, scores = attention(np.ones((1, 3, 8)), np.ones((1, 5, 8)), return_attention_scores=True)
    >>> output.shape, scores.shape
    (TensorShape([1, 3, 8]), TensorShape([1, 2, 3, 5]))
    """

    def __init__(
        self,
        num_heads: int,
        key_dim: int,
        value_dim: int | None = None,
        dropout: float = 0.0,
        use_bias: bool = True,
        output_shape: Any = None,
        attention_axes: Any = None,
        sliding_window: int | None = None,
        flash_attention: bool | None = None,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        use_gate: bool = False,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            dropout=dropout,
            use_bias=use_bias,
            sliding_window=sliding_window,
            flash_attention=flash_attention,
            kernel_initializer=kernel_initializer,
            bias_initializer=bias_initializer,
            kernel_regularizer=kernel_regularizer,
            bias_regularizer=bias_regularizer,
            activity_regularizer=activity_regularizer,
            kernel_constraint=kernel_constraint,
            bias_constraint=bias_constraint,
            use_gate=use_gate,
            seed=seed,
            **kwargs,
        )
        self.num_heads = positive_integer(num_heads, "num_heads")
        self.key_dim = positive_integer(key_dim, "key_dim")
        self.value_dim = positive_integer(value_dim, "value_dim") if value_dim else self.key_dim
        self.attention_axes = (attention_axes,) if isinstance(attention_axes, int) else attention_axes
        if self.attention_axes is not None:
            self.attention_axes = tuple(self.attention_axes)
        single = isinstance(output_shape, int)
        self.output_sizes = None if output_shape is None else (output_shape,) if single else tuple(output_shape)

    # Public here and not in GroupQueryAttention, as in Keras: paths in files follow public names.
    query_dense = property(lambda self: self._query_dense, doc="The projection of the query.")
    key_dense = property(lambda self: self._key_dense, doc="The projection of the key.")
    value_dense = property(lambda self: self._value_dense, doc="The projection of the value.")
    output_dense = property(lambda self: self._output_dense, doc="The projection of what was gathered.")

    def build(self, query_shape: Sequence, value_shape: Sequence, key_shape: Any = None) -> None:
        key_shape = value_shape if key_shape is None else key_shape
        rank = len(query_shape)
        self._check_shapes(query_shape, value_shape, key_shape)
        axes = tuple(range(1, rank - 1)) if self.attention_axes is None else self.attention_axes
        self.attention_axes = axes = tuple(axis % (rank + 1) for axis in axes)

        # (batch, ..., features) -> (batch, ..., heads, dim)
        def to_heads(name: str, shape: Sequence, dim: int, activation: Any = None) -> EinsumDense:
            letters = "abcdefgh"[: len(shape)]
            equation = f"{letters},{letters[-1]}xy->{letters[:-1]}xy"
            sizes = [None] * (len(shape) - 2) + [self.num_heads, dim]
            dense = self._projection(equation, sizes, "xy", name, activation)
            dense.build(shape)
            return dense

        self._query_dense = to_heads("query", query_shape, self.key_dim)
        self._key_dense = to_heads("key", key_shape, self.key_dim)
        if self.use_gate:
            self._gate_dense = to_heads("gate", query_shape, self.value_dim, "sigmoid")
        self._value_dense = to_heads("value", value_shape, self.value_dim)

        # The positions attended over are the letters T of queries, S of keys; all other axes go side by side.
        queries = "abcdefgh"[: rank + 1]
        keys = "".join("stuvwxyz"[i] if i in axes else c for i, c in enumerate(queries))
        beside = "".join(c for i, c in enumerate(queries[:-1]) if i not in axes)
        scores = beside + "".join(queries[i] for i in axes) + "".join(keys[i] for i in axes)
        self._score_equation = f"{queries},{keys}->{scores}"  # bthd,bshd->bhts
        self._gather_equation = f"{scores},{keys}->{queries}"  # bhts,bshd->bthd
        self._softmax = Softmax(axis=tuple(range(-len(axes), 0)), dtype=self.dtype_policy)
        self._dropout_layer = Dropout(self.dropout, seed=self.seed, dtype=self.dtype_policy) if self.dropout else None

        # (batch, ..., heads, value_dim) -> (batch, ..., features)
        sizes = self.output_sizes or (query_shape[-1],)
        new = "tuvwxyz"[: len(sizes)]
        equation = f"{queries},{queries[-2:]}{new}->{queries[:-2]}{new}"
        self._output_dense = self._projection(equation, [None] * (rank - 2) + list(sizes), new, "attention_output")
        self._output_dense.build((*query_shape[:-1], self.num_heads, self.value_dim))

    def call(
        self,
        query: Any,
        value: Any,
        key: Any = None,
        query_mask: Any = None,
        value_mask: Any = None,
        key_mask: Any = None,
        attention_mask: Any = None,
        return_attention_scores: bool = False,
        training: bool | None = None,
        use_causal_mask: bool = False,
    ) -> Any:
        key = value if key is None else key
        self._check_shapes(query.shape, value.shape, key.shape)
        mask = self._mask(query, value, query_mask, value_mask, key_mask, attention_mask, use_causal_mask)
        queries, keys, values = self._query_dense(query), self._key_dense(key), self._value_dense(value)

        rank = len(queries.shape)
        if mask is not None:  # (batch, T, S) -> (batch, 1, T, S)
            place = len(mask.shape) - 2 * len(self.attention_axes)
            missing = rank - 1 + len(self.attention_axes) - len(mask.shape)
            mask = ops.expand_dims(mask, tuple(range(place, place + missing))) if missing else mask

        scale, scores = 1.0 / self.key_dim**0.5, None
        if rank == 4 and not self.dropout and not return_attention_scores:
            gathered = ops.dot_product_attention(
                queries, keys, values, mask=mask, scale=scale, flash_attention=self._flash_attention
            )
        else:
            scores = self._softmax(ops.einsum(self._score_equation, ops.multiply(queries, scale), keys), mask=mask)
            kept = scores if self._dropout_layer is None else self._dropout_layer(scores, training=training)
            gathered = ops.einsum(self._gather_equation, kept, values)
        if self.use_gate:
            gathered = ops.multiply(gathered, self._gate_dense(query))
        output = self._output_dense(gathered)
        return (output, scores) if return_attention_scores else output

    def _check_shapes(self, query: Sequence, value: Sequence, key: Sequence) -> None:
        if len(query) != len(value) or len(query) < 3:
            raise ValueError(
                "query and value must have the same number of axes, (batch, positions, features) or more; got shapes "
                f"{tuple(query)} and {tuple(value)}."
            )
        differ = len(key) != len(value) or any(
            None not in (k, v) and k != v for k, v in zip(key[1:-1], value[1:-1], strict=True)
        )
        if differ:
            raise ValueError(
                f"key and value must have the same positions; got shapes {tuple(key)} and {tuple(value)}, which may "
                "differ in the last axis only."
            )

    def compute_output_shape(self, query_shape: Sequence, value_shape: Any = None, key_shape: Any = None) -> tuple:
        if value_shape is not None:
            self._check_shapes(query_shape, value_shape, value_shape if key_shape is None else key_shape)
        return (*query_shape[:-1], *(self.output_sizes or (query_shape[-1],)))

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        del config["flash_attention"]
        return {**config, "output_shape": self.output_sizes}


class GroupQueryAttention(BaseAttention):
    """Attention whose query heads share keys and values in groups, which saves memory at generation.

    scores = softmax(queries[h] . keys[h // group] / sqrt(head_dim)),    group = num_query_heads / num_key_value_heads

    Args:
        head_dim: the size of a head.
        num_query_heads: the number of query heads.
        num_key_value_heads: the number of key and value heads; it divides num_query_heads.
        dropout: the part of the scores that is dropped while training.
        use_bias: whether the projections have biases.
        sliding_window: a position only looks at those nearer than this.
        flash_attention: True asks for the fused kernel, False forbids it, None leaves it to the backend.
        The rest: as in `MultiHeadAttention`.

    Call: as `MultiHeadAttention`.

    Raises:
        ValueError: where the heads do not divide.

    Source: Ainslie et al. 2023, https://arxiv.org/abs/2305.13245

    >>> import numpy as np
    >>> from hornbook import layers
    >>> attention = layers.GroupQueryAttention(head_dim=4, num_query_heads=4, num_key_value_heads=2)
    >>> attention(np.ones((1, 3, 8)), np.ones((1, 5, 8))).shape
    TensorShape([1, 3, 8])
    """

    _called = "GroupedQueryAttention"  # the class in Keras, whose public name is shorter

    def __init__(
        self,
        head_dim: int,
        num_query_heads: int,
        num_key_value_heads: int,
        dropout: float = 0.0,
        use_bias: bool = True,
        sliding_window: int | None = None,
        flash_attention: bool | None = None,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        use_gate: bool = False,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            dropout=dropout,
            use_bias=use_bias,
            sliding_window=sliding_window,
            flash_attention=flash_attention,
            kernel_initializer=kernel_initializer,
            bias_initializer=bias_initializer,
            kernel_regularizer=kernel_regularizer,
            bias_regularizer=bias_regularizer,
            activity_regularizer=activity_regularizer,
            kernel_constraint=kernel_constraint,
            bias_constraint=bias_constraint,
            use_gate=use_gate,
            seed=seed,
            **kwargs,
        )
        self.head_dim = positive_integer(head_dim, "head_dim")
        self.num_query_heads = positive_integer(num_query_heads, "num_query_heads")
        self.num_key_value_heads = positive_integer(num_key_value_heads, "num_key_value_heads")
        if self.num_query_heads % self.num_key_value_heads:
            raise ValueError(
                f"num_key_value_heads must divide num_query_heads, got {num_key_value_heads} and {num_query_heads}."
            )

    def build(self, query_shape: Sequence, value_shape: Sequence, key_shape: Any = None) -> None:
        key_shape = value_shape if key_shape is None else key_shape

        def to_heads(name: str, shape: Sequence, heads: int, activation: Any = None) -> EinsumDense:
            dense = self._projection("btm,mhd->bthd", (None, heads, self.head_dim), "hd", name, activation)
            dense.build(shape)
            return dense

        self._query_dense = to_heads("query", query_shape, self.num_query_heads)
        self._key_dense = to_heads("key", key_shape, self.num_key_value_heads)
        if self.use_gate:
            self._gate_dense = to_heads("gate", query_shape, self.num_query_heads, "sigmoid")
        self._value_dense = to_heads("value", value_shape, self.num_key_value_heads)
        self._softmax = Softmax(axis=-1, dtype=self.dtype_policy)
        self._dropout_layer = Dropout(self.dropout, seed=self.seed, dtype=self.dtype_policy) if self.dropout else None
        self._output_dense = self._projection("bthd,hdm->btm", (None, query_shape[-1]), "m", "attention_output")
        self._output_dense.build((*query_shape[:-1], self.num_query_heads, self.head_dim))

    def call(
        self,
        query: Any,
        value: Any,
        key: Any = None,
        query_mask: Any = None,
        value_mask: Any = None,
        key_mask: Any = None,
        attention_mask: Any = None,
        return_attention_scores: bool = False,
        training: bool | None = None,
        use_causal_mask: bool = False,
    ) -> Any:
        key = value if key is None else key
        mask = self._mask(query, value, query_mask, value_mask, key_mask, attention_mask, use_causal_mask)
        mask = None if mask is None else ops.expand_dims(mask, 1)  # (batch, 1, T, S)
        queries, keys, values = self._query_dense(query), self._key_dense(key), self._value_dense(value)
        group = self.num_query_heads // self.num_key_value_heads
        keys, values = ops.repeat(keys, group, axis=2), ops.repeat(values, group, axis=2)

        scale, scores = 1.0 / self.head_dim**0.5, None
        if not self.dropout and not return_attention_scores:
            gathered = ops.dot_product_attention(
                queries, keys, values, mask=mask, scale=scale, flash_attention=self._flash_attention
            )
        else:
            scores = self._softmax(ops.einsum("bthd,bshd->bhts", ops.multiply(queries, scale), keys), mask=mask)
            kept = scores if self._dropout_layer is None else self._dropout_layer(scores, training=training)
            gathered = ops.einsum("bhts,bshd->bthd", kept, values)
        if self.use_gate:
            gathered = ops.multiply(gathered, self._gate_dense(query))
        output = self._output_dense(gathered)
        return (output, scores) if return_attention_scores else output

    def compute_output_shape(self, query_shape: Sequence, value_shape: Any = None, key_shape: Any = None) -> tuple:
        return tuple(query_shape)

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        del config["flash_attention"]
        return config


class Attention(Layer):
    """Attention without projections: the query itself is compared with the keys.

    weights = softmax(scores + mask)                                    (batch, T, S)
    output = weights @ value                                            (batch, T, dim)
    scores = scale * query @ key^T                                      score_mode="dot"
           = concat_score_weight * sum(tanh(scale * (query + key)))     score_mode="concat"

    Args:
        use_scale: whether the scale is a weight; else it is 1.
        score_mode: "dot" or "concat".
        dropout: the part of the weights that is dropped while training.
        seed: makes the dropout repeatable.

    Call:
        inputs: [query (batch, T, dim), value (batch, S, dim)], or [query, value, key]; the key is the value otherwise.
        mask: [query mask (batch, T), value mask (batch, S)]; None for either. False leaves a value out, and makes the
            output of a query zero.
        return_attention_scores: whether to return (output, weights).
        use_causal_mask: whether a position only looks at itself and earlier ones.

    Raises:
        ValueError: for inputs or masks that are no lists of these.

    Source: Luong et al. 2015, https://arxiv.org/abs/1508.04025

    >>> import numpy as np
    >>> from hornbook import layers
    >>> output, weights = layers.Attention()([np.ones((1, 3, 4)), np.ones((1, 5, 4))], return_attention_scores=True)
    >>> output.shape, weights.shape
    (TensorShape([1, 3, 4]), TensorShape([1, 3, 5]))
    """

    def __init__(
        self,
        use_scale: bool = False,
        score_mode: str = "dot",
        dropout: float = 0.0,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.use_scale, self.dropout, self.seed = use_scale, dropout, seed
        self.score_mode = one_of(score_mode, ("dot", "concat"), "score_mode")
        self.seed_generator = random.SeedGenerator(seed) if dropout > 0 else None
        self.supports_masking = True

    def build(self, input_shape: Sequence) -> None:
        self._check(input_shape)
        self.scale = self.add_weight(shape=(), initializer="ones", name="scale") if self.use_scale else None
        if self.score_mode == "concat":
            self.concat_score_weight = self.add_weight(shape=(), initializer="ones", name="concat_score_weight")

    def scores(self, query: Any, key: Any) -> Any:
        """How well each key fits each query: (batch, T, S)."""
        if self.score_mode == "dot":
            scores = ops.matmul(query, ops.transpose(key, (0, 2, 1)))
            return scores if self.scale is None else ops.multiply(scores, self.scale)
        pairs = _pairs(query, key)
        pairs = pairs if self.scale is None else ops.multiply(pairs, self.scale)
        return ops.multiply(self.concat_score_weight, ops.sum(ops.tanh(pairs), axis=-1))

    def call(
        self,
        inputs: Any,
        mask: Any = None,
        training: bool | None = False,
        return_attention_scores: bool = False,
        use_causal_mask: bool = False,
    ) -> Any:
        self._check([tuple(x.shape) for x in inputs] if isinstance(inputs, list | tuple) else inputs.shape)
        query, value, key = inputs[0], inputs[1], inputs[-1]
        query_mask, value_mask = self._masks(mask)
        scores = self.scores(query, key)
        for allowed in self._allowed(scores, value_mask, use_causal_mask):
            low = 65504.0 if backend.standardize_dtype(scores.dtype) == "float16" else 1e9
            scores = ops.subtract(scores, ops.multiply(ops.cast(ops.logical_not(allowed), scores.dtype), low))
        weights = ops.softmax(scores, axis=-1)
        if training and self.seed_generator is not None:
            weights = random.dropout(weights, self.dropout, seed=self.seed_generator)
        output = ops.matmul(weights, value)
        if query_mask is not None:
            output = ops.multiply(output, ops.cast(ops.expand_dims(query_mask, -1), output.dtype))
        return (output, weights) if return_attention_scores else output

    def _allowed(self, scores: Any, value_mask: Any, causal: bool) -> list:
        """One mask for all reasons a value may be left out, True where it may be looked at; none if there is none."""
        parts = [] if value_mask is None else [ops.expand_dims(ops.cast(value_mask, "bool"), -2)]  # (batch, 1, S)
        if causal:
            rows, columns = (ops.arange(n) for n in ops.shape(scores)[-2:])
            parts.append(ops.greater_equal(ops.expand_dims(rows, -1), columns))  # (T, S)
        return [ops.logical_and(*parts)] if len(parts) > 1 else parts

    def _masks(self, mask: Any) -> tuple:
        if mask is None:
            return None, None
        if not isinstance(mask, list | tuple) or len(mask) < 2:
            raise ValueError(f"mask must be a list, [query_mask, value_mask], got {mask!r}.")
        return mask[0], mask[1]

    def _check(self, shapes: Any) -> None:
        if not isinstance(shapes, list | tuple) or len(shapes) not in (2, 3) or not isinstance(shapes[0], list | tuple):
            raise ValueError(
                f"{type(self).__name__} takes a list of 2 or 3 tensors, [query, value] or [query, value, key]; got an "
                f"input of shape {shapes}."
            )

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        return self._masks(mask)[0]

    def compute_output_shape(self, input_shape: Sequence) -> tuple:
        self._check(input_shape)
        return (*input_shape[0][:-1], input_shape[1][-1])

    def compute_output_spec(self, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        if kwargs.get("return_attention_scores"):
            return infer(self, (inputs, *args), kwargs)
        return super().compute_output_spec(inputs)


class AdditiveAttention(Attention):
    """Attention whose scores are a small network's of query and key.

    scores = sum(scale * tanh(query + key))         (batch, T, S);   scale has a number for each feature, or is 1

    Args:
        use_scale: whether the scale is a weight.
        dropout: the part of the weights that is dropped while training.

    The call and what it raises are those of `Attention`.

    Source: Bahdanau et al. 2014, https://arxiv.org/abs/1409.0473

    >>> import numpy as np
    >>> from hornbook import layers
    >>> layers.AdditiveAttention()([np.ones((1, 3, 4)), np.ones((1, 5, 4))]).shape
    TensorShape([1, 3, 4])
    """

    def __init__(self, use_scale: bool = True, dropout: float = 0.0, **kwargs: Any) -> None:
        super().__init__(use_scale=use_scale, dropout=dropout, **kwargs)

    def build(self, input_shape: Sequence) -> None:
        self._check(input_shape)
        (features,) = known_sizes(input_shape[0], [-1], type(self).__name__)
        self.scale = (
            self.add_weight(shape=(features,), initializer="glorot_uniform", name="scale") if self.use_scale else None
        )

    def scores(self, query: Any, key: Any) -> Any:
        hidden = ops.tanh(_pairs(query, key))
        return ops.sum(hidden if self.scale is None else ops.multiply(self.scale, hidden), axis=-1)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "seed": self.seed}


def _pairs(query: Any, key: Any) -> Any:
    """The sum of each query and each key: (batch, T, 1, dim) + (batch, 1, S, dim)."""
    return ops.add(ops.expand_dims(query, -2), ops.expand_dims(key, -3))
