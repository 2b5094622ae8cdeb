"""The parts that models of images share: how pixels are read, patches cut out, positions stretched to other sizes.

Images are (batch, height, width, channels) here, `pixel_values` of transformers (batch, channels, height, width).
"""

from typing import Any

import hornbook as keras
from hornbook import layers, ops
from hornbook.core.operation import infer
from hornbook.core.repeats import Repeats
from hornbook_hub.backbone import Backbone


def pair(size: Any) -> tuple[int, int]:
    """A size of a config, one number or two, as (height, width).

    >>> from hornbook_hub.vision import pair
    >>> pair(16), pair([14, 16])
    ((16, 16), (14, 16))
    """
    height, width = (size, size) if isinstance(size, int) else size
    return height, width


class VisionBackbone(Backbone):
    """Base of the models of images.

    A family's class makes its parts and calls `make_weights`; its `call` is the formula. Called with
    `output_hidden_states=True`, it gives "hidden_states" too: what goes into the first stage, and what each stage gives.

    Args:
        config: the sizes.
    """

    input_names = ("pixel_values",)
    embedding = "pooler_output"  # what stands for an image as a whole, if nothing was trained to: see ImageEmbedder
    classifier_dropout = 0.0

    @property
    def image_size(self) -> tuple[int | None, int | None]:
        """The (height, width) of images that the model reads; None where any will do."""
        return None, None

    @property
    def input_arrays(self) -> dict[str, Any]:
        """The specs of its inputs."""
        shape = (None, *self.image_size, self.config.num_channels)
        return {"pixel_values": keras.InputSpec("float32", shape=shape, name="pixel_values")}

    def make_weights(self) -> None:
        """Make the weights, once the parts are there."""
        arrays = {name: keras.KerasTensor(spec.shape, spec.dtype) for name, spec in self.input_arrays.items()}
        with Repeats():
            self.output_specs = infer(self, (arrays,))
        self.built = True

    def read(self, inputs: Any) -> Any:
        """The pixels (B, H, W, C).

        Raises:
            ValueError: for anything else, such as images whose channels come first.
        """
        channels = self.config.num_channels
        if not isinstance(inputs, dict) or "pixel_values" not in inputs:
            raise ValueError(
                f"{type(self).__name__} reads {{'pixel_values': (batch, height, width, {channels})}}; raw images go through "
                "an ImagePreprocessor."
            )
        pixels = ops.cast(inputs["pixel_values"], self.compute_dtype)
        if len(pixels.shape) != 4 or pixels.shape[-1] != channels:
            raise ValueError(
                f"pixel_values must be (batch, height, width, {channels}), got shape {tuple(pixels.shape)}."
                + (" Bring the channels to the end." if len(pixels.shape) == 4 and pixels.shape[1] == channels else "")
            )
        return pixels


class PatchBackbone(VisionBackbone):
    """Base of the models of patches whose positions are learned for one size of images, the config's `image_size`.

    With `interpolate_pos_encoding = True` they are stretched to any other.

    Args:
        config: the sizes.
    """

    interpolate_pos_encoding = False

    @property
    def image_size(self) -> tuple[int | None, int | None]:
        return (None, None) if self.interpolate_pos_encoding else pair(self.config.image_size)

    def read(self, inputs: Any) -> Any:
        pixels, size = super().read(inputs), pair(self.config.image_size)
        if tuple(pixels.shape[1:3]) not in (size, (None, None)) and not self.interpolate_pos_encoding:
            raise ValueError(
                f"The images are {tuple(pixels.shape[1:3])}, but this model has positions for {size}; resize them, or set "
                "backbone.interpolate_pos_encoding = True."
            )
        return pixels


def start(config: Any) -> Any:
    """How weights start, as the config says."""
    return keras.initializers.TruncatedNormal(stddev=config.initializer_range)


