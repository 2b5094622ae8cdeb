"""A tokenizer as a layer of graph operations: what the engine does, read from its description and by asking it.

What it does to each character, and of which kind a character is, is asked character by character: Unicode grows, and the
tables of the engine's version are those that count.
"""

import base64
import functools
import json
import unicodedata
from collections.abc import Collection
from typing import Any

import numpy as np

from hornbook_hub.tokenizers.sentence_pieces import characters_of, compiled_characters


def layer_of(tokenizer: Any) -> Any:
    """The layer of a tokenizer: `WordPieces`, `BytePairs` or `SentencePieces`.

    Raises:
        ValueError: for an engine that does what is not known as operations, which is named.
    """
    described = json.loads(tokenizer.engine.to_str())
    shared = {
        **_specials(tokenizer.engine, described),
        "padding": tokenizer.pad_token_id or 0,
        "max_length": tokenizer.max_length,
        "names": tokenizer.names,
        "name": "tokenizer",
        **_around(tokenizer.engine),
    }
    pairs = _byte_pairs if '"ByteLevel"' in json.dumps(described["pre_tokenizer"]) else _sentence_pieces
    make = {"WordPiece": _word_pieces, "BPE": pairs, "Unigram": _sentence_pieces}.get(described["model"]["type"])
    if make is None:
        raise _refusal(f"its model is {described['model']['type']}")
    return make(tokenizer.engine, described, shared)


def _refusal(why: str) -> ValueError:
    return ValueError(
        f"This tokenizer cannot become a layer: {why}. Tokenize before the exported model: export with input_signature=[...] "
        "of arrays."
    )


def _specials(engine: Any, described: dict[str, Any]) -> dict[str, list]:
    """The pieces that stand for themselves: those that are looked for in the text, and those in the cleaned one."""
    from hornbook.export.texts import SpecialPiece

    added = described["added_tokens"]
    cleans, of_bytes = described["normalizer"] is not None, '"ByteLevel"' in json.dumps(described["pre_tokenizer"])
    odd = [p["content"] for p in added if p["single_word"] or (p["normalized"] and cleans and not of_bytes)]
    if odd:
        raise _refusal(f"pieces that are matched in cleaned text, or as whole words, cannot be exported: {odd}")
    stripped = any(piece["lstrip"] or piece["rstrip"] for piece in added)
    if odd := [piece["content"] for piece in added if stripped and piece["content"] != piece["content"].strip()]:
        raise _refusal(f"pieces with spaces at their ends stand beside pieces that take spaces: {odd}")
    found: dict[str, list] = {"specials": [], "late": []}
    for piece in added:
        content = piece["content"]
        if piece["normalized"] and cleans:
            content = engine.normalizer.normalize_str(content)
        special = SpecialPiece(content, piece["id"], piece["lstrip"], piece["rstrip"])
        found["late" if piece["normalized"] else "specials"].append(special)
    return found


def _around(engine: Any) -> dict[str, list[int]]:
    """The ids before and behind a text."""
    encoding = engine.encode("a")
    inside = [place for place, special in enumerate(encoding.special_tokens_mask) if not special]
    return {"before": encoding.ids[: inside[0]], "after": encoding.ids[inside[-1] + 1 :]}


# --------------------------------------------------------------------------------------------------- word pieces
def _word_pieces(engine: Any, described: dict[str, Any], shared: dict[str, Any]) -> Any:
    from hornbook.export.word_pieces import WordPieces

    model, normalizer = described["model"], described["normalizer"] or {}
    kinds = (normalizer.get("type"), (described["pre_tokenizer"] or {}).get("type"))
    if kinds != ("BertNormalizer", "BertPreTokenizer") or not normalizer["clean_text"]:
        raise _refusal(
            f"of word pieces, BERT's are known: BertNormalizer that cleans, BertPreTokenizer; this one is {kinds}"
        )
    return WordPieces(
        vocabulary=model["vocab"],
        characters=_characters(engine),
        unknown=engine.token_to_id(model["unk_token"]),
        continuation=model["continuing_subword_prefix"],
        longest_word=model["max_input_chars_per_word"],
        **shared,
    )


