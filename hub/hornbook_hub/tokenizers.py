"""Texts as numbers: tokenizers on the `tokenizers` library, the engine that the checkpoints were made with.

A folder's `tokenizer.json` says everything; where there is only a `vocab.txt`, `tokenizer_config.json` says how to clean the
text. The ids are those of transformers on every string.
"""

import datetime
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from hornbook.core.untrusted import read_json
from hornbook_hub.preprocessing import Preprocessor


class Tokenizer(Preprocessor):
    """From texts to arrays of ids and back.

    Args:
        engine: a `tokenizers.Tokenizer`.
        settings: what `tokenizer_config.json` says.
        max_length: the longest text, in pieces, that the model can read.
        names: which arrays the model reads.

    Call:
        texts (one or a list), and pairs (one second text for each), as
        {"input_ids", "attention_mask", "token_type_ids"} (those that the model reads): int32 arrays (B, T), padded to the
        longest text.

    >>> import hornbook_hub as hub
    >>> tokenizer = hub.load("bert_tiny").tokenizer
    >>> ids = tokenizer(["A good film."])["input_ids"]
    >>> tokenizer.decode(ids[0])
    'a good film.'
    """

    def __init__(
        self,
        engine: Any,
        settings: dict[str, Any] | None = None,
        max_length: int = 512,
        names: Sequence[str] = ("input_ids", "attention_mask", "token_type_ids"),
    ) -> None:
        self.engine = engine
        self.names = tuple(names)
        self.settings = settings or {}
        self.max_length = max_length
        self.pad_token, self.mask_token = self._special("pad"), self._special("mask")
        self.pad_token_id = self.token_to_id(self.pad_token)
        self.engine.no_padding()
        self.engine.no_truncation()

    @classmethod
    def from_folder(
        cls,
        folder: str | os.PathLike,
        max_length: int = 512,
        names: Sequence[str] = ("input_ids", "attention_mask", "token_type_ids"),
    ) -> "Tokenizer":
        """The tokenizer of a folder that holds `tokenizer.json`, or `vocab.txt`.

        Raises:
            FileNotFoundError: where neither is there.
            ValueError: for a file that is no tokenizer.
        """
        import tokenizers

        folder = Path(folder)
        settings_file = folder / "tokenizer_config.json"
        settings = read_json(settings_file.read_bytes(), str(settings_file)) if settings_file.is_file() else {}
        whole, vocabulary = folder / "tokenizer.json", folder / "vocab.txt"
        if whole.is_file():
            try:
                return cls(tokenizers.Tokenizer.from_file(str(whole)), settings, max_length, names)
            except BaseException as error:  # what the library raises is no class of its own, nor always an Exception
                if isinstance(error, KeyboardInterrupt | SystemExit | MemoryError):
                    raise
                if not vocabulary.is_file():
                    raise ValueError(
                        f"{whole} is no tokenizer that this version of tokenizers reads: {error}"
                    ) from None
        if not vocabulary.is_file():
            raise FileNotFoundError(f"{folder} holds no tokenizer: neither tokenizer.json nor vocab.txt is there.")
        return cls(word_pieces(vocabulary, settings), settings, max_length, names)

    @property
    def tokenizer(self) -> "Tokenizer":
        """Itself."""
        return self

    def takes(self, x: Any) -> bool:
        """Whether these are texts, or a tuple of (first texts, second texts)."""
        return is_text(x) or is_pair(x)

    def takes_batches_of(self, spec: Any) -> bool:
        """Whether batches of a data set are strings."""
        return getattr(getattr(spec, "dtype", None), "name", "") == "string"

    def encoded(self, x: Any) -> dict[str, np.ndarray]:
        """The arrays of texts, or of (first texts, second texts)."""
        return self(listed(x[0]), listed(x[1])) if is_pair(x) else self(listed(x))

    def __call__(
        self, texts: str | Sequence[str], pairs: str | Sequence[str] | None = None, max_length: int | None = None
    ) -> dict[str, np.ndarray]:
        first = [texts] if isinstance(texts, str) else [str(t) for t in texts]
        second = None if pairs is None else [pairs] if isinstance(pairs, str) else [str(t) for t in pairs]
        if second is not None and len(second) != len(first):
            raise ValueError(f"There are {len(first)} texts but {len(second)} second texts.")
        longest = min(max_length or self.max_length, self.max_length)
        given = first if second is None else list(zip(first, second, strict=True))
        encodings = self._encoded(given, longest)
        time = max((len(e.ids) for e in encodings), default=0)
        arrays = {name: np.zeros((len(encodings), time), "int32") for name in _COLUMNS}
        arrays["input_ids"] += self.pad_token_id or 0
        for row, encoding in enumerate(encodings):
            for name, column in _COLUMNS.items():
                arrays[name][row, : len(encoding.ids)] = getattr(encoding, column)
        return {name: arrays[name] for name in self.names}

    def _encoded(self, given: list, longest: int) -> list:
        self.engine.enable_truncation(longest)
        try:
            return self.engine.encode_batch(given)
        finally:
            self.engine.no_truncation()

    def encode(self, text: str, pair: str | None = None) -> Any:
        """One text (and its second), with all that the engine knows of it: `ids`, `offsets`, `sequence_ids`, ...

        >>> import hornbook_hub as hub
        >>> hub.load("bert_tiny").tokenizer.encode("A good film").offsets[1:-1]
        [(0, 1), (2, 6), (7, 11)]
        """
        return self._encoded([text if pair is None else (text, pair)], self.max_length)[0]

    def decode(self, ids: Any, skip_special_tokens: bool = True) -> str:
        """The text of a row of ids."""
        text = self.engine.decode([int(i) for i in np.asarray(ids)], skip_special_tokens=skip_special_tokens)
        if type(self.engine.decoder).__name__ != "WordPiece":
            return text
        for mark in (".", "?", "!", ",", " n't", " 'm", " 's", " 've", " 're"):
            spaced = f" {mark}" if len(mark) == 1 else mark
            text = text.replace(spaced, mark.strip())
        return text

    def _special(self, kind: str) -> str:
        """The piece for padding or for a gap: as the settings name it, else as BERT does, or RoBERTa."""
        names = [_text(self.settings.get(f"{kind}_token")), f"[{kind.upper()}]", f"<{kind}>"]
        return next((name for name in names if name and self.token_to_id(name) is not None), names[0] or names[1])

    def token_to_id(self, token: str) -> int | None:
        """The number of a piece; None where it is not in the vocabulary."""
        return self.engine.token_to_id(token)

    def id_to_token(self, number: int) -> str | None:
        """The piece of a number."""
        return self.engine.id_to_token(int(number))

    def apply_chat_template(
        self, messages: list[dict[str, str]], add_generation_prompt: bool = True, **variables: Any
    ) -> str:
        """A conversation as the text that the model was trained to read.

        Args:
            messages: [{"role": "user", "content": "..."}, ...].
            add_generation_prompt: end with what begins an answer.
            variables: more that the template knows.

        Raises:
            ValueError: where the checkpoint has no template, or the template refuses the conversation.
        """
        template = self.settings.get("chat_template")
        if template is None:
            raise ValueError("This checkpoint has no chat template: it was not trained for conversations.")
        special = {
            name: _text(value) for name, value in self.settings.items() if name.endswith("_token") and value is not None
        }
        return render_chat(
            template, {**special, "messages": messages, "add_generation_prompt": add_generation_prompt, **variables}
        )

    @property
    def mask_token_id(self) -> int:
        """The number of the piece that stands for a gap.

        Raises:
            ValueError: for a vocabulary without one.
        """
        number = self.token_to_id(self.mask_token)
        if number is None:
            raise ValueError(f"The vocabulary has no mask token {self.mask_token!r}.")
        return number

    @property
    def vocabulary_size(self) -> int:
        """How many pieces there are."""
        return self.engine.get_vocab_size()

    def as_layer(self) -> Any:
        """The tokenizer as a layer of graph operations, for models that are exported: texts (B,) to the same arrays.

        What it does to each character is read from the engine, character by character.

        Raises:
            ValueError: for another tokenizer than BERT's word pieces.
        """
        from hornbook.export.word_pieces import WordPieces

        described = json.loads(self.engine.to_str())
        model, normalizer = described["model"], described["normalizer"] or {}
        kinds = (model["type"], normalizer.get("type"), (described["pre_tokenizer"] or {}).get("type"))
        if kinds != ("WordPiece", "BertNormalizer", "BertPreTokenizer") or not normalizer["clean_text"]:
            raise ValueError(
                f"Only BERT's tokenizer can become a layer: WordPiece, BertNormalizer that cleans, BertPreTokenizer; "
                f"this one is {kinds}. Tokenize before the exported model: export with input_signature=[...] of arrays."
            )
        added = described["added_tokens"]
        if odd := [token["content"] for token in added if token["normalized"] or token["single_word"]]:
            raise ValueError(f"Pieces that are matched in cleaned text, or as whole words, cannot be exported: {odd}.")
        unknown = self.token_to_id(model["unk_token"])
        around = self.engine.encode(model["unk_token"]).ids  # [CLS] [UNK] [SEP]
        return WordPieces(
            vocabulary=self.engine.get_vocab(),
            characters=self._characters(),
            specials=sorted((token["content"] for token in added), key=len, reverse=True),
            unknown=unknown,
            before=around[: around.index(unknown)],
            after=around[around.index(unknown) + 1 :],
            padding=self.pad_token_id or 0,
            max_length=self.max_length,
            continuation=model["continuing_subword_prefix"],
            longest_word=model["max_input_chars_per_word"],
            name="tokenizer",
        )

    def _characters(self) -> dict[str, str]:
        """What each character becomes, where it is something else; spaces stand around what is a word by itself."""
        between = "\u2603"  # a snowman stays as it is, beside all others
        every = [chr(point) for point in range(0x110000) if not 0xD800 <= point < 0xE000 and chr(point) != between]
        cleaned = self.engine.normalizer.normalize_str(between.join(every)).split(between)
        letters = list(set("".join(cleaned)))
        alone = set()
        for start in range(0, len(letters), 10_000):
            # "a?aba" is cut into a, ?, aba: what stands alone is punctuation.
            cut = self.engine.pre_tokenizer.pre_tokenize_str("a".join(["", *letters[start : start + 10_000], ""]))
            alone |= {piece for piece, _ in cut if len(piece) == 1}
        alone.discard("a")
        spaced = {letter: f" {letter} " for letter in alone}
        cleaned = [text if alone.isdisjoint(text) else "".join(spaced.get(c, c) for c in text) for text in cleaned]
        return {one: text for one, text in zip(every, cleaned, strict=True) if one != text}

    def files(self) -> dict[str, str]:
        """The contents of the files that a folder keeps a tokenizer in, by name."""
        is_word_pieces = type(self.engine.model).__name__ == "WordPiece"
        kind = "BertTokenizer" if is_word_pieces else "PreTrainedTokenizerFast"
        settings = {"model_max_length": self.max_length, "tokenizer_class": kind, **self.settings}
        found = {
            "tokenizer.json": self.engine.to_str(pretty=False),
            "tokenizer_config.json": json.dumps(settings, indent=2) + "\n",
        }
        if is_word_pieces:
            pieces = sorted(self.engine.get_vocab().items(), key=lambda item: item[1])
            found["vocab.txt"] = "".join(f"{piece}\n" for piece, _ in pieces)
        return found


