"""A folder's tokenizer: which files there are, of which kind it is, and which pieces are special.

files -> kind (the class that `tokenizer_config.json` names, or the model's type) -> engine -> special pieces -> around
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from hornbook.core.untrusted import DamagedFileError, read_json
from hornbook_hub.tokenizers import byte_pairs, chat, sentence_pieces, tiktoken, word_pieces
from hornbook_hub.tokenizers.byte_pairs import template

SETTINGS = ("tokenizer_config.json", "special_tokens_map.json", "added_tokens.json")
SENTENCE_PIECES = ("tokenizer.model", "spiece.model", "sentencepiece.bpe.model")
TIKTOKEN = ("tiktoken.model", "qwen.tiktoken", "gpt2.tiktoken", "multilingual.tiktoken")
OLD_VOCABULARIES = ("vocab.txt", "vocab.json", "merges.txt")
"""What is read where a `tokenizer.json` is too old for the engine."""
VOCABULARIES = (*OLD_VOCABULARIES, *SENTENCE_PIECES, *TIKTOKEN)
TEMPLATES = (
    "chat_template.jinja",
    "chat_template.json",
    "additional_chat_templates/tool_use.jinja",
    "additional_chat_templates/rag.jinja",
)


# --------------------------------------------------------------------------------------------------------- kinds
class Kind(NamedTuple):
    """How a class of transformers makes its engine of a vocabulary."""

    format: str
    build: Callable[[Any, dict, dict], Any]
    around: Callable[[Any, dict, dict], None] | None
    """What stands around a text; None: what `add_bos_token` and `add_eos_token` say."""
    specials: Mapping[str, str | None]


def _around_t5(engine: Any, names: dict[str, str], settings: dict[str, Any]) -> None:
    eos = names["eos"]
    template(engine, f"$A {eos}", f"$A {eos} $B {eos}")


def _around_xlm_roberta(engine: Any, names: dict[str, str], settings: dict[str, Any]) -> None:
    bos, eos = names["bos"], names["eos"]
    template(engine, f"{bos} $A {eos}", f"{bos} $A {eos} {eos} $B {eos}")


_BERT = {kind: f"[{kind.upper()}]" for kind in ("unk", "sep", "pad", "cls", "mask")}
_ROBERTA = {"bos": "<s>", "eos": "</s>", "unk": "<unk>", "sep": "</s>", "pad": "<pad>", "cls": "<s>", "mask": "<mask>"}
_END = "<|endoftext|>"
_CLIP = {"bos": "<|startoftext|>", "eos": _END, "unk": _END, "pad": _END}
_LLAMA = {"bos": "<s>", "eos": "</s>", "unk": "<unk>"}
_GEMMA = {"bos": "<bos>", "eos": "<eos>", "unk": "<unk>", "pad": "<pad>", "mask": "<mask>"}
_BERT_KIND = Kind("vocab.txt", word_pieces.bert, word_pieces.around_bert, _BERT)

KINDS = {
    "BertTokenizer": _BERT_KIND,
    "DistilBertTokenizer": _BERT_KIND,
    "ElectraTokenizer": _BERT_KIND,
    "MPNetTokenizer": Kind("vocab.txt", word_pieces.bert, word_pieces.around_mpnet, {**_ROBERTA, "unk": "[UNK]"}),
    "GPT2Tokenizer": Kind("merges.txt", byte_pairs.gpt2, None, {"unk": _END, "bos": _END, "eos": _END}),
    "RobertaTokenizer": Kind("merges.txt", byte_pairs.gpt2, byte_pairs.around_roberta, _ROBERTA),
    "CLIPTokenizer": Kind("merges.txt", byte_pairs.clip, byte_pairs.around_clip, _CLIP),
    "WhisperTokenizer": Kind(
        "merges.txt", byte_pairs.gpt2, byte_pairs.around_whisper, {"unk": _END, "bos": _END, "eos": _END}
    ),
    "Qwen2Tokenizer": Kind("merges.txt", byte_pairs.qwen, None, {"unk": _END, "eos": _END, "pad": _END}),
    "LlamaTokenizer": Kind(".model", sentence_pieces.llama, None, _LLAMA),
    "GemmaTokenizer": Kind(".model", sentence_pieces.gemma, None, _GEMMA),
    "T5Tokenizer": Kind(".model", sentence_pieces.t5, _around_t5, {"eos": "</s>", "unk": "<unk>", "pad": "<pad>"}),
    "XLMRobertaTokenizer": Kind(".model", sentence_pieces.xlm_roberta, _around_xlm_roberta, _ROBERTA),
}
OTHERS = {
    "vocab.txt": KINDS["BertTokenizer"],
    "merges.txt": KINDS["GPT2Tokenizer"],
    ".model": Kind(".model", sentence_pieces.plain, None, {}),
    "tiktoken": Kind("tiktoken", tiktoken.llama3, None, {}),
}
"""Where no class is known, by the format of the file."""

CLASSES = {
    "bert": "BertTokenizer",
    "distilbert": "DistilBertTokenizer",
    "electra": "ElectraTokenizer",
    "mpnet": "MPNetTokenizer",
    "gpt2": "GPT2Tokenizer",
    "roberta": "RobertaTokenizer",
    "clip": "CLIPTokenizer",
    "clip_text_model": "CLIPTokenizer",
    "whisper": "WhisperTokenizer",
    "qwen2": "Qwen2Tokenizer",
    "qwen3": "Qwen2Tokenizer",
    "llama": "LlamaTokenizer",
    "mistral": "LlamaTokenizer",
    "gemma": "GemmaTokenizer",
    "gemma2": "GemmaTokenizer",
    "gemma3": "GemmaTokenizer",
    "gemma3_text": "GemmaTokenizer",
    "t5": "T5Tokenizer",
    "mt5": "T5Tokenizer",
    "xlm-roberta": "XLMRobertaTokenizer",
}
"""The class for each type of model, where `tokenizer_config.json` names none."""


# ------------------------------------------------------------------------------------------------------- folders
def open_folder(folder: Path) -> tuple[Any, dict[str, Any]]:
    """The engine of a folder, and its settings: `tokenizer_config.json` with all that other files say of special pieces.

    Raises:
        FileNotFoundError: where there is no vocabulary.
        ValueError: for files that are no tokenizer, or do not belong together.
    """
    settings = _settings(folder)
    name = _class_name(folder, settings)
    kind = KINDS.get(name)
    engine = _whole(folder)
    if engine is None:
        format, vocabulary = _vocabulary(folder)
        # Ranks are byte pairs too: where the class is one of these, it says how texts are cut.
        if kind is None or kind.format not in (format, "merges.txt" if format == "tiktoken" else None):
            kind, name = OTHERS[format], None
        names = special_names(kind, settings)
        engine = kind.build(vocabulary, names, settings)
        if format == ".model":
            _add_model_specials(engine, vocabulary)
        add_specials(engine, names, settings)
        if kind.around is not None:
            kind.around(engine, names, settings)
        classes = (name, *(other for other, each in KINDS.items() if each is kind), "PreTrainedTokenizerFast")
        settings["tokenizer_class"] = next(each for each in classes if each is not None)
        for key, piece in names.items():
            settings.setdefault(f"{key}_token", piece)
    else:
        names = special_names(kind, settings)
        add_specials(engine, names, settings)
    if found := chat.templates(folder, settings):
        settings["chat_template"] = found["default"] if list(found) == ["default"] else found
    by_settings = {"add_bos_token", "add_eos_token"} & set(settings)
    if engine.post_processor is None or (by_settings and (kind is None or kind.around is None)):
        _around(engine, names, settings)
    return engine, settings


def _settings(folder: Path) -> dict[str, Any]:
    found = [_object(folder / name) for name in SETTINGS]
    config, specials, added = found
    # Newer files hold all that is to be known of added pieces; older ones say it in files of their own, which go before.
    settings = {**specials, **config} if "added_tokens_decoder" in config else {**config, **specials}
    if added and "added_tokens_decoder" not in config:
        special = {_text(value) for key, value in settings.items() if key.endswith("_token")}
        special |= {_text(piece) for piece in _extra(settings)}
        settings["added_tokens_decoder"] = {
            str(number): {"content": piece, "special": piece in special, "normalized": piece not in special}
            for piece, number in added.items()
        }
    return settings


def _object(path: Path) -> dict[str, Any]:
    found = read_json(path.read_bytes(), str(path)) if path.is_file() else {}
    if not isinstance(found, dict):
        raise DamagedFileError(f"{path} is damaged: it holds no JSON object.")
    return found


def _class_name(folder: Path, settings: dict[str, Any]) -> str:
    named = str(settings.get("tokenizer_class", "")).removesuffix("Fast")
    if named in KINDS or named in ("QWenTokenizer", "TokenizersBackend", "PreTrainedTokenizer"):
        return "Qwen2Tokenizer" if named == "QWenTokenizer" else named
    return CLASSES.get(str(_object(folder / "config.json").get("model_type")), named)


def _whole(folder: Path) -> Any:
    """The engine of `tokenizer.json`; None where there is none, or an old one beside a vocabulary of its own."""
    import tokenizers

    path = folder / "tokenizer.json"
    if not path.is_file():
        return None
    try:
        return tokenizers.Tokenizer.from_file(str(path))
    except BaseException as error:  # what the library raises is no class of its own, nor always an Exception
        if isinstance(error, KeyboardInterrupt | SystemExit | MemoryError):
            raise
        if not any((folder / name).is_file() for name in VOCABULARIES):
            raise ValueError(f"{path} is no tokenizer that this version of tokenizers reads: {error}") from None
    return None


def _vocabulary(folder: Path) -> tuple[str, Any]:
    """The format of a folder's vocabulary, and what is in it."""
    for path in (folder / name for name in SENTENCE_PIECES):
        if path.is_file() and not _is_tiktoken(path):
            return ".model", sentence_pieces.read(path)
    for path in (folder / "tokenizer.model", *(folder / name for name in TIKTOKEN)):
        if path.is_file():
            return "tiktoken", tiktoken.read(path)
    vocabulary, merges = folder / "vocab.json", folder / "merges.txt"
    if vocabulary.is_file() and merges.is_file():
        return "merges.txt", byte_pairs.read(vocabulary, merges)
    path = folder / "vocab.txt"
    if path.is_file():
        return "vocab.txt", word_pieces.read(path)
    raise FileNotFoundError(
        f"{folder} holds no tokenizer: neither tokenizer.json nor vocab.txt, vocab.json with merges.txt, a SentencePiece "
        f"model ({', '.join(SENTENCE_PIECES)}) nor ranks of tiktoken's ({', '.join(TIKTOKEN)}) are there."
    )


