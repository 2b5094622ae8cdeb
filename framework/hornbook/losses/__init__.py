"""What training minimizes: `losses.MeanSquaredError()(y_true, y_pred)`, or by name in `compile(loss="mse")`."""

from collections.abc import Mapping
from typing import Any

from hornbook.core.registry import Family
from hornbook.losses.base import Loss, LossFunctionWrapper
from hornbook.losses.classification import (
    CTC,
    BinaryCrossentropy,
    BinaryFocalCrossentropy,
    CategoricalCrossentropy,
    CategoricalFocalCrossentropy,
    CategoricalGeneralizedCrossEntropy,
    CategoricalHinge,
    Circle,
    Dice,
    Hinge,
    SparseCategoricalCrossentropy,
    SquaredHinge,
    Tversky,
    binary_crossentropy,
    binary_focal_crossentropy,
    categorical_crossentropy,
    categorical_focal_crossentropy,
    categorical_generalized_cross_entropy,
    categorical_hinge,
    circle,
    ctc,
    dice,
    hinge,
    sparse_categorical_crossentropy,
    squared_hinge,
    tversky,
)
from hornbook.losses.regression import (
    CosineSimilarity,
    Huber,
    KLDivergence,
    LogCosh,
    MeanAbsoluteError,
    MeanAbsolutePercentageError,
    MeanSquaredError,
    MeanSquaredLogarithmicError,
    Poisson,
    cosine_similarity,
    huber,
    kl_divergence,
    log_cosh,
    mean_absolute_error,
    mean_absolute_percentage_error,
    mean_squared_error,
    mean_squared_logarithmic_error,
    poisson,
)

_CLASSES = (
    *(MeanSquaredError, MeanAbsoluteError, MeanAbsolutePercentageError, MeanSquaredLogarithmicError),
    *(Huber, LogCosh, CosineSimilarity, KLDivergence, Poisson),
    *(BinaryCrossentropy, BinaryFocalCrossentropy, CategoricalCrossentropy, CategoricalFocalCrossentropy),
    *(SparseCategoricalCrossentropy, CategoricalGeneralizedCrossEntropy, Hinge, SquaredHinge, CategoricalHinge),
    *(Dice, Tversky, Circle, CTC, LossFunctionWrapper),
)
_FUNCTIONS = (
    *(mean_squared_error, mean_absolute_error, mean_absolute_percentage_error, mean_squared_logarithmic_error),
    *(huber, log_cosh, cosine_similarity, kl_divergence, poisson),
    *(binary_crossentropy, binary_focal_crossentropy, categorical_crossentropy, categorical_focal_crossentropy),
    *(sparse_categorical_crossentropy, categorical_generalized_cross_entropy, hinge, squared_hinge, categorical_hinge),
    *(dice, tversky, circle, ctc),
)
_ALIASES = {
    **dict.fromkeys(("mse", "MSE"), mean_squared_error),
    **dict.fromkeys(("mae", "MAE"), mean_absolute_error),
    **dict.fromkeys(("mape", "MAPE"), mean_absolute_percentage_error),
    **dict.fromkeys(("msle", "MSLE"), mean_squared_logarithmic_error),
    **dict.fromkeys(("bce", "BCE"), binary_crossentropy),
    **dict.fromkeys(("kld", "KLD"), kl_divergence),
    "logcosh": log_cosh,
}
family = Family(
    "losses",
    base=Loss,
    members={**{f.__name__: f for f in _FUNCTIONS}, **_ALIASES, **{cls.__name__: cls for cls in _CLASSES}},
    functions_too=True,
)
get = family.get


def serialize(loss: Any) -> Any:
    """A loss as a config (a built-in function as its name), which `deserialize` reads back.

    >>> import hornbook as keras
    >>> keras.losses.serialize(keras.losses.mean_squared_error)
    'mean_squared_error'
    """
    return family.serialize(loss)


def deserialize(name: Any, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """The loss that a config or a name stands for; `custom_objects` are more names that are allowed.

    >>> import hornbook as keras
    >>> keras.losses.deserialize("mse")([[1.0, 2.0]], [[1.0, 4.0]]).numpy()
    array([2.], dtype=float32)
    """
    return family.deserialize(name, custom_objects)
