"""Official files: found, fetched, verified, shared; and what is on the disk and on the screen when that fails."""

import email.utils
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
    """A loopback HTTP server; it meets the n-th request with the n-th word of `script`, later ones with the last.

    It knows ranges where the word says so: "range" answers as asked, "elsewhere" from another byte on, "416" not at all.
    """

    def __init__(self):
        self.script = ["right"]
        self.requests: list[str] = []
        self.ranges: list[str | None] = []
        self.times: list[float] = []
        self.retry_after = None
        self.over = threading.Event()
        owner = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                turn = len(owner.requests)
                owner.times.append(time.monotonic())
                owner.ranges.append(self.headers.get("Range"))
                owner.requests.append(self.path)
                word = owner.script[min(turn, len(owner.script) - 1)]
                if word in ("429", "503", "404", "416"):
                    self.send_response(int(word))
                    if owner.retry_after:
                        self.send_header("Retry-After", owner.retry_after)
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                    return
                if word == "drop":
                    return
                body = {"wrong": WRONG, "long": CONTENT * 2, "wrong half": WRONG}.get(word, CONTENT)
                start = 0
                if word in ("range", "elsewhere") and owner.ranges[-1]:
                    start = int(owner.ranges[-1].removeprefix("bytes=").removesuffix("-")) + 8 * (word == "elsewhere")
                self.send_response(206 if start else 200)
                if start:
                    self.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
                body = body[start:]
                # A truncated answer promises the whole; a short one is honest about being half.
                halved = word in ("truncated", "short", "stall", "wrong half")
                sent = body[: len(body) // 2] if halved else body
                self.send_header("Content-Length", str(len(sent) if word == "short" else len(body)))
                self.end_headers()
                if word == "slow":
                    time.sleep(0.5)
                try:
                    self.wfile.write(sent)
                    if word == "stall":
                        owner.over.wait(10)
                except ConnectionError:
                    pass

            def log_message(self, format, *args):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/letters.bin"
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02})
        self.thread.start()

    def stop(self):
        self.over.set()
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
    monkeypatch.setattr(files, "TIMEOUT", (5, 0.3))
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


@pytest.mark.parametrize(
    "first", ["truncated", "short", "wrong", "long", "stall", "wrong half", "429", "503", "404", "416", "drop"]
)
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
        ("stall", "the connection failed"),
        ("wrong half", "Error"),
        ("429", "429 Client Error: Too Many Requests"),
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


def test_part_file_that_is_too_long_is_started_afresh(server, cache):
    cache.parent.mkdir(parents=True)
    cache.with_name(".letters.bin.part").write_bytes(CONTENT * 3)
    files.fetch(row(server.url), "Letters")
    assert cache.read_bytes() == CONTENT and leavings(cache) == ["letters.bin"] and server.ranges == [None]


@pytest.mark.parametrize("first", ["truncated", "short", "stall"])
def test_what_has_arrived_is_not_asked_for_again(server, cache, first):
    server.script = [first, "range"]
    files.fetch(row(server.url), "Letters")
    assert cache.read_bytes() == CONTENT and leavings(cache) == ["letters.bin"]
    assert server.ranges[0] is None and server.ranges[1] is not None
    assert 0 < int(server.ranges[1].removeprefix("bytes=").removesuffix("-")) <= len(CONTENT) // 2


def test_a_killed_process_is_continued_by_the_next(server, cache, capsys):
    server.script = ["stall", "range"]
    program = (
        "import sys; from hornbook_datasets import File, files; files.TIMEOUT = (5, 30)\n"
        "path, sha256, size, url = sys.argv[1:]; files.fetch(File(path, sha256, int(size), (url,)), 'Letters')"
    )
    file, part = row(server.url), cache.with_name(".letters.bin.part")
    command = [sys.executable, "-c", program, file.path, file.sha256, str(file.size), server.url]
    environment = os.environ | {"PYTHONPATH": str(Path(files.__file__).parents[1])}
    process = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and not (part.is_file() and part.stat().st_size):
        time.sleep(0.02)
    process.kill()
    process.wait()
    assert not cache.exists()
    arrived = part.stat().st_size
    assert 0 < arrived < len(CONTENT) and part.read_bytes() == CONTENT[:arrived]
    files.fetch(file, "Letters")
    assert cache.read_bytes() == CONTENT and leavings(cache) == ["letters.bin"]
    assert server.ranges == [None, f"bytes={arrived}-"]


