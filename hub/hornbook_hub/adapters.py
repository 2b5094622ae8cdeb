"""LoRA adapters in PEFT's format: `adapter_config.json` and `adapter_model.safetensors`.

A file holds for each adapted module its A (rank, inputs) and B (outputs, rank); the module computes with
W + scale B A, scale = lora_alpha / r (with `use_rslora`, lora_alpha / sqrt(r)). Here a kernel lies (inputs, outputs), so
a = A^T and b = B^T, and the module's name leads to a layer by the family's WEIGHTS table. Hu et al. 2021, "LoRA: Low-Rank
Adaptation of Large Language Models", https://arxiv.org/abs/2106.09685; Kalajdzievski 2023, https://arxiv.org/abs/2312.03732.
"""

import json
import math
import os
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from hornbook.layers import Dense
from hornbook.layers.adaptable import Adaptable
from hornbook.saving.atomic import written_aside
from hornbook.saving.safetensors import Tensors
from hornbook_hub.families import family_of
from hornbook_hub.files import find
from hornbook_hub.weights import save_tensors, variable_at

ROOT = "base_model.model."  # what PEFT puts before each name
USED = {"peft_type", "r", "lora_alpha", "alpha_pattern", "use_rslora"}
INERT = {  # they say what was adapted and trained, which the tensors say too
    *("auto_mapping", "base_model_name_or_path", "revision", "task_type", "peft_version", "inference_mode"),
    *("target_modules", "exclude_modules", "layers_to_transform", "layers_pattern", "rank_pattern", "modules_to_save"),
    *("fan_in_fan_out", "lora_dropout", "megatron_core", "qalora_group_size", "runtime_config", "ensure_weight_tying"),
}
STARTS = (True, False, "gaussian", None)  # init_lora_weights that leave the weights beside the adapter as they were
TASK_TYPES = {
    "text_classifier": "SEQ_CLS",
    "token_classifier": "TOKEN_CLS",
    "question_answering": "QUESTION_ANS",
    "causal_lm": "CAUSAL_LM",
    "seq2seq_lm": "SEQ_2_SEQ_LM",
    "backbone": "FEATURE_EXTRACTION",
}
NEW_HEADS = ("text_classifier", "token_classifier", "question_answering")  # heads that no pretraining has trained
KINDS = {  # how a part's name ends -> which of the two it is
    ".lora_A.weight": "a",
    ".lora_B.weight": "b",
    ".lora_embedding_A": "a",
    ".lora_embedding_B": "b",
}


class Place(NamedTuple):
    """Where a tensor of a checkpoint lies here."""

    layer: Any
    attribute: str
    transform: Any

    @property
    def variable(self) -> Any:
        """The weight; without its correction, where it has one."""
        value = getattr(self.layer, self.attribute)
        return getattr(value, "weight", value)


def places_of(model: Any) -> dict[str, Place]:
    """Name in a checkpoint -> the layer and the attribute, for all weights of a model."""

    def at(model: Any, path: str) -> tuple[Any, str] | None:
        owner, _, attribute = path.rpartition(".")
        layer = variable_at(model, owner) if owner else model
        return None if layer is None or getattr(layer, attribute) is None else (layer, attribute)

    return {name: Place(layer, attribute, transform) for name, (layer, attribute), transform in model.weight_rows(at)}


def enable_lora(model: Any, rank: int, names: Sequence[str] | None, lora_alpha: float | None) -> None:
    """Put new corrections on a model's backbone; see `HubModel.enable_lora`."""
    backbone = getattr(model, "backbone", model)
    adapted = [
        layer
        for layer in backbone._flatten_layers()
        if isinstance(layer, Dense) and layer.trainable and (names is None or layer.name in names)
    ]
    if not adapted:
        known = sorted({layer.name for layer in backbone._flatten_layers() if isinstance(layer, Dense)})
        raise ValueError(f"No layer is named as one of {list(names or ())}; the dense layers are {known}.")
    if any(layer.lora_enabled for layer in adapted):
        raise ValueError(
            "There are corrections already, and there can be one of a weight; hornbook.lora.merge(model) makes them part of the "
            "weights."
        )
    for weight in backbone.weights:
        weight.trainable = False
    for layer in adapted:
        layer.enable_lora(rank, lora_alpha)
    changed(model)


def changed(model: Any) -> None:
    """Forget what was compiled before the weights had corrections."""
    model._forget_compiled_steps()
    getattr(model, "_writers", {}).clear()


