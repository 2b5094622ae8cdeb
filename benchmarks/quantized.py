"""Accuracy, bytes and milliseconds of two trained models in floats and in each mode of `quantize`, and of LoRA.

    python benchmarks/quantized.py [--rounds 5] [--seed 0] [--smoke] [--write benchmarks/quantized.md]

A perceptron (784-512-256-10) learns MNIST, and the preset bert_tiny learns tiny_reviews; each is quantized once per mode from
the same float weights. Latency is of `predict_on_batch`, the models in turn, the median over the rounds. Then bert_tiny
learns the same reviews with low-rank corrections alone. `--write` keeps the tables for the site.
"""

import argparse
import datetime
import logging
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

import hornbook as keras
import hornbook_hub as hub
from hornbook import layers, quantizers
from hornbook_datasets import mnist, tiny_reviews

LOSS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
# what is in the table -> from (examples, tokenizer) to a config
MODES: dict[str, Callable[[Any, Any], Any]] = {
    "int8": lambda data, tokenizer: quantizers.Int8QuantizationConfig(),
    "int8, weights alone": lambda data, tokenizer: quantizers.Int8QuantizationConfig(activation_quantizer=None),
    "int4, blocks of 128": lambda data, tokenizer: quantizers.Int4QuantizationConfig(),
    "int4, a scale per output": lambda data, tokenizer: quantizers.Int4QuantizationConfig(block_size=None),
    "gptq, 4 bits": lambda data, tokenizer: quantizers.GPTQConfig(data, tokenizer),
    "gptq, 3 bits": lambda data, tokenizer: quantizers.GPTQConfig(data, tokenizer, weight_bits=3),
    "awq, 4 bits": lambda data, tokenizer: quantizers.AWQConfig(data, tokenizer),
    "float8": lambda data, tokenizer: quantizers.Float8QuantizationConfig(),
}


def size_of(variables: list) -> int:
    """Their bytes."""
    return sum(int(np.prod(v.shape)) * np.dtype(v.numpy().dtype).itemsize for v in variables)


def milliseconds(models: dict[str, Any], batch: Any, rounds: int, calls: int = 20) -> dict[str, float]:
    """The median time of a call of each model; the models take turns, so that a busy moment meets all."""
    times: dict[str, list[float]] = {name: [] for name in models}
    for model in models.values():
        model.predict_on_batch(batch)
    for _ in range(rounds):
        for name, model in models.items():
            for _ in range(calls):
                begin = time.perf_counter()
                model.predict_on_batch(batch)
                times[name].append((time.perf_counter() - begin) * 1000)
    return {name: statistics.median(found) for name, found in times.items()}


def compared(title: str, fresh: Callable[[], Any], trained: Any, examples: Any, tokenizer: Any, test: Any, rounds: int):
    """The lines of a table: `fresh` makes the network again, `trained` holds its weights."""
    x, y = test
    models = {"float32": fresh()}
    models["float32"].set_weights(trained.get_weights())
    for name, config in MODES.items():
        model = models[name] = fresh()
        model.set_weights(trained.get_weights())
        begin = time.perf_counter()
        model.quantize(config=config(examples, tokenizer and tokenizer(model)))
        print(f"{title}, {name}: quantized in {time.perf_counter() - begin:.1f} s")
    batch = x[:32] if tokenizer is None else models["float32"].encoded(x[:32])
    speed = milliseconds(models, batch, rounds)
    lines = [
        f"| {title} | accuracy | same answer as float32 | weights, KB | file, KB | ms for 32 |",
        "|---|---|---|---|---|---|",
    ]
    first = None
    for name, model in models.items():
        answers = np.argmax(model.predict(x, verbose=0), axis=-1)
        first = answers if first is None else first
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "m.weights.h5"
            model.save_weights(file)
            stored = file.stat().st_size
        lines.append(
            f"| {name} | {np.mean(answers == y):.2%} | {np.mean(answers == first):.1%} | "
            f"{size_of(model.weights) / 1024:.0f} | {stored / 1024:.0f} | {speed[name]:.2f} |"
        )
    return lines


def perceptron() -> Any:
    """784-512-256-10."""
    sizes = [layers.Dense(512, activation="relu"), layers.Dense(256, activation="relu"), layers.Dense(10)]
    return keras.Sequential([keras.Input((784,)), *sizes])


def classifier() -> Any:
    """bert_tiny with a head for two classes."""
    return hub.load("bert_tiny", task="text_classifier", num_classes=2)


