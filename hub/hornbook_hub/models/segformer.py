"""SegFormer: a Transformer of four stages, from fine to coarse, read all at once to give each pixel a class.

Xie et al. 2021, "SegFormer: Simple and Efficient Design for Semantic Segmentation with Transformers",
https://arxiv.org/abs/2105.15203. A stage begins with patches that overlap. Its attention asks from every place, but looks at
a map that a convolution R of stride r made smaller; a 3 x 3 convolution D between the two dense layers lets a place know
where it is, so that there are no positions and images have any size:

    y = x + attention(q: N x, k, v: N R N x),      z = y + W2 act(D W1 N y)           N normalizes

The head brings the maps x_1 .. x_4 to one width and size, and puts them together: logits = W relu(norm(V [V_4 x_4 .. V_1 x_1])).

Axes: B batch, H height, W width, C channels of a stage, T places, S places that attention looks at, K classes.
"""

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from hornbook import layers, ops
from hornbook_applications.convnext import StochasticDepth
from hornbook_hub.config import Config
from hornbook_hub.images import image_preprocessor
from hornbook_hub.models.bert import ACTIVATIONS, BertAttention, dense
from hornbook_hub.models.convnext import inside
from hornbook_hub.models.resnet import CountingBatchNormalization, pad
from hornbook_hub.models.vit import CLASSIFIER_WEIGHTS
from hornbook_hub.vision import ImageHead, VisionBackbone, resized, start
from hornbook_hub.weights import convolution, transposed

EPSILON = 1e-5  # of all normalizations, whatever the config's layer_norm_eps says


# ------------------------------------------------------------------------------------------------------------ config
@dataclass(kw_only=True)
class SegformerConfig(Config):
    """The fields of a SegFormer's `config.json`, under its names; lists have a number for each stage.

    >>> from hornbook_hub.models.segformer import SegformerConfig
    >>> SegformerConfig().hidden_sizes
    [32, 64, 160, 256]
    """

    num_channels: int = 3
    num_encoder_blocks: int = 4
    depths: list[int] = None  # type: ignore[assignment]
    sr_ratios: list[int] = None  # type: ignore[assignment]
    hidden_sizes: list[int] = None  # type: ignore[assignment]
    patch_sizes: list[int] = None  # type: ignore[assignment]
    strides: list[int] = None  # type: ignore[assignment]
    num_attention_heads: list[int] = None  # type: ignore[assignment]
    mlp_ratios: list[int] = None  # type: ignore[assignment]
    hidden_act: str = "gelu"
    hidden_dropout_prob: float = 0.0
    attention_probs_dropout_prob: float = 0.0
    classifier_dropout_prob: float = 0.1
    initializer_range: float = 0.02
    drop_path_rate: float = 0.1
    decoder_hidden_size: int = 256
    semantic_loss_ignore_index: int = 255

    INERT = Config.INERT | {"layer_norm_eps", "downsampling_rates", "image_size"}
    FIXED = {"reshape_last_stage": True}

    def __post_init__(self) -> None:
        for key, default in BY_STAGE.items():
            values = getattr(self, key)
            setattr(self, key, list(default if values is None else values))
            if len(getattr(self, key)) != self.num_encoder_blocks or min(getattr(self, key)) <= 0:
                raise ValueError(
                    f"{key} must hold {self.num_encoder_blocks} positive numbers, one for each of num_encoder_blocks, got "
                    f"{values}."
                )
        for width, heads in zip(self.hidden_sizes, self.num_attention_heads, strict=True):
            if width % heads:
                raise ValueError(
                    f"Each of hidden_sizes must be a multiple of its number of heads, got {width} and {heads}."
                )
        if self.hidden_act not in ACTIVATIONS:
            raise ValueError(f"hidden_act must be one of {sorted(ACTIVATIONS)}, got {self.hidden_act!r}.")

    @property
    def depth(self) -> int:
        return sum(self.depths)


BY_STAGE = {
    "depths": (2, 2, 2, 2),
    "sr_ratios": (8, 4, 2, 1),
    "hidden_sizes": (32, 64, 160, 256),
    "patch_sizes": (7, 3, 3, 3),
    "strides": (4, 2, 2, 2),
    "num_attention_heads": (1, 2, 5, 8),
    "mlp_ratios": (4, 4, 4, 4),
}


