"""Rematerialization: what the backward pass needs is computed again there, and not kept in memory until then.

Chen et al. 2016, "Training Deep Nets with Sublinear Memory Cost", https://arxiv.org/abs/1604.06174.
"""

import math
from collections.abc import Sequence
from typing import Any

from hornbook import backend, tree
from hornbook.core import global_state
from hornbook.core.arguments import one_of
from hornbook.core.scopes import Scope

remat = backend.remat

MODES = ("full", "activations", "larger_than", "list_of_layers", None)


class RematScope(Scope):
    """Layers made inside compute their outputs a second time in the backward pass, and keep less memory meanwhile.

    Args:
        mode: "full" for all layers, "activations" for activation functions alone, "larger_than" for layers whose
            output holds more numbers than the threshold, "list_of_layers" for those named, None for none.
        output_size_threshold: for "larger_than": numbers in an output, axes of unknown size left out.
        layer_names: for "list_of_layers".

    Raises:
        ValueError: for another mode.

    >>> import numpy as np
    >>> import hornbook as keras
    >>> with keras.RematScope("full"):
    ...     layer = keras.layers.Dense(3, kernel_initializer="ones")
    >>> layer(np.ones((1, 2))).numpy()
    array([[2., 2., 2.]], dtype=float32)
    """

    slot = "remat_scope"

    def __init__(
        self, mode: str | None = "full", output_size_threshold: int = 1024, layer_names: Sequence[str] | None = None
    ) -> None:
        self.mode = one_of(mode, MODES, "mode")
        self.output_size_threshold = output_size_threshold
        self.layer_names = list(layer_names or ())

    def applies_to(self, layer: Any, outputs: Any) -> bool:
        """Whether a layer whose outputs have these shapes is computed again."""
        if self.mode == "larger_than":
            largest = max((math.prod(n for n in x.shape if n is not None) for x in tree.flatten(outputs)), default=0)
            return largest > self.output_size_threshold
        return self.mode == "full" or (self.mode == "list_of_layers" and layer.name in self.layer_names)


def current_remat_scope() -> RematScope | None:
    """The innermost RematScope, or None."""
    return getattr(global_state._state, RematScope.slot, None)
