"""Callbacks that hand the logs on: to a file, to a server, to functions."""

import csv
import json
import os
import urllib.error
import urllib.parse
import urllib.request
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from hornbook.callbacks.base import Callback


class CSVLogger(Callback):
    """Writes the logs of each epoch as a row of a CSV file.

    Args:
        filename: the file.
        separator: what stands between the columns.
        append: go on with a file that is there.

    >>> from hornbook import callbacks
    >>> callbacks.CSVLogger("training.csv", separator=";").sep
    ';'
    """

    chief_only = True

    def __init__(self, filename: str | os.PathLike, separator: str = ",", append: bool = False) -> None:
        super().__init__()
        self.filename, self.sep, self.append = os.fspath(filename), separator, append
        self.csv_file: Any = None
        self.writer: Any = None
        self.keys: list[str] | None = None
        self.append_header = True

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Begin anew; the file is opened when there is something to write, for a backup may say where to go on."""
        self._close()
        self.writer = self.keys = None

    def _open(self) -> Any:
        self.append_header = not (self.append and os.path.exists(self.filename) and os.path.getsize(self.filename))
        self.csv_file = open(self.filename, "a" if self.append else "w", newline="", encoding="utf-8")
        return self.csv_file

    def get_state(self) -> dict[str, Any]:
        """The columns, and how long the file is."""
        return {"keys": self.keys, "size": os.path.getsize(self.filename) if self.keys else 0}

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on after the rows that were written then; what came later is written again."""
        if state["keys"] is None:
            return
        self.csv_file = open(self.filename, "a", newline="", encoding="utf-8")
        self.csv_file.truncate(min(state["size"], os.path.getsize(self.filename)))
        self.keys = state["keys"]
        self.writer = csv.DictWriter(self.csv_file, ["epoch", *state["keys"]], delimiter=self.sep)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Write a row; the columns are those of the first epoch, with room for a validation that comes later."""
        logs = logs or {}
        file = self.csv_file or self._open()
        keys = self.keys or sorted(logs)
        if self.keys is None and not any(key.startswith("val_") for key in keys):
            keys += [f"val_{key}" for key in keys]
        self.keys = keys
        if self.writer is None:
            self.writer = csv.DictWriter(file, ["epoch", *keys], delimiter=self.sep)
            if self.append_header:
                self.writer.writeheader()
        self.writer.writerow({"epoch": epoch, **{key: _cell(logs.get(key, "NA")) for key in keys}})
        file.flush()

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        """Close the file."""
        if self.csv_file is None:
            self._open()
        self._close()

    def _close(self) -> None:
        if self.csv_file is not None:
            self.csv_file.close()
            self.csv_file = self.writer = None


class LambdaCallback(Callback):
    """A callback made of functions.

    Args:
        on_epoch_begin, on_epoch_end: functions of (epoch, logs).
        on_train_begin, on_train_end: functions of (logs).
        on_train_batch_begin, on_train_batch_end: functions of (batch, logs).
        **kwargs: other hooks by name.

    >>> from hornbook import callbacks
    >>> callbacks.LambdaCallback(on_train_begin=lambda logs: print("off we go")).on_train_begin({})
    off we go
    """

    def __init__(
        self,
        on_epoch_begin: Callable | None = None,
        on_epoch_end: Callable | None = None,
        on_train_begin: Callable | None = None,
        on_train_end: Callable | None = None,
        on_train_batch_begin: Callable | None = None,
        on_train_batch_end: Callable | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__()
        hooks = {
            "on_epoch_begin": on_epoch_begin,
            "on_epoch_end": on_epoch_end,
            "on_train_begin": on_train_begin,
            "on_train_end": on_train_end,
            "on_train_batch_begin": on_train_batch_begin,
            "on_train_batch_end": on_train_batch_end,
            **kwargs,
        }
        vars(self).update({name: hook for name, hook in hooks.items() if hook is not None})


class RemoteMonitor(Callback):
    """Posts the logs of each epoch to a server, as JSON.

    Args:
        root: the server's address.
        path: where on it.
        field: the form field that holds the JSON.
        headers: HTTP headers.
        send_as_json: send the JSON as the body instead of a form.

    >>> from hornbook import callbacks
    >>> callbacks.RemoteMonitor().root
    'http://localhost:9000'
    """

    chief_only = True

    def __init__(
        self,
        root: str = "http://localhost:9000",
        path: str = "/publish/epoch/end/",
        field: str = "data",
        headers: dict[str, str] | None = None,
        send_as_json: bool = False,
    ) -> None:
        super().__init__()
        self.root, self.path, self.field, self.headers, self.send_as_json = root, path, field, headers, send_as_json

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Post the logs; a server that does not answer is a warning."""
        plain = {key: value.item() if hasattr(value, "item") else value for key, value in (logs or {}).items()}
        text = json.dumps({"epoch": epoch, **plain})
        body, kind = text, "application/json"
        if not self.send_as_json:
            body, kind = urllib.parse.urlencode({self.field: text}), "application/x-www-form-urlencoded"
        headers = {"Content-Type": kind, **(self.headers or {})}
        request = urllib.request.Request(self.root + self.path, body.encode("utf-8"), headers, method="POST")
        try:
            with urllib.request.urlopen(request, timeout=10):
                pass
        except (urllib.error.URLError, OSError) as error:
            warnings.warn(f"Could not reach RemoteMonitor root server at {self.root}: {error}", stacklevel=3)


def _cell(value: Any) -> Any:
    """A value as one cell: several numbers stand in brackets."""
    if not isinstance(value, str) and np.ndim(value):
        return f'"[{", ".join(map(str, value))}]"'
    return value
