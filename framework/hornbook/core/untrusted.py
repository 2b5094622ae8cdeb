"""What strangers wrote: the error for files that are cut off, altered or built to attack; readers of JSON and zip archives.

Every format is read through the same few doors, and each door looks at sizes before it looks at bytes.
"""

import contextlib
import json
import math
import os
import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

MAX_JSON_BYTES = 64 * 1024**2
MAX_JSON_VALUES = 2_000_000
MAX_JSON_DEPTH = 128
MAX_JSON_DIGITS = 40  # of a whole number; tokenizers without a longest text say int(1e30)
MAX_JSON_TEXT = 4 * 1024**2  # characters of one string
MAX_MEMBERS = 10_000
MAX_FIELDS = 100_000  # of one protocol buffer: objects of a model, entries of an object
MAX_RATIO = 20  # bytes that a compressed member may unpack to, for each byte in the archive
SMALL = 1024**2  # what any member may unpack to, however well it is packed


class DamagedFileError(ValueError):
    """A file that is not what its name says: cut off, altered, or built to attack."""


# ----------------------------------------------------------------------------------------------------------- JSON
def read_json(text: bytes | str, name: str) -> Any:
    """The value of a JSON text from a stranger: strict, and no larger than a model's description can be.

    Args:
        text: the JSON.
        name: what it is, for messages.

    Raises:
        DamagedFileError: for what is no JSON, names a key twice, holds NaN or an infinity, or goes too deep or too wide.

    >>> read_json('{"units": 3}', "config.json")
    {'units': 3}
    >>> read_json('{"units": 3, "units": 4}', "config.json")
    Traceback (most recent call last):
    hornbook.core.untrusted.DamagedFileError: config.json is refused: the key 'units' stands twice in one object.
    """

    def refuse(why: str) -> DamagedFileError:
        return DamagedFileError(f"{name} is refused: {why}.")

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            names = [key for key, _ in pairs]
            twice = next(key for key in found if names.count(key) > 1)
            raise refuse(f"the key {twice[:80]!r} stands twice in one object")
        return found

    def finite(number: str) -> float:
        value = float(number)
        if not math.isfinite(value):
            raise refuse(f"it holds {number[:80]}, which JSON has no number for")
        return value

    def whole(number: str) -> int:
        if len(number) > MAX_JSON_DIGITS:
            raise refuse(f"it holds a whole number of {len(number)} digits")
        return int(number)

    if len(text) > MAX_JSON_BYTES:
        raise refuse(f"it has {len(text):,} bytes, and at most {MAX_JSON_BYTES:,} are read")
    if isinstance(text, bytes):
        try:
            text = text.decode("utf-8")
        except UnicodeDecodeError as error:
            raise DamagedFileError(f"{name} is damaged: it is no JSON ({error}).") from None
    values = sum(text.count(mark) for mark in ",[{")
    if values > MAX_JSON_VALUES:
        raise refuse(f"it holds about {values:,} values, and at most {MAX_JSON_VALUES:,} are read")
    try:
        value = json.loads(text, object_pairs_hook=unique, parse_float=finite, parse_int=whole, parse_constant=finite)
    except DamagedFileError:
        raise
    except RecursionError:
        raise refuse(f"it is nested deeper than {MAX_JSON_DEPTH} levels") from None
    except ValueError as error:
        raise DamagedFileError(f"{name} is damaged: it is no JSON ({error}).") from None
    level, depth = [value], 0
    while level:
        if depth > MAX_JSON_DEPTH:
            raise refuse(f"it is nested deeper than {MAX_JSON_DEPTH} levels")
        inner: list[Any] = []
        for item in level:
            if isinstance(item, dict):
                inner += item.values()
            elif isinstance(item, list):
                inner += item
            elif isinstance(item, str) and len(item) > MAX_JSON_TEXT:
                raise refuse(f"it holds a string of {len(item):,} characters")
        level, depth = inner, depth + 1
    return value


def write_json(value: Any, name: str) -> str:
    """The JSON text of plain data, such as `read_json` reads.

    Raises:
        ValueError: for NaN and infinities, which JSON has no numbers for.
    """
    try:
        return json.dumps(value, allow_nan=False)
    except ValueError as error:
        raise ValueError(
            f"{name} cannot be written: the config holds NaN or an infinity, which JSON has no number for ({error}). Use "
            "a large finite number, or None where the argument allows it."
        ) from None


