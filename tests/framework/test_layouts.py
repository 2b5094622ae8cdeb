"""Meshes and layouts: plain data, as Keras has them."""

from types import SimpleNamespace

import numpy as np
import pytest

import hornbook
from hornbook import distribution as ours

DEVICES = ["cpu:0", "cpu:1", "cpu:2", "cpu:3"]
KERNEL = SimpleNamespace(shape=(3, 4), path="dense/kernel")
BIAS = SimpleNamespace(shape=(4,), path="dense/bias")


def both():
    keras = pytest.importorskip("keras")
    return ours, keras.distribution


@pytest.mark.parity
def test_layouts_as_in_keras():
    def read(d):
        mesh = d.DeviceMesh((2, 2), ["batch", "model"], DEVICES)
        layouts = d.LayoutMap(mesh)
        layouts["dense.*kernel"] = (None, "model")
        layouts["dense/bias"] = d.TensorLayout(["model"])
        found = [
            str(mesh),
            mesh.devices.tolist(),
            [str(layouts[path]) for path in ("dense_1/kernel", "my/dense/kernel")],
        ]
        for parallel in (
            d.DataParallel(devices=DEVICES[:2]),
            d.ModelParallel(layout_map=layouts),
            d.ModelParallel(layout_map=layouts, batch_dim_name="model"),
        ):
            found += [
                str(parallel),
                parallel.batch_dim_name,
                parallel.num_model_replicas,
                parallel.get_data_layout((8, 2, 3)).axes,
                [str(parallel.get_variable_layout(v)) for v in (KERNEL, BIAS)],
                str(parallel.get_tensor_layout("dense/kernel")),
            ]
        return found

    mine, theirs = (read(d) for d in both())
    assert mine == theirs


def test_a_scope_sets_and_resets():
    parallel = ours.DataParallel(devices=["cpu:0"])
    with parallel.scope():
        assert ours.distribution() is parallel
        model = hornbook.Sequential([hornbook.Input((3,)), hornbook.layers.Dense(2)])
    assert ours.distribution() is None and model.built
    ours.set_distribution(parallel)
    assert ours.distribution() is parallel
    ours.set_distribution(None)


def test_what_tensorflow_does_not_do_is_said():
    layout = ours.TensorLayout(("batch", None), ours.DeviceMesh((2,), ["batch"], DEVICES[:2]))
    with pytest.raises(NotImplementedError, match="initialize\\('mirrored'\\)"):
        ours.distribute_tensor(np.ones((4, 3)), layout)
    layouts = ours.LayoutMap(ours.DeviceMesh((1, 2), ["batch", "model"], DEVICES[:2]))
    layouts[".*kernel"] = (None, "model")
    with pytest.warns(UserWarning, match="does not split tensors by layout"):
        ours.set_distribution(ours.ModelParallel(layout_map=layouts))
    assert hornbook.Sequential().distribute_strategy.num_replicas_in_sync == 1
    ours.set_distribution(None)


def test_what_does_not_fit_is_said():
    mesh = ours.DeviceMesh((2, 2), ["batch", "model"], DEVICES)
    layouts = ours.LayoutMap(mesh)
    layouts["a.*"] = ("model",)
    layouts[".*b"] = ("batch",)
    taken = ours.TensorLayout(("model",), mesh)
    for call, message in [
        (lambda: ours.DeviceMesh((2, 2), ["batch"], DEVICES), "a name for each axis"),
        (lambda: ours.DeviceMesh((2, 2), ["a", "b"], DEVICES[:3]), "has 4 devices, got 3"),
        (lambda: ours.TensorLayout(("x",), mesh), r"names the axes \['x'\]"),
        (lambda: setattr(taken, "device_mesh", mesh), "already"),
        (lambda: layouts.__setitem__("a.*", ("model",)), "already"),
        (lambda: layouts.__setitem__("c", "model"), "needs a TensorLayout"),
        (lambda: layouts["ab"], "matches several keys"),
        (lambda: ours.DataParallel(device_mesh=3), "must be a DeviceMesh"),
        (lambda: ours.ModelParallel(), "needs a layout_map"),
        (lambda: ours.set_distribution("data"), "takes a DataParallel"),
    ]:
        with pytest.raises(ValueError, match=message):
            call()
    with pytest.warns(UserWarning, match="first axis"):
        assert ours.DataParallel(mesh).batch_dim_name == "batch"
