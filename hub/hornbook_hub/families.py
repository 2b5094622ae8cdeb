"""The families of models that the hub knows, by the `model_type` of their `config.json`.

A family is a module of `hornbook_hub.models` with the same names in each: `BACKBONE` (whose `config_class` is its config),
`PREFIX`, `WEIGHTS`, `POOLER`, `HEADS`, `OTHER_HEADS`, `OLD_NAMES`, `ARCHITECTURES` and `PRESETS`. A family that reads something
else than texts has a function `preprocessor(files, max_length)` too. A new one is a new file there, and a row of
`checkpoints.FILES`.
"""

import importlib
from typing import Any

from hornbook_hub.checkpoints import FILES

FAMILIES: dict[str, Any] = {
    kind: importlib.import_module(f"hornbook_hub.models.{file}") for kind, file in FILES.items()
}


def family_of(backbone: Any) -> Any:
    """The module of a backbone's family; a class derived from a family's is of that family."""
    by_class = {family.BACKBONE: family for family in FAMILIES.values()}
    return next(by_class[cls] for cls in type(backbone).__mro__ if cls in by_class)


def model_type_of(backbone: Any) -> str:
    """The `model_type` of a backbone's family."""
    return next(name for name, family in FAMILIES.items() if family is family_of(backbone))
