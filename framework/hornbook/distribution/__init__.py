"""Several devices at once.

strategies.py  one line for a `tf.distribute` strategy: `with distribution.initialize("mirrored", devices=2).scope(): ...`
layouts.py     meshes of devices and layouts of tensors, as data: DataParallel, ModelParallel, DeviceMesh, LayoutMap
"""

from hornbook.distribution.layouts import (
    DataParallel,
    DeviceMesh,
    LayoutMap,
    ModelParallel,
    TensorLayout,
    distribute_tensor,
    distribution,
    get_device_count,
    set_distribution,
)
from hornbook.distribution.strategies import current_strategy, initialize, list_devices

__all__ = [
    "DataParallel",
    "DeviceMesh",
    "LayoutMap",
    "ModelParallel",
    "TensorLayout",
    "current_strategy",
    "distribute_tensor",
    "distribution",
    "get_device_count",
    "initialize",
    "list_devices",
    "set_distribution",
]
