"""Is a sentence about a film good or bad? A small pretrained BERT beside a bag of words.

What:     both learn p(good | sentence): one from the mean of the vectors of its words and pairs of words, which knows nothing of
          their order otherwise (Joulin et al. 2016); the other is a BERT, fine-tuned.
Why:      "not good at all" has the words of a good film in it. A strong simple model beside shows what reading is worth.
Data:     SST-2, phrases and sentences of film reviews, 67,349 to learn from and 872 to test on (Socher et al. 2013; for
          research).
Hardware: bert_base: one GPU (not run here). With --tiny, bert_tiny: one CPU core, three minutes.
Expect:   accuracy on the 872 sentences; with --tiny at least 75 % by bert_tiny, measured: 78.0 %, and at least 77 % by the bag
          of words, measured: 79.5 %. bert_tiny has read little before, and little of films.
Run:      python recipes/sst2_sentiment.py --tiny
"""

from typing import Any

import numpy as np

import command_line

PIECES = 32  # of a sentence that are read


def bag_of_words(texts: list[str], labels: np.ndarray, test: tuple, seed: int, epochs: int) -> float:
    """The accuracy of a model that sees which words and pairs of words are there: the mean of their vectors decides."""
    import hornbook as keras
    from hornbook import layers

    keras.utils.set_random_seed(seed)
    words = layers.TextVectorization(max_tokens=20000, standardize="lower", ngrams=2)  # marks are words there
    words.adapt(texts)
    model = keras.Sequential(
        [
            keras.Input((None,), dtype="int32"),
            layers.Embedding(words.vocabulary_size(), 16, mask_zero=True),
            layers.GlobalAveragePooling1D(),
            layers.Dense(1, activation="sigmoid"),
        ]
    )
    model.compile(keras.optimizers.Adam(3e-3), "binary_crossentropy", metrics=["accuracy"])
    model.fit(np.asarray(words(texts)), labels, batch_size=64, epochs=epochs, verbose=0)
    return model.evaluate(np.asarray(words(test[0])), test[1], verbose=0)[1]


def main(arguments: Any) -> dict[str, Any]:
    """Train both, test both."""
    from hornbook_datasets import sst2

    (texts, labels), (test_texts, test_labels) = sst2.load_data()
    if arguments.smoke:
        texts, labels = texts[: 2 * arguments.batch_size], labels[: 2 * arguments.batch_size]
        test_texts, test_labels = test_texts[:8], test_labels[:8]
    texts, test_texts = list(texts), list(test_texts)

    import hornbook as keras

    epochs = 1 if arguments.smoke else arguments.epochs
    bag = bag_of_words(texts, labels, (test_texts, test_labels), arguments.seed, 2 * epochs)
    print(f"Bag of words: {bag:.1%}")
    keras.utils.set_random_seed(arguments.seed)
    model = command_line.pretrained(
        "bert_tiny" if arguments.tiny else "bert_base", task="text_classifier", num_classes=2
    )
    model.tokenizer.max_length = PIECES
    steps = epochs * -(-len(texts) // arguments.batch_size)
    peak = 5e-4 if arguments.tiny else 3e-5
    rate = keras.optimizers.schedules.CosineDecay(0.0, steps, warmup_target=peak, warmup_steps=max(steps // 10, 1))
    model.compile(keras.optimizers.AdamW(rate, weight_decay=0.01), model.loss, metrics=["accuracy"])
    history = model.fit(texts, labels, batch_size=arguments.batch_size, epochs=epochs)
    _, accuracy = model.evaluate(test_texts, test_labels, verbose=0)
    if arguments.out is not None:
        model.save_to_preset(arguments.out / "sst2_sentiment")
    return {"accuracy_bert": accuracy, "accuracy_bag_of_words": bag, "history": history.history}


if __name__ == "__main__":
    options = command_line.parser(__doc__ or "", epochs=1, batch_size=32)
    options = command_line.tiny(options, "bert_tiny")
    command_line.run(main, options, at_least={"accuracy_bert": 0.75, "accuracy_bag_of_words": 0.77})
