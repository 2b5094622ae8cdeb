"""Where seeds come from: a state of two integers that each draw moves on."""

import random
from typing import Any

import numpy as np

from hornbook import backend
from hornbook.core import global_state
from hornbook.core.registry import Configurable
from hornbook.core.scopes import NameScope
from hornbook.core.variable import Variable


def make_default_seed() -> int:
    """A seed from Python's `random`, which `set_random_seed` makes repeatable."""
    return random.randint(1, int(1e9))


class SeedGenerator(Configurable):
    """A source of seeds: its state is [seed, counter], and each `next()` moves the counter on by one.

    Args:
        seed: an integer; drawn from Python's `random` if None.
        name: a name; made up if None.

    >>> import hornbook as keras
    >>> generator = keras.random.SeedGenerator(seed=1)
    >>> [int(keras.random.randint((), 0, 100, seed=generator)) for _ in range(2)] == [
    ...     int(keras.random.randint((), 0, 100, seed=s)) for s in (1, 1)]
    False
    """

    def __init__(self, seed: int | None = None, name: str | None = None, **kwargs: Any) -> None:
        if kwargs:
            raise ValueError(f"SeedGenerator got unexpected arguments: {sorted(kwargs)}.")
        self.name = name or global_state.auto_name("seed_generator")
        self._given_seed = seed
        seed = make_default_seed() if seed is None else seed
        if not isinstance(seed, int | np.integer) or seed < 0:
            raise ValueError(f"seed must be a non-negative integer, got {seed!r}.")
        with NameScope(self.name):
            self.state = Variable(
                np.array([seed, 0], "int64"),
                dtype="int64",
                trainable=False,
                aggregation="only_first_replica",
                name="seed_generator_state",
            )

    def next(self, ordered: bool = True) -> Any:
        """The present state as a seed; the counter moves on."""
        seed = backend.convert_to_tensor(self.state.value)
        self.state.assign(seed + np.array([0, 1], "int64"))
        replica = backend.replica_number()  # the replicas of `tf.distribute` have one state, and draw different numbers
        return seed + np.array([replica * 1_000_003, 0], "int64") if replica else seed

    def get_config(self) -> dict[str, Any]:
        """The seed it was given."""
        return {"seed": self._given_seed}


def draw_seed(seed: Any) -> Any:
    """A seed of two integers: from a generator its next, from an int always the same, from None the global one's next.

    A tensor is such a seed already.

    Raises:
        ValueError: for anything else.
    """
    if isinstance(seed, SeedGenerator):
        return seed.next()
    if isinstance(seed, int | np.integer):
        return np.array([int(seed), 0], "int64")
    if seed is None:
        return global_seed_generator().next()
    if backend.is_tensor(seed):
        return seed
    raise ValueError(f"seed must be an int, a SeedGenerator or None, got {seed!r}.")


def global_seed_generator() -> SeedGenerator:
    """The generator behind everything that was given no seed."""
    generator = global_state.get_global_attribute("global_seed_generator")
    if generator is None:
        with backend.outside_graph():  # the first to draw may be a step that is being traced
            generator = SeedGenerator(name="global_seed_generator")
        global_state.set_global_attribute("global_seed_generator", generator)
    return generator


def set_random_seed(seed: int) -> None:
    """Seed Python's, NumPy's and the backend's generators, so that a program run again gives the same numbers.

    >>> import hornbook as keras
    >>> keras.utils.set_random_seed(1)
    >>> a = keras.random.normal((2,)).numpy()
    >>> keras.utils.set_random_seed(1)
    >>> bool((keras.random.normal((2,)).numpy() == a).all())
    True

    Raises:
        ValueError: for what is no integer.
    """
    if not isinstance(seed, int | np.integer):
        raise ValueError(f"seed must be an integer, got {seed!r}.")
    seed = int(seed)
    random.seed(seed)
    np.random.seed(seed)
    backend.set_seed(seed)
    global_state.set_global_attribute("global_seed_generator", None)
    global_state.set_global_attribute("random_seed", seed)
    global_state.set_global_attribute("fits_so_far", 0)


def get_random_state() -> dict[str, Any]:
    """The states of the generators that `set_random_seed` seeds, as plain data and arrays.

    TensorFlow's own stateful generators have no state that can be read; nothing here draws from them.
    """
    version, numbers, gauss = random.getstate()
    generator = global_state.get_global_attribute("global_seed_generator")
    return {
        "python": [version, np.array(numbers, "uint32"), gauss],
        "numpy": np.random.get_state(legacy=False),
        "global_seed": None if generator is None else generator.state.numpy(),
    }


def set_random_state(state: dict[str, Any]) -> None:
    """Go on from the states that `get_random_state` gave.

    >>> import numpy as np
    >>> from hornbook.random.seed_generator import get_random_state, set_random_state
    >>> state = get_random_state()
    >>> first = np.random.uniform()
    >>> set_random_state(state)
    >>> first == np.random.uniform()
    True
    """
    if state["global_seed"] is None:
        global_state.set_global_attribute("global_seed_generator", None)
    else:
        global_seed_generator().state.assign(state["global_seed"])
    version, numbers, gauss = state["python"]
    random.setstate((version, tuple(int(number) for number in numbers), gauss))
    np.random.set_state(state["numpy"])
