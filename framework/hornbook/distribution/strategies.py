"""Several devices at once, in one line: `with distribution.initialize("mirrored", devices=2).scope(): ...`

The strategies are `tf.distribute`'s own. A model that is built, compiled and trained inside `strategy.scope()` (or with the
strategy active) runs each step on every replica: each takes its share of the batch, gradients are summed, weights stay
equal. The loss and the metrics are those of one device with the same batch.

    mirrored            one process, several devices; each holds all weights
    multi_worker        several processes, each with its devices; each device holds all weights
    tpu                 the cores of a TPU; each holds all weights
    parameter_server    weights on servers; workers take steps as they come, not in step with each other
    central_storage     one process, several devices; the weights stand on one of them
    one_device          one device, by name
"""

import functools
import os
import socket
from typing import Any, NoReturn

import tensorflow as tf

from hornbook.backend.tensorflow.steps import current_strategy, is_chief
from hornbook.distribution.clusters import Cluster, end_with_parent

__all__ = ["current_strategy", "initialize", "is_chief", "list_devices"]

STRATEGIES = ("mirrored", "multi_worker", "tpu", "parameter_server", "one_device", "central_storage")


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
        kind: one of "mirrored", "central_storage" (all local GPUs, or `devices` logical CPUs where there is none),
            "one_device", "multi_worker" and "parameter_server" (the processes that TF_CONFIG names), "tpu".
            None: "mirrored" where there is more than one device, else "one_device".
        devices: how many devices to use; on a machine without GPUs, how many logical CPU devices to make, which has to
            happen before TensorFlow runs its first operation.
        address: the TPU's name or address, "local" on a TPU VM; what the environment variable TPU_NAME says if None.

    Returns:
        the strategy: build and train inside `with strategy.scope():`. With "multi_worker" it returns when all workers
        are there. With "parameter_server" it returns in the chief alone: workers and servers serve it until they are
        stopped.

    Raises:
        ValueError: for another kind, and for a TF_CONFIG that is missing or wrong.
        RuntimeError: where the devices cannot be had.

    >>> from hornbook import distribution
    >>> distribution.initialize("one_device").num_replicas_in_sync
    1
    """
    if kind is not None and kind not in STRATEGIES:
        raise ValueError(f"Unknown strategy {kind!r}; choose one of {', '.join(STRATEGIES)}.")
    if kind == "tpu":
        return _tpu(address)
    if kind == "multi_worker":
        return _multi_worker()
    if kind == "parameter_server":
        return _parameter_server()
    names = _local_devices(devices)
    if kind == "central_storage":
        paths = [f"/{name}" for name in names]
        return tf.distribute.experimental.CentralStorageStrategy(paths, _home_of_the_weights())
    if kind == "one_device" or (kind is None and len(names) == 1):
        return tf.distribute.OneDeviceStrategy(f"/{names[0]}")
    return mirrored(tuple(names))


def set_default_strategy(strategy: Any) -> None:
    """Let what is built from here on be in the scope of a strategy; in none for None.

    Raises:
        RuntimeError: inside of a `with strategy.scope():` block, which decides for itself.
    """
    if strategy is current_strategy():
        return
    try:
        tf.distribute.experimental_set_strategy(strategy)
    except RuntimeError:
        raise RuntimeError(
            "The strategy is chosen by the `with strategy.scope():` block that this code is in, so no distribution can be "
            "set here. Set it outside, or leave out one of the two."
        ) from None


# ------------------------------------------------------------------------------------------------------ one process
@functools.cache
def mirrored(names: tuple[str, ...]) -> Any:
    """The strategy of replicas on these devices, such as "cpu:0".

    There is one for each set of devices: two over the same would number their collective operations alike, and clash.

    Raises:
        ValueError: for a device that TensorFlow does not see.
    """
    absent = sorted(set(names) - set(list_devices()))
    if absent:
        raise ValueError(f"TensorFlow does not see the devices {absent}; it sees {list_devices()}.")
    return tf.distribute.MirroredStrategy([f"/{name}" for name in names])


def _home_of_the_weights() -> str:
    """The only GPU, else the host."""
    gpus = list_devices("gpu")
    return f"/{gpus[0]}" if len(gpus) == 1 else "/cpu:0"


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


# ------------------------------------------------------------------------------------------------- several processes
@functools.cache
def _multi_worker() -> Any:
    cluster = Cluster.from_environment()
    if cluster.kind not in ("chief", "worker") or "ps" in cluster.addresses:
        raise ValueError(
            f'"multi_worker" has workers alone, but TF_CONFIG names {", ".join(cluster.addresses)} and makes this process '
            f'a "{cluster.kind}". With servers, choose "parameter_server".'
        )
    end_with_parent()
    try:
        return tf.distribute.MultiWorkerMirroredStrategy()
    except RuntimeError as error:
        if "program startup" not in str(error):
            raise
        raise RuntimeError(
            'TensorFlow has been running alone already, so it cannot join the other workers. Call initialize("multi_worker") '
            "first, before any model, layer or tensor is made."
        ) from None


@functools.cache
def _parameter_server() -> Any:
    cluster = Cluster.from_environment()
    missing = [kind for kind in ("chief", "worker", "ps") if kind not in cluster.addresses]
    if missing:
        raise ValueError(
            f'"parameter_server" needs a chief, workers and servers ("ps"), but the cluster in TF_CONFIG has no '
            f"{' and no '.join(missing)}."
        )
    end_with_parent()
    resolver = tf.distribute.cluster_resolver.TFConfigClusterResolver(rpc_layer="grpc")
    if cluster.kind in ("worker", "ps"):
        _serve(cluster, resolver)
    return tf.distribute.ParameterServerStrategy(resolver)


def _serve(cluster: Cluster, resolver: Any) -> NoReturn:
    """Do what the chief asks for, until this process is stopped."""
    # A thread that waits for another process does nothing else: with too few of them (one a core) all would wait.
    threads = max(os.cpu_count() or 1, len(cluster.addresses["worker"]) + 1)
    server = tf.distribute.Server(
        resolver.cluster_spec(),
        job_name=cluster.kind,
        task_index=cluster.index,
        protocol="grpc",
        config=tf.compat.v1.ConfigProto(inter_op_parallelism_threads=threads),
        start=True,
    )
    server.join()
    raise SystemExit(0)


# -------------------------------------------------------------------------------------------------------------- TPU
def _tpu(address: str | None) -> Any:
    """Find the TPU, connect to it, start it; each core is a replica."""
    try:
        resolver = tf.distribute.cluster_resolver.TPUClusterResolver(address or os.environ.get("TPU_NAME", ""))
        _require_an_answer(resolver.master())
        tf.config.experimental_connect_to_cluster(resolver)
        tf.tpu.experimental.initialize_tpu_system(resolver)
    except (ValueError, OSError, tf.errors.OpError) as error:
        reason = (getattr(error, "message", None) or str(error)).splitlines()[0]
        raise RuntimeError(
            f"No TPU was found ({reason}). Run this on a TPU VM with address='local' (or TPU_NAME=local), or pass the name "
            "or the grpc:// address of a TPU; without one, choose 'mirrored'."
        ) from None
    return tf.distribute.TPUStrategy(resolver)


def _require_an_answer(address: str) -> None:
    """Try whether somebody listens at "grpc://host:port", where TensorFlow would wait without end.

    Raises:
        OSError: where nobody does.
    """
    host, colon, port = address.removeprefix("grpc://").rpartition(":")
    if colon:
        socket.create_connection((host, int(port)), timeout=10).close()
