"""Where batches come from: arrays that stay on the device, a `tf.data` pipeline, or anything that yields batches.

A source starts an epoch and hands out stretches: `source.run(steps, count)` runs up to `count` steps and says how many
it ran, whether there may be more, and what the last one logged. `source.done` counts the steps of the epoch.
`get_state` gives, as plain data and arrays, where it is; `set_state` puts a source over the same data there.
"""

import itertools
import warnings
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from hornbook import backend, tree
from hornbook.core.arguments import positive_integer
from hornbook.random.seed_generator import get_random_state, set_random_state
from hornbook.training.py_dataset import PyDataset, batches_in_order

RESIDENT_BYTES = 2 * 1024**3  # arrays above this size are handed to the device a window of rows at a time
WINDOW_BYTES = 16 * 1024**2  # of a window: memory of this size is used again, a larger piece is fetched anew each time


def unpack_x_y_sample_weight(data: Any) -> tuple:
    """A batch as (x, y, sample_weight), None for what is missing.

    >>> import hornbook as keras
    >>> keras.utils.unpack_x_y_sample_weight((1, 2))
    (1, 2, None)
    """
    if isinstance(data, list):
        data = tuple(data)
    if not isinstance(data, tuple):
        return data, None, None
    if not 1 <= len(data) <= 3:
        raise ValueError(f"A batch must be x, (x,), (x, y) or (x, y, sample_weight); got a tuple of {len(data)} items.")
    return (*data, None, None)[:3]


def pack_x_y_sample_weight(x: Any, y: Any = None, sample_weight: Any = None) -> Any:
    """The reverse of `unpack_x_y_sample_weight`.

    >>> import hornbook as keras
    >>> keras.utils.pack_x_y_sample_weight(1, 2)
    (1, 2)
    """
    if y is None:
        return x if not isinstance(x, tuple | list) else (x,)
    return (x, y) if sample_weight is None else (x, y, sample_weight)


def class_weight_to_sample_weight(y: Any, class_weight: dict[int, float]) -> np.ndarray | Any:
    """The weight of each example's class; `y` holds class numbers or one-hot rows."""
    y = backend.convert_to_tensor(y)
    if len(y.shape) > 2:
        raise ValueError(f"class_weight needs labels of one or two axes, got shape {tuple(y.shape)}.")
    if len(y.shape) == 2:
        y = backend.argmax(y, axis=-1) if y.shape[-1] != 1 else backend.squeeze(y, axis=-1)
    table = np.ones(max(class_weight) + 2, "float32")
    for label, weight in class_weight.items():
        table[int(label)] = weight
    labels = backend.cast(backend.round(y), "int32")
    return backend.take(table, backend.minimum(labels, len(table) - 1), axis=0)


