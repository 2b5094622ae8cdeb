"""A network that only knows which words occur sorts newswires by topic.

What:     a newswire as a row of zeros and ones, one for each word of the vocabulary (a bag of words: the order is lost); 256
          hidden units with ReLU, dropout, 46 topics.
Why:      the baseline of all text classification: fast, and hard to beat where words give the topic away.
Data:     Reuters-21578, 8,982 newswires to learn from and 2,246 to test on, 46 topics, two of which have 57 % of all.
Hardware: one CPU core, about 35 seconds.
Expect:   at least 80 % of the test newswires right; measured: 80.9 %. The commonest topic alone is 36 %.
Run:      python recipes/reuters_topics.py
"""

from typing import Any

import numpy as np

import command_line

WORDS = 10_000


def bags(newswires: np.ndarray) -> np.ndarray:
    """Which words occur: (N, WORDS) of zeros and ones, a byte each."""
    rows = np.zeros((len(newswires), WORDS), "uint8")
    for row, indices in zip(rows, newswires, strict=True):
        row[indices] = 1
    return rows


def build(topics: int) -> Any:
    """The network."""
    import hornbook as keras
    from hornbook import layers

    return keras.Sequential(
        [
            keras.Input((WORDS,)),
            layers.Dropout(0.2),  # some words are overlooked
            layers.Dense(256, activation="relu"),
            layers.Dropout(0.5),
            layers.Dense(topics, activation="softmax"),
        ]
    )


def main(arguments: Any) -> dict[str, Any]:
    """Train, test, and say how it went."""
    from hornbook_datasets import reuters

    (x_train, y_train), (x_test, y_test) = reuters.load_data(num_words=WORDS)
    if arguments.smoke:
        x_train, y_train = x_train[: 2 * arguments.batch_size], y_train[: 2 * arguments.batch_size]
        x_test, y_test = x_test[:100], y_test[:100]

    import hornbook as keras

    keras.utils.set_random_seed(arguments.seed)
    topics = reuters.get_label_names()
    model = build(len(topics))
    epochs = 1 if arguments.smoke else arguments.epochs
    steps = epochs * -(-len(x_train) // arguments.batch_size)
    rate = keras.optimizers.schedules.CosineDecay(0.002, steps)
    model.compile(keras.optimizers.Adam(rate), "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.summary()
    history = model.fit(bags(x_train), y_train, batch_size=arguments.batch_size, epochs=epochs)
    found = model.predict(bags(x_test), batch_size=256, verbose=0).argmax(axis=1)
    print(f"The first newswire of the test is of {topics[y_test[0]]!r}; found: {topics[found[0]]!r}.")
    if arguments.out is not None:
        arguments.out.mkdir(parents=True, exist_ok=True)
        model.save(arguments.out / "reuters_topics.keras")
    return {
        "test_accuracy": float(np.mean(found == y_test)),
        "accuracy_of_the_commonest": float(np.mean(y_test == np.bincount(y_train).argmax())),
        "history": history.history,
    }


if __name__ == "__main__":
    options = command_line.parser(__doc__ or "", epochs=8, batch_size=64)
    command_line.run(main, options, at_least={"test_accuracy": 0.8})
