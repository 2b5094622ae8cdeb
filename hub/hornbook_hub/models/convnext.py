"""ConvNeXt: a convolutional network with what vision transformers taught.

Liu et al. 2022, "A ConvNet for the 2020s", https://arxiv.org/abs/2201.03545. `hornbook_applications` has the same
architecture as a graph with Keras's names of layers, whose epsilon, activation and depth are fixed; here they are the
config's, and the parts are layers at paths. Its layers for scaling and for leaving out blocks are used.

Axes: B batch, H height, W width, C channels.
"""

from dataclasses import dataclass
from typing import Any

from hornbook import layers, ops
from hornbook_applications.convnext import LayerScale, StochasticDepth
from hornbook_hub.config import Config
from hornbook_hub.images import image_preprocessor
from hornbook_hub.models.bert import ACTIVATIONS, dense
from hornbook_hub.models.vit import CLASSIFIER_WEIGHTS
from hornbook_hub.vision import ImageHead, VisionBackbone, pair, start
from hornbook_hub.weights import convolution, transposed

EPSILON = 1e-6  # of all normalizations but the last


# ------------------------------------------------------------------------------------------------------------ config
@dataclass(kw_only=True)
class ConvNextConfig(Config):
    """The fields of a ConvNeXt's `config.json`, under its names.

    >>> from hornbook_hub.models.convnext import ConvNextConfig
    >>> ConvNextConfig().depths
    [3, 3, 9, 3]
    """

    num_channels: int = 3
    patch_size: int | list[int] = 4
    num_stages: int = 4
    hidden_sizes: list[int] = None  # type: ignore[assignment]
    depths: list[int] = None  # type: ignore[assignment]
    hidden_act: str = "gelu"
    initializer_range: float = 0.02
    layer_norm_eps: float = 1e-12
    layer_scale_init_value: float = 1e-6
    drop_path_rate: float = 0.0

    INERT = Config.INERT | {  # of a class for detectors; and the size that the training had, which binds nobody
        *("out_features", "out_indices", "stage_names", "image_size"),
    }

    def __post_init__(self) -> None:
        self.hidden_sizes = [96, 192, 384, 768] if self.hidden_sizes is None else list(self.hidden_sizes)
        self.depths = [3, 3, 9, 3] if self.depths is None else list(self.depths)
        if not len(self.hidden_sizes) == len(self.depths) == self.num_stages or min(self.depths, default=0) < 1:
            raise ValueError(
                f"num_stages is {self.num_stages}, and each stage needs a width and a depth, got {self.hidden_sizes} and "
                f"{self.depths}."
            )
        if self.hidden_act not in ACTIVATIONS:
            raise ValueError(f"hidden_act must be one of {sorted(ACTIVATIONS)}, got {self.hidden_act!r}.")

    @property
    def depth(self) -> int:
        return sum(self.depths)


# ------------------------------------------------------------------------------------------------------------- parts
def normalize(name: str) -> layers.LayerNormalization:
    """What normalizes the channels of each place."""
    return layers.LayerNormalization(epsilon=EPSILON, name=name)


def patches(config: Any, width: int, size: Any, name: str) -> layers.Conv2D:
    """A convolution whose stride is its size."""
    return layers.Conv2D(
        width, size, strides=size, kernel_initializer=start(config), data_format="channels_last", name=name
    )


