"""What a loss is: one value for each sample from `call`, then mask, sample weights and a reduction to one number."""

import inspect
import math
from collections.abc import Callable
from typing import Any

from hornbook import backend, ops, tree
from hornbook.core import dtype_policies
from hornbook.core.global_state import auto_name, to_snake_case
from hornbook.core.registry import Configurable, deserialize_keras_object

_NUMBERS = (bool, int, float)
REDUCTIONS = ("sum_over_batch_size", "sum", "mean", "mean_with_sample_weight", "none", None)


class Loss(Configurable):
    """Base class of losses: define `call(y_true, y_pred)`, which gives a value for each sample.

    Args:
        name: made from the class's name if None.
        reduction: how the values become one: "sum_over_batch_size" or "mean" divide the (weighted) sum by how many
            values there are, "mean_with_sample_weight" by the sum of the weights, "sum" by nothing; "none" or None
            gives the values themselves.
        dtype: dtype or policy to compute in; `floatx()` if None.

    Raises:
        ValueError: for an unknown reduction.

    >>> import hornbook as keras
    >>> class Off(keras.losses.Loss):
    ...     def call(self, y_true, y_pred):
    ...         return keras.ops.abs(y_true - y_pred)
    >>> float(Off()([0.0, 1.0], [1.0, 3.0]))
    1.5
    """

    def __init__(
        self, name: str | None = None, reduction: str | None = "sum_over_batch_size", dtype: Any = None
    ) -> None:
        if reduction not in REDUCTIONS:
            raise ValueError(f"reduction must be one of {REDUCTIONS}, got {reduction!r}.")
        self.name = name or auto_name(to_snake_case(type(self).__name__))
        self.reduction = reduction
        self._dtype = dtype_policies.get(dtype or backend.floatx()).compute_dtype

    @property
    def dtype(self) -> str:
        """The dtype the loss is computed in."""
        return self._dtype

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """The values before the reduction, one for each sample.

        Args:
            y_true: targets.
            y_pred: predictions.
        """
        raise NotImplementedError(f"{type(self).__name__} must define call(self, y_true, y_pred).")

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """The reduced loss.

        Args:
            y_true: targets, (batch, ...).
            y_pred: predictions; where they carry a mask, masked positions do not count.
            sample_weight: factors that broadcast to the values, such as (batch,).

        Returns:
            A scalar, or the weighted values with `reduction=None`. On a replica of `tf.distribute` it is the part that
            its rows have in the loss of the whole batch: the parts of all replicas add up to it.
        """
        y_true, mask = self._targets(y_true), getattr(y_pred, "_keras_mask", None)
        values = self.call(y_true, self._to_tensors(y_pred))
        own_mask = getattr(values, "_keras_mask", None)
        if own_mask is not None:
            mask = own_mask if mask is None else ops.logical_and(mask, own_mask)
        loss = reduce_weighted_values(values, sample_weight, mask, self.reduction, self.dtype)
        if backend.replica_count() > 1 and len(values.shape) == 0 and self.reduction not in ("sum", "none", None):
            loss = part_of_mean(loss, y_pred)  # a function of one's own that gives the mean itself
        return loss

    def _targets(self, y_true: Any) -> Any:
        """Targets as `call` takes them."""
        return self._to_tensors(y_true)

    def _to_tensors(self, structure: Any) -> Any:
        """Each array of the structure as a tensor; a list of numbers is one array."""
        if isinstance(structure, dict):
            return {key: self._to_tensors(value) for key, value in structure.items()}
        if isinstance(structure, list | tuple) and not all(isinstance(x, _NUMBERS) for x in tree.flatten(structure)):
            return type(structure)(self._to_tensors(value) for value in structure)
        return ops.convert_to_tensor(structure, dtype=self.dtype)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments; dtype only where one was given, as Keras has no such key."""
        config = super().get_config()
        if self._constructor_arguments().get("dtype") is None:
            config.pop("dtype", None)
        parameters = inspect.signature(type(self).__init__).parameters.values()
        open_ended = any(p.kind is p.VAR_KEYWORD for p in parameters)
        for name in ("name", "reduction"):
            if open_ended or any(p.name == name for p in parameters):
                config[name] = getattr(self, name)
        return config


class LossFunctionWrapper(Loss):
    """A loss made of a function of (y_true, y_pred) that gives a value for each sample.

    Args:
        fn: the function.
        reduction: see `Loss`.
        name: see `Loss`.
        dtype: see `Loss`.
        **kwargs: more keyword arguments for every call of `fn`.

    >>> from hornbook.losses import LossFunctionWrapper, huber
    >>> round(float(LossFunctionWrapper(huber, delta=2.0)([[0.0]], [[1.0]])), 4)
    0.5
    """

    # Arguments that Keras does not write to its files: they are written only where they are not the default.
    _unwritten_defaults: dict[str, Any] = {}

    def __init__(
        self,
        fn: Callable,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
        dtype: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        self.fn, self._fn_kwargs = fn, kwargs
        vars(self).update(kwargs)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """fn(y_true, y_pred, **kwargs), the two brought to the same rank."""
        if tree.is_nested(y_true) or tree.is_nested(y_pred):
            return self.fn(y_true, y_pred, **self._fn_kwargs)
        return self.fn(*match_rank(y_true, y_pred), **self._fn_kwargs)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        config = super().get_config()
        for name, default in self._unwritten_defaults.items():
            if config[name] == default:
                del config[name]
        return config

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "LossFunctionWrapper":
        """The loss that `config` describes."""
        if "fn" in config:
            config = {**config, "fn": deserialize_keras_object(config["fn"])}
        return cls(**config)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}>"


# ------------------------------------------------------------------------------------------------------ reduction
def reduce_weighted_values(
    values: Any,
    sample_weight: Any = None,
    mask: Any = None,
    reduction: str | None = "sum_over_batch_size",
    dtype: Any = None,
) -> Any:
    """sum_i w_i v_i / n for values v, weights w (times the mask); n as the reduction says.

    On a replica of `tf.distribute` the sum is over its own values, n is counted over those of all replicas.

    Args:
        values: (batch, ...).
        sample_weight: broadcasts to the values; a last axis of size 1 may be there or not.
        mask: boolean, broadcasts to the values; False leaves a value out.
        reduction: see `Loss`.
        dtype: dtype to reduce in; that of the values if None.

    Returns:
        A scalar, or the weighted values for "none".

    Raises:
        ValueError: for weights or a mask that do not broadcast.

    >>> from hornbook.losses.base import reduce_weighted_values
    >>> float(reduce_weighted_values([1.0, 3.0], sample_weight=[1.0, 0.5]))
    1.25
    """
    values = ops.convert_to_tensor(values, dtype=dtype)
    dtype = backend.standardize_dtype(values.dtype)
    if sample_weight is not None:
        sample_weight = ops.convert_to_tensor(sample_weight, dtype=dtype)
    if mask is not None:
        sample_weight = apply_mask(sample_weight, mask, dtype, reduction)
    if sample_weight is not None:
        values, sample_weight = match_rank(values, sample_weight)
        if not broadcastable(values.shape, sample_weight.shape):
            raise ValueError(
                f"The loss has values of shape {shown(values)}, to which a sample_weight (or mask) of shape "
                f"{shown(sample_weight)} does not broadcast. One weight a sample has shape (batch,) for values of "
                "shape (batch,), and (batch, 1) for values of shape (batch, time)."
            )
        values = values * sample_weight

    if reduction in ("none", None) or tuple(values.shape) in ((), (0,)):
        return values
    total = ops.sum(values)
    if reduction == "sum":
        return total
    if reduction == "mean_with_sample_weight" and sample_weight is not None:
        weights = ops.sum(ops.broadcast_to(sample_weight, ops.shape(values)))
        return ops.divide_no_nan(total, backend.all_reduce_sum(weights))
    return total / _count_everywhere(values, dtype)


def apply_mask(sample_weight: Any, mask: Any, dtype: str, reduction: str | None) -> Any:
    """The mask as sample weights, times those given.

    For a mean the mask is scaled by (all values / values left in), so that dividing by all of them later gives the
    mean of those left in.
    """
    mask = ops.cast(mask, dtype)
    if reduction in ("mean", "sum_over_batch_size"):
        mask = mask * (_count_everywhere(mask, dtype) / (backend.all_reduce_sum(ops.sum(mask)) + backend.epsilon()))
    if sample_weight is None:
        return mask
    sample_weight, mask = match_rank(ops.cast(sample_weight, dtype), mask)
    return sample_weight * mask


def count(x: Any, dtype: str) -> Any:
    """How many numbers `x` has: a Python number where the shape is known, else a tensor."""
    shape = tuple(x.shape)
    return float(math.prod(shape)) if None not in shape else ops.cast(ops.size(x), dtype)


def _count_everywhere(x: Any, dtype: str) -> Any:
    """`count` over all replicas."""
    return count(x, dtype) if backend.replica_count() == 1 else backend.all_reduce_sum(ops.cast(ops.size(x), dtype))


def part_of_mean(mean: Any, x: Any) -> Any:
    """What a mean over the rows of `x` adds to the mean over the rows of all replicas: (own rows / all rows) mean.

    A replica without rows adds 0. Outside `tf.distribute` it is the mean itself.

    Args:
        mean: a scalar.
        x: tensors with a first axis of rows.
    """
    if backend.replica_count() == 1:
        return mean
    leaf = next((leaf for leaf in tree.flatten(x) if leaf is not None), None)
    share = ops.cast(backend.share_of_rows(leaf), mean.dtype)
    return ops.where(share > 0, mean * share, 0.0)


# --------------------------------------------------------------------------------------------------------- shapes
def match_rank(x1: Any, x2: Any) -> tuple[Any, Any]:
    """Both arrays with as many axes, where a last axis of size 1 is all they differ by.

    (batch,) and (batch, 1) become (batch, 1) both; (batch, time, 1) loses its last axis beside (batch, time).
    """
    rank1, rank2 = len(x1.shape), len(x2.shape)
    if abs(rank1 - rank2) != 1:
        return x1, x2
    if rank1 > rank2:
        x2, x1 = match_rank(x2, x1)
        return x1, x2
    if x2.shape[-1] != 1:
        return x1, x2
    return (ops.expand_dims(x1, -1), x2) if rank1 == 1 else (x1, ops.squeeze(x2, -1))


def aligned(y_true: Any, y_pred: Any) -> tuple[Any, Any]:
    """Targets and predictions as tensors of the predictions' float dtype and of the same rank.

    Raises:
        ValueError: for shapes that do not go together.
    """
    y_pred = ops.convert_to_tensor(y_pred)
    if not backend.is_float_dtype(y_pred.dtype):
        y_pred = ops.cast(y_pred, backend.floatx())
    y_true, y_pred = match_rank(ops.convert_to_tensor(y_true, dtype=y_pred.dtype), y_pred)
    if not broadcastable(y_true.shape, y_pred.shape):
        raise ValueError(
            f"y_true and y_pred must have the same shape, got y_true of shape {shown(y_true)} and y_pred of shape "
            f"{shown(y_pred)}. Compare the model's output layer with the targets passed to fit()."
        )
    return y_true, y_pred


def broadcastable(shape1: Any, shape2: Any) -> bool:
    """Whether two shapes can stand side by side; an unknown size goes with any.

    An unknown first size is the number of examples, which must stand beside a number of examples.

    >>> from hornbook.losses.base import broadcastable
    >>> broadcastable((3, 1), (3, 4)), broadcastable((3,), (3, 4))
    (True, False)
    >>> broadcastable((None,), (None, 4))
    False
    """
    short, long = sorted((tuple(shape1), tuple(shape2)), key=len)
    if short and short[0] is None and len(short) < len(long):
        return False
    pairs = zip(reversed(short), reversed(long), strict=False)
    return all(a == b or a in (1, None) or b in (1, None) for a, b in pairs)


def shown(x: Any) -> tuple:
    """The shape of `x` as a plain tuple, for messages."""
    return tuple(x.shape)