def _is_tiktoken(path: Path) -> bool:
    """Whether a `.model` is lines of text; SentencePiece's begin with a field that is no such line."""
    with open(path, "rb") as file:
        first = file.readline(2048).split()
    return len(first) == 2 and first[1].isdigit()


# ------------------------------------------------------------------------------------------------ special pieces
def special_names(kind: Kind | None, settings: dict[str, Any]) -> dict[str, Any]:
    """The pieces for the beginning of a text, its end, gaps, ... by what they are for: the kind's, or as settings name them."""
    named = {key: settings[f"{key}_token"] for key in _PURPOSES if f"{key}_token" in settings}
    return {key: _text(value) for key, value in {**(kind.specials if kind else {}), **named}.items()}


_PURPOSES = ("bos", "eos", "unk", "sep", "pad", "cls", "mask")


def add_specials(engine: Any, names: dict[str, str | None], settings: dict[str, Any]) -> None:
    """Give the engine the pieces that settings add to its vocabulary, and make special what is named so.

    Raises:
        ValueError: for pieces whose numbers are not those that follow the vocabulary's.
    """
    decoder = settings.get("added_tokens_decoder") or {}
    by_number = sorted(((int(number), piece) for number, piece in decoder.items()), key=lambda each: each[0])
    described = {}
    for number, piece in by_number:
        described[_text(piece)] = piece
        engine.add_tokens([_added(piece)])
        if engine.token_to_id(_text(piece)) != number:
            raise ValueError(
                f"The added piece {_text(piece)!r} is to have the number {number}, and the vocabulary gives it "
                f"{engine.token_to_id(_text(piece))}: the files do not belong together."
            )
    for key in _PURPOSES:
        piece = settings.get(f"{key}_token") or names.get(key)
        if piece is not None:
            engine.add_special_tokens([_added(described.get(_text(piece), piece), special=True)])
    for piece in _extra(settings):
        engine.add_special_tokens([_added(described.get(_text(piece), piece), special=True)])


