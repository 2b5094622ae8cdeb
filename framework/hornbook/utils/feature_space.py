"""FeatureSpace: the columns of a table, each made ready in its own way, as one vector for each row."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from hornbook import backend, layers, ops, tree
from hornbook.core import global_state
from hornbook.core.arguments import one_of
from hornbook.core.input_layer import Input
from hornbook.core.layer import Layer
from hornbook.core.registry import (
    Configurable,
    Family,
    deserialize_keras_object,
    serialize_keras_object,
)
from hornbook.saving import save_model

__all__ = ["FeatureSpace"]

_CHUNK = 1024  # rows of a data set taken together where it has single rows


class TFDIdentity(layers.Identity):
    """A feature taken as it is. Files of Keras name it so."""


class TFDConcat(Layer):
    """Features side by side: output = concatenate(inputs), as floats. Files of Keras name it so.

    Args:
        axis: along which.
    """

    def __init__(self, axis: int = -1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.axis = axis

    def call(self, inputs: Sequence) -> Any:
        return ops.concatenate([ops.cast(x, self.compute_dtype) for x in inputs], axis=self.axis)


class Feature(Configurable):
    """How a column is made ready: its dtype, a layer for it, and the form its categories take.

    Args:
        dtype: of the column: "float32", "int32" or "string".
        preprocessor: the layer.
        output_mode: "float" (what the layer gives), "int" (the category's number) or "one_hot" (a row with a one).
    """

    def __init__(self, dtype: str, preprocessor: Layer, output_mode: str) -> None:
        self.dtype, self.preprocessor = dtype, preprocessor
        self.output_mode = one_of(output_mode, ("int", "one_hot", "float"), "output_mode")

    def get_config(self) -> dict[str, Any]:
        return {
            "dtype": self.dtype,
            "preprocessor": serialize_keras_object(self.preprocessor),
            "output_mode": self.output_mode,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Feature":
        return cls(config["dtype"], deserialize_keras_object(config["preprocessor"]), config["output_mode"])


class Cross(Configurable):
    """Features taken together: each combination of their values is a category, shared out over bins by hash.

    Args:
        feature_names: which.
        crossing_dim: how many bins there are.
        output_mode: "int" or "one_hot".
    """

    def __init__(self, feature_names: Sequence[str], crossing_dim: int, output_mode: str = "one_hot") -> None:
        self.feature_names, self.crossing_dim = tuple(feature_names), crossing_dim
        self.output_mode = one_of(output_mode, ("int", "one_hot"), "output_mode")

    @property
    def name(self) -> str:
        """The features' names, "_X_" between them."""
        return "_X_".join(self.feature_names)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "feature_names": self.feature_names}


