"""The tokenizer: one class for every kind, since the engine knows what the kinds differ in."""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from hornbook_hub.preprocessing import Preprocessor
from hornbook_hub.tokenizers.chat import render_chat
from hornbook_hub.tokenizers.folders import open_folder


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
        """The tokenizer of a folder in Hugging Face's layout.

        It holds `tokenizer.json`; or a vocabulary (`vocab.txt`, `vocab.json` with `merges.txt`, a SentencePiece model, a file
        of tiktoken's), of which `tokenizer_config.json` or `config.json` says whose kind it is.

        Raises:
            FileNotFoundError: where none of these is there.
            ValueError: for a file that is no tokenizer.
        """
        return cls(*open_folder(Path(folder)), max_length, names)

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
        model = self.engine.model
        if ending := getattr(model, "end_of_word_suffix", None):
            text = text.replace(ending, " ").strip()
        if not self.settings.get("clean_up_tokenization_spaces") or type(model).__name__ == "BPE":
            return text
        for mark in (" .", " ?", " !", " ,", " ' ", " n't", " 'm", " 's", " 've", " 're"):
            text = text.replace(mark, mark.strip())
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
        self,
        messages: list[dict[str, str]],
        add_generation_prompt: bool = True,
        template: str | None = None,
        **variables: Any,
    ) -> str:
        """A conversation as the text that the model was trained to read.

        Args:
            messages: [{"role": "user", "content": "..."}, ...].
            add_generation_prompt: end with what begins an answer.
            template: the name of one of several templates; "tool_use" where there are `tools` and such a template, else
                "default".
            variables: more that the template knows.

        Raises:
            ValueError: where the checkpoint has no template, or the template refuses the conversation.
        """
        held = self.settings.get("chat_template")
        if held is None:
            raise ValueError("This checkpoint has no chat template: it was not trained for conversations.")
        templates = held if isinstance(held, dict) else {"default": held}
        chosen = template or ("tool_use" if variables.get("tools") and "tool_use" in templates else "default")
        if chosen not in templates:
            raise ValueError(
                f"This checkpoint has no chat template {chosen!r}; it has {sorted(templates)}: pass template=."
            )
        special = {
            name: _text(value) for name, value in self.settings.items() if name.endswith("_token") and value is not None
        }
        return render_chat(
            templates[chosen],
            {**special, "messages": messages, "add_generation_prompt": add_generation_prompt, **variables},
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

        What it does is read from the engine's description, and from the engine, character by character. Bytes that are no
        UTF-8 are read as U+FFFD.

        Raises:
            ValueError: for a tokenizer that does what is not known as operations, which is named.
        """
        from hornbook_hub.tokenizers.layers import layer_of

        return layer_of(self)

    def files(self) -> dict[str, str]:
        """The contents of the files that a folder keeps a tokenizer in, by name."""
        model = json.loads(self.engine.to_str())["model"]
        kind = "BertTokenizer" if model["type"] == "WordPiece" else "PreTrainedTokenizerFast"
        settings = {"model_max_length": self.max_length, "tokenizer_class": kind, **self.settings}
        for key, piece in settings.items():
            if key.endswith("_token") and isinstance(piece, dict):
                settings[key] = {"__type": "AddedToken", **piece}
        if isinstance(templates := settings.get("chat_template"), dict):
            settings["chat_template"] = [{"name": name, "template": text} for name, text in templates.items()]
        found = {
            "tokenizer.json": self.engine.to_str(pretty=False),
            "tokenizer_config.json": json.dumps(settings, indent=2) + "\n",
        }
        if model["type"] == "WordPiece":
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
