"""Official files: found, fetched, verified, shared; and what is on the disk and on the screen when that fails."""

import hashlib
import http.server
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from hornbook_datasets import DataUnavailable, File, files

CONTENT = bytes(range(256)) * 1000
WRONG = bytes(256) * 1000


class Server:
    """A loopback HTTP server; it meets the n-th request with the n-th word of `script`, later ones with the last."""

    def __init__(self):
        self.script = ["right"]
        self.requests: list[str] = []
        owner = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                turn = len(owner.requests)
                owner.requests.append(self.path)
                word = owner.script[min(turn, len(owner.script) - 1)]
                if word in ("503", "404"):
                    self.send_error(int(word))
                    return
                if word == "drop":
                    return
                self.send_response(200)
                body = {"wrong": WRONG, "long": CONTENT * 2}.get(word, CONTENT)
                # A truncated answer promises the whole; a short one is honest about being half.
                sent = body[: len(body) // 2] if word in ("truncated", "short") else body
                self.send_header("Content-Length", str(len(sent) if word == "short" else len(body)))
                self.end_headers()
                if word == "slow":
                    time.sleep(0.5)
                try:
                    self.wfile.write(sent)
                except ConnectionError:
                    pass

            def log_message(self, format, *args):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/letters.bin"
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02})
        self.thread.start()

    def stop(self):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


@pytest.fixture
def server():
    server = Server()
    yield server
    server.stop()


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """A cache of the test's own, no other source, no waiting; gives the path at which the file will lie."""
    for name in ("HORNBOOK_DATA", "HORNBOOK_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HORNBOOK_CACHE", str(tmp_path / "cache"))
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "127.0.0.1")
    monkeypatch.setattr(files, "PAUSES", (0.0, 0.01, 0.01))
    return tmp_path / "cache" / "datasets" / "letters" / "letters.bin"


def row(*urls):
    return File("letters/letters.bin", hashlib.sha256(CONTENT).hexdigest(), len(CONTENT), urls)


def leavings(cache):
    """What lies in the cache besides the lock."""
    return sorted(p.name for p in cache.parent.iterdir() if not p.name.endswith(".lock"))


def test_download_then_cache(server, cache, capsys):
    assert files.fetch(row(server.url), "Letters") == cache
    assert cache.read_bytes() == CONTENT
    assert "Downloading Letters: 100%" in capsys.readouterr().err
    assert files.fetch(row(server.url), "Letters") == cache
    assert len(server.requests) == 1
    assert leavings(cache) == ["letters.bin"]


@pytest.mark.parametrize("first", ["truncated", "short", "wrong", "long", "503", "404", "drop"])
def test_failure_then_good(server, cache, first):
    server.script = [first, "right"]
    files.fetch(row(server.url), "Letters")
    assert cache.read_bytes() == CONTENT
    assert len(server.requests) == 2
    assert leavings(cache) == ["letters.bin"]


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        ("truncated", "Error"),
        ("short", "broke off after 128000 of 256000 bytes"),
        ("wrong", f"expected {hashlib.sha256(CONTENT).hexdigest()}, found {hashlib.sha256(WRONG).hexdigest()}"),
        ("long", "more than the 256000 bytes"),
        ("503", "503 Server Error: Service Unavailable"),
        ("drop", "the connection failed"),
    ],
)
def test_failure_for_good_leaves_nothing(server, cache, word, reason):
    server.script = [word]
    with pytest.raises(DataUnavailable) as caught:
        files.fetch(row(server.url), "Letters")
    message = str(caught.value)
    assert message.startswith("Letters cannot be loaded: ") and reason in message
    assert "set HORNBOOK_DATA to a folder that holds letters/letters.bin" in message
    assert "\n" not in message and caught.value.__context__ is None  # no traceback of a library before the sentence
    assert len(server.requests) == len(files.PAUSES)
    assert leavings(cache) == []


def test_second_address_when_the_first_fails(server, cache):
    server.script = ["404", "right"]
    files.fetch(row(server.url, server.url + "?mirror"), "Letters")
    assert server.requests == ["/letters.bin", "/letters.bin?mirror"]
    assert cache.read_bytes() == CONTENT


def test_no_server_at_all(cache):
    with pytest.raises(DataUnavailable, match="127.0.0.1:9: the connection failed"):
        files.fetch(row("http://127.0.0.1:9/letters.bin"), "Letters")
    assert leavings(cache) == []


def test_damaged_cache_is_fetched_anew(server, cache):
    cache.parent.mkdir(parents=True)
    cache.write_bytes(WRONG)
    files.fetch(row(server.url), "Letters")
    assert cache.read_bytes() == CONTENT