# --------------------------------------------------------------------------------------------------------- sources
class ArraySource:
    """Arrays (NumPy, tensors, nested) with a common first axis.

    Args:
        x, y, sample_weight: structures of arrays.
        batch_size: rows in a step; if None, 32, or as many as make `steps` a pass.
        shuffle: draw a new order of rows each epoch; "batch" shuffles whole batches.
        seed: the order of epoch e is a function of (seed, e).
        steps: how many make an epoch, which then goes on where the last one stopped; all batches if None.
        once: the rows are read once, in the order they have, so that there is no use in keeping them on the device.
    """

    def __init__(
        self,
        x: Any,
        y: Any = None,
        sample_weight: Any = None,
        batch_size: int | None = None,
        shuffle: bool | str = False,
        seed: int = 0,
        class_weight: dict | None = None,
        steps: int | None = None,
        once: bool = False,
    ) -> None:
        if class_weight is not None:
            sample_weight = class_weight_to_sample_weight(y, class_weight)
        self.arrays = tree.map_structure(_as_array, (x, y, sample_weight))
        self.size = _common_rows(self.arrays)
        if batch_size is None:
            batch_size = 32 if steps is None else -(-self.size // positive_integer(steps, "steps"))
        self.batch_size = positive_integer(batch_size, "batch_size")
        self.shuffle, self.seed = shuffle, seed
        self.pass_steps = -(-self.size // self.batch_size)
        self.steps, self.resumes = (self.pass_steps, False) if steps is None else (steps, True)
        self.position = self.pass_steps  # in the running pass; at its end there is none
        self.done = self.order_of = 0  # steps of the epoch; the epoch whose order the running pass has
        size_in_bytes = sum(getattr(a, "nbytes", 0) for a in tree.flatten(self.arrays) if a is not None)
        self.windowed = size_in_bytes > (WINDOW_BYTES if once else RESIDENT_BYTES)
        self.window_steps = max(1, WINDOW_BYTES * self.pass_steps // max(1, size_in_bytes))
        if not self.windowed:
            self.arrays = tree.map_structure(lambda a: None if a is None else backend.resident(a), self.arrays)

    def example(self) -> Any:
        """The first batch."""
        if self.size <= self.batch_size and not self.windowed:
            return self._trimmed(self.arrays)
        batch = tree.map_structure(lambda a: None if a is None else backend.resident(a[: self.batch_size]), self.arrays)
        return self._trimmed(batch)

    @staticmethod
    def _trimmed(data: tuple) -> Any:
        x, y, weight = data
        return (x,) if y is None and weight is None else (x, y) if weight is None else data

    def rewind(self) -> None:
        """Forget a pass that `steps` has cut: the next epoch starts at the first row."""
        self.position = self.pass_steps

    def start(self, epoch: int, strategy: Any = None) -> None:
        """Begin an epoch: draw its order, or go on with the running pass where `steps_per_epoch` cuts it."""
        self.done = 0
        if self.resumes and self.position < self.pass_steps:
            return
        self.position, self.order_of = 0, epoch
        self._draw_order(epoch)

    def _draw_order(self, epoch: int) -> None:
        if not self.shuffle:
            self.order = self._resident_order = None  # as they lie
            return
        order = np.arange(self.size, dtype=np.int32 if self.size < 2**31 else np.int64)
        generator = np.random.Generator(np.random.Philox(key=[self.seed, epoch]))
        if self.shuffle == "batch":
            whole = order[: self.size // self.batch_size * self.batch_size].reshape(-1, self.batch_size)
            order = np.concatenate([generator.permutation(whole).reshape(-1), order[whole.size :]])
        else:
            generator.shuffle(order)
        self.order = order
        self._resident_order = backend.resident(order)

    def run(self, steps: backend.Steps, count: int) -> tuple[int, bool, Any]:
        """Run up to `count` more steps of the epoch."""
        count = min(count, self.steps - self.done, self.pass_steps - self.position)
        if count <= 0:
            return 0, False, None
        if self.windowed:
            count = min(count, self.window_steps)
            logs = self._run_window(steps, count)
        elif self.pass_steps == 1 and not self.shuffle:
            logs = steps.batch(self.example())
        else:
            data = self._trimmed(self.arrays)
            logs = steps.rows(data, self._resident_order, self.position, count, self.batch_size)
        self.done, self.position = self.done + count, self.position + count
        if self.position == self.pass_steps and self.done < self.steps:
            _warn_of_the_end(self.done, self.steps)
            return count, False, logs
        return count, self.done < self.steps, logs

    def get_state(self) -> dict[str, Any]:
        """Which pass runs and how far it is."""
        data = {"rows": self.size, "batch_size": self.batch_size, "shuffle": self.shuffle}
        return {**data, "seed": self.seed, "order_of": self.order_of, "position": self.position, "done": self.done}

    def set_state(self, state: dict[str, Any], strategy: Any, under_way: bool) -> None:
        """Go on as `get_state` has said.

        Raises:
            ValueError: in the middle of a pass, for other data.
        """
        self.seed = state["seed"]
        if not under_way and not (self.resumes and state["position"] < self.pass_steps):
            return
        now = self.get_state()
        for name in ("rows", "batch_size", "shuffle"):
            if state[name] != now[name]:
                raise ValueError(
                    f"The backup was made in the middle of a pass over data with {name}={state[name]!r}, but fit() has "
                    f"{name}={now[name]!r} now. Pass the same data and arguments, or remove the backup to start anew."
                )
        self.position, self.order_of, self.done = state["position"], state["order_of"], state["done"]
        self._draw_order(self.order_of)

    def _run_window(self, steps: backend.Steps, count: int) -> Any:
        start, stop = self.position * self.batch_size, min((self.position + count) * self.batch_size, self.size)
        rows = slice(start, stop) if self.order is None else self.order[start:stop]
        window = tree.map_structure(lambda a: None if a is None else backend.resident(a[rows]), self.arrays)
        return steps.rows(self._trimmed(window), None, 0, count, self.batch_size)


class DatasetSource:
    """A `tf.data.Dataset` that yields batches."""

    def __init__(self, dataset: Any, steps: int | None = None, class_weight: dict | None = None) -> None:
        if class_weight is not None:
            dataset = dataset.map(lambda *batch: _weighted(batch, class_weight))
        self.dataset = dataset
        self.steps = steps if steps is not None else backend.dataset_cardinality(dataset)
        self.resumes = steps is not None
        self.iterator: Any = None
        self.done = self.drawn = self.passes = 0  # steps of the epoch; batches of the pass; passes begun
        self.fresh = True
        self.inspected: Any = None

    def example(self) -> Any:
        """The first batch; it is looked up once, for a shuffle draws a seed for each look."""
        if self.inspected is None:
            self.inspected = backend.dataset_element(self.dataset)
        return self.inspected

    def rewind(self) -> None:
        """Forget a pass that `steps` has cut."""
        self.iterator = None

    def start(self, epoch: int, strategy: Any = None) -> None:
        """Begin an epoch: a fresh iterator, or the same one where `steps_per_epoch` cuts a stream."""
        self.strategy = strategy
        fresh = self.iterator is None or not self.resumes
        if fresh:
            self._begin_pass()
        self.done, self.fresh = 0, fresh

    def _begin_pass(self) -> None:
        self.iterator = backend.dataset_iterator(self.dataset, self.strategy)
        self.drawn, self.passes = 0, self.passes + 1

    def run(self, steps: backend.Steps, count: int) -> tuple[int, bool, Any]:
        """Run up to `count` more steps of the epoch."""
        if self.steps is not None:
            count = min(count, self.steps - self.done)
        if count <= 0 or self.iterator is None:
            return 0, False, None
        ran, alive, logs = steps.draw(self.iterator, count)
        if not ran and not self.done and not self.fresh:  # the last epoch ended with the pass
            self._begin_pass()
            ran, alive, logs = steps.draw(self.iterator, count)
        self.done, self.drawn = self.done + ran, self.drawn + ran
        if not alive:
            self.iterator = None
            if self.steps is not None and self.done < self.steps:
                _warn_of_the_end(self.done, self.steps)
        if not alive and self.steps is None:
            self.steps = self.done
        return ran, alive and (self.steps is None or self.done < self.steps), logs

    def get_state(self) -> dict[str, Any]:
        """Which pass it is and how far; of an endless one also what the pipeline itself would go on with."""
        saved = None
        if self.iterator is not None and backend.dataset_is_endless(self.dataset):
            saved = backend.dataset_iterator_state(self.iterator)
        place = {name: getattr(self, name) for name in ("steps", "done", "drawn", "passes", "fresh")}
        return {**place, "ended": self.iterator is None, "iterator": saved}

    def set_state(self, state: dict[str, Any], strategy: Any, under_way: bool) -> None:
        """Go on as `get_state` has said: begin as many passes, for a shuffle draws a seed for each, and draw the batches
        that were used, unless the state of the iterator is known."""
        self.steps, self.strategy = state["steps"], strategy
        while self.passes < state["passes"]:
            self._begin_pass()
        if state["iterator"] is not None:
            backend.set_dataset_iterator_state(self.iterator, state["iterator"])
        elif not state["ended"] and (under_way or self.resumes):
            for _ in range(state["drawn"]):
                self.iterator.get_next_as_optional()
        self.done, self.drawn, self.fresh = state["done"], state["drawn"], state["fresh"]
        if state["ended"]:
            self.iterator = None


class IteratorSource:
    """Anything that yields batches: a generator, something with `__getitem__` and `__len__`, a PyTorch loader."""

    def __init__(self, batches: Any, steps: int | None = None, class_weight: dict | None = None) -> None:
        self.batches, self.class_weight = batches, class_weight
        self.is_sequence = hasattr(batches, "__getitem__") and hasattr(batches, "__len__")
        length = len(batches) if hasattr(batches, "__len__") else getattr(batches, "num_batches", None)
        self.steps = steps if steps is not None else length
        self.resumes = steps is not None or isinstance(batches, Iterator)
        self.iterator: Iterator | None = None
        self.first: Any = None
        self.done = self.taken = 0  # steps of the epoch; batches of the pass
        self.random_state: Any = None  # as it was when the pass began: it may have drawn its order

    def rewind(self) -> None:
        """Forget a pass that `steps` has cut; what can be iterated once alone goes on."""
        if not isinstance(self.batches, Iterator):
            self.first = self.iterator = None

    def _restart(self) -> None:
        """Begin a new pass."""
        self.taken, self.random_state = 0, get_random_state()
        self.iterator = self._new_pass(0)

    def _new_pass(self, first: int) -> Iterator:
        """A pass from batch number `first` on."""
        if self.is_sequence:
            return (self.batches[i] for i in range(first, len(self.batches)))
        batches = iter(self.batches)
        for _ in range(first):
            next(batches, None)
        return batches

    def example(self) -> Any:
        """The first batch; it is kept and served when the epoch starts."""
        if self.first is None and self.iterator is not None:
            self.first = next(self.iterator, None)
        if self.first is None:
            self._restart()
            self.first = next(self.iterator, None)  # type: ignore[arg-type]
        if self.first is None:
            raise ValueError("The generator gave no batch at all.")
        return self._as_tensors(self.first)

    def start(self, epoch: int, strategy: Any = None) -> None:
        """Begin an epoch: a new pass, or the same one where `steps_per_epoch` cuts it."""
        if self.resumes and self.first is None and self.iterator is not None:
            self.first = next(self.iterator, None)
        if self.first is None and not (self.resumes and isinstance(self.batches, Iterator)):
            self._restart()
        self.done = 0

    def get_state(self) -> dict[str, Any]:
        """How many batches of the pass were used."""
        state = {"steps": self.steps, "done": self.done, "taken": self.taken, "random_state": self.random_state}
        return {**state, "ended": self.iterator is None}

    def set_state(self, state: dict[str, Any], strategy: Any, under_way: bool) -> None:
        """Go on as `get_state` has said: the batches that were used are passed over.

        They are computed again by what is no sequence, so it must give the same ones when it is made anew.
        """
        self.steps, self.done, self.taken = state["steps"], state["done"], state["taken"]
        if isinstance(self.batches, Iterator):
            for _ in range(self.taken):
                self._next()
            self.taken = state["taken"]
            return
        self.iterator = self.first = None
        if not state["ended"] and (under_way or self.resumes):
            self.random_state = state["random_state"]
            set_random_state(self.random_state)
            self.iterator = self._new_pass(self.taken)

    def _as_tensors(self, batch: Any) -> Any:
        x, y, weight = unpack_x_y_sample_weight(batch)
        if self.class_weight is not None:
            x, y, weight = _weighted((x, y, weight), self.class_weight)
        data = tree.map_structure(lambda a: None if a is None else backend.resident(_as_array(a)), (x, y, weight))
        return ArraySource._trimmed(data)

    def run(self, steps: backend.Steps, count: int) -> tuple[int, bool, Any]:
        """Run up to `count` more steps of the epoch."""
        if self.steps is not None:
            count = min(count, self.steps - self.done)
        if count <= 0:
            return 0, False, None
        logs: Any = [] if steps.collect else None
        ran = 0
        while ran < count and (batch := self._next()) is not None:
            outputs = steps.batch(self._as_tensors(batch))
            logs = [*logs, outputs] if steps.collect else outputs
            ran += 1
        self.done += ran
        if ran < count and self.steps is not None:
            _warn_of_the_end(self.done, self.steps)
        elif ran < count:
            self.steps = self.done
        more = ran == count and (self.steps is None or self.done < self.steps)
        if not more and hasattr(self.batches, "on_epoch_end"):
            self.batches.on_epoch_end()
        return ran, more, logs

    def _next(self) -> Any:
        assert self.iterator is not None
        batch, self.first = (next(self.iterator, None) if self.first is None else self.first), None
        self.taken += 1
        return batch


class PyDatasetSource(IteratorSource):
    """The batches of a `PyDataset`, in a new order each epoch with `shuffle`."""

    def __init__(
        self,
        dataset: PyDataset,
        steps: int | None = None,
        class_weight: dict | None = None,
        shuffle: bool | str = False,
        seed: int = 0,
    ) -> None:
        self.length = dataset.num_batches
        if self.length == 0:
            raise ValueError(f"There is no data: num_batches of {type(dataset).__name__} is 0.")
        if self.length is None and steps is None:
            raise ValueError(
                f"The batches of {type(dataset).__name__} never end (num_batches is None), so the number of steps must "
                "be given: steps_per_epoch in fit(), validation_steps for validation data, steps in evaluate() and "
                "predict()."
            )
        super().__init__(dataset, self.length if steps is None else steps, class_weight)
        self.resumes = steps is not None
        self.shuffle, self.seed, self.passes = bool(shuffle), seed, 0
        self.inspected: Any = None

    def _new_pass(self, first: int) -> Iterator:
        if self.length is None:
            return batches_in_order(self.batches, itertools.count(first))
        order = np.arange(self.length)
        if self.shuffle:
            np.random.Generator(np.random.Philox(key=[self.seed, self.passes])).shuffle(order)
        self.passes += 1
        return batches_in_order(self.batches, order.tolist()[first:])

    def get_state(self) -> dict[str, Any]:
        """How many batches of which pass were used, and what the data set says of its own state."""
        own = self.batches.get_state() if hasattr(self.batches, "get_state") else None
        return {**super().get_state(), "seed": self.seed, "passes": self.passes, "dataset": own}

    def set_state(self, state: dict[str, Any], strategy: Any, under_way: bool) -> None:
        """Go on as `get_state` has said; no batch is computed again."""
        if under_way:
            self.batches.on_epoch_begin()
        if state["dataset"] is not None:
            self.batches.set_state(state["dataset"])
        goes_on = not state["ended"] and (under_way or self.resumes)
        self.seed, self.passes = state["seed"], state["passes"] - goes_on
        super().set_state(state, strategy, under_way)

    def example(self) -> Any:
        """Batch 0, whatever the order."""
        if self.inspected is None:
            self.inspected = self._as_tensors(self.batches[0])
        return self.inspected

    def start(self, epoch: int, strategy: Any = None) -> None:
        """Begin an epoch: a new pass, or the same one where `steps_per_epoch` cuts it."""
        self.batches.on_epoch_begin()
        super().start(epoch, strategy)


def make_source(
    x: Any,
    y: Any = None,
    sample_weight: Any = None,
    batch_size: int | None = None,
    steps: int | None = None,
    shuffle: bool | str = False,
    seed: int = 0,
    class_weight: dict | None = None,
    once: bool = False,
) -> Any:
    """The source for what `fit`, `evaluate` or `predict` was given as x.

    Raises:
        ValueError: for arguments that do not go together, and for x and y of different lengths.
    """
    is_stream = backend.is_dataset(x) or _is_batches(x)
    if is_stream and (y is not None or sample_weight is not None):
        raise ValueError(
            f"x is {type(x).__name__}, which yields whole batches, so y and sample_weight must come in those batches, "
            "as (x, y) or (x, y, sample_weight)."
        )
    if class_weight is not None and sample_weight is not None:
        raise ValueError(
            "class_weight and sample_weight cannot both be given: put the class weights into sample_weight."
        )
    if backend.is_dataset(x):
        return DatasetSource(x, steps, class_weight)
    if isinstance(x, PyDataset):
        return PyDatasetSource(x, steps, class_weight, shuffle, seed)
    if is_stream:
        return IteratorSource(x, steps, class_weight)
    if x is None:
        raise ValueError("x is None: pass arrays, a tf.data.Dataset or a generator of batches.")
    return ArraySource(x, y, sample_weight, batch_size, shuffle, seed, class_weight, steps, once)


def _warn_of_the_end(done: int, steps: int) -> None:
    warnings.warn(
        f"The input ran out of data after {done} of {steps} steps; the epoch ends here, and the next one starts a new pass. "
        "A tf.data.Dataset for more steps can be made with `dataset.repeat()`.",
        stacklevel=5,
    )


def _is_batches(x: Any) -> bool:
    if isinstance(x, list | tuple | dict | str) or hasattr(x, "__array__") or backend.is_tensor(x) or x is None:
        return False
    return isinstance(x, Iterable | PyDataset) or (hasattr(x, "__getitem__") and hasattr(x, "__len__"))


def _as_array(x: Any) -> Any:
    """One leaf of the data as an array that a tensor can be made of; float64 becomes the float type of the process."""
    if x is None or backend.is_tensor(x):
        return x
    if hasattr(x, "detach"):  # a PyTorch tensor
        x = x.detach().cpu()
    if hasattr(x, "to_numpy"):  # a pandas column or frame
        x = x.to_numpy()
    array = np.asarray(x)
    if array.dtype == np.float64:
        return array.astype(backend.floatx())
    if array.dtype == object:
        try:
            return array.astype("float32") if not isinstance(array.reshape(-1)[0], str) else array.astype(str)
        except (TypeError, ValueError):
            raise ValueError(
                f"Cannot make an array of {type(x).__name__} with objects inside (are the rows of different lengths?): "
                "pad them to one length, for example with hornbook.utils.pad_sequences."
            ) from None
    return array


def rows_of_lists(x: Any) -> Any:
    """Python lists of numbers or strings are one array each; lists of arrays stay a structure of inputs."""
    if isinstance(x, list) and x and all(isinstance(item, bool | int | float | str | np.generic) for item in x):
        return np.asarray(x)
    if isinstance(x, list) and x and all(isinstance(item, list) for item in x):
        return np.asarray(x)
    return x


def _common_rows(arrays: Any) -> int:
    x, y, weight = arrays
    lengths: dict[str, int] = {}
    for what, part in (("x", x), ("y", y), ("sample_weight", weight)):
        for path, leaf in tree.flatten_with_path(part):
            if leaf is None:
                continue
            name = what + "".join(f"[{key!r}]" for key in path)
            if len(leaf.shape) == 0:
                raise ValueError(f"{name} must have a first axis that counts the examples; it is a single number.")
            lengths[name] = int(leaf.shape[0])
    if not lengths:
        raise ValueError("There is no data: x holds no array.")
    if len(set(lengths.values())) > 1:
        found = ", ".join(f"{name} has {length}" for name, length in lengths.items())
        raise ValueError(f"All arrays must hold the same number of examples, but {found}.")
    rows = next(iter(lengths.values()))
    if rows == 0:
        raise ValueError("There is no data: the arrays hold 0 examples.")
    return rows


def split_validation(arrays: tuple, fraction: float) -> tuple[tuple, tuple]:
    """The arrays cut in two: the last `fraction` of the rows is for validation.

    Raises:
        ValueError: where one part would be empty, or the data are no arrays.
    """
    x = arrays[0]
    if backend.is_dataset(x) or _is_batches(x):
        raise ValueError(f"validation_split needs arrays, got {type(x).__name__}; pass validation_data instead.")
    arrays = tree.map_structure(_as_array, arrays)
    rows = _common_rows(arrays)
    cut = int(np.floor(rows * (1.0 - fraction)))
    if not 0 < cut < rows:
        raise ValueError(
            f"validation_split={fraction} of {rows} examples leaves {cut} for training and {rows - cut} for validation; "
            "both must have some."
        )
    train = tree.map_structure(lambda a: None if a is None else a[:cut], arrays)
    held_out = tree.map_structure(lambda a: None if a is None else a[cut:], arrays)
    return train, held_out


def _weighted(batch: tuple, class_weight: dict) -> tuple:
    x, y, weight = unpack_x_y_sample_weight(batch[0] if len(batch) == 1 else batch)
    if weight is not None:
        raise ValueError("class_weight cannot be used with batches that already hold sample weights.")
    return x, y, class_weight_to_sample_weight(y, class_weight)
