"""What all applications share: the symbolic image once the arguments make sense, pooling, the files of weights.

And what they can beyond Keras's, in one place for all: `extended`.
"""

import functools
import inspect
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import numpy as np

import hornbook as keras
from hornbook import layers
from hornbook.core.arguments import positive_integer
from hornbook.core.operation import node_of
from hornbook.utils import get_file
from hornbook_applications.stages import features

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
    trained = weights == "imagenet" and AGAIN.get() is None
    if trained and include_top and classes != 1000:
        raise ValueError(
            f"The weights of 'imagenet' with include_top=True know 1000 classes, not {classes}. Pass new_head={classes} for "
            "these weights under a classifier of your own, or include_top=False."
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
    if trained and (channels != 3 or (include_top and not any_size and tuple(sizes) not in fitting)):
        raise ValueError(
            f"With weights='imagenet'{' and include_top=True' if include_top else ''}, input_shape must be "
            f"{default if include_top else '(height, width, 3)'}; got {input_shape}."
            + (
                f" Pass in_channels={channels} for weights that are fitted to so many channels."
                if channels != 3
                else ""
            )
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
    if AGAIN.get() is not None:
        return model
    if weights == "imagenet":
        weights = get_file(address.rsplit("/", 1)[1], address, file_hash=hash, cache_subdir="models")
    if weights is not None:
        model.load_weights(weights)
    return model


# ------------------------------------------------------------------------------------------------------- beyond Keras
# Of a network that is built once more for other channels or classes, and takes its weights from the one before.
AGAIN: ContextVar[Mapping[str, Any] | None] = ContextVar("AGAIN", default=None)


def scales_inside() -> bool:
    """Whether a network whose files hold the scaling of its pixels is to begin with it."""
    return (AGAIN.get() or {}).get("include_preprocessing", True)


def extended(preprocess: Callable | None = None) -> Callable[[Callable], Callable[..., Any]]:
    """Four keyword arguments more for the function of an application; all else is as in Keras.

    The network is built as Keras builds it, with its weights; if more is wanted, it is built once more as wanted, and the
    weights that fit are carried over. The arguments:

    - `features_only=True` gives the last map of each resolution, {"stride_2": ..., "stride_4": ..., ...}: see `features`.
    - `in_channels=N` fits weights of red, green and blue to N channels. With W the first kernel, and c counted from 0,

          W'_0 = W_0 + W_1 + W_2  for N = 1,     W'_c = 3 / N W_{c mod 3}  otherwise,

      so that an image whose channels are all alike gives what its gray image gave. (N given in `input_shape` alone is that
      of the file, as in Keras.)
    - `new_head=K` puts a fresh classifier of K classes on the weights, whose own classifier is for `classes`; with those of
      "imagenet" images may then have any size, where the network's top allows it.
    - `include_preprocessing` makes the network take pixels 0 .. 255 in RGB, by the family's `preprocess_input` inside. It is
      False where Keras has no such argument, but for EfficientNet, whose scaling is always inside there.

    Args:
        preprocess: the family's `preprocess_input`; None where the network scales its pixels itself.

    Returns:
        a decorator. What it makes raises ValueError for arguments that do not go together.

    >>> import numpy as np
    >>> from hornbook_applications import MobileNet
    >>> small = {"input_shape": (64, 64, 3), "alpha": 0.25, "weights": None}
    >>> maps = MobileNet(**small, features_only=True)(np.zeros((1, 64, 64, 3)))
    >>> [(name, tuple(x.shape[1:])) for name, x in maps.items()][:2]
    [('stride_2', (32, 32, 16)), ('stride_4', (16, 16, 32))]
    >>> model = MobileNet(**small, in_channels=1, new_head=5)
    >>> model.input_shape, model.output_shape
    ((None, 64, 64, 1), (None, 5))
    """

    def extend(function: Callable) -> Callable[..., Any]:
        signature = inspect.signature(function)
        own = "include_preprocessing" in signature.parameters

        @functools.wraps(function)
        def build(
            *args: Any,
            features_only: bool = False,
            in_channels: int | None = None,
            new_head: int | None = None,
            **more: Any,
        ) -> Any:
            inside = preprocess is None
            scaled = inside if own else more.pop("include_preprocessing", inside)
            given = signature.bind(*args, **more)
            given.apply_defaults()
            arguments = dict(given.arguments)
            _check_together(arguments, features_only, in_channels, new_head)
            if features_only:
                arguments["include_top"] = False
            changed: dict[str, Any] = {}
            if new_head is not None:
                changed["classes"] = positive_integer(new_head, "new_head")
            if in_channels is not None:
                positive_integer(in_channels, "in_channels")
                arguments["input_shape"] = _with_channels(arguments["input_shape"], 3)
            if new_head is not None and arguments["weights"] == "imagenet" and arguments["input_shape"] is not None:
                changed["input_shape"], arguments["input_shape"] = tuple(arguments["input_shape"]), None
            model = function(**arguments)
            if in_channels is not None:
                changed["input_shape"] = _with_channels(changed.get("input_shape", model.input_shape[1:]), in_channels)
            if scaled != inside and preprocess is not None:
                image = arguments["input_tensor"]
                image = keras.Input(changed.get("input_shape", model.input_shape[1:])) if image is None else image
                if image.shape[channel_axis()] != 3:
                    raise ValueError(
                        f"include_preprocessing=True is for images in RGB, got {image.shape[channel_axis()]} channels; prepare "
                        "them before the model."
                    )
                changed |= {"input_tensor": preprocess(image), "input_shape": tuple(image.shape[1:])}
            if changed or scaled != inside:
                token = AGAIN.set({"include_preprocessing": scaled})
                try:
                    model = carried_over(model, function(**{**arguments, **changed}), new_head is not None)
                finally:
                    AGAIN.reset(token)
            return features(model) if features_only else model

        kind = inspect.Parameter.KEYWORD_ONLY
        added = {"features_only": False, "in_channels": None, "new_head": None}
        added |= {} if own else {"include_preprocessing": preprocess is None}
        build.__signature__ = signature.replace(  # type: ignore[attr-defined]
            parameters=[
                *signature.parameters.values(),
                *(inspect.Parameter(name, kind, default=default) for name, default in added.items()),
            ]
        )
        return build

    return extend


def _check_together(arguments: dict[str, Any], features_only: bool, in_channels: Any, new_head: Any) -> None:
    if features_only and (arguments["pooling"] is not None or new_head is not None):
        raise ValueError("features_only=True gives maps, so neither pooling nor new_head goes with it.")
    if new_head is not None and not arguments["include_top"]:
        raise ValueError("new_head is the classifier on top, so include_top must be True.")
    if in_channels is not None and arguments["input_tensor"] is not None:
        raise ValueError("in_channels makes an input of its own; pass input_shape instead of input_tensor.")


def _with_channels(shape: Any, channels: int) -> Any:
    """An image's shape with another number of channels; None, which is a default with three, stays None."""
    if shape is None:
        return None
    shape = tuple(shape)
    return (*shape[:-1], channels) if channel_axis() == 3 else (channels, *shape[1:])


def carried_over(trained: Any, model: Any, new_head: bool) -> Any:
    """The model with the weights of a trained one that differs from it in channels, classes or scaling.

    Args:
        trained: where the weights come from.
        model: where they go to.
        new_head: leave the last layer that has weights as it is.
    """

    def scaling(layer: Any) -> bool:
        return type(layer).__name__ == "Normalization"

    old, new = ([layer for layer in m.layers if layer.weights] for m in (trained, model))
    for there in (scaling, lambda layer: not scaling(layer)):
        pairs = list(zip(filter(there, old), filter(there, new), strict=there is not scaling))
        for source, target in pairs[: -1 if new_head and there is not scaling else None]:
            for a, b in zip(source.weights, target.weights, strict=True):
                b.assign(fitted(np.asarray(a), b.shape))
    return model


def fitted(weight: np.ndarray, shape: Any) -> np.ndarray:
    """A weight that reads red, green and blue, for another number of channels; any other weight as it is.

    Args:
        weight: a kernel (height, width, 3, filters), or three means or variances.
        shape: what it is to have. Kernels are added up for one channel, and else repeated and multiplied by 3 / channels;
            means and variances are averaged for one channel, and else repeated.

    Raises:
        ValueError: for other shapes, such as of a top that reads images of one size alone.

    >>> import numpy as np
    >>> from hornbook_applications.common import fitted
    >>> kernel = np.array([1.0, 2.0, 3.0]).reshape(1, 1, 3, 1)
    >>> fitted(kernel, (1, 1, 1, 1)).ravel(), fitted(kernel, (1, 1, 6, 1)).ravel()
    (array([6.]), array([0.5, 1. , 1.5, 0.5, 1. , 1.5]))
    """
    if weight.shape == tuple(shape):
        return weight
    axis = 2 if weight.ndim == 4 else 0
    if weight.ndim not in (1, 4) or weight.shape != (*shape[:axis], 3, *shape[axis + 1 :]):
        raise ValueError(
            f"Weights of shape {weight.shape} are there, but {tuple(shape)} is needed: a layer of the top reads the whole "
            "image, so its size must stay; or pass include_top=False."
        )
    channels = shape[axis]
    summed = weight.sum(axis, keepdims=True)
    repeated = np.take(weight, np.arange(channels) % 3, axis=axis)
    if weight.ndim == 4:
        return summed if channels == 1 else repeated * (3 / channels)
    return summed / 3 if channels == 1 else repeated
