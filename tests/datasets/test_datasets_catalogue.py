"""Data sets by name: of this package, and of tensorflow-datasets on its own mock data."""

import sys
import warnings
from pathlib import Path

import pytest

import hornbook_datasets
from hornbook_datasets import tiny_reviews

ROOT = Path(__file__).resolve().parents[2]


def test_names_are_the_modules():
    files = {path.stem for path in Path(hornbook_datasets.__file__).parent.glob("*.py")}
    with_cards = {stem for stem in files if hasattr(sys.modules.get(f"hornbook_datasets.{stem}"), "INFO")}
    assert set(hornbook_datasets.names()) == with_cards and len(with_cards) == 24
    assert with_cards <= set(hornbook_datasets.__all__)


def test_the_page_of_the_site_has_the_table_of_the_cards():
    page = (ROOT / "site" / "datasets.md").read_text()
    assert hornbook_datasets.table() in page, "write hornbook_datasets.table() into site/datasets.md"
    reference = (ROOT / "site" / "api" / "datasets.md").read_text()
    assert all(f"::: hornbook_datasets.{name}\n" in reference for name in hornbook_datasets.names())


@pytest.mark.parametrize("name", hornbook_datasets.names())
def test_cards_are_complete(name):
    card = hornbook_datasets.catalogue.BY_NAME[name].info()
    assert card.source and card.licence and card.citation and card.title
    assert all(count > 0 for count in card.examples.values())
    for file in card.files:
        assert len(file.sha256) == 64 and int(file.sha256, 16) and file.size > 0
        assert not file.path.startswith("/") and ".." not in file.path
        assert all(url.startswith("https://") for url in file.urls)
    assert not card.files or card.files[0].urls  # each can be downloaded
    for column in card.columns:
        assert column.dtype in ("float32", "int64", "str") and column.meaning
        assert column.missing == 0 or column.dtype != "int64"  # which has no value that could say so


def test_a_set_of_this_package():
    (texts, labels), _ = hornbook_datasets.load("tiny_reviews")
    assert texts.tolist() == tiny_reviews.load_data()[0][0].tolist()
    dataset = hornbook_datasets.load("tiny_reviews", "test", batch_size=100, shuffle=False)
    assert [len(labels) for _, labels in dataset] == [100, 68]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ("cats_vs_dogs",),
            "Expected one of mnist, .*, or 'tfds:' and a name of tensorflow-datasets; received 'cats_vs",
        ),
        (("tiny_reviews", None, 8), "Expected a split beside batch_size=8"),
        (("tiny_reviews", "validation"), r"split to be one of \['train', 'test'\]"),
        (("tfds:huggingface:imdb",), "Sets of its community bring code of their own"),
        (("tfds:../x",), "Expected a name of tensorflow-datasets"),
        (("tfds:",), "Expected a name of tensorflow-datasets"),
    ],
)
def test_other_names_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        hornbook_datasets.load(*arguments)


def test_without_tensorflow_datasets_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorflow_datasets", None)
    with pytest.raises(ImportError, match=r"needed for 'tfds:mnist' .* pip install \"hornbook\[tfds\]\""):
        hornbook_datasets.load("tfds:mnist")


@pytest.fixture
def mock(monkeypatch):
    """tensorflow-datasets with examples that it makes up, of the shapes that the real ones have."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the libraries that it imports
        tfds = pytest.importorskip("tensorflow_datasets")
        monkeypatch.setenv("HORNBOOK_OFFLINE", "1")
        with tfds.testing.mock_data(num_examples=10):
            yield tfds


def test_sets_of_tensorflow_datasets(mock):
    batches = list(hornbook_datasets.load("tfds:cats_vs_dogs", split="train", batch_size=4))
    assert [len(labels) for _, labels in batches] == [4, 4, 2]
    assert hornbook_datasets.load("tfds:mnist", "test").element_spec[0].shape == (28, 28, 1)
    examples = hornbook_datasets.load("tfds:glue/sst2", "validation", as_supervised=False)
    assert set(examples.element_spec) == {"idx", "label", "sentence"}


def test_a_model_learns_from_such_a_set(mock):
    import hornbook as keras

    dataset = hornbook_datasets.load("tfds:mnist", "train", batch_size=5)
    model = keras.Sequential([keras.layers.Flatten(), keras.layers.Rescaling(1 / 255), keras.layers.Dense(10)])
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    losses = model.fit(dataset, epochs=2, verbose=0).history["loss"]
    assert len(losses) == 2 and losses[1] < losses[0]
