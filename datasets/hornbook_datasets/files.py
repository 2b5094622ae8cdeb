"""The official file of a data set, from the first place that has it.

1. The folder `HORNBOOK_DATA`, if set: the original files, laid out as `mnist/mnist.npz`. It is only read.
2. The cache, `$HORNBOOK_CACHE/datasets` or `~/.cache/hornbook/datasets`, laid out in the same way.
3. The file's addresses, one after the other, unless `HORNBOOK_OFFLINE` is set (to anything but "0").

The bytes must have the known sha256 wherever they come from. A download goes to a part file, which takes the final
name only when it is complete, right and on the disk; a lock lets several processes share one transfer:

    .mnist.npz.lock   held while one process downloads
    .mnist.npz.part   what has arrived: after a broken connection or a killed process the next transfer asks for the rest
    mnist.npz         the official bytes, or not there

Where no address gives the official bytes the part is removed. A server that is busy (429, 503) is asked again when it
wishes (`Retry-After`), if that is soon.
"""

import hashlib
import os
import time
from collections.abc import Sequence
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from hornbook_datasets.info import File

PAUSES = (0.0, 1.0, 3.0)  # seconds before each round through a file's addresses
TIMEOUT = (10, 30)  # seconds to connect, and to wait for the next bytes
LONGEST_WAIT = 60.0  # seconds that a busy server may ask for; with more it is not asked again
CHUNK = 1 << 16


class DataUnavailable(OSError):
    """A data set's file is not on this machine and could not be fetched, or its bytes are not the official ones.

    >>> from hornbook_datasets import DataUnavailable
    >>> issubclass(DataUnavailable, OSError)
    True
    """


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
    free = dict.fromkeys(file.urls, 0.0)  # when each address may be asked again
    try:
        for pause in PAUSES if file.urls else ():
            time.sleep(pause)
            for url in file.urls:
                host = urlsplit(url).netloc
                wait = free[url] - time.monotonic()
                if wait > LONGEST_WAIT:
                    continue
                time.sleep(max(0.0, wait))
                try:
                    _transfer(url, part, file, title)
                except HTTPError as error:
                    failures[host] = str(error).partition(" for url")[0]  # "503 Server Error: Service Unavailable"
                    if (wait := _asked_to_wait(error.response)) > 0:
                        free[url] = time.monotonic() + wait
                        failures[host] += f", and it asks to wait {wait:.0f} seconds"
                except RequestException as error:
                    failures[host] = f"the connection failed, {type(error).__name__}"
                except _WrongBytes as error:
                    part.unlink(missing_ok=True)
                    failures[host] = str(error)
                except _BrokenOff as error:
                    failures[host] = str(error)
                else:
                    os.replace(part, path)
                    _sync_folder(path.parent)
                    return
    except Exception:  # a full disk; but after an interrupt the part stays, and the next call continues it
        part.unlink(missing_ok=True)
        raise
    part.unlink(missing_ok=True)
    reasons = "; ".join(f"{host}: {reason}" for host, reason in failures.items()) or "no address offers it"
    raise DataUnavailable(
        f"{title} cannot be loaded: {_state(path)} and the download failed ({reasons}); "
        f"{_way_out(file)}, or connect to the network and try again."
    )


def _asked_to_wait(response: Any) -> float:
    """The seconds that a busy server asks for in `Retry-After`, a number or a date; 0 where it does not ask."""
    wish = response.headers.get("Retry-After", "").strip()
    if response.status_code not in (429, 503) or not wish:
        return 0.0
    if wish.isascii() and wish.isdigit():
        return float(wish[:9])
    try:
        return max(0.0, parsedate_to_datetime(wish).timestamp() - time.time())
    except (ValueError, OverflowError):
        return 0.0


class _WrongBytes(Exception):
    """An address sent something else than the official file; nothing of it is kept."""


class _BrokenOff(Exception):
    """An address sent too little; what has arrived may be right."""


def _transfer(url: str, part: Path, file: File, title: str) -> None:
    """Download `url` to the part file, from where that ends; verified and on the disk."""
    arrived = part.stat().st_size if part.is_file() else 0
    try:
        _receive(url, part, file, title, arrived if arrived < file.size else 0)
    except _WrongBytes:
        if not 0 < arrived < file.size:
            raise
        _receive(url, part, file, title, 0)  # what had arrived before may be what is wrong


def _receive(url: str, part: Path, file: File, title: str, start: int) -> None:
    """Download the bytes of `url` from `start` on, behind those in the part file."""
    import requests
    from tqdm import tqdm

    # Without "identity" a server may send gzip, whose bytes are not those that a range counts.
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={start}-"} if start else {})
    with requests.get(url, headers=headers, stream=True, timeout=TIMEOUT) as response:
        if start and response.status_code == 416:  # there is no such range: the part is not of this file
            raise _WrongBytes(f"it has no bytes from {start} on, where an interrupted download ended")
        response.raise_for_status()
        if response.status_code != 206:  # all of it comes: the server knows no ranges
            start = 0
        elif not response.headers.get("Content-Range", "").startswith(f"bytes {start}-"):
            raise _WrongBytes(f"it sent another range than the bytes from {start} on")

        bar = tqdm(
            total=file.size, initial=start, desc=f"Downloading {title}", unit="B", unit_scale=True, unit_divisor=1024
        )
        sha256 = hashlib.sha256()
        with bar, open(part, "r+b" if start else "w+b") as stream:
            for chunk in iter(lambda: stream.read(min(CHUNK, start - stream.tell())), b""):
                sha256.update(chunk)
            received = start
            for chunk in response.iter_content(CHUNK):
                received += len(chunk)
                if received > file.size:
                    raise _WrongBytes(f"it sent more than the {file.size} bytes of the official file")
                stream.write(chunk)
                sha256.update(chunk)
                bar.update(len(chunk))
            if received < file.size:
                raise _BrokenOff(f"it broke off after {received} of {file.size} bytes")
            if sha256.hexdigest() != file.sha256:
                raise _WrongBytes(f"it sent other bytes, sha256 expected {file.sha256}, found {sha256.hexdigest()}")
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