def listed(texts: Any) -> list[str]:
    """Texts as a list: one, several, or an array of strings or bytes."""
    several = [texts] if isinstance(texts, str) else np.asarray(texts, dtype=object).reshape(-1).tolist()
    return [text.decode("utf-8") if isinstance(text, bytes) else str(text) for text in several]


def is_text(x: Any) -> bool:
    """Whether these are texts: one, a list of them, or an array."""
    if isinstance(x, np.ndarray):
        return x.dtype.kind in "USO"
    return isinstance(x, str) or (isinstance(x, list | tuple) and bool(x) and all(isinstance(t, str) for t in x))


def is_pair(x: Any) -> bool:
    """Whether this is a tuple of (first texts, second texts)."""
    return isinstance(x, tuple) and len(x) == 2 and all(is_text(part) and not isinstance(part, str) for part in x)


_COLUMNS = {"input_ids": "ids", "attention_mask": "attention_mask", "token_type_ids": "type_ids"}


def _text(token: Any) -> str:
    """A special token, which config files hold as a string or as a dictionary."""
    return token["content"] if isinstance(token, dict) else token


def render_chat(template: str, variables: dict[str, Any]) -> str:
    """A chat template filled in: Jinja in its sandbox, with the few functions that templates rely on.

    Raises:
        ValueError: for a template that is none, refuses the conversation, or leaves the sandbox.

    >>> from hornbook_hub.tokenizers import render_chat
    >>> render_chat("{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}", {"messages": [
    ...     {"role": "user", "content": "Hello"}]})
    '<user>Hello'
    """
    from jinja2 import TemplateError
    from jinja2.ext import loopcontrols
    from jinja2.sandbox import ImmutableSandboxedEnvironment, SecurityError

    def refuse(message: str) -> None:
        raise TemplateError(message)

    environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=[loopcontrols])
    environment.filters["tojson"] = lambda value, indent=None: json.dumps(value, ensure_ascii=False, indent=indent)
    environment.globals["raise_exception"] = refuse
    environment.globals["strftime_now"] = lambda form: datetime.datetime.now().strftime(form)
    try:
        return environment.from_string(template).render(**variables)
    except SecurityError as error:
        raise ValueError(f"The chat template is refused: {error}.") from None
    except (TemplateError, TypeError) as error:
        raise ValueError(f"The chat template cannot be filled in with these messages: {error}.") from None


