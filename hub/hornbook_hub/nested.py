"""Checkpoints of models that read images or sounds beside texts, of which the part that reads texts is opened.

    config.json: {"model_type": "gemma3", "text_config": {...}, "vision_config": {...}}
    tensors:     language_model.model.layers.0..., vision_tower...., multi_modal_projector....

What is loaded so is saved as a model of texts alone.
"""

from types import SimpleNamespace
from typing import Any

TEXT_PARTS = {"gemma3": "gemma3_text", "gemma4": "gemma4_text"}  # model_type of the whole -> of its part
OTHER_PARTS = ("vision_tower.", "audio_tower.", "multi_modal_projector.", "embed_vision.", "embed_audio.")


def text_config(config: dict[str, Any], family: Any) -> dict[str, Any]:
    """The `config.json` of the part that reads texts.

    Args:
        config: of the whole.
        family: the module of the part's family.

    Raises:
        ValueError: where there is no such part.

    >>> from hornbook_hub.families import FAMILIES
    >>> whole = {"model_type": "gemma3", "text_config": {"hidden_size": 8}, "eos_token_id": 1}
    >>> text_config(whole, FAMILIES["gemma3_text"])["architectures"]
    ['Gemma3ForCausalLM']
    """
    part = config.get("text_config")
    if not isinstance(part, dict):
        raise ValueError(f"config.json of a {config['model_type']!r} needs a text_config, got {part!r}.")
    architecture = next(name for name, task in family.ARCHITECTURES.items() if task == "causal_lm")
    shared = {key: config[key] for key in ("eos_token_id", "tie_word_embeddings") if config.get(key) is not None}
    return {**shared, **part, "model_type": TEXT_PARTS[config["model_type"]], "architectures": [architecture]}


def text_layout(family: Any) -> Any:
    """The names of the part's tensors in the files of the whole, as `hub.load` looks for them in a family's module."""
    return SimpleNamespace(
        WEIGHTS=family.WEIGHTS,
        HEADS=family.HEADS,
        POOLER=family.POOLER,
        PREFIX="",
        OLD_NAMES={"language_model.lm_head.": "lm_head.", "model.language_model.": "", "language_model.model.": ""},
        OTHER_HEADS=(*family.OTHER_HEADS, *OTHER_PARTS, *(f"model.{part}" for part in OTHER_PARTS)),
    )
