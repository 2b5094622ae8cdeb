"""How HDF5 finds things: lists of names, of attributes and of pieces, in the trees of its older and its newer layout.

Older: a *symbol table* is a B-tree whose leaves list (name, place), with the names in a heap of texts.
Newer: a *link* is a message in the group's header, or, where there are many, in a *fractal heap*, found through a second
kind of B-tree. A reader needs no search, so both trees are walked whole.

Each block is read through `Source.block`, which gives every block once: a tree that leads back to itself, or to one leaf
from two sides, is refused, and so the work is bounded by the length of the file.
"""

from hornbook.core.untrusted import DamagedFileError
from hornbook.saving.hdf5_source import LINK, LINK_INFO, NOWHERE, SYMBOLS, Message, Source, number


def children(source: Source, owner: str, header: list[Message]) -> dict[str, int]:
    """The names in a group, with the places of their objects.

    Args:
        source: the file's `Source`.
        owner: the group's path, for messages.
        header: the group's messages.

    Raises:
        DamagedFileError: for a name that is a link to another place or file, and for a damaged tree.
    """
    pairs: list[tuple[bytes, int]] = []
    for message in header:
        if message.kind == SYMBOLS:
            pairs += _symbols(source, owner, number(message.data, 0, 8), number(message.data, 8, 8))
        elif message.kind == LINK:
            pairs.append(_link(source, owner, message.data))
        elif message.kind == LINK_INFO:
            place = 2 + (8 if number(message.data, 1, 1) & 1 else 0)
            heap, tree = number(message.data, place, 8), number(message.data, place + 8, 8)
            if heap != NOWHERE:
                pairs += [_link(source, owner, data) for data in _heap_objects(source, heap, tree, kind=5, skip=4)]
    found: dict[str, int] = {}
    for raw, place in sorted(pairs):
        try:
            name = raw.decode("utf-8")
        except UnicodeDecodeError:
            raise source.refuse(f"{owner} holds a name that is no text") from None
        if not name or "/" in name or name in (".", "..") or name in found:
            raise source.refuse(f"{owner} holds the name {name[:80]!r}, which is no name, or is there twice")
        found[name] = place
    return found


def attributes(source: Source, infos: list[bytes]) -> list[bytes]:
    """The attribute messages that an object with many of them keeps outside of its header."""
    found = []
    for info in infos:
        place = 2 + (2 if number(info, 1, 1) & 1 else 0)
        heap, tree = number(info, place, 8), number(info, place + 8, 8)
        if heap != NOWHERE:
            found += _heap_objects(source, heap, tree, kind=8, skip=0)
    return found


# ------------------------------------------------------------------------------------------- older: symbol tables
def _symbols(source: Source, owner: str, tree: int, heap: int) -> list[tuple[bytes, int]]:
    """(name, place) of the entries of a symbol table (sections III.B and III.D)."""
    start = source.block(heap, 32, b"HEAP")
    texts = source.structure(number(start, 24, 8), number(start, 8, 8))
    pairs = []
    for leaf in _tree(source, tree, kind=0, key_bytes=8):
        head = source.block(leaf[1], 8, b"SNOD")
        count = number(head, 6, 2)
        entries = source.structure(leaf[1] + 8, 40 * count)
        for at in range(0, 40 * count, 40):
            name_at, place, cache = (number(entries, at + step, size) for step, size in ((0, 8), (8, 8), (16, 4)))
            end = texts.find(b"\0", name_at)
            if name_at >= len(texts) or end < 0:
                raise DamagedFileError(f"{source.name} is damaged: a name in {owner} is not there.")
            name = texts[name_at:end]
            if cache == 2 or place == NOWHERE:
                raise source.refuse(f"{owner.rstrip('/')}/{name[:80].decode('utf-8', 'replace')} is a link")
            pairs.append((name, place))
    return pairs


def _tree(source: Source, place: int, kind: int, key_bytes: int, level: int | None = None) -> list[tuple[bytes, int]]:
    """(key, child) of all the leaves of a B-tree of version 1 (section III.A.1)."""
    head = source.block(place, 24, b"TREE")
    found_kind, found_level, count = head[4], head[5], number(head, 6, 2)
    if found_kind != kind or (level is not None and found_level != level) or found_level > 16:
        raise DamagedFileError(f"{source.name} is damaged: the tree at byte {place:,} does not fit together.")
    step = key_bytes + 8
    entries = source.structure(place + 24, step * count)
    pairs = [(entries[at : at + key_bytes], number(entries, at + key_bytes, 8)) for at in range(0, step * count, step)]
    if not found_level:
        return pairs
    return [leaf for _, child in pairs for leaf in _tree(source, child, kind, key_bytes, found_level - 1)]


def chunks(source: Source, place: int, rank: int) -> list[tuple[tuple[int, ...], int, int]]:
    """(offsets, bytes, place) of the pieces of a data set.

    Raises:
        DamagedFileError: for two pieces of one place, and pieces that were left out of the filters.
    """
    if place == NOWHERE:
        return []
    found: dict[tuple[int, ...], tuple[int, int]] = {}
    for key, child in _tree(source, place, kind=1, key_bytes=8 + 8 * (rank + 1)):
        offsets = tuple(number(key, 8 + 8 * axis, 8) for axis in range(rank))
        if offsets in found or number(key, 4, 4):
            raise source.refuse(f"the piece at {offsets} of a data set is there twice, or packed in its own way")
        found[offsets] = (number(key, 0, 4), child)
    return [(offsets, size, child) for offsets, (size, child) in found.items()]


