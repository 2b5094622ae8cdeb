"""Archives of data unpacked: plain files into a new folder, and nothing of an archive that is more than that.

Python's `tarfile` and `zipfile` follow what an archive says: links, devices, names that lead out of the folder, headers of any
size. So tar is taken apart here (it is a row of 512-byte headers, each with the bytes of its file behind it), zip by
`open_zip`, and both write through one function, which knows names and sizes only.
"""

import bz2
import contextlib
import gzip
import lzma
import os
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from hornbook.core.untrusted import DamagedFileError, open_zip, read_member

BLOCK = 512
MAX_FILES = 1_000_000
MAX_LISTED = 200_000  # members of a zip archive, whose directory is kept in memory
RATIO = 200  # bytes that may be unpacked for each byte of the archive
SPARE = 64 * 1024**2  # and that many more
MAX_HEADER = 64 * 1024  # bytes of a longer name, or of the further fields of POSIX
PIECE = 1024**2
REGULAR, FOLDER, LONG_NAME, FIELDS, COMMON_FIELDS = b"0\0" + b"7", b"5", b"L", b"x", b"g"
REFUSED = {b"1": "a hard link", b"2": "a symbolic link", b"3": "a device", b"4": "a device", b"6": "a pipe"}


def unpack(archive: str | os.PathLike, folder: str | os.PathLike, archive_format: Any = "auto") -> None:
    """Unpack a zip or tar archive (plain, gzip, bzip2 or xz) into a folder that takes the place of an older one.

    All names and sizes are looked at before the first byte is written; then all is unpacked into a folder aside, which is
    renamed at the end: where an archive is refused, nothing of it is left.

    Args:
        archive: the file.
        folder: where to.
        archive_format: "auto", "zip", "tar", or a list of these; what the file is, is told by its first bytes.

    Raises:
        DamagedFileError: for an archive that holds links, devices, a name twice, names that lead out of the folder, or far
            more than its size accounts for; and for one that is damaged.
        ValueError: for a file that is none of these archives.

    >>> import zipfile
    >>> with zipfile.ZipFile("flowers.zip", "w") as file:
    ...     file.writestr("roses/1.txt", "red")
    >>> unpack("flowers.zip", "flowers")
    >>> open("flowers/roses/1.txt").read()
    'red'
    """
    archive, folder = Path(archive), Path(folder)
    wanted = [archive_format] if isinstance(archive_format, str) else list(archive_format or [])
    wanted = ["tar", "zip"] if wanted == ["auto"] else wanted
    if set(wanted) - {"tar", "zip"}:
        raise ValueError(f"archive_format must be 'auto', 'zip', 'tar' or a list of these, got {archive_format!r}.")
    is_zip = zipfile.is_zipfile(archive)
    if ("zip" if is_zip else "tar") not in wanted:
        raise ValueError(f"{archive} is no archive of the kind {archive_format!r}.")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}.", dir=folder.parent) as aside:
        read = _unpack_zip if is_zip else _unpack_tar
        read(archive, _Folder(archive, None))
        path = Path(aside) / "unpacked"
        read(archive, _Folder(archive, path))
        older = Path(aside) / "older"
        with contextlib.suppress(FileNotFoundError):
            os.rename(folder, older)
        os.rename(path, folder)


