"""Names and configs: the closed registry of what a file or a string may ask for.

Three kinds of things have names: built-in classes and functions (each public namespace is a `Family`), classes that a
program registered (`register_keras_serializable`), and classes that a call or a scope brings (`custom_objects`).
Nothing is ever imported because a config says so.

A config is Keras 3's: `{"module": "keras.layers", "class_name": "Dense", "config": {...}, "registered_name": None}`.
"""

import difflib
import inspect
import sys
import types
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from hornbook import backend
from hornbook.backend.config import standardize_dtype
from hornbook.core import global_state
from hornbook.core.scopes import Scope

_FAMILIES: dict[str, "Family"] = {}
_REGISTERED: dict[str, Any] = {}  # "package>name" -> class or function
_REGISTERED_NAMES: dict[Any, str] = {}
_GLOBAL_CUSTOM_OBJECTS: dict[str, Any] = {}
_READ_BACK = ("initializer", "regularizer", "constraint", "activation")
_PLAIN = (bool, int, float, str, tuple, list, type(None))


# ------------------------------------------------------------------------------------------------------ configs
class Configurable:
    """A thing that can be made again from what its constructor was called with.

    The arguments are recorded when the object is made, so a class writes no `get_config` unless it has more to say.
    """

    _constructor_call: tuple[tuple, dict]

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        instance = super().__new__(cls)
        object.__setattr__(instance, "_constructor_call", (args, kwargs))
        return instance

    def _constructor_arguments(self) -> dict[str, Any]:
        """The constructor's arguments by name, defaults filled in."""
        args, kwargs = self._constructor_call
        signature = _signature(type(self))
        bound = signature.bind(self, *args, **kwargs)
        bound.apply_defaults()
        arguments: dict[str, Any] = {}
        for name, value in list(bound.arguments.items())[1:]:
            kind = signature.parameters[name].kind
            if kind is inspect.Parameter.VAR_KEYWORD:
                arguments.update(value)
            elif kind is inspect.Parameter.VAR_POSITIONAL:
                if value:
                    raise NotImplementedError(
                        f"{type(self).__name__} takes *{name}, which a config cannot hold by name; "
                        "define get_config() and from_config() on the class."
                    )
            else:
                arguments[name] = value
        return arguments

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments as plain data: what `from_config` makes the same object from."""
        built_in = type(self).__module__.startswith("hornbook")
        config = {}
        for name, value in self._constructor_arguments().items():
            present = getattr(self, name, value) if built_in or name.endswith(_READ_BACK) else value
            if name.endswith(_READ_BACK):
                family = get_family(_family_of_argument(name))
                config[name] = family.serialize(present)
                continue
            if isinstance(present, _PLAIN) and not isinstance(value, Configurable):
                value = present
            config[name] = serialize_keras_object(value) if not isinstance(value, _PLAIN) else value
        return config

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """The object that `config` describes."""
        return cls(**config)


def _family_of_argument(name: str) -> str:
    return name.rsplit("_", 1)[-1] + "s"


_SIGNATURES: dict[type, inspect.Signature] = {}


def _signature(cls: type) -> inspect.Signature:
    if cls not in _SIGNATURES:
        _SIGNATURES[cls] = inspect.signature(cls.__init__)
    return _SIGNATURES[cls]


# ------------------------------------------------------------------------------------------------------ families
class Family:
    """The members of one public namespace: what `get`, `serialize` and `deserialize` know there.

    Args:
        namespace: the name of the package, such as "layers".
        base: the class that members are instances of.
        members: public name or alias -> class or function. Snake case names of classes are added.
        functions_too: whether any callable is accepted as it is (losses, activations).
        module: the module that configs name, where it is not "keras.<namespace>".
        what: one member in words, for messages; made from the namespace if None.
    """

    def __init__(
        self,
        namespace: str,
        base: type,
        members: Mapping[str, Any],
        functions_too: bool = False,
        module: str | None = None,
        what: str | None = None,
    ) -> None:
        self.namespace, self.base, self.functions_too = namespace, base, functions_too
        self.module = module or f"keras.{namespace}"
        self.what = what or namespace.rsplit(".", 1)[-1].removesuffix("s").replace("losse", "loss")
        self.members: dict[str, Any] = {}
        for name, member in members.items():
            self.members[name] = member
            if inspect.isclass(member):
                self.members.setdefault(global_state.to_snake_case(name), member)
        self.classes = {m.__name__: m for m in self.members.values() if inspect.isclass(m)}
        self.functions = {m.__name__: m for m in self.members.values() if not inspect.isclass(m)}
        _FAMILIES[namespace] = self

    def unknown(self, name: Any, names: Iterable[str] | None = None) -> ValueError:
        """The error for a name nobody has: says what came and which names are near."""
        known = sorted(set(names or self.members) | set(_custom_names()))
        near = difflib.get_close_matches(str(name), known, n=4, cutoff=0.5)
        lower = {k.lower(): k for k in known}
        near = near or [lower[k] for k in difflib.get_close_matches(str(name).lower(), list(lower), n=4, cutoff=0.5)]
        hint = f"Did you mean {' or '.join(map(repr, near))}?" if near else f"Known names: {', '.join(known[:12])}, ..."
        return ValueError(
            f"Unknown {self.what} {name!r}. {hint} "
            "A class or function of your own is passed as an object, through custom_objects, or registered with "
            "@hornbook.saving.register_keras_serializable()."
        )

    def find(self, name: str, custom_objects: Mapping[str, Any] | None = None) -> Any:
        """The class or function called `name`: from custom objects first, then of this family.

        Raises:
            ValueError: where there is none; the nearest names are offered.
        """
        found = get_registered_object(name, custom_objects)
        found = self.members.get(name) if found is None else found
        if found is None:
            raise self.unknown(name)
        return found

    def get(self, identifier: Any) -> Any:
        """An object from a name, a config, a class, or the object itself; None stays None."""
        if identifier is None or isinstance(identifier, self.base):
            return identifier
        if isinstance(identifier, str):
            found = self.find(identifier)
            return found() if inspect.isclass(found) else found
        if isinstance(identifier, dict):
            return self.deserialize(identifier)
        if inspect.isclass(identifier) and issubclass(identifier, self.base):
            return identifier()
        if callable(identifier):
            return identifier() if inspect.isclass(identifier) else identifier
        raise ValueError(
            f"Expected a {self.what}: a name, an instance of {self.base.__name__}, "
            f"{'a function, ' if self.functions_too else ''}or a config dictionary; got {identifier!r}."
        )

    def serialize(self, value: Any) -> Any:
        """The config of a member: a dictionary for an object, the name for a built-in function."""
        if inspect.isfunction(value) or inspect.isbuiltin(value):
            if self.functions.get(getattr(value, "__name__", "")) is value:
                return value.__name__
        return serialize_keras_object(value)

    def deserialize(self, config: Any, custom_objects: Mapping[str, Any] | None = None) -> Any:
        """The object that a config of this family describes.

        Raises:
            ValueError: for a class that is not of this family, nor registered.
        """
        if isinstance(config, str):
            found = self.find(config, custom_objects)
            return found() if inspect.isclass(found) and not self.functions_too else found
        return deserialize_keras_object(config, custom_objects=custom_objects, family=self.namespace)


def get_family(namespace: str) -> Family:
    """The family of a public namespace, such as "initializers"."""
    return _FAMILIES[namespace]


# ------------------------------------------------------------------------------------------------- custom objects
def register_keras_serializable(package: str = "Custom", name: str | None = None) -> Callable:
    """A decorator that lets files name a class or function of yours, as `package>name`.

    Args:
        package: usually the name of your library.
        name: the class's or function's own if None.

    >>> import hornbook as keras
    >>> @keras.saving.register_keras_serializable(package="mine")
    ... class Double(keras.layers.Layer):
    ...     def call(self, inputs):
    ...         return inputs * 2
    >>> keras.saving.get_registered_name(Double)
    'mine>Double'

    Raises:
        ValueError: where a class has no `get_config`.
    """

    def decorator(target: Any) -> Any:
        registered = f"{package}>{name or target.__name__}"
        if inspect.isclass(target) and not hasattr(target, "get_config"):
            raise ValueError(f"To be registered, {target.__name__} needs a get_config() method.")
        _REGISTERED[registered] = target
        _REGISTERED_NAMES[target] = registered
        return target

    return decorator


class CustomObjectScope(Scope):
    """Inside, configs and names may also mean the classes and functions of this dictionary.

    >>> import hornbook as keras
    >>> class Double(keras.layers.Layer): pass
    >>> with keras.saving.custom_object_scope({"Double": Double}):
    ...     layer = keras.layers.deserialize({"class_name": "Double", "config": {"name": "d"}})
    >>> layer.name
    'd'
    """

    slot = "custom_object_scope"

    def __init__(self, custom_objects: Mapping[str, Any] | None) -> None:
        outer = getattr(global_state._state, self.slot, None)
        self.custom_objects = {**(outer.custom_objects if outer else {}), **(custom_objects or {})}


def get_custom_objects() -> dict[str, Any]:
    """The process-wide dictionary of custom objects; write to it to add some.

    >>> import hornbook as keras
    >>> keras.saving.get_custom_objects()["twice"] = lambda x: 2 * x
    >>> keras.activations.get("twice")(3)
    6
    >>> del keras.saving.get_custom_objects()["twice"]
    """
    return _GLOBAL_CUSTOM_OBJECTS


def _custom_names() -> list[str]:
    scope = getattr(global_state._state, "custom_object_scope", None)
    return [*_GLOBAL_CUSTOM_OBJECTS, *_REGISTERED, *(scope.custom_objects if scope else ())]


def get_registered_object(
    name: str, custom_objects: Mapping[str, Any] | None = None, module_objects: Mapping[str, Any] | None = None
) -> Any:
    """The class or function known as `name` among custom and registered objects, None if there is none.

    >>> import hornbook as keras
    >>> @keras.saving.register_keras_serializable("examples")
    ... def thrice(x):
    ...     return 3 * x
    >>> keras.saving.get_registered_object("examples>thrice")(2)
    6
    """
    scope = getattr(global_state._state, "custom_object_scope", None)
    if name not in _REGISTERED:
        _load_classes_of(name.partition(">")[0])
    for source in (custom_objects, scope and scope.custom_objects, _GLOBAL_CUSTOM_OBJECTS, _REGISTERED, module_objects):
        if source and name in source:
            return source[name]
    return None


def _load_classes_of(package: str) -> None:
    """Let a package of this house that the program has imported load, and so register, the classes that it has put off.

    It has a function `load_classes` for that. A package that the program did not import stays unimported, and nothing is
    called in a package of another name: names come from files, which may be a stranger's.
    """
    if package.startswith("hornbook_") and package in sys.modules:
        getattr(sys.modules[package], "load_classes", lambda: None)()


def get_registered_name(obj: Any) -> str:
    """The name under which a class or function is registered, else its own.

    >>> import hornbook as keras
    >>> @keras.saving.register_keras_serializable("examples")
    ... def half(x):
    ...     return x / 2
    >>> keras.saving.get_registered_name(half)
    'examples>half'
    """
    return _REGISTERED_NAMES.get(obj) or obj.__name__


# ------------------------------------------------------------------------------------------------------ serialize
def serialize_keras_object(obj: Any) -> Any:
    """An object as plain data, ready for JSON.

    Raises:
        ValueError: for a lambda or a local function nobody registered, which no file can carry.

    >>> import hornbook as keras
    >>> keras.saving.serialize_keras_object(keras.regularizers.L1(0.5))["class_name"]
    'L1'
    """
    if obj is None or isinstance(obj, bool | int | float | str):
        return obj
    if isinstance(obj, list):
        return [serialize_keras_object(x) for x in obj]
    if isinstance(obj, tuple):
        return tuple(serialize_keras_object(x) for x in obj)
    if isinstance(obj, dict):
        return {key: serialize_keras_object(value) for key, value in obj.items()}
    if isinstance(obj, bytes):
        return {"class_name": "__bytes__", "config": {"value": obj.decode("utf-8")}}
    if isinstance(obj, slice):
        parts = {"start": obj.start, "stop": obj.stop, "step": obj.step}
        return {"class_name": "__slice__", "config": serialize_keras_object(parts)}
    if obj is Ellipsis:
        return {"class_name": "__ellipsis__", "config": {}}
    if isinstance(obj, np.generic):
        return obj.item()
    if isinstance(obj, np.ndarray):
        return {"class_name": "__numpy__", "config": {"value": obj.tolist(), "dtype": obj.dtype.name}}
    if hasattr(obj, "record_history"):  # a KerasTensor: where it came from is filled in by the graph that holds it
        return {"class_name": "__keras_tensor__", "config": {"shape": obj.shape, "dtype": obj.dtype}}
    if backend.is_tensor(obj):
        array = backend.convert_to_numpy(obj)
        return {"class_name": "__tensor__", "config": {"value": array.tolist(), "dtype": array.dtype.name}}
    if isinstance(obj, types.FunctionType | types.BuiltinFunctionType | types.MethodType):
        return _serialize_function(obj)
    if inspect.isclass(obj):
        return {"module": _module_of(obj), "class_name": obj.__name__, "config": None, "registered_name": None}
    if hasattr(obj, "get_config"):
        return _serialize_instance(obj)
    try:
        return standardize_dtype(obj)
    except ValueError:
        pass
    if callable(obj):
        raise ValueError(
            f"{obj!r} cannot be saved: a file holds data, never code. Write it as a function of its own at module level and "
            "put @hornbook.saving.register_keras_serializable() above it."
        )
    raise TypeError(f"An object of type {type(obj).__name__} cannot be written to a config: {obj!r}.")


def _serialize_function(function: Any) -> dict:
    name = getattr(function, "__name__", "")
    known = function in _REGISTERED_NAMES or any(f.functions.get(name) is function for f in _FAMILIES.values())
    if name == "<lambda>" or (not known and "<locals>" in getattr(function, "__qualname__", "")):
        raise ValueError(
            f"The function {function.__qualname__!r} cannot be saved: a file holds data, never code. "
            "Give it a name at module level and put @hornbook.saving.register_keras_serializable() above it."
        )
    registered = get_registered_name(function)
    return {
        "module": "builtins" if known else getattr(function, "__module__", None),
        "class_name": "function",
        "config": registered if function in _REGISTERED_NAMES else name,
        "registered_name": "function" if known else registered,
    }


def _module_of(cls: type) -> str:
    for family in _FAMILIES.values():
        if family.classes.get(cls.__name__) is cls:
            return getattr(cls, "_config_module", family.module)
    return cls.__module__


def _serialize_instance(obj: Any) -> dict:
    cls = type(obj)
    module = _module_of(cls)
    built_in = module.startswith("keras")
    config = {
        "module": module if built_in or cls not in _REGISTERED_NAMES else cls.__module__,
        "class_name": cls.__name__,
        "config": serialize_keras_object(obj.get_config()),
        "registered_name": getattr(cls, "_config_registered_name", None) if built_in else get_registered_name(cls),
    }
    for key in ("build_config", "compile_config"):
        reader = getattr(obj, f"get_{key}", None)
        if reader is not None:
            value = reader()
            if value is not None:
                config[key] = serialize_keras_object(value)
    return config


# ---------------------------------------------------------------------------------------------------- deserialize
_DATA = {
    "__bytes__": lambda c: c["value"].encode("utf-8"),
    "__numpy__": lambda c: np.array(c["value"], dtype=standardize_dtype(c["dtype"])),
    "__tensor__": lambda c: backend.convert_to_tensor(np.array(c["value"]), dtype=standardize_dtype(c["dtype"])),
    "__slice__": lambda c: slice(c["start"], c["stop"], c["step"]),
    "__ellipsis__": lambda c: Ellipsis,
    "__typespec__": lambda c: None,
}


def deserialize_keras_object(
    config: Any,
    custom_objects: Mapping[str, Any] | None = None,
    safe_mode: bool = True,
    family: str | None = None,
    **kwargs: Any,
) -> Any:
    """The object that a config describes. A config is data: it can only name built-in and registered classes.

    Args:
        config: plain data, as `serialize_keras_object` gives it.
        custom_objects: more names that are allowed here, with their classes.
        safe_mode: accepted for signature's sake; there is no unsafe mode.
        family: the namespace in which names without a module are looked up.

    Raises:
        ValueError: for a class that nobody registered, and for a config that holds code.

    >>> import hornbook as keras
    >>> config = keras.saving.serialize_keras_object(keras.layers.Dense(3, name="d"))
    >>> keras.saving.deserialize_keras_object(config).units
    3
    """
    if custom_objects:
        with CustomObjectScope(custom_objects):
            return deserialize_keras_object(config, family=family)
    if isinstance(config, list):
        return [deserialize_keras_object(x, family=family) for x in config]
    if isinstance(config, tuple):
        return tuple(deserialize_keras_object(x, family=family) for x in config)
    if isinstance(config, str) and family is not None:
        return get_family(family).deserialize(config)
    if not isinstance(config, dict):
        return config
    if "class_name" not in config or "config" not in config:
        return {key: deserialize_keras_object(value) for key, value in config.items()}

    name, inner = config["class_name"], config["config"]
    if not isinstance(name, str):
        raise ValueError(f"class_name must be a string, got {name!r}.")
    if name == "__lambda__":
        raise ValueError(
            "The config holds the code of a Python lambda. A file is data, never code, so it is not run. "
            "Rewrite the lambda as a named function with @hornbook.saving.register_keras_serializable()."
        )
    if name in _DATA:
        return _DATA[name](inner)
    if name == "function":
        return _find_function(inner, config.get("registered_name"), family)

    cls = find_class(config, family)
    if inner is None:
        return cls
    if not isinstance(inner, dict):
        raise ValueError(f"The config of {name!r} must be a dictionary, got {type(inner).__name__}.")
    instance = cls.from_config(inner) if hasattr(cls, "from_config") else cls(**inner)
    build_config = config.get("build_config")
    if build_config and not getattr(instance, "built", True):
        instance.build_from_config(build_config)
        instance.built = True
    if config.get("compile_config") and hasattr(instance, "compile_from_config"):
        instance.compile_from_config(config["compile_config"])
    return instance


def find_class(config: Mapping[str, Any], family: str | None = None) -> Any:
    """The class that a config names: registered, custom, or built in.

    Raises:
        ValueError: where nobody registered it.
    """
    name, registered, module = config["class_name"], config.get("registered_name"), config.get("module") or ""
    for candidate in (registered, name):
        found = get_registered_object(candidate) if isinstance(candidate, str) else None
        if found is not None:
            if not inspect.isclass(found):
                raise ValueError(f"The config names {candidate!r} as a class, but a function has that name.")
            return found
    if not isinstance(module, str):
        raise ValueError(f"module must be a string, got {module!r}.")
    if family is not None and name in get_family(family).classes:
        return get_family(family).classes[name]
    if module == "keras" or module.startswith(("keras.", "hornbook", "tf_keras.", "tensorflow.keras")):
        hinted = [f for f in _FAMILIES.values() if f.namespace in module]
        for candidates in (hinted, _FAMILIES.values()):
            for known in candidates:
                if name in known.classes and (known.base in known.classes[name].__mro__):
                    return known.classes[name]
    if family is not None and not module:
        return _class_or_error(get_family(family).find(name), name)
    where = f" (module {module!r})" if module else ""
    raise ValueError(
        f"The config names the class {registered or name!r}{where}, which is neither built in nor registered. If it "
        "is yours, pass custom_objects={...} or decorate it with @hornbook.saving.register_keras_serializable()."
    )


def _class_or_error(found: Any, name: str) -> Any:
    if not inspect.isclass(found):
        raise ValueError(f"The config names {name!r} as a class, but a function has that name.")
    return found


def _find_function(name: Any, registered: Any, family: str | None) -> Any:
    for candidate in (registered, name):
        if not isinstance(candidate, str):
            continue
        found = get_registered_object(candidate)
        if found is not None:
            return found
        for known in [_FAMILIES[family]] if family else _FAMILIES.values():
            if candidate in known.functions:
                return known.functions[candidate]
    called = name if registered in (None, "function") else registered
    raise ValueError(
        f"The config names the function {called!r}, which is neither built in nor registered. If it is "
        "yours, pass custom_objects={...} or decorate it with @hornbook.saving.register_keras_serializable()."
    )
