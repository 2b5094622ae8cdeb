"""The optimizers of Keras 2's first years, which Keras 3 names only to say that they are gone."""

from typing import Any


class LegacyOptimizer:
    """Not offered; the optimizers of `hornbook.optimizers` take its place.

    Raises:
        ImportError: always.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        raise ImportError(
            "There are no legacy optimizers: use the one of the same name in hornbook.optimizers, such as "
            "hornbook.optimizers.Adam. Files that were saved with one load without change."
        )


Adagrad = Adam = Ftrl = Optimizer = RMSprop = SGD = LegacyOptimizer

__all__ = ["Adagrad", "Adam", "Ftrl", "Optimizer", "RMSprop", "SGD"]
