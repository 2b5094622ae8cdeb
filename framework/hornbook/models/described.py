"""The model that the config in a file describes, made within the memory that the file's weights account for."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

from hornbook.core.budget import CallBudget, WeightBudget, WeightBudgetError
from hornbook.core.layer import Layer
from hornbook.core.registry import deserialize_keras_object
from hornbook.core.untrusted import DamagedFileError

WEIGHT_RATIO = 8  # bytes a model may take for its weights, for each byte of weights in its file
SPARE_BYTES = 64 * 1024**2  # besides: counters of metrics, float kernels before they are quantized
CALL_RATIO = 3  # how often each part of a description may be called while the model is made, on the whole
SPARE_CALLS = 300
MAX_MESSAGE = 2000  # letters; a longer one shows a whole config


def model_from_config(
    config: Any,
    name: str,
    stored: int | None = None,
    custom_objects: Any = None,
    compile: bool = True,
    translate: Callable[[Any], Any] | None = None,
) -> Any:
    """The model that a config from a file describes, its weights at their start.

    Args:
        config: the config, as `read_json` gives it.
        name: what holds the config, for messages.
        stored: how many bytes of weights come with it: the model may have a few times as many, and no more. None sets no
            limit.
        custom_objects: more classes and functions that the config may name.
        compile: also take over the compile settings.
        translate: makes today's config of one in an older layout.

    Raises:
        DamagedFileError: for a config that describes no model, or a far larger one than there are weights for.
        ValueError: for a class that nobody registered.
    """
    check_is_described(config, name)
    if not compile:
        config = {key: value for key, value in config.items() if key != "compile_config"}
    with being_made(f"{name} does not describe a model that can be made", name, stored, config):
        model = deserialize_keras_object(translate(config) if translate else config, custom_objects=custom_objects)
    if not isinstance(model, Layer):
        raise DamagedFileError(f"{name} describes a {type(model).__name__}, not a model.")
    return model


def check_is_described(config: Any, name: str) -> None:
    """Nothing, for a config that names a class.

    Raises:
        DamagedFileError: for anything else.
    """
    if not isinstance(config, dict) or "class_name" not in config:
        raise DamagedFileError(f"{name} does not describe a model.")


@contextmanager
def being_made(problem: str, name: str, stored: int | None = None, config: Any = None) -> Iterator[None]:
    """Inside, objects are made as a file describes them: in bounded memory and time, and what goes wrong is the file's fault.

    Args:
        problem: what to say of the file where a constructor does not take what the file holds.
        name: what holds the description, for messages.
        stored: how many bytes of weights come with it; None sets no limit.
        config: the description; its parts may be called a few times each.

    Raises:
        DamagedFileError: for whatever is raised inside but a short ValueError, which says enough.
    """
    try:
        memory = nullcontext() if stored is None else WeightBudget(SPARE_BYTES + WEIGHT_RATIO * stored)
        with memory, CallBudget(SPARE_CALLS + CALL_RATIO * _parts(config)):
            yield
    except WeightBudgetError as error:
        if stored is None:  # somebody else's budget
            raise
        raise DamagedFileError(f"{name} is refused: {error} Its file holds {stored:,} bytes of weights.") from None
    except Exception as error:
        if isinstance(error, ValueError) and len(str(error)) <= MAX_MESSAGE:
            raise
        what = f"{type(error).__name__}: {str(error)[:MAX_MESSAGE]}"
        raise DamagedFileError(f"{problem} ({what}).") from error


def _parts(config: Any) -> int:
    """How many objects a config describes."""
    count, waiting = 0, [config]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            count += "class_name" in item
            waiting += item.values()
        elif isinstance(item, list):
            waiting += [inner for inner in item if isinstance(inner, dict | list)]
    return count
