"""Every public name of Keras is here, and takes the same arguments: the list is installed Keras itself."""

import importlib
import inspect

import pytest

import hornbook

keras = pytest.importorskip("keras", reason="keras is the reference")
pytestmark = pytest.mark.parity

# Parameters that are not here, each with the reason on the page "Differences from Keras".
OTHER_PARAMETERS = {
    "distribution.initialize",  # chooses a strategy of tf.distribute
    "quantizers.serialize",  # takes a `quantizer`; in Keras it is called `initializer`
}


def namespaces(module, path=()):
    """(path, module) of each public namespace."""
    yield path, module
    for name, value in sorted(vars(module).items()):
        inside = inspect.ismodule(value) and value.__name__.startswith("keras.") and ".src" not in value.__name__
        if inside and not name.startswith("_"):
            yield from namespaces(value, (*path, name))


def public(module):
    return [
        name
        for name, value in vars(module).items()
        if not name.startswith("_") and not inspect.ismodule(value) and (callable(value) or isinstance(value, str))
    ]


SPACES = {".".join(path): module for path, module in namespaces(keras)}


def ours(path):
    found = hornbook
    for part in path.split(".") if path else []:
        if not hasattr(found, part):
            importlib.import_module(f"{found.__name__}.{part}")
        found = getattr(found, part)
    return found


def parameters(thing):
    """The parameters of a function or constructor; None where none can be told."""
    try:
        return inspect.signature(thing).parameters
    except (TypeError, ValueError):
        return None


def fits(mine, theirs):
    """Whether a call that Keras takes is taken here: the same names in the same order, with the same defaults."""
    kinds = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    wanted = [p for p in theirs.values() if p.kind in kinds]
    takes_any = any(p.kind is inspect.Parameter.VAR_KEYWORD for p in mine.values())
    for parameter in wanted:
        if parameter.name not in mine and not takes_any:
            return f"no parameter {parameter.name}"
        there = mine.get(parameter.name)
        if there is not None and repr(there.default) != repr(parameter.default):
            simple = isinstance(parameter.default, str | int | float | bool | tuple | type(None))
            if simple and not isinstance(parameter.default, type):
                return f"{parameter.name}={there.default!r}, in Keras {parameter.default!r}"
    order = [name for name in mine if name in {p.name for p in wanted}]
    if not takes_any and order != [p.name for p in wanted]:
        return f"another order: {order}"
    return None


@pytest.mark.parametrize("path", SPACES)
def test_every_name_is_here(path):
    here = ours(path)
    assert not [name for name in public(SPACES[path]) if not hasattr(here, name)]


@pytest.mark.parametrize("path", SPACES)
def test_every_call_fits(path):
    here, wrong = ours(path), {}
    for name in public(SPACES[path]):
        theirs, mine = parameters(getattr(SPACES[path], name)), parameters(getattr(here, name, None))
        full = f"{path}.{name}" if path else name
        if theirs is None or mine is None or full in OTHER_PARAMETERS:
            continue
        reason = fits(mine, theirs)
        if reason:
            wrong[full] = reason
    assert not wrong
