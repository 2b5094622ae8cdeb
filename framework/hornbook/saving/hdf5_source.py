"""The bytes of an HDF5 file, each read within the file's length and a budget; and the headers of its objects."""

import os
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np

from hornbook.core.untrusted import DamagedFileError

NOWHERE = 2**64 - 1
# The kinds of messages in an object's header.
SPACE, LINK_INFO, TYPE, LINK, EXTERNAL, LAYOUT, FILTERS, ATTRIBUTE, CONTINUED, SYMBOLS, ATTRIBUTE_INFO = (
    *(0x01, 0x02, 0x03, 0x06, 0x07, 0x08, 0x0B, 0x0C, 0x10, 0x11, 0x15),
)
SHARED = 0x02  # the message stands in another object


def number(data: bytes, place: int, size: int) -> int:
    """The unsigned number of `size` bytes at a place."""
    return int.from_bytes(part(data, place, size), "little")


def u16(data: bytes, place: int = 0) -> int:
    """The unsigned number of two bytes at a place."""
    return int.from_bytes(part(data, place, 2), "little")


def u32(data: bytes, place: int = 0) -> int:
    """The unsigned number of four bytes at a place."""
    return int.from_bytes(part(data, place, 4), "little")


def u64(data: bytes, place: int = 0) -> int:
    """The unsigned number of eight bytes at a place."""
    return int.from_bytes(part(data, place, 8), "little")


def part(data: bytes, place: int, size: int) -> bytes:
    """`size` bytes at a place.

    Raises:
        DamagedFileError: where there are fewer.
    """
    if not 0 <= place <= place + size <= len(data):
        raise DamagedFileError("The file is damaged: a block of it ends before what it should hold.")
    return data[place : place + size]


class Source:
    """The bytes of a file, with their number known and a budget for how many of them may be structure.

    Args:
        file: the open file.
        name: what it is called in messages.
    """

    def __init__(self, file: BinaryIO, name: str) -> None:
        self.file, self.name = file, name
        self.size = file.seek(0, os.SEEK_END)
        self.budget = 4 * self.size + 2**16  # each byte of structure is needed once or twice
        self.blocks: set[int] = set()
        self.text: dict[int, bytes] = {}  # blocks of texts, by address
        self.numbers = 0  # bytes that the data sets seen so far take in the file

    def refuse(self, why: str) -> DamagedFileError:
        return DamagedFileError(
            f"{self.name} is refused: {why}. A file of weights holds plain arrays and nothing else."
        )

    def structure(self, place: int, size: int) -> bytes:
        """Bytes of structure; together no more of them than a file of this size can need."""
        self.budget -= size
        if self.budget < 0:
            raise self.refuse("its parts lie over each other")
        return self.read(place, size)

    def read(self, place: int, size: int) -> bytes:
        """The bytes from a place on; all of them must be there."""
        if not (0 <= place and 0 <= size and place + size <= self.size):
            raise DamagedFileError(
                f"{self.name} is damaged: it speaks of {size:,} bytes at byte {place:,}, and ends at byte {self.size:,}."
            )
        self.file.seek(place)
        data = self.file.read(size)
        if len(data) != size:
            raise DamagedFileError(f"{self.name} became shorter while it was read.")
        return data

    def into(self, place: int, array: np.ndarray) -> None:
        """Fill an array with the bytes from a place on."""
        self.file.seek(place)
        if self.file.readinto(array.reshape(-1).view(np.uint8)) != array.nbytes:  # type: ignore[attr-defined]
            raise DamagedFileError(f"{self.name} became shorter while it was read.")

    def count_numbers(self, name: str, place: int, size: int) -> None:
        """Take note that a data set has its own `size` bytes at a place; all of them together are in the file once."""
        self.numbers += size
        if place + size > self.size or self.numbers > self.size:
            raise self.refuse(
                f"{name} lies over other parts, or behind the end of the file, which has {self.size:,} bytes"
            )

    def block(self, place: int, size: int, mark: bytes) -> bytes:
        """A block of structure that begins with a mark; each is part of one thing, so it is read once."""
        if place in self.blocks:
            raise self.refuse(f"the block at byte {place:,} is part of two things, or of itself")
        self.blocks.add(place)
        data = self.structure(place, size)
        if not data.startswith(mark):
            raise DamagedFileError(f"{self.name} is damaged: there is no {mark.decode()} block at byte {place:,}.")
        return data


# --------------------------------------------------------------------------------------------------------- objects
@dataclass
class Message:
    """One entry of an object's header."""

    kind: int
    flags: int
    data: bytes


def messages(source: Source, place: int) -> list[Message]:
    """The header of the object at a place (sections IV.A.1.a and IV.A.1.b)."""
    found: list[Message] = []
    start = source.structure(place, min(16, source.size - place) if place < source.size else 16)
    if place in source.blocks:
        raise source.refuse(f"the object at byte {place:,} stands at two places, or inside of itself")
    source.blocks.add(place)
    if start.startswith(b"OHDR"):
        flags = start[5] if len(start) > 5 else 0
        before = 6 + (16 if flags & 0x20 else 0) + (4 if flags & 0x10 else 0)
        width = 1 << (flags & 0x3)
        length = int.from_bytes(source.structure(place + before, width), "little")
        waiting = [(place + before + width, length)]
    elif start.startswith(b"\1"):
        flags = None
        waiting = [(place + 16, u32(start, 8))]
    else:
        raise DamagedFileError(f"{source.name} is damaged: there is no object at byte {place:,}.")
    step = 8 if flags is None else 6 if flags & 0x4 else 4
    first = True
    while waiting:
        where, length = waiting.pop(0)
        if first or flags is None:
            data = source.structure(where, length)
        else:
            data = source.block(where, length, b"OCHK")[4:-4]
        first = False
        at = 0
        while at + step <= len(data):
            if flags is None:
                kind, size, bits = u16(data, at), u16(data, at + 2), data[at + 4]
            else:
                kind, size, bits = data[at], u16(data, at + 1), data[at + 3]
            message = Message(kind, bits, part(data, at + step, size))
            at += step + size
            if kind == CONTINUED:
                if len(waiting) > 64 or u64(message.data) in source.blocks:
                    raise source.refuse(f"the object at byte {place:,} goes on inside of itself")
                if flags is None:
                    source.blocks.add(u64(message.data))
                waiting.append((u64(message.data), u64(message.data, 8)))
            else:
                found.append(message)
    return found
