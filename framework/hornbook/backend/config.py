"""What is chosen once for the whole process: backend, float type, fuzz factor, axis order of images.

The choice comes from the environment (`HORNBOOK_BACKEND`, then `KERAS_BACKEND`), then from `~/.hornbook/hornbook.json`
(the keys of a `keras.json`: `backend`, `floatx`, `epsilon`, `image_data_format`), then from the defaults below.
"""

import json
import os
from pathlib import Path
from typing import Any

FLOAT_DTYPES = ("bfloat16", "float16", "float32", "float64")
DTYPES = (
    "bool",
    *("uint8", "uint16", "uint32", "uint64"),
    *("int8", "int16", "int32", "int64"),
    *FLOAT_DTYPES,
    *("float8_e4m3fn", "float8_e5m2"),  # to cast to and from; they take no part in arithmetic
    *("complex64", "complex128"),
    "string",
)
_settings: dict[str, Any] = {
    "backend": "tensorflow",
    "floatx": "float32",
    "epsilon": 1e-7,
    "image_data_format": "channels_last",
}
_choices: dict[str, bool | None] = {"flash_attention": None}
_limits: dict[str, int | None] = {"max_epochs": None, "max_steps_per_epoch": None}


def _read_settings_file() -> dict[str, Any]:
    home = Path(os.environ.get("HORNBOOK_HOME", Path.home() / ".hornbook"))
    try:
        found = json.loads((home / "hornbook.json").read_text())
    except (OSError, ValueError):
        return {}
    return {key: found[key] for key in _settings if key in found} if isinstance(found, dict) else {}


def backend() -> str:
    """The name of the backend in use.

    >>> from hornbook import config
    >>> config.backend()
    'tensorflow'
    """
    return _settings["backend"]


def floatx() -> str:
    """The float type that weights have unless told otherwise.

    >>> from hornbook import config
    >>> config.floatx()
    'float32'
    """
    return _settings["floatx"]


def set_floatx(value: str) -> None:
    """Choose the default float type: "float16", "bfloat16", "float32" or "float64".

    Raises:
        ValueError: for any other name.

    >>> import hornbook as keras
    >>> keras.config.set_floatx("float64")
    >>> keras.ops.ones(2).dtype.name
    'float64'
    >>> keras.config.set_floatx("float32")
    """
    if value not in FLOAT_DTYPES:
        raise ValueError(f"floatx must be one of {FLOAT_DTYPES}, got {value!r}.")
    _settings["floatx"] = value


def epsilon() -> float:
    """The small number that keeps divisions and logarithms finite.

    >>> from hornbook import config
    >>> config.epsilon()
    1e-07
    """
    return _settings["epsilon"]


def set_epsilon(value: float) -> None:
    """Choose the fuzz factor returned by `epsilon()`.

    >>> import hornbook as keras
    >>> keras.config.set_epsilon(1e-5)
    >>> keras.config.epsilon()
    1e-05
    >>> keras.config.set_epsilon(1e-7)
    """
    _settings["epsilon"] = float(value)


def image_data_format() -> str:
    """Where an image keeps its channels: "channels_last" (batch, height, width, channels) or "channels_first".

    >>> from hornbook import config
    >>> config.image_data_format()
    'channels_last'
    """
    return _settings["image_data_format"]


def set_image_data_format(data_format: str) -> None:
    """Choose the default axis order of images.

    Raises:
        ValueError: for anything but "channels_last" and "channels_first".

    >>> import hornbook as keras
    >>> keras.config.set_image_data_format("channels_first")
    >>> keras.layers.GlobalAveragePooling2D()(keras.Input((3, 8, 8))).shape
    (None, 3)
    >>> keras.config.set_image_data_format("channels_last")
    """
    _settings["image_data_format"] = standardize_data_format(data_format)


def enable_flash_attention() -> None:
    """Let attention use a fused kernel that never holds all scores, where the backend has one (TensorFlow has none).

    Dao et al. 2022, "FlashAttention", https://arxiv.org/abs/2205.14135.

    >>> from hornbook import config
    >>> config.enable_flash_attention()
    >>> config.is_flash_attention_enabled()
    True
    """
    _choices["flash_attention"] = True


def disable_flash_attention() -> None:
    """Keep attention from using a fused kernel.

    >>> from hornbook import config
    >>> config.disable_flash_attention()
    >>> config.is_flash_attention_enabled()
    False
    """
    _choices["flash_attention"] = False


def is_flash_attention_enabled() -> bool | None:
    """Whether attention may use a fused kernel; None, as at the start, leaves it to the backend.

    >>> import hornbook as keras
    >>> keras.config.disable_flash_attention()
    >>> keras.config.is_flash_attention_enabled()
    False
    >>> keras.config.enable_flash_attention()
    """
    return _choices["flash_attention"]


