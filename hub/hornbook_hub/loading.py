"""`hub.load`: the whole road on one page.

name -> preset row -> files -> config -> backbone -> weights -> tokenizer -> task
"""

import logging
import os
import re
import tempfile
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

from hornbook.core.budget import WeightBudget
from hornbook.core.dtype_policies import default_policy
from hornbook.core.unfilled import Unfilled
from hornbook.models.described import SPARE_BYTES, WEIGHT_RATIO
from hornbook.saving.safetensors import Tensors
from hornbook_hub import timm
from hornbook_hub.checkpoints import preset_rows
from hornbook_hub.families import FAMILIES, family_of
from hornbook_hub.files import Files, find, unknown, weight_file
from hornbook_hub.lock import Record, read_lock, write_lock
from hornbook_hub.nested import TEXT_PARTS, text_config, text_layout
from hornbook_hub.preprocessing import Preprocessor
from hornbook_hub.tasks import POOLINGS, TASKS, Classifier
from hornbook_hub.tokenizers import Tokenizer, folders
from hornbook_hub.weights import load_rows, rows_of

logger = logging.getLogger("hornbook_hub")

WITHOUT_HEAD = ("backbone", "encoder")


def load(
    name: str | os.PathLike,
    task: str | None = None,
    load_weights: bool = True,
    dtype: Any = None,
    lock: str | os.PathLike | None = None,
    **overrides: Any,
) -> Any:
    """A pretrained model with its tokenizer.

    Weights are mapped from the disk and written tensor by tensor into a model that has no numbers yet: the peak of memory is
    the model and its largest tensor.

    Args:
        name: a preset ("bert_base", "bert_tiny"), "hf://org/name" (or "hf://org/name@revision"), or a folder.
        task: "backbone", "encoder" (of a model that has a decoder too), "masked_lm", "text_classifier", ... (the names of
            `tasks.TASKS`); the checkpoint's own if None.
        load_weights: False leaves the weights as they start, at random; only the config is needed then, and the tokenizer is
            taken along if it can be had.
        dtype: "bfloat16", "float16", "float32", or another dtype policy's name ("mixed_bfloat16"); tensors are cast one by one
            on the way. The policy of `config.set_dtype_policy` if None.
        lock: the path of a record such as "hornbook.lock". What was loaded is written there (commit, sizes, sha256); if the
            model stands there already, exactly that is loaded.
        overrides: arguments of the task, such as `num_classes=3`, and fields of the config.

    Returns:
        the task's model, or the backbone (with its tokenizer as `.tokenizer`).

    Raises:
        ValueError: for an unknown preset or task, and for files that do not fit, are damaged, or differ from the record.
        OSError: where a file can be had neither from the cache nor from the network.

    >>> import hornbook_hub as hub
    >>> model = hub.load("bert_tiny", task="text_classifier", num_classes=2)
    >>> model.predict(["Good.", "Bad."], verbose=0).shape
    (2, 2)
    """
    if task is not None and task not in (*TASKS, *WITHOUT_HEAD):
        raise unknown("task", task, [*TASKS, *WITHOUT_HEAD])
    entry = None if lock is None else read_lock(lock, os.fspath(name))
    files = find(name, None if entry is None else entry["commit"])
    if lock is not None:
        files.record = Record({} if entry is None else entry["files"], lock)

    config_dict = files.json("config.json")
    of_timm = config_dict if "architecture" in config_dict and "model_type" not in config_dict else None
    if of_timm is not None:
        config_dict, layout = timm.read_config(of_timm, FAMILIES)
    whole = str(config_dict.get("model_type"))
    kind = TEXT_PARTS.get(whole, whole)
    if kind not in FAMILIES:
        raise ValueError(f"{files} holds a model of type {kind!r}; the hub knows {sorted([*FAMILIES, *TEXT_PARTS])}.")
    family = FAMILIES[kind]
    if kind != whole:
        config_dict, layout = text_config(config_dict, family), text_layout(family)
        logger.warning("%s reads more than texts (%s); the part that reads texts is loaded.", files, whole)
    elif of_timm is None:
        layout = family  # of the files
    backbone_class = family.BACKBONE
    known = {f.name for f in backbone_class.config_class.__dataclass_fields__.values()}
    config_dict |= {key: overrides.pop(key) for key in list(overrides) if key in known}

    embedding = embedding_settings(files) if task in (None, "text_embedder") else {}
    if task is None:
        task = "text_embedder" if embedding else _own_task(config_dict, family, files)
    if task in ("encoder", "text_embedder"):
        config_dict |= _encoder_alone(family, task)
        task = "backbone" if task == "encoder" else task
    config = backbone_class.config_class.from_dict(config_dict)
    longest = min(config.max_length, embedding.pop("max_length", config.max_length))
    preprocessor = _preprocessor(files, longest, family) if of_timm is None else timm.preprocessor(of_timm)
    tensors = Tensors(weight_file(files)) if load_weights else None
    if tensors is not None:
        config.heed(tensors)
    unfilled = Unfilled()
    with _within(tensors, config, files), default_policy(dtype), unfilled if load_weights else nullcontext():
        backbone = backbone_class(config)
        backbone.origin = files.origin
        if task == "backbone":
            model = backbone
            backbone.preprocessor = preprocessor
            backbone.tokenizer = getattr(preprocessor, "tokenizer", None)
        else:
            if task == "text_embedder":
                overrides = {**embedding, **overrides}
            if issubclass(TASKS[task], Classifier):
                overrides.setdefault("num_classes", len(config.id2label or {}) or 2)
            model = TASKS[task](backbone, preprocessor, **overrides)
    if hasattr(model, "generation_config") and files.path("generation_config.json") is not None:
        model.generation_config = files.json("generation_config.json")
    if tensors is not None:
        unfilled.fill(but=assign_weights(model, backbone, task, layout, files, tensors))
    if lock is not None and (entry is None or entry["files"] != files.record.files):
        write_lock(lock, os.fspath(name), {**files.source, "files": files.record.files})
    return model