def _extra(settings: dict[str, Any]) -> list:
    extra = settings.get("extra_special_tokens") or settings.get("additional_special_tokens") or []
    return list(extra.values()) if isinstance(extra, dict) else list(extra)


def _added(piece: Any, special: bool = False) -> Any:
    """A piece as the engine adds it; a string is special, and matched as it stands."""
    from tokenizers import AddedToken

    if not isinstance(piece, dict):
        return AddedToken(str(piece), special=True, normalized=False)
    flags = {name: bool(piece.get(name, False)) for name in ("single_word", "lstrip", "rstrip")}
    special = special or bool(piece.get("special", False))
    return AddedToken(_text(piece), special=special, normalized=bool(piece.get("normalized", not special)), **flags)


def _text(piece: Any) -> Any:
    """A special piece, which files hold as a string or as a dictionary."""
    return piece.get("content") if isinstance(piece, dict) else piece


def _add_model_specials(engine: Any, model: sentence_pieces.SentencePieces) -> None:
    """Pieces that a SentencePiece model keeps for control are special; those that its user defined stand for themselves."""
    from tokenizers import AddedToken

    for piece in model.pieces:
        if piece.type in (sentence_pieces.CONTROL, sentence_pieces.USER_DEFINED):
            special = piece.type == sentence_pieces.CONTROL
            engine.add_tokens([AddedToken(piece.text, special=special, normalized=False)])


def _around(engine: Any, names: dict[str, Any], settings: dict[str, Any]) -> None:
    """The beginning before and the end behind each text, as far as settings ask for them."""
    bos = names.get("bos") if settings.get("add_bos_token") else None
    eos = names.get("eos") if settings.get("add_eos_token") else None
    parts = []
    for text, kind in (("$A", 0), ("$B", 1)):
        around = (bos, text, eos)
        parts.append(" ".join(f"{part}:{kind}" for part in around if part))
    template(engine, parts[0], " ".join(parts))
