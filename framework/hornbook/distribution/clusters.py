"""Processes that train together: who takes part, as `TF_CONFIG` says it, and a cluster on one machine to try it on.

Each process of a cluster runs the same script and has the environment variable TF_CONFIG, which names the addresses of
all tasks and says which of them this process is:

    {"cluster": {"worker": ["host0:12345", "host1:12345"]}, "task": {"type": "worker", "index": 0}}
"""

import contextlib
import json
import os
import re
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["Cluster", "LocalCluster"]

TASKS = ("chief", "worker", "ps", "evaluator")
EXAMPLE = '{"cluster": {"worker": ["host0:12345", "host1:12345"]}, "task": {"type": "worker", "index": 0}}'
ENDINGS = ("log", "errors")
_PARENT = "HORNBOOK_LOCAL_CLUSTER"  # the process that started this one
_ADDRESS = re.compile(r"\S+:\d{1,5}")


@dataclass(frozen=True)
class Cluster:
    """The tasks of a cluster, and which of them this process is.

    Args:
        addresses: "host:port" of each task, by the kind of task: "worker"; "chief" and "ps" too with a parameter server.
        kind: what this process is.
        index: which of that kind.

    >>> from hornbook.distribution import Cluster
    >>> cluster = Cluster.parse('{"cluster": {"worker": ["a:1", "b:1"]}, "task": {"type": "worker", "index": 1}}')
    >>> cluster.addresses["worker"], cluster.is_chief
    (['a:1', 'b:1'], False)
    """

    addresses: Mapping[str, list[str]]
    kind: str
    index: int

    @property
    def is_chief(self) -> bool:
        """Whether this process is the one that saves: the chief, or the first worker where there is none."""
        return self.kind == "chief" or (self.kind == "worker" and self.index == 0 and "chief" not in self.addresses)

    @classmethod
    def from_environment(cls) -> "Cluster":
        """The cluster that the environment variable TF_CONFIG describes.

        Raises:
            ValueError: where it is missing or wrong.
        """
        text = os.environ.get("TF_CONFIG")
        if not text:
            raise ValueError(
                "The environment variable TF_CONFIG is not set, so this process does not know who trains with it. Set "
                f"in each process, with its own index: TF_CONFIG='{EXAMPLE}'. On one machine "
                "`python recipes/distributed_mnist.py --workers 2` does so by itself."
            )
        return cls.parse(text)

    @classmethod
    def parse(cls, text: str) -> "Cluster":
        """The cluster that a text in the form of TF_CONFIG describes.

        Raises:
            ValueError: where it is no JSON, lacks a part, or names this process wrongly.
        """
        try:
            config = json.loads(text)
        except json.JSONDecodeError as error:
            raise _wrong(f"it is no JSON ({error})", text) from None
        cluster, task = (config.get(key) if isinstance(config, dict) else None for key in ("cluster", "task"))
        if not isinstance(cluster, dict) or not cluster or not isinstance(task, dict):
            raise _wrong('it needs a "cluster" and a "task"', text)
        for kind, addresses in cluster.items():
            if kind not in TASKS:
                raise _wrong(f'the cluster has tasks called "{kind}"; there are {", ".join(TASKS)}', text)
            if not isinstance(addresses, list) or not all(_is_address(address) for address in addresses):
                raise _wrong(f'the cluster\'s "{kind}" must be a list of "host:port"', text)
        everybody = [address for addresses in cluster.values() for address in addresses]
        twice = sorted({address for address in everybody if everybody.count(address) > 1})
        if twice:
            raise _wrong(f"the address {twice[0]} stands there twice; each task has its own", text)
        kind, index = task.get("type"), task.get("index", 0)
        if not isinstance(kind, str) or kind not in cluster:
            raise _wrong(f"the task's type is {kind!r}, but the cluster has {', '.join(map(repr, cluster))}", text)
        if isinstance(index, str) and index.isdecimal():
            index = int(index)
        if not isinstance(index, int) or isinstance(index, bool) or not 0 <= index < len(cluster[kind]):
            last = len(cluster[kind]) - 1
            raise _wrong(f'the task\'s index must lie between 0 and {last} for "{kind}", it is {index!r}', text)
        return cls(cluster, kind, index)


def _is_address(address: Any) -> bool:
    return isinstance(address, str) and _ADDRESS.fullmatch(address) is not None


def _wrong(what: str, text: str) -> ValueError:
    return ValueError(f"TF_CONFIG cannot be used: {what}. It is {text!r}; it should look like {EXAMPLE!r}.")


