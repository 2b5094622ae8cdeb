"""The official file of a data set, from the first place that has it.

1. The folder `HORNBOOK_DATA`, if set: the original files, laid out as `mnist/mnist.npz`. It is only read.
2. The cache, `$HORNBOOK_CACHE/datasets` or `~/.cache/hornbook/datasets`, laid out in the same way.
3. The file's addresses, one after the other, unless `HORNBOOK_OFFLINE` is set (to anything but "0").

The bytes must have the known sha256 wherever they come from. A download goes to a part file, which takes the final
name only when it is complete, right and on the disk; a lock lets several processes share one transfer:

    .mnist.npz.lock   held while one process downloads
    .mnist.npz.part   what has arrived; the holder of the lock starts it afresh, so a killed process leaves no litter
    mnist.npz         the official bytes, or not there
"""

import hashlib
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import urlsplit

from hornbook_datasets.info import File

PAUSES = (0.0, 1.0, 3.0)  # seconds before each round through a file's addresses
TIMEOUT = (10, 30)  # seconds to connect, and to wait for the next bytes
CHUNK = 1 << 16


class DataUnavailable(OSError):
    """A data set's file is not on this machine and could not be fetched, or its bytes are not the official ones."""


def cache_folder() -> Path:
    """The folder in which downloaded files are kept.

    Returns:
        `$HORNBOOK_CACHE/datasets`, or `~/.cache/hornbook/datasets`.

    Example:

    >>> cache_folder().name
    'datasets'
    """
    return Path(os.environ.get("HORNBOOK_CACHE") or "~/.cache/hornbook").expanduser() / "datasets"


def fetch(file: File, title: str, name: str | None = None) -> Path:
    """Find or download one official file, and verify it.

    Args:
        file: The row that describes it.
        title: The data set's name, for messages.
        name: The name that it bears in the cache, if not its own.

    Returns:
        The path of a file that has the official bytes.

    Raises:
        DataUnavailable: It is nowhere to be had, or the copy under `HORNBOOK_DATA` is not the official file.
        ValueError: `name` is not a plain file name.
    """
    try:
        return _official_copy(file, title) or _cached_copy(file, title, name)
    except DataUnavailable:
        raise
    except OSError as error:  # a folder that cannot be read or written, a full disk
        where = f" ({error.filename})" if error.filename else ""
        raise DataUnavailable(
            f"{title} cannot be loaded: {error.strerror or error}{where}; {_way_out(file)}, "
            "or set HORNBOOK_CACHE to a folder with room that you can write to."
        ) from None


def fetch_any(files: Sequence[File], title: str) -> tuple[File, Path]:
    """Find the same data in one of several forms; download the first of them where none is at hand.

    Args:
        files: The rows that describe the forms.
        title: The data set's name, for messages.

    Returns:
        The row of the form that was found, and the path of a file that has its bytes.

    Raises:
        DataUnavailable: None is to be had, or the copy under `HORNBOOK_DATA` has other bytes.
    """
    folders = [cache_folder()]
    if setting := os.environ.get("HORNBOOK_DATA"):
        folders.append(Path(setting).expanduser())
    at_hand = [file for file in files if any((folder / file.path).is_file() for folder in folders)]
    file = (at_hand or files)[0]
    return file, fetch(file, title)


def _official_copy(file: File, title: str) -> Path | None:
    """The copy under `HORNBOOK_DATA`, or None where it holds none."""
    setting = os.environ.get("HORNBOOK_DATA")
    if not setting:
        return None
    folder = Path(setting).expanduser()
    if not folder.is_dir():
        raise DataUnavailable(f"{title} cannot be loaded: HORNBOOK_DATA={setting} is not a folder; {_way_out(file)}.")
    path = folder / file.path
    if not path.is_file():
        return None
    found = _sha256(path)
    if found != file.sha256:
        raise DataUnavailable(
            f"{title} cannot be loaded: {path} is not the official file (sha256 expected {file.sha256}, "
            f"found {found}); replace it, or unset HORNBOOK_DATA to download the official one."
        )
    return path


