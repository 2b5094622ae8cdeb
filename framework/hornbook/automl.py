"""A model for a data set in one line: a search over networks of a known kind, each with its preprocessing inside.

| data | what is tried |
|---|---|
| tables | 1 to 3 dense layers of 16 to 256 units, batch normalization or none |
| images | 1 to 3 rounds of convolution from 16, 32 or 64 filters, flattened or averaged; shifted, turned and scaled images |
| texts | the set of words, or of words and pairs, into a linear or a hidden layer; words in order, averaged or convolved |

Numbers of a table are normalized, gaps are filled with the mean, words become one-hot. Dropout is 0 to 0.5 in each,
Adam has a learning rate from 0.0001 to 0.01. The first trial takes the defaults, the others are drawn at random, and
the model with the best epoch on the held-out rows is kept as it is: it is not trained again on all rows. Nothing here knows
pretrained models; `hornbook_hub` does.
"""

from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np

from hornbook import layers, ops, optimizers, tuner
from hornbook.callbacks import EarlyStopping
from hornbook.core.input_layer import Input
from hornbook.models import Model

WORDS_OF_A_COLUMN, WORDS_OF_TEXTS = 100, 10_000


class DefaultsFirst(tuner.RandomSearchOracle):
    """Tries the defaults, then draws at random."""

    def populate_space(self, trial_id: str) -> dict[str, Any]:
        """The next hyperparameters."""
        if self.trials:
            return super().populate_space(trial_id)
        space = self.get_space()
        space.values = {}
        for hp in space.space:
            if space.is_active(hp):
                space.values[hp.name] = hp.default
        return {"status": "RUNNING", "values": space.values}


# ------------------------------------------------------------------------------------------------------ what is tried
class Space(tuner.HyperModel):
    """Models of one kind, from raw inputs to answers; a subclass defines `body`.

    Args:
        head: {"classes": how many}, or {"mean", "deviation"} of the numbers to predict, a list each.
    """

    def __init__(self, head: dict[str, Any]) -> None:
        self.head = head
        super().__init__()

    def body(self, hp: Any) -> tuple[Any, Any]:
        """(inputs, features)."""
        raise NotImplementedError

    def build(self, hp: Any) -> Model:
        """A compiled model."""
        inputs, features = self.body(hp)
        features = layers.Dropout(hp.Choice("dropout", [0.0, 0.25, 0.5], default=0.25))(features)
        if "classes" in self.head:
            outputs = layers.Dense(self.head["classes"], activation="softmax")(features)
            loss, metrics = "sparse_categorical_crossentropy", ["accuracy"]
        else:
            outputs = layers.Dense(len(self.head["mean"]))(features)
            outputs = layers.Rescaling(self.head["deviation"], self.head["mean"])(outputs)
            loss, metrics = "mean_squared_error", ["mean_absolute_error"]
        model = Model(inputs, outputs)
        rate = hp.Float("learning_rate", 1e-4, 1e-2, sampling="log", default=3e-3)
        model.compile(optimizers.Adam(rate), loss, metrics=metrics)
        return model


class TableSpace(Space):
    """Dense networks on the numbers and words of a table.

    Args:
        head: see `Space`.
        mean, variance: of each column of numbers.
        words: the words of each column of words.
    """

    def __init__(self, head: dict[str, Any], mean: list[float], variance: list[float], words: list[list[str]]) -> None:
        self.mean, self.variance, self.words = mean, variance, words
        super().__init__(head)

    def body(self, hp: Any) -> tuple[Any, Any]:
        """Normalized numbers and one-hot words, into dense layers."""
        inputs, parts = {}, []
        if self.mean:
            numbers = inputs["numbers"] = Input((len(self.mean),), name="numbers")
            parts.append(ops.nan_to_num(layers.Normalization(mean=self.mean, variance=self.variance)(numbers)))
        if self.words:
            words = inputs["words"] = Input((len(self.words),), dtype="string", name="words")
            for column, known in enumerate(self.words):
                lookup = layers.StringLookup(vocabulary=known, output_mode="one_hot")
                parts.append(lookup(words[:, column : column + 1]))
        x = layers.Concatenate()(parts) if len(parts) > 1 else parts[0]
        normalized = hp.Boolean("batch_normalization", default=False)
        units = hp.Choice("units", [16, 32, 64, 128, 256], default=64)
        for _ in range(hp.Int("layers", 1, 3, default=2)):
            x = layers.Dense(units)(x)
            x = layers.BatchNormalization(momentum=0.9)(x) if normalized else x
            x = layers.ReLU()(x)
        return inputs, x