class LocalCluster:
    """The processes of a cluster on this machine, each with its TF_CONFIG on a free loopback port.

    With servers there is also a chief, which hands the workers their steps (see `initialize("parameter_server")`); without,
    the first worker is the chief. Leaving the `with` block, by Ctrl-C too, stops all that still run.

    Args:
        command: what every process runs.
        workers: how many workers.
        servers: how many parameter servers.
        folder: keeps what each process printed, as `worker-0.log`, and its error stream, as `worker-0.errors`; a
            temporary one if None.
        environment: more environment variables.
        seconds: how long the whole may take.
        show: print what the chief prints, as it comes, while `wait` waits.

    Raises:
        ValueError: for a number of workers below 1 or of servers below 0.

    >>> import sys
    >>> from hornbook.distribution import LocalCluster
    >>> program = "import json, os; print(json.loads(os.environ['TF_CONFIG'])['task'])"
    >>> with LocalCluster([sys.executable, "-c", program], workers=2, seconds=60) as cluster:
    ...     cluster.wait()
    >>> print(cluster.output("worker", 1).strip())
    {'type': 'worker', 'index': 1}
    """

    def __init__(
        self,
        command: Sequence[str],
        workers: int = 2,
        servers: int = 0,
        folder: str | os.PathLike | None = None,
        environment: Mapping[str, str] | None = None,
        seconds: float = 600,
        show: bool = False,
    ) -> None:
        if workers < 1 or servers < 0:
            raise ValueError(
                f"A cluster has at least one worker and no fewer than 0 servers, got {workers}, {servers}."
            )
        self.command, self.environment, self.seconds = list(command), dict(environment or {}), seconds
        self.show, self._shown = show, 0
        self.tasks = [("worker", index) for index in range(workers)] + [("ps", index) for index in range(servers)]
        if servers:
            self.tasks.insert(0, ("chief", 0))
        self._folder = folder
        self.processes: dict[tuple[str, int], subprocess.Popen] = {}
        self._kept: dict[Path, str] = {}  # what the files held, once the processes are gone

    def __enter__(self) -> "LocalCluster":
        self._files = contextlib.ExitStack()
        self.folder = Path(self._folder or self._files.enter_context(tempfile.TemporaryDirectory()))
        self.folder.mkdir(parents=True, exist_ok=True)
        self._end = time.monotonic() + self.seconds
        addresses = _free_addresses(len(self.tasks))
        cluster: dict[str, list[str]] = {}
        for (kind, _), address in zip(self.tasks, addresses, strict=True):
            cluster.setdefault(kind, []).append(address)
        try:
            for kind, index in self.tasks:
                config = json.dumps({"cluster": cluster, "task": {"type": kind, "index": index}})
                log, errors = (
                    self._files.enter_context(open(self._file(kind, index, ending), "wb")) for ending in ENDINGS
                )
                self.processes[kind, index] = self._start({**self.environment, "TF_CONFIG": config}, log, errors)
        except BaseException:
            self.stop()
            raise
        return self

    def _start(self, environment: Mapping[str, str], log: Any, errors: Any) -> Any:
        """Start one process, which writes to these two files."""
        environment = {**os.environ, **environment, _PARENT: str(os.getpid())}
        return subprocess.Popen(self.command, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=errors)

    def __exit__(self, *error: Any) -> None:
        self.stop()

    def _file(self, kind: str, index: int, ending: str) -> Path:
        return self.folder / f"{kind}-{index}.{ending}"

    def _text(self, kind: str, index: int, ending: str) -> str:
        path = self._file(kind, index, ending)
        return self._kept[path] if path in self._kept else path.read_text(errors="replace")

    def wait(self) -> None:
        """Wait for the chief where there are servers, else for all workers; then stop what still runs.

        Raises:
            RuntimeError: where one of them ended with an error; the end of what it printed is in the message.
            TimeoutError: after `seconds`.
        """
        awaited = [task for task in self.tasks if task[0] == "chief"] or self.tasks
        for what, _ in self._ends(awaited):
            code = self.processes[what].returncode
            if code != 0:
                self.stop()
                raise RuntimeError(
                    f"{what[0]} {what[1]} ended with code {code}; its last words:\n{self.last_words(*what)}"
                )
        self.stop()

    def _ends(self, tasks: Sequence[tuple[str, int]]) -> Iterator[tuple[tuple[str, int], int]]:
        """Each task as it ends, with its exit code."""
        waiting = list(tasks)
        while waiting:
            self._show_more()
            for task in list(waiting):
                code = self.processes[task].poll()
                if code is not None:
                    waiting.remove(task)
                    yield task, code
            if time.monotonic() > self._end:
                self.stop()
                said = "\n".join(f"{kind} {index}: ...{self.last_words(kind, index)[-500:]}" for kind, index in waiting)
                raise TimeoutError(f"The cluster did not end within {self.seconds} seconds. These still ran:\n{said}")
            time.sleep(0.05)

    def _show_more(self) -> None:
        if self.show:
            text = self.output(*self.tasks[0])
            print(text[self._shown :], end="", flush=True)
            self._shown = len(text)

    def kill(self, kind: str, index: int) -> None:
        """End one process at once, without a word to it, as a machine that goes down."""
        self.processes[kind, index].kill()
        self.processes[kind, index].wait()

    def output(self, kind: str = "worker", index: int = 0) -> str:
        """What a process printed."""
        return self._text(kind, index, "log")

    def last_words(self, kind: str = "worker", index: int = 0) -> str:
        """The end of what a process printed, on both streams."""
        return "\n".join(self._text(kind, index, ending).strip() for ending in ENDINGS).strip()[-2000:]

    def stop(self) -> None:
        """End every process that still runs: asked to first, made to after two seconds."""
        running = [process for process in self.processes.values() if process.poll() is None]
        for process in running:
            process.terminate()
        for process in running:
            try:
                process.wait(2)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._show_more()
        for task in self.processes:
            for ending in ENDINGS:
                self._kept[self._file(*task, ending)] = self._text(*task, ending)
        self._files.close()


def _free_addresses(count: int) -> list[str]:
    """That many ports that nobody listens on, at this moment."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [f"127.0.0.1:{one.getsockname()[1]}" for one in sockets]


def end_with_parent() -> None:
    """In a process that a `LocalCluster` started: end when that one is gone, however it went."""
    parent = os.environ.get(_PARENT)

    def watch() -> None:
        while os.getppid() == int(parent or 0):
            time.sleep(1)
        os._exit(1)

    if parent:
        threading.Thread(target=watch, daemon=True).start()
