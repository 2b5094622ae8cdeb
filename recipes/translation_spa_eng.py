"""A Transformer learns to translate from English into Spanish.

What:     an encoder of the English words, and a decoder that gives the Spanish ones one after the other: each of its places
          looks at those before it and at all of the English (Vaswani et al. 2017); loss = -log p(next word | words before
          it, English).
Why:      the task for which the Transformer was made; every part of the language models of today is in it.
Data:     118,964 pairs of Tatoeba; here those of at most 8 English and 10 Spanish pieces, four fifths to learn from. No
          English sentence of the test is one of training.
Hardware: one CPU core, 8 minutes.
Expect:   BLEU, the share of one to four words in a row that a translation by a human has as well (Papineni et al. 2002), at
          least 36 on 1,000 new sentences; measured: 39.9.
Run:      python recipes/translation_spa_eng.py
"""

import collections
import functools
import operator
import re
from typing import Any

import numpy as np

import command_line

ENGLISH, SPANISH = 8, 10  # pieces of the longest sentences
WORDS, WIDTH, HEADS = 5000, 128, 4
PAD, BEGIN, END, UNKNOWN = range(4)


def pieces(sentence: str) -> list[str]:
    """Words in small letters, and marks."""
    return re.findall(r"\w+|[^\w\s]", sentence.lower())


def vocabulary(sentences: list[list[str]]) -> list[str]:
    """The commonest pieces, after the four that stand for something else."""
    counts = collections.Counter(piece for sentence in sentences for piece in sentence)
    return ["<pad>", "<begin>", "<end>", "<unknown>"] + [piece for piece, _ in counts.most_common(WORDS - 4)]


def indices(sentences: list[list[str]], words: list[str], length: int) -> np.ndarray:
    """The numbers of the pieces, (N, length), PAD behind them."""
    number = {word: index for index, word in enumerate(words)}
    rows = np.full((len(sentences), length), PAD, "int32")
    for row, sentence in zip(rows, sentences, strict=True):
        row[: len(sentence)] = [number.get(piece, UNKNOWN) for piece in sentence]
    return rows


def runs(sentence: list[str], length: int) -> collections.Counter:
    """How often each run of so many pieces occurs."""
    return collections.Counter(zip(*(sentence[start:] for start in range(length)), strict=False))


def bleu(found: list[list[str]], wanted: list[list[list[str]]]) -> float:
    """100 exp(mean of log p_n, n = 1 to 4) min(1, exp(1 - r / c)): p_n the share of the runs of n pieces that one of the wanted
    sentences has as well, c the length of all that was found, r of the wanted sentences that are nearest to it in length."""
    right, all_runs, r = np.zeros(4), np.zeros(4), 0
    for sentence, ones in zip(found, wanted, strict=True):
        r += len(min(ones, key=lambda one: abs(len(one) - len(sentence))))
        for n in range(4):
            mine, theirs = runs(sentence, n + 1), (runs(one, n + 1) for one in ones)
            right[n] += (mine & functools.reduce(operator.or_, theirs)).total()
            all_runs[n] += mine.total()
    c = sum(map(len, found))
    precision = (right + 1e-9) / np.maximum(all_runs, 1)
    return 100 * float(np.exp(np.mean(np.log(precision)) + min(0, 1 - r / max(c, 1))))


