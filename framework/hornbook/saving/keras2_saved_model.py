"""Models that Keras 2 saved as a TensorFlow SavedModel: made again from their config and their variables.

The folder holds the graph (`saved_model.pb`, which is not read), the config of each object (`keras_metadata.pb`) and a
checkpoint of the variables. The checkpoint is read by TensorFlow.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from hornbook import backend
from hornbook.core.untrusted import DamagedFileError, protobuf_fields, read_json
from hornbook.core.variable import Variable
from hornbook.layers import Discretization, TextVectorization
from hornbook.layers.lookup import IndexLookup
from hornbook.models.described import being_made, check_is_described, model_from_config
from hornbook.models.keras2 import MODELS, from_keras2
from hornbook.saving.legacy_h5 import compile_and_restore, ordered_weights

METADATA = "keras_metadata.pb"
MAX_METADATA_BYTES = 256 * 1024**2


def load_keras2_saved_model(path: Path, custom_objects: Any, compile: bool) -> Any:
    """The model in such a folder.

    Raises:
        ValueError: for a SavedModel that is no Keras model, and one whose class or layers do not exist here, by their names.
    """
    if not (path / METADATA).is_file():
        raise ValueError(
            f"{path} is a SavedModel that holds functions and no Keras model. As a layer, for inference alone, it is "
            f"hornbook.layers.TFSMLayer({str(path)!r}, call_endpoint='serving_default')."
        )
    saved = _root(path / METADATA)
    config = saved.get("model_config") or {"class_name": saved.get("class_name"), "config": saved.get("config")}
    name = f"{METADATA} in {path}"
    check_is_described(config, name)
    if config["class_name"] not in MODELS:
        raise ValueError(
            f"{path} holds a model of the class {config['class_name']!r}, whose code is not in the file. Make it from its "
            "class and load weights that were saved with save_weights('w.h5')."
        )
    stored = sum(file.stat().st_size for file in (path / "variables").iterdir())
    model = model_from_config(config, name, stored, custom_objects, translate=from_keras2)
    with being_made(f"{name} does not describe the model in the way of Keras 2", name):
        holders = list({id(v): v for v in _in_order(model, config, path)}.values())
    try:
        arrays, state = backend.read_keras2_variables(str(path), stored)
    except Exception as error:  # of TensorFlow's reader, of many types
        raise DamagedFileError(
            f"{path} is damaged: its checkpoint cannot be read ({type(error).__name__}: {str(error)[:500]})."
        ) from error
    if not _fit(holders, arrays):
        raise ValueError(
            f"{path} holds {len(arrays)} variables, which do not fit the {len(holders)} of its own config."
        )
    for holder, array in zip(holders, arrays, strict=True):
        holder.read_summary(array) if isinstance(holder, Discretization) else holder.assign(array)
    training = saved.get("training_config")
    if compile and isinstance(training, dict) and training.get("optimizer_config"):
        compile_and_restore(model, training, state, custom_objects, path, stored)
    return model


def _fit(holders: Sequence[Variable | Discretization], arrays: Sequence[Any]) -> bool:
    return len(holders) == len(arrays) and all(
        isinstance(holder, Discretization) or tuple(holder.shape) == tuple(array.shape)
        for holder, array in zip(holders, arrays, strict=True)
    )


def _in_order(model: Any, config: dict[str, Any], path: Path) -> Iterator[Variable | Discretization]:
    """The variables of a model in Keras 2's order: layer by layer, and in each what is trained first.

    A Discretization layer, whose only variable is a summary of the data there, stands for itself.

    Raises:
        ValueError: for a layer whose words are not in what is read here.
    """
    for layer_config in config["config"]["layers"]:
        name = layer_config.get("name") or layer_config["config"].get("name")
        layer = next((layer for layer in model.layers if layer.name == name), None)
        if layer is None:  # an InputLayer of a Sequential model, an operation
            continue
        lookup = layer._lookup_layer if isinstance(layer, TextVectorization) else layer
        if isinstance(lookup, IndexLookup) and not lookup._has_vocabulary:
            raise ValueError(
                f"The layer {name!r} in {path} was adapted, and a SavedModel keeps such a vocabulary in its graph alone, "
                "which is not read. Save the model to a '.keras' file with Keras 2, or open it for inference with "
                f"hornbook.layers.TFSMLayer({str(path)!r}, call_endpoint='serving_default')."
            )
        if isinstance(layer, Discretization):
            yield from [layer] if layer.bin_boundaries is None else []
        elif layer_config["class_name"] in MODELS:
            yield from _in_order(layer, layer_config, path)
        else:
            yield from ordered_weights(layer)


# ---------------------------------------------------------------------------------------------- keras_metadata.pb
def _root(path: Path) -> dict[str, Any]:
    """What the file says of the model itself: the object whose path is "root"."""
    if path.stat().st_size > MAX_METADATA_BYTES:
        raise DamagedFileError(
            f"{path} is refused: it has {path.stat().st_size:,} bytes, more than a description takes."
        )
    try:
        for number, node in protobuf_fields(path.read_bytes()):
            fields = dict(protobuf_fields(node)) if number == 1 and isinstance(node, bytes) else {}
            config = fields.get(5)
            if fields.get(3) == b"root" and isinstance(config, bytes):
                found = read_json(config, str(path))
                if isinstance(found, dict):
                    return found
    except (ValueError, KeyError, IndexError) as error:
        raise DamagedFileError(f"{path} is damaged: it cannot be read ({error}).") from None
    raise DamagedFileError(f"{path} is damaged: it does not say what the model is.")
