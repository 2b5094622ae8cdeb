"""How far a long save or load has come, told once it has taken seconds."""

import time
from typing import Any

from hornbook.core.output import print_message


class Progress:
    """Counts bytes, and from `patience` seconds on says once a second how many have been done.

    Args:
        what: "Saving" or "Loading".
        total: how many bytes there are, about.
        patience: seconds within which nothing is said.

    >>> from hornbook.saving.progress import Progress
    >>> with Progress("Saving", total=4_000_000, patience=0) as progress:
    ...     progress.add(1_000_000)
    ...     progress.add(3_000_000)
    Saving: 25% of 4.0 MB
    Saving: 4.0 MB, done
    """

    def __init__(self, what: str, total: int, patience: float = 3.0) -> None:
        self.what, self.total, self.done = what, total, 0
        self._next = time.monotonic() + patience
        self._told = False

    def __enter__(self) -> "Progress":
        return self

    def add(self, count: int) -> None:
        """So many bytes more have been done."""
        self.done += count
        now = time.monotonic()
        if now >= self._next:
            self._next = now + 1.0
            self._told = True
            print_message(f"{self.what}: {min(99, 100 * self.done // max(self.total, 1))}% of {readable(self.total)}")

    def __exit__(self, kind: Any, *_: Any) -> None:
        if self._told and kind is None:
            print_message(f"{self.what}: {readable(self.done)}, done")


def readable(count: int) -> str:
    """A number of bytes in the largest unit that leaves something before the point.

    >>> from hornbook.saving.progress import readable
    >>> readable(512), readable(1_500_000), readable(2_000_000_000)
    ('512 bytes', '1.5 MB', '2.0 GB')
    """
    for unit, size in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if count >= size:
            return f"{count / size:.1f} {unit}"
    return f"{count} bytes"