def test_damaged_cache_stays_where_nothing_better_comes(server, cache):
    cache.parent.mkdir(parents=True)
    cache.write_bytes(WRONG)
    server.script = ["truncated"]
    with pytest.raises(DataUnavailable, match="letters.bin is damaged and the download failed"):
        files.fetch(row(server.url), "Letters")
    assert leavings(cache) == ["letters.bin"] and cache.read_bytes() == WRONG


def test_part_file_of_a_killed_process_is_started_afresh(server, cache):
    cache.parent.mkdir(parents=True)
    cache.with_name(".letters.bin.part").write_bytes(CONTENT * 3)
    files.fetch(row(server.url), "Letters")
    assert cache.read_bytes() == CONTENT and leavings(cache) == ["letters.bin"]


def test_several_processes_make_one_transfer(server, cache):
    server.script = ["slow"]
    program = (
        "import sys; from hornbook_datasets import File, files; path, sha256, size, url = sys.argv[1:]\n"
        "print(files.fetch(File(path, sha256, int(size), (url,)), 'Letters').stat().st_size)"
    )
    file = row(server.url)
    command = [sys.executable, "-c", program, file.path, file.sha256, str(file.size), server.url]
    environment = os.environ | {"PYTHONPATH": str(Path(files.__file__).parents[1])}
    processes = [subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    assert [process.communicate(timeout=60)[0].strip() for process in processes] == [str(len(CONTENT))] * 4
    assert len(server.requests) == 1
    assert leavings(cache) == ["letters.bin"]


def test_offline_makes_no_connection(server, cache, monkeypatch):
    monkeypatch.setenv("HORNBOOK_OFFLINE", "1")
    with pytest.raises(DataUnavailable, match="HORNBOOK_OFFLINE is set and there is no .*bin; set HORNBOOK_DATA"):
        files.fetch(row(server.url), "Letters")
    cache.parent.mkdir(parents=True)
    cache.write_bytes(CONTENT)
    assert files.fetch(row(server.url), "Letters") == cache
    assert server.requests == []
    monkeypatch.setenv("HORNBOOK_OFFLINE", "0")
    cache.unlink()
    assert files.fetch(row(server.url), "Letters") == cache


def test_folder_of_original_files(server, cache, tmp_path, monkeypatch):
    monkeypatch.setenv("HORNBOOK_DATA", str(tmp_path / "originals"))
    original = tmp_path / "originals" / "letters" / "letters.bin"
    original.parent.mkdir(parents=True)
    original.write_bytes(CONTENT)
    assert files.fetch(row(server.url), "Letters") == original
    assert server.requests == [] and not cache.parent.exists()

    original.write_bytes(WRONG)
    with pytest.raises(DataUnavailable) as caught:
        files.fetch(row(server.url), "Letters")
    for content in (CONTENT, WRONG):
        assert hashlib.sha256(content).hexdigest() in str(caught.value)
    assert str(original) in str(caught.value) and original.read_bytes() == WRONG and server.requests == []


def test_folder_without_the_file_falls_through(server, cache, tmp_path, monkeypatch):
    monkeypatch.setenv("HORNBOOK_DATA", str(tmp_path))
    monkeypatch.setenv("HORNBOOK_OFFLINE", "1")
    with pytest.raises(DataUnavailable, match="^Letters cannot be loaded: .* set HORNBOOK_DATA to a folder that holds"):
        files.fetch(row(server.url), "Letters")
    monkeypatch.delenv("HORNBOOK_OFFLINE")
    assert files.fetch(row(server.url), "Letters") == cache


def test_folder_that_is_not_there(cache, tmp_path, monkeypatch):
    monkeypatch.setenv("HORNBOOK_DATA", str(tmp_path / "nowhere"))
    with pytest.raises(DataUnavailable, match="HORNBOOK_DATA=.*nowhere is not a folder"):
        files.fetch(row(), "Letters")


def test_cache_that_cannot_be_written(server, cache, tmp_path):
    (tmp_path / "cache").write_text("a file where the folder should be")
    with pytest.raises(DataUnavailable, match="set HORNBOOK_CACHE to a folder"):
        files.fetch(row(server.url), "Letters")


@pytest.mark.parametrize("name", ["", "..", "../letters.bin", "/tmp/letters.bin"])
def test_name_in_the_cache_is_a_plain_name(server, cache, name):
    with pytest.raises(ValueError, match="Expected a plain file name"):
        files.fetch(row(server.url), "Letters", name)
    assert files.fetch(row(server.url), "Letters", "other.bin") == cache.with_name("other.bin")


def test_default_cache_folder(monkeypatch):
    monkeypatch.delenv("HORNBOOK_CACHE", raising=False)
    assert files.cache_folder() == Path.home() / ".cache" / "hornbook" / "datasets"
