"""Pretrain the tiny BERT that is in the wheel, by guessing masked words.

What:     a WordPiece vocabulary of 4,096 pieces, then a BERT of 2 layers, 128 wide, that learns to fill in masked pieces:
          of the pieces of a text 15 % are chosen; 80 % of these become [MASK], 10 % a random piece, 10 % stay as they are;
          the loss is -log p(piece | the rest) over the chosen ones (Devlin et al. 2018, section 3.1).
Why:      so that every example runs without a network, on a model that has read something.
Data:     English sentences of Tatoeba (spa-eng, CC BY 2.0), review sentences without their labels (UCI "Sentiment
          Labelled Sentences", CC BY 4.0), WikiText-2 validation and test text (CC BY-SA 3.0); from HORNBOOK_DATA.
Hardware: two CPU cores, about 20 minutes.
Expect:   a held-out loss of about 2.8 nats per masked piece (ln 4096 = 8.3 at the start).
Run:      HORNBOOK_DATA=/folder python recipes/pretrain_bert_tiny.py --out hub/hornbook_hub/presets/bert_tiny
"""

import os
import re
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

import command_line

VOCABULARY, LENGTH, CHOSEN = 4096, 64, 10
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
CARD = """# bert_tiny

A BERT of {layers} layers, {hidden} wide, {heads} heads, {parameters:,} parameters, uncased, with a vocabulary of {vocabulary:,}
pieces. Made by `recipes/pretrain_bert_tiny.py` so that examples and tests run without a network. It is good for learning
and testing, not for work.

| | |
|---|---|
| Task | masked-language modelling (15 % of the pieces) |
| Text | {sentences:,} packed sequences of {length} pieces, {epochs} epochs |
| Held-out loss | {loss:.3f} nats per masked piece |
| Time | {minutes:.0f} minutes on two CPU cores |
| Weights | float16, Apache-2.0 |

The text it read, none of which is in this package:

- English sentences of [Tatoeba](https://tatoeba.org), as in spa-eng.zip: CC BY 2.0
- "Sentiment Labelled Sentences" (Kotzias et al. 2015, UCI), sentences only, no labels: CC BY 4.0
- WikiText-2 (Merity et al. 2016), validation and test parts: CC BY-SA 3.0
"""


def read_text() -> tuple[list[str], list[str]]:
    """(sentences to read, sentences held out to measure): of all corpora, every fiftieth is held out.

    Raises:
        DataUnavailable: where HORNBOOK_DATA does not hold them.
    """
    from hornbook_datasets import DataUnavailable

    root = Path(os.environ.get("HORNBOOK_DATA", "")) / "text"
    needed = [
        root / "spa-eng" / "spa-eng.zip",
        *(root / "sentiment_labelled_sentences" / f"{n}_labelled.txt" for n in ("amazon_cells", "imdb", "yelp")),
        *(root / "wikitext-2" / f"{part}.txt" for part in ("valid", "test")),
    ]
    missing = [path for path in needed if not path.is_file()]
    if not os.environ.get("HORNBOOK_DATA") or missing:
        raise DataUnavailable(
            "The corpora for bert_tiny are read from the folder HORNBOOK_DATA, which "
            f"lacks {missing[0] if missing else needed[0]}: set HORNBOOK_DATA to a folder that holds text/spa-eng/spa-eng.zip, "
            "text/sentiment_labelled_sentences and text/wikitext-2."
        )
    with zipfile.ZipFile(needed[0]) as archive:
        pairs = archive.read("spa-eng/spa.txt").decode("utf-8").splitlines()
    tatoeba = list(dict.fromkeys(line.split("\t")[0] for line in pairs))
    reviews = [
        line.split("\t")[0].strip() for path in needed[1:4] for line in path.read_text("utf-8").split("\n") if line
    ]
    wiki = [line.strip() for path in needed[4:] for line in path.read_text("utf-8").splitlines()]
    wiki = [re.sub(r" @(.)@ ", r"\1", line).replace("<unk>", "").strip() for line in wiki if line and line[0] != "="]
    held_out = (tatoeba + reviews + wiki)[::50]
    # The reviews are few and in the tone that the quickstart needs: they are read four times for each once of the rest.
    measured = set(held_out)
    return [sentence for sentence in tatoeba + reviews * 4 + wiki if sentence not in measured], held_out


def train_vocabulary(sentences: list[str]) -> Any:
    """A WordPiece tokenizer with the most useful pieces of the text."""
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    trainer = trainers.WordPieceTrainer(vocab_size=VOCABULARY, special_tokens=SPECIAL, show_progress=False)
    tokenizer.train_from_iterator(sentences, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", tokenizer.token_to_id("[CLS]")), ("[SEP]", tokenizer.token_to_id("[SEP]"))],
    )
    return tokenizer


def pack(tokenizer: Any, sentences: list[str], generator: np.random.Generator) -> np.ndarray:
    """Sentences in random order, several to a row of LENGTH pieces: [CLS] a [SEP] b [SEP] ... [PAD]."""
    encoded = [e.ids for e in tokenizer.encode_batch(sentences, add_special_tokens=False)]
    cls, sep = tokenizer.token_to_id("[CLS]"), tokenizer.token_to_id("[SEP]")
    rows, row = [], [cls]
    for i in generator.permutation(len(encoded)):
        ids = encoded[i][: LENGTH - 2]
        if len(row) + len(ids) + 1 > LENGTH:
            rows.append(row + [0] * (LENGTH - len(row)))
            row = [cls]
        row = [*row, *ids, sep]
    rows.append(row + [0] * (LENGTH - len(row)))
    return np.array(rows, "int32")