class ImageSpace(Space):
    """Convolutional networks.

    Args:
        head: see `Space`.
        shape: (height, width, channels).
        largest: the number that stands for white.
    """

    def __init__(self, head: dict[str, Any], shape: tuple[int, ...], largest: float) -> None:
        self.shape, self.largest = shape, largest
        super().__init__(head)

    def body(self, hp: Any) -> tuple[Any, Any]:
        """Rounds of convolution and pooling."""
        inputs = Input(self.shape)
        x = layers.Rescaling(1 / self.largest)(inputs)
        if hp.Boolean("augment", default=False):
            x = layers.RandomTranslation(0.1, 0.1, fill_mode="nearest")(x)
            x = layers.RandomRotation(0.03, fill_mode="nearest")(x)
            x = layers.RandomZoom(0.1, fill_mode="nearest")(x)
        filters = hp.Choice("filters", [16, 32, 64], default=32)
        for i in range(hp.Int("rounds", 1, 3, default=2)):
            x = layers.Conv2D(filters * 2**i, 3, padding="same", use_bias=False)(x)
            x = layers.MaxPooling2D(padding="same")(layers.ReLU()(layers.BatchNormalization(momentum=0.9)(x)))
        flat = hp.Choice("end", ["flatten", "average"]) == "flatten"
        return inputs, layers.Flatten()(x) if flat else layers.GlobalAveragePooling2D()(x)


class TextSpace(Space):
    """Networks that read texts as sets of words, or as words in order.

    Args:
        head: see `Space`.
        words: the known words, the frequent ones first.
        pairs: the known words and pairs of words that follow each other.
    """

    def __init__(self, head: dict[str, Any], words: list[str], pairs: list[str]) -> None:
        self.words, self.pairs = words, pairs
        super().__init__(head)

    def body(self, hp: Any) -> tuple[Any, Any]:
        """A set of words, or embeddings of words."""
        inputs = Input((), dtype="string")
        reads = hp.Choice("reads", ["words", "pairs", "average", "convolution"])
        with hp.conditional_scope("reads", ["words", "pairs"]):
            units = hp.Choice("hidden_units", [0, 16, 64])
        with hp.conditional_scope("reads", ["average", "convolution"]):
            length = hp.Choice("length", [64, 128, 256], default=128)
            dim = hp.Choice("dim", [32, 64, 128], default=64)
        if reads in ("words", "pairs"):
            known, ngrams = (self.words, 1) if reads == "words" else (self.pairs, 2)
            x = layers.TextVectorization(vocabulary=known, ngrams=ngrams, output_mode="multi_hot")(inputs)
            x = ops.cast(x, "float32")
            return inputs, layers.Dense(units, activation="relu")(x) if units else x
        numbers = layers.TextVectorization(vocabulary=self.words, output_sequence_length=length)(inputs)
        x = layers.Embedding(len(self.words) + 2, dim, mask_zero=reads == "average")(numbers)  # 0 no word, 1 unknown
        if reads == "average":
            return inputs, layers.GlobalAveragePooling1D()(x)
        x = layers.Conv1D(dim, 5, padding="same", activation="relu")(x)
        return inputs, layers.GlobalMaxPooling1D()(x)


