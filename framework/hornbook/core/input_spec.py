"""What a layer asks of its input: rank, dtype and sizes, checked before the layer runs."""

from typing import Any

from hornbook import tree
from hornbook.backend.config import standardize_dtype


class InputSpec:
    """Constraints on one input of a layer; what is None is free.

    Args:
        dtype: the dtype it must have.
        shape: the shape it must have, None where a size is free.
        ndim, max_ndim, min_ndim: exact, largest and smallest number of axes.
        axes: sizes of single axes, `{axis: size}`.
        allow_last_axis_squeeze: also accept a last axis of size 1 more or less.
        name: key of the input in a dictionary of inputs.
        optional: whether None may stand in its place.

    >>> import hornbook as keras
    >>> keras.InputSpec(ndim=2, axes={-1: 3})
    InputSpec(ndim=2, axes={-1: 3})
    """

    def __init__(
        self,
        dtype: Any = None,
        shape: Any = None,
        ndim: int | None = None,
        max_ndim: int | None = None,
        min_ndim: int | None = None,
        axes: dict | None = None,
        allow_last_axis_squeeze: bool = False,
        name: str | None = None,
        optional: bool = False,
    ) -> None:
        self.dtype = None if dtype is None else standardize_dtype(dtype)
        self.shape = None if shape is None else tuple(shape)
        self.ndim = ndim if shape is None else len(tuple(shape))
        self.max_ndim, self.min_ndim, self.name, self.optional = max_ndim, min_ndim, name, optional
        self.allow_last_axis_squeeze = allow_last_axis_squeeze
        try:
            self.axes = {int(k): v for k, v in (axes or {}).items()}
        except (TypeError, ValueError, AttributeError):
            raise TypeError(f"axes must be a dictionary {{axis: size}} with integer keys, got {axes!r}.") from None

    def get_config(self) -> dict:
        """The constraints as plain data."""
        return {key: getattr(self, key) for key in ("dtype", "shape", "ndim", "max_ndim", "min_ndim", "axes")}

    @classmethod
    def from_config(cls, config: dict) -> "InputSpec":
        """The InputSpec of a config."""
        return cls(**config)

    def __repr__(self) -> str:
        given = ((key, value) for key, value in self.get_config().items() if value)
        return f"InputSpec({', '.join(f'{key}={value!r}' for key, value in given)})"


def check_inputs(input_spec: Any, inputs: Any, layer_name: str) -> None:
    """Refuse inputs that break the layer's `input_spec`.

    Raises:
        ValueError: which says what the layer expects and what came.
    """
    specs = tree.flatten(input_spec)
    if isinstance(inputs, dict) and all(getattr(spec, "name", None) in inputs for spec in specs):
        tensors = [inputs[spec.name] for spec in specs]
    else:
        tensors = tree.flatten(inputs)
    if len(tensors) != len(specs):
        raise ValueError(f"Layer {layer_name!r} expects {len(specs)} input(s), got {len(tensors)}.")
    for position, (tensor, spec) in enumerate(zip(tensors, specs, strict=True)):
        if spec is None or (tensor is None and spec.optional):
            continue
        which = f"Input {position} of layer {layer_name!r}" if len(specs) > 1 else f"The input of layer {layer_name!r}"
        if tensor is None or not hasattr(tensor, "shape"):
            raise ValueError(f"{which} must be a tensor, got {tensor!r}.")
        problem = _problem(spec, tensor)
        if problem is not None:
            raise ValueError(f"{which} must have {problem}; got shape {_text(tensor.shape)}.")


def _text(shape: Any) -> str:
    return str(tuple(shape)) if getattr(shape, "rank", 0) is not None else "unknown"


def _problem(spec: InputSpec, tensor: Any) -> str | None:
    shape = tensor.shape
    if getattr(shape, "rank", 0) is None:
        return None
    shape = tuple(shape)
    rank = len(shape)
    squeezable = spec.allow_last_axis_squeeze and spec.ndim is not None and abs(rank - spec.ndim) == 1
    if spec.ndim is not None and rank != spec.ndim:
        wider, narrower = rank == spec.ndim + 1 and shape[-1] == 1, rank == spec.ndim - 1
        if not (squeezable and (wider or narrower)):
            wanted = f" such as {spec.shape}" if spec.shape else ""
            return f"{spec.ndim} axes{wanted}, not {rank}"
        shape = shape[:-1] if wider else (*shape, 1)
    if spec.max_ndim is not None and rank > spec.max_ndim:
        return f"at most {spec.max_ndim} axes, not {rank}"
    if spec.min_ndim is not None and rank < spec.min_ndim:
        return f"at least {spec.min_ndim} axes, not {rank}"
    if spec.dtype is not None and standardize_dtype(tensor.dtype) != spec.dtype:
        return f"dtype {spec.dtype}, not {standardize_dtype(tensor.dtype)}"
    for axis, size in spec.axes.items():
        if size is not None and -rank <= axis < rank and shape[axis] not in (size, None):
            return f"size {size} on axis {axis}, not {shape[axis]}"
    if spec.shape is not None:
        for axis, (size, wanted) in enumerate(zip(shape, spec.shape, strict=True)):
            if wanted is not None and size not in (wanted, None):
                return f"shape {spec.shape} (axis {axis} is {size})"
    return None