# ------------------------------------------------------------------------------------------------------------- parts
def normalize(name: str) -> layers.LayerNormalization:
    """What normalizes the channels of each place."""
    return layers.LayerNormalization(epsilon=EPSILON, name=name)


def convolve(config: Any, width: int, size: int, name: str, **how: Any) -> layers.Conv2D:
    """A convolution whose weights start small."""
    return layers.Conv2D(width, size, kernel_initializer=start(config), data_format="channels_last", name=name, **how)


class SegformerAttention(BertAttention):
    """Attention of every place to a map that is r times smaller: (B, H, W, C) -> (B, H, W, C).

    Args:
        config: width, heads, dropout.
        ratio: r; 1 looks at every place.
    """

    def __init__(self, config: Any, ratio: int, **kwargs: Any) -> None:
        super().__init__(config, **kwargs)
        width = config.hidden_size
        self.reduction = convolve(config, width, ratio, "reduction", strides=ratio) if ratio > 1 else None
        self.reduction_norm = normalize("reduction_norm") if ratio > 1 else None

    def call(self, x: Any) -> Any:
        seen = x
        if self.reduction is not None and self.reduction_norm is not None:
            seen = self.reduction_norm(self.reduction(x))  # (B, H / r, W / r, C)
        return ops.reshape(super().call(sequence(x), source=sequence(seen)), ops.shape(x))


def sequence(x: Any) -> Any:
    """The places of a map one after the other: (B, H, W, C) -> (B, H W, C)."""
    batch, height, width, channels = ops.shape(x)
    return ops.reshape(x, (batch, height * width, channels))


