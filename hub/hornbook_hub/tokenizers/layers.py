"""A tokenizer as a layer of graph operations: what the engine does, read from its description."""

import json
from typing import Any


def layer_of(tokenizer: Any) -> Any:
    """The layer of a tokenizer.

    Raises:
        ValueError: for an engine of a kind that is not known as a layer.
    """
    from hornbook.export.word_pieces import WordPieces

    described = json.loads(tokenizer.engine.to_str())
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
    unknown = tokenizer.token_to_id(model["unk_token"])
    around = tokenizer.engine.encode(model["unk_token"]).ids  # [CLS] [UNK] [SEP]
    return WordPieces(
        vocabulary=tokenizer.engine.get_vocab(),
        characters=_characters(tokenizer.engine),
        specials=sorted((token["content"] for token in added), key=len, reverse=True),
        unknown=unknown,
        before=around[: around.index(unknown)],
        after=around[around.index(unknown) + 1 :],
        padding=tokenizer.pad_token_id or 0,
        max_length=tokenizer.max_length,
        continuation=model["continuing_subword_prefix"],
        longest_word=model["max_input_chars_per_word"],
        name="tokenizer",
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
