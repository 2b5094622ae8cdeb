"""Steps inside the graph: a stretch of training steps is one compiled call.

A Python loop that calls one compiled step for each batch spends most of a small model's time between the steps. Here
the loop itself is in the graph: rows of resident arrays are gathered by an order of indices, or batches are drawn from a
`tf.data` iterator, and the step runs on each. What the last step logged is kept in slots and read when asked.
"""

import contextlib
import itertools
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import tensorflow as tf

from hornbook import tree
from hornbook.backend.tensorflow.nn import small_kernels
from hornbook.backend.tensorflow.recurrence import compiled_loops
from hornbook.backend.tensorflow.services import KernelError, raise_if_not_finite, readable
from hornbook.backend.tensorflow.variable import filled_tensor

__all__ = [
    "CoordinatedSteps",
    "Steps",
    "current_strategy",
    "dataset_cardinality",
    "dataset_element",
    "dataset_is_endless",
    "dataset_iterator",
    "dataset_iterator_state",
    "default_strategy",
    "from_all",
    "from_chief",
    "is_chief",
    "is_dataset",
    "is_made_for",
    "make_steps",
    "process_count",
    "process_number",
    "resident",
    "set_dataset_iterator_state",
    "strategy_scope",
]

# Batches whose outputs are computed at the same time, and are in memory together, where no step writes what others read.
TOGETHER = 2
LARGE = 2**20  # bytes, from which on it matters how an array becomes a tensor
_READERS = {"ReadVariableOp", "ResourceGather", "ResourceGatherNd", "VariableShape", "LookupTableFindV2"}
# What TensorFlow raises in a process whose peers are gone.
_LOST = (
    tf.errors.UnavailableError,
    tf.errors.AbortedError,
    tf.errors.CancelledError,
    tf.errors.FailedPreconditionError,
)


# ------------------------------------------------------------------------------------------------- where it runs
def current_strategy() -> Any:
    """The `tf.distribute` strategy whose scope the code is in; None outside of one.

    >>> import hornbook as keras
    >>> keras.distribution.current_strategy()
    """
    return tf.distribute.get_strategy() if tf.distribute.has_strategy() else None


def default_strategy() -> Any:
    """The strategy of code that is in no scope: one device."""
    return tf.distribute.get_strategy()


def strategy_scope(strategy: Any) -> Any:
    """The scope of a strategy; of the default one for None."""
    return (strategy or tf.distribute.get_strategy()).scope()


def _several_processes(strategy: Any) -> bool:
    """Whether a strategy has replicas in other processes too, each of which runs the whole script."""
    return isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy)


def _is_coordinated(strategy: Any) -> bool:
    """Whether the strategy hands steps to workers that only serve."""
    return isinstance(strategy, tf.distribute.ParameterServerStrategy)


def is_chief(strategy: Any = None) -> bool:
    """Whether this process is the one that writes files: the only one, or the first of those that train together.

    Args:
        strategy: the strategy they train with; the one whose scope the code is in if None.

    >>> from hornbook import distribution
    >>> distribution.is_chief()
    True
    """
    return bool((strategy or tf.distribute.get_strategy()).extended.should_checkpoint)


def is_made_for(strategy: Any, variable: Any) -> bool:
    """Whether a variable was made in the scope of a strategy."""
    return bool(strategy.extended.variable_created_in_scope(variable._value))


