"""ImageNet's classes, and pixels as the models of the Caffe era want them."""

import json
import os
from pathlib import Path
from typing import Any

import numpy as np

from hornbook import ops
from hornbook.backend import standardize_data_format
from hornbook.utils import get_file

CLASSES_URL = "https://storage.googleapis.com/download.tensorflow.org/data/imagenet_class_index.json"
CLASSES_MD5 = "c2c37ea517e94d9795004a39431a14cb"
MEAN_BGR = (103.939, 116.779, 123.68)  # of ImageNet's training pixels


def preprocess_input(x: Any, data_format: str | None = None) -> Any:
    """Pixels 0 .. 255 in RGB as zero-centred BGR: x[..., ::-1] - (103.939, 116.779, 123.68).

    Args:
        x: (height, width, 3) or (batch, height, width, 3), an array or a tensor.
        data_format: where the channels stand.

    Returns:
        floats of the same shape and kind; an array of floats is changed in place, as Keras does.

    >>> import numpy as np
    >>> from hornbook_applications.imagenet import preprocess_input
    >>> preprocess_input(np.zeros((1, 1, 3))).ravel()
    array([-103.939, -116.779, -123.68 ])
    """
    first = standardize_data_format(data_format) == "channels_first"
    if not isinstance(x, np.ndarray):
        x = ops.cast(x, "float32") if not str(getattr(x, "dtype", "")).count("float") else x
        axis = (-3 if first else -1) % len(x.shape)
        mean = ops.reshape(
            ops.convert_to_tensor(MEAN_BGR, dtype="float32"), [3 if i == axis else 1 for i in range(len(x.shape))]
        )
        return ops.subtract(ops.flip(x, axis=axis), ops.cast(mean, x.dtype))
    if not np.issubdtype(x.dtype, np.floating):
        x = x.astype("float32")
    axis = (-3 if first else -1) % x.ndim
    mean = np.reshape(np.array(MEAN_BGR), [3 if i == axis else 1 for i in range(x.ndim)])
    x[...] = np.flip(x, axis) - mean.astype(x.dtype)
    return x


def decode_predictions(preds: Any, top: int = 5) -> list[list[tuple[str, str, float]]]:
    """The likeliest classes of each row: (WordNet id, name, score), best first.

    Args:
        preds: (batch, 1000).
        top: how many.

    Raises:
        ValueError: for another shape.
        OSError: where the list of names is neither in HORNBOOK_DATA nor in the cache nor in reach.
    """
    preds = np.asarray(preds)
    if preds.ndim != 2 or preds.shape[1] != 1000:
        raise ValueError(f"decode_predictions() takes scores of ImageNet's classes, (batch, 1000); got {preds.shape}.")
    names = _class_names()
    return [
        [(*names[i], float(row[i])) for i in row.argsort()[-top:][::-1]]  # as numpy sorts: ties in Keras's order
        for row in preds
    ]


def _class_names() -> list[tuple[str, str]]:
    local = Path(os.environ.get("HORNBOOK_DATA", "")) / "images" / "imagenet_class_index.json"
    path = local if local.is_file() else get_file("imagenet_class_index.json", CLASSES_URL, md5_hash=CLASSES_MD5)
    index = json.loads(Path(path).read_text())
    return [tuple(index[str(i)]) for i in range(1000)]
