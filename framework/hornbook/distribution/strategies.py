"""Several devices at once, in one line: `with distribution.initialize("mirrored", devices=2).scope(): ...`

The strategies are `tf.distribute`'s own. A model that is built, compiled and trained inside `strategy.scope()` (or with the
strategy active) runs each step on every replica: each takes its share of the batch, gradients are summed, weights stay
equal. The loss and the metrics are those of one device with the same batch.
"""

import functools
from typing import Any

import tensorflow as tf

from hornbook.backend.tensorflow.steps import current_strategy

__all__ = ["current_strategy", "initialize", "list_devices"]

STRATEGIES = ("mirrored", "one_device", "tpu")


def list_devices(device_type: str | None = None) -> list[str]:
    """The devices that TensorFlow sees, such as "cpu:0".

    Args:
        device_type: "cpu", "gpu" or "tpu"; all if None.

    >>> from hornbook import distribution
    >>> distribution.list_devices("cpu")[0]
    'cpu:0'
    """
    devices = tf.config.list_logical_devices(device_type.upper() if device_type else None)
    return [":".join(device.name.lower().split(":")[-2:]) for device in devices]


def initialize(kind: str | None = None, devices: int | None = None, address: str | None = None) -> Any:
    """A `tf.distribute` strategy by name.

    Args:
        kind: "mirrored" (all local GPUs, or `devices` logical CPUs where there is none), "one_device", or "tpu".
            None: "mirrored" where there is more than one device, else "one_device".
        devices: how many devices to use; on a machine without GPUs, how many logical CPU devices to make, which has to
            happen before TensorFlow runs its first operation.
        address: the TPU's name or address; the environment's if None.

    Returns:
        the strategy: build and train inside `with strategy.scope():`.

    Raises:
        ValueError: for another kind.
        RuntimeError: where the devices cannot be had.

    >>> from hornbook import distribution
    >>> distribution.initialize("one_device").num_replicas_in_sync
    1
    """
    if kind is not None and kind not in STRATEGIES:
        raise ValueError(f"Unknown strategy {kind!r}; choose one of {STRATEGIES}.")
    if kind == "tpu":
        return _tpu(address)
    names = _local_devices(devices)
    if kind == "one_device" or (kind is None and len(names) == 1):
        return tf.distribute.OneDeviceStrategy(f"/{names[0]}")
    return _mirrored(tuple(f"/{name}" for name in names))


@functools.cache
def _mirrored(names: tuple[str, ...]) -> Any:
    """One strategy for one set of devices: two over the same devices number their collective operations alike, and clash."""
    return tf.distribute.MirroredStrategy(list(names))


def _local_devices(count: int | None) -> list[str]:
    """The GPUs, or as many logical CPU devices as asked for."""
    gpus = list_devices("gpu") if tf.config.list_physical_devices("GPU") else []
    if gpus:
        if count is not None and count > len(gpus):
            raise RuntimeError(f"{count} devices were asked for, but there are {len(gpus)} GPUs.")
        return gpus[:count]
    if count is not None and count > 1:
        cpu = tf.config.list_physical_devices("CPU")[0]
        try:
            tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * count)
        except RuntimeError:  # TensorFlow is already running: what is there has to do
            pass
    cpus = list_devices("cpu")
    if count is not None and count > len(cpus):
        raise RuntimeError(
            f"{count} devices were asked for, but TensorFlow is already running with {len(cpus)} CPU device(s). Call "
            "distribution.initialize() first, before any tensor is made."
        )
    return cpus[:count]


def _tpu(address: str | None) -> Any:
    """Find the TPU, connect, start it: the part that only a TPU host can run."""
    resolver = tf.distribute.cluster_resolver.TPUClusterResolver(tpu=address or "")
    tf.config.experimental_connect_to_cluster(resolver)
    tf.tpu.experimental.initialize_tpu_system(resolver)
    return tf.distribute.TPUStrategy(resolver)
