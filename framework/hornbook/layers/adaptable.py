"""The door through which a low-rank adapter comes to a layer with one large weight."""

import importlib
from typing import Any

from hornbook.core.layer import Layer


class Adaptable(Layer):
    """Base of the layers with one large weight (`kernel` or `embeddings`) that `hornbook.lora` knows how to adapt."""

    lora_enabled = False
    lora_rank: int | None = None
    lora_alpha: float | None = None

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

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments as plain data, and the correction's where there is one."""
        if not self.lora_enabled:
            return super().get_config()
        return {**super().get_config(), "lora_rank": self.lora_rank, "lora_alpha": self.lora_alpha}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """The layer that `config` describes; a correction is made when it has its weights."""
        config = dict(config)
        rank, alpha = config.pop("lora_rank", None), config.pop("lora_alpha", None)
        layer = super().from_config(config)
        if rank is not None:
            layer._wanted_power = {"rank": rank, "lora_alpha": alpha}
        return layer
