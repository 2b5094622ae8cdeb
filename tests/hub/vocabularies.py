"""Vocabularies of every kind, trained on generated text, and strings from all of Unicode: what tokenizers are held to."""

import base64
import functools
import io
import json
import random
from pathlib import Path

PLANES = [
    *[(0x20, 0x7E)] * 6,
    (0, 0x1F),
    (0x7F, 0xFF),
    (0x100, 0x24F),
    (0x300, 0x36F),
    (0x370, 0x5FF),
    (0x600, 0x7FF),
    (0x900, 0xDFF),
    (0x1100, 0x11FF),
    (0x1E00, 0x206F),
    (0x2070, 0x2BFF),
    (0x3000, 0x33FF),
    (0x4E00, 0x4F00),
    (0xAC00, 0xAD00),
    (0xE000, 0xE010),
    (0xF900, 0xFFFF),
    (0x10000, 0x11FFF),
    (0x1D400, 0x1D7FF),
    (0x1F1E6, 0x1F1FF),
    (0x1F300, 0x1FAFF),
    (0x20000, 0x2A000),
    (0x2FE00, 0x3FFFF),
    (0xE0000, 0xE01EF),
    (0xFFF00, 0x10FFFF),
]
ODD = [
    "", " ", "  ", "   a", "a   ", "\n\n", " \n ", "\r\n", "\t\t", "\u00a0", "\u2028", "\u3000", "\u200d", "\ufeff", "▁", "▁▁ ▁a",
    "\x00",
    "'s", "'S", "I'll we'VE they'd 'tis", "x'ſ ' s", "123", "1234567", "٣٤٥½Ⅷ", "e\u0301e\u0301", "ａ\u0301ﬁ", "क्षि", "각", "ÅΩ",
    "👩‍👩‍👧‍👦", "🇩🇪🇫🇷🇩", "👍🏽", "❤️", "1️⃣", "™\u0301", "<s>", "</s> a", "a <mask> b", "<|endoftext|>", "[MASK]", "[CLS] a [SEP]",
    "<pad>", "<unk>", "<extra_id_0> and <extra_id_99>", "<0x0A>", "<bos>", "<|startoftext|>x", "<|im_start|>", "</w>", "a" * 120,
    "#$%\n\n a",
    " \u0301", "\U00011235\u0334l", "\u20d4\U00010f4e",
    "a\u200bb", "İıßẞſ", "ΣΊΣΥΦΟΣ", "don't stop!! (ever) $5 + 3 = 8", "Ġ", "don’t", "  hello   world  ",
]  # fmt: skip


def strings(count, seed=0):
    """Odd ones first, then characters from everywhere and words, at random."""
    draw = random.Random(seed)
    words = text().split()

    def piece():
        if draw.random() < 0.35:
            return draw.choice(words)
        if draw.random() < 0.12:
            return draw.choice(ODD)
        if draw.random() < 0.15:
            return draw.choice([" ", "  ", "\n", "'", "\u0301", "\u200d"])
        low, high = draw.choice(PLANES)
        point = draw.randint(low, high)
        return chr(point) if not 0xD800 <= point < 0xE000 else " "

    return (ODD + ["".join(piece() for _ in range(draw.randint(1, 14))) for _ in range(count)])[:count]


@functools.cache
def text():
    """Some thousand words of several scripts, frequent ones more often."""
    draw = random.Random(1)
    alphabets = ["abcdefghiklmnoprstuvw", "αβγδεικλνοσ", "абвгдеиклн", "éèäöüñç", "你好世界中文", "かなカナ", "اببتث"]
    words = [
        "".join(draw.choice(draw.choice([alphabets[0]] * 4 + [letters])) for _ in range(draw.randint(1, 6)))
        for letters in alphabets
        for _ in range(60)
    ]
    words += ["I'll", "don't", "they're", "we've", "12", "345", "2024", "--", "!!", "?", ".", ",", "Hello", "World"]
    lines = [" ".join(draw.choice(words[: draw.randint(1, len(words))]) for _ in range(12)) for _ in range(800)]
    return "\n".join(lines)


def byte_pairs(folder, specials=(), size=700, suffix=""):
    """`vocab.json` and `merges.txt`."""
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    ending = {"end_of_word_suffix": suffix} if suffix else {}
    engine = Tokenizer(models.BPE(**ending))
    engine.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        **ending,
    )
    engine.train_from_iterator([text().lower() if suffix else text()], trainer)
    model = json.loads(engine.to_str())["model"]
    numbers = dict(model["vocab"])
    for letter in pre_tokenizers.ByteLevel.alphabet() if suffix else ():
        numbers.setdefault(letter + suffix, len(numbers))
    for special in specials:
        numbers.setdefault(special, len(numbers))
    (folder / "vocab.json").write_text(json.dumps(numbers), encoding="utf-8")
    merges = [" ".join(pair) for pair in model["merges"]]
    (folder / "merges.txt").write_text("\n".join(["#version: 0.2", *merges, ""]), encoding="utf-8")


def ranks(path, size=600):
    """A file of tiktoken's."""
    byte_pairs(path.parent, size=size)
    from hornbook_hub.tokenizers.tiktoken import visible_bytes

    shown = {character: byte for byte, character in enumerate(visible_bytes())}
    numbers = json.loads((path.parent / "vocab.json").read_text("utf-8"))
    pieces = sorted(numbers, key=numbers.__getitem__)
    lines = [base64.b64encode(bytes(shown[c] for c in piece)).decode() for piece in pieces]
    path.write_text("".join(f"{line} {rank}\n" for rank, line in enumerate(lines)))
    for name in ("vocab.json", "merges.txt"):
        (path.parent / name).unlink()


