"""Data sets from folders: a folder for each class, the files in it are its examples."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from hornbook import backend, ops
from hornbook.backend.config import standardize_data_format
from hornbook.core.arguments import one_of, positive_integer, sizes
from hornbook.utils.datasets import NO_GRAIN
from hornbook.utils.images import smart_resize

IMAGE_FORMATS = (".bmp", ".gif", ".jpeg", ".jpg", ".png")
_CHANNELS = {"grayscale": 1, "rgb": 3, "rgba": 4}
_RESIZERS = ("bilinear", "nearest", "bicubic", "area", "lanczos3", "lanczos5")


def image_dataset_from_directory(
    directory: Any,
    labels: str | Sequence[int] | None = "inferred",
    label_mode: str | None = "int",
    class_names: Sequence[str] | None = None,
    color_mode: str = "rgb",
    batch_size: int | None = 32,
    image_size: int | tuple[int, int] = (256, 256),
    shuffle: bool = True,
    seed: int | None = None,
    validation_split: float | None = None,
    subset: str | None = None,
    interpolation: str = "bilinear",
    follow_links: bool = False,
    crop_to_aspect_ratio: bool = False,
    pad_to_aspect_ratio: bool = False,
    data_format: str | None = None,
    format: str = "tf",
    verbose: bool = True,
) -> Any:
    """The images in a folder of folders, one for each class, as a `tf.data.Dataset`.

    Args:
        directory: the folder. Files are BMP, GIF, JPEG or PNG; hidden ones are left out.
        labels: "inferred" from the folders' names, None for no labels, or an integer for each file, in sorted order.
        label_mode: "int" (int32), "binary" (0 or 1 in float32, shape (batch, 1)), "categorical" (one-hot) or None.
        class_names: the folders to use, in the order of their labels; all, sorted, if None.
        color_mode: "rgb", "rgba" or "grayscale": how many channels images have.
        batch_size: images in a batch; None leaves them single.
        image_size: (height, width), or one number for both.
        shuffle: mix the files, else they come sorted.
        seed: of the mixing.
        validation_split: the fraction kept for validation.
        subset: "training", "validation", or "both" for a list of the two.
        interpolation: "bilinear", "nearest", "bicubic", "area", "lanczos3" or "lanczos5".
        follow_links: visit folders that are links.
        crop_to_aspect_ratio: cut the longer side first, so that nothing is distorted.
        pad_to_aspect_ratio: fill up the shorter side first, so that nothing is distorted.
        data_format: where the channels are.
        format: "tf".
        verbose: print how many files were found.

    Returns:
        a data set of images, 0 to 255 in float32 (uint8 with "nearest"), or of pairs (images, labels), with the
        attributes `class_names` and
        `file_paths`.

    Raises:
        ValueError: for arguments that do not go together, and for a folder without images.

    >>> import os
    >>> import numpy as np
    >>> import hornbook as keras
    >>> for kind in ("cat", "dog"):
    ...     os.makedirs(f"pets/{kind}")
    ...     keras.utils.save_img(f"pets/{kind}/1.png", np.ones((4, 6, 3)))
    >>> pets = keras.utils.image_dataset_from_directory("pets", image_size=(2, 2))
    Found 2 files belonging to 2 classes.
    >>> images, labels = next(iter(pets))
    >>> images.shape, pets.class_names
    (TensorShape([2, 2, 2, 3]), ['cat', 'dog'])
    """
    channels = _CHANNELS[one_of(color_mode, tuple(_CHANNELS), "color_mode")]
    height, width = sizes(image_size, 2, "image_size")
    one_of(interpolation, _RESIZERS, "interpolation")
    data_format = standardize_data_format(data_format)
    if crop_to_aspect_ratio and pad_to_aspect_ratio:
        raise ValueError("crop_to_aspect_ratio and pad_to_aspect_ratio exclude each other; choose one.")

    def read(path: Any) -> Any:
        image = backend.read_image(path, channels)
        if interpolation != "nearest":
            image = backend.cast(image, "float32")
        if data_format == "channels_first":
            image = backend.transpose(image, (2, 0, 1))
        if crop_to_aspect_ratio:
            return smart_resize(image, (height, width), interpolation, data_format)
        return ops.image.resize(
            image, (height, width), interpolation, pad_to_aspect_ratio=pad_to_aspect_ratio, data_format=data_format
        )

    found = _Folder(directory, labels, label_mode, class_names, IMAGE_FORMATS, follow_links)
    return found.datasets(read, batch_size, shuffle, seed, validation_split, subset, format, verbose)


def text_dataset_from_directory(
    directory: Any,
    labels: str | Sequence[int] | None = "inferred",
    label_mode: str | None = "int",
    class_names: Sequence[str] | None = None,
    batch_size: int | None = 32,
    max_length: int | None = None,
    shuffle: bool = True,
    seed: int | None = None,
    validation_split: float | None = None,
    subset: str | None = None,
    follow_links: bool = False,
    format: str = "tf",
    verbose: bool = True,
) -> Any:
    """The `.txt` files in a folder of folders, one for each class, as a `tf.data.Dataset` of strings.

    Args:
        directory, labels, label_mode, class_names, batch_size, shuffle, seed: as for `image_dataset_from_directory`.
        max_length: cut texts after this many bytes.
        validation_split, subset, follow_links, format, verbose: likewise.

    Returns:
        a data set of strings, or of pairs (strings, labels).

    Raises:
        ValueError: for arguments that do not go together, and for a folder without texts.

    >>> import os
    >>> import hornbook as keras
    >>> for kind in ("good", "bad"):
    ...     os.makedirs(f"reviews/{kind}")
    ...     _ = open(f"reviews/{kind}/1.txt", "w").write(kind + " film")
    >>> reviews = keras.utils.text_dataset_from_directory("reviews", shuffle=False, verbose=False)
    >>> for texts, labels in reviews:
    ...     print(texts.numpy().tolist(), labels.numpy())
    [b'bad film', b'good film'] [0 1]
    """
    if max_length is not None:
        positive_integer(max_length, "max_length")
    found = _Folder(directory, labels, label_mode, class_names, (".txt",), follow_links)
    read = lambda path: backend.read_text(path, max_length)  # noqa: E731
    return found.datasets(read, batch_size, shuffle, seed, validation_split, subset, format, verbose)


def audio_dataset_from_directory(
    directory: Any,
    labels: str | Sequence[int] | None = "inferred",
    label_mode: str | None = "int",
    class_names: Sequence[str] | None = None,
    batch_size: int | None = 32,
    sampling_rate: int | None = None,
    output_sequence_length: int | None = None,
    ragged: bool = False,
    shuffle: bool = True,
    seed: int | None = None,
    validation_split: float | None = None,
    subset: str | None = None,
    follow_links: bool = False,
    verbose: bool = True,
) -> Any:
    """The `.wav` files in a folder of folders, one for each class, as a `tf.data.Dataset`.

    Args:
        directory, labels, label_mode, class_names, batch_size, shuffle, seed: as for `image_dataset_from_directory`.
        sampling_rate: resampling is not offered; leave it None to keep each file's own rate.
        output_sequence_length: cut or fill up to this many samples; to the longest of the batch if None.
        ragged: keep each length, in a ragged tensor.
        validation_split, subset, follow_links, verbose: as for `image_dataset_from_directory`.

    Returns:
        a data set of audio (batch, time, channels), float32 in [-1, 1), or of pairs (audio, labels).

    Raises:
        ValueError: for arguments that do not go together, and for a folder without audio.

    >>> import os, wave
    >>> import hornbook as keras
    >>> os.makedirs("sounds/beep")
    >>> with wave.open("sounds/beep/1.wav", "wb") as file:
    ...     file.setparams((1, 2, 8000, 0, "NONE", ""))
    ...     file.writeframes(bytes(2 * 100))
    >>> sounds = keras.utils.audio_dataset_from_directory("sounds", label_mode=None, verbose=False)
    >>> next(iter(sounds)).shape
    TensorShape([1, 100, 1])
    """
    if sampling_rate is not None:
        raise ValueError(
            f"Resampling is not offered, so sampling_rate must be None, got {sampling_rate!r}: convert the files to one "
            "rate first."
        )
    if ragged and output_sequence_length is not None:
        raise ValueError("ragged=True keeps each length, so output_sequence_length must be None.")
    found = _Folder(directory, labels, label_mode, class_names, (".wav",), follow_links)
    read = lambda path: backend.read_audio(path, output_sequence_length, ragged)  # noqa: E731
    pad = not ragged and output_sequence_length is None
    return found.datasets(read, batch_size, shuffle, seed, validation_split, subset, "tf", verbose, pad)


class _Folder:
    """The files of a folder of folders and their labels."""

    def __init__(
        self,
        directory: Any,
        labels: Any,
        label_mode: str | None,
        class_names: Sequence[str] | None,
        suffixes: tuple[str, ...],
        follow_links: bool,
    ) -> None:
        one_of(label_mode, ("int", "categorical", "binary", None), "label_mode")
        if labels is not None and labels != "inferred" and not isinstance(labels, list | tuple | np.ndarray):
            raise ValueError(
                "`labels` must be 'inferred' (from the names of the folders), None, or a list of integers, one for each "
                f"file; got {labels!r}."
            )
        if class_names is not None and not isinstance(labels, str):
            raise ValueError("class_names names the folders, so it goes with labels='inferred' alone.")
        self.directory = Path(os.fspath(directory))
        inferred = isinstance(labels, str)
        folders = self._folders(class_names) if inferred else [self.directory]
        groups = [_files(folder, suffixes, follow_links) for folder in folders]
        self.paths = [path for group in groups for path in group]
        if not self.paths:
            raise ValueError(f"No file in {self.directory} ends in {', '.join(suffixes)}.")
        self.class_names: list[str] | None = None
        self.labels: np.ndarray | None = None
        if inferred:
            self.class_names = [folder.name for folder in folders]
            self.labels = np.repeat(np.arange(len(folders)), [len(group) for group in groups])
        elif labels is not None:
            if len(labels) != len(self.paths):
                raise ValueError(
                    f"`labels` must hold one label for each file: {self.directory} has {len(self.paths)} files, but "
                    f"{len(labels)} labels came."
                )
            self.labels = np.asarray(labels)
            self.class_names = [str(label) for label in sorted(set(self.labels.tolist()))]
        if label_mode is None or self.labels is None:
            self.class_names = self.labels = None
        elif label_mode == "binary" and len(self.class_names or ()) != 2:
            raise ValueError(f"label_mode='binary' needs two classes, got {self.class_names}.")
        self.label_mode = label_mode

    def _folders(self, class_names: Sequence[str] | None) -> list[Path]:
        present = sorted(p.name for p in self.directory.iterdir() if p.is_dir() and not p.name.startswith("."))
        if class_names is not None and not set(class_names) <= set(present):
            raise ValueError(f"class_names must be among the folders {present}, got {list(class_names)}.")
        return [self.directory / name for name in (present if class_names is None else class_names)]

    def datasets(
        self,
        read: Callable,
        batch_size: int | None,
        shuffle: bool,
        seed: int | None,
        validation_split: float | None,
        subset: str | None,
        format: str,
        verbose: bool,
        pad: bool = False,
    ) -> Any:
        """The data set of all files, or of one subset, or a list of the two."""
        if one_of(format, ("tf", "grain"), "format") == "grain":
            raise ValueError(NO_GRAIN)
        if batch_size is not None:
            positive_integer(batch_size, "batch_size")
        _check_split(validation_split, subset, shuffle, seed)
        if verbose:
            classes = "" if self.class_names is None else f" belonging to {len(self.class_names)} classes"
            print(f"Found {len(self.paths)} files{classes}.")
        if shuffle and seed is None:
            seed = int(np.random.randint(10**6))
        order = np.arange(len(self.paths))
        if shuffle:
            np.random.RandomState(seed).shuffle(order)
        cut = len(order) - int((validation_split or 0) * len(order))
        parts = {"training": order[:cut], "validation": order[cut:]}
        chosen = [order] if subset is None else list(parts.values()) if subset == "both" else [parts[subset]]
        if verbose and subset is not None:
            for name in parts if subset == "both" else (subset,):
                print(f"Using {len(parts[name])} files for {name}.")
        if not all(len(part) for part in chosen):
            raise ValueError(f"validation_split={validation_split} of {len(order)} files leaves one part without any.")
        mixed = (1024 if batch_size is None else 8 * batch_size) if shuffle else 0
        if subset == "both":  # what is held out comes in one order
            return [
                self._dataset(part, read, batch_size, mixing, seed, pad)
                for part, mixing in zip(chosen, (mixed, 0), strict=True)
            ]
        return self._dataset(chosen[0], read, batch_size, mixed, seed, pad)

    def _dataset(
        self, rows: np.ndarray, read: Callable, batch_size: int | None, shuffle: int, seed: int | None, pad: bool
    ) -> Any:
        paths = [self.paths[i] for i in rows]
        if self.labels is None:
            dataset = backend.dataset_of_arrays(paths, read, batch_size, shuffle, seed, pad)
        else:
            columns = (paths, self._targets(self.labels[rows]))
            dataset = backend.dataset_of_arrays(
                columns, lambda path, target: (read(path), target), batch_size, shuffle, seed, pad
            )
        dataset.file_paths, dataset.class_names = paths, self.class_names
        return dataset

    def _targets(self, labels: np.ndarray) -> np.ndarray:
        if self.label_mode == "binary":
            return labels.astype("float32")[:, None]
        if self.label_mode == "categorical":
            assert self.class_names is not None
            return (labels[:, None] == np.arange(len(self.class_names))).astype("float32")
        return labels.astype("int32")


def _files(folder: Path, suffixes: tuple[str, ...], follow_links: bool) -> list[str]:
    """The files below a folder, sorted folder by folder: those in it, then those in its folders."""
    found = []
    for place, folders, names in os.walk(folder, followlinks=follow_links):
        folders.sort()
        found += [
            os.path.join(place, name)
            for name in sorted(names)
            if name.lower().endswith(suffixes) and not name.startswith(".")
        ]
    return found


def _check_split(split: float | None, subset: str | None, shuffle: bool, seed: int | None) -> None:
    if split is not None and not 0 < split < 1:
        raise ValueError(f"validation_split must be between 0 and 1, got {split!r}.")
    if (split is None) != (subset is None):
        raise ValueError(f"validation_split and subset go together, got {split!r} and {subset!r}.")
    one_of(subset, (None, "training", "validation", "both"), "subset")
    if split is not None and shuffle and seed is None:
        raise ValueError(
            "With validation_split and shuffle=True a seed is needed, so that training and validation share no file."
        )
