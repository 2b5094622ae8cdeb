"""Event files for TensorBoard, written by TensorFlow's summary writer; TensorBoard itself need not be installed."""

from contextlib import AbstractContextManager, ExitStack
from typing import Any

import numpy as np
import tensorflow as tf

__all__ = ["SummaryWriter", "start_profile", "stop_profile", "summary_module"]

_SCALAR, _TENSOR, _BLOBS = 1, 2, 3  # TensorBoard's kinds of data


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

    def _write(self, name: str, tensor: Any, step: Any, plugin: str, data_class: int, content: bytes = b"") -> None:
        """A tensor, with the note that tells TensorBoard which page shows it and what it is."""
        metadata = tf.compat.v1.SummaryMetadata(data_class=data_class)
        metadata.plugin_data.plugin_name, metadata.plugin_data.content = plugin, content
        with self._writer.as_default(), tf.summary.record_if(True):
            tf.summary.write(tag=name, tensor=tensor, step=step, metadata=metadata)

    def scalar(self, name: str, value: Any, step: Any) -> None:
        """One number at a step."""
        self._write(name, tf.cast(value, tf.float32), step, "scalars", _SCALAR)

    def histogram(self, name: str, values: Any, step: Any, buckets: int = 30) -> None:
        """How the numbers of an array are distributed at a step: (left, right, count) of each bucket."""
        counts, edges = np.histogram(np.asarray(values, np.float64), bins=buckets)
        self._write(name, np.stack([edges[:-1], edges[1:], counts], axis=1), step, "histograms", _TENSOR)

    def image(self, name: str, images: Any, step: Any, most: int = 3) -> None:
        """Images, (images, height, width, channels) in [0, 1], at a step; the first `most` of them."""
        pixels = tf.image.convert_image_dtype(tf.clip_by_value(images[:most], 0.0, 1.0), tf.uint8)
        sizes = [str(pixels.shape[2]), str(pixels.shape[1])]
        self._write(name, [*sizes, *(tf.io.encode_png(image) for image in pixels)], step, "images", _BLOBS)

    def model(self, name: str, json: str) -> None:
        """The layers of a model, from its JSON, for TensorBoard's graph page."""
        self._write(name, json, 0, "graph_keras_model", _BLOBS, content=b"1")  # the version of the format

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


def summary_module() -> Any:
    """`tf.summary`, whose functions write to the default writer."""
    return tf.summary
