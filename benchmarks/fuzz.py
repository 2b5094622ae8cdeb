"""Files with random damage, opened by the thousand: `python benchmarks/fuzz.py`.

A file is made by each writer once, then altered by a seed (bits, bytes, numbers at their borders, pieces left out, doubled and
swapped; headers, configs and directories with a knowledge of what they are), and opened in a worker process. For each format it
prints how many files were opened or refused, and what must not be: crashes, hangs (10 s), other errors than ValueError and
OSError, files, addresses or programs touched besides, and memory above three times the file (and 32 MiB for the interpreter).

    python benchmarks/fuzz.py                             # 2,000 files of each format, about two minutes
    python benchmarks/fuzz.py --files 20000 --format hdf5 # many of one
    python benchmarks/fuzz.py --format h5py               # HDF5's own library, for comparison
    python benchmarks/fuzz.py --format hdf5 --first 1234 --files 1    # one file again
"""

import argparse
import contextlib
import copy
import io
import json
import os
import random
import resource
import select
import struct
import subprocess
import sys
import tarfile
import tempfile
import time
import zipfile
from collections import Counter
from pathlib import Path

SECONDS = 10
BATCH = 50
ROOM = 2**30  # address space of a worker beyond what it has when it starts
SPARE = 32 * 2**20
FORMATS = (
    *("keras", "weights", "hdf5", "safetensors", "json", "npz", "tar", "zip"),
    *("older_h5", "older_keras", "metadata", "shards", "npz_weights"),
)
NUMBERS = (0, 1, 127, 128, 255, 2**15, 2**16 - 1, 2**31 - 1, 2**31, 2**32 - 1, 2**62, 2**63 - 1, 2**63, 2**64 - 1)
VALUES = (
    *(
        None,
        True,
        False,
        -1,
        0,
        1,
        7,
        10**6,
        10**9,
        2**31,
        2**63,
        -(2**63),
        1e308,
        -0.5,
        "",
        "x",
        "../x",
        "relu",
        "Dense",
    ),
    *([], [1, 2], {}, {"class_name": "Dense", "config": {}}, "os", "system", "function", "__lambda__", "/etc/passwd"),
    *("http://127.0.0.1:1/", [[[]]], "float8", "bfloat16", "string", "keras.layers", "keras", "\0", "é" * 100),
)


# ------------------------------------------------------------------------------------------------------- good files
def model_of_layers():
    import hornbook as keras
    from hornbook import layers

    model = keras.Sequential([keras.Input((4,)), layers.Dense(5, "relu"), layers.BatchNormalization(), layers.Dense(2)])
    model.compile("adam", "mse", metrics=["mae"])
    return model


def model_of_parts():
    import hornbook as keras
    from hornbook import layers, ops

    words = keras.Input((3,), dtype="string", name="words")
    lookup = layers.StringLookup(name="lookup")
    lookup.adapt([["red", "green", "blue"]])
    numbers = layers.Embedding(8, 4)(lookup(words))
    numbers = layers.Bidirectional(layers.GRU(3, return_sequences=True))(numbers)
    numbers = ops.add(ops.multiply(numbers, 2.0), layers.Dense(6, kernel_regularizer="l2")(numbers))
    inner = keras.Sequential([layers.Conv1D(4, 2, padding="same"), layers.Dropout(0.1)], name="inner")
    return keras.Model(words, layers.GlobalMaxPooling1D()(inner(numbers)))