class FeatureSpace(Layer):
    """The columns of a table, each made ready in its own way, as one vector for each row.

    output = concatenate(encode(column) for each column and each cross of columns, in the order of their names)

    Args:
        features: a dictionary: the name of each column, and how to make it ready: one of the words "float",
            "float_rescaled", "float_normalized", "float_discretized", "integer_categorical", "string_categorical",
            "integer_hashed", "string_hashed", or what the method of that name gives, which takes arguments.
        output_mode: "concat" (one vector) or "dict" (one for each feature, by name).
        crosses: tuples of names, or what `cross` gives: columns whose combinations are features too.
        crossing_dim, hashing_dim, num_discretization_bins: the number of bins where a word or tuple names none.
        name: its name.

    Call:
        data: a dictionary of the columns: (batch,) or (batch, 1) each; or one row, a number or string each.
        Returns (batch, width), or (width,) for one row; or a dictionary of these.

    Raises:
        ValueError: for features and modes that it does not know, and in a call before `adapt`.

    >>> import hornbook as keras
    >>> space = keras.utils.FeatureSpace({"age": "float_normalized", "town": "string_categorical"})
    >>> space.adapt({"age": [20.0, 30.0, 40.0], "town": ["Ulm", "Bonn", "Ulm"]})
    >>> space({"age": [30.0], "town": ["Ulm"]}).numpy()
    array([[0., 0., 1., 0.]], dtype=float32)
    """

    def __init__(
        self,
        features: Mapping[str, Any],
        output_mode: str = "concat",
        crosses: Any = None,
        crossing_dim: int = 32,
        hashing_dim: int = 32,
        num_discretization_bins: int = 32,
        name: str | None = None,
    ) -> None:
        super().__init__(name=name)
        if not features:
            raise ValueError("FeatureSpace needs features, a dictionary from the names of columns; got none.")
        self._convert_input_args, self._allow_non_tensor_positional_args = False, True
        self.supports_jit = False
        self.output_mode = one_of(output_mode, ("concat", "dict"), "output_mode")
        self.crossing_dim, self.hashing_dim = crossing_dim, hashing_dim
        self.num_discretization_bins = num_discretization_bins
        self.features = {key: self._feature(key, value) for key, value in features.items()}
        self.crosses = [self._cross(cross) for cross in crosses or ()]
        self.crosses_by_name = {cross.name: cross for cross in self.crosses}
        self.preprocessors = {key: feature.preprocessor for key, feature in self.features.items()}
        self.crossers = {
            cross.name: layers.HashedCrossing(cross.crossing_dim, name=cross.name) for cross in self.crosses
        }
        self.inputs = {key: Input(shape=(1,), dtype=feature.dtype, name=key) for key, feature in self.features.items()}
        self.one_hot_encoders: dict[str, Layer] = {}
        self.concat = TFDConcat(axis=-1) if output_mode == "concat" else None
        self.encoded_features: Any = None
        self._adapted = not self._adaptable()

    def _feature(self, name: str, feature: Any) -> Feature:
        if isinstance(feature, dict):
            feature = deserialize_keras_object(feature)
        if isinstance(feature, Feature):
            return feature
        bins: dict[str, dict] = {
            "float_discretized": {"num_bins": self.num_discretization_bins},
            "string_hashed": {"num_bins": self.hashing_dim},
            "integer_hashed": {"num_bins": self.hashing_dim},
        }
        one_of(feature, _KINDS, f"features[{name!r}]")
        return getattr(FeatureSpace, feature)(name=name, **bins.get(feature, {}))

    def _cross(self, cross: Any) -> Cross:
        if isinstance(cross, dict):
            cross = deserialize_keras_object(cross)
        if not isinstance(cross, Cross):
            cross = Cross(cross, self.crossing_dim)
        unknown = [name for name in cross.feature_names if name not in self.features]
        if unknown:
            raise ValueError(f"crosses name the features {unknown}, which are not among {sorted(self.features)}.")
        return cross

    # ------------------------------------------------------------------------------------------- kinds of features
    @classmethod
    def cross(cls, feature_names: Sequence[str], crossing_dim: int, output_mode: str = "one_hot") -> Cross:
        """Columns whose combinations are a feature: see `Cross`."""
        return Cross(feature_names, crossing_dim, output_mode)

    @classmethod
    def feature(cls, dtype: str, preprocessor: Layer, output_mode: str) -> Feature:
        """A column made ready by a layer of your own: see `Feature`."""
        return Feature(dtype, preprocessor, output_mode)

    @classmethod
    def float(cls, name: str | None = None) -> Feature:
        """Numbers taken as they are."""
        return Feature("float32", TFDIdentity(name=_preprocessor_name("float", name)), "float")

    @classmethod
    def float_rescaled(cls, scale: Any = 1.0, offset: Any = 0.0, name: str | None = None) -> Feature:
        """Numbers times a scale plus an offset."""
        layer = layers.Rescaling(scale, offset, name=_preprocessor_name("float_rescaled", name))
        return Feature("float32", layer, "float")

    @classmethod
    def float_normalized(cls, name: str | None = None) -> Feature:
        """Numbers brought to mean 0 and variance 1."""
        return Feature("float32", layers.Normalization(name=_preprocessor_name("float_normalized", name)), "float")

    @classmethod
    def float_discretized(
        cls, num_bins: int, bin_boundaries: Any = None, output_mode: str = "one_hot", name: str | None = None
    ) -> Feature:
        """Numbers by the bin they lie in: bins of as many samples each, or with the boundaries that are given."""
        layer = layers.Discretization(
            num_bins=num_bins if bin_boundaries is None else None,
            bin_boundaries=bin_boundaries,
            name=_preprocessor_name("float_discretized", name),
        )
        return Feature("float32", layer, output_mode)

    @classmethod
    def integer_categorical(
        cls,
        max_tokens: int | None = None,
        num_oov_indices: int = 1,
        output_mode: str = "one_hot",
        name: str | None = None,
    ) -> Feature:
        """Integers that name categories, found in the data."""
        layer = layers.IntegerLookup(
            name=_preprocessor_name("integer_categorical", name), max_tokens=max_tokens, num_oov_indices=num_oov_indices
        )
        return Feature("int32", layer, output_mode)

    @classmethod
    def string_categorical(
        cls,
        max_tokens: int | None = None,
        num_oov_indices: int = 1,
        output_mode: str = "one_hot",
        name: str | None = None,
    ) -> Feature:
        """Strings that name categories, found in the data."""
        layer = layers.StringLookup(
            name=_preprocessor_name("string_categorical", name), max_tokens=max_tokens, num_oov_indices=num_oov_indices
        )
        return Feature("string", layer, output_mode)

    @classmethod
    def string_hashed(cls, num_bins: int, output_mode: str = "one_hot", name: str | None = None) -> Feature:
        """Strings shared out over bins by hash."""
        return Feature("string", layers.Hashing(num_bins, name=_preprocessor_name("string_hashed", name)), output_mode)

    @classmethod
    def integer_hashed(cls, num_bins: int, output_mode: str = "one_hot", name: str | None = None) -> Feature:
        """Integers shared out over bins by hash."""
        return Feature("int32", layers.Hashing(num_bins, name=_preprocessor_name("integer_hashed", name)), output_mode)

    # ----------------------------------------------------------------------------------------------------- adapting
    def _adaptable(self) -> list[str]:
        return [key for key, layer in self.preprocessors.items() if _learns(layer)]

    def adapt(self, dataset: Any) -> None:
        """Learn from data what the features need: vocabularies, means, boundaries.

        Args:
            dataset: a `tf.data.Dataset`, or another iterable that can be walked again, of dictionaries of the columns
                (single rows or batches); or one dictionary of arrays.

        Raises:
            ValueError: for anything else.
        """
        columns = [dataset] if isinstance(dataset, dict) else dataset
        first = next(iter(columns), None) if isinstance(columns, Iterable) else None
        if not isinstance(first, dict):
            raise ValueError(
                "adapt() takes a data set of dictionaries of columns, without labels: dataset.map(lambda x, y: x) "
                f"leaves them out. Got one of {type(first).__name__}."
            )
        if hasattr(columns, "batch") and not any(np.ndim(x) for x in first.values()):
            columns = columns.batch(_CHUNK)
        for key in self._adaptable():
            self.preprocessors[key].adapt(_Column(columns, key))
        self._adapted = True
        self.one_hot_encoders, self.encoded_features = {}, None
        self.get_encoded_features()

    def _check_adapted(self) -> None:
        if not self._adapted:
            raise ValueError(f"{self.name!r} has seen no data yet: call adapt(dataset) before using it.")

    def get_inputs(self) -> dict[str, Any]:
        """The columns as symbolic inputs, (batch, 1) each: what a model that makes its data ready itself starts from."""
        self._check_adapted()
        return self.inputs

    def get_encoded_features(self) -> Any:
        """What comes out for `get_inputs()`, symbolically: what a model that gets its data ready made starts from."""
        self._check_adapted()
        if self.encoded_features is None:
            self.encoded_features = self._encode(self.inputs)
        return self.encoded_features

    # ------------------------------------------------------------------------------------------------------ calling
    def build(self, input_shape: Any = None) -> None:
        self._check_adapted()

    def call(self, data: Any) -> Any:
        if not isinstance(data, dict):
            raise ValueError(f"A FeatureSpace takes a dictionary of columns, got {type(data).__name__}.")
        missing = [key for key in self.features if key not in data]
        if missing:
            raise ValueError(f"The columns {missing} are missing; got {sorted(data)}.")
        columns = {key: self._column(data[key], feature.dtype) for key, feature in self.features.items()}
        single = not any(len(x.shape) for x in columns.values())
        encoded = self._encode({key: _as_column(x) for key, x in columns.items()})
        return tree.map_structure(lambda x: ops.squeeze(x, 0), encoded) if single else encoded

    @staticmethod
    def _column(x: Any, dtype: str) -> Any:
        x = x if backend.is_tensor(x) else backend.convert_to_tensor(x)
        return x if dtype == "string" else ops.cast(x, dtype)

    def _encode(self, columns: dict[str, Any]) -> Any:
        ready = {key: layer(columns[key]) for key, layer in self.preprocessors.items()}
        encoded = {
            key: self._in_mode(key, ready[key], feature, self.preprocessors[key])
            for key, feature in self.features.items()
        }
        for key, cross in self.crosses_by_name.items():
            crossed = self.crossers[key]([ready[name] for name in cross.feature_names])
            encoded[key] = self._in_mode(key, crossed, cross, self.crossers[key])
        if self.concat is None:
            return encoded
        for key, x in encoded.items():
            dtype = backend.standardize_dtype(x.dtype)
            if not backend.is_float_dtype(dtype):
                raise ValueError(
                    f"The feature {key!r} is {dtype}, which cannot stand beside the others in one vector: give it "
                    "output_mode='one_hot', or the FeatureSpace output_mode='dict'."
                )
        return self.concat(list(encoded.values()))

    def _in_mode(self, key: str, x: Any, feature: Feature | Cross, layer: Layer) -> Any:
        if feature.output_mode != "one_hot":
            return x
        dtype = backend.standardize_dtype(x.dtype)
        if not backend.is_int_dtype(dtype):
            raise ValueError(
                f"The feature {key!r} has output_mode='one_hot', so its preprocessor must give integers, not {dtype}."
            )
        if key not in self.one_hot_encoders:
            self.one_hot_encoders[key] = layers.CategoryEncoding(_width(key, layer), output_mode="multi_hot")
        return self.one_hot_encoders[key](x)

    # -------------------------------------------------------------------------------------------------------- files
    def get_config(self) -> dict[str, Any]:
        return {
            "features": {key: serialize_keras_object(feature) for key, feature in self.features.items()},
            "output_mode": self.output_mode,
            "crosses": [serialize_keras_object(cross) for cross in self.crosses],
            "crossing_dim": self.crossing_dim,
            "hashing_dim": self.hashing_dim,
            "num_discretization_bins": self.num_discretization_bins,
        }

    def get_build_config(self) -> dict[str, Any] | None:
        if not self._adapted:
            return None
        return {key: layer.get_build_config() or {} for key, layer in self.preprocessors.items()}

    def build_from_config(self, config: dict[str, Any]) -> None:
        for key, inner in config.items():
            if inner and not self.preprocessors[key].built:
                self.preprocessors[key].build_from_config(inner)
        self._adapted = True

    def save(self, filepath: Any) -> None:
        """Write it, with all it has learnt, to a `.keras` file, which `hornbook.saving.load_model` opens."""
        save_model(self, filepath)


