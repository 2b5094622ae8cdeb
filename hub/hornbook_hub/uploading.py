"""`hub.upload`: a folder becomes a repository on the Hugging Face Hub."""

import os
from pathlib import Path
from typing import Any

from hornbook_hub.files import repository_of


def upload(
    folder: str | os.PathLike,
    name: str,
    private: bool | None = None,
    message: str = "Upload with Hornbook",
    token: str | None = None,
) -> str:
    """Upload a folder that `save_to_preset` wrote; the repository is made if it is not there.

    Args:
        folder: with config.json in it.
        name: "hf://org/name", or "hf://org/name@branch".
        private: whether a repository that is made now is private; the organization's rule if None.
        message: the first line of the commit.
        token: that of an account that may write; `HF_TOKEN`, or the one that `hf auth login` keeps, if None.

    Returns:
        "hf://org/name@commit", which `hub.load` takes.

    Raises:
        ValueError: for a folder without a model, or a name that is no repository's.
        OSError: where the hub refuses, or cannot be reached.

    >>> import hornbook_hub as hub
    >>> hub.upload("reviews", "reviews")
    Traceback (most recent call last):
        ...
    ValueError: A repository is written 'hf://org/name' or 'hf://org/name@revision', got 'reviews'.
    """
    from huggingface_hub import HfApi

    repository, branch = repository_of(name)
    folder = Path(folder)
    if not (folder / "config.json").is_file():
        raise ValueError(f"{folder} holds no config.json, so it is no model; model.save_to_preset(folder) writes one.")
    api: Any = HfApi(endpoint=os.environ.get("HF_ENDPOINT") or None, token=token)
    try:
        api.create_repo(repository, private=private, exist_ok=True)
        if branch is not None:
            api.create_branch(repository, branch=branch, exist_ok=True)
        commit = api.upload_folder(repo_id=repository, folder_path=folder, revision=branch, commit_message=message)
    except OSError as error:  # errors of the network and answers of the hub are OSErrors
        reason = next(iter(str(error).strip().splitlines()), type(error).__name__)
        raise OSError(
            f"{folder} could not be uploaded to {repository!r} ({type(error).__name__}: {reason}). Writing needs a token "
            "with the right to: set HF_TOKEN, pass token=..., or run `hf auth login`."
        ) from error
    return f"hf://{repository}@{commit.oid}"
