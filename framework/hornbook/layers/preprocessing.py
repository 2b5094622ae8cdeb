"""Numbers made ready for a network, inside the model: Rescaling, Normalization."""

import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from hornbook import backend, ops
from hornbook.core.layer import Layer
from hornbook.layers.activations import ElementwiseLayer

__all__ = ["Normalization", "Rescaling"]


class DataLayer(Layer):
    """Base of the layers that also run inside a `tf.data` pipeline."""

    def convert_weight(self, weight: Any) -> Any:
        """A weight as a tensor of the pipeline's library, which is the backend's own: TensorFlow."""
        return backend.convert_to_tensor(weight)


class PreprocessingLayer(DataLayer):
    """Base of the layers that make data ready for a network: they have no weights, and take plain lists too."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._allow_non_tensor_positional_args = True
        self._convert_input_args = False  # numbers and strings come as they are

    def build(self, input_shape: Any = None) -> None:
        """Nothing to make."""

    @staticmethod
    def tensor_of(x: Any) -> Any:
        """A number, string, list, array or tensor of these as a tensor."""
        return x if backend.is_tensor(x) else backend.convert_to_tensor(np.asarray(x) if isinstance(x, tuple) else x)


class AdaptedLayer(PreprocessingLayer):
    """Base of those that learn from the data what they need, before any training."""

    def adapt(self, data: Any, steps: int | None = None) -> None:
        """Learn from data what the layer needs.

        Args:
            data: an array, tensor or list, or batches of these: a `tf.data.Dataset` or any iterable.
            steps: after how many batches to stop.

        Raises:
            ValueError: for a layer that was given what it needs.
        """
        self._adapt(batches_of(data), steps)

    def _adapt(self, batches: Iterable, steps: int | None) -> None:
        self.reset_state()
        for batch in itertools.islice(batches, steps):
            self.update_state(batch)
        self.finalize_state()

    def reset_state(self) -> None:
        """Forget what was learnt."""
        raise NotImplementedError

    def update_state(self, data: Any) -> None:
        """Learn from a batch."""
        raise NotImplementedError

    def finalize_state(self) -> None:
        """Make what the layer needs of what was learnt."""
        raise NotImplementedError


class Rescaling(ElementwiseLayer, DataLayer):
    """A scale and a shift: output = inputs * scale + offset.

    Args:
        scale: a number, or one for each channel: 1 / 255 brings bytes to 0 ... 1.
        offset: likewise.

    Call:
        inputs: any shape and dtype; integers become the compute dtype.

    >>> import numpy as np
    >>> from hornbook import layers
    >>> layers.Rescaling(1 / 127.5, offset=-1)(np.array([0, 255], "uint8")).numpy()
    array([-1.,  1.], dtype=float32)
    """

    def __init__(self, scale: Any, offset: Any = 0.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.scale, self.offset = scale, offset

    def call(self, inputs: Any) -> Any:
        dtype = self.compute_dtype
        scale, offset = (backend.convert_to_tensor(x, dtype=dtype) for x in (self.scale, self.offset))
        return ops.add(ops.multiply(ops.cast(inputs, dtype), scale), offset)


class Normalization(ElementwiseLayer, DataLayer):
    """Features brought to mean 0 and variance 1, by numbers that `adapt` finds in the data.

    output = (inputs - mean) / sqrt(variance)

    Args:
        axis: the axes of the features, each with a mean and variance of its own; None for one of all numbers.
        mean, variance: the numbers, where they are known; then `adapt` is not needed.
        invert: whether to go the other way: inputs * sqrt(variance) + mean.

    Raises:
        ValueError: for a mean without a variance, an axis the input does not have, or one of unknown size.

    >>> import numpy as np
    >>> from hornbook import layers
    >>> layer = layers.Normalization()
    >>> layer.adapt(np.array([[1.0, 0.0], [3.0, 10.0]]))
    >>> layer(np.array([[3.0, 0.0]])).numpy()
    array([[ 1., -1.]], dtype=float32)
    """

    def __init__(
        self,
        axis: int | Sequence[int] | None = -1,
        mean: Any = None,
        variance: Any = None,
        invert: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.axis = () if axis is None else (axis,) if isinstance(axis, int) else tuple(axis)
        self.invert = invert
        if (mean is None) != (variance is None):
            raise ValueError(f"mean and variance go together, got mean={mean!r} and variance={variance!r}.")
        self.input_mean = None if mean is None else np.asarray(mean, "float64")
        self.input_variance = None if variance is None else np.asarray(variance, "float64")
        shapes = [v.shape for v in (self.input_mean, self.input_variance) if v is not None]
        if len(set(shapes)) > 1:
            raise ValueError(f"mean and variance must have one shape, got {shapes[0]} and {shapes[1]}.")
        if shapes and len(shapes[0]) > len(self.axis):
            raise ValueError(
                f"mean and variance have one number for each place along axis={self.axis}, so at most {len(self.axis)} "
                f"axes; got the shape {shapes[0]}."
            )

    def build(self, input_shape: Sequence) -> None:
        rank = len(input_shape)
        if any(not -rank <= axis < rank for axis in self.axis):
            raise ValueError(f"axis={self.axis} does not exist in an input of {rank} axes: shape {tuple(input_shape)}.")
        kept = sorted(axis % rank for axis in self.axis)
        unknown = [axis for axis in kept if input_shape[axis] is None]
        if unknown:
            raise ValueError(
                f"Normalization keeps a mean for each place along axis={self.axis}, but axis {unknown[0]} of the input "
                f"has no known size: shape {tuple(input_shape)}. Name it in Input(shape=...)."
            )
        self._sizes = tuple(int(input_shape[axis]) for axis in kept)
        self._others = tuple(axis for axis in range(rank) if axis not in kept)
        self._broadcast_shape = tuple(int(input_shape[axis]) if axis in kept else 1 for axis in range(rank))
        if self.input_mean is None:
            weight = {"shape": self._sizes, "trainable": False, "autocast": False}
            self.adapt_mean = self.add_weight(name="mean", initializer="zeros", **weight)
            self.adapt_variance = self.add_weight(name="variance", initializer="ones", **weight)
            self.count = self.add_weight(name="count", shape=(), dtype="int64", initializer="zeros", trainable=False)

    def _in_place(self, given: np.ndarray | None, adapted: str) -> Any:
        """Mean or variance in a shape that broadcasts against the input; None before the layer is built."""
        if not self.built:
            return None
        if given is None:
            value = getattr(self, adapted).value
        else:
            value = ops.broadcast_to(backend.convert_to_tensor(given, dtype=self.variable_dtype), self._sizes)
        return ops.reshape(value, self._broadcast_shape)

    @property
    def mean(self) -> Any:
        """The mean, in a shape that broadcasts against the input."""
        return self._in_place(self.input_mean, "adapt_mean")

    @property
    def variance(self) -> Any:
        """The variance, in a shape that broadcasts against the input."""
        return self._in_place(self.input_variance, "adapt_variance")

    def call(self, inputs: Any) -> Any:
        dtype = self.compute_dtype
        x, mean, variance = (ops.cast(v, dtype) for v in (inputs, self.mean, self.variance))
        deviation = ops.maximum(ops.sqrt(variance), backend.epsilon())
        if self.invert:
            return ops.add(mean, ops.multiply(x, deviation))
        return ops.divide(ops.subtract(x, mean), deviation)

    def adapt(self, data: Any) -> None:
        """Find mean and variance of the data.

        Args:
            data: an array or tensor, or batches of these: a `tf.data.Dataset` or any iterable.

        Raises:
            ValueError: for a layer that was given its mean, and for data with nothing in it.
        """
        if self.input_mean is not None:
            raise ValueError("This layer was given its mean and variance, so it has nothing to adapt.")
        count, mean, variance = 0, np.zeros(()), np.zeros(())
        whole = is_array(data)
        for batch in batches_of(data):
            x = np.asarray(backend.convert_to_numpy(batch), "float64")
            x = x[None] if x.ndim == 1 and not whole else x  # a data set of single samples
            if not self.built:
                self.build((None, *x.shape[1:]))
            # The moments of two parts together: Chan et al. 1979.
            new, new_mean, new_variance = x.shape[0], x.mean(axis=self._others), x.var(axis=self._others)
            total = count + new
            share, gap = new / total if total else 0.0, new_mean - mean
            mean = mean + gap * share
            variance = variance * (1 - share) + new_variance * share + gap**2 * share * (1 - share)
            count = total
        if not count:
            raise ValueError("adapt() got no data.")
        self.adapt_mean.assign(mean)
        self.adapt_variance.assign(variance)
        self.count.assign(count)

    def finalize_state(self) -> None:
        """Nothing is left to do: mean and variance are read where they are used. Programs for Keras call this."""

    def get_config(self) -> dict[str, Any]:
        given = {"mean": self.input_mean, "variance": self.input_variance}
        return {**super().get_config(), **{key: None if v is None else v.tolist() for key, v in given.items()}}


def is_array(data: Any) -> bool:
    """Whether data is there as a whole, not in batches."""
    return isinstance(data, list | tuple | str | bytes) or backend.is_tensor(data) or hasattr(data, "__array__")


def batches_of(data: Any, batch_size: int | None = None) -> Iterator[Any]:
    """An array or list as one batch (or several of `batch_size`), or the batches of an iterable."""
    if is_array(data):
        data = np.asarray(data) if isinstance(data, list | tuple | str | bytes) else data
        if not len(data.shape):
            yield data
            return
        size = int(data.shape[0])
        step = batch_size or max(size, 1)
        yield from (data[i : i + step] for i in range(0, size, step))
        return
    if not isinstance(data, Iterable):
        raise ValueError(f"adapt() takes an array, a tensor, or batches of these, got {type(data).__name__}.")
    yield from data
