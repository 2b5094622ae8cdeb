"""A callback that evaluates and saves the moving average of the weights."""

from typing import Any

from hornbook.callbacks.base import Callback


class SwapEMAWeights(Callback):
    """Puts the moving averages of an optimizer with `use_ema=True` in the weights' place, and takes them out again.

    During an evaluation or a prediction the model has the averages. With `swap_on_epoch` it also has them between two
    epochs, so that a ModelCheckpoint later in the list saves them.

    Args:
        swap_on_epoch: swap at the end of each epoch, and back at the beginning of the next.

    Raises:
        ValueError: for an optimizer without averages.

    >>> from hornbook import callbacks
    >>> callbacks.SwapEMAWeights(swap_on_epoch=True).swap_on_epoch
    True
    """

    def __init__(self, swap_on_epoch: bool = False) -> None:
        super().__init__()
        self.swap_on_epoch = swap_on_epoch
        self._weights: list[tuple] | None = None  # (variable, its numbers), while the averages are in their place

    def _show_averages(self) -> None:
        if self._weights is not None:
            return
        self._weights = [(variable, variable.numpy().copy()) for variable, _ in self._pairs()]
        for variable, average in self._pairs():
            variable.assign(average.numpy())

    def _pairs(self) -> list[tuple]:
        """(variable, its average)."""
        optimizer = getattr(self.model.optimizer, "inner_optimizer", self.model.optimizer)
        if not hasattr(optimizer, "_model_variables_moving_average"):
            raise ValueError("SwapEMAWeights needs an optimizer with moving averages: pass it use_ema=True.")
        pairs = zip(optimizer._trainable_variables, optimizer._model_variables_moving_average, strict=True)
        return [(variable, average) for variable, average in pairs if average is not None]

    def _go_back(self) -> None:
        for variable, numbers in self._weights or ():
            variable.assign(numbers)
        self._weights = None

    def get_state(self) -> dict[str, Any]:
        """The weights whose place the averages have taken."""
        return {"weights": None if self._weights is None else [numbers for _, numbers in self._weights]}

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on with the averages in the weights' place, or not."""
        if state["weights"] is None:
            self._weights = None
            return
        self._weights = [(v, n) for (v, _), n in zip(self._pairs(), state["weights"], strict=True)]

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Go on with the weights."""
        if self.swap_on_epoch:
            self._go_back()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Show the averages."""
        if self.swap_on_epoch:
            self._show_averages()

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        """The averages are in the weights' place for good: `fit` ends with that."""
        self._weights = None

    def on_test_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Evaluate the averages."""
        self._show_averages()

    def on_test_end(self, logs: dict[str, Any] | None = None) -> None:
        """Go on with the weights."""
        self._go_back()

    def on_predict_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Predict with the averages."""
        self._show_averages()

    def on_predict_end(self, logs: dict[str, Any] | None = None) -> None:
        """Go back to the weights."""
        self._go_back()