def mask(ids: np.ndarray, tokenizer: Any, generator: np.random.Generator) -> tuple[dict, np.ndarray, np.ndarray]:
    """(inputs, the pieces at the chosen places, 1 where a place counts): 80 % [MASK], 10 % random, 10 % unchanged.

    Of each row 15 % of the pieces are chosen; rows that are filled less have fewer, and places of no weight.
    """
    lottery = np.where(ids >= len(SPECIAL), generator.random(ids.shape), -1.0)  # special pieces are never chosen
    places = np.argsort(-lottery, axis=1)[:, :CHOSEN]
    wanted = np.ceil(0.15 * (ids >= len(SPECIAL)).sum(1, keepdims=True))
    counts = (np.arange(CHOSEN) < wanted).astype("float32")
    pieces = np.take_along_axis(ids, places, 1)
    way = generator.random(pieces.shape)
    random = generator.integers(len(SPECIAL), tokenizer.get_vocab_size(), pieces.shape)
    shown = np.where(way < 0.8, tokenizer.token_to_id("[MASK]"), np.where(way < 0.9, random, pieces))
    masked = ids.copy()
    np.put_along_axis(masked, places, np.where(counts == 1, shown, pieces).astype("int32"), 1)
    inputs = {
        "input_ids": masked,
        "attention_mask": (ids != 0).astype("int32"),
        "mask_positions": places.astype("int32"),
    }
    return inputs, pieces, counts


def ready_to_tune(model: Any) -> None:
    """Give the embeddings the spread of a fresh network, 0.02, without changing what the network computes.

    Layer normalization follows the embeddings, so their common scale is free; the last layer, which shares the words'
    table, gets its input that much larger. Adam moves every weight by about the learning rate: words that stand five
    times farther apart than at the start would hardly be moved by fine-tuning.
    """
    embeddings, last_norm = model.backbone.embeddings, model.head.norm
    scale = 0.02 / float(np.std(embeddings.word_embeddings.embeddings.numpy()))
    for table in (embeddings.word_embeddings, embeddings.position_embeddings, embeddings.token_type_embeddings):
        table.embeddings.assign(table.embeddings * scale)
    last_norm.gamma.assign(last_norm.gamma / scale)
    last_norm.beta.assign(last_norm.beta / scale)


def main(arguments: Any) -> dict[str, Any]:
    """Vocabulary, pretraining, and the preset folder."""
    import time

    started = time.perf_counter()
    generator = np.random.default_rng(arguments.seed)
    sentences, held_out = read_text()
    if arguments.smoke:
        sentences = sentences[:3000]
    tokenizer = train_vocabulary(sentences)
    rows = pack(tokenizer, sentences, generator)

    import hornbook as keras
    from hornbook_hub import BertBackbone, BertConfig, MaskedLM, Tokenizer

    keras.utils.set_random_seed(arguments.seed)
    config = BertConfig(
        vocab_size=tokenizer.get_vocab_size(),
        hidden_size=128,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=512,
        max_position_embeddings=128,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
    )
    model = MaskedLM(BertBackbone(config), Tokenizer(tokenizer))
    steps = 2 if arguments.smoke else arguments.epochs * -(-len(rows) // arguments.batch_size)
    warmup = max(steps // 10, 1)
    rate = keras.optimizers.schedules.CosineDecay(0.0, steps, warmup_target=2e-3, warmup_steps=warmup)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True, reduction="mean_with_sample_weight")
    optimizer = keras.optimizers.AdamW(rate, weight_decay=0.01, global_clipnorm=1.0)
    model.compile(optimizer, loss, weighted_metrics=["accuracy"])
    test = mask(pack(tokenizer, held_out, np.random.default_rng(0)), tokenizer, np.random.default_rng(1))

    history: dict[str, list[float]] = {}
    for epoch in range(1 if arguments.smoke else arguments.epochs):  # each epoch masks other pieces
        x, y, weight = mask(rows, tokenizer, generator)
        if arguments.smoke:
            few = 2 * arguments.batch_size
            x, y, weight = {key: array[:few] for key, array in x.items()}, y[:few], weight[:few]
        print(f"Epoch {epoch + 1} of {arguments.epochs}, {len(y):,} rows")
        logs = model.fit(x, y, sample_weight=weight, batch_size=arguments.batch_size).history
        for name, values in logs.items():
            history.setdefault(name, []).extend(values)
    ready_to_tune(model)
    test_loss, test_accuracy = model.evaluate(test[0], test[1], sample_weight=test[2], batch_size=64, verbose=0)

    if arguments.out is not None:
        model.save_to_preset(arguments.out, dtype="float16")
        card = CARD.format(
            layers=config.num_hidden_layers,
            hidden=config.hidden_size,
            heads=config.num_attention_heads,
            parameters=model.count_params(),
            vocabulary=config.vocab_size,
            sentences=len(rows),
            length=LENGTH,
            epochs=arguments.epochs,
            loss=test_loss,
            minutes=(time.perf_counter() - started) / 60,
        )
        (arguments.out / "README.md").write_text(card)
    return {"rows": len(rows), "held_out_loss": test_loss, "held_out_accuracy": test_accuracy, "history": history}


if __name__ == "__main__":
    options = command_line.parser(__doc__ or "", epochs=14, batch_size=64)
    command_line.run(main, options, at_most={"held_out_loss": 3.0})
