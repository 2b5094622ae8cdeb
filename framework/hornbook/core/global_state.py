"""What a process (more precisely, a thread) remembers between calls: scopes, name counters, the random seed."""

import gc
import re
import threading
from typing import Any

_state = threading.local()


def get_global_attribute(name: str, default: Any = None, set_to_default: bool = False) -> Any:
    """The attribute, or `default`, which is stored too if `set_to_default`."""
    value = getattr(_state, name, None)
    if value is None and default is not None:
        value = default
        if set_to_default:
            setattr(_state, name, value)
    return value


def set_global_attribute(name: str, value: Any) -> None:
    """Remember `value` in this thread."""
    setattr(_state, name, value)


def clear_session(free_memory: bool = True) -> None:
    """Forget the name counters and the global random seed, so that names start again at "dense".

    >>> import hornbook as keras
    >>> keras.utils.clear_session()
    >>> keras.layers.Dense(1).name
    'dense'
    """
    kept = {key: value for key, value in vars(_state).items() if key in ("dtype_policy", "distribution")}
    vars(_state).clear()
    vars(_state).update(kept)
    if free_memory:
        gc.collect()


def get_uid(prefix: str = "") -> int:
    """A number that goes up by one with each call for the same prefix, from 1.

    >>> import hornbook as keras
    >>> keras.utils.clear_session()
    >>> keras.backend.get_uid("block"), keras.backend.get_uid("block")
    (1, 2)
    """
    counters = get_global_attribute("uid_counters", {}, set_to_default=True)
    counters[prefix] = counters.get(prefix, 0) + 1
    return counters[prefix]


def to_snake_case(name: str) -> str:
    """The name of a class as the name of a thing: "Conv2D" -> "conv2d", "MaxPooling2D" -> "max_pooling2d".

    >>> from hornbook.core.global_state import to_snake_case
    >>> to_snake_case("PReLU"), to_snake_case("LSTMCell")
    ('p_re_lu', 'lstm_cell')
    """
    name = re.sub(r"\W+", "", name)
    name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()


def name_of_class(cls: type) -> str:
    """What things of a class are called in names and in files: its own name, or the one that it gives as `_called`.

    >>> import hornbook as keras
    >>> from hornbook.core.global_state import name_of_class
    >>> name_of_class(keras.layers.Dense), name_of_class(keras.layers.GroupQueryAttention)
    ('dense', 'grouped_query_attention')
    """
    return to_snake_case(vars(cls).get("_called", cls.__name__))


def auto_name(prefix: str) -> str:
    """`prefix`, or `prefix_1`, `prefix_2` ... where it has been given out already."""
    counters = get_global_attribute("name_counters", {}, set_to_default=True)
    count = counters.get(prefix, 0)
    counters[prefix] = count + 1
    return f"{prefix}_{count}" if count else prefix
