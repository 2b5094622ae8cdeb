"""Members of zip and tar archives, read in memory: nothing of an archive is ever written to the disk.

An archive is refused, whatever its hash, if it holds a name that leads out of its folder, a link or a device, more
members than a data set has, or far more bytes than its own size accounts for.
"""

import bz2
import gzip
import lzma
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import Any

MOST = 200_000  # members; IMDB's archive has about 100,000
RATIO = 200  # bytes that may be unpacked for each byte of the archive
SPARE = 1 << 26  # and that many more
HEADER = 1 << 13  # bytes of what a tar archive says about a member
ENTRY = 300  # bytes of what a zip archive says about one: names here are short
TAIL = (1 << 16) + 22  # bytes at the end of a zip archive in which the place and size of its directory stand
OPENERS = {b"\x1f\x8b": gzip.open, b"BZh": bz2.open, b"\xfd7zXZ\0": lzma.open}
DAMAGE = (
    zipfile.BadZipFile,
    tarfile.TarError,
    lzma.LZMAError,
    zlib.error,
    EOFError,
    OSError,
    NotImplementedError,
    RuntimeError,  # an encrypted member, a chain of headers without end
    struct.error,
    UnicodeDecodeError,
)


def read_members(path: Path, wanted: Callable[[str], bool], largest: int) -> Iterator[tuple[str, bytes]]:
    """The name and the bytes of each wanted member, in the archive's order.

    Args:
        path: A zip archive, or a tar archive, plain or compressed by gzip, bzip2 or xz.
        wanted: Whether to read the member of this name.
        largest: The bytes that a member may have.

    Raises:
        ValueError: The archive is damaged, or refused for one of the reasons above.

    Example:

    >>> with zipfile.ZipFile("plays.zip", "w") as archive:
    ...     archive.writestr("plays/hamlet.txt", "Who's there?")
    >>> list(read_members(Path("plays.zip"), lambda name: name.endswith(".txt"), largest=1000))
    [('plays/hamlet.txt', b"Who's there?")]
    """
    guard = _Guard(path, largest)
    try:
        read = _read_zip if zipfile.is_zipfile(path) else _read_tar
        yield from read(path, wanted, guard)
    except DAMAGE as error:
        reason = str(error).partition("\n")[0][:200] or type(error).__name__
        raise ValueError(f"Expected a zip or tar archive at {path}; it cannot be read: {reason}.") from None


def read_member(path: Path, name: str, largest: int) -> bytes:
    """The bytes of one member.

    Args:
        path: As of `read_members`.
        name: The name of the member.
        largest: The bytes that it may have.

    Raises:
        ValueError: There is no such member, or the archive is damaged or refused.

    Example:

    >>> with zipfile.ZipFile("plays.zip", "w") as archive:
    ...     archive.writestr("plays/hamlet.txt", "Who's there?")
    >>> read_member(Path("plays.zip"), "plays/hamlet.txt", largest=1000)
    b"Who's there?"
    """
    for _, content in read_members(path, name.__eq__, largest):
        return content
    raise ValueError(f"Expected the file {name} in {path}; it is not there.")


class _Guard:
    """Counts what an archive asks for, and refuses what is too much."""

    def __init__(self, path: Path, largest: int):
        self.path, self.largest = path, largest
        self.allowance = RATIO * path.stat().st_size + SPARE
        self.members = 0

    def refuse(self, reason: str) -> ValueError:
        return ValueError(f"{self.path} is refused: {reason}.")

    def check_member(self, name: str, plain: bool) -> None:
        """Look at the name and the kind of any member, wanted or not."""
        self.members += 1
        if self.members > MOST:
            raise self.refuse(f"it has more than {MOST:,} members")
        if name.startswith(("/", "\\")) or ":" in name[:2] or ".." in PurePosixPath(name.replace("\\", "/")).parts:
            raise self.refuse(f"its member {name[:80]!r} leads out of the folder")
        if not plain:
            raise self.refuse(f"its member {name[:80]!r} is a link or a device, where files and folders are expected")

    def check_size(self, name: str, size: int) -> None:
        """Look at the size of a member that is to be read."""
        if size > self.largest:
            raise self.refuse(f"its member {name[:80]!r} has {size:,} bytes; at most {self.largest:,} are read")

    def count(self, unpacked: int) -> None:
        """Compare what has been unpacked by now with the archive's own size."""
        if unpacked > self.allowance:
            raise self.refuse(f"it unpacks to more than {self.allowance:,} bytes, which its size does not account for")


def _read_zip(path: Path, wanted: Callable[[str], bool], guard: _Guard) -> Iterator[tuple[str, bytes]]:
    with open(path, "rb") as file:
        file.seek(max(0, path.stat().st_size - TAIL))
        tail = file.read()
        place = tail.rfind(b"PK\5\6")  # where the directory's size stands: it is looked at before a list is made of it
        length = struct.unpack_from("<I", tail, place + 12)[0]
        if length > MOST * ENTRY:
            raise guard.refuse(f"its directory has {length:,} bytes; one of {MOST:,} members has less")
    unpacked = 0
    with zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            kind = stat.S_IFMT(member.external_attr >> 16)
            guard.check_member(member.filename, not kind or stat.S_ISREG(kind) or stat.S_ISDIR(kind))
            if member.is_dir() or not wanted(member.filename):
                continue
            if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise guard.refuse(f"its member {member.filename[:80]!r} is packed in a way that is not read")
            guard.check_size(member.filename, member.file_size)
            unpacked += member.file_size
            guard.count(unpacked)
            with archive.open(member) as stream:  # gives as many bytes as the directory says, and no more
                yield member.filename, stream.read()


def _read_tar(path: Path, wanted: Callable[[str], bool], guard: _Guard) -> Iterator[tuple[str, bytes]]:
    with open(path, "rb") as file:
        start = file.read(6)
    opener = next((opener for magic, opener in OPENERS.items() if start.startswith(magic)), open)
    with opener(path, "rb") as stream, tarfile.TarFile(fileobj=_Forward(stream, guard), mode="r") as archive:  # type: ignore[arg-type]
        while (member := archive.next()) is not None:
            archive.members.clear()  # or it would keep them all
            plain = (member.isreg() and not member.issparse()) or member.isdir()
            guard.check_member(member.name, plain)
            if member.isdir() or not wanted(member.name):
                continue
            guard.check_size(member.name, member.size)
            content = stream.read(member.size)
            guard.count(stream.tell())
            if len(content) < member.size:
                raise EOFError(f"its member {member.name[:80]!r} breaks off after {len(content):,} bytes")
            yield member.name, content


class _Forward:
    """What `tarfile` reads headers from: in short pieces, forwards, and no further than the archive accounts for."""

    def __init__(self, stream: Any, guard: _Guard):
        self.stream, self.guard = stream, guard

    def tell(self) -> int:
        return self.stream.tell()

    def read(self, size: int) -> bytes:
        if size > HEADER:
            raise self.guard.refuse(f"it describes a member in {size:,} bytes; at most {HEADER:,} are read")
        return self.stream.read(size)

    def seek(self, place: int) -> int:
        self.guard.count(place)
        if place < self.stream.tell():
            raise self.guard.refuse("its members lie over each other")
        return self.stream.seek(place)
