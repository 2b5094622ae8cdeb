"""`hub.load`: the whole road on one page.

name -> preset row -> files -> config -> backbone -> weights -> tokenizer -> task
"""

import difflib
import functools
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
from hornbook.core.untrusted import read_json
from hornbook.models.described import SPARE_BYTES, WEIGHT_RATIO
from hornbook.saving.safetensors import DamagedWeightsError, Tensors, shards
from hornbook_hub import timm
from hornbook_hub.families import FAMILIES, family_of, preset_rows
from hornbook_hub.lock import check, read_lock, sha256_of, write_lock
from hornbook_hub.nested import TEXT_PARTS, text_config, text_layout
from hornbook_hub.preprocessing import Preprocessor
from hornbook_hub.tasks import POOLINGS, TASKS, Classifier
from hornbook_hub.tokenizers import Tokenizer, folders
from hornbook_hub.weights import NUMPY_DTYPES, load_rows, rows_of

logger = logging.getLogger("hornbook_hub")

WITHOUT_HEAD = ("backbone", "encoder")
WEIGHT_FILES = ("model.safetensors", "model.safetensors.index.json")
OWN_TASKS = ("causal_lm", "masked_lm")  # what a checkpoint was pretrained for, if its preset does not say
SETTINGS = ["*.json", "*.txt", "*.model", "*.jinja"]  # the small files of a repository


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
        raise _unknown("task", task, [*TASKS, *WITHOUT_HEAD])
    entry = None if lock is None else read_lock(lock, os.fspath(name))
    files = find(name, None if entry is None else entry["commit"])
    if lock is not None:
        files.hold_to({} if entry is None else entry["files"], lock)

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
    if lock is not None and (entry is None or entry["files"] != files.record):
        write_lock(lock, os.fspath(name), {**files.source, "files": files.record})
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
    """The presets: name, aliases, family, task, parameters, bytes (of the file of weights, about), licence, cached, and where
    they come from. "cached" says whether loading needs no download.

    >>> import hornbook_hub as hub
    >>> [row["name"] for row in hub.presets()][:2]
    ['bert_tiny', 'bert_base']
    >>> {key: hub.presets()[1][key] for key in ("family", "task", "bytes", "licence")}
    {'family': 'bert', 'task': 'masked_lm', 'bytes': 437928960, 'licence': 'Apache-2.0'}
    """
    found = []
    for name, row in preset_rows():
        family = next(kind for kind, module in FAMILIES.items() if name in module.PRESETS)
        module = FAMILIES[family]
        task = next((task for task in OWN_TASKS if task in module.HEADS), "backbone")
        files = find(name)
        size = row["parameters"] * NUMPY_DTYPES[getattr(module, "STORED_DTYPE", "float32")].itemsize
        if "folder" in row:
            size = weight_file(files).stat().st_size
        facts = {"name": name, "aliases": (), "family": family, "task": task, "bytes": size, **row}
        found.append({**facts, "cached": files.cached})
    return found


