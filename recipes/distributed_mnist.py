"""A perceptron reads handwritten digits, learnt by several processes together.

What:     784 pixels -> 512 -> 512 hidden units with ReLU -> 10 classes; softmax crossentropy; Adam. Each worker takes its
          share of every batch; gradients are added up over the network, so all workers hold the same weights.
Why:      the same script on one machine, on a cluster and on a TPU; and what the network between the workers costs.
Data:     MNIST, 60,000 digits to learn from and 10,000 to test on (LeCun et al. 1998).
Hardware: two CPU cores, about a minute; the workers share them, each with its part.
Expect:   at least 97 % of the test digits right after 2 epochs; with two workers the losses of one, but for rounding, which
          grows to a thousandth over 938 steps. On one machine two workers are the slower ones: each step sends 2.7 MB of
          gradients for 0.5 GFLOP of work.
Run:      python recipes/distributed_mnist.py --workers 2                 (starts the workers by itself, on this machine)
          python recipes/distributed_mnist.py --workers 2 --servers 1     (the weights on a parameter server)
          TF_CONFIG='{...}' python recipes/distributed_mnist.py           (one process of a cluster; start all of them)
          TPU_NAME=local python recipes/distributed_mnist.py --strategy tpu     (on a TPU VM)
"""

import json
import os
import statistics
import sys
import time
from typing import Any

import command_line


def build() -> Any:
    """The network: h1 = relu(W1 x + b1), h2 = relu(W2 h1 + b2), y = softmax(W3 h2 + b3)."""
    import hornbook as keras
    from hornbook import layers

    return keras.Sequential(
        [
            keras.Input((28, 28)),
            layers.Flatten(),
            layers.Rescaling(1 / 255),
            layers.Dense(512, activation="relu"),
            layers.Dense(512, activation="relu"),
            layers.Dense(10, activation="softmax"),
        ]
    )


def main(arguments: Any) -> dict[str, Any]:
    """Be one of the processes of a cluster, or start one."""
    if arguments.strategy is not None or "TF_CONFIG" in os.environ:
        return train(arguments)
    return compare(arguments)


# -------------------------------------------------------------------------------------------------- one of many
def train(arguments: Any) -> dict[str, Any]:
    """What every process runs. One line chooses the strategy; all else is as on one device."""
    from hornbook import distribution

    strategy = distribution.initialize(arguments.strategy or kind_of_cluster())  # before any other tensor
    import hornbook as keras
    from hornbook_datasets import mnist

    (x_train, y_train), (x_test, y_test) = mnist.load_data()
    if arguments.smoke:
        x_train, y_train = x_train[: 2 * arguments.batch_size], y_train[: 2 * arguments.batch_size]
        x_test, y_test = x_test[:100], y_test[:100]

    class EpochTimes(keras.callbacks.Callback):
        """How long each epoch took."""

        def __init__(self) -> None:
            super().__init__()
            self.seconds: list[float] = []

        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            self.started = time.perf_counter()

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            self.seconds.append(time.perf_counter() - self.started)

    times, chief = EpochTimes(), distribution.is_chief(strategy)
    epochs = 1 if arguments.smoke else arguments.epochs
    with strategy.scope():
        keras.utils.set_random_seed(arguments.seed)
        model = build()
        model.compile(keras.optimizers.Adam(0.001), "sparse_categorical_crossentropy", metrics=["accuracy"])
    history = model.fit(
        x_train,
        y_train,
        batch_size=arguments.batch_size,
        epochs=epochs,
        verbose=2 if chief else 0,
        callbacks=[times],
    )
    loss, accuracy = model.evaluate(x_test, y_test, batch_size=arguments.batch_size, verbose=0)
    if arguments.out is not None and chief:
        arguments.out.mkdir(parents=True, exist_ok=True)
    if arguments.out is not None:
        model.save(arguments.out / "distributed_mnist.keras")  # every process says so; the chief writes
    if not chief:
        arguments.out = None
    return {
        "replicas": strategy.num_replicas_in_sync,
        "test_loss": loss,
        "test_accuracy": accuracy,
        "rows_per_second": round(len(x_train) / statistics.median(times.seconds[1:] or times.seconds)),
        "history": history.history,
        "losses": history.history["loss"],
    }


def kind_of_cluster() -> str:
    """The strategy for the cluster that TF_CONFIG describes."""
    from hornbook.distribution import Cluster

    return "parameter_server" if "ps" in Cluster.from_environment().addresses else "multi_worker"


# -------------------------------------------------------------------------------------------------- all of them
def compare(arguments: Any) -> dict[str, Any]:
    """Start a cluster with one worker, then one with all of them: the losses and how the speed grows."""
    from hornbook_datasets import mnist

    mnist.load_data()  # here already, so that what is missing is said once
    found = {}
    for workers in sorted({1, arguments.workers}):
        print(f"--- {workers} worker{'s' if workers > 1 else ''}, servers: {arguments.servers}", flush=True)
        found[workers] = run_cluster(arguments, workers)
    alone, together = found[1], found[arguments.workers]
    return {
        "workers": arguments.workers,
        "servers": arguments.servers,
        "test_loss": together["test_loss"],
        "test_accuracy": together["test_accuracy"],
        "losses_of_one_worker": alone["losses"],
        "losses": together["losses"],
        "rows_per_second_of_one_worker": alone["rows_per_second"],
        "rows_per_second": together["rows_per_second"],
        "speedup": round(together["rows_per_second"] / alone["rows_per_second"], 2),
        "history": {"loss": together["losses"]},
    }


def run_cluster(arguments: Any, workers: int) -> dict[str, Any]:
    """The result that the chief of a local cluster prints, while its lines are shown."""
    from hornbook.distribution import LocalCluster

    options = ["--epochs", arguments.epochs, "--batch-size", arguments.batch_size, "--seed", arguments.seed]
    options += ["--smoke"] if arguments.smoke else []
    options += ["--out", arguments.out] if arguments.out is not None and workers == arguments.workers else []
    # Each worker gets the same number of cores in both runs, as if it were a machine.
    cores = max(1, (os.cpu_count() or 1) // arguments.workers)
    threads = {"TF_NUM_INTRAOP_THREADS": str(cores)}
    command = [sys.executable, os.path.abspath(__file__), *map(str, options)]
    with LocalCluster(
        command, workers, arguments.servers, environment=threads, seconds=arguments.seconds, show=True
    ) as cluster:
        cluster.wait()
        printed = cluster.output(*cluster.tasks[0])
    return json.loads(printed[printed.rindex("\n{") :])


if __name__ == "__main__":
    options = command_line.parser(__doc__ or "", epochs=2, batch_size=128)
    options.add_argument("--workers", type=int, default=2, help="workers of the local cluster (default 2)")
    options.add_argument("--servers", type=int, default=0, help="parameter servers of the local cluster (default 0)")
    options.add_argument("--strategy", default=None, help="train in this process with this strategy, such as tpu")
    options.add_argument("--seconds", type=float, default=600, help="time limit of a local cluster (default 600)")
    command_line.run(main, options, at_least={"test_accuracy": 0.97})
