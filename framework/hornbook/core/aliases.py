"""A package under a second name."""

import sys
from types import ModuleType


def alias(name: str, package: ModuleType) -> None:
    """Let `import name` and `import name.module` give `package` and its modules, the same objects.

    Args:
        name: the second name, such as "hornbook.datasets".
        package: the package, with the modules it has loaded.

    >>> import sys, hornbook.datasets, hornbook_datasets
    >>> hornbook.datasets is hornbook_datasets
    True
    """
    for module in [module for module in sys.modules if f"{module}.".startswith(f"{package.__name__}.")]:
        sys.modules[name + module.removeprefix(package.__name__)] = sys.modules[module]
