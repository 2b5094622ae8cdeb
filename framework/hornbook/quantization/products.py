"""Which axes a product sums over, and where a scale of its inputs or its kernel stands in the output."""

from collections.abc import Sequence
from typing import Any

from hornbook import ops
from hornbook.layers.core import EinsumDense


class Product:
    """The product inside of a layer: an EinsumDense as an einsum with a letter for every axis; any other, x @ kernel.

    Args:
        layer: a built layer.
        kernel_rank: the number of axes of its kernel.
    """

    def __init__(self, layer: Any, kernel_rank: int) -> None:
        if not isinstance(layer, EinsumDense):
            self.equation, self.inputs, self.kernel, self.output = "", "", "ab", ""
            self.summed_axes, self.summed_inputs = (0,), (-1,)
            return
        left, _, output = layer.equation.replace(" ", "").partition("->")
        inputs, _, kernel = left.partition(",")
        hidden = layer.input_spec.ndim - len(inputs.strip("."))
        free = "".join(letter for letter in "ABCDEFGHIJ" if letter not in layer.equation)[:hidden]
        self.inputs, self.output = (letters.replace("...", free) for letters in (inputs, output))
        self.kernel = kernel
        self.equation = f"{self.inputs},{kernel}->{self.output}"
        self.summed_axes = tuple(i for i, letter in enumerate(kernel) if letter not in self.output)
        self.summed_inputs = tuple(i for i, letter in enumerate(self.inputs) if letter not in self.output)

    def __call__(self, x: Any, kernel: Any) -> Any:
        """The product."""
        return ops.einsum(self.equation, x, kernel) if self.equation else ops.matmul(x, kernel)

    def kernel_scale(self, scale: Any) -> Any:
        """A scale of the kernel, of size 1 along the summed axes, so that it can be multiplied with the output."""
        return _moved(scale, self.kernel, self.output) if self.equation else ops.squeeze(scale, 0)

    def scale_of_kernel(self, scale: Any) -> Any:
        """The way back from `kernel_scale`."""
        return _moved(scale, self.output, self.kernel) if self.equation else ops.expand_dims(scale, 0)

    def inputs_scale(self, scale: Any) -> Any:
        """A scale of the inputs, of size 1 along the summed axes, so that it can be multiplied with the output."""
        return _moved(scale, self.inputs, self.output) if self.equation else scale

    def inputs_matrix(self, x: Any) -> Any:
        """The inputs with their summed axes last, all in one, in the order of `to_matrix`, and the others in one."""
        if self.equation:
            summed = [self.inputs.index(self.kernel[axis]) for axis in self.summed_axes]
            others = [axis for axis in range(len(self.inputs)) if axis not in summed]
            shape = tuple(x.shape)
            return ops.reshape(ops.transpose(x, [*others, *summed]), (-1, _size(shape, summed)))
        return ops.reshape(x, (-1, x.shape[-1]))

    def to_matrix(self, kernel: Any) -> Any:
        """The kernel with its summed axes first, all in one, and the others in one."""
        shape = tuple(kernel.shape)
        order = self._matrix_order()
        rows = _size(shape, self.summed_axes)
        return ops.reshape(ops.transpose(kernel, order), (rows, -1))

    def from_matrix(self, matrix: Any, shape: Sequence[int]) -> Any:
        """The kernel of this shape that `to_matrix` was given."""
        order = self._matrix_order()
        turned = ops.reshape(matrix, [shape[axis] for axis in order])
        return ops.transpose(turned, [order.index(axis) for axis in range(len(order))])

    def _matrix_order(self) -> list[int]:
        others = [axis for axis in range(len(self.kernel)) if axis not in self.summed_axes]
        return [*self.summed_axes, *others]


def _moved(x: Any, letters: str, target: str) -> Any:
    """x with its axes in the order of `target`; those not in `target` (of size 1) go, the missing ones have size 1."""
    x = ops.squeeze(x, tuple(i for i, letter in enumerate(letters) if letter not in target))
    kept = [letter for letter in letters if letter in target]
    x = ops.transpose(x, [kept.index(letter) for letter in target if letter in kept])
    for position, letter in enumerate(target):
        if letter not in kept:
            x = ops.expand_dims(x, position)
    return x


def _size(shape: Sequence[int], axes: Sequence[int]) -> int:
    size = 1
    for axis in axes:
        size *= shape[axis]
    return size
