"""What all applications share: the symbolic image once the arguments make sense, pooling, the files of weights."""

from pathlib import Path
from typing import Any

import hornbook as keras
from hornbook import layers
from hornbook.core.operation import node_of
from hornbook.utils import get_file

ADDRESS = "https://storage.googleapis.com/tensorflow/keras-applications/"


def channel_axis() -> int:
    """Where the channels of a batch of images stand."""
    return 3 if keras.config.image_data_format() == "channels_last" else 1


def image_and_inputs(
    include_top: bool,
    weights: Any,
    input_tensor: Any,
    input_shape: Any,
    pooling: str | None,
    classes: int,
    *,
    size: int = 224,
    smallest: int = 32,
    any_size: bool = False,
    sizes_with_weights: tuple[int, ...] = (),
) -> tuple[Any, Any]:
    """The symbolic image, and what the model's inputs are, once the arguments make sense together.

    Args:
        include_top, weights, input_tensor, input_shape, pooling, classes: as in the family's functions.
        size: the height and width it was made for.
        smallest: the least height and width.
        any_size: whether the top takes images of any size, also of an unknown one.
        sizes_with_weights: the heights for which there are weights with the top; `size` alone if empty.

    Raises:
        ValueError: for arguments that do not go together.
    """
    if weights not in (None, "imagenet") and not Path(weights).is_file():
        raise ValueError(
            f"weights must be None (random), 'imagenet', or the path of a file of weights; there is no file {weights!r}."
        )
    if weights == "imagenet" and include_top and classes != 1000:
        raise ValueError(
            f"The weights of 'imagenet' with include_top=True know 1000 classes, not {classes}. Pass include_top=False and "
            "put a classifier of your own on top."
        )
    if pooling not in (None, "avg", "max"):
        raise ValueError(f"pooling must be None, 'avg' or 'max', got {pooling!r}.")
    last = keras.config.image_data_format() == "channels_last"
    default = (size, size, 3) if last else (3, size, size)
    if input_shape is None:
        free = (None, None, 3) if last else (3, None, None)
        input_shape = default if include_top else free
    input_shape = tuple(input_shape)
    if len(input_shape) != 3:
        raise ValueError(f"input_shape must be (height, width, channels) without the batch, got {input_shape}.")
    sizes, channels = (input_shape[:2], input_shape[2]) if last else (input_shape[1:], input_shape[0])
    if any(length is not None and length < smallest for length in sizes):
        raise ValueError(f"Images must be at least {smallest} x {smallest}, got input_shape={input_shape}.")
    fitting = [(length, length) for length in sizes_with_weights or (size,)]
    if weights == "imagenet" and (channels != 3 or (include_top and not any_size and tuple(sizes) not in fitting)):
        raise ValueError(
            f"With weights='imagenet'{' and include_top=True' if include_top else ''}, input_shape must be "
            f"{default if include_top else '(height, width, 3)'}; got {input_shape}."
        )
    if include_top and None in sizes and not any_size:
        raise ValueError(f"With include_top=True the size of the image must be fixed, got input_shape={input_shape}.")
    if input_tensor is None:
        image = keras.Input(input_shape)
        return image, image
    if not keras.utils.is_keras_tensor(input_tensor):
        raise ValueError(f"input_tensor must be symbolic, such as keras.Input gives; got {input_tensor!r}.")
    return input_tensor, _sources(input_tensor)


def _sources(tensor: Any) -> Any:
    """The keras.Input tensors that a symbolic tensor comes from."""
    found: dict[int, Any] = {}

    def walk(x: Any) -> None:
        node = node_of(x)
        if node is None or not node.inputs:
            found.setdefault(id(x), x)
            return
        for parent in node.inputs:
            walk(parent)

    walk(tensor)
    sources = list(found.values())
    return sources[0] if len(sources) == 1 else sources


def pooled(x: Any, pooling: str | None, named: bool = True) -> Any:
    """The last feature map as a network without its top gives it: as it is, or its mean or largest value over the image.

    Args:
        x: the feature map.
        pooling: None, "avg" or "max".
        named: call the layer "avg_pool" or "max_pool"; else it has its automatic name. Keras has both.
    """
    if pooling is None:
        return x
    pool = layers.GlobalAveragePooling2D if pooling == "avg" else layers.GlobalMaxPooling2D
    return pool(name=f"{pooling}_pool" if named else None)(x)


def padding_before_stride(x: Any, kernel: int) -> tuple[tuple[int, int], tuple[int, int]]:
    """Zeros around an image for a convolution of stride 2: as many as "same" gives where the size is even or unknown.

    TensorFlow's models pad so explicitly; where the size is odd, both sides get kernel // 2.

    Args:
        x: the symbolic image.
        kernel: the size of the convolution's kernel.

    Returns:
        ((top, bottom), (left, right)), as layers.ZeroPadding2D takes it.
    """
    sizes = x.shape[1:3] if channel_axis() == 3 else x.shape[2:4]
    top, left = (kernel // 2 - (0 if length is not None and length % 2 else 1) for length in sizes)
    return (top, kernel // 2), (left, kernel // 2)


def load_weights(model: Any, weights: Any, address: str, hash: str | None) -> Any:
    """The model with its weights: random ones, a file's, or those of ImageNet.

    Args:
        model: the model.
        weights: None, a path, or "imagenet".
        address: the official address of the file of ImageNet's weights.
        hash: its md5 or sha256.
    """
    if weights == "imagenet":
        weights = get_file(address.rsplit("/", 1)[1], address, file_hash=hash, cache_subdir="models")
    if weights is not None:
        model.load_weights(weights)
    return model