# -------------------------------------------------------------------------------------------------- protocol buffers
def protobuf_fields(message: bytes, most: int = MAX_FIELDS) -> Iterator[tuple[int, bytes | int]]:
    """The fields of a protocol buffer: (number, value), a value being a number or bytes.

    Args:
        message: the bytes.
        most: how many fields there may be.

    Raises:
        ValueError: for a message with more fields, or that is cut off.
        IndexError: for a message that ends within a number.

    Source: https://protobuf.dev/programming-guides/encoding

    >>> list(protobuf_fields(b"\\x08\\x96\\x01\\x12\\x02hi"))
    [(1, 150), (2, b'hi')]
    """
    place = 0

    def varint() -> int:
        nonlocal place
        value = shift = 0
        while True:
            byte = message[place]
            place += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value
            if shift > 63:
                raise ValueError("a number of more than 64 bits")

    count = 0
    while place < len(message):
        count += 1
        if count > most:
            raise ValueError(f"a message of more than {most:,} fields")
        number, kind = divmod(varint(), 8)
        if kind == 0:
            yield number, varint()
            continue
        length = {1: 8, 5: 4}.get(kind)
        if kind == 2:
            length = varint()
        if length is None or place + length > len(message):
            raise ValueError(f"a field of kind {kind} that goes beyond the end")
        yield number, message[place : place + length]
        place += length


# ------------------------------------------------------------------------------------------------------------ zip
_END = struct.Struct("<4sHHHHIIH")  # the end of the central directory, without its comment
_END_64 = struct.Struct("<4sQHHIIQQQQ")
_LOCATOR_64 = 20
_LOCAL = struct.Struct("<4sHHHHHIIIHH")
_LONGEST_ENTRY = 300  # bytes of a member's entry in the directory


@contextlib.contextmanager
def open_zip(
    path: Path, expected: Callable[[str], bool], what: str, members: int = MAX_MEMBERS, ratio: int = MAX_RATIO
) -> Iterator[zipfile.ZipFile]:
    """A zip archive whose members are all plain files of expected names, each once, each where the directory says.

    Args:
        path: the file.
        expected: whether a member may have this name.
        what: what the file should be ("'.keras' file"), for messages.
        members: how many there may be.
        ratio: bytes that a member may unpack to, for each byte that it takes in the archive.

    Raises:
        DamagedFileError: for anything else.
    """

    def refuse(why: str) -> DamagedFileError:
        return DamagedFileError(f"{path} is refused: {why}.")

    size = os.path.getsize(path)
    with open(path, "rb") as file:
        _check_directory(file, size, members, refuse)
        try:
            archive = zipfile.ZipFile(file)
        except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, struct.error) as error:
            raise DamagedFileError(
                f"{path} is not a whole {what}: it is cut off, damaged, or something else ({error})."
            ) from None
        with archive:
            if len(archive.infolist()) > members:
                raise refuse(f"it has {len(archive.infolist()):,} members, and at most {members:,} are read")
            seen: set[str] = set()
            spans = []
            for member in archive.infolist():
                if member.filename in seen:
                    raise refuse(f"it holds a member twice ({_short(member.filename)})")
                seen.add(member.filename)
                if not expected(member.filename):
                    raise refuse(f"it holds {_short(member.filename)}, which no {what} has")
                spans.append(_checked(member, file, size, ratio, refuse))
            end = 0
            for first, last, name in sorted(spans):
                if first < end:
                    raise refuse(f"the member {_short(name)} lies over another")
                end = last
            yield archive


def _short(name: str) -> str:
    return repr(name[:80])


