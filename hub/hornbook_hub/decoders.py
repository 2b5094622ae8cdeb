"""The parts that decoders share: rotary positions, normalization by the root mean square, attention with a cache.

Axes: B batch, T time (the pieces read now), S slots (the pieces that can be looked at), M hidden_size,
H num_attention_heads, G num_key_value_heads, D head_dim.
"""

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

import hornbook as keras
from hornbook import layers, ops
from hornbook.core.operation import infer
from hornbook.core.repeats import Repeats
from hornbook_hub.backbone import Backbone
from hornbook_hub.config import Config

NOWHERE = -1  # the position of a slot that holds nothing: padding


# -------------------------------------------------------------------------------------------------- rotary positions
@dataclass(kw_only=True)
class RotaryConfig(Config):
    """Base of the configs with rotary positions, which are written in two ways.

    transformers 5 writes `rope_parameters` {"rope_theta", "rope_type", ...}; before, it was `rope_theta` and
    `rope_scaling` {"rope_type" or "type", ...}. Both are read, and both are written.
    """

    rope_parameters: dict[str, Any] | None = None
    rope_theta: float | None = None
    rope_scaling: dict[str, Any] | None = None
    max_position_embeddings: int = 2048

    DEFAULT_THETA: ClassVar[float] = 10000.0

    def rotary(self) -> dict[str, Any]:
        """The settings, in the newer way."""
        if self.rope_parameters:
            return {"rope_type": "default", "rope_theta": self.rope_theta or self.DEFAULT_THETA, **self.rope_parameters}
        scaling = dict(self.rope_scaling or {})
        kind = scaling.pop("rope_type", scaling.pop("type", "default"))
        return {"rope_theta": self.rope_theta or self.DEFAULT_THETA, **scaling, "rope_type": kind}

    def to_dict(self) -> dict[str, Any]:
        """The config as `config.json` has it, with the rotary positions in both ways."""
        settings = self.rotary()
        scaling = {key: value for key, value in settings.items() if key != "rope_theta"}
        older = None if settings["rope_type"] == "default" else scaling
        return {
            **super().to_dict(),
            "rope_parameters": settings,
            "rope_theta": settings["rope_theta"],
            "rope_scaling": older,
        }


@dataclass(kw_only=True)
class DecoderConfig(RotaryConfig):
    """The fields that the decoders after Llama have in common."""

    vocab_size: int = 32000
    hidden_size: int = 4096
    intermediate_size: int = 11008
    num_hidden_layers: int = 32
    num_attention_heads: int = 32
    num_key_value_heads: int = 0  # as many as num_attention_heads
    head_dim: int = 0  # hidden_size / num_attention_heads
    initializer_range: float = 0.02
    rms_norm_eps: float = 1e-6
    tie_word_embeddings: bool = False
    attention_dropout: float = 0.0

    def __post_init__(self) -> None:
        self.num_key_value_heads = self.num_key_value_heads or self.num_attention_heads
        self.head_dim = self.head_dim or self.hidden_size // self.num_attention_heads
        if self.num_attention_heads % self.num_key_value_heads:
            raise ValueError(
                f"num_attention_heads must be a multiple of num_key_value_heads, got {self.num_attention_heads} and "
                f"{self.num_key_value_heads}."
            )

    def window(self, layer: int) -> int | None:
        """How many pieces back a layer looks; all if None."""
        return None


@dataclass(kw_only=True)
class MixedConfig(DecoderConfig):
    """Base of the configs whose layers differ in how far back they look.

    A layer of type "full_attention" looks at all pieces before, one of type "sliding_attention" at `sliding_window` of them.
    """

    sliding_window: int | None = 4096
    layer_types: list[str] | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.layer_types is None:
            self.layer_types = [self.usual_type(layer) for layer in range(self.num_hidden_layers)]
        if len(self.layer_types) != self.num_hidden_layers or set(self.layer_types) - {
            "full_attention",
            "sliding_attention",
        }:
            raise ValueError(
                f"layer_types must be 'full_attention' or 'sliding_attention' for each of {self.num_hidden_layers} layers "
                f"(num_hidden_layers), got {self.layer_types}."
            )

    def usual_type(self, layer: int) -> str:
        """The type of a layer, where the config does not list them."""
        raise NotImplementedError

    def window(self, layer: int) -> int | None:
        """How many pieces back a layer looks; all if None."""
        assert self.layer_types is not None
        return self.sliding_window if self.layer_types[layer] == "sliding_attention" else None


