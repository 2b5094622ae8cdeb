"""SentencePiece's models: `tokenizer.model`, `spiece.model`, `sentencepiece.bpe.model`, of Llama, Gemma, T5, XLM-RoBERTa, SigLIP.

    "Hello world" -> "▁Hello▁world" -> pairs merged, the best piece first (BPE), or the most likely pieces (Unigram):

        argmax over x = x_1 ... x_n of sum_i log p(x_i)

The file is a protocol buffer: pieces with scores (1), how it was trained (2), how texts are normalized (3).

Sources: Kudo and Richardson 2018, "SentencePiece"; Kudo 2018, "Subword Regularization"; sentencepiece_model.proto.
"""

import struct
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from hornbook.core.untrusted import DamagedFileError, protobuf_fields
from hornbook_hub.tokenizers.byte_pairs import merges_by_rank

LONGEST_FILE = 64 * 1024**2
MOST_PIECES = 1_000_000
LONGEST_PIECE = 1024  # bytes
UNIGRAM, BPE = 1, 2
NORMAL, UNKNOWN, CONTROL, USER_DEFINED, UNUSED, BYTE = 1, 2, 3, 4, 5, 6
SPACE = "▁"


class Piece(NamedTuple):
    """A piece: its text, its score (the logarithm of how likely it is), and which type it is of."""

    text: str
    score: float
    type: int


class SentencePieces(NamedTuple):
    """What a model says."""

    pieces: list[Piece]
    model: int
    unknown: int
    byte_fallback: bool
    characters: bytes
    """The table of what characters become, compiled."""
    dummy_prefix: bool
    remove_spaces: bool
    escape_spaces: bool


def read(path: Path) -> SentencePieces:
    """The model in a file.

    Raises:
        ValueError: for a file that is none, is damaged, or holds another kind of model than BPE and Unigram.
    """
    if path.stat().st_size > LONGEST_FILE:
        raise DamagedFileError(f"{path} is refused: it has more than {LONGEST_FILE:,} bytes.")
    pieces: list[Piece] = []
    trainer: dict[int, Any] = {}
    normalizer: dict[int, Any] = {}
    try:
        for number, value in protobuf_fields(path.read_bytes(), MOST_PIECES):
            if number == 1:
                pieces.append(_piece(value))
            elif number == 2:
                trainer = dict(protobuf_fields(_bytes(value)))
            elif number == 3:
                normalizer = dict(protobuf_fields(_bytes(value)))
    except (ValueError, IndexError, struct.error) as error:
        raise DamagedFileError(f"{path} is damaged: it is no SentencePiece model ({error}).") from None
    model, unknown = trainer.get(3, UNIGRAM), trainer.get(40, 0)
    texts = {piece.text for piece in pieces}
    if not pieces or len(texts) != len(pieces):
        raise DamagedFileError(f"{path} is damaged: it holds no pieces, or one of them twice.")
    if model not in (UNIGRAM, BPE):
        raise ValueError(f"{path} is a SentencePiece model of words or characters; known are BPE and Unigram.")
    if not isinstance(unknown, int) or unknown >= len(pieces) or pieces[unknown].type != UNKNOWN:
        raise DamagedFileError(f"{path} is damaged: its piece {unknown!r}, for what is unknown, is none.")
    if trainer.get(24, 0):
        raise ValueError(f"{path} marks spaces behind words, not in front of them: that is not known here.")
    byte_fallback = bool(trainer.get(35, 0))
    lacking = [f"<0x{byte:02X}>" for byte in range(256) if f"<0x{byte:02X}>" not in texts]
    if byte_fallback and lacking:
        raise DamagedFileError(f"{path} is damaged: it falls back to bytes, and lacks the pieces {lacking[:4]}.")
    characters = _bytes(normalizer.get(2, b""))
    check_characters(characters, path)
    flags = (bool(normalizer.get(number, 1)) for number in (3, 4, 5))
    return SentencePieces(pieces, model, unknown, byte_fallback, characters, *flags)


def _piece(value: Any) -> Piece:
    """A piece's text (1), score (2, a float) and type (3)."""
    fields = dict(protobuf_fields(_bytes(value)))
    text, (score,) = _bytes(fields.get(1, b"")).decode("utf-8"), struct.unpack("<f", _bytes(fields.get(2, bytes(4))))
    kind = fields.get(3, NORMAL)
    if not isinstance(kind, int) or not 0 < len(text) <= LONGEST_PIECE or kind not in range(1, 7) or score != score:
        raise ValueError(f"the piece {text[:40]!r} of type {kind!r} with the score {score}")
    return Piece(text, score, kind)


def _bytes(value: Any) -> bytes:
    if not isinstance(value, bytes):
        raise ValueError("a number where bytes belong")
    return value