def as_keras_2(model) -> tuple[dict, dict]:
    """model_config and training_config of `model_of_layers`, in the words of Keras 2."""
    dense, adam = {"trainable": True, "dtype": "float32", "use_bias": True}, {"name": "Adam", "lr": 0.001, "decay": 0.0}
    glorot = {"kernel_initializer": {"class_name": "GlorotUniform", "config": {"seed": None, "dtype": "float32"}}}
    names = [layer.name for layer in model.layers]
    layers = [
        {"class_name": "InputLayer", "config": {"batch_input_shape": [None, 4], "dtype": "float32", "name": "input"}},
        {"class_name": "Dense", "config": {**dense, **glorot, "name": names[0], "units": 5, "activation": "relu"}},
        {"class_name": "BatchNormalization", "config": {"name": names[1], "trainable": True, "axis": [1]}},
        {"class_name": "Dense", "config": {**dense, **glorot, "name": names[2], "units": 2, "activation": "linear"}},
    ]
    training = {"loss": "mse", "metrics": [["mae"]], "weighted_metrics": None, "loss_weights": None}
    training["optimizer_config"] = {"class_name": "Adam", "config": {**adam, "beta_1": 0.9, "amsgrad": False}}
    return {"class_name": "Sequential", "config": {"name": model.name, "layers": layers}}, training


def called_in_keras_2() -> dict:
    """The config of a Functional model of Keras 2: calls in lists, TensorFlow's functions, a model inside."""
    inner = {"name": "inner", "layers": [
        {"class_name": "InputLayer", "config": {"batch_input_shape": [None, 4], "dtype": "float32", "name": "i"}},
        {"class_name": "Dense", "config": {"name": "d", "units": 4, "trainable": True}},
    ]}  # fmt: skip
    entry = {"batch_input_shape": {"class_name": "TensorShape", "items": [None, 4]}, "dtype": "float32", "name": "x"}
    add = {"name": "plus", "trainable": True, "function": "__operators__.add"}
    part = {"name": "part", "trainable": True, "function": "__operators__.getitem"}
    slices = [{"start": None, "stop": None, "step": None}, {"start": 0, "stop": 2, "step": None}]
    join = {"name": "join", "trainable": True, "axis": -1}
    layers = [
        {"class_name": "InputLayer", "name": "x", "config": entry, "inbound_nodes": []},
        {"class_name": "Sequential", "name": "inner", "config": inner, "inbound_nodes": [[["x", 0, 0, {}]]]},
        {"class_name": "TFOpLambda", "name": "plus", "config": add, "inbound_nodes": [["inner", 1, 0, {"y": 1.5}]]},
        {"class_name": "SlicingOpLambda", "name": "part", "config": part, "inbound_nodes": [
            ["plus", 0, 0, {"slice_spec": slices}]]},
        {"class_name": "Concatenate", "name": "join", "config": join, "inbound_nodes": [
            [["part", 0, 0, {}], ["x", 0, 0, {}]]]},
    ]  # fmt: skip
    ends = {"input_layers": [["x", 0, 0]], "output_layers": [["join", 0, 0]]}
    return {"class_name": "Functional", "config": {"name": "whole", "layers": layers, **ends}}


def field(number: int, content: bytes) -> bytes:
    """A field of a protocol buffer."""
    length, size = bytearray(), len(content)
    while size > 127:
        length.append(size & 127 | 128)
        size >>= 7
    return bytes([number << 3 | 2, *length, size]) + content


