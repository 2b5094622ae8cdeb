"""Fewer bits, the same digits: a trained network in eight, four and two bits a weight.

What:     the network is trained in float32. Copies of it keep their weights as integers and scales: eight bits, with a scale
          for each column of a matrix; four bits, with one for each 128 rows of a column, rounded to the nearest; and four and
          two bits as GPTQ rounds, which looks at inputs and lets the rows that come make good what was lost on the rows
          before (Frantar et al. 2022). Each copy is saved, opened again and tested.
Why:      a model is read from memory for every answer: with a quarter or a seventh of the bytes it fits where it did not.
Data:     MNIST, 60,000 digits to learn from and 10,000 to test on (LeCun et al. 1998); 256 of them are GPTQ's examples.
Hardware: one CPU core, half a minute.
Expect:   at most 0.2 points fewer right in eight bits, 0.5 in four, 1 in two; files of at most 27 % of the bytes in eight bits
          and 16 % in four. Measured: 97.84 % right in float32, 97.83, 97.83 (either way of rounding) and 97.76 in two bits;
          25.8 and 14.7 %. A file keeps two numbers of four bits in a byte, and of two bits one.
Run:      python recipes/quantization.py
"""

import tempfile
from pathlib import Path
from typing import Any

import command_line


def build() -> Any:
    """The network."""
    import hornbook as keras
    from hornbook import layers

    return keras.Sequential(
        [
            keras.Input((784,)),
            layers.Dense(512, activation="relu"),
            layers.Dense(512, activation="relu"),
            layers.Dense(10, activation="softmax"),
        ]
    )


def main(arguments: Any) -> dict[str, Any]:
    """Train, quantize copies, test each, and say how it went."""
    from hornbook_datasets import mnist

    (x_train, y_train), (x_test, y_test) = mnist.load_data()
    if arguments.smoke:
        x_train, y_train = x_train[: 2 * arguments.batch_size], y_train[: 2 * arguments.batch_size]
        x_test, y_test = x_test[:100], y_test[:100]
    x_train, x_test = (x.reshape(len(x), 784).astype("float32") / 255 for x in (x_train, x_test))

    import hornbook as keras

    keras.utils.set_random_seed(arguments.seed)
    model = build()
    model.compile(keras.optimizers.Adam(0.001), "sparse_categorical_crossentropy", metrics=["accuracy"])
    epochs = 1 if arguments.smoke else arguments.epochs
    history = model.fit(x_train, y_train, batch_size=arguments.batch_size, epochs=epochs).history
    ways = {
        "float32": None,
        "int8": keras.quantizers.Int8QuantizationConfig(activation_quantizer=None),
        "int4": keras.quantizers.Int4QuantizationConfig(block_size=128),
        "gptq": keras.quantizers.GPTQConfig(x_train[:256], tokenizer=None, group_size=128),
        "gptq_2_bits": keras.quantizers.GPTQConfig(x_train[:256], tokenizer=None, weight_bits=2, group_size=64),
    }
    result: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, config in ways.items():
            copy, path = build(), Path(folder) / f"{name}.keras"
            copy.set_weights(model.get_weights())  # and no optimizer, whose state would be in the file
            if config is not None:
                copy.quantize(config=config)
            copy.save(path)
            again = keras.saving.load_model(path)
            again.compile(loss="sparse_categorical_crossentropy", metrics=["accuracy"])
            result[f"accuracy_{name}"] = again.evaluate(x_test, y_test, batch_size=512, verbose=0)[1]
            result[f"bytes_{name}"] = path.stat().st_size
    whole, bytes_of_all = result["accuracy_float32"], result["bytes_float32"]
    for name in ("int8", "int4", "gptq", "gptq_2_bits"):
        result[f"lost_{name}"] = whole - result[f"accuracy_{name}"]
        result[f"share_of_bytes_{name}"] = result[f"bytes_{name}"] / bytes_of_all
    return {**result, "history": history}


if __name__ == "__main__":
    options = command_line.parser(__doc__ or "", epochs=3, batch_size=128)
    command_line.run(
        main,
        options,
        at_least={"accuracy_float32": 0.975},
        at_most={
            "lost_int8": 0.002,
            "lost_int4": 0.005,
            "lost_gptq": 0.005,
            "lost_gptq_2_bits": 0.01,
            "share_of_bytes_int8": 0.27,
            "share_of_bytes_int4": 0.16,
        },
    )
