"""Whisper: speech to text in a hundred languages, with the moments at which it was said.

Radford et al. 2022, "Robust Speech Recognition via Large-Scale Weak Supervision", https://arxiv.org/abs/2212.04356.

Axes: B batch, F frames of sound, S = F / 2 source, T target, M d_model, H heads.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

import hornbook as keras
from hornbook import layers, ops
from hornbook_hub.audio import AudioSettings, SoundPreprocessor
from hornbook_hub.config import Config
from hornbook_hub.decoders import CausalAttention, bias_of, dense
from hornbook_hub.encoder_decoders import CrossAttention, DecoderBlock, EncoderBlock, EncoderDecoderBackbone, Perceptron
from hornbook_hub.heads import CausalHead
from hornbook_hub.models.bert import ACTIVATIONS
from hornbook_hub.weights import convolution_1d, transposed

EVERYTHING = np.zeros((1, 1, 1, 1), "float32")  # what is added to scores where all may be looked at


# ------------------------------------------------------------------------------------------------------------ config
@dataclass(kw_only=True)
class WhisperConfig(Config):
    """The fields of a Whisper's `config.json`, under its names; what other families call them can be read too.

    >>> from hornbook_hub.models.whisper import WhisperConfig
    >>> WhisperConfig(d_model=384, decoder_attention_heads=6).attention("decoder").head_dim
    64
    """

    vocab_size: int = 51865
    num_mel_bins: int = 80
    d_model: int = 384
    encoder_layers: int = 4
    encoder_attention_heads: int = 6
    encoder_ffn_dim: int = 1536
    decoder_layers: int = 4
    decoder_attention_heads: int = 6
    decoder_ffn_dim: int = 1536
    activation_function: str = "gelu"
    dropout: float = 0.0
    attention_dropout: float = 0.0
    activation_dropout: float = 0.0
    init_std: float = 0.02
    max_source_positions: int = 1500
    max_target_positions: int = 448
    pad_token_id: int = 50256
    bos_token_id: int = 50256
    eos_token_id: int | list[int] = 50256
    decoder_start_token_id: int = 50257

    INERT = Config.INERT | {
        *("num_hidden_layers", "max_length", "tokenizer_class", "median_filter_width"),
        *("suppress_tokens", "begin_suppress_tokens", "forced_decoder_ids"),  # what is written, not what is computed
        *("classifier_proj_size", "use_weighted_layer_sum"),  # of a head that is not made here
        # Of training alone, and not done here: masks over the features, and layers left out.
        *("apply_spec_augment", "mask_time_prob", "mask_time_length", "mask_time_min_masks"),
        *(
            "mask_feature_prob",
            "mask_feature_length",
            "mask_feature_min_masks",
            "encoder_layerdrop",
            "decoder_layerdrop",
        ),
    }
    FIXED = {"scale_embedding": False, "tie_word_embeddings": True, "is_encoder_decoder": True}
    tie_word_embeddings = True  # always

    def __post_init__(self) -> None:
        for heads in (self.encoder_attention_heads, self.decoder_attention_heads):
            if self.d_model % heads:
                raise ValueError(f"d_model must be a multiple of the numbers of heads, got {self.d_model} and {heads}.")
        if self.activation_function not in ACTIVATIONS:
            raise ValueError(
                f"activation_function must be one of {sorted(ACTIVATIONS)}, got {self.activation_function!r}."
            )

    def attention(self, side: str) -> "AttentionSizes":
        """The sizes of the attention of the "encoder" or of the "decoder"."""
        heads = getattr(self, f"{side}_attention_heads")
        return AttentionSizes(
            hidden_size=self.d_model,
            num_attention_heads=heads,
            num_key_value_heads=heads,
            head_dim=self.d_model // heads,
            attention_dropout=self.attention_dropout,
            initializer_range=self.init_std,
        )

    @property
    def max_length(self) -> int:
        """How many pieces a text may have."""
        return self.max_target_positions

    @property
    def depth(self) -> int:
        """How many layers there are, one after the other."""
        return self.encoder_layers + self.decoder_layers

    @property
    def hidden_size(self) -> int:
        """M."""
        return self.d_model

    @property
    def initializer_range(self) -> float:
        """The standard deviation of new weights."""
        return self.init_std


@dataclass(frozen=True, kw_only=True)
class AttentionSizes:
    """What an attention is made of, in the words of `CausalAttention`."""

    hidden_size: int
    num_attention_heads: int
    num_key_value_heads: int
    head_dim: int
    attention_dropout: float
    initializer_range: float


# ------------------------------------------------------------------------------------------------------------- parts
class WhisperAttention(CausalAttention):
    """Attention whose products have a bias, that of the keys aside: it would add the same to all scores of a query."""

    def __init__(self, config: Any, **kwargs: Any) -> None:
        super().__init__(config, bias=True, output_bias=True, **kwargs)

    def make_projections(self, config: Any, bias: bool, norm: Any) -> None:
        """Make what queries, keys and values are computed with."""
        super().make_projections(config, bias, norm)
        self.key = dense(self.groups * self.dim, config, "key")


class WhisperCrossAttention(CrossAttention, WhisperAttention):
    """The same, to a source."""


def perceptron(config: Any, side: str) -> Perceptron:
    """The perceptron of a block of the "encoder" or of the "decoder"."""
    activation, width = ACTIVATIONS[config.activation_function], getattr(config, f"{side}_ffn_dim")
    return Perceptron(config, width, activation, True, config.activation_dropout, name="perceptron")


def norm(part: str = "") -> layers.LayerNormalization:
    """A normalization, before a part of a block or after all blocks."""
    return layers.LayerNormalization(epsilon=1e-5, name=f"{part}_norm" if part else "norm")


def table(rows: int, config: Any, name: str) -> layers.Embedding:
    """A table of vectors."""
    initializer = keras.initializers.RandomNormal(stddev=config.init_std)
    return layers.Embedding(rows, config.d_model, embeddings_initializer=initializer, name=name)


class WhisperEncoder(layers.Layer):
    """Two convolutions, of which the second halves the time, positions, and blocks: (B, mel bands, F) -> (B, S, M)."""

    def __init__(self, config: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.conv1 = layers.Conv1D(config.d_model, 3, name="conv1")
        self.conv2 = layers.Conv1D(config.d_model, 3, strides=2, name="conv2")
        self.positions = table(config.max_source_positions, config, "positions")
        sizes = config.attention("encoder")
        self.blocks = [
            EncoderBlock(
                WhisperAttention(sizes, name="attention"),
                perceptron(config, "encoder"),
                (norm("attention"), norm("perceptron")),
                config.dropout,
                name=f"block_{i}",
            )
            for i in range(config.encoder_layers)
        ]
        self.norm = norm()
        self.dropout = layers.Dropout(config.dropout)

    def call(self, features: Any) -> Any:
        x = ops.transpose(features, (0, 2, 1))
        for convolution in (self.conv1, self.conv2):  # padded by one on both sides, whatever the stride
            x = ops.gelu(convolution(ops.pad(x, ((0, 0), (1, 1), (0, 0)))), approximate=False)
        x = self.dropout(x + self.positions(ops.arange(x.shape[1], dtype="int32")))
        for block in self.blocks:
            x = block(x, EVERYTHING)
        return self.norm(x)


class WhisperDecoder(layers.Layer):
    """What a decoder consists of: its positions, blocks, and a last normalization; `WhisperBackbone` puts them in order."""

    def __init__(self, config: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.positions = table(config.max_target_positions, config, "positions")
        sizes = config.attention("decoder")
        self.blocks = [
            DecoderBlock(
                WhisperAttention(sizes, name="attention"),
                WhisperCrossAttention(sizes, name="cross_attention"),
                perceptron(config, "decoder"),
                (norm("attention"), norm("cross_attention"), norm("perceptron")),
                config.dropout,
                name=f"block_{i}",
            )
            for i in range(config.decoder_layers)
        ]
        self.norm = norm()


# ------------------------------------------------------------------------------------------------------------- whole
class WhisperBackbone(EncoderDecoderBackbone):
    """A Whisper without a head.

    Args:
        config: the sizes.

    Call:
        a dictionary of `input_features` (B, num_mel_bins, F), F twice `max_source_positions`, floats,
        and `decoder_input_ids` (B, T), integers. Returns {"last_hidden_state": (B, T, M), "encoder_last_hidden_state":
        (B, S, M)}.

    >>> import numpy as np
    >>> from hornbook_hub.models.whisper import WhisperBackbone, WhisperConfig
    >>> sizes = {"d_model": 8, "encoder_attention_heads": 2, "decoder_attention_heads": 2, "max_source_positions": 5}
    >>> layers = {"encoder_layers": 1, "decoder_layers": 1, "encoder_ffn_dim": 8, "decoder_ffn_dim": 8}
    >>> backbone = WhisperBackbone(WhisperConfig(vocab_size=10, num_mel_bins=4, **sizes, **layers))
    >>> outputs = backbone({"input_features": np.zeros((1, 4, 10)), "decoder_input_ids": np.array([[1, 2]])})
    >>> outputs["last_hidden_state"].shape, outputs["encoder_last_hidden_state"].shape
    (TensorShape([1, 2, 8]), TensorShape([1, 5, 8]))
    """

    config_class = WhisperConfig
    input_names = ("input_features", "decoder_input_ids")

    def __init__(self, config: Any, **kwargs: Any) -> None:
        super().__init__(config, **kwargs)
        self.token_embedding = table(config.vocab_size, config, "token_embedding")
        self.encoder = WhisperEncoder(config, name="encoder")
        self.decoder = WhisperDecoder(config, name="decoder")
        self.dropout = layers.Dropout(config.dropout)
        self.make_weights({name: keras.KerasTensor(spec.shape, spec.dtype) for name, spec in self.input_arrays.items()})

    @property
    def frames(self) -> int:
        """F: how many frames are read at once."""
        return 2 * self.config.max_source_positions

    @property
    def input_arrays(self) -> dict[str, Any]:
        """The specs of the arrays that it reads."""
        shape = (None, self.config.num_mel_bins, self.frames)
        return {
            "input_features": keras.InputSpec("float32", shape=shape, name="input_features"),
            "decoder_input_ids": keras.InputSpec("int32", shape=(None, None), name="decoder_input_ids"),
        }

    def encode(self, inputs: dict[str, Any]) -> tuple[Any, Any]:
        """The encoder's hidden states (B, S, M); all of them may be looked at.

        Raises:
            ValueError: for features of another size.
        """
        features = ops.cast(inputs["input_features"], self.compute_dtype)
        wanted = (self.config.num_mel_bins, self.frames)
        if tuple(features.shape[1:]) != wanted:
            raise ValueError(
                f"input_features must be (batch, {wanted[0]}, {wanted[1]}), got shape {tuple(features.shape)}: sounds are padded "
                "or cut to that many frames."
            )
        return self.encoder(features), EVERYTHING

    def looks(self, input_ids: Any, source: Any, heads: Sequence[tuple[int, int]]) -> tuple[Any, Any]:
        """Read a target in one go, and tell where some heads look.

        Args:
            input_ids: (B, T).
            source: what `source` made of the features.
            heads: pairs (block, head).

        Returns:
            the last hidden states (B, T, M), and weights (B, len(heads), T, S), None for no heads.
        """
        (pairs, source_bias), positions = source, ops.arange(input_ids.shape[1], dtype="int32")[None]
        x, bias, weights = self.embed(input_ids, positions), bias_of(positions, positions), {}
        for number, (block, pair) in enumerate(zip(self.blocks, pairs, strict=True)):
            x, _ = block.after_itself(x, bias)
            if any(place == number for place, _ in heads):
                weights[number] = block.cross_attention.weights_of(block.cross_attention_norm(x), pair[0])
            x = block.after_source(x, pair, source_bias)
        return self.finish(x), ops.stack([weights[place][:, head] for place, head in heads], axis=1) if heads else None

    def embed(self, input_ids: Any, positions: Any) -> Any:
        """(B, T) pieces of the target at (B, T) positions as vectors (B, T, M)."""
        return self.dropout(self.token_embedding(input_ids) + self.decoder.positions(positions))

    def finish(self, x: Any) -> Any:
        """The last normalization."""
        return self.decoder.norm(x)


# ----------------------------------------------------------------------------------------------------- WEIGHTS table
PREFIX = "model."  # of the backbone's names in a file that also holds a head
PARTS = {
    "self_attn": "attention",
    "encoder_attn": "cross_attention",
}
NORMS = {
    "self_attn_layer_norm": "attention_norm",
    "encoder_attn_layer_norm": "cross_attention_norm",
    "final_layer_norm": "perceptron_norm",
}
DENSE = {"q_proj": "query", "k_proj": "key", "v_proj": "value", "out_proj": "projection"}


def block_weights(there: str, here: str, parts: tuple[str, ...]) -> dict[str, Any]:
    """Hugging Face -> here, of one block.

    Args:
        there, here: where it stands.
        parts: names in the file of its kinds of attention.
    """
    kernels = {f"{part}.{name}": f"{PARTS[part]}.{kernel}" for part in parts for name, kernel in DENSE.items()}
    kernels |= {"fc1": "perceptron.up", "fc2": "perceptron.down"}
    norms = (*(f"{part}_layer_norm" for part in parts), "final_layer_norm")
    return {
        **{f"{there}.{name}.weight": (f"{here}.{kernel}.kernel", transposed) for name, kernel in kernels.items()},
        **{f"{there}.{name}.bias": f"{here}.{kernel}.bias" for name, kernel in kernels.items()},  # keys have none
        **{f"{there}.{name}.weight": f"{here}.{NORMS[name]}.gamma" for name in norms},
        **{f"{there}.{name}.bias": f"{here}.{NORMS[name]}.beta" for name in norms},
    }


def weights_table(config: Any) -> dict[str, Any]:
    """Hugging Face -> here."""
    rows: dict[str, Any] = {
        "encoder.conv1.weight": ("encoder.conv1.kernel", convolution_1d),
        "encoder.conv1.bias": "encoder.conv1.bias",
        "encoder.conv2.weight": ("encoder.conv2.kernel", convolution_1d),
        "encoder.conv2.bias": "encoder.conv2.bias",
        "decoder.embed_tokens.weight": "token_embedding.embeddings",
    }
    sides = {
        "encoder": (config.encoder_layers, ("self_attn",)),
        "decoder": (config.decoder_layers, ("self_attn", "encoder_attn")),
    }
    for side, (count, parts) in sides.items():
        rows[f"{side}.embed_positions.weight"] = f"{side}.positions.embeddings"
        rows[f"{side}.layer_norm.weight"] = f"{side}.norm.gamma"
        rows[f"{side}.layer_norm.bias"] = f"{side}.norm.beta"
        for i in range(count):
            rows |= block_weights(f"{side}.layers.{i}", f"{side}.blocks.{i}", parts)
    return rows


WEIGHTS = weights_table
POOLER = ()
HEADS = {"audio_to_text": (CausalHead, {"proj_out.weight": None})}  # the table of the pieces, which stands there once
OTHER_HEADS = ("proj_out.",)
OLD_NAMES: dict[str, str] = {}
ARCHITECTURES = {
    "WhisperModel": "backbone",
    "WhisperForConditionalGeneration": "audio_to_text",
}
BACKBONE = WhisperBackbone


def preprocessor(files: Any, max_length: int) -> SoundPreprocessor | None:
    """How raw sounds are read, and texts written; None where the folder does not say."""
    from hornbook_hub.loading import tokenizer_of

    if files.path("preprocessor_config.json") is None:
        return None
    settings = AudioSettings.from_dict(files.json("preprocessor_config.json"))
    return SoundPreprocessor(settings, tokenizer_of(files, max_length, ("input_ids", "attention_mask")))


# ----------------------------------------------------------------------------------------------------- PRESETS table
PRESETS = {
    "whisper_tiny": {
        "repository": "openai/whisper-tiny",
        "revision": "main",
        "aliases": ("whisper_tiny_multi",),
        "task": "audio_to_text",
        "parameters": 37_760_640,
        "licence": "Apache-2.0",
        "about": "4 + 4 layers, 384 wide; speech in 99 languages",
    },
    "whisper_tiny.en": {
        "repository": "openai/whisper-tiny.en",
        "revision": "main",
        "aliases": ("whisper_tiny_en",),
        "task": "audio_to_text",
        "parameters": 37_760_256,
        "licence": "Apache-2.0",
        "about": "4 + 4 layers, 384 wide; English speech",
    },
    "whisper_base": {
        "repository": "openai/whisper-base",
        "revision": "main",
        "aliases": ("whisper_base_multi",),
        "task": "audio_to_text",
        "parameters": 72_593_920,
        "licence": "Apache-2.0",
        "about": "6 + 6 layers, 512 wide; speech in 99 languages",
    },
    "whisper_base.en": {
        "repository": "openai/whisper-base.en",
        "revision": "main",
        "aliases": ("whisper_base_en",),
        "task": "audio_to_text",
        "parameters": 72_593_408,
        "licence": "Apache-2.0",
        "about": "6 + 6 layers, 512 wide; English speech",
    },
    "whisper_small": {
        "repository": "openai/whisper-small",
        "revision": "main",
        "aliases": ("whisper_small_multi",),
        "task": "audio_to_text",
        "parameters": 241_734_912,
        "licence": "Apache-2.0",
        "about": "12 + 12 layers, 768 wide; speech in 99 languages",
    },
    "whisper_small.en": {
        "repository": "openai/whisper-small.en",
        "revision": "main",
        "aliases": ("whisper_small_en",),
        "task": "audio_to_text",
        "parameters": 241_734_144,
        "licence": "Apache-2.0",
        "about": "12 + 12 layers, 768 wide; English speech",
    },
}