def from_all(array: np.ndarray, strategy: Any) -> np.ndarray:
    """What each of the processes that train together has, in all of them: (processes, *shape), the chief's first.

    Args:
        array: of the same shape and dtype in all processes.
        strategy: the strategy they train with, or None.

    Raises:
        RuntimeError: where another process is gone.
    """
    if not _several_processes(strategy):
        return array[None]
    content = array.tobytes()
    words = np.frombuffer(content + bytes(-len(content) % 4), np.int32)  # bits: to add zeros changes none of them

    def part(context: Any) -> Any:
        rows = np.zeros((context.num_replicas_in_sync, len(words)), np.int32)
        rows[context.replica_id_in_sync_group] = words
        return tf.constant(rows)

    with strategy.scope(), _told_who_is_gone():
        parts = strategy.experimental_distribute_values_from_function(part)
        rows = strategy.reduce(tf.distribute.ReduceOp.SUM, parts, axis=None).numpy()
        first_of_each = rows[:: len(strategy.experimental_local_results(parts))]
    return np.stack([np.frombuffer(row.tobytes()[: len(content)], array.dtype) for row in first_of_each]).reshape(
        -1, *array.shape
    )


def from_chief(number: Any, strategy: Any) -> Any:
    """The chief's number in all processes that train together: they must agree on what each decides by itself.

    Args:
        number: an int or a float.
        strategy: the strategy they train with, or None.

    Raises:
        RuntimeError: where another process is gone.
    """
    if not _several_processes(strategy):
        return number
    return type(number)(from_all(np.array(number, "int64" if isinstance(number, int) else "float64"), strategy)[0])


def process_number(strategy: Any) -> int:
    """Which of the processes that train together this one is: its row in `from_all`."""
    if not _several_processes(strategy):
        return 0
    resolver = strategy.cluster_resolver
    return int(resolver.task_id) + (len(_tasks(strategy).get("chief", ())) if resolver.task_type == "worker" else 0)


def process_count(strategy: Any) -> int:
    """How many processes train together: the rows of `from_all`."""
    return sum(map(len, _tasks(strategy).values())) if _several_processes(strategy) else 1


def _tasks(strategy: Any) -> dict[str, list]:
    """The addresses of the processes that train together, by kind."""
    tasks = strategy.cluster_resolver.cluster_spec().as_dict()
    return {kind: tasks[kind] for kind in ("chief", "worker") if kind in tasks}


@contextlib.contextmanager
def _told_who_is_gone() -> Iterator[None]:
    """What TensorFlow raises in a process whose peers are gone, in a sentence."""
    try:
        yield
    except _LOST as error:
        raise RuntimeError(
            "Another process of the cluster is gone, and without it this one cannot go on. End the processes that are "
            "left and start all of them again; training goes on from the last file that the chief has saved "
            f"(BackupAndRestore, ModelCheckpoint). What TensorFlow saw: {readable(error)}"
        ) from None


def resident(array: Any) -> Any:
    """An array as a tensor on the device, where steps gather their rows from.

    TensorFlow copies an array twice to make a tensor of it, unless it happens to begin at a multiple of 64 bytes.
    """
    plain = isinstance(array, np.ndarray) and array.dtype.kind in "iuf"
    if not plain or array.nbytes < LARGE or current_strategy() is not None or tf.config.list_physical_devices("GPU"):
        return tf.convert_to_tensor(array)
    return filled_tensor(array.shape, array.dtype, lambda memory: np.copyto(memory, array))


# ------------------------------------------------------------------------------------------------------- tf.data
def is_dataset(x: Any) -> bool:
    """Whether `x` is a `tf.data.Dataset` (or a distributed one)."""
    return isinstance(x, tf.data.Dataset | tf.distribute.DistributedDataset)


def dataset_cardinality(dataset: Any) -> int | None:
    """How many batches a data set holds; None where it does not know, or never ends."""
    spread = isinstance(dataset, tf.distribute.DistributedDataset)  # its cardinality is a number, no method
    count = int(dataset.cardinality if spread else dataset.cardinality())
    return None if count < 0 else count


def dataset_is_endless(dataset: Any) -> bool:
    """Whether a data set is known never to end."""
    return int(getattr(dataset, "cardinality", lambda: -2)()) == tf.data.INFINITE_CARDINALITY


