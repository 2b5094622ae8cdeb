"""Archives that attack are refused with the reason, whatever is done with their members; good ones are read."""

import io
import struct
import tarfile
import tracemalloc
import zipfile

import pytest

from hornbook_datasets import archives
from hornbook_datasets.archives import read_member, read_members


def every(name):
    return True


def write_zip(path, *members, compression=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return path


def write_tar(path, *members, mode="w:gz", format=tarfile.GNU_FORMAT):
    with tarfile.open(path, mode, format=format) as archive:
        for name, content in members:
            entry = tarfile.TarInfo(name)
            if isinstance(content, bytes):
                entry.size = len(content)
                archive.addfile(entry, io.BytesIO(content))
            else:
                entry.type, entry.linkname = content.encode(), "/etc/hostname"
                archive.addfile(entry)
    return path


FOLDER, LINK, COPY, DEVICE, PIPE = "5", "2", "1", "3", "6"  # the kinds of members that are no files
MEMBERS = [("a/", FOLDER), ("a/one.txt", b"1"), ("a/two.txt", b"2" * 5000), ("a/" + "n" * 150, b"3")]


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
@pytest.mark.parametrize("format", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT, tarfile.USTAR_FORMAT])
def test_tar_archives_of_every_kind(tmp_path, mode, format):
    members = MEMBERS if format != tarfile.USTAR_FORMAT else MEMBERS[:3]
    path = write_tar(tmp_path / "a", *members, mode=mode, format=format)
    assert list(read_members(path, every, 5000)) == members[1:]
    assert read_member(path, "a/two.txt", 5000) == b"2" * 5000


def test_zip_archives(tmp_path):
    path = write_zip(tmp_path / "a", ("a/", b""), *MEMBERS[1:])
    assert list(read_members(path, every, 5000)) == MEMBERS[1:]
    assert read_member(path, "a/two.txt", 5000) == b"2" * 5000
    with pytest.raises(ValueError, match="Expected the file b in .*; it is not there"):
        read_member(path, "b", 5000)


@pytest.mark.parametrize("name", ["../x", "/x", "a/../../x", "..\\x", "C:\\x"])
@pytest.mark.parametrize("write", [write_zip, write_tar])
def test_names_that_lead_out_are_refused(tmp_path, name, write):
    path = write(tmp_path / "archive", ("good", b"1"), (name, b"2"))
    with pytest.raises(ValueError, match="archive is refused: its member .* leads out of the folder"):
        read_member(path, "wanted", 10)  # though nobody asks for that member


@pytest.mark.parametrize("kind", [LINK, COPY, DEVICE, PIPE])
def test_links_and_devices_are_refused(tmp_path, kind):
    with pytest.raises(ValueError, match="'x' is a link or a device"):
        list(read_members(write_tar(tmp_path / "a", ("x", kind)), every, 10))


def test_links_in_a_zip_archive_are_refused(tmp_path):
    entry = zipfile.ZipInfo("x")
    entry.external_attr = 0o120777 << 16
    with pytest.raises(ValueError, match="'x' is a link or a device"):
        list(read_members(write_zip(tmp_path / "a", (entry, b"/etc/hostname")), every, 100))


@pytest.mark.parametrize("write", [write_zip, write_tar])
def test_too_large_a_member_is_refused(tmp_path, write):
    with pytest.raises(ValueError, match="its member 'x' has 11 bytes; at most 10 are read"):
        list(read_members(write(tmp_path / "a", ("x", bytes(11))), every, 10))


@pytest.mark.parametrize("write", [write_zip, write_tar])
def test_too_many_members_are_refused(tmp_path, write, monkeypatch):
    path = write(tmp_path / "a", *((f"{number}", b"") for number in range(30)))
    monkeypatch.setattr(archives, "MOST", 29)
    with pytest.raises(ValueError, match="it has more than 29 members"):
        list(read_members(path, every, 10))
    monkeypatch.setattr(archives, "MOST", 3)  # a zip archive is refused by the size of its directory, before it is read
    with pytest.raises(ValueError, match="its directory has|more than 3 members"):
        list(read_members(path, every, 10))


