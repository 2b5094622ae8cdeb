"""A reader of HDF5 files for weights from strangers: groups, attributes and plain arrays, and nothing else.

HDF5's own library trusts the offsets and sizes that it finds: of 4,000 files with a few altered bytes, one crashed it and six
kept it busy for ever (version 1.14.6). So weights are written with that library and read here, where every offset is
compared with the file's length, every block of structure may be read once, and what a file of weights does not need (links
to other places, storage in other files, virtual data sets, references, filters of others) is refused by not being known.

An HDF5 file is a tree of *objects*. Each has a header, which is a list of *messages*: a data set has one each for its
shape, the kind of its elements and the place of its bytes; a group has one that says where its list of names is
(see `hdf5_groups.py`); each attribute is one more.

Source: "HDF5 File Format Specification Version 3.0", The HDF Group; the numbers of sections stand beside the functions.
"""

import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hornbook.core.untrusted import MAX_RATIO, SMALL, DamagedFileError
from hornbook.saving import hdf5_groups
from hornbook.saving.hdf5_source import (
    ATTRIBUTE,
    ATTRIBUTE_INFO,
    EXTERNAL,
    FILTERS,
    LAYOUT,
    LINK_INFO,
    NOWHERE,
    SHARED,
    SPACE,
    SYMBOLS,
    TYPE,
    Message,
    Source,
    messages,
    part,
    u16,
    u32,
    u64,
)

MAX_DEPTH = 64  # groups inside of groups
DEFLATE, SHUFFLE = 1, 2
FLOATS: dict[tuple, str] = {  # size, exponent's place and bits, mantissa's place and bits
    (2, 10, 5, 0, 10): "f2",
    (4, 23, 8, 0, 23): "f4",
    (8, 52, 11, 0, 52): "f8",
}


# --------------------------------------------------------------------------------------------------------- objects
class Node:
    """A group or data set: its path, its messages, its attributes."""

    def __init__(self, source: Source, name: str, header: list[Message]) -> None:
        self._source, self.name, self._header = source, name, header
        self._attributes: Attributes | None = None

    @property
    def attrs(self) -> "Attributes":
        """The attributes by name."""
        if self._attributes is None:
            self._attributes = Attributes(self._source, self.name, self._header)
        return self._attributes

    def _message(self, kind: int) -> bytes | None:
        found = [message for message in self._header if message.kind == kind]
        if len(found) > 1 or any(message.flags & SHARED for message in found):
            raise self._source.refuse(f"{self.name} is described in a way that is not read")
        return found[0].data if found else None


class Group(Node, Mapping):
    """A group: names and what they stand for."""

    def __init__(self, source: Source, name: str, header: list[Message], depth: int = 0) -> None:
        super().__init__(source, name, header)
        self._depth = depth
        self._places: dict[str, int] | None = None
        self._made: dict[str, Node] = {}

    def _children(self) -> dict[str, int]:
        if self._places is None:
            if self._depth > MAX_DEPTH:
                raise self._source.refuse(f"its groups are nested deeper than {MAX_DEPTH} levels")
            self._places = hdf5_groups.children(self._source, self.name, self._header)
        return self._places

    def __iter__(self) -> Iterator[str]:
        return iter(self._children())

    def __len__(self) -> int:
        return len(self._children())

    def __contains__(self, name: object) -> bool:
        return name in self._children()

    def __getitem__(self, path: str) -> Any:
        """The group or data set at a path below this group.

        Raises:
            KeyError: where there is none.
        """
        name, _, rest = path.strip("/").partition("/")
        if name not in self._made:
            where = f"{self.name.rstrip('/')}/{name}"
            header = messages(self._source, self._children()[name])
            kinds = {message.kind for message in header}
            if TYPE in kinds:
                self._made[name] = Dataset(self._source, where, header)
            elif kinds & {SYMBOLS, LINK_INFO}:
                self._made[name] = Group(self._source, where, header, self._depth + 1)
            else:
                raise self._source.refuse(f"{where} is neither a group nor a data set")
        found: Any = self._made[name]
        if rest and not isinstance(found, Group):
            raise KeyError(path)
        return found[rest] if rest else found


