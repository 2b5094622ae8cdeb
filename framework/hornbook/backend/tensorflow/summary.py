"""Event files for TensorBoard, written by TensorFlow's summary writer."""

from contextlib import AbstractContextManager, ExitStack
from typing import Any

import tensorflow as tf

__all__ = ["SummaryWriter", "start_profile", "stop_profile"]


class SummaryWriter:
    """Writes numbers, distributions and images of a run under a directory; its file is made with the first of them.

    Args:
        log_dir: the directory.
    """

    def __init__(self, log_dir: str) -> None:
        self.log_dir = log_dir
        self._opened: Any = None

    @property
    def _writer(self) -> Any:
        if self._opened is None:
            self._opened = tf.summary.create_file_writer(self.log_dir)
        return self._opened

    def scalar(self, name: str, value: Any, step: Any) -> None:
        """One number at a step."""
        with self._writer.as_default():
            tf.summary.scalar(name, value, step=step)

    def histogram(self, name: str, values: Any, step: Any) -> None:
        """How the numbers of an array are distributed at a step."""
        with self._writer.as_default():
            tf.summary.histogram(name, tf.convert_to_tensor(values), step=step)

    def image(self, name: str, images: Any, step: Any) -> None:
        """Images, (images, height, width, channels) in [0, 1], at a step."""
        with self._writer.as_default():
            tf.summary.image(name, images, step=step)

    def model(self, name: str, json: str) -> None:
        """The layers of a model, from its JSON, for TensorBoard's graph page."""
        metadata = tf.compat.v1.SummaryMetadata()
        metadata.plugin_data.plugin_name = "graph_keras_model"
        metadata.plugin_data.content = b"1"  # the version of the format
        with self._writer.as_default():
            tf.summary.write(tag=name, tensor=json, step=0, metadata=metadata)

    def as_default(self, step: int, record: bool = True) -> AbstractContextManager:
        """Context in which a program's own `tf.summary` calls write here, at this step, if `record`."""
        stack = ExitStack()
        stack.enter_context(self._writer.as_default(step))
        stack.enter_context(tf.summary.record_if(record))
        return stack

    def flush(self) -> None:
        """Write out what is still in memory."""
        if self._opened is not None:
            self._opened.flush()

    def close(self) -> None:
        """Write out the rest and close the file."""
        if self._opened is not None:
            self._opened.close()
            self._opened = None


def start_profile(log_dir: str) -> None:
    """Begin to record where the time goes, for TensorBoard's profile page."""
    tf.profiler.experimental.start(log_dir)


def stop_profile() -> None:
    """End the recording and write it."""
    tf.profiler.experimental.stop()
