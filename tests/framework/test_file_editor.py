"""The weights of a file, looked at and changed by hand."""

import h5py
import keras as reference
import numpy as np
import pytest

import hornbook as keras
from hornbook import layers
from hornbook.saving import KerasFileEditor


def net(module=keras, units=3, last=False, dtype=None):
    inner = [module.layers.Dense(units, dtype=dtype), module.layers.Dense(4)]
    inner += [module.layers.Dense(1)] if last else []
    model = module.Sequential([module.Input((2,)), *inner], name="net")
    model.compile("adam", "mse")
    return model


@pytest.mark.parametrize("module", [keras, reference], ids=["ours", "theirs"])
@pytest.mark.parametrize("ending", [".keras", ".weights.h5"])
def test_a_file_is_a_tree(module, ending, tmp_path, capsys):
    model, path = net(module), str(tmp_path / f"net{ending}")
    (model.save if ending == ".keras" else model.save_weights)(path)
    editor = KerasFileEditor(path)
    tree = editor.weights_dict["layers"]
    assert list(tree) == ["dense", "dense_1"] and list(tree["dense"]) == ["0", "1"]
    np.testing.assert_array_equal(tree["dense"]["0"], model.get_weights()[0])
    editor.summary()
    assert "  dense\n    0: shape=(2, 3), dtype=float32" in capsys.readouterr().out
    assert editor.compare(net()) == {"status": "success", "error_count": 0, "match_count": 6}
    assert editor.compare(net(units=5, last=True))["error_count"] == 5


def test_changes_reach_a_new_file(tmp_path):
    model = net(dtype="bfloat16")
    model.save_weights(tmp_path / "old.weights.h5")
    editor = KerasFileEditor(tmp_path / "old.weights.h5")
    editor.rename_object("layers/dense_1", "out")
    editor.add_object("layers/dense_1", {"0": np.ones((3, 4)), "1": np.ones(4)})
    editor.delete_object("out")
    editor.delete_weight("layers/dense_1", "1")
    editor.add_weights("dense_1", {"1": np.full(4, 2.0)})
    editor.save(tmp_path / "new.weights.h5")
    again = net(dtype="bfloat16")
    again.load_weights(tmp_path / "new.weights.h5")
    for array, expected in zip(
        again.get_weights(), [*model.get_weights()[:2], np.ones((3, 4)), [2.0] * 4], strict=True
    ):
        np.testing.assert_array_equal(np.asarray(array, "float32"), np.asarray(expected, "float32"))
    other = net(reference, dtype="bfloat16")
    other.load_weights(str(tmp_path / "new.weights.h5"))
    np.testing.assert_array_equal(other.get_weights()[3], [2.0] * 4)


def test_refusals(tmp_path):
    model = keras.Sequential([keras.Input((2,)), *[keras.Sequential([layers.Dense(2)]) for _ in range(2)]])
    path = tmp_path / "a.weights.h5"
    model.save_weights(path)
    editor = KerasFileEditor(path)
    weights = {"0": np.ones(1)}
    for call in (
        lambda: editor.rename_object("dense", "q"),  # stands in two places
        lambda: editor.rename_object("zz", "q"),
        lambda: editor.rename_object("layers/sequential", "a/b"),
        lambda: editor.rename_object("layers/sequential", "sequential_1"),
        lambda: editor.delete_object("nothing"),
        lambda: editor.delete_weight("layers/sequential/layers/dense", "9"),
        lambda: editor.delete_weight("layers/sequential", "layers"),
        lambda: editor.add_object("zz/yy", weights),
        lambda: editor.add_object("layers/sequential", weights),
        lambda: editor.add_object("layers/new", np.ones(3)),
        lambda: editor.add_object("layers/new", {"0": "text"}),
        lambda: editor.add_weights("nothing", weights),
        lambda: editor.save(tmp_path / "b.h5"),
        lambda: KerasFileEditor(__file__),
    ):
        with pytest.raises(ValueError):
            call()
    with pytest.raises(FileNotFoundError):
        KerasFileEditor(tmp_path / "nothing.keras")
    with h5py.File(path, "a") as file:
        file["layers/linked"] = h5py.ExternalLink("/etc/passwd", "/")
    with pytest.raises(ValueError, match="link"):
        KerasFileEditor(path)