def good_files(kind: str) -> list[bytes]:
    """What the writers of a format write."""
    import numpy as np

    numbers = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if kind in ("keras", "json"):
            models = [model_of_layers(), model_of_parts()]
            if kind == "json":
                return [model.to_json().encode() for model in models]
            for number, model in enumerate(models):
                model.save(folder / f"{number}.keras")
        elif kind == "weights":
            model_of_layers().save_weights(folder / "model.weights.h5")
        elif kind in ("hdf5", "h5py"):
            import h5py

            for number, version in enumerate((None, ("v108", "v108"), "latest")):
                with h5py.File(folder / f"{number}.h5", "w", libver=version) as file:
                    file.attrs["layer_names"] = [b"first", b"second"]
                    file.attrs["model_config"] = '{"class_name": "Sequential"}'
                    for layer in range(12):
                        group = file.create_group(f"layers/dense_{layer}/vars")
                        group.attrs["name"] = f"dense_{layer}"
                        group["0"] = numbers.normal(size=(3, 4)).astype("float32")
                        group["1"] = numbers.integers(0, 5, 4)
                    if version is None:
                        data = numbers.normal(size=(20, 7)).astype("float32")
                        file.create_dataset("packed", data=data, chunks=(8, 4), compression="gzip", shuffle=True)
        elif kind == "older_h5":
            import h5py

            model = model_of_layers()
            for number in range(2):
                model.save(folder / f"{number}.h5")
            with h5py.File(folder / "1.h5", "a") as file:
                for name, config in zip(("model_config", "training_config"), as_keras_2(model), strict=True):
                    file.attrs[name] = json.dumps(config).encode()
        elif kind == "older_keras":
            import hornbook as keras
            from hornbook.models.keras2 import translated

            config, training = as_keras_2(model_of_layers())
            training["optimizer"] = training.pop("optimizer_config")
            whole = keras.saving.deserialize_keras_object(translated(called_in_keras_2()))
            for model, text in (
                (model_of_layers(), config | {"compile_config": training}),
                (whole, called_in_keras_2()),
            ):
                path = folder / f"{model.name}.keras"
                model.save(path)
                with zipfile.ZipFile(path) as archive:
                    members = {name: archive.read(name) for name in archive.namelist()}
                members["config.json"] = json.dumps(text).encode()
                members["metadata.json"] = b'{"keras_version": "2.15.0"}'
                path.write_bytes(archive_of(members))
        elif kind == "metadata":
            model_config, training_config = as_keras_2(model_of_layers())
            text = json.dumps({"name": "x", "model_config": model_config, "training_config": training_config})
            (folder / "a.pb").write_bytes(field(1, field(2, b"\x08\x01") + field(3, b"root") + field(5, text.encode())))
        elif kind == "shards":
            model_of_layers().save_weights(folder / "file.weights.json", max_shard_size=1e-6)
            return [(folder / "file.weights.json").read_bytes()]
        elif kind == "npz_weights":
            model = model_of_layers()
            model.save_weights(folder / "a.npz")
            with np.load(folder / "a.npz") as arrays:
                np.savez_compressed(folder / "b.npz", **{name: arrays[name] for name in arrays})
        elif kind == "safetensors":
            from safetensors.numpy import save_file

            tensors = {f"layer.{i}.weight": numbers.normal(size=(3, i + 1)).astype("float32") for i in range(8)}
            save_file({**tensors, "ids": numbers.integers(0, 9, 5)}, folder / "a.safetensors", {"format": "pt"})
        elif kind == "npz":
            arrays = {"x": numbers.normal(size=(5, 3)).astype("float32"), "y": numbers.integers(0, 9, 5)}
            np.savez(folder / "a.npz", **arrays)
            np.savez_compressed(folder / "b.npz", **arrays)
        elif kind == "tar":
            for mode, form in (("w", tarfile.GNU_FORMAT), ("w", tarfile.PAX_FORMAT), ("w:gz", tarfile.PAX_FORMAT)):
                with tarfile.open(folder / f"{mode[2:]}{form}.tar", mode, format=form) as archive:
                    for member in ("a.txt", "folder/b.txt", "folder/" + "long" * 30 + "/c.txt", "é.txt"):
                        info = tarfile.TarInfo(member)
                        info.size = 700
                        archive.addfile(info, io.BytesIO(bytes(range(70)) * 10))
        elif kind == "zip":
            for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                with zipfile.ZipFile(folder / f"{method}.zip", "w", method) as archive:
                    for member in ("a.txt", "folder/b.txt", "é.txt"):
                        archive.writestr(member, bytes(range(70)) * 10)
        return [path.read_bytes() for path in sorted(folder.iterdir())]


