"""Checkpoints in the layout of timm: other names for the same families, and a `config.json` of another kind.

    {"architecture": "resnet50", "num_classes": 1000, "pretrained_cfg": {"input_size": [3, 224, 224], "mean": [...], ...}}

A family that timm has too says in `TIMM` which architectures are its own, and which tensor is which weight. What is loaded so
is saved in the layout of transformers.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from hornbook_hub.images import BICUBIC, BILINEAR, ImagePreprocessor
from hornbook_hub.weights import transposed


@dataclass
class Layout:
    """How timm writes a family: the names that `hub.load` looks for in the module of a family, for its files.

    Args:
        config: from the name of an architecture to the fields of the family's config; None if it is not of this family.
        WEIGHTS: timm -> here; a tensor that holds several weights has a list.
        head: the name of the last layer there.
        task: whose head that is.
        POOLER: names of weights that timm's models do without.
        global_pool: how the last hidden state becomes a vector.
    """

    config: Callable[[str], dict[str, Any] | None]
    WEIGHTS: Any
    head: str
    task: str = "image_classifier"
    POOLER: tuple[str, ...] = ()
    global_pool: str = "avg"
    PREFIX: str = ""
    OLD_NAMES: dict[str, str] = field(default_factory=dict)

    @property
    def HEADS(self) -> dict[str, Any]:
        """The task's head, whose layer is that of the family."""
        table = {
            f"{self.head}.weight": ("head.classifier.kernel", transposed),
            f"{self.head}.bias": "head.classifier.bias",
        }
        return {self.task: (None, table)}

    @property
    def OTHER_HEADS(self) -> tuple[str, ...]:
        """Heads that are left out when a task does not want them."""
        return (f"{self.head}.",)


KNOWN = {  # keys of config.json; those beside the first four say what was said before, or nothing about the numbers
    *("architecture", "num_classes", "pretrained_cfg", "global_pool"),
    *("num_features", "model_args", "label_names", "label_descriptions"),
}


def read_config(config: dict[str, Any], families: Mapping[str, Any]) -> tuple[dict[str, Any], Layout]:
    """(the config.json that transformers would have, the layout of the weights) of timm's config.json.

    Args:
        config: timm's.
        families: the families of the hub, by their `model_type`.

    Raises:
        ValueError: for architectures and settings that are not known here.
    """
    name = str(config.get("architecture"))
    of_timm = [(model_type, family, family.TIMM) for model_type, family in families.items() if hasattr(family, "TIMM")]
    for model_type, family, layout in of_timm:
        fields = layout.config(name)
        if fields is None:
            continue
        unknown = sorted(set(config) - KNOWN)
        if unknown:
            raise ValueError(f"config.json of timm's {name} has keys that are not understood: {unknown}.")
        classes, task = config.get("num_classes", 1000), layout.task
        if not isinstance(classes, int) or not 0 <= classes <= 10**6:
            raise ValueError(f"num_classes must be a whole number, got {classes!r}.")
        arguments = dict(config.get("model_args") or {})
        size = arguments.pop("img_size", None)
        if size is not None and "image_size" in fields:
            fields["image_size"] = size
        wanted = {"in_chans": 3, "num_classes": classes, "global_pool": layout.global_pool}
        arguments.setdefault("global_pool", config.get("global_pool", layout.global_pool))
        for key, value in arguments.items():
            if key not in wanted or value != wanted[key]:
                raise ValueError(
                    f"config.json has {key}={value!r}; timm's {name} is computed with {wanted.get(key, 'nothing of it')!r} "
                    "here."
                )
        labels = config.get("label_names") or [f"LABEL_{i}" for i in range(classes)]
        if not isinstance(labels, list) or len(labels) != classes:
            raise ValueError(f"label_names must be a list of {classes} names.")
        described = {
            **fields,
            "model_type": model_type,
            "architectures": [n for n, of in family.ARCHITECTURES.items() if of == (task if classes else "backbone")],
        }
        if classes:
            described["id2label"] = {str(i): str(label) for i, label in enumerate(labels)}
            described["label2id"] = {str(label): i for i, label in enumerate(labels)}
        return described, layout
    raise ValueError(
        f"config.json holds timm's architecture {name!r}; known are its ResNets (resnet18 to resnet152) and its ViTs "
        "(vit_base_patch16_224, deit_small_patch16_224 and the like)."
    )


class TimmPreprocessor(ImagePreprocessor):
    """An ImagePreprocessor whose middle is torchvision's: of 3, 7, 11, ... rows too many, it cuts more off at the top.

    Its file says what comes nearest in transformers, where the middle lies one pixel beside in these cases.
    """

    @staticmethod
    def first_kept(beyond: Any) -> Any:
        return beyond // 2 + beyond % 4 // 3  # half of it, rounded to even


def preprocessor(config: dict[str, Any]) -> TimmPreprocessor:
    """How timm prepares images to evaluate a model: the shortest edge to size / crop_pct, and the middle of that.

    Args:
        config: timm's config.json.

    Raises:
        ValueError: for settings that are not known here.
    """
    settings = config.get("pretrained_cfg") or {}
    _, height, width = settings.get("input_size") or (3, 224, 224)
    share, mode = settings.get("crop_pct") or 0.875, settings.get("crop_mode") or "center"
    filters = {"bilinear": BILINEAR, "bicubic": BICUBIC}
    interpolation = settings.get("interpolation") or "bicubic"
    if mode != "center" or interpolation not in filters or height != width or not 0.01 <= share <= 1:
        raise ValueError(
            f"pretrained_cfg has crop_mode={mode!r}, interpolation={interpolation!r}, crop_pct={share!r} and input_size="
            f"{settings.get('input_size')!r}; known are 'center', {sorted(filters)}, a share of 1, and squares."
        )
    return TimmPreprocessor(
        "BitImageProcessor",
        size={"shortest_edge": math.floor(height / share)},
        crop_size={"height": height, "width": width},
        resample=filters[interpolation],
        image_mean=list(settings.get("mean") or (0.485, 0.456, 0.406)),
        image_std=list(settings.get("std") or (0.229, 0.224, 0.225)),
    )
