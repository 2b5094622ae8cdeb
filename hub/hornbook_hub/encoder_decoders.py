"""The parts that models with an encoder and a decoder share: one looks at the whole source, the other writes the target.

    source -> encoder -> hidden states -> keys and values for each block of the decoder, made once
    target so far -> decoder, which looks at itself and at these -> what comes next

Axes: B batch, S source (the pieces or frames that the encoder reads), T time (the pieces of the target), M hidden size.
"""

from typing import Any

from hornbook import layers, ops
from hornbook.core.operation import infer
from hornbook.core.repeats import Repeats
from hornbook_hub.backbone import Backbone
from hornbook_hub.decoders import NOWHERE, Cache, CausalAttention, bias_of, by_heads, dense


class CrossAttention(CausalAttention):
    """Attention of a decoder to its source, whose keys and values are made once: (B, T, M) -> (B, T, M)."""

    def keys_and_values(self, source: Any) -> tuple[Any, Any]:
        """Keys and values, (B, G, S, D) each, of (B, S, M)."""
        keys, values = (by_heads(self.split(product(source), self.groups)) for product in (self.key, self.value))
        return keys, values

    def call(self, x: Any, bias: Any, pair: tuple[Any, Any]) -> Any:
        return self.look(self.split(self.query(x), self.heads), *pair, bias)

    def weights_of(self, x: Any, keys: Any) -> Any:
        """How much each place of (B, T, M) looks at each of the source, all of which may be looked at: (B, H, T, S)."""
        queries = self.split(self.query(x), self.heads) * self.scale
        return ops.softmax(ops.cast(ops.einsum("bthd,bhsd->bhts", queries, keys), "float32"), axis=-1)