# ------------------------------------------------------------------------------------------------------------ damage
def damaged(data: bytes, chance: random.Random) -> bytes:
    """Bytes with up to eight changes, most of them where something is written."""
    changed = bytearray(data)
    written = [place for place, value in enumerate(data) if value] or [0]
    for _ in range(chance.choice((1, 1, 1, 2, 3, 8))):
        if not changed:
            break
        place = min(
            chance.choice(written) if chance.random() < 0.7 else chance.randrange(len(changed)), len(changed) - 1
        )
        kind = chance.randrange(10)
        if kind < 3:
            changed[place] ^= 1 << chance.randrange(8)
        elif kind < 5:
            changed[place] = chance.choice((0, 1, 2, 127, 128, 254, 255))
        elif kind < 8:  # a number of 2, 4 or 8 bytes, where such numbers stand
            size = chance.choice((2, 4, 8))
            place -= place % size
            value = chance.choice((*NUMBERS, len(data), chance.randrange(len(data)), chance.choice(written)))
            changed[place : place + size] = (value % 256**size).to_bytes(size, "little")
        elif kind < 9:
            del changed[place : place + chance.choice((1, 8, 64, len(changed)))]
        else:
            start = chance.randrange(len(changed))
            changed[place:place] = changed[start : start + chance.choice((8, 40, 512))]
    return bytes(changed)


def damaged_json(data: bytes, chance: random.Random) -> bytes:
    """JSON with other values at some places; sometimes its text is damaged too."""
    value = json.loads(data)
    for _ in range(chance.choice((1, 1, 2, 4))):
        places = list(_places(value))
        if not places:
            break
        holder, key = chance.choice(places)
        kind = chance.randrange(6)
        if kind < 3:
            holder[key] = copy.deepcopy(chance.choice(VALUES))
        elif kind < 4:
            other, other_key = chance.choice(places)
            holder[key] = copy.deepcopy(other[other_key])
        elif kind < 5:
            del holder[key]
        elif isinstance(holder, list):
            holder.insert(key, copy.deepcopy(holder[key]))
        else:
            holder[chance.choice(("", "x", "../x", "relu", "name"))] = copy.deepcopy(holder[key])
    text = json.dumps(value).encode()
    return damaged(text, chance) if chance.random() < 0.2 else text


def _places(value):
    """(container, key) of every value in a structure."""
    for key, inner in list(value.items() if isinstance(value, dict) else enumerate(value)):
        yield value, key
        if isinstance(inner, dict | list):
            yield from _places(inner)


def damaged_keras(data: bytes, chance: random.Random) -> bytes:
    """The archive itself damaged, or one with a damaged config or weights and right checksums."""
    kind = chance.randrange(3)
    if kind == 0:
        return damaged(data, chance)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    if kind == 1:
        members["config.json"] = damaged_json(members["config.json"], chance)
    else:
        name = chance.choice([name for name in members if name != "config.json"])
        members[name] = damaged(members[name], chance)
    return archive_of(members)


def archive_of(members: dict[str, bytes]) -> bytes:
    """A zip archive with these members."""
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return whole.getvalue()


def damaged_npz(data: bytes, chance: random.Random) -> bytes:
    """The archive damaged, or one of its arrays, mostly in the header, with right checksums."""
    if chance.random() < 0.4:
        return damaged(data, chance)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    name = chance.choice(list(members))
    content = members[name]
    members[name] = (
        damaged(content[:128], chance) + content[128:] if chance.random() < 0.8 else damaged(content, chance)
    )
    return archive_of(members)


def damaged_h5_model(data: bytes, chance: random.Random) -> bytes:
    """The file damaged, or one of its configs or lists of names."""
    import h5py
    import numpy as np

    kind = chance.randrange(4)
    if kind == 0:
        return damaged(data, chance)
    whole = io.BytesIO(data)
    with h5py.File(whole, "a") as file:
        if kind < 3:
            name = ("model_config", "training_config")[kind - 1]
            text = file.attrs[name]
            text = damaged_json(text if isinstance(text, bytes) else text.encode(), chance)
            file.attrs[name] = text.replace(b"\0", b" ") or b" "  # h5py does not write zeros
        else:
            weights = file["model_weights"]
            group = chance.choice([weights, file["optimizer_weights"], *weights.values()])
            attribute = "layer_names" if group == weights else "weight_names"
            names = [bytes(name) for name in group.attrs[attribute]] or [b"x"]
            place = chance.randrange(len(names))
            names[place] = chance.choice((damaged(names[place], chance), chance.choice(names), b"..", b"/", b""))
            del group.attrs[attribute]
            group.attrs[attribute] = np.array(chance.choice((names, names[1:], names * 2, [7], b"x")))
    return whole.getvalue()


