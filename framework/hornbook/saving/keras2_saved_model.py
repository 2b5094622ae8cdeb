"""Models that Keras 2 saved as a TensorFlow SavedModel: made again from their config and their variables.

The folder holds the graph (`saved_model.pb`, which is not read), the config of each object (`keras_metadata.pb`) and a
checkpoint of the variables. The checkpoint is read by TensorFlow.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hornbook import backend
from hornbook.core.untrusted import DamagedFileError, read_json
from hornbook.core.variable import Variable
from hornbook.models.described import being_made, check_is_described, model_from_config
from hornbook.models.keras2 import MODELS, translated
from hornbook.saving.legacy_h5 import compile_and_restore, ordered_weights

METADATA = "keras_metadata.pb"
MAX_METADATA_BYTES = 256 * 1024**2
MAX_FIELDS = 100_000  # of one message: objects of a model, entries of an object


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
    model = model_from_config(config, name, stored, custom_objects, translate=translated)
    with being_made(f"{name} does not describe the model in the way of Keras 2", name):
        variables = list({id(v): v for v in _in_order(model, translated(config))}.values())
    try:
        arrays, state = backend.read_keras2_variables(str(path), stored)
    except Exception as error:  # of TensorFlow's reader, of many types
        raise DamagedFileError(
            f"{path} is damaged: its checkpoint cannot be read ({type(error).__name__}: {str(error)[:500]})."
        ) from error
    found = [tuple(array.shape) for array in arrays]
    if [tuple(v.shape) for v in variables] != found:
        raise ValueError(
            f"{path} holds {len(found)} variables, which do not fit the {len(variables)} of its own config."
        )
    for variable, array in zip(variables, arrays, strict=True):
        variable.assign(array)
    training = saved.get("training_config")
    if compile and isinstance(training, dict) and training.get("optimizer_config"):
        compile_and_restore(model, training, state, custom_objects, path, stored)
    return model


def _in_order(model: Any, config: dict[str, Any]) -> Iterator[Variable]:
    """The variables of a model in Keras 2's order: layer by layer, and in each what is trained first."""
    for layer_config in config["config"]["layers"]:
        name = layer_config.get("name") or layer_config["config"].get("name")
        layer = next((layer for layer in model.layers if layer.name == name), None)
        if layer is None:  # an InputLayer of a Sequential model, an operation
            continue
        yield from _in_order(layer, layer_config) if layer_config["class_name"] in MODELS else ordered_weights(layer)


# ---------------------------------------------------------------------------------------------- keras_metadata.pb
def _root(path: Path) -> dict[str, Any]:
    """What the file says of the model itself: the object whose path is "root"."""
    if path.stat().st_size > MAX_METADATA_BYTES:
        raise DamagedFileError(
            f"{path} is refused: it has {path.stat().st_size:,} bytes, more than a description takes."
        )
    try:
        for number, node in _fields(path.read_bytes()):
            fields = dict(_fields(node)) if number == 1 and isinstance(node, bytes) else {}
            config = fields.get(5)
            if fields.get(3) == b"root" and isinstance(config, bytes):
                found = read_json(config, str(path))
                if isinstance(found, dict):
                    return found
    except (ValueError, KeyError, IndexError) as error:
        raise DamagedFileError(f"{path} is damaged: it cannot be read ({error}).") from None
    raise DamagedFileError(f"{path} is damaged: it does not say what the model is.")


def _fields(message: bytes) -> Iterator[tuple[int, bytes | int]]:
    """The fields of a protocol buffer: (number, value). Sources: https://protobuf.dev/programming-guides/encoding"""
    place = 0

    def varint() -> int:
        nonlocal place
        value = shift = 0
        while True:
            byte = message[place]
            place += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value
            if shift > 63:
                raise ValueError("a number of more than 64 bits")

    count = 0
    while place < len(message):
        count += 1
        if count > MAX_FIELDS:
            raise ValueError(f"a message of more than {MAX_FIELDS:,} fields")
        number, kind = divmod(varint(), 8)
        if kind == 0:
            yield number, varint()
            continue
        length = {1: 8, 5: 4}.get(kind)
        if kind == 2:
            length = varint()
        if length is None or place + length > len(message):
            raise ValueError(f"a field of kind {kind} that goes beyond the end")
        yield number, message[place : place + length]
        place += length