def load_adapter(model: Any, name: str | os.PathLike, merge: bool = False) -> None:
    """Put an adapter on a model; see `HubModel.load_adapter`."""
    files = find(name)
    config = files.json("adapter_config.json")
    check_config(config, str(files))
    path = files.path("adapter_model.safetensors")
    if path is None:
        raise FileNotFoundError(
            f"{files} holds no adapter_model.safetensors. A pickled file (adapter_model.bin) is not opened, since opening it "
            "runs what is written in it; save the adapter again with safe_serialization=True."
        )
    pairs, whole = sorted_out(Tensors(path), places_of(model), family_of(getattr(model, "backbone", model)).PREFIX)
    plan = []
    for module, (layer, found) in pairs.items():
        if set(found) != {"a", "b"}:
            raise ValueError(f"{path} holds one half of the adapter of {module!r}: its A or its B is missing.")
        a, b = found["a"].T, found["b"].T
        check_layer(layer, module, a, b, model)
        plan.append((layer, a, b, scale_of(module, a.shape[-1], config)))
    for place, array in whole.values():
        if array.shape != place.variable.shape:
            raise ValueError(f"{path} holds an array {array.shape} for {place.variable.path} {place.variable.shape}.")
    for place, array in whole.values():
        place.variable.assign_from(array)
    for layer, a, b, scale in plan:
        layer.enable_lora(a.shape[-1], lora_alpha=scale * a.shape[-1])
        for part, array in (("a", a), ("b", b)):
            getattr(layer, f"lora_{large_weight(layer)}_{part}").assign_from(array)
        if merge:
            layer.merge_lora()
    changed(model)


def sorted_out(
    tensors: Tensors, places: dict[str, Place], prefix: str
) -> tuple[dict[str, tuple[Any, dict]], dict[str, tuple[Place, Any]]]:
    """What a file holds: module -> (layer, {"a", "b"}), and name -> (place, array) of weights that are replaced whole.

    Raises:
        ValueError: which names every tensor that has no place.
    """
    pairs: dict[str, tuple[Any, dict]] = {}
    whole, lost = {}, []
    bare = {
        name.removeprefix(prefix): place for name, place in places.items()
    }  # as adapters of a backbone alone have it
    for name in tensors:
        plain = name.removeprefix(ROOT).replace(".modules_to_save.", ".").replace(".base_layer.", ".")
        ending = next((ending for ending in KINDS if plain.endswith(ending)), None)
        weight = plain if ending is None else plain.removesuffix(ending) + ".weight"
        place = places.get(weight) or bare.get(weight)
        if place is None or (ending is not None and not isinstance(place.layer, Adaptable)):
            lost.append(name)
        elif ending is None:
            array = tensors[name]
            whole[weight] = (place, place.transform.read(array) if place.transform else array)
        else:
            module = weight.removesuffix(".weight")
            pairs.setdefault(module, (place.layer, {}))[1][KINDS[ending]] = tensors[name]
    if lost:
        listed = ", ".join(lost[:8]) + (", ..." if len(lost) > 8 else "")
        raise ValueError(f"The adapter has tensors without a place in this model: {listed}. It is for another one.")
    return pairs, whole


def check_config(config: dict[str, Any], source: str) -> None:
    """Nothing, for an adapter that is computed with here.

    Raises:
        ValueError: which names the options that are not.
    """
    if config.get("peft_type") != "LORA":
        raise ValueError(f"{source} is an adapter of type {config.get('peft_type')!r}; LORA alone is known here.")
    known = USED | INERT | {"init_lora_weights", "bias"}
    unknown = {key: value for key, value in config.items() if key not in known and value}
    if config.get("init_lora_weights", True) not in STARTS:
        unknown["init_lora_weights"] = config["init_lora_weights"]
    if config.get("bias", "none") != "none":
        unknown["bias"] = config["bias"]
    if unknown:
        raise ValueError(
            f"{source} is an adapter with options that are not computed with here: {unknown}. Merge it with PEFT "
            "(merge_and_unload), save the whole model, and load that."
        )
    odd = [key for key in config.get("alpha_pattern") or {} if not re.fullmatch(r"[\w.]+", key)]
    if odd:
        raise ValueError(
            f"{source} has an alpha_pattern by regular expressions, {odd}; names of modules are read here."
        )
    numbers = [config.get("lora_alpha", 8), *(config.get("alpha_pattern") or {}).values()]
    if not all(type(number) in (int, float) and math.isfinite(number) for number in numbers):
        raise ValueError(f"{source} has a lora_alpha that is no number: {numbers}.")