# ------------------------------------------------------------------------------------------------------ the one line
class AutoModel:
    """A search for a model, with the methods of a model.

    Args:
        max_trials: how many models are tried.
        objective: what is best; a metric of the held-out rows. Of epochs with the same accuracy the first would be kept, so
            the loss is the better judge where held-out rows are few.
        directory, project_name, overwrite: where the search is kept; a search that was killed goes on from there.
        seed: of the split, the search, and the weights.
        max_model_size: models with more numbers are not trained.

    Attributes:
        tuner: after `fit`, the tuner: `tuner.results_summary()`, `tuner.get_best_hyperparameters()`.
    """

    def __init__(
        self,
        max_trials: int = 10,
        objective: Any = "val_loss",
        directory: Any = None,
        project_name: str | None = None,
        overwrite: bool = False,
        seed: int = 0,
        max_model_size: int | None = None,
    ) -> None:
        self.max_trials, self.objective = max_trials, objective
        self.directory, self.project_name = directory, project_name or type(self).__name__
        self.overwrite, self.seed, self.max_model_size = overwrite, seed, max_model_size
        self.tuner: Any = None
        self.model: Any = None

    def _learn_inputs(self, x: Any) -> None:
        """Look at the rows to learn from, and remember what all models need to know of them."""

    def _inputs(self, x: Any) -> Any:
        """Rows as the models take them."""
        raise NotImplementedError

    def _space(self, head: dict[str, Any]) -> Space:
        raise NotImplementedError

    def _learn_targets(self, y: Any) -> dict[str, Any]:
        """Look at the answers; gives the head of the models."""
        raise NotImplementedError

    def _targets(self, y: Any) -> np.ndarray:
        raise NotImplementedError

    def fit(
        self,
        x: Any,
        y: Any,
        epochs: int = 100,
        batch_size: int = 32,
        validation_split: float = 0.2,
        validation_data: Any = None,
        patience: int = 10,
        callbacks: Any = None,
        verbose: Any = 1,
        workers: int = 1,
    ) -> "AutoModel":
        """Try models, and keep the best.

        Args:
            x, y: rows and their answers.
            epochs: the most epochs of a trial.
            batch_size: rows in a step.
            validation_split: the share of rows, drawn at random, by which models are compared.
            validation_data: (x, y) to compare them by instead.
            patience: epochs without a smaller loss on the held-out rows before a trial ends.
            callbacks: further callbacks.
            verbose: as in `Model.fit`.
            workers: processes that try models at a time, as in `Tuner.search`.

        Raises:
            ValueError: for data of another kind, and where rows and answers differ in number.
            RuntimeError: where no trial came to an end.
        """
        self._learn_inputs(x)
        head = self._learn_targets(y)
        rows, answers = self._inputs(x), self._targets(y)
        count = len(answers)
        if any(len(part) != count for part in _parts(rows)):
            raise ValueError(f"There are {len(_parts(rows)[0])} rows in x, but {count} answers in y.")
        if validation_data is None:
            order = np.random.default_rng(self.seed).permutation(count)
            held = order[: max(1, int(count * validation_split))]
            kept = order[len(held) :]
            validation_data = _taken(rows, held), answers[held]
            rows, answers = _taken(rows, kept), answers[kept]
        else:
            validation_data = self._inputs(validation_data[0]), self._targets(validation_data[1])
        self.tuner = tuner.Tuner(
            DefaultsFirst(
                self.objective, self.max_trials, seed=self.seed + 1
            ),  # 0 would stand for a seed that is drawn
            self._space(head),
            max_model_size=self.max_model_size,
            directory=self.directory,
            project_name=self.project_name,
            overwrite=self.overwrite,
        )
        self.tuner.search(
            rows,
            answers,
            epochs=epochs,
            batch_size=batch_size,
            validation_data=validation_data,
            callbacks=[EarlyStopping("val_loss", patience=patience), *(callbacks or [])],
            verbose=verbose,
            workers=workers,
        )
        models = self.tuner.get_best_models()
        if not models:
            raise RuntimeError("No trial came to an end; tuner.results_summary() says what went wrong in each.")
        self.model = models[0]
        return self

    def export_model(self) -> Model:
        """The best model, with its preprocessing: for `save`, `export`, or training on.

        Raises:
            RuntimeError: before `fit`.
        """
        if self.model is None:
            raise RuntimeError("There is no model yet: call fit(x, y) first.")
        return self.model

    def evaluate(self, x: Any, y: Any, verbose: Any = 0) -> dict[str, float]:
        """Loss and metric of the best model on other rows."""
        return self.export_model().evaluate(self._inputs(x), self._targets(y), verbose=verbose, return_dict=True)

    def predict(self, x: Any) -> np.ndarray:
        """The answers of the best model."""
        return self.export_model().predict(self._inputs(x), verbose=0)


