"""What a callback is, and the list that calls them all."""

from collections.abc import Iterator
from typing import Any

from hornbook import backend, tree

_BATCH_HOOKS = {
    "train": ("on_train_batch_begin", "on_train_batch_end", "on_batch_begin", "on_batch_end"),
    "test": ("on_test_batch_begin", "on_test_batch_end"),
    "predict": ("on_predict_batch_begin", "on_predict_batch_end"),
}


class Callback:
    """Looks on while a model is trained, evaluated or used; a subclass defines the hooks it needs.

    `logs` holds Python numbers by name. A hook for single batches makes `fit` stop after every batch, which is slow for
    small models; `on_stretch_end` is called a few times a second instead.

    A callback that remembers something between epochs defines `get_state` and `set_state`, so that a run that was killed
    and goes on from a backup (`BackupAndRestore`) ends as if it had not been.

    Attributes:
        params: {"verbose", "epochs", "steps"}.
        model: the model.
        comes_last: whether its hooks are called after those of all others, so that it sees what these have done.
        chief_only: whether it only writes somewhere, so that of processes that train together one is enough.

    >>> import hornbook as keras
    >>> class Say(keras.callbacks.Callback):
    ...     def on_epoch_end(self, epoch, logs=None):
    ...         print(f"epoch {epoch}: loss {logs['loss']:.2f}")
    >>> model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, kernel_initializer="zeros")])
    >>> model.compile("sgd", "mse")
    >>> history = model.fit(keras.ops.ones((4, 1)), keras.ops.zeros((4, 1)), verbose=0, callbacks=[Say()])
    epoch 0: loss 0.00
    """

    params: dict[str, Any] | None = None
    comes_last = False
    chief_only = False
    _model: Any = None

    def __init__(self) -> None:
        self.params = None
        self._model = None

    @property
    def model(self) -> Any:
        """The model, known once `set_model` was called."""
        return self._model

    def set_params(self, params: dict[str, Any]) -> None:
        """Learn of the run: `verbose`, `epochs`, `steps`."""
        self.params = params

    def set_model(self, model: Any) -> None:
        """Learn of the model."""
        self._model = model

    def wants_batches(self, kind: str) -> bool:
        """Whether a hook for single batches is defined, so that the run must stop after each.

        Args:
            kind: "train", "test" or "predict".
        """
        return defines_batch_hooks(self, kind)

    def longest_stretch(self, kind: str) -> int | None:
        """How many steps may run before it must be told; as many as there are if None."""
        return None

    def get_state(self) -> dict[str, Any]:
        """What it remembers, for a backup: numbers, strings and NumPy arrays, in lists and dictionaries."""
        return {}

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on from what `get_state` gave, maybe in another process; called after `on_train_begin`."""

    # -- a run ---------------------------------------------------------------------------------------------------
    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Before the first epoch."""

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        """After the last epoch."""

    def on_test_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Before an evaluation, also one inside `fit`."""

    def on_test_end(self, logs: dict[str, Any] | None = None) -> None:
        """After an evaluation."""

    def on_predict_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Before a prediction."""

    def on_predict_end(self, logs: dict[str, Any] | None = None) -> None:
        """After a prediction."""

    # -- an epoch ------------------------------------------------------------------------------------------------
    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Before an epoch; epochs count from 0."""

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """After an epoch and its validation, whose results are called `val_...`."""

    def on_stretch_end(self, kind: str, step: int, total: int | None, logs: dict[str, Any] | None = None) -> None:
        """After a stretch of steps that ran in one call.

        Args:
            kind: "train", "test" or "predict".
            step: how many steps of the epoch are done.
            total: how many it has, None if that is not known.
            logs: as they stand, maybe as tensors: reading one waits for the device.
        """

    # -- a batch -------------------------------------------------------------------------------------------------
    def on_batch_begin(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Another name of `on_train_batch_begin`."""

    def on_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Another name of `on_train_batch_end`."""

    def on_train_batch_begin(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Before a batch of training; batches count from 0 in each epoch."""
        self.on_batch_begin(batch, logs=logs)

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """After a batch of training."""
        self.on_batch_end(batch, logs=logs)

    def on_test_batch_begin(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Before a batch of an evaluation."""

    def on_test_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """After a batch of an evaluation."""

    def on_predict_batch_begin(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Before a batch of a prediction."""

    def on_predict_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """After a batch of a prediction; `logs["outputs"]` holds the outputs."""


class History(Callback):
    """Keeps the logs of every epoch; `fit` returns it.

    Attributes:
        history: name -> values, one for each epoch.
        epoch: the epochs' numbers.

    >>> import hornbook as keras
    >>> model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    >>> model.compile("sgd", "mse")
    >>> history = model.fit(keras.ops.ones((4, 1)), keras.ops.ones((4, 1)), epochs=2, verbose=0)
    >>> history.epoch, sorted(history.history), len(history.history["loss"])
    ([0, 1], ['loss'], 2)
    """

    def __init__(self) -> None:
        super().__init__()
        self.history: dict[str, list] = {}
        self.epoch: list[int] = []

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Start a new list of epochs."""
        self.epoch = []

    def get_state(self) -> dict[str, Any]:
        """All epochs so far."""
        return {"history": self.history, "epoch": self.epoch}

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on after the epochs of the run that was cut."""
        self.history, self.epoch = state["history"], state["epoch"]

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Append the logs."""
        self.epoch.append(epoch)
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(value)
        self.model.history = self


class CallbackList(Callback):
    """Several callbacks as one.

    Args:
        callbacks: callbacks, nested in lists or not.
        add_history: append a `History` where there is none.
        add_progbar: append a `ProgbarLogger` where there is none.
        model: the model they look at.
        **params: what they are told of the run.

    >>> from hornbook import callbacks
    >>> loss = callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: print(epoch, logs))
    >>> callbacks.CallbackList([loss]).on_epoch_end(3, {"loss": 0.5})
    3 {'loss': 0.5}
    """

    def __init__(
        self,
        callbacks: Any = None,
        add_history: bool = False,
        add_progbar: bool = False,
        model: Any = None,
        **params: Any,
    ) -> None:
        from hornbook.callbacks.progress import ProgbarLogger

        super().__init__()
        self.callbacks: list[Any] = tree.flatten(callbacks) if callbacks else []
        self._history = self._last_of(History)
        if self._history is None and add_history:
            self._history = History()
            self.callbacks.append(self._history)
        if self._last_of(ProgbarLogger) is None and add_progbar:
            self.callbacks.append(ProgbarLogger())
        self._order()
        self.set_model(model)
        self.set_params(params)

    def _last_of(self, cls: type) -> Any:
        found = [callback for callback in self.callbacks if isinstance(callback, cls)]
        return found[-1] if found else None

    def append(self, callback: Callback) -> None:
        """Add a callback at the end."""
        self.callbacks.append(callback)
        self._order()

    def _order(self) -> None:
        self.callbacks.sort(key=lambda callback: getattr(callback, "comes_last", False))

    def __iter__(self) -> Iterator:
        return iter(self.callbacks)

    def set_params(self, params: dict[str, Any]) -> None:
        """Tell all of the run."""
        self.params = params
        if params:
            for callback in self.callbacks:
                callback.set_params(params)

    def set_model(self, model: Any) -> None:
        """Tell all of the model."""
        if model is None:
            return
        self._model = model
        if self._history is not None:
            model.history = self._history
        for callback in self._active():
            callback.set_model(model)

    def _active(self) -> list:
        """Those that are called in this process."""
        chief = backend.is_chief(getattr(self._model, "_strategy", None))
        return [callback for callback in self.callbacks if chief or not getattr(callback, "chief_only", False)]

    def wants_batches(self, kind: str) -> bool:
        """Whether one of them has a hook for single batches."""
        return any(
            callback.wants_batches(kind)
            if hasattr(callback, "wants_batches")
            else any(hasattr(callback, hook) for hook in _BATCH_HOOKS[kind])
            for callback in self.callbacks
        )

    def longest_stretch(self, kind: str) -> int | None:
        """How many steps may run before one of them must be told."""
        asked = (callback.longest_stretch(kind) for callback in self.callbacks if hasattr(callback, "longest_stretch"))
        return min((steps for steps in asked if steps is not None), default=None)

    wants_train_batches = property(lambda self: self.wants_batches("train"), doc="`wants_batches` for training.")
    wants_test_batches = property(lambda self: self.wants_batches("test"), doc="`wants_batches` for evaluation.")
    wants_predict_batches = property(lambda self: self.wants_batches("predict"), doc="`wants_batches` for prediction.")

    def on_stretch_end(self, kind: str, step: int, total: int | None, logs: dict[str, Any] | None = None) -> None:
        """After a stretch of steps; the logs are handed on as they are."""
        for callback in self.callbacks:
            if hasattr(callback, "on_stretch_end"):
                callback.on_stretch_end(kind, step, total, logs)

    def _call(self, hook: str, *position: int, logs: dict[str, Any] | None) -> None:
        logs = numbers(logs)
        for callback in self._active():
            getattr(callback, hook)(*position, logs=logs)


def _calls_all(hook: str) -> Any:
    """The hook of a list: the same hook of each callback, with the same logs."""

    def at_batch(self: CallbackList, batch: int, logs: dict[str, Any] | None = None) -> None:
        self._call(hook, batch, logs=logs)

    def at_epoch(self: CallbackList, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self._call(hook, epoch, logs=logs)

    def plain(self: CallbackList, logs: dict[str, Any] | None = None) -> None:
        self._call(hook, logs=logs)

    call = at_batch if "batch" in hook else at_epoch if "epoch" in hook else plain
    call.__name__, call.__doc__ = hook, getattr(Callback, hook).__doc__
    return call


for _hook in ["on_epoch_begin", "on_epoch_end", *(hook for hooks in _BATCH_HOOKS.values() for hook in hooks)]:
    setattr(CallbackList, _hook, _calls_all(_hook))
for _kind in _BATCH_HOOKS:
    for _hook in (f"on_{_kind}_begin", f"on_{_kind}_end"):
        setattr(CallbackList, _hook, _calls_all(_hook))


def numbers(logs: dict[str, Any] | None) -> dict[str, Any]:
    """Logs sorted by name, with what is one number as a Python float.

    >>> import numpy as np
    >>> from hornbook.callbacks.base import numbers
    >>> numbers({"b": np.float32(0.5), "a": {"c": 1}})
    {'c': 1.0, 'b': 0.5}
    """
    found: dict[str, Any] = {}
    for name, value in sorted((logs or {}).items()):
        if isinstance(value, dict):
            found.update(numbers(value))
            continue
        try:
            found[name] = float(value)
        except (TypeError, ValueError):
            found[name] = value
    return found


def defines_batch_hooks(callback: Callback, kind: str, beyond: type = Callback) -> bool:
    """Whether a callback has hooks for single batches that `beyond` has not, from its class or set on the object."""
    hooks = _BATCH_HOOKS[kind]
    return any(getattr(getattr(callback, hook), "__func__", None) is not getattr(beyond, hook) for hook in hooks)
