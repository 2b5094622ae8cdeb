"""`PyDataset`: batches by their number, computed ahead by threads or processes."""

import multiprocessing
import warnings
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from itertools import islice
from typing import Any

from hornbook.core.arguments import positive_integer


class PyDataset:
    """Batches that Python code makes: a subclass says how many there are and computes number i.

    It defines `__getitem__(i)`, which gives a whole batch `(x, y)` or `(x, y, sample_weight)`, and `__len__`, or
    `num_batches` where None means that the batches never end. `fit` shuffles their order each epoch.

    Args:
        workers: with more than one, this many batches are computed at a time.
        use_multiprocessing: compute in processes, not in threads. The data set is copied into each of them, so it must
            be picklable, and code that calls TensorFlow there needs `multiprocessing.set_start_method("spawn")`.
        max_queue_size: how many batches are computed ahead.

    >>> import numpy as np
    >>> import hornbook as keras
    >>> class Squares(keras.utils.PyDataset):
    ...     def __len__(self):
    ...         return 3
    ...     def __getitem__(self, i):
    ...         x = np.arange(4 * i, 4 * i + 4, dtype="float32")[:, None]
    ...         return x, x**2
    >>> model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    >>> model.compile("adam", "mse")
    >>> history = model.fit(Squares(workers=2), epochs=2, verbose=0)
    >>> len(history.history["loss"])
    2
    """

    _workers, _use_multiprocessing, _max_queue_size = 1, False, 10

    def __init__(self, workers: int = 1, use_multiprocessing: bool = False, max_queue_size: int = 10) -> None:
        self.workers = workers
        self.use_multiprocessing = use_multiprocessing
        self.max_queue_size = max_queue_size

    @property
    def workers(self) -> int:
        """How many batches are computed at a time."""
        return self._workers

    @workers.setter
    def workers(self, value: int) -> None:
        self._workers = 1 if value == 0 else positive_integer(value, "workers")

    @property
    def use_multiprocessing(self) -> bool:
        """Whether they are computed in processes."""
        return self._use_multiprocessing

    @use_multiprocessing.setter
    def use_multiprocessing(self, value: bool) -> None:
        self._use_multiprocessing = bool(value)

    @property
    def max_queue_size(self) -> int:
        """How many batches are computed ahead."""
        return self._max_queue_size

    @max_queue_size.setter
    def max_queue_size(self, value: int) -> None:
        self._max_queue_size = positive_integer(value, "max_queue_size")

    def __getitem__(self, index: int) -> Any:
        raise NotImplementedError(f"{type(self).__name__} needs __getitem__(self, index), which gives batch `index`.")

    @property
    def num_batches(self) -> int | None:
        """How many batches an epoch has; None where they never end."""
        if not hasattr(self, "__len__"):
            raise NotImplementedError(
                f"{type(self).__name__} needs __len__(self), the number of batches of an epoch, or a property "
                "`num_batches`, which may be None where they never end."
            )
        return len(self)  # type: ignore[arg-type]

    def on_epoch_begin(self) -> None:
        """Called before each epoch."""

    def on_epoch_end(self) -> None:
        """Called after each epoch."""


def batches_in_order(dataset: PyDataset, indices: Iterable[int]) -> Iterator[Any]:
    """The batches with these numbers, in this order, some computed ahead if the data set asks for workers."""
    if dataset.workers == 1 and not dataset.use_multiprocessing:
        yield from (dataset[i] for i in indices)
        return
    remaining = iter(indices)
    executor = _executor(dataset)
    function = _batch_of_the_process if dataset.use_multiprocessing else dataset.__getitem__
    try:
        ahead = deque(executor.submit(function, i) for i in islice(remaining, dataset.max_queue_size))
        while ahead:
            batch = ahead.popleft().result()
            ahead.extend(executor.submit(function, i) for i in islice(remaining, 1))
            yield batch
    except BrokenProcessPool:
        raise RuntimeError(
            f"A process that computes batches of {type(dataset).__name__} has come to a sudden end: it was killed, for want "
            "of memory perhaps, or crashed. Use fewer workers, a smaller max_queue_size, or threads."
        ) from None
    finally:
        executor.shutdown(wait=False, cancel_futures=True)


def _executor(dataset: PyDataset) -> Executor:
    if not dataset.use_multiprocessing:
        return ThreadPoolExecutor(dataset.workers, thread_name_prefix="batches")
    context = multiprocessing.get_context()
    if context.get_start_method() == "fork":
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # Python's own, of forking a process with threads
            return ProcessPoolExecutor(dataset.workers, context, _keep_in_process, (dataset,))
    return ProcessPoolExecutor(dataset.workers, context, _keep_in_process, (dataset,))


_OF_THE_PROCESS: list[PyDataset] = []  # in a worker process: the data set it computes batches of


def _keep_in_process(dataset: PyDataset) -> None:
    _OF_THE_PROCESS[:] = [dataset]


def _batch_of_the_process(index: int) -> Any:
    return _OF_THE_PROCESS[0][index]
