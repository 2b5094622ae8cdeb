"""A corpus of files that attack: a row for each, with what makes the file, what opens it, and what the refusal must say.

`watched.py` opens them; `corpus_interchange.py` has the rows for the formats of other programs and other times. The ids are
those of the public records of such attacks on Keras, Keras Hub and Hugging Face's libraries.
"""

import base64
import bz2
import gzip
import io
import json
import os
import struct
import tarfile
import zipfile
from pathlib import Path

import h5py
import numpy as np

ATTACKS = []  # (name, what writes the file, what opens it, what the message must say)
HUGE = 10**9
HARMLESS = None  # in the place of a message: the file opens, and nothing of what it wanted happens


def attack(name, opens, why):
    def note(make):
        ATTACKS.append((name, make, opens, why))
        return make

    return note


# ------------------------------------------------------------------------------------------------------- how files are opened
def load_model(path):
    import hornbook as keras

    return keras.saving.load_model(path)


def load_model_unsafely(path):
    import hornbook as keras

    return keras.saving.load_model(path, safe_mode=False)


def load_weights(path):
    small_model().load_weights(path)


def edit(path):
    import hornbook as keras

    return keras.saving.KerasFileEditor(path)


def from_json(path):
    import hornbook as keras

    return keras.models.model_from_json(path.read_text())


def read_tensors(path):
    from hornbook.saving.safetensors import Tensors

    return {name: np.asarray(array) for name, array in Tensors(path).items()}


def load_from_hub(path):
    import hornbook_hub as hub

    return hub.load(path)


def load_npz(path):
    from hornbook_datasets.npz import load_npz

    return load_npz(path, {"x": ((3,), "float32")})


def unpack(path):
    from hornbook.utils.unpacking import unpack

    unpack(path, path.parent / "unpacked" / "inside")