class File(Group):
    """The root of an HDF5 file, for reading.

    Args:
        path: the file.
        name: what it is called in messages; its path if None.

    Raises:
        DamagedFileError: for what is no HDF5 file, or is cut off.

    >>> import h5py
    >>> with h5py.File("example.h5", "w") as file:
    ...     file["layers/dense/vars/0"] = [1.0, 2.0]
    >>> with File("example.h5") as file:
    ...     print(file["layers/dense/vars/0"][:])
    [1. 2.]
    """

    def __init__(self, path: Any, name: str | None = None) -> None:
        self._file = open(Path(path), "rb")
        try:
            source = Source(self._file, name or str(path))
            super().__init__(source, "/", messages(source, _root(source)))
        except DamagedFileError as error:
            self._file.close()
            what = "is not a whole HDF5 file: it is cut off, damaged, or something else"
            raise DamagedFileError(
                f"{name or path} {what} ({error}). Take it from where it came from once more."
            ) from None
        except BaseException:
            self._file.close()
            raise

    def close(self) -> None:
        """Close the file; what was not read can no longer be."""
        self._file.close()

    def __enter__(self) -> "File":
        return self

    def __exit__(self, *details: Any) -> None:
        self.close()


def _root(source: Source) -> int:
    """Where the root's header is (section II)."""
    if source.read(0, min(9, source.size))[:8] != b"\x89HDF\r\n\x1a\n" or source.size < 9:
        raise source.refuse("it does not begin as HDF5 files do")
    version = source.read(8, 1)[0]
    if version in (0, 1):
        start = 24 if version == 0 else 28
        block = source.structure(0, start + 72)
        sizes, base, end, root = block[13:15], u64(block, start), u64(block, start + 16), u64(block, start + 40)
    elif version in (2, 3):
        block = source.structure(0, 48)
        sizes, base, end, root = block[9:11], u64(block, 12), u64(block, 28), u64(block, 36)
    else:
        raise source.refuse(f"it is written in version {version} of HDF5's layout, which is not read")
    if sizes != b"\x08\x08" or base:
        raise source.refuse("its addresses are not counted in eight bytes from its beginning")
    if end > source.size:
        raise DamagedFileError(f"it should have {end:,} bytes and has {source.size:,}")
    return root


# -------------------------------------------------------------------------------------------------- elements, shapes
@dataclass
class Element:
    """The kind of a data set's or attribute's elements."""

    dtype: np.dtype | None  # None for texts of any length, which lie elsewhere
    size: int


def _element(source: Source, name: str, data: bytes) -> Element:
    """What a datatype message says (section IV.A.2.d)."""
    kind, bits, size = part(data, 0, 1)[0] & 0xF, part(data, 1, 3), u32(data, 4)
    order = ">" if bits[0] & 1 else "<"
    if kind == 0 and size in (1, 2, 4, 8) and (u16(data, 8), u16(data, 10)) == (0, 8 * size):
        return Element(np.dtype(f"{order}{'i' if bits[0] & 8 else 'u'}{size}"), size)
    if kind == 1 and not bits[0] & 0x40 and (u16(data, 8), u16(data, 10)) == (0, 8 * size):
        name_of_layout = FLOATS.get((size, *part(data, 12, 4)))
        if name_of_layout is not None:
            return Element(np.dtype(order + name_of_layout), size)
    if kind == 3 and 0 < size < 2**31:
        return Element(np.dtype(f"S{size}"), size)
    if kind == 5 and size == 2:  # the bits of a bfloat16; its attribute says so
        return Element(np.dtype("V2"), size)
    if kind == 8 and size == 1 and b"FALSE\0" in data and b"TRUE\0" in data:
        return Element(np.dtype("?"), 1)
    if kind == 9 and bits[0] & 0xF == 1:
        return Element(None, 16)
    what = {0: "integers", 1: "floats", 6: "tables", 7: "references", 9: "lists", 10: "arrays"}.get(kind, "elements")
    raise source.refuse(f"{name} holds {what} of a kind that is not read, not numbers")