class SegformerBlock(layers.Layer):
    """y = x + attention(N x); z = y + W2 act(D W1 N y): (B, H, W, C) -> (B, H, W, C).

    Args:
        config: of the model.
        stage: which one it stands in.
        drop: how often training leaves out what is added.
    """

    def __init__(self, config: SegformerConfig, stage: int, drop: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        width = config.hidden_sizes[stage]
        inner = int(width * config.mlp_ratios[stage])
        here = SimpleNamespace(
            hidden_size=width,
            num_attention_heads=config.num_attention_heads[stage],
            initializer_range=config.initializer_range,
            attention_probs_dropout_prob=config.attention_probs_dropout_prob,
        )
        self.norm_before = normalize("norm_before")
        self.attention = SegformerAttention(here, config.sr_ratios[stage], name="attention")
        self.norm_after = normalize("norm_after")
        self.intermediate = dense(inner, config, "intermediate")
        self.dwconv = convolve(config, inner, 3, "dwconv", padding="same", groups=inner)
        self.activation = ACTIVATIONS[config.hidden_act]
        self.output_dense = dense(width, config, "output")
        self.dropout = layers.Dropout(config.hidden_dropout_prob)
        self.drop_path = StochasticDepth(drop)

    def call(self, x: Any, training: bool | None = None) -> Any:
        x = x + self.drop_path(self.dropout(self.attention(self.norm_before(x))), training=training)
        y = self.dropout(self.activation(self.dwconv(self.intermediate(self.norm_after(x)))))
        return x + self.drop_path(self.dropout(self.output_dense(y)), training=training)


class SegformerStage(layers.Layer):
    """Patches that overlap, then blocks: (B, H, W, C before) -> (B, H / stride, W / stride, C).

    Args:
        config: of the model.
        stage: which one it is.
        drops: for each block, how often training leaves it out.
    """

    def __init__(self, config: SegformerConfig, stage: int, drops: list[float], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        size = config.patch_sizes[stage]
        self.rim = size // 2
        self.patches = convolve(config, config.hidden_sizes[stage], size, "patches", strides=config.strides[stage])
        self.patches_norm = normalize("patches_norm")
        self.blocks = [SegformerBlock(config, stage, drop, name=f"block_{i}") for i, drop in enumerate(drops)]
        self.norm = normalize("norm")

    def call(self, x: Any) -> Any:
        x = self.patches_norm(self.patches(pad(x, self.rim)))
        for block in self.blocks:
            x = block(x)
        return self.norm(x)


class SegformerHead(layers.Layer):
    """logits = W relu(norm(V [V_n x_n, .., V_1 x_1])) of the stages' maps, all stretched to the size of the first.

    Args:
        backbone: the model without a head.
        classes: how many classes.

    Call:
        the backbone's outputs. Returns (B, H / 4, W / 4, K).
    """

    def __init__(self, backbone: Any, classes: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        config = backbone.config
        width = config.decoder_hidden_size
        self.projections = [dense(width, config, f"projection_{i}") for i in range(config.num_encoder_blocks)]
        self.fuse = convolve(config, width, 1, "fuse", use_bias=False)
        self.norm = CountingBatchNormalization(name="norm")
        self.dropout = layers.Dropout(config.classifier_dropout_prob)
        self.classifier = convolve(config, classes, 1, "classifier")

    def call(self, outputs: dict[str, Any]) -> Any:
        maps = outputs["feature_maps"]
        size = ops.shape(maps[0])[1:3]
        maps = [resized(project(x), size) for project, x in zip(self.projections, maps, strict=True)]
        x = self.fuse(ops.concatenate(maps[::-1], axis=-1))  # (B, H / 4, W / 4, decoder_hidden_size)
        return self.classifier(self.dropout(ops.relu(self.norm(x))))


# ------------------------------------------------------------------------------------------------------------- whole
class SegformerBackbone(VisionBackbone):
    """SegFormer without a head.

    Args:
        config: the sizes.

    Call:
        a dictionary of `pixel_values` (B, H, W, C), of any size. Returns {"last_hidden_state": (B, H / 32, W / 32, M),
        "pooler_output": its mean over all places (B, M), "feature_maps": what each stage gives}.

    >>> import numpy as np
    >>> from hornbook_hub.models.segformer import SegformerBackbone, SegformerConfig
    >>> config = SegformerConfig(depths=[1, 1, 1, 1], hidden_sizes=[4, 8, 10, 16], num_attention_heads=[1, 2, 2, 2])
    >>> outputs = SegformerBackbone(config)({"pixel_values": np.zeros((1, 64, 64, 3), "float32")})
    >>> [tuple(x.shape) for x in outputs["feature_maps"]]
    [(1, 16, 16, 4), (1, 8, 8, 8), (1, 4, 4, 10), (1, 2, 2, 16)]
    """

    config_class = SegformerConfig

    def __init__(self, config: SegformerConfig, **kwargs: Any) -> None:
        super().__init__(config, **kwargs)
        step = config.drop_path_rate / max(config.depth - 1, 1)  # the deeper a block, the more often it is left out
        done = 0
        self.stages = []
        for i, depth in enumerate(config.depths):
            drops = [step * k for k in range(done, done + depth)]
            self.stages.append(SegformerStage(config, i, drops, name=f"stage_{i}"))
            done += depth
        self.make_weights()

    def call(self, inputs: Any, output_hidden_states: bool = False) -> dict[str, Any]:
        x, maps = self.read(inputs), []
        for stage in self.stages:
            x = stage(x)
            maps.append(x)
        outputs = {"last_hidden_state": x, "pooler_output": ops.mean(x, axis=(1, 2)), "feature_maps": tuple(maps)}
        return {**outputs, "hidden_states": tuple(maps)} if output_hidden_states else outputs


# ----------------------------------------------------------------------------------------------------- WEIGHTS table
PREFIX = "segformer."  # of the backbone's names in a file that also holds a head


def pair_of(there: str, here: str, transform: Any = None) -> dict[str, Any]:
    """The rows of a weight and its bias; of a normalization where there is no transform."""
    if transform is None:
        return {f"{there}.weight": f"{here}.gamma", f"{there}.bias": f"{here}.beta"}
    return {f"{there}.weight": (f"{here}.kernel", transform), f"{there}.bias": f"{here}.bias"}


BLOCK_WEIGHTS = {
    **pair_of("layer_norm_1", "norm_before"),
    **pair_of("attention.self.query", "attention.query", transposed),
    **pair_of("attention.self.key", "attention.key", transposed),
    **pair_of("attention.self.value", "attention.value", transposed),
    **pair_of("attention.self.sr", "attention.reduction", convolution),
    **pair_of("attention.self.layer_norm", "attention.reduction_norm"),
    **pair_of("attention.output.dense", "attention.projection", transposed),
    **pair_of("layer_norm_2", "norm_after"),
    **pair_of("mlp.dense1", "intermediate", transposed),
    **pair_of("mlp.dwconv.dwconv", "dwconv", convolution),
    **pair_of("mlp.dense2", "output_dense", transposed),
}


def weights(config: SegformerConfig) -> dict[str, Any]:
    """The table of a model: Hugging Face -> here."""
    rows: dict[str, Any] = {}
    for s, depth in enumerate(config.depths):
        rows |= pair_of(f"encoder.patch_embeddings.{s}.proj", f"stages.{s}.patches", convolution)
        rows |= pair_of(f"encoder.patch_embeddings.{s}.layer_norm", f"stages.{s}.patches_norm")
        for i in range(depth):
            rows |= inside(f"encoder.block.{s}.{i}", f"stages.{s}.blocks.{i}", BLOCK_WEIGHTS)
        rows |= pair_of(f"encoder.layer_norm.{s}", f"stages.{s}.norm")
    return rows


def head_weights(config: SegformerConfig) -> dict[str, Any]:
    """The table of the head for segmentation."""
    rows: dict[str, Any] = {}
    for s in range(config.num_encoder_blocks):
        rows |= pair_of(f"decode_head.linear_c.{s}.proj", f"head.projections.{s}", transposed)
    return {
        **rows,
        "decode_head.linear_fuse.weight": ("head.fuse.kernel", convolution),
        **pair_of("decode_head.batch_norm", "head.norm"),
        "decode_head.batch_norm.running_mean": "head.norm.moving_mean",
        "decode_head.batch_norm.running_var": "head.norm.moving_variance",
        "decode_head.batch_norm.num_batches_tracked": "head.norm.batches",
        **pair_of("decode_head.classifier", "head.classifier", convolution),
    }


WEIGHTS = weights
POOLER: tuple[str, ...] = ()
HEADS = {  # task -> the layer, its WEIGHTS
    "image_segmenter": (SegformerHead, head_weights),
    "image_classifier": (ImageHead, CLASSIFIER_WEIGHTS),
}
OTHER_HEADS = ("classifier.", "decode_head.")
OLD_NAMES: dict[str, str] = {}
ARCHITECTURES = {
    "SegformerModel": "backbone",
    "SegformerForSemanticSegmentation": "image_segmenter",
    "SegformerForImageClassification": "image_classifier",
}
BACKBONE = SegformerBackbone


def preprocessor(files: Any, max_length: int) -> Any:
    """How raw images are prepared."""
    return image_preprocessor(files, "SegformerImageProcessor")


# ----------------------------------------------------------------------------------------------------- PRESETS table
PRESETS = {
    "segformer_b0_ade": {
        "repository": "nvidia/segformer-b0-finetuned-ade-512-512",
        "revision": "main",
        "aliases": ("segformer_b0_ade20k_512",),
        "task": "image_segmenter",
        "parameters": 3_319_392,
        "licence": "NVIDIA Source Code License for SegFormer (research and evaluation only)",
        "about": "blocks 2, 2, 2, 2; 150 classes of ADE20K",
    },
    "segformer_b0_cityscapes": {
        "repository": "nvidia/segformer-b0-finetuned-cityscapes-1024-1024",
        "revision": "main",
        "aliases": ("segformer_b0_cityscapes_1024",),
        "task": "image_segmenter",
        "parameters": 3_319_392,
        "licence": "NVIDIA Source Code License for SegFormer (research and evaluation only)",
        "about": "blocks 2, 2, 2, 2; 19 classes of streets",
    },
    "segformer_b1_ade": {
        "repository": "nvidia/segformer-b1-finetuned-ade-512-512",
        "revision": "main",
        "aliases": ("segformer_b1_ade20k_512",),
        "task": "image_segmenter",
        "parameters": 13_151_424,
        "licence": "NVIDIA Source Code License for SegFormer (research and evaluation only)",
        "about": "blocks 2, 2, 2, 2; 150 classes of ADE20K",
    },
    "segformer_b1_cityscapes": {
        "repository": "nvidia/segformer-b1-finetuned-cityscapes-1024-1024",
        "revision": "main",
        "aliases": ("segformer_b1_cityscapes_1024",),
        "task": "image_segmenter",
        "parameters": 13_151_424,
        "licence": "NVIDIA Source Code License for SegFormer (research and evaluation only)",
        "about": "blocks 2, 2, 2, 2; 19 classes of streets",
    },
    "segformer_b2_ade": {
        "repository": "nvidia/segformer-b2-finetuned-ade-512-512",
        "revision": "main",
        "aliases": ("segformer_b2_ade20k_512",),
        "task": "image_segmenter",
        "parameters": 24_196_288,
        "licence": "NVIDIA Source Code License for SegFormer (research and evaluation only)",
        "about": "blocks 3, 4, 6, 3; 150 classes of ADE20K",
    },
    "segformer_b2_cityscapes": {
        "repository": "nvidia/segformer-b2-finetuned-cityscapes-1024-1024",
        "revision": "main",
        "aliases": ("segformer_b2_cityscapes_1024",),
        "task": "image_segmenter",
        "parameters": 24_196_288,
        "licence": "NVIDIA Source Code License for SegFormer (research and evaluation only)",
        "about": "blocks 3, 4, 6, 3; 19 classes of streets",
    },
    "segformer_b3_ade": {
        "repository": "nvidia/segformer-b3-finetuned-ade-512-512",
        "revision": "main",
        "aliases": ("segformer_b3_ade20k_512",),
        "task": "image_segmenter",
        "parameters": 44_072_128,
        "licence": "NVIDIA Source Code License for SegFormer (research and evaluation only)",
        "about": "blocks 3, 4, 18, 3; 150 classes of ADE20K",
    },
    "segformer_b3_cityscapes": {
        "repository": "nvidia/segformer-b3-finetuned-cityscapes-1024-1024",
        "revision": "main",
        "aliases": ("segformer_b3_cityscapes_1024",),
        "task": "image_segmenter",
        "parameters": 44_072_128,
        "licence": "NVIDIA Source Code License for SegFormer (research and evaluation only)",
        "about": "blocks 3, 4, 18, 3; 19 classes of streets",
    },
    "segformer_b4_ade": {
        "repository": "nvidia/segformer-b4-finetuned-ade-512-512",
        "revision": "main",
        "aliases": ("segformer_b4_ade20k_512",),
        "task": "image_segmenter",
        "parameters": 60_842_688,
        "licence": "NVIDIA Source Code License for SegFormer (research and evaluation only)",
        "about": "blocks 3, 8, 27, 3; 150 classes of ADE20K",
    },
    "segformer_b4_cityscapes": {
        "repository": "nvidia/segformer-b4-finetuned-cityscapes-1024-1024",
        "revision": "main",
        "aliases": ("segformer_b4_cityscapes_1024",),
        "task": "image_segmenter",
        "parameters": 60_842_688,
        "licence": "NVIDIA Source Code License for SegFormer (research and evaluation only)",
        "about": "blocks 3, 8, 27, 3; 19 classes of streets",
    },
    "segformer_b5_ade": {
        "repository": "nvidia/segformer-b5-finetuned-ade-640-640",
        "revision": "main",
        "aliases": ("segformer_b5_ade20k_640",),
        "task": "image_segmenter",
        "parameters": 81_443_008,
        "licence": "NVIDIA Source Code License for SegFormer (research and evaluation only)",
        "about": "blocks 3, 6, 40, 3; 150 classes of ADE20K",
    },
    "segformer_b5_cityscapes": {
        "repository": "nvidia/segformer-b5-finetuned-cityscapes-1024-1024",
        "revision": "main",
        "aliases": ("segformer_b5_cityscapes_1024",),
        "task": "image_segmenter",
        "parameters": 81_443_008,
        "licence": "NVIDIA Source Code License for SegFormer (research and evaluation only)",
        "about": "blocks 3, 6, 40, 3; 19 classes of streets",
    },
}
