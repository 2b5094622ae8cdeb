"""CIFAR-100: 60,000 small photographs, 32 x 32 colour pixels, in a hundred classes that form twenty groups."""

from pathlib import Path

import numpy as np

from hornbook_datasets import cifar
from hornbook_datasets.files import fetch
from hornbook_datasets.info import File, Info
from hornbook_datasets.streams import stream_maker

FOLDER = "cifar-100-python"

# fmt: off
FINE = (
    "apple", "aquarium_fish", "baby", "bear", "beaver", "bed", "bee", "beetle", "bicycle", "bottle",
    "bowl", "boy", "bridge", "bus", "butterfly", "camel", "can", "castle", "caterpillar", "cattle",
    "chair", "chimpanzee", "clock", "cloud", "cockroach", "couch", "crab", "crocodile", "cup", "dinosaur",
    "dolphin", "elephant", "flatfish", "forest", "fox", "girl", "hamster", "house", "kangaroo", "keyboard",
    "lamp", "lawn_mower", "leopard", "lion", "lizard", "lobster", "man", "maple_tree", "motorcycle", "mountain",
    "mouse", "mushroom", "oak_tree", "orange", "orchid", "otter", "palm_tree", "pear", "pickup_truck", "pine_tree",
    "plain", "plate", "poppy", "porcupine", "possum", "rabbit", "raccoon", "ray", "road", "rocket",
    "rose", "sea", "seal", "shark", "shrew", "skunk", "skyscraper", "snail", "snake", "spider",
    "squirrel", "streetcar", "sunflower", "sweet_pepper", "table", "tank", "telephone", "television", "tiger", "tractor",
    "train", "trout", "tulip", "turtle", "wardrobe", "whale", "willow_tree", "wolf", "woman", "worm",
)
COARSE = (
    "aquatic_mammals", "fish", "flowers", "food_containers", "fruit_and_vegetables",
    "household_electrical_devices", "household_furniture", "insects", "large_carnivores", "large_man-made_outdoor_things",
    "large_natural_outdoor_scenes", "large_omnivores_and_herbivores", "medium_mammals", "non-insect_invertebrates", "people",
    "reptiles", "small_mammals", "trees", "vehicles_1", "vehicles_2",
)
# fmt: on
CLASSES = {"fine": FINE, "coarse": COARSE}  # by label_mode

INFO = Info(
    name="cifar100",
    title="CIFAR-100",
    source="Alex Krizhevsky, Vinod Nair and Geoffrey Hinton, from the Tiny Images collection: "
    "https://www.cs.toronto.edu/~kriz/cifar.html",
    licence="none stated; for research, with the citation",
    citation="A. Krizhevsky. Learning multiple layers of features from tiny images. University of Toronto, 2009",
    examples={"train": 50000, "test": 10000},
    classes=FINE,
    files=(
        File(
            path="cifar100/cifar-100-python.tar.gz",
            sha256="85cd44d02ba6437773c5bbd22e183051d648de2e7d6b014e1ef29b855ba677a7",
            size=169001437,
            urls=("https://www.cs.toronto.edu/~kriz/cifar-100-python.tar.gz",),
        ),
    ),
)


def info() -> Info:
    """The data set's card: source, licence, citation, sizes, files and their hashes; `COARSE` names the twenty groups.

    Example:

    >>> from hornbook_datasets import cifar100
    >>> cifar100.info().classes[0], cifar100.COARSE[0]
    ('apple', 'aquatic_mammals')
    """
    return INFO


def load_data(label_mode: str = "fine") -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Load the images and labels, from `HORNBOOK_DATA`, the cache or the network.

    Args:
        label_mode: "fine" for the hundred classes, "coarse" for the twenty groups.

    Returns:
        `(x_train, y_train), (x_test, y_test)`: uint8 images `(50000, 32, 32, 3)` and `(10000, 32, 32, 3)` with red, green
        and blue from 0 to 255, int64 labels `(50000, 1)` and `(10000, 1)`, indices into `FINE` or `COARSE`. After
        `hornbook.config.set_image_data_format("channels_first")` an image is `(3, 32, 32)`.

    Raises:
        ValueError: `label_mode` is another word.
        DataUnavailable: The official file is nowhere to be had; the message says what to do.

    Example:

    >>> from hornbook_datasets import cifar100
    >>> (x_train, y_train), (x_test, y_test) = cifar100.load_data("coarse")  # doctest: +SKIP
    >>> len(cifar100.COARSE)
    20
    """
    if label_mode not in CLASSES:
        raise ValueError(
            f'Expected label_mode to be "fine" (100 classes) or "coarse" (20 groups); received {label_mode!r}.'
        )
    path = fetch(INFO.files[0], INFO.title)
    (x_train, y_train), (x_test, y_test) = _read(path, label_mode)
    cifar.check_counts((len(x_train), len(x_test)), tuple(INFO.examples.values()), path)
    return (cifar.as_configured(x_train), y_train), (cifar.as_configured(x_test), y_test)


def _read(path: Path, label_mode: str) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    (x_train, y_train), (x_test, y_test) = cifar.read_batches(
        path, (f"{FOLDER}/train", f"{FOLDER}/test"), f"{label_mode}_labels", len(CLASSES[label_mode])
    )
    return (x_train, y_train[:, None]), (x_test, y_test[:, None])


as_dataset = stream_maker(__name__)
