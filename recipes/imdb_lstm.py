"""A recurrent network reads film reviews and says whether they are good.

What:     each word a vector; an LSTM goes over them, one from the front and one from the back, and the mean of what they say
          at all words decides (Hochreiter and Schmidhuber 1997): p = sigmoid(w h + b).
Why:      a text is words in an order, of any length: a network that reads keeps what it needs.
Data:     IMDB, 25,000 reviews to learn from and 25,000 to test on (Maas et al. 2011): the last 200 words of each.
Hardware: one CPU core, two and a half minutes.
Expect:   at least 86 % of the test reviews right; measured: 87.0 %.
Run:      python recipes/imdb_lstm.py
"""

from typing import Any

import command_line

WORDS, LENGTH = 10_000, 200


def build() -> Any:
    """The network; 0 in the input is no word, and is not read."""
    import hornbook as keras
    from hornbook import layers

    return keras.Sequential(
        [
            keras.Input((LENGTH,), dtype="int32"),
            layers.Embedding(WORDS, 32, mask_zero=True),  # (B, 200, 32)
            layers.Dropout(0.5),
            layers.Bidirectional(layers.LSTM(32, return_sequences=True)),  # (B, 200, 64)
            layers.GlobalAveragePooling1D(),  # (B, 64)
            layers.Dropout(0.5),
            layers.Dense(1, activation="sigmoid"),
        ]
    )


def main(arguments: Any) -> dict[str, Any]:
    """Train, test, and say how it went."""
    from hornbook_datasets import imdb

    (x_train, y_train), (x_test, y_test) = imdb.load_data(num_words=WORDS)
    if arguments.smoke:
        x_train, y_train = x_train[: 2 * arguments.batch_size], y_train[: 2 * arguments.batch_size]
        x_test, y_test = x_test[:100], y_test[:100]

    import hornbook as keras

    keras.utils.set_random_seed(arguments.seed)
    x_train, x_test = (keras.utils.pad_sequences(x, LENGTH) for x in (x_train, x_test))
    model = build()
    epochs = 1 if arguments.smoke else arguments.epochs
    steps = epochs * -(-len(x_train) // arguments.batch_size)
    rate = keras.optimizers.schedules.CosineDecay(0.005, steps)
    model.compile(keras.optimizers.Adam(rate), "binary_crossentropy", metrics=["accuracy"])
    model.summary()
    history = model.fit(x_train, y_train, batch_size=arguments.batch_size, epochs=epochs)
    loss, accuracy = model.evaluate(x_test, y_test, batch_size=256, verbose=0)
    if arguments.out is not None:
        arguments.out.mkdir(parents=True, exist_ok=True)
        model.save(arguments.out / "imdb_lstm.keras")
    return {"test_loss": loss, "test_accuracy": accuracy, "history": history.history}


if __name__ == "__main__":
    options = command_line.parser(__doc__ or "", epochs=2, batch_size=128)
    command_line.run(main, options, at_least={"test_accuracy": 0.86})
