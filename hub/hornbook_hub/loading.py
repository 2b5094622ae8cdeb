"""`hub.load`: the whole road on one page.

name -> preset row -> files -> config -> backbone -> weights -> tokenizer -> task
"""

import difflib
import hashlib
import logging
import os
import re
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

from hornbook.core.budget import WeightBudget
from hornbook.core.untrusted import read_json
from hornbook.models.described import SPARE_BYTES, WEIGHT_RATIO
from hornbook.saving.safetensors import DamagedWeightsError, Tensors, shards
from hornbook_hub.families import FAMILIES, preset_rows
from hornbook_hub.preprocessing import Preprocessor
from hornbook_hub.tasks import POOLINGS, TASKS, Classifier
from hornbook_hub.tokenizers import Tokenizer
from hornbook_hub.weights import load_rows, rows_of

logger = logging.getLogger("hornbook_hub")

WITHOUT_HEAD = ("backbone", "encoder")
WEIGHT_FILES = ("model.safetensors", "model.safetensors.index.json")
TOKENIZER_FILES = ("tokenizer.json", "vocab.txt", "tokenizer_config.json")


def load(name: str | os.PathLike, task: str | None = None, load_weights: bool = True, **overrides: Any) -> Any:
    """A pretrained model with its tokenizer.

    Args:
        name: a preset ("bert_base", "bert_tiny"), "hf://org/name" (or "hf://org/name@revision"), or a folder.
        task: "backbone", "encoder" (of a model that has a decoder too), "masked_lm", "text_classifier", ... (the names of
            `tasks.TASKS`); the checkpoint's own if None.
        load_weights: False leaves the weights as they start, at random, and needs no file of weights.
        overrides: arguments of the task, such as `num_classes=3`, and fields of the config.

    Returns:
        the task's model, or the backbone (with its tokenizer as `.tokenizer`).

    Raises:
        ValueError: for an unknown preset or task, and for files that do not fit or are damaged.
        OSError: where a file can be had neither from the cache nor from the network.

    >>> import hornbook_hub as hub
    >>> model = hub.load("bert_tiny", task="text_classifier", num_classes=2)
    >>> model.predict(["Good.", "Bad."], verbose=0).shape
    (2, 2)
    """
    if task is not None and task not in (*TASKS, *WITHOUT_HEAD):
        raise _unknown("task", task, [*TASKS, *WITHOUT_HEAD])
    files = find(name)

    config_dict = files.json("config.json")
    kind = config_dict.get("model_type")
    if kind not in FAMILIES:
        raise ValueError(f"{files} holds a model of type {kind!r}; the hub knows {sorted(FAMILIES)}.")
    family = FAMILIES[kind]
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
    preprocessor = _preprocessor(files, longest, family)
    tensors = Tensors(weight_file(files)) if load_weights else None
    if tensors is not None:
        config.heed(tensors)
    with _within(tensors, config, files):
        backbone = backbone_class(config)
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
        assign_weights(model, backbone, task, family, files, tensors)
    return model


def _within(tensors: Tensors | None, config: Any, files: "Files") -> AbstractContextManager:
    """A scope in which a model may be no larger than its file of weights accounts for; any size where there is no file."""
    if tensors is None:
        return nullcontext()
    if config.depth > len(tensors):
        raise ValueError(
            f"{files} speaks of {config.depth:,} layers, and its weights are {len(tensors):,} tensors: they do "
            "not belong together."
        )
    return WeightBudget(SPARE_BYTES + WEIGHT_RATIO * tensors.bytes)


def presets() -> list[dict[str, Any]]:
    """The presets: name, aliases, parameters, licence, where they come from.

    >>> import hornbook_hub as hub
    >>> [row["name"] for row in hub.presets()][:2]
    ['bert_tiny', 'bert_base']
    """
    return [{"name": name, **row} for name, row in preset_rows()]


def _unknown(what: str, name: Any, known: list[str]) -> ValueError:
    near = difflib.get_close_matches(str(name), known, n=3, cutoff=0.4)
    hint = f"Did you mean {' or '.join(map(repr, near))}?" if near else f"Known are {', '.join(sorted(known))}."
    more = " A folder is given by its path, a repository as 'hf://org/name'." if what == "preset" else ""
    return ValueError(f"Unknown {what} {name!r}. {hint}{more}")


