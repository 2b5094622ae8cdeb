r"""What may be written, as an automaton: a regular expression or a JSON schema, over the pieces of a tokenizer.

    expression or schema -> tree -> automaton over bytes -> table: state x piece -> state

A tree is ("set", ranges of characters), ("seq", trees), ("alt", trees) or ("repeat", tree, least, most). The automaton reads
bytes, because a piece may hold half a character. In the compiled loop a mask over the vocabulary is one look into the table;
pieces that every state treats alike share a column. A piece is allowed only where what is left of the count is enough to come
to an end, so that all that is written matches.
"""

import json
from collections import deque
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from hornbook import ops
from hornbook_hub.generation import Writer
from hornbook_hub.sampling import LOWEST, Sampler

MOST_STATES = 4096
MOST_STEPS = 3_000_000  # of the construction
MOST_CELLS = 2**27  # of the table before its columns are shared
DEEPEST = 40
FAR = 2**30

Tree = tuple[Any, ...]
Ranges = list[tuple[int, int]]

CHARACTERS: Ranges = [(0, 0xD7FF), (0xE000, 0x10FFFF)]  # all that UTF-8 can write
ASCII: Ranges = [(0, 0x7F)]
CLASSES: dict[str, Ranges] = {
    "d": [(48, 57)],
    "w": [(48, 57), (65, 90), (95, 95), (97, 122)],
    "s": [(9, 13), (32, 32)],
}
ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "f": "\f", "v": "\v", "a": "\a"}


class ConstraintError(ValueError):
    """A constraint that cannot be kept, or that would take too many states."""


# --------------------------------------------------------------------------------------------------- regular expressions
def without(ranges: Ranges, whole: Ranges) -> Ranges:
    """The characters of `whole` that are not in `ranges`.

    >>> from hornbook_hub.constraints import without
    >>> without([(3, 4)], [(0, 9)])
    [(0, 2), (5, 9)]
    """
    found = []
    for low, high in whole:
        for first, last in sorted(ranges):
            if last < low or first > high:
                continue
            if first > low:
                found.append((low, first - 1))
            low = max(low, last + 1)
        if low <= high:
            found.append((low, high))
    return found