class _Folder:
    """A new folder that takes plain files, as many and as large as the archive accounts for; without a path, it only looks."""

    def __init__(self, archive: Path, path: Path | None) -> None:
        self.archive, self.path = archive, path
        self.size = archive.stat().st_size
        self.bytes_left = SPARE + RATIO * self.size
        self.files_left = min(MAX_FILES, 1000 + self.size // 64)
        self.files: set[tuple[str, ...]] = set()
        self.folders: set[tuple[str, ...]] = set()
        if path is not None:
            path.mkdir()

    def refuse(self, why: str) -> DamagedFileError:
        return DamagedFileError(f"{self.archive} is refused: {why}. Nothing of it was kept.")

    def _parts(self, name: str) -> tuple[str, ...]:
        """The parts of a member's name, which stay inside of the folder on every system."""
        parts = name.removeprefix("./").removesuffix("/").split("/")
        fine = all(
            part not in ("", ".", "..")
            and len(part) <= 255
            and not set(part) & set('\\:\0*?"<>|')
            and part.isprintable()
            for part in parts
        )
        if not fine or len(parts) > 32:
            raise self.refuse(f"it holds {name[:80]!r}, a name that leads out of the folder or is none on some systems")
        return tuple(parts)

    def _count(self, name: str) -> None:
        self.files_left -= 1
        if self.files_left < 0:
            raise self.refuse(f"it holds more members than an archive of {self.size:,} bytes should")

    def add_folder(self, name: str) -> None:
        """Make a folder."""
        self._count(name)
        if name not in (".", "./"):
            self._make(self._parts(name))

    def _make(self, parts: tuple[str, ...]) -> None:
        for length in range(1, len(parts) + 1):
            key = parts[:length]
            if key in self.files:
                raise self.refuse(f"it holds {'/'.join(parts[:length])!r} as a file and as a folder")
            if key not in self.folders:
                if self.path is not None:
                    (self.path / Path(*key)).mkdir(exist_ok=True)
                self.folders.add(key)

    def add_file(self, name: str, size: int, pieces: Iterator[bytes]) -> None:
        """Write a file; `size` is what the archive says, and no more is taken."""
        self._count(name)
        parts = self._parts(name)
        self._make(parts[:-1])
        if parts in self.files or parts in self.folders:
            raise self.refuse(f"it holds {name[:80]!r} twice")
        self.files.add(parts)
        self.bytes_left -= size
        if self.bytes_left < 0:
            raise self.refuse(f"it has {self.size:,} bytes and unpacks to more than {SPARE + RATIO * self.size:,}")
        if self.path is None:
            for _ in pieces:
                pass
            return
        if size > shutil.disk_usage(self.path).free:
            raise OSError(f"There is no room for {name!r} ({size:,} bytes) of {self.archive} on the disk.")
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
        with os.fdopen(os.open(self.path / Path(*parts), flags, 0o644), "wb") as file:
            for piece in pieces:
                file.write(piece)


# ------------------------------------------------------------------------------------------------------------- zip
def _unpack_zip(path: Path, target: _Folder) -> None:
    with open_zip(path, lambda name: True, "zip archive", members=MAX_LISTED, ratio=RATIO) as archive:
        for member in archive.infolist():
            if member.is_dir():
                target.add_folder(member.filename)
            else:
                looks = target.path is None
                pieces = iter(()) if looks else read_member(archive, member.filename, path, limit=2**62)
                target.add_file(member.filename, member.file_size, pieces)


# ------------------------------------------------------------------------------------------------------------- tar
_PACKED = ((b"\x1f\x8b", gzip.open), (b"BZh", bz2.open), (b"\xfd7zXZ\0", lzma.open))


def _unpack_tar(path: Path, target: _Folder) -> None:
    with open(path, "rb") as file:
        start = file.read(6)
    opener: Any = next((opener for mark, opener in _PACKED if start.startswith(mark)), open)
    try:
        with opener(path, "rb") as stream:
            _read_tar(stream, target)
    except (EOFError, zlib.error, lzma.LZMAError, gzip.BadGzipFile) as error:
        raise DamagedFileError(f"{path} is damaged: it cannot be unpacked ({error}).") from None


def _read_tar(stream: BinaryIO, target: _Folder) -> None:
    """Header, bytes, header, bytes, ... until an empty header."""
    longer_name: str | None = None
    fields: dict[str, str] = {}
    first = True
    while (block := _exactly(stream, BLOCK, target)) != bytes(BLOCK):
        checksum = sum(block[:148]) + 8 * 32 + sum(block[156:])
        if block[148:156].strip(b"\0 ").lstrip(b"0") != b"%o" % checksum:
            what = "is no zip or tar archive" if first else "is damaged: a header has another checksum"
            raise DamagedFileError(f"{target.archive} {what}.")
        first = False
        kind, size = block[156:157], _number(block[124:136], target)
        if kind in (LONG_NAME, FIELDS, COMMON_FIELDS):
            if size > MAX_HEADER:
                raise target.refuse(f"it holds a header of {size:,} bytes")
            data = _exactly(stream, -(-size // BLOCK) * BLOCK, target)[:size]
            if kind == LONG_NAME:
                longer_name = _text(data.rstrip(b"\0"), target)
            elif kind == FIELDS:
                fields = _fields(data, target)
            target._count("")
            continue
        prefix = block[345:500].split(b"\0")[0] if block[257:263] == b"ustar\0" else b""
        short = _text(b"/".join(part for part in (prefix, block[:100].split(b"\0")[0]) if part), target)
        name = fields.get("path") or longer_name or short
        if "size" in fields:
            if not fields["size"].isdecimal() or len(fields["size"]) > 18:
                raise target.refuse("a size in it is no number")
            size = int(fields["size"])
        if kind in REFUSED or (kind not in (FOLDER, b"") and kind not in REGULAR) or "GNU.sparse.major" in fields:
            raise target.refuse(f"{name[:80]!r} in it is {REFUSED.get(kind, 'no plain file')}")
        if kind == FOLDER or name.endswith("/"):
            target.add_folder(name)
        else:
            target.add_file(name, size, _pieces(stream, size, target))
        longer_name, fields = None, {}


def _pieces(stream: BinaryIO, size: int, target: _Folder) -> Iterator[bytes]:
    for start in range(0, size, PIECE):
        yield _exactly(stream, min(PIECE, size - start), target)
    _exactly(stream, -size % BLOCK, target)


def _exactly(stream: BinaryIO, size: int, target: _Folder) -> bytes:
    data = stream.read(size)
    if len(data) != size:
        raise DamagedFileError(f"{target.archive} is damaged: it is cut off.")
    return data


def _number(field: bytes, target: _Folder) -> int:
    """A number in octal digits, or, where they do not suffice, in bytes after 0x80."""
    if field[:1] == b"\x80":
        return int.from_bytes(field[1:], "big")
    text = field.split(b"\0")[0].strip()
    try:
        return int(text or b"0", 8)
    except ValueError:
        raise DamagedFileError(f"{target.archive} is damaged: a number in a header is none.") from None


def _text(data: bytes, target: _Folder) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        raise target.refuse("it holds a name that is no text") from None


def _fields(data: bytes, target: _Folder) -> dict[str, str]:
    """POSIX's further fields: lines "length key=value", the length counting the whole line."""
    found: dict[str, str] = {}
    while data:
        head, _, _ = data.partition(b" ")
        length = int(head) if head.isdigit() and len(head) < 7 else 0
        line = data[len(head) + 1 : length]
        key, equals, value = line.partition(b"=")
        if length <= len(head) + 1 or length > len(data) or not equals or not value.endswith(b"\n"):
            raise DamagedFileError(f"{target.archive} is damaged: the further fields of a header are none.")
        if key in (b"path", b"size", b"GNU.sparse.major"):
            found[key.decode()] = _text(value[:-1], target)
        data = data[length:]
    return found