class Perceptron(layers.Layer):
    """W_down dropout(act(W_up x)): (B, T, M) -> (B, T, M).

    Args:
        config: `hidden_size`, `initializer_range`.
        width: how many numbers there are within.
        activation: the function act.
        bias: whether the products have one.
        rate: how much is dropped in training.
    """

    def __init__(self, config: Any, width: int, activation: Any, bias: bool, rate: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.up = dense(width, config, "up", bias)
        self.down = dense(config.hidden_size, config, "down", bias)
        self.activation = activation
        self.dropout = layers.Dropout(rate)

    def call(self, x: Any) -> Any:
        return self.down(self.dropout(self.activation(self.up(x))))


class EncoderBlock(layers.Layer):
    """x = x + attention(normalize(x)); x = x + perceptron(normalize(x)).

    Args:
        attention, perceptron: the two parts.
        norms: the normalization before each.
        rate: how much of what a part gives is dropped in training.
    """

    def __init__(self, attention: Any, perceptron: Any, norms: tuple, rate: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.attention, self.perceptron = attention, perceptron
        self.attention_norm, self.perceptron_norm = norms
        self.dropout = layers.Dropout(rate)

    def call(self, x: Any, bias: Any) -> Any:
        found, _ = self.attention(self.attention_norm(x), bias)
        x = x + self.dropout(found)
        return x + self.dropout(self.perceptron(self.perceptron_norm(x)))


class DecoderBlock(layers.Layer):
    """x = x + attention(normalize(x)); x = x + cross_attention(normalize(x)); x = x + perceptron(normalize(x)).

    Args:
        attention, cross_attention, perceptron: the three parts.
        norms: the normalization before each.
        rate: how much of what a part gives is dropped in training.
    """

    def __init__(
        self, attention: Any, cross_attention: Any, perceptron: Any, norms: tuple, rate: float, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.attention, self.cross_attention, self.perceptron = attention, cross_attention, perceptron
        self.attention_norm, self.cross_attention_norm, self.perceptron_norm = norms
        self.dropout = layers.Dropout(rate)

    def call(self, x: Any, bias: Any, pair: Any, source_bias: Any, memory: Any = None, start: Any = None) -> Any:
        x, kept = self.after_itself(x, bias, memory, start)
        return self.after_source(x, pair, source_bias), kept

    def after_itself(self, x: Any, bias: Any, memory: Any = None, start: Any = None) -> Any:
        """The first part, and the keys and values that it looked at."""
        found, kept = self.attention(self.attention_norm(x), bias, memory=memory, start=start)
        return x + self.dropout(found), kept

    def after_source(self, x: Any, pair: Any, source_bias: Any) -> Any:
        """The other two parts."""
        x = x + self.dropout(self.cross_attention(self.cross_attention_norm(x), source_bias, pair))
        return x + self.dropout(self.perceptron(self.perceptron_norm(x)))


class EncoderDecoderBackbone(Backbone):
    """Base of the models with an encoder and a decoder.

    A family's class makes `decoder` (which has `blocks`) and `token_embedding`, says how the source is read (`encode`) and
    how the target is (`embed`, `finish`), and calls `make_weights`.

    Args:
        config: the sizes.

    Call:
        a dictionary of the source's arrays, and `decoder_input_ids` (B, T) with `decoder_attention_mask` (B, T; ones if
        missing), integers. Returns {"last_hidden_state": (B, T, M), of the target, "encoder_last_hidden_state": (B, S, M)}.
    """

    input_names: tuple[str, ...] = ("input_ids", "attention_mask", "decoder_input_ids")
    decoder: Any

    @property
    def blocks(self) -> list:
        """The blocks of the decoder."""
        return self.decoder.blocks

    @property
    def kind(self) -> str:
        """What its files hold, where they hold no head: "backbone", or "encoder" for an encoder alone."""
        return "backbone" if getattr(self.config, "is_encoder_decoder", True) else "encoder"

    def make_weights(self, example: dict[str, Any]) -> None:
        """Make the weights, once the parts are there.

        Args:
            example: symbolic arrays that it reads.
        """
        with Repeats():
            self.output_specs = infer(self, (example,))
        self.built = True

    def encode(self, inputs: dict[str, Any]) -> tuple[Any, Any]:
        """The encoder's hidden states (B, S, M), and what is added to the scores of those who look at them."""
        raise NotImplementedError

    def embed(self, input_ids: Any, positions: Any) -> Any:
        """(B, T) pieces of the target at (B, T) positions as vectors (B, T, M)."""
        raise NotImplementedError

    def finish(self, x: Any) -> Any:
        """What is done with the target's vectors (B, T, M) after the last block."""
        raise NotImplementedError

    def relative_bias(self, positions: Any, slots: Any) -> Any:
        """What distances add to the scores of the target's pieces (B, T) for slots (B, S): (B, H, T, S), or nothing."""
        return 0.0

    def source(self, inputs: dict[str, Any]) -> tuple[list, Any]:
        """Read the source for `decode`: keys and values for each block of the decoder, and what is added to scores."""
        hidden, bias = self.encode(inputs)
        return self._pairs(hidden), bias

    def _pairs(self, hidden: Any) -> list[tuple[Any, Any]]:
        return [block.cross_attention.keys_and_values(hidden) for block in self.blocks]

    def call(self, inputs: dict[str, Any]) -> dict[str, Any]:
        hidden, source_bias = self.encode(inputs)
        input_ids = ops.cast(inputs["decoder_input_ids"], "int32")
        if len(input_ids.shape) != 2:
            raise ValueError(f"decoder_input_ids must be (batch, time), got shape {tuple(input_ids.shape)}.")
        positions = ops.arange(ops.shape(input_ids)[1], dtype="int32")[None]  # (1, T)
        mask = inputs.get("decoder_attention_mask")
        slots = positions if mask is None else ops.where(ops.cast(mask, "bool"), positions, NOWHERE)
        bias = bias_of(positions, slots) + self.relative_bias(positions, positions)
        x, _ = self._read(input_ids, positions, bias, self._pairs(hidden), source_bias, None, None)
        return {"last_hidden_state": x, "encoder_last_hidden_state": hidden}

    def decode(self, input_ids: Any, positions: Any, cache: Cache) -> tuple[Any, Cache]:
        """Read more pieces of the target, which see the cache's source, what the cache holds, and each other.

        Args:
            input_ids: (B, T).
            positions: (B, T), `NOWHERE` for padding.
            cache: what was read so far, with the `source`; it has T free slots.

        Returns:
            the last hidden states (B, T, M), and the cache with these pieces.
        """
        slots = ops.slice_update(cache.slots, (0, cache.used), positions)
        used = ops.convert_to_tensor(cache.used, "int32")
        bias = bias_of(positions, slots) + self.relative_bias(positions, slots)
        places, (pairs, source_bias) = ops.maximum(positions, 0), cache.source
        x, kept = self._read(input_ids, places, bias, pairs, source_bias, cache.layers, used)
        return x, Cache(kept, slots, cache.used + input_ids.shape[1], cache.source)

    def new_cache(self, batch: int, size: int) -> Cache:
        """An empty cache of `size` slots."""
        shapes = [(batch, block.attention.groups, size, block.attention.dim) for block in self.blocks]
        pairs = [(ops.zeros(shape, self.compute_dtype), ops.zeros(shape, self.compute_dtype)) for shape in shapes]
        return Cache(pairs, ops.full((batch, size), NOWHERE, "int32"), 0)

    def _read(
        self, input_ids: Any, positions: Any, bias: Any, pairs: list, source_bias: Any, memories: Any, start: Any
    ) -> tuple[Any, list]:
        x, kept = self.embed(input_ids, positions), []
        for number, (block, pair) in enumerate(zip(self.blocks, pairs, strict=True)):
            memory = None if memories is None else memories[number]
            x, own = block(x, bias, pair, source_bias, memory=memory, start=start)
            kept.append(own)
        return self.finish(x), kept
