"""Pickled data read as data: nothing that a stream names is ever imported or called.

A pickle is a program for a small stack machine, and it may tell its reader to import and to call anything. The official
files of some data sets are pickles that Python 2 wrote, and need little of that machine; this module has that little:

    opcodes                                             value
    NONE NEWTRUE NEWFALSE BININT* LONG1 *BINSTRING      None, booleans, integers, byte strings
    EMPTY_* APPEND(S) SETITEM(S) MARK TUPLE*            lists, dictionaries with byte strings as keys, tuples
    GLOBAL REDUCE BUILD, with the names in `NAMES`      NumPy arrays of numbers or of lists, put together here
    *BINPUT *BINGET                                     byte strings met before

Any other opcode or name is refused. `pickletools.genops` takes a stream apart into opcodes and does nothing more.
The limits below bound time and memory: a stream of n bytes costs a small multiple of n.
"""

import enum
import io
import math
import pickletools
import re
from typing import Any

import numpy as np

LARGEST = 1 << 28  # bytes of a stream; the largest official one, of CIFAR-100, has 155 million
STEPS = 1_000_000  # opcodes, a run of integers counting as one
DEEPEST = 8  # containers in containers
DIMENSIONS = 8  # of an array


class Name(enum.Enum):
    """What a stream may name. They are marks on the stack and nothing that could be called."""

    NDARRAY = "numpy.ndarray"
    DTYPE = "numpy.dtype"
    RECONSTRUCT = "numpy.core.multiarray._reconstruct"
    EMPTY_ARRAY = "what _reconstruct would return"


NAMES = {
    "numpy ndarray": Name.NDARRAY,
    "numpy dtype": Name.DTYPE,
    "numpy.core.multiarray _reconstruct": Name.RECONSTRUCT,
    "numpy._core.multiarray _reconstruct": Name.RECONSTRUCT,  # its place since NumPy 2
}
INTEGERS = {ord("K"): "<u1", ord("M"): "<u2", ord("J"): "<i4"}  # the first byte of an integer, and what follows it
RUN = re.compile(rb"\(((?:K.|M..|J....){8,1000}+)", re.DOTALL)  # after a MARK; picklers begin anew after 1000 items


def load(data: bytes) -> Any:
    """The value that a pickle describes, if it is made of plain data and NumPy arrays.

    Args:
        data: The stream.

    Returns:
        None, a boolean, an integer, bytes, or a list, tuple or dictionary of such values, or a NumPy array of numbers,
        read-only, or of such values.

    Raises:
        ValueError: The stream asks for anything else, is malformed, or exceeds a limit.

    Example:

    >>> load(b"\\x80\\x02}q\\x01U\\x06labels]q\\x02(K\\x06K\\x09M\\x39\\x30es.")
    {b'labels': [6, 9, 12345]}
    >>> load(b"cos\\nsystem\\nU\\x02ls\\x85R.")
    Traceback (most recent call last):
    ...
    ValueError: Refused to read a pickle that names 'os system' (byte 0): the names known here are numpy ndarray, ...
    """
    if len(data) > LARGEST:
        raise ValueError(f"Expected a pickle of at most {LARGEST} bytes; received {len(data)}.")
    runs = _integer_runs(data)
    stream = io.BytesIO(data)
    operations = pickletools.genops(stream)
    machine = _Machine()
    for _ in range(STEPS):
        try:
            opcode, argument, position = next(operations)
        except ValueError as error:
            raise ValueError(f"Expected a complete pickle; this one cannot be taken apart: {error}.") from None
        if opcode.name == "STOP":
            if stream.tell() != len(data):
                raise ValueError(f"Expected a pickle's end at byte {len(data)}; found it at {position}.")
            return machine.result()
        try:
            machine.step(opcode.name, argument)
        except _Refused as refused:
            raise ValueError(
                f"Refused to read a pickle that {refused.args[0]} (byte {position}){refused.way}"
            ) from None
        if opcode.name == "MARK" and stream.tell() in runs:
            end, values = runs[stream.tell()]
            machine.stack.extend(values.tolist())
            stream.seek(end)
    raise ValueError(f"Refused to read a pickle of more than {STEPS} opcodes.")


class _Refused(Exception):
    """What a stream does wrong, as the end of a sentence about it, and a sentence after the place."""

    def __init__(self, what: str, known: str = ""):
        super().__init__(what)
        self.way = f": {known}." if known else "."


