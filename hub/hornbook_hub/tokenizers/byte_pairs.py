"""Byte-level byte pairs: `vocab.json` and `merges.txt`, of GPT-2, RoBERTa, CLIP, Whisper and Qwen.

    " naïve" -> its bytes, each as a visible character "ĠnaÃ¯ve" -> pairs merged, the earliest learned first -> Ġna, Ã¯, ve

The kinds differ in how a text is cut before the pairs are merged, and in what stands around it.

Sources: Sennrich et al. 2016, "Neural Machine Translation of Rare Words with Subword Units"; Radford et al. 2019, "Language
Models are Unsupervised Multitask Learners".
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from hornbook.core.untrusted import DamagedFileError, read_json

LONGEST_FILE = 64 * 1024**2

# How a text is cut into words: contractions, letters, digits, signs, spaces.
QWEN_SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
LLAMA_3_SPLIT = QWEN_SPLIT.replace(r"\p{N}| ?", r"\p{N}{1,3}| ?")  # digits by threes
CLIP_SPLIT = r"<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"


class BytePairs(NamedTuple):
    """The number of each piece; which two pieces become one, the first first."""

    numbers: dict[str, int]
    merges: list[tuple[str, str]]
    whole_words: bool = False
    """Whether a word that is a piece is that piece, whatever the merges make of it."""


def read(vocabulary: Path, merges: Path) -> BytePairs:
    """The pieces of `vocab.json` and `merges.txt`.

    Raises:
        ValueError: for files that are damaged, or do not belong together.
    """
    numbers = read_json(vocabulary.read_bytes(), str(vocabulary))
    if not isinstance(numbers, dict) or not all(type(number) is int and number >= 0 for number in numbers.values()):
        raise DamagedFileError(f"{vocabulary} is damaged: it is no JSON object of a number for each piece.")
    if merges.stat().st_size > LONGEST_FILE:
        raise DamagedFileError(f"{merges} is refused: it has more than {LONGEST_FILE:,} bytes.")
    pairs = []
    for line in merges.read_text("utf-8").split("\n"):
        if not line.strip() or line.startswith("#version"):
            continue
        first, _, second = line.rstrip("\r").partition(" ")
        if not second or " " in second or {first, second, first + second} - set(numbers):
            raise DamagedFileError(
                f"{merges} does not belong to {vocabulary.name}: the line {line[:80]!r} is no pair of its pieces."
            )
        pairs.append((first, second))
    return BytePairs(numbers, pairs)


def gpt2(pairs: BytePairs, names: dict[str, str | None], settings: dict[str, Any]) -> Any:
    """GPT-2's engine, also Whisper's and, but for what stands around the text, RoBERTa's."""
    from tokenizers import decoders, pre_tokenizers

    made = engine(pairs)
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=settings.get("add_prefix_space", False))
    made.decoder = decoders.ByteLevel()
    return made


def clip(pairs: BytePairs, names: dict[str, str | None], settings: dict[str, Any]) -> Any:
    """CLIP's engine: lower case, no spaces, and pieces that end a word carry `</w>`."""
    from tokenizers import Regex, decoders, normalizers, pre_tokenizers

    made = engine(pairs, end_of_word_suffix="</w>", unk_token=names["unk"])
    made.normalizer = normalizers.Sequence(
        [normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()]
    )
    made.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(CLIP_SPLIT), behavior="removed", invert=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False),
        ]
    )
    made.decoder = decoders.ByteLevel()
    return made


def qwen(pairs: BytePairs, names: dict[str, str | None], settings: dict[str, Any]) -> Any:
    """Qwen's engine: composed characters, digits one by one."""
    from tokenizers import normalizers

    made = split_first(engine(pairs), QWEN_SPLIT, bool(settings.get("add_prefix_space")))
    made.normalizer = normalizers.NFC()
    return made


def split_first(engine: Any, pattern: str, add_prefix_space: bool = False) -> Any:
    """An engine whose texts are cut by a regular expression before their bytes are looked at."""
    from tokenizers import Regex, decoders, pre_tokenizers

    engine.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(pattern), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=add_prefix_space, use_regex=False),
        ]
    )
    engine.decoder = decoders.ByteLevel()
    return engine


def engine(pairs: BytePairs, **more: Any) -> Any:
    """An engine that merges these pairs, and does not cut texts yet."""
    from tokenizers import Tokenizer as Engine
    from tokenizers import models

    return Engine(models.BPE(pairs.numbers, pairs.merges, ignore_merges=pairs.whole_words, fuse_unk=False, **more))


# -------------------------------------------------------------------------------------------- around the text
def around_roberta(engine: Any, names: dict[str, str], settings: dict[str, Any]) -> None:
    """<s> text </s>, and <s> text </s></s> second </s>; offsets without the spaces before words."""
    from tokenizers import processors

    engine.post_processor = processors.RobertaProcessing(
        _numbered(engine, names["sep"]),
        _numbered(engine, names["cls"]),
        settings.get("trim_offsets", True),
        settings.get("add_prefix_space", False),
    )


def around_clip(engine: Any, names: dict[str, str], settings: dict[str, Any]) -> None:
    """<|startoftext|> text <|endoftext|>."""
    from tokenizers import processors

    engine.post_processor = processors.RobertaProcessing(
        _numbered(engine, names["eos"]), _numbered(engine, names["bos"]), False, False
    )


def around_whisper(engine: Any, names: dict[str, str], settings: dict[str, Any]) -> None:
    """<|startoftranscript|> <|en|> <|transcribe|> <|notimestamps|> text <|endoftext|>, as far as the settings name these."""
    start = "<|startoftranscript|>"
    if engine.token_to_id(start) is None:
        raise ValueError(f"Whisper's texts begin with {start}, which is no piece here: added_tokens.json is missing.")
    before = [start]
    if language := settings.get("language"):
        # A language may be named by its code alone: its name in English is the model's knowledge, not the tokenizer's.
        before.append(f"<|{str(language).lower()}|>")
    if task := settings.get("task"):
        before.append(f"<|{task}|>")
    if not settings.get("predict_timestamps", False):
        before.append("<|notimestamps|>")
    before = " ".join(before)
    template(engine, f"{before} $A {names['eos']}", f"{before} $A $B:1 {names['eos']}:1")


def template(engine: Any, single: str, pair: str) -> None:
    """What stands around one text, and around two: special pieces by name, `$A` and `$B` for the texts.

    Raises:
        ValueError: for a piece that is not in the vocabulary.
    """
    from tokenizers import processors

    pieces = {part.rsplit(":", 1)[0] if part[-2:] in (":0", ":1") else part for part in f"{single} {pair}".split()}
    special = [_numbered(engine, piece) for piece in sorted(pieces) if not piece.startswith(("$A", "$B"))]
    engine.post_processor = processors.TemplateProcessing(single=single, pair=pair, special_tokens=special)


def _numbered(engine: Any, piece: str) -> tuple[str, int]:
    number = engine.token_to_id(piece)
    if number is None:
        raise ValueError(f"The special piece {piece!r} is not in the vocabulary.")
    return piece, number


def merges_by_rank(numbers: dict[str, int], order: Sequence[str]) -> list[tuple[str, str]]:
    """Every two pieces that together are a third, in the order of the third."""
    return [
        (piece[:cut], piece[cut:])
        for piece in order
        for cut in range(1, len(piece))
        if piece[:cut] in numbers and piece[cut:] in numbers
    ]
