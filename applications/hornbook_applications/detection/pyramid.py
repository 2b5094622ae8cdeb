"""Maps of an image in many sizes, each knowing what the coarser ones see.

Lin et al. 2016, "Feature Pyramid Networks for Object Detection", https://arxiv.org/abs/1612.03144. Early maps of a network
know where, late ones know what. From the coarsest map down, each is doubled in size and added to the next finer one:

    T_l = W_l C_l + up(T_{l+1})        P_l = K_l * T_l

Axes: B batch, H height, W width, C channels; level l has a stride of 2^l pixels.
"""

from collections.abc import Sequence
from typing import Any

from hornbook import layers, ops
from hornbook.saving import register_keras_serializable

__all__ = ["UpsampleLike", "feature_pyramid"]


@register_keras_serializable("hornbook_applications")
class UpsampleLike(layers.Layer):
    """A map at twice its size, each place four times, cut to the size of a finer map.

    The cut is for odd sizes: a map of 5 places is halved to 3, and 3 doubled are 6.

    Call:
        [x (B, h, w, C), finer (B, H, W, any)], with h = ceil(H / 2) and w = ceil(W / 2). Returns (B, H, W, C).

    >>> from hornbook import ops
    >>> from hornbook_applications.detection.pyramid import UpsampleLike
    >>> UpsampleLike()([ops.ones((1, 3, 2, 8)), ops.ones((1, 5, 4, 16))]).shape
    TensorShape([1, 5, 4, 8])
    """

    def call(self, inputs: Any) -> Any:
        x, finer = inputs
        height, width = ops.shape(finer)[1:3]
        return ops.repeat(ops.repeat(x, 2, axis=1), 2, axis=2)[:, :height, :width]

    def compute_output_shape(self, input_shape: Any) -> tuple:
        (batch, *_, channels), (_, height, width, _) = input_shape
        return batch, height, width, channels


def feature_pyramid(maps: Sequence, filters: int = 256, levels: int | None = None, name: str = "pyramid") -> list:
    """The pyramid over the maps of a network's stages.

    Args:
        maps: symbolic maps (B, H, W, C), each of half the size of the one before.
        filters: channels of every map of the pyramid.
        levels: maps of the pyramid; those beyond the given ones come of the coarsest map by convolutions of stride 2, as in
            RetinaNet. As many as given if None.
        name: begins the names of the layers.

    Returns:
        `levels` maps (B, H, W, filters), the finest first.

    Raises:
        ValueError: for fewer levels than maps.

    >>> import hornbook as keras
    >>> from hornbook_applications.detection.pyramid import feature_pyramid
    >>> maps = [keras.Input((size, size, 32)) for size in (12, 6, 3)]
    >>> [p.shape for p in feature_pyramid(maps, filters=16, levels=4)]
    [(None, 12, 12, 16), (None, 6, 6, 16), (None, 3, 3, 16), (None, 2, 2, 16)]
    """
    maps = list(maps)
    levels = len(maps) if levels is None else levels
    if levels < len(maps):
        raise ValueError(f"A pyramid has at least the levels of its maps, {len(maps)}; got levels={levels}.")
    x, merged = None, []
    for i, given in reversed(list(enumerate(maps))):
        lateral = layers.Conv2D(filters, 1, name=f"{name}_lateral_{i}")(given)
        if x is not None:
            lateral = layers.Add(name=f"{name}_add_{i}")([lateral, UpsampleLike(name=f"{name}_up_{i}")([x, lateral])])
        x = lateral
        merged.insert(0, x)
    outputs = [layers.Conv2D(filters, 3, padding="same", name=f"{name}_{i}")(x) for i, x in enumerate(merged)]
    for i in range(len(maps), levels):
        x = maps[-1] if i == len(maps) else layers.ReLU(name=f"{name}_relu_{i}")(outputs[-1])
        outputs.append(layers.Conv2D(filters, 3, strides=2, padding="same", name=f"{name}_{i}")(x))
    return outputs