def on_digits(arguments: argparse.Namespace) -> list[str]:
    """The table of MNIST."""
    (x, y), (test_x, test_y) = mnist.load_data()
    x, test_x = (a.reshape(-1, 784).astype("float32") / 255 for a in (x, test_x))
    if arguments.smoke:
        x, y, test_x, test_y = x[:640], y[:640], test_x[:320], test_y[:320]
    model = perceptron()
    model.compile("adam", LOSS)
    model.fit(x, y, batch_size=128, epochs=1 if arguments.smoke else 5, verbose=0)
    return compared("MNIST, 784-512-256-10", perceptron, model, x[:128], None, (test_x, test_y), arguments.rounds)


PRODUCTS, TABLES = (layers.Dense,), (layers.Dense, layers.Embedding)
# what is in the table -> (rank of the corrections; which layers have one: the others rest; learning rate)
TUNED: dict[str, tuple] = {
    "all weights": (None, (), 3e-4),
    "all but the tables": (None, (layers.Embedding,), 3e-4),
    "LoRA, rank 4, of products": (4, PRODUCTS, 1e-3),
    "LoRA, rank 4, of products and tables": (4, TABLES, 1e-3),
    "LoRA, rank 16, of products and tables": (16, TABLES, 1e-3),
}


def tuned(arguments: argparse.Namespace, reviews: Any, rank: int | None, kinds: tuple, rate: float) -> tuple[Any, Any]:
    """(bert_tiny tuned on reviews, its optimizer): wholly but for the layers of these kinds, or with corrections of them.

    The pooler and the head are new, and always trained.
    """
    texts, labels = reviews
    keras.utils.set_random_seed(arguments.seed)
    model = classifier()
    if rank is not None:
        for part in (model.backbone.embeddings, *model.backbone.blocks):
            for variable in part.weights:
                variable.trainable = False
    for part in (model.backbone.embeddings, *model.backbone.blocks):
        for layer in part._flatten_layers():
            if isinstance(layer, kinds):
                if rank is None:
                    layer.trainable = False
                else:
                    layer.enable_lora(rank)
    epochs = 1 if arguments.smoke else 6
    steps = epochs * -(-len(texts) // 16)
    schedule = keras.optimizers.schedules.CosineDecay(0.0, steps, warmup_target=rate, warmup_steps=steps // 10)
    optimizer = keras.optimizers.AdamW(schedule, weight_decay=0.01)
    model.compile(optimizer, LOSS)
    model.fit(texts, labels, batch_size=16, epochs=epochs, verbose=0)
    return model, optimizer


def on_reviews(arguments: argparse.Namespace) -> list[str]:
    """The table of tiny_reviews, and that of LoRA."""
    (texts, labels), test = tiny_reviews.load_data()
    texts, labels = (texts[:64], labels[:64]) if arguments.smoke else (texts, labels)
    whole, whole_optimizer = tuned(arguments, (texts, labels), *TUNED["all weights"])
    tokenizer = lambda model: lambda text: model.encoded([text])  # noqa: E731
    examples = [str(text) for text in texts[:64]]
    lines = compared("tiny_reviews, bert_tiny", classifier, whole, examples, tokenizer, test, arguments.rounds)
    lines += [
        "",
        "| tiny_reviews, bert_tiny | trained | of | optimizer state, KB | accuracy |",
        "|---|---|---|---|---|",
    ]
    for name, how in TUNED.items():
        first = name == "all weights"
        model, optimizer = (whole, whole_optimizer) if first else tuned(arguments, (texts, labels), *how)
        counts = [sum(int(np.prod(w.shape)) for w in part) for part in (model.trainable_weights, model.weights)]
        accuracy = np.mean(np.argmax(model.predict(test[0], verbose=0), axis=-1) == test[1])
        state = size_of(optimizer.variables) / 1024
        lines.append(f"| {name} | {counts[0]:,} | {counts[1]:,} | {state:,.0f} | {accuracy:.1%} |")
    return lines


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--smoke", action="store_true", help="little data, to see that it runs")
    parser.add_argument("--write", type=Path, help="a file for the tables")
    arguments = parser.parse_args()
    logging.getLogger("hornbook_hub").setLevel(logging.ERROR)  # each fresh network would say that its head is untrained
    keras.utils.set_random_seed(arguments.seed)
    lines = [*on_digits(arguments), "", *on_reviews(arguments)]
    print("\n".join(lines))
    if arguments.write:
        versions = ", ".join(f"{name} {version(name)}" for name in ("tensorflow", "numpy"))
        circumstances = (
            f"Measured on {datetime.date.today()} on {os.cpu_count()} cores ({platform.machine()}), "
            f"Python {platform.python_version()}, {versions}; seed {arguments.seed}, "
            f"latency the median of {20 * arguments.rounds} calls."
        )
        arguments.write.write_text("\n".join([circumstances, "", *lines, ""]))


if __name__ == "__main__":
    main()
