"""Gemma 4, its text model: blocks that are told of their pieces anew, upper ones that share the keys and values of lower ones.

Google DeepMind 2026, "Gemma 4", https://ai.google.dev/gemma/docs/core. Vectors of pieces for each layer are those of Gemma 3n,
https://ai.google.dev/gemma/docs/gemma-3n. Where `enable_moe_block` is set, each piece is also read by a few of many small
perceptrons, its *experts* (Shazeer et al. 2017, https://arxiv.org/abs/1701.06538).

Axes: B batch, T time (the pieces of a text), M hidden_size, L num_hidden_layers, P hidden_size_per_layer_input, E num_experts,
K top_k_experts, I moe_intermediate_size; those of attention stand in `decoders.py`.
"""

import math
from dataclasses import dataclass
from functools import partial
from typing import Any

import hornbook as keras
from hornbook import layers, ops
from hornbook_hub.decoders import CausalAttention, MixedConfig, RootMeanSquareNorm, RotaryEmbedding, dense
from hornbook_hub.heads import CausalHead
from hornbook_hub.models import gemma3
from hornbook_hub.models.bert import ACTIVATIONS
from hornbook_hub.models.gemma import GemmaBackbone, gelu_perceptron, refuse_others
from hornbook_hub.models.gemma2 import Gemma2Block
from hornbook_hub.weights import expand, transposed


