"""Hornbook and Keras side by side: the same program with only the import changed, in fresh processes taken in turn.

    python benchmarks/run.py [--rounds 3] [--only fit predict import evaluate ...] [--write benchmarks/table.md]

prints a table of medians (Keras, Hornbook) and of their ratio, for wall time and for CPU time; beside training loops also
how long the same loop takes that is written by hand in TensorFlow (`by_hand.py`). `--write` keeps the table for the site.
"""

import argparse
import datetime
import json
import os
import platform
import statistics
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SETUP = """
import json, os, time
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
begin, begin_cpu = time.perf_counter(), time.process_time()
import {name} as keras
imported, imported_cpu = time.perf_counter() - begin, time.process_time() - begin_cpu
import numpy as np
from {name} import layers
def report(wall, cpu):
    print(json.dumps([wall, cpu]))
def timed(function):
    wall, cpu = time.perf_counter(), time.process_time()
    function()
    return time.perf_counter() - wall, time.process_time() - cpu
def mlp():
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [keras.Input((784,)), layers.Dense(128, activation="relu"), layers.Dense(10, activation="softmax")]
    )
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return model
def compiled(parts):
    model = keras.Sequential(parts)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer="adam", loss=loss, metrics=["accuracy"])
    return model
def encoder(blocks, width, heads, tokens, length):
    inputs = keras.Input((length,), dtype="int32")
    h = layers.Embedding(tokens, width)(inputs)
    for _ in range(blocks):
        h = layers.LayerNormalization()(h + layers.MultiHeadAttention(heads, width // heads)(h, h))
        h = layers.LayerNormalization()(h + layers.Dense(width)(layers.Dense(4 * width, activation="gelu")(h)))
    return keras.Model(inputs, layers.Dense(1)(layers.GlobalAveragePooling1D()(h)))
rng = np.random.default_rng(0)
x, y = rng.normal(size=(20_000, 784)).astype("float32"), rng.integers(0, 10, 20_000)
"""
# name -> (what it measures, unit, how the seconds become the unit, is more better, program)
ROWS = {
    "fit": (
        "fit, MLP 784-128-10, batch 32, NumPy arrays",
        "steps/s",
        lambda seconds: 2 * 625 / seconds,
        True,
        "model = mlp()\nmodel.fit(x, y, verbose=0)\nreport(*timed(lambda: model.fit(x, y, epochs=2, verbose=0)))",
    ),
    "fit_bar": (
        "the same with the progress bar",
        "steps/s",
        lambda seconds: 2 * 625 / seconds,
        True,
        "import sys, io\nmodel = mlp()\nout, sys.stdout = sys.stdout, io.StringIO()\nmodel.fit(x, y)\n"
        "measured = timed(lambda: model.fit(x, y, epochs=2))\nsys.stdout = out\nreport(*measured)",
    ),
    "predict": (
        "predict of one row",
        "ms",
        lambda seconds: seconds / 30 * 1000,
        False,
        "model = mlp()\nmodel.predict(x[:1], verbose=0)\n"
        "report(*timed(lambda: [model.predict(x[:1], verbose=0) for _ in range(30)]))",
    ),
    "evaluate": (
        "evaluate and predict of 60,000 rows",
        "s",
        lambda seconds: seconds,
        False,
        "model = mlp()\nx, y = np.tile(x, (3, 1)), np.tile(y, 3)\nmodel.evaluate(x, y, verbose=0), model.predict(x, verbose=0)\n"
        "report(*timed(lambda: [model.evaluate(x, y, verbose=0), model.predict(x, verbose=0)]))",
    ),
    "train_on_batch": (
        "train_on_batch, batch 32",
        "ms",
        lambda seconds: seconds / 200 * 1000,
        False,
        "model = mlp()\nmodel.train_on_batch(x[:32], y[:32])\n"
        "report(*timed(lambda: [model.train_on_batch(x[:32], y[:32]) for _ in range(200)]))",
    ),
    "call": (
        "model(x) eagerly, batch 32",
        "ms",
        lambda seconds: seconds / 300 * 1000,
        False,
        "model = mlp()\nt = keras.ops.convert_to_tensor(x[:32])\nmodel(t)\n"
        "report(*timed(lambda: [model(t) for _ in range(300)]))",
    ),
    "fit_lstm": (
        "fit, LSTM of 32 on (20, 8), batch 32, NumPy arrays",
        "steps/s",
        lambda seconds: 12 * 100 / seconds,
        True,
        "model = compiled([keras.Input((20, 8)), layers.LSTM(32), layers.Dense(2)])\n"
        "x, y = rng.normal(size=(3200, 20, 8)).astype('float32'), rng.integers(0, 2, 3200)\n"
        "model.fit(x, y, epochs=12, verbose=0)\nreport(*timed(lambda: model.fit(x, y, epochs=12, verbose=0)))",
    ),
    "fit_long_lstm": (
        "fit, LSTM of 128 on (200, 32), batch 32",
        "steps/s",
        lambda seconds: 11 * 10 / seconds,
        True,
        "model = compiled([keras.Input((200, 32)), layers.LSTM(128), layers.Dense(2)])\n"
        "x, y = rng.normal(size=(320, 200, 32)).astype('float32'), rng.integers(0, 2, 320)\n"
        "model.fit(x, y, epochs=11, verbose=0)\nreport(*timed(lambda: model.fit(x, y, epochs=11, verbose=0)))",
    ),
    "fit_convnet": (
        "fit, ConvNet 32-64 on 28 x 28, batch 64",
        "steps/s",
        lambda seconds: 20 / seconds,
        True,
        "model = compiled([keras.Input((28, 28, 1)), layers.Conv2D(32, 3, activation='relu'), layers.MaxPooling2D(),\n"
        "    layers.Conv2D(64, 3, activation='relu'), layers.MaxPooling2D(), layers.Flatten(), layers.Dense(10)])\n"
        "x, y = rng.normal(size=(1280, 28, 28, 1)).astype('float32'), rng.integers(0, 10, 1280)\n"
        "model.fit(x, y, batch_size=64, verbose=0)\nreport(*timed(lambda: model.fit(x, y, batch_size=64, verbose=0)))",
    ),
    "fit_transformer": (
        "fit, encoder of 4 blocks, width 256, 64 tokens, batch 16",
        "steps/s",
        lambda seconds: 10 / seconds,
        True,
        "model = encoder(4, 256, 4, 1000, 64)\nmodel.compile('adam', 'mse')\n"
        "x, y = rng.integers(0, 1000, (160, 64)), np.zeros((160, 1), 'float32')\n"
        "model.fit(x, y, batch_size=16, verbose=0)\nreport(*timed(lambda: model.fit(x, y, batch_size=16, verbose=0)))",
    ),
    "bfloat16": (
        "forward, encoder of 3 blocks as wide as BERT-base, mixed_bfloat16, 8 x 128 tokens",
        "ms",
        lambda seconds: seconds / 5 * 1000,
        False,
        "keras.config.set_dtype_policy('mixed_bfloat16')\nmodel = encoder(3, 768, 12, 1000, 128)\n"
        "x = rng.integers(0, 1000, (8, 128))\nmodel.predict_on_batch(x)\n"
        "report(*timed(lambda: [model.predict_on_batch(x) for _ in range(5)]))",
    ),
    "fit_dataset": (
        "fit of the MLP from tf.data",
        "steps/s",
        lambda seconds: 2 * 625 / seconds,
        True,
        "import tensorflow as tf\ndata = tf.data.Dataset.from_tensor_slices((x, y)).batch(32)\nmodel = mlp()\n"
        "model.fit(data, verbose=0)\nreport(*timed(lambda: model.fit(data, epochs=2, verbose=0)))",
    ),
    "fit_generator": (
        "fit of the MLP from a generator",
        "steps/s",
        lambda seconds: 625 / seconds,
        True,
        "batches = lambda: ((x[i:i + 32], y[i:i + 32]) for i in range(0, 20_000, 32))\nmodel = mlp()\n"
        "model.fit(batches(), verbose=0)\nreport(*timed(lambda: model.fit(batches(), verbose=0)))",
    ),
    "predict_on_batch": (
        "predict_on_batch, batch 32",
        "ms",
        lambda seconds: seconds / 200 * 1000,
        False,
        "model = mlp()\nmodel.predict_on_batch(x[:32])\n"
        "report(*timed(lambda: [model.predict_on_batch(x[:32]) for _ in range(200)]))",
    ),
    "evaluate_few": (
        "evaluate of 32 rows",
        "ms",
        lambda seconds: seconds / 30 * 1000,
        False,
        "model = mlp()\nmodel.evaluate(x[:32], y[:32], verbose=0)\n"
        "report(*timed(lambda: [model.evaluate(x[:32], y[:32], verbose=0) for _ in range(30)]))",
    ),
    "augment": (
        "RandomFlip, RandomRotation, RandomZoom in tf.data, 96 x 96",
        "images/s",
        lambda seconds: 1024 / seconds,
        True,
        "import tensorflow as tf\n"
        "change = keras.Sequential([layers.RandomFlip(), layers.RandomRotation(0.1), layers.RandomZoom(0.2)])\n"
        "images = tf.data.Dataset.from_tensors(rng.uniform(0, 255, (32, 96, 96, 3)).astype('float32')).repeat(32)\n"
        "images = images.map(lambda x: change(x, training=True))\n[None for _ in images.take(2)]\n"
        "report(*timed(lambda: [None for _ in images]))",
    ),
    "build_resnet": (
        "building ResNet50",
        "s",
        lambda seconds: seconds,
        False,
        "make = lambda: keras.applications.ResNet50(weights=None, input_shape=(32, 32, 3), classes=2)\n"
        "make()\nreport(*timed(make))",
    ),
    "build_encoder": (
        "building an encoder of 12 blocks, width 16",
        "s",
        lambda seconds: seconds,
        False,
        "make = lambda: encoder(12, 16, 2, 50, 8)\nmake()\nreport(*timed(make))",
    ),
    "build": (
        "building a Functional model of 200 layers",
        "s",
        lambda seconds: seconds,
        False,
        "def build():\n    x = inputs = keras.Input((16,))\n    for _ in range(200):\n"
        "        x = layers.Dense(16, activation='relu')(x)\n    return keras.Model(inputs, x)\n"
        "build()\nreport(*timed(build))",
    ),
    "first_step": (
        "from fit() to the end of the first step",
        "s",
        lambda seconds: seconds,
        False,
        "model = mlp()\nreport(*timed(lambda: model.fit(x[:32], y[:32], verbose=0)))",
    ),
    "import": ("import", "s", lambda seconds: seconds, False, "report(imported, imported_cpu)"),
}