def download(name: str | os.PathLike) -> Path:
    """Fetch a model's files into the cache, with bars of progress for large ones; gives the folder they are in.

    Raises:
        ValueError: for an unknown preset.
        OSError: where the files cannot be had.

    >>> import hornbook_hub as hub
    >>> hub.download("bert_tiny").name
    'bert_tiny'
    """
    files = find(name)
    files.fetch_settings()
    return weight_file(files).parent


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

    record: dict[str, Any] | None = None  # name -> size and sha256, or None, of each file that was asked for
    lock: Any = None

    def __init__(self, folder: Path, preset: str | None = None) -> None:
        self.folder, self.preset = folder, preset

    def hold_to(self, record: dict[str, Any], lock: str | os.PathLike) -> None:
        """From now on, compare each file with what a record says of it, and note those that it does not know."""
        self.record, self.lock = dict(record), lock

    def path(self, name: str) -> Path | None:
        """A file's path; None where there is no such file.

        Raises:
            ValueError: for a file that is not what the record says.
        """
        path = self._find(name)
        if self.record is not None and (self.lock, name) not in self._checked:
            if name in self.record:
                check(name, path, self.record[name], self.lock)
            else:
                about = None if path is None else {"size": path.stat().st_size, "sha256": sha256_of(path)}
                self.record[name] = about
            self._checked.add((self.lock, name))
        return path

    def _find(self, name: str) -> Path | None:
        path = self.folder / name
        return path if path.is_file() else None

    @functools.cached_property
    def _checked(self) -> set:
        return set()

    @property
    def source(self) -> dict[str, str | None]:
        """Where the files are from, as a record has it."""
        return {"repository": None, "commit": None}

    @property
    def origin(self) -> dict[str, str | None]:
        """Preset, repository and licence of the model, as far as they are known."""
        licence = next((row.get("licence") for name, row in preset_rows() if name == self.preset), None)
        return {"preset": self.preset, "repository": getattr(self, "repository", None), "licence": licence}

    @property
    def cached(self) -> bool:
        """Whether the weights are on this machine."""
        return True

    def fetch_settings(self) -> None:
        """Get all the small files."""

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

    def _find(self, name: str) -> Path | None:
        from huggingface_hub import constants, hf_hub_download
        from huggingface_hub.errors import EntryNotFoundError, LocalEntryNotFoundError

        offline = os.environ.get("HF_HUB_OFFLINE", "").lower() in ("1", "true", "yes", "on")
        settled = re.fullmatch("[0-9a-f]{40}", self.revision or "") is not None and self._in_cache(name)
        offline = offline or constants.HF_HUB_OFFLINE
        away = None if settled or offline else self._is_away
        try:
            path = hf_hub_download(
                self.repository,
                name,
                revision=self.revision,
                endpoint=os.environ.get("HF_ENDPOINT") or None,
                local_files_only=settled or offline or away is not None,
            )
        except LocalEntryNotFoundError as error:
            error = self._is_away = away or error  # one file has waited for the network; the others need not
            if self._in_cache("config.json") and name != "config.json" and name not in WEIGHT_FILES:
                self._miss(name)
                return None
            if name == WEIGHT_FILES[1]:
                return None
            raise self._unreachable(name, error) from None
        except EntryNotFoundError:
            return None
        except Exception as error:
            raise self._unreachable(name, error) from None
        self._verify(Path(path))
        return Path(path)

    @functools.cached_property
    def _is_away(self) -> Exception | None:
        """Why the Hub cannot be reached; None where it answers, be it with an error.

        Asked once for all files: `hf_hub_download` tries five times for each, which takes half a minute.
        """
        from huggingface_hub import constants
        from huggingface_hub.utils import get_session

        try:
            get_session().head(
                os.environ.get("HF_ENDPOINT") or constants.ENDPOINT, timeout=constants.HF_HUB_ETAG_TIMEOUT
            )
        except Exception as error:
            return error
        return None

    @property
    def cached(self) -> bool:
        """Whether the weights are on this machine."""
        return any(map(self._in_cache, WEIGHT_FILES))

    def fetch_settings(self) -> None:
        """Get all the small files."""
        from huggingface_hub import snapshot_download

        self.path("config.json")  # with its errors, if the repository cannot be had
        endpoint = os.environ.get("HF_ENDPOINT") or None
        ignored = ["onnx/*", "openvino/*"]
        snapshot_download(
            self.repository, revision=self.revision, endpoint=endpoint, allow_patterns=SETTINGS, ignore_patterns=ignored
        )

    def _in_cache(self, name: str) -> bool:
        from huggingface_hub import try_to_load_from_cache

        return isinstance(try_to_load_from_cache(self.repository, name, revision=self.revision), str)

    def _miss(self, name: str) -> None:
        """Say that a file is done without, unless the cache knows that the repository has none of that name."""
        from huggingface_hub import _CACHED_NO_EXIST, try_to_load_from_cache

        if try_to_load_from_cache(self.repository, name, revision=self.revision) is not _CACHED_NO_EXIST:
            logger.warning("%s of %s is not in the cache, and the network is away: loaded without it.", name, self)

    @property
    def source(self) -> dict[str, str | None]:
        """Where the files are from, as a record has it: the repository, and the commit its revision stands for."""
        folder = self.path("config.json")
        return {"repository": self.repository, "commit": None if folder is None else folder.parent.name}

    def _unreachable(self, name: str, error: Exception) -> OSError:
        from huggingface_hub import constants
        from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError, RevisionNotFoundError

        what = f"Preset {self.preset!r}" if self.preset else "The model"
        needs = f"{what} needs {name} of the repository {self.repository!r}"
        page = f"{os.environ.get('HF_ENDPOINT') or constants.ENDPOINT}/{self.repository}"
        if isinstance(error, GatedRepoError):
            return OSError(
                f"{needs}, which is gated: its owners want their terms accepted first. Do so on {page}, then set HF_TOKEN to a "
                "token of that account (or run `hf auth login`), and load it again."
            )
        if isinstance(error, RepositoryNotFoundError):
            return OSError(
                f"{needs}, and there is no such repository, or it is private. Look for its name on {page}; for a private one, "
                "set HF_TOKEN to a token that may read it."
            )
        if isinstance(error, RevisionNotFoundError):
            return OSError(
                f"{needs}, which has no revision {self.revision!r}: name a branch, a tag or the 40 digits of a commit, as in "
                f"'hf://{self.repository}@main'. {page}/commits/main lists them."
            )
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        return OSError(
            f"{needs}, which is neither in the cache "
            f"({constants.HF_HUB_CACHE}) nor could be fetched ({type(error).__name__}: {reason}). Connect to the network; or "
            "set HF_ENDPOINT to a mirror, HF_TOKEN for a gated repository, or HF_HOME to a cache that holds it; or pass "
            "the path of a folder with its files. hub.load('bert_tiny') needs no network."
        )

    def _verify(self, path: Path) -> None:
        """Compare a large file with its sha256, which is the name of its blob in the cache."""
        blob = path.resolve()
        if blob in self._verified or not re.fullmatch("[0-9a-f]{64}", blob.name):
            return
        if (found := sha256_of(blob)) != blob.name:
            raise DamagedWeightsError(
                f"{path.name} of {self.repository!r} is damaged: its sha256 is {found}, not {blob.name}. Delete {blob} and load "
                "it again."
            )
        self._verified.add(blob)

    def __str__(self) -> str:
        return f"hf://{self.repository}" + (f"@{self.revision}" if self.revision else "")


def repository_of(name: str) -> tuple[str, str | None]:
    """The repository and the revision that "hf://org/name@revision" names; None stands for the newest.

    Raises:
        ValueError: for anything else.
    """
    found = re.fullmatch(r"hf://([\w.\-]+/[\w.\-]+)(?:@(.+))?", name)
    if found is None:
        raise ValueError(f"A repository is written 'hf://org/name' or 'hf://org/name@revision', got {name!r}.")
    return found[1], found[2]


def find(name: str | os.PathLike, commit: str | None = None) -> Files:
    """Where the files of a model are.

    Args:
        name: see `load`.
        commit: the commit of a repository, if another one is wanted than the name says.

    Raises:
        ValueError: for a name that is no preset, repository or folder.
    """
    text = os.fspath(name)
    if text.startswith("hf://"):
        repository, revision = repository_of(text)
        return HubFiles(repository, commit or revision)
    for preset, row in preset_rows():
        if text in (preset, *row.get("aliases", ())):
            if "folder" in row:
                return Files(Path(__file__).parent / row["folder"], preset)
            return HubFiles(row["repository"], commit or row["revision"], preset)
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