def build() -> Any:
    """English (B, 8) and Spanish so far (B, 11) -> the logits of each next piece (B, 11, WORDS)."""
    import hornbook as keras
    from hornbook import layers, ops

    def embedded(words: Any, length: int) -> Any:
        places = layers.Embedding(length, WIDTH)(ops.arange(length))
        return layers.Dropout(0.1)(layers.Embedding(WORDS, WIDTH)(words) + places)

    def attended(x: Any, y: Any, **mask: Any) -> Any:
        normal = layers.LayerNormalization()(x)
        attention = layers.MultiHeadAttention(HEADS, WIDTH // HEADS)
        return x + layers.Dropout(0.1)(attention(normal, normal if y is None else y, **mask))

    def transformed(x: Any) -> Any:
        hidden = layers.Dense(4 * WIDTH, "relu")(layers.LayerNormalization()(x))
        return x + layers.Dropout(0.1)(layers.Dense(WIDTH)(hidden))

    english, spanish = keras.Input((ENGLISH,), dtype="int32"), keras.Input((SPANISH + 1,), dtype="int32")
    is_word = ops.not_equal(english, PAD)[:, None, :]  # (B, 1, 8)
    x = transformed(attended(embedded(english, ENGLISH), None, attention_mask=is_word))
    x = layers.LayerNormalization()(x)
    y = attended(embedded(spanish, SPANISH + 1), None, use_causal_mask=True)
    y = transformed(attended(y, x, attention_mask=is_word))
    return keras.Model([english, spanish], layers.Dense(WORDS)(layers.LayerNormalization()(y)))


def translate(model: Any, english: np.ndarray, words: list[str]) -> list[list[str]]:
    """The likeliest piece, again and again, until all sentences have ended."""
    spanish = np.full((len(english), SPANISH + 1), PAD, "int32")
    spanish[:, 0] = BEGIN
    for place in range(SPANISH):
        logits = model.predict([english, spanish], batch_size=250, verbose=0)[:, place]
        logits[:, [PAD, BEGIN, UNKNOWN]] = logits[:, len(words) :] = -np.inf
        spanish[:, place + 1] = logits.argmax(axis=1)
    ends = [row.index(END) if END in row else len(row) for row in spanish.tolist()]
    return [[words[number] for number in row[1:end]] for row, end in zip(spanish, ends, strict=True)]


def short(pairs: Any) -> list[tuple[list[str], list[str]]]:
    """The pairs of short sentences, in pieces."""
    cut = [(pieces(english), pieces(spanish)) for english, spanish in zip(*pairs, strict=True)]
    return [(a, b) for a, b in cut if len(a) <= ENGLISH and len(b) <= SPANISH]


def main(arguments: Any) -> dict[str, Any]:
    """Train, translate, and say how it went."""
    from hornbook_datasets import spa_eng

    train, test = spa_eng.load_data()
    if arguments.smoke:
        train, test = ([part[:400] for part in pairs] for pairs in (train, test))
    train, test = short(train), short(test)
    references: dict[tuple[str, ...], list[list[str]]] = {}
    seen = {tuple(english) for english, _ in train}  # small letters make some the same
    for english, spanish in test:
        if tuple(english) not in seen:
            references.setdefault(tuple(english), []).append(spanish)
    if arguments.smoke:
        train = train[: 2 * arguments.batch_size]
    sources = list(references)[: 8 if arguments.smoke else 1000]

    import hornbook as keras

    keras.utils.set_random_seed(arguments.seed)
    english_words, spanish_words = (vocabulary([pair[side] for pair in train]) for side in (0, 1))
    english = indices([pair[0] for pair in train], english_words, ENGLISH)
    spanish = np.full((len(train), SPANISH + 2), PAD, "int32")  # <begin> a b c <end>
    spanish[:, 1:-1] = indices([pair[1] for pair in train], spanish_words, SPANISH)
    spanish[:, 0] = BEGIN
    spanish[np.arange(len(train)), [len(pair[1]) + 1 for pair in train]] = END

    model = build()
    epochs = 1 if arguments.smoke else arguments.epochs
    steps = epochs * -(-len(train) // arguments.batch_size)
    rate = keras.optimizers.schedules.CosineDecay(0.0, steps, warmup_target=2e-3, warmup_steps=max(steps // 10, 1))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=PAD)
    model.compile(keras.optimizers.Adam(rate), loss)
    model.summary()
    x, y = [english, spanish[:, :-1]], spanish[:, 1:]
    history = model.fit(x, y, batch_size=arguments.batch_size, epochs=epochs)

    found = translate(model, indices([list(source) for source in sources], english_words, ENGLISH), spanish_words)
    for source, words in list(zip(sources, found, strict=True))[:8]:
        print(f"{' '.join(source):40} {' '.join(words)}")
    if arguments.out is not None:
        arguments.out.mkdir(parents=True, exist_ok=True)
        model.save(arguments.out / "translation_spa_eng.keras")
    return {
        "bleu": bleu(found, [references[source] for source in sources]),
        "pairs": len(train),
        "history": history.history,
    }


if __name__ == "__main__":
    options = command_line.parser(__doc__ or "", epochs=4, batch_size=64)
    command_line.run(main, options, at_least={"bleu": 36})
