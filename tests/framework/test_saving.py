"""Models as files: back again with the same numbers, and refused where they are damaged or name what nobody registered."""

import ctypes
import functools
import json
import os
import random
import subprocess
import sys
import time
import types
import zipfile
from contextlib import nullcontext
from pathlib import Path

import h5py
import numpy as np
import pytest
import tensorflow as tf
from tensorflow.experimental.dlpack import to_dlpack

import hornbook as keras
from hornbook import layers
from hornbook.core.budget import WeightBudget
from hornbook.core.unfilled import Unfilled
from hornbook.saving.atomic import written_aside

X = np.random.default_rng(0).normal(size=(12, 6)).astype("float32")
Y = np.random.default_rng(1).integers(0, 3, 12)


@keras.saving.register_keras_serializable(package="tests")
class Double(layers.Layer):
    def __init__(self, times=2.0, **kwargs):
        super().__init__(**kwargs)
        self.times = times

    def call(self, inputs):
        return inputs * self.times


@keras.saving.register_keras_serializable(package="tests")
class Own(keras.Model):
    def __init__(self, units=4, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.blocks = [layers.Dense(units), [layers.Dense(units)]]
        self.heads = {"out": layers.Dense(3, activation="softmax")}

    def call(self, inputs):
        return self.heads["out"](self.blocks[1][0](self.blocks[0](inputs)))


def sequential():
    return keras.Sequential(
        [
            keras.Input((6,)),
            layers.Dense(8, activation="relu"),
            layers.BatchNormalization(),
            layers.Dense(3, activation="softmax"),
        ]
    )


def functional():
    a = keras.Input((6,))
    h = layers.Dropout(0.3)(layers.Dense(4, kernel_regularizer="l2")(a))
    return keras.Model(a, layers.Dense(3, activation="softmax")(layers.Concatenate()([h, Double(3.0)(h)])))


def trained(make):
    keras.utils.set_random_seed(0)
    model = make()
    model.compile(keras.optimizers.AdamW(0.01), "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(X, Y, epochs=2, verbose=0)
    return model


@pytest.mark.parametrize("make", [sequential, functional, Own])
def test_a_saved_model_goes_on_where_it_stopped(make, tmp_path):
    model = trained(make)
    model.save(tmp_path / "m.keras")
    again = keras.saving.load_model(tmp_path / "m.keras")
    np.testing.assert_allclose(again.predict(X, verbose=0), model.predict(X, verbose=0), rtol=1e-6)
    assert again.evaluate(X, Y, verbose=0) == pytest.approx(model.evaluate(X, Y, verbose=0))
    for a, b in zip(again.optimizer.variables, model.optimizer.variables, strict=True):
        np.testing.assert_array_equal(a.numpy(), b.numpy())
    if make is not functional:  # no dropout: training goes on with the same numbers
        first, second = (m.fit(X, Y, shuffle=False, verbose=0).history["loss"] for m in (model, again))
        np.testing.assert_allclose(first, second, rtol=1e-5)


def test_custom_classes_come_by_custom_objects_or_are_named(tmp_path):
    class Stranger(layers.Layer):
        def call(self, inputs):
            return inputs

    model = keras.Sequential([keras.Input((6,)), Stranger()])
    model.save(tmp_path / "m.keras")
    with pytest.raises(ValueError, match="Stranger.*register_keras_serializable"):
        keras.saving.load_model(tmp_path / "m.keras")
    again = keras.saving.load_model(tmp_path / "m.keras", custom_objects={"Stranger": Stranger})
    np.testing.assert_array_equal(again(X), X)


def test_a_package_that_is_imported_may_register_its_classes_late(monkeypatch):
    class Late(layers.Layer):
        pass

    for name in ("hornbook_late", "anothers"):
        package = types.ModuleType(name)
        package.load_classes = lambda name=name: keras.saving.register_keras_serializable(name)(Late)
        assert keras.saving.get_registered_object(f"{name}>Late") is None
        monkeypatch.setitem(sys.modules, name, package)
    assert keras.saving.get_registered_object("hornbook_late>Late") is Late
    assert keras.saving.get_registered_object("anothers>Late") is None  # a file may name any package
    assert keras.saving.get_registered_object("this>Late") is None and "this" not in sys.modules


def test_weights_alone(tmp_path):
    model, other = trained(sequential), sequential()
    model.save_weights(tmp_path / "w.weights.h5")
    other.load_weights(tmp_path / "w.weights.h5")
    np.testing.assert_allclose(other(X), model(X), rtol=1e-6)
    smaller = keras.Sequential([keras.Input((6,)), layers.Dense(4)])
    before = smaller.get_weights()
    with pytest.raises(ValueError, match="do not fit"):
        smaller.load_weights(tmp_path / "w.weights.h5")
    for a, b in zip(smaller.get_weights(), before, strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_failed_save_leaves_the_old_file(tmp_path):
    path = tmp_path / "m.keras"
    trained(sequential).save(path)
    old = path.read_bytes()
    bad = keras.Sequential([keras.Input((6,)), layers.Dense(3, activation=lambda x: x)])
    with pytest.raises(ValueError, match="lambda"):
        bad.save(path)
    assert path.read_bytes() == old and [p.name for p in tmp_path.iterdir()] == ["m.keras"]
    with pytest.raises(FileExistsError):
        trained(sequential).save(path, overwrite=False)
    with pytest.raises(ValueError, match=".keras"):
        bad.save(tmp_path / "m.h6")


# ------------------------------------------------------------------------------------------------- damaged, hostile
def altered(tmp_path, member, change):
    source, target = tmp_path / "good.keras", tmp_path / "bad.keras"
    trained(sequential).save(source)
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for name in old.namelist():
            data = old.read(name)
            new.writestr(name, change(data) if name == member else data)
    return target


def with_config(change):
    def apply(data):
        config = json.loads(data)
        change(config)
        return json.dumps(config)

    return apply


def set_class(module, name, registered=None):
    def change(config):
        config["config"]["layers"][1] |= {"module": module, "class_name": name, "registered_name": registered}

    return with_config(change)


@pytest.mark.parametrize(
    "change",
    [
        set_class("os", "system"),
        set_class("builtins", "eval"),
        set_class("subprocess", "Popen", "subprocess.Popen"),
        set_class("keras.config", "enable_unsafe_deserialization"),
        set_class("keras.utils", "get_file"),
        set_class("mine", "Nobody", "mine>Nobody"),
        with_config(
            lambda c: c["config"]["layers"][1]["config"].update(activation={"class_name": "__lambda__", "config": {}})
        ),
        with_config(
            lambda c: c["config"]["layers"][1]["config"].update(
                activation={"class_name": "function", "module": "os", "config": "system", "registered_name": "system"}
            )
        ),
        with_config(lambda c: c["config"].update(layers=None)),
        with_config(lambda c: c.pop("class_name")),
        lambda data: b"{not json",
    ],
)
def test_a_config_can_only_name_what_is_known(change, tmp_path):
    with pytest.raises(ValueError):
        keras.saving.load_model(altered(tmp_path, "config.json", change))


def test_a_truncated_file_is_told(tmp_path):
    path = tmp_path / "m.keras"
    trained(sequential).save(path)
    whole = path.read_bytes()
    for length in (0, 10, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:length])
        with pytest.raises(ValueError, match="not a whole|damaged"):
            keras.saving.load_model(path)
    with pytest.raises(FileNotFoundError, match="no file"):
        keras.saving.load_model(tmp_path / "nothing.keras")


def test_weights_that_lie_elsewhere_are_refused(tmp_path):
    model = trained(sequential)
    path = tmp_path / "w.weights.h5"
    (tmp_path / "secret").write_bytes(b"\0" * 4096)
    for attack in ("external", "soft", "virtual"):
        model.save_weights(path)
        with h5py.File(path, "a") as file:
            group = file["layers/dense/vars"]
            shape = group["0"].shape
            del group["0"]
            if attack == "external":
                group.create_dataset("0", shape, "f4", external=[(str(tmp_path / "secret"), 0, 4096)])
            elif attack == "soft":
                group["0"] = h5py.SoftLink("/layers/dense_1/vars/0")
            else:
                layout = h5py.VirtualLayout(shape, "f4")
                group.create_virtual_dataset("0", layout)
        with pytest.raises(ValueError, match="refused"):
            model.load_weights(path)


def test_a_declared_shape_is_compared_before_it_is_believed(tmp_path):
    model = trained(sequential)
    path = tmp_path / "w.weights.h5"
    model.save_weights(path)
    with h5py.File(path, "a") as file:
        group = file["layers/dense/vars"]
        del group["0"]
        group.create_dataset("0", (10**6, 10**6, 10**3), "f4", chunks=(1, 1, 1))
    with pytest.raises(ValueError, match="shape"):
        model.load_weights(path)


@pytest.mark.parametrize("member", ["../evil", "/etc/evil", "assets/../../evil", "extra.py"])
def test_members_that_no_model_has_are_refused(member, tmp_path):
    path = tmp_path / "m.keras"
    trained(sequential).save(path)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(member, "x")
    with pytest.raises(ValueError, match="refused"):
        keras.saving.load_model(path)


@pytest.mark.parity
def test_weights_of_a_subclass_have_keras_paths(tmp_path):
    keras_library = pytest.importorskip("keras")

    def paths(library):
        class Block(library.layers.Layer):
            def __init__(self):
                super().__init__()
                self.z, self.a = library.layers.Dense(2), library.layers.Dense(3)

            def call(self, x):
                return self.z(self.a(x))

        class Own(library.Model):
            def __init__(self):
                super().__init__()
                self.a, self.z = library.layers.Dense(3), Block()
                self.tail, self._inner = [library.layers.Dense(2)], library.layers.Dense(2)

            def call(self, x):
                return self._inner(self.tail[0](self.z(self.a(x))))

        model, found = Own(), []
        model(np.ones((1, 2)))
        model.save_weights(tmp_path / f"{library.__name__}.weights.h5")
        with h5py.File(tmp_path / f"{library.__name__}.weights.h5") as file:
            file.visititems(lambda name, item: found.append(name) if hasattr(item, "shape") else None)
        return found

    assert paths(keras) == paths(keras_library)


@pytest.mark.parametrize(
    "key", [(slice(None), 0), (0, 1), (Ellipsis, slice(1, None, 2)), (slice(None), [0, 2]), 1], ids=str
)
def test_an_index_comes_back_as_it_was(key, tmp_path):
    inputs = keras.Input(batch_shape=(2, 4, 3))
    model = keras.Model(inputs, inputs[key])
    x = np.arange(24.0, dtype="float32").reshape(2, 4, 3)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    key = tuple(key) if isinstance(key, tuple) else key
    np.testing.assert_array_equal(again(x), x[key])


def test_weights_that_are_not_finite_are_reported_and_loaded(tmp_path):
    model = sequential()
    model.layers[2].bias.assign([1.0, np.nan, np.inf])
    model.save_weights(tmp_path / "w.weights.h5")
    other = sequential()
    with pytest.warns(UserWarning, match="1 weights in .*w.weights.h5 hold NaN or infinities: '.*bias'"):
        other.load_weights(tmp_path / "w.weights.h5")
    np.testing.assert_array_equal(other.layers[2].bias.numpy(), [1.0, np.nan, np.inf])


def test_json_has_no_word_for_nan(tmp_path):
    model = keras.Sequential([keras.Input((3,)), layers.Masking(mask_value=float("nan"))])
    with pytest.raises(ValueError, match="NaN or an infinity"):
        model.save(tmp_path / "m.keras")
    assert not list(tmp_path.iterdir())


@keras.saving.register_keras_serializable(package="tests")
def plus_one(x):
    return x + 1


def times_two(x):
    return x * 2


def test_a_lambda_layer_is_saved_by_the_name_of_its_function(tmp_path):
    path = tmp_path / "m.keras"
    keras.Sequential([keras.Input((3,)), layers.Lambda(plus_one)]).save(path)
    with zipfile.ZipFile(path) as archive:
        assert "tests>plus_one" in archive.read("config.json").decode()
    np.testing.assert_array_equal(keras.saving.load_model(path)(np.ones((1, 3))), [[2.0] * 3])

    keras.Sequential([keras.Input((3,)), layers.Lambda(times_two)]).save(path)
    with pytest.raises(ValueError, match="function 'times_two'.*register_keras_serializable"):
        keras.saving.load_model(path)
    again = keras.saving.load_model(path, custom_objects={"times_two": times_two})
    np.testing.assert_array_equal(again(np.ones((1, 3))), [[2.0] * 3])

    for function in (lambda x: x, functools.partial(times_two)):
        with pytest.raises(ValueError, match="data, never code.*register_keras_serializable"):
            keras.Sequential([keras.Input((3,)), layers.Lambda(function)]).save(path)


def test_an_archive_that_was_packed_anew_opens(tmp_path):
    model = sequential()
    model.save(tmp_path / "m.keras")
    with (
        zipfile.ZipFile(tmp_path / "m.keras") as old,
        zipfile.ZipFile(tmp_path / "packed.keras", "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for name in old.namelist():
            new.writestr(name, old.read(name))
    np.testing.assert_array_equal(keras.saving.load_model(tmp_path / "packed.keras")(X), model(X))


def test_a_model_may_need_more_than_its_file_by_a_little(tmp_path):
    """A model whose metric counts four megabytes, and whose weights are 56 bytes."""
    model = keras.Sequential([keras.Input((6,)), layers.Dense(2)])
    model.compile("adam", "mse", metrics=[keras.metrics.MeanIoU(num_classes=1000)])
    model.train_on_batch(X, np.zeros((12, 2)))
    model.save(tmp_path / "m.keras")
    assert keras.saving.load_model(tmp_path / "m.keras").count_params() == 14
    with pytest.raises(ValueError, match="'kernel' of shape .* would take 2,400 bytes"), WeightBudget(2000):
        layers.Dense(100).build((None, 6))


def test_a_state_that_does_not_fit_leaves_the_model_as_it_was(tmp_path):
    model = keras.Sequential([keras.Input((6,)), layers.Dense(3)])
    model.compile("adam", "mse")
    model.optimizer.build(model.trainable_variables)
    model.save_weights(tmp_path / "w.weights.h5")
    with h5py.File(tmp_path / "w.weights.h5", "a") as file:
        del file["optimizer/vars/2"]
        file["optimizer/vars/2"] = np.zeros((3, 6), "float32")
    model.layers[0].kernel.assign(np.full((6, 3), 7.0))
    with pytest.raises(ValueError, match=r"The optimizer's .* has shape \(6, 3\), in the file \(3, 6\)"):
        model.load_weights(tmp_path / "w.weights.h5")
    np.testing.assert_array_equal(model.layers[0].kernel, np.full((6, 3), 7.0))


def test_compile_refuses_what_is_no_number_and_no_metric():
    model = keras.Sequential([keras.Input((6,)), layers.Dense(3)])
    with pytest.raises(ValueError, match="loss_weights must be numbers, got 'much'"):
        model.compile(loss="mse", loss_weights=["much"])
    with pytest.raises(ValueError, match="xpected a metric"):
        model.compile(loss="mse", metrics=[7])


def test_models_inside_of_models_may_be_called_often_where_the_config_has_many_parts():
    inner = keras.Sequential([keras.Input((None,)), *(layers.Activation("relu") for _ in range(30))])
    inputs = [keras.Input((size,)) for size in range(1, 12)]
    model = keras.Model(inputs, layers.Concatenate()([inner(x) for x in inputs]))
    again = keras.models.model_from_json(model.to_json())
    assert again.output_shape == (None, 66)


# ------------------------------------------------------------------------------------------------------ large files
@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "int8", "float16"])
@pytest.mark.parametrize("start", ["numbers", "blank", "blank and large"])
def test_a_large_weight_is_taken_over_from_a_file_and_not_copied_at_each_read(start, dtype, monkeypatch):
    monkeypatch.setattr("hornbook.core.variable.PIECE", 1000)
    monkeypatch.setattr("hornbook.backend.tensorflow.variable.MAPPED", 2**20 if start == "blank" else 1000)
    numbers = np.arange(40 * 30).reshape(40, 30) % 100
    with Unfilled() if start != "numbers" else nullcontext():
        variable = keras.Variable("zeros", shape=(40, 30), dtype=dtype)
    for plus in (0, 1):  # again, when the variable has memory of its own
        variable.assign_from(numbers + plus)  # of another dtype, too
        np.testing.assert_array_equal(np.asarray(variable.numpy(), "float64"), numbers + plus)
        assert variable.value.dtype == dtype
        places = {_place(tf.convert_to_tensor(variable.value)) for _ in range(3)}
        assert len(places) == 1
        before = variable.numpy()
        variable.assign_add(np.ones((40, 30)))
        np.testing.assert_array_equal(np.asarray(variable.numpy(), "float64"), numbers + plus + 1)
        np.testing.assert_array_equal(np.asarray(before, "float64"), numbers + plus)


@pytest.mark.skipif(sys.platform != "linux", reason="what is mapped is read from /proc")
@pytest.mark.parametrize("turned", [False, True], ids=["as it lies", "transposed"])
def test_of_a_mapped_file_nothing_stays_in_memory_once_it_is_read(turned, tmp_path, monkeypatch):
    monkeypatch.setattr("hornbook.core.variable.PIECE", 4_000_000)
    numbers = np.random.default_rng(0).normal(size=(7000, 700)).astype("float32")
    (tmp_path / "numbers").write_bytes(b"12345" + numbers.tobytes() + b"12345")
    mapped = np.memmap(tmp_path / "numbers", "float32", "r", offset=5, shape=numbers.shape)

    def resident():
        text = Path("/proc/self/smaps").read_text()
        return int(text[text.index(str(tmp_path / "numbers")) :].split("Rss:")[1].split()[0])

    assert mapped.sum() != 0 and resident() > 19_000
    source = mapped.T if turned else mapped
    variable = keras.Variable(np.zeros(source.shape, "float32"))
    variable.assign_from(source)
    assert resident() < 5_000  # the system maps up to 2 MiB around what is read
    np.testing.assert_array_equal(variable.numpy(), numbers.T if turned else numbers)


def _place(tensor):
    """Where the numbers of a tensor lie in memory."""
    capsule = to_dlpack(tensor)
    pointer = ctypes.pythonapi.PyCapsule_GetPointer
    pointer.restype, pointer.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    return ctypes.cast(pointer(capsule, b"dltensor"), ctypes.POINTER(ctypes.c_void_p))[0]


PROGRAM = Path(__file__).with_name("large_files.py")
FORMATS = [".keras", ".weights.h5", ".h5", ".weights.json", ".safetensors", ".npz"]


def check_memory(ending, folder, mebibytes):
    """Model and largest tensor, a tenth of it; 16 MiB for all the rest. NumPy's archive is read through one more copy.

    Without oneDNN: with it TensorFlow's allocator has tables besides, up to a sixteenth of all that it holds.
    """
    tensors = 2 if ending == ".npz" else 1
    environment = {**os.environ, "TF_ENABLE_ONEDNN_OPTS": "0"}
    for task in ("save", "load"):
        program = [sys.executable, str(PROGRAM), task, ending, str(folder), str(mebibytes)]
        done = subprocess.run(program, capture_output=True, text=True, timeout=300, check=True, env=environment)
        taken = json.loads(done.stdout.splitlines()[-1])["peak"]
        print(f"{task} {ending} of {mebibytes} MiB: {taken:.0f} MiB")
        assert mebibytes < taken < mebibytes * (1 + tensors / 10) + 16, task


@pytest.mark.slow
@pytest.mark.parametrize("ending", [".keras", pytest.param(".safetensors", marks=pytest.mark.exhaustive)])
def test_a_file_takes_the_model_and_its_largest_tensor(ending, tmp_path):
    check_memory(ending, tmp_path, 100)


@pytest.mark.exhaustive
@pytest.mark.parametrize("ending", FORMATS)
def test_a_file_of_a_gigabyte_takes_the_model_and_its_largest_tensor(ending, tmp_path):
    check_memory(ending, tmp_path, 1000)


def check_kills(ending, folder, kills, mebibytes=20):
    """Kill a process that saves again and again; the file is whole each time, and the next save clears up behind it."""
    sys.path.insert(0, str(PROGRAM.parent))
    try:
        import large_files
    finally:
        sys.path.pop(0)
    moments = random.Random(ending)
    program = [sys.executable, str(PROGRAM), "kill", ending, str(folder), str(mebibytes)]
    path, seconds = folder / f"m{ending}", 0.0
    for kill in range(kills):
        with subprocess.Popen(program, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as child:
            try:
                lines = []
                while not lines or not lines[-1].startswith("saved"):
                    lines.append(child.stdout.readline())
                    assert lines[-1], "the process that saves has ended by itself"
                    begun = time.monotonic()
                if kill == 0:  # how long the next save takes
                    while not lines[-1].startswith("saved 2"):
                        lines.append(child.stdout.readline())
                        assert lines[-1], "the process that saves has ended by itself"
                    seconds = time.monotonic() - begun
                time.sleep(moments.uniform(0.0, 2 * seconds))
            finally:
                child.kill()
            lines += child.stdout.readlines()
        begun_saves = [int(line) for line in lines if line.strip().isdecimal()]
        saved = [int(line.split()[1]) for line in lines if line.startswith("saved")]
        values = {float(n) for w in large_files.load(path, ending, mebibytes).get_weights() for n in np.unique(w)}
        assert len(values) == 1 and values <= {saved[-1], begun_saves[-1]}
    model = large_files.model_of(mebibytes)
    for _ in range(2):
        large_files.save(model, path, ending, mebibytes)
        left = {p.name for p in folder.iterdir()} - {path.name}
        shards = json.loads(path.read_text())["weight_map"].values() if ending == ".weights.json" else ()
        assert left == {name for found in shards for name in ([found] if isinstance(found, str) else found)} | (
            {"m_00000.weights.h5"} if shards else set()
        )


@pytest.mark.slow
@pytest.mark.parametrize("ending", [".keras", ".weights.json"])
def test_a_kill_while_saving_leaves_a_whole_file(ending, tmp_path):
    check_kills(ending, tmp_path, 1)


@pytest.mark.exhaustive
@pytest.mark.parametrize("ending", FORMATS)
def test_many_kills_while_saving_leave_a_whole_file(ending, tmp_path):
    check_kills(ending, tmp_path, 12)


def test_what_another_process_is_writing_is_not_cleared_away(tmp_path):
    path = tmp_path / "m.weights.h5"
    (tmp_path / f".{path.name}.abcdefgh.h5").touch()
    (tmp_path / f".{path.name}.stranger").mkdir()
    (tmp_path / ".other.h5.abcdefgh.h5").touch()
    with written_aside(path) as first:
        with written_aside(path) as second:
            second.write_bytes(b"two")
        assert first.exists() and path.read_bytes() == b"two"
        first.write_bytes(b"one")
    assert path.read_bytes() == b"one"
    assert {p.name for p in tmp_path.iterdir()} == {path.name, ".other.h5.abcdefgh.h5"}


@keras.saving.register_keras_serializable(package="tests")
class Gate(layers.Layer):
    """Two arguments, a layer inside, and no `build` of its own."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.dense = layers.Dense(3)

    def call(self, x, by):
        return self.dense(x) * by


def test_a_layer_of_two_arguments_that_has_no_build(tmp_path):
    x, by = keras.Input((4,)), keras.Input((3,))
    model = keras.Model([x, by], Gate()(x, by))
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    arrays = [X[:, :4], X[:, :3]]
    np.testing.assert_array_equal(again(arrays), model(arrays))
    again.save(tmp_path / "again.keras")
    np.testing.assert_array_equal(keras.saving.load_model(tmp_path / "again.keras")(arrays), model(arrays))
