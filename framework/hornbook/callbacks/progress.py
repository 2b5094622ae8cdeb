"""How far a run is, as a line of text."""

import math
import os
import sys
import time
from collections.abc import Iterable
from typing import Any

import numpy as np

from hornbook.callbacks.base import Callback, defines_batch_hooks
from hornbook.core.output import is_interactive_logging_enabled, print_message

LINE_SECONDS = 60.0  # in a file, how often an epoch that lasts longer writes a line


class Progbar:
    """A progress bar that is drawn over itself on a terminal; elsewhere only its last state is printed.

    Args:
        target: the number of steps, None if it is not known.
        width: characters of the bar.
        verbose: 0 silent, 1 a bar, 2 one line at the end.
        interval: seconds between two drawings.
        stateful_metrics: names of values shown as they come; the others are averaged over the steps.
        stateless_metrics: names of values to average; the others are shown as they come.
        unit_name: what a step is called.

    Attributes:
        on_terminal: whether a drawing can be drawn over; a file keeps every line.

    >>> from hornbook.callbacks.progress import Progbar
    >>> bar = Progbar(4, verbose=1)
    >>> bar.update(2, [("loss", 0.5)])
    >>> bar.seen
    2
    """

    def __init__(
        self,
        target: int | None,
        width: int = 20,
        verbose: int = 1,
        interval: float = 0.05,
        stateful_metrics: Iterable[str] | None = None,
        stateless_metrics: Iterable[str] | None = None,
        unit_name: str = "step",
    ) -> None:
        if stateful_metrics is not None and stateless_metrics is not None:
            raise ValueError("Pass stateful_metrics (the rest is averaged) or stateless_metrics (these are), not both.")
        self.target, self.width, self.verbose, self.interval, self.unit_name = (
            target,
            width,
            verbose,
            interval,
            unit_name,
        )
        self._shown_as_is = None if stateful_metrics is None else set(stateful_metrics)
        self._averaged = None if stateless_metrics is None else set(stateless_metrics)
        self.seen = 0
        self._values: dict[str, tuple[Any, float]] = {}  # name -> (sum, weight)
        self._start = time.time()
        self._after_first: float | None = None
        self._drawn_at, self._drawn_width = 0.0, 0
        self.on_terminal = is_interactive_logging_enabled() and _can_draw_over()

    def due(self) -> bool:
        """Whether an update now would be seen."""
        return self.verbose == 1 and self.on_terminal and time.time() - self._drawn_at >= self.interval

    def update(
        self, current: int, values: Iterable[tuple[str, Any]] | None = None, finalize: bool | None = None
    ) -> None:
        """Show that `current` steps are done.

        Args:
            current: steps done.
            values: pairs (name, number).
            finalize: whether this is the last update; where the target is reached if None.
        """
        if finalize is None:
            finalize = self.target is not None and current >= self.target
        for name, value in values or ():
            self._note(name, value, max(current - self.seen, 1), finalize)
        self.seen = current
        now = time.time()
        seconds = self._seconds_a_step(current, now)
        if self.verbose == 1 and (finalize or self.due()):
            self._draw(current, now, seconds, finalize)
        elif self.verbose == 2 and finalize and self.target:
            text = f"{self._count(current)} - {now - self._start:.0f}s - {self._rate(seconds)}{self._shown_values()}"
            print_message(text)

    def add(self, n: int, values: Iterable[tuple[str, Any]] | None = None) -> None:
        """Show that `n` more steps are done."""
        self.update(self.seen + n, values)

    def line(self) -> str:
        """The present state without a bar: steps, time, rate, values."""
        now = time.time()
        done = self._count(self.seen) if self.target else f"{self.seen}"
        rate = self._rate((now - self._start) / self.seen if self.seen else 0.0)
        return f"{done} steps - {_duration(now - self._start)} - {rate}{self._shown_values()}"

    def seconds_left(self) -> float | None:
        """How long the steps that are left will take, None where their number is not known."""
        if not self.target or not self.seen:
            return None
        return (time.time() - self._start) / self.seen * (self.target - self.seen)

    def _note(self, name: str, value: Any, steps: int, finalize: bool) -> None:
        as_is = name not in self._averaged if self._averaged is not None else name in (self._shown_as_is or ())
        if as_is or finalize:
            self._values[name] = (value, 1)
        else:
            total, weight = self._values.get(name, (0.0, 0))
            self._values[name] = (total + value * steps, weight + steps)

    def _seconds_a_step(self, current: int, now: float) -> float:
        """The first step holds the compilation, so the others are measured from its end."""
        if not current:
            return 0.0
        if self._after_first is not None and current > 1:
            seconds = (now - self._after_first) / (current - 1)
        else:
            seconds = (now - self._start) / current
        if current == 1:
            self._after_first = now
        return seconds

    def _draw(self, current: int, now: float, seconds: float, finalize: bool) -> None:
        bold, green, white = ((code if self.on_terminal else None) for code in ("1", "32", "37"))
        if self.target:
            done = int(self.width * min(current / self.target, 1.0))
            bar = _styled("━" * done, green) + _styled("━" * (self.width - done), white)
            text = f"{_styled(self._count(current), bold)} {bar}"
        else:
            text = f"{current:7d}/Unknown"
        left = self.target and not finalize
        duration = _duration(seconds * (self.target - current)) if left else f"{now - self._start:.0f}s"  # type: ignore[operator]
        text += f" {_styled(duration, bold)} {self._rate(seconds)}{self._shown_values()}"
        width = _visible_width(text)
        if self.on_terminal:
            text = "\r" + text + " " * (self._drawn_width - width)
        print_message(text, end="\n" if finalize else "")
        self._drawn_at, self._drawn_width = now, width

    def _count(self, current: int) -> str:
        assert self.target
        return f"{current:{int(math.log10(self.target)) + 1}d}/{self.target}"

    def _rate(self, seconds: float) -> str:
        if seconds >= 1 or seconds == 0:
            return f"{seconds:.0f}s/{self.unit_name}"
        if seconds >= 1e-3:
            return f"{seconds * 1e3:.0f}ms/{self.unit_name}"
        return f"{seconds * 1e6:.0f}us/{self.unit_name}"

    def _shown_values(self) -> str:
        text = ""
        for name, (total, weight) in self._values.items():
            number = float(np.mean(np.asarray(total))) / max(1, weight)
            text += f" - {name}: {number:.4f}" if abs(number) > 1e-3 else f" - {name}: {number:.4e}"
        return text


