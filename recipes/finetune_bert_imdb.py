"""Fine-tune BERT on film reviews: is a review good or bad?

What:     a pretrained BERT gets a new last layer on the vector of its first piece, and all of it learns:
          loss = -log p(good or bad | review) (Devlin et al. 2018, section 4).
Why:      the usual way to a classifier of texts; what was read before is worth more than labels (see finetune_bert_tiny).
Data:     IMDB reviews as text, 25,000 to learn from and 25,000 to test on (Maas et al. 2011; for research).
Hardware: bert_base on 256 pieces of each review: one GPU (not run here). With --tiny, which takes bert_tiny, 4,000 reviews
          and 128 pieces of each: one CPU core, 2 to 3 minutes.
Expect:   with --tiny 70 % of 1,000 test reviews right; bert_tiny has read little, and learns the reviews by heart (96 %).
Run:      python recipes/finetune_bert_imdb.py --tiny
"""

from typing import Any

import command_line

PIECES = 256  # of a review that are read; bert_tiny has 128 positions


def load_reviews(arguments: Any) -> tuple[tuple, ...]:
    """Reviews and labels to learn from and to test on, without the line breaks that they have as HTML."""
    from hornbook_datasets import imdb_reviews

    count, test_count = (4000, 1000) if arguments.tiny else (25000, 25000)
    if arguments.smoke:  # one half is enough
        texts, labels = imdb_reviews.load_split("test")
        count = 2 * arguments.batch_size
        parts = (texts[:count], labels[:count]), (texts[-8:], labels[-8:])
    else:
        parts = tuple(
            (texts[:n], labels[:n])
            for (texts, labels), n in zip(imdb_reviews.load_data(), (count, test_count), strict=True)
        )
    return tuple(([text.replace("<br />", " ") for text in texts], labels) for texts, labels in parts)


def main(arguments: Any) -> dict[str, Any]:
    """Train, test, and say how it went."""
    (texts, labels), (test_texts, test_labels) = load_reviews(arguments)

    import hornbook as keras

    keras.utils.set_random_seed(arguments.seed)
    name = "bert_tiny" if arguments.tiny else "bert_base"
    model = command_line.pretrained(
        name, task="text_classifier", num_classes=2, id2label={"0": "negative", "1": "positive"}
    )
    model.tokenizer.max_length = min(PIECES, model.tokenizer.max_length)
    epochs = 1 if arguments.smoke else arguments.epochs
    steps = epochs * -(-len(texts) // arguments.batch_size)
    peak = 3e-4 if arguments.tiny else 3e-5
    rate = keras.optimizers.schedules.CosineDecay(0.0, steps, warmup_target=peak, warmup_steps=max(steps // 10, 1))
    model.compile(keras.optimizers.AdamW(rate, weight_decay=0.01), model.loss, metrics=["accuracy"])
    history = model.fit(texts, labels, batch_size=arguments.batch_size, epochs=epochs)
    loss, accuracy = model.evaluate(test_texts, test_labels, batch_size=64, verbose=0)
    for text, row in zip(test_texts[:3], model.predict(test_texts[:3], verbose=0), strict=True):
        print(f"{model.labels[int(row.argmax())]}: {text[:80]}...")
    if arguments.out is not None:
        model.save_to_preset(arguments.out / "finetune_bert_imdb")
    return {"test_loss": loss, "test_accuracy": accuracy, "history": history.history}


if __name__ == "__main__":
    options = command_line.parser(__doc__ or "", epochs=3, batch_size=32)
    options = command_line.tiny(options, "bert_tiny, on a part of the reviews")
    command_line.run(main, options, at_least={"test_accuracy": 0.68})
