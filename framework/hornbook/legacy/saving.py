"""Configs of Keras 2: `{"class_name": ..., "config": ...}`, without a module."""

import inspect
from collections.abc import Mapping
from typing import Any

from hornbook.core.registry import get_registered_name, get_registered_object

__all__ = ["deserialize_keras_object", "serialize_keras_object"]


def serialize_keras_object(instance: Any) -> Any:
    """An object as `{"class_name": ..., "config": ...}`; a function as its name.

    Raises:
        ValueError: for what has no `get_config`.

    >>> import hornbook as keras
    >>> keras.legacy.saving.serialize_keras_object(keras.initializers.Constant(2.0))
    {'class_name': 'Constant', 'config': {'value': 2.0}}
    """
    if instance is None:
        return None
    if hasattr(instance, "get_config") and not inspect.isclass(instance):
        return {"class_name": get_registered_name(type(instance)), "config": instance.get_config()}
    if hasattr(instance, "__name__"):
        return get_registered_name(instance)
    raise ValueError(f"An object of type {type(instance).__name__} has no get_config() and no name: {instance!r}.")


def deserialize_keras_object(
    identifier: Any,
    module_objects: Mapping[str, Any] | None = None,
    custom_objects: Mapping[str, Any] | None = None,
    printable_module_name: str = "object",
) -> Any:
    """The object of a Keras 2 config, or of a name.

    Args:
        identifier: `{"class_name": ..., "config": ...}`, a name, a function, or None.
        module_objects: name -> class or function, of those that are allowed.
        custom_objects: more of them, which go first.
        printable_module_name: what the objects are, for messages.

    Raises:
        ValueError: for a name that neither dictionary has and nobody registered.

    >>> import hornbook as keras
    >>> config = {"class_name": "Constant", "config": {"value": 2.0}}
    >>> known = {"Constant": keras.initializers.Constant}
    >>> keras.legacy.saving.deserialize_keras_object(config, known).value
    2.0
    """
    if identifier is None or inspect.isfunction(identifier):
        return identifier
    is_config = isinstance(identifier, dict) and "class_name" in identifier and "config" in identifier
    name = identifier["class_name"] if is_config else identifier
    if not isinstance(name, str):
        raise ValueError(f"A {printable_module_name} is named by a string or by a config, got {identifier!r}.")
    found = get_registered_object(name, custom_objects, module_objects)
    if found is None:
        raise ValueError(
            f"Unknown {printable_module_name} {name!r}: pass it in custom_objects, or register it with "
            "@hornbook.saving.register_keras_serializable()."
        )
    if not is_config:
        return found() if inspect.isclass(found) else found
    config = identifier["config"]
    return found.from_config(config) if hasattr(found, "from_config") else found(**config)