def check_layer(layer: Any, module: str, a: np.ndarray, b: np.ndarray, model: Any) -> None:
    """Nothing, for a layer that a correction a b can be put beside.

    Raises:
        ValueError: for one that has a correction, has another shape, or is shared by a head.
    """
    if layer.lora_enabled:
        raise ValueError(
            f"{module!r} has a correction already, and there can be one; hornbook.lora.merge(model) makes it part of the weights."
        )
    shape = tuple(getattr(layer, large_weight(layer)).shape)
    if a.ndim != 2 or b.ndim != 2 or (*a.shape[:1], *b.shape[1:]) != shape or a.shape[1] != b.shape[0]:
        raise ValueError(
            f"The adapter of {module!r} is a product of {a.shape} and {b.shape}; the weight here is {shape}."
        )
    if getattr(getattr(model, "head", None), "table", None) is layer:
        raise ValueError(
            f"The adapter changes {module!r}, which the head shares: PEFT leaves the head as it was, and here there is one "
            "table. Merge the adapter with PEFT, save the whole model, and load that."
        )


def scale_of(module: str, rank: int, config: dict[str, Any]) -> float:
    """How much the correction of a module counts."""
    alphas = config.get("alpha_pattern") or {}
    of_module = [alpha for key, alpha in alphas.items() if f".{module}".endswith(f".{key}")]
    alpha = of_module[0] if of_module else config.get("lora_alpha", 8)
    return alpha / (math.sqrt(rank) if config.get("use_rslora") else rank)


def large_weight(layer: Any) -> str:
    """The name of the weight that is corrected."""
    return "embeddings" if hasattr(layer, "embeddings") else "kernel"


def save_adapter(model: Any, folder: str | os.PathLike) -> None:
    """Write the corrections of a model; see `HubModel.save_adapter`."""
    kind = getattr(model, "kind_of_files", "backbone")
    tensors, modules, heads = {}, {}, []
    places = places_of(model)
    for name, (layer, attribute, _) in places.items():
        if isinstance(layer, Adaptable) and layer.lora_enabled and attribute == large_weight(layer):
            module = name.removesuffix(".weight")
            parts = ("lora_embedding_A", "lora_embedding_B")
            if attribute == "kernel":
                parts = ("lora_A.weight", "lora_B.weight")
            for part, letter in zip(parts, "ab", strict=True):
                array = getattr(layer, f"lora_{attribute}_{letter}").numpy().T
                tensors[f"{ROOT}{module}.{part}"] = np.ascontiguousarray(array, "float32")
            modules[module] = layer
    if not modules:
        raise ValueError("The model has no corrections to save; enable_lora(rank) on its layers makes them.")
    if kind in NEW_HEADS:
        prefix = family_of(model.backbone).PREFIX
        for name, place in places.items():
            if not (prefix and name.startswith(prefix)) and any(
                place.layer is part for part in model.head._flatten_layers()
            ):
                if name.removesuffix(".weight") in modules:
                    continue
                array = place.variable.numpy()
                array = place.transform.write(array) if place.transform else array
                tensors[ROOT + name] = np.ascontiguousarray(array, "float32")
                heads.append(name.split(".")[0])
    ranks = {module: layer.lora_rank for module, layer in modules.items()}
    alphas = {module: layer.lora_alpha for module, layer in modules.items()}
    rank, alpha = (Counter(numbers.values()).most_common(1)[0][0] for numbers in (ranks, alphas))
    origin = getattr(getattr(model, "backbone", model), "origin", {})
    config = {
        "peft_type": "LORA",
        "task_type": TASK_TYPES.get(kind),
        "base_model_name_or_path": origin.get("repository"),
        "inference_mode": True,
        "r": rank,
        "lora_alpha": alpha,
        "rank_pattern": {module: other for module, other in ranks.items() if other != rank},
        "alpha_pattern": {module: other for module, other in alphas.items() if other != alpha},
        "lora_dropout": 0.0,
        "use_rslora": False,
        "use_dora": False,
        "fan_in_fan_out": all(places[f"{module}.weight"].transform is None for module in modules),
        "bias": "none",
        "target_modules": sorted(modules),
        "modules_to_save": sorted(set(heads)) or None,
    }
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    save_tensors(tensors, folder / "adapter_model.safetensors")
    with written_aside(folder / "adapter_config.json") as aside:
        aside.write_text(json.dumps(config, indent=2, sort_keys=True) + "\n", encoding="utf-8")
