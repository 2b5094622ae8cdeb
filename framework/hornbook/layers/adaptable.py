"""The door through which a low-rank adapter comes to a layer with one large weight."""

import importlib
from typing import Any

from hornbook import backend
from hornbook.core.layer import Layer


class Adaptable(Layer):
    """Base of the layers with one large weight (`kernel` or `embeddings`) that `hornbook.lora` knows how to adapt.

    Args:
        lora_rank, lora_alpha: as in `enable_lora`, which is then called once there are weights.
    """

    lora_enabled = False
    lora_rank: int | None = None
    lora_alpha: float | None = None

    def __init__(
        self, *args: Any, lora_rank: int | None = None, lora_alpha: float | None = None, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        if lora_rank is not None:
            self._wanted_power = {"rank": lora_rank, "lora_alpha": lora_alpha}

    def enable_lora(
        self,
        rank: int,
        lora_alpha: float | None = None,
        a_initializer: Any = "he_uniform",
        b_initializer: Any = "zeros",
    ) -> None:
        """Freeze the large weight and train a low-rank correction of it: w + (lora_alpha / rank) a b.

        Args:
            rank: the columns of a and rows of b.
            lora_alpha: how strongly the correction counts; `rank` if None.
            a_initializer, b_initializer: where a and b start.

        Raises:
            ValueError: for a layer without weights yet, or one that has a correction already.

        Source: Hu et al., LoRA (2022), https://arxiv.org/abs/2106.09685.
        """
        importlib.import_module("hornbook.lora").enable(self, rank, lora_alpha, a_initializer, b_initializer)

    def merge_lora(self) -> None:
        """Add the correction to the large weight, which is trained again from then on; a quantized one is rounded anew.

        Raises:
            ValueError: for a layer without a correction.
        """
        importlib.import_module("hornbook.lora").merge_layer(self)

    def whole_weight(self) -> Any:
        """The large weight in floats, as the formula reads it: unpacked where it is quantized, with LoRA's correction.

        >>> import hornbook as keras
        >>> layer = keras.layers.Dense(3)
        >>> layer.build((None, 4))
        >>> layer.quantize("int4")
        >>> layer.kernel.shape, layer.whole_weight().shape
        ((4, 2), TensorShape([4, 3]))
        """
        if self._power is not None:
            return self._power.whole()
        return self.__dict__["embeddings" if "embeddings" in self.__dict__ else "kernel"].value

    def products_with_rows(self, x: Any) -> Any:
        """x E^T: vectors (..., M) with the rows of a table (V, M), in floats; a quantized table is not unpacked for few.

        >>> import numpy as np
        >>> import hornbook as keras
        >>> layer = keras.layers.Embedding(3, 2, embeddings_initializer="ones")
        >>> layer.build(())
        >>> print(layer.products_with_rows(np.ones((1, 2), "float32")).numpy())
        [[2. 2. 2.]]
        """
        found = getattr(self._power, "products_with_rows", None)
        return backend.products_with_rows(x, self.whole_weight()) if found is None else found(x)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments as plain data, and the correction's where there is one."""
        if not self.lora_enabled:
            return super().get_config()
        return {**super().get_config(), "lora_rank": self.lora_rank, "lora_alpha": self.lora_alpha}