class Expression:
    r"""Reads a regular expression in the syntax of `re`, as `re.fullmatch` means it.

    Characters, `.`, classes `[a-z]` and `[^"]`, `\d \w \s` and their opposites (of ASCII), groups, `|`, and the repetitions
    `* + ? {m} {m,} {m,n}`. What looks around or back is refused.

    >>> from hornbook_hub.constraints import Expression
    >>> Expression("a|b").tree()
    ('alt', [('seq', [('set', [(97, 97)])]), ('seq', [('set', [(98, 98)])])])
    """

    def __init__(self, pattern: str) -> None:
        self.pattern, self.place, self.depth = pattern, 0, 0

    def tree(self) -> Tree:
        """The tree of the whole expression.

        Raises:
            ConstraintError: for what is not understood, with its place.
        """
        if self.peek() == "^":
            self.place += 1
        found = self.alternatives()
        if self.place < len(self.pattern):
            raise self.error("there is a ) without its (")
        return found

    def error(self, what: str) -> ConstraintError:
        return ConstraintError(f"The regular expression {self.pattern!r}, at character {self.place}: {what}.")

    def peek(self) -> str:
        return self.pattern[self.place : self.place + 1]

    def next(self) -> str:
        if self.place >= len(self.pattern):
            raise self.error("it ends too early")
        self.place += 1
        return self.pattern[self.place - 1]

    def alternatives(self) -> Tree:
        self.depth += 1
        if self.depth > DEEPEST:
            raise self.error(f"groups are nested more than {DEEPEST} deep")
        found = [self.sequence()]
        while self.peek() == "|":
            self.place += 1
            found.append(self.sequence())
        self.depth -= 1
        return found[0] if len(found) == 1 else ("alt", found)

    def sequence(self) -> Tree:
        found = []
        while self.peek() not in ("", "|", ")"):
            if self.peek() == "$" and self.place == len(self.pattern) - 1:
                self.place += 1
                break
            found.append(self.repetition(self.atom()))
        return ("seq", found)

    def repetition(self, tree: Tree) -> Tree:
        sign = self.peek()
        if sign in ("*", "+", "?") and sign:
            self.place += 1
            least, most = {"*": (0, None), "+": (1, None), "?": (0, 1)}[sign]
        elif sign == "{":
            self.place += 1
            end = self.pattern.find("}", self.place)
            parts = self.pattern[self.place : end].split(",") if end > 0 else []
            if len(parts) not in (1, 2) or not all(part == "" or part.isdecimal() for part in parts) or parts == [""]:
                raise self.error("{ begins a repetition such as {2}, {2,} or {2,5}; write \\{ for the character")
            self.place = end + 1
            least = int(parts[0] or 0)
            most = least if len(parts) == 1 else int(parts[1]) if parts[1] else None
            if most is not None and most < least or max(least, most or 0) > MOST_STATES:
                raise self.error(f"a repetition goes from less to more, {MOST_STATES} at most")
        else:
            return tree
        if self.peek() == "?":  # as few as can be: the same texts match as a whole
            self.place += 1
        elif self.peek() in ("+", "*", "{") and self.peek():
            raise self.error("a repetition of a repetition is not supported; put the inner one into a group")
        return ("repeat", tree, least, most)

    def atom(self) -> Tree:
        sign = self.next()
        if sign == "(":
            if self.peek() == "?":
                self.place += 1
                kind = self.next()
                if kind == "P" and self.peek() == "<":
                    self.place = self.pattern.find(">", self.place) + 1
                    if not self.place:
                        raise self.error("the name of a group has no end")
                elif kind != ":":
                    raise self.error(f"(?{kind} is not supported: groups are (...), (?:...) and (?P<name>...)")
            found = self.alternatives()
            if self.next() != ")":
                raise self.error("a ( has no )")
            return found
        if sign == ".":
            return ("set", without([(10, 10)], CHARACTERS))
        if sign == "[":
            return ("set", self.character_class())
        if sign == "\\":
            return ("set", self.escape())
        if sign in "^$*+?{":
            raise self.error(f"{sign} cannot stand here; write \\{sign} for the character")
        return ("set", [(ord(sign), ord(sign))])

    def escape(self) -> Ranges:
        sign = self.next()
        if sign.lower() in CLASSES:
            found = CLASSES[sign.lower()]
            return found if sign.islower() else without(found, ASCII)
        if sign in "xu":
            size = 2 if sign == "x" else 4
            digits = self.pattern[self.place : self.place + size]
            if len(digits) != size or not all(digit in "0123456789abcdefABCDEF" for digit in digits):
                raise self.error(f"\\{sign} is followed by {size} hexadecimal digits")
            self.place += size
            return [(int(digits, 16), int(digits, 16))]
        if sign.isalnum() and sign not in ESCAPES:
            raise self.error(f"\\{sign} is not supported")
        sign = ESCAPES.get(sign, sign)
        return [(ord(sign), ord(sign))]

    def character_class(self) -> Ranges:
        negated = self.peek() == "^"
        self.place += negated
        found: Ranges = []
        kinds, first = False, True
        while first or self.peek() != "]":
            first = False
            low = self.one_of_class()
            kinds = kinds or len(low) > 1 or low[0][0] != low[0][1]
            if self.peek() == "-" and self.pattern[self.place + 1 : self.place + 2] not in ("]", ""):
                self.place += 1
                high = self.one_of_class()
                if len(low) != 1 or len(high) != 1 or high[0][0] < low[0][0]:
                    raise self.error("a range goes from a character to a later one")
                low = [(low[0][0], high[0][0])]
            found += low
        self.place += 1
        if not negated:
            return [part for low, high in found for part in without(without([(low, high)], CHARACTERS), CHARACTERS)]
        return without(found, ASCII if kinds else CHARACTERS)  # \w of re knows more letters than ours

    def one_of_class(self) -> Ranges:
        sign = self.next()
        return self.escape() if sign == "\\" else [(ord(sign), ord(sign))]


def literal(text: str) -> Tree:
    """The tree of a text."""
    return ("seq", [("set", [(ord(sign), ord(sign))]) for sign in text])


