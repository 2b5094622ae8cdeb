"""A model in one line: tables, images, texts; what is exported answers as what was found."""

import numpy as np
import pytest

automl = pytest.importorskip("hornbook.automl", reason="keras-tuner chooses the models", exc_type=ImportError)

import hornbook as keras  # noqa: E402


def table(count=240):
    """Rows with gaps and words; the class is told by a number and a word together."""
    generator = np.random.default_rng(0)
    columns = {
        "length": generator.normal(50, 10, count),
        "noise": generator.normal(size=count),
        "island": generator.choice(np.array(["north", "south"], dtype=object), count),
    }
    labels = np.where((columns["length"] > 50) == (columns["island"] == "north"), "big", "small")
    columns["noise"][::7] = np.nan
    columns["island"][::50] = None
    return columns, labels


def answers_again(found, rows, tmp_path):
    """The exported model, saved and opened."""
    found.export_model().save(tmp_path / "model.keras")
    opened = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(
        opened.predict(found._inputs(rows), verbose=0),
        found.export_model().predict(found._inputs(rows), verbose=0),
        rtol=1e-5,
        atol=1e-6,
    )


def test_a_table_into_classes(tmp_path):
    columns, labels = table()
    found = automl.StructuredDataClassifier(max_trials=1, directory=tmp_path, seed=1)
    found.fit(columns, labels, epochs=25, batch_size=8, verbose=0)
    assert found.evaluate(columns, labels)["accuracy"] > 0.9
    assert (found.predict(columns) == labels).mean() > 0.9
    np.testing.assert_allclose(found.predict_probabilities(columns).sum(-1), 1, rtol=1e-5)
    first = found.tuner.oracle.trials["0"].hyperparameters.values
    assert first["units"] == 64 and first["layers"] == 2 and first["learning_rate"] == 3e-3
    answers_again(found, columns, tmp_path)

    pandas = pytest.importorskip("pandas")
    np.testing.assert_array_equal(found.predict(pandas.DataFrame(columns)), found.predict(columns))
    new = {**columns, "island": np.full(240, "west", dtype=object)}
    assert np.isfinite(found.predict_probabilities(new)).all()  # a word that was not there
    with pytest.raises(ValueError, match=r"lacks the columns \['noise'\]"):
        found.predict({name: columns[name] for name in ("length", "island")})
    with pytest.raises(ValueError, match="hold words now"):
        found.predict({**columns, "length": columns["island"]})
    with pytest.raises(ValueError, match="A label is new"):
        found.evaluate(columns, np.full(240, "huge"))


@pytest.mark.exhaustive
def test_a_table_into_numbers(tmp_path):
    x = np.random.default_rng(0).normal(size=(200, 3))
    y = 1000 + 50 * x[:, 0] - 20 * np.abs(x[:, 1])
    found = automl.StructuredDataRegressor(max_trials=1, directory=tmp_path)
    found.fit(x, y, epochs=25, batch_size=8, verbose=0)
    assert found.predict(x).shape == (200, 1)
    assert found.evaluate(x, y)["mean_absolute_error"] < 0.4 * np.abs(y - y.mean()).mean()
    answers_again(found, x, tmp_path)


@pytest.mark.exhaustive
def test_images(tmp_path):
    x = np.random.default_rng(0).integers(0, 60, (80, 8, 8)).astype("uint8")
    y = np.arange(80) % 2
    x[y == 1, :, :4] += 150
    found = automl.ImageClassifier(max_trials=1, directory=tmp_path).fit(x, y, epochs=4, batch_size=8, verbose=0)
    assert (found.predict(x) == y).mean() > 0.9
    answers_again(found, x, tmp_path)


@pytest.mark.exhaustive
def test_texts(tmp_path):
    texts = [f"{a} {b} film" for a in ("a", "the", "this") for b in ("good", "fine", "bad", "dull")] * 8
    labels = np.array(["+", "+", "-", "-"] * 24)
    found = automl.TextClassifier(max_trials=2, directory=tmp_path, seed=2)
    found.fit(texts, labels, epochs=25, batch_size=8, verbose=0)
    assert (found.predict(texts) == labels).mean() > 0.95
    answers_again(found, texts, tmp_path)


def test_each_way_to_read_and_the_largest_networks_can_be_built():
    texts = automl.TextSpace({"classes": 2}, ["a", "b"], ["a", "b", "a b"])
    images = automl.ImageSpace({"classes": 2}, (9, 9, 3), 255.0)
    for space, values, shape in [
        *((texts, {"reads": reads}, (None, 2)) for reads in ("words", "pairs", "average", "convolution")),
        (texts, {"reads": "words", "hidden_units": 16}, (None, 2)),
        (images, {"augment": True, "rounds": 3, "end": "average"}, (None, 2)),
    ]:
        hp = automl.tuner.HyperParameters()
        hp.values = values
        assert space.build(hp).output_shape == shape


def test_wrong_data(tmp_path):
    classifier = automl.StructuredDataClassifier(directory=tmp_path)
    with pytest.raises(RuntimeError, match="call fit"):
        classifier.export_model()
    for kind, x, y, error in [
        (automl.StructuredDataClassifier, np.zeros(3), [0, 1, 1], "A table is"),
        (automl.StructuredDataClassifier, np.zeros((3, 1)), [1, 1, 1], "two labels at least"),
        (automl.StructuredDataClassifier, np.zeros((3, 1)), np.eye(3), "one for each row"),
        (automl.StructuredDataClassifier, np.zeros((3, 1)), [0, 1], "3 rows in x, but 2"),
        (automl.ImageClassifier, np.zeros((3, 4)), [0, 1, 1], "Images are"),
        (automl.TextClassifier, [1, 2], [0, 1], "Texts are strings"),
    ]:
        with pytest.raises(ValueError, match=error):
            kind(directory=tmp_path).fit(x, y)