# What the same training takes by hand; each program's seconds become the unit as those of its row do.
BY_HAND = {
    "fit": "from by_hand import mlp\nepoch = mlp(x, y)\nepoch()\nreport(*timed(lambda: [epoch() for _ in range(2)]))",
    "fit_lstm": "from by_hand import lstm\nx, y = rng.normal(size=(3200, 20, 8)).astype('float32'), rng.integers(0, 2, 3200)\n"
    "epoch = lstm(x, y)\nepoch()\nreport(*timed(lambda: [epoch() for _ in range(12)]))",
}


def measure(library: str, program: str) -> tuple[float, float]:
    """Wall and CPU seconds of a program in a process of its own."""
    paths = os.pathsep.join(
        str(ROOT / folder) for folder in ("framework", "applications", "datasets", "hub", "benchmarks")
    )
    done = subprocess.run(
        [sys.executable, "-c", SETUP.replace("{name}", library) + program],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": paths, "KERAS_BACKEND": "tensorflow", "HORNBOOK_BACKEND": "tensorflow"},
        check=False,
    )
    if done.returncode:
        raise RuntimeError(done.stderr)
    wall, cpu = json.loads(done.stdout.strip().splitlines()[-1])
    return wall, cpu


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", nargs="*", choices=sorted(ROWS), default=list(ROWS))
    parser.add_argument("--write", type=Path, help="a file for the table")
    arguments = parser.parse_args()
    lines = [
        "| work | unit | Keras 3.15 | Hornbook | times better, wall | times better, CPU | by hand |",
        "|---|---|---|---|---|---|---|",
    ]
    print("\n".join(lines))
    for key in arguments.only:
        lines.append(_row(key, arguments.rounds))
        print(lines[-1], flush=True)
    if arguments.write:
        arguments.write.write_text("\n".join([_circumstances(arguments.rounds), "", *lines, ""]))