def small_model():
    import hornbook as keras
    from hornbook import layers

    model = keras.Sequential(
        [
            keras.Input((6,)),
            layers.Dense(8, activation="relu", name="first"),
            layers.BatchNormalization(name="norm"),
            layers.Dense(3, activation="softmax", name="last"),
        ],
        name="small",
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.optimizer.build(model.trainable_variables)
    return model


_GOOD: dict[str, bytes] = {}


def good(kind):
    """The bytes of a good file of this ending."""
    if not _GOOD:
        import tempfile

        with tempfile.TemporaryDirectory() as folder:
            model = small_model()
            model.save(Path(folder) / "good.keras")
            model.save_weights(Path(folder) / "good.weights.h5")
            for path in Path(folder).iterdir():
                _GOOD[path.name.removeprefix("good")] = path.read_bytes()
    return _GOOD[kind]


# --------------------------------------------------------------------------------------------------------- configs in a .keras
def keras_file(path, config=None, weights=None, more=()):
    """A `.keras` file with another config (a function of the good one, or a text), other weights, more members."""
    with zipfile.ZipFile(io.BytesIO(good(".keras"))) as source:
        members = {name: source.read(name) for name in source.namelist()}
    if callable(config):
        whole = json.loads(members["config.json"])
        members["config.json"] = json.dumps(config(whole) or whole).encode()
    elif config is not None:
        members["config.json"] = config if isinstance(config, bytes) else config.encode()
    if weights is not None:
        members["model.weights.h5"] = weights
    with zipfile.ZipFile(path, "w") as target:
        for name, data in members.items():
            target.writestr(name, data)
        for member, data in more:
            target.writestr(member, data)


def in_config(name, change, why, opens=load_model):
    def make(folder):
        path = folder / "attack.keras"
        keras_file(path, lambda config: change(config, folder))
        return path

    ATTACKS.append((name, make, opens, why))


def layer_is(**entries):
    def change(config, folder):
        config["config"]["layers"][1].update(entries)

    return change


def argument_is(argument, value):
    def change(config, folder):
        filled = json.loads(json.dumps(value).replace("CANARY", str(folder / "canary")))
        config["config"]["layers"][1]["config"][argument] = filled

    return change


def compiled_with(argument, value):
    def change(config, folder):
        config["compile_config"][argument] = value

    return change


def a_layer(class_name, config, module="keras.layers"):
    def change(whole, folder):
        filled = json.loads(json.dumps(config).replace("CANARY", str(folder / "canary")))
        whole["config"]["layers"][1] = {
            **{"module": module, "class_name": class_name, "registered_name": None},
            **{"config": filled, "build_config": {"input_shape": [None, 6]}},
        }

    return change


UNKNOWN = "neither built in nor registered|Unknown"
for module, class_name, registered in (
    ("os", "system", None),
    ("posix", "system", "system"),
    ("builtins", "eval", None),
    ("builtins", "exec", "exec"),
    ("subprocess", "Popen", "subprocess.Popen"),
    ("subprocess", "check_output", None),
    ("importlib", "import_module", None),
    ("keras.config", "enable_unsafe_deserialization", None),
    ("keras.src.saving.serialization_lib", "enable_unsafe_deserialization", None),
    ("keras.utils", "get_file", None),
    ("keras.utils", "load_img", None),
    ("keras.utils", "image_dataset_from_directory", None),
    ("keras.saving", "load_model", None),
    ("keras.models", "save_model", None),
    ("keras.callbacks", "CSVLogger", None),
    ("keras.callbacks", "ModelCheckpoint", "ModelCheckpoint"),
    ("keras.layers.core.os", "system", None),
    ("keras.layers", "Dense.__init__.__globals__", None),
    ("keras.layers", "os.system", "keras.layers>os.system"),
    ("hornbook.saving.archive", "os.system", None),
    ("hornbook.utils.files", "get_file", None),
    ("tensorflow", "py_function", "tf.py_function"),
    ("tensorflow.keras.layers", "__import__", None),
    ("keras.layers", "__class__", "__class__"),
    ("keras.activations", "relu", "relu"),
    ("keras.losses", "mean_squared_error", None),
):
    in_config(
        f"CVE-2025-1550/-8747/-9906: the class {module}.{class_name}",
        layer_is(module=module, class_name=class_name, registered_name=registered),
        UNKNOWN,
    )

SYSTEM = {"class_name": "function", "module": "os", "config": "system", "registered_name": "system"}
MARSHALLED = base64.b64encode(compile("__import__('os').system('touch ' + 'x')", "x", "eval").co_code).decode()
LAMBDA = {"class_name": "__lambda__", "config": {"code": MARSHALLED, "defaults": None, "closure": None}}
for argument in ("activation", "kernel_initializer", "kernel_regularizer", "bias_constraint", "dtype", "units"):
    in_config(
        f"CVE-2025-1550: os.system as {argument}", argument_is(argument, SYSTEM), UNKNOWN + "|does not describe|must be"
    )
    in_config(
        f"CVE-2024-3660: a marshalled lambda as {argument}", argument_is(argument, LAMBDA), "code|does not describe"
    )
for argument in ("loss", "metrics", "optimizer", "weighted_metrics"):
    in_config(f"os.system as {argument}", compiled_with(argument, SYSTEM), UNKNOWN + "|does not describe|xpected")
    in_config(f"a marshalled lambda as {argument}", compiled_with(argument, LAMBDA), "code|does not describe|xpected")
in_config("callbacks in the compile settings", compiled_with("callbacks", [SYSTEM]), UNKNOWN + "|callbacks")
in_config("CVE-2024-3660: a Lambda with its code", a_layer("Lambda", {"function": LAMBDA}), "code")
in_config(
    "a Lambda with its code, safe_mode=False", a_layer("Lambda", {"function": LAMBDA}), "code", load_model_unsafely
)
in_config(
    "CVE-2025-9905: a Lambda as Keras 2 wrote it",
    a_layer("Lambda", {"function": [MARSHALLED, None, None], "function_type": "lambda"}),
    "code",
)
in_config(
    "CVE-2025-1550: os.system in a Lambda's arguments",
    a_layer("Lambda", {"function": SYSTEM, "arguments": {"command": "touch x"}}),
    UNKNOWN,
)
in_config(
    "a Lambda in a Sequential in a TimeDistributed",
    a_layer(
        "TimeDistributed",
        {
            "layer": {
                "module": "keras",
                "class_name": "Sequential",
                "config": {
                    "layers": [{"module": "keras.layers", "class_name": "Lambda", "config": {"function": LAMBDA}}]
                },
            }
        },
    ),
    "code",
)
in_config(
    "CVE-2025-49655: TorchModuleWrapper with a pickle",
    a_layer("TorchModuleWrapper", {"module": {"class_name": "__bytes__", "config": {"value": "gASVKAAAAA=="}}}),
    "backend",
)
in_config("a pickle as a layer", a_layer("__pickle__", {"value": "gASVKAAAAA=="}), UNKNOWN)
in_config("CVE-2026-1462: TFSMLayer", a_layer("TFSMLayer", {"filepath": "CANARY"}), "SavedModel")
in_config(
    "TFSMLayer, safe_mode in its config", a_layer("TFSMLayer", {"filepath": "CANARY", "safe_mode": False}), "SavedModel"
)
in_config("JaxLayer with a function", a_layer("JaxLayer", {"call_fn": SYSTEM}), UNKNOWN + "|backend")
in_config("FlaxLayer with a method", a_layer("FlaxLayer", {"module": SYSTEM, "method": "x"}), UNKNOWN + "|backend")
for class_name in ("StringLookup", "IntegerLookup", "TextVectorization"):
    for place in ("CANARY", "http://169.254.169.254/latest/meta-data", "/etc/passwd", "gs://bucket/words"):
        in_config(
            f"CVE-2025-12058: {class_name} reads {place[:12]}", a_layer(class_name, {"vocabulary": place}), "vocabulary"
        )
in_config(
    "a vocabulary's path as bytes",
    a_layer("StringLookup", {"vocabulary": {"class_name": "__bytes__", "config": {"value": "CANARY"}}}),
    "vocabulary|xpected|must have size",
)
in_config(
    "a vocabulary's path in a nested lookup",
    a_layer("Pipeline", {"layers": [{"class_name": "StringLookup", "config": {"vocabulary": "CANARY"}}]}),
    "vocabulary",
)
for name in ("../../../x", "/tmp/x"):
    in_config(f"CVE-2026-12479: a layer called {name[:12]!r}", argument_is("name", name), "name")
for name in ("..\\..\\x", "a\0b", "x" * 5000):  # a name is nothing but a name here
    in_config(f"CVE-2026-12479: a layer called {name[:12]!r}", argument_is("name", name), HARMLESS)

# Numbers that ask for memory.
for what, change in {
    "a Dense of 4 TB": argument_is("units", 10**11),
    "an Embedding of 4 PB": a_layer("Embedding", {"input_dim": 10**9, "output_dim": 10**6}),
    "a convolution of 2 TB": a_layer("Conv1D", {"filters": HUGE, "kernel_size": 500}),
    "a metric of 4 TB": compiled_with("metrics", [{"class_name": "MeanIoU", "config": {"num_classes": 10**6}}]),
    "a lookup with 10^10 unknowns": a_layer("StringLookup", {"vocabulary": ["a"], "num_oov_indices": 10**10}),
    "a lookup with 10^10 unknowns, tf_idf": a_layer(
        "StringLookup",
        {"vocabulary": ["a"], "idf_weights": [1.0], "output_mode": "tf_idf", "num_oov_indices": 10**10},
    ),
    "an input of 10^12 numbers": lambda config, folder: config["config"]["layers"][1].update(
        build_config={"input_shape": [None, 10**12]}
    ),
    "a size of 2^63": argument_is("units", 2**63),
    "a size of 30 digits": argument_is("units", 10**30),
    "a negative size": argument_is("units", -5),
    "an array of numbers for a size": argument_is("units", [3] * 100),
}.items():
    in_config(what, change, "would take|does not describe|digits|must be|xpected|negative|unknown|positive")


# Shapes of the config that are none.
def whole_is(value):
    return lambda config, folder: value


for what, change in {
    "layers is null": lambda config, folder: config["config"].update(layers=None),
    "layers is a number": lambda config, folder: config["config"].update(layers=7),
    "the config of a layer is a list": layer_is(config=[1, 2, 3]),
    "the config of the model is a list": lambda config, folder: config.update(config=[1, 2]),
    "the module is a dictionary": layer_is(module={"a": 1}, class_name="Nothing"),
    "the class name is a list": layer_is(class_name=["Dense"]),
    "an argument that nobody has": argument_is("trust_remote_code", True),
    "a string": whole_is("Dense"),
    "a list": whole_is([1, 2]),
    "an optimizer instead of a model": whole_is({"module": "keras.optimizers", "class_name": "Adam", "config": {}}),
    "a function instead of a model": whole_is({"class_name": "function", "config": "relu", "module": "builtins"}),
    "an array instead of a model": whole_is({"class_name": "__numpy__", "config": {"value": [1], "dtype": "float32"}}),
}.items():
    in_config(what, change, "onfig|rray|layers|class_name|module|describe|unexpected")


def functional(layers, inputs=(["a", 0, 0],), outputs=(["b", 0, 0],)):
    return {
        "module": "keras",
        "class_name": "Functional",
        "config": {"name": "f", "layers": layers, "input_layers": list(inputs), "output_layers": list(outputs)},
    }


def node(name, class_name, config, sources, module="keras.layers", more=(), **kwargs):
    tensors = [
        {"class_name": "__keras_tensor__", "config": {"shape": [None, 3], "dtype": "float32", "keras_history": source}}
        for source in sources
    ]
    calls = [{"args": [*tensors, *more], "kwargs": kwargs}] if sources or more or kwargs else []
    config = {"name": name, **config}
    return {"module": module, "class_name": class_name, "config": config, "name": name, "inbound_nodes": calls}


INPUT = node("a", "InputLayer", {"batch_shape": [None, 3]}, [])
for what, layers, why in (
    ("a layer that feeds itself", [INPUT, node("b", "Dense", {"units": 3}, [["b", 0, 0]])], "come from"),
    (
        "two layers that feed each other",
        [INPUT, node("b", "Dense", {"units": 3}, [["c", 0, 0]]), node("c", "Dense", {"units": 3}, [["b", 0, 0]])],
        "come from",
    ),
    ("a layer that takes what is not there", [INPUT, node("b", "Dense", {"units": 3}, [["zz", 9, 9]])], "come from"),
    ("a history that is none", [INPUT, node("b", "Dense", {"units": 3}, [[[], {}, None]])], "describe"),
    ("numbers called at once", [INPUT, node("b", "Dense", {"units": 3}, [], more=[[[1.0] * 3]])], "no tensor"),
    (
        "an array of 4 TB, filled at once",
        [INPUT, node("b", "RawOperation", {"function": "tf.fill"}, [], module="RAW", more=[[10**6, 10**6], 0.0])],
        "no tensor",
    ),
    (
        "a function of TensorFlow that reads a file",
        [INPUT, node("b", "RawOperation", {"function": "tf.io.read_file"}, [["a", 0, 0]], module="RAW")],
        "among the functions",
    ),
    (
        "a sampler of TensorFlow that reads a file",
        [
            INPUT,
            node(
                "b",
                "RawOperation",
                {"function": "tf.nn.fixed_unigram_candidate_sampler"},
                [["a", 0, 0]],
                module="RAW",
                **{"num_true": 1, "num_sampled": 1, "unique": False, "range_max": 1, "vocab_file": "CANARY"},
            ),
        ],
        "among the functions",
    ),
    (
        "a function of TensorFlow that runs Python",
        [INPUT, node("b", "RawOperation", {"function": "tf.py_function"}, [["a", 0, 0]], module="RAW")],
        "among the functions",
    ),
    (
        "an op that nobody has",
        [INPUT, node("b", "Exec", {}, [["a", 0, 0]], module="keras.src.ops.core")],
        "does not have",
    ),
):

    def as_functional(config, folder, layers=layers):
        from hornbook.models.functional import RAW

        text = json.dumps(functional(layers)).replace('"RAW"', json.dumps(RAW))
        return json.loads(text.replace("CANARY", str(folder / "canary")))

    in_config(what, as_functional, why)


# ------------------------------------------------------------------------------------------------------------------ JSON
def nested(depth):
    config = {"module": "keras.layers", "class_name": "Dense", "config": {"units": 1}}
    for _ in range(depth):
        config = {"module": "keras", "class_name": "Sequential", "config": {"layers": [config]}}
    return json.dumps(config)


for what, text, why in (
    ("JSON: 100,000 brackets", "[" * 100_000, "deeper"),
    ("JSON: 100,000 brackets, closed", "[" * 100_000 + "]" * 100_000, "deeper"),
    ("JSON: objects 5,000 deep", '{"a":' * 5_000 + "1" + "}" * 5_000, "deeper"),
    ("JSON: models 80 deep", nested(80), "deeper"),
    ("JSON: 5 million lists", "[" + "[]," * 5_000_000 + "[]]", "values"),
    ("JSON: NaN", '{"class_name": "Dense", "config": {"units": NaN}}', "NaN"),
    ("JSON: Infinity", '{"class_name": "Dense", "config": {"units": Infinity}}', "Infinity"),
    ("JSON: 1e999", '{"class_name": "Dense", "config": {"units": 1e999}}', "1e999"),
    ("JSON: a key twice", '{"class_name": "Dense", "class_name": "Lambda", "config": {}}', "twice"),
    ("JSON: a number of 5,000 digits", '{"class_name": "Dense", "config": {"units": ' + "9" * 5000 + "}}", "digits"),
    ("JSON: a text of 8 million letters", '{"class_name": "' + "x" * 8_000_000 + '", "config": {}}', "characters"),
    ("CVE-2021-37678: YAML", "!!python/object/apply:os.system ['touch x']", "JSON"),
    ("JSON: cut off", '{"class_name": "Dense", "conf', "JSON"),
    ("JSON: empty", "", "JSON"),
):

    def as_member(folder, text=text):
        keras_file(folder / "attack.keras", text)
        return folder / "attack.keras"

    def as_text(folder, text=text):
        (folder / "attack.json").write_text(text)
        return folder / "attack.json"

    ATTACKS.append((f"{what}, in a .keras", as_member, load_model, why))
    ATTACKS.append((f"{what}, model_from_json", as_text, from_json, why))


# ------------------------------------------------------------------------------------------------------------------- zip
def zip_attack(name, why, opens=load_model):
    def note(change):
        def make(folder):
            path = folder / "attack.keras"
            change(path)
            return path

        ATTACKS.append((name, make, opens, why))
        return change

    return note


for member in (
    "../evil",
    "/etc/evil",
    "assets/../../evil",
    "assets\\..\\evil",
    "C:evil",
    "extra.py",
    "assets//x",
    "assets/a b",
):

    def with_member(path, member=member):
        info = zipfile.ZipInfo("x")
        info.filename = member
        keras_file(path, more=[(info, "x")])

    zip_attack(f"zip: a member {member}", "no '.keras' file has|refused")(with_member)


@zip_attack("zip: a symbolic link", "link")
def _(path):
    info = zipfile.ZipInfo("assets/link")
    info.external_attr = 0o120777 << 16
    keras_file(path, more=[(info, "/etc/passwd")])


@zip_attack("zip: a member twice", "twice")
def _(path):
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        keras_file(path, more=[("config.json", "{}")])


def packed(path, name, data, method=zipfile.ZIP_DEFLATED):
    keras_file(path)
    with zipfile.ZipFile(path) as source:
        members = {n: source.read(n) for n in source.namelist()}
    members[name] = data
    with zipfile.ZipFile(path, "w", method) as target:
        for n, d in members.items():
            target.writestr(n, d)


zip_attack("zip: a config of 64 MB from 64 KB", "unpacks")(lambda path: packed(path, "config.json", b" " * 2**26))
zip_attack("zip: weights of 256 MB from 256 KB", "unpacks")(lambda path: packed(path, "model.weights.h5", bytes(2**28)))
zip_attack("zip: an asset of 64 MB from 64 KB", "unpacks")(lambda path: packed(path, "assets/x.txt", bytes(2**26)))
zip_attack("zip: a bomb, in the editor", "unpacks", edit)(lambda path: packed(path, "metadata.json", bytes(2**26)))
zip_attack("zip: packed with bzip2", "packed")(lambda path: packed(path, "metadata.json", b"{}", zipfile.ZIP_BZIP2))


@zip_attack("zip: 60,000 members", "members")
def _(path):
    keras_file(path, more=[(zipfile.ZipInfo(f"assets/{i}"), b"") for i in range(60_000)])


def patched(mark, at, new, count=1):
    """Overwrite bytes behind the last occurrence of a mark."""

    def change(path):
        keras_file(path)
        data = bytearray(path.read_bytes())
        place = len(data)
        for _ in range(count):
            place = data.rfind(mark, 0, place)
        data[place + at : place + at + len(new)] = new
        path.write_bytes(data)

    return change


zip_attack("zip: other sizes in front of the bytes", "in front")(patched(b"PK\3\4", 18, b"\1\0\0\0"))
zip_attack("zip: another name in front of the bytes", "in front")(patched(b"PK\3\4", 30, b"evil"))
zip_attack("zip: two sizes of a stored member", "two sizes")(patched(b"PK\1\2", 24, b"\1\0\0\0"))
zip_attack("zip: a member behind the end", "where the directory|cannot be|damaged|refused")(
    patched(b"PK\1\2", 42, b"\xf0\xff\xff\x0f")
)
zip_attack("zip: encrypted", "encrypted")(patched(b"PK\1\2", 8, b"\1"))
zip_attack("zip: members over each other", "over another|in front|twice")(patched(b"PK\1\2", 42, b"\0\0\0\0"))
zip_attack("zip: a directory of 4 GB", "directory")(patched(b"PK\5\6", 12, b"\xfe\xff\xff\xff"))
zip_attack("zip: another checksum", "cannot be read|in front")(patched(b"PK\1\2", 16, b"\1\2\3\4", count=2))
zip_attack("zip: cut off", "not a whole")(lambda path: path.write_bytes(good(".keras")[:-30]))
zip_attack("zip: empty", "not a whole")(lambda path: path.write_bytes(b""))


# ------------------------------------------------------------------------------------------------------------------ HDF5
def h5_attack(name, why, editor=True):
    """A change to a good file of weights, opened as weights, inside of a `.keras` file, and in the editor."""

    def note(change):
        def make(folder, ending):
            path = folder / "attack.weights.h5"
            path.write_bytes(good(".weights.h5"))
            changed = change(path, folder / "canary")
            if isinstance(changed, bytes):
                path.write_bytes(changed)
            if ending == ".keras":
                keras_file(folder / "attack.keras", weights=path.read_bytes())
                return folder / "attack.keras"
            return path

        ATTACKS.append((f"HDF5: {name}", lambda folder: make(folder, ".weights.h5"), load_weights, why))
        ATTACKS.append((f"HDF5: {name}, in a .keras", lambda folder: make(folder, ".keras"), load_model, why))
        if editor:
            ATTACKS.append((f"HDF5: {name}, in the editor", lambda folder: make(folder, ".weights.h5"), edit, why))
        return change

    return note


KERNEL, GROUP = "layers/dense/vars/0", "layers/dense"


def replaced(where, by):
    def change(path, canary):
        with h5py.File(path, "a") as file:
            del file[where]
            parent, _, name = where.rpartition("/")
            by(file, file[parent] if parent else file, name, canary)

    return change


def creating(*shape, **options):
    return lambda file, group, name, canary: group.create_dataset(name, shape, **{"dtype": "f4", **options})


h5_attack("CVE-2026-1669: external storage", "another file")(
    replaced(KERNEL, lambda f, g, n, c: g.create_dataset(n, (6, 8), "f4", external=[(str(c), 0, 4096)]))
)
for what, place in (("a weight", KERNEL), ("a group", GROUP), ("all layers", "layers")):
    h5_attack(f"23370f16: an external link for {what}", "link")(
        replaced(place, lambda f, g, n, c: g.__setitem__(n, h5py.ExternalLink(str(c), "/x")))
    )
    h5_attack(f"6f1427d9: a soft link for {what}", "link")(
        replaced(place, lambda f, g, n, c: g.__setitem__(n, h5py.SoftLink("/layers/dense_1")))
    )
h5_attack("a soft link to itself", "link")(
    replaced(GROUP, lambda f, g, n, c: g.__setitem__(n, h5py.SoftLink("/layers/dense")))
)
h5_attack("a group inside of itself", "two places")(replaced(GROUP + "/vars", lambda f, g, n, c: g.__setitem__(n, g)))
h5_attack("460ec47e: a virtual data set", "another file")(replaced(KERNEL, lambda f, g, n, c: virtual(g, n, str(c))))


def virtual(group, name, source):
    layout = h5py.VirtualLayout((6, 8), "f4")
    layout[:] = h5py.VirtualSource(source, "x", (6, 8))
    group.create_virtual_dataset(name, layout)


TOO_MUCH = "shape|stores"
h5_attack("CVE-2026-0897: 8 PB in pieces, none stored", TOO_MUCH)(
    replaced(KERNEL, creating(10**6, 10**6, 10**3, chunks=(1, 1, 1)))
)
h5_attack("4933ea4a: 4 TB in one piece, none stored", TOO_MUCH)(replaced(KERNEL, creating(10**6, 10**6)))
h5_attack("the right shape, in pieces, none stored", "stores")(replaced(KERNEL, creating(6, 8, chunks=(6, 8))))
h5_attack("1 GB of zeros, packed", TOO_MUCH)(
    replaced(
        KERNEL,
        lambda f, g, n, c: g.create_dataset(
            n, (2**22,), "f4", data=np.zeros(2**22, "f4"), chunks=(2**20,), compression="gzip"
        ),
    )
)
h5_attack("a filter of others", "packed|shape")(
    replaced(KERNEL, lambda f, g, n, c: g.create_dataset(n, data=np.ones((6, 8), "f4"), compression="lzf"))
)
for what, data in {
    "texts": np.array([b"abc"] * 8),
    "texts of any length": np.array(["abc"] * 8, object),
    "a table": np.zeros(8, [("a", "f4"), ("b", "i4")]),
}.items():
    h5_attack(f"{what} for numbers", "numbers")(
        replaced(KERNEL, lambda f, g, n, c, data=data: g.create_dataset(n, data=data))
    )
h5_attack("references for numbers", "numbers")(
    replaced(KERNEL, lambda f, g, n, c: g.create_dataset(n, (48,), h5py.ref_dtype))
)
h5_attack("a data set for a group", "no group|data set")(
    replaced(GROUP, lambda f, g, n, c: g.create_dataset(n, data=np.ones(3)))
)
h5_attack("a group for a data set", "no data set|no group|shape|lacks")(
    replaced(KERNEL, lambda f, g, n, c: g.create_group(n))
)
h5_attack("a kind that is named elsewhere", "not read|lacks")(replaced(KERNEL, lambda f, g, n, c: committed(f, g, n)))
h5_attack("a number of the optimizer under another name", "lacks", editor=False)(
    replaced("optimizer/vars/0", lambda f, g, n, c: g.create_dataset("zz", data=np.int64(1)))
)
h5_attack("a weight too few", "weights|misses|lacks|differ", editor=False)(replaced(KERNEL, lambda f, g, n, c: None))


def committed(file, group, name):
    file["kind"] = np.dtype("f4")
    group.create_dataset(name, (6, 8), file["kind"])


def bytes_changed(change):
    return lambda path, canary: bytes(change(bytearray(path.read_bytes())))


def tree_of_itself(data):
    place = data.find(b"TREE")
    data[place + 5] = 1  # a level above the leaves
    data[place + 32 : place + 40] = struct.pack("<Q", place)
    return data


def over_each_other(data):
    """The places of all data sets in one piece become the first one's."""
    first = None
    place = -1
    while (place := data.find(b"\x08\x00\x18\x00", place + 1)) >= 0:  # the message with a data set's place
        if data[place + 8 : place + 10] == b"\x03\x01":
            first = first or data[place + 10 : place + 18]
            data[place + 10 : place + 18] = first
    return data


def end_is(value):
    def change(data):
        data[40:48] = struct.pack("<Q", value)
        return data

    return change


h5_attack("a tree that leads to itself", "two things|fit together|two places")(bytes_changed(tree_of_itself))
h5_attack("the root's header behind the end", "damaged|not a whole")(
    bytes_changed(lambda d: d[:64] + struct.pack("<Q", 2**62) + d[72:])
)
h5_attack("a file that says it is longer", "not a whole")(bytes_changed(end_is(2**40)))
h5_attack("cut in half", "not a whole|damaged")(bytes_changed(lambda d: d[: len(d) // 2]))
h5_attack("a text instead", "not a whole|damaged")(lambda path, canary: b"not HDF5 at all")
h5_attack("addresses of four bytes", "not a whole")(bytes_changed(lambda d: d[:13] + b"\4\4" + d[15:]))


@attack("HDF5: weights over each other, in the editor", edit, "over other")
def _(folder):
    path = folder / "attack.weights.h5"
    with h5py.File(path, "w") as file:
        file["layers/dense/vars/0"] = np.zeros(10_000, "f4")
        for number in range(63):
            file.create_dataset(f"layers/dense_{number}/vars/0", (10_000,), "f4")  # no bytes of its own yet
    path.write_bytes(over_each_other(bytearray(path.read_bytes())))
    return path


def legacy(name, why):
    def note(change):
        def make(folder):
            path = folder / "attack.h5"
            with h5py.File(path, "w") as file:
                file.attrs["layer_names"] = [b"first", b"norm", b"last"]
                for layer in small_model().layers:
                    group = file.create_group(layer.name)
                    values = layer.trainable_weights + layer.non_trainable_weights
                    names = [f"{layer.name}/{w.name}:0" for w in values]
                    group.attrs["weight_names"] = [n.encode() for n in names]
                    for n, w in zip(names, values, strict=True):
                        group[n] = w.numpy()
                change(file, folder / "canary")
            return path

        ATTACKS.append((f".h5: {name}", make, load_weights, why))

    return note


legacy("layer names that lead out", "does not hold")(
    lambda file, canary: file.attrs.__setitem__("layer_names", [b"../../x", b"norm", b"last"])
)
legacy("weight names that lead elsewhere", "does not hold|names")(
    lambda file, canary: file["first"].attrs.__setitem__("weight_names", [b"../norm/gamma:0", b"/last/kernel:0"])
)
legacy("an external link for a layer", "link")(
    lambda file, canary: linked(file, "first", h5py.ExternalLink(str(canary), "/"))
)
legacy("a pickle as names", "names|kind")(
    lambda file, canary: file["first"].attrs.__setitem__("weight_names", np.void(b"\x80\x04cos\nsystem\n"))
)
legacy("numbers as names", "names|does not hold|layers")(lambda file, canary: file.attrs.__setitem__("layer_names", 7))


def linked(file, name, link):
    del file[name]
    file[name] = link


# ----------------------------------------------------------------------------------------------------------- safetensors
def tensors(name, header, why, data=bytes(64), length=None):
    def make(folder):
        path = folder / "attack.safetensors"
        text = header if isinstance(header, bytes) else json.dumps(header).encode()
        path.write_bytes(struct.pack("<Q", len(text) if length is None else length) + text + data)
        return path

    ATTACKS.append((f"safetensors: {name}", make, read_tensors, why))


def entry(shape, first, last, dtype="F32"):
    return {"dtype": dtype, "shape": shape, "data_offsets": [first, last]}


tensors("over each other", {"a": entry([8], 0, 32), "b": entry([8], 16, 48)}, "begins")
tensors("the same bytes twice", {"a": entry([16], 0, 64), "b": entry([16], 0, 64)}, "begins")
tensors("a gap", {"a": entry([8], 0, 32), "b": entry([4], 48, 64)}, "begins")
tensors("behind the end", {"a": entry([32], 0, 128)}, "take")
tensors("bytes that no tensor has", {"a": entry([8], 0, 32)}, "take")
tensors("negative offsets", {"a": entry([8], -32, 0)}, "no number")
tensors("offsets the wrong way round", {"a": entry([8], 64, 32)}, "takes")
tensors("offsets of 2^63", {"a": entry([8], 2**63, 2**63 + 32)}, "no number")
tensors("offsets of 2^64", {"a": entry([8], 2**64 - 32, 2**64)}, "no number|digits")
tensors("offsets as fractions", {"a": entry([16], 0.0, 64.0)}, "no number")
tensors("a shape that overflows", {"a": entry([2**32, 2**32, 2**2], 0, 64)}, "takes")
tensors("a negative shape", {"a": entry([-4, -4], 0, 64)}, "no number")
tensors("a shape of truths", {"a": entry([True, 16], 0, 64)}, "no number")
tensors("a shape that is a text", {"a": entry("16", 0, 64)}, "no number")
tensors("another dtype than its bytes", {"a": entry([16], 0, 64, "F64")}, "takes")
tensors("a dtype that nobody has", {"a": entry([16], 0, 64, "PICKLE")}, "dtype")
tensors("a dtype that is a list", {"a": entry([16], 0, 64, ["F32"])}, "dtype|incomplete")
tensors("an entry without its place", {"a": {"dtype": "F32", "shape": [16]}}, "incomplete")
tensors("a header that is a list", [1, 2], "JSON object")
tensors("a name twice", b'{"a": {"dtype": "U8", "shape": [64], "data_offsets": [0, 64]}, "a": 1}', "twice")
tensors("a deep header", b"[" * 100_000, "deeper")
tensors("a header of 2^62 bytes", {}, "does not fit", length=2**62)
tensors("a header longer than the file", {}, "does not fit", length=10**6)
tensors("a header of 200 MB", {}, "does not fit", length=200 * 10**6)
tensors("no header", b"", "JSON", data=b"")


@attack("safetensors: an index that names other folders", read_tensors, "beside it")
def _(folder):
    path = folder / "model.safetensors.index.json"
    path.write_text(json.dumps({"weight_map": {"a": "../../canary.safetensors"}}))
    return path


# ------------------------------------------------------------------------------------------------------ checkpoints of the hub
def hub_folder(name, why, config=None, tokenizer=None, settings=None, vocabulary=None):
    def make(folder):
        import shutil

        import hornbook_hub

        source = Path(hornbook_hub.__file__).parent / "presets" / "bert_tiny"
        target = folder / "checkpoint"
        shutil.copytree(source, target)
        known = json.loads((target / "config.json").read_text())
        (target / "config.json").write_text(json.dumps(known | (config or {})))
        if tokenizer is not None:
            (target / "tokenizer.json").write_text(tokenizer)
            (target / "vocab.txt").unlink(missing_ok=True)
        if settings is not None or vocabulary is not None:
            (target / "tokenizer.json").unlink(missing_ok=True)
            (target / "vocab.txt").write_text(vocabulary or "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\n")
            (target / "tokenizer_config.json").write_text(json.dumps(settings or {}))
        return target

    ATTACKS.append((f"hub: {name}", make, load_from_hub, why))


hub_folder(
    "CVE-2026-4372: a config that names another repository",
    "_attn_implementation_internal",
    {"_attn_implementation_internal": "attacker/code"},
)
hub_folder("CVE-2026-5241: trust_remote_code in a config", "trust_remote_code", {"trust_remote_code": True})
hub_folder("code in auto_map", "auto_map", {"auto_map": {"AutoModel": "attacker/code--model.Model"}})
hub_folder("words of 4 TB", "would take", {"vocab_size": 10**10})
hub_folder("10^9 layers", "layers", {"num_hidden_layers": 10**9})
hub_folder("a deep tokenizer", "tokenizer", tokenizer="[" * 200_000)
hub_folder("a tokenizer that is none", "tokenizer", tokenizer='{"model": {"type": "WordPiece", "vocab": 7}}')
hub_folder("keras-hub #2715: an expression for a word", "lacks", vocabulary='0 __import__("os").system("id") 1\n')


# ------------------------------------------------------------------------------------------------------------------ npz
@attack("2d166b65: npz with a pickle", load_npz, "names|refused|Refused")
def _(folder):
    class Evil:
        def __reduce__(self):
            return os.system, (f"touch {folder / 'canary-was-touched'}",)

    path = folder / "attack.npz"
    np.savez(path, x=np.array([Evil()], object))
    return path


@attack("696b1ad5: npz that declares 4 TB", load_npz, "bytes|xpected|shape")
def _(folder):
    path = folder / "attack.npz"
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<f4", "fortran_order": False, "shape": (10**6, 10**6)})
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x.npy", header.getvalue() + bytes(64))
    return path


# -------------------------------------------------------------------------------------------------- archives of data
def tar_attack(name, why, members, pack=lambda data: data, tail=b""):
    """A tar archive of (name, kind, target or bytes)."""

    def make(folder):
        stream = io.BytesIO()
        with tarfile.open(fileobj=stream, mode="w", format=tarfile.GNU_FORMAT) as archive:
            for member, kind, content in members:
                info = tarfile.TarInfo(member)
                info.type = kind
                if kind == tarfile.REGTYPE:
                    info.size = len(content)
                    archive.addfile(info, io.BytesIO(content))
                else:
                    info.linkname = content
                    archive.addfile(info)
        path = folder / "attack.tar"
        path.write_bytes(pack(stream.getvalue() + tail))
        return path

    ATTACKS.append((f"tar: {name}", make, unpack, why))


FILE = tarfile.REGTYPE
tar_attack("CVE-2024-55459: ../", "leads out", [("../../evil", FILE, b"x")])
tar_attack("an absolute name", "leads out", [("/tmp/hostile-evil", FILE, b"x")])
tar_attack("a name with backslashes", "leads out", [("..\\..\\evil", FILE, b"x")])
tar_attack("a drive's letter", "leads out", [("C:evil", FILE, b"x")])
tar_attack("CVE-2025-12060: a symbolic link", "link", [("link", tarfile.SYMTYPE, "/etc"), ("link/x", FILE, b"x")])
tar_attack("9867df45: a link to itself, and ..", "link", [("link", tarfile.SYMTYPE, "."), ("link/../x", FILE, b"x")])
tar_attack("f937c535: a hard link", "link", [("../../x", tarfile.LNKTYPE, "/etc/passwd")])
tar_attack("a device", "device", [("null", tarfile.CHRTYPE, "")])
tar_attack("a pipe", "pipe", [("pipe", tarfile.FIFOTYPE, "")])
tar_attack("a file twice", "twice", [("a", FILE, b"x"), ("a", FILE, b"y")])
tar_attack("a file and a folder of one name", "folder", [("a", FILE, b"x"), ("a/b", FILE, b"y")])
tar_attack("a very deep name", "leads out", [("/".join(["d"] * 1000), FILE, b"x")])
tar_attack("200 MB from 200 KB", "unpacks", [("zeros", FILE, bytes(200 * 2**20))], pack=lambda d: gzip.compress(d, 6))
tar_attack("80 MB from a few bytes", "unpacks", [("zeros", FILE, bytes(80 * 2**20))], pack=lambda d: bz2.compress(d))
tar_attack(
    "100,000 files from 100 KB",
    "members",
    [(f"f{i}", FILE, b"") for i in range(100_000)],
    pack=lambda d: gzip.compress(d, 1),
)
tar_attack("cut off", "cut off|unpacked", [("a", FILE, bytes(10_000))], pack=lambda d: d[:5000])
tar_attack("another checksum", "archive|checksum", [("a", FILE, b"x")], pack=lambda d: b"b" + d[1:])
tar_attack(
    "cut off while packed", "unpacked", [("a", FILE, os.urandom(10_000))], pack=lambda d: gzip.compress(d)[:5000]
)


def header(kind, size, name=b"x", rest=b""):
    """A header of tar with any numbers."""
    block = bytearray(512)
    block[:100] = name.ljust(100, b"\0")
    block[124:136] = size if isinstance(size, bytes) else b"%011o\0" % size
    block[156:157] = kind
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block) + rest


def raw_tar(name, data, why):
    def make(folder):
        (folder / "attack.tar").write_bytes(data)
        return folder / "attack.tar"

    ATTACKS.append((f"tar: {name}", make, unpack, why))


raw_tar("a name of 4 GB", header(b"L", 2**32), "header of")
raw_tar("fields of 4 GB", header(b"x", 2**32), "header of")
raw_tar("a file of 2^90 bytes", header(b"0", b"\x80" + b"\xff" * 11), "unpacks")
raw_tar("a number that is none", header(b"0", b"\xff" * 12), "number")
raw_tar("a sparse file", header(b"S", 0), "plain file")
raw_tar("a size of POSIX's fields", header(b"x", 24, rest=b"24 size=99999999999999\n".ljust(512, b"\0")), "fields|none")
raw_tar(
    "a name of POSIX's fields that leads out",
    header(b"x", 20, rest=b"20 path=../../evil1\n".ljust(512, b"\0")) + header(b"0", 0),
    "leads out",
)
raw_tar("nothing", b"", "cut off")


def zip_data(name, why, members, method=zipfile.ZIP_STORED):
    def make(folder):
        path = folder / "attack.zip"
        with zipfile.ZipFile(path, "w", method) as archive:
            for member, data, mode in members:
                info = zipfile.ZipInfo("x")
                info.filename = member
                info.compress_type = method
                info.external_attr = mode << 16
                archive.writestr(info, data)
        return path

    ATTACKS.append((f"zip archive: {name}", make, unpack, why))


zip_data("../", "leads out", [("../../evil", "x", 0)])
zip_data("an absolute name", "leads out", [("/tmp/hostile-evil", "x", 0)])
zip_data("4f1ea0f3: a drive's letter", "leads out", [("C:evil", "x", 0)])
zip_data("a symbolic link", "link", [("link", "/etc/passwd", 0o120777)])
zip_data("a device", "link or device", [("dev", "", 0o20666)])
zip_data("200 MB from 200 KB", "unpacks", [("zeros", bytes(200 * 2**20), 0)], zipfile.ZIP_DEFLATED)
zip_data("many bombs", "unpacks", [(f"z{i}", bytes(2**20), 0) for i in range(600)], zipfile.ZIP_DEFLATED)