class _Classifier(AutoModel):
    """What classifiers share: labels of any kind, in a one-dimensional array."""

    labels: Any = None

    def _learn_targets(self, y: Any) -> dict[str, Any]:
        y = np.asarray(y)
        if y.ndim != 1:
            raise ValueError(f"The labels must be one for each row, shape (rows,); got {y.shape}.")
        self.labels = np.unique(y)
        if len(self.labels) < 2:
            raise ValueError(f"There must be two labels at least, got {self.labels.tolist()}.")
        return {"classes": len(self.labels)}

    def _targets(self, y: Any) -> np.ndarray:
        y = np.asarray(y)
        places = np.clip(np.searchsorted(self.labels, y), 0, len(self.labels) - 1)
        if (self.labels[places] != y).any():
            raise ValueError(f"A label is new: known are {self.labels.tolist()}, got {np.unique(y).tolist()}.")
        return places

    def predict_probabilities(self, x: Any) -> np.ndarray:
        """The probability of each of `labels`, (rows, labels)."""
        return super().predict(x)

    def predict(self, x: Any) -> np.ndarray:
        """The most probable label of each row."""
        return self.labels[self.predict_probabilities(x).argmax(-1)]


class _Table(AutoModel):
    """What models of tables share: columns of numbers or words."""

    def _columns(self, x: Any) -> dict[str, np.ndarray]:
        if isinstance(x, Mapping):
            return {str(name): np.asarray(column) for name, column in x.items()}
        if hasattr(x, "columns"):  # pandas
            return {str(name): np.asarray(x[name]) for name in x.columns}
        x = np.asarray(x)
        if x.ndim != 2:
            raise ValueError(
                f"A table is a dictionary of columns, a pandas DataFrame or an array (rows, columns); got shape {x.shape}."
            )
        return {str(i): x[:, i] for i in range(x.shape[1])}

    def _learn_inputs(self, x: Any) -> None:
        columns = self._columns(x)
        numeric = {name: numbers for name, c in columns.items() if (numbers := _as_numbers(c)) is not None}
        self._numeric, self._wordy = list(numeric), [name for name in columns if name not in numeric]
        numbers = np.stack(list(numeric.values()), 1) if numeric else np.zeros((1, 0))
        known = ~np.isnan(numbers)
        count = np.maximum(known.sum(0), 1)
        mean = np.where(known, numbers, 0).sum(0) / count
        self._mean = mean.tolist()
        self._variance = (np.where(known, (numbers - mean) ** 2, 0).sum(0) / count).tolist()
        self._words = [
            [word for word, _ in Counter(_as_words(columns[name])).most_common(WORDS_OF_A_COLUMN)]
            for name in self._wordy
        ]

    def _inputs(self, x: Any) -> dict[str, np.ndarray]:
        columns, found = self._columns(x), {}
        if missing := [name for name in [*self._numeric, *self._wordy] if name not in columns]:
            raise ValueError(f"The table lacks the columns {missing}; it has {list(columns)}.")
        if self._numeric:
            numbers: list[Any] = [_as_numbers(columns[name]) for name in self._numeric]
            if wordy := [name for name, column in zip(self._numeric, numbers, strict=True) if column is None]:
                raise ValueError(f"The columns {wordy} held numbers when the model was found, and hold words now.")
            found["numbers"] = np.stack(numbers, 1).astype("float32")
        if self._wordy:
            found["words"] = np.stack([_as_words(columns[name]) for name in self._wordy], 1)
        return found

    def _space(self, head: dict[str, Any]) -> Space:
        return TableSpace(head, self._mean, self._variance, self._words)


class StructuredDataClassifier(_Table, _Classifier):
    """Finds a model that sorts the rows of a table into classes.

    A table is a dictionary of columns, a pandas DataFrame or an array (rows, columns). A column holds numbers, NaN where one
    is missing, or words. The exported model takes {"numbers": (rows, columns) floats, "words": (rows, columns) strings}.

    Args:
        max_trials, objective, directory, project_name, overwrite, seed, max_model_size: see `AutoModel`.

    >>> import numpy as np
    >>> from hornbook import automl
    >>> table = {"size": np.arange(40.0), "colour": np.array(["red", "blue"] * 20)}
    >>> found = automl.StructuredDataClassifier(max_trials=1, directory="searches")
    >>> _ = found.fit(table, table["colour"], epochs=30, batch_size=8, verbose=0)
    >>> found.predict({"size": [3.0, 8.0], "colour": ["blue", "red"]}).tolist()
    ['blue', 'red']
    """


