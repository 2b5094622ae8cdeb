"""Meshes of devices, and which axis of a tensor is split along which axis of a mesh: plain data.

Backends that split tensors by layout read these. TensorFlow's way to several devices is a `tf.distribute` strategy, which
splits batches and nothing else: there a distribution that splits batches alone is carried by a mirrored strategy, see
`strategies.py`, and one that splits weights describes and does not act.
"""

import re
import warnings
from collections.abc import Iterator, MutableMapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import numpy as np

from hornbook.core import global_state
from hornbook.distribution.strategies import list_devices, mirrored, set_default_strategy

_NOT_SPLIT = (
    "The TensorFlow backend does not split tensors by layout. To train on several devices with it, each of which holds all "
    "weights, use `hornbook.distribution.DataParallel`, or make the model inside of "
    "`with hornbook.distribution.initialize('mirrored').scope():`."
)


class DeviceMesh:
    """Devices in a grid whose axes have names.

    Args:
        shape: the sizes of the axes.
        axis_names: a name for each of them.
        devices: the devices' names, one after the other or in the grid's shape; all that there are if None.

    Raises:
        ValueError: where the numbers of axes, names and devices do not fit.

    >>> from hornbook.distribution import DeviceMesh
    >>> mesh = DeviceMesh((2, 2), ["batch", "model"], ["cpu:0", "cpu:1", "cpu:2", "cpu:3"])
    >>> mesh.devices[1].tolist()
    ['cpu:2', 'cpu:3']
    """

    def __init__(self, shape: Sequence[int], axis_names: Sequence[str], devices: Any = None) -> None:
        if not shape or not axis_names or len(shape) != len(axis_names):
            raise ValueError(f"A mesh has a name for each axis, got shape={shape} and axis_names={axis_names}.")
        names = np.array(list_devices() if devices is None else devices)
        if int(np.prod(shape)) != names.size:
            raise ValueError(f"A mesh of shape {tuple(shape)} has {int(np.prod(shape))} devices, got {names.size}.")
        self._shape, self._axis_names = tuple(shape), list(axis_names)
        self._devices = names.reshape(self._shape)

    shape = property(lambda self: self._shape, doc="The sizes of the axes.")
    axis_names = property(lambda self: self._axis_names, doc="The names of the axes.")
    devices = property(lambda self: self._devices, doc="The devices' names, in the grid's shape.")

    def size(self, axis_name: str) -> int:
        """The size of an axis; 1 for one that the mesh has not."""
        return self._shape[self._axis_names.index(axis_name)] if axis_name in self._axis_names else 1

    def __repr__(self) -> str:
        return f"<DeviceMesh shape={self.shape}, axis_names={self.axis_names}>"


class TensorLayout:
    """Along which axis of a mesh each axis of a tensor is split; None for one that is not.

    Args:
        axes: a name of the mesh's axes, or None, for each axis of the tensor.
        device_mesh: the mesh; it can be set later, once.

    Raises:
        ValueError: for a name that the mesh has not, and where the mesh is set twice.

    >>> from hornbook.distribution import TensorLayout
    >>> TensorLayout((None, "model")).axes
    (None, 'model')
    """

    def __init__(self, axes: Sequence[str | None], device_mesh: DeviceMesh | None = None) -> None:
        self._axes, self._device_mesh = tuple(axes), device_mesh
        self._check()

    axes = property(lambda self: self._axes, doc="The names.")

    @property
    def device_mesh(self) -> DeviceMesh | None:
        """The mesh."""
        return self._device_mesh

    @device_mesh.setter
    def device_mesh(self, device_mesh: DeviceMesh) -> None:
        if self._device_mesh is not None:
            raise ValueError(f"The layout has the mesh {self._device_mesh} already.")
        self._device_mesh = device_mesh
        self._check()

    def _check(self) -> None:
        if self._device_mesh is not None:
            unknown = sorted({axis for axis in self._axes if axis} - set(self._device_mesh.axis_names))
            if unknown:
                raise ValueError(f"The layout names the axes {unknown}; the mesh has {self._device_mesh.axis_names}.")

    def __repr__(self) -> str:
        return f"<TensorLayout axes={self.axes}, device_mesh={self.device_mesh}>"


