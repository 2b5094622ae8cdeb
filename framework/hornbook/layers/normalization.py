"""Normalizations, to be read against each other: all are (x - mean) / deviation * gamma + beta, over different axes.

    BatchNormalization   over the batch and all positions, for each channel; at inference by running means
    LayerNormalization   over the features of each position
    RMSNormalization     the same without a mean
    GroupNormalization   over all positions and the channels of a group, for each sample
    UnitNormalization    to vectors of length 1; no weights

All compute in float32 where inputs have less.
"""

from collections.abc import Sequence
from typing import Any

from hornbook import backend, constraints, initializers, ops, regularizers
from hornbook.core.arguments import known_sizes, positive_integer
from hornbook.core.layer import InputSpec
from hornbook.layers.activations import ElementwiseLayer

__all__ = [
    "BatchNormalization",
    "GroupNormalization",
    "LayerNormalization",
    "RMSNormalization",
    "UnitNormalization",
]


def at_least_float32(x: Any) -> Any:
    """`x` in float32, or in its own dtype where that is wider."""
    return ops.cast(x, backend.result_type(x.dtype, "float32"))


class BatchNormalization(ElementwiseLayer):
    """Normalizes each channel by the mean and variance of the batch; at inference by their running means.

    output = gamma * (inputs - mean) / sqrt(variance + epsilon) + beta
    moving_mean = momentum * moving_mean + (1 - momentum) * mean, the variance likewise, while training

    Args:
        axis: the channels.
        momentum: how slowly the running means move.
        epsilon: keeps the division finite.
        center: whether there is a beta.
        scale: whether there is a gamma.
        beta_initializer, gamma_initializer, moving_mean_initializer, moving_variance_initializer: where weights start.
        beta_regularizer, gamma_regularizer, beta_constraint, gamma_constraint: of beta and gamma.
        renorm, renorm_clipping, renorm_momentum: batch renormalization; only False is known.
        synchronized: whether mean and variance are those of all replicas together.

    Call:
        inputs: any shape with channels on `axis`.
        training: whether the batch's own mean counts; with `trainable = False` it never does.
        mask: (batch, ...) booleans; positions that are False count in neither mean nor variance.

    Raises:
        ValueError: for renorm=True.

    Source: Ioffe & Szegedy 2015, https://arxiv.org/abs/1502.03167

    >>> import numpy as np
    >>> from hornbook import layers
    >>> layers.BatchNormalization(epsilon=0)(np.array([[1.0], [3.0]]), training=True).numpy()
    array([[-1.],
           [ 1.]], dtype=float32)
    """

    def __init__(
        self,
        axis: int = -1,
        momentum: float = 0.99,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones",
        moving_mean_initializer: Any = "zeros",
        moving_variance_initializer: Any = "ones",
        beta_regularizer: Any = None,
        gamma_regularizer: Any = None,
        beta_constraint: Any = None,
        gamma_constraint: Any = None,
        renorm: bool = False,
        renorm_clipping: Any = None,
        renorm_momentum: float = 0.99,
        synchronized: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if renorm:
            raise ValueError("Batch renormalization (renorm=True) is not offered; leave renorm=False.")
        self.axis = int(axis)
        self.momentum, self.epsilon = momentum, epsilon
        self.center, self.scale = center, scale
        self.synchronized = synchronized
        self.beta_initializer = initializers.get(beta_initializer)
        self.gamma_initializer = initializers.get(gamma_initializer)
        self.moving_mean_initializer = initializers.get(moving_mean_initializer)
        self.moving_variance_initializer = initializers.get(moving_variance_initializer)
        self.beta_regularizer = regularizers.get(beta_regularizer)
        self.gamma_regularizer = regularizers.get(gamma_regularizer)
        self.beta_constraint = constraints.get(beta_constraint)
        self.gamma_constraint = constraints.get(gamma_constraint)

    def build(self, input_shape: Sequence) -> None:
        (channels,) = known_sizes(input_shape, [self.axis], "BatchNormalization")
        weight = {"shape": (channels,), "autocast": False}
        running = {**weight, "trainable": False, "aggregation": "mean"}
        self.gamma = self.add_weight(name="gamma", **weight) if self.scale else None
        self.beta = self.add_weight(name="beta", **weight) if self.center else None
        self.moving_mean = self.add_weight(name="moving_mean", **running)
        self.moving_variance = self.add_weight(name="moving_variance", **running)
        self.input_spec = InputSpec(ndim=len(input_shape), axes={self.axis: channels})

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        x = at_least_float32(inputs)
        rank = len(x.shape)
        others = [axis for axis in range(rank) if axis != self.axis % rank]
        if training and self.trainable:
            mean, variance = self._moments(x, others, mask)
            if backend.replica_count() > 1 and not self.synchronized:  # a replica may have no rows of a last batch
                has_rows = ops.greater(ops.shape(x)[0], 0)
                mean = ops.where(has_rows, mean, ops.cast(self.moving_mean, x.dtype))
                variance = ops.where(has_rows, variance, ops.cast(self.moving_variance, x.dtype))
            for moving, now in ((self.moving_mean, mean), (self.moving_variance, variance)):
                now = ops.cast(now, moving.dtype)
                moving.assign(ops.add(ops.multiply(moving, self.momentum), ops.multiply(now, 1.0 - self.momentum)))
        else:
            mean, variance = (ops.cast(v, x.dtype) for v in (self.moving_mean, self.moving_variance))

        # gamma * (x - mean) / deviation + beta = x * factor + (beta - mean * factor): two passes over x instead of four
        factor = ops.rsqrt(ops.add(variance, self.epsilon))
        if self.gamma is not None:
            factor = ops.multiply(factor, ops.cast(self.gamma, x.dtype))
        offset = ops.negative(ops.multiply(mean, factor))
        if self.beta is not None:
            offset = ops.add(offset, ops.cast(self.beta, x.dtype))
        if others != list(range(rank - 1)):  # channels not last: (channels,) -> (1, channels, 1, 1)
            broadcast = [1] * rank
            broadcast[self.axis] = -1
            factor, offset = ops.reshape(factor, broadcast), ops.reshape(offset, broadcast)
        return ops.cast(ops.add(ops.multiply(x, factor), offset), self.compute_dtype)

    def _moments(self, x: Any, axes: list[int], mask: Any) -> tuple[Any, Any]:
        if mask is None:
            return ops.moments(x, axes=axes, synchronized=self.synchronized)
        weights = ops.cast(mask, x.dtype)
        weights = ops.expand_dims(weights, tuple(range(len(weights.shape), len(x.shape))))
        weights = ops.multiply(weights, ops.ones_like(x))

        def total(values: Any) -> Any:
            values = ops.sum(values, axis=axes, keepdims=True)
            return backend.all_reduce_sum(values) if self.synchronized else values

        count = ops.add(total(weights), backend.epsilon())
        mean = ops.divide(total(ops.multiply(weights, x)), count)
        variance = ops.divide(total(ops.multiply(weights, ops.square(ops.subtract(x, mean)))), count)
        return ops.squeeze(mean, axis=tuple(axes)), ops.squeeze(variance, axis=tuple(axes))


class LayerNormalization(ElementwiseLayer):
    """Normalizes the features of each position by their own mean and variance.

    output = gamma * (inputs - mean(inputs)) / sqrt(variance(inputs) + epsilon) + beta

    Args:
        axis: the axis, or axes, of the features.
        epsilon: keeps the division finite.
        center: whether there is a beta.
        scale: whether there is a gamma.
        beta_initializer, gamma_initializer, beta_regularizer, gamma_regularizer, beta_constraint, gamma_constraint: of
            beta and gamma.

    Source: Ba et al. 2016, https://arxiv.org/abs/1607.06450

    >>> import numpy as np
    >>> from hornbook import layers
    >>> layers.LayerNormalization(epsilon=0)(np.array([[1.0, 3.0]])).numpy()
    array([[-1.,  1.]], dtype=float32)
    """

    def __init__(
        self,
        axis: int | Sequence[int] = -1,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones",
        beta_regularizer: Any = None,
        gamma_regularizer: Any = None,
        beta_constraint: Any = None,
        gamma_constraint: Any = None,
        **kwargs: Any,
    ) -> None:
        if kwargs.pop("rms_scaling", False):
            raise ValueError("LayerNormalization(rms_scaling=True) is RMSNormalization here; use that layer.")
        super().__init__(**kwargs)
        if not isinstance(axis, int | list | tuple):
            raise TypeError(f"axis must be an integer, or a list or tuple of integers, got {axis!r}.")
        self.axis = axis if isinstance(axis, int) else list(axis)
        self.epsilon, self.center, self.scale = epsilon, center, scale
        self.beta_initializer = initializers.get(beta_initializer)
        self.gamma_initializer = initializers.get(gamma_initializer)
        self.beta_regularizer = regularizers.get(beta_regularizer)
        self.gamma_regularizer = regularizers.get(gamma_regularizer)
        self.beta_constraint = constraints.get(beta_constraint)
        self.gamma_constraint = constraints.get(gamma_constraint)

    def build(self, input_shape: Sequence) -> None:
        axes = [self.axis] if isinstance(self.axis, int) else self.axis
        shape = known_sizes(input_shape, axes, "LayerNormalization")
        self.gamma = self.add_weight(shape=shape, name="gamma", autocast=False) if self.scale else None
        self.beta = self.add_weight(shape=shape, name="beta", autocast=False) if self.center else None

    def call(self, inputs: Any) -> Any:
        x = at_least_float32(inputs)
        axes = [self.axis] if isinstance(self.axis, int) else self.axis
        mean, variance = ops.moments(x, axes=axes, keepdims=True)
        factor = ops.rsqrt(ops.add(variance, self.epsilon))
        if self.gamma is not None:
            factor = ops.multiply(factor, along_axes(self.gamma, axes, x))
        outputs = ops.multiply(ops.subtract(x, mean), factor)
        if self.beta is not None:
            outputs = ops.add(outputs, along_axes(self.beta, axes, x))
        return ops.cast(outputs, self.compute_dtype)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "rms_scaling": False}


