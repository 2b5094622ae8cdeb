"""ResNet: convolutions in blocks, each of which adds to what it was given.

He et al. 2015, "Deep Residual Learning for Image Recognition", https://arxiv.org/abs/1512.03385. A block's stride stands at
its 3 x 3 convolution (ResNet v1.5), unless the config says otherwise. `keras.applications` has other ResNets: their
convolutions have biases, their stride stands at the first convolution, and their epsilon and padding differ.

Axes: B batch, H height, W width, C channels.
"""

from dataclasses import dataclass
from typing import Any

import hornbook as keras
from hornbook import layers, ops
from hornbook_hub.config import Config
from hornbook_hub.images import image_preprocessor
from hornbook_hub.models.bert import ACTIVATIONS
from hornbook_hub.timm import Layout
from hornbook_hub.vision import ImageHead, VisionBackbone
from hornbook_hub.weights import convolution, transposed


# ------------------------------------------------------------------------------------------------------------ config
@dataclass(kw_only=True)
class ResNetConfig(Config):
    """The fields of a ResNet's `config.json`, under its names.

    >>> from hornbook_hub.models.resnet import ResNetConfig
    >>> ResNetConfig().depths
    [3, 4, 6, 3]
    """

    num_channels: int = 3
    embedding_size: int = 64
    hidden_sizes: list[int] = None  # type: ignore[assignment]
    depths: list[int] = None  # type: ignore[assignment]
    layer_type: str = "bottleneck"
    hidden_act: str = "relu"
    downsample_in_first_stage: bool = False
    downsample_in_bottleneck: bool = False

    INERT = Config.INERT | {"out_features", "out_indices", "stage_names"}  # of a class for detectors

    def __post_init__(self) -> None:
        self.hidden_sizes = [256, 512, 1024, 2048] if self.hidden_sizes is None else list(self.hidden_sizes)
        self.depths = [3, 4, 6, 3] if self.depths is None else list(self.depths)
        if len(self.hidden_sizes) != len(self.depths) or not self.depths or min(self.depths) < 1:
            raise ValueError(f"Each stage needs a width and a depth, got {self.hidden_sizes} and {self.depths}.")
        if self.layer_type not in ("basic", "bottleneck"):
            raise ValueError(f"layer_type must be 'basic' or 'bottleneck', got {self.layer_type!r}.")
        if self.hidden_act not in ACTIVATIONS:
            raise ValueError(f"hidden_act must be one of {sorted(ACTIVATIONS)}, got {self.hidden_act!r}.")

    @property
    def depth(self) -> int:
        return sum(self.depths)