# ------------------------------------------------------------------------------------------------------------ config
@dataclass(kw_only=True)
class Gemma4Config(MixedConfig):
    """The fields of the `config.json` of a Gemma 4's text model, under its names.

    Layers that look at all pieces have heads of their own width and number: the first files say so with `global_head_dim` and
    `num_global_key_value_heads`, later ones with `per_layer_config`. Both are read, and both are written.

    >>> from hornbook_hub.models.gemma4 import Gemma4Config
    >>> config = Gemma4Config(num_hidden_layers=6, num_kv_shared_layers=0)
    >>> [config.head_dim_of(layer) for layer in range(6)]
    [256, 256, 256, 256, 256, 512]
    """

    vocab_size: int = 262144
    hidden_size: int = 2304
    intermediate_size: int = 9216
    num_hidden_layers: int = 30
    num_attention_heads: int = 8
    num_key_value_heads: int = 4
    head_dim: int = 256
    max_position_embeddings: int = 131072
    tie_word_embeddings: bool = True
    sliding_window: int | None = 512
    hidden_activation: str = "gelu_pytorch_tanh"
    attention_bias: bool = False
    final_logit_softcapping: float | None = None
    use_bidirectional_attention: str | None = None  # "vision": of pieces of images, which are not here
    global_head_dim: int = 512
    num_global_key_value_heads: int | None = None
    per_layer_config: dict[str, dict[str, int]] | None = None
    attention_k_eq_v: bool = False  # whether values are the keys, in layers that look at all pieces
    num_kv_shared_layers: int = 0  # how many of the last layers make no keys and values
    use_double_wide_mlp: bool = False  # whether these have perceptrons of twice the width
    vocab_size_per_layer_input: int = 262144
    hidden_size_per_layer_input: int = 256  # P; 0: none

    enable_moe_block: bool = False  # whether there are experts
    num_experts: int | None = None  # E
    top_k_experts: int | None = None  # K
    moe_intermediate_size: int | None = None  # I

    def __post_init__(self) -> None:
        super().__post_init__()
        refuse_others(self.hidden_activation, self.use_bidirectional_attention == "all")
        experts, chosen, width = self.num_experts or 0, self.top_k_experts or 0, self.moe_intermediate_size or 0
        if self.enable_moe_block and not (0 < chosen <= experts and width > 0):
            raise ValueError(
                "enable_moe_block needs num_experts, top_k_experts (at most as many) and moe_intermediate_size, got "
                f"{self.num_experts}, {self.top_k_experts} and {self.moe_intermediate_size}."
            )
        if self.per_layer_config is not None:
            self._read_layers({int(layer): sizes for layer, sizes in self.per_layer_config.items()})
        assert self.layer_types is not None
        makers, sharers = self.layer_types[: self.first_sharing], self.layer_types[self.first_sharing :]
        if not set(sharers) <= set(makers):
            raise ValueError(
                f"num_kv_shared_layers must leave a layer of each type to make keys and values, got "
                f"{self.num_kv_shared_layers} of {self.layer_types}."
            )

    def _read_layers(self, listed: dict[int, dict[str, int]]) -> None:
        """Take the sizes of layers that look at all pieces from a list of layers."""
        full = [layer for layer, kind in enumerate(self.layer_types or ()) if kind == "full_attention"]
        sizes = [listed.get(layer, {}) for layer in full]
        if set(listed) - set(full) or any(size != sizes[0] for size in sizes):
            raise ValueError(
                "per_layer_config must give every layer of type 'full_attention' the same sizes, and no other layer any; "
                f"got {self.per_layer_config}."
            )
        known = {"head_dim", "num_key_value_heads"}
        if full and set(sizes[0]) - known:
            raise ValueError(f"per_layer_config may hold {sorted(known)}, got {sorted(sizes[0])}.")
        if full:
            self.global_head_dim = sizes[0].get("head_dim", self.head_dim)
            self.num_global_key_value_heads = sizes[0].get("num_key_value_heads")

    def usual_type(self, layer: int) -> str:
        """The type of a layer, where the config does not list them: each sixth and the last look at all pieces."""
        return "full_attention" if (layer + 1) % 6 == 0 or layer + 1 == self.num_hidden_layers else "sliding_attention"

    def looks_at_all(self, layer: int) -> bool:
        """Whether a layer looks at all pieces."""
        assert self.layer_types is not None
        return self.layer_types[layer] == "full_attention"

    def head_dim_of(self, layer: int) -> int:
        """D of a layer."""
        return self.global_head_dim if self.looks_at_all(layer) else self.head_dim

    def key_value_heads_of(self, layer: int) -> int:
        """G of a layer."""
        own = self.looks_at_all(layer) and self.attention_k_eq_v
        return (self.num_global_key_value_heads if own else None) or self.num_key_value_heads

    @property
    def first_sharing(self) -> int:
        """The number of the first layer that makes no keys and values."""
        return self.num_hidden_layers - self.num_kv_shared_layers

    def shares(self, layer: int) -> int | None:
        """Whose keys and values a layer looks at: the last layer's of its type that makes some; None: its own."""
        assert self.layer_types is not None
        if layer < self.first_sharing:
            return None
        return max(i for i in range(self.first_sharing) if self.layer_types[i] == self.layer_types[layer])

    def rotary(self) -> dict[str, Any]:
        """The settings of layers that look at all pieces: a quarter of a head turns."""
        usual = {"rope_type": "proportional", "partial_rotary_factor": 0.25, "rope_theta": 1_000_000.0}
        return (self.rope_parameters or {}).get("full_attention", usual)

    def local_rotary(self) -> dict[str, Any]:
        """The settings of layers that look back less far."""
        usual = {"rope_type": "default", "rope_theta": 10_000.0}
        return (self.rope_parameters or {}).get("sliding_attention", usual)

    def to_dict(self) -> dict[str, Any]:
        """The config as `config.json` has it."""
        config = super().to_dict()
        sizes: dict[str, int] = {"head_dim": self.global_head_dim}
        if self.attention_k_eq_v and self.num_global_key_value_heads:
            sizes["num_key_value_heads"] = self.num_global_key_value_heads
        full = [layer for layer in range(self.num_hidden_layers) if self.looks_at_all(layer)]
        config["per_layer_config"] = {str(layer): sizes for layer in full}
        config["rope_parameters"] = {"full_attention": self.rotary(), "sliding_attention": self.local_rotary()}
        del config["rope_theta"], config["rope_scaling"]  # there were no Gemma 4 when these were written
        return config


