"""Tracebacks that show the program's own lines and leave out those of the framework it called."""

import functools
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

_Function = TypeVar("_Function", bound=Callable)
_INSIDE = str(Path(__file__).parent.parent)
_LIBRARIES = ("/tensorflow/python/", "/optree/")
_filtering = True


def enable_traceback_filtering() -> None:
    """Leave the framework's own lines out of tracebacks, as at the start.

    >>> import hornbook as keras
    >>> keras.config.enable_traceback_filtering()
    >>> keras.config.is_traceback_filtering_enabled()
    True
    """
    global _filtering
    _filtering = True


def disable_traceback_filtering() -> None:
    """Show whole tracebacks: for those who look for an error in the framework.

    >>> import hornbook as keras
    >>> keras.config.disable_traceback_filtering()
    >>> keras.config.is_traceback_filtering_enabled()
    False
    >>> keras.config.enable_traceback_filtering()
    """
    global _filtering
    _filtering = False


def is_traceback_filtering_enabled() -> bool:
    """Whether the framework's own lines are left out of tracebacks.

    >>> import hornbook as keras
    >>> keras.config.disable_traceback_filtering()
    >>> keras.config.is_traceback_filtering_enabled()
    False
    """
    return _filtering


def filtered(function: _Function) -> _Function:
    """`function`, whose errors show the lines of the program that called it and of the program's code it calls."""

    @functools.wraps(function)
    def entrance(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except Exception as error:
            if _filtering:
                error.__traceback__ = _without_framework(error.__traceback__)
            raise

    return entrance  # type: ignore[return-value]


def _without_framework(traceback: types.TracebackType | None) -> types.TracebackType | None:
    if traceback is None:
        return None
    rest = _without_framework(traceback.tb_next)
    file = traceback.tb_frame.f_code.co_filename
    if file.startswith(_INSIDE) or any(library in file for library in _LIBRARIES):
        return rest
    return types.TracebackType(rest, traceback.tb_frame, traceback.tb_lasti, traceback.tb_lineno)
