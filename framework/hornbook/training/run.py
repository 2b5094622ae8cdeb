"""A `fit` under way: which epoch it is in, where its batches come from, what it has logged."""

from typing import Any

from hornbook.random.seed_generator import get_random_state, set_random_state
from hornbook.training.interrupts import Interrupts


class Run:
    """Where a `fit` is, beside the numbers that variables hold; a backup keeps it, and puts it back in a new process.

    Args:
        model: the model that learns.
        steps: its training step, made ready.
        epoch: the epoch to begin with.
        source, validation: where batches come from; no validation if None.
        callbacks: the list of all callbacks.

    Attributes:
        epoch: the epoch that runs, or the next one.
        under_way: whether `epoch` has begun.
        trained: whether all its steps are done, so that only the validation is left.
        logs: what the latest step, or the epoch that is over, has logged.
        over: whether somebody has asked for the end of the training.
        interrupts: the scope in which Ctrl-C is not lost.
    """

    def __init__(self, model: Any, steps: Any, epoch: int, source: Any, validation: Any, callbacks: Any) -> None:
        self.model, self.steps, self.callbacks = model, steps, callbacks
        self.source, self.validation = source, validation
        self.epoch = epoch
        self.under_way = self.trained = self.over = False
        self.logs: dict[str, Any] = {}
        self.interrupts = Interrupts()
        self._placed = False  # whether a backup has put the source in the middle of the epoch

    def begin_epoch(self) -> None:
        """Start the source, unless a backup has put it in the middle of the epoch."""
        if not self._placed:
            self.source.start(self.epoch, self.model._strategy)
            self.trained, self.logs = False, {}
        self.under_way, self._placed = True, False

    def end_epoch(self, logs: dict[str, Any]) -> None:
        """The epoch and its validation are done."""
        self.epoch, self.under_way, self.trained, self.logs = self.epoch + 1, False, False, logs

    def get_state(self) -> dict[str, Any]:
        """The state as plain data and arrays: position, orders of the data, callbacks, random generators."""
        logs = self.logs
        if self.under_way and not self.trained:
            logs = self.model._numbers_of(self.steps, logs)
        return {
            "epoch": self.epoch,
            "under_way": self.under_way,
            "trained": self.trained,
            "logs": logs,
            "stop_training": bool(self.model.stop_training),
            "source": self.source.get_state(),
            "validation": None if self.validation is None else self.validation.get_state(),
            "callbacks": [[kind, callback.get_state()] for kind, callback in self._callbacks_with_state()],
            "random": get_random_state(),
        }

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on from a state that `get_state` gave, maybe in another process.

        Raises:
            ValueError: where the data are others than those it was made with.
        """
        self.epoch, self.under_way, self.trained = state["epoch"], state["under_way"], state["trained"]
        self.logs, self._placed = state["logs"], state["under_way"]
        self.model.stop_training = state["stop_training"]
        self.over = state["stop_training"] and not self.under_way
        self.source.set_state(state["source"], self.model._strategy, self.under_way)
        if self.validation is not None and state["validation"] is not None:
            self.validation.set_state(state["validation"], self.model._strategy, False)
        kept = [(kind, of_callback) for kind, of_callback in state["callbacks"]]
        for kind, callback in self._callbacks_with_state():
            mine = next((pair for pair in kept if pair[0] == kind), None)
            if mine is not None:
                kept.remove(mine)
                callback.set_state(mine[1])
        set_random_state(state["random"])  # last: all that was done above may have drawn from them

    def _callbacks_with_state(self) -> list[tuple[str, Any]]:
        """(name of the class, callback): by it, and by their order, callbacks of two processes find each other."""
        return [(type(callback).__name__, callback) for callback in self.callbacks if hasattr(callback, "get_state")]