# ------------------------------------------------------------------------------------------------------------- parts
class Gemma4Norm(RootMeanSquareNorm):
    """gamma * x / sqrt(mean(x^2) + epsilon), the product in float32 too; without gamma if not `scaled`."""

    def __init__(self, epsilon: float, scaled: bool = True, **kwargs: Any) -> None:
        super().__init__(epsilon, **kwargs)
        self.scaled = scaled

    def build(self, shape: Any) -> None:
        if self.scaled:
            super().build(shape)

    def call(self, x: Any) -> Any:
        wide = ops.cast(x, "float32")
        wide = wide * ops.rsqrt(ops.mean(ops.square(wide), axis=-1, keepdims=True) + self.epsilon)
        return ops.cast(wide * ops.cast(self.gamma, "float32") if self.scaled else wide, x.dtype)


class Gemma4Attention(CausalAttention):
    """Attention that normalizes queries, keys and values, and does not scale scores.

    Args:
        config: the sizes.
        layer: the number of the layer.
    """

    def __init__(self, config: Gemma4Config, layer: int, **kwargs: Any) -> None:
        super().__init__(
            config,
            config.attention_bias,
            config.attention_bias,
            norm=partial(Gemma4Norm, config.rms_norm_eps),
            scale=1.0,
            window=config.window(layer),
            groups=config.key_value_heads_of(layer),
            dim=config.head_dim_of(layer),
            **kwargs,
        )

    def make_projections(self, config: Any, bias: bool, norm: Any) -> None:
        """Make what queries, keys and values are computed with."""
        super().make_projections(config, bias, norm)
        self.value_norm = norm(scaled=False, name="value_norm")

    def project(self, x: Any) -> tuple[Any, Any, Any]:
        """Queries (B, T, H, D), keys and values (B, T, G, D) of (B, T, M)."""
        queries, keys, values = super().project(x)
        return queries, keys, self.value_norm(values)


class KeysAsValues(Gemma4Attention):
    """Attention whose values are the keys, before these are normalized and turned."""

    def make_projections(self, config: Any, bias: bool, norm: Any) -> None:
        """Make what queries, keys and values are computed with."""
        self.query = dense(self.heads * self.dim, config, "query", bias)
        self.key = dense(self.groups * self.dim, config, "key", bias)
        self.query_norm, self.key_norm = norm(name="query_norm"), norm(name="key_norm")
        self.value_norm = norm(scaled=False, name="value_norm")

    def project(self, x: Any) -> tuple[Any, Any, Any]:
        """Queries (B, T, H, D), keys and values (B, T, G, D) of (B, T, M)."""
        keys = self.split(self.key(x), self.groups)
        return self.split(self.query(x), self.heads), keys, self.value_norm(keys)


class SharingAttention(Gemma4Attention):
    """Attention to the keys and values of a layer below."""

    def make_projections(self, config: Any, bias: bool, norm: Any) -> None:
        """Make what queries are computed with."""
        self.query = dense(self.heads * self.dim, config, "query", bias)
        self.query_norm = norm(name="query_norm")

    def call(self, x: Any, bias: Any, angles: Any = None, memory: Any = None, start: Any = None) -> Any:
        """The output, and the `memory`, which the layer below has filled."""
        assert memory is not None
        queries = RotaryEmbedding.turn(self.query_norm(self.split(self.query(x), self.heads)), angles)
        keys, values = memory
        return self.look(queries, keys, values, bias), memory