def damaged_metadata(data: bytes, chance: random.Random) -> bytes:
    """A protocol buffer with another config, or damaged bytes."""
    if chance.random() < 0.4:
        return damaged(data, chance)
    start = data.index(b"{")
    return field(1, field(3, b"root") + field(5, damaged_json(data[start:], chance)))


def damaged_tensors(data: bytes, chance: random.Random) -> bytes:
    """A safetensors file with another header, or damaged bytes."""
    if chance.random() < 0.5:
        return damaged(data, chance)
    length = struct.unpack("<Q", data[:8])[0]
    header = damaged_json(data[8 : 8 + length], chance)
    return struct.pack("<Q", len(header)) + header + data[8 + length :]


def damaged_archive(data: bytes, chance: random.Random) -> bytes:
    """A tar archive with a damaged header whose checksum is right again, or damaged bytes."""
    if chance.random() < 0.4 or data[:2] in (b"PK", b"\x1f\x8b"):
        return damaged(data, chance)
    changed = bytearray(data)
    place = 512 * chance.randrange(len(data) // 512)
    block = bytearray(damaged(bytes(changed[place : place + 512]), chance)[:512].ljust(512, b"\0"))
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    changed[place : place + 512] = block
    return bytes(changed)


DAMAGE = {
    **{"keras": damaged_keras, "json": damaged_json, "safetensors": damaged_tensors, "tar": damaged_archive},
    **{"older_h5": damaged_h5_model, "older_keras": damaged_keras, "metadata": damaged_metadata},
    **{"shards": damaged_json, "npz_weights": damaged_npz},
}


# ----------------------------------------------------------------------------------------------------------- opening
def opener(kind: str):
    """What opens a file of a format, reading all of it; and the file's name."""
    import numpy as np

    if kind in ("keras", "older_keras", "older_h5"):
        import hornbook as keras

        def load(path):
            keras.utils.clear_session(free_memory=False)
            keras.saving.load_model(path)

        return load, "file.h5" if kind == "older_h5" else "file.keras"
    if kind == "metadata":
        import hornbook as keras

        def load_folder(path):
            keras.utils.clear_session(free_memory=False)
            if not (path.parent / "variables").is_dir():
                write_checkpoint(path.parent)
            keras.saving.load_model(path.parent)

        return load_folder, "keras_metadata.pb"
    if kind == "shards":
        model = model_of_layers()

        def load_shards(path):
            if not (path.parent / "file_00000.weights.h5").is_file():
                model.save_weights(path.parent / "file.weights.json", max_shard_size=1e-6)
            model.load_weights(path)

        return load_shards, "file.weights.json"
    if kind == "npz_weights":
        return model_of_layers().load_weights, "file.npz"
    if kind == "weights":
        model = model_of_layers()
        return model.load_weights, "file.weights.h5"
    if kind == "json":
        import hornbook as keras

        def from_json(path):
            keras.utils.clear_session(free_memory=False)
            with _budget():
                keras.models.model_from_json(path.read_text("utf-8", "surrogateescape"))

        return from_json, "file.json"
    if kind == "hdf5":
        from hornbook.saving import hdf5

        def read(group):
            for value in group.attrs.values():
                del value
            for name in group:
                if isinstance(group[name], hdf5.Group):
                    read(group[name])
                else:
                    dict(group[name].attrs)
                    np.asarray(group[name])

        def load_h5(path):
            with hdf5.File(path) as file:
                read(file)

        return load_h5, "file.h5"
    if kind == "h5py":
        import h5py

        def read_all(group, depth=0):
            dict(group.attrs)
            for name in group:
                if depth < 20 and isinstance(group.get(name, getlink=True), h5py.HardLink):
                    if isinstance(group[name], h5py.Group):
                        read_all(group[name], depth + 1)
                    elif not group[name].external and not group[name].is_virtual and group[name].nbytes < 2**20:
                        np.asarray(group[name])

        def load_h5py(path):
            try:
                with h5py.File(path) as file:
                    read_all(file)
            except (RuntimeError, KeyError, TypeError) as error:
                raise ValueError(str(error)) from None

        return load_h5py, "file.h5"
    if kind == "safetensors":
        from hornbook.saving.safetensors import Tensors

        return lambda path: [np.array(tensor) for tensor in Tensors(path).values()], "file.safetensors"
    if kind == "npz":
        from hornbook_datasets.npz import load_npz

        return lambda path: load_npz(path, {"x": ((5, 3), "float32"), "y": ((5,), "int64")}), "file.npz"
    if kind in ("tar", "zip"):
        from hornbook.utils.unpacking import unpack

        return lambda path: unpack(path, path.parent / "unpacked"), f"file.{kind}"
    raise ValueError(f"Unknown format {kind!r}; there are {', '.join(FORMATS)}, and h5py for comparison.")


def write_checkpoint(folder: Path) -> None:
    """What lies beside `keras_metadata.pb` in a SavedModel of Keras 2."""
    import tensorflow as tf

    layers = model_of_layers().layers
    weights = [weight for layer in layers for weight in layer.trainable_weights + layer.non_trainable_weights]
    (folder / "saved_model.pb").write_bytes(b"")
    (folder / "variables").mkdir()
    checkpoint = tf.train.Checkpoint(variables=[tf.Variable(weight.numpy()) for weight in weights])
    checkpoint.write(str(folder / "variables" / "variables"))


def _budget():
    """What `load_model` puts around a config, which alone has no weights that say how large a model may be."""
    from hornbook.core.budget import WeightBudget

    return WeightBudget(SPARE)


WATCHED = (
    "open",
    "os.system",
    "os.exec",
    "os.posix_spawn",
    "subprocess.Popen",
    "socket.connect",
    "os.symlink",
    "os.link",
)


def work(kind: str, first: int, last: int) -> None:
    """Open the files of these seeds and say so, a line each: "> seed", then what became of it."""
    files = good_files(kind)
    load, name = opener(kind)
    damage = DAMAGE.get(kind, damaged)
    folder = Path(tempfile.mkdtemp())
    path = folder / name
    for data in files:  # so that all that is imported late is there
        path.write_bytes(data)
        load(path)
    touched: list[str] = []
    watching = False
    allowed = (str(folder), tempfile.gettempdir(), sys.prefix, "/proc/self", str(Path(__file__).parents[1]))

    def note(event, arguments):
        if watching and event in WATCHED:
            what = str(arguments[0])
            if event != "open" or not (what.startswith(allowed) or what.isdecimal() or "/" not in what):
                touched.append(f"{event} {what}")

    sys.addaudithook(note)
    room = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize() + ROOM
    resource.setrlimit(resource.RLIMIT_AS, (room, room))
    largest = max(map(len, files))
    batch, before = first, _peak(forget=True)
    for seed in range(first, last):
        chance = random.Random(f"{kind}:{seed}")
        path.write_bytes(damage(chance.choice(files), chance))
        print(">", seed, flush=True)
        touched.clear()
        watching, start = True, time.perf_counter()
        try:
            load(path)
            outcome = "opened"
        except (ValueError, OSError):
            outcome = "refused"
        except BaseException as error:
            outcome = f"raised {type(error).__name__}: {str(error)[:200]!r}"
        watching = False
        seconds = time.perf_counter() - start
        if touched:
            outcome = f"touched {touched[:3]}"
        print("=", seed, f"{seconds:.3f}", outcome, flush=True)
        if (seed + 1 - batch) % BATCH == 0 or seed + 1 == last:
            grown = _peak() - before
            print("m", batch, grown, "over" if grown > 3 * largest + SPARE else "", flush=True)
            batch, before = seed + 1, _peak(forget=True)
    for file in folder.rglob("*"):
        if file.is_file():
            file.unlink()


def _peak(forget: bool = False) -> int:
    """The highest size in memory since it was last forgotten, in bytes."""
    if forget:
        with contextlib.suppress(OSError):
            Path("/proc/self/clear_refs").write_text("5")
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) * 1024


