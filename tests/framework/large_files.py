"""Programs for tests of files that run in processes of their own: how much memory they take, and what a kill leaves behind."""

import gc
import json
import os
import sys
import threading
from pathlib import Path

import numpy as np

import hornbook as keras

MEBIBYTE = 1024**2
PARTS = 10  # tensors of one size, so the largest is a tenth of the model


def memory():
    """What the process holds in memory that is no mapped file, in MiB."""
    lines = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(lines["RssAnon"].split()[0]) / 1024


def peak(work):
    """The most memory that was held while `work` ran."""
    gc.collect()
    highest, done = [memory()], threading.Event()

    def watch():
        while not done.wait(0.002):
            highest[0] = max(highest[0], memory())

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        work()
    finally:
        done.set()
        watcher.join()
    return max(highest[0], memory())


def model_of(mebibytes, value=0.0):
    """A model with `PARTS` tensors of one size, all numbers the same."""
    x = keras.Input((256,))
    columns = mebibytes * MEBIBYTE // (4 * 256 * PARTS)
    kernel = keras.initializers.Constant(value)
    dense = [keras.layers.Dense(columns, use_bias=False, kernel_initializer=kernel)(x) for _ in range(PARTS)]
    return keras.Model(x, dense)


def is_whole(ending):
    """Whether files of that ending hold models, and not weights alone."""
    return ending in (".keras", ".h5")


def save(model, path, ending, mebibytes):
    """Save a model or its weights, as the ending says; weights in shards of about a third."""
    if is_whole(ending):
        model.save(path)
    else:
        model.save_weights(path, max_shard_size=mebibytes / 1024 / 3 if ending == ".weights.json" else None)


def load(path, ending, mebibytes):
    """A model from a file."""
    if is_whole(ending):
        return keras.saving.load_model(path)
    model = model_of(mebibytes)
    model.load_weights(path)
    return model


def measure(task, ending, folder, mebibytes):
    """Print what is taken above what a tiny model leaves behind: {"peak": MiB}."""
    path = f"{folder}/large{ending}"
    tiny = f"{folder}/tiny{ending}"
    save(model_of(1), tiny, ending, 3)
    load(tiny, ending, 1)
    gc.collect()
    before = memory()
    if task == "save":
        model = model_of(mebibytes, 0.5)
        highest = peak(lambda: save(model, path, ending, mebibytes))
    else:
        found = []
        highest = peak(lambda: found.append(load(path, ending, mebibytes)))
        assert all(float(np.asarray(v.value[-1, -1])) == 0.5 for v in found[0].weights)
    print(json.dumps({"peak": highest - before}))


def save_again_and_again(ending, folder, mebibytes):
    """Save models whose numbers are 1, 2, 3, ... to one file, until killed; a line is printed before each."""
    model = model_of(mebibytes)
    for number in range(1, 10_000):
        for variable in model.weights:
            variable.assign(np.full(variable.shape, number, "float32"))
        print(number, flush=True)
        save(model, f"{folder}/m{ending}", ending, mebibytes)
        print("saved", number, flush=True)


if __name__ == "__main__":
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    if sys.argv[1] == "kill":
        save_again_and_again(sys.argv[2], sys.argv[3], int(sys.argv[4]))
    else:
        measure(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]))
