"""Where messages go: printed for a person who looks on, or written to the log of a program that runs alone."""

import logging

_interactive = True


def enable_interactive_logging() -> None:
    """Print progress and messages of callbacks to the standard output, as at the start.

    >>> import hornbook as keras
    >>> keras.config.enable_interactive_logging()
    >>> keras.config.is_interactive_logging_enabled()
    True
    """
    global _interactive
    _interactive = True


def disable_interactive_logging() -> None:
    """Send progress and messages of callbacks to the logger "hornbook" of Python's `logging`, at level INFO.

    >>> import hornbook as keras
    >>> keras.config.disable_interactive_logging()
    >>> keras.config.is_interactive_logging_enabled()
    False
    >>> keras.config.enable_interactive_logging()
    """
    global _interactive
    _interactive = False


def is_interactive_logging_enabled() -> bool:
    """Whether messages are printed; else they are logged.

    >>> import hornbook as keras
    >>> keras.config.is_interactive_logging_enabled()
    True
    """
    return _interactive


def print_message(text: str, end: str = "\n") -> None:
    """Print a message, or log it."""
    if is_interactive_logging_enabled():
        print(text, end=end, flush=True)
    elif text.strip():
        logging.getLogger("hornbook").info(text.strip())