# ---------------------------------------------------------------------------------------------------------- JSON schemas
WORDS_ABOUT = {"title", "description", "$schema", "$id", "default", "examples", "$comment"}  # say nothing of the value
WORDS_OF = {
    "object": {"properties", "required", "additionalProperties"},
    "array": {"items", "minItems", "maxItems"},
    "string": {"minLength", "maxLength"},
    "integer": set(),
    "number": set(),
    "boolean": set(),
    "null": set(),
}
INTEGER = "-?(0|[1-9][0-9]{0,17})"
SCALARS = {
    "integer": INTEGER,
    "number": INTEGER + r"(\.[0-9]{1,17})?([eE][+-]?[0-9]{1,2})?",
    "boolean": "true|false",
    "null": "null",
}
CHARACTER = ("alt", [("set", without([(0, 31), (34, 34), (92, 92)], CHARACTERS)), Expression(r'\\["\\/bfnrt]').tree()])


def tree_of_schema(schema: Any, path: str = "$", depth: int = 0) -> Tree:
    """The tree of the JSON texts that a schema allows, written as `json.dumps` writes them.

    Supported are `type` (or several), objects with `properties` in their order (those not `required` may be left out; no
    others are written), arrays (`items`, `minItems`, `maxItems`), strings (`minLength`, `maxLength`), numbers, integers,
    booleans, null, `enum`, `const` and `anyOf`.

    Raises:
        ConstraintError: for another word, by its name and place.
    """
    if not isinstance(schema, dict):
        raise ConstraintError(f"The schema at {path} must be a dictionary, got {schema!r}.")
    if depth > DEEPEST:
        raise ConstraintError(f"The schema is nested more than {DEEPEST} deep, at {path}.")
    words = set(schema) - WORDS_ABOUT
    for word in ("const", "enum", "anyOf"):
        if word in words:
            _only(words, {word, "type"} if word != "anyOf" else {word}, path)
            if word == "anyOf":
                return (
                    "alt",
                    [tree_of_schema(one, f"{path}.anyOf[{i}]", depth + 1) for i, one in enumerate(schema[word])],
                )
            values = [schema[word]] if word == "const" else schema[word]
            return ("alt", [literal(json.dumps(value)) for value in values])
    kinds = schema.get("type")
    kinds = [kinds] if isinstance(kinds, str) else kinds
    if not kinds or not all(kind in WORDS_OF for kind in kinds):
        raise ConstraintError(
            f"The schema at {path} needs a type among {sorted(WORDS_OF)}, got {schema.get('type')!r}."
        )
    _only(words, {"type"}.union(*(WORDS_OF[kind] for kind in kinds)), path)
    return ("alt", [_tree_of_type(kind, schema, path, depth) for kind in kinds])


def _only(words: set[str], known: set[str], path: str) -> None:
    if words - known:
        raise ConstraintError(
            f"The schema at {path} has {sorted(words - known)}, which is not supported here; supported is {sorted(known)}."
        )


def _tree_of_type(kind: str, schema: dict, path: str, depth: int) -> Tree:
    if kind in SCALARS:
        return Expression(SCALARS[kind]).tree()
    if kind == "string":
        least, most = _bounds(schema, "Length", path)
        return ("seq", [literal('"'), ("repeat", CHARACTER, least, most), literal('"')])
    if kind == "array":
        if "items" not in schema:
            raise ConstraintError(f"The array at {path} needs items.")
        least, most = _bounds(schema, "Items", path)
        item = tree_of_schema(schema["items"], f"{path}.items", depth + 1)
        more = ("repeat", ("seq", [literal(", "), item]), max(least - 1, 0), None if most is None else most - 1)
        several = [] if most == 0 else [("seq", [item, more])]
        return ("seq", [literal("["), ("alt", several + ([("seq", [])] if least == 0 else [])), literal("]")])
    properties, required = schema.get("properties", {}), schema.get("required", [])
    if schema.get("additionalProperties", False) is not False or set(required) - set(properties):
        raise ConstraintError(f"The object at {path} may have no properties but those it names.")
    members = [
        (
            name in required,
            ("seq", [literal(json.dumps(name) + ": "), tree_of_schema(one, f"{path}.{name}", depth + 1)]),
        )
        for name, one in properties.items()
    ]
    return ("seq", [literal("{"), _members(members), literal("}")])


def _bounds(schema: dict, what: str, path: str) -> tuple[int, int | None]:
    least, most = schema.get(f"min{what}", 0), schema.get(f"max{what}")
    if not isinstance(least, int) or least < 0 or not (most is None or (isinstance(most, int) and most >= least)):
        raise ConstraintError(f"min{what} and max{what} at {path} must be integers in order, got {least!r}, {most!r}.")
    if max(least, most or 0) > MOST_STATES:
        raise ConstraintError(
            f"min{what} and max{what} at {path} may be {MOST_STATES} at most, got {least!r}, {most!r}."
        )
    return least, most


