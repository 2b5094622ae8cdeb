"""Several devices at once.

strategies.py  one line for a `tf.distribute` strategy: `with distribution.initialize("mirrored", devices=2).scope(): ...`
clusters.py    who takes part where several processes train: TF_CONFIG, and a cluster on one machine
layouts.py     meshes of devices and layouts of tensors, as data: DataParallel, ModelParallel, DeviceMesh, LayoutMap
"""

from hornbook.distribution.clusters import Cluster, LocalCluster
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
from hornbook.distribution.strategies import current_strategy, initialize, is_chief, list_devices

__all__ = [
    "Cluster",
    "DataParallel",
    "DeviceMesh",
    "LayoutMap",
    "LocalCluster",
    "ModelParallel",
    "TensorLayout",
    "current_strategy",
    "distribute_tensor",
    "distribution",
    "get_device_count",
    "initialize",
    "is_chief",
    "list_devices",
    "set_distribution",
]