class ProgbarLogger(Callback):
    """Prints the progress of `fit`, `evaluate` and `predict`: `verbose` 1 is a bar, 2 a line an epoch.

    Where the output is a file or a log, `fit` with several epochs writes one line for each, with the time that is left for
    all of them; an epoch that lasts longer than a minute writes one every minute.

    >>> import hornbook as keras
    >>> model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, kernel_initializer="ones")])
    >>> model.compile("sgd", "mse")
    >>> history = model.fit(keras.ops.ones((4, 1)), keras.ops.ones((4, 1)), verbose=2)
    1/1 - ... - loss: 0.0000e+00
    """

    def __init__(self) -> None:
        super().__init__()
        self.target: int | None = None
        self.verbose = 1
        self.epochs = 1
        self.progbar: Progbar | None = None
        self._in_fit = False
        self._epoch, self._in_lines = 0, False  # whether each epoch is one line
        self._epoch_start = self._line_at = 0.0

    def set_params(self, params: dict[str, Any]) -> None:
        """Learn of the run."""
        super().set_params(params)
        verbose = params.get("verbose", 1)
        self.verbose = 1 if verbose == "auto" else int(verbose)
        self.epochs, self.target = params.get("epochs", 1), params.get("steps")

    def wants_batches(self, kind: str) -> bool:
        """The ends of stretches suffice."""
        return defines_batch_hooks(self, kind, beyond=ProgbarLogger)

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """In `fit` the validation is silent."""
        self._in_fit = True

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        """The end of `fit`."""
        self._in_fit = False

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """A new bar, under the epoch's number."""
        self._new_bar()
        assert self.progbar is not None
        self._in_lines = self.verbose == 1 and self.epochs > 1 and not self.progbar.on_terminal
        if self._in_lines:
            self.progbar.verbose = 0
        self._epoch, self._epoch_start, self._line_at = epoch, time.time(), time.time()
        if self.verbose and self.epochs > 1 and not self._in_lines:
            print_message(f"Epoch {epoch + 1}/{self.epochs}")

    def on_test_begin(self, logs: dict[str, Any] | None = None) -> None:
        """A new bar, outside of `fit`."""
        if not self._in_fit:
            self._new_bar()

    def on_predict_begin(self, logs: dict[str, Any] | None = None) -> None:
        """A new bar."""
        self._new_bar()

    def on_stretch_end(self, kind: str, step: int, total: int | None, logs: dict[str, Any] | None = None) -> None:
        """Move the bar, if it is time."""
        if kind == "test" and self._in_fit:
            return
        if self.progbar is None:
            self._new_bar()
        assert self.progbar is not None
        self.progbar.target = self.target = total
        in_lines = kind == "train" and self._in_lines and time.time() - self._line_at >= LINE_SECONDS
        due = (in_lines or self.progbar.due()) and isinstance(logs, dict)
        values = sorted(logs.items()) if due and kind != "predict" and logs else []
        self.progbar.update(step, [(name, float(np.mean(value))) for name, value in values], finalize=False)
        if in_lines:
            self._line_at = time.time()
            left = self.progbar.seconds_left()
            self._print_line("" if left is None else f" - {_duration(left)} left in this epoch")

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """For loops of one's own, which know no stretches."""
        self._on_batch("train", batch, logs)

    def on_test_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """For loops of one's own, which know no stretches."""
        self._on_batch("test", batch, logs)

    def on_predict_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """For loops of one's own, which know no stretches."""
        self._on_batch("predict", batch, None)

    def _on_batch(self, kind: str, batch: int, logs: dict[str, Any] | None) -> None:
        self.on_stretch_end(kind, batch + 1, self.target, logs)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """The last state of the bar, with the validation's results."""
        self._finish(logs)

    def on_test_end(self, logs: dict[str, Any] | None = None) -> None:
        """The last state of the bar."""
        if not self._in_fit:
            self._finish(logs)

    def on_predict_end(self, logs: dict[str, Any] | None = None) -> None:
        """The last state of the bar."""
        self._finish(None)

    def _new_bar(self) -> None:
        self.progbar = Progbar(self.target, verbose=self.verbose, interval=0.1, stateless_metrics=())
        self._in_lines = False

    def _finish(self, logs: dict[str, Any] | None) -> None:
        if self.progbar is None:
            return
        steps = self.progbar.seen or self.target or 0
        if self.target is None:
            self.target = self.progbar.target = steps
        self.progbar.update(steps, list((logs or {}).items()), finalize=True)
        if self._in_lines:
            left = (time.time() - self._epoch_start) * (self.epochs - self._epoch - 1)
            self._print_line(f" - {_duration(left)} left" if left else "")

    def _print_line(self, left: str) -> None:
        assert self.progbar is not None
        width = len(str(self.epochs))
        print_message(f"Epoch {self._epoch + 1:{width}d}/{self.epochs}: {self.progbar.line()}{left}")


def _can_draw_over() -> bool:
    """Whether a carriage return goes back to the beginning of the line: on terminals and in notebooks."""
    is_terminal = hasattr(sys.stdout, "isatty") and sys.stdout.isatty()
    return is_terminal or "ipykernel" in sys.modules or "PYCHARM_HOSTED" in os.environ


def _styled(text: str, code: str | None) -> str:
    return f"\x1b[{code}m{text}\x1b[0m" if code and text else text


def _visible_width(text: str) -> int:
    for code in ("\x1b[1m", "\x1b[32m", "\x1b[37m", "\x1b[0m"):
        text = text.replace(code, "")
    return len(text)


def _duration(seconds: float) -> str:
    """Seconds as 5s, 1:05 or 2:01:05."""
    whole = int(seconds)
    if whole > 3600:
        return f"{whole // 3600}:{whole % 3600 // 60:02d}:{whole % 60:02d}"
    return f"{whole // 60}:{whole % 60:02d}" if whole > 60 else f"{whole}s"