def _members(members: list[tuple[bool, Tree]]) -> Tree:
    """Members of an object in their order: the first that is written has no comma before it."""
    if not members:
        return ("seq", [])
    (needed, member), rest = members[0], members[1:]
    commas = [("seq", [literal(", "), other]) for _, other in rest]
    after = [one if must else ("repeat", one, 0, 1) for one, (must, _) in zip(commas, rest, strict=True)]
    begun = ("seq", [member, *after])
    return begun if needed else ("alt", [begun, _members(rest)])


# ------------------------------------------------------------------------------------------------------------- automaton
def byte_ranges(low: int, high: int) -> Iterator[list[tuple[int, int]]]:
    """The characters of a range as sequences of ranges of bytes, in UTF-8.

    >>> from hornbook_hub.constraints import byte_ranges
    >>> list(byte_ranges(0x7F, 0x80))
    [[(127, 127)], [(194, 194), (128, 128)]]
    """
    for last in (0x7F, 0x7FF, 0xFFFF):
        if low <= last < high:
            yield from byte_ranges(low, last)
            yield from byte_ranges(last + 1, high)
            return
    size = len(chr(high).encode())
    for i in range(1, size):
        mask = (1 << (6 * i)) - 1
        if low | mask != high | mask:
            if low & mask:
                yield from byte_ranges(low, low | mask)
                yield from byte_ranges((low | mask) + 1, high)
                return
            if high & mask != mask:
                yield from byte_ranges(low, (high & ~mask) - 1)
                yield from byte_ranges(high & ~mask, high)
                return
    yield list(zip(chr(low).encode(), chr(high).encode(), strict=True))