class LayoutMap(MutableMapping):
    """The layouts of variables by their paths: a key is a path, or a regular expression for a whole one.

    Args:
        device_mesh: the mesh of layouts that bring none along, or that are given as tuples of names.

    Raises:
        ValueError: for a key that is there already, a value that is no layout, and on look-up for a path that several
            keys match.

    >>> from hornbook.distribution import DeviceMesh, LayoutMap
    >>> layouts = LayoutMap(DeviceMesh((2,), ["model"], ["cpu:0", "cpu:1"]))
    >>> layouts[".*kernel"] = (None, "model")
    >>> layouts["dense/kernel"].axes, layouts["dense/bias"]
    ((None, 'model'), None)
    """

    def __init__(self, device_mesh: DeviceMesh) -> None:
        self._device_mesh = device_mesh
        self._layouts: dict[str, TensorLayout] = {}

    device_mesh = property(lambda self: self._device_mesh, doc="The mesh.")

    def __getitem__(self, key: str) -> Any:
        if key in self._layouts:
            return self._layouts[key]
        matching = [pattern for pattern in self._layouts if re.fullmatch(pattern, key)]
        if len(matching) > 1:
            raise ValueError(f"The path {key!r} matches several keys of the LayoutMap: {matching}. Make them differ.")
        return self._layouts[matching[0]] if matching else None

    def __setitem__(self, key: str, layout: Any) -> None:
        if key in self._layouts:
            raise ValueError(f"{key!r} is in the LayoutMap already; delete it first to assign another layout.")
        if isinstance(layout, tuple):
            layout = TensorLayout(layout)
        if not isinstance(layout, TensorLayout):
            raise ValueError(
                f"The LayoutMap needs a TensorLayout, or a tuple of axis names, for {key!r}; got {layout!r}."
            )
        if layout.device_mesh is None and self._device_mesh is not None:
            layout.device_mesh = self._device_mesh
        self._layouts[key] = layout

    def __delitem__(self, key: str) -> None:
        del self._layouts[key]

    def __len__(self) -> int:
        return len(self._layouts)

    def __iter__(self) -> Iterator[str]:
        return iter(self._layouts)


class Distribution:
    """The base: how variables and data are split over a mesh.

    Args:
        device_mesh: the mesh.
        batch_dim_name: the axis of the mesh along which a batch is split.
        auto_shard_dataset: whether each process takes its own share of a data set.
    """

    def __init__(self, device_mesh: DeviceMesh, batch_dim_name: str, auto_shard_dataset: bool = True) -> None:
        self._device_mesh, self._batch_dim_name, self.auto_shard_dataset = (
            device_mesh,
            batch_dim_name,
            auto_shard_dataset,
        )

    device_mesh = property(lambda self: self._device_mesh, doc="The mesh.")
    batch_dim_name = property(lambda self: self._batch_dim_name, doc="The axis along which a batch is split.")
    num_model_replicas = property(
        lambda self: self._device_mesh.size(self._batch_dim_name), doc="Into how many parts a batch is split."
    )

    @property
    def strategy(self) -> Any:
        """The `tf.distribute` strategy that does this: a replica on each device.

        None on one device, and where more than batches would have to be split.
        """
        names = self._device_mesh.devices.flatten().tolist()
        splits_batches_alone = self.num_model_replicas == len(names)
        return mirrored(tuple(name.lower() for name in names)) if splits_batches_alone and len(names) > 1 else None

    def get_data_layout(self, data_shape: Sequence) -> TensorLayout:
        """The layout of a batch: its first axis is split."""
        return TensorLayout([self._batch_dim_name, *[None] * (len(data_shape) - 1)], self._device_mesh)

    def get_variable_layout(self, variable: Any) -> TensorLayout:
        """The layout of a variable."""
        raise NotImplementedError(f"{type(self).__name__} must define get_variable_layout(variable).")

    def get_tensor_layout(self, path: str) -> TensorLayout | None:
        """The layout of what a layer gives, by its path; None leaves it to the backend."""
        return None

    def scope(self) -> AbstractContextManager:
        """Context in which this is the current distribution."""
        return _scope(self)

    def distribute_dataset(self, dataset: Any) -> Any:
        """The share of a data set that this process takes: all of it, with one process."""
        return dataset

    def _whole(self, variable: Any) -> TensorLayout:
        return TensorLayout([None] * len(variable.shape), self._device_mesh)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} device_mesh={self._device_mesh}>"


class DataParallel(Distribution):
    """Each device holds all variables and takes its part of every batch.

    What is built while it is set, or in its `scope()`, trains so.

    Args:
        device_mesh: the mesh, with one axis; made from `devices` if None.
        devices: the devices' names; all that there are if None.
        auto_shard_dataset: whether each process takes its own share of a data set.

    Raises:
        ValueError: for a device_mesh that is none.

    >>> from hornbook.distribution import DataParallel
    >>> parallel = DataParallel(devices=["cpu:0", "cpu:1"])
    >>> parallel.get_data_layout((32, 10)).axes, parallel.num_model_replicas
    (('batch', None), 2)
    """

    def __init__(
        self,
        device_mesh: DeviceMesh | None = None,
        devices: Sequence[str] | None = None,
        auto_shard_dataset: bool = True,
    ) -> None:
        if device_mesh is None:
            names = list_devices() if devices is None else list(devices)
            device_mesh = DeviceMesh((len(names),), ["batch"], names)
        elif not isinstance(device_mesh, DeviceMesh):
            raise ValueError(f"device_mesh must be a DeviceMesh, got {device_mesh!r}.")
        elif devices is not None:
            warnings.warn("DataParallel got a device_mesh and devices; the devices are not looked at.", stacklevel=2)
        if len(device_mesh.shape) != 1:
            warnings.warn(f"DataParallel splits along the first axis of {device_mesh} and no other.", stacklevel=2)
        super().__init__(device_mesh, device_mesh.axis_names[0], auto_shard_dataset)

    def get_variable_layout(self, variable: Any) -> TensorLayout:
        """Nothing is split."""
        return self._whole(variable)