def is_nnx_enabled() -> bool:
    """Whether layers are Flax NNX modules: never, as that is a matter of the JAX backend of Keras alone.

    >>> from hornbook import config
    >>> config.is_nnx_enabled()
    False
    """
    return False


def max_epochs() -> int | None:
    """The most epochs that any `fit` runs, None without a limit.

    The environment variable `KERAS_MAX_EPOCHS` sets it at start, to try a long program out quickly.

    >>> import hornbook as keras
    >>> keras.config.set_max_epochs(3)
    >>> keras.config.max_epochs()
    3
    >>> keras.config.set_max_epochs(None)
    """
    return _limits["max_epochs"]


def set_max_epochs(max_epochs: int | None) -> None:
    """Limit the epochs of every `fit` from now on; None lifts the limit.

    >>> from hornbook import config
    >>> config.set_max_epochs(2)
    >>> config.max_epochs()
    2
    >>> config.set_max_epochs(None)
    """
    _limits["max_epochs"] = _limit(max_epochs, "max_epochs")


def max_steps_per_epoch() -> int | None:
    """The most steps that an epoch of `fit`, `evaluate` or `predict` runs, None without a limit.

    The environment variable `KERAS_MAX_STEPS_PER_EPOCH` sets it at start.

    >>> import hornbook as keras
    >>> keras.config.set_max_steps_per_epoch(10)
    >>> keras.config.max_steps_per_epoch()
    10
    >>> keras.config.set_max_steps_per_epoch(None)
    """
    return _limits["max_steps_per_epoch"]


def set_max_steps_per_epoch(max_steps_per_epoch: int | None) -> None:
    """Limit the steps of every epoch from now on; None lifts the limit.

    >>> from hornbook import config
    >>> config.set_max_steps_per_epoch(10)
    >>> config.max_steps_per_epoch()
    10
    >>> config.set_max_steps_per_epoch(None)
    """
    _limits["max_steps_per_epoch"] = _limit(max_steps_per_epoch, "max_steps_per_epoch")


def _limit(value: Any, name: str) -> int | None:
    if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 1):
        raise ValueError(f"`{name}` must be a positive integer, or None for no limit; got {value!r}.")
    return value


def standardize_data_format(data_format: str | None) -> str:
    """`data_format` in lower case, or the default where it is None."""
    if data_format is None:
        return image_data_format()
    name = str(data_format).lower()
    if name not in ("channels_last", "channels_first"):
        raise ValueError(f"data_format must be 'channels_last' or 'channels_first', got {data_format!r}.")
    return name


_PYTHON_TYPES = {bool: "bool", int: "int64", str: "string"}


def standardize_dtype(dtype: Any) -> str:
    """The canonical name of a dtype given as a name, a NumPy, TensorFlow or PyTorch dtype or a Python type.

    None gives `floatx()`.

    >>> import numpy as np
    >>> from hornbook.backend.config import standardize_dtype
    >>> standardize_dtype(np.int64), standardize_dtype(None), standardize_dtype("float16")
    ('int64', 'float32', 'float16')

    Raises:
        ValueError: for a name that is no dtype.
    """
    if dtype is None:
        return floatx()
    if dtype.__class__ is str and dtype in _KNOWN:
        return dtype
    if dtype is float:
        return floatx()
    if dtype in _PYTHON_TYPES:
        return _PYTHON_TYPES[dtype]
    name = getattr(dtype, "name", None) or getattr(dtype, "__name__", None) or str(dtype)
    name = {"bool_": "bool", "str": "string", "float": floatx(), "int": "int64"}.get(name, name)
    name = name.removeprefix("torch.")
    if name not in _KNOWN:
        raise ValueError(f"Unknown dtype {dtype!r}; expected one of {', '.join(DTYPES)}.")
    return name


def is_float_dtype(dtype: Any) -> bool:
    """Whether a dtype is a floating-point one.

    >>> from hornbook import backend
    >>> backend.is_float_dtype("bfloat16"), backend.is_float_dtype("int32")
    (True, False)
    """
    return standardize_dtype(dtype) in FLOAT_DTYPES


def is_int_dtype(dtype: Any) -> bool:
    """Whether a dtype is a signed or unsigned integer one.

    >>> from hornbook import backend
    >>> backend.is_int_dtype("uint8"), backend.is_int_dtype("float32")
    (True, False)
    """
    return standardize_dtype(dtype).startswith(("int", "uint"))


_KNOWN = frozenset(DTYPES)
_settings.update(_read_settings_file())
_settings["backend"] = os.environ.get("HORNBOOK_BACKEND") or os.environ.get("KERAS_BACKEND") or _settings["backend"]
for _name in _limits:
    if _value := os.environ.get(f"KERAS_{_name.upper()}"):
        _limits[_name] = _limit(int(_value), _name)
