"""The model that the config in a file describes, made within the memory that the file's weights account for."""

from pathlib import Path
from typing import Any

from hornbook.core.budget import WeightBudget, WeightBudgetError
from hornbook.core.layer import Layer
from hornbook.core.registry import deserialize_keras_object
from hornbook.core.untrusted import DamagedFileError

CONFIG = "config.json"
WEIGHT_RATIO = 8  # bytes a model may take for its weights, for each byte of weights in its file
SPARE_BYTES = (
    64 * 1024**2
)  # and for what files do not hold: counters of metrics, float kernels before they are quantized


def model_from_config(config: Any, path: Path, stored: int, custom_objects: Any = None, compile: bool = True) -> Any:
    """The model that the config in a file describes, its weights at their start.

    Args:
        config: the config, as `read_json` gives it.
        path: the file, for messages.
        stored: how many bytes of weights the file holds: the model may have a few times as many, and no more.
        custom_objects: more classes and functions that the config may name.
        compile: also take over the compile settings.

    Raises:
        DamagedFileError: for a config that describes no model, or a far larger one than the file holds weights for.
        ValueError: for a class that nobody registered.
    """
    if not isinstance(config, dict) or "class_name" not in config:
        raise DamagedFileError(f"{path}: {CONFIG} does not describe a model.")
    if not compile:
        config = {key: value for key, value in config.items() if key != "compile_config"}
    try:
        with WeightBudget(SPARE_BYTES + WEIGHT_RATIO * stored):
            model = deserialize_keras_object(config, custom_objects=custom_objects)
    except WeightBudgetError as error:
        raise DamagedFileError(f"{path} is refused: {error} The file holds {stored:,} bytes of weights.") from None
    except ValueError:
        raise
    except Exception as error:
        what = f"{type(error).__name__}: {str(error)[:500]}"
        raise DamagedFileError(f"{path}: its {CONFIG} does not describe a model that can be made ({what}).") from error
    if not isinstance(model, Layer):
        raise DamagedFileError(f"{path}: {CONFIG} describes a {type(model).__name__}, not a model.")
    return model
