"""Categories in the form a network takes: CategoryEncoding, Discretization, Hashing, HashedCrossing.

A category is a number from 0 to width - 1; an output mode is how it is written:

    "int"        the number itself
    "one_hot"    [2, 0] -> [[0, 0, 1], [1, 0, 0]]      a row for each number
    "multi_hot"  [2, 0] -> [1, 0, 1]                   a one for each number that is there, along the last axis
    "count"      [2, 2] -> [0, 0, 2]                   how often each is there
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from hornbook import backend, ops
from hornbook.core import dtype_policies
from hornbook.core.arguments import one_of, positive_integer
from hornbook.core.keras_tensor import KerasTensor
from hornbook.layers.preprocessing import AdaptedLayer, PreprocessingLayer

__all__ = ["CategoryEncoding", "Discretization", "HashedCrossing", "Hashing"]


def encode(places: Any, mode: str, width: int, dtype: str, weights: Any = None) -> Any:
    """Integers in the form of an output mode other than "int"; those outside 0 ... width - 1 leave no trace.

    Args:
        places: integers of shape (..., n); a last axis of size 1 is dropped in "one_hot".
        mode: "one_hot", "multi_hot" or "count".
        width: how many categories there are.
        dtype: of the result.
        weights: for "count", what each of `places` adds in the place of 1.

    Returns:
        (..., n, width) for "one_hot", else (..., width).
    """
    if mode == "one_hot":
        rank = len(places.shape)
        if rank == 0 or (rank > 1 and places.shape[-1] == 1):
            places = ops.expand_dims(places, 0) if rank == 0 else ops.squeeze(places, -1)
        return ops.one_hot(places, width, dtype=dtype)
    if not len(places.shape):
        places = ops.expand_dims(places, 0)
    return ops.cast(backend.count_rows(places, width, binary=mode == "multi_hot", weights=weights), dtype)


def encoded_shape(shape: Sequence, mode: str, width: int) -> tuple:
    """The shape `encode` gives for integers of a shape."""
    if mode == "int":
        return tuple(shape)
    if mode == "one_hot" and not (len(shape) > 1 and shape[-1] == 1):
        return (*(shape or (1,)), width)
    return (*shape[:-1], width)


def dense_only(sparse: bool) -> bool:
    """False, if that is what was asked for.

    Raises:
        ValueError: for sparse=True.
    """
    if sparse:
        raise ValueError("sparse=True is not offered; the outputs are dense.")
    return False


def default_dtype(dtype: Any, output_mode: str, layer: str) -> Any:
    """The dtype of a hashing layer: int64 for numbers, floatx for the other modes, where it is not given."""
    if dtype is None:
        return "int64" if output_mode == "int" else backend.floatx()
    if output_mode == "int" and not backend.is_int_dtype(dtype_policies.get(dtype).compute_dtype):
        raise ValueError(f"{layer} with output_mode='int' gives integers, so dtype must be one, got dtype={dtype!r}.")
    return dtype


class CategoryEncoding(PreprocessingLayer):
    """Integers in the form of one-hot rows, multi-hot rows or counts.

    Args:
        num_tokens: how many categories there are: inputs lie in 0 ... num_tokens - 1; others leave no trace.
        output_mode: "one_hot", "multi_hot" or "count"; see the head of this module.
        sparse: only False is known.

    Call:
        inputs: integers (..., n).
        count_weights: for "count", what each of them adds in the place of 1.
        Returns (..., n, num_tokens) for "one_hot", else (..., num_tokens).

    Raises:
        ValueError: for arguments that do not fit together.

    >>> from hornbook import layers
    >>> layers.CategoryEncoding(4, output_mode="count")([[0, 1], [2, 2]]).numpy()
    array([[1., 1., 0., 0.],
           [0., 0., 2., 0.]], dtype=float32)
    """

    def __init__(
        self, num_tokens: int | None = None, output_mode: str = "multi_hot", sparse: bool = False, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        if num_tokens is None:
            raise ValueError("CategoryEncoding needs num_tokens; IntegerLookup finds the categories in the data.")
        self.num_tokens = positive_integer(num_tokens, "num_tokens")
        self.output_mode = one_of(output_mode, ("one_hot", "multi_hot", "count"), "output_mode")
        self.sparse = dense_only(sparse)

    def call(self, inputs: Any, count_weights: Any = None) -> Any:
        if count_weights is not None:
            if self.output_mode != "count":
                raise ValueError(f"count_weights go with output_mode='count', got {self.output_mode!r}.")
            count_weights = ops.cast(ops.convert_to_tensor(count_weights), self.compute_dtype)
        places = ops.cast(self.tensor_of(inputs), "int64")
        return encode(places, self.output_mode, self.num_tokens, self.compute_dtype, count_weights)

    def compute_output_shape(self, input_shape: Sequence) -> tuple:
        return encoded_shape(input_shape, self.output_mode, self.num_tokens)

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        del config["sparse"]
        return config


class Discretization(AdaptedLayer):
    """Numbers turned into the number of the bin they lie in.

    output = how many of bin_boundaries are <= inputs

    Args:
        bin_boundaries: the boundaries in rising order: n of them make n + 1 bins.
        num_bins: how many bins `adapt` is to make, of about as many samples each.
        epsilon: how exactly: a smaller one keeps more of the data at hand.
        output_mode: "int", "one_hot", "multi_hot" or "count"; see the head of this module.
        sparse: only False is known.

    Raises:
        ValueError: for arguments that do not fit together.

    >>> from hornbook import layers
    >>> layers.Discretization(bin_boundaries=[0.0, 1.0])([[-3.0, 0.5, 1.0]]).numpy()
    array([[0, 1, 2]], dtype=int32)
    """

    def __init__(
        self,
        bin_boundaries: Any = None,
        num_bins: int | None = None,
        epsilon: float = 0.01,
        output_mode: str = "int",
        sparse: bool = False,
        dtype: Any = None,
        name: str | None = None,
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        self.output_mode = one_of(output_mode, ("int", "one_hot", "multi_hot", "count"), "output_mode")
        self.sparse = dense_only(sparse)
        if (num_bins is None) == (bin_boundaries is None):
            raise ValueError(
                f"Give either bin_boundaries or num_bins, got bin_boundaries={bin_boundaries!r}, num_bins={num_bins!r}."
            )
        if num_bins is not None and num_bins < 0:
            raise ValueError(f"num_bins must not be negative, got {num_bins!r}.")
        self.bin_boundaries = None if bin_boundaries is None else [float(b) for b in bin_boundaries]
        if self.bin_boundaries != (None if bin_boundaries is None else sorted(self.bin_boundaries or [])):
            raise ValueError(f"bin_boundaries must be in rising order, got {bin_boundaries!r}.")
        self.num_bins, self.epsilon = num_bins, epsilon
        self.reset_counts()

    input_dtype = property(lambda self: backend.floatx(), doc="Floats.")
    output_dtype = property(
        lambda self: "int32" if self.output_mode == "int" else self.compute_dtype, doc="The dtype of what it gives."
    )

    # ----------------------------------------------------------------------------------------------------- adapting
    def reset_counts(self) -> None:
        """Forget the data seen so far, but keep the boundaries."""
        self.summary = np.zeros((2, 0), "float32")  # values in rising order, and for how many samples each stands

    def reset_state(self) -> None:
        """Forget the data seen so far.

        Raises:
            ValueError: for a layer that was given its boundaries.
        """
        if self.num_bins is None:
            raise ValueError(f"{self.name!r} was given its bin_boundaries, so it has nothing to adapt; give num_bins.")
        self.reset_counts()

    def update_state(self, data: Any) -> None:
        """Take in a batch."""
        self.summary = _joined(self.summary, _summary(backend.convert_to_numpy(data), self.epsilon), self.epsilon)

    def finalize_state(self) -> None:
        """Make the boundaries of what was seen."""
        if self.num_bins is not None and self.summary.shape[1]:
            self.bin_boundaries = _compressed(self.summary, 1.0 / self.num_bins)[0, :-1].tolist()

    # ------------------------------------------------------------------------------------------------------ calling
    def call(self, inputs: Any) -> Any:
        if self.bin_boundaries is None:
            raise ValueError(f"{self.name!r} has no boundaries yet: give bin_boundaries, or call adapt(data) first.")
        places = ops.digitize(ops.cast(self.tensor_of(inputs), self.input_dtype), self.bin_boundaries)
        if self.output_mode == "int":
            return places
        return encode(places, self.output_mode, len(self.bin_boundaries) + 1, self.compute_dtype)

    def compute_output_spec(self, inputs: Any) -> KerasTensor:
        return KerasTensor(self.compute_output_shape(inputs.shape), self.output_dtype)

    def compute_output_shape(self, input_shape: Sequence) -> tuple:
        width = len(self.bin_boundaries) + 1 if self.bin_boundaries is not None else self.num_bins
        return encoded_shape(input_shape, self.output_mode, width)  # type: ignore[arg-type]

    def get_config(self) -> dict[str, Any]:
        config = {**super().get_config(), "bin_boundaries": self.bin_boundaries, "dtype": self.dtype}
        del config["trainable"]
        return config

    def load_own_variables(self, store: Any) -> None:
        """Read the summary of the data, which Keras 2 kept in place of the boundaries; other files hold nothing here.

        Raises:
            ValueError: for an array that is no summary.
        """
        if len(store):
            self.read_summary(store["0"])

    def read_summary(self, summary: Any) -> None:
        """Take over what another layer has seen, and make the boundaries of it.

        Args:
            summary: (2, values): values in rising order, and for how many samples each stands.
        """
        summary = np.asarray(summary, "float32")
        if self.num_bins is None or summary.ndim != 2 or len(summary) != 2:
            raise ValueError(
                f"{self.name!r} cannot read a summary of shape {summary.shape} with num_bins={self.num_bins}."
            )
        self.summary = summary
        self.finalize_state()

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        boundaries = config.get("bin_boundaries")
        if boundaries is None or config.get("num_bins") is None:
            return cls(**config)
        layer = cls(**{**config, "bin_boundaries": None})  # one that was adapted, and may be again
        layer.bin_boundaries = list(boundaries)
        return layer


def _summary(values: np.ndarray, epsilon: float) -> np.ndarray:
    """Every n-th of the sorted values, and n: a part `epsilon` of them at most stands between two neighbours."""
    values = np.sort(values, axis=None)
    step = max(len(values) * epsilon, 1.0)
    kept = values[int(step) - 1 :: int(step)]
    return np.stack([kept, np.full(len(kept), step)]).astype("float32")


def _joined(first: np.ndarray, second: np.ndarray, epsilon: float) -> np.ndarray:
    """Two summaries as one."""
    both = np.concatenate([first, second], axis=1)
    return _compressed(both[:, np.argsort(both[0])], epsilon)


def _compressed(summary: np.ndarray, epsilon: float) -> np.ndarray:
    """A summary with 1 / epsilon values, at even steps of the samples they stand for, between neighbours by straight lines."""
    if summary.shape[1] * epsilon < 1:
        return summary
    values, weights = summary
    samples = np.cumsum(weights)
    wanted = epsilon + np.arange(0.0, 1.0, epsilon)
    share = samples / samples[-1]
    reached = np.interp(wanted, share, samples)
    return np.stack([np.interp(wanted, share, values), np.diff(reached, prepend=0.0)]).astype("float32")


class Hashing(PreprocessingLayer):
    """Strings or integers shared out over bins by a hash of them, the same on every machine.

    output = hash(inputs) mod num_bins

    Args:
        num_bins: how many bins there are.
        mask_value: a value that gets bin 0 for itself.
        salt: an integer, or two, that choose another hash (SipHash; FarmHash64 without a salt).
        output_mode: "int", "one_hot", "multi_hot" or "count"; see the head of this module.
        sparse: only False is known.

    Raises:
        ValueError: for arguments that do not fit together.

    >>> from hornbook import layers
    >>> layers.Hashing(3)([["A"], ["B"], ["C"]]).numpy().tolist()
    [[1], [0], [1]]
    """

    def __init__(
        self,
        num_bins: int,
        mask_value: Any = None,
        salt: Any = None,
        output_mode: str = "int",
        sparse: bool = False,
        **kwargs: Any,
    ) -> None:
        self.output_mode = one_of(output_mode, ("int", "one_hot", "multi_hot", "count"), "output_mode")
        super().__init__(**{**kwargs, "dtype": default_dtype(kwargs.get("dtype"), self.output_mode, "Hashing")})
        self.num_bins, self.mask_value = positive_integer(num_bins, "num_bins"), mask_value
        self.sparse = dense_only(sparse)
        self.salt = [salt, salt] if isinstance(salt, int) else None if salt is None else salt
        pair = isinstance(self.salt, list | tuple) and len(self.salt) == 2
        if self.salt is not None and not (pair and all(isinstance(part, int) for part in self.salt)):
            raise ValueError(f"salt must be an integer or a pair of integers, got {salt!r}.")
        self.salt = None if self.salt is None else list(self.salt)

    def call(self, inputs: Any) -> Any:
        x = self.tensor_of(inputs)
        if backend.is_float_dtype(backend.standardize_dtype(x.dtype)):
            x = ops.cast(x, "int64")
        places = backend.map_values(self._bins_of, x)
        if self.output_mode == "int":
            return ops.cast(places, self.compute_dtype)
        return encode(places, self.output_mode, self.num_bins, self.compute_dtype)

    def _bins_of(self, x: Any) -> Any:
        strings = backend.to_string(x)
        if self.mask_value is None:
            return backend.string_hash_bucket(strings, self.num_bins, self.salt)
        masked = backend.equal(strings, str(self.mask_value))
        others = self.num_bins - 1
        places = ops.add(backend.string_hash_bucket(strings, others, self.salt), 1) if others else 0
        return ops.where(masked, backend.convert_to_tensor(0, "int64"), places)

    def compute_output_spec(self, inputs: Any) -> KerasTensor:
        ragged = inputs.ragged and self.output_mode == "int"
        return KerasTensor(self.compute_output_shape(inputs.shape), self.compute_dtype, ragged=ragged)

    def compute_output_shape(self, input_shape: Sequence) -> tuple:
        return encoded_shape(input_shape, self.output_mode, self.num_bins)


class HashedCrossing(PreprocessingLayer):
    """Features taken together: each combination of their values is a category of its own, shared out over bins by hash.

    output = hash(first, second, ...) mod num_bins

    Args:
        num_bins: how many bins there are.
        output_mode: "int" or "one_hot".
        sparse: only False is known.

    Call:
        inputs: a list of strings or integers of one shape: (), (batch,) or (batch, 1).

    Raises:
        ValueError: for inputs of other shapes or dtypes.

    >>> from hornbook import layers
    >>> layers.HashedCrossing(5)((["A", "B"], [101, 101])).numpy()
    array([1, 4])
    """

    def __init__(
        self,
        num_bins: int,
        output_mode: str = "int",
        sparse: bool = False,
        name: str | None = None,
        dtype: Any = None,
        **kwargs: Any,
    ) -> None:
        self.output_mode = one_of(output_mode, ("int", "one_hot"), "output_mode")
        super().__init__(name=name, dtype=default_dtype(dtype, self.output_mode, "HashedCrossing"), **kwargs)
        self.num_bins, self.sparse = positive_integer(num_bins, "num_bins"), dense_only(sparse)

    def call(self, inputs: Any) -> Any:
        if not isinstance(inputs, list | tuple) or len(inputs) < 2:
            raise ValueError(f"HashedCrossing takes a list of 2 tensors or more, got {inputs!r}.")
        features = [self.tensor_of(x) for x in inputs]
        shapes = [tuple(x.shape) for x in features]
        if len(set(shapes)) > 1 or len(shapes[0]) > 2 or shapes[0][1:] not in ((), (1,)):
            raise ValueError(f"The inputs must have one shape, (), (batch,) or (batch, 1); got shapes {shapes}.")
        dtypes = [backend.standardize_dtype(x.dtype) for x in features]
        if not all(dtype == "string" or backend.is_int_dtype(dtype) for dtype in dtypes):
            raise ValueError(f"The inputs must be strings or integers, got dtypes {dtypes}.")
        crossed = backend.string_cross_hash([ops.reshape(x, (-1, 1)) for x in features], self.num_bins)
        places = ops.reshape(crossed, ops.shape(features[0]))
        if self.output_mode == "int":
            return ops.cast(places, self.compute_dtype)
        return encode(places, self.output_mode, self.num_bins, self.compute_dtype)

    def compute_output_shape(self, input_shape: Sequence) -> tuple:
        return encoded_shape(input_shape[0], self.output_mode, self.num_bins)

    def get_config(self) -> dict[str, Any]:
        config = {**super().get_config(), "dtype": self.dtype}
        del config["trainable"]
        return config
