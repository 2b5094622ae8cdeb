"""A small Transformer reads film reviews and says whether they are good.

What:     each word a vector, to which a vector of its place is added; then each place looks at all others and takes from
          them what it needs: softmax(Q K^T / sqrt(d)) V (Vaswani et al. 2017); the mean of all places decides.
Why:      what an LSTM carries from word to word, attention fetches in one step, for all words at once.
Data:     IMDB, 25,000 reviews to learn from and 25,000 to test on (Maas et al. 2011): the last 200 words of each.
Hardware: one CPU core, two and a half minutes.
Expect:   at least 86 % of the test reviews right; measured: 87.0 %.
Run:      python recipes/imdb_transformer.py
"""

from typing import Any

import command_line

WORDS, LENGTH, WIDTH, HEADS = 10_000, 200, 32, 2


def build() -> Any:
    """The network: y = norm(x + attention(x)), z = norm(y + mlp(y)); 0 in the input is no word, and is not looked at."""
    import hornbook as keras
    from hornbook import layers, ops

    words = keras.Input((LENGTH,), dtype="int32")
    places = layers.Embedding(LENGTH, WIDTH, name="places")(ops.arange(LENGTH))
    x = layers.Embedding(WORDS, WIDTH, mask_zero=True, name="words")(words) + places  # (B, 200, 32)
    is_word = ops.not_equal(words, 0)  # (B, 200)
    attention = layers.MultiHeadAttention(HEADS, WIDTH // HEADS)
    attended = attention(x, x, attention_mask=is_word[:, None, :])
    y = layers.LayerNormalization(epsilon=1e-6)(x + layers.Dropout(0.1)(attended))
    hidden = layers.Dense(4 * WIDTH, activation="relu")(y)
    z = layers.LayerNormalization(epsilon=1e-6)(y + layers.Dropout(0.1)(layers.Dense(WIDTH)(hidden)))
    mean = layers.GlobalAveragePooling1D()(z, mask=is_word)  # (B, 32)
    return keras.Model(words, layers.Dense(1, activation="sigmoid")(layers.Dropout(0.3)(mean)))


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
    rate = keras.optimizers.schedules.CosineDecay(0.003, steps)
    model.compile(keras.optimizers.Adam(rate), "binary_crossentropy", metrics=["accuracy"])
    model.summary()
    history = model.fit(x_train, y_train, batch_size=arguments.batch_size, epochs=epochs)
    loss, accuracy = model.evaluate(x_test, y_test, batch_size=256, verbose=0)
    if arguments.out is not None:
        arguments.out.mkdir(parents=True, exist_ok=True)
        model.save(arguments.out / "imdb_transformer.keras")
    return {"test_loss": loss, "test_accuracy": accuracy, "history": history.history}


if __name__ == "__main__":
    options = command_line.parser(__doc__ or "", epochs=2, batch_size=64)
    command_line.run(main, options, at_least={"test_accuracy": 0.86})