class StructuredDataRegressor(_Table):
    """Finds a model that predicts a number, or several, from the rows of a table.

    Args:
        max_trials, objective, directory, project_name, overwrite, seed, max_model_size: see `AutoModel`; tables are those of
            `StructuredDataClassifier`.

    >>> from hornbook import automl
    >>> automl.StructuredDataRegressor(max_trials=5).objective
    'val_loss'
    """

    def _learn_targets(self, y: Any) -> dict[str, Any]:
        y = self._targets(y)
        return {"mean": y.mean(0).tolist(), "deviation": np.maximum(y.std(0), 1e-12).tolist()}

    def _targets(self, y: Any) -> np.ndarray:
        y = np.asarray(y, "float32")
        return y[:, None] if y.ndim == 1 else y


class ImageClassifier(_Classifier):
    """Finds a model that sorts images into classes.

    Args:
        max_trials, objective, directory, project_name, overwrite, seed, max_model_size: see `AutoModel`.

    Images are (rows, height, width) or (rows, height, width, channels), in 0..255 or 0..1.

    >>> import numpy as np
    >>> from hornbook import automl
    >>> x = np.zeros((40, 8, 8), "uint8")
    >>> x[::2, :, :4] = 255
    >>> found = automl.ImageClassifier(max_trials=1, directory="searches")
    >>> _ = found.fit(x, np.array(["left", "none"] * 20), epochs=1, verbose=0)
    >>> found.predict_probabilities(x).shape
    (40, 2)
    """

    def _learn_inputs(self, x: Any) -> None:
        images = self._inputs(x)
        self._shape, self._largest = images.shape[1:], 255.0 if images.max() > 1 else 1.0

    def _inputs(self, x: Any) -> np.ndarray:
        images = np.asarray(x)
        images = images[..., None] if images.ndim == 3 else images
        if images.ndim != 4:
            raise ValueError(
                f"Images are (rows, height, width) or (rows, height, width, channels); got {images.shape}."
            )
        return images.astype("float32")

    def _space(self, head: dict[str, Any]) -> Space:
        return ImageSpace(head, self._shape, self._largest)


class TextClassifier(_Classifier):
    """Finds a model that sorts texts into classes.

    Args:
        max_trials, objective, directory, project_name, overwrite, seed, max_model_size: see `AutoModel`.

    Texts are a list or an array of strings, (rows,), and so for the exported model.

    >>> from hornbook import automl
    >>> texts, labels = ["good film", "bad film", "a good play", "a bad play"] * 10, ["+", "-"] * 20
    >>> found = automl.TextClassifier(max_trials=1, directory="searches")
    >>> _ = found.fit(texts, labels, epochs=30, batch_size=4, verbose=0)
    >>> found.predict(["good", "bad"]).tolist()
    ['+', '-']
    """

    def _learn_inputs(self, x: Any) -> None:
        texts = self._inputs(x)
        self._words, self._pairs = [], []
        for ngrams, known in ((1, self._words), (2, self._pairs)):
            reader = layers.TextVectorization(max_tokens=WORDS_OF_TEXTS, ngrams=ngrams, output_mode="multi_hot")
            reader.adapt(texts)
            known.extend(reader.get_vocabulary()[1:])  # without the place of unknown words

    def _inputs(self, x: Any) -> np.ndarray:
        texts = np.asarray(x, dtype=object)
        if texts.ndim != 1 or not all(isinstance(text, str) for text in texts):
            raise ValueError("Texts are strings in a list or a one-dimensional array.")
        return texts

    def _space(self, head: dict[str, Any]) -> Space:
        return TextSpace(head, self._words, self._pairs)


# ------------------------------------------------------------------------------------------------------ rows
def _as_numbers(column: np.ndarray) -> np.ndarray | None:
    """A column as floats, NaN where a number is missing; None for a column of words."""
    if column.dtype.kind in "biuf":
        return column.astype("float64")
    values = column.tolist()
    if all(value is None or isinstance(value, int | float) for value in values):
        return np.array([np.nan if value is None else value for value in values], "float64")
    return None


def _as_words(column: np.ndarray) -> np.ndarray:
    """A column as strings, empty where a word is missing (None, or NaN, which is not equal to itself)."""
    return np.array(["" if value is None or value != value else str(value) for value in column.tolist()], dtype=object)


def _parts(rows: Any) -> list:
    return list(rows.values()) if isinstance(rows, dict) else [rows]


def _taken(rows: Any, places: np.ndarray) -> Any:
    return {name: part[places] for name, part in rows.items()} if isinstance(rows, dict) else rows[places]