def _within(tensors: Tensors | None, config: Any, files: Files) -> AbstractContextManager:
    """A scope in which a model may be no larger than its file of weights accounts for; any size where there is no file."""
    if tensors is None:
        return nullcontext()
    if config.depth > len(tensors):
        raise ValueError(
            f"{files} speaks of {config.depth:,} layers, and its weights are {len(tensors):,} tensors: they do "
            "not belong together."
        )
    return WeightBudget(SPARE_BYTES + WEIGHT_RATIO * tensors.bytes)


def _own_task(config: dict[str, Any], family: Any, files: Files) -> str:
    row = next((row for name, row in preset_rows() if name == files.preset), {})
    if "task" in row:
        return row["task"]
    names = config.get("architectures") or []
    for name in names:
        if name in family.ARCHITECTURES:
            return family.ARCHITECTURES[name]
    if names:
        raise ValueError(
            f"{files} holds {names[0]}, a task the hub does not know; pass task='backbone', or one of {sorted(TASKS)}."
        )
    return "backbone"


def _encoder_alone(family: Any, task: str) -> dict[str, Any]:
    """What a config says where a model's encoder is wanted without its decoder; nothing in families without a decoder."""
    if "encoder" in family.ARCHITECTURES.values():
        return {"is_encoder_decoder": False}
    if task == "encoder":
        raise ValueError(f"A {family.BACKBONE.__name__} has no encoder apart from the rest; pass task='backbone'.")
    return {}


def embedding_settings(files: Files) -> dict[str, Any]:
    """How a folder of sentence-transformers makes vectors: pooling, normalize, prompts, max_length; empty for others.

    Raises:
        ValueError: for steps that are not known here.
    """
    if files.path("modules.json") is None:
        return {}
    modules = files.json("modules.json", list)
    steps = {str(step.get("type")).rsplit(".", 1)[-1]: str(step.get("path")) for step in modules}
    if "Pooling" not in steps:
        return {}
    unknown = sorted(set(steps) - {"Transformer", "Pooling", "Normalize"})
    if unknown or not re.fullmatch(r"\w+", steps["Pooling"]):
        raise ValueError(f"{files} makes vectors in steps that are not known here: {unknown or steps}.")
    settings = files.json(f"{steps['Pooling']}/config.json")
    chosen = [key for key, value in settings.items() if key.startswith("pooling_mode") and value]
    names = [name for name, key in POOLINGS.items() if key in chosen or settings.get("pooling_mode") == name]
    if len(names) != 1 or len(chosen) != 1:
        raise ValueError(f"{files} pools by {chosen}; known is one of {sorted(POOLINGS.values())}.")
    found = {"pooling": names[0], "normalize": "Normalize" in steps}
    if files.path("sentence_bert_config.json") is not None:
        longest = files.json("sentence_bert_config.json").get("max_seq_length")
        found |= {"max_length": longest} if isinstance(longest, int) else {}
    if files.path("config_sentence_transformers.json") is not None:
        found["prompts"] = files.json("config_sentence_transformers.json").get("prompts") or {}
    return found