@functools.cache
def _sentence_pieces(options):
    import sentencepiece

    held = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(text().splitlines()), model_writer=held, minloglevel=2, num_threads=1, **dict(options)
    )
    return held.getvalue()


def sentence_pieces(path, **options):
    """A SentencePiece model."""
    path.write_bytes(_sentence_pieces(tuple(sorted({"vocab_size": 600, "hard_vocab_limit": False, **options}.items()))))


def word_pieces(folder, specials):
    """`vocab.txt`."""
    letters = sorted(set(text()) - set(" \n"))
    words = sorted(set(text().lower().split()))[:300]
    pieces = [*specials, *letters, *[f"##{letter}" for letter in letters], *words]
    (folder / "vocab.txt").write_text("".join(f"{piece}\n" for piece in dict.fromkeys(pieces)), encoding="utf-8")


LLAMA = {"model_type": "bpe", "byte_fallback": True, "normalization_rule_name": "identity", "vocab_size": 900}
LLAMA |= {"remove_extra_whitespaces": False, "character_coverage": 0.99}
T5 = {"model_type": "unigram", "pad_id": 0, "eos_id": 1, "unk_id": 2, "bos_id": -1}
GEMMA = {
    "pad_id": 0,
    "eos_id": 1,
    "bos_id": 2,
    "unk_id": 3,
    "pad_piece": "<pad>",
    "bos_piece": "<bos>",
    "eos_piece": "<eos>",
}
WHISPER = [
    "<|endoftext|>",
    "<|startoftranscript|>",
    "<|en|>",
    "<|de|>",
    "<|translate|>",
    "<|transcribe|>",
    "<|notimestamps|>",
]


def make(kind, folder: Path):
    """A folder with a vocabulary of this kind; how it is to be read in `tokenizer_config.json`."""
    settings = {"tokenizer_class": KINDS.get(kind, "PreTrainedTokenizerFast")}
    if kind in ("bert", "cased_bert"):
        word_pieces(folder, ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"])
        settings |= {"do_lower_case": kind == "bert"}
    elif kind == "mpnet":
        word_pieces(folder, ["<s>", "<pad>", "</s>", "<unk>", "[UNK]", "<mask>"])
    elif kind in ("gpt2", "qwen2"):
        byte_pairs(folder, ["<|endoftext|>"])
        if kind == "qwen2":
            added = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
            start = len(json.loads((folder / "vocab.json").read_text("utf-8"))) - 1
            settings["added_tokens_decoder"] = {
                str(start + i): {
                    "content": piece,
                    "special": True,
                    "normalized": False,
                    "lstrip": False,
                    "rstrip": False,
                }
                for i, piece in enumerate(added)
            }
    elif kind == "roberta":
        byte_pairs(folder, ["<s>", "<pad>", "</s>", "<unk>", "<mask>"])
        mask = {"content": "<mask>", "lstrip": True, "rstrip": False, "normalized": False, "single_word": False}
        (folder / "special_tokens_map.json").write_text(json.dumps({"mask_token": mask, "bos_token": "<s>"}))
    elif kind == "clip":
        byte_pairs(folder, ["<|startoftext|>", "<|endoftext|>"], suffix="</w>")
    elif kind == "whisper":
        byte_pairs(folder)
        start = len(json.loads((folder / "vocab.json").read_text("utf-8")))
        numbers = {piece: start + i for i, piece in enumerate(WHISPER)}
        (folder / "added_tokens.json").write_text(json.dumps(numbers))
        settings["additional_special_tokens"] = WHISPER[1:]
    elif kind == "llama":
        sentence_pieces(folder / "tokenizer.model", **LLAMA, user_defined_symbols="<tool>,\u2581\u2581")
        settings |= {"add_bos_token": True, "add_eos_token": False, "bos_token": "<s>", "eos_token": "</s>"}
    elif kind == "gemma":
        sentence_pieces(folder / "tokenizer.model", **LLAMA, **GEMMA, add_dummy_prefix=False)
        settings |= {"add_bos_token": True, "mask_token": None}
    elif kind == "t5":
        sentence_pieces(folder / "spiece.model", **T5)
    elif kind == "xlm_roberta":
        sentence_pieces(folder / "sentencepiece.bpe.model", model_type="unigram")
    elif kind == "unigram_bytes":
        sentence_pieces(folder / "tokenizer.model", model_type="unigram", byte_fallback=True, character_coverage=0.99)
    elif kind == "llama3":
        ranks(folder / "tokenizer.model")
        added = {"<|begin_of_text|>": 600, "<|end_of_text|>": 601}
        settings["added_tokens_decoder"] = {
            str(number): {"content": piece, "special": True, "normalized": False} for piece, number in added.items()
        }
        settings |= {"bos_token": "<|begin_of_text|>", "eos_token": "<|end_of_text|>", "add_bos_token": True}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    return folder


KINDS = {
    "bert": "BertTokenizer",
    "cased_bert": "BertTokenizer",
    "mpnet": "MPNetTokenizer",
    "gpt2": "GPT2Tokenizer",
    "roberta": "RobertaTokenizer",
    "clip": "CLIPTokenizer",
    "whisper": "WhisperTokenizer",
    "qwen2": "Qwen2Tokenizer",
    "llama": "LlamaTokenizer",
    "gemma": "GemmaTokenizer",
    "t5": "T5Tokenizer",
    "xlm_roberta": "XLMRobertaTokenizer",
    "llama3": "PreTrainedTokenizerFast",
}
