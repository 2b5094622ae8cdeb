"""Activations as layers, for models that are read layer by layer."""

from collections.abc import Sequence
from typing import Any

from hornbook import activations, backend, constraints, initializers, ops, regularizers
from hornbook.core.arguments import known_sizes
from hornbook.core.layer import InputSpec, Layer

__all__ = ["ELU", "Activation", "LeakyReLU", "PReLU", "ReLU", "Softmax"]


class ElementwiseLayer(Layer):
    """Base of the layers that change each number on its own, so shape and mask stay."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape


class Activation(ElementwiseLayer):
    """Any activation function, by name or as a callable: output = activation(inputs).

    Args:
        activation: a name such as "relu", or a function.

    >>> import numpy as np
    >>> from hornbook import layers
    >>> layers.Activation("relu")(np.array([-1.0, 2.0])).numpy()
    array([0., 2.], dtype=float32)
    """

    def __init__(self, activation: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.activation = activations.get(activation)

    def call(self, inputs: Any) -> Any:
        return self.activation(inputs)


class ReLU(ElementwiseLayer):
    """The rectified linear unit.

    output = max_value               where inputs >= max_value
             inputs                  where threshold <= inputs < max_value
             negative_slope * (inputs - threshold)    below

    Args:
        max_value: where it stops growing; nowhere if None.
        negative_slope: the slope below the threshold.
        threshold: where it starts.

    Raises:
        ValueError: for a negative argument.

    >>> import numpy as np
    >>> from hornbook import layers
    >>> layers.ReLU(max_value=6)(np.array([-1.0, 2.0, 9.0])).numpy()
    array([0., 2., 6.], dtype=float32)
    """

    def __init__(
        self, max_value: float | None = None, negative_slope: float = 0.0, threshold: float = 0.0, **kwargs: Any
    ) -> None:
        negative_slope = kwargs.pop("alpha", negative_slope)  # what Keras 2 called it
        super().__init__(**kwargs)
        if max_value is not None and max_value < 0:
            raise ValueError(f"max_value must be None or at least 0, got {max_value!r}.")
        for name, value in (("negative_slope", negative_slope), ("threshold", threshold)):
            if value is None or value < 0:
                raise ValueError(f"{name} must be a number of at least 0, got {value!r}.")
        self.max_value, self.negative_slope, self.threshold = max_value, negative_slope, threshold

    def call(self, inputs: Any) -> Any:
        return activations.relu(
            inputs, negative_slope=self.negative_slope, max_value=self.max_value, threshold=self.threshold
        )


class LeakyReLU(ElementwiseLayer):
    """The leaky rectified linear unit: inputs where positive, negative_slope * inputs elsewhere.

    Args:
        negative_slope: the slope for negative inputs.

    Raises:
        ValueError: for a negative slope.

    >>> import numpy as np
    >>> from hornbook import layers
    >>> layers.LeakyReLU(0.5)(np.array([-1.0, 2.0])).numpy()
    array([-0.5,  2. ], dtype=float32)
    """

    def __init__(self, negative_slope: float = 0.3, **kwargs: Any) -> None:
        negative_slope = kwargs.pop("alpha", negative_slope)  # what Keras 2 called it
        super().__init__(**kwargs)
        if negative_slope is None or negative_slope < 0:
            raise ValueError(f"negative_slope must be a number of at least 0, got {negative_slope!r}.")
        self.negative_slope = negative_slope

    def call(self, inputs: Any) -> Any:
        return activations.leaky_relu(inputs, negative_slope=self.negative_slope)


class PReLU(ElementwiseLayer):
    """A leaky rectifier that learns its slopes: inputs where positive, alpha * inputs elsewhere.

    Args:
        alpha_initializer, alpha_regularizer, alpha_constraint: of the slopes.
        shared_axes: axes along which one slope is shared: [1, 2] gives one for each channel of an image.

    Source: He et al. 2015, "Delving Deep into Rectifiers", https://arxiv.org/abs/1502.01852

    >>> import numpy as np
    >>> from hornbook import layers
    >>> layers.PReLU("ones")(np.array([[-1.0, 2.0]])).numpy()
    array([[-1.,  2.]], dtype=float32)
    """

    def __init__(
        self,
        alpha_initializer: Any = "Zeros",
        alpha_regularizer: Any = None,
        alpha_constraint: Any = None,
        shared_axes: int | Sequence[int] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.alpha_initializer = initializers.get(alpha_initializer)
        self.alpha_regularizer = regularizers.get(alpha_regularizer)
        self.alpha_constraint = constraints.get(alpha_constraint)
        self.shared_axes = [shared_axes] if isinstance(shared_axes, int) else shared_axes and list(shared_axes)

    def build(self, input_shape: Sequence) -> None:
        own = [axis for axis in range(1, len(input_shape)) if axis not in (self.shared_axes or ())]
        known = dict(zip(own, known_sizes(input_shape, own, "PReLU"), strict=True))
        self.alpha = self.add_weight(shape=[known.get(axis, 1) for axis in range(1, len(input_shape))], name="alpha")
        self.input_spec = InputSpec(ndim=len(input_shape), axes=known)

    def call(self, inputs: Any) -> Any:
        positive = activations.relu(inputs)
        negative = ops.subtract(inputs, positive)
        return ops.add(positive, ops.multiply(self.alpha, negative))


class ELU(ElementwiseLayer):
    """The exponential linear unit: inputs where positive, alpha * (exp(inputs) - 1) elsewhere.

    Args:
        alpha: what very negative inputs approach, with the sign changed.

    Source: Clevert et al. 2015, https://arxiv.org/abs/1511.07289

    >>> import numpy as np
    >>> from hornbook import layers
    >>> layers.ELU()(np.array([-1.0, 2.0])).numpy().round(3)
    array([-0.632,  2.   ], dtype=float32)
    """

    def __init__(self, alpha: float = 1.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.alpha = alpha

    def call(self, inputs: Any) -> Any:
        return activations.elu(inputs, alpha=self.alpha)


class Softmax(ElementwiseLayer):
    """Numbers turned into probabilities along an axis.

    output = exp(inputs) / sum(exp(inputs))

    Args:
        axis: the axis, or axes, along which they sum to 1.

    Call:
        inputs: any shape.
        mask: booleans of the same shape, or one that broadcasts to it; what is False gets probability 0.

    >>> import numpy as np
    >>> from hornbook import layers
    >>> layers.Softmax()(np.array([1.0, 1.0, 9.0]), mask=np.array([True, True, False])).numpy()
    array([0.5, 0.5, 0. ], dtype=float32)
    """

    def __init__(self, axis: int | Sequence[int] = -1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.axis = axis

    def call(self, inputs: Any, mask: Any = None) -> Any:
        if mask is not None:
            # Finite, so that a row with nothing left in it has no NaN; the second multiplication clears such a row.
            lowest = -3e4 if backend.standardize_dtype(inputs.dtype) == "float16" else -1e9
            inputs = ops.where(mask, inputs, ops.cast(lowest, inputs.dtype))
        axes = [self.axis] if isinstance(self.axis, int) else list(self.axis)
        outputs = activations.softmax(inputs, axis=axes[0] if len(axes) == 1 else axes)
        return outputs if mask is None else ops.multiply(outputs, ops.cast(mask, outputs.dtype))