def _shape(source: Source, name: str, data: bytes) -> tuple[int, ...]:
    """What a dataspace message says (section IV.A.2.b)."""
    version, rank = part(data, 0, 2)
    if rank > 32 or version not in (1, 2) or (version == 2 and part(data, 3, 1)[0] == 2):
        raise source.refuse(f"the shape of {name} is described in a way that is not read")
    start = 8 if version == 1 else 4
    return tuple(u64(data, start + 8 * axis) for axis in range(rank))


def _count(shape: tuple[int, ...]) -> int:
    count = 1
    for size in shape:
        count *= size  # Python's integers do not overflow
    return count


class Attributes(Mapping):
    """The attributes of a group or data set: numbers and texts, read when they are asked for."""

    def __init__(self, source: Source, owner: str, header: list[Message]) -> None:
        self._source, self._owner = source, owner
        self._raw: dict[str, tuple[bytes, bytes, bytes]] = {}
        found = [message for message in header if message.kind == ATTRIBUTE]
        elsewhere = [message.data for message in header if message.kind == ATTRIBUTE_INFO]
        found += [Message(ATTRIBUTE, 0, data) for data in hdf5_groups.attributes(source, elsewhere)]
        for message in found:
            name, *rest = self._taken_apart(message)
            if name in self._raw:
                raise source.refuse(f"{owner} has two attributes {name!r}")
            self._raw[name] = tuple(rest)  # type: ignore[assignment]

    def _taken_apart(self, message: Message) -> tuple[str, bytes, bytes, bytes]:
        """Name, kind, shape and value of an attribute (section IV.A.2.m)."""
        data = message.data
        version, flags = part(data, 0, 2)
        if version not in (1, 2, 3) or message.flags & SHARED or (version > 1 and flags & 0x3):
            raise self._source.refuse(f"an attribute of {self._owner} is described in a way that is not read")
        place = 9 if version == 3 else 8
        parts = []
        for size in (u16(data, 2), u16(data, 4), u16(data, 6)):
            parts.append(part(data, place, size))
            place += -(-size // 8) * 8 if version == 1 else size
        try:
            name = parts[0].split(b"\0")[0].decode("utf-8")
        except UnicodeDecodeError:
            raise self._source.refuse(f"an attribute of {self._owner} has a name that is no text") from None
        return name, parts[1], parts[2], data[place:]

    def __getitem__(self, name: str) -> Any:
        """The value: a NumPy array or number; a text where there is one text of any length."""
        kind, space, value = self._raw[name]
        element = _element(self._source, f"the attribute {name!r} of {self._owner}", kind)
        shape = _shape(self._source, f"the attribute {name!r} of {self._owner}", space)
        value = part(value, 0, _count(shape) * element.size)
        if element.dtype is None:
            texts = [self._text(value[at : at + 16]) for at in range(0, len(value), 16)]
            return np.array(texts, object).reshape(shape) if shape else texts[0]
        array = np.frombuffer(value, element.dtype).reshape(shape)
        return array if shape else array[()]

    def __iter__(self) -> Iterator[str]:
        return iter(self._raw)

    def __len__(self) -> int:
        return len(self._raw)

    def __contains__(self, name: object) -> bool:
        return name in self._raw

    def _text(self, reference: bytes) -> str:
        """A text from the heap that a reference (length, address, number) leads to (sections III.E and IV.B)."""
        length, place, number = u32(reference), u64(reference, 4), u32(reference, 12)
        if not length:
            return ""
        texts = self._source.text
        if place not in texts:
            size = u64(self._source.block(place, 16, b"GCOL"), 8)
            texts[place] = self._source.structure(place, size)
        heap, at = texts[place], 16
        while at + 16 <= len(heap):
            if u16(heap, at) == number:
                try:
                    return part(heap, at + 16, min(length, u64(heap, at + 8))).split(b"\0")[0].decode("utf-8")
                except UnicodeDecodeError:
                    raise self._source.refuse(f"an attribute of {self._owner} is no text") from None
            if u16(heap, at) == 0:
                break
            at += 16 + -(-u64(heap, at + 8) // 8) * 8
        raise self._source.refuse(f"an attribute of {self._owner} leads nowhere")


# -------------------------------------------------------------------------------------------------------- data sets
class Dataset(Node):
    """An array in the file: `shape` and `dtype` are known at once, numbers are read by indexing or `np.asarray`.

    What it takes in memory is in the file too: a data set that declares more bytes than are stored for it is refused.
    """

    def __init__(self, source: Source, name: str, header: list[Message]) -> None:
        super().__init__(source, name, header)
        if self._message(EXTERNAL) is not None:
            raise source.refuse(f"{name} keeps its numbers in another file")
        kind, space, layout = self._message(TYPE), self._message(SPACE), self._message(LAYOUT)
        if kind is None or space is None or layout is None:
            raise source.refuse(f"{name} lacks its shape, its dtype or its place")
        element = _element(source, name, kind)
        if element.dtype is None:
            raise source.refuse(f"{name} holds texts, not numbers")
        self.dtype: np.dtype = element.dtype
        self.shape = _shape(source, name, space)
        self.size = _count(self.shape)
        self.nbytes = self.size * element.size
        self._layout = layout
        self._pieces: list[tuple[tuple[int, ...], int, int]] | None = None
        if layout[:1] in (b"\3", b"\4") and layout[1:2] == b"\1" and u64(layout, 2) != NOWHERE:
            source.count_numbers(name, u64(layout, 2), u64(layout, 10))

    ndim = property(lambda self: len(self.shape), doc="The number of axes.")

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, key: Any) -> Any:
        """What the key selects; of a slice of rows alone those rows are read, where they lie in one piece."""
        if isinstance(key, slice) and key.step is None and self.shape and (place := self._one_piece()) is not None:
            start, stop, _ = key.indices(self.shape[0])
            rows = np.empty((max(stop - start, 0), *self.shape[1:]), self.dtype)
            if rows.size:
                self._source.into(place + start * (rows.nbytes // len(rows)), rows)
            return rows
        return self._read()[key]

    def _one_piece(self) -> int | None:
        """Where the numbers begin, if they lie one after the other, all of them, as they are in memory."""
        plain = self._layout[:1] in (b"\3", b"\4") and self._layout[1:2] == b"\1" and self.dtype != bool
        if not plain or self._message(FILTERS) is not None:
            return None
        place, stored = u64(self._layout, 2), u64(self._layout, 10)
        return place if place != NOWHERE and stored == self.nbytes else None

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return self._read().astype(dtype or self.dtype, copy=False)

    def __repr__(self) -> str:
        return f"<Dataset {self.name} shape={self.shape} dtype={self.dtype}>"

    def _read(self) -> np.ndarray:
        """The numbers (section IV.A.2.i)."""
        version, kind = part(self._layout, 0, 2)
        if version not in (3, 4) or kind > 2 or (kind == 2 and version == 4):
            where = "in another file" if version == 4 and kind == 3 else "in a way that is not read"
            raise self._source.refuse(f"{self.name} keeps its numbers {where}")
        if not self.size:
            return np.zeros(self.shape, self.dtype)
        if kind == 2:
            return self._chunked()
        if kind == 0:
            data = part(self._layout, 4, u16(self._layout, 2))
            stored = len(data)
        else:
            place, stored = u64(self._layout, 2), u64(self._layout, 10)
            stored = 0 if place == NOWHERE or self._message(FILTERS) is not None else stored
        if stored != self.nbytes:
            raise self._source.refuse(f"{self.name} declares {self.nbytes:,} bytes and stores {stored:,}")
        array = np.empty(self.shape, np.uint8 if self.dtype == bool else self.dtype)
        if kind == 0:
            array[...] = np.frombuffer(data, array.dtype).reshape(self.shape)
        else:
            self._source.into(place, array)
        return array.astype(self.dtype, copy=False)

    def _chunked(self) -> np.ndarray:
        """The numbers of a data set that is stored in pieces of one shape, packed or not."""
        rank = part(self._layout, 2, 1)[0] - 1
        if rank != self.ndim or u32(self._layout, 11 + 4 * rank) != self.dtype.itemsize:
            raise self._source.refuse(f"{self.name} is stored in pieces of another shape")
        chunk = tuple(u32(self._layout, 11 + 4 * axis) for axis in range(rank))
        chunk_bytes = _count(chunk) * self.dtype.itemsize
        if not chunk_bytes:
            raise self._source.refuse(f"{self.name} is stored in pieces of another shape")
        filters = self._filters()
        if self._pieces is None:
            self._pieces = hdf5_groups.chunks(self._source, u64(self._layout, 3), rank)
            for _, size, place in self._pieces:
                self._source.count_numbers(self.name, place, size)
        pieces = self._pieces
        wanted = _count(tuple(-(-size // step) for size, step in zip(self.shape, chunk, strict=True)))
        stored = sum(size for _, size, _ in pieces)
        if len(pieces) != wanted or wanted * chunk_bytes > max(SMALL, MAX_RATIO * stored):
            raise self._source.refuse(
                f"{self.name} declares {self.nbytes:,} bytes and stores {stored:,}, in {len(pieces):,} of {wanted:,} pieces"
            )
        array = np.zeros(self.shape, self.dtype)
        for offsets, size, place in pieces:
            if any(at % step or at >= length for at, step, length in zip(offsets, chunk, self.shape, strict=True)):
                raise self._source.refuse(f"a piece of {self.name} lies outside of its shape")
            data = self._unpacked(self._source.read(place, size), filters, chunk_bytes)
            inside = tuple(slice(at, at + step) for at, step in zip(offsets, chunk, strict=True))
            target = array[inside]
            target[...] = np.frombuffer(data, self.dtype).reshape(chunk)[tuple(slice(n) for n in target.shape)]
        return array

    def _filters(self) -> list[int]:
        """What the pieces were put through, in that order (section IV.A.2.l)."""
        data = self._message(FILTERS)
        if data is None:
            return []
        version, count = part(data, 0, 2)
        place, found = (8 if version == 1 else 2), []
        for _ in range(count):
            number, named = u16(data, place), version == 1
            length = u16(data, place + 2) if named else 0
            values = u16(data, place + (6 if named else 4))
            place += (8 if named else 6) + length + 4 * values + (4 if named and values % 2 else 0)
            found.append(number)
        if version not in (1, 2) or not set(found) <= {DEFLATE, SHUFFLE} or len(found) > 2:
            raise self._source.refuse(f"{self.name} is packed in a way that is not read (filters {found[:4]})")
        return found

    def _unpacked(self, data: bytes, filters: list[int], size: int) -> bytes:
        """A piece as it was before the filters; it must have the size of a piece."""
        for number in reversed(filters):
            if number == DEFLATE:
                try:
                    machine = zlib.decompressobj()
                    data = machine.decompress(data, size)
                except zlib.error as error:
                    raise self._source.refuse(f"a piece of {self.name} cannot be unpacked ({error})") from None
                if not machine.eof and machine.unconsumed_tail:
                    raise self._source.refuse(f"a piece of {self.name} unpacks to more than its {size:,} bytes")
            elif len(data) == size:
                planes = np.frombuffer(data, np.uint8).reshape(self.dtype.itemsize, -1)
                data = planes.T.tobytes()
        if len(data) != size:
            raise self._source.refuse(f"a piece of {self.name} has {len(data):,} bytes, not {size:,}")
        return data