class Experts(layers.Layer):
    """sum_e w_e(x) f_e(x), where w_e is 0 for all but K of the E experts f_e: (B, T, M) -> (B, T, M).

        f_e(y) = D_e (gelu(G_e y) * U_e y)
        p = softmax(R (normalize(x) * s / sqrt(M))),      w_e = c_e p_e / (sum of the K largest p) for these K

    Of few pieces, such as those that are written one by one, only the chosen experts' weights are read. Of many, all experts
    read all pieces, one expert after the other: E / K times the work that is needed, in a form that XLA compiles.

    Args:
        config: `num_experts`, `top_k_experts`, `moe_intermediate_size`, `hidden_size`, `rms_norm_eps`, `initializer_range`.
    """

    def __init__(self, config: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.config = config
        self.router_norm = Gemma4Norm(config.rms_norm_eps, scaled=False, name="router_norm")
        self.router = dense(config.num_experts, config, "router")

    def build(self, x_shape: Any, choosing_shape: Any) -> None:
        experts, width, size = self.config.num_experts, self.config.moe_intermediate_size, self.config.hidden_size
        initializer = keras.initializers.RandomNormal(stddev=self.config.initializer_range)
        self.gate_up = self.add_weight((experts, 2 * width, size), initializer, name="gate_up")  # G_e above U_e
        self.down = self.add_weight((experts, size, width), initializer, name="down")  # D_e
        self.router_scale = self.add_weight((size,), "ones", name="router_scale")  # s
        self.expert_scale = self.add_weight((experts,), "ones", name="expert_scale")  # c

    def chosen(self, x: Any) -> tuple[Any, Any]:
        """w and e of the K experts of each piece, (B, T, K) each."""
        scores = self.router(self.router_norm(x) * self.router_scale * self.config.hidden_size**-0.5)
        shares, experts = ops.top_k(ops.softmax(ops.cast(scores, "float32"), axis=-1), self.config.top_k_experts)
        shares = shares / ops.sum(shares, axis=-1, keepdims=True)
        return shares * ops.cast(ops.take(self.expert_scale, experts, axis=0), "float32"), experts

    def call(self, x: Any, choosing: Any) -> Any:
        """What the experts make of x; `choosing` is what they are chosen by."""
        shares, experts = self.chosen(choosing)
        shares = ops.cast(shares, x.dtype)
        gelu, count = ACTIVATIONS["gelu_pytorch_tanh"], self.config.num_experts
        if (
            None not in tuple(experts.shape) and math.prod(experts.shape) <= count
        ):  # few: their experts' weights are read
            gate_up, down = ops.take(self.gate_up, experts, axis=0), ops.take(self.down, experts, axis=0)
            gate, up = ops.split(ops.einsum("btm,btkfm->btkf", x, gate_up), 2, axis=-1)
            return ops.einsum("btki,btkmi->btm", gelu(gate) * up * shares[..., None], down)
        every = ops.sum(ops.one_hot(experts, count, dtype=x.dtype) * shares[..., None], axis=-2)  # (B, T, E)

        def add(e: Any, found: Any) -> Any:
            gate, up = ops.split(ops.matmul(x, ops.transpose(self.gate_up[e])), 2, axis=-1)
            share = ops.take(every, e, axis=-1)[..., None]
            return found + ops.matmul(gelu(gate) * up * share, ops.transpose(self.down[e]))

        return ops.fori_loop(0, count, add, ops.zeros_like(x))


class Gemma4Block(Gemma2Block):
    """The block of Gemma 2, then x = s (x + normalize(W (gelu(V x) * hint))), where s is a number of the block's own.

    With experts, normalize(perceptron(normalize(x))) + normalize(experts(normalize(x))) stands where the perceptron stood.

    Args:
        config: the sizes.
        layer: the number of the layer.
    """

    def __init__(self, config: Any, layer: int, **kwargs: Any) -> None:
        shares = config.shares(layer)
        kind = KeysAsValues if config.attention_k_eq_v and config.looks_at_all(layer) else Gemma4Attention
        kind = kind if shares is None else SharingAttention
        wide = config.use_double_wide_mlp and shares is not None
        perceptron = gelu_perceptron(config, config.intermediate_size * (2 if wide else 1))
        norm = partial(Gemma4Norm, config.rms_norm_eps)
        super().__init__(kind(config, layer, name="attention"), perceptron, norm, config.layer_types[layer], **kwargs)
        self.shares = shares
        self.scalar = self.add_weight((1,), initializer="ones", trainable=False, name="scalar")
        self.hinted = bool(config.hidden_size_per_layer_input)
        if self.hinted:
            self.hint_gate = dense(config.hidden_size_per_layer_input, config, "hint_gate")
            self.hint_projection = dense(config.hidden_size, config, "hint_projection")
            self.hint_norm = norm(name="hint_norm")
        self.experts = Experts(config, name="experts") if config.enable_moe_block else None
        if self.experts is not None:
            self.perceptron_own_norm = norm(name="perceptron_own_norm")
            self.experts_norm, self.experts_output_norm = norm(name="experts_norm"), norm(name="experts_output_norm")

    def transformed(self, x: Any) -> Any:
        """What the perceptron makes of x, and the experts."""
        found = super().transformed(x)
        if self.experts is None:
            return found
        return self.perceptron_own_norm(found) + self.experts_output_norm(self.experts(self.experts_norm(x), x))

    def call(
        self, x: Any, bias: Any, angles: Any = None, memory: Any = None, start: Any = None, hint: Any = None
    ) -> Any:
        x, kept = super().call(x, bias, angles, memory, start)
        if self.hinted:
            gate = ACTIVATIONS["gelu_pytorch_tanh"](self.hint_gate(x))
            x = x + self.hint_norm(self.hint_projection(gate * hint))
        return x * ops.cast(self.scalar, x.dtype), kept


# ------------------------------------------------------------------------------------------------------------- whole
class Gemma4Backbone(GemmaBackbone):
    """The text model of a Gemma 4 without a head: {"input_ids": (B, T)} -> {"last_hidden_state": (B, T, M)}.

    Args:
        config: the sizes.

    >>> import numpy as np
    >>> from hornbook_hub.models.gemma4 import Gemma4Backbone, Gemma4Config
    >>> sizes = {"hidden_size": 8, "intermediate_size": 16, "num_hidden_layers": 2, "num_attention_heads": 4}
    >>> vectors = {"vocab_size": 10, "vocab_size_per_layer_input": 10, "hidden_size_per_layer_input": 2}
    >>> backbone = Gemma4Backbone(Gemma4Config(head_dim=4, global_head_dim=8, **sizes, **vectors))
    >>> backbone({"input_ids": np.array([[1, 2, 3]])})["last_hidden_state"].shape
    TensorShape([1, 3, 8])
    """

    config_class = Gemma4Config

    def make_block(self, config: Any, i: int) -> layers.Layer:
        """The block number `i`."""
        return Gemma4Block(config, i, name=f"block_{i}")

    def make_norm(self, config: Any, name: str) -> layers.Layer:
        """A normalization of the family's kind."""
        return Gemma4Norm(config.rms_norm_eps, name=name)

    def make_rotaries(self, config: Any) -> None:
        """Make the angles of each kind of block."""
        for kind, settings, dim in (
            ("full_attention", config.rotary(), config.global_head_dim),
            ("sliding_attention", config.local_rotary(), config.head_dim),
        ):
            self.rotaries[kind] = RotaryEmbedding(settings, dim, config.max_position_embeddings)

    def make_others(self, config: Any) -> None:
        """Make what the hints are computed with: L vectors of P numbers for each piece, packed into one table."""
        width = config.num_hidden_layers * config.hidden_size_per_layer_input
        if width:
            initializer = keras.initializers.RandomNormal(stddev=config.initializer_range)
            self.hint_embedding = layers.Embedding(
                config.vocab_size_per_layer_input, width, embeddings_initializer=initializer, name="hint_embedding"
            )
            self.hint_projection = dense(width, config, "hint_projection")
            self.hint_norm = Gemma4Norm(config.rms_norm_eps, name="hint_norm")

    def hints(self, input_ids: Any, x: Any) -> list[dict[str, Any]]:
        """For each block (E_l[piece] sqrt(P) + normalize(W_l x / sqrt(M))) / sqrt(2): (B, T, P)."""
        width = self.config.hidden_size_per_layer_input
        if not width:
            return super().hints(input_ids, x)
        shape = (*ops.shape(x)[:2], self.config.num_hidden_layers, width)
        of_pieces = ops.reshape(self.hint_embedding(input_ids) * ops.cast(width**0.5, x.dtype), shape)
        of_vectors = ops.reshape(self.hint_projection(x) * self.config.hidden_size**-0.5, shape)
        hints = (self.hint_norm(of_vectors) + of_pieces) * 2**-0.5
        return [{"hint": hints[:, :, i]} for i in range(self.config.num_hidden_layers)]


# ----------------------------------------------------------------------------------------------------- WEIGHTS table
def weights_table(config: Gemma4Config) -> dict[str, Any]:
    """Hugging Face -> here: what a layer does without is dropped, where a file has it."""
    table: dict[str, Any] = {
        **gemma3.WEIGHTS,
        "layers.{i}.layer_scalar": "blocks.{i}.scalar",
    }
    if config.hidden_size_per_layer_input:
        table |= {
            "embed_tokens_per_layer.weight": "hint_embedding.embeddings",
            "per_layer_model_projection.weight": ("hint_projection.kernel", transposed),
            "per_layer_projection_norm.weight": "hint_norm.gamma",
            "layers.{i}.per_layer_input_gate.weight": ("blocks.{i}.hint_gate.kernel", transposed),
            "layers.{i}.per_layer_projection.weight": ("blocks.{i}.hint_projection.kernel", transposed),
            "layers.{i}.post_per_layer_input_norm.weight": "blocks.{i}.hint_norm.gamma",
        }
    if config.enable_moe_block:
        table |= {
            "layers.{i}.router.proj.weight": ("blocks.{i}.experts.router.kernel", transposed),
            "layers.{i}.router.scale": "blocks.{i}.experts.router_scale",
            "layers.{i}.router.per_expert_scale": "blocks.{i}.experts.expert_scale",
            "layers.{i}.experts.gate_up_proj": "blocks.{i}.experts.gate_up",
            "layers.{i}.experts.down_proj": "blocks.{i}.experts.down",
            "layers.{i}.post_feedforward_layernorm_1.weight": "blocks.{i}.perceptron_own_norm.gamma",
            "layers.{i}.pre_feedforward_layernorm_2.weight": "blocks.{i}.experts_norm.gamma",
            "layers.{i}.post_feedforward_layernorm_2.weight": "blocks.{i}.experts_output_norm.gamma",
        }
    rows = {name: (path, transform) for name, path, transform in expand(table, config)}
    for layer in range(config.num_hidden_layers):
        without = ()
        if config.shares(layer) is not None:
            without = ("k_proj.weight", "k_proj.bias", "v_proj.weight", "v_proj.bias", "k_norm.weight")
        elif config.attention_k_eq_v and config.looks_at_all(layer):
            without = ("v_proj.weight", "v_proj.bias")
        rows |= {f"layers.{layer}.self_attn.{name}": (None, None) for name in without}
    return rows


WEIGHTS = weights_table
PREFIX = "model."
POOLER = ()
HEADS = {"causal_lm": (CausalHead, CausalHead.weights_table)}
OTHER_HEADS = ("lm_head.",)
OLD_NAMES: dict[str, str] = {}
ARCHITECTURES = {"Gemma4TextModel": "backbone", "Gemma4ForCausalLM": "causal_lm"}
BACKBONE = Gemma4Backbone

# ----------------------------------------------------------------------------------------------------- PRESETS table
PRESETS = {}  # the published files hold images and sound too