class _Machine:
    """The stack machine, without the opcodes that do more than make data."""

    def __init__(self):
        self.stack: list[Any] = []
        # The containers on the stack that hold something: place, and height, one more than that of the highest thing in it.
        self.nested: list[tuple[int, int]] = []
        self.marks: list[int] = []
        self.memo: dict[int, bytes] = {}
        self.unfinished = 0  # names, drafts and dtypes that no array has used up

    def step(self, opcode: str, argument: Any) -> None:
        """Do what one opcode says."""
        match opcode:
            case "PROTO":
                pass
            case "NONE":
                self.push(None)
            case "NEWTRUE" | "NEWFALSE":
                self.push(opcode == "NEWTRUE")
            case "BININT" | "BININT1" | "BININT2" | "LONG1":
                self.push(argument)
            case "BINSTRING" | "SHORT_BINSTRING":
                self.push(argument.encode("latin-1"))  # genops gives the bytes as so many characters
            case "BINPUT" | "LONG_BINPUT":
                self.memo.pop(argument, None)
                if self.stack and isinstance(self.stack[-1], bytes):
                    self.memo[argument] = self.stack[-1]
            case "BINGET" | "LONG_BINGET":
                # A container met again would let a short stream describe an endless or an exponentially large value.
                if argument not in self.memo:
                    raise _Refused(f"gets value {argument} once more", "only byte strings may be used twice")
                self.push(self.memo[argument])
            case "MARK":
                self.marks.append(len(self.stack))
            case "EMPTY_LIST":
                self.push([])
            case "EMPTY_DICT":
                self.push({})
            case "EMPTY_TUPLE":
                self.push(())
            case "TUPLE" | "TUPLE1" | "TUPLE2" | "TUPLE3":
                items, height = self.pop_to_mark() if opcode == "TUPLE" else self.pop_last(int(opcode[-1]))
                self.push(tuple(items), height + 1)
            case "APPEND" | "APPENDS":
                items, height = self.pop_last(1) if opcode == "APPEND" else self.pop_to_mark()
                self.top(list).extend(items)
                self.raise_top(height + 1)
            case "SETITEM" | "SETITEMS":
                items, height = self.pop_last(2) if opcode == "SETITEM" else self.pop_to_mark()
                keys, values = items[::2], items[1::2]
                if len(keys) != len(values) or not all(isinstance(key, bytes) for key in keys):
                    raise _Refused("has a dictionary that is no table of byte strings and values")
                self.top(dict).update(zip(keys, values, strict=True))
                self.raise_top(height + 1)
            case "GLOBAL":
                if argument not in NAMES:
                    raise _Refused(f"names {argument!r:.100}", f"the names known here are {', '.join(NAMES)}")
                self.push(NAMES[argument])
                self.unfinished += 1
            case "REDUCE":
                self.reduce()
            case "BUILD":
                self.build()
            case _:
                raise _Refused(f"uses the opcode {opcode}", "data need no such thing")

    def reduce(self) -> None:
        """The two calls that stand before an array: recorded, not made."""
        (called, arguments), _ = self.pop_last(2)
        match called, arguments:
            case Name.DTYPE, (bytes() as code, int(), int()):
                self.push(_DtypeDraft(code))
            case Name.RECONSTRUCT, (Name.NDARRAY, (0,), b"b"):
                self.push(Name.EMPTY_ARRAY)
                self.unfinished -= 1
            case _:
                raise _Refused("calls something", "only the calls by which NumPy writes arrays are known here")

    def build(self) -> None:
        """A dtype or an array from its draft and what completes it."""
        (draft, state), height = self.pop_last(2)
        match draft, state:
            case _DtypeDraft(), (int(), bytes() as order, None, None, None, *_):
                self.push(_dtype(draft.code, order))
            case Name.EMPTY_ARRAY, (int(), tuple() as shape, np.dtype() as dtype, int() as fortran, content):
                self.push(array(shape, dtype, bool(fortran), content), height)
                self.unfinished -= 2
            case _:
                raise _Refused("completes something that is neither a dtype nor an array")

    def result(self) -> Any:
        """The one value that is left."""
        if len(self.stack) != 1 or self.marks or self.unfinished:
            raise ValueError(
                f"Expected a pickle of one finished value; found {len(self.stack)} values, {len(self.marks)} open "
                f"containers and {self.unfinished} of NumPy's names that belong to no array."
            )
        return self.stack[0]

    def push(self, value: Any, height: int = 0) -> None:
        self.stack.append(value)
        if height:
            self.raise_top(height)

    def raise_top(self, height: int) -> None:
        if height > DEEPEST:
            raise _Refused(f"nests values more than {DEEPEST} deep")
        place = len(self.stack) - 1
        if self.nested and self.nested[-1][0] == place:
            height = max(height, self.nested.pop()[1])
        self.nested.append((place, height))

    def top(self, kind: type) -> Any:
        floor = self.marks[-1] if self.marks else 0
        if len(self.stack) <= floor or not isinstance(self.stack[-1], kind):
            raise _Refused(f"adds to a {kind.__name__} that is not there")
        return self.stack[-1]

    def pop_last(self, count: int) -> tuple[list[Any], int]:
        """The last values, and the height of the highest."""
        start = len(self.stack) - count
        if start < (self.marks[-1] if self.marks else 0):
            raise _Refused("takes more values than there are")
        return self._cut(start)

    def pop_to_mark(self) -> tuple[list[Any], int]:
        """The values since the last MARK, and the height of the highest."""
        if not self.marks:
            raise _Refused("closes a container that was not opened")
        return self._cut(self.marks.pop())

    def _cut(self, start: int) -> tuple[list[Any], int]:
        values, height = self.stack[start:], 0
        del self.stack[start:]
        while self.nested and self.nested[-1][0] >= start:
            height = max(height, self.nested.pop()[1])
        return values, height


