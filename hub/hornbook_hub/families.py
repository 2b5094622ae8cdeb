"""The families of models that the hub knows, by the `model_type` of their `config.json`.

A family is a module of `hornbook_hub.models` with the same names in each: `BACKBONE` (whose `config_class` is its config),
`PREFIX`, `WEIGHTS`, `POOLER`, `HEADS`, `OTHER_HEADS`, `OLD_NAMES` and `ARCHITECTURES`. A family that reads something else
than texts has a function `preprocessor(files, max_length)` too. A new one is a new file there, a row here, and rows in
`checkpoints.PRESETS`.
"""

from typing import Any

from hornbook_hub.models import (
    bert,
    clip,
    convnext,
    convnextv2,
    deit,
    dinov2,
    distilbert,
    electra,
    gemma,
    gemma2,
    gemma3,
    gemma4,
    gpt2,
    llama,
    mistral,
    modernbert,
    mpnet,
    mt5,
    qwen2,
    qwen3,
    resnet,
    roberta,
    segformer,
    siglip,
    t5,
    vit,
    whisper,
    xlm_roberta,
)

FAMILIES: dict[str, Any] = {
    "bert": bert,
    "distilbert": distilbert,
    "roberta": roberta,
    "xlm-roberta": xlm_roberta,
    "mpnet": mpnet,
    "electra": electra,
    "modernbert": modernbert,
    "gpt2": gpt2,
    "llama": llama,
    "mistral": mistral,
    "qwen2": qwen2,
    "qwen3": qwen3,
    "gemma": gemma,
    "gemma2": gemma2,
    "gemma3_text": gemma3,
    "gemma4_text": gemma4,
    "vit": vit,
    "deit": deit,
    "dinov2": dinov2,
    "resnet": resnet,
    "convnext": convnext,
    "convnextv2": convnextv2,
    "segformer": segformer,
    "t5": t5,
    "mt5": mt5,
    "whisper": whisper,
    "clip": clip,
    "siglip": siglip,
}


def family_of(backbone: Any) -> Any:
    """The module of a backbone's family; a class derived from a family's is of that family."""
    by_class = {family.BACKBONE: family for family in FAMILIES.values()}
    return next(by_class[cls] for cls in type(backbone).__mro__ if cls in by_class)


def model_type_of(backbone: Any) -> str:
    """The `model_type` of a backbone's family."""
    return next(name for name, family in FAMILIES.items() if family is family_of(backbone))