def _characters(engine: Any) -> dict[str, str]:
    """What each character becomes, where it is something else; spaces stand around what is a word by itself."""
    between = "\u2603"  # a snowman stays as it is, beside all others
    every = [chr(point) for point in range(0x110000) if not 0xD800 <= point < 0xE000 and chr(point) != between]
    cleaned = engine.normalizer.normalize_str(between.join(every)).split(between)
    letters = list(set("".join(cleaned)))
    alone = set()
    for start in range(0, len(letters), 10_000):
        # "a?aba" is cut into a, ?, aba: what stands alone is punctuation.
        cut = engine.pre_tokenizer.pre_tokenize_str("a".join(["", *letters[start : start + 10_000], ""]))
        alone |= {piece for piece, _ in cut if len(piece) == 1}
    alone.discard("a")
    spaced = {letter: f" {letter} " for letter in alone}
    cleaned = [text if alone.isdisjoint(text) else "".join(spaced.get(c, c) for c in text) for text in cleaned]
    return {one: text for one, text in zip(every, cleaned, strict=True) if one != text}


# ---------------------------------------------------------------------------------------------------- byte pairs
def _byte_pairs(engine: Any, described: dict[str, Any], shared: dict[str, Any]) -> Any:
    from hornbook.export.byte_pairs import CLIP, CLIP_CUT, CUTS, GPT2, BytePairs
    from hornbook_hub.tokenizers.tiktoken import visible_bytes

    model = described["model"]
    steps = described["pre_tokenizer"] or {}
    steps = steps.get("pretokenizers", [steps])
    if steps[-1].get("type") != "ByteLevel":
        raise _refusal("its pairs are not of bytes")
    first = steps[0] if len(steps) == 2 and steps[0]["type"] == "Split" else {}
    split = first.get("pattern", {}).get("Regex")
    cut = {
        (1, None, None, True): CUTS[GPT2],
        (2, "Isolated", False, False): CUTS.get(split),
        (2, "Removed", True, True): {CLIP: CLIP_CUT}.get(split),  # GPT-2's expression cuts its matches no further
    }.get((len(steps), first.get("behavior"), first.get("invert"), steps[-1]["use_regex"]))
    if cut is None:
        raise _refusal(f"its texts are cut into words by {steps}; known are {[*CUTS, CLIP]}")
    if model["dropout"] or model["continuing_subword_prefix"]:
        raise _refusal("its pairs are left out at random, or pieces carry a mark inside of words")
    ending = (model["end_of_word_suffix"] or "").encode()
    shown = {character: byte for byte, character in enumerate(visible_bytes())}
    # Pieces that bytes cannot make are special ones.
    numbers = {
        bytes(shown[character] for character in piece): number
        for piece, number in model["vocab"].items()
        if shown.keys() >= set(piece)
    }
    if lacking := [n for n in range(256) for end in {b"", ending} if bytes([n]) + end not in numbers]:
        raise _refusal(f"no piece stands for the bytes {lacking[:8]}")
    merges = [tuple(bytes(shown[c] for c in piece) for piece in pair) for pair in model["merges"]]
    return BytePairs(
        numbers=numbers,
        merges=merges,
        kinds=_kinds(),
        cut=cut,
        normalize=_normalization(described["normalizer"], cut.spaces),
        prefix=steps[-1]["add_prefix_space"],
        whole_words=model["ignore_merges"],
        ending=ending,
        **shared,
    )


@functools.cache
def _kinds() -> np.ndarray:
    """Of each code point, whether it is a letter, a number, a space or a sign to the engine's regular expressions."""
    from tokenizers import Regex, normalizers

    from hornbook.export.byte_pairs import LETTER, NUMBER, SPACE

    every = "".join(chr(point) for point in range(0x110000) if not 0xD800 <= point < 0xE000)
    kinds = np.zeros(0x110000, "int32")
    for kind, others in ((LETTER, r"\P{L}+"), (NUMBER, r"\P{N}+"), (SPACE, r"\S+")):
        kinds[[ord(character) for character in normalizers.Replace(Regex(others), "").normalize_str(every)]] = kind
    return kinds