def _row(key: str, rounds: int) -> str:
    """A line of the table: programs in turn, medians of their seconds."""
    what, unit, convert, _, program = ROWS[key]
    programs = {"keras": program, "hornbook": program}
    if key in BY_HAND:
        programs["by hand"] = BY_HAND[key]
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in programs}
    for _ in range(rounds):
        for name, found in times.items():
            found.append(measure("keras" if name == "by hand" else name, programs[name]))
    walls = {name: statistics.median(t[0] for t in found) for name, found in times.items()}
    cpus = {name: statistics.median(t[1] for t in found) for name, found in times.items()}
    by_hand = f"{convert(walls['by hand']):.4g}" if key in BY_HAND else ""
    return (
        f"| {what} | {unit} | {convert(walls['keras']):.4g} | {convert(walls['hornbook']):.4g} | "
        f"{walls['keras'] / walls['hornbook']:.2f} | {cpus['keras'] / cpus['hornbook']:.2f} | {by_hand} |"
    )


def _circumstances(rounds: int) -> str:
    """When, on what and with what it was measured."""
    versions = ", ".join(f"{name} {version(name)}" for name in ("tensorflow", "keras", "numpy"))
    names = [line.split(":", 1)[1].strip() for line in _cpu_lines() if line.startswith("model name")]
    return (
        f"Measured on {datetime.date.today()} on {os.cpu_count()} cores of {names[0] if names else platform.processor()}, "
        f"Python {platform.python_version()}, {versions}; medians of {rounds} rounds."
    )


def _cpu_lines() -> list[str]:
    path = Path("/proc/cpuinfo")
    return path.read_text().splitlines() if path.exists() else []


if __name__ == "__main__":
    main()
