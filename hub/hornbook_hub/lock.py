"""A record of what was loaded, `hornbook.lock`: which commit of which repository, and the sha256 of each file.

    {"version": 1, "models": {"bert_base": {"repository": "google-bert/bert-base-uncased", "commit": "86b5...",
        "files": {"config.json": {"size": 570, "sha256": "0d5b..."}, "tokenizer.model": null}}}}

A file that was looked for and is not there is null. Loading again with the same record gives the same bytes, or an error.
"""

import json
import os
import re
from pathlib import Path
from typing import Any

from hornbook.core.untrusted import DamagedFileError, read_json
from hornbook.saving.atomic import written_aside
from hornbook_hub.files import sha256_of

VERSION = 1


def read_lock(path: str | os.PathLike, name: str) -> dict[str, Any] | None:
    """What a record holds of a model: {"repository", "commit", "files"}; None if nothing, or if there is no record yet.

    Raises:
        DamagedFileError: for a file that is no such record.
    """
    found = _models(Path(path)).get(name)
    if found is None:
        return None
    entry = found if isinstance(found, dict) else {}
    files, commit = entry.get("files"), entry.get("commit")
    right = isinstance(files, dict) and (commit is None or re.fullmatch("[0-9a-f]{40}", str(commit)))
    for about in files.values() if isinstance(files, dict) else ():
        right = right and (about is None or isinstance(about, dict) and {"size", "sha256"} <= set(about))
    if not right:
        raise DamagedFileError(f"{path} is no record of loaded models: what it holds of {name!r} is not understood.")
    return entry


def write_lock(path: str | os.PathLike, name: str, entry: dict[str, Any]) -> None:
    """Write a model's entry into a record, which is made if it is not there, beside those of other models."""
    models = {**_models(Path(path)), name: entry}
    with written_aside(path) as aside:
        described = {"version": VERSION, "models": models}
        aside.write_text(json.dumps(described, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def _models(path: Path) -> dict[str, Any]:
    if not path.exists():
        return {}
    try:
        record = read_json(path.read_bytes(), path.name)
        version, models = record["version"], record["models"]
    except (ValueError, KeyError, TypeError) as error:
        raise DamagedFileError(
            f"{path} is no record of loaded models ({error}); delete it to make a new one."
        ) from None
    if version != VERSION or not isinstance(models, dict):
        raise DamagedFileError(
            f"{path} is a record of version {version!r}; version {VERSION} is read here. Delete it to make a new one."
        )
    return models


class Record:
    """What a lock file says of one model's files: each is held to it once, and noted if the record does not know it.

    Args:
        files: name -> {"size", "sha256"}, or None for a file that is not there.
        lock: the path of the lock file, for messages.
    """

    def __init__(self, files: dict[str, Any], lock: str | os.PathLike) -> None:
        self.files, self.lock = dict(files), lock
        self._held: set[str] = set()

    def hold(self, name: str, path: Path | None) -> None:
        """Compare a file with the record, or note it.

        Raises:
            DamagedFileError: for a file with other contents, or one more or less.
        """
        if name in self._held:
            return
        if name in self.files:
            self._compare(name, path, self.files[name])
        else:
            about = None if path is None else {"size": path.stat().st_size, "sha256": sha256_of(path)}
            self.files[name] = about
        self._held.add(name)

    def _compare(self, name: str, path: Path | None, wanted: dict[str, Any] | None) -> None:
        if path is None or wanted is None:
            if path is not None or wanted is not None:
                there, before = ("there", "not there") if wanted is None else ("not there", "there")
                raise DamagedFileError(f"{name} is {there}; when {self.lock} was written, it was {before}. {REMEDY}")
            return
        size = path.stat().st_size
        if size != wanted["size"]:
            raise DamagedFileError(f"{path} has {size:,} bytes; {self.lock} says {wanted['size']:,}. {REMEDY}")
        if (found := sha256_of(path)) != wanted["sha256"]:
            raise DamagedFileError(f"{path} has the sha256 {found}; {self.lock} says {wanted['sha256']}. {REMEDY}")


REMEDY = "Get the file of then again; or, if the change is wanted, delete the model's entry and load it anew."
