"""Everything that a training run needs to go on, as one file: plain data and arrays, with a checksum over all of it.

    8 bytes   how long the description is
    JSON      the description: the state, in which {"$array": [dtype, shape, offset]} stands for an array
    bytes     the arrays, one after the other
    32 bytes  SHA-256 of all that comes before

A file that is cut off or altered anywhere is not read. What is read is numbers and strings; nothing in it is run.
"""

import contextlib
import hashlib
import json
import re
import tempfile
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np

from hornbook.core.variable import Variable
from hornbook.metrics import Metric
from hornbook.optimizers import Optimizer
from hornbook.saving.atomic import remove_leftovers, written_aside
from hornbook.saving.weights import DamagedFileError, walk

_ARRAY = "$array"
_DIGEST = hashlib.sha256().digest_size
_NAME = re.compile(r"state-(\d{6,})\.backup")


# ------------------------------------------------------------------------------------------------------ one file
def write_state(path: Path, state: Any) -> None:
    """Write a state: numbers, strings, None and NumPy arrays in lists and dictionaries.

    Raises:
        TypeError: for anything else in it.
        OSError: where it cannot be written; a file of that name stays as it was.
    """
    arrays: list[np.ndarray] = []
    description = json.dumps(_described(state, arrays, "state")).encode("utf-8")
    digest = hashlib.sha256()
    with written_aside(path) as aside, open(aside, "wb") as file:
        for part in (len(description).to_bytes(8, "little"), description, *map(_bytes_of, arrays)):
            digest.update(part)
            file.write(part)
        file.write(digest.digest())


def _bytes_of(array: np.ndarray) -> memoryview:
    return np.ascontiguousarray(array).reshape(-1).view(np.uint8).data


def _described(value: Any, arrays: list[np.ndarray], where: str) -> Any:
    """A value with a description in the place of each array; the arrays are put into the list."""
    if isinstance(value, np.generic):
        value = value.item() if value.dtype.kind in "biuf" else np.asarray(value)
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if hasattr(value, "__array__") and not isinstance(value, np.ndarray):  # a tensor, a variable
        value = np.asarray(value)
    if isinstance(value, np.ndarray) and not value.dtype.hasobject and value.dtype.name != "str":
        offset = sum(array.nbytes for array in arrays)
        arrays.append(value)
        return {_ARRAY: [value.dtype.name, list(value.shape), offset]}
    if isinstance(value, list | tuple):
        return [_described(item, arrays, f"{where}[{i}]") for i, item in enumerate(value)]
    if isinstance(value, dict) and all(isinstance(key, str) and key != _ARRAY for key in value):
        return {key: _described(item, arrays, f"{where}[{key!r}]") for key, item in value.items()}
    raise TypeError(
        f"A backup holds numbers, strings, None and NumPy arrays, in lists and in dictionaries by strings; {where} is "
        f"{value!r} of type {type(value).__name__}. Give something plainer in get_state()."
    )


def read_state(path: Path) -> Any:
    """The state that `write_state` wrote.

    Raises:
        DamagedFileError: where the file is cut off or altered.
    """
    content = path.read_bytes()
    body = memoryview(content)[:-_DIGEST]
    if len(content) < 8 + _DIGEST or hashlib.sha256(body).digest() != content[-_DIGEST:]:
        raise DamagedFileError(f"{path} is damaged: it is cut off or altered, for its checksum is another one.")
    begin = 8 + int.from_bytes(body[:8], "little")
    try:
        return _rebuilt(json.loads(bytes(body[8:begin])), body[begin:])
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise DamagedFileError(f"{path} is no backup of a training run ({error}).") from None


def _rebuilt(value: Any, blob: memoryview) -> Any:
    if isinstance(value, list):
        return [_rebuilt(item, blob) for item in value]
    if not isinstance(value, dict):
        return value
    if _ARRAY in value:
        name, shape, offset = value[_ARRAY]
        dtype = np.dtype(getattr(ml_dtypes, name, name))
        count = int(np.prod(shape, dtype=np.int64))
        if count == 0:
            return np.zeros(shape, dtype)
        return np.frombuffer(blob, np.uint8, count * dtype.itemsize, offset).view(dtype).reshape(shape).copy()
    return {key: _rebuilt(item, blob) for key, item in value.items()}


