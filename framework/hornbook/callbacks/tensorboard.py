"""Event files for TensorBoard."""

import os
import time
from contextlib import AbstractContextManager
from typing import Any

import numpy as np

from hornbook import backend
from hornbook.callbacks.base import Callback, defines_batch_hooks
from hornbook.callbacks.learning_rate import current_rate


class TensorBoard(Callback):
    """Writes losses, metrics, weights and profiles for TensorBoard (`tensorboard --logdir logs`).

    Scalars are `epoch_loss`, `epoch_learning_rate`, ... under `train` and `validation`, `batch_loss`, ... with a finer
    `update_freq`, and `evaluation_loss_vs_iterations`, ... for evaluations.

    Args:
        log_dir: the directory.
        histogram_freq: epochs between histograms of the weights; 0 for none.
        write_graph: write the model's layers.
        write_images: write the weights as images too, with the histograms.
        write_steps_per_second: write the speed of training.
        update_freq: "epoch", "batch", or a number of batches between two writings of the losses and metrics.
        profile_batch: the batch, or the pair of first and last batch, to profile; they count from 1 over the run.
        embeddings_freq: epochs between savings of the weights for TensorBoard's projector; 0 for none.
        embeddings_metadata: the file with labels of an embedding's rows; a dictionary by layer name for several.

    Raises:
        ValueError: for a wrong profile_batch, or metadata for layers that there are not.

    >>> from hornbook import callbacks
    >>> callbacks.TensorBoard("logs", update_freq="batch").update_freq
    1
    """

    chief_only = True

    def __init__(
        self,
        log_dir: str | os.PathLike = "logs",
        histogram_freq: int = 0,
        write_graph: bool = True,
        write_images: bool = False,
        write_steps_per_second: bool = False,
        update_freq: str | int = "epoch",
        profile_batch: Any = 0,
        embeddings_freq: int = 0,
        embeddings_metadata: Any = None,
    ) -> None:
        super().__init__()
        self.log_dir = os.fspath(log_dir)
        self.histogram_freq, self.write_graph, self.write_images = histogram_freq, write_graph, write_images
        self.write_steps_per_second = write_steps_per_second
        self.update_freq = 1 if update_freq == "batch" else update_freq
        self.embeddings_freq, self.embeddings_metadata = embeddings_freq, embeddings_metadata
        self._profiled = _batches_to_profile(profile_batch)
        self._profiling = False
        self._writers: dict[str, Any] = {}
        self._batches = {"train": 0, "validation": 0}
        self._scope: AbstractContextManager | None = None
        self._epoch_start, self._iterations_before = 0.0, 0

    @property
    def summary(self) -> Any:
        """The backend's writer functions, `scalar(name, data, step)` and others: TensorFlow's `tf.summary`."""
        return backend.summary_module()

    def wants_batches(self, kind: str) -> bool:
        """Only for what is written between epochs."""
        between = self.update_freq != "epoch" and kind != "predict"
        profiled = self._profiled != (0, 0) and kind == "train"
        return between or profiled or defines_batch_hooks(self, kind, beyond=TensorBoard)

    def set_model(self, model: Any) -> None:
        """Learn of the model; what is written from now on goes to new files."""
        super().set_model(model)
        self._writers = {}
        if self.embeddings_freq:
            self._describe_embeddings()

    def get_state(self) -> dict[str, Any]:
        """How many batches were counted; what was written after a backup is written again, at the same steps."""
        return {"batches": self._batches}

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on counting."""
        self._batches = state["batches"]

    def _writer(self, part: str) -> Any:
        if part not in self._writers:
            self._writers[part] = backend.SummaryWriter(os.path.join(self.log_dir, part))
        return self._writers[part]

    # -- training ------------------------------------------------------------------------------------------------
    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Write the model's layers."""
        self._batches["train"] = 0
        if self.write_graph and hasattr(self.model, "to_json") and getattr(self.model, "inputs", None):
            self._writer("train").model("keras", self.model.to_json())
        self._enter("train")

    def on_train_batch_begin(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Start to profile, if it is time."""
        self._batches["train"] += 1
        self._enter("train")
        if self._batches["train"] == self._profiled[0] and not self._profiling:
            backend.start_profile(os.path.join(self.log_dir, "train"))
            self._profiling = True

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Write the scalars of a batch, if it is time."""
        step = self._batches["train"]
        if self._is_due(step):
            for name, value in (logs or {}).items():
                self._writer("train").scalar(f"batch_{name}", value, step)
        if self._profiling and step >= self._profiled[1]:
            self._stop_profile()

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Take the time."""
        self._epoch_start = time.time()
        if self.write_steps_per_second:
            self._iterations_before = int(self.model.optimizer.iterations)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Write the scalars, and the weights if it is time."""
        logs = logs or {}
        train = {name: value for name, value in logs.items() if not name.startswith("val_")}
        if hasattr(self.model.optimizer, "learning_rate"):
            train["learning_rate"] = current_rate(self.model.optimizer)
        if self.write_steps_per_second:
            steps = int(self.model.optimizer.iterations) - self._iterations_before
            train["steps_per_second"] = steps / (time.time() - self._epoch_start)
        for name, value in train.items():
            self._writer("train").scalar(f"epoch_{name}", value, epoch)
        for name, value in logs.items():
            if name.startswith("val_"):
                self._writer("validation").scalar(f"epoch_{name.removeprefix('val_')}", value, epoch)
        if self.histogram_freq and epoch % self.histogram_freq == 0:
            self._write_weights(epoch)
        if self.embeddings_freq and epoch % self.embeddings_freq == 0:
            name = f"keras_embedding.ckpt-{epoch}.weights.h5"
            os.makedirs(os.path.join(self.log_dir, "train"), exist_ok=True)
            self.model.save_weights(os.path.join(self.log_dir, "train", name))
        for writer in self._writers.values():
            writer.flush()

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        """Close the files."""
        self._leave()
        if self._profiling:
            self._stop_profile()
        for writer in self._writers.values():
            writer.close()

    # -- evaluation ----------------------------------------------------------------------------------------------
    def on_test_begin(self, logs: dict[str, Any] | None = None) -> None:
        """What the model itself writes goes to the validation's file."""
        self._enter("validation")

    def on_test_batch_begin(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Count."""
        self._batches["validation"] += 1
        self._enter("validation")

    def on_test_end(self, logs: dict[str, Any] | None = None) -> None:
        """Write the results over the optimizer's iterations."""
        self._leave()
        if getattr(self.model, "optimizer", None) is not None:
            iterations = int(self.model.optimizer.iterations)
            for name, value in (logs or {}).items():
                self._writer("validation").scalar(f"evaluation_{name}_vs_iterations", value, iterations)

    # -- parts ---------------------------------------------------------------------------------------------------
    def _is_due(self, step: int) -> bool:
        return self.update_freq != "epoch" and step % int(self.update_freq) == 0

    def _enter(self, part: str) -> None:
        """From here the program's own summaries go to a part's file."""
        self._leave()
        if self.update_freq != "epoch":
            step = self._batches[part]
            scope = self._scope = self._writer(part).as_default(step, self._is_due(step))
            scope.__enter__()

    def _leave(self) -> None:
        if self._scope is not None:
            self._scope.__exit__(None, None, None)
            self._scope = None

    def _stop_profile(self) -> None:
        backend.stop_profile()
        self._profiling = False

    def _write_weights(self, epoch: int) -> None:
        for layer in self.model.layers:
            for weight in layer.weights:
                name = weight.path.replace(":", "_")
                self._writer("train").histogram(f"{name}/histogram", weight.numpy(), epoch)
                picture = as_picture(weight.numpy()) if self.write_images else None
                if picture is not None:
                    self._writer("train").image(f"{name}/image", picture, epoch)

    def _describe_embeddings(self) -> None:
        """The file that tells TensorBoard's projector where the embeddings are."""
        from hornbook.layers import Embedding

        metadata = self.embeddings_metadata
        left = dict(metadata) if isinstance(metadata, dict) else {}
        lines = []
        for layer in self.model.layers:
            if isinstance(layer, Embedding):
                lines.append("embeddings {")
                lines.append('  tensor_name: "layer_with_weights-0/embeddings/.ATTRIBUTES/VARIABLE_VALUE"')
                path = metadata if isinstance(metadata, str) else left.pop(layer.name, None)
                if path is not None:
                    lines.append(f'  metadata_path: "{path}"')
                lines.append("}")
        if left:
            raise ValueError(f"embeddings_metadata names layers that are no Embedding of the model: {sorted(left)}.")
        os.makedirs(self.log_dir, exist_ok=True)
        with open(os.path.join(self.log_dir, "projector_config.pbtxt"), "w", encoding="utf-8") as file:
            file.write("\n".join(lines) + "\n")


def as_picture(weight: np.ndarray) -> np.ndarray | None:
    """A weight as images (images, height, width, 1); None where it has too many axes.

    >>> import numpy as np
    >>> from hornbook.callbacks.tensorboard import as_picture
    >>> as_picture(np.zeros((3, 3, 1, 8))).shape, as_picture(np.zeros((10, 4))).shape
    ((8, 3, 3, 1), (1, 4, 10, 1))
    """
    picture = np.squeeze(weight)
    if picture.ndim == 1:
        return picture.reshape(1, -1, 1, 1)
    if picture.ndim == 2:
        picture = picture.T if picture.shape[0] > picture.shape[1] else picture
        return picture[None, :, :, None]
    if picture.ndim == 3:
        return np.transpose(picture, (2, 0, 1))[..., None]
    return None


def _batches_to_profile(profile_batch: Any) -> tuple[int, int]:
    """First and last batch to profile; (0, 0) for none."""
    given = profile_batch
    if isinstance(profile_batch, str):
        profile_batch = [int(number) for number in profile_batch.split(",")]
        profile_batch = profile_batch[0] if len(profile_batch) == 1 else profile_batch
    if isinstance(profile_batch, int):
        profile_batch = (profile_batch, profile_batch)
    if len(profile_batch) != 2 or not 0 <= profile_batch[0] <= profile_batch[1]:
        raise ValueError(
            f"profile_batch must be a batch's number or a pair (first, last), counted from 1; got {given!r}."
        )
    return tuple(profile_batch)
