"""ImageNet's classes, and pixels as the networks trained on them want them."""

import json
import os
from pathlib import Path
from typing import Any

import numpy as np

from hornbook import config, ops
from hornbook.backend import standardize_data_format, standardize_dtype
from hornbook.core.arguments import one_of
from hornbook.utils import get_file

CLASSES_URL = "https://storage.googleapis.com/download.tensorflow.org/data/imagenet_class_index.json"
CLASSES_MD5 = "c2c37ea517e94d9795004a39431a14cb"
# y = (x / scale - mean) / deviation; the means and deviations of three channels are those of ImageNet's training pixels.
MODES: dict[str, tuple] = {
    # mode: BGR, scale, mean, deviation
    "caffe": (True, 1.0, (103.939, 116.779, 123.68), 1.0),
    "tf": (False, 127.5, 1.0, 1.0),
    "torch": (False, 255.0, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
}


def preprocess_input(x: Any, data_format: str | None = None, mode: str = "caffe") -> Any:
    """Pixels 0 .. 255 in RGB as networks want them: y = (x / scale - mean) / deviation, each channel by itself.

    Args:
        x: (height, width, channels) or (batch, height, width, channels), an array or a tensor.
        data_format: where the channels stand.
        mode: "caffe" turns RGB to BGR and centres it; "tf" gives -1 .. 1; "torch" standardizes each channel.

    Returns:
        floats of the same shape and kind; an array of floats is changed in place, as Keras does.

    Raises:
        ValueError: for another mode or data_format.

    >>> import numpy as np
    >>> from hornbook_applications.imagenet_utils import preprocess_input
    >>> preprocess_input(np.zeros((1, 1, 3))).ravel()
    array([-103.939, -116.779, -123.68 ])
    >>> preprocess_input(np.array([[[0, 51, 255]]]), mode="tf").ravel()
    array([-1. , -0.6,  1. ], dtype=float32)
    """
    bgr, scale, mean, deviation = MODES[one_of(mode, tuple(MODES), "mode")]
    first = standardize_data_format(data_format) == "channels_first"
    array = isinstance(x, np.ndarray)
    x = x if array else ops.convert_to_tensor(x)
    if "float" not in standardize_dtype(x.dtype):
        x = x.astype(config.floatx()) if array else ops.cast(x, config.floatx())
    axis = x.ndim - 3 if first else x.ndim - 1
    shape = [3 if i == axis else 1 for i in range(x.ndim)]
    mean, deviation = (np.reshape(v, shape) if isinstance(v, tuple) else v for v in (mean, deviation))
    if array:
        mean, deviation = (np.asarray(v, x.dtype) for v in (mean, deviation))
        x[...] = ((np.flip(x, axis) if bgr else x) / scale - mean) / deviation
        return x
    dtype = standardize_dtype(x.dtype)
    x = ops.flip(x, axis=axis) if bgr else x
    return (x / scale - ops.convert_to_tensor(mean, dtype)) / ops.convert_to_tensor(deviation, dtype)


def preprocess_caffe(x: Any, data_format: str | None = None) -> Any:
    """Pixels 0 .. 255 in RGB as zero-centred BGR, x[..., ::-1] - (103.939, 116.779, 123.68), by `preprocess_input`.

    >>> import numpy as np
    >>> from hornbook_applications.resnet import preprocess_input
    >>> preprocess_input(np.zeros((1, 1, 3))).ravel()
    array([-103.939, -116.779, -123.68 ])
    """
    return preprocess_input(x, data_format, mode="caffe")


def preprocess_tf(x: Any, data_format: str | None = None) -> Any:
    """Pixels 0 .. 255 as -1 .. 1, x / 127.5 - 1, by `preprocess_input`.

    >>> import numpy as np
    >>> from hornbook_applications.xception import preprocess_input
    >>> preprocess_input(np.array([[[0, 51, 255]]])).ravel()
    array([-1. , -0.6,  1. ], dtype=float32)
    """
    return preprocess_input(x, data_format, mode="tf")


def preprocess_torch(x: Any, data_format: str | None = None) -> Any:
    """Pixels 0 .. 255 standardized by ImageNet's mean and deviation of each channel, by `preprocess_input`.

    >>> import numpy as np
    >>> from hornbook_applications.densenet import preprocess_input
    >>> preprocess_input(np.zeros((1, 1, 3), "uint8")).ravel().round(3)
    array([-2.118, -2.036, -1.804], dtype=float32)
    """
    return preprocess_input(x, data_format, mode="torch")


def preprocess_nothing(x: Any, data_format: str | None = None) -> Any:
    """The pixels 0 .. 255 as they are, for networks that scale them inside.

    >>> from hornbook_applications.mobilenet_v3 import preprocess_input
    >>> preprocess_input([[[0, 51, 255]]])
    [[[0, 51, 255]]]
    """
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