# ------------------------------------------------------------------------------------------------------ one folder
class BackupFolder:
    """The states of one run in a folder of its own: `state-000001.backup`, `state-000002.backup`, ...

    Args:
        path: the folder; it is made if it is not there.
        keep: how many states are kept.

    Raises:
        OSError: where nothing can be written there.
    """

    def __init__(self, path: str, keep: int) -> None:
        self.path, self.keep = Path(path), keep
        self.path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=self.path):
            pass  # better to fail now than after an epoch
        self.latest = max(self._numbers(), default=0)
        for number in {*self._numbers(), self.latest + 1}:  # a process that was killed was writing one of these
            remove_leftovers(self._file(number))

    def _numbers(self) -> list[int]:
        found = (_NAME.fullmatch(path.name) for path in self.path.iterdir())
        return sorted(int(match[1]) for match in found if match)

    def _file(self, number: int) -> Path:
        return self.path / f"state-{number:06d}.backup"

    def read(self) -> Any:
        """The newest state that can be read, None if there is none at all; what is passed over is said in a warning.

        Raises:
            DamagedFileError: where there are states, but none of them can be read.
        """
        problems = []
        for number in reversed(self._numbers()):
            try:
                state = read_state(self._file(number))
            except (DamagedFileError, OSError) as error:
                problems.append(str(error))
                continue
            if problems:
                warnings.warn(f"{' '.join(problems)} The run goes on from the one before.", stacklevel=6)
            self.latest = number
            return state
        if problems:
            raise DamagedFileError(
                f"{' '.join(problems)} There is no other state in {self.path}: remove the folder to start anew. With "
                "double_checkpoint=True the one before is kept too."
            )
        return None

    def write(self, state: Any) -> None:
        """Write a new state; older ones are removed when it is on the disk."""
        write_state(self._file(self.latest + 1), state)
        self.latest += 1
        for number in self._numbers():
            if number <= self.latest - self.keep or number > self.latest:
                self._file(number).unlink(missing_ok=True)

    def remove(self) -> None:
        """Remove the states, the oldest first, so that what a kill leaves is a state; and the folder, if it is empty."""
        for number in self._numbers():
            self._file(number).unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            self.path.rmdir()


# ------------------------------------------------------------------------------------------------------ the numbers
def variables_of(model: Any) -> list[Variable]:
    """Every variable that training reads or writes, once: weights, seeds, optimizers, metrics."""
    optimizer = [] if model.optimizer is None else model.optimizer.variables
    found = [*model.variables, *optimizer, *model.metrics_variables]
    for _, holder in walk(model):
        if isinstance(holder, Optimizer | Metric):
            found.extend(holder.variables)
    return list({id(variable): variable for variable in found}.values())


def is_finite(model: Any) -> bool:
    """Whether no trainable weight holds NaN or infinity."""
    return all(np.isfinite(v.numpy()).all() for v in model.trainable_variables)


def variables_state(model: Any) -> list:
    """[path, numbers] of every variable, in an order that the program determines."""
    return [[variable.path, variable.numpy()] for variable in variables_of(model)]


def set_variables_state(model: Any, state: Sequence) -> None:
    """Write the numbers that `variables_state` gave to the variables of a model made by the same program.

    Raises:
        ValueError: where the model has others; nothing is written then.
    """
    variables = variables_of(model)
    if len(variables) < len(state):
        model._trace_train_step()  # metrics, and optimizers of its own, may make theirs in the first step
        variables = variables_of(model)
    if len(variables) != len(state):
        raise ValueError(
            f"The backup holds {len(state)} variables, the model has {len(variables)}: it is another model, or compiled "
            "in another way. Make the model as it was, or remove the backup to start anew."
        )
    for variable, (path, array) in zip(variables, state, strict=True):
        if tuple(variable.shape) != array.shape:
            raise ValueError(
                f"The backup holds {path!r} of shape {array.shape}, the model {variable.path!r} of shape "
                f"{tuple(variable.shape)} in its place. Make the model as it was, or remove the backup to start anew."
            )
    for variable, (_, array) in zip(variables, state, strict=True):
        variable.assign(array)