class PatchEmbeddings(layers.Layer):
    """A vector for each patch of an image, and one for the image as a whole before them: (B, H, W, C) -> (B, T, M).

    x = [tokens; W patch_1; W patch_2; ...] + positions, where the tokens are vectors of their own.

    Args:
        config: the sizes.
        tokens: names of the vectors before the patches, such as ("cls_token",).
        mask_token: whether there is a vector that takes the place of patches to be guessed; None, or its shape.
        use_bias: whether a patch's vector gets a bias, W patch + b.
    """

    def __init__(
        self,
        config: Any,
        tokens: tuple[str, ...] = ("cls_token",),
        mask_token: Any = None,
        use_bias: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        width, patch, size = config.hidden_size, pair(config.patch_size), pair(config.image_size)
        self.patch, self.size, self.tokens = patch, size, tokens
        self.grid = size[0] // patch[0], size[1] // patch[1]  # of patches
        self.projection = layers.Conv2D(
            width,
            patch,
            strides=patch,
            use_bias=use_bias,
            kernel_initializer=start(config),
            data_format="channels_last",
            name="projection",
        )
        for name in tokens:
            setattr(self, name, self.add_weight((1, 1, width), initializer=start(config), name=name))
        count = len(tokens) + self.grid[0] * self.grid[1]
        self.positions = self.add_weight((1, count, width), initializer=start(config), name="positions")
        self.mask_token = self.add_weight(mask_token, initializer="zeros", name="mask_token") if mask_token else None
        self.dropout = layers.Dropout(config.hidden_dropout_prob)

    def call(self, pixels: Any, masked: Any = None) -> Any:
        x = self.projection(pixels)  # (B, h, w, M)
        batch, height, width, units = ops.shape(x)
        x = ops.reshape(x, (batch, height * width, units))
        if masked is not None:
            if self.mask_token is None:
                raise ValueError("bool_masked_pos needs the vector of a masked patch, which this model does not have.")
            there = ops.expand_dims(ops.cast(masked, x.dtype), -1)
            x = x * (1 - there) + ops.reshape(self.mask_token, (1, 1, units)) * there
        tokens = [ops.broadcast_to(getattr(self, name), (batch, 1, units)) for name in self.tokens]
        return self.dropout(ops.concatenate([*tokens, x], axis=1) + self.positions_for(height, width))

    def positions_for(self, height: Any, width: Any) -> Any:
        """The vectors of positions for so many rows and columns of patches: (1, T, M)."""
        if isinstance(height, int) and isinstance(width, int) and (height, width) == self.grid:
            return self.positions
        count = len(self.tokens)
        grid = ops.reshape(self.positions[:, count:], (*self.grid, -1))
        rows, columns = cubic(height, self.grid[0], grid.dtype), cubic(width, self.grid[1], grid.dtype)
        grid = ops.einsum("ha,abm,wb->hwm", rows, grid, columns)
        grid = ops.reshape(grid, (1, height * width, ops.shape(grid)[-1]))
        return ops.concatenate([self.positions[:, :count], grid], axis=1)


def cubic(new: Any, old: int, dtype: str = "float32") -> Any:
    """The matrix (new, old) that stretches a row of `old` values to `new` of them, by cubic convolution.

    A new value is a sum of the four old ones around its place x, with the weights of their distances d,

        (a + 2) d^3 - (a + 3) d^2 + 1          for d <= 1
        a d^3 - 5 a d^2 + 8 a d - 4 a          for 1 < d < 2,      a = -0.75

    where the first and the last value go on beyond the ends. TensorFlow's own resizing has a = -0.5, PyTorch's this one.

    Source: Keys 1981, "Cubic convolution interpolation for digital image processing"

    >>> from hornbook_hub.vision import cubic
    >>> cubic(2, 2).numpy().tolist()
    [[1.0, 0.0], [0.0, 1.0]]
    >>> cubic(4, 2).numpy().sum(axis=1).tolist()
    [1.0, 1.0, 1.0, 1.0]
    """
    a = -0.75
    places = (ops.cast(ops.arange(new), "float32") + 0.5) * (old / ops.cast(new, "float32")) - 0.5
    below = ops.floor(places)
    matrix = 0.0
    for offset in (-1, 0, 1, 2):
        d = ops.abs(places - below - offset)
        near, far = (a + 2) * d**3 - (a + 3) * d**2 + 1, a * d**3 - 5 * a * d**2 + 8 * a * d - 4 * a
        at = ops.clip(ops.cast(below, "int32") + offset, 0, old - 1)
        matrix = matrix + ops.expand_dims(ops.where(d <= 1, near, far), -1) * ops.one_hot(at, old)
    return ops.cast(matrix, dtype)


def resized(maps: Any, size: Any) -> Any:
    """Maps stretched to another height and width, each new value between its four nearest: (B, h, w, C) -> (B, H, W, C).

    Args:
        maps: (B, h, w, C).
        size: (H, W).

    >>> import numpy as np
    >>> from hornbook_hub.vision import resized
    >>> resized(np.array([[[[0.0], [4.0]]]], "float32"), (1, 4)).numpy().ravel().tolist()
    [0.0, 1.0, 3.0, 4.0]
    """
    stretched = ops.image.resize(maps, size, interpolation="bilinear", data_format="channels_last")
    return ops.cast(stretched, maps.dtype)


class ImageHead(layers.Layer):
    """logits = W h + b, where h is one output of the backbone for the whole image: (B, M) -> (B, classes).

    Args:
        backbone: the model without a head.
        classes: how many classes.
    """

    source = "pooler_output"

    def __init__(self, backbone: Any, classes: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.classifier = layers.Dense(
            classes, kernel_initializer=keras.initializers.TruncatedNormal(stddev=0.02), name="classifier"
        )

    def vector(self, outputs: dict[str, Any]) -> Any:
        """The h of the formula."""
        return outputs[self.source]

    def call(self, outputs: dict[str, Any]) -> Any:
        return self.classifier(self.vector(outputs))


class FirstTokenHead(ImageHead):
    """The same, where h is the last hidden state of the first token."""

    source = "last_hidden_state"

    def vector(self, outputs: dict[str, Any]) -> Any:
        return outputs[self.source][:, 0]