def _own_task(config: dict[str, Any], family: Any, files: "Files") -> str:
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


def embedding_settings(files: "Files") -> dict[str, Any]:
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


# --------------------------------------------------------------------------------------------------------------- files
class Files:
    """The files of a checkpoint, in a folder."""

    def __init__(self, folder: Path, preset: str | None = None) -> None:
        self.folder, self.preset = folder, preset

    def path(self, name: str) -> Path | None:
        """A file's path; None where there is no such file."""
        path = self.folder / name
        return path if path.is_file() else None

    def json(self, name: str, kind: type = dict) -> Any:
        """A JSON file's contents: an object, or a `list` of objects.

        Raises:
            FileNotFoundError: where there is no such file.
            ValueError: where it holds something else.
        """
        path = self.path(name)
        if path is None:
            raise FileNotFoundError(f"{self} holds no {name}, so it is no model in Hugging Face's layout.")
        try:
            found = read_json(path.read_bytes(), name)
        except ValueError as error:
            raise DamagedWeightsError(f"{path} is damaged: {error} Delete it and fetch it again.") from None
        if not isinstance(found, kind) or (kind is list and not all(isinstance(part, dict) for part in found)):
            raise DamagedWeightsError(f"{path} is damaged: it holds no JSON object. Delete it and fetch it again.")
        return found

    def __str__(self) -> str:
        return str(self.folder)


