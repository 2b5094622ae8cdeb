"""The reader of pickles: data come back as they were, and whatever is more than data is refused, at once."""

import pickle
import struct
import time
import zipfile

import numpy as np
import pytest

from hornbook_datasets import npz, pickles

ARRAY_HEAD = b"\x80\x02cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R(K\x01"
UINT8 = b"cnumpy\ndtype\nU\x02u1K\x00K\x01\x87R(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        [],
        (),
        {},
        0,
        255,
        256,
        65536,
        -1,
        2**31 - 1,
        -(2**31),
        2**40,
        -(2**70),
        b"",
        b"short",
        bytes(range(256)) * 300,
        [1, [2, 3], (b"x", None, False), {b"k": [4]}],
        (1, (2, (3, ())), b"a", b"b"),
        {b"labels": list(range(300)), b"names": [b"x.png", b"y.png"] * 700},
        [list(range(n)) for n in (0, 1, 7, 8, 9, 999, 1000, 1001, 2000, 2001)],
        [[(-1) ** k * k**4 for k in range(100)], [b"in between"], [5] * 50 + [b"and", None] + [6] * 50],
        [b"(" + b"K\x01" * 40, list(range(20)), b"(KKKMMMJJJ" * 30],
    ],
    ids=lambda value: repr(value)[:25],
)
def test_plain_data_come_back(value, dumps):
    assert pickles.load(dumps(value)) == value
    assert type(pickles.load(dumps(value))) is type(value)


@pytest.mark.parametrize(
    "dtype", ["bool", "uint8", "int8", "<u2", ">i2", "<i4", ">u4", "int64", "uint64", "<f2", "f4", ">f8"]
)
@pytest.mark.parametrize("shape", [(), (0,), (12,), (3, 4), (2, 1, 3, 2)])
def test_arrays_of_numbers_come_back(dtype, shape, dumps):
    array = np.random.default_rng(0).integers(0, 2 if dtype == "bool" else 100, shape).astype(dtype)
    for value in (array, array.copy(order="F")):
        loaded = pickles.load(dumps({"data": value}))[b"data"]
        np.testing.assert_array_equal(loaded, array)
        assert loaded.dtype == array.dtype and loaded.shape == array.shape and not loaded.flags.writeable


def test_arrays_of_lists_come_back(dumps):
    lists = [list(range(n)) for n in (5, 0, 1500, 9)]
    for chosen in (lists, [[1, 2], [3, 4]], []):  # lists of one length do not become a matrix
        array = np.fromiter(chosen, dtype=object, count=len(chosen))
        loaded = pickles.load(dumps(array))
        assert loaded.dtype == object and loaded.shape == array.shape and loaded.tolist() == array.tolist()
        assert all(type(number) is int for numbers in loaded for number in numbers)


def test_random_lists_agree_with_pickle():
    random = np.random.default_rng(0)
    for _ in range(50):
        sizes = random.integers(0, 40, 20)
        value = [(random.integers(-1, 2, n) * 2 ** random.integers(0, 31, n)).tolist() for n in sizes]
        stream = pickle.dumps(value, protocol=2)
        assert pickles.load(stream) == pickle.loads(stream) == value


class Call:
    def __init__(self, function, *arguments):
        self.reduced = function, arguments

    def __reduce__(self):
        return self.reduced


def bomb(path):
    return Call(open, str(path), "w")


