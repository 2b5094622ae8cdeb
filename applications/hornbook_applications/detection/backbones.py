"""Applications as the networks beneath detectors: the maps that their stages end with."""

from collections.abc import Sequence
from typing import Any

import hornbook as keras

__all__ = ["stages"]


def stages(
    name: str, levels: Sequence[int] = (3, 4, 5), weights: Any = "imagenet", input_shape: tuple = (None, None, 3)
) -> Any:
    """An application without its top, that takes pixels 0 to 255 and gives the last map of each of these levels.

    Args:
        name: an application, such as "ResNet50" or "MobileNetV3Small".
        levels: from 1 to 5; level l has a stride of 2^l pixels.
        weights: None (random), "imagenet", or the path of a file.
        input_shape: (height, width, channels).

    Returns:
        a model from (B, H, W, 3) to a list of maps (B, H / 2^l, W / 2^l, C), the finest first.

    Raises:
        ValueError: for a name or a level that is not there.

    >>> from hornbook_applications import detection
    >>> backbone = detection.stages("MobileNetV3Small", weights=None, input_shape=(64, 64, 3))
    >>> [x.shape for x in backbone.outputs]
    [(None, 8, 8, 96), (None, 4, 4, 288), (None, 2, 2, 576)]
    """
    import hornbook_applications  # which imports this

    known = [other for other in hornbook_applications.__all__ if other[0].isupper()]
    if name not in known:
        raise ValueError(f"There is no application {name!r}; there are {', '.join(known)}.")
    settings: dict[str, Any] = {"weights": weights, "input_shape": input_shape, "include_preprocessing": True}
    network = getattr(hornbook_applications, name)(include_top=False, features_only=True, **settings)
    maps = network.output
    missing = [level for level in levels if f"stride_{2**level}" not in maps]
    if missing:
        raise ValueError(f"{name} has maps of {', '.join(maps)}, got levels={tuple(levels)}: 2^level is the stride.")
    return keras.Model(
        network.input, [maps[f"stride_{2**level}"] for level in sorted(levels)], name=f"{network.name}_stages"
    )