def _cached_copy(file: File, title: str, name: str | None) -> Path:
    """The copy in the cache, downloaded first where it is missing or damaged."""
    path = cache_folder() / file.path
    if name is not None:
        if name != Path(name).name or name in ("", ".", ".."):
            raise ValueError(
                f"Expected a plain file name such as '{path.name}'; received {name!r}. "
                "To keep files in another folder, set HORNBOOK_CACHE."
            )
        path = path.with_name(name)
    if _is_official(path, file):
        return path
    if os.environ.get("HORNBOOK_OFFLINE", "0") not in ("", "0"):
        raise DataUnavailable(
            f"{title} cannot be loaded: HORNBOOK_OFFLINE is set and {_state(path)}; "
            f"{_way_out(file)}, or unset HORNBOOK_OFFLINE and connect to the network."
        )

    from filelock import FileLock

    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(path.with_name(f".{path.name}.lock")):
        if not _is_official(path, file):  # another process may have fetched it while this one waited
            _download(file, title, path)
    return path


def _download(file: File, title: str, path: Path) -> None:
    """Put the official bytes at `path`, or raise and leave `path` as it was."""
    from requests.exceptions import HTTPError, RequestException

    part = path.with_name(f".{path.name}.part")
    failures: dict[str, str] = {}
    try:
        for pause in PAUSES:
            time.sleep(pause)
            for url in file.urls:
                host = urlsplit(url).netloc
                try:
                    _transfer(url, part, file, title)
                except HTTPError as error:
                    failures[host] = str(error).partition(" for url")[0]  # "503 Server Error: Service Unavailable"
                except RequestException as error:
                    failures[host] = f"the connection failed, {type(error).__name__}"
                except _WrongBytes as error:
                    failures[host] = str(error)
                else:
                    os.replace(part, path)
                    _sync_folder(path.parent)
                    return
    finally:
        part.unlink(missing_ok=True)
    reasons = "; ".join(f"{host}: {reason}" for host, reason in failures.items())
    raise DataUnavailable(
        f"{title} cannot be loaded: {_state(path)} and the download failed ({reasons}); "
        f"{_way_out(file)}, or connect to the network and try again."
    )


class _WrongBytes(Exception):
    """An address sent something else than the official file."""


class _Sink:
    """An open file that counts, hashes and shows what is written to it, and takes no more than it should get."""

    def __init__(self, stream: BinaryIO, size: int, progress: Any):
        self.stream, self.size, self.progress = stream, size, progress
        self.received = 0
        self.sha256 = hashlib.sha256()

    def write(self, chunk: bytes) -> None:
        self.received += len(chunk)
        if self.received > self.size:
            raise _WrongBytes(f"it sent more than the {self.size} bytes of the official file")
        self.stream.write(chunk)
        self.sha256.update(chunk)
        self.progress.update(len(chunk))

    def flush(self) -> None:
        """Nothing: the file is flushed once, at its end."""


def _transfer(url: str, part: Path, file: File, title: str) -> None:
    """Download `url` to the part file, verified and on the disk."""
    import pooch
    from tqdm import tqdm

    download = pooch.HTTPDownloader(chunk_size=CHUNK, timeout=TIMEOUT)
    bar = tqdm(total=file.size, desc=f"Downloading {title}", unit="B", unit_scale=True, unit_divisor=1024)
    with bar, open(part, "wb") as stream:
        sink = _Sink(stream, file.size, bar)
        download(url, sink, None)  # type: ignore[arg-type]  # any object with write() will do
        if sink.received < file.size:
            raise _WrongBytes(f"it broke off after {sink.received} of {file.size} bytes")
        if sink.sha256.hexdigest() != file.sha256:
            raise _WrongBytes(f"it sent other bytes, sha256 expected {file.sha256}, found {sink.sha256.hexdigest()}")
        stream.flush()
        os.fsync(stream.fileno())


def _sha256(path: Path) -> str:
    with open(path, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _is_official(path: Path, file: File) -> bool:
    return path.is_file() and path.stat().st_size == file.size and _sha256(path) == file.sha256


def _sync_folder(folder: Path) -> None:
    """Make a rename in `folder` survive a power cut; Windows cannot open folders and needs no such thing."""
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _state(path: Path) -> str:
    return f"the copy at {path} is damaged" if path.exists() else f"there is no {path}"


def _way_out(file: File) -> str:
    return f"set HORNBOOK_DATA to a folder that holds {file.path}"