class HubFiles(Files):
    """The files of a repository on the Hugging Face Hub, fetched when asked for and kept in its cache."""

    def __init__(self, repository: str, revision: str | None, preset: str | None = None) -> None:
        self.repository, self.revision, self.preset = repository, revision, preset
        self._verified: set[Path] = set()

    def path(self, name: str) -> Path | None:
        """A file's path in the cache; None where the repository has no such file."""
        from huggingface_hub import constants, hf_hub_download
        from huggingface_hub.errors import EntryNotFoundError, LocalEntryNotFoundError

        offline = os.environ.get("HF_HUB_OFFLINE", "").lower() in ("1", "true", "yes", "on")
        try:
            path = hf_hub_download(
                self.repository,
                name,
                revision=self.revision,
                endpoint=os.environ.get("HF_ENDPOINT") or None,
                local_files_only=offline or constants.HF_HUB_OFFLINE,
            )
        except LocalEntryNotFoundError as error:
            if self._in_cache("config.json") and name != "config.json" and name not in WEIGHT_FILES:
                return None  # an optional file that was not there when the others were fetched
            if name == WEIGHT_FILES[1]:
                return None
            raise self._unreachable(name, error) from None
        except EntryNotFoundError:
            return None
        except Exception as error:
            raise self._unreachable(name, error) from None
        self._verify(Path(path))
        return Path(path)

    def _in_cache(self, name: str) -> bool:
        from huggingface_hub import try_to_load_from_cache

        return isinstance(try_to_load_from_cache(self.repository, name, revision=self.revision), str)

    def _unreachable(self, name: str, error: Exception) -> OSError:
        from huggingface_hub import constants

        what = f"Preset {self.preset!r}" if self.preset else "The model"
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        return OSError(
            f"{what} needs {name} of the repository {self.repository!r}, which is neither in the cache "
            f"({constants.HF_HUB_CACHE}) nor could be fetched ({type(error).__name__}: {reason}). Connect to the network; or "
            "set HF_ENDPOINT to a mirror, HF_TOKEN for a gated repository, or HF_HOME to a cache that holds it; or pass "
            "the path of a folder with its files. hub.load('bert_tiny') needs no network."
        )

    def _verify(self, path: Path) -> None:
        """Compare a large file with its sha256, which is the name of its blob in the cache."""
        blob = path.resolve()
        if blob in self._verified or not re.fullmatch("[0-9a-f]{64}", blob.name):
            return
        with open(blob, "rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if found != blob.name:
            raise DamagedWeightsError(
                f"{path.name} of {self.repository!r} is damaged: its sha256 is {found}, not {blob.name}. Delete {blob} and load "
                "it again."
            )
        self._verified.add(blob)

    def __str__(self) -> str:
        return f"hf://{self.repository}" + (f"@{self.revision}" if self.revision else "")


def find(name: str | os.PathLike) -> Files:
    """Where the files of a model are.

    Raises:
        ValueError: for a name that is no preset, repository or folder.
    """
    text = os.fspath(name)
    if text.startswith("hf://"):
        repository, _, revision = text.removeprefix("hf://").partition("@")
        if not re.fullmatch(r"[\w.\-]+/[\w.\-]+", repository):
            raise ValueError(f"A repository is written 'hf://org/name', got {text!r}.")
        return HubFiles(repository, revision or None)
    for preset, row in preset_rows():
        if text in (preset, *row.get("aliases", ())):
            if "folder" in row:
                return Files(Path(__file__).parent / row["folder"], preset)
            return HubFiles(row["repository"], row["revision"], preset)
    if Path(text).is_dir():
        return Files(Path(text))
    names = [name for preset, row in preset_rows() for name in (preset, *row.get("aliases", ()))]
    if "/" in text or os.sep in text:
        raise ValueError(
            f"There is no folder {text!r}. A repository on the Hugging Face Hub is written 'hf://org/name'."
        )
    raise _unknown("preset", text, names)


def _preprocessor(files: Files, max_length: int, family: Any) -> Preprocessor | None:
    """What the checkpoint's raw inputs go through: the family says how its files are read; texts, if it does not."""
    if hasattr(family, "preprocessor"):
        return family.preprocessor(files, max_length)
    names = tuple(name for name in family.BACKBONE.input_names if not name.startswith("decoder_"))
    return tokenizer_of(files, max_length, names)


def tokenizer_of(files: Files, max_length: int, names: tuple[str, ...]) -> Tokenizer | None:
    """The tokenizer of a checkpoint, None where it has none."""
    paths = {name: files.path(name) for name in TOKENIZER_FILES}
    found = next((p for name, p in paths.items() if p is not None and name != "tokenizer_config.json"), None)
    return None if found is None else Tokenizer.from_folder(found.parent, max_length, names)


# ------------------------------------------------------------------------------------------------------------- weights
def weight_file(files: Files) -> Path:
    """The file of weights, or the index of several that are all there.

    Raises:
        FileNotFoundError: where there is none, or one is missing.
    """
    path = next((p for p in map(files.path, WEIGHT_FILES) if p is not None), None)
    if path is None:
        raise FileNotFoundError(
            f"{files} holds no weights: neither {' nor '.join(WEIGHT_FILES)} is there. Pickled files (pytorch_model.bin) are "
            "not opened, since opening them runs what is written in them."
        )
    for shard in shards(path):
        if files.path(shard.name) is None:
            raise FileNotFoundError(f"{files} lacks {shard.name}, which {path.name} names.")
    return path


def assign_weights(model: Any, backbone: Any, task: str, family: Any, files: Files, tensors: Tensors) -> None:
    """Read the weights of backbone and head from a checkpoint, tensor by tensor.

    A head that the file does not hold keeps its first weights, and a line says so.

    Raises:
        ValueError: for missing, misshapen and unknown tensors, which are named.
    """
    # Names as the family's table has them: without the prefix, in today's spelling.
    prefix = family.PREFIX if any(name.startswith(family.PREFIX) for name in tensors) else ""
    names = {}
    for name in tensors:
        plain = name.removeprefix(prefix)
        for old, new in family.OLD_NAMES.items():
            plain = plain.replace(old, new)
        names[plain] = name
    view = _Renamed(tensors, names)

    rows, dropped = rows_of(backbone, family.WEIGHTS, backbone.config)
    absent = []
    if family.POOLER and not set(family.POOLER) & set(names):
        rows = [row for row in rows if row[0] not in family.POOLER]  # the checkpoint's own task does without
        if task == "backbone" or model.uses_pooler:
            absent.append("pooler")
    if task != "backbone" and model.kind_of_files != "backbone":
        wanted, more = rows_of(model, family.HEADS[model.kind_of_files][1], backbone.config)
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
    dropped |= {name for name in names if name.startswith(family.OTHER_HEADS) and name not in claimed}
    load_rows(rows, view, dropped, str(files))


class _Renamed(dict):
    """The tensors of a file under other names; a tensor is read when it is asked for."""

    def __init__(self, tensors: Tensors, names: dict[str, str]) -> None:
        super().__init__(names)
        self._tensors = tensors

    def __getitem__(self, name: str) -> Any:
        return self._tensors[super().__getitem__(name)]