def dataset_element(dataset: Any) -> Any:
    """One batch of the data set, for its structure, shapes and dtypes."""
    if isinstance(dataset, tf.distribute.DistributedDataset):
        first = next(iter(dataset))
        return tree.map_structure(lambda x: x.values[0] if isinstance(x, tf.distribute.DistributedValues) else x, first)
    for element in dataset.take(1):
        return element
    raise ValueError("The data set is empty: it gave no batch.")


def dataset_iterator(dataset: Any, strategy: Any) -> Any:
    """A new iterator over the batches, spread over the replicas of a strategy; whole batches where it has a coordinator."""
    spread = isinstance(dataset, tf.distribute.DistributedDataset)
    if strategy is not None and not _is_coordinated(strategy) and not spread:
        dataset = strategy.experimental_distribute_dataset(dataset)
    elif isinstance(dataset, tf.data.Dataset):
        dataset = dataset.prefetch(tf.data.AUTOTUNE)
    return iter(dataset)


def dataset_iterator_state(iterator: Any) -> np.ndarray | None:
    """All that an iterator of one device would go on with (place, buffers, seeds of shuffles), as bytes.

    None where it cannot be said: the pipeline runs Python code, draws from a generator with state, or is distributed.
    """
    fail = 2  # the policy for a pipeline with state that cannot be said
    try:
        state = tf.raw_ops.SerializeIterator(resource_handle=iterator._iterator_resource, external_state_policy=fail)
    except (AttributeError, tf.errors.OpError):
        return None
    return np.frombuffer(tf.io.serialize_tensor(state).numpy(), np.uint8)


def set_dataset_iterator_state(iterator: Any, state: np.ndarray) -> None:
    """Put a new iterator over the same pipeline where `dataset_iterator_state` was asked.

    Raises:
        ValueError: for another pipeline.
    """
    try:
        tf.raw_ops.DeserializeIterator(
            resource_handle=iterator._iterator_resource, serialized=tf.io.parse_tensor(state.tobytes(), tf.variant)
        )
    except tf.errors.OpError as error:
        raise ValueError(
            f"The backup was made with another tf.data pipeline than fit() has now ({readable(error)}). Pass the same "
            "data set, or remove the backup to start anew."
        ) from None


# --------------------------------------------------------------------------------------------------------- steps
def _covers(known: tuple, shapes: tuple) -> bool:
    """Whether a trace for `known` shapes, where None is any size, serves these."""
    return all(
        len(free) == len(axes) and all(a is None or a == b for a, b in zip(free, axes, strict=True))
        for free, axes in zip(known, shapes, strict=True)
    )


def _common(several: tuple) -> tuple:
    """What shapes have in common, None where they differ.

    >>> from hornbook.backend.tensorflow.steps import _common
    >>> _common(((3, 8), (5, 8)))
    (None, 8)
    """
    return tuple(sizes[0] if len(set(sizes)) == 1 else None for sizes in zip(*several, strict=True))


def _writes(graph: Any) -> bool:
    """Whether a graph does more than to compute: what it leaves behind must come in the order of the batches."""
    return any(op.op_def.is_stateful and op.type not in _READERS for op in graph.get_operations())