@pytest.mark.parametrize("write", [write_zip, write_tar])
def test_a_bomb_is_refused_and_costs_no_memory(tmp_path, write, monkeypatch):
    monkeypatch.setattr(archives, "SPARE", 1 << 20)
    size = 1 << 22
    path = write(tmp_path / "a", *((f"{number}", bytes(size)) for number in range(12)))
    assert path.stat().st_size < 12 * size / 200
    tracemalloc.start()
    with pytest.raises(ValueError, match="unpacks to more than .* bytes, which its size does not account for"):
        for _ in read_members(path, every, size):
            pass
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 6 * size


def test_members_that_nobody_wants_count_too(tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "SPARE", 1 << 20)
    path = write_tar(tmp_path / "a", *((f"{number}", bytes(1 << 23)) for number in range(6)))
    with pytest.raises(ValueError, match="unpacks to more than"):
        list(read_members(path, "wanted".__eq__, 10))


@pytest.mark.parametrize("kind", [tarfile.XHDTYPE, tarfile.GNUTYPE_LONGNAME])
def test_a_swollen_header_is_refused(tmp_path, kind):
    """A longer name is read by `tarfile` at once, and could have gigabytes."""
    entry = tarfile.TarInfo("x")
    entry.type, entry.size = kind, 1 << 22
    path = tmp_path / "a.tar"
    path.write_bytes(entry.tobuf() + bytes(1 << 22))
    with pytest.raises(ValueError, match="it describes a member in 4,194,304 bytes; at most 8,192"):
        list(read_members(path, every, 1 << 23))


def test_headers_without_end_are_refused(tmp_path):
    entry = tarfile.TarInfo("x")
    entry.type, entry.size = tarfile.GNUTYPE_LONGNAME, 512
    path = tmp_path / "a.tar"
    path.write_bytes((entry.tobuf() + b"n" + bytes(511)) * 3000)
    with pytest.raises(ValueError, match="cannot be read|is refused"):
        list(read_members(path, every, 1 << 23))


def test_a_member_larger_than_it_says_gives_no_more(tmp_path):
    path = write_zip(tmp_path / "a", ("x", bytes(100_000)))
    content = bytearray(path.read_bytes())
    place = content.rfind(b"PK\1\2")
    struct.pack_into("<I", content, place + 24, 10)  # the size that the directory states
    path.write_bytes(content)
    with pytest.raises(ValueError, match="Bad CRC-32"):
        list(read_members(path, every, 10))


@pytest.mark.parametrize("method", [zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2])
def test_methods_that_unpack_without_a_limit_are_refused(tmp_path, method):
    path = write_zip(tmp_path / "a", ("x", bytes(1000)), compression=method)
    with pytest.raises(ValueError, match="'x' is packed in a way that is not read"):
        list(read_members(path, every, 1000))


@pytest.mark.parametrize("cut", [0.0, 0.05, 0.2, 0.5, 0.8])
@pytest.mark.parametrize("write", [write_zip, write_tar])
def test_archives_that_break_off(tmp_path, write, cut):
    path = write(tmp_path / "a", ("x", b"hello" * 30), ("y", bytes(range(256)) * 9))
    content = path.read_bytes()
    path.write_bytes(content[: int(cut * len(content))])
    with pytest.raises(ValueError, match="cannot be read|it is not there|is refused"):
        read_member(path, "y", 5000)


def test_every_damaged_byte_is_survived(tmp_path):
    """One byte after the other: what comes is the member, another reading of it, or a ValueError; never anything else."""
    for write in (write_zip, write_tar):
        path = write(tmp_path / "a", ("folder/x", b"hello" * 3))
        content = path.read_bytes()
        outcomes = set()
        for place in range(len(content)):
            path.write_bytes(content[:place] + bytes([content[place] ^ 0xFF]) + content[place + 1 :])
            try:
                read_member(path, "folder/x", 1000)
                outcomes.add("read")
            except ValueError:
                outcomes.add("refused")
        assert outcomes == {"read", "refused"}
