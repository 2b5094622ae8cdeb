"""BERT's word pieces: `vocab.txt`, one piece a line, the number of the line being the piece's. DistilBERT, ELECTRA, MPNet.

    "Naïve?" -> cleaned: naive ? -> the longest piece first, then what is left: na, ##ive, ?

Source: Devlin et al. 2018, "BERT"; Wu et al. 2016, "Google's Neural Machine Translation System".
"""

from pathlib import Path
from typing import Any

from hornbook.core.untrusted import DamagedFileError
from hornbook_hub.tokenizers.byte_pairs import LONGEST_FILE, template


def read(path: Path) -> dict[str, int]:
    """The number of each piece.

    Raises:
        ValueError: for a file that is too large, or no text.
    """
    if path.stat().st_size > LONGEST_FILE:
        raise DamagedFileError(f"{path} is refused: it has more than {LONGEST_FILE:,} bytes.")
    try:
        pieces = path.read_bytes().decode("utf-8").split("\n")
    except UnicodeDecodeError as error:
        raise DamagedFileError(f"{path} is damaged: it is no list of pieces ({error}).") from None
    pieces = pieces[:-1] if pieces and not pieces[-1] else pieces
    return {piece.rstrip("\r"): number for number, piece in enumerate(pieces)}


def bert(numbers: dict[str, int], names: dict[str, str | None], settings: dict[str, Any]) -> Any:
    """BERT's engine: texts cleaned, words cut at spaces and punctuation."""
    from tokenizers import Tokenizer as Engine
    from tokenizers import decoders, models, normalizers, pre_tokenizers

    if missing := [names[kind] for kind in ("unk", "cls", "sep") if names[kind] not in numbers]:
        raise ValueError(f"vocab.txt lacks the special pieces {missing}: it is no vocabulary of a BERT.")
    engine = Engine(models.WordPiece(numbers, unk_token=str(names["unk"]), max_input_chars_per_word=100))
    engine.normalizer = normalizers.BertNormalizer(
        clean_text=True,
        handle_chinese_chars=settings.get("tokenize_chinese_chars", True),
        strip_accents=settings.get("strip_accents"),
        lowercase=settings.get("do_lower_case", True),
    )
    engine.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    engine.decoder = decoders.WordPiece()
    return engine


def around_bert(engine: Any, names: dict[str, str], settings: dict[str, Any]) -> None:
    """[CLS] text [SEP], and [CLS] text [SEP] second [SEP], whose second part is of type 1."""
    cls, sep = names["cls"], names["sep"]
    template(engine, f"{cls}:0 $A:0 {sep}:0", f"{cls}:0 $A:0 {sep}:0 $B:1 {sep}:1")


def around_mpnet(engine: Any, names: dict[str, str], settings: dict[str, Any]) -> None:
    """<s> text </s>, and <s> text </s></s> second </s>."""
    from tokenizers import processors

    sep, cls = ((names[kind], engine.token_to_id(names[kind])) for kind in ("sep", "cls"))
    engine.post_processor = processors.RobertaProcessing(sep, cls, True, False)
