"""Noise and penalties against overfitting: Dropout and its kin, ActivityRegularization."""

from collections.abc import Sequence
from typing import Any

from hornbook import ops, random, regularizers
from hornbook.backend.config import standardize_data_format
from hornbook.core.arguments import fraction
from hornbook.core.layer import InputSpec
from hornbook.layers.activations import ElementwiseLayer
from hornbook.layers.reshaping import spatial_axes

__all__ = [
    "ActivityRegularization",
    "AlphaDropout",
    "Dropout",
    "GaussianDropout",
    "GaussianNoise",
    "SpatialDropout1D",
    "SpatialDropout2D",
    "SpatialDropout3D",
]


class NoiseLayer(ElementwiseLayer):
    """Base of the layers that draw numbers while training: the generator is their own, and its state is saved."""

    def __init__(self, amount: float, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.seed = seed
        if amount > 0:
            self.seed_generator = random.SeedGenerator(seed)


def drawn_shape(noise_shape: Sequence[int | None] | None, inputs: Any) -> tuple:
    """The shape of a draw for `inputs`, None being their size."""
    shape = ops.shape(inputs)
    return (
        shape if noise_shape is None else tuple(m if n is None else n for n, m in zip(noise_shape, shape, strict=True))
    )


class Dropout(NoiseLayer):
    """Sets a random part of the input to zero while training, and scales up the rest so that the mean stays.

    output = inputs * kept / (1 - rate),    kept ~ Bernoulli(1 - rate)

    Args:
        rate: the part that is set to zero, 0 to 1.
        noise_shape: the shape of the draw; where it has 1 the same number counts along the axis, None is the input's
            size.
        seed: makes the draws repeatable.

    Call:
        inputs: any shape.
        training: whether to drop; without it the input passes unchanged.

    Source: Srivastava et al. 2014, https://jmlr.org/papers/v15/srivastava14a.html

    >>> import numpy as np
    >>> from hornbook import layers
    >>> layers.Dropout(0.5)(np.ones((1, 3))).numpy()
    array([[1., 1., 1.]], dtype=float32)
    """

    def __init__(
        self, rate: float, noise_shape: Sequence[int | None] | None = None, seed: int | None = None, **kwargs: Any
    ) -> None:
        super().__init__(fraction(rate, "rate"), seed=seed, **kwargs)
        self.rate = rate
        self.noise_shape = None if noise_shape is None else tuple(noise_shape)

    def call(self, inputs: Any, training: bool | None = False) -> Any:
        if not training or not self.rate:
            return inputs
        noise_shape = drawn_shape(self.noise_shape, inputs)
        return random.dropout(inputs, self.rate, noise_shape=noise_shape, seed=self.seed_generator)


class SpatialDropout(NoiseLayer):
    """Base of dropout of whole features: one draw counts for all places of a sequence, image or volume."""

    rank: int
    data_format = "channels_last"

    def __init__(self, rate: float, seed: int | None, name: str | None, dtype: Any) -> None:
        super().__init__(fraction(rate, "rate"), seed=seed, name=name, dtype=dtype)
        self.rate = rate
        self.input_spec = InputSpec(ndim=self.rank + 2)

    def call(self, inputs: Any, training: bool | None = False) -> Any:
        if not training or not self.rate:
            return inputs
        places = spatial_axes(self.rank, self.data_format)
        noise_shape = tuple([1 if axis in places else size for axis, size in enumerate(ops.shape(inputs))])
        return random.dropout(inputs, self.rate, noise_shape=noise_shape, seed=self.seed_generator)

    def get_config(self) -> dict[str, Any]:
        return {"rate": self.rate, "seed": self.seed, "name": self.name, "dtype": self.dtype}


class SpatialDropout1D(SpatialDropout):
    """Dropout of whole features: what is set to zero is so at every step of a sequence.

    Args:
        rate: the part of the features that is set to zero.
        seed: makes the draws repeatable.

    Call:
        inputs: (batch, time, features).
        training: whether to drop.

    Source: Tompson et al. 2015, https://arxiv.org/abs/1411.4280

    >>> import numpy as np
    >>> from hornbook import layers
    >>> y = layers.SpatialDropout1D(0.5, seed=1)(np.ones((1, 3, 4)), training=True).numpy()
    >>> bool((y[:, :1] == y).all())
    True
    """

    rank = 1

    def __init__(self, rate: float, seed: int | None = None, name: str | None = None, dtype: Any = None) -> None:
        super().__init__(rate, seed, name, dtype)


class SpatialDropout2D(SpatialDropout):
    """Dropout of whole channels: what is set to zero is so at every place of an image.

    Args:
        rate: the part of the channels that is set to zero.
        data_format: where the channels are.
        seed: makes the draws repeatable.

    Call:
        inputs: (batch, rows, columns, channels), or channels first.
        training: whether to drop.

    >>> import numpy as np
    >>> from hornbook import layers
    >>> y = layers.SpatialDropout2D(0.5, seed=1)(np.ones((1, 3, 3, 4)), training=True).numpy()
    >>> bool((y[:, :1, :1] == y).all())
    True
    """

    rank = 2

    def __init__(
        self,
        rate: float,
        data_format: str | None = None,
        seed: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(rate, seed, name, dtype)
        self.data_format = standardize_data_format(data_format)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "data_format": self.data_format}


class SpatialDropout3D(SpatialDropout):
    """Dropout of whole channels: what is set to zero is so at every place of a volume.

    Args:
        rate: the part of the channels that is set to zero.
        data_format: where the channels are.
        seed: makes the draws repeatable.

    Call:
        inputs: (batch, depth, rows, columns, channels), or channels first.
        training: whether to drop.

    >>> import numpy as np
    >>> from hornbook import layers
    >>> y = layers.SpatialDropout3D(0.5, seed=1)(np.ones((1, 2, 3, 3, 4)), training=True).numpy()
    >>> bool((y[:, :1, :1, :1] == y).all())
    True
    """

    rank = 3

    def __init__(
        self,
        rate: float,
        data_format: str | None = None,
        seed: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(rate, seed, name, dtype)
        self.data_format = standardize_data_format(data_format)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "data_format": self.data_format}


class AlphaDropout(NoiseLayer):
    """Dropout for self-normalizing networks: mean and variance of the inputs stay as they are.

    output = a * (inputs where kept, low elsewhere) + b,    kept ~ Bernoulli(1 - rate)

    low = -1.7581 is what `selu` tends to for very negative numbers; a = ((1 - rate) * (1 + rate * low^2))^(-1/2) and
    b = -a * rate * low restore variance 1 and mean 0.

    Args:
        rate: the part that is set to `low`, 0 to 1, but not 1.
        noise_shape: the shape of the draw; where it has 1 the same number counts along the axis, None is the input's
            size.
        seed: makes the draws repeatable.

    Call:
        inputs: any shape, of mean 0 and variance 1, such as those that follow `selu`.
        training: whether to drop; without it the input passes unchanged.

    Source: Klambauer et al. 2017, https://arxiv.org/abs/1706.02515

    >>> import numpy as np
    >>> from hornbook import layers
    >>> y = layers.AlphaDropout(0.5, seed=1)(np.zeros((1, 100)), training=True).numpy()
    >>> sorted({round(float(number), 4) for number in y[0]})
    [-0.7792, 0.7792]
    """

    low = -1.0507009873554805 * 1.6732632423543772  # - scale * alpha of selu

    def __init__(
        self, rate: float, noise_shape: Sequence[int | None] | None = None, seed: int | None = None, **kwargs: Any
    ) -> None:
        super().__init__(fraction(rate, "rate"), seed=seed, **kwargs)
        if rate == 1:
            raise ValueError("`rate` must be below 1: where nothing is kept, no variance can be restored.")
        self.rate = rate
        self.noise_shape = None if noise_shape is None else tuple(noise_shape)

    def call(self, inputs: Any, training: bool | None = False) -> Any:
        if not training or not self.rate:
            return inputs
        noise_shape = drawn_shape(self.noise_shape, inputs)
        kept = ops.greater_equal(random.uniform(noise_shape, seed=self.seed_generator), self.rate)
        a = ((1 - self.rate) * (1 + self.rate * self.low**2)) ** -0.5
        b = -a * self.rate * self.low
        return ops.add(ops.multiply(a, ops.where(kept, inputs, ops.cast(self.low, inputs.dtype))), b)


class GaussianNoise(NoiseLayer):
    """Adds Gaussian noise while training: output = inputs + noise, noise ~ N(0, stddev^2).

    Args:
        stddev: the standard deviation, 0 to 1.
        seed: makes the draws repeatable.

    >>> import numpy as np
    >>> from hornbook import layers
    >>> layers.GaussianNoise(0.1)(np.ones((1, 2))).numpy()
    array([[1., 1.]], dtype=float32)
    """

    def __init__(self, stddev: float, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(fraction(stddev, "stddev"), seed=seed, **kwargs)
        self.stddev = stddev

    def call(self, inputs: Any, training: bool | None = False) -> Any:
        if not training or not self.stddev:
            return inputs
        noise = random.normal(
            ops.shape(inputs), mean=0.0, stddev=self.stddev, dtype=self.compute_dtype, seed=self.seed_generator
        )
        return ops.add(inputs, noise)


class GaussianDropout(NoiseLayer):
    """Multiplies by Gaussian noise around 1 while training: output = inputs * noise.

    noise ~ N(1, rate / (1 - rate)), whose variance is that of `Dropout(rate)`.

    Args:
        rate: the drop probability of the Dropout it stands for.
        seed: makes the draws repeatable.

    >>> import numpy as np
    >>> from hornbook import layers
    >>> layers.GaussianDropout(0.1)(np.ones((1, 2))).numpy()
    array([[1., 1.]], dtype=float32)
    """

    def __init__(self, rate: float, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(fraction(rate, "rate"), seed=seed, **kwargs)
        self.rate = rate

    def call(self, inputs: Any, training: bool | None = False) -> Any:
        if not training or not self.rate:
            return inputs
        stddev = (self.rate / (1 - self.rate)) ** 0.5
        noise = random.normal(
            ops.shape(inputs), mean=1.0, stddev=stddev, dtype=self.compute_dtype, seed=self.seed_generator
        )
        return ops.multiply(inputs, noise)


class ActivityRegularization(ElementwiseLayer):
    """Passes its input on and adds a penalty on it to the loss: l1 * sum |x| + l2 * sum x^2.

    Args:
        l1, l2: the factors.

    >>> import numpy as np
    >>> from hornbook import layers
    >>> layer = layers.ActivityRegularization(l1=0.5)
    >>> y = layer(np.array([[1.0, -3.0]]))
    >>> float(layer.losses[0])
    2.0
    """

    def __init__(self, l1: float = 0.0, l2: float = 0.0, **kwargs: Any) -> None:
        super().__init__(activity_regularizer=regularizers.L1L2(l1=l1, l2=l2), **kwargs)
        self.l1, self.l2 = l1, l2

    def call(self, inputs: Any) -> Any:
        return inputs

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        del config["activity_regularizer"]
        return config