@pytest.mark.parametrize(
    ("stream", "message"),
    [
        (b"cos\nsystem\n(U\x04trueo.", "names 'os system'"),
        (b"cos\nsystem\nU\x04true\x85R.", "names 'os system'"),
        (b"cposix\nsystem\nU\x04true\x85R.", "names 'posix system'"),
        (b"cbuiltins\neval\nU\x011\x85R.", "names 'builtins eval'"),
        (b"c__builtin__\neval\nU\x011\x85R.", "names '__builtin__ eval'"),
        (b"cnumpy\nload\nU\x01x\x85R.", "names 'numpy load'"),
        (b"cnumpy.core.multiarray\nscalar\n.", "names 'numpy.core.multiarray scalar'"),
        (b"c_codecs\nencode\n.", "names '_codecs encode'"),
        (b"cnumpy\n" + b"n" * 10000 + b"\n.", "names 'numpy n+"),
        (b"]cbuiltins\nexec\na.", "names 'builtins exec'"),  # nested in data
        (b"}U\x01k(K\x01cos\nsystem\nU\x01x\x85Res.", "names 'os system'"),
        (b"(ios\nsystem\n.", "opcode INST"),
        (b"(cnumpy\ndtype\nU\x02u1o.", "opcode OBJ"),
        (b"cnumpy\ndtype\n)\x81.", "opcode NEWOBJ"),
        (b"Pname\n.", "opcode PERSID"),
        (b"U\x01xQ.", "opcode BINPERSID"),
        (b"\x82\x01.", "opcode EXT1"),
        (b"\x83\x01\x00.", "opcode EXT2"),
        (b"\x84\x01\x00\x00\x00.", "opcode EXT4"),
        (b"K\x012.", "opcode DUP"),
        (b"K\x010.", "opcode POP"),
        (b"(1.", "opcode POP_MARK"),
        (b"I1\n.", "opcode INT"),
        (b"S'x'\n.", "opcode STRING"),
        (b"X\x01\x00\x00\x00a.", "opcode BINUNICODE"),
        (b"\x80\x04\x95\x00\x00\x00\x00\x00\x00\x00\x00N.", "opcode FRAME"),
        (b"\x8c\x02os\x8c\x06system\x93.", "opcode SHORT_BINUNICODE"),
        (b"U\x02osU\x06system\x93.", "opcode STACK_GLOBAL"),
        (b"G" + bytes(8) + b".", "opcode BINFLOAT"),
        (b"\x8f.", "opcode EMPTY_SET"),
        (b"cnumpy\nndarray\n)R.", "calls something"),
        (b"cnumpy\ndtype\nU\x02u1\x85R.", "calls something"),
        (b"U\x06system)R.", "calls something"),
        (b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\ndtype\nK\x00\x85U\x01b\x87R.", "calls something"),
        (b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x05\x85U\x01b\x87R.", "calls something"),
        (b"]}b.", "completes something"),
        (b"cnumpy\nndarray\n}b.", "completes something"),
        (b"cnumpy\ndtype\n.", "1 of NumPy's names that belong to no array"),  # a name is no value
        (b"](cnumpy\nndarray\nK\x01e.", "1 of NumPy's names"),
        (UINT8 + b".", "1 of NumPy's names"),
        (b"cnumpy\ndtype\nU\x02u1K\x00K\x01\x87R.", "1 of NumPy's names"),
        (UINT8.replace(b"u1", b"V9") + b".", "array of dtype"),
        (UINT8.replace(b"U\x02u1", b"U\x05i4,O8") + b".", "array of dtype"),
        (UINT8.replace(b"U\x01|", b"U\x01x") + b".", "array of dtype"),
        (UINT8.replace(b"NNN", b"N)}") + b".", "completes something"),  # a dtype with fields
    ],
    ids=lambda value: None if isinstance(value, str) else repr(value[:20]),
)
def test_more_than_data_is_refused(stream, message):
    with pytest.raises(ValueError, match=message):
        pickles.load(stream)


def test_nothing_is_called(tmp_path, dumps):
    """Python's own reader does what these streams say; this one does not."""
    path = tmp_path / "called"
    for protocol in range(6):
        stream = pickle.dumps([1, {b"k": bomb(path)}], protocol)
        pickle.loads(stream)[1][b"k"].close()
        path.unlink()  # it had been made
        with pytest.raises(ValueError):
            pickles.load(stream)
        assert not path.exists()
    array = np.fromiter([[1], bomb(path)], dtype=object)
    for stream in (pickle.dumps(array, 2), dumps(array)):
        with pytest.raises(ValueError, match="Refused"):
            pickles.load(stream)
    assert not path.exists()


MANY = 2_000_000


@pytest.mark.parametrize(
    ("stream", "message"),
    [
        (b"]" * MANY + b"a" * MANY + b".", "more than 1000000 opcodes"),
        (b"]" * 400_000 + b"a" * 400_000 + b".", "more than 8 deep"),
        (b")" + b"\x85" * 400_000 + b".", "more than 8 deep"),
        (b"](" * 400_000 + b"e" * 400_000 + b".", "more than 8 deep"),
        (b"}U\x00" * 300_000 + b"K\x01" + b"s" * 300_000 + b".", "more than 8 deep"),
        (b"(" * MANY, "more than 1000000 opcodes"),
        (b"(" * 500_000, "cannot be taken apart"),
        (b"N" * MANY, "more than 1000000 opcodes"),
        (b"U\x00" + b"q\x00" * MANY, "more than 1000000 opcodes"),
        (b"(K\x01" * MANY, "more than 1000000 opcodes"),
        (b"(" + b"K\x01" * MANY, "more than 1000000 opcodes"),  # no pickler writes runs of more than 1000
        (b"(" + b"K\x01" * 999, "cannot be taken apart"),
        (b"]q\x00h\x00a.", "gets value 0 once more"),  # a list in itself
        (b"]q\x00" + b"(h\x00h\x00eq\x00" * 50 + b".", "gets value 0 once more"),  # 2^50 lists
        (b"h\x07.", "gets value 7 once more"),
        (b"U\x01aq\x00]q\x00h\x00a.", "gets value 0 once more"),  # no longer the string
        (b"T\xff\xff\xff\x7fabc.", "cannot be taken apart"),
        (b"T\xff\xff\xff\xffabc.", "cannot be taken apart"),  # a negative length
        (b"U\xffabc.", "cannot be taken apart"),
        (b"B\xff\xff\xff\xffabc.", "cannot be taken apart"),
        (b"\x8e" + b"\xff" * 7 + b"\x7fabc.", "cannot be taken apart"),
        (b"\x8b\xff\xff\xff\x7f1.", "cannot be taken apart"),
        (b"I" + b"9" * MANY + b"\n.", "cannot be taken apart"),
        (b"L" + b"9" * MANY + b"L\n.", "cannot be taken apart"),
        (b"\xff.", "cannot be taken apart"),
        (b"", "cannot be taken apart"),
        (b"N", "cannot be taken apart"),
        (b".", "0 values"),
        (b"NN.", "2 values"),
        (b"(N.", "1 open containers"),
        (b"N.N", "end at byte 3; found it at 1"),
        (b"e.", "closes a container that was not opened"),
        (b"a.", "takes more values"),
        (b"](a.", "takes more values"),
        (b"Na.", "adds to a list that is not there|takes more values"),
        (b"NNa.", "adds to a list that is not there"),
        (b"](Ks", "cannot be taken apart|takes more"),
        (b"]((Ne.", "adds to a list that is not there"),
        (b"](U\x01kNu.", "adds to a dict that is not there"),
        (b"}(K\x01Nu.", "no table"),
        (b"}(]Nu.", "no table"),
        (b"}(U\x01ku.", "no table"),
        (b"\x85.", "takes more values"),
        (b"R.", "takes more values"),
        (b"b.", "takes more values"),
        (ARRAY_HEAD + b"(" + b"J\xff\xff\xff\x7f" * 2 + b"t" + UINT8 + b"\x89U\x01xtb.", "2147483647.* found 1 bytes"),
        (
            ARRAY_HEAD + b"(" + (b"\x8a\xff" + b"\x7f" * 255) * 3000 + b"t" + UINT8 + b"\x89U\x01xtb.",
            "at most 8 dimensions",
        ),
        (ARRAY_HEAD + b"\x8a\x09" + b"\xff" * 8 + b"\x7f\x85" + UINT8 + b"\x89U\x01xtb.", "found 1 bytes"),
        (ARRAY_HEAD + b"J\xff\xff\xff\xff\x85" + UINT8 + b"\x89U\x00tb.", "the shape of an array"),
        (ARRAY_HEAD + b"U\x01x\x85" + UINT8 + b"\x89U\x00tb.", "the shape of an array"),
        (ARRAY_HEAD + b"K\x02\x85" + UINT8 + b"\x89U\x01xtb.", "found 1 bytes"),
        (ARRAY_HEAD + b"K\x02\x85" + UINT8 + b"\x89](K\x01K\x02etb.", "found list"),
        (ARRAY_HEAD + b"K\x02\x85" + UINT8.replace(b"u1", b"O8") + b"\x89](Netb.", "list of as many objects"),
        (ARRAY_HEAD + b"K\x02\x85" + UINT8.replace(b"u1", b"O8") + b"\x89U\x02xytb.", "list of as many objects"),
    ],
    ids=lambda value: None if isinstance(value, str) else f"{value[:16]!r}*{len(value)}",
)
def test_malformed_and_swollen_streams_are_refused_quickly(stream, message):
    start = time.process_time()
    with pytest.raises(ValueError, match=message):
        pickles.load(stream)
    assert time.process_time() - start < 10  # a second or two at the worst


def test_too_long_a_stream_is_refused(monkeypatch):
    monkeypatch.setattr(pickles, "LARGEST", 10)
    with pytest.raises(ValueError, match="at most 10 bytes; received 11"):
        pickles.load(b"U\x08" + b"x" * 8 + b".")


def test_every_truncation_is_refused(dumps):
    lists = np.fromiter([list(range(40)), [70000, -1]], dtype=object)
    stream = dumps({"data": np.arange(6, dtype="uint8"), "labels": [3, 300, 70000] * 4, "lists": lists})
    for length in range(len(stream)):
        with pytest.raises(ValueError):
            pickles.load(stream[:length])


def test_every_changed_byte_gives_data_or_a_refusal(dumps):
    stream = dumps({"data": np.arange(6, dtype="uint8"), "labels": list(range(300)), "names": [b"a", b"b"]})
    kinds = (type(None), bool, int, bytes, list, tuple, dict, np.ndarray)
    for position in range(0, len(stream), 3):
        for flip in (0x01, 0x10, 0x7F, 0xFF):
            changed = stream[:position] + bytes([stream[position] ^ flip]) + stream[position + 1 :]
            try:
                assert isinstance(pickles.load(changed), kinds)
            except ValueError:
                pass


def write_archive(path, members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)


LISTS = np.fromiter([[1, 2], [3]], dtype=object)


def test_archive_of_numbers_and_lists(tmp_path, npy):
    path = tmp_path / "small.npz"
    write_archive(path, {"x.npy": npy(LISTS), "y.npy": npy(np.array([5, 6]))})
    arrays = npz.load_npz(path, {"x": ((2,), "object"), "y": ((2,), "int64")})
    assert arrays["x"].tolist() == [[1, 2], [3]] and arrays["y"].tolist() == [5, 6]


@pytest.mark.parametrize(
    ("members", "message"),
    [
        (lambda npy: {"z.npy": npy(LISTS)}, r"Expected \['x.npy'\] .* found \['z.npy'\]"),
        (lambda npy: {"x.npy": npy(LISTS), "y.npy": b""}, r"found \['x.npy', 'y.npy'\]"),
        (lambda npy: {"x.npy": npy(LISTS[:1])}, r"of shape \(2,\); found object of shape \(1,\)"),
        (lambda npy: {"x.npy": npy(np.zeros(2))}, "found float64"),
        (lambda npy: {"x.npy": b"no array"}, "magic string|EOF"),
        (lambda npy: {"x.npy": npy(LISTS)[:128] + pickle.dumps([[1], [2]], 2)}, "found list"),
        (lambda npy: {"x.npy": npy(LISTS)[:128] + pickle.dumps(Call(print, "called"), 2)}, "names '__builtin__ print'"),
        (lambda npy: {"x.npy": npy(LISTS)[:128] + pickle.dumps(LISTS, 4)}, "opcode FRAME"),
        (lambda npy: {"x.npy": npy(np.zeros(2)).replace(b"(2,), }       ", b"(99999999,), }")}, "found 16 bytes"),
        (lambda npy: {"x.npy": npy(np.zeros(2)).replace(b"'<f8'", b"'<M8'")}, "numbers or of lists"),
        (lambda npy: {"x.npy": b"\x93NUMPY\x02\x00" + struct.pack("<I", 10)}, "version"),
    ],
)
def test_other_contents_of_an_archive_are_refused(tmp_path, npy, members, message):
    path = tmp_path / "other.npz"
    write_archive(path, members(npy))
    with pytest.raises(ValueError, match=message):
        npz.load_npz(path, {"x": ((2,), "object")})


@pytest.mark.parametrize("cut", [0, 4, 20, -5])
def test_damaged_archives_are_refused(tmp_path, npy, cut):
    path = tmp_path / "damaged.npz"
    write_archive(path, {"x.npy": npy(LISTS)})
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(ValueError, match="to be a .npz archive; it cannot be read"):
        npz.load_npz(path, {"x": ((2,), "object")})
