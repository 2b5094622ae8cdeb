"""Ctrl-C during long work, which ends it even where the interrupt is lost on its way."""

import signal
import threading
from types import FrameType
from typing import Any


class Interrupts:
    """A scope in which Ctrl-C raises KeyboardInterrupt as ever, and `check` raises it once more where it was lost.

    Python drops what is raised in a destructor or in the callback of a weak reference, and a library may drop what is
    raised while it calls back. A run would go on then as if nobody had pressed a key.

    Outside of the main thread, and where the program has a handler of its own for SIGINT, nothing is changed.

    >>> from hornbook.training.interrupts import Interrupts
    >>> with Interrupts() as interrupts:
    ...     interrupts.check()  # nobody has pressed it
    """

    def __init__(self) -> None:
        self._pressed = self._watches = False

    def check(self) -> None:
        """Raise KeyboardInterrupt if Ctrl-C was pressed since the scope began."""
        if self._pressed:
            self._pressed = False
            raise KeyboardInterrupt

    def _note(self, number: int, frame: FrameType | None) -> None:
        self._pressed = True
        signal.default_int_handler(number, frame)

    def __enter__(self) -> "Interrupts":
        in_main_thread = threading.current_thread() is threading.main_thread()
        if in_main_thread and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            signal.signal(signal.SIGINT, self._note)
            self._watches = True
        return self

    def __exit__(self, *details: Any) -> None:
        if self._watches and signal.getsignal(signal.SIGINT) == self._note:
            signal.signal(signal.SIGINT, signal.default_int_handler)
