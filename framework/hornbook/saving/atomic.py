"""Written aside, flushed, renamed: a reader finds the old file or the new one, never half of one."""

import contextlib
import errno
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None


@contextlib.contextmanager
def written_aside(path: str | os.PathLike, overwrite: bool = True) -> Iterator[Path]:
    """A path beside `path` to write to; it takes the place of `path` when the block ends well, and is removed if not.

    Raises:
        FileExistsError: where there is a file already and `overwrite` is False.
        FileNotFoundError: where the folder does not exist.
        OSError: where the disk is full or the folder cannot be written to, in words; `path` is as it was.
    """
    path = Path(path)
    if path.exists() and not overwrite:
        raise FileExistsError(f"{path} exists already; pass overwrite=True to replace it.")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"Cannot write {path.name}: the folder {path.parent} does not exist.")
    aside = handle = None
    try:
        remove_leftovers(path)
        while handle is None:
            number, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=path.suffix, dir=path.parent)
            os.close(number)
            handle = _held(name)
        aside = Path(name)
        yield aside
        with open(aside, "rb+") as file:
            os.fsync(file.fileno())
        os.chmod(aside, 0o666 & ~_umask())
        os.replace(aside, path)
        _flush_folder(path.parent)
    except OSError as error:
        if error.errno not in _REASONS:
            raise
        written = aside.stat().st_size if aside is not None and aside.exists() else 0
        raise OSError(error.errno, _what_happened(error.errno, path, written), str(path)) from error
    finally:
        if aside is not None:
            aside.unlink(missing_ok=True)
        if handle is not None:
            os.close(handle)


@contextlib.contextmanager
def folder_aside(path: str | os.PathLike) -> Iterator[Path]:
    """A folder beside `path` for what goes into it; it is removed at the end."""
    path = Path(path)
    handle, name = None, ""
    while handle is None:
        name = tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent)
        handle = _held(name)
    try:
        yield Path(name)
    finally:
        shutil.rmtree(name, ignore_errors=True)
        os.close(handle)


def _held(path: str | os.PathLike) -> int | None:
    """A descriptor that says that this process is at work on `path`, until it closes it or ends, however it ends.

    None where another process holds it, or has removed it.
    """
    try:
        handle = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return None
    try:
        if fcntl is not None:
            with _unless_unknown():
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.fstat(handle).st_nlink:
            return handle
    except BlockingIOError:
        pass
    os.close(handle)
    return None


@contextlib.contextmanager
def _unless_unknown() -> Iterator[None]:
    """Some file systems do not know locks."""
    try:
        yield
    except BlockingIOError:
        raise
    except OSError as error:
        if error.errno not in (errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS, errno.EINVAL):
            raise


def remove_leftovers(path: str | os.PathLike) -> None:
    """Remove what processes that were killed while they wrote `path` have left beside it; what one is writing stays."""
    if fcntl is None:  # nobody can say whether it is being written
        return
    path = Path(path)
    aside = re.compile(rf"\.{re.escape(path.name)}\.[a-z0-9_]{{8}}({re.escape(path.suffix)})?")
    for leftover in path.parent.iterdir():
        if leftover.is_symlink() or not aside.fullmatch(leftover.name) or (handle := _held(leftover)) is None:
            continue
        if leftover.is_dir():
            shutil.rmtree(leftover, ignore_errors=True)
        else:
            leftover.unlink(missing_ok=True)
        os.close(handle)


_REASONS = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the quota on the disk is used up",
    errno.EFBIG: "the file would be larger than files may be here",
    errno.EIO: "the disk does not take it",
    errno.EROFS: "the folder cannot be written to",
    errno.EACCES: "the folder may not be written to",
    errno.EPERM: "the folder may not be written to",
}


def _what_happened(number: int, path: Path, written: int) -> str:
    before = "The file that was there is unchanged" if path.exists() else "Nothing is left of it"
    free = shutil.disk_usage(path.parent).free
    done = f"{written:,} bytes were written, " if written else ""
    return (
        f"{path.name} could not be written: {_REASONS[number]} ({done}{free:,} bytes are free in {path.parent}). "
        f"{before}; make room, or name another folder."
    )


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _flush_folder(folder: Path) -> None:
    with contextlib.suppress(OSError):  # some file systems cannot flush a folder
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