def _preprocessor(files: Files, max_length: int, family: Any) -> Preprocessor | None:
    """What the checkpoint's raw inputs go through: the family says how its files are read; texts, if it does not."""
    if hasattr(family, "preprocessor"):
        return family.preprocessor(files, max_length)
    names = tuple(name for name in family.BACKBONE.input_names if not name.startswith("decoder_"))
    return tokenizer_of(files, max_length, names)


def preprocessor_from(contents: dict[str, str], max_length: int, backbone: Any) -> Preprocessor | None:
    """The preprocessor whose `files()` these are.

    Raises:
        ValueError: for contents that are no texts, or names that lead elsewhere than into a folder.
    """
    wrong = [
        name for name, text in contents.items() if not re.fullmatch(r"\w[\w.\-]*", name) or not isinstance(text, str)
    ]
    if wrong:
        raise ValueError(f"A preprocessor's files are texts, named without folders; got {wrong}.")
    with tempfile.TemporaryDirectory() as folder:
        for name, text in contents.items():
            (Path(folder) / name).write_text(text, encoding="utf-8")
        return _preprocessor(Files(Path(folder)), max_length, family_of(backbone))


def tokenizer_of(files: Files, max_length: int, names: tuple[str, ...]) -> Tokenizer | None:
    """The tokenizer of a checkpoint, None where it has none."""
    whole = files.path("tokenizer.json")
    vocabularies = folders.VOCABULARIES if whole is None else folders.OLD_VOCABULARIES
    paths = [whole, *map(files.path, vocabularies)]
    found = next((path for path in paths if path is not None), None)
    if found is None:
        return None
    for name in (*folders.SETTINGS, *folders.TEMPLATES):
        files.path(name)  # fetched, into the same folder
    return Tokenizer.from_folder(found.parent, max_length, names)


# ------------------------------------------------------------------------------------------------------------- weights
def assign_weights(model: Any, backbone: Any, task: str, layout: Any, files: Files, tensors: Tensors) -> list[Any]:
    """Read the weights of backbone and head from a checkpoint, tensor by tensor.

    A head that the file does not hold keeps its first weights, and a line says so.

    Args:
        model: the task's model.
        backbone: its backbone.
        task: its name.
        layout: the names in the files: those of the family's module, or its `TIMM`.
        files: where the weights are, for messages.
        tensors: the weights.

    Returns:
        the variables that have been written.

    Raises:
        ValueError: for missing, misshapen and unknown tensors, which are named.
    """
    # Names as the layout's table has them: without the prefix, in today's spelling.
    prefix = layout.PREFIX if any(name.startswith(layout.PREFIX) for name in tensors) else ""
    names = {}
    for name in tensors:
        plain = name.removeprefix(prefix)
        for old, new in layout.OLD_NAMES.items():
            plain = plain.replace(old, new)
        names[plain] = name
    view = _Renamed(tensors, names)

    rows, dropped = rows_of(backbone, layout.WEIGHTS, backbone.config)
    absent = []
    if layout.POOLER and not set(layout.POOLER) & set(names):
        rows = [row for row in rows if row[0] not in layout.POOLER]  # the checkpoint's own task does without
        if task == "backbone" or model.uses_pooler:
            absent.append("pooler")
    if task != "backbone" and model.kind_of_files != "backbone":
        wanted, more = rows_of(model, layout.HEADS[model.kind_of_files][1], backbone.config)
        dropped |= more
        parts = {name.split(".")[0] for name in names}
        rows += [row for row in wanted if row[0].split(".")[0] in parts]
        lacking = sorted({row[0].split(".")[0] for row in wanted} - parts)
        if lacking:
            absent.append(f"head for {task} ({', '.join(lacking)})")
    if absent:
        logger.warning(
            "%s holds no %s: what is missing starts at random; train it with fit().", files, " and no ".join(absent)
        )
    claimed = {name for name, _, _ in rows}
    dropped |= {name for name in names if name.startswith(layout.OTHER_HEADS) and name not in claimed}
    return load_rows(rows, view, dropped, str(files))


class _Renamed(dict):
    """The tensors of a file under other names; a tensor is read when it is asked for."""

    def __init__(self, tensors: Tensors, names: dict[str, str]) -> None:
        super().__init__(names)
        self._tensors = tensors

    def __getitem__(self, name: str) -> Any:
        return self._tensors[super().__getitem__(name)]
