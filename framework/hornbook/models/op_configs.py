"""Ops in files: which class of Keras stands for an op, and which of its arguments belong to the class and which to the call.

Keras writes `ops.reshape(x, (2, 3))` as an object `Reshape(newshape=(2, 3))` that is called on x. Here an op is a function,
and tensors are told from settings by the names of its parameters.
"""

import inspect
from collections.abc import Callable
from typing import Any

from hornbook.core.global_state import to_snake_case
from hornbook.core.keras_tensor import any_symbolic
from hornbook.core.operators import OPS

# Parameters without a default that are settings all the same: Keras's class is made with them.
SETTINGS = frozenset(
    "axes axis axis1 axis2 block_size body body_fun cond default_value destination dtype fft_length function "
    "indices_or_sections k kernel_size kth lower max_val method newshape num_classes order output_size pad_width pool_size "
    "repeats sequence_length sequence_stride shape shift size source spatial_dims subscripts threshold upper x_max "
    "x_min".split()
)
# Parameters with a default that the call gets.
IN_CALL = {
    "arange": ("stop", "step"),
    "average": ("weights",),
    "batch_normalization": ("offset", "scale"),
    "dot_product_attention": ("bias", "mask", "scale"),
    "isclose": ("rtol", "atol"),
    "layer_normalization": ("gamma", "beta"),
    "pad": ("constant_values",),
    "rms_normalization": ("scale",),
    "scan": ("xs",),
    "select": ("default",),
    "where": ("x1", "x2"),
}
# Classes whose names are not those of their functions.
CLASSES = {
    "allclose": "AllClose",
    "batch_normalization": "BatchNorm",
    "cdist": "CDist",
    "ctc_decode": "CTCDecode",
    "ctc_loss": "CTCLoss",
    "fft": "FFT",
    "fft2": "FFT2",
    "hsv_to_rgb": "HSVToRGB",
    "ifft2": "IFFT2",
    "irfft": "IRFFT",
    "isin": "IsIn",
    "istft": "ISTFT",
    "layer_normalization": "LayerNorm",
    "psnr": "PSNR",
    "rfft": "RFFT",
    "rgb_to_grayscale": "RGBToGrayscale",
    "rgb_to_hsv": "RGBToHSV",
    "rms_normalization": "RMSNorm",
    "searchsorted": "SearchSorted",
    "ssim": "SSIM",
    "stft": "STFT",
    "svd": "SVD",
}
# More classes of Keras, which are read and not written.
ALIASES = {
    "Abs": "absolute",
    "BitwiseInvert": "bitwise_not",
    "BitwiseLeftShift": "left_shift",
    "BitwiseRightShift": "right_shift",
    "Conj": "conjugate",
    "TrueDivide": "divide",
    **{name: function for function, name in CLASSES.items()},
}
# Where Keras keeps an op that stands elsewhere here.
MODULES = {
    "math": "cdist erf erfc erfinv extract_sequences fft fft2 ifft2 in_top_k irfft istft logdet logsumexp rfft rsqrt segment_max "
    "segment_min segment_prod segment_sum stft top_k view_as_complex view_as_real".split(),
    "nn": "adaptive_average_pool adaptive_max_pool depth_to_space fold space_to_depth unfold".split(),
    "numpy": ["slogdet"],
    "einops": ["rearrange"],
}
PACKAGE = "keras.src.ops"


def find(class_name: str) -> Callable | None:
    """The op that a class of Keras stands for, None for an unknown one.

    >>> from hornbook.models.op_configs import find
    >>> find("RGBToHSV").__name__, find("TrueDivide").__name__, find("Nothing")
    ('rgb_to_hsv', 'divide', None)
    """
    return OPS.get(ALIASES.get(class_name, "")) or OPS.get(to_snake_case(class_name)) or OPS.get(class_name)


def class_of(function: Callable) -> tuple[str, str]:
    """(module, name) of the class of Keras that stands for an op."""
    name = function.__name__
    own = function.__module__.split(".")[2]
    module = next((module for module, names in MODULES.items() if name in names), own)
    return f"{PACKAGE}.{module}", CLASSES.get(name, "".join(part.capitalize() for part in name.split("_")))


def split_call(function: Callable, arguments: dict[str, Any]) -> tuple[dict[str, Any], list, dict[str, Any]]:
    """An op's arguments by name as (settings of the class, positional and named arguments of the call)."""
    settings: dict[str, Any] = {}
    args: list = []
    kwargs: dict[str, Any] = {}
    for name, parameter in inspect.signature(function).parameters.items():
        if name not in arguments:
            continue
        value = arguments[name]
        if parameter.kind is parameter.VAR_POSITIONAL:
            args += value
        elif parameter.kind is parameter.VAR_KEYWORD:
            kwargs.update(value)
        elif parameter.default is parameter.empty and name not in SETTINGS:
            args.append(value)
        elif name in IN_CALL.get(function.__name__, ()) or any_symbolic((value,)):
            kwargs[name] = value
        else:
            settings[name] = _spelled_out(name, value, arguments)
    return settings, args, kwargs


def _spelled_out(name: str, value: Any, arguments: dict[str, Any]) -> Any:
    """A size for all axes as a size for each, where Keras's classes know no other form."""
    if isinstance(value, int) and name == "newshape":
        return (value,)
    if isinstance(value, int) and name == "output_size" and hasattr(arguments.get("inputs"), "shape"):
        return (value,) * (len(arguments["inputs"].shape) - 2)
    return value


def join_call(function: Callable, settings: dict[str, Any], args: list, kwargs: dict[str, Any]) -> tuple[list, dict]:
    """The reverse: the positional and named arguments of the op."""
    values = {**settings, **kwargs}
    waiting = list(args)
    parameters = inspect.signature(function).parameters
    if any(parameter.kind is parameter.VAR_POSITIONAL for parameter in parameters.values()):
        first = [
            values.pop(name) for name, p in parameters.items() if p.kind is p.POSITIONAL_OR_KEYWORD and name in values
        ]
        return [*first, *waiting], values
    for name in parameters:
        if name not in values and waiting:
            values[name] = waiting.pop(0)
    if waiting:
        raise ValueError(f"The config calls {function.__name__} with {len(waiting)} arguments too many.")
    return [], values
