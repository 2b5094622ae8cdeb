"""Where a Functional model begins."""

from typing import Any

from hornbook.core.keras_tensor import KerasTensor, standardize_shape
from hornbook.core.layer import Layer
from hornbook.core.operation import Node


class InputLayer(Layer):
    """The layer that stands for an input of a model: it passes on what it gets.

    Args:
        shape: the shape without the batch axis.
        batch_size: the size of the batch axis, None where free.
        dtype: the dtype, `floatx()` if None.
        sparse, ragged: the kind of tensor.
        batch_shape: the whole shape, in place of `shape` and `batch_size`.
        input_tensor: the KerasTensor to stand for.
        optional: whether None may be passed.
        name: a name; made up if None.

    >>> import hornbook as keras
    >>> keras.layers.InputLayer((3,)).output.shape
    (None, 3)
    """

    def __init__(
        self,
        shape: Any = None,
        batch_size: int | None = None,
        dtype: Any = None,
        sparse: bool | None = None,
        ragged: bool | None = None,
        batch_shape: Any = None,
        input_tensor: Any = None,
        optional: bool = False,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name)
        kwargs.pop("trainable", None)
        if "input_shape" in kwargs:
            shape = kwargs.pop("input_shape")
        if kwargs:
            raise TypeError(f"InputLayer got unexpected keyword arguments: {sorted(kwargs)}.")
        if isinstance(dtype, dict):  # the config of a dtype policy
            dtype = dtype["config"]["name"]
        if input_tensor is not None:
            if not isinstance(input_tensor, KerasTensor):
                raise ValueError(
                    f"input_tensor must be a KerasTensor, such as keras.Input gives; got {input_tensor!r}."
                )
            batch_shape, dtype = input_tensor.shape, dtype or input_tensor.dtype
        elif batch_shape is None:
            if shape is None:
                raise ValueError("An input needs its shape: Input(shape=(28, 28)), without the batch axis.")
            if isinstance(shape, int):
                raise ValueError(f"shape must be a tuple: Input(shape=({shape},)), not Input(shape={shape}).")
            batch_shape = (batch_size, *standardize_shape(shape))
        elif shape is not None:
            raise ValueError("Give either shape (without the batch axis) or batch_shape, not both.")
        self.batch_shape = standardize_shape(batch_shape)
        self.sparse, self.ragged, self.optional = bool(sparse), bool(ragged), optional
        tensor = input_tensor
        if tensor is None:
            tensor = KerasTensor(self.batch_shape, dtype or "float32", self.sparse, self.ragged, name=self.name)
        self._input_dtype = tensor.dtype
        self.built = True
        Node(self, (), {}, tensor)

    dtype = property(lambda self: self._input_dtype, doc="The dtype of the input.")

    def call(self, *args: Any) -> Any:
        """An input layer holds no formula."""
        raise NotImplementedError("An InputLayer marks where a model begins and is not called itself.")

    def get_config(self) -> dict[str, Any]:
        """Shape, dtype, kind and name as plain data."""
        config = {
            "batch_shape": self.batch_shape,
            "dtype": self.dtype,
            "sparse": self.sparse,
            "ragged": self.ragged,
            "name": self.name,
        }
        return {**config, "optional": True} if self.optional else config

    def get_build_config(self) -> None:
        """Nothing to build."""
        return None


def Input(
    shape: Any = None,
    batch_size: int | None = None,
    dtype: Any = None,
    sparse: bool | None = None,
    ragged: bool | None = None,
    batch_shape: Any = None,
    name: str | None = None,
    tensor: Any = None,
    optional: bool = False,
) -> Any:
    """A symbolic tensor that a Functional model begins with.

    Args:
        shape: the shape without the batch axis.
        batch_size: the size of the batch axis, None where free.
        dtype: the dtype, `floatx()` if None.
        sparse, ragged: the kind of tensor.
        batch_shape: the whole shape, in place of `shape` and `batch_size`.
        name: a name; made up if None.
        tensor: a KerasTensor to take as the input.
        optional: whether None may be passed.

    >>> import hornbook as keras
    >>> x = keras.Input(shape=(32,))
    >>> keras.Model(x, keras.layers.Dense(4)(x)).output_shape
    (None, 4)
    """
    layer = InputLayer(
        shape=shape,
        batch_size=batch_size,
        dtype=dtype,
        sparse=sparse,
        ragged=ragged,
        batch_shape=batch_shape,
        input_tensor=tensor,
        optional=optional,
        name=name,
    )
    return layer.output