# ------------------------------------------------------------------------------------------------------------- parts
class CountingBatchNormalization(layers.BatchNormalization):
    """Batch normalization with PyTorch's numbers, which counts the batches that it learned from, as files do.

    PyTorch lets the running variance follow the batch's variance with n - 1 in its denominator, this one with n.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(momentum=0.9, epsilon=1e-5, **kwargs)

    def build(self, input_shape: Any) -> None:
        super().build(input_shape)
        self.batches = self.add_weight((), "zeros", dtype="int64", trainable=False, name="batches")

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        if training and self.trainable:
            self.batches.assign_add(1)
        return super().call(inputs, training=training, mask=mask)


class ResNetConvolution(layers.Layer):
    """act(normalize(W x)), where W is a convolution with zeros around x on all sides: (B, H, W, C) -> (B, H / s, W / s, F).

    TensorFlow's padding "same" puts the zeros on other sides where there is a stride.

    Args:
        filters: F.
        size: of the kernel.
        stride: s.
        activation: act, or None.
    """

    def __init__(self, filters: int, size: int, stride: int = 1, activation: Any = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.rim = size // 2
        start = keras.initializers.VarianceScaling(2.0, mode="fan_out")
        self.convolution = layers.Conv2D(
            filters,
            size,
            strides=stride,
            use_bias=False,
            kernel_initializer=start,
            data_format="channels_last",
            name="convolution",
        )
        self.normalization = CountingBatchNormalization(name="normalization")
        self.activation = activation

    def call(self, x: Any) -> Any:
        x = self.normalization(self.convolution(pad(x, self.rim) if self.rim else x))
        return x if self.activation is None else self.activation(x)


def pad(x: Any, rim: int, value: float = 0.0) -> Any:
    """(B, H, W, C) -> (B, H + 2 rim, W + 2 rim, C)."""
    return ops.pad(x, ((0, 0), (rim, rim), (rim, rim), (0, 0)), constant_values=value)


class ResNetBlock(layers.Layer):
    """act(f(x) + shortcut(x)), where f is two 3 x 3 convolutions, or 1 x 1, 3 x 3 and 1 x 1 with a quarter of the width.

    Between the convolutions of f stands relu.

    Args:
        config: the kind of block.
        before: channels of x.
        width: channels of the output.
        stride: by how much the image gets smaller.
    """

    def __init__(self, config: ResNetConfig, before: int, width: int, stride: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.activation = ACTIVATIONS[config.hidden_act]
        changes = before != width or stride != 1
        self.shortcut = ResNetConvolution(width, 1, stride, name="shortcut") if changes else None
        act, inner = ops.relu, width // 4  # inside of a block whatever the config says
        if config.layer_type == "basic":
            self.layer = [
                ResNetConvolution(width, 3, stride, act, name="layer_0"),
                ResNetConvolution(width, 3, name="layer_1"),
            ]
        else:
            first, second = (stride, 1) if config.downsample_in_bottleneck else (1, stride)
            self.layer = [
                ResNetConvolution(inner, 1, first, act, name="layer_0"),
                ResNetConvolution(inner, 3, second, act, name="layer_1"),
                ResNetConvolution(width, 1, name="layer_2"),
            ]

    def call(self, x: Any) -> Any:
        y = x
        for layer in self.layer:
            y = layer(y)
        return self.activation(y + (x if self.shortcut is None else self.shortcut(x)))


class ResNetStage(layers.Layer):
    """Blocks of one width, the first of which may make the image smaller: (B, H, W, C) -> (B, H / s, W / s, F)."""

    def __init__(self, config: ResNetConfig, before: int, width: int, depth: int, stride: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.blocks = [
            ResNetBlock(config, width if i else before, width, 1 if i else stride, name=f"block_{i}")
            for i in range(depth)
        ]

    def call(self, x: Any) -> Any:
        for block in self.blocks:
            x = block(x)
        return x


# ------------------------------------------------------------------------------------------------------------- whole
class ResNetBackbone(VisionBackbone):
    """ResNet without a head.

    Args:
        config: the sizes.

    Call:
        a dictionary of `pixel_values` (B, H, W, C), of any size. Returns {"last_hidden_state": (B, H / 32, W / 32, M),
        "pooler_output": (B, M)}: the latter is the mean over all places.

    >>> import numpy as np
    >>> from hornbook_hub.models.resnet import ResNetBackbone, ResNetConfig
    >>> config = ResNetConfig(embedding_size=4, hidden_sizes=[8, 16], depths=[1, 1])
    >>> outputs = ResNetBackbone(config)({"pixel_values": np.zeros((1, 32, 32, 3), "float32")}, output_hidden_states=True)
    >>> outputs["pooler_output"].shape, [tuple(x.shape) for x in outputs["hidden_states"]]
    (TensorShape([1, 16]), [(1, 8, 8, 4), (1, 8, 8, 8), (1, 4, 4, 16)])
    """

    config_class = ResNetConfig

    def __init__(self, config: ResNetConfig, **kwargs: Any) -> None:
        super().__init__(config, **kwargs)
        act = ACTIVATIONS[config.hidden_act]
        self.embedder = ResNetConvolution(config.embedding_size, 7, 2, act, name="embedder")
        widths = [config.embedding_size, *config.hidden_sizes]
        self.stages = [
            ResNetStage(
                config,
                widths[i],
                widths[i + 1],
                depth,
                2 if i or config.downsample_in_first_stage else 1,
                name=f"stage_{i}",
            )
            for i, depth in enumerate(config.depths)
        ]
        self.make_weights()

    def call(self, inputs: Any, output_hidden_states: bool = False) -> dict[str, Any]:
        x = self.embedder(self.read(inputs))
        x = ops.max_pool(pad(x, 1, float("-inf")), 3, 2, padding="valid", data_format="channels_last")
        hidden_states = [x]
        for stage in self.stages:
            x = stage(x)
            hidden_states.append(x)
        outputs = {"last_hidden_state": x, "pooler_output": ops.mean(x, axis=(1, 2))}
        return {**outputs, "hidden_states": tuple(hidden_states)} if output_hidden_states else outputs


# ----------------------------------------------------------------------------------------------------- WEIGHTS table
PREFIX = "resnet."  # of the backbone's names in a file that also holds a head


def convolution_weights(there: str, normalization: str, here: str) -> dict[str, Any]:
    """The rows of a convolution and its normalization: the names of the two there, the ResNetConvolution here."""
    return {
        f"{there}.weight": (f"{here}.convolution.kernel", convolution),
        f"{normalization}.weight": f"{here}.normalization.gamma",
        f"{normalization}.bias": f"{here}.normalization.beta",
        f"{normalization}.running_mean": f"{here}.normalization.moving_mean",
        f"{normalization}.running_var": f"{here}.normalization.moving_variance",
        f"{normalization}.num_batches_tracked": f"{here}.normalization.batches",
    }


def parts_of(config: ResNetConfig) -> list[tuple[int, int, int | None]]:
    """(stage, block, convolution in it; None for the shortcut) of all blocks; those with a shortcut have it."""
    each = range(2 if config.layer_type == "basic" else 3)
    return [(s, i, k) for s, depth in enumerate(config.depths) for i in range(depth) for k in (*each, None)]


def weights(config: ResNetConfig) -> dict[str, Any]:
    """The table of a model: Hugging Face -> here."""
    stem = "embedder.embedder"
    rows = convolution_weights(f"{stem}.convolution", f"{stem}.normalization", "embedder")
    for s, i, k in parts_of(config):
        part = "shortcut" if k is None else f"layer.{k}"
        name = f"encoder.stages.{s}.layers.{i}.{part}"
        rows |= convolution_weights(f"{name}.convolution", f"{name}.normalization", f"stages.{s}.blocks.{i}.{part}")
    return rows


WEIGHTS = weights
POOLER: tuple[str, ...] = ()
CLASSIFIER_WEIGHTS = {
    "classifier.1.weight": ("head.classifier.kernel", transposed),
    "classifier.1.bias": "head.classifier.bias",
}
HEADS = {"image_classifier": (ImageHead, CLASSIFIER_WEIGHTS)}  # task -> the layer, its WEIGHTS
OTHER_HEADS = ("classifier.",)
OLD_NAMES: dict[str, str] = {}
ARCHITECTURES = {"ResNetModel": "backbone", "ResNetForImageClassification": "image_classifier"}
BACKBONE = ResNetBackbone


def preprocessor(files: Any, max_length: int) -> Any:
    """How raw images are prepared."""
    return image_preprocessor(files, "ConvNextImageProcessor")


# ------------------------------------------------------------------------------------------------------- timm's layout
TIMM_DEPTHS = {
    "resnet18": ("basic", [2, 2, 2, 2]),
    "resnet26": ("bottleneck", [2, 2, 2, 2]),
    "resnet34": ("basic", [3, 4, 6, 3]),
    "resnet50": ("bottleneck", [3, 4, 6, 3]),
    "resnet101": ("bottleneck", [3, 4, 23, 3]),
    "resnet152": ("bottleneck", [3, 8, 36, 3]),
}


def timm_config(name: str) -> dict[str, Any] | None:
    """The config of one of timm's ResNets of the paper's form; None for other names.

    >>> from hornbook_hub.models.resnet import timm_config
    >>> timm_config("resnet50")["depths"], timm_config("resnet50d")
    ([3, 4, 6, 3], None)
    """
    if name not in TIMM_DEPTHS:
        return None
    kind, depths = TIMM_DEPTHS[name]
    widths = [64, 128, 256, 512] if kind == "basic" else [256, 512, 1024, 2048]
    return {"layer_type": kind, "depths": list(depths), "hidden_sizes": widths}


def timm_weights(config: ResNetConfig) -> dict[str, Any]:
    """The table of a model: timm -> here."""
    rows = convolution_weights("conv1", "bn1", "embedder")
    for s, i, k in parts_of(config):
        block, here = f"layer{s + 1}.{i}", f"stages.{s}.blocks.{i}"
        if k is None:
            rows |= convolution_weights(f"{block}.downsample.0", f"{block}.downsample.1", f"{here}.shortcut")
        else:
            rows |= convolution_weights(f"{block}.conv{k + 1}", f"{block}.bn{k + 1}", f"{here}.layer.{k}")
    return rows


TIMM = Layout(timm_config, timm_weights, head="fc")

# ----------------------------------------------------------------------------------------------------- PRESETS table
PRESETS = {
    "resnet_tiny": {
        "folder": "presets/resnet_tiny",
        "aliases": (),
        "task": "image_classifier",
        "parameters": 699_168,
        "licence": "Apache-2.0",
        "about": "14 layers; ten kinds of clothes; made by recipes/pretrain_resnet_tiny.py; in the package",
    },
    "resnet18": {
        "repository": "microsoft/resnet-18",
        "revision": "main",
        "aliases": (),
        "task": "image_classifier",
        "parameters": 11_176_512,
        "licence": "Apache-2.0",
        "about": "18 layers; 1000 classes of ImageNet",
    },
    "resnet34": {
        "repository": "microsoft/resnet-34",
        "revision": "main",
        "aliases": (),
        "task": "image_classifier",
        "parameters": 21_284_672,
        "licence": "Apache-2.0",
        "about": "34 layers; 1000 classes of ImageNet",
    },
    "resnet50": {
        "repository": "microsoft/resnet-50",
        "revision": "main",
        "aliases": (),
        "task": "image_classifier",
        "parameters": 23_508_032,
        "licence": "Apache-2.0",
        "about": "50 layers; 1000 classes of ImageNet",
    },
    "resnet101": {
        "repository": "microsoft/resnet-101",
        "revision": "main",
        "aliases": (),
        "task": "image_classifier",
        "parameters": 42_500_160,
        "licence": "Apache-2.0",
        "about": "101 layers; 1000 classes of ImageNet",
    },
    "resnet152": {
        "repository": "microsoft/resnet-152",
        "revision": "main",
        "aliases": (),
        "task": "image_classifier",
        "parameters": 58_143_808,
        "licence": "Apache-2.0",
        "about": "152 layers; 1000 classes of ImageNet",
    },
    "resnet50_a1": {
        "repository": "timm/resnet50.a1_in1k",
        "revision": "main",
        "aliases": (),
        "task": "image_classifier",
        "parameters": 23_508_032,
        "licence": "Apache-2.0",
        "about": "50 layers, trained longer; 1000 classes of ImageNet",
    },
}
