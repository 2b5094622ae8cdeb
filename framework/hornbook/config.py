"""Settings of the process: `keras.config`."""

from hornbook import backend as backends
from hornbook.backend.config import (
    backend,
    disable_flash_attention,
    enable_flash_attention,
    epsilon,
    floatx,
    image_data_format,
    is_flash_attention_enabled,
    is_nnx_enabled,
    max_epochs,
    max_steps_per_epoch,
    set_epsilon,
    set_floatx,
    set_image_data_format,
    set_max_epochs,
    set_max_steps_per_epoch,
)
from hornbook.core.dtype_policies import dtype_policy, set_dtype_policy
from hornbook.core.finite import disable_debug_nans, enable_debug_nans, is_debug_nans_enabled
from hornbook.core.output import (
    disable_interactive_logging,
    enable_interactive_logging,
    is_interactive_logging_enabled,
)
from hornbook.core.tracebacks import (
    disable_traceback_filtering,
    enable_traceback_filtering,
    is_traceback_filtering_enabled,
)

__all__ = [
    "backend",
    "disable_debug_nans",
    "disable_flash_attention",
    "disable_interactive_logging",
    "disable_traceback_filtering",
    "dtype_policy",
    "enable_debug_nans",
    "enable_flash_attention",
    "enable_interactive_logging",
    "enable_op_determinism",
    "enable_traceback_filtering",
    "enable_unsafe_deserialization",
    "epsilon",
    "floatx",
    "image_data_format",
    "is_debug_nans_enabled",
    "is_flash_attention_enabled",
    "is_interactive_logging_enabled",
    "is_nnx_enabled",
    "is_traceback_filtering_enabled",
    "max_epochs",
    "max_steps_per_epoch",
    "set_backend",
    "set_dtype_policy",
    "set_epsilon",
    "set_floatx",
    "set_image_data_format",
    "set_max_epochs",
    "set_max_steps_per_epoch",
]


def enable_op_determinism() -> None:
    """Let every operation give the same bits for the same inputs, whatever its threads do; it may be slower.

    Call it at the beginning of a program, with `hornbook.utils.set_random_seed(seed)`: two runs on the same kind of machine
    are equal bit for bit then. It cannot be taken back in a running program.

    >>> import hornbook as keras
    >>> keras.utils.set_random_seed(1)
    >>> keras.config.enable_op_determinism()  # doctest: +SKIP

    It holds for the rest of the process, and so it is not run here.
    """
    backends.enable_op_determinism()


def set_backend(backend: str) -> None:
    """Make sure that this backend is in use. It is chosen at import, by `HORNBOOK_BACKEND` or the settings file.

    Raises:
        ValueError: for a backend that there is not.
        RuntimeError: for one that is not in use: it cannot be exchanged in a running program.

    >>> from hornbook import config
    >>> config.set_backend("tensorflow")
    """
    if backend not in backends.BACKENDS:
        raise ValueError(f"Hornbook has no backend called {backend!r}; it offers: {', '.join(backends.BACKENDS)}.")
    if backend != (in_use := backends.config.backend()):
        raise RuntimeError(
            f"The backend in use is {in_use!r}, chosen when hornbook was imported. Set the environment variable "
            f"HORNBOOK_BACKEND={backend} and start the program anew."
        )


def enable_unsafe_deserialization() -> None:
    """Not offered: a file is data and never code, so nothing that a file holds is run.

    Raises:
        ValueError: always.

    >>> import hornbook as keras
    >>> try:
    ...     keras.config.enable_unsafe_deserialization()
    ... except Exception as error:
    ...     print(type(error).__name__)
    ValueError
    """
    raise ValueError(
        "There is no unsafe deserialization: a file is data and never code. Make a lambda a named function, put "
        "@hornbook.saving.register_keras_serializable() above it, and save the model again."
    )
