"""The one place that knows the array library.

`backend.matmul`, `backend.conv`, `backend.value_and_grad` ... : each backend offers the same primitives under the same
names, in its folder; what can be composed from them stands above, once. The backend is chosen at import:
see `hornbook.backend.config`.
"""

import sys as _sys

from hornbook.backend import config as _config
from hornbook.backend.config import (
    backend,
    epsilon,
    floatx,
    image_data_format,
    is_float_dtype,
    is_int_dtype,
    set_epsilon,
    set_floatx,
    set_image_data_format,
    standardize_data_format,
    standardize_dtype,
)
from hornbook.backend.dtypes import result_type
from hornbook.backend.spec import Spec

BACKENDS = ("tensorflow",)

if _config.backend() == "tensorflow":
    # TensorFlow ends its own import with all of Keras, and does without where Keras is absent: a second saved. Keras
    # stays importable afterwards.
    _sys.modules.setdefault("keras.src.optimizers", None)  # type: ignore[arg-type]
    try:
        from hornbook.backend.tensorflow import *  # noqa: F403
    finally:
        if _sys.modules["keras.src.optimizers"] is None:
            del _sys.modules["keras.src.optimizers"]
else:
    raise ImportError(
        f"Hornbook has no backend called {_config.backend()!r}; it offers: {', '.join(BACKENDS)}. "
        "Set HORNBOOK_BACKEND=tensorflow (it goes before KERAS_BACKEND)."
    )


def __getattr__(name: str) -> object:
    """Three names of `keras.backend` that live in `hornbook.core`, a floor above."""
    homes = {"clear_session": "global_state", "get_uid": "global_state", "is_keras_tensor": "keras_tensor"}
    if name in homes:
        import importlib

        return getattr(importlib.import_module(f"hornbook.core.{homes[name]}"), name)
    raise AttributeError(f"module 'hornbook.backend' has no attribute {name!r}")
