"""Files from the network, checked and cached."""

import os
from pathlib import Path
from typing import Any

from hornbook.utils.unpacking import unpack


def get_file(
    fname: str | None = None,
    origin: str | None = None,
    untar: bool = False,
    md5_hash: str | None = None,
    file_hash: str | None = None,
    cache_subdir: str = "datasets",
    hash_algorithm: str = "auto",
    extract: bool = False,
    archive_format: str = "auto",
    cache_dir: str | None = None,
    force_download: bool = False,
) -> str:
    """The path of a file, downloaded once and kept in a cache; or of the folder that it was unpacked into.

    Args:
        fname: the name in the cache, the last part of `origin` if None.
        origin: the address.
        md5_hash, file_hash: what the bytes must hash to; a file that does not is never kept.
        cache_subdir, cache_dir: the folder: `cache_dir/cache_subdir`, `~/.hornbook` if cache_dir is None.
        hash_algorithm: "sha256", "md5" or "auto" (told by the length of the hash).
        untar, extract: whether the file is a zip or tar archive to be unpacked, see `hornbook.utils.unpacking`: plain files
            into a folder of their own, beside the archive.
        archive_format: "auto", "zip" or "tar".
        force_download: fetch it even if it is there.

    Raises:
        ValueError: for a name with a folder in it, and for an archive that is damaged or holds more than plain files.
        OSError: where the address cannot be reached or gives other bytes.

    >>> import hornbook as keras
    >>> import tempfile
    >>> from pathlib import Path
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     Path(folder, "datasets").mkdir()
    ...     size = Path(folder, "datasets", "page.txt").write_text("hello")  # as if it had been downloaded before
    ...     path = keras.utils.get_file("page.txt", "https://example.org/page.txt", cache_dir=folder)
    ...     Path(path).read_text()
    'hello'
    """
    import pooch
    from filelock import FileLock

    if origin is None:
        raise ValueError("get_file() needs origin, the address of the file.")
    name = fname or origin.rsplit("/", 1)[-1].split("?")[0]
    if not name or name in (".", "..") or any(mark in name for mark in ("/", "\\", ":", "\0")):
        raise ValueError(f"The name of a cached file must be a plain name without folders, got {name!r}.")
    folder = Path(cache_dir or os.environ.get("HORNBOOK_HOME", Path.home() / ".hornbook")) / cache_subdir
    folder.mkdir(parents=True, exist_ok=True)
    expected = _known_hash(file_hash or md5_hash, "md5" if md5_hash and not file_hash else hash_algorithm)
    unpacked = None
    if untar or extract:  # Keras's names for the two
        if fname and "." in name:
            unpacked = folder / f"{name.partition('.')[0]}_extracted"
        else:
            unpacked, name = folder / name, f"{name}_archive"
    target = folder / name
    with FileLock(folder / f".{name}.lock"):
        if force_download:
            target.unlink(missing_ok=True)
        try:
            path = pooch.retrieve(origin, known_hash=expected, fname=name, path=folder, progressbar=True)
        except Exception as error:
            raise OSError(
                f"{name} could not be fetched from {origin} ({type(error).__name__}: {error}). Connect to the network, "
                f"or put the file at {target}."
            ) from error
        if unpacked is None:
            return path
        if not unpacked.is_dir() or unpacked.stat().st_mtime < target.stat().st_mtime:
            unpack(path, unpacked, "tar" if untar else archive_format)
        return str(unpacked)


def _known_hash(value: Any, algorithm: str) -> str | None:
    if value is None:
        return None
    if algorithm == "auto":
        algorithm = "sha256" if len(value) == 64 else "md5"
    if algorithm not in ("md5", "sha256"):
        raise ValueError(f"hash_algorithm must be 'md5', 'sha256' or 'auto', got {algorithm!r}.")
    return f"{algorithm}:{value}"