def inverse_frequencies(settings: dict[str, Any], dim: int, longest: int) -> tuple[np.ndarray, float]:
    """What turns a position into angles: theta^(-2j/D) for j = 0 .. D/2 - 1, scaled as the settings say.

    Args:
        settings: `rope_parameters` of a config.
        dim: D.
        longest: `max_position_embeddings`.

    Returns:
        the frequencies (D/2,) float32, and the factor that cosine and sine are multiplied by.

    Raises:
        ValueError: for a kind of scaling that is not known.

    Source: Su et al. 2021, https://arxiv.org/abs/2104.09864; Peng et al. 2023 (YaRN), https://arxiv.org/abs/2309.00071.
    """
    kind, theta = settings["rope_type"], float(settings["rope_theta"])
    rotated = int(dim * settings.get("partial_rotary_factor", 1.0))
    exponents = np.arange(0, rotated, 2, dtype="float32") / np.float32(rotated)
    plain = (1.0 / np.float32(theta) ** exponents).astype("float32")
    if kind == "default":
        return plain, 1.0
    factor = float(settings.get("factor", 1.0))
    if kind == "proportional":  # the first angles of a whole head; the others do not turn
        turning = int(settings.get("partial_rotary_factor", 1.0) * dim // 2)
        whole = (1.0 / np.float32(theta) ** (np.arange(0, dim, 2, dtype="float32") / np.float32(dim))).astype("float32")
        return np.where(np.arange(dim // 2) < turning, whole, 0).astype("float32") / np.float32(factor), 1.0
    if kind == "linear":
        return plain / np.float32(factor), 1.0
    if kind == "llama3":
        low, high = settings["low_freq_factor"], settings["high_freq_factor"]
        before = settings["original_max_position_embeddings"]
        waves = 2 * math.pi / plain
        smooth = (before / waves - low) / (high - low)
        between = (1 - smooth) * plain / factor + smooth * plain
        scaled = np.where(waves > before / low, plain / factor, np.where(waves < before / high, plain, between))
        return scaled.astype("float32"), 1.0
    if kind == "yarn":
        return _yarn(settings, plain, rotated, theta, factor, longest)
    raise ValueError(f"rope_type must be 'default', 'linear', 'llama3', 'proportional' or 'yarn', got {kind!r}.")


def _yarn(
    settings: dict[str, Any], plain: np.ndarray, dim: int, theta: float, factor: float, longest: int
) -> tuple[np.ndarray, float]:
    before = settings.get("original_max_position_embeddings") or longest

    def dimension(turns: float) -> float:
        """Which frequency turns so often within the old length."""
        return dim * math.log(before / (turns * 2 * math.pi)) / (2 * math.log(theta))

    low, high = dimension(settings.get("beta_fast") or 32), dimension(settings.get("beta_slow") or 1)
    if settings.get("truncate", True):
        low, high = math.floor(low), math.ceil(high)
    low, high = max(low, 0), min(high, dim - 1)
    ramp = np.clip((np.arange(dim // 2, dtype="float32") - low) / max(high - low, 0.001), 0, 1)
    scaled = plain / factor * ramp + plain * (1 - ramp)
    attention = settings.get("attention_factor")
    if attention is None:
        attention = 0.1 * math.log(factor) + 1.0 if factor > 1 else 1.0
    return scaled.astype("float32"), float(attention)


class RotaryEmbedding:
    """Angles of positions, and the turning of queries and keys by them.

    The two halves of a head's numbers, (a, b), become (a cos - b sin, b cos + a sin) in the plane of each frequency.

    Args:
        settings: `rope_parameters` of a config.
        dim: D.
        longest: `max_position_embeddings`.
    """

    def __init__(self, settings: dict[str, Any], dim: int, longest: int) -> None:
        self.frequencies, self.factor = inverse_frequencies(settings, dim, longest)

    def angles(self, positions: Any, dtype: str) -> tuple[Any, Any]:
        """Cosine and sine, (B, T, 1, D/2) each, of positions (B, T)."""
        angles = ops.cast(positions, "float32")[:, :, None, None] * self.frequencies
        return ops.cast(ops.cos(angles) * self.factor, dtype), ops.cast(ops.sin(angles) * self.factor, dtype)

    @staticmethod
    def turn(x: Any, angles: tuple[Any, Any]) -> Any:
        """(B, T, heads, D) turned; numbers beyond the frequencies stay as they are."""
        cos, sin = angles
        half = cos.shape[-1]
        first, second, rest = x[..., :half], x[..., half : 2 * half], x[..., 2 * half :]
        turned = [first * cos - second * sin, second * cos + first * sin]
        return ops.concatenate([*turned, rest] if rest.shape[-1] else turned, axis=-1)


# --------------------------------------------------------------------------------------------------- normalization
class RootMeanSquareNorm(layers.Layer):
    """(offset + gamma) * x / sqrt(mean(x^2) + epsilon), computed in float32.

    Args:
        epsilon: what keeps the root from zero.
        offset: 1.0 where files hold the difference from one (Gemma).
    """

    def __init__(self, epsilon: float, offset: float = 0.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.epsilon, self.offset = epsilon, offset

    def build(self, shape: Any) -> None:
        self.gamma = self.add_weight(
            (shape[-1],), initializer="zeros" if self.offset else "ones", name="gamma", autocast=False
        )

    def call(self, x: Any) -> Any:
        wide = ops.cast(x, "float32")
        wide = wide * ops.rsqrt(ops.mean(ops.square(wide), axis=-1, keepdims=True) + self.epsilon)
        gamma = ops.cast(self.gamma, "float32")
        if self.offset:
            return ops.cast(wide * (gamma + self.offset), x.dtype)
        return ops.cast(wide, x.dtype) * ops.cast(gamma, x.dtype)


# --------------------------------------------------------------------------------------------------------- attention
def attend(
    queries: Any, keys: Any, values: Any, bias: Any, scale: float, softcap: float | None = None, dropout: Any = None
) -> Any:
    """softmax(scale q k^T + bias) v, where H / G heads of queries share a head of keys and values.

    Args:
        queries: (B, T, H, D).
        keys, values: (B, G, S, D).
        bias: (B, 1, T, S), 0 where a slot may be looked at.
        scale: usually 1 / sqrt(D).
        softcap: scores become softcap tanh(score / softcap), if given.
        dropout: what drops some of the weights in training, if given.

    Returns:
        (B, T, H, D).
    """
    batch, time, heads, dim = ops.shape(queries)
    groups = keys.shape[1]
    repeats = heads // groups
    grouped = ops.transpose(ops.reshape(queries * scale, (batch, time, groups, repeats, dim)), (0, 2, 3, 1, 4))
    looking = ops.reshape(grouped, (batch, groups, repeats * time, dim))  # rows that look at the same keys
    scores = ops.einsum("bgqd,bgsd->bgqs", looking, keys)
    if softcap is not None:
        scores = ops.tanh(scores / softcap) * softcap
    scores = ops.reshape(ops.cast(scores, "float32"), (batch, groups, repeats, time, -1))
    scores = scores + ops.expand_dims(ops.cast(bias, "float32"), 2)
    weights = ops.cast(ops.softmax(scores, axis=-1), queries.dtype)
    weights = weights if dropout is None else dropout(weights)
    weights = ops.reshape(weights, (batch, groups, repeats * time, -1))
    found = ops.reshape(ops.einsum("bgqs,bgsd->bgqd", weights, values), (batch, groups, repeats, time, dim))
    return ops.reshape(ops.transpose(found, (0, 3, 1, 2, 4)), (batch, time, heads, dim))


def by_heads(x: Any) -> Any:
    """(B, T, heads, D) -> (B, heads, T, D)."""
    return ops.transpose(x, (0, 2, 1, 3))


def bias_of(positions: Any, slots: Any, window: int | None = None) -> Any:
    """What is added to scores: 0 where a piece may look, a large negative number elsewhere: (B, 1, T, S).

    Args:
        positions: (B, T), of the pieces that look.
        slots: (B, S), of the pieces that are looked at; `NOWHERE` for padding.
        window: how many pieces back may be looked at, the piece itself among them; all if None.
    """
    here, there = positions[:, None, :, None], slots[:, None, None, :]
    seen = ops.logical_and(there <= here, there > NOWHERE)
    if window is not None:
        seen = ops.logical_and(seen, there > here - window)
    return ops.where(seen, 0.0, -3e4)  # float16 holds it; with -inf, padding, which sees nothing, would become NaN


class Cache:
    """The keys and values of what was read, one pair for each layer that makes them, and the positions of their slots.

    Attributes:
        layers: [(keys, values)], each (B, G, S, D): a head's slots lie one after the other, as they are read.
        slots: (B, S) positions, `NOWHERE` where nothing is.
        used: how many slots are filled: a number that may be a tensor.
        source: what a decoder looks at besides, which stays as it is: of models with an encoder, see
            `EncoderDecoderBackbone.source`.
    """

    def __init__(self, layers: list[tuple[Any, Any]], slots: Any, used: Any, source: Any = ()) -> None:
        self.layers, self.slots, self.used, self.source = layers, slots, used, source


class CausalAttention(layers.Layer):
    """Attention of a decoder, to what came before: (B, T, M) -> (B, T, M).

    Args:
        config: `hidden_size`, `num_attention_heads`, `num_key_value_heads`, `head_dim`, `attention_dropout`,
            `initializer_range`.
        bias: whether the projections of queries, keys and values have one.
        output_bias: whether the last projection has one.
        norm: makes a normalization of queries and of keys, for families that have them.
        scale: what scores are multiplied by; 1 / sqrt(D) if None.
        softcap: see `attend`.
        window: see `bias_of`.
        groups, dim: G and D, where they are not those of the config.
    """

    query_norm: Any = None
    key_norm: Any = None

    def __init__(
        self,
        config: Any,
        bias: bool = False,
        output_bias: bool = False,
        norm: Any = None,
        scale: float | None = None,
        softcap: float | None = None,
        window: int | None = None,
        groups: int | None = None,
        dim: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.heads, self.groups = config.num_attention_heads, groups or config.num_key_value_heads
        self.dim = dim or config.head_dim
        self.scale = self.dim**-0.5 if scale is None else scale
        self.softcap, self.window = softcap, window
        self.make_projections(config, bias, norm)
        self.projection = dense(config.hidden_size, config, "projection", output_bias)
        self.dropout = layers.Dropout(config.attention_dropout)

    def make_projections(self, config: Any, bias: bool, norm: Any) -> None:
        """Make what queries, keys and values are computed with."""
        if norm is not None:
            self.query_norm, self.key_norm = norm(name="query_norm"), norm(name="key_norm")
        self.query = dense(self.heads * self.dim, config, "query", bias)
        self.key = dense(self.groups * self.dim, config, "key", bias)
        self.value = dense(self.groups * self.dim, config, "value", bias)

    def project(self, x: Any) -> tuple[Any, Any, Any]:
        """Queries (B, T, H, D), keys and values (B, T, G, D) of (B, T, M)."""
        queries, keys = self.split(self.query(x), self.heads), self.split(self.key(x), self.groups)
        return queries, keys, self.split(self.value(x), self.groups)

    def split(self, x: Any, heads: int) -> Any:
        """(B, T, heads D) -> (B, T, heads, D)."""
        return ops.reshape(x, (*ops.shape(x)[:2], heads, self.dim))

    def call(self, x: Any, bias: Any, angles: Any = None, memory: Any = None, start: Any = None) -> Any:
        """The output, and keys and values: with a `memory` (keys, values) of (B, G, S, D), those with new ones from slot
        `start` on."""
        queries, keys, values = self.project(x)
        if self.query_norm is not None and self.key_norm is not None:
            queries, keys = self.query_norm(queries), self.key_norm(keys)
        if angles is not None:
            queries, keys = RotaryEmbedding.turn(queries, angles), RotaryEmbedding.turn(keys, angles)
        keys, values = by_heads(keys), by_heads(values)
        if memory is not None:
            keys = ops.slice_update(memory[0], (0, 0, start, 0), keys)
            values = ops.slice_update(memory[1], (0, 0, start, 0), values)
        return self.look(queries, keys, values, bias), (keys, values)

    def look(self, queries: Any, keys: Any, values: Any, bias: Any) -> Any:
        """What the queries find among keys and values: (B, T, M)."""
        found = attend(queries, keys, values, bias, self.scale, self.softcap, self.dropout)
        return self.projection(ops.reshape(found, (*ops.shape(found)[:2], self.heads * self.dim)))


def dense(units: int, config: Any, name: str, bias: bool = False) -> layers.Dense:
    """A projection whose weights start as the family's do."""
    initializer = keras.initializers.RandomNormal(stddev=config.initializer_range)
    return layers.Dense(units, use_bias=bias, kernel_initializer=initializer, name=name)


class GatedMultilayerPerceptron(layers.Layer):
    """W_down (act(W_gate x) * W_up x): (B, T, M) -> (B, T, M). Shazeer 2020, https://arxiv.org/abs/2002.05202.

    Args:
        config: `intermediate_size`, `hidden_size`, `initializer_range`.
        activation: the function act.
        bias: whether the products have one.
        width: how many numbers there are within, if not `intermediate_size`.
    """

    def __init__(
        self, config: Any, activation: Any, bias: bool = False, width: int | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        inner: int = config.intermediate_size if width is None else width
        self.gate = dense(inner, config, "gate", bias)
        self.up = dense(inner, config, "up", bias)
        self.down = dense(config.hidden_size, config, "down", bias)
        self.activation = activation

    def call(self, x: Any) -> Any:
        return self.down(self.activation(self.gate(x)) * self.up(x))


# ---------------------------------------------------------------------------------------------------------- backbone
class DecoderBackbone(Backbone):
    """Base of the decoders: a table of vectors, blocks one after the other, a last normalization.

    A family's class makes `token_embedding`, `blocks` and `norm`, and calls `make_weights`. A block is called as
    `CausalAttention` is and gives (x, (keys, values)); it has that as its `attention`, and may name its `rotary`.
    A block that `shares` makes no keys and values: its memory is what the block of that number has made.

    Args:
        config: the sizes.

    Call:
        a dictionary of `input_ids` (B, T) and `attention_mask` (B, T; 1 where a piece is, ones if missing), all integers.
        Returns {"last_hidden_state": (B, T, M), "pooler_output": (B, M), that of each text's last piece}.
    """

    input_names = ("input_ids", "attention_mask")
    classifier_dropout = 0.0

    def __init__(self, config: Any, **kwargs: Any) -> None:
        super().__init__(config, **kwargs)
        self.rotaries: dict[str, RotaryEmbedding] = {}  # kind of block -> its angles; none for learned positions

    def make_weights(self) -> None:
        """Make the weights, once the parts are there."""
        with Repeats():
            self.output_specs = infer(self, ({"input_ids": keras.KerasTensor((None, None), "int32")},))
        self.built = True

    def embed(self, input_ids: Any, positions: Any) -> Any:
        """(B, T) pieces at (B, T) positions as vectors (B, T, M)."""
        return self.token_embedding(input_ids)

    def hints(self, input_ids: Any, x: Any) -> list[dict[str, Any]]:
        """What else each block is told, by name, of pieces (B, T) and their vectors (B, T, M)."""
        return [{} for _ in self.blocks]

    def call(self, inputs: Any) -> dict[str, Any]:
        input_ids = ops.cast(inputs["input_ids"], "int32")
        if len(input_ids.shape) != 2:
            raise ValueError(f"input_ids must be (batch, time), got shape {tuple(input_ids.shape)}.")
        positions = ops.zeros_like(input_ids) + ops.arange(ops.shape(input_ids)[1], dtype="int32")
        mask = inputs.get("attention_mask")
        slots = positions if mask is None else ops.where(ops.cast(mask, "bool"), positions, NOWHERE)
        hidden, _ = self._read(input_ids, positions, slots, None, None)
        last = ops.max(ops.maximum(slots, 0), axis=1)[:, None, None]
        return {"last_hidden_state": hidden, "pooler_output": ops.take_along_axis(hidden, last, axis=1)[:, 0]}

    def decode(self, input_ids: Any, positions: Any, cache: Cache) -> tuple[Any, Cache]:
        """Read more pieces, which see what the cache holds and each other.

        Args:
            input_ids: (B, T).
            positions: (B, T), `NOWHERE` for padding.
            cache: what was read so far; it has T free slots.

        Returns:
            the last hidden states (B, T, M), and the cache with these pieces.
        """
        slots = ops.slice_update(cache.slots, (0, cache.used), positions)
        used = ops.convert_to_tensor(cache.used, "int32")
        hidden, kept = self._read(input_ids, positions, slots, cache.layers, used)
        return hidden, Cache(kept, slots, cache.used + input_ids.shape[1])

    def new_cache(self, batch: int, size: int) -> Cache:
        """An empty cache of `size` slots."""
        makers = [block.attention for block in self.blocks if getattr(block, "shares", None) is None]
        shapes = [(batch, attention.groups, size, attention.dim) for attention in makers]
        pairs = [(ops.zeros(shape, self.compute_dtype), ops.zeros(shape, self.compute_dtype)) for shape in shapes]
        return Cache(pairs, ops.full((batch, size), NOWHERE, "int32"), 0)

    def _read(self, input_ids: Any, positions: Any, slots: Any, memories: list | None, start: Any) -> tuple[Any, list]:
        x = self.embed(input_ids, ops.maximum(positions, 0))
        angles = {kind: rotary.angles(positions, x.dtype) for kind, rotary in self.rotaries.items()}
        windows = {block.attention.window for block in self.blocks}
        biases = {window: bias_of(positions, slots, window) for window in windows}
        kept = []
        for block, hint in zip(self.blocks, self.hints(input_ids, x), strict=True):
            shares = getattr(block, "shares", None)
            memory = kept[shares] if shares is not None else None if memories is None else memories[len(kept)]
            bias, turned = biases[block.attention.window], angles.get(getattr(block, "rotary", "all"))
            x, pair = block(x, bias, turned, memory=memory, start=start, **hint)
            if shares is None:
                kept.append(pair)
        return self.norm(x), kept