@pytest.mark.parametrize("answer", ["range", "elsewhere", "416", "right"])
def test_what_had_arrived_may_be_wrong(server, cache, answer):
    """Other bytes in the part file cost one more request, whatever the server makes of ranges."""
    cache.parent.mkdir(parents=True)
    cache.with_name(".letters.bin.part").write_bytes(WRONG[:1000])
    server.script = [answer, "right"]
    files.fetch(row(server.url), "Letters")
    assert cache.read_bytes() == CONTENT and leavings(cache) == ["letters.bin"]
    assert server.ranges == (["bytes=1000-"] if answer == "right" else ["bytes=1000-", None])


def test_an_address_that_lies_and_breaks_off_does_not_spoil_the_next(server, cache):
    server.script = ["wrong half", "range", "right"]
    files.fetch(row(server.url, server.url + "?mirror"), "Letters")
    assert cache.read_bytes() == CONTENT and leavings(cache) == ["letters.bin"]
    assert server.requests == ["/letters.bin", "/letters.bin?mirror", "/letters.bin?mirror"]


@pytest.mark.parametrize("word", ["429", "503"])
def test_a_busy_server_is_asked_when_it_wishes(server, cache, word):
    server.script, server.retry_after = [word, "right"], "1"
    files.fetch(row(server.url), "Letters")
    assert cache.read_bytes() == CONTENT and len(server.requests) == 2
    assert 0.95 < server.times[1] - server.times[0] < 10


def test_a_server_that_is_busy_for_long_is_not_asked_again(server, cache):
    server.script, server.retry_after = ["429"], "3600"
    with pytest.raises(DataUnavailable, match="429 Client Error: Too Many Requests, and it asks to wait 3600 seconds"):
        files.fetch(row(server.url), "Letters")
    assert len(server.requests) == 1 and leavings(cache) == []
    server.script = ["429", "429", "right"]
    files.fetch(row(server.url, server.url + "?mirror"), "Letters")
    assert server.requests[1:] == ["/letters.bin", "/letters.bin?mirror"] and cache.read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("status", "wish", "least", "most"),
    [
        (503, "7", 7, 7),
        pytest.param(503, email.utils.formatdate(time.time() + 600, usegmt=True), 100, 600, id="a date"),
        (503, "Thu, 01 Jan 1970 00:00:00 GMT", 0, 0),
        (503, "soon", 0, 0),
        (503, "-5", 0, 0),
        (503, "", 0, 0),
        (503, "9" * 5000, 1e8, 1e9),
        (404, "7", 0, 0),
    ],
)
def test_wishes_of_busy_servers(status, wish, least, most):
    import requests

    response = requests.Response()
    response.status_code = status
    response.headers["Retry-After"] = wish
    assert least <= files._asked_to_wait(response) <= most


def test_no_address_at_all(cache):
    with pytest.raises(DataUnavailable, match=r"the download failed \(no address offers it\); set HORNBOOK_DATA"):
        files.fetch(row(), "Letters")
    assert leavings(cache) == []


def test_the_form_that_is_at_hand_is_taken(server, cache, tmp_path, monkeypatch):
    official, repacked = row(server.url), File("letters/all.xz", hashlib.sha256(WRONG).hexdigest(), len(WRONG), ())
    monkeypatch.setenv("HORNBOOK_DATA", str(tmp_path / "originals"))
    (tmp_path / "originals" / "letters").mkdir(parents=True)
    assert files.fetch_any((official, repacked), "Letters") == (official, cache)
    cache.unlink()
    (tmp_path / "originals" / "letters" / "all.xz").write_bytes(WRONG)
    form, path = files.fetch_any((official, repacked), "Letters")
    assert form is repacked and path.read_bytes() == WRONG and len(server.requests) == 1
    path.write_bytes(CONTENT)
    with pytest.raises(DataUnavailable, match="all.xz is not the official file"):
        files.fetch_any((official, repacked), "Letters")


def test_several_processes_make_one_transfer(server, cache):
    server.script = ["slow"]
    program = (
        "import sys; from hornbook_datasets import File, files; path, sha256, size, url = sys.argv[1:]\n"
        "print(files.fetch(File(path, sha256, int(size), (url,)), 'Letters').stat().st_size)"
    )
    file = row(server.url)
    command = [sys.executable, "-c", program, file.path, file.sha256, str(file.size), server.url]
    environment = os.environ | {"PYTHONPATH": str(Path(files.__file__).parents[1])}
    processes = [subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) for _ in range(8)]
    assert [process.communicate(timeout=60)[0].strip() for process in processes] == [str(len(CONTENT))] * 8
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