def check_characters(compiled: bytes, path: Any) -> None:
    """Whether a table of characters is whole: the size of its trie, the trie, texts that end in zeros.

    The trie is a double array (Yata et al.): unit p leads by an offset and the next byte to unit p ^ offset ^ byte. A unit that
    leads, or holds the place of a text, must stay inside.

    Raises:
        DamagedFileError: if it is not.
    """
    if not compiled:
        return
    refused = DamagedFileError(f"{path} is damaged: its table of characters leads beyond its end.")
    size = int.from_bytes(compiled[:4], "little")
    texts = compiled[4 + size :]
    if len(compiled) < 4 or size % 1024 or not 0 < size <= len(compiled) - 4 or texts[-1:] not in (b"", b"\0"):
        raise refused
    try:
        texts.decode("utf-8")
    except UnicodeDecodeError:
        raise refused from None
    units = np.frombuffer(compiled, "<u4", size // 4, 4).astype("int64")
    leads = np.arange(len(units)) ^ offsets(units)
    inner = units < 1 << 31
    if leads[inner].max(initial=0) >= len(units):
        raise refused
    places = units[leads[inner & (units >> 8 & 1 == 1)]] & 0x7FFFFFFF
    starts = {0, *(place + 1 for place, byte in enumerate(texts) if byte == 0)}
    if places.max(initial=0) >= max(len(texts), 1) or not starts.issuperset(places.tolist()):
        raise refused


def offsets(units: Any) -> Any:
    """How far units of a double array lead: 22 bits, in steps of 1 or 256."""
    return units >> 10 << ((units & 1 << 9) >> 6)


def characters_of(compiled: bytes, longest: int) -> dict[str, str]:
    """What each text of up to `longest` bytes becomes, by a compiled table of characters.

    Paths of the trie share their ends, so that it holds more texts than units; longer ones are not followed.

    Raises:
        ValueError: for a table that is damaged, or has far more entries than units.
    """
    check_characters(compiled, "precompiled_charsmap")
    size = int.from_bytes(compiled[:4], "little")
    units = np.frombuffer(compiled, "<u4", size // 4, 4).astype("int64")
    leads = (np.arange(len(units)) ^ offsets(units)).tolist()
    children: dict[int, list[tuple[int, int]]] = {}
    for place, byte in enumerate((units & 0x800000FF).tolist()):
        if 0 < byte < 256:
            children.setdefault(place ^ byte, []).append((byte, place))
    found: dict[str, str] = {}
    paths = [(leads[0], b"")]
    while paths:
        base, text = paths.pop()
        for byte, place in children.get(base, ()):
            spelled = text + bytes([byte])
            if units[place] >> 8 & 1:
                start = 4 + size + (int(units[leads[place]]) & 0x7FFFFFFF)
                becomes = compiled[start : compiled.index(b"\0", start)]
                found[spelled.decode("utf-8", "replace")] = becomes.decode("utf-8")
            if len(spelled) < longest:
                paths.append((leads[place], spelled))
        if len(found) + len(paths) > 100 * len(units):
            raise DamagedFileError("precompiled_charsmap is damaged: its trie has far more paths than places.")
    return found


def compiled_characters(texts: dict[str, str]) -> bytes:
    """The compiled table of a few characters, each node of its trie in a block of its own.

    >>> from hornbook_hub.tokenizers.sentence_pieces import characters_of, compiled_characters
    >>> characters_of(compiled_characters({"a": "b", "ab": ""}), longest=5)
    {'a': 'b', 'ab': ''}
    """
    nodes: dict[bytes, int] = {b"": 0}
    for text in texts:
        spelled = text.encode("utf-8")
        for end in range(1, len(spelled) + 1):
            nodes.setdefault(spelled[:end], len(nodes))
    # The children of node n stand in block n + 1: node n leads from its place to there.
    units = np.zeros((len(nodes) + 1) * 256, "<u4")
    places = {b"": 0} | {path: (nodes[path[:-1]] + 1) * 256 ^ path[-1] for path in nodes if path}
    for path, number in nodes.items():
        lead = places[path] ^ (number + 1) * 256
        units[places[path]] = lead << 10 | (path[-1] if path else 0)
    held = b""
    for text, becomes in texts.items():
        path = text.encode("utf-8")
        units[places[path]] |= 1 << 8
        units[(nodes[path] + 1) * 256] = 1 << 31 | len(held)
        held += becomes.encode("utf-8") + b"\0"
    return units.nbytes.to_bytes(4, "little") + units.tobytes() + held


# ------------------------------------------------------------------------------------------------------- engines
def llama(model: SentencePieces, names: dict[str, str | None], settings: dict[str, Any]) -> Any:
    """Llama's engine: a space in front of the text, no normalization, bytes for what is unknown."""
    from tokenizers import decoders, pre_tokenizers

    prefix = settings.get("add_prefix_space")
    prefix = True if prefix is None else bool(prefix)
    scheme = ("always" if settings.get("legacy") else "first") if prefix else "never"
    engine = _pairs(model, byte_fallback=True)
    engine.pre_tokenizer = pre_tokenizers.Metaspace(replacement=SPACE, prepend_scheme=scheme, split=False)
    steps = [decoders.Replace(SPACE, " "), decoders.ByteFallback(), decoders.Fuse()]
    engine.decoder = decoders.Sequence([*steps, decoders.Strip(content=" ", left=1)] if prefix else steps)
    return engine


def gemma(model: SentencePieces, names: dict[str, str | None], settings: dict[str, Any]) -> Any:
    """Gemma's engine: spaces as they are, bytes for what is unknown."""
    from tokenizers import decoders, normalizers, pre_tokenizers

    engine = _pairs(model, byte_fallback=True, unk_token=names["unk"])
    engine.normalizer = normalizers.Replace(" ", SPACE)
    engine.pre_tokenizer = pre_tokenizers.Split(" ", behavior="merged_with_previous")
    engine.decoder = decoders.Sequence([decoders.Replace(SPACE, " "), decoders.ByteFallback(), decoders.Fuse()])
    return engine


def t5(model: SentencePieces, names: dict[str, str | None], settings: dict[str, Any]) -> Any:
    """T5's engine: the model's pieces, then <extra_id_99> ... <extra_id_0>, the gaps of its training."""
    extra = settings.get("extra_ids", 100)
    if type(extra) is not int or not 0 <= extra <= 10_000:
        raise ValueError(f"extra_ids is {extra!r}; expected a number of pieces up to 10,000.")
    gaps = [f"<extra_id_{i}>" for i in reversed(range(extra))]
    pieces = [*((piece.text, piece.score) for piece in model.pieces), *((gap, 0.0) for gap in gaps)]
    engine = _words(model, pieces, model.unknown)
    engine.add_special_tokens(gaps)
    return engine


def xlm_roberta(model: SentencePieces, names: dict[str, str | None], settings: dict[str, Any]) -> Any:
    """XLM-RoBERTa's engine: <s>, <pad>, </s>, <unk>, then the model's pieces from its fourth on, then <mask>."""
    first = [(str(names[name]), 0.0) for name in ("bos", "pad", "eos", "unk")]
    pieces = [*first, *((piece.text, piece.score) for piece in model.pieces[3:]), (str(names["mask"]), 0.0)]
    return _words(model, pieces, 3)


def plain(model: SentencePieces, names: dict[str, str | None], settings: dict[str, Any]) -> Any:
    """The engine of a model of no kind known by name: as the file says, and SentencePiece does."""
    from tokenizers import Regex, decoders, normalizers

    steps: list = [normalizers.Precompiled(model.characters)] if model.characters else []
    if model.remove_spaces:
        steps += [normalizers.Replace(Regex(" {2,}"), " "), normalizers.Replace(Regex(r"^ | $"), "")]
    if model.dummy_prefix:
        steps.append(normalizers.Prepend(" "))
    if model.escape_spaces:
        steps.append(normalizers.Replace(" ", SPACE))
    if model.model == BPE:
        engine = _pairs(model, byte_fallback=model.byte_fallback, unk_token=model.pieces[model.unknown].text)
    else:
        engine = _unigram([(piece.text, piece.score) for piece in model.pieces], model.unknown, model.byte_fallback)
    engine.normalizer = normalizers.Sequence(steps)
    ends = [decoders.Strip(content=" ", left=1)] if model.dummy_prefix else []
    engine.decoder = decoders.Sequence([decoders.Replace(SPACE, " "), decoders.ByteFallback(), decoders.Fuse(), *ends])
    return engine


def _words(model: SentencePieces, pieces: list[tuple[str, float]], unknown: int) -> Any:
    """Unigram on words that are cut at spaces, each with a space in front."""
    from tokenizers import decoders, normalizers, pre_tokenizers

    engine = _unigram(pieces, unknown, False)
    if model.characters:
        engine.normalizer = normalizers.Precompiled(model.characters)
    engine.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace(replacement=SPACE, prepend_scheme="always")]
    )
    engine.decoder = decoders.Metaspace(replacement=SPACE, prepend_scheme="always")
    return engine


def _unigram(pieces: list[tuple[str, float]], unknown: int, byte_fallback: bool) -> Any:
    from tokenizers import Tokenizer as Engine
    from tokenizers import models

    return Engine(models.Unigram(pieces, unk_id=unknown, byte_fallback=byte_fallback))


def _pairs(model: SentencePieces, **more: Any) -> Any:
    from tokenizers import Tokenizer as Engine
    from tokenizers import models

    numbers = {piece.text: number for number, piece in enumerate(model.pieces)}
    return Engine(models.BPE(numbers, merges_by_rank(numbers, list(numbers)), fuse_unk=True, **more))