# ------------------------------------------------------------------------------------------------- newer: links
def _link(source: Source, owner: str, data: bytes) -> tuple[bytes, int]:
    """Name and place of a link message (section IV.A.2.g)."""
    version, flags = number(data, 0, 1), number(data, 1, 1)
    place, kind = 2, 0
    if flags & 0x08:
        kind, place = number(data, place, 1), place + 1
    place += (8 if flags & 0x04 else 0) + (1 if flags & 0x10 else 0)
    width = 1 << (flags & 0x3)
    length = number(data, place, width)
    place += width
    name = data[place : place + length]
    if version != 1 or kind != 0 or len(name) != length:
        raise source.refuse(f"{owner.rstrip('/')}/{name[:80].decode('utf-8', 'replace')} is a link")
    return name, number(data, place + length, 8)


def _heap_objects(source: Source, heap: int, tree: int, kind: int, skip: int) -> list[bytes]:
    """The objects in a fractal heap that a B-tree of version 2 lists (sections III.G and III.A.2)."""
    identifiers = [record[skip : skip + 8] for record in _records(source, tree, kind)]
    head = source.block(heap, 146, b"FRHP")
    width, start, largest, bits = (number(head, at, size) for at, size in ((110, 2), (112, 8), (120, 8), (128, 2)))
    rows, root = number(head, 140, 2), number(head, 132, 8)
    powers = all(n and not n & (n - 1) for n in (width, start, largest))
    if not powers or bits > 64 or start > largest or largest > 2**31 or number(head, 7, 2):
        raise source.refuse("a list of names in it is kept in a way that is not read")
    offset_bytes = -(-bits // 8)
    length_bytes = min(-(-(largest.bit_length() - 1) // 8), _bytes_for(number(head, 10, 4)))
    blocks: list[tuple[int, bytes]] = []

    def indirect(place: int, rows: int, offset: int, depth: int) -> int:
        """Collect the blocks below one that lists others; gives the offset behind them."""
        direct_rows = largest.bit_length() - start.bit_length() + 2
        if depth > 8 or rows > 64:
            raise source.refuse("a list of names in it goes too deep")
        before = 13 + offset_bytes
        list_ = None if place == NOWHERE else source.block(place, before + 8 * width * rows, b"FHIB")
        for row in range(rows):
            size = start << max(row - 1, 0)
            for column in range(width):
                child = NOWHERE if list_ is None else number(list_, before + 8 * (row * width + column), 8)
                if child != NOWHERE:
                    if row < direct_rows:
                        blocks.append((offset, source.block(child, size, b"FHDB")))
                    else:
                        inner_rows = size.bit_length() - (start * width).bit_length() + 1
                        indirect(child, inner_rows, offset, depth + 1)
                offset += size
        return offset

    if root != NOWHERE:
        if rows:
            indirect(root, rows, 0, 0)
        else:
            blocks.append((0, source.block(root, start, b"FHDB")))
    found = []
    for identifier in identifiers:
        if number(identifier, 0, 1) & 0xF0:
            raise source.refuse("a name or attribute in it is kept in a way that is not read")
        offset, length = number(identifier, 1, offset_bytes), number(identifier, 1 + offset_bytes, length_bytes)
        inside = next((b[offset - at :][:length] for at, b in blocks if at <= offset < at + len(b)), b"")
        if len(inside) != length or not length:
            raise DamagedFileError(f"{source.name} is damaged: a list of names leads out of itself.")
        found.append(inside)
    return found


def _bytes_for(limit: int) -> int:
    """How many bytes a number up to `limit` takes."""
    return max(limit.bit_length() - 1, 0) // 8 + 1


def _records(source: Source, tree: int, kind: int) -> list[bytes]:
    """All records of a B-tree of version 2 (section III.A.2)."""
    head = source.block(tree, 38, b"BTHD")
    node, size, depth = number(head, 6, 4), number(head, 10, 2), number(head, 12, 2)
    if head[5] != kind or not size or depth > 8 or node < 10 + size:
        raise DamagedFileError(f"{source.name} is damaged: the tree at byte {tree:,} does not fit together.")
    most = (node - 10) // size  # records of a leaf
    count_bytes = _bytes_for(most)
    total_bytes, total = [0], most  # of all records below a node, by its height
    for _ in range(depth):
        pointer = 8 + count_bytes + total_bytes[-1]
        here = (node - 10 - pointer) // (size + pointer)
        total = (here + 1) * total + here
        total_bytes.append(_bytes_for(total))

    def below(place: int, count: int, height: int) -> list[bytes]:
        step = 8 + count_bytes + (total_bytes[height - 1] if height else 0)
        length = 6 + count * size + (step * (count + 1) if height else 0)
        data = source.block(place, length, b"BTIN" if height else b"BTLF")
        records = [data[6 + at * size : 6 + (at + 1) * size] for at in range(count)]
        for at in range(count + 1 if height else 0):
            pointer = 6 + count * size + at * step
            records += below(number(data, pointer, 8), number(data, pointer + 8, count_bytes), height - 1)
        return records

    root, count = number(head, 16, 8), number(head, 24, 2)
    return [] if root == NOWHERE or not count else below(root, count, depth)