def _check_directory(file: BinaryIO, size: int, members: int, refuse: Callable[[str], DamagedFileError]) -> None:
    """Look at the size of the directory before a list is made of it."""
    tail_size = min(size, 2**16 + _END.size + _END_64.size + _LOCATOR_64)
    file.seek(size - tail_size)
    tail = file.read(tail_size)
    place = tail.rfind(b"PK\5\6")
    length = 0
    if place >= 0 and len(tail) - place >= _END.size:
        length = _END.unpack_from(tail, place)[5]
        larger = place - _LOCATOR_64 - _END_64.size  # where large archives keep their sizes
        if larger >= 0 and tail[larger:].startswith(b"PK\6\6") and length == 0xFFFFFFFF:
            length = _END_64.unpack_from(tail, larger)[8]
    if length > members * _LONGEST_ENTRY:
        raise refuse(f"its directory has {length:,} bytes; an archive of {members:,} members has less")
    file.seek(0)


def _checked(
    member: zipfile.ZipInfo, file: BinaryIO, size: int, ratio: int, refuse: Callable[[str], DamagedFileError]
) -> tuple[int, int, str]:
    """Where a member begins and ends, once its two headers agree and its sizes are possible."""
    name = _short(member.filename)
    kind = stat.S_IFMT(member.external_attr >> 16)
    if kind and not stat.S_ISREG(kind) and not (stat.S_ISDIR(kind) and member.is_dir()):
        raise refuse(f"the member {name} is a link or device, not a plain file")
    if member.flag_bits & 0x1:
        raise refuse(f"the member {name} is encrypted")
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise refuse(f"the member {name} is packed in a way that is not read (method {member.compress_type})")
    if member.compress_type == zipfile.ZIP_STORED and member.file_size != member.compress_size:
        raise refuse(f"the member {name} is stored as it is, and yet has two sizes")
    if member.file_size > max(SMALL, ratio * member.compress_size):
        raise refuse(f"the member {name} unpacks from {member.compress_size:,} to {member.file_size:,} bytes")
    file.seek(member.header_offset)
    header = file.read(_LOCAL.size)
    if len(header) < _LOCAL.size or not header.startswith(b"PK\3\4"):
        raise refuse(f"the member {name} is not where the directory says")
    _, _, flags, method, _, _, crc, packed, unpacked, name_length, extra_length = _LOCAL.unpack(header)
    local_name = file.read(name_length)
    end = member.header_offset + _LOCAL.size + name_length + extra_length + member.compress_size
    if end > size:
        raise refuse(f"the member {name} ends behind the end of the file")
    streamed = flags & 0x8  # sizes follow the bytes
    sizes = ((packed, member.compress_size), (unpacked, member.file_size))
    agree = (
        local_name.decode("utf-8" if flags & 0x800 else "cp437", "replace") == member.orig_filename
        and method == member.compress_type
        and (streamed or crc == member.CRC)
        and all(here in (there, 0xFFFFFFFF) or (streamed and here == 0) for here, there in sizes)
    )
    if not agree:
        raise refuse(f"the member {name} has other names or sizes in front of its bytes than in the directory")
    return member.header_offset, end, member.filename


def read_member(archive: zipfile.ZipFile, name: str, path: Path, limit: int) -> Iterator[bytes]:
    """The bytes of a member in pieces; never more than the directory says, nor than `limit`, and compared with its checksum.

    Raises:
        DamagedFileError: where it is larger, shorter, or has another checksum.
    """
    member = archive.getinfo(name)
    if member.file_size > limit:
        raise DamagedFileError(
            f"{path} is refused: its {name} says it has {member.file_size:,} bytes; at most {limit:,} are read."
        )
    left = member.file_size
    try:
        with archive.open(member) as source:
            while left and (piece := source.read(min(left, SMALL))):
                left -= len(piece)
                yield piece
            more = source.read(1)  # also lets zipfile compare the checksum
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError) as error:
        raise DamagedFileError(f"{path} is damaged: its {name} cannot be read ({error}).") from None
    if left or more:
        raise DamagedFileError(f"{path} is damaged: its {name} has more or fewer bytes than the directory says.")


PLAIN_NAME = re.compile(r"[A-Za-z0-9_.\-]{1,128}")


def is_plain_name(name: str) -> bool:
    """Whether a name can stand in a folder and nowhere else: letters, digits, "_", "-" and ".", and not "." or "..".

    >>> is_plain_name("vocabulary.txt"), is_plain_name("../../evil"), is_plain_name("C:evil")
    (True, False, False)
    """
    return bool(PLAIN_NAME.fullmatch(name)) and name not in (".", "..")