def along_axes(weight: Any, axes: Sequence[int], x: Any) -> Any:
    """A weight that has the sizes of `axes` of x, reshaped so that it broadcasts against x."""
    weight = ops.cast(weight, x.dtype)
    rank = len(x.shape)
    places = [axis % rank for axis in axes]
    if places == list(range(rank - len(places), rank)):
        return weight
    weight = ops.transpose(weight, sorted(range(len(places)), key=places.__getitem__))
    return ops.reshape(weight, [x.shape[axis] if axis in places else 1 for axis in range(rank)])


class RMSNormalization(ElementwiseLayer):
    """Divides the features of each position by their root mean square.

    output = scale * inputs / sqrt(mean(inputs^2) + epsilon)

    Args:
        axis: the axis of the features.
        epsilon: keeps the division finite.

    Source: Zhang & Sennrich 2019, https://arxiv.org/abs/1910.07467

    >>> import numpy as np
    >>> from hornbook import layers
    >>> layers.RMSNormalization(epsilon=0)(np.array([[2.0, 2.0]])).numpy()
    array([[1., 1.]], dtype=float32)
    """

    def __init__(self, axis: int | Sequence[int] = -1, epsilon: float = 1e-6, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.axis, self.epsilon = axis, epsilon
        self.supports_masking = False

    def build(self, input_shape: Sequence) -> None:
        axes = [self.axis] if isinstance(self.axis, int) else self.axis
        shape = known_sizes(input_shape, axes, "RMSNormalization")
        self.scale = self.add_weight(shape=shape, initializer="ones", name="scale", autocast=False)

    def call(self, inputs: Any) -> Any:
        x = at_least_float32(inputs)
        axes = [self.axis] if isinstance(self.axis, int) else list(self.axis)
        factor = ops.rsqrt(ops.add(ops.mean(ops.square(x), axis=axes, keepdims=True), self.epsilon))
        outputs = ops.multiply(ops.multiply(x, factor), along_axes(self.scale, axes, x))
        return ops.cast(outputs, self.compute_dtype)


class GroupNormalization(ElementwiseLayer):
    """Normalizes each sample over its positions and the channels of a group.

    output = gamma * (inputs - mean) / sqrt(variance + epsilon) + beta

    Args:
        groups: into how many groups the channels are split; -1 makes each channel one (instance normalization).
        axis: the channels.
        epsilon: keeps the division finite.
        center: whether there is a beta.
        scale: whether there is a gamma.
        beta_initializer, gamma_initializer, beta_regularizer, gamma_regularizer, beta_constraint, gamma_constraint: of
            beta and gamma.

    Raises:
        ValueError: where groups does not divide the channels.

    Source: Wu & He 2018, https://arxiv.org/abs/1803.08494

    >>> import numpy as np
    >>> from hornbook import layers
    >>> layers.GroupNormalization(2, epsilon=0)(np.array([[1.0, 3.0, 10.0, 30.0]])).numpy()
    array([[-1.,  1., -1.,  1.]], dtype=float32)
    """

    def __init__(
        self,
        groups: int = 32,
        axis: int = -1,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones",
        beta_regularizer: Any = None,
        gamma_regularizer: Any = None,
        beta_constraint: Any = None,
        gamma_constraint: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.groups = groups if groups == -1 else positive_integer(groups, "groups")
        self.axis, self.epsilon, self.center, self.scale = axis, epsilon, center, scale
        self.beta_initializer = initializers.get(beta_initializer)
        self.gamma_initializer = initializers.get(gamma_initializer)
        self.beta_regularizer = regularizers.get(beta_regularizer)
        self.gamma_regularizer = regularizers.get(gamma_regularizer)
        self.beta_constraint = constraints.get(beta_constraint)
        self.gamma_constraint = constraints.get(gamma_constraint)

    def build(self, input_shape: Sequence) -> None:
        (channels,) = known_sizes(input_shape, [self.axis], "GroupNormalization")
        self.groups = channels if self.groups == -1 else self.groups
        if channels % self.groups:
            raise ValueError(f"groups must divide the channels, got groups={self.groups} and {channels} channels.")
        self.gamma = self.add_weight(shape=(channels,), name="gamma") if self.scale else None
        self.beta = self.add_weight(shape=(channels,), name="beta") if self.center else None
        self.input_spec = InputSpec(ndim=len(input_shape), axes={self.axis: channels})

    def call(self, inputs: Any) -> Any:
        x = at_least_float32(inputs)
        shape, rank = ops.shape(x), len(x.shape)
        axis = self.axis % rank
        # (batch, ..., channels, ...) -> (batch, ..., groups, channels // groups, ...)
        split = [*shape[:axis], self.groups, shape[axis] // self.groups, *shape[axis + 1 :]]
        grouped = ops.reshape(x, split)
        within = [a for a in range(1, rank + 1) if a != axis]
        mean, variance = ops.moments(grouped, axes=within, keepdims=True)
        grouped = ops.multiply(ops.subtract(grouped, mean), ops.rsqrt(ops.add(variance, self.epsilon)))
        outputs = ops.reshape(grouped, shape)
        if self.gamma is not None:
            outputs = ops.multiply(outputs, along_axes(self.gamma, [axis], x))
        if self.beta is not None:
            outputs = ops.add(outputs, along_axes(self.beta, [axis], x))
        return ops.cast(outputs, self.compute_dtype)


class UnitNormalization(ElementwiseLayer):
    """Brings vectors to length 1: output = inputs / sqrt(sum(inputs^2)).

    Args:
        axis: the axis, or axes, of a vector.

    >>> import numpy as np
    >>> from hornbook import layers
    >>> layers.UnitNormalization()(np.array([[3.0, 4.0]])).numpy()
    array([[0.6, 0.8]], dtype=float32)
    """

    def __init__(self, axis: int | Sequence[int] = -1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not isinstance(axis, int | list | tuple):
            raise TypeError(f"axis must be an integer, or a list or tuple of integers, got {axis!r}.")
        self.axis = axis if isinstance(axis, int) else list(axis)

    def call(self, inputs: Any) -> Any:
        square = ops.sum(ops.square(inputs), axis=self.axis, keepdims=True)
        return ops.multiply(inputs, ops.rsqrt(ops.maximum(square, 1e-12)))