class _DtypeDraft:
    """A dtype whose byte order is still to come."""

    def __init__(self, code: bytes):
        self.code = code


def _dtype(code: bytes, order: bytes) -> np.dtype:
    if re.fullmatch(rb"O[48]?", code):
        return np.dtype(object)
    if not re.fullmatch(rb"b1|[iu][1248]|f[248]", code) or order not in (b"|", b"<", b">", b"="):
        raise _Refused(f"has an array of dtype {order + code!r:.50}", "numbers and lists are known here")
    return np.dtype((order + code).decode())


def array(shape: tuple[int, ...], dtype: np.dtype, fortran: bool, content: Any) -> np.ndarray:
    """An array from its parts, which must agree before anything is made.

    Args:
        shape: Its shape; `(n,)` for an array of objects.
        dtype: Its dtype: a number's or object.
        fortran: Whether the first index runs fastest in `content`.
        content: The bytes of the numbers, or the list of the objects.

    Returns:
        The array: of numbers, read-only, in the memory of `content`; or of the objects.

    Raises:
        ValueError: The parts do not agree; nothing was allocated.

    Example:

    >>> array((2, 2), np.dtype("u1"), False, bytes([1, 2, 3, 4]))
    array([[1, 2],
           [3, 4]], dtype=uint8)
    """
    if len(shape) > DIMENSIONS or not all(type(size) is int and size >= 0 for size in shape):
        raise ValueError(
            f"Expected the shape of an array of at most {DIMENSIONS} dimensions; found {str(shape)[:100]}."
        )
    count = math.prod(shape)
    if dtype.kind == "O":
        if len(shape) != 1 or not isinstance(content, list) or len(content) != count:
            raise ValueError(f"Expected a list of as many objects as an array of shape {str(shape)[:100]} holds.")
        return np.fromiter(content, dtype=object, count=count)
    if not isinstance(content, bytes) or len(content) != count * dtype.itemsize:
        found = f"{len(content)} bytes" if isinstance(content, bytes) else type(content).__name__
        raise ValueError(
            f"Expected the bytes of an array of shape {str(shape)[:100]} and dtype {dtype}; found {found}."
        )
    return np.frombuffer(content, dtype).reshape(shape, order="F" if fortran else "C")


def _integer_runs(data: bytes) -> dict[int, tuple[int, np.ndarray]]:
    """All runs of integers that follow a MARK, decoded together: a run's first byte -> the byte after it, its values.

    Integers are nearly all of a data set of word lists, twelve million in IMDB, and one opcode each: too many for a loop
    in Python. Where one begins is known only when its neighbour on the left has been read, so the runs are walked
    abreast: the first integers of all runs, then the second ones, ... A match inside a string is decoded for nothing.
    """
    spans = [match.span(1) for match in RUN.finditer(data)]
    if not spans:
        return {}
    begins, ends = np.array(spans).T
    octets = np.frombuffer(data, np.uint8)
    widths = np.zeros(256, np.int64)
    for code, kind in INTEGERS.items():
        widths[code] = 1 + np.dtype(kind).itemsize

    is_first = np.zeros(len(data), bool)  # whether a byte begins an integer of a run
    at, end = begins, ends
    while at.size:
        is_first[at] = True
        at = at + widths[octets[at]]
        inside = at < end
        at, end = at[inside], end[inside]
    firsts = np.flatnonzero(is_first)

    codes = octets[firsts]
    values = np.empty(len(firsts), np.int64)
    for code, kind in INTEGERS.items():
        chosen = np.flatnonzero(codes == code)
        following = octets[firsts[chosen, None] + 1 + np.arange(np.dtype(kind).itemsize)]
        values[chosen] = following.view(kind)[:, 0]

    pieces = zip(np.searchsorted(firsts, begins).tolist(), np.searchsorted(firsts, ends).tolist(), strict=True)
    return {begin: (end, values[a:b]) for (begin, end), (a, b) in zip(spans, pieces, strict=True)}
