"""Everything that a training run needs to go on, as one file: plain data and arrays, with a checksum over all of it.

    8 bytes   how long the description is
    JSON      the description: the state, in which {"$array": [dtype, shape, offset]} stands for an array
    bytes     the arrays, one after the other
    32 bytes  SHA-256 of all that comes before

A file that is cut off or altered anywhere is not read. What is read is numbers and strings; nothing in it is run.

Of processes that train together the chief writes, and all go on from the file that it has read. The file holds what each
of them has for itself: its random generators, and its part of what the replicas add up when it is read, the metrics.
"""

import contextlib
import hashlib
import json
import re
import secrets
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np

from hornbook import backend
from hornbook.core.untrusted import DamagedFileError
from hornbook.core.variable import Variable
from hornbook.metrics import Metric
from hornbook.optimizers import Optimizer
from hornbook.saving.atomic import remove_leftovers, written_aside
from hornbook.saving.weights import walk

_ARRAY = "$array"
_DIGEST = hashlib.sha256().digest_size
_NAME = re.compile(r"state-(\d{6,})\.backup")
SECONDS_TO_BE_SEEN = 5.0  # what a network's disk may take to show a file to all machines


# ------------------------------------------------------------------------------------------------------ one file
def write_state(path: Path, state: Any) -> None:
    """Write a state: numbers, strings, None and NumPy arrays in lists and dictionaries.

    Raises:
        TypeError: for anything else in it.
        OSError: where it cannot be written; a file of that name stays as it was.
    """
    parts = _parts_of(state)
    digest = hashlib.sha256()
    with written_aside(path) as aside, open(aside, "wb") as file:
        for part in parts:
            digest.update(part)
            file.write(part)
        file.write(digest.digest())


def _parts_of(state: Any) -> list:
    """Length, description and arrays of a state, as bytes."""
    arrays: list[np.ndarray] = []
    description = json.dumps(_described(state, arrays, "state")).encode("utf-8")
    return [len(description).to_bytes(8, "little"), description, *map(_bytes_of, arrays)]


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
    try:
        return _state_of(body)
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise DamagedFileError(f"{path} is no backup of a training run ({error}).") from None


def _state_of(body: memoryview) -> Any:
    begin = 8 + int.from_bytes(body[:8], "little")
    return _rebuilt(json.loads(bytes(body[8:begin])), body[begin:])


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

    Of processes that train together the chief alone writes there; the others must see what it has written.

    Args:
        path: the folder; it is made if it is not there.
        keep: how many states are kept.
        strategy: the strategy of the processes that train together, or None.

    Raises:
        OSError: where nothing can be written there, and where it is not the same folder for all processes.
    """

    def __init__(self, path: str, keep: int, strategy: Any = None) -> None:
        self.path, self.keep, self.strategy = Path(path), keep, strategy
        self.is_chief = backend.is_chief(strategy)
        if self.is_chief:
            self.path.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=self.path):
                pass  # better to fail now than after an epoch
            for number in {*self._numbers(), self._newest() + 1}:  # a process that was killed was writing one of these
                remove_leftovers(self._file(number))
            for mark in self.path.glob(_mark("*")):
                mark.unlink()
        self._require_one_folder()
        self.latest = self._newest()

    def _require_one_folder(self) -> None:
        """All processes look for a mark that the chief sets. A network's disk may show it a little late."""
        number = backend.from_chief(secrets.randbits(62), self.strategy)
        mark = self.path / _mark(number)
        if self.is_chief:
            mark.touch()
        end = time.monotonic() + SECONDS_TO_BE_SEEN
        while not mark.exists() and time.monotonic() < end:
            time.sleep(0.05)
        seen = backend.from_all(np.array(mark.exists()), self.strategy)
        if self.is_chief:
            mark.unlink()
        if not seen.all():
            raise OSError(
                f"{self.path} is not the same folder for all processes: {np.flatnonzero(~seen).tolist()} of "
                f"{list(range(len(seen)))} do not see what the chief (0) writes there. Name a folder on a disk that all "
                "machines share, by its whole path."
            )

    def _numbers(self) -> list[int]:
        found = (_NAME.fullmatch(path.name) for path in self.path.iterdir())
        return sorted(int(match[1]) for match in found if match)

    def _newest(self) -> int:
        return max(self._numbers(), default=0)

    def _file(self, number: int) -> Path:
        return self.path / f"state-{number:06d}.backup"

    def read(self) -> Any:
        """The newest state that can be read, None if there is none at all; what is passed over is said in a warning.

        All processes get the one that the chief can read.

        Raises:
            DamagedFileError: where there are states, but none of them can be read.
        """
        state = self._newest_readable() if self.is_chief else None
        self.latest = backend.from_chief(self.latest, self.strategy)
        if self.latest and not self.is_chief:
            state = read_state(self._file(self.latest))
        return state

    def _newest_readable(self) -> Any:
        problems = []
        for number in reversed(self._numbers()):
            try:
                state = read_state(self._file(number))
            except (DamagedFileError, OSError) as error:
                problems.append(str(error))
                continue
            if problems:
                warnings.warn(f"{' '.join(problems)} The run goes on from the one before.", stacklevel=7)
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
        if not self.is_chief:
            return
        write_state(self._file(self.latest + 1), state)
        self.latest += 1
        for number in self._numbers():
            if number <= self.latest - self.keep or number > self.latest:
                self._file(number).unlink(missing_ok=True)

    def remove(self) -> None:
        """Remove the states, the oldest first, so that what a kill leaves is a state; and the folder, if it is empty."""
        if not self.is_chief:
            return
        for number in self._numbers():
            self._file(number).unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            self.path.rmdir()


