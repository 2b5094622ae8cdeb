"""What the data sets without a split of their own share: a shuffled order, and a share of it for the test."""

import numpy as np


def check_test_split(test_split: float) -> None:
    """Refuse a share of test examples that leaves none for training.

    Raises:
        ValueError: `test_split` is outside [0, 1).

    Example:

    >>> check_test_split(0.2)
    >>> check_test_split(20)
    Traceback (most recent call last):
    ...
    ValueError: Expected test_split, the share of the examples to test on, in [0, 1); received 20.
    """
    if not 0 <= test_split < 1:
        raise ValueError(
            f"Expected test_split, the share of the examples to test on, in [0, 1); received {test_split!r}."
        )


def shuffled(random: np.random.RandomState, *arrays: np.ndarray) -> list[np.ndarray]:
    """The arrays in one new order, drawn once.

    Example:

    >>> x, y = shuffled(np.random.RandomState(113), np.arange(5), np.arange(5) * 10)
    >>> bool((y == x * 10).all())
    True
    """
    order = random.permutation(len(arrays[0]))
    return [array[order] for array in arrays]


def train_size(examples: int, test_split: float) -> int:
    """The number of examples before the test examples begin.

    Example:

    >>> train_size(506, 0.2)
    404
    """
    return int(examples * (1 - test_split))