# ---------------------------------------------------------------------------------------------------------- watching
def fuzz(kind: str, first: int, files: int, seconds: float) -> tuple[Counter, list[str], float, int]:
    """Open damaged files of a format in workers, for so many files or seconds, counted from the first one.

    Returns:
        how many were opened and refused, what went wrong, the longest time of one file, the highest rise of memory.
    """
    found: Counter = Counter()
    wrong: list[str] = []
    longest, memory = 0.0, 0
    last, end = first + files, float("inf")
    while first < last and time.monotonic() < end:
        environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
        command = [sys.executable, "-W", "ignore", __file__, "--work", kind, str(first), str(last)]
        worker = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment)
        assert worker.stdout is not None
        current, finished, rest, patience = None, None, b"", 120.0  # to start takes longer
        while time.monotonic() < end:
            ready, _, _ = select.select([worker.stdout], [], [], min(patience, max(end - time.monotonic(), 0.01)))
            if not ready:
                if time.monotonic() < end and finished != last - 1:  # else the process takes its time to end
                    wrong.append(f"{kind} {current}: hangs")
                    found["hung"] += 1
                break
            piece = os.read(worker.stdout.fileno(), 2**16)
            if not piece:
                if worker.wait():
                    wrong.append(f"{kind} {current}: the worker ended with {worker.returncode}")
                    found["crashed"] += 1
                break
            if end == float("inf"):
                end = time.monotonic() + seconds
            *lines, rest = (rest + piece).split(b"\n")
            for line in lines:
                sign, number, *more = line.decode().split(" ", 3)
                patience = float(SECONDS)
                if sign == ">":
                    current = int(number)
                elif sign == "=":
                    finished = int(number)
                    longest = max(longest, float(more[0]))
                    outcome = more[1].split(" ")[0]
                    found[outcome] += 1
                    if outcome not in ("opened", "refused"):
                        wrong.append(f"{kind} {number}: {more[1]}")
                elif sign == "m":
                    memory = max(memory, int(more[0]))
                    if more[1:] == ["over"]:
                        wrong.append(f"{kind} {number} and the next {BATCH}: {int(more[0]):,} bytes")
                        found["too much memory"] += 1
        worker.kill()
        worker.wait()
        worker.stdout.close()
        first = last if current is None else current + 1
    return found, wrong, longest, memory


def main() -> int:
    """Fuzz the formats that were asked for, and print a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--format", nargs="*", choices=(*FORMATS, "h5py"), default=FORMATS)
    parser.add_argument("--files", type=int, default=2000, help="files of each format")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="no longer than this for each format")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--work", nargs=3, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.work:
        work(asked.work[0], int(asked.work[1]), int(asked.work[2]))
        return 0
    print(f"{'format':12} {'files':>7} {'opened':>7} {'refused':>7} {'wrong':>6} {'longest':>9} {'memory':>9}")
    failed = False
    for kind in asked.format:
        found, wrong, longest, memory = fuzz(kind, asked.first, asked.files, asked.seconds)
        total = sum(found.values()) - found["too much memory"]
        print(
            f"{kind:12} {total:7,} {found['opened']:7,} {found['refused']:7,} {len(wrong):6,} "
            f"{longest:7.3f} s {memory / 2**20:5.1f} MiB",
            flush=True,
        )
        for line in wrong[:20]:
            print("   ", line)
        failed = failed or bool(wrong)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
