"""The families of models that the hub knows, by the `model_type` of their `config.json`.

A family is a module of `hornbook_hub.models` with the same names in each: `BACKBONE` (whose `config_class` is its config),
`PREFIX`, `WEIGHTS`, `POOLER`, `HEADS`, `OTHER_HEADS`, `OLD_NAMES`, `ARCHITECTURES` and `PRESETS`. A family that reads something
else than texts has a function `preprocessor(files, max_length)` too. A new one is a new file there, and a row of
`checkpoints.FILES`.
"""

import importlib
from collections.abc import Iterator, Mapping
from typing import Any

from hornbook_hub.checkpoints import FILES


class Families(Mapping):
    """kind -> module; a family is imported when it is asked for, so that loading one model does not read the code of all.

    >>> from hornbook_hub.families import FAMILIES
    >>> FAMILIES["gpt2"].BACKBONE.__name__
    'GPT2Backbone'
    """

    def __getitem__(self, kind: str) -> Any:
        return importlib.import_module(f"hornbook_hub.models.{FILES[kind]}")

    def __iter__(self) -> Iterator[str]:
        return iter(FILES)

    def __len__(self) -> int:
        return len(FILES)


FAMILIES = Families()


def family_of(backbone: Any) -> Any:
    """The module of a backbone's family; a class derived from a family's is of that family."""
    return FAMILIES[model_type_of(backbone)]


def model_type_of(backbone: Any) -> str:
    """The `model_type` of a backbone's family."""
    kinds = {f"hornbook_hub.models.{file}": kind for kind, file in FILES.items()}
    return next(
        kinds[cls.__module__]
        for cls in type(backbone).__mro__
        if cls.__module__ in kinds and cls is FAMILIES[kinds[cls.__module__]].BACKBONE
    )