class ConvNextBlock(layers.Layer):
    """x + g * W2 act(W1 normalize(D x)), with D a 7 x 7 convolution of each channel by itself: (B, H, W, C), as is x.

    Args:
        config: the kind of block.
        width: C.
        drop: how often training leaves the block out.
    """

    def __init__(self, config: Any, width: int, drop: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.dwconv = layers.Conv2D(
            width,
            7,
            padding="same",
            groups=width,
            kernel_initializer=start(config),
            data_format="channels_last",
            name="dwconv",
        )
        self.norm = normalize("norm")
        self.pwconv1 = dense(4 * width, config, "pwconv1")
        self.activation = ACTIVATIONS[config.hidden_act]
        self.pwconv2 = dense(width, config, "pwconv2")
        self.scale = self.make_scale(config, width)
        self.drop_path = StochasticDepth(drop)

    def make_scale(self, config: Any, width: int) -> Any:
        """What multiplies by g; None where there is no g."""
        first = config.layer_scale_init_value
        return LayerScale(first, width, name="scale") if first > 0 else None

    def widened(self, x: Any) -> Any:
        """act(W1 x): (B, H, W, C) -> (B, H, W, 4 C)."""
        return self.activation(self.pwconv1(x))

    def call(self, x: Any, training: bool | None = None) -> Any:
        y = self.pwconv2(self.widened(self.norm(self.dwconv(x))))
        return x + self.drop_path(y if self.scale is None else self.scale(y), training=training)


class ConvNextStage(layers.Layer):
    """Blocks of one width; before them, from the second stage on, a 2 x 2 convolution that halves the image.

    Args:
        config: the kind of block.
        block: its class.
        width: channels of the output.
        drops: for each block, how often training leaves it out.
        first: whether it is the first stage.
    """

    def __init__(self, config: Any, block: Any, width: int, drops: list[float], first: bool, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.norm = None if first else normalize("norm")
        self.smaller = None if first else patches(config, width, 2, "smaller")
        self.blocks = [block(config, width, drop, name=f"block_{i}") for i, drop in enumerate(drops)]

    def call(self, x: Any) -> Any:
        if self.norm is not None and self.smaller is not None:
            x = self.smaller(self.norm(x))
        for block in self.blocks:
            x = block(x)
        return x


# ------------------------------------------------------------------------------------------------------------- whole
class ConvNextBackbone(VisionBackbone):
    """ConvNeXt without a head.

    Args:
        config: the sizes.

    Call:
        a dictionary of `pixel_values` (B, H, W, C), of any size. Returns {"last_hidden_state": (B, H / 32, W / 32, M),
        "pooler_output": (B, M)}: the latter is the mean over all places, normalized.

    >>> import numpy as np
    >>> from hornbook_hub.models.convnext import ConvNextBackbone, ConvNextConfig
    >>> backbone = ConvNextBackbone(ConvNextConfig(num_stages=2, hidden_sizes=[8, 16], depths=[1, 1]))
    >>> outputs = backbone({"pixel_values": np.zeros((1, 32, 32, 3), "float32")})
    >>> outputs["last_hidden_state"].shape, outputs["pooler_output"].shape
    (TensorShape([1, 4, 4, 16]), TensorShape([1, 16]))
    """

    config_class: Any = ConvNextConfig
    block: Any = ConvNextBlock

    def __init__(self, config: Any, **kwargs: Any) -> None:
        super().__init__(config, **kwargs)
        self.patches = patches(config, config.hidden_sizes[0], pair(config.patch_size), "patches")
        self.patches_norm = normalize("patches_norm")
        step = config.drop_path_rate / max(config.depth - 1, 1)  # the deeper a block, the more often it is left out
        self.stages = []
        for i, (width, depth) in enumerate(zip(config.hidden_sizes, config.depths, strict=True)):
            drops = [step * k for k in range(sum(config.depths[:i]), sum(config.depths[: i + 1]))]
            assert len(drops) == depth
            self.stages.append(ConvNextStage(config, self.block, width, drops, i == 0, name=f"stage_{i}"))
        self.norm = layers.LayerNormalization(epsilon=config.layer_norm_eps, name="norm")
        self.make_weights()

    def call(self, inputs: Any, output_hidden_states: bool = False) -> dict[str, Any]:
        x = self.patches_norm(self.patches(self.read(inputs)))
        hidden_states = [x]
        for stage in self.stages:
            x = stage(x)
            hidden_states.append(x)
        outputs = {"last_hidden_state": x, "pooler_output": self.norm(ops.mean(x, axis=(1, 2)))}
        return {**outputs, "hidden_states": tuple(hidden_states)} if output_hidden_states else outputs


# ----------------------------------------------------------------------------------------------------- WEIGHTS table
PREFIX = "convnext."  # of the backbone's names in a file that also holds a head
OUTER_WEIGHTS = {  # Hugging Face -> here
    "embeddings.patch_embeddings.weight": ("patches.kernel", convolution),
    "embeddings.patch_embeddings.bias": "patches.bias",
    "embeddings.layernorm.weight": "patches_norm.gamma",
    "embeddings.layernorm.bias": "patches_norm.beta",
    "layernorm.weight": "norm.gamma",
    "layernorm.bias": "norm.beta",
}
DOWNSAMPLING_WEIGHTS = {
    "downsampling_layer.0.weight": "norm.gamma",
    "downsampling_layer.0.bias": "norm.beta",
    "downsampling_layer.1.weight": ("smaller.kernel", convolution),
    "downsampling_layer.1.bias": "smaller.bias",
}
BLOCK_WEIGHTS = {
    "dwconv.weight": ("dwconv.kernel", convolution),
    "dwconv.bias": "dwconv.bias",
    "layernorm.weight": "norm.gamma",
    "layernorm.bias": "norm.beta",
    "pwconv1.weight": ("pwconv1.kernel", transposed),
    "pwconv1.bias": "pwconv1.bias",
    "pwconv2.weight": ("pwconv2.kernel", transposed),
    "pwconv2.bias": "pwconv2.bias",
}


def inside(there: str, here: str, table: dict[str, Any]) -> dict[str, Any]:
    """A table of a part, for where the part stands."""
    found = {}
    for name, target in table.items():
        path, *transform = target if isinstance(target, tuple) else (target,)
        found[f"{there}.{name}"] = (f"{here}.{path}", *transform) if transform else f"{here}.{path}"
    return found


def weights_of(block: dict[str, Any], config: Any) -> dict[str, Any]:
    """The table of a model whose blocks have this table."""
    rows = dict(OUTER_WEIGHTS)
    for s, depth in enumerate(config.depths):
        if s:
            rows |= inside(f"encoder.stages.{s}", f"stages.{s}", DOWNSAMPLING_WEIGHTS)
        for i in range(depth):
            rows |= inside(f"encoder.stages.{s}.layers.{i}", f"stages.{s}.blocks.{i}", block)
    return rows


def weights(config: ConvNextConfig) -> dict[str, Any]:
    """The table of a model."""
    return weights_of({**BLOCK_WEIGHTS, "layer_scale_parameter": "scale.gamma"}, config)


WEIGHTS = weights
POOLER: tuple[str, ...] = ()
HEADS = {"image_classifier": (ImageHead, CLASSIFIER_WEIGHTS)}  # task -> the layer, its WEIGHTS
OTHER_HEADS = ("classifier.",)
OLD_NAMES: dict[str, str] = {}
ARCHITECTURES = {"ConvNextModel": "backbone", "ConvNextForImageClassification": "image_classifier"}
BACKBONE = ConvNextBackbone


def preprocessor(files: Any, max_length: int) -> Any:
    """How raw images are prepared."""
    return image_preprocessor(files, "ConvNextImageProcessor")


# ----------------------------------------------------------------------------------------------------- PRESETS table
PRESETS = {
    "convnext_tiny": {
        "repository": "facebook/convnext-tiny-224",
        "revision": "main",
        "aliases": (),
        "task": "image_classifier",
        "parameters": 27_820_128,
        "licence": "Apache-2.0",
        "about": "blocks 3, 3, 9, 3, 768 wide at the end; 1000 classes of ImageNet",
    },
    "convnext_small": {
        "repository": "facebook/convnext-small-224",
        "revision": "main",
        "aliases": (),
        "task": "image_classifier",
        "parameters": 49_454_688,
        "licence": "Apache-2.0",
        "about": "blocks 3, 3, 27, 3, 768 wide at the end; 1000 classes of ImageNet",
    },
    "convnext_base": {
        "repository": "facebook/convnext-base-224",
        "revision": "main",
        "aliases": (),
        "task": "image_classifier",
        "parameters": 87_566_464,
        "licence": "Apache-2.0",
        "about": "blocks 3, 3, 27, 3, 1024 wide at the end; 1000 classes of ImageNet",
    },
}
