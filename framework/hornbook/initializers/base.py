"""What an initializer is: a function from a shape and a dtype to the array a weight starts from."""

from typing import Any

from hornbook.core.registry import Configurable


class Initializer(Configurable):
    """Base class of initializers: override `__call__`; the constructor's arguments become the config.

    >>> import hornbook as keras
    >>> class Half(keras.initializers.Initializer):
    ...     def __call__(self, shape, dtype=None):
    ...         return keras.ops.full(shape, 0.5, dtype=dtype)
    >>> Half()((2,)).numpy().tolist()
    [0.5, 0.5]
    """

    def __call__(self, shape: Any, dtype: Any = None) -> Any:
        """The starting array.

        Args:
            shape: its sizes.
            dtype: its dtype; `floatx()` if None.
        """
        raise NotImplementedError(f"{type(self).__name__} must define __call__(self, shape, dtype=None).")

    def clone(self) -> "Initializer":
        """A new initializer of the same config (without a seed, it draws numbers of its own)."""
        return type(self).from_config(self.get_config())
