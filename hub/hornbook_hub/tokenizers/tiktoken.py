"""Tiktoken's files: a piece's bytes in base64 and its rank, a line for each piece. Llama 3's and Qwen's own files are such.

There is no list of merges: any two neighbours that together are a piece may become one, the lowest rank first.

Source: https://github.com/openai/tiktoken
"""

import base64
import binascii
from pathlib import Path
from typing import Any

from hornbook.core.untrusted import DamagedFileError
from hornbook_hub.tokenizers import byte_pairs
from hornbook_hub.tokenizers.byte_pairs import LLAMA_3_SPLIT, LONGEST_FILE, BytePairs, merges_by_rank

MOST_PIECES = 1_000_000
LONGEST_PIECE = 1024  # bytes


def read(path: Path) -> BytePairs:
    """The pieces of a file of ranks, their bytes written as the visible characters of byte-level pairs.

    Raises:
        ValueError: for a file that is none, is damaged, or lacks one of the 256 bytes.
    """
    if path.stat().st_size > LONGEST_FILE:
        raise DamagedFileError(f"{path} is refused: it has more than {LONGEST_FILE:,} bytes.")
    shown = visible_bytes()
    numbers: dict[str, int] = {}
    for place, line in enumerate(path.read_bytes().splitlines()):
        if not line.strip():
            continue
        try:
            text, rank = line.split()
            piece = base64.b64decode(text, validate=True)
            number = int(rank)
        except (ValueError, binascii.Error):
            raise DamagedFileError(
                f"{path} is damaged: line {place + 1}, {line[:40]!r}, is no piece in base64 and its rank."
            ) from None
        if not 0 < len(piece) <= LONGEST_PIECE or not 0 <= number < MOST_PIECES:
            raise DamagedFileError(
                f"{path} is refused: line {place + 1} is a piece of {len(piece):,} bytes with the rank {number:,}; pieces "
                f"have up to {LONGEST_PIECE:,} bytes and ranks below {MOST_PIECES:,}."
            )
        numbers["".join(shown[byte] for byte in piece)] = number
    if lacking := [byte for byte, character in enumerate(shown) if character not in numbers]:
        raise DamagedFileError(f"{path} is damaged: no piece stands for the bytes {lacking[:8]}.")
    order = sorted(numbers, key=numbers.__getitem__)
    if len(set(numbers.values())) != len(numbers):
        raise DamagedFileError(f"{path} is damaged: two pieces have the same rank.")
    # Of the pairs that make one piece, the one whose parts came first.
    pairs = merges_by_rank(numbers, order)
    pairs.sort(key=lambda pair: (numbers[pair[0] + pair[1]], numbers[pair[0]], numbers[pair[1]]))
    return BytePairs(numbers, pairs, whole_words=True)


def llama3(pairs: BytePairs, names: dict[str, str | None], settings: dict[str, Any]) -> Any:
    """Llama 3's engine, and of tiktoken's files that are of no kind known by name: digits by threes."""
    return byte_pairs.split_first(byte_pairs.engine(pairs), LLAMA_3_SPLIT)


def visible_bytes() -> list[str]:
    """The character that stands for each byte: itself where it can be seen, else the next one from U+0100 on.

    >>> from hornbook_hub.tokenizers.tiktoken import visible_bytes
    >>> visible_bytes()[ord("A")], visible_bytes()[ord(" ")]
    ('A', 'Ġ')
    """
    seen = {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    others = iter(range(0x100, 0x200))
    return [chr(byte) if byte in seen else chr(next(others)) for byte in range(256)]
