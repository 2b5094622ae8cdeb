"""Where the files of a model are: in the package, in a folder, or on the Hugging Face Hub and in its cache.

`hornbook presets` and `hornbook info` need no more than this, and answer at once: what reads files by the rules of the
framework, and brings TensorFlow along, is imported in the functions that do so.
"""

import difflib
import functools
import hashlib
import logging
import os
import re
from pathlib import Path
from typing import Any

from hornbook_hub.checkpoints import PRESETS, preset_rows

logger = logging.getLogger("hornbook_hub")

WEIGHT_FILES = ("model.safetensors", "model.safetensors.index.json")
SETTINGS = ["*.json", "*.txt", "*.model", "*.jinja"]  # the small files of a repository
BYTES = {"float32": 4, "float16": 2, "bfloat16": 2}  # of a number


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
    for family, rows in PRESETS.items():
        for name, row in rows.items():
            files = find(name)
            size = row["parameters"] * BYTES[row["dtype"]]
            if "folder" in row:
                size = (files.folder / WEIGHT_FILES[0]).stat().st_size
            found.append({"name": name, "family": family, "bytes": size, "cached": files.cached, **row})
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


def sha256_of(path: Path) -> str:
    """The sha256 of a file's contents, in hexadecimal digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class Files:
    """The files of a checkpoint, in a folder."""

    record: Any = None  # the `lock.Record` that each file is held to

    def __init__(self, folder: Path, preset: str | None = None) -> None:
        self.folder, self.preset = folder, preset

    def path(self, name: str) -> Path | None:
        """A file's path; None where there is no such file.

        Raises:
            ValueError: for a file that is not what the record says.
        """
        path = self._find(name)
        if self.record is not None:
            self.record.hold(name, path)
        return path

    def _find(self, name: str) -> Path | None:
        path = self.folder / name
        return path if path.is_file() else None

    @property
    def source(self) -> dict[str, str | None]:
        """Where the files are from, as a record has it."""
        return {"repository": None, "commit": None}

    @property
    def origin(self) -> dict[str, str | None]:
        """Preset, repository and licence of the model, as far as they are known."""
        licence = next((row["licence"] for name, row in preset_rows() if name == self.preset), None)
        return {"preset": self.preset, "repository": getattr(self, "repository", None), "licence": licence}

    @property
    def cached(self) -> bool:
        """Whether the weights are on this machine."""
        return True

    def fetch_settings(self) -> None:
        """Get all the small files."""

    def contents(self, name: str) -> bytes:
        """A file's bytes.

        Raises:
            FileNotFoundError: where there is no such file.
        """
        path = self.path(name)
        if path is None:
            raise FileNotFoundError(f"{self} holds no {name}, so it is no model in Hugging Face's layout.")
        return path.read_bytes()

    def json(self, name: str, kind: type = dict) -> Any:
        """A JSON file's contents: an object, or a `list` of objects.

        Raises:
            FileNotFoundError: where there is no such file.
            ValueError: where it holds something else.
        """
        from hornbook.core.untrusted import read_json
        from hornbook.saving.safetensors import DamagedWeightsError

        try:
            found = read_json(self.contents(name), name)
        except ValueError as error:
            raise DamagedWeightsError(f"{self.path(name)} is damaged: {error} Delete it and fetch it again.") from None
        if not isinstance(found, kind) or (kind is list and not all(isinstance(part, dict) for part in found)):
            raise DamagedWeightsError(
                f"{self.path(name)} is damaged: it holds no JSON object. Delete it and fetch it again."
            )
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
            from hornbook.saving.safetensors import DamagedWeightsError

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
        if text in (preset, *row["aliases"]):
            if "folder" in row:
                return Files(Path(__file__).parent / row["folder"], preset)
            return HubFiles(row["repository"], commit or row["revision"], preset)
    if Path(text).is_dir():
        return Files(Path(text))
    names = [name for preset, row in preset_rows() for name in (preset, *row["aliases"])]
    if "/" in text or os.sep in text:
        raise ValueError(
            f"There is no folder {text!r}. A repository on the Hugging Face Hub is written 'hf://org/name'."
        )
    raise unknown("preset", text, names)


def weight_file(files: Files) -> Path:
    """The file of weights, or the index of several that are all there.

    Raises:
        FileNotFoundError: where there is none, or one is missing.
    """
    from hornbook.saving.safetensors import shards

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


def unknown(what: str, name: Any, known: list[str]) -> ValueError:
    """The error for a name that nobody knows, with those that are near."""
    near = difflib.get_close_matches(str(name), known, n=3, cutoff=0.4)
    hint = f"Did you mean {' or '.join(map(repr, near))}?" if near else f"Known are {', '.join(sorted(known))}."
    more = " A folder is given by its path, a repository as 'hf://org/name'." if what == "preset" else ""
    return ValueError(f"Unknown {what} {name!r}. {hint}{more}")
