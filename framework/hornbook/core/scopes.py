"""Scopes: what holds for the code inside a `with` block.

`StatelessScope` diverts the reads and writes of Variables to a dictionary, `AutocastScope` the float type they are
read in, `NameScope` the path that names them.
"""

from collections.abc import Iterable
from typing import Any, Self

from hornbook import backend
from hornbook.core import global_state


class Scope:
    """A thing that is current inside its `with` block; the blocks nest."""

    slot: str

    def __enter__(self) -> Self:
        self._outer = getattr(global_state._state, self.slot, None)
        setattr(global_state._state, self.slot, self)
        return self

    def __exit__(self, *exception: Any) -> None:
        setattr(global_state._state, self.slot, self._outer)


class StatelessScope(Scope):
    """Inside, Variables are read from and written to a mapping and keep their own value untouched.

    Args:
        state_mapping: pairs (Variable, value) that the reads see at first.
        collect_losses: gather what layers pass to `add_loss` in `scope.losses`.

    >>> from hornbook.core.scopes import StatelessScope
    >>> from hornbook.core.variable import Variable
    >>> v = Variable([1.0])
    >>> with StatelessScope() as scope:
    ...     _ = v.assign([5.0])
    >>> float(scope.get_current_value(v)[0]), float(v.numpy()[0])
    (5.0, 1.0)
    """

    slot = "stateless_scope"

    def __init__(
        self,
        state_mapping: Iterable[tuple] | None = None,
        collect_losses: bool = False,
        initialize_variables: bool = True,
    ) -> None:
        self.collect_losses = collect_losses
        self.initialize_variables = initialize_variables
        self.losses: list = []
        self.state_mapping: dict[int, tuple] = {}
        for variable, value in state_mapping or ():
            value = backend.convert_to_tensor(value, dtype=variable._dtype)
            if tuple(value.shape) != tuple(variable.shape):
                raise ValueError(
                    f"The value for variable {variable.path!r} must have its shape {variable.shape}, got {value.shape}."
                )
            self.add_update((variable, value))

    def add_update(self, update: tuple) -> None:
        """Note (variable, new value)."""
        self.state_mapping[id(update[0])] = update

    def add_loss(self, loss: Any) -> None:
        """Note a loss of a layer."""
        self.losses.append(loss)

    def get_current_value(self, variable: Any) -> Any:
        """The value noted for a variable, None if there is none."""
        entry = self.state_mapping.get(id(variable))
        return None if entry is None else entry[1]


def get_stateless_scope() -> StatelessScope | None:
    """The innermost StatelessScope, or None."""
    return getattr(global_state._state, "stateless_scope", None)


def in_stateless_scope() -> bool:
    """Whether code runs inside a StatelessScope."""
    return getattr(global_state._state, "stateless_scope", None) is not None


class AutocastScope(Scope):
    """Inside, float Variables are read in `dtype` (mixed precision); None reads them as they are."""

    slot = "autocast_scope"

    def __init__(self, dtype: str | None) -> None:
        self.dtype = dtype


def autocast_dtype() -> str | None:
    """The dtype float Variables are read in here, None for their own."""
    scope = getattr(global_state._state, "autocast_scope", None)
    return None if scope is None else scope.dtype


class NameScope(Scope):
    """Inside, the paths of new Variables and layers start with this name.

    Args:
        name: a name without "/".
        path: the whole path, where it is not the outer path plus the name.
        kwargs: accepted for signature's sake.

    >>> import hornbook as keras
    >>> with keras.name_scope("encoder"):
    ...     weight = keras.Variable([0.0], name="gain")
    >>> weight.path
    'encoder/gain'
    """

    slot = "name_scope"

    def __init__(self, name: str, path: str | None = None, **kwargs: Any) -> None:
        if not isinstance(name, str) or "/" in name:
            raise ValueError(f"A name scope needs a string without '/', got {name!r}.")
        self.name = name
        outer = current_path()
        self.path = path if path is not None else (f"{outer}/{name}" if outer else name)


name_scope = NameScope


class SymbolicScope(Scope):
    """Inside, code runs on stand-ins for tensors to learn their shapes; tracing enters it.

    >>> from hornbook.core.scopes import SymbolicScope, in_symbolic_scope
    >>> with SymbolicScope():
    ...     in_symbolic_scope()
    True
    """

    slot = "symbolic_scope"


def in_symbolic_scope() -> bool:
    """Whether code runs to learn shapes alone."""
    return getattr(global_state._state, SymbolicScope.slot, None) is not None


def current_path() -> str:
    """The names of the open NameScopes, joined by "/"."""
    scope = getattr(global_state._state, "name_scope", None)
    return "" if scope is None else scope.path
