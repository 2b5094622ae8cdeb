"""A dictionary of settings whose keys are attributes."""

import json
from collections.abc import ItemsView, Iterator, KeysView, ValuesView
from typing import Any


class Config:
    """Settings by name: `config.rate` is `config["rate"]`; they can be frozen and written as JSON.

    Args:
        **kwargs: the settings.

    Raises:
        AttributeError: for a name that is not there.
        ValueError: for a change while it is frozen.

    >>> import hornbook as keras
    >>> config = keras.utils.Config(rate=0.1, layers=2)
    >>> config.layers += 1
    >>> config.freeze()
    >>> config.layers, config.to_json()
    (3, '{"rate": 0.1, "layers": 3}')
    """

    _data: dict[str, Any]
    _frozen: bool

    def __init__(self, **kwargs: Any) -> None:
        vars(self).update(_data=dict(kwargs), _frozen=False)

    @property
    def frozen(self) -> bool:
        """Whether changes are refused."""
        return self._frozen

    def freeze(self) -> None:
        """Refuse changes from now on."""
        vars(self)["_frozen"] = True

    def unfreeze(self) -> None:
        """Allow changes again."""
        vars(self)["_frozen"] = False

    def _changeable(self) -> dict[str, Any]:
        if self._frozen:
            raise ValueError("The config is frozen, so it cannot be changed; call unfreeze() first.")
        return self._data

    def __getattr__(self, name: str) -> Any:
        if name in ("_data", "_frozen") or name not in self._data:  # the two are missing while a copy is being made
            raise AttributeError(f"The config has no setting {name!r}.")
        return self._data[name]

    def __setattr__(self, name: str, value: Any) -> None:
        self._changeable()[name] = value

    def __delattr__(self, name: str) -> None:
        if name not in self._changeable():
            raise AttributeError(f"The config has no setting {name!r}.")
        del self._data[name]

    def __getitem__(self, key: str) -> Any:
        return self._data[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self._changeable()[key] = value

    def __delitem__(self, key: str) -> None:
        del self._changeable()[key]

    def __contains__(self, key: object) -> bool:
        return key in self._data

    def __iter__(self) -> Iterator[str]:
        return iter(list(self._data))

    def __len__(self) -> int:
        return len(self._data)

    def __repr__(self) -> str:
        return f"<Config {self._data}>"

    def as_dict(self) -> dict[str, Any]:
        """The settings as a new dictionary."""
        return dict(self._data)

    def to_json(self) -> str:
        """The settings as JSON."""
        return json.dumps(self._data)

    def keys(self) -> KeysView[str]:
        """The names."""
        return self._data.keys()

    def values(self) -> ValuesView[Any]:
        """The values."""
        return self._data.values()

    def items(self) -> ItemsView[str, Any]:
        """Pairs (name, value)."""
        return self._data.items()

    def pop(self, *args: Any) -> Any:
        """Take a setting out: `pop(name)` or `pop(name, default)`."""
        return self._changeable().pop(*args)

    def update(self, *args: Any, **kwargs: Any) -> None:
        """Set several, from a dictionary or by keyword."""
        self._changeable().update(*args, **kwargs)

    def get(self, keyname: str, value: Any = None) -> Any:
        """A setting, or `value` where there is none of that name."""
        return self._data.get(keyname, value)