class Automaton:
    """The automaton of a tree, over bytes: `steps` (states, 256), -1 where nothing is allowed; `accepts` (states,).

    It is made as Thompson 1968 does, https://doi.org/10.1145/363347.363387, and made deterministic by sets of states.

    Raises:
        ConstraintError: for one that takes too many states.

    >>> from hornbook_hub.constraints import Automaton, Expression
    >>> automaton = Automaton(Expression("(ab)+").tree())
    >>> automaton.matches(b"abab"), automaton.matches(b"aba")
    (True, False)
    """

    def __init__(self, tree: Tree) -> None:
        self.free: list[list[int]] = []  # of each state of the first automaton: where it goes without a byte
        self.by_byte: list[list[tuple[int, int, int]]] = []  # (first byte, last byte, state)
        self.done = 0
        start = self.state()
        end = self.add(tree, start)
        self.make_deterministic(start, end)

    def matches(self, text: bytes) -> bool:
        """Whether the automaton accepts these bytes."""
        state = 0
        for byte in text:
            state = int(self.steps[state, byte]) if state >= 0 else -1
        return state >= 0 and bool(self.accepts[state])

    def state(self) -> int:
        self.free.append([])
        self.by_byte.append([])
        self.work(1)
        return len(self.free) - 1

    def work(self, steps: int) -> None:
        self.done += steps
        if self.done > MOST_STEPS or len(self.free) > 20 * MOST_STATES:
            raise ConstraintError(
                f"The constraint takes more than {MOST_STEPS} steps to compile; make its repetitions or its nesting smaller."
            )

    def add(self, tree: Tree, start: int) -> int:
        """Add a tree behind a state: the state behind the tree."""
        kind, *parts = tree
        if kind == "seq":
            for part in parts[0]:
                start = self.add(part, start)
            return start
        end = self.state()
        if kind == "alt":
            for part in parts[0]:
                first = self.state()
                self.free[start].append(first)
                self.free[self.add(part, first)].append(end)
        elif kind == "set":
            for low, high in parts[0]:
                for sequence in byte_ranges(low, high):
                    state = start
                    for i, (first, last) in enumerate(sequence):
                        target = end if i == len(sequence) - 1 else self.state()
                        self.by_byte[state].append((first, last, target))
                        state = target
        else:
            inner, least, most = parts
            for _ in range(least):
                start = self.add(inner, start)
            if most is None:
                first = self.state()
                self.free[start].append(first)
                self.free[self.add(inner, first)].append(first)
                self.free[first].append(end)
                return end
            for _ in range(most - least):
                self.free[start].append(end)
                start = self.add(inner, start)
            self.free[start].append(end)
        return end

    def closure(self, states: set[int]) -> frozenset[int]:
        """The states, and those that they go to without a byte."""
        todo, found = list(states), set(states)
        while todo:
            for target in self.free[todo.pop()]:
                if target not in found:
                    found.add(target)
                    todo.append(target)
        self.work(len(found))
        return frozenset(found)

    def make_deterministic(self, start: int, end: int) -> None:
        cuts = sorted({0, 256} | {cut for edges in self.by_byte for low, high, _ in edges for cut in (low, high + 1)})
        numbers = {self.closure({start}): 0}
        rows: list[np.ndarray] = []
        todo = deque(numbers)
        while todo:
            edges = [edge for state in todo.popleft() for edge in self.by_byte[state]]
            row = np.full(256, -1, "int32")
            for low, high in zip(cuts, cuts[1:], strict=False):
                targets = {target for first, last, target in edges if first <= low <= last}
                self.work(1 + len(edges) // 8)
                if not targets:
                    continue
                after = self.closure(targets)
                if after not in numbers:
                    numbers[after] = len(numbers)
                    todo.append(after)
                    if len(numbers) > MOST_STATES:
                        raise ConstraintError(
                            f"The constraint has more than {MOST_STATES} states; make its repetitions or nesting smaller."
                        )
                row[low:high] = numbers[after]
            rows.append(row)
        self.steps = np.stack(rows)
        self.accepts = np.array([end in states for states in numbers])


# ------------------------------------------------------------------------------------------------------ over the pieces
def bytes_of_pieces(tokenizer: Any, size: int) -> list[bytes]:
    """What each piece writes; nothing for special ones.

    Raises:
        ConstraintError: for tokenizers whose pieces do not simply stand one after the other.
    """
    settings = json.loads(tokenizer.engine.to_str())
    decoder = settings.get("decoder") or {}
    kinds = [part["type"] for part in decoder.get("decoders", [decoder]) if part]
    if not set(kinds) <= {"ByteLevel", "Metaspace", "ByteFallback", "Replace", "Fuse", "Strip"} or not kinds:
        raise ConstraintError(
            f"A constraint needs a tokenizer whose pieces are parts of the text (ByteLevel, Metaspace, ByteFallback); this "
            f"one decodes with {kinds}."
        )
    special = {token["id"] for token in settings.get("added_tokens", []) if token["special"]}
    printed = [
        *range(33, 127),
        *range(161, 173),
        *range(174, 256),
    ]  # bytes that stand for themselves in byte-level pieces
    hidden = [byte for byte in range(256) if byte not in printed]
    byte_of = {chr(byte): byte for byte in printed} | {chr(256 + i): byte for i, byte in enumerate(hidden)}
    found = [b""] * size
    for piece, number in tokenizer.engine.get_vocab().items():
        if number >= size or number in special:
            continue
        if "ByteLevel" in kinds:
            found[number] = bytes(byte_of[c] for c in piece) if all(c in byte_of for c in piece) else piece.encode()
        elif "ByteFallback" in kinds and len(piece) == 6 and piece.startswith("<0x"):
            found[number] = bytes([int(piece[3:5], 16)])
        else:
            found[number] = piece.replace("\u2581", " ").encode()
    return found


class PieceTable:
    """An automaton over pieces.

    Attributes:
        steps: (states, columns), the next state; -1 where a piece is not allowed.
        column: (V,), the column of each piece.
        distance: (states,), the fewest pieces until the text may end.
        accepts: (states,).
    """

    def __init__(self, automaton: Automaton, pieces: Sequence[bytes]) -> None:
        states = len(automaton.steps)
        if states * len(pieces) > MOST_CELLS:
            raise ConstraintError(
                f"The constraint has {states} states and the tokenizer {len(pieces)} pieces: a table of more than "
                f"{MOST_CELLS} cells; make its repetitions or nesting smaller."
            )
        longest = max(map(len, pieces))
        lengths = np.array([len(piece) for piece in pieces])
        padded = np.zeros((len(pieces), longest), "uint8")
        for row, piece in enumerate(pieces):
            padded[row, : len(piece)] = list(piece)
        table = np.empty((states, len(pieces)), "int16")
        for state in range(states):
            now = np.where(lengths > 0, state, -1).astype("int16")
            alive = np.flatnonzero(lengths > 0)
            for place in range(longest):
                now[alive] = automaton.steps[now[alive], padded[alive, place]]
                alive = alive[(now[alive] >= 0) & (lengths[alive] > place + 1)]
                if not len(alive):
                    break
            table[state] = now
        self.accepts = automaton.accepts
        self.distance = distances(table, automaton.accepts)
        columns: dict[bytes, int] = {}
        self.column = np.array([columns.setdefault(column.tobytes(), len(columns)) for column in table.T], "int32")
        first = np.unique(self.column, return_index=True)[1]
        self.steps = table[:, first].astype("int32")


def distances(table: np.ndarray, accepts: np.ndarray) -> np.ndarray:
    """The fewest steps from each state to one that accepts; `FAR` where there is none."""
    before: list[set[int]] = [set() for _ in accepts]
    for state, row in enumerate(table):
        for target in np.unique(row[row >= 0]):
            before[target].add(state)
    found = np.where(accepts, 0, FAR).astype("int32")
    todo = deque(np.flatnonzero(accepts).tolist())
    while todo:
        target = todo.popleft()
        for state in before[target]:
            if found[state] == FAR:
                found[state] = found[target] + 1
                todo.append(state)
    return found


def automaton_of(constraint: Any) -> Automaton:
    """The automaton of a regular expression (a string) or of a JSON schema (a dictionary)."""
    if isinstance(constraint, str):
        return Automaton(Expression(constraint).tree())
    if isinstance(constraint, dict):
        return Automaton(tree_of_schema(constraint))
    raise ConstraintError(
        f"constraint must be a regular expression or a JSON schema (a dictionary), got {constraint!r}."
    )


class ConstrainedWriter(Writer):
    """Writes what matches a constraint, whole: the text ends where the automaton accepts.

    Args:
        model, sampler, end, pad: see `Writer`.
        constraint: a regular expression, or a JSON schema.

    Raises:
        ConstraintError: for a constraint, tokenizer or sampler that do not go together.
    """

    def __init__(self, model: Any, sampler: Sampler, end: Sequence[int], pad: int, constraint: Any) -> None:
        super().__init__(model, sampler, end, pad)
        if not isinstance(sampler, Sampler):
            raise ConstraintError(f"constraint goes with a Sampler, got {sampler!r}.")
        if model.tokenizer is None or not end:
            raise ConstraintError(
                "constraint needs a model with a tokenizer and a piece that ends texts (eos_token_id)."
            )
        self.table = PieceTable(automaton_of(constraint), bytes_of_pieces(model.tokenizer, model.config.vocab_size))
        if self.table.distance[0] >= FAR:
            raise ConstraintError("No text of this tokenizer's pieces matches the constraint.")

    def _seen(self, prompts: Sequence[Sequence[int]], count: int) -> Any:
        """What `Writer` has, the state of each row (B,), and how many pieces it may still write (B,)."""
        needed = int(self.table.distance[0])
        if needed > count:
            raise ConstraintError(
                f"The shortest text that matches has {needed} pieces, but {count} may be written: raise max_new_tokens."
            )
        batch = len(prompts)
        return super()._seen(prompts, count), np.zeros(batch, "int32"), np.full(batch, count, "int32")

    def _chosen(self, logits: Any, seen: Any, done: Any, seed: Any) -> tuple[Any, Any, Any]:
        """As `Writer` chooses, among the pieces from which the text can still come to an end."""
        seen, state, left = seen
        table = self.table
        steps = ops.take(ops.convert_to_tensor(table.steps), state, axis=0)  # (B, columns)
        far = ops.take(ops.convert_to_tensor(table.distance), ops.maximum(steps, 0), axis=0)
        open_columns = ops.logical_and(steps >= 0, far < left[:, None])
        allowed = ops.take(open_columns, ops.convert_to_tensor(table.column), axis=1)  # (B, V)
        numbers = ops.arange(allowed.shape[1])[None]
        accepts = ops.take(ops.convert_to_tensor(table.accepts), state, axis=0)[:, None]
        for number in self.end:
            allowed = ops.where(numbers == number, accepts, allowed)
        logits = ops.where(allowed, ops.cast(logits, "float32"), LOWEST)
        pieces, seen, done = super()._chosen(logits, seen, done, seed)
        column = ops.take(ops.convert_to_tensor(table.column), pieces, axis=0)
        after = ops.take_along_axis(steps, column, axis=1)[:, 0]
        return pieces, (seen, ops.where(done, state, after), left - 1), done