_KINDS = (
    "float",
    "float_rescaled",
    "float_normalized",
    "float_discretized",
    "integer_categorical",
    "string_categorical",
    "integer_hashed",
    "string_hashed",
)


class _Column:
    """The batches of one column of a data set, (batch, 1) each."""

    def __init__(self, columns: Iterable, key: str) -> None:
        self._columns, self._key = columns, key

    def __iter__(self) -> Iterator[np.ndarray]:
        for batch in self._columns:
            yield np.asarray(backend.convert_to_numpy(batch[self._key])).reshape(-1, 1)


def _as_column(x: Any) -> Any:
    """() -> (1, 1) and (batch,) -> (batch, 1)"""
    rank = len(x.shape)
    return ops.reshape(x, (1, 1)) if rank == 0 else ops.expand_dims(x, -1) if rank == 1 else x


def _preprocessor_name(kind: str, name: str | None) -> str:
    return f"{name or global_state.auto_name(kind)}_preprocessor"


def _learns(layer: Any) -> bool:
    """Whether a layer learns from data, and was not given what it would learn."""
    given = (getattr(layer, name, None) for name in ("input_mean", "input_vocabulary"))
    inner = getattr(layer, "_lookup_layer", None)  # of TextVectorization
    fixed = isinstance(layer, layers.Discretization) and layer.num_bins is None
    return hasattr(layer, "adapt") and not fixed and all(x is None for x in given) and (inner is None or _learns(inner))


def _width(key: str, layer: Any) -> int:
    """How many categories a layer tells apart."""
    if hasattr(layer, "vocabulary_size"):
        return layer.vocabulary_size()
    if isinstance(layer, layers.Discretization):
        return len(layer.bin_boundaries or ()) + 1
    if hasattr(layer, "num_bins"):
        return layer.num_bins
    raise ValueError(
        f"The feature {key!r} has output_mode='one_hot', but {type(layer).__name__} does not tell how many categories it "
        "gives; use a lookup, Hashing or Discretization, or output_mode='int'."
    )


for _cls in (TFDIdentity, TFDConcat, Feature, Cross):
    _cls._config_module = "keras.src.layers.preprocessing.feature_space"
    _cls._config_registered_name = _cls.__name__
family = Family(
    "utils",
    base=Configurable,
    members={cls.__name__: cls for cls in (FeatureSpace, TFDIdentity, TFDConcat, Feature, Cross)},
)
