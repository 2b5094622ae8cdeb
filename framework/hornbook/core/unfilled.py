"""Weights that a file will fill start without numbers."""

from collections.abc import Callable, Iterable
from typing import Any

from hornbook.core import global_state
from hornbook.core.scopes import Scope

__all__ = ["Unfilled", "unfilled_scope"]


class Unfilled(Scope):
    """Inside, new Variables that an initializer would fill take no numbers, and no memory until they are written.

    `fill` draws the start of those that nobody has written; until then, they read as zeros.

    >>> import hornbook as keras
    >>> from hornbook.core.unfilled import Unfilled
    >>> layer = keras.layers.Dense(2, kernel_initializer="ones", bias_initializer="ones")
    >>> with Unfilled() as unfilled:
    ...     layer.build((None, 1))
    >>> layer.kernel.assign([[5.0, 6.0]]).numpy(), layer.bias.numpy()
    (array([[5., 6.]], dtype=float32), array([0., 0.], dtype=float32))
    >>> unfilled.fill(but=[layer.kernel])
    >>> layer.kernel.numpy(), layer.bias.numpy()
    (array([[5., 6.]], dtype=float32), array([1., 1.], dtype=float32))
    """

    slot = "unfilled"

    def __init__(self) -> None:
        self._starts: list[tuple[Any, Callable]] = []

    def add(self, variable: Any, start: Callable) -> None:
        """Remember a Variable and what gives its first value."""
        self._starts.append((variable, start))

    def fill(self, but: Iterable[Any] = ()) -> None:
        """Write the first values of all Variables made inside, but for these, which have been written."""
        written = {id(variable) for variable in but}
        for variable, start in self._starts:
            if id(variable) not in written:
                variable.assign(start())
        self._starts.clear()


def unfilled_scope() -> Unfilled | None:
    """The Unfilled scope around the code, or None."""
    return getattr(global_state._state, Unfilled.slot, None)