class Steps:
    """A step made ready to run: one batch at a time, or many inside the graph.

    Args:
        step: from a batch (a structure of tensors) to logs (a dictionary of tensors) or, with `collect`, to outputs.
        results: the logs as they can be read from the metrics after the last step; None where only the step knows
            them.
        reset: sets what the results are read from to its start; see `anew`.
        collect: the step's outputs are kept, row after row, instead of the last logs.
        jit: compile the step with XLA.
        eager: no graph at all: each step runs as Python.
        strategy: the `tf.distribute` strategy on whose replicas each step runs.
        free_rows: one trace serves batches of every size; False where the model is made for one size.
        on_trace: told of each graph that is made: what it runs, the specs of a batch, the seconds it took.

    Attributes:
        compiled_part: what XLA compiles from now on: "steps", recurrent "loops" alone, or None for nothing. It takes a second
            or two, so it is for long work.
    """

    compiled_part: str | None = None

    def __init__(
        self,
        step: Callable,
        results: Callable | None = None,
        reset: Callable | None = None,
        collect: bool = False,
        jit: bool = False,
        eager: bool = False,
        strategy: Any = None,
        free_rows: bool = True,
        on_trace: Callable | None = None,
    ) -> None:
        self._on_trace = on_trace
        self.collect, self.eager, self.strategy = collect, eager, strategy
        self._far = _several_processes(strategy)
        # What processes gather from each other must have one shape in a trace: batches of another size get their own.
        self.free_rows = free_rows and not (collect and self._far)
        self._results, self._reset, self._anew = results, reset, False
        self.reads_results = results is not None
        self._slots: dict[str, tf.Variable] = {}
        self._many_replicas = strategy is not None and strategy.num_replicas_in_sync > 1
        self._compiled_step = tf.function(step, jit_compile=True, autograph=False)
        whole = jit and not eager and not self._many_replicas  # replicas add up their gradients inside of a step
        self._step = self._compiled_step if whole else step
        self._rigid = False  # whether a trace for several shapes was tried in vain
        self._traces: dict[Any, dict[Any, Callable]] = {}  # what is called -> the shapes -> how
        self._familiar: dict[tuple, Callable] = {}  # the shape and dtype of a batch that is one array -> its trace
        self._draws: dict[str | None, Callable] = {}

    def _traced(self, function: Callable, *arguments: Any) -> Any:
        """Call `function`, traced once for each structure, dtype and shape (the number of rows left free).

        What has run on batches of two shapes, such as texts of two lengths, is traced for all sizes of the axes in which they
        differ when a third one comes.
        """
        if self.eager:
            return function(*arguments)
        return self._trace_for(function, arguments)(*arguments)

    def _trace_for(self, function: Callable, arguments: tuple) -> Any:
        """The trace of `function` that serves these arguments; a new one where there is none."""
        leaves, definition = tree.flatten_with_definition(arguments)
        rows = 1 if self.free_rows or function not in (self._one, self._first) else 0
        kinds = [None if x is None else (x.dtype, x.shape.rank) for x in leaves]
        traces = self._traces.setdefault((function.__name__, self.compiled_part, definition, *kinds), {})
        shapes = tuple(() if x is None else tuple(x.shape[rows:]) for x in leaves)
        trace = traces.get(shapes) or next((traces[known] for known in traces if _covers(known, shapes)), None)
        if trace is None:
            trace = self._trace(function, arguments, shapes, traces)
        alone = function == self._one and isinstance(arguments[0], tuple) and arguments[0][0] is leaves[0]
        if alone and len(leaves) == 1 and self.collect and self.free_rows and self.strategy is None:
            self._familiar[shapes[0], np.dtype(leaves[0].dtype.as_numpy_dtype)] = trace
        return trace

    def _trace(self, function: Callable, arguments: Any, shapes: Any, traces: dict) -> Any:
        """A new trace, for several shapes where `function` is one for single batches that has seen two."""
        specs = tree.map_structure(self._free, arguments)
        graph = tf.function(function, autograph=False)
        if len(traces) > 1 and self.free_rows and not self._rigid and function in (self._one, self._first):
            several = tuple(_common(axes) for axes in zip(*traces, shapes, strict=True))
            loose = [
                None if spec is None else tf.TensorSpec([None, *free][: spec.shape.rank], spec.dtype)
                for spec, free in zip(tree.flatten(specs), several, strict=True)
            ]
            try:
                traces[several] = graph.get_concrete_function(*tree.pack_sequence_as(specs, loose))
                return traces[several]
            except Exception:  # the model is made of numbers that only a fixed shape has: each keeps its own trace
                self._rigid = True
        traces[shapes] = graph.get_concrete_function(*specs)
        return traces[shapes]

    def _free(self, x: Any) -> Any:
        """The spec of an argument with a free first axis."""
        if x is None:
            return None
        rest = [None, *x.shape[1:]] if x.shape.rank and self.free_rows else x.shape
        return tf.TensorSpec(rest, x.dtype)

    def anew(self) -> None:
        """Let the next step begin with `reset`: inside its graph, where it is one on a batch by itself."""
        self._anew = True

    def _reset_now(self) -> None:
        if self._anew and self._reset is not None:
            self._reset()
        self._anew = False

    # -- one step ------------------------------------------------------------------------------------------------
    def _run(self, data: Any) -> Any:
        """The step on a batch, on every replica its part."""
        with compiled_loops(self.compiled_part == "loops"), small_kernels():
            if self.strategy is None:
                return (self._compiled_step if self.compiled_part == "steps" else self._step)(data)
            return self.strategy.run(self._step, args=(data,))

    def _joined(self, outputs: Any) -> Any:
        """What the replicas gave as one: rows are put together, numbers averaged."""
        if not self._many_replicas:
            return outputs
        here = self.strategy.experimental_local_results
        if self.collect and self._far:
            return tree.map_structure(lambda x: self.strategy.gather(x, axis=0), outputs)
        if self.collect:
            return tree.map_structure(lambda x: tf.concat(here(x), 0), outputs)
        if self._far:
            return tree.map_structure(lambda x: self.strategy.reduce(tf.distribute.ReduceOp.MEAN, x, None), outputs)
        return tree.map_structure(lambda x: tf.reduce_mean(here(x), 0), outputs)

    @contextlib.contextmanager
    def _noted(self, runs: str, data: Any) -> Iterator[None]:
        """The graph that is made in this context is told to `on_trace`."""
        started = time.perf_counter()
        yield
        if self._on_trace is not None and not self.eager:
            self._on_trace(runs, data, time.perf_counter() - started)

    def _first(self, data: Any) -> Any:
        with self._noted("one batch, counted anew", data):
            if self._reset is not None:
                self._reset()
            return self.on_one(data)

    def _one(self, data: Any) -> Any:
        with self._noted("one batch", data):
            return self.on_one(data)

    def on_one(self, data: Any) -> Any:
        """What `batch` computes, in the scope and the graph that the caller is in."""
        outputs = self._joined(self._run(self._split(data)))
        return self._results() if self._results is not None else outputs

    def _split(self, data: Any) -> Any:
        """A batch that came whole, as one part for each replica."""
        if not self._many_replicas:
            return data
        replicas = self.strategy.num_replicas_in_sync
        leaves = tree.flatten(data)
        rows = next(tf.shape(x)[0] for x in leaves if x is not None)

        def part(context: Any) -> Any:
            first, last = _share(context.replica_id_in_sync_group, rows, replicas)
            return tree.map_structure(lambda x: None if x is None else x[first:last], data)

        return self._for_each_replica(part)

    def _for_each_replica(self, part: Callable) -> Any:
        """`part(context)` for each replica; the context knows its number."""
        if isinstance(self.strategy, tf.distribute.experimental.CentralStorageStrategy):  # it lacks the method below
            return self.strategy.run(lambda: part(tf.distribute.get_replica_context()))
        return self.strategy.experimental_distribute_values_from_function(part)

    def _note(self, logs: Any) -> None:
        """Keep the logs of a step where the end of the stretch finds them."""
        for name, value in logs.items():
            value = tf.convert_to_tensor(value)
            if name not in self._slots:
                anything: Any = None  # the shape of what is logged may change
                with tf.init_scope():
                    self._slots[name] = tf.Variable(
                        tf.zeros([d or 1 for d in value.shape], value.dtype),
                        shape=tf.TensorShape(anything),
                        trainable=False,
                        name=f"log_{name}",
                    )
            self._slots[name].assign(value)

    def _logs(self) -> Any:
        if self._results is not None:
            return self._results()
        return {name: slot.read_value() for name, slot in self._slots.items()}

    def _keep(self, logs: Any) -> None:
        if self._results is None:
            self._note(self._joined(logs))

    # -- a stretch over rows of resident arrays --------------------------------------------------------------------
    def _gathered(self, arrays: Any, order: Any, first: Any, end: Any, batch_size: Any) -> Any:
        with self._noted("a stretch of arrays", arrays):
            return self._over_rows(arrays, order, first, end, batch_size)

    def _over_rows(self, arrays: Any, order: Any, first: Any, end: Any, batch_size: Any) -> Any:
        taken = self._per_replica if self._many_replicas else _taken
        if self.collect:
            return self._collected(lambda begin, stop: taken(arrays, order, begin, stop), first, end, batch_size)

        def body(begin: Any) -> tuple:
            stop = begin + batch_size
            self._keep(self._run(taken(arrays, order, begin, stop)))
            return (stop,)

        tf.while_loop(lambda begin: begin < end, body, (first,), parallel_iterations=1)
        return self._logs()

    def _per_replica(self, arrays: Any, order: Any, begin: Any, stop: Any) -> Any:
        total = next(tf.shape(a)[0] for a in tree.flatten((order, arrays)) if a is not None)
        size = tf.minimum(stop, total) - begin

        def part(context: Any) -> Any:
            first, last = _share(context.replica_id_in_sync_group, size, self.strategy.num_replicas_in_sync)
            return _taken(arrays, order, begin + first, begin + last)

        return self._for_each_replica(part)

    def _collected(self, batch: Callable, first: Any, end: Any, batch_size: Any) -> Any:
        specs, count = self._outputs, (end - first) // batch_size
        stores = [
            tf.TensorArray(spec.dtype, size=count, element_shape=[None, *spec.shape[1:]], infer_shape=False)
            for spec in tree.flatten(specs)
        ]

        def body(i: Any, *stores: Any) -> tuple:
            begin = first + i * batch_size
            outputs = tree.flatten(self._joined(self._run(batch(begin, begin + batch_size))))
            return (i + 1, *(store.write(i, x) for store, x in zip(stores, outputs, strict=True)))

        start = (tf.constant(0), *stores)
        _, *stores = tf.while_loop(lambda i, *_: i < count, body, start, parallel_iterations=self._together)
        return tree.pack_sequence_as(specs, [store.concat() for store in stores])

    # -- a stretch over a tf.data iterator -------------------------------------------------------------------------
    def _drawn(self, iterator: Any, count: Any) -> tuple:
        with self._noted("a stretch of a data set", _one_replicas(iterator.element_spec)):
            return self._over_draws(iterator, count)

    def _over_draws(self, iterator: Any, count: Any) -> tuple:
        def body(done: Any, alive: Any) -> tuple:
            element = iterator.get_next_as_optional()
            alive = element.has_value()

            def step() -> Any:
                self._keep(self._run(element.get_value()))
                return done + 1

            return tf.cond(alive, step, lambda: done), alive

        state = (tf.constant(0), tf.constant(True))
        done, alive = tf.while_loop(
            lambda done, alive: tf.logical_and(done < count, alive), body, state, parallel_iterations=1
        )
        return done, alive, self._logs()

    # -- what the trainer calls ------------------------------------------------------------------------------------
    @contextlib.contextmanager
    def _scope(self) -> Iterator[None]:
        """The strategy's scope; what a kernel refuses is said in a sentence."""
        shared = self._far or _is_coordinated(self.strategy)
        try:
            with strategy_scope(self.strategy), _told_who_is_gone() if shared else contextlib.nullcontext():
                yield
        except KernelError as error:
            raise_if_not_finite(error)
            raise ValueError(
                f"A step could not be computed: {readable(error)} Look at the labels and shapes of that data; "
                "compile(run_eagerly=True) shows the line it happens in."
            ) from None

    def batch(self, data: Any) -> Any:
        """One step on one batch: its logs, or its outputs."""
        step, self._anew = self._first if self._anew else self._one, False
        with self._scope():
            return self._traced(step, data)

    def again(self, array: np.ndarray) -> Any:
        """The outputs for an array like one that was a batch before, in all but its rows; None where there was none.

        What `batch` finds out anew each time is known here: for a small model that is half of the time.
        """
        trace = self._familiar.get((array.shape[1:], array.dtype))
        if trace is None:
            return None
        with self._scope():
            return trace((tf.constant(array),))

    def rows(self, arrays: Any, order: Any, start: int, count: int, batch_size: int) -> Any:
        """`count` steps over the rows `order[start * batch_size:]` of resident arrays, `batch_size` rows a step.

        Without an order the rows are taken as they lie.
        """
        self._reset_now()
        with self._scope():
            if self.eager or (self.collect and self._far):
                return self._rows_one_by_one(arrays, order, start, count, batch_size)
            if self.collect:
                first = _taken(arrays, order, 0, 1)
                trace = self._trace_for(self._one, (first,))
                self._outputs = tree.map_structure(lambda x: tf.TensorSpec([None, *x.shape[1:]], x.dtype), trace(first))
                self._together = 1 if _writes(trace.graph) else TOGETHER
            ends = (start * batch_size, (start + count) * batch_size)  # the last batch may end before
            numbers = (tf.constant(n, tf.int32) for n in (*ends, batch_size))
            return self._traced(self._gathered, arrays, order, *numbers)

    def _rows_one_by_one(self, arrays: Any, order: Any, start: int, count: int, batch_size: int) -> Any:
        gathered = []
        for i in range(start, start + count):
            data = _taken(arrays, order, i * batch_size, (i + 1) * batch_size)
            gathered.append(self._traced(self._one, data))
        if not self.collect:
            return gathered[-1]
        return tree.map_structure(lambda *parts: tf.concat(parts, 0), *gathered)

    def draw(self, iterator: Any, count: int) -> tuple[int, bool, Any]:
        """At most `count` steps on batches of an iterator: (steps done, whether there may be more, logs)."""
        self._reset_now()
        with self._scope():
            if not self.eager and not self.collect:
                if self.compiled_part not in self._draws:
                    draw = tf.function(self._drawn, autograph=False, reduce_retracing=True)
                    self._draws[self.compiled_part] = draw
                done, alive, logs = self._draws[self.compiled_part](iterator, tf.constant(count, tf.int32))
                return int(done), bool(alive), logs
            logs: Any = None
            for done in range(count):
                element = iterator.get_next_as_optional()
                if not bool(element.has_value()):
                    return done, False, logs
                data = element.get_value()
                is_split = any(isinstance(x, tf.distribute.DistributedValues) for x in tree.flatten(data))
                outputs = self._joined(self._run(data)) if is_split else self._traced(self._one, data)
                logs = [*(logs or []), outputs] if self.collect else outputs
            return count, True, logs