def _normalization(described: dict[str, Any] | None, spaces: bool) -> Any:
    """What the engine does to a text before it is cut, as operations.

    Args:
        described: the normalizer.
        spaces: whether it matters which spaces there are, and how many.
    """
    from hornbook.export.unicode import InTurn, Replaced

    if described is None:
        return None
    steps = described["normalizers"] if described["type"] == "Sequence" else [described]
    found: list[Any] = []
    for step in steps:
        if step["type"] == "NFC":
            found.append(_composed())
        elif step["type"] == "Lowercase":
            found.append(Replaced(_lower()))
        elif spaces or step["type"] != "Replace" or (step["pattern"], step["content"]) != ({"Regex": r"\s+"}, " "):
            raise _refusal(f"its texts are normalized by {described}")
    return InTurn(found)


@functools.cache
def _lower() -> dict[str, str]:
    """What each character is in lower case to the engine, where it is something else."""
    from tokenizers import normalizers

    between = "\u2603"
    every = [chr(point) for point in range(0x110000) if not 0xD800 <= point < 0xE000 and chr(point) != between]
    lower = normalizers.Lowercase().normalize_str(between.join(every)).split(between)
    return {one: other for one, other in zip(every, lower, strict=True) if one != other}


def _composed() -> Any:
    from hornbook.export.unicode import Composed

    return Composed(*_composition())


@functools.cache
def _composition() -> tuple[dict[str, str], dict[str, int], dict[tuple[str, str], str]]:
    """The engine's form C: what characters are taken apart into, which marks are in which order, which pairs are one."""
    from tokenizers import normalizers

    apart, together = normalizers.NFD(), normalizers.NFC()
    between = "\u2603"
    every = [chr(point) for point in range(0x110000) if not 0xD800 <= point < 0xE000 and chr(point) != between]
    parts = apart.normalize_str(between.join(every)).split(between)
    taken = {one: part for one, part in zip(every, parts, strict=True) if one != part}
    pairs = {}
    for one, part in taken.items():
        first = together.normalize_str(part[:-1])
        if len(first) == 1 and together.normalize_str(part) == one:
            pairs[first, part[-1]] = one
    return taken, _classes(apart, [one for one in every if one not in taken]), pairs


def _classes(apart: Any, letters: list[str]) -> dict[str, int]:
    """The combining classes of marks, as the engine has them: its Unicode is not Python's.

    A mark behind another one changes places with it where its class is lower, and not 0.
    """
    candidates = [one for one in letters if unicodedata.combining(one) or unicodedata.category(one) == "Cn"]
    last = "\u0345"  # the mark of the highest class, 240
    swapped = apart.normalize_str("".join(f"{last}{one}a" for one in candidates)).split("a")
    known = [one for one, two in zip(candidates, swapped, strict=False) if two[:1] == one != last]
    # One mark of each class, of those that the engine knows.
    marks = {unicodedata.combining(one): one for one in reversed(known) if unicodedata.combining(one)}
    classes = {last: unicodedata.combining(last)}
    for one in known:
        classes[one] = max(number for number, mark in marks.items() if apart.normalize_str(mark + one)[0] == mark)
    return classes


# ------------------------------------------------------------------------------------------------ sentence pieces
def _sentence_pieces(engine: Any, described: dict[str, Any], shared: dict[str, Any]) -> Any:
    from hornbook.export import sentence_pieces

    model = described["model"]
    steps = [
        step
        for part, name in (("normalizer", "normalizers"), ("pre_tokenizer", "pretokenizers"))
        for one in (described[part] or {"type": "Sequence", name: []}).get(name, [described[part]])
        for step in _steps(one)
    ]
    if model["type"] == "Unigram":
        pieces, fallback = [tuple(piece) for piece in model["vocab"]], model["byte_fallback"]
        if fallback and _lacks_bytes({text for text, _ in pieces}):
            raise _refusal("its model is Unigram that falls back to bytes, not all of which are pieces")
        chosen = sentence_pieces.Unigram(pieces, model["unk_id"], fallback)
    else:
        numbers = model["vocab"]
        odd = [
            name
            for name in ("dropout", "continuing_subword_prefix", "end_of_word_suffix", "ignore_merges")
            if model[name]
        ]
        lacking = model["byte_fallback"] and _lacks_bytes(numbers)
        if odd or lacking or (model["unk_token"] and not model["fuse_unk"]):
            raise _refusal(f"its pairs have {odd or 'unknown pieces side by side, or not all bytes to fall back to'}")
        unknown = numbers.get(model["unk_token"])
        merges = [tuple(pair) for pair in model["merges"]]
        chosen = sentence_pieces.Pairs(numbers, merges, unknown, model["byte_fallback"])
    return sentence_pieces.SentencePieces(chosen, steps, **shared)