class ModelParallel(Distribution):
    """Variables are split over the devices as a `LayoutMap` says; batches too, along one axis of the mesh.

    Args:
        layout_map: the layouts of variables, and the mesh.
        batch_dim_name: the axis of the mesh along which a batch is split; its first if None.
        auto_shard_dataset: whether each process takes its own share of a data set.

    Raises:
        ValueError: for a layout_map that is none.

    >>> from hornbook.distribution import DeviceMesh, LayoutMap, ModelParallel
    >>> layouts = LayoutMap(DeviceMesh((1, 2), ["batch", "model"], ["cpu:0", "cpu:1"]))
    >>> layouts[".*kernel"] = (None, "model")
    >>> ModelParallel(layout_map=layouts).get_data_layout((8, 3)).axes
    ('batch', None)
    """

    def __init__(
        self,
        *,
        layout_map: LayoutMap | None = None,
        batch_dim_name: str | None = None,
        auto_shard_dataset: bool = True,
        **kwargs: Any,
    ) -> None:
        if kwargs:
            raise TypeError(f"ModelParallel got unexpected arguments: {sorted(kwargs)}.")
        if not isinstance(layout_map, LayoutMap):
            raise ValueError(f"ModelParallel needs a layout_map, a LayoutMap; got {layout_map!r}.")
        self._layout_map = layout_map
        mesh = layout_map.device_mesh
        super().__init__(mesh, batch_dim_name or mesh.axis_names[0], auto_shard_dataset)

    def get_variable_layout(self, variable: Any) -> TensorLayout:
        """The map's layout for the variable's path; nothing is split where it has none."""
        found = self._layout_map[variable.path]
        return self._whole(variable) if found is None else found

    def get_tensor_layout(self, path: str) -> TensorLayout | None:
        """The map's layout for the path."""
        return self._layout_map[path]


# ------------------------------------------------------------------------------------------------------ functions
def distribution() -> Distribution | None:
    """The current distribution, None if none was set.

    >>> from hornbook import distribution
    >>> distribution.distribution() is None
    True
    """
    return global_state.get_global_attribute("distribution")


def set_distribution(value: Distribution | None) -> None:
    """Make a distribution the current one, or none for None: models that are made from here on train by it.

    With TensorFlow one that splits weights changes nothing in how models run, which a warning says.

    Raises:
        ValueError: for what is no distribution, and for devices that are not there.
        RuntimeError: inside of a `with strategy.scope():` block.

    >>> from hornbook import distribution
    >>> distribution.set_distribution(distribution.DataParallel(devices=["cpu:0"]))
    >>> distribution.distribution().num_model_replicas
    1
    >>> distribution.set_distribution(None)
    """
    if value is not None and not isinstance(value, Distribution):
        raise ValueError(f"set_distribution() takes a DataParallel or a ModelParallel, or None; got {value!r}.")
    if value is not None and value.strategy is None and value.device_mesh.devices.size > 1:
        warnings.warn(_NOT_SPLIT, stacklevel=2)
    _make_current(value)


def _make_current(value: Distribution | None) -> None:
    set_default_strategy(None if value is None else value.strategy)
    global_state.set_global_attribute("distribution", value)


@contextmanager
def _scope(value: Distribution) -> Iterator[None]:
    before = distribution()
    set_distribution(value)
    try:
        yield
    finally:
        _make_current(before)


def distribute_tensor(tensor: Any, layout: Any) -> Any:
    """A tensor, split over the devices of a layout.

    Raises:
        NotImplementedError: with TensorFlow, which does not split tensors by layout.
    """
    raise NotImplementedError(_NOT_SPLIT)


def get_device_count(device_type: str | None = None) -> int:
    """How many devices there are.

    Args:
        device_type: "cpu", "gpu" or "tpu"; all if None.

    >>> from hornbook import distribution
    >>> distribution.get_device_count("cpu") >= 1
    True
    """
    return len(list_devices(device_type))