def _mark(number: Any) -> str:
    return f".chief-{number}.mark"


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


def numbers_state(model: Any, own: dict[str, Any]) -> dict[str, Any]:
    """What variables hold, in an order that the program determines, and what each process has for itself.

    Args:
        model: the model.
        own: more of this process's own.

    Returns:
        {"variables": [[path, numbers], ...], None for numbers that are in parts; "processes": [{**own, "parts": [numbers of
        each replica of the process, ...]}, ...]}.
    """
    variables = variables_of(model)
    parts = [variable.local_parts() for variable in variables]
    own = {**own, "parts": [part for part in parts if part is not None]}
    return {
        "variables": [[v.path, v.numpy() if part is None else None] for v, part in zip(variables, parts, strict=True)],
        "processes": _of_all_processes(own, model._strategy),
    }


def _of_all_processes(own: Any, strategy: Any) -> list:
    """The states of the processes that train together, the same list in each of them."""
    content = b"".join(_parts_of(own))
    lengths = backend.from_all(np.array(len(content)), strategy)
    padded = np.frombuffer(content.ljust(int(lengths.max()), b"\0"), np.uint8)
    rows = backend.from_all(padded, strategy)
    return [_state_of(memoryview(row.tobytes())[:length]) for row, length in zip(rows, lengths.tolist(), strict=True)]


def set_numbers_state(model: Any, state: dict[str, Any]) -> dict[str, Any]:
    """Write the numbers that `numbers_state` gave to the variables of a model made by the same program.

    With another number of replicas than it was made with, their parts are put together.

    Returns:
        what this process had for itself; the chief's, if there was no such process.

    Raises:
        ValueError: where the model has other variables; nothing is written then.
    """
    kept, processes = state["variables"], state["processes"]
    variables = variables_of(model)
    if len(variables) < len(kept):
        model._trace_train_step()  # metrics, and optimizers of its own, may make theirs in the first step
        variables = variables_of(model)
    if len(variables) != len(kept):
        raise ValueError(
            f"The backup holds {len(kept)} variables, the model has {len(variables)}: it is another model, or compiled "
            "in another way. Make the model as it was, or remove the backup to start anew."
        )
    parts = zip(*(process["parts"] for process in processes), strict=True)
    arrays = [next(parts) if array is None else array for _, array in kept]
    for variable, (path, _), array in zip(variables, kept, arrays, strict=True):
        shape = array[0].shape[1:] if isinstance(array, tuple) else array.shape
        if tuple(variable.shape) != shape:
            raise ValueError(
                f"The backup holds {path!r} of shape {shape}, the model {variable.path!r} of shape "
                f"{tuple(variable.shape)} in its place. Make the model as it was, or remove the backup to start anew."
            )
    number, count = backend.process_number(model._strategy), backend.process_count(model._strategy)
    for variable, array in zip(variables, arrays, strict=True):
        if not isinstance(array, tuple):
            variable.assign(array)
            continue
        here = variable.local_parts()
        if here is not None and len(array) == count and array[number].shape == here.shape:
            variable.assign_local_parts(array[number])
        else:
            variable.assign(_joined(np.concatenate(array), variable.aggregation))
    return processes[number if number < len(processes) else 0]


def _joined(parts: np.ndarray, aggregation: str) -> np.ndarray:
    """The parts of all replicas as one number, as it is read."""
    if aggregation == "mean":
        return parts.mean(axis=0)
    return parts.sum(axis=0) if aggregation == "sum" else parts[0]