def _lacks_bytes(pieces: Collection[str]) -> bool:
    """Whether one of the pieces <0x00> to <0xFF> is not there."""
    return any(f"<0x{byte:02X}>" not in pieces for byte in range(256))


def _steps(described: dict[str, Any]) -> list:
    """One step of the engine, on its way from a text to words, as operations."""
    from hornbook.export import sentence_pieces as operations

    kind = described["type"]
    if kind == "Precompiled":
        texts = characters_of(base64.b64decode(described["precompiled_charsmap"]), operations.SMALL - 1)
        return [operations.Characters(texts, _cluster_kinds(set(texts)))]
    if kind == "Replace":
        pattern, content = described["pattern"], described["content"]
        one = pattern.get("String", "")
        if len(one) == len(content) == 1:
            return [operations.replace(ord(one), ord(content))]
        if pattern.get("Regex") == " {2,}" and len(content) == 1:
            return [operations.collapse(ord(" "), ord(content))]
        if pattern.get("Regex") == "^ | $" and not content:
            return [operations.strip_one(ord(" "))]
    if kind == "Prepend" and len(described["prepend"]) == 1:
        return [operations.prepend(ord(described["prepend"]))]
    if kind == "WhitespaceSplit":
        return [operations.cut(SPACES, keep=False)]
    if kind == "Metaspace" and len(described["replacement"]) == 1:
        mark, scheme = ord(described["replacement"]), described["prepend_scheme"]
        steps = [operations.replace(ord(" "), mark)]
        if scheme != "never":
            steps.append(operations.prepend(mark, unless=True, first=scheme == "first"))
        return [*steps, operations.cut([mark], keep=True)] if described["split"] else steps
    if kind == "Split" and described["pattern"] == {"String": " "} and described["behavior"] == "MergedWithPrevious":
        return [operations.cut_behind(ord(" "))]
    raise _refusal(f"{described} is not known as operations")


SPACES = (*range(9, 14), 0x20, 0x85, 0xA0, 0x1680, *range(0x2000, 0x200B), 0x2028, 0x2029, 0x202F, 0x205F, 0x3000)


def _cluster_kinds(keys: set[str]) -> np.ndarray:
    """Which part each code point takes in what a reader sees as one character, as the engine has it.

    The engine is asked through a table of its own that makes "b" of "a" and of "™": where a cluster begins with these and is
    short, all of it becomes "b".
    """
    from tokenizers import normalizers

    from hornbook.export import sentence_pieces as operations

    asked = normalizers.Precompiled(compiled_characters({"a": "b", "™": "b"}))
    controls = ("Cc", "Cf", "Zl", "Zp")
    every = [
        chr(p) for p in range(0x80, 0x110000) if not 0xD800 <= p < 0xE000 and unicodedata.category(chr(p))[:2] != "Cc"
    ]
    every = [one for one in every if one not in "  "]

    def those(question: str, answer: str) -> list[str]:
        """The characters with this answer, where they stand for the * of question and answer."""
        answers = asked.normalize_str("\n".join(question.replace("*", one) for one in every)).split("\n")
        return [one for one, found in zip(every, answers, strict=True) if found == answer.replace("*", one)]

    kinds = np.zeros(0x110000, "int32")

    def are(kind: int, characters: list[str]) -> None:
        kinds[[ord(character) for character in characters]] = kind

    are(operations.CONTROL, [one for one in map(chr, range(0x110000)) if unicodedata.category(one) in controls])
    are(operations.PREPEND, those("*á", "*b́"))
    are(operations.PICTURE, those("*‍™́", "*‍b́"))
    attached = those("a*", "b")
    are(operations.SPACING, attached)
    extend = set(those("\u00a9*\u200d\u2122\u0301", "\u00a9*\u200db\u0301"))  # a picture, this, a joiner, a picture
    are(operations.EXTEND, [one for one in attached if one in extend])
    are(operations.JOINER, ["‍"])
    return kinds
