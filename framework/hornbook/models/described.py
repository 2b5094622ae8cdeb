"""The model that the config in a file describes, made within the memory that the file's weights account for."""

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

from hornbook.core.budget import WeightBudget, WeightBudgetError
from hornbook.core.layer import Layer
from hornbook.core.registry import deserialize_keras_object
from hornbook.core.untrusted import DamagedFileError

WEIGHT_RATIO = 8  # bytes a model may take for its weights, for each byte of weights in its file
SPARE_BYTES = 64 * 1024**2  # besides: counters of metrics, float kernels before they are quantized


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
    if not isinstance(config, dict) or "class_name" not in config:
        raise DamagedFileError(f"{name} does not describe a model.")
    if not compile:
        config = {key: value for key, value in config.items() if key != "compile_config"}
    try:
        with nullcontext() if stored is None else WeightBudget(SPARE_BYTES + WEIGHT_RATIO * stored):
            model = deserialize_keras_object(translate(config) if translate else config, custom_objects=custom_objects)
    except WeightBudgetError as error:
        if stored is None:  # somebody else's budget
            raise
        raise DamagedFileError(f"{name} is refused: {error} Its file holds {stored:,} bytes of weights.") from None
    except ValueError:
        raise
    except Exception as error:
        what = f"{type(error).__name__}: {str(error)[:500]}"
        raise DamagedFileError(f"{name} does not describe a model that can be made ({what}).") from error
    if not isinstance(model, Layer):
        raise DamagedFileError(f"{name} describes a {type(model).__name__}, not a model.")
    return model
