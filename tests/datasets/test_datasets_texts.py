"""Texts: small files in the official formats, wrong ones, and the real files where they can be had."""

from hornbook_datasets import tiny_shakespeare


def test_shakespeare_is_cut_once(put):
    put(tiny_shakespeare, {0: b"First Citizen:\nBefore"}, {"train": 14, "test": 7})
    assert tiny_shakespeare.load_data() == ("First Citizen:", "\nBefore")


def test_real_shakespeare(real):
    real(tiny_shakespeare.INFO.files[0].path)
    train, test = tiny_shakespeare.load_data()
    assert {"train": len(train), "test": len(test)} == tiny_shakespeare.INFO.examples
    assert train.startswith("First Citizen:\nBefore we proceed any further, hear me speak.\n")
    assert test.endswith("Whiles thou art waking.\n")
    assert len(set(train + test)) == 65 and len(train) == int(0.9 * len(train + test))