def word_pieces(vocabulary: Path, settings: dict[str, Any]) -> Any:
    """BERT's tokenizer from its vocabulary, one piece a line, and how it cleans the text."""
    from tokenizers import Tokenizer as Engine
    from tokenizers import decoders, models, normalizers, pre_tokenizers, processors

    pieces = vocabulary.read_text("utf-8").split("\n")
    pieces = pieces[:-1] if pieces and not pieces[-1] else pieces
    numbers = {piece.rstrip("\r"): number for number, piece in enumerate(pieces)}
    names = {
        kind: _text(settings.get(f"{kind}_token", f"[{kind.upper()}]")) for kind in ("unk", "cls", "sep", "pad", "mask")
    }
    missing = [names[kind] for kind in ("unk", "cls", "sep") if names[kind] not in numbers]
    if missing:
        raise ValueError(f"{vocabulary} lacks the special pieces {missing}: it is no vocabulary of a BERT.")
    engine = Engine(models.WordPiece(numbers, unk_token=names["unk"], max_input_chars_per_word=100))
    engine.normalizer = normalizers.BertNormalizer(
        clean_text=True,
        handle_chinese_chars=settings.get("tokenize_chinese_chars", True),
        strip_accents=settings.get("strip_accents"),
        lowercase=settings.get("do_lower_case", True),
    )
    engine.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    engine.decoder = decoders.WordPiece()
    engine.add_special_tokens([name for name in names.values() if name in numbers])
    cls, sep = names["cls"], names["sep"]
    engine.post_processor = processors.TemplateProcessing(
        single=f"{cls}:0 $A:0 {sep}:0",
        pair=f"{cls}:0 $A:0 {sep}:0 $B:1 {sep}:1",
        special_tokens=[(cls, numbers[cls]), (sep, numbers[sep])],
    )
    return engine
