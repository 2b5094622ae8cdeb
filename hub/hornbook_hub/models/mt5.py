"""mT5: T5 1.1 on a hundred and one languages, with one vocabulary for all.

Xue et al. 2020, "mT5: A Massively Multilingual Pre-trained Text-to-Text Transformer", https://arxiv.org/abs/2010.11934. The model
is T5's; logits are never scaled.

Axes: B batch, S source, T target, M d_model.
"""

from dataclasses import dataclass

from hornbook_hub.models import t5
from hornbook_hub.models.t5 import T5Backbone, T5Config


# ------------------------------------------------------------------------------------------------------------ config
@dataclass(kw_only=True)
class MT5Config(T5Config):
    """The fields of an mT5's `config.json`, under its names.

    >>> from hornbook_hub.models.mt5 import MT5Config
    >>> MT5Config().feed_forward_proj
    'gated-gelu'
    """

    vocab_size: int = 250112
    d_ff: int = 1024
    num_layers: int = 8
    num_heads: int = 6
    feed_forward_proj: str = "gated-gelu"
    scale_decoder_outputs: bool | None = False


# ------------------------------------------------------------------------------------------------------------- whole
class MT5Backbone(T5Backbone):
    """An mT5 without a head; called as `T5Backbone` is.

    Args:
        config: the sizes.

    >>> import numpy as np
    >>> from hornbook_hub.models.mt5 import MT5Backbone, MT5Config
    >>> backbone = MT5Backbone(MT5Config(vocab_size=10, d_model=8, d_kv=4, d_ff=16, num_layers=1, num_heads=2))
    >>> backbone({"input_ids": np.array([[5, 6, 1]]), "decoder_input_ids": np.array([[0]])})["last_hidden_state"].shape
    TensorShape([1, 1, 8])
    """

    config_class = MT5Config


# ----------------------------------------------------------------------------------------------------- WEIGHTS table
PREFIX, WEIGHTS, POOLER, HEADS = t5.PREFIX, t5.WEIGHTS, t5.POOLER, t5.HEADS
OTHER_HEADS, OLD_NAMES = t5.OTHER_HEADS, t5.OLD_NAMES
ARCHITECTURES = {f"M{name}": task for name, task in t5.ARCHITECTURES.items() if name != "T5WithLMHeadModel"}
BACKBONE = MT5Backbone

# ----------------------------------------------------------------------------------------------------- PRESETS table
PRESETS = {
    "mt5_small": {
        "repository": "google/mt5-small",
        "revision": "main",
        "aliases": (),
        "task": "seq2seq_lm",
        "parameters": 300_176_768,
        "licence": "Apache-2.0",
        "about": "8 + 8 layers, 512 wide; 101 languages; to be fine-tuned first",
    },
}