class CoordinatedSteps(Steps):
    """Steps that workers take as they are free, on weights that stand on servers: `ParameterServerStrategy`.

    A loop inside the graph would stay on one worker. So each step is handed out by itself, together with its rows; a stretch
    is a number of steps that were handed out, and ends when all are done. Workers do not wait for each other: a step may
    start from weights that lack the steps still under way. A step whose worker is lost is handed to another one.

    Args:
        step, results, reset, collect, jit, eager, strategy, free_rows: as in `Steps`.

    Raises:
        ValueError: for eager: only graphs can be handed to another process.
    """

    def __init__(self, step: Callable, *args: Any, **kwargs: Any) -> None:
        super().__init__(step, *args, **kwargs)
        if self.eager:
            raise ValueError(
                "run_eagerly=True cannot be had with a parameter server: workers take graphs, not Python. Look for the "
                "fault without a strategy first."
            )
        self._coordinator = tf.distribute.coordinator.ClusterCoordinator(self.strategy)
        self._workers_step: dict[Any, Callable] = {}

    def _hand_out(self, data: Any) -> Any:
        """Let a worker take the step on a batch; gives what will hold its outputs."""
        leaves, definition = tree.flatten_with_definition(data)
        key = (definition, *[None if x is None else (tuple(x.shape[1:]), x.dtype) for x in leaves])
        if key not in self._workers_step:
            specs = [self._free(x) for x in leaves if x is not None]
            places = [x is not None for x in leaves]

            def step(*tensors: Any) -> Any:
                given = iter(tensors)
                batch = tree.pack_sequence_as(data, [next(given) if there else None for there in places])
                return self._joined(self.strategy.run(self._step, args=(self._split(batch),)))

            self._workers_step[key] = tf.function(step, input_signature=specs, autograph=False)
        return self._coordinator.schedule(self._workers_step[key], args=tuple(x for x in leaves if x is not None))

    def _finished(self, handed_out: list) -> Any:
        """Wait for all steps; gives the logs, or the outputs of each in order."""
        self._coordinator.join()
        if self.collect:
            return [self._coordinator.fetch(outputs) for outputs in handed_out]
        return self._results() if self._results is not None else self._coordinator.fetch(handed_out[-1])

    def batch(self, data: Any) -> Any:
        """One step on one batch: its logs, or its outputs."""
        self._reset_now()
        with self._scope():
            finished = self._finished([self._hand_out(data)])
            return finished[0] if self.collect else finished

    def rows(self, arrays: Any, order: Any, start: int, count: int, batch_size: int) -> Any:
        """`count` steps over the rows `order[start * batch_size:]` of resident arrays, `batch_size` rows a step."""
        self._reset_now()
        with self._scope():
            handed_out = []
            for i in range(start, start + count):
                batch = _taken(arrays, order, i * batch_size, (i + 1) * batch_size)
                handed_out.append(self._hand_out(batch))
            finished = self._finished(handed_out)
            return tree.map_structure(lambda *parts: np.concatenate(parts), *finished) if self.collect else finished

    def draw(self, iterator: Any, count: int) -> tuple[int, bool, Any]:
        """At most `count` steps on batches of an iterator: (steps done, whether there may be more, logs)."""
        self._reset_now()
        with self._scope():
            batches = list(itertools.islice(iterator, count))
            handed_out = [self._hand_out(batch) for batch in batches]
            return len(batches), len(batches) == count, self._finished(handed_out) if batches else None


def make_steps(step: Callable, strategy: Any = None, **kwargs: Any) -> Steps:
    """The kind of `Steps` that fits a strategy."""
    return (CoordinatedSteps if _is_coordinated(strategy) else Steps)(step, strategy=strategy, **kwargs)


def _one_replicas(specs: Any) -> Any:
    """The specs of the batches of an iterator that is spread over replicas: those of the first one's parts."""
    return tree.map_structure(lambda spec: getattr(spec, "_value_specs", [spec])[0], specs)


def _taken(arrays: Any, order: Any, begin: Any, stop: Any) -> Any:
    """The rows `order[begin:stop]` of arrays; as they lie where there is no order, which copies nothing."""
    if order is None:
        return tree.map_structure(lambda a: None if a is None else a[begin:stop], arrays)
    rows = order[begin:stop]
    return tree.map_structure(lambda a: None if a is None else tf.gather(a, rows), arrays)


def _share(replica: Any, rows: Any, replicas: int) -> tuple:
    """First and one-past-last of the rows that a replica takes: parts differ by at most one row."""
    return replica * rows // replicas, (replica + 1) * rows // replicas
