"""Archives of data, unpacked as Python's own modules do where these are right; `get_file` fetches and unpacks."""

import functools
import http.server
import io
import os
import tarfile
import threading
import zipfile
from pathlib import Path

import keras as reference
import pytest

import hornbook as keras
from hornbook.utils.unpacking import unpack

CONTENT = {
    "a.txt": b"red",
    "folder/b.bin": bytes(range(256)) * 40,
    "folder/" + "long " * 30 + "/c.txt": b"",
    "é/ü.txt": b"u",
}


def write(path: Path, members: dict[str, bytes] = CONTENT, form: int = tarfile.PAX_FORMAT) -> Path:
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("empty/", "")
            for name, data in members.items():
                archive.writestr(name, data)
        return path
    modes: dict[str, str] = {".gz": "w:gz", ".bz2": "w:bz2", ".xz": "w:xz"}
    with tarfile.open(path, modes.get(path.suffix, "w"), format=form) as archive:  # type: ignore[call-overload]
        folder = tarfile.TarInfo("empty")
        folder.type = tarfile.DIRTYPE
        archive.addfile(folder)
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size, info.mtime = len(data), 1.5  # a fraction needs the further fields
            archive.addfile(info, io.BytesIO(data))
    return path


def files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("name", ["d.zip", "d.tar", "d.tar.gz", "d.tar.bz2", "d.tar.xz"])
@pytest.mark.parametrize("form", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT])
def test_what_was_packed_is_unpacked(name, form, tmp_path):
    folder = tmp_path / "deep" / "d"
    for _ in range(2):  # a second time it takes the place of the first
        unpack(write(tmp_path / name, form=form), folder)
        assert files(folder) == CONTENT and (folder / "empty").is_dir()
    assert [path.name for path in folder.parent.iterdir()] == ["d"]


def test_other_files_and_formats(tmp_path):
    (tmp_path / "text").write_text("no archive " * 100)
    with pytest.raises(ValueError, match="no zip or tar"):
        unpack(tmp_path / "text", tmp_path / "out")
    archive = write(tmp_path / "d.zip")
    with pytest.raises(ValueError, match="kind 'tar'"):
        unpack(archive, tmp_path / "out", "tar")
    with pytest.raises(ValueError, match="archive_format must be"):
        unpack(archive, tmp_path / "out", "rar")
    unpack(archive, tmp_path / "out", ["zip"])
    before = files(tmp_path / "out")
    archive.write_bytes(archive.read_bytes()[:-100])
    with pytest.raises(ValueError):
        unpack(archive, tmp_path / "out")
    assert files(tmp_path / "out") == before and sorted(os.listdir(tmp_path)) == ["d.zip", "out", "text"]


@pytest.fixture
def address(tmp_path):
    """Where the files in a folder are served."""
    (tmp_path / "served").mkdir()
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(tmp_path / "served"))
    handler.func.log_message = lambda *_: None  # type: ignore[method-assign]
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("fname", [None, "flowers.tar.gz", "flowers"])
@pytest.mark.parametrize("how", [{"extract": True}, {"untar": True}], ids=str)
def test_get_file_unpacks_to_where_keras_does(fname, how, address, tmp_path):
    (tmp_path / "keras").mkdir()
    write(tmp_path / "served" / "data.tar.gz")
    paths = [
        Path(module.utils.get_file(fname, f"{address}/data.tar.gz", cache_dir=str(tmp_path / module.__name__), **how))
        for module in (keras, reference)
    ]
    assert paths[0].relative_to(tmp_path / "hornbook") == paths[1].relative_to(tmp_path / "keras")
    assert files(paths[0]) == files(paths[1]) == CONTENT
    (paths[0] / "a.txt").write_text("kept")
    keras.utils.get_file(fname, f"{address}/data.tar.gz", cache_dir=str(tmp_path / "hornbook"), **how)
    assert (paths[0] / "a.txt").read_text() == "kept"  # it is there already
